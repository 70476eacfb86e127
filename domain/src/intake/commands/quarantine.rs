//! Quarantine of submissions that failed their check: storing, releasing and dismissing them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::decide::{check, has_room};
use super::super::model::{
    DismissQuarantined, Gateway, IntakeEvent, QuarantineFullAlerts, QuarantineTurn, RELEASE_MAX, RawRequest, Reason,
    ReceiveOutcome, ReleaseQuarantined, ReleaseSummary,
};
use super::super::queries;
use super::super::store::{self, quarantined_submission};
use super::{Submission, gateway_monitor, locale, originals, random_nonce, secrets, sender_digest};
use crate::credentials::model::Parts;
use crate::kernel::{Actor, Code, Error, Refusal, Result, SubmissionId, TicketId, Timestamp, boxed, hours, refuse};
use crate::msg;
use crate::runtime::{App, Command, Ctx, Executor, Tx, Vault};

const PURPOSE: &str = "quarantine";
/// Submissions per page when a whole gateway is released.
const RELEASE_PAGE: u64 = 100;

/// The sealed payload.
#[derive(Serialize, Deserialize)]
struct SealedRequest {
    #[serde(flatten)]
    raw: RawRequest,
    /// The secrets that verified it, if only its content was refused: they may have expired when it is released.
    #[serde(rename = "passed", default, skip_serializing_if = "Vec::is_empty")]
    verified_by: Vec<BTreeMap<String, String>>,
}

/// Quarantines a failed submission within the limits. `verified_by`: the secrets that verified it, if its content was refused.
pub(super) async fn store(cx: &Ctx, raw: &RawRequest, reason: Reason, verified_by: &[Parts]) -> Result<ReceiveOutcome> {
    let gateway = raw.gateway;
    if gateway_monitor::record_failure(cx, raw, reason).await? {
        return Ok(ReceiveOutcome::Unverified(reason));
    }
    // On this node one after the other; several nodes may together exceed a limit by one submission each.
    let _turn = cx.app.state::<QuarantineTurn>().0.lock().await;
    let load = store::quarantine_load(cx.read(), gateway, &raw.source).await?;
    // Before it is sealed: a flood costs little.
    if !has_room(reason, &load, raw.body.len() as u64) {
        return reject(cx, raw).await;
    }
    let request =
        SealedRequest { raw: raw.clone(), verified_by: verified_by.iter().map(|parts| parts.0.clone()).collect() };
    let plain = serde_json::to_vec(&request).map_err(Error::internal)?;
    let id = SubmissionId(cx.app.new_uuid());
    let sealed = cx.app.state::<Vault>().seal(PURPOSE, id.0.as_bytes(), &plain, &*cx.app.entropy);
    if !has_room(reason, &load, sealed.len() as u64) {
        return reject(cx, raw).await;
    }
    let mut tx = cx.begin().await?;
    let row = quarantined_submission::Model {
        id,
        gateway: gateway.as_str().to_owned(),
        source: raw.source.clone(),
        reason: reason.as_str().to_owned(),
        received_at: raw.at,
        bytes: i64::try_from(sealed.len()).unwrap_or(i64::MAX),
        released_at: None,
        ticket_id: None,
        dismissed_at: None,
    };
    store::insert_quarantined(tx.conn(), row, sealed).await?;
    tx.record(IntakeEvent::Quarantined { submission: id, gateway, reason }).await?;
    tx.commit().await?;
    Ok(ReceiveOutcome::Quarantined(id, reason))
}

/// The quarantine is full. One alert an hour, so that rejected submissions cause no writes.
async fn reject(cx: &Ctx, raw: &RawRequest) -> Result<ReceiveOutcome> {
    let (gateway, hour) = (raw.gateway, hour(raw.at));
    let alerts = cx.app.state::<QuarantineFullAlerts>();
    if !alerts.was_sent(gateway, hour) {
        let mut tx = cx.begin().await?;
        tx.record(IntakeEvent::Full { gateway }).await?;
        tx.commit().await?;
        alerts.mark_sent(gateway, hour);
    }
    Ok(ReceiveOutcome::RetryLater)
}

fn not_quarantined() -> Refusal {
    refuse(Code::NotFound, "submissionId", msg!("intake-submission-not-held"))
}

/// Characters of a body shown.
const SHOWN_CHARS_MAX: usize = 20_000;

async fn unseal(app: &App, conn: &Executor, id: SubmissionId) -> Result<Option<SealedRequest>> {
    let Some(sealed) = store::sealed_request(conn, id).await? else { return Ok(None) };
    let plain = app.state::<Vault>().unseal(PURPOSE, id.0.as_bytes(), &sealed)?;
    serde_json::from_slice(&plain).map_err(Error::internal)
}

