//! Redaction removes personal texts by an audited operation; events stay, and the log still verifies.

use std::io::Read as _;

use domain::backup::queries::backup;
use domain::kernel::{Actor, seconds};
use domain::knowledge::model::CiteSolution;
use domain::people::queries::person;
use domain::runtime::{Command, Ctx, Engine};
use domain::tickets::model::{RedactTicket, TicketText};
use sea_orm::{ConnectionTrait as _, Statement};
use tests::process::wait_until;
use tests::{Desk, attribution, json};

const SECRET: &str = "赵六13800138000";

#[tokio::test(flavor = "multi_thread")]
async fn a_redacted_text_is_removed_everywhere_and_the_log_still_verifies() {
    let desk = Desk::start().await;
    let id = desk.create_ticket("requester1", &format!("请回电 {SECRET}"), json!({ "issueType": "REPAIR" })).await;
    let (admin, agent) = (desk.as_("admin").await, desk.as_("agent1").await);
    agent.mutate_ok("acceptTicket", "__typename", json!({ "ticketId": id })).await;
    let note = json!({ "ticketId": id, "body": format!("电话 {SECRET}"), "visibility": "INTERNAL" });
    let comment = agent.mutate_ok("addComment", "comment { id }", note).await["comment"]["id"].clone();
    agent.mutate_ok("setWaiting", "__typename", json!({ "ticketId": id, "reason": format!("等 {SECRET}") })).await;
    agent.mutate_ok("resumeTicket", "__typename", json!({ "ticketId": id })).await;
    let attribution = attribution(&format!("已告知 {SECRET}"));
    agent.mutate_ok("resolveTicket", "__typename", json!({ "ticketId": id, "attribution": attribution })).await;
    desk.wait_for_followers().await;
    domain::audit::commands::seal(&desk.app).await.unwrap();
    let similar = "query S($input: SimilarCasesInput!) { similarCases(input: $input) { ticket { id } } }";
    let found = agent.query(similar, json!({ "input": { "title": SECRET } })).await;
    assert_eq!(found["similarCases"][0]["ticket"]["id"], json!(id));

    let everything = json!(["TITLE", "DESCRIPTION", "WAITING_REASON", "CANCEL_REASON", "RESOLUTION"]);
    let redact = json!({ "ticketId": id, "texts": everything, "commentIds": [comment] });
    admin.mutate_ok("redactTicket", "__typename", redact).await;
    desk.wait_for_followers().await;

    let query = "query Q($id: ID!) { ticket(id: $id) { title description waitingReason status attribution { resolution faultType }
        comments { nodes { body author { name } } } events(first: 50) { nodes { kind actor { name } } } } }";
    let ticket = agent.query(query, json!({ "id": id })).await["ticket"].clone();
    let redacted = json!("[已隐去 redacted]");
    for text in ["title", "description"] {
        assert_eq!(ticket[text], redacted, "{text}");
    }
    assert_eq!(ticket["attribution"], json!({ "resolution": redacted, "faultType": "HARDWARE" }), "the cause stays");
    assert_eq!(ticket["comments"]["nodes"][0], json!({ "body": redacted, "author": { "name": "agent1" } }));
    assert_eq!(ticket["status"], "RESOLVED");
    let events = ticket["events"]["nodes"].as_array().unwrap();
    assert_eq!(events.last().unwrap(), &json!({ "kind": "TicketRedacted", "actor": { "name": "admin" } }));
    let found = agent.query(similar, json!({ "input": { "title": SECRET } })).await;
    assert_eq!(found["similarCases"], json!([]), "the index no longer contains it");
    let report = domain::audit::queries::verify(&desk.app, |_| {}).await.unwrap();
    assert!(report.is_intact(), "{report:?}");

    // No table contains the text.
    let folder = desk.folder.path().join("backup");
    backup(&desk.app, &folder, &migrations::TABLES, &migrations::names(), |_| {}).await.unwrap();
    for table in migrations::TABLES {
        let file = std::fs::File::open(folder.join(format!("{table}.jsonl.gz"))).unwrap();
        let mut text = String::new();
        flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
        assert!(!text.contains(SECRET), "{table} still holds it");
    }
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redaction_of_a_missing_text_changes_nothing() {
    let desk = Desk::start().await;
    let id = desk.create_ticket("requester1", "无法开机", json!({})).await;
    let other = desk.create_ticket("requester1", "又一个", json!({})).await;
    let admin = desk.as_("admin").await;
    let comment = json!({ "ticketId": other, "body": "别的工单" });
    let foreign = admin.mutate_ok("addComment", "comment { id }", comment).await["comment"]["id"].clone();
    for (input, code, field) in [
        (json!({ "ticketId": id }), "REQUIRED", "texts"),
        (json!({ "ticketId": id, "texts": ["TITLE"], "commentIds": [foreign] }), "NOT_FOUND", "commentIds"),
        (json!({ "ticketId": id, "texts": ["TITLE"], "expectedVersion": 7 }), "VERSION_CONFLICT", "expectedVersion"),
    ] {
        assert_eq!(admin.refusal("redactTicket", input).await, (code.to_owned(), field.to_owned()));
    }
    let query = "query Q($id: ID!, $other: ID!) { ticket(id: $id) { title }
        other: ticket(id: $other) { comments { nodes { body } } } }";
    let found = admin.query(query, json!({ "id": id, "other": other })).await;
    assert_eq!(found["ticket"]["title"], "无法开机");
    assert_eq!(found["other"]["comments"]["nodes"][0]["body"], "别的工单");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redacted_user_cannot_act_and_keeps_their_events() {
    let desk = Desk::start().await;
    let id = desk.create_ticket("requester1", "无法开机", json!({})).await;
    let (admin, gone) = (desk.as_("admin").await, desk.as_("requester1").await);
    let own = desk.id("admin").to_string();
    let refused = admin.refusal("redactUser", json!({ "userId": own })).await;
    assert_eq!(refused, ("INVALID".to_owned(), "userId".to_owned()));
    admin.mutate_ok("redactUser", "__typename", json!({ "userId": desk.id("requester1").to_string() })).await;
    assert_eq!(gone.execute("{ viewer { id } }", json!({})).await.code(), "UNAUTHENTICATED");
    let query = "query Q($id: ID!) { ticket(id: $id) { requester { id name email } customer { key } } }";
    let found = admin.query(query, json!({ "id": id })).await;
    let user = desk.id("requester1").to_string();
    let requester = json!({ "id": user, "name": "[已隐去 redacted]", "email": null });
    assert_eq!(found["ticket"]["requester"], requester);
    assert_eq!(found["ticket"]["customer"]["key"], "ACME");
    desk.close().await;
}

