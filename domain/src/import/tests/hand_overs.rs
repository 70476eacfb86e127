//! One rule for imported and live history.

use proptest::prelude::*;
use uuid::Uuid;

use super::super::decide::HistoryRules;
use super::super::decide::history::{Ids, build_history};
use super::super::model::{CountedUntil, Row};
use super::history::{RULES, input, row, ticket_of};
use crate::kernel::{Actor, Person, Role, TeamId, TicketId, Timestamp, UserId, minutes};
use crate::tickets::decide::lifecycle::{self, Assignee, Changes};
use crate::tickets::model::{AttributionDetails, FaultType, RootCauseLevel, Ticket, TicketRequest, TicketStatus};

/// Rows as `state person`, `state person team`; `-` is blank.
fn rows(text: &str) -> Vec<Row> {
    let lines = text.split('/').map(str::trim).enumerate();
    lines
        .map(|(n, line)| {
            let mut words = line.split(' ').map(|word| (word != "-").then(|| word.to_owned()));
            let mut row = row(n as u64, words.next().flatten().as_deref().unwrap_or_default());
            row.assignee = words.next().flatten();
            row.team = words.next().flatten();
            row
        })
        .collect()
}

fn hand_overs(text: &str) -> (i32, i32) {
    let ticket = ticket_of(&rows(text), RULES);
    (ticket.counts.hand_overs, ticket.closing.first_resolution_hand_overs)
}

#[test]
fn a_change_of_person_or_team_between_acceptance_and_resolution_is_a_hand_over() {
    for (text, expected) in [
        ("Work A / Note A / Note B / Done B", 1),
        ("Work ann / Queue ann / Work bob / Done bob", 1),
        // A blank is 'unchanged'.
        ("Work A / Work - / Work A / Done A", 0),
        ("Work A / Work - / Work B / Done B", 1),
        ("Work A / Note - / Note - / Done B", 1),
        ("Work A - / Work A T1 / Work A T2 / Done A T2", 1),
        ("Work A T1 / Work - T2 / Work B - / Done B T2", 2),
        ("Work A T1 / Work B T2 / Done B T2", 1),
        // The first person is no change.
        ("Open - / Work - / Work A / Done A", 0),
        // Before acceptance it is a dispatch.
        ("Open A / Open B / Work B / Done B", 0),
        ("Open A / Work B / Done B", 0),
        ("Open A T1 / Open A T2 / Done A T2", 0),
        // Each change counts.
        ("Work A / Queue B / Queue C / Work C / Done C", 2),
        ("Work A / Note B / Note A / Done A", 2),
        ("Wait A / Wait B / Done B", 1),
        ("Work A / Done B", 1),
        // After the first resolution none does.
        ("Work A / Done A / Note B", 0),
        ("Work A / Done A / Work B / Done B", 0),
        ("Work A / Note B / Done B / Work C / Done C", 1),
    ] {
        assert_eq!(hand_overs(text), (expected, expected), "{text}");
    }
}

/// A running count of the source for each row.
fn counted(text: &str, counts: &[Option<i32>], hand_overs_until: CountedUntil) -> (i32, i32) {
    let mut rows = rows(text);
    rows.iter_mut().zip(counts).for_each(|(row, count)| row.hand_overs = *count);
    let ticket = ticket_of(&rows, HistoryRules { hand_overs_until, ..RULES });
    (ticket.counts.hand_overs, ticket.closing.first_resolution_hand_overs)
}

#[test]
fn the_running_count_of_the_source_counts_up_to_the_first_resolution() {
    use CountedUntil::{End, FirstResolution};
    let some = |counts: &[i32]| counts.iter().copied().map(Some).collect::<Vec<_>>();
    for (text, counts, until, expected) in [
        ("Work A / Note B / Done B", some(&[0, 1, 1]), FirstResolution, (1, 1)),
        // What it does not count is none, whatever the persons.
        ("Work A / Note B / Done B", some(&[0, 0, 0]), FirstResolution, (0, 0)),
        // Later ones never spoil the first resolution, unless the map counts them.
        ("Work A / Done A / Note B", some(&[0, 0, 1]), FirstResolution, (1, 0)),
        ("Work A / Done A / Note B", some(&[0, 0, 1]), End, (1, 1)),
        ("Work A / Done A / Work B / Done B", some(&[0, 0, 2, 2]), FirstResolution, (2, 0)),
        // A blank is the count before.
        ("Work A / Note B / Done B", vec![Some(1), None, None], FirstResolution, (1, 1)),
        // Without any count the rule decides.
        ("Work A / Note B / Done B", vec![None, None, None], FirstResolution, (1, 1)),
    ] {
        assert_eq!(counted(text, &counts, until), expected, "{text} {counts:?} {until:?}");
    }
}

// ---------------------------------------------------------------- the same in the life-cycle

const PEOPLE: usize = 4;
const TEAMS: usize = 3;

fn user(n: usize) -> UserId {
    UserId(Uuid::from_u128(n as u128 + 1))
}

fn team(n: usize) -> TeamId {
    TeamId(Uuid::from_u128(n as u128 + 101))
}

