//! Who wrote a mail, whether it is a request, and its subject.

use super::super::decide::parse_subject;
use super::super::model::{RawRequest, Reason};
use super::{PASSED, by_mail, mail};

/// A mail with these header fields on top, as they are.
fn mail_with_top(top: &[&str]) -> RawRequest {
    let raw = mail(&[], &["Subject: E-721"], "x");
    let body = String::from_utf8(raw.body).unwrap();
    RawRequest { body: format!("{}\r\n{body}", top.join("\r\n")).into_bytes(), ..raw }
}

#[test]
fn all_results_of_our_own_server_are_read_together() {
    const SPF: &str = "Authentication-Results: mx.desk.test; spf=pass (sender is ok) smtp.mailfrom=acme.example";
    const ARC: &str = "Authentication-Results: mx.desk.test; arc=none";
    const NO_POLICY: &str = "Authentication-Results: mx.desk.test; dmarc=none (p=none) header.from=acme.example";
    const DKIM: &str = "Authentication-Results: mx.desk.test;\r\n\tdkim=pass (2048-bit key; secure) header.d=acme.example header.i=@acme.example";
    const DMARC: &str = "Authentication-Results: mx.desk.test; dmarc=pass (p=reject dis=none) header.from=acme.example";
    const FAILED: &str = "Authentication-Results: mx.desk.test; dmarc=fail header.from=acme.example";
    const BROKEN: &str = "Authentication-Results: mx.desk.test; spf=pass (never closed";
    const FOREIGN: &str = "Authentication-Results: mx.evil.example; dmarc=fail header.from=acme.example";
    const INNER: &str = "Received: from mx.desk.test by store.desk.test with LMTP; Mon, 30 Nov 2026 10:00:02 +0800";
    const OWN: &str = "Received: from mail.acme.example (mail.acme.example [192.0.2.1])\r\n\tby mx.desk.test (Postfix) with ESMTPS id 1; Mon, 30 Nov 2026 10:00:01 +0800";
    const THEIRS: &str = "Received: from pc by mail.acme.example; Mon, 30 Nov 2026 10:00:00 +0800";
    for (top, passes) in [
        (&[NO_POLICY, DKIM][..], true),
        (&[DKIM, NO_POLICY], true),
        (&[NO_POLICY], false),
        (&[SPF, DMARC], true),
        (&[ARC, SPF, DKIM, NO_POLICY], true),
        (&[SPF, ARC], false),
        (&[FAILED, DKIM], false),
        (&[DKIM, FAILED], false),
        (&[DMARC, FAILED], false),
        // What cannot be read may be anything; what is of another server is nothing.
        (&[DMARC, BROKEN], false),
        (&[BROKEN, DMARC], false),
        (&[FOREIGN, DMARC], true),
        (&[DMARC, FOREIGN], true),
        (&["Authentication-Results: mx.evil.example; spf=pass (never closed", DMARC], true),
        // Other fields between them are no reason to stop.
        (&["Return-Path: <li.lei@acme.example>", SPF, "X-Spam: no", "Received-SPF: pass", DMARC], true),
        // Below the field of our servers' inner hops stand ours; below ours stands what came with the mail.
        (&[INNER, DMARC], true),
        (&[INNER, OWN, DKIM, NO_POLICY, THEIRS], true),
        (&[NO_POLICY, OWN, DKIM], false),
        (&[NO_POLICY, THEIRS, DMARC], false),
        (&[SPF, THEIRS, DMARC], false),
        // A filter before the queue writes above our own Received.
        (&[SPF, OWN, DKIM, NO_POLICY], true),
        (&[SPF, OWN, FAILED], false),
        (&[SPF, OWN, THEIRS, DMARC], false),
        (&[SPF, OWN, OWN, DMARC], false),
    ] {
        let checked = by_mail(&mail_with_top(top));
        assert_eq!(checked.is_ok(), passes, "{top:?}: {checked:?}");
        assert!(passes || checked == Err(Reason::SignatureInvalid));
    }
}

