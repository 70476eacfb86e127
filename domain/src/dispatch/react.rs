//! When tickets are given to people: as they come, when somebody becomes free or comes, when somebody goes.

use super::commands::{dispatch, dispatch_all, is_free};
use super::model::Settings;
use super::queries;
use crate::auth::model::AuthEvent;
use crate::calendar::model::Organisation;
use crate::kernel::{Error, Result, TicketId, UserId, seconds};
use crate::people;
use crate::runtime::Tx;
use crate::runtime::jobs::{self, Job, Next};
use crate::tickets;
use crate::tickets::model::{Fact, TicketEvent, TicketStatus};

/// One ticket.
pub const ASSIGN: &str = "dispatch.assign";
/// All that wait.
pub const DRAIN: &str = "dispatch.drain";
/// Who is there has changed, or will change now.
pub const ROSTER: &str = "dispatch.roster";

/// Tickets given in one transaction.
const DRAIN_MAX: u64 = 200;

fn is_automatic(tx: &Tx) -> bool {
    tx.app().state::<Settings>().automatic
}

/// In the transaction of the event.
pub async fn on_ticket_event(tx: &mut Tx, event: &TicketEvent) -> Result<()> {
    if !is_automatic(tx) {
        return Ok(());
    }
    let now = tx.now;
    let waits = event.after.assignee.is_none() && event.after.status == TicketStatus::New;
    let elsewhere = event.before.as_ref().is_some_and(|before| before.team != event.after.team);
    let asked_otherwise =
        matches!(&event.fact, Fact::Updated { fields } if fields.iter().any(|f| f == "requiredSkills"));
    if matches!(event.fact, Fact::Created { .. }) || (waits && (elsewhere || asked_otherwise)) {
        return jobs::plant(tx, ASSIGN, &event.ticket.to_string(), now).await;
    }
    let busy = |of: &tickets::model::Snapshot| {
        of.assignee.filter(|_| matches!(of.status, TicketStatus::Assigned | TicketStatus::InProgress))
    };
    let freed =
        event.before.as_ref().is_some_and(|before| busy(before).is_some() && busy(before) != busy(&event.after));
    if freed {
        jobs::plant_earlier(tx, DRAIN, "", now).await?;
    }
    Ok(())
}

/// Somebody came, went, can do or take something else, can be reached.
pub async fn on_roster_event(tx: &mut Tx) -> Result<()> {
    if is_automatic(tx) {
        let now = tx.now;
        jobs::plant_earlier(tx, ROSTER, "", now).await?;
    }
    Ok(())
}

pub async fn on_auth_event(tx: &mut Tx, event: &AuthEvent) -> Result<()> {
    if let AuthEvent::SessionOpened { user, .. } = event
        && is_automatic(tx)
        && people::queries::duty::duty(tx.app()).await?.agent(*user).is_some()
    {
        // Somebody who signs in can be reached.
        let now = tx.now;
        jobs::plant_earlier(tx, DRAIN, "", now).await?;
    }
    Ok(())
}

/// A wake-up, not a verdict: the ticket may have found somebody.
pub async fn on_assign(tx: &mut Tx, job: &Job) -> Result<Next> {
    let id: TicketId = job.subject.parse().map_err(Error::internal)?;
    let ticket = tickets::queries::by_ids(tx.conn(), &[id]).await?.remove(&id);
    if let Some(ticket) = ticket.filter(is_free)
        && is_automatic(tx)
    {
        dispatch(tx, &ticket).await?;
    }
    Ok(Next::Done)
}

pub async fn on_drain(tx: &mut Tx) -> Result<Next> {
    if !is_automatic(tx) {
        return Ok(Next::Done);
    }
    let waiting = queries::waiting(tx.conn(), DRAIN_MAX).await?;
    let full = u64::try_from(waiting.len()).is_ok_and(|n| n == DRAIN_MAX);
    let found = dispatch_all(tx, waiting).await?;
    // As long as it helps: more may wait behind those.
    Ok(if full && found > 0 { Next::At(tx.now + seconds(1)) } else { Next::Done })
}

/// Stands as long as anybody's shift, absence or delegation is still to begin or end.
pub async fn on_roster(tx: &mut Tx) -> Result<Next> {
    if !is_automatic(tx) {
        return Ok(Next::Done);
    }
    let duty = people::queries::duty::duty(tx.app()).await?;
    let zone = tx.app().state::<Organisation>().zone.clone();
    let gone: Vec<UserId> = duty
        .agents
        .iter()
        .filter(|agent| agent.is_away(tx.now) || duty.is_delegated(agent.id, tx.now, &zone))
        .map(|agent| agent.id)
        .collect();
    if !gone.is_empty() {
        let left = queries::unaccepted(tx.conn(), &gone, DRAIN_MAX).await?;
        dispatch_all(tx, left).await?;
    }
    let now = tx.now;
    jobs::plant_earlier(tx, DRAIN, "", now).await?;
    Ok(queries::next_change(tx).await?.map_or(Next::Done, Next::At))
}

/// Plants what was lost: a ticket that waits is looked at again.
pub async fn sweep(tx: &mut Tx) -> Result<()> {
    if is_automatic(tx) {
        let now = tx.now;
        jobs::plant_earlier(tx, ROSTER, "", now).await?;
    }
    Ok(())
}
