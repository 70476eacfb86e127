//! SQL and the decisions in memory agree on the visible tickets, for every user and many filters.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use domain::kernel::{Actor, Page, TicketId, Timestamp, seconds};
use domain::people::queries::person;
use domain::runtime::{Ctx, Cursor, log};
use domain::tickets::decide::board::{Board, LiveTicket, TextMatching, affected_scopes, matches};
use domain::tickets::decide::rights::{Scope, sees_as_requester};
use domain::tickets::model::{Between, Filter, IdIs, Priority, PriorityIs, StatusIs, TicketEvent, TicketStatus};
use domain::tickets::queries::{check_filter, list, live_ticket};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use tests::{Desk, attribution, json};
use uuid::Uuid;

const FILTERS: usize = 120;
const STATUSES: [TicketStatus; 7] = [
    TicketStatus::New,
    TicketStatus::Assigned,
    TicketStatus::InProgress,
    TicketStatus::Waiting,
    TicketStatus::Resolved,
    TicketStatus::Closed,
    TicketStatus::Cancelled,
];
const TITLES: [&str; 4] = ["泵站停机 E-721", "VPN cannot connect", "PM-3300 上电报警", "Printer 卡纸 paper jam"];
const WORDS: [&str; 10] =
    ["泵站", "E-721", "vpn", "PM-3300 报警", "paper", "没有", "beryllium", "批次 E721", "zirconium", "acme"];

/// Forty tickets in all states.
async fn create_tickets(desk: &Desk) {
    let admin = desk.as_("admin").await;
    let types = ["REPAIR", "ACCOUNT", "BREACH"];
    let requesters = ["requester1", "colleague1", "requester2", "agent2"];
    let agents = ["agent1", "agent2", "agent3", "supervisor"];
    for n in 0..40_usize {
        desk.advance(seconds(7)).await;
        let email = format!("{}@desk.test", requesters[n % 4]);
        let priority = ["URGENT", "HIGH", "NORMAL", "LOW"][n % 4];
        let mut input = json!({ "requesterEmail": email, "priority": priority });
        if n % 5 > 0 {
            input["issueType"] = json!(types[n % 3]);
        }
        if n % 2 == 0 {
            let product = ["PM-3300", "VPN"][n % 4 / 2];
            input["product"] = json!(product);
        }
        let id = desk.create_ticket("admin", TITLES[n % 4], input).await;
        if n % 5 == 0 {
            let team = ["IT", "SECRET"][n % 2];
            // Followed without a team, then moved to another team: a participant still sees it.
            desk.as_(agents[n % 3]).await.mutate_ok("followTicket", "__typename", json!({ "ticketId": id })).await;
            admin.mutate_ok("updateTicket", "__typename", json!({ "ticketId": id, "teamKey": team })).await;
        }
        if n % 3 == 0 {
            let (body, visibility) = [("beryllium 批次", "INTERNAL"), ("zirconium", "PUBLIC")][n % 2];
            let comment = json!({ "ticketId": id, "body": body, "visibility": visibility });
            admin.mutate_ok("addComment", "__typename", comment).await;
        }
        let steps = n % 7;
        if steps == 0 {
            continue;
        }
        let assignee = desk.id(agents[n % 4]).to_string();
        admin.mutate_ok("assignTicket", "__typename", json!({ "ticketId": id, "assigneeId": assignee })).await;
        if steps == 1 {
            continue;
        }
        desk.as_(agents[n % 4]).await.mutate_ok("acceptTicket", "__typename", json!({ "ticketId": id })).await;
        let (name, more) = match steps {
            2 => continue,
            3 => ("setWaiting", json!({ "reason": "等待" })),
            4 => ("cancelTicket", json!({ "reason": "重复" })),
            _ => ("resolveTicket", json!({ "attribution": attribution("done") })),
        };
        let mut input = json!({ "ticketId": id });
        input.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        admin.mutate_ok(name, "__typename", input).await;
        if steps == 6 {
            admin.mutate_ok("closeTicket", "__typename", json!({ "ticketId": id })).await;
        }
    }
}

fn ids(of: Vec<Uuid>) -> impl Strategy<Value = IdIs> {
    let some = proptest::option::of(subsequence(of, 0..3));
    (some, proptest::option::weighted(0.2, any::<bool>())).prop_map(|(one_of, is_null)| IdIs { one_of, is_null })
}

fn between(times: Vec<Timestamp>) -> impl Strategy<Value = Between> {
    let one = proptest::option::of(select(times));
    (one.clone(), one).prop_map(|(from, before)| Between { from, before })
}

