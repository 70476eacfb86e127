//! Receiving submissions. Failed ones are in `quarantine`, synthetic tickets and silence in `gateway_monitor`.

mod gateway_monitor;
mod originals;
mod quarantine;
mod replies;
mod staff;
mod writers;

use sha2::{Digest as _, Sha256};

pub use self::gateway_monitor::{begin_canary, complete_canary, on_canary_check, on_monitor, silence_key};
use self::originals::SealedOriginal;
pub use self::originals::raw_submission;
pub use self::quarantine::{alert_key, body, release_gateway};
use self::replies::Placed;
use self::writers::Writer;
use super::decide::{check, fit_text};
use super::model::{
    Gateway, Message, MessageDetails, PER_SENDER_HOURLY_MAX, RawRequest, Reason, ReceiveOutcome, VerifiedRequest,
};
use super::store::{self, submission};
use crate::credentials;
use crate::credentials::model::Parts;
use crate::kernel::text::TITLE_CHARS_MAX;
use crate::kernel::{Actor, Code, Error, Locale, Refusal, Result, TicketId, Timestamp, TopCode, boxed, hours, refuse};
use crate::msg;
use crate::notifications;
use crate::runtime::{App, Command, Ctx, Executor, Tx};
use crate::tickets;
use crate::tickets::model::{CreateTicket, Priority};

/// The valid secrets of a gateway; none if its credential is of another kind.
async fn secrets(app: &App, conn: &Executor, gateway: Gateway) -> Result<Vec<Parts>> {
    let found = credentials::queries::secrets(app, conn, gateway.as_str()).await?;
    Ok(found
        .filter(|(credential, _)| credential.kind == gateway.credential())
        .map(|(_, parts)| parts)
        .unwrap_or_default())
}

/// The organisation's language.
fn locale(app: &App) -> Locale {
    app.state::<notifications::model::Settings>().locale()
}

fn random_nonce(app: &App) -> [u8; 16] {
    let mut bytes = [0; 16];
    app.entropy.fill(&mut bytes);
    bytes
}

/// Checks a request of another party, and makes a ticket of it or quarantines it.
#[boxed]
pub async fn receive(cx: &Ctx, raw: &RawRequest) -> Result<ReceiveOutcome> {
    let secrets = secrets(&cx.app, cx.read(), raw.gateway).await?;
    let cx = Ctx { actor: Actor::System, channel: raw.gateway.as_str(), ..cx.clone() };
    let VerifiedRequest { mut reply, message } = match check(&secrets, raw, &random_nonce(&cx.app), locale(&cx.app)) {
        Ok(checked) => checked,
        // A verification request has no content that could be lost.
        Err(reason) if raw.verifying => return Ok(ReceiveOutcome::Unverified(reason)),
        Err(reason) => return quarantine::store(&cx, raw, reason, &[]).await,
    };
    let Some(message) = message else { return Ok(ReceiveOutcome::Reply(reply)) };
    let sender = sender_digest(raw, &message);
    let original = originals::seal(&cx.app, raw)?;
    let submission = Submission { gateway: raw.gateway, sender, message, at: raw.at, is_limited: true, original };
    // Counted again in the transaction; a flood writes nothing.
    if submission.has_too_many(cx.read()).await? && submission.find_earlier(cx.read()).await?.0.is_none() {
        return Ok(ReceiveOutcome::RetryLater);
    }
    match cx.execute(&submission, None).await {
        Ok(Some(ticket)) => {
            if let Some(token) = tickets::queries::tokens(cx.read(), &[ticket]).await?.remove(&ticket) {
                // Whoever filled in the form gets the link in the answer: no message reaches them.
                let link = if raw.gateway == Gateway::Web { link_of(&cx, ticket).await? } else { None };
                reply.add_ticket(&token, link.as_deref());
            }
            Ok(ReceiveOutcome::Reply(reply))
        }
        Ok(None) => Ok(ReceiveOutcome::Reply(reply)),
        Err(Error::Top { code: TopCode::RateLimited, .. }) => Ok(ReceiveOutcome::RetryLater),
        Err(Error::Refused(refusals)) => {
            let message = refusals.into_iter().next().map(|refusal| refusal.message);
            let message = message.unwrap_or_else(|| msg!("intake-refused"));
            match quarantine::store(&cx, raw, Reason::Refused, &secrets).await? {
                ReceiveOutcome::Quarantined(id, _) => Ok(ReceiveOutcome::Refused(id, message)),
                other => Ok(other),
            }
        }
        Err(error) => Err(error),
    }
}

