//! Events advance the clocks of their ticket in their transaction; a job records risks and breaches.

use super::decide::{self, policy_of, start, step, steps};
use super::model::{Clock, PinnedPolicy, PolicyCache, Settings, SlaEvent, SlaFact, SlaMetric, Step};
use super::queries;
use super::store;
use crate::calendar;
use crate::kernel::{Error, Result, TicketId, Timestamp, boxed};
use crate::notifications;
use crate::runtime::jobs::{self, IfScheduled, Job, Next, Schedule};
use crate::runtime::{AnyEvent, App, Tx};
use crate::tickets;
use crate::tickets::model::{Fact, Snapshot, TicketEvent};

pub const CHECK: &str = "sla.watch";

/// The policy for a new clock of this metric; `None`: no policy covers it.
async fn pin_policy(tx: &Tx, metric: SlaMetric, ticket: &Snapshot) -> Result<Option<PinnedPolicy>> {
    let policies = queries::policies(tx.app()).await?;
    let Some(policy) = policy_of(&policies, ticket) else { return Ok(None) };
    let Some(target) = policy.target(metric) else { return Ok(None) };
    let calendar = calendar::queries::find(tx, &policy.calendar).await?;
    let calendar = calendar.ok_or_else(|| Error::internal(format!("calendar {} is gone", policy.calendar)))?;
    Ok(Some(PinnedPolicy { policy: policy.of.clone(), calendar: calendar.of.clone(), target }))
}

async fn on_ticket_event(tx: &mut Tx, event: &TicketEvent) -> Result<()> {
    let all = SlaMetric::ALL.iter().map(|metric| (*metric, steps(*metric, event)));
    let steps_by_metric: Vec<(SlaMetric, Vec<Step>)> = all.filter(|(_, steps)| !steps.is_empty()).collect();
    if steps_by_metric.is_empty() {
        return Ok(());
    }
    let clocks = if matches!(event.fact, Fact::Created { .. }) {
        start_clocks(tx, event.ticket, &event.after, tx.now).await?
    } else {
        advance_clocks(tx, event, &steps_by_metric).await?
    };
    store::upsert(tx.conn(), clocks.clone()).await?;
    schedule_check(tx, &clocks).await
}

async fn start_clocks(tx: &Tx, ticket: TicketId, snapshot: &Snapshot, at: Timestamp) -> Result<Vec<Clock>> {
    let mut clocks = Vec::new();
    for metric in SlaMetric::ALL {
        let Some(pinned) = pin_policy(tx, *metric, snapshot).await? else { continue };
        let calendar = calendar::queries::version(tx.app(), tx.conn(), &pinned.calendar).await?;
        clocks.push(start(ticket, *metric, pinned, at, &calendar));
    }
    Ok(clocks)
}

async fn advance_clocks(
    tx: &Tx,
    event: &TicketEvent,
    steps_by_metric: &[(SlaMetric, Vec<Step>)],
) -> Result<Vec<Clock>> {
    let mut clocks = Vec::new();
    for clock in store::clocks(tx.conn(), &[event.ticket]).await? {
        let Some((_, steps)) = steps_by_metric.iter().find(|(metric, _)| *metric == clock.metric) else { continue };
        let retargeted =
            if steps.contains(&Step::Retarget) { pin_policy(tx, clock.metric, &event.after).await? } else { None };
        // Ended clocks keep their policy; so do all if the new policy has no target for this metric.
        let retargeted = retargeted.filter(|pinned| *pinned != clock.pinned && clock.ended_at.is_none());
        let next = match retargeted {
            None => {
                let calendar = calendar::queries::version(tx.app(), tx.conn(), &clock.pinned.calendar).await?;
                steps.iter().fold(clock.clone(), |clock, what| step(&clock, *what, tx.now, &calendar))
            }
            Some(pinned) => {
                let calendar = calendar::queries::version(tx.app(), tx.conn(), &pinned.calendar).await?;
                let mut events = queries::events_of(tx.app(), tx.conn(), event.ticket).await?;
                events.push((tx.now, event.clone()));
                let first = start(clock.ticket, clock.metric, pinned, clock.started_at, &calendar);
                decide::fold(first, &events, &calendar)
            }
        };
        if next != clock {
            clocks.push(next);
        }
    }
    Ok(clocks)
}

