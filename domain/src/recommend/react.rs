//! Keeps this node's index up to date with the log, and schedules suggestions for assignees.

use std::collections::{BTreeSet, HashSet, VecDeque};
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
use crate::runtime::feed::{self, Follower, Next};
use crate::runtime::jobs::{self, IfScheduled, Schedule};
use crate::runtime::log::{Audience, History};
use crate::runtime::{AnyEvent, App, Ctx, Cursor, MessageEnricher, Row, Tx, log};
use crate::tickets::model::{CaseFinder, Fact, IndexedSubset, SolvedCase, TextSource, Ticket, TicketEvent};
use crate::tickets::queries::{IndexedTicket, indexed_tickets, indexed_tickets_after};
use crate::tickets::react::{changed_confidentiality, changed_name};

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
    /// Up to here all but imported tickets are indexed.
    live: watch::Sender<Cursor>,
    /// Documents written by a running rebuild; 0 if there is none.
    rebuilding: AtomicU64,
}

impl Default for IndexProgress {
    fn default() -> Self {
        Self {
            at: watch::Sender::new(Cursor::START),
            live: watch::Sender::new(Cursor::START),
            rebuilding: AtomicU64::new(0),
        }
    }
}

impl IndexProgress {
    pub fn watch(&self) -> watch::Receiver<Cursor> {
        self.at.subscribe()
    }

    pub fn watch_live(&self) -> watch::Receiver<Cursor> {
        self.live.subscribe()
    }

    fn set(&self, at: Cursor, live: Cursor) {
        self.at.send_replace(at);
        self.live.send_replace(live);
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
    let mut position = match known {
        Some(position) => position,
        None => rebuild(app).await?,
    };
    progress.set(position, position);
    let mut follower = app.feed.follow(app, position, History::Included);
    let mut backlog = Backlog::default();
    loop {
        let Some(rows) = next_rows(&mut follower, !backlog.is_empty()).await? else { return Ok(()) };
        let began = Instant::now();
        let touched = backlog.split(rows.iter().map(Change::of), position);
        let imported = backlog.take();
        let renamed = next_renamed(app, &mut backlog).await?;
        position = follower.position();
        // Everything before the first ticket that still waits is indexed.
        let indexed = backlog.first().unwrap_or(position);
        apply(app, &touched, &imported, &renamed, indexed).await?;
        reindex_confidential(app, &rows, indexed).await?;
        progress.set(indexed, position);
        feed::throttle(began).await;
    }
}

/// Rows that one commit of the index covers: whatever waits, so that a burst does not take a commit for each ticket.
const ROWS_PER_COMMIT: usize = 5_000;

/// All rows that wait, up to [`ROWS_PER_COMMIT`]; without any, the next ones, or none if there is other work. `None` at the
/// end of the process.
async fn next_rows(follower: &mut Follower, other_work: bool) -> Result<Option<Vec<Row>>> {
    let mut rows = Vec::new();
    while rows.len() < ROWS_PER_COMMIT {
        let next = match follower.try_next().await? {
            Some(next) => next,
            None if rows.is_empty() && !other_work => follower.next().await?,
            None => break,
        };
        match next {
            Next::Rows(more) => rows.extend(more),
            Next::Lagged => {}
            Next::Ended => return Ok(None),
        }
    }
    Ok(Some(rows))
}

/// What a row of the log means for the index.
struct Change {
    at: Cursor,
    ticket: Option<TicketId>,
    imported: bool,
    /// A name that tickets are searched by has changed.
    name: Option<TextSource>,
}

impl Change {
    fn of(row: &Row) -> Self {
        let ticket = row.event.get::<TicketEvent>().map(|event| event.ticket);
        let imported = row.audience == Audience::History;
        Self { at: row.cursor, ticket, imported, name: changed_name(&row.event) }
    }
}

/// Imported tickets, and tickets of somebody or something that was renamed, that wait for the index. They come after live changes,
/// a batch in each commit, so that neither an import nor a new name of a large customer delays what people write meanwhile.
#[derive(Default)]
struct Backlog {
    /// With the position before the event that changed the ticket.
    waiting: VecDeque<(Cursor, TicketId)>,
    known: HashSet<TicketId>,
    renamed: VecDeque<Renaming>,
}

/// The tickets that are searched by a changed name.
#[derive(Debug, PartialEq)]
struct Renaming {
    /// The position before the event that changed the name.
    before: Cursor,
    source: TextSource,
    /// Up to here they are indexed.
    after: Option<TicketId>,
}

/// Beyond it imported tickets are indexed in the order of the log again. 32 bytes each.
const BACKLOG_MAX: usize = 1_000_000;

impl Backlog {
    fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.renamed.is_empty()
    }

