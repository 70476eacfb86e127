//! E-mail. Whether it is from whom it says is looked at by the organisation's own mail server, which stamps what it found
//! (Authentication-Results, RFC 8601, <https://www.rfc-editor.org/rfc/rfc8601>) and takes away stamps in its name that others
//! brought; here the stamp is read. What machines answer (RFC 3834, <https://www.rfc-editor.org/rfc/rfc3834>) makes no ticket.

use mail_parser::{Address, HeaderValue, Message as Mail, MessageParser, MimeHeaders as _};
use sha2::{Digest as _, Sha256};

use super::written;
use crate::credentials::model::Parts;
use crate::intake::model::{CANARY_HEADER, EXTERNAL_ID_MAX, MAIL_FROM, OWN_ADDRESS, Raw, Reason, Reply, Said};
use crate::tickets::decide::token;

const STAMP: &str = "Authentication-Results";
/// Names of attachments that a ticket lists.
const ATTACHMENTS_MAX: usize = 20;
/// Messages that one is looked up as an answer to.
const ANSWERS_MAX: usize = 20;

pub fn check(parts: &Parts, raw: &Raw) -> Result<Said, Reason> {
    let server = parts.get("authservId").ok_or(Reason::NoCredential)?;
    let mail = MessageParser::default().parse(&raw.body).ok_or(Reason::Malformed)?;
    let from = author(&mail).ok_or(Reason::Malformed)?;
    // One that does not read might be of this server: nothing beneath it counts.
    let stamp = header(&mail, STAMP).map(|text| results(text, server)).find_map(Result::transpose);
    let stamp = stamp.and_then(Result::ok).ok_or(Reason::SignatureInvalid)?;
    if !vouches(&stamp, domain_of(&from)) {
        return Err(Reason::SignatureInvalid);
    }
    if is_automatic(&mail, raw, &from) {
        let reply = "554 5.7.1 An automatic answer, a list or a bounce makes no ticket";
        return Ok(Said { reply: Reply::text(reply), message: None });
    }
    let id = match (header(&mail, CANARY_HEADER).next(), mail.message_id()) {
        (Some(canary), _) => canary.trim().to_owned(),
        (None, Some(id)) if id.len() <= EXTERNAL_ID_MAX => id.to_owned(),
        _ => hex::encode(Sha256::digest(&raw.body)),
    };
    let subject = mail.subject().unwrap_or_default();
    let ids = |ids: &HeaderValue<'_>| match ids.as_text_list() {
        Some(all) => all.iter().map(ToString::to_string).collect(),
        None => ids.as_text().map(str::to_owned).into_iter().collect::<Vec<_>>(),
    };
    // The latest first: what it answers to, then the thread from its end.
    let thread = ids(mail.references()).into_iter().rev();
    let answers: Vec<String> = ids(mail.in_reply_to()).into_iter().chain(thread).take(ANSWERS_MAX).collect();
    let token = subject.split(|c: char| c.is_whitespace() || "[]()#:：【】".contains(c)).find_map(token::parse);
    let bodies: Vec<_> = (0..mail.text_body_count()).filter_map(|n| mail.body_text(n)).collect();
    let whole = bodies.join("\n\n");
    let own = Some(own_words(&whole)).filter(|own| !own.is_empty()).map(str::to_owned);
    let mut text = if whole.trim().is_empty() { subject.to_owned() } else { whole };
    let attached: Vec<&str> =
        mail.attachments().take(ATTACHMENTS_MAX).map(|part| part.attachment_name().unwrap_or("?")).collect();
    if !attached.is_empty() {
        text.push_str(&format!("\n\n(附件未随单保存 attachments, not taken over: {})", attached.join(", ")));
    }
    let mut message = written(&id, Some(&from), &text)?;
    if !subject.trim().is_empty() {
        message.title = written(&id, None, subject)?.title;
    }
    (message.answers, message.token, message.own_words) = (answers, token, own);
    Ok(Said { reply: Reply::text("250 2.6.0 Taken"), message: Some(message) })
}

