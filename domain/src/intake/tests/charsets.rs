//! Encodings: as declared, wrongly declared, and not declared at all.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use encoding_rs::{BIG5, Encoding, GB18030, UTF_8};

use super::super::model::{Message, RawRequest};
use super::{PASSED, by_mail, mail};

const TEXT: &str = "三号泵站的水泵漏液，请尽快派人处理。报警代码 E-721";
const TRADITIONAL: &str = "三號泵站的水泵漏液，請盡快派人處理。報警代碼 E-721";

fn encode(text: &str, encoding: &'static Encoding) -> Vec<u8> {
    let (octets, _, had_errors) = encoding.encode(text);
    assert!(!had_errors, "{text}");
    octets.into_owned()
}

/// A mail with these octets in place of `@@` in the headers or of the whole text.
fn read(headers: &[&str], octets: &[u8], text: &[u8]) -> Message {
    let raw = mail(&[PASSED], headers, "");
    let mut body = raw.body;
    if let Some(at) = body.windows(2).position(|two| two == b"@@") {
        body.splice(at..at + 2, octets.iter().copied());
    }
    body.extend_from_slice(text);
    by_mail(&RawRequest { body, ..raw }).unwrap().message.unwrap()
}

#[test]
fn a_body_is_read_in_its_encoding_whatever_is_declared() {
    let (gbk, big5, utf8) = (encode(TEXT, GB18030), encode(TRADITIONAL, BIG5), TEXT.as_bytes().to_vec());
    let utf16: Vec<u8> = TEXT.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (content_type, octets, text) in [
        ("text/plain", &gbk, TEXT),
        ("text/plain", &big5, TRADITIONAL),
        ("text/plain", &utf8, TEXT),
        ("text/plain; charset=ansi", &gbk, TEXT),
        ("text/plain; charset=us-ascii", &gbk, TEXT),
        ("text/plain; charset=us-ascii", &utf8, TEXT),
        ("text/plain; charset=unknown-8bit", &big5, TRADITIONAL),
        ("text/plain; charset=gb2312", &gbk, TEXT),
        ("text/plain; charset=GB_2312-80", &gbk, TEXT),
        ("text/plain; charset=x-gbk", &gbk, TEXT),
        ("text/plain; charset=cp936", &gbk, TEXT),
        ("text/plain; charset=\"MS936\"", &gbk, TEXT),
        ("text/plain; charset=windows-936", &gbk, TEXT),
        ("text/plain; charset=GB18030", &gbk, TEXT),
        ("text/plain; charset=cp950", &big5, TRADITIONAL),
        ("text/plain; charset=big5-hkscs", &big5, TRADITIONAL),
        ("text/plain; charset=utf8", &utf8, TEXT),
        ("text/plain; charset=utf-16le", &utf16, TEXT),
        // Declared wrongly.
        ("text/plain; charset=utf-8", &gbk, TEXT),
        ("text/plain; charset=gb2312", &utf8, TEXT),
        ("text/plain; charset=iso-8859-1", &utf8, TEXT),
        ("text/plain; charset=iso-8859-1", &gbk, TEXT),
        ("text/plain; charset=no-such-charset", &gbk, TEXT),
    ] {
        let kind = format!("Content-Type: {content_type}");
        assert_eq!(read(&[&kind], b"", octets).description, text, "{content_type}");
        let encoded = STANDARD.encode(octets);
        let transfer = [kind.as_str(), "Content-Transfer-Encoding: base64"];
        assert_eq!(read(&transfer, b"", encoded.as_bytes()).description, text, "{content_type} in base64");
        let quoted: String = octets.iter().map(|octet| format!("={octet:02X}")).collect();
        let transfer = [kind.as_str(), "Content-Transfer-Encoding: quoted-printable"];
        assert_eq!(read(&transfer, b"", quoted.as_bytes()).description, text, "{content_type} in quoted-printable");
    }
    // Accented letters are no Chinese, and one broken octet does not make it of UTF-8.
    let latin = b"caf\xe9 ferm\xe9, 5 \xb0C";
    assert_eq!(read(&["Content-Type: text/plain; charset=iso-8859-1"], b"", latin).description, "café fermé, 5 °C");
    assert_eq!(read(&["X: y"], b"", latin).description, "café fermé, 5 °C");
    let broken = [TEXT.as_bytes(), b"\xff"].concat();
    assert_eq!(read(&["X: y"], b"", &broken).description, format!("{TEXT}\u{fffd}"));
}

