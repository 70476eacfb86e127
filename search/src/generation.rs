//! One tantivy index in one folder: its fields, its one writer, its reader.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tantivy::directory::error::OpenReadError;
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::store::Compressor;
use tantivy::{
    IndexReader, IndexSettings, IndexWriter, ReloadPolicy, Searcher, TantivyDocument, TantivyError, Term, doc,
};
use uuid::Uuid;

use crate::analysis::{Kind, Run, normalise, runs, simplify, terms};
use crate::find::latin_forms;
use crate::joined::{JoinedTerms, Splitter};
use crate::profile::StoredDocument;
use crate::statistics::StatisticsCache;
use crate::{Change, Document, Error, profile};

/// Increment it when fields, analysis or the profile change: an index of another format is rebuilt.
const FORMAT: &str = "buoy-search 5";
const FORMAT_FILE: &str = "format";
/// Memory of the indexing thread for single changes, in bytes: the minimum of tantivy, because its tables are cleared
/// at each commit.
const WRITER_BYTES: usize = 15_000_000;
/// The same for a rebuild: fewer, larger segments.
const REBUILD_WRITER_BYTES: usize = 100_000_000;
/// Block size of the document store, in bytes. A query reads some dozens of scattered profiles, each with its whole
/// block.
const STORE_BLOCK_BYTES: usize = 4_096;
/// Checksums of an index up to so many bytes are verified when it is opened; for larger ones it would take too long.
const CHECKED_BYTES_MAX: u64 = 1 << 30;
/// Positions between two runs of characters, so that no phrase spans them.
const RUN_GAP: usize = 2;
/// In the first selection, a word of the title counts as so many.
const TITLE_TIMES: usize = 2;

pub(crate) const ID_HIGH: &str = "id_high";
pub(crate) const ID_LOW: &str = "id_low";
pub(crate) const AT: &str = "at";

/// Title and body, extra text, restricted text: [`crate::Index::similar`] depends on the first alone, so that its scores
/// tell nothing about the others.
const TEXTS: usize = 3;

/// The fields of a text for [`crate::Index::find`].
#[derive(Clone, Copy)]
pub(crate) struct TextFields {
    /// Chinese characters, with positions.
    pub han: Field,
    /// All forms of Latin words.
    pub latin: Field,
}

#[derive(Clone, Copy)]
pub(crate) struct Fields {
    /// For replacing and deleting.
    id: Field,
    /// The same as two numbers, for reading.
    id_high: Field,
    id_low: Field,
    /// See [`Document::at`].
    pub at: Field,
    /// Words and codes of title and body.
    pub words: Field,
    /// Chinese characters of title and body, with positions.
    pub han: Field,
    /// For [`crate::Index::find`]: the texts each text by itself, title and body first.
    pub texts: [TextFields; TEXTS],
    pub tags: Field,
    /// See [`StoredDocument`].
    pub stored: Field,
}

fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let indexed = |record, norms| {
        let indexing = TextFieldIndexing::default()
            .set_tokenizer(JoinedTerms::NAME)
            .set_index_option(record)
            .set_fieldnorms(norms);
        TextOptions::default().set_indexing_options(indexing)
    };
    let mut text = |han: &str, latin: &str, norms| TextFields {
        han: schema.add_text_field(han, indexed(IndexRecordOption::WithFreqsAndPositions, norms)),
        latin: schema.add_text_field(latin, indexed(IndexRecordOption::Basic, false)),
    };
    let texts = [
        text("han", "latin", true),
        text("extra_han", "extra_latin", false),
        text("restricted_han", "restricted_latin", false),
    ];
    let fields = Fields {
        id: schema.add_bytes_field("id", INDEXED),
        id_high: schema.add_u64_field(ID_HIGH, FAST),
        id_low: schema.add_u64_field(ID_LOW, FAST),
        at: schema.add_i64_field(AT, FAST),
        words: schema.add_text_field("words", indexed(IndexRecordOption::WithFreqs, true)),
        han: texts[0].han,
        texts,
        tags: schema.add_text_field("tags", STRING),
        stored: schema.add_text_field("stored", STORED),
    };
    (schema.build(), fields)
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic leaves nothing inconsistent behind these locks: a writer is taken out of its slot while it works.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why a folder cannot be opened.
pub(crate) enum OpenError {
    /// The content is no valid index of this program: it is rebuilt.
    Invalid(String),
    /// The machine fails: a later attempt may succeed.
    Environment(Error),
}

