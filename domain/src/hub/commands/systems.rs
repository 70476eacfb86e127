//! Joining systems: their accounts, keys, words and secrets.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::decide::secret_text;
use super::super::model::{
    BUOY, HubEvent, IssueApiKey, Issued, Postman, RANK_DEFAULT, RANK_MAX, RegisterSystem, Registered, RevokeApiKey,
    RotateWebhookSecret, Rotated, Shown, StatusWord, System, UpdateSystem, WORDS_MAX,
};
use super::super::{queries, react, store};
use super::{link, no_such_system, reports};
use crate::auth;
use crate::event::Event;
use crate::kernel::text::{self, KEY_CHARS_MAX, NAME_CHARS_MAX};
use crate::kernel::{Code, Refusal, Result, Role, SystemId, days, refuse};
use crate::people::model::CreateUser;
use crate::runtime::{Command, Tx, jobs};
use crate::tickets::model::TicketStatus;

const URL_CHARS_MAX: usize = 2_000;
const SECRET_BYTES: usize = 32;
/// The longest time for which two secrets sign side by side.
const OVERLAP_MAX: std::time::Duration = days(30);

fn words(given: &[StatusWord]) -> Result<Vec<StatusWord>, Refusal> {
    if given.len() > WORDS_MAX {
        return Err(refuse(
            Code::LimitExceeded,
            "statusMap",
            format!("statusMap has {} entries; at most {WORDS_MAX} are allowed.", given.len()),
            format!("statusMap 共 {} 项，最多允许 {WORDS_MAX} 项。", given.len()),
        ));
    }
    let mut seen = HashSet::new();
    given
        .iter()
        .map(|entry| {
            let word = text::line("word", &entry.word, KEY_CHARS_MAX).map_err(|r| r.inside("statusMap"))?;
            if !seen.insert(word.clone()) {
                return Err(refuse(
                    Code::Invalid,
                    "statusMap.word",
                    format!("{word} stands in statusMap twice: a word has one meaning."),
                    format!("statusMap 中 {word} 重复：每个状态词只能对应一种状态。"),
                ));
            }
            if entry.reopens && !(entry.status.is_open() && entry.status != TicketStatus::New) {
                return Err(refuse(
                    Code::Invalid,
                    "statusMap.reopens",
                    format!("{word}: what is taken up again is ASSIGNED, IN_PROGRESS or WAITING."),
                    format!("{word}：重新打开后的状态只能是 ASSIGNED、IN_PROGRESS 或 WAITING。"),
                ));
            }
            Ok(StatusWord { word, ..*entry })
        })
        .collect()
}

fn callback(tx: &Tx, url: &str) -> Result<String, Refusal> {
    let url = text::line("callbackUrl", url, URL_CHARS_MAX)?;
    (tx.app().state::<Postman>().permits)(&url).map_err(|why| {
        refuse(
            Code::Invalid,
            "callbackUrl",
            format!("callbackUrl cannot be called: {why}."),
            format!("callbackUrl 无法回调：{why}。"),
        )
    })?;
    Ok(url)
}

fn rank(given: Option<u32>) -> Result<u32, Refusal> {
    match given.unwrap_or(RANK_DEFAULT) {
        rank @ 1..=RANK_MAX => Ok(rank),
        _ => Err(refuse(
            Code::Invalid,
            "rank",
            format!("rank is 1 (wins a tie) to {RANK_MAX}; 0 is Buoy's own."),
            format!("rank 为 1（同时上报时优先）至 {RANK_MAX}，0 属于 Buoy 自身。"),
        )),
    }
}

async fn new_secret(tx: &Tx, system: SystemId) -> Result<Shown> {
    let mut secret = [0; SECRET_BYTES];
    tx.app().chance.fill(&mut secret);
    store::insert_secret(tx, system, &secret).await?;
    Ok(Shown::once(secret_text(&secret)))
}

async fn saved(tx: &mut Tx, system: &System, fields: &[&str]) -> Result<()> {
    let fields = fields.iter().map(|field| (*field).to_owned()).collect();
    tx.record(Event::Hub(HubEvent::SystemSaved { system: system.id, key: system.key.clone(), fields })).await
}

/// The system of this key, as it is now.
async fn by_key(tx: &Tx, field: &str, key: &str) -> Result<System> {
    let found = store::systems(tx.conn()).await?.into_iter().find(|system| system.key == key.trim());
    found.ok_or_else(|| no_such_system(field, key).into())
}

impl Command for RegisterSystem {
    const NAME: &'static str = "registerSystem";
    type Output = Registered;

    async fn run(&self, tx: &mut Tx) -> Result<Registered> {
        tx.actor().require_admin()?;
        let key = text::key("key", &self.key)?;
        let reserved = key.eq_ignore_ascii_case(BUOY);
        let taken =
            reserved || store::systems(tx.conn()).await?.iter().any(|system| system.key.eq_ignore_ascii_case(&key));
        if taken {
            return Err(refuse(
                Code::AlreadyExists,
                "key",
                format!("{key} is registered already: change it with updateSystem, or choose another key."),
                format!("{key} 已注册，请使用 updateSystem 修改，或换用其他 key。"),
            )
            .into());
        }
        let id = SystemId(tx.new_uuid());
        let name = text::line("name", &self.name, NAME_CHARS_MAX)?;
        let account = CreateUser {
            // No mailbox: an account of a machine.
            email: format!("{id}@system.invalid"),
            name: name.clone(),
            roles: vec![Role::Partner],
            team_keys: Vec::new(),
            skills: Vec::new(),
            products: Vec::new(),
            customer_key: None,
            supervisor: None,
            password_hash: None,
        };
        let system = System {
            id,
            key,
            name,
            rank: rank(self.rank)?,
            callback_url: self.callback_url.as_deref().map(|url| callback(tx, url)).transpose()?,
            words: words(&self.words)?,
            account: account.run(tx).await?,
            created_at: tx.now,
            failing_since: None,
            failures: 0,
            retry_at: None,
            disabled_at: None,
            disabled_because: None,
            clock_offset_millis: None,
            clock_seen_at: None,
        };
        store::insert_system(tx.conn(), &system).await?;
        let webhook_secret = new_secret(tx, id).await?;
        let (_, text) = auth::commands::issue_api_key(tx, system.account, &[], None).await?;
        saved(tx, &system, &["key", "name", "rank", "callbackUrl", "statusMap"]).await?;
        // Tickets that have named it so far are linked.
        let now = tx.now;
        jobs::plant(tx, react::LINK, &id.to_string(), now).await?;
        Ok(Registered { system: id, api_key: Shown::once(text), webhook_secret })
    }
}

