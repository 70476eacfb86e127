//! The fold, its conflicts and colours, and echoes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::super::decide::{StatusFold, colour, echo_of, is_timely};
use super::super::model::{
    Colour, Conflict, Correction, CorrectionState, Entry, Outcome, RANK_OF_BUOY, Report, Source, Truth,
};
use super::NOON;
use crate::kernel::{CorrectionId, SystemId, TicketId, Timestamp, minutes, seconds};
use crate::tickets::model::TicketStatus::{self, Assigned, Cancelled, Closed, InProgress, New, Resolved, Waiting};
use crate::webhooks::model::QueueEntry;

const SYSTEMS: [&str; 3] = ["CRM", "ERP", "APP"];

fn report(system: &str, after_secs: u64, status: TicketStatus) -> Entry {
    report_of(system, after_secs, Some(status), false)
}

fn report_of(system: &str, after_secs: u64, status: Option<TicketStatus>, reopening: bool) -> Entry {
    let source_status = status.map_or("???", TicketStatus::as_str);
    let at = NOON + seconds(after_secs);
    Report { system, token: "TKN-8X9F2Q-L4M7P", source_status, event_id: None, at }.entry(
        rank(system),
        status,
        reopening,
    )
}

/// ERP and APP have the same rank.
fn rank(system: &str) -> u32 {
    if system == "CRM" { 1 } else { 2 }
}

fn local(at: Timestamp, status: TicketStatus, reopening: bool) -> Entry {
    Entry::local("TKN-8X9F2Q-L4M7P", at, status, reopening, true)
}

/// Everything that must not depend on the order of arrival.
#[derive(Debug, PartialEq)]
struct FinalState {
    fold: StatusFold,
    truth: Truth,
    conflicts: Vec<Conflict>,
    colour: Colour,
    /// The correction of each system that differs at the end, and its cause.
    due: BTreeMap<String, (TicketStatus, [u8; 32])>,
}

fn current_statuses(fold: &StatusFold) -> Vec<Option<TicketStatus>> {
    fold.latest().values().map(|entry| entry.status).chain(fold.local_status().map(Some)).collect()
}

fn fold_all(entries: impl IntoIterator<Item = Entry>) -> FinalState {
    let mut fold = StatusFold::default();
    for entry in entries {
        fold.insert(entry);
    }
    let (truth, conflicts) = (fold.truth(), fold.conflicts(minutes(5)));
    let differs = |system: &str| fold.latest().get(system).and_then(|entry| entry.status) != Some(truth.status);
    let due = SYSTEMS
        .into_iter()
        .filter(|system| differs(system))
        .filter_map(|system| Some((system.to_owned(), (truth.status, fold.cause(system)?))))
        .collect();
    FinalState { conflicts, colour: colour(&current_statuses(&fold)), due, truth, fold }
}

pub(super) fn permutations<T: Clone>(entries: &[T]) -> Vec<Vec<T>> {
    let Some((first, rest)) = entries.split_first() else { return vec![Vec::new()] };
    let mut all = Vec::new();
    for order in permutations(rest) {
        for place in 0..=order.len() {
            let mut longer = order.clone();
            longer.insert(place, first.clone());
            all.push(longer);
        }
    }
    all
}

#[test]
fn every_order_of_arrival_gives_the_same_result() {
    // Two reports of the same instant, a late closing, a step out of it that does not count, one that does, an unmapped
    // status and a local change by a person.
    let entries = [
        report("CRM", 0, Assigned),
        report("ERP", 60, InProgress),
        report("APP", 60, Waiting),
        report("CRM", 120, Closed),
        report("ERP", 180, Waiting),
        report_of("APP", 240, None, false),
        local(NOON + seconds(300), InProgress, true),
    ];
    let orders = permutations(&entries);
    assert_eq!(orders.len(), 5_040);
    let expected = fold_all(entries);
    assert_eq!(expected.truth.status, InProgress);
    assert_eq!(expected.truth.reopenings, 1);
    for order in orders {
        assert_eq!(fold_all(order), expected);
    }
}

