//! Which delegation is in force, and who may change availability.

use jiff::ToSpan as _;
use jiff::tz::TimeZone;

use super::model::{Agent, Availability, Delegation};
use crate::kernel::{Actor, Role, TeamId, Timestamp, UserId};

const DAY_MINUTES: i64 = 24 * 60;

impl Delegation {
    /// Whether it is in force, by the organisation's local time.
    pub fn in_force(&self, at: Timestamp, zone: &TimeZone) -> bool {
        if at < self.begins || self.ends <= at {
            return false;
        }
        let now = zone.to_datetime(at.to_jiff());
        let minute = i64::from(now.hour()) * 60 + i64::from(now.minute());
        // A period that began yesterday may run past midnight.
        [(now.date(), minute), (now.date().checked_sub(1.days()).unwrap_or(now.date()), minute + DAY_MINUTES)]
            .into_iter()
            .any(|(day, minute)| {
                let weekday = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(0);
                self.weekdays[weekday] && i64::from(self.from_minute) <= minute && minute < i64::from(self.to_minute)
            })
    }
}

impl Delegation {
    /// The next instant at which it starts or stops being in force. Daily boundaries are computed for about a week ahead.
    pub fn next_change(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        if self.ends <= after {
            return None;
        }
        let today = zone.to_datetime(after.to_jiff()).date();
        let local_time = |day: i64, minute: u16| {
            let days = day + i64::from(minute) / DAY_MINUTES;
            let minute = i64::from(minute) % DAY_MINUTES;
            let date = today.checked_add(days.days()).ok()?;
            let (hour, minute) = (i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?);
            let at = zone.to_timestamp(date.at(hour, minute, 0, 0)).ok()?;
            Some(Timestamp::from_millis(at.as_millisecond()))
        };
        let boundaries =
            (-2..8).flat_map(|day| [local_time(day, self.from_minute), local_time(day, self.to_minute)]).flatten();
        boundaries.chain([self.begins, self.ends]).filter(|at| *at > after && *at <= self.ends).min()
    }
}

/// The longest chain of delegations that is followed.
const CHAIN_MAX: usize = 8;

impl Availability {
    /// The user's delegate, followed transitively; the user without a delegation in force, or if the delegations form a cycle.
    pub fn delegate_for(&self, of: UserId, at: Timestamp, zone: &TimeZone) -> UserId {
        let mut chain = vec![of];
        while chain.len() <= CHAIN_MAX {
            let last = chain[chain.len() - 1];
            let next =
                self.delegations.iter().find(|delegation| delegation.from == last && delegation.in_force(at, zone));
            match next {
                Some(delegation) if chain.contains(&delegation.to) => return of,
                Some(delegation) => chain.push(delegation.to),
                None => return last,
            }
        }
        of
    }

    /// Whether somebody else acts for the user.
    pub fn is_delegated(&self, of: UserId, at: Timestamp, zone: &TimeZone) -> bool {
        self.delegate_for(of, at, zone) != of
    }
}

impl Availability {
    /// Whether somebody can act now: enabled staff who are not absent.
    fn is_present(&self, user: UserId, at: Timestamp) -> bool {
        self.agent(user).is_some_and(|agent| !agent.is_away(at))
    }

    /// Who acts for a person: their delegate, themselves, or whoever leads them. Nobody who cannot act is named, unless there is
    /// nobody else.
    pub fn stands_in(
        &self,
        of: UserId,
        supervisor: Option<UserId>,
        team: Option<TeamId>,
        at: Timestamp,
        zone: &TimeZone,
    ) -> Vec<UserId> {
        let delegate = self.delegate_for(of, at, zone);
        if self.is_present(delegate, at) {
            return vec![delegate];
        }
        // The next supervisor up who is there.
        let mut next = supervisor;
        for _ in 0..CHAIN_MAX {
            let Some(lead) = next else { break };
            let acting = self.delegate_for(lead, at, zone);
            if self.is_present(acting, at) {
                return vec![acting];
            }
            next = self.agent(lead).and_then(|agent| agent.supervisor);
        }
        let leads = self.supervisors(team).into_iter().filter(|lead| lead.id != of);
        let mut leads: Vec<UserId> = leads.map(|lead| self.delegate_for(lead.id, at, zone)).collect();
        leads.retain(|lead| self.is_present(*lead, at));
        leads.sort_unstable();
        leads.dedup();
        if leads.is_empty() && self.agent(of).is_some() { vec![of] } else { leads }
    }
}

/// Whether the actor may change an agent's profile: administrators anybody's, supervisors those of their agents and teams.
pub fn may_schedule(actor: &Actor, of: &Agent) -> bool {
    match actor {
        Actor::System => true,
        Actor::Anonymous => false,
        Actor::Person(person) => {
            person.is(Role::Admin)
                || (person.is(Role::Supervisor)
                    && (person.supervised.contains(&of.id)
                        || of.teams.iter().any(|team| person.supervised_teams.contains(team))))
        }
    }
}

/// Whether the actor may change an agent's absences and delegations: the agent, and whoever may change the profile.
pub fn may_set_absence(actor: &Actor, of: &Agent) -> bool {
    actor.user_id() == Some(of.id) || may_schedule(actor, of)
}
