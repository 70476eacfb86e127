//! What tickets that change mean for what is known.

use std::time::Duration;

use super::commands;
use super::model::Recurs;
use super::store;
use crate::catalogue::model::CatalogueEvent;
use crate::kernel::{Error, Result, TicketId, days, seconds};
use crate::runtime::Tx;
use crate::runtime::jobs::{self, Job, Next};
use crate::tickets::model::{Fact, TicketEvent, TicketText};
use crate::tickets::react::recast;

/// A ticket whose occurrence may be another.
pub const LEARN: &str = "knowledge.learn";
/// A signature that may make a card, or whose card has a case more.
pub const EXTRACT: &str = "knowledge.extract";
/// A signature that is missed as a card.
pub const FILL: &str = "knowledge.fill";
/// Tickets that changed without telling one by one: an import, a team that keeps its cases to itself. Once a day whatever happens,
/// for what was killed on the way.
pub const COLLECT: &str = "knowledge.collect";

pub const COLLECT_EVERY: Duration = days(1);
/// What changes in a moment is learned at once, behind whoever waits for the change.
const LEARN_AFTER: Duration = seconds(1);

/// In the transaction of the event.
pub async fn on_ticket_event(tx: &mut Tx, event: &TicketEvent) -> Result<()> {
    let learns = match &event.fact {
        Fact::Resolved { .. } => {
            store::try_citations(tx.conn(), &[event.ticket]).await?;
            true
        }
        Fact::Reopened { .. } => {
            store::fail_citations(tx.conn(), event.ticket, tx.now).await?;
            true
        }
        Fact::Attributed { .. } => true,
        // Of a solved ticket, its product is part of the signature, its team of who may read it.
        Fact::Cancelled { .. } | Fact::Updated { .. } => event.after.status.is_solved() || event.before.is_some(),
        Fact::Redacted { texts, comments: _ } => {
            let (title, resolution) = (texts.contains(&TicketText::Title), texts.contains(&TicketText::Resolution));
            return store::redact(tx.conn(), event.ticket, title, resolution).await;
        }
        _ => false,
    };
    if learns {
        let at = tx.now + LEARN_AFTER;
        jobs::plant(tx, LEARN, &event.ticket.to_string(), at).await?;
    }
    Ok(())
}

/// In the transaction of the event.
pub async fn on_catalogue_event(tx: &mut Tx, event: &CatalogueEvent) -> Result<()> {
    if recast(event).is_some() { collect(tx).await } else { Ok(()) }
}

/// In the transaction of the event.
pub async fn on_import_finished(tx: &mut Tx) -> Result<()> {
    collect(tx).await
}

async fn collect(tx: &mut Tx) -> Result<()> {
    let at = tx.now + LEARN_AFTER;
    jobs::plant_earlier(tx, COLLECT, "", at).await
}

pub async fn on_learn(tx: &mut Tx, job: &Job) -> Result<Next> {
    let ticket: TicketId = job.subject.parse().map_err(Error::internal)?;
    commands::learn(tx, &[ticket]).await?;
    Ok(Next::Done)
}

pub async fn on_extract(tx: &mut Tx, job: &Job) -> Result<Next> {
    commands::extract(tx, &job.subject, Recurs::InAWeek).await?;
    Ok(Next::Done)
}

pub async fn on_fill(tx: &mut Tx, job: &Job) -> Result<Next> {
    commands::extract(tx, &job.subject, Recurs::Lately).await?;
    Ok(Next::Done)
}

/// A part of them, then again.
pub async fn on_collect(tx: &mut Tx) -> Result<Next> {
    let more = commands::collect(tx).await?;
    Ok(Next::At(if more { tx.now } else { tx.now + COLLECT_EVERY }))
}
