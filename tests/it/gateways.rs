//! Mail and the form that anybody may fill in; synthetic tickets, silence, and providers that do not know us any more.

use std::sync::{Arc, Mutex};

use domain::kernel::{hours, minutes, seconds};
use tests::callers::Wecom;
use tests::mailer::{Mailer, stamped};
use tests::providers::{Post, Provider};
use tests::{Client, Desk, Json, json};

async fn save(admin: &Client, key: &str, kind: &str, parts: Json) {
    admin.done("saveCredential", "credential { key }", json!({ "key": key, "kind": kind, "parts": parts })).await;
}

/// Takes mail at help@desk.test, and sends by `post`.
async fn desk(post: &Post) -> Desk {
    let url = post.url.clone();
    Desk::configured(|config| {
        config.channels.email.smtp_url = url.as_str().into();
        config.channels.email.from = "Buoy <buoy@desk.test>".into();
        config.intake.mail_listen = "127.0.0.1:0".to_owned();
        config.intake.mail_address = "help@desk.test".to_owned();
    })
    .await
}

const TICKETS: &str = "{ tickets(first: 100, orderBy: { field: NUMBER, direction: ASC }) { nodes {
    number title description channel requester { name } comments(first: 10) { nodes { body author { name } } } } } }";

async fn tickets(desk: &Desk) -> Vec<Json> {
    let all = desk.as_("admin").await.query(TICKETS, json!({})).await;
    all["tickets"]["nodes"].as_array().unwrap().clone()
}

