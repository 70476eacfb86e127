//! Receiving. What does not pass is in `quarantine`, synthetic tickets and silence in `watch`.

mod quarantine;
mod watch;

use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait as _, QueryFilter};
use sha2::{Digest as _, Sha256};

pub use self::quarantine::{alert_key, body, prepare_telling, release_gateway, settle_telling};
pub use self::watch::{on_check, on_watch, prepare_canary, settle_canary, silence_key};
use super::decide::check;
use super::model::{Gateway, Message, More, OF_SENDER_AN_HOUR, Raw, Reason, Received, Said};
use super::store::submission;
use crate::credentials;
use crate::credentials::model::Parts;
use crate::kernel::text::BODY_CHARS_MAX;
use crate::kernel::{Actor, Code, Error, Refusal, Result, TicketId, Timestamp, UserId, hours, refuse};
use crate::notifications;
use crate::people;
use crate::runtime::{App, Command, Ctx, Tx};
use crate::tickets;
use crate::tickets::model::{AddComment, CreateTicket, Priority, Visibility};

/// The secrets by which callers of a gateway are known now; none where its credential is of another kind.
async fn secrets(app: &App, conn: &impl ConnectionTrait, gateway: Gateway) -> Result<Vec<Parts>> {
    let found = credentials::queries::secrets(app, conn, gateway.word()).await?;
    Ok(found
        .filter(|(credential, _)| credential.kind == gateway.credential())
        .map(|(_, parts)| parts)
        .unwrap_or_default())
}

fn chance(app: &App) -> [u8; 16] {
    let mut bytes = [0; 16];
    app.chance.fill(&mut bytes);
    bytes
}

/// A request of another party: checked, and made a ticket, or kept.
pub async fn receive(cx: &Ctx, raw: &Raw) -> Result<Received> {
    let secrets = secrets(&cx.app, cx.read(), raw.gateway).await?;
    let cx = Ctx { actor: Actor::System, channel: raw.gateway.word(), ..cx.clone() };
    let Said { mut reply, message } = match check(&secrets, raw, &chance(&cx.app)) {
        Ok(said) => said,
        // Nothing is lost with it.
        Err(reason) if raw.verifying => return Ok(Received::Unverified(reason)),
        Err(reason) => return quarantine::keep(&cx, raw, reason, &[]).await,
    };
    let Some(message) = message else { return Ok(Received::Answer(reply)) };
    let take = Take { gateway: raw.gateway, sender: sender(raw, &message), message, at: raw.at };
    if is_crowded(&cx, &take).await? {
        return Ok(Received::Later);
    }
    match cx.execute(&take, None).await {
        Ok(Some(ticket)) => {
            if let Some(token) = tickets::queries::tokens(cx.read(), &[ticket]).await?.remove(&ticket) {
                reply.name(&token);
            }
            Ok(Received::Answer(reply))
        }
        Ok(None) => Ok(Received::Answer(reply)),
        Err(Error::Refused(refusals)) => {
            let said = refusals.into_iter().next().map(|refusal| refusal.message);
            let said = said.unwrap_or_else(|| crate::kernel::Message::new("refused", "未受理"));
            match quarantine::keep(&cx, raw, Reason::Refused, &secrets).await? {
                Received::Quarantined(id, _) => Ok(Received::Refused(id, said)),
                other => Ok(other),
            }
        }
        Err(error) => Err(error),
    }
}

/// A digest of who may write only so often: the author of a mail, the address that a form comes from.
fn sender(raw: &Raw, message: &Message) -> Option<String> {
    let author = message.sender.as_deref().filter(|_| raw.gateway == Gateway::Email);
    let known = author.unwrap_or(&raw.source);
    raw.gateway.is_open().then(|| hex::encode(&Sha256::digest(known.to_lowercase())[..16]))
}

