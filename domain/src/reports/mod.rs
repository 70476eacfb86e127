//! Reports (tier 8): what a month has taught. The health report, L3 escape as a product's figure, the solution of the week.
//!
//! - Tickets stand in the month, quarter or week of their first resolution; merged away and cancelled ones count nowhere, and
//!   unattributed ones are shown apart.
//! - Every figure is counted by [`decide::outcome`] of each ticket, and so is the list of tickets behind it.
//! - Everybody is told figures of what they may see.
//! - Solution reuse is as of the end of the period: a solution is a published card, or a cited case that belongs to no card.
//! - Where first-time resolution stays under 80 % for three weeks, knowledge is missed: once a week cards are looked for there, and the
//!   topics without one are named ([`queries::gaps`]).
//! - The report of a month is made as a file an hour into the next one, of everything, and kept for administrators; on demand
//!   everybody gets it of what they may see. A redaction empties the kept ones that may name what is gone in its own transaction; they are made
//!   anew, with the figures of that day.
//!
//! Events in: TicketRedacted, UserRedacted. Events out: none.

pub mod commands;
pub mod decide;
pub mod model;
pub mod queries;
pub mod react;
mod store;
#[cfg(test)]
mod tests;
