//! Saves policies; each save creates a version.

use std::time::Duration;

use super::model::{
    Conditions, DEFAULT, DefaultFirstResponse, Policy, PolicyRef, SavePolicy, SlaEvent, TARGET_SECS_MAX,
};
use super::queries::read_policies;
use super::store;
use crate::calendar;
use crate::calendar::model::AROUND_THE_CLOCK;
use crate::catalogue;
use crate::catalogue::model::Kind;
use crate::kernel::text::{NAME_CHARS_MAX, key, line};
use crate::kernel::{Code, Refusal, Result, boxed, refuse};
use crate::msg;
use crate::people;
use crate::runtime::{Command, Tx};

/// Checks a target in seconds.
fn target(field: &str, secs: Option<i32>) -> Result<Option<Duration>, Refusal> {
    let Some(secs) = secs else { return Ok(None) };
    match u64::try_from(secs) {
        Ok(secs) if (1..=TARGET_SECS_MAX).contains(&secs) => Ok(Some(Duration::from_secs(secs))),
        _ => Err(refuse(
            Code::Invalid,
            field,
            msg!("sla-target-out-of-range", field = field, seconds_max = TARGET_SECS_MAX),
        )),
    }
}

impl Command for SavePolicy {
    const NAME: &'static str = "saveSlaPolicy";
    type Output = String;

    #[boxed]
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
        let first_response = target("firstResponseSeconds", *first_response_secs)?;
        let resolution = target("resolutionSeconds", *resolution_secs)?;
        let contradictory = first_response.zip(resolution).is_some_and(|(first, all)| all < first);
        if contradictory || (first_response.is_none() && resolution.is_none()) {
            return Err(refuse(Code::Invalid, "resolutionSeconds", msg!("sla-targets-invalid")).into());
        }
        let customer = match customer_key {
            Some(key) => Some(people::commands::customer_id(tx.conn(), "customerKey", key).await?),
            None => None,
        };
        let issue_type = match issue_type {
            Some(key) => Some(catalogue::queries::require(tx, Kind::IssueType, "issueType", key).await?.key),
            None => None,
        };
        let calendar = calendar::queries::require(tx, "calendarKey", calendar_key).await?.of.key.clone();
        let known = read_policies(tx.conn()).await?;
        let version = known.iter().find(|policy| policy.of.key == key).map_or(1, |policy| policy.of.version + 1);
        let policy = Policy {
            of: PolicyRef { key: key.clone(), version },
            name: line("name", name, NAME_CHARS_MAX)?,
            name_zh: name_zh.as_deref().map(|name| line("nameZh", name, NAME_CHARS_MAX)).transpose()?,
            archived: *archived,
            conditions: Conditions { priorities: priorities.clone(), customer, issue_type },
            first_response,
            resolution,
            calendar,
        };
        store::insert_policy(tx.conn(), policy, tx.now).await?;
        tx.record(SlaEvent::PolicySaved { key: key.clone(), version }).await?;
        Ok(key)
    }
}

/// Creates the default policy if there is none.
#[boxed]
pub async fn seed(tx: &mut Tx) -> Result<()> {
    if store::has_policies(tx.conn()).await? {
        return Ok(());
    }
    let within = tx.app().state::<DefaultFirstResponse>().0;
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
