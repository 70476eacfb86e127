//! E-mail. Whether it is from whom it says is looked at by the organisation's own mail server, which stamps what it found
//! (Authentication-Results, RFC 8601, <https://www.rfc-editor.org/rfc/rfc8601>) and takes away stamps in its name that others
//! brought; here the stamp is read. What machines answer (RFC 3834, <https://www.rfc-editor.org/rfc/rfc3834>) makes no ticket.

use mail_parser::{Address, Message as Mail, MessageParser, MimeHeaders as _};
use sha2::{Digest as _, Sha256};

use super::written;
use crate::credentials::model::Parts;
use crate::intake::model::{CANARY, CANARY_HEADER, EXTERNAL_ID_MAX, MAIL_FROM, OWN_ADDRESS, Raw, Reason, Reply, Said};
use crate::tickets::decide::token;

const STAMP: &str = "Authentication-Results";
/// Names of attachments that a ticket lists.
const ATTACHMENTS_MAX: usize = 20;

pub fn check(parts: &Parts, raw: &Raw) -> Result<Said, Reason> {
    let server = parts.get("authservId").ok_or(Reason::NoCredential)?;
    let mail = MessageParser::default().parse(&raw.body).ok_or(Reason::Malformed)?;
    let from = author(&mail).ok_or(Reason::Malformed)?;
    let stamp = header(&mail, STAMP).find_map(|text| results(text, server)).ok_or(Reason::SignatureInvalid)?;
    if !vouches(&stamp, domain_of(&from)) {
        return Err(Reason::SignatureInvalid);
    }
    if is_automatic(&mail, raw, &from) {
        let reply = "554 5.7.1 An automatic answer, a list or a bounce makes no ticket";
        return Ok(Said { reply: Reply::text(reply), message: None });
    }
    let id = match (header(&mail, CANARY_HEADER).next(), mail.message_id()) {
        (Some(canary), _) => format!("{CANARY}{}", canary.trim()),
        (None, Some(id)) if id.len() <= EXTERNAL_ID_MAX => id.to_owned(),
        _ => hex::encode(Sha256::digest(&raw.body)),
    };
    let subject = mail.subject().unwrap_or_default();
    let answers: Vec<String> = [mail.in_reply_to(), mail.references()]
        .into_iter()
        .flat_map(|ids| match ids.as_text_list() {
            Some(all) => all.iter().map(ToString::to_string).collect(),
            None => ids.as_text().map(str::to_owned).into_iter().collect::<Vec<_>>(),
        })
        .collect();
    let token = subject.split(|c: char| c.is_whitespace() || "[]()#:：【】".contains(c)).find_map(token::parse);
    let whole = mail.body_text(0).unwrap_or_default();
    let own = if answers.is_empty() { whole.trim() } else { own_words(&whole) };
    let mut text = if own.is_empty() { subject.to_owned() } else { own.to_owned() };
    let attached: Vec<&str> =
        mail.attachments().take(ATTACHMENTS_MAX).map(|part| part.attachment_name().unwrap_or("?")).collect();
    if !attached.is_empty() {
        text.push_str(&format!("\n\n(附件未随单保存 attachments, not taken over: {})", attached.join(", ")));
    }
    let mut message = written(&id, Some(&from), &text)?;
    if !subject.trim().is_empty() {
        message.title = written(&id, None, subject)?.title;
    }
    (message.answers, message.token) = (answers, token);
    Ok(Said { reply: Reply::text("250 2.6.0 Taken"), message: Some(message) })
}

/// The one who wrote it; several, or nobody, cannot be vouched for.
fn author(mail: &Mail<'_>) -> Option<String> {
    if header(mail, "From").count() != 1 {
        return None;
    }
    let Address::List(all) = mail.from()? else { return None };
    let [one] = &all[..] else { return None };
    let address = one.address()?.trim().to_lowercase();
    (!domain_of(&address).is_empty()).then_some(address)
}

fn domain_of(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// The values of a header, the topmost first: what the last server added.
fn header<'m>(mail: &'m Mail<'_>, name: &'static str) -> impl Iterator<Item = &'m str> {
    mail.headers_raw().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// A method, what it found, and on which properties.
