//! References of other systems: who links them, who unlinks them, and whose claim wins.

use domain::kernel::seconds;
use tests::partner::Partner;
use tests::{Client, Desk, Json, gateway_requests, json};

use crate::gateways::save;

const REFERENCES: &str = "query Q($id: ID!) { ticket(id: $id) { token externalRefs { system externalId }
    comments(first: 10) { nodes { body visibility author { name } } }
    events(first: 50) { nodes { kind actor { name } changes { field from to } } } } }";

async fn seen(desk: &Desk, client: &Client, id: &str) -> Json {
    // Events are shown once followers may read them.
    desk.wait_for_followers().await;
    client.query(REFERENCES, json!({ "id": id })).await["ticket"].clone()
}

async fn token(desk: &Desk, id: &str) -> Json {
    seen(desk, &desk.as_("admin").await, id).await["token"].clone()
}

/// The only event of this kind.
fn event(ticket: &Json, kind: &str) -> Json {
    let mut of_kind = ticket["events"]["nodes"].as_array().unwrap().iter().filter(|event| event["kind"] == kind);
    let event = of_kind.next().unwrap_or_else(|| panic!("{kind}: {ticket:#}")).clone();
    assert_eq!(of_kind.next(), None, "{kind} once");
    event
}

fn erp(external_id: &str) -> Json {
    json!([{ "system": "ERP", "externalId": external_id }])
}

