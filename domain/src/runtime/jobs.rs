//! Durable jobs: rows written in the transaction that causes them. A job is a wake-up, never a verdict: its handler
//! loads the state as it is now and decides again. Deciding and ending the job are one transaction.

use futures::future::BoxFuture;
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, LockBehavior, LockType, OnConflict, Query, SimpleExpr};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect,
};

use super::store::job;
use super::tx::RunningJob;
use super::{App, Engine, Tx};
use crate::kernel::{JobId, Result, Timestamp, days, seconds};

/// What a handler makes of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Done,
    /// Wake again at this instant.
    At(Timestamp),
}

/// Runs a job inside the transaction that also ends it.
pub type Handler = for<'t> fn(&'t mut Tx, &'t Job) -> BoxFuture<'t, Result<Next>>;

/// What came of sending something out of the process, or of long work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The other side has taken it; by its own id, where it gives one.
    Sent { id: Option<String> },
    /// Not now; perhaps later, at the earliest after this.
    Later { why: String, after: std::time::Duration },
    /// It may have been taken: the other side was reached, and did not say.
    Unknown { why: String },
    /// Not at all.
    Refused { why: String },
    /// Not at all: the other side does not know our credential any more.
    Denied { why: String },
    /// Nothing left: what was looked up outside any transaction.
    Found(serde_json::Value),
}

