use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::decide::{
    AssigneeActivity, RateLimitDecision, SendWindow, can_reach, is_reachable, quiet_until, routes, state, verdict,
};
use super::model::{
    Cause, Channel, ContactPoints, Delivery, DeliveryState, Notification, Params, Senders, Settings, State, Terminal,
    UnseenReason, Via,
};
use crate::kernel::{DeliveryId, NotificationId, Timestamp, UserId, days, hours, minutes, seconds};
use crate::runtime::ports::{OutboundMessage, Outcome, Rate, Sender};

/// A sender that only declares whether it has receipts.
struct StubSender {
    receipts: bool,
}

impl Sender for StubSender {
    fn account(&self) -> &str {
        "stub"
    }

    fn rate(&self) -> Option<Rate> {
        None
    }

    fn has_receipts(&self) -> bool {
        self.receipts
    }

    fn secret_digest(&self) -> String {
        String::new()
    }

    fn send(&self, _: OutboundMessage, _: Timestamp) -> BoxFuture<'static, Outcome> {
        Box::pin(std::future::ready(Outcome::Sent { id: None }))
    }
}

fn senders(of: &[(Channel, bool)]) -> Senders {
    let sender = |receipts| Arc::new(StubSender { receipts }) as Arc<dyn Sender>;
    Senders(of.iter().map(|(channel, receipts)| (*channel, sender(*receipts))).collect::<HashMap<_, _>>())
}

fn now() -> Timestamp {
    Timestamp::parse("2026-03-02T09:00:00Z").unwrap()
}

fn terminal(channel: Channel, primary: bool) -> Terminal {
    let address = if channel == Channel::Web { String::new() } else { "x".to_owned() };
    Terminal { user: UserId(Uuid::nil()), channel, address, primary, proved_at: Some(Timestamp::from_millis(0)) }
}

fn contact_points(terminals: &[(Channel, bool)], used: &[(Channel, Duration)]) -> ContactPoints {
    ContactPoints {
        terminals: terminals.iter().map(|(channel, primary)| terminal(*channel, *primary)).collect(),
        activity: used.iter().map(|(channel, ago)| (*channel, now() - *ago)).collect(),
        page_open_at: used.iter().find(|(channel, _)| *channel == Channel::Web).map(|(_, ago)| now() - *ago),
        email: Some("a@b.c".to_owned()),
        ..ContactPoints::default()
    }
}

#[test]
fn the_recently_used_channel_comes_first() {
    use Channel::{Dingtalk, Email, Sms, Web, Wecom};
    let all = senders(&[(Wecom, false), (Dingtalk, false), (Email, false), (Sms, true)]);
    let bound = [(Wecom, true), (Dingtalk, false), (Sms, false)];
    for (used, expected) in [
        // No recent activity: the primary terminal, then messengers, then paid channels.
        (vec![], vec![Wecom, Dingtalk, Email, Sms]),
        (vec![(Dingtalk, hours(1))], vec![Dingtalk, Wecom, Email, Sms]),
        (vec![(Dingtalk, hours(1)), (Sms, minutes(5))], vec![Sms, Wecom, Dingtalk, Email]),
        (vec![(Dingtalk, hours(3))], vec![Wecom, Dingtalk, Email, Sms]),
        // An open page.
        (vec![(Web, minutes(1))], vec![Web, Wecom, Dingtalk, Email, Sms]),
        // A closed page is no route.
        (vec![(Web, minutes(5))], vec![Wecom, Dingtalk, Email, Sms]),
    ] {
        let channels = routes(&contact_points(&bound, &used), &Via::Preferred, now(), &Settings::default(), &all);
        assert_eq!(channels.into_iter().map(|(channel, _)| channel).collect::<Vec<_>>(), expected, "{used:?}");
    }
    // Channels without a sender come last.
    let channels =
        routes(&contact_points(&bound, &[]), &Via::Preferred, now(), &Settings::default(), &senders(&[(Email, false)]));
    assert_eq!(channels[0].0, Email);
    // A level uses every channel that it names and the person has; any channel if the person has none of them.
    let level = |channels: &[Channel]| {
        let channels =
            routes(&contact_points(&bound, &[]), &Via::All(channels.to_vec()), now(), &Settings::default(), &all);
        channels.into_iter().map(|(channel, _)| channel).collect::<Vec<_>>()
    };
    assert_eq!(level(&[Sms, Wecom, Channel::Feishu]), [Sms, Wecom]);
    assert_eq!(level(&[Channel::Feishu]), [Wecom, Dingtalk, Email, Sms]);
}

