//! Similar documents: tantivy finds candidates by the query's rarest terms, then each candidate gets its full score.
//!
//! The lexical similarity of a document is its BM25 score, divided by the score of the query against itself. The IDF is
//! smoothed, so that an index of one document behaves like one of a million; codes count more. [`Similarity`] lists the
//! parts of a score, [`crate::Weights`] says how much each counts.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use tantivy::columnar::Column;
use tantivy::query::{BoostQuery, Occur, Query, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{Searcher, Term as IndexTerm};

use crate::analysis::{Kind, Term, character_of, is_han, terms};
use crate::candidates;
use crate::generation::{AT, Fields};
use crate::profile::{self, Profile, StoredDocument, TermFrequency};
use crate::statistics::{Statistics, StatisticsCache};
use crate::vectors::{Neighbour, VectorQuery, Vectors};
use crate::{Facet, Features, Hit, Reason, ReasonKind, Shares, SimilarQuery, Similarity, VectorSimilarity, reasons};

/// Terms of one query that are looked up in the index; more frequent ones only count for the score.
const TERMS_MAX: usize = 25;
/// Distinct terms of a query; the rest of a long text is ignored.
const QUERY_TERMS_MAX: usize = 256;
/// Documents that get a full score.
const CANDIDATES_MIN: usize = 128;
const CANDIDATES_PER_HIT: usize = 2;
/// Results of one query.
const LIMIT_MAX: usize = 500;

/// Codes of one query that count as codes; a memory dump has hundreds.
const CODES_MAX: usize = 4;
const CODE_WEIGHT: f32 = 3.0;
/// `E-721` and `0x80070005` are codes; `iphone4` and `log4j` are words with a digit.
const CODE_DIGITS_MIN: usize = 3;
/// Digits of a code that also has a letter.
const IDENTIFIER_DIGITS_MIN: usize = 2;
/// Of a word within a word: it repeats part of the longer word.
const SUBWORD_WEIGHT: f32 = 0.5;
/// Of a part of a code that identifies less than it: `6ES7` of a part number.
const GROUP_WEIGHT: f32 = 0.5;
/// Of a Chinese character; its word counts as well.
const CHARACTER_WEIGHT: f32 = 1.0;
const STOP_WORD_WEIGHT: f32 = 0.25;
/// Boost of title terms when candidates are selected.
const HEAD_WEIGHT: f32 = 2.0;
/// Additive smoothing of the IDF.
const SMOOTHING_DOCUMENTS: f32 = 10.0;
/// k1 and b of BM25.
const SATURATION: f32 = 1.2;
const LENGTH_SHARE: f32 = 0.75;

const FACET_WEIGHT_MAX: f32 = 1.0;
/// Weight of the wording of a title that is not Chinese: its words need no segmentation, so shingles add less.
const WORDING_LATIN: f32 = 0.4;
/// The least cosine at which texts without a common word count as similar.
const MEANING_MIN: f32 = 0.35;
const WEEK: f32 = 7.0 * 24.0 * 3_600_000.0;
/// The age is capped here.
const WEEKS_MAX: f32 = 520.0;

/// A term of the query.
struct QueryTerm {
    form: String,
    surface: String,
    kind: Kind,
    /// The code that it is a part of: the hash of its form, and its spelling.
    code: Option<(u32, String)>,
    /// Counts as a code.
    strong: bool,
    hash: u32,
    /// Whether any permitted document contains it.
    in_index: bool,
    /// Its frequency in the query.
    times: TermFrequency,
    weight: f32,
}

impl QueryTerm {
    fn term(&self, fields: &Fields) -> IndexTerm {
        match self.kind {
            Kind::Word | Kind::Subword | Kind::Code | Kind::Group | Kind::StopWord => {
                IndexTerm::from_field_text(fields.words, &self.form)
            }
            Kind::Character => IndexTerm::from_field_text(fields.han, character_of(&self.form)),
        }
    }

    fn boost(&self) -> f32 {
        match self.kind {
            Kind::Word => 1.0,
            Kind::Subword => SUBWORD_WEIGHT,
            Kind::Code if self.strong => CODE_WEIGHT,
            Kind::Code => 1.0,
            Kind::Group => GROUP_WEIGHT,
            Kind::Character => CHARACTER_WEIGHT,
            Kind::StopWord => STOP_WORD_WEIGHT,
        }
    }

    /// `E-721` and `PM-3300` identify a thing; dates and names of variables do not.
    fn is_identifier(&self) -> bool {
        let digits = self.surface.chars().filter(char::is_ascii_digit).count();
        self.strong && digits >= IDENTIFIER_DIGITS_MIN && self.surface.chars().any(char::is_alphabetic)
    }

    fn in_head(&self) -> bool {
        self.times.title > 0 || self.strong
    }

    /// Terms of high priority are looked up first.
    fn priority(&self) -> f32 {
        if self.in_head() { self.weight * HEAD_WEIGHT } else { self.weight }
    }
}

/// A query, tokenised and weighted.
struct AnalysedQuery {
    /// By descending priority.
    terms: Vec<QueryTerm>,
    title_length: f32,
    length: f32,
    /// Average document length.
    average_length: f32,
    /// The score of the query against itself: text, head, title.
    self_score: [f32; 3],
    /// Total weight of its codes.
    codes: f32,
    /// Hashes of the title's shingles.
    shingles: Vec<u32>,
    /// Share of Chinese shingles, in 0..=1.
    han: f32,
    /// Of the permitted documents.
    statistics: Statistics,
}

/// The distinct terms of a query in their order, without weights.
fn gather(title: Vec<Term>, body: Vec<Term>) -> Vec<QueryTerm> {
    let mut query_terms: Vec<QueryTerm> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut code = None;
    let with_place = |terms: Vec<Term>, in_title: bool| terms.into_iter().map(move |term| (term, in_title));
    for (Term { form, surface, kind }, in_title) in with_place(title, true).chain(with_place(body, false)) {
        let place = match places.get(&form) {
            Some(place) => *place,
            None if query_terms.len() < QUERY_TERMS_MAX => {
                places.insert(form.clone(), query_terms.len());
                let (hash, strong) = (profile::hash(&form), kind == Kind::Code && is_strong(&surface));
                if kind == Kind::Code {
                    code = Some((hash, surface.clone()));
                }
                query_terms.push(QueryTerm {
                    form,
                    surface,
                    kind,
                    code: code.clone().filter(|_| kind == Kind::Group),
                    strong,
                    hash,
                    in_index: false,
                    times: TermFrequency::default(),
                    weight: 0.0,
                });
                query_terms.len() - 1
            }
            None => continue,
        };
        if kind == Kind::Word || (kind == Kind::Code && query_terms[place].kind == Kind::Group) {
            query_terms[place].kind = kind; // a part here and a whole elsewhere
        }
        let times = &mut query_terms[place].times;
        times.all = times.all.saturating_add(1);
        times.title = times.title.saturating_add(u8::from(in_title));
    }
    query_terms
}

#[expect(clippy::cast_precision_loss, reason = "counts of documents and words; rounding does not matter")]
fn to_f32(count: u64) -> f32 {
    count as f32
}

impl AnalysedQuery {
    fn of(
        searcher: &Searcher,
        fields: &Fields,
        cache: &StatisticsCache,
        query: &SimilarQuery<'_>,
    ) -> tantivy::Result<Self> {
        let (title, body) = (terms(query.title), terms(query.body));
        let (title_length, body_length) = (profile::length(&title), profile::length(&body));
        let shingles = profile::shingles(&title);
        let han = shingles.iter().filter(|shingle| shingle.chars().any(is_han)).count();
        let han = to_f32(han as u64) / to_f32(shingles.len().max(1) as u64);
        let shingles = shingles.iter().map(|s| profile::hash(&profile::shingle_form(s))).collect();
        let mut query_terms = gather(title, body);
        let terms = query_terms.iter().map(|term| term.term(fields));
        let statistics = Statistics::of(searcher, fields, cache, query.clause, terms)?;
        let documents = statistics.documents;
        for term in &mut query_terms {
            let document_frequency = to_f32(statistics.frequency(&term.term(fields)));
            term.in_index = document_frequency > 0.0;
            let rarity =
                (to_f32(documents) + SMOOTHING_DOCUMENTS - document_frequency + 0.5) / (document_frequency + 0.5);
            term.weight = (1.0 + rarity.max(0.0)).ln();
        }
        query_terms.sort_by(|a, b| b.strong.cmp(&a.strong).then_with(|| b.weight.total_cmp(&a.weight)));
        query_terms.iter_mut().skip(CODES_MAX).for_each(|term| term.strong = false);
        for term in &mut query_terms {
            term.weight *= term.boost();
        }
        query_terms.sort_by(|a, b| b.priority().total_cmp(&a.priority()).then_with(|| a.form.cmp(&b.form)));
        let words = statistics.tokens(fields.words);
        let mut analysed = Self {
            terms: query_terms,
            title_length: f32::from(title_length),
            length: f32::from(title_length) + f32::from(body_length),
            average_length: to_f32(words) / to_f32(documents.max(1)),
            self_score: [0.0; 3],
            codes: 0.0,
            shingles,
            han,
            statistics,
        };
        analysed.codes = analysed.terms.iter().filter(|term| term.is_identifier()).map(|term| term.weight).sum();
        let self_scores: Vec<[f32; 3]> = analysed
            .terms
            .iter()
            .map(|t| analysed.term_scores(t, t.times, analysed.title_length, analysed.length))
            .collect();
        for parts in self_scores {
            for (self_score, part) in analysed.self_score.iter_mut().zip(parts) {
                *self_score += part;
            }
        }
        Ok(analysed)
    }

    /// What a term adds to text, head and title for a document that contains it so often (BM25).
    fn term_scores(&self, term: &QueryTerm, times: TermFrequency, title_length: f32, length: f32) -> [f32; 3] {
        let saturated = |times: u8, length: f32, average: f32| {
            let times = f32::from(times);
            let relative = length / average.max(1.0);
            times * (SATURATION + 1.0) / (times + SATURATION * (1.0 - LENGTH_SHARE + LENGTH_SHARE * relative))
        };
        let in_all = term.weight * saturated(times.all, length, self.average_length.max(self.length));
        let query_frequency = 1.0 + f32::from(term.times.all).ln();
        [
            in_all * query_frequency,
            if term.in_head() { in_all } else { 0.0 },
            if term.times.title > 0 {
                term.weight * saturated(times.title, title_length, self.title_length)
            } else {
                0.0
            },
        ]
    }

    /// Lexical similarity, and whether a word or code is in common. `report` gets what each term adds to text, head and
    /// title, and to codes.
    fn similarity(
        &self,
        profile: &Profile<'_>,
        mut report: impl FnMut(ReasonKind, &str, [f32; 3], f32),
    ) -> (Similarity, SharesTerm) {
        let mut shares_term = false;
        let (mut sums, mut codes) = ([0.0; 3], 0.0);
        for term in &self.terms {
            let Some(times) = profile.times(term.hash) else { continue };
            let mut parts = self.term_scores(term, times, f32::from(profile.title_length), f32::from(profile.length));
            for ((part, self_score), sum) in parts.iter_mut().zip(self.self_score).zip(&mut sums) {
                *part = if self_score > 0.0 { *part / self_score } else { 0.0 };
                *sum += *part;
            }
            let kind = match term.kind {
                Kind::Word | Kind::Subword => ReasonKind::Term,
                Kind::Code | Kind::Group => ReasonKind::Code,
                // They count, but are no reason.
                Kind::Character | Kind::StopWord => continue,
            };
            shares_term = true;
            let code = if term.is_identifier() { term.weight / self.codes } else { 0.0 };
            codes += code;
            // A part of a code that matches is said by the whole code.
            let whole = term.code.as_ref().filter(|(hash, _)| profile.times(*hash).is_some());
            report(kind, whole.map_or(&term.surface, |(_, surface)| surface), parts, code);
        }
        let [text, head, title] = sums.map(|sum: f32| sum.min(1.0));
        let common = self.shingles.iter().filter(|hash| profile.has_shingle(**hash)).count();
        let all = self.shingles.len() + usize::from(profile.shingles);
        let wording = if all == 0 { 0.0 } else { 2.0 * to_f32(common as u64) / to_f32(all as u64) };
        (Similarity { text, head, title, codes, wording, vectors: None }, SharesTerm(shares_term))
    }

    /// Which shares apply to this query: without a title there is no title similarity.
    fn active(&self) -> Shares {
        let weight_if = |present: bool| if present { 1.0 } else { 0.0 };
        Shares {
            text: 1.0,
            head: weight_if(self.self_score[1] > 0.0),
            title: weight_if(self.self_score[2] > 0.0),
            codes: weight_if(self.codes > 0.0),
            wording: if self.shingles.is_empty() { 0.0 } else { self.han.max(WORDING_LATIN) },
            meaning: 1.0,
            topic: 1.0,
        }
    }

    /// The features of a document; `None` if it has nothing in common with the query.
    fn features(
        &self,
        query: &SimilarQuery<'_>,
        profile: &Profile<'_>,
        context: &DocumentContext<'_>,
    ) -> Option<Features> {
        let (words, shares_term) = self.similarity(profile, |_, _, _, _| {});
        let near = context.near.as_ref().is_some_and(|near| near.cosine >= MEANING_MIN);
        if !shares_term.0 && !near {
            return None;
        }
        // The expensive part, only for documents that qualify.
        let vector_similarity = context.near.as_ref().map(Neighbour::similarity);
        let (mut facets, mut max_score) = (0.0, 1.0);
        for Facet { name, value, weight } in query.facets {
            let weight = if weight.is_nan() { 0.0 } else { weight.clamp(0.0, FACET_WEIGHT_MAX) };
            max_score += weight;
            if profile.has_tag(&format!("{name}={value}")) {
                facets += weight;
            }
        }
        let weeks = (context.age_ms / WEEK).clamp(0.0, WEEKS_MAX);
        let age = (1.0 + weeks).ln() / (1.0 + WEEKS_MAX).ln();
        let similarity = Similarity { vectors: vector_similarity, ..words };
        Some(Features { similarity, active: self.active(), facets, max_score, age })
    }

    /// Why a document is similar.
    fn reasons(
        &self,
        query: &SimilarQuery<'_>,
        profile: &Profile<'_>,
        vector_similarity: Option<VectorSimilarity>,
    ) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let of = query.weights.shares_for(&Similarity { vectors: vector_similarity, ..Similarity::default() });
        let shares = of.masked(&self.active());
        let whole = shares.sum();
        let report = |kind, value: &str, [text, head, title]: [f32; 3], code: f32| {
            let weight = (shares.text * text + shares.head * head + shares.title * title + shares.codes * code) / whole;
            reasons.push(Reason { kind, value: value.to_owned(), weight });
        };
        let (words, _) = self.similarity(profile, report);
        let mut sum = shares.weighted_mean(&Similarity { vectors: vector_similarity, ..words });
        if let Some(VectorSimilarity { cosine, topic }) = vector_similarity.filter(|found| found.cosine >= MEANING_MIN)
        {
            let weight = (shares.meaning * cosine + shares.topic * topic) / whole;
            reasons.push(Reason { kind: ReasonKind::Meaning, value: String::new(), weight });
        }
        for Facet { name, value, weight } in query.facets {
            let value = format!("{name}={value}");
            if profile.has_tag(&value) {
                sum += weight;
                reasons.push(Reason { kind: ReasonKind::Field, value, weight: *weight });
            }
        }
        reasons::consolidate(reasons, sum)
    }
}

