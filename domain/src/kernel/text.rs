//! Validation of texts that people enter.

use std::sync::LazyLock;

use super::{Code, Locale, Refusal, refuse};
use crate::msg;

/// The replacement of a redacted text. It is in both languages, because it is stored, and rows are compared with it.
pub static REDACTED: LazyLock<String> = LazyLock::new(|| {
    let redacted = msg!("redacted");
    format!("[{} {}]", redacted.text(Locale::ZhCn), redacted.text(Locale::En))
});
/// Characters, not bytes: 200 Chinese characters are 200.
pub const TITLE_CHARS_MAX: usize = 200;
pub const BODY_CHARS_MAX: usize = 20_000;
pub const KEY_CHARS_MAX: usize = 64;
pub const NAME_CHARS_MAX: usize = 120;
pub const REASON_CHARS_MAX: usize = 2_000;
/// A text by which names are searched.
pub const SEARCH_CHARS_MAX: usize = 200;
/// Any string of the API, whatever smaller limit its field has.
pub const INPUT_CHARS_MAX: usize = 50_000;

/// One line: trimmed, not empty, no control characters.
pub fn line(field: &str, text: &str, chars_max: usize) -> Result<String, Refusal> {
    validate(field, text, chars_max, |c| c.is_control())
}

/// Several lines: line breaks and tabs are allowed, other control characters are not.
pub fn body(field: &str, text: &str, chars_max: usize) -> Result<String, Refusal> {
    validate(field, text, chars_max, |c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

/// The beginning of a text, with an ellipsis if it is longer.
pub fn excerpt(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let cut: String = text.chars().take(chars_max.saturating_sub(1)).collect();
    format!("{}…", cut.trim_end())
}

/// What holds for every string of the API: it is bounded, and without U+0000, which PostgreSQL does not store.
pub fn check_input(field: &str, text: &str) -> Result<(), Refusal> {
    check_length(field, text, INPUT_CHARS_MAX)?;
    if text.contains('\0') {
        return Err(forbidden_char(field, '\0'));
    }
    Ok(())
}

/// A text by which names are searched; `None`: all are wanted.
pub fn search<'t>(field: &str, text: Option<&'t str>) -> Result<Option<&'t str>, Refusal> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    text.map_or(Ok(()), |text| check_length(field, text, SEARCH_CHARS_MAX))?;
    Ok(text)
}

/// A catalogue key or an external id: one line, stored verbatim.
pub fn key(field: &str, text: &str) -> Result<String, Refusal> {
    line(field, text, KEY_CHARS_MAX)
}

fn validate(field: &str, text: &str, chars_max: usize, forbidden: fn(char) -> bool) -> Result<String, Refusal> {
    let text = text.trim();
    if text.is_empty() {
        return Err(refuse(Code::Required, field, msg!("field-empty", field = field)));
    }
    check_length(field, text, chars_max)?;
    match text.chars().find(|c| forbidden(*c)) {
        Some(bad) => Err(forbidden_char(field, bad)),
        None => Ok(text.to_owned()),
    }
}

/// Refuses a text of more characters.
pub fn check_length(field: &str, text: &str, chars_max: usize) -> Result<(), Refusal> {
    // A character is at least one byte.
    if text.len() <= chars_max {
        return Ok(());
    }
    let chars = text.chars().count();
    if chars <= chars_max {
        return Ok(());
    }
    Err(refuse(Code::TooLong, field, msg!("field-too-long", field = field, count = chars, max = chars_max)))
}

fn forbidden_char(field: &str, bad: char) -> Refusal {
    let code_point = format!("{:04X}", u32::from(bad));
    refuse(Code::Invalid, field, msg!("field-control-character", field = field, code_point = code_point))
}

/// Whether a text can be a stored name. Names have no control characters, and PostgreSQL rejects NUL.
pub fn has_no_control_chars(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// A plausible e-mail address, `name@host`, lower-cased.
pub fn email(field: &str, text: &str) -> Result<String, Refusal> {
    let text = line(field, text, 254)?.to_lowercase();
    // The special characters of RFC 5322, section 3.2.3: with them a text can hold a display name or several addresses.
    let special = |c: char| c.is_whitespace() || "()<>[]:;@\\,\"".contains(c);
    let valid = text.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && !host.is_empty() && !name.contains(special) && !host.contains(special)
    });
    if valid {
        return Ok(text);
    }
    Err(refuse(Code::Invalid, field, msg!("email-invalid", field = field)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_trimmed_and_bounded_by_characters() {
        assert_eq!(line("title", "  打印机 ", 3).unwrap(), "打印机");
        assert_eq!(line("title", "打印机坏", 3).unwrap_err().code, Code::TooLong);
        assert_eq!(line("title", " \n ", 3).unwrap_err().code, Code::Required);
        assert_eq!(line("title", "a\u{0}b", 9).unwrap_err().code, Code::Invalid);
        assert_eq!(line("title", "a\nb", 9).unwrap_err().code, Code::Invalid);
        assert!(body("description", "a\nb\tc", 9).is_ok());
        assert_eq!(body("description", "a\u{1b}b", 9).unwrap_err().code, Code::Invalid);
    }

    #[test]
    fn every_input_is_bounded_and_storable() {
        assert_eq!(check_input("text", &"界".repeat(INPUT_CHARS_MAX)), Ok(()));
        assert_eq!(check_input("text", "tabs\t, lines\n and \u{7f} are for the field to judge"), Ok(()));
        for (text, code) in [("界".repeat(INPUT_CHARS_MAX + 1), Code::TooLong), ("a\u{0}".to_owned(), Code::Invalid)] {
            let refusal = check_input("filter.text", &text).unwrap_err();
            assert_eq!((refusal.code, refusal.field), (code, vec!["filter".to_owned(), "text".to_owned()]));
        }
        assert_eq!(search("text", Some(" 周 ")), Ok(Some("周")));
        assert_eq!(search("text", Some("  ")), Ok(None));
        assert_eq!(search("text", Some(&"x".repeat(SEARCH_CHARS_MAX + 1))).unwrap_err().code, Code::TooLong);
    }

    #[test]
    fn an_email_needs_a_name_and_a_host() {
        assert_eq!(email("email", " A@B.c ").unwrap(), "a@b.c");
        for bad in ["a", "@b", "a@", "a@b@c", "a b@c", "<a@b>", "a@b,c", "a@b;c@d", "\"a\"@b"] {
            assert_eq!(email("email", bad).unwrap_err().code, Code::Invalid, "{bad}");
        }
    }
}
