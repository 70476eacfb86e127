//! Similar cases, relative to the bare tantivy query of the same words in the same index; and the speed of indexing.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use search::{Clause, DIMENSIONS, Document, Index, SimilarQuery, Vector};
use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, Occur, Query, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{Searcher, Term};
use uuid::Uuid;

use crate::load::LoadResult;
use crate::report::{Report, millis, rate};

const SIZES: [u64; 2] = [100_000, 1_000_000];
const BATCH: u64 = 5_000;
const QUERIES: u64 = 400;
const VECTOR_QUERIES: u64 = 100;
/// Documents of the bare index.
const BARE_DOCUMENTS: u64 = 100_000;
/// The same limits as the product: terms looked up, and documents scored in full.
const TERMS_MAX: usize = 25;
const CANDIDATES: usize = 128;

/// Deterministic words with a Zipf distribution: the n-th is 1/n as frequent as the first.
struct Vocabulary {
    words: Vec<String>,
    state: u64,
}

impl Vocabulary {
    fn new(seed: u64) -> Self {
        const SYLLABLES: [&str; 16] = [
            "ba", "ker", "lo", "min", "tra", "ven", "su", "dor", "pel", "qua", "ris", "fon", "gul", "hex", "jan", "mos",
        ];
        let word = |mut n: usize| {
            let mut word = String::new();
            for _ in 0..4 {
                word.push_str(SYLLABLES[n % 16]);
                n /= 16;
            }
            word
        };
        Self { words: (0..40_000).map(word).collect(), state: seed }
    }

    fn random(&mut self) -> f64 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn text(&mut self, words: usize) -> String {
        let mut text = String::new();
        for _ in 0..words {
            let rank = (self.words.len() as f64).powf(self.random()) as usize;
            text.push_str(&self.words[rank.min(self.words.len() - 1)]);
            text.push(' ');
        }
        text
    }

    fn title(&mut self) -> String {
        let code = 100 + (self.random() * 9_000.0) as u64;
        let line = (self.random() * 90.0) as u64;
        format!("{line} 号线报警 E-{code} {}", self.text(5))
    }
}

fn document(n: u64, vocabulary: &mut Vocabulary) -> Document {
    let team = format!("team:{}", n % 20);
    Document {
        id: Uuid::from_u128(u128::from(n) + 1),
        at: 0,
        title: vocabulary.title(),
        body: vocabulary.text(50),
        extra: n.to_string(),
        restricted: String::new(),
        tags: vec![team, "solved".to_owned(), "case".to_owned()],
    }
}

/// The current generation of the index.
fn folder_of(dir: &Path) -> PathBuf {
    dir.join(std::fs::read_to_string(dir.join("CURRENT")).expect("a current generation").trim())
}

/// A query of the rarest words.
fn bare(searcher: &Searcher, field: tantivy::schema::Field, text: &str) -> BooleanQuery {
    let distinct: HashSet<String> = search::words(text).into_iter().collect();
    let mut terms: Vec<Term> = distinct.iter().map(|word| Term::from_field_text(field, word)).collect();
    let often: HashMap<Term, u64> =
        terms.iter().map(|term| (term.clone(), searcher.doc_freq(term).expect("a frequency"))).collect();
    terms.sort_by_key(|term| often[term]);
    terms.truncate(TERMS_MAX);
    let part = |term| (Occur::Should, Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs)) as Box<dyn Query>);
    BooleanQuery::new(terms.into_iter().map(part).collect())
}

/// Documents per second of one bare tantivy thread with its default tokenizer, which drops Chinese.
fn bare_index(documents: u64) -> f64 {
    let mut schema = tantivy::schema::Schema::builder();
    let text = schema.add_text_field("text", tantivy::schema::TEXT);
    let folder = tempfile::Builder::new().prefix("buoy-bench-").tempdir().expect("a temporary folder");
    let index = tantivy::Index::create_in_dir(folder.path(), schema.build()).expect("an index");
    let mut writer = index.writer_with_num_threads::<tantivy::TantivyDocument>(1, 100_000_000).expect("a writer");
    let mut vocabulary = Vocabulary::new(7);
    let mut indexing = Duration::ZERO;
    for n in 0..documents {
        let Document { title, body, .. } = document(n, &mut vocabulary);
        let started = Instant::now();
        writer.add_document(tantivy::doc!(text => title, text => body)).expect("a document goes in");
        indexing += started.elapsed();
    }
    let started = Instant::now();
    writer.commit().expect("a commit");
    indexing += started.elapsed();
    documents as f64 / indexing.as_secs_f64()
}

