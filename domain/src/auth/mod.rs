//! Auth (tier 1): authentication by passwords, sessions, access tokens and API keys. Knows people by id only.
//!
//! - A password is stored as argon2id of its composed form (NFC); hashing never happens inside a write transaction. Common
//!   passwords are refused.
//! - An access token (JWT, 15 min) belongs to a session. The session ends on sign-out, on password change or when a replaced
//!   refresh token is presented again later than 30 s. Its access tokens end with it.
//! - Refresh tokens are numbered and derived: a token that was replaced a moment ago yields the same successor, and only a
//!   token that was issued once can end its session.
//! - Signing keys are sealed in the database, identified by `kid`, and rotate: an old key verifies until its tokens expire.
//! - Sign-in attempts are counted per account and address, per account and per address, in the database, so a restart does
//!   not reset them. What strangers do stops no device from which the account signed in before.
//!
//! Events out: `SessionOpened`, `SessionEnded`, `PasswordChanged`, `SigningKeyRotated`.

pub mod commands;
pub mod decide;
pub mod model;
pub mod queries;
pub mod react;
pub(crate) mod store;
#[cfg(test)]
mod tests;

use crate::runtime::{EventType, Module};

pub const MODULE: Module = Module {
    events: &[EventType::of::<model::AuthEvent>()],
    observe: Some(react::observe),
    jobs: &[(react::ROTATE, react::on_rotate)],
    states: Some(|states| states.insert(model::SigningKeys::default())),
    sweep: Some(commands::purge_expired),
    start: Some(react::start),
    ..Module::new("auth")
};
