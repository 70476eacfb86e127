//! Writers without an account: they hear what becomes of their ticket by the way they wrote, their next message belongs to it,
//! and a link shows it to them without sign-in. What engineers write by a chat is an answer to their ticket.

use domain::intake;
use domain::kernel::{days, minutes, seconds};
use domain::notifications;
use tests::gateway_requests::Wecom;
use tests::providers::{MailServer, Provider};
use tests::smtp_client::{SmtpClient, authenticated_mail};
use tests::{Desk, Json, attribution, json};

use crate::gateways::{mails_to, save};

/// A WeCom account and the callback of its application.
struct Chat {
    desk: Desk,
    provider: Provider,
    wecom: Wecom,
    http: reqwest::Client,
    sent: std::cell::Cell<u64>,
}

impl Chat {
    async fn open() -> Self {
        let provider = Provider::start(|request| match request.path.as_str() {
            "/cgi-bin/gettoken" => (200, json!({ "errcode": 0, "access_token": "T", "expires_in": 7200 })),
            _ => (200, json!({ "errcode": 0, "msgid": "1" })),
        })
        .await;
        let address = provider.address.clone();
        let desk = Desk::configured(|config| {
            config.channels.wecom.base_url = address;
            config.channels.wecom.corp_id = "corp".into();
            config.channels.wecom.agent_id = "1".into();
            config.channels.wecom.secret = "s".into();
            config.settings_mut::<notifications::model::Settings>().public_url = "https://buoy.test".to_owned();
            config.settings_mut::<notifications::model::Settings>().language = "en".to_owned();
        })
        .await;
        let wecom = Wecom::new("token", 1);
        save(&desk.as_("admin").await, "wecom", "WECOM_CALLBACK", wecom.parts()).await;
        Self { desk, provider, wecom, http: reqwest::Client::new(), sent: std::cell::Cell::new(0) }
    }

    /// Somebody writes to the application.
    async fn write(&self, from: &str, text: &str) {
        self.sent.set(self.sent.get() + 1);
        let now = self.desk.app.now().millis() / 1_000;
        let request = self.wecom.text(now, self.sent.get(), from, text);
        let (status, answer) = request.send(&self.http, &self.desk.address()).await;
        assert_eq!((status, &answer), (200, &json!("success")), "{text}");
        self.desk.advance(seconds(1)).await;
    }

    /// The texts that somebody got since the last call that named them.
    fn heard(&self, who: &str) -> Vec<String> {
        let messages = self.provider.requests().into_iter().filter(|request| request.path == "/cgi-bin/message/send");
        let theirs = messages.map(|request| request.json()).filter(|message| message["touser"] == who);
        theirs.map(|message| message.to_string()).collect()
    }

    fn last_heard(&self, who: &str) -> String {
        self.heard(who).pop().unwrap_or_default()
    }

