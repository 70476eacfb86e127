//! What the rows of a ticket become.

use std::collections::HashMap;

use uuid::Uuid;

use super::super::decide::HistoryRules;
use super::super::decide::attribution::SourceSolution;
use super::super::decide::history::{HistoryInput, Ids, TicketHistory, build_history};
use super::super::model::{CountedUntil, Field, Omission, Row};
use super::{at, map, parse, reader};
use crate::kernel::{Locale, TeamId, TicketId, Timestamp, UserId, minutes};
use crate::tickets::model::{Fact, FaultType, RootCauseLevel, SourceHistory, Ticket, TicketStatus};

/// A log.
pub const RULES: HistoryRules = HistoryRules {
    dated: true,
    names_response: false,
    created_by_row: false,
    hand_overs_until: CountedUntil::FirstResolution,
};
const LIST: HistoryRules = HistoryRules { dated: false, ..RULES };

/// A row of a log: the n-th minute after the creation, in this state of the source.
pub fn row(n: u64, state: &str) -> Row {
    let columns = "id = \"id\"\ncreated = \"created\"\nat = \"at\"\nstatus = \"state\"";
    let created = at("2026-01-05T08:00:00Z");
    let written = (created + minutes(n)).to_string();
    let values = [("id", "T"), ("created", "2026-01-05T08:00:00Z"), ("at", written.as_str()), ("state", state)];
    parse(&reader(map("", columns)), n + 2, &values).unwrap_or_else(|e| panic!("{state}: {e:?}"))
}

/// A row of a list.
fn listed(state: &str, closed: Option<&str>) -> Row {
    let row = row(0, state);
    Row { at: row.created, closed: closed.map(at), ..row }
}

pub fn input<'a>(rows: &'a [Row], rules: HistoryRules, ids: &'a Ids) -> HistoryInput<'a> {
    HistoryInput { source: "S", rules, before: None, rows, from: 0, incomplete: false, ids, locale: Locale::En }
}

/// Ids of all names in rows.
fn ids_of(rows: &[Row]) -> Ids {
    let id = |name: &String| Uuid::from_u128(name.bytes().fold(1, |sum, byte| sum * 256 + u128::from(byte)));
    let people: HashMap<_, _> =
        rows.iter().filter_map(|row| row.assignee.clone()).map(|name| (name.clone(), UserId(id(&name)))).collect();
    let teams: HashMap<_, _> =
        rows.iter().filter_map(|row| row.team.clone()).map(|name| (name.clone(), TeamId(id(&name)))).collect();
    Ids { teams, people, ..Ids::default() }
}

fn history_of(rows: &[Row], rules: HistoryRules) -> TicketHistory {
    let ids = ids_of(rows);
    build_history(TicketId(Uuid::nil()), &input(rows, rules, &ids)).unwrap_or_else(|e| panic!("{rows:?}: {e:?}"))
}

pub fn ticket_of(rows: &[Row], rules: HistoryRules) -> Ticket {
    history_of(rows, rules).ticket
}

/// Seconds from the creation to the first resolution.
fn handling_seconds(ticket: &Ticket) -> Option<i64> {
    ticket.closing.first_resolved_at.map(|at| at.seconds_since(ticket.times.created_at))
}

const NEXT_DAY: &str = "2026-01-06T08:00:00Z";

#[test]
fn a_list_with_a_status_is_closed_at_its_closing_time() {
    let ticket = ticket_of(&[listed("Done", Some(NEXT_DAY))], LIST);
    assert_eq!((ticket.status, handling_seconds(&ticket)), (TicketStatus::Closed, Some(86_400)));
    assert_eq!((ticket.closing.closed_at, ticket.times.first_responded_at), (Some(at(NEXT_DAY)), None));
    assert_eq!(ticket.history, SourceHistory { response_unknown: true, ..SourceHistory::default() });
    let events = history_of(&[listed("Done", Some(NEXT_DAY))], LIST).events;
    let closed = events.iter().find(|(event, _)| matches!(event.fact, Fact::Closed { .. })).unwrap();
    assert_eq!(closed.1, at(NEXT_DAY));
    // The same without a status.
    let row = Row { status: None, source_status: None, ..listed("Done", Some(NEXT_DAY)) };
    let ticket = ticket_of(&[row], LIST);
    assert_eq!((ticket.status, handling_seconds(&ticket)), (TicketStatus::Closed, Some(86_400)));
}