#[test]
fn levels_two_and_three_need_an_external_channel() {
    use Channel::{Email, Sms, Web, WebPush};
    let session = |ago: Duration| Some(now() - ago);
    let bound = contact_points(&[(WebPush, true), (Sms, false)], &[]);
    for (level, channels, last_session, expected) in [
        (1, vec![Web], session(days(6)), true),
        (1, vec![Web], session(days(8)), false),
        (1, vec![Web], None, false),
        (2, vec![Web], session(days(1)), false),
        (1, vec![WebPush], session(days(1)), false),
        (2, vec![Web, Sms], None, true),
        (3, vec![Email], None, true),
        (3, vec![Channel::Feishu], None, false),
        (1, vec![], session(days(1)), false),
    ] {
        assert_eq!(can_reach(&bound, last_session, level, &channels, now()), expected, "{level} {channels:?}");
    }
}

#[test]
fn whoever_can_be_sent_a_message_or_was_here_lately_is_reachable() {
    use Channel::{Email, Sms, Web, Wecom};
    let ago = |of: Option<Duration>| of.map(|ago| now() - ago);
    for (terminals, email, senders_of, last_session, expected) in [
        // The account's e-mail address, before the first sign-in.
        (vec![], true, vec![Email], None, true),
        (vec![], false, vec![Email], None, false),
        (vec![Email], false, vec![Email], None, true),
        (vec![Sms], true, vec![Sms], None, true),
        // A terminal whose channel has no sender.
        (vec![Wecom], true, vec![Sms], None, false),
        (vec![Wecom, Sms], true, vec![Sms], None, true),
        // Without any sender only a session counts.
        (vec![Wecom, Sms], true, vec![], None, false),
        (vec![Wecom], true, vec![], Some(days(6)), true),
        (vec![Web], true, vec![], Some(days(8)), false),
        (vec![], false, vec![], Some(days(6)), true),
    ] {
        let bound: Vec<(Channel, bool)> = terminals.iter().map(|channel| (*channel, false)).collect();
        let points = ContactPoints { email: email.then(|| "a@b.c".to_owned()), ..contact_points(&bound, &[]) };
        let of: Vec<(Channel, bool)> = senders_of.iter().map(|channel| (*channel, false)).collect();
        let reachable = is_reachable(&points, &senders(&of), ago(last_session), now());
        assert_eq!(reachable, expected, "{terminals:?} {email} {senders_of:?} {last_session:?}");
    }
}

#[test]
fn no_minute_contains_more_messages_than_a_provider_allows() {
    // DingTalk's robots: twenty a minute.
    let rate = Rate { messages: 20, per: minutes(1) };
    let mut window = SendWindow::default();
    let mut sent: Vec<Timestamp> = Vec::new();
    let mut at = now();
    while at < now() + minutes(10) {
        match window.clone().take(rate, at) {
            RateLimitDecision::Granted(next) => {
                window = next;
                sent.push(at);
                at = at + Duration::from_millis(70);
            }
            RateLimitDecision::RetryAt(next) => {
                assert!(next > at && next <= at + seconds(63), "{at} {next}");
                at = next;
            }
        }
    }
    for (first, later) in sent.iter().zip(sent.iter().skip(20)) {
        assert!(*later > *first + minutes(1), "{first} {later}");
    }
    assert!(sent.len() >= 180, "{} in ten minutes", sent.len());
    assert!(window.slots.len() <= 62);
}

#[test]
fn a_blocked_account_waits_and_keeps_its_count() {
    let rate = Rate { messages: 1, per: minutes(1) };
    let RateLimitDecision::Granted(window) = SendWindow::default().take(rate, now()) else { panic!("the first") };
    let blocked = window.blocked(now() + minutes(10));
    assert_eq!(blocked.clone().take(rate, now()), RateLimitDecision::RetryAt(now() + minutes(10)));
    assert!(matches!(blocked.clone().take(rate, now() + minutes(10)), RateLimitDecision::Granted(_)));
    let short = blocked.blocked(now() + seconds(1));
    assert!(matches!(short.take(rate, now() + seconds(2)), RateLimitDecision::RetryAt(_)));
}

