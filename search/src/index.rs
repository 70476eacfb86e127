//! The index on disk: generations of folders, one of them CURRENT.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, ConstScoreQuery, EmptyQuery, FuzzyTermQuery, Occur, PhraseQuery, Query, TermQuery};
use tantivy::schema::{
    Field, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions, Value as _,
};
use tantivy::tokenizer::{PreTokenizedString, Token};
use tantivy::{IndexReader, IndexWriter, ReloadPolicy, TantivyDocument, Term, doc};
use uuid::Uuid;

use crate::analysis::{Run, find_terms, fold, runs, terms};
use crate::find::{Need, needs};
use crate::{Change, Clause, Document, Error, Hit, SimilarQuery, TextHit, similar};

/// Raised when fields or analysis change: an index of another format is built anew.
const FORMAT: &str = "buoy-search 1";
const FORMAT_FILE: &str = "format";
const CURRENT_FILE: &str = "CURRENT";
/// Memory of the one indexing thread, in bytes.
const WRITER_BYTES: usize = 32_000_000;
/// Positions between two runs of characters: no phrase reaches across.
const RUN_GAP: usize = 10;

/// The index of one node. Cheap to clone; reading never waits for writing.
#[derive(Clone)]
pub struct Index(Arc<Shared>);

struct Shared {
    dir: PathBuf,
    current: ArcSwap<Generation>,
    /// Held while something is written or swapped.
    writing: Mutex<()>,
}

/// What opening found.
pub struct Opened {
    pub index: Index,
    /// How far the documents go; `None` where the index is empty or was begun anew.
    pub cursor: Option<String>,
    /// Why it was begun anew, for the log.
    pub note: Option<String>,
}

pub(crate) struct Generation {
    folder: PathBuf,
    pub(crate) fields: Fields,
    index: tantivy::Index,
    reader: IndexReader,
    writer: Mutex<Option<IndexWriter>>,
    cursor: Mutex<Option<String>>,
}

#[derive(Clone, Copy)]
pub(crate) struct Fields {
    pub id: Field,
    /// Words and codes of title and body.
    pub words: Field,
    /// For [`Index::find`]: Latin words in every form, of all texts.
    find: Field,
    /// For [`Index::find`]: Chinese characters with their places.
    han: Field,
    pub tags: Field,
    /// What scoring needs, see `similar::Profile`.
    pub profile: Field,
}

fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let indexed = |record| {
        TextOptions::default().set_indexing_options(
            TextFieldIndexing::default().set_tokenizer("raw").set_index_option(record).set_fieldnorms(true),
        )
    };
    let fields = Fields {
        id: schema.add_text_field("id", STRING | STORED),
        words: schema.add_text_field("words", indexed(IndexRecordOption::WithFreqs)),
        find: schema.add_text_field("find", indexed(IndexRecordOption::Basic)),
        han: schema.add_text_field("han", indexed(IndexRecordOption::WithFreqsAndPositions)),
        tags: schema.add_text_field("tags", STRING),
        profile: schema.add_bytes_field("profile", STORED),
    };
    (schema.build(), fields)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while writing leaves an uncommitted writer, which the next write rolls back.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Index {
    /// Opens the index in `dir`, or begins one. What cannot be used is removed and said in `note`.
    pub fn open(dir: &Path) -> Result<Opened, Error> {
        let io = |source| Error::Io { folder: dir.display().to_string(), source };
        fs::create_dir_all(dir).map_err(io)?;
        let current = fs::read_to_string(dir.join(CURRENT_FILE)).ok().map(|name| name.trim().to_owned());
        let (generation, note) = match current {
            None => (None, None),
            Some(name) => match Generation::open(&dir.join(&name)) {
                Ok(generation) => (Some(generation), None),
                Err(why) => (None, Some(format!("the search index {name} cannot be used ({why}); it is built anew"))),
            },
        };
        let generation = match generation {
            Some(generation) => generation,
            None => {
                let name = next_name(dir).map_err(io)?;
                let generation = Generation::create(&dir.join(&name))?;
                point(dir, &name).map_err(io)?;
                generation
            }
        };
        remove_others(dir, &generation.folder).map_err(io)?;
        let cursor = lock(&generation.cursor).clone();
        let shared =
            Shared { dir: dir.to_owned(), current: ArcSwap::from_pointee(generation), writing: Mutex::new(()) };
        Ok(Opened { index: Self(Arc::new(shared)), cursor, note })
    }

    /// Applies changes, and the cursor up to which they go, in one commit; visible on return.
    pub fn apply(&self, changes: Vec<Change>, cursor: &str) -> Result<(), Error> {
        let _writing = lock(&self.0.writing);
        self.0.current.load().apply(changes, cursor)
    }

    pub fn cursor(&self) -> Option<String> {
        lock(&self.0.current.load().cursor).clone()
    }

    /// Documents that can be found.
    pub fn len(&self) -> u64 {
        self.0.current.load().reader.searcher().num_docs()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The documents most similar to a text, best first.
    pub fn similar(&self, query: &SimilarQuery<'_>) -> Result<Vec<Hit>, Error> {
        let generation = self.0.current.load();
        similar::similar(&generation.reader.searcher(), &generation.fields, query).map_err(|e| generation.error(e))
    }

    /// The documents that hold every word of a text, most relevant first.
    pub fn find(&self, text: &str, clause: &Clause, limit: usize) -> Result<Vec<TextHit>, Error> {
        let generation = self.0.current.load();
        generation.find(text, clause, limit).map_err(|e| generation.error(e))
    }

    /// An empty index beside this one; it takes this one's place by [`Rebuild::swap`].
    pub fn rebuild(&self) -> Result<Rebuild, Error> {
        let dir = &self.0.dir;
        let name = next_name(dir).map_err(|source| Error::Io { folder: dir.display().to_string(), source })?;
        let generation = Generation::create(&dir.join(&name))?;
        Ok(Rebuild { index: self.clone(), name, generation })
    }
}

/// An index that is being built.
pub struct Rebuild {
    index: Index,
    name: String,
    generation: Generation,
}

impl Rebuild {
    pub fn put(&self, documents: Vec<Document>) -> Result<(), Error> {
        self.generation.write(|writer| {
            for document in &documents {
                writer.add_document(self.generation.stored(document))?;
            }
            Ok(())
        })
    }

    /// Takes the place of the running index. Readers that have begun keep the old one until they end.
    pub fn swap(self, cursor: &str) -> Result<(), Error> {
        let Self { index, name, generation } = self;
        let shared = &index.0;
        let _writing = lock(&shared.writing);
        generation.apply(Vec::new(), cursor)?;
        let io = |source| Error::Io { folder: shared.dir.display().to_string(), source };
        point(&shared.dir, &name).map_err(io)?;
        let folder = generation.folder.clone();
        // The old one's files go; whoever still reads them has them open.
        let old = shared.current.swap(Arc::new(generation));
        drop(lock(&old.writer).take());
        remove_others(&shared.dir, &folder).map_err(io)
    }
}

impl Generation {
    fn create(folder: &Path) -> Result<Self, Error> {
        let io = |source| Error::Io { folder: folder.display().to_string(), source };
        fs::create_dir_all(folder).map_err(io)?;
        let (schema, _) = schema();
        let index = tantivy::Index::create_in_dir(folder, schema)
            .map_err(|e| Error::Tantivy { folder: folder.display().to_string(), source: Box::new(e) })?;
        fs::write(folder.join(FORMAT_FILE), FORMAT).map_err(io)?;
        Self::of(folder, index)
    }

    fn open(folder: &Path) -> Result<Self, String> {
        let format = fs::read_to_string(folder.join(FORMAT_FILE)).map_err(|e| e.to_string())?;
        if format != FORMAT {
            return Err(format!("it has the format {format:?}, this program {FORMAT:?}"));
        }
        let index = tantivy::Index::open_in_dir(folder).map_err(|e| e.to_string())?;
        Self::of(folder, index).map_err(|e| e.to_string())
    }

    fn of(folder: &Path, index: tantivy::Index) -> Result<Self, Error> {
        let failed = |e| Error::Tantivy { folder: folder.display().to_string(), source: Box::new(e) };
        let (_, fields) = schema();
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into().map_err(failed)?;
        let cursor = index.load_metas().map_err(failed)?.payload;
        Ok(Self {
            folder: folder.to_owned(),
            fields,
            index,
            reader,
            writer: Mutex::new(None),
            cursor: Mutex::new(cursor),
        })
    }

    fn error(&self, source: tantivy::TantivyError) -> Error {
        Error::Tantivy { folder: self.folder.display().to_string(), source: Box::new(source) }
    }

    /// Writes without committing. A writer that failed is given up: the next one begins from the last commit.
    fn write(&self, work: impl FnOnce(&mut IndexWriter) -> tantivy::Result<()>) -> Result<(), Error> {
        let mut slot = lock(&self.writer);
        let writer = match &mut *slot {
            Some(writer) => writer,
            None => {
                let writer = self.index.writer_with_num_threads(1, WRITER_BYTES).map_err(|e| self.error(e))?;
                slot.insert(writer)
            }
        };
        let outcome = work(writer);
        if outcome.is_err() {
            *slot = None;
        }
        outcome.map_err(|e| self.error(e))
    }

    fn apply(&self, changes: Vec<Change>, cursor: &str) -> Result<(), Error> {
        self.write(|writer| {
            for change in &changes {
                let id = match change {
                    Change::Put(document) => document.id,
                    Change::Remove(id) => *id,
                };
                writer.delete_term(Term::from_field_text(self.fields.id, &id.to_string()));
                if let Change::Put(document) = change {
                    writer.add_document(self.stored(document))?;
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

    fn stored(&self, document: &Document) -> TantivyDocument {
        let Document { id, title, body, extra, tags } = document;
        let (title_terms, body_terms) = (terms(title), terms(body));
        let words = title_terms.iter().chain(&body_terms).map(|term| similar::indexed_form(term).into_owned());
        let mut find = Vec::new();
        let mut han = Vec::new();
        let mut place = 0;
        for part in [title, body, extra] {
            for run in runs(&fold(part)) {
                match run {
                    Run::Latin(run) => find.extend(find_terms(&run)),
                    Run::Han(run) => {
                        for c in run.chars() {
                            han.push(token(c.to_string(), place));
                            place += 1;
                        }
                        place += RUN_GAP;
                    }
                }
            }
        }
        let mut stored = doc!(
            self.fields.id => id.to_string(),
            self.fields.profile => similar::Profile::of(&title_terms, &body_terms).to_bytes(),
        );
        let words = words.enumerate().map(|(i, text)| token(text, i)).collect();
        let find = find.into_iter().enumerate().map(|(i, text)| token(text, i)).collect();
        for (field, tokens) in [(self.fields.words, words), (self.fields.find, find), (self.fields.han, han)] {
            stored.add_pre_tokenized_text(field, PreTokenizedString { text: String::new(), tokens });
        }
        for tag in tags {
            stored.add_text(self.fields.tags, tag);
        }
        stored
    }

    fn find(&self, text: &str, clause: &Clause, limit: usize) -> tantivy::Result<Vec<TextHit>> {
        let needs = needs(text);
        if needs.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        let term = |text: &str| Term::from_field_text(self.fields.find, text);
        let any_of = |texts: &[String]| -> Vec<Box<dyn Query>> {
            texts.iter().map(|text| exact(term(text))).collect()
        };
        let mut parts = clause_queries(&self.fields, clause);
        for need in &needs {
            let query: Box<dyn Query> = match need {
                Need::AnyOf(texts) => Box::new(BooleanQuery::union(any_of(texts))),
                Need::AnyOfOrPrefix(texts, prefix) => {
                    let mut any = any_of(texts);
                    any.push(Box::new(FuzzyTermQuery::new_prefix(term(prefix), 0, false)));
                    Box::new(BooleanQuery::union(any))
                }
                Need::Characters(word) => {
                    let characters: Vec<Term> =
                        word.chars().map(|c| Term::from_field_text(self.fields.han, &c.to_string())).collect();
                    match <[Term; 1]>::try_from(characters) {
                        Ok([one]) => Box::new(TermQuery::new(one, IndexRecordOption::WithFreqs)),
                        Err(several) => Box::new(PhraseQuery::new(several)),
                    }
                }
            };
            parts.push((Occur::Must, query));
        }
        let searcher = self.reader.searcher();
        let top = searcher.search(&BooleanQuery::new(parts), &TopDocs::with_limit(limit).order_by_score())?;
        top.into_iter()
            .map(|(score, address)| {
                let stored: TantivyDocument = searcher.doc(address)?;
                Ok(TextHit { id: id_of(&stored, &self.fields), score })
            })
            .collect()
    }
}

/// A term that must be there to the letter, however often.
pub(crate) fn exact(term: Term) -> Box<dyn Query> {
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

/// The clause as parts of a query that count nothing.
pub(crate) fn clause_queries(fields: &Fields, clause: &Clause) -> Vec<(Occur, Box<dyn Query>)> {
    let Clause { all_of, any_of } = clause;
    let tag = |tag: &String| exact(Term::from_field_text(fields.tags, tag));
    let uncounted = |query: Box<dyn Query>| -> Box<dyn Query> { Box::new(ConstScoreQuery::new(query, 0.0)) };
    let mut parts: Vec<(Occur, Box<dyn Query>)> = all_of.iter().map(|t| (Occur::Must, uncounted(tag(t)))).collect();
    match any_of.as_deref() {
        None => {}
        Some([]) => parts.push((Occur::Must, Box::new(EmptyQuery))),
        Some(tags) => {
            let any = BooleanQuery::union(tags.iter().map(tag).collect());
            parts.push((Occur::Must, uncounted(Box::new(any))));
        }
    }
    parts
}

pub(crate) fn id_of(stored: &TantivyDocument, fields: &Fields) -> Uuid {
    stored.get_first(fields.id).and_then(|id| id.as_str()).and_then(|id| Uuid::parse_str(id).ok()).unwrap_or_default()
}

fn token(text: String, position: usize) -> Token {
    Token { offset_from: 0, offset_to: text.len(), position, text, position_length: 1 }
}

fn next_name(dir: &Path) -> io::Result<String> {
    let mut last = 0;
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("gen-")).and_then(|n| n.parse::<u64>().ok());
        last = last.max(number.unwrap_or(0));
    }
    Ok(format!("gen-{}", last + 1))
}

/// CURRENT names the generation, replaced as a whole.
fn point(dir: &Path, name: &str) -> io::Result<()> {
    let part = dir.join("CURRENT.part");
    fs::write(&part, name)?;
    fs::File::open(&part)?.sync_all()?;
    fs::rename(part, dir.join(CURRENT_FILE))
}

fn remove_others(dir: &Path, keep: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() && path != keep {
            fs::remove_dir_all(path)?;
        }
    }
    Ok(())
}
