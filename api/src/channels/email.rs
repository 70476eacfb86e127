//! E-mail, by SMTP.

use domain::intake::model::{CANARY, CANARY_HEADER};
use domain::notifications::model::{Parcel, Rate, Sender};
use domain::runtime::jobs::Outcome;
use futures::future::BoxFuture;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use serde::Deserialize;

use super::outgoing::choose_tls;
use super::{GIVE_UP_AFTER, Secret, a_minute, denied, digest_of, later, plain, refused};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Holds the password.
    pub smtp_url: Secret,
    pub from: String,
    pub messages_a_minute: u32,
}

pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    account: String,
    rate: Option<Rate>,
    digest: String,
}

impl Smtp {
    pub fn open(account: &Account) -> Result<Option<Self>, String> {
        let Account { smtp_url, from, messages_a_minute } = account;
        if smtp_url.is_empty() {
            return Ok(None);
        }
        choose_tls();
        let from: Mailbox = from.parse().map_err(|_| {
            format!("channels.email.from: {from:?} is no mailbox; write one such as Buoy <buoy@example.com>")
        })?;
        let wrong = "channels.email.smtp_url: write smtps://user:password@host:465, or smtp://user:password@host:587?tls=required";
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(smtp_url.expose())
            .map_err(|_| wrong.to_owned())?
            .timeout(Some(GIVE_UP_AFTER))
            .build();
        let account = format!("email:{}", from.email);
        let digest = digest_of(&[smtp_url.expose()]);
        Ok(Some(Self { transport, from, account, rate: a_minute(*messages_a_minute), digest }))
    }

    fn builder(&self, to: &str, id: &str) -> Result<MessageBuilder, String> {
        let to = to.parse().map_err(|_| "no e-mail address".to_owned())?;
        let domain = self.from.email.domain();
        Ok(Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            // The same for every attempt, so that whoever receives two sees one.
            .message_id(Some(format!("<{id}@{domain}>")))
            // No answer of a machine to this one.
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN))
    }

    fn message(&self, parcel: &Parcel) -> Result<Message, String> {
        let builder = self.builder(&parcel.address, &parcel.id.to_string())?.subject(parcel.title.clone());
        builder.body(plain(parcel)).map_err(|error| error.to_string())
    }

    fn hand_over(&self, message: Result<Message, String>, id: String) -> BoxFuture<'static, Outcome> {
        let transport = self.transport.clone();
        Box::pin(async move {
            let message = match message {
                Ok(message) => message,
                Err(why) => return refused(why),
            };
            match transport.send(message).await {
                Ok(_) => Outcome::Sent { id: Some(id) },
                Err(error) => unsent(&error),
            }
        })
    }
}

/// Of SMTP: 530, 534, 535, 538 say that the server does not let us in (RFC 4954, section 6).
fn unsent(error: &lettre::transport::smtp::Error) -> Outcome {
    let code = error.status().map(|code| code.to_string()).unwrap_or_default();
    if matches!(code.as_str(), "530" | "534" | "535" | "538") {
        denied(error.to_string())
    } else if error.is_permanent() {
        refused(error.to_string())
    } else {
        later(error.to_string())
    }
}

/// By which a synthetic request for help is known again.
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

    fn digest(&self) -> String {
        self.digest.clone()
    }

    /// Connects and signs in.
    fn probe(&self) -> Option<BoxFuture<'static, Outcome>> {
        let transport = self.transport.clone();
        Some(Box::pin(async move {
            match transport.test_connection().await {
                Ok(_) => Outcome::Sent { id: None },
                Err(error) => unsent(&error),
            }
        }))
    }

    fn send(&self, parcel: Parcel) -> BoxFuture<'static, Outcome> {
        self.hand_over(self.message(&parcel), parcel.id.to_string())
    }

    fn send_canary(&self, to: &str, key: &str) -> BoxFuture<'static, Outcome> {
        let canary = CanaryKey(format!("{CANARY}{key}"));
        let message = self.builder(to, key).map(|builder| builder.subject("Canary").header(canary));
        let message = message.and_then(|builder| builder.body(String::new()).map_err(|error| error.to_string()));
        self.hand_over(message, key.to_owned())
    }
}
