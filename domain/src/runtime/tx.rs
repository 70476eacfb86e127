//! One transaction with one frozen `now`. It records events and runs reactions; the feed is woken after the commit.

use std::sync::Arc;

use futures::future::BoxFuture;
use tracing::Instrument as _;
use uuid::Uuid;

use super::db::WriteTx;
use super::log::{self, NewRow};
use super::ports::WakeupTopic;
use super::{AnyEvent, App, Ctx, Executor, LogEvent};
use crate::kernel::id::uuid_v7;
use crate::kernel::{Actor, Error, Result, Timestamp, boxed};

pub struct Tx {
    pub cx: Ctx,
    pub now: Timestamp,
    tx: WriteTx,
    events: Vec<AnyEvent>,
    rows: Vec<NewRow>,
    wakes_workers: bool,
    /// The job that runs in this transaction.
    pub(super) job: Option<RunningJob>,
}

#[derive(Debug)]
pub(super) struct RunningJob {
    pub kind: String,
    pub subject: String,
    /// When to run it again, because this transaction has scheduled it again.
    pub reschedule_at: Option<Timestamp>,
}

/// Log rows per statement.
const APPEND_BATCH: usize = 500;

impl Tx {
    pub(super) async fn begin(cx: Ctx) -> Result<Self> {
        let tx = cx.app.db.begin().await?;
        // Read after the wait for the write turn, so that time does not run backwards between two changes of one row.
        let now = cx.now();
        Ok(Self { cx, now, tx, events: Vec::new(), rows: Vec::new(), wakes_workers: false, job: None })
    }

    pub fn conn(&self) -> &Executor {
        self.tx.conn()
    }

    pub fn app(&self) -> &Arc<App> {
        &self.cx.app
    }

    pub fn actor(&self) -> &Actor {
        &self.cx.actor
    }

    pub fn new_uuid(&self) -> Uuid {
        uuid_v7(self.now, &*self.cx.app.entropy)
    }

    /// Records an event by the actor of this transaction, now, and runs the reactions to it in the same transaction.
    pub fn record<E: LogEvent>(&mut self, event: E) -> BoxFuture<'_, Result<()>> {
        self.rows.push(NewRow::of(&self.cx, self.now, &event));
        self.react(AnyEvent::new(event))
    }

    /// Records an imported event with its own time; no reactions run.
    pub fn record_imported<E: LogEvent>(&mut self, event: E, at: Timestamp) {
        self.rows.push(NewRow::of(&self.cx, at, &event));
        self.events.push(AnyEvent::new(event));
    }

    #[boxed]
    async fn react(&mut self, event: AnyEvent) -> Result<()> {
        let modules = self.cx.app.modules;
        modules.react(self, &event).await?;
        self.events.push(event);
        Ok(())
    }

    /// Wakes the workers after the commit.
    pub fn wake_workers(&mut self) {
        self.wakes_workers = true;
    }

    /// Rolls the transaction back after an error.
    pub async fn rollback(self, error: &Error) {
        self.tx.rollback(error).await;
    }

    /// Makes the change durable, then publishes it. A caller that is cancelled does not interrupt this: every commit is
    /// published.
    #[boxed]
    pub async fn commit(self) -> Result<()> {
        tokio::spawn(self.commit_and_publish().in_current_span()).await.map_err(Error::internal)?
    }

    async fn commit_and_publish(self) -> Result<()> {
        let Self { cx, now: _, tx, events, rows, wakes_workers, job: _ } = self;
        for rows in rows.chunks(APPEND_BATCH) {
            if let Err(error) = log::append(tx.conn(), rows).await {
                tx.rollback(&error).await;
                return Err(error);
            }
        }
        tx.commit().await?;
        for event in &events {
            cx.app.modules.observe(&cx.app, event);
        }
        if !events.is_empty() {
            cx.app.wakeups.wake(WakeupTopic::Log);
        }
        if wakes_workers {
            cx.app.wakeups.wake(WakeupTopic::Jobs);
        }
        Ok(())
    }
}
