//! The quoted message below a reply.

/// How mail programs begin the quoted message.
const QUOTE_MARKS: [&str; 4] =
    ["-----Original Message-----", "-----原始邮件-----", "------------------ 原始邮件", "________________"];

/// The text without the quoted message below it.
pub(super) fn strip_quoted(text: &str) -> &str {
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim();
        let begins = QUOTE_MARKS.iter().any(|mark| bare.starts_with(mark));
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
