//! Dispatch (tier 6): assigns tickets to agents automatically, and records why.
//!
//! - The eligible agent (team, skills, shift, presence, reachability, capacity, not an earlier owner) with the best score is
//!   assigned: skill match less weighted open work. Ties go to the agent who has been idle longest. [`decide::choose`] is pure,
//!   and its reasons are stored with the ticket.
//! - An assignment is a compare-and-set on the ticket (its version) and on the agent (a stamp that increments with each
//!   assignment), so that two workers never use the same free capacity twice.
//! - If nobody is eligible, the ticket waits in its team's queue, and its supervisors are notified once. The queue drains when
//!   an agent becomes free, starts a shift, returns or becomes reachable. Unaccepted tickets of absent agents are reassigned.
//! - The number of automatic assignments of one ticket is limited.
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

use crate::runtime::Module;
use crate::tickets::model::FactType;

pub const MODULE: Module = Module {
    extensions: &[&FactType::of::<model::DispatchFact>()],
    on_event: Some(react::on_event),
    jobs: &[(react::ASSIGN, react::on_assign), (react::DRAIN, react::on_drain), (react::ROSTER, react::on_roster)],
    sweep: Some(react::sweep),
    ..Module::new("dispatch")
};
