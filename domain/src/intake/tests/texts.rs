//! Texts within their limits, without control characters; and one mail that arrives by two ways.

use super::super::decide::{Excess, Fingerprint, check, excess};
use super::super::model::{Gateway, Message, RAW_BYTES_MAX, RAW_TOTAL_BYTES_MAX, RawRequest};
use super::{NONCE, PASSED, by_mail, mail, parts};
use crate::kernel::{Locale, Timestamp};

fn read(headers: &[&str], text: &str) -> Message {
    by_mail(&mail(&[PASSED], headers, text)).unwrap().message.unwrap()
}

/// A form, as the public page sends it.
fn form(title: &str, description: &str, locale: Locale) -> Message {
    let secret = [parts(&[("secret", "f")])];
    let at = Timestamp::from_millis(1_409_659_600_000);
    let request = |verifying: bool, body: Vec<u8>| RawRequest {
        gateway: Gateway::Web,
        verifying,
        query: Vec::new(),
        headers: Vec::new(),
        body,
        source: "203.0.113.1".to_owned(),
        at,
    };
    let opened = check(&secret, &request(true, Vec::new()), &NONCE, locale).unwrap().reply.body;
    let pass = serde_json::from_str::<serde_json::Value>(&opened).unwrap()["pass"].clone();
    let filled =
        serde_json::json!({ "pass": pass, "title": title, "description": description, "contact": " 1\u{0}2\u{202e} " });
    check(&secret, &request(false, filled.to_string().into_bytes()), &NONCE, locale).unwrap().message.unwrap()
}

#[test]
fn control_characters_are_removed_from_titles_and_texts_of_all_gateways() {
    for (text, title, description) in [
        ("停\u{0}机\u{7}", "停机", "停机"),
        ("\u{feff}\u{200b}停机\u{200b}\u{200f}", "停机", "停机"),
        ("停\u{202e}机\u{2066}x\u{2069}\u{85}E\u{9b}-721", "停机x", "停机x\nE-721"),
        ("停机\r\n\ta\rb\u{b}c\u{2028}d", "停机", "停机\n\ta\nb\nc\nd"),
        ("👩\u{200d}🔧 停机", "👩\u{200d}🔧 停机", "👩\u{200d}🔧 停机"),
    ] {
        let message = form("", text, Locale::En);
        assert_eq!((message.title.as_str(), message.description.as_str()), (title, description), "{text:?}");
        assert_eq!(message.author_name.as_deref(), Some("12"));
        let encoded: String = text.bytes().map(|octet| format!("={octet:02X}")).collect();
        let headers = [
            &format!("Subject: =?utf-8?Q?{}?=", encoded.replace("=0D=0A", "").replace("=0D", "")),
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: quoted-printable",
        ];
        let message = read(&headers, &encoded);
        assert_eq!(message.description, description, "{text:?}");
        assert!(
            message.title.starts_with(title) && !message.title.chars().any(char::is_control),
            "{:?}",
            message.title
        );
    }
}

