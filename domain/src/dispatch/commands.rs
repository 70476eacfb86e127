//! Assigns tickets to agents.

use super::decide::choose;
use super::model::{Candidate, DispatchFact, Requirements, Settings, Trace, weight};
use super::{queries, store};
use crate::kernel::{Result, UserId, boxed};
use crate::notifications;
use crate::runtime::{Command as _, Tx};
use crate::tickets;
use crate::tickets::model::{AssignTicket, Ticket, TicketStatus};

/// The outcome of dispatching a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DispatchOutcome {
    Assigned(UserId),
    /// Nobody is eligible.
    NoCandidate,
    /// The limit of automatic assignments is reached.
    LimitReached,
}

async fn requirements(tx: &Tx, ticket: &Ticket) -> Result<Requirements> {
    let mut earlier = queries::earlier_owners(tx.conn(), ticket.id).await?;
    earlier.extend(ticket.assignment.assignee);
    Ok(Requirements {
        team: ticket.assignment.team,
        skills: ticket.request.required_skills.clone(),
        weight: weight(ticket.request.priority, TicketStatus::Assigned),
        earlier,
    })
}

/// Assigns a ticket to the best candidate, and stores the reasons. Updates `candidates` with the new load.
async fn assign_best(tx: &mut Tx, ticket: &Ticket, candidates: &mut [Candidate]) -> Result<DispatchOutcome> {
    let settings = tx.app().state::<Settings>().clone();
    let before = store::traces(tx.conn(), &[ticket.id]).await?.remove(&ticket.id);
    let assignments = before.as_ref().map_or(0, |trace| trace.assignments);
    if assignments >= settings.assignments_max {
        // Queue it, so that a person decides.
        if let Some(mut trace) =
            before.filter(|trace| ticket.assignment.assignee.is_none() && trace.queued_at.is_none())
        {
            trace.queued_at = Some(tx.now);
            store::upsert(tx.conn(), &trace).await?;
            record_queued(tx, ticket).await?;
        }
        return Ok(DispatchOutcome::LimitReached);
    }
    let requirements = requirements(tx, ticket).await?;
    let choice = choose(&requirements, candidates, settings.skill_points);
    let chosen = choice.chosen;
    let queued_at = before.as_ref().and_then(|trace| trace.queued_at);
    let mut trace = Trace { ticket: ticket.id, at: tx.now, choice, queued_at, assignments };
    let Some(user) = chosen else {
        // A ticket that stays with its owner is not queued.
        let newly_queued = ticket.assignment.assignee.is_none() && queued_at.is_none();
        if newly_queued {
            trace.queued_at = Some(tx.now);
        }
        if before.is_none_or(|before| before.choice.candidates != trace.choice.candidates || newly_queued) {
            store::upsert(tx.conn(), &trace).await?;
        }
        if newly_queued {
            record_queued(tx, ticket).await?;
        }
        return Ok(DispatchOutcome::NoCandidate);
    };
    let stamp = candidates.iter().find(|candidate| candidate.user == user).map_or(0, |candidate| candidate.stamp);
    store::claim(tx, user, stamp).await?;
    trace.queued_at = None;
    trace.assignments += 1;
    store::upsert(tx.conn(), &trace).await?;
    let assign = AssignTicket { ticket: ticket.id, assignee: user, expected_version: Some(ticket.version) };
    assign.run(tx).await.map_err(conflict)?;
    for candidate in candidates.iter_mut().filter(|candidate| candidate.user == user) {
        candidate.load += requirements.weight;
        candidate.stamp += 1;
        candidate.last_assigned_at = Some(tx.now);
    }
    Ok(DispatchOutcome::Assigned(user))
}

/// A version conflict means a concurrent change: retry.
fn conflict(error: crate::kernel::Error) -> crate::kernel::Error {
    use crate::kernel::{Code, Error};
    match error {
        Error::Refused(refusals) if refusals.iter().any(|refusal| refusal.code == Code::VersionConflict) => {
            Error::Conflict
        }
        error => error,
    }
}

/// Assigns a ticket, never to an earlier owner. Escalation also uses it to reassign tickets.
#[boxed]
pub async fn dispatch(tx: &mut Tx, ticket: &Ticket) -> Result<DispatchOutcome> {
    let mut candidates = queries::candidates(tx, ticket.assignment.team).await?;
    assign_best(tx, ticket, &mut candidates).await
}

/// Assigns several tickets one after the other; returns how many were assigned.
pub async fn dispatch_all(tx: &mut Tx, tickets: Vec<Ticket>) -> Result<usize> {
    if tickets.is_empty() {
        return Ok(0);
    }
    let mut candidates = queries::candidates(tx, None).await?;
    let mut found = 0;
    for ticket in tickets {
        found += usize::from(matches!(assign_best(tx, &ticket, &mut candidates).await?, DispatchOutcome::Assigned(_)));
    }
    Ok(found)
}

/// Whether a ticket waits for automatic assignment.
pub(super) fn is_dispatchable(ticket: &Ticket) -> bool {
    ticket.assignment.assignee.is_none() && ticket.status == TicketStatus::New && !ticket.request.imported
}

/// The ticket waits in its team's queue; a supervisor is notified.
async fn record_queued(tx: &mut Tx, ticket: &Ticket) -> Result<()> {
    tickets::commands::append_fact_to(tx, ticket, DispatchFact::Queued.into()).await?;
    notifications::react::on_queued(tx, ticket).await
}
