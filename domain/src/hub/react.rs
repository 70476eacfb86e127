//! Reactions of the hub to ticket events, its jobs and its sweep.

use super::commands;
use super::model::{HubEvent, LINK_JOB, REBUILD_JOB, System};
use super::{queries, store};
use crate::kernel::{Result, boxed};
use crate::runtime::jobs::{self, IfScheduled, Job, Next, Schedule};
use crate::runtime::{AnyEvent, App, Tx};
use crate::tickets::model::{Fact, TicketEvent};
use crate::webhooks::commands::schedule_lost_runs;
use crate::{notifications, tickets};

async fn on_ticket_event(tx: &mut Tx, event: &TicketEvent) -> Result<()> {
    if event.reported || event.history.is_some() || queries::systems(tx.app()).await?.is_empty() {
        return Ok(());
    }
    match &event.fact {
        Fact::Created { .. } => {
            let refs = tickets::queries::refs_of(tx.conn(), event.ticket).await?;
            let keys: Vec<String> = refs.into_iter().map(|reference| reference.system).collect();
            if keys.is_empty() { Ok(()) } else { Box::pin(commands::link(tx, &[event.ticket], &keys)).await }
        }
        Fact::Linked { reference, .. } => {
            Box::pin(commands::link(tx, &[event.ticket], std::slice::from_ref(&reference.system))).await
        }
        Fact::Unlinked { reference } | Fact::ReferenceMoved { reference, .. } => {
            let refs = tickets::queries::refs_of(tx.conn(), event.ticket).await?;
            if refs.iter().any(|left| left.system == reference.system) {
                return Ok(());
            }
            Box::pin(commands::unlink(tx, event.ticket, &reference.system)).await
        }
        Fact::ReportSettled => Box::pin(commands::record_local_change(tx, event)).await,
        _ if event.before.as_ref().is_some_and(|before| before.status != event.after.status) => {
            Box::pin(commands::record_local_change(tx, event)).await
        }
        _ => Ok(()),
    }
}

#[boxed]
pub async fn on_link(tx: &mut Tx, job: &Job) -> Result<Next> {
    let more = commands::link_existing_tickets(tx, &job.subject).await?;
    Ok(if more { Next::At(tx.now) } else { Next::Done })
}

#[boxed]
pub async fn on_rebuild(tx: &mut Tx, job: &Job) -> Result<Next> {
    let more = commands::rebuild_tickets(tx, &job.subject).await?;
    Ok(if more { Next::At(tx.now) } else { Next::Done })
}

/// Schedules lost jobs: deliveries of due corrections, links of imported tickets, and rebuilds after a change of a status
/// map.
#[boxed]
pub async fn sweep(tx: &mut Tx) -> Result<()> {
    let now = tx.now;
    let due = queries::systems_with_due(tx.conn(), now).await?;
    schedule_lost_runs::<System>(tx, due.into_iter().map(|system| system.0).collect()).await?;
    for system in store::systems_to_rebuild(tx.conn()).await? {
        jobs::schedule(
            tx,
            &[Schedule::new(REBUILD_JOB, &system.to_string(), now).if_scheduled(IfScheduled::KeepEarlier)],
        )
        .await?;
    }
    let systems = queries::systems(tx.app()).await?;
    for system in systems.values() {
        if !queries::unlinked_tickets(tx.conn(), system).await?.is_empty() {
            jobs::schedule(
                tx,
                &[Schedule::new(LINK_JOB, &system.id.to_string(), now).if_scheduled(IfScheduled::KeepEarlier)],
            )
            .await?;
        }
    }
    Ok(())
}

/// In memory: a system has changed.
pub fn observe(app: &App, event: &AnyEvent) {
    if let Some(HubEvent::SystemSaved { .. } | HubEvent::SystemDisabled { .. }) = event.get() {
        queries::invalidate_systems(app);
    }
}

/// In the transaction of the event.
#[boxed]
pub async fn on_event(tx: &mut Tx, event: &AnyEvent) -> Result<()> {
    if let Some(event) = event.get() {
        on_ticket_event(tx, event).await?;
    }
    match event.get() {
        Some(HubEvent::SystemDisabled { key, .. }) => notifications::react::on_system_disabled(tx, key).await,
        Some(HubEvent::UnknownWord { key, word, .. }) => notifications::react::on_unknown_status(tx, key, word).await,
        _ => Ok(()),
    }
}
