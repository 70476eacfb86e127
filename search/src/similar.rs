//! Similar documents: tantivy finds candidates by the question's most telling words, then a precise pass scores them.
//!
//! The score of a document is the share of the question's information that it covers. A term's information is its
//! inverse document frequency (Robertson–Spärck Jones, smoothed so that an index of one document works like one of a
//! million); codes count more, the title's terms count once more. Documents that say much else are held back a little.

use std::borrow::Cow;
use std::collections::HashMap;

use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, BoostQuery, Occur, Query, TermQuery};
use tantivy::schema::{IndexRecordOption, Value as _};
use tantivy::{Searcher, TantivyDocument, Term as IndexTerm};

use crate::analysis::{Kind, Term, terms};
use crate::index::{Fields, clause_queries, exact, id_of};
use crate::{Facet, Hit, REASONS_MAX, Reason, ReasonKind, SimilarQuery};

/// Terms of one question that are looked up; the least telling are left out.
const TERMS_MAX: usize = 25;
/// Distinct terms of a question that are weighed at all.
const QUESTION_TERMS_MAX: usize = 400;
/// Documents that the precise pass looks at.
const CANDIDATES_MIN: usize = 64;
const CANDIDATES_PER_HIT: usize = 4;
const CODE_WEIGHT: f32 = 2.5;
const TITLE_WEIGHT: f32 = 1.0;
/// Part of a title term's weight that only a title gives.
const TITLE_ON_TITLE: f32 = 0.35;
/// Smoothing of the inverse document frequency: as if so many documents stood beside those there are.
const PRIOR_DOCUMENTS: f32 = 1_000.0;
/// How far a document that says more than the question is held back, per doubling of its length.
const LENGTH_PENALTY: f32 = 0.04;
const LENGTH_PENALTY_MAX: f32 = 0.25;

/// How a term stands in the index: a code is no word, even where they are spelt alike.
pub(crate) fn indexed_form(term: &Term) -> Cow<'_, str> {
    match term.kind {
        Kind::Word => Cow::Borrowed(&term.text),
        Kind::Code => Cow::Owned(format!("#{}", term.text)),
    }
}

/// What scoring needs of a document: for each distinct term how often it stands in the title and in all.
pub(crate) struct Profile {
    terms: HashMap<u64, (u8, u8)>,
}

const ENTRY_BYTES: usize = 10;

impl Profile {
    pub fn of(title: &[Term], body: &[Term]) -> Self {
        let mut profile: HashMap<u64, (u8, u8)> = HashMap::new();
        for (terms, in_title) in [(title, true), (body, false)] {
            for term in terms {
                let (of_title, of_all) = profile.entry(hash(&indexed_form(term))).or_default();
                *of_all = of_all.saturating_add(1);
                *of_title = of_title.saturating_add(u8::from(in_title));
            }
        }
        Self { terms: profile }
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.terms.len() * ENTRY_BYTES);
        for (hash, (of_title, of_all)) in &self.terms {
            bytes.extend(hash.to_le_bytes());
            bytes.extend([*of_title, *of_all]);
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Self {
        let entries = bytes.as_chunks::<ENTRY_BYTES>().0.iter().map(|entry| {
            let (hash, counts) = entry.split_at(8);
            (u64::from_le_bytes(hash.try_into().unwrap_or_default()), (counts[0], counts[1]))
        });
        Self { terms: entries.collect() }
    }

    fn len(&self) -> f32 {
        self.terms.values().map(|(_, of_all)| f32::from(*of_all)).sum()
    }
}

/// FNV-1a: stable across versions of the program, since it is stored.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A term of the question, weighed.
struct Weighed {
    form: String,
    surface: String,
    kind: Kind,
    in_title: bool,
    count: f32,
    weight: f32,
}

fn weigh(searcher: &Searcher, fields: &Fields, query: &SimilarQuery<'_>) -> tantivy::Result<Vec<Weighed>> {
    let mut weighed: Vec<Weighed> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for (text, in_title) in [(query.title, true), (query.body, false)] {
        for term in terms(text) {
            let form = indexed_form(&term).into_owned();
            match places.get(&form) {
                Some(place) => {
                    weighed[*place].count += 1.0;
                    weighed[*place].in_title |= in_title;
                }
                None if weighed.len() < QUESTION_TERMS_MAX => {
                    places.insert(form.clone(), weighed.len());
                    let Term { text: _, kind, surface } = term;
                    weighed.push(Weighed { form, surface, kind, in_title, count: 1.0, weight: 0.0 });
                }
                None => {}
            }
        }
    }
    let documents = precise(searcher.num_docs()) + PRIOR_DOCUMENTS;
    for term in &mut weighed {
        let holding = precise(searcher.doc_freq(&IndexTerm::from_field_text(fields.words, &term.form))?) + 1.0;
        let idf = (1.0 + (documents - holding + 0.5).max(0.5) / (holding + 0.5)).ln();
        let boost = if term.kind == Kind::Code { CODE_WEIGHT } else { 1.0 };
        let title = if term.in_title { 1.0 + TITLE_WEIGHT } else { 1.0 };
        term.weight = idf * boost * title * (1.0 + term.count.ln().min(2.0) * 0.25);
    }
    weighed.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.form.cmp(&b.form)));
    Ok(weighed)
}

#[expect(clippy::cast_precision_loss, reason = "counts of documents; a rounded one weighs the same")]
fn precise(count: u64) -> f32 {
    count as f32
}