impl Command for UpdateSystem {
    const NAME: &'static str = "updateSystem";
    type Output = SystemId;

    async fn run(&self, tx: &mut Tx) -> Result<SystemId> {
        tx.actor().require_admin()?;
        let Self { key, name, rank: new_rank, callback_url, words: new_words, enable } = self;
        let mut system = by_key(tx, "key", key).await?;
        let mut fields = Vec::new();
        if let Some(name) = name {
            system.name = text::line("name", name, NAME_CHARS_MAX)?;
            fields.push("name");
        }
        if new_rank.is_some() {
            system.rank = rank(*new_rank)?;
            fields.push("rank");
        }
        if let Some(url) = callback_url {
            system.callback_url = url.as_deref().map(|url| callback(tx, url)).transpose()?;
            fields.push("callbackUrl");
        }
        if callback_url.is_some() || *enable {
            (system.disabled_at, system.disabled_because) = (None, None);
            (system.failing_since, system.failures, system.retry_at) = (None, 0, None);
            fields.push("enabled");
        }
        store::save_system(tx.conn(), &system).await?;
        if let Some(given) = new_words {
            system.words = words(given)?;
            store::put_words(tx.conn(), system.id, &system.words).await?;
            fields.push("statusMap");
            let now = tx.now;
            jobs::plant(tx, react::REFOLD, &system.id.to_string(), now).await?;
        }
        if system.endpoint().is_some() {
            let now = tx.now;
            jobs::ring_in_lane(tx, react::LANE, &[(react::DELIVER, &system.id.to_string(), now)]).await?;
        }
        saved(tx, &system, &fields).await?;
        Ok(system.id)
    }
}

impl Command for IssueApiKey {
    const NAME: &'static str = "issueApiKey";
    type Output = Issued;

    async fn run(&self, tx: &mut Tx) -> Result<Issued> {
        tx.actor().require_admin()?;
        let system = by_key(tx, "systemKey", &self.system).await?;
        let (key, text) = auth::commands::issue_api_key(tx, system.account, &self.scopes, self.expires_at).await?;
        Ok(Issued { system: system.id, key, text: Shown::once(text) })
    }
}

impl Command for RevokeApiKey {
    const NAME: &'static str = "revokeApiKey";
    type Output = SystemId;

    async fn run(&self, tx: &mut Tx) -> Result<SystemId> {
        tx.actor().require_admin()?;
        let account = auth::commands::revoke_api_key(tx, self.key).await?;
        let system = store::systems(tx.conn()).await?.into_iter().find(|system| system.account == account);
        system.map(|system| system.id).ok_or_else(|| no_such_system("apiKeyId", &account.to_string()).into())
    }
}

impl Command for RotateWebhookSecret {
    const NAME: &'static str = "rotateWebhookSecret";
    type Output = Rotated;

    async fn run(&self, tx: &mut Tx) -> Result<Rotated> {
        tx.actor().require_admin()?;
        if self.overlap > OVERLAP_MAX {
            let max = OVERLAP_MAX.as_secs() / 3_600;
            return Err(refuse(
                Code::Invalid,
                "overlapHours",
                format!("Two secrets sign side by side for {max} h at most."),
                format!("新旧密钥并存最多 {max} 小时。"),
            )
            .into());
        }
        let system = by_key(tx, "systemKey", &self.system).await?;
        store::end_secrets(tx, system.id, tx.now + self.overlap).await?;
        let secret = new_secret(tx, system.id).await?;
        tx.record(Event::Hub(HubEvent::WebhookSecretRotated { system: system.id })).await?;
        Ok(Rotated { system: system.id, secret })
    }
}

async fn of_job(tx: &Tx, subject: &str) -> Result<Option<Arc<System>>> {
    let id: SystemId = subject.parse().map_err(crate::kernel::Error::internal)?;
    Ok(store::systems(tx.conn()).await?.into_iter().find(|system| system.id == id).map(Arc::new))
}

/// Tickets that named a system before it was registered are linked, so many at a time; whether there are more.
pub async fn link_later(tx: &mut Tx, subject: &str) -> Result<bool> {
    let Some(system) = of_job(tx, subject).await? else { return Ok(false) };
    let ids = queries::named_and_not_linked(tx.conn(), &system).await?;
    link(tx, &ids, std::slice::from_ref(&system.key)).await?;
    Ok(ids.len() as u64 == queries::LINK_MAX)
}

/// Words are known now that were not; whether there is more to fold anew.
pub async fn define_words(tx: &mut Tx, subject: &str) -> Result<bool> {
    let Some(system) = of_job(tx, subject).await? else { return Ok(false) };
    reports::refold(tx, &system).await
}
