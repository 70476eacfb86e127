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

/// One line: trimmed, not empty, no control characters.
pub fn line(field: &str, text: &str, chars_max: usize) -> Result<String, Refusal> {
    validate(field, text, chars_max, |c| c.is_control())
}

/// Several lines: line breaks and tabs are allowed, other control characters are not.
pub fn body(field: &str, text: &str, chars_max: usize) -> Result<String, Refusal> {
    validate(field, text, chars_max, |c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
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
    let chars = text.chars().count();
    if chars > chars_max {
        return Err(refuse(
            Code::TooLong,
            field,
            msg!("field-too-long", field = field, count = chars, max = chars_max),
        ));
    }
    if let Some(bad) = text.chars().find(|c| forbidden(*c)) {
        return Err(refuse(
            Code::Invalid,
            field,
            msg!("field-control-character", field = field, code_point = format!("{:04X}", u32::from(bad))),
        ));
    }
    Ok(text.to_owned())
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
    fn an_email_needs_a_name_and_a_host() {
        assert_eq!(email("email", " A@B.c ").unwrap(), "a@b.c");
        for bad in ["a", "@b", "a@", "a@b@c", "a b@c", "<a@b>", "a@b,c", "a@b;c@d", "\"a\"@b"] {
            assert_eq!(email("email", bad).unwrap_err().code, Code::Invalid, "{bad}");
        }
    }
}
