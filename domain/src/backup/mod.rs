//! Backup (tier 1): the content of the database as plain rows, which can be restored on either engine.
//!
//! - A backup is one snapshot, taken while the server runs: a folder with a manifest and one compressed file of JSON
//!   Lines per table. An incomplete backup never has its final name.
//! - A restore is one transaction into an empty database. It begins a new epoch of the log: rows are renumbered in their
//!   order (xid, seq), xid becomes 0, and older cursors are answered with RESYNC.
//! - Digests and seals do not change, so `buoy audit verify` succeeds after a restore, also on the other engine.
//!
//! Invariant: a backup contains neither the master key nor sessions; after a restore everybody signs in again.

pub mod commands;
pub mod model;
pub mod queries;
mod store;
