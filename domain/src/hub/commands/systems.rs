//! Registered systems: their accounts, API keys, status maps and webhook secrets.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::model::{
    BUOY, HubEvent, IssueApiKey, IssuedApiKey, LINK_JOB, OneTimeSecret, RANK_DEFAULT, RANK_MAX, REBUILD_JOB,
    RegisterSystem, RegisteredSystem, RevokeApiKey, RotateWebhookSecret, RotatedSecret, STATUS_MAP_MAX, StatusMapping,
    System, UpdateSystem,
};
use super::super::{queries, store};
use super::{link, no_such_system, reports};
use crate::kernel::text::{self, KEY_CHARS_MAX, NAME_CHARS_MAX};
use crate::kernel::{Code, Refusal, Result, Role, SystemId, boxed, refuse};
use crate::msg;
use crate::people::model::CreateUser;
use crate::runtime::jobs::{self, Schedule};
use crate::runtime::{Command, Tx};
use crate::tickets::model::TicketStatus;
use crate::webhooks::decide::rotate;
use crate::webhooks::model::Endpoint;
use crate::{auth, webhooks};

fn valid_status_map(given: &[StatusMapping]) -> Result<Vec<StatusMapping>, Refusal> {
    if given.len() > STATUS_MAP_MAX {
        return Err(refuse(
            Code::LimitExceeded,
            "statusMap",
            msg!("hub-status-map-too-large", count = given.len(), max = STATUS_MAP_MAX),
        ));
    }
    let mut seen = HashSet::new();
    given
        .iter()
        .map(|entry| {
            let source_status =
                text::line("word", &entry.source_status, KEY_CHARS_MAX).map_err(|r| r.inside("statusMap"))?;
            if !seen.insert(source_status.clone()) {
                return Err(refuse(
                    Code::Invalid,
                    "statusMap.word",
                    msg!("hub-status-map-duplicate", source_status = source_status),
                ));
            }
            if entry.reopens && !(entry.status.is_open() && entry.status != TicketStatus::New) {
                return Err(refuse(
                    Code::Invalid,
                    "statusMap.reopens",
                    msg!("hub-status-map-reopen-invalid", source_status = source_status),
                ));
            }
            Ok(StatusMapping { source_status, ..*entry })
        })
        .collect()
}

fn valid_callback_url(tx: &Tx, url: &str) -> Result<String, Refusal> {
    webhooks::commands::valid_url(tx, "callbackUrl", url)
}

fn valid_rank(given: Option<u32>) -> Result<u32, Refusal> {
    match given.unwrap_or(RANK_DEFAULT) {
        rank @ 1..=RANK_MAX => Ok(rank),
        _ => Err(refuse(Code::Invalid, "rank", msg!("hub-rank-out-of-range", max = RANK_MAX))),
    }
}

async fn record_saved(tx: &mut Tx, system: &System, fields: &[&str]) -> Result<()> {
    let fields = fields.iter().map(|field| (*field).to_owned()).collect();
    tx.record(HubEvent::SystemSaved { system: system.id, key: system.key.clone(), fields }).await
}

/// The system with this key, from the database.
async fn by_key(tx: &Tx, field: &str, key: &str) -> Result<System> {
    let found = store::systems(tx.conn()).await?.into_iter().find(|system| system.key == key.trim());
    found.ok_or_else(|| no_such_system(field, key).into())
}

impl Command for RegisterSystem {
    const NAME: &'static str = "registerSystem";
    type Output = RegisteredSystem;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<RegisteredSystem> {
        tx.actor().require_admin()?;
        let key = text::key("key", &self.key)?;
        let reserved = key.eq_ignore_ascii_case(BUOY);
        let exists =
            reserved || store::systems(tx.conn()).await?.iter().any(|system| system.key.eq_ignore_ascii_case(&key));
        if exists {
            return Err(refuse(Code::AlreadyExists, "key", msg!("hub-system-exists", key = key)).into());
        }
        let id = SystemId(tx.new_uuid());
        let name = text::line("name", &self.name, NAME_CHARS_MAX)?;
        let account = CreateUser {
            // Not a mailbox: the account belongs to a machine.
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
            rank: valid_rank(self.rank)?,
            endpoint: Endpoint::new(self.callback_url.as_deref().map(|url| valid_callback_url(tx, url)).transpose()?),
            status_map: valid_status_map(&self.status_map)?,
            account: account.run(tx).await?,
            created_at: tx.now,
            clock_offset_millis: None,
            clock_seen_at: None,
        };
        store::insert_system(tx.conn(), &system).await?;
        let webhook_secret = OneTimeSecret::new(webhooks::commands::create_secret(tx, &system).await?);
        let (_, text) = auth::commands::issue_api_key(tx, system.account, &[], None).await?;
        record_saved(tx, &system, &["key", "name", "rank", "callbackUrl", "statusMap"]).await?;
        // Links the tickets that reference it already.
        let now = tx.now;
        jobs::schedule(tx, &[Schedule::new(LINK_JOB, &id.to_string(), now)]).await?;
        Ok(RegisteredSystem { system: id, api_key: OneTimeSecret::new(text), webhook_secret })
    }
}

