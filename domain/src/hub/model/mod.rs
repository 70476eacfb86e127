//! Systems, their reports, and the corrections sent to them.

mod reports;
mod status_fold;
mod ticket_sync;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::reports::*;
pub use self::status_fold::*;
pub use self::ticket_sync::*;
use crate::auth::model::ApiKey;
use crate::kernel::{
    ApiKeyId, ApiScope, CorrectionId, ReportId, SystemId, TicketId, Timestamp, UserId, hours, minutes, string_enum,
};
use crate::runtime::{ConfigSection, LogEvent, LookupCache};
use crate::tickets::model as tickets;
use crate::tickets::model::{TicketFact, TicketStatus};
use crate::webhooks::model::{Endpoint, QueueEntry, QueueState, QueuedMessage};
use uuid::Uuid;

/// Reports per call.
pub const REPORTS_MAX: usize = 500;
/// Entries of a system's status map.
pub const STATUS_MAP_MAX: usize = 200;
/// Reports stored per ticket; further ones are refused.
pub const REPORTS_PER_TICKET_MAX: usize = 2_000;
/// The default rank of a system, and the highest.
pub const RANK_DEFAULT: u32 = 10;
pub const RANK_MAX: u32 = 1_000;
/// The key of Buoy itself among the systems.
pub const BUOY: &str = "BUOY";

/// Configuration: the section `hub`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// An endpoint that has failed for so long is disabled, and administrators are notified.
    pub disable_after_hours: u64,
    /// A difference counts as divergence only after this time.
    pub grace_minutes: u64,
    /// The target for the divergence rate.
    pub divergence_target: f64,
    /// Reports of different systems at most this far apart can conflict.
    pub conflict_within_minutes: u64,
    /// A report further in the future is refused.
    pub clock_ahead_minutes_max: u64,
    /// A report that repeats a correction within this time after it was sent is its echo.
    pub echo_within_minutes: u64,
}

impl ConfigSection for Settings {
    const NAME: &'static str = "hub";
}

impl Settings {
    pub const fn disable_after(&self) -> Duration {
        hours(self.disable_after_hours)
    }

    pub const fn grace(&self) -> Duration {
        minutes(self.grace_minutes)
    }

    pub const fn conflict_within(&self) -> Duration {
        minutes(self.conflict_within_minutes)
    }

    pub const fn skew_max(&self) -> Duration {
        minutes(self.clock_ahead_minutes_max)
    }

    pub const fn echo_within(&self) -> Duration {
        minutes(self.echo_within_minutes)
    }
}

/// A connected system that reports statuses of tickets: an ERP, a CRM, a field app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    pub id: SystemId,
    pub key: String,
    pub name: String,
    /// Of reports with the same timestamp, the one with the lowest rank wins; Buoy itself has 0.
    pub rank: u32,
    /// The account that it acts as.
    pub account: UserId,
    /// Where its corrections are sent to.
    pub endpoint: Endpoint,
    pub created_at: Timestamp,
    /// How far its clock is ahead of ours, estimated from its reports; negative: behind.
    pub clock_offset_millis: Option<i64>,
    pub clock_seen_at: Option<Timestamp>,
    /// The mapping of its own statuses, in the order given.
    pub status_map: Vec<StatusMapping>,
}

impl System {
    pub fn mapping_of(&self, source_status: &str) -> Option<&StatusMapping> {
        self.status_map.iter().find(|mapping| mapping.source_status == source_status)
    }

    /// The system's own status for a ticket status: the first that maps to it.
    pub fn source_status_for(&self, status: TicketStatus) -> Option<&str> {
        self.status_map.iter().find(|mapping| mapping.status == status).map(|mapping| mapping.source_status.as_str())
    }
}

/// The ticket status that a system's own status maps to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusMapping {
    #[serde(rename = "word")]
    pub source_status: String,
    pub status: TicketStatus,
    /// It is an explicit reopening: only such a status moves a ticket out of CLOSED or CANCELLED.
    pub reopens: bool,
}

/// All systems, cached in memory.
pub struct SystemCache(pub(super) LookupCache<(), Arc<Systems>>);

impl Default for SystemCache {
    fn default() -> Self {
        Self(LookupCache::new(1))
    }
}

impl SystemCache {
    pub fn invalidate(&self) {
        self.0.invalidate_all();
    }
}

