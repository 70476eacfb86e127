//! Why nobody has responded to a ticket, with the notifications that prove it.

use super::state;
use crate::kernel::{Timestamp, UserId};
use crate::notifications::model::{DeliveryState, Notification, Senders, State, UnseenReason, Verdict};
use crate::tickets::model::{Fact, TicketEvent};

/// What the current assignee did with a ticket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AssigneeActivity {
    /// When the ticket was assigned; `None`: it is not assigned.
    pub assigned_at: Option<Timestamp>,
    /// When the assignee last opened it since.
    pub opened_at: Option<Timestamp>,
    /// The assignee has responded since.
    pub answered: bool,
}

/// Derives the assignee's activity from the ticket's events in order, each with its actor.
pub fn assignee_activity(
    assignee: Option<UserId>,
    events: &[(Timestamp, Option<UserId>, &TicketEvent)],
) -> AssigneeActivity {
    let mut activity = AssigneeActivity::default();
    for (at, actor, event) in events {
        let before = event.before.as_ref().unwrap_or(&event.after);
        let was_assigned = assignee.is_some() && event.after.assignee == assignee && before.assignee != assignee;
        if was_assigned {
            activity = AssigneeActivity { assigned_at: Some(*at), opened_at: None, answered: false };
        }
        let is_assignee = assignee.is_none() || *actor == assignee;
        if matches!(event.fact, Fact::Opened) && assignee.is_some() && is_assignee {
            activity.opened_at = Some(*at);
        }
        let is_response = matches!(
            event.fact,
            Fact::Accepted
                | Fact::Commented { .. }
                | Fact::WaitingSet { .. }
                | Fact::Resumed
                | Fact::Resolved { .. }
                | Fact::Closed { automatic: false }
                | Fact::Cancelled { .. }
        );
        activity.answered |=
            (is_response && is_assignee && assignee.is_some()) || (assignee.is_none() && event.first_response);
    }
    activity
}

/// `notifications`: those of the assignee since the assignment; all of the ticket if it is not assigned. `None` if somebody has
/// responded.
pub fn verdict(
    created_at: Timestamp,
    activity: AssigneeActivity,
    notifications: Vec<Notification>,
    senders: &Senders,
) -> Option<Verdict> {
    if activity.answered {
        return None;
    }
    let Some(assigned_at) = activity.assigned_at else {
        return Some(Verdict { reason: UnseenReason::NobodyAssigned, since: created_at, evidence: notifications });
    };
    if let Some(since) = activity.opened_at.or_else(|| notifications.iter().filter_map(|n| n.opened_at).max()) {
        return Some(Verdict { reason: UnseenReason::OpenedAndLeft, since, evidence: notifications });
    }
    let deliveries = || notifications.iter().flat_map(|notification| &notification.deliveries);
    if let Some(since) = deliveries().filter_map(|delivery| delivery.delivered_at).min() {
        return Some(Verdict { reason: UnseenReason::NotOpened, since, evidence: notifications });
    }
    // Without receipts a missing confirmation does not prove that the message did not arrive.
    let unknown = deliveries().find(|delivery| {
        delivery.state == DeliveryState::Unknown
            || (delivery.sent_at.is_some() && !senders.has_receipts(delivery.channel))
    });
    if let Some(delivery) = unknown {
        let since = delivery.sent_at.unwrap_or(delivery.queued_at);
        return Some(Verdict { reason: UnseenReason::DeliveryUnknown, since, evidence: notifications });
    }
    if let Some(since) = deliveries().filter_map(|delivery| delivery.sent_at).min() {
        return Some(Verdict { reason: UnseenReason::NotDelivered, since, evidence: notifications });
    }
    debug_assert!(notifications.iter().all(|notification| state(notification) != State::Sent));
    Some(Verdict { reason: UnseenReason::NeverSent, since: assigned_at, evidence: notifications })
}
