//! Credentials (tier 1): the secrets that authenticate us and other parties to each other, each with an owner and an
//! optional expiry date.
//!
//! - Secrets are sealed at rest, never shown again and never logged.
//! - Rotations overlap: the previous secret verifies until the overlap ends.
//! - The owner is warned 7, 3, 1 and 0 days (configurable) before the expiry. Of several missed warnings only the latest is
//!   sent.
//! - The secret of a channel account is in the configuration. Here it has an owner and an expiry date, a digest that
//!   detects changes, and the health that its provider last reported.
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

use crate::runtime::{EventType, Module};

pub const MODULE: Module = Module {
    events: &[EventType::of::<model::CredentialEvent>()],
    jobs: &[(react::EXPIRY, react::on_expiry)],
    ..Module::new("credentials")
};
