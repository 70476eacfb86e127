//! Similar documents: tantivy finds candidates by the question's most telling terms, then each is weighed in full.
//!
//! How like a document's words are is the share of the question's information that it covers, measured by what the question would get
//! against itself. A term's information is its inverse document frequency, smoothed so that an index of one document
//! works like one of a million; codes count more. What is summed, and by which weights, is [`Likeness`] and
//! [`crate::Weights`].

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use tantivy::columnar::Column;
use tantivy::query::{BoostQuery, Occur, Query, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{Searcher, Term as IndexTerm};

use crate::analysis::{Kind, Term, is_han, terms};
use crate::candidates;
use crate::generation::{AT, Fields};
use crate::profile::{self, Profile, Stored, Times};
use crate::vectors::{Near, Vectors, Viewpoint};
use crate::{Facet, Hit, Likeness, Nearness, Reason, ReasonKind, Shares, SimilarQuery, Traits, reasons};

/// Terms of one question that are looked up in the index; the least telling are only weighed.
const TERMS_MAX: usize = 25;
/// Distinct terms of a question; what stands further back in a long text is not read.
const QUESTION_TERMS_MAX: usize = 256;
/// Documents that are weighed in full.
const CANDIDATES_MIN: usize = 128;
const CANDIDATES_PER_HIT: usize = 2;
/// Documents that one question may get.
const LIMIT_MAX: usize = 500;

/// Codes of one question that count as such; a memory dump has hundreds.
const CODES_MAX: usize = 4;
const CODE_WEIGHT: f32 = 3.0;
/// `E-721` and `0x80070005` name one thing; `iphone4` and `log4j` are words, though with a digit.
const CODE_DIGITS_MIN: usize = 3;
/// With a letter besides.
const THING_DIGITS_MIN: usize = 2;
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

const FACET_WEIGHT_MAX: f32 = 1.0;
/// What the wording of a title counts where it is not Chinese: there words are known, and cut by nobody's guess.
const WORDING_LATIN: f32 = 0.4;
/// Without a word in common, texts are similar from this nearness on.
const MEANING_MIN: f32 = 0.35;
const WEEK: f32 = 7.0 * 24.0 * 3_600_000.0;
/// Beyond, a document grows no older.
const WEEKS_MAX: f32 = 520.0;

/// A term of the question.
struct Asked {
    form: String,
    surface: String,
    kind: Kind,
    /// A code that counts as such.
    strong: bool,
    hash: u32,
    /// Whether any document holds it.
    held: bool,
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

    /// `E-721` and `PM-3300` do; dates and the names of variables, though codes, hardly do.
    fn names_a_thing(&self) -> bool {
        let digits = self.surface.chars().filter(char::is_ascii_digit).count();
        self.strong && digits >= THING_DIGITS_MIN && self.surface.chars().any(char::is_alphabetic)
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
    /// What the question gets against itself: all of it, its head, its title.
    full: [f32; 3],
    /// The weight of all its codes.
    codes: f32,
    /// Hashes of the title's shingles.
    shingles: Vec<u32>,
    /// How many of them are Chinese, in 0..=1.
    han: f32,
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
                asked.push(Asked {
                    form,
                    surface,
                    kind,
                    strong,
                    hash,
                    held: false,
                    times: Times::default(),
                    weight: 0.0,
                });
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
        let shingles = profile::shingles(&title);
        let han = shingles.iter().filter(|shingle| shingle.chars().any(is_han)).count();
        let han = precise(han as u64) / precise(shingles.len().max(1) as u64);
        let shingles = shingles.iter().map(|s| profile::hash(&profile::shingle_form(s))).collect();
        let mut asked = gather(title, body);
        let documents: u64 = searcher.segment_readers().iter().map(|segment| u64::from(segment.max_doc())).sum();
        for term in &mut asked {
            let holding = precise(searcher.doc_freq(&term.term(fields))?);
            term.held = holding > 0.0;
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
            codes: 0.0,
            shingles,
            han,
        };
        question.codes = question.asked.iter().filter(|term| term.names_a_thing()).map(|term| term.weight).sum();
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

    /// How like the question a document's words are; `None` where no word or code is in common. `say` hears of each term
    /// what it adds to text, head and title, and to codes.
    fn likeness(
        &self,
        profile: &Profile<'_>,
        mut say: impl FnMut(ReasonKind, &str, [f32; 3], f32),
    ) -> (Likeness, Anchored) {
        let mut anchored = false;
        let (mut sums, mut codes) = ([0.0; 3], 0.0);
        for term in &self.asked {
            let Some(times) = profile.times(term.hash) else { continue };
            let mut parts = self.parts(term, times, f32::from(profile.title_length), f32::from(profile.length));
            for ((part, full), sum) in parts.iter_mut().zip(self.full).zip(&mut sums) {
                *part = if full > 0.0 { *part / full } else { 0.0 };
                *sum += *part;
            }
            let kind = match term.kind {
                Kind::Word | Kind::Inner => ReasonKind::Term,
                Kind::Code => ReasonKind::Code,
                // They count without being a reason.
                Kind::Character | Kind::Filler => continue,
            };
            anchored = true;
            let code = if term.names_a_thing() { term.weight / self.codes } else { 0.0 };
            codes += code;
            say(kind, &term.surface, parts, code);
        }
        let [text, head, title] = sums.map(|sum: f32| sum.min(1.0));
        let common = self.shingles.iter().filter(|hash| profile.has_shingle(**hash)).count();
        let all = self.shingles.len() + usize::from(profile.shingles);
        let wording = if all == 0 { 0.0 } else { 2.0 * precise(common as u64) / precise(all as u64) };
        (Likeness { text, head, title, codes, wording, nearness: None }, Anchored(anchored))
    }

    /// What of the shares counts for this question: one without a title is not like any title.
    fn counting(&self) -> Shares {
        let has = |there: bool| if there { 1.0 } else { 0.0 };
        Shares {
            text: 1.0,
            head: has(self.full[1] > 0.0),
            title: has(self.full[2] > 0.0),
            codes: has(self.codes > 0.0),
            wording: if self.shingles.is_empty() { 0.0 } else { self.han.max(WORDING_LATIN) },
            meaning: 1.0,
            topic: 1.0,
        }
    }

    /// All that the score of a document is made of; `None` where it has nothing in common.
    fn traits(&self, query: &SimilarQuery<'_>, profile: &Profile<'_>, seen: &Seen<'_>) -> Option<Traits> {
        let (words, anchored) = self.likeness(profile, |_, _, _, _| {});
        let near = seen.near.as_ref().is_some_and(|near| near.meaning >= MEANING_MIN);
        if !anchored.0 && !near {
            return None;
        }
        // The dearer half, where it counts.
        let nearness = seen.near.as_ref().map(Near::nearness);
        let (mut facets, mut possible) = (0.0, 1.0);
        for Facet { name, value, weight } in query.facets {
            let weight = if weight.is_nan() { 0.0 } else { weight.clamp(0.0, FACET_WEIGHT_MAX) };
            possible += weight;
            if profile.has_tag(&format!("{name}={value}")) {
                facets += weight;
            }
        }
        let weeks = (seen.age_ms / WEEK).clamp(0.0, WEEKS_MAX);
        let age = (1.0 + weeks).ln() / (1.0 + WEEKS_MAX).ln();
        let likeness = Likeness { nearness, ..words };
        Some(Traits { likeness, counting: self.counting(), facets, possible, age })
    }

    /// Why a document is similar.
    fn reasons(&self, query: &SimilarQuery<'_>, profile: &Profile<'_>, nearness: Option<Nearness>) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let of = query.weights.of(&Likeness { nearness, ..Likeness::default() });
        let shares = of.counting(&self.counting());
        let whole = shares.sum();
        let say = |kind, value: &str, [text, head, title]: [f32; 3], code: f32| {
            let weight = (shares.text * text + shares.head * head + shares.title * title + shares.codes * code) / whole;
            reasons.push(Reason { kind, value: value.to_owned(), weight });
        };
        let (words, _) = self.likeness(profile, say);
        let mut sum = shares.mean(&Likeness { nearness, ..words });
        if let Some(Nearness { meaning, topic }) = nearness.filter(|nearness| nearness.meaning >= MEANING_MIN) {
            let weight = (shares.meaning * meaning + shares.topic * topic) / whole;
            reasons.push(Reason { kind: ReasonKind::Meaning, value: String::new(), weight });
        }
        for Facet { name, value, weight } in query.facets {
            let value = format!("{name}={value}");
            if profile.has_tag(&value) {
                sum += weight;
                reasons.push(Reason { kind: ReasonKind::Field, value, weight: *weight });
            }
        }
        reasons::tidy(reasons, sum)
    }
}

/// Whether a word or a code is in common: characters and fillers alone make nothing similar.
struct Anchored(bool);

/// What is known of a document beside its words.
struct Seen<'v> {
    near: Option<Near<'v>>,
    age_ms: f32,
}

