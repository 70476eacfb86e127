//! The database: a pool for reading, and a writer per engine.
//!
//! PostgreSQL: every write has its own transaction. SQLite: all writes use one connection, and writers queue here, in
//! Rust. Queued writers are committed as a group: each is a savepoint of one IMMEDIATE transaction, and none returns
//! before the COMMIT (synchronous FULL) has succeeded. If it fails, each of them gets the error.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::Stream;
use sea_orm::sea_query::SelectStatement;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    AccessMode, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    ExecResult, IsolationLevel, QueryResult, SqliteTransactionMode, Statement, StreamTrait as _, TransactionOptions,
    TransactionTrait,
};
use std::pin::Pin;
use tokio::sync::{Mutex, OwnedMutexGuard, oneshot};

use crate::kernel::error::is_connection_lost;
use crate::kernel::{Error, Result, boxed};

/// Read connections to SQLite; there is one for writing.
const SQLITE_READERS: u32 = 4;
/// Connections of one node to PostgreSQL. Half of them are for reading, so that a write that also reads cannot deadlock
/// with writes that wait for a connection.
pub const POSTGRES_CONNECTIONS: u32 = 16;
/// Waiting longer than this for a connection is an error.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer statements are aborted, because they would block the horizon of the log.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(30);
/// The same for an idle transaction, in milliseconds.
const IDLE_TRANSACTION_TIMEOUT: (&str, &str) = ("idle_in_transaction_session_timeout", "30000");
/// Maximum number of commands per COMMIT on SQLite.
const GROUP_MAX: usize = 64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// Runs statements: the pool for reading, or a transaction. One concrete type, so that functions that take it are compiled
/// once, in their own crate (sea-orm's `DatabaseExecutor` borrows, and would have to be created for every call).
#[derive(Debug)]
pub enum Executor {
    Pool(DatabaseConnection),
    Transaction(DatabaseTransaction),
}

/// A stream of the rows of one statement.
pub type Rows<'c> = Pin<Box<dyn Stream<Item = Result<QueryResult, DbErr>> + Send + 'c>>;

impl Executor {
    /// Streams the rows of results that do not fit into memory.
    pub async fn stream(&self, statement: &SelectStatement) -> Result<Rows<'_>> {
        let rows: Rows<'_> = match self {
            Self::Pool(pool) => Box::pin(pool.stream(statement).await?),
            Self::Transaction(tx) => Box::pin(tx.stream(statement).await?),
        };
        Ok(rows)
    }

    /// Commits a transaction; does nothing for a pool.
    #[boxed]
    pub async fn commit(self) -> Result<()> {
        match self {
            Self::Pool(_) => Ok(()),
            // Whether it was committed is unknown if the connection is lost now.
            Self::Transaction(tx) => tx.commit().await.map_err(|cause| {
                if is_connection_lost(&cause) { Error::Commit(Arc::new(cause)) } else { cause.into() }
            }),
        }
    }
}

