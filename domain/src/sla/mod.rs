//! SLA (tier 5): targets for the first response and for the resolution.
//!
//! - A policy has conditions (priority, customer, issue type), targets and a calendar. Saving creates a version; a clock
//!   keeps the versions that it started with, so that an edit only applies to new clocks. If the ticket itself changes (its
//!   priority, for example), its clocks are retargeted from the same start.
//! - A clock is a fold over the ticket's events, in half-open intervals: it pauses while the ticket waits, ends when it is
//!   solved, and resumes when it is reopened. The result of the fold is stored; a test replays it from the log.
//! - A breach is computed on read: now ≥ due. The job `sla.watch` only records and announces it.
//!
//! Events out: `TicketSlaRisk`, `TicketSlaBreached` (facts of the ticket), `SlaPolicySaved`. Events in: `Ticket*`.

pub mod commands;
pub mod decide;
pub mod model;
pub mod queries;
pub mod react;
pub(crate) mod store;
#[cfg(test)]
mod tests;

use crate::runtime::{EventType, Module};
use crate::tickets::model::FactType;

pub const MODULE: Module = Module {
    events: &[EventType::of::<model::SlaEvent>()],
    extensions: &[&FactType::of::<model::SlaFact>()],
    on_event: Some(react::on_event),
    observe: Some(react::observe),
    jobs: &[(react::CHECK, react::on_check)],
    states: Some(|states| states.insert(model::PolicyCache::default())),
    sweep: Some(react::sweep),
    start: Some(commands::seed),
    ..Module::new("sla")
};
