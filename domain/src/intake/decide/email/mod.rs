//! E-mail. The organisation's own mail server authenticates the author (`authentication`); automatic mail becomes no ticket
//! (`automatic`). What is read is what people wrote, in whatever encoding (`charset`), format (`body`, `html`) and way (`fingerprint`).

mod authentication;
mod automatic;
mod body;
mod charset;
mod fingerprint;
mod html;
mod subject;

use mail_parser::parsers::MessageStream;
use mail_parser::{Address, HeaderName, HeaderValue, Message as Mail, MessageParser};
use sha2::{Digest as _, Sha256};

use self::authentication::is_authenticated;
use self::automatic::{AutomaticMail, automatic_mail, header};
use self::body::{attachment_names, lines_of};
use self::charset::{decode_header, rewrite_header};
pub use self::fingerprint::Fingerprint;
pub(in crate::intake) use self::subject::parse_subject;
use super::message::{clean_line, clean_text, fit_text, message_of};
use super::quoted_text::{split_quoted, text_of};
use crate::credentials::model::Parts;
use crate::intake::model::{CANARY_HEADER, EXTERNAL_ID_MAX, RawRequest, Reason, Reply, VerifiedRequest};
use crate::kernel::Locale;
use crate::msg;
use crate::tickets::decide::token;

/// Attachments listed in a ticket.
const ATTACHMENTS_MAX: usize = 20;
/// Message ids that a reply is looked up by.
const REPLY_IDS_MAX: usize = 20;
/// Characters of the author's name.
const NAME_CHARS_MAX: usize = 120;

pub fn check(parts: &Parts, raw: &RawRequest, locale: Locale) -> Result<VerifiedRequest, Reason> {
    let server = parts.get("authservId").ok_or(Reason::NoCredential)?;
    let mail = MessageParser::default().parse(&raw.body).ok_or(Reason::Malformed)?;
    let (from, name) = sole_author(&mail).ok_or(Reason::Malformed)?;
    if !is_authenticated(&mail, server, domain_of(&from)) {
        return Err(Reason::SignatureInvalid);
    }
    let is_canary = header(&mail, CANARY_HEADER).is_some();
    let whole_subject = clean_line(&decode_header(octets(&mail, &HeaderName::Subject).unwrap_or_default()));
    let subject = parse_subject(&whole_subject);
    if let Some(kind) = automatic_mail(&mail, raw, &from, &subject).filter(|_| !is_canary) {
        return Ok(VerifiedRequest { reply: Reply::text(kind.reply()), message: None });
    }
    let ids = |ids: &HeaderValue<'_>| match ids.as_text_list() {
        Some(all) => all.iter().map(ToString::to_string).collect(),
        None => ids.as_text().map(str::to_owned).into_iter().collect::<Vec<_>>(),
    };
    // The nearest first: the message it replies to, then the thread from its end.
    let thread = ids(mail.references()).into_iter().rev();
    let in_reply_to: Vec<String> = ids(mail.in_reply_to()).into_iter().chain(thread).take(REPLY_IDS_MAX).collect();
    let token = whole_subject.split(|c: char| c.is_whitespace() || "[]()#:：【】".contains(c)).find_map(token::parse);
    let lines = lines_of(&mail);
    // Mail programs thread forwarded mails too; what is forwarded is what the author wants to show.
    let is_reply = (subject.is_reply || !in_reply_to.is_empty()) && !subject.is_forward;
    let split = split_quoted(&lines, is_reply);
    let (full, own) = (clean_text(&text_of(&lines)), clean_text(&split.own));
    let mut attached: Vec<String> =
        attachment_names(&mail, ATTACHMENTS_MAX).iter().map(|name| clean_line(name)).collect();
    let unnamed = mail.attachment_count().saturating_sub(ATTACHMENTS_MAX);
    if unnamed > 0 {
        attached.push(format!("… +{unnamed}"));
    }
    if full.is_empty() && whole_subject.is_empty() && attached.is_empty() && !is_canary {
        return Ok(VerifiedRequest { reply: Reply::text(AutomaticMail::Empty.reply()), message: None });
    }
    // A subject that is nothing but a gateway's tag is better than none.
    let title = if subject.title.is_empty() { &whole_subject } else { &subject.title };
    let text = if full.is_empty() { title } else { &full };
    let attachments = match &attached[..] {
        [] => String::new(),
        names => format!("\n\n{}", msg!("intake-attachments-not-kept", names = names.join(", ")).text(locale)),
    };
    let date = octets(&mail, &HeaderName::Date).map(decode_header).filter(|date| !date.is_empty());
    let is_by_list = header(&mail, "List-Id").is_some();
    let fingerprint = Fingerprint::new(&from, date.as_deref(), &subject, is_by_list, &own);
    let id = match (header(&mail, CANARY_HEADER), mail.message_id()) {
        (Some(canary), _) => canary.trim().to_owned(),
        (None, Some(id)) if id.len() <= EXTERNAL_ID_MAX => id.to_owned(),
        (None, Some(id)) => hex::encode(Sha256::digest(id)),
        (None, None) => id_of_content(&from, date.as_deref(), raw, &fingerprint),
    };
    let mut message = message_of(&id, Some(&from), Some(title), &format!("{text}{attachments}"), locale)?;
    let own = Some(own).filter(|own| !own.is_empty());
    message.own_text = own.map(|own| fit_text(&format!("{own}{attachments}"), 0, "", locale).0);
    message.quoted_text = split.quoted.map(|quoted| clean_text(&quoted)).filter(|quoted| !quoted.is_empty());
    (message.in_reply_to, message.token, message.author_name) = (in_reply_to, token, name);
    (message.subject, message.is_reply) = (Some(subject.bare_key), subject.is_reply);
    message.fingerprint = Some(fingerprint);
    Ok(VerifiedRequest { reply: Reply::text("250 2.6.0 Taken"), message: Some(message) })
}

