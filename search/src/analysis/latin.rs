//! Words, numbers and codes in a run of Latin (or any other spaced) script.

use std::borrow::Cow;
use std::sync::LazyLock;

use rust_stemmers::{Algorithm, Stemmer};

use super::codes::{Compound, compound};

static STEMMER: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::create(Algorithm::English));

/// Letters and digits of one code, in characters.
const CODE_CHARS_MAX: usize = 64;
/// Hyphenated parts of one code; more parts are a phrase, such as the path of a web page.
const CODE_PARTS_MAX: usize = 6;
/// `24h`, `500mb`, `3rd`: a number with a unit is no code.
const UNIT_CHARS_MAX: usize = 3;
/// Letters of a part of a code that is also a word, as in `windows-10`.
const PART_WORD_CHARS_MIN: usize = 4;
/// Letters of a code without digits, as in `ERR_CONNECTION_REFUSED`.
const CONSTANT_CHARS_MIN: usize = 6;
/// `8007000E`: a code, although it ends like a number with a unit.
const HEX_CODE_DIGITS: usize = 8;

/// A piece of a run as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'t> {
    Word(&'t str),
    /// An error code, a model or part number, with hyphens.
    Code(&'t str),
    /// A word within the preceding code.
    Part(&'t str),
    /// A part of the preceding code that identifies less than it.
    Group(&'t str),
}

impl<'t> Token<'t> {
    /// As written.
    pub fn text(self) -> &'t str {
        match self {
            Self::Word(text) | Self::Code(text) | Self::Part(text) | Self::Group(text) => text,
        }
    }
}

/// The tokens of a Latin run.
pub(crate) fn tokens(run: &str) -> Vec<Token<'_>> {
    match compound(run) {
        Some(Compound { groups, words }) => {
            let words = words.into_iter().flat_map(plain_tokens);
            std::iter::once(Token::Code(run)).chain(groups.into_iter().map(Token::Group)).chain(words).collect()
        }
        None => plain_tokens(run),
    }
}

/// The tokens of a run without spaces, whatever code it is.
pub(crate) fn plain_tokens(run: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    for piece in run.split('/') {
        if let Some(number) = dotted_number(piece) {
            tokens.push(Token::Word(number));
            continue;
        }
        for segment in piece.split('.') {
            let parts = || segment.split(['-', '_']).filter(|part| !part.is_empty());
            if is_code(segment) {
                tokens.push(Token::Code(segment));
                tokens.extend(parts().filter(|part| is_word_part(part)).map(Token::Part));
            } else if is_constant(segment) {
                tokens.push(Token::Code(segment));
                tokens.extend(parts().map(Token::Part));
            } else {
                tokens.extend(parts().map(Token::Word));
            }
        }
    }
    tokens
}

/// `10.0.3` and `v10.0.3`: versions and addresses stay whole.
fn dotted_number(piece: &str) -> Option<&str> {
    let number = piece.strip_prefix(['v', 'V']).unwrap_or(piece);
    let numbers =
        number.contains('.') && number.split('.').all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    numbers.then_some(number)
}

/// Letters and digits together: `e-721`, `pm-3300`, `0x80070005`, `ora-00600`.
fn is_code(segment: &str) -> bool {
    let letters = segment.chars().any(char::is_alphabetic);
    let digits = segment.chars().any(|c| c.is_ascii_digit());
    letters
        && digits
        && segment.chars().count() <= CODE_CHARS_MAX
        && segment.split(['-', '_']).count() <= CODE_PARTS_MAX
        && !is_quantity(segment)
}

fn is_quantity(segment: &str) -> bool {
    if segment.len() == HEX_CODE_DIGITS && segment.bytes().all(|b| b.is_ascii_hexdigit()) {
        return false;
    }
    let unit = segment.trim_start_matches(|c: char| c.is_ascii_digit());
    unit.len() < segment.len() && unit.chars().count() <= UNIT_CHARS_MAX && unit.chars().all(char::is_alphabetic)
}

/// `ERR_CONNECTION_REFUSED`.
fn is_constant(segment: &str) -> bool {
    segment.contains('_')
        && segment.chars().all(|c| c == '_' || c.is_uppercase())
        && (CONSTANT_CHARS_MIN..=CODE_CHARS_MAX).contains(&segment.chars().count())
}

fn is_word_part(part: &str) -> bool {
    part.chars().all(char::is_alphabetic) && part.chars().count() >= PART_WORD_CHARS_MIN
}

/// The stem of an English word in lower case; other words stay as they are.
pub(crate) fn stem(word: &str) -> Cow<'_, str> {
    if word.bytes().all(|b| b.is_ascii_lowercase()) { STEMMER.stem(word) } else { Cow::Borrowed(word) }
}
