//! Live feeds: a resumed subscription loses and repeats nothing, and respects the scope.

use std::sync::Arc;

use domain::import::model::ImportFinished;
use domain::kernel::Actor;
use domain::people::queries::person;
use domain::runtime::{Ctx, Cursor};
use domain::tickets::decide::board::Board;
use domain::tickets::model::Filter;
use graphql::live::{Live, LiveMessage};
use graphql::shared_execution::VIEWER_INDEPENDENT_FIELDS;
use tests::socket::Socket;
use tests::{Desk, Json, attribution, json};
use tokio_util::sync::CancellationToken;

const BOARD: &str = "subscription B($filter: TicketFilter, $after: String) {
    boardEvents(filter: $filter, after: $after) { cursor kind ticketId ticket { number status assignee { name } } } }";

async fn board(desk: &Desk, name: &str, filter: Json, after: Option<&str>) -> Socket {
    let mut socket = Socket::open(&desk.as_(name).await).await;
    socket.subscribe("b", BOARD, json!({ "filter": filter, "after": after })).await;
    socket
}

async fn next(socket: &mut Socket) -> Json {
    socket.event().await["boardEvents"].clone()
}

async fn cursor(desk: &Desk) -> String {
    desk.wait_for_followers().await;
    desk.as_("admin").await.query("{ boardCursor }", json!({})).await["boardCursor"].as_str().unwrap().to_owned()
}

