//! Adapters for everything outside of the process: the HTTP client, the senders of each channel, with the provider's request
//! format, signature and rate limit, and the renderer of reports.

mod chat;
mod dingtalk;
mod email;
mod feishu;
mod outgoing;
mod report_renderer;
mod signing;
mod sms;
mod web_push;
mod wecom;

pub use self::outgoing::{Guard, Http, install_tls_provider};
pub use self::report_renderer::REPORT_RENDERER;
pub use self::sms::Provider as SmsProvider;
pub use self::web_push::KeyPair;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::kernel::{Message, Timestamp, minutes};
use domain::msg;
use domain::notifications::decide::address::is_valid;
use domain::notifications::model::{Channel, Medium, Senders};
use domain::runtime::ports::{HttpClient, OutboundMessage, Outcome, Rate, Sender};
use futures::future::BoxFuture;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// A secret of the configuration, which is never printed.
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

/// Defines [`Channels`] and the list of its chat providers, each the name of a module whose `Account` is a [`chat::Provider`].
macro_rules! channels {
    (chats: $($chat:ident),*) => {
        /// The accounts by which messages are sent; a channel whose section names no account has no sender.
        #[derive(Clone, Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Channels {
            pub email: email::Account,
            pub sms: sms::Account,
            pub web_push: web_push::Account,
            $(pub $chat: $chat::Account,)*
        }

        impl Channels {
            fn chats(&self) -> Vec<Arc<dyn chat::Provider>> {
                vec![$(Arc::new(self.$chat.clone())),*]
            }
        }
    };
}

channels! { chats: wecom, dingtalk, feishu }

/// The time-out of a request to a provider.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Builds the configured senders; an error is a sentence for the administrator. `mailbox`: where answers to mails go.
pub fn senders(channels: &Channels, mailbox: Option<&str>, keys: &KeyPair, guard: &Guard) -> Result<Senders, String> {
    let Channels { email, sms, web_push, .. } = channels;
    let http: Arc<dyn HttpClient> = Arc::new(Http::unguarded());
    let mut senders: HashMap<Channel, Arc<dyn Sender>> = HashMap::new();
    for provider in channels.chats() {
        let channel = provider.protocol().channel;
        if let Some(sender) = chat::ChatSender::open(provider, &http) {
            senders.insert(channel, Arc::new(sender));
        }
    }
    if let Some(sender) = email::Smtp::open(email, mailbox)? {
        senders.insert(Channel::Email, Arc::new(sender));
    }
    if let Some(sender) = sms::Gateway::open(sms, &http)? {
        senders.insert(Channel::Sms, Arc::new(sender));
    }
    if let Some(sender) = web_push::WebPush::open(web_push, keys, guard)? {
        senders.insert(Channel::WebPush, Arc::new(sender));
    }
    let checked = |(channel, sender)| (channel, Arc::new(Checked { channel, sender }) as Arc<dyn Sender>);
    Ok(Senders(senders.into_iter().map(checked).collect()))
}

/// Every sender is wrapped: a message goes to one valid address, and the texts that people wrote are no markup of a provider.
struct Checked {
    channel: Channel,
    sender: Arc<dyn Sender>,
}

impl Sender for Checked {
    fn account(&self) -> &str {
        self.sender.account()
    }

    fn rate(&self) -> Option<Rate> {
        self.sender.rate()
    }

    fn is_shared(&self) -> bool {
        self.sender.is_shared()
    }

    fn has_receipts(&self) -> bool {
        self.sender.has_receipts()
    }

    fn secret_digest(&self) -> String {
        self.sender.secret_digest()
    }

    fn probe(&self, now: Timestamp) -> Option<BoxFuture<'static, Outcome>> {
        self.sender.probe(now)
    }

    fn send_canary(&self, to: &str, key: &str, now: Timestamp) -> BoxFuture<'static, Outcome> {
        self.sender.send_canary(to, key, now)
    }

    fn send(&self, mut message: OutboundMessage, now: Timestamp) -> BoxFuture<'static, Outcome> {
        if !is_valid(self.channel, &message.address) {
            let outcome = rejected(msg!("delivery-address-invalid"));
            return Box::pin(std::future::ready(outcome));
        }
        if self.channel.medium() == Medium::Chat {
            message.title = without_markup(&message.title);
            message.body = without_markup(&message.body);
        }
        self.sender.send(message, now)
    }
}

/// The text without what WeCom and Feishu read as markup (`<a href>`, `<at user_id>`, `[text](address)`), which no escape
/// sequence avoids: the characters become their full-width forms.
fn without_markup(text: &str) -> String {
    text.replace('<', "＜").replace('>', "＞").replace("](", "］(")
}

/// A rate per minute; 0: unlimited.
const fn per_minute(messages: u32) -> Option<Rate> {
    if messages == 0 { None } else { Some(Rate { messages, per: minutes(1) }) }
}

/// Title, body and link as plain text.
fn plain_text(message: &OutboundMessage) -> String {
    let parts = [Some(message.title.as_str()), Some(message.body.as_str()), message.url.as_deref()];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

fn retry_later(why: Message) -> Outcome {
    Outcome::RetryLater { why, after: Duration::ZERO }
}

fn auth_failed(why: Message) -> Outcome {
    Outcome::AuthFailed { why }
}

/// A digest of an account's secrets, which shows when one of them was changed.
fn secrets_digest(secrets: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for secret in secrets {
        hasher.update((secret.len() as u64).to_be_bytes());
        hasher.update(secret);
    }
    hex::encode(hasher.finalize())
}

fn rejected(why: Message) -> Outcome {
    Outcome::Rejected { why }
}

fn http_status(status: u16) -> Message {
    Message::plain(format!("HTTP {status}"))
}

#[cfg(test)]
mod tests {
    use super::without_markup;

    #[test]
    fn the_text_of_a_ticket_is_no_markup() {
        for (text, expected) in [
            ("<at user_id=\"all\"></at> fire", "＜at user_id=\"all\"＞＜/at＞ fire"),
            ("<a href=\"http://x.test\">open</a>", "＜a href=\"http://x.test\"＞open＜/a＞"),
            ("[open](http://x.test)", "[open］(http://x.test)"),
            ("p < 0.05 & q > 1 [E-721] (again)", "p ＜ 0.05 & q ＞ 1 [E-721] (again)"),
        ] {
            assert_eq!(without_markup(text), expected);
        }
    }
}
