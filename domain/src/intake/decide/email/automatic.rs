//! Mails that are no request for help: delivery reports, receipts, automatic answers (RFC 3834,
//! <https://www.rfc-editor.org/rfc/rfc3834>), newsletters, and our own mails. What people write through a list or a group is a request,
//! and so is what a monitoring system generates.

use mail_parser::{HeaderName, Message as Mail, MimeHeaders as _};

use super::subject::Subject;
use crate::intake::model::{MAIL_FROM, OWN_ADDRESS, RawRequest};

/// Headers that only automatic answers have; a value of "no" says that it is none.
const ANSWER_HEADERS: [&str; 9] = [
    "X-Autoreply",
    "X-Autorespond",
    "X-Autoresponder",
    "X-Auto-Reply",
    "X-Auto-Response",
    "X-Autoreply-From",
    "X-Mail-Autoreply",
    "X-MS-Exchange-Inbox-Rules-Loop",
    "X-Vacation",
];
/// How subjects of automatic answers begin, in lower case; a colon, a bracket or the end follows.
const ANSWER_SUBJECTS: [&str; 24] = [
    "automatic reply",
    "auto reply",
    "auto-reply",
    "autoreply",
    "auto response",
    "automatic response",
    "out of office",
    "out of office reply",
    "out of office autoreply",
    "out of the office",
    "vacation reply",
    "自动回复",
    "自动答复",
    "自动回信",
    "外出自动回复",
    "休假自动回复",
    "自動回覆",
    "自動回復",
    "自動答覆",
    "自動返信",
    "automatische antwort",
    "abwesenheitsnotiz",
    "réponse automatique",
    "respuesta automática",
];

/// What is no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AutomaticMail {
    Loop,
    DeliveryReport,
    Receipt,
    Answer,
    Newsletter,
    NoReturnPath,
    Empty,
}

impl AutomaticMail {
    /// The reply to the server that delivers it; the sender's server passes it on.
    pub(super) const fn reply(self) -> &'static str {
        match self {
            Self::Loop => "554 5.7.1 Mail loop: this mail was sent by this system itself. No ticket was created",
            Self::DeliveryReport => "554 5.7.1 Delivery reports create no ticket",
            Self::Receipt => "554 5.7.1 Read receipts create no ticket",
            Self::Answer => "554 5.7.1 Automatic replies (out of office) create no ticket",
            Self::Newsletter => "554 5.7.1 Newsletters and bulk mail create no ticket",
            Self::NoReturnPath => {
                "554 5.7.1 Mail with an empty return path is a bounce or an automatic notice and creates no ticket"
            }
            Self::Empty => {
                "554 5.7.1 The mail is empty: it has no subject, no text and no attachment. No ticket was created"
            }
        }
    }
}

/// Recognises a mail that is no request by its headers and its envelope.
pub(super) fn automatic_mail(
    mail: &Mail<'_>,
    raw: &RawRequest,
    from: &str,
    subject: &Subject,
) -> Option<AutomaticMail> {
    let value = |name: &str| header(mail, name).map(|value| value.trim().to_lowercase());
    let is_set = |name: &str| value(name).is_some_and(|value| value != "no");
    let content_type = mail.content_type();
    let report = content_type
        .filter(|kind| kind.ctype().eq_ignore_ascii_case("multipart"))
        .filter(|kind| kind.subtype().is_some_and(|subtype| subtype.eq_ignore_ascii_case("report")))
        .and_then(|kind| kind.attribute("report-type"))
        .map(str::to_lowercase);
    let is_report_of = |kind: &str| report.as_deref() == Some(kind) || has_part(mail, kind);
    let own = raw.query_param(OWN_ADDRESS);
    if !own.is_empty() && from == own.to_lowercase() {
        return Some(AutomaticMail::Loop);
    }
    if is_report_of("disposition-notification") {
        return Some(AutomaticMail::Receipt);
    }
    let local = from.split('@').next().unwrap_or_default();
    let is_daemon = matches!(local, "mailer-daemon" | "mail-daemon" | "mailerdaemon");
    if is_report_of("delivery-status") || is_daemon || is_set("X-Failed-Recipients") {
        return Some(AutomaticMail::DeliveryReport);
    }
    let submitted = value("Auto-Submitted").unwrap_or_default();
    let precedence = value("Precedence").unwrap_or_default();
    let answers = submitted.starts_with("auto-replied")
        || precedence == "auto_reply"
        || ANSWER_HEADERS.iter().any(|name| is_set(name));
    let says_automatic = (!submitted.is_empty() && !submitted.starts_with("no"))
        || mail.headers().iter().any(|header| header.name().to_lowercase().starts_with("x-auto"));
    if answers || (says_automatic && is_subject_of_answer(&subject.key)) {
        return Some(AutomaticMail::Answer);
    }
    // A list on which people write names the address to write to (RFC 2369, 3.4); a newsletter does not.
    let has_discussion = value("List-Post").is_some_and(|post| !post.starts_with("no"));
    let is_bulk = matches!(precedence.as_str(), "bulk" | "junk");
    if is_bulk && value("List-Unsubscribe").is_some() && !has_discussion {
        return Some(AutomaticMail::Newsletter);
    }
    raw.query_param(MAIL_FROM).is_empty().then_some(AutomaticMail::NoReturnPath)
}

/// The topmost header of this name.
pub(super) fn header<'m>(mail: &'m Mail<'_>, name: &str) -> Option<&'m str> {
    mail.headers_raw().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Whether the mail itself is, or has as a direct part, `message/<kind>`. Reports that people attach are parts of parts.
fn has_part(mail: &Mail<'_>, kind: &str) -> bool {
    let is_it = |headers: &[mail_parser::Header<'_>]| {
        let content_type = headers.iter().find(|header| header.name == HeaderName::ContentType);
        content_type.and_then(|header| header.value.as_content_type()).is_some_and(|of| {
            of.ctype().eq_ignore_ascii_case("message") && of.subtype().is_some_and(|of| of.eq_ignore_ascii_case(kind))
        })
    };
    mail.parts.iter().take(PARTS_LOOKED_AT).any(|part| is_it(&part.headers))
}

/// Parts of a mail in which a report is looked for.
const PARTS_LOOKED_AT: usize = 8;

/// Whether a subject begins as that of an automatic answer. `key`: without prefixes and tags, in lower case.
fn is_subject_of_answer(key: &str) -> bool {
    let key = key.trim_start_matches(['[', '【']);
    ANSWER_SUBJECTS.iter().filter_map(|begins| key.strip_prefix(begins)).any(|rest| {
        let rest = rest.trim_start();
        rest.is_empty() || rest.starts_with([':', '：', ']', '】', '-', '–', '—'])
    })
}
