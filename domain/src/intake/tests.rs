//! The providers' schemes, with test vectors of their documentation.

mod threads;

use proptest::prelude::*;

use super::decide::callback::{decrypt, encrypt, signature};
use super::decide::{QuarantineLoad, QuarantineUsage, check, has_room};
use super::model::{Gateway, RawRequest, Reason};
use crate::credentials::model::Parts;
use crate::kernel::{Locale, Timestamp, days, hours, minutes};

mod charsets;
mod mail;
mod quotes;
mod texts;

const NONCE: [u8; 16] = [7; 16];

fn parts(given: &[(&str, &str)]) -> Parts {
    Parts(given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

/// <https://github.com/sbzhu/weworkapi_python/blob/master/callback/Sample.py>
fn wecom() -> Parts {
    let key = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C";
    parts(&[("token", "QDG6eK"), ("encodingAesKey", key), ("receiveId", "wx5823bf96d3bd56c7")])
}

const ECHO: &str = "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==";

fn verifying() -> RawRequest {
    let query = [
        ("msg_signature", "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3"),
        ("timestamp", "1409659589"),
        ("nonce", "263014780"),
        ("echostr", ECHO),
    ];
    RawRequest {
        gateway: Gateway::Wecom,
        verifying: true,
        query: query.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        headers: Vec::new(),
        body: Vec::new(),
        source: "203.0.113.1".to_owned(),
        at: Timestamp::from_millis(1_409_659_600_000),
    }
}

#[test]
fn wecom_verification_matches_its_official_sample() {
    let checked = check(&[wecom()], &verifying(), &NONCE, Locale::En).unwrap();
    assert_eq!((checked.reply.body.as_str(), checked.message), ("1616140317555161061", None));
    // The old secret is accepted during the overlap.
    let newer = parts(&[("token", "another"), ("encodingAesKey", "x"), ("receiveId", "y")]);
    assert!(check(&[newer.clone(), wecom()], &verifying(), &NONCE, Locale::En).is_ok());
    assert_eq!(check(&[newer], &verifying(), &NONCE, Locale::En), Err(Reason::SignatureInvalid));
    assert_eq!(check(&[], &verifying(), &NONCE, Locale::En), Err(Reason::NoCredential));
    let other_corp = parts(&[
        ("token", "QDG6eK"),
        ("encodingAesKey", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"),
        ("receiveId", "wx0000000000000000"),
    ]);
    assert_eq!(check(&[other_corp], &verifying(), &NONCE, Locale::En), Err(Reason::DecryptionFailed));
    // The signature is compared with the time of receipt.
    for (delay, passes) in [(minutes(59), true), (hours(2), false)] {
        let raw = RawRequest { at: Timestamp::from_millis(1_409_659_589_000) + delay, ..verifying() };
        assert_eq!(check(&[wecom()], &raw, &NONCE, Locale::En).is_ok(), passes, "{delay:?}");
    }
    let mut changed = verifying();
    changed.query[3].1 = ECHO.replace('P', "Q");
    assert_eq!(check(&[wecom()], &changed, &NONCE, Locale::En), Err(Reason::SignatureInvalid));
}

#[test]
fn an_encrypted_message_decrypts_and_anything_else_fails() {
    let key = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C";
    for message in ["", "success", "泵站三号漏液，请尽快处理", &"长".repeat(500)] {
        let encrypted = encrypt(key, "corp", message, &NONCE).unwrap();
        assert_eq!(decrypt(key, "corp", &encrypted).as_deref(), Ok(message));
        assert_eq!(decrypt(key, "other", &encrypted), Err(Reason::DecryptionFailed));
        let mut broken = encrypted.clone().into_bytes();
        broken[10] ^= 1;
        let broken = String::from_utf8(broken).unwrap();
        assert_ne!(decrypt(key, "corp", &broken).as_deref(), Ok(message));
    }
    for invalid in ["", "AAAA", "!!!!", ECHO] {
        assert_eq!(decrypt(key, "corp", invalid), Err(Reason::DecryptionFailed), "{invalid}");
    }
    assert_eq!(signature("QDG6eK", "1409659589", "263014780", ECHO), "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3");
}

/// The ciphertext of <https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/encrypt-key-encryption-configuration-case>.
#[test]
fn feishu_decryption_matches_its_official_sample() {
    let encrypted = "P37w+VZImNgPEO1RBhJ6RtKl7n6zymIbEG1pReEzghk=";
    assert_eq!(super::decide::feishu_decrypt("test key", encrypted).as_deref(), Ok("hello world"));
    assert_eq!(super::decide::feishu_decrypt("other key", encrypted), Err(Reason::DecryptionFailed));
}

fn mail(auth_results: &[&str], headers: &[&str], text: &str) -> RawRequest {
    let mut lines: Vec<String> =
        auth_results.iter().map(|result| format!("Authentication-Results: {result}")).collect();
    lines.extend(["From: Li Lei <Li.Lei@acme.example>", "To: help@desk.test"].map(str::to_owned));
    lines.extend(headers.iter().map(|header| (*header).to_owned()));
    RawRequest {
        gateway: Gateway::Email,
        verifying: false,
        query: vec![
            ("mailFrom".to_owned(), "li.lei@acme.example".to_owned()),
            ("own".to_owned(), "buoy@desk.test".to_owned()),
        ],
        headers: Vec::new(),
        body: format!("{}\r\n\r\n{text}", lines.join("\r\n")).into_bytes(),
        source: "li.lei@acme.example".to_owned(),
        at: Timestamp::from_millis(1_409_659_600_000),
    }
}

const PASSED: &str = "mx.desk.test; dmarc=pass (p=reject) header.from=acme.example";

fn by_mail(raw: &RawRequest) -> Result<super::model::VerifiedRequest, Reason> {
    check(&[parts(&[("authservId", "mx.desk.test")])], raw, &NONCE, Locale::En)
}

#[test]
fn a_mail_is_accepted_if_our_own_server_authenticated_its_author() {
    let subject = ["Subject: =?UTF-8?B?5rC05rO15ryP5ray?=", "Message-ID: <1@acme.example>"];
    for (auth_results, passes) in [
        (&[PASSED][..], true),
        // Results of other servers are ignored; all of ours are read together.
        (&["mx.evil.example; dmarc=pass header.from=acme.example"], false),
        (&["mx.evil.example; dmarc=pass header.from=acme.example", PASSED], true),
        (&["mx.desk.test; dmarc=fail header.from=acme.example", PASSED], false),
        // DMARC passed for another domain.
        (&["mx.desk.test; dmarc=pass header.from=evil.example"], false),
        // Without a policy, a DKIM signature of the domain or of a parent domain is sufficient.
        (&["mx.desk.test; dmarc=none; dkim=pass header.d=acme.example header.s=x"], true),
        (&["mx.desk.test 1; dkim=pass header.i=@acme.example"], true),
        (&["mx.desk.test; dkim=pass header.d=evil.example"], false),
        (&["mx.desk.test; dkim=fail header.d=acme.example; spf=pass smtp.mailfrom=acme.example"], false),
        (&["mx.desk.test (dmarc=pass header.from=acme.example); none"], false),
        (&["mx.desk.test; dkim/1=pass reason=\"ok; (fine\" header.d=acme.example header.b=\"a=\""], true),
        // Quoted text may be chosen by the sender, and no comment begins in it.
        (
            &[
                "mx.desk.test; spf=pass smtp.mailfrom=\"x; dkim=pass header.d=acme.example; y(\"@evil.example; dmarc=fail header.from=acme.example",
            ],
            false,
        ),
        (&["mx.desk.test; dkim=pass header.d=\"acme.example\""], false),
        // An unreadable header is rejected, and the headers below it are ignored.
        (
            &[
                "mx.desk.test; dkim=pass header.d=acme.example(.evil.example; dmarc=fail header.from=acme.example",
                PASSED,
            ],
            false,
        ),
        (&["mx.desk.test; dkim=pass header.d=acme.example(.evil.example) header.s=x"], false),
        (&["mx.desk.test; dmarc=pass header.from=acme.example; dmarc=fail header.from=acme.example"], false),
        (&[], false),
    ] {
        let checked = by_mail(&mail(auth_results, &subject, "三号泵站"));
        assert_eq!(checked.is_ok(), passes, "{auth_results:?}: {checked:?}");
        assert!(passes || checked == Err(Reason::SignatureInvalid));
    }
    let message = by_mail(&mail(&[PASSED], &subject, "三号泵站\r\n\r\n请尽快")).unwrap().message.unwrap();
    assert_eq!((message.title.as_str(), message.external_id.as_str()), ("水泵漏液", "1@acme.example"));
    assert_eq!(message.sender.as_deref(), Some("li.lei@acme.example"));
    assert_eq!(message.description, "三号泵站\r\n\r\n请尽快".replace("\r\n", "\n"));
    // A mail with two authors cannot be authenticated.
    let mut two = mail(&[PASSED], &[], "x");
    two.body = String::from_utf8(two.body).unwrap().replace("From: Li", "From: b@evil.example, Li").into_bytes();
    assert_eq!(by_mail(&mail(&[PASSED], &["From: boss@acme.example"], "x")), Err(Reason::Malformed));
    assert_eq!(by_mail(&two), Err(Reason::Malformed));
}

#[test]
fn an_automatic_answer_makes_no_ticket() {
    for (header, is_request) in [
        ("Subject: x", true),
        ("Auto-Submitted: no", true),
        ("Auto-Submitted: auto-generated", true),
        ("Auto-Submitted: auto-replied (vacation)", false),
        ("Precedence: bulk", true),
        ("List-Id: <help.acme.example>", true),
        ("X-Autoreply: yes", false),
    ] {
        let checked = by_mail(&mail(&[PASSED], &[header], "E-721")).unwrap();
        assert_eq!(checked.message.is_some(), is_request, "{header}");
        assert_eq!(checked.reply.body.starts_with("250"), is_request, "it is never accepted and dropped: {header}");
    }
    let mut bounce = mail(&[PASSED], &[], "x");
    bounce.query[0].1.clear();
    assert_eq!(by_mail(&bounce).unwrap().message, None);
    let mut own = mail(&[PASSED], &[], "x");
    own.query[1].1 = "li.lei@acme.example".to_owned();
    assert_eq!(by_mail(&own).unwrap().message, None);
}

#[test]
fn the_text_of_a_reply_excludes_the_quoted_message() {
    let reply_headers = [
        "Subject: Re: [TKN-8X9F2Q-L4M7P] 水泵",
        "In-Reply-To: <a@desk.test>",
        "References: <b@desk.test> <a@desk.test>",
    ];
    for (text, own) in [
        ("已更换\n\nOn Monday, Buoy wrote:\n> 请确认\n> 谢谢\n", "已更换"),
        ("已更换\n\n2026年3月2日，Buoy 写道：\n> 请确认\n", "已更换"),
        ("已更换\n\n-----原始邮件-----\n发件人: Buoy\n请确认", "已更换"),
        ("> 请确认\n\n已更换，见下\n", "> 请确认\n\n已更换，见下"),
        ("步骤如下：\n1. 关机\n2. 重启", "步骤如下：\n1. 关机\n2. 重启"),
    ] {
        let message = by_mail(&mail(&[PASSED], &reply_headers, text)).unwrap().message.unwrap();
        assert_eq!((message.own_text.as_deref(), message.description.as_str()), (Some(own), text.trim()));
        assert_eq!(message.token.as_deref(), Some("TKN-8X9F2Q-L4M7P"));
        assert_eq!(message.in_reply_to, ["a@desk.test", "a@desk.test", "b@desk.test"]);
    }
    // Text before and after a picture is one text, and so is text only after a picture.
    let part = |of: &str, text: &str| format!("--b\r\nContent-Type: {of}\r\n\r\n{text}\r\n");
    let kind = ["Subject: x", "Content-Type: multipart/mixed; boundary=b"];
    for (parts, expected) in [
        ([part("text/plain", "before"), part("image/png", "P"), part("text/plain", "behind")], ["before", "behind"]),
        ([part("image/png", "P"), part("text/plain", "words"), part("image/png", "P")], ["words", "words"]),
    ] {
        let message = by_mail(&mail(&[PASSED], &kind, &(parts.concat() + "--b--"))).unwrap().message.unwrap();
        assert!(expected.iter().all(|text| message.description.contains(text)), "{}", message.description);
    }
}

#[test]
fn an_unusual_silence_is_measured_against_gaps_of_the_same_hour() {
    let zone = jiff::tz::TimeZone::get("Asia/Shanghai").unwrap();
    let start = Timestamp::parse("2026-03-02T00:00:00Z").unwrap();
    // A submission every 20 minutes from 08:00 to 20:00.
    let arrivals: Vec<Timestamp> =
        (0..28_u64).flat_map(|day| (0..36_u64).map(move |n| start + days(day) + minutes(20 * n))).collect();
    let silence_at = |now: Timestamp| {
        let before: Vec<Timestamp> = arrivals.iter().copied().filter(|at| *at <= now).collect();
        super::decide::silence(&before, now, &zone).unwrap()
    };
    let noon = start + days(27) + hours(4);
    let silence_after =
        |elapsed| super::decide::silence(&arrivals[..arrivals.len() - 23], noon + elapsed, &zone).unwrap();
    assert_eq!(silence_at(noon).usual_secs, Some(1_200));
    assert_eq!(
        [minutes(19), minutes(26), hours(2)].map(|elapsed| silence_after(elapsed).is_unusual),
        [false, true, true]
    );
    // The long gap at night is usual.
    let evening = silence_at(start + days(27) + hours(20));
    assert_eq!((evening.usual_secs, evening.is_unusual), (Some(44_400), false));
    // Too few gaps: nothing is unusual.
    let few = super::decide::silence(&arrivals[..10], start + days(3), &zone).unwrap();
    assert_eq!((few.usual_secs, few.is_unusual), (None, false));
    assert_eq!(super::decide::silence(&[], noon, &zone), None);
}

#[test]
fn feishu_rich_text_becomes_plain_text() {
    let content = serde_json::json!({ "title": "水泵", "content": [
        [{ "tag": "text", "text": "三号" }, { "tag": "a", "text": "图", "href": "https://x.example" }],
        [{ "tag": "at", "user_name": "李雷" }],
    ] });
    assert_eq!(super::decide::feishu_plain_text(&content), "水泵\n三号图 (https://x.example)\n李雷");
    let by_language = serde_json::json!({ "zh_cn": content });
    assert_eq!(super::decide::feishu_plain_text(&by_language), "水泵\n三号图 (https://x.example)\n李雷");
}

#[test]
fn the_note_on_attachments_is_in_the_language_of_the_organisation() {
    let text = "--b\r\nContent-Type: text/plain\r\n\r\nSee the photo\r\n--b\r\nContent-Type: image/png\r\n\
                Content-Disposition: attachment; filename=\"pump.png\"\r\n\r\nx\r\n--b--\r\n";
    let headers = ["Message-ID: <9@acme.example>", "Content-Type: multipart/mixed; boundary=b"];
    let raw = mail(&[PASSED], &headers, text);
    let mail_server = parts(&[("authservId", "mx.desk.test")]);
    for (locale, note) in
        [(Locale::En, "(Attachments not saved: pump.png)"), (Locale::ZhCn, "（附件未保存：pump.png）")]
    {
        let checked = check(std::slice::from_ref(&mail_server), &raw, &NONCE, locale).unwrap();
        assert_eq!(checked.message.unwrap().description, format!("See the photo\n\n{note}"));
    }
}

#[test]
fn the_quarantine_is_bounded_by_source_gateway_and_in_all() {
    const MIB: u64 = 1024 * 1024;
    let usage = |submissions, bytes| QuarantineUsage { submissions, bytes };
    let load = |source, gateway, total_bytes| QuarantineLoad { source, gateway, total_bytes };
    let (none, signature) = (usage(0, 0), Reason::SignatureInvalid);
    for (reason, load, bytes, expected) in [
        (signature, load(none, none, 0), MIB, true),
        (signature, load(usage(1_999, 0), none, 0), 1, true),
        (signature, load(usage(2_000, 0), none, 0), 1, false),
        (signature, load(usage(1, 128 * MIB - 1), none, 0), 1, true),
        (signature, load(usage(1, 128 * MIB - 1), none, 0), 2, false),
        (signature, load(none, usage(10_000, 0), 0), 1, false),
        (signature, load(none, usage(1, 512 * MIB), 0), 1, false),
        (signature, load(none, none, 1024 * MIB), 1, false),
        // Without a credential there is little room.
        (Reason::NoCredential, load(usage(19, 0), usage(99, 0), 0), 1_000, true),
        (Reason::NoCredential, load(usage(20, 0), none, 0), 1_000, false),
        (Reason::NoCredential, load(none, usage(100, 0), 0), 1_000, false),
        (Reason::NoCredential, load(usage(1, MIB / 2), none, 0), 1_000, false),
        (Reason::NoCredential, load(none, usage(1, 2 * MIB), 0), 1_000, false),
    ] {
        assert_eq!(has_room(reason, &load, bytes), expected, "{reason:?} {load:?} {bytes}");
    }
}

#[test]
fn a_stored_request_is_read_as_older_programs_wrote_it() {
    let raw = RawRequest { body: vec![0, 159, 255], ..verifying() };
    let mut stored = serde_json::to_value(&raw).unwrap();
    assert_eq!(stored["body"], "base64:AJ//");
    assert_eq!(serde_json::from_value::<RawRequest>(stored.clone()).unwrap(), raw);
    stored["body"] = "009fff".into();
    assert_eq!(serde_json::from_value::<RawRequest>(stored).unwrap(), raw);
}

/// A mail with its pieces repeated, cut and replaced, as broken programs and attackers send them.
fn broken_mail() -> impl Strategy<Value = Vec<u8>> {
    let whole = mail(
        &["mx.desk.test; dmarc=pass header.from=acme.example"],
        &[
            "Subject: =?GB18030?B?sb3JzA==?= E-721",
            "Message-ID: <m1@acme.example>",
            "MIME-Version: 1.0",
            "Content-Type: multipart/mixed; boundary=\"b\"",
        ],
        "--b\r\nContent-Type: text/html; charset=utf-7\r\n\r\n<p>漏<br>\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\nAA==\r\n--b--\r\n",
    );
    let length = whole.body.len();
    let change = (0..length, 0..length, proptest::collection::vec(any::<u8>(), 0..8));
    proptest::collection::vec(change, 0..6).prop_map(move |changes| {
        let mut body = whole.body.clone();
        for (from, to, inserted) in changes {
            let from = from.min(body.len());
            let to = to.clamp(from, body.len()).min(from + 40);
            body.splice(from..to, inserted);
        }
        body
    })
}

proptest! {
    #[test]
    fn no_mail_makes_its_check_panic(body in broken_mail()) {
        let secret = parts(&[("authservId", "mx.desk.test")]);
        let _ = check(&[secret], &RawRequest { body, ..mail(&[], &[], "") }, &NONCE, Locale::ZhCn);
    }

    #[test]
    fn no_callback_makes_its_check_panic_or_passes(
        body in prop_oneof![proptest::collection::vec(any::<u8>(), 0..300), "\\{\"encrypt\": \"[A-Za-z0-9+/=]{0,90}\"\\}".prop_map(String::into_bytes)],
        query in proptest::collection::vec(("timestamp|nonce|msg_signature|signature|sign|echostr", "[0-9a-zA-Z+/=]{0,64}"), 0..6),
        verifying in any::<bool>(),
    ) {
        for gateway in [Gateway::Wecom, Gateway::Dingtalk, Gateway::Feishu, Gateway::Api, Gateway::Web] {
            let raw = RawRequest { gateway, verifying, query: query.clone(), body: body.clone(), ..self::verifying() };
            prop_assert!(check(&[wecom()], &raw, &NONCE, Locale::En).is_err(), "{gateway:?}");
        }
    }
}
