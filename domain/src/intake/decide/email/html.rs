//! HTML parts as lines of text, each with what is known of it: whether it is a quoted message.

use mail_parser::decoders::html::add_html_token;

use super::super::quoted_text::Line;

/// Elements whose content is no text.
const HIDDEN: [&str; 7] = ["head", "style", "script", "template", "title", "noscript", "svg"];
/// Elements that begin and end a line.
const BLOCKS: [&str; 29] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "center",
    "dd",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "li",
    "main",
    "ol",
    "p",
    "pre",
    "section",
    "table",
    "tr",
    "ul",
];
/// Elements that are never closed.
const VOID: [&str; 14] =
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"];
/// Words in the class or id of an element that introduces or contains a quoted message.
const QUOTE_ELEMENTS: [&str; 7] =
    ["gmail_attr", "moz-cite-prefix", "yahoo_quoted", "tutanota_quote", "isreplycontent", "ntes_quote", "zmail_extra"];
/// The same of an element that also contains what people answer between and below the quoted parts.
const QUOTE_CONTAINER: &str = "gmail_quote";
/// Words in the class or id of an element from which on everything is a quoted message.
const QUOTE_BEGINS: [&str; 6] = [
    "divrplyfwdmsg",
    "outlookmessageheader",
    "appendonsend",
    "mail-editor-reference-message-container",
    "stopspelling",
    "olk_src_body_section",
];
/// Open elements that are followed; deeper ones are read as text only.
const DEPTH_MAX: usize = 128;
/// Quotes within quotes.
const QUOTE_DEPTH_MAX: usize = 20;

/// An open element.
struct Element {
    name: String,
    is_quote: bool,
    /// Text below a quoted part of it is no quoted text.
    is_container: bool,
    contained_quote: bool,
    is_blockquote: bool,
    /// A blockquote that is no indentation of the author.
    is_block: bool,
    is_preformatted: bool,
}

#[derive(Default)]
struct Writer {
    lines: Vec<Line>,
    line: String,
    open: Vec<Element>,
    /// Everything that follows is a quoted message.
    is_below_header: bool,
    needs_space: bool,
}

/// The text of an HTML document.
pub(super) fn html_lines(html: &str) -> Vec<Line> {
    let mut writer = Writer::default();
    // What is never closed is looked for once.
    let mut unclosed: Vec<String> = Vec::new();
    let last_bracket = html.rfind('>').unwrap_or_default();
    let mut rest = html;
    while !rest.is_empty() {
        let Some(at) = rest.find('<') else {
            writer.text(rest);
            break;
        };
        writer.text(&rest[..at]);
        rest = &rest[at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            let is_unclosed = unclosed.iter().any(|name| name == "!--");
            let closed = if is_unclosed { None } else { comment.split_once("-->") };
            rest = match closed {
                Some((_, after)) => after,
                None => {
                    if !is_unclosed {
                        unclosed.push("!--".to_owned());
                    }
                    comment
                }
            };
            continue;
        }
        let may_be_tag = html.len() - rest.len() < last_bracket;
        let tag = if may_be_tag { split_tag(rest) } else { None };
        let Some((tag, after)) = tag else {
            // A bracket that begins no tag.
            writer.text("&lt;");
            rest = &rest[1..];
            continue;
        };
        rest = after;
        let (name, attributes, is_closing) = tag_parts(tag);
        if is_closing || !HIDDEN.contains(&name.as_str()) {
            writer.tag(name, &attributes, is_closing);
        } else if !unclosed.contains(&name) {
            match after_element(rest, &name) {
                Some(after) => rest = after,
                // It hides nothing, or the whole mail would be lost.
                None => unclosed.push(name),
            }
        }
    }
    writer.end_line();
    writer.lines
}

/// The content of the tag at the beginning, and what follows it; quoted attributes may contain brackets.
fn split_tag(text: &str) -> Option<(&str, &str)> {
    let inner = &text[1..];
    if !inner.starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c)) {
        return None;
    }
    let mut quote = None;
    for (at, c) in inner.char_indices() {
        match (quote, c) {
            (None, '>') => return Some((&inner[..at], &inner[at + 1..])),
            (None, '"' | '\'') if inner[..at].trim_end().ends_with('=') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    // A quote that is never closed, or no tag at all.
    inner.split_once('>')
}

/// Name and attributes in lower case, and whether the tag closes.
fn tag_parts(tag: &str) -> (String, String, bool) {
    let (tag, is_closing) = tag.strip_prefix('/').map_or((tag, false), |tag| (tag, true));
    let end = tag.find(|c: char| c.is_whitespace() || c == '/').unwrap_or(tag.len());
    let (name, attributes) = tag.split_at(end);
    (name.to_lowercase(), attributes.to_lowercase(), is_closing)
}

/// What follows a hidden element; `None`: it is never closed.
fn after_element<'h>(html: &'h str, name: &str) -> Option<&'h str> {
    let closing = format!("</{name}");
    let mut from = 0;
    while let Some(at) = html[from..].find("</").map(|at| from + at) {
        let found = html.as_bytes().get(at..at + closing.len());
        if found.is_some_and(|found| found.eq_ignore_ascii_case(closing.as_bytes())) {
            return Some(html[at..].split_once('>').map_or("", |(_, after)| after));
        }
        from = at + 2;
    }
    None
}

