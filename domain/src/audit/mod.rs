//! Audit (tier 1): makes tampering with the event log visible.
//!
//! - A writer only adds a digest of its own row. Asynchronously, [`commands::seal`] chains rows below the horizon in
//!   batches: each seal is a MAC over the previous seal and the digests of its rows, with a key outside the database.
//! - The position of a seal is unique: of two concurrent sealers, one wins and the other reads again.
//! - Seal heads are also appended to a file in the data folder, so that truncation of the log is detected.
//! - [`queries::verify`] recomputes everything and reports the unsealed tail.
//!
//! No writer waits for a seal.

pub mod commands;
pub mod queries;
pub(crate) mod store;
