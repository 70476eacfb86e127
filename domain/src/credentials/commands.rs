//! Saving and rotating.

use super::decide::check;
use super::model::{
    ACCOUNTS, Credential, CredentialEvent, CredentialKind, DIGEST, Parts, RotateCredential, SaveCredential,
};
use super::react;
use super::store::{self, credential};
use crate::event::Event;
use crate::kernel::text::{self, NAME_CHARS_MAX};
use crate::kernel::{Code, CredentialId, Refusal, Result, Timestamp, UserId, days, refuse};
use crate::runtime::{Command, Tx, jobs};

/// The longest time for which two secrets verify side by side.
const OVERLAP_MAX: std::time::Duration = days(30);
const FAILURE_CHARS_MAX: usize = 500;

fn not_found(key: &str) -> Refusal {
    refuse(
        Code::NotFound,
        "key",
        format!("There is no credential {key}: save it first."),
        format!("没有名为 {key} 的凭据，请先保存。"),
    )
}

/// A gateway finds its credential by the key; so no other kind has it.
fn fits(key: &str, kind: CredentialKind) -> Result<(), Refusal> {
    let named = CredentialKind::ALL.iter().find(|kind| kind.key() == Some(key));
    let fits = match kind.key() {
        Some(of_kind) => of_kind == key,
        None => named.is_none() && key.starts_with(ACCOUNTS) == (kind == CredentialKind::ChannelAccount),
    };
    if fits {
        return Ok(());
    }
    let (en, zh) = match (kind.key(), named) {
        (Some(of_kind), _) => (
            format!("A credential of kind {} has the key {of_kind}.", kind.word()),
            format!("类型 {} 的凭据，key 必须为 {of_kind}。", kind.word()),
        ),
        (None, Some(of)) => (
            format!("{key} is the key of kind {}: choose that kind, or another key.", of.word()),
            format!("{key} 是类型 {} 专用的 key，请选择该类型或换用其他 key。", of.word()),
        ),
        (None, None) => (
            format!("Keys that begin with {ACCOUNTS} are of accounts in the configuration: choose another key."),
            format!("以 {ACCOUNTS} 开头的 key 保留给配置文件中的消息渠道账号，请换用其他 key。"),
        ),
    };
    Err(refuse(Code::Invalid, "key", en, zh))
}

fn of_configuration() -> Refusal {
    refuse(
        Code::Invalid,
        "kind",
        "The secret of an account by which messages leave is in the configuration ([channels]): change it there and restart; who owns it and when it ends are said here.",
        "消息渠道账号的密钥在配置文件（[channels]）中，请在配置中更换并重启；此处只维护负责人和到期日。",
    )
}

/// What is known of an account by which messages leave.
pub struct Account {
    /// Its key, such as `channels.wecom`.
    pub key: String,
    pub name: String,
    /// Of its secret; another one: it was changed.
    pub digest: String,
}

