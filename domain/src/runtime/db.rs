//! The database: a pool for reading, and one way of writing per engine.
//!
//! PostgreSQL: every write is a transaction of its own. SQLite: all writes go through one connection; waiting happens
//! here, in Rust. Writers that queue up are committed together: each is a savepoint of one IMMEDIATE transaction, and
//! none is answered before the COMMIT (synchronous FULL) has succeeded. If it fails, every one of them gets the error.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use crate::kernel::{Error, Result};

/// Readers beside the one writer of SQLite.
const SQLITE_READERS: u32 = 4;
/// Connections of one node to PostgreSQL, half of them for reading: a change that looks something up never waits for those
/// that wait for it.
pub const POSTGRES_CONNECTIONS: u32 = 16;
/// Waiting longer than this for a connection is an error, not a queue.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// A statement that runs longer is broken; it would hold back the horizon that followers of the log read below.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);
/// The same for a transaction in which nothing happens, in milliseconds.
const IDLE_TRANSACTION_TIMEOUT: (&str, &str) = ("idle_in_transaction_session_timeout", "30000");
/// Commands that share one COMMIT on SQLite.
const GROUP_MAX: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

#[derive(Clone)]
pub struct Db {
    pub engine: Engine,
    read: DatabaseConnection,
    writer: Writer,
}

#[derive(Clone)]
enum Writer {
    Sqlite(Arc<SqliteWriter>),
    Postgres(DatabaseConnection),
}

/// Rows that a connection reads ahead of whoever asked.
const ROWS_BUFFERED: usize = 1_000;

impl Db {
    /// Opens the database behind `url` (`postgres://…`), or the SQLite file in the data folder.
    pub async fn open(url: Option<&str>, data_dir: &Path) -> Result<Self> {
        match url {
            Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                let mut options = quiet(ConnectOptions::new(url));
                options
                    .max_connections(POSTGRES_CONNECTIONS / 2)
                    .statement_timeout(STATEMENT_TIMEOUT)
                    .map_sqlx_postgres_opts(|postgres| postgres.options([IDLE_TRANSACTION_TIMEOUT]));
                let (read, write) = (Database::connect(options.clone()).await?, Database::connect(options).await?);
                Ok(Self { engine: Engine::Postgres, read, writer: Writer::Postgres(write) })
            }
            Some(url) => Err(Error::Internal(format!(
                "BUOY_DATABASE_URL must begin with postgres:// (leave it out for SQLite in the data folder), not {:?}",
                url.split(':').next().unwrap_or_default()
            ))),
            None => {
                let file = data_dir.join("buoy.sqlite");
                let options = sqlite_options(&file, 1, false);
                // Makes the file (and its WAL), so that the readers below find it.
                Database::connect(options.clone()).await?.close().await?;
                let read = Database::connect(sqlite_options(&file, SQLITE_READERS, true)).await?;
                Ok(Self { engine: Engine::Sqlite, read, writer: Writer::Sqlite(SqliteWriter::new(options)) })
            }
        }
    }

    /// For statements that only read.
    pub fn read(&self) -> &DatabaseConnection {
        &self.read
    }

    /// A connection for migrations, made for the purpose.
    pub async fn migrating(&self) -> Result<DatabaseConnection> {
        match &self.writer {
            Writer::Sqlite(writer) => Ok(Database::connect(writer.options.clone()).await?),
            Writer::Postgres(db) => Ok(db.clone()),
        }
    }

    /// Begins a write transaction; on SQLite, waits for its turn.
    pub async fn begin(&self) -> Result<WriteTx> {
        match &self.writer {
            Writer::Postgres(db) => Ok(WriteTx::Postgres(db.begin().await?)),
            Writer::Sqlite(writer) => writer.clone().begin().await,
        }
    }

    pub async fn close(&self) {
        let _ = self.read.clone().close().await;
        let writing = match &self.writer {
            Writer::Sqlite(writer) => writer.group.lock().await.db.take(),
            Writer::Postgres(db) => Some(db.clone()),
        };
        if let Some(db) = writing {
            let _ = db.close().await;
        }
    }
}

fn quiet(mut options: ConnectOptions) -> ConnectOptions {
    options.sqlx_logging(false).acquire_timeout(ACQUIRE_TIMEOUT).test_before_acquire(false);
    options
}

fn sqlite_options(file: &Path, connections: u32, read_only: bool) -> ConnectOptions {
    let file = file.to_owned();
    let mut options = quiet(ConnectOptions::new("sqlite::memory:"));
    options.max_connections(connections).min_connections(connections).map_sqlx_sqlite_opts(move |sqlite| {
        sqlite
            .filename(&file)
            .in_memory(false)
            .shared_cache(false)
            .create_if_missing(!read_only)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(ACQUIRE_TIMEOUT)
            .pragma("query_only", if read_only { "on" } else { "off" })
            .pragma("cache_size", "-16000")
            .pragma("temp_store", "memory")
            .statement_cache_capacity(500)
            // A page and what hangs on it goes over in one piece, not a row and a change of threads at a time.
            .row_buffer_size(ROWS_BUFFERED)
    });
    options
}

/// An open write transaction. Dropped without `commit`, it has changed nothing.
pub enum WriteTx {
    Postgres(DatabaseTransaction),
    Sqlite(Turn),
}

impl WriteTx {
    pub fn conn(&self) -> &DatabaseTransaction {
        match self {
            Self::Postgres(tx) => tx,
            Self::Sqlite(turn) => turn.savepoint.as_ref().expect("a turn holds its savepoint until it ends"),
        }
    }

    /// Ends the transaction after an error; nothing of it stays.
    pub async fn abandon(self, error: &Error) {
        match self {
            Self::Postgres(tx) => drop(tx),
            Self::Sqlite(turn) => turn.abandon(error).await,
        }
    }