/// An act on a live ticket.
#[derive(Clone, Copy, Debug)]
enum Act {
    Assign(usize),
    /// By its assignee, or by a supervisor.
    Accept(Option<usize>),
    SetWaiting,
    Resume,
    MoveToTeam(usize),
    Resolve,
    Reopen,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        3 => (0..PEOPLE).prop_map(Act::Assign),
        3 => proptest::option::of(0..PEOPLE).prop_map(Act::Accept),
        1 => Just(Act::SetWaiting),
        1 => Just(Act::Resume),
        2 => (0..TEAMS).prop_map(Act::MoveToTeam),
        1 => Just(Act::Resolve),
        1 => Just(Act::Reopen),
    ];
    proptest::collection::vec(act, 0..14)
}

/// A supervisor may do everything.
fn supervisor(id: UserId) -> Actor {
    Actor::Person(std::sync::Arc::new(Person {
        id,
        roles: vec![Role::Supervisor],
        teams: Vec::new(),
        supervised_teams: Vec::new(),
        supervised: Vec::new(),
        customer: None,
        products: Vec::new(),
        session: None,
        api_key: None,
    }))
}

fn attribution() -> AttributionDetails {
    AttributionDetails {
        fault_type: FaultType::Hardware,
        root_cause_level: RootCauseLevel::L2Environment,
        cause_tag: None,
        solution_tags: vec!["RESTART".to_owned()],
        resolution: "restarted".to_owned(),
    }
}

/// The ticket after an act; `None` if the life-cycle refuses it.
fn act(ticket: &Ticket, act: Act, now: Timestamp) -> Option<Ticket> {
    let by = |person: usize| supervisor(user(person));
    let assignee = ticket.assignment.assignee.map_or_else(|| by(0), supervisor);
    let to = |person| Assignee { id: user(person), is_staff: true, is_enabled: true, team: Some(team(person % TEAMS)) };
    let decision = match act {
        Act::Assign(person) => {
            return lifecycle::assign(ticket, &assignee, now, &to(person)).ok().flatten().map(|decision| decision.next);
        }
        Act::Accept(None) => lifecycle::accept(ticket, &assignee, now, None),
        Act::Accept(Some(person)) => lifecycle::accept(ticket, &by(person), now, None),
        Act::SetWaiting => lifecycle::set_waiting(ticket, &assignee, now, "parts"),
        Act::Resume => lifecycle::resume(ticket, &assignee, now),
        Act::Resolve => lifecycle::resolve(ticket, &assignee, now, &attribution()),
        Act::Reopen => lifecycle::reopen(ticket, &assignee, now, None),
        Act::MoveToTeam(n) => {
            let changes = Changes { team: Some(team(n)), ..Changes::default() };
            return lifecycle::update(ticket, &assignee, now, &changes).ok().flatten().map(|decision| decision.next);
        }
    };
    decision.ok().map(|decision| decision.next)
}

/// The row that a source would write about a ticket; what did not change may be blank.
fn row_of(n: u64, before: Option<&Ticket>, ticket: &Ticket, blanks: bool) -> Row {
    let mut row = row(n, "");
    let changed = |same: bool| !(blanks && same);
    row.source_status = Some("x".to_owned());
    row.status = Some(ticket.status).filter(|status| changed(before.is_some_and(|before| before.status == *status)));
    let assignee = ticket.assignment.assignee;
    row.assignee = assignee
        .filter(|_| changed(before.is_some_and(|before| before.assignment.assignee == assignee)))
        .map(|id| id.to_string());
    let team = ticket.assignment.team;
    row.team =
        team.filter(|_| changed(before.is_some_and(|before| before.assignment.team == team))).map(|id| id.to_string());
    // RESOLVED needs them.
    row.fault_type = Some(FaultType::Hardware);
    row.root_cause_level = Some(RootCauseLevel::L2Environment);
    row.solution_tag = Some("RESTART".to_owned());
    row.resolution = Some("restarted".to_owned());
    row
}

proptest! {
    #[test]
    fn imported_history_counts_hand_overs_as_the_life_cycle_does(acts in acts(), blanks in any::<bool>()) {
        let start = super::at("2026-01-05T08:00:00Z");
        let request = TicketRequest::new("t".to_owned(), "d".to_owned(), "web");
        let mut ticket = Ticket::new(TicketId(Uuid::nil()), 1, String::new(), request, start);
        let mut rows = vec![row_of(0, None, &ticket, blanks)];
        for one in acts {
            let n = rows.len() as u64;
            if let Some(next) = act(&ticket, one, start + minutes(n)) {
                rows.push(row_of(n, Some(&ticket), &next, blanks));
                ticket = next;
            }
        }
        let ids = Ids {
            teams: (0..TEAMS).map(|n| (team(n).to_string(), team(n))).collect(),
            people: (0..PEOPLE).map(|n| (user(n).to_string(), user(n))).collect(),
            ..Ids::default()
        };
        let history = build_history(ticket.id, &input(&rows, RULES, &ids));
        let imported = history.unwrap_or_else(|reason| panic!("{reason:?}")).ticket;
        prop_assert_eq!(imported.counts.hand_overs, ticket.counts.hand_overs, "{:?}", rows);
        prop_assert_eq!(
            imported.closing.first_resolution_hand_overs,
            ticket.closing.first_resolution_hand_overs
        );
        prop_assert_eq!(imported.closing.first_resolved_at.is_some(), ticket.closing.first_resolved_at.is_some());
        prop_assert_eq!(imported.status == TicketStatus::Resolved, ticket.status == TicketStatus::Resolved);
    }
}
