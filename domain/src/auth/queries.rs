//! From a token to a session.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::model::{Access, Keys};
use super::store::session;
use crate::kernel::{Result, SessionId, Timestamp, UserId};
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
