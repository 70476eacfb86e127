//! GraphQL as its specification says where async-graphql differs: variables, directives, empty selections, operations that
//! are not chosen, strings and instants.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use regex::Regex;
use tests::socket::Socket;
use tests::{Client, Desk, Json, json};

/// Posts a request with the operation's name; the status and the response.
async fn post(client: &Client, query: &str, operation: Option<&str>, variables: &Json) -> (u16, Json) {
    let body = json!({ "query": query, "operationName": operation, "variables": variables });
    let mut request = client.http.post(format!("{}/graphql", client.address)).json(&body);
    request = request.header("accept", "application/graphql-response+json");
    if let Some(token) = &client.token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Requires a request error: nothing was executed.
#[track_caller]
fn assert_request_error((status, body): &(u16, Json), what: &str) {
    assert_eq!(
        (*status, &body["errors"][0]["extensions"]["code"]),
        (400, &json!("BAD_USER_INPUT")),
        "{what}: {body:#}"
    );
    assert!(body.get("data").is_none(), "{what}: {body:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn directives_use_the_defaults_of_variables() {
    let desk = Desk::start().await;
    let agent = desk.as_("agent1").await;
    let create = "mutation M($title: String!, $yes: Boolean! = true, $no: Boolean = false) {
        included: createTicket(input: { title: $title, description: \"x\" }) @include(if: $yes) { ticket { title } }
        kept: createTicket(input: { title: $title, description: \"x\" }) @skip(if: $no) { ticket { title } }
        ... @include(if: $no) { left: createTicket(input: { title: $title, description: \"x\" }) { ticket { title } } }
        ...skipped @skip(if: $yes) }
        fragment skipped on Mutation { out: createTicket(input: { title: $title, description: \"x\" }) { ticket { title } } }";
    let created = |title: &str| json!({ "ticket": { "title": title } });
    let by_default = agent.query(create, json!({ "title": "a" })).await;
    assert_eq!(by_default, json!({ "included": created("a"), "kept": created("a") }));
    let reversed = agent.query(create, json!({ "title": "b", "yes": false, "no": true })).await;
    assert_eq!(reversed, json!({ "left": created("b"), "out": created("b") }));
    let titles = "{ tickets(orderBy: { field: NUMBER, direction: ASC }) { nodes { title } } }";
    let all = agent.query(titles, json!({})).await;
    let expected = ["a", "a", "b", "b"].map(|title| json!({ "title": title }));
    assert_eq!(all["tickets"]["nodes"], json!(expected));
    assert_request_error(
        &post(&agent, create, None, &json!({ "title": "c", "no": null })).await,
        "null is no condition",
    );
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_which_nothing_is_selected_is_empty() {
    let desk = Desk::start().await;
    let id = desk.create_ticket("requester1", "x", json!({})).await;
    let agent = desk.as_("agent1").await;
    for (query, expected) in [
        ("{ viewer { name @include(if: false) } }", json!({ "viewer": {} })),
        ("{ viewer { name @skip(if: $yes) } }", json!({ "viewer": {} })),
        ("{ viewer { __typename @include(if: $no) } }", json!({ "viewer": {} })),
        ("{ viewer { __typename @include(if: $yes) } }", json!({ "viewer": { "__typename": "User" } })),
        // Not null, and lists.
        ("{ about { demo @include(if: false) } }", json!({ "about": {} })),
        ("{ tickets { nodes { id @include(if: false) } } }", json!({ "tickets": { "nodes": [{}] } })),
        ("{ viewer @include(if: false) { name } }", json!({})),
        ("{ ... @include(if: false) { viewer { name } } }", json!({})),
        ("{ viewer { ...f } } fragment f on User { name @include(if: false) }", json!({ "viewer": {} })),
        ("{ viewer { ...f @skip(if: true) } } fragment f on User { name }", json!({ "viewer": {} })),
        ("{ viewer { ... on Node @include(if: false) { id } } }", json!({ "viewer": {} })),
        // Selections of the same field are merged.
        (
            "{ viewer { email @skip(if: true) } viewer { name } viewer { ...f } } fragment f on User { id @skip(if: true) }",
            json!({ "viewer": { "name": "agent1" } }),
        ),
        // A fragment on another type selects nothing.
        ("{ node(id: $id) { ... on User { name } } }", json!({ "node": {} })),
        ("{ node(id: $id) { ... on Ticket { title } } }", json!({ "node": { "title": "x" } })),
        ("mutation M { signOut(input: {}) @include(if: false) { userErrors { code } } }", json!({})),
    ] {
        let declared = [("$yes", "Boolean = true"), ("$no", "Boolean = false"), ("$id", "ID!")];
        let used: Vec<String> = declared
            .iter()
            .filter(|(name, _)| query.contains(name))
            .map(|(name, of)| format!("{name}: {of}"))
            .collect();
        let query = if used.is_empty() { query.to_owned() } else { format!("query Q({}) {query}", used.join(", ")) };
        assert_eq!(agent.query(&query, json!({ "id": id })).await, expected, "{query}");
    }
    let nobody = desk.anonymous().query("{ viewer { name @include(if: false) } }", json!({})).await;
    assert_eq!(nobody, json!({ "viewer": null }), "null stays null");
    // On a socket, too.
    let mut socket = Socket::open(&agent).await;
    socket.subscribe("q", "{ viewer { name @include(if: false) } }", json!({})).await;
    assert_eq!(socket.event().await, json!({ "viewer": {} }));
    assert_eq!(socket.receive().await["type"], "complete");
    let board = "subscription S($more: Boolean = false) { boardEvents { ticket { title @include(if: $more) } } }";
    socket.subscribe("s", board, json!({})).await;
    socket.wait_until_processed().await;
    desk.create_ticket("admin", "y", json!({})).await;
    assert_eq!(socket.event().await, json!({ "boardEvents": { "ticket": {} } }));
    socket.subscribe("d", "subscription { boardEvents @include(if: false) { kind } }", json!({})).await;
    assert_eq!(socket.receive().await["type"], "error", "the root of a subscription has no directive");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_have_values_of_their_types_before_anything_is_executed() {
    let desk = Desk::start().await;
    desk.create_ticket("admin", "not mine", json!({})).await;
    let agent = desk.as_("agent1").await;
    let mine = "query Q($me: ID!) { tickets(filter: { assigneeId: { eq: $me } }) { nodes { title } } }";
    let own = json!({ "me": desk.id("agent1").to_string() });
    assert_eq!(agent.query(mine, own).await, json!({ "tickets": { "nodes": [] } }));
    let two = "mutation M($input: CreateTicketInput!, $id: ID!) {
        createTicket(input: $input) { ticket { id } } acceptTicket(input: { ticketId: $id }) { ticket { id } } }";
    let input = json!({ "title": "t", "description": "d" });
    let list = "query Q($in: [ID!]!) { tickets(filter: { assigneeId: { in: $in } }) { nodes { title } } }";
    let since = "query Q($at: DateTime!) { tickets(filter: { createdAt: { gte: $at } }) { nodes { title } } }";
    let filter = "query Q($f: TicketFilter) { tickets(filter: $f) { nodes { title } } }";
    for (query, variables, named) in [
        (mine, json!({ "me": null }), "$me"),
        (mine, json!({}), "$me"),
        (mine, json!({ "ME": "x", "not a name": 1 }), "$me"),
        (mine, json!({ "me": { "id": "x" } }), "$me"),
        (list, json!({ "in": null }), "$in"),
        (list, json!({ "in": ["x", null] }), "$in[1]"),
        (since, json!({ "at": "yesterday" }), "$at"),
        (since, json!({ "at": null }), "$at"),
        (filter, json!({ "f": { "priority": { "in": ["HIGH", null] } } }), "$f.priority.in[1]"),
        (filter, json!({ "f": { "nosuch": 1 } }), "nosuch"),
        (two, json!({ "input": input, "id": null }), "$id"),
        (two, json!({ "input": input }), "$id"),
        (two, json!({ "input": { "title": "t", "description": null }, "id": "x" }), "$input.description"),
        (two, json!({ "input": { "title": 5, "description": "d" }, "id": "x" }), "$input.title"),
    ] {
        let answer = post(&agent, query, None, &variables).await;
        assert_request_error(&answer, named);
        assert!(answer.1["errors"][0]["message"].as_str().unwrap().contains(named), "{:#}", answer.1);
    }
    assert_eq!(desk.as_("admin").await.count_tickets().await, 1, "no mutation began");
    // On a socket, too.
    let mut socket = Socket::open(&agent).await;
    socket.subscribe("q", mine, json!({ "me": null })).await;
    assert_eq!(socket.receive().await["type"], "error");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_without_a_value_leaves_its_field_unchanged() {
    let desk = Desk::start().await;
    let admin = desk.as_("admin").await;
    let parts = json!([{ "name": "authservId", "value": "mx.desk.test" }]);
    let input =
        json!({ "key": "email", "kind": "EMAIL_AUTHENTICATION", "parts": parts, "expiresAt": "9999-12-31T23:59:59Z" });
    admin.mutate_ok("saveCredential", "__typename", input).await;
    let save = "mutation M($name: String, $until: DateTime) {
        saveCredential(input: { key: \"email\", kind: EMAIL_AUTHENTICATION, name: $name, expiresAt: $until }) {
            credential { name expiresAt } userErrors { code message } } }";
    for (variables, expected) in [
        (json!({ "name": "Mail" }), json!({ "name": "Mail", "expiresAt": "9999-12-31T23:59:59Z" })),
        (json!({}), json!({ "name": "Mail", "expiresAt": "9999-12-31T23:59:59Z" })),
        (json!({ "until": null }), json!({ "name": "Mail", "expiresAt": null })),
    ] {
        let saved = admin.query(save, variables.clone()).await;
        assert_eq!(saved["saveCredential"], json!({ "credential": expected, "userErrors": [] }), "{variables}");
    }
    // Of an argument its default remains; and the document still has to be valid.
    let similar = "query Q($n: Int) { similarCases(input: { title: \"x\" }, first: $n) { rank } }";
    assert_eq!(admin.query(similar, json!({})).await, json!({ "similarCases": [] }));
    let unknown = "query Q($p: String) { similarCases(input: { title: \"x\", nosuch: $p }) { rank } }";
    assert_request_error(&post(&admin, unknown, None, &json!({})).await, "a field that does not exist");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_chosen_operation_is_judged_by_the_variables() {
    let desk = Desk::start().await;
    let agent = desk.as_("agent1").await;
    let document = "query A($x: String!) { viewer { ...f } users(text: $x) { nodes { name } } }
        query B($x: Int!) { tickets(first: $x) { ...page } } fragment page on TicketConnection { nodes { id } }
        mutation C($input: ReportStatusesInput!, $x: [ID!]!) { reportStatuses(input: $input) { results { outcome } }
            addComment(input: { ticketId: \"x\", body: \"x\", mentionIds: $x }) { userErrors { code } } }
        fragment f on User { name }";
    let (status, body) = post(&agent, document, Some("A"), &json!({ "x": "agent1" })).await;
    let named = json!({ "name": "agent1" });
    assert_eq!((status, &body), (200, &json!({ "data": { "viewer": named, "users": { "nodes": [named] } } })));
    let (_, body) = post(&agent, document, Some("B"), &json!({ "x": 5 })).await;
    assert_eq!(body, json!({ "data": { "tickets": { "nodes": [] } } }));
    for (what, document, operation) in [
        ("another operation is invalid", "query A { viewer { id } } query B { nosuch }", Some("A")),
        (
            "a fragment of another operation is invalid",
            "query A { viewer { id } } query B { ...b } fragment b on Query { nosuch }",
            Some("A"),
        ),
        (
            "another operation lacks a variable",
            "query A { viewer { id } } query B { users(text: $t) { nodes { id } } }",
            Some("A"),
        ),
        (
            "nothing uses a fragment",
            "query A { viewer { id } } query B { viewer { id } } fragment f on User { id }",
            Some("A"),
        ),
        ("no operation is chosen", "query A { viewer { id } } query B { viewer { id } }", None),
        ("no operation has the name", "query A { viewer { id } } query B { viewer { id } }", Some("C")),
        ("two operations have one name", "query A { viewer { id } } query A { viewer { id } }", Some("A")),
    ] {
        assert_request_error(&post(&agent, document, operation, &json!({})).await, what);
    }
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_and_repeated_directives_are_refused() {
    let desk = Desk::start().await;
    let agent = desk.as_("agent1").await;
    for query in [
        "{ __typename @nosuch }",
        "{ viewer { id __typename @nosuch } }",
        "{ viewer { id @nosuch } }",
        "{ viewer { ... @nosuch { id } } }",
        "{ viewer { ...f @nosuch } } fragment f on User { id }",
        "{ viewer { ...f } } fragment f on User @nosuch { id }",
        "query @nosuch { viewer { id } }",
        "query Q($a: ID! @nosuch) { node(id: $a) { id } }",
        "query @skip(if: true) { viewer { id } }",
        "query Q($a: ID! @include(if: true)) { node(id: $a) { id } }",
        "{ viewer { id @deprecated } }",
        "{ __typename @deprecated }",
        "{ __typename @include(if: true) @include(if: true) }",
        "{ viewer { id @skip(if: false) @skip(if: false) } }",
        "{ ... @include(if: true) @include(if: true) { viewer { id } } }",
        "{ __typename @include }",
        "{ __typename @include(if: \"x\") }",
        "{ __typename @include(if: null) }",
        "{ __typename @include(if: true, unless: true) }",
        "{ __typename @include(if: $a) }",
        "{ viewer { id @include(if: $a) } }",
        "{ __typename(x: 1) }",
        "{ __typename { id } }",
    ] {
        assert_request_error(&post(&agent, query, None, &json!({ "a": "x" })).await, query);
    }
    let both = "query Q($w: Boolean!) { __typename @include(if: $w) @skip(if: false) viewer @skip(if: $w) { id } }";
    assert_eq!(agent.query(both, json!({ "w": true })).await, json!({ "__typename": "Query" }));
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strings_and_instants_are_read_as_specified() {
    let desk = Desk::start().await;
    let agent = desk.as_("agent1").await;
    for (literal, title) in [
        (r#""\u{1F600} \uD83D\uDE00 \u0041""#, "😀 😀 A"),
        (r#""\u{4e2d}\u{00000000000006587}""#, "中文"),
        (r#""\\u{1F600}""#, r"\u{1F600}"),
        (r#""""\u{1F600} \"""quoted\"""""""#, r#"\u{1F600} """quoted""""#),
    ] {
        let create = format!(
            "mutation {{ createTicket(input: {{ title: {literal}, description: \"x\" }}) {{ ticket {{ title }} userErrors {{ message }} }} }}"
        );
        let created = agent.query(&create, json!({})).await["createTicket"].take();
        assert_eq!(created, json!({ "ticket": { "title": title }, "userErrors": [] }), "{literal}");
    }
    for literal in
        [r#""\uD83D""#, r#""\u{110000}""#, r#""\u{D83D}\u{DE00}""#, r#""\uDE00\uD83D""#, r#""\u{}""#, r#""\u{1F6""#]
    {
        let query = format!("{{ users(text: {literal}) {{ nodes {{ id }} }} }}");
        assert_request_error(&post(&agent, &query, None, &json!({})).await, literal);
    }
    let before = "query Q($at: DateTime) { tickets(filter: { createdAt: { lt: $at } }) { nodes { title } } }";
    for (at, is_valid) in [
        ("9999-12-31T23:59:59Z", true),
        ("2026-03-02t09:00:00.123456789+08:00", true),
        ("2016-12-31T23:59:60Z", true),
        ("2016-12-31T12:00:60Z", false),
        ("2026-03-02 09:00:00Z", false),
        ("20260302T090000Z", false),
        ("2026-03-02T09:00Z", false),
        ("2026-03-02T09:00:00+08", false),
        ("2026-03-02T09:00:00+08:00[Asia/Shanghai]", false),
        ("2026-03-02T09:00:00", false),
        ("2026-03-02T24:00:00Z", false),
    ] {
        let literal = before.replace("query Q($at: DateTime) ", "").replace("$at", &json!(at).to_string());
        for (query, variables) in [(before, json!({ "at": at })), (&literal, json!({}))] {
            let response = agent.execute(query, variables).await;
            let code = response.body["errors"][0]["extensions"]["code"].as_str();
            assert_eq!(code, (!is_valid).then_some("BAD_USER_INPUT"), "{query} {at}: {:#}", response.body);
        }
    }
    desk.close().await;
}

/// Valid documents, from which others are made.
const SEEDS: [&str; 7] = [
    "{ viewer { id name team { key } } about { demo } }",
    "query Q($w: Boolean = true, $n: Int) { tickets(first: $n, filter: { text: \"a\" }) { nodes { id @include(if: $w) } } }",
    "query Q($n: Int) { node(id: \"x\") { ... on Ticket { title comments(last: $n) { nodes { body } } } ...f } } fragment f on User { name }",
    "query A { viewer { ...f } } query B($n: Int!) { tickets(last: $n) { nodes { ...g } } } fragment f on User { id } fragment g on Ticket { id }",
    "mutation M($n: String) { chaseTicket(input: { ticketId: \"x\", idempotencyKey: $n }) { userErrors { code field } ticket { id } } }",
    "{ __schema { types { name fields(includeDeprecated: true) { name } } } __type(name: \"Ticket\") { kind } }",
    "subscription { boardEvents(filter: { status: { in: [NEW] } }) { kind ticket { title } } }",
];
/// What is put between their tokens.
const PIECES: [&str; 48] = [
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "...",
    "on",
    ":",
    "!",
    "=",
    "|",
    "&",
    ",",
    "#",
    "\"",
    "\"\"\"",
    "@include(if: $w)",
    "@skip(if: true)",
    "@nosuch",
    "$w",
    "$n",
    "null",
    "true",
    "-1",
    "1e400",
    "99999999999",
    "0x1",
    "\"\\u{1F600}\"",
    "\"\\uD800\"",
    "\"\\u0000\"",
    "\"\"\"\\\"\"\"\"\"\"",
    "__typename",
    "__schema",
    "viewer",
    "tickets",
    "node",
    "id",
    "User",
    "Ticket",
    "Query",
    "fragment",
    "query",
    "mutation",
    "subscription",
    "\u{feff}",
    "界",
    "\0",
];
const DOCUMENTS: usize = 400;

#[tokio::test(flavor = "multi_thread")]
async fn no_document_fails_the_server() {
    let desk = Desk::start().await;
    let (agent, nobody) = (desk.as_("agent1").await, desk.anonymous());
    let token = Regex::new(r#"\.\.\.|"[^"]*"|\w+|[^\s\w]"#).unwrap();
    let change = (any::<Index>(), 0..4_u8, select(&PIECES[..]));
    let document = (select(&SEEDS[..]), proptest::collection::vec(change, 0..5)).prop_map(|(seed, changes)| {
        let mut tokens: Vec<&str> = token.find_iter(seed).map(|found| found.as_str()).collect();
        for (index, kind, piece) in changes {
            let at = index.index(tokens.len());
            match kind {
                0 => tokens.insert(at, piece),
                1 => tokens[at] = piece,
                2 if tokens.len() > 1 => {
                    tokens.remove(at);
                }
                _ => tokens.extend_from_within(at..),
            }
        }
        tokens.join(" ")
    });
    let variables = select(vec![
        json!({}),
        json!({ "w": null, "n": null }),
        json!({ "w": false, "n": 5 }),
        json!({ "w": "x", "n": -1 }),
        json!({ "n": 1e300 }),
        json!({ "n": "\u{0}" }),
        json!({ "n": [[{}]], "w": { "a": [] } }),
    ]);
    let mut runner = TestRunner::deterministic();
    let (mut executed, mut refused) = (0, 0);
    for round in 0..DOCUMENTS {
        let query = document.new_tree(&mut runner).unwrap().current();
        let variables = variables.new_tree(&mut runner).unwrap().current();
        let client = if round % 8 == 0 { &nobody } else { &agent };
        let (status, body) = post(client, &query, None, &variables).await;
        assert!([200, 400].contains(&status), "{status}: {query}");
        for error in body["errors"].as_array().into_iter().flatten() {
            let code = error["extensions"]["code"].as_str();
            assert!(code.is_some_and(|code| code != "INTERNAL"), "{query}: {body:#}");
        }
        if body.get("data").is_some() { executed += 1 } else { refused += 1 }
    }
    assert!(executed > 20 && refused > 100, "{executed} executed, {refused} refused");
    desk.close().await;
}