/// Whether a word or a code is in common: single characters and stop words alone do not make texts similar.
struct SharesTerm(bool);

/// Signals of a document besides its terms.
struct DocumentContext<'v> {
    near: Option<Neighbour<'v>>,
    age_ms: f32,
}

fn is_strong(code: &str) -> bool {
    code.contains(['-', '_', ' ']) || code.chars().filter(char::is_ascii_digit).count() >= CODE_DIGITS_MIN
}

pub(crate) fn similar(
    searcher: &Searcher,
    fields: &Fields,
    cache: &StatisticsCache,
    vectors: &Vectors,
    query: &SimilarQuery<'_>,
) -> tantivy::Result<Vec<Hit>> {
    let limit = query.limit.min(LIMIT_MAX);
    if limit == 0 {
        return Ok(Vec::new());
    }
    let analysed = AnalysedQuery::of(searcher, fields, cache, query)?;
    let vector_query = query.vector.map(|vector| vectors.query(vector));
    let mut best = Vec::new();
    let mut ages: HashMap<u32, Column<i64>> = HashMap::new();
    for address in candidates(searcher, fields, query, &analysed, vector_query.as_ref(), limit)? {
        let stored: StoredDocument = searcher.doc(address)?;
        let id = stored.id();
        if query.exclude.contains(&id) {
            continue;
        }
        let at = match ages.entry(address.segment_ord) {
            Entry::Occupied(column) => column.into_mut(),
            Entry::Vacant(place) => place.insert(searcher.segment_reader(address.segment_ord).fast_fields().i64(AT)?),
        };
        let age = at.first(address.doc_id).map_or(0, |at| query.now.saturating_sub(at));
        let age_ms = to_f32(u64::try_from(age).unwrap_or(0));
        let context =
            DocumentContext { near: vector_query.as_ref().and_then(|vector_query| vector_query.neighbour(id)), age_ms };
        let Some(features) = analysed.features(query, &stored.profile(), &context) else { continue };
        let score = query.weights.score(&features);
        if score >= query.floor {
            best.push((score, id, stored, features));
        }
    }
    best.sort_by(|(a, one, ..), (b, other, ..)| b.total_cmp(a).then_with(|| one.cmp(other)));
    best.truncate(limit);
    let hit = |(score, id, stored, features): (f32, uuid::Uuid, StoredDocument, Features)| {
        let reasons = analysed.reasons(query, &stored.profile(), features.similarity.vectors);
        Hit { id, score, reasons, features }
    };
    Ok(best.into_iter().map(hit).collect())
}