#[test]
fn results_are_read_as_their_grammar_has_them() {
    for (results, passes) in [
        ("mx.desk.test;dkim=pass header.d=acme.example", true),
        ("mx.desk.test; dkim=pass(good) header.d=acme.example;", true),
        (
            "(a) mx.desk.test (b) 1 (c); (d) dkim (e) / (f) 1 (g) = (h) pass (i) header (j) . (k) d (l) = (m) acme.example (n)",
            true,
        ),
        ("MX.Desk.Test; DKIM=Pass Header.D=ACME.example", true),
        ("\"mx.desk.test\"; dkim=pass reason=\"a \\\" b\" header.d=acme.example", true),
        ("mx.desk.test; spf=pass smtp.mailfrom=prvs=123=li.lei@acme.example; dkim=pass header.d=acme.example", true),
        ("mx.desk.test; dkim=fail header.d=acme.example; dkim=pass header.d=acme.example header.b=a/b+c=", true),
        ("mx.desk.test; dkim=pass header.i=@mail.other.example header.d=acme.example", true),
        // Exchange: the domain has no policy, and would pass.
        (
            "mx.desk.test; spf=pass; dkim=none; dmarc=bestguesspass action=none header.from=acme.example;compauth=pass reason=109",
            true,
        ),
        ("mx.desk.test; dmarc=bestguesspass action=none header.from=other.example", false),
        ("mx.desk.test; dmarc=bestguesspass", false),
        ("mx.desk.test; dmarc=temperror header.from=acme.example; dkim=pass header.d=acme.example", false),
        ("mx.desk.test; dkim=pass header.d=me.example", false),
        ("mx.desk.test; dkim=pass header.d=example.acme.example", false),
        ("mx.desk.test; dkim=none header.d=acme.example", false),
        ("mx.desk.test; dkim=pass (header.d=acme.example)", false),
        ("mx.desk.test; none", false),
        ("mx.desk.test", false),
        ("mx.desk.test x; dkim=pass header.d=acme.example", false),
        ("mx.desk.test.evil.example; dkim=pass header.d=acme.example", false),
        ("mx.desk.test; dkim=pass header.d=acme.example; =", false),
        ("mx.desk.test; dkim=pass header.d=acme.example; spf=pass smtp.mailfrom=\"open", false),
    ] {
        let checked = by_mail(&mail(&[results], &["Subject: E-721"], "x"));
        assert_eq!(checked.is_ok(), passes, "{results}: {checked:?}");
    }
    // Octets in no encoding do not hide a result of our own.
    let mut raw = mail(&["mx.desk.test; dmarc=fail (\u{1}) header.from=acme.example", PASSED], &[], "x");
    let at = raw.body.iter().position(|byte| *byte == 1).unwrap();
    raw.body[at] = 0xff;
    assert_eq!(by_mail(&raw), Err(Reason::SignatureInvalid));
}