fn is_strong(code: &str) -> bool {
    code.contains(['-', '_']) || code.chars().filter(char::is_ascii_digit).count() >= CODE_DIGITS_MIN
}

pub(crate) fn similar(
    searcher: &Searcher,
    fields: &Fields,
    vectors: &Vectors,
    query: &SimilarQuery<'_>,
) -> tantivy::Result<Vec<Hit>> {
    let limit = query.limit.min(LIMIT_MAX);
    let question = Question::of(searcher, fields, query)?;
    if limit == 0 {
        return Ok(Vec::new());
    }
    let asked = query.vector.map(|vector| vectors.asked(vector));
    let mut best = Vec::new();
    let mut ages: HashMap<u32, Column<i64>> = HashMap::new();
    for address in candidates(searcher, fields, query, &question, asked.as_ref(), limit)? {
        let stored: Stored = searcher.doc(address)?;
        let id = stored.id();
        if query.exclude.contains(&id) {
            continue;
        }
        let at = match ages.entry(address.segment_ord) {
            Entry::Occupied(column) => column.into_mut(),
            Entry::Vacant(place) => place.insert(searcher.segment_reader(address.segment_ord).fast_fields().i64(AT)?),
        };
        let age = at.first(address.doc_id).map_or(0, |at| query.now.saturating_sub(at));
        let age_ms = precise(u64::try_from(age).unwrap_or(0));
        let seen = Seen { near: asked.as_ref().and_then(|asked| asked.near(id)), age_ms };
        let Some(traits) = question.traits(query, &stored.profile(), &seen) else { continue };
        let score = query.weights.score(&traits);
        if score >= query.floor {
            best.push((score, id, stored, traits));
        }
    }
    best.sort_by(|(a, one, ..), (b, other, ..)| b.total_cmp(a).then_with(|| one.cmp(other)));
    best.truncate(limit);
    let hit = |(score, id, stored, traits): (f32, uuid::Uuid, Stored, Traits)| {
        let reasons = question.reasons(query, &stored.profile(), traits.likeness.nearness);
        Hit { id, score, reasons, traits }
    };
    Ok(best.into_iter().map(hit).collect())
}

