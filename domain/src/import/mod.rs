//! Import (tier 7): tickets and their history from another system, with a map of its columns and values.
//!
//! - The file is first read completely into a staging file in the data folder, so a truncated file changes nothing, rows
//!   may be in any order, and memory is bounded.
//! - Invalid rows are rejected with line and reason; the others are imported. Importing the same file again changes
//!   nothing. New rows of a ticket are added to it; a list with one row per ticket may update its state.
//! - What is left out of an imported ticket is said ([`model::Omission`]). A ticket of which rows were rejected is marked as
//!   incomplete, and what its history leaves open is unknown: neither zero nor a miss.
//! - Imported history starts no clock and no job and sends nothing. Its events are in the audit trail, never in a live feed.
//! - Only closed tickets may be imported without attribution.
//!
//! Events out: `TicketImported`, the ticket's own kinds marked as history, `ImportFinished`.

pub mod commands;
pub mod decide;
pub mod model;
pub mod react;
pub(crate) mod store;
#[cfg(test)]
mod tests;

use crate::runtime::{EventType, Module};

pub const MODULE: Module = Module {
    events: &[EventType::of::<model::ImportFinished>()],
    on_event: Some(react::on_event),
    ..Module::new("import")
};
