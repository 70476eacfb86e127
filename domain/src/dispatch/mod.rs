//! Dispatch (tier 5): a ticket finds its engineer, and says why it was this one.
//!
//! - Of those who may get it (team, skills, shift, presence, reach, capacity, never an earlier owner) the one with the best score
//!   gets it: how well they can it, against the weighted open work that they have. Of equals the one who has been idle longest.
//!   [`decide::choose`] is pure, and its reasons are kept with the ticket.
//! - It is claimed by compare-and-set: on the ticket (its version) and on the agent (a stamp that rises with each assignment),
//!   so that two workers never give the same free hand two tickets.
//! - Nobody suitable: the ticket waits in its team's queue and its supervisors are told, once. The queue drains when somebody becomes
//!   free, comes on shift, comes back, can be reached; what somebody has not accepted goes on when they go away.
//! - No ticket is assigned automatically more often than a bound.
//!
//! Events out: `TicketAssigned`, `TicketQueued` (facts of the ticket). Events in: `Ticket*`, those of people and terminals.
//! Jobs: `dispatch.assign`, `dispatch.drain`, `dispatch.roster`.

pub mod commands;
pub mod decide;
pub mod model;
pub mod queries;
pub mod react;
pub(crate) mod store;
#[cfg(test)]
mod tests;
