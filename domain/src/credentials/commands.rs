//! Saving and rotating credentials.

use super::decide::check;
use super::model::{
    ACCOUNT_KEY_PREFIX, Credential, CredentialEvent, CredentialKind, DIGEST_PART, Parts, RotateCredential,
    SaveCredential,
};
use super::react;
use super::store::{self, credential};
use crate::kernel::text::{self, NAME_CHARS_MAX};
use crate::kernel::{Code, CredentialId, Message, Refusal, Result, Timestamp, UserId, boxed, days, refuse};
use crate::msg;
use crate::runtime::jobs::{self, Schedule};
use crate::runtime::{Command, Tx};

/// The maximum overlap of two secrets.
const OVERLAP_MAX: std::time::Duration = days(30);
const FAILURE_CHARS_MAX: usize = 500;

fn not_found(key: &str) -> Refusal {
    refuse(Code::NotFound, "key", msg!("credentials-not-found", key = key))
}

/// Validates the key: gateways look up their credential by a fixed key, which other kinds must not use.
fn check_key(key: &str, kind: CredentialKind) -> Result<(), Refusal> {
    let reserved = CredentialKind::ALL.iter().find(|kind| kind.key() == Some(key));
    let is_valid = match kind.key() {
        Some(of_kind) => of_kind == key,
        None => reserved.is_none() && key.starts_with(ACCOUNT_KEY_PREFIX) == (kind == CredentialKind::ChannelAccount),
    };
    if is_valid {
        return Ok(());
    }
    let message = match (kind.key(), reserved) {
        (Some(of_kind), _) => msg!("credentials-key-of-kind-required", kind = kind.as_str(), key = of_kind),
        (None, Some(of)) => msg!("credentials-key-of-other-kind", key = key, kind = of.as_str()),
        (None, None) => msg!("credentials-key-prefix-reserved", prefix = ACCOUNT_KEY_PREFIX),
    };
    Err(refuse(Code::Invalid, "key", message))
}

fn managed_in_configuration() -> Refusal {
    refuse(Code::Invalid, "kind", msg!("credentials-managed-in-configuration"))
}

/// A channel account in the configuration.
pub struct Account {
    /// Its key, such as `channels.wecom`.
    pub key: String,
    pub name: String,
    /// The digest of its secret; it changes with the secret.
    pub digest: String,
}

/// Stores a channel account of the configuration, and records a rotation if its secret has changed.
pub async fn sync_account(tx: &mut Tx, account: &Account, owner: UserId) -> Result<()> {
    let Account { key, name, digest } = account;
    let parts = Parts([(DIGEST_PART.to_owned(), digest.clone())].into());
    let Some(mut row) = store::by_key(tx.conn(), key).await? else {
        let row = credential::Model {
            id: CredentialId(tx.new_uuid()),
            key: key.clone(),
            kind: CredentialKind::ChannelAccount.as_str().to_owned(),
            name: name.clone(),
            owner_id: owner,
            expires_at: None,
            created_at: tx.now,
            rotated_at: None,
            warned_days: None,
            failing_since: None,
            failure: None,
            probed_at: None,
        };
        let id = row.id;
        store::put(tx.conn(), row, true).await?;
        store::insert_secret(tx, id, &parts).await?;
        let fields = ["kind", "name", "owner"].map(str::to_owned).to_vec();
        let event = CredentialEvent::Saved { credential: id, key: key.clone(), owner: None, fields };
        return tx.record(event).await;
    };
    let stored = store::secrets(&tx.cx.app, tx.conn(), row.id).await?;
    if row.kind != CredentialKind::ChannelAccount.as_str() || stored.first() == Some(&parts) {
        return Ok(());
    }
    store::end_secrets(tx, row.id, tx.now).await?;
    store::insert_secret(tx, row.id, &parts).await?;
    let (id, owner) = (row.id, row.owner_id);
    row.rotated_at = Some(tx.now);
    store::put(tx.conn(), row, false).await?;
    let event = CredentialEvent::Rotated { credential: id, key: key.clone(), owner, overlap_secs: 0 };
    tx.record(event).await
}

/// Records the health of a credential after a health check or a message; `failure`: the other party rejects it.
pub async fn record_health(tx: &mut Tx, key: &str, failure: Option<&Message>) -> Result<()> {
    let Some(row) = store::by_key(tx.conn(), key).await? else { return Ok(()) };
    let (credential, owner, was_failing) = (row.id, row.owner_id, row.failing_since.is_some());
    let since = failure.map(|_| row.failing_since.unwrap_or(tx.now));
    let failure = failure.map(|why| why.clone().truncated(FAILURE_CHARS_MAX));
    store::update_health(tx, credential, since, failure.as_ref()).await?;
    let key = key.to_owned();
    match (was_failing, since) {
        (false, Some(_)) => tx.record(CredentialEvent::Failing { credential, key, owner }).await,
        (true, None) => tx.record(CredentialEvent::Recovered { credential, key }).await,
        _ => Ok(()),
    }
}

