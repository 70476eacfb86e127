//! Restoring a backup.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use super::model::{Cells, Column, CopyProgress, CopySummary, FORMAT, MANIFEST, Manifest, Secrets, TableFile};
use super::queries::key_check;
use super::store;
use crate::kernel::{Error, Result};
use crate::runtime::{Db, Engine, Executor, Vault};

/// Tables that are never restored: everybody signs in again.
const SKIPPED_TABLES: [&str; 2] = ["session", "sign_in_throttle"];
/// Tables that are useless without the master key.
const SEALED_TABLES: [&str; 2] = ["signing_key", "log_seal"];

/// Reads the manifest of a backup.
pub fn manifest(folder: &Path) -> Result<Manifest> {
    let path = folder.join(MANIFEST);
    let text = fs::read(&path).map_err(|e| io_error(&path, &e))?;
    let manifest: Manifest =
        serde_json::from_slice(&text).map_err(|e| Error::internal(format!("{}: {e}", path.display())))?;
    if manifest.format != FORMAT {
        return Err(Error::internal(format!(
            "{}: a backup of format {}, and this program reads format {FORMAT}: restore it with the version of Buoy that took it",
            path.display(),
            manifest.format
        )));
    }
    Ok(manifest)
}

/// Whether the vault has the master key of the backup.
pub fn key_matches(manifest: &Manifest, vault: &Vault) -> bool {
    key_check(vault) == manifest.key_check
}

/// Restores into an empty database that has the migrations of the backup, in one transaction.
pub async fn restore(
    db: &Db,
    folder: &Path,
    manifest: &Manifest,
    secrets: Secrets,
    new_epoch: &str,
    mut progress: impl FnMut(CopyProgress),
) -> Result<CopySummary> {
    let tx = db.begin().await?;
    let filled = fill(tx.conn(), db.engine, folder, manifest, secrets, new_epoch, &mut progress).await;
    match filled {
        Ok(copied) => {
            tx.commit().await?;
            Ok(copied)
        }
        Err(error) => {
            tx.rollback(&error).await;
            Err(error)
        }
    }
}

async fn fill(
    conn: &Executor,
    engine: Engine,
    folder: &Path,
    manifest: &Manifest,
    secrets: Secrets,
    new_epoch: &str,
    progress: &mut impl FnMut(CopyProgress),
) -> Result<CopySummary> {
    for file in &manifest.tables {
        if store::count(conn, &file.table).await? > 0 {
            return Err(Error::internal(format!(
                "the database is not empty (table {} has rows), and a restore overwrites nothing: give it an empty one \
                 (another BUOY_DATA_DIR, or another database in BUOY_DATABASE_URL)",
                file.table
            )));
        }
    }
    let mut copied = CopySummary::default();
    for file in &manifest.tables {
        let is_skipped = SKIPPED_TABLES.contains(&file.table.as_str())
            || (secrets == Secrets::Discard && SEALED_TABLES.contains(&file.table.as_str()));
        if is_skipped {
            continue;
        }
        let mut rewrite = RowRewrite::new(file, new_epoch)?;
        let columns = target_columns(conn, engine, file).await?;
        copied.rows += copy(conn, folder, file, &columns, &mut rewrite, progress).await?;
        copied.tables += 1;
    }
    if engine == Engine::Postgres {
        store::reset_sequences(conn).await?;
    }
    Ok(copied)
}

/// The columns of the file, with their types in this database.
async fn target_columns(conn: &Executor, engine: Engine, file: &TableFile) -> Result<Vec<Column>> {
    let here = store::columns(conn, engine, &file.table).await?;
    let of = |column: &Column| here.iter().find(|there| there.name == column.name).cloned();
    file.columns
        .iter()
        .map(|column| {
            of(column)
                .ok_or_else(|| Error::internal(format!("the database has no column {}.{}", file.table, column.name)))
        })
        .collect()
}

