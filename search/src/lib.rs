//! The tantivy index: knows documents, not what they represent.
//!
//! - Documents and the position in their source (`cursor`) are one commit: after kill -9 there are both or neither.
//! - Queries are built from terms in code, never by a query parser: no text can break them.
//! - A score is a weighted mean of similarities, each in 0..=1 (see [`Similarity`]), reduced by age. It is comparable
//!   between queries, and independent of the other results.
//! - The permitted documents ([`Clause`]) are part of the query, and all that its scores depend on.

#![deny(missing_docs)]

mod analysis;
mod candidates;
mod find;
mod generation;
mod index;
mod joined;
mod profile;
mod reasons;
mod shingles;
mod similar;
mod statistics;
mod tune;
mod vectors;
mod weights;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use uuid::Uuid;

pub use find::matches;
pub use index::{Index, OpenResult, Rebuild};
pub use shingles::Shingles;
pub use tune::{Judgement, TrainingExample, first_relevant_rank, tune};
pub use vectors::{DIMENSIONS, EXACT_MAX, Vector};
pub use weights::{Features, Shares, Similarity, VectorSimilarity, Weights};

/// An indexed document. `tags` are exact terms: they filter ([`Clause`]) and, as facets `name=value`, add to a score.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// A later document with the same id replaces it.
    pub id: Uuid,
    /// When the case began, in milliseconds of the Unix epoch: of two equally similar documents the later one ranks
    /// higher.
    pub at: i64,
    /// Counts more than the body.
    pub title: String,
    /// The text below the title.
    pub body: String,
    /// Searched by [`Index::find`], ignored by [`Index::similar`].
    pub extra: String,
    /// The same, but only for [`Reach::Restricted`].
    pub restricted: String,
    /// Exact terms.
    pub tags: Vec<String>,
}

/// A change of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new or has changed.
    Put(Document),
    /// It is deleted.
    Remove(Uuid),
}

/// Restricts the documents of a result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clause {
    /// A document has all of these tags.
    pub all_of: Vec<String>,
    /// A document has one tag of each list; an empty list matches nothing.
    pub any_of: Vec<Vec<String>>,
}

/// Which texts of the documents [`Index::find`] searches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Title, body and extra text.
    Extra,
    /// These and the restricted text.
    Restricted,
}

/// A field that adds to the score if it is equal: matches the tag `name=value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Facet {
    /// Name of the field.
    pub name: String,
    /// Value of the field in the query.
    pub value: String,
    /// Added to the similarity of the texts, which is in 0..=1.
    pub weight: f32,
}

/// A query for similar documents.
pub struct SimilarQuery<'a> {
    /// May be empty.
    pub title: &'a str,
    /// May be empty.
    pub body: &'a str,
    /// Fields that add to the score if they are equal; alone they make nothing similar.
    pub facets: &'a [Facet],
    /// The embedding of the text; without it the search is lexical.
    pub vector: Option<&'a Vector>,
    /// How much each similarity counts.
    pub weights: &'a Weights,
    /// The time of the query, in milliseconds of the Unix epoch: documents that began later are left out.
    pub now: i64,
    /// Restricts the documents of the result.
    pub clause: &'a Clause,
    /// Documents to leave out, such as the one that asks.
    pub exclude: &'a HashSet<Uuid>,
    /// Maximum number of hits.
    pub limit: usize,
    /// Minimum score of a hit.
    pub floor: f32,
}

/// A similar document.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Id of the document.
    pub id: Uuid,
    /// In 0..=1: near 1 for a document of the same text. Comparable between queries.
    pub score: f32,
    /// Strongest first, at least one, at most [`REASONS_MAX`].
    pub reasons: Vec<Reason>,
    /// The features behind the score.
    pub features: Features,
}

/// Why a document is a hit.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// The kind of match.
    pub kind: ReasonKind,
    /// As written in the query; for a field `name=value`; empty for [`ReasonKind::Meaning`].
    pub value: String,
    /// Its share of the score, in 0..=1.
    pub weight: f32,
}

/// Kinds of matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReasonKind {
    /// A word.
    Term,
    /// An error code, a model or part number.
    Code,
    /// A [`Facet`].
    Field,
    /// Semantic similarity, independent of words.
    Meaning,
}

/// A document that contains the words of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct TextHit {
    /// Id of the document.
    pub id: Uuid,
    /// Higher is more relevant; not comparable between texts.
    pub score: f32,
}

/// Reasons of one [`Hit`], at most.
pub const REASONS_MAX: usize = 8;

/// Errors of the index, mostly of the disk.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An error of tantivy.
    #[error("the search index in {}: {source}", folder.display())]
    Tantivy {
        /// Folder of the index.
        folder: PathBuf,
        /// The cause.
        source: Box<tantivy::TantivyError>,
    },
    /// An error of the file system.
    #[error("the search index in {}: {source}", folder.display())]
    Io {
        /// Folder of the index.
        folder: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

impl Error {
    pub(crate) fn tantivy(folder: &Path, source: tantivy::TantivyError) -> Self {
        Self::Tantivy { folder: folder.to_owned(), source: Box::new(source) }
    }

    pub(crate) fn io(folder: &Path, source: std::io::Error) -> Self {
        Self::Io { folder: folder.to_owned(), source }
    }
}

/// Loads the Chinese dictionary, so that the first query does not wait for it.
pub fn warm_up() {
    analysis::warm_up();
}

/// The words and codes of a text as the index stores them, for benchmarks against bare tantivy.
pub fn words(text: &str) -> Vec<String> {
    let terms = analysis::terms(text).into_iter();
    terms
        .filter(|term| matches!(term.kind, analysis::Kind::Word | analysis::Kind::Code))
        .map(|term| term.form)
        .collect()
}