    async fn tickets(&self) -> Vec<Json> {
        let query = "{ tickets(first: 100, orderBy: { field: NUMBER, direction: ASC }) { nodes {
            id number status chaseCount reopenCount firstRespondedAt waitingReason requester { name email isContact }
            comments(first: 20) { nodes { body visibility author { name } } } } } }";
        let all = self.desk.as_("admin").await.query(query, json!({})).await;
        all["tickets"]["nodes"].as_array().unwrap().clone()
    }

    async fn mutate(&self, who: &str, name: &str, input: Json) {
        self.desk.as_(who).await.mutate_ok(name, "__typename", input).await;
        self.desk.advance(seconds(1)).await;
    }

    async fn assign(&self, ticket: &Json) {
        let assignee = self.desk.id("agent1").to_string();
        self.mutate("admin", "assignTicket", json!({ "ticketId": ticket, "assigneeId": assignee })).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_without_an_account_hears_of_their_ticket_and_is_answered() {
    let chat = Chat::open().await;
    chat.desk.bind_address("agent1", "WECOM", "zhang", true).await;
    chat.write("li", "3 号刻蚀机报警 E-721").await;
    let receipt = chat.last_heard("li");
    assert!(receipt.contains("We received your request: ticket #1"), "{receipt}");
    let link =
        receipt.split("https://buoy.test/t/").nth(1).expect("a link").split(['"', '\\']).next().unwrap().to_owned();
    let id = chat.tickets().await[0]["id"].clone();
    chat.assign(&id).await;
    assert!(chat.last_heard("li").contains("agent1 is working on it"), "{}", chat.last_heard("li"));
    // They ask again: no second ticket, and whoever has it hears of it.
    chat.write("li", "还没有人来，什么时候到？").await;
    let all = chat.tickets().await;
    assert_eq!((all.len(), &all[0]["chaseCount"]), (1, &json!(1)));
    assert_eq!(all[0]["requester"], json!({ "name": "li", "email": null, "isContact": true }));
    assert_eq!(all[0]["comments"]["nodes"][0]["body"], "还没有人来，什么时候到？");
    assert!(chat.last_heard("li").contains("We passed on your question about ticket #1"));
    assert!(chat.heard("zhang").iter().any(|text| text.contains("asks again (1)")), "{:?}", chat.heard("zhang"));
    // What is said and done reaches them with its words.
    let said = |body: &str, visibility: &str| json!({ "ticketId": id, "body": body, "visibility": visibility });
    chat.mutate("agent1", "addComment", said("请断电重启", "PUBLIC")).await;
    assert!(chat.last_heard("li").contains("请断电重启"));
    let before = chat.heard("li").len();
    chat.mutate("agent1", "addComment", said("客户很急", "INTERNAL")).await;
    assert_eq!(chat.heard("li").len(), before, "an internal note is for staff");
    chat.mutate("agent1", "acceptTicket", json!({ "ticketId": id })).await;
    chat.mutate("agent1", "setWaiting", json!({ "ticketId": id, "reason": "等停机窗口" })).await;
    assert!(chat.last_heard("li").contains("等停机窗口"), "{}", chat.last_heard("li"));
    // An answer is a comment that resumes the work.
    chat.write("li", "今晚八点可以停机").await;
    assert_eq!(chat.tickets().await[0]["status"], "IN_PROGRESS");
    assert!(chat.last_heard("zhang").contains("今晚八点可以停机"));
    let resolve = json!({ "ticketId": id, "attribution": attribution("更换电源模块") });
    chat.mutate("agent1", "resolveTicket", resolve.clone()).await;
    assert!(chat.last_heard("li").contains("更换电源模块"), "{}", chat.last_heard("li"));
    // Thanks reopen nothing; a complaint does.
    chat.write("li", "好的，谢谢").await;
    assert_eq!(chat.tickets().await[0]["status"], "RESOLVED");
    chat.write("li", "又报警了").await;
    let all = chat.tickets().await;
    assert_eq!((all.len(), &all[0]["status"], &all[0]["reopenCount"]), (1, &json!("IN_PROGRESS"), &json!(1)));
    assert!(chat.last_heard("zhang").contains("#1 was reopened"), "{}", chat.last_heard("zhang"));
    // Something new is said to be new.
    chat.write("li", "new: 空压机压力不足").await;
    assert_eq!(chat.tickets().await.len(), 2);
    // The link shows the ticket without sign-in, with its public part only.
    let query =
        "query Q($link: String!) { ticketByLink(link: $link) { number status assigneeName resolution canChase canRate
        comments { authorName isOwn body } } }";
    let seen = chat.desk.anonymous().query(query, json!({ "link": link })).await["ticketByLink"].clone();
    assert_eq!(
        (&seen["number"], &seen["status"], &seen["assigneeName"]),
        (&json!(1), &json!("IN_PROGRESS"), &json!("agent1"))
    );
    let bodies: Vec<&Json> = seen["comments"].as_array().unwrap().iter().map(|comment| &comment["body"]).collect();
    assert!(bodies.contains(&&json!("请断电重启")) && !bodies.contains(&&json!("客户很急")), "{bodies:?}");
    let guest = chat.desk.anonymous();
    guest.mutate_ok("replyByLink", "ticket { number }", json!({ "link": link, "body": "照片稍后发" })).await;
    guest.mutate_ok("chaseByLink", "ticket { chaseCount }", json!({ "link": link })).await;
    chat.mutate("agent1", "resolveTicket", resolve).await;
    guest.mutate_ok("rateByLink", "ticket { score }", json!({ "link": link, "score": 5 })).await;
    assert_eq!(
        guest.refusal("rateByLink", json!({ "link": "x", "score": 5 })).await,
        ("TOKEN_INVALID".into(), "link".into())
    );
    // Revoked, it shows nothing; the next message contains another one.
    chat.mutate("agent1", "revokeTicketLinks", json!({ "ticketId": id })).await;
    assert_eq!(guest.execute(query, json!({ "link": link })).await.code(), "NOT_FOUND");
    chat.write("li", "还是报警").await;
    assert!(chat.last_heard("li").contains("https://buoy.test/t/") && !chat.last_heard("li").contains(&link));
    chat.desk.advance(days(1)).await;
    chat.desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_engineer_writes_by_a_chat_is_an_answer_to_their_ticket() {
    let chat = Chat::open().await;
    chat.desk.bind_address("agent1", "WECOM", "zhang", true).await;
    chat.write("li", "3 号刻蚀机报警 E-721").await;
    let id = chat.tickets().await[0]["id"].clone();
    chat.assign(&id).await;
    chat.write("zhang", "我在路上").await;
    let all = chat.tickets().await;
    assert_eq!(all.len(), 1, "it is no customer's ticket");
    assert!(!all[0]["firstRespondedAt"].is_null(), "it is the first response");
    let said = json!({ "body": "我在路上", "visibility": "PUBLIC", "author": { "name": "agent1" } });
    assert_eq!(all[0]["comments"]["nodes"], json!([said]));
    assert!(chat.last_heard("li").contains("我在路上"));
    assert!(chat.last_heard("zhang").contains("was sent to the requester"), "{}", chat.last_heard("zhang"));
    chat.write("zhang", "接单").await;
    assert_eq!(chat.tickets().await[0]["status"], "IN_PROGRESS");
    chat.write("zhang", "等待 配件明天到").await;
    let all = chat.tickets().await;
    assert_eq!((&all[0]["status"], &all[0]["waitingReason"]), (&json!("WAITING"), &json!("配件明天到")));
    chat.write("zhang", "#1 内部：客户很急").await;
    let comments = chat.tickets().await[0]["comments"]["nodes"].clone();
    assert_eq!(comments[1]["visibility"], "INTERNAL");
    // A resolution needs its root cause: the answer links to it.
    chat.write("zhang", "已解决").await;
    assert_eq!(chat.tickets().await[0]["status"], "WAITING");
    assert!(chat.last_heard("zhang").contains("/tickets/1") && chat.last_heard("zhang").contains("#resolve"));
    chat.write("zhang", "#99 我在路上").await;
    assert!(chat.last_heard("zhang").contains("Which ticket is this about?"));
    // Their own request begins with a sign.
    chat.write("zhang", "新问题：办公室打印机坏了").await;
    let all = chat.tickets().await;
    assert_eq!((all.len(), &all[1]["requester"]["name"]), (2, &json!("agent1")));
    // What they wrote is activity on the channel: the next message goes there first.
    let activity = chat.desk.as_("agent1").await.query("{ viewer { id } }", json!({})).await;
    assert!(activity["viewer"]["id"].is_string());
    chat.desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_about_a_ticket_are_one_thread_that_is_answered_to_the_mailbox_of_requests() {
    let post = MailServer::start("").await;
    let desk = crate::gateways::desk_with_mail(&post).await;
    let admin = desk.as_("admin").await;
    save(&admin, "email", "EMAIL_AUTHENTICATION", json!([{ "name": "authservId", "value": "mx.desk.test" }])).await;
    let mut lmtp = SmtpClient::connect(desk.mail_address(), "LHLO").await;
    let mut deliver = async |headers: &[&str], text: &str| {
        let mail = authenticated_mail("wang@globex.example", headers, text);
        let answer = lmtp.deliver("wang@globex.example", "help@desk.test", &mail).await;
        assert!(answer.starts_with("250 "), "{answer}");
        desk.advance(seconds(1)).await;
    };
    deliver(&["Subject: =?UTF-8?B?5rO156uZIFBMQw==?=", "Message-ID: <p1@globex.example>"], "通讯中断").await;
    let receipt = mails_to(&post, "wang@globex.example").pop().expect("a receipt");
    let header = |mail: &str, name: &str| {
        let line = mail.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:")));
        line.map(|line| line[name.len() + 1..].trim().to_owned()).unwrap_or_default()
    };
    assert_eq!(header(&receipt, "reply-to"), "help@desk.test");
    assert_eq!(header(&receipt, "in-reply-to"), "<p1@globex.example>");
    assert!(receipt.contains("References: <p1@globex.example>\n <"), "the references: {receipt}");
    // An answer to what we sent, and one that only asks again.
    let ours = header(&receipt, "message-id");
    deliver(&["Subject: Re: x", "Message-ID: <p2@globex.example>", &format!("In-Reply-To: {ours}")], "还是不通").await;
    deliver(&["Subject: =?UTF-8?B?5YKs5Y2V?=", "Message-ID: <p3@globex.example>"], "还没有人来？").await;
    let query = "{ tickets(first: 10) { nodes { number chaseCount comments(first: 5) { nodes { body } } } } }";
    let seen = admin.query(query, json!({})).await["tickets"]["nodes"].clone();
    assert_eq!(
        seen,
        json!([{ "number": 1, "chaseCount": 1, "comments": { "nodes": [{ "body": "还是不通" }, { "body": "还没有人来？" }] } }])
    );
    // Another subject is another matter.
    deliver(&["Subject: Second pump", "Message-ID: <p4@globex.example>"], "leaks").await;
    assert_eq!(admin.count_tickets().await, 2);
    // An account for the same address takes over what the contact wrote.
    let account = json!({ "email": "wang@globex.example", "name": "Wang", "roles": ["REQUESTER"] });
    admin.mutate_ok("createUser", "user { name isContact }", account).await;
    let seen = admin.query("{ tickets(first: 1) { nodes { requester { name isContact } } } }", json!({})).await;
    assert_eq!(seen["tickets"]["nodes"][0]["requester"], json!({ "name": "Wang", "isContact": false }));
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_long_after_the_end_is_a_new_request() {
    let chat = Chat::open().await;
    chat.write("li", "3 号刻蚀机报警").await;
    let id = chat.tickets().await[0]["id"].clone();
    chat.mutate("admin", "cancelTicket", json!({ "ticketId": id, "reason": "自行恢复" })).await;
    assert!(chat.last_heard("li").contains("自行恢复"), "{}", chat.last_heard("li"));
    let days_kept = chat.desk.app.state::<intake::model::Settings>().reopen_within_days;
    chat.desk.advance(days(days_kept) + minutes(1)).await;
    chat.write("li", "又报警了").await;
    assert_eq!(chat.tickets().await.len(), 2);
    chat.desk.close().await;
}
