//! Systems, what they report, what they are told, and what is told of them.

mod merge;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

pub use self::merge::*;
use crate::auth::model::ApiKey;
use crate::kernel::{
    ApiKeyId, ApiScope, Code, CorrectionId, Message, ReportId, SystemId, TicketId, Timestamp, UserId, days, words,
};
use crate::runtime::Shelf;
use crate::tickets::model as tickets;
use crate::tickets::model::TicketStatus;

/// Reports of one call.
pub const REPORTS_MAX: usize = 500;
/// Entries of words of one system.
pub const WORDS_MAX: usize = 200;
/// Reports that are kept of one ticket: what comes beyond is refused.
pub const REPORTS_PER_TICKET_MAX: usize = 2_000;
/// The rank of a system that names none, and the highest.
pub const RANK_DEFAULT: u32 = 10;
pub const RANK_MAX: u32 = 1_000;
/// The key by which Buoy itself stands beside the systems.
pub const BUOY: &str = "BUOY";

/// An administrator's choices.
#[derive(Clone, Debug)]
pub struct Settings {
    /// An endpoint that has failed for so long is called no more, and administrators hear of it.
    pub disable_after: Duration,
    /// Systems that differ for so long are no divergence yet.
    pub grace: Duration,
    /// The divergence that is aimed for.
    pub divergence_target: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { disable_after: days(3), grace: crate::kernel::minutes(5), divergence_target: 0.008 }
    }
}

/// Another system that speaks of tickets: an ERP, a CRM, an app in the field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    pub id: SystemId,
    pub key: String,
    pub name: String,
    /// Of reports of one instant, the one of the lowest rank wins; Buoy itself has 0.
    pub rank: u32,
    /// The account in whose name it acts.
    pub account: UserId,
    /// Where its corrections are sent to.
    pub callback_url: Option<String>,
    pub created_at: Timestamp,
    /// Its endpoint has answered nothing good since then, so often in a row; it is not called before `retry_at`.
    pub failing_since: Option<Timestamp>,
    pub failures: i32,
    pub retry_at: Option<Timestamp>,
    /// It is called no more.
    pub disabled_at: Option<Timestamp>,
    pub disabled_because: Option<String>,
    /// How far its clock runs ahead of ours, as far as its reports show; negative: behind.
    pub clock_offset_millis: Option<i64>,
    pub clock_seen_at: Option<Timestamp>,
    /// Its own words, in the order in which it gave them.
    pub words: Vec<StatusWord>,
}

impl System {
    /// Where its corrections go now.
    pub fn endpoint(&self) -> Option<&str> {
        self.callback_url.as_deref().filter(|_| self.disabled_at.is_none())
    }

    pub fn word(&self, word: &str) -> Option<&StatusWord> {
        self.words.iter().find(|known| known.word == word)
    }

    /// The system's own word for a status: the first that its map names.
    pub fn word_for(&self, status: TicketStatus) -> Option<&str> {
        self.words.iter().find(|known| known.status == status).map(|known| known.word.as_str())
    }
}

/// What a system's own word means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusWord {
    pub word: String,
    pub status: TicketStatus,
    /// It says that the ticket is taken up again: only such a word leads out of CLOSED or CANCELLED.
    pub reopens: bool,
}

/// All systems, in memory.
pub struct Systems(pub(super) Shelf<(), Arc<HashMap<SystemId, Arc<System>>>>);

impl Default for Systems {
    fn default() -> Self {
        Self(Shelf::new(1))
    }
}

impl Systems {
    pub fn forget(&self) {
        self.0.forget_all();
    }
}

/// Joins a system: an account, a first API key, a first secret of its webhook.
#[derive(Clone, Debug, Serialize)]
pub struct RegisterSystem {
    pub key: String,
    pub name: String,
    pub rank: Option<u32>,
    pub callback_url: Option<String>,
    pub words: Vec<StatusWord>,
}

/// Secrets of something that was just made; shown once and never written down. Absent where a call is repeated.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Shown {
    #[serde(skip)]
    pub text: Option<String>,
}

impl Shown {
    pub fn once(text: String) -> Self {
        Self { text: Some(text) }
    }
}

#[derive(Serialize, Deserialize)]
pub struct Registered {
    pub system: SystemId,
    pub api_key: Shown,
    pub webhook_secret: Shown,
}

