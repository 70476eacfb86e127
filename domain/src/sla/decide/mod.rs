//! Pure decisions: which policy applies, and how events change clocks.

mod timeline;

use std::time::Duration;

pub use self::timeline::timeline;
use super::model::{Clock, ClockReading, PinnedPolicy, Policy, SlaMetric, State, Step};
use crate::calendar::model::Calendar;
use crate::kernel::{TicketId, Timestamp};
use crate::tickets::model::{Fact, Snapshot, TicketEvent, TicketStatus};

/// The policy of a ticket: the most specific that matches, then the first by key.
pub fn policy_of<'p>(policies: &'p [Policy], ticket: &Snapshot) -> Option<&'p Policy> {
    let matching = policies.iter().filter(|policy| !policy.archived && policy.conditions.matches(ticket));
    matching.min_by(|a, b| {
        b.conditions.specificity().cmp(&a.conditions.specificity()).then_with(|| a.of.key.cmp(&b.of.key))
    })
}

/// Whether time in this status counts.
const fn counts(status: TicketStatus) -> bool {
    matches!(status, TicketStatus::New | TicketStatus::Assigned | TicketStatus::InProgress)
}

/// The steps of a metric's clock for an event, in order.
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
        steps.push(Step::Retarget);
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
        // From WAITING, or after a reopening.
        SlaMetric::Resolution if counts(is) && !counts(was) => steps.push(Step::Resume),
        SlaMetric::FirstResponse if counts(is) && !counts(was) => steps.push(Step::Resume),
        _ => {}
    }
    steps
}

pub fn start(ticket: TicketId, metric: SlaMetric, pinned: PinnedPolicy, at: Timestamp, calendar: &Calendar) -> Clock {
    let due_at = calendar.due(at, pinned.target);
    Clock {
        ticket,
        metric,
        pinned,
        started_at: at,
        spent: Duration::ZERO,
        since: Some(at),
        ended_at: None,
        due_at,
        breached_at: None,
        risk_notified_at: None,
        breach_notified_at: None,
    }
}

/// Calendar time counted until `now`.
fn elapsed(clock: &Clock, now: Timestamp, calendar: &Calendar) -> Duration {
    clock.since.map_or(clock.spent, |since| clock.spent.saturating_add(calendar.elapsed(since, now)))
}

/// The clock after a step. A step that does not apply (pausing a paused clock) changes nothing.
pub fn step(clock: &Clock, step: Step, at: Timestamp, calendar: &Calendar) -> Clock {
    let mut next = clock.clone();
    match step {
        Step::Start | Step::Retarget => {}
        Step::Pause | Step::End => {
            if next.since.is_some() {
                next.spent = elapsed(clock, at, calendar);
                next.since = None;
                // A response exactly at the due time is in time.
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
                    next.due_at = calendar.due(at, remaining_target(&next));
                }
            }
        }
    }
    next
}

fn remaining_target(clock: &Clock) -> Duration {
    clock.pinned.target.saturating_sub(clock.spent)
}

/// The clock after all events since the ticket's creation. Also retargets a clock: the same start with another policy.
pub fn fold(first: Clock, events: &[(Timestamp, TicketEvent)], calendar: &Calendar) -> Clock {
    events.iter().fold(first, |clock, (at, event)| {
        steps(clock.metric, event).into_iter().fold(clock, |clock, what| step(&clock, what, *at, calendar))
    })
}

pub fn read(clock: &Clock, now: Timestamp, calendar: &Calendar) -> ClockReading {
    let elapsed = elapsed(clock, now, calendar);
    let running = clock.since.is_some();
    let breached_at = clock.breached_at.or(clock.due_at.filter(|due| running && *due <= now));
    let state = match (breached_at, clock.ended_at) {
        (Some(_), _) => State::Breached,
        (None, Some(_)) => State::Met,
        (None, None) if running => State::Running,
        (None, None) => State::Paused,
    };
    let remaining = clock.ended_at.is_none().then(|| clock.pinned.target.saturating_sub(elapsed));
    ClockReading { state, due_at: clock.due_at, elapsed, remaining, breached_at }
}

/// When people are warned: after this share of the target.
pub fn risk_at(clock: &Clock, share: f64, calendar: &Calendar) -> Option<Timestamp> {
    let since = clock.since?;
    let left = clock.pinned.target.mul_f64(share.clamp(0.0, 1.0)).saturating_sub(clock.spent);
    // Whole milliseconds, like timestamps.
    calendar.due(since, Duration::from_millis(u64::try_from(left.as_millis()).unwrap_or(u64::MAX)))
}

/// What to announce about a clock now, and when to check again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClockCheck {
    pub risk: bool,
    pub breach: bool,
    pub again_at: Option<Timestamp>,
}

pub fn check_clock(clock: &Clock, share: f64, now: Timestamp, calendar: &Calendar) -> ClockCheck {
    if clock.since.is_none() {
        return ClockCheck::default();
    }
    let risk_at = risk_at(clock, share, calendar).filter(|_| clock.risk_notified_at.is_none());
    let due_at = clock.due_at.filter(|_| clock.breach_notified_at.is_none());
    let breach = due_at.is_some_and(|due| due <= now);
    // After downtime only the breach is announced.
    let risk = !breach && risk_at.is_some_and(|risk| risk <= now);
    let again_at = [risk_at.filter(|_| !breach), due_at].into_iter().flatten().filter(|at| *at > now).min();
    ClockCheck { risk, breach, again_at }
}
