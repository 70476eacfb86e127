//! Which policy holds, and what an event does to a clock: pure.

mod timeline;

use std::time::Duration;

pub use self::timeline::timeline;
use super::model::{Clock, Pin, Policy, Reading, SlaMetric, State, Step};
use crate::calendar::decide::hours::Calendar;
use crate::kernel::{TicketId, Timestamp};
use crate::tickets::model::{Fact, Snapshot, TicketEvent, TicketStatus};

/// The policy that holds for a ticket: of several the most precise, then the first by key.
pub fn policy_of<'p>(policies: &'p [Policy], ticket: &Snapshot) -> Option<&'p Policy> {
    let holds = policies.iter().filter(|policy| !policy.archived && policy.conditions.hold(ticket));
    holds.min_by(|a, b| b.conditions.precision().cmp(&a.conditions.precision()).then_with(|| a.of.key.cmp(&b.of.key)))
}

/// Whether the ticket's time counts.
const fn counts(status: TicketStatus) -> bool {
    matches!(status, TicketStatus::New | TicketStatus::Assigned | TicketStatus::InProgress)
}

/// What an event does to the clock of a metric, in the order in which it does it.
pub fn steps(metric: SlaMetric, event: &TicketEvent) -> Vec<Step> {
    if matches!(event.fact, Fact::Created { .. }) {
        return vec![Step::Start];
    }
    let mut steps = Vec::new();
    let before = event.before.as_ref().unwrap_or(&event.after);
    let same_kind = before.priority == event.after.priority
        && before.customer == event.after.customer
        && before.issue_type == event.after.issue_type;
    if !same_kind {
        steps.push(Step::Aim);
    }
    if metric == SlaMetric::FirstResponse && event.first_response {
        steps.push(Step::End);
        return steps;
    }
    let (was, is) = (before.status, event.after.status);
    if was == is {
        return steps;
    }
    match metric {
        SlaMetric::Resolution if is.is_solved() && !was.is_solved() => steps.push(Step::End),
        _ if counts(was) && !counts(is) => steps.push(Step::Pause),
        // From waiting, or, of the resolution, from having been solved.
        SlaMetric::Resolution if counts(is) && !counts(was) => steps.push(Step::Resume),
        SlaMetric::FirstResponse if counts(is) && !counts(was) => steps.push(Step::Resume),
        _ => {}
    }
    steps
}

pub fn start(ticket: TicketId, metric: SlaMetric, pin: Pin, at: Timestamp, calendar: &Calendar) -> Clock {
    let due_at = calendar.due(at, pin.target);
    Clock {
        ticket,
        metric,
        pin,
        started_at: at,
        spent: Duration::ZERO,
        since: Some(at),
        ended_at: None,
        due_at,
        breached_at: None,
        risk_told_at: None,
        breach_told_at: None,
    }
}

/// Open time that has counted by now.
fn elapsed(clock: &Clock, now: Timestamp, calendar: &Calendar) -> Duration {
    clock.since.map_or(clock.spent, |since| clock.spent.saturating_add(calendar.elapsed(since, now)))
}

/// The clock behind a step. What does not fit (a pause of a clock that rests) changes nothing.
pub fn step(clock: &Clock, step: Step, at: Timestamp, calendar: &Calendar) -> Clock {
    let mut next = clock.clone();
    match step {
        Step::Start | Step::Aim => {}
        Step::Pause | Step::End => {
            if next.since.is_some() {
                next.spent = elapsed(clock, at, calendar);
                next.since = None;
                // Answered in the instant in which it is due, it is in time: the target is "within".
                let late = if step == Step::End { clock.due_at < Some(at) } else { clock.due_at <= Some(at) };
                if clock.due_at.is_some() && late {
                    next.breached_at = next.breached_at.or(clock.due_at);
                }
                if step == Step::Pause && next.breached_at.is_none() {
                    next.due_at = None;
                }
            }
            if step == Step::End {
                next.ended_at = Some(at);
            }
        }
        Step::Resume => {
            let responded = clock.metric == SlaMetric::FirstResponse && clock.ended_at.is_some();
            if next.since.is_none() && !responded {
                next.since = Some(at);
                next.ended_at = None;
                if next.breached_at.is_none() {
                    next.due_at = calendar.due(at, left(&next));
                }
            }
        }
    }
    next
}

fn left(clock: &Clock) -> Duration {
    clock.pin.target.saturating_sub(clock.spent)
}

/// A clock as the ticket's events alone come to it, from its creation on. Also how a clock is aimed anew: from the same
/// beginning, by another policy.
pub fn fold(first: Clock, events: &[(Timestamp, TicketEvent)], calendar: &Calendar) -> Clock {
    events.iter().fold(first, |clock, (at, event)| {
        steps(clock.metric, event).into_iter().fold(clock, |clock, what| step(&clock, what, *at, calendar))
    })
}

pub fn read(clock: &Clock, now: Timestamp, calendar: &Calendar) -> Reading {
    let elapsed = elapsed(clock, now, calendar);
    let running = clock.since.is_some();
    let breached_at = clock.breached_at.or(clock.due_at.filter(|due| running && *due <= now));
    let state = match (breached_at, clock.ended_at) {
        (Some(_), _) => State::Breached,
        (None, Some(_)) => State::Met,
        (None, None) if running => State::Running,
        (None, None) => State::Paused,
    };
    let remaining = clock.ended_at.is_none().then(|| clock.pin.target.saturating_sub(elapsed));
    Reading { state, due_at: clock.due_at, elapsed, remaining, breached_at }
}

/// When people are told that it will be missed: once this share of the target has passed.
pub fn risk_at(clock: &Clock, share: f64, calendar: &Calendar) -> Option<Timestamp> {
    let since = clock.since?;
    let left = clock.pin.target.mul_f64(share.clamp(0.0, 1.0)).saturating_sub(clock.spent);
    // Whole milliseconds, as instants are.
    calendar.due(since, Duration::from_millis(u64::try_from(left.as_millis()).unwrap_or(u64::MAX)))
}

/// What is to be told of a clock now, and when to look again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    pub risk: bool,
    pub breach: bool,
    pub again_at: Option<Timestamp>,
}

pub fn watch(clock: &Clock, share: f64, now: Timestamp, calendar: &Calendar) -> Watch {
    if clock.since.is_none() {
        return Watch::default();
    }
    let risk_at = risk_at(clock, share, calendar).filter(|_| clock.risk_told_at.is_none());
    let due_at = clock.due_at.filter(|_| clock.breach_told_at.is_none());
    let breach = due_at.is_some_and(|due| due <= now);
    // After downtime the breach says it all.
    let risk = !breach && risk_at.is_some_and(|risk| risk <= now);
    let again_at = [risk_at.filter(|_| !breach), due_at].into_iter().flatten().filter(|at| *at > now).min();
    Watch { risk, breach, again_at }
}