fn any_status() -> impl Strategy<Value = Option<TicketStatus>> {
    prop_oneof![9 => proptest::sample::select(TicketStatus::ALL).prop_map(Some), 1 => Just(None)]
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let source = 0..4_usize;
    (source, 0..1_200_u64, any_status(), 0..7_u8).prop_map(|(source, after, status, number)| {
        // Few instants, so that many entries share one; some differ by microseconds. Entries with the same event id are equal.
        let (at, reopening) = (NOON + seconds(after / 40 * 40), number == 0);
        let at = Timestamp::from_micros(at.micros() + i64::from(number % 2));
        let source_status = status.map_or("???", TicketStatus::as_str);
        let system = SYSTEMS.get(source).copied().unwrap_or("local");
        // A distinct event id per content, so that no event id has two contents.
        let event = format!("{source_status} {after} {number}");
        let entry = Report { system, token: "T", source_status, event_id: Some(&event), at }.entry(
            rank(system),
            status,
            reopening,
        );
        if system == "local" {
            Entry { source: Source::Buoy, rank: RANK_OF_BUOY, by_person: true, ..entry }
        } else {
            Entry { position: u32::from(number % 3), ..entry }
        }
    })
}

proptest! {
    #[test]
    fn any_order_with_repetitions_gives_the_same_result(
        (entries, shuffled) in proptest::collection::vec(any_entry(), 0..14).prop_flat_map(|entries| {
            let twice: Vec<Entry> = entries.iter().chain(&entries).cloned().collect();
            (Just(entries), Just(twice).prop_shuffle())
        })
    ) {
        prop_assert_eq!(fold_all(shuffled), fold_all(entries));
    }

    #[test]
    fn without_a_closing_the_latest_report_wins(entries in proptest::collection::vec(any_entry(), 1..14)) {
        let open: Vec<Entry> = entries
            .into_iter()
            .filter(|entry| !matches!(entry.status, Some(Closed | Cancelled)))
            .collect();
        let end = fold_all(open.clone());
        let latest = open
            .iter()
            .filter(|entry| entry.status.is_some())
            .max_by_key(|entry| (entry.at, std::cmp::Reverse(entry.rank), entry.position, entry.digest));
        prop_assert_eq!(end.truth.status, latest.and_then(|entry| entry.status).unwrap_or(New));
    }

    #[test]
    fn a_closed_ticket_stays_closed_without_an_explicit_reopening(entries in proptest::collection::vec(any_entry(), 0..14)) {
        let closed = entries.iter().filter(|e| matches!(e.status, Some(Closed | Cancelled))).min_by_key(|e| e.at);
        let reopened = entries.iter().any(|entry| entry.reopening);
        if let (Some(_), false) = (closed, reopened) {
            let status = fold_all(entries.clone()).truth.status;
            prop_assert!(matches!(status, Closed | Cancelled), "{status:?}");
        }
    }

    #[test]
    fn a_local_change_by_a_person_is_never_stale(entries in proptest::collection::vec(any_entry(), 0..14), ago in 0..2_000_u64) {
        let mut fold = fold_all(entries).fold;
        let before = fold.truth().status;
        let status = if before == InProgress { Resolved } else { InProgress };
        // Even if the systems' clocks are ahead.
        let at = fold.next_at(NOON + seconds(ago));
        prop_assert_eq!(fold.insert(local(at, status, true)), Outcome::Applied);
        prop_assert_eq!(fold.truth().status, status);
    }

    #[test]
    fn a_fold_from_stored_entries_is_equal(entries in proptest::collection::vec(any_entry(), 0..14)) {
        let FinalState { fold, .. } = fold_all(entries);
        let mut stored = fold.entries().to_vec();
        stored.reverse();
        prop_assert_eq!(StatusFold::from_entries(stored, Timestamp::default()), fold);
    }
}