async fn schedule_expiry_check(tx: &mut Tx, id: CredentialId, expires_at: Option<Timestamp>) -> Result<()> {
    let subject = id.to_string();
    match expires_at {
        // Now; the handler reschedules itself for the next warning.
        Some(_) => {
            let now = tx.now;
            jobs::schedule(tx, &[Schedule::new(react::EXPIRY, &subject, now)]).await
        }
        None => jobs::cancel(tx, react::EXPIRY, &subject).await,
    }
}

impl Command for SaveCredential {
    const NAME: &'static str = "saveCredential";
    type Output = CredentialId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<CredentialId> {
        tx.actor().require_admin()?;
        let Self { key, kind, name, owner, expires_at, parts } = self;
        let key = text::key("key", key)?;
        let name = name.as_deref().map(|name| text::line("name", name, NAME_CHARS_MAX)).transpose()?;
        check_key(&key, *kind)?;
        let before = store::by_key(tx.conn(), &key).await?;
        let is_new = before.is_none();
        if *kind == CredentialKind::ChannelAccount && (is_new || parts.is_some()) {
            return Err(managed_in_configuration().into());
        }
        let mut fields = Vec::new();
        let row = match before {
            Some(row) if parts.is_some() => {
                let key = &row.key;
                return Err(refuse(Code::Invalid, "parts", msg!("credentials-rotation-required", key = key)).into());
            }
            Some(row) if row.kind != kind.as_str() => {
                return Err(refuse(
                    Code::Invalid,
                    "kind",
                    msg!("credentials-kind-fixed", key = row.key, kind = row.kind),
                )
                .into());
            }
            Some(mut row) => {
                if let Some(name) = name {
                    row.name = name;
                    fields.push("name");
                }
                if let Some(owner) = owner {
                    row.owner_id = *owner;
                    fields.push("owner");
                }
                if let Some(at) = expires_at {
                    row.expires_at = *at;
                    row.warned_days = None;
                    fields.push("expiresAt");
                }
                row
            }
            None => {
                let required = || refuse(Code::Required, "ownerId", msg!("credentials-owner-required"));
                let owner = owner.or(tx.actor().user_id()).ok_or_else(required)?;
                fields.extend(["kind", "name", "owner", "expiresAt", "secret"]);
                credential::Model {
                    id: CredentialId(tx.new_uuid()),
                    name: name.unwrap_or_else(|| key.clone()),
                    key,
                    kind: kind.as_str().to_owned(),
                    owner_id: owner,
                    expires_at: expires_at.flatten(),
                    created_at: tx.now,
                    rotated_at: None,
                    warned_days: None,
                    failing_since: None,
                    failure: None,
                    probed_at: None,
                }
            }
        };
        let secret = is_new.then(|| check(*kind, parts.as_ref().unwrap_or(&Parts::default()))).transpose()?;
        let (id, key, expires_at) = (row.id, row.key.clone(), row.expires_at);
        let fields = fields.into_iter().map(str::to_owned).collect();
        // First, because the reaction of `people` refuses an unknown owner.
        tx.record(CredentialEvent::Saved { credential: id, key, owner: *owner, fields }).await?;
        store::put(tx.conn(), row, is_new).await?;
        if let Some(secret) = secret {
            store::insert_secret(tx, id, &secret).await?;
        }
        schedule_expiry_check(tx, id, expires_at).await?;
        Ok(id)
    }
}

impl Command for RotateCredential {
    const NAME: &'static str = "rotateCredential";
    type Output = CredentialId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<CredentialId> {
        tx.actor().require_admin()?;
        let Self { key, overlap, expires_at, parts } = self;
        if *overlap > OVERLAP_MAX {
            let max = OVERLAP_MAX.as_secs() / 3_600;
            return Err(
                refuse(Code::Invalid, "overlapHours", msg!("credentials-overlap-too-long", hours_max = max)).into()
            );
        }
        let mut row = store::by_key(tx.conn(), key.trim()).await?.ok_or_else(|| not_found(key))?;
        let Credential { id, kind, owner, .. } = Credential::try_from(row.clone())?;
        if kind == CredentialKind::ChannelAccount {
            return Err(managed_in_configuration().into());
        }
        let parts = check(kind, parts)?;
        store::end_secrets(tx, id, tx.now + *overlap).await?;
        store::insert_secret(tx, id, &parts).await?;
        row.rotated_at = Some(tx.now);
        row.warned_days = None;
        if let Some(at) = expires_at {
            row.expires_at = *at;
        }
        let (key, expires_at) = (row.key.clone(), row.expires_at);
        store::put(tx.conn(), row, false).await?;
        schedule_expiry_check(tx, id, expires_at).await?;
        let event = CredentialEvent::Rotated { credential: id, key, owner, overlap_secs: overlap.as_secs() };
        tx.record(event).await?;
        Ok(id)
    }
}
