//! Audit (tier 1): makes tampering with the event log visible.
//!
//! - A writer only adds a digest of its own row. Behind it, [`commands::seal`] chains rows below the horizon in
//!   batches: each seal is a MAC over the seal before it and the digests of its rows, with a key outside the database.
//! - The position of a seal is unique: of two sealers at once, one wins and the other looks again.
//! - Seal heads also go to a file in the data folder, so that cutting off the end of the log shows too.
//! - [`queries::verify`] recomputes everything and reports the unsealed tail.
//!
//! No writer ever waits for a seal.

pub mod commands;
pub mod queries;
pub(crate) mod store;
