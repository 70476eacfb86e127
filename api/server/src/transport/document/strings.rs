//! The escapes of a document's strings that the parser does not read, written as it reads them:
//! <https://spec.graphql.org/September2025/#sec-String-Value>.

use std::borrow::Cow;

use super::super::cost::{after_line, after_string};

const BLOCK: &str = r#"""""#;
const ESCAPED_BLOCK: &str = r#"\""""#;

const NO_CHARACTER: &str =
    r"An escape \u names no character: write four digits, a code point such as \u{1F600}, or both surrogates.";

/// The document with `\u{…}`, surrogate pairs and `\"""` replaced. Lines stay lines.
pub fn rewrite(document: &str) -> Result<Cow<'_, str>, String> {
    if !document.contains(r"\u") && !document.contains(ESCAPED_BLOCK) {
        return Ok(Cow::Borrowed(document));
    }
    let mut rewritten = String::with_capacity(document.len());
    let mut rest = document;
    while let Some(start) = rest.find(['#', '"']) {
        let (before, token) = rest.split_at(start);
        rewritten.push_str(before);
        let is_comment = token.starts_with('#');
        let after = if is_comment { after_line(token.as_bytes()) } else { after_string(&token.as_bytes()[1..]) };
        let (token, after) = token.split_at(token.len() - after.len());
        match token.strip_prefix(BLOCK).and_then(|block| block.strip_suffix(BLOCK)) {
            Some(block) if block.contains(ESCAPED_BLOCK) => push_block(block, &mut rewritten),
            None if !is_comment && !token.starts_with(BLOCK) => push_string(token, &mut rewritten)?,
            _ => rewritten.push_str(token),
        }
        rest = after;
    }
    rewritten.push_str(rest);
    Ok(Cow::Owned(rewritten))
}

/// Writes a string, with its quotes.
fn push_string(string: &str, to: &mut String) -> Result<(), String> {
    let mut rest = string;
    while let Some(start) = rest.find('\\') {
        let (before, escape) = rest.split_at(start);
        to.push_str(before);
        rest = match escape.strip_prefix(r"\u") {
            Some(digits) => push_unicode(digits, to)?,
            None => {
                // The escaped character may be a backslash.
                let end = escape.char_indices().nth(2).map_or(escape.len(), |(end, _)| end);
                to.push_str(&escape[..end]);
                &escape[end..]
            }
        };
    }
    to.push_str(rest);
    Ok(())
}

/// Writes the character of an escape whose `\u` has been read, and returns what follows it.
fn push_unicode<'s>(digits: &'s str, to: &mut String) -> Result<&'s str, String> {
    let (code_point, after) = match digits.strip_prefix('{') {
        Some(braced) => {
            let (hex, after) = braced.split_once('}').ok_or(NO_CHARACTER)?;
            (code_point(hex), after)
        }
        None => {
            let (hex, after) = digits.split_at_checked(4).unwrap_or((digits, ""));
            match (code_point(hex), after.strip_prefix(r"\u").and_then(|low| low.split_at_checked(4))) {
                (Some(high @ 0xD800..=0xDBFF), Some((low, after_both))) => match code_point(low) {
                    Some(low @ 0xDC00..=0xDFFF) => {
                        (Some(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)), after_both)
                    }
                    _ => (Some(high), after),
                },
                (code_point, _) => (code_point, after),
            }
        }
    };
    let c = code_point.and_then(char::from_u32).ok_or(NO_CHARACTER)?;
    if u32::from(c) < 0x10000 {
        // It may be one that a string cannot contain as it is.
        to.push_str(&format!(r"\u{:04X}", u32::from(c)));
    } else {
        to.push(c);
    }
    Ok(after)
}

/// A hexadecimal number; leading zeros are allowed.
fn code_point(hex: &str) -> Option<u32> {
    if hex.is_empty() || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let significant = hex.trim_start_matches('0');
    if significant.is_empty() { Some(0) } else { u32::from_str_radix(significant, 16).ok() }
}

