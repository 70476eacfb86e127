//! Reactions and jobs: closes resolved tickets, and updates the confidentiality of tickets when that of a team or of an issue type
//! changes.

use super::decide::lifecycle::status_allows;
use super::model::{
    Action, CloseTicket, ConfidentialityCause, Fact, NumberSequence, Settings, TextSource, TicketEvent,
};
use super::queries::{LiveTicketCache, TicketCache};
use super::store;
use crate::catalogue::model::{CatalogueEvent, Kind};
use crate::kernel::{Error, Result, TicketId, boxed};
use crate::people::model::PeopleEvent;
use crate::runtime::app::States;
use crate::runtime::jobs::{self, IfScheduled, Job, Next, Schedule};
use crate::runtime::{AnyEvent, Command, Tx};

pub const CLOSE: &str = "tickets.close";

async fn on_ticket_event(tx: &mut Tx, event: &TicketEvent) -> Result<()> {
    if matches!(event.fact, Fact::Resolved { .. }) {
        let at = tx.now + tx.app().state::<Settings>().close_after();
        jobs::schedule(tx, &[Schedule::new(CLOSE, &event.ticket.to_string(), at)]).await?;
    }
    Ok(())
}

/// In the transaction of the event: tickets of a confidential team or issue type are confidential.
async fn on_catalogue_event(tx: &mut Tx, event: &CatalogueEvent) -> Result<()> {
    match changed_confidentiality(event) {
        Some(cause) => store::set_confidential(tx.conn(), &cause).await,
        None => Ok(()),
    }
}

/// The cause by which this event changes the confidentiality of tickets.
pub fn changed_confidentiality(event: &CatalogueEvent) -> Option<ConfidentialityCause> {
    match event {
        CatalogueEvent::TeamSaved { team, confidentiality: true, .. } => Some(ConfidentialityCause::Team(*team)),
        CatalogueEvent::CatalogueSaved { kind: Kind::IssueType, key, confidentiality: true, .. } => {
            Some(ConfidentialityCause::IssueType(key.clone()))
        }
        _ => None,
    }
}

/// The name that this event changes and that tickets are searched by.
pub fn changed_name(event: &AnyEvent) -> Option<TextSource> {
    if let Some(event) = event.get::<PeopleEvent>() {
        return match event {
            PeopleEvent::UserChanged { user, fields } if fields.iter().any(|field| field == "name") => {
                Some(TextSource::Requester(*user))
            }
            PeopleEvent::UserRedacted { user } => Some(TextSource::Requester(*user)),
            PeopleEvent::CustomerSaved { customer, renamed: true, .. } => Some(TextSource::Customer(*customer)),
            _ => None,
        };
    }
    match event.get::<CatalogueEvent>()? {
        CatalogueEvent::CatalogueSaved { kind: Kind::Product, key, renamed: true, .. } => {
            Some(TextSource::Product(key.clone()))
        }
        _ => None,
    }
}

/// Checks the current state: the ticket may have been reopened, closed or resolved again.
#[boxed]
pub async fn on_close(tx: &mut Tx, job: &Job) -> Result<Next> {
    let id: TicketId = job.subject.parse().map_err(Error::internal)?;
    let Some(ticket) = store::load(tx, id).await? else { return Ok(Next::Done) };
    let Some(resolved_at) = ticket.closing.resolved_at.filter(|_| status_allows(Action::Close, &ticket)) else {
        return Ok(Next::Done);
    };
    let due = resolved_at + tx.app().state::<Settings>().close_after();
    if tx.now < due {
        return Ok(Next::At(due));
    }
    CloseTicket { ticket: id, expected_version: None }.run(tx).await?;
    Ok(Next::Done)
}

/// Tickets checked by one sweep.
const SWEEP_MAX: u64 = 500;

/// Schedules lost jobs: for resolved tickets, not imported, that have none.
#[boxed]
pub async fn sweep(tx: &mut Tx) -> Result<()> {
    let then = tx.now - tx.app().state::<Settings>().close_after();
    for id in store::resolved_by(tx.conn(), then, SWEEP_MAX).await? {
        let now = tx.now;
        jobs::schedule(tx, &[Schedule::new(CLOSE, &id.to_string(), now).if_scheduled(IfScheduled::Keep)]).await?;
    }
    Ok(())
}

/// In the transaction of the event.
#[boxed]
pub async fn on_event(tx: &mut Tx, event: &AnyEvent) -> Result<()> {
    if let Some(event) = event.get() {
        on_ticket_event(tx, event).await?;
    }
    match event.get() {
        Some(event) => on_catalogue_event(tx, event).await,
        None => Ok(()),
    }
}

pub fn states(states: &mut States) {
    states.insert(NumberSequence::default());
    states.insert(TicketCache::default());
    states.insert(LiveTicketCache::default());
}
