//! What somebody can and takes, when they are away, who stands in.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use crate::calendar;
use crate::catalogue::model::Kind;
use crate::catalogue::queries::check_keys;
use crate::event::Event;
use crate::kernel::text::{REASON_CHARS_MAX, line};
use crate::kernel::{AbsenceId, Actor, Code, DelegationId, Refusal, Result, UserId, refuse};
use crate::people::decide::{may_excuse, may_plan};
use crate::people::model::{
    Agent, CAPACITY_MAX, CreateAbsence, CreateDelegation, EndAbsence, EndDelegation, LEVELS, PeopleEvent,
    SaveAgentProfile,
};
use crate::people::queries::duty;
use crate::people::store::duty::{absence, delegation};
use crate::people::store::{user, user_skill};
use crate::runtime::{Command, Tx};

/// Skills of one person.
const SKILLS_MAX: usize = 200;

/// The agent whom an input names, where the actor may do this with them.
async fn agent(tx: &Tx, field: &str, id: UserId, may: fn(&Actor, &Agent) -> bool) -> Result<Agent> {
    let found = duty::agents(tx.conn(), Some(vec![id])).await?.pop();
    let agent = found.ok_or_else(|| refuse(Code::NotFound, field, "There is no such agent.", "没有这位工程师。"))?;
    if may(tx.actor(), &agent) {
        return Ok(agent);
    }
    Err(refuse(
        Code::Forbidden,
        field,
        "Only their supervisor or an administrator may do this for somebody else.",
        "只有其主管或管理员可以为他人执行此操作。",
    )
    .into())
}

async fn changed(tx: &mut Tx, user: UserId, field: &str) -> Result<()> {
    tx.record(Event::People(PeopleEvent::DutyChanged { user, what: field.to_owned() })).await
}

impl Command for SaveAgentProfile {
    const NAME: &'static str = "saveAgentProfile";
    type Output = UserId;

    async fn run(&self, tx: &mut Tx) -> Result<UserId> {
        let Self { user: id, skills, capacity, calendar_key } = self;
        let agent = agent(tx, "userId", *id, may_plan).await?;
        let mut change = user::Entity::update_many().filter(user::Column::Id.eq(agent.id));
        let mut touched = false;
        if let Some(capacity) = capacity {
            if !(0..=CAPACITY_MAX).contains(capacity) {
                let (en, zh) = (
                    format!("capacity is 0 to {CAPACITY_MAX}; a ticket of normal priority weighs 2."),
                    format!("capacity 取 0–{CAPACITY_MAX}；一张普通优先级工单计 2。"),
                );
                return Err(refuse(Code::Invalid, "capacity", en, zh).into());
            }
            change = change.col_expr(user::Column::Capacity, Expr::value(*capacity));
            touched = true;
        }
        if let Some(key) = calendar_key {
            let key = if key.is_empty() {
                None
            } else {
                Some(calendar::queries::require(tx, "calendarKey", key).await?.of.key.clone())
            };
            change = change.col_expr(user::Column::CalendarKey, Expr::value(key));
            touched = true;
        }
        if touched {
            change.exec(tx.conn()).await?;
        }
        if let Some(skills) = skills {
            let keys: Vec<String> = skills.iter().map(|known| known.skill.clone()).collect();
            if keys.len() > SKILLS_MAX {
                return Err(
                    refuse(Code::LimitExceeded, "skillLevels", "At most 200 skills.", "最多 200 项技能。").into()
                );
            }
            let known = check_keys(tx, Kind::Skill, "skillLevels.skill", &keys).await?;
            if let Some(bad) = skills.iter().find(|given| !LEVELS.contains(&given.level)) {
                return Err(level_refused(&bad.skill).into());
            }
            user_skill::Entity::delete_many().filter(user_skill::Column::UserId.eq(agent.id)).exec(tx.conn()).await?;
            let level =
                |skill: &String| skills.iter().rev().find(|given| given.skill == *skill).map(|given| given.level);
            let rows: Vec<_> = known
                .into_iter()
                .filter_map(|skill| {
                    let level = level(&skill)?;
                    Some(user_skill::ActiveModel { user_id: Set(agent.id), skill: Set(skill), level: Set(level) })
                })
                .collect();
            if !rows.is_empty() {
                user_skill::Entity::insert_many(rows).exec_without_returning(tx.conn()).await?;
            }
        }
        changed(tx, agent.id, "profile").await?;
        Ok(agent.id)
    }
}

fn level_refused(skill: &str) -> Refusal {
    refuse(
        Code::Invalid,
        "skillLevels.level",
        format!("The level of {skill} is 1 (has begun) to 5 (teaches others)."),
        format!("技能 {skill} 的等级为 1（入门）至 5（可授课）。"),
    )
}

impl Command for CreateAbsence {
    const NAME: &'static str = "createAbsence";
    type Output = AbsenceId;

    async fn run(&self, tx: &mut Tx) -> Result<AbsenceId> {
        let Self { user, from, until, note } = self;
        let agent = agent(tx, "userId", *user, may_excuse).await?;
        let from = from.unwrap_or(tx.now);
        if until.is_some_and(|until| until <= from || until <= tx.now) {
            return Err(refuse(
                Code::Invalid,
                "until",
                "until must lie behind from, and in the future.",
                "until 必须晚于 from，且在将来。",
            )
            .into());
        }
        let id = AbsenceId(tx.new_uuid());
        let row = absence::ActiveModel {
            id: Set(id),
            user_id: Set(agent.id),
            from_at: Set(from),
            until_at: Set(*until),
            note: Set(note.as_deref().map(|note| line("note", note, REASON_CHARS_MAX)).transpose()?),
        };
        absence::Entity::insert(row).exec_without_returning(tx.conn()).await?;
        changed(tx, agent.id, "absence").await?;
        Ok(id)
    }
}

