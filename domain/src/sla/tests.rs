use std::time::Duration;

use proptest::prelude::*;
use uuid::Uuid;

use super::decide::{self, check_clock, fold, policy_of, read, start, step, timeline};
use super::model::{Clock, Conditions, PinnedPolicy, Policy, PolicyRef, SlaMetric, State, Step, TimelineEntryKind};
use crate::calendar::model::{Calendar, CalendarRef, Hours, Range};
use crate::kernel::{CustomerId, TicketId, Timestamp, hours, minutes, seconds};
use crate::tickets::model::{Fact, Priority, Snapshot, TicketEvent, TicketStatus};

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// A Monday, 09:00 in Shanghai.
fn monday() -> Timestamp {
    at("2026-03-02T09:00:00+08:00")
}

fn pinned(target: Duration) -> PinnedPolicy {
    let policy = PolicyRef { key: "DEFAULT".to_owned(), version: 1 };
    PinnedPolicy { policy, calendar: CalendarRef { key: "24x7".to_owned(), version: 1 }, target }
}

fn clock(metric: SlaMetric, target: Duration, calendar: &Calendar) -> Clock {
    start(TicketId(Uuid::nil()), metric, pinned(target), monday(), calendar)
}

/// Mondays to Fridays, 9 to 12 and 13 to 18.
fn office() -> Calendar {
    let ranges = vec![Range { from: 540, to: 720 }, Range { from: 780, to: 1080 }];
    let week = std::array::from_fn(|day| if day < 5 { ranges.clone() } else { Vec::new() });
    let hours = Hours { zone: "Asia/Shanghai".to_owned(), week, exceptions: Vec::new() };
    let zone = crate::calendar::decide::check(&hours).unwrap();
    Calendar::new(hours, zone)
}

fn snapshot(status: TicketStatus) -> Snapshot {
    Snapshot {
        status,
        priority: Priority::Normal,
        team: None,
        assignee: None,
        requester: None,
        customer: None,
        product: None,
        issue_type: None,
    }
}

fn event(fact: Fact, from: TicketStatus, to: TicketStatus, first_response: bool) -> TicketEvent {
    TicketEvent {
        ticket: TicketId(Uuid::nil()),
        fact,
        before: Some(snapshot(from)),
        after: snapshot(to),
        first_response,
        reported: false,
        history: None,
    }
}

#[test]
fn the_most_specific_policy_applies() {
    let customer = CustomerId(Uuid::from_u128(7));
    let policy = |key: &str, priorities: &[Priority], customer, issue_type: Option<&str>| Policy {
        of: PolicyRef { key: key.to_owned(), version: 1 },
        name: key.to_owned(),
        name_zh: None,
        archived: key == "old",
        conditions: Conditions { priorities: priorities.to_vec(), customer, issue_type: issue_type.map(str::to_owned) },
        first_response: Some(minutes(15)),
        resolution: None,
        calendar: "24x7".to_owned(),
    };
    let policies = [
        policy("DEFAULT", &[], None, None),
        policy("old", &[Priority::Urgent], Some(customer), Some("REPAIR")),
        policy("urgent", &[Priority::Urgent], None, None),
        policy("acme", &[], Some(customer), None),
        policy("repair", &[Priority::Urgent], None, Some("REPAIR")),
    ];
    let urgent = Snapshot { priority: Priority::Urgent, ..snapshot(TicketStatus::New) };
    let repair = Snapshot { issue_type: Some("REPAIR".to_owned()), ..urgent.clone() };
    let acme = Snapshot { customer: Some(customer), ..repair.clone() };
    for (ticket, expected) in
        [(snapshot(TicketStatus::New), "DEFAULT"), (urgent, "urgent"), (repair, "repair"), (acme, "acme")]
    {
        assert_eq!(policy_of(&policies, &ticket).unwrap().of.key, expected);
    }
    assert_eq!(policy_of(&policies[1..2], &snapshot(TicketStatus::New)), None);
}