/// The body of a submission that was not released; for administrators.
#[boxed]
pub async fn body(cx: &Ctx, id: SubmissionId) -> Result<Option<String>> {
    queries::administrators_only(cx)?;
    let request = unseal(&cx.app, cx.read(), id).await?;
    Ok(request.map(|request| String::from_utf8_lossy(&request.raw.body).chars().take(SHOWN_CHARS_MAX).collect()))
}

/// Checks a quarantined request again, as of the time it arrived.
async fn release(tx: &mut Tx, id: SubmissionId) -> Result<Option<TicketId>> {
    let SealedRequest { raw, verified_by } = unseal(&tx.cx.app, tx.conn(), id).await?.ok_or_else(not_quarantined)?;
    let gateway = raw.gateway;
    let mut secrets = secrets(&tx.cx.app, tx.conn(), gateway).await?;
    secrets.extend(verified_by.into_iter().map(Parts));
    let checked = check(&secrets, &raw, &random_nonce(tx.app()), locale(tx.app())).map_err(|reason| {
        let reason = reason.as_str();
        refuse(
            Code::Invalid,
            "submissionId",
            msg!("intake-check-still-failing", reason = reason, gateway = gateway.as_str()),
        )
    })?;
    let ticket = match checked.message {
        Some(message) => {
            // The ticket is created by the gateway, not by the administrator.
            let as_gateway = Ctx { actor: Actor::System, channel: gateway.as_str(), ..tx.cx.clone() };
            let before = std::mem::replace(&mut tx.cx, as_gateway);
            let sender = sender_digest(&raw, &message);
            let original = originals::seal(tx.app(), &raw)?;
            let submission = Submission { gateway, sender, message, at: raw.at, is_limited: false, original };
            let ticket = submission.run(tx).await;
            tx.cx = before;
            ticket?
        }
        None => None,
    };
    store::release(tx.conn(), id, ticket, tx.now).await?;
    let held_secs = tx.now.seconds_since(raw.at);
    tx.record(IntakeEvent::Released { submission: id, gateway, ticket, held_secs }).await?;
    Ok(ticket)
}

impl Command for ReleaseQuarantined {
    const NAME: &'static str = "releaseQuarantined";
    type Output = Option<TicketId>;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<Option<TicketId>> {
        tx.actor().require_admin()?;
        if !store::is_quarantined(tx.conn(), self.submission).await? {
            return Err(not_quarantined().into());
        }
        release(tx, self.submission).await
    }
}

/// Releases the quarantined submissions of a gateway, oldest first, each in its own transaction; those that still fail are
/// skipped.
#[boxed]
pub async fn release_gateway(cx: &Ctx, gateway: Gateway) -> Result<ReleaseSummary> {
    cx.actor.require_admin()?;
    let (mut summary, mut after) = (ReleaseSummary::default(), None::<SubmissionId>);
    while summary.released + summary.still_quarantined < RELEASE_MAX {
        let ids = store::quarantined_ids(cx.read(), gateway, after, RELEASE_PAGE).await?;
        let Some(last) = ids.last() else { break };
        after = Some(*last);
        for submission in ids {
            match cx.execute(&ReleaseQuarantined { submission }, None).await {
                Ok(_) => summary.released += 1,
                Err(Error::Refused(_)) => summary.still_quarantined += 1,
                Err(error) => return Err(error),
            }
        }
    }
    Ok(summary)
}

impl Command for DismissQuarantined {
    const NAME: &'static str = "dismissQuarantined";
    type Output = u64;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<u64> {
        tx.actor().require_admin()?;
        let (gateway, submissions) = match self {
            Self { submission: Some(id), of: None } => {
                let gateway = store::gateway_of(tx.conn(), *id).await?.ok_or_else(not_quarantined)?;
                (gateway, store::dismiss(tx.conn(), gateway, *id, tx.now).await?)
            }
            Self { submission: None, of: Some((gateway, source)) } => {
                (*gateway, store::dismiss_source(tx.conn(), *gateway, source, tx.now).await?)
            }
            _ => {
                return Err(refuse(Code::Required, "submissionId", msg!("intake-submission-unspecified")).into());
            }
        };
        if submissions == 0 {
            return Err(not_quarantined().into());
        }
        let event = IntakeEvent::Dismissed { submission: self.submission, gateway, submissions };
        tx.record(event).await?;
        Ok(submissions)
    }
}

fn hour(at: Timestamp) -> i64 {
    at.millis() / i64::try_from(hours(1).as_millis()).unwrap_or(i64::MAX)
}

/// The key of an alert about a gateway or a credential: one an hour.
pub fn alert_key(of: &str, what: &str, at: Timestamp) -> String {
    format!("intake:{of}:{what}:{}", hour(at))
}