#[test]
fn a_closing_without_a_time_is_unknown_and_not_at_once() {
    let history = history_of(&[listed("Done", None)], LIST);
    let ticket = &history.ticket;
    assert_eq!((ticket.status, ticket.closing.closed_at, handling_seconds(ticket)), (TicketStatus::Closed, None, None));
    assert!(ticket.history.resolution_unknown && ticket.history.response_unknown);
    assert_eq!(history.omissions, [Omission::ClosingTime]);
    // A log that begins with the solution, and has no time of creation.
    let by_row = HistoryRules { created_by_row: true, ..RULES };
    let ticket = ticket_of(&[row(30, "Done"), row(40, "Note")], by_row);
    assert!(ticket.history.resolution_unknown && ticket.history.response_unknown, "{:?}", ticket.history);
    let closed = Row { closed: Some(at(NEXT_DAY)), ..row(0, "Done") };
    assert_eq!(handling_seconds(&ticket_of(&[closed], by_row)), Some(86_400));
    // The row of a log has a time of its own.
    let ticket = ticket_of(&[row(0, "Open"), row(30, "Done")], RULES);
    assert_eq!((handling_seconds(&ticket), ticket.history), (Some(1_800), SourceHistory::default()));
}

#[test]
fn a_closing_time_from_the_future_is_not_used_in_a_log() {
    let with = |row: Row, closed: Timestamp| Row { closed: Some(closed), ..row };
    let created = at("2026-01-05T08:00:00Z");
    // It stands on every row of the ticket.
    let end = created + minutes(90);
    let rows =
        [with(row(0, "Open"), end), with(row(30, "Done"), end), with(row(60, "Work"), end), with(row(90, "Done"), end)];
    let ticket = ticket_of(&rows, RULES);
    assert_eq!((handling_seconds(&ticket), ticket.closing.closed_at), (Some(1_800), Some(end)));
    assert_eq!(ticket.counts.reopenings, 1);
    // A row that was written later than the closing that it tells of.
    let ticket = ticket_of(&[with(row(300, "Done"), created + minutes(20))], RULES);
    assert_eq!(handling_seconds(&ticket), Some(1_200));
}

#[test]
fn the_source_counts_a_reopening_of_a_list_too() {
    let mut row = listed("Done", Some(NEXT_DAY));
    row.reopenings = Some(2);
    for row in [row.clone(), Row { status: None, ..row }] {
        let ticket = ticket_of(&[row], LIST);
        assert_eq!((ticket.counts.reopenings, ticket.closing.first_reopened_at), (2, Some(at(NEXT_DAY))));
    }
    let mut row = listed("Done", Some(NEXT_DAY));
    row.reopenings = Some(0);
    assert_eq!(ticket_of(&[row], LIST).closing.first_reopened_at, None);
}

#[test]
fn a_first_response_is_given_shown_by_work_or_unknown() {
    let responded = at("2026-01-05T08:10:00Z");
    let given = |row: Row| Row { responded: Some(responded), ..row };
    let names = HistoryRules { names_response: true, ..LIST };
    let no_status = |closed| Row { status: None, source_status: None, ..listed("Open", closed) };
    for (rows, rules, expected, unknown) in [
        (vec![row(0, "Open"), row(4, "Work")], RULES, Some(at("2026-01-05T08:04:00Z")), false),
        (vec![row(0, "Open"), given(row(40, "Work"))], RULES, Some(responded), false),
        (vec![row(0, "Open")], RULES, None, false),
        (vec![given(listed("Done", Some(NEXT_DAY)))], names, Some(responded), false),
        (vec![listed("Done", Some(NEXT_DAY))], names, None, true),
        (vec![listed("Work", None)], LIST, None, true),
        (vec![listed("Open", None)], LIST, None, false),
        (vec![no_status(Some(NEXT_DAY))], LIST, None, true),
        // Open, and neither a status nor a column tells whether anybody responded.
        (vec![no_status(None)], LIST, None, true),
        (vec![no_status(None)], names, None, false),
        (vec![listed("Drop", None)], LIST, None, false),
    ] {
        let ticket = ticket_of(&rows, rules);
        assert_eq!((ticket.times.first_responded_at, ticket.history.response_unknown), (expected, unknown), "{rows:?}");
    }
}

