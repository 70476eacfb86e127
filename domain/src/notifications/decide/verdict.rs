//! Why nobody has answered a ticket: a fact, with the rows that prove it.

use super::state;
use crate::kernel::{Timestamp, UserId};
use crate::notifications::model::{DeliveryState, Notification, Senders, State, UnseenReason, Verdict};
use crate::tickets::model::{Fact, TicketEvent};

/// What is known of the one whose turn it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Since when it is theirs; `None`: it is nobody's.
    pub assigned_at: Option<Timestamp>,
    /// When they last looked at it, since then.
    pub opened_at: Option<Timestamp>,
    /// They have acted since.
    pub answered: bool,
}

/// What the log says of whose turn it is: `events` of the ticket in their order, each with who acted.
pub fn seen(assignee: Option<UserId>, events: &[(Timestamp, Option<UserId>, &TicketEvent)]) -> Seen {
    let mut seen = Seen::default();
    for (at, actor, event) in events {
        let before = event.before.as_ref().unwrap_or(&event.after);
        let became_theirs = assignee.is_some() && event.after.assignee == assignee && before.assignee != assignee;
        if became_theirs {
            seen = Seen { assigned_at: Some(*at), opened_at: None, answered: false };
        }
        let theirs = assignee.is_none() || *actor == assignee;
        if matches!(event.fact, Fact::Opened) && assignee.is_some() && theirs {
            seen.opened_at = Some(*at);
        }
        let acts = matches!(
            event.fact,
            Fact::Accepted
                | Fact::Commented { .. }
                | Fact::WaitingSet { .. }
                | Fact::Resumed
                | Fact::Resolved { .. }
                | Fact::Closed { automatic: false }
                | Fact::Cancelled { .. }
        );
        seen.answered |= (acts && theirs && assignee.is_some()) || (assignee.is_none() && event.first_response);
    }
    seen
}

/// `told`: what the assignee was told of it since it is theirs; where it is nobody's, what anybody was told. `None`: it was
/// answered.
pub fn verdict(created_at: Timestamp, seen: Seen, told: Vec<Notification>, senders: &Senders) -> Option<Verdict> {
    if seen.answered {
        return None;
    }
    let Some(assigned_at) = seen.assigned_at else {
        return Some(Verdict { reason: UnseenReason::NobodyAssigned, since: created_at, evidence: told });
    };
    if let Some(since) = seen.opened_at.or_else(|| told.iter().filter_map(|n| n.opened_at).max()) {
        return Some(Verdict { reason: UnseenReason::OpenedAndLeft, since, evidence: told });
    }
    let deliveries = || told.iter().flat_map(|notification| &notification.deliveries);
    if let Some(since) = deliveries().filter_map(|delivery| delivery.delivered_at).min() {
        return Some(Verdict { reason: UnseenReason::NotOpened, since, evidence: told });
    }
    // Where arrival cannot be seen, nobody claims that there was none.
    let unknown = deliveries().find(|delivery| {
        delivery.state == DeliveryState::Unknown
            || (delivery.sent_at.is_some() && !senders.sees_arrival(delivery.channel))
    });
    if let Some(delivery) = unknown {
        let since = delivery.sent_at.unwrap_or(delivery.queued_at);
        return Some(Verdict { reason: UnseenReason::DeliveryUnknown, since, evidence: told });
    }
    if let Some(since) = deliveries().filter_map(|delivery| delivery.sent_at).min() {
        return Some(Verdict { reason: UnseenReason::NotDelivered, since, evidence: told });
    }
    debug_assert!(told.iter().all(|notification| state(notification) != State::Sent));
    Some(Verdict { reason: UnseenReason::NeverSent, since: assigned_at, evidence: told })
}
