//! Which URLs and secrets are valid, how a message is signed, when it is sent, and what a response means. Pure.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use sha2::Sha256;
use uuid::Uuid;

use super::model::{
    Attempt, Endpoint, OVERLAP_MAX, QueueEntry, QueueState, QueuedMessage, REJECTIONS_MAX, RUN_MAX, Secret,
    URL_CHARS_MAX, WebhookResponse,
};
use crate::kernel::{Code, Message, Refusal, Timestamp, days, refuse, seconds, text};
use crate::msg;
use crate::runtime::ports::{HttpError, HttpRequest, HttpResponse};

const FIRST_RETRY: u64 = 5;
const RETRY_MAX: Duration = days(1);
/// The longest wait that an endpoint may ask for.
pub const RETRY_AFTER_MAX: Duration = days(1);

/// The URL of an endpoint as given in this field, if it may be called. `check_url` is that of the client that will call it.
pub fn valid_url(
    check_url: impl FnOnce(&str) -> Result<(), Message>,
    field: &str,
    url: &str,
) -> Result<String, Refusal> {
    let url = text::line(field, url, URL_CHARS_MAX)?;
    check_url(&url)
        .map_err(|why| refuse(Code::Invalid, field, msg!("webhooks-url-refused", field = field, reason = why)))?;
    Ok(url)
}

/// The time at which the secrets until now expire, when a new one is created.
pub fn rotate(field: &str, overlap: Duration, now: Timestamp) -> Result<Timestamp, Refusal> {
    if overlap > OVERLAP_MAX {
        let max = OVERLAP_MAX.as_secs() / 3_600;
        return Err(refuse(Code::Invalid, field, msg!("webhooks-overlap-too-long", hours_max = max)));
    }
    Ok(now + overlap)
}

/// The keys of the secrets that sign now, in the order given.
pub fn signing_keys(secrets: &[Secret], now: Timestamp) -> Vec<&[u8]> {
    let valid = secrets.iter().filter(|secret| secret.expires_at.is_none_or(|at| now < at));
    valid.map(|secret| secret.key.as_slice()).collect()
}

/// The text form of a secret: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.
pub fn secret_text(key: &[u8]) -> String {
    format!("whsec_{}", STANDARD.encode(key))
}

/// The header `webhook-signature`: HMAC-SHA256 of id, timestamp and body, one for each key.
pub fn signature(keys: &[&[u8]], id: &str, timestamp: i64, body: &str) -> String {
    let signed: Vec<String> = keys
        .iter()
        .map(|key| {
            let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
            mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
            format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
        })
        .collect();
    signed.join(" ")
}

/// The signed request of a message.
pub fn sign(url: &str, message: Uuid, body: String, secrets: &[Secret], now: Timestamp) -> HttpRequest {
    let (id, seconds) = (message.to_string(), now.millis() / 1_000);
    let signature = signature(&signing_keys(secrets, now), &id, seconds, &body);
    HttpRequest::post(url, body)
        .header("content-type", "application/json")
        .header("webhook-signature", signature)
        .header("webhook-timestamp", seconds.to_string())
        .header("webhook-id", id)
}

/// Exponential back-off: 5 s, 15 s, 45 s … up to a day. `jitter` in 0..=255 varies it by ±20 %, so that endpoints that
/// failed together are not retried together.
pub fn back_off(failures: i32, jitter: u8) -> Duration {
    let exponent = u32::try_from(failures.clamp(1, 16) - 1).unwrap_or(0);
    let base = FIRST_RETRY.saturating_mul(3_u64.saturating_pow(exponent));
    let base = seconds(base).min(RETRY_MAX);
    base.mul_f64(0.8 + 0.4 * f64::from(jitter) / 255.0)
}

/// What a response means for the message and for its endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryResult {
    Accepted,
    /// The endpoint rejects this message; others may be sent.
    Rejected(Message),
    /// The endpoint accepts no message now.
    Unreachable {
        why: Message,
        retry_after: Option<Duration>,
    },
    /// The endpoint refuses all messages for good.
    Gone,
}

impl DeliveryResult {
    /// Whether the endpoint itself fails, so that no other message is sent in this run.
    pub fn is_endpoint_failure(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Gone)
    }
}