#[test]
fn seven_bit_encodings_are_read_or_left_as_they_are() {
    // RFC 1843, section 2, and a tilde.
    let sample = b"This sentence is in ASCII.~~\r\nThe next sentence is in GB.~{<:Ky2;S{#,NpJ)l6HK!#~}Bye.";
    let kind = ["Content-Type: text/plain; charset=hz-gb-2312"];
    assert_eq!(
        read(&kind, b"", sample).description,
        "This sentence is in ASCII.~\nThe next sentence is in GB.己所不欲，勿施於人。Bye."
    );
    for broken in [&b"~{"[..], b"~{;", b"~{;(", b"a~", b"~{\n~}x", b"~}x"] {
        read(&["Subject: x", kind[0]], b"", broken);
    }
    // UTF-7 is not supported: it stays readable as it was sent.
    let utf7 = read(&["Content-Type: text/plain; charset=utf-7"], b"", b"Pump 3 +ZeVnLGqe-");
    assert_eq!(utf7.description, "Pump 3 +ZeVnLGqe-");
}

#[test]
fn markup_may_name_its_own_charset() {
    let page = |charset: &str, text: &str| format!("<html><head><meta {charset}></head><body>{text}</body></html>");
    for (charset, encoding, text) in [
        ("charset=\"gbk\"", GB18030, TEXT),
        ("http-equiv=Content-Type content=\"text/html; charset=gb2312\"", GB18030, TEXT),
        ("charset='big5'", BIG5, TRADITIONAL),
        ("charset=utf-8", UTF_8, TEXT),
        // Wrong, or nothing.
        ("charset=utf-8", GB18030, TEXT),
        ("name=x", GB18030, TEXT),
    ] {
        let octets = encode(&page(charset, text), encoding);
        assert_eq!(read(&["Content-Type: text/html"], b"", &octets).description, text, "{charset}");
    }
}

#[test]
fn subjects_and_names_are_decoded_as_programs_write_them() {
    let word = |octets: &[u8], charset: &str| format!("=?{charset}?B?{}?=", STANDARD.encode(octets));
    let q = |octets: &[u8]| octets.iter().map(|octet| format!("={octet:02X}")).collect::<String>();
    let (utf8, gbk) = ("请尽快".as_bytes(), encode("请尽快", GB18030));
    let whole = STANDARD.encode(utf8);
    for (subject, expected) in [
        // A character that was cut between two words.
        (format!("{}\r\n {}", word(&utf8[..4], "utf-8"), word(&utf8[4..], "UTF-8")), "请尽快"),
        (format!("{} {}", word(&gbk[..3], "gb2312"), word(&gbk[3..], "GB2312")), "请尽快"),
        (format!("{}{}", word(&utf8[..5], "utf-8"), word(&utf8[5..], "utf-8")), "请尽快"),
        (format!("=?utf-8?Q?{}?=\r\n\t=?utf-8?Q?{}?=", q(&utf8[..2]), q(&utf8[2..])), "请尽快"),
        // The base64 itself was cut.
        (format!("=?utf-8?B?{}?= =?utf-8?B?{}?=", &whole[..5], &whole[5..]), "请尽快"),
        (format!("=?utf-8?B?{}?= =?utf-8?B?{}?=", &whole[..6], &whole[6..]), "请尽快"),
        // Two charsets, and text between.
        (format!("{} {}", word(utf8, "utf-8"), word(&gbk, "gbk")), "请尽快请尽快"),
        (format!("Re: {} E-721", word(utf8, "utf-8*zh-CN")), "Re: 请尽快 E-721"),
        (format!("E-721{}", word(&gbk, "cp936")), "E-721请尽快"),
        ("=?utf-8?Q?Pump_3_?= =?utf-8?Q?=E6=BC=8F?=".to_owned(), "Pump 3 漏"),
        ("=?hz-gb-2312?B?fns7KH59?=".to_owned(), "花"),
        // No encoded words.
        ("a =?= b =?x?= =?utf-8?X?y?= =?utf-8?B?".to_owned(), "a =?= b =?x?= =?utf-8?X?y?= =?utf-8?B?"),
    ] {
        let subject = format!("Subject: {subject}");
        assert_eq!(read(&[&subject], b"", b"x").title, expected, "{subject}");
    }
    // Octets beyond ASCII, without any encoding.
    for (octets, expected) in
        [(utf8.to_vec(), "请尽快"), (gbk.clone(), "请尽快"), (encode("請盡快處理", BIG5), "請盡快處理")]
    {
        assert_eq!(read(&["Subject: @@"], &octets, b"x").title, expected);
    }
    // The author's name, and their address beside it.
    for name in [
        format!("{} {}", word(&utf8[..4], "utf-8"), word(&utf8[4..], "utf-8")),
        format!("\"{}\"", word(&gbk, "gb2312")),
        word(&gbk, "gb2312"),
        "请尽快".to_owned(),
    ] {
        let raw = mail(&[PASSED], &["Subject: x"], "x");
        let body = String::from_utf8(raw.body.clone()).unwrap().replace("Li Lei <", &format!("{name}<"));
        let message = by_mail(&RawRequest { body: body.into_bytes(), ..raw }).unwrap().message.unwrap();
        let found = (message.author_name.as_deref(), message.sender.as_deref());
        assert_eq!(found, (Some("请尽快"), Some("li.lei@acme.example")), "{name}");
    }
}

