//! Lookups of sessions and API keys.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder as _, QuerySelect};

use super::model::{Access, ApiKey, SigningKeys, api_key_digest};
use super::store::{self, api_key, session};
use crate::kernel::{ApiKeyId, Result, SessionId, Timestamp, UserId, boxed};
use crate::runtime::{App, Executor};

/// The claims of an access token, if it is valid.
pub fn verify(app: &App, token: &str) -> Option<Access> {
    app.state::<SigningKeys>().verify(token, app.now())
}

/// When each of these people last signed in, according to their stored sessions.
pub async fn last_sessions(conn: &Executor, users: &[UserId]) -> Result<HashMap<UserId, Timestamp>> {
    let rows = session::Entity::find()
        .select_only()
        .column(session::Column::UserId)
        .column_as(session::Column::CreatedAt.max(), "last")
        .filter(session::Column::UserId.is_in(users.iter().copied()))
        .group_by(session::Column::UserId)
        .into_tuple::<(UserId, Timestamp)>()
        .all(conn)
        .await?;
    Ok(rows.into_iter().collect())
}

/// Whether the session of an access token is active.
#[boxed]
pub async fn is_active(app: &App, access: &Access) -> Result<bool> {
    let row = store::session(app.db.read(), access.session).await?;
    Ok(row.is_some_and(|row| row.user_id == access.user && row.revoked_at.is_none() && app.now() < row.expires_at))
}

/// Whether a session is still active; for long-lived connections.
#[boxed]
pub async fn is_session_active(app: &App, id: SessionId) -> Result<bool> {
    let row = store::session(app.db.read(), id).await?;
    Ok(row.is_some_and(|row| row.revoked_at.is_none() && app.now() < row.expires_at))
}

/// Whether a person's password is locked.
pub async fn is_password_locked(conn: &Executor, user: UserId) -> Result<bool> {
    store::is_password_locked(conn, user).await
}

/// The active key with this text.
pub async fn find_api_key(app: &App, text: &str) -> Result<Option<ApiKey>> {
    let row =
        api_key::Entity::find().filter(api_key::Column::Digest.eq(api_key_digest(text))).one(app.db.read()).await?;
    Ok(row.map(ApiKey::from).filter(|key| key.is_active(app.now())))
}

/// Whether a key is still active; for long-lived connections.
#[boxed]
pub async fn is_api_key_active(app: &App, id: ApiKeyId) -> Result<bool> {
    let key = store::api_key(app.db.read(), id).await?;
    Ok(key.is_some_and(|key| key.is_active(app.now())))
}

/// The keys of these accounts, newest first.
pub async fn api_keys_of(conn: &Executor, users: &[UserId]) -> Result<Vec<ApiKey>> {
    let rows = api_key::Entity::find()
        .filter(api_key::Column::UserId.is_in(users.iter().copied()))
        .order_by_desc(api_key::Column::Id)
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}
