//! Candidates for a ticket, and the reasons of a decision.

use serde::{Deserialize, Serialize};

use crate::catalogue::model::{Kind, SkillLevel};
use crate::kernel::string_enum;
use crate::kernel::{TeamId, TicketId, Timestamp, UserId};
use crate::runtime::ConfigSection;
use crate::tickets::model::{Priority, SolvedCase, TicketFact, TicketStatus};

/// Configuration: the section `dispatch`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// If off, tickets wait in their queues until a person accepts or assigns them.
    pub automatic: bool,
    /// The score of a full skill match, in units of open work: at 10 an expert is preferred to a beginner (8 points behind)
    /// until they have four more tickets of normal priority.
    pub skill_points: i32,
    /// The score of somebody who solved the most similar cases, in units of open work: at 2 they may have one more ticket of normal
    /// priority than an equal colleague. 0: they do not count.
    pub similar_cases_weight: f64,
    /// Limit of automatic assignments of one ticket.
    pub assignments_max: i32,
}

impl ConfigSection for Settings {
    const NAME: &'static str = "dispatch";

    fn validate(&self) -> Result<(), String> {
        let weight = self.similar_cases_weight;
        if (0.0..=100.0).contains(&weight) {
            return Ok(());
        }
        Err(format!("dispatch.similar_cases_weight: {weight} is not between 0 and 100"))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { automatic: true, skill_points: 10, similar_cases_weight: 2.0, assignments_max: 10 }
    }
}

/// The points of an open ticket in an agent's load. A capacity of 20 points are ten tickets of normal priority.
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

/// The points as a number of tickets of normal priority, for people.
pub const fn normal_tickets(points: i32) -> i32 {
    let normal = weight(Priority::Normal, TicketStatus::Assigned);
    (points + normal / 2).div_euclid(normal)
}

string_enum! {
    /// Why a ticket requires a skill.
    SkillSource {
        /// It was given with the ticket.
        Given = "GIVEN",
        IssueType = "ISSUE_TYPE",
        Product = "PRODUCT",
    }
}

/// A skill that a ticket requires.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequiredSkill {
    pub skill: String,
    /// The lowest level that will do.
    pub level: i32,
    pub source: SkillSource,
}

/// What a ticket requires of its assignee.
#[derive(Clone, Debug, PartialEq)]
pub struct Requirements {
    /// `None`: anybody.
    pub team: Option<TeamId>,
    /// Of several levels of a skill the highest one counts.
    pub skills: Vec<RequiredSkill>,
    /// If nobody is eligible, what issue type and product require is only preferred.
    pub may_prefer: bool,
    pub weight: i32,
    /// Earlier owners, who are not eligible.
    pub earlier: Vec<UserId>,
    /// Solved tickets like this one.
    pub cases: Vec<SolvedCase>,
}

/// Why an assignee who has not accepted the ticket no longer fits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    GivenSkill,
    /// Of the issue type or the product.
    DerivedSkill,
    Team,
    Capacity,
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
    SkillLevelTooLow { skill: String, level: i32, required: i32 },
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
    /// Their levels of the required skills; 0: without the skill.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub skills: Vec<SkillLevel>,
    /// The numbers of the similar cases that they solved.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub cases: Vec<i64>,
    /// Absent from decisions of older programs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub workload: Option<Workload>,
}

/// Open work and how much of it an agent takes, in points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workload {
    pub load: i32,
    pub capacity: i32,
}

/// A decision and its reasons. Candidates: eligible ones first, best score first.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    pub chosen: Option<UserId>,
    pub candidates: Vec<ScoredCandidate>,
    /// Nobody eligible has the skills of issue type and product: they only counted in the score.
    pub derived_preferred: bool,
}

/// What a decision was based on, beside the candidates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Basis {
    pub skills: Vec<RequiredSkill>,
    /// The key, name or alias by which the text names the product; `None` if somebody gave the product.
    pub product_recognised_by: Option<String>,
    /// Products that the text names equally clearly, so that none was taken.
    pub ambiguous_products: Vec<String>,
    pub derived_preferred: bool,
    /// Solved tickets like this one, as found when it came in or was changed.
    pub cases: Vec<SolvedCase>,
}

/// The last decision about a ticket, as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    pub ticket: TicketId,
    pub at: Timestamp,
    pub choice: Choice,
    pub basis: Basis,
    /// Since when the ticket has been in the queue.
    pub queued_at: Option<Timestamp>,
    /// Automatic assignments so far.
    pub assignments: i32,
}

/// An issue type or a product whose tickets require a skill that no agent has at that level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UncoveredSkill {
    pub kind: Kind,
    pub key: String,
    pub skill: SkillLevel,
}

/// Similar cases that a decision considers.
pub const CASES_MAX: usize = 10;
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
