//! What the hub asks of tickets: to follow what is true of them across systems.

use std::collections::HashMap;

use super::{note_of, settle_as};
use crate::kernel::{Result, TicketId, Timestamp, UserId};
use crate::runtime::Tx;
use crate::tickets::decide::follow::{Step, step};
use crate::tickets::decide::lifecycle::{self, Decision};
use crate::tickets::decide::rights;
use crate::tickets::model::{Action, Fact, Needs, ParticipantReason, PendingReport, Ticket, TicketStatus};
use crate::tickets::store;

/// Where a ticket is said to stand.
#[derive(Clone, Debug)]
pub struct Reported {
    pub status: TicketStatus,
    /// When it came there, as its source says.
    pub at: Timestamp,
    /// Whose report brought it there, by its key.
    pub system: String,
    /// When it was last taken up again: an attribution from before says nothing of what came after.
    pub reopened_at: Option<Timestamp>,
    /// By how many reopenings more, or fewer, it got there than was known before.
    pub reopenings: i32,
    pub first_reopened_at: Option<Timestamp>,
}

/// Tickets as they are, for this transaction to change: nobody else changes them before it has ended.
pub async fn take(tx: &Tx, ids: &[TicketId]) -> Result<HashMap<TicketId, Ticket>> {
    Ok(store::take(tx, ids).await?.into_iter().map(|ticket| (ticket.id, ticket)).collect())
}

/// Takes the steps that lead to where a ticket is said to stand, or notes what they wait for.
pub async fn follow(tx: &mut Tx, ticket: Ticket, reported: &Reported) -> Result<Ticket> {
    let Reported { status, at, system, reopened_at, reopenings, first_reopened_at } = reported;
    let expected = (ticket.reopen_count + reopenings).max(0);
    let mut ticket = ticket;
    let resolution = if status.is_solved() && ticket.status.is_open() {
        let attributions = store::attributions(tx.conn(), &[ticket.id]).await?;
        let stands = attributions.into_values().next();
        stands.filter(|given| reopened_at.is_none_or(|at| given.at >= at)).map(|given| given.given.resolution)
    } else {
        None
    };
    let needs = loop {
        let step = step(&ticket, *status, tx.now, *at, resolution.as_deref(), system);
        match step {
            Step::Stands => break None,
            Step::Take(decision) => ticket = Box::pin(settle_as(tx, &ticket, *decision, true, true)).await?,
            // Nothing is waited for but the attribution: the clocks run on.
            Step::Pending(Needs::Attribution) if ticket.status == TicketStatus::Waiting => {
                let resumed = Ticket {
                    status: TicketStatus::InProgress,
                    waiting_reason: None,
                    updated_at: tx.now,
                    public_updated_at: tx.now,
                    ..ticket.clone()
                };
                let decision = Decision { next: resumed, facts: vec![Fact::Resumed], participants: Vec::new() };
                ticket = Box::pin(settle_as(tx, &ticket, decision, true, true)).await?;
            }
            Step::Pending(needs) => break Some(needs),
        }
    };
    let pending = needs.map(|needs| PendingReport { status: *status, system: system.clone(), since: *at, needs });
    if pending != ticket.pending {
        let fact = match &pending {
            Some(PendingReport { status, system, since: _, needs }) => {
                Fact::ReportPending { system: system.clone(), status: *status, needs: *needs }
            }
            None => Fact::ReportSettled,
        };
        let next = Ticket { pending, updated_at: tx.now, ..ticket.clone() };
        let decision = Decision { next, facts: vec![fact], participants: Vec::new() };
        ticket = Box::pin(settle_as(tx, &ticket, decision, true, true)).await?;
    }
    if *reopenings != 0 && ticket.reopen_count != expected {
        // A report that came late has changed how it got there, or whether.
        let first = if expected == 0 { None } else { first_reopened_at.or(ticket.first_reopened_at) };
        let next = Ticket { reopen_count: expected, first_reopened_at: first, updated_at: tx.now, ..ticket.clone() };
        let fact = Fact::Updated { fields: vec!["reopenCount".to_owned()] };
        let decision = Decision { next, facts: vec![fact], participants: Vec::new() };
        ticket = Box::pin(settle_as(tx, &ticket, decision, true, true)).await?;
    }
    Ok(ticket)
}

/// A person says that what a system reported is not so: the ticket stays where it is.
pub async fn dismiss_pending(tx: &mut Tx, id: TicketId, expected_version: Option<i32>) -> Result<Ticket> {
    let ticket = super::load(tx, id, expected_version).await?;
    rights::may(tx.actor(), Action::Resolve, &ticket)?;
    let decision = lifecycle::dismiss_pending(&ticket, tx.actor(), tx.now)?;
    settle_as(tx, &ticket, decision, true, false).await
}

/// Lets the accounts of systems see tickets that they reported or are linked to.
pub async fn join_systems(tx: &mut Tx, joins: &[(&Ticket, UserId)]) -> Result<()> {
    for (ticket, account) in joins {
        if store::add_participant(tx.conn(), ticket.id, *account, ParticipantReason::System).await? {
            let fact = Fact::ParticipantAdded { user: *account, reason: ParticipantReason::System };
            note_of(tx, ticket, fact).await?;
        }
    }
    Ok(())
}
