//! The filter of people who type into a list: every word of the text must be in the document.
//!
//! A Latin word is found as written, by its stem, or, the last one, as the beginning of a word; a code whatever its
//! hyphens; a Chinese word as a run of characters, so that no difference in segmentation hides a document.

use std::collections::HashSet;

use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, BoostQuery, FuzzyTermQuery, Occur, PhraseQuery, Query, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{Searcher, Term};

use crate::analysis::{Kind, Run, Token, WORD_CHARS_MAX, cut, han_words, lower, plain, runs, stem, terms, tokens};
use crate::candidates::{Ids, clause_parts, exact, uncounted};
use crate::generation::Fields;
use crate::{Clause, TextHit};

/// Of one text that is looked for, in bytes; the rest is not read.
const QUESTION_BYTES_MAX: usize = 4 * 1024;
/// Words of one text; the rest is not read.
const WORDS_MAX: usize = 32;
/// Shorter beginnings would find half the dictionary.
const PREFIX_CHARS_MIN: usize = 2;
/// A code counts so many words in the ranking.
const CODE_WEIGHT: f32 = 2.0;

/// One word that must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Need {
    /// One of these.
    AnyOf(Vec<String>),
    /// One of these, or a word that begins so.
    Beginning(Vec<String>, String),
    /// These characters in a row.
    Characters(String),
}

/// What a text needs; empty for a text without words, which finds nothing.
fn needs(text: &str) -> Vec<Need> {
    let plain = plain(cut(text, QUESTION_BYTES_MAX));
    // Somebody who types on has not ended the last word.
    let typing = plain.chars().last().is_some_and(char::is_alphanumeric);
    let mut needs = Vec::new();
    let mut last_latin = None;
    for run in runs(&plain) {
        last_latin = None;
        match run {
            Run::Han(run) => needs.extend(han_words(run).into_iter().map(|word| Need::Characters(word.to_owned()))),
            Run::Latin(run) => {
                for token in tokens(run) {
                    let (any, whole) = match token {
                        Token::Word(word) => (word_forms(word), lead(word)),
                        Token::Code(code) => (vec![squeeze(code)], squeeze(code)),
                        // The code that it belongs to is asked for already.
                        Token::Part(_) => continue,
                    };
                    last_latin = Some((needs.len(), whole));
                    needs.push(Need::AnyOf(any));
                }
            }
        }
    }
    if let Some((place, beginning)) = last_latin.filter(|(_, word)| typing && word.chars().count() >= PREFIX_CHARS_MIN)
        && let Need::AnyOf(any) = &needs[place]
    {
        needs[place] = Need::Beginning(any.clone(), beginning);
    }
    needs.truncate(WORDS_MAX);
    needs
}

/// What a Latin run is found by: its words as written and stemmed, its codes without hyphens, and all of it.
pub(crate) fn latin_forms(run: &str) -> Vec<String> {
    let mut forms = Vec::new();
    for piece in run.split('/') {
        // Whole, so that the beginning of `3.2.1-beta` is found.
        forms.push(lead(piece));
    }
    for token in tokens(run) {
        match token {
            Token::Word(word) | Token::Part(word) => forms.extend(word_forms(word)),
            Token::Code(code) => {
                forms.push(squeeze(code));
                code.split(['-', '_']).filter(|part| !part.is_empty()).for_each(|part| forms.extend(word_forms(part)));
            }
        }
    }
    forms.sort_unstable();
    forms.dedup();
    forms
}

fn word_forms(word: &str) -> Vec<String> {
    let lead = lead(word);
    let stem = stem(&lead).into_owned();
    if stem == lead { vec![lead] } else { vec![lead, stem] }
}

/// The word in lower case, cut where it is no word any more.
fn lead(word: &str) -> String {
    lower(word).chars().take(WORD_CHARS_MAX).collect()
}

/// A code without its hyphens, in lower case.
fn squeeze(code: &str) -> String {
    lead(&code.replace(['-', '_'], ""))
}

