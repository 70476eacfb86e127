use jiff::tz::TimeZone;

use super::decide::{lower_bound, recurs_in_a_week, reuse_stats};
use super::model::{CitationOutcome, ReuseStats, Signature, Survival};
use crate::kernel::{Timestamp, days, hours};
use crate::tickets::model::{AttributionDetails, FaultType, RootCauseLevel};

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn shanghai() -> TimeZone {
    TimeZone::get("Asia/Shanghai").unwrap()
}

#[test]
fn five_occurrences_recur_only_within_one_iso_week() {
    // ISO week 2026-W01 runs from Monday, 29 December 2025 to Sunday, 4 January 2026.
    let week = ["2025-12-29T00:00:00+08:00", "2025-12-31T12:00:00+08:00", "2026-01-01T12:00:00+08:00"].map(at);
    let sunday = [at("2026-01-04T23:59:59+08:00"), at("2026-01-03T00:00:00+08:00")];
    let monday = [at("2026-01-05T00:00:00+08:00"), at("2026-01-03T00:00:00+08:00")];
    let zone = shanghai();
    assert!(recurs_in_a_week(&[&week[..], &sunday].concat(), 5, &zone));
    assert!(!recurs_in_a_week(&[&week[..], &monday].concat(), 5, &zone), "one of them lies in the next week");
    assert!(recurs_in_a_week(&[&week[..], &monday].concat(), 4, &zone), "a configured threshold");
    // In UTC the first instant lies on the Sunday before.
    assert!(!recurs_in_a_week(&[&week[..], &sunday].concat(), 5, &TimeZone::UTC));
    assert!(!recurs_in_a_week(&[], 1, &zone));
}

#[test]
fn a_signature_does_not_depend_on_the_order_of_tags() {
    let given = |tags: &[&str]| AttributionDetails {
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

/// Expected values from R 4.3's `binom::binom.confint(x, n, methods = "wilson")`.
#[test]
fn the_lower_bound_matches_wilsons_interval() {
    for (good, all, bound) in [(0, 10, 0.0), (1, 1, 0.2065), (5, 10, 0.2366), (9, 10, 0.5958), (95, 100, 0.8882)] {
        let found = lower_bound(good, all).unwrap();
        assert!((found - bound).abs() < 5e-4, "{good} of {all}: {found}, not {bound}");
    }
    assert_eq!(lower_bound(0, 0), None);
}

#[test]
fn an_outcome_is_known_once_its_period_is_over() {
    let start = at("2026-01-01T00:00:00Z");
    let resolved = |failed_after: Option<u64>| CitationOutcome {
        resolved_at: Some(start),
        failed_at: failed_after.map(|after| start + hours(24 * after)),
    };
    let outcomes =
        [resolved(None), resolved(Some(5)), resolved(Some(20)), CitationOutcome { resolved_at: None, failed_at: None }];
    let now = |after: u64| reuse_stats(&outcomes, start + days(after)).survival;
    let survival = |survived, failed, pending| Survival { survived, failed, pending };
    assert_eq!(now(6), [survival(0, 0, 4); 3], "failures are known earlier than successes: neither counts yet");
    assert_eq!(now(7), [survival(2, 1, 1), survival(0, 0, 4), survival(0, 0, 4)]);
    assert_eq!(now(30), [survival(2, 1, 1), survival(1, 2, 1), survival(0, 0, 4)]);
    assert_eq!(now(90), [survival(2, 1, 1), survival(1, 2, 1), survival(1, 2, 1)]);
    // The rank falls at once.
    let early = |after: u64| reuse_stats(&outcomes, start + days(after)).failed_early;
    assert_eq!((early(6), early(7)), (2, 0));
    assert_eq!(reuse_stats(&outcomes, start).citing, 4);
}

#[test]
fn a_failing_solution_ranks_below_an_untried_one() {
    let stats = |survived, failed| ReuseStats {
        citing: survived + failed,
        survival: [Survival { survived, failed, pending: 0 }; 3],
        failed_early: 0,
    };
    let ranks = [stats(20, 0), stats(3, 0), stats(0, 0), stats(1, 3), stats(0, 2)].map(|stats| stats.rank());
    assert!(ranks.is_sorted_by(|a, b| a > b), "{ranks:?}");
    let reopened_today = ReuseStats { failed_early: 1, ..stats(0, 0) };
    assert!(reopened_today.rank() < stats(0, 0).rank());
}