/// Assigns a ticket to an agent, who accepts it.
async fn create_and_accept(desk: &Desk, id: &str) {
    let assignee = desk.id("agent1").to_string();
    desk.as_("supervisor")
        .await
        .mutate_ok("assignTicket", "__typename", json!({ "ticketId": id, "assigneeId": assignee }))
        .await;
    desk.as_("agent1").await.mutate_ok("acceptTicket", "__typename", json!({ "ticketId": id })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_board_receives_ticket_changes_and_resumes_from_its_cursor() {
    let desk = Desk::start().await;
    let start = cursor(&desk).await;
    let mut live = board(&desk, "agent1", json!({}), Some(&start)).await;
    let id = desk.create_ticket("requester1", "无法开机", json!({ "issueType": "REPAIR" })).await;
    let created = next(&mut live).await;
    assert_eq!((&created["kind"], &created["ticketId"]), (&json!("TICKET_CREATED"), &json!(id)));
    drop(live);
    create_and_accept(&desk, &id).await;
    let mut resumed = board(&desk, "agent1", json!({}), created["cursor"].as_str()).await;
    assert_eq!(next(&mut resumed).await["kind"], "ASSIGNED");
    let accepted = next(&mut resumed).await;
    assert_eq!(accepted["kind"], "STATUS_CHANGED");
    assert_eq!(accepted["ticket"]["status"], "IN_PROGRESS");
    // From the first cursor the same events arrive, once each.
    let mut again = board(&desk, "agent1", json!({}), Some(&start)).await;
    let mut kinds = Vec::new();
    for _ in 0..3 {
        kinds.push(next(&mut again).await["kind"].clone());
    }
    assert_eq!(kinds, [json!("TICKET_CREATED"), json!("ASSIGNED"), json!("STATUS_CHANGED")]);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_leaves_the_filter_or_scope_sends_left() {
    let desk = Desk::start().await;
    let start = cursor(&desk).await;
    let new_only = json!({ "status": { "eq": "NEW" } });
    let mut filtered = board(&desk, "agent1", new_only, Some(&start)).await;
    let mut outside = board(&desk, "agent3", json!({}), Some(&start)).await;
    let id = desk.create_ticket("admin", "no team yet", json!({})).await;
    assert_eq!(next(&mut filtered).await["kind"], "TICKET_CREATED");
    assert_eq!(next(&mut outside).await["kind"], "TICKET_CREATED", "without a team every agent sees it");
    desk.as_("admin")
        .await
        .mutate_ok("updateTicket", "__typename", json!({ "ticketId": id, "teamKey": "FIELD" }))
        .await;
    assert_eq!(next(&mut filtered).await["kind"], "UPDATED");
    let left = next(&mut outside).await;
    assert_eq!((&left["kind"], &left["ticketId"], &left["ticket"]), (&json!("LEFT"), &json!(id), &json!(null)));
    create_and_accept(&desk, &id).await;
    assert_eq!(next(&mut filtered).await["kind"], "LEFT");
    // The other team receives none of the later events.
    let marker = desk.create_ticket("admin", "marker", json!({})).await;
    assert_eq!(next(&mut outside).await["ticketId"], json!(marker));
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_board_searches_the_comments_that_its_viewer_may_read() {
    let desk = Desk::start().await;
    let id = desk.create_ticket("requester1", "水泵", json!({ "issueType": "REPAIR" })).await;
    let start = cursor(&desk).await;
    let mut of_agent = board(&desk, "agent1", json!({ "text": "beryllium" }), Some(&start)).await;
    let mut of_requester = board(&desk, "requester1", json!({ "text": "beryllium" }), Some(&start)).await;
    let agent = desk.as_("agent1").await;
    let note = json!({ "ticketId": id, "body": "beryllium 批次", "visibility": "INTERNAL" });
    agent.mutate_ok("addComment", "__typename", note).await;
    assert_eq!(next(&mut of_agent).await["kind"], "COMMENTED");
    // A public event of the ticket that only an internal word would put on the board.
    agent.mutate_ok("addComment", "__typename", json!({ "ticketId": id, "body": "请重启" })).await;
    assert_eq!(next(&mut of_agent).await["kind"], "COMMENTED");
    let public = json!({ "ticketId": id, "body": "Beryllium again", "visibility": "PUBLIC" });
    let marker = desk.create_ticket("requester1", "beryllium", json!({ "issueType": "REPAIR" })).await;
    let created = next(&mut of_requester).await;
    assert_eq!((&created["kind"], &created["ticketId"]), (&json!("TICKET_CREATED"), &json!(marker)), "nothing before");
    agent.mutate_ok("addComment", "__typename", public).await;
    assert_eq!(next(&mut of_requester).await["ticketId"], json!(id), "a public comment counts");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requester_receives_no_internal_events() {
    let desk = Desk::start().await;
    let start = cursor(&desk).await;
    let id = desk.create_ticket("requester1", "VPN", json!({ "issueType": "REPAIR" })).await;
    let mut own = board(&desk, "requester1", json!({}), Some(&start)).await;
    let mut other = board(&desk, "requester2", json!({}), Some(&start)).await;
    assert_eq!(next(&mut own).await["kind"], "TICKET_CREATED");
    let agent = desk.as_("agent1").await;
    agent.mutate_ok("openTicket", "__typename", json!({ "ticketId": id })).await;
    let note = json!({ "ticketId": id, "body": "客户的接线很乱", "visibility": "INTERNAL" });
    agent.mutate_ok("addComment", "__typename", note).await;
    agent.mutate_ok("addComment", "__typename", json!({ "ticketId": id, "body": "请重启" })).await;
    assert_eq!(next(&mut own).await["kind"], "COMMENTED", "the public comment is the next event");
    let query = "query Q($id: ID!) { ticket(id: $id) { version updatedAt firstOpenedAt firstRespondedAt
        comments { nodes { body } } events { nodes { kind } } } }";
    let seen = desk.as_("requester1").await.query(query, json!({ "id": id })).await;
    assert_eq!(seen["ticket"]["comments"]["nodes"], json!([{ "body": "请重启" }]));
    assert_eq!(seen["ticket"]["events"]["nodes"], json!([{ "kind": "TicketCreated" }]));
    assert_eq!((&seen["ticket"]["firstOpenedAt"], &seen["ticket"]["version"]), (&json!(null), &json!(1)));
    let mine = desk.create_ticket("requester2", "mine", json!({})).await;
    assert_eq!(next(&mut other).await["ticketId"], json!(mine), "another customer gets no other event");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_that_missed_too_many_events_receives_resync() {
    let desk = Desk::start().await;
    let start = cursor(&desk).await;
    let mut tx = Ctx::system(&desk.app).begin().await.unwrap();
    for n in 0..1_001_u64 {
        tx.record(ImportFinished { source: "X".to_owned(), created: n, updated: 0, refused: 0 }).await.unwrap();
    }
    tx.commit().await.unwrap();
    desk.wait_for_followers().await;
    let mut late = board(&desk, "agent1", json!({}), Some(&start)).await;
    assert_eq!(next(&mut late).await["kind"], "RESYNC");
    let id = desk.create_ticket("admin", "after", json!({})).await;
    assert_eq!(next(&mut late).await["ticketId"], json!(id));
    let mut restored = board(&desk, "agent1", json!({}), Some("0123456789ab.0.1")).await;
    assert_eq!(next(&mut restored).await["kind"], "RESYNC", "a cursor of another log epoch");
    desk.close().await;
}

/// The fields that a feed message and a query of its recipient must agree on.
const ALL: &str = "__typename access assignee { id name } attribution { at by { name } causeTag faultType resolution
    rootCauseLevel solutionTags } cancelReason channel chaseCount closedAt comments(first: 9) { nodes { author { name }
    body createdAt id visibility } } createdAt customer { key name } description externalRefs { externalId system }
    firstOpenedAt firstOpenedBy { name } firstRespondedAt handOverCount id issueType number priority product reopenCount
    requester { name } requiredSkills resolvedAt status team { id key name } title token updatedAt version waitingReason";

#[tokio::test(flavor = "multi_thread")]
async fn shared_execution_equals_individual_execution() {
    let desk = Desk::start().await;
    for field in VIEWER_INDEPENDENT_FIELDS {
        let own = ["at", "cursor", "kind", "ticket", "ticketId"].contains(&field);
        assert!(own || ALL.split_whitespace().any(|word| word.starts_with(field)), "{field} is not looked at here");
    }
    let start = cursor(&desk).await;
    let feed = format!("subscription B($after: String) {{ boardEvents(after: $after) {{ kind ticket {{ {ALL} }} }} }}");
    let ask = format!("query Q($id: ID!) {{ ticket(id: $id) {{ {ALL} }} }}");
    let names = ["agent1", "agent2", "supervisor", "admin", "pm", "requester1", "colleague1"];
    let mut sockets = Vec::new();
    for name in names {
        let mut socket = Socket::open(&desk.as_(name).await).await;
        socket.subscribe("b", &feed, json!({ "after": start })).await;
        sockets.push((name, socket));
    }
    let id = desk.create_ticket("requester1", "无法开机", json!({ "issueType": "REPAIR", "product": "PM-3300" })).await;
    for (name, socket) in &mut sockets {
        assert_eq!(next(socket).await["kind"], "TICKET_CREATED", "{name}");
    }
    create_and_accept(&desk, &id).await;
    let agent = desk.as_("agent1").await;
    agent.mutate_ok("openTicket", "__typename", json!({ "ticketId": id })).await;
    for (body, visibility) in [("接线很乱", "INTERNAL"), ("请重启", "PUBLIC")] {
        let comment = json!({ "ticketId": id, "body": body, "visibility": visibility });
        agent.mutate_ok("addComment", "__typename", comment).await;
    }
    agent.mutate_ok("resolveTicket", "__typename", json!({ "ticketId": id, "attribution": attribution("重装") })).await;
    for (name, socket) in &mut sockets {
        let received = loop {
            let received = next(socket).await;
            if received["ticket"]["status"] == "RESOLVED" && received["kind"] == "STATUS_CHANGED" {
                break received;
            }
        };
        let read = desk.as_(name).await.query(&ask, json!({ "id": id })).await;
        assert_eq!(received["ticket"], read["ticket"], "{name}");
    }
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn subscribers_of_one_group_share_one_execution() {
    let desk = Desk::start().await;
    cursor(&desk).await;
    let (live, stop) = (Arc::new(Live::default()), CancellationToken::new());
    let running = tokio::spawn(live.clone().run(desk.app.clone(), stop.clone()));
    let listen = async |name: &str, group| {
        let person = person(&desk.app, desk.id(name)).await.unwrap().unwrap();
        let board = Board::of(&Actor::Person(Arc::new(person)), Filter::default());
        live.subscribe(Arc::new(board), None, group)
    };
    while listen("admin", None).await.since == Cursor::START {
        tokio::task::yield_now().await; // until the dispatcher has begun
    }
    let mut answers = Vec::new();
    let mut listeners = Vec::new();
    for (name, group) in
        [("agent1", Some([1; 32])), ("agent3", Some([1; 32])), ("agent1", Some([2; 32])), ("admin", None)]
    {
        listeners.push(listen(name, group).await);
    }
    desk.create_ticket("admin", "no team", json!({})).await;
    for listener in &mut listeners {
        match listener.receive().await {
            Some(LiveMessage::Update { payload, .. }) => answers.push(payload),
            Some(LiveMessage::Broadcast(_)) | None => panic!("a ticket is news"),
        }
    }
    let [Some(one), Some(same), Some(other), None] = &answers[..] else { panic!("{} answers", answers.len()) };
    assert!(Arc::ptr_eq(one, same), "one execution serves both subscribers");
    assert!(!Arc::ptr_eq(one, other));
    stop.cancel();
    running.await.unwrap();
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_events_reaches_an_open_board_completely() {
    let desk = Desk::start().await;
    let start = cursor(&desk).await;
    let mut live = board(&desk, "agent1", json!({}), Some(&start)).await;
    let first = desk.create_ticket("admin", "open", json!({})).await;
    assert_eq!(next(&mut live).await["ticketId"], json!(first));
    // More events than the queue of one subscriber holds.
    let mut tx = Ctx::system(&desk.app).begin().await.unwrap();
    for n in 0..900_u64 {
        tx.record(ImportFinished { source: "X".to_owned(), created: n, updated: 0, refused: 0 }).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut cursors = Vec::new();
    for _ in 0..900 {
        let event = next(&mut live).await;
        assert_eq!(event["kind"], "RESYNC");
        cursors.push(event["cursor"].as_str().unwrap().rsplit('.').next().unwrap().parse::<u64>().unwrap());
    }
    assert!(cursors.is_sorted_by(|a, b| a < b), "in order, each once");
    let last = desk.create_ticket("admin", "after", json!({})).await;
    assert_eq!(next(&mut live).await["ticketId"], json!(last));
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_rights_applies_immediately() {
    let desk = Desk::start().await;
    let start = cursor(&desk).await;
    let user = desk.id("agent3").to_string();
    let change = async |input: Json| {
        let mut input = input;
        input["userId"] = json!(user);
        desk.as_("admin").await.mutate_ok("updateUser", "__typename", input).await;
    };
    // Wider rights: lists reload, and the socket closes so that the client reconnects with them.
    let mut live = board(&desk, "agent3", json!({}), Some(&start)).await;
    change(json!({ "teamKeys": ["FIELD"] })).await;
    let resync = next(&mut live).await;
    assert_eq!(resync["kind"], "RESYNC");
    assert_eq!(live.close_code().await, 4403);
    let mut again = board(&desk, "agent3", json!({}), Some(resync["cursor"].as_str().unwrap())).await;
    let id = desk.create_ticket("requester1", "x", json!({ "issueType": "REPAIR" })).await;
    assert_eq!(next(&mut again).await["ticketId"], json!(id));
    // Narrower rights: an open socket does nothing with its old rights.
    change(json!({ "roles": ["ADMIN"] })).await;
    let mut mighty = Socket::open(&desk.as_("agent3").await).await;
    change(json!({ "roles": ["AGENT"] })).await;
    let mutation = "mutation M($input: SaveSkillInput!) { saveSkill(input: $input) { userErrors { code } } }";
    mighty.subscribe("m", mutation, json!({ "input": { "key": "forging", "name": "Forging" } })).await;
    assert_eq!(mighty.event().await["saveSkill"]["userErrors"][0]["code"], "FORBIDDEN");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_follow_the_graphql_transport_ws_protocol() {
    let desk = Desk::start().await;
    let agent = desk.as_("agent1").await;
    let mut early = Socket::connect(&agent, Some("graphql-transport-ws")).await;
    early.subscribe("1", "{ viewer { id } }", json!({})).await;
    assert_eq!(early.close_code().await, 4401);
    let mut wrong = Socket::connect(&agent, Some("graphql-transport-ws")).await;
    wrong.send(json!({ "type": "connection_init", "payload": { "authorization": "Bearer nonsense" } })).await;
    assert_eq!(wrong.close_code().await, 4403);
    let mut twice = Socket::open(&agent).await;
    twice.send(json!({ "type": "connection_init" })).await;
    assert_eq!(twice.close_code().await, 4429);
    let mut garbled = Socket::open(&agent).await;
    garbled.send_text("{ not json").await;
    assert_eq!(garbled.close_code().await, 4400);
    let mut unknown = Socket::connect(&agent, None).await;
    assert_eq!(unknown.close_code().await, 4406);
    let mut roots = Socket::open(&agent).await;
    for (id, text) in [
        ("two", "subscription { a: boardEvents { kind } b: boardEvents { kind } }"),
        ("fragment", "subscription { ... on Subscription { boardEvents { kind } } }"),
    ] {
        roots.subscribe(id, text, json!({})).await;
        let refused = roots.receive().await;
        assert_eq!(
            (&refused["type"], &refused["id"]),
            (&json!("error"), &json!(id)),
            "one field at the root: {refused}"
        );
    }
    let mut socket = Socket::open(&agent).await;
    socket.send(json!({ "type": "ping", "payload": { "n": 1 } })).await;
    assert_eq!(socket.receive().await, json!({ "type": "pong", "payload": { "n": 1 } }));
    socket.subscribe("q", "{ viewer { name } }", json!({})).await;
    assert_eq!(socket.event().await, json!({ "viewer": { "name": "agent1" } }));
    assert_eq!(socket.receive().await, json!({ "type": "complete", "id": "q" }));
    socket.subscribe("bad", "{ nosuch }", json!({})).await;
    let error = socket.receive().await;
    assert_eq!((&error["type"], &error["id"]), (&json!("error"), &json!("bad")));
    socket.subscribe("b", BOARD, json!({})).await;
    socket.subscribe("b", BOARD, json!({})).await;
    assert_eq!(socket.close_code().await, 4409);
    // A socket closes when its token expires.
    let mut lasting = Socket::open(&agent).await;
    desk.advance(domain::kernel::minutes(16)).await;
    assert_eq!(lasting.close_code().await, 4403);
    desk.close().await;
}