/// The one who wrote it; several, or nobody, cannot be vouched for.
fn author(mail: &Mail<'_>) -> Option<String> {
    if mail.header_values("From").count() != 1 {
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

/// A stamp that does not keep to its grammar: what stands in it may be another's words.
struct Unreadable;

/// A word of a stamp, and whether a part of it is quoted; or a mark between two.
#[derive(PartialEq)]
enum Token {
    Word(String, bool),
    Mark(char),
}

/// The words and marks of a stamp, without its comments (RFC 5322, 3.2.2: they nest; RFC 8601, 2.2).
fn tokens(stamp: &str) -> Result<Vec<Token>, Unreadable> {
    let (mut all, mut word, mut chars) = (Vec::new(), None::<(String, bool)>, stamp.chars());
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                let (text, quoted) = word.get_or_insert_default();
                *quoted = true;
                loop {
                    match chars.next().ok_or(Unreadable)? {
                        '"' => break,
                        '\\' => text.push(chars.next().ok_or(Unreadable)?),
                        c => text.push(c),
                    }
                }
            }
            // One that stands within a word is no comment of the server's.
            '(' if word.is_none() => {
                let mut depth = 1;
                while depth > 0 {
                    match chars.next().ok_or(Unreadable)? {
                        '(' => depth += 1,
                        ')' => depth -= 1,
                        '\\' => drop(chars.next().ok_or(Unreadable)?),
                        _ => {}
                    }
                }
            }
            '(' | ')' => return Err(Unreadable),
            ';' | '=' => {
                all.extend(word.take().map(|(text, quoted)| Token::Word(text, quoted)));
                all.push(Token::Mark(c));
            }
            c if c.is_whitespace() => all.extend(word.take().map(|(text, quoted)| Token::Word(text, quoted))),
            c => word.get_or_insert_default().0.push(c),
        }
    }
    all.extend(word.map(|(text, quoted)| Token::Word(text, quoted)));
    Ok(all)
}

/// What the stamp of this server says; `None`: it is of another.
fn results(stamp: &str, server: &str) -> Result<Option<Vec<Found>>, Unreadable> {
    let tokens = tokens(stamp)?;
    let mut said = tokens.split(|token| *token == Token::Mark(';'));
    if !matches!(said.next(), Some([Token::Word(by, _), ..]) if by.eq_ignore_ascii_case(server)) {
        return Ok(None);
    }
    let mut found = Vec::new();
    for one in said {
        let mut pairs = Vec::new();
        for pair in one.chunks(3) {
            match pair {
                [Token::Word(name, false), Token::Mark('='), Token::Word(value, quoted)] => {
                    // A quoted value is somebody's own words: no domain is taken from it.
                    let value = if *quoted { String::new() } else { value.to_lowercase() };
                    // A method may name its version: dkim/1.
                    let name = name.split('/').next().unwrap_or_default().to_lowercase();
                    pairs.push((name, value));
                }
                // "none": nothing was looked at.
                [Token::Word(none, false)] if one.len() == 1 && none.eq_ignore_ascii_case("none") => {}
                _ => return Err(Unreadable),
            }
        }
        let mut pairs = pairs.into_iter();
        found.extend(pairs.next().map(|(method, result)| (method, result, pairs.collect())));
    }
    Ok(Some(found))
}

/// DMARC passed for the author's domain; or, where that domain has no policy, a DKIM signature of it or of a domain above it.
fn vouches(found: &[Found], domain: &str) -> bool {
    let of = |properties: &[(String, String)], names: &[&str], exactly: bool| {
        let named = properties.iter().find(|(name, _)| names.contains(&name.as_str()));
        named.is_some_and(|(_, value)| {
            let signed = value.rsplit('@').next().unwrap_or_default();
            let is_domain = !signed.is_empty() && signed.chars().all(|c| c.is_alphanumeric() || "-.".contains(c));
            is_domain && (signed == domain || (!exactly && domain.ends_with(&format!(".{signed}"))))
        })
    };
    let mut dmarc = found.iter().filter(|(method, ..)| method == "dmarc").peekable();
    let has_policy = dmarc.peek().is_some_and(|(_, result, _)| result != "none");
    if has_policy {
        return dmarc.all(|(_, result, properties)| result == "pass" && of(properties, &["header.from"], true));
    }
    found.iter().any(|(method, result, properties)| {
        method == "dkim" && result == "pass" && of(properties, &["header.d", "header.i"], false)
    })
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
