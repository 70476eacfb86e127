//! E-mail. The organisation's own mail server authenticates the author and adds its result (Authentication-Results, RFC 8601,
//! <https://www.rfc-editor.org/rfc/rfc8601>); it removes such headers in its name that others added. Here that header is read.
//! Automatic answers (RFC 3834, <https://www.rfc-editor.org/rfc/rfc3834>) become no tickets.

use mail_parser::{Address, HeaderValue, Message as Mail, MessageParser, MimeHeaders as _};
use sha2::{Digest as _, Sha256};

use super::message_of;
use super::quoted_text::strip_quoted;
use super::thread::bare_subject;
use crate::credentials::model::Parts;
use crate::intake::model::{
    CANARY_HEADER, EXTERNAL_ID_MAX, MAIL_FROM, OWN_ADDRESS, RawRequest, Reason, Reply, VerifiedRequest, WriterDetails,
};
use crate::kernel::Locale;
use crate::msg;
use crate::tickets::decide::token;

const AUTH_RESULTS: &str = "Authentication-Results";
/// Attachments listed in a ticket.
const ATTACHMENTS_MAX: usize = 20;
/// Message ids that a reply is looked up by.
const REPLY_IDS_MAX: usize = 20;

pub fn check(parts: &Parts, raw: &RawRequest, locale: Locale) -> Result<VerifiedRequest, Reason> {
    let server = parts.get("authservId").ok_or(Reason::NoCredential)?;
    let mail = MessageParser::default().parse(&raw.body).ok_or(Reason::Malformed)?;
    let from = sole_author(&mail).ok_or(Reason::Malformed)?;
    // An unreadable header may be from this server, so the headers below it are ignored.
    let results = header(&mail, AUTH_RESULTS).map(|text| parse_results(text, server)).find_map(Result::transpose);
    let results = results.and_then(Result::ok).ok_or(Reason::SignatureInvalid)?;
    if !is_authenticated(&results, domain_of(&from)) {
        return Err(Reason::SignatureInvalid);
    }
    if is_automatic(&mail, raw, &from) {
        let reply = "554 5.7.1 An automatic answer, a list or a bounce makes no ticket";
        return Ok(VerifiedRequest { reply: Reply::text(reply), message: None });
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
    // The nearest first: the message it replies to, then the thread from its end.
    let thread = ids(mail.references()).into_iter().rev();
    let in_reply_to: Vec<String> = ids(mail.in_reply_to()).into_iter().chain(thread).take(REPLY_IDS_MAX).collect();
    let token = subject.split(|c: char| c.is_whitespace() || "[]()#:：【】".contains(c)).find_map(token::parse);
    let bodies: Vec<_> = (0..mail.text_body_count()).filter_map(|n| mail.body_text(n)).collect();
    let full = bodies.join("\n\n");
    let own = Some(strip_quoted(&full)).filter(|own| !own.is_empty()).map(str::to_owned);
    let mut text = if full.trim().is_empty() { subject.to_owned() } else { full };
    let attached: Vec<&str> =
        mail.attachments().take(ATTACHMENTS_MAX).map(|part| part.attachment_name().unwrap_or("?")).collect();
    if !attached.is_empty() {
        let note = msg!("intake-attachments-not-kept", names = attached.join(", "));
        text.push_str(&format!("\n\n{}", note.text(locale)));
    }
    let mut message = message_of(&id, Some(&from), &text)?;
    if !subject.trim().is_empty() {
        message.title = message_of(&id, None, subject)?.title;
    }
    (message.in_reply_to, message.token, message.own_text) = (in_reply_to, token, own);
    message.writer = WriterDetails {
        name: author_name(&mail),
        conversation: None,
        subject: Some(bare_subject(subject).to_lowercase()),
        is_reply: bare_subject(subject) != subject.trim(),
    };
    Ok(VerifiedRequest { reply: Reply::text("250 2.6.0 Taken"), message: Some(message) })
}

/// What the author is called in the header.
fn author_name(mail: &Mail<'_>) -> Option<String> {
    mail.from()?.first()?.name().map(str::to_owned)
}

/// The author; several authors, or none, cannot be authenticated.
fn sole_author(mail: &Mail<'_>) -> Option<String> {
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

/// The values of a header, topmost first: the last server adds its header on top.
fn header<'m>(mail: &'m Mail<'_>, name: &'static str) -> impl Iterator<Item = &'m str> {
    mail.headers_raw().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// A method, its result, and the properties it checked.
type MethodResult = (String, String, Vec<(String, String)>);

/// A header that does not match the grammar: it may contain text chosen by the sender.
struct Unreadable;

/// A word of a header, and whether a part of it is quoted; or a separator.
#[derive(PartialEq)]
enum Token {
    Word(String, bool),
    Separator(char),
}

/// The tokens of a header, without its comments (RFC 5322, 3.2.2: they nest; RFC 8601, 2.2).
fn tokenize(header: &str) -> Result<Vec<Token>, Unreadable> {
    let (mut all, mut word, mut chars) = (Vec::new(), None::<(String, bool)>, header.chars());
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
            // A parenthesis within a word is not a comment of the server.
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
                all.push(Token::Separator(c));
            }
            c if c.is_whitespace() => all.extend(word.take().map(|(text, quoted)| Token::Word(text, quoted))),
            c => word.get_or_insert_default().0.push(c),
        }
    }
    all.extend(word.map(|(text, quoted)| Token::Word(text, quoted)));
    Ok(all)
}

