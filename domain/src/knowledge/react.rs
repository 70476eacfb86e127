//! Reactions to events and the jobs of knowledge.

use std::time::Duration;

use super::commands;
use super::model::{COLLECT_JOB, ExtractionTrigger, KnowledgeEvent, LEARN_JOB};
use super::store;
use crate::catalogue::model::CatalogueEvent;
use crate::kernel::{Error, Result, TicketId, boxed, days, seconds};
use crate::notifications;
use crate::runtime::jobs::{self, IfScheduled, Job, Next, Schedule};
use crate::runtime::{AnyEvent, Tx, sweep};
use crate::tickets::model::{Fact, TicketEvent, TicketText};
use crate::tickets::react::changed_confidentiality;

pub const COLLECT_EVERY: Duration = days(1);
/// A short delay merges quick changes and keeps the work off the request.
const LEARN_AFTER: Duration = seconds(1);

async fn on_ticket_event(tx: &mut Tx, event: &TicketEvent) -> Result<()> {
    let changes_occurrence = match &event.fact {
        Fact::Resolved { .. } => {
            store::mark_citations_resolved(tx.conn(), &[event.ticket]).await?;
            true
        }
        Fact::Reopened { .. } => {
            store::mark_citations_failed(tx.conn(), event.ticket, tx.now).await?;
            true
        }
        Fact::Attributed { .. } => true,
        // For a solved ticket, the product is part of the signature, and the team decides who may read it.
        Fact::Cancelled { .. } | Fact::Updated { .. } => event.after.status.is_solved() || event.before.is_some(),
        Fact::Redacted { texts, comments: _ } => {
            let (title, resolution) = (texts.contains(&TicketText::Title), texts.contains(&TicketText::Resolution));
            return store::redact(tx.conn(), event.ticket, title, resolution).await;
        }
        _ => false,
    };
    if changes_occurrence {
        let at = tx.now + LEARN_AFTER;
        jobs::schedule(tx, &[Schedule::new(LEARN_JOB, &event.ticket.to_string(), at)]).await?;
    }
    Ok(())
}

async fn on_catalogue_event(tx: &mut Tx, event: &CatalogueEvent) -> Result<()> {
    if changed_confidentiality(event).is_some() { schedule_collect(tx).await } else { Ok(()) }
}

/// Runs in the transaction of the event.
pub async fn on_import_finished(tx: &mut Tx) -> Result<()> {
    schedule_collect(tx).await
}

async fn schedule_collect(tx: &mut Tx) -> Result<()> {
    let at = tx.now + LEARN_AFTER;
    jobs::schedule(tx, &[Schedule::new(COLLECT_JOB, "", at).if_scheduled(IfScheduled::KeepEarlier)]).await
}

#[boxed]
pub async fn on_learn(tx: &mut Tx, job: &Job) -> Result<Next> {
    let ticket: TicketId = job.subject.parse().map_err(Error::internal)?;
    commands::update_occurrences(tx, &[ticket]).await?;
    Ok(Next::Done)
}

#[boxed]
pub async fn on_extract(tx: &mut Tx, job: &Job) -> Result<Next> {
    commands::extract(tx, &job.subject, ExtractionTrigger::WeeklyRecurrence).await?;
    Ok(Next::Done)
}

#[boxed]
pub async fn on_fill(tx: &mut Tx, job: &Job) -> Result<Next> {
    commands::extract(tx, &job.subject, ExtractionTrigger::KnowledgeGap).await?;
    Ok(Next::Done)
}

/// One batch; runs again while there are more.
#[boxed]
pub async fn on_collect(tx: &mut Tx, _: &Job) -> Result<Next> {
    let more = commands::update_stale_occurrences(tx).await?;
    Ok(Next::At(if more { tx.now } else { tx.now + COLLECT_EVERY }))
}

/// In the transaction of the event.
#[boxed]
pub async fn on_event(tx: &mut Tx, event: &AnyEvent) -> Result<()> {
    if let Some(event) = event.get() {
        on_ticket_event(tx, event).await?;
    }
    if let Some(event) = event.get() {
        on_catalogue_event(tx, event).await?;
    }
    match event.get() {
        Some(KnowledgeEvent::CardExtracted { card, team, cases }) => {
            notifications::react::on_card_extracted(tx, *card, *team, *cases).await
        }
        _ => Ok(()),
    }
}

#[boxed]
pub async fn start(tx: &mut Tx) -> Result<()> {
    // What an older program did not learn is learned now.
    let at = if sweep::is_first_start(tx).await? { tx.now + COLLECT_EVERY } else { tx.now };
    jobs::schedule(tx, &[Schedule::new(COLLECT_JOB, "", at).if_scheduled(IfScheduled::Keep)]).await
}
