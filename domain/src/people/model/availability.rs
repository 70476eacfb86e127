//! Working hours, capacity, skills, absences and delegations.

use serde::Serialize;

pub use crate::catalogue::model::{LEVELS, SkillLevel};
use crate::kernel::{AbsenceId, DelegationId, Role, TeamId, Timestamp, UserId};

/// The default level of a skill.
pub const LEVEL_DEFAULT: i32 = 3;
/// The default capacity, in points: an open ticket of normal priority counts 2, so these are ten of them.
pub const CAPACITY_DEFAULT: i32 = 20;
pub const CAPACITY_MAX: i32 = 1_000;

/// An absence; `until: None`: until it is ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absence {
    pub id: AbsenceId,
    pub user: UserId,
    pub from: Timestamp,
    pub until: Option<Timestamp>,
    pub note: Option<String>,
}

impl Absence {
    pub fn covers(&self, at: Timestamp) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }
}

/// 临时代理岗: `to` acts for `from` in this period, on these weekdays, between these minutes of the day in the organisation's time
/// zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    pub id: DelegationId,
    pub from: UserId,
    pub to: UserId,
    pub begins: Timestamp,
    pub ends: Timestamp,
    /// From Monday to Sunday.
    pub weekdays: [bool; 7],
    /// Minutes from the start of the day on which it begins; up to 2880, past midnight.
    pub from_minute: u16,
    pub to_minute: u16,
}

/// A member of staff, with everything that decides about assignments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    pub id: UserId,
    pub name: String,
    pub email: String,
    pub roles: Vec<Role>,
    pub teams: Vec<TeamId>,
    pub skills: Vec<SkillLevel>,
    pub supervisor: Option<UserId>,
    /// Capacity for open work, in points; see `dispatch::model::weight`.
    pub capacity: i32,
    /// The key of the working calendar; `None`: around the clock.
    pub calendar: Option<String>,
    pub absences: Vec<Absence>,
}

impl Agent {
    /// The level of a skill; 0 without it.
    pub fn level(&self, skill: &str) -> i32 {
        self.skills.iter().find(|known| known.skill == skill).map_or(0, |known| known.level)
    }

    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    pub fn is_away(&self, at: Timestamp) -> bool {
        self.absences.iter().any(|absence| absence.covers(at))
    }
}

/// All staff, and the current and future delegations.
#[derive(Clone, Debug, Default)]
pub struct Availability {
    /// Sorted by id.
    pub agents: Vec<Agent>,
    pub delegations: Vec<Delegation>,
}

impl Availability {
    pub fn agent(&self, id: UserId) -> Option<&Agent> {
        self.agents.binary_search_by_key(&id, |agent| agent.id).ok().and_then(|index| self.agents.get(index))
    }

    /// The supervisors of a team; administrators if it has none.
    pub fn supervisors(&self, team: Option<TeamId>) -> Vec<&Agent> {
        let of_team =
            |agent: &&Agent| agent.is(Role::Supervisor) && team.is_some_and(|team| agent.teams.contains(&team));
        let found: Vec<&Agent> = self.agents.iter().filter(of_team).collect();
        if found.is_empty() { self.agents.iter().filter(|agent| agent.is(Role::Admin)).collect() } else { found }
    }
}

/// Changes an agent's skills, capacity and calendar.
#[derive(Clone, Debug, Serialize)]
pub struct SaveAgentProfile {
    pub user: UserId,
    /// The complete list of skills.
    pub skills: Option<Vec<SkillLevel>>,
    pub capacity: Option<i32>,
    /// `Some("")`: around the clock.
    pub calendar_key: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct CreateAbsence {
    pub user: UserId,
    /// `None`: now.
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
    pub note: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct EndAbsence {
    pub absence: AbsenceId,
}

#[derive(Clone, Debug, Serialize)]
pub struct CreateDelegation {
    pub from: UserId,
    pub to: UserId,
    pub begins: Timestamp,
    pub ends: Timestamp,
    /// 1: Monday; empty: every day.
    pub weekdays: Vec<i32>,
    pub from_minute: i32,
    pub to_minute: i32,
}

#[derive(Clone, Debug, Serialize)]
pub struct EndDelegation {
    pub delegation: DelegationId,
}
