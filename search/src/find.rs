//! Full-text filter for lists: every word of the text must be in the document.
//!
//! A Latin word is found as written, by its stem and, for the last word, as a prefix; a code in every spelling, with or
//! without hyphens and spaces; a Chinese word as a phrase of simplified characters, so that segmentation never hides a
//! document. Each word may be in another text of the document, within the reach of the query.

use std::collections::HashSet;

use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, BoostQuery, FuzzyTermQuery, Occur, PhraseQuery, Query, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{Searcher, Term};

use crate::analysis::{
    Kind, Run, Token, WORD_CHARS_MAX, code_form, compound, han_words, hex_digits, lowercase, normalise, plain_tokens,
    runs, simplify, stem, terms, tokens, truncate,
};
use crate::candidates::{IdColumns, clause_parts, exact_term, unscored};
use crate::generation::{Fields, TextFields};
use crate::statistics::{Statistics, StatisticsCache};
use crate::{Clause, Reach, TextHit};

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
    Latin(LatinQuery),
    /// These characters in sequence.
    Phrase(String),
}

/// A word or a code.
#[derive(Clone, Debug, PartialEq, Eq)]
struct LatinQuery {
    /// One of these forms; the first is the word as written.
    forms: Vec<String>,
    /// A word may also begin with the first form: the user is still typing.
    is_prefix: bool,
    /// Or all of these: the parts of a code that is written with spaces.
    parts: Vec<LatinQuery>,
}

impl LatinQuery {
    fn of(forms: Vec<String>) -> Self {
        Self { forms, is_prefix: false, parts: Vec::new() }
    }

    fn with_prefix(mut self) -> Self {
        self.is_prefix = self.forms[0].chars().count() >= PREFIX_CHARS_MIN;
        if let Some(last) = self.parts.pop() {
            self.parts.push(last.with_prefix());
        }
        self
    }

    fn matches(&self, forms: &HashSet<String>) -> bool {
        self.forms.iter().any(|form| forms.contains(form))
            || (self.is_prefix && forms.iter().any(|form| form.starts_with(self.forms[0].as_str())))
            || (!self.parts.is_empty() && self.parts.iter().all(|part| part.matches(forms)))
    }

    fn query(&self, texts: &[TextFields]) -> Box<dyn Query> {
        let mut any: Vec<Box<dyn Query>> = Vec::new();
        for TextFields { latin, .. } in texts {
            let term = |form: &String| Term::from_field_text(*latin, form);
            any.extend(self.forms.iter().map(|form| exact_term(term(form))));
            if self.is_prefix {
                any.push(Box::new(FuzzyTermQuery::new_prefix(term(&self.forms[0]), 0, false)));
            }
        }
        if !self.parts.is_empty() {
            any.push(Box::new(BooleanQuery::intersection(self.parts.iter().map(|part| part.query(texts)).collect())));
        }
        Box::new(BooleanQuery::union(any))
    }
}

/// The words that a document must contain; empty for a text without words, which finds nothing.
fn word_queries(text: &str) -> Vec<WordQuery> {
    let normalised = normalise(truncate(text, QUERY_BYTES_MAX));
    // The user may still be typing the last word.
    let is_incomplete = normalised.chars().last().is_some_and(char::is_alphanumeric);
    let mut word_queries = Vec::new();
    for run in runs(&normalised) {
        match run {
            Run::Han(run) => {
                let run = simplify(run);
                word_queries.extend(han_words(&run).into_iter().map(|word| WordQuery::Phrase(word.to_owned())));
            }
            Run::Latin(run) => word_queries.extend(latin_queries(run).into_iter().map(WordQuery::Latin)),
        }
    }
    if is_incomplete
        && let Some(WordQuery::Latin(last)) = word_queries.pop_if(|last| matches!(last, WordQuery::Latin(_)))
    {
        word_queries.push(WordQuery::Latin(last.with_prefix()));
    }
    word_queries.truncate(WORDS_MAX);
    word_queries
}