/// Documents that are weighed in full: the best by words, and the nearest by meaning.
fn candidates(
    searcher: &Searcher,
    fields: &Fields,
    query: &SimilarQuery<'_>,
    question: &Question,
    asked: Option<&Viewpoint<'_>>,
    limit: usize,
) -> tantivy::Result<Vec<tantivy::DocAddress>> {
    // Those that are not wanted may be among the best.
    let wanted = CANDIDATES_MIN.max(limit.saturating_mul(CANDIDATES_PER_HIT)).saturating_add(query.exclude.len());
    let within = (query.clause, query.now);
    let terms: Vec<(Occur, Box<dyn Query>)> = question
        .asked
        .iter()
        // What nobody holds finds nobody: in a question of another language that is most of it.
        .filter(|term| term.kind != Kind::Filler && term.held)
        .take(TERMS_MAX)
        .map(|term| {
            let boost = term.boost() * if term.in_head() { HEAD_WEIGHT } else { 1.0 };
            let scored = TermQuery::new(term.term(fields), IndexRecordOption::WithFreqs);
            (Occur::Should, Box::new(BoostQuery::new(Box::new(scored), boost)) as Box<dyn Query>)
        })
        .collect();
    let mut found = Vec::new();
    if !terms.is_empty() {
        found = candidates::best(searcher, fields, terms, within, wanted)?;
    }
    if let Some(asked) = asked {
        found.extend(candidates::nearest(searcher, fields, asked, within, wanted)?);
        found.sort_unstable();
        found.dedup();
    }
    Ok(found)
}
