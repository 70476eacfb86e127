//! Auth (tier 1): authentication by passwords, sessions, access tokens and API keys. Knows people by id only.
//!
//! - A password is stored as argon2id; hashing never happens inside a write transaction.
//! - An access token (JWT, 15 min) belongs to a session. The session ends on sign-out, on password change or when a used
//!   refresh token is presented again. Its access tokens end with it.
//! - Signing keys are sealed in the database, identified by `kid`, and rotate: an old key verifies until its tokens expire.
//! - Sign-in attempts are counted per account and per address, in the database, so a restart does not reset them.
//!
//! Events out: `SessionOpened`, `SessionEnded`, `PasswordChanged`, `SigningKeyRotated`.

pub mod commands;
pub mod model;
pub mod queries;
pub mod react;
pub(crate) mod store;

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
