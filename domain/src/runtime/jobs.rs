//! Durable jobs: rows written in the transaction that causes them. A job is a wake-up and stores no decision: its handler
//! loads the current state and decides then. Deciding and finishing the job are one transaction.

use std::collections::HashSet;

use futures::future::BoxFuture;
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, LockBehavior, LockType, OnConflict, Query, SimpleExpr};
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect};

use super::ports::Outcome;
use super::store::job;
use super::tx::RunningJob;
use super::{App, Engine, Executor, Tx};
use crate::kernel::{Error, JobId, Result, Timestamp, boxed, days, seconds};

/// What happens to a job after its handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Done,
    /// Run again at this instant.
    At(Timestamp),
}

/// Runs a job inside the transaction that also finishes it.
pub type Handler = for<'t> fn(&'t mut Tx, &'t Job) -> BoxFuture<'t, Result<Next>>;

/// The first phase of a job that sends, in a transaction that is committed before anything leaves the process.
pub enum SendAttempt {
    /// There is nothing to send now.
    Skip(Next),
    /// The attempt is recorded; the future sends.
    Send(BoxFuture<'static, Outcome>),
}

pub type BeginSend = for<'t> fn(&'t mut Tx, &'t Job) -> BoxFuture<'t, Result<SendAttempt>>;

/// The second phase: records the outcome in the transaction that finishes the job.
pub type CompleteSend = for<'t> fn(&'t mut Tx, &'t Job, Outcome) -> BoxFuture<'t, Result<Next>>;

/// The second half of a job whose first half never sends.
#[boxed]
pub async fn nothing_was_sent(_tx: &mut Tx, job: &Job, _outcome: Outcome) -> Result<Next> {
    Err(Error::internal(format!("jobs of kind {:?} send nothing", job.kind)))
}

/// A claimed job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub id: JobId,
    pub kind: String,
    pub subject: String,
    pub run_at: Timestamp,
    pub attempts: i32,
    pub fence: i64,
}

/// How long a claim lasts; after a crash, jobs wait no longer than this. A slower worker loses the job to another one and
/// cannot finish it (the fence).
const LEASE: std::time::Duration = seconds(15);
/// The lease while something is being sent; every adapter times out earlier.
pub const SEND_LEASE: std::time::Duration = seconds(60);
/// Jobs per claim.
pub const CLAIM_MAX: u64 = 32;
/// After this many failures a job is a dead letter: stored, counted and shown by `buoy doctor`, but not retried.
const ATTEMPTS_MAX: i32 = 20;
const BACK_OFF_MAX: std::time::Duration = days(1);

/// The queue of jobs that decide. Jobs that send have their own queues, so that a failing partner delays nobody else.
pub const DECISION_QUEUE: &str = "";

/// A job to schedule: there is at most one of a kind for a subject.
#[derive(Clone, Copy)]
pub struct Schedule<'a> {
    queue: &'a str,
    kind: &'a str,
    subject: &'a str,
    at: Timestamp,
    if_scheduled: IfScheduled,
}

/// What becomes of the job if it is scheduled already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum IfScheduled {
    /// It is moved to the new time. A running job starts again.
    Move,
    /// It is moved only to an earlier time. A running job starts again.
    KeepEarlier,
    /// It is moved only to an earlier time. A running job continues, and checks for more work before it ends ([`lock`]).
    KeepEarlierAndRunning,
    /// It stays as it is.
    Keep,
}

impl<'a> Schedule<'a> {
    /// A job that decides; one that is scheduled already is moved.
    pub const fn new(kind: &'a str, subject: &'a str, at: Timestamp) -> Self {
        Self { queue: DECISION_QUEUE, kind, subject, at, if_scheduled: IfScheduled::Move }
    }

    /// In a queue of jobs that send or work for long.
    pub const fn in_queue(self, queue: &'a str) -> Self {
        Self { queue, ..self }
    }

    pub const fn if_scheduled(self, if_scheduled: IfScheduled) -> Self {
        Self { if_scheduled, ..self }
    }
}

