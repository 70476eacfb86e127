//! Terms of a text, for comparison.

use std::collections::HashSet;

use super::latin::{Token, stem, tokens};
use super::stop::{is_english_stop, is_han_stop};
use super::{Run, WORD_CHARS_MAX, han_search_words, han_words, lowercase, normalise, runs};

/// A term of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    /// The form in the index. Its first character gives the kind, except for words: the code `#e721` is no word, and
    /// the character `·打` is not the word of one character.
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

fn han_terms(run: &str, terms: &mut Vec<Term>) {
    let whole: HashSet<&str> = han_words(run).into_iter().collect();
    for word in han_search_words(run) {
        let kind = match word {
            word if is_han_stop(word) => Kind::StopWord,
            word if whole.contains(word) => Kind::Word,
            _ => Kind::Subword,
        };
        terms.push(Term { form: word.to_owned(), surface: word.to_owned(), kind });
    }
    for c in run.chars() {
        terms.push(Term { form: format!("·{c}"), surface: c.to_string(), kind: Kind::Character });
    }
}

fn latin_terms(run: &str, terms: &mut Vec<Term>) {
    for token in tokens(run) {
        let (surface, code) = match token {
            Token::Code(code) => (code, true),
            Token::Word(word) | Token::Part(word) => (word, false),
        };
        let lowered = lowercase(surface);
        let (form, kind) = if code {
            (format!("#{}", lowered.replace(['-', '_'], "")), Kind::Code)
        } else if is_english_stop(&lowered) {
            (lowered, Kind::StopWord)
        } else if lowered.chars().count() > WORD_CHARS_MAX {
            continue;
        } else {
            (stem(&lowered).into_owned(), Kind::Word)
        };
        terms.push(Term { form, surface: surface.to_owned(), kind });
    }
}