#[tokio::test(flavor = "multi_thread")]
async fn references_of_a_requester_are_noted_and_not_linked() {
    let desk = Desk::start().await;
    let partner = Partner::register(&desk, "ERP", 10).await;
    let (admin, requester) = (desk.as_("admin").await, desk.as_("requester1").await);
    let taken = desk.create_ticket("admin", "已有", json!({ "externalRefs": erp("SO-1") })).await;
    // Whether another ticket has the number makes no difference: nobody learns of it.
    for number in ["SO-1", "SO-2"] {
        let id = desk.create_ticket("requester1", "泵停", json!({ "externalRefs": erp(number) })).await;
        let ticket = seen(&desk, &admin, &id).await;
        assert_eq!(ticket["externalRefs"], json!([]));
        let note = &ticket["comments"]["nodes"][0];
        assert_eq!((&note["visibility"], &note["author"]["name"]), (&json!("INTERNAL"), &json!("requester1")));
        assert!(note["body"].as_str().unwrap().contains(&format!("ERP {number}")), "{note:#}");
        assert_eq!(seen(&desk, &requester, &id).await["comments"]["nodes"], json!([]), "it is for staff");
        requester.mutate_ok("cancelTicket", "__typename", json!({ "ticketId": id, "reason": "x" })).await;
    }
    assert_eq!(seen(&desk, &admin, &taken).await["externalRefs"], erp("SO-1"));
    assert_eq!(partner.client.count_tickets().await, 1, "the tickets of a requester are not its");
    let due = partner.client.query("{ outstandingCorrections { nodes { uuid } } }", json!({})).await;
    assert_eq!(due["outstandingCorrections"]["nodes"], json!([]), "and it is not corrected");
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unlinked_reference_is_free_again_and_its_system_leaves_the_ticket() {
    let desk = Desk::start().await;
    let partner = Partner::register(&desk, "ERP", 10).await;
    let agent = desk.as_("agent1").await;
    let wrong = desk.create_ticket("admin", "错", json!({ "issueType": "REPAIR", "externalRefs": erp("SO-7") })).await;
    let right = desk.create_ticket("admin", "对", json!({ "issueType": "REPAIR" })).await;
    assert_eq!(partner.client.count_tickets().await, 1);
    let of = |token: Json| json!({ "ticketToken": token, "system": "ERP", "externalId": "SO-7" });
    let (wrong_token, right_token) = (token(&desk, &wrong).await, token(&desk, &right).await);
    assert_eq!(agent.refusal("linkExternalRef", of(right_token.clone())).await.0, "ALREADY_EXISTS");
    let absent = agent.refusal("unlinkExternalRef", of(right_token.clone())).await;
    assert_eq!(absent, ("NOT_FOUND".into(), "externalId".into()));
    agent.mutate_ok("unlinkExternalRef", "ticket { externalRefs { system } }", of(wrong_token)).await;
    let ticket = seen(&desk, &agent, &wrong).await;
    assert_eq!(ticket["externalRefs"], json!([]));
    let event = event(&ticket, "TicketUnlinked");
    let change = json!([{ "field": "externalRef", "from": "ERP SO-7", "to": null }]);
    assert_eq!((&event["actor"]["name"], &event["changes"]), (&json!("agent1"), &change));
    assert_eq!(partner.client.count_tickets().await, 0);
    agent.mutate_ok("cancelTicket", "__typename", json!({ "ticketId": wrong, "reason": "x" })).await;
    let due = partner.client.query("{ outstandingCorrections { nodes { uuid } } }", json!({})).await;
    assert_eq!(due["outstandingCorrections"]["nodes"], json!([]));
    agent.mutate_ok("linkExternalRef", "__typename", of(right_token.clone())).await;
    // A system that has reported the ticket stays.
    let at = desk.app.now().to_string();
    partner.report_status(right_token.as_str().unwrap(), "待派工", &at).await;
    agent.mutate_ok("unlinkExternalRef", "__typename", of(right_token)).await;
    assert_eq!(partner.client.count_tickets().await, 1);
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_claim_of_the_owning_system_wins_over_a_person() {
    let desk = Desk::start().await;
    let partner = Partner::register(&desk, "ERP", 10).await;
    let agent = desk.as_("agent1").await;
    let repair = json!({ "issueType": "REPAIR" });
    let wrong = desk.create_ticket("admin", "错", repair.clone()).await;
    let right = desk.create_ticket("admin", "对", repair).await;
    let of = |token: Json| json!({ "ticketToken": token, "system": "ERP", "externalId": "SO-9" });
    let (wrong_token, right_token) = (token(&desk, &wrong).await, token(&desk, &right).await);
    agent.mutate_ok("linkExternalRef", "__typename", of(wrong_token.clone())).await;
    partner.client.mutate_ok("linkExternalRef", "__typename", of(right_token.clone())).await;
    let (loser, winner) = (seen(&desk, &agent, &wrong).await, seen(&desk, &agent, &right).await);
    assert_eq!((&loser["externalRefs"], &winner["externalRefs"]), (&json!([]), &erp("SO-9")));
    let moved = event(&loser, "TicketReferenceMoved");
    let change = json!([{ "field": "externalRef", "from": "ERP SO-9", "to": null }]);
    assert_eq!((&moved["actor"]["name"], &moved["changes"]), (&json!("ERP"), &change));
    assert_eq!(event(&winner, "TicketLinked")["changes"][0]["to"], "ERP SO-9");
    assert_eq!(partner.client.count_tickets().await, 1, "it no longer sees the other ticket");
    // Neither a person nor the system itself takes it from there without unlinking it.
    for client in [&agent, &partner.client] {
        assert_eq!(client.refusal("linkExternalRef", of(wrong_token.clone())).await.0, "ALREADY_EXISTS");
    }
    partner.client.mutate_ok("unlinkExternalRef", "__typename", of(right_token)).await;
    partner.client.mutate_ok("linkExternalRef", "__typename", of(wrong_token)).await;
    assert_eq!(seen(&desk, &agent, &wrong).await["externalRefs"], erp("SO-9"));
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_claim_of_a_signed_submission_wins_over_a_person() {
    let desk = Desk::start().await;
    let (secret, admin) = ("whsec_AAECAwQFBgcICQoLDA0ODw==", desk.as_("admin").await);
    save(&admin, "api", "API_SIGNATURE", json!([{ "name": "secret", "value": secret }])).await;
    let wrong = desk.create_ticket("admin", "错", json!({ "externalRefs": erp("SO-5") })).await;
    let http = reqwest::Client::new();
    let submit = async |id: &str| {
        let body = json!({ "title": "CNC 报警", "externalRefs": erp("SO-5") });
        let now = desk.app.now().millis() / 1_000;
        gateway_requests::api(secret, now, id, &body).send(&http, &desk.address()).await.0
    };
    assert_eq!(submit("a-1").await, 200);
    assert_eq!(seen(&desk, &admin, &wrong).await["externalRefs"], json!([]));
    event(&seen(&desk, &admin, &wrong).await, "TicketReferenceMoved");
    assert_eq!(submit("a-2").await, 422, "two submissions claim the same number");
    desk.advance(seconds(1)).await;
    desk.close().await;
}
