//! What engineers write by a chat: it is no request, but an answer to the ticket that they were sent.

use super::replies::{Placed, run_as};
use super::writers::Writer;
use crate::intake::decide::words::{NamedTicket, StaffOrder, staff_message};
use crate::kernel::{Result, TicketId, hours};
use crate::notifications;
use crate::notifications::model::{Channel, ChannelAnswer};
use crate::runtime::Tx;
use crate::tickets;
use crate::tickets::model::{AcceptTicket, AddComment, SetWaiting, Ticket, TicketStatus, Visibility};

/// A message without a reference answers the last ticket that its writer was sent within this time.
const ANSWERS_WITHIN: std::time::Duration = hours(24);

/// Carries out what an engineer wrote. `referred`: the ticket whose message they replied to.
pub async fn answer_ticket(
    tx: &mut Tx,
    channel: Channel,
    text: &str,
    writer: &Writer,
    referred: Option<TicketId>,
) -> Result<Placed> {
    notifications::commands::record_channel_activity(tx, writer.user, channel).await?;
    let message = staff_message(text);
    let named = match &message.ticket {
        Some(named) => Some(ticket_named(tx, named).await?),
        None => None,
    };
    let id = match named {
        Some(Some(id)) => Some(id),
        // A number that does not exist.
        Some(None) => None,
        None => match referred {
            Some(id) => Some(id),
            None => {
                let since = tx.now - ANSWERS_WITHIN;
                notifications::queries::last_sent_ticket(tx.conn(), writer.user, channel, since).await?
            }
        },
    };
    let ticket = match id {
        Some(id) => tickets::queries::by_ids(tx.conn(), &[id]).await?.remove(&id),
        None => None,
    };
    let Some(ticket) = ticket else {
        answer(tx, writer, channel, None, ChannelAnswer::NoTicket).await?;
        return Ok(Placed::Answered);
    };
    let outcome = carry_out(tx, writer, &ticket, message.order).await?;
    let placed = if outcome == ChannelAnswer::Refused { Placed::Answered } else { Placed::In(ticket.id) };
    answer(tx, writer, channel, Some(ticket.id), outcome).await?;
    Ok(placed)
}

async fn ticket_named(tx: &Tx, named: &NamedTicket) -> Result<Option<TicketId>> {
    match named {
        NamedTicket::Number(number) => tickets::queries::id_by_number(tx.conn(), *number).await,
        NamedTicket::Token(token) => {
            Ok(tickets::queries::ids_by_tokens(tx.conn(), vec![token.clone()]).await?.remove(token))
        }
    }
}

async fn carry_out(tx: &mut Tx, writer: &Writer, of: &Ticket, order: StaffOrder) -> Result<ChannelAnswer> {
    let ticket = of.id;
    let accept = AcceptTicket { ticket, expected_version: None };
    let done = |allowed: bool, answer: ChannelAnswer| if allowed { answer } else { ChannelAnswer::Refused };
    match order {
        StaffOrder::Accept => Ok(done(run_as(tx, writer, &accept).await?, ChannelAnswer::Accepted)),
        StaffOrder::Wait { reason } => {
            // Waiting for something implies that the work was accepted.
            if of.status == TicketStatus::Assigned && !run_as(tx, writer, &accept).await? {
                return Ok(ChannelAnswer::Refused);
            }
            let wait = SetWaiting { ticket, reason, expected_version: None };
            Ok(done(run_as(tx, writer, &wait).await?, ChannelAnswer::Waiting))
        }
        StaffOrder::Resolve => Ok(ChannelAnswer::Resolve),
        StaffOrder::Comment { text, internal } => {
            let is_assignee = of.assignment.assignee == Some(writer.user);
            let (visibility, answer) = if internal || !is_assignee {
                (Visibility::Internal, ChannelAnswer::NoteAdded)
            } else {
                (Visibility::Public, ChannelAnswer::ReplySent)
            };
            let comment = AddComment { ticket, body: text, visibility, mentions: Vec::new() };
            Ok(done(run_as(tx, writer, &comment).await?, answer))
        }
    }
}

async fn answer(
    tx: &mut Tx,
    writer: &Writer,
    channel: Channel,
    ticket: Option<TicketId>,
    answer: ChannelAnswer,
) -> Result<()> {
    notifications::react::on_channel_answer(tx, writer.user, channel, ticket, answer).await
}