#[test]
fn nothing_is_cut_in_silence() {
    let long = "长".repeat(250);
    for (title, text, expected) in [
        (long.as_str(), "停机", format!("{long}\n\n停机")),
        (&long, &format!("{long}\nE-721"), format!("{long}\nE-721")),
        (&long, "", long.clone()),
        ("", &long, long.clone()),
    ] {
        let message = form(title, text, Locale::En);
        assert_eq!(message.title, format!("{}…", "长".repeat(199)));
        assert_eq!((message.description, message.left_out), (expected, 0));
    }
    let exactly = "长".repeat(20_000);
    assert_eq!(form("x", &exactly, Locale::En).description, exactly);
    for (locale, note) in [
        (Locale::En, " more characters are not shown. Administrators can read the original.)"),
        (Locale::ZhCn, " 个字符未显示，原文已留存，管理员可查看。）"),
    ] {
        let message = form("x", &(exactly.clone() + "短"), locale);
        let chars = message.description.chars().count();
        assert!(chars <= 20_000, "{chars}");
        let kept = message.description.chars().filter(|c| *c == '长').count();
        assert_eq!(kept + message.left_out, 20_001);
        assert!(message.description.ends_with(&format!("{}{note}", message.left_out)), "{}", message.left_out);
        // Something is added behind, and the sentence stays true.
        let suffix = "\n\n(web: 12)";
        let (fitted, left_out) = super::super::decide::fit_text(&message.description, message.left_out, suffix, locale);
        assert!(fitted.chars().count() <= 20_000 && fitted.ends_with(&format!("{left_out}{note}{suffix}")));
        assert_eq!(fitted.chars().filter(|c| *c == '长').count() + left_out, 20_001);
        assert_eq!(fitted.matches(note).count(), 1);
    }
    // A reply is cut in the same way, and attachments are named in it too.
    let headers = ["Subject: Re: x", "Content-Type: text/plain; charset=utf-8"];
    let own = read(&headers, &"长".repeat(30_000)).own_text.unwrap();
    assert!(own.chars().count() <= 20_000 && own.ends_with("Administrators can read the original.)"));
}

fn print(headers: &[&str], text: &str) -> (String, Fingerprint) {
    let message = read(headers, text);
    (message.external_id, message.fingerprint.unwrap())
}

