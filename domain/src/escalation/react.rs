//! The watch over each ticket: it begins and ends in the transaction of the event; levels fire by timer.

use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::decide::{self, Move};
use super::model::{Escalation, LEVEL_MAX, Lateness, Settings, State};
use super::queries;
use super::store::{self, escalation};
use crate::calendar::model::Organisation;
use crate::dispatch;
use crate::dispatch::commands::Dispatched;
use crate::kernel::{Error, Result, TicketId, Timestamp, UserId, seconds};
use crate::notifications;
use crate::notifications::model::{Cause, Params, Tell, Via};
use crate::people;
use crate::runtime::Tx;
use crate::runtime::jobs::{self, Job, Next};
use crate::tickets;
use crate::tickets::model::{Fact, Priority, Ticket, TicketEvent};

pub const LEVEL: &str = "escalation.level";
pub const UNOPENED: &str = "escalation.unopened";
pub const RETRY: &str = "escalation.retry";

/// In the transaction of the event.
pub async fn on_ticket_event(tx: &mut Tx, event: &TicketEvent) -> Result<()> {
    let created = matches!(event.fact, Fact::Created { .. });
    if created {
        let at = tx.now + tx.app().state::<Settings>().unopened_after;
        jobs::plant(tx, UNOPENED, &event.ticket.to_string(), at).await?;
    } else if !may_move(event) {
        return Ok(());
    }
    let levels = if created { Vec::new() } else { store::of_tickets(tx.conn(), &[event.ticket]).await? };
    let epoch = levels.last().map_or(0, |last| last.epoch);
    let present: Vec<&Escalation> = levels.iter().filter(|level| level.epoch == epoch).collect();
    // Still watched: a level is to come, or the last one fired and nobody was found.
    let watched = present
        .iter()
        .find(|level| level.state == State::Planned || level.retry)
        .or_else(|| present.last().filter(|last| last.state == State::Fired))
        .map(|level| level.watched);
    match decide::moved(event, tx.actor().user_id(), watched) {
        None => Ok(()),
        Some(Move::Stop) => store::stop(tx.conn(), event.ticket).await,
        Some(Move::Watch { whom, fresh }) => {
            let untouched = present.iter().all(|level| level.state == State::Planned) && !present.is_empty();
            if !fresh && untouched {
                // Nothing has happened in this epoch yet: it is measured from here.
                return watch(tx, event, epoch, whom, tx.now).await;
            }
            if !created {
                store::stop(tx.conn(), event.ticket).await?;
            }
            watch(tx, event, epoch + 1, whom, tx.now).await
        }
        Some(Move::Aim) => {
            let planned: Vec<Escalation> =
                present.iter().filter(|level| level.state == State::Planned).map(|level| (*level).clone()).collect();
            aim(tx, event, planned).await
        }
    }
}

/// Whether the event could move a watch at all: most cost no look at it.
fn may_move(event: &TicketEvent) -> bool {
    event.first_response
        || event.before.as_ref().is_some_and(|before| {
            before.assignee != event.after.assignee
                || before.status != event.after.status
                || before.priority != event.after.priority
        })
        || matches!(event.fact, Fact::Commented { .. })
}

async fn watch(tx: &mut Tx, event: &TicketEvent, epoch: i32, whom: Option<UserId>, since: Timestamp) -> Result<()> {
    let policies = queries::policies(tx.app()).await?;
    let Some(policy) = policies.iter().find(|policy| policy.priority == event.after.priority) else { return Ok(()) };
    let calendar = queries::calendar_of(tx.app(), policy.measure, whom).await?;
    let first = Escalation {
        ticket: event.ticket,
        epoch,
        level: 0,
        watched: whom,
        since,
        due_at: since,
        state: State::Planned,
        fired_at: None,
        priority: Priority::Normal,
        policy_version: 0,
        channels: Vec::new(),
        retry: false,
    };
    let levels = decide::plan(policy, &first, &calendar);
    let next = levels.iter().map(|level| level.due_at).min();
    store::put(tx.conn(), levels).await?;
    if let Some(at) = next {
        jobs::plant(tx, LEVEL, &event.ticket.to_string(), at).await?;
    }
    Ok(())
}

