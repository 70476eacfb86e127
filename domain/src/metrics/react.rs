//! Keeps this node's columns up to date with the log.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::model::{Columns, Fact};
use super::store;
use crate::kernel::{Result, boxed};
use crate::runtime::feed::{self, Next};
use crate::runtime::log::History;
use crate::runtime::{App, Cursor, log};
use crate::tickets::queries::changed_tickets;

/// Rows per statement while the columns are loaded.
pub(super) const LOAD_BATCH: u64 = 10_000;
/// Tickets per statement while following.
const FOLLOW_BATCH: usize = 500;

/// The facts of all tickets, in memory.
pub struct ColumnCache {
    columns: RwLock<Columns>,
    ready: AtomicBool,
    at: watch::Sender<Cursor>,
}

impl Default for ColumnCache {
    fn default() -> Self {
        Self { columns: RwLock::default(), ready: AtomicBool::new(false), at: watch::Sender::new(Cursor::START) }
    }
}

impl ColumnCache {
    /// The cursor up to which the columns are current.
    pub fn watch(&self) -> watch::Receiver<Cursor> {
        self.at.subscribe()
    }

    /// Whether the columns contain every ticket.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Reads the columns under the lock; `read` must not block.
    pub fn read<T>(&self, read: impl FnOnce(&Columns) -> T) -> T {
        read(&self.columns.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, facts: Vec<Fact>) {
        let mut columns = self.columns.write().unwrap_or_else(PoisonError::into_inner);
        facts.into_iter().for_each(|fact| columns.put(fact));
    }
}

/// Loads the columns, then follows the log until stopped.
#[boxed]
pub async fn follow(app: Arc<App>, stop: CancellationToken) {
    feed::keep_following("the metrics columns", &stop, || follow_once(&app)).await;
}

async fn follow_once(app: &Arc<App>) -> Result<()> {
    let cache = app.state::<ColumnCache>();
    let position = if cache.is_ready() {
        *cache.at.borrow()
    } else {
        // Taken before the first row is read, so that changes during loading are followed afterwards.
        let position = log::head(app.db.read(), app.db.engine).await?;
        load(app, cache).await?;
        position
    };
    cache.at.send_replace(position);
    let mut follower = app.feed.follow(app, position, History::Included);
    loop {
        match follower.next().await? {
            Next::Rows(rows) => {
                let began = Instant::now();
                for ids in changed_tickets(&rows).chunks(FOLLOW_BATCH) {
                    cache.put(store::facts_of(app.db.read(), ids).await?);
                }
                cache.at.send_replace(follower.position());
                feed::throttle(began).await;
            }
            Next::Lagged => {}
            Next::Ended => return Ok(()),
        }
    }
}

async fn load(app: &Arc<App>, cache: &ColumnCache) -> Result<()> {
    let mut after = None;
    loop {
        let facts = store::facts_after(app.db.read(), None, after, LOAD_BATCH).await?;
        let Some(last) = facts.last() else { break };
        after = Some(last.ticket);
        cache.put(facts);
    }
    cache.ready.store(true, Ordering::Release);
    tracing::info!(tickets = cache.read(Columns::len), "metrics columns loaded");
    Ok(())
}
