//! The worker: sleeps until the next job is due, claims due jobs and runs them. Jobs that decide run in one queue; jobs that
//! send have their own queues, so that a slow or unreachable partner delays only its own messages.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::jobs::{self, CLAIM_MAX, DECISION_QUEUE, Job, Next, SendAttempt};
use super::module::QueuedJob;
use super::ports::Outcome;
use super::ports::WakeupTopic;
use super::tx::RunningJob;
use super::{App, Ctx, Engine, Tx};
use crate::kernel::{Error, Result, boxed, seconds};

/// A queue checks for jobs at least this often, because jobs scheduled by other nodes do not notify this one.
const POLL_INTERVAL: Duration = seconds(10);

/// Runs every queue until stopped; a started job is finished.
#[boxed]
pub async fn run(app: Arc<App>, stop: CancellationToken) {
    // A data folder has one process, so the leases of a previous process can be released at once.
    if app.db.engine == Engine::Sqlite
        && let Err(error) = release_leases(&app).await
    {
        tracing::error!(%error, "cannot release the leases of the previous process; they will expire");
    }
    join_all(queues(&app).map(|queue| run_queue(app.clone(), queue, stop.clone()))).await;
}

async fn release_leases(app: &Arc<App>) -> Result<()> {
    let tx = Ctx::system(app).begin().await?;
    jobs::release_leases(&tx).await?;
    tx.commit().await
}

fn queues(app: &App) -> impl Iterator<Item = &'static str> + use<> {
    std::iter::once(DECISION_QUEUE).chain(app.modules.queues().map(|queue| queue.name))
}

