//! The index as others see it: generations in folders, one of them CURRENT.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use arc_swap::ArcSwap;
use uuid::Uuid;

use crate::generation::{Generation, Unusable, lock};
use crate::vectors::Vectors;
use crate::{Change, Clause, Document, Error, Hit, SimilarQuery, TextHit, Vector, find, similar};

const CURRENT_FILE: &str = "CURRENT";
const CURRENT_PART_FILE: &str = "CURRENT.part";
const GENERATION_PREFIX: &str = "gen-";
/// Where the last index that could not be used lies, for whoever wants to know why.
const ASIDE_FOLDER: &str = "set-aside";

/// The index of one node. Cheap to clone; reading never waits for writing.
#[derive(Clone)]
pub struct Index(Arc<Shared>);

struct Shared {
    dir: PathBuf,
    current: ArcSwap<Generation>,
    /// Held while something is written or swapped.
    writing: Mutex<()>,
    /// Of documents, whether they are there or not.
    vectors: RwLock<Vectors>,
}

/// What opening found.
pub struct Opened {
    /// The index, ready to be asked.
    pub index: Index,
    /// How far the documents go; `None` where the index is empty or was begun anew.
    pub cursor: Option<String>,
    /// Why it was begun anew, for the log.
    pub note: Option<String>,
}

