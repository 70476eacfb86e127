//! Which reports are valid, and whether one is new, a repetition or an acknowledgement.

use super::super::decide::{ValidReport, clock_offset, validate};
use super::super::model::{CorrectionState, HubFact, Outcome, REPORTS_PER_TICKET_MAX, ReportInput, ReportTime};
use super::{APP, CRM, ERP, Hub, NOON, TOKEN, at, corrected, system, valid};
use crate::kernel::{Code, Timestamp, hours, minutes};
use crate::tickets::model::TicketStatus::{InProgress, Waiting};

fn with_event(word: &str, secs: u64, event: &str) -> ValidReport {
    ValidReport { event_id: Some(event.to_owned()), ..valid(word, at(secs)) }
}

/// A ticket for which ERP was sent the correction IN_PROGRESS after ten seconds.
fn after_a_correction() -> Hub {
    let mut hub = Hub::linked(&[CRM, ERP]);
    hub.report(CRM, 10, "IN_PROGRESS");
    let id = hub.open(ERP).unwrap().id;
    hub.correction(id).delivery.sent_at = Some(at(10));
    hub.facts.clear();
    hub
}

#[test]
fn each_field_of_a_report_is_checked() {
    let given = || ReportInput {
        token: TOKEN.to_owned(),
        source_status: " done ".to_owned(),
        at: ReportTime::Instant(NOON),
        operator: "王工".to_owned(),
        event_id: None,
        cause: None,
    };
    let field = |given: ReportInput| {
        validate(&given, 0, NOON, minutes(5)).err().map(|refusal| (refusal.code, refusal.field.join(".")))
    };
    assert_eq!(validate(&given(), 0, NOON, minutes(5)).unwrap().source_status, "done");
    let refused = |code, field: &str| Some((code, field.to_owned()));
    assert_eq!(
        field(ReportInput { token: "TKN-8X9F2Q-L4M7Q".to_owned(), ..given() }),
        refused(Code::TokenInvalid, "uuid")
    );
    assert_eq!(field(ReportInput { source_status: String::new(), ..given() }).unwrap().1, "status");
    assert_eq!(field(ReportInput { operator: String::new(), ..given() }).unwrap().1, "operator");
    for (time, expected) in [
        (ReportTime::Instant(at(301)), refused(Code::Invalid, "timestamp")),
        (ReportTime::Instant(at(300)), None),
        (ReportTime::Malformed("yesterday".to_owned()), refused(Code::Invalid, "timestamp")),
        (ReportTime::Malformed(String::new()), refused(Code::Invalid, "timestamp")),
    ] {
        assert_eq!(field(ReportInput { at: time.clone(), ..given() }), expected, "{time:?}");
    }
}

#[test]
fn a_report_equal_to_a_recent_correction_acknowledges_it_and_is_no_event() {
    let mut hub = after_a_correction();
    let (outcome, decision) = hub.report(ERP, 20, "IN_PROGRESS");
    assert_eq!(outcome, Outcome::Agreed);
    assert_eq!(decision.reports, []);
    assert_eq!(decision.corrections[0].state, CorrectionState::Acknowledged);
    assert!(
        matches!(hub.facts.as_slice(), [HubFact::CorrectionAcknowledged { system, status: InProgress }] if system == "ERP")
    );
    // Eleven minutes after it was sent it is a report of its own.
    let mut hub = after_a_correction();
    let (_, decision) = hub.report(ERP, 671, "IN_PROGRESS");
    assert_eq!(decision.reports.len(), 1);
    assert!(matches!(hub.facts.as_slice(), [HubFact::StatusReported { .. }]));
}

#[test]
fn a_report_that_names_its_cause_is_never_a_new_event() {
    let mut hub = after_a_correction();
    let id = hub.open(ERP).unwrap().id;
    // The truth has changed since: the acknowledgement is late, and the system is not up to date.
    hub.report(CRM, 20, "WAITING");
    let cause = Some(id.to_string());
    let report = ValidReport { cause, event_id: Some("e-1".to_owned()), ..valid("IN_PROGRESS", at(4_000)) };
    let (outcome, decision) = hub.ingest(at(4_000), ERP, report);
    assert_eq!((outcome.unwrap(), decision.reports), (Outcome::Stale, vec![]));
    assert_eq!(hub.correction(id).echo_event.as_deref(), Some("e-1"));
    assert_eq!(hub.status_of(ERP), Some(InProgress));
    assert_eq!(hub.open(ERP).map(|one| one.status), Some(Waiting), "the newer correction stays due");
}

#[test]
fn a_cause_of_another_system_or_of_nothing_is_refused() {
    let mut hub = after_a_correction();
    let id = hub.open(ERP).unwrap().id.to_string();
    for (system, cause) in [(APP, id.as_str()), (ERP, "00000000-0000-0000-0000-000000000000"), (ERP, "?")] {
        let report = ValidReport { cause: Some(cause.to_owned()), ..valid("IN_PROGRESS", at(20)) };
        let (outcome, decision) = hub.ingest(at(20), system, report);
        let refusal = outcome.unwrap_err();
        assert_eq!((refusal.code, decision.reports), (Code::NotFound, vec![]), "{cause}");
    }
}

