//! Saving policies: each time a new version.

use sea_orm::{ActiveValue::Set, EntityTrait, SqlErr};

use super::model::{DEFAULT, SavePolicy, Settings, SlaEvent, TARGET_SECS_MAX};
use super::queries::read_policies;
use super::store::sla_policy;
use crate::calendar;
use crate::calendar::model::AROUND_THE_CLOCK;
use crate::catalogue;
use crate::catalogue::model::Kind;
use crate::event::Event;
use crate::kernel::text::{NAME_CHARS_MAX, key, line};
use crate::kernel::{Code, Error, Refusal, Result, refuse};
use crate::people;
use crate::runtime::{Command, Tx};

/// A target in seconds.
fn target(field: &str, secs: Option<i32>) -> Result<Option<i64>, Refusal> {
    match secs {
        None => Ok(None),
        Some(secs) if u64::try_from(secs).is_ok_and(|secs| (1..=TARGET_SECS_MAX).contains(&secs)) => {
            Ok(Some(i64::from(secs)))
        }
        Some(_) => Err(refuse(
            Code::Invalid,
            field,
            format!("{field} is at least 1 and at most {TARGET_SECS_MAX} seconds."),
            format!("{field} 至少为 1 秒，最多 {TARGET_SECS_MAX} 秒。"),
        )),
    }
}

impl Command for SavePolicy {
    const NAME: &'static str = "saveSlaPolicy";
    type Output = String;

    async fn run(&self, tx: &mut Tx) -> Result<String> {
        tx.actor().require_admin()?;
        let Self {
            key: given,
            name,
            name_zh,
            archived,
            priorities,
            customer_key,
            issue_type,
            first_response_secs,
            resolution_secs,
            calendar_key,
        } = self;
        let key = key("key", given)?;
        let first_response_secs = target("firstResponseSeconds", *first_response_secs)?;
        let resolution_secs = target("resolutionSeconds", *resolution_secs)?;
        let apart = first_response_secs.zip(resolution_secs).is_some_and(|(first, all)| all < first);
        if apart || (first_response_secs.is_none() && resolution_secs.is_none()) {
            return Err(refuse(
                Code::Invalid,
                "resolutionSeconds",
                "Give firstResponseSeconds, resolutionSeconds or both; a resolution takes no less than a first response.",
                "请给出 firstResponseSeconds、resolutionSeconds 或两者；解决时限不得短于首次响应时限。",
            )
            .into());
        }
        let customer_id = match customer_key {
            Some(key) => Some(people::commands::customer_id(tx.conn(), "customerKey", key).await?),
            None => None,
        };
        let issue_type = match issue_type {
            Some(key) => Some(catalogue::queries::require(tx, Kind::IssueType, "issueType", key).await?.key),
            None => None,
        };
        let calendar_key = calendar::queries::require(tx, "calendarKey", calendar_key).await?.of.key.clone();
        let known = read_policies(tx.conn()).await?;
        let version = known.iter().find(|policy| policy.of.key == key).map_or(1, |policy| policy.of.version + 1);
        let mut words: Vec<&str> = priorities.iter().map(|priority| priority.word()).collect();
        words.sort_unstable();
        words.dedup();
        let row = sla_policy::ActiveModel {
            key: Set(key.clone()),
            version: Set(version),
            name: Set(line("name", name, NAME_CHARS_MAX)?),
            name_zh: Set(name_zh.as_deref().map(|name| line("nameZh", name, NAME_CHARS_MAX)).transpose()?),
            archived: Set(*archived),
            priorities: Set(words.join(",")),
            customer_id: Set(customer_id),
            issue_type: Set(issue_type),
            first_response_secs: Set(first_response_secs),
            resolution_secs: Set(resolution_secs),
            calendar_key: Set(calendar_key),
            saved_at: Set(tx.now),
        };
        match sla_policy::Entity::insert(row).exec_without_returning(tx.conn()).await {
            Ok(_) => {}
            Err(e) if matches!(e.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => return Err(Error::Conflict),
            Err(e) => return Err(e.into()),
        }
        tx.record(Event::Sla(SlaEvent::PolicySaved { key: key.clone(), version })).await?;
        Ok(key)
    }
}

/// Gives an installation without policies the one that it begins with.
pub async fn seed(tx: &mut Tx) -> Result<()> {
    if sla_policy::Entity::find().one(tx.conn()).await?.is_some() {
        return Ok(());
    }
    let within = tx.app().state::<Settings>().first_response_within;
    let save = SavePolicy {
        key: DEFAULT.to_owned(),
        name: "Default".to_owned(),
        name_zh: Some("默认".to_owned()),
        archived: false,
        priorities: Vec::new(),
        customer_key: None,
        issue_type: None,
        first_response_secs: i32::try_from(within.as_secs()).ok(),
        resolution_secs: Some(4 * 60 * 60),
        calendar_key: AROUND_THE_CLOCK.to_owned(),
    };
    save.run(tx).await.map(drop)
}