pub fn similar(report: &mut Report) {
    for size in SIZES {
        if std::env::var("ONLY_SMALL").is_ok() && size > 100_000 {
            break;
        }
        let folder = tempfile::Builder::new().prefix("buoy-bench-").tempdir().expect("a temporary folder");
        let index = search::Index::open(folder.path()).expect("an index").index;
        search::warm_up();
        let mut vocabulary = Vocabulary::new(7);
        let rebuild = index.rebuild().expect("a rebuild");
        let mut indexing = Duration::ZERO;
        for from in (0..size).step_by(usize::try_from(BATCH).expect("a batch")) {
            let documents: Vec<Document> = (from..from + BATCH).map(|n| document(n, &mut vocabulary)).collect();
            let started = Instant::now();
            rebuild.put(documents).expect("documents go in");
            indexing += started.elapsed();
        }
        let started = Instant::now();
        rebuild.swap("bench").expect("a swap");
        indexing += started.elapsed();
        let per_second = size as f64 / indexing.as_secs_f64();
        let limit = bare_index(size.min(BARE_DOCUMENTS));
        report.row(
            &format!("documents into an index of {size}"),
            rate(per_second),
            "bare tantivy, its default tokenizer, one field",
            rate(limit),
            per_second / limit,
        );

        let tantivy_index = tantivy::Index::open_in_dir(folder_of(folder.path())).expect("the same index");
        let searcher = tantivy_index.reader().expect("a reader").searcher();
        let field = tantivy_index.schema().get_field("words").expect("the field of words");
        let clause = Clause { all_of: vec!["solved".to_owned()], any_of: Vec::new() };
        let none = HashSet::new();
        let (mut ours, mut limit) = (Vec::new(), Vec::new());
        let mut vocabulary = Vocabulary::new(99);
        for _ in 0..QUERIES {
            let (title, body) = (vocabulary.title(), vocabulary.text(50));
            let started = Instant::now();
            let query = bare(&searcher, field, &format!("{title} {body}"));
            searcher.search(&query, &TopDocs::with_limit(CANDIDATES).order_by_score()).expect("an answer");
            limit.push(started.elapsed());
            let question = top_three(&title, &body, &clause, &none);
            let started = Instant::now();
            index.similar(&question).expect("an answer");
            ours.push(started.elapsed());
        }
        let (ours, limit) =
            (LoadResult::of(ours, Duration::from_secs(1)), LoadResult::of(limit, Duration::from_secs(1)));
        for (what, ours, limit) in [("p50", ours.p50, limit.p50), ("p99", ours.p99, limit.p99)] {
            report.row(
                &format!("three similar cases among {size}, {what}"),
                millis(ours),
                "bare tantivy query of the same words, chosen by rarity",
                millis(limit),
                limit.as_secs_f64() / ours.as_secs_f64(),
            );
        }
        let (ours, limit) = with_vectors(&index, size, &clause, &mut vocabulary);
        for (what, ours, limit) in [("p50", ours.p50, limit.p50), ("p99", ours.p99, limit.p99)] {
            report.row(
                &format!("three similar cases among {size} by words and meaning, {what}"),
                millis(ours),
                "bare products of the same vectors, all of them",
                millis(limit),
                limit.as_secs_f64() / ours.as_secs_f64(),
            );
        }
    }
}

fn top_three<'q>(title: &'q str, body: &'q str, clause: &'q Clause, none: &'q HashSet<Uuid>) -> SimilarQuery<'q> {
    SimilarQuery {
        title,
        body,
        facets: &[],
        vector: None,
        weights: &search::Weights::DEFAULT,
        now: 0,
        clause,
        exclude: none,
        limit: 3,
        floor: 0.0,
    }
}

/// A vector of deterministic pseudo-random numbers.
fn vector(vocabulary: &mut Vocabulary) -> Vector {
    let numbers: Vec<f32> = (0..DIMENSIONS).map(|_| (vocabulary.random() - 0.5) as f32).collect();
    Vector::of(&numbers).expect("numbers that are not all zero")
}

/// The same with a vector for each document and query; then the bare cost of comparing all vectors.
fn with_vectors(index: &Index, size: u64, clause: &Clause, vocabulary: &mut Vocabulary) -> (LoadResult, LoadResult) {
    let vectors: Vec<Vector> = (0..size).map(|_| vector(vocabulary)).collect();
    let bare: Vec<Vec<i8>> =
        vectors.iter().map(|vector| vector.to_bytes().iter().map(|byte| byte.cast_signed()).collect()).collect();
    index.put_vectors((1..=u128::from(size)).map(Uuid::from_u128).zip(vectors));
    let none = HashSet::new();
    let (mut ours, mut limit) = (Vec::new(), Vec::new());
    for _ in 0..VECTOR_QUERIES {
        let (title, body, query_vector) = (vocabulary.title(), vocabulary.text(50), vector(vocabulary));
        let question = SimilarQuery { vector: Some(&query_vector), ..top_three(&title, &body, clause, &none) };
        let started = Instant::now();
        index.similar(&question).expect("an answer");
        ours.push(started.elapsed());
        let query_vector: Vec<i8> = query_vector.to_bytes().iter().map(|byte| byte.cast_signed()).collect();
        let started = Instant::now();
        let product =
            |one: &[i8]| one.iter().zip(&query_vector).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum::<i32>();
        std::hint::black_box(bare.iter().map(|one| product(one)).max());
        limit.push(started.elapsed());
    }
    (LoadResult::of(ours, Duration::from_secs(1)), LoadResult::of(limit, Duration::from_secs(1)))
}
