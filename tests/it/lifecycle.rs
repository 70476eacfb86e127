//! The life cycle of a ticket through the API.

use domain::kernel::{days, hours};
use tests::{Desk, attribution, json};

const STATE: &str = "ticket { status version number reopenCount handOverCount chaseCount resolvedAt closedAt firstRespondedAt assignee { name } attribution { resolution solutionTags by { name } } }";

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_goes_from_new_to_closed_and_reopens() {
    let desk = Desk::start().await;
    let id = desk
        .create_ticket("requester1", "PM-3300 上电后报 E-721", json!({ "issueType": "REPAIR", "product": "PM-3300" }))
        .await;
    let supervisor = desk.as_("supervisor").await;
    let agent1 = desk.id("agent1").to_string();
    let assigned = supervisor.mutate_ok("assignTicket", STATE, json!({ "ticketId": id, "assigneeId": agent1 })).await;
    assert_eq!(assigned["ticket"]["status"], "ASSIGNED");
    assert_eq!(assigned["ticket"]["firstRespondedAt"], json!(null), "dispatching is no response");
    desk.advance(hours(1)).await;
    let (agent, requester) = (desk.as_("agent1").await, desk.as_("requester1").await);
    let accepted = agent.mutate_ok("acceptTicket", STATE, json!({ "ticketId": id })).await;
    assert_eq!(accepted["ticket"]["status"], "IN_PROGRESS");
    assert_eq!(accepted["ticket"]["firstRespondedAt"], "2026-03-02T02:00:00Z");
    let waiting = agent.mutate_ok("setWaiting", STATE, json!({ "ticketId": id, "reason": "等待客户提供序列号" })).await;
    assert_eq!(waiting["ticket"]["status"], "WAITING");
    let answered = requester.mutate_ok("addComment", STATE, json!({ "ticketId": id, "body": "SN 12345" })).await;
    assert_eq!(answered["ticket"]["status"], "IN_PROGRESS", "the customer's reply resumes the ticket");
    let incomplete =
        json!({ "faultType": "HARDWARE", "rootCauseLevel": "L2_ENVIRONMENT", "solutionTags": [], "resolution": "x" });
    assert_eq!(
        agent.refusal("resolveTicket", json!({ "ticketId": id, "attribution": incomplete })).await,
        ("ATTRIBUTION_INCOMPLETE".into(), "attribution.solutionTags".into())
    );
    let resolved = agent
        .mutate_ok("resolveTicket", STATE, json!({ "ticketId": id, "attribution": attribution("更换端子") }))
        .await;
    assert_eq!(
        resolved["ticket"]["attribution"],
        json!({ "resolution": "更换端子", "solutionTags": ["RESTART"], "by": { "name": "agent1" } })
    );
    desk.advance(days(6)).await;
    assert_eq!(state(&desk, &id).await["status"], "RESOLVED");
    desk.advance(days(1)).await;
    let closed = state(&desk, &id).await;
    assert_eq!((&closed["status"], &closed["closedAt"]), (&json!("CLOSED"), &json!("2026-03-09T02:00:00Z")));
    let reopened = desk
        .as_("requester1")
        .await
        .mutate_ok("reopenTicket", STATE, json!({ "ticketId": id, "reason": "again" }))
        .await;
    assert_eq!(reopened["ticket"]["status"], "IN_PROGRESS");
    assert_eq!(reopened["ticket"]["reopenCount"], 1);
    assert_eq!(reopened["ticket"]["closedAt"], json!(null));
    desk.close().await;
}