/// The path of the page by which the requester of a ticket follows it.
async fn link_of(cx: &Ctx, ticket: TicketId) -> Result<Option<String>> {
    let mut tx = cx.begin().await?;
    let found = tickets::queries::by_ids(tx.conn(), &[ticket]).await?.remove(&ticket);
    let Some(requester) = found.and_then(|ticket| ticket.request.requester) else { return Ok(None) };
    let link = tickets::commands::issue_link(&mut tx, ticket, requester).await?;
    tx.commit().await?;
    Ok(Some(format!("/t/{link}")))
}

/// The digest by which senders are rate-limited: of the author of a mail, or the address that a form comes from.
fn sender_digest(raw: &RawRequest, message: &Message) -> Option<String> {
    let author = message.sender.as_deref().filter(|_| raw.gateway == Gateway::Email);
    let identity = author.unwrap_or(&raw.source);
    raw.gateway.is_public().then(|| hex::encode(&Sha256::digest(identity.to_lowercase())[..16]))
}

/// Creates a ticket from a message exactly once, or a comment if the message replies to a ticket.
#[derive(serde::Serialize)]
struct Submission {
    gateway: Gateway,
    #[serde(skip)]
    message: Message,
    #[serde(skip)]
    sender: Option<String>,
    at: Timestamp,
    /// Whether its sender may send only so many an hour: not if an administrator releases it.
    #[serde(skip)]
    is_limited: bool,
    /// The request as received.
    #[serde(skip)]
    original: SealedOriginal,
}

impl Submission {
    /// A digest of content and sender: the same external id with another digest is another submission.
    fn digest(&self) -> Result<String> {
        let Message { external_id: _, sender, title, description, in_reply_to, token, details, .. } = &self.message;
        let content =
            serde_json::to_vec(&(sender, title, description, in_reply_to, token, details)).map_err(Error::internal)?;
        Ok(hex::encode(Sha256::digest(content)))
    }

    /// What the content is recognised by.
    fn content_digest(&self) -> Result<String> {
        self.message.fingerprint.as_ref().map_or_else(|| self.digest(), |fingerprint| Ok(fingerprint.to_stored()))
    }

    /// Whether its sender has sent as many as are accepted within an hour.
    async fn has_too_many(&self, conn: &Executor) -> Result<bool> {
        let Some(sender) = self.sender.as_ref().filter(|_| self.is_limited) else { return Ok(false) };
        let recent = store::count_submissions(conn, self.gateway, sender, self.at - hours(1)).await?;
        Ok(recent >= PER_SENDER_HOURLY_MAX)
    }

    /// Refuses it if its sender has sent too many; concurrent ones wait for each other.
    async fn check_limit(&self, tx: &Tx) -> Result<()> {
        if let Some(sender) = self.sender.as_ref().filter(|_| self.is_limited) {
            store::lock_sender(tx.conn(), sender).await?;
        }
        if !self.has_too_many(tx.conn()).await? {
            return Ok(());
        }
        Err(Error::top(TopCode::RateLimited, msg!("intake-sender-limited", max = PER_SENDER_HOURLY_MAX)))
    }

