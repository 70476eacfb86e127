//! Writes of tickets: load → may → decide → save → record.

mod activity;
mod attribution;
mod create;
mod fields;
mod imported;
mod links;
mod references;
mod requester;
mod sync_status;
mod transitions;

use std::collections::HashMap;

pub use self::imported::{ImportedTicket, insert_imported_tickets, update_imported_ticket};
pub use self::links::{issue_link, run_as_holder};
pub use self::requester::move_requests;
pub use self::sync_status::{
    add_system_participants, dismiss_pending, load_for_update, remove_system_participants, sync_status,
};
use crate::kernel::{Code, Refusal, Result, TicketId, boxed, refuse};
use crate::msg;
use crate::runtime::Tx;
use crate::runtime::command::version_conflict;
use crate::tickets::decide::lifecycle::{self, Decision};
use crate::tickets::decide::rights;
use crate::tickets::model::{Access, Action, Fact, Snapshot, Ticket, TicketEvent};
use crate::tickets::store;

/// Skills, references and mentions that one input may carry.
const KEYS_MAX: usize = 20;

/// Loads a ticket for a change: NOT_FOUND if the actor does not see it, FORBIDDEN if they see it only as a case,
/// VERSION_CONFLICT if it is not at the expected version.
async fn load(tx: &Tx, id: TicketId, expected_version: Option<i32>) -> Result<Ticket> {
    let ticket = store::load(tx, id).await?.ok_or_else(|| rights::not_found("ticketId"))?;
    let participants = store::participants(tx.conn(), &[id]).await?.remove(&id).unwrap_or_default();
    match rights::access(tx.actor(), &ticket, &participants) {
        None => return Err(rights::not_found("ticketId").into()),
        Some(Access::Case) => {
            return Err(refuse(Code::Forbidden, "ticketId", msg!("tickets-case-read-only")).into());
        }
        Some(Access::Full) => {}
    }
    if expected_version.is_some_and(|expected| expected != ticket.version) {
        return Err(version_conflict().into());
    }
    Ok(ticket)
}

/// Applies the decision of a command. `versioned`: the change raises the version, so that concurrent edits conflict.
async fn apply_command(tx: &mut Tx, before: &Ticket, decision: Decision, versioned: bool) -> Result<TicketId> {
    Ok(apply(tx, before, decision, versioned, false).await?.id)
}

/// Saves a decision and records its events. `reported`: it applies a status that a system reported.
async fn apply(tx: &mut Tx, before: &Ticket, decision: Decision, versioned: bool, reported: bool) -> Result<Ticket> {
    let Decision { mut next, facts, participants } = decision;
    if (next.assignment.team, &next.request.issue_type) != (before.assignment.team, &before.request.issue_type) {
        next.request.confidential =
            store::is_confidential(tx.conn(), next.assignment.team, next.request.issue_type.as_deref()).await?;
    }
    let next = if versioned {
        store::save(tx, before.version, next).await?
    } else {
        store::save_unversioned(tx, &next).await?;
        next
    };
    for (user, reason) in participants {
        store::add_participant(tx.conn(), next.id, user, reason).await?;
    }
    // Of several facts the last one carries the state change.
    let last = facts.len().saturating_sub(1);
    for (i, fact) in facts.into_iter().enumerate() {
        let first_response =
            i == last && before.times.first_responded_at.is_none() && next.times.first_responded_at.is_some();
        if i == last {
            record_event(tx, &next, Some(before.snapshot()), fact, first_response, reported).await?;
        } else {
            append_fact_to(tx, before, fact).await?;
        }
    }
    Ok(next)
}

/// Records a fact about a loaded ticket that does not change its state.
pub async fn append_fact_to(tx: &mut Tx, ticket: &Ticket, fact: Fact) -> Result<()> {
    record_event(tx, ticket, None, fact, false, false).await
}

async fn record_event(
    tx: &mut Tx,
    ticket: &Ticket,
    before: Option<Snapshot>,
    fact: Fact,
    first_response: bool,
    reported: bool,
) -> Result<()> {
    let after = ticket.snapshot();
    let before = before.filter(|before| *before != after);
    let event = TicketEvent { ticket: ticket.id, fact, before, after, first_response, reported, history: None };
    tx.record(event).await
}

/// Records a fact of a higher capability; the ticket does not change.
#[boxed]
pub async fn append_fact(tx: &mut Tx, id: TicketId, fact: Fact) -> Result<()> {
    let ticket = store::load(tx, id).await?.ok_or_else(|| rights::not_found("ticketId"))?;
    append_fact_to(tx, &ticket, fact).await
}

/// Loads tickets and locks them against changes until the transaction ends, for copying from them.
pub async fn load_for_share(tx: &Tx, ids: &[TicketId]) -> Result<HashMap<TicketId, Ticket>> {
    Ok(store::load_for_share(tx, ids).await?.into_iter().map(|ticket| (ticket.id, ticket)).collect())
}

/// Checks that the actor may perform the action.
#[boxed]
pub async fn check_action(tx: &Tx, id: TicketId, action: Action) -> Result<()> {
    let ticket = load(tx, id, None).await?;
    Ok(lifecycle::check(tx.actor(), action, &ticket)?)
}

/// Checks and records an action of a higher capability; it does not raise the version.
pub async fn perform_action(tx: &mut Tx, id: TicketId, action: Action, fact: Fact) -> Result<()> {
    let ticket = load(tx, id, None).await?;
    let decision = lifecycle::record_activity(&ticket, tx.actor(), tx.now, action, fact)?;
    apply_command(tx, &ticket, decision, false).await.map(drop)
}

/// 超时未响应: nobody opened the ticket in time, whoever was assigned. `fact`: what the caller records about it.
pub async fn mark_no_response(tx: &mut Tx, id: TicketId, fact: Fact) -> Result<()> {
    let mut ticket = store::load(tx, id).await?.ok_or_else(|| rights::not_found("ticketId"))?;
    ticket.times.no_response_marked_at = Some(tx.now);
    ticket.times.updated_at = tx.now;
    store::save_unversioned(tx, &ticket).await?;
    append_fact_to(tx, &ticket, fact).await
}

fn check_count(field: &str, count: usize) -> Result<(), Refusal> {
    if count <= KEYS_MAX {
        return Ok(());
    }
    Err(refuse(
        Code::LimitExceeded,
        field,
        msg!("tickets-entries-too-many", field = field, count = count, max = KEYS_MAX),
    ))
}
