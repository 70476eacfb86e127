//! Opening, refreshing and ending sessions; passwords; keys.

mod api_keys;

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use self::api_keys::{issue_api_key, note_use, revoke_api_key};
use super::model::{
    ACCESS_TOKEN_LIFE, AuthEvent, EndReason, Keys, PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, SESSION_LIFE,
    SIGN_IN_FAILURES_PER_ACCOUNT, SIGN_IN_FAILURES_PER_ADDRESS, SIGN_IN_WINDOW, SigningKey, TokenScope, Tokens,
};
use super::store::{password, session, sign_in_throttle, signing_key};
use crate::event::Event;
use crate::kernel::{Code, Error, Message, Refusal, Result, SessionId, Timestamp, TopCode, UserId, refuse};
use crate::runtime::{App, Ctx, Tx, Vault};

/// Argon2id runs on few threads at a time: it takes 19 MiB and some 20 ms of a core each.
static HASHING: Semaphore = Semaphore::const_new(2);

async fn hashing<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let _permit = HASHING.acquire().await.map_err(Error::internal)?;
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

pub fn check_password(field: &str, password: &str) -> Result<(), Refusal> {
    let chars = password.chars().count();
    if chars < PASSWORD_CHARS_MIN {
        return Err(refuse(
            Code::Invalid,
            field,
            format!("A password has at least {PASSWORD_CHARS_MIN} characters."),
            format!("密码至少需要 {PASSWORD_CHARS_MIN} 个字符。"),
        ));
    }
    if chars > PASSWORD_CHARS_MAX {
        return Err(refuse(
            Code::TooLong,
            field,
            format!("A password has at most {PASSWORD_CHARS_MAX} characters."),
            format!("密码最多 {PASSWORD_CHARS_MAX} 个字符。"),
        ));
    }
    Ok(())
}

/// The argon2id hash of a password; outside any transaction.
pub async fn hash_password(cx: &Ctx, password: &str) -> Result<String> {
    let mut salt = [0; 16];
    cx.app.chance.fill(&mut salt);
    let password = password.to_owned();
    hashing(move || {
        Argon2::default()
            .hash_password_with_salt(password.as_bytes(), &salt)
            .map(|hash| hash.to_string())
            .map_err(Error::internal)
    })
    .await?
}

/// Whether the password is this person's. For nobody (`None`) it takes as long, and is never right.
pub async fn verify_password(cx: &Ctx, user: Option<UserId>, given: &str) -> Result<bool> {
    let stored = match user {
        Some(user) => password::Entity::find_by_id(user).one(cx.read()).await?.map(|row| row.hash),
        None => None,
    };
    let given = given.to_owned();
    hashing(move || {
        // A hash of nobody's password: an unknown address answers as slowly as a wrong password.
        const NOBODY: &str =
            "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let known = stored.is_some();
        let hash = stored.as_deref().unwrap_or(NOBODY);
        PasswordHash::new(hash)
            .map(|hash| Argon2::default().verify_password(given.as_bytes(), &hash).is_ok() && known)
            .map_err(Error::internal)
    })
    .await?
}

pub async fn set_password(tx: &mut Tx, user: UserId, hash: String) -> Result<()> {
    let row = password::ActiveModel { user_id: Set(user), hash: Set(hash), changed_at: Set(tx.now) };
    let mut replace = OnConflict::column(password::Column::UserId);
    replace.update_columns([password::Column::Hash, password::Column::ChangedAt]);
    password::Entity::insert(row).on_conflict(replace).exec_without_returning(tx.conn()).await?;
    tx.record(Event::Auth(AuthEvent::PasswordChanged { user })).await
}

/// Nobody signs in with it any more.
pub async fn forget_password(tx: &Tx, user: UserId) -> Result<()> {
    password::Entity::delete_by_id(user).exec(tx.conn()).await?;
    Ok(())
}

/// Ends every session of a person.
pub async fn end_sessions(tx: &mut Tx, user: UserId, reason: EndReason) -> Result<()> {
    let open = session::Entity::find()
        .filter(session::Column::UserId.eq(user))
        .filter(session::Column::RevokedAt.is_null())
        .all(tx.conn())
        .await?;
    session::Entity::update_many()
        .col_expr(session::Column::RevokedAt, Expr::value(tx.now))
        .filter(session::Column::UserId.eq(user))
        .filter(session::Column::RevokedAt.is_null())
        .exec(tx.conn())
        .await?;
    for row in open {
        tx.record(Event::Auth(AuthEvent::SessionEnded { session: row.id, user, reason })).await?;
    }
    Ok(())
}

pub async fn end_session(tx: &mut Tx, id: SessionId, user: UserId, reason: EndReason) -> Result<()> {
    session::Entity::update_many()
        .col_expr(session::Column::RevokedAt, Expr::value(tx.now))
        .filter(session::Column::Id.eq(id))
        .exec(tx.conn())
        .await?;
    tx.record(Event::Auth(AuthEvent::SessionEnded { session: id, user, reason })).await
}

