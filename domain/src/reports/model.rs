//! What is counted of a month, and what came of it.

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::kernel::{Result, TicketId, Timestamp, UserId};
use crate::knowledge::model::{Signature, Source};
use crate::metrics::model::{Dimension, Key, Period, Tally};
use crate::runtime::Ctx;
use crate::tickets::model::{FaultType, RootCauseLevel};

/// An administrator's choices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    pub targets: Targets,
    /// Where first-time resolution stays below this, knowledge is missed.
    pub gap_below: f64,
}

/// What is aimed for; of an escape and a recurrence less is better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Targets {
    pub root_cause_convergence: f64,
    pub solution_reuse: f64,
    pub l3_escape: f64,
    pub recurrence: f64,
    pub link_rate: f64,
    pub csat: f64,
    pub response_rate: f64,
    /// Of the escape, quarter on quarter.
    pub escape_change: f64,
}

impl Default for Settings {
    fn default() -> Self {
        let targets = Targets {
            root_cause_convergence: 0.5,
            solution_reuse: 0.2,
            l3_escape: 0.1,
            recurrence: 0.05,
            link_rate: 0.5,
            csat: 0.85,
            response_rate: 0.3,
            escape_change: -0.15,
        };
        Self { targets, gap_below: 0.8 }
    }
}

/// A solution is reused once so many other tickets cite it.
pub const REUSED_FROM: u64 = 3;
/// The causes that convergence counts.
pub const TOP_CAUSES: usize = 3;

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cause {
    pub fault_type: FaultType,
    pub root_cause_level: RootCauseLevel,
    pub cause_tag: Option<String>,
    pub product: Option<String>,
}

impl From<Signature> for Cause {
    fn from(signature: Signature) -> Self {
        let Signature { fault_type, root_cause_level, cause_tag, product, solution_tags: _ } = signature;
        Self { fault_type, root_cause_level, cause_tag, product }
    }
}

/// What a ticket that was first resolved in the period brings to its figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub ticket: TicketId,
    pub created_at: Timestamp,
    pub resolved_at: Timestamp,
    /// `None`: unattributed.
    pub cause: Option<Cause>,
    /// It cites a case or a card.
    pub cites: bool,
    /// When the same customer or device came back with the same fault and cause.
    pub recurred_at: Option<Timestamp>,
}

/// A survey that was asked or answered in the period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voice {
    pub ticket: TicketId,
    pub asked: bool,
    /// Of an answer in the period.
    pub score: Option<i32>,
    /// Whether there is an answer at all.
    pub answered: bool,
}

/// A figure with tickets behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Figure {
    RootCauseConvergence,
    L3Escape,
    Recurrence,
    LinkRate,
    Csat,
    ResponseRate,
    /// Met: attributed.
    Attribution,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CauseCount {
    pub cause: Cause,
    pub count: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contribution {
    pub user: UserId,
    /// Cards made in the period with a case of theirs.
    pub cards: u64,
    /// Their cases that were cited in the period.
    pub cited_cases: u64,
    /// Citations in the period of their cases, and of cards with a case of theirs.
    pub citations: u64,
}

/// A solution and how many other tickets cite it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reused {
    pub source: Source,
    pub citing: u64,
}

/// The figures of a month.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    pub resolved: u64,
    pub unattributed: u64,
    pub root_cause_convergence: Tally,
    pub solution_reuse: Tally,
    pub l3_escape: Tally,
    pub recurrence: Tally,
    pub link_rate: Tally,
    pub csat: Tally,
    pub response_rate: Tally,
    /// Most frequent first.
    pub causes: Vec<CauseCount>,
    /// Those first that are cited most.
    pub contributions: Vec<Contribution>,
    /// Those first that are cited most.
    pub solutions: Vec<Reused>,
}

/// Design defects of a product, this quarter and the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escape {
    pub product: String,
    pub owners: Vec<UserId>,
    pub current: Tally,
    pub previous: Tally,
}

/// What is most worth using again.
#[derive(Clone, Debug, PartialEq)]
pub struct Worth {
    pub source: Source,
    pub said: Said,
    pub effect: Effect,
}

/// What a solution says.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// The case itself; of a card its case that was solved last, of those that the viewer may read.
    pub ticket: Option<TicketId>,
    pub cause: Cause,
    /// Where it applies, in somebody's words; `None`: what its cause says.
    pub applies_to: Option<String>,
    pub solution: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Effect {
    /// Tickets that cited it in the week.
    pub cited_in_week: u64,
    /// Tickets that cite it at all.
    pub citing: u64,
    /// Of those whose seven days are over: held, failed.
    pub held: u64,
    pub failed: u64,
    /// The median handling time of tickets that cite it.
    pub median_citing_secs: Option<i64>,
    /// The median handling time of tickets with the same cause that cite nothing.
    pub median_others_secs: Option<i64>,
}

/// The weeks over which first-time resolution stays low before knowledge is said to be missed.
pub const GAP_WEEKS: usize = 3;
/// Topics that are named.
pub const TOPICS_MAX: usize = 10;

/// A department or issue type whose first-time resolution stays under its target: knowledge is missed there.
#[derive(Clone, Debug, PartialEq)]
pub struct Gap {
    pub dimension: Dimension,
    pub key: Key,
    /// First-time resolution in each of the last [`GAP_WEEKS`] whole ISO weeks, the earliest first.
    pub weeks: Vec<(Period, Tally)>,
    /// How many topics have no card.
    pub topic_count: usize,
    /// What tickets were about that were not solved the first time and have no card, most frequent first; [`TOPICS_MAX`] at most.
    pub topics: Vec<Topic>,
}

/// A cause that has no card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// `None`: nobody has said.
    pub cause: Option<Cause>,
    /// Of which tickets, those first that were created last.
    pub tickets: Vec<TicketId>,
}

/// A report as a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// `HTML` or `XLSX`.
    pub format: String,
    pub name: String,
    pub media_type: String,
    pub content: Vec<u8>,
}

/// Makes the report of a month, such as `2026-10`, in every format: how files look is not for this capability to say.
#[derive(Clone, Copy)]
pub struct Press(pub fn(Ctx, String) -> BoxFuture<'static, Result<Vec<Made>>>);

/// A report that was made by itself, without what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub month: String,
    pub format: String,
    pub name: String,
    pub made_at: Timestamp,
}
