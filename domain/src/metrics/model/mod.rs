//! Metrics, their dimensions and their results.

mod columns;
mod heatmap;

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use uuid::Uuid;

pub use self::columns::{Columns, Row};
pub use self::heatmap::{Cell, Gap, Heatmap, Proposal, SLOTS, WEEKDAYS};
use crate::kernel::{CustomerId, TeamId, TicketId, Timestamp, UserId, days, minutes};
use crate::runtime::ConfigSection;
use crate::runtime::app::States;
use crate::sla::model::DefaultFirstResponse;
use crate::tickets::model::{Priority, RootCauseLevel, SourceHistory, TicketStatus};

/// Configuration: the section `metrics`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// A first response within this time is in time.
    pub first_response_minutes: u64,
    /// A reopening within this time means that the resolution failed; a later one begins a new cycle.
    pub reopened_within_days: u64,
    /// Targets at or above which a metric is healthy.
    pub first_response_compliance_target: f64,
    pub first_time_resolution_target: f64,
    pub root_cause_closure_target: f64,
    /// Fewer tickets than this are a small sample.
    pub small_sample: u64,
    /// The fewest half-hours with arrivals in a gap of the heat map.
    pub gap_half_hours: usize,
    /// The fewest tickets in a gap.
    pub gap_arrivals: u32,
    /// The fewest weeks with arrivals in a gap.
    pub gap_weeks: u16,
}

impl ConfigSection for Settings {
    const NAME: &'static str = "metrics";

    fn insert_into(&self, states: &mut States) {
        states.insert(DefaultFirstResponse(self.first_response_within()));
        states.insert(self.clone());
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            first_response_minutes: 15,
            reopened_within_days: 7,
            first_response_compliance_target: 0.95,
            first_time_resolution_target: 0.82,
            root_cause_closure_target: 0.70,
            small_sample: 20,
            gap_half_hours: 3,
            gap_arrivals: 10,
            gap_weeks: 3,
        }
    }
}

impl Settings {
    pub const fn first_response_within(&self) -> Duration {
        minutes(self.first_response_minutes)
    }

    pub const fn reopened_within(&self) -> Duration {
        days(self.reopened_within_days)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Anchor: creation.
    FirstResponseCompliance,
    /// Anchor: first resolution.
    FirstTimeResolution,
    /// Anchor: closing.
    RootCauseClosure,
}

impl Metric {
    pub const ALL: [Self; 3] = [Self::FirstResponseCompliance, Self::FirstTimeResolution, Self::RootCauseClosure];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    Met,
    Missed,
    /// The window is still open.
    Pending,
    /// The window is still open, and the ticket has failed already. It is pending too, so that failures do not count before successes.
    PendingFailed,
    /// The history of an imported ticket does not say: it counts in no metric, and is shown apart.
    Unknown,
    /// Merged, or cancelled before a response: counts in no metric, and is shown apart.
    Excluded,
}

impl Outcome {
    /// Whether a ticket with this outcome is listed for the wanted one: those that have failed already are pending, too.
    pub fn is_listed_as(self, wanted: Self) -> bool {
        self == wanted || (self == Self::PendingFailed && wanted == Self::Pending)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dimension {
    Team,
    Agent,
    IssueType,
    Priority,
    Channel,
    Product,
    Customer,
}

impl Dimension {
    pub const COUNT: usize = 7;
}

/// A value of a dimension.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// The ticket has no value.
    None,
    Id(Uuid),
    Word(Arc<str>),
}

/// The interval of a series. Weeks are ISO weeks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interval {
    Day,
    Week,
    Month,
    Quarter,
}

/// A half-open period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Period {
    pub fn contains(self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }
}

/// Which tickets are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    pub period: Period,
    /// All of these must match.
    pub only: Vec<(Dimension, Key)>,
}

/// How results are grouped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Split {
    All,
    By(Dimension),
    /// Consecutive periods between these instants; each metric uses its own anchor.
    Between(Vec<Timestamp>),
}

/// The facts of a ticket that metrics need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub ticket: TicketId,
    pub status: TicketStatus,
    pub merged: bool,
    pub history: SourceHistory,
    pub created_at: Timestamp,
    /// The due time of its SLA clock; `None`: it has none (history).
    pub first_response_due_at: Option<Timestamp>,
    pub first_responded_at: Option<Timestamp>,
    pub first_resolved_at: Option<Timestamp>,
    pub first_resolution_hand_overs: i32,
    pub first_reopened_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
    /// `None`: unattributed.
    pub root_cause_level: Option<RootCauseLevel>,
    pub team: Option<TeamId>,
    pub assignee: Option<UserId>,
    pub requester: Option<UserId>,
    pub customer: Option<CustomerId>,
    pub issue_type: Option<String>,
    pub product: Option<String>,
    pub channel: String,
    pub priority: Priority,
}

/// The metrics of a set of tickets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aggregates {
    pub first_response_compliance: Tally,
    pub first_time_resolution: Tally,
    pub root_cause_closure: Tally,
    pub first_response_time: Distribution,
    pub handling_time: Distribution,
    pub created: u64,
    pub resolved: u64,
    pub excluded: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub met: u64,
    pub missed: u64,
    /// Their window is still open: they are in neither numerator nor denominator, whatever is known of them already.
    pub pending: u64,
    /// Those of the pending ones that have failed already.
    pub pending_failed: u64,
    pub unknown: u64,
}

impl Tally {
    pub fn add(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Met => self.met += 1,
            Outcome::Missed => self.missed += 1,
            Outcome::Pending => self.pending += 1,
            Outcome::PendingFailed => {
                self.pending += 1;
                self.pending_failed += 1;
            }
            Outcome::Unknown => self.unknown += 1,
            Outcome::Excluded => {}
        }
    }

    /// Whether the share may still change, because a window is open.
    pub const fn is_provisional(self) -> bool {
        self.pending > 0
    }

    pub const fn denominator(self) -> u64 {
        self.met + self.missed
    }

    /// `None` if nothing counts.
    #[expect(clippy::cast_precision_loss, reason = "counts of tickets; a rounded one gives the same share")]
    pub fn value(self) -> Option<f64> {
        (self.denominator() > 0).then(|| self.met as f64 / self.denominator() as f64)
    }
}

/// A distribution of durations in whole seconds. Percentiles are exact, by nearest rank.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    pub count: u64,
    /// Of [`PERCENTILES`]; `None` if nothing counts.
    pub percentiles: Option<[u32; PERCENTILES.len()]>,
    /// Between [`BUCKETS`]; the last is open.
    pub buckets: Vec<u64>,
    /// Between [`STRATA`]; the last is open.
    pub strata: Vec<Stratum>,
    /// Tickets whose duration is not known.
    pub unknown: u64,
}

/// A part of a distribution that a mean would hide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stratum {
    pub count: u64,
    /// `None` if it is empty.
    pub median: Option<u32>,
}

pub const PERCENTILES: [usize; 5] = [50, 75, 90, 95, 99];

const MINUTE: u32 = 60;
const HOUR: u32 = 60 * MINUTE;
const DAY: u32 = 24 * HOUR;
/// Lower edges of the histogram, in seconds.
pub const BUCKETS: [u32; 14] = [
    0,
    MINUTE,
    5 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    4 * HOUR,
    8 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    30 * DAY,
];
/// Lower edges of the strata, in seconds: immediately, within an hour, a shift, a day, a week, later.
pub const STRATA: [u32; 6] = [0, 5 * MINUTE, HOUR, 8 * HOUR, DAY, 7 * DAY];
