//! Import (tier 6): tickets and their history from another system, by a map of its columns and words.
//!
//! - The file is read to its end first, into a staging file in the data folder: a file that is cut off changes nothing,
//!   rows may come in any order, and memory stays bounded.
//! - Bad rows are refused with line and reason; the rest goes in. Importing the same file again changes nothing; rows
//!   that a ticket has gained since are added to it; a list with one row a ticket may say anew how it stands.
//! - History starts no clock and no job, and sends nothing: its events are in the audit trail, never in a live feed.
//! - Only history that its source calls closed may come without attribution.
//!
//! Events out: `TicketImported`, the ticket's own kinds marked as history, `ImportFinished`.

pub mod commands;
pub mod decide;
pub mod model;
pub(crate) mod store;
