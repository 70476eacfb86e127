//! The public index: generations in folders, one of them is CURRENT.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use arc_swap::ArcSwap;
use uuid::Uuid;

use crate::generation::{Generation, OpenError, lock};
use crate::vectors::Vectors;
use crate::{Change, Clause, Document, Error, Hit, Reach, SimilarQuery, TextHit, Vector, find, similar};

const CURRENT_FILE: &str = "CURRENT";
const CURRENT_PART_FILE: &str = "CURRENT.part";
const GENERATION_PREFIX: &str = "gen-";
/// Keeps the last unusable index for diagnosis.
const ASIDE_FOLDER: &str = "set-aside";

/// The search index of one node. Cheap to clone; reads never wait for writes.
#[derive(Clone)]
pub struct Index(Arc<Shared>);

struct Shared {
    dir: PathBuf,
    current: ArcSwap<Generation>,
    /// Serialises writes and swaps.
    write_lock: Mutex<()>,
    /// Vectors of documents, which may not be indexed yet.
    vectors: RwLock<Vectors>,
}

/// The result of opening an index.
pub struct OpenResult {
    /// The index, ready for queries.
    pub index: Index,
    /// The position up to which documents are indexed; `None` if the index is empty or was recreated.
    pub cursor: Option<String>,
    /// Why it was recreated, for the log.
    pub note: Option<String>,
}

impl Index {
    /// Opens the index in `dir` or creates one. An index that is damaged or has another format is set aside and
    /// replaced by an empty one: then there is no cursor, and `note` gives the reason.
    pub fn open(dir: &Path) -> Result<OpenResult, Error> {
        let io = |e| Error::io(dir, e);
        fs::create_dir_all(dir).map_err(io)?;
        let (usable, note) = match current(dir).map_err(io)? {
            None => (None, None),
            Some(name) => match open_named(dir, &name) {
                Ok(generation) => (Some(generation), None),
                Err(OpenError::Environment(error)) => return Err(error),
                Err(OpenError::Invalid(why)) => {
                    set_aside(dir, &name).map_err(io)?;
                    (
                        None,
                        Some(format!("the search index {name} cannot be used: {why}; it is set aside and begun anew")),
                    )
                }
            },
        };
        let generation = match usable {
            Some(generation) => generation,
            None => {
                let (name, folder) = new_folder(dir).map_err(io)?;
                let generation = Generation::create(&folder)?;
                set_current(dir, &name).map_err(io)?;
                generation
            }
        };
        // Unfinished generations of a killed process.
        remove_others(dir, &generation.folder);
        let cursor = generation.cursor();
        let shared = Shared {
            dir: dir.to_owned(),
            current: ArcSwap::from_pointee(generation),
            write_lock: Mutex::new(()),
            vectors: RwLock::default(),
        };
        Ok(OpenResult { index: Self(Arc::new(shared)), cursor, note })
    }

    /// Applies changes and their cursor in one commit, visible on return. After an error nothing is visible, and the
    /// same changes may be applied again.
    pub fn apply(&self, changes: Vec<Change>, cursor: &str) -> Result<(), Error> {
        let _guard = lock(&self.0.write_lock);
        self.0.current.load_full().apply(changes, cursor)
    }

    /// The position up to which documents are indexed.
    pub fn cursor(&self) -> Option<String> {
        self.0.current.load_full().cursor()
    }

    /// The number of documents.
    pub fn len(&self) -> u64 {
        self.0.current.load_full().searcher().num_docs()
    }

    /// Whether there are no documents.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The documents most similar to a text, best first.
    pub fn similar(&self, query: &SimilarQuery<'_>) -> Result<Vec<Hit>, Error> {
        let generation = self.0.current.load_full();
        let vectors = self.0.vectors.read().unwrap_or_else(PoisonError::into_inner);
        similar::similar(&generation.searcher(), &generation.fields, &generation.statistics, &vectors, query)
            .map_err(|e| generation.error(e))
    }

    /// Adds vectors in memory; the caller loads them after opening the index.
    pub fn put_vectors(&self, of: impl IntoIterator<Item = (Uuid, Vector)>) {
        let mut put = Vec::new();
        {
            let mut vectors = self.0.vectors.write().unwrap_or_else(PoisonError::into_inner);
            for (id, vector) in of {
                put.push(id);
                vectors.put(id, vector);
            }
        }
        // Slow, so it takes only a read lock: queries go on.
        let statistics = self.0.vectors.read().unwrap_or_else(PoisonError::into_inner).recomputed_statistics();
        if let Some(statistics) = statistics {
            self.0.vectors.write().unwrap_or_else(PoisonError::into_inner).set_statistics(statistics);
        }
        self.0.vectors.read().unwrap_or_else(PoisonError::into_inner).compute_hubness(&put);
    }