/// Schedules the job for the next risk or breach of these clocks.
async fn schedule_check(tx: &mut Tx, clocks: &[Clock]) -> Result<()> {
    let share = tx.app().state::<Settings>().risk_share;
    let mut next: Option<(TicketId, Timestamp)> = None;
    for clock in clocks {
        let calendar = calendar::queries::version(tx.app(), tx.conn(), &clock.pinned.calendar).await?;
        let check = decide::check_clock(clock, share, tx.now, &calendar);
        let at = if check.risk || check.breach { Some(tx.now) } else { check.again_at };
        next = match (next, at) {
            (Some((ticket, before)), Some(at)) => Some((ticket, Ord::min(before, at))),
            (None, Some(at)) => Some((clock.ticket, at)),
            (next, None) => next,
        };
    }
    if let Some((ticket, at)) = next {
        // Keeps an earlier run for the ticket's other clock.
        jobs::schedule(tx, &[Schedule::new(CHECK, &ticket.to_string(), at).if_scheduled(IfScheduled::KeepEarlier)])
            .await?;
    }
    Ok(())
}

/// Checks the current state of the clocks.
#[boxed]
pub async fn on_check(tx: &mut Tx, job: &Job) -> Result<Next> {
    let ticket: TicketId = job.subject.parse().map_err(Error::internal)?;
    let share = tx.app().state::<Settings>().risk_share;
    let mut again: Option<Timestamp> = None;
    for clock in store::clocks(tx.conn(), &[ticket]).await? {
        let calendar = calendar::queries::version(tx.app(), tx.conn(), &clock.pinned.calendar).await?;
        let check = decide::check_clock(&clock, share, tx.now, &calendar);
        let mut next = clock.clone();
        if check.risk {
            next.risk_notified_at = Some(tx.now);
            record_risk(tx, ticket, clock.metric).await?;
        }
        if check.breach {
            next.risk_notified_at = next.risk_notified_at.or(Some(tx.now));
            next.breach_notified_at = Some(tx.now);
            let fact = SlaFact::SlaBreached { metric: clock.metric };
            tickets::commands::append_fact(tx, ticket, fact.into()).await?;
            if let Some(found) = tickets::queries::by_ids(tx.conn(), &[ticket]).await?.remove(&ticket) {
                notifications::react::on_sla_breach(tx, &found, clock.metric).await?;
            }
        }
        // A conflict if the clock ended meanwhile.
        if next != clock && !store::save_notified(tx.conn(), &next).await? {
            return Err(Error::Conflict);
        }
        again = [again, check.again_at].into_iter().flatten().min();
    }
    Ok(again.map_or(Next::Done, Next::At))
}

/// Tickets checked by one sweep.
const SWEEP_MAX: u64 = 500;

/// Repairs what was lost: open tickets without a clock, and breached clocks without a job.
#[boxed]
pub async fn sweep(tx: &mut Tx) -> Result<()> {
    let without = queries::without_clock(tx.conn(), SWEEP_MAX).await?;
    for id in without {
        let events = queries::events_of(tx.app(), tx.conn(), id).await?;
        let Some((at, first)) = events.first().cloned() else { continue };
        let mut clocks = Vec::new();
        for clock in start_clocks(tx, id, &first.after, at).await? {
            let calendar = calendar::queries::version(tx.app(), tx.conn(), &clock.pinned.calendar).await?;
            clocks.push(decide::fold(clock, &events, &calendar));
        }
        store::upsert(tx.conn(), clocks.clone()).await?;
        schedule_check(tx, &clocks).await?;
    }
    let late = queries::breached_without_notice(tx.conn(), tx.now, SWEEP_MAX).await?;
    for clock in late {
        if !jobs::is_scheduled(tx, CHECK, &clock.ticket.to_string()).await? {
            schedule_check(tx, &[clock]).await?;
        }
    }
    Ok(())
}

/// In the transaction of the event.
#[boxed]
pub async fn on_event(tx: &mut Tx, event: &AnyEvent) -> Result<()> {
    match event.get() {
        Some(event) => on_ticket_event(tx, event).await,
        None => Ok(()),
    }
}

/// In memory: a policy has changed.
pub fn observe(app: &App, event: &AnyEvent) {
    if event.get::<SlaEvent>().is_some() {
        app.state::<PolicyCache>().invalidate();
    }
}

async fn record_risk(tx: &mut Tx, id: TicketId, metric: SlaMetric) -> Result<()> {
    tickets::commands::append_fact(tx, id, SlaFact::SlaRisk { metric }.into()).await?;
    let Some(ticket) = tickets::queries::by_ids(tx.conn(), &[id]).await?.remove(&id) else { return Ok(()) };
    notifications::react::on_sla_risk(tx, &ticket, metric).await
}