pub(crate) struct Generation {
    pub folder: PathBuf,
    pub fields: Fields,
    index: tantivy::Index,
    reader: IndexReader,
    /// `None` before the first write and after a failure: the next writer starts from the last commit.
    writer: Mutex<Option<IndexWriter>>,
    writer_bytes: usize,
    cursor: Mutex<Option<String>>,
    pub statistics: StatisticsCache,
}

impl Generation {
    /// Creates an empty index in an existing folder.
    pub fn create(folder: &Path) -> Result<Self, Error> {
        let (schema, _) = schema();
        let settings = IndexSettings {
            docstore_compression: Compressor::None, // hashes do not shrink
            docstore_blocksize: STORE_BLOCK_BYTES,
            // A thread for each commit costs more than it saves.
            docstore_compress_dedicated_thread: false,
            ..IndexSettings::default()
        };
        let made = tantivy::Index::builder().schema(schema).settings(settings).create_in_dir(folder);
        let generation = made.and_then(|index| Self::of(folder, index)).map_err(|e| Error::tantivy(folder, e))?;
        // Written last: a folder without this file is unfinished.
        fs::write(folder.join(FORMAT_FILE), FORMAT).map_err(|e| Error::io(folder, e))?;
        Ok(generation)
    }

    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        let format = match fs::read(folder.join(FORMAT_FILE)) {
            Ok(format) => format,
            Err(e) if e.kind() == ErrorKind::NotFound => {
                return Err(OpenError::Invalid("it is not there or was never finished".to_owned()));
            }
            Err(e) => return Err(OpenError::Environment(Error::io(folder, e))),
        };
        if format != FORMAT.as_bytes() {
            let format = String::from_utf8_lossy(&format).into_owned();
            return Err(OpenError::Invalid(format!("it has the format {format:?}, this program {FORMAT:?}")));
        }
        let open_error = |e| {
            if is_environment_error(&e) {
                OpenError::Environment(Error::tantivy(folder, e))
            } else {
                OpenError::Invalid(e.to_string())
            }
        };
        let index = tantivy::Index::open_in_dir(folder).map_err(open_error)?;
        if index.schema() != schema().0 {
            return Err(OpenError::Invalid("it has other fields".to_owned()));
        }
        if folder_bytes(folder) <= CHECKED_BYTES_MAX {
            let damaged = index.validate_checksum().map_err(open_error)?;
            if let Some(file) = damaged.iter().min() {
                return Err(OpenError::Invalid(format!("{} is damaged", file.display())));
            }
        }
        Self::of(folder, index).map_err(open_error)
    }

    fn of(folder: &Path, index: tantivy::Index) -> tantivy::Result<Self> {
        index.tokenizers().register(JoinedTerms::NAME, Splitter::default());
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let cursor = index.load_metas()?.payload;
        Ok(Self {
            folder: folder.to_owned(),
            fields: schema().1,
            index,
            reader,
            writer: Mutex::new(None),
            writer_bytes: WRITER_BYTES,
            cursor: Mutex::new(cursor),
            statistics: StatisticsCache::default(),
        })
    }

    /// Configures the writer for a rebuild.
    pub fn for_rebuild(mut self) -> Self {
        self.writer_bytes = REBUILD_WRITER_BYTES;
        self
    }

    /// Configures the writer for single changes.
    pub fn for_changes(mut self) -> Self {
        self.writer_bytes = WRITER_BYTES;
        self
    }

    /// A view of the last commit.
    pub fn searcher(&self) -> Searcher {
        self.reader.searcher()
    }

    pub fn cursor(&self) -> Option<String> {
        lock(&self.cursor).clone()
    }

    pub fn error(&self, source: TantivyError) -> Error {
        Error::tantivy(&self.folder, source)
    }

    /// Writes without committing.
    fn write(&self, work: impl FnOnce(&mut IndexWriter) -> tantivy::Result<()>) -> Result<(), Error> {
        let mut slot = lock(&self.writer);
        // Taken out of the slot: a writer that fails or panics is dropped with its uncommitted changes.
        let mut writer = match slot.take() {
            Some(writer) => writer,
            None => self.index.writer_with_num_threads(1, self.writer_bytes).map_err(|e| self.error(e))?,
        };
        work(&mut writer).map_err(|e| self.error(e))?;
        *slot = Some(writer);
        Ok(())
    }

    /// Adds documents that the index does not contain yet, without committing.
    pub fn add(&self, documents: &[Document]) -> Result<(), Error> {
        let stored: Vec<TantivyDocument> = documents.iter().map(|document| self.stored(document)).collect();
        self.write(|writer| stored.into_iter().try_for_each(|stored| writer.add_document(stored).map(drop)))
    }

    /// Replaces documents, without committing.
    pub fn replace(&self, documents: &[Document]) -> Result<(), Error> {
        let stored: Vec<(Uuid, TantivyDocument)> = documents.iter().map(|d| (d.id, self.stored(d))).collect();
        self.write(|writer| {
            stored.into_iter().try_for_each(|(id, stored)| {
                writer.delete_term(self.id_term(id));
                writer.add_document(stored).map(drop)
            })
        })
    }

    fn id_term(&self, id: Uuid) -> Term {
        Term::from_field_bytes(self.fields.id, id.as_bytes())
    }

    /// Commits changes and cursor together, visible on return.
    pub fn apply(&self, changes: Vec<Change>, cursor: &str) -> Result<(), Error> {
        // The expensive part, before the writer is locked.
        let changes: Vec<(Uuid, Option<TantivyDocument>)> = changes
            .into_iter()
            .map(|change| match change {
                Change::Put(document) => (document.id, Some(self.stored(&document))),
                Change::Remove(id) => (id, None),
            })
            .collect();
        self.write(|writer| {
            for (id, stored) in changes {
                writer.delete_term(self.id_term(id));
                if let Some(stored) = stored {
                    writer.add_document(stored)?;
                }
            }
            let mut commit = writer.prepare_commit()?;
            commit.set_payload(cursor);
            commit.commit()?;
            Ok(())
        })?;
        self.reader.reload().map_err(|e| self.error(e))?;
        *lock(&self.cursor) = Some(cursor.to_owned());
        Ok(())
    }

    /// Releases the writer.
    pub fn close(&self) {
        drop(lock(&self.writer).take());
    }

    fn stored(&self, document: &Document) -> TantivyDocument {
        let Document { id, at, title, body, extra, restricted, tags } = document;
        let (title_terms, body_terms) = (terms(title), terms(body));
        let title_times = title_terms.iter().flat_map(|term| std::iter::repeat_n(term, TITLE_TIMES));
        let words = title_times.chain(&body_terms).filter(|term| term.kind != Kind::Character);
        let mut words_joined = JoinedTerms::default();
        words.for_each(|term| words_joined.push(&term.form));
        let (high, low) = id.as_u64_pair();
        let mut stored = doc!(
            self.fields.id => id.as_bytes().to_vec(),
            self.fields.id_high => high,
            self.fields.id_low => low,
            self.fields.at => *at,
            self.fields.stored => StoredDocument::pack(*id, &profile::pack(&title_terms, &body_terms, tags)),
        );
        stored.add_text(self.fields.words, words_joined.0);
        let parts: [&[&String]; TEXTS] = [&[title, body], &[extra], &[restricted]];
        for (TextFields { han, latin }, parts) in self.fields.texts.iter().zip(parts) {
            let (characters, words) = searched(parts);
            stored.add_text(*han, characters.0);
            stored.add_text(*latin, words.0);
        }
        for tag in tags {
            stored.add_text(self.fields.tags, tag);
        }
        stored
    }
}

