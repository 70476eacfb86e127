//! How much each similarity counts.

use serde::{Deserialize, Serialize};

/// Similarities of two texts, each in 0..=1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Similarity {
    /// Share of the query's term weight that the document's texts cover.
    pub text: f32,
    /// The same for the terms of the query's title and its codes.
    pub head: f32,
    /// Share of the title's term weight that the document's title covers.
    pub title: f32,
    /// Share of the weight of the query's codes that the document's texts cover.
    pub codes: f32,
    /// Dice coefficient of the shingles of both titles: characters, pairs of characters, and words.
    pub wording: f32,
    /// Similarity of the embeddings; `None` if either text has none.
    pub vectors: Option<VectorSimilarity>,
}

/// Similarity of two embeddings.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct VectorSimilarity {
    /// The cosine of both vectors.
    pub cosine: f32,
    /// Cosine after removing mean and first principal components, corrected for the document's hubness (CSLS).
    pub topic: f32,
}

/// All inputs of a score except the weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Features {
    /// Similarities of the texts.
    pub similarity: Similarity,
    /// Which shares apply to the query, and how much.
    pub active: Shares,
    /// Total weight of the fields that are equal.
    pub facets: f32,
    /// 1 plus the total weight of all fields of the query.
    pub max_score: f32,
    /// Age of the document in 0..=1, logarithmic in weeks: 0 now, 1 ten years ago.
    pub age: f32,
}

/// Weights in a mean of similarities.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    /// Weight of [`Similarity::text`].
    pub text: f32,
    /// Weight of [`Similarity::head`].
    pub head: f32,
    /// Weight of [`Similarity::title`].
    pub title: f32,
    /// Weight of [`Similarity::codes`], if the query has any.
    pub codes: f32,
    /// Weight of [`Similarity::wording`].
    pub wording: f32,
    /// Weight of [`VectorSimilarity::cosine`].
    pub meaning: f32,
    /// Weight of [`VectorSimilarity::topic`].
    pub topic: f32,
}

/// How much each similarity counts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weights {
    /// For texts without embeddings.
    pub words: Shares,
    /// For texts with embeddings.
    pub meanings: Shares,
    /// Share of the score that a document of ten years ago loses; one of a week ago loses a ninth of it.
    pub age: f32,
}

impl Weights {
    /// Tuned on labelled sets (docs/adr/0016).
    pub const DEFAULT: Self = Self {
        words: Shares { text: 0.75, head: 0.1, title: 0.3, codes: 0.08, wording: 0.3, meaning: 0.0, topic: 0.0 },
        meanings: Shares { text: 0.2, head: 0.25, title: 0.23, codes: 0.12, wording: 0.2, meaning: 0.4, topic: 0.5 },
        age: 0.5,
    };

    /// The shares for these similarities, with or without embeddings.
    pub(crate) fn shares_for(&self, similarity: &Similarity) -> &Shares {
        if similarity.vectors.is_some() { &self.meanings } else { &self.words }
    }

    /// In 0..=1.
    pub fn score(&self, of: &Features) -> f32 {
        let shares = self.shares_for(&of.similarity).masked(&of.active);
        let fresh = 1.0 - self.age * of.age;
        ((shares.weighted_mean(&of.similarity) + of.facets) / of.max_score * fresh).clamp(0.0, 1.0)
    }

    /// The weights that are tuned. The influence of age is not: it varies over time.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut f32> {
        self.words.iter_mut().chain(self.meanings.iter_mut())
    }
}

impl Shares {
    fn iter_mut(&mut self) -> impl Iterator<Item = &mut f32> {
        let Self { text, head, title, codes, wording, meaning, topic } = self;
        [text, head, title, codes, wording, meaning, topic].into_iter()
    }

    /// These shares, restricted to those that apply to a query.
    pub(crate) fn masked(&self, of: &Self) -> Self {
        Self {
            text: self.text * of.text,
            head: self.head * of.head,
            title: self.title * of.title,
            codes: self.codes * of.codes,
            wording: self.wording * of.wording,
            meaning: self.meaning * of.meaning,
            topic: self.topic * of.topic,
        }
    }

    pub(crate) fn sum(&self) -> f32 {
        let Self { text, head, title, codes, wording, meaning, topic } = self;
        (text + head + title + codes + wording + meaning + topic).max(f32::MIN_POSITIVE)
    }

    /// The weighted mean of the similarities, in 0..=1.
    pub(crate) fn weighted_mean(&self, of: &Similarity) -> f32 {
        let Similarity { text, head, title, codes, wording, vectors } = *of;
        let VectorSimilarity { cosine, topic } = vectors.unwrap_or_default();
        let sum =
            self.text * text + self.head * head + self.title * title + self.codes * codes + self.wording * wording;
        (sum + self.meaning * cosine + self.topic * topic) / self.sum()
    }
}
