//! What tickets do by themselves: a resolved ticket closes when its time has come.

use std::time::Duration;

use sea_orm::sea_query::{Expr, ExprTrait as _, SimpleExpr};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use super::decide::lifecycle::fits;
use super::model::{Action, CloseTicket, Fact, TicketEvent, TicketStatus};
use super::store::{self, entities::ticket};
use crate::catalogue::model::{CatalogueEvent, Kind};
use crate::kernel::{Error, Result, TicketId, days};
use crate::runtime::jobs::{self, Job, Next};
use crate::runtime::{Command, Tx};

/// An administrator's choice.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// A RESOLVED ticket closes itself after this.
    pub close_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { close_after: days(7) }
    }
}

pub const CLOSE: &str = "tickets.close";

/// In the transaction of the event.
pub async fn on_ticket_event(tx: &mut Tx, event: &TicketEvent) -> Result<()> {
    if matches!(event.fact, Fact::Resolved { .. }) {
        let at = tx.now + tx.app().state::<Settings>().close_after;
        jobs::plant(tx, CLOSE, &event.ticket.to_string(), at).await?;
    }
    Ok(())
}

/// In the transaction of the event: what a team or an issue type keeps to itself, its tickets keep.
pub async fn on_catalogue_event(tx: &mut Tx, event: &CatalogueEvent) -> Result<()> {
    match recast(event) {
        Some(of) => store::set_confidential(tx.conn(), of).await,
        None => Ok(()),
    }
}

/// The tickets that are cases for others no more, or are now, by this event.
pub fn recast(event: &CatalogueEvent) -> Option<SimpleExpr> {
    match event {
        CatalogueEvent::TeamSaved { team, confidentiality: true, .. } => Some(ticket::Column::TeamId.eq(*team)),
        CatalogueEvent::CatalogueSaved { kind: Kind::IssueType, key, confidentiality: true } => {
            Some(ticket::Column::IssueType.eq(key))
        }
        _ => None,
    }
}

/// A wake-up, not a verdict: the ticket may have been reopened, closed, or resolved anew.
pub async fn on_close(tx: &mut Tx, job: &Job) -> Result<Next> {
    let id: TicketId = job.subject.parse().map_err(Error::internal)?;
    let Some(ticket) = store::load(tx, id).await? else { return Ok(Next::Done) };
    let Some(resolved_at) = ticket.resolved_at.filter(|_| fits(Action::Close, &ticket)) else {
        return Ok(Next::Done);
    };
    let due = resolved_at + tx.app().state::<Settings>().close_after;
    if tx.now < due {
        return Ok(Next::At(due));
    }
    CloseTicket { ticket: id, expected_version: None }.run(tx).await?;
    Ok(Next::Done)
}

/// Tickets looked at by one sweep.
const SWEEP_MAX: u64 = 500;

/// Plants wake-ups that were lost: resolved tickets of our own without one.
pub async fn sweep(tx: &mut Tx) -> Result<()> {
    let resolved = ticket::Entity::find()
        .select_only()
        .column(ticket::Column::Id)
        .filter(ticket::Column::Status.eq(TicketStatus::Resolved.word()))
        .filter(ticket::Column::Imported.eq(false))
        .filter(Expr::col(ticket::Column::ResolvedAt).lte(tx.now - tx.app().state::<Settings>().close_after))
        .limit(SWEEP_MAX)
        .into_tuple::<TicketId>()
        .all(tx.conn())
        .await?;
    for id in resolved {
        let subject = id.to_string();
        if !jobs::stands(tx, CLOSE, &subject).await? {
            let now = tx.now;
            jobs::plant(tx, CLOSE, &subject, now).await?;
        }
    }
    Ok(())
}
