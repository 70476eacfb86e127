//! Metrics (tier 8): response, resolution and evolution, as ratios and distributions, never as a single mean.
//!
//! - The facts are columns of the ticket, written in the transaction that causes them. MET, MISSED and PENDING are
//!   derived from now when they are read ([`decide::outcome`]). A later cycle of a ticket does not change the first one's result.
//! - Each node holds the facts of all tickets as compact columns in memory ([`model::Columns`]). They are loaded in the
//!   background and follow the log; until then the same results come from rows selected by SQL.
//! - Only tickets that the viewer may see count ([`rights::Scope`](crate::tickets::decide::rights::Scope)); drill-down
//!   applies the same decision to each ticket.
//!
//! Events in: `Ticket*`. Events out: none.

pub mod decide;
pub mod model;
pub mod queries;
pub mod react;
pub(crate) mod store;
#[cfg(test)]
mod tests;

use crate::runtime::Module;

pub const MODULE: Module =
    Module { states: Some(|states| states.insert(react::ColumnCache::default())), ..Module::new("metrics") };
