//! From text to terms, Chinese and English alike.
//!
//! Text is first made plain (NFKC folds width and compatibility forms, every hyphen becomes the same, invisible
//! characters go), then taken apart into runs of one script. Chinese runs become words (jieba, search mode) and, apart,
//! single characters; Latin runs become words, dotted numbers and codes. Case is folded last, so that a term still
//! knows how it stood in the text.
//!
//! The index and the questions use the same functions. Whoever changes what they yield raises [`FORMAT`]; a test
//! compares a fingerprint.
//!
//! [`FORMAT`]: crate::generation

mod latin;
mod stop;
mod terms;

use std::borrow::Cow;
use std::sync::LazyLock;

use jieba_rs::Jieba;
use unicode_normalization::UnicodeNormalization as _;

pub(crate) use latin::{Token, stem, tokens};
pub(crate) use terms::{Kind, Term, terms};

/// Of one text (title, body, extra), in bytes; what stands beyond is not read.
pub(crate) const TEXT_BYTES_MAX: usize = 256 * 1024;
/// Longer words are encoded data: [`crate::Index::similar`] does without, [`crate::Index::find`] knows their beginning.
pub(crate) const WORD_CHARS_MAX: usize = 64;

static JIEBA: LazyLock<Jieba> = LazyLock::new(Jieba::new);

/// Loads the dictionary.
pub(crate) fn warm_up() {
    LazyLock::force(&JIEBA);
}

/// A stretch of one script in a plain text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run<'t> {
    /// Chinese characters, and kana, which are written without spaces too.
    Han(&'t str),
    /// Letters and digits of every other script, with the connectors that codes are written with.
    Latin(&'t str),
}

/// At most `bytes_max` bytes of a text.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// The text with width and compatibility forms folded, one kind of hyphen, and no invisible characters.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    let text = cut(text, TEXT_BYTES_MAX);
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    text.nfkc().filter(|c| !is_invisible(*c)).map(|c| if is_hyphen(c) { '-' } else { c }).collect()
}

/// Characters that are drawn as nothing: soft hyphen, joiners, direction and byte order marks. They come with text that
/// is copied from web pages and would split words.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}')
}

fn is_hyphen(c: char) -> bool {
    matches!(c, '\u{2010}'..='\u{2013}' | '\u{2212}')
}

pub(crate) fn is_han(c: char) -> bool {
    matches!(
        u32::from(c),
        0x3005..=0x3007 | 0x3040..=0x30FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x323AF
    ) && c.is_alphanumeric()
}

fn is_latin(c: char) -> bool {
    // Combining marks belong to the letter before them, where NFKC has no single character for both.
    (c.is_alphanumeric() || unicode_normalization::char::is_combining_mark(c)) && !is_han(c)
}

fn is_connector(c: char) -> bool {
    matches!(c, '-' | '_' | '.' | '/')
}

/// The runs of a plain text.
pub(crate) fn runs(plain: &str) -> Vec<Run<'_>> {
    let mut runs = Vec::new();
    let mut rest = plain;
    while let Some(c) = rest.chars().next() {
        let length = if is_han(c) {
            rest.find(|c| !is_han(c)).unwrap_or(rest.len())
        } else if is_latin(c) {
            latin_length(rest)
        } else {
            c.len_utf8()
        };
        let (here, after) = rest.split_at(length);
        if is_han(c) {
            runs.push(Run::Han(here));
        } else if is_latin(c) {
            runs.push(Run::Latin(here));
        }
        rest = after;
    }
    runs
}

/// Letters and digits, and connectors that stand between two of them.
fn latin_length(text: &str) -> usize {
    let mut chars = text.char_indices().peekable();
    while let Some((place, c)) = chars.next() {
        let goes_on = is_latin(c) || (is_connector(c) && chars.peek().is_some_and(|(_, next)| is_latin(*next)));
        if !goes_on {
            return place;
        }
    }
    text.len()
}

pub(crate) fn lower(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().flat_map(char::to_lowercase).collect()
}

/// The words of a Chinese run, one after the other.
pub(crate) fn han_words(run: &str) -> Vec<&str> {
    JIEBA.cut(run, false).into_iter().map(|token| token.word).collect()
}

/// The words of a Chinese run, and those within them.
fn han_search_words(run: &str) -> Vec<&str> {
    JIEBA.cut_for_search(run, false).into_iter().map(|token| token.word).collect()
}

#[cfg(test)]
mod tests;
