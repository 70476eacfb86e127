//! Taking a backup.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures::TryStreamExt as _;
use sea_orm::ConnectionTrait as _;
use sha2::{Digest as _, Sha256};

use super::model::{CopyProgress, CopySummary, FORMAT, MANIFEST, Manifest, TableFile, file_name};
use super::store;
use crate::kernel::{Error, Result};
use crate::runtime::{App, Engine, Executor, Vault};

/// Rows between two progress reports.
const PROGRESS_STEP: u64 = 1_000;

/// Copies a snapshot of every table into the new folder `to`.
pub async fn backup(
    app: &App,
    to: &Path,
    tables: &[&str],
    migrations: &[String],
    progress: impl FnMut(CopyProgress),
) -> Result<CopySummary> {
    if to.exists() {
        return Err(Error::internal(format!("{} exists already: name a new folder", to.display())));
    }
    let part = to.with_extension("part");
    let written = write(app, &part, tables, migrations, progress).await;
    if written.is_err() {
        // Best effort: the suffix marks the rest as incomplete.
        let _ = fs::remove_dir_all(&part);
    }
    let copied = written?;
    let publish = || {
        fs::rename(&part, to)?;
        sync_folder(to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))
    };
    publish().map_err(|e| io_error(to, &e))?;
    Ok(copied)
}

async fn write(
    app: &App,
    folder: &Path,
    tables: &[&str],
    migrations: &[String],
    mut progress: impl FnMut(CopyProgress),
) -> Result<CopySummary> {
    fs::create_dir_all(folder).map_err(|e| io_error(folder, &e))?;
    let tx = snapshot(app).await?;
    let mut files = Vec::with_capacity(tables.len());
    for table in tables {
        files.push(copy(&tx, app.db.engine, folder, table, &mut progress).await?);
    }
    tx.commit().await?;
    let copied = CopySummary { tables: files.len() as u64, rows: files.iter().map(|file| file.rows).sum() };
    let manifest = Manifest {
        format: FORMAT,
        migrations: migrations.to_vec(),
        taken_at: app.now(),
        key_check: key_check(app.state::<Vault>()),
        tables: files,
    };
    let file = folder.join(MANIFEST);
    let json = serde_json::to_vec_pretty(&manifest).map_err(Error::internal)?;
    File::create(&file)
        .and_then(|mut out| out.write_all(&json).and_then(|()| out.sync_all()))
        .and_then(|()| sync_folder(folder))
        .map_err(|e| io_error(&file, &e))?;
    Ok(copied)
}

/// A value that identifies the key without revealing it.
pub(super) fn key_check(vault: &Vault) -> Vec<u8> {
    vault.subkey("backup-check").to_vec()
}

async fn snapshot(app: &App) -> Result<Executor> {
    let tx = app.db.snapshot().await?;
    if app.db.engine == Engine::Postgres {
        // A large table is read in one statement.
        tx.execute_unprepared("set local statement_timeout = 0").await?;
    }
    Ok(tx)
}

async fn copy(
    tx: &Executor,
    engine: Engine,
    folder: &Path,
    table: &str,
    progress: &mut impl FnMut(CopyProgress),
) -> Result<TableFile> {
    let columns = store::columns(tx, engine, table).await?;
    if columns.is_empty() {
        return Err(Error::internal(format!("the database has no table {table}")));
    }
    let by: &[&str] = match table {
        "event_log" => &["xid", "seq"],
        "log_seal" => &["position"],
        _ => &[],
    };
    let of = store::count(tx, table).await?;
    let path = folder.join(file_name(table));
    let failed = |e: io::Error| io_error(&path, &e);
    let hashing = HashingWriter { out: File::create(&path).map_err(failed)?, hash: Sha256::new() };
    let mut out = BufWriter::with_capacity(1 << 16, GzEncoder::new(hashing, Compression::fast()));
    let mut rows = 0;
    let mut stream = store::rows(tx, table, &columns, by).await?;
    while let Some(row) = stream.try_next().await? {
        let cells = store::cells(&row, &columns)?;
        serde_json::to_writer(&mut out, &cells).map_err(|e| failed(e.into()))?;
        out.write_all(b"\n").map_err(failed)?;
        rows += 1;
        if rows % PROGRESS_STEP == 0 {
            progress(CopyProgress { table: table.to_owned(), rows, of });
        }
    }
    let packed = out.into_inner().map_err(|e| failed(e.into_error()))?;
    let HashingWriter { out, hash } = packed.finish().map_err(failed)?;
    out.sync_all().map_err(failed)?;
    progress(CopyProgress { table: table.to_owned(), rows, of });
    Ok(TableFile { table: table.to_owned(), columns, rows, digest: hash.finalize().to_vec() })
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn io_error(path: &Path, error: &io::Error) -> Error {
    Error::internal(format!("{}: {error}; there is no backup", path.display()))
}

struct HashingWriter {
    out: File,
    hash: Sha256,
}

impl Write for HashingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