pub async fn open_session(tx: &mut Tx, user: UserId) -> Result<Tokens> {
    let id = SessionId(tx.new_uuid());
    let (refresh, digest) = new_refresh_token(tx, id);
    let row = session::ActiveModel {
        id: Set(id),
        user_id: Set(user),
        refresh_digest: Set(digest),
        created_at: Set(tx.now),
        expires_at: Set(tx.now + SESSION_LIFE),
        revoked_at: Set(None),
    };
    session::Entity::insert(row).exec_without_returning(tx.conn()).await?;
    tx.record(Event::Auth(AuthEvent::SessionOpened { session: id, user })).await?;
    tokens(tx, id, user, refresh)
}

fn tokens(tx: &Tx, session: SessionId, user: UserId, refresh: String) -> Result<Tokens> {
    let (access, expires_at) = tx
        .app()
        .state::<Keys>()
        .sign(user, session, TokenScope::Full, tx.now)
        .ok_or_else(|| Error::internal("there is no signing key"))?;
    Ok(Tokens { access, refresh, expires_at, session })
}

/// A token of somebody's session with which a page of another site may read what waits for them.
pub fn todo_token(cx: &Ctx) -> Result<(String, Timestamp)> {
    let person = cx.actor.person().ok_or_else(Error::unauthenticated)?;
    let session = person.session.ok_or_else(Error::unauthenticated)?;
    let keys = cx.app.state::<Keys>();
    keys.sign(person.id, session, TokenScope::TodoRead, cx.now())
        .ok_or_else(|| Error::internal("there is no signing key"))
}

fn new_refresh_token(tx: &Tx, id: SessionId) -> (String, Vec<u8>) {
    let mut secret = [0; 32];
    tx.app().chance.fill(&mut secret);
    let token = URL_SAFE_NO_PAD.encode([id.0.as_bytes().as_slice(), &secret].concat());
    (token, Sha256::digest(secret).to_vec())
}

/// What showing a refresh token came to.
pub enum Refreshed {
    Open(Tokens, UserId),
    /// It is over, revoked, unknown or was used before; the transaction may have ended its session: commit it.
    Over,
}

/// Each refresh token works once. One shown again ends the session: it may have been stolen.
pub async fn refresh_session(tx: &mut Tx, token: &str) -> Result<Refreshed> {
    let Some((id, secret)) = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| {
        let (id, secret) = bytes.split_first_chunk::<16>()?;
        (secret.len() == 32).then(|| (SessionId(Uuid::from_bytes(*id)), secret.to_vec()))
    }) else {
        return Ok(Refreshed::Over);
    };
    let Some(row) = session::Entity::find_by_id(id).one(tx.conn()).await? else { return Ok(Refreshed::Over) };
    if row.revoked_at.is_some() || row.expires_at <= tx.now {
        return Ok(Refreshed::Over);
    }
    let given = Sha256::digest(&secret);
    if !bool::from(given.as_slice().ct_eq(&row.refresh_digest)) {
        end_session(tx, id, row.user_id, EndReason::RefreshTokenReused).await?;
        return Ok(Refreshed::Over);
    }
    let (refresh, digest) = new_refresh_token(tx, id);
    let updated = session::Entity::update_many()
        .col_expr(session::Column::RefreshDigest, Expr::value(digest))
        .filter(session::Column::Id.eq(id))
        .filter(session::Column::RefreshDigest.eq(row.refresh_digest))
        .exec(tx.conn())
        .await?;
    if updated.rows_affected == 0 {
        return Err(Error::Conflict); // the same token, twice at the same moment
    }
    Ok(Refreshed::Open(tokens(tx, id, row.user_id, refresh)?, row.user_id))
}

/// Counts an attempt before it is looked at, so that no number of attempts at once gets round the limit; refuses one
/// beyond it. Whoever then proves right is forgiven.
pub async fn count_attempt(cx: &Ctx, account: &str, address: Option<&str>) -> Result<()> {
    let tx = cx.begin().await?;
    let mut wait = None;
    for (key, max) in throttle_keys(account, address) {
        let row = count(&tx, key).await?;
        if row.failures > max {
            let until = row.window_from + SIGN_IN_WINDOW;
            wait = Ord::max(wait, Some(until.seconds_since(tx.now) / 60 + 1));
        }
    }
    tx.commit().await?;
    let Some(wait) = wait else { return Ok(()) };
    Err(Error::Top {
        code: TopCode::RateLimited,
        message: Message::new(
            format!("Too many failed sign-ins: try again in {wait} min."),
            format!("登录失败次数过多，请在 {wait} 分钟后重试。"),
        ),
    })
}

