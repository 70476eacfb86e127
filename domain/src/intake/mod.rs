//! Intake (tier 7): submissions through the gateways of other parties, each verified by its own scheme.
//!
//! - A submission that passes its check becomes a ticket exactly once: a repeated delivery gets the same answer.
//! - A submission that fails is quarantined, sealed, with the reason; its sender is told at once, and administrators and the
//!   owner of the credential are alerted. Once the credential is fixed it is checked again, as of the time it arrived, and
//!   released.
//! - Nothing is accepted and dropped: if no more can be stored, the sender is told so. What is stored is bounded for each source,
//!   each gateway and the house; payloads of dismissed submissions are deleted after a time.
//!
//! - What became a ticket or a comment is kept as it was received, sealed, for a time; a redaction deletes it.
//! - A gateway whose sender Buoy can act as is tested by synthetic tickets (canaries), in a table of their own: they take no
//!   number and are never counted, searched or notified. For the other gateways an unusual silence is detected.
//!
//! Events in: `TicketRedacted`, `UserRedacted`. Events out: `SubmissionQuarantined`, `SubmissionReleased`, `SubmissionDismissed`, `QuarantineFull`, `CanaryLost`,
//! `GatewaySilent`, and `TicketCreated`.

pub mod commands;
pub mod decide;
pub mod model;
pub mod queries;
pub mod react;
mod store;
#[cfg(test)]
mod tests;

use crate::runtime::module::{Queue, QueuedJob};
use crate::runtime::{EventType, Module};

pub const MODULE: Module = Module {
    events: &[EventType::of::<model::IntakeEvent>()],
    on_event: Some(react::on_event),
    jobs: &[(model::MONITOR_JOB, commands::on_monitor), (model::CANARY_CHECK_JOB, commands::on_canary_check)],
    queues: &[Queue { name: model::QUEUE, concurrency: 4 }],
    queued: &[QueuedJob {
        kind: model::CANARY_JOB,
        begin_send: commands::begin_canary,
        complete_send: commands::complete_canary,
    }],
    states: Some(|states| {
        states.insert(model::QuarantineFullAlerts::default());
        states.insert(model::QuarantineTurn::default());
    }),
    sweep: Some(react::sweep),
    start: Some(react::start),
    ..Module::new("intake")
};