/// The first half of a job that sends, in a transaction that is committed before anything leaves the process.
pub enum Prepared {
    /// Nothing is to be sent (now).
    Ended(Next),
    /// Its attempt is recorded: to be sent.
    Send(BoxFuture<'static, Outcome>),
}

pub type Prepare = for<'t> fn(&'t mut Tx, &'t Job) -> BoxFuture<'t, Result<Prepared>>;

/// The second half: the outcome is recorded in the transaction that ends the job.
pub type Settle = for<'t> fn(&'t mut Tx, &'t Job, Outcome) -> BoxFuture<'t, Result<Next>>;

/// How jobs that send are run: attempt recorded and committed, sent outside any transaction, outcome recorded. After a crash
/// in between, `prepare` finds the attempt without an outcome.
#[derive(Clone, Copy)]
pub struct Sending {
    /// Each is run by itself.
    pub lanes: &'static [&'static str],
    /// How many jobs of a lane are under way at a time.
    pub width: fn(&str) -> usize,
    pub prepare: Prepare,
    pub settle: Settle,
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

/// A claim lasts this long: after a crash its jobs wait no longer. Whoever is slower has lost the job to another worker,
/// and cannot end it (the fence).
const LEASE: std::time::Duration = seconds(15);
/// A claim while something is being sent; every adapter gives up earlier.
pub const SEND_LEASE: std::time::Duration = seconds(60);
/// Jobs claimed at once.
pub const CLAIM_MAX: u64 = 32;
/// After so many failures a job is buried: kept, counted, shown by `buoy doctor`, no longer tried.
const ATTEMPTS_MAX: i32 = 20;
const BACK_OFF_MAX: std::time::Duration = days(1);

/// The lane of jobs that decide. Others send, each lane by itself, so that a partner who fails delays nobody else.
pub const DECIDING: &str = "";

/// Plants a wake-up, or moves the one that stands for the same subject.
pub async fn plant(tx: &mut Tx, kind: &str, subject: &str, run_at: Timestamp) -> Result<()> {
    plant_all(tx, &[(kind, subject, run_at)]).await
}

/// Several at once.
pub async fn plant_all(tx: &mut Tx, jobs: &[(&str, &str, Timestamp)]) -> Result<()> {
    put(tx, DECIDING, jobs, Expr::col((Alias::new("excluded"), job::Column::RunAt))).await
}

/// The same, but a wake-up that stands earlier stays.
pub async fn plant_earlier(tx: &mut Tx, kind: &str, subject: &str, run_at: Timestamp) -> Result<()> {
    put(tx, DECIDING, &[(kind, subject, run_at)], earlier()).await
}

/// The same for jobs that send. One that runs begins anew.
pub async fn plant_earlier_in_lane(tx: &mut Tx, lane: &str, jobs: &[(&str, &str, Timestamp)]) -> Result<()> {
    put(tx, lane, jobs, earlier()).await
}

/// The same for a queue: whoever works on it goes on, and looks at it once more before it ends ([`lock`]).
pub async fn ring_in_lane(tx: &mut Tx, lane: &str, jobs: &[(&str, &str, Timestamp)]) -> Result<()> {
    if let Some(rows) = rows(tx, lane, jobs) {
        let now = tx.now;
        let held = || Expr::col((job::Entity, job::Column::LeaseUntil)).gt(now);
        let held_or = |column: job::Column, else_: SimpleExpr| -> SimpleExpr {
            Expr::case(held(), Expr::col((job::Entity, column))).finally(else_).into()
        };
        let mut moves = moves(earlier());
        moves
            .value(job::Column::LeaseUntil, held_or(job::Column::LeaseUntil, Expr::value(Option::<i64>::None)))
            .value(job::Column::Fence, held_or(job::Column::Fence, next_fence()));
        insert(tx, rows, moves).await?;
    }
    Ok(())
}

/// Whoever rings from here on waits until this transaction has ended; whoever rang before is seen.
pub async fn lock(tx: &Tx, job: &Job) -> Result<()> {
    job::Entity::update_many()
        .col_expr(job::Column::Attempts, Expr::col(job::Column::Attempts))
        .filter(job::Column::Id.eq(job.id))
        .filter(job::Column::Fence.eq(job.fence))
        .exec(tx.conn())
        .await?;
    Ok(())
}

fn earlier() -> SimpleExpr {
    let standing = Expr::col((job::Entity, job::Column::RunAt));
    let new = Expr::col((Alias::new("excluded"), job::Column::RunAt));
    Expr::case(standing.clone().lt(new.clone()), standing).finally(new).into()
}

/// Plants jobs that send.
pub async fn plant_in_lane(tx: &mut Tx, lane: &str, jobs: &[(&str, &str, Timestamp)]) -> Result<()> {
    put(tx, lane, jobs, Expr::col((Alias::new("excluded"), job::Column::RunAt))).await
}

async fn put(tx: &mut Tx, lane: &str, jobs: &[(&str, &str, Timestamp)], run_at: SimpleExpr) -> Result<()> {
    if let Some(rows) = rows(tx, lane, jobs) {
        let mut moves = moves(run_at);
        moves.update_columns([job::Column::LeaseUntil]).value(job::Column::Fence, next_fence());
        insert(tx, rows, moves).await?;
    }
    Ok(())
}

/// The rows of jobs, without the one that runs.
fn rows(tx: &mut Tx, lane: &str, jobs: &[(&str, &str, Timestamp)]) -> Option<Vec<job::ActiveModel>> {
    if let Some(running) = &mut tx.job {
        // The row of the job that runs is its worker's: it ends by moving.
        for (kind, subject, at) in jobs {
            if running.is(kind, subject) {
                running.again = Some(running.again.map_or(*at, |before| Ord::min(before, *at)));
            }
        }
    }
    let is_running = |kind: &str, subject: &str| tx.job.as_ref().is_some_and(|running| running.is(kind, subject));
    let rows: Vec<job::ActiveModel> = jobs
        .iter()
        .filter(|(kind, subject, _)| !is_running(kind, subject))
        .map(|(kind, subject, run_at)| job::ActiveModel {
            id: Set(JobId(tx.new_uuid())),
            lane: Set(lane.to_owned()),
            kind: Set((*kind).to_owned()),
            subject: Set((*subject).to_owned()),
            run_at: Set(*run_at),
            attempts: Set(0),
            lease_until: Set(None),
            fence: Set(0),
            buried_at: Set(None),
            last_error: Set(None),
        })
        .collect();
    (!rows.is_empty()).then_some(rows)
}

/// Whoever holds the old wake-up can no longer end this one.
fn next_fence() -> SimpleExpr {
    Expr::col((job::Entity, job::Column::Fence)).add(1)
}

/// What becomes of the wake-up that stands for the same subject.
fn moves(run_at: SimpleExpr) -> OnConflict {
    let mut moves = OnConflict::columns([job::Column::Kind, job::Column::Subject]);
    moves
        .update_columns([job::Column::Attempts, job::Column::BuriedAt, job::Column::LastError])
        .value(job::Column::RunAt, run_at);
    moves
}

async fn insert(tx: &mut Tx, rows: Vec<job::ActiveModel>, moves: OnConflict) -> Result<()> {
    job::Entity::insert_many(rows).on_conflict(moves).exec_without_returning(tx.conn()).await?;
    tx.ring_jobs();
    Ok(())
}

impl RunningJob {
    fn is(&self, kind: &str, subject: &str) -> bool {
        self.kind == kind && self.subject == subject
    }
}

/// Whether a wake-up is planted.
pub async fn stands(tx: &Tx, kind: &str, subject: &str) -> Result<bool> {
    let row = job::Entity::find()
        .filter(job::Column::Kind.eq(kind))
        .filter(job::Column::Subject.eq(subject))
        .one(tx.conn())
        .await?;
    Ok(row.is_some())
}

/// The subjects of all wake-ups of a kind.
pub async fn subjects(tx: &Tx, kind: &str) -> Result<Vec<String>> {
    let select = job::Entity::find().select_only().column(job::Column::Subject).filter(job::Column::Kind.eq(kind));
    Ok(select.into_tuple().all(tx.conn()).await?)
}

/// Takes a wake-up back.
pub async fn cancel(tx: &Tx, kind: &str, subject: &str) -> Result<()> {
    job::Entity::delete_many()
        .filter(job::Column::Kind.eq(kind))
        .filter(job::Column::Subject.eq(subject))
        .exec(tx.conn())
        .await?;
    Ok(())
}

fn free(now: Timestamp) -> Condition {
    let lease = Condition::any()
        .add(job::Column::LeaseUntil.is_null())
        .add(job::Column::LeaseUntil.lte(now))
        // Of a clock that was set back since: nobody holds a lease that long.
        .add(job::Column::LeaseUntil.gt(now + SEND_LEASE));
    Condition::all().add(job::Column::BuriedAt.is_null()).add(lease)
}

/// Frees what a process before held when it ended. Only where no other process can hold anything.
pub(super) async fn release(tx: &Tx) -> Result<()> {
    job::Entity::update_many()
        .col_expr(job::Column::LeaseUntil, Expr::value(Option::<i64>::None))
        .filter(job::Column::LeaseUntil.is_not_null())
        .exec(tx.conn())
        .await?;
    Ok(())
}

/// Claims what is due in a lane, by lease.
pub(super) async fn claim(tx: &Tx, lane: &str, max: u64) -> Result<Vec<Job>> {
    let mut due = Query::select();
    due.column(job::Column::Id)
        .from(job::Entity)
        .cond_where(free(tx.now).add(job::Column::Lane.eq(lane)).add(job::Column::RunAt.lte(tx.now)))
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

/// Keeps a claim while something is sent; `false` where it is no longer held.
pub(super) async fn hold_for_sending(tx: &Tx, job: &Job) -> Result<bool> {
    let held = job::Entity::update_many()
        .col_expr(job::Column::LeaseUntil, Expr::value(tx.now + SEND_LEASE))
        .filter(job::Column::Id.eq(job.id))
        .filter(job::Column::Fence.eq(job.fence))
        .exec(tx.conn())
        .await?;
    Ok(held.rows_affected == 1)
}

/// Ends a claimed job, or moves it; `false` where the claim is no longer held.
pub(super) async fn end(tx: &Tx, job: &Job, next: Next) -> Result<bool> {
    let held = Condition::all().add(job::Column::Id.eq(job.id)).add(job::Column::Fence.eq(job.fence));
    let touched = match next {
        Next::Done => job::Entity::delete_many().filter(held).exec(tx.conn()).await?.rows_affected,
        Next::At(run_at) => {
            job::Entity::update_many()
                .col_expr(job::Column::RunAt, Expr::value(run_at))
                .col_expr(job::Column::LeaseUntil, Expr::value(Option::<i64>::None))
                .col_expr(job::Column::Attempts, Expr::value(0))
                .filter(held)
                .exec(tx.conn())
                .await?
                .rows_affected
        }
    };
    Ok(touched == 1)
}

/// Records a failure: tried again later, and buried in the end.
pub(super) async fn fail(tx: &Tx, job: &Job, error: &str) -> Result<()> {
    let attempts = job.attempts + 1;
    let buried = (attempts >= ATTEMPTS_MAX).then_some(tx.now);
    let error: String = error.chars().take(500).collect();
    job::Entity::update_many()
        .col_expr(job::Column::Attempts, Expr::value(attempts))
        .col_expr(job::Column::RunAt, Expr::value(tx.now + back_off(attempts)))
        .col_expr(job::Column::LeaseUntil, Expr::value(Option::<i64>::None))
        .col_expr(job::Column::BuriedAt, Expr::value(buried))
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

/// When the next job of a lane may be claimed.
pub async fn next_due(app: &App, lane: &str) -> Result<Option<Timestamp>> {
    let row = job::Entity::find()
        .select_only()
        .column(job::Column::RunAt)
        .column(job::Column::LeaseUntil)
        .filter(job::Column::Lane.eq(lane))
        .filter(job::Column::BuriedAt.is_null())
        .order_by(job::Column::RunAt, Order::Asc)
        .limit(CLAIM_MAX + 1)
        .into_tuple::<(Timestamp, Option<Timestamp>)>()
        .all(app.db.read())
        .await?;
    let latest = app.now() + SEND_LEASE;
    let at = |(run_at, lease): (Timestamp, Option<Timestamp>)| match lease {
        // A longer one is of a clock that was set back since.
        Some(lease) if lease <= latest => Ord::max(lease, run_at),
        _ => run_at,
    };
    Ok(row.into_iter().map(at).min())
}

/// Jobs due now and not yet done, and jobs buried: what `doctor`, metrics and the end of every test look at.
pub async fn backlog(conn: &impl ConnectionTrait, now: Timestamp) -> Result<Backlog> {
    let count = |condition: Condition| {
        job::Entity::find().select_only().column_as(job::Column::Id.count(), "n").filter(condition).into_tuple::<i64>()
    };
    let due = Condition::all().add(job::Column::BuriedAt.is_null()).add(job::Column::RunAt.lte(now));
    let buried = Condition::all().add(job::Column::BuriedAt.is_not_null());
    Ok(Backlog { due: count(due).one(conn).await?.unwrap_or(0), buried: count(buried).one(conn).await?.unwrap_or(0) })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    pub due: i64,
    pub buried: i64,
}

/// A job that failed too often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buried {
    pub kind: String,
    pub subject: String,
    pub last_error: String,
}

/// The jobs buried first, at most `max`.
pub async fn buried(conn: &impl ConnectionTrait, max: u64) -> Result<Vec<Buried>> {
    let rows = job::Entity::find()
        .filter(job::Column::BuriedAt.is_not_null())
        .order_by(job::Column::BuriedAt, Order::Asc)
        .limit(max)
        .all(conn)
        .await?;
    let said = |row: job::Model| Buried {
        kind: row.kind,
        subject: row.subject,
        last_error: row.last_error.unwrap_or_default(),
    };
    Ok(rows.into_iter().map(said).collect())
}

/// Has every buried job tried again, from now; how many.
pub async fn retry_buried(tx: &mut Tx) -> Result<u64> {
    let retried = job::Entity::update_many()
        .col_expr(job::Column::BuriedAt, Expr::value(Option::<i64>::None))
        .col_expr(job::Column::Attempts, Expr::value(0))
        .col_expr(job::Column::RunAt, Expr::value(tx.now))
        .filter(job::Column::BuriedAt.is_not_null())
        .exec(tx.conn())
        .await?;
    tx.ring_jobs();
    Ok(retried.rows_affected)
}