#[test]
fn one_mail_by_two_ways_is_recognised_and_another_is_not() {
    const ID: &str = "Message-ID: <1@acme.example>";
    const DATE: &str = "Date: Mon, 30 Nov 2026 10:00:00 +0800";
    const LIST: &str = "List-Id: <help.lists.acme.example>";
    let text = "三号泵站停机\r\n请尽快";
    let footer = "三号泵站停机\r\n请尽快\r\n_______________________________________________\r\nhelp mailing list\r\nhelp@lists.acme.example";
    let groups = "三号泵站停机\r\n请尽快\r\n\r\n-- \r\nYou received this message because you are subscribed to the Google Groups \"help\" group.\r\nTo unsubscribe send an email to help+unsubscribe@acme.example.";
    let banner = "CAUTION: This email originated from outside of your organization.\r\n\r\n三号泵站停机\r\n请尽快";
    let banner_zh = "【外部邮件】请谨慎点击链接\r\n----------\r\n三号泵站停机\r\n请尽快";
    let unknown = "三号泵站停机\r\n请尽快\r\n\r\nACME Ltd. – we move water";
    let wrapped = "三号泵站停机 \r\n\r\n请尽快\r\n";
    for (first, second, same) in [
        ((&["Subject: 水泵", ID][..], text), (&["Subject: 水泵", ID][..], text), true),
        ((&["Subject: 水泵", ID], text), (&["Subject: [EXTERNAL] 水泵", ID], text), true),
        ((&["Subject: 水泵", ID], text), (&["Subject: [外部] 水泵", ID], text), true),
        ((&["Subject: [SUSPICIOUS] 水泵", ID], text), (&["Subject: 水泵", ID], banner), true),
        ((&["Subject: 水泵", ID], text), (&["Subject: [help] 水泵", ID, LIST], footer), true),
        ((&["Subject: 水泵", ID], text), (&["Subject: [help] 水泵", ID], groups), true),
        ((&["Subject: [PLC-3] 水泵", ID], text), (&["Subject: [help] [PLC-3] 水泵", ID, LIST], text), true),
        ((&["Subject: 水泵", ID], banner_zh), (&["Subject: 水泵", ID], wrapped), true),
        ((&["Subject: 水泵", ID, DATE], text), (&["Subject: 水泵", ID, DATE], unknown), true),
        ((&["Subject: 水泵", ID], "三号泵站停机"), (&["Subject: 水泵", ID], "温度过高"), false),
        ((&["Subject: 水泵", ID], "压力 1"), (&["Subject: 水泵", ID], "压力 1\r\n泵停机"), false),
        ((&["Subject: 水泵", ID, DATE], "压力 1"), (&["Subject: 水泵", ID, DATE], "压力 2"), false),
        (
            (&["Subject: 水泵", ID, DATE], text),
            (&["Subject: 水泵", ID, "Date: Mon, 30 Nov 2026 11:00:00 +0800"], text),
            false,
        ),
        ((&["Subject: [PLC-3] 水泵", ID], text), (&["Subject: [PLC-4] 水泵", ID], text), false),
        ((&["Subject: 水泵 3", ID], text), (&["Subject: 水泵 4", ID], text), false),
    ] {
        let ((first_id, first_print), (second_id, second_print)) = (print(first.0, first.1), print(second.0, second.1));
        assert_eq!((first_id.as_str(), second_id.as_str()), ("1@acme.example", "1@acme.example"));
        let recognised = second_print.is_same_as(&first_print.to_stored());
        assert_eq!(recognised, same, "{first:?} {second:?}");
        assert_eq!(first_print.is_same_as(&second_print.to_stored()), same, "the order makes no difference");
        let without = |headers: &[&'static str]| -> Vec<&'static str> {
            headers.iter().copied().filter(|header| *header != ID).collect()
        };
        // Without an id of its own, its author, date, subject and text are it, whatever servers added.
        let (first_id, first_print) = print(&without(first.0), first.1);
        let hops = ["Received: from a by b; Mon, 30 Nov 2026 10:00:07 +0800", "X-Spam-Level: *"];
        let (second_id, second_print) = print(&[&hops[..], &without(second.0)[..]].concat(), second.1);
        let recognised = first_id == second_id && second_print.is_same_as(&first_print.to_stored());
        assert_eq!(recognised, same, "{first:?} {second:?}");
    }
    // Another author, the same words.
    let other = |raw: RawRequest| {
        let body = String::from_utf8(raw.body).unwrap().replace("Li.Lei@", "han@").into_bytes();
        by_mail(&RawRequest { body, ..raw }).unwrap().message.unwrap().fingerprint.unwrap()
    };
    let (_, ours) = print(&["Subject: 水泵", ID], text);
    assert!(!other(mail(&[PASSED], &["Subject: 水泵", ID], text)).is_same_as(&ours.to_stored()));
    // Digests of older programs, and of other gateways.
    for stored in ["", "f1", "f1:::::", &"0".repeat(64)] {
        assert!(!ours.is_same_as(stored), "{stored}");
    }
    // A device without clock and ids says the same on another day.
    let at = |day: u64| {
        let raw = mail(&[PASSED], &["Subject: PLC"], "门开着");
        by_mail(&RawRequest { at: raw.at + crate::kernel::days(day), ..raw }).unwrap().message.unwrap().external_id
    };
    assert_eq!((at(0) == at(0), at(0) == at(1)), (true, false));
}

#[test]
fn the_oldest_originals_give_way() {
    let (web, mail) = (Gateway::Web, Gateway::Email);
    for (usage, gateway, bytes, of_gateway, of_all) in [
        (&[][..], mail, 1, 0, 0),
        (&[(mail, RAW_BYTES_MAX - 1)], mail, 1, 0, 0),
        (&[(mail, RAW_BYTES_MAX)], mail, 7, 7, 0),
        (&[(mail, RAW_BYTES_MAX)], web, 7, 0, 0),
        (&[(mail, RAW_BYTES_MAX), (web, RAW_TOTAL_BYTES_MAX - RAW_BYTES_MAX)], Gateway::Api, 7, 0, 7),
        (&[(mail, RAW_BYTES_MAX), (web, RAW_TOTAL_BYTES_MAX - RAW_BYTES_MAX)], mail, 7, 7, 0),
    ] {
        assert_eq!(excess(usage, gateway, bytes), Excess { of_gateway, of_all }, "{usage:?} {gateway:?}");
    }
}