/// The id of a mail without one: the same for all copies, whatever servers added on their ways. What it says is compared by
/// its fingerprint where it has a date; else its text is part of the id, and so is the day, as a device may say the same again.
fn id_of_content(from: &str, date: Option<&str>, raw: &RawRequest, fingerprint: &Fingerprint) -> String {
    let day = raw.at.to_string();
    let content = match date {
        Some(date) => [from, date, fingerprint.bare_subject()].join("\n"),
        None => [from, day.get(..10).unwrap_or_default(), fingerprint.bare_subject(), &fingerprint.text()].join("\n"),
    };
    hex::encode(Sha256::digest(content))
}

/// The address of the author in lower case, and their name; several authors, or none, cannot be authenticated.
fn sole_author(mail: &Mail<'_>) -> Option<(String, Option<String>)> {
    if mail.header_values("From").count() != 1 {
        return None;
    }
    let rewritten = rewrite_header(octets(mail, &HeaderName::From)?);
    let HeaderValue::Address(Address::List(all)) = MessageStream::new(rewritten.as_bytes()).parse_address() else {
        return None;
    };
    let [one] = &all[..] else { return None };
    let address = one.address()?.trim().to_lowercase();
    let name = one.name().map(clean_line).filter(|name| !name.is_empty());
    let name = name.map(|name| name.chars().take(NAME_CHARS_MAX).collect());
    (!domain_of(&address).is_empty()).then_some((address, name))
}

fn domain_of(address: &str) -> &str {
    address.rsplit_once('@').map_or("", |(_, domain)| domain)
}

/// The octets of the topmost header field of this name.
fn octets<'m>(mail: &'m Mail<'_>, name: &HeaderName<'_>) -> Option<&'m [u8]> {
    let field = mail.headers().iter().find(|header| header.name == *name)?;
    mail.raw_message.get(field.offset_start() as usize..field.offset_end() as usize)
}
