//! Sessions, refresh tokens and signing keys.

mod api_keys;
mod passwords;
mod sign_in;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use self::api_keys::{issue_api_key, record_api_key_use, revoke_api_key};
pub use self::passwords::{
    check_password, delete_password, hash_password, lock_password, set_password, unlock_password, verify_password,
};
pub use self::sign_in::{SignInAttempt, clear_sign_in_failures, count_sign_in_attempt};
use super::decide::{self, RefreshDecision};
use super::model::{
    ACCESS_TOKEN_TTL, AuthEvent, EndReason, KNOWN_DEVICE_TTL, SESSION_TTL, SIGN_IN_WINDOW, SigningKey, SigningKeys,
    TokenScope, Tokens,
};
use super::store::{self, session, signing_key};
use crate::kernel::{Error, Result, SessionId, Timestamp, UserId, boxed};
use crate::runtime::vault::mac;
use crate::runtime::{App, Ctx, Tx, Vault};

/// Ends every session of a person.
pub async fn end_sessions(tx: &mut Tx, user: UserId, reason: EndReason) -> Result<()> {
    for session in store::revoke_sessions_of(tx.conn(), user, tx.now).await? {
        tx.record(AuthEvent::SessionEnded { session, user, reason }).await?;
    }
    Ok(())
}

pub async fn end_session(tx: &mut Tx, id: SessionId, user: UserId, reason: EndReason) -> Result<()> {
    store::revoke_session(tx.conn(), id, tx.now).await?;
    tx.record(AuthEvent::SessionEnded { session: id, user, reason }).await
}

#[boxed]
pub async fn open_session(tx: &mut Tx, user: UserId) -> Result<Tokens> {
    let mut seed = [0; 32];
    tx.app().entropy.fill(&mut seed);
    let session = session::Model {
        id: SessionId(tx.new_uuid()),
        user_id: user,
        refresh_digest: seed.to_vec(),
        created_at: tx.now,
        expires_at: tx.now + SESSION_TTL,
        revoked_at: None,
        generation: 0,
        replaced_at: None,
    };
    store::insert_session(tx.conn(), session.clone()).await?;
    tx.record(AuthEvent::SessionOpened { session: session.id, user }).await?;
    issue_tokens(tx, &session, 0)
}

fn issue_tokens(tx: &Tx, session: &session::Model, generation: i32) -> Result<Tokens> {
    let (access, expires_at) = tx
        .app()
        .state::<SigningKeys>()
        .sign(session.user_id, session.id, TokenScope::Full, tx.now)
        .ok_or_else(|| Error::internal("there is no signing key"))?;
    Ok(Tokens { access, refresh: refresh_token(tx.app(), session, generation), expires_at, session: session.id })
}

/// A token with which a page of another site may read the to-do list of the caller.
pub fn todo_token(cx: &Ctx) -> Result<(String, Timestamp)> {
    let person = cx.actor.person().ok_or_else(Error::unauthenticated)?;
    let session = person.session.ok_or_else(Error::unauthenticated)?;
    let keys = cx.app.state::<SigningKeys>();
    keys.sign(person.id, session, TokenScope::TodoRead, cx.now())
        .ok_or_else(|| Error::internal("there is no signing key"))
}

const MAC_BYTES: usize = 32;

/// A refresh token: session, number, and a MAC. It is derived, so that repeating a request yields the same token again; nobody
/// can make one from the session's id, or from the database without the master key.
fn refresh_token(app: &App, session: &session::Model, generation: i32) -> String {
    let number = generation.to_be_bytes();
    let mac = refresh_mac(app, session, &number);
    URL_SAFE_NO_PAD.encode([session.id.0.as_bytes().as_slice(), &number, &mac].concat())
}

fn refresh_mac(app: &App, session: &session::Model, number: &[u8]) -> [u8; MAC_BYTES] {
    let secret = app.state::<Vault>().subkey("refresh-token");
    mac(&secret, &[session.id.0.as_bytes(), number, &session.refresh_digest])
}

/// The session that a refresh token names, and the rest of the token.
fn split_refresh_token(token: &str) -> Option<(SessionId, Vec<u8>)> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (id, rest) = bytes.split_first_chunk::<16>()?;
    Some((SessionId(Uuid::from_bytes(*id)), rest.to_vec()))
}

/// The number of a session's refresh token; `None`: it was not issued by this installation.
fn generation_of(app: &App, session: &session::Model, rest: &[u8]) -> Option<i32> {
    if let Some((number, given)) = rest.split_first_chunk::<4>()
        && given.len() == MAC_BYTES
    {
        let is_ours: bool = given.ct_eq(refresh_mac(app, session, number).as_slice()).into();
        return is_ours.then(|| i32::from_be_bytes(*number));
    }
    // Issued before tokens were numbered: random, and the digest is stored.
    let is_first: bool = Sha256::digest(rest).as_slice().ct_eq(&session.refresh_digest).into();
    is_first.then_some(0)
}

