//! Messages that belong to a ticket.

use super::staff;
use super::writers::Writer;
use crate::intake::decide::thread::{CONVERSATION_TTL, Candidate, Effect, Incoming, thread};
use crate::intake::decide::words::new_matter;
use crate::intake::model::{Gateway, Message, Settings};
use crate::kernel::text::{self, REASON_CHARS_MAX};
use crate::kernel::{Actor, Error, Result, TicketId, Timestamp, boxed};
use crate::notifications;
use crate::notifications::model::{Channel, ChannelMessage, Medium};
use crate::people;
use crate::runtime::{Command, Ctx, Tx};
use crate::tickets;
use crate::tickets::model::{AddComment, ChaseTicket, ReopenTicket, Ticket, TicketStatus, Visibility};

/// Where a message went.
pub enum Placed {
    /// It is a new request; with the text behind the sign that it is new.
    New(Option<String>),
    In(TicketId),
    /// It belongs to no ticket, and its writer was told.
    Answered,
}

/// Adds a message to the ticket that it belongs to.
#[boxed]
pub async fn place(tx: &mut Tx, gateway: Gateway, message: &Message, writer: &Writer) -> Result<Placed> {
    let Some(channel) = gateway.channel() else { return Ok(Placed::New(None)) };
    let text = message.own_text.as_ref().unwrap_or(&message.description).as_str();
    if let Some(text) = new_matter(text) {
        return Ok(Placed::New(Some(text.to_owned())));
    }
    let is_new_matter = message.subject.as_deref().is_some_and(|subject| new_matter(subject).is_some());
    let referred = referred_ticket(tx, channel, message).await?;
    // A mail of staff without a reference is their own request; in a chat they answer what they were sent.
    if writer.is_staff && channel.medium() == Medium::Chat {
        return staff::answer_ticket(tx, channel, text, writer, referred).await;
    }
    let recent = candidates(tx, channel, writer, referred).await?;
    let referred = match referred {
        Some(id) => match recent.iter().find(|candidate| candidate.ticket == id) {
            Some(known) => Some(known.clone()),
            None => candidate_of(tx, id).await?,
        },
        None => None,
    };
    let incoming = Incoming {
        text,
        subject: message.subject.as_deref(),
        is_reply: message.is_reply,
        conversation: message.conversation.as_deref(),
        referred,
        recent: &recent,
        is_new_matter,
    };
    let reopen_within = tx.app().state::<Settings>().reopen_within();
    let Some((ticket, effect)) = thread(&incoming, reopen_within, tx.now) else { return Ok(Placed::New(None)) };
    if !add(tx, writer, ticket, effect, text).await? {
        return Ok(Placed::New(None));
    }
    if effect != Effect::Comment {
        // They hear that they were heard: nobody tells people of their own acts otherwise.
        notifications::react::on_thread_continued(tx, ticket, writer.user, effect == Effect::Reopen).await?;
    }
    Ok(Placed::In(ticket))
}

/// Adds what a writer says to a ticket; returns whether they may.
async fn add(tx: &mut Tx, writer: &Writer, ticket: TicketId, effect: Effect, text: &str) -> Result<bool> {
    let Some(found) = tickets::queries::by_ids(tx.conn(), &[ticket]).await?.remove(&ticket) else { return Ok(false) };
    let is_theirs = found.request.requester == Some(writer.user);
    // A staff member's mail may be meant for colleagues only, so it is an internal comment.
    let visibility = if writer.is_staff && !is_theirs { Visibility::Internal } else { Visibility::Public };
    let comment = AddComment { ticket, body: text.to_owned(), visibility, mentions: Vec::new() };
    match effect {
        Effect::Comment => run_as(tx, writer, &comment).await,
        Effect::Chase => {
            if !run_as(tx, writer, &comment).await? {
                return Ok(false);
            }
            run_as(tx, writer, &ChaseTicket { ticket }).await
        }
        Effect::Reopen if writer.is_staff && !is_theirs => run_as(tx, writer, &comment).await,
        Effect::Reopen => {
            // A reason is shorter than a comment: a longer text is kept whole beside it.
            let is_long = text.chars().count() > REASON_CHARS_MAX;
            if is_long && !run_as(tx, writer, &comment).await? {
                return Ok(false);
            }
            let reason = if is_long { text::excerpt(text, REASON_CHARS_MAX) } else { text.to_owned() };
            run_as(tx, writer, &ReopenTicket { ticket, reason, expected_version: None }).await
        }
    }
}

