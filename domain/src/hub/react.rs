//! What the hub does when something happens to a ticket here, and by timer.

use super::commands;
use super::{queries, store};
use crate::kernel::Result;
use crate::runtime::jobs::{self, Job, Next};
use crate::runtime::{App, Tx};
use crate::tickets;
use crate::tickets::model::{Fact, TicketEvent};

/// The lane of what is sent to systems, each by itself.
pub const LANE: &str = "hub";
/// The queue of one endpoint.
pub const DELIVER: &str = "hub.deliver";
/// Tickets that named a system before it was registered.
pub const LINK: &str = "hub.link";
/// Tickets of which a system said words that are known only now.
pub const REFOLD: &str = "hub.refold";

/// In the transaction of the event.
pub async fn on_ticket_event(tx: &mut Tx, event: &TicketEvent) -> Result<()> {
    if event.reported || event.history.is_some() || queries::systems(tx.app()).await?.is_empty() {
        return Ok(());
    }
    match &event.fact {
        Fact::Created { .. } => {
            let refs = tickets::queries::refs_of(tx.conn(), event.ticket).await?;
            let keys: Vec<String> = refs.into_iter().map(|reference| reference.system).collect();
            if keys.is_empty() { Ok(()) } else { Box::pin(commands::link(tx, &[event.ticket], &keys)).await }
        }
        Fact::Linked { reference } => {
            Box::pin(commands::link(tx, &[event.ticket], std::slice::from_ref(&reference.system))).await
        }
        Fact::ReportSettled => Box::pin(commands::act(tx, event)).await,
        _ if event.before.as_ref().is_some_and(|before| before.status != event.after.status) => {
            Box::pin(commands::act(tx, event)).await
        }
        _ => Ok(()),
    }
}

pub async fn on_link(tx: &mut Tx, job: &Job) -> Result<Next> {
    let more = commands::link_later(tx, &job.subject).await?;
    Ok(if more { Next::At(tx.now) } else { Next::Done })
}

pub async fn on_refold(tx: &mut Tx, job: &Job) -> Result<Next> {
    let more = commands::define_words(tx, &job.subject).await?;
    Ok(if more { Next::At(tx.now) } else { Next::Done })
}

/// Plants what was lost: corrections that are due while nobody looks at their queue, links of imported tickets, and words that
/// are known.
pub async fn sweep(tx: &mut Tx) -> Result<()> {
    let now = tx.now;
    for system in queries::with_due(tx.conn(), now).await? {
        let subject = system.to_string();
        if !jobs::stands(tx, DELIVER, &subject).await? {
            jobs::plant_in_lane(tx, LANE, &[(DELIVER, &subject, now)]).await?;
        }
    }
    for system in store::systems_behind(tx.conn()).await? {
        jobs::plant_earlier(tx, REFOLD, &system.to_string(), now).await?;
    }
    let systems = queries::systems(tx.app()).await?;
    for system in systems.values() {
        if !queries::named_and_not_linked(tx.conn(), system).await?.is_empty() {
            jobs::plant_earlier(tx, LINK, &system.id.to_string(), now).await?;
        }
    }
    Ok(())
}

/// A system is another now.
pub fn observe(app: &App) {
    queries::forget(app);
}
