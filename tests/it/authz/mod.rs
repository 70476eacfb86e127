//! The authorization snapshot: every operation and every field of a ticket, for every role and every kind of ticket.
//! A change of rights is a change of authz.txt.

mod operations;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use domain::kernel::seconds;
use tests::partner::Partner;
use tests::socket::Socket;
use tests::{Client, Desk, Json, Response, attribution, json};

use self::operations::{
    FIELDS, OPERATIONS, OTHER_OPERATIONS, OWN_ID, QUERIES, SESSION_OPERATIONS, Stage, TICKET_QUERIES,
};

const SNAPSHOT: &str = include_str!("../authz.txt");

/// The relation of a ticket to agent1 and to the customer ACME: requester, issue type (which gives the team), product, assignee.
const TICKET_KINDS: [(&str, &str, &str, &str, &str); 4] = [
    ("own", "requester1", "REPAIR", "PM-3300", "agent1"),
    ("team", "colleague1", "REPAIR", "PM-3300", "agent2"),
    ("other team", "requester1", "ACCOUNT", "VPN", "agent3"),
    ("other customer", "requester2", "ACCOUNT", "VPN", "agent3"),
];
/// A confidential ticket, which is never shown as a case.
const CONFIDENTIAL: (&str, &str, &str, &str, &str) = ("confidential", "requester1", "BREACH", "VPN", "admin");

struct Fixture {
    desk: Desk,
    /// All users, a partner system and an anonymous client.
    people: Vec<(&'static str, Client)>,
    admin: Client,
    tickets: BTreeMap<(usize, Stage), String>,
    table: String,
}

impl Fixture {
    async fn create() -> Self {
        let desk = Desk::start().await;
        let mut people = Vec::new();
        for name in Desk::user_names() {
            people.push((name, desk.as_(name).await));
        }
        // The system sees the tickets that it is linked to.
        people.push(("system", Partner::register(&desk, "ERP_NO", 10).await.client));
        people.push(("nobody", desk.anonymous()));
        let admin = desk.as_("admin").await;
        Self { desk, people, admin, tickets: BTreeMap::new(), table: String::new() }
    }

    async fn mutate(&self, name: &str, id: &str, more: Json) {
        let mut input = json!({ "ticketId": id });
        input.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        self.admin.mutate_ok(name, "__typename", input).await;
    }

    async fn create_at_stage(&self, kind: (&str, &str, &str, &str, &str), code: &str, stage: Stage) -> String {
        let (name, requester, issue_type, product, assignee) = kind;
        let email = format!("{requester}@desk.test");
        let input =
            json!({ "issueType": issue_type, "product": product, "requesterEmail": email, "device": "SN-0042" });
        let id = self.desk.create_ticket("admin", &format!("{name} {code}"), input).await;
        for reached in [Stage::Assigned, Stage::InProgress, Stage::Waiting, Stage::Resolved, Stage::Closed] {
            if reached > stage || (reached == Stage::Waiting && stage > Stage::Waiting) {
                continue;
            }
            match reached {
                Stage::Assigned => {
                    self.mutate("assignTicket", &id, json!({ "assigneeId": self.desk.id(assignee).to_string() })).await;
                }
                Stage::InProgress => {
                    let agent = self.desk.as_(assignee).await;
                    agent.mutate_ok("acceptTicket", "__typename", json!({ "ticketId": id })).await;
                }
                Stage::Waiting => self.mutate("setWaiting", &id, json!({ "reason": "等待" })).await,
                Stage::Resolved => {
                    self.mutate("resolveTicket", &id, json!({ "attribution": attribution("done") })).await
                }
                Stage::Closed => self.mutate("closeTicket", &id, json!({})).await,
                Stage::New => {}
            }
        }
        id
    }

    fn head(&mut self, title: &str) {
        let names: Vec<String> = self.people.iter().map(|(name, _)| format!("{name:>12}")).collect();
        writeln!(self.table, "\n{title:<34}{}", names.join("")).unwrap();
    }