/// One more within the window, in one statement.
async fn count(tx: &Tx, key: String) -> Result<sign_in_throttle::Model> {
    use sign_in_throttle::Column::{Failures, Key, WindowFrom};
    let row = sign_in_throttle::ActiveModel { key: Set(key), failures: Set(1), window_from: Set(tx.now) };
    let kept = |column| Expr::col((sign_in_throttle::Entity, column));
    let is_over = || kept(WindowFrom).lte(tx.now - SIGN_IN_WINDOW);
    let mut again = OnConflict::column(Key);
    again
        .value(Failures, Expr::case(is_over(), 1).finally(kept(Failures).add(1)))
        .value(WindowFrom, Expr::case(is_over(), tx.now).finally(kept(WindowFrom)));
    Ok(sign_in_throttle::Entity::insert(row).on_conflict(again).exec_with_returning(tx.conn()).await?)
}

fn throttle_keys(account: &str, address: Option<&str>) -> Vec<(String, i32)> {
    // Digests: what somebody typed into the wrong field is not kept.
    let key = |kind: &str, text: &str| format!("{kind}:{}", hex::encode(&Sha256::digest(text)[..16]));
    let mut keys = vec![(key("account", account), SIGN_IN_FAILURES_PER_ACCOUNT)];
    keys.extend(address.map(|address| (key("address", address), SIGN_IN_FAILURES_PER_ADDRESS)));
    keys
}

/// Takes an attempt back that proved right: the account's are forgotten, the address has one less.
pub async fn forgive(tx: &Tx, account: &str, address: Option<&str>) -> Result<()> {
    for (place, (key, _)) in throttle_keys(account, address).into_iter().enumerate() {
        if place == 0 {
            sign_in_throttle::Entity::delete_by_id(key).exec(tx.conn()).await?;
            continue;
        }
        sign_in_throttle::Entity::update_many()
            .col_expr(sign_in_throttle::Column::Failures, Expr::col(sign_in_throttle::Column::Failures).sub(1))
            .filter(sign_in_throttle::Column::Key.eq(key))
            .exec(tx.conn())
            .await?;
    }
    Ok(())
}

const PURPOSE: &str = "signing-key";

/// Makes a new signing key; the one before verifies until its last token has ended.
pub async fn rotate_signing_key(tx: &mut Tx) -> Result<String> {
    let mut secret = [0; 32];
    tx.app().chance.fill(&mut secret);
    let kid = tx.new_uuid().simple().to_string()[20..].to_owned();
    let sealed = tx.app().state::<Vault>().seal(PURPOSE, &secret, &*tx.app().chance);
    signing_key::Entity::update_many()
        .col_expr(signing_key::Column::RetiredAt, Expr::value(tx.now))
        .filter(signing_key::Column::RetiredAt.is_null())
        .exec(tx.conn())
        .await?;
    let row = signing_key::ActiveModel {
        kid: Set(kid.clone()),
        sealed: Set(sealed),
        created_at: Set(tx.now),
        retired_at: Set(None),
    };
    signing_key::Entity::insert(row).exec_without_returning(tx.conn()).await?;
    tx.record(Event::Auth(AuthEvent::SigningKeyRotated { kid: kid.clone() })).await?;
    Ok(kid)
}

/// Loads the keys into memory; makes the first one on an empty database.
pub async fn load_signing_keys(app: &std::sync::Arc<App>) -> Result<()> {
    let keys = app.state::<Keys>();
    keys.replace(read_keys(app).await?);
    if keys.is_empty() {
        let mut tx = Ctx::system(app).begin().await?;
        rotate_signing_key(&mut tx).await?;
        tx.commit().await?;
        keys.replace(read_keys(app).await?);
    }
    Ok(())
}

/// Keeps the keys in memory those of the database, until stopped.
pub async fn keep_signing_keys(app: std::sync::Arc<App>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = app.state::<Keys>().reload_called() => {}
            () = stop.cancelled() => return,
        }
        match read_keys(&app).await {
            Ok(keys) => app.state::<Keys>().replace(keys),
            Err(error) => tracing::error!(%error, "the signing keys cannot be read; keeping those in memory"),
        }
    }
}

async fn read_keys(app: &App) -> Result<Vec<SigningKey>> {
    use sea_orm::QueryOrder as _;
    let rows = signing_key::Entity::find().order_by_desc(signing_key::Column::CreatedAt).all(app.db.read()).await?;
    let vault = app.state::<Vault>();
    rows.into_iter()
        .map(|row| {
            let signing_key::Model { kid, sealed, created_at: _, retired_at } = row;
            Ok(SigningKey { kid, secret: vault.unseal(PURPOSE, &sealed)?, retired_at })
        })
        .collect()
}

/// Clears what nobody can use any more; part of the sweep.
pub async fn forget_ended(tx: &Tx) -> Result<()> {
    session::Entity::delete_many().filter(session::Column::ExpiresAt.lte(tx.now)).exec(tx.conn()).await?;
    sign_in_throttle::Entity::delete_many()
        .filter(sign_in_throttle::Column::WindowFrom.lte(tx.now - SIGN_IN_WINDOW))
        .exec(tx.conn())
        .await?;
    let over: Timestamp = tx.now - ACCESS_TOKEN_LIFE;
    signing_key::Entity::delete_many().filter(signing_key::Column::RetiredAt.lte(over)).exec(tx.conn()).await?;
    Ok(())
}
