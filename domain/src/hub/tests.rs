//! Every order of arrival comes to the same.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::decide::{Merge, Sent, Standing, echo_of, follow, is_timely};
use super::model::{
    Colour, Correction, Entry, Follow, Needs, Outcome, PendingReport, RANK_OF_BUOY, Report, Source, Truth,
};
use crate::kernel::{Timestamp, minutes, seconds};
use crate::tickets::model::TicketStatus::{self, Assigned, Cancelled, Closed, InProgress, New, Resolved, Waiting};

const NOON: Timestamp = Timestamp::from_millis(1_772_452_800_000);
const SYSTEMS: [&str; 3] = ["CRM", "ERP", "APP"];

fn report(system: &str, after_secs: u64, status: TicketStatus) -> Entry {
    said(system, after_secs, Some(status), false)
}

fn said(system: &str, after_secs: u64, status: Option<TicketStatus>, reopening: bool) -> Entry {
    let word = status.map_or("???", TicketStatus::word);
    let at = NOON + seconds(after_secs);
    Report { system, token: "TKN-8X9F2Q-L4M7P", word, event_id: None, at }.entry(rank(system), status, reopening)
}

/// As the systems are registered: two share one.
fn rank(system: &str) -> u32 {
    if system == "CRM" { 1 } else { 2 }
}

fn here(at: Timestamp, status: TicketStatus, reopening: bool) -> Entry {
    Entry { at, source: Source::Buoy, rank: RANK_OF_BUOY, digest: [0; 32], name: None, status: Some(status), reopening }
}

fn linked() -> BTreeSet<String> {
    SYSTEMS.map(str::to_owned).into()
}

/// All that must not hang on the order of arrival.
#[derive(Debug, PartialEq)]
struct End {
    merge: Merge,
    truth: Truth,
    conflicts: Vec<super::model::Conflict>,
    colour: Colour,
    /// What each system's queue holds at the end: a correction that is overtaken before it is sent is dropped.
    outbox: BTreeMap<String, Correction>,
}

fn arrive(entries: impl IntoIterator<Item = Entry>) -> End {
    let mut merge = Merge::default();
    let mut outbox = BTreeMap::new();
    for entry in entries {
        merge.insert(entry);
        outbox = merge
            .corrections(&linked(), &BTreeMap::new())
            .into_iter()
            .map(|correction| (correction.system.clone(), correction))
            .collect();
    }
    let (truth, conflicts) = (merge.truth(), merge.conflicts());
    End { truth, conflicts, colour: merge.colour(&BTreeMap::new()), outbox, merge }
}

