//! One transaction, one frozen `now`. Events are recorded in it; reactions run in it; the feed wakes after the commit.

use std::sync::Arc;

use sea_orm::DatabaseTransaction;
use tracing::Instrument as _;
use uuid::Uuid;

use super::db::WriteTx;
use super::log::{self, NewRow};
use super::{App, Ctx};
use crate::event::Event;
use crate::kernel::id::uuid_v7;
use crate::kernel::{Actor, Error, Result, Timestamp};

pub struct Tx {
    pub cx: Ctx,
    pub now: Timestamp,
    tx: WriteTx,
    events: Vec<Event>,
    rows: Vec<NewRow>,
    rings: bool,
    /// The job that runs in it, and when it is to run again because something in here has planted it anew.
    pub(super) job: Option<RunningJob>,
}

#[derive(Debug)]
pub(super) struct RunningJob {
    pub kind: String,
    pub subject: String,
    pub again: Option<Timestamp>,
}

/// Rows of the log that one statement carries.
const APPEND_BATCH: usize = 500;

impl Tx {
    pub(super) async fn begin(cx: Ctx) -> Result<Self> {
        let tx = cx.app.db.begin().await?;
        // Taken after the wait for the turn: time never runs backwards between two changes of one row.
        let now = cx.now();
        Ok(Self { cx, now, tx, events: Vec::new(), rows: Vec::new(), rings: false, job: None })
    }

    pub fn conn(&self) -> &DatabaseTransaction {
        self.tx.conn()
    }

    pub fn app(&self) -> &Arc<App> {
        &self.cx.app
    }

    pub fn actor(&self) -> &Actor {
        &self.cx.actor
    }

    pub fn new_uuid(&self) -> Uuid {
        uuid_v7(self.now, &*self.cx.app.chance)
    }

    /// Records what happened, by the actor of this transaction, now; and lets others react in the same transaction.
    pub async fn record(&mut self, event: Event) -> Result<()> {
        let row = NewRow::of(&self.cx, self.now, &event);
        self.record_row(event, row).await
    }

    /// Records what happened elsewhere and earlier (import): nobody reacts.
    pub fn record_history(&mut self, event: Event, at: Timestamp) {
        self.rows.push(NewRow::of(&self.cx, at, &event));
        self.events.push(event);
    }

    async fn record_row(&mut self, event: Event, row: NewRow) -> Result<()> {
        self.rows.push(row);
        let reaction = self.cx.app.wiring.reaction;
        reaction(self, &event).await?;
        self.events.push(event);
        Ok(())
    }

    /// The worker is to look at the job table once this is committed.
    pub fn ring_jobs(&mut self) {
        self.rings = true;
    }

    /// Ends the transaction after an error: nothing of it stays.
    pub async fn abandon(self, error: &Error) {
        self.tx.abandon(error).await;
    }

    /// Makes the change durable; only then does anyone hear of it. A caller that goes away does not stop it halfway:
    /// what was committed is also told.
    pub async fn commit(self) -> Result<()> {
        tokio::spawn(self.commit_and_tell().in_current_span()).await.map_err(Error::internal)?
    }

    async fn commit_and_tell(self) -> Result<()> {
        let Self { cx, now: _, tx, events, rows, rings, job: _ } = self;
        for rows in rows.chunks(APPEND_BATCH) {
            if let Err(error) = log::append(tx.conn(), rows).await {
                tx.abandon(&error).await;
                return Err(error);
            }
        }
        tx.commit().await?;
        for event in &events {
            (cx.app.wiring.observer)(&cx.app, event);
        }
        if !events.is_empty() {
            cx.app.feed.wake();
        }
        if rings {
            cx.app.jobs_bell.notify_waiters();
        }
        Ok(())
    }
}
