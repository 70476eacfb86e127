//! From a token to a session.

use sea_orm::EntityTrait;

use super::model::{Access, Keys};
use super::store::session;
use crate::kernel::{Result, SessionId};
use crate::runtime::App;

/// What an access token says, where it is ours and not over.
pub fn verify(app: &App, token: &str) -> Option<Access> {
    app.state::<Keys>().verify(token, app.now())
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
