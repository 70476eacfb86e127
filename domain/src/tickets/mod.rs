//! Tickets (tier 3): the life of a ticket, who sees it, and what everyone hears of it.
//!
//! - `NEW → ASSIGNED → IN_PROGRESS ⇄ WAITING → RESOLVED → CLOSED`, `CANCELLED` with a reason. Reopening is an event.
//! - There is no delete: no path, no fault and no failed check makes an accepted ticket vanish.
//! - Nobody resolves without attribution: there is one way into RESOLVED, [`decide::lifecycle::resolve`], and it takes one.
//! - Every change saves the row it loaded (`WHERE version = ?`) and records an event in the same transaction.
//! - Scope is a value ([`decide::rights::Scope`]) that only an actor gives; SQL, index and live feed read the same one.
//! - RESOLVED closes itself after 7 days (default), by a job.
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