#[test]
fn each_report_has_the_expected_outcome() {
    let mut fold = StatusFold::default();
    for (entry, outcome) in [
        (report("CRM", 60, InProgress), Outcome::Applied),
        (report("CRM", 60, InProgress), Outcome::Duplicate),
        (report("ERP", 30, Assigned), Outcome::Stale),
        (report("ERP", 90, InProgress), Outcome::Agreed),
        (report("APP", 10, InProgress), Outcome::Agreed),
        (report_of("APP", 95, None, false), Outcome::UnmappedStatus),
        (report("APP", 100, Closed), Outcome::Applied),
        (report("ERP", 110, Waiting), Outcome::Stale),
        (report_of("ERP", 120, Some(InProgress), true), Outcome::Applied),
    ] {
        assert_eq!(fold.insert(entry.clone()), outcome, "{entry:?}");
    }
    assert_eq!(fold.truth().reopenings, 1);
}

#[test]
fn nothing_happens_to_a_ticket_before_it_is_created() {
    let created_at = NOON + seconds(600) + Duration::from_millis(700);
    let early = |system: &str, secs: u64, status| report(system, secs, status);
    let entries = [
        early("CRM", 0, Cancelled),
        early("ERP", 599, Closed),
        // Whole seconds: the second of the creation counts.
        report("CRM", 600, Assigned),
        report("APP", 660, InProgress),
    ];
    let expected = [Outcome::Stale, Outcome::Stale, Outcome::Applied, Outcome::Applied];
    for order in permutations(&[0, 1, 2, 3]) {
        let mut fold = StatusFold::from_entries(Vec::new(), created_at);
        for index in order {
            let outcome = fold.insert(entries[index].clone());
            assert!(index > 1 || outcome == expected[index], "{index}: {outcome:?}");
        }
        let truth = fold.truth();
        assert_eq!((truth.status, truth.reopenings, truth.at), (InProgress, 0, Some(NOON + seconds(660))));
        assert_eq!(fold.conflicts(minutes(5)).iter().map(|one| one.reports.len()).collect::<Vec<_>>(), [2]);
        // It is what the system holds all the same.
        assert_eq!(fold.latest()["ERP"].status, Some(Closed));
    }
    // Not even where it agrees.
    let mut fold = StatusFold::from_entries(Vec::new(), created_at);
    assert_eq!(fold.insert(early("CRM", 0, New)), Outcome::Stale);
    assert_eq!(fold.insert(report_of("CRM", 1, None, false)), Outcome::UnmappedStatus);
}

#[test]
fn at_the_same_instant_the_lowest_rank_wins() {
    for order in permutations(&[report("ERP", 60, Waiting), report("CRM", 60, InProgress), report("APP", 60, Assigned)])
    {
        assert_eq!(fold_all(order).truth.status, InProgress);
    }
    for order in permutations(&[report("CRM", 60, InProgress), local(NOON + seconds(60), Waiting, false)]) {
        assert_eq!(fold_all(order).truth.status, Waiting);
    }
}

#[test]
fn reports_within_a_millisecond_are_ordered_by_their_microseconds() {
    let micros = |entry: Entry, micros| Entry { at: Timestamp::from_micros(entry.at.micros() + micros), ..entry };
    // Every pair of statuses, so that no order of digests gives the right result by chance.
    for first in [Assigned, InProgress, Waiting, Resolved] {
        for second in [Assigned, InProgress, Waiting, Resolved] {
            let entries = [micros(report("CRM", 60, first), 123), micros(report("CRM", 60, second), 124)];
            for order in permutations(&entries) {
                assert_eq!(fold_all(order).truth.status, second, "{first:?} {second:?}");
            }
        }
    }
    // A change by a person is one microsecond later than everything else.
    let mut fold = fold_all([micros(report("CRM", 60, Waiting), 999)]).fold;
    let at = fold.next_at(NOON);
    assert_eq!(at, NOON + seconds(60) + Duration::from_millis(1));
    assert_eq!(fold.insert(local(at, InProgress, false)), Outcome::Applied);
}

