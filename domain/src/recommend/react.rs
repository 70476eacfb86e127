//! This node's index follows the log; whoever gets a ticket gets its cases.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::commands;
use super::model::document;
use crate::event::Event;
use crate::kernel::{Error, Result, days, seconds};
use crate::runtime::feed::{self, History, Next};
use crate::runtime::jobs;
use crate::runtime::{App, Cursor, Row, Tx, log};
use crate::tickets::model::{Fact, TicketEvent};
use crate::tickets::queries::{indexed, indexed_after, touched};
use crate::tickets::react::recast;

/// The cases of a ticket are looked up for whoever has it.
pub const SUGGEST: &str = "recommend.suggest";
/// Behind whoever waits for the change, and once for what changes in a moment.
const SUGGEST_AFTER: Duration = seconds(1);
/// What people cited is learned from.
pub const LEARN: &str = "recommend.learn";
pub const LEARN_EVERY: Duration = days(1);
/// Their lanes: both search, and neither waits for the other.
pub const LANES: [&str; 2] = ["suggest", "learn"];

/// In the transaction of the event.
pub async fn on_ticket_event(tx: &mut Tx, event: &TicketEvent) -> Result<()> {
    let suggests = match &event.fact {
        Fact::Assigned { .. } => event.after.assignee != event.before.as_ref().and_then(|before| before.assignee),
        Fact::Updated { fields } => {
            let reworded = fields.iter().any(|field| field == "title" || field == "description");
            reworded && event.after.assignee.is_some() && !event.after.status.is_solved()
        }
        Fact::Cited { citation } => return commands::cited(tx, event.ticket, *citation).await,
        _ => false,
    };
    if suggests {
        let at = tx.now + SUGGEST_AFTER;
        jobs::plant_in_lane(tx, LANES[0], &[(SUGGEST, &event.ticket.to_string(), at)]).await?;
    }
    Ok(())
}

/// Tickets of one commit of the index.
const BATCH: usize = 500;

/// How far the index has come.
pub struct Progress {
    at: watch::Sender<Cursor>,
    /// Documents written while the index is built anew; 0 when it is not.
    rebuilding: AtomicU64,
}

impl Default for Progress {
    fn default() -> Self {
        Self { at: watch::Sender::new(Cursor::START), rebuilding: AtomicU64::new(0) }
    }
}

impl Progress {
    pub fn watch(&self) -> watch::Receiver<Cursor> {
        self.at.subscribe()
    }

    pub fn rebuilding(&self) -> u64 {
        self.rebuilding.load(Ordering::Relaxed)
    }
}

/// Follows until stopped. An index without a place in this life of the log is built from the database first.
pub async fn follow(app: Arc<App>, stop: CancellationToken) {
    feed::keep_following("the search index", &stop, || follow_once(&app)).await;
}

async fn follow_once(app: &Arc<App>) -> Result<()> {
    let progress = app.state::<Progress>();
    let known = app.index.cursor().and_then(|text| Cursor::open(&text, &app.log_epoch).ok().flatten());
    let position = match known {
        Some(position) => position,
        None => rebuild(app).await?,
    };
    progress.at.send_replace(position);
    let mut follower = app.feed.follow(app, position, History::Included);
    loop {
        match follower.next().await? {
            Next::Rows(rows) => {
                let began = Instant::now();
                apply(app, &rows, follower.position()).await?;
                progress.at.send_replace(follower.position());
                feed::rest(began).await;
            }
            Next::Lagged => {}
            Next::Ended => return Ok(()),
        }
    }
}

/// Each ticket that these events touch, once, as it is now.
async fn apply(app: &Arc<App>, rows: &[Row], position: Cursor) -> Result<()> {
    let touched = touched(rows);
    // Read again after a restart: nothing to do then either.
    if !touched.is_empty() {
        let mut changes = Vec::with_capacity(touched.len());
        for ids in touched.chunks(BATCH) {
            let now = indexed(app.db.read(), ids).await?;
            changes.extend(now.iter().map(|ticket| search::Change::Put(document(ticket))));
        }
        put(app, changes, position).await?;
    }
    for row in rows {
        if let Event::Catalogue(event) = &*row.event
            && let Some(of) = recast(event)
        {
            let mut after = None;
            loop {
                let tickets = indexed_after(app.db.read(), Some(of.clone()), after, BATCH as u64).await?;
                let Some(last) = tickets.last() else { break };
                after = Some(last.ticket.id);
                put(app, tickets.iter().map(|ticket| search::Change::Put(document(ticket))).collect(), position)
                    .await?;
            }
        }
    }
    Ok(())
}

async fn put(app: &Arc<App>, changes: Vec<search::Change>, position: Cursor) -> Result<()> {
    let (index, cursor) = (app.index.clone(), position.seal(&app.log_epoch));
    tokio::task::spawn_blocking(move || index.apply(changes, &cursor)).await.map_err(Error::internal)??;
    Ok(())
}

/// Builds the index anew beside the running one, from the database, and swaps it in; returns the place in the log
/// from which it has to follow.
pub async fn rebuild(app: &Arc<App>) -> Result<Cursor> {
    let progress = app.state::<Progress>();
    // Taken before the first row is read: what changes meanwhile is followed afterwards.
    let position = log::head(app.db.read(), app.db.engine).await?;
    let index = app.index.clone();
    let mut building = tokio::task::spawn_blocking(move || index.rebuild()).await.map_err(Error::internal)??;
    let mut after = None;
    let mut done: u64 = 0;
    loop {
        let tickets = indexed_after(app.db.read(), None, after, BATCH as u64).await?;
        let Some(last) = tickets.last() else { break };
        after = Some(last.ticket.id);
        done += tickets.len() as u64;
        let documents: Vec<_> = tickets.iter().map(document).collect();
        building = tokio::task::spawn_blocking(move || building.put(documents).map(|()| building))
            .await
            .map_err(Error::internal)??;
        progress.rebuilding.store(done, Ordering::Relaxed);
    }
    let cursor = position.seal(&app.log_epoch);
    tokio::task::spawn_blocking(move || building.swap(&cursor)).await.map_err(Error::internal)??;
    progress.rebuilding.store(0, Ordering::Relaxed);
    tracing::info!(tickets = done, "the search index was built");
    Ok(position)
}
