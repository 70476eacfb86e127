//! Escalation (tier 6): a ticket that nobody answers finds somebody, in three levels.
//!
//! - Each assignment is watched until that assignee acts; a ticket without an assignee until anybody responds. A hand-over, or a
//!   reopening, opens a new epoch. Epochs start at 1.
//! - A level is a row, unique by (ticket, epoch, level): it fires once, in the transaction that writes who is told. After downtime
//!   only the highest level due fires, the ones it overtook are SKIPPED; what an answer comes before is STOPPED.
//! - Level 1 tells the assignee, level 2 the direct supervisor too, level 3 gives the ticket to somebody else by dispatch, never to
//!   those who let it pass. Nobody eligible: the owner stays, the supervisor is alerted, and it is tried again when the roster changes.
//! - A policy that reaches nobody is refused when it is saved. An edit touches new epochs only.
//! - What nobody opened for 48 h is marked 超时未响应, whoever held it.
//!
//! Events out: `TicketEscalated`, `TicketNoResponseMarked` (facts of the ticket), `EscalationPolicySaved`. Events in: `Ticket*`,
//! those of people. Jobs: `escalation.level`, `escalation.unopened`, `escalation.retry`.

pub mod commands;
pub mod decide;
pub mod model;
pub mod queries;
pub mod react;
pub(crate) mod store;
#[cfg(test)]
mod tests;
