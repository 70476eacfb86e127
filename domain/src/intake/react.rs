//! Alerts about gateways.

use super::commands;
use super::model::{Gateway, IntakeEvent, MONITOR_JOB, PURGE_MAX, Settings};
use super::{queries, store};
use crate::credentials::model::CredentialEvent;
use crate::kernel::{Result, boxed};
use crate::people::model::PeopleEvent;
use crate::runtime::jobs::{self, IfScheduled, Schedule};
use crate::runtime::{AnyEvent, Tx};
use crate::tickets::model::{Fact, TicketEvent};
use crate::{credentials, notifications};

/// In the transaction of the event: notifies administrators, and the owner of the credential, of what fails at a gateway.
#[boxed]
pub async fn on_event(tx: &mut Tx, event: &AnyEvent) -> Result<()> {
    if let Some(CredentialEvent::Failing { key, owner, .. }) = event.get() {
        let alert = commands::alert_key(key, "CREDENTIAL_FAILING", tx.now);
        return notifications::react::on_gateway_failing(tx, key, "CREDENTIAL_FAILING", &alert, Some(*owner)).await;
    }
    // What was redacted does not stay in the original.
    if let Some(TicketEvent { ticket, fact: Fact::Redacted { .. }, .. }) = event.get() {
        return store::originals::delete_originals_of(tx.conn(), *ticket).await;
    }
    if let Some(PeopleEvent::UserRedacted { user }) = event.get() {
        return store::originals::delete_originals_of_requester(tx.conn(), *user).await;
    }
    match event.get() {
        Some(IntakeEvent::Quarantined { gateway, reason, .. }) => {
            match queries::should_alert(tx.conn(), *gateway, *reason, tx.now).await? {
                true => alert(tx, *gateway, "SIGNATURE_FAILING").await,
                false => Ok(()),
            }
        }
        Some(IntakeEvent::CanaryLost { gateway }) => alert(tx, *gateway, "CANARY_LOST").await,
        Some(IntakeEvent::Silent { gateway, since }) => {
            alert_once(tx, *gateway, "GATEWAY_SILENT", &commands::silence_key(*gateway, *since)).await
        }
        Some(IntakeEvent::Released { ticket: Some(ticket), held_secs, .. }) => {
            notifications::react::on_released(tx, *ticket, *held_secs).await
        }
        Some(IntakeEvent::Full { gateway }) => alert(tx, *gateway, "QUARANTINE_FULL").await,
        _ => Ok(()),
    }
}

async fn alert(tx: &mut Tx, gateway: Gateway, word: &str) -> Result<()> {
    let key = commands::alert_key(gateway.as_str(), word, tx.now);
    alert_once(tx, gateway, word, &key).await
}

async fn alert_once(tx: &mut Tx, gateway: Gateway, word: &str, key: &str) -> Result<()> {
    let owner = credentials::queries::owner(tx.conn(), gateway.as_str()).await?;
    notifications::react::on_gateway_failing(tx, gateway.as_str(), word, key, owner).await
}

#[boxed]
pub async fn start(tx: &mut Tx) -> Result<()> {
    match tx.app().state::<Settings>().monitor_interval() {
        Some(every) => {
            jobs::schedule(tx, &[Schedule::new(MONITOR_JOB, "", tx.now + every).if_scheduled(IfScheduled::Keep)]).await
        }
        None => Ok(()),
    }
}

/// Deletes the payloads of submissions that were dismissed long ago, and the originals that were kept long enough.
#[boxed]
pub async fn sweep(tx: &mut Tx) -> Result<()> {
    let settings = tx.app().state::<Settings>();
    let (dismissed, kept) = (tx.now - settings.keep_dismissed(), tx.now - settings.keep_originals());
    store::purge_dismissed(tx.conn(), dismissed, PURGE_MAX).await?;
    store::originals::purge_originals(tx.conn(), kept, PURGE_MAX).await
}