/// The results in a header of this server; `None`: it is from another server.
fn parse_results(header: &str, server: &str) -> Result<Option<Vec<MethodResult>>, Unreadable> {
    let tokens = tokenize(header)?;
    let mut parts = tokens.split(|token| *token == Token::Separator(';'));
    if !matches!(parts.next(), Some([Token::Word(by, _), ..]) if by.eq_ignore_ascii_case(server)) {
        return Ok(None);
    }
    let mut found = Vec::new();
    for part in parts {
        let mut pairs = Vec::new();
        for pair in part.chunks(3) {
            match pair {
                [Token::Word(name, false), Token::Separator('='), Token::Word(value, quoted)] => {
                    // A quoted value may be chosen by the sender: no domain is read from it.
                    let value = if *quoted { String::new() } else { value.to_lowercase() };
                    // A method may have a version: dkim/1.
                    let name = name.split('/').next().unwrap_or_default().to_lowercase();
                    pairs.push((name, value));
                }
                // "none": nothing was checked.
                [Token::Word(none, false)] if part.len() == 1 && none.eq_ignore_ascii_case("none") => {}
                _ => return Err(Unreadable),
            }
        }
        let mut pairs = pairs.into_iter();
        found.extend(pairs.next().map(|(method, result)| (method, result, pairs.collect())));
    }
    Ok(Some(found))
}

/// Whether DMARC passed for the author's domain or, if the domain has no policy, a DKIM signature of it or of a parent domain.
fn is_authenticated(results: &[MethodResult], domain: &str) -> bool {
    let matches_domain = |properties: &[(String, String)], names: &[&str], exactly: bool| {
        let named = properties.iter().find(|(name, _)| names.contains(&name.as_str()));
        named.is_some_and(|(_, value)| {
            let signed = value.rsplit('@').next().unwrap_or_default();
            let is_domain = !signed.is_empty() && signed.chars().all(|c| c.is_alphanumeric() || "-.".contains(c));
            is_domain && (signed == domain || (!exactly && domain.ends_with(&format!(".{signed}"))))
        })
    };
    let mut dmarc = results.iter().filter(|(method, ..)| method == "dmarc").peekable();
    let has_policy = dmarc.peek().is_some_and(|(_, result, _)| result != "none");
    if has_policy {
        return dmarc
            .all(|(_, result, properties)| result == "pass" && matches_domain(properties, &["header.from"], true));
    }
    results.iter().any(|(method, result, properties)| {
        method == "dkim" && result == "pass" && matches_domain(properties, &["header.d", "header.i"], false)
    })
}

/// Whether it is an automatic answer, a bulk mail or a bounce: not a request for help, and answering it could cause a loop.
fn is_automatic(mail: &Mail<'_>, raw: &RawRequest, from: &str) -> bool {
    let value = |name| header(mail, name).next().map(|value| value.trim().to_lowercase());
    let is_canary = header(mail, CANARY_HEADER).next().is_some();
    let own = raw.query_param(OWN_ADDRESS);
    // A monitoring system may ask for help (auto-generated); an automatic answer does not.
    let auto_replied = value("Auto-Submitted").is_some_and(|word| word.starts_with("auto-replied"));
    let bulk = value("Precedence").is_some_and(|word| matches!(word.as_str(), "bulk" | "junk" | "list" | "auto_reply"));
    let listed = ["List-Id", "X-Autoreply", "X-Autorespond"].into_iter().any(|name| value(name).is_some());
    let bounced = raw.query_param(MAIL_FROM).is_empty();
    !is_canary && (auto_replied || bulk || listed || bounced || (!own.is_empty() && from == own.to_lowercase()))
}
