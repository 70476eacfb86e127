//! The tantivy index: knows documents, not what they stand for.
//!
//! - Documents and the place in whatever they follow (`cursor`) are one commit: after kill -9 either both are there or
//!   neither.
//! - Queries are built from terms in code, never by a query parser: no text can break them.
//! - A score is a mean of likenesses, each in 0..=1 (see [`Likeness`]), less for what lies long ago: it means the same for
//!   every question, and does not depend on which other documents are answered.
//! - Which documents may be answered ([`Clause`]) is part of the query.

#![deny(missing_docs)]

mod analysis;
mod candidates;
mod find;
mod fit;
mod generation;
mod index;
mod joined;
mod profile;
mod reasons;
mod similar;
mod vectors;
mod weights;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use uuid::Uuid;

pub use find::matches;
pub use fit::{Choice, Verdict, fit, place_of_chosen};
pub use index::{Index, Opened, Rebuild};
pub use vectors::{DIMENSIONS, EXACT_MAX, Vector};
pub use weights::{Likeness, Nearness, Shares, Traits, Weights};

/// What is indexed. `tags` are exact terms: they filter ([`Clause`]) and, as facets `name=value`, add to a score.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// One document of an id is kept: the last.
    pub id: Uuid,
    /// When what it stands for began, in milliseconds of the Unix epoch: of two alike the later one is more similar.
    pub at: i64,
    /// Counts more than the body.
    pub title: String,
    /// The text below the title.
    pub body: String,
    /// Found by [`Index::find`], not compared by [`Index::similar`].
    pub extra: String,
    /// Exact terms.
    pub tags: Vec<String>,
}

/// A step in the life of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new, or other than before.
    Put(Document),
    /// It is found no more.
    Remove(Uuid),
}

/// Which documents may be answered at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clause {
    /// A document has all of these tags.
    pub all_of: Vec<String>,
    /// Of each of these lists a document has one tag; an empty list lets nothing through.
    pub any_of: Vec<Vec<String>>,
}

/// A field that counts when it is the same: matches the tag `name=value`.
#[derive(Clone, Debug, PartialEq)]
pub struct Facet {
    /// Of the field.
    pub name: String,
    /// Of the field, in the question.
    pub value: String,
    /// Added to the likeness of the texts, which lies in 0..=1.
    pub weight: f32,
}

/// A text to which similar documents are wanted.
pub struct SimilarQuery<'a> {
    /// May be empty.
    pub title: &'a str,
    /// May be empty.
    pub body: &'a str,
    /// Fields that count when they are the same; alone they make nothing similar.
    pub facets: &'a [Facet],
    /// What the text means; without it words alone decide.
    pub vector: Option<&'a Vector>,
    /// How much each likeness counts.
    pub weights: &'a Weights,
    /// When it is asked, in milliseconds of the Unix epoch: documents that began later are not answered.
    pub now: i64,
    /// Which documents may be answered at all.
    pub clause: &'a Clause,
    /// Not to be answered, such as the document that asks.
    pub exclude: &'a HashSet<Uuid>,
    /// Hits at most.
    pub limit: usize,
    /// Hits below this score are not answered.
    pub floor: f32,
}

/// A similar document.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Of the document.
    pub id: Uuid,
    /// In 0..=1: near 1 for a document of the same text. Comparable between questions.
    pub score: f32,
    /// Strongest first, at least one, at most [`REASONS_MAX`].
    pub reasons: Vec<Reason>,
    /// What the score is made of.
    pub traits: Traits,
}

/// Why a document is a hit.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// What is in common.
    pub kind: ReasonKind,
    /// As it stood in the question; of a field `name=value`; of a meaning empty.
    pub value: String,
    /// Its share of the score, in 0..=1.
    pub weight: f32,
}

/// What two documents may have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReasonKind {
    /// A word.
    Term,
    /// An error code, a model or part number.
    Code,
    /// A [`Facet`].
    Field,
    /// What the texts mean, whatever their words.
    Meaning,
}

/// A document that holds the words that somebody typed.
#[derive(Clone, Debug, PartialEq)]
pub struct TextHit {
    /// Of the document.
    pub id: Uuid,
    /// The higher the more relevant; not comparable between texts.
    pub score: f32,
}

/// Reasons of one [`Hit`].
pub const REASONS_MAX: usize = 8;

/// What can fail: the disk, mostly.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// tantivy says so.
    #[error("the search index in {}: {source}", folder.display())]
    Tantivy {
        /// Of the index.
        folder: PathBuf,
        /// Why.
        source: Box<tantivy::TantivyError>,
    },
    /// The file system says so.
    #[error("the search index in {}: {source}", folder.display())]
    Io {
        /// Of the index.
        folder: PathBuf,
        /// Why.
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

/// Loads the dictionary of Chinese words, so that the first question does not wait for it.
pub fn warm_up() {
    analysis::warm_up();
}

/// The words and codes of a text in the forms that the index keeps them in: for measuring against what lies beneath.
pub fn words(text: &str) -> Vec<String> {
    let terms = analysis::terms(text).into_iter();
    terms
        .filter(|term| matches!(term.kind, analysis::Kind::Word | analysis::Kind::Code))
        .map(|term| term.form)
        .collect()
}