    fn row(&mut self, what: &str, cells: &[String]) {
        let cells: Vec<String> = cells.iter().map(|cell| format!("{cell:>12}")).collect();
        writeln!(self.table, "{what:<34}{}", cells.join("").trim_end()).unwrap();
    }
}

/// The outcome of an operation, as the snapshot names it.
fn outcome(answer: &Response, name: &str) -> String {
    let top = answer.body["errors"][0]["extensions"]["code"].as_str();
    let refused = answer.body["data"][name]["userErrors"][0]["code"].as_str();
    match top.or(refused) {
        None => "yes".to_owned(),
        Some("UNAUTHENTICATED") => "sign in".to_owned(),
        Some("FORBIDDEN") => "forbidden".to_owned(),
        Some("NOT_FOUND") => "not found".to_owned(),
        Some(other) => other.to_lowercase().replace("sign_in_failed", "wrong").replace('_', " "),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn authorization_matches_the_snapshot() {
    let mut fixture = Fixture::create().await;
    check_schema_coverage(&fixture).await;
    ticket_mutations(&mut fixture).await;
    other_mutations(&mut fixture).await;
    queries(&mut fixture).await;
    field_visibility(&mut fixture).await;
    let Fixture { desk, table, .. } = fixture;
    desk.advance(seconds(1)).await;
    desk.close().await;
    let table = table.trim_start().to_owned();
    if table != SNAPSHOT {
        let path = std::env::temp_dir().join("authz.txt");
        std::fs::write(&path, &table).unwrap();
        let (before, is): (BTreeSet<&str>, BTreeSet<&str>) = (SNAPSHOT.lines().collect(), table.lines().collect());
        let removed: Vec<String> = before.difference(&is).map(|line| format!("- {line}")).collect();
        let added: Vec<String> = is.difference(&before).map(|line| format!("+ {line}")).collect();
        panic!(
            "rights have changed:\n{}\n{}\nif that is meant: cp {} tests/it/authz.txt",
            removed.join("\n"),
            added.join("\n"),
            path.display()
        );
    }
}

/// Fails on an operation or a field that the snapshot does not contain.
async fn check_schema_coverage(fixture: &Fixture) {
    let names = |given: &Json| -> BTreeSet<String> {
        given["fields"].as_array().unwrap().iter().map(|field| field["name"].as_str().unwrap().to_owned()).collect()
    };
    let query =
        "{ mutation: __type(name: \"Mutation\") { fields { name } } query: __type(name: \"Query\") { fields { name } }
        ticket: __type(name: \"Ticket\") { fields { name } } }";
    let schema = fixture.admin.query(query, json!({})).await;
    let tried = OPERATIONS.iter().map(|(name, ..)| *name).chain(OTHER_OPERATIONS.iter().map(|(name, _)| *name));
    let first_word = |name: &str| name.split(' ').next().unwrap_or_default().to_owned();
    let tried: BTreeSet<String> = tried.map(first_word).chain(SESSION_OPERATIONS.map(str::to_owned)).collect();
    assert_eq!(names(&schema["mutation"]), tried, "every mutation has its row");
    let tried = QUERIES.iter().map(|(name, _)| *name).chain(TICKET_QUERIES).map(str::to_owned).collect();
    assert_eq!(names(&schema["query"]), tried, "every query has its row");
    let mut depth = 0;
    let mut fields = BTreeSet::new();
    for word in FIELDS.replace("(first: 100)", "").split_whitespace() {
        match word {
            "{" => depth += 1,
            "}" => depth -= 1,
            word if depth == 0 => drop(fields.insert(word.to_owned())),
            _ => {}
        }
    }
    assert_eq!(names(&schema["ticket"]), fields, "every field of a ticket has its row");
}

async fn ticket_mutations(fixture: &mut Fixture) {
    for (kind, of) in TICKET_KINDS.into_iter().enumerate() {
        fixture.head(&format!("mutation, ticket: {}", of.0));
        for (operation, stage, more) in OPERATIONS {
            let name = operation.split(' ').next().unwrap_or_default();
            let mut cells = Vec::new();
            for (_, client) in fixture.people.clone() {
                let id = match fixture.tickets.get(&(kind, stage)) {
                    Some(id) => id.clone(),
                    None => {
                        let id = fixture.create_at_stage(of, "泵站停机", stage).await;
                        fixture.tickets.insert((kind, stage), id.clone());
                        id
                    }
                };
                let mut input = more(&fixture.desk);
                if ["linkExternalRef", "unlinkExternalRef"].contains(&name) {
                    let token = fixture
                        .admin
                        .query("query Q($id: ID!) { ticket(id: $id) { token } }", json!({ "id": id }))
                        .await;
                    input["ticketToken"] = token["ticket"]["token"].clone();
                    input["externalId"] = json!(fixture.desk.app.new_uuid().to_string());
                    if name == "unlinkExternalRef" {
                        fixture.admin.mutate_ok("linkExternalRef", "__typename", input.clone()).await;
                    }
                } else {
                    input["ticketId"] = json!(id);
                }
                if input["caseId"] == OWN_ID {
                    input["caseId"] = json!(id);
                }
                let answer = client.try_mutate(name, "__typename", input).await.unwrap();
                let cell = outcome(&answer, name);
                if cell == "yes" {
                    // The ticket has changed, so the next client needs a new one.
                    fixture.tickets.remove(&(kind, stage));
                }
                cells.push(cell);
            }
            fixture.row(operation, &cells);
        }
    }
}

async fn other_mutations(fixture: &mut Fixture) {
    fixture.head("mutation");
    for (operation, input) in OTHER_OPERATIONS {
        let name = operation.split(' ').next().unwrap_or_default();
        let mut cells = Vec::new();
        for (_, client) in &fixture.people {
            let answer = client.try_mutate(name, "__typename", input(&fixture.desk)).await.unwrap();
            cells.push(outcome(&answer, name));
        }
        fixture.row(operation, &cells);
    }
}

async fn queries(fixture: &mut Fixture) {
    fixture.head("query");
    for (name, query) in QUERIES {
        let mut cells = Vec::new();
        for (_, client) in &fixture.people {
            let answer = client.execute(&format!("{{ {query} }}"), json!({})).await;
            let answered = summary(&answer.body["data"][name]);
            cells.push(if answer.body.get("errors").is_some() { outcome(&answer, name) } else { answered });
        }
        fixture.row(name, &cells);
    }
}

/// How much of a field is visible.
fn summary(value: &Json) -> String {
    match value {
        Json::Null => "-".to_owned(),
        Json::Array(all) => all.len().to_string(),
        Json::Object(object) if object.contains_key("nodes") => summary(&object["nodes"]),
        Json::Object(object) if object.contains_key("email") && object["email"].is_null() => "name only".to_owned(),
        Json::String(text) if ["FULL", "CASE"].contains(&text.as_str()) => text.to_lowercase(),
        _ => "x".to_owned(),
    }
}

async fn field_visibility(fixture: &mut Fixture) {
    for (kind, of) in TICKET_KINDS.into_iter().chain([CONFIDENTIAL]).enumerate() {
        for stage in [Stage::InProgress, Stage::Resolved] {
            let title = format!("{} {stage:?}", of.0);
            // The newest ticket is the first of every list.
            fixture.desk.clock.advance(seconds(1));
            // A code that only this ticket contains.
            let code = format!("E-{kind}{}", stage as u8);
            let id = fixture.create_at_stage(of, &code, Stage::InProgress).await;
            fill_ticket(fixture, &id).await;
            if stage == Stage::Resolved {
                fixture.mutate("resolveTicket", &id, json!({ "attribution": attribution("更换端子") })).await;
            }
            fixture.desk.wait_for_followers().await;
            fixture.head(&format!("field, ticket: {title}"));
            let query = format!("query Q($id: ID!) {{ ticket(id: $id) {{ {FIELDS} }} }}");
            let mut answers = Vec::new();
            for (_, client) in &fixture.people {
                answers.push(client.execute(&query, json!({ "id": id })).await.body);
            }
            let fields: BTreeSet<String> = answers
                .iter()
                .filter_map(|body| body["data"]["ticket"].as_object())
                .flat_map(|ticket| ticket.keys().cloned())
                .collect();
            for field in fields {
                let cell = |body: &Json| match &body["data"]["ticket"] {
                    Json::Null => String::new(),
                    ticket => summary(&ticket[&field]),
                };
                let cells: Vec<String> = answers.iter().map(cell).collect();
                fixture.row(&field, &cells);
            }
            list_visibility(fixture, &id, &code).await;
        }
    }
}

/// Adds everything that a ticket can have.
async fn fill_ticket(fixture: &Fixture, id: &str) {
    fixture.mutate("addComment", id, json!({ "body": "公开", "visibility": "PUBLIC" })).await;
    fixture.mutate("addComment", id, json!({ "body": "内部", "visibility": "INTERNAL" })).await;
    fixture.mutate("openTicket", id, json!({})).await;
    fixture.mutate("followTicket", id, json!({})).await;
    fixture.mutate("updateTicket", id, json!({ "requiredSkills": ["electrics"] })).await;
    let token = fixture.admin.query("query Q($id: ID!) { ticket(id: $id) { token } }", json!({ "id": id })).await;
    let external_id = fixture.desk.app.new_uuid().to_string();
    let input = json!({ "system": "ERP_NO", "externalId": external_id, "ticketToken": token["ticket"]["token"] });
    fixture.admin.mutate_ok("linkExternalRef", "__typename", input).await;
}

/// Whether lists, searches and feeds contain the ticket.
async fn list_visibility(fixture: &mut Fixture, id: &str, code: &str) {
    let contains = |body: &Json, list: &str, of: fn(&Json) -> &Json| {
        let all = body["data"][list].as_array().or_else(|| body["data"][list]["nodes"].as_array());
        all.is_some_and(|all| all.iter().any(|node| of(node)["id"] == json!(id)))
    };
    let word = |yes: bool| if yes { "yes" } else { "" }.to_owned();
    let (mut listed, mut found, mut node, mut case, mut counted, mut live) =
        (vec![], vec![], vec![], vec![], vec![], vec![]);
    for (name, client) in &fixture.people {
        let first = "{ tickets(first: 1, orderBy: { field: NUMBER, direction: DESC }) { nodes { id } } }";
        let answer = client.execute(first, json!({})).await.body;
        listed.push(word(contains(&answer, "tickets", |node| node)));
        let text = "query Q($text: String!) { tickets(first: 100, filter: { text: $text }) { nodes { id } } }";
        let answer = client.execute(text, json!({ "text": code })).await.body;
        found.push(word(contains(&answer, "tickets", |node| node)));
        let answer = client.execute("query Q($id: ID!) { node(id: $id) { id } }", json!({ "id": id })).await.body;
        node.push(word(answer["data"]["node"]["id"] == json!(id)));
        let similar =
            "query S($input: SimilarCasesInput!) { similarCases(first: 50, input: $input) { ticket { id } } }";
        let answer = client.execute(similar, json!({ "input": { "title": code } })).await.body;
        case.push(word(contains(&answer, "similarCases", |case| &case["ticket"])));
        let counts = "{ serviceMetrics(period: { from: \"2020-01-01T00:00:00Z\", to: \"2040-01-01T00:00:00Z\" }) {
            tickets(metric: FIRST_RESPONSE_COMPLIANCE, outcome: PENDING, first: 100) { nodes { id } } } }";
        let mut answer = client.execute(counts, json!({})).await.body;
        let metrics = answer["data"]["serviceMetrics"].take();
        counted.push(word(contains(&json!({ "data": metrics }), "tickets", |node| node)));
        live.push(if *name == "nobody" { "sign in".to_owned() } else { subscription_access(client, id).await });
    }
    fixture.row("→ in tickets", &listed);
    fixture.row("→ in tickets(filter: {text})", &found);
    fixture.row("→ by node", &node);
    fixture.row("→ in similarCases", &case);
    fixture.row("→ behind serviceMetrics", &counted);
    fixture.row("→ ticketEvents", &live);
}

/// Whether a client may subscribe to the ticket's events.
async fn subscription_access(client: &Client, id: &str) -> String {
    let mut socket = Socket::open(client).await;
    let query = "subscription S($id: ID!, $after: String) { ticketEvents(ticketId: $id, after: $after) { kind } }";
    // A cursor of another log epoch: a permitted client receives RESYNC.
    socket.subscribe("s", query, json!({ "id": id, "after": "abc.0.0" })).await;
    let message = socket.receive().await;
    match message["type"].as_str() {
        Some("next") => "yes".to_owned(),
        _ => message["payload"][0]["extensions"]["code"].as_str().unwrap_or("?").to_lowercase().replace('_', " "),
    }
}