fn permutations(entries: &[Entry]) -> Vec<Vec<Entry>> {
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
fn all_orders_of_a_hard_case_end_alike() {
    // The same instant twice, a closing that comes late, a step out of it that does not count, one that does, an
    // unknown word and an act of a person here.
    let entries = [
        report("CRM", 0, Assigned),
        report("ERP", 60, InProgress),
        report("APP", 60, Waiting),
        report("CRM", 120, Closed),
        report("ERP", 180, Waiting),
        said("APP", 240, None, false),
        here(NOON + seconds(300), InProgress, true),
    ];
    let orders = permutations(&entries);
    assert_eq!(orders.len(), 5_040);
    let expected = arrive(entries);
    assert_eq!(expected.truth.status, InProgress);
    assert_eq!(expected.truth.reopenings, 1);
    for order in orders {
        assert_eq!(arrive(order), expected);
    }
}

fn any_status() -> impl Strategy<Value = Option<TicketStatus>> {
    prop_oneof![9 => proptest::sample::select(TicketStatus::ALL).prop_map(Some), 1 => Just(None)]
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let source = 0..4_usize;
    (source, 0..1_200_u64, any_status(), 0..7_u8).prop_map(|(source, after, status, event)| {
        // Few instants, so that many entries share one. What has the same name is the same.
        let (at, reopening) = (NOON + seconds(after / 40 * 40), event == 0);
        let word = status.map_or("???", TicketStatus::word);
        let system = SYSTEMS.get(source).copied().unwrap_or("here");
        // A name of its own for whatever is said, so that no name says two things.
        let event = format!("{word} {after} {event}");
        let entry =
            Report { system, token: "T", word, event_id: Some(&event), at }.entry(rank(system), status, reopening);
        if system == "here" { Entry { source: Source::Buoy, rank: RANK_OF_BUOY, ..entry } } else { entry }
    })
}

proptest! {
    #[test]
    fn any_order_with_any_repetition_ends_alike(
        (entries, shuffled) in proptest::collection::vec(any_entry(), 0..14).prop_flat_map(|entries| {
            let twice: Vec<Entry> = entries.iter().chain(&entries).cloned().collect();
            (Just(entries), Just(twice).prop_shuffle())
        })
    ) {
        prop_assert_eq!(arrive(shuffled), arrive(entries));
    }

    #[test]
    fn where_nothing_is_over_the_latest_wins(entries in proptest::collection::vec(any_entry(), 1..14)) {
        let open: Vec<Entry> = entries
            .into_iter()
            .filter(|entry| !matches!(entry.status, Some(Closed | Cancelled)))
            .collect();
        let end = arrive(open.clone());
        let latest = open
            .iter()
            .filter(|entry| entry.status.is_some())
            .max_by_key(|entry| (entry.at, std::cmp::Reverse(entry.rank), entry.digest));
        prop_assert_eq!(end.truth.status, latest.and_then(|entry| entry.status).unwrap_or(New));
    }

    #[test]
    fn what_is_over_stays_over_unless_somebody_reopens_it(entries in proptest::collection::vec(any_entry(), 0..14)) {
        let closed = entries.iter().filter(|e| matches!(e.status, Some(Closed | Cancelled))).min_by_key(|e| e.at);
        let reopened = entries.iter().any(|entry| entry.reopening);
        if let (Some(_), false) = (closed, reopened) {
            let status = arrive(entries.clone()).truth.status;
            prop_assert!(matches!(status, Closed | Cancelled), "{status:?}");
        }
    }

    #[test]
    fn what_a_person_does_is_never_stale(entries in proptest::collection::vec(any_entry(), 0..14), ago in 0..2_000_u64) {
        let mut merge = arrive(entries).merge;
        let before = merge.truth().status;
        let status = if before == InProgress { Resolved } else { InProgress };
        // However far ahead the systems' clocks are.
        let at = merge.next_at(NOON + seconds(ago));
        prop_assert_eq!(merge.insert(here(at, status, true)), Outcome::Applied);
        prop_assert_eq!(merge.truth().status, status);
    }

    #[test]
    fn whoever_holds_something_else_is_corrected_and_nobody_else(entries in proptest::collection::vec(any_entry(), 0..14)) {
        let End { merge, truth, outbox, .. } = arrive(entries);
        let held = merge.held();
        for system in SYSTEMS {
            let agrees = held.get(system).copied().flatten() == Some(truth.status);
            prop_assert_eq!(outbox.contains_key(system), !agrees && truth.by.is_some(), "{}", system);
        }
    }
}

#[test]
fn outcomes() {
    let mut merge = Merge::default();
    for (entry, outcome) in [
        (report("CRM", 60, InProgress), Outcome::Applied),
        (report("CRM", 60, InProgress), Outcome::Duplicate),
        (report("ERP", 30, Assigned), Outcome::Stale),
        (report("ERP", 90, InProgress), Outcome::Agreed),
        (report("APP", 10, InProgress), Outcome::Agreed),
        (said("APP", 95, None, false), Outcome::UnknownWord),
        (report("APP", 100, Closed), Outcome::Applied),
        (report("ERP", 110, Waiting), Outcome::Stale),
        (said("ERP", 120, Some(InProgress), true), Outcome::Applied),
    ] {
        assert_eq!(merge.insert(entry.clone()), outcome, "{entry:?}");
    }
    assert_eq!(merge.truth().reopenings, 1);
}

#[test]
fn of_one_instant_the_lowest_rank_wins() {
    for order in permutations(&[report("ERP", 60, Waiting), report("CRM", 60, InProgress), report("APP", 60, Assigned)])
    {
        assert_eq!(arrive(order).truth.status, InProgress);
    }
    for order in permutations(&[report("CRM", 60, InProgress), here(NOON + seconds(60), Waiting, false)]) {
        assert_eq!(arrive(order).truth.status, Waiting);
    }
}

#[test]
fn one_name_says_one_thing() {
    let named = |word, status| {
        let report = Report { system: "ERP", token: "T", word, event_id: Some("4711"), at: NOON };
        report.entry(2, Some(status), false)
    };
    let mut merge = Merge::default();
    assert_eq!(merge.insert(named("started", InProgress)), Outcome::Applied);
    assert_eq!(merge.insert(named("started", InProgress)), Outcome::Duplicate);
    assert_eq!(merge.insert(named("waits", Waiting)), Outcome::Refused);
    assert_eq!(merge.truth().status, InProgress);
}

#[test]
fn resolved_and_in_progress_again_is_a_reopening() {
    let end = arrive([report("CRM", 0, Resolved), report("ERP", 600, InProgress), report("CRM", 1_200, Resolved)]);
    assert_eq!((end.truth.status, end.truth.reopenings), (Resolved, 1));
    // A report that comes late, and lies before, changes that.
    let end = arrive([report("CRM", 0, Resolved), report("ERP", 600, InProgress), report("APP", 300, Closed)]);
    assert_eq!((end.truth.status, end.truth.reopenings), (Closed, 0));
}

#[test]
fn conflicts_are_maximal_runs_of_different_systems_and_statuses_within_five_minutes() {
    let check = |entries: &[Entry], expected: &[(u64, u64, usize)]| {
        let found: Vec<(Timestamp, Timestamp, usize)> =
            arrive(entries.to_vec()).conflicts.iter().map(|c| (c.from, c.to, c.reports.len())).collect();
        let expected: Vec<_> =
            expected.iter().map(|(from, to, n)| (NOON + seconds(*from), NOON + seconds(*to), *n)).collect();
        assert_eq!(found, expected);
    };
    check(&[report("CRM", 0, Assigned), report("ERP", 300, InProgress)], &[(0, 300, 2)]);
    check(&[report("CRM", 0, Assigned), report("ERP", 301, InProgress)], &[]);
    check(&[report("CRM", 0, Assigned), report("CRM", 10, InProgress)], &[]);
    check(&[report("CRM", 0, Assigned), report("ERP", 10, Assigned)], &[]);
    check(&[report("CRM", 0, Assigned), said("ERP", 10, None, false)], &[]);
    check(&[report("CRM", 0, Assigned), here(NOON + seconds(10), InProgress, false)], &[]);
    // One run, longer than five minutes in all; then one that begins anew.
    let run = [report("CRM", 0, Assigned), report("ERP", 200, Waiting), report("APP", 400, Resolved)];
    check(&run, &[(0, 400, 3)]);
    let later = [report("APP", 1_000, Closed), report("CRM", 1_100, InProgress)];
    check(&[run.to_vec(), later.to_vec()].concat(), &[(0, 400, 3), (1_000, 1_100, 2)]);
}

#[test]
fn colours() {
    let colour = |entries: &[Entry]| arrive(entries.to_vec()).colour;
    let [crm, erp, app] = SYSTEMS;
    assert_eq!(colour(&[]), Colour::Grey);
    assert_eq!(colour(&[report(crm, 0, Assigned)]), Colour::Grey);
    assert_eq!(colour(&[report(crm, 0, Assigned), report(erp, 9, Assigned)]), Colour::Green);
    assert_eq!(colour(&[report(crm, 0, Assigned), report(erp, 9, Waiting)]), Colour::Red);
    let two_of_three = [report(crm, 0, Assigned), report(erp, 9, Assigned), report(app, 10, Waiting)];
    assert_eq!(colour(&two_of_three), Colour::Yellow);
    // A person's act here after the last report makes Buoy one of them.
    assert_eq!(colour(&[report(crm, 0, Assigned), here(NOON + seconds(5), Waiting, false)]), Colour::Red);
    assert_eq!(colour(&[here(NOON, Waiting, false), report(crm, 5, Assigned)]), Colour::Grey);
    // What a system has acknowledged counts in place of its report.
    let merge = arrive([report(crm, 0, Assigned), report(erp, 9, Waiting)]).merge;
    assert_eq!(merge.colour(&BTreeMap::from([(crm.to_owned(), Waiting)])), Colour::Green);
    assert_eq!(merge.corrections(&[crm.to_owned()].into(), &BTreeMap::from([(crm.to_owned(), Waiting)])), []);
}

#[test]
fn a_step_that_lacks_something_is_pending_and_completed_by_supplying_it() {
    let check = |status, has_assignee, has_attribution, reported, expected: Result<Option<TicketStatus>, Needs>| {
        let truth = arrive([report("ERP", 0, reported)]).truth;
        let expected = match expected {
            Ok(None) => Follow::Stands,
            Ok(Some(step)) => Follow::Step(step),
            Err(needs) => Follow::Pending(PendingReport {
                status: reported,
                source: Source::System("ERP".into()),
                since: NOON,
                needs,
            }),
        };
        assert_eq!(follow(Standing { status, has_assignee, has_attribution }, &truth), expected);
    };
    check(New, false, false, Assigned, Err(Needs::Assignee));
    check(New, false, false, InProgress, Err(Needs::Assignee));
    check(Assigned, true, false, InProgress, Ok(Some(InProgress)));
    check(InProgress, true, false, Waiting, Ok(Some(Waiting)));
    check(InProgress, true, false, Resolved, Err(Needs::Attribution));
    check(InProgress, true, true, Resolved, Ok(Some(Resolved)));
    check(New, false, false, Closed, Err(Needs::Attribution));
    check(Resolved, true, true, Closed, Ok(Some(Closed)));
    check(New, false, false, Cancelled, Ok(Some(Cancelled)));
    check(InProgress, true, false, InProgress, Ok(None));
    // Nothing was ever said: nothing is followed.
    let silent = Merge::default().truth();
    let standing = Standing { status: InProgress, has_assignee: true, has_attribution: false };
    assert_eq!(follow(standing, &silent), Follow::Stands);
}

#[test]
fn an_echo_is_no_new_event() {
    let sent = [
        Sent { cause: [1; 32], status: InProgress, at: NOON },
        Sent { cause: [2; 32], status: Resolved, at: NOON + minutes(1) },
    ];
    let echo = |cause: Option<&[u8; 32]>, status, after| {
        echo_of(cause, Some(status), NOON + minutes(after), &sent).map(|sent| sent.cause[0])
    };
    assert_eq!(echo(Some(&[1; 32]), InProgress, 600), Some(1));
    assert_eq!(echo(None, Resolved, 11), Some(2));
    assert_eq!(echo(None, Resolved, 12), None);
    assert_eq!(echo(None, InProgress, 2), None, "an overtaken correction is not what the system was last told");
    assert_eq!(echo(Some(&[9; 32]), Resolved, 2), None);
}

#[test]
fn the_same_report_has_the_same_name_everywhere_and_others_have_others() {
    let report = |system, word, event_id| Report { system, token: "T", word, event_id, at: NOON }.digest();
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
fn clocks_may_run_ahead_a_little() {
    assert!(is_timely(NOON, NOON + minutes(5)));
    assert!(!is_timely(NOON, NOON + minutes(5) + seconds(1)));
    assert!(is_timely(NOON, NOON - minutes(60 * 24 * 365)));
}
