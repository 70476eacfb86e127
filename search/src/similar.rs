//! Similar documents: tantivy finds candidates by the question's most telling terms, then each is weighed in full.
//!
//! A score is the share of the question's information that a document covers, measured by what the question would get
//! against itself. A term's information is its inverse document frequency, smoothed so that an index of one document
//! works like one of a million; codes count more. Three shares are summed: of all terms in all of the document, of the
//! head (the title and the codes) in all of it, and of the title in the title. So a score does not depend on which other documents
//! are answered.

use std::collections::HashMap;

use tantivy::query::{BoostQuery, Occur, Query, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{Searcher, Term as IndexTerm};

use crate::analysis::{Kind, Term, terms};
use crate::candidates;
use crate::generation::Fields;
use crate::profile::{self, Profile, Stored, Times};
use crate::{Facet, Hit, Reason, ReasonKind, SimilarQuery, reasons};

/// Terms of one question that are looked up in the index; the least telling are only weighed.
const TERMS_MAX: usize = 25;
/// Distinct terms of a question; what stands further back in a long text is not read.
const QUESTION_TERMS_MAX: usize = 256;
/// Documents that are weighed in full.
const CANDIDATES_MIN: usize = 64;
const CANDIDATES_PER_HIT: usize = 2;
/// Documents that one question may get.
const LIMIT_MAX: usize = 500;

/// Codes of one question that count as such; a memory dump has hundreds.
const CODES_MAX: usize = 4;
const CODE_WEIGHT: f32 = 3.0;
/// `E-721` and `0x80070005` name one thing; `iphone4` and `log4j` are words, though with a digit.
const CODE_DIGITS_MIN: usize = 3;
/// Of a word within a word: it says again what the longer one said.
const INNER_WEIGHT: f32 = 0.5;
/// Of a Chinese character, beside the word that it stands in.
const CHARACTER_WEIGHT: f32 = 1.0;
/// Of a word that says nothing.
const FILLER_WEIGHT: f32 = 0.25;
/// Of what stands in the title, when candidates are chosen.
const HEAD_WEIGHT: f32 = 2.0;
/// As if so many documents stood beside those there are, none of them holding a term.
const PRIOR_DOCUMENTS: f32 = 10.0;
/// How soon a term that is repeated stops counting, and how much a long document is held back (BM25).
const SATURATION: f32 = 1.2;
const LENGTH_SHARE: f32 = 0.75;

/// Shares in a score.
const ALL_SHARE: f32 = 0.4;
const HEAD_SHARE: f32 = 0.25;
const TITLE_SHARE: f32 = 0.35;
/// What a facet of weight 1 in common counts, beside 1 for all of the text.
const FACET_SHARE: f32 = 0.1;
const FACET_WEIGHT_MAX: f32 = 10.0;

/// A term of the question.
struct Asked {
    form: String,
    surface: String,
    kind: Kind,
    /// A code that counts as such.
    strong: bool,
    hash: u32,
    /// Times in the question.
    times: Times,
    weight: f32,
}

impl Asked {
    fn term(&self, fields: &Fields) -> IndexTerm {
        match self.kind {
            Kind::Word | Kind::Inner | Kind::Code | Kind::Filler => {
                IndexTerm::from_field_text(fields.words, &self.form)
            }
            Kind::Character => IndexTerm::from_field_text(fields.han, &self.surface),
        }
    }

    fn boost(&self) -> f32 {
        match self.kind {
            Kind::Word => 1.0,
            Kind::Inner => INNER_WEIGHT,
            Kind::Code if self.strong => CODE_WEIGHT,
            Kind::Code => 1.0,
            Kind::Character => CHARACTER_WEIGHT,
            Kind::Filler => FILLER_WEIGHT,
        }
    }

    fn in_head(&self) -> bool {
        self.times.title > 0 || self.strong
    }

    /// What is looked up first.
    fn priority(&self) -> f32 {
        if self.in_head() { self.weight * HEAD_WEIGHT } else { self.weight }
    }
}

/// A question, taken apart and weighed.
struct Question {
    /// Most telling first.
    asked: Vec<Asked>,
    title_length: f32,
    length: f32,
    /// Words of the index's average document.
    usual_length: f32,
    /// What the question gets against itself, of each share.
    full: [f32; 3],
}

/// The distinct terms of a question, in their order, not yet weighed.
fn gather(title: Vec<Term>, body: Vec<Term>) -> Vec<Asked> {
    let mut asked: Vec<Asked> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let with_place = |terms: Vec<Term>, in_title: bool| terms.into_iter().map(move |term| (term, in_title));
    for (Term { form, surface, kind }, in_title) in with_place(title, true).chain(with_place(body, false)) {
        let place = match places.get(&form) {
            Some(place) => *place,
            None if asked.len() < QUESTION_TERMS_MAX => {
                places.insert(form.clone(), asked.len());
                let (hash, strong) = (profile::hash(&form), kind == Kind::Code && is_strong(&surface));
                asked.push(Asked { form, surface, kind, strong, hash, times: Times::default(), weight: 0.0 });
                asked.len() - 1
            }
            None => continue,
        };
        if kind == Kind::Word {
            asked[place].kind = kind; // within a word here, and a word of its own there
        }
        let times = &mut asked[place].times;
        times.all = times.all.saturating_add(1);
        times.title = times.title.saturating_add(u8::from(in_title));
    }
    asked
}

#[expect(clippy::cast_precision_loss, reason = "counts of documents and words; a rounded one weighs the same")]
fn precise(count: u64) -> f32 {
    count as f32
}

impl Question {
    fn of(searcher: &Searcher, fields: &Fields, query: &SimilarQuery<'_>) -> tantivy::Result<Self> {
        let (title, body) = (terms(query.title), terms(query.body));
        let (title_length, body_length) = (profile::length(&title), profile::length(&body));
        let mut asked = gather(title, body);
        let documents: u64 = searcher.segment_readers().iter().map(|segment| u64::from(segment.max_doc())).sum();
        for term in &mut asked {
            let holding = precise(searcher.doc_freq(&term.term(fields))?);
            let rarity = (precise(documents) + PRIOR_DOCUMENTS - holding + 0.5) / (holding + 0.5);
            term.weight = (1.0 + rarity.max(0.0)).ln();
        }
        asked.sort_by(|a, b| b.strong.cmp(&a.strong).then_with(|| b.weight.total_cmp(&a.weight)));
        asked.iter_mut().skip(CODES_MAX).for_each(|term| term.strong = false);
        for term in &mut asked {
            term.weight *= term.boost();
        }
        asked.sort_by(|a, b| b.priority().total_cmp(&a.priority()).then_with(|| a.form.cmp(&b.form)));
        let words: u64 = searcher
            .segment_readers()
            .iter()
            .map(|segment| Ok(segment.inverted_index(fields.words)?.total_num_tokens()))
            .sum::<tantivy::Result<u64>>()?;
        let mut question = Self {
            asked,
            title_length: f32::from(title_length),
            length: f32::from(title_length) + f32::from(body_length),
            usual_length: precise(words) / precise(documents.max(1)),
            full: [0.0; 3],
        };
        let against_itself: Vec<[f32; 3]> =
            question.asked.iter().map(|t| question.parts(t, t.times, question.title_length, question.length)).collect();
        for parts in against_itself {
            for (full, part) in question.full.iter_mut().zip(parts) {
                *full += part;
            }
        }
        Ok(question)
    }

    /// What a term adds to each of the three shares in a document that holds it so often.
    fn parts(&self, term: &Asked, times: Times, title_length: f32, length: f32) -> [f32; 3] {
        let covered = |times: u8, length: f32, usual: f32| {
            let times = f32::from(times);
            let relative = length / usual.max(1.0);
            times * (SATURATION + 1.0) / (times + SATURATION * (1.0 - LENGTH_SHARE + LENGTH_SHARE * relative))
        };
        let in_all = term.weight * covered(times.all, length, self.usual_length.max(self.length));
        let asked_often = 1.0 + f32::from(term.times.all).ln();
        [
            in_all * asked_often,
            if term.in_head() { in_all } else { 0.0 },
            if term.times.title > 0 {
                term.weight * covered(times.title, title_length, self.title_length)
            } else {
                0.0
            },
        ]
    }

    /// The score of a document, and the sum that its reasons share in; `None` where no word or code is in common. `say`
    /// hears what it consists of.
    fn score(
        &self,
        facets: &[Facet],
        profile: &Profile<'_>,
        mut say: impl FnMut(ReasonKind, &str, f32),
    ) -> Option<(f32, f32)> {
        let shares = [ALL_SHARE, HEAD_SHARE, TITLE_SHARE];
        let possible: f32 = shares.iter().zip(self.full).filter(|(_, full)| *full > 0.0).map(|(share, _)| share).sum();
        let mut anchored = false;
        let mut sum = 0.0;
        for term in &self.asked {
            let Some(times) = profile.times(term.hash) else { continue };
            let parts = self.parts(term, times, f32::from(profile.title_length), f32::from(profile.length));
            let weight: f32 = (shares.iter().zip(self.full).zip(parts))
                .filter(|((_, full), _)| *full > 0.0)
                .map(|((share, full), part)| share * part / full)
                .sum::<f32>()
                / possible;
            sum += weight;
            let kind = match term.kind {
                Kind::Word | Kind::Inner => ReasonKind::Term,
                Kind::Code => ReasonKind::Code,
                // They count without being a reason.
                Kind::Character | Kind::Filler => continue,
            };
            anchored = true;
            say(kind, &term.surface, weight);
        }
        if !anchored {
            return None;
        }
        let mut possible = 1.0;
        sum = sum.min(1.0);
        for Facet { name, value, weight } in facets {
            let weight = if weight.is_nan() { 0.0 } else { weight.clamp(0.0, FACET_WEIGHT_MAX) * FACET_SHARE };
            possible += weight;
            let value = format!("{name}={value}");
            if profile.has_tag(&value) {
                sum += weight;
                say(ReasonKind::Field, &value, weight);
            }
        }
        Some(((sum / possible).clamp(0.0, 1.0), sum))
    }

    /// Why a document is similar.
    fn reasons(&self, facets: &[Facet], profile: &Profile<'_>) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let say = |kind, value: &str, weight| reasons.push(Reason { kind, value: value.to_owned(), weight });
        let sum = self.score(facets, profile, say).map_or(0.0, |(_, sum)| sum);
        reasons::tidy(reasons, sum)
    }
}

fn is_strong(code: &str) -> bool {
    code.contains(['-', '_']) || code.chars().filter(char::is_ascii_digit).count() >= CODE_DIGITS_MIN
}

pub(crate) fn similar(searcher: &Searcher, fields: &Fields, query: &SimilarQuery<'_>) -> tantivy::Result<Vec<Hit>> {
    let limit = query.limit.min(LIMIT_MAX);
    let question = Question::of(searcher, fields, query)?;
    if limit == 0 {
        return Ok(Vec::new());
    }
    let mut best = Vec::new();
    for address in candidates(searcher, fields, query, &question, limit)? {
        let stored: Stored = searcher.doc(address)?;
        let id = stored.id();
        if query.exclude.contains(&id) {
            continue;
        }
        if let Some((score, _)) = question.score(query.facets, &stored.profile(), |_, _, _| {})
            && score >= query.floor
        {
            best.push((score, id, stored));
        }
    }
    best.sort_by(|(a, one, _), (b, other, _)| b.total_cmp(a).then_with(|| one.cmp(other)));
    best.truncate(limit);
    let hit = |(score, id, stored): (f32, uuid::Uuid, Stored)| {
        let reasons = question.reasons(query.facets, &stored.profile());
        Hit { id, score, reasons }
    };
    Ok(best.into_iter().map(hit).collect())
}

fn candidates(
    searcher: &Searcher,
    fields: &Fields,
    query: &SimilarQuery<'_>,
    question: &Question,
    limit: usize,
) -> tantivy::Result<Vec<tantivy::DocAddress>> {
    let terms: Vec<(Occur, Box<dyn Query>)> = question
        .asked
        .iter()
        .filter(|term| term.kind != Kind::Filler)
        .take(TERMS_MAX)
        .map(|term| {
            let boost = term.boost() * if term.in_head() { HEAD_WEIGHT } else { 1.0 };
            let scored = TermQuery::new(term.term(fields), IndexRecordOption::WithFreqs);
            (Occur::Should, Box::new(BoostQuery::new(Box::new(scored), boost)) as Box<dyn Query>)
        })
        .collect();
    if terms.is_empty() {
        return Ok(Vec::new());
    }
    // Those that are not wanted may be among the best.
    let wanted = CANDIDATES_MIN.max(limit.saturating_mul(CANDIDATES_PER_HIT)).saturating_add(query.exclude.len());
    candidates::best(searcher, fields, terms, query.clause, wanted)
}
