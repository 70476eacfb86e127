//! The monthly report: its figures, solutions, gaps and files.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::kernel::{Result, TicketId, Timestamp, UserId, hours, minutes};
use crate::knowledge::model::{Signature, Source};
use crate::metrics::model::{Dimension, Key, Period, Tally};
use crate::runtime::ConfigSection;
use crate::tickets::model::{FaultType, RootCauseLevel};

/// Finds knowledge gaps, weekly.
pub const GAPS_JOB: &str = "reports.gaps";
/// Schedules the monthly report.
pub const MONTHLY_JOB: &str = "reports.monthly";
/// Generates the report of a month.
pub const MAKE_JOB: &str = "reports.make";
/// The queue of read-intensive work.
pub const QUEUE: &str = "reports";
/// The delay after the end of a week or month.
pub const AFTER_MIDNIGHT: Duration = hours(1);
/// A delay that merges redactions.
pub const RERENDER_AFTER: Duration = minutes(1);

/// The most stored reports listed.
pub const STORED_MAX: usize = 120;

/// Configuration: the section `reports`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// First-time resolution below this is a knowledge gap.
    pub knowledge_gap_below: f64,
    /// Targets of the health report; for escape and recurrence lower is better.
    pub root_cause_convergence_target: f64,
    pub solution_reuse_target: f64,
    pub l3_escape_target: f64,
    pub recurrence_target: f64,
    pub link_rate_target: f64,
    pub csat_target: f64,
    pub response_rate_target: f64,
    /// The change of the escape rate, quarter on quarter.
    pub escape_change_target: f64,
    /// Citing tickets from which a solution counts as reused.
    pub reused_from_citations: u64,
    /// The number of causes that convergence counts.
    pub top_causes: usize,
}

impl ConfigSection for Settings {
    const NAME: &'static str = "reports";
}

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

/// The facts of a ticket first resolved in the period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub ticket: TicketId,
    pub created_at: Timestamp,
    pub resolved_at: Timestamp,
    /// `None`: unattributed.
    pub cause: Option<Cause>,
    /// Whether it cites a case or a card.
    pub cites: bool,
    /// When the same customer or device had the same fault and cause again.
    pub recurred_at: Option<Timestamp>,
}

/// A survey that was sent or answered in the period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SurveyFact {
    pub ticket: TicketId,
    /// When it was last sent in the period; `None`: it was only answered in it.
    pub requested_at: Option<Timestamp>,
    /// Of an answer in the period.
    pub score: Option<i32>,
    /// Whether it was answered at any time.
    pub answered: bool,
}

/// A figure with drill-down to tickets.
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
    /// Cards created in the period with a case of this user.
    pub cards: u64,
    /// Cases of this user that were cited in the period.
    pub cited_cases: u64,
    /// Citations in the period of this user's cases, and of cards with such a case.
    pub citations: u64,
}

/// A solution and the number of tickets that cite it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SolutionReuse {
    pub source: Source,
    pub citing: u64,
}

impl Health {
    /// Tickets and surveys whose window is still open. A ticket is pending in one figure at most.
    pub const fn pending(&self) -> Pending {
        Pending { tickets: self.recurrence.pending, surveys: self.response_rate.pending }
    }
}

/// What is missing in figures whose windows are still open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Of the recurrence rate.
    pub tickets: u64,
    /// Of the response rate.
    pub surveys: u64,
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
    /// Most cited first.
    pub contributions: Vec<Contribution>,
    /// Most cited first.
    pub solutions: Vec<SolutionReuse>,
}

/// Design defects of a product, this quarter and the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escape {
    pub product: String,
    pub owners: Vec<UserId>,
    pub current: Tally,
    pub previous: Tally,
}

/// The solution most worth reusing.
#[derive(Clone, Debug, PartialEq)]
pub struct TopSolution {
    pub source: Source,
    pub text: SolutionText,
    pub effect: Effect,
}

