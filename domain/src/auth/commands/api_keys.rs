//! API keys of systems: issuing, revoking and recording their use.

use super::super::model::{API_KEY_USE_EVERY, ApiKey, AuthEvent, api_key_digest, api_key_text};
use super::super::store;
use crate::kernel::{ApiKeyId, ApiScope, Code, Result, Timestamp, UserId, boxed, refuse};
use crate::msg;
use crate::runtime::{Ctx, Tx};

/// Issues a key for an account; returns its text, which is shown once.
#[boxed]
pub async fn issue_api_key(
    tx: &mut Tx,
    user: UserId,
    scopes: &[ApiScope],
    expires_at: Option<Timestamp>,
) -> Result<(ApiKeyId, String)> {
    if expires_at.is_some_and(|at| at <= tx.now) {
        return Err(refuse(Code::Invalid, "expiresAt", msg!("auth-api-key-expiry-past")).into());
    }
    let id = ApiKeyId(tx.new_uuid());
    let mut secret = [0; 32];
    tx.app().entropy.fill(&mut secret);
    let text = api_key_text(&secret);
    let mut scopes: Vec<ApiScope> = if scopes.is_empty() { ApiScope::ALL.to_vec() } else { scopes.to_vec() };
    scopes.sort_unstable();
    scopes.dedup();
    let key = ApiKey {
        id,
        user,
        hint: ApiKey::hint_of(&text),
        scopes,
        created_at: tx.now,
        expires_at,
        revoked_at: None,
        last_used_at: None,
    };
    store::insert_api_key(tx.conn(), key, api_key_digest(&text)).await?;
    tx.record(AuthEvent::ApiKeyIssued { key: id, user }).await?;
    Ok((id, text))
}

/// Revokes a key.
#[boxed]
pub async fn revoke_api_key(tx: &mut Tx, id: ApiKeyId) -> Result<UserId> {
    let Some(key) = store::api_key(tx.conn(), id).await? else {
        return Err(refuse(Code::NotFound, "apiKeyId", msg!("auth-api-key-not-found")).into());
    };
    if key.revoked_at.is_none() {
        store::revoke_api_key(tx.conn(), id, tx.now).await?;
        tx.record(AuthEvent::ApiKeyRevoked { key: id, user: key.user }).await?;
    }
    Ok(key.user)
}

/// Records the use of a key, at most once per [`API_KEY_USE_EVERY`].
pub async fn record_api_key_use(cx: &Ctx, id: ApiKeyId) -> Result<()> {
    let tx = cx.begin().await?;
    store::set_api_key_used(tx.conn(), id, tx.now, tx.now - API_KEY_USE_EVERY).await?;
    tx.commit().await
}