impl Command for UpdateSystem {
    const NAME: &'static str = "updateSystem";
    type Output = SystemId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<SystemId> {
        tx.actor().require_admin()?;
        let Self { key, name, rank: new_rank, callback_url, status_map: new_status_map, enable } = self;
        let mut system = by_key(tx, "key", key).await?;
        let mut fields = Vec::new();
        if let Some(name) = name {
            system.name = text::line("name", name, NAME_CHARS_MAX)?;
            fields.push("name");
        }
        if new_rank.is_some() {
            system.rank = valid_rank(*new_rank)?;
            fields.push("rank");
        }
        if let Some(url) = callback_url {
            system.endpoint.url = url.as_deref().map(|url| valid_callback_url(tx, url)).transpose()?;
            fields.push("callbackUrl");
        }
        if callback_url.is_some() || *enable {
            system.endpoint = Endpoint::new(system.endpoint.url.take());
            fields.push("enabled");
        }
        store::save_system(tx.conn(), &system).await?;
        if let Some(given) = new_status_map {
            system.status_map = valid_status_map(given)?;
            store::put_status_map(tx.conn(), system.id, &system.status_map).await?;
            fields.push("statusMap");
            let now = tx.now;
            jobs::schedule(tx, &[Schedule::new(REBUILD_JOB, &system.id.to_string(), now)]).await?;
        }
        if system.endpoint.active_url().is_some() {
            let now = tx.now;
            webhooks::commands::schedule_runs::<System>(tx, vec![(system.id.0, now)]).await?;
        }
        record_saved(tx, &system, &fields).await?;
        Ok(system.id)
    }
}

impl Command for IssueApiKey {
    const NAME: &'static str = "issueApiKey";
    type Output = IssuedApiKey;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<IssuedApiKey> {
        tx.actor().require_admin()?;
        let system = by_key(tx, "systemKey", &self.system).await?;
        let (key, text) = auth::commands::issue_api_key(tx, system.account, &self.scopes, self.expires_at).await?;
        Ok(IssuedApiKey { system: system.id, key, text: OneTimeSecret::new(text) })
    }
}

impl Command for RevokeApiKey {
    const NAME: &'static str = "revokeApiKey";
    type Output = SystemId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<SystemId> {
        tx.actor().require_admin()?;
        let account = auth::commands::revoke_api_key(tx, self.key).await?;
        let system = store::systems(tx.conn()).await?.into_iter().find(|system| system.account == account);
        system.map(|system| system.id).ok_or_else(|| no_such_system("apiKeyId", &account.to_string()).into())
    }
}

impl Command for RotateWebhookSecret {
    const NAME: &'static str = "rotateWebhookSecret";
    type Output = RotatedSecret;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<RotatedSecret> {
        tx.actor().require_admin()?;
        let expires_at = rotate("overlapHours", self.overlap, tx.now)?;
        let system = by_key(tx, "systemKey", &self.system).await?;
        let secret = OneTimeSecret::new(webhooks::commands::rotate_secret(tx, &system, expires_at).await?);
        tx.record(HubEvent::WebhookSecretRotated { system: system.id }).await?;
        Ok(RotatedSecret { system: system.id, secret })
    }
}

async fn system_of_job(tx: &Tx, subject: &str) -> Result<Option<Arc<System>>> {
    let id: SystemId = subject.parse().map_err(crate::kernel::Error::internal)?;
    Ok(store::systems(tx.conn()).await?.into_iter().find(|system| system.id == id).map(Arc::new))
}

/// Links some tickets that referenced a system before it was registered; returns whether there are more.
pub async fn link_existing_tickets(tx: &mut Tx, subject: &str) -> Result<bool> {
    let Some(system) = system_of_job(tx, subject).await? else { return Ok(false) };
    let ids = queries::unlinked_tickets(tx.conn(), &system).await?;
    link(tx, &ids, std::slice::from_ref(&system.key)).await?;
    Ok(ids.len() as u64 == queries::LINK_MAX)
}

/// Rebuilds some tickets after a change of the status map; returns whether there are more.
pub async fn rebuild_tickets(tx: &mut Tx, subject: &str) -> Result<bool> {
    let Some(system) = system_of_job(tx, subject).await? else { return Ok(false) };
    reports::rebuild(tx, &system).await
}
