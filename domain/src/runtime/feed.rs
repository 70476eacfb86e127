//! The feed: one reader per process reads new rows of the log and broadcasts them to all followers.
//!
//! A [`Follower`] starts at any position, catches up from the log, then receives broadcasts; one that falls behind catches
//! up again. Each row arrives exactly once, and a slow follower does not delay others.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

use super::log::{self, Cursor, History, Row};
use super::ports::WakeupTopic;
use super::{App, Engine};
use crate::kernel::{Error, Result, boxed};

/// Batches buffered for slow followers; slower ones read the log.
const BATCHES_BUFFERED: usize = 256;
/// Rows per read.
pub const BATCH: u64 = 500;
/// The polling interval for commits of other nodes and for rows above the horizon (PostgreSQL).
const POLL: Duration = Duration::from_millis(100);
/// The delay after a failed read of the log.
const RETRY: Duration = Duration::from_secs(1);

pub struct Feed {
    head: watch::Sender<Cursor>,
    batches: broadcast::Sender<Arc<Batch>>,
}

/// The rows of one read.
struct Batch {
    /// The position before the first row; there are no rows between the two.
    after: Cursor,
    rows: Vec<Row>,
}

impl Feed {
    pub(super) fn new() -> Self {
        let (batches, _) = broadcast::channel(BATCHES_BUFFERED);
        Self { head: watch::Sender::new(Cursor::START), batches }
    }

    /// The position of the feed, for waiting until a change has arrived.
    pub fn head(&self) -> watch::Receiver<Cursor> {
        self.head.subscribe()
    }

    /// Follows the log from `after` on.
    pub fn follow(&self, app: &Arc<App>, after: Cursor, history: History) -> Follower {
        // Subscribe before reading, so that no row is missed.
        Follower { app: app.clone(), position: after, live: self.batches.subscribe(), catching_up: true, history }
    }
}

pub struct Follower {
    app: Arc<App>,
    position: Cursor,
    live: broadcast::Receiver<Arc<Batch>>,
    catching_up: bool,
    history: History,
}

/// The next result of a follower.
pub enum Next {
    Rows(Vec<Row>),
    /// It was too slow for the buffered rows and continues from the log at its position.
    Lagged,
    /// The process stops.
    Ended,
}

impl Follower {
    pub fn position(&self) -> Cursor {
        self.position
    }

    /// The next rows in order, each exactly once. Cancel-safe.
    #[boxed]
    pub async fn next(&mut self) -> Result<Next> {
        loop {
            if let Some(next) = self.step(true).await? {
                return Ok(next);
            }
        }
    }

    /// The same, without waiting: `None` if there are no more rows now.
    #[boxed]
    pub async fn try_next(&mut self) -> Result<Option<Next>> {
        self.step(false).await
    }

    async fn step(&mut self, wait: bool) -> Result<Option<Next>> {
        loop {
            let rows = if self.catching_up {
                let rows = log::read(&self.app, self.position, BATCH).await?;
                if rows.is_empty() {
                    self.catching_up = false;
                    continue;
                }
                rows
            } else {
                let batch = match self.live.try_recv() {
                    Err(TryRecvError::Empty) if wait => self.live.recv().await.map_err(|error| match error {
                        RecvError::Lagged(batches) => TryRecvError::Lagged(batches),
                        RecvError::Closed => TryRecvError::Closed,
                    }),
                    received => received,
                };
                match batch {
                    // The follower started before the reader, and rows were committed in between.
                    Ok(batch) if batch.after > self.position => {
                        self.catching_up = true;
                        continue;
                    }
                    Ok(batch) => batch.rows.iter().filter(|row| row.cursor > self.position).cloned().collect(),
                    Err(TryRecvError::Lagged(_)) => {
                        self.catching_up = true;
                        return Ok(Some(Next::Lagged));
                    }
                    Err(TryRecvError::Empty) => return Ok(None),
                    Err(TryRecvError::Closed) => return Ok(Some(Next::Ended)),
                }
            };
            let Some(last) = rows.last() else { continue };
            self.position = last.cursor;
            let rows: Vec<Row> = match self.history {
                History::Included => rows,
                History::Skipped => rows.into_iter().filter(|row| row.audience != log::Audience::History).collect(),
            };
            if !rows.is_empty() {
                return Ok(Some(Next::Rows(rows)));
            }
        }
    }
}

/// The reader of the process.
#[boxed]
pub async fn run(app: Arc<App>, stop: CancellationToken) {
    let mut position = loop {
        match log::head(app.db.read(), app.db.engine).await {
            Ok(head) => break head,
            Err(error) => {
                if wait_to_retry(&stop, &error).await {
                    return;
                }
            }
        }
    };
    app.feed.head.send_replace(position);
    // Tells existing followers where the reader starts.
    let _ = app.feed.batches.send(Arc::new(Batch { after: position, rows: Vec::new() }));
    while !stop.is_cancelled() {
        match log::read(&app, position, BATCH).await {
            Ok(rows) if rows.is_empty() => {
                let polls = app.db.engine == Engine::Postgres;
                tokio::select! {
                    () = app.wakeups.woken(WakeupTopic::Log) => {}
                    () = poll(), if polls => {}
                    () = stop.cancelled() => return,
                }
            }
            Ok(rows) => {
                for row in &rows {
                    app.modules.observe(&app, &row.event);
                }
                let after = position;
                position = rows.last().map_or(position, |row| row.cursor);
                // Update the position first: whoever receives a row expects the state at that position.
                app.feed.head.send_replace(position);
                // No receivers is not an error.
                let _ = app.feed.batches.send(Arc::new(Batch { after, rows }));
            }
            Err(error) => {
                if wait_to_retry(&stop, &error).await {
                    return;
                }
            }
        }
    }
}

/// Runs a follower until stopped, and restarts it after a failure.
pub async fn keep_following<F>(name: &str, stop: &CancellationToken, follow: impl Fn() -> F)
where
    F: Future<Output = Result<()>>,
{
    while !stop.is_cancelled() {
        let ended = tokio::select! {
            ended = follow() => ended,
            () = stop.cancelled() => return,
        };
        let Err(error) = ended else { return };
        tracing::error!(%error, "{name} cannot follow the event log; trying again");
        if retry(stop).await {
            return;
        }
    }
}

/// A follower with expensive batches pauses for this many times its working time, so that under load it processes fewer
/// and larger batches and leaves capacity to writers.
const PAUSE_FACTOR: u32 = 3;
/// The maximum pause.
const PAUSE_MAX: Duration = Duration::from_millis(250);

/// Pauses after work that started at `began`.
#[expect(clippy::disallowed_methods, reason = "throttles by the cost of the work; no decision depends on it")]
pub async fn throttle(began: Instant) {
    tokio::time::sleep((began.elapsed() * PAUSE_FACTOR).min(PAUSE_MAX)).await;
}

/// Uses real time instead of the injected clock, because no decision depends on it.
#[expect(clippy::disallowed_methods, reason = "paces polling; no decision depends on it")]
async fn poll() {
    tokio::time::sleep(POLL).await;
}

async fn wait_to_retry(stop: &CancellationToken, error: &Error) -> bool {
    tracing::error!(%error, "the event log cannot be read; trying again");
    retry(stop).await
}

#[expect(clippy::disallowed_methods, reason = "paces retries; no decision depends on it")]
async fn retry(stop: &CancellationToken) -> bool {
    tokio::select! {
        () = tokio::time::sleep(RETRY) => false,
        () = stop.cancelled() => true,
    }
}
