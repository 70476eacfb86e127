//! E-mail, by SMTP.

use domain::notifications::model::{Parcel, Rate, Sender};
use domain::runtime::jobs::Outcome;
use futures::future::BoxFuture;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use serde::Deserialize;

use super::outgoing::choose_tls;
use super::{GIVE_UP_AFTER, Secret, a_minute, later, plain, refused};

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
        Ok(Some(Self { transport, from, account, rate: a_minute(*messages_a_minute) }))
    }

    fn message(&self, parcel: &Parcel) -> Result<Message, String> {
        let to = parcel.address.parse().map_err(|_| "no e-mail address".to_owned())?;
        let domain = self.from.email.domain();
        Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            // The same for every attempt, so that whoever receives two sees one.
            .message_id(Some(format!("<{}@{domain}>", parcel.id)))
            .subject(parcel.title.clone())
            // No answer of a machine to this one.
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN)
            .body(plain(parcel))
            .map_err(|error| error.to_string())
    }
}

#[derive(Clone)]
struct AutoSubmitted;

impl lettre::message::header::Header for AutoSubmitted {
    fn name() -> lettre::message::header::HeaderName {
        lettre::message::header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> lettre::message::header::HeaderValue {
        lettre::message::header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl Sender for Smtp {
    fn account(&self) -> &str {
        &self.account
    }

    fn rate(&self) -> Option<Rate> {
        self.rate
    }

    fn send(&self, parcel: Parcel) -> BoxFuture<'static, Outcome> {
        let (message, transport) = (self.message(&parcel), self.transport.clone());
        Box::pin(async move {
            let message = match message {
                Ok(message) => message,
                Err(why) => return refused(why),
            };
            match transport.send(message).await {
                Ok(_) => Outcome::Sent { id: Some(format!("{}", parcel.id)) },
                Err(error) if error.is_permanent() => refused(error.to_string()),
                Err(error) => later(error.to_string()),
            }
        })
    }
}
