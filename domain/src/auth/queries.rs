//! From a token to a session.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder as _, QuerySelect};

use super::model::{Access, ApiKey, Keys, api_key_digest};
use super::store::{api_key, session};
use crate::kernel::{ApiKeyId, Result, SessionId, Timestamp, UserId};
use crate::runtime::App;

/// What an access token says, where it is ours and not over.
pub fn verify(app: &App, token: &str) -> Option<Access> {
    app.state::<Keys>().verify(token, app.now())
}

/// When each of these people last signed in, as far as a session of theirs stands.
pub async fn last_sessions(conn: &impl ConnectionTrait, users: &[UserId]) -> Result<HashMap<UserId, Timestamp>> {
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

/// Whether the session still stands.
pub async fn is_open(app: &App, access: &Access) -> Result<bool> {
    let row = session::Entity::find_by_id(access.session).one(app.db.read()).await?;
    Ok(row.is_some_and(|row| row.user_id == access.user && row.revoked_at.is_none() && app.now() < row.expires_at))
}

/// Whether a session that was open still stands: for connections that last.
pub async fn still_open(app: &App, id: SessionId) -> Result<bool> {
    let row = session::Entity::find_by_id(id).one(app.db.read()).await?;
    Ok(row.is_some_and(|row| row.revoked_at.is_none() && app.now() < row.expires_at))
}

/// The key of this text, where it still opens anything.
pub async fn api_key_by_text(app: &App, text: &str) -> Result<Option<ApiKey>> {
    let row =
        api_key::Entity::find().filter(api_key::Column::Digest.eq(api_key_digest(text))).one(app.db.read()).await?;
    Ok(row.map(ApiKey::from).filter(|key| key.is_good(app.now())))
}

/// Whether a key that opened still does: for connections that last.
pub async fn api_key_still_good(app: &App, id: ApiKeyId) -> Result<bool> {
    let row = api_key::Entity::find_by_id(id).one(app.db.read()).await?;
    Ok(row.map(ApiKey::from).is_some_and(|key| key.is_good(app.now())))
}

/// The keys of these accounts, newest first.
pub async fn api_keys_of(conn: &impl ConnectionTrait, users: &[UserId]) -> Result<Vec<ApiKey>> {
    let rows = api_key::Entity::find()
        .filter(api_key::Column::UserId.is_in(users.iter().copied()))
        .order_by_desc(api_key::Column::Id)
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}