/// What was told to somebody by mail, by its titles.
fn told(post: &Post, to: &str) -> Vec<String> {
    post.letters().into_iter().filter(|letter| letter.to == to).map(|letter| letter.text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_becomes_tickets_and_answers_become_comments() {
    let post = Post::start("").await;
    let desk = desk(&post).await;
    let admin = desk.as_("admin").await;
    save(&admin, "email", "EMAIL_AUTHENTICATION", json!([{ "name": "authservId", "value": "mx.desk.test" }])).await;
    let mut lmtp = Mailer::hello(desk.mail(), "LHLO").await;
    let help = "help@desk.test";
    let asked = stamped(
        "requester1@desk.test",
        &["Subject: =?UTF-8?B?5rC05rO1IEUtNzIx?=", "Message-ID: <m1@desk.test>"],
        "三号泵站停机\r\n.\r\n.profile 也在",
    );
    assert_eq!(lmtp.bring("requester1@desk.test", "help+press@desk.test", &asked).await, "250 2.6.0 Taken");
    // The same again, by another way in: no second ticket.
    let mut smtp = Mailer::hello(desk.mail(), "EHLO").await;
    assert_eq!(smtp.bring("requester1@desk.test", help, &asked).await, "250 2.6.0 Taken");
    let all = tickets(&desk).await;
    assert_eq!(
        json!([all[0]["title"], all[0]["description"], all[0]["channel"], all[0]["requester"]["name"]]),
        json!(["水泵 E-721", "三号泵站停机\n.\n.profile 也在", "email", "requester1"])
    );
    assert_eq!(all.len(), 1);
    // What answers to it is a comment of whoever wrote it …
    let answer = ["Subject: Re: E-721", "Message-ID: <m2@desk.test>", "In-Reply-To: <m1@desk.test>"];
    let said = stamped("requester1@desk.test", &answer, "还在漏\r\n\r\nBuoy wrote:\r\n> 请确认");
    assert!(lmtp.bring("requester1@desk.test", help, &said).await.starts_with("250 "));
    // … what answers to a message of ours, too …
    desk.advance(seconds(1)).await;
    let id = {
        let query = "{ tickets(first: 1) { nodes { id } } }";
        admin.query(query, json!({})).await["tickets"]["nodes"][0]["id"].as_str().unwrap().to_owned()
    };
    admin.done("addComment", "__typename", json!({ "ticketId": id, "body": "请拍照", "visibility": "PUBLIC" })).await;
    desk.advance(seconds(1)).await;
    let letters = told(&post, "requester1@desk.test");
    let ours = letters.last().unwrap().lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap().to_owned();
    let answer = ["Subject: Re", "Message-ID: <m3@desk.test>", &format!("In-Reply-To: {ours}")];
    assert!(
        lmtp.bring("requester1@desk.test", help, &stamped("requester1@desk.test", &answer, "照片"))
            .await
            .starts_with("250")
    );
    // … and of somebody who has no part in it, it is a ticket of its own.
    let answer = ["Subject: Re", "Message-ID: <m4@globex.example>", "In-Reply-To: <m1@desk.test>"];
    assert!(
        lmtp.bring("x@globex.example", help, &stamped("x@globex.example", &answer, "我也是")).await.starts_with("250")
    );
    let all = tickets(&desk).await;
    let comments: Vec<&Json> = all[0]["comments"]["nodes"].as_array().unwrap().iter().map(|one| &one["body"]).collect();
    assert_eq!((json!(comments), all.len()), (json!(["还在漏", "请拍照", "照片"]), 2));
    assert!(all[1]["description"].as_str().unwrap().contains("x@globex.example"));
    // Machines that answer, and bounces, are told so: nothing is taken and dropped.
    let vacation = ["Auto-Submitted: auto-replied", "Message-ID: <m5@desk.test>", "In-Reply-To: <m1@desk.test>"];
    let vacation = stamped("requester1@desk.test", &vacation, "我在休假");
    assert!(lmtp.bring("requester1@desk.test", help, &vacation).await.starts_with("554 5.7.1"));
    assert!(lmtp.bring("", help, &stamped("mailer-daemon@desk.test", &[], "bounce")).await.starts_with("554 5.7.1"));
    let loops = stamped("buoy@desk.test", &["Message-ID: <m6@desk.test>"], "loop");
    assert!(lmtp.bring("buoy@desk.test", help, &loops).await.starts_with("554 5.7.1"));
    // Whom nobody vouches for is told, and kept.
    let forged = stamped("boss@acme.example", &[], "x").replace("dmarc=pass", "dmarc=fail");
    let reply = lmtp.bring("boss@acme.example", help, &forged).await;
    assert!(reply.starts_with("550 5.7.1 SIGNATURE_INVALID"), "{reply}");
    assert!(lmtp.bring("a@b.example", "other@desk.test", "x").await.starts_with("550 5.1.1"));
    assert!(lmtp.say("MAIL FROM:<a@b.example> SIZE=99999999").await.starts_with("552 5.3.4"));
    assert!(lmtp.say("DATA").await.starts_with("503"));
    assert!(lmtp.say("WHAT").await.starts_with("500"));
    assert_eq!(tickets(&desk).await.len(), 2);
    // Two machines that answer each other without saying so end here.
    let mut replies = Vec::new();
    for n in 0..31 {
        let mail = stamped("robot@globex.example", &[&format!("Message-ID: <r{n}@globex.example>")], "自动回复");
        replies.push(lmtp.bring("robot@globex.example", help, &mail).await);
    }
    assert!(replies[29].starts_with("250 ") && replies[30].starts_with("450 4.7.1"), "{:?}", &replies[29..]);
    assert_eq!(lmtp.say("QUIT").await, "221 2.0.0 Bye");
    desk.advance(minutes(2)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mended_stamp_releases_what_was_kept_and_its_author_hears_of_it() {
    let post = Post::start("").await;
    let desk = desk(&post).await;
    let admin = desk.as_("admin").await;
    save(&admin, "email", "EMAIL_AUTHENTICATION", json!([{ "name": "authservId", "value": "old.desk.test" }])).await;
    let mut lmtp = Mailer::hello(desk.mail(), "LHLO").await;
    for n in 0..3 {
        let mail = stamped("requester1@desk.test", &[&format!("Message-ID: <k{n}@desk.test>")], "停机");
        assert!(lmtp.bring("requester1@desk.test", "help@desk.test", &mail).await.starts_with("550 5.7.1"));
    }
    lmtp.bring("x@globex.example", "help@desk.test", &stamped("x@globex.example", &[], "我也是")).await;
    desk.advance(hours(3)).await;
    let admin = desk.as_("admin").await;
    let parts = json!([{ "name": "authservId", "value": "mx.desk.test" }]);
    admin.done("rotateCredential", "__typename", json!({ "key": "email", "parts": parts })).await;
    let released = admin.done("releaseGateway", "released kept", json!({ "gateway": "email" })).await;
    assert_eq!((&released["released"], &released["kept"]), (&json!(4), &json!(0)));
    desk.advance(seconds(1)).await;
    let letters = told(&post, "requester1@desk.test");
    assert_eq!(letters.len(), 3, "{letters:#?}");
    // So does somebody who has no account here.
    assert_eq!(told(&post, "x@globex.example").len(), 1);
    let all = admin.query("{ tickets(first: 5) { nodes { createdAt } } }", json!({})).await;
    assert_eq!(all["tickets"]["nodes"][0]["createdAt"], "2026-03-02T01:00:00Z");
    // What is nobody's request takes no place any more.
    let forged = stamped("x@acme.example", &[], "x").replace("dmarc=pass", "dmarc=fail");
    lmtp.bring("x@acme.example", "help@desk.test", &forged).await;
    let held = "{ quarantinedSubmissions(first: 1) { nodes { id } } }";
    let held = admin.query(held, json!({})).await["quarantinedSubmissions"]["nodes"][0]["id"].clone();
    let body = "query Q($id: ID!) { quarantinedBody(submissionId: $id) }";
    let said = admin.query(body, json!({ "id": held })).await;
    assert!(said["quarantinedBody"].as_str().unwrap().contains("From: x@acme.example"), "{said}");
    let of = json!({ "gateway": "email", "source": "x@acme.example" });
    assert_eq!(admin.done("dismissQuarantined", "dismissed", of.clone()).await["dismissed"], 1);
    assert_eq!(admin.refused("dismissQuarantined", of).await.0, "NOT_FOUND");
    assert_eq!(admin.refused("dismissQuarantined", json!({ "gateway": "email" })).await.0, "REQUIRED");
    let held = admin.query("{ gateways { key held isOpen receivedLastDay } }", json!({})).await;
    let mail = held["gateways"].as_array().unwrap().iter().find(|one| one["key"] == "email").unwrap();
    assert_eq!(mail, &json!({ "key": "email", "held": 0, "isOpen": true, "receivedLastDay": 4 }));
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn anybody_may_fill_in_the_form_and_what_names_the_unknown_is_kept() {
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
    let (status, said) = send(&pass, "打印机").await;
    assert!(status == 200 && said["ticket"].as_str().unwrap().starts_with("TKN-"), "{said}");
    assert_eq!(send(&pass, "打印机").await, (200, said), "the same form again is the same ticket");
    let (status, said) = send(&json!("1.ab.cd"), "x").await;
    assert_eq!((status, &said["error"]["code"]), (401, &json!("SIGNATURE_INVALID")));
    let all = tickets(&desk).await;
    assert_eq!((all.len(), &all[0]["channel"], &all[0]["requester"]), (1, &json!("web"), &json!(null)));
    assert!(all[0]["description"].as_str().unwrap().ends_with("(web: 138 0013 8000)"));
    // A pass is good for a day; one that is changed, by a form that was open, both ways.
    let parts = json!([{ "name": "secret", "value": "another" }]);
    let early = open().await["pass"].clone();
    desk.advance(seconds(1)).await;
    admin.done("rotateCredential", "__typename", json!({ "key": "web", "parts": parts, "overlapHours": 1 })).await;
    assert_eq!(send(&early, "重叠").await.0, 200);
    let late = open().await["pass"].clone();
    desk.advance(hours(25)).await;
    assert_eq!(send(&late, "过期").await.1["error"]["code"], "TIMESTAMP_INVALID");
    // Thirty an hour from one address.
    let mut last = 0;
    for n in 0..31 {
        last = send(&open().await["pass"], &format!("第 {n} 次")).await.0;
    }
    assert_eq!(last, 429);
    // Signed well, and naming what is not known: kept, and released once it is known.
    let admin = desk.as_("admin").await;
    let secret = "whsec_AAECAwQFBgcICQoLDA0ODw==";
    save(&admin, "api", "API_SIGNATURE", json!([{ "name": "secret", "value": secret }])).await;
    let unknown = json!({ "title": "x", "product": "NEW-1", "externalRefs": [{ "system": "MES", "externalId": "1" }] });
    let now = desk.app.now().millis() / 1_000;
    let call = tests::callers::api(secret, now, "a-1", &unknown);
    let (status, said) = call.send(&http, &address).await;
    assert_eq!(status, 422, "{said}");
    let held = said["error"]["submissionId"].clone();
    assert_eq!(admin.refused("releaseQuarantined", json!({ "submissionId": held })).await.0, "UNKNOWN_KEY");
    // Its secret has ended meanwhile: it was good when it came.
    desk.advance(seconds(1)).await;
    let parts = json!([{ "name": "secret", "value": "whsec_EBESExQVFhcYGRobHB0eHw==" }]);
    admin.done("rotateCredential", "__typename", json!({ "key": "api", "parts": parts, "overlapHours": 0 })).await;
    desk.advance(seconds(1)).await;
    let (secret, now) = ("whsec_EBESExQVFhcYGRobHB0eHw==", now + 2);
    admin.done("saveProduct", "__typename", json!({ "key": "NEW-1", "name": "New" })).await;
    let released = admin.done("releaseQuarantined", "ticket { product }", json!({ "submissionId": held })).await;
    assert_eq!(released["ticket"]["product"], "NEW-1");
    // A reference that is another ticket's leaves nothing behind.
    let before = admin.tickets().await;
    let taken = json!({ "title": "y", "externalRefs": [{ "system": "MES", "externalId": "1" }] });
    assert_eq!(tests::callers::api(secret, now, "a-2", &taken).send(&http, &address).await.0, 422);
    let all = admin.done("releaseGateway", "released kept", json!({ "gateway": "api" })).await;
    assert_eq!((&all["released"], &all["kept"], admin.tickets().await), (&json!(0), &json!(1), before));
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_name_with_other_words_is_another_request() {
    let post = Post::start("").await;
    let desk = desk(&post).await;
    let admin = desk.as_("admin").await;
    let (http, address, secret) = (reqwest::Client::new(), desk.address(), "whsec_AAECAwQFBgcICQoLDA0ODw==");
    save(&admin, "api", "API_SIGNATURE", json!([{ "name": "secret", "value": secret }])).await;
    save(&admin, "email", "EMAIL_AUTHENTICATION", json!([{ "name": "authservId", "value": "mx.desk.test" }])).await;
    save(&admin, "web", "WEB_FORM", json!([{ "name": "secret", "value": "f" }])).await;
    // Two programs that count from one: the second hears of it.
    let now = desk.app.now().millis() / 1_000;
    let call = |title: &str| tests::callers::api(secret, now, "1", &json!({ "title": title }));
    let (status, first) = call("甲").send(&http, &address).await;
    assert_eq!((status, call("甲").send(&http, &address).await), (200, (200, first)));
    let (status, said) = call("乙").send(&http, &address).await;
    assert_eq!(status, 422, "{said}");
    assert!(said["error"]["message"].as_str().unwrap().contains("webhook-id"), "{said}");
    // Devices that call every mail the same, and a page that was copied.
    let mut lmtp = Mailer::hello(desk.mail(), "LHLO").await;
    for text in ["门开着", "温度过高", "门开着"] {
        let mail = stamped("device@globex.example", &["Subject: PLC", "Message-ID: <1@localhost>"], text);
        assert!(lmtp.bring("device@globex.example", "help@desk.test", &mail).await.starts_with("250 "));
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
async fn what_staff_answer_by_mail_is_for_colleagues() {
    let post = Post::start("").await;
    let desk = desk(&post).await;
    save(
        &desk.as_("admin").await,
        "email",
        "EMAIL_AUTHENTICATION",
        json!([{ "name": "authservId", "value": "mx.desk.test" }]),
    )
    .await;
    let id = desk.ticket("requester1", "停机", json!({})).await;
    let assignee = desk.id("agent1").to_string();
    desk.as_("admin").await.done("assignTicket", "__typename", json!({ "ticketId": id, "assigneeId": assignee })).await;
    desk.advance(seconds(1)).await;
    let ours = told(&post, "agent1@desk.test").pop().unwrap();
    let ours = ours.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap().to_owned();
    // Somebody else says that the agent's address is theirs: whose address it is goes before.
    let bound = json!({ "channel": "EMAIL", "address": "agent1@desk.test" });
    desk.as_("requester1").await.done("bindTerminal", "__typename", bound).await;
    let answer =
        stamped("agent1@desk.test", &["Message-ID: <s1@desk.test>", &format!("In-Reply-To: {ours}")], "先不急");
    let mut lmtp = Mailer::hello(desk.mail(), "LHLO").await;
    assert!(lmtp.bring("agent1@desk.test", "help@desk.test", &answer).await.starts_with("250 "));
    let query = "{ tickets(first: 2) { nodes { comments(first: 2) { nodes { body visibility author { name } } } } } }";
    let seen = desk.as_("admin").await.query(query, json!({})).await;
    assert_eq!(
        seen["tickets"]["nodes"],
        json!([{ "comments": { "nodes": [{ "body": "先不急", "visibility": "INTERNAL", "author": { "name": "agent1" } }] } }])
    );
    let seen = desk.as_("requester1").await.query(query, json!({})).await;
    assert_eq!(seen["tickets"]["nodes"][0]["comments"]["nodes"], json!([]));
    desk.close().await;
}

const HEALTH: &str = "{ gateways { key isSilent usualSilenceSeconds canary { state } canaries { state } } }";

async fn gateway(desk: &Desk, key: &str) -> Json {
    let all = desk.as_("admin").await.query(HEALTH, json!({})).await;
    all["gateways"].as_array().unwrap().iter().find(|one| one["key"] == key).unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn canaries_go_where_they_can_and_count_nowhere() {
    let post = Post::start("").await;
    let desk = desk(&post).await;
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
    // The mail goes out by the provider, and comes back as any other does.
    let canary = told(&post, "help@desk.test").pop().unwrap();
    let canary =
        canary.replacen("From:", "Authentication-Results: mx.desk.test; dmarc=pass header.from=desk.test\nFrom:", 1);
    let mut lmtp = Mailer::hello(desk.mail(), "LHLO").await;
    assert_eq!(lmtp.bring("buoy@desk.test", "help@desk.test", &canary).await, "250 2.6.0 Taken");
    assert_eq!(state("email").await, "ARRIVED");
    // One that nobody vouches for any more is lost at once, and no submission that somebody would release.
    desk.advance(minutes(10)).await;
    let unvouched = told(&post, "help@desk.test").pop().unwrap();
    assert_eq!(lmtp.bring("buoy@desk.test", "help@desk.test", &unvouched).await, "550 5.7.1 SIGNATURE_INVALID");
    let lost = gateway(&desk, "email").await;
    assert_eq!(lost["canary"]["state"], "LOST");
    // Nor is one a ticket that comes when it is not waited for any more.
    assert_eq!(lmtp.bring("buoy@desk.test", "help@desk.test", &canary).await, "250 2.6.0 Taken");
    let held = desk.as_("admin").await.query("{ quarantinedSubmissions(first: 1) { nodes { id } } }", json!({})).await;
    assert_eq!(held["quarantinedSubmissions"]["nodes"], json!([]));
    let event = "{ auditTrail: tickets(first: 10) { nodes { id } } }";
    assert_eq!(desk.as_("admin").await.query(event, json!({})).await["auditTrail"]["nodes"], json!([]));
    // What was lost is told once an hour; those of other gateways stood, and are over.
    for _ in 0..3 {
        desk.advance(minutes(10)).await;
    }
    assert_eq!(told(&post, "admin@desk.test").len(), 1);
    let canaries = gateway(&desk, "api").await["canaries"].clone();
    let states: Vec<&Json> = canaries.as_array().unwrap().iter().map(|canary| &canary["state"]).collect();
    assert_eq!(json!(states), json!(["ARRIVED", "ARRIVED", "ARRIVED", "CANCELLED", "CANCELLED"]));
    assert_eq!((desk.as_("admin").await.tickets().await, tickets(&desk).await.len()), (0, 0));
    // The first number is still to be given.
    desk.ticket("requester1", "真实报修", json!({})).await;
    assert_eq!(tickets(&desk).await[0]["number"], 1);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_falls_silent_is_told_of_once() {
    let post = Post::start("").await;
    let desk = desk(&post).await;
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
async fn a_changed_app_secret_is_told_within_the_minute() {
    let secret = Arc::new(Mutex::new("before"));
    let known = secret.clone();
    let wecom = Provider::start(move |asked| {
        let good = *known.lock().unwrap();
        match asked.path.as_str() {
            "/cgi-bin/gettoken" if asked.argument("corpsecret") == good => {
                (200, json!({ "errcode": 0, "access_token": format!("T-{good}"), "expires_in": 7200 }))
            }
            "/cgi-bin/gettoken" => (200, json!({ "errcode": 40001, "errmsg": "invalid credential" })),
            // Tokens end with the secret that they were given for.
            _ if asked.argument("access_token") != format!("T-{good}") => {
                (200, json!({ "errcode": 40014, "errmsg": "invalid access_token" }))
            }
            _ => (200, json!({ "errcode": 0, "msgid": "1" })),
        }
    })
    .await;
    let post = Post::start("").await;
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
    desk.as_("agent1")
        .await
        .done("bindTerminal", "__typename", json!({ "channel": "WECOM", "address": "zhang", "primary": true }))
        .await;
    let assign = async |desk: &Desk, title: &str| {
        let id = desk.ticket("requester1", title, json!({})).await;
        let assignee = desk.id("agent1").to_string();
        desk.as_("admin")
            .await
            .done("assignTicket", "__typename", json!({ "ticketId": id, "assigneeId": assignee }))
            .await;
    };
    assign(&desk, "一").await;
    desk.advance(seconds(1)).await;
    assert_eq!(told(&post, "admin@desk.test").len(), 0);
    // The AppSecret is changed at the provider; nobody says so here.
    *secret.lock().unwrap() = "after";
    assign(&desk, "二").await;
    for _ in 0..5 {
        desk.advance(seconds(10)).await;
    }
    assert_eq!(told(&post, "admin@desk.test").len(), 1, "told within the minute");
    assert_eq!(told(&post, "agent1@desk.test").len(), 1, "and what could not go that way went by another");
    let failing = "{ credentials { key kind failingSince failure } }";
    let found = desk.as_("admin").await.query(failing, json!({})).await;
    let account = found["credentials"].as_array().unwrap().iter().find(|one| one["key"] == "channels.wecom").unwrap();
    assert!(account["failure"].as_str().unwrap().contains("40001 invalid credential"), "{account}");
    // The new one is put into the configuration: known again, and the change is told.
    desk.config.channels.wecom.secret = "after".into();
    desk.restart().await;
    desk.advance(minutes(11)).await;
    let found = desk.as_("admin").await.query(failing, json!({})).await;
    let account = found["credentials"].as_array().unwrap().iter().find(|one| one["key"] == "channels.wecom").unwrap();
    assert_eq!(account["failingSince"], json!(null), "{account}");
    assert_eq!(told(&post, "admin@desk.test").len(), 2);
    // Changed once more while nothing is sent: the probe notices.
    *secret.lock().unwrap() = "again";
    desk.advance(hours(1)).await;
    assert_eq!(told(&post, "admin@desk.test").len(), 3);
    let admin = desk.as_("admin").await;
    let own = json!({ "key": "channels.wecom", "parts": [{ "name": "digest", "value": "x" }] });
    assert_eq!(admin.refused("rotateCredential", own).await, ("INVALID".into(), "kind".into()));
    let owner = desk.id("supervisor").to_string();
    let input = json!({ "key": "channels.wecom", "kind": "CHANNEL_ACCOUNT", "ownerId": owner, "expiresAt": "2027-01-01T00:00:00Z" });
    let saved = admin.done("saveCredential", "credential { owner { name } }", input).await;
    assert_eq!(saved["credential"]["owner"]["name"], "supervisor");
    desk.advance(seconds(1)).await;
    desk.close().await;
}
