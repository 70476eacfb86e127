//! The mail gateway and the web form; canaries, silence and invalid provider accounts.

use std::sync::{Arc, Mutex};

use domain::intake;
use domain::kernel::{hours, minutes, seconds};
use tests::gateway_requests::Wecom;
use tests::providers::{MailServer, Provider};
use tests::smtp_client::{SmtpClient, authenticated_mail};
use tests::{Client, Desk, Json, json};

pub async fn save(admin: &Client, key: &str, kind: &str, parts: Json) {
    admin.mutate_ok("saveCredential", "credential { key }", json!({ "key": key, "kind": kind, "parts": parts })).await;
}

/// A desk that receives mail at help@desk.test and sends by `post`.
pub async fn desk_with_mail(post: &MailServer) -> Desk {
    let url = post.url.clone();
    Desk::configured(|config| {
        config.channels.email.smtp_url = url.as_str().into();
        config.channels.email.from = "Buoy <buoy@desk.test>".into();
        let intake = config.settings_mut::<intake::model::Settings>();
        intake.mail_listen = "127.0.0.1:0".to_owned();
        intake.mail_address = "help@desk.test".to_owned();
    })
    .await
}

const TICKETS: &str = "{ tickets(first: 100, orderBy: { field: NUMBER, direction: ASC }) { nodes {
    number title description channel requester { name } comments(first: 10) { nodes { body author { name } } } } } }";

pub async fn tickets(desk: &Desk) -> Vec<Json> {
    let all = desk.as_("admin").await.query(TICKETS, json!({})).await;
    all["tickets"]["nodes"].as_array().unwrap().clone()
}

