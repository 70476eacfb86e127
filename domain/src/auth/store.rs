//! Tables of auth, and their statements.

pub mod password {
    use crate::kernel::{Timestamp, UserId};
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "password")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: UserId,
        pub hash: String,
        pub changed_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod session {
    use crate::kernel::{SessionId, Timestamp, UserId};
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "session")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: SessionId,
        pub user_id: UserId,
        /// Random: refresh tokens are derived from it. Of a session from before tokens were numbered: the digest of its token.
        #[serde(with = "hex")]
        pub refresh_digest: Vec<u8>,
        pub created_at: Timestamp,
        pub expires_at: Timestamp,
        pub revoked_at: Option<Timestamp>,
        /// The number of the current refresh token.
        pub generation: i32,
        /// When it replaced the one before.
        pub replaced_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod signing_key {
    use crate::kernel::Timestamp;
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "signing_key")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub kid: String,
        #[serde(with = "hex")]
        pub sealed: Vec<u8>,
        pub created_at: Timestamp,
        pub retired_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod sign_in_throttle {
    use crate::kernel::Timestamp;
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "sign_in_throttle")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        pub failures: i32,
        pub window_from: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod known_device {
    use crate::kernel::Timestamp;
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    /// A network that an account signed in from. Account and key are keyed digests.
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "known_device")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        pub account: String,
        pub seen_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod api_key {
    use crate::kernel::{ApiKeyId, Timestamp, UserId};
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "api_key")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: ApiKeyId,
        pub user_id: UserId,
        #[serde(with = "hex")]
        pub digest: Vec<u8>,
        pub hint: String,
        pub scopes: String,
        pub created_at: Timestamp,
        pub expires_at: Option<Timestamp>,
        pub revoked_at: Option<Timestamp>,
        pub last_used_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict, Order, Query};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel as _, QueryFilter, QueryOrder as _};

use super::model::ApiKey;
use crate::kernel::{ApiKeyId, ApiScope, Result, SessionId, Timestamp, UserId};
use crate::runtime::Executor;

impl From<api_key::Model> for ApiKey {
    fn from(row: api_key::Model) -> Self {
        let api_key::Model { id, user_id, digest: _, hint, scopes, created_at, expires_at, revoked_at, last_used_at } =
            row;
        // Unknown scopes of later versions grant nothing.
        let scopes = scopes.split(' ').filter_map(|text| text.parse::<ApiScope>().ok()).collect();
        Self { id, user: user_id, hint, scopes, created_at, expires_at, revoked_at, last_used_at }
    }
}

/// Stands before the hash of a locked password, as in /etc/shadow.
const LOCKED: &str = "!";

/// The hash of a person's password, unless it is locked.
pub(super) async fn password_hash(conn: &Executor, user: UserId) -> Result<Option<String>> {
    let hash = password::Entity::find_by_id(user).one(conn).await?.map(|row| row.hash);
    Ok(hash.filter(|hash| !hash.starts_with(LOCKED)))
}

pub(super) async fn is_password_locked(conn: &Executor, user: UserId) -> Result<bool> {
    Ok(password::Entity::find_by_id(user).one(conn).await?.is_some_and(|row| row.hash.starts_with(LOCKED)))
}

/// Locks or unlocks a password: nobody signs in by a locked one.
pub(super) async fn set_password_locked(conn: &Executor, user: UserId, locked: bool) -> Result<()> {
    let Some(row) = password::Entity::find_by_id(user).one(conn).await? else { return Ok(()) };
    let hash = row.hash.trim_start_matches(LOCKED);
    let hash = if locked { format!("{LOCKED}{hash}") } else { hash.to_owned() };
    password::Entity::update_many()
        .col_expr(password::Column::Hash, Expr::value(hash))
        .filter(password::Column::UserId.eq(user))
        .exec(conn)
        .await?;
    Ok(())
}

pub(super) async fn save_password(conn: &Executor, user: UserId, hash: String, now: Timestamp) -> Result<()> {
    let row = password::ActiveModel { user_id: Set(user), hash: Set(hash), changed_at: Set(now) };
    let mut replace = OnConflict::column(password::Column::UserId);
    replace.update_columns([password::Column::Hash, password::Column::ChangedAt]);
    password::Entity::insert(row).on_conflict(replace).exec_without_returning(conn).await?;
    Ok(())
}

pub(super) async fn delete_password(conn: &Executor, user: UserId) -> Result<()> {
    password::Entity::delete_by_id(user).exec(conn).await?;
    Ok(())
}

