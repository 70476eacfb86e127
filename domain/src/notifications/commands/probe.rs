//! Whether providers still know us: by asking them, and by what they say of messages.

use crate::credentials;
use crate::credentials::commands::Account;
use crate::kernel::{Error, Result, Role, minutes};
use crate::notifications::model::{Channel, Senders};
use crate::notifications::react;
use crate::people;
use crate::runtime::Tx;
use crate::runtime::jobs::{self, Job, Next, Outcome, Prepared};

/// The first look after a start: by then the secret may be another.
const FIRST: std::time::Duration = minutes(1);

/// What the credential of a channel's account is called.
fn key(channel: Channel) -> String {
    format!("channels.{}", channel.lane())
}

/// At every start: the accounts that the configuration names are watched.
pub async fn plant_probes(tx: &mut Tx) -> Result<()> {
    for channel in Channel::ALL.iter().copied() {
        if tx.app().state::<Senders>().of(channel).is_some() {
            let at = tx.now + FIRST;
            jobs::plant_earlier_in_lane(tx, channel.lane(), &[(react::PROBE, channel.word(), at)]).await?;
        }
    }
    Ok(())
}

/// When it is asked again.
fn next(tx: &Tx) -> Next {
    let every = tx.app().state::<credentials::model::Settings>().probed_every;
    every.map_or(Next::Done, |every| Next::At(tx.now + every))
}

/// The account is known here, with an owner; a secret that was changed is told.
async fn keep(tx: &mut Tx, channel: Channel) -> Result<()> {
    let Some(sender) = tx.app().state::<Senders>().of(channel).cloned() else { return Ok(()) };
    let duty = people::queries::duty::duty(tx.app()).await?;
    // Before there is anybody, nobody can own it.
    let Some(owner) = duty.agents.iter().find(|agent| agent.is(Role::Admin)) else { return Ok(()) };
    let account = Account { key: key(channel), name: sender.account().to_owned(), digest: sender.digest() };
    Box::pin(credentials::commands::keep_account(tx, &account, owner.id)).await
}

/// The first half.
pub async fn prepare_probe(tx: &mut Tx, job: &Job) -> Result<Prepared> {
    let channel = channel_of(job)?;
    let Some(sender) = tx.app().state::<Senders>().of(channel).cloned() else {
        return Ok(Prepared::Ended(Next::Done));
    };
    keep(tx, channel).await?;
    match sender.probe() {
        Some(probe) => Ok(Prepared::Send(probe)),
        None => Ok(Prepared::Ended(next(tx))),
    }
}

/// The second half.
pub async fn settle_probe(tx: &mut Tx, job: &Job, outcome: Outcome) -> Result<Next> {
    let channel = channel_of(job)?;
    match outcome {
        Outcome::Sent { .. } | Outcome::Found(_) => known(tx, channel).await?,
        Outcome::Denied { why } => denied(tx, channel, &why).await?,
        // It may be the network: nothing is known of the credential.
        Outcome::Later { .. } | Outcome::Unknown { .. } | Outcome::Refused { .. } => {}
    }
    Ok(next(tx))
}

fn channel_of(job: &Job) -> Result<Channel> {
    Channel::parse(&job.subject).ok_or_else(|| Error::internal(format!("{:?} is no channel", job.subject)))
}

async fn known(tx: &mut Tx, channel: Channel) -> Result<()> {
    Box::pin(credentials::commands::note_health(tx, &key(channel), None)).await
}

/// The provider does not know us any more: somebody has to hear of it at once.
pub(super) async fn denied(tx: &mut Tx, channel: Channel, why: &str) -> Result<()> {
    keep(tx, channel).await?;
    Box::pin(credentials::commands::note_health(tx, &key(channel), Some(why))).await
}
