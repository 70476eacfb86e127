//! Dispatch (tier 6): assigns tickets to agents automatically, and records why.
//!
//! - A ticket requires the skills given with it, and those of its issue type and product ([`decide::required_skills`]).
//! - The eligible agent (team, skills, shift, presence, reachability, capacity, not an earlier owner) with the best score is
//!   assigned: skill match less weighted open work, and points for similar cases that they solved. Ties go to the agent who has
//!   been idle longest. [`decide::choose`] is pure, and its reasons are stored with the ticket.
//! - If nobody eligible has the skills of issue type and product, they are preferred only: no ticket waits because of them.
//! - Similar cases are searched before the transaction that decides, and stored with the decision for later ones.
//! - A ticket whose requirements change is dispatched again if its assignee has not accepted it and no longer fits.
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
use crate::runtime::module::{Queue, QueuedJob};
use crate::tickets::model::FactType;

pub const MODULE: Module = Module {
    extensions: &[&FactType::of::<model::DispatchFact>()],
    on_event: Some(react::on_event),
    jobs: &[(react::ASSIGN, react::on_assign), (react::DRAIN, react::on_drain), (react::ROSTER, react::on_roster)],
    queues: &[Queue { name: react::QUEUE, concurrency: 4 }],
    queued: &[QueuedJob {
        kind: react::ASSIGN,
        begin_send: commands::begin_assigning,
        complete_send: commands::complete_assigning,
    }],
    sweep: Some(react::sweep),
    ..Module::new("dispatch")
};
