//! Corrections: signed, tried again, never lost, and no dead partner delays another.

use domain::kernel::{days, hours, minutes, seconds};
use tests::partner::{Partner, is_signed};
use tests::socket::Socket;
use tests::{Desk, Json, json};

async fn desk() -> Desk {
    Desk::configured(|config| config.outgoing.allow_private = vec!["127.0.0.0/8".parse().unwrap()]).await
}

async fn new_ticket(desk: &Desk, title: &str) -> (String, String) {
    let refs = json!([{ "system": "ERP", "externalId": title }, { "system": "CRM", "externalId": title }]);
    let id = desk.ticket("admin", title, json!({ "issueType": "REPAIR", "externalRefs": refs })).await;
    let assignee = desk.id("agent1").to_string();
    let admin = desk.as_("admin").await;
    admin.done("assignTicket", "__typename", json!({ "ticketId": id, "assigneeId": assignee })).await;
    let token = admin.query("query Q($id: ID!) { ticket(id: $id) { token } }", json!({ "id": id })).await;
    (id, token["ticket"]["token"].as_str().unwrap().to_owned())
}

async fn holds(desk: &Desk, token: &str, key: &str) -> Json {
    let query = "query Q($r: String!) { panorama(reference: $r) { systems { system status agrees acknowledged correction { id state attempts failure } } } }";
    let seen = desk.as_("admin").await.query(query, json!({ "r": token })).await;
    let mut systems = seen["panorama"]["systems"].as_array().unwrap().iter();
    systems.find(|one| one["system"] == key).unwrap_or_else(|| panic!("{key}: {seen:#}")).clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_is_signed_and_holds_once_it_was_taken() {
    let desk = desk().await;
    let erp = Partner::join_with_endpoint(&desk, "ERP").await;
    let crm = Partner::join(&desk, "CRM", 10).await;
    let endpoint = erp.endpoint.as_ref().unwrap();
    let (_, token) = new_ticket(&desk, "签名").await;
    desk.advance(seconds(1)).await;
    let before = endpoint.letters().len();
    endpoint.answers(500);
    assert_eq!(erp.says(&token, "待派工", "2026-03-02T00:59:00Z").await, ("STALE".into(), "ASSIGNED".into()));
    crm.says(&token, "处理中", "2026-03-02T01:00:05Z").await;
    desk.advance(seconds(1)).await;
    let letters = endpoint.letters()[before..].to_vec();
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert!(is_signed(letter, &erp.secret), "{letter:#?}");
    assert!(!is_signed(letter, "whsec_AAAA"));
    let body = letter.json();
    let cause = body["data"]["causeId"].as_str().unwrap();
    assert_eq!(letter.header("webhook-id"), cause);
    assert_eq!(body["type"], "ticket.status_corrected");
    assert_eq!(body["data"], json!({ "uuid": token, "status": "IN_PROGRESS", "word": "处理中", "causeId": cause }));
    let seen = holds(&desk, &token, "ERP").await;
    assert_eq!(
        (&seen["status"], &seen["agrees"], &seen["acknowledged"]),
        (&json!("NEW"), &json!(false), &json!(false))
    );
    assert_eq!(seen["correction"]["failure"], "HTTP 500");
    // The same message again, when its time has come: the partner knows it by its id.
    endpoint.answers(204);
    desk.advance(seconds(7)).await;
    let letters = endpoint.letters()[before..].to_vec();
    assert_eq!(letters.len(), 2);
    assert_eq!(letters[1].header("webhook-id"), cause);
    assert_ne!(letters[1].header("webhook-timestamp"), letters[0].header("webhook-timestamp"));
    let seen = holds(&desk, &token, "ERP").await;
    assert_eq!(
        (&seen["status"], &seen["agrees"], &seen["acknowledged"]),
        (&json!("IN_PROGRESS"), &json!(true), &json!(true))
    );
    // What it says itself a moment later is the echo.
    assert_eq!(erp.says(&token, "处理中", "2026-03-02T01:00:20Z").await.0, "AGREED");
    let history = "query Q($r: String!) { panorama(reference: $r) { colour history { system } } }";
    let seen = desk.as_("admin").await.query(history, json!({ "r": token })).await["panorama"].clone();
    assert_eq!((seen["history"].as_array().unwrap().len(), &seen["colour"]), (2, &json!("GREEN")));
    // A new secret signs beside the old one, until its time is over.
    let admin = desk.as_("admin").await;
    let rotated =
        admin.done("rotateWebhookSecret", "webhookSecret", json!({ "systemKey": "ERP", "overlapHours": 24 })).await;
    let new_secret = rotated["webhookSecret"].as_str().unwrap().to_owned();
    crm.says(&token, "待确认", "2026-03-02T01:01:00Z").await;
    desk.advance(seconds(1)).await;
    let last = endpoint.letters().pop().unwrap();
    assert!(is_signed(&last, &erp.secret) && is_signed(&last, &new_secret));
    desk.advance(hours(24)).await;
    crm.says(&token, "处理中", "2026-03-02T01:02:00Z").await;
    desk.advance(seconds(1)).await;
    let last = endpoint.letters().pop().unwrap();
    assert!(!is_signed(&last, &erp.secret) && is_signed(&last, &new_secret));
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_partner_delays_nobody_is_given_up_and_replayed() {
    let desk = desk().await;
    let erp = Partner::join_with_endpoint(&desk, "ERP").await;
    let crm = Partner::join_with_endpoint(&desk, "CRM").await;
    let (dead, alive) = (erp.endpoint.as_ref().unwrap(), crm.endpoint.as_ref().unwrap());
    let app = Partner::join(&desk, "APP", 10).await;
    dead.answers(503);
    let mut tokens = Vec::new();
    for n in 0..5 {
        let (_, token) = new_ticket(&desk, &format!("批 {n}")).await;
        app.says(&token, "处理中", "2026-03-02T01:00:05Z").await;
        tokens.push(token);
    }
    desk.advance(seconds(1)).await;
    for token in &tokens {
        assert_eq!(holds(&desk, token, "CRM").await["agrees"], true, "everybody else has heard");
        assert_eq!(holds(&desk, token, "ERP").await["agrees"], false);
    }
    assert_eq!(alive.letters().len(), 5);
    let tried = dead.letters().len();
    assert!((1..=8).contains(&tried), "{tried}");
    // While it fails, one message at a time, at growing distances.
    desk.advance(minutes(2)).await;
    assert!(dead.letters().len() <= tried + 4, "{}", dead.letters().len());
    let systems = "{ systems { key failingSince retryAt disabledAt disabledBecause dueCount deadLetterCount } }";
    let of = async |key: &str| {
        let seen = desk.as_("admin").await.query(systems, json!({})).await;
        seen["systems"].as_array().unwrap().iter().find(|one| one["key"] == key).unwrap().clone()
    };
    assert_eq!(of("ERP").await["dueCount"], 5);
    // After three days it is called no more; administrators hear of it, and nothing is lost.
    for _ in 0..120 {
        desk.advance(hours(1)).await;
    }
    let seen = of("ERP").await;
    assert_eq!(
        (&seen["dueCount"], &seen["deadLetterCount"], &seen["disabledBecause"]),
        (&json!(0), &json!(5), &json!("HTTP 503"))
    );
    let told = desk.as_("admin").await.query("{ notifications(first: 3) { nodes { cause body } } }", json!({})).await;
    assert!(told.to_string().contains("webhook of ERP"), "{told:#}");
    let count = dead.letters().len();
    desk.advance(days(1)).await;
    assert_eq!(dead.letters().len(), count, "it is left alone");
    // Mended, enabled, replayed.
    dead.answers(200);
    let admin = desk.as_("admin").await;
    let query = "{ deadLetters(first: 10) { nodes { id system state attempts failure ticket { title } } } }";
    let letters = admin.query(query, json!({})).await["deadLetters"]["nodes"].as_array().unwrap().clone();
    assert_eq!(letters.len(), 5);
    let one = json!({ "deliveryId": letters[0]["id"] });
    assert_eq!(
        admin.refused("replayDelivery", one.clone()).await,
        ("INVALID".into(), "deliveryId".into()),
        "not while it is disabled"
    );
    admin.done("updateSystem", "__typename", json!({ "key": "ERP", "enable": true })).await;
    admin.done("replayDelivery", "deliveryId", one.clone()).await;
    desk.advance(seconds(1)).await;
    assert_eq!(desk.as_("admin").await.refused("replayDelivery", one).await.0, "NOT_FOUND", "it was taken");
    let replayed = desk.as_("admin").await.done("replayDeadLetters", "replayed", json!({ "systemKey": "ERP" })).await;
    assert_eq!(replayed["replayed"], 4);
    desk.advance(seconds(1)).await;
    for token in &tokens {
        assert_eq!(holds(&desk, token, "ERP").await["agrees"], true);
    }
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_refused_holds_up_no_other_and_a_redirect_is_not_followed() {
    let desk = desk().await;
    let erp = Partner::join_with_endpoint(&desk, "ERP").await;
    let app = Partner::join(&desk, "APP", 10).await;
    let endpoint = erp.endpoint.as_ref().unwrap();
    let (_, token) = new_ticket(&desk, "拒收").await;
    endpoint.answers(400);
    app.says(&token, "处理中", "2026-03-02T01:00:05Z").await;
    desk.advance(seconds(1)).await;
    endpoint.answers(200);
    let (_, other) = new_ticket(&desk, "其他").await;
    app.says(&other, "处理中", "2026-03-02T01:00:05Z").await;
    desk.advance(seconds(1)).await;
    assert_eq!(holds(&desk, &other, "ERP").await["agrees"], true);
    assert_eq!(holds(&desk, &token, "ERP").await["correction"]["failure"], "HTTP 400");
    // Refused again and again: a dead letter, while the endpoint lives.
    endpoint.answers(422);
    for _ in 0..14 {
        desk.advance(days(1)).await;
    }
    assert_eq!(holds(&desk, &token, "ERP").await["correction"]["state"], "DEAD");
    // Overtaken by another truth, it is sent no more.
    endpoint.answers(200);
    app.says(&token, "待确认", "2026-03-02T01:05:00Z").await;
    desk.advance(seconds(1)).await;
    let seen = holds(&desk, &token, "ERP").await;
    assert_eq!((&seen["status"], &seen["correction"]), (&json!("WAITING"), &json!(null)));
    endpoint.answers(302);
    app.says(&token, "处理中", "2026-03-02T01:06:00Z").await;
    desk.advance(seconds(1)).await;
    let seen = holds(&desk, &token, "ERP").await;
    assert!(seen["correction"]["failure"].as_str().unwrap().contains("redirects are not followed"), "{seen:#}");
    // What was overtaken before it was sent is dropped: only the last is told.
    let before = endpoint.letters().len();
    app.says(&token, "待确认", "2026-03-02T01:07:00Z").await;
    app.says(&token, "处理中", "2026-03-02T01:08:00Z").await;
    endpoint.answers(200);
    desk.advance(minutes(1)).await;
    let told: Vec<Json> =
        endpoint.letters()[before..].iter().map(|letter| letter.json()["data"]["status"].clone()).collect();
    assert_eq!(told, [json!("IN_PROGRESS")]);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_resumes_and_loses_nothing() {
    let mut desk = desk().await;
    let erp = Partner::join(&desk, "ERP", 10).await;
    let app = Partner::join(&desk, "APP", 10).await;
    let subscribe = "subscription S($after: String) { corrections(after: $after) { cursor uuid status word causeId } }";
    let (_, token) = new_ticket(&desk, "订阅").await;
    let mut socket = Socket::open(&erp.client).await;
    socket.subscribe("c", subscribe, json!({})).await;
    socket.settled().await;
    app.says(&token, "处理中", "2026-03-02T01:00:05Z").await;
    let first = socket.event().await["corrections"].clone();
    assert_eq!(
        (&first["uuid"], &first["status"], &first["word"]),
        (&json!(token), &json!("IN_PROGRESS"), &json!("处理中"))
    );
    drop(socket);
    // Missed, one of them overtaken meanwhile; and the server starts anew in between.
    app.says(&token, "待确认", "2026-03-02T01:00:10Z").await;
    app.says(&token, "处理中", "2026-03-02T01:00:20Z").await;
    let (_, other) = new_ticket(&desk, "另一张").await;
    app.says(&other, "已取消", "2026-03-02T01:00:30Z").await;
    desk.restart().await;
    let client = tests::Client { token: erp.client.token.clone(), ..desk.nobody() };
    let mut socket = Socket::open(&client).await;
    socket.subscribe("c", subscribe, json!({ "after": first["cursor"] })).await;
    let second = socket.event().await["corrections"].clone();
    assert_eq!((&second["uuid"], &second["status"]), (&json!(token), &json!("IN_PROGRESS")));
    let third = socket.event().await["corrections"].clone();
    assert_eq!((&third["uuid"], &third["status"]), (&json!(other), &json!("CANCELLED")));
    // Acknowledged by its cause.
    let report = json!({ "reports": [{ "uuid": other, "status": "已取消", "timestamp": "2026-03-02T01:00:40Z", "operator": "SDK", "causeId": third["causeId"] }] });
    client.done("reportStatuses", "__typename", report).await;
    let seen = holds(&desk, &other, "ERP").await;
    assert_eq!((&seen["agrees"], &seen["acknowledged"]), (&json!(true), &json!(true)));
    // People have no corrections; a revoked key ends the socket.
    let mut people = Socket::open(&desk.as_("admin").await).await;
    people.subscribe("c", subscribe, json!({})).await;
    assert_eq!(people.receive().await["payload"][0]["extensions"]["code"], "FORBIDDEN");
    let keys = "{ systems { key apiKeys { id } } }";
    let seen = desk.as_("admin").await.query(keys, json!({})).await;
    let erp = seen["systems"].as_array().unwrap().iter().find(|one| one["key"] == "ERP").unwrap().clone();
    desk.as_("admin").await.done("revokeApiKey", "__typename", json!({ "apiKeyId": erp["apiKeys"][0]["id"] })).await;
    socket.subscribe("again", subscribe, json!({})).await;
    assert_eq!(socket.closed().await, 4403);
    desk.advance(seconds(1)).await;
    desk.close().await;
}
