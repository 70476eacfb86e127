//! How a ticket follows what other systems say of it: by the steps of its life-cycle, one after the other, and never
//! round what they demand.

use super::lifecycle::{Decision, text_digest};
use crate::kernel::Timestamp;
use crate::tickets::model::{Fact, Needs, Ticket, TicketStatus};

/// The next step towards where a ticket is said to stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It stands there.
    Stands,
    Take(Box<Decision>),
    /// It stays where it is until somebody supplies what is missing.
    Pending(Needs),
}

/// `at`: when it happened, as its source says; `resolution`: of an attribution that stands for this solution; `why`: as
/// people are told, where a step needs a reason.
pub fn step(
    ticket: &Ticket,
    to: TicketStatus,
    now: Timestamp,
    at: Timestamp,
    resolution: Option<&str>,
    why: &str,
) -> Step {
    use TicketStatus::{Assigned, Cancelled, Closed, InProgress, New, Resolved, Waiting};
    let from = ticket.status;
    if from == to {
        return Step::Stands;
    }
    let at = at.clamp(ticket.created_at, now);
    let mut next = ticket.clone();
    next.updated_at = now;
    next.public_updated_at = now;
    let fact = match (from, to) {
        // Nothing leads back to where nobody had it; what is over is not over in another way.
        (_, New) | (Resolved | Closed, Cancelled) | (Cancelled, Resolved | Closed) | (Closed, Resolved) => {
            return Step::Pending(Needs::Decision);
        }
        (Cancelled, _) if ticket.merged_into.is_some() => return Step::Pending(Needs::Decision),
        (Resolved | Closed | Cancelled, Assigned | InProgress | Waiting) => {
            next.status = InProgress;
            next.reopen_count += 1;
            next.first_reopened_at = next.first_reopened_at.or(Some(at));
            next.resolved_at = None;
            next.closed_at = None;
            next.cancel_reason = None;
            Fact::Reopened { comment: None }
        }
        (_, Assigned | InProgress | Waiting) if ticket.assignee.is_none() => return Step::Pending(Needs::Assignee),
        (_, Assigned) => {
            next.status = Assigned;
            next.accepted = false;
            next.waiting_reason = None;
            Fact::Assigned { hand_over: false }
        }
        (Waiting, InProgress) => {
            next.status = InProgress;
            next.waiting_reason = None;
            Fact::Resumed
        }
        // Waiting is for what is being worked on.
        (New | Assigned, InProgress | Waiting) => {
            next.status = InProgress;
            next.accepted = true;
            Fact::Accepted
        }
        (_, Waiting) => {
            next.status = Waiting;
            next.waiting_reason = Some(why.to_owned());
            Fact::WaitingSet { text_digest: text_digest(why) }
        }
        (Resolved, Closed) => {
            next.status = Closed;
            next.closed_at = Some(at);
            Fact::Closed { automatic: false }
        }
        (_, Resolved | Closed) => {
            let Some(resolution) = resolution else { return Step::Pending(Needs::Attribution) };
            next.status = Resolved;
            next.resolved_at = Some(at);
            if next.first_resolved_at.is_none() {
                next.first_resolved_at = Some(at);
                next.first_resolution_hand_overs = next.hand_over_count;
            }
            next.waiting_reason = None;
            Fact::Resolved { text_digest: text_digest(resolution) }
        }
        (_, Cancelled) => {
            next.status = Cancelled;
            next.waiting_reason = None;
            next.cancel_reason = Some(why.to_owned());
            Fact::Cancelled { text_digest: text_digest(why) }
        }
        // What is already so was answered first.
        (_, InProgress) => return Step::Stands,
    };
    Step::Take(Box::new(Decision { next, facts: vec![fact], participants: Vec::new() }))
}
