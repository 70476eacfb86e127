//! Passwords: hashing, checking, setting and locking.

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use tokio::sync::Semaphore;

pub use super::super::decide::check_password;
use super::super::decide::{normalized, stored_forms};
use super::super::model::{AuthEvent, EndReason};
use super::super::store;
use super::end_sessions;
use crate::kernel::{Error, Result, UserId, boxed};
use crate::runtime::{Ctx, Tx};

/// Limits concurrent Argon2id hashes: each takes 19 MiB and about 20 ms of CPU time.
static HASHING: Semaphore = Semaphore::const_new(2);

async fn run_hash<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let _permit = HASHING.acquire().await.map_err(Error::internal)?;
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

/// Hashes a password with Argon2id, outside any transaction.
#[boxed]
pub async fn hash_password(cx: &Ctx, password: &str) -> Result<String> {
    let mut salt = [0; 16];
    cx.app.entropy.fill(&mut salt);
    let password = normalized(password);
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
    let forms = stored_forms(given);
    run_hash(move || {
        // A dummy hash, so that an unknown address takes as long as a wrong password.
        const DUMMY_HASH: &str =
            "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let known = stored.is_some();
        let hash = PasswordHash::new(stored.as_deref().unwrap_or(DUMMY_HASH)).map_err(Error::internal)?;
        let is_correct = forms.iter().any(|form| Argon2::default().verify_password(form.as_bytes(), &hash).is_ok());
        Ok(is_correct && known)
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

/// Locks the password of a person until it is unlocked or another is set, and ends their sessions.
pub async fn lock_password(tx: &mut Tx, user: UserId) -> Result<()> {
    store::set_password_locked(tx.conn(), user, true).await?;
    end_sessions(tx, user, EndReason::Disabled).await
}

pub async fn unlock_password(tx: &Tx, user: UserId) -> Result<()> {
    store::set_password_locked(tx.conn(), user, false).await
}
