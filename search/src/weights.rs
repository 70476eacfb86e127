//! How much each likeness counts.

use serde::{Deserialize, Serialize};

/// How like each other two texts are, each in 0..=1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Likeness {
    /// Of all terms of the question, by their information, what the document's texts hold.
    pub text: f32,
    /// Of the terms of its title, and its codes, what the document's texts hold.
    pub head: f32,
    /// Of the terms of its title, what the document's title holds.
    pub title: f32,
    /// Of the codes of the question, by their information, what the document's texts hold.
    pub codes: f32,
    /// The wording of both titles: characters, pairs of characters and words in common, of those there are (Dice).
    pub wording: f32,
    /// How near the vectors lie (cosine); `None` where either has none.
    pub nearness: Option<Nearness>,
}

/// How near two vectors lie.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Nearness {
    /// By all that they say.
    pub meaning: f32,
    /// Without what all texts have in common; less where many texts lie near the document, more where few do.
    pub topic: f32,
}

/// All that a score is made of, but the weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traits {
    /// Of the texts.
    pub likeness: Likeness,
    /// How far each share counts for the question.
    pub counting: Shares,
    /// The weights of the fields that are the same.
    pub facets: f32,
    /// 1, and the weights of all fields of the question.
    pub possible: f32,
    /// Of the document in 0..=1: 0 now, 1 ten years ago, by the logarithm of its weeks.
    pub age: f32,
}

/// Parts in a mean of likenesses.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    /// Of [`Likeness::text`].
    pub text: f32,
    /// Of [`Likeness::head`].
    pub head: f32,
    /// Of [`Likeness::title`].
    pub title: f32,
    /// Of [`Likeness::codes`], where the question has any.
    pub codes: f32,
    /// Of [`Likeness::wording`].
    pub wording: f32,
    /// Of [`Nearness::meaning`].
    pub meaning: f32,
    /// Of [`Nearness::topic`].
    pub topic: f32,
}

/// How much each likeness counts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weights {
    /// Where only words tell.
    pub words: Shares,
    /// Where vectors tell as well.
    pub meanings: Shares,
    /// What a document of ten years ago loses of its score; one of a week ago loses a ninth of that.
    pub age: f32,
}

impl Weights {
    /// Chosen on labelled sets (docs/adr/0016).
    pub const CHOSEN: Self = Self {
        words: Shares { text: 0.75, head: 0.1, title: 0.3, codes: 0.08, wording: 0.3, meaning: 0.0, topic: 0.0 },
        meanings: Shares { text: 0.2, head: 0.25, title: 0.23, codes: 0.12, wording: 0.2, meaning: 0.4, topic: 0.5 },
        age: 0.5,
    };

    /// The shares for what is known of two texts.
    pub(crate) fn of(&self, likeness: &Likeness) -> &Shares {
        if likeness.nearness.is_some() { &self.meanings } else { &self.words }
    }

    /// In 0..=1.
    pub fn score(&self, of: &Traits) -> f32 {
        let shares = self.of(&of.likeness).counting(&of.counting);
        let fresh = 1.0 - self.age * of.age;
        ((shares.mean(&of.likeness) + of.facets) / of.possible * fresh).clamp(0.0, 1.0)
    }

    /// Those that can be learned: how fast cases age differs from time to time, and what was true of the last ones is not of the
    /// next.
    pub(crate) fn each(&mut self) -> impl Iterator<Item = &mut f32> {
        self.words.each().chain(self.meanings.each())
    }
}

impl Shares {
    fn each(&mut self) -> impl Iterator<Item = &mut f32> {
        let Self { text, head, title, codes, wording, meaning, topic } = self;
        [text, head, title, codes, wording, meaning, topic].into_iter()
    }

    /// Those that count for a question.
    pub(crate) fn counting(&self, of: &Self) -> Self {
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

    /// The mean of the likenesses, in 0..=1.
    pub(crate) fn mean(&self, of: &Likeness) -> f32 {
        let Likeness { text, head, title, codes, wording, nearness } = *of;
        let Nearness { meaning, topic } = nearness.unwrap_or_default();
        let sum =
            self.text * text + self.head * head + self.title * title + self.codes * codes + self.wording * wording;
        (sum + self.meaning * meaning + self.topic * topic) / self.sum()
    }
}