#[test]
fn a_clock_that_is_set_back_does_not_stop_an_account() {
    let rate = Rate { messages: 1, per: minutes(1) };
    let RateLimitDecision::Granted(window) = SendWindow::default().take(rate, now() + hours(9)) else {
        panic!("the first")
    };
    assert!(
        matches!(window.blocked(now() + days(9)).take(rate, now()), RateLimitDecision::RetryAt(at) if at <= now() + hours(2))
    );
}

#[test]
fn quiet_hours_follow_the_local_time() {
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let at = |text: &str| Timestamp::parse(text).unwrap();
    let night = Some((22 * 60, 7 * 60));
    for (quiet, instant, until) in [
        (night, "2026-03-02T21:59:00+08:00", None),
        (night, "2026-03-02T22:00:00+08:00", Some("2026-03-03T07:00:00+08:00")),
        (night, "2026-03-03T06:59:00+08:00", Some("2026-03-03T07:00:00+08:00")),
        (night, "2026-03-03T07:00:00+08:00", None),
        (Some((12 * 60, 13 * 60)), "2026-03-03T12:30:00+08:00", Some("2026-03-03T13:00:00+08:00")),
        (None, "2026-03-03T02:00:00+08:00", None),
    ] {
        assert_eq!(quiet_until(quiet, at(instant), &zone), until.map(at), "{quiet:?} {instant}");
    }
}

fn delivery(channel: Channel, state: DeliveryState) -> Delivery {
    let sent = matches!(state, DeliveryState::Sent | DeliveryState::Delivered);
    Delivery {
        id: DeliveryId(Uuid::nil()),
        notification: NotificationId(Uuid::nil()),
        position: 0,
        channel,
        address: "x".to_owned(),
        state,
        attempts: 1,
        queued_at: now(),
        sent_at: sent.then(|| now() + minutes(1)),
        delivered_at: (state == DeliveryState::Delivered).then(|| now() + minutes(2)),
        failure: None,
        provider_id: None,
        digest: None,
        repeated: false,
    }
}

fn notification(deliveries: Vec<Delivery>) -> Notification {
    Notification {
        id: NotificationId(Uuid::nil()),
        cause: Cause::Assigned,
        cause_key: "event:1".to_owned(),
        ticket: None,
        recipient: UserId(Uuid::nil()),
        via: Via::Preferred,
        params: Params::default(),
        decided_at: now(),
        opened_at: None,
        deliveries,
    }
}

#[test]
fn the_state_is_that_of_the_best_delivery() {
    use DeliveryState::{Delivered, Failed, Queued, Sent, Unknown};
    for (states, expected) in [
        (vec![], State::Decided),
        (vec![Failed], State::Failed),
        (vec![Failed, Queued], State::Queued),
        (vec![Failed, Sent], State::Sent),
        (vec![Delivered, Failed], State::Delivered),
        (vec![Unknown, Failed], State::Unknown),
    ] {
        let deliveries = states.iter().map(|state| delivery(Channel::Sms, *state)).collect();
        assert_eq!(state(&notification(deliveries)), expected, "{states:?}");
    }
    assert_eq!(state(&Notification { opened_at: Some(now()), ..notification(vec![]) }), State::Opened);
}

#[test]
fn a_verdict_names_the_reason_that_the_deliveries_prove() {
    use Channel::{Sms, Web, Wecom};
    use DeliveryState::{Delivered, Failed, Queued, Sent, Unknown};
    // SMS has receipts, WeCom has none.
    let senders = senders(&[(Sms, true), (Wecom, false)]);
    let assigned = AssigneeActivity { assigned_at: Some(now()), opened_at: None, answered: false };
    for (activity, deliveries, expected) in [
        (AssigneeActivity { answered: true, ..assigned }, vec![], None),
        (AssigneeActivity::default(), vec![], Some(UnseenReason::NobodyAssigned)),
        (assigned, vec![], Some(UnseenReason::NeverSent)),
        (assigned, vec![(Sms, Failed)], Some(UnseenReason::NeverSent)),
        (assigned, vec![(Sms, Queued)], Some(UnseenReason::NeverSent)),
        (assigned, vec![(Sms, Sent)], Some(UnseenReason::NotDelivered)),
        (assigned, vec![(Web, Sent)], Some(UnseenReason::NotDelivered)),
        // Without receipts the outcome is unknown.
        (assigned, vec![(Wecom, Sent)], Some(UnseenReason::DeliveryUnknown)),
        (assigned, vec![(Sms, Failed), (Wecom, Sent)], Some(UnseenReason::DeliveryUnknown)),
        (assigned, vec![(Sms, Unknown)], Some(UnseenReason::DeliveryUnknown)),
        (assigned, vec![(Wecom, Sent), (Sms, Delivered)], Some(UnseenReason::NotOpened)),
        (
            AssigneeActivity { opened_at: Some(now() + minutes(3)), ..assigned },
            vec![(Sms, Delivered)],
            Some(UnseenReason::OpenedAndLeft),
        ),
    ] {
        let rows = vec![notification(deliveries.iter().map(|(channel, state)| delivery(*channel, *state)).collect())];
        let reason = verdict(now() - hours(1), activity, rows, &senders).map(|verdict| verdict.reason);
        assert_eq!(reason, expected, "{deliveries:?}");
    }
}