async fn is_crowded(cx: &Ctx, take: &Take) -> Result<bool> {
    let Some(sender) = &take.sender else { return Ok(false) };
    let (known, _) = take.before(cx.read()).await?;
    let lately = submission::Entity::find()
        .filter(submission::Column::Gateway.eq(take.gateway.word()))
        .filter(submission::Column::ReceivedAt.gte(take.at - hours(1)))
        .filter(submission::Column::Sender.eq(sender));
    Ok(known.is_none() && lately.count(cx.read()).await? >= OF_SENDER_AN_HOUR)
}

/// Makes a ticket of a message, once; or a comment, where it answers to one.
#[derive(serde::Serialize)]
struct Take {
    gateway: Gateway,
    #[serde(skip)]
    message: Message,
    #[serde(skip)]
    sender: Option<String>,
    at: Timestamp,
}

impl Take {
    /// A digest of all that is said, and by whom: the same name with other words is another request.
    fn digest(&self) -> Result<String> {
        let Message { external_id: _, sender, title, description, answers, token, own_words: _, more } = &self.message;
        let said = serde_json::to_vec(&(sender, title, description, answers, token, more)).map_err(Error::internal)?;
        Ok(hex::encode(Sha256::digest(said)))
    }

    /// The ticket that was made of it before, and the name under which it is known. Mails and forms may come by a name that was used for
    /// something else (a device that counts, a copied page): they are known by their words too.
    async fn before(&self, conn: &impl ConnectionTrait) -> Result<(Option<TicketId>, String)> {
        let (digest, plain) = (self.digest()?, self.message.external_id.clone());
        let exact = format!("{plain}:{digest}");
        let known = submission::Entity::find()
            .filter(submission::Column::Gateway.eq(self.gateway.word()))
            .filter(submission::Column::ExternalId.is_in([&plain, &exact]))
            .all(conn)
            .await?;
        let same =
            known.iter().find(|row| row.external_id == exact || row.digest.as_ref().is_none_or(|of| *of == digest));
        match (same, known.is_empty()) {
            (Some(row), _) => Ok((Some(row.ticket_id), plain)),
            (None, true) => Ok((None, plain)),
            // Programs name what they send: it is theirs to mend.
            (None, false) if self.gateway == Gateway::Api => Err(named_twice(&plain).into()),
            (None, false) => Ok((None, exact)),
        }
    }
}

fn named_twice(id: &str) -> Refusal {
    refuse(
        Code::IdempotencyMismatch,
        "webhook-id",
        format!("Something else was sent as {id}: use a new webhook-id for a new request."),
        format!("{id} 已用于提交其他内容，新的请求请使用新的 webhook-id。"),
    )
}

impl Command for Take {
    const NAME: &'static str = "receiveSubmission";
    /// `None`: it was a synthetic one.
    type Output = Option<TicketId>;

    async fn run(&self, tx: &mut Tx) -> Result<Option<TicketId>> {
        let Self { gateway, message, sender, at } = self;
        if watch::arrived(tx, *gateway, message, *at).await? {
            return Ok(None);
        }
        let (known, name) = self.before(tx.conn()).await?;
        if known.is_some() {
            return Ok(known);
        }
        let writer = writer(tx, *gateway, message).await?;
        let ticket = match answer(tx, message, writer.as_ref()).await? {
            Some(ticket) => ticket,
            None => create(tx, self, writer.map(|(_, email)| email)).await?,
        };
        let row = submission::ActiveModel {
            gateway: Set(gateway.word().to_owned()),
            external_id: Set(name),
            ticket_id: Set(ticket),
            received_at: Set(*at),
            sender: Set(sender.clone()),
            digest: Set(Some(self.digest()?)),
        };
        // The same at the same moment: theirs stands, and is found when this is tried again.
        let inserted = submission::Entity::insert(row)
            .on_conflict_do_nothing_on([submission::Column::Gateway, submission::Column::ExternalId])
            .exec_without_returning(tx.conn())
            .await?;
        match inserted {
            sea_orm::TryInsertResult::Inserted(1..) => Ok(Some(ticket)),
            _ => Err(Error::Conflict),
        }
    }
}