pub(super) async fn session(conn: &Executor, id: SessionId) -> Result<Option<session::Model>> {
    Ok(session::Entity::find_by_id(id).one(conn).await?)
}

pub(super) async fn insert_session(conn: &Executor, session: session::Model) -> Result<()> {
    session::Entity::insert(session.into_active_model()).exec_without_returning(conn).await?;
    Ok(())
}

/// Makes the next refresh token of an active session the current one; `false` if the current one is no longer `generation`.
pub(super) async fn advance_refresh_token(
    conn: &Executor,
    id: SessionId,
    generation: i32,
    now: Timestamp,
) -> Result<bool> {
    let updated = session::Entity::update_many()
        .col_expr(session::Column::Generation, Expr::value(generation.saturating_add(1)))
        .col_expr(session::Column::ReplacedAt, Expr::value(now))
        .filter(session::Column::Id.eq(id))
        .filter(session::Column::Generation.eq(generation))
        .filter(session::Column::RevokedAt.is_null())
        .exec(conn)
        .await?;
    Ok(updated.rows_affected > 0)
}

pub(super) async fn revoke_session(conn: &Executor, id: SessionId, now: Timestamp) -> Result<()> {
    session::Entity::update_many()
        .col_expr(session::Column::RevokedAt, Expr::value(now))
        .filter(session::Column::Id.eq(id))
        .exec(conn)
        .await?;
    Ok(())
}

/// Revokes every session of a person that is not revoked yet; returns those.
pub(super) async fn revoke_sessions_of(conn: &Executor, user: UserId, now: Timestamp) -> Result<Vec<SessionId>> {
    let open = session::Entity::find()
        .filter(session::Column::UserId.eq(user))
        .filter(session::Column::RevokedAt.is_null())
        .all(conn)
        .await?;
    session::Entity::update_many()
        .col_expr(session::Column::RevokedAt, Expr::value(now))
        .filter(session::Column::UserId.eq(user))
        .filter(session::Column::RevokedAt.is_null())
        .exec(conn)
        .await?;
    Ok(open.into_iter().map(|row| row.id).collect())
}

pub(super) async fn delete_expired_sessions(conn: &Executor, now: Timestamp) -> Result<()> {
    session::Entity::delete_many().filter(session::Column::ExpiresAt.lte(now)).exec(conn).await?;
    Ok(())
}

/// The counters with these keys.
pub(super) async fn throttles(conn: &Executor, keys: Vec<String>) -> Result<Vec<sign_in_throttle::Model>> {
    Ok(sign_in_throttle::Entity::find().filter(sign_in_throttle::Column::Key.is_in(keys)).all(conn).await?)
}

/// Counts a sign-in attempt, in one statement. A counter whose window began before `expired` starts again.
pub(super) async fn increment_throttle(
    conn: &Executor,
    key: String,
    now: Timestamp,
    expired: Timestamp,
) -> Result<sign_in_throttle::Model> {
    use sign_in_throttle::Column::{Failures, Key, WindowFrom};
    let row = sign_in_throttle::ActiveModel { key: Set(key), failures: Set(1), window_from: Set(now) };
    let stored = |column| Expr::col((sign_in_throttle::Entity, column));
    let is_expired = || stored(WindowFrom).lte(expired);
    let mut on_conflict = OnConflict::column(Key);
    on_conflict
        .value(Failures, Expr::case(is_expired(), 1).finally(stored(Failures).add(1)))
        .value(WindowFrom, Expr::case(is_expired(), now).finally(stored(WindowFrom)));
    Ok(sign_in_throttle::Entity::insert(row).on_conflict(on_conflict).exec_with_returning(conn).await?)
}

pub(super) async fn decrement_throttle(conn: &Executor, key: String) -> Result<()> {
    sign_in_throttle::Entity::update_many()
        .col_expr(sign_in_throttle::Column::Failures, Expr::col(sign_in_throttle::Column::Failures).sub(1))
        .filter(sign_in_throttle::Column::Key.eq(key))
        .filter(sign_in_throttle::Column::Failures.gt(0))
        .exec(conn)
        .await?;
    Ok(())
}

pub(super) async fn delete_throttle(conn: &Executor, key: String) -> Result<()> {
    sign_in_throttle::Entity::delete_by_id(key).exec(conn).await?;
    Ok(())
}

pub(super) async fn delete_expired_throttles(conn: &Executor, expired: Timestamp) -> Result<()> {
    sign_in_throttle::Entity::delete_many()
        .filter(sign_in_throttle::Column::WindowFrom.lte(expired))
        .exec(conn)
        .await?;
    Ok(())
}

