//! Who may get a ticket, and why somebody did.

use serde::{Deserialize, Serialize};

use crate::kernel::{TeamId, TicketId, Timestamp, UserId};
use crate::people::model::SkillLevel;
use crate::tickets::model::{Priority, TicketStatus};

/// An administrator's choices.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Without it tickets wait in their queues for somebody who takes or assigns them.
    pub automatic: bool,
    /// What the best skill is worth, in the weights of open work: at 10 an expert is preferred to a beginner (8 points behind)
    /// until they have four more tickets of normal priority.
    pub skill_points: i32,
    /// Automatic assignments of one ticket.
    pub assignments_max: i32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { automatic: true, skill_points: 10, assignments_max: 10 }
    }
}

/// What an open ticket weighs.
pub const fn weight(priority: Priority, status: TicketStatus) -> i32 {
    match (priority, status) {
        // Somebody else's turn.
        (_, TicketStatus::Waiting) => 1,
        (Priority::Urgent, _) => 4,
        (Priority::High, _) => 3,
        (Priority::Normal, _) => 2,
        (Priority::Low, _) => 1,
    }
}

/// What a ticket needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// `None`: anybody.
    pub team: Option<TeamId>,
    pub skills: Vec<String>,
    pub weight: i32,
    /// Those who had it already.
    pub earlier: Vec<UserId>,
}

/// Somebody as they are at the moment of the decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub user: UserId,
    /// Teams that they work for at the moment: their own, and those of people whose delegates they are.
    pub teams: Vec<TeamId>,
    pub skills: Vec<SkillLevel>,
    pub capacity: i32,
    /// Weighted open work.
    pub load: i32,
    pub on_shift: bool,
    pub away: bool,
    /// Somebody stands in for them now.
    pub delegated: bool,
    pub reached: bool,
    pub last_assigned_at: Option<Timestamp>,
    /// Rises with each assignment: the compare of compare-and-set.
    pub stamp: i64,
}

/// Why somebody may not get a ticket.
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
pub struct Part {
    pub name: String,
    pub value: f64,
}

/// A candidate as the decision saw them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weighed {
    pub user: UserId,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub excluded: Option<Exclusion>,
    pub score: Option<f64>,
    pub parts: Vec<Part>,
}

/// A decision and its reasons: the eligible first, best first.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    pub chosen: Option<UserId>,
    pub weighed: Vec<Weighed>,
}

/// The last decision about a ticket, as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    pub ticket: TicketId,
    pub at: Timestamp,
    pub choice: Choice,
    /// Since when it has been waiting in the queue.
    pub queued_at: Option<Timestamp>,
    /// Automatic assignments so far.
    pub assignments: i32,
}

/// Candidates that are kept with a ticket.
pub const KEPT_MAX: usize = 50;