/// Dates of HTTP (RFC 9110, 5.6.7), the preferred form first.
const HTTP_DATES: [&str; 3] = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"];

fn http_date(text: &str) -> Option<Timestamp> {
    let civil = HTTP_DATES.iter().find_map(|format| strtime::parse(format, text).ok()?.to_datetime().ok())?;
    // The last days of the year 9999 are beyond the range of instants.
    let at = civil.to_zoned_datetime(TimeZone::UTC).map_or(i64::MAX, |at| at.timestamp().as_millisecond());
    Some(Timestamp::from_millis(at))
}

/// The seconds that a header `Retry-After` asks to wait: given as such, or as a date. At most [`RETRY_AFTER_MAX`], however far away
/// it is.
fn retry_after_secs(value: &str, now: Timestamp) -> Option<u64> {
    let value = value.trim();
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let wait = if is_number {
        // A number that is too large for the type is beyond the bound too.
        value.parse().unwrap_or(u64::MAX)
    } else {
        u64::try_from(http_date(value)?.seconds_since(now)).unwrap_or(0)
    };
    Some(wait.min(RETRY_AFTER_MAX.as_secs()))
}

/// The part of a response that counts.
pub fn read_response(response: Result<HttpResponse, HttpError>, now: Timestamp) -> WebhookResponse {
    match response {
        Ok(response) => WebhookResponse::Status {
            code: response.status,
            retry_after: response.header("retry-after").and_then(|value| retry_after_secs(value, now)),
        },
        Err(error) => WebhookResponse::NoResponse { why: error.into_message() },
    }
}

fn http_status(code: u16) -> Message {
    Message::plain(format!("HTTP {code}"))
}

pub fn classify_response(response: &WebhookResponse) -> DeliveryResult {
    match response {
        WebhookResponse::NoResponse { why } => DeliveryResult::Unreachable { why: why.clone(), retry_after: None },
        WebhookResponse::Status { code: 200..=299, .. } => DeliveryResult::Accepted,
        WebhookResponse::Status { code: 410, .. } => DeliveryResult::Gone,
        WebhookResponse::Status { code: code @ 300..=399, .. } => {
            DeliveryResult::Unreachable { why: msg!("webhooks-redirected", code = *code), retry_after: None }
        }
        WebhookResponse::Status { code: code @ (408 | 425 | 429 | 500..), retry_after } => {
            DeliveryResult::Unreachable { why: http_status(*code), retry_after: retry_after.map(seconds) }
        }
        WebhookResponse::Status { code, .. } => DeliveryResult::Rejected(http_status(*code)),
    }
}

/// What a run of an endpoint's queue may do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunStart<'e> {
    /// There is no endpoint to call.
    Disabled,
    /// It failed: not before this time.
    Wait(Timestamp),
    /// Send at most so many messages.
    Send { url: &'e str, max: u64 },
}

pub fn start_run(endpoint: &Endpoint, now: Timestamp) -> RunStart<'_> {
    let Some(url) = endpoint.active_url() else { return RunStart::Disabled };
    match endpoint.retry_at {
        Some(at) if now < at => RunStart::Wait(at),
        // A failing endpoint is probed with a single message.
        _ => RunStart::Send { url, max: if endpoint.failures > 0 { 1 } else { RUN_MAX } },
    }
}

/// When the queue of an endpoint runs next; `first_due`: when its first message is due.
pub fn next_run(endpoint: &Endpoint, first_due: Option<Timestamp>) -> Option<Timestamp> {
    endpoint.active_url()?;
    first_due.map(|at| Ord::max(at, endpoint.retry_at.unwrap_or(at)))
}

/// Why a message was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub why: Message,
    /// The failure is the endpoint's: the endpoint counts it, not the message.
    pub is_endpoint_failure: bool,
}

/// What the attempts of a run mean: the endpoint's health, and the messages by what became of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunResult {
    pub endpoint: Endpoint,
    pub accepted: Vec<Uuid>,
    pub failed: Vec<(Uuid, Failure)>,
    pub unsent: Vec<Uuid>,
}