/// The result of using a refresh token.
pub enum RefreshOutcome {
    Renewed(Tokens, UserId),
    /// Expired, revoked, unknown or used before. The transaction may have ended the session, so the caller must commit it.
    Rejected,
}

/// Each refresh token works once, and for a moment again with the same result. A later use ends the session, because the
/// token may be stolen. A token that was never issued changes nothing: pages of other sites know the session's id.
#[boxed]
pub async fn refresh_session(tx: &mut Tx, token: &str) -> Result<RefreshOutcome> {
    let Some((id, rest)) = split_refresh_token(token) else { return Ok(RefreshOutcome::Rejected) };
    let Some(row) = store::session(tx.conn(), id).await? else { return Ok(RefreshOutcome::Rejected) };
    if row.revoked_at.is_some() || row.expires_at <= tx.now {
        return Ok(RefreshOutcome::Rejected);
    }
    let Some(given) = generation_of(tx.app(), &row, &rest) else { return Ok(RefreshOutcome::Rejected) };
    let current = match decide::refresh(given, row.generation, row.replaced_at, tx.now) {
        RefreshDecision::Renew => {
            if !store::advance_refresh_token(tx.conn(), id, given, tx.now).await? {
                return Err(Error::Conflict); // the same token, used concurrently
            }
            given.saturating_add(1)
        }
        RefreshDecision::Repeat => row.generation,
        RefreshDecision::Reused => {
            end_session(tx, id, row.user_id, EndReason::RefreshTokenReused).await?;
            return Ok(RefreshOutcome::Rejected);
        }
    };
    Ok(RefreshOutcome::Renewed(issue_tokens(tx, &row, current)?, row.user_id))
}

const PURPOSE: &str = "signing-key";

/// Creates a new signing key; the previous one verifies until its last token has expired.
#[boxed]
pub async fn rotate_signing_key(tx: &mut Tx) -> Result<String> {
    let mut secret = [0; 32];
    tx.app().entropy.fill(&mut secret);
    let kid = tx.new_uuid().simple().to_string()[20..].to_owned();
    let sealed = tx.app().state::<Vault>().seal(PURPOSE, kid.as_bytes(), &secret, &*tx.app().entropy);
    store::replace_signing_key(tx.conn(), kid.clone(), sealed, tx.now).await?;
    tx.record(AuthEvent::SigningKeyRotated { kid: kid.clone() }).await?;
    Ok(kid)
}

/// Loads the signing keys into memory; creates the first one in an empty database.
pub async fn load_signing_keys(app: &std::sync::Arc<App>) -> Result<()> {
    let keys = app.state::<SigningKeys>();
    keys.replace(read_keys(app).await?);
    if keys.is_empty() {
        let mut tx = Ctx::system(app).begin().await?;
        rotate_signing_key(&mut tx).await?;
        tx.commit().await?;
        keys.replace(read_keys(app).await?);
    }
    Ok(())
}

/// Reloads the signing keys whenever requested, until stopped.
#[boxed]
pub async fn refresh_signing_keys(app: std::sync::Arc<App>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = app.state::<SigningKeys>().reload_requested() => {}
            () = stop.cancelled() => return,
        }
        match read_keys(&app).await {
            Ok(keys) => app.state::<SigningKeys>().replace(keys),
            Err(error) => tracing::error!(%error, "cannot reload the signing keys; the loaded ones stay in use"),
        }
    }
}

async fn read_keys(app: &App) -> Result<Vec<SigningKey>> {
    let rows = store::signing_keys(app.db.read()).await?;
    let vault = app.state::<Vault>();
    rows.into_iter()
        .map(|row| {
            let signing_key::Model { kid, sealed, created_at: _, retired_at } = row;
            let secret = vault.unseal(PURPOSE, kid.as_bytes(), &sealed)?;
            Ok(SigningKey { kid, secret, retired_at })
        })
        .collect()
}

/// Deletes expired sessions, counters and keys; part of the sweep.
#[boxed]
pub async fn purge_expired(tx: &mut Tx) -> Result<()> {
    store::delete_expired_sessions(tx.conn(), tx.now).await?;
    store::delete_expired_throttles(tx.conn(), tx.now - SIGN_IN_WINDOW).await?;
    store::delete_forgotten_devices(tx.conn(), tx.now - KNOWN_DEVICE_TTL).await?;
    store::delete_retired_signing_keys(tx.conn(), tx.now - ACCESS_TOKEN_TTL).await
}