/// Whether a transaction waits for a row lock.
async fn is_lock_waiting(desk: &Desk) -> bool {
    let select =
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    let conn = desk.app.db.read();
    let row = conn.query_one_raw(Statement::from_string(conn.get_database_backend(), select)).await.unwrap().unwrap();
    row.try_get_by_index::<i64>(0).unwrap() > 0
}

/// Starts the second operation before the first is committed.
async fn run_interleaved(desk: &Desk, (first_by, first): (&str, &impl Command), second: (&str, &str, tests::Json)) {
    let (second_by, mutation, input) = second;
    let (client, mutation) = (desk.as_(second_by).await, mutation.to_owned());
    let person = person(&desk.app, desk.id(first_by)).await.unwrap().expect("a person");
    let cx = Ctx { actor: Actor::Person(person.into()), ..Ctx::system(&desk.app) };
    let mut tx = cx.begin().await.unwrap();
    first.run(&mut tx).await.unwrap();
    let second = tokio::spawn(async move { client.mutate_ok(&mutation, "__typename", input).await });
    // On SQLite the second operation waits for the writer.
    if desk.app.db.engine == Engine::Postgres {
        wait_until("the second one waits for the first", || is_lock_waiting(desk)).await;
    }
    tx.commit().await.unwrap();
    second.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_made_during_the_redaction_of_its_source_is_redacted() {
    const CITED: &str = "query Q($id: ID!) { ticket(id: $id) { citations { text } } }";
    let desk = Desk::start().await;
    let case = desk.create_resolved_ticket("agent1", "E-721 上电无法启动", SECRET, json!({})).await;
    let open = desk.create_ticket("requester1", "E-721 again", json!({ "issueType": "ACCOUNT" })).await;
    let later = desk.create_ticket("requester1", "E-721 once more", json!({ "issueType": "ACCOUNT" })).await;
    let cite = CiteSolution { ticket: open.parse().unwrap(), case: Some(case.parse().unwrap()), card: None };
    let redact = json!({ "ticketId": case, "texts": ["RESOLUTION"] });
    run_interleaved(&desk, ("agent3", &cite), ("admin", "redactTicket", redact)).await;
    let other = desk.create_resolved_ticket("agent1", "E-722 上电无法启动", SECRET, json!({})).await;
    let redact = RedactTicket {
        ticket: other.parse().unwrap(),
        texts: vec![TicketText::Resolution],
        comments: Vec::new(),
        expected_version: None,
    };
    run_interleaved(
        &desk,
        ("admin", &redact),
        ("agent3", "citeSolution", json!({ "ticketId": later, "caseId": other })),
    )
    .await;
    for id in [open, later] {
        let cited = desk.as_("agent3").await.query(CITED, json!({ "id": id })).await;
        assert_eq!(cited["ticket"]["citations"], json!([{ "text": "[已隐去 redacted]" }]));
    }
    desk.advance(seconds(1)).await;
    desk.close().await;
}
