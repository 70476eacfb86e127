//! Who may what: every operation and every field of a ticket, for every role and every kind of ticket, as a table in
//! authz.txt. A change of rights shows as a change of that file.

mod operations;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use domain::kernel::seconds;
use tests::partner::Partner;
use tests::socket::Socket;
use tests::{Answer, Client, Desk, Json, attribution, json};

use self::operations::{FIELDS, ITSELF, OF_SESSIONS, OF_TICKETS, OPERATIONS, OTHERS, QUERIES, Stage};

const TABLE: &str = include_str!("../authz.txt");

/// What a ticket is to agent1, and to the customer ACME: requester, issue type (it decides the team), product, assignee.
const PLACES: [(&str, &str, &str, &str, &str); 4] = [
    ("own", "requester1", "REPAIR", "PM-3300", "agent1"),
    ("team", "colleague1", "REPAIR", "PM-3300", "agent2"),
    ("other team", "requester1", "ACCOUNT", "VPN", "agent3"),
    ("other customer", "requester2", "ACCOUNT", "VPN", "agent3"),
];
/// One that is never a case elsewhere.
const CONFIDENTIAL: (&str, &str, &str, &str, &str) = ("confidential", "requester1", "BREACH", "VPN", "admin");

struct Hall {
    desk: Desk,
    /// Everybody, and nobody.
    people: Vec<(&'static str, Client)>,
    admin: Client,
    staged: BTreeMap<(usize, Stage), String>,
    table: String,
}

impl Hall {
    async fn open() -> Self {
        let desk = Desk::start().await;
        let mut people = Vec::new();
        for name in Desk::everyone() {
            people.push((name, desk.as_(name).await));
        }
        // It is linked to the tickets that carry a number of its own.
        people.push(("system", Partner::join(&desk, "ERP_NO", 10).await.client));
        people.push(("nobody", desk.nobody()));
        let admin = desk.as_("admin").await;
        Self { desk, people, admin, staged: BTreeMap::new(), table: String::new() }
    }

    async fn does(&self, name: &str, id: &str, more: Json) {
        let mut input = json!({ "ticketId": id });
        input.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        self.admin.done(name, "__typename", input).await;
    }