/// The value of an attribute, in attributes in lower case.
fn attribute<'a>(attributes: &'a str, name: &str) -> &'a str {
    let mut rest = attributes;
    while let Some(at) = rest.find(name) {
        let before = rest[..at].chars().next_back();
        let after = rest[at + name.len()..].trim_start();
        rest = &rest[at + name.len()..];
        let Some(value) = after.strip_prefix('=').filter(|_| before.is_none_or(|c| c.is_whitespace() || c == '"'))
        else {
            continue;
        };
        let value = value.trim_start();
        return match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value[1..].split(quote).next().unwrap_or_default(),
            _ => value.split_whitespace().next().unwrap_or_default(),
        };
    }
    ""
}

impl Writer {
    fn tag(&mut self, name: String, attributes: &str, is_closing: bool) {
        if name == "br" {
            return self.end_line_with(true);
        }
        if name == "td" || name == "th" {
            self.needs_space |= !self.line.is_empty();
        }
        if name == "hr" || BLOCKS.contains(&name.as_str()) {
            self.end_line();
        }
        if is_closing {
            if let Some(at) = self.open.iter().rposition(|element| element.name == name) {
                self.open.truncate(at);
            }
            if name == "blockquote" {
                self.open.iter_mut().for_each(|element| element.contained_quote = true);
            }
            if name == "p" {
                self.blank_line();
            }
            return;
        }
        let (class, id) = (attribute(attributes, "class"), attribute(attributes, "id"));
        let is_any = |of: &[&str]| of.iter().any(|word| class.contains(word) || id.contains(word));
        self.is_below_header |= is_any(&QUOTE_BEGINS);
        if VOID.contains(&name.as_str()) || self.open.len() >= DEPTH_MAX {
            return;
        }
        let is_blockquote = name == "blockquote";
        // What Gmail and Outlook write for a paragraph that is moved to the right.
        let style: String = attribute(attributes, "style").chars().filter(|c| !c.is_whitespace()).collect();
        let is_indentation = ["border:none", "border:0", "border-width:0"].iter().any(|none| style.contains(none));
        let cites = is_any(&[QUOTE_CONTAINER, "protonmail_quote"]) || attribute(attributes, "type") == "cite";
        self.open.push(Element {
            is_quote: is_any(&QUOTE_ELEMENTS) || (is_blockquote && cites),
            is_container: !is_blockquote && is_any(&[QUOTE_CONTAINER]),
            contained_quote: false,
            is_blockquote,
            is_block: is_blockquote && !is_indentation,
            is_preformatted: name == "pre",
            name,
        });
    }

    fn text(&mut self, text: &str) {
        let is_preformatted = self.open.iter().any(|element| element.is_preformatted);
        let text = decode_entities(text);
        if is_preformatted {
            for (n, line) in text.split('\n').enumerate() {
                if n > 0 {
                    self.end_line_with(true);
                }
                self.line.push_str(line.trim_end_matches('\r'));
            }
            return;
        }
        for c in text.chars() {
            // A no-break space is a character; the others only separate words.
            if c.is_ascii_whitespace() {
                self.needs_space |= !self.line.is_empty();
                continue;
            }
            if std::mem::take(&mut self.needs_space) {
                self.line.push(' ');
            }
            self.line.push(if c == '\u{a0}' { ' ' } else { c });
        }
    }

    fn end_line(&mut self) {
        if !self.line.trim().is_empty() {
            self.end_line_with(false);
        }
        self.line.clear();
        self.needs_space = false;
    }

    fn end_line_with(&mut self, even_if_blank: bool) {
        let text = std::mem::take(&mut self.line);
        self.needs_space = false;
        if text.trim().is_empty() && !even_if_blank {
            return;
        }
        let depth = self.open.iter().filter(|element| element.is_blockquote).count().min(QUOTE_DEPTH_MAX);
        let marks = if depth > 0 { ">".repeat(depth) + " " } else { String::new() };
        let is_quoting =
            |element: &Element| element.is_quote || (element.is_container && (depth > 0 || !element.contained_quote));
        let is_quote = self.is_below_header || self.open.iter().any(is_quoting);
        let is_block = self.open.iter().any(|element| element.is_block);
        self.lines.push(Line { text: format!("{marks}{}", text.trim_end()), is_quote, is_block });
    }

    /// One blank line between paragraphs.
    fn blank_line(&mut self) {
        if self.lines.last().is_some_and(|line| !line.text.trim_matches(['>', ' ']).is_empty()) {
            self.end_line_with(true);
        }
    }
}

fn decode_entities(text: &str) -> String {
    const ENTITY_BYTES_MAX: usize = 40;
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        decoded.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.bytes().take(ENTITY_BYTES_MAX).position(|byte| byte == b';');
        let entity = end.map(|end| &rest[..=end]).filter(|entity| {
            entity[1..entity.len() - 1].chars().all(|c| c.is_ascii_alphanumeric() || c == '#') && entity.len() > 2
        });
        match entity {
            Some(entity) => {
                add_html_token(&mut decoded, entity.as_bytes(), false);
                rest = &rest[entity.len()..];
            }
            None => {
                decoded.push('&');
                rest = &rest[1..];
            }
        }
    }
    decoded + rest
}
