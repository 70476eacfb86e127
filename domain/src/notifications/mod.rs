//! Notifications (tier 4): who is notified of what, by which channel, and with which outcome. The record proves whether somebody
//! was notified.
//!
//! - One message per cause: a notification is keyed by (causing event or level firing, recipient). Each channel that was tried is a
//!   delivery: `QUEUED → SENDING → SENT → DELIVERED`, or `FAILED` with the reason, or `UNKNOWN`.
//! - A message goes first to the channel that the recipient used within the last two hours, otherwise to the primary terminal. A
//!   failed or unacknowledged delivery fails over to the next channel. An escalation level uses every channel that it names.
//! - Sending is a job in the channel's queue: the attempt is recorded and committed, then sent, then its outcome is recorded. A
//!   send that a crash interrupts is `UNKNOWN`: levels 2 and 3 are sent again with a note, others are not.
//! - A provider's rate limit is a sliding window in the database. Messages above the limit are merged into one digest; levels 2 and 3
//!   are never merged.
//! - Who hears of what happens to a ticket is one table, [`decide::audience::RULES`].
//! - Texts are rendered when they are read or sent, from the current ticket; none is stored.
//!
//! Events out: `NotificationDecided` … `NotificationOpened`. Events in: `Ticket*`. Jobs: `notifications.send`,
//! `notifications.code`, `notifications.unacknowledged`.

pub mod commands;
pub mod decide;
pub mod model;
pub mod queries;
pub mod react;
pub(crate) mod store;
#[cfg(test)]
mod tests;

use crate::runtime::module::QueuedJob;
use crate::runtime::{EventType, Module};

pub const MODULE: Module = Module {
    events: &[EventType::of::<model::NotificationEvent>()],
    on_event: Some(react::on_event),
    jobs: &[(model::UNACKNOWLEDGED_JOB, commands::on_unacknowledged)],
    queues: model::QUEUES,
    queued: &[
        QueuedJob { kind: model::SEND_JOB, begin_send: commands::begin_send, complete_send: commands::complete_send },
        QueuedJob { kind: model::CODE_JOB, begin_send: commands::begin_code, complete_send: commands::complete_code },
        QueuedJob {
            kind: model::PROBE_JOB,
            begin_send: commands::begin_probe,
            complete_send: commands::complete_probe,
        },
    ],
    sweep: Some(commands::purge_codes),
    start: Some(commands::schedule_probes),
    ..Module::new("notifications")
};
