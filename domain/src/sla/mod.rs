//! SLA (tier 4): by when somebody must have responded, and by when it must be resolved.
//!
//! - A policy says which tickets (priority, customer, issue type), how long, and by which calendar. Saving makes a new
//!   version; a clock keeps the versions that it began with, so that an edit touches new clocks only. Where the ticket itself
//!   changes (its priority, say), its clocks are aimed anew, from the same beginning.
//! - A clock is a fold over the ticket's events, in half-open intervals: it rests while the ticket waits, stands while it is
//!   solved, and goes on when it is reopened. What is stored is how far the fold has come; a test replays it from the log.
//! - Breach is computed when it is read: now ≥ due. The job `sla.watch` only tells of it.
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
