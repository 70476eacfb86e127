//! The import map, parsed rows, and the result of an import.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::kernel::{Arg, Locale, Message, Timestamp, string_enum};
use crate::msg;
use crate::runtime::LogEvent;
use crate::tickets::model::{ExternalRef, FaultType, Priority, RootCauseLevel, TicketStatus, Visibility};
use uuid::Uuid;

/// How to read the columns of a file. Written by hand, so unknown keys are rejected.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportMap {
    /// The key of the source system; with the id it is the external reference of a ticket.
    pub source: String,
    /// `csv`, `jsonl` or `xlsx`; gzip is detected.
    #[serde(default)]
    pub format: FileFormat,
    /// The CSV delimiter.
    #[serde(default = "comma")]
    pub delimiter: char,
    /// The encoding of the text, such as `gb18030`; by default UTF-8, or UTF-16 where that is detected.
    pub encoding: Option<String>,
    /// Whether the first row names the columns; otherwise they are called 1, 2, 3 …
    #[serde(default = "yes")]
    pub header: bool,
    /// The sheet of a workbook; by default the first one.
    pub sheet: Option<String>,
    /// Values that mean "no value".
    #[serde(default)]
    pub missing: Vec<String>,
    /// Time formats (strftime), tried in order; RFC 3339 is always accepted.
    #[serde(default)]
    pub time_formats: Vec<String>,
    /// The time zone of times without one; by default that of the organisation.
    pub time_zone: Option<String>,
    /// The zone in the data is wrong: times are local in `time_zone`.
    #[serde(default)]
    pub ignore_zone: bool,
    /// What happens to a row that was written before its ticket was created.
    #[serde(default)]
    pub rows_before_created: EarlyRows,
    /// Up to where a running count of hand-overs tells whether a ticket was resolved the first time.
    #[serde(default)]
    pub hand_overs_until: CountedUntil,
    /// The column of each field. A text may be a template, such as `"{category} · {symptom}"`; a plain name is a column,
    /// and `{line}` is the number of the line.
    #[serde(default)]
    pub columns: BTreeMap<Field, String>,
    /// Fields that have the same value in every row.
    #[serde(default)]
    pub fixed: BTreeMap<Field, String>,
    /// Further systems and the column of the ticket's number in each.
    #[serde(default)]
    pub references: BTreeMap<String, String>,
    /// How the values of the source map to those of Buoy.
    #[serde(default)]
    pub words: ValueMaps,
    /// Which missing master data the import creates.
    #[serde(default)]
    pub create: Create,
}

const fn comma() -> char {
    ','
}

