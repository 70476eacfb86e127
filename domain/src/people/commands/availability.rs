//! Changes agents' profiles, absences and delegations.

use crate::calendar;
use crate::catalogue::queries::check_skill_levels;
use crate::kernel::text::{REASON_CHARS_MAX, line};
use crate::kernel::{AbsenceId, Actor, Code, DelegationId, Result, UserId, boxed, refuse};
use crate::msg;
use crate::people::decide::{may_schedule, may_set_absence};
use crate::people::model::{
    Absence, Agent, CAPACITY_MAX, CreateAbsence, CreateDelegation, Delegation, EndAbsence, EndDelegation, PeopleEvent,
    SaveAgentProfile,
};
use crate::people::queries::availability;
use crate::people::store::{self, UserChange};
use crate::runtime::{Command, Tx};

/// Skills of one agent.
const SKILLS_MAX: usize = 200;

/// The agent of an input, if `may` permits the actor.
async fn agent(tx: &Tx, field: &str, id: UserId, may: fn(&Actor, &Agent) -> bool) -> Result<Agent> {
    let found = availability::agents(tx.conn(), Some(vec![id])).await?.pop();
    let agent = found.ok_or_else(|| refuse(Code::NotFound, field, msg!("people-agent-not-found")))?;
    if may(tx.actor(), &agent) {
        return Ok(agent);
    }
    Err(refuse(Code::Forbidden, field, msg!("people-availability-forbidden")).into())
}

async fn record_change(tx: &mut Tx, user: UserId, field: &str) -> Result<()> {
    tx.record(PeopleEvent::AvailabilityChanged { user, what: field.to_owned() }).await
}

impl Command for SaveAgentProfile {
    const NAME: &'static str = "saveAgentProfile";
    type Output = UserId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<UserId> {
        let Self { user: id, skills, capacity, calendar_key } = self;
        let agent = agent(tx, "userId", *id, may_schedule).await?;
        let mut change = UserChange::default();
        if let Some(capacity) = capacity {
            if !(0..=CAPACITY_MAX).contains(capacity) {
                let message = msg!("people-capacity-out-of-range", max = CAPACITY_MAX);
                return Err(refuse(Code::Invalid, "capacity", message).into());
            }
            change.capacity = Some(*capacity);
        }
        if let Some(key) = calendar_key {
            change.calendar_key = Some(if key.is_empty() {
                None
            } else {
                Some(calendar::queries::require(tx, "calendarKey", key).await?.of.key.clone())
            });
        }
        store::update_user(tx.conn(), agent.id, change).await?;
        if let Some(skills) = skills {
            if skills.len() > SKILLS_MAX {
                return Err(refuse(Code::LimitExceeded, "skillLevels", msg!("people-skills-too-many")).into());
            }
            let skills = check_skill_levels(tx, "skillLevels", skills).await?;
            store::replace_skills(tx.conn(), agent.id, skills).await?;
        }
        record_change(tx, agent.id, "profile").await?;
        Ok(agent.id)
    }
}

impl Command for CreateAbsence {
    const NAME: &'static str = "createAbsence";
    type Output = AbsenceId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<AbsenceId> {
        let Self { user, from, until, note } = self;
        let agent = agent(tx, "userId", *user, may_set_absence).await?;
        let from = from.unwrap_or(tx.now);
        if until.is_some_and(|until| until <= from || until <= tx.now) {
            return Err(refuse(Code::Invalid, "until", msg!("people-absence-period-invalid")).into());
        }
        let id = AbsenceId(tx.new_uuid());
        let absence = Absence {
            id,
            user: agent.id,
            from,
            until: *until,
            note: note.as_deref().map(|note| line("note", note, REASON_CHARS_MAX)).transpose()?,
        };
        store::availability::insert_absence(tx.conn(), absence).await?;
        record_change(tx, agent.id, "absence").await?;
        Ok(id)
    }
}

impl Command for EndAbsence {
    const NAME: &'static str = "endAbsence";
    type Output = AbsenceId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<AbsenceId> {
        let missing = || refuse(Code::NotFound, "absenceId", msg!("people-absence-not-found"));
        let absence = store::availability::absence(tx.conn(), self.absence).await?.ok_or_else(missing)?;
        let agent = agent(tx, "absenceId", absence.user, may_set_absence).await?;
        if absence.until.is_none_or(|until| until > tx.now) {
            store::availability::end_absence(tx.conn(), absence.id, tx.now).await?;
            record_change(tx, agent.id, "absence").await?;
        }
        Ok(absence.id)
    }
}

impl Command for CreateDelegation {
    const NAME: &'static str = "createDelegation";
    type Output = DelegationId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<DelegationId> {
        let Self { from, to, begins, ends, weekdays, from_minute, to_minute } = self;
        let delegator = agent(tx, "fromAgentId", *from, may_set_absence).await?;
        let delegate = agent(tx, "toAgentId", *to, |_, _| true).await?;
        let invalid = |field, message| Err(refuse(Code::Invalid, field, message).into());
        if delegator.id == delegate.id {
            return invalid("toAgentId", msg!("people-delegation-to-self"));
        }
        if ends <= begins || *ends <= tx.now {
            return invalid("period", msg!("people-delegation-period-invalid"));
        }
        if weekdays.iter().any(|day| !(1..=7).contains(day)) {
            return invalid("weekdays", msg!("people-delegation-weekdays-invalid"));
        }
        let from_minute = u16::try_from(*from_minute).ok().filter(|from| *from < 1440);
        let to_minute =
            u16::try_from(*to_minute).ok().filter(|to| *to <= 2880 && from_minute.is_none_or(|from| from < *to));
        let (Some(from_minute), Some(to_minute)) = (from_minute, to_minute) else {
            return invalid(
                if from_minute.is_none() { "fromMinute" } else { "toMinute" },
                msg!("people-delegation-minutes-invalid"),
            );
        };
        let id = DelegationId(tx.new_uuid());
        let delegation = Delegation {
            id,
            from: delegator.id,
            to: delegate.id,
            begins: *begins,
            ends: *ends,
            weekdays: [1, 2, 3, 4, 5, 6, 7].map(|day| weekdays.is_empty() || weekdays.contains(&day)),
            from_minute,
            to_minute,
        };
        if store::availability::has_delegation(tx.conn(), &delegation).await? {
            return Err(refuse(Code::AlreadyExists, "", msg!("people-delegation-exists")).into());
        }
        store::availability::insert_delegation(tx.conn(), delegation).await?;
        record_change(tx, delegator.id, "delegation").await?;
        Ok(id)
    }
}

impl Command for EndDelegation {
    const NAME: &'static str = "endDelegation";
    type Output = DelegationId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<DelegationId> {
        let missing = || refuse(Code::NotFound, "delegationId", msg!("people-delegation-not-found"));
        let delegation = store::availability::delegation(tx.conn(), self.delegation).await?.ok_or_else(missing)?;
        let delegator = agent(tx, "delegationId", delegation.from, may_set_absence).await?;
        if delegation.ends > tx.now {
            store::availability::end_delegation(tx.conn(), delegation.id, tx.now).await?;
            record_change(tx, delegator.id, "delegation").await?;
        }
        Ok(delegation.id)
    }
}