/// Filters over the existing values, nested up to two levels.
fn filters(seen: &[Arc<LiveTicket>]) -> impl Strategy<Value = Filter> {
    let known = |of: fn(&LiveTicket) -> Option<Uuid>| {
        let all: BTreeSet<Uuid> = seen.iter().filter_map(|current| of(current)).collect();
        all.into_iter().collect::<Vec<_>>()
    };
    let status = (proptest::option::of(subsequence(STATUSES.to_vec(), 0..5)), subsequence(STATUSES.to_vec(), 0..3))
        .prop_map(|(one_of, none_of)| StatusIs { one_of, none_of });
    let all = vec![Priority::Urgent, Priority::High, Priority::Normal, Priority::Low];
    let priority = proptest::option::of(subsequence(all, 0..4)).prop_map(|one_of| PriorityIs { one_of });
    let created: Vec<Timestamp> = seen.iter().map(|current| current.ticket.times.created_at).collect();
    let updated = seen
        .iter()
        .flat_map(|current| [current.ticket.times.updated_at, current.ticket.times.public_updated_at])
        .collect();
    let leaf = (
        proptest::option::weighted(0.5, status),
        proptest::option::weighted(0.2, priority),
        proptest::option::weighted(0.2, ids(known(|current| current.ticket.assignment.assignee.map(|id| id.0)))),
        proptest::option::weighted(0.2, ids(known(|current| current.ticket.assignment.team.map(|id| id.0)))),
        proptest::option::weighted(0.2, ids(known(|current| current.ticket.request.customer.map(|id| id.0)))),
        proptest::option::weighted(0.2, between(created)),
        proptest::option::weighted(0.2, between(updated)),
        proptest::option::weighted(0.15, select(WORDS.to_vec())),
    )
        .prop_map(|(status, priority, assignee, team, customer, created_at, updated_at, text)| Filter {
            and: Vec::new(),
            or: Vec::new(),
            status,
            priority,
            assignee,
            team,
            customer,
            created_at,
            updated_at,
            text: text.map(str::to_owned),
        });
    leaf.prop_recursive(2, 8, 2, |inner| {
        let some = proptest::collection::vec(inner.clone(), 0..3);
        (inner, some.clone(), some).prop_map(|(filter, and, or)| Filter { and, or, ..filter })
    })
    .prop_filter("within the limits of a filter", |filter| check_filter(filter).is_ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_and_memory_agree_on_visible_tickets() {
    let desk = Desk::start().await;
    create_tickets(&desk).await;
    desk.wait_for_followers().await;
    let app = &desk.app;
    let everything = list(&Ctx::system(app), &Filter::default(), None, &page()).await.unwrap();
    let all: Vec<TicketId> = everything.edges.into_iter().map(|edge| edge.node.id).collect();
    assert_eq!(all.len(), 40);
    let mut seen = Vec::new();
    for id in all {
        seen.push(live_ticket(app, id, Cursor::START).await.unwrap().unwrap());
    }
    let strategy = filters(&seen);
    let mut runner = TestRunner::deterministic();
    let mut hits = 0;
    for name in Desk::user_names() {
        let actor = Actor::Person(Arc::new(person(app, desk.id(name)).await.unwrap().unwrap()));
        let (scope, as_requester) = (Scope::of(&actor), sees_as_requester(&actor));
        let cx = Ctx { actor, ..Ctx::system(app) };
        for round in 0..FILTERS {
            let filter = if round == 0 { Filter::default() } else { strategy.new_tree(&mut runner).unwrap().current() };
            let listed = list(&cx, &filter, None, &page()).await.unwrap();
            let in_sql: HashSet<TicketId> = listed.edges.into_iter().map(|edge| edge.node.id).collect();
            let in_memory: HashSet<TicketId> = seen
                .iter()
                .filter(|current| {
                    let snapshot = current.ticket.snapshot();
                    scope.sees(&snapshot, &current.participants)
                        && matches(&filter, &snapshot, current, as_requester, TextMatching::Compared)
                })
                .map(|current| current.ticket.id)
                .collect();
            assert_eq!(in_sql, in_memory, "{name}: {filter:#?}");
            hits += in_sql.len();
        }
    }
    assert!(hits > 1_000, "the filters match tickets: {hits}");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recipient_of_an_event_is_found_by_its_scopes() {
    let desk = Desk::start().await;
    create_tickets(&desk).await;
    desk.wait_for_followers().await;
    let app = &desk.app;
    let mut boards = Vec::new();
    for name in Desk::user_names() {
        let actor = Actor::Person(Arc::new(person(app, desk.id(name)).await.unwrap().unwrap()));
        boards.push((name, Board::of(&actor, Filter::default())));
    }
    let (mut reached, mut skipped) = (0, 0);
    let mut position = Cursor::START;
    loop {
        let rows = log::read(app, position, 500).await.unwrap();
        let Some(last) = rows.last() else { break };
        position = last.cursor;
        for row in &rows {
            let Some(event) = row.event.get::<TicketEvent>() else { continue };
            let current = live_ticket(app, event.ticket, row.cursor).await.unwrap().unwrap();
            let grants = affected_scopes(event, &current);
            for (name, board) in &boards {
                let found = board.grants().is_none_or(|all| all.iter().any(|grant| grants.contains(grant)));
                if board.delta(event, row.audience, &current).is_some() {
                    assert!(found, "{name}: {event:?}");
                    reached += 1;
                } else if !found {
                    skipped += 1;
                }
            }
        }
    }
    assert!(reached > 300 && skipped > 300, "{reached} reached, {skipped} skipped");
    desk.close().await;
}

fn page() -> Page {
    Page { limit: 100, ..Page::default() }
}