mod audience {
    use crate::kernel::{CommentId, TicketId, UserId};
    use crate::notifications::decide::audience::{Happening, Person, RULES, happening};
    use crate::tickets::model::{
        Fact, ParticipantReason, PendingNeeds, Priority, Snapshot, TicketEvent, TicketStatus, Visibility,
    };
    use uuid::Uuid;

    const ALL: [Happening; 17] = [
        Happening::Created,
        Happening::Assigned,
        Happening::Accepted,
        Happening::WaitingSet,
        Happening::Resumed,
        Happening::Replied,
        Happening::RequesterReplied,
        Happening::NoteAdded,
        Happening::Resolved,
        Happening::Closed,
        Happening::Reopened,
        Happening::Cancelled,
        Happening::Chased,
        Happening::Mentioned,
        Happening::Changed,
        Happening::Linked,
        Happening::ReportPending,
    ];

    #[test]
    fn nothing_that_happens_to_a_ticket_is_told_to_nobody() {
        for of in ALL {
            assert!(RULES.iter().any(|rule| rule.of == of), "{of:?} is in nobody's row");
        }
        for rule in RULES {
            let same = RULES.iter().filter(|other| other.of == rule.of && other.who == rule.who);
            assert_eq!(same.count(), 1, "{rule:?} stands twice");
        }
    }

    #[test]
    fn requesters_hear_what_becomes_of_their_ticket() {
        let told = |of: Happening, who: Person| RULES.iter().any(|rule| rule.of == of && rule.who == who);
        for of in [
            Happening::Created,
            Happening::Assigned,
            Happening::WaitingSet,
            Happening::Replied,
            Happening::Resolved,
            Happening::Reopened,
            Happening::Cancelled,
        ] {
            assert!(told(of, Person::Requester), "{of:?}");
        }
        for of in [Happening::RequesterReplied, Happening::Chased, Happening::Reopened, Happening::Cancelled] {
            assert!(told(of, Person::Responsible), "{of:?}");
        }
        assert!(!told(Happening::NoteAdded, Person::Requester), "internal notes stay internal");
    }

    #[test]
    fn events_are_told_by_who_caused_them() {
        let (comment, user) = (CommentId(Uuid::nil()), UserId(Uuid::nil()));
        let said = |visibility| Fact::Commented { comment, visibility, text_digest: String::new() };
        let pending = Fact::ReportPending {
            system: "ERP".to_owned(),
            status: TicketStatus::Resolved,
            needs: PendingNeeds::Attribution,
        };
        for (fact, by_staff, expected) in [
            (said(Visibility::Public), true, Some(Happening::Replied)),
            (said(Visibility::Public), false, Some(Happening::RequesterReplied)),
            (said(Visibility::Internal), true, Some(Happening::NoteAdded)),
            (Fact::Resumed, true, Some(Happening::Resumed)),
            (Fact::Resumed, false, None),
            (Fact::Chased, false, Some(Happening::Chased)),
            (Fact::Opened, true, None),
            (Fact::LinksRevoked, true, None),
            (Fact::ParticipantAdded { user, reason: ParticipantReason::Mentioned }, true, Some(Happening::Mentioned)),
            (Fact::ParticipantAdded { user, reason: ParticipantReason::Follower }, true, None),
            (pending, true, Some(Happening::ReportPending)),
        ] {
            let after = Snapshot {
                status: TicketStatus::New,
                priority: Priority::Normal,
                team: None,
                assignee: None,
                requester: None,
                customer: None,
                product: None,
                issue_type: None,
            };
            let event = TicketEvent {
                ticket: TicketId(Uuid::nil()),
                fact,
                before: None,
                after,
                first_response: false,
                reported: false,
                history: None,
            };
            assert_eq!(happening(&event, by_staff).ok(), expected, "{event:?}");
        }
    }
}
