//! Escalation (tier 7): a ticket without a response is escalated in three levels.
//!
//! - Each assignment starts a timer that stops when the assignee acts; without an assignee it stops at the first response. A
//!   hand-over or a reopening starts a new epoch. Epochs start at 1.
//! - A level is a row, unique by (ticket, epoch, level): it fires once, in the transaction that stores its notifications. After
//!   downtime only the highest level due fires; lower ones become SKIPPED. Levels that a response precedes become STOPPED.
//! - Level 1 notifies the assignee, level 2 also the direct supervisor, level 3 reassigns the ticket by dispatch, never to an earlier
//!   owner. If nobody is eligible, the owner stays, the supervisor is notified, dispatch retries when the roster changes,
//!   and each day the next supervisor up is reminded.
//! - A policy that reaches nobody is refused when it is saved. A new version only applies to new epochs.
//! - A ticket that nobody opened for 48 h is marked 超时未响应, whoever was assigned.
//!
//! Events out: `TicketEscalated`, `TicketNoResponseMarked` (facts of the ticket), `EscalationPolicySaved`. Events in: `Ticket*`,
//! those of people. Jobs: `escalation.level`, `escalation.unopened`, `escalation.retry`,
//! `escalation.remind`.

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
    events: &[EventType::of::<model::EscalationEvent>()],
    extensions: &[&FactType::of::<model::EscalationFact>()],
    on_event: Some(react::on_event),
    observe: Some(react::observe),
    jobs: &[
        (react::LEVEL, react::on_level),
        (react::UNOPENED, react::on_unopened),
        (react::RETRY, react::on_retry),
        (react::REMIND, react::on_reminder),
    ],
    states: Some(react::states),
    sweep: Some(react::sweep),
    start: Some(commands::seed),
    ..Module::new("escalation")
};
