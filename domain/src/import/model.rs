//! The import map, parsed rows, and the result of an import.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::kernel::{Locale, Message, Timestamp};
use crate::runtime::LogEvent;
use crate::tickets::model::{FaultType, Priority, RootCauseLevel, TicketStatus};
use uuid::Uuid;

/// How to read the columns of a file. Written by hand, so unknown keys are rejected.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportMap {
    /// The key of the source system; with the id it is the external reference of a ticket.
    pub source: String,
    /// `csv` or `jsonl`; gzip is detected.
    #[serde(default)]
    pub format: FileFormat,
    /// The CSV delimiter.
    #[serde(default = "comma")]
    pub delimiter: char,
    /// Values that mean "no value".
    #[serde(default)]
    pub missing: Vec<String>,
    /// Time formats (strftime), tried in order; RFC 3339 is always accepted.
    #[serde(default)]
    pub time_formats: Vec<String>,
    /// The time zone of times without one; by default that of the organisation.
    pub time_zone: Option<String>,
    pub columns: Columns,
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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    #[default]
    Csv,
    Jsonl,
}

/// The column of each field. A text may be a template, such as `"{category} · {symptom}"`; a plain name is a column.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    /// The id of the ticket in its source; rows with the same id are the history of one ticket.
    pub id: String,
    pub title: String,
    pub description: Option<String>,
    /// When the ticket was created.
    pub created: String,
    /// When the row was written; optional for a list with one row per ticket.
    pub at: Option<String>,
    /// The order of rows within a ticket; rows with the same value keep the order of the file.
    pub order: Option<String>,
    pub status: Option<String>,
    pub priority: Option<String>,
    pub issue_type: Option<String>,
    pub product: Option<String>,
    /// The serial number of the device.
    pub device: Option<String>,
    pub team: Option<String>,
    pub assignee: Option<String>,
    pub customer: Option<String>,
    pub channel: Option<String>,
    /// Who wrote the row, for the audit trail.
    pub operator: Option<String>,
    /// The cumulative number of reassignments (hand-overs) in the source.
    pub hand_overs: Option<String>,
    /// The cumulative number of reopenings in the source.
    pub reopenings: Option<String>,
    /// When it was closed, for a list with one row per ticket.
    pub closed: Option<String>,
    pub fault_type: Option<String>,
    pub root_cause_level: Option<String>,
    pub cause_tag: Option<String>,
    pub solution_tag: Option<String>,
    pub resolution: Option<String>,
}

/// The mapping of a source status that does not change the status of the ticket.
pub const UNCHANGED: &str = "UNCHANGED";

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueMaps {
    /// To NEW, ASSIGNED, IN_PROGRESS, WAITING, RESOLVED, CLOSED, CANCELLED or UNCHANGED.
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
    pub at: Timestamp,
    pub created: Timestamp,
    pub closed: Option<Timestamp>,
    pub title: String,
    pub description: String,
    /// The status in the source, for the audit trail.
    #[serde(rename = "word")]
    pub source_status: Option<String>,
    /// `None`: the row does not change the status.
    pub status: Option<TicketStatus>,
    pub priority: Option<Priority>,
    pub issue_type: Option<String>,
    pub product: Option<String>,
    /// Skipped if absent, so that rows imported before this field existed keep their digest.
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
}

/// A row or ticket that was not imported, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedRow {
    pub line: u64,
    pub id: Option<String>,
    pub reasons: Vec<Message>,
}

impl RejectedRow {
    pub fn reason(&self, locale: Locale) -> String {
        self.reasons.iter().map(|reason| reason.text(locale)).collect::<Vec<_>>().join(" ")
    }
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
    pub dry_run: bool,
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
