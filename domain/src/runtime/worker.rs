//! The worker: sleeps on the clock until the next job, claims what is due, runs it.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::jobs::{self, Job, Next};
use super::{App, Ctx};
use crate::kernel::{Result, seconds};

/// Without a bell (another node planted the job) the worker looks after this at the latest.
const LOOK_AT_LEAST_EVERY: Duration = seconds(10);

/// Runs until stopped; a job that has begun is finished.
pub async fn run(app: Arc<App>, stop: CancellationToken) {
    loop {
        if let Err(error) = run_due(&app, &stop).await {
            tracing::error!(%error, "the worker cannot claim jobs; trying again");
        }
        let latest = app.now() + LOOK_AT_LEAST_EVERY;
        let wake = jobs::next_due(&app).await.ok().flatten().map_or(latest, |at| at.min(latest));
        // Never in a tight loop, whatever the table says.
        let wake = wake.max(app.now() + Duration::from_millis(50));
        tokio::select! {
            () = app.clock.sleep_until(wake) => {}
            () = app.jobs_bell.notified() => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Runs everything that is due now, and what that makes due; returns how many jobs ran.
pub async fn run_due(app: &Arc<App>, stop: &CancellationToken) -> Result<usize> {
    let mut ran = 0;
    loop {
        let tx = Ctx::system(app).begin().await?;
        let claimed = jobs::claim(&tx).await?;
        if claimed.is_empty() {
            return Ok(ran);
        }
        tx.commit().await?;
        for job in &claimed {
            if stop.is_cancelled() {
                return Ok(ran); // the leases of the rest run out
            }
            run_one(app, job).await?;
            ran += 1;
        }
    }
}

#[tracing::instrument(name = "job", skip_all, fields(kind = %job.kind, subject = %job.subject))]
async fn run_one(app: &Arc<App>, job: &Job) -> Result<()> {
    let cx = Ctx::system(app);
    let mut tx = cx.begin().await?;
    let handler = app.wiring.job;
    let error = match handler(&mut tx, job).await {
        Ok(next) => match jobs::end(&tx, job, next).await {
            Ok(true) => match tx.commit().await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            },
            Ok(false) => {
                tracing::warn!("another worker has taken this job over; nothing of it was kept here");
                return Ok(());
            }
            Err(error) => {
                tx.abandon(&error).await;
                error
            }
        },
        Err(error) => {
            tx.abandon(&error).await;
            error
        }
    };
    tracing::error!(%error, attempts = job.attempts + 1, "the job failed");
    let tx = cx.begin().await?;
    jobs::fail(&tx, job, &error.to_string()).await?;
    tx.commit().await
}

/// A job that keeps itself: what a periodic handler answers.
pub fn again_in(app: &App, pause: Duration) -> Next {
    Next::At(app.now() + pause)
}
