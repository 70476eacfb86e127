//! Every order of arrival comes to the same.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::decide::{Merge, Verdict, back_off, colour, echo_of, is_timely, secret_text, signature, verdict};
use super::model::{
    Answered, Colour, Conflict, Correction, CorrectionState, Entry, Outcome, RANK_OF_BUOY, Report, Source, Truth,
};
use crate::kernel::{CorrectionId, SystemId, TicketId, Timestamp, days, minutes, seconds};
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
    Entry::here("TKN-8X9F2Q-L4M7P", at, status, reopening, true)
}

/// All that must not hang on the order of arrival.
#[derive(Debug, PartialEq)]
struct End {
    merge: Merge,
    truth: Truth,
    conflicts: Vec<Conflict>,
    colour: Colour,
    /// What each system that holds something else is told at the end, and why.
    due: BTreeMap<String, (TicketStatus, [u8; 32])>,
}

fn held(merge: &Merge) -> Vec<Option<TicketStatus>> {
    merge.latest().values().map(|entry| entry.status).chain(merge.held_here().map(Some)).collect()
}

fn arrive(entries: impl IntoIterator<Item = Entry>) -> End {
    let mut merge = Merge::default();
    for entry in entries {
        merge.insert(entry);
    }
    let (truth, conflicts) = (merge.truth(), merge.conflicts());
    let differs = |system: &str| merge.latest().get(system).and_then(|entry| entry.status) != Some(truth.status);
    let due = SYSTEMS
        .into_iter()
        .filter(|system| differs(system))
        .filter_map(|system| Some((system.to_owned(), (truth.status, merge.cause(system)?))))
        .collect();
    End { conflicts, colour: colour(&held(&merge)), due, truth, merge }
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
        if system == "here" {
            Entry { source: Source::Buoy, rank: RANK_OF_BUOY, by_person: true, ..entry }
        } else {
            entry
        }
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
    fn as_it_is_kept_is_as_it_came(entries in proptest::collection::vec(any_entry(), 0..14)) {
        let End { merge, .. } = arrive(entries);
        let mut kept = merge.entries().to_vec();
        kept.reverse();
        prop_assert_eq!(Merge::of(kept), merge);
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
fn resolved_and_in_progress_again_is_a_reopening() {
    let end = arrive([report("CRM", 0, Resolved), report("ERP", 600, InProgress), report("CRM", 1_200, Resolved)]);
    assert_eq!((end.truth.status, end.truth.reopenings), (Resolved, 1));
    // A report that comes late, and lies before, changes that.
    let end = arrive([report("CRM", 0, Resolved), report("ERP", 600, InProgress), report("APP", 300, Closed)]);
    assert_eq!((end.truth.status, end.truth.reopenings, end.truth.reopened_at), (Closed, 0, None));
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
    let colour_of = |entries: &[Entry]| arrive(entries.to_vec()).colour;
    let [crm, erp, app] = SYSTEMS;
    assert_eq!(colour_of(&[]), Colour::Grey);
    assert_eq!(colour_of(&[report(crm, 0, Assigned)]), Colour::Grey);
    assert_eq!(colour_of(&[report(crm, 0, Assigned), report(erp, 9, Assigned)]), Colour::Green);
    assert_eq!(colour_of(&[report(crm, 0, Assigned), report(erp, 9, Waiting)]), Colour::Red);
    let two_of_three = [report(crm, 0, Assigned), report(erp, 9, Assigned), report(app, 10, Waiting)];
    assert_eq!(colour_of(&two_of_three), Colour::Yellow);
    // A person's act here after the last report makes Buoy one of them.
    assert_eq!(colour_of(&[report(crm, 0, Assigned), here(NOON + seconds(5), Waiting, false)]), Colour::Red);
    assert_eq!(colour_of(&[here(NOON, Waiting, false), report(crm, 5, Assigned)]), Colour::Grey);
    // What was done here by nobody in person speaks for nobody.
    let automatic = Entry { by_person: false, ..here(NOON + seconds(5), Waiting, false) };
    assert_eq!(colour_of(&[report(crm, 0, Assigned), automatic]), Colour::Grey);
    // A word that nobody knows agrees with nothing.
    assert_eq!(colour_of(&[said(crm, 0, None, false), said(erp, 0, None, false)]), Colour::Red);
}

#[test]
fn an_echo_is_no_new_event() {
    let sent = |n: u128, status, at: Timestamp, sent_at: Option<Timestamp>| Correction {
        id: CorrectionId(uuid::Uuid::from_u128(n)),
        ticket: TicketId(uuid::Uuid::nil()),
        system: SystemId(uuid::Uuid::nil()),
        status,
        cause: String::new(),
        created_at: at,
        state: CorrectionState::Due,
        attempts: 1,
        refusals: 0,
        echo_event: None,
        due_at: None,
        sent_at,
        acknowledged_at: None,
        failure: None,
    };
    let all = [
        sent(1, InProgress, NOON, Some(NOON)),
        sent(2, Resolved, NOON + minutes(1), Some(NOON + minutes(1))),
        sent(3, Waiting, NOON + minutes(2), None),
    ];
    let all: Vec<&Correction> = all.iter().collect();
    let echo = |cause: Option<u128>, status, after| {
        let cause = cause.map(|n| uuid::Uuid::from_u128(n).to_string());
        echo_of(cause.as_deref(), Some(status), NOON + minutes(after), &all).map(|one| one.id.0.as_u128())
    };
    assert_eq!(echo(Some(1), InProgress, 600), Some(1));
    assert_eq!(echo(None, Resolved, 11), Some(2));
    assert_eq!(echo(None, Resolved, 12), None);
    assert_eq!(echo(None, InProgress, 2), None, "an overtaken correction is not what the system was last told");
    assert_eq!(echo(None, Waiting, 2), None, "what was not sent has no echo");
    assert_eq!(echo(Some(9), Resolved, 2), None);
}

#[test]
fn a_cause_changes_with_the_truth_and_with_what_the_system_said() {
    let cause = |entries: &[Entry]| arrive(entries.to_vec()).merge.cause("ERP").unwrap();
    let base = [report("CRM", 60, Resolved), report("ERP", 0, Waiting)];
    let other_truth = [report("CRM", 61, Resolved), report("ERP", 0, Waiting)];
    let said_again = [report("CRM", 60, Resolved), report("ERP", 0, Waiting), report("ERP", 30, Waiting)];
    let others_spoke = [report("CRM", 60, Resolved), report("ERP", 0, Waiting), report("APP", 30, Waiting)];
    assert_ne!(cause(&base), cause(&other_truth));
    assert_ne!(cause(&base), cause(&said_again));
    assert_eq!(cause(&base), cause(&others_spoke));
    assert_eq!(Merge::default().cause("ERP"), None);
}

#[test]
fn messages_are_signed_as_standard_webhooks_are() {
    use base64::Engine as _;
    // https://github.com/standard-webhooks/standard-webhooks/blob/main/libraries/python/tests/test_webhooks.py: its
    // secret; the signature by an independent program (openssl).
    let secret = base64::engine::general_purpose::STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    assert_eq!(secret_text(&secret), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let signed = signature(
        std::slice::from_ref(&secret),
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_614_265_330,
        r#"{"test": 2432232314}"#,
    );
    assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    let both = signature(&[vec![1], secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
    assert!(both.starts_with("v1,") && both.ends_with(&format!(" {signed}")), "{both}");
}

#[test]
fn what_fails_is_tried_again_from_seconds_to_a_day() {
    assert_eq!(back_off(1, 0), seconds(4));
    assert_eq!(back_off(1, 255), seconds(6));
    assert!(back_off(4, 0) > back_off(3, 255));
    assert_eq!(back_off(40, 0), days(1).mul_f64(0.8));
    for failures in -3..40 {
        assert!((seconds(4)..=days(1).mul_f64(1.2)).contains(&back_off(failures, 128)), "{failures}");
    }
}

#[test]
fn what_an_answer_means() {
    let status = |code| verdict(&Answered::Status { code, retry_after: None });
    for code in [200, 202, 204] {
        assert_eq!(status(code), Verdict::Taken);
    }
    for code in [400, 401, 404, 422] {
        assert!(matches!(status(code), Verdict::Refused(_)), "{code}");
    }
    for code in [301, 307, 408, 429, 500, 503] {
        assert!(matches!(status(code), Verdict::Unreachable { .. }), "{code}");
    }
    assert_eq!(status(410), Verdict::Gone);
    let later = verdict(&Answered::Status { code: 503, retry_after: Some(30) });
    assert!(matches!(later, Verdict::Unreachable { after: Some(after), .. } if after == seconds(30)));
    assert!(matches!(verdict(&Answered::Nothing { why: String::new() }), Verdict::Unreachable { .. }));
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
