//! The worker: sleeps on the clock until the next job, claims what is due, runs it. Jobs that decide run in one lane; jobs
//! that send in lanes of their own, so that a partner who is slow or gone delays only what goes to them.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::jobs::{self, CLAIM_MAX, DECIDING, Job, Next, Outcome, Prepared};
use super::tx::RunningJob;
use super::{App, Ctx, Engine, Tx};
use crate::kernel::{Error, Result, seconds};

/// Without a bell (another node planted the job) a lane looks after this at the latest.
const LOOK_AT_LEAST_EVERY: Duration = seconds(10);

/// Runs every lane until stopped; a job that has begun is finished.
pub async fn run(app: Arc<App>, stop: CancellationToken) {
    // A data folder has one process: what the one before held does not have to run out.
    if app.db.engine == Engine::Sqlite
        && let Err(error) = release(&app).await
    {
        tracing::error!(%error, "leases of the process before could not be freed; they run out");
    }
    join_all(lanes(&app).map(|lane| run_lane(app.clone(), lane, stop.clone()))).await;
}

async fn release(app: &Arc<App>) -> Result<()> {
    let tx = Ctx::system(app).begin().await?;
    jobs::release(&tx).await?;
    tx.commit().await
}

fn lanes(app: &App) -> impl Iterator<Item = &'static str> + use<> {
    std::iter::once(DECIDING).chain(app.wiring.sending.lanes.iter().copied())
}

