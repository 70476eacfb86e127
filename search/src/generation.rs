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

use crate::analysis::{Kind, Run, plain, runs, terms};
use crate::find::latin_forms;
use crate::joined::{Joined, Splitter};
use crate::profile::Stored;
use crate::{Change, Document, Error, profile};

/// To be raised when fields, analysis or the profile change: an index of another format is built anew.
const FORMAT: &str = "buoy-search 4";
const FORMAT_FILE: &str = "format";
/// Memory of the one indexing thread while changes come one by one, in bytes: tantivy's least, for its tables are
/// cleared at each commit.
const WRITER_BYTES: usize = 15_000_000;
/// The same while a whole index is built: fewer, larger segments.
const REBUILD_WRITER_BYTES: usize = 100_000_000;
/// Of the stored profiles, in bytes: a question reads some dozens that lie far apart, each with all of its block.
const STORE_BLOCK_BYTES: usize = 4_096;
/// An index up to so many bytes is checked against its checksums when it is opened; reading more would take long.
const CHECKED_BYTES_MAX: u64 = 1 << 30;
/// Places between two runs of characters: no phrase reaches across.
const RUN_GAP: usize = 2;
/// A word of the title stands for so many in the first choice of documents.
const TITLE_TIMES: usize = 2;

pub(crate) const ID_HIGH: &str = "id_high";
pub(crate) const ID_LOW: &str = "id_low";
pub(crate) const AT: &str = "at";

#[derive(Clone, Copy)]
pub(crate) struct Fields {
    /// To replace and remove by.
    id: Field,
    /// The same as two numbers, to read.
    id_high: Field,
    id_low: Field,
    /// See [`Document::at`].
    pub at: Field,
    /// Words and codes of title and body.
    pub words: Field,
    /// Chinese characters of all texts, with their places.
    pub han: Field,
    /// For [`crate::Index::find`]: Latin words in every form, of all texts.
    pub latin: Field,
    pub tags: Field,
    /// See [`Stored`].
    pub stored: Field,
}

fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let indexed = |record, norms| {
        let indexing =
            TextFieldIndexing::default().set_tokenizer(Joined::NAME).set_index_option(record).set_fieldnorms(norms);
        TextOptions::default().set_indexing_options(indexing)
    };
    let fields = Fields {
        id: schema.add_bytes_field("id", INDEXED),
        id_high: schema.add_u64_field(ID_HIGH, FAST),
        id_low: schema.add_u64_field(ID_LOW, FAST),
        at: schema.add_i64_field(AT, FAST),
        words: schema.add_text_field("words", indexed(IndexRecordOption::WithFreqs, true)),
        han: schema.add_text_field("han", indexed(IndexRecordOption::WithFreqsAndPositions, true)),
        latin: schema.add_text_field("latin", indexed(IndexRecordOption::Basic, false)),
        tags: schema.add_text_field("tags", STRING),
        stored: schema.add_text_field("stored", STORED),
    };
    (schema.build(), fields)
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing behind these locks is left half done by a panic: a writer is taken out while it works.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why a folder cannot be opened.
pub(crate) enum Unusable {
    /// What it holds is no index of this program: it is built anew.
    Content(String),
    /// The machine fails: opened another time it may be whole.
    Machine(Error),
}

pub(crate) struct Generation {
    pub folder: PathBuf,
    pub fields: Fields,
    index: tantivy::Index,
    reader: IndexReader,
    /// `None` until something is written, and after a failure: the next one begins from the last commit.
    writer: Mutex<Option<IndexWriter>>,
    writer_bytes: usize,
    cursor: Mutex<Option<String>>,
}