/// The Chinese characters and the Latin words of texts, as [`crate::Index::find`] searches them.
fn searched(texts: &[&String]) -> (JoinedTerms, JoinedTerms) {
    let mut forms = Vec::new();
    let mut han = JoinedTerms::default();
    for text in texts.iter().map(|text| normalise(text)) {
        for run in runs(&text) {
            match run {
                Run::Latin(run) => forms.extend(latin_forms(run)),
                Run::Han(run) => {
                    simplify(run).chars().for_each(|c| han.push(c.encode_utf8(&mut [0; 4])));
                    han.leave_empty(RUN_GAP);
                }
            }
        }
    }
    forms.sort_unstable();
    forms.dedup();
    let mut latin = JoinedTerms::default();
    forms.iter().for_each(|form| latin.push(form));
    (han, latin)
}

/// Whether an error comes from the machine (permissions, space, a failing disk) and not from the content of files.
fn is_environment_error(error: &TantivyError) -> bool {
    let kind = match error {
        TantivyError::LockFailure(..) | TantivyError::SystemError(_) => return true,
        TantivyError::IoError(e) | TantivyError::OpenReadError(OpenReadError::IoError { io_error: e, .. }) => e.kind(),
        _ => return false,
    };
    !matches!(kind, ErrorKind::InvalidData | ErrorKind::UnexpectedEof | ErrorKind::NotFound)
}

fn folder_bytes(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
}
