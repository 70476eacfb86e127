//! Credentials, commands and events.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::kernel::{CredentialId, Message, Timestamp, UserId, minutes, string_enum};
use crate::runtime::{ConfigSection, LogEvent};
use uuid::Uuid;

string_enum! {
    /// The purpose of a credential, which determines its parts.
    CredentialKind {
        /// WeCom calls us: `token`, `encodingAesKey`, `receiveId` (the corp id).
        WecomCallback = "WECOM_CALLBACK",
        /// A DingTalk robot, or an application's events, call us: `appSecret`; for events also `token`, `aesKey`, `appKey`.
        DingtalkCallback = "DINGTALK_CALLBACK",
        /// Feishu calls us: `encryptKey`, `verificationToken`.
        FeishuCallback = "FEISHU_CALLBACK",
        /// API clients call us: `secret`, signed as in Standard Webhooks.
        ApiSignature = "API_SIGNATURE",
        /// The mail server of the organisation authenticates senders: `authservId`, its name in Authentication-Results.
        EmailAuthentication = "EMAIL_AUTHENTICATION",
        /// The public web form: `secret`, which signs its one-time passes.
        WebForm = "WEB_FORM",
        /// An account of a message channel. Its secret is in the configuration; only its digest is stored.
        ChannelAccount = "CHANNEL_ACCOUNT",
        /// Any other secret with an expiry date: `secret`.
        Other = "OTHER",
    }
}

/// The only stored part of a channel account.
pub const DIGEST_PART: &str = "digest";

impl CredentialKind {
    /// The required and the optional parts.
    pub const fn parts(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::WecomCallback => (&["token", "encodingAesKey", "receiveId"], &[]),
            Self::DingtalkCallback => (&["appSecret"], &["token", "aesKey", "appKey"]),
            Self::FeishuCallback => (&["encryptKey", "verificationToken"], &[]),
            Self::EmailAuthentication => (&["authservId"], &[]),
            Self::ChannelAccount => (&[DIGEST_PART], &[]),
            Self::ApiSignature | Self::WebForm | Self::Other => (&["secret"], &[]),
        }
    }
}

impl CredentialKind {
    /// The fixed key of the credential of a gateway.
    pub const fn key(self) -> Option<&'static str> {
        match self {
            Self::WecomCallback => Some("wecom"),
            Self::DingtalkCallback => Some("dingtalk"),
            Self::FeishuCallback => Some("feishu"),
            Self::ApiSignature => Some("api"),
            Self::EmailAuthentication => Some("email"),
            Self::WebForm => Some("web"),
            Self::ChannelAccount | Self::Other => None,
        }
    }
}

/// The key prefix of channel accounts.
pub const ACCOUNT_KEY_PREFIX: &str = "channels.";

/// The secret parts of a credential by name; never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Parts(pub BTreeMap<String, String>);

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

impl Parts {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    pub id: CredentialId,
    pub key: String,
    pub kind: CredentialKind,
    pub name: String,
    /// Gets the warnings.
    pub owner: UserId,
    /// When it expires at the other party; `None`: never.
    pub expires_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub rotated_at: Option<Timestamp>,
    /// Since when the other party rejects it, and its last error.
    pub failing_since: Option<Timestamp>,
    pub failure: Option<Message>,
    /// When it was last tried at the other party.
    pub probed_at: Option<Timestamp>,
}

/// Configuration: the section `credentials`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whether a changed secret raises an alert (密钥变更告警).
    pub change_alarm: bool,
    /// The interval of health checks of channel accounts; 0: only messages check them.
    pub probe_minutes: u64,
    /// Days before the expiry at which the owner is warned.
    pub warned_days: Vec<u16>,
}

impl ConfigSection for Settings {
    const NAME: &'static str = "credentials";
}

impl Settings {
    pub fn probe_interval(&self) -> Option<Duration> {
        (self.probe_minutes > 0).then(|| minutes(self.probe_minutes))
    }

    /// Each once, in descending order.
    pub fn warned_days(&self) -> Vec<u64> {
        let mut days: Vec<u64> = self.warned_days.iter().copied().map(u64::from).collect();
        days.sort_unstable_by(|a, b| b.cmp(a));
        days.dedup();
        days
    }
}

/// Creates a credential or changes its metadata; [`RotateCredential`] changes the secret.
#[derive(Clone, Debug, Serialize)]
pub struct SaveCredential {
    pub key: String,
    pub kind: CredentialKind,
    pub name: Option<String>,
    pub owner: Option<UserId>,
    /// `Some(None)`: no expiry.
    pub expires_at: Option<Option<Timestamp>>,
    /// Only for a new credential. Excluded from the idempotency digest, which would reveal whether two secrets are equal.
    #[serde(skip)]
    pub parts: Option<Parts>,
}

/// Replaces the secret; the previous one verifies until the overlap ends.
#[derive(Clone, Debug, Serialize)]
pub struct RotateCredential {
    pub key: String,
    pub overlap: Duration,
    /// `None`: unchanged; `Some(None)`: no expiry.
    pub expires_at: Option<Option<Timestamp>>,
    #[serde(skip)]
    pub parts: Parts,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum CredentialEvent {
    Saved {
        credential: CredentialId,
        key: String,
        /// Set if the owner was set.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<UserId>,
        fields: Vec<String>,
    },
    Rotated {
        credential: CredentialId,
        key: String,
        owner: UserId,
        overlap_secs: u64,
    },
    /// The other party rejects it.
    Failing {
        credential: CredentialId,
        key: String,
        owner: UserId,
    },
    /// The other party accepts it again.
    Recovered {
        credential: CredentialId,
        key: String,
    },
    /// It expires in `days`; 0: within a day, or already expired.
    Expiring {
        credential: CredentialId,
        key: String,
        owner: UserId,
        days: i64,
    },
}

impl CredentialEvent {
    pub fn credential(&self) -> CredentialId {
        match self {
            Self::Saved { credential, .. }
            | Self::Rotated { credential, .. }
            | Self::Failing { credential, .. }
            | Self::Recovered { credential, .. }
            | Self::Expiring { credential, .. } => *credential,
        }
    }
}

impl LogEvent for CredentialEvent {
    const TAG: &'static str = "Credential";

    fn kind(&self) -> &'static str {
        match self {
            Self::Saved { .. } => "CredentialSaved",
            Self::Rotated { .. } => "CredentialRotated",
            Self::Expiring { .. } => "CredentialExpiring",
            Self::Failing { .. } => "CredentialFailing",
            Self::Recovered { .. } => "CredentialRecovered",
        }
    }

    fn subject(&self) -> (&'static str, Uuid) {
        ("credential", self.credential().0)
    }
}
