use uuid::Uuid;

use super::decide::{TimerChange, due, levels, plan, timer_change};
use super::model::{Escalation, Level, LevelInput, Measure, Policy, State};
use crate::calendar::model::{Calendar, Hours, Range};
use crate::kernel::{Code, CommentId, TicketId, Timestamp, UserId, hours};
use crate::notifications::model::Channel;
use crate::tickets::model::{Fact, Priority, Snapshot, TicketEvent, TicketStatus, Visibility};

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn monday() -> Timestamp {
    at("2026-03-02T09:00:00+08:00")
}

fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

fn policy() -> Policy {
    let level = |level, hours: u64| Level { level, after_secs: hours * 3_600, channels: vec![Channel::Sms] };
    Policy {
        priority: Priority::Normal,
        version: 1,
        measure: Measure::AroundTheClock,
        levels: vec![level(1, 2), level(2, 4), level(3, 8)],
    }
}

fn first(since: Timestamp) -> Escalation {
    Escalation {
        ticket: TicketId(Uuid::nil()),
        epoch: 1,
        level: 0,
        responsible: Some(user(1)),
        since,
        due_at: since,
        state: State::Planned,
        fired_at: None,
        priority: Priority::Normal,
        policy_version: 0,
        channels: Vec::new(),
        retry: false,
    }
}

#[test]
fn levels_are_measured_from_the_assignment() {
    let always = plan(&policy(), &first(monday()), &Calendar::around_the_clock());
    let dues: Vec<_> = always.iter().map(|level| (level.level, level.due_at)).collect();
    assert_eq!(dues, [(1, monday() + hours(2)), (2, monday() + hours(4)), (3, monday() + hours(8))]);
    // With the assignee's working hours: 9 to 12 and 13 to 18.
    let ranges = vec![Range { from: 540, to: 720 }, Range { from: 780, to: 1_080 }];
    let week = std::array::from_fn(|day| if day < 5 { ranges.clone() } else { Vec::new() });
    let zone = "Asia/Shanghai";
    let office = Calendar::new(
        Hours { zone: zone.to_owned(), week, exceptions: Vec::new() },
        jiff::tz::TimeZone::get(zone).unwrap(),
    );
    let working = plan(&policy(), &first(monday() + hours(7)), &office);
    let dues: Vec<_> = working.iter().map(|level| level.due_at).collect();
    let tuesday = |time: &str| at(&format!("2026-03-03T{time}:00+08:00"));
    assert_eq!(dues, [at("2026-03-02T18:00:00+08:00"), tuesday("11:00"), tuesday("16:00")]);
}

#[test]
fn after_downtime_only_the_highest_level_fires() {
    let planned = plan(&policy(), &first(monday()), &Calendar::around_the_clock());
    for (after, fires, superseded, next) in [
        (1, None, vec![], Some(2)),
        (2, Some(1), vec![], Some(4)),
        (5, Some(2), vec![1], Some(8)),
        (9, Some(3), vec![1, 2], None),
    ] {
        let (fired, skipped, again) = due(&planned, monday() + hours(after));
        assert_eq!(fired.map(|level| level.level), fires, "{after} h");
        assert_eq!(skipped.iter().map(|level| level.level).collect::<Vec<_>>(), superseded, "{after} h");
        assert_eq!(again, next.map(|after| monday() + hours(after)), "{after} h");
    }
    // A level does not fire twice.
    let mut fired = planned;
    fired[0].state = State::Fired;
    fired[1].state = State::Stopped;
    fired[2].state = State::Stopped;
    assert_eq!(due(&fired, monday() + hours(20)), (None, vec![], None));
}

fn snapshot(status: TicketStatus, assignee: Option<u128>) -> Snapshot {
    Snapshot {
        status,
        priority: Priority::Normal,
        team: None,
        assignee: assignee.map(user),
        requester: None,
        customer: None,
        product: None,
        issue_type: None,
    }
}

