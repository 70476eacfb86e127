//! Tests of the public interface: similarity, full-text search, spellings, durability.

mod codes;
mod crash;
mod durable;
mod find;
mod similar;

use std::collections::HashSet;
use std::path::Path;

use search::{Change, Clause, Document, Hit, Index, Reach, SimilarQuery, Weights};
use uuid::Uuid;

static WEIGHTS: Weights = Weights::DEFAULT;
static ALL: Clause = Clause { all_of: Vec::new(), any_of: Vec::new() };

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn document(number: u128, title: &str, body: &str) -> Document {
    Document {
        id: id(number),
        at: 0,
        title: title.to_owned(),
        body: body.to_owned(),
        extra: String::new(),
        restricted: String::new(),
        tags: Vec::new(),
    }
}

fn tagged(number: u128, title: &str, tags: &[&str]) -> Document {
    Document { tags: tags.iter().map(|tag| (*tag).to_owned()).collect(), ..document(number, title, "") }
}

/// An index of these documents; dropping the guard deletes the folder.
fn index_of(documents: Vec<Document>) -> (tempfile::TempDir, Index) {
    let folder = tempfile::tempdir().unwrap();
    let index = open(folder.path());
    index.apply(documents.into_iter().map(Change::Put).collect(), "1").unwrap();
    (folder, index)
}

/// Titles only, numbered from 1.
fn index_of_titles(titles: &[&str]) -> (tempfile::TempDir, Index) {
    index_of((1..).zip(titles).map(|(number, title)| document(number, title, "")).collect())
}

fn open(folder: &Path) -> Index {
    Index::open(folder).unwrap().index
}

fn question<'a>(title: &'a str, body: &'a str, none: &'a HashSet<Uuid>) -> SimilarQuery<'a> {
    SimilarQuery {
        title,
        body,
        facets: &[],
        vector: None,
        weights: &WEIGHTS,
        now: 0,
        clause: &ALL,
        exclude: none,
        limit: 10,
        floor: 0.0,
    }
}

fn similar(index: &Index, title: &str, body: &str) -> Vec<Hit> {
    index.similar(&question(title, body, &HashSet::new())).unwrap()
}

fn numbers(hits: &[Hit]) -> Vec<u128> {
    hits.iter().map(|hit| hit.id.as_u128()).collect()
}

fn found(index: &Index, text: &str) -> Vec<u128> {
    let mut found: Vec<u128> =
        index.find(text, &ALL, Reach::Extra, 1_000).unwrap().into_iter().map(|hit| hit.id.as_u128()).collect();
    found.sort_unstable();
    found
}

/// Hostile and empty texts.
const HOSTILE: &[&str] = &[
    "",
    " \t\r\n",
    "\"",
    "\"unclosed",
    "a\" OR title:\"b",
    "AND OR NOT",
    "+ - && || ! ( ) { } [ ] ^ ~ * ? : \\ /",
    "title:*",
    "(((((((((((",
    "[a TO z]",
    "printer~99999999",
    "printer^1e99",
    "😀👩‍👩‍👧‍👦🇨🇳",
    "\u{0}\u{1}\u{7f}\u{202e}\u{feff}",
    "a\u{301}\u{301}\u{301}\u{301}",
    "'; DROP TABLE documents; --",
    "../../../etc/passwd",
    "。，、；：？！…—·「」",
    "-",
    "--------E--------",
    "#e721 ·打 =product=x",
];
