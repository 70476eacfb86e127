//! Policies and clocks.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::calendar::model::{Calendar, CalendarRef};
use crate::kernel::{CustomerId, TicketId, Timestamp};
use crate::runtime::versioned::CurrentVersions;
use crate::runtime::{ConfigSection, LogEvent};
pub use crate::tickets::model::SlaMetric;
use crate::tickets::model::{BoardDelta, Priority, Snapshot, TicketFact};
use uuid::Uuid;

/// The key of the default policy.
pub const DEFAULT: &str = "DEFAULT";
/// Ten years.
pub const TARGET_SECS_MAX: u64 = 10 * 366 * 86_400;

/// Configuration: the section `sla`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The share of the target after which people are warned.
    pub risk_share: f64,
}

impl ConfigSection for Settings {
    const NAME: &'static str = "sla";
}

/// First-response target of the default policy; configured as that of the metrics.
#[derive(Clone, Copy, Debug)]
pub struct DefaultFirstResponse(pub Duration);

/// The tickets that a policy covers; all parts that are present must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// Empty: every priority.
    pub priorities: Vec<Priority>,
    pub customer: Option<CustomerId>,
    pub issue_type: Option<String>,
}

impl Conditions {
    pub fn matches(&self, ticket: &Snapshot) -> bool {
        let Self { priorities, customer, issue_type } = self;
        (priorities.is_empty() || priorities.contains(&ticket.priority))
            && customer.is_none_or(|customer| ticket.customer == Some(customer))
            && (issue_type.is_none() || *issue_type == ticket.issue_type)
    }

    /// Of several matching policies, one for a customer wins, then one for an issue type, then one for priorities.
    pub fn specificity(&self) -> (bool, bool, bool) {
        (self.customer.is_some(), self.issue_type.is_some(), !self.priorities.is_empty())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PolicyRef {
    pub key: String,
    pub version: i32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub of: PolicyRef,
    pub name: String,
    pub name_zh: Option<String>,
    pub archived: bool,
    pub conditions: Conditions,
    /// `None`: no clock of this metric.
    pub first_response: Option<Duration>,
    pub resolution: Option<Duration>,
    /// The calendar's key.
    pub calendar: String,
}

impl Policy {
    pub const fn target(&self, metric: SlaMetric) -> Option<Duration> {
        match metric {
            SlaMetric::FirstResponse => self.first_response,
            SlaMetric::Resolution => self.resolution,
        }
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct SavePolicy {
    pub key: String,
    pub name: String,
    pub name_zh: Option<String>,
    pub archived: bool,
    pub priorities: Vec<Priority>,
    pub customer_key: Option<String>,
    pub issue_type: Option<String>,
    pub first_response_secs: Option<i32>,
    pub resolution_secs: Option<i32>,
    pub calendar_key: String,
}

/// The policy and calendar versions that a clock started with, and its target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedPolicy {
    pub policy: PolicyRef,
    pub calendar: CalendarRef,
    pub target: Duration,
}

/// The state of a clock: the result of the fold over the ticket's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clock {
    pub ticket: TicketId,
    pub metric: SlaMetric,
    pub pinned: PinnedPolicy,
    pub started_at: Timestamp,
    /// Calendar time counted before `since`.
    pub spent: Duration,
    /// Running since; `None`: paused or ended.
    pub since: Option<Timestamp>,
    /// When it ended by a response or resolution. A reopening resumes it.
    pub ended_at: Option<Timestamp>,
    /// When the target elapses if the clock keeps running; for an ended clock, when it would have. `None`: it is paused, or
    /// its calendar has not enough open time.
    pub due_at: Option<Timestamp>,
    /// Set if it paused or ended after the target.
    pub breached_at: Option<Timestamp>,
    pub risk_notified_at: Option<Timestamp>,
    pub breach_notified_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    Running,
    Paused,
    Met,
    Breached,
}

/// The values of a clock at a point in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockReading {
    pub state: State,
    pub due_at: Option<Timestamp>,
    pub elapsed: Duration,
    /// `None` once it has ended.
    pub remaining: Option<Duration>,
    pub breached_at: Option<Timestamp>,
}

/// What an event does to a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Start,
    Pause,
    Resume,
    /// A response or resolution.
    End,
    /// The ticket changed: another policy may apply.
    Retarget,
}

/// An entry of a timeline: what happened to a clock, and the time elapsed by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineEntry {
    pub at: Timestamp,
    pub kind: TimelineEntryKind,
    pub elapsed: Duration,
    pub due_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimelineEntryKind {
    Started,
    Paused,
    Resumed,
    Aimed,
    RiskNotified,
    Breached,
    BreachNotified,
    Met,
    MissedEnd,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum SlaEvent {
    PolicySaved { key: String, version: i32 },
}

pub type PolicyCache = CurrentVersions<Policy>;

/// A clock with its calendar, as needed to compute its values.
#[derive(Clone, Debug)]
pub struct ClockWithCalendar {
    pub clock: Clock,
    pub calendar: Arc<Calendar>,
}

impl LogEvent for SlaEvent {
    const TAG: &'static str = "Sla";

    fn kind(&self) -> &'static str {
        "SlaPolicySaved"
    }

    fn subject(&self) -> (&'static str, Uuid) {
        ("sla_policy", Uuid::nil())
    }
}

/// What a clock records about its ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SlaFact {
    /// Most of the target has elapsed.
    SlaRisk { metric: SlaMetric },
    /// The target has passed.
    SlaBreached { metric: SlaMetric },
}

impl TicketFact for SlaFact {
    const NAMES: &'static [&'static str] = &["SlaRisk", "SlaBreached"];

    fn board_delta(&self) -> Option<BoardDelta> {
        Some(match self {
            Self::SlaRisk { .. } => BoardDelta::SlaRisk,
            Self::SlaBreached { .. } => BoardDelta::SlaBreached,
        })
    }
}