/// Whether [`crate::Index::find`] would find a document of these texts: the same decision, made in memory.
pub fn matches(text: &str, title: &str, body: &str, extra: &str) -> bool {
    let needs = needs(text);
    if needs.is_empty() {
        return false;
    }
    let parts = [plain(title), plain(body), plain(extra)];
    let mut forms = HashSet::new();
    let mut han = Vec::new();
    for run in parts.iter().flat_map(|part| runs(part)) {
        match run {
            Run::Han(run) => han.push(run),
            Run::Latin(run) => forms.extend(latin_forms(run)),
        }
    }
    needs.iter().all(|need| match need {
        Need::AnyOf(any) => any.iter().any(|form| forms.contains(form)),
        Need::Beginning(any, beginning) => {
            any.iter().any(|form| forms.contains(form)) || forms.iter().any(|form| form.starts_with(beginning.as_str()))
        }
        Need::Characters(word) => han.iter().any(|run| run.contains(word.as_str())),
    })
}

pub(crate) fn find(
    searcher: &Searcher,
    fields: &Fields,
    text: &str,
    clause: &Clause,
    limit: usize,
) -> tantivy::Result<Vec<TextHit>> {
    let needs = needs(text);
    if needs.is_empty() || limit == 0 {
        return Ok(Vec::new());
    }
    let mut parts = clause_parts(fields.tags, clause);
    parts.extend(needs.iter().map(|need| (Occur::Must, uncounted(need_query(fields, need)))));
    parts.extend(ranking(fields, text));
    let limit = limit.min(usize::try_from(searcher.num_docs()).unwrap_or(usize::MAX)).max(1);
    let top = searcher.search(&BooleanQuery::new(parts), &TopDocs::with_limit(limit).order_by_score())?;
    let ids: Vec<Ids> = searcher.segment_readers().iter().map(Ids::of).collect::<tantivy::Result<_>>()?;
    let mut hits: Vec<TextHit> = top
        .into_iter()
        .filter_map(|(score, place)| {
            Some(TextHit { id: ids.get(place.segment_ord as usize)?.read(place.doc_id), score })
        })
        .collect();
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
    Ok(hits)
}

fn need_query(fields: &Fields, need: &Need) -> Box<dyn Query> {
    let latin = |form: &String| Term::from_field_text(fields.latin, form);
    let any_of = |any: &[String]| -> Vec<Box<dyn Query>> { any.iter().map(|form| exact(latin(form))).collect() };
    match need {
        Need::AnyOf(any) => Box::new(BooleanQuery::union(any_of(any))),
        Need::Beginning(any, beginning) => {
            let mut any = any_of(any);
            any.push(Box::new(FuzzyTermQuery::new_prefix(latin(beginning), 0, false)));
            Box::new(BooleanQuery::union(any))
        }
        Need::Characters(word) => {
            let characters: Vec<Term> =
                word.chars().map(|c| Term::from_field_text(fields.han, &c.to_string())).collect();
            match <[Term; 1]>::try_from(characters) {
                Ok([one]) => exact(one),
                Err(several) => Box::new(PhraseQuery::new(several)),
            }
        }
    }
}

/// What only ranks: a word in title or body counts more than one that is in neither.
fn ranking(fields: &Fields, text: &str) -> Vec<(Occur, Box<dyn Query>)> {
    let mut terms = terms(cut(text, QUESTION_BYTES_MAX));
    terms.retain(|term| matches!(term.kind, Kind::Word | Kind::Inner | Kind::Code));
    terms.truncate(WORDS_MAX);
    terms
        .into_iter()
        .map(|term| {
            let query = TermQuery::new(Term::from_field_text(fields.words, &term.form), IndexRecordOption::WithFreqs);
            let weight = if term.kind == Kind::Code { CODE_WEIGHT } else { 1.0 };
            (Occur::Should, Box::new(BoostQuery::new(Box::new(query), weight)) as Box<dyn Query>)
        })
        .collect()
}
