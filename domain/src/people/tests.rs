use jiff::tz::TimeZone;
use uuid::Uuid;

use super::model::{Availability, Delegation};
use crate::kernel::{DelegationId, Timestamp, UserId};

fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// A delegation on weekdays from 13:00 to 14:30, in March.
fn noon(from: u128, to: u128) -> Delegation {
    Delegation {
        id: DelegationId(Uuid::from_u128(from * 10 + to)),
        from: user(from),
        to: user(to),
        begins: at("2026-03-01T00:00:00+08:00"),
        ends: at("2026-04-01T00:00:00+08:00"),
        weekdays: [true, true, true, true, true, false, false],
        from_minute: 13 * 60,
        to_minute: 14 * 60 + 30,
    }
}

#[test]
fn a_delegation_is_in_force_by_local_time() {
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let night = Delegation { from_minute: 22 * 60, to_minute: 30 * 60, ..noon(1, 2) };
    for (delegation, instant, expected) in [
        (noon(1, 2), "2026-03-02T13:00:00+08:00", true),
        (noon(1, 2), "2026-03-02T12:59:59+08:00", false),
        (noon(1, 2), "2026-03-02T14:29:59+08:00", true),
        (noon(1, 2), "2026-03-02T14:30:00+08:00", false),
        (noon(1, 2), "2026-03-07T13:30:00+08:00", false),   // a Saturday
        (noon(1, 2), "2026-04-01T13:30:00+08:00", false),   // ended
        (night.clone(), "2026-03-07T05:59:00+08:00", true), // began on Friday
        (night.clone(), "2026-03-09T05:59:00+08:00", false), // would have begun on Sunday
        (night, "2026-03-09T22:00:00+08:00", true),
    ] {
        assert_eq!(delegation.in_force(at(instant), &zone), expected, "{instant} {delegation:?}");
    }
}

#[test]
fn delegations_are_followed_transitively_and_cycles_are_ignored() {
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let noon_of_monday = at("2026-03-02T13:30:00+08:00");
    let chain = Availability { agents: Vec::new(), delegations: vec![noon(1, 2), noon(2, 3)] };
    assert_eq!(chain.delegate_for(user(1), noon_of_monday, &zone), user(3));
    assert_eq!(chain.delegate_for(user(3), noon_of_monday, &zone), user(3));
    let cycle = Availability { agents: Vec::new(), delegations: vec![noon(1, 2), noon(2, 1)] };
    // Both keep their own work; otherwise nobody would be available.
    for one in [1, 2] {
        assert_eq!(cycle.delegate_for(user(one), noon_of_monday, &zone), user(one));
        assert!(!cycle.is_delegated(user(one), noon_of_monday, &zone));
    }
    let into_cycle = Availability { agents: Vec::new(), delegations: vec![noon(3, 1), noon(1, 2), noon(2, 1)] };
    assert_eq!(into_cycle.delegate_for(user(3), noon_of_monday, &zone), user(3));
}
