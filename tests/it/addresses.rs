//! Addresses of people: proved before they count, one holder each, one person each.

use domain::kernel::{minutes, seconds};
use tests::providers::{MailServer, Provider};
use tests::smtp_client::{SmtpClient, authenticated_mail};
use tests::{Desk, json};

use crate::gateways::{desk_with_mail, mails_to, save, tickets};

/// The codes that were mailed to an address, in order.
fn codes_to(post: &MailServer, to: &str) -> Vec<String> {
    let subject = |mail: &String| mail.lines().find_map(|line| line.strip_prefix("Subject: ").map(str::to_owned));
    let subjects = mails_to(post, to).iter().filter_map(subject).collect::<Vec<_>>();
    subjects.iter().filter_map(|line| line.strip_suffix(" is your Buoy code").map(str::to_owned)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_counts_once_its_code_was_typed_in_and_has_one_holder() {
    let post = MailServer::start("").await;
    let desk = desk_with_mail(&post).await;
    let parts = json!([{ "name": "authservId", "value": "mx.desk.test" }]);
    save(&desk.as_("admin").await, "email", "EMAIL_AUTHENTICATION", parts).await;
    let (requester, other) = (desk.as_("requester1").await, desk.as_("requester2").await);
    for client in [&requester, &other] {
        client.mutate_ok("saveNotificationPreference", "__typename", json!({ "language": "ENGLISH" })).await;
    }
    let stranger = "stranger@corp.example";
    let bound = json!({ "channel": "EMAIL", "address": "Stranger@corp.example" });
    let terminals = "terminals { address provedAt codeExpiresAt codeFailure }";
    let claimed = requester.mutate_ok("bindTerminal", terminals, bound.clone()).await;
    assert_eq!(
        (&claimed["terminals"][0]["address"], &claimed["terminals"][0]["provedAt"]),
        (&json!(stranger), &json!(null))
    );
    assert!(claimed["terminals"][0]["codeExpiresAt"].is_string(), "{claimed}");
    desk.advance(seconds(0)).await;
    let code = codes_to(&post, stranger).pop().unwrap();

    // Until then nobody is recognised by it, and no message goes there.
    let mut lmtp = SmtpClient::connect(desk.mail_address(), "LHLO").await;
    let write = async |lmtp: &mut SmtpClient, id: &str| {
        let mail =
            authenticated_mail(stranger, &["Subject: Layoffs", &format!("Message-ID: <{id}@corp.example>")], "x");
        assert!(lmtp.deliver(stranger, "help@desk.test", &mail).await.starts_with("250 "));
    };
    write(&mut lmtp, "1").await;
    // The account that only claims the address is not its writer: a contact is.
    assert_eq!(tickets(&desk).await[0]["requester"]["name"], stranger);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let refused = |code: &str| json!({ "channel": "EMAIL", "code": code });
    assert_eq!(requester.refusal("confirmTerminal", refused("12")).await, ("INVALID".into(), "code".into()));
    for _ in 0..5 {
        assert_eq!(requester.refusal("confirmTerminal", refused(wrong)).await, ("INVALID".into(), "code".into()));
    }
    let over = requester.refusal("confirmTerminal", refused(&code)).await;
    assert_eq!(over, ("NOT_FOUND".into(), "channel".into()), "five attempts are counted, though each was refused");
    assert_eq!(other.refusal("confirmTerminal", refused(&code)).await.0, "NOT_FOUND", "the code is of one account");

    // A new code is another one; it ends after ten minutes.
    requester.mutate_ok("bindTerminal", "__typename", bound.clone()).await;
    desk.advance(minutes(10)).await;
    let late = codes_to(&post, stranger).pop().unwrap();
    assert_eq!(requester.refusal("confirmTerminal", refused(&late)).await.0, "NOT_FOUND");
    requester.mutate_ok("bindTerminal", "__typename", bound.clone()).await;
    desk.advance(seconds(0)).await;
    let code = codes_to(&post, stranger).pop().unwrap();
    let proved = requester.mutate_ok("confirmTerminal", terminals, refused(&code)).await;
    assert!(
        proved["terminals"][0]["provedAt"].is_string() && proved["terminals"][0]["codeExpiresAt"].is_null(),
        "{proved}"
    );
    write(&mut lmtp, "2").await;
    assert_eq!(tickets(&desk).await[1]["requester"]["name"], "requester1");

    // Whoever proves it later holds it, and the former holder is told by another address.
    other.mutate_ok("bindTerminal", "__typename", bound.clone()).await;
    desk.advance(seconds(0)).await;
    let code = codes_to(&post, stranger).pop().unwrap();
    other.mutate_ok("confirmTerminal", "__typename", refused(&code)).await;
    desk.advance(seconds(0)).await;
    let left = requester.query("{ terminals { address } }", json!({})).await;
    assert_eq!(left["terminals"], json!([]));
    let told = mails_to(&post, "requester1@desk.test");
    assert!(told.iter().any(|mail| mail.contains("Subject: Your e-mail address was removed")), "{told:?}");
    write(&mut lmtp, "3").await;
    assert_eq!(tickets(&desk).await[2]["requester"]["name"], "requester2");

    // A proved address stays in use until the one that replaces it is proved.
    let next = json!({ "channel": "EMAIL", "address": "other@corp.example", "primary": true });
    let fields = "terminals { address provedAt pendingAddress codeExpiresAt }";
    let waits = other.mutate_ok("bindTerminal", fields, next).await;
    let row = &waits["terminals"][0];
    assert_eq!((&row["address"], &row["pendingAddress"]), (&json!(stranger), &json!("other@corp.example")), "{waits}");
    assert!(row["provedAt"].is_string() && row["codeExpiresAt"].is_string(), "{waits}");
    write(&mut lmtp, "4").await;
    assert_eq!(tickets(&desk).await[3]["requester"]["name"], "requester2");
    desk.advance(seconds(0)).await;
    let code = codes_to(&post, "other@corp.example").pop().unwrap();
    let replaced = other.mutate_ok("confirmTerminal", fields, refused(&code)).await;
    let row = &replaced["terminals"][0];
    assert_eq!((&row["address"], &row["pendingAddress"]), (&json!("other@corp.example"), &json!(null)), "{replaced}");

    // Codes are limited for a person and for an address.
    let mut last = String::new();
    for _ in 0..5 {
        let again = json!({ "channel": "EMAIL", "address": "victim@corp.example" });
        last = requester.mutate("bindTerminal", "userErrors { code }", again).await.to_string();
    }
    assert!(last.contains("LIMIT_EXCEEDED"), "{last}");
    desk.advance(seconds(0)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_everybody_or_of_a_group_is_refused() {
    let provider = Provider::start(|_| (200, json!({ "errcode": 0, "errmsg": "ok" }))).await;
    let address = provider.address.clone();
    let desk = Desk::configured(|config| {
        config.channels.wecom.base_url = address;
        config.channels.wecom.robot_key = "693a91f6".into();
    })
    .await;
    let requester = desk.as_("requester1").await;
    for (channel, address) in
        [("WECOM", "@all"), ("WECOM", "a|b"), ("DINGTALK", "u1,u2"), ("FEISHU", "x\"></at>"), ("SMS", "12")]
    {
        let refused = requester.refusal("bindTerminal", json!({ "channel": channel, "address": address })).await;
        assert_eq!(refused, ("INVALID".into(), "address".into()), "{channel} {address}");
    }
    // A robot writes to a group, which would read the code; an administrator binds the address.
    let refused = requester.refusal("bindTerminal", json!({ "channel": "WECOM", "address": "zhang.san" })).await;
    assert_eq!(refused, ("INVALID".into(), "channel".into()));
    desk.bind_address("agent1", "WECOM", "zhang.san", true).await;
    let id = desk
        .create_ticket("requester1", "<at user_id=\"all\"></at> <a href=\"http://evil.test\">open</a>", json!({}))
        .await;
    let assign = json!({ "ticketId": id, "assigneeId": desk.id("agent1").to_string() });
    desk.as_("admin").await.mutate_ok("assignTicket", "__typename", assign).await;
    desk.advance(seconds(0)).await;
    let text = provider.requests().last().unwrap().json()["text"]["content"].as_str().unwrap().to_owned();
    assert!(text.contains("＜at user_id=\"all\"＞") && !text.contains('<'), "{text}");
    desk.close().await;
}
