//! Policies and clocks.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::calendar::decide::hours::Calendar;
use crate::calendar::model::CalendarRef;
use crate::kernel::{CustomerId, TicketId, Timestamp, minutes};
use crate::runtime::Shelf;
pub use crate::tickets::model::SlaMetric;
use crate::tickets::model::{Priority, Snapshot};

/// The policy that holds where no other does.
pub const DEFAULT: &str = "DEFAULT";
/// Ten years.
pub const TARGET_SECS_MAX: u64 = 10 * 366 * 86_400;

/// An administrator's choices.
#[derive(Clone, Debug)]
pub struct Settings {
    /// When so much of the target has passed, people are told of the risk.
    pub risk_share: f64,
    /// First response of the policy that an installation begins with.
    pub first_response_within: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { risk_share: 0.8, first_response_within: minutes(15) }
    }
}

/// Which tickets; all given parts must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// Empty: every priority.
    pub priorities: Vec<Priority>,
    pub customer: Option<CustomerId>,
    pub issue_type: Option<String>,
}

impl Conditions {
    pub fn hold(&self, ticket: &Snapshot) -> bool {
        let Self { priorities, customer, issue_type } = self;
        (priorities.is_empty() || priorities.contains(&ticket.priority))
            && customer.is_none_or(|customer| ticket.customer == Some(customer))
            && (issue_type.is_none() || *issue_type == ticket.issue_type)
    }

    /// Of several policies that hold, the one for a customer goes first, then one for an issue type, then for priorities.
    pub fn precision(&self) -> (bool, bool, bool) {
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

/// What a clock began with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    pub policy: PolicyRef,
    pub calendar: CalendarRef,
    pub target: Duration,
}

/// How far the fold over a ticket's events has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clock {
    pub ticket: TicketId,
    pub metric: SlaMetric,
    pub pin: Pin,
    pub started_at: Timestamp,
    /// Open time that counted, until it last rested.
    pub spent: Duration,
    /// It has been running since; `None`: it rests or stands.
    pub since: Option<Timestamp>,
    /// Done with: responded, resolved. A reopening sets it going again.
    pub ended_at: Option<Timestamp>,
    /// When the target has passed if it runs on; of one that has ended, when it would have. `None`: it rests, or its calendar
    /// never gives so much time.
    pub due_at: Option<Timestamp>,
    /// Known to have missed its target: it rested or ended behind it.
    pub breached_at: Option<Timestamp>,
    pub risk_told_at: Option<Timestamp>,
    pub breach_told_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    Running,
    Paused,
    Met,
    Breached,
}

/// A clock as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
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
    /// Responded, resolved.
    End,
    /// The ticket changed: another policy.
    Aim,
}

/// A line of a timeline: what happened to a clock, and how much of the target had passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub at: Timestamp,
    pub kind: EntryKind,
    pub elapsed: Duration,
    pub due_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind {
    Started,
    Paused,
    Resumed,
    Aimed,
    RiskTold,
    Breached,
    BreachTold,
    Met,
    MissedEnd,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum SlaEvent {
    PolicySaved { key: String, version: i32 },
}

/// The newest versions of all policies, in memory.
pub struct Policies(pub(super) Shelf<(), Arc<Vec<Policy>>>);

impl Default for Policies {
    fn default() -> Self {
        Self(Shelf::new(1))
    }
}

impl Policies {
    pub fn forget(&self) {
        self.0.forget_all();
    }
}

/// A clock with its calendar: what can be asked of it.
#[derive(Clone, Debug)]
pub struct Ticking {
    pub clock: Clock,
    pub calendar: Arc<Calendar>,
}
