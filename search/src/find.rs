//! Full-text filter for lists: every word of the text must be in the document.
//!
//! A Latin word is found as written, by its stem and, for the last word, as a prefix; a code with or without hyphens; a
//! Chinese word as a phrase of characters, so that segmentation never hides a document.

use std::collections::HashSet;

use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, BoostQuery, FuzzyTermQuery, Occur, PhraseQuery, Query, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{Searcher, Term};

use crate::analysis::{
    Kind, Run, Token, WORD_CHARS_MAX, han_words, lowercase, normalise, runs, stem, terms, tokens, truncate,
};
use crate::candidates::{IdColumns, clause_parts, exact_term, unscored};
use crate::generation::Fields;
use crate::statistics::{Statistics, StatisticsCache};
use crate::{Clause, TextHit};

/// Bytes of a query text; the rest is ignored.
const QUERY_BYTES_MAX: usize = 4 * 1024;
/// Words of a query text; the rest is ignored.
const WORDS_MAX: usize = 32;
/// A shorter prefix would match half the dictionary.
const PREFIX_CHARS_MIN: usize = 2;
/// In the ranking a code counts as so many words.
const CODE_WEIGHT: f32 = 2.0;

/// One required word.
#[derive(Clone, Debug, PartialEq, Eq)]
enum WordQuery {
    /// One of these forms.
    AnyOf(Vec<String>),
    /// One of these forms, or a word with this prefix.
    Prefix(Vec<String>, String),
    /// These characters in sequence.
    Phrase(String),
}

/// The words that a document must contain; empty for a text without words, which finds nothing.
fn word_queries(text: &str) -> Vec<WordQuery> {
    let normalised = normalise(truncate(text, QUERY_BYTES_MAX));
    // The user may still be typing the last word.
    let is_incomplete = normalised.chars().last().is_some_and(char::is_alphanumeric);
    let mut word_queries = Vec::new();
    let mut last_latin = None;
    for run in runs(&normalised) {
        last_latin = None;
        match run {
            Run::Han(run) => {
                word_queries.extend(han_words(run).into_iter().map(|word| WordQuery::Phrase(word.to_owned())))
            }
            Run::Latin(run) => {
                for token in tokens(run) {
                    let (any, whole) = match token {
                        Token::Word(word) => (word_forms(word), normalise_word(word)),
                        Token::Code(code) => (vec![strip_hyphens(code)], strip_hyphens(code)),
                        // The code that contains it is required already.
                        Token::Part(_) => continue,
                    };
                    last_latin = Some((word_queries.len(), whole));
                    word_queries.push(WordQuery::AnyOf(any));
                }
            }
        }
    }
    if let Some((place, prefix)) =
        last_latin.filter(|(_, word)| is_incomplete && word.chars().count() >= PREFIX_CHARS_MIN)
        && let WordQuery::AnyOf(any) = &word_queries[place]
    {
        word_queries[place] = WordQuery::Prefix(any.clone(), prefix);
    }
    word_queries.truncate(WORDS_MAX);
    word_queries
}

/// All forms of a Latin run: words as written and stemmed, codes without hyphens, and the whole run.
pub(crate) fn latin_forms(run: &str) -> Vec<String> {
    let mut forms = Vec::new();
    for piece in run.split('/') {
        // The whole piece, so that a prefix of `3.2.1-beta` is found.
        forms.push(normalise_word(piece));
    }
    for token in tokens(run) {
        match token {
            Token::Word(word) | Token::Part(word) => forms.extend(word_forms(word)),
            Token::Code(code) => {
                forms.push(strip_hyphens(code));
                code.split(['-', '_']).filter(|part| !part.is_empty()).for_each(|part| forms.extend(word_forms(part)));
            }
        }
    }
    forms.sort_unstable();
    forms.dedup();
    forms
}

fn word_forms(word: &str) -> Vec<String> {
    let whole = normalise_word(word);
    let stem = stem(&whole).into_owned();
    if stem == whole { vec![whole] } else { vec![whole, stem] }
}

/// The word in lower case, truncated to the maximum length of a word.
fn normalise_word(word: &str) -> String {
    lowercase(word).chars().take(WORD_CHARS_MAX).collect()
}

/// The code in lower case, without hyphens.
fn strip_hyphens(code: &str) -> String {
    normalise_word(&code.replace(['-', '_'], ""))
}

