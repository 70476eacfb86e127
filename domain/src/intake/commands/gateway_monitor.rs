//! Monitoring of gateways: synthetic tickets (canaries) and unusual silence.

use futures::FutureExt as _;

use super::super::decide;
use super::super::model::{
    CANARY, CANARY_CHECK_JOB, CANARY_JOB, CanaryState, Gateway, IntakeEvent, Message, QUEUE, RawRequest, Reason,
    ReceiveOutcome, Settings, Silence,
};
use super::super::{queries, store};
use super::{random_nonce, receive, secrets};
use crate::calendar::model::Organisation;
use crate::kernel::{self, Error, Result, Timestamp, boxed, days};
use crate::msg;
use crate::notifications;
use crate::notifications::model::{Channel, Senders};
use crate::runtime::jobs::{self, IfScheduled, Job, Next, Schedule, SendAttempt};
use crate::runtime::ports::Outcome;
use crate::runtime::{Ctx, Tx};

/// How long canaries are kept.
const RETENTION: std::time::Duration = days(7);
/// Characters of a canary's key: 16 bytes in hexadecimal.
const KEY_CHARS: usize = 32;
/// Characters of another party's text that are stored.
const FAILURE_CHARS_MAX: usize = 500;

/// The key of a canary, if a text begins with its name.
fn canary_key(text: &str) -> Option<&str> {
    let key = text.strip_prefix(CANARY)?.get(..KEY_CHARS)?;
    key.chars().all(|c| c.is_ascii_hexdigit()).then_some(key)
}

/// Whether a message is a canary; marks a pending one as arrived. Such a message never becomes a ticket.
pub(super) async fn record_arrival(tx: &Tx, gateway: Gateway, message: &Message, at: Timestamp) -> Result<bool> {
    let Some(key) = [&message.external_id, &message.title].into_iter().find_map(|text| canary_key(text)) else {
        return Ok(false);
    };
    store::mark_canary_arrived(tx.conn(), key, gateway, at).await?;
    Ok(true)
}

/// Whether a request that failed its check carries a pending canary; marks it as lost.
pub(super) async fn record_failure(cx: &Ctx, raw: &RawRequest, reason: Reason) -> Result<bool> {
    let body = String::from_utf8_lossy(&raw.body);
    let Some(key) = body.find(CANARY).and_then(|at| canary_key(&body[at..])) else { return Ok(false) };
    if !store::is_canary_pending(cx.read(), key, raw.gateway).await? {
        return Ok(false);
    }
    let mut tx = cx.begin().await?;
    mark_lost(&mut tx, key, raw.gateway, kernel::Message::plain(reason.as_str())).await?;
    tx.commit().await?;
    Ok(true)
}

/// Job: schedules canaries, and records gateways that are unusually silent.
#[boxed]
pub async fn on_monitor(tx: &mut Tx, _: &Job) -> Result<Next> {
    let settings = tx.app().state::<Settings>().clone();
    let Some(every) = settings.monitor_interval() else { return Ok(Next::Done) };
    for gateway in Gateway::ALL.iter().copied() {
        if secrets(&tx.cx.app, tx.conn(), gateway).await?.is_empty() {
            continue;
        }
        let can_send_canary = match gateway {
            Gateway::Email => {
                settings.mail_address().is_some() && tx.app().state::<Senders>().of(Channel::Email).is_some()
            }
            other => other.accepts_canaries(),
        };
        if can_send_canary {
            let now = tx.now;
            jobs::schedule(
                tx,
                &[Schedule::new(CANARY_JOB, gateway.as_str(), now)
                    .in_queue(QUEUE)
                    .if_scheduled(IfScheduled::KeepEarlier)],
            )
            .await?;
            continue;
        }
        let silence = queries::silence(tx.conn(), gateway, tx.now, &tx.app().state::<Organisation>().zone).await?;
        if let Some(Silence { since, .. }) = silence.filter(|silence| silence.is_unusual)
            && !notifications::queries::was_notified(tx.conn(), &silence_key(gateway, since)).await?
        {
            tx.record(IntakeEvent::Silent { gateway, since }).await?;
        }
    }
    store::delete_canaries(tx.conn(), tx.now - RETENTION).await?;
    Ok(Next::At(tx.now + every))
}

