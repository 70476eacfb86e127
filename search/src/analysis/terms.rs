//! The terms that texts are compared by.

use std::collections::HashSet;

use super::latin::{Token, stem, tokens};
use super::stop::{is_english_stop, is_han_stop};
use super::{Run, WORD_CHARS_MAX, han_search_words, han_words, lower, plain, runs};

/// A term of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    /// How it stands in the index. The first character tells the kind of all but words, so that the code `#e721` is no
    /// word and the character `·打` is not the word of one character.
    pub form: String,
    /// As the reader knows it.
    pub surface: String,
    pub kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Word,
    /// An error code, a model or part number: letters and digits alone, so that `E721` and `E-721` meet.
    Code,
    /// A shorter Chinese word within a word, as 打印 in 打印机.
    Inner,
    /// A Chinese character, whatever word it stands in. It makes texts more similar, but no text similar.
    Character,
    /// A word that says nothing: it makes texts a little more similar, but no text similar.
    Filler,
}

/// The terms of a text in their order.
pub(crate) fn terms(text: &str) -> Vec<Term> {
    let plain = plain(text);
    let mut terms = Vec::new();
    for run in runs(&plain) {
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
            filler if is_han_stop(filler) => Kind::Filler,
            word if whole.contains(word) => Kind::Word,
            _ => Kind::Inner,
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
        let lower = lower(surface);
        let (form, kind) = if code {
            (format!("#{}", lower.replace(['-', '_'], "")), Kind::Code)
        } else if is_english_stop(&lower) {
            (lower, Kind::Filler)
        } else if lower.chars().count() > WORD_CHARS_MAX {
            continue;
        } else {
            (stem(&lower).into_owned(), Kind::Word)
        };
        terms.push(Term { form, surface: surface.to_owned(), kind });
    }
}