/// Registers a system, with an account, a first API key and a first webhook secret.
#[derive(Clone, Debug, Serialize)]
pub struct RegisterSystem {
    pub key: String,
    pub name: String,
    pub rank: Option<u32>,
    pub callback_url: Option<String>,
    #[serde(rename = "words")]
    pub status_map: Vec<StatusMapping>,
}

/// A new secret; shown once and never stored. Absent when an idempotent call is repeated.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct OneTimeSecret {
    #[serde(skip)]
    pub text: Option<String>,
}

impl OneTimeSecret {
    pub fn new(text: String) -> Self {
        Self { text: Some(text) }
    }
}

#[derive(Serialize, Deserialize)]
pub struct RegisteredSystem {
    pub system: SystemId,
    pub api_key: OneTimeSecret,
    pub webhook_secret: OneTimeSecret,
}

/// Changes the given fields; `None` leaves a field unchanged.
#[derive(Clone, Debug, Default, Serialize)]
pub struct UpdateSystem {
    pub key: String,
    pub name: Option<String>,
    pub rank: Option<u32>,
    /// `Some(None)` removes it.
    pub callback_url: Option<Option<String>>,
    /// Replaces the whole status map.
    #[serde(rename = "words")]
    pub status_map: Option<Vec<StatusMapping>>,
    /// Enables a disabled endpoint again.
    pub enable: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct IssueApiKey {
    pub system: String,
    pub scopes: Vec<ApiScope>,
    pub expires_at: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
pub struct IssuedApiKey {
    pub system: SystemId,
    pub key: ApiKeyId,
    pub text: OneTimeSecret,
}

#[derive(Clone, Debug, Serialize)]
pub struct RevokeApiKey {
    pub key: ApiKeyId,
}

/// Creates a new webhook secret; the old one also signs until the overlap ends.
#[derive(Clone, Debug, Serialize)]
pub struct RotateWebhookSecret {
    pub system: String,
    pub overlap: Duration,
}

#[derive(Serialize, Deserialize)]
pub struct RotatedSecret {
    pub system: SystemId,
    pub secret: OneTimeSecret,
}

/// Creates a ticket; called by people, or by a system with its own references.
#[derive(Clone, Debug, Serialize)]
pub struct CreateTicket(pub tickets::CreateTicket);

/// Links a system's reference to a ticket; called by staff, or by the system for its own references.
#[derive(Clone, Debug, Serialize)]
pub struct LinkExternalRef(pub tickets::LinkExternalRef);

/// Unlinks a system's reference from a ticket; called by staff, or by the system for its own references.
#[derive(Clone, Debug, Serialize)]
pub struct UnlinkExternalRef(pub tickets::UnlinkExternalRef);

/// Rejects a pending status report.
#[derive(Clone, Debug, Serialize)]
pub struct DismissPendingReport {
    pub ticket: TicketId,
    pub expected_version: Option<i32>,
}

/// Sends a dead letter again.
#[derive(Clone, Debug, Serialize)]
pub struct ReplayDelivery {
    pub correction: CorrectionId,
}

/// Sends all dead letters of a system again.
#[derive(Clone, Debug, Serialize)]
pub struct ReplayDeadLetters {
    pub system: String,
}

string_enum! {
    /// The state of a correction.
    CorrectionState {
        /// Waiting to be sent or retried; without an endpoint it waits for a subscription.
        Due = "DUE",
        /// Its endpoint answered 2xx, or the system acknowledged it in a report.
        Acknowledged = "ACKNOWLEDGED",
        /// Superseded: the truth changed, or the system reported the same status on its own.
        Superseded = "OVERTAKEN",
        /// Delivery was given up (dead letter); it can be replayed.
        Dead = "DEAD",
    }
}

impl From<QueueState> for CorrectionState {
    fn from(state: QueueState) -> Self {
        match state {
            QueueState::Due => Self::Due,
            QueueState::Dead => Self::Dead,
        }
    }
}

/// A correction of a system whose status differs from the truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    pub id: CorrectionId,
    pub ticket: TicketId,
    pub system: SystemId,
    pub status: TicketStatus,
    /// The reason, as given by `StatusFold::cause`.
    pub cause: String,
    pub created_at: Timestamp,
    pub state: CorrectionState,
    pub delivery: QueueEntry,
    pub acknowledged_at: Option<Timestamp>,
    /// The system's event id of the report that echoed it.
    pub echo_event: Option<String>,
}

impl Correction {
    /// Whether it is neither acknowledged nor superseded.
    pub fn is_open(&self) -> bool {
        matches!(self.state, CorrectionState::Due | CorrectionState::Dead)
    }
}

impl QueuedMessage for Correction {
    fn id(&self) -> Uuid {
        self.id.0
    }

