//! Terms of a text, for comparison.

use std::collections::HashSet;

use super::codes::{code_form, hex_digits};
use super::latin::{Token, stem, tokens};
use super::stop::{is_english_stop, is_han_stop};
use super::{Run, WORD_CHARS_MAX, han_search_words, han_words, lowercase, normalise, runs, simplify};

/// A term of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    /// The form in the index. Its first character gives the kind, except for words: the code `#e721` is no word, and
    /// the character `·打` is not the word of one character. The code `0x80070005` has the form of the number `80070005`.
    pub form: String,
    /// The original spelling.
    pub surface: String,
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Word,
    /// An error code, a model or part number, reduced to letters and digits: `E721` equals `E-721`.
    Code,
    /// A part of a code that identifies less than it: `6ES7` of a part number.
    Group,
    /// A shorter Chinese word within a word, as 打印 in 打印机.
    Subword,
    /// A Chinese character of any word. It adds to a similarity, but alone makes no texts similar.
    Character,
    /// It adds little to a similarity, and alone makes no texts similar.
    StopWord,
}

/// The terms of a text in order.
pub(crate) fn terms(text: &str) -> Vec<Term> {
    let normalised = normalise(text);
    let mut terms = Vec::new();
    for run in runs(&normalised) {
        match run {
            Run::Han(run) => han_terms(run, &mut terms),
            Run::Latin(run) => latin_terms(run, &mut terms),
        }
    }
    terms
}

/// What precedes a Chinese character in the form of its term.
const CHARACTER_MARK: char = '·';

impl Term {
    /// The character of a term of that kind, as the index holds it.
    pub fn character(&self) -> Option<&str> {
        (self.kind == Kind::Character).then(|| character_of(&self.form))
    }
}

/// The character in the form of a term.
pub(crate) fn character_of(form: &str) -> &str {
    form.strip_prefix(CHARACTER_MARK).unwrap_or(form)
}

fn han_terms(run: &str, terms: &mut Vec<Term>) {
    let simplified = simplify(run);
    // In bytes of the run as written, which has as many characters.
    let places: Vec<usize> = run.char_indices().map(|(place, _)| place).chain([run.len()]).collect();
    let whole: HashSet<&str> = han_words(&simplified).into_iter().collect();
    for (word, characters) in han_search_words(&simplified) {
        let kind = match word {
            word if is_han_stop(word) => Kind::StopWord,
            word if whole.contains(word) => Kind::Word,
            _ => Kind::Subword,
        };
        let surface = &run[places[characters.start]..places[characters.end]];
        terms.push(Term { form: word.to_owned(), surface: surface.to_owned(), kind });
    }
    for (c, surface) in simplified.chars().zip(run.chars()) {
        terms.push(Term { form: format!("{CHARACTER_MARK}{c}"), surface: surface.to_string(), kind: Kind::Character });
    }
}

fn latin_terms(run: &str, terms: &mut Vec<Term>) {
    for token in tokens(run) {
        let (surface, kind) = match token {
            Token::Code(code) => (code, Kind::Code),
            Token::Group(group) => (group, Kind::Group),
            Token::Word(word) | Token::Part(word) => (word, Kind::Word),
        };
        let (form, kind) = if kind == Kind::Word {
            let lowered = lowercase(surface);
            if is_english_stop(&lowered) {
                (lowered, Kind::StopWord)
            } else if lowered.chars().count() > WORD_CHARS_MAX {
                continue;
            } else {
                (stem(&lowered).into_owned(), Kind::Word)
            }
        } else {
            (indexed_code(&code_form(surface)), kind)
        };
        terms.push(Term { form, surface: surface.to_owned(), kind });
    }
}

/// The form of a code in the index.
fn indexed_code(form: &str) -> String {
    match hex_digits(form) {
        // The form of the number that people write without `0x`.
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.to_owned(),
        Some(digits) => format!("#{digits}"),
        None => format!("#{form}"),
    }
}
