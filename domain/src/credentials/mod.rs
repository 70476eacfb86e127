//! Credentials (tier 1): the secrets by which other parties know us and we know them, each with an owner and, where it
//! has one, an end.
//!
//! - Sealed at rest, never shown again, never in the log.
//! - A rotation overlaps: the secret before verifies until its time is over.
//! - 7, 3, 1 and 0 days (an administrator may choose others) before a credential ends its owner is warned; a warning that was slept through is not made up for,
//!   the nearest one is given.
//!
//! - Of an account by which messages leave, the secret is in the configuration; here it has an owner and an end as well, a changed
//!   one is noticed by its digest, and whether its provider still knows it is written down.
//!
//! Events out: `CredentialSaved`, `CredentialRotated`, `CredentialExpiring`, `CredentialFailing`, `CredentialRecovered`.

pub mod commands;
pub mod decide;
pub mod model;
pub mod queries;
pub mod react;
mod store;
#[cfg(test)]
mod tests;
