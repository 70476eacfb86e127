//! Knowledge (tier 4): a solved ticket is a knowledge node. What is cited counts as reuse; what recurs becomes a card.
//!
//! - A ticket that is solved and attributed is one *occurrence* of its signature (fault type, level, cause tag, product, set
//!   of solution tags), in the ISO week of its first resolution; reopened, cancelled or merged away it is none. The row is
//!   derived from the ticket whenever it changes, so late events leave it true.
//! - A card is made once for a signature, when five (default) occurrences fall into one ISO week; later occurrences join
//!   it. Each case keeps a snapshot as it was when it joined; what still counts is told by the occurrences.
//! - Draft → reviewed → published → retired; every edit is a version of its own.
//! - A citation copies the solution into the ticket, once per ticket and source.
//! - The standing of a solution is the share of citing tickets that stayed solved: no reopening, no recurrence.
//!
//! Events out: `Card*`, and of tickets `TicketCited`, `TicketJoinedCard`. Events in: `Ticket*`, `CatalogueSaved`, `TeamSaved`,
//! `ImportFinished`. Jobs: `knowledge.learn` (a ticket), `knowledge.extract` (a signature), `knowledge.collect` (what an import
//! brought).

pub mod commands;
pub mod decide;
pub mod model;
pub mod queries;
pub mod react;
pub(crate) mod store;
#[cfg(test)]
mod tests;