type Found = (String, String, Vec<(String, String)>);

/// What the stamp of this server says; `None`: it is of another.
fn results(stamp: &str, server: &str) -> Option<Vec<Found>> {
    let stamp = without_comments(stamp);
    let mut said = stamp.split(';');
    let by = said.next()?.split_whitespace().next()?;
    if !by.trim_matches('"').eq_ignore_ascii_case(server) {
        return None;
    }
    let pair = |text: &str| text.split_once('=').map(|(name, value)| (name.to_lowercase(), unquoted(value)));
    let found = said.filter_map(|one| {
        let mut pairs = one.split_whitespace().filter_map(pair);
        let (method, result) = pairs.next()?;
        Some((method, result, pairs.collect()))
    });
    Some(found.collect())
}

fn unquoted(value: &str) -> String {
    value.trim_matches('"').to_lowercase()
}

fn without_comments(text: &str) -> String {
    let mut depth = 0_usize;
    text.chars()
        .filter(|c| match c {
            '(' => {
                depth += 1;
                false
            }
            ')' => {
                depth = depth.saturating_sub(1);
                false
            }
            _ => depth == 0,
        })
        .collect()
}

/// DMARC passed for the author's domain; or, where that domain has no policy, a DKIM signature of it or of a domain above it.
fn vouches(found: &[Found], domain: &str) -> bool {
    let of = |properties: &[(String, String)], names: &[&str], exactly: bool| {
        let named = properties.iter().find(|(name, _)| names.contains(&name.as_str()));
        named.is_some_and(|(_, value)| {
            let signed = value.rsplit('@').next().unwrap_or_default();
            signed == domain || (!exactly && !signed.is_empty() && domain.ends_with(&format!(".{signed}")))
        })
    };
    let dmarc = found.iter().find(|(method, ..)| method == "dmarc");
    match dmarc.map(|(_, result, properties)| (result.as_str(), properties)) {
        Some(("pass", properties)) => of(properties, &["header.from"], true),
        Some(("none", _)) | None => found.iter().any(|(method, result, properties)| {
            method == "dkim" && result == "pass" && of(properties, &["header.d", "header.i"], false)
        }),
        Some(_) => false,
    }
}

/// A machine answered, or many are written to: no request for help, and an answer to it might go on for ever.
fn is_automatic(mail: &Mail<'_>, raw: &Raw, from: &str) -> bool {
    let value = |name| header(mail, name).next().map(|value| value.trim().to_lowercase());
    let is_canary = header(mail, CANARY_HEADER).next().is_some();
    let own = raw.argument(OWN_ADDRESS);
    // A monitoring system asks for help by itself (auto-generated); whatever answers does not.
    let answers = value("Auto-Submitted").is_some_and(|word| word.starts_with("auto-replied"));
    let bulk = value("Precedence").is_some_and(|word| matches!(word.as_str(), "bulk" | "junk" | "list" | "auto_reply"));
    let listed = ["List-Id", "X-Autoreply", "X-Autorespond"].into_iter().any(|name| value(name).is_some());
    let bounced = raw.argument(MAIL_FROM).is_empty();
    !is_canary && (answers || bulk || listed || bounced || (!own.is_empty() && from == own.to_lowercase()))
}

/// What somebody wrote themselves: what they answered to stands below it, quoted or behind a line.
fn own_words(text: &str) -> &str {
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim();
        let begins =
            ["-----Original Message-----", "-----原始邮件-----", "------------------ 原始邮件", "________________"]
                .iter()
                .any(|mark| bare.starts_with(mark));
        let rest = &text[offset + line.len()..];
        let introduces = bare.ends_with([':', '：'])
            && !rest.trim().is_empty()
            && rest.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('>'));
        let quoted = bare.starts_with('>')
            && rest.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('>'));
        if (begins || introduces || quoted) && !text[..offset].trim().is_empty() {
            return text[..offset].trim();
        }
        offset += line.len();
    }
    text.trim()
}
