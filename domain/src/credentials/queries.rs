//! Reads of credentials.

use super::model::{Credential, Parts};
use super::store;
use crate::kernel::{Actor, Error, Result, UserId, boxed};
use crate::runtime::{App, Ctx, Executor};

/// All credentials in the order of their keys, without secrets; for administrators.
#[boxed]
pub async fn list(cx: &Ctx) -> Result<Vec<Credential>> {
    match &cx.actor {
        Actor::Anonymous => return Err(Error::unauthenticated()),
        actor => actor.require_admin().map_err(|_| Error::forbidden())?,
    }
    store::all(cx.read()).await
}

/// The credential with a key, and its valid secrets, newest first.
#[boxed]
pub async fn secrets(app: &App, conn: &Executor, key: &str) -> Result<Option<(Credential, Vec<Parts>)>> {
    let Some(row) = store::by_key(conn, key).await? else { return Ok(None) };
    let credential = Credential::try_from(row)?;
    let parts = store::secrets(app, conn, credential.id).await?;
    Ok(Some((credential, parts)))
}

/// The owner of the credential with a key.
#[boxed]
pub async fn owner(conn: &Executor, key: &str) -> Result<Option<UserId>> {
    Ok(store::by_key(conn, key).await?.map(|row| row.owner_id))
}
