//! Submissions, the quarantine and the health of gateways.

mod settings;
mod stored_body;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::settings::Settings;
use super::decide::Fingerprint;
use crate::credentials::model::CredentialKind;
use crate::kernel::{SubmissionId, TicketId, Timestamp, string_enum};
use crate::notifications::model::Channel;
use crate::runtime::LogEvent;
use crate::runtime::event::fields_of;
use crate::tickets::model::{ExternalRef, Priority};
use uuid::Uuid;

/// The queue of canaries.
pub const QUEUE: &str = "intake";
/// Sends a synthetic ticket through a gateway.
pub const CANARY_JOB: &str = "intake.canary";
/// Checks whether a synthetic ticket arrived.
pub const CANARY_CHECK_JOB: &str = "intake.check";
/// Schedules canaries and detects silence.
pub const MONITOR_JOB: &str = "intake.watch";

/// Quarantined submissions per gateway, and per source of a gateway.
pub const QUARANTINE_MAX: u64 = 10_000;
pub const QUARANTINE_PER_SOURCE_MAX: u64 = 2_000;
/// Bytes of one submission.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Bytes of quarantined submissions, sealed, per gateway and per source of a gateway.
pub const QUARANTINE_BYTES_MAX: u64 = 512 * 1024 * 1024;
pub const QUARANTINE_BYTES_PER_SOURCE_MAX: u64 = 128 * 1024 * 1024;
/// Bytes of all payloads in the database, dismissed ones included.
pub const QUARANTINE_TOTAL_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// The same for a gateway that has no credential, where anybody can post.
pub const UNCONFIGURED_MAX: u64 = 100;
pub const UNCONFIGURED_PER_SOURCE_MAX: u64 = 20;
pub const UNCONFIGURED_BYTES_MAX: u64 = 2 * 1024 * 1024;
pub const UNCONFIGURED_BYTES_PER_SOURCE_MAX: u64 = 512 * 1024;
/// The longest time for which payloads of dismissed submissions are kept.
pub const DISMISSED_DAYS_MAX: u64 = 30;
/// Payloads that one sweep deletes.
pub const PURGE_MAX: u64 = 500;
/// Bytes of originals, sealed, per gateway and of all.
pub const RAW_BYTES_MAX: u64 = 512 * 1024 * 1024;
pub const RAW_TOTAL_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// The longest time for which originals are kept, in days.
pub const RAW_DAYS_MAX: u64 = 365;
/// Originals of a ticket that are shown, and their characters.
pub const RAW_SHOWN_MAX: u64 = 20;
pub const RAW_SHOWN_CHARS_MAX: usize = 500_000;
/// Bytes of one mail.
pub const MAIL_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Bytes of a sender's own id of a message.
pub const EXTERNAL_ID_MAX: usize = 200;
/// Submissions that one call checks again.
pub const RELEASE_MAX: u64 = 500;
/// Mails per author, and forms per address, accepted within an hour; this ends loops of automatic answers.
pub const PER_SENDER_HOURLY_MAX: u64 = 30;
/// The prefix of a canary's name, and the header that marks a mail as a canary.
pub const CANARY: &str = "canary:";
pub const CANARY_HEADER: &str = "X-Buoy-Canary";
/// Query parameters that carry a mail's envelope: the return path, and our own address.
pub const MAIL_FROM: &str = "mailFrom";
pub const OWN_ADDRESS: &str = "own";

string_enum! {
    /// A gateway for submissions, by its key.
    Gateway {
        Wecom = "wecom",
        Dingtalk = "dingtalk",
        Feishu = "feishu",
        Api = "api",
        Email = "email",
        Web = "web",
    }
}

impl Gateway {
    /// The kind of credential that authenticates its callers.
    pub const fn credential(self) -> CredentialKind {
        // The key of the credential is that of the gateway (CredentialKind::key).
        match self {
            Self::Wecom => CredentialKind::WecomCallback,
            Self::Dingtalk => CredentialKind::DingtalkCallback,
            Self::Feishu => CredentialKind::FeishuCallback,
            Self::Api => CredentialKind::ApiSignature,
            Self::Email => CredentialKind::EmailAuthentication,
            Self::Web => CredentialKind::WebForm,
        }
    }

    /// The channel that identifies its writers.
    pub const fn channel(self) -> Option<Channel> {
        match self {
            Self::Wecom => Some(Channel::Wecom),
            Self::Dingtalk => Some(Channel::Dingtalk),
            Self::Feishu => Some(Channel::Feishu),
            Self::Email => Some(Channel::Email),
            Self::Api | Self::Web => None,
        }
    }

    /// Whether anyone may write there; senders are rate-limited then.
    pub const fn is_public(self) -> bool {
        matches!(self, Self::Email | Self::Web)
    }

