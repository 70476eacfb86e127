//! When tickets are given to people: as they come, when somebody becomes free or comes, when somebody goes.

use super::commands::{dispatch, dispatch_all, is_free};
use super::model::Settings;
use super::queries::{self, Queued};
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

/// Parts of what people who have gone leave that are looked at in one transaction.
const LEFT_PARTS_MAX: usize = 10;

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

/// A part of the queue; the next part is a job of its own, so that nobody waits behind those for whom nobody is there.
pub async fn on_drain(tx: &mut Tx, job: &Job) -> Result<Next> {
    if !is_automatic(tx) {
        return Ok(Next::Done);
    }
    let waiting = queries::waiting(tx.conn(), Queued::parse(&job.subject), DRAIN_MAX).await?;
    let full = u64::try_from(waiting.len()).is_ok_and(|n| n == DRAIN_MAX);
    let last = waiting.last().map(|ticket| Queued::of(ticket).to_string());
    dispatch_all(tx, waiting).await?;
    if let Some(last) = last.filter(|_| full) {
        let at = tx.now + seconds(1);
        jobs::plant_earlier(tx, DRAIN, &last, at).await?;
    }
    Ok(Next::Done)
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
        let mut behind = 0;
        for _ in 0..LEFT_PARTS_MAX {
            let left = queries::unaccepted(tx.conn(), &gone, behind, DRAIN_MAX).await?;
            let Some(last) = left.last() else { break };
            behind = last.number;
            dispatch_all(tx, left).await?;
        }
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