    /// Resolves once the change is durable.
    pub async fn commit(self) -> Result<()> {
        match self {
            Self::Postgres(tx) => Ok(tx.commit().await?),
            Self::Sqlite(turn) => turn.commit().await,
        }
    }
}

struct SqliteWriter {
    options: ConnectOptions,
    group: Arc<Mutex<Group>>,
    /// Writers that wait for their turn now.
    waiting: AtomicUsize,
}

/// The commands that will share the next COMMIT.
#[derive(Default)]
struct Group {
    /// The one connection; closed and opened anew after an error that leaves its state in doubt.
    db: Option<DatabaseConnection>,
    outer: Option<DatabaseTransaction>,
    members: Vec<oneshot::Sender<std::result::Result<(), Arc<DbErr>>>>,
}

/// One command's turn at the writer.
pub struct Turn {
    writer: Arc<SqliteWriter>,
    group: Option<OwnedMutexGuard<Group>>,
    savepoint: Option<DatabaseTransaction>,
}

impl SqliteWriter {
    fn new(options: ConnectOptions) -> Arc<Self> {
        Arc::new(Self { options, group: Arc::default(), waiting: AtomicUsize::new(0) })
    }

    async fn begin(self: Arc<Self>) -> Result<WriteTx> {
        let mut waiting = Waiting::enter(&self);
        let group = self.group.clone().lock_owned().await;
        waiting.served = true;
        drop(waiting);
        // From here on the turn's Drop ends the group if anything fails or the caller is cancelled.
        let mut turn = Turn { writer: self.clone(), group: Some(group), savepoint: None };
        let group = turn.group.as_mut().expect("just put there");
        if group.outer.is_none() {
            let db = match &group.db {
                Some(db) => db,
                None => group.db.insert(Database::connect(self.options.clone()).await?),
            };
            let immediate = TransactionOptions {
                sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                ..TransactionOptions::default()
            };
            group.outer = Some(db.begin_with_options(immediate).await?);
        }
        turn.savepoint = Some(group.outer.as_ref().expect("begun above").begin().await?);
        Ok(WriteTx::Sqlite(turn))
    }
}

/// Counts a writer that waits. One that is cancelled while others counted on it to end the group sees to that.
struct Waiting<'a> {
    writer: &'a Arc<SqliteWriter>,
    served: bool,
}

impl<'a> Waiting<'a> {
    fn enter(writer: &'a Arc<SqliteWriter>) -> Self {
        writer.waiting.fetch_add(1, Ordering::SeqCst);
        Self { writer, served: false }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.writer.waiting.fetch_sub(1, Ordering::SeqCst);
        if !self.served {
            let writer = self.writer.clone();
            tokio::spawn(async move {
                let group = writer.group.clone().lock_owned().await;
                finish(&writer, group).await;
            });
        }
    }
}

impl Turn {
    async fn commit(mut self) -> Result<()> {
        let savepoint = self.savepoint.take().expect("a turn holds its savepoint until it ends");
        if let Err(e) = savepoint.commit().await {
            let error = Error::from(e);
            self.abandon(&error).await;
            return Err(error);
        }
        let (tell, told) = oneshot::channel();
        let mut group = self.group.take().expect("a turn holds the group until it ends");
        group.members.push(tell);
        finish(&self.writer, group).await;
        match told.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(cause)) => Err(Error::Commit(cause)),
            Err(_) => Err(Error::internal("the writer stopped before the commit")),
        }
    }

    /// Ends the turn after an error. SQLite rolls the whole transaction back by itself when the disk is full or fails:
    /// then nothing of the group may be acknowledged.
    async fn abandon(mut self, error: &Error) {
        let cause = match error {
            // A constraint: only this command fails.
            Error::Db(cause) if cause.sql_err().is_none() => cause,
            _ => {
                drop(self.savepoint.take());
                if let Some(group) = self.group.take() {
                    finish(&self.writer, group).await;
                }
                return;
            }
        };
        drop(self.savepoint.take());
        if let Some(mut group) = self.group.take() {
            fail(&mut group, Arc::new(DbErr::Custom(format!("another command of the same commit failed: {cause}"))))
                .await;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Rolls this command back to its savepoint (queued on the connection, runs before anything else on it) …
        drop(self.savepoint.take());
        // … and commits those before it at once: nobody said why this turn ended, and if SQLite has rolled the whole
        // transaction back (a full disk), this commit is where it shows, before anybody else joins the group.
        if let Some(group) = self.group.take() {
            tokio::spawn(commit_group(group));
        }
    }
}

/// Leaves the group to the next writer in the queue, or commits it where there is none.
async fn finish(writer: &SqliteWriter, group: OwnedMutexGuard<Group>) {
    if writer.waiting.load(Ordering::SeqCst) > 0 && group.members.len() < GROUP_MAX {
        return;
    }
    commit_group(group).await;
}

async fn commit_group(mut group: OwnedMutexGuard<Group>) {
    let Some(outer) = group.outer.take() else { return };
    if let Err(e) = outer.commit().await {
        fail(&mut group, Arc::new(e)).await;
        return;
    }
    for member in group.members.drain(..) {
        // A caller that went away does not need the answer.
        let _ = member.send(Ok(()));
    }
}

/// Answers the error to every command of the group and gives the connection up.
async fn fail(group: &mut Group, error: Arc<DbErr>) {
    tracing::error!(error = %error, commands = group.members.len(), "no command of this commit was kept");
    drop(group.outer.take());
    if let Some(db) = group.db.take() {
        let _ = db.close().await;
    }
    for member in group.members.drain(..) {
        let _ = member.send(Err(error.clone()));
    }
}
