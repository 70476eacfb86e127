//! Tokens, their claims and their keys.

use std::sync::Arc;

use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use uuid::Uuid;

use crate::kernel::{ApiKeyId, ApiScope, SessionId, Timestamp, UserId, days, minutes, seconds};
use crate::runtime::LogEvent;

pub const ACCESS_TOKEN_TTL: std::time::Duration = minutes(15);
pub const SESSION_TTL: std::time::Duration = days(30);
pub const PASSWORD_CHARS_MIN: usize = 8;
/// Limits the cost of hashing.
pub const PASSWORD_CHARS_MAX: usize = 256;
/// A replaced refresh token yields the same successor for this long.
pub const REFRESH_GRACE: std::time::Duration = seconds(30);
/// Failed attempts per account and address within the window.
pub const SIGN_IN_FAILURES_PER_PAIR: i32 = 10;
/// Failed attempts per account within the window, from addresses that the account has not signed in from.
pub const SIGN_IN_FAILURES_PER_ACCOUNT: i32 = 100;
/// Failed attempts per address within the window; many people may share an address.
pub const SIGN_IN_FAILURES_PER_ADDRESS: i32 = 100;
pub const SIGN_IN_WINDOW: std::time::Duration = minutes(15);
/// An address from which an account signed in is remembered for this long …
pub const KNOWN_DEVICE_TTL: std::time::Duration = days(90);
/// … and so many of them, the newest.
pub const KNOWN_DEVICES_PER_ACCOUNT_MAX: u64 = 20;

const ISSUER: &str = "buoy";

/// The tokens of a session. The refresh token is shown once.
pub struct Tokens {
    pub access: String,
    pub refresh: String,
    pub expires_at: Timestamp,
    pub session: SessionId,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum AuthEvent {
    SessionOpened { session: SessionId, user: UserId },
    SessionEnded { session: SessionId, user: UserId, reason: EndReason },
    PasswordChanged { user: UserId },
    SigningKeyRotated { kid: String },
    ApiKeyIssued { key: ApiKeyId, user: UserId },
    ApiKeyRevoked { key: ApiKeyId, user: UserId },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndReason {
    SignedOut,
    PasswordChanged,
    Disabled,
    /// A refresh token was used twice, so it may be stolen.
    RefreshTokenReused,
}

/// An API key of a system. Its text is shown once; only its digest is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub user: UserId,
    /// Its first characters, so that people can distinguish keys.
    pub hint: String,
    pub scopes: Vec<ApiScope>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
}

impl ApiKey {
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|at| now < at)
    }

    pub(super) fn hint_of(text: &str) -> String {
        text.chars().take(API_KEY_PREFIX.len() + 6).collect()
    }
}

/// Distinguishes API keys from access tokens, and lets secret scanners find leaked keys.
const API_KEY_PREFIX: &str = "buoy_";
/// The last use of a key is recorded at most this often.
pub const API_KEY_USE_EVERY: std::time::Duration = minutes(1);

pub fn is_api_key(token: &str) -> bool {
    token.starts_with(API_KEY_PREFIX)
}

pub(super) fn api_key_text(secret: &[u8; 32]) -> String {
    format!("{API_KEY_PREFIX}{}", URL_SAFE_NO_PAD.encode(secret))
}

/// A random key of 256 bits needs no slow hash.
pub(super) fn api_key_digest(text: &str) -> Vec<u8> {
    Sha256::digest(text).to_vec()
}

/// What an access token allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenScope {
    /// Everything that its owner may do.
    #[default]
    Full,
    /// Reading the to-do list of its owner, for a page of another site.
    TodoRead,
}

/// The `scope` claim of [`TokenScope::TodoRead`].
const TODO_READ: &str = "todo:read";
/// The lifetime of a token for a page of another site.
const TODO_TOKEN_TTL: std::time::Duration = crate::kernel::minutes(10);

