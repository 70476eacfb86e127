//! What is counted, by what, and what came of it.

mod columns;
mod heatmap;

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use uuid::Uuid;

pub use self::columns::{Columns, Place};
pub use self::heatmap::{Cell, GAP_ARRIVALS, GAP_SLOTS, GAP_WEEKS, Gap, Heatmap, Proposal, SLOTS, WEEKDAYS};
use crate::kernel::{CustomerId, TeamId, TicketId, Timestamp, UserId, days, minutes};
use crate::tickets::model::{Priority, RootCauseLevel, TicketStatus};

/// An administrator's choices.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// A first response within this is in time.
    pub first_response_within: Duration,
    /// A reopening within this means that the resolution failed; later it is a new cycle.
    pub reopened_within: Duration,
    /// From here on a metric is healthy.
    pub targets: Targets,
    /// Fewer tickets than this are a small sample.
    pub small_sample: u64,
    /// The organisation's: days, weeks and months begin in it.
    pub zone: TimeZone,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Targets {
    pub first_response_compliance: f64,
    pub first_time_resolution: f64,
    pub root_cause_closure: f64,
}

impl Default for Settings {
    fn default() -> Self {
        let targets =
            Targets { first_response_compliance: 0.95, first_time_resolution: 0.82, root_cause_closure: 0.70 };
        Self {
            first_response_within: minutes(15),
            reopened_within: days(7),
            targets,
            small_sample: 20,
            zone: TimeZone::UTC,
        }
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
    /// Its window is still open.
    Pending,
    /// Merged away, or cancelled before anyone responded: counts nowhere, and is shown.
    Excluded,
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
    /// The ticket has none.
    None,
    Id(Uuid),
    Word(Arc<str>),
}

/// How long the periods of a series are. Weeks are ISO weeks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Interval {
    Day,
    Week,
    Month,
    Quarter,
}

/// Half open.
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
    /// All of these hold.
    pub only: Vec<(Dimension, Key)>,
}

/// How the figures are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Split {
    All,
    By(Dimension),
    /// Consecutive periods, each from one of these instants to the next: of every metric by its own anchor.
    Between(Vec<Timestamp>),
}

/// What a ticket brings to the figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub ticket: TicketId,
    pub status: TicketStatus,
    pub merged: bool,
    pub created_at: Timestamp,
    /// By when somebody was to respond: the end of its SLA clock; `None`: it has none (history).
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

/// What metrics of a set of tickets come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
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
    pub pending: u64,
}

impl Tally {
    pub const fn denominator(self) -> u64 {
        self.met + self.missed
    }

    /// `None` where nothing counts.
    #[expect(clippy::cast_precision_loss, reason = "counts of tickets; a rounded one gives the same share")]
    pub fn value(self) -> Option<f64> {
        (self.denominator() > 0).then(|| self.met as f64 / self.denominator() as f64)
    }
}

/// Durations in whole seconds. Percentiles are exact, by nearest rank.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    pub count: u64,
    /// Of [`PERCENTILES`]; `None` where nothing counts.
    pub percentiles: Option<[u32; PERCENTILES.len()]>,
    /// Between [`BUCKETS`]; the last is open.
    pub buckets: Vec<u64>,
    /// Between [`STRATA`]; the last is open.
    pub strata: Vec<Stratum>,
}

/// A part of a distribution that a mean would hide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stratum {
    pub count: u64,
    /// `None` where it is empty.
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
/// Lower edges of the strata, in seconds: at once, within the hour, the shift, the day, the week, later.
pub const STRATA: [u32; 6] = [0, 5 * MINUTE, HOUR, 8 * HOUR, DAY, 7 * DAY];
