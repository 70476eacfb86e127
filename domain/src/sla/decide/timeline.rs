//! The timeline of a clock: the fold over the ticket's events, step by step.

use super::{elapsed, read, start, step, steps};
use crate::calendar::model::Calendar;
use crate::kernel::Timestamp;
use crate::sla::model::{Clock, SlaFact, State, Step, TimelineEntry, TimelineEntryKind};
use crate::tickets::model::TicketEvent;

/// The timeline of a clock until now. `events`: all events of the ticket in order, from its creation on.
pub fn timeline(
    clock: &Clock,
    events: &[(Timestamp, TicketEvent)],
    now: Timestamp,
    calendar: &Calendar,
) -> Vec<TimelineEntry> {
    let mut folded = start(clock.ticket, clock.metric, clock.pinned.clone(), clock.started_at, calendar);
    let mut entries = Vec::new();
    let mut missed = false;
    let push = |entries: &mut Vec<TimelineEntry>, at, kind, folded: &Clock| {
        entries.push(TimelineEntry { at, kind, elapsed: elapsed(folded, at, calendar), due_at: folded.due_at });
    };
    for (at, event) in events {
        // The target may have elapsed before this event.
        let notified = matches!(event.fact.get(), Some(SlaFact::SlaBreached { metric }) if metric == clock.metric);
        let passed = |due: &Timestamp| due < at || (notified && due == at);
        if let Some(due) = folded.due_at.filter(|due| folded.since.is_some() && passed(due) && !missed) {
            push(&mut entries, due, TimelineEntryKind::Breached, &folded);
            missed = true;
        }
        match event.fact.get() {
            Some(SlaFact::SlaRisk { metric }) if metric == clock.metric => {
                push(&mut entries, *at, TimelineEntryKind::RiskNotified, &folded)
            }
            Some(SlaFact::SlaBreached { metric }) if metric == clock.metric => {
                push(&mut entries, *at, TimelineEntryKind::BreachNotified, &folded);
            }
            _ => {}
        }
        for what in steps(clock.metric, event) {
            let next = step(&folded, what, *at, calendar);
            let kind = match what {
                Step::Start => Some(TimelineEntryKind::Started),
                Step::Retarget => Some(TimelineEntryKind::Aimed),
                Step::Pause if next.since != folded.since => Some(TimelineEntryKind::Paused),
                Step::Resume if next.since != folded.since => Some(TimelineEntryKind::Resumed),
                Step::End if next != folded && next.breached_at.is_some() => Some(TimelineEntryKind::MissedEnd),
                Step::End if next != folded => Some(TimelineEntryKind::Met),
                _ => None,
            };
            folded = next;
            if let Some(kind) = kind {
                push(&mut entries, *at, kind, &folded);
            }
        }
    }
    let reading = read(&folded, now, calendar);
    if let Some(due) = reading.breached_at.filter(|_| !missed && reading.state == State::Breached)
        && !entries.iter().any(|entry| entry.kind == TimelineEntryKind::MissedEnd)
    {
        push(&mut entries, due, TimelineEntryKind::Breached, &folded);
        entries.sort_by_key(|entry| entry.at);
    }
    entries
}
