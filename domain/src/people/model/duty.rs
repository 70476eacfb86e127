//! When somebody works, how much they take, who stands in for whom.

use serde::{Deserialize, Serialize};

use crate::kernel::{AbsenceId, DelegationId, Role, TeamId, Timestamp, UserId};

/// How well somebody knows a thing: 1 (has begun) to 5 (teaches others).
pub const LEVELS: std::ops::RangeInclusive<i32> = 1..=5;
/// The level of a skill of which nothing else was said.
pub const LEVEL_DEFAULT: i32 = 3;
/// Open work that somebody takes, in the weights of dispatch, where nothing else was said: ten tickets of normal priority.
pub const CAPACITY_DEFAULT: i32 = 20;
pub const CAPACITY_MAX: i32 = 1_000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkillLevel {
    pub skill: String,
    pub level: i32,
}

/// Somebody is away, from one instant to another (`None`: until it is ended).
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

/// 临时代理岗: in this period, on these weekdays, between these minutes of the organisation's day, one stands in for
/// another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    pub id: DelegationId,
    pub from: UserId,
    pub to: UserId,
    pub begins: Timestamp,
    pub ends: Timestamp,
    /// Of Monday to Sunday.
    pub weekdays: [bool; 7],
    /// Minutes of the day on which it begins; behind midnight up to 2880.
    pub from_minute: u16,
    pub to_minute: u16,
}

/// Somebody who can be given tickets, with all that decides when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    pub id: UserId,
    pub name: String,
    pub email: String,
    pub roles: Vec<Role>,
    pub teams: Vec<TeamId>,
    pub skills: Vec<SkillLevel>,
    pub supervisor: Option<UserId>,
    /// Open work that they take, in the weights of dispatch.
    pub capacity: i32,
    /// The key of the calendar by which they work; `None`: around the clock.
    pub calendar: Option<String>,
    pub absences: Vec<Absence>,
}

impl Agent {
    /// The level of a skill; 0: none.
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

/// Everybody on the responsible side, and who stands in for whom, now and later.
#[derive(Clone, Debug, Default)]
pub struct Duty {
    /// By id.
    pub agents: Vec<Agent>,
    pub delegations: Vec<Delegation>,
}

impl Duty {
    pub fn agent(&self, id: UserId) -> Option<&Agent> {
        self.agents.binary_search_by_key(&id, |agent| agent.id).ok().and_then(|place| self.agents.get(place))
    }

    /// Supervisors of a team; administrators where it has none.
    pub fn supervisors(&self, team: Option<TeamId>) -> Vec<&Agent> {
        let of_team =
            |agent: &&Agent| agent.is(Role::Supervisor) && team.is_some_and(|team| agent.teams.contains(&team));
        let found: Vec<&Agent> = self.agents.iter().filter(of_team).collect();
        if found.is_empty() { self.agents.iter().filter(|agent| agent.is(Role::Admin)).collect() } else { found }
    }
}

/// What somebody can, how much they take, and when.
#[derive(Clone, Debug, Serialize)]
pub struct SaveAgentProfile {
    pub user: UserId,
    /// All skills.
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
