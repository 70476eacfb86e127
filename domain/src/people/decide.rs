//! Who stands in for whom at an instant, and who may say so.

use jiff::ToSpan as _;
use jiff::tz::TimeZone;

use super::model::{Agent, Delegation, Duty};
use crate::kernel::{Actor, Role, Timestamp, UserId};

const DAY_MINUTES: i64 = 24 * 60;

impl Delegation {
    /// Whether it is in force, by the clock on the organisation's wall.
    pub fn in_force(&self, at: Timestamp, zone: &TimeZone) -> bool {
        if at < self.begins || self.ends <= at {
            return false;
        }
        let now = zone.to_datetime(at.to_jiff());
        let minute = i64::from(now.hour()) * 60 + i64::from(now.minute());
        // What began yesterday may run past midnight.
        [(now.date(), minute), (now.date().checked_sub(1.days()).unwrap_or(now.date()), minute + DAY_MINUTES)]
            .into_iter()
            .any(|(day, minute)| {
                let weekday = usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(0);
                self.weekdays[weekday] && i64::from(self.from_minute) <= minute && minute < i64::from(self.to_minute)
            })
    }
}

impl Delegation {
    /// When it next begins or ends to be in force, within the coming days; looked at again then.
    pub fn next_change(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        if self.ends <= after {
            return None;
        }
        let today = zone.to_datetime(after.to_jiff()).date();
        let on_wall = |day: i64, minute: u16| {
            let days = day + i64::from(minute) / DAY_MINUTES;
            let minute = i64::from(minute) % DAY_MINUTES;
            let date = today.checked_add(days.days()).ok()?;
            let (hour, minute) = (i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?);
            let at = zone.to_timestamp(date.at(hour, minute, 0, 0)).ok()?;
            Some(Timestamp::from_millis(at.as_millisecond()))
        };
        let edges = (-2..8).flat_map(|day| [on_wall(day, self.from_minute), on_wall(day, self.to_minute)]).flatten();
        edges.chain([self.begins, self.ends]).filter(|at| *at > after && *at <= self.ends).min()
    }
}

/// Delegates of delegates are followed this far: two who stand in for each other end nowhere.
const CHAIN_MAX: usize = 8;

impl Duty {
    /// Who stands in for somebody now; themselves where nobody does, or where those who stand in stand in a circle.
    pub fn stand_in(&self, of: UserId, at: Timestamp, zone: &TimeZone) -> UserId {
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

    /// Whether somebody has given their place away now.
    pub fn is_delegated(&self, of: UserId, at: Timestamp, zone: &TimeZone) -> bool {
        self.stand_in(of, at, zone) != of
    }
}

/// Whether the actor plans somebody's work: administrators everybody's, supervisors that of their people and teams.
pub fn may_plan(actor: &Actor, of: &Agent) -> bool {
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

/// Whether the actor says when somebody is away, and who stands in: they themselves, and who plans their work.
pub fn may_excuse(actor: &Actor, of: &Agent) -> bool {
    actor.user_id() == Some(of.id) || may_plan(actor, of)
}