/// Schedules jobs. The running job is rescheduled when it finishes.
pub async fn schedule(tx: &mut Tx, jobs: &[Schedule<'_>]) -> Result<()> {
    for group in jobs.chunk_by(|one, next| one.if_scheduled == next.if_scheduled) {
        let rows = rows(tx, group);
        if let Some(job) = group.first().filter(|_| !rows.is_empty()) {
            let on_conflict = job.if_scheduled.on_conflict(tx.now);
            job::Entity::insert_many(rows).on_conflict(on_conflict).exec_without_returning(tx.conn()).await?;
            tx.wake_workers();
        }
    }
    Ok(())
}

impl IfScheduled {
    fn on_conflict(self, now: Timestamp) -> OnConflict {
        let scheduled = |column: job::Column| Expr::col((job::Entity, column));
        let new_at = Expr::col((Alias::new("excluded"), job::Column::RunAt));
        let run_at: SimpleExpr = match self {
            Self::Move => new_at,
            Self::KeepEarlier | Self::KeepEarlierAndRunning => {
                let at = scheduled(job::Column::RunAt);
                Expr::case(at.clone().lt(new_at.clone()), at).finally(new_at).into()
            }
            Self::Keep => {
                return OnConflict::columns([job::Column::Kind, job::Column::Subject]).do_nothing().to_owned();
            }
        };
        // A new fence invalidates the claim of a worker.
        let (no_lease, next_fence) = (Expr::value(Option::<i64>::None), scheduled(job::Column::Fence).add(1));
        let unless_running = |column: job::Column, value: SimpleExpr| -> SimpleExpr {
            let is_running = scheduled(job::Column::LeaseUntil).gt(now);
            match self {
                Self::KeepEarlierAndRunning => Expr::case(is_running, scheduled(column)).finally(value).into(),
                _ => value,
            }
        };
        OnConflict::columns([job::Column::Kind, job::Column::Subject])
            .update_columns([job::Column::Attempts, job::Column::BuriedAt, job::Column::LastError])
            .value(job::Column::RunAt, run_at)
            .value(job::Column::LeaseUntil, unless_running(job::Column::LeaseUntil, no_lease))
            .value(job::Column::Fence, unless_running(job::Column::Fence, next_fence))
            .to_owned()
    }
}

/// The rows of jobs, without the running one.
fn rows(tx: &mut Tx, jobs: &[Schedule<'_>]) -> Vec<job::ActiveModel> {
    if let Some(running) = &mut tx.job {
        // The worker owns the row of the running job, so the job is rescheduled when it finishes.
        for job in jobs {
            if running.is(job) && job.if_scheduled != IfScheduled::Keep {
                running.reschedule_at = Some(running.reschedule_at.map_or(job.at, |before| Ord::min(before, job.at)));
            }
        }
    }
    let is_running = |job: &Schedule<'_>| tx.job.as_ref().is_some_and(|running| running.is(job));
    let row = |job: &Schedule<'_>| job::ActiveModel {
        id: Set(JobId(tx.new_uuid())),
        lane: Set(job.queue.to_owned()),
        kind: Set(job.kind.to_owned()),
        subject: Set(job.subject.to_owned()),
        run_at: Set(job.at),
        attempts: Set(0),
        lease_until: Set(None),
        fence: Set(0),
        buried_at: Set(None),
        last_error: Set(None),
    };
    jobs.iter().filter(|job| !is_running(job)).map(row).collect()
}

impl RunningJob {
    fn is(&self, job: &Schedule<'_>) -> bool {
        self.kind == job.kind && self.subject == job.subject
    }
}

/// Locks the row of a job: a later [`schedule`] waits for the end of this transaction, and earlier ones are visible.
#[boxed]
pub async fn lock(tx: &Tx, job: &Job) -> Result<()> {
    job::Entity::update_many()
        .col_expr(job::Column::Attempts, Expr::col(job::Column::Attempts))
        .filter(job::Column::Id.eq(job.id))
        .filter(job::Column::Fence.eq(job.fence))
        .exec(tx.conn())
        .await?;
    Ok(())
}

/// The subjects of those that have a job of a kind, without dead letters.
pub async fn scheduled(tx: &Tx, kind: &str, subjects: Vec<String>) -> Result<HashSet<String>> {
    let rows = job::Entity::find()
        .select_only()
        .column(job::Column::Subject)
        .filter(job::Column::Kind.eq(kind))
        .filter(job::Column::Subject.is_in(subjects))
        .filter(job::Column::BuriedAt.is_null())
        .into_tuple::<String>()
        .all(tx.conn())
        .await?;
    Ok(rows.into_iter().collect())
}

/// Whether a job is scheduled.
pub async fn is_scheduled(tx: &Tx, kind: &str, subject: &str) -> Result<bool> {
    let row = job::Entity::find()
        .filter(job::Column::Kind.eq(kind))
        .filter(job::Column::Subject.eq(subject))
        .one(tx.conn())
        .await?;
    Ok(row.is_some())
}

/// The subjects of all scheduled jobs of a kind.
pub async fn scheduled_subjects(tx: &Tx, kind: &str) -> Result<Vec<String>> {
    let select = job::Entity::find().select_only().column(job::Column::Subject).filter(job::Column::Kind.eq(kind));
    Ok(select.into_tuple().all(tx.conn()).await?)
}

/// Cancels a scheduled job.
#[boxed]
pub async fn cancel(tx: &Tx, kind: &str, subject: &str) -> Result<()> {
    job::Entity::delete_many()
        .filter(job::Column::Kind.eq(kind))
        .filter(job::Column::Subject.eq(subject))
        .exec(tx.conn())
        .await?;
    Ok(())
}

fn is_claimable(now: Timestamp) -> Condition {
    let lease = Condition::any()
        .add(job::Column::LeaseUntil.is_null())
        .add(job::Column::LeaseUntil.lte(now))
        // No lease is this long; the clock was set back after it was taken.
        .add(job::Column::LeaseUntil.gt(now + SEND_LEASE));
    Condition::all().add(job::Column::BuriedAt.is_null()).add(lease)
}

/// Releases the leases of a previous process. Only safe where no other process can hold one.
pub(super) async fn release_leases(tx: &Tx) -> Result<()> {
    job::Entity::update_many()
        .col_expr(job::Column::LeaseUntil, Expr::value(Option::<i64>::None))
        .filter(job::Column::LeaseUntil.is_not_null())
        .exec(tx.conn())
        .await?;
    Ok(())
}

/// Claims the due jobs of a queue by lease.
pub(super) async fn claim(tx: &Tx, queue: &str, max: u64) -> Result<Vec<Job>> {
    let mut due = Query::select();
    due.column(job::Column::Id)
        .from(job::Entity)
        .cond_where(is_claimable(tx.now).add(job::Column::Lane.eq(queue)).add(job::Column::RunAt.lte(tx.now)))
        .order_by(job::Column::RunAt, Order::Asc)
        .limit(max);
    if tx.app().db.engine == Engine::Postgres {
        due.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    let claimed = job::Entity::update_many()
        .col_expr(job::Column::LeaseUntil, Expr::value(tx.now + LEASE))
        .col_expr(job::Column::Fence, Expr::col(job::Column::Fence).add(1))
        .filter(Expr::col(job::Column::Id).in_subquery(due))
        .exec_with_returning(tx.conn())
        .await?;
    let mut jobs: Vec<Job> = claimed
        .into_iter()
        .map(|row| {
            let job::Model { id, kind, subject, run_at, attempts, fence, .. } = row;
            Job { id, kind, subject, run_at, attempts, fence }
        })
        .collect();
    jobs.sort_by_key(|job| (job.run_at, job.id));
    Ok(jobs)
}

/// Extends a lease while something is sent; `false` if the claim was lost.
pub(super) async fn extend_lease(tx: &Tx, job: &Job) -> Result<bool> {
    let extended = job::Entity::update_many()
        .col_expr(job::Column::LeaseUntil, Expr::value(tx.now + SEND_LEASE))
        .filter(job::Column::Id.eq(job.id))
        .filter(job::Column::Fence.eq(job.fence))
        .exec(tx.conn())
        .await?;
    Ok(extended.rows_affected == 1)
}

/// Finishes a claimed job, or reschedules it; `false` if the claim was lost.
pub(super) async fn finish(tx: &Tx, job: &Job, next: Next) -> Result<bool> {
    let claimed = Condition::all().add(job::Column::Id.eq(job.id)).add(job::Column::Fence.eq(job.fence));
    let touched = match next {
        Next::Done => job::Entity::delete_many().filter(claimed).exec(tx.conn()).await?.rows_affected,
        Next::At(run_at) => {
            job::Entity::update_many()
                .col_expr(job::Column::RunAt, Expr::value(run_at))
                .col_expr(job::Column::LeaseUntil, Expr::value(Option::<i64>::None))
                .col_expr(job::Column::Attempts, Expr::value(0))
                .filter(claimed)
                .exec(tx.conn())
                .await?
                .rows_affected
        }
    };
    Ok(touched == 1)
}

/// Records a failure: the job is retried later, and becomes a dead letter after too many failures.
pub(super) async fn fail(tx: &Tx, job: &Job, error: &str) -> Result<()> {
    let attempts = job.attempts + 1;
    let buried_at = (attempts >= ATTEMPTS_MAX).then_some(tx.now);
    let error: String = error.chars().take(500).collect();
    job::Entity::update_many()
        .col_expr(job::Column::Attempts, Expr::value(attempts))
        .col_expr(job::Column::RunAt, Expr::value(tx.now + back_off(attempts)))
        .col_expr(job::Column::LeaseUntil, Expr::value(Option::<i64>::None))
        .col_expr(job::Column::BuriedAt, Expr::value(buried_at))
        .col_expr(job::Column::LastError, Expr::value(error))
        .filter(job::Column::Id.eq(job.id))
        .filter(job::Column::Fence.eq(job.fence))
        .exec(tx.conn())
        .await?;
    Ok(())
}

/// 2 s, 4 s, 8 s … up to a day.
fn back_off(attempts: i32) -> std::time::Duration {
    let exponent = Ord::min(u32::try_from(attempts).unwrap_or(0), 20);
    Ord::min(seconds(2_u64.saturating_pow(exponent)), BACK_OFF_MAX)
}

/// When the next job of a queue may be claimed.
pub async fn next_due(app: &App, queue: &str) -> Result<Option<Timestamp>> {
    let row = job::Entity::find()
        .select_only()
        .column(job::Column::RunAt)
        .column(job::Column::LeaseUntil)
        .filter(job::Column::Lane.eq(queue))
        .filter(job::Column::BuriedAt.is_null())
        .order_by(job::Column::RunAt, Order::Asc)
        .limit(CLAIM_MAX + 1)
        .into_tuple::<(Timestamp, Option<Timestamp>)>()
        .all(app.db.read())
        .await?;
    let latest = app.now() + SEND_LEASE;
    let at = |(run_at, lease): (Timestamp, Option<Timestamp>)| match lease {
        // A longer lease means that the clock was set back after it was taken.
        Some(lease) if lease <= latest => Ord::max(lease, run_at),
        _ => run_at,
    };
    Ok(row.into_iter().map(at).min())
}

/// Jobs that are due now, and dead letters; read by `doctor`, by metrics and at the end of every test.
#[boxed]
pub async fn backlog(conn: &Executor, now: Timestamp) -> Result<Backlog> {
    let count = |condition: Condition| {
        job::Entity::find().select_only().column_as(job::Column::Id.count(), "n").filter(condition).into_tuple::<i64>()
    };
    let due = Condition::all().add(job::Column::BuriedAt.is_null()).add(job::Column::RunAt.lte(now));
    let dead_letters = Condition::all().add(job::Column::BuriedAt.is_not_null());
    Ok(Backlog {
        due: count(due).one(conn).await?.unwrap_or(0),
        dead_letters: count(dead_letters).one(conn).await?.unwrap_or(0),
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    pub due: i64,
    pub dead_letters: i64,
}

/// A job that failed too often and is not retried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    pub kind: String,
    pub subject: String,
    pub last_error: String,
}

/// The oldest dead letters, at most `max`.
#[boxed]
pub async fn dead_letters(conn: &Executor, max: u64) -> Result<Vec<DeadLetter>> {
    let rows = job::Entity::find()
        .filter(job::Column::BuriedAt.is_not_null())
        .order_by(job::Column::BuriedAt, Order::Asc)
        .limit(max)
        .all(conn)
        .await?;
    let dead_letter = |row: job::Model| DeadLetter {
        kind: row.kind,
        subject: row.subject,
        last_error: row.last_error.unwrap_or_default(),
    };
    Ok(rows.into_iter().map(dead_letter).collect())
}

/// Makes every dead letter due again; returns how many there were.
#[boxed]
pub async fn retry_dead_letters(tx: &mut Tx) -> Result<u64> {
    let retried = job::Entity::update_many()
        .col_expr(job::Column::BuriedAt, Expr::value(Option::<i64>::None))
        .col_expr(job::Column::Attempts, Expr::value(0))
        .col_expr(job::Column::RunAt, Expr::value(tx.now))
        .filter(job::Column::BuriedAt.is_not_null())
        .exec(tx.conn())
        .await?;
    tx.wake_workers();
    Ok(retried.rows_affected)
}
