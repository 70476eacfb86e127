//! From text to terms, for Chinese and English.
//!
//! Text is first normalised (NFKC folds width and compatibility forms, dashes are unified, invisible characters are
//! removed), then split into runs of one script; a code that is written with spaces, such as `GB/T 1234.5`, is one run.
//! Chinese runs give words (jieba, search mode) and single characters, in simplified characters; Latin runs give words,
//! dotted numbers and codes. Case and characters are folded last, so that a term keeps its original spelling.
//!
//! Index and queries use the same functions. A change of their results requires a new [`FORMAT`]; a test compares a
//! fingerprint.
//!
//! [`FORMAT`]: crate::generation

mod codes;
mod latin;
mod simplified;
mod stop;
mod terms;

use std::borrow::Cow;
use std::io::BufReader;
use std::ops::Range;
use std::sync::LazyLock;

use flate2::read::GzDecoder;
use jieba_rs::Jieba;
use unicode_normalization::UnicodeNormalization as _;

pub(crate) use codes::{code_form, compound, hex_digits};
pub(crate) use latin::{Token, plain_tokens, stem, tokens};
pub(crate) use simplified::simplify;
pub(crate) use terms::{Kind, Term, character_of, terms};

/// Bytes of one text (title, body, extra); the rest is ignored.
pub(crate) const TEXT_BYTES_MAX: usize = 256 * 1024;
/// Longer words are encoded data: [`crate::Index::similar`] ignores them, [`crate::Index::find`] uses their prefix.
pub(crate) const WORD_CHARS_MAX: usize = 64;

/// The dictionary of jieba (MIT), as jieba-rs 0.11.0 ships it.
const DICTIONARY: &[u8] = include_bytes!("../../data/dict.txt.gz");

static JIEBA: LazyLock<Jieba> = LazyLock::new(|| {
    Jieba::with_dict(&mut BufReader::new(GzDecoder::new(DICTIONARY))).expect("the embedded dictionary is well-formed")
});

/// Loads the dictionary.
pub(crate) fn warm_up() {
    LazyLock::force(&JIEBA);
}

/// A run of one script in a normalised text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run<'t> {
    /// Chinese characters, and kana, which have no spaces either.
    Han(&'t str),
    /// Letters and digits of all other scripts, with the connectors used in codes, and the spaces within one code.
    Latin(&'t str),
}

/// At most `bytes_max` bytes of a text.
pub(crate) fn truncate(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// The text with NFKC, one kind of dash, one sign of multiplication, and no invisible characters.
pub(crate) fn normalise(text: &str) -> Cow<'_, str> {
    let text = truncate(text, TEXT_BYTES_MAX);
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let unified = |c| match c {
        c if is_dash(c) => '-',
        // ✕ ✖ ⨯ ╳
        '\u{2715}' | '\u{2716}' | '\u{2A2F}' | '\u{2573}' => '×',
        c => c,
    };
    text.nfkc().filter(|c| !is_invisible(*c)).map(unified).collect()
}

/// Invisible characters: soft hyphens, joiners, direction and byte order marks. They come from web pages and would
/// split words.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}')
}

/// Hyphens, dashes of all widths, and the sign of subtraction; NFKC gives the full-width ones.
fn is_dash(c: char) -> bool {
    matches!(c, '\u{2010}'..='\u{2015}' | '\u{2043}' | '\u{2212}')
}

pub(crate) fn is_han(c: char) -> bool {
    matches!(
        u32::from(c),
        0x3005..=0x3007 | 0x3040..=0x30FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x323AF
    ) && c.is_alphanumeric()
}

fn is_latin(c: char) -> bool {
    // Combining marks belong to the letter before them, where NFKC has no composed character.
    (c.is_alphanumeric() || unicode_normalization::char::is_combining_mark(c)) && !is_han(c)
}

fn is_connector(c: char) -> bool {
    matches!(c, '-' | '_' | '.' | '/')
}

/// The runs of a normalised text.
pub(crate) fn runs(text: &str) -> Vec<Run<'_>> {
    let mut runs = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = if is_han(c) {
            rest.find(|c| !is_han(c)).unwrap_or(rest.len())
        } else if is_latin(c) {
            codes::length_with_spaces(rest, latin_length(rest))
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

/// Length of a run of letters, digits, and connectors between them.
fn latin_length(text: &str) -> usize {
    let mut chars = text.char_indices().peekable();
    let mut before = ' ';
    while let Some((place, c)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        let connects = is_connector(c) && next.is_some_and(is_latin);
        // `M8×40`
        let multiplies = matches!(c, '×' | '*') && before.is_ascii_digit() && next.is_some_and(|c| c.is_ascii_digit());
        if !(is_latin(c) || connects || multiplies) {
            return place;
        }
        before = c;
    }
    text.len()
}

pub(crate) fn lowercase(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().flat_map(char::to_lowercase).collect()
}

/// The words of a Chinese run in sequence.
pub(crate) fn han_words(run: &str) -> Vec<&str> {
    JIEBA.cut(run, false).into_iter().map(|token| token.word).collect()
}

/// The words of a Chinese run and the words within them, each with its place in characters.
fn han_search_words(run: &str) -> Vec<(&str, Range<usize>)> {
    JIEBA.cut_for_search(run, false).into_iter().map(|token| (token.word, token.start..token.end)).collect()
}

#[cfg(test)]
mod tests;
