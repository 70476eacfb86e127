//! Keys with which systems come: issued, shown once, revoked.

use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use super::super::model::{API_KEY_USE_EVERY, ApiKey, AuthEvent, api_key_digest, api_key_text};
use super::super::store::api_key;
use crate::event::Event;
use crate::kernel::{ApiKeyId, ApiScope, Code, Result, Timestamp, UserId, refuse};
use crate::runtime::{Ctx, Tx};

/// A new key of an account, and its text, which is shown once.
pub async fn issue_api_key(
    tx: &mut Tx,
    user: UserId,
    scopes: &[ApiScope],
    expires_at: Option<Timestamp>,
) -> Result<(ApiKeyId, String)> {
    if expires_at.is_some_and(|at| at <= tx.now) {
        let en = "expiresAt lies in the past: name a later time, or none.";
        return Err(refuse(Code::Invalid, "expiresAt", en, "expiresAt 已经过去，请填写将来的时间，或不填。").into());
    }
    let id = ApiKeyId(tx.new_uuid());
    let mut secret = [0; 32];
    tx.app().chance.fill(&mut secret);
    let text = api_key_text(&secret);
    let mut scopes: Vec<ApiScope> = if scopes.is_empty() { ApiScope::ALL.to_vec() } else { scopes.to_vec() };
    scopes.sort_unstable();
    scopes.dedup();
    let row = api_key::ActiveModel {
        id: Set(id),
        user_id: Set(user),
        digest: Set(api_key_digest(&text)),
        hint: Set(ApiKey::hint_of(&text)),
        scopes: Set(scopes.iter().map(|scope| scope.word()).collect::<Vec<_>>().join(" ")),
        created_at: Set(tx.now),
        expires_at: Set(expires_at),
        revoked_at: Set(None),
        last_used_at: Set(None),
    };
    api_key::Entity::insert(row).exec_without_returning(tx.conn()).await?;
    tx.record(Event::Auth(AuthEvent::ApiKeyIssued { key: id, user })).await?;
    Ok((id, text))
}

/// Nobody comes in with it any more.
pub async fn revoke_api_key(tx: &mut Tx, id: ApiKeyId) -> Result<UserId> {
    let row = api_key::Entity::find_by_id(id).one(tx.conn()).await?;
    let Some(row) = row else {
        return Err(refuse(Code::NotFound, "apiKeyId", "There is no such key.", "密钥不存在。").into());
    };
    if row.revoked_at.is_none() {
        api_key::Entity::update_many()
            .col_expr(api_key::Column::RevokedAt, Expr::value(tx.now))
            .filter(api_key::Column::Id.eq(id))
            .exec(tx.conn())
            .await?;
        tx.record(Event::Auth(AuthEvent::ApiKeyRevoked { key: id, user: row.user_id })).await?;
    }
    Ok(row.user_id)
}

/// Notes that a key was used, at most once in a while.
pub async fn note_use(cx: &Ctx, id: ApiKeyId) -> Result<()> {
    let tx = cx.begin().await?;
    let before = Expr::col(api_key::Column::LastUsedAt);
    api_key::Entity::update_many()
        .col_expr(api_key::Column::LastUsedAt, Expr::value(tx.now))
        .filter(api_key::Column::Id.eq(id))
        .filter(before.clone().is_null().or(before.lte(tx.now - API_KEY_USE_EVERY)))
        .exec(tx.conn())
        .await?;
    tx.commit().await
}