/// Who wrote, where we know them: whose e-mail address it is, or else the one person who has bound this address.
async fn writer(tx: &Tx, gateway: Gateway, message: &Message) -> Result<Option<(UserId, String)>> {
    let (Some(channel), Some(sender)) = (gateway.channel(), &message.sender) else { return Ok(None) };
    let own = match gateway {
        Gateway::Email => people::queries::user_by_email(tx.conn(), sender).await?,
        _ => None,
    };
    let user = match own {
        Some(user) => Some(user),
        None => notifications::queries::reached_at(tx.conn(), channel, sender).await?,
    };
    Ok(user.filter(|user| user.disabled_at.is_none()).map(|user| (user.id, user.email)))
}

/// What answers to a ticket is a comment of whoever wrote it, where they may write there; else it is a ticket of its own.
async fn answer(tx: &mut Tx, message: &Message, writer: Option<&(UserId, String)>) -> Result<Option<TicketId>> {
    let Some((writer, _)) = writer else { return Ok(None) };
    let Some(ticket) = answered(tx, message).await? else { return Ok(None) };
    let Some(person) = people::queries::person(tx.app(), *writer).await? else { return Ok(None) };
    // What staff answer to a message of ours may be meant for colleagues alone: nobody else reads it until they say so.
    let about = tickets::queries::by_ids(tx.conn(), &[ticket]).await?.remove(&ticket);
    let is_theirs = about.is_some_and(|ticket| ticket.requester == Some(*writer));
    let visibility = if person.is_staff() && !is_theirs { Visibility::Internal } else { Visibility::Public };
    let body = message.own_words.as_ref().unwrap_or(&message.description).clone();
    let comment = AddComment { ticket, body, visibility, mentions: Vec::new() };
    let as_them = Ctx { actor: Actor::Person(person.into()), ..tx.cx.clone() };
    let before = std::mem::replace(&mut tx.cx, as_them);
    let said = Box::pin(comment.run(tx)).await;
    tx.cx = before;
    match said {
        Ok(_) => Ok(Some(ticket)),
        // It is over, or not theirs to see: nothing was written.
        Err(Error::Refused(_) | Error::Top { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The ticket that a message answers to: it names it, it answers a message of ours, or one that it was made of.
async fn answered(tx: &Tx, message: &Message) -> Result<Option<TicketId>> {
    if let Some(token) = &message.token
        && let Some(id) = tickets::queries::ids_by_tokens(tx.conn(), vec![token.clone()]).await?.remove(token)
    {
        return Ok(Some(id));
    }
    if message.answers.is_empty() {
        return Ok(None);
    }
    let earlier = submission::Entity::find()
        .filter(submission::Column::Gateway.eq(Gateway::Email.word()))
        .filter(submission::Column::ExternalId.is_in(&message.answers))
        .all(tx.conn())
        .await?;
    // The nearest in the thread.
    let nearest = message.answers.iter().find_map(|id| earlier.iter().find(|row| row.external_id == *id));
    if let Some(nearest) = nearest {
        return Ok(Some(nearest.ticket_id));
    }
    let ours = message.answers.iter().filter_map(|id| id.split('@').next()?.parse().ok()).collect::<Vec<_>>();
    notifications::queries::ticket_of_delivery(tx.conn(), &ours).await
}

async fn create(tx: &mut Tx, take: &Take, writer: Option<String>) -> Result<TicketId> {
    let Take { gateway, message, at, .. } = take;
    let More { priority, issue_type, product, device, customer_key, requester_email, external_refs } =
        message.more.clone();
    // Who is not known here is named in the ticket.
    let named = match &message.sender {
        Some(sender) if writer.is_none() => format!("\n\n({}: {sender})", gateway.word()),
        _ => String::new(),
    };
    let room = BODY_CHARS_MAX - named.chars().count().min(BODY_CHARS_MAX);
    let description: String = message.description.chars().take(room).collect();
    let command = CreateTicket {
        title: message.title.clone(),
        description: description + &named,
        priority: priority.unwrap_or(Priority::Normal),
        issue_type,
        product,
        device,
        customer_key,
        requester_email: requester_email.or(writer),
        required_skills: Vec::new(),
        external_refs,
        at: Some(*at),
    };
    Box::pin(command.run(tx)).await
}