#[test]
fn the_timer_follows_the_person_who_must_act() {
    use TicketStatus::{Assigned, Cancelled, Closed, InProgress, New, Resolved, Waiting};
    let comment =
        |visibility| Fact::Commented { comment: CommentId(Uuid::nil()), visibility, text_digest: String::new() };
    let (public, internal) = (comment(Visibility::Public), comment(Visibility::Internal));
    let resolved = Fact::Resolved { text_digest: String::new() };
    let start = |responsible: Option<u128>, force_new_epoch| {
        Some(TimerChange::Start { responsible: responsible.map(user), force_new_epoch })
    };
    let (unassigned, first_user, no_timer) = (Some(None), Some(Some(user(1))), None);
    for (fact, from, to, first_response, actor, responsible, expected) in [
        (
            Fact::Created { text_digest: String::new(), product_recognised: false },
            (New, None),
            (New, None),
            false,
            9,
            no_timer,
            start(None, true),
        ),
        (
            Fact::Assigned { hand_over: false },
            (New, None),
            (Assigned, Some(1)),
            false,
            9,
            unassigned,
            start(Some(1), false),
        ),
        (
            Fact::Assigned { hand_over: true },
            (InProgress, Some(1)),
            (Assigned, Some(2)),
            false,
            1,
            no_timer,
            start(Some(2), true),
        ),
        (
            Fact::Assigned { hand_over: false },
            (Assigned, Some(1)),
            (Assigned, Some(2)),
            false,
            9,
            first_user,
            start(Some(2), true),
        ),
        // Opening it is not a response.
        (Fact::Opened, (Assigned, Some(1)), (Assigned, Some(1)), false, 1, first_user, None),
        (Fact::Accepted, (Assigned, Some(1)), (InProgress, Some(1)), true, 1, first_user, Some(TimerChange::Stop)),
        (Fact::Accepted, (New, None), (InProgress, Some(1)), true, 1, unassigned, Some(TimerChange::Stop)),
        (Fact::Accepted, (Assigned, Some(1)), (InProgress, Some(2)), true, 2, first_user, Some(TimerChange::Stop)),
        (internal.clone(), (Assigned, Some(1)), (Assigned, Some(1)), true, 1, first_user, Some(TimerChange::Stop)),
        // Another person's response is the ticket's first response, but does not stop the assignee's timer.
        (public.clone(), (Assigned, Some(1)), (Assigned, Some(1)), true, 9, first_user, None),
        (public.clone(), (New, None), (New, None), true, 9, unassigned, Some(TimerChange::Stop)),
        (public, (New, None), (New, None), false, 7, unassigned, None),
        (Fact::Chased, (Assigned, Some(1)), (Assigned, Some(1)), false, 7, first_user, None),
        (
            Fact::WaitingSet { text_digest: String::new() },
            (InProgress, Some(1)),
            (Waiting, Some(1)),
            false,
            1,
            no_timer,
            None,
        ),
        (resolved, (InProgress, Some(1)), (Resolved, Some(1)), false, 9, first_user, Some(TimerChange::Stop)),
        (
            Fact::Cancelled { text_digest: String::new() },
            (New, None),
            (Cancelled, None),
            false,
            9,
            unassigned,
            Some(TimerChange::Stop),
        ),
        (
            Fact::Reopened { comment: None },
            (Closed, Some(1)),
            (InProgress, Some(1)),
            false,
            7,
            no_timer,
            start(Some(1), true),
        ),
        (
            Fact::Reopened { comment: None },
            (Closed, Some(1)),
            (InProgress, Some(1)),
            false,
            1,
            no_timer,
            Some(TimerChange::Stop),
        ),
    ] {
        let event = TicketEvent {
            ticket: TicketId(Uuid::nil()),
            fact,
            before: Some(snapshot(from.0, from.1)),
            after: snapshot(to.0, to.1),
            first_response,
            reported: false,
            history: None,
        };
        assert_eq!(timer_change(&event, Some(user(actor)), responsible), expected, "{event:?} by {actor}");
    }
}

#[test]
fn invalid_levels_are_refused() {
    let given = |level, after_secs, channels: &[Channel]| LevelInput { level, after_secs, channels: channels.to_vec() };
    let sms = [Channel::Sms];
    for (bad, code) in [
        (vec![], Code::PolicyReachesNobody),
        (vec![given(4, 60, &sms)], Code::Invalid),
        (vec![given(0, 60, &sms)], Code::Invalid),
        (vec![given(1, 0, &sms)], Code::Invalid),
        (vec![given(1, 60, &sms), given(1, 90, &sms)], Code::Invalid),
        (vec![given(1, 60, &sms), given(2, 60, &sms)], Code::Invalid),
        (vec![given(2, 60, &sms), given(1, 90, &sms)], Code::Invalid),
    ] {
        assert_eq!(levels(&bad).unwrap_err().code, code, "{bad:?}");
    }
    let sorted = levels(&[given(2, 90, &sms), given(1, 60, &sms)]).unwrap();
    assert_eq!(sorted.iter().map(|level| level.level).collect::<Vec<_>>(), [1, 2]);
}
