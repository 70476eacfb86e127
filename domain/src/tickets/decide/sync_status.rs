//! Applies the status that other systems report, one transition of the life-cycle at a time. Reports never bypass the
//! requirements of a transition.

use super::lifecycle::{Decision, text_digest};
use crate::kernel::Timestamp;
use crate::tickets::model::{Fact, PendingNeeds, Ticket, TicketStatus};

/// The next step towards the reported status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The ticket has this status.
    Reached,
    Apply(Box<Decision>),
    /// The status does not change until the missing requirement is supplied.
    Pending(PendingNeeds),
}

/// `at`: the time given by the source; `resolution`: of an attribution that applies to this resolution; `reason`: for
/// transitions that require one.
pub fn next_step(
    ticket: &Ticket,
    to: TicketStatus,
    now: Timestamp,
    at: Timestamp,
    resolution: Option<&str>,
    reason: &str,
) -> Step {
    use TicketStatus::{Assigned, Cancelled, Closed, InProgress, New, Resolved, Waiting};
    let from = ticket.status;
    if from == to {
        return Step::Reached;
    }
    let at = at.clamp(ticket.times.created_at, now);
    let mut next = ticket.clone();
    next.times.updated_at = now;
    next.times.public_updated_at = now;
    let fact = match (from, to) {
        // No transition leads back to NEW or from one final status to another.
        (_, New) | (Resolved | Closed, Cancelled) | (Cancelled, Resolved | Closed) | (Closed, Resolved) => {
            return Step::Pending(PendingNeeds::Decision);
        }
        (Cancelled, _) if ticket.closing.merged_into.is_some() => return Step::Pending(PendingNeeds::Decision),
        (Resolved | Closed | Cancelled, Assigned | InProgress | Waiting) => {
            next.status = InProgress;
            next.counts.reopenings += 1;
            next.closing.first_reopened_at = next.closing.first_reopened_at.or(Some(at));
            next.closing.resolved_at = None;
            next.closing.closed_at = None;
            next.closing.cancel_reason = None;
            Fact::Reopened { comment: None }
        }
        (_, Assigned | InProgress | Waiting) if ticket.assignment.assignee.is_none() => {
            return Step::Pending(PendingNeeds::Assignee);
        }
        (_, Assigned) => {
            next.status = Assigned;
            next.waiting_reason = None;
            Fact::Assigned { hand_over: false }
        }
        (Waiting, InProgress) => {
            next.status = InProgress;
            next.waiting_reason = None;
            Fact::Resumed
        }
        // WAITING is only reached from IN_PROGRESS.
        (New | Assigned, InProgress | Waiting) => {
            next.status = InProgress;
            next.assignment.accepted = true;
            Fact::Accepted
        }
        (_, Waiting) => {
            next.status = Waiting;
            next.waiting_reason = Some(reason.to_owned());
            Fact::WaitingSet { text_digest: text_digest(reason) }
        }
        (Resolved, Closed) => {
            next.status = Closed;
            next.closing.closed_at = Some(at);
            Fact::Closed { automatic: false }
        }
        (_, Resolved | Closed) => {
            let Some(resolution) = resolution else { return Step::Pending(PendingNeeds::Attribution) };
            next.status = Resolved;
            next.closing.resolved_at = Some(at);
            if next.closing.first_resolved_at.is_none() {
                next.closing.first_resolved_at = Some(at);
                next.closing.first_resolution_hand_overs = next.counts.hand_overs;
            }
            next.waiting_reason = None;
            Fact::Resolved { text_digest: text_digest(resolution) }
        }
        (_, Cancelled) => {
            next.status = Cancelled;
            next.waiting_reason = None;
            next.closing.cancel_reason = Some(reason.to_owned());
            Fact::Cancelled { text_digest: text_digest(reason) }
        }
        // IN_PROGRESS → IN_PROGRESS returned above.
        (_, InProgress) => return Step::Reached,
    };
    Step::Apply(Box::new(Decision { next, facts: vec![fact], participants: Vec::new() }))
}