async fn run_queue(app: Arc<App>, queue: &'static str, stop: CancellationToken) {
    loop {
        // Subscribe before claiming, so that no job scheduled meanwhile is missed.
        let woken = app.wakeups.woken(WakeupTopic::Jobs);
        if let Err(error) = run_due_in_queue(&app, queue, &stop).await {
            tracing::error!(queue, %error, "the worker cannot claim jobs; trying again");
        }
        let latest = app.now() + POLL_INTERVAL;
        let wake = jobs::next_due(&app, queue).await.ok().flatten().map_or(latest, |at| at.min(latest));
        // Avoid a busy loop.
        let wake = wake.max(app.now() + Duration::from_millis(50));
        tokio::select! {
            () = app.clock.sleep_until(wake) => {}
            () = woken => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Runs everything that is due now in any queue, and what becomes due by it; returns how many jobs ran.
#[boxed]
pub async fn run_due(app: &Arc<App>, stop: &CancellationToken) -> Result<usize> {
    let mut ran = 0;
    loop {
        let before = ran;
        for queue in queues(app) {
            ran += run_due_in_queue(app, queue, stop).await?;
        }
        if ran == before || stop.is_cancelled() {
            return Ok(ran);
        }
    }
}

async fn run_due_in_queue(app: &Arc<App>, queue: &str, stop: &CancellationToken) -> Result<usize> {
    if queue == DECISION_QUEUE { decide_due(app, stop).await } else { send_due(app, queue, stop).await }
}

/// Claims the due jobs of a queue, if there are any.
async fn claim_due(app: &Arc<App>, queue: &str, max: u64) -> Result<Vec<Job>> {
    // Read first, so that an idle queue does not begin a write transaction.
    if jobs::next_due(app, queue).await?.is_none_or(|at| at > app.now()) {
        return Ok(Vec::new());
    }
    let tx = Ctx::system(app).begin().await?;
    let claimed = jobs::claim(&tx, queue, max).await?;
    if !claimed.is_empty() {
        tx.commit().await?;
    }
    Ok(claimed)
}

async fn decide_due(app: &Arc<App>, stop: &CancellationToken) -> Result<usize> {
    let mut ran = 0;
    loop {
        let claimed = claim_due(app, DECISION_QUEUE, CLAIM_MAX).await?;
        if claimed.is_empty() {
            return Ok(ran);
        }
        for job in &claimed {
            if stop.is_cancelled() {
                return Ok(ran); // the leases of the others expire
            }
            run_decision(app, job).await?;
            ran += 1;
        }
    }
}

/// Sends what is due in a queue with limited concurrency: a slow job occupies one slot, and the others continue.
async fn send_due(app: &Arc<App>, queue: &str, stop: &CancellationToken) -> Result<usize> {
    let concurrency = app.modules.queue(queue).map_or(1, |queue| queue.concurrency);
    // Separate tasks, because a running job may hold the write turn that the next claim waits for.
    let mut in_flight = JoinSet::new();
    let (mut ran, mut failed) = (0, None);
    loop {
        // Subscribe before claiming, so that no job scheduled meanwhile is missed.
        let woken = app.wakeups.woken(WakeupTopic::Jobs);
        while failed.is_none() && !stop.is_cancelled() && in_flight.len() < concurrency {
            match claim_due(app, queue, (concurrency - in_flight.len()) as u64).await {
                Ok(claimed) if claimed.is_empty() => break,
                Ok(claimed) => {
                    for job in claimed {
                        in_flight.spawn(send(app.clone(), job));
                    }
                }
                Err(error) => failed = Some(error),
            }
        }
        if in_flight.is_empty() {
            return failed.map_or(Ok(ran), Err);
        }
        let has_capacity = failed.is_none() && !stop.is_cancelled() && in_flight.len() < concurrency;
        let latest = app.now() + POLL_INTERVAL;
        let wake =
            if has_capacity { jobs::next_due(app, queue).await.ok().flatten().unwrap_or(latest) } else { latest };
        tokio::select! {
            Some(sent) = in_flight.join_next() => {
                ran += 1;
                let sent = sent.map_err(Error::internal).flatten();
                failed = failed.or(sent.err());
            }
            () = woken, if has_capacity => {}
            () = app.clock.sleep_until(wake), if has_capacity && wake > app.now() => {}
        }
    }
}

#[tracing::instrument(name = "job", skip_all, fields(kind = %job.kind, subject = %job.subject))]
async fn run_decision(app: &Arc<App>, job: &Job) -> Result<()> {
    let mut tx = Ctx::system(app).begin().await?;
    tx.job = Some(RunningJob { kind: job.kind.clone(), subject: job.subject.clone(), reschedule_at: None });
    let handled = match app.modules.handler(&job.kind) {
        Ok(handler) => handler(&mut tx, job).await,
        Err(error) => Err(error),
    };
    match handled {
        Ok(next) => {
            let reschedule_at = tx.job.take().and_then(|running| running.reschedule_at);
            let next = match (next, reschedule_at) {
                (Next::At(at), Some(again)) => Next::At(at.min(again)),
                (Next::Done, Some(again)) => Next::At(again),
                (next, None) => next,
            };
            finish(tx, job, next).await
        }
        Err(error) => fail(tx, job, error).await,
    }
}

#[tracing::instrument(name = "send", skip_all, fields(kind = %job.kind, subject = %job.subject))]
async fn send(app: Arc<App>, job: Job) -> Result<()> {
    let (cx, job) = (Ctx::system(&app), &job);
    let mut tx = cx.begin().await?;
    let QueuedJob { kind: _, begin_send, complete_send } = match app.modules.queued(&job.kind) {
        Ok(queued) => queued,
        Err(error) => return fail(tx, job, error).await,
    };
    let sending = match begin_send(&mut tx, job).await {
        Ok(SendAttempt::Skip(next)) => return finish(tx, job, next).await,
        Ok(SendAttempt::Send(sending)) => match jobs::extend_lease(&tx, job).await {
            Ok(true) => {
                tx.commit().await?;
                sending
            }
            Ok(false) => return Ok(()),
            Err(error) => return fail(tx, job, error).await,
        },
        Err(error) => return fail(tx, job, error).await,
    };
    let Some(outcome) = with_lease(&cx, job, sending).await? else { return Ok(()) };
    let mut tx = cx.begin().await?;
    match complete_send(&mut tx, job, outcome).await {
        Ok(next) => finish(tx, job, next).await,
        Err(error) => fail(tx, job, error).await,
    }
}

/// Extends the lease for as long as the work takes; `None` if another worker has claimed the job.
#[expect(clippy::disallowed_methods, reason = "paces by how long this machine takes; the lease itself is by the clock")]
async fn with_lease(cx: &Ctx, job: &Job, mut work: BoxFuture<'static, Outcome>) -> Result<Option<Outcome>> {
    loop {
        if let Ok(outcome) = tokio::time::timeout(jobs::SEND_LEASE / 3, &mut work).await {
            return Ok(Some(outcome));
        }
        let tx = cx.begin().await?;
        if !jobs::extend_lease(&tx, job).await? {
            return Ok(None);
        }
        tx.commit().await?;
    }
}

/// Finishes a job in the transaction of its changes.
async fn finish(tx: Tx, job: &Job, next: Next) -> Result<()> {
    match jobs::finish(&tx, job, next).await {
        Ok(true) => {
            let cx = tx.cx.clone();
            match tx.commit().await {
                Ok(()) => Ok(()),
                Err(error) => record_failure(&cx, job, error).await,
            }
        }
        Ok(false) => {
            // Rescheduled meanwhile, or claimed by another worker.
            tracing::debug!(kind = job.kind, "the claim on the job was lost while it ran; its changes are rolled back");
            Ok(())
        }
        Err(error) => fail(tx, job, error).await,
    }
}

async fn fail(tx: Tx, job: &Job, error: Error) -> Result<()> {
    let cx = tx.cx.clone();
    tx.rollback(&error).await;
    record_failure(&cx, job, error).await
}

async fn record_failure(cx: &Ctx, job: &Job, error: Error) -> Result<()> {
    let tx = cx.begin().await?;
    if matches!(error, Error::Conflict | Error::Deadlock) {
        // Another transaction came first: decide again at once, on the new state.
        jobs::finish(&tx, job, Next::At(tx.now)).await?;
    } else {
        tracing::error!(%error, attempts = job.attempts + 1, "the job failed");
        jobs::fail(&tx, job, &error.to_string()).await?;
    }
    tx.commit().await
}
