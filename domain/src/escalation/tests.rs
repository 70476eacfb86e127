use uuid::Uuid;

use super::decide::{Move, due, levels, moved, plan};
use super::model::{Escalation, Level, LevelGiven, Measure, Policy, State};
use crate::calendar::decide::hours::Calendar;
use crate::calendar::model::{Hours, Range};
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
        watched: Some(user(1)),
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
    // On the assignee's working hours: 9 to 12 and 13 to 18.
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
    for (after, fires, overtaken, next) in [
        (1, None, vec![], Some(2)),
        (2, Some(1), vec![], Some(4)),
        (5, Some(2), vec![1], Some(8)),
        (9, Some(3), vec![1, 2], None),
    ] {
        let (fired, skipped, again) = due(&planned, monday() + hours(after));
        assert_eq!(fired.map(|level| level.level), fires, "{after} h");
        assert_eq!(skipped.iter().map(|level| level.level).collect::<Vec<_>>(), overtaken, "{after} h");
        assert_eq!(again, next.map(|after| monday() + hours(after)), "{after} h");
    }
    // What has fired fires no more.
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
fn the_watch_follows_whose_turn_it_is() {
    use TicketStatus::{Assigned, Cancelled, Closed, InProgress, New, Resolved, Waiting};
    let comment =
        |visibility| Fact::Commented { comment: CommentId(Uuid::nil()), visibility, text_digest: String::new() };
    let (public, internal) = (comment(Visibility::Public), comment(Visibility::Internal));
    let resolved = Fact::Resolved { text_digest: String::new() };
    let watch = |whom: Option<u128>, fresh| Some(Move::Watch { whom: whom.map(user), fresh });
    let (of_nobody, of_one, over) = (Some(None), Some(Some(user(1))), None);
    for (fact, from, to, first_response, actor, watched, expected) in [
        (Fact::Created { text_digest: String::new() }, (New, None), (New, None), false, 9, over, watch(None, true)),
        (
            Fact::Assigned { hand_over: false },
            (New, None),
            (Assigned, Some(1)),
            false,
            9,
            of_nobody,
            watch(Some(1), false),
        ),
        (
            Fact::Assigned { hand_over: true },
            (InProgress, Some(1)),
            (Assigned, Some(2)),
            false,
            1,
            over,
            watch(Some(2), true),
        ),
        (
            Fact::Assigned { hand_over: false },
            (Assigned, Some(1)),
            (Assigned, Some(2)),
            false,
            9,
            of_one,
            watch(Some(2), true),
        ),
        // Opening it is no answer.
        (Fact::Opened, (Assigned, Some(1)), (Assigned, Some(1)), false, 1, of_one, None),
        (Fact::Accepted, (Assigned, Some(1)), (InProgress, Some(1)), true, 1, of_one, Some(Move::Stop)),
        (Fact::Accepted, (New, None), (InProgress, Some(1)), true, 1, of_nobody, Some(Move::Stop)),
        (Fact::Accepted, (Assigned, Some(1)), (InProgress, Some(2)), true, 2, of_one, Some(Move::Stop)),
        (internal.clone(), (Assigned, Some(1)), (Assigned, Some(1)), true, 1, of_one, Some(Move::Stop)),
        // Somebody else's answer is the ticket's first response, and not theirs.
        (public.clone(), (Assigned, Some(1)), (Assigned, Some(1)), true, 9, of_one, None),
        (public.clone(), (New, None), (New, None), true, 9, of_nobody, Some(Move::Stop)),
        (public, (New, None), (New, None), false, 7, of_nobody, None),
        (Fact::Chased, (Assigned, Some(1)), (Assigned, Some(1)), false, 7, of_one, None),
        (
            Fact::WaitingSet { text_digest: String::new() },
            (InProgress, Some(1)),
            (Waiting, Some(1)),
            false,
            1,
            over,
            None,
        ),
        (resolved, (InProgress, Some(1)), (Resolved, Some(1)), false, 9, of_one, Some(Move::Stop)),
        (
            Fact::Cancelled { text_digest: String::new() },
            (New, None),
            (Cancelled, None),
            false,
            9,
            of_nobody,
            Some(Move::Stop),
        ),
        (
            Fact::Reopened { comment: None },
            (Closed, Some(1)),
            (InProgress, Some(1)),
            false,
            7,
            over,
            watch(Some(1), true),
        ),
        (Fact::Reopened { comment: None }, (Closed, Some(1)), (InProgress, Some(1)), false, 1, over, Some(Move::Stop)),
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
        assert_eq!(moved(&event, Some(user(actor)), watched), expected, "{event:?} by {actor}");
    }
}

#[test]
fn levels_that_are_none_are_refused() {
    let given = |level, after_secs, channels: &[Channel]| LevelGiven { level, after_secs, channels: channels.to_vec() };
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
