//! The text of a mail and the names of its attachments.

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{Encoding, HeaderName, Message as Mail, MessagePart, MimeHeaders as _, PartType};

use super::super::quoted_text::{Line, plain_lines};
use super::charset::{decode, header_parameter};
use super::html::html_lines;

/// Bytes of an HTML part in which its charset is looked for, as browsers do.
const META_BYTES: usize = 1_024;

/// The lines of a mail: of its plain text, or of its HTML if that has none.
pub(super) fn lines_of(mail: &Mail<'_>) -> Vec<Line> {
    let plain = lines_of_parts(mail, &mail.text_body);
    if plain.iter().any(|line| !line.text.trim().is_empty()) { plain } else { lines_of_parts(mail, &mail.html_body) }
}

fn lines_of_parts(mail: &Mail<'_>, ids: &[u32]) -> Vec<Line> {
    let parts = ids.iter().filter_map(|id| mail.parts.get(*id as usize));
    let texts = parts.filter_map(|part| part_lines(mail, part));
    texts
        .reduce(|mut all, more| {
            all.push(Line::plain(""));
            all.extend(more);
            all
        })
        .unwrap_or_default()
}

/// The lines of a part; `None`: it is no text.
fn part_lines(mail: &Mail<'_>, part: &MessagePart<'_>) -> Option<Vec<Line>> {
    let content_type = part.content_type();
    let attribute = |name: &str| content_type.and_then(|of| of.attribute(name));
    let octets = octets_of(mail, part);
    match &part.body {
        PartType::Text(_) => {
            let text = decode(&octets, attribute("charset"));
            let is_flowed = attribute("format").is_some_and(|format| format.eq_ignore_ascii_case("flowed"));
            let deletes_space = attribute("delsp").is_some_and(|delsp| delsp.eq_ignore_ascii_case("yes"));
            Some(plain_lines(&if is_flowed { unflow(&text, deletes_space) } else { text }))
        }
        PartType::Html(_) => {
            let meta = meta_charset(&octets);
            Some(html_lines(&decode(&octets, attribute("charset").or(meta.as_deref()))))
        }
        _ => None,
    }
}

/// The octets of a part. The parser's own text lost those that are in no encoding or in another than declared.
fn octets_of<'m>(mail: &'m Mail<'_>, part: &'m MessagePart<'_>) -> Cow<'m, [u8]> {
    let range = part.raw_body_offset() as usize..part.raw_end_offset() as usize;
    let raw = mail.raw_message.get(range).unwrap_or_default();
    let decoded = match part.encoding {
        Encoding::None => return Cow::Borrowed(raw),
        Encoding::Base64 => base64_decode(raw),
        Encoding::QuotedPrintable => quoted_printable_decode(raw),
    };
    decoded.map_or(Cow::Borrowed(raw), Cow::Owned)
}

/// The charset that an HTML document names in itself.
fn meta_charset(html: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(html.get(..META_BYTES).unwrap_or(html)).to_lowercase();
    let after = head.split("<meta").skip(1).find_map(|meta| meta.split_once('>')?.0.split_once("charset"))?.1;
    let value = after.trim_start().strip_prefix('=')?.trim_start().trim_start_matches(['"', '\'']);
    let name: String = value.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_:.".contains(*c)).collect();
    (!name.is_empty()).then_some(name)
}

/// Joins the lines that a program wrapped (RFC 3676, <https://www.rfc-editor.org/rfc/rfc3676>). `deletes_space`: the space at which
/// it wrapped is none of the text's, as in Chinese.
fn unflow(text: &str, deletes_space: bool) -> String {
    let mut lines: Vec<(usize, String, bool)> = Vec::new();
    for line in text.lines() {
        let content = line.trim_start_matches('>');
        let depth = line.len() - content.len();
        let content = content.strip_prefix(' ').unwrap_or(content);
        let is_signature = content == "-- ";
        let is_flowed = content.ends_with(' ') && !is_signature;
        let content = if is_flowed && deletes_space { &content[..content.len() - 1] } else { content };
        match lines.last_mut() {
            Some((of, joined, flows)) if *flows && *of == depth && !is_signature => {
                joined.push_str(content);
                *flows = is_flowed;
            }
            _ => lines.push((depth, content.to_owned(), is_flowed)),
        }
    }
    let texts = lines.into_iter().map(|(depth, text, _)| {
        let marks = if depth > 0 { ">".repeat(depth) + " " } else { String::new() };
        format!("{marks}{}", text.trim_end_matches(' '))
    });
    texts.collect::<Vec<_>>().join("\n")
}

/// The names of the attachments, at most so many.
pub(super) fn attachment_names(mail: &Mail<'_>, max: usize) -> Vec<String> {
    mail.attachments().take(max).map(|part| attachment_name(mail, part).unwrap_or_else(|| "?".to_owned())).collect()
}

fn attachment_name(mail: &Mail<'_>, part: &MessagePart<'_>) -> Option<String> {
    let parameter = |of: HeaderName<'_>, name: &str| {
        let field = part.headers.iter().find(|header| header.name == of)?;
        let octets = mail.raw_message.get(field.offset_start() as usize..field.offset_end() as usize)?;
        header_parameter(octets, name)
    };
    parameter(HeaderName::ContentDisposition, "filename").or_else(|| parameter(HeaderName::ContentType, "name"))
}