    /// The ticket that was created from it before, and the id under which it is stored. Mails and forms may reuse an external id
    /// for other content (a device with a counter, a copied page): their id then includes the digest.
    async fn find_earlier(&self, conn: &Executor) -> Result<(Option<TicketId>, String)> {
        let (digest, plain) = (self.digest()?, self.message.external_id.clone());
        let fingerprint = self.message.fingerprint.as_ref();
        let exact = match fingerprint {
            Some(fingerprint) => format!("{plain}:{}", hex::encode(Sha256::digest(fingerprint.to_stored()))),
            None => format!("{plain}:{digest}"),
        };
        let is_same = |of: &String| *of == digest || fingerprint.is_some_and(|fingerprint| fingerprint.is_same_as(of));
        let known = store::submissions(conn, self.gateway, &[plain.clone(), exact.clone()]).await?;
        let same = known.iter().find(|row| row.external_id == exact || row.digest.as_ref().is_none_or(is_same));
        match (same, known.is_empty()) {
            (Some(row), _) => Ok((Some(row.ticket_id), plain)),
            (None, true) => Ok((None, plain)),
            // Programs choose their ids: a reused one is an error of theirs.
            (None, false) if self.gateway == Gateway::Api => Err(id_reused(&plain).into()),
            (None, false) => Ok((None, exact)),
        }
    }
}

fn id_reused(id: &str) -> Refusal {
    refuse(Code::IdempotencyMismatch, "webhook-id", msg!("intake-webhook-id-reused", id = id))
}

impl Command for Submission {
    const NAME: &'static str = "receiveSubmission";
    /// `None`: it was a canary, or an engineer's message to no ticket, who was answered.
    type Output = Option<TicketId>;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<Option<TicketId>> {
        let Self { gateway, message, sender, at, is_limited: _, original } = self;
        if gateway_monitor::record_arrival(tx, *gateway, message, *at).await? {
            return Ok(None);
        }
        let (earlier, external_id) = self.find_earlier(tx.conn()).await?;
        if earlier.is_some() {
            return Ok(earlier);
        }
        self.check_limit(tx).await?;
        let writer = writers::writer(tx, *gateway, message).await?;
        let placed = match &writer {
            Some(writer) => replies::place(tx, *gateway, message, writer).await?,
            None => Placed::New(None),
        };
        let ticket = match placed {
            Placed::In(ticket) => ticket,
            // An engineer was answered: there is nothing to store.
            Placed::Answered => return Ok(None),
            Placed::New(text) => create(tx, self, writer.as_ref(), text).await?,
        };
        if let Some(writer) = &writer {
            replies::record(tx, *gateway, message, writer, ticket, *at).await?;
        }
        let row = submission::Model {
            gateway: gateway.as_str().to_owned(),
            external_id: external_id.clone(),
            ticket_id: ticket,
            received_at: *at,
            sender: sender.clone(),
            digest: Some(self.content_digest()?),
        };
        // The same submission was stored concurrently: the retry finds it.
        if !store::insert_submission(tx.conn(), row).await? {
            return Err(Error::Conflict);
        }
        originals::store(tx, original, (*gateway, external_id), ticket, *at).await?;
        Ok(Some(ticket))
    }
}

/// Creates the ticket of a new request. `text`: what was written, without the sign that it is new.
async fn create(
    tx: &mut Tx,
    submission: &Submission,
    writer: Option<&Writer>,
    text: Option<String>,
) -> Result<TicketId> {
    let Submission { gateway, message, at, .. } = submission;
    let MessageDetails { priority, issue_type, product, device, customer_key, requester_email, external_refs } =
        message.details.clone();
    let (title, description) = match text {
        Some(text) => {
            let title = text.lines().next().unwrap_or_default().trim().chars().take(TITLE_CHARS_MAX).collect();
            (title, text)
        }
        None => (message.title.clone(), message.description.clone()),
    };
    // A sender who is neither an account nor a contact, such as a disabled account, is named in the description.
    let sender_note = match &message.sender {
        Some(sender) if writer.is_none() => format!("\n\n({}: {sender})", gateway.as_str()),
        _ => String::new(),
    };
    let (description, _) = fit_text(&description, message.left_out, &sender_note, locale(tx.app()));
    let command = CreateTicket {
        title,
        description,
        priority: priority.unwrap_or(Priority::Normal),
        issue_type,
        product,
        device,
        customer_key,
        requester_email,
        requester: writer.map(|writer| writer.user),
        required_skills: Vec::new(),
        external_refs,
        at: Some(*at),
    };
    Box::pin(command.run(tx)).await
}