/// Whether [`crate::Index::find`] would find a document with these texts, decided in memory.
pub fn matches(text: &str, title: &str, body: &str, extra: &str) -> bool {
    let word_queries = word_queries(text);
    if word_queries.is_empty() {
        return false;
    }
    let parts = [normalise(title), normalise(body), normalise(extra)];
    let mut forms = HashSet::new();
    let mut han = Vec::new();
    for run in parts.iter().flat_map(|part| runs(part)) {
        match run {
            Run::Han(run) => han.push(run),
            Run::Latin(run) => forms.extend(latin_forms(run)),
        }
    }
    word_queries.iter().all(|query| match query {
        WordQuery::AnyOf(any) => any.iter().any(|form| forms.contains(form)),
        WordQuery::Prefix(any, prefix) => {
            any.iter().any(|form| forms.contains(form)) || forms.iter().any(|form| form.starts_with(prefix.as_str()))
        }
        WordQuery::Phrase(word) => han.iter().any(|run| run.contains(word.as_str())),
    })
}

pub(crate) fn find(
    searcher: &Searcher,
    fields: &Fields,
    cache: &StatisticsCache,
    text: &str,
    clause: &Clause,
    limit: usize,
) -> tantivy::Result<Vec<TextHit>> {
    let word_queries = word_queries(text);
    if word_queries.is_empty() || limit == 0 {
        return Ok(Vec::new());
    }
    let mut parts = clause_parts(fields.tags, clause);
    parts.extend(word_queries.iter().map(|query| (Occur::Must, unscored(word_query(fields, query)))));
    let scored = scored_terms(fields, text);
    let terms = scored.iter().map(|(term, _)| term.clone());
    let statistics = Statistics::of(searcher, fields, cache, clause, terms)?;
    parts.extend(scored.into_iter().map(|(term, weight)| {
        let query = TermQuery::new(term, IndexRecordOption::WithFreqs);
        (Occur::Should, Box::new(BoostQuery::new(Box::new(query), weight)) as Box<dyn Query>)
    }));
    let limit = limit.min(usize::try_from(searcher.num_docs()).unwrap_or(usize::MAX)).max(1);
    let best = TopDocs::with_limit(limit).order_by_score();
    let top = searcher.search_with_statistics_provider(&BooleanQuery::new(parts), &best, &statistics)?;
    let ids: Vec<IdColumns> = searcher.segment_readers().iter().map(IdColumns::of).collect::<tantivy::Result<_>>()?;
    let mut hits: Vec<TextHit> = top
        .into_iter()
        .filter_map(|(score, place)| {
            Some(TextHit { id: ids.get(place.segment_ord as usize)?.read(place.doc_id), score })
        })
        .collect();
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
    Ok(hits)
}

fn word_query(fields: &Fields, query: &WordQuery) -> Box<dyn Query> {
    let latin = |form: &String| Term::from_field_text(fields.latin, form);
    let any_of = |any: &[String]| -> Vec<Box<dyn Query>> { any.iter().map(|form| exact_term(latin(form))).collect() };
    match query {
        WordQuery::AnyOf(any) => Box::new(BooleanQuery::union(any_of(any))),
        WordQuery::Prefix(any, prefix) => {
            let mut any = any_of(any);
            any.push(Box::new(FuzzyTermQuery::new_prefix(latin(prefix), 0, false)));
            Box::new(BooleanQuery::union(any))
        }
        WordQuery::Phrase(word) => {
            let characters: Vec<Term> =
                word.chars().map(|c| Term::from_field_text(fields.han, &c.to_string())).collect();
            match <[Term; 1]>::try_from(characters) {
                Ok([one]) => exact_term(one),
                Err(several) => Box::new(PhraseQuery::new(several)),
            }
        }
    }
}

/// These terms only affect the ranking, each by its weight: title and body count more than the extra text.
fn scored_terms(fields: &Fields, text: &str) -> Vec<(Term, f32)> {
    let mut terms = terms(truncate(text, QUERY_BYTES_MAX));
    terms.retain(|term| matches!(term.kind, Kind::Word | Kind::Subword | Kind::Code));
    terms.truncate(WORDS_MAX);
    let weight = |kind| if kind == Kind::Code { CODE_WEIGHT } else { 1.0 };
    terms.into_iter().map(|term| (Term::from_field_text(fields.words, &term.form), weight(term.kind))).collect()
}