/// The text of a solution.
#[derive(Clone, Debug, PartialEq)]
pub struct SolutionText {
    /// The case itself; for a card, its most recently solved case that the viewer may read.
    pub ticket: Option<TicketId>,
    pub cause: Cause,
    /// Where it applies, as written by an editor; `None`: derived from its cause.
    pub applies_to: Option<String>,
    pub solution: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Effect {
    /// Tickets that cited it in the week.
    pub cited_in_week: u64,
    /// All tickets that cite it.
    pub citing: u64,
    /// Of those resolved at least seven days ago: survived, failed.
    pub survived: u64,
    pub failed: u64,
    /// The median handling time of tickets that cite it.
    pub median_citing_secs: Option<i64>,
    /// The median handling time of tickets with the same cause that cite nothing.
    pub median_others_secs: Option<i64>,
}

/// The weeks for which first-time resolution must stay low to be a knowledge gap.
pub const GAP_WEEKS: usize = 3;
/// The most topics listed.
pub const TOPICS_MAX: usize = 10;

/// A knowledge gap: a team or issue type whose first-time resolution stays below its target.
#[derive(Clone, Debug, PartialEq)]
pub struct Gap {
    pub dimension: Dimension,
    pub key: Key,
    /// First-time resolution in each of the last [`GAP_WEEKS`] whole ISO weeks whose windows are over, the earliest first.
    pub weeks: Vec<(Period, Tally)>,
    /// The number of tickets behind it: those counted in these weeks.
    pub ticket_count: u64,
    /// Fewer tickets than a reliable figure needs: it may be chance.
    pub is_small_sample: bool,
    /// Tickets that were not resolved the first time and have no attribution: they belong to no topic.
    pub unattributed: u64,
    /// The number of topics without a card.
    pub topic_count: usize,
    /// Causes of tickets that were not resolved the first time and have no card, most frequent first; at most [`TOPICS_MAX`].
    pub topics: Vec<Topic>,
}

/// A cause without a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    pub cause: Cause,
    /// Its tickets, newest first.
    pub tickets: Vec<TicketId>,
}

/// A report as a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportFile {
    /// `HTML` or `XLSX`.
    pub format: String,
    pub name: String,
    pub media_type: String,
    pub content: Vec<u8>,
}

/// The file format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportFormat {
    Html,
    Xlsx,
}

impl ReportFormat {
    pub const ALL: [Self; 2] = [Self::Html, Self::Xlsx];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Html => "HTML",
            Self::Xlsx => "XLSX",
        }
    }
}

/// One table of a file.
pub struct Sheet {
    pub name: String,
    pub columns: Vec<String>,
    pub rows: Vec<Vec<CellValue>>,
}

#[derive(Clone, Debug)]
pub enum CellValue {
    Text(String),
    Number(i64),
    /// In 0..=1.
    Share(f64),
    Empty,
}

impl CellValue {
    pub fn of(count: u64) -> Self {
        Self::Number(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

impl<N: Into<i64>> From<Option<N>> for CellValue {
    fn from(number: Option<N>) -> Self {
        number.map_or(Self::Empty, |number| Self::Number(number.into()))
    }
}

/// Title and introduction above the tables of a page.
pub struct Heading {
    pub title: String,
    pub lines: Vec<String>,
    /// Language of the texts, such as `zh-CN`.
    pub language: String,
}

/// Port: renders tables as files. Compression blocks a thread for a while.
#[derive(Clone, Copy)]
pub struct ReportRenderer {
    pub csv: fn(&Sheet) -> Result<Vec<u8>>,
    pub xlsx: fn(&[Sheet]) -> Result<Vec<u8>>,
    /// A self-contained page: it loads nothing.
    pub html: fn(&Heading, &[Sheet]) -> String,
}

/// A report that was generated automatically, without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportFileInfo {
    pub month: String,
    pub format: String,
    pub name: String,
    pub made_at: Timestamp,
    /// Every window of the month was over when it was made; otherwise it is made again.
    pub is_final: bool,
}

/// The report of a month in every format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthlyReport {
    pub files: Vec<ReportFile>,
    pub is_final: bool,
}