/// The levels that are still to come, by the policy of what the ticket is now, from the same beginning; those that it does not
/// know are stopped.
async fn aim(tx: &mut Tx, event: &TicketEvent, planned: Vec<Escalation>) -> Result<()> {
    let policies = queries::policies(tx.app()).await?;
    let policy = policies.iter().find(|policy| policy.priority == event.after.priority);
    let (Some(first), Some(policy)) = (planned.first(), policy) else { return Ok(()) };
    let calendar = queries::calendar_of(tx.app(), policy.measure, first.watched).await?;
    let aimed = decide::plan(policy, first, &calendar);
    let levels: Vec<Escalation> = planned
        .iter()
        .map(|level| {
            let to = aimed.iter().find(|aimed| aimed.level == level.level);
            to.cloned().unwrap_or_else(|| Escalation { state: State::Stopped, ..level.clone() })
        })
        .collect();
    let next = levels.iter().filter(|level| level.state == State::Planned).map(|level| level.due_at).min();
    store::put(tx.conn(), levels).await?;
    if let Some(at) = next {
        jobs::plant(tx, LEVEL, &event.ticket.to_string(), at).await?;
    }
    Ok(())
}

/// A wake-up, not a verdict: what is due is looked at as it is now.
pub async fn on_level(tx: &mut Tx, job: &Job) -> Result<Next> {
    let id: TicketId = job.subject.parse().map_err(Error::internal)?;
    let levels = store::of_tickets(tx.conn(), &[id]).await?;
    let epoch = levels.last().map_or(0, |last| last.epoch);
    let present: Vec<Escalation> = levels.into_iter().filter(|level| level.epoch == epoch).collect();
    let (fires, overtaken, next) = decide::due(&present, tx.now);
    let again = next.map_or(Next::Done, Next::At);
    let Some(fires) = fires else { return Ok(again) };
    let Some(ticket) = tickets::queries::by_ids(tx.conn(), &[id]).await?.remove(&id) else { return Ok(Next::Done) };
    for level in overtaken {
        store::end(tx.conn(), level, State::Skipped, None).await?;
    }
    if !store::end(tx.conn(), fires, State::Fired, Some(tx.now)).await? {
        return Ok(again);
    }
    let late = u64::try_from(tx.now.millis() - fires.due_at.millis()).unwrap_or(0);
    tx.app().state::<Lateness>().observe(Duration::from_millis(late));
    tickets::commands::note(tx, id, Fact::Escalated { epoch, level: fires.level }).await?;
    if fires.level < LEVEL_MAX {
        alert(tx, &ticket, fires, None).await?;
        return Ok(again);
    }
    match dispatch::commands::dispatch(tx, &ticket).await? {
        // A new epoch has begun with the assignment.
        Dispatched::To(user) => alert(tx, &ticket, fires, Some(user)).await?,
        Dispatched::Nobody | Dispatched::Bounded => {
            store::set_retry(tx.conn(), fires, true).await?;
            alert(tx, &ticket, fires, None).await?;
        }
    }
    Ok(again)
}

/// Tells those whom a level tells. `to`: who has it now.
async fn alert(tx: &mut Tx, ticket: &Ticket, of: &Escalation, to: Option<UserId>) -> Result<()> {
    let duty = people::queries::duty::duty(tx.app()).await?;
    let zone = tx.app().state::<Organisation>().zone.clone();
    let mut recipients: Vec<UserId> = of.watched.into_iter().collect();
    let direct = of.watched.and_then(|user| duty.agent(user)).and_then(|agent| agent.supervisor);
    let direct = direct.filter(|supervisor| duty.agent(*supervisor).is_some());
    // From level 2 on the direct supervisor; at once where a ticket is nobody's.
    if of.level > 1 || of.watched.is_none() {
        match direct {
            Some(supervisor) => recipients.push(supervisor),
            None => recipients.extend(duty.supervisors(ticket.team).iter().map(|agent| agent.id)),
        }
    }
    let mut recipients: Vec<UserId> = recipients.into_iter().map(|user| duty.stand_in(user, tx.now, &zone)).collect();
    recipients.sort_unstable();
    recipients.dedup();
    let stays = of.level >= LEVEL_MAX && to.is_none();
    let params = Params {
        level: Some(of.level),
        waited: Some(tx.now.seconds_since(of.since)),
        about: to.or(of.watched),
        word: stays.then(|| "STAYS".to_owned()),
        ..Params::default()
    };
    let tells = recipients.into_iter().map(|recipient| Tell {
        cause: Cause::of_level(of.level),
        cause_key: format!("level:{}:{}:{}", of.ticket, of.epoch, of.level),
        ticket: Some(of.ticket),
        recipient,
        via: Via::All(of.channels.clone()),
        params: params.clone(),
    });
    notifications::commands::tell(tx, tells.collect()).await.map(drop)
}

