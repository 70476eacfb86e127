//! Gateways: each checks its callers, what fails is kept and told, and released once the credential is mended.

use domain::kernel::{days, hours, minutes, seconds};
use tests::callers::{self, Wecom};
use tests::providers::Post;
use tests::{Client, Desk, Json, json};

const QUARANTINED: &str =
    "query Q($gateway: String, $first: Int) { quarantinedSubmissions(gateway: $gateway, first: $first) {
    nodes { id gateway reason receivedAt releasedAt ticket { number createdAt channel } } } }";

/// Seconds, as providers count them.
fn now(desk: &Desk) -> i64 {
    desk.app.now().millis() / 1_000
}

async fn save(admin: &Client, key: &str, kind: &str, parts: Json) {
    admin.done("saveCredential", "credential { key }", json!({ "key": key, "kind": kind, "parts": parts })).await;
}

async fn tickets(desk: &Desk) -> Vec<Json> {
    let query = "{ tickets(first: 100, orderBy: { field: NUMBER, direction: ASC }) { nodes { title description channel createdAt requester { name } priority externalRefs { system } } } }";
    desk.as_("admin").await.query(query, json!({})).await["tickets"]["nodes"].as_array().unwrap().clone()
}

/// A desk whose alerts go by e-mail.
async fn desk(post: &Post) -> Desk {
    let url = post.url.clone();
    Desk::configured(|config| {
        config.channels.email.smtp_url = url.as_str().into();
        config.channels.email.from = "Buoy <buoy@desk.test>".into();
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_incident_is_told_and_nothing_is_lost() {
    let post = Post::start("").await;
    let desk = desk(&post).await;
    let admin = desk.as_("admin").await;
    let http = reqwest::Client::new();
    let before = Wecom::new("token-before", 1);
    save(&admin, "wecom", "WECOM_CALLBACK", before.parts()).await;
    let (status, _) = before.text(now(&desk), 1, "zhang", "一切正常").send(&http, &desk.address()).await;
    assert_eq!((status, tickets(&desk).await.len()), (200, 1));
    // Token and EncodingAESKey are changed at the sender, and nobody says so here.
    let after = Wecom::new("token-after", 2);
    let mut submissions = Vec::new();
    for n in 0..237 {
        let (status, body) =
            after.text(now(&desk), 1_000 + n, "li", &format!("报修 {n}：设备停机")).send(&http, &desk.address()).await;
        assert_eq!((status, &body["error"]["code"]), (401, &json!("SIGNATURE_INVALID")), "{body:#}");
        submissions.push(body["error"]["submissionId"].as_str().unwrap().to_owned());
    }
    assert_eq!(tickets(&desk).await.len(), 1, "none of it is a ticket, and none says that it is");
    // Within the minute somebody knows.
    desk.advance(seconds(59)).await;
    let alerts: Vec<_> = post.letters().into_iter().filter(|letter| letter.to == "admin@desk.test").collect();
    assert_eq!(alerts.len(), 1, "one alert for all of them");
    let first = desk.as_("admin").await.refused("releaseQuarantined", json!({ "submissionId": submissions[0] })).await;
    assert_eq!(first, ("INVALID".into(), "submissionId".into()), "not before it is mended");
    // Hours later the credential is mended, with the change of the day before still good for a while.
    desk.advance(hours(6)).await;
    let admin = desk.as_("admin").await;
    let rotate = json!({ "key": "wecom", "parts": after.parts(), "overlapHours": 1 });
    admin.done("rotateCredential", "credential { rotatedAt }", rotate).await;
    let one = admin
        .done("releaseQuarantined", "ticket { title createdAt channel }", json!({ "submissionId": submissions[0] }))
        .await;
    assert_eq!(
        one["ticket"],
        json!({ "title": "报修 0：设备停机", "createdAt": "2026-03-02T01:00:00Z", "channel": "wecom" })
    );
    assert_eq!(admin.refused("releaseQuarantined", json!({ "submissionId": submissions[0] })).await.0, "NOT_FOUND");
    let rest = admin.done("releaseGateway", "released kept", json!({ "gateway": "wecom" })).await;
    assert_eq!((&rest["released"], &rest["kept"]), (&json!(236), &json!(0)));
    assert_eq!(admin.tickets().await, 238);
    // The provider sends again what was not answered well: no second ticket.
    let (status, _) = after.text(now(&desk), 1_005, "li", "报修 5：设备停机").send(&http, &desk.address()).await;
    assert_eq!((status, admin.tickets().await), (200, 238));
    // Both verify until the overlap is over.
    for (sender, id, status) in [(&before, 2, 200), (&after, 3, 200)] {
        assert_eq!(sender.text(now(&desk), id, "zhao", "重叠期").send(&http, &desk.address()).await.0, status);
    }
    desk.advance(hours(1)).await;
    assert_eq!(before.text(now(&desk), 4, "zhao", "过期").send(&http, &desk.address()).await.0, 401);
    let held = desk.as_("admin").await.query(QUARANTINED, json!({ "gateway": "wecom", "first": 2 })).await;
    let nodes = held["quarantinedSubmissions"]["nodes"].as_array().unwrap().clone();
    assert_eq!((&nodes[0]["reason"], &nodes[0]["releasedAt"]), (&json!("SIGNATURE_INVALID"), &json!(null)));
    assert!(nodes[1]["ticket"]["number"].is_i64(), "{nodes:#?}");
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_gateway_checks_its_own_scheme() {
    let desk = Desk::start().await;
    let admin = desk.as_("admin").await;
    let http = reqwest::Client::new();
    let address = desk.address();
    let wecom = Wecom::new("t", 3);
    save(&admin, "wecom", "WECOM_CALLBACK", wecom.parts()).await;
    save(&admin, "dingtalk", "DINGTALK_CALLBACK", json!([{ "name": "appSecret", "value": "ding-secret" }])).await;
    let feishu = json!([{ "name": "encryptKey", "value": "fk" }, { "name": "verificationToken", "value": "vt" }]);
    save(&admin, "feishu", "FEISHU_CALLBACK", feishu).await;
    save(&admin, "api", "API_SIGNATURE", json!([{ "name": "secret", "value": "whsec_AAECAwQFBgcICQoLDA0ODw==" }]))
        .await;
    // Their addresses are verified first.
    let (path, answer) = wecom.verification(now(&desk));
    assert_eq!(http.get(format!("{address}{path}")).send().await.unwrap().text().await.unwrap(), answer);
    let challenge = json!({ "type": "url_verification", "challenge": "c-1", "token": "vt" });
    assert_eq!(
        callers::feishu("fk", now(&desk), &challenge, false).send(&http, &address).await,
        (200, json!({ "challenge": "c-1" }))
    );
    // Whoever has bound the address of a channel is the requester.
    desk.as_("requester1")
        .await
        .done("bindTerminal", "__typename", json!({ "channel": "WECOM", "address": "wang" }))
        .await;
    assert_eq!(wecom.text(now(&desk), 7, "wang", "水泵 E-721\n三号泵站停机").send(&http, &address).await.0, 200);
    assert_eq!(
        callers::dingtalk("ding-secret", now(&desk), "m1", "staff-9", " 打印机卡纸 ").send(&http, &address).await.0,
        200
    );
    assert_eq!(
        callers::feishu_text("fk", "vt", now(&desk), "om_1", "u9", "VPN 连不上").send(&http, &address).await,
        (200, json!({ "code": 0 }))
    );
    let more = json!({ "title": "CNC 报警", "description": "主轴过热", "priority": "URGENT", "product": "PM-3300", "requesterEmail": "requester1@desk.test",
        "externalRefs": [{ "system": "MES", "externalId": "77" }] });
    let secret = "whsec_AAECAwQFBgcICQoLDA0ODw==";
    assert_eq!(callers::api(secret, now(&desk), "a-1", &more).send(&http, &address).await.0, 200);
    let all = tickets(&desk).await;
    let short: Vec<Json> = all
        .iter()
        .map(|one| json!([one["channel"], one["title"], one["requester"]["name"], one["priority"]]))
        .collect();
    assert_eq!(
        json!(short),
        json!([
            ["wecom", "水泵 E-721", "requester1", "NORMAL"],
            ["dingtalk", "打印机卡纸", null, "NORMAL"],
            ["feishu", "VPN 连不上", null, "NORMAL"],
            ["api", "CNC 报警", "requester1", "URGENT"],
        ])
    );
    assert!(all[1]["description"].as_str().unwrap().contains("staff-9"));
    assert_eq!(all[3]["externalRefs"], json!([{ "system": "MES" }]));
    // The same again: no second ticket.
    callers::dingtalk("ding-secret", now(&desk), "m1", "staff-9", " 打印机卡纸 ").send(&http, &address).await;
    callers::api(secret, now(&desk), "a-1", &more).send(&http, &address).await;
    assert_eq!(tickets(&desk).await.len(), 4);
    // Signed well, and naming what is not known: its sender hears what, and nothing is made.
    let unknown = json!({ "title": "x", "product": "NO-SUCH" });
    let (status, body) = callers::api(secret, now(&desk), "a-2", &unknown).send(&http, &address).await;
    assert_eq!((status, &body["error"]["code"]), (422, &json!("INVALID")), "{body:#}");
    // What is wrong is said by its own word.
    let old = now(&desk) - 7_200;
    for (call, reason) in [
        (callers::dingtalk("wrong", now(&desk), "m2", "s", "x"), "SIGNATURE_INVALID"),
        (callers::dingtalk("ding-secret", old, "m3", "s", "x"), "TIMESTAMP_INVALID"),
        (callers::feishu_text("other", "vt", now(&desk), "om_2", "u", "x"), "SIGNATURE_INVALID"),
        (callers::feishu_text("fk", "other", now(&desk), "om_3", "u", "x"), "SIGNATURE_INVALID"),
        (callers::api("whsec_AAAA", now(&desk), "a-3", &more), "SIGNATURE_INVALID"),
        (callers::api(secret, now(&desk), "a-4", &json!({ "titel": "x" })), "MALFORMED"),
        (
            Wecom { aes_key: Wecom::new("", 9).aes_key, ..wecom.clone() }.text(now(&desk), 9, "w", "x"),
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
async fn an_owner_is_warned_before_a_credential_ends_and_when_it_changes() {
    let post = Post::start("").await;
    let desk = desk(&post).await;
    let admin = desk.as_("admin").await;
    let owner = desk.id("supervisor").to_string();
    let ends = "2026-03-12T01:00:00Z";
    let parts = json!([{ "name": "secret", "value": "s" }]);
    let input = json!({ "key": "erp-cert", "kind": "OTHER", "ownerId": owner, "expiresAt": ends, "parts": parts });
    let saved = admin.done("saveCredential", "credential { key owner { name } expiresAt }", input).await;
    assert_eq!(saved["credential"], json!({ "key": "erp-cert", "owner": { "name": "supervisor" }, "expiresAt": ends }));
    let letters = |post: &Post| post.letters().into_iter().filter(|letter| letter.to == "supervisor@desk.test").count();
    let mut warned = Vec::new();
    for day in 0..12 {
        desk.advance(days(1)).await;
        warned.push((day + 1, letters(&post)));
    }
    let at = |n: usize| warned.iter().find(|(_, count)| *count >= n).map(|(day, _)| *day);
    assert_eq!((at(1), at(2), at(3), at(4), letters(&post)), (Some(3), Some(7), Some(9), Some(10), 4));
    let admin = desk.as_("admin").await;
    // A gateway's key is its kind's alone, and somebody who is here owns it.
    for (key, kind) in [("wecom", "OTHER"), ("channels.wecom", "OTHER"), ("mine", "WECOM_CALLBACK")] {
        let input = json!({ "key": key, "kind": kind, "parts": parts });
        assert_eq!(admin.refused("saveCredential", input).await, ("INVALID".into(), "key".into()), "{key}");
    }
    let nobody =
        json!({ "key": "x", "kind": "OTHER", "parts": parts, "ownerId": "01890000-0000-7000-8000-000000000000" });
    assert_eq!(admin.refused("saveCredential", nobody).await, ("NOT_FOUND".into(), "ownerId".into()));
    let rotate = json!({ "key": "erp-cert", "parts": parts, "expiresAt": "2026-09-01T00:00:00Z" });
    admin.done("rotateCredential", "credential { expiresAt }", rotate).await;
    desk.advance(minutes(1)).await;
    assert_eq!(letters(&post), 5, "a changed secret is told at once");
    // Another one without a date: the end holds.
    let admin = desk.as_("admin").await;
    let rotate = json!({ "key": "erp-cert", "parts": parts });
    let rotated = admin.done("rotateCredential", "credential { expiresAt }", rotate).await;
    assert_eq!(rotated["credential"]["expiresAt"], "2026-09-01T00:00:00Z");
    // What is wrong with an input is named.
    let admin = desk.as_("admin").await;
    let bare = json!({ "key": "wecom", "kind": "WECOM_CALLBACK", "parts": parts });
    assert_eq!(admin.refused("saveCredential", bare).await, ("REQUIRED".into(), "parts".into()));
    let again = json!({ "key": "erp-cert", "kind": "OTHER", "parts": parts });
    assert_eq!(admin.refused("saveCredential", again).await, ("INVALID".into(), "parts".into()));
    assert_eq!(admin.refused("rotateCredential", json!({ "key": "nothing", "parts": [] })).await.0, "NOT_FOUND");
    // No secret stands in the database or in the log as it is.
    let all = admin.query("{ credentials { key kind name rotatedAt } }", json!({})).await;
    let keys: Vec<&Json> = all["credentials"].as_array().unwrap().iter().map(|one| &one["key"]).collect();
    assert_eq!(json!(keys), json!(["channels.email", "erp-cert"]), "what messages leave by is known by itself");
    desk.advance(seconds(1)).await;
    desk.close().await;
}