#[test]
fn a_breach_is_computed_on_read() {
    let always = Calendar::around_the_clock();
    let clock = clock(SlaMetric::FirstResponse, minutes(15), &always);
    let due = monday() + minutes(15);
    let just_before = read(&clock, due - Duration::from_millis(1), &always);
    assert_eq!((just_before.state, just_before.breached_at), (State::Running, None));
    let breached = read(&clock, due, &always);
    assert_eq!((breached.state, breached.breached_at), (State::Breached, Some(due)));
    assert_eq!(breached.remaining, Some(Duration::ZERO));
    for (responded, state) in [(due, State::Met), (due + Duration::from_millis(1), State::Breached)] {
        let ended = step(&clock, Step::End, responded, &always);
        let reading = read(&ended, due + hours(9), &always);
        assert_eq!((reading.state, reading.remaining), (state, None), "{responded}");
    }
}

#[test]
fn a_clock_pauses_while_the_ticket_waits() {
    let office = office();
    let clock = clock(SlaMetric::Resolution, hours(4), &office);
    assert_eq!(clock.due_at, Some(at("2026-03-02T14:00:00+08:00")), "noon does not count");
    let paused = step(&clock, Step::Pause, at("2026-03-02T10:00:00+08:00"), &office);
    let reading = read(&paused, at("2026-03-05T10:00:00+08:00"), &office);
    assert_eq!((reading.state, reading.due_at, reading.elapsed), (State::Paused, None, hours(1)));
    assert_eq!(reading.remaining, Some(hours(3)));
    // Resumed in the evening: the remaining time starts the next morning.
    let resumed = step(&paused, Step::Resume, at("2026-03-02T20:00:00+08:00"), &office);
    assert_eq!(resumed.due_at, Some(at("2026-03-03T12:00:00+08:00")));
    let met = step(&resumed, Step::End, at("2026-03-03T11:00:00+08:00"), &office);
    assert_eq!(read(&met, at("2026-03-09T00:00:00+08:00"), &office).state, State::Met);
    // After reopening, the remaining hour counts.
    let reopened = step(&met, Step::Resume, at("2026-03-04T09:00:00+08:00"), &office);
    assert_eq!(reopened.due_at, Some(at("2026-03-04T10:00:00+08:00")));
}

#[test]
fn a_pause_after_the_target_keeps_the_breach() {
    let always = Calendar::around_the_clock();
    let clock = clock(SlaMetric::Resolution, hours(4), &always);
    let due = monday() + hours(4);
    let paused = step(&clock, Step::Pause, due, &always);
    let reading = read(&paused, due + hours(1), &always);
    assert_eq!((reading.state, reading.breached_at), (State::Breached, Some(due)));
    let resumed = step(&paused, Step::Resume, due + hours(1), &always);
    assert_eq!(read(&resumed, due + hours(1), &always).breached_at, Some(due));
}

#[test]
fn events_map_to_steps_of_clocks() {
    use TicketStatus::{Assigned, Cancelled, Closed, InProgress, New, Resolved, Waiting};
    let resolved = || Fact::Resolved { text_digest: String::new() };
    let updated = || Fact::Updated { fields: Vec::new() };
    for (event, first_response, resolution) in [
        (
            event(Fact::Created { text_digest: String::new(), product_recognised: false }, New, New, false),
            vec![Step::Start],
            vec![Step::Start],
        ),
        (event(Fact::Assigned { hand_over: false }, New, Assigned, false), vec![], vec![]),
        (event(Fact::Accepted, Assigned, InProgress, true), vec![Step::End], vec![]),
        (event(updated(), InProgress, Waiting, false), vec![Step::Pause], vec![Step::Pause]),
        (event(Fact::Resumed, Waiting, InProgress, false), vec![Step::Resume], vec![Step::Resume]),
        (event(resolved(), InProgress, Resolved, false), vec![Step::Pause], vec![Step::End]),
        (event(resolved(), Waiting, Resolved, true), vec![Step::End], vec![Step::End]),
        (event(Fact::Closed { automatic: true }, Resolved, Closed, false), vec![], vec![]),
        (event(Fact::Reopened { comment: None }, Closed, InProgress, false), vec![Step::Resume], vec![Step::Resume]),
        (event(updated(), Assigned, Cancelled, false), vec![Step::Pause], vec![Step::Pause]),
    ] {
        assert_eq!(decide::steps(SlaMetric::FirstResponse, &event), first_response, "{event:?}");
        assert_eq!(decide::steps(SlaMetric::Resolution, &event), resolution, "{event:?}");
    }
    let mut raised = event(updated(), New, New, false);
    raised.after.priority = Priority::Urgent;
    assert_eq!(decide::steps(SlaMetric::Resolution, &raised), [Step::Retarget]);
}