    /// The vector of a document.
    pub fn vector(&self, id: Uuid) -> Option<Vector> {
        self.0.vectors.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// The documents that contain every word of a text, most relevant first.
    pub fn find(&self, text: &str, clause: &Clause, reach: Reach, limit: usize) -> Result<Vec<TextHit>, Error> {
        let generation = self.0.current.load_full();
        find::find(&generation.searcher(), &generation.fields, &generation.statistics, text, (clause, reach), limit)
            .map_err(|e| generation.error(e))
    }

    /// Starts an empty index beside this one; [`Rebuild::swap`] puts it in place. Dropping it before deletes it.
    pub fn rebuild(&self) -> Result<Rebuild, Error> {
        let dir = &self.0.dir;
        let (name, folder) = new_folder(dir).map_err(|e| Error::io(dir, e))?;
        let generation = Generation::create(&folder)?.for_rebuild();
        Ok(Rebuild { index: self.clone(), name, generation: Some(generation), put: Mutex::default() })
    }
}

/// An index under construction.
pub struct Rebuild {
    index: Index,
    name: String,
    /// `None` after the swap.
    generation: Option<Generation>,
    /// Ids that were added, to replace duplicates.
    put: Mutex<HashSet<Uuid>>,
}

impl Rebuild {
    /// Adds documents; the last one of an id wins.
    pub fn put(&self, documents: Vec<Document>) -> Result<(), Error> {
        let Some(generation) = &self.generation else { return Ok(()) };
        let mut put = lock(&self.put);
        let (new, again): (Vec<_>, Vec<_>) = documents.into_iter().partition(|document| put.insert(document.id));
        generation.add(&new)?;
        if again.is_empty() { Ok(()) } else { generation.replace(&again) }
    }

    /// Replaces the running index, which is deleted. Running readers finish on the old one.
    pub fn swap(mut self, cursor: &str) -> Result<(), Error> {
        let shared = Arc::clone(&self.index.0);
        let _guard = lock(&shared.write_lock);
        let Some(generation) = &self.generation else { return Ok(()) };
        generation.apply(Vec::new(), cursor)?;
        generation.close(); // its writer has a rebuild's memory
        set_current(&shared.dir, &self.name).map_err(|e| Error::io(&shared.dir, e))?;
        let Some(generation) = self.generation.take() else { return Ok(()) };
        let old = shared.current.swap(Arc::new(generation.for_changes()));
        old.close();
        remove(&old.folder);
        Ok(())
    }
}

impl Drop for Rebuild {
    fn drop(&mut self) {
        if let Some(generation) = self.generation.take() {
            generation.close();
            remove(&generation.folder);
        }
    }
}

/// The generation that CURRENT names.
fn current(dir: &Path) -> io::Result<Option<String>> {
    match fs::read(dir.join(CURRENT_FILE)) {
        Ok(name) => Ok(Some(String::from_utf8_lossy(&name).trim().to_owned())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// The number of a generation, from the name of its folder. Other entries in `dir` are not opened.
fn number(name: &str) -> Option<u64> {
    name.strip_prefix(GENERATION_PREFIX)?.parse().ok()
}

fn open_named(dir: &Path, name: &str) -> Result<Generation, OpenError> {
    if number(name).is_none() {
        return Err(OpenError::Invalid("that is no name of an index".to_owned()));
    }
    Generation::open(&dir.join(name))
}

/// Keeps an unusable generation, and deletes the one that was set aside before.
fn set_aside(dir: &Path, name: &str) -> io::Result<()> {
    let (folder, aside) = (dir.join(name), dir.join(ASIDE_FOLDER));
    if number(name).is_none() || !folder.is_dir() {
        return Ok(());
    }
    if aside.exists() {
        fs::remove_dir_all(&aside)?;
    }
    fs::rename(folder, aside)
}

/// Creates a folder for a new generation.
fn new_folder(dir: &Path) -> io::Result<(String, PathBuf)> {
    loop {
        let mut last = 0;
        for entry in fs::read_dir(dir)? {
            last = last.max(entry?.file_name().to_str().and_then(number).unwrap_or(0));
        }
        let name = format!("{GENERATION_PREFIX}{}", last.saturating_add(1));
        let folder = dir.join(&name);
        match fs::create_dir(&folder) {
            Ok(()) => return Ok((name, folder)),
            // A concurrent rebuild took the number.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && last < u64::MAX => {}
            Err(e) => return Err(e),
        }
    }
}

/// Points CURRENT to the generation. The file is replaced atomically.
fn set_current(dir: &Path, name: &str) -> io::Result<()> {
    let part = dir.join(CURRENT_PART_FILE);
    fs::write(&part, name)?;
    fs::File::open(&part)?.sync_all()?;
    fs::rename(part, dir.join(CURRENT_FILE))?;
    // CURRENT already names the new generation, so this must not fail. If a power loss undoes the rename, the next
    // start rebuilds the index.
    if let Err(error) = fs::File::open(dir).and_then(|dir| dir.sync_all()) {
        tracing::warn!(folder = %dir.display(), %error, "the search folder could not be synchronised");
    }
    Ok(())
}

fn remove_others(dir: &Path, keep: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.path() != keep && entry.file_name().to_str().and_then(number).is_some() {
            remove(&entry.path());
        }
    }
}

/// A folder that remains only takes space: the next start tries again.
fn remove(folder: &Path) {
    if let Err(error) = fs::remove_dir_all(folder) {
        tracing::warn!(folder = %folder.display(), %error, "an old search index could not be removed");
    }
}
