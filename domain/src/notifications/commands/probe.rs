//! Checks the channels' credentials: by probes, and by the outcomes of messages.

use crate::credentials;
use crate::credentials::commands::Account;
use crate::kernel::{Error, Message, Result, Role, boxed, minutes};
use crate::notifications::model::{Channel, PROBE_JOB, Senders};
use crate::people;
use crate::runtime::Tx;
use crate::runtime::jobs::{self, IfScheduled, Job, Next, Schedule, SendAttempt};
use crate::runtime::ports::Outcome;

/// The delay of the first probe after a start. The configured secret may have changed before the start.
const FIRST_PROBE_AFTER: std::time::Duration = minutes(1);

/// The key of the credential of a channel's account.
fn credential_key(channel: Channel) -> String {
    format!("channels.{}", channel.queue())
}

/// Schedules the probes of all configured accounts, at every start.
#[boxed]
pub async fn schedule_probes(tx: &mut Tx) -> Result<()> {
    for channel in Channel::ALL.iter().copied() {
        if tx.app().state::<Senders>().of(channel).is_some() {
            let at = tx.now + FIRST_PROBE_AFTER;
            jobs::schedule(
                tx,
                &[Schedule::new(PROBE_JOB, channel.as_str(), at)
                    .in_queue(channel.queue())
                    .if_scheduled(IfScheduled::KeepEarlier)],
            )
            .await?;
        }
    }
    Ok(())
}

/// When the next probe runs.
fn next_probe(tx: &Tx) -> Next {
    let every = tx.app().state::<credentials::model::Settings>().probe_interval();
    every.map_or(Next::Done, |every| Next::At(tx.now + every))
}

/// Registers the account as a credential with an owner; a changed secret is recorded.
async fn register_account(tx: &mut Tx, channel: Channel) -> Result<()> {
    let Some(sender) = tx.app().state::<Senders>().of(channel).cloned() else { return Ok(()) };
    let availability = people::queries::availability::current(tx.app()).await?;
    // Without any administrator there is no owner.
    let Some(owner) = availability.agents.iter().find(|agent| agent.is(Role::Admin)) else { return Ok(()) };
    let account =
        Account { key: credential_key(channel), name: sender.account().to_owned(), digest: sender.secret_digest() };
    Box::pin(credentials::commands::sync_account(tx, &account, owner.id)).await
}

/// Registers the account and prepares the probe.
#[boxed]
pub async fn begin_probe(tx: &mut Tx, job: &Job) -> Result<SendAttempt> {
    let channel = channel_of(job)?;
    let Some(sender) = tx.app().state::<Senders>().of(channel).cloned() else {
        return Ok(SendAttempt::Skip(Next::Done));
    };
    register_account(tx, channel).await?;
    match sender.probe(tx.now) {
        Some(probe) => Ok(SendAttempt::Send(probe)),
        None => Ok(SendAttempt::Skip(next_probe(tx))),
    }
}

/// Records the outcome of a probe.
#[boxed]
pub async fn complete_probe(tx: &mut Tx, job: &Job, outcome: Outcome) -> Result<Next> {
    let channel = channel_of(job)?;
    match outcome {
        Outcome::Sent { .. } | Outcome::Completed(_) => record_accepted(tx, channel).await?,
        Outcome::AuthFailed { why } => record_denied(tx, channel, &why).await?,
        // The cause may be the network: this says nothing about the credential.
        _ => {}
    }
    Ok(next_probe(tx))
}

fn channel_of(job: &Job) -> Result<Channel> {
    job.subject.parse::<Channel>().map_err(|_| Error::internal(format!("{:?} is no channel", job.subject)))
}

async fn record_accepted(tx: &mut Tx, channel: Channel) -> Result<()> {
    Box::pin(credentials::commands::record_health(tx, &credential_key(channel), None)).await
}

/// Records that the provider denies the credential, which alerts its owner.
pub(super) async fn record_denied(tx: &mut Tx, channel: Channel, why: &Message) -> Result<()> {
    register_account(tx, channel).await?;
    Box::pin(credentials::commands::record_health(tx, &credential_key(channel), Some(why))).await
}
