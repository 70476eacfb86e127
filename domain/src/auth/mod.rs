//! Auth (tier 1): who is it? Passwords, sessions, access tokens and their keys. Knows people by id only.
//!
//! - A password is stored as argon2id; hashing never happens inside a write transaction.
//! - An access token (JWT, 15 min) names its session; the session ends on sign-out, password change or when somebody
//!   shows a refresh token that was already used. Then its access tokens end too.
//! - Signing keys are sealed in the database, named by `kid`, and rotate: an old one verifies until its tokens ended.
//! - Sign-in attempts are counted per account and per address, in the database: a restart forgives nothing.
//!
//! Events out: `SessionOpened`, `SessionEnded`, `PasswordChanged`, `SigningKeyRotated`.

pub mod commands;
pub mod model;
pub mod queries;
pub(crate) mod store;
