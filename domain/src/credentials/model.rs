//! Credentials, and what is told of them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::kernel::{CredentialId, Timestamp, UserId, minutes, words};

words! {
    /// What a credential is for, and which parts it has.
    CredentialKind {
        /// WeCom calls us: `token`, `encodingAesKey`, `receiveId` (the corp id).
        WecomCallback = "WECOM_CALLBACK",
        /// A DingTalk robot, or an application's events, call us: `appSecret`; for events also `token`, `aesKey`, `appKey`.
        DingtalkCallback = "DINGTALK_CALLBACK",
        /// Feishu calls us: `encryptKey`, `verificationToken`.
        FeishuCallback = "FEISHU_CALLBACK",
        /// Another party's programs call us: `secret`, as Standard Webhooks has it.
        ApiSignature = "API_SIGNATURE",
        /// The organisation's mail server vouches for who wrote: `authservId`, its name in Authentication-Results.
        EmailAuthentication = "EMAIL_AUTHENTICATION",
        /// The form that anybody may fill in: `secret`, by which what was opened here is known again.
        WebForm = "WEB_FORM",
        /// An account by which messages leave: its secret is in the configuration, and here only its digest.
        ChannelAccount = "CHANNEL_ACCOUNT",
        /// Anything else that ends some day: `secret`.
        Other = "OTHER",
    }
}

/// The part of an account that is kept here.
pub const DIGEST: &str = "digest";

impl CredentialKind {
    /// The parts that it must have, and those that it may have.
    pub const fn parts(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::WecomCallback => (&["token", "encodingAesKey", "receiveId"], &[]),
            Self::DingtalkCallback => (&["appSecret"], &["token", "aesKey", "appKey"]),
            Self::FeishuCallback => (&["encryptKey", "verificationToken"], &[]),
            Self::EmailAuthentication => (&["authservId"], &[]),
            Self::ChannelAccount => (&[DIGEST], &[]),
            Self::ApiSignature | Self::WebForm | Self::Other => (&["secret"], &[]),
        }
    }
}

impl CredentialKind {
    /// The key that every credential of a gateway's kind has: by it the gateway finds it.
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

/// What the keys of channels' accounts begin with.
pub const ACCOUNTS: &str = "channels.";

/// The secret parts of a credential, by their names: never shown.
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
    /// Whoever is warned, and can mend it.
    pub owner: UserId,
    /// When the other party lets it end; `None`: it has no such date.
    pub expires_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub rotated_at: Option<Timestamp>,
    /// The other party does not know it any more, since then; and what it said.
    pub failing_since: Option<Timestamp>,
    pub failure: Option<String>,
    /// When the other party was last asked whether it knows it.
    pub probed_at: Option<Timestamp>,
}

/// An administrator's choices.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether a changed secret raises an alert (密钥变更告警).
    pub change_alarm: bool,
    /// Accounts by which messages leave are tried so often; `None`: only by what is sent.
    pub probed_every: Option<Duration>,
    /// So many days before its end a credential's owner is warned; falling.
    pub warned_days: Vec<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { change_alarm: true, probed_every: Some(minutes(10)), warned_days: vec![7, 3, 1, 0] }
    }
}

/// Makes a credential, or changes what is known of it; a new secret goes by [`RotateCredential`].
#[derive(Clone, Debug, Serialize)]
pub struct SaveCredential {
    pub key: String,
    pub kind: CredentialKind,
    pub name: Option<String>,
    pub owner: Option<UserId>,
    /// `Some(None)`: none.
    pub expires_at: Option<Option<Timestamp>>,
    /// Of a new credential. A digest would say whether two are the same; so nothing of it is kept with the call.
    #[serde(skip)]
    pub parts: Option<Parts>,
}

/// Gives a credential a new secret; the one before verifies beside it for a while.
#[derive(Clone, Debug, Serialize)]
pub struct RotateCredential {
    pub key: String,
    pub overlap: Duration,
    /// `None`: as before; `Some(None)`: none.
    pub expires_at: Option<Option<Timestamp>>,
    #[serde(skip)]
    pub parts: Parts,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum CredentialEvent {
    Saved {
        credential: CredentialId,
        key: String,
        /// Where somebody was named.
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
    /// The other party does not know it any more.
    Failing {
        credential: CredentialId,
        key: String,
        owner: UserId,
    },
    /// It is known again.
    Recovered {
        credential: CredentialId,
        key: String,
    },
    /// It ends in so many days; 0: within a day, or it has.
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