#[test]
fn of_one_batch_the_later_report_of_an_instant_wins() {
    for first in [Assigned, InProgress, Waiting, Resolved] {
        for second in [Assigned, InProgress, Waiting, Resolved] {
            let at = |position, status| Entry { position, ..report("CRM", 60, status) };
            for order in permutations(&[at(4, first), at(7, second)]) {
                assert_eq!(fold_all(order).truth.status, second, "{first:?} {second:?}");
            }
        }
    }
    // The rank comes first.
    let (crm, erp) = (report("CRM", 60, InProgress), Entry { position: 9, ..report("ERP", 60, Waiting) });
    assert_eq!(fold_all([crm, erp]).truth.status, InProgress);
}

#[test]
fn in_progress_after_resolved_is_a_reopening() {
    let end = fold_all([report("CRM", 0, Resolved), report("ERP", 600, InProgress), report("CRM", 1_200, Resolved)]);
    assert_eq!((end.truth.status, end.truth.reopenings), (Resolved, 1));
    // A late report with an earlier timestamp changes that.
    let end = fold_all([report("CRM", 0, Resolved), report("ERP", 600, InProgress), report("APP", 300, Closed)]);
    assert_eq!((end.truth.status, end.truth.reopenings, end.truth.reopened_at), (Closed, 0, None));
}

#[test]
fn a_conflict_is_a_maximal_run_of_different_systems_and_statuses_within_five_minutes() {
    let check = |entries: &[Entry], expected: &[(u64, u64, usize)]| {
        let found: Vec<(Timestamp, Timestamp, usize)> =
            fold_all(entries.to_vec()).conflicts.iter().map(|c| (c.from, c.to, c.reports.len())).collect();
        let expected: Vec<_> =
            expected.iter().map(|(from, to, n)| (NOON + seconds(*from), NOON + seconds(*to), *n)).collect();
        assert_eq!(found, expected);
    };
    check(&[report("CRM", 0, Assigned), report("ERP", 300, InProgress)], &[(0, 300, 2)]);
    check(&[report("CRM", 0, Assigned), report("ERP", 301, InProgress)], &[]);
    check(&[report("CRM", 0, Assigned), report("CRM", 10, InProgress)], &[]);
    check(&[report("CRM", 0, Assigned), report("ERP", 10, Assigned)], &[]);
    check(&[report("CRM", 0, Assigned), report_of("ERP", 10, None, false)], &[]);
    check(&[report("CRM", 0, Assigned), local(NOON + seconds(10), InProgress, false)], &[]);
    // One run longer than five minutes in total, then a second run.
    let run = [report("CRM", 0, Assigned), report("ERP", 200, Waiting), report("APP", 400, Resolved)];
    check(&run, &[(0, 400, 3)]);
    let later = [report("APP", 1_000, Closed), report("CRM", 1_100, InProgress)];
    check(&[run.to_vec(), later.to_vec()].concat(), &[(0, 400, 3), (1_000, 1_100, 2)]);
}

#[test]
fn the_colour_shows_how_far_systems_agree() {
    let colour_of = |entries: &[Entry]| fold_all(entries.to_vec()).colour;
    let [crm, erp, app] = SYSTEMS;
    assert_eq!(colour_of(&[]), Colour::Grey);
    assert_eq!(colour_of(&[report(crm, 0, Assigned)]), Colour::Grey);
    assert_eq!(colour_of(&[report(crm, 0, Assigned), report(erp, 9, Assigned)]), Colour::Green);
    assert_eq!(colour_of(&[report(crm, 0, Assigned), report(erp, 9, Waiting)]), Colour::Red);
    let two_of_three = [report(crm, 0, Assigned), report(erp, 9, Assigned), report(app, 10, Waiting)];
    assert_eq!(colour_of(&two_of_three), Colour::Yellow);
    // A person's local change after the last report counts as Buoy's status.
    assert_eq!(colour_of(&[report(crm, 0, Assigned), local(NOON + seconds(5), Waiting, false)]), Colour::Red);
    assert_eq!(colour_of(&[local(NOON, Waiting, false), report(crm, 5, Assigned)]), Colour::Grey);
    // An automatic local change does not.
    let automatic = Entry { by_person: false, ..local(NOON + seconds(5), Waiting, false) };
    assert_eq!(colour_of(&[report(crm, 0, Assigned), automatic]), Colour::Grey);
    // An unmapped status agrees with nothing.
    assert_eq!(colour_of(&[report_of(crm, 0, None, false), report_of(erp, 0, None, false)]), Colour::Red);
}