impl Generation {
    /// An empty index in a folder that exists.
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
        // Last: a folder without it was never finished.
        fs::write(folder.join(FORMAT_FILE), FORMAT).map_err(|e| Error::io(folder, e))?;
        Ok(generation)
    }

    pub fn open(folder: &Path) -> Result<Self, Unusable> {
        let format = match fs::read(folder.join(FORMAT_FILE)) {
            Ok(format) => format,
            Err(e) if e.kind() == ErrorKind::NotFound => {
                return Err(Unusable::Content("it is not there or was never finished".to_owned()));
            }
            Err(e) => return Err(Unusable::Machine(Error::io(folder, e))),
        };
        if format != FORMAT.as_bytes() {
            let format = String::from_utf8_lossy(&format).into_owned();
            return Err(Unusable::Content(format!("it has the format {format:?}, this program {FORMAT:?}")));
        }
        let unusable = |e| {
            if is_machine(&e) { Unusable::Machine(Error::tantivy(folder, e)) } else { Unusable::Content(e.to_string()) }
        };
        let index = tantivy::Index::open_in_dir(folder).map_err(unusable)?;
        if index.schema() != schema().0 {
            return Err(Unusable::Content("it has other fields".to_owned()));
        }
        if folder_bytes(folder) <= CHECKED_BYTES_MAX {
            let damaged = index.validate_checksum().map_err(unusable)?;
            if let Some(file) = damaged.iter().min() {
                return Err(Unusable::Content(format!("{} is damaged", file.display())));
            }
        }
        Self::of(folder, index).map_err(unusable)
    }

    fn of(folder: &Path, index: tantivy::Index) -> tantivy::Result<Self> {
        index.tokenizers().register(Joined::NAME, Splitter::default());
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
        })
    }

    /// For many documents at once.
    pub fn for_rebuild(mut self) -> Self {
        self.writer_bytes = REBUILD_WRITER_BYTES;
        self
    }

    /// For changes one by one.
    pub fn for_changes(mut self) -> Self {
        self.writer_bytes = WRITER_BYTES;
        self
    }

    /// As the index was at the last commit.
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
        // Taken out, so that a writer that failed or panicked is dropped with all that it had not committed.
        let mut writer = match slot.take() {
            Some(writer) => writer,
            None => self.index.writer_with_num_threads(1, self.writer_bytes).map_err(|e| self.error(e))?,
        };
        work(&mut writer).map_err(|e| self.error(e))?;
        *slot = Some(writer);
        Ok(())
    }

    /// Adds documents of which the index holds none, without committing.
    pub fn add(&self, documents: &[Document]) -> Result<(), Error> {
        let stored: Vec<TantivyDocument> = documents.iter().map(|document| self.stored(document)).collect();
        self.write(|writer| stored.into_iter().try_for_each(|stored| writer.add_document(stored).map(drop)))
    }

    /// The same for documents that it holds.
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

    /// Changes and cursor in one commit, visible on return.
    pub fn apply(&self, changes: Vec<Change>, cursor: &str) -> Result<(), Error> {
        // The long part, before the writer is held.
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

    /// Nothing is written any more.
    pub fn close(&self) {
        drop(lock(&self.writer).take());
    }

    fn stored(&self, document: &Document) -> TantivyDocument {
        let Document { id, at, title, body, extra, tags } = document;
        let (title_terms, body_terms) = (terms(title), terms(body));
        let title_times = title_terms.iter().flat_map(|term| std::iter::repeat_n(term, TITLE_TIMES));
        let words = title_times.chain(&body_terms).filter(|term| term.kind != Kind::Character);
        let mut words_joined = Joined::default();
        words.for_each(|term| words_joined.push(&term.form));
        let mut latin = Vec::new();
        let mut han = Joined::default();
        for part in [title, body, extra].map(|part| plain(part)) {
            for run in runs(&part) {
                match run {
                    Run::Latin(run) => latin.extend(latin_forms(run)),
                    Run::Han(run) => {
                        run.chars().for_each(|c| han.push(c.encode_utf8(&mut [0; 4])));
                        han.leave_empty(RUN_GAP);
                    }
                }
            }
        }
        latin.sort_unstable();
        latin.dedup();
        let mut latin_joined = Joined::default();
        latin.iter().for_each(|form| latin_joined.push(form));
        let (high, low) = id.as_u64_pair();
        let mut stored = doc!(
            self.fields.id => id.as_bytes().to_vec(),
            self.fields.id_high => high,
            self.fields.id_low => low,
            self.fields.at => *at,
            self.fields.stored => Stored::pack(*id, &profile::pack(&title_terms, &body_terms, tags)),
        );
        let fields = &self.fields;
        for (field, joined) in [(fields.words, words_joined), (fields.han, han), (fields.latin, latin_joined)] {
            stored.add_text(field, joined.0);
        }
        for tag in tags {
            stored.add_text(self.fields.tags, tag);
        }
        stored
    }
}

/// Whether an error comes from the machine (rights, space, a failing disk) and not from what the files hold.
fn is_machine(error: &TantivyError) -> bool {
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
