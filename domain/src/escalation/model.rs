//! Policies, levels, and the result of a simulation.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::kernel::{TicketId, Timestamp, UserId, hours, string_enum};
use crate::notifications::model::Channel;
use crate::runtime::versioned::CurrentVersions;
use crate::runtime::{ConfigSection, LogEvent};
use crate::tickets::model::{BoardDelta, Priority, TicketFact};
use uuid::Uuid;

string_enum! {
    /// The clock by which levels are timed.
    Measure {
        AroundTheClock = "AROUND_THE_CLOCK",
        /// The assignee's working hours.
        WorkingHours = "WORKING_HOURS",
    }
}

string_enum! {
    State {
        Planned = "PLANNED",
        Fired = "FIRED",
        /// After downtime a higher level fired instead.
        Skipped = "SKIPPED",
        /// A response came first.
        Stopped = "STOPPED",
    }
}

/// The highest level: it reassigns the ticket.
pub const LEVEL_MAX: i32 = 3;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    pub level: i32,
    pub after_secs: u64,
    pub channels: Vec<Channel>,
}

impl Level {
    pub const fn after(&self) -> Duration {
        Duration::from_secs(self.after_secs)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub priority: Priority,
    pub version: i32,
    pub measure: Measure,
    /// Ascending.
    pub levels: Vec<Level>,
}

#[derive(Clone, Debug, Serialize)]
pub struct SavePolicy {
    pub priority: Priority,
    pub measure: Measure,
    pub levels: Vec<LevelInput>,
}

/// A level of a policy as given in an input.
#[derive(Clone, Debug, Serialize)]
pub struct LevelInput {
    pub level: i32,
    pub after_secs: i32,
    pub channels: Vec<Channel>,
}

/// A level of a ticket's epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escalation {
    pub ticket: TicketId,
    pub epoch: i32,
    pub level: i32,
    /// The person whose response it waits for; `None`: anybody's.
    pub responsible: Option<UserId>,
    /// Start of the time measurement.
    pub since: Timestamp,
    pub due_at: Timestamp,
    pub state: State,
    pub fired_at: Option<Timestamp>,
    pub priority: Priority,
    pub policy_version: i32,
    pub channels: Vec<Channel>,
    /// Nobody was eligible: dispatch retries when the roster changes.
    pub retry: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum EscalationEvent {
    PolicySaved { priority: Priority, version: i32 },
}

/// Configuration: the section `escalation`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// A ticket that nobody opened for this long is marked.
    pub unopened_after_hours: u64,
}

impl ConfigSection for Settings {
    const NAME: &'static str = "escalation";
}

impl Settings {
    pub const fn unopened_after(&self) -> Duration {
        hours(self.unopened_after_hours)
    }
}

pub type PolicyCache = CurrentVersions<Policy>;

/// Histogram of how late levels fired since the process started, with the bucket bounds [`LATENESS_SECS`].
#[derive(Debug, Default)]
pub struct Lateness {
    buckets: [AtomicU64; LATENESS_SECS.len() + 1],
    sum_millis: AtomicU64,
}

pub const LATENESS_SECS: [f64; 8] = [0.1, 0.5, 1.0, 5.0, 30.0, 60.0, 600.0, 3_600.0];

impl Lateness {
    pub fn observe(&self, late: Duration) {
        let place = LATENESS_SECS.partition_point(|edge| *edge < late.as_secs_f64());
        self.buckets[place].fetch_add(1, Ordering::Relaxed);
        self.sum_millis.fetch_add(u64::try_from(late.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The bucket counts, and the sum in seconds.
    pub fn read(&self) -> (Vec<u64>, f64) {
        let counts = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        (counts, Duration::from_millis(self.sum_millis.load(Ordering::Relaxed)).as_secs_f64())
    }
}

/// A problem found by a simulation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub kind: FindingKind,
    pub level: Option<i32>,
    pub user: Option<UserId>,
    pub skill: Option<String>,
}

string_enum! {
    FindingKind {
        /// A level reaches nobody.
        EmptyLevel = "EMPTY_LEVEL",
        /// A level reaches this person on none of its channels.
        UnreachablePerson = "UNREACHABLE_PERSON",
        /// This person has no supervisor to notify at level 2.
        NoSupervisor = "NO_SUPERVISOR",
        /// Only this person has the skill: level 3 cannot reassign.
        SingleSkillHolder = "SINGLE_SKILL_HOLDER",
        /// No sender is configured for any channel of the level.
        NoSender = "NO_SENDER",
    }
}

/// The result of a simulation for one level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelSimulation {
    pub level: i32,
    pub due_at: Option<Timestamp>,
    /// How many of the `of` possible recipients the level reaches.
    pub reached: u64,
    pub of: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicySimulation {
    pub levels: Vec<LevelSimulation>,
    pub findings: Vec<Finding>,
}

impl LogEvent for EscalationEvent {
    const TAG: &'static str = "Escalation";

    fn kind(&self) -> &'static str {
        "EscalationPolicySaved"
    }

    fn subject(&self) -> (&'static str, Uuid) {
        ("escalation_policy", Uuid::nil())
    }
}

/// What escalation records about a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EscalationFact {
    /// A level fired.
    Escalated { epoch: i32, level: i32 },
    /// 超时未响应: nobody opened the ticket in time.
    NoResponseMarked,
}

impl TicketFact for EscalationFact {
    const NAMES: &'static [&'static str] = &["Escalated", "NoResponseMarked"];

    fn board_delta(&self) -> Option<BoardDelta> {
        matches!(self, Self::Escalated { .. }).then_some(BoardDelta::Escalated)
    }
}