    async fn stage(&self, place: (&str, &str, &str, &str, &str), code: &str, stage: Stage) -> String {
        let (name, requester, issue_type, product, assignee) = place;
        let email = format!("{requester}@desk.test");
        let input =
            json!({ "issueType": issue_type, "product": product, "requesterEmail": email, "device": "SN-0042" });
        let id = self.desk.ticket("admin", &format!("{name} {code}"), input).await;
        for reached in [Stage::Assigned, Stage::InProgress, Stage::Waiting, Stage::Resolved, Stage::Closed] {
            if reached > stage || (reached == Stage::Waiting && stage > Stage::Waiting) {
                continue;
            }
            match reached {
                Stage::Assigned => {
                    self.does("assignTicket", &id, json!({ "assigneeId": self.desk.id(assignee).to_string() })).await;
                }
                Stage::InProgress => {
                    let agent = self.desk.as_(assignee).await;
                    agent.done("acceptTicket", "__typename", json!({ "ticketId": id })).await;
                }
                Stage::Waiting => self.does("setWaiting", &id, json!({ "reason": "等待" })).await,
                Stage::Resolved => self.does("resolveTicket", &id, json!({ "attribution": attribution("done") })).await,
                Stage::Closed => self.does("closeTicket", &id, json!({})).await,
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

/// What came of a mutation, in a word.
fn verdict(answer: &Answer, name: &str) -> String {
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
async fn the_table_of_rights_is_as_written() {
    let mut hall = Hall::open().await;
    covers_the_schema(&hall).await;
    mutations_of_tickets(&mut hall).await;
    other_mutations(&mut hall).await;
    queries(&mut hall).await;
    fields_and_lists(&mut hall).await;
    let Hall { desk, table, .. } = hall;
    desk.advance(seconds(1)).await;
    desk.close().await;
    let table = table.trim_start().to_owned();
    if table != TABLE {
        let path = std::env::temp_dir().join("authz.txt");
        std::fs::write(&path, &table).unwrap();
        let (was, is): (BTreeSet<&str>, BTreeSet<&str>) = (TABLE.lines().collect(), table.lines().collect());
        let gone: Vec<String> = was.difference(&is).map(|line| format!("- {line}")).collect();
        let come: Vec<String> = is.difference(&was).map(|line| format!("+ {line}")).collect();
        panic!(
            "rights have changed:\n{}\n{}\nif that is meant: cp {} tests/it/authz.txt",
            gone.join("\n"),
            come.join("\n"),
            path.display()
        );
    }
}

/// An operation or a field that the table does not know fails here.
async fn covers_the_schema(hall: &Hall) {
    let names = |given: &Json| -> BTreeSet<String> {
        given["fields"].as_array().unwrap().iter().map(|field| field["name"].as_str().unwrap().to_owned()).collect()
    };
    let query =
        "{ mutation: __type(name: \"Mutation\") { fields { name } } query: __type(name: \"Query\") { fields { name } }
        ticket: __type(name: \"Ticket\") { fields { name } } }";
    let schema = hall.admin.query(query, json!({})).await;
    let tried = OPERATIONS.iter().map(|(name, ..)| *name).chain(OTHERS.iter().map(|(name, _)| *name));
    let first_word = |name: &str| name.split(' ').next().unwrap_or_default().to_owned();
    let tried: BTreeSet<String> = tried.map(first_word).chain(OF_SESSIONS.map(str::to_owned)).collect();
    assert_eq!(names(&schema["mutation"]), tried, "every mutation has its row");
    let tried = QUERIES.iter().map(|(name, _)| *name).chain(OF_TICKETS).map(str::to_owned).collect();
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

async fn mutations_of_tickets(hall: &mut Hall) {
    for (place, of) in PLACES.into_iter().enumerate() {
        hall.head(&format!("mutation, ticket: {}", of.0));
        for (operation, stage, more) in OPERATIONS {
            let name = operation.split(' ').next().unwrap_or_default();
            let mut cells = Vec::new();
            for (_, client) in hall.people.clone() {
                let id = match hall.staged.get(&(place, stage)) {
                    Some(id) => id.clone(),
                    None => {
                        let id = hall.stage(of, "泵站停机", stage).await;
                        hall.staged.insert((place, stage), id.clone());
                        id
                    }
                };
                let mut input = more(&hall.desk);
                if name == "linkExternalRef" {
                    let token =
                        hall.admin.query("query Q($id: ID!) { ticket(id: $id) { token } }", json!({ "id": id })).await;
                    input["ticketToken"] = token["ticket"]["token"].clone();
                    input["externalId"] = json!(hall.desk.app.new_uuid().to_string());
                } else {
                    input["ticketId"] = json!(id);
                }
                if input["caseId"] == ITSELF {
                    input["caseId"] = json!(id);
                }
                let answer = client.try_mutate(name, "__typename", input).await.unwrap();
                let cell = verdict(&answer, name);
                if cell == "yes" {
                    // It is another ticket now.
                    hall.staged.remove(&(place, stage));
                }
                cells.push(cell);
            }
            hall.row(operation, &cells);
        }
    }
}

async fn other_mutations(hall: &mut Hall) {
    hall.head("mutation");
    for (operation, input) in OTHERS {
        let name = operation.split(' ').next().unwrap_or_default();
        let mut cells = Vec::new();
        for (_, client) in &hall.people {
            let answer = client.try_mutate(name, "__typename", input(&hall.desk)).await.unwrap();
            cells.push(verdict(&answer, name));
        }
        hall.row(operation, &cells);
    }
}

async fn queries(hall: &mut Hall) {
    hall.head("query");
    for (name, query) in QUERIES {
        let mut cells = Vec::new();
        for (_, client) in &hall.people {
            let answer = client.ask(&format!("{{ {query} }}"), json!({})).await;
            let answered = seen(&answer.body["data"][name]);
            cells.push(if answer.body.get("errors").is_some() { verdict(&answer, name) } else { answered });
        }
        hall.row(name, &cells);
    }
}

/// How much of a field one sees.
fn seen(value: &Json) -> String {
    match value {
        Json::Null => "-".to_owned(),
        Json::Array(all) => all.len().to_string(),
        Json::Object(object) if object.contains_key("nodes") => seen(&object["nodes"]),
        Json::Object(object) if object.contains_key("email") && object["email"].is_null() => "name only".to_owned(),
        Json::String(text) if ["FULL", "CASE"].contains(&text.as_str()) => text.to_lowercase(),
        _ => "x".to_owned(),
    }
}

async fn fields_and_lists(hall: &mut Hall) {
    for (place, of) in PLACES.into_iter().chain([CONFIDENTIAL]).enumerate() {
        for stage in [Stage::InProgress, Stage::Resolved] {
            let title = format!("{} {stage:?}", of.0);
            // The newest of all: the first of every list.
            hall.desk.clock.advance(seconds(1));
            // Only this ticket has it.
            let code = format!("E-{place}{}", stage as u8);
            let id = hall.stage(of, &code, Stage::InProgress).await;
            furnish(hall, &id).await;
            if stage == Stage::Resolved {
                hall.does("resolveTicket", &id, json!({ "attribution": attribution("更换端子") })).await;
            }
            hall.desk.settle().await;
            hall.head(&format!("field, ticket: {title}"));
            let query = format!("query Q($id: ID!) {{ ticket(id: $id) {{ {FIELDS} }} }}");
            let mut answers = Vec::new();
            for (_, client) in &hall.people {
                answers.push(client.ask(&query, json!({ "id": id })).await.body);
            }
            let fields: BTreeSet<String> = answers
                .iter()
                .filter_map(|body| body["data"]["ticket"].as_object())
                .flat_map(|ticket| ticket.keys().cloned())
                .collect();
            for field in fields {
                let cell = |body: &Json| match &body["data"]["ticket"] {
                    Json::Null => String::new(),
                    ticket => seen(&ticket[&field]),
                };
                let cells: Vec<String> = answers.iter().map(cell).collect();
                hall.row(&field, &cells);
            }
            lists(hall, &id, &code).await;
        }
    }
}

/// Everything that a ticket can carry.
async fn furnish(hall: &Hall, id: &str) {
    hall.does("addComment", id, json!({ "body": "公开", "visibility": "PUBLIC" })).await;
    hall.does("addComment", id, json!({ "body": "内部", "visibility": "INTERNAL" })).await;
    hall.does("openTicket", id, json!({})).await;
    hall.does("followTicket", id, json!({})).await;
    hall.does("updateTicket", id, json!({ "requiredSkills": ["electrics"] })).await;
    let token = hall.admin.query("query Q($id: ID!) { ticket(id: $id) { token } }", json!({ "id": id })).await;
    let external_id = hall.desk.app.new_uuid().to_string();
    let input = json!({ "system": "ERP_NO", "externalId": external_id, "ticketToken": token["ticket"]["token"] });
    hall.admin.done("linkExternalRef", "__typename", input).await;
}

/// Where else one comes across it.
async fn lists(hall: &mut Hall, id: &str, code: &str) {
    let contains = |body: &Json, list: &str, of: fn(&Json) -> &Json| {
        let all = body["data"][list].as_array().or_else(|| body["data"][list]["nodes"].as_array());
        all.is_some_and(|all| all.iter().any(|node| of(node)["id"] == json!(id)))
    };
    let word = |yes: bool| if yes { "yes" } else { "" }.to_owned();
    let (mut listed, mut found, mut node, mut case, mut counted, mut live) =
        (vec![], vec![], vec![], vec![], vec![], vec![]);
    for (name, client) in &hall.people {
        let first = "{ tickets(first: 1, orderBy: { field: NUMBER, direction: DESC }) { nodes { id } } }";
        let answer = client.ask(first, json!({})).await.body;
        listed.push(word(contains(&answer, "tickets", |node| node)));
        let text = "query Q($text: String!) { tickets(first: 100, filter: { text: $text }) { nodes { id } } }";
        let answer = client.ask(text, json!({ "text": code })).await.body;
        found.push(word(contains(&answer, "tickets", |node| node)));
        let answer = client.ask("query Q($id: ID!) { node(id: $id) { id } }", json!({ "id": id })).await.body;
        node.push(word(answer["data"]["node"]["id"] == json!(id)));
        let similar =
            "query S($input: SimilarCasesInput!) { similarCases(first: 50, input: $input) { ticket { id } } }";
        let answer = client.ask(similar, json!({ "input": { "title": code } })).await.body;
        case.push(word(contains(&answer, "similarCases", |case| &case["ticket"])));
        let counts = "{ serviceMetrics(period: { from: \"2020-01-01T00:00:00Z\", to: \"2040-01-01T00:00:00Z\" }) {
            tickets(metric: FIRST_RESPONSE_COMPLIANCE, outcome: MET, first: 100) { nodes { id } } } }";
        let mut answer = client.ask(counts, json!({})).await.body;
        let behind = answer["data"]["serviceMetrics"].take();
        counted.push(word(contains(&json!({ "data": behind }), "tickets", |node| node)));
        live.push(if *name == "nobody" { "sign in".to_owned() } else { hears(client, id).await });
    }
    hall.row("→ in tickets", &listed);
    hall.row("→ in tickets(filter: {text})", &found);
    hall.row("→ by node", &node);
    hall.row("→ in similarCases", &case);
    hall.row("→ behind serviceMetrics", &counted);
    hall.row("→ ticketEvents", &live);
}

/// Whether the feed of one ticket lets somebody in.
async fn hears(client: &Client, id: &str) -> String {
    let mut socket = Socket::open(client).await;
    let query = "subscription S($id: ID!, $after: String) { ticketEvents(ticketId: $id, after: $after) { kind } }";
    // A cursor of another life of the log: whoever is let in is told to begin anew.
    socket.subscribe("s", query, json!({ "id": id, "after": "abc.0.0" })).await;
    let message = socket.receive().await;
    match message["type"].as_str() {
        Some("next") => "yes".to_owned(),
        _ => message["payload"][0]["extensions"]["code"].as_str().unwrap_or("?").to_lowercase().replace('_', " "),
    }
}
