use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::decide::{Bucket, Seen, Taken, is_reached, quiet_until, reaches, route, state, verdict};
use super::model::{
    Cause, Channel, Delivery, DeliveryState, Notification, Params, Parcel, Rate, Reach, Sender, Senders, Settings,
    State, Terminal, UnseenReason, Via,
};
use crate::kernel::{DeliveryId, NotificationId, Timestamp, UserId, days, hours, minutes, seconds};
use crate::runtime::jobs::Outcome;

/// A sender of which only what it declares is asked.
struct Declared {
    receipts: bool,
}

impl Sender for Declared {
    fn account(&self) -> &str {
        "declared"
    }

    fn rate(&self) -> Option<Rate> {
        None
    }

    fn has_receipts(&self) -> bool {
        self.receipts
    }

    fn digest(&self) -> String {
        String::new()
    }

    fn send(&self, _: Parcel) -> BoxFuture<'static, Outcome> {
        Box::pin(std::future::ready(Outcome::Sent { id: None }))
    }
}

fn senders(of: &[(Channel, bool)]) -> Senders {
    let sender = |receipts| Arc::new(Declared { receipts }) as Arc<dyn Sender>;
    Senders(of.iter().map(|(channel, receipts)| (*channel, sender(*receipts))).collect::<HashMap<_, _>>())
}

fn now() -> Timestamp {
    Timestamp::parse("2026-03-02T09:00:00Z").unwrap()
}

fn terminal(channel: Channel, primary: bool) -> Terminal {
    let address = if channel == Channel::Web { String::new() } else { "x".to_owned() };
    Terminal { user: UserId(Uuid::nil()), channel, address, primary }
}

fn reach(terminals: &[(Channel, bool)], used: &[(Channel, Duration)]) -> Reach {
    Reach {
        terminals: terminals.iter().map(|(channel, primary)| terminal(*channel, *primary)).collect(),
        activity: used.iter().map(|(channel, ago)| (*channel, now() - *ago)).collect(),
        page_open_at: used.iter().find(|(channel, _)| *channel == Channel::Web).map(|(_, ago)| now() - *ago),
        email: Some("a@b.c".to_owned()),
        ..Reach::default()
    }
}

#[test]
fn a_message_goes_first_where_the_person_is() {
    use Channel::{Dingtalk, Email, Sms, Web, Wecom};
    let all = senders(&[(Wecom, false), (Dingtalk, false), (Email, false), (Sms, true)]);
    let bound = [(Wecom, true), (Dingtalk, false), (Sms, false)];
    for (used, expected) in [
        // Nothing of late: the primary terminal, then what is with the person, what costs last.
        (vec![], vec![Wecom, Dingtalk, Email, Sms]),
        (vec![(Dingtalk, hours(1))], vec![Dingtalk, Wecom, Email, Sms]),
        (vec![(Dingtalk, hours(1)), (Sms, minutes(5))], vec![Sms, Wecom, Dingtalk, Email]),
        (vec![(Dingtalk, hours(3))], vec![Wecom, Dingtalk, Email, Sms]),
        // A page that is open.
        (vec![(Web, minutes(1))], vec![Web, Wecom, Dingtalk, Email, Sms]),
        // One that was closed is no way to anybody.
        (vec![(Web, minutes(5))], vec![Wecom, Dingtalk, Email, Sms]),
    ] {
        let ways = route(&reach(&bound, &used), &Via::Preferred, now(), &Settings::default(), &all);
        assert_eq!(ways.into_iter().map(|(channel, _)| channel).collect::<Vec<_>>(), expected, "{used:?}");
    }
    // Without a sender it comes last: that nobody was told has its reason then.
    let ways = route(&reach(&bound, &[]), &Via::Preferred, now(), &Settings::default(), &senders(&[(Email, false)]));
    assert_eq!(ways[0].0, Email);
    // A level goes to every channel that it names and the person has; to any where they have none of them.
    let level = |channels: &[Channel]| {
        let ways = route(&reach(&bound, &[]), &Via::All(channels.to_vec()), now(), &Settings::default(), &all);
        ways.into_iter().map(|(channel, _)| channel).collect::<Vec<_>>()
    };
    assert_eq!(level(&[Sms, Wecom, Channel::Feishu]), [Sms, Wecom]);
    assert_eq!(level(&[Channel::Feishu]), [Wecom, Dingtalk, Email, Sms]);
}

