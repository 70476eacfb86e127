//! The escalation timer of each ticket: events start and stop it in their transaction; jobs fire its levels.

use std::time::Duration;

use super::decide::{self, TimerChange};
use super::model::{Escalation, EscalationEvent, EscalationFact, LEVEL_MAX, Lateness, PolicyCache, Settings, State};
use super::{queries, store};
use crate::dispatch::commands::DispatchOutcome;
use crate::kernel::{Error, Result, TicketId, Timestamp, UserId, boxed, days, seconds};
use crate::notifications::model::{Cause, NotificationRequest, Params, Via};
use crate::people;
use crate::runtime::app::States;
use crate::runtime::jobs::{self, IfScheduled, Job, Next, Schedule};
use crate::runtime::{AnyEvent, App, Tx};
use crate::tickets;
use crate::tickets::model::{Fact, Priority, Ticket, TicketEvent};
use crate::{dispatch, notifications};

pub const LEVEL: &str = "escalation.level";
pub const UNOPENED: &str = "escalation.unopened";
pub const RETRY: &str = "escalation.retry";
/// Reminds the next supervisor up of a ticket for which nobody is eligible.
pub const REMIND: &str = "escalation.remind";
/// How often.
const REMIND_EVERY: Duration = days(1);

async fn on_ticket_event(tx: &mut Tx, event: &TicketEvent) -> Result<()> {
    let created = matches!(event.fact, Fact::Created { .. });
    if created {
        let at = tx.now + tx.app().state::<Settings>().unopened_after();
        jobs::schedule(tx, &[Schedule::new(UNOPENED, &event.ticket.to_string(), at)]).await?;
    } else if !may_change_timer(event) {
        return Ok(());
    }
    let levels = if created { Vec::new() } else { store::of_tickets(tx.conn(), &[event.ticket]).await? };
    let epoch = levels.last().map_or(0, |last| last.epoch);
    let current: Vec<&Escalation> = levels.iter().filter(|level| level.epoch == epoch).collect();
    // The timer still runs if a level is planned, waits for a retry, or the last one fired.
    let responsible = current
        .iter()
        .find(|level| level.state == State::Planned || level.retry)
        .or_else(|| current.last().filter(|last| last.state == State::Fired))
        .map(|level| level.responsible);
    match decide::timer_change(event, tx.actor().user_id(), responsible) {
        None => Ok(()),
        Some(TimerChange::Stop) => store::stop(tx.conn(), event.ticket).await,
        Some(TimerChange::Start { responsible, force_new_epoch }) => {
            let none_fired = current.iter().all(|level| level.state == State::Planned) && !current.is_empty();
            if !force_new_epoch && none_fired {
                // No level of this epoch has fired: restart it from now.
                return start_timer(tx, event, epoch, responsible, tx.now).await;
            }
            if !created {
                store::stop(tx.conn(), event.ticket).await?;
            }
            start_timer(tx, event, epoch + 1, responsible, tx.now).await
        }
        Some(TimerChange::Reschedule) => {
            let planned: Vec<Escalation> =
                current.iter().filter(|level| level.state == State::Planned).map(|level| (*level).clone()).collect();
            reschedule(tx, event, planned).await
        }
    }
}

/// Cheap pre-check: most events cannot change the timer.
fn may_change_timer(event: &TicketEvent) -> bool {
    event.first_response
        || event.before.as_ref().is_some_and(|before| {
            before.assignee != event.after.assignee
                || before.status != event.after.status
                || before.priority != event.after.priority
        })
        || matches!(event.fact, Fact::Commented { .. })
}

