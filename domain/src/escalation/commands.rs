//! Saving policies: each time a new version.

use sea_orm::{ActiveValue::Set, EntityTrait, SqlErr};

use super::decide::{levels, reaches_somebody};
use super::model::{EscalationEvent, Level, Measure, SavePolicy};
use super::queries::{Everybody, read_policies};
use super::store::escalation_policy;
use crate::event::Event;
use crate::kernel::{Actor, Code, Error, Result, Role, refuse};
use crate::notifications::model::Channel;
use crate::runtime::{Command, Tx};
use crate::tickets::model::Priority;

impl Command for SavePolicy {
    const NAME: &'static str = "saveEscalationPolicy";
    /// The priority's rank.
    type Output = i32;

    async fn run(&self, tx: &mut Tx) -> Result<i32> {
        let allowed = match tx.actor() {
            Actor::System => true,
            Actor::Anonymous => return Err(Error::unauthenticated()),
            Actor::Person(person) => person.is(Role::Admin),
        };
        if !allowed {
            let en = "Only an administrator saves escalation policies.";
            return Err(refuse(Code::Forbidden, "", en, "只有管理员可以保存升级策略。").into());
        }
        let levels = levels(&self.levels)?;
        let everybody = Everybody::load(tx.app(), tx.conn()).await?;
        reaches_somebody(&levels, &everybody.roster(tx.app(), tx.now))?;
        save(tx, self.priority, self.measure, &levels).await?;
        Ok(self.priority.rank())
    }
}

async fn save(tx: &mut Tx, priority: Priority, measure: Measure, levels: &[Level]) -> Result<()> {
    let known = read_policies(tx.conn()).await?;
    let version = known.iter().find(|policy| policy.priority == priority).map_or(1, |policy| policy.version + 1);
    let row = escalation_policy::ActiveModel {
        priority: Set(priority.rank()),
        version: Set(version),
        measure: Set(measure.word().to_owned()),
        levels: Set(serde_json::to_string(levels).map_err(Error::internal)?),
        saved_at: Set(tx.now),
    };
    match escalation_policy::Entity::insert(row).exec_without_returning(tx.conn()).await {
        Ok(_) => {}
        Err(e) if matches!(e.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => return Err(Error::Conflict),
        Err(e) => return Err(e.into()),
    }
    tx.record(Event::Escalation(EscalationEvent::PolicySaved { priority, version })).await
}

/// The levels of an installation that has chosen none: 2, 4 and 8 hours. Nobody is there yet whom they could reach.
pub async fn seed(tx: &mut Tx) -> Result<()> {
    if escalation_policy::Entity::find().one(tx.conn()).await?.is_some() {
        return Ok(());
    }
    let chat = [Channel::Wecom, Channel::Dingtalk, Channel::Feishu];
    let loud: Vec<Channel> = chat.into_iter().chain([Channel::Email, Channel::Sms]).collect();
    let levels = [
        Level {
            level: 1,
            after_secs: 2 * 3_600,
            channels: [Channel::Web].into_iter().chain(chat).chain([Channel::WebPush]).collect(),
        },
        Level { level: 2, after_secs: 4 * 3_600, channels: loud.clone() },
        Level { level: 3, after_secs: 8 * 3_600, channels: loud },
    ];
    for priority in Priority::ALL {
        save(tx, *priority, Measure::AroundTheClock, &levels).await?;
    }
    Ok(())
}