pub fn complete_run(
    endpoint: &Endpoint,
    attempts: Vec<Attempt>,
    now: Timestamp,
    jitter: u8,
    disable_after: Duration,
) -> RunResult {
    let (mut accepted, mut failed, mut unsent) = (Vec::new(), Vec::new(), Vec::new());
    let mut unreachable = None;
    for Attempt { message, response } in attempts {
        let Some(response) = response else {
            unsent.push(message);
            continue;
        };
        let result = classify_response(&response);
        let is_endpoint_failure = result.is_endpoint_failure();
        let why = match result {
            DeliveryResult::Accepted => {
                accepted.push(message);
                continue;
            }
            DeliveryResult::Rejected(why) => why,
            DeliveryResult::Unreachable { why, retry_after } => {
                unreachable = Some((why.clone(), retry_after, false));
                why
            }
            DeliveryResult::Gone => {
                unreachable = Some((msg!("webhooks-gone"), None, true));
                http_status(410)
            }
        };
        failed.push((message, Failure { why, is_endpoint_failure }));
    }
    let mut endpoint = endpoint.clone();
    match unreachable {
        None => (endpoint.failures, endpoint.failing_since, endpoint.retry_at) = (0, None, None),
        Some((why, retry_after, gone)) => {
            endpoint.failures += 1;
            let since = *endpoint.failing_since.get_or_insert(now);
            let asked = retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
            let wait = back_off(endpoint.failures, jitter).max(asked);
            let disable_at = since + disable_after;
            // The last attempt is at that time, so that no wait delays the alarm.
            endpoint.retry_at = Some(if now < disable_at { disable_at.min(now + wait) } else { now + wait });
            if gone || disable_at <= now {
                endpoint.disabled_at = Some(now);
                endpoint.disabled_because = Some(why);
            }
        }
    }
    RunResult { endpoint, accepted, failed, unsent }
}

/// The entry of a new message. Without an endpoint that is called it is not scheduled.
pub fn enqueue(endpoint: &Endpoint, now: Timestamp) -> QueueEntry {
    QueueEntry { due_at: endpoint.active_url().map(|_| now), ..QueueEntry::default() }
}

/// The message is not needed any more.
pub fn withdraw(entry: &mut QueueEntry) {
    entry.due_at = None;
}

/// The other party has the message.
pub fn accept(entry: &mut QueueEntry) {
    entry.due_at = None;
    entry.failure = None;
}

/// Records a failed attempt of a message and schedules the next one, unless it is a dead letter now. `retry_at`: when its
/// endpoint is called next.
pub fn fail(
    entry: &mut QueueEntry,
    failure: &Failure,
    retry_at: Option<Timestamp>,
    now: Timestamp,
    jitter: u8,
) -> QueueState {
    entry.failure = Some(failure.why.clone());
    if failure.is_endpoint_failure {
        entry.due_at = retry_at;
        return QueueState::Due;
    }
    entry.rejections += 1;
    if entry.rejections >= REJECTIONS_MAX {
        entry.due_at = None;
        return QueueState::Dead;
    }
    entry.due_at = Some(now + back_off(entry.rejections, jitter));
    QueueState::Due
}

/// Records the failures of a run in its messages. Returns those that are dead letters now.
pub fn fail_all<M: QueuedMessage>(
    messages: &mut [M],
    failed: &[(Uuid, Failure)],
    retry_at: Option<Timestamp>,
    now: Timestamp,
    jitter: u8,
) -> Vec<M> {
    let mut dead = Vec::new();
    for message in messages {
        let Some((_, failure)) = failed.iter().find(|(id, _)| *id == message.id()) else { continue };
        let state = fail(message.entry_mut(), failure, retry_at, now, jitter);
        message.set_state(state);
        if state == QueueState::Dead {
            dead.push(message.clone());
        }
    }
    dead
}

/// Dead letters are sent again, as if for the first time. `inactive`: the refusal if their endpoint is not called.
pub fn replay_all<M: QueuedMessage>(
    endpoint: &Endpoint,
    dead: &mut [M],
    now: Timestamp,
    inactive: impl FnOnce() -> Refusal,
) -> Result<(), Refusal> {
    if endpoint.active_url().is_none() {
        return Err(inactive());
    }
    for message in dead {
        let entry = message.entry_mut();
        (entry.attempts, entry.rejections) = (0, 0);
        entry.due_at = Some(now);
        message.set_state(QueueState::Due);
    }
    Ok(())
}
