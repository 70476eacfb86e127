//! This node's columns follow the log.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use sea_orm::Condition;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::model::{Columns, Fact};
use super::store;
use crate::kernel::Result;
use crate::runtime::feed::{self, History, Next};
use crate::runtime::{App, Cursor, log};
use crate::tickets::queries::touched;

/// Rows of one statement while the columns are loaded.
pub(super) const LOAD_BATCH: u64 = 10_000;
/// Tickets of one statement while they follow.
const FOLLOW_BATCH: usize = 500;

/// The facts of all tickets, in memory.
pub struct Held {
    columns: RwLock<Columns>,
    ready: AtomicBool,
    at: watch::Sender<Cursor>,
}

impl Default for Held {
    fn default() -> Self {
        Self { columns: RwLock::default(), ready: AtomicBool::new(false), at: watch::Sender::new(Cursor::START) }
    }
}

impl Held {
    /// How far the columns have come.
    pub fn watch(&self) -> watch::Receiver<Cursor> {
        self.at.subscribe()
    }

    /// Whether they hold every ticket.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Looks at the columns; not while waiting for anything.
    pub fn look<T>(&self, look: impl FnOnce(&Columns) -> T) -> T {
        look(&self.columns.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, facts: Vec<Fact>) {
        let mut columns = self.columns.write().unwrap_or_else(PoisonError::into_inner);
        facts.into_iter().for_each(|fact| columns.put(fact));
    }
}

/// Loads the columns, then follows, until stopped.
pub async fn follow(app: Arc<App>, stop: CancellationToken) {
    feed::keep_following("the columns of metrics", &stop, || follow_once(&app)).await;
}

async fn follow_once(app: &Arc<App>) -> Result<()> {
    let held = app.state::<Held>();
    let position = if held.is_ready() {
        *held.at.borrow()
    } else {
        // Taken before the first row is read: what changes meanwhile is followed afterwards.
        let position = log::head(app.db.read(), app.db.engine).await?;
        load(app, held).await?;
        position
    };
    held.at.send_replace(position);
    let mut follower = app.feed.follow(app, position, History::Included);
    loop {
        match follower.next().await? {
            Next::Rows(rows) => {
                let began = Instant::now();
                for ids in touched(&rows).chunks(FOLLOW_BATCH) {
                    held.put(store::facts_of(app.db.read(), ids).await?);
                }
                held.at.send_replace(follower.position());
                feed::rest(began).await;
            }
            Next::Lagged => {}
            Next::Ended => return Ok(()),
        }
    }
}

async fn load(app: &Arc<App>, held: &Held) -> Result<()> {
    let mut after = None;
    loop {
        let facts = store::facts_after(app.db.read(), &Condition::all(), after, LOAD_BATCH).await?;
        let Some(last) = facts.last() else { break };
        after = Some(last.ticket);
        held.put(facts);
    }
    held.ready.store(true, Ordering::Release);
    tracing::info!(tickets = held.look(Columns::len), "metrics answer from memory");
    Ok(())
}