/// The key of an alert about a silence: one per silence.
pub fn silence_key(gateway: Gateway, since: Timestamp) -> String {
    format!("intake:{}:GATEWAY_SILENT:{}", gateway.as_str(), since.millis())
}

fn gateway_of(job: &Job) -> Result<Gateway> {
    job.subject.parse::<Gateway>().map_err(|_| Error::internal(format!("{:?} is no gateway", job.subject)))
}

/// Begins a canary: stores it and schedules its check before it is sent.
#[boxed]
pub async fn begin_canary(tx: &mut Tx, job: &Job) -> Result<SendAttempt> {
    let gateway = gateway_of(job)?;
    let settings = tx.app().state::<Settings>().clone();
    let key = hex::encode(random_nonce(tx.app()));
    let name = format!("{CANARY}{key}");
    let Some(parts) = secrets(&tx.cx.app, tx.conn(), gateway).await?.into_iter().next() else {
        return Ok(SendAttempt::Skip(Next::Done));
    };
    let sending = match (gateway, settings.mail_address(), tx.app().state::<Senders>().of(Channel::Email)) {
        (Gateway::Email, Some(address), Some(sender)) => sender.send_canary(address, &key, tx.now),
        _ => {
            let raw = decide::canary(gateway, &parts, &name, tx.now, &random_nonce(tx.app()));
            let Some(raw) = raw else { return Ok(SendAttempt::Skip(Next::Done)) };
            let cx = Ctx::system(&tx.cx.app);
            async move {
                match receive(&cx, &raw).await {
                    Ok(ReceiveOutcome::Reply(_)) => Outcome::Sent { id: None },
                    Ok(ReceiveOutcome::Quarantined(_, reason) | ReceiveOutcome::Unverified(reason)) => {
                        Outcome::Rejected { why: kernel::Message::plain(reason.as_str()) }
                    }
                    Ok(ReceiveOutcome::Refused(_, message)) => Outcome::Rejected { why: message },
                    Ok(ReceiveOutcome::RetryLater) => Outcome::Rejected { why: msg!("intake-full") },
                    Err(error) => Outcome::Rejected { why: kernel::Message::plain(error.to_string()) },
                }
            }
            .boxed()
        }
    };
    store::insert_canary(tx.conn(), &key, gateway, tx.now).await?;
    let at = tx.now + settings.canary_check_after();
    jobs::schedule(tx, &[Schedule::new(CANARY_CHECK_JOB, &key, at)]).await?;
    Ok(SendAttempt::Send(sending))
}

/// Completes a canary: one that could not be sent is lost.
#[boxed]
pub async fn complete_canary(tx: &mut Tx, job: &Job, outcome: Outcome) -> Result<Next> {
    let gateway = gateway_of(job)?;
    let why = match outcome {
        Outcome::Rejected { why } | Outcome::AuthFailed { why } | Outcome::RetryLater { why, .. } => why,
        _ => return Ok(Next::Done),
    };
    let latest = queries::canaries(tx.conn(), gateway, 1).await?.pop();
    if let Some(row) = latest.filter(|row| row.state == CanaryState::Sent.as_str()) {
        mark_lost(tx, &row.key, gateway, why).await?;
    }
    Ok(Next::Done)
}

async fn mark_lost(tx: &mut Tx, key: &str, gateway: Gateway, why: kernel::Message) -> Result<()> {
    let why = why.truncated(FAILURE_CHARS_MAX);
    store::end_canary(tx.conn(), key, CanaryState::Lost, Some(&why), tx.now).await?;
    tx.record(IntakeEvent::CanaryLost { gateway }).await
}

/// Job: the final check of a canary. If it arrived, the test passed.
#[boxed]
pub async fn on_canary_check(tx: &mut Tx, job: &Job) -> Result<Next> {
    let Some(row) = store::canary(tx.conn(), &job.subject).await? else { return Ok(Next::Done) };
    let gateway = row.gateway.parse::<Gateway>().map_err(|_| Error::internal("unknown gateway of a canary"))?;
    match row.state.parse::<CanaryState>().ok() {
        Some(CanaryState::Arrived) => {
            store::end_canary(tx.conn(), &row.key, CanaryState::Cancelled, None, tx.now).await?;
        }
        Some(CanaryState::Sent) => mark_lost(tx, &row.key, gateway, msg!("intake-canary-not-arrived")).await?,
        _ => {}
    }
    Ok(Next::Done)
}