#[test]
fn risk_and_breach_are_announced_once_each() {
    let always = Calendar::around_the_clock();
    let mut clock = clock(SlaMetric::FirstResponse, minutes(15), &always);
    let check = |clock: &Clock, after| check_clock(clock, 0.8, monday() + after, &always);
    assert_eq!(check(&clock, minutes(0)).again_at, Some(monday() + minutes(12)));
    let risk = check(&clock, minutes(12));
    assert_eq!((risk.risk, risk.breach, risk.again_at), (true, false, Some(monday() + minutes(15))));
    // After downtime only the breach is announced.
    let late = check(&clock, hours(1));
    assert_eq!((late.risk, late.breach, late.again_at), (false, true, None));
    clock.risk_notified_at = Some(monday() + minutes(12));
    assert_eq!(check(&clock, minutes(13)).again_at, Some(monday() + minutes(15)));
    clock.breach_notified_at = Some(monday() + minutes(15));
    assert_eq!(check(&clock, minutes(16)), decide::ClockCheck::default());
}

#[test]
fn a_timeline_shows_why_a_clock_breached_or_not() {
    use TicketStatus::{Assigned, InProgress, New, Resolved, Waiting};
    let always = Calendar::around_the_clock();
    let clock = clock(SlaMetric::Resolution, hours(4), &always);
    let after = |n: u64| monday() + hours(n);
    let events = vec![
        (after(0), event(Fact::Created { text_digest: String::new(), product_recognised: false }, New, New, false)),
        (after(0), event(Fact::Assigned { hand_over: false }, New, Assigned, false)),
        (after(1), event(Fact::Accepted, Assigned, InProgress, true)),
        (after(2), event(Fact::WaitingSet { text_digest: String::new() }, InProgress, Waiting, false)),
        (after(9), event(Fact::Resumed, Waiting, InProgress, false)),
        (after(10), event(Fact::Resolved { text_digest: String::new() }, InProgress, Resolved, false)),
    ];
    let line = |entries: Vec<super::model::TimelineEntry>| {
        entries
            .iter()
            .map(|e| (e.kind, (e.at.millis() - monday().millis()) / 3_600_000, e.elapsed.as_secs() / 3600))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        line(timeline(&clock, &events, after(20), &always)),
        [
            (TimelineEntryKind::Started, 0, 0),
            (TimelineEntryKind::Paused, 2, 2),
            (TimelineEntryKind::Resumed, 9, 2),
            (TimelineEntryKind::Met, 10, 3),
        ]
    );
    assert_eq!(
        line(timeline(&clock, &events[..3], after(5), &always)),
        [(TimelineEntryKind::Started, 0, 0), (TimelineEntryKind::Breached, 4, 4)]
    );
    let late = [&events[..3], &[(after(6), events[5].1.clone())]].concat();
    assert_eq!(
        line(timeline(&clock, &late, after(9), &always)),
        [(TimelineEntryKind::Started, 0, 0), (TimelineEntryKind::Breached, 4, 4), (TimelineEntryKind::MissedEnd, 6, 6)]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// However often a clock pauses, only open calendar time while it runs counts.
    #[test]
    fn a_clock_counts_running_time_only(pauses in prop::collection::vec((1_u64..5_000, 1_u64..5_000), 0..8), tail in 0_u64..5_000) {
        use TicketStatus::{InProgress, Waiting};
        let office = office();
        let first = clock(SlaMetric::Resolution, hours(4), &office);
        let mut now = monday();
        let mut counted = Duration::ZERO;
        let mut events = Vec::new();
        for (run, pause) in pauses {
            let (paused, resumed) = (now + seconds(run), now + seconds(run + pause));
            counted += office.elapsed(now, paused);
            events.push((paused, event(Fact::WaitingSet { text_digest: String::new() }, InProgress, Waiting, false)));
            events.push((resumed, event(Fact::Resumed, Waiting, InProgress, false)));
            now = resumed;
        }
        counted += office.elapsed(now, now + seconds(tail));
        now = now + seconds(tail);
        let clock = fold(first, &events, &office);
        let reading = read(&clock, now, &office);
        prop_assert_eq!(reading.elapsed, counted);
        prop_assert_eq!(reading.state == State::Breached, counted >= hours(4));
    }
}
