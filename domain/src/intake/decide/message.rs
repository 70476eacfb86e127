//! Texts of others as tickets take them: without control characters, within the limits, and with a word on what was left out.

use crate::intake::model::{EXTERNAL_ID_MAX, Message, MessageDetails, Reason};
use crate::kernel::Locale;
use crate::kernel::text::{BODY_CHARS_MAX, TITLE_CHARS_MAX};
use crate::msg;

/// Characters that the sentence on what was left out may take.
const NOTE_CHARS_MAX: usize = 300;
/// Characters of what is added behind a text.
const SUFFIX_CHARS_MAX: usize = 500;
/// Marks a text that was cut.
const ELLIPSIS: &str = "…";

/// Characters that change how a text reads, without being seen: embeddings, overrides and isolates of the writing direction.
const fn is_direction_override(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Characters without width. Within a text they join or separate letters and emoji; at its ends they are remains.
const fn is_without_width(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || is_without_width(c))
}

/// A text of several lines without control characters; tabs and line feeds stay.
pub(super) fn clean_text(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let kept = text.chars().filter_map(|c| match c {
        '\n' | '\t' => Some(c),
        // Other ways to end a line.
        '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some('\n'),
        c if c.is_control() || is_direction_override(c) => None,
        c => Some(c),
    });
    trim(&kept.collect::<String>()).to_owned()
}

/// A text of one line.
pub(super) fn clean_line(text: &str) -> String {
    clean_text(text).split_whitespace().map(trim).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The sentence on what was left out.
fn note(left_out: usize, locale: Locale) -> String {
    msg!("intake-text-shortened", count = left_out).text(locale)
}

/// A text with a suffix, within the limit of a ticket's description; and how many of its characters are left out. `left_out`: those
/// that were left out of it before.
pub(in crate::intake) fn fit_text(text: &str, left_out: usize, suffix: &str, locale: Locale) -> (String, usize) {
    let suffix = shorten(suffix, SUFFIX_CHARS_MAX);
    let (chars, suffix_chars) = (text.chars().count(), suffix.chars().count());
    if chars + suffix_chars <= BODY_CHARS_MAX {
        return (format!("{text}{suffix}"), left_out);
    }
    let before = note(left_out, locale);
    let text = text.strip_suffix(&before).filter(|_| left_out > 0).map_or(text, str::trim_end);
    let kept: String = text.chars().take(BODY_CHARS_MAX - NOTE_CHARS_MAX - suffix_chars).collect();
    let kept = kept.trim_end();
    let left_out = left_out + text.chars().count() - kept.chars().count();
    (format!("{kept}\n\n{}{suffix}", note(left_out, locale)), left_out)
}

/// A text of at most so many characters, which ends with an ellipsis if it was longer.
fn shorten(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(chars_max - 1).collect();
    kept.trim_end().to_owned() + ELLIPSIS
}

/// A message from a title and a text; without a title, the first line of the text is it. A title that is too long begins the text.
pub(super) fn message_of(
    external_id: &str,
    sender: Option<&str>,
    title: Option<&str>,
    text: &str,
    locale: Locale,
) -> Result<Message, Reason> {
    let text = clean_text(text);
    let first = text.lines().map(clean_line).find(|line| !line.is_empty());
    let whole_title = title.map(clean_line).filter(|title| !title.is_empty());
    let text = if text.is_empty() { whole_title.clone().unwrap_or_default() } else { text };
    let whole_title = whole_title.or_else(|| first.clone()).ok_or(Reason::Malformed)?;
    let title = shorten(&whole_title, TITLE_CHARS_MAX);
    let is_first_line = first.is_none_or(|first| first == whole_title);
    let text = if title == whole_title || is_first_line { text } else { format!("{whole_title}\n\n{text}") };
    let external_id = external_id.trim();
    if external_id.is_empty() || external_id.len() > EXTERNAL_ID_MAX {
        return Err(Reason::Malformed);
    }
    let (description, left_out) = fit_text(&text, 0, "", locale);
    Ok(Message {
        external_id: external_id.to_owned(),
        sender: sender.map(clean_line).filter(|sender| !sender.is_empty()),
        title,
        description,
        in_reply_to: Vec::new(),
        token: None,
        own_text: None,
        details: MessageDetails::default(),
        quoted_text: None,
        author_name: None,
        conversation: None,
        subject: None,
        is_reply: false,
        left_out,
        fingerprint: None,
    })
}