pub(crate) fn similar(searcher: &Searcher, fields: &Fields, query: &SimilarQuery<'_>) -> tantivy::Result<Vec<Hit>> {
    let weighed = weigh(searcher, fields, query)?;
    if weighed.is_empty() || query.limit == 0 {
        return Ok(Vec::new());
    }
    let candidates = candidates(searcher, fields, query, &weighed)?;
    let average = weighed.iter().map(|term| term.weight).sum::<f32>() / precise(weighed.len() as u64);
    let question_length: f32 = weighed.iter().map(|term| term.count).sum();
    let mut hits = Vec::new();
    for (facets, document) in candidates {
        let profile = document.get_first(fields.profile).and_then(|bytes| bytes.as_bytes()).unwrap_or_default();
        let profile = Profile::from_bytes(profile);
        let Some((score, reasons)) = score(&weighed, query.facets, &facets, average, question_length, &profile) else {
            continue;
        };
        if score >= query.floor {
            hits.push(Hit { id: id_of(&document, fields), score, reasons });
        }
    }
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
    hits.truncate(query.limit);
    Ok(hits)
}

type Candidate = (Vec<bool>, TantivyDocument);

/// The documents worth a precise look, with the facets that each has in common.
fn candidates(
    searcher: &Searcher,
    fields: &Fields,
    query: &SimilarQuery<'_>,
    weighed: &[Weighed],
) -> tantivy::Result<Vec<Candidate>> {
    let any: Vec<(Occur, Box<dyn Query>)> = weighed
        .iter()
        .take(TERMS_MAX)
        .map(|term| {
            let index_term = IndexTerm::from_field_text(fields.words, &term.form);
            let boost = if term.kind == Kind::Code { CODE_WEIGHT } else { 1.0 };
            let title = if term.in_title { 1.0 + TITLE_WEIGHT } else { 1.0 };
            let query = TermQuery::new(index_term, IndexRecordOption::WithFreqs);
            (Occur::Should, Box::new(BoostQuery::new(Box::new(query), boost * title)) as Box<dyn Query>)
        })
        .collect();
    let mut parts = clause_queries(fields, query.clause);
    parts.push((Occur::Must, Box::new(BooleanQuery::new(any))));
    for id in query.exclude {
        parts.push((Occur::MustNot, exact(IndexTerm::from_field_text(fields.id, &id.to_string()))));
    }
    let limit = CANDIDATES_MIN.max(query.limit.saturating_mul(CANDIDATES_PER_HIT));
    let top = searcher.search(&BooleanQuery::new(parts), &TopDocs::with_limit(limit).order_by_score())?;
    top.into_iter()
        .map(|(_, address)| {
            let facets = query
                .facets
                .iter()
                .map(|facet| has_tag(searcher, fields, address, facet))
                .collect::<tantivy::Result<Vec<_>>>()?;
            Ok((facets, searcher.doc(address)?))
        })
        .collect()
}

fn has_tag(
    searcher: &Searcher,
    fields: &Fields,
    address: tantivy::DocAddress,
    facet: &Facet,
) -> tantivy::Result<bool> {
    use tantivy::DocSet as _;
    let Facet { name, value, weight: _ } = facet;
    let term = IndexTerm::from_field_text(fields.tags, &format!("{name}={value}"));
    let postings = searcher
        .segment_reader(address.segment_ord)
        .inverted_index(fields.tags)?
        .read_postings(&term, IndexRecordOption::Basic)?;
    Ok(postings.is_some_and(|mut postings| postings.doc() <= address.doc_id && postings.seek(address.doc_id) == address.doc_id))
}

/// The share of the question's information that a document covers, and what covers it. `None` where no term does:
/// the same product alone makes nothing similar.
fn score(
    weighed: &[Weighed],
    facets: &[Facet],
    facets_in_common: &[bool],
    average: f32,
    question_length: f32,
    profile: &Profile,
) -> Option<(f32, Vec<Reason>)> {
    let mut all = 0.0;
    let mut covered: Vec<Reason> = Vec::new();
    for term in weighed {
        all += term.weight;
        let Some((of_title, of_all)) = profile.terms.get(&hash(&term.form)) else { continue };
        // Said once where the question says it often is not all of it.
        let often = ((1.0 + f32::from(*of_all)).ln() / (1.0 + term.count).ln()).min(1.0);
        let place = if term.in_title && *of_title == 0 { 1.0 - TITLE_ON_TITLE } else { 1.0 };
        let kind = if term.kind == Kind::Code { ReasonKind::Code } else { ReasonKind::Term };
        let weight = term.weight * (0.75 + 0.25 * often) * place;
        covered.push(Reason { kind, value: term.surface.clone(), weight });
    }
    if covered.is_empty() {
        return None;
    }
    for (facet, in_common) in facets.iter().zip(facets_in_common) {
        let weight = facet.weight * average;
        all += weight;
        if *in_common {
            let Facet { name, value, weight: _ } = facet;
            covered.push(Reason { kind: ReasonKind::Field, value: format!("{name}={value}"), weight });
        }
    }
    let doublings = (profile.len() / question_length.max(1.0)).max(1.0).log2();
    let held_back = 1.0 - (LENGTH_PENALTY * doublings).min(LENGTH_PENALTY_MAX);
    let sum: f32 = covered.iter().map(|reason| reason.weight).sum();
    let score = (sum / all * held_back).clamp(0.0, 1.0);
    covered.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.value.cmp(&b.value)));
    covered.dedup_by(|a, b| a.kind == b.kind && a.value == b.value);
    covered.truncate(REASONS_MAX);
    for reason in &mut covered {
        reason.weight = (reason.weight / sum).clamp(0.0, 1.0);
    }
    Some((score, covered))
}
