//! Knowledge (tier 5): cards extracted from recurring solved tickets, citations of solutions, and statistics of their reuse.
//!
//! - A ticket that is solved and attributed is one *occurrence* of its signature (fault type, level, cause tag, product, set
//!   of solution tags), in the ISO week of its first resolution. Reopened, cancelled and merged tickets are none. The row is
//!   derived again whenever the ticket changes, so late events correct it.
//! - A card is created once for a signature, when five (default) occurrences fall into one ISO week; later occurrences join
//!   it. Each case stores a snapshot of the ticket at that time; whether it still counts follows from its occurrence.
//! - Draft → reviewed → published → retired; every edit creates a version.
//! - A citation copies the solution into the ticket, once per ticket and source.
//! - The survival of a solution is the share of citing tickets that stayed solved: not reopened, no recurrence.
//!
//! Events out: `Card*`, and of tickets `TicketCited`, `TicketJoinedCard`. Events in: `Ticket*`, `CatalogueSaved`, `TeamSaved`,
//! `ImportFinished`. Jobs: `knowledge.learn` (a ticket), `knowledge.extract` and `knowledge.fill` (a signature), `knowledge.collect`
//! (tickets that changed without an event).

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
    events: &[EventType::of::<model::KnowledgeEvent>()],
    extensions: &[&FactType::of::<model::KnowledgeFact>()],
    on_event: Some(react::on_event),
    jobs: &[
        (model::LEARN_JOB, react::on_learn),
        (model::EXTRACT_JOB, react::on_extract),
        (model::FILL_JOB, react::on_fill),
        (model::COLLECT_JOB, react::on_collect),
    ],
    start: Some(react::start),
    ..Module::new("knowledge")
};
