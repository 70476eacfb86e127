//! Metrics (tier 7): response, resolution and evolution, as ratios and distributions, never as one mean.
//!
//! - The facts are columns of the ticket, written in the transaction that causes them; MET, MISSED and PENDING are
//!   derived when they are read, from now ([`decide::outcome`]). A later cycle of a ticket changes no figure of the first.
//! - Each node holds the facts of all tickets as compact columns in memory ([`model::Columns`]), loaded in the
//!   background and kept by the log; until they are there, the same figures come from the rows that SQL selects.
//! - A figure counts what the viewer may see ([`rights::Scope`](crate::tickets::decide::rights::Scope)); its drill-down
//!   is the same decision, ticket by ticket.
//!
//! Events in: `Ticket*`. Events out: none.

pub mod decide;
pub mod model;
pub mod queries;
pub mod react;
pub(crate) mod store;
#[cfg(test)]
mod tests;