#[test]
fn people_who_write_by_lists_and_machines_that_ask_for_help_make_tickets_and_the_rest_is_told_why() {
    let report = |of: &str| format!("Content-Type: multipart/report; report-type={of}; boundary=b");
    let (delivery, receipt) = (report("delivery-status"), report("\"disposition-notification\""));
    for (headers, refusal) in [
        // Google Groups, Mailman and a distribution group of Exchange.
        (
            &[
                "Precedence: list",
                "List-ID: <help.acme.example>",
                "List-Post: <mailto:help@acme.example>",
                "List-Unsubscribe: <https://groups.example/u>",
            ][..],
            None,
        ),
        (
            &[
                "Precedence: list",
                "List-Id: Help <help.lists.acme.example>",
                "X-Mailman-Version: 2.1.39",
                "Errors-To: help-bounces@acme.example",
            ],
            None,
        ),
        (&["List-Id: <help>", "X-MS-Exchange-Group: help", "X-Auto-Response-Suppress: DR, OOF, AutoReply"], None),
        (
            &["Precedence: bulk", "List-Unsubscribe: <mailto:x@acme.example>", "List-Post: <mailto:help@acme.example>"],
            None,
        ),
        (&["Precedence: bulk", "Auto-Submitted: auto-generated", "Subject: PROBLEM: pump 3 is DOWN"], None),
        (&["Auto-Submitted: auto-generated; owner-email=\"x@acme.example\""], None),
        (&["X-Auto-Response-Suppress: All", "Subject: E-721"], None),
        (&["Disposition-Notification-To: li.lei@acme.example", "Return-Receipt-To: li.lei@acme.example"], None),
        (&["Subject: 自动回复功能异常", "Auto-Submitted: auto-generated"], None),
        (&["Subject: 自动回复：不起作用"], None),
        (&["X-Autoreply: no"], None),
        (&["Auto-Submitted: auto-replied (vacation)"], Some("Automatic replies")),
        (&["Auto-Submitted: auto-replied; owner-email=x@acme.example"], Some("Automatic replies")),
        (&["X-Autorespond: 1"], Some("Automatic replies")),
        (&["Precedence: auto_reply"], Some("Automatic replies")),
        (&["X-MS-Exchange-Inbox-Rules-Loop: li.lei@acme.example"], Some("Automatic replies")),
        (&["Subject: Automatic reply: E-721", "X-Auto-Response-Suppress: All"], Some("Automatic replies")),
        (&["Subject: 自动回复: E-721", "Auto-Submitted: auto-generated"], Some("Automatic replies")),
        (&["Subject: [EXTERNAL] 自动回复：Re: E-721", "X-AutoReply-Of: x"], Some("Automatic replies")),
        (&["Precedence: bulk", "List-Unsubscribe: <https://news.example/u>"], Some("Newsletters")),
        (&["Precedence: bulk", "List-Unsubscribe: <https://news.example/u>", "List-Post: NO"], Some("Newsletters")),
        (&[&delivery], Some("Delivery reports")),
        (&["X-Failed-Recipients: a@acme.example"], Some("Delivery reports")),
        (&[&receipt], Some("Read receipts")),
    ] {
        let checked = by_mail(&mail(&[PASSED], headers, "E-721")).unwrap();
        let refused = checked.message.is_none().then_some(checked.reply.body.as_str());
        assert_eq!(refused.is_some(), refusal.is_some(), "{headers:?}: {refused:?}");
        if let (Some(reply), Some(refusal)) = (refused, refusal) {
            assert!(reply.starts_with("554 5.7.1 ") && reply.contains(refusal), "{headers:?}: {reply}");
        }
    }
    let reply_to = |from: &str, change: &dyn Fn(&mut RawRequest)| {
        let mut raw = mail(&["mx.desk.test; dkim=pass header.d=acme.example"], &["Subject: x"], "x");
        raw.body = String::from_utf8(raw.body).unwrap().replace("Li.Lei@acme.example", from).into_bytes();
        change(&mut raw);
        by_mail(&raw).unwrap().reply.body
    };
    assert!(reply_to("a@acme.example", &|raw| raw.query[0].1.clear()).contains("empty return path"));
    assert!(reply_to("MAILER-DAEMON@acme.example", &|_| {}).contains("Delivery reports"));
    assert!(
        reply_to("Buoy@acme.example", &|raw| raw.query[1].1 = "buoy@acme.example".to_owned()).contains("Mail loop")
    );
}

#[test]
fn an_empty_mail_is_told_that_it_is_empty() {
    for (headers, text, is_request) in [
        (&[][..], "", false),
        (&["Subject:  "], " \r\n\u{a0}\r\n", false),
        (&["Content-Type: text/html"], "<html><body><p>&nbsp;</p></body></html>", false),
        (&["Subject: 停机"], "", true),
        (&[], "停机", true),
        (&["Content-Type: image/png; name=\"pump.png\""], "x", true),
    ] {
        let checked = by_mail(&mail(&[PASSED], headers, text)).unwrap();
        assert_eq!(checked.message.is_some(), is_request, "{headers:?}");
        let says_why = checked.reply.body.starts_with("554 5.7.1 The mail is empty: it has no subject, no text");
        assert_eq!(says_why, !is_request, "{}", checked.reply.body);
    }
}