impl TokenScope {
    const fn ttl(self) -> std::time::Duration {
        match self {
            Self::Full => ACCESS_TOKEN_TTL,
            Self::TodoRead => TODO_TOKEN_TTL,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: Uuid,
    sid: Uuid,
    iat: i64,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

/// How long a signing key signs. Then a new key replaces it, and it only verifies until its last token has expired.
pub const SIGNING_KEY_ROTATION: std::time::Duration = crate::kernel::days(30);

/// A verified access token.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    pub user: UserId,
    pub session: SessionId,
    pub scope: TokenScope,
    pub expires_at: Timestamp,
}

pub(crate) struct SigningKey {
    pub kid: String,
    pub secret: Vec<u8>,
    pub retired_at: Option<Timestamp>,
}

/// The signing keys of this process, newest first; replaced as a whole when one rotates.
#[derive(Default)]
pub struct SigningKeys {
    current: ArcSwap<Vec<SigningKey>>,
    reload: Notify,
}

impl SigningKeys {
    pub(crate) fn replace(&self, keys: Vec<SigningKey>) {
        self.current.store(Arc::new(keys));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.current.load().is_empty()
    }

    /// Requests a reload, because a key was rotated here or on another node.
    pub fn request_reload(&self) {
        self.reload.notify_one();
    }

    pub(crate) fn reload_requested(&self) -> Notified<'_> {
        self.reload.notified()
    }

    pub(crate) fn sign(
        &self,
        user: UserId,
        session: SessionId,
        scope: TokenScope,
        now: Timestamp,
    ) -> Option<(String, Timestamp)> {
        let keys = self.current.load();
        let key = keys.iter().find(|key| key.retired_at.is_none())?;
        let expires_at = now + scope.ttl();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: ISSUER.to_owned(),
            sub: user.0,
            sid: session.0,
            iat: now.millis() / 1000,
            exp: expires_at.millis() / 1000,
            scope: (scope == TokenScope::TodoRead).then(|| TODO_READ.to_owned()),
        };
        let header = Header { kid: Some(key.kid.clone()), ..Header::new(Algorithm::HS256) };
        let token = encode(&header, &claims, &EncodingKey::from_secret(&key.secret)).ok()?;
        Some((token, expires_at))
    }

    /// The claims of a valid token of this installation.
    pub(crate) fn verify(&self, token: &str, now: Timestamp) -> Option<Access> {
        let kid = decode_header(token).ok()?.kid?;
        let keys = self.current.load();
        let key = keys.iter().find(|key| key.kid == kid)?;
        if key.retired_at.is_some_and(|at| now >= at + ACCESS_TOKEN_TTL) {
            return None;
        }
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[ISSUER]);
        // The library uses the machine's clock; expiry is checked below with ours.
        validation.validate_exp = false;
        let claims = decode::<Claims>(token, &DecodingKey::from_secret(&key.secret), &validation).ok()?.claims;
        let expires_at = Timestamp::from_millis(claims.exp.checked_mul(1000)?);
        let scope = match claims.scope.as_deref() {
            None => TokenScope::Full,
            Some(TODO_READ) => TokenScope::TodoRead,
            // An unknown scope of a later version grants nothing.
            Some(_) => return None,
        };
        let (user, session) = (UserId(claims.sub), SessionId(claims.sid));
        (now < expires_at).then_some(Access { user, session, scope, expires_at })
    }
}

impl LogEvent for AuthEvent {
    const TAG: &'static str = "Auth";

    fn kind(&self) -> &'static str {
        match self {
            Self::SessionOpened { .. } => "SessionOpened",
            Self::SessionEnded { .. } => "SessionEnded",
            Self::PasswordChanged { .. } => "PasswordChanged",
            Self::SigningKeyRotated { .. } => "SigningKeyRotated",
            Self::ApiKeyIssued { .. } => "ApiKeyIssued",
            Self::ApiKeyRevoked { .. } => "ApiKeyRevoked",
        }
    }

    fn subject(&self) -> (&'static str, Uuid) {
        match self {
            Self::SessionOpened { session, .. } | Self::SessionEnded { session, .. } => ("session", session.0),
            Self::PasswordChanged { user } => ("user", user.0),
            Self::SigningKeyRotated { .. } => ("signing_key", Uuid::nil()),
            Self::ApiKeyIssued { key, .. } | Self::ApiKeyRevoked { key, .. } => ("api_key", key.0),
        }
    }

    fn author(&self) -> Option<UserId> {
        match self {
            // Signing in happens before anybody is known.
            Self::SessionOpened { user, .. } | Self::SessionEnded { user, .. } => Some(*user),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kid: &str, retired_at: Option<Timestamp>) -> SigningKey {
        SigningKey { kid: kid.to_owned(), secret: kid.as_bytes().repeat(8), retired_at }
    }

    #[test]
    fn a_token_is_invalid_after_its_expiry_and_without_its_key() {
        let now = Timestamp::from_millis(1_000_000_000);
        let keys = SigningKeys::default();
        keys.replace(vec![key("aaaa", None)]);
        let user = UserId(Uuid::from_u128(1));
        let (token, expires_at) = keys.sign(user, SessionId(Uuid::from_u128(2)), TokenScope::Full, now).unwrap();
        assert_eq!(keys.verify(&token, now).unwrap().user, user);
        assert!(keys.verify(&token, expires_at - seconds(1)).is_some());
        assert!(keys.verify(&token, expires_at).is_none(), "expired");
        keys.replace(vec![key("bbbb", None), key("aaaa", Some(now))]);
        assert!(keys.verify(&token, now + seconds(60)).is_some(), "a retired key verifies what it signed");
        keys.replace(vec![key("bbbb", None)]);
        assert!(keys.verify(&token, now).is_none(), "an unknown key verifies nothing");
        let (head, _) = token.rsplit_once('.').unwrap();
        keys.replace(vec![key("aaaa", None)]);
        assert!(keys.verify(&format!("{head}.AAAA"), now).is_none(), "a changed signature");
    }
}
