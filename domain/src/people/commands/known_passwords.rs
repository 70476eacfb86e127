//! Accounts whose password everybody knows, such as those of the demo data: they are locked where anybody may sign in.

use super::super::model::User;
use super::super::store;
use crate::auth::{commands as auth, queries};
use crate::kernel::{Result, boxed};
use crate::runtime::Ctx;

/// The accounts of an e-mail domain that have a known password.
#[derive(Debug, Default)]
pub struct KnownPasswordAccounts {
    /// Anybody can sign in.
    pub open: Vec<User>,
    /// Nobody can, until another password is set.
    pub locked: Vec<User>,
}

/// Finds the accounts of an e-mail domain that have this password, or a locked one.
#[boxed]
pub async fn find_known_passwords(cx: &Ctx, domain: &str, password: &str) -> Result<KnownPasswordAccounts> {
    let mut found = KnownPasswordAccounts::default();
    for user in store::users_of_domain(cx.read(), domain).await? {
        if queries::is_password_locked(cx.read(), user.id).await? {
            found.locked.push(user);
        } else if auth::verify_password(cx, Some(user.id), password).await? {
            found.open.push(user);
        }
    }
    Ok(found)
}

/// Locks the accounts of an e-mail domain that have this password, and ends their sessions; returns all that are locked then.
#[boxed]
pub async fn lock_known_passwords(cx: &Ctx, domain: &str, password: &str) -> Result<Vec<User>> {
    let KnownPasswordAccounts { open, mut locked } = find_known_passwords(cx, domain, password).await?;
    if !open.is_empty() {
        let mut tx = cx.begin().await?;
        for user in &open {
            auth::lock_password(&mut tx, user.id).await?;
        }
        tx.commit().await?;
    }
    locked.extend(open);
    Ok(locked)
}

/// Unlocks what [`lock_known_passwords`] locked.
#[boxed]
pub async fn unlock_known_passwords(cx: &Ctx, domain: &str) -> Result<()> {
    let mut locked = Vec::new();
    for user in store::users_of_domain(cx.read(), domain).await? {
        if queries::is_password_locked(cx.read(), user.id).await? {
            locked.push(user.id);
        }
    }
    if locked.is_empty() {
        return Ok(());
    }
    let tx = cx.begin().await?;
    for user in locked {
        auth::unlock_password(&tx, user).await?;
    }
    tx.commit().await
}