    fn entry_mut(&mut self) -> &mut QueueEntry {
        &mut self.delivery
    }

    fn set_state(&mut self, state: QueueState) {
        self.state = state.into();
    }
}

/// The status that a system has for a ticket that it reported or is linked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemState {
    pub ticket: TicketId,
    pub system: SystemId,
    /// Its latest report in the total order; `None`: it has not reported.
    pub report: Option<ReportId>,
    /// The correction that it has acknowledged since.
    pub correction: Option<CorrectionId>,
    pub status: Option<TicketStatus>,
}

/// A status that a system used and its status map does not contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmappedStatus {
    pub source_status: String,
    pub reports: i64,
    pub last_at: Timestamp,
}

/// Details of a system for administrators.
#[derive(Clone, Debug)]
pub struct SystemDetails {
    pub keys: Vec<ApiKey>,
    pub unmapped: Vec<UnmappedStatus>,
    pub dead: i64,
    pub due: i64,
    /// The number of secrets that sign its messages now.
    pub secrets: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum HubEvent {
    SystemSaved {
        system: SystemId,
        key: String,
        fields: Vec<String>,
    },
    WebhookSecretRotated {
        system: SystemId,
    },
    /// Its endpoint was disabled.
    SystemDisabled {
        system: SystemId,
        key: String,
        because: String,
    },
    UnknownWord {
        system: SystemId,
        key: String,
        word: String,
    },
    CorrectionDue {
        system: SystemId,
        correction: CorrectionId,
        ticket: TicketId,
    },
    CorrectionDead {
        system: SystemId,
        correction: CorrectionId,
        ticket: TicketId,
    },
    CorrectionReplayed {
        system: SystemId,
        correction: CorrectionId,
        ticket: TicketId,
    },
}

impl HubEvent {
    pub fn system(&self) -> SystemId {
        match self {
            Self::SystemSaved { system, .. }
            | Self::WebhookSecretRotated { system }
            | Self::SystemDisabled { system, .. }
            | Self::UnknownWord { system, .. }
            | Self::CorrectionDue { system, .. }
            | Self::CorrectionDead { system, .. }
            | Self::CorrectionReplayed { system, .. } => *system,
        }
    }
}

impl LogEvent for HubEvent {
    const TAG: &'static str = "Hub";

    fn kind(&self) -> &'static str {
        match self {
            Self::SystemSaved { .. } => "SystemSaved",
            Self::WebhookSecretRotated { .. } => "WebhookSecretRotated",
            Self::SystemDisabled { .. } => "SystemDisabled",
            Self::UnknownWord { .. } => "UnknownWord",
            Self::CorrectionDue { .. } => "CorrectionDue",
            Self::CorrectionDead { .. } => "CorrectionDead",
            Self::CorrectionReplayed { .. } => "CorrectionReplayed",
        }
    }

    fn subject(&self) -> (&'static str, Uuid) {
        ("system", self.system().0)
    }
}

/// The job queue of deliveries to systems.
pub const QUEUE: &str = "hub";
/// Job: delivers the due corrections of one system.
pub const DELIVER_JOB: &str = "hub.deliver";
/// Job: links the tickets that referenced a system before it was registered.
pub const LINK_JOB: &str = "hub.link";
/// Job: rebuilds tickets after a change of a status map.
pub const REBUILD_JOB: &str = "hub.refold";

/// What the hub records about a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HubFact {
    /// A system reported a status; `status`: the result of its status mapping for `word`.
    StatusReported {
        system: String,
        word: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        status: Option<TicketStatus>,
        outcome: String,
    },
    /// A system acknowledged its correction.
    CorrectionAcknowledged { system: String, status: TicketStatus },
}

impl TicketFact for HubFact {
    const NAMES: &'static [&'static str] = &["StatusReported", "CorrectionAcknowledged"];
}
