//! What comes in, and what becomes of it.

use serde::{Deserialize, Serialize};

use crate::credentials::model::CredentialKind;
use crate::kernel::{SubmissionId, TicketId, Timestamp, words};
use crate::notifications::model::Channel;
use crate::tickets::model::{ExternalRef, Priority};

/// Submissions in quarantine: of a gateway, and of one source at it.
pub const HELD_MAX: u64 = 10_000;
pub const HELD_OF_SOURCE_MAX: u64 = 2_000;
/// Bytes of one submission.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Submissions released by one call.
pub const RELEASE_MAX: u64 = 500;

words! {
    /// A way in, by its key.
    Gateway {
        Wecom = "wecom",
        Dingtalk = "dingtalk",
        Feishu = "feishu",
        Api = "api",
    }
}

impl Gateway {
    /// The kind of credential by which its callers are known; its key is the gateway's.
    pub const fn credential(self) -> CredentialKind {
        match self {
            Self::Wecom => CredentialKind::WecomCallback,
            Self::Dingtalk => CredentialKind::DingtalkCallback,
            Self::Feishu => CredentialKind::FeishuCallback,
            Self::Api => CredentialKind::ApiSignature,
        }
    }

    /// By which people are known who write there.
    pub const fn channel(self) -> Option<Channel> {
        match self {
            Self::Wecom => Some(Channel::Wecom),
            Self::Dingtalk => Some(Channel::Dingtalk),
            Self::Feishu => Some(Channel::Feishu),
            Self::Api => None,
        }
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
        Self { content_type: "application/json; charset=utf-8", body: body.to_string() }
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
    pub more: More,
}

/// What a program may say besides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct More {
    #[serde(skip)]
    pub priority: Option<Priority>,
    pub issue_type: Option<String>,
    pub product: Option<String>,
    pub device: Option<String>,
    pub customer_key: Option<String>,
    pub requester_email: Option<String>,
    #[serde(skip)]
    pub external_refs: Vec<ExternalRef>,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    Answer(Reply),
    /// It did not pass: kept.
    Quarantined(SubmissionId, Reason),
    /// It did not pass, and no more can be kept.
    Full,
    /// It passed, and is no ticket: what is wrong, as a sentence.
    Refused(crate::kernel::Message),
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
    pub ticket: Option<TicketId>,
}

/// Checks a submission again, and makes a ticket of it.
#[derive(Clone, Debug, Serialize)]
pub struct ReleaseQuarantined {
    pub submission: SubmissionId,
}

/// The same of all that a gateway holds, at most [`RELEASE_MAX`], oldest first.
#[derive(Clone, Debug, Serialize)]
pub struct ReleaseGateway {
    pub gateway: Gateway,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
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
    },
    Full {
        gateway: Gateway,
    },
}

impl IntakeEvent {
    pub fn submission(&self) -> Option<SubmissionId> {
        match self {
            Self::Quarantined { submission, .. } | Self::Released { submission, .. } => Some(*submission),
            Self::Full { .. } => None,
        }
    }
}
