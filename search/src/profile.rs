//! The term vector of a document, stored for scoring: its terms, their frequencies, and its tags.
//!
//! A profile is read once per candidate, so it is searched without unpacking: entries of fixed size, ordered by hash.
//! Terms with the same 32-bit hash are treated as equal; that gives one false match in some thousands of queries,
//! always the same one.

use std::collections::{BTreeSet, HashMap};

use tantivy::schema::document::{
    DeserializeError, DocumentDeserialize, DocumentDeserializer, ValueDeserialize, ValueDeserializer,
};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use uuid::Uuid;

use crate::analysis::{Kind, Term, is_han};

/// Distinct terms and tags of one document; the rest of a long text is ignored.
const ENTRIES_MAX: usize = 4_096;
/// Hash (4), frequency in the title, total frequency.
const ENTRY_BYTES: usize = 6;
/// Length of the title, total length, shingles of the title.
const HEADER_BYTES: usize = 6;

/// How often a term occurs in a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TermFrequency {
    pub title: u8,
    /// Includes the title.
    pub all: u8,
}

/// Serialises a document's terms and tags.
pub(crate) fn pack(title: &[Term], body: &[Term], tags: &[String]) -> Vec<u8> {
    let shingles = shingles(title);
    let mut entries: HashMap<u32, TermFrequency> = HashMap::new();
    let mut add = |form: &str, in_title: bool, in_text: bool| {
        let hash = hash(form);
        if entries.len() < ENTRIES_MAX || entries.contains_key(&hash) {
            let times = entries.entry(hash).or_default();
            times.title = times.title.saturating_add(u8::from(in_title));
            times.all = times.all.saturating_add(u8::from(in_text));
        }
    };
    for tag in tags {
        add(&tag_form(tag), false, false);
    }
    for (terms, in_title) in [(title, true), (body, false)] {
        for term in terms {
            add(&term.form, in_title, true);
        }
    }
    for shingle in &shingles {
        add(&shingle_form(shingle), false, false);
    }
    let mut entries: Vec<(u32, TermFrequency)> = entries.into_iter().collect();
    entries.sort_unstable_by_key(|(hash, _)| *hash);
    let mut bytes = Vec::with_capacity(HEADER_BYTES + entries.len() * ENTRY_BYTES);
    let (title, body) = (length(title), length(body));
    let shingles = u16::try_from(shingles.len()).unwrap_or(u16::MAX);
    for length in [title, title.saturating_add(body), shingles] {
        bytes.extend(length.to_le_bytes());
    }
    for (hash, times) in entries {
        bytes.extend(hash.to_le_bytes());
        bytes.extend([times.title, times.all]);
    }
    bytes
}

/// Words and codes; characters and parts of codes are not counted, because they repeat them.
pub(crate) fn length(terms: &[Term]) -> u16 {
    let count = terms.iter().filter(|term| !matches!(term.kind, Kind::Character | Kind::Group)).count();
    u16::try_from(count).unwrap_or(u16::MAX)
}

/// The stored field of a document: its id and its profile. It is base64 text, because tantivy reads a stored text in
/// one piece but bytes one by one.
pub(crate) struct StoredDocument(Vec<u8>);

const ID_BYTES: usize = 16;

impl StoredDocument {
    pub fn pack(id: Uuid, profile: &[u8]) -> String {
        STANDARD_NO_PAD.encode([id.as_bytes(), profile].concat())
    }

    pub fn id(&self) -> Uuid {
        self.0.first_chunk().copied().map_or(Uuid::nil(), Uuid::from_bytes)
    }

    pub fn profile(&self) -> Profile<'_> {
        Profile::read(self.0.get(ID_BYTES..).unwrap_or_default())
    }
}

impl DocumentDeserialize for StoredDocument {
    fn deserialize<'de, D: DocumentDeserializer<'de>>(mut document: D) -> Result<Self, DeserializeError> {
        let text = document.next_field::<Text>()?.map(|(_, Text(text))| text).unwrap_or_default();
        STANDARD_NO_PAD.decode(text).map(Self).map_err(DeserializeError::custom)
    }
}

