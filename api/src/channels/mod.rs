//! The ways out of the process: an adapter a channel, each with its provider's own request format, signature and limit.

mod dingtalk;
mod email;
mod feishu;
mod outgoing;
mod postman;
mod signing;
mod sms;
mod web_push;
mod wecom;

pub use self::outgoing::{Guard, choose_tls};
pub use self::postman::postman;
pub use self::sms::Provider as SmsProvider;
pub use self::web_push::KeyPair;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::kernel::minutes;
use domain::notifications::model::{Channel, Parcel, Rate, Sender, Senders};
use domain::runtime::jobs::Outcome;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// A secret of the configuration: never shown.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

impl From<&str> for Secret {
    fn from(secret: &str) -> Self {
        Self(secret.to_owned())
    }
}

impl Secret {
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The accounts by which messages are sent; a channel whose section names no account has no sender.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channels {
    pub email: email::Account,
    pub sms: sms::Account,
    pub wecom: wecom::Account,
    pub dingtalk: dingtalk::Account,
    pub feishu: feishu::Account,
    pub web_push: web_push::Account,
}

/// A provider is given up after this.
const GIVE_UP_AFTER: Duration = Duration::from_secs(10);

/// The senders that the configuration names; what is wrong with one, as a sentence.
pub fn senders(channels: &Channels, keys: &KeyPair, guard: &Guard) -> Result<Senders, String> {
    let Channels { email, sms, wecom, dingtalk, feishu, web_push } = channels;
    let http = outgoing::client();
    let mut senders: HashMap<Channel, Arc<dyn Sender>> = HashMap::new();
    if let Some(sender) = email::Smtp::open(email)? {
        senders.insert(Channel::Email, Arc::new(sender));
    }
    if let Some(sender) = sms::Gateway::open(sms, &http)? {
        senders.insert(Channel::Sms, Arc::new(sender));
    }
    if let Some(sender) = wecom::Wecom::open(wecom, &http) {
        senders.insert(Channel::Wecom, Arc::new(sender));
    }
    if let Some(sender) = dingtalk::Dingtalk::open(dingtalk, &http) {
        senders.insert(Channel::Dingtalk, Arc::new(sender));
    }
    if let Some(sender) = feishu::Feishu::open(feishu, &http) {
        senders.insert(Channel::Feishu, Arc::new(sender));
    }
    if let Some(sender) = web_push::WebPush::open(web_push, keys, guard)? {
        senders.insert(Channel::WebPush, Arc::new(sender));
    }
    Ok(Senders(senders))
}

/// So many a minute; 0: as many as there are.
const fn a_minute(messages: u32) -> Option<Rate> {
    if messages == 0 { None } else { Some(Rate { messages, per: minutes(1) }) }
}

/// Title, body and where it leads to, as plain text.
fn plain(parcel: &Parcel) -> String {
    let parts = [Some(parcel.title.as_str()), Some(parcel.body.as_str()), parcel.url.as_deref()];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

fn later(why: impl Into<String>) -> Outcome {
    Outcome::Later { why: why.into(), after: Duration::ZERO }
}

fn denied(why: impl Into<String>) -> Outcome {
    Outcome::Denied { why: why.into() }
}

/// Of the secrets of an account: another one, and one of them was changed.
fn digest_of(secrets: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for secret in secrets {
        hasher.update((secret.len() as u64).to_be_bytes());
        hasher.update(secret);
    }
    hex::encode(hasher.finalize())
}

/// What a probe comes to: whoever got a token is known.
fn probed(token: Result<String, Outcome>) -> Outcome {
    token.map_or_else(|outcome| outcome, |_| Outcome::Sent { id: None })
}

fn refused(why: impl Into<String>) -> Outcome {
    Outcome::Refused { why: why.into() }
}
