//! Gateways: each verifies its requests; a failed check is quarantined with an alert, and released after the credential is corrected.

use domain::kernel::{days, hours, minutes, seconds};
use tests::gateway_requests::{self, Wecom};
use tests::providers::MailServer;
use tests::{Client, Desk, Json, json};

const QUARANTINED: &str =
    "query Q($gateway: String, $first: Int) { quarantinedSubmissions(gateway: $gateway, first: $first) {
    nodes { id gateway reason receivedAt releasedAt ticket { number createdAt channel } } } }";

/// Seconds, as providers count them.
fn now_seconds(desk: &Desk) -> i64 {
    desk.app.now().millis() / 1_000
}

async fn save_credential(admin: &Client, key: &str, kind: &str, parts: Json) {
    admin.mutate_ok("saveCredential", "credential { key }", json!({ "key": key, "kind": kind, "parts": parts })).await;
}

async fn tickets(desk: &Desk) -> Vec<Json> {
    let query = "{ tickets(first: 100, orderBy: { field: NUMBER, direction: ASC }) { nodes { title description channel createdAt requester { name } priority externalRefs { system } } } }";
    desk.as_("admin").await.query(query, json!({})).await["tickets"]["nodes"].as_array().unwrap().clone()
}

/// A desk that sends alerts by e-mail.
async fn desk_with_mail(post: &MailServer) -> Desk {
    let url = post.url.clone();
    Desk::configured(|config| {
        config.channels.email.smtp_url = url.as_str().into();
        config.channels.email.from = "Buoy <buoy@desk.test>".into();
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_secret_alerts_quarantines_and_loses_no_submission() {
    let post = MailServer::start("").await;
    let desk = desk_with_mail(&post).await;
    let admin = desk.as_("admin").await;
    let http = reqwest::Client::new();
    let before = Wecom::new("token-before", 1);
    save_credential(&admin, "wecom", "WECOM_CALLBACK", before.parts()).await;
    let (status, _) = before.text(now_seconds(&desk), 1, "zhang", "一切正常").send(&http, &desk.address()).await;
    assert_eq!((status, tickets(&desk).await.len()), (200, 1));
    // The token and the EncodingAESKey are changed at the sender only.
    let after = Wecom::new("token-after", 2);
    let mut submissions = Vec::new();
    for n in 0..237 {
        let (status, body) = after
            .text(now_seconds(&desk), 1_000 + n, "li", &format!("报修 {n}：设备停机"))
            .send(&http, &desk.address())
            .await;
        assert_eq!((status, &body["error"]["code"]), (401, &json!("SIGNATURE_INVALID")), "{body:#}");
        submissions.push(body["error"]["submissionId"].as_str().unwrap().to_owned());
    }
    assert_eq!(tickets(&desk).await.len(), 1, "no invalid submission becomes a ticket");
    // An alert is sent within a minute.
    desk.advance(seconds(59)).await;
    let alerts: Vec<_> = post.mails().into_iter().filter(|mail| mail.to == "admin@desk.test").collect();
    assert_eq!(alerts.len(), 1, "one alert for all of them");
    let first = desk.as_("admin").await.refusal("releaseQuarantined", json!({ "submissionId": submissions[0] })).await;
    assert_eq!(first, ("INVALID".into(), "submissionId".into()), "not before the credential is corrected");
    // Six hours later the credential is rotated, with one hour of overlap.
    desk.advance(hours(6)).await;
    let admin = desk.as_("admin").await;
    let rotate = json!({ "key": "wecom", "parts": after.parts(), "overlapHours": 1 });
    admin.mutate_ok("rotateCredential", "credential { rotatedAt }", rotate).await;
    let one = admin
        .mutate_ok(
            "releaseQuarantined",
            "ticket { title createdAt channel }",
            json!({ "submissionId": submissions[0] }),
        )
        .await;
    assert_eq!(
        one["ticket"],
        json!({ "title": "报修 0：设备停机", "createdAt": "2026-03-02T01:00:00Z", "channel": "wecom" })
    );
    assert_eq!(admin.refusal("releaseQuarantined", json!({ "submissionId": submissions[0] })).await.0, "NOT_FOUND");
    let rest = admin.mutate_ok("releaseGateway", "released stillQuarantined", json!({ "gateway": "wecom" })).await;
    assert_eq!((&rest["released"], &rest["stillQuarantined"]), (&json!(236), &json!(0)));
    assert_eq!(admin.count_tickets().await, 238);
    // The provider repeats a request that failed: no second ticket.
    let (status, _) =
        after.text(now_seconds(&desk), 1_005, "li", "报修 5：设备停机").send(&http, &desk.address()).await;
    assert_eq!((status, admin.count_tickets().await), (200, 238));
    // Both secrets verify until the overlap ends.
    for (sender, id, status) in [(&before, 2, 200), (&after, 3, 200)] {
        assert_eq!(sender.text(now_seconds(&desk), id, "zhao", "重叠期").send(&http, &desk.address()).await.0, status);
    }
    desk.advance(hours(1)).await;
    assert_eq!(before.text(now_seconds(&desk), 4, "zhao", "过期").send(&http, &desk.address()).await.0, 401);
    let quarantined = desk.as_("admin").await.query(QUARANTINED, json!({ "gateway": "wecom", "first": 2 })).await;
    let nodes = quarantined["quarantinedSubmissions"]["nodes"].as_array().unwrap().clone();
    assert_eq!((&nodes[0]["reason"], &nodes[0]["releasedAt"]), (&json!("SIGNATURE_INVALID"), &json!(null)));
    assert!(nodes[1]["ticket"]["number"].is_i64(), "{nodes:#?}");
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_gateway_verifies_its_own_signature_scheme() {
    let desk = Desk::start().await;
    let admin = desk.as_("admin").await;
    let http = reqwest::Client::new();
    let address = desk.address();
    let wecom = Wecom::new("t", 3);
    save_credential(&admin, "wecom", "WECOM_CALLBACK", wecom.parts()).await;
    save_credential(&admin, "dingtalk", "DINGTALK_CALLBACK", json!([{ "name": "appSecret", "value": "ding-secret" }]))
        .await;
    let feishu = json!([{ "name": "encryptKey", "value": "fk" }, { "name": "verificationToken", "value": "vt" }]);
    save_credential(&admin, "feishu", "FEISHU_CALLBACK", feishu).await;
    save_credential(
        &admin,
        "api",
        "API_SIGNATURE",
        json!([{ "name": "secret", "value": "whsec_AAECAwQFBgcICQoLDA0ODw==" }]),
    )
    .await;
    // The providers verify the callback addresses.
    let (path, answer) = wecom.verification(now_seconds(&desk));
    assert_eq!(http.get(format!("{address}{path}")).send().await.unwrap().text().await.unwrap(), answer);
    let challenge = json!({ "type": "url_verification", "challenge": "c-1", "token": "vt" });
    assert_eq!(
        gateway_requests::feishu("fk", now_seconds(&desk), &challenge, false).send(&http, &address).await,
        (200, json!({ "challenge": "c-1" }))
    );
    // The user who holds the sender's address is the requester.
    desk.bind_address("requester1", "WECOM", "wang", false).await;
    assert_eq!(
        wecom.text(now_seconds(&desk), 7, "wang", "水泵 E-721\n三号泵站停机").send(&http, &address).await.0,
        200
    );
    assert_eq!(
        gateway_requests::dingtalk("ding-secret", now_seconds(&desk), "m1", "staff-9", " 打印机卡纸 ")
            .send(&http, &address)
            .await
            .0,
        200
    );
    assert_eq!(
        gateway_requests::feishu_text("fk", "vt", now_seconds(&desk), "om_1", "u9", "VPN 连不上")
            .send(&http, &address)
            .await,
        (200, json!({ "code": 0 }))
    );
    let more = json!({ "title": "CNC 报警", "description": "主轴过热", "priority": "URGENT", "product": "PM-3300", "requesterEmail": "requester1@desk.test",
        "externalRefs": [{ "system": "MES", "externalId": "77" }] });
    let secret = "whsec_AAECAwQFBgcICQoLDA0ODw==";
    assert_eq!(gateway_requests::api(secret, now_seconds(&desk), "a-1", &more).send(&http, &address).await.0, 200);
    let all = tickets(&desk).await;
    let short: Vec<Json> = all
        .iter()
        .map(|one| json!([one["channel"], one["title"], one["requester"]["name"], one["priority"]]))
        .collect();
    assert_eq!(
        json!(short),
        json!([
            ["wecom", "水泵 E-721", "requester1", "NORMAL"],
            ["dingtalk", "打印机卡纸", "staff-9", "NORMAL"],
            ["feishu", "VPN 连不上", "u9", "NORMAL"],
            ["api", "CNC 报警", "requester1", "URGENT"],
        ])
    );
    assert_eq!(all[3]["externalRefs"], json!([{ "system": "MES" }]));
    // A repeated request makes no second ticket.
    gateway_requests::dingtalk("ding-secret", now_seconds(&desk), "m1", "staff-9", " 打印机卡纸 ")
        .send(&http, &address)
        .await;
    gateway_requests::api(secret, now_seconds(&desk), "a-1", &more).send(&http, &address).await;
    assert_eq!(tickets(&desk).await.len(), 4);
    // A valid signature with an unknown key: the sender gets an error, and no ticket is created.
    let unknown = json!({ "title": "x", "product": "NO-SUCH" });
    let (status, body) = gateway_requests::api(secret, now_seconds(&desk), "a-2", &unknown).send(&http, &address).await;
    assert_eq!((status, &body["error"]["code"]), (422, &json!("INVALID")), "{body:#}");
    // Each failure has its own code.
    let old = now_seconds(&desk) - 7_200;
    for (call, reason) in [
        (gateway_requests::dingtalk("wrong", now_seconds(&desk), "m2", "s", "x"), "SIGNATURE_INVALID"),
        (gateway_requests::dingtalk("ding-secret", old, "m3", "s", "x"), "TIMESTAMP_INVALID"),
        (gateway_requests::feishu_text("other", "vt", now_seconds(&desk), "om_2", "u", "x"), "SIGNATURE_INVALID"),
        (gateway_requests::feishu_text("fk", "other", now_seconds(&desk), "om_3", "u", "x"), "SIGNATURE_INVALID"),
        (gateway_requests::api("whsec_AAAA", now_seconds(&desk), "a-3", &more), "SIGNATURE_INVALID"),
        (gateway_requests::api(secret, now_seconds(&desk), "a-4", &json!({ "titel": "x" })), "MALFORMED"),
        (
            Wecom { aes_key: Wecom::new("", 9).aes_key, ..wecom.clone() }.text(now_seconds(&desk), 9, "w", "x"),
            "DECRYPTION_FAILED",
        ),
    ] {
        let (status, body) = call.send(&http, &address).await;
        assert_eq!((status, &body["error"]["code"]), (401, &json!(reason)), "{}", call.path);
    }
    assert_eq!(tickets(&desk).await.len(), 4);
    assert_eq!(http.post(format!("{address}/intake/nowhere")).send().await.unwrap().status().as_u16(), 404);
    let large = http.post(format!("{address}/intake/api")).body(vec![b'x'; 300_000]).send().await.unwrap();
    assert_eq!(large.status().as_u16(), 413);
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_owner_is_notified_before_expiry_and_on_change() {
    let post = MailServer::start("").await;
    let desk = desk_with_mail(&post).await;
    let admin = desk.as_("admin").await;
    let owner = desk.id("supervisor").to_string();
    let ends = "2026-03-12T01:00:00Z";
    let parts = json!([{ "name": "secret", "value": "s" }]);
    let input = json!({ "key": "erp-cert", "kind": "OTHER", "ownerId": owner, "expiresAt": ends, "parts": parts });
    let saved = admin.mutate_ok("saveCredential", "credential { key owner { name } expiresAt }", input).await;
    assert_eq!(saved["credential"], json!({ "key": "erp-cert", "owner": { "name": "supervisor" }, "expiresAt": ends }));
    let mails = |post: &MailServer| post.mails().into_iter().filter(|mail| mail.to == "supervisor@desk.test").count();
    let mut warned = Vec::new();
    for day in 0..12 {
        desk.advance(days(1)).await;
        warned.push((day + 1, mails(&post)));
    }
    let at = |n: usize| warned.iter().find(|(_, count)| *count >= n).map(|(day, _)| *day);
    assert_eq!((at(1), at(2), at(3), at(4), mails(&post)), (Some(3), Some(7), Some(9), Some(10), 4));
    let admin = desk.as_("admin").await;
    // A gateway's key belongs to its kind, and the owner must exist.
    for (key, kind) in [("wecom", "OTHER"), ("channels.wecom", "OTHER"), ("mine", "WECOM_CALLBACK")] {
        let input = json!({ "key": key, "kind": kind, "parts": parts });
        assert_eq!(admin.refusal("saveCredential", input).await, ("INVALID".into(), "key".into()), "{key}");
    }
    let anonymous =
        json!({ "key": "x", "kind": "OTHER", "parts": parts, "ownerId": "01890000-0000-7000-8000-000000000000" });
    assert_eq!(admin.refusal("saveCredential", anonymous).await, ("NOT_FOUND".into(), "ownerId".into()));
    let rotate = json!({ "key": "erp-cert", "parts": parts, "expiresAt": "2026-09-01T00:00:00Z" });
    admin.mutate_ok("rotateCredential", "credential { expiresAt }", rotate).await;
    desk.advance(minutes(1)).await;
    assert_eq!(mails(&post), 5, "a changed secret alerts immediately");
    // A rotation without a date keeps the expiry.
    let admin = desk.as_("admin").await;
    let rotate = json!({ "key": "erp-cert", "parts": parts });
    let rotated = admin.mutate_ok("rotateCredential", "credential { expiresAt }", rotate).await;
    assert_eq!(rotated["credential"]["expiresAt"], "2026-09-01T00:00:00Z");
    // A refusal names the invalid input.
    let admin = desk.as_("admin").await;
    let bare = json!({ "key": "wecom", "kind": "WECOM_CALLBACK", "parts": parts });
    assert_eq!(admin.refusal("saveCredential", bare).await, ("REQUIRED".into(), "parts".into()));
    let again = json!({ "key": "erp-cert", "kind": "OTHER", "parts": parts });
    assert_eq!(admin.refusal("saveCredential", again).await, ("INVALID".into(), "parts".into()));
    assert_eq!(admin.refusal("rotateCredential", json!({ "key": "nothing", "parts": [] })).await.0, "NOT_FOUND");
    // No secret is stored or logged in plain text.
    let all = admin.query("{ credentials { key kind name rotatedAt } }", json!({})).await;
    let keys: Vec<&Json> = all["credentials"].as_array().unwrap().iter().map(|one| &one["key"]).collect();
    assert_eq!(json!(keys), json!(["channels.email", "erp-cert"]), "channel accounts are registered automatically");
    desk.advance(seconds(1)).await;
    desk.close().await;
}