#[test]
fn names_of_attachments_are_decoded_as_programs_write_them() {
    let percent = |octets: &[u8]| octets.iter().map(|octet| format!("%{octet:02X}")).collect::<String>();
    let (utf8, gbk) = ("水泵.png".as_bytes(), encode("水泵.png", GB18030));
    let word = |octets: &[u8]| format!("=?utf-8?B?{}?=", STANDARD.encode(octets));
    for parameter in [
        "filename=\"水泵.png\"".to_owned(),
        format!("filename*=utf-8''{}", percent(utf8)),
        format!("filename*=GBK'zh'{}", percent(&gbk)),
        format!("filename*0*=gb2312''{};\r\n filename*1*={}", percent(&gbk[..3]), percent(&gbk[3..])),
        format!("filename*1*={}; filename*0*=utf-8''{}; filename=x.png", percent(&utf8[4..]), percent(&utf8[..4])),
        format!("filename=\"{}\r\n {}\"", word(&utf8[..4]), word(&utf8[4..])),
        format!("filename={}", word(utf8)),
    ] {
        let part = format!(
            "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b\r\nContent-Type: image/png; name=\"y.png\"\r\nContent-Disposition: attachment; {parameter}\r\n\r\nP\r\n--b--\r\n"
        );
        let message = read(&["Subject: x", "Content-Type: multipart/mixed; boundary=b"], b"", part.as_bytes());
        assert_eq!(message.description, "x\n\n(Attachments not saved: 水泵.png)", "{parameter}");
    }
}

#[test]
fn more_attachments_than_are_named_are_counted() {
    let part = |n: usize| format!("--b\r\nContent-Type: image/png; name=\"{n}.png\"\r\n\r\nP\r\n");
    let parts: String = (0..25).map(part).collect();
    let message =
        read(&["Subject: x", "Content-Type: multipart/mixed; boundary=b"], b"", (parts + "--b--\r\n").as_bytes());
    assert!(message.description.ends_with(" 18.png, 19.png, … +5)"), "{}", message.description);
}

#[test]
fn flowed_lines_are_joined() {
    for (parameters, text, expected) in [
        ("format=flowed", "Pump 3 is \nleaking.\n\nE-721", "Pump 3 is leaking.\n\nE-721"),
        ("format=flowed; delsp=yes", "三号泵站的水泵 \n漏液。\nE-721", "三号泵站的水泵漏液。\nE-721"),
        ("format=Flowed; DelSp=Yes", "Pump 3 is  \nleaking.", "Pump 3 is leaking."),
        // Stuffed spaces, quotes and signatures.
        ("format=flowed", " From here\n  indented\n> quoted \n> line\nown", "From here\n indented\n> quoted line\nown"),
        ("format=flowed", "x \n-- \nLi", "x\n--\nLi"),
        ("charset=utf-8", "a \nb", "a \nb"),
    ] {
        let kind = format!("Content-Type: text/plain; {parameters}");
        assert_eq!(read(&["Subject: x", &kind], b"", text.as_bytes()).description, expected, "{parameters}");
    }
}