    /// Whether Buoy can act as a sender there. If not, the credential is probed and silence is detected.
    pub const fn accepts_canaries(self) -> bool {
        matches!(self, Self::Api | Self::Email | Self::Web)
    }
}

string_enum! {
    /// Why a submission failed its check.
    Reason {
        /// The gateway has no credential.
        NoCredential = "NO_CREDENTIAL",
        /// The signature is missing, or does not match any valid secret.
        SignatureInvalid = "SIGNATURE_INVALID",
        /// The signed timestamp is too far from the time of receipt.
        TimestampInvalid = "TIMESTAMP_INVALID",
        /// It cannot be decrypted, or is addressed to another receiver.
        DecryptionFailed = "DECRYPTION_FAILED",
        /// The signature is valid, but the content cannot be parsed.
        Malformed = "MALFORMED",
        /// The signature is valid, but the content refers to something unknown.
        Refused = "REFUSED",
    }
}

/// A request as received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawRequest {
    pub gateway: Gateway,
    /// Whether it only verifies the address (GET).
    pub verifying: bool,
    pub query: Vec<(String, String)>,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    #[serde(with = "stored_body")]
    pub body: Vec<u8>,
    /// The address of the sender.
    pub source: String,
    pub at: Timestamp,
}

impl RawRequest {
    pub fn query_param(&self, name: &str) -> &str {
        self.query.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

const JSON: &str = "application/json; charset=utf-8";

/// The answer to a request that passed its check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub content_type: &'static str,
    pub body: String,
}

impl Reply {
    pub fn text(body: impl Into<String>) -> Self {
        Self { content_type: "text/plain; charset=utf-8", body: body.into() }
    }

    pub fn json(body: &serde_json::Value) -> Self {
        Self { content_type: JSON, body: body.to_string() }
    }

    /// Adds the token of the ticket, and the path of its page, if the answer is an empty JSON object.
    pub fn add_ticket(&mut self, token: &str, link: Option<&str>) {
        if self.content_type == JSON && self.body == "{}" {
            self.body = match link {
                Some(link) => serde_json::json!({ "ticket": token, "link": link }).to_string(),
                None => serde_json::json!({ "ticket": token }).to_string(),
            };
        }
    }
}

/// A request that passed its check: the answer to its sender, and their message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedRequest {
    pub reply: Reply,
    /// `None`: it is not a request for help.
    pub message: Option<Message>,
}

/// A request for help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The provider's own id; the provider repeats a message that was not answered in time.
    pub external_id: String,
    /// The writer, as identified by the provider.
    pub sender: Option<String>,
    pub title: String,
    pub description: String,
    /// The ids of the messages that it replies to.
    pub in_reply_to: Vec<String>,
    /// The token of the ticket that it refers to.
    pub token: Option<String>,
    /// The text without the quoted message; `None`: the whole text.
    pub own_text: Option<String>,
    pub details: MessageDetails,
    /// The quoted message below the own text, with what introduces it; the description contains it too.
    pub quoted_text: Option<String>,
    /// The writer's name, as they write it themselves: not verified.
    pub author_name: Option<String>,
    /// The provider's id of the chat in which it was written.
    pub conversation: Option<String>,
    /// The subject of a mail, without prefixes and tags, in lower case.
    pub subject: Option<String>,
    /// Whether the subject says that the mail is a reply.
    pub is_reply: bool,
    /// Characters of the description that are left out; it ends with a sentence that says so.
    pub left_out: usize,
    /// Recognises a mail that arrives by two ways; `None`: the fields above are compared.
    pub fingerprint: Option<Fingerprint>,
}

/// Optional fields, set by programs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MessageDetails {
    pub priority: Option<Priority>,
    pub issue_type: Option<String>,
    pub product: Option<String>,
    pub device: Option<String>,
    pub customer_key: Option<String>,
    pub requester_email: Option<String>,
    pub external_refs: Vec<ExternalRef>,
}

/// The outcome of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiveOutcome {
    Reply(Reply),
    /// It failed its check and is quarantined.
    Quarantined(SubmissionId, Reason),
    /// It only verified the address, and failed its check.
    Unverified(Reason),
    /// No more can be accepted now.
    RetryLater,
    /// It passed its check, but its content was refused: quarantined, with the message of the refusal.
    Refused(SubmissionId, crate::kernel::Message),
}

/// A quarantined submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantinedSubmission {
    pub id: SubmissionId,
    pub gateway: Gateway,
    pub source: String,
    pub reason: Reason,
    pub received_at: Timestamp,
    pub released_at: Option<Timestamp>,
    /// When it was dismissed as not a request for help.
    pub dismissed_at: Option<Timestamp>,
    pub ticket: Option<TicketId>,
}

