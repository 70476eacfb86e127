//! Tickets (tier 3): the life-cycle of a ticket, who sees it, and which events it emits.
//!
//! - `NEW → ASSIGNED → IN_PROGRESS ⇄ WAITING → RESOLVED → CLOSED`, `CANCELLED` with a reason. Reopening is an event.
//! - A ticket is never deleted: neither a request nor a fault removes an accepted ticket.
//! - A ticket is only resolved with an attribution: [`decide::lifecycle::resolve`] is the one way into RESOLVED and requires it.
//! - Every change saves the row it loaded (`WHERE version = ?`) and records an event in the same transaction.
//! - A scope ([`decide::rights::Scope`]) is only built from an actor; SQL, search index and live feed all use it.
//! - A job closes a RESOLVED ticket after 7 days (default).
//!
//! Events out: `Ticket*` (see [`model::Fact`]). Events in: none. Jobs: `tickets.close`.

pub mod commands;
pub mod decide;
pub mod model;
pub mod queries;
pub mod react;
pub(crate) mod store;
#[cfg(test)]
mod tests;

use crate::runtime::{EventType, Module};

pub const MODULE: Module = Module {
    events: &[EventType::of::<model::TicketEvent>()],
    on_event: Some(react::on_event),
    jobs: &[(react::CLOSE, react::on_close)],
    states: Some(react::states),
    sweep: Some(react::sweep),
    ..Module::new("tickets")
};