fn latin_queries(run: &str) -> Vec<LatinQuery> {
    if compound(run).is_none() {
        return plain_queries(run);
    }
    // A document may hold the parts of what only looks like one code.
    let parts = if run.contains(' ') { run.split(' ').flat_map(plain_queries).collect() } else { Vec::new() };
    vec![LatinQuery { parts, ..LatinQuery::of(code_forms(run)) }]
}

fn plain_queries(run: &str) -> Vec<LatinQuery> {
    let forms = plain_tokens(run).into_iter().filter_map(|token| match token {
        Token::Word(word) => Some(word_forms(word)),
        Token::Code(code) => Some(code_forms(code)),
        // The code that contains it is required already.
        Token::Part(_) | Token::Group(_) => None,
    });
    forms.map(LatinQuery::of).collect()
}

/// All forms of a Latin run: words as written and stemmed, codes in every spelling, and the whole run.
pub(crate) fn latin_forms(run: &str) -> Vec<String> {
    let mut forms = Vec::new();
    for piece in run.split(['/', ' ']) {
        // The whole piece, so that a prefix of `3.2.1-beta` is found.
        forms.push(normalise_word(piece));
    }
    for token in tokens(run) {
        match token {
            Token::Word(word) | Token::Part(word) => forms.extend(word_forms(word)),
            Token::Code(code) => {
                forms.extend(code_forms(code));
                let parts = code.split(['-', '_', ' ', '/', '×', '*']).filter(|part| !part.is_empty());
                parts.for_each(|part| forms.extend(word_forms(part)));
            }
            Token::Group(group) => forms.extend(code_forms(group)),
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

/// The forms of a code: without hyphens and spaces, and without `0x`.
fn code_forms(code: &str) -> Vec<String> {
    let form: String = code_form(code).chars().take(WORD_CHARS_MAX).collect();
    let digits = hex_digits(&form).map(str::to_owned);
    std::iter::once(form).chain(digits).collect()
}

/// Whether [`crate::Index::find`] would find a document with these texts, decided in memory.
pub fn matches(text: &str, texts: &[&str]) -> bool {
    let word_queries = word_queries(text);
    if word_queries.is_empty() {
        return false;
    }
    let mut forms = HashSet::new();
    let mut han = Vec::new();
    for text in texts.iter().map(|text| normalise(text)) {
        for run in runs(&text) {
            match run {
                Run::Han(run) => han.push(simplify(run).into_owned()),
                Run::Latin(run) => forms.extend(latin_forms(run)),
            }
        }
    }
    word_queries.iter().all(|query| match query {
        WordQuery::Latin(query) => query.matches(&forms),
        WordQuery::Phrase(word) => han.iter().any(|run| run.contains(word.as_str())),
    })
}

pub(crate) fn find(
    searcher: &Searcher,
    fields: &Fields,
    cache: &StatisticsCache,
    text: &str,
    (clause, reach): (&Clause, Reach),
    limit: usize,
) -> tantivy::Result<Vec<TextHit>> {
    let word_queries = word_queries(text);
    if word_queries.is_empty() || limit == 0 {
        return Ok(Vec::new());
    }
    let texts = match reach {
        Reach::Extra => &fields.texts[..2],
        Reach::Restricted => &fields.texts[..],
    };
    let mut parts = clause_parts(fields.tags, clause);
    parts.extend(word_queries.iter().map(|query| (Occur::Must, unscored(word_query(texts, query)))));
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

fn word_query(texts: &[TextFields], query: &WordQuery) -> Box<dyn Query> {
    match query {
        WordQuery::Latin(query) => query.query(texts),
        WordQuery::Phrase(word) => {
            let phrase = |TextFields { han, .. }: &TextFields| -> Box<dyn Query> {
                let characters: Vec<Term> =
                    word.chars().map(|c| Term::from_field_text(*han, c.encode_utf8(&mut [0; 4]))).collect();
                match <[Term; 1]>::try_from(characters) {
                    Ok([one]) => exact_term(one),
                    Err(several) => Box::new(PhraseQuery::new(several)),
                }
            };
            Box::new(BooleanQuery::union(texts.iter().map(phrase).collect()))
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