/// Changes what is given; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, Serialize)]
pub struct UpdateSystem {
    pub key: String,
    pub name: Option<String>,
    pub rank: Option<u32>,
    /// `Some(None)`: none.
    pub callback_url: Option<Option<String>>,
    /// In place of all words that were known.
    pub words: Option<Vec<StatusWord>>,
    /// Calls an endpoint again that was given up.
    pub enable: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct IssueApiKey {
    pub system: String,
    pub scopes: Vec<ApiScope>,
    pub expires_at: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
pub struct Issued {
    pub system: SystemId,
    pub key: ApiKeyId,
    pub text: Shown,
}

#[derive(Clone, Debug, Serialize)]
pub struct RevokeApiKey {
    pub key: ApiKeyId,
}

/// A new secret of a webhook; messages are signed with the one before as well until its time is over.
#[derive(Clone, Debug, Serialize)]
pub struct RotateWebhookSecret {
    pub system: String,
    pub overlap: Duration,
}

#[derive(Serialize, Deserialize)]
pub struct Rotated {
    pub system: SystemId,
    pub secret: Shown,
}

/// What a system says of tickets.
#[derive(Clone, Debug, Serialize)]
pub struct ReportStatuses {
    pub reports: Vec<Given>,
    /// What the system's clock said when it sent this.
    pub sent_at: Option<Timestamp>,
}

/// A report as it is given.
#[derive(Clone, Debug, Serialize)]
pub struct Given {
    pub token: String,
    pub word: String,
    pub at: Timestamp,
    pub operator: String,
    pub event_id: Option<String>,
    /// Of the correction that it acknowledges.
    pub cause: Option<String>,
}

/// What a report came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    pub token: String,
    pub outcome: Outcome,
    pub code: Option<Code>,
    pub message: Option<Message>,
    /// Where the ticket stands now.
    pub truth: Option<TicketStatus>,
}

/// Links what a system calls a ticket: by staff, or by the system itself, whose own number it must be.
#[derive(Clone, Debug, Serialize)]
pub struct LinkExternalRef(pub tickets::LinkExternalRef);

/// A person says that a step which a system reported, and which waits, is not so.
#[derive(Clone, Debug, Serialize)]
pub struct DismissPendingReport {
    pub ticket: TicketId,
    pub expected_version: Option<i32>,
}

/// Sends a correction again that was given up.
#[derive(Clone, Debug, Serialize)]
pub struct ReplayDelivery {
    pub correction: CorrectionId,
}

/// Sends all corrections of a system again that were given up.
#[derive(Clone, Debug, Serialize)]
pub struct ReplayDeadLetters {
    pub system: String,
}

words! {
    /// What became of a correction.
    CorrectionState {
        /// It is to be sent, or sent again; without an endpoint it waits to be taken by subscription.
        Due = "DUE",
        /// The system has it: its endpoint answered 2xx, or it said so.
        Acknowledged = "ACKNOWLEDGED",
        /// Something else became true, or the system said the same by itself.
        Overtaken = "OVERTAKEN",
        /// It was tried as often as it is tried: kept, and sent again when somebody replays it.
        Dead = "DEAD",
    }
}

/// What a system is told, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    pub id: CorrectionId,
    pub ticket: TicketId,
    pub system: SystemId,
    pub status: TicketStatus,
    /// Why it is due, as the merge names it.
    pub cause: String,
    pub created_at: Timestamp,
    pub state: CorrectionState,
    pub attempts: i32,
    /// How often its endpoint took calls, and would not take this one.
    pub refusals: i32,
    /// When its endpoint is called next; `None`: it is not.
    pub due_at: Option<Timestamp>,
    pub sent_at: Option<Timestamp>,
    pub acknowledged_at: Option<Timestamp>,
    pub failure: Option<String>,
    /// What the system itself called the report that was its echo.
    pub echo_event: Option<String>,
}

impl Correction {
    /// The system has not taken it yet, and it still holds.
    pub fn is_open(&self) -> bool {
        matches!(self.state, CorrectionState::Due | CorrectionState::Dead)
    }
}

/// What is called over HTTP: an address, headers and a body; and how the other side answered.
pub struct Letter {
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

/// How an endpoint answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answered {
    Status {
        code: u16,
        /// The other side asks to be left alone for so many seconds.
        retry_after: Option<u64>,
    },
    /// Nothing, or nothing that could be asked for.
    Nothing { why: String },
}

/// The way out: one HTTP client, guarded against private addresses, without redirects.
#[derive(Clone)]
pub struct Postman {
    pub permits: Arc<Permits>,
    pub post: Arc<Post>,
}

/// Whether an address may be called at all; else what is wrong with it.
pub type Permits = dyn Fn(&str) -> Result<(), String> + Send + Sync;
/// Calls it.
pub type Post = dyn Fn(Letter) -> BoxFuture<'static, Answered> + Send + Sync;

/// A report as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusReport {
    pub id: ReportId,
    pub ticket: TicketId,
    /// `None`: Buoy itself.
    pub system: Option<SystemId>,
    pub rank: u32,
    pub word: String,
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
            digest: self.digest,
            status: self.status,
            reopening: self.reopens,
            by_person: self.by_person,
        }
    }
}

/// What a system holds of a ticket that it reported or is linked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    pub ticket: TicketId,
    pub system: SystemId,
    /// Its latest report, in the total order; `None`: it has not reported.
    pub report: Option<ReportId>,
    /// The correction that it has acknowledged since.
    pub correction: Option<CorrectionId>,
    pub status: Option<TicketStatus>,
}

/// A word that a system used and its map does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownWord {
    pub word: String,
    pub reports: i64,
    pub last_at: Timestamp,
}

/// A system with all that its administrator sees.
#[derive(Clone, Debug)]
pub struct SystemDetails {
    pub keys: Vec<ApiKey>,
    pub unknown: Vec<UnknownWord>,
    pub dead: i64,
    pub due: i64,
    /// Secrets that sign its messages now.
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
    /// Its endpoint is called no more.
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