struct Text(String);

impl ValueDeserialize for Text {
    fn deserialize<'de, D: ValueDeserializer<'de>>(value: D) -> Result<Self, DeserializeError> {
        value.deserialize_string().map(Self)
    }
}

/// A stored profile.
pub(crate) struct Profile<'b> {
    pub title_length: u16,
    pub length: u16,
    pub shingles: u16,
    entries: &'b [[u8; ENTRY_BYTES]],
}

impl<'b> Profile<'b> {
    /// An empty profile if the bytes are too short.
    pub fn read(bytes: &'b [u8]) -> Self {
        let (header, entries) = bytes.split_first_chunk::<HEADER_BYTES>().unwrap_or((&[0; HEADER_BYTES], &[]));
        let [a, b, c, d, e, f] = *header;
        Self {
            title_length: u16::from_le_bytes([a, b]),
            length: u16::from_le_bytes([c, d]),
            shingles: u16::from_le_bytes([e, f]),
            entries: entries.as_chunks().0,
        }
    }

    /// The frequency of a term, by the hash of its form.
    pub fn times(&self, hash: u32) -> Option<TermFrequency> {
        let place = self.entries.binary_search_by_key(&hash, |[a, b, c, d, ..]| u32::from_le_bytes([*a, *b, *c, *d]));
        let [.., title, all] = self.entries[place.ok()?];
        Some(TermFrequency { title, all })
    }

    pub fn has_tag(&self, tag: &str) -> bool {
        self.times(hash(&tag_form(tag))).is_some()
    }

    /// By the hash of its form.
    pub fn has_shingle(&self, hash: u32) -> bool {
        self.times(hash).is_some()
    }
}

/// Shingles of a title: its Chinese characters, pairs of adjacent characters, and words of other scripts.
pub(crate) fn shingles(title: &[Term]) -> BTreeSet<String> {
    let mut shingles = BTreeSet::new();
    let mut before: Option<&str> = None;
    for term in title {
        if let Some(character) = term.character() {
            if let Some(before) = before {
                shingles.insert(format!("{before}{character}"));
            }
            shingles.insert(character.to_owned());
            before = Some(character);
            continue;
        }
        let is_whole = matches!(term.kind, Kind::Word | Kind::Code | Kind::StopWord);
        if is_whole && !term.form.chars().any(is_han) {
            shingles.insert(term.form.clone());
        }
        before = None;
    }
    shingles
}

pub(crate) fn shingle_form(shingle: &str) -> String {
    format!("~{shingle}")
}

fn tag_form(tag: &str) -> String {
    format!("={tag}")
}

/// FNV-1a, folded to 32 bits. Hashes are stored, so the function must never change.
#[expect(clippy::cast_possible_truncation, reason = "that is the folding")]
pub(crate) fn hash(form: &str) -> u32 {
    let hash = form
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash ^ (hash >> 32)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::terms;

    #[test]
    fn a_profile_contains_terms_and_tags() {
        let bytes = pack(&terms("Printer E-721"), &terms("the printer 打印机"), &["product=PM-3300".to_owned()]);
        let profile = Profile::read(&bytes);
        assert_eq!((profile.title_length, profile.length), (2, 7));
        assert_eq!(profile.times(hash("printer")), Some(TermFrequency { title: 1, all: 2 }));
        assert_eq!(profile.times(hash("#e721")), Some(TermFrequency { title: 1, all: 1 }));
        assert_eq!(profile.times(hash("·打")), Some(TermFrequency { title: 0, all: 1 }));
        assert_eq!(profile.times(hash("scanner")), None);
        assert!(profile.has_tag("product=PM-3300") && !profile.has_tag("product=PM-3301"));
    }

    #[test]
    fn invalid_bytes_give_an_empty_profile() {
        for bytes in [&[][..], &[1, 2, 3], &[0; 7]] {
            assert_eq!(Profile::read(bytes).times(0), None);
        }
    }
}