string_enum! {
    /// The state of a synthetic ticket.
    CanaryState {
        Sent = "SENT",
        /// It arrived.
        Arrived = "ARRIVED",
        /// It had arrived at its final check: the test passed.
        Cancelled = "CANCELLED",
        /// It never arrived, or could not be sent.
        Lost = "LOST",
    }
}

/// A synthetic ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary {
    pub gateway: Gateway,
    pub state: CanaryState,
    pub sent_at: Timestamp,
    pub arrived_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub failure: Option<crate::kernel::Message>,
}

/// Submissions are quarantined one after the other, so that concurrent ones do not exceed the limits together.
#[derive(Default)]
pub struct QuarantineTurn(pub(super) tokio::sync::Mutex<()>);

/// The hour of the last alert per gateway that its quarantine is full: one alert an hour.
#[derive(Default)]
pub struct QuarantineFullAlerts(Mutex<HashMap<Gateway, i64>>);

impl QuarantineFullAlerts {
    fn hours(&self) -> MutexGuard<'_, HashMap<Gateway, i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn was_sent(&self, gateway: Gateway, hour: i64) -> bool {
        self.hours().get(&gateway) == Some(&hour)
    }

    pub fn mark_sent(&self, gateway: Gateway, hour: i64) {
        self.hours().insert(gateway, hour);
    }
}

/// Since when nothing has arrived, and how long gaps usually last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence {
    pub since: Timestamp,
    /// The 99th percentile (nearest rank) of the gaps that began at the same hour of the day; `None`: too few of them.
    pub usual_secs: Option<i64>,
    pub is_unusual: bool,
}

/// The health of a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    pub gateway: Gateway,
    /// Whether it has a credential of its kind.
    pub is_open: bool,
    /// Submissions in quarantine.
    pub quarantined: u64,
    /// Submissions accepted within the last day.
    pub received: u64,
    pub silence: Option<Silence>,
    /// The latest canaries, newest first.
    pub canaries: Vec<Canary>,
}

/// Checks a quarantined submission again, and creates a ticket from it.
#[derive(Clone, Debug, Serialize)]
pub struct ReleaseQuarantined {
    pub submission: SubmissionId,
}

/// Dismisses submissions that are not requests for help: they no longer wait, and their payloads are deleted after a time.
#[derive(Clone, Debug, Serialize)]
pub struct DismissQuarantined {
    /// One submission …
    pub submission: Option<SubmissionId>,
    /// … or all of one source of a gateway.
    pub of: Option<(Gateway, String)>,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct ReleaseSummary {
    pub released: u64,
    /// Submissions that still fail their check.
    pub still_quarantined: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum IntakeEvent {
    Quarantined {
        submission: SubmissionId,
        gateway: Gateway,
        reason: Reason,
    },
    Released {
        submission: SubmissionId,
        gateway: Gateway,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        ticket: Option<TicketId>,
        /// How long it was quarantined.
        #[serde(default)]
        held_secs: i64,
    },
    Dismissed {
        #[serde(skip_serializing_if = "Option::is_none", default)]
        submission: Option<SubmissionId>,
        gateway: Gateway,
        submissions: u64,
    },
    Full {
        gateway: Gateway,
    },
    CanaryLost {
        gateway: Gateway,
    },
    /// Nothing has arrived since then, which is unusual at this hour.
    Silent {
        gateway: Gateway,
        since: Timestamp,
    },
}

impl IntakeEvent {
    pub fn submission(&self) -> Option<SubmissionId> {
        match self {
            Self::Quarantined { submission, .. } | Self::Released { submission, .. } => Some(*submission),
            Self::Dismissed { submission, .. } => *submission,
            Self::Full { .. } | Self::CanaryLost { .. } | Self::Silent { .. } => None,
        }
    }
}

impl LogEvent for IntakeEvent {
    const TAG: &'static str = "Intake";

    fn kind(&self) -> &'static str {
        match self {
            Self::Quarantined { .. } => "SubmissionQuarantined",
            Self::Released { .. } => "SubmissionReleased",
            Self::Dismissed { .. } => "SubmissionDismissed",
            Self::Full { .. } => "QuarantineFull",
            Self::CanaryLost { .. } => "CanaryLost",
            Self::Silent { .. } => "GatewaySilent",
        }
    }

    fn subject(&self) -> (&'static str, Uuid) {
        ("submission", self.submission().map_or(Uuid::nil(), |id| id.0))
    }

    fn fields(&self) -> Map<String, Value> {
        let mut fields = fields_of(self);
        if let Self::Silent { since, .. } = self {
            fields.insert("since".to_owned(), since.to_string().into());
        }
        fields
    }
}
