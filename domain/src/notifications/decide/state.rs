//! The state of a notification: that of its best delivery.

use crate::notifications::model::{Delivery, DeliveryState, Notification, State};

/// The progress of a delivery.
const fn rank(state: DeliveryState) -> u8 {
    match state {
        DeliveryState::Delivered => 6,
        DeliveryState::Sent => 5,
        DeliveryState::Sending | DeliveryState::Queued => 4,
        DeliveryState::Unknown => 3,
        DeliveryState::Unneeded => 2,
        DeliveryState::Failed => 1,
    }
}

/// The delivery with the most progress; the first of several.
pub fn best_delivery(notification: &Notification) -> Option<&Delivery> {
    notification.deliveries.iter().rev().max_by_key(|delivery| rank(delivery.state))
}

pub fn state(notification: &Notification) -> State {
    if notification.opened_at.is_some() {
        return State::Opened;
    }
    match best_delivery(notification).map(|delivery| delivery.state) {
        None => State::Decided,
        Some(DeliveryState::Delivered) => State::Delivered,
        Some(DeliveryState::Sent) => State::Sent,
        Some(DeliveryState::Sending | DeliveryState::Queued) => State::Queued,
        Some(DeliveryState::Unknown) => State::Unknown,
        Some(DeliveryState::Unneeded) => State::Opened,
        Some(DeliveryState::Failed) => State::Failed,
    }
}