    fn first(&self) -> Option<Cursor> {
        let imported = self.waiting.front().map(|(before, _)| *before);
        let renamed = self.renamed.front().map(|renaming| renaming.before);
        [imported, renamed].into_iter().flatten().min()
    }

    /// Puts imported tickets at the end, and returns the other ones. `before` is the position before the changes.
    fn split(&mut self, changes: impl Iterator<Item = Change>, mut before: Cursor) -> Vec<TicketId> {
        let mut live = BTreeSet::new();
        for Change { at, ticket, imported, name } in changes {
            if let Some(source) = name {
                let is_waiting = |of: &Renaming| of.source == source && of.after.is_none();
                if !self.renamed.iter().any(is_waiting) {
                    self.renamed.push_back(Renaming { before, source, after: None });
                }
            }
            if let Some(ticket) = ticket {
                if !imported || self.waiting.len() >= BACKLOG_MAX {
                    live.insert(ticket);
                } else if self.known.insert(ticket) {
                    self.waiting.push_back((before, ticket));
                }
            }
            before = at;
        }
        live.into_iter().collect()
    }

    /// Takes the next batch out.
    fn take(&mut self) -> Vec<TicketId> {
        let batch: Vec<TicketId> =
            self.waiting.drain(..self.waiting.len().min(BATCH)).map(|(_, ticket)| ticket).collect();
        batch.iter().for_each(|ticket| _ = self.known.remove(ticket));
        batch
    }

    /// A page of the tickets of the first name was read, up to `last`; the last page is not full.
    fn page_was_read(&mut self, last: Option<TicketId>, is_full: bool) {
        match self.renamed.front_mut().filter(|_| is_full) {
            Some(renaming) => renaming.after = last,
            None => drop(self.renamed.pop_front()),
        }
    }
}

/// The next page of tickets with a changed name.
async fn next_renamed(app: &Arc<App>, backlog: &mut Backlog) -> Result<Vec<IndexedTicket>> {
    let Some(Renaming { source, after, .. }) = backlog.renamed.front() else { return Ok(Vec::new()) };
    let of = IndexedSubset::Named(source.clone());
    let tickets = indexed_tickets_after(app.db.read(), &of, *after, BATCH as u64).await?;
    backlog.page_was_read(tickets.last().map(|last| last.ticket.id), tickets.len() == BATCH);
    Ok(tickets)
}

/// Indexes the current state of these tickets in one commit.
async fn apply(
    app: &Arc<App>,
    live: &[TicketId],
    imported: &[TicketId],
    renamed: &[IndexedTicket],
    indexed: Cursor,
) -> Result<()> {
    // After a restart the same rows are read again; that changes nothing.
    let mut changes = Vec::with_capacity(live.len() + imported.len() + renamed.len());
    changes.extend(renamed.iter().map(|ticket| search::Change::Put(document(ticket))));
    for ids in live.chunks(BATCH).chain(imported.chunks(BATCH)) {
        let tickets = indexed_tickets(app.db.read(), ids).await?;
        changes.extend(tickets.iter().map(|ticket| search::Change::Put(document(ticket))));
    }
    if changes.is_empty() { Ok(()) } else { put(app, changes, indexed).await }
}

