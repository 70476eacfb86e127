//! Status synchronization with other systems, for the hub.

use std::collections::HashMap;

use super::{append_fact_to, apply};
use crate::kernel::{Result, TicketId, UserId, boxed};
use crate::runtime::Tx;
use crate::tickets::decide::lifecycle::{self, Decision};
use crate::tickets::decide::rights;
use crate::tickets::decide::sync_status::{Step, next_step};
use crate::tickets::model::{
    Action, Fact, ParticipantReason, PendingNeeds, PendingReport, ReportedStatus, Ticket, TicketStatus,
};
use crate::tickets::store;

/// Loads tickets and locks them for change until the transaction ends.
#[boxed]
pub async fn load_for_update(tx: &Tx, ids: &[TicketId]) -> Result<HashMap<TicketId, Ticket>> {
    Ok(store::load_for_update(tx, ids).await?.into_iter().map(|ticket| (ticket.id, ticket)).collect())
}

/// Applies the transitions to the reported status, or records what they wait for.
#[boxed]
pub async fn sync_status(tx: &mut Tx, ticket: Ticket, reported: &ReportedStatus) -> Result<Ticket> {
    let ReportedStatus { status, at, system, reopened_at, reopenings, first_reopened_at } = reported;
    let expected = (ticket.counts.reopenings + reopenings).max(0);
    let mut ticket = ticket;
    let resolution = if status.is_solved() && ticket.status.is_open() {
        let attributions = store::attributions(tx.conn(), &[ticket.id]).await?;
        let attribution = attributions.into_values().next();
        attribution
            .filter(|attribution| reopened_at.is_none_or(|at| attribution.at >= at))
            .map(|attribution| attribution.details.resolution)
    } else {
        None
    };
    let needs = loop {
        let step = next_step(&ticket, *status, tx.now, *at, resolution.as_deref(), system);
        match step {
            Step::Reached => break None,
            Step::Apply(decision) => ticket = Box::pin(apply(tx, &ticket, *decision, true, true)).await?,
            // Only the attribution is missing: resume the ticket so that its clocks run.
            Step::Pending(PendingNeeds::Attribution) if ticket.status == TicketStatus::Waiting => {
                let mut next = ticket.clone();
                next.status = TicketStatus::InProgress;
                next.waiting_reason = None;
                (next.times.updated_at, next.times.public_updated_at) = (tx.now, tx.now);
                let decision = Decision { next, facts: vec![Fact::Resumed], participants: Vec::new() };
                ticket = Box::pin(apply(tx, &ticket, decision, true, true)).await?;
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
        let mut next = Ticket { pending, ..ticket.clone() };
        next.times.updated_at = tx.now;
        let decision = Decision { next, facts: vec![fact], participants: Vec::new() };
        ticket = Box::pin(apply(tx, &ticket, decision, true, true)).await?;
    }
    if *reopenings != 0 && ticket.counts.reopenings != expected {
        // A late report changed the number of reopenings.
        let mut next = ticket.clone();
        next.counts.reopenings = expected;
        next.closing.first_reopened_at = first_reopened_at.or(next.closing.first_reopened_at).filter(|_| expected > 0);
        next.times.updated_at = tx.now;
        let fact = Fact::Updated { fields: vec!["reopenCount".to_owned()] };
        let decision = Decision { next, facts: vec![fact], participants: Vec::new() };
        ticket = Box::pin(apply(tx, &ticket, decision, true, true)).await?;
    }
    Ok(ticket)
}

/// Rejects a pending report; the status does not change.
pub async fn dismiss_pending(tx: &mut Tx, id: TicketId, expected_version: Option<i32>) -> Result<Ticket> {
    let ticket = super::load(tx, id, expected_version).await?;
    rights::may(tx.actor(), Action::Resolve, &ticket)?;
    let decision = lifecycle::dismiss_pending(&ticket, tx.actor(), tx.now)?;
    apply(tx, &ticket, decision, true, false).await
}

/// Removes systems' accounts from tickets to which they are no longer linked.
pub async fn remove_system_participants(tx: &mut Tx, leaves: &[(&Ticket, UserId)]) -> Result<()> {
    for (ticket, account) in leaves {
        if store::remove_system(tx.conn(), ticket.id, *account).await? {
            append_fact_to(tx, ticket, Fact::ParticipantRemoved { user: *account }).await?;
        }
    }
    Ok(())
}

/// Adds systems' accounts as participants of tickets that they reported or are linked to.
pub async fn add_system_participants(tx: &mut Tx, joins: &[(&Ticket, UserId)]) -> Result<()> {
    for (ticket, account) in joins {
        if store::add_participant(tx.conn(), ticket.id, *account, ParticipantReason::System).await? {
            let fact = Fact::ParticipantAdded { user: *account, reason: ParticipantReason::System };
            append_fact_to(tx, ticket, fact).await?;
        }
    }
    Ok(())
}
