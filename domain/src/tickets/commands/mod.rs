//! Writes of tickets: load → may → decide → save → record.

mod attribution;
mod beside;
mod create;
mod fields;
mod follow;
mod history;
mod life;

use std::collections::HashMap;

pub use self::follow::{Reported, dismiss_pending, follow, join_systems, take};
pub use self::history::{History, extend_history, insert_history};
use crate::event::Event;
use crate::kernel::{Code, Refusal, Result, TicketId, refuse};
use crate::runtime::Tx;
use crate::runtime::command::version_conflict;
use crate::tickets::decide::lifecycle::{self, Decision};
use crate::tickets::decide::rights;
use crate::tickets::model::{Access, Action, Fact, Snapshot, Ticket, TicketEvent};
use crate::tickets::store;

/// Skills, references and mentions that one input may carry.
const KEYS_MAX: usize = 20;

/// The ticket that an input names, for changing it: NOT_FOUND where the actor does not see it, FORBIDDEN where they
/// see it only as a case, VERSION_CONFLICT where it is not the one they saw.
async fn load(tx: &Tx, id: TicketId, expected_version: Option<i32>) -> Result<Ticket> {
    let ticket = store::load(tx, id).await?.ok_or_else(|| rights::not_found("ticketId"))?;
    let participants = store::participants(tx.conn(), &[id]).await?.remove(&id).unwrap_or_default();
    match rights::access(tx.actor(), &ticket, &participants) {
        None => return Err(rights::not_found("ticketId").into()),
        Some(Access::Case) => {
            return Err(refuse(
                Code::Forbidden,
                "ticketId",
                "You may read this ticket as a case, but not change it.",
                "您可以将该工单作为案例查看，但不能修改。",
            )
            .into());
        }
        Some(Access::Full) => {}
    }
    if expected_version.is_some_and(|expected| expected != ticket.version) {
        return Err(version_conflict().into());
    }
    Ok(ticket)
}

/// Saves a decision and tells of it. `versioned`: the change counts as one that others must have seen.
async fn settle(tx: &mut Tx, before: &Ticket, decision: Decision, versioned: bool) -> Result<TicketId> {
    Ok(settle_as(tx, before, decision, versioned, false).await?.id)
}

/// The same, as it is saved. `reported`: it follows what a system reported.
async fn settle_as(
    tx: &mut Tx,
    before: &Ticket,
    decision: Decision,
    versioned: bool,
    reported: bool,
) -> Result<Ticket> {
    let Decision { mut next, facts, participants } = decision;
    if (next.team, &next.issue_type) != (before.team, &before.issue_type) {
        next.confidential = store::is_confidential(tx.conn(), next.team, next.issue_type.as_deref()).await?;
    }
    let next = if versioned {
        store::save(tx, before.version, next).await?
    } else {
        store::save_beside(tx, &next).await?;
        next
    };
    for (user, reason) in participants {
        store::add_participant(tx.conn(), next.id, user, reason).await?;
    }
    // Of several facts the last is the one that moved the ticket.
    let last = facts.len().saturating_sub(1);
    for (i, fact) in facts.into_iter().enumerate() {
        let first_response = i == last && before.first_responded_at.is_none() && next.first_responded_at.is_some();
        if i == last {
            tell(tx, &next, Some(before.snapshot()), fact, first_response, reported).await?;
        } else {
            record(tx, before, fact).await?;
        }
    }
    Ok(next)
}

/// Tells of what changed nothing that decides who sees the ticket.
async fn record(tx: &mut Tx, ticket: &Ticket, fact: Fact) -> Result<()> {
    tell(tx, ticket, None, fact, false, false).await
}

async fn tell(
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
    tx.record(Event::Ticket(event)).await
}

/// Tells what a higher capability has found out about a ticket; the ticket stays as it is.
pub async fn note(tx: &mut Tx, id: TicketId, fact: Fact) -> Result<()> {
    let ticket = store::load(tx, id).await?.ok_or_else(|| rights::not_found("ticketId"))?;
    record(tx, &ticket, fact).await
}

/// The same of a ticket that was loaded in this transaction.
pub async fn note_of(tx: &mut Tx, ticket: &Ticket, fact: Fact) -> Result<()> {
    record(tx, ticket, fact).await
}

/// Tickets as they are, and stay until this transaction has ended: what is copied from them now is what they say.
pub async fn held(tx: &Tx, ids: &[TicketId]) -> Result<HashMap<TicketId, Ticket>> {
    Ok(store::hold(tx, ids).await?.into_iter().map(|ticket| (ticket.id, ticket)).collect())
}

/// Whether somebody may do this beside a ticket.
pub async fn check(tx: &Tx, id: TicketId, action: Action) -> Result<()> {
    let ticket = load(tx, id, None).await?;
    Ok(lifecycle::check(tx.actor(), action, &ticket)?)
}

/// What a higher capability does beside a ticket, by somebody who may: it is told, and changes nothing that others must
/// have seen.
pub async fn act(tx: &mut Tx, id: TicketId, action: Action, fact: Fact) -> Result<()> {
    let ticket = load(tx, id, None).await?;
    let decision = lifecycle::beside(&ticket, tx.actor(), tx.now, action, fact)?;
    settle(tx, &ticket, decision, false).await.map(drop)
}

/// 超时未响应: nobody has opened it in time, whoever held it.
pub async fn mark_no_response(tx: &mut Tx, id: TicketId) -> Result<()> {
    let ticket = store::load(tx, id).await?.ok_or_else(|| rights::not_found("ticketId"))?;
    let marked = Ticket { no_response_marked_at: Some(tx.now), updated_at: tx.now, ..ticket };
    store::save_beside(tx, &marked).await?;
    record(tx, &marked, Fact::NoResponseMarked).await
}

fn bounded(field: &str, count: usize) -> Result<(), Refusal> {
    if count <= KEYS_MAX {
        return Ok(());
    }
    Err(refuse(
        Code::LimitExceeded,
        field,
        format!("{field} has {count} entries; at most {KEYS_MAX} are allowed."),
        format!("{field} 共 {count} 项，最多允许 {KEYS_MAX} 项。"),
    ))
}
