//! Candidates for a ticket, and the reasons of a decision.

use serde::{Deserialize, Serialize};

use crate::kernel::{TeamId, TicketId, Timestamp, UserId};
use crate::people::model::SkillLevel;
use crate::runtime::ConfigSection;
use crate::tickets::model::{Priority, TicketFact, TicketStatus};

/// Configuration: the section `dispatch`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// If off, tickets wait in their queues until a person accepts or assigns them.
    pub automatic: bool,
    /// The score of a full skill match, in units of open work: at 10 an expert is preferred to a beginner (8 points behind)
    /// until they have four more tickets of normal priority.
    pub skill_points: i32,
    /// Limit of automatic assignments of one ticket.
    pub assignments_max: i32,
}

impl ConfigSection for Settings {
    const NAME: &'static str = "dispatch";
}

impl Default for Settings {
    fn default() -> Self {
        Self { automatic: true, skill_points: 10, assignments_max: 10 }
    }
}

/// The weight of an open ticket in an agent's load.
pub const fn weight(priority: Priority, status: TicketStatus) -> i32 {
    match (priority, status) {
        // Waits for somebody else.
        (_, TicketStatus::Waiting) => 1,
        (Priority::Urgent, _) => 4,
        (Priority::High, _) => 3,
        (Priority::Normal, _) => 2,
        (Priority::Low, _) => 1,
    }
}

/// What a ticket requires of its assignee.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirements {
    /// `None`: anybody.
    pub team: Option<TeamId>,
    pub skills: Vec<String>,
    pub weight: i32,
    /// Earlier owners, who are not eligible.
    pub earlier: Vec<UserId>,
}

/// An agent at the time of the decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub user: UserId,
    /// Their own teams, and those of people whose delegate they are now.
    pub teams: Vec<TeamId>,
    pub skills: Vec<SkillLevel>,
    pub capacity: i32,
    /// Weighted open work.
    pub load: i32,
    pub on_shift: bool,
    pub away: bool,
    /// A delegation from them is in force.
    pub delegated: bool,
    pub reachable: bool,
    pub last_assigned_at: Option<Timestamp>,
    /// Increments with each assignment; compared in the compare-and-set.
    pub stamp: i64,
}

/// Why a candidate is not eligible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Exclusion {
    EarlierOwner,
    MissingSkill(String),
    Away,
    Delegated,
    OffShift,
    Unreachable,
    AtCapacity,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScorePart {
    pub name: String,
    pub value: f64,
}

/// A candidate with the score, or the reason of exclusion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoredCandidate {
    pub user: UserId,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub excluded: Option<Exclusion>,
    pub score: Option<f64>,
    pub parts: Vec<ScorePart>,
}

/// A decision and its reasons. Candidates: eligible ones first, best score first.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    pub chosen: Option<UserId>,
    pub candidates: Vec<ScoredCandidate>,
}

/// The last decision about a ticket, as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    pub ticket: TicketId,
    pub at: Timestamp,
    pub choice: Choice,
    /// Since when the ticket has been in the queue.
    pub queued_at: Option<Timestamp>,
    /// Automatic assignments so far.
    pub assignments: i32,
}

/// Candidates stored with a ticket.
pub const STORED_CANDIDATES_MAX: usize = 50;

/// What dispatch records about a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DispatchFact {
    /// No agent was eligible: the ticket waits in its team's queue, and a supervisor is notified.
    Queued,
}

impl TicketFact for DispatchFact {
    const NAMES: &'static [&'static str] = &["Queued"];
}