impl Command for EndAbsence {
    const NAME: &'static str = "endAbsence";
    type Output = AbsenceId;

    async fn run(&self, tx: &mut Tx) -> Result<AbsenceId> {
        let missing = || refuse(Code::NotFound, "absenceId", "There is no such absence.", "没有这条离岗记录。");
        let row = absence::Entity::find_by_id(self.absence).one(tx.conn()).await?.ok_or_else(missing)?;
        let agent = agent(tx, "absenceId", row.user_id, may_excuse).await?;
        if row.until_at.is_none_or(|until| until > tx.now) {
            absence::Entity::update_many()
                .col_expr(absence::Column::UntilAt, Expr::value(tx.now))
                .filter(absence::Column::Id.eq(row.id))
                .exec(tx.conn())
                .await?;
            changed(tx, agent.id, "absence").await?;
        }
        Ok(row.id)
    }
}

impl Command for CreateDelegation {
    const NAME: &'static str = "createDelegation";
    type Output = DelegationId;

    async fn run(&self, tx: &mut Tx) -> Result<DelegationId> {
        let Self { from, to, begins, ends, weekdays, from_minute, to_minute } = self;
        let giver = agent(tx, "fromAgentId", *from, may_excuse).await?;
        let taker = agent(tx, "toAgentId", *to, |_, _| true).await?;
        let invalid = |field, en: &str, zh: &str| Err(refuse(Code::Invalid, field, en, zh).into());
        if giver.id == taker.id {
            return invalid("toAgentId", "Nobody stands in for themselves.", "代理人不能是本人。");
        }
        if ends <= begins || *ends <= tx.now {
            return invalid(
                "period",
                "period.to lies behind period.from, and in the future.",
                "period.to 必须晚于 period.from，且在将来。",
            );
        }
        if weekdays.iter().any(|day| !(1..=7).contains(day)) {
            return invalid(
                "weekdays",
                "weekdays are 1 (Monday) to 7 (Sunday).",
                "weekdays 为 1（周一）至 7（周日）。",
            );
        }
        let from_minute = u16::try_from(*from_minute).ok().filter(|from| *from < 1440);
        let to_minute =
            u16::try_from(*to_minute).ok().filter(|to| *to <= 2880 && from_minute.is_none_or(|from| from < *to));
        let (Some(from_minute), Some(to_minute)) = (from_minute, to_minute) else {
            return invalid(
                if from_minute.is_none() { "fromMinute" } else { "toMinute" },
                "fromMinute is 0 to 1439, toMinute lies behind it and is at most 2880 (past midnight).",
                "fromMinute 为 0–1439，toMinute 须晚于它且不超过 2880（可跨午夜）。",
            );
        };
        let id = DelegationId(tx.new_uuid());
        let days: String =
            (1..=7).map(|day| if weekdays.is_empty() || weekdays.contains(&day) { '1' } else { '0' }).collect();
        let same = delegation::Entity::find()
            .filter(delegation::Column::FromId.eq(giver.id))
            .filter(delegation::Column::ToId.eq(taker.id))
            .filter(delegation::Column::BeginsAt.eq(*begins))
            .filter(delegation::Column::EndsAt.eq(*ends))
            .filter(delegation::Column::Weekdays.eq(&days))
            .filter(delegation::Column::FromMinute.eq(i32::from(from_minute)))
            .filter(delegation::Column::ToMinute.eq(i32::from(to_minute)));
        if same.one(tx.conn()).await?.is_some() {
            let en = "This delegation stands already; endDelegation takes it back.";
            return Err(refuse(Code::AlreadyExists, "", en, "该代理已存在；可用 endDelegation 取消。").into());
        }
        let row = delegation::ActiveModel {
            id: Set(id),
            from_id: Set(giver.id),
            to_id: Set(taker.id),
            begins_at: Set(*begins),
            ends_at: Set(*ends),
            weekdays: Set(days),
            from_minute: Set(i32::from(from_minute)),
            to_minute: Set(i32::from(to_minute)),
        };
        delegation::Entity::insert(row).exec_without_returning(tx.conn()).await?;
        changed(tx, giver.id, "delegation").await?;
        Ok(id)
    }
}

impl Command for EndDelegation {
    const NAME: &'static str = "endDelegation";
    type Output = DelegationId;

    async fn run(&self, tx: &mut Tx) -> Result<DelegationId> {
        let missing = || refuse(Code::NotFound, "delegationId", "There is no such delegation.", "没有这条代理。");
        let row = delegation::Entity::find_by_id(self.delegation).one(tx.conn()).await?.ok_or_else(missing)?;
        let giver = agent(tx, "delegationId", row.from_id, may_excuse).await?;
        if row.ends_at > tx.now {
            delegation::Entity::update_many()
                .col_expr(delegation::Column::EndsAt, Expr::value(tx.now))
                .filter(delegation::Column::Id.eq(row.id))
                .exec(tx.conn())
                .await?;
            changed(tx, giver.id, "delegation").await?;
        }
        Ok(row.id)
    }
}