/// Writes a block string as a string in one line, followed by its line breaks.
fn push_block(block: &str, to: &mut String) {
    let lines: Vec<&str> = block.split("\r\n").flat_map(|part| part.split(['\n', '\r'])).collect();
    let is_blank = |line: &&str| line.trim_start_matches([' ', '\t']).is_empty();
    let indent_of = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let indent = lines.iter().skip(1).filter(|line| !is_blank(line)).map(|line| indent_of(line)).min().unwrap_or(0);
    let first = lines.iter().position(|line| !is_blank(line)).unwrap_or(lines.len());
    let last = lines.iter().rposition(|line| !is_blank(line)).map_or(first, |last| last + 1);
    to.push('"');
    for (n, line) in lines.iter().enumerate().take(last).skip(first) {
        if n > first {
            to.push_str(r"\n");
        }
        let line = if n > 0 { line.get(indent..).unwrap_or_default() } else { line };
        to.push_str(&line.replace(ESCAPED_BLOCK, BLOCK).replace('\\', r"\\").replace('"', r#"\""#));
    }
    to.push('"');
    to.extend(std::iter::repeat_n('\n', lines.len() - 1));
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::parse_query;

    /// The value of the only argument, as the parser reads it.
    fn value(string: &str) -> Result<String, String> {
        let document = format!("{{ a(b: {string}) }} # \"");
        let document = parse_query(&*rewrite(&document)?).map_err(|e| e.to_string())?;
        let (_, operation) = document.operations.iter().next().unwrap();
        let async_graphql::parser::types::Selection::Field(field) = &operation.node.selection_set.node.items[0].node
        else {
            panic!("a field");
        };
        let value = field.node.arguments[0].1.node.clone().into_const_with(|_| Err(())).unwrap();
        match value {
            async_graphql::Value::String(text) => Ok(text),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn every_escape_of_the_specification_is_read() {
        for (string, text) in [
            (r#""\u{1F600}""#, "😀"),
            (r#""\u{1f600}!""#, "😀!"),
            (r#""\uD83D\uDE00""#, "😀"),
            (r#""\ud83d\ude00\uD83D\uDE01""#, "😀😁"),
            (r#""\u{41}\u{0000000000000042}\u0043""#, "ABC"),
            (r#""\u{22}\u{5C}\u{A}\u0022""#, "\"\\\n\""),
            (r#""\u{10FFFF}""#, "\u{10FFFF}"),
            (r#""\u{0}""#, "\0"),
            (r#""\\u{1F600}""#, r"\u{1F600}"),
            (r#""\\\u{1F600}""#, r"\😀"),
            (r#""\"\u{1F600}\"""#, "\"😀\""),
            (r##""# \u{41}""##, "# A"),
            (r#""😀\u{41}界""#, "😀A界"),
            // No escape in a block string but the one of its quotes.
            (r#""""\u{1F600} \uD83D""""#, r"\u{1F600} \uD83D"),
            (r#""""\u{1F600} a\"""b""""#, r#"\u{1F600} a"""b"#),
            ("\"\"\"\n    a\\\"\"\"\n      \\\n\n    \"b\"\r\n  \"\"\"", "a\"\"\"\n  \\\n\n\"b\""),
            ("\"\"\"\\\"\"\"\"\"\"", "\"\"\""),
        ] {
            assert_eq!(value(string).as_deref(), Ok(text), "{string}");
        }
    }

    #[test]
    fn what_names_no_character_is_refused() {
        for string in [
            r#""\u{110000}""#,
            r#""\u{D83D}""#,
            r#""\u{D83D}\u{DE00}""#,
            r#""\uD83D""#,
            r#""\uD83D\u{DE00}""#,
            r#""\uD83D\u0041""#,
            r#""\uDE00\uD83D""#,
            r#""\u{}""#,
            r#""\u{ 41}""#,
            r#""\u{1F600""#,
            r#""\u{FFFFFFFFFFFFFFFFFF}""#,
            r#""\u12""#,
            r#""\u+041""#,
            r#""\u界""#,
            r#""\u"#,
            r#""\x""#,
        ] {
            assert!(value(string).is_err(), "{string}");
        }
    }

    #[test]
    fn what_follows_stays_in_its_line() {
        let document = "{ a(b: \"\"\"x\n\\\"\"\"\ny\"\"\") \n } # \\u{1F600} \"\n}";
        let error = parse_query(&*rewrite(document).unwrap()).unwrap_err();
        assert_eq!(error.positions().next().unwrap().line, 5, "{error}");
        assert_eq!(rewrite(r#"# \u{D800} " { x }"#).unwrap(), r#"# \u{D800} " { x }"#);
    }
}