/// Runs a command as the writer; returns whether it was allowed. A refused one has written nothing.
pub(super) async fn run_as<C: Command>(tx: &mut Tx, writer: &Writer, command: &C) -> Result<bool> {
    let Some(person) = people::queries::person(tx.app(), writer.user).await? else { return Ok(false) };
    let as_writer = Ctx { actor: Actor::Person(person.into()), ..tx.cx.clone() };
    let before = std::mem::replace(&mut tx.cx, as_writer);
    let outcome = command.run(tx).await;
    tx.cx = before;
    match outcome {
        Ok(_) => Ok(true),
        Err(Error::Refused(_) | Error::Top { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Records a message that belongs to a ticket now: replies are recognised by it.
pub async fn record(
    tx: &Tx,
    gateway: Gateway,
    message: &Message,
    writer: &Writer,
    ticket: TicketId,
    at: Timestamp,
) -> Result<()> {
    let Some(channel) = gateway.channel() else { return Ok(()) };
    let message = ChannelMessage {
        channel,
        id: message.external_id.clone(),
        ticket,
        user: writer.user,
        conversation: message.conversation.clone(),
        subject: message.subject.clone(),
        at,
    };
    notifications::commands::record_message(tx, message).await
}

/// The ticket that a message refers to: by its token, by a message of a writer, or by a message of ours.
async fn referred_ticket(tx: &Tx, channel: Channel, message: &Message) -> Result<Option<TicketId>> {
    if let Some(token) = &message.token
        && let Some(id) = tickets::queries::ids_by_tokens(tx.conn(), vec![token.clone()]).await?.remove(token)
    {
        return Ok(Some(id));
    }
    let ids = &message.in_reply_to;
    let written = notifications::queries::messages_by_id(tx.conn(), channel, ids).await?;
    // The nearest message of the thread.
    if let Some(nearest) = ids.iter().find_map(|id| written.iter().find(|message| message.id == *id)) {
        return Ok(Some(nearest.ticket));
    }
    let earlier = super::store::submissions(tx.conn(), gateway_of(channel), ids).await?;
    if let Some(nearest) = ids.iter().find_map(|id| earlier.iter().find(|row| row.external_id == *id)) {
        return Ok(Some(nearest.ticket_id));
    }
    // The Message-ID of our mails begins with the id of the delivery, the root of their thread with that of the ticket.
    let local = || ids.iter().filter_map(|id| id.split('@').next());
    let roots: Vec<TicketId> = local().filter_map(|id| id.parse().ok()).collect();
    if let Some(root) = tickets::queries::by_ids(tx.conn(), &roots).await?.into_keys().next() {
        return Ok(Some(root));
    }
    let ours = local().filter_map(|id| id.parse().ok()).collect::<Vec<_>>();
    if let Some(ticket) = notifications::queries::ticket_of_delivery(tx.conn(), &ours).await? {
        return Ok(Some(ticket));
    }
    notifications::queries::ticket_of_sent(tx.conn(), channel, ids).await
}

const fn gateway_of(channel: Channel) -> Gateway {
    match channel {
        Channel::Wecom => Gateway::Wecom,
        Channel::Dingtalk => Gateway::Dingtalk,
        Channel::Feishu => Gateway::Feishu,
        _ => Gateway::Email,
    }
}

/// The tickets of a writer about which they wrote by a channel lately, the last one first.
async fn candidates(tx: &Tx, channel: Channel, writer: &Writer, referred: Option<TicketId>) -> Result<Vec<Candidate>> {
    // Longer than a conversation lasts: an answer to them prolongs it.
    let since = tx.now - CONVERSATION_TTL * 4;
    let messages = notifications::queries::recent_messages(tx.conn(), writer.user, channel, since).await?;
    let mut ids: Vec<TicketId> = Vec::new();
    for id in messages.iter().map(|message| message.ticket).chain(referred) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    let mut found = tickets::queries::by_ids(tx.conn(), &ids).await?;
    let candidate = |id: TicketId| {
        let ticket = found.remove(&id)?;
        let of_ticket = || messages.iter().filter(|message| message.ticket == id);
        let conversations = of_ticket().filter_map(|message| message.conversation.clone()).collect();
        let subjects = of_ticket().filter_map(|message| message.subject.clone()).collect();
        let theirs = ticket.request.requester == Some(writer.user) || Some(id) == referred;
        theirs.then(|| Candidate { conversations, subjects, ..bare_candidate(&ticket) })
    };
    Ok(ids.into_iter().filter_map(candidate).collect())
}

async fn candidate_of(tx: &Tx, id: TicketId) -> Result<Option<Candidate>> {
    Ok(tickets::queries::by_ids(tx.conn(), &[id]).await?.get(&id).map(bare_candidate))
}

fn bare_candidate(ticket: &Ticket) -> Candidate {
    let closing = &ticket.closing;
    let ended_at = match ticket.status {
        status if status.is_open() => None,
        TicketStatus::Resolved => closing.resolved_at,
        _ => closing.closed_at.or(closing.resolved_at).or(Some(ticket.times.updated_at)),
    };
    Candidate {
        ticket: ticket.id,
        status: ticket.status,
        ended_at,
        changed_at: ticket.times.public_updated_at,
        conversations: Vec::new(),
        subjects: Vec::new(),
    }
}
