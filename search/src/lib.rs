//! The tantivy index: knows documents, not what they stand for.
//!
//! - Documents and the place in whatever they follow (`cursor`) are one commit: after kill -9 either both are there or
//!   neither.
//! - Queries are built from terms in code, never by a query parser: no text can break them.
//! - A score is the share of the question's information that a document covers: it lies in 0..=1, means the same for
//!   every question, and does not depend on which other documents are answered.
//! - Which documents may be answered ([`Clause`]) is part of the query.

mod analysis;
mod find;
mod index;
mod similar;

use std::collections::HashSet;

use uuid::Uuid;

pub use find::matches;
pub use index::{Index, Opened, Rebuild};

/// What is indexed. `tags` are exact terms: they filter ([`Clause`]) and, as facets `name=value`, add to a score.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    pub id: Uuid,
    pub title: String,
    pub body: String,
    /// Found by [`Index::find`], not compared by [`Index::similar`].
    pub extra: String,
    pub tags: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Put(Document),
    Remove(Uuid),
}

/// Which documents may be answered at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clause {
    pub all_of: Vec<String>,
    /// `None`: no such condition; an empty list: nothing.
    pub any_of: Option<Vec<String>>,
}

/// A field that counts when it is the same: matches the tag `name=value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Facet {
    pub name: String,
    pub value: String,
    /// In parts of the information of the question's average word.
    pub weight: f32,
}

pub struct SimilarQuery<'a> {
    pub title: &'a str,
    pub body: &'a str,
    pub facets: &'a [Facet],
    pub clause: &'a Clause,
    pub exclude: &'a HashSet<Uuid>,
    pub limit: usize,
    /// Hits below this score are not answered.
    pub floor: f32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    pub id: Uuid,
    /// In 0..=1.
    pub score: f32,
    /// Strongest first, at least one, at most [`REASONS_MAX`].
    pub reasons: Vec<Reason>,
}

/// Why a document is a hit.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    pub kind: ReasonKind,
    /// As it stood in the question.
    pub value: String,
    /// Its share of the score, in 0..=1.
    pub weight: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReasonKind {
    Term,
    Code,
    Field,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TextHit {
    pub id: Uuid,
    pub score: f32,
}

pub const REASONS_MAX: usize = 8;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the search index in {folder}: {source}")]
    Tantivy { folder: String, source: Box<tantivy::TantivyError> },
    #[error("the search index in {folder}: {source}")]
    Io { folder: String, source: std::io::Error },
}

/// Loads the dictionary of Chinese words, so that the first question does not wait for it.
pub fn warm_up() {
    analysis::warm_up();
}