#[test]
fn an_event_id_stands_for_one_report() {
    let mut hub = Hub::new();
    assert_eq!(hub.ingest(at(0), ERP, with_event("ASSIGNED", 0, "e-1")).0.unwrap(), Outcome::Applied);
    assert_eq!(hub.ingest(at(9), ERP, with_event("ASSIGNED", 0, "e-1")).0.unwrap(), Outcome::Duplicate);
    let other_operator = ValidReport { operator: "李工".to_owned(), ..with_event("ASSIGNED", 0, "e-1") };
    for other in [with_event("WAITING", 0, "e-1"), with_event("ASSIGNED", 1, "e-1"), other_operator] {
        let (outcome, decision) = hub.ingest(at(10), ERP, other);
        assert_eq!(outcome.unwrap_err().code, Code::IdempotencyMismatch);
        assert_eq!((decision.reports, decision.corrections), (vec![], vec![]));
    }
    // Older programs stored milliseconds.
    let exact = ValidReport { at: Timestamp::from_micros(at(0).micros() + 7), ..with_event("ASSIGNED", 0, "e-1") };
    assert_eq!(hub.ingest(at(10), ERP, exact).0.unwrap(), Outcome::Duplicate);
    // Event ids are the system's own.
    assert_eq!(hub.ingest(at(11), CRM, with_event("WAITING", 11, "e-1")).0.unwrap(), Outcome::Applied);
}

#[test]
fn an_event_id_that_acknowledged_a_correction_stands_for_that() {
    let mut hub = after_a_correction();
    assert_eq!(hub.ingest(at(20), ERP, with_event("IN_PROGRESS", 20, "e-1")).0.unwrap(), Outcome::Agreed);
    assert_eq!(hub.ingest(at(9_000), ERP, with_event("IN_PROGRESS", 20, "e-1")).0.unwrap(), Outcome::Duplicate);
    let refusal = hub.ingest(at(9_000), ERP, with_event("WAITING", 20, "e-1")).0.unwrap_err();
    assert_eq!(refusal.code, Code::IdempotencyMismatch);
}

#[test]
fn a_correction_before_the_latest_report_has_no_echo() {
    let mut hub = Hub::new();
    hub.report(ERP, 0, "ASSIGNED");
    hub.report(CRM, 10, "IN_PROGRESS");
    let id = hub.open(ERP).unwrap().id;
    hub.correction(id).delivery.sent_at = Some(at(10));
    // It reports something else, and is corrected again.
    hub.report(ERP, 20, "ASSIGNED");
    hub.report(CRM, 25, "IN_PROGRESS");
    let second = hub.open(ERP).unwrap().id;
    assert_ne!(id, second);
    let (outcome, decision) = hub.report(ERP, 30, "IN_PROGRESS");
    assert_eq!((outcome, decision.reports.len()), (Outcome::Agreed, 1), "the second one was not sent yet");
}

#[test]
fn a_ticket_has_a_limited_number_of_reports() {
    let mut hub = Hub::new();
    hub.report(ERP, 0, "ASSIGNED");
    let one = hub.stored.reports[0].clone();
    let all =
        (0..REPORTS_PER_TICKET_MAX as u64).map(|n| super::super::model::StatusReport { at: at(n), ..one.clone() });
    hub.stored.reports = all.collect();
    let (outcome, _) = hub.ingest(at(9_000), ERP, valid("WAITING", at(9_000)));
    assert_eq!(outcome.unwrap_err().code, Code::LimitExceeded);
}

#[test]
fn an_explicit_reopening_moves_a_ticket_out_of_closed() {
    let mut hub = Hub::linked(&[ERP]);
    hub.report(CRM, 0, "CLOSED");
    let (outcome, decision) = hub.report(CRM, 10, "IN_PROGRESS");
    assert_eq!((outcome, corrected(&decision).len()), (Outcome::Stale, 1));
    let (outcome, decision) = hub.report(CRM, 20, "REOPENED");
    assert_eq!((outcome, corrected(&decision)), (Outcome::Applied, vec![(ERP, InProgress)]));
}

#[test]
fn a_clock_is_measured_by_the_time_of_sending_only() {
    let of = |offset: Option<i64>, seen: Timestamp| {
        let mut system = system(CRM, "CRM", 1);
        (system.clock_offset_millis, system.clock_seen_at) = (offset, offset.map(|_| seen));
        system
    };
    let now = at(10_000);
    let (recent, old) = (now, now - hours(1));
    let ahead = |secs: i64| Timestamp::from_millis(now.millis() + secs * 1_000);
    for (offset, seen, sent_at, expected) in [
        (None, recent, Some(ahead(2)), Some(2_000)),
        // A late report without it is no slow clock.
        (None, recent, None, None),
        (Some(1_000), recent, None, None),
        (Some(1_000), old, None, None),
        // Small changes are not saved, unless the saved offset is old.
        (Some(1_000), recent, Some(ahead(1)), None),
        (Some(1_000), old, Some(ahead(1)), Some(1_000)),
        (Some(1_000), recent, Some(ahead(-3)), Some(-3_000)),
    ] {
        assert_eq!(clock_offset(&of(offset, seen), sent_at, now), expected, "{offset:?} {sent_at:?}");
    }
}