async fn copy(
    conn: &Executor,
    folder: &Path,
    file: &TableFile,
    columns: &[Column],
    rewrite: &mut RowRewrite<'_>,
    progress: &mut impl FnMut(CopyProgress),
) -> Result<u64> {
    let path = folder.join(file.file_name());
    let packed = File::open(&path).map_err(|e| io_error(&path, &e))?;
    let mut text = BufReader::new(GzDecoder::new(HashingReader { inner: BufReader::new(packed), hash: Sha256::new() }));
    let mut batch: Vec<Cells> = Vec::with_capacity(store::INSERT_ROWS);
    let (mut rows, mut line) = (0, String::new());
    loop {
        line.clear();
        let at_end = text.read_line(&mut line).map_err(|e| io_error(&path, &e))? == 0;
        if !at_end {
            let mut cells: Cells = serde_json::from_str(&line).map_err(|e| damaged(&path, &e))?;
            if cells.len() != columns.len() {
                return Err(damaged(&path, &"a row has another number of columns"));
            }
            rewrite.apply(&mut cells);
            batch.push(cells);
        }
        if batch.len() == store::INSERT_ROWS || at_end {
            store::insert(conn, &file.table, columns, &batch).await?;
            rows += batch.len() as u64;
            batch.clear();
            progress(CopyProgress { table: file.table.clone(), rows, of: file.rows });
        }
        if at_end {
            break;
        }
    }
    let mut packed = text.into_inner().into_inner();
    io::copy(&mut packed, &mut io::sink()).map_err(|e| io_error(&path, &e))?;
    if packed.hash.finalize().as_slice() != file.digest || rows != file.rows {
        return Err(damaged(&path, &"its digest is another"));
    }
    Ok(rows)
}

/// How a restore changes the rows of a table.
enum RowRewrite<'a> {
    Unchanged,
    /// Renumbers from 1 in the order of the file; xid becomes 0.
    Log {
        seq: usize,
        xid: usize,
        last: i64,
    },
    /// The last row of a seal is the sum of its rows and those of the previous seals.
    Seal {
        rows: usize,
        last_xid: usize,
        last_seq: usize,
        last: i64,
    },
    /// Sets the new epoch of the log.
    Epoch {
        key: usize,
        value: usize,
        new: &'a str,
    },
    /// Clears leases.
    Job {
        lease_until: usize,
    },
}

impl<'a> RowRewrite<'a> {
    fn new(file: &TableFile, new_epoch: &'a str) -> Result<Self> {
        let at = |name: &str| {
            let index = file.columns.iter().position(|column| column.name == name);
            index.ok_or_else(|| Error::internal(format!("the backup has no column {}.{name}", file.table)))
        };
        Ok(match file.table.as_str() {
            "event_log" => Self::Log { seq: at("seq")?, xid: at("xid")?, last: 0 },
            "log_seal" => {
                Self::Seal { rows: at("rows")?, last_xid: at("last_xid")?, last_seq: at("last_seq")?, last: 0 }
            }
            "meta" => Self::Epoch { key: at("key")?, value: at("value")?, new: new_epoch },
            "job" => Self::Job { lease_until: at("lease_until")? },
            _ => Self::Unchanged,
        })
    }

    fn apply(&mut self, cells: &mut Cells) {
        match self {
            Self::Unchanged => {}
            Self::Log { seq, xid, last } => {
                *last += 1;
                cells[*seq] = (*last).into();
                cells[*xid] = 0.into();
            }
            Self::Seal { rows, last_xid, last_seq, last } => {
                *last += cells[*rows].as_i64().unwrap_or(0);
                cells[*last_xid] = 0.into();
                cells[*last_seq] = (*last).into();
            }
            Self::Epoch { key, value, new } => {
                if cells[*key] == crate::runtime::log::EPOCH {
                    cells[*value] = (*new).into();
                }
            }
            Self::Job { lease_until } => cells[*lease_until] = Json::Null,
        }
    }
}

struct HashingReader<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}

fn io_error(path: &Path, error: &io::Error) -> Error {
    Error::internal(format!("{}: {error}; nothing was restored", path.display()))
}

fn damaged(path: &Path, what: &dyn std::fmt::Display) -> Error {
    Error::internal(format!("{} is damaged ({what}); nothing was restored: use another backup", path.display()))
}