#[async_trait]
impl ConnectionTrait for Executor {
    fn get_database_backend(&self) -> DbBackend {
        match self {
            Self::Pool(pool) => ConnectionTrait::get_database_backend(pool),
            Self::Transaction(tx) => ConnectionTrait::get_database_backend(tx),
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self {
            Self::Pool(pool) => pool.execute_raw(statement).await,
            Self::Transaction(tx) => tx.execute_raw(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self {
            Self::Pool(pool) => pool.execute_unprepared(sql).await,
            Self::Transaction(tx) => tx.execute_unprepared(sql).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self {
            Self::Pool(pool) => on_live_connection(|| pool.query_one_raw(statement.clone())).await,
            Self::Transaction(tx) => tx.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Pool(pool) => on_live_connection(|| pool.query_all_raw(statement.clone())).await,
            Self::Transaction(tx) => tx.query_all_raw(statement).await,
        }
    }
}

/// Tries again on another connection if one was lost. After a restart of the server each connection of a pool is dead, and
/// is replaced when its first statement fails. Only for what has changed nothing yet.
async fn on_live_connection<T, F>(attempt: impl Fn() -> F) -> Result<T, DbErr>
where
    F: Future<Output = Result<T, DbErr>>,
{
    for _ in 0..POSTGRES_CONNECTIONS / 2 {
        match attempt().await {
            // All connections are in use, or the server is away; acquiring has waited already.
            Err(DbErr::ConnectionAcquire(cause)) => return Err(DbErr::ConnectionAcquire(cause)),
            Err(cause) if is_connection_lost(&cause) => tracing::debug!(%cause, "a connection was lost"),
            outcome => return outcome,
        }
    }
    attempt().await
}

#[derive(Clone)]
pub struct Db {
    pub engine: Engine,
    read: Arc<Executor>,
    writer: Writer,
}

#[derive(Clone)]
enum Writer {
    Sqlite(Arc<SqliteWriter>),
    Postgres(DatabaseConnection),
}

/// Rows that a connection reads ahead.
const ROWS_BUFFERED: usize = 1_000;

impl Db {
    /// Opens the database behind `url` (`postgres://…`), or the SQLite file in the data folder.
    #[boxed]
    pub async fn open(url: Option<&str>, data_dir: &Path) -> Result<Self> {
        match url {
            Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                let mut options = base_options(ConnectOptions::new(url));
                options
                    .max_connections(POSTGRES_CONNECTIONS / 2)
                    .statement_timeout(STATEMENT_TIMEOUT)
                    .map_sqlx_postgres_opts(|postgres| postgres.options([IDLE_TRANSACTION_TIMEOUT]));
                let (read, write) = (Database::connect(options.clone()).await?, Database::connect(options).await?);
                let read = Arc::new(Executor::Pool(read));
                Ok(Self { engine: Engine::Postgres, read, writer: Writer::Postgres(write) })
            }
            Some(url) => Err(Error::Internal(format!(
                "BUOY_DATABASE_URL must begin with postgres:// (leave it out for SQLite in the data folder), not {:?}",
                url.split(':').next().unwrap_or_default()
            ))),
            None => {
                let file = data_dir.join("buoy.sqlite");
                let options = sqlite_options(&file, 1, false);
                // Creates the file (and its WAL) for the readers below.
                Database::connect(options.clone()).await?.close().await?;
                let read = Database::connect(sqlite_options(&file, SQLITE_READERS, true)).await?;
                let read = Arc::new(Executor::Pool(read));
                Ok(Self { engine: Engine::Sqlite, read, writer: Writer::Sqlite(SqliteWriter::new(options)) })
            }
        }
    }

    /// The executor for statements that only read.
    pub fn read(&self) -> &Executor {
        &self.read
    }

    /// A read-only transaction with one snapshot for all its statements.
    #[boxed]
    pub async fn snapshot(&self) -> Result<Executor> {
        let Executor::Pool(pool) = &*self.read else { return Err(Error::internal("the reading side is a pool")) };
        let tx = match self.engine {
            // A read transaction on a WAL database always has one snapshot.
            Engine::Sqlite => pool.begin().await?,
            Engine::Postgres => {
                let (isolation, access) = (IsolationLevel::RepeatableRead, AccessMode::ReadOnly);
                on_live_connection(|| pool.begin_with_config(Some(isolation), Some(access))).await?
            }
        };
        Ok(Executor::Transaction(tx))
    }

    /// A separate connection for migrations.
    #[boxed]
    pub async fn migrating(&self) -> Result<DatabaseConnection> {
        match &self.writer {
            Writer::Sqlite(writer) => Ok(Database::connect(writer.options.clone()).await?),
            Writer::Postgres(db) => Ok(db.clone()),
        }
    }

    /// Begins a write transaction; on SQLite, waits in the queue.
    #[boxed]
    pub async fn begin(&self) -> Result<WriteTx> {
        match &self.writer {
            Writer::Postgres(db) => {
                Ok(WriteTx::Postgres(Executor::Transaction(on_live_connection(|| db.begin()).await?)))
            }
            Writer::Sqlite(writer) => writer.clone().begin().await,
        }
    }

    #[boxed]
    pub async fn close(&self) {
        if let Executor::Pool(pool) = &*self.read {
            let _ = pool.clone().close().await;
        }
        let writer = match &self.writer {
            Writer::Sqlite(writer) => writer.group.lock().await.db.take(),
            Writer::Postgres(db) => Some(db.clone()),
        };
        if let Some(db) = writer {
            let _ = db.close().await;
        }
    }
}

fn base_options(mut options: ConnectOptions) -> ConnectOptions {
    options.sqlx_logging(false).acquire_timeout(ACQUIRE_TIMEOUT).test_before_acquire(false);
    options
}

fn sqlite_options(file: &Path, connections: u32, read_only: bool) -> ConnectOptions {
    let file = file.to_owned();
    let mut options = base_options(ConnectOptions::new("sqlite::memory:"));
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
            // Transfers a page of rows at once instead of switching threads for every row.
            .row_buffer_size(ROWS_BUFFERED)
    });
    options
}

/// An open write transaction. It is rolled back when dropped without `commit`.
pub enum WriteTx {
    Postgres(Executor),
    Sqlite(SqliteTx),
}

impl WriteTx {
    pub fn conn(&self) -> &Executor {
        match self {
            Self::Postgres(tx) => tx,
            Self::Sqlite(tx) => tx.savepoint.as_ref().expect("the savepoint is open until commit or rollback"),
        }
    }

    /// Rolls the transaction back after an error.
    pub async fn rollback(self, error: &Error) {
        match self {
            Self::Postgres(tx) => drop(tx),
            Self::Sqlite(tx) => tx.rollback(error).await,
        }
    }