async fn start_timer(
    tx: &mut Tx,
    event: &TicketEvent,
    epoch: i32,
    responsible: Option<UserId>,
    since: Timestamp,
) -> Result<()> {
    let policies = queries::policies(tx.app()).await?;
    let Some(policy) = policies.iter().find(|policy| policy.priority == event.after.priority) else { return Ok(()) };
    let calendar = queries::calendar_of(tx.app(), policy.measure, responsible).await?;
    let first = Escalation {
        ticket: event.ticket,
        epoch,
        level: 0,
        responsible,
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
    store::upsert(tx.conn(), levels).await?;
    if let Some(at) = next {
        jobs::schedule(tx, &[Schedule::new(LEVEL, &event.ticket.to_string(), at)]).await?;
    }
    Ok(())
}

/// Reschedules planned levels by the policy of the new priority, from the same start. Levels that the policy lacks are
/// stopped.
async fn reschedule(tx: &mut Tx, event: &TicketEvent, planned: Vec<Escalation>) -> Result<()> {
    let policies = queries::policies(tx.app()).await?;
    let policy = policies.iter().find(|policy| policy.priority == event.after.priority);
    let (Some(first), Some(policy)) = (planned.first(), policy) else { return Ok(()) };
    let calendar = queries::calendar_of(tx.app(), policy.measure, first.responsible).await?;
    let rescheduled = decide::plan(policy, first, &calendar);
    let levels: Vec<Escalation> = planned
        .iter()
        .map(|level| {
            let to = rescheduled.iter().find(|rescheduled| rescheduled.level == level.level);
            to.cloned().unwrap_or_else(|| Escalation { state: State::Stopped, ..level.clone() })
        })
        .collect();
    let next = levels.iter().filter(|level| level.state == State::Planned).map(|level| level.due_at).min();
    store::upsert(tx.conn(), levels).await?;
    if let Some(at) = next {
        jobs::schedule(tx, &[Schedule::new(LEVEL, &event.ticket.to_string(), at)]).await?;
    }
    Ok(())
}

/// Checks the current state: fires the level that is due now.
#[boxed]
pub async fn on_level(tx: &mut Tx, job: &Job) -> Result<Next> {
    let id: TicketId = job.subject.parse().map_err(Error::internal)?;
    let levels = store::of_tickets(tx.conn(), &[id]).await?;
    let epoch = levels.last().map_or(0, |last| last.epoch);
    let current: Vec<Escalation> = levels.into_iter().filter(|level| level.epoch == epoch).collect();
    let (fired, superseded, next) = decide::due(&current, tx.now);
    let again = next.map_or(Next::Done, Next::At);
    let Some(fired) = fired else { return Ok(again) };
    let Some(ticket) = tickets::queries::by_ids(tx.conn(), &[id]).await?.remove(&id) else { return Ok(Next::Done) };
    for level in superseded {
        store::finish(tx.conn(), level, State::Skipped, None).await?;
    }
    if !store::finish(tx.conn(), fired, State::Fired, Some(tx.now)).await? {
        return Ok(again);
    }
    let late = u64::try_from(tx.now.millis() - fired.due_at.millis()).unwrap_or(0);
    tx.app().state::<Lateness>().observe(Duration::from_millis(late));
    tickets::commands::append_fact(tx, id, EscalationFact::Escalated { epoch, level: fired.level }.into()).await?;
    if fired.level < LEVEL_MAX {
        alert(tx, &ticket, fired, None).await?;
        return Ok(again);
    }
    match dispatch::commands::dispatch(tx, &ticket).await? {
        // The assignment started a new epoch.
        DispatchOutcome::Assigned(user) => alert(tx, &ticket, fired, Some(user)).await?,
        DispatchOutcome::NoCandidate | DispatchOutcome::LimitReached => {
            store::set_retry(tx.conn(), fired, true).await?;
            alert(tx, &ticket, fired, None).await?;
            schedule_reminder(tx, id, 1).await?;
        }
    }
    Ok(again)
}

/// Notifies the recipients of a level. `new_assignee`: set if the level reassigned the ticket.
async fn alert(tx: &mut Tx, ticket: &Ticket, of: &Escalation, new_assignee: Option<UserId>) -> Result<()> {
    let availability = people::queries::availability::current(tx.app()).await?;
    let mut recipients: Vec<UserId> = of.responsible.into_iter().collect();
    // The direct supervisor from level 2 on, or at once if the ticket is unassigned.
    if of.level > 1 || of.responsible.is_none() {
        recipients.extend(decide::leads(&availability, of.responsible, ticket.assignment.team, 0));
    }
    let key = format!("level:{}:{}:{}", of.ticket, of.epoch, of.level);
    notify(tx, of, new_assignee, recipients, key).await
}

/// Notifies people of a level, or whoever acts for them.
async fn notify(
    tx: &mut Tx,
    of: &Escalation,
    new_assignee: Option<UserId>,
    recipients: Vec<UserId>,
    cause_key: String,
) -> Result<()> {
    let mut acting = Vec::new();
    for recipient in recipients {
        acting.extend(people::queries::availability::acts_for(tx.app(), recipient, tx.now).await?);
    }
    acting.sort_unstable();
    acting.dedup();
    let stays = of.level >= LEVEL_MAX && new_assignee.is_none();
    let params = Params {
        level: Some(of.level),
        waited: Some(tx.now.seconds_since(of.since)),
        about: new_assignee.or(of.responsible),
        word: stays.then(|| "STAYS".to_owned()),
        ..Params::default()
    };
    let requests = acting.into_iter().map(|recipient| NotificationRequest {
        cause: Cause::of_level(of.level),
        cause_key: cause_key.clone(),
        ticket: Some(of.ticket),
        recipient,
        via: Via::All(of.channels.clone()),
        params: params.clone(),
    });
    notifications::commands::notify(tx, requests.collect()).await.map(drop)
}

async fn schedule_reminder(tx: &mut Tx, ticket: TicketId, reminder: usize) -> Result<()> {
    let at = tx.now + REMIND_EVERY;
    jobs::schedule(tx, &[Schedule::new(REMIND, &format!("{ticket}:{reminder}"), at)]).await
}

/// Reminds of a ticket that still waits for somebody eligible: each day the next supervisor up, and at last the administrators.
#[boxed]
pub async fn on_reminder(tx: &mut Tx, job: &Job) -> Result<Next> {
    let (id, reminder) = job.subject.split_once(':').ok_or_else(|| Error::internal("invalid reminder"))?;
    let (id, reminder): (TicketId, usize) =
        (id.parse().map_err(Error::internal)?, reminder.parse().map_err(Error::internal)?);
    let levels = store::of_tickets(tx.conn(), &[id]).await?;
    let Some(of) = levels.into_iter().rev().find(|level| level.retry) else { return Ok(Next::Done) };
    let Some(ticket) = tickets::queries::by_ids(tx.conn(), &[id]).await?.remove(&id) else { return Ok(Next::Done) };
    if !ticket.status.is_open() || ticket.assignment.assignee != of.responsible {
        return Ok(Next::Done);
    }
    let availability = people::queries::availability::current(tx.app()).await?;
    let mut recipients = decide::leads(&availability, of.responsible, ticket.assignment.team, reminder);
    recipients.extend(of.responsible);
    let key = format!("level:{}:{}:{}:{reminder}", of.ticket, of.epoch, of.level);
    notify(tx, &of, None, recipients, key).await?;
    schedule_reminder(tx, id, reminder + 1).await?;
    Ok(Next::Done)
}

/// Marks a ticket that nobody opened in time.
#[boxed]
pub async fn on_unopened(tx: &mut Tx, job: &Job) -> Result<Next> {
    let id: TicketId = job.subject.parse().map_err(Error::internal)?;
    let Some(ticket) = tickets::queries::by_ids(tx.conn(), &[id]).await?.remove(&id) else { return Ok(Next::Done) };
    let seen = ticket.times.first_opened_at.is_some() || ticket.times.first_responded_at.is_some();
    if !seen && ticket.status.is_open() && ticket.times.no_response_marked_at.is_none() {
        tickets::commands::mark_no_response(tx, id, EscalationFact::NoResponseMarked.into()).await?;
    }
    Ok(Next::Done)
}

/// Availability changed: retry the tickets for which nobody was eligible.
async fn on_roster_event(tx: &mut Tx) -> Result<()> {
    if store::has_retries(tx.conn()).await? {
        let now = tx.now;
        jobs::schedule(tx, &[Schedule::new(RETRY, "", now).if_scheduled(IfScheduled::KeepEarlier)]).await?;
    }
    Ok(())
}

/// Tickets retried in one transaction.
const RETRY_MAX: u64 = 100;

/// Retries a batch in ticket-id order. The next batch is a separate job, so that tickets without eligible agents do not
/// block the others.
#[boxed]
pub async fn on_retry(tx: &mut Tx, job: &Job) -> Result<Next> {
    let waiting = store::retries(tx.conn(), job.subject.parse().ok(), RETRY_MAX).await?;
    let full = u64::try_from(waiting.len()).is_ok_and(|n| n == RETRY_MAX);
    let last = waiting.last().map(|level| level.ticket.to_string());
    if let Some(last) = last.filter(|_| full) {
        let at = tx.now + seconds(1);
        jobs::schedule(tx, &[Schedule::new(RETRY, &last, at).if_scheduled(IfScheduled::KeepEarlier)]).await?;
    }
    for of in waiting {
        let Some(ticket) = tickets::queries::by_ids(tx.conn(), &[of.ticket]).await?.remove(&of.ticket) else {
            continue;
        };
        let unchanged = ticket.assignment.assignee == of.responsible && ticket.status.is_open();
        if !unchanged {
            store::set_retry(tx.conn(), &of, false).await?;
        } else if let DispatchOutcome::Assigned(_) = dispatch::commands::dispatch(tx, &ticket).await? {
            store::set_retry(tx.conn(), &of, false).await?;
        }
    }
    Ok(Next::Done)
}

/// Tickets checked by one sweep.
const SWEEP_MAX: u64 = 500;

/// Schedules lost jobs of planned levels that are due, and retries the tickets for which nobody was eligible.
#[boxed]
pub async fn sweep(tx: &mut Tx) -> Result<()> {
    let late = store::tickets_with_due_level(tx.conn(), tx.now, SWEEP_MAX).await?;
    for id in late {
        let now = tx.now;
        jobs::schedule(tx, &[Schedule::new(LEVEL, &id.to_string(), now).if_scheduled(IfScheduled::Keep)]).await?;
    }
    on_roster_event(tx).await
}

/// In the transaction of the event.
#[boxed]
pub async fn on_event(tx: &mut Tx, event: &AnyEvent) -> Result<()> {
    if let Some(event) = event.get() {
        on_ticket_event(tx, event).await?;
    }
    if notifications::queries::changes_reach(event) { on_roster_event(tx).await } else { Ok(()) }
}

/// In memory: a policy has changed.
pub fn observe(app: &App, event: &AnyEvent) {
    if event.get::<EscalationEvent>().is_some() {
        app.state::<PolicyCache>().invalidate();
    }
}

pub fn states(states: &mut States) {
    states.insert(PolicyCache::default());
    states.insert(Lateness::default());
}