/// Whether a ticket is confidential can follow from its team or issue type: all of them are indexed anew.
async fn reindex_confidential(app: &Arc<App>, rows: &[Row], indexed: Cursor) -> Result<()> {
    for cause in rows.iter().filter_map(|row| row.event.get().and_then(changed_confidentiality)) {
        let (mut after, of) = (None, IndexedSubset::Confidentiality(cause));
        loop {
            let tickets = indexed_tickets_after(app.db.read(), &of, after, BATCH as u64).await?;
            let Some(last) = tickets.last() else { break };
            after = Some(last.ticket.id);
            put(app, tickets.iter().map(|ticket| search::Change::Put(document(ticket))).collect(), indexed).await?;
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
        let tickets = indexed_tickets_after(app.db.read(), &IndexedSubset::All, after, BATCH as u64).await?;
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
    states.insert::<Arc<dyn CaseFinder>>(Arc::new(SimilarCaseFinder));
}

/// Lists similar cases in the message about an assignment.
struct SimilarCaseLines;

impl MessageEnricher for SimilarCaseLines {
    fn lines(&self, cx: Ctx, ticket: TicketId, recipient: UserId, locale: Locale) -> BoxFuture<'static, Vec<String>> {
        Box::pin(queries::message_lines(cx, ticket, recipient, locale))
    }
}

/// Finds who solved similar tickets.
struct SimilarCaseFinder;

impl CaseFinder for SimilarCaseFinder {
    fn find(&self, cx: Ctx, ticket: Ticket, max: usize) -> BoxFuture<'static, Result<Vec<SolvedCase>>> {
        Box::pin(queries::solved_cases(cx, ticket, max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn ticket(n: u128) -> TicketId {
        TicketId(Uuid::from_u128(n))
    }

    fn at(seq: i64) -> Cursor {
        Cursor { xid: 0, seq }
    }

    fn imported(seq: i64, n: u128) -> Change {
        Change { at: at(seq), ticket: Some(ticket(n)), imported: true, name: None }
    }

    fn renamed(seq: i64, product: &str) -> Change {
        let name = Some(TextSource::Product(product.to_owned()));
        Change { at: at(seq), ticket: None, imported: false, name }
    }

    #[test]
    fn imported_tickets_wait_behind_live_ones_and_hold_the_position_back() {
        let mut backlog = Backlog::default();
        let live = Change { at: at(4), ticket: Some(ticket(9)), imported: false, name: None };
        let other = Change { at: at(5), ticket: None, imported: false, name: None };
        let changes = [imported(2, 1), imported(3, 1), live, other, imported(6, 2)];
        assert_eq!(backlog.split(changes.into_iter(), at(1)), [ticket(9)]);
        assert_eq!(backlog.first(), Some(at(1)), "before the first ticket that waits");
        assert_eq!(backlog.take(), [ticket(1), ticket(2)]);
        assert_eq!(backlog.first(), None);
        // What changes again after it was taken waits again.
        backlog.split([imported(7, 1)].into_iter(), at(6));
        assert_eq!((backlog.first(), backlog.take()), (Some(at(6)), vec![ticket(1)]));
    }

    #[test]
    fn tickets_with_a_changed_name_wait_by_pages_and_hold_the_position_back() {
        let mut backlog = Backlog::default();
        let changes = [renamed(2, "A"), renamed(3, "B"), renamed(4, "A")];
        assert!(backlog.split(changes.into_iter(), at(1)).is_empty());
        assert_eq!((backlog.renamed.len(), backlog.first()), (2, Some(at(1))), "each name once");
        backlog.page_was_read(Some(ticket(500)), true);
        assert_eq!((backlog.renamed[0].after, backlog.first()), (Some(ticket(500)), Some(at(1))));
        // Renamed again after a part was read: from the beginning, behind the others.
        backlog.split([renamed(5, "A")].into_iter(), at(4));
        assert_eq!(backlog.renamed.len(), 3);
        backlog.page_was_read(Some(ticket(600)), false);
        assert_eq!(backlog.first(), Some(at(2)));
        backlog.page_was_read(None, false);
        assert_eq!(backlog.first(), Some(at(4)));
        backlog.page_was_read(None, false);
        assert!(backlog.is_empty());
    }

    #[test]
    fn a_batch_is_bounded() {
        let mut backlog = Backlog::default();
        backlog.split((1..=1_200).map(|n| imported(n, u128::try_from(n).unwrap())), at(0));
        let taken: Vec<usize> = std::iter::from_fn(|| Some(backlog.take().len()).filter(|len| *len > 0)).collect();
        assert_eq!(taken, [500, 500, 200]);
    }
}
