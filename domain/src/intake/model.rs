//! What comes in, and what becomes of it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::credentials::model::CredentialKind;
use crate::kernel::{SubmissionId, TicketId, Timestamp, minutes, words};
use crate::notifications::model::Channel;
use crate::tickets::model::{ExternalRef, Priority};

/// Submissions in quarantine: of a gateway, and of one source at it.
pub const HELD_MAX: u64 = 10_000;
pub const HELD_OF_SOURCE_MAX: u64 = 2_000;
/// Bytes of one submission.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Bytes that are held so, sealed: of a gateway, and of one source at it.
pub const HELD_BYTES_MAX: u64 = 512 * 1024 * 1024;
pub const HELD_BYTES_OF_SOURCE_MAX: u64 = 128 * 1024 * 1024;
/// Bytes of one mail.
pub const MAIL_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Bytes of a sender's own name of a message.
pub const EXTERNAL_ID_MAX: usize = 200;
/// Submissions that are checked again by one call.
pub const RELEASE_MAX: u64 = 500;
/// Mails of one author, and forms from one address, taken within an hour: machines that answer each other end there.
pub const OF_SENDER_AN_HOUR: u64 = 30;
/// What a canary's name begins with, and the header of a mail that is one.
pub const CANARY: &str = "canary:";
pub const CANARY_HEADER: &str = "X-Buoy-Canary";
/// What a mail's envelope says, as arguments: the return path, and our own address.
pub const MAIL_FROM: &str = "mailFrom";
pub const OWN_ADDRESS: &str = "own";

words! {
    /// A way in, by its key.
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
    /// The kind of credential by which its callers are known; its key is the gateway's.
    pub const fn credential(self) -> CredentialKind {
        // Its key is that of the gateway (CredentialKind::key).
        match self {
            Self::Wecom => CredentialKind::WecomCallback,
            Self::Dingtalk => CredentialKind::DingtalkCallback,
            Self::Feishu => CredentialKind::FeishuCallback,
            Self::Api => CredentialKind::ApiSignature,
            Self::Email => CredentialKind::EmailAuthentication,
            Self::Web => CredentialKind::WebForm,
        }
    }

    /// By which people are known who write there.
    pub const fn channel(self) -> Option<Channel> {
        match self {
            Self::Wecom => Some(Channel::Wecom),
            Self::Dingtalk => Some(Channel::Dingtalk),
            Self::Feishu => Some(Channel::Feishu),
            Self::Email => Some(Channel::Email),
            Self::Api | Self::Web => None,
        }
    }

    /// Whether anybody may write there who has not been let in by a person: each may do so only so often.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Email | Self::Web)
    }

    /// Whether we can be our own sender there. Where not, the credential is probed and silence is noticed.
    pub const fn takes_canaries(self) -> bool {
        matches!(self, Self::Api | Self::Email | Self::Web)
    }
}

words! {
    /// Why a submission did not pass.
    Reason {
        /// No credential of the gateway is known.
        NoCredential = "NO_CREDENTIAL",
        /// The signature is missing, or is not by any secret that is good.
        SignatureInvalid = "SIGNATURE_INVALID",
        /// It was signed too long before it came, or after.
        TimestampInvalid = "TIMESTAMP_INVALID",
        /// It does not decrypt, or is for somebody else.
        DecryptionFailed = "DECRYPTION_FAILED",
        /// It is signed well, and does not read.
        Malformed = "MALFORMED",
        /// It is signed well, and names what is not known here.
        Refused = "REFUSED",
    }
}

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raw {
    pub gateway: Gateway,
    /// Whether it only asks for the address to be verified (GET).
    pub verifying: bool,
    pub query: Vec<(String, String)>,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    #[serde(with = "hex")]
    pub body: Vec<u8>,
    /// The address that it came from.
    pub source: String,
    pub at: Timestamp,
}

impl Raw {
    pub fn argument(&self, name: &str) -> &str {
        self.query.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

const JSON: &str = "application/json; charset=utf-8";

/// What is answered to a caller whose request passed.
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

    /// Names the ticket to those who are answered by an object that is ours.
    pub fn name(&mut self, token: &str) {
        if self.content_type == JSON && self.body == "{}" {
            self.body = serde_json::json!({ "ticket": token }).to_string();
        }
    }
}

/// What a request says that has passed its check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub reply: Reply,
    /// `None`: something that is no request for help.
    pub message: Option<Message>,
}

