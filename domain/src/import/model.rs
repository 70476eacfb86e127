//! The map of a foreign system's columns and words, a row by it, and what became of a file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::kernel::Timestamp;
use crate::tickets::model::{FaultType, Priority, RootCauseLevel, TicketStatus};

/// How the columns of a file are to be read. Written by hand: unknown keys are refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Map {
    /// The key of the system that the tickets come from; with the id, it makes an external reference.
    pub source: String,
    /// `csv` or `jsonl`; plain or gzip is seen from the file itself.
    #[serde(default)]
    pub format: FileFormat,
    /// The character between CSV columns.
    #[serde(default = "comma")]
    pub delimiter: char,
    /// Values that mean that there is none.
    #[serde(default)]
    pub missing: Vec<String>,
    /// Formats of times, tried in order (strftime); RFC 3339 is always understood.
    #[serde(default)]
    pub time_formats: Vec<String>,
    /// The zone of times without one; the organisation's by default.
    pub time_zone: Option<String>,
    pub columns: Columns,
    /// The source's words for what Buoy has words for.
    #[serde(default)]
    pub words: Words,
    /// What of the catalogue is made where it is missing.
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

/// Which column holds what. A text may be put together: `"{category} · {symptom}"`; a bare name is that column.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    /// The ticket's id in its source; rows with the same id are one ticket's history.
    pub id: String,
    pub title: String,
    pub description: Option<String>,
    /// When the ticket was created.
    pub created: String,
    /// When this row was written; a list with one row a ticket may leave it out.
    pub at: Option<String>,
    /// The order of rows within a ticket; rows with the same value stay in the order of the file.
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
    /// The source's running count of reassignments: its hand-overs.
    pub hand_overs: Option<String>,
    /// The source's running count of reopenings.
    pub reopenings: Option<String>,
    /// When it was closed, for a list with one row a ticket.
    pub closed: Option<String>,
    pub fault_type: Option<String>,
    pub root_cause_level: Option<String>,
    pub cause_tag: Option<String>,
    pub solution_tag: Option<String>,
    pub resolution: Option<String>,
}

/// A status word that says nothing about the life-cycle: the ticket stays where it was.
pub const UNCHANGED: &str = "UNCHANGED";

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
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

/// One row, read by the map.
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
    /// The source's own word, for the audit trail.
    pub word: Option<String>,
    /// `None`: the row says nothing of the status.
    pub status: Option<TicketStatus>,
    pub priority: Option<Priority>,
    pub issue_type: Option<String>,
    pub product: Option<String>,
    /// Left out where there is none: rows that were imported before there were devices keep their digest.
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

/// A row or ticket that was not taken, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub line: u64,
    pub id: Option<String>,
    pub reason: String,
}

/// How far an import is, for whoever waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Progress {
    /// Bytes of the file.
    Reading { done: u64, rows: u64 },
    /// Tickets.
    Writing { done: u64, of: u64 },
}

/// What became of a file.
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
