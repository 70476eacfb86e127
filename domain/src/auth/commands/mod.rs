//! Sessions, passwords, sign-in throttling and signing keys.

mod api_keys;

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use self::api_keys::{issue_api_key, record_api_key_use, revoke_api_key};
use super::model::{
    ACCESS_TOKEN_TTL, AuthEvent, EndReason, PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, SESSION_TTL,
    SIGN_IN_FAILURES_PER_ACCOUNT, SIGN_IN_FAILURES_PER_ADDRESS, SIGN_IN_WINDOW, SigningKey, SigningKeys, TokenScope,
    Tokens,
};
use super::store::{self, session, signing_key};
use crate::kernel::{Code, Error, Refusal, Result, SessionId, Timestamp, TopCode, UserId, boxed, refuse};
use crate::msg;
use crate::runtime::{App, Ctx, Tx, Vault};

/// Limits concurrent Argon2id hashes: each takes 19 MiB and about 20 ms of CPU time.
static HASHING: Semaphore = Semaphore::const_new(2);

async fn run_hash<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let _permit = HASHING.acquire().await.map_err(Error::internal)?;
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

pub fn check_password(field: &str, password: &str) -> Result<(), Refusal> {
    let chars = password.chars().count();
    if chars < PASSWORD_CHARS_MIN {
        return Err(refuse(Code::Invalid, field, msg!("auth-password-too-short", min = PASSWORD_CHARS_MIN)));
    }
    if chars > PASSWORD_CHARS_MAX {
        return Err(refuse(Code::TooLong, field, msg!("auth-password-too-long", max = PASSWORD_CHARS_MAX)));
    }
    Ok(())
}

/// Hashes a password with Argon2id, outside any transaction.
#[boxed]
pub async fn hash_password(cx: &Ctx, password: &str) -> Result<String> {
    let mut salt = [0; 16];
    cx.app.entropy.fill(&mut salt);
    let password = password.to_owned();
    run_hash(move || {
        Argon2::default()
            .hash_password_with_salt(password.as_bytes(), &salt)
            .map(|hash| hash.to_string())
            .map_err(Error::internal)
    })
    .await?
}

/// Whether the password is correct. Without a user (`None`) it takes as long and returns false.
pub async fn verify_password(cx: &Ctx, user: Option<UserId>, given: &str) -> Result<bool> {
    let stored = match user {
        Some(user) => store::password_hash(cx.read(), user).await?,
        None => None,
    };
    let given = given.to_owned();
    run_hash(move || {
        // A dummy hash, so that an unknown address takes as long as a wrong password.
        const DUMMY_HASH: &str =
            "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let known = stored.is_some();
        let hash = stored.as_deref().unwrap_or(DUMMY_HASH);
        PasswordHash::new(hash)
            .map(|hash| Argon2::default().verify_password(given.as_bytes(), &hash).is_ok() && known)
            .map_err(Error::internal)
    })
    .await?
}

#[boxed]
pub async fn set_password(tx: &mut Tx, user: UserId, hash: String) -> Result<()> {
    store::save_password(tx.conn(), user, hash, tx.now).await?;
    tx.record(AuthEvent::PasswordChanged { user }).await
}

/// Deletes the password of a person.
pub async fn delete_password(tx: &Tx, user: UserId) -> Result<()> {
    store::delete_password(tx.conn(), user).await
}

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
    let id = SessionId(tx.new_uuid());
    let (refresh, digest) = new_refresh_token(tx, id);
    let session = session::Model {
        id,
        user_id: user,
        refresh_digest: digest,
        created_at: tx.now,
        expires_at: tx.now + SESSION_TTL,
        revoked_at: None,
    };
    store::insert_session(tx.conn(), session).await?;
    tx.record(AuthEvent::SessionOpened { session: id, user }).await?;
    issue_tokens(tx, id, user, refresh)
}

fn issue_tokens(tx: &Tx, session: SessionId, user: UserId, refresh: String) -> Result<Tokens> {
    let (access, expires_at) = tx
        .app()
        .state::<SigningKeys>()
        .sign(user, session, TokenScope::Full, tx.now)
        .ok_or_else(|| Error::internal("there is no signing key"))?;
    Ok(Tokens { access, refresh, expires_at, session })
}

/// A token with which a page of another site may read the to-do list of the caller.
pub fn todo_token(cx: &Ctx) -> Result<(String, Timestamp)> {
    let person = cx.actor.person().ok_or_else(Error::unauthenticated)?;
    let session = person.session.ok_or_else(Error::unauthenticated)?;
    let keys = cx.app.state::<SigningKeys>();
    keys.sign(person.id, session, TokenScope::TodoRead, cx.now())
        .ok_or_else(|| Error::internal("there is no signing key"))
}

