//! Clocks follow the events of their ticket, in its transaction; a timer tells of what is about to be missed, and is.

use super::decide::{self, policy_of, start, step, steps};
use super::model::{Clock, Pin, Settings, SlaMetric, Step};
use super::queries;
use super::store;
use crate::calendar;
use crate::kernel::{Error, Result, TicketId, Timestamp};
use crate::runtime::Tx;
use crate::runtime::jobs::{self, Job, Next};
use crate::tickets;
use crate::tickets::model::{Fact, Snapshot, TicketEvent};

pub const WATCH: &str = "sla.watch";

/// What a new clock of this metric runs by; `None`: the ticket has none.
async fn pin(tx: &Tx, metric: SlaMetric, ticket: &Snapshot) -> Result<Option<Pin>> {
    let policies = queries::policies(tx.app()).await?;
    let Some(policy) = policy_of(&policies, ticket) else { return Ok(None) };
    let Some(target) = policy.target(metric) else { return Ok(None) };
    let calendar = calendar::queries::find(tx, &policy.calendar).await?;
    let calendar = calendar.ok_or_else(|| Error::internal(format!("calendar {} is gone", policy.calendar)))?;
    Ok(Some(Pin { policy: policy.of.clone(), calendar: calendar.of.clone(), target }))
}

/// In the transaction of the event.
pub async fn on_ticket_event(tx: &mut Tx, event: &TicketEvent) -> Result<()> {
    let all = SlaMetric::ALL.iter().map(|metric| (*metric, steps(*metric, event)));
    let moves: Vec<(SlaMetric, Vec<Step>)> = all.filter(|(_, steps)| !steps.is_empty()).collect();
    if moves.is_empty() {
        return Ok(());
    }
    let clocks = if matches!(event.fact, Fact::Created { .. }) {
        begin(tx, event.ticket, &event.after, tx.now).await?
    } else {
        moved(tx, event, &moves).await?
    };
    store::put(tx.conn(), clocks.clone()).await?;
    watch_at(tx, &clocks).await
}

async fn begin(tx: &Tx, ticket: TicketId, snapshot: &Snapshot, at: Timestamp) -> Result<Vec<Clock>> {
    let mut clocks = Vec::new();
    for metric in SlaMetric::ALL {
        let Some(pin) = pin(tx, *metric, snapshot).await? else { continue };
        let calendar = calendar::queries::version(tx.app(), tx.conn(), &pin.calendar).await?;
        clocks.push(start(ticket, *metric, pin, at, &calendar));
    }
    Ok(clocks)
}

async fn moved(tx: &Tx, event: &TicketEvent, moves: &[(SlaMetric, Vec<Step>)]) -> Result<Vec<Clock>> {
    let mut clocks = Vec::new();
    for clock in store::clocks(tx.conn(), &[event.ticket]).await? {
        let Some((_, steps)) = moves.iter().find(|(metric, _)| *metric == clock.metric) else { continue };
        let aimed = if steps.contains(&Step::Aim) { pin(tx, clock.metric, &event.after).await? } else { None };
        // What has ended was measured as it was; a policy without this metric leaves it as it is.
        let aimed = aimed.filter(|pin| *pin != clock.pin && clock.ended_at.is_none());
        let next = match aimed {
            None => {
                let calendar = calendar::queries::version(tx.app(), tx.conn(), &clock.pin.calendar).await?;
                steps.iter().fold(clock.clone(), |clock, what| step(&clock, *what, tx.now, &calendar))
            }
            Some(pin) => {
                let calendar = calendar::queries::version(tx.app(), tx.conn(), &pin.calendar).await?;
                let mut events = queries::events_of(tx.conn(), event.ticket).await?;
                events.push((tx.now, event.clone()));
                let first = start(clock.ticket, clock.metric, pin, clock.started_at, &calendar);
                decide::fold(first, &events, &calendar)
            }
        };
        if next != clock {
            clocks.push(next);
        }
    }
    Ok(clocks)
}

/// Plants the wake-up at which one of these clocks has something to tell.
async fn watch_at(tx: &mut Tx, clocks: &[Clock]) -> Result<()> {
    let share = tx.app().state::<Settings>().risk_share;
    let mut next: Option<(TicketId, Timestamp)> = None;
    for clock in clocks {
        let calendar = calendar::queries::version(tx.app(), tx.conn(), &clock.pin.calendar).await?;
        let watch = decide::watch(clock, share, tx.now, &calendar);
        let at = if watch.risk || watch.breach { Some(tx.now) } else { watch.again_at };
        next = match (next, at) {
            (Some((ticket, before)), Some(at)) => Some((ticket, Ord::min(before, at))),
            (None, Some(at)) => Some((clock.ticket, at)),
            (next, None) => next,
        };
    }
    if let Some((ticket, at)) = next {
        // Never later than a wake-up that stands for the ticket's other clock.
        jobs::plant_earlier(tx, WATCH, &ticket.to_string(), at).await?;
    }
    Ok(())
}

/// A wake-up, not a verdict: the clocks are read as they are now.
pub async fn on_watch(tx: &mut Tx, job: &Job) -> Result<Next> {
    let ticket: TicketId = job.subject.parse().map_err(Error::internal)?;
    let share = tx.app().state::<Settings>().risk_share;
    let mut again: Option<Timestamp> = None;
    for clock in store::clocks(tx.conn(), &[ticket]).await? {
        let calendar = calendar::queries::version(tx.app(), tx.conn(), &clock.pin.calendar).await?;
        let watch = decide::watch(&clock, share, tx.now, &calendar);
        let mut next = clock.clone();
        if watch.risk {
            next.risk_told_at = Some(tx.now);
            tickets::commands::note(tx, ticket, Fact::SlaRisk { metric: clock.metric }).await?;
        }
        if watch.breach {
            next.risk_told_at = next.risk_told_at.or(Some(tx.now));
            next.breach_told_at = Some(tx.now);
            tickets::commands::note(tx, ticket, Fact::SlaBreached { metric: clock.metric }).await?;
        }
        // Only where it runs still: who ended it meanwhile has decided otherwise.
        if next != clock && !store::put_told(tx.conn(), &next).await? {
            return Err(Error::Conflict);
        }
        again = [again, watch.again_at].into_iter().flatten().min();
    }
    Ok(again.map_or(Next::Done, Next::At))
}

/// Tickets looked at by one sweep.
const SWEEP_MAX: u64 = 500;

/// Plants what was lost: open tickets of our own without a clock, running clocks without a wake-up.
pub async fn sweep(tx: &mut Tx) -> Result<()> {
    let without = queries::without_clock(tx.conn(), SWEEP_MAX).await?;
    for id in without {
        let events = queries::events_of(tx.conn(), id).await?;
        let Some((at, first)) = events.first().cloned() else { continue };
        let mut clocks = Vec::new();
        for clock in begin(tx, id, &first.after, at).await? {
            let calendar = calendar::queries::version(tx.app(), tx.conn(), &clock.pin.calendar).await?;
            clocks.push(decide::fold(clock, &events, &calendar));
        }
        store::put(tx.conn(), clocks.clone()).await?;
        watch_at(tx, &clocks).await?;
    }
    let late = queries::untold(tx.conn(), tx.now, SWEEP_MAX).await?;
    for clock in late {
        if !jobs::stands(tx, WATCH, &clock.ticket.to_string()).await? {
            watch_at(tx, &[clock]).await?;
        }
    }
    Ok(())
}
