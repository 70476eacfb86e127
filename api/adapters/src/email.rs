//! E-mail, by SMTP.

use std::time::{Duration, UNIX_EPOCH};

use domain::intake::model::{CANARY, CANARY_HEADER};
use domain::kernel::{self, Timestamp};
use domain::msg;
use domain::runtime::ports::{MailThread, OutboundMessage, Outcome, Rate, Sender};
use futures::future::BoxFuture;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use serde::Deserialize;

use super::outgoing::install_tls_provider;
use super::{REQUEST_TIMEOUT, Secret, auth_failed, per_minute, plain_text, rejected, retry_later, secrets_digest};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Contains the password.
    pub smtp_url: Secret,
    pub from: String,
    pub messages_a_minute: u32,
    /// Where answers go; empty: the mailbox of requests, if mail is received, or else `from`.
    #[serde(default)]
    pub reply_to: String,
}

pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    reply_to: Option<Mailbox>,
    account: String,
    rate: Option<Rate>,
    digest: String,
}

impl Smtp {
    /// `intake`: the mailbox of requests.
    pub fn open(account: &Account, intake: Option<&str>) -> Result<Option<Self>, String> {
        let Account { smtp_url, from, messages_a_minute, reply_to } = account;
        if smtp_url.is_empty() {
            return Ok(None);
        }
        install_tls_provider();
        let from: Mailbox = from.parse().map_err(|_| {
            format!("channels.email.from: {from:?} is no mailbox; write one such as Buoy <buoy@example.com>")
        })?;
        let reply_to = Some(reply_to.as_str()).filter(|text| !text.is_empty()).or(intake);
        let reply_to = reply_to.map(str::parse).transpose().map_err(|_| {
            format!("channels.email.reply_to: {reply_to:?} is no mailbox; write one such as help@example.com")
        })?;
        let wrong = "channels.email.smtp_url: write smtps://user:password@host:465, or smtp://user:password@host:587?tls=required";
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(smtp_url.expose())
            .map_err(|_| wrong.to_owned())?
            .timeout(Some(REQUEST_TIMEOUT))
            .build();
        let account = format!("email:{}", from.email);
        let digest = secrets_digest(&[smtp_url.expose()]);
        Ok(Some(Self { transport, from, reply_to, account, rate: per_minute(*messages_a_minute), digest }))
    }

    fn builder(&self, to: &str, id: &str, now: Timestamp) -> Result<MessageBuilder, kernel::Message> {
        let to = to.parse().map_err(|_| msg!("delivery-address-not-email"))?;
        let domain = self.from.email.domain();
        let builder = match &self.reply_to {
            Some(reply_to) => Message::builder().reply_to(reply_to.clone()),
            None => Message::builder(),
        };
        Ok(builder
            .date(UNIX_EPOCH + Duration::from_millis(now.millis().max(0).unsigned_abs()))
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            // The same for every attempt, so that mail clients can merge duplicates.
            .message_id(Some(format!("<{id}@{domain}>")))
            // Prevents automatic replies.
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN))
    }

    fn message(&self, message: &OutboundMessage, now: Timestamp) -> Result<Message, kernel::Message> {
        let mut builder = self.builder(&message.address, &message.id.to_string(), now)?;
        let mut subject = message.title.clone();
        if let Some(MailThread { root, replies_to, subject: of_thread }) = &message.thread {
            let root = format!("<{root}@{}>", self.from.email.domain());
            let theirs = replies_to.as_ref().map(|id| format!("<{id}>"));
            builder = builder.in_reply_to(theirs.clone().unwrap_or_else(|| root.clone()));
            builder = builder.references(theirs.into_iter().chain([root]).collect::<Vec<_>>().join(" "));
            // What happened stands in the text too.
            subject = of_thread.clone().unwrap_or(subject);
        }
        let builder = builder.subject(subject);
        builder.body(plain_text(message)).map_err(|error| kernel::Message::plain(error.to_string()))
    }

    fn transmit(&self, message: Result<Message, kernel::Message>, id: String) -> BoxFuture<'static, Outcome> {
        let transport = self.transport.clone();
        Box::pin(async move {
            let message = match message {
                Ok(message) => message,
                Err(why) => return rejected(why),
            };
            match transport.send(message).await {
                Ok(_) => Outcome::Sent { id: Some(id) },
                Err(error) => smtp_outcome(&error),
            }
        })
    }
}

/// The SMTP codes 530, 534, 535 and 538 mean that authentication failed (RFC 4954, section 6).
fn smtp_outcome(error: &lettre::transport::smtp::Error) -> Outcome {
    let code = error.status().map(|code| code.to_string()).unwrap_or_default();
    let why = kernel::Message::plain(error.to_string());
    if matches!(code.as_str(), "530" | "534" | "535" | "538") {
        auth_failed(why)
    } else if error.is_permanent() {
        rejected(why)
    } else {
        retry_later(why)
    }
}

/// The header that identifies a canary.
#[derive(Clone)]
struct CanaryKey(String);

impl Header for CanaryKey {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str(CANARY_HEADER)
    }

    fn parse(key: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(key.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.0.clone())
    }
}

#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl Sender for Smtp {
    fn account(&self) -> &str {
        &self.account
    }

    fn rate(&self) -> Option<Rate> {
        self.rate
    }

    fn secret_digest(&self) -> String {
        self.digest.clone()
    }

    /// Connects and signs in.
    fn probe(&self, _: Timestamp) -> Option<BoxFuture<'static, Outcome>> {
        let transport = self.transport.clone();
        Some(Box::pin(async move {
            match transport.test_connection().await {
                Ok(_) => Outcome::Sent { id: None },
                Err(error) => smtp_outcome(&error),
            }
        }))
    }

    fn send(&self, message: OutboundMessage, now: Timestamp) -> BoxFuture<'static, Outcome> {
        self.transmit(self.message(&message, now), message.id.to_string())
    }

    fn send_canary(&self, to: &str, key: &str, now: Timestamp) -> BoxFuture<'static, Outcome> {
        let canary = CanaryKey(format!("{CANARY}{key}"));
        let message = self.builder(to, key, now).map(|builder| builder.subject("Canary").header(canary));
        let message = message
            .and_then(|builder| builder.body(String::new()).map_err(|error| kernel::Message::plain(error.to_string())));
        self.transmit(message, key.to_owned())
    }
}
