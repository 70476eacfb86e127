//! What people may write into a field, and how a refusal says what would be right.

use super::{Code, Refusal, refuse};

/// What stands in the place of a redacted text.
pub const REDACTED: &str = "[已隐去 redacted]";
/// Characters, not bytes: 200 Chinese characters are 200.
pub const TITLE_CHARS_MAX: usize = 200;
pub const BODY_CHARS_MAX: usize = 20_000;
pub const KEY_CHARS_MAX: usize = 64;
pub const NAME_CHARS_MAX: usize = 120;
pub const REASON_CHARS_MAX: usize = 2_000;

/// One line: trimmed, not empty, no control characters.
pub fn line(field: &str, text: &str, chars_max: usize) -> Result<String, Refusal> {
    checked(field, text, chars_max, |c| c.is_control())
}

/// Several lines: line breaks and tabs are allowed, other control characters are not.
pub fn body(field: &str, text: &str, chars_max: usize) -> Result<String, Refusal> {
    checked(field, text, chars_max, |c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

/// A catalogue key or a foreign system's id: one line, kept to the letter.
pub fn key(field: &str, text: &str) -> Result<String, Refusal> {
    line(field, text, KEY_CHARS_MAX)
}

fn checked(field: &str, text: &str, chars_max: usize, forbidden: fn(char) -> bool) -> Result<String, Refusal> {
    let text = text.trim();
    if text.is_empty() {
        return Err(refuse(
            Code::Required,
            field,
            format!("{field} is empty: write something."),
            format!("{field} 不能为空，请填写。"),
        ));
    }
    let chars = text.chars().count();
    if chars > chars_max {
        return Err(refuse(
            Code::TooLong,
            field,
            format!("{field} has {chars} characters; at most {chars_max} are allowed."),
            format!("{field} 共 {chars} 个字符，最多允许 {chars_max} 个。"),
        ));
    }
    if let Some(bad) = text.chars().find(|c| forbidden(*c)) {
        return Err(refuse(
            Code::Invalid,
            field,
            format!("{field} contains the control character U+{:04X}: remove it.", u32::from(bad)),
            format!("{field} 含有控制字符 U+{:04X}，请删除。", u32::from(bad)),
        ));
    }
    Ok(text.to_owned())
}

/// Whether a text can be the name of anything: nothing is called by control characters, and a database may not even take
/// them.
pub fn can_name(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// An e-mail address as far as a help desk needs it: something@something, lower-cased.
pub fn email(field: &str, text: &str) -> Result<String, Refusal> {
    let text = line(field, text, 254)?.to_lowercase();
    let valid = text.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && !host.is_empty() && !host.contains('@') && !text.contains(char::is_whitespace)
    });
    if valid {
        return Ok(text);
    }
    Err(refuse(
        Code::Invalid,
        field,
        format!("{field} is not an e-mail address: write name@host."),
        format!("{field} 不是有效的邮箱地址，格式应为 name@host。"),
    ))
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
    fn an_email_has_two_sides() {
        assert_eq!(email("email", " A@B.c ").unwrap(), "a@b.c");
        for bad in ["a", "@b", "a@", "a@b@c", "a b@c"] {
            assert_eq!(email("email", bad).unwrap_err().code, Code::Invalid, "{bad}");
        }
    }
}