#[test]
fn levels_two_and_three_must_leave_the_process() {
    use Channel::{Email, Sms, Web, WebPush};
    let settings = Settings::default();
    let session = |ago: Duration| Some(now() - ago);
    let bound = reach(&[(WebPush, true), (Sms, false)], &[]);
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
        assert_eq!(reaches(&bound, last_session, level, &channels, now(), &settings), expected, "{level} {channels:?}");
    }
    assert!(is_reached(&bound, None, now(), &settings));
    assert!(!is_reached(&reach(&[(Web, true)], &[]), session(days(8)), now(), &settings));
}

#[test]
fn tokens_come_back_with_time() {
    // DingTalk's robots: twenty a minute.
    let rate = Rate { messages: 20, per: minutes(1) };
    let mut bucket = Bucket::full(rate, now());
    for _ in 0..20 {
        let Taken::Yes(left) = bucket.take(rate, now()) else { panic!("twenty at once") };
        bucket = left;
    }
    assert_eq!(bucket.take(rate, now()), Taken::NotBefore(now() + Duration::from_millis(3_001)));
    assert!(matches!(bucket.take(rate, now() + seconds(2)), Taken::NotBefore(_)));
    let Taken::Yes(left) = bucket.take(rate, now() + seconds(3)) else { panic!("one comes back every three seconds") };
    assert!(matches!(left.take(rate, now() + seconds(3)), Taken::NotBefore(_)));
    // Never more than full, however long nobody sent.
    let mut bucket = Bucket { tokens: 0, at: now() - days(9) };
    let mut taken = 0;
    while let Taken::Yes(left) = bucket.take(rate, now()) {
        bucket = left;
        taken += 1;
    }
    assert_eq!(taken, 20);
    let shut = Bucket::shut(now() + minutes(10));
    assert_eq!(shut.take(rate, now()), Taken::NotBefore(now() + minutes(10)));
    assert!(matches!(shut.take(rate, now() + minutes(10)), Taken::Yes(_)));
}

#[test]
fn quiet_hours_are_read_on_the_wall() {
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

fn told(deliveries: Vec<Delivery>) -> Notification {
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
fn the_best_way_is_the_state() {
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
        assert_eq!(state(&told(deliveries)), expected, "{states:?}");
    }
    assert_eq!(state(&Notification { opened_at: Some(now()), ..told(vec![]) }), State::Opened);
}

#[test]
fn why_a_ticket_was_not_seen_is_a_fact() {
    use Channel::{Sms, Web, Wecom};
    use DeliveryState::{Delivered, Failed, Queued, Sent, Unknown};
    // SMS has receipts, WeCom has none.
    let senders = senders(&[(Sms, true), (Wecom, false)]);
    let theirs = Seen { assigned_at: Some(now()), opened_at: None, answered: false };
    for (seen, deliveries, expected) in [
        (Seen { answered: true, ..theirs }, vec![], None),
        (Seen::default(), vec![], Some(UnseenReason::NobodyAssigned)),
        (theirs, vec![], Some(UnseenReason::NeverSent)),
        (theirs, vec![(Sms, Failed)], Some(UnseenReason::NeverSent)),
        (theirs, vec![(Sms, Queued)], Some(UnseenReason::NeverSent)),
        (theirs, vec![(Sms, Sent)], Some(UnseenReason::NotDelivered)),
        (theirs, vec![(Web, Sent)], Some(UnseenReason::NotDelivered)),
        // Nobody claims what nobody can see.
        (theirs, vec![(Wecom, Sent)], Some(UnseenReason::DeliveryUnknown)),
        (theirs, vec![(Sms, Failed), (Wecom, Sent)], Some(UnseenReason::DeliveryUnknown)),
        (theirs, vec![(Sms, Unknown)], Some(UnseenReason::DeliveryUnknown)),
        (theirs, vec![(Wecom, Sent), (Sms, Delivered)], Some(UnseenReason::NotOpened)),
        (
            Seen { opened_at: Some(now() + minutes(3)), ..theirs },
            vec![(Sms, Delivered)],
            Some(UnseenReason::OpenedAndLeft),
        ),
    ] {
        let rows = vec![told(deliveries.iter().map(|(channel, state)| delivery(*channel, *state)).collect())];
        let reason = verdict(now() - hours(1), seen, rows, &senders).map(|verdict| verdict.reason);
        assert_eq!(reason, expected, "{deliveries:?}");
    }
}