/// Candidates for a full score: the best by BM25, and the nearest by vector.
fn candidates(
    searcher: &Searcher,
    fields: &Fields,
    query: &SimilarQuery<'_>,
    analysed: &AnalysedQuery,
    vector_query: Option<&VectorQuery<'_>>,
    limit: usize,
) -> tantivy::Result<Vec<tantivy::DocAddress>> {
    // Excluded documents may be among the best.
    let wanted = CANDIDATES_MIN.max(limit.saturating_mul(CANDIDATES_PER_HIT)).saturating_add(query.exclude.len());
    let within = (query.clause, query.now);
    let terms: Vec<(Occur, Box<dyn Query>)> = analysed
        .terms
        .iter()
        // Terms without documents find nothing; in a query of another language that is most of them.
        .filter(|term| term.kind != Kind::StopWord && term.in_index)
        .take(TERMS_MAX)
        .map(|term| {
            let boost = term.boost() * if term.in_head() { HEAD_WEIGHT } else { 1.0 };
            let scored = TermQuery::new(term.term(fields), IndexRecordOption::WithFreqs);
            (Occur::Should, Box::new(BoostQuery::new(Box::new(scored), boost)) as Box<dyn Query>)
        })
        .collect();
    let mut found = Vec::new();
    if !terms.is_empty() {
        found = candidates::best(searcher, fields, &analysed.statistics, terms, within, wanted)?;
    }
    if let Some(vector_query) = vector_query {
        found.extend(candidates::nearest(searcher, fields, vector_query, within, wanted)?);
        found.sort_unstable();
        found.dedup();
    }
    Ok(found)
}
