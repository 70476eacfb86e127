//! Corrections: signed, retried, never lost; an unreachable endpoint delays no other.

use domain::kernel::{days, hours, minutes, seconds};
use tests::partner::{Partner, is_signed};
use tests::socket::Socket;
use tests::{Desk, Json, json};

async fn desk() -> Desk {
    Desk::configured(|config| config.outgoing.allow_private = vec!["127.0.0.0/8".parse().unwrap()]).await
}

async fn new_ticket(desk: &Desk, title: &str) -> (String, String) {
    let refs = json!([{ "system": "ERP", "externalId": title }, { "system": "CRM", "externalId": title }]);
    let id = desk.create_ticket("admin", title, json!({ "issueType": "REPAIR", "externalRefs": refs })).await;
    let assignee = desk.id("agent1").to_string();
    let admin = desk.as_("admin").await;
    admin.mutate_ok("assignTicket", "__typename", json!({ "ticketId": id, "assigneeId": assignee })).await;
    let token = admin.query("query Q($id: ID!) { ticket(id: $id) { token } }", json!({ "id": id })).await;
    (id, token["ticket"]["token"].as_str().unwrap().to_owned())
}

async fn system_status(desk: &Desk, token: &str, key: &str) -> Json {
    let query = "query Q($r: String!) { panorama(reference: $r) { systems { system status agrees acknowledged correction { id state attempts failure } } } }";
    let seen = desk.as_("admin").await.query(query, json!({ "r": token })).await;
    let mut systems = seen["panorama"]["systems"].as_array().unwrap().iter();
    systems.find(|one| one["system"] == key).unwrap_or_else(|| panic!("{key}: {seen:#}")).clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_is_signed_and_acknowledged_by_delivery() {
    let desk = desk().await;
    let erp = Partner::register_with_endpoint(&desk, "ERP").await;
    let crm = Partner::register(&desk, "CRM", 10).await;
    let endpoint = erp.endpoint.as_ref().unwrap();
    let (_, token) = new_ticket(&desk, "签名").await;
    desk.advance(seconds(1)).await;
    let before = endpoint.requests().len();
    endpoint.answer_with(500);
    assert_eq!(erp.report_status(&token, "待派工", "2026-03-02T00:59:00Z").await, ("STALE".into(), "ASSIGNED".into()));
    crm.report_status(&token, "处理中", "2026-03-02T01:00:05Z").await;
    desk.advance(seconds(1)).await;
    let requests = endpoint.requests()[before..].to_vec();
    assert_eq!(requests.len(), 1);
    let request = &requests[0];
    assert!(is_signed(request, &erp.secret), "{request:#?}");
    assert!(!is_signed(request, "whsec_AAAA"));
    let body = request.json();
    let cause = body["data"]["causeId"].as_str().unwrap();
    assert_eq!(request.header("webhook-id"), cause);
    assert_eq!(body["type"], "ticket.status_corrected");
    assert_eq!(body["data"], json!({ "uuid": token, "status": "IN_PROGRESS", "word": "处理中", "causeId": cause }));
    let seen = system_status(&desk, &token, "ERP").await;
    assert_eq!(
        (&seen["status"], &seen["agrees"], &seen["acknowledged"]),
        (&json!("NEW"), &json!(false), &json!(false))
    );
    assert_eq!(seen["correction"]["failure"], "HTTP 500");
    // A retry has the same `webhook-id`.
    endpoint.answer_with(204);
    desk.advance(seconds(7)).await;
    let requests = endpoint.requests()[before..].to_vec();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1].header("webhook-id"), cause);
    assert_ne!(requests[1].header("webhook-timestamp"), requests[0].header("webhook-timestamp"));
    let seen = system_status(&desk, &token, "ERP").await;
    assert_eq!(
        (&seen["status"], &seen["agrees"], &seen["acknowledged"]),
        (&json!("IN_PROGRESS"), &json!(true), &json!(true))
    );
    // The system's report a moment later is an echo.
    assert_eq!(erp.report_status(&token, "处理中", "2026-03-02T01:00:20Z").await.0, "AGREED");
    let history = "query Q($r: String!) { panorama(reference: $r) { colour history { system } } }";
    let seen = desk.as_("admin").await.query(history, json!({ "r": token })).await["panorama"].clone();
    assert_eq!((seen["history"].as_array().unwrap().len(), &seen["colour"]), (2, &json!("GREEN")));
    // A new secret signs beside the old one until the overlap ends.
    let admin = desk.as_("admin").await;
    let rotated = admin
        .mutate_ok("rotateWebhookSecret", "webhookSecret", json!({ "systemKey": "ERP", "overlapHours": 24 }))
        .await;
    let new_secret = rotated["webhookSecret"].as_str().unwrap().to_owned();
    crm.report_status(&token, "待确认", "2026-03-02T01:01:00Z").await;
    desk.advance(seconds(1)).await;
    let last = endpoint.requests().pop().unwrap();
    assert!(is_signed(&last, &erp.secret) && is_signed(&last, &new_secret));
    desk.advance(hours(24)).await;
    crm.report_status(&token, "处理中", "2026-03-02T01:02:00Z").await;
    desk.advance(seconds(1)).await;
    let last = endpoint.requests().pop().unwrap();
    assert!(!is_signed(&last, &erp.secret) && is_signed(&last, &new_secret));
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_endpoint_delays_no_other_and_is_disabled_and_replayed() {
    let desk = desk().await;
    let erp = Partner::register_with_endpoint(&desk, "ERP").await;
    let crm = Partner::register_with_endpoint(&desk, "CRM").await;
    let (dead, alive) = (erp.endpoint.as_ref().unwrap(), crm.endpoint.as_ref().unwrap());
    let app = Partner::register(&desk, "APP", 10).await;
    dead.answer_with(503);
    let mut tokens = Vec::new();
    for n in 0..5 {
        let (_, token) = new_ticket(&desk, &format!("批 {n}")).await;
        app.report_status(&token, "处理中", "2026-03-02T01:00:05Z").await;
        tokens.push(token);
    }
    desk.advance(seconds(1)).await;
    for token in &tokens {
        assert_eq!(system_status(&desk, token, "CRM").await["agrees"], true, "every other system has its correction");
        assert_eq!(system_status(&desk, token, "ERP").await["agrees"], false);
    }
    assert_eq!(alive.requests().len(), 5);
    let tried = dead.requests().len();
    assert!((1..=8).contains(&tried), "{tried}");
    // While the endpoint fails, one message is tried at a time, with back-off.
    desk.advance(minutes(2)).await;
    assert!(dead.requests().len() <= tried + 4, "{}", dead.requests().len());
    let systems = "{ systems { key failingSince retryAt disabledAt disabledReason dueCount deadLetterCount } }";
    let of = async |key: &str| {
        let seen = desk.as_("admin").await.query(systems, json!({})).await;
        seen["systems"].as_array().unwrap().iter().find(|one| one["key"] == key).unwrap().clone()
    };
    assert_eq!(of("ERP").await["dueCount"], 5);
    // After three days the endpoint is disabled; administrators are notified, and nothing is lost.
    for _ in 0..120 {
        desk.advance(hours(1)).await;
    }
    let seen = of("ERP").await;
    assert_eq!(
        (&seen["dueCount"], &seen["deadLetterCount"], &seen["disabledReason"]),
        (&json!(0), &json!(5), &json!("HTTP 503"))
    );
    let actual = desk.as_("admin").await.query("{ notifications(first: 3) { nodes { cause body } } }", json!({})).await;
    assert!(actual.to_string().contains("webhook of ERP"), "{actual:#}");
    let count = dead.requests().len();
    desk.advance(days(1)).await;
    assert_eq!(dead.requests().len(), count, "a disabled endpoint gets no request");
    // The endpoint is repaired, enabled and its messages are replayed.
    dead.answer_with(200);
    let admin = desk.as_("admin").await;
    let query = "{ deadLetters(first: 10) { nodes { id system state attempts failure ticket { title } } } }";
    let dead_letters = admin.query(query, json!({})).await["deadLetters"]["nodes"].as_array().unwrap().clone();
    assert_eq!(dead_letters.len(), 5);
    let one = json!({ "deliveryId": dead_letters[0]["id"] });
    assert_eq!(
        admin.refusal("replayDelivery", one.clone()).await,
        ("INVALID".into(), "deliveryId".into()),
        "not while it is disabled"
    );
    admin.mutate_ok("updateSystem", "__typename", json!({ "key": "ERP", "enable": true })).await;
    admin.mutate_ok("replayDelivery", "deliveryId", one.clone()).await;
    desk.advance(seconds(1)).await;
    assert_eq!(desk.as_("admin").await.refusal("replayDelivery", one).await.0, "NOT_FOUND", "it was already delivered");
    let replayed =
        desk.as_("admin").await.mutate_ok("replayDeadLetters", "replayed", json!({ "systemKey": "ERP" })).await;
    assert_eq!(replayed["replayed"], 4);
    desk.advance(seconds(1)).await;
    for token in &tokens {
        assert_eq!(system_status(&desk, token, "ERP").await["agrees"], true);
    }
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_message_blocks_no_other_and_a_redirect_is_not_followed() {
    let desk = desk().await;
    let erp = Partner::register_with_endpoint(&desk, "ERP").await;
    let app = Partner::register(&desk, "APP", 10).await;
    let endpoint = erp.endpoint.as_ref().unwrap();
    let (_, token) = new_ticket(&desk, "拒收").await;
    endpoint.answer_with(400);
    app.report_status(&token, "处理中", "2026-03-02T01:00:05Z").await;
    desk.advance(seconds(1)).await;
    endpoint.answer_with(200);
    let (_, other) = new_ticket(&desk, "其他").await;
    app.report_status(&other, "处理中", "2026-03-02T01:00:05Z").await;
    desk.advance(seconds(1)).await;
    assert_eq!(system_status(&desk, &other, "ERP").await["agrees"], true);
    assert_eq!(system_status(&desk, &token, "ERP").await["correction"]["failure"], "HTTP 400");
    // A message that is rejected repeatedly becomes a dead letter; the endpoint stays enabled.
    endpoint.answer_with(422);
    for _ in 0..14 {
        desk.advance(days(1)).await;
    }
    assert_eq!(system_status(&desk, &token, "ERP").await["correction"]["state"], "DEAD");
    // A superseded correction is not sent.
    endpoint.answer_with(200);
    app.report_status(&token, "待确认", "2026-03-02T01:05:00Z").await;
    desk.advance(seconds(1)).await;
    let seen = system_status(&desk, &token, "ERP").await;
    assert_eq!((&seen["status"], &seen["correction"]), (&json!("WAITING"), &json!(null)));
    endpoint.answer_with(302);
    app.report_status(&token, "处理中", "2026-03-02T01:06:00Z").await;
    desk.advance(seconds(1)).await;
    let seen = system_status(&desk, &token, "ERP").await;
    assert!(seen["correction"]["failure"].as_str().unwrap().contains("redirects are not followed"), "{seen:#}");
    // Corrections superseded before delivery are dropped: only the last is sent.
    let before = endpoint.requests().len();
    app.report_status(&token, "待确认", "2026-03-02T01:07:00Z").await;
    app.report_status(&token, "处理中", "2026-03-02T01:08:00Z").await;
    endpoint.answer_with(200);
    desk.advance(minutes(1)).await;
    let actual: Vec<Json> =
        endpoint.requests()[before..].iter().map(|request| request.json()["data"]["status"].clone()).collect();
    assert_eq!(actual, [json!("IN_PROGRESS")]);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_subscription_resumes_without_loss() {
    let mut desk = desk().await;
    let erp = Partner::register(&desk, "ERP", 10).await;
    let app = Partner::register(&desk, "APP", 10).await;
    let subscribe = "subscription S($after: String) { corrections(after: $after) { cursor uuid status word causeId } }";
    let (_, token) = new_ticket(&desk, "订阅").await;
    let mut socket = Socket::open(&erp.client).await;
    socket.subscribe("c", subscribe, json!({})).await;
    socket.wait_until_processed().await;
    app.report_status(&token, "处理中", "2026-03-02T01:00:05Z").await;
    let first = socket.event().await["corrections"].clone();
    assert_eq!(
        (&first["uuid"], &first["status"], &first["word"]),
        (&json!(token), &json!("IN_PROGRESS"), &json!("处理中"))
    );
    drop(socket);
    // Missed corrections, one of them superseded, with a restart in between.
    app.report_status(&token, "待确认", "2026-03-02T01:00:10Z").await;
    app.report_status(&token, "处理中", "2026-03-02T01:00:20Z").await;
    let (_, other) = new_ticket(&desk, "另一张").await;
    app.report_status(&other, "已取消", "2026-03-02T01:00:30Z").await;
    desk.restart().await;
    let client = tests::Client { token: erp.client.token.clone(), ..desk.anonymous() };
    let mut socket = Socket::open(&client).await;
    socket.subscribe("c", subscribe, json!({ "after": first["cursor"] })).await;
    let second = socket.event().await["corrections"].clone();
    assert_eq!((&second["uuid"], &second["status"]), (&json!(token), &json!("IN_PROGRESS")));
    let third = socket.event().await["corrections"].clone();
    assert_eq!((&third["uuid"], &third["status"]), (&json!(other), &json!("CANCELLED")));
    // Acknowledged by `causeId`.
    let report = json!({ "reports": [{ "uuid": other, "status": "已取消", "timestamp": "2026-03-02T01:00:40Z", "operator": "SDK", "causeId": third["causeId"] }] });
    client.mutate_ok("reportStatuses", "__typename", report).await;
    let seen = system_status(&desk, &other, "ERP").await;
    assert_eq!((&seen["agrees"], &seen["acknowledged"]), (&json!(true), &json!(true)));
    // Users have no corrections; a revoked key closes the socket.
    let mut people = Socket::open(&desk.as_("admin").await).await;
    people.subscribe("c", subscribe, json!({})).await;
    assert_eq!(people.receive().await["payload"][0]["extensions"]["code"], "FORBIDDEN");
    let keys = "{ systems { key apiKeys { id } } }";
    let seen = desk.as_("admin").await.query(keys, json!({})).await;
    let erp = seen["systems"].as_array().unwrap().iter().find(|one| one["key"] == "ERP").unwrap().clone();
    desk.as_("admin")
        .await
        .mutate_ok("revokeApiKey", "__typename", json!({ "apiKeyId": erp["apiKeys"][0]["id"] }))
        .await;
    socket.subscribe("again", subscribe, json!({})).await;
    assert_eq!(socket.close_code().await, 4403);
    desk.advance(seconds(1)).await;
    desk.close().await;
}