    /// Resolves once the change is durable.
    #[boxed]
    pub async fn commit(self) -> Result<()> {
        match self {
            Self::Postgres(tx) => tx.commit().await,
            Self::Sqlite(tx) => tx.commit().await,
        }
    }
}

struct SqliteWriter {
    options: ConnectOptions,
    group: Arc<Mutex<CommitGroup>>,
    /// The number of queued writers.
    waiting: AtomicUsize,
}

/// The commands that share the next COMMIT.
#[derive(Default)]
struct CommitGroup {
    /// The write connection; reopened after an error that leaves its state in doubt.
    db: Option<DatabaseConnection>,
    outer: Option<DatabaseTransaction>,
    members: Vec<oneshot::Sender<std::result::Result<(), Arc<DbErr>>>>,
}

/// The transaction of one command: a savepoint in the transaction of its group.
pub struct SqliteTx {
    writer: Arc<SqliteWriter>,
    group: Option<OwnedMutexGuard<CommitGroup>>,
    savepoint: Option<Executor>,
}

impl SqliteWriter {
    fn new(options: ConnectOptions) -> Arc<Self> {
        Arc::new(Self { options, group: Arc::default(), waiting: AtomicUsize::new(0) })
    }

    async fn begin(self: Arc<Self>) -> Result<WriteTx> {
        let mut waiting = QueueGuard::enter(&self);
        let group = self.group.clone().lock_owned().await;
        waiting.served = true;
        drop(waiting);
        // From here on, dropping the transaction ends the group if anything fails or the caller is cancelled.
        let mut tx = SqliteTx { writer: self.clone(), group: Some(group), savepoint: None };
        let group = tx.group.as_mut().expect("set above");
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
        let outer = group.outer.as_ref().expect("begun above");
        tx.savepoint = Some(Executor::Transaction(outer.begin().await?));
        Ok(WriteTx::Sqlite(tx))
    }
}

/// Counts a queued writer. If it is cancelled while the group waits for it, it ends the group.
struct QueueGuard<'a> {
    writer: &'a Arc<SqliteWriter>,
    served: bool,
}

impl<'a> QueueGuard<'a> {
    fn enter(writer: &'a Arc<SqliteWriter>) -> Self {
        writer.waiting.fetch_add(1, Ordering::SeqCst);
        Self { writer, served: false }
    }
}

impl Drop for QueueGuard<'_> {
    fn drop(&mut self) {
        self.writer.waiting.fetch_sub(1, Ordering::SeqCst);
        if !self.served {
            let writer = self.writer.clone();
            tokio::spawn(async move {
                let group = writer.group.clone().lock_owned().await;
                leave_group(&writer, group).await;
            });
        }
    }
}

impl SqliteTx {
    async fn commit(mut self) -> Result<()> {
        let savepoint = self.savepoint.take().expect("the savepoint is open until commit or rollback");
        if let Err(error) = savepoint.commit().await {
            self.rollback(&error).await;
            return Err(error);
        }
        let (sender, receiver) = oneshot::channel();
        let mut group = self.group.take().expect("the group is locked until commit or rollback");
        group.members.push(sender);
        leave_group(&self.writer, group).await;
        match receiver.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(cause)) => Err(Error::Commit(cause)),
            Err(_) => Err(Error::internal("the writer stopped before the commit")),
        }
    }

    /// Rolls back after an error. SQLite rolls the whole transaction back by itself when the disk is full or fails; then no
    /// command of the group may be acknowledged.
    async fn rollback(mut self, error: &Error) {
        let cause = match error {
            // A constraint: only this command fails.
            Error::Db(cause) if cause.sql_err().is_none() => cause,
            _ => {
                drop(self.savepoint.take());
                if let Some(group) = self.group.take() {
                    leave_group(&self.writer, group).await;
                }
                return;
            }
        };
        drop(self.savepoint.take());
        if let Some(mut group) = self.group.take() {
            fail_group(
                &mut group,
                Arc::new(DbErr::Custom(format!("another command of the same commit failed: {cause}"))),
            )
            .await;
        }
    }
}

impl Drop for SqliteTx {
    fn drop(&mut self) {
        // Rolls this command back to its savepoint (queued on the connection, runs before anything else on it) …
        drop(self.savepoint.take());
        // … and commits the earlier ones at once. The reason for the drop is unknown: if SQLite has rolled the whole
        // transaction back (a full disk), this commit fails before another command joins the group.
        if let Some(group) = self.group.take() {
            tokio::spawn(commit_group(group));
        }
    }
}

/// Leaves the group to the next queued writer, or commits it if there is none.
async fn leave_group(writer: &SqliteWriter, group: OwnedMutexGuard<CommitGroup>) {
    if writer.waiting.load(Ordering::SeqCst) > 0 && group.members.len() < GROUP_MAX {
        return;
    }
    commit_group(group).await;
}

async fn commit_group(mut group: OwnedMutexGuard<CommitGroup>) {
    let Some(outer) = group.outer.take() else { return };
    if let Err(e) = outer.commit().await {
        fail_group(&mut group, Arc::new(e)).await;
        return;
    }
    for member in group.members.drain(..) {
        // The receiver is gone if the caller was cancelled.
        let _ = member.send(Ok(()));
    }
}

/// Returns the error to every command of the group and closes the connection.
async fn fail_group(group: &mut CommitGroup, error: Arc<DbErr>) {
    tracing::error!(error = %error, commands = group.members.len(), "the commit failed; none of its commands is stored");
    drop(group.outer.take());
    if let Some(db) = group.db.take() {
        let _ = db.close().await;
    }
    for member in group.members.drain(..) {
        let _ = member.send(Err(error.clone()));
    }
}
