//! Giving tickets to people.

use super::decide::choose;
use super::model::{Candidate, Need, Settings, Trace, weight};
use super::{queries, store};
use crate::kernel::{Result, UserId};
use crate::runtime::{Command as _, Tx};
use crate::tickets;
use crate::tickets::model::{AssignTicket, Fact, Ticket, TicketStatus};

/// What came of a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dispatched {
    To(UserId),
    /// Nobody suitable is there.
    Nobody,
    /// It was assigned automatically too often.
    Bounded,
}

async fn need(tx: &Tx, ticket: &Ticket) -> Result<Need> {
    let mut earlier = queries::earlier_owners(tx.conn(), ticket.id).await?;
    earlier.extend(ticket.assignee);
    Ok(Need {
        team: ticket.team,
        skills: ticket.required_skills.clone(),
        weight: weight(ticket.priority, TicketStatus::Assigned),
        earlier,
    })
}

/// Gives a ticket to the best of these, and keeps why. `candidates` are brought up to date.
async fn give(tx: &mut Tx, ticket: &Ticket, candidates: &mut [Candidate]) -> Result<Dispatched> {
    let settings = tx.app().state::<Settings>().clone();
    let before = store::traces(tx.conn(), &[ticket.id]).await?.remove(&ticket.id);
    let assignments = before.as_ref().map_or(0, |trace| trace.assignments);
    if assignments >= settings.assignments_max {
        // It does not wait unseen either: a person decides.
        if let Some(mut trace) = before.filter(|trace| ticket.assignee.is_none() && trace.queued_at.is_none()) {
            trace.queued_at = Some(tx.now);
            store::put(tx.conn(), &trace).await?;
            tickets::commands::note(tx, ticket.id, Fact::Queued).await?;
        }
        return Ok(Dispatched::Bounded);
    }
    let need = need(tx, ticket).await?;
    let choice = choose(&need, candidates, settings.skill_points);
    let chosen = choice.chosen;
    let queued_at = before.as_ref().and_then(|trace| trace.queued_at);
    let mut trace = Trace { ticket: ticket.id, at: tx.now, choice, queued_at, assignments };
    let Some(user) = chosen else {
        // Who stays with their owner waits in no queue.
        let newly_queued = ticket.assignee.is_none() && queued_at.is_none();
        if newly_queued {
            trace.queued_at = Some(tx.now);
        }
        if before.is_none_or(|before| before.choice.weighed != trace.choice.weighed || newly_queued) {
            store::put(tx.conn(), &trace).await?;
        }
        if newly_queued {
            tickets::commands::note(tx, ticket.id, Fact::Queued).await?;
        }
        return Ok(Dispatched::Nobody);
    };
    let stamp = candidates.iter().find(|candidate| candidate.user == user).map_or(0, |candidate| candidate.stamp);
    store::claim(tx, user, stamp).await?;
    trace.queued_at = None;
    trace.assignments += 1;
    store::put(tx.conn(), &trace).await?;
    let assign = AssignTicket { ticket: ticket.id, assignee: user, expected_version: Some(ticket.version) };
    assign.run(tx).await.map_err(conflict)?;
    for candidate in candidates.iter_mut().filter(|candidate| candidate.user == user) {
        candidate.load += need.weight;
        candidate.stamp += 1;
        candidate.last_assigned_at = Some(tx.now);
    }
    Ok(Dispatched::To(user))
}

/// Somebody else was faster: looked at again.
fn conflict(error: crate::kernel::Error) -> crate::kernel::Error {
    use crate::kernel::{Code, Error};
    match error {
        Error::Refused(refusals) if refusals.iter().any(|refusal| refusal.code == Code::VersionConflict) => {
            Error::Conflict
        }
        error => error,
    }
}

/// Gives a ticket to somebody: to nobody who had it before. Also how a ticket that nobody answered moves on.
pub async fn dispatch(tx: &mut Tx, ticket: &Ticket) -> Result<Dispatched> {
    let mut candidates = queries::candidates(tx, ticket.team).await?;
    give(tx, ticket, &mut candidates).await
}

/// Gives several tickets, one after the other, as they stand; how many of them found somebody.
pub async fn dispatch_all(tx: &mut Tx, tickets: Vec<Ticket>) -> Result<usize> {
    if tickets.is_empty() {
        return Ok(0);
    }
    let mut candidates = queries::candidates(tx, None).await?;
    let mut found = 0;
    for ticket in tickets {
        found += usize::from(matches!(give(tx, &ticket, &mut candidates).await?, Dispatched::To(_)));
    }
    Ok(found)
}

/// Whether a ticket may be given to somebody by itself.
pub(super) fn is_free(ticket: &Ticket) -> bool {
    ticket.assignee.is_none() && ticket.status == TicketStatus::New && !ticket.imported
}
