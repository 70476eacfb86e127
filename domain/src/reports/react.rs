//! Redactions clear stored reports; the recurring jobs are scheduled at the start.

use super::commands;
use super::model::{GAPS_JOB, MONTHLY_JOB, QUEUE};
use crate::kernel::{Result, boxed};
use crate::people::model::PeopleEvent;
use crate::runtime::jobs::{self, IfScheduled, Schedule};
use crate::runtime::{AnyEvent, Tx};
use crate::tickets;
use crate::tickets::model::{Fact, TicketEvent};

async fn on_ticket_event(tx: &mut Tx, event: &TicketEvent) -> Result<()> {
    if !matches!(event.fact, Fact::Redacted { .. }) {
        return Ok(());
    }
    let ticket = tickets::queries::by_ids(tx.conn(), &[event.ticket]).await?.remove(&event.ticket);
    commands::clear_files(tx, ticket.map(|ticket| ticket.times.created_at)).await
}

async fn on_people_event(tx: &mut Tx, event: &PeopleEvent) -> Result<()> {
    if matches!(event, PeopleEvent::UserRedacted { .. }) { commands::clear_files(tx, None).await } else { Ok(()) }
}

/// In the transaction of the event.
#[boxed]
pub async fn on_event(tx: &mut Tx, event: &AnyEvent) -> Result<()> {
    if let Some(event) = event.get() {
        on_ticket_event(tx, event).await?;
    }
    match event.get() {
        Some(event) => on_people_event(tx, event).await,
        None => Ok(()),
    }
}

#[boxed]
pub async fn start(tx: &mut Tx) -> Result<()> {
    let (gaps_at, report_at) = (commands::next_monday(tx), commands::next_month(tx, tx.now));
    jobs::schedule(tx, &[Schedule::new(GAPS_JOB, "", gaps_at).in_queue(QUEUE).if_scheduled(IfScheduled::Keep)]).await?;
    jobs::schedule(tx, &[Schedule::new(MONTHLY_JOB, "", report_at).in_queue(QUEUE).if_scheduled(IfScheduled::Keep)])
        .await?;
    commands::schedule_final_reports(tx).await
}