/// The texts of the mails to a recipient.
pub fn mails_to(post: &MailServer, to: &str) -> Vec<String> {
    post.mails().into_iter().filter(|mail| mail.to == to).map(|mail| mail.text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_creates_tickets_and_replies_add_comments() {
    let post = MailServer::start("").await;
    let desk = desk_with_mail(&post).await;
    let admin = desk.as_("admin").await;
    save(&admin, "email", "EMAIL_AUTHENTICATION", json!([{ "name": "authservId", "value": "mx.desk.test" }])).await;
    let mut lmtp = SmtpClient::connect(desk.mail_address(), "LHLO").await;
    let help = "help@desk.test";
    let request = authenticated_mail(
        "requester1@desk.test",
        &["Subject: =?UTF-8?B?5rC05rO1IEUtNzIx?=", "Message-ID: <m1@desk.test>"],
        "三号泵站停机\r\n.\r\n.profile 也在",
    );
    assert_eq!(lmtp.deliver("requester1@desk.test", "help+press@desk.test", &request).await, "250 2.6.0 Taken");
    // The same mail by the other protocol makes no second ticket.
    let mut smtp = SmtpClient::connect(desk.mail_address(), "EHLO").await;
    assert_eq!(smtp.deliver("requester1@desk.test", help, &request).await, "250 2.6.0 Taken");
    let all = tickets(&desk).await;
    assert_eq!(
        json!([all[0]["title"], all[0]["description"], all[0]["channel"], all[0]["requester"]["name"]]),
        json!(["水泵 E-721", "三号泵站停机\n.\n.profile 也在", "email", "requester1"])
    );
    assert_eq!(all.len(), 1);
    // Replies become comments of their author; one of somebody who is no participant becomes a new ticket.
    let answer = ["Subject: Re: E-721", "Message-ID: <m2@desk.test>", "In-Reply-To: <m1@desk.test>"];
    let reply = authenticated_mail("requester1@desk.test", &answer, "还在漏\r\n\r\nBuoy wrote:\r\n> 请确认");
    assert!(lmtp.deliver("requester1@desk.test", help, &reply).await.starts_with("250 "));
    desk.advance(seconds(1)).await;
    let id = {
        let query = "{ tickets(first: 1) { nodes { id } } }";
        admin.query(query, json!({})).await["tickets"]["nodes"][0]["id"].as_str().unwrap().to_owned()
    };
    admin
        .mutate_ok("addComment", "__typename", json!({ "ticketId": id, "body": "请拍照", "visibility": "PUBLIC" }))
        .await;
    desk.advance(seconds(1)).await;
    let mails = mails_to(&post, "requester1@desk.test");
    let ours = mails.last().unwrap().lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap().to_owned();
    let answer = ["Subject: Re", "Message-ID: <m3@desk.test>", &format!("In-Reply-To: {ours}")];
    assert!(
        lmtp.deliver("requester1@desk.test", help, &authenticated_mail("requester1@desk.test", &answer, "照片"))
            .await
            .starts_with("250")
    );
    let answer = ["Subject: Re", "Message-ID: <m4@globex.example>", "In-Reply-To: <m1@desk.test>"];
    assert!(
        lmtp.deliver("x@globex.example", help, &authenticated_mail("x@globex.example", &answer, "我也是"))
            .await
            .starts_with("250")
    );
    let all = tickets(&desk).await;
    let comments: Vec<&Json> = all[0]["comments"]["nodes"].as_array().unwrap().iter().map(|one| &one["body"]).collect();
    assert_eq!((json!(comments), all.len()), (json!(["还在漏", "请拍照", "照片"]), 2));
    assert_eq!(all[1]["requester"]["name"], "x@globex.example");
    // Automatic mail and bounces are rejected with a reason.
    let vacation = ["Auto-Submitted: auto-replied", "Message-ID: <m5@desk.test>", "In-Reply-To: <m1@desk.test>"];
    let vacation = authenticated_mail("requester1@desk.test", &vacation, "我在休假");
    assert!(lmtp.deliver("requester1@desk.test", help, &vacation).await.starts_with("554 5.7.1"));
    assert!(
        lmtp.deliver("", help, &authenticated_mail("mailer-daemon@desk.test", &[], "bounce"))
            .await
            .starts_with("554 5.7.1")
    );
    let loops = authenticated_mail("buoy@desk.test", &["Message-ID: <m6@desk.test>"], "loop");
    assert!(lmtp.deliver("buoy@desk.test", help, &loops).await.starts_with("554 5.7.1"));
    // An unauthenticated mail is quarantined, and its sender gets a reason.
    let forged = authenticated_mail("boss@acme.example", &[], "x").replace("dmarc=pass", "dmarc=fail");
    let reply = lmtp.deliver("boss@acme.example", help, &forged).await;
    assert!(reply.starts_with("550 5.7.1 SIGNATURE_INVALID"), "{reply}");
    assert!(lmtp.deliver("a@b.example", "other@desk.test", "x").await.starts_with("550 5.1.1"));
    assert!(lmtp.command("MAIL FROM:<a@b.example> SIZE=99999999").await.starts_with("552 5.3.4"));
    assert!(lmtp.command("DATA").await.starts_with("503"));
    assert!(lmtp.command("WHAT").await.starts_with("500"));
    assert_eq!(tickets(&desk).await.len(), 2);
    // The limit per sender ends a mail loop.
    let mut replies = Vec::new();
    for n in 0..31 {
        let mail =
            authenticated_mail("robot@globex.example", &[&format!("Message-ID: <r{n}@globex.example>")], "自动回复");
        replies.push(lmtp.deliver("robot@globex.example", help, &mail).await);
    }
    assert!(replies[29].starts_with("250 ") && replies[30].starts_with("450 4.7.1"), "{:?}", &replies[29..]);
    assert_eq!(lmtp.command("QUIT").await, "221 2.0.0 Bye");
    desk.advance(minutes(2)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_credential_releases_quarantined_mail_and_notifies_its_author() {
    let post = MailServer::start("").await;
    let desk = desk_with_mail(&post).await;
    let admin = desk.as_("admin").await;
    save(&admin, "email", "EMAIL_AUTHENTICATION", json!([{ "name": "authservId", "value": "old.desk.test" }])).await;
    let mut lmtp = SmtpClient::connect(desk.mail_address(), "LHLO").await;
    for n in 0..3 {
        let mail = authenticated_mail("requester1@desk.test", &[&format!("Message-ID: <k{n}@desk.test>")], "停机");
        assert!(lmtp.deliver("requester1@desk.test", "help@desk.test", &mail).await.starts_with("550 5.7.1"));
    }
    lmtp.deliver("x@globex.example", "help@desk.test", &authenticated_mail("x@globex.example", &[], "我也是")).await;
    desk.advance(hours(3)).await;
    let admin = desk.as_("admin").await;
    let parts = json!([{ "name": "authservId", "value": "mx.desk.test" }]);
    admin.mutate_ok("rotateCredential", "__typename", json!({ "key": "email", "parts": parts })).await;
    let released = admin.mutate_ok("releaseGateway", "released stillQuarantined", json!({ "gateway": "email" })).await;
    assert_eq!((&released["released"], &released["stillQuarantined"]), (&json!(4), &json!(0)));
    desk.advance(seconds(1)).await;
    let mails = mails_to(&post, "requester1@desk.test");
    assert_eq!(mails.len(), 3, "{mails:#?}");
    // An author without an account is notified too.
    assert_eq!(mails_to(&post, "x@globex.example").len(), 1);
    let all = admin.query("{ tickets(first: 5) { nodes { createdAt } } }", json!({})).await;
    assert_eq!(all["tickets"]["nodes"][0]["createdAt"], "2026-03-02T01:00:00Z");
    // A dismissed submission frees its space.
    let forged = authenticated_mail("x@acme.example", &[], "x").replace("dmarc=pass", "dmarc=fail");
    lmtp.deliver("x@acme.example", "help@desk.test", &forged).await;
    let submission = "{ quarantinedSubmissions(first: 1) { nodes { id } } }";
    let submission = admin.query(submission, json!({})).await["quarantinedSubmissions"]["nodes"][0]["id"].clone();
    let body = "query Q($id: ID!) { quarantinedBody(submissionId: $id) }";
    let reply = admin.query(body, json!({ "id": submission })).await;
    assert!(reply["quarantinedBody"].as_str().unwrap().contains("From: x@acme.example"), "{reply}");
    let of = json!({ "gateway": "email", "source": "x@acme.example" });
    assert_eq!(admin.mutate_ok("dismissQuarantined", "dismissed", of.clone()).await["dismissed"], 1);
    assert_eq!(admin.refusal("dismissQuarantined", of).await.0, "NOT_FOUND");
    assert_eq!(admin.refusal("dismissQuarantined", json!({ "gateway": "email" })).await.0, "REQUIRED");
    let submission = admin.query("{ gateways { key quarantinedCount isConfigured receivedLastDay } }", json!({})).await;
    let mail = submission["gateways"].as_array().unwrap().iter().find(|one| one["key"] == "email").unwrap();
    assert_eq!(mail, &json!({ "key": "email", "quarantinedCount": 0, "isConfigured": true, "receivedLastDay": 4 }));
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_web_form_is_public_and_an_unknown_key_is_quarantined() {
    let desk = Desk::start().await;
    let (http, address) = (reqwest::Client::new(), desk.address());
    let form = format!("{address}/intake/web");
    assert_eq!(http.get(&form).send().await.unwrap().status().as_u16(), 401, "no form is open yet");
    let admin = desk.as_("admin").await;
    save(&admin, "web", "WEB_FORM", json!([{ "name": "secret", "value": "form-secret" }])).await;
    let open = async || -> Json { http.get(&form).send().await.unwrap().json().await.unwrap() };
    let send = async |pass: &Json, title: &str| {
        let filled =
            json!({ "pass": pass, "title": title, "description": "E-721，无法启动", "contact": "138 0013 8000" });
        let answer = http.post(&form).json(&filled).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Json>().await.unwrap())
    };
    let pass = open().await["pass"].clone();
    let (status, reply) = send(&pass, "打印机").await;
    assert!(status == 200 && reply["ticket"].as_str().unwrap().starts_with("TKN-"), "{reply}");
    let link = reply["link"].as_str().unwrap().strip_prefix("/t/").unwrap().to_owned();
    let linked = "query Q($link: String!) { ticketByLink(link: $link) { title } }";
    let linked = desk.anonymous().query(linked, json!({ "link": link })).await;
    assert_eq!(linked["ticketByLink"]["title"], "打印机", "whoever filled in the form follows it by the link");
    assert_eq!(send(&pass, "打印机").await, (200, reply), "the same form again returns the same ticket");
    let (status, reply) = send(&json!("1.ab.cd"), "x").await;
    assert_eq!((status, &reply["error"]["code"]), (401, &json!("SIGNATURE_INVALID")));
    let all = tickets(&desk).await;
    assert_eq!((all.len(), &all[0]["channel"]), (1, &json!("web")));
    assert_eq!(all[0]["requester"]["name"], "138 0013 8000", "what they call themselves");
    // A form pass is valid for a day, and after a rotation both secrets verify.
    let parts = json!([{ "name": "secret", "value": "another" }]);
    let early = open().await["pass"].clone();
    desk.advance(seconds(1)).await;
    admin.mutate_ok("rotateCredential", "__typename", json!({ "key": "web", "parts": parts, "overlapHours": 1 })).await;
    assert_eq!(send(&early, "重叠").await.0, 200);
    let late = open().await["pass"].clone();
    desk.advance(hours(25)).await;
    assert_eq!(send(&late, "过期").await.1["error"]["code"], "TIMESTAMP_INVALID");
    // The limit is 30 an hour from one address.
    let mut last = 0;
    for n in 0..31 {
        last = send(&open().await["pass"], &format!("第 {n} 次")).await.0;
    }
    assert_eq!(last, 429);
    // A valid signature with an unknown key is quarantined, and released once the key exists.
    let admin = desk.as_("admin").await;
    let secret = "whsec_AAECAwQFBgcICQoLDA0ODw==";
    save(&admin, "api", "API_SIGNATURE", json!([{ "name": "secret", "value": secret }])).await;
    let unknown = json!({ "title": "x", "product": "NEW-1", "externalRefs": [{ "system": "MES", "externalId": "1" }] });
    let now = desk.app.now().millis() / 1_000;
    let call = tests::gateway_requests::api(secret, now, "a-1", &unknown);
    let (status, reply) = call.send(&http, &address).await;
    assert_eq!(status, 422, "{reply}");
    let submission = reply["error"]["submissionId"].clone();
    assert_eq!(admin.refusal("releaseQuarantined", json!({ "submissionId": submission })).await.0, "UNKNOWN_KEY");
    // The secret has expired since, but was valid at receipt.
    desk.advance(seconds(1)).await;
    let parts = json!([{ "name": "secret", "value": "whsec_EBESExQVFhcYGRobHB0eHw==" }]);
    admin.mutate_ok("rotateCredential", "__typename", json!({ "key": "api", "parts": parts, "overlapHours": 0 })).await;
    desk.advance(seconds(1)).await;
    let (secret, now) = ("whsec_EBESExQVFhcYGRobHB0eHw==", now + 2);
    admin.mutate_ok("saveProduct", "__typename", json!({ "key": "NEW-1", "name": "New" })).await;
    let released =
        admin.mutate_ok("releaseQuarantined", "ticket { product }", json!({ "submissionId": submission })).await;
    assert_eq!(released["ticket"]["product"], "NEW-1");
    // A reference that belongs to another ticket creates nothing.
    let before = admin.count_tickets().await;
    let taken = json!({ "title": "y", "externalRefs": [{ "system": "MES", "externalId": "1" }] });
    assert_eq!(tests::gateway_requests::api(secret, now, "a-2", &taken).send(&http, &address).await.0, 422);
    let all = admin.mutate_ok("releaseGateway", "released stillQuarantined", json!({ "gateway": "api" })).await;
    assert_eq!(
        (&all["released"], &all["stillQuarantined"], admin.count_tickets().await),
        (&json!(0), &json!(1), before)
    );
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_message_id_with_other_content_is_another_submission() {
    let post = MailServer::start("").await;
    let desk = desk_with_mail(&post).await;
    let admin = desk.as_("admin").await;
    let (http, address, secret) = (reqwest::Client::new(), desk.address(), "whsec_AAECAwQFBgcICQoLDA0ODw==");
    save(&admin, "api", "API_SIGNATURE", json!([{ "name": "secret", "value": secret }])).await;
    save(&admin, "email", "EMAIL_AUTHENTICATION", json!([{ "name": "authservId", "value": "mx.desk.test" }])).await;
    save(&admin, "web", "WEB_FORM", json!([{ "name": "secret", "value": "f" }])).await;
    // Two programs that use the same ids: the second gets an error.
    let now = desk.app.now().millis() / 1_000;
    let call = |title: &str| tests::gateway_requests::api(secret, now, "1", &json!({ "title": title }));
    let (status, first) = call("甲").send(&http, &address).await;
    assert_eq!((status, call("甲").send(&http, &address).await), (200, (200, first)));
    let (status, reply) = call("乙").send(&http, &address).await;
    assert_eq!(status, 422, "{reply}");
    assert!(reply["error"]["message"].as_str().unwrap().contains("webhook-id"), "{reply}");
    // Devices with a constant Message-ID, and a copied form page.
    let mut lmtp = SmtpClient::connect(desk.mail_address(), "LHLO").await;
    for text in ["门开着", "温度过高", "门开着"] {
        let mail = authenticated_mail("device@globex.example", &["Subject: PLC", "Message-ID: <1@localhost>"], text);
        assert!(lmtp.deliver("device@globex.example", "help@desk.test", &mail).await.starts_with("250 "));
    }
    let form = format!("{address}/intake/web");
    let pass = http.get(&form).send().await.unwrap().json::<Json>().await.unwrap()["pass"].clone();
    for title in ["打印机", "扫描仪", "打印机"] {
        let filled = json!({ "pass": pass, "title": title, "description": "x", "contact": "1" });
        assert_eq!(http.post(&form).json(&filled).send().await.unwrap().status().as_u16(), 200);
    }
    let titles: Vec<Json> = tickets(&desk).await.iter().map(|one| one["title"].clone()).collect();
    assert_eq!(json!(titles), json!(["甲", "PLC", "PLC", "打印机", "扫描仪"]));
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_replies_of_staff_become_internal_comments() {
    let post = MailServer::start("").await;
    let desk = desk_with_mail(&post).await;
    save(
        &desk.as_("admin").await,
        "email",
        "EMAIL_AUTHENTICATION",
        json!([{ "name": "authservId", "value": "mx.desk.test" }]),
    )
    .await;
    let id = desk.create_ticket("requester1", "停机", json!({})).await;
    let assignee = desk.id("agent1").to_string();
    desk.as_("admin")
        .await
        .mutate_ok("assignTicket", "__typename", json!({ "ticketId": id, "assigneeId": assignee }))
        .await;
    desk.advance(seconds(1)).await;
    let ours = mails_to(&post, "agent1@desk.test").pop().unwrap();
    let ours = ours.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap().to_owned();
    // Another user claims the agent's address, and does not know the code that is sent there.
    let bound = json!({ "channel": "EMAIL", "address": "agent1@desk.test" });
    desk.as_("requester1").await.mutate_ok("bindTerminal", "__typename", bound).await;
    let answer = authenticated_mail(
        "agent1@desk.test",
        &["Message-ID: <s1@desk.test>", &format!("In-Reply-To: {ours}")],
        "先不急",
    );
    let mut lmtp = SmtpClient::connect(desk.mail_address(), "LHLO").await;
    assert!(lmtp.deliver("agent1@desk.test", "help@desk.test", &answer).await.starts_with("250 "));
    let query = "{ tickets(first: 2) { nodes { comments(first: 2) { nodes { body visibility author { name } } } } } }";
    let seen = desk.as_("admin").await.query(query, json!({})).await;
    assert_eq!(
        seen["tickets"]["nodes"],
        json!([{ "comments": { "nodes": [{ "body": "先不急", "visibility": "INTERNAL", "author": { "name": "agent1" } }] } }])
    );
    let seen = desk.as_("requester1").await.query(query, json!({})).await;
    assert_eq!(seen["tickets"]["nodes"][0]["comments"]["nodes"], json!([]));
    desk.advance(seconds(0)).await;
    desk.close().await;
}

const HEALTH: &str = "{ gateways { key isSilent usualSilenceSeconds canary { state } canaries { state } } }";

async fn gateway(desk: &Desk, key: &str) -> Json {
    let all = desk.as_("admin").await.query(HEALTH, json!({})).await;
    all["gateways"].as_array().unwrap().iter().find(|one| one["key"] == key).unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn canaries_pass_each_gateway_and_count_in_no_figure() {
    let post = MailServer::start("").await;
    let desk = desk_with_mail(&post).await;
    let admin = desk.as_("admin").await;
    save(&admin, "email", "EMAIL_AUTHENTICATION", json!([{ "name": "authservId", "value": "mx.desk.test" }])).await;
    save(&admin, "web", "WEB_FORM", json!([{ "name": "secret", "value": "f" }])).await;
    save(&admin, "api", "API_SIGNATURE", json!([{ "name": "secret", "value": "s" }])).await;
    desk.advance(minutes(10)).await;
    let state = async |key: &str| gateway(&desk, key).await["canary"]["state"].clone();
    assert_eq!(
        json!([state("api").await, state("web").await, state("email").await]),
        json!(["ARRIVED", "ARRIVED", "SENT"])
    );
    // The canary mail is sent by the provider and comes back as ordinary mail.
    let canary = mails_to(&post, "help@desk.test").pop().unwrap();
    let canary =
        canary.replacen("From:", "Authentication-Results: mx.desk.test; dmarc=pass header.from=desk.test\nFrom:", 1);
    let mut lmtp = SmtpClient::connect(desk.mail_address(), "LHLO").await;
    assert_eq!(lmtp.deliver("buoy@desk.test", "help@desk.test", &canary).await, "250 2.6.0 Taken");
    assert_eq!(state("email").await, "ARRIVED");
    // An unauthenticated canary is lost immediately and is not quarantined as a submission.
    desk.advance(minutes(10)).await;
    let unvouched = mails_to(&post, "help@desk.test").pop().unwrap();
    assert_eq!(lmtp.deliver("buoy@desk.test", "help@desk.test", &unvouched).await, "550 5.7.1 SIGNATURE_INVALID");
    let lost = gateway(&desk, "email").await;
    assert_eq!(lost["canary"]["state"], "LOST");
    // A late canary does not become a ticket.
    assert_eq!(lmtp.deliver("buoy@desk.test", "help@desk.test", &canary).await, "250 2.6.0 Taken");
    let submission =
        desk.as_("admin").await.query("{ quarantinedSubmissions(first: 1) { nodes { id } } }", json!({})).await;
    assert_eq!(submission["quarantinedSubmissions"]["nodes"], json!([]));
    let event = "{ auditTrail: tickets(first: 10) { nodes { id } } }";
    assert_eq!(desk.as_("admin").await.query(event, json!({})).await["auditTrail"]["nodes"], json!([]));
    // Lost canaries alert once an hour; those of other gateways have arrived.
    for _ in 0..3 {
        desk.advance(minutes(10)).await;
    }
    assert_eq!(mails_to(&post, "admin@desk.test").len(), 1);
    let canaries = gateway(&desk, "api").await["canaries"].clone();
    let states: Vec<&Json> = canaries.as_array().unwrap().iter().map(|canary| &canary["state"]).collect();
    assert_eq!(json!(states), json!(["ARRIVED", "ARRIVED", "ARRIVED", "CANCELLED", "CANCELLED"]));
    assert_eq!((desk.as_("admin").await.count_tickets().await, tickets(&desk).await.len()), (0, 0));
    // No ticket number was used.
    desk.create_ticket("requester1", "真实报修", json!({})).await;
    assert_eq!(tickets(&desk).await[0]["number"], 1);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_gateway_alerts_once() {
    let post = MailServer::start("").await;
    let desk = desk_with_mail(&post).await;
    let wecom = Wecom::new("t", 4);
    save(&desk.as_("admin").await, "wecom", "WECOM_CALLBACK", wecom.parts()).await;
    let http = reqwest::Client::new();
    for n in 0..30 {
        let now = desk.app.now().millis() / 1_000;
        assert_eq!(wecom.text(now, n, "li", "报修").send(&http, &desk.address()).await.0, 200);
        desk.advance(minutes(1)).await;
    }
    let alerts = async || {
        let query = "{ notifications(first: 100) { nodes { cause } } }";
        let all = desk.as_("admin").await.query(query, json!({})).await;
        let causes = all["notifications"]["nodes"].as_array().unwrap().clone();
        causes.iter().filter(|one| one["cause"] == "CREDENTIAL").count()
    };
    assert_eq!((gateway(&desk, "wecom").await["usualSilenceSeconds"].clone(), alerts().await), (json!(60), 0));
    for _ in 0..3 {
        desk.advance(minutes(10)).await;
    }
    assert_eq!((gateway(&desk, "wecom").await["isSilent"].clone(), alerts().await), (json!(true), 1));
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_app_secret_alerts_within_a_minute() {
    let secret = Arc::new(Mutex::new("before"));
    let known = secret.clone();
    let wecom = Provider::start(move |request| {
        let good = *known.lock().unwrap();
        match request.path.as_str() {
            "/cgi-bin/gettoken" if request.query_parameter("corpsecret") == good => {
                (200, json!({ "errcode": 0, "access_token": format!("T-{good}"), "expires_in": 7200 }))
            }
            "/cgi-bin/gettoken" => (200, json!({ "errcode": 40001, "errmsg": "invalid credential" })),
            // Access tokens end with the secret that they were issued for.
            _ if request.query_parameter("access_token") != format!("T-{good}") => {
                (200, json!({ "errcode": 40014, "errmsg": "invalid access_token" }))
            }
            _ => (200, json!({ "errcode": 0, "msgid": "1" })),
        }
    })
    .await;
    let post = MailServer::start("").await;
    let (address, url) = (wecom.address.clone(), post.url.clone());
    let mut desk = Desk::configured(|config| {
        config.channels.wecom.base_url = address;
        config.channels.wecom.corp_id = "corp".into();
        config.channels.wecom.agent_id = "1".into();
        config.channels.wecom.secret = "before".into();
        config.channels.email.smtp_url = url.as_str().into();
        config.channels.email.from = "Buoy <buoy@desk.test>".into();
    })
    .await;
    desk.bind_address("agent1", "WECOM", "zhang", true).await;
    let assign = async |desk: &Desk, title: &str| {
        let id = desk.create_ticket("requester1", title, json!({})).await;
        let assignee = desk.id("agent1").to_string();
        desk.as_("admin")
            .await
            .mutate_ok("assignTicket", "__typename", json!({ "ticketId": id, "assigneeId": assignee }))
            .await;
    };
    assign(&desk, "一").await;
    desk.advance(seconds(1)).await;
    assert_eq!(mails_to(&post, "admin@desk.test").len(), 0);
    // The AppSecret is changed at the provider only.
    *secret.lock().unwrap() = "after";
    assign(&desk, "二").await;
    for _ in 0..5 {
        desk.advance(seconds(10)).await;
    }
    assert_eq!(mails_to(&post, "admin@desk.test").len(), 1, "alerted within a minute");
    assert_eq!(mails_to(&post, "agent1@desk.test").len(), 1, "undeliverable messages fail over to another channel");
    let failing = "{ credentials { key kind failingSince failure } }";
    let found = desk.as_("admin").await.query(failing, json!({})).await;
    let account = found["credentials"].as_array().unwrap().iter().find(|one| one["key"] == "channels.wecom").unwrap();
    assert!(account["failure"].as_str().unwrap().contains("40001 invalid credential"), "{account}");
    // With the new secret in the configuration the account works again, and the change alerts.
    desk.config.channels.wecom.secret = "after".into();
    desk.restart().await;
    desk.advance(minutes(11)).await;
    let found = desk.as_("admin").await.query(failing, json!({})).await;
    let account = found["credentials"].as_array().unwrap().iter().find(|one| one["key"] == "channels.wecom").unwrap();
    assert_eq!(account["failingSince"], json!(null), "{account}");
    assert_eq!(mails_to(&post, "admin@desk.test").len(), 2);
    // Changed again while nothing is sent: the probe detects it.
    *secret.lock().unwrap() = "again";
    desk.advance(hours(1)).await;
    assert_eq!(mails_to(&post, "admin@desk.test").len(), 3);
    let admin = desk.as_("admin").await;
    let own = json!({ "key": "channels.wecom", "parts": [{ "name": "digest", "value": "x" }] });
    assert_eq!(admin.refusal("rotateCredential", own).await, ("INVALID".into(), "kind".into()));
    let owner = desk.id("supervisor").to_string();
    let input = json!({ "key": "channels.wecom", "kind": "CHANNEL_ACCOUNT", "ownerId": owner, "expiresAt": "2027-01-01T00:00:00Z" });
    let saved = admin.mutate_ok("saveCredential", "credential { owner { name } }", input).await;
    assert_eq!(saved["credential"]["owner"]["name"], "supervisor");
    desk.advance(seconds(1)).await;
    desk.close().await;
}