const fn yes() -> bool {
    true
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    #[default]
    Csv,
    Jsonl,
    Xlsx,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EarlyRows {
    /// The row is refused.
    #[default]
    Refuse,
    /// Its time is that of the creation; its place within the ticket stays.
    AtCreated,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountedUntil {
    #[default]
    FirstResolution,
    /// The last value of the ticket.
    End,
}

string_enum! {
    /// A field that a map fills.
    Field {
        /// The id of the ticket in its source; rows with the same id are the history of one ticket.
        Id = "id",
        Title = "title",
        Description = "description",
        /// When the ticket was created.
        Created = "created",
        /// When the row was written; a map without it is that of a list, whose rows are states of tickets.
        At = "at",
        /// The order of rows within a ticket; rows with the same value keep the order of the file.
        Order = "order",
        Status = "status",
        Priority = "priority",
        IssueType = "issue_type",
        Product = "product",
        /// The serial number of the device.
        Device = "device",
        Team = "team",
        Assignee = "assignee",
        Customer = "customer",
        /// Who needed help: a name, an e-mail address, or both.
        Requester = "requester",
        /// Comments: a JSON array, or a text.
        Comments = "comments",
        Channel = "channel",
        /// Who wrote the row, for the audit trail.
        Operator = "operator",
        /// The cumulative number of reassignments (hand-overs) in the source.
        HandOvers = "hand_overs",
        /// The cumulative number of reopenings in the source.
        Reopenings = "reopenings",
        /// When somebody responded first.
        Responded = "responded",
        /// When the ticket was closed.
        Closed = "closed",
        FaultType = "fault_type",
        RootCauseLevel = "root_cause_level",
        CauseTag = "cause_tag",
        SolutionTag = "solution_tag",
        Resolution = "resolution",
    }
}

impl Field {
    /// What an attribution consists of, besides its author and an optional cause tag.
    pub const ATTRIBUTION: [Self; 4] = [Self::FaultType, Self::RootCauseLevel, Self::SolutionTag, Self::Resolution];
}

/// What a map leaves out of every ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MapNote {
    /// It fills some fields of an attribution, but not these: what there is becomes a text.
    PartialAttribution { missing: Vec<Field> },
    /// People are not created, so operators without an account are left out of the audit trail.
    Operators,
}

impl MapNote {
    pub fn message(&self) -> Message {
        match self {
            Self::PartialAttribution { missing } => {
                msg!("import-map-attribution-partial", missing = field_names(missing))
            }
            Self::Operators => msg!("import-map-operators"),
        }
    }
}

fn field_names(fields: &[Field]) -> String {
    fields.iter().map(|field| field.as_str()).collect::<Vec<_>>().join(", ")
}

/// The mapping of a source status that does not change the status of the ticket.
pub const UNCHANGED: &str = "UNCHANGED";
/// The mapping of a source status that says that the ticket was merged into another one: it is CANCELLED and counts in no
/// metric.
pub const MERGED: &str = "MERGED";

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueMaps {
    /// To NEW, ASSIGNED, IN_PROGRESS, WAITING, RESOLVED, CLOSED, CANCELLED, MERGED or UNCHANGED.
    #[serde(default)]
    pub status: BTreeMap<String, String>,
    #[serde(default)]
    pub priority: BTreeMap<String, Priority>,
    #[serde(default)]
    pub fault_type: BTreeMap<String, FaultType>,
    #[serde(default)]
    pub root_cause_level: BTreeMap<String, RootCauseLevel>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Create {
    pub issue_types: bool,
    pub products: bool,
    pub teams: bool,
    pub customers: bool,
    /// People as disabled accounts: they own their history and cannot sign in.
    pub people: bool,
    pub tags: bool,
}

/// A parsed row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub line: u64,
    pub id: String,
    pub order: i64,
    /// An order that is no whole number. Skipped if absent, as are the other fields that were added later, so that rows
    /// imported before keep their digest.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub order_text: Option<String>,
    /// In a list, the time of creation.
    pub at: Timestamp,
    pub created: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub responded: Option<Timestamp>,
    pub closed: Option<Timestamp>,
    pub title: String,
    pub description: String,
    /// The status in the source, for the audit trail.
    #[serde(rename = "word")]
    pub source_status: Option<String>,
    /// `None`: the row does not change the status.
    pub status: Option<TicketStatus>,
    /// The status says that the ticket was merged.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub merged: bool,
    pub priority: Option<Priority>,
    pub issue_type: Option<String>,
    pub product: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub device: Option<String>,
    pub team: Option<String>,
    pub assignee: Option<String>,
    pub customer: Option<String>,
    pub channel: Option<String>,
    pub operator: Option<String>,
    pub hand_overs: Option<i32>,
    pub reopenings: Option<i32>,
    pub fault_type: Option<FaultType>,
    pub root_cause_level: Option<RootCauseLevel>,
    pub cause_tag: Option<String>,
    pub solution_tag: Option<String>,
    pub resolution: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub requester: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub comments: Vec<SourceComment>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub references: Vec<ExternalRef>,
    /// Fields whose text was longer than a ticket holds.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub truncated: Vec<Field>,
}

/// A comment of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceComment {
    pub at: Timestamp,
    pub author: Option<String>,
    pub text: String,
    pub visibility: Visibility,
}

