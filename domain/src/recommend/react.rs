//! Keeps this node's index up to date with the log, and schedules suggestions for assignees.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::model::{
    LEARN_EVERY, LEARN_JOB, LEARN_QUEUE, RankingCache, RecommendEvent, SUGGEST_JOB, SUGGEST_QUEUE, document,
};
use super::{commands, queries};
use crate::kernel::{Error, Locale, Result, TicketId, UserId, boxed, seconds};
use crate::knowledge::model::KnowledgeFact;
use crate::runtime::app::States;
use crate::runtime::feed::{self, Next};
use crate::runtime::jobs::{self, IfScheduled, Schedule};
use crate::runtime::log::History;
use crate::runtime::{AnyEvent, App, Ctx, Cursor, MessageEnricher, Row, Tx, log};
use crate::tickets::model::{Fact, TicketEvent};
use crate::tickets::queries::{changed_tickets, indexed_tickets, indexed_tickets_after};
use crate::tickets::react::changed_confidentiality;

/// A short delay merges quick changes and keeps the work off the request.
const SUGGEST_AFTER: Duration = seconds(1);

async fn on_ticket_event(tx: &mut Tx, event: &TicketEvent) -> Result<()> {
    if let Some(KnowledgeFact::Cited { citation }) = event.fact.get() {
        return commands::cited(tx, event.ticket, citation).await;
    }
    let suggests = match &event.fact {
        Fact::Assigned { .. } => event.after.assignee != event.before.as_ref().and_then(|before| before.assignee),
        Fact::Updated { fields } => {
            let reworded = fields.iter().any(|field| field == "title" || field == "description");
            reworded && event.after.assignee.is_some() && !event.after.status.is_solved()
        }
        _ => false,
    };
    if suggests {
        let at = tx.now + SUGGEST_AFTER;
        jobs::schedule(tx, &[Schedule::new(SUGGEST_JOB, &event.ticket.to_string(), at).in_queue(SUGGEST_QUEUE)])
            .await?;
    }
    Ok(())
}

/// Tickets per commit of the index.
const BATCH: usize = 500;

/// The cursor of the index.
pub struct IndexProgress {
    at: watch::Sender<Cursor>,
    /// Documents written by a running rebuild; 0 if there is none.
    rebuilding: AtomicU64,
}

impl Default for IndexProgress {
    fn default() -> Self {
        Self { at: watch::Sender::new(Cursor::START), rebuilding: AtomicU64::new(0) }
    }
}

impl IndexProgress {
    pub fn watch(&self) -> watch::Receiver<Cursor> {
        self.at.subscribe()
    }

    pub fn rebuilding(&self) -> u64 {
        self.rebuilding.load(Ordering::Relaxed)
    }
}

/// Follows the log until stopped. An index without a cursor of this log epoch is rebuilt from the database first.
#[boxed]
pub async fn follow(app: Arc<App>, stop: CancellationToken) {
    feed::keep_following("the search index", &stop, || follow_once(&app)).await;
}

async fn follow_once(app: &Arc<App>) -> Result<()> {
    let progress = app.state::<IndexProgress>();
    let known = app.index.cursor().and_then(|text| Cursor::decode(&text, &app.log_epoch).ok().flatten());
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
                feed::throttle(began).await;
            }
            Next::Lagged => {}
            Next::Ended => return Ok(()),
        }
    }
}

/// Indexes the current state of each ticket that these events changed.
async fn apply(app: &Arc<App>, rows: &[Row], position: Cursor) -> Result<()> {
    let touched = changed_tickets(rows);
    // After a restart the same rows are read again; that changes nothing.
    if !touched.is_empty() {
        let mut changes = Vec::with_capacity(touched.len());
        for ids in touched.chunks(BATCH) {
            let now = indexed_tickets(app.db.read(), ids).await?;
            changes.extend(now.iter().map(|ticket| search::Change::Put(document(ticket))));
        }
        put(app, changes, position).await?;
    }
    for row in rows {
        if let Some(cause) = row.event.get().and_then(changed_confidentiality) {
            let mut after = None;
            loop {
                let tickets = indexed_tickets_after(app.db.read(), Some(&cause), after, BATCH as u64).await?;
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
    let (index, cursor) = (app.index.clone(), position.encode(&app.log_epoch));
    tokio::task::spawn_blocking(move || index.apply(changes, &cursor)).await.map_err(Error::internal)??;
    Ok(())
}

/// Builds a new index from the database while the old one serves, and swaps it in; returns the cursor from which to
/// follow.
#[boxed]
pub async fn rebuild(app: &Arc<App>) -> Result<Cursor> {
    let progress = app.state::<IndexProgress>();
    // Taken before the first row is read, so that changes during the rebuild are followed afterwards.
    let position = log::head(app.db.read(), app.db.engine).await?;
    let index = app.index.clone();
    let mut building = tokio::task::spawn_blocking(move || index.rebuild()).await.map_err(Error::internal)??;
    let mut after = None;
    let mut done: u64 = 0;
    loop {
        let tickets = indexed_tickets_after(app.db.read(), None, after, BATCH as u64).await?;
        let Some(last) = tickets.last() else { break };
        after = Some(last.ticket.id);
        done += tickets.len() as u64;
        let documents: Vec<_> = tickets.iter().map(document).collect();
        building = tokio::task::spawn_blocking(move || building.put(documents).map(|()| building))
            .await
            .map_err(Error::internal)??;
        progress.rebuilding.store(done, Ordering::Relaxed);
    }
    let cursor = position.encode(&app.log_epoch);
    tokio::task::spawn_blocking(move || building.swap(&cursor)).await.map_err(Error::internal)??;
    progress.rebuilding.store(0, Ordering::Relaxed);
    tracing::info!(tickets = done, "search index rebuilt");
    Ok(position)
}

/// In the transaction of the event.
#[boxed]
pub async fn on_event(tx: &mut Tx, event: &AnyEvent) -> Result<()> {
    match event.get() {
        Some(event) => on_ticket_event(tx, event).await,
        None => Ok(()),
    }
}

#[boxed]
pub async fn start(tx: &mut Tx) -> Result<()> {
    let at = tx.now + LEARN_EVERY;
    jobs::schedule(tx, &[Schedule::new(LEARN_JOB, "", at).in_queue(LEARN_QUEUE).if_scheduled(IfScheduled::Keep)]).await
}

/// In memory: the ranking was learned anew.
pub fn observe(app: &App, event: &AnyEvent) {
    if event.get::<RecommendEvent>().is_some() {
        app.state::<RankingCache>().invalidate();
    }
}

pub fn states(states: &mut States) {
    states.insert(IndexProgress::default());
    states.insert(RankingCache::default());
    states.insert::<Arc<dyn MessageEnricher>>(Arc::new(SimilarCaseLines));
}

/// Lists similar cases in the message about an assignment.
struct SimilarCaseLines;

impl MessageEnricher for SimilarCaseLines {
    fn lines(&self, cx: Ctx, ticket: TicketId, recipient: UserId, locale: Locale) -> BoxFuture<'static, Vec<String>> {
        Box::pin(queries::message_lines(cx, ticket, recipient, locale))
    }
}