#[test]
fn what_is_dropped_is_said() {
    let attributed = |mut row: Row| {
        row.assignee = Some("ann".to_owned());
        row.fault_type = Some(FaultType::Hardware);
        row.root_cause_level = Some(RootCauseLevel::L2Environment);
        row.solution_tag = Some("RESTART".to_owned());
        row.resolution = Some("restarted".to_owned());
        row
    };
    let closed = || listed("Done", Some(NEXT_DAY));
    let missing = |fields: &[Field]| vec![Omission::Attribution { missing: fields.to_vec() }];
    let text_only = Row { resolution: Some("restarted".to_owned()), ..closed() };
    let later = Row { created: at("2026-01-05T09:00:00Z"), ..closed() };
    for (rows, expected) in [
        (vec![closed()], vec![]),
        (vec![attributed(closed())], vec![]),
        (vec![text_only], missing(&[Field::FaultType, Field::RootCauseLevel, Field::SolutionTag, Field::Assignee])),
        (vec![Row { assignee: None, ..attributed(closed()) }], missing(&[Field::Assignee])),
        (vec![attributed(listed("Work", None))], missing(&[Field::Closed])),
        (vec![closed(), closed()], vec![Omission::RepeatedId { rows: 2 }]),
        (vec![closed(), later], vec![Omission::SeveralTickets { rows: 2 }]),
    ] {
        let history = history_of(&rows, LIST);
        assert_eq!(history.omissions, expected, "{rows:?}");
        let several = matches!(expected.first(), Some(Omission::SeveralTickets { .. }));
        assert_eq!(history.ticket.history.incomplete, several, "{rows:?}");
        let has_text = rows[0].resolution.is_some();
        assert_eq!(history.attribution.is_some(), expected.is_empty() && has_text, "{rows:?}");
        // What is no whole attribution is kept as a text.
        assert_eq!(history.source_solution.is_some(), history.attribution.is_none() && has_text, "{rows:?}");
    }
    // The rows of a log are its history; what the last row does not repeat is kept.
    let rows = [row(0, "Open"), attributed(row(5, "Solved")), row(9, "Done")];
    let history = history_of(&rows, RULES);
    assert!(history.omissions.is_empty() && history.attribution.is_some(), "{:?}", history.omissions);
}

#[test]
fn a_partial_attribution_is_a_text_that_names_its_parts() {
    let resolution = Some("更换电源模块".to_owned());
    let text = |solution: SourceSolution| (solution.text(Locale::En), solution.text(Locale::ZhCn));
    for (solution, expected) in [
        (
            SourceSolution { resolution: resolution.clone(), ..SourceSolution::default() },
            ("更换电源模块", "更换电源模块"),
        ),
        (
            SourceSolution { resolution, cause_tag: Some("老化".to_owned()), ..SourceSolution::default() },
            ("更换电源模块\nCause (source): 老化", "更换电源模块\n原因（源系统）：老化"),
        ),
        (
            SourceSolution {
                fault_type: Some(FaultType::Hardware),
                root_cause_level: Some(RootCauseLevel::L2Environment),
                solution_tag: Some("RESTART".to_owned()),
                ..SourceSolution::default()
            },
            (
                "Solution (source): RESTART\nFault type (source): hardware\nRoot-cause level (source): environment (L2)",
                "方案（源系统）：RESTART\n故障类型（源系统）：硬件\n根因层级（源系统）：环境因素（L2）",
            ),
        ),
    ] {
        let (english, chinese) = text(solution.clone());
        assert_eq!((english.as_str(), chinese.as_str()), expected, "{solution:?}");
    }
    let cause_only = Row { cause_tag: Some("老化".to_owned()), ..listed("Done", Some(NEXT_DAY)) };
    let history = history_of(&[cause_only], LIST);
    assert_eq!(history.source_solution.and_then(|solution| solution.cause_tag).as_deref(), Some("老化"));
    // An open ticket keeps it, too.
    let open = Row { resolution: Some("restarted".to_owned()), ..listed("Work", None) };
    assert!(history_of(&[open], LIST).source_solution.is_some());
}

#[test]
fn a_ticket_with_refused_rows_is_incomplete() {
    let rows = [row(0, "Open"), row(9, "Done")];
    let ids = Ids::default();
    let history = build_history(TicketId(Uuid::nil()), &HistoryInput { incomplete: true, ..input(&rows, RULES, &ids) });
    let history = history.unwrap_or_else(|e| panic!("{e:?}"));
    assert!(history.ticket.history.incomplete);
    assert_eq!(history.omissions, [Omission::Rows]);
}

#[test]
fn a_merged_ticket_is_cancelled_and_counts_in_no_metric() {
    let ticket = ticket_of(&[row(0, "Open"), row(3, "Work"), row(9, "Double")], RULES);
    assert_eq!((ticket.status, ticket.closing.cancel_reason.as_deref()), (TicketStatus::Cancelled, Some("MERGED")));
    assert!(ticket.history.merged);
    let ticket = ticket_of(&[row(0, "Open"), row(3, "Double"), row(9, "Work")], RULES);
    assert!(!ticket.history.merged && ticket.closing.cancel_reason.is_none(), "it was taken apart again");
}

#[test]
fn an_imported_ticket_in_progress_is_accepted() {
    let mut work = row(3, "Work");
    work.assignee = Some("ann".to_owned());
    assert!(ticket_of(&[row(0, "Open"), work], RULES).assignment.accepted);
    assert!(!ticket_of(&[row(0, "Open")], RULES).assignment.accepted);
}