async fn run_lane(app: Arc<App>, lane: &'static str, stop: CancellationToken) {
    loop {
        // Hears what is planted from here on.
        let mut bell = pin!(app.jobs_bell.notified());
        bell.as_mut().enable();
        if let Err(error) = run_due_in(&app, lane, &stop).await {
            tracing::error!(lane, %error, "the worker cannot claim jobs; trying again");
        }
        let latest = app.now() + LOOK_AT_LEAST_EVERY;
        let wake = jobs::next_due(&app, lane).await.ok().flatten().map_or(latest, |at| at.min(latest));
        // Never in a tight loop, whatever the table says.
        let wake = wake.max(app.now() + Duration::from_millis(50));
        tokio::select! {
            () = app.clock.sleep_until(wake) => {}
            () = bell => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Runs everything that is due now in any lane, and what that makes due; returns how many jobs ran.
pub async fn run_due(app: &Arc<App>, stop: &CancellationToken) -> Result<usize> {
    let mut ran = 0;
    loop {
        let before = ran;
        for lane in lanes(app) {
            ran += run_due_in(app, lane, stop).await?;
        }
        if ran == before || stop.is_cancelled() {
            return Ok(ran);
        }
    }
}

async fn run_due_in(app: &Arc<App>, lane: &str, stop: &CancellationToken) -> Result<usize> {
    if lane == DECIDING { decide_due(app, stop).await } else { send_due(app, lane, stop).await }
}

/// Claims what is due in a lane, where anything is.
async fn claim_due(app: &Arc<App>, lane: &str, max: u64) -> Result<Vec<Job>> {
    // Read first: a lane with nothing to do takes no turn from those who write.
    if jobs::next_due(app, lane).await?.is_none_or(|at| at > app.now()) {
        return Ok(Vec::new());
    }
    let tx = Ctx::system(app).begin().await?;
    let claimed = jobs::claim(&tx, lane, max).await?;
    if !claimed.is_empty() {
        tx.commit().await?;
    }
    Ok(claimed)
}

async fn decide_due(app: &Arc<App>, stop: &CancellationToken) -> Result<usize> {
    let mut ran = 0;
    loop {
        let claimed = claim_due(app, DECIDING, CLAIM_MAX).await?;
        if claimed.is_empty() {
            return Ok(ran);
        }
        for job in &claimed {
            if stop.is_cancelled() {
                return Ok(ran); // the leases of the rest run out
            }
            decide(app, job).await?;
            ran += 1;
        }
    }
}

/// Sends what is due in a lane, so many at a time: whoever is slow takes one place, and the others go on.
async fn send_due(app: &Arc<App>, lane: &str, stop: &CancellationToken) -> Result<usize> {
    let width = (app.wiring.sending.width)(lane);
    // Each by itself: what is under way may hold the writer's turn that the next claim waits for.
    let mut under_way = JoinSet::new();
    let (mut ran, mut failed) = (0, None);
    loop {
        // Hears what is planted from here on.
        let mut bell = pin!(app.jobs_bell.notified());
        bell.as_mut().enable();
        while failed.is_none() && !stop.is_cancelled() && under_way.len() < width {
            match claim_due(app, lane, (width - under_way.len()) as u64).await {
                Ok(claimed) if claimed.is_empty() => break,
                Ok(claimed) => {
                    for job in claimed {
                        under_way.spawn(send(app.clone(), job));
                    }
                }
                Err(error) => failed = Some(error),
            }
        }
        if under_way.is_empty() {
            return failed.map_or(Ok(ran), Err);
        }
        let takes_more = failed.is_none() && !stop.is_cancelled() && under_way.len() < width;
        let latest = app.now() + LOOK_AT_LEAST_EVERY;
        let wake = if takes_more { jobs::next_due(app, lane).await.ok().flatten().unwrap_or(latest) } else { latest };
        tokio::select! {
            Some(sent) = under_way.join_next() => {
                ran += 1;
                let sent = sent.map_err(Error::internal).flatten();
                failed = failed.or(sent.err());
            }
            () = bell, if takes_more => {}
            () = app.clock.sleep_until(wake), if takes_more && wake > app.now() => {}
        }
    }
}

#[tracing::instrument(name = "job", skip_all, fields(kind = %job.kind, subject = %job.subject))]
async fn decide(app: &Arc<App>, job: &Job) -> Result<()> {
    let mut tx = Ctx::system(app).begin().await?;
    tx.job = Some(RunningJob { kind: job.kind.clone(), subject: job.subject.clone(), again: None });
    let handler = app.wiring.job;
    match handler(&mut tx, job).await {
        Ok(next) => {
            let again = tx.job.take().and_then(|running| running.again);
            let next = match (next, again) {
                (Next::At(at), Some(again)) => Next::At(at.min(again)),
                (Next::Done, Some(again)) => Next::At(again),
                (next, None) => next,
            };
            end(tx, job, next).await
        }
        Err(error) => give_up(tx, job, error).await,
    }
}

#[tracing::instrument(name = "send", skip_all, fields(kind = %job.kind, subject = %job.subject))]
async fn send(app: Arc<App>, job: Job) -> Result<()> {
    let (cx, job) = (Ctx::system(&app), &job);
    let jobs::Sending { lanes: _, width: _, prepare, settle } = app.wiring.sending;
    let mut tx = cx.begin().await?;
    let sending = match prepare(&mut tx, job).await {
        Ok(Prepared::Ended(next)) => return end(tx, job, next).await,
        Ok(Prepared::Send(sending)) => match jobs::hold_for_sending(&tx, job).await {
            Ok(true) => {
                tx.commit().await?;
                sending
            }
            Ok(false) => return Ok(()),
            Err(error) => return give_up(tx, job, error).await,
        },
        Err(error) => return give_up(tx, job, error).await,
    };
    let Some(outcome) = while_held(&cx, job, sending).await? else { return Ok(()) };
    let mut tx = cx.begin().await?;
    match settle(&mut tx, job, outcome).await {
        Ok(next) => end(tx, job, next).await,
        Err(error) => give_up(tx, job, error).await,
    }
}

/// Long work keeps its claim as long as it lasts; `None`: somebody else has it.
#[expect(clippy::disallowed_methods, reason = "paces by how long this machine takes; the lease itself is by the clock")]
async fn while_held(cx: &Ctx, job: &Job, mut work: BoxFuture<'static, Outcome>) -> Result<Option<Outcome>> {
    loop {
        if let Ok(outcome) = tokio::time::timeout(jobs::SEND_LEASE / 3, &mut work).await {
            return Ok(Some(outcome));
        }
        let tx = cx.begin().await?;
        if !jobs::hold_for_sending(&tx, job).await? {
            return Ok(None);
        }
        tx.commit().await?;
    }
}

/// Ends a job in the transaction of what it did.
async fn end(tx: Tx, job: &Job, next: Next) -> Result<()> {
    match jobs::end(&tx, job, next).await {
        Ok(true) => {
            let cx = tx.cx.clone();
            match tx.commit().await {
                Ok(()) => Ok(()),
                Err(error) => note_failure(&cx, job, error).await,
            }
        }
        Ok(false) => {
            // Planted anew meanwhile, or claimed by another worker: the newer wake-up stands.
            tracing::debug!(kind = job.kind, "the job was moved while it ran; nothing of it was kept here");
            Ok(())
        }
        Err(error) => give_up(tx, job, error).await,
    }
}

async fn give_up(tx: Tx, job: &Job, error: Error) -> Result<()> {
    let cx = tx.cx.clone();
    tx.abandon(&error).await;
    note_failure(&cx, job, error).await
}

async fn note_failure(cx: &Ctx, job: &Job, error: Error) -> Result<()> {
    let tx = cx.begin().await?;
    if matches!(error, Error::Conflict | Error::Deadlock) {
        // Somebody else was faster, or had to come first: decided again at once, on what they made of it.
        jobs::end(&tx, job, Next::At(tx.now)).await?;
    } else {
        tracing::error!(%error, attempts = job.attempts + 1, "the job failed");
        jobs::fail(&tx, job, &error.to_string()).await?;
    }
    tx.commit().await
}
