//! Status reports as they are given and as they are stored.

use serde::{Deserialize, Serialize};

use super::{Digest, Entry, Outcome, Source};
use crate::kernel::{Code, Message, ReportId, SystemId, TicketId, Timestamp};
use crate::tickets::model::TicketStatus;

/// Status reports of a system.
#[derive(Clone, Debug, Serialize)]
pub struct ReportStatuses {
    pub reports: Vec<ReportInput>,
    /// The system's clock when it sent the reports.
    pub sent_at: Option<Timestamp>,
}

/// The time of a report as given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ReportTime {
    Instant(Timestamp),
    /// It is no instant: the report is refused, and the others of its batch are not.
    Malformed(String),
}

/// A report as given.
#[derive(Clone, Debug, Serialize)]
pub struct ReportInput {
    pub token: String,
    #[serde(rename = "word")]
    pub source_status: String,
    pub at: ReportTime,
    pub operator: String,
    pub event_id: Option<String>,
    /// The id of the correction that it acknowledges.
    pub cause: Option<String>,
}

/// The result of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportResult {
    /// The position of the report in its batch, from 0.
    #[serde(default)]
    pub index: usize,
    pub token: String,
    pub outcome: Outcome,
    pub code: Option<Code>,
    pub message: Option<Message>,
    /// The ticket's authoritative status now.
    pub truth: Option<TicketStatus>,
}

/// A stored report, or a stored local change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusReport {
    pub id: ReportId,
    pub ticket: TicketId,
    /// `None`: Buoy itself.
    pub system: Option<SystemId>,
    pub rank: u32,
    /// Its position in its batch, from 0: of reports with the same timestamp, a system means the later one.
    pub position: u32,
    pub source_status: String,
    pub status: Option<TicketStatus>,
    pub reopens: bool,
    pub by_person: bool,
    pub at: Timestamp,
    pub received_at: Timestamp,
    pub operator: String,
    pub event_id: Option<String>,
    pub digest: Digest,
    pub outcome: Outcome,
}

impl StatusReport {
    pub fn entry(&self, key: Option<&str>) -> Entry {
        Entry {
            at: self.at,
            source: key.map_or(Source::Buoy, |key| Source::System(key.to_owned())),
            rank: self.rank,
            position: self.position,
            digest: self.digest,
            status: self.status,
            reopening: self.reopens,
            by_person: self.by_person,
        }
    }
}
