//! Why a clock fired, or did not: the fold over the ticket's events, step by step.

use super::{elapsed, read, start, step, steps};
use crate::calendar::decide::hours::Calendar;
use crate::kernel::Timestamp;
use crate::sla::model::{Clock, Entry, EntryKind, State, Step};
use crate::tickets::model::{Fact, TicketEvent};

/// What happened to a clock until now. `events` are the ticket's, in their order, from its creation on.
pub fn timeline(clock: &Clock, events: &[(Timestamp, TicketEvent)], now: Timestamp, calendar: &Calendar) -> Vec<Entry> {
    let mut folded = start(clock.ticket, clock.metric, clock.pin.clone(), clock.started_at, calendar);
    let mut entries = Vec::new();
    let mut missed = false;
    let put = |entries: &mut Vec<Entry>, at, kind, folded: &Clock| {
        entries.push(Entry { at, kind, elapsed: elapsed(folded, at, calendar), due_at: folded.due_at });
    };
    for (at, event) in events {
        // The target may have passed before this event.
        let told = matches!(event.fact, Fact::SlaBreached { metric } if metric == clock.metric);
        let passed = |due: &Timestamp| due < at || (told && due == at);
        if let Some(due) = folded.due_at.filter(|due| folded.since.is_some() && passed(due) && !missed) {
            put(&mut entries, due, EntryKind::Breached, &folded);
            missed = true;
        }
        match &event.fact {
            Fact::SlaRisk { metric } if *metric == clock.metric => put(&mut entries, *at, EntryKind::RiskTold, &folded),
            Fact::SlaBreached { metric } if *metric == clock.metric => {
                put(&mut entries, *at, EntryKind::BreachTold, &folded);
            }
            _ => {}
        }
        for what in steps(clock.metric, event) {
            let next = step(&folded, what, *at, calendar);
            let kind = match what {
                Step::Start => Some(EntryKind::Started),
                Step::Aim => Some(EntryKind::Aimed),
                Step::Pause if next.since != folded.since => Some(EntryKind::Paused),
                Step::Resume if next.since != folded.since => Some(EntryKind::Resumed),
                Step::End if next != folded && next.breached_at.is_some() => Some(EntryKind::MissedEnd),
                Step::End if next != folded => Some(EntryKind::Met),
                _ => None,
            };
            folded = next;
            if let Some(kind) = kind {
                put(&mut entries, *at, kind, &folded);
            }
        }
    }
    let reading = read(&folded, now, calendar);
    if let Some(due) = reading.breached_at.filter(|_| !missed && reading.state == State::Breached)
        && !entries.iter().any(|entry| entry.kind == EntryKind::MissedEnd)
    {
        put(&mut entries, due, EntryKind::Breached, &folded);
        entries.sort_by_key(|entry| entry.at);
    }
    entries
}