/// An account by which messages leave is kept here with an owner, and a secret that was changed is told.
pub async fn keep_account(tx: &mut Tx, account: &Account, owner: UserId) -> Result<()> {
    let Account { key, name, digest } = account;
    let parts = Parts([(DIGEST.to_owned(), digest.clone())].into());
    let Some(mut row) = store::by_key(tx.conn(), key).await? else {
        let row = credential::Model {
            id: CredentialId(tx.new_uuid()),
            key: key.clone(),
            kind: CredentialKind::ChannelAccount.word().to_owned(),
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
        return tx.record(Event::Credential(event)).await;
    };
    let known = store::secrets(&tx.cx.app, tx.conn(), row.id).await?;
    if row.kind != CredentialKind::ChannelAccount.word() || known.first() == Some(&parts) {
        return Ok(());
    }
    store::end_secrets(tx, row.id, tx.now).await?;
    store::insert_secret(tx, row.id, &parts).await?;
    let (id, owner) = (row.id, row.owner_id);
    row.rotated_at = Some(tx.now);
    store::put(tx.conn(), row, false).await?;
    let event = CredentialEvent::Rotated { credential: id, key: key.clone(), owner, overlap_secs: 0 };
    tx.record(Event::Credential(event)).await
}

/// What the other party said when it was asked, or when something was sent: `failure`: that it does not know the credential.
pub async fn note_health(tx: &mut Tx, key: &str, failure: Option<&str>) -> Result<()> {
    let Some(row) = store::by_key(tx.conn(), key).await? else { return Ok(()) };
    let (credential, owner, was_failing) = (row.id, row.owner_id, row.failing_since.is_some());
    let since = failure.map(|_| row.failing_since.unwrap_or(tx.now));
    let failure = failure.map(|why| why.chars().take(FAILURE_CHARS_MAX).collect::<String>());
    store::note_health(tx, credential, since, failure.as_deref()).await?;
    let key = key.to_owned();
    match (was_failing, since) {
        (false, Some(_)) => tx.record(Event::Credential(CredentialEvent::Failing { credential, key, owner })).await,
        (true, None) => tx.record(Event::Credential(CredentialEvent::Recovered { credential, key })).await,
        _ => Ok(()),
    }
}

async fn watch(tx: &mut Tx, id: CredentialId, expires_at: Option<Timestamp>) -> Result<()> {
    let subject = id.to_string();
    match expires_at {
        // It looks when it is due; what is due already is looked at now.
        Some(_) => {
            let now = tx.now;
            jobs::plant(tx, react::EXPIRY, &subject, now).await
        }
        None => jobs::cancel(tx, react::EXPIRY, &subject).await,
    }
}

impl Command for SaveCredential {
    const NAME: &'static str = "saveCredential";
    type Output = CredentialId;

    async fn run(&self, tx: &mut Tx) -> Result<CredentialId> {
        tx.actor().require_admin()?;
        let Self { key, kind, name, owner, expires_at, parts } = self;
        let key = text::key("key", key)?;
        let name = name.as_deref().map(|name| text::line("name", name, NAME_CHARS_MAX)).transpose()?;
        fits(&key, *kind)?;
        let before = store::by_key(tx.conn(), &key).await?;
        let is_new = before.is_none();
        if *kind == CredentialKind::ChannelAccount && (is_new || parts.is_some()) {
            return Err(of_configuration().into());
        }
        let mut fields = Vec::new();
        let row = match before {
            Some(row) if parts.is_some() => {
                let key = &row.key;
                return Err(refuse(
                    Code::Invalid,
                    "parts",
                    format!("{key} has a secret: give it a new one with rotateCredential, so that the two overlap."),
                    format!("{key} 已有密钥，请用 rotateCredential 更换，以便新旧并存。"),
                )
                .into());
            }
            Some(row) if row.kind != kind.word() => {
                return Err(refuse(
                    Code::Invalid,
                    "kind",
                    format!("{} is {}: a credential keeps its kind.", row.key, row.kind),
                    format!("{} 的类型为 {}，不能更改。", row.key, row.kind),
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
                let required = || {
                    refuse(
                        Code::Required,
                        "ownerId",
                        "Say who owns it: they are warned.",
                        "请指定负责人，以便提前提醒。",
                    )
                };
                let owner = owner.or(tx.actor().user_id()).ok_or_else(required)?;
                fields.extend(["kind", "name", "owner", "expiresAt", "secret"]);
                credential::Model {
                    id: CredentialId(tx.new_uuid()),
                    name: name.unwrap_or_else(|| key.clone()),
                    key,
                    kind: kind.word().to_owned(),
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
        let (id, key, ends) = (row.id, row.key.clone(), row.expires_at);
        let fields = fields.into_iter().map(str::to_owned).collect();
        // Whoever knows people refuses an owner who is not here.
        tx.record(Event::Credential(CredentialEvent::Saved { credential: id, key, owner: *owner, fields })).await?;
        store::put(tx.conn(), row, is_new).await?;
        if let Some(secret) = secret {
            store::insert_secret(tx, id, &secret).await?;
        }
        watch(tx, id, ends).await?;
        Ok(id)
    }
}

impl Command for RotateCredential {
    const NAME: &'static str = "rotateCredential";
    type Output = CredentialId;

    async fn run(&self, tx: &mut Tx) -> Result<CredentialId> {
        tx.actor().require_admin()?;
        let Self { key, overlap, expires_at, parts } = self;
        if *overlap > OVERLAP_MAX {
            let max = OVERLAP_MAX.as_secs() / 3_600;
            return Err(refuse(
                Code::Invalid,
                "overlapHours",
                format!("Two secrets verify side by side for {max} h at most."),
                format!("新旧密钥并存最多 {max} 小时。"),
            )
            .into());
        }
        let mut row = store::by_key(tx.conn(), key.trim()).await?.ok_or_else(|| not_found(key))?;
        let Credential { id, kind, owner, .. } = Credential::try_from(row.clone())?;
        if kind == CredentialKind::ChannelAccount {
            return Err(of_configuration().into());
        }
        let parts = check(kind, parts)?;
        store::end_secrets(tx, id, tx.now + *overlap).await?;
        store::insert_secret(tx, id, &parts).await?;
        row.rotated_at = Some(tx.now);
        row.warned_days = None;
        if let Some(at) = expires_at {
            row.expires_at = *at;
        }
        let (key, ends) = (row.key.clone(), row.expires_at);
        store::put(tx.conn(), row, false).await?;
        watch(tx, id, ends).await?;
        let event = CredentialEvent::Rotated { credential: id, key, owner, overlap_secs: overlap.as_secs() };
        tx.record(Event::Credential(event)).await?;
        Ok(id)
    }
}