impl Index {
    /// Opens the index in `dir`, or begins one. One of another format, or a broken one, is set aside and an empty one
    /// begun: then there is no cursor, and `note` says why.
    pub fn open(dir: &Path) -> Result<Opened, Error> {
        let io = |e| Error::io(dir, e);
        fs::create_dir_all(dir).map_err(io)?;
        let (usable, note) = match current(dir).map_err(io)? {
            None => (None, None),
            Some(name) => match open_named(dir, &name) {
                Ok(generation) => (Some(generation), None),
                Err(Unusable::Machine(error)) => return Err(error),
                Err(Unusable::Content(why)) => {
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
                point(dir, &name).map_err(io)?;
                generation
            }
        };
        // Half-built ones of a process that was killed.
        remove_others(dir, &generation.folder);
        let cursor = generation.cursor();
        let shared = Shared {
            dir: dir.to_owned(),
            current: ArcSwap::from_pointee(generation),
            writing: Mutex::new(()),
            vectors: RwLock::default(),
        };
        Ok(Opened { index: Self(Arc::new(shared)), cursor, note })
    }

    /// Applies changes, and the cursor up to which they go, in one commit; visible on return. After an error nothing of
    /// it is visible, and the same changes may be applied again.
    pub fn apply(&self, changes: Vec<Change>, cursor: &str) -> Result<(), Error> {
        let _writing = lock(&self.0.writing);
        self.0.current.load_full().apply(changes, cursor)
    }

    /// Up to where the documents go.
    pub fn cursor(&self) -> Option<String> {
        self.0.current.load_full().cursor()
    }

    /// Documents that can be found.
    pub fn len(&self) -> u64 {
        self.0.current.load_full().searcher().num_docs()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The documents most similar to a text, best first.
    pub fn similar(&self, query: &SimilarQuery<'_>) -> Result<Vec<Hit>, Error> {
        let generation = self.0.current.load_full();
        let vectors = self.0.vectors.read().unwrap_or_else(PoisonError::into_inner);
        similar::similar(&generation.searcher(), &generation.fields, &vectors, query).map_err(|e| generation.error(e))
    }

    /// Keeps what documents mean, in memory: whoever opens an index gives it their vectors.
    pub fn put_vectors(&self, of: impl IntoIterator<Item = (Uuid, Vector)>) {
        let mut put = Vec::new();
        {
            let mut vectors = self.0.vectors.write().unwrap_or_else(PoisonError::into_inner);
            for (id, vector) in of {
                put.push(id);
                vectors.put(id, vector);
            }
        }
        // That takes a moment, in which questions go on.
        let common = self.0.vectors.read().unwrap_or_else(PoisonError::into_inner).common_anew();
        if let Some(common) = common {
            self.0.vectors.write().unwrap_or_else(PoisonError::into_inner).set_common(common);
        }
        self.0.vectors.read().unwrap_or_else(PoisonError::into_inner).look_around(&put);
    }

    /// What a document means.
    pub fn vector(&self, id: Uuid) -> Option<Vector> {
        self.0.vectors.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// The documents that hold every word of a text, most relevant first.
    pub fn find(&self, text: &str, clause: &Clause, limit: usize) -> Result<Vec<TextHit>, Error> {
        let generation = self.0.current.load_full();
        find::find(&generation.searcher(), &generation.fields, text, clause, limit).map_err(|e| generation.error(e))
    }

    /// An empty index beside this one; it takes this one's place by [`Rebuild::swap`]. Dropped before, it goes.
    pub fn rebuild(&self) -> Result<Rebuild, Error> {
        let dir = &self.0.dir;
        let (name, folder) = new_folder(dir).map_err(|e| Error::io(dir, e))?;
        let generation = Generation::create(&folder)?.for_rebuild();
        Ok(Rebuild { index: self.clone(), name, generation: Some(generation), put: Mutex::default() })
    }
}

/// An index that is being built.
pub struct Rebuild {
    index: Index,
    name: String,
    /// `None` once it has taken its place.
    generation: Option<Generation>,
    /// What was put, to replace what is put twice.
    put: Mutex<HashSet<Uuid>>,
}

impl Rebuild {
    /// Adds documents; one put twice counts as it was put last.
    pub fn put(&self, documents: Vec<Document>) -> Result<(), Error> {
        let Some(generation) = &self.generation else { return Ok(()) };
        let mut put = lock(&self.put);
        let (new, again): (Vec<_>, Vec<_>) = documents.into_iter().partition(|document| put.insert(document.id));
        generation.add(&new)?;
        if again.is_empty() { Ok(()) } else { generation.replace(&again) }
    }

    /// Takes the place of the running index, which is removed. Who has begun to read the old one goes on with it.
    pub fn swap(mut self, cursor: &str) -> Result<(), Error> {
        let shared = Arc::clone(&self.index.0);
        let _writing = lock(&shared.writing);
        let Some(generation) = &self.generation else { return Ok(()) };
        generation.apply(Vec::new(), cursor)?;
        generation.close(); // its writer has a rebuild's memory
        point(&shared.dir, &self.name).map_err(|e| Error::io(&shared.dir, e))?;
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

/// The number of a generation, by the name of its folder. Everything else in `dir` is not ours to open.
fn number(name: &str) -> Option<u64> {
    name.strip_prefix(GENERATION_PREFIX)?.parse().ok()
}

fn open_named(dir: &Path, name: &str) -> Result<Generation, Unusable> {
    if number(name).is_none() {
        return Err(Unusable::Content("that is no name of an index".to_owned()));
    }
    Generation::open(&dir.join(name))
}

/// Keeps what cannot be used, in the place of what was kept before.
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

/// A folder that nobody else has.
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
            // Another rebuild began in this moment.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && last < u64::MAX => {}
            Err(e) => return Err(e),
        }
    }
}

/// CURRENT names the generation; replaced as a whole, so that it never names half of one.
fn point(dir: &Path, name: &str) -> io::Result<()> {
    let part = dir.join(CURRENT_PART_FILE);
    fs::write(&part, name)?;
    fs::File::open(&part)?.sync_all()?;
    fs::rename(part, dir.join(CURRENT_FILE))?;
    // From here on CURRENT names it, so this cannot fail any more. Lost with the power, the old name only makes the next
    // start build the index anew.
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

/// A folder that stays is no harm but its space: the next start tries again.
fn remove(folder: &Path) {
    if let Err(error) = fs::remove_dir_all(folder) {
        tracing::warn!(folder = %folder.display(), %error, "an old search index could not be removed");
    }
}
