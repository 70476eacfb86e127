//! Hub (tier 7): one authoritative status ("truth") for a ticket that several systems report.
//!
//! - The truth is a fold over all accepted reports and Buoy's own changes in one total order ([`decide::StatusFold`]). Each
//!   entry is inserted by its order and the fold is recomputed, so every order of arrival and every node compute the same
//!   truth, the same conflicts and, for each system, the same last correction.
//! - Nothing of the order is assigned at receipt: it depends on an entry's own timestamp, rank and digest only.
//! - A ticket's status follows the truth through the transitions of its life cycle ([`crate::tickets::decide::sync_status`]). If a
//!   transition lacks an attribution or an assignee, the status stays and the report is pending; a report bypasses no rule.
//! - The state of a system is its latest report, or the correction that it has acknowledged since. Each change of the truth
//!   that differs from it is sent once, as a webhook: a system is an outbox of [`crate::webhooks`], which runs the queues, and the
//!   tables of endpoints, secrets and corrections are here.
//! - What a transaction changes of a ticket is decided by [`decide::sync`] from one state ([`decide::TicketSync`]): commands
//!   load it, let it take reports, acknowledgements and local changes, and save the decision.
//! - A ticket that no system reports has no cost here: when one does, its history is replayed from the log.
//!
//! Events in: `Ticket*`. Events out: `SystemSaved`, `WebhookSecretRotated`, `SystemDisabled`, `UnknownWord`, `Correction*`, and of
//! tickets `TicketStatusReported`, `TicketReportPending`, `TicketReportSettled`, `TicketCorrectionAcknowledged`.

pub mod commands;
pub mod decide;
pub mod model;
pub mod queries;
pub mod react;
mod store;
#[cfg(test)]
mod tests;

use crate::runtime::module::Queue;
use crate::runtime::{EventType, Module};
use crate::tickets::model::FactType;
use crate::webhooks::commands::queued_job;

pub const MODULE: Module = Module {
    events: &[EventType::of::<model::HubEvent>()],
    extensions: &[&FactType::of::<model::HubFact>()],
    on_event: Some(react::on_event),
    observe: Some(react::observe),
    jobs: &[(model::LINK_JOB, react::on_link), (model::REBUILD_JOB, react::on_rebuild)],
    // Each endpoint is one job, and none waits for another.
    queues: &[Queue { name: model::QUEUE, concurrency: 64 }],
    queued: &[queued_job::<model::System>()],
    states: Some(|states| states.insert(model::SystemCache::default())),
    sweep: Some(react::sweep),
    ..Module::new("hub")
};
