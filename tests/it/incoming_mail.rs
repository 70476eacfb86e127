//! Mails as people, lists and machines write them, through the real listener: what becomes a ticket, what is refused with which reply, and
//! what is kept.

use domain::intake::model::Settings;
use domain::kernel::{days, minutes, seconds};
use sea_orm::{ConnectionTrait as _, Statement};
use tests::providers::MailServer;
use tests::smtp_client::{SmtpClient, authenticated_mail};
use tests::{Desk, Json, json};

use crate::gateways::{desk_with_mail, save, tickets};

const HELP: &str = "help@desk.test";
const AUTHOR: &str = "requester1@desk.test";

async fn start(post: &MailServer) -> Desk {
    let desk = desk_with_mail(post).await;
    let admin = desk.as_("admin").await;
    save(&admin, "email", "EMAIL_AUTHENTICATION", json!([{ "name": "authservId", "value": "mx.desk.test" }])).await;
    desk
}

async fn ticket_id(desk: &Desk) -> Json {
    let query = "{ tickets(first: 1) { nodes { id } } }";
    desk.as_("admin").await.query(query, json!({})).await["tickets"]["nodes"][0]["id"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_mail_by_two_ways_is_one_ticket_without_the_tags_of_gateways() {
    let post = MailServer::start("").await;
    let desk = start(&post).await;
    let mut lmtp = SmtpClient::connect(desk.mail_address(), "LHLO").await;
    let text = "三号泵站停机\r\n请尽快";
    let footer = "三号泵站停机\r\n请尽快\r\n_______________________________________________\r\nhelp mailing list";
    let list =
        ["List-Id: <help.lists.desk.test>", "Precedence: list", "List-Unsubscribe: <mailto:help-leave@desk.test>"];
    let date = "Date: Mon, 02 Mar 2026 08:59:00 +0800";
    for (n, id) in ["Message-ID: <w1@desk.test>", date].into_iter().enumerate() {
        let subject = format!("水泵 {n}");
        let direct = [format!("Subject: [EXTERNAL] {subject}"), id.to_owned()];
        let by_list = [format!("Subject: [help] {subject}"), id.to_owned()];
        for (headers, text) in [(&direct, text), (&by_list, footer), (&direct, text)] {
            let mut headers: Vec<&str> = headers.iter().map(String::as_str).collect();
            if headers[0].contains("[help]") {
                headers.extend(list);
            }
            let mail = authenticated_mail(AUTHOR, &headers, text);
            assert_eq!(lmtp.deliver(AUTHOR, HELP, &mail).await, "250 2.6.0 Taken");
        }
    }
    let titles: Vec<Json> = tickets(&desk).await.iter().map(|ticket| ticket["title"].clone()).collect();
    assert_eq!(json!(titles), json!(["水泵 0", "水泵 1"]));
    // By the list alone it is a request too.
    let mut headers = vec!["Subject: [help] E-722", "Message-ID: <w2@desk.test>"];
    headers.extend(list);
    let mail = authenticated_mail("han@globex.example", &headers, footer);
    assert_eq!(lmtp.deliver("help-bounces@desk.test", HELP, &mail).await, "250 2.6.0 Taken");
    assert_eq!(tickets(&desk).await[2]["title"], "[help] E-722");
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_says_why() {
    let post = MailServer::start("").await;
    let desk = start(&post).await;
    let mut lmtp = SmtpClient::connect(desk.mail_address(), "LHLO").await;
    let report = "Content-Type: multipart/report; report-type=delivery-status; boundary=b";
    for (from, author, headers, text, reply) in [
        (AUTHOR, AUTHOR, &["Auto-Submitted: auto-replied"][..], "x", "554 5.7.1 Automatic replies"),
        (AUTHOR, AUTHOR, &["Precedence: bulk", "List-Unsubscribe: <https://x.example>"], "x", "554 5.7.1 Newsletters"),
        ("", AUTHOR, &[], "x", "554 5.7.1 Mail with an empty return path"),
        ("", "mailer-daemon@desk.test", &[report], "x", "554 5.7.1 Delivery reports"),
        ("buoy@desk.test", "buoy@desk.test", &[], "x", "554 5.7.1 Mail loop"),
        (AUTHOR, AUTHOR, &["Subject:  "], "\r\n", "554 5.7.1 The mail is empty"),
        (
            AUTHOR,
            "boss@desk.test, han@desk.test",
            &[],
            "x",
            "550 5.7.1 MALFORMED: the mail does not name exactly one author",
        ),
    ] {
        let found = lmtp.deliver(from, HELP, &authenticated_mail(author, headers, text)).await;
        assert!(found.starts_with(reply), "{reply}: {found}");
    }
    assert_eq!(tickets(&desk).await.len(), 0);
    // One field of our server for each of its filters.
    let mail = authenticated_mail(AUTHOR, &["Message-ID: <r1@desk.test>"], "停机");
    let mail = mail.replacen(
        "dmarc=pass header.from=desk.test",
        "spf=pass smtp.mailfrom=desk.test\r\nAuthentication-Results: mx.desk.test; dmarc=none\r\nAuthentication-Results: mx.desk.test; dkim=pass (2048-bit key) header.d=desk.test",
        1,
    );
    assert_eq!(lmtp.deliver(AUTHOR, HELP, &mail).await, "250 2.6.0 Taken");
    assert_eq!(tickets(&desk).await.len(), 1);
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_shows_its_own_words_and_administrators_can_read_the_original_for_a_time() {
    let desk = Desk::configured(|config| {
        let intake = config.settings_mut::<Settings>();
        (intake.mail_listen, intake.mail_address) = ("127.0.0.1:0".to_owned(), HELP.to_owned());
        (intake.raw_days, intake.watch_minutes) = (2, 0);
    })
    .await;
    let parts = json!([{ "name": "authservId", "value": "mx.desk.test" }]);
    save(&desk.as_("admin").await, "email", "EMAIL_AUTHENTICATION", parts).await;
    let mut lmtp = SmtpClient::connect(desk.mail_address(), "LHLO").await;
    let request = authenticated_mail(AUTHOR, &["Subject: Pump", "Message-ID: <o1@desk.test>"], "三号泵停机");
    assert!(lmtp.deliver(AUTHOR, HELP, &request).await.starts_with("250"));
    for (id, text) in [
        ("o2", "报警代码如下：\r\n> E-721\r\n> E-722"),
        ("o3", "已更换\r\n\r\nOn Mon, Mar 2, 2026 at 9:00 AM Buoy <buoy@desk.test> wrote:\r\n> 请确认"),
    ] {
        desk.advance(seconds(1)).await;
        let id = format!("Message-ID: <{id}@desk.test>");
        let headers = ["Subject: Re: Pump", "In-Reply-To: <o1@desk.test>", &id];
        assert!(lmtp.deliver(AUTHOR, HELP, &authenticated_mail(AUTHOR, &headers, text)).await.starts_with("250"));
    }
    let comments = tickets(&desk).await[0]["comments"]["nodes"].clone();
    let bodies: Vec<&Json> = comments.as_array().unwrap().iter().map(|comment| &comment["body"]).collect();
    assert_eq!(json!(bodies), json!(["报警代码如下：\n> E-721\n> E-722", "已更换"]));
    let id = ticket_id(&desk).await;
    let query = "query Q($id: ID!) { rawSubmission(ticketId: $id) }";
    let original = async || desk.as_("admin").await.query(query, json!({ "id": id })).await["rawSubmission"].clone();
    let kept = original().await;
    let kept = kept.as_str().unwrap();
    let positions =
        ["[email 2026-03-02T", "Subject: Pump", "> E-722", "wrote:\r\n> 请确认"].map(|part| kept.find(part));
    assert!(positions.iter().all(Option::is_some) && positions.is_sorted(), "{kept}");
    let conn = desk.app.db.read();
    let all = Statement::from_string(conn.get_database_backend(), "select sealed from raw_submission");
    let rows = conn.query_all_raw(all).await.unwrap();
    let sealed: Vec<Vec<u8>> = rows.iter().map(|row| row.try_get("", "sealed").unwrap()).collect();
    assert_eq!(sealed.len(), 3);
    assert!(sealed.iter().all(|one| !one.windows(9).any(|part| part == b"requester")), "it is sealed");
    desk.advance(days(1)).await;
    assert!(original().await.is_string());
    desk.advance(days(1)).await;
    desk.advance(minutes(10)).await;
    assert_eq!(original().await, Json::Null);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_text_says_what_is_left_out_and_a_redaction_deletes_the_original() {
    let post = MailServer::start("").await;
    let desk = start(&post).await;
    let mut lmtp = SmtpClient::connect(desk.mail_address(), "LHLO").await;
    let (subject, text) = ("长".repeat(250), "泵".repeat(25_000));
    let subject_header = format!("Subject: {subject}");
    let mail = authenticated_mail("han@globex.example", &[&subject_header, "Message-ID: <l1@globex.example>"], &text);
    assert!(lmtp.deliver("han@globex.example", HELP, &mail).await.starts_with("250"));
    let ticket = tickets(&desk).await[0].clone();
    assert_eq!(ticket["title"], format!("{}…", "长".repeat(199)));
    let description = ticket["description"].as_str().unwrap();
    assert!(description.starts_with(&format!("{subject}\n\n泵")), "{description}");
    let shown = description.matches('泵').count();
    let note = format!("{} more characters are not shown", 25_000 - shown);
    let note_zh = format!("另有 {} 个字符未显示", 25_000 - shown);
    assert!(description.contains(&note) || description.contains(&note_zh), "{shown}");
    assert!(description.chars().count() <= 20_000);
    let id = ticket_id(&desk).await;
    let admin = desk.as_("admin").await;
    let query = "query Q($id: ID!) { rawSubmission(ticketId: $id) }";
    let original = admin.query(query, json!({ "id": id })).await["rawSubmission"].clone();
    assert!(original.as_str().unwrap().contains(&text), "the whole is kept");
    admin.mutate_ok("redactTicket", "__typename", json!({ "ticketId": id, "texts": ["DESCRIPTION"] })).await;
    assert_eq!(admin.query(query, json!({ "id": id })).await["rawSubmission"], Json::Null);
    desk.advance(seconds(1)).await;
    desk.close().await;
}