#[test]
fn an_echo_is_recognised_by_its_cause_or_shortly_after_the_correction() {
    let sent = |n: u128, status, at: Timestamp, sent_at: Option<Timestamp>| Correction {
        id: CorrectionId(uuid::Uuid::from_u128(n)),
        ticket: TicketId(uuid::Uuid::nil()),
        system: SystemId(uuid::Uuid::nil()),
        status,
        cause: String::new(),
        created_at: at,
        state: CorrectionState::Due,
        delivery: QueueEntry { attempts: 1, sent_at, ..QueueEntry::default() },
        acknowledged_at: None,
        echo_event: None,
    };
    let all = [
        sent(1, InProgress, NOON, Some(NOON)),
        sent(2, Resolved, NOON + minutes(1), Some(NOON + minutes(1))),
        sent(3, Waiting, NOON + minutes(2), None),
    ];
    let all: Vec<&Correction> = all.iter().collect();
    let echo = |cause: Option<u128>, status, after| {
        let cause = cause.map(|n| uuid::Uuid::from_u128(n).to_string());
        echo_of(cause.as_deref(), Some(status), NOON + minutes(after), &all, minutes(10)).map(|one| one.id.0.as_u128())
    };
    assert_eq!(echo(Some(1), InProgress, 600), Some(1));
    assert_eq!(echo(None, Resolved, 11), Some(2));
    assert_eq!(echo(None, Resolved, 12), None);
    assert_eq!(echo(None, InProgress, 2), None, "only the latest sent correction is considered");
    assert_eq!(echo(None, Waiting, 2), None, "a correction that was not sent has no echo");
    assert_eq!(echo(Some(9), Resolved, 2), None);
}

#[test]
fn a_cause_depends_on_the_truth_and_on_the_latest_report_of_the_system() {
    let cause = |entries: &[Entry]| fold_all(entries.to_vec()).fold.cause("ERP").unwrap();
    let base = [report("CRM", 60, Resolved), report("ERP", 0, Waiting)];
    let other_truth = [report("CRM", 61, Resolved), report("ERP", 0, Waiting)];
    let reported_again = [report("CRM", 60, Resolved), report("ERP", 0, Waiting), report("ERP", 30, Waiting)];
    let others_reported = [report("CRM", 60, Resolved), report("ERP", 0, Waiting), report("APP", 30, Waiting)];
    assert_ne!(cause(&base), cause(&other_truth));
    assert_ne!(cause(&base), cause(&reported_again));
    assert_eq!(cause(&base), cause(&others_reported));
    assert_eq!(StatusFold::default().cause("ERP"), None);
}

#[test]
fn equal_reports_have_equal_digests_and_different_reports_do_not() {
    let report =
        |system, source_status, event_id| Report { system, token: "T", source_status, event_id, at: NOON }.digest();
    assert_eq!(report("A", "x", None), report("A", "x", None));
    let all = [
        report("A", "x", None),
        report("A", "x", Some("")),
        report("A", "x", Some("1")),
        report("Ax", "", None),
        report("", "Ax", None),
    ];
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
}

#[test]
fn a_clock_may_be_five_minutes_ahead() {
    assert!(is_timely(NOON, NOON + minutes(5), minutes(5)));
    assert!(!is_timely(NOON, NOON + minutes(5) + seconds(1), minutes(5)));
    assert!(is_timely(NOON, NOON - minutes(60 * 24 * 365), minutes(5)));
}
