//! The feed: one reader per process takes new rows of the log and hands them to everyone who follows it.
//!
//! A [`Follower`] starts anywhere, catches up from the log, then listens; one that falls behind catches up again.
//! Nothing is lost, nothing comes twice, and nobody who is slow holds back anyone else.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, broadcast, watch};
use tokio_util::sync::CancellationToken;

use super::log::{self, Cursor, Row};
use super::{App, Engine};
use crate::kernel::{Error, Result};

/// Batches kept for followers that are a little behind; further behind they read the log itself.
const BATCHES_KEPT: usize = 256;
/// Rows of one read.
pub const BATCH: u64 = 500;
/// Another node's commits, and rows that were above the horizon, are seen after this at the latest (PostgreSQL).
const POLL: Duration = Duration::from_millis(100);
/// Wait after a failed read of the log.
const RETRY: Duration = Duration::from_secs(1);

pub struct Feed {
    bell: Notify,
    head: watch::Sender<Cursor>,
    batches: broadcast::Sender<Arc<Batch>>,
}

/// What was read at once.
struct Batch {
    /// Where the reader stood: between there and the first row lies nothing.
    after: Cursor,
    rows: Vec<Row>,
}

impl Feed {
    pub(super) fn new() -> Self {
        let (batches, _) = broadcast::channel(BATCHES_KEPT);
        Self { bell: Notify::new(), head: watch::Sender::new(Cursor::START), batches }
    }

    /// Something was committed here.
    pub(super) fn wake(&self) {
        self.bell.notify_one();
    }

    /// How far the feed has come; watched by whoever waits for a change to arrive.
    pub fn head(&self) -> watch::Receiver<Cursor> {
        self.head.subscribe()
    }

    /// Everything behind `after`, then whatever comes.
    pub fn follow(&self, app: &Arc<App>, after: Cursor, history: History) -> Follower {
        // Listens before it reads: nothing falls between.
        Follower { app: app.clone(), position: after, live: self.batches.subscribe(), catching_up: true, history }
    }
}

/// Whether imported history is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    Included,
    Skipped,
}

pub struct Follower {
    app: Arc<App>,
    position: Cursor,
    live: broadcast::Receiver<Arc<Batch>>,
    catching_up: bool,
    history: History,
}

/// What a follower learns.
pub enum Next {
    Rows(Vec<Row>),
    /// It was too slow for the rows kept in memory and goes on reading the log behind its position.
    Lagged,
    /// The process stops.
    Ended,
}

impl Follower {
    pub fn position(&self) -> Cursor {
        self.position
    }

    /// Goes on from here without what lies between.
    pub fn skip_to(&mut self, cursor: Cursor) {
        self.position = cursor;
        self.catching_up = true;
    }

    /// Rows in order, each once. Cancel-safe.
    pub async fn next(&mut self) -> Result<Next> {
        loop {
            let rows = if self.catching_up {
                let rows = log::read(self.app.db.read(), self.app.db.engine, self.position, BATCH).await?;
                if rows.is_empty() {
                    self.catching_up = false;
                    continue;
                }
                rows
            } else {
                match self.live.recv().await {
                    // It began to follow before the reader did, and something was committed between.
                    Ok(batch) if batch.after > self.position => {
                        self.catching_up = true;
                        continue;
                    }
                    Ok(batch) => batch.rows.iter().filter(|row| row.cursor > self.position).cloned().collect(),
                    Err(broadcast::error::RecvError::Lagged(_)) => {
                        self.catching_up = true;
                        return Ok(Next::Lagged);
                    }
                    Err(broadcast::error::RecvError::Closed) => return Ok(Next::Ended),
                }
            };
            let Some(last) = rows.last() else { continue };
            self.position = last.cursor;
            let rows: Vec<Row> = match self.history {
                History::Included => rows,
                History::Skipped => rows.into_iter().filter(|row| row.audience != log::Audience::History).collect(),
            };
            if !rows.is_empty() {
                return Ok(Next::Rows(rows));
            }
        }
    }
}

/// The one reader of the process.
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
    // Says where the reader begins to those who have followed so far by reading themselves.
    let _ = app.feed.batches.send(Arc::new(Batch { after: position, rows: Vec::new() }));
    while !stop.is_cancelled() {
        match log::read(app.db.read(), app.db.engine, position, BATCH).await {
            Ok(rows) if rows.is_empty() => {
                let polls = app.db.engine == Engine::Postgres;
                tokio::select! {
                    () = app.feed.bell.notified() => {}
                    () = poll(), if polls => {}
                    () = stop.cancelled() => return,
                }
            }
            Ok(rows) => {
                for row in &rows {
                    (app.wiring.observer)(&app, &row.event);
                }
                let after = position;
                position = rows.last().map_or(position, |row| row.cursor);
                // First how far the feed has come: who hears of a row looks at things as they are at that place.
                app.feed.head.send_replace(position);
                // Nobody listening is no fault.
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

/// Follows until stopped; a follower that fails begins again where it was.
pub async fn keep_following<F>(who: &str, stop: &CancellationToken, follow: impl Fn() -> F)
where
    F: Future<Output = Result<()>>,
{
    while !stop.is_cancelled() {
        let ended = tokio::select! {
            ended = follow() => ended,
            () = stop.cancelled() => return,
        };
        let Err(error) = ended else { return };
        tracing::error!(%error, "{who} cannot follow the event log; trying again");
        if retry(stop).await {
            return;
        }
    }
}

/// A follower that does heavy work on every batch rests so many times as long as it worked: while much is written, it
/// works on larger batches in place of more of them, and leaves the machine to those who write.
const REST: u32 = 3;
/// But never longer than this.
const REST_MAX: Duration = Duration::from_millis(250);

/// Rests after work that began then.
#[expect(clippy::disallowed_methods, reason = "paces work by what it costs this machine; no decision hangs on it")]
pub async fn rest(began: Instant) {
    tokio::time::sleep((began.elapsed() * REST).min(REST_MAX)).await;
}

/// Real time, not the clock in somebody's hand: it measures the machine, and decides nothing.
#[expect(clippy::disallowed_methods, reason = "paces reading from another machine; no decision hangs on it")]
async fn poll() {
    tokio::time::sleep(POLL).await;
}

async fn wait_to_retry(stop: &CancellationToken, error: &Error) -> bool {
    tracing::error!(%error, "the event log cannot be read; trying again");
    retry(stop).await
}

#[expect(clippy::disallowed_methods, reason = "paces retries towards a failing machine; no decision hangs on it")]
async fn retry(stop: &CancellationToken) -> bool {
    tokio::select! {
        () = tokio::time::sleep(RETRY) => false,
        () = stop.cancelled() => true,
    }
}