async fn state(desk: &Desk, id: &str) -> tests::Json {
    let query = "query Q($id: ID!) { ticket(id: $id) { status version closedAt resolvedAt } }";
    desk.as_("admin").await.query(query, json!({ "id": id })).await["ticket"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_returns_the_stored_payload() {
    let desk = Desk::start().await;
    let requester = desk.as_("requester1").await;
    let input = json!({ "title": "打印机卡纸", "description": "x", "idempotencyKey": "k1" });
    let first = requester.mutate_ok("createTicket", "ticket { id number }", input.clone()).await;
    let again = requester.mutate_ok("createTicket", "ticket { id number }", input).await;
    assert_eq!(first, again);
    let other = json!({ "title": "another", "description": "x", "idempotencyKey": "k1" });
    assert_eq!(
        requester.refusal("createTicket", other).await,
        ("IDEMPOTENCY_MISMATCH".into(), "idempotencyKey".into())
    );
    // A refusal is stored too: it is returned although the catalogue has changed.
    let refused = json!({ "title": "x", "description": "x", "issueType": "NEW_TYPE", "idempotencyKey": "k2" });
    assert_eq!(requester.refusal("createTicket", refused.clone()).await.0, "UNKNOWN_KEY");
    desk.as_("admin").await.mutate_ok("saveIssueType", "key", json!({ "key": "NEW_TYPE", "name": "New" })).await;
    assert_eq!(requester.refusal("createTicket", refused.clone()).await.0, "UNKNOWN_KEY");
    desk.advance(hours(25)).await;
    let later = desk.as_("requester1").await;
    assert_eq!(
        later.mutate("createTicket", "ticket { id }", refused).await["userErrors"],
        json!([]),
        "an idempotency key expires after 24 h"
    );
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_version_changes_nothing() {
    let desk = Desk::start().await;
    let id = desk.create_ticket("requester1", "VPN", json!({})).await;
    let agent = desk.as_("agent1").await;
    agent.mutate_ok("acceptTicket", STATE, json!({ "ticketId": id, "expectedVersion": 1 })).await;
    let stale = json!({ "ticketId": id, "expectedVersion": 1, "reason": "wait" });
    assert_eq!(agent.refusal("setWaiting", stale).await, ("VERSION_CONFLICT".into(), "expectedVersion".into()));
    assert_eq!(state(&desk, &id).await["version"], 2);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_accepted_external_reference_is_stored() {
    let desk = Desk::start().await;
    let of = |id: &str| json!({ "system": "ERP_NO", "externalId": id });
    let refs = json!({ "externalRefs": [of("A"), of("A"), of("B")] });
    let id = desk.create_ticket("admin", "x", refs).await;
    let query = "query Q($id: ID!) { ticket(id: $id) { externalRefs { externalId } } }";
    let found = desk.as_("admin").await.query(query, json!({ "id": id })).await;
    assert_eq!(found["ticket"]["externalRefs"], json!([{ "externalId": "A" }, { "externalId": "B" }]));
    let duplicate = json!({ "title": "y", "description": "y", "externalRefs": [of("C"), of("B")] });
    assert_eq!(desk.as_("admin").await.refusal("createTicket", duplicate).await.0, "ALREADY_EXISTS");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_trail_records_channel_and_principal() {
    let desk = Desk::start().await;
    let admin = desk.as_("admin").await;
    let input = json!({ "title": "x", "description": "x", "requesterEmail": "requester1@desk.test" });
    let query = "mutation C($input: CreateTicketInput!) { createTicket(input: $input) { ticket { channel } userErrors { code } } }";
    let request = admin
        .http
        .post(format!("{}/graphql", admin.address))
        .header("x-buoy-channel", "web")
        .bearer_auth(admin.token.as_ref().unwrap())
        .json(&json!({ "query": query, "variables": { "input": input } }));
    let answer: tests::Json = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["data"]["createTicket"]["ticket"]["channel"], "web", "{answer}");
    let rows = domain::runtime::log::read_models(
        desk.app.db.read(),
        desk.app.db.engine,
        domain::runtime::Cursor::START,
        1_000,
    );
    desk.wait_for_followers().await;
    let rows = rows.await.unwrap();
    let created = rows.iter().find(|row| row.kind == "TicketCreated").unwrap();
    assert_eq!(created.on_behalf_of, Some(desk.id("requester1").0));
    assert_eq!(created.actor, Some(desk.id("admin").0));
    desk.close().await;
}
