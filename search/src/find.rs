//! The filter of people who type into a list: every word of the text must be in the document.
//!
//! A Latin word is found as written, by its stem, or — the last one — as the beginning of a word; a code whole or
//! squeezed; a Chinese word as a run of characters, so that no difference in segmentation hides a document.

use std::collections::HashSet;

use crate::analysis::{Run, find_terms, fold, han_words, runs, squeeze, stem};

/// Words of one text; the rest is not read.
const WORDS_MAX: usize = 32;
/// Shorter beginnings would find half the dictionary.
const PREFIX_CHARS_MIN: usize = 2;

/// One word that must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Any of these terms.
    AnyOf(Vec<String>),
    /// Any of these terms, or a term that begins so.
    AnyOfOrPrefix(Vec<String>, String),
    /// These characters in a row.
    Characters(String),
}

/// What a text needs; empty for a text without words, which finds nothing.
pub(crate) fn needs(text: &str) -> Vec<Need> {
    let folded = fold(text);
    let runs = runs(&folded);
    // Somebody who types on has not ended the last word.
    let typing = folded.chars().last().is_some_and(char::is_alphanumeric);
    let last = runs.len().saturating_sub(1);
    let mut needs = Vec::new();
    for (i, run) in runs.iter().enumerate() {
        match run {
            Run::Han(run) => needs.extend(han_words(run).into_iter().map(|word| Need::Characters(word.to_owned()))),
            Run::Latin(run) => {
                let mut any = vec![run.clone(), stem(run).into_owned(), squeeze(run)];
                any.dedup();
                if i == last && typing && run.chars().count() >= PREFIX_CHARS_MIN {
                    needs.push(Need::AnyOfOrPrefix(any, run.clone()));
                } else {
                    needs.push(Need::AnyOf(any));
                }
            }
        }
    }
    needs.truncate(WORDS_MAX);
    needs
}

/// The same decision as [`crate::Index::find`], for one document in memory.
pub fn matches(text: &str, title: &str, body: &str, extra: &str) -> bool {
    let needs = needs(text);
    if needs.is_empty() {
        return false;
    }
    let mut terms = HashSet::new();
    let mut han = Vec::new();
    for part in [title, body, extra] {
        for run in runs(&fold(part)) {
            match run {
                Run::Han(run) => han.push(run),
                Run::Latin(run) => terms.extend(find_terms(&run)),
            }
        }
    }
    needs.iter().all(|need| match need {
        Need::AnyOf(any) => any.iter().any(|term| terms.contains(term)),
        Need::AnyOfOrPrefix(any, prefix) => {
            any.iter().any(|term| terms.contains(term)) || terms.iter().any(|term| term.starts_with(prefix.as_str()))
        }
        Need::Characters(word) => han.iter().any(|run| run.contains(word.as_str())),
    })
}