/// Nobody has opened it for so long.
pub async fn on_unopened(tx: &mut Tx, job: &Job) -> Result<Next> {
    let id: TicketId = job.subject.parse().map_err(Error::internal)?;
    let Some(ticket) = tickets::queries::by_ids(tx.conn(), &[id]).await?.remove(&id) else { return Ok(Next::Done) };
    let seen = ticket.first_opened_at.is_some() || ticket.first_responded_at.is_some();
    if !seen && ticket.status.is_open() && ticket.no_response_marked_at.is_none() {
        tickets::commands::mark_no_response(tx, id).await?;
    }
    Ok(Next::Done)
}

/// Somebody came, went, can be reached: what found nobody is tried again.
pub async fn on_roster_event(tx: &mut Tx) -> Result<()> {
    let waits = escalation::Entity::find().filter(Expr::cust("retry")).one(tx.conn()).await?.is_some();
    if waits {
        let now = tx.now;
        jobs::plant_earlier(tx, RETRY, "", now).await?;
    }
    Ok(())
}

/// Tickets tried again in one transaction.
const RETRY_MAX: u64 = 100;

/// A part of them, by the ids of their tickets; the next part is a job of its own, so that nobody waits behind those for
/// whom nobody is there.
pub async fn on_retry(tx: &mut Tx, job: &Job) -> Result<Next> {
    let mut select = escalation::Entity::find().filter(Expr::cust("retry"));
    if let Ok(behind) = job.subject.parse::<TicketId>() {
        select = select.filter(escalation::Column::TicketId.gt(behind));
    }
    let rows = select.order_by_asc(escalation::Column::TicketId).limit(RETRY_MAX).all(tx.conn()).await?;
    let full = u64::try_from(rows.len()).is_ok_and(|n| n == RETRY_MAX);
    let last = rows.last().map(|row| row.ticket_id.to_string());
    if let Some(last) = last.filter(|_| full) {
        let at = tx.now + seconds(1);
        jobs::plant_earlier(tx, RETRY, &last, at).await?;
    }
    for row in rows {
        let of = Escalation::try_from(row)?;
        let Some(ticket) = tickets::queries::by_ids(tx.conn(), &[of.ticket]).await?.remove(&of.ticket) else {
            continue;
        };
        let theirs = ticket.assignee == of.watched && ticket.status.is_open();
        if !theirs {
            store::set_retry(tx.conn(), &of, false).await?;
        } else if let Dispatched::To(_) = dispatch::commands::dispatch(tx, &ticket).await? {
            store::set_retry(tx.conn(), &of, false).await?;
        }
    }
    Ok(Next::Done)
}

/// Tickets looked at by one sweep.
const SWEEP_MAX: u64 = 500;

/// Plants what was lost: planned levels that are due and have no wake-up; and tries again what found nobody.
pub async fn sweep(tx: &mut Tx) -> Result<()> {
    let late = escalation::Entity::find()
        .select_only()
        .distinct()
        .column(escalation::Column::TicketId)
        .filter(Expr::cust("state = 'PLANNED'"))
        .filter(escalation::Column::DueAt.lte(tx.now))
        .limit(SWEEP_MAX)
        .into_tuple::<TicketId>()
        .all(tx.conn())
        .await?;
    for id in late {
        let subject = id.to_string();
        if !jobs::stands(tx, LEVEL, &subject).await? {
            let now = tx.now;
            jobs::plant(tx, LEVEL, &subject, now).await?;
        }
    }
    on_roster_event(tx).await
}
