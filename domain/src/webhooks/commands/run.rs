//! Runs of the queue of an endpoint: one job each, so that none waits for another.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};
use uuid::Uuid;

use super::super::decide::{self, RunResult, RunStart, classify_response, read_response};
use super::super::model::{Attempt, CONCURRENCY, OutgoingMessage, QueueState, REPLAY_MAX};
use super::Outbox;
use super::secrets::secrets;
use crate::kernel::{Error, Result, Timestamp};
use crate::runtime::Tx;
use crate::runtime::jobs::{self, IfScheduled, Job, Next, Schedule, SendAttempt};
use crate::runtime::module::QueuedJob;
use crate::runtime::ports::{HttpClient, HttpRequest, Outcome};

/// The job that runs the queues of a customer, for its `MODULE`.
pub const fn queued_job<O: Outbox>() -> QueuedJob {
    QueuedJob { kind: O::JOB, begin_send: begin_run::<O>, complete_send: complete_run::<O> }
}

/// Schedules the runs of endpoints, for each message that becomes due: its endpoint and the time.
pub async fn schedule_runs<O: Outbox>(tx: &mut Tx, due: Vec<(Uuid, Timestamp)>) -> Result<()> {
    let mut first: BTreeMap<Uuid, Timestamp> = BTreeMap::new();
    for (endpoint, at) in due {
        let earliest = first.entry(endpoint).or_insert(at);
        *earliest = Ord::min(*earliest, at);
    }
    for (endpoint, at) in first {
        let subject = endpoint.to_string();
        let run = Schedule::new(O::JOB, &subject, at).in_queue(O::QUEUE);
        jobs::schedule(tx, &[run.if_scheduled(IfScheduled::KeepEarlierAndRunning)]).await?;
    }
    Ok(())
}

/// Schedules the runs that were lost; for the customer's sweep. `endpoints`: those with due messages.
pub async fn schedule_lost_runs<O: Outbox>(tx: &mut Tx, endpoints: Vec<Uuid>) -> Result<()> {
    let now = tx.now;
    for endpoint in endpoints {
        let subject = endpoint.to_string();
        if !jobs::is_scheduled(tx, O::JOB, &subject).await? {
            jobs::schedule(tx, &[Schedule::new(O::JOB, &subject, now).in_queue(O::QUEUE)]).await?;
        }
    }
    Ok(())
}

async fn load<O: Outbox>(tx: &Tx, job: &Job) -> Result<Option<O>> {
    O::load(tx, Uuid::parse_str(&job.subject).map_err(Error::internal)?).await
}

/// When the job of an endpoint runs next.
async fn next_run<O: Outbox>(tx: &Tx, job: &Job, outbox: &O) -> Result<Next> {
    // A transaction that makes another message due waits for this lock, and then schedules the job again.
    jobs::lock(tx, job).await?;
    let first_due = outbox.first_due_at(tx).await?;
    Ok(decide::next_run(outbox.endpoint(), first_due).map_or(Next::Done, Next::At))
}

/// Begins a run: attempts are counted before anything is sent.
fn begin_run<'t, O: Outbox>(tx: &'t mut Tx, job: &'t Job) -> BoxFuture<'t, Result<SendAttempt>> {
    Box::pin(async move {
        let Some(outbox) = load::<O>(tx, job).await? else { return Ok(SendAttempt::Skip(Next::Done)) };
        let (url, max) = match decide::start_run(outbox.endpoint(), tx.now) {
            RunStart::Disabled => return Ok(SendAttempt::Skip(Next::Done)),
            RunStart::Wait(at) => return Ok(SendAttempt::Skip(Next::At(at))),
            RunStart::Send { url, max } => (url, max),
        };
        let messages = outbox.claim_due(tx, max).await?;
        if messages.is_empty() {
            return Ok(SendAttempt::Skip(next_run(tx, job, &outbox).await?));
        }
        let secrets = secrets(tx, &outbox).await?;
        let now = tx.now;
        let sign = |OutgoingMessage { id, body }| (id, decide::sign(url, id, body, &secrets, now));
        let requests = messages.into_iter().map(sign).collect();
        let sending = send(tx.app().state::<Arc<dyn HttpClient>>(), requests, now);
        let sending = sending.map(|attempts| Outcome::Completed(serde_json::to_value(attempts).unwrap_or_default()));
        Ok(SendAttempt::Send(sending.boxed()))
    })
}

