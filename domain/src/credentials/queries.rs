//! Reads of credentials.

use sea_orm::ConnectionTrait;

use super::model::{Credential, Parts};
use super::store;
use crate::kernel::{Actor, Error, Result, UserId};
use crate::runtime::{App, Ctx};

/// All credentials, by their keys, without their secrets: for administrators.
pub async fn list(cx: &Ctx) -> Result<Vec<Credential>> {
    match &cx.actor {
        Actor::Anonymous => return Err(Error::unauthenticated()),
        actor => actor.require_admin().map_err(|_| Error::forbidden())?,
    }
    store::all(cx.read()).await
}

/// The credential of this key, and the secrets that are good now, newest first.
pub async fn secrets(app: &App, conn: &impl ConnectionTrait, key: &str) -> Result<Option<(Credential, Vec<Parts>)>> {
    let Some(row) = store::by_key(conn, key).await? else { return Ok(None) };
    let credential = Credential::try_from(row)?;
    let parts = store::secrets(app, conn, credential.id).await?;
    Ok(Some((credential, parts)))
}

/// Whose it is.
pub async fn owner(conn: &impl ConnectionTrait, key: &str) -> Result<Option<UserId>> {
    Ok(store::by_key(conn, key).await?.map(|row| row.owner_id))
}