/// Whether an account signed in from a network since then.
pub(super) async fn is_known_device(conn: &Executor, key: &str, since: Timestamp) -> Result<bool> {
    let seen = known_device::Entity::find_by_id(key).filter(known_device::Column::SeenAt.gt(since));
    Ok(seen.one(conn).await?.is_some())
}

/// Remembers a network of an account, and forgets all but the newest `max` of that account.
pub(super) async fn save_known_device(conn: &Executor, row: known_device::Model, max: u64) -> Result<()> {
    let account = row.account.clone();
    let mut replace = OnConflict::column(known_device::Column::Key);
    replace.update_column(known_device::Column::SeenAt);
    known_device::Entity::insert(row.into_active_model()).on_conflict(replace).exec_without_returning(conn).await?;
    let mut newest = Query::select();
    newest
        .column(known_device::Column::Key)
        .from(known_device::Entity)
        .and_where(known_device::Column::Account.eq(account.clone()))
        .order_by(known_device::Column::SeenAt, Order::Desc)
        .order_by(known_device::Column::Key, Order::Desc)
        .limit(max);
    known_device::Entity::delete_many()
        .filter(known_device::Column::Account.eq(account))
        .filter(known_device::Column::Key.not_in_subquery(newest))
        .exec(conn)
        .await?;
    Ok(())
}

pub(super) async fn delete_forgotten_devices(conn: &Executor, seen_by: Timestamp) -> Result<()> {
    known_device::Entity::delete_many().filter(known_device::Column::SeenAt.lte(seen_by)).exec(conn).await?;
    Ok(())
}

/// All signing keys, newest first.
pub(super) async fn signing_keys(conn: &Executor) -> Result<Vec<signing_key::Model>> {
    Ok(signing_key::Entity::find().order_by_desc(signing_key::Column::CreatedAt).all(conn).await?)
}

/// Retires the current signing key and inserts its successor.
pub(super) async fn replace_signing_key(conn: &Executor, kid: String, sealed: Vec<u8>, now: Timestamp) -> Result<()> {
    signing_key::Entity::update_many()
        .col_expr(signing_key::Column::RetiredAt, Expr::value(now))
        .filter(signing_key::Column::RetiredAt.is_null())
        .exec(conn)
        .await?;
    let row =
        signing_key::ActiveModel { kid: Set(kid), sealed: Set(sealed), created_at: Set(now), retired_at: Set(None) };
    signing_key::Entity::insert(row).exec_without_returning(conn).await?;
    Ok(())
}

/// Deletes the signing keys that were retired by then.
pub(super) async fn delete_retired_signing_keys(conn: &Executor, by: Timestamp) -> Result<()> {
    signing_key::Entity::delete_many().filter(signing_key::Column::RetiredAt.lte(by)).exec(conn).await?;
    Ok(())
}

pub(super) async fn api_key(conn: &Executor, id: ApiKeyId) -> Result<Option<ApiKey>> {
    Ok(api_key::Entity::find_by_id(id).one(conn).await?.map(ApiKey::from))
}

pub(super) async fn insert_api_key(conn: &Executor, key: ApiKey, digest: Vec<u8>) -> Result<()> {
    let ApiKey { id, user, hint, scopes, created_at, expires_at, revoked_at, last_used_at } = key;
    let row = api_key::ActiveModel {
        id: Set(id),
        user_id: Set(user),
        digest: Set(digest),
        hint: Set(hint),
        scopes: Set(scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ")),
        created_at: Set(created_at),
        expires_at: Set(expires_at),
        revoked_at: Set(revoked_at),
        last_used_at: Set(last_used_at),
    };
    api_key::Entity::insert(row).exec_without_returning(conn).await?;
    Ok(())
}

pub(super) async fn revoke_api_key(conn: &Executor, id: ApiKeyId, now: Timestamp) -> Result<()> {
    api_key::Entity::update_many()
        .col_expr(api_key::Column::RevokedAt, Expr::value(now))
        .filter(api_key::Column::Id.eq(id))
        .exec(conn)
        .await?;
    Ok(())
}

/// Sets when a key was last used, unless the stored time is after `since`.
pub(super) async fn set_api_key_used(conn: &Executor, id: ApiKeyId, now: Timestamp, since: Timestamp) -> Result<()> {
    let before = Expr::col(api_key::Column::LastUsedAt);
    api_key::Entity::update_many()
        .col_expr(api_key::Column::LastUsedAt, Expr::value(now))
        .filter(api_key::Column::Id.eq(id))
        .filter(before.clone().is_null().or(before.lte(since)))
        .exec(conn)
        .await?;
    Ok(())
}