/// A row or ticket that was not imported, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedRow {
    pub line: u64,
    pub id: Option<String>,
    pub reasons: Vec<Message>,
    /// Without it the other rows of its ticket give wrong figures.
    #[serde(default)]
    pub leaves_gap: bool,
}

impl RejectedRow {
    pub fn reason(&self, locale: Locale) -> String {
        self.reasons.iter().map(|reason| reason.text(locale)).collect::<Vec<_>>().join(" ")
    }
}

/// What an import leaves out of a ticket that it imports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Omission {
    /// Rows of it were refused, so its figures do not count.
    Rows,
    /// The attribution, because these fields have no value: what there is of cause and solution is kept as a text.
    Attribution { missing: Vec<Field> },
    /// Several rows of a list have its id.
    RepeatedId { rows: usize },
    /// Rows with its id were created at different times: they cannot be one ticket, and its figures do not count.
    SeveralTickets { rows: usize },
    /// It is solved, and since when is not known.
    ClosingTime,
    /// Texts longer than a ticket holds were cut.
    Texts { fields: Vec<Field> },
    /// A number that another ticket has.
    Reference { system: String, external_id: String },
}

impl Omission {
    pub fn message(&self) -> Message {
        let count = |rows: &usize| Arg::Number(i64::try_from(*rows).unwrap_or(i64::MAX));
        match self {
            Self::Rows => msg!("import-omitted-rows"),
            Self::Attribution { missing } => msg!("import-omitted-attribution", missing = field_names(missing)),
            Self::RepeatedId { rows } => msg!("import-omitted-repeated-id", rows = count(rows)),
            Self::SeveralTickets { rows } => msg!("import-omitted-several-tickets", rows = count(rows)),
            Self::ClosingTime => msg!("import-omitted-closing-time"),
            Self::Texts { fields } => msg!("import-omitted-texts", fields = field_names(fields)),
            Self::Reference { system, external_id } => {
                msg!("import-omitted-reference", system = system, external_id = external_id)
            }
        }
    }
}

/// A ticket that was not imported completely.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartialTicket {
    /// Its first row.
    pub line: u64,
    pub id: String,
    pub omissions: Vec<Omission>,
}

/// The progress of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Progress {
    /// Reading; `done` in bytes of the file.
    Reading { done: u64, rows: u64 },
    /// Writing; in tickets.
    Writing { done: u64, of: u64 },
}

/// The result of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub rows: u64,
    pub tickets: u64,
    pub created: u64,
    pub updated: u64,
    pub unchanged: u64,
    pub events: u64,
    pub refused: u64,
    /// Tickets whose figures do not count: rows of them were refused, or are those of several tickets.
    #[serde(default)]
    pub incomplete: u64,
    /// Tickets whose cause and solution are kept as a text, because they are no whole attribution.
    #[serde(default)]
    pub unattributed: u64,
    /// Rows of lists that became one ticket with another row of the same id.
    #[serde(default)]
    pub repeated: u64,
    /// Solved tickets without a closing time.
    #[serde(default)]
    pub undated: u64,
    /// Tickets of which a text was cut.
    #[serde(default)]
    pub shortened: u64,
    /// Numbers in other systems that other tickets have.
    #[serde(default)]
    pub taken: u64,
    /// What the map leaves out of every ticket.
    #[serde(default)]
    pub notes: Vec<MapNote>,
    pub dry_run: bool,
}

impl Summary {
    /// Rows were refused, and nothing was imported or found unchanged.
    pub const fn is_failed(&self) -> bool {
        self.refused > 0 && self.created + self.updated + self.unchanged == 0
    }
}

/// Many tickets came at once from another system: lists are to be loaded anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportFinished {
    pub source: String,
    pub created: u64,
    pub updated: u64,
    pub refused: u64,
}

impl LogEvent for ImportFinished {
    const TAG: &'static str = "ImportFinished";

    fn kind(&self) -> &'static str {
        "ImportFinished"
    }

    fn subject(&self) -> (&'static str, Uuid) {
        ("import", Uuid::nil())
    }
}