#[test]
fn subjects_lose_the_tags_of_gateways_and_are_compared_without_prefixes() {
    // Subject; title; what is compared.
    for (subject, title, key) in [
        ("水泵漏液", "水泵漏液", "水泵漏液"),
        ("[EXTERNAL] 水泵漏液", "水泵漏液", "水泵漏液"),
        ("[EXT]水泵漏液", "水泵漏液", "水泵漏液"),
        ("[外部] 水泵漏液", "水泵漏液", "水泵漏液"),
        ("【外部邮件】水泵漏液", "水泵漏液", "水泵漏液"),
        ("[外部邮件，请注意] 水泵漏液", "[外部邮件，请注意] 水泵漏液", "[外部邮件，请注意] 水泵漏液"),
        ("[SUSPICIOUS] 水泵漏液", "水泵漏液", "水泵漏液"),
        ("[可疑]水泵漏液", "水泵漏液", "水泵漏液"),
        ("***SPAM*** 水泵漏液", "水泵漏液", "水泵漏液"),
        ("[CAUTION: External Email] 水泵漏液", "水泵漏液", "水泵漏液"),
        ("(External) 水泵漏液", "水泵漏液", "水泵漏液"),
        ("EXTERNAL: 水泵漏液", "水泵漏液", "水泵漏液"),
        ("水泵漏液 [EXTERNAL]", "水泵漏液", "水泵漏液"),
        ("Re: [EXTERNAL] Re: 水泵漏液", "Re: Re: 水泵漏液", "水泵漏液"),
        ("[EXTERNAL] RE[2]: 水泵漏液", "RE[2]: 水泵漏液", "水泵漏液"),
        ("回复：[外部]答复: 转发：水泵漏液", "回复：答复: 转发：水泵漏液", "水泵漏液"),
        ("FW: Pump 3", "FW: Pump 3", "pump 3"),
        ("Fwd: WG: Pump 3", "Fwd: WG: Pump 3", "pump 3"),
        // What is the author's own stays.
        ("[PLC-3] 停机", "[PLC-3] 停机", "[plc-3] 停机"),
        ("[外部泵站] 停机", "[外部泵站] 停机", "[外部泵站] 停机"),
        ("[WARNING] 停机", "[WARNING] 停机", "[warning] 停机"),
        ("External: the cover is broken", "External: the cover is broken", "external: the cover is broken"),
        ("(3号) 停机", "(3号) 停机", "(3号) 停机"),
        ("12:30 停机", "12:30 停机", "12:30 停机"),
        ("[EXTERNAL]", "", ""),
    ] {
        let parsed = parse_subject(subject);
        assert_eq!((parsed.title.as_str(), parsed.key.as_str()), (title, key), "{subject}");
    }
    assert_eq!(parse_subject("[help] Re: [PLC-3] 停机").bare_key, "停机");
    let kind = |subject: &str| (parse_subject(subject).is_reply, parse_subject(subject).is_forward);
    assert_eq!(
        ["Re: a", "答复：a", "FW: a", "转发：Re: a", "Re: Fw: a", "a"].map(kind),
        [(true, false), (true, false), (false, true), (false, true), (true, false), (false, false)]
    );
    let title = |subject: &str| by_mail(&mail(&[PASSED], &[subject], "停机\r\nE-721")).unwrap().message.unwrap().title;
    assert_eq!(title("Subject: [EXTERNAL] =?UTF-8?B?5rC05rO1?="), "水泵");
    assert_eq!(title("Subject: [EXTERNAL]"), "[EXTERNAL]");
    assert_eq!(title("X-Subject: none"), "停机");
}
