//! Backup (tier 1): everything that the database holds, as plain rows that either engine takes.
//!
//! - A backup is one snapshot, taken while the server works: a folder with a manifest and, for each table, one packed
//!   file of JSON Lines. It is complete or it is not there.
//! - Restoring is one transaction into an empty database: all of it or nothing. It begins a new life of the log: rows are
//!   numbered anew in their order (xid, seq), xid becomes 0, and cursors from before are answered with RESYNC.
//! - Digests and seals stay as they are, so `buoy audit verify` still holds, on the other engine too.
//!
//! What is absent: the master key is never in a backup, nor are sessions: after a restore everybody signs in anew.

pub mod commands;
pub mod model;
pub mod queries;
mod store;