fn new_refresh_token(tx: &Tx, id: SessionId) -> (String, Vec<u8>) {
    let mut secret = [0; 32];
    tx.app().entropy.fill(&mut secret);
    let token = URL_SAFE_NO_PAD.encode([id.0.as_bytes().as_slice(), &secret].concat());
    (token, Sha256::digest(secret).to_vec())
}

/// The result of using a refresh token.
pub enum RefreshOutcome {
    Renewed(Tokens, UserId),
    /// Expired, revoked, unknown or used before. The transaction may have ended the session, so the caller must commit it.
    Rejected,
}

/// Each refresh token works once. A second use ends the session, because the token may be stolen.
#[boxed]
pub async fn refresh_session(tx: &mut Tx, token: &str) -> Result<RefreshOutcome> {
    let Some((id, secret)) = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| {
        let (id, secret) = bytes.split_first_chunk::<16>()?;
        (secret.len() == 32).then(|| (SessionId(Uuid::from_bytes(*id)), secret.to_vec()))
    }) else {
        return Ok(RefreshOutcome::Rejected);
    };
    let Some(row) = store::session(tx.conn(), id).await? else { return Ok(RefreshOutcome::Rejected) };
    if row.revoked_at.is_some() || row.expires_at <= tx.now {
        return Ok(RefreshOutcome::Rejected);
    }
    let given = Sha256::digest(&secret);
    if !bool::from(given.as_slice().ct_eq(&row.refresh_digest)) {
        end_session(tx, id, row.user_id, EndReason::RefreshTokenReused).await?;
        return Ok(RefreshOutcome::Rejected);
    }
    let (refresh, digest) = new_refresh_token(tx, id);
    if !store::replace_refresh_digest(tx.conn(), id, row.refresh_digest, digest).await? {
        return Err(Error::Conflict); // the same token, used concurrently
    }
    Ok(RefreshOutcome::Renewed(issue_tokens(tx, id, row.user_id, refresh)?, row.user_id))
}

/// Counts a sign-in attempt before the password is checked, so that concurrent attempts cannot bypass the limit; rejects
/// attempts beyond it. A successful sign-in calls [`clear_sign_in_failures`].
pub async fn count_sign_in_attempt(cx: &Ctx, account: &str, address: Option<&str>) -> Result<()> {
    let tx = cx.begin().await?;
    let mut wait = None;
    for (key, max) in throttle_keys(account, address) {
        let row = store::increment_throttle(tx.conn(), key, tx.now, tx.now - SIGN_IN_WINDOW).await?;
        if row.failures > max {
            let until = row.window_from + SIGN_IN_WINDOW;
            wait = Ord::max(wait, Some(until.seconds_since(tx.now) / 60 + 1));
        }
    }
    tx.commit().await?;
    let Some(wait) = wait else { return Ok(()) };
    Err(Error::Top { code: TopCode::RateLimited, message: msg!("auth-sign-in-throttled", minutes = wait) })
}

fn throttle_keys(account: &str, address: Option<&str>) -> Vec<(String, i32)> {
    // Digests, so that a password typed into the wrong field is not stored.
    let key = |kind: &str, text: &str| format!("{kind}:{}", hex::encode(&Sha256::digest(text)[..16]));
    let mut keys = vec![(key("account", account), SIGN_IN_FAILURES_PER_ACCOUNT)];
    keys.extend(address.map(|address| (key("address", address), SIGN_IN_FAILURES_PER_ADDRESS)));
    keys
}

/// After a successful sign-in: resets the counter of the account and decrements that of the address.
pub async fn clear_sign_in_failures(tx: &Tx, account: &str, address: Option<&str>) -> Result<()> {
    for (index, (key, _)) in throttle_keys(account, address).into_iter().enumerate() {
        if index == 0 {
            store::delete_throttle(tx.conn(), key).await?;
        } else {
            store::decrement_throttle(tx.conn(), key).await?;
        }
    }
    Ok(())
}

const PURPOSE: &str = "signing-key";

/// Creates a new signing key; the previous one verifies until its last token has expired.
#[boxed]
pub async fn rotate_signing_key(tx: &mut Tx) -> Result<String> {
    let mut secret = [0; 32];
    tx.app().entropy.fill(&mut secret);
    let kid = tx.new_uuid().simple().to_string()[20..].to_owned();
    let sealed = tx.app().state::<Vault>().seal(PURPOSE, &secret, &*tx.app().entropy);
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
            Ok(SigningKey { kid, secret: vault.unseal(PURPOSE, &sealed)?, retired_at })
        })
        .collect()
}

/// Deletes expired sessions, counters and keys; part of the sweep.
#[boxed]
pub async fn purge_expired(tx: &mut Tx) -> Result<()> {
    store::delete_expired_sessions(tx.conn(), tx.now).await?;
    store::delete_expired_throttles(tx.conn(), tx.now - SIGN_IN_WINDOW).await?;
    store::delete_retired_signing_keys(tx.conn(), tx.now - ACCESS_TOKEN_TTL).await
}
