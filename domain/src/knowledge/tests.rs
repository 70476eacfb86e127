use jiff::tz::TimeZone;

use super::decide::{lower_bound, recurs_in_a_week, standing};
use super::model::{Held, Signature, Standing, Trial};
use crate::kernel::{Timestamp, days, hours};
use crate::tickets::model::{AttributionGiven, FaultType, RootCauseLevel};

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn shanghai() -> TimeZone {
    TimeZone::get("Asia/Shanghai").unwrap()
}

#[test]
fn five_in_an_iso_week_recur_and_five_over_its_end_do_not() {
    // The last week of 2025 by ISO is the first of 2026: Monday the 29th to Sunday the 4th.
    let week = ["2025-12-29T00:00:00+08:00", "2025-12-31T12:00:00+08:00", "2026-01-01T12:00:00+08:00"].map(at);
    let sunday = [at("2026-01-04T23:59:59+08:00"), at("2026-01-03T00:00:00+08:00")];
    let monday = [at("2026-01-05T00:00:00+08:00"), at("2026-01-03T00:00:00+08:00")];
    let zone = shanghai();
    assert!(recurs_in_a_week(&[&week[..], &sunday].concat(), 5, &zone));
    assert!(!recurs_in_a_week(&[&week[..], &monday].concat(), 5, &zone), "one of them lies in the next week");
    assert!(recurs_in_a_week(&[&week[..], &monday].concat(), 4, &zone), "an administrator's choice");
    // In UTC the first of them is a Sunday.
    assert!(!recurs_in_a_week(&[&week[..], &sunday].concat(), 5, &TimeZone::UTC));
    assert!(!recurs_in_a_week(&[], 1, &zone));
}

#[test]
fn a_signature_does_not_depend_on_the_order_of_tags() {
    let given = |tags: &[&str]| AttributionGiven {
        fault_type: FaultType::Hardware,
        root_cause_level: RootCauseLevel::L2Environment,
        cause_tag: None,
        solution_tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        resolution: String::new(),
    };
    let digest = |product: Option<&str>, tags: &[&str]| Signature::of(product, &given(tags)).digest();
    assert_eq!(digest(None, &["PATCH", "RESTART"]), digest(None, &["RESTART", "PATCH", "PATCH"]));
    assert_ne!(digest(None, &["PATCH", "RESTART"]), digest(None, &["PATCH"]), "the same set, not a part of it");
    assert_ne!(digest(None, &["PATCH"]), digest(Some("PM-3300"), &["PATCH"]));
}

/// Against the values of R 4.3's `binom::binom.confint(x, n, methods = "wilson")`.
#[test]
fn the_lower_bound_is_wilsons() {
    for (good, all, bound) in [(0, 10, 0.0), (1, 1, 0.2065), (5, 10, 0.2366), (9, 10, 0.5958), (95, 100, 0.8882)] {
        let found = lower_bound(good, all).unwrap();
        assert!((found - bound).abs() < 5e-4, "{good} of {all}: {found}, not {bound}");
    }
    assert_eq!(lower_bound(0, 0), None);
}

#[test]
fn what_became_of_a_solution_is_told_once_its_time_has_passed() {
    let began = at("2026-01-01T00:00:00Z");
    let resolved = |failed_after: Option<u64>| Trial {
        resolved_at: Some(began),
        failed_at: failed_after.map(|after| began + hours(24 * after)),
    };
    let trials = [resolved(None), resolved(Some(5)), resolved(Some(20)), Trial { resolved_at: None, failed_at: None }];
    let now = |after: u64| standing(&trials, began + days(after)).survival;
    let held = |held, failed, pending| Held { held, failed, pending };
    assert_eq!(now(6), [held(0, 0, 4); 3], "what failed is known before what held: neither is told yet");
    assert_eq!(now(7), [held(2, 1, 1), held(0, 0, 4), held(0, 0, 4)]);
    assert_eq!(now(30), [held(2, 1, 1), held(1, 2, 1), held(0, 0, 4)]);
    assert_eq!(now(90), [held(2, 1, 1), held(1, 2, 1), held(1, 2, 1)]);
    // But it sinks at once.
    let early = |after: u64| standing(&trials, began + days(after)).failed_early;
    assert_eq!((early(6), early(7)), (2, 0));
    assert_eq!(standing(&trials, began).citing, 4);
}

#[test]
fn what_fails_sinks_below_what_nobody_has_tried() {
    let all = |held, failed| Standing {
        citing: held + failed,
        survival: [Held { held, failed, pending: 0 }; 3],
        failed_early: 0,
    };
    let ranks = [all(20, 0), all(3, 0), all(0, 0), all(1, 3), all(0, 2)].map(|standing| standing.rank());
    assert!(ranks.is_sorted_by(|a, b| a > b), "{ranks:?}");
    let reopened_today = Standing { failed_early: 1, ..all(0, 0) };
    assert!(reopened_today.rank() < all(0, 0).rank());
}