/// Somebody asks for help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The provider's own id: it repeats what was not answered in time.
    pub external_id: String,
    /// Who wrote, as the provider knows them.
    pub sender: Option<String>,
    pub title: String,
    pub description: String,
    /// The messages that it answers to, by their own ids.
    pub answers: Vec<String>,
    /// The ticket that it names.
    pub token: Option<String>,
    /// What its writer wrote themselves, without what they answered to; `None`: all of it.
    pub own_words: Option<String>,
    pub more: More,
}

/// What a program may say besides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct More {
    pub priority: Option<Priority>,
    pub issue_type: Option<String>,
    pub product: Option<String>,
    pub device: Option<String>,
    pub customer_key: Option<String>,
    pub requester_email: Option<String>,
    pub external_refs: Vec<ExternalRef>,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    Answer(Reply),
    /// It did not pass: kept.
    Quarantined(SubmissionId, Reason),
    /// It only asked for the address to be verified, and did not pass.
    Unverified(Reason),
    /// No more can be taken now.
    Later,
    /// It passed, and names what is not known here: kept, with what is wrong, as a sentence.
    Refused(SubmissionId, crate::kernel::Message),
}

/// A submission that did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    pub id: SubmissionId,
    pub gateway: Gateway,
    pub source: String,
    pub reason: Reason,
    pub received_at: Timestamp,
    pub released_at: Option<Timestamp>,
    /// Somebody has looked at it, and it is no request for help.
    pub dismissed_at: Option<Timestamp>,
    pub ticket: Option<TicketId>,
}

words! {
    /// What became of a synthetic ticket.
    CanaryState {
        Sent = "SENT",
        /// It came, and stands.
        Arrived = "ARRIVED",
        /// It still stood when it was looked at: over.
        Cancelled = "CANCELLED",
        /// It never came, or does not stand any more.
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
    pub failure: Option<String>,
}

/// The hour for which it was last told that a quarantine is full: once is enough.
#[derive(Default)]
pub struct Told(Mutex<HashMap<Gateway, i64>>);

impl Told {
    fn hours(&self) -> MutexGuard<'_, HashMap<Gateway, i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn knows(&self, gateway: Gateway, hour: i64) -> bool {
        self.hours().get(&gateway) == Some(&hour)
    }

    pub fn note(&self, gateway: Gateway, hour: i64) {
        self.hours().insert(gateway, hour);
    }
}

/// How long nothing has come, and how long that usually takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence {
    pub since: Timestamp,
    /// The 99th percentile (nearest rank) of the gaps that began at the same hour of the day; `None`: too few of them.
    pub usual_secs: Option<i64>,
    pub is_unusual: bool,
}

/// How a gateway does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    pub gateway: Gateway,
    /// Whether it has a credential of its kind.
    pub is_open: bool,
    /// Submissions in quarantine.
    pub held: u64,
    /// Within the last day.
    pub received: u64,
    pub silence: Option<Silence>,
    /// The latest ones, newest first.
    pub canaries: Vec<Canary>,
}

/// An administrator's choices.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `None`: no canaries, and nobody is alarmed by silence.
    pub watched_every: Option<Duration>,
    /// A canary is looked at so long after it was sent.
    pub canary_stands_for: Duration,
    /// Where mail for help is written to.
    pub mail_address: Option<String>,
    pub zone: TimeZone,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            watched_every: Some(minutes(10)),
            canary_stands_for: minutes(30),
            mail_address: None,
            zone: TimeZone::UTC,
        }
    }
}

/// Checks a submission again, and makes a ticket of it.
#[derive(Clone, Debug, Serialize)]
pub struct ReleaseQuarantined {
    pub submission: SubmissionId,
}

/// It is no request for help: it is kept, and takes no place any more.
#[derive(Clone, Debug, Serialize)]
pub struct DismissQuarantined {
    /// One …
    pub submission: Option<SubmissionId>,
    /// … or all that a gateway holds of one source.
    pub of: Option<(Gateway, String)>,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Released {
    pub released: u64,
    /// They still do not pass.
    pub kept: u64,
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
        /// How long it was held.
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
    /// Nothing has come since then, and at this hour something should have.
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