/// Sends messages to one endpoint, until one of them finds it unreachable.
fn send(
    http: &Arc<dyn HttpClient>,
    requests: Vec<(Uuid, HttpRequest)>,
    now: Timestamp,
) -> BoxFuture<'static, Vec<Attempt>> {
    let (http, failed) = (http.clone(), Arc::new(AtomicBool::new(false)));
    let attempts = requests.into_iter().map(move |(message, request)| {
        let (http, failed) = (http.clone(), failed.clone());
        async move {
            if failed.load(Ordering::SeqCst) {
                return Attempt { message, response: None };
            }
            let response = read_response(http.send(request).await, now);
            if classify_response(&response).is_endpoint_failure() {
                failed.store(true, Ordering::SeqCst);
            }
            Attempt { message, response: Some(response) }
        }
    });
    stream::iter(attempts).buffered(CONCURRENCY).collect().boxed()
}

/// Completes a run: records the responses, schedules retries and disables an endpoint that failed for too long.
fn complete_run<'t, O: Outbox>(tx: &'t mut Tx, job: &'t Job, outcome: Outcome) -> BoxFuture<'t, Result<Next>> {
    Box::pin(async move {
        let Some(mut outbox) = load::<O>(tx, job).await? else { return Ok(Next::Done) };
        let attempts: Vec<Attempt> = match outcome {
            Outcome::Completed(found) => serde_json::from_value(found).map_err(Error::internal)?,
            _ => return Err(Error::internal("a run of webhooks that contains no attempts")),
        };
        let mut jitter = [0; 1];
        tx.app().entropy.fill(&mut jitter);
        let [jitter] = jitter;
        let disable_after = O::disable_after(tx.app());
        let RunResult { endpoint, accepted, failed, unsent } =
            decide::complete_run(outbox.endpoint(), attempts, tx.now, jitter, disable_after);
        outbox.on_accepted(tx, accepted).await?;
        outbox.revert_attempts(tx, unsent).await?;
        // The acceptance of another message may have taken some of them out of the queue.
        let mut messages = outbox.still_due(tx, failed.iter().map(|(message, _)| *message).collect()).await?;
        let mut dead = decide::fail_all(&mut messages, &failed, endpoint.retry_at, tx.now, jitter);
        outbox.save(tx, messages, QueueState::Due).await?;
        if endpoint != *outbox.endpoint() {
            outbox.save_endpoint(tx, endpoint).await?;
        }
        if outbox.endpoint().disabled_at.is_some() {
            dead.extend(outbox.dead_letter_all(tx).await?);
            outbox.on_disabled(tx).await?;
        }
        outbox.on_dead(tx, dead).await?;
        next_run(tx, job, &outbox).await
    })
}

/// Sends these dead letters of an endpoint again.
pub async fn replay<O: Outbox>(tx: &mut Tx, outbox: &O, mut dead: Vec<O::Message>) -> Result<()> {
    decide::replay_all(outbox.endpoint(), &mut dead, tx.now, || outbox.inactive())?;
    outbox.on_replayed(tx, &dead).await?;
    // A message that left the queue concurrently keeps its state.
    outbox.save(tx, dead, QueueState::Dead).await?;
    let now = tx.now;
    schedule_runs::<O>(tx, vec![(outbox.id(), now)]).await
}

/// Sends the dead letters of an endpoint again, at most [`REPLAY_MAX`]; returns how many.
pub async fn replay_all<O: Outbox>(tx: &mut Tx, outbox: &O) -> Result<u64> {
    let dead = outbox.dead_letters(tx, REPLAY_MAX).await?;
    let replayed = dead.len() as u64;
    replay(tx, outbox, dead).await?;
    Ok(replayed)
}
