//! Verification and parsing of requests: pure; the time of receipt is a field of the request.

mod api;
pub mod callback;
mod dingtalk;
mod email;
mod feishu;
mod message;
mod originals;
mod quarantine;
mod quoted_text;
mod silence;
pub mod thread;
mod web;
mod wecom;
pub mod words;

use std::time::Duration;

#[cfg(test)]
pub use self::feishu::{decrypt as feishu_decrypt, plain_text as feishu_plain_text};

pub use self::email::Fingerprint;
#[cfg(test)]
pub(super) use self::email::parse_subject;
pub(super) use self::message::fit_text;
use self::message::message_of;
pub use self::originals::{Excess, excess};
pub use self::quarantine::{QuarantineLoad, QuarantineUsage, has_room};
pub use self::silence::{SILENCE_LOOKBACK, silence};
use super::model::{Gateway, RawRequest, Reason, VerifiedRequest};
use crate::credentials::model::Parts;
use crate::kernel::{Locale, Timestamp, minutes};

/// How far the signed timestamp may be from the time of receipt.
const SIGNATURE_TOLERANCE: Duration = minutes(60);

/// Verifies and parses a request with any of the valid secrets, newest first. `nonce`: randomness for an encrypted answer.
/// `locale`: the organisation's language, for what is added to the sender's text.
pub fn check(secrets: &[Parts], raw: &RawRequest, nonce: &[u8; 16], locale: Locale) -> Result<VerifiedRequest, Reason> {
    let check_with = |parts: &Parts| match raw.gateway {
        Gateway::Wecom => wecom::check(parts, raw, locale),
        Gateway::Dingtalk => dingtalk::check(parts, raw, nonce, locale),
        Gateway::Feishu => feishu::check(parts, raw, locale),
        Gateway::Api => api::check(parts, raw, locale),
        Gateway::Email => email::check(parts, raw, locale),
        Gateway::Web => web::check(parts, raw, nonce, locale),
    };
    let mut first = None;
    for parts in secrets {
        match check_with(parts) {
            Ok(checked) => return Ok(checked),
            // The reason is that of the newest secret.
            Err(reason) => first = first.or(Some(reason)),
        }
    }
    Err(first.unwrap_or(Reason::NoCredential))
}

/// Compares with the time of receipt, so that a quarantined request does not expire.
fn check_freshness(raw: &RawRequest, signed_at: Timestamp) -> Result<(), Reason> {
    let difference = (raw.at.millis() - signed_at.millis()).unsigned_abs();
    if u128::from(difference) <= SIGNATURE_TOLERANCE.as_millis() { Ok(()) } else { Err(Reason::TimestampInvalid) }
}

fn parse_seconds(text: &str) -> Result<Timestamp, Reason> {
    let seconds: i64 = text.trim().parse().map_err(|_| Reason::SignatureInvalid)?;
    Ok(Timestamp::from_millis(seconds.saturating_mul(1_000)))
}

fn verify_equal(given: &str, expected: &str) -> Result<(), Reason> {
    use subtle::ConstantTimeEq as _;
    let is_equal = bool::from(given.as_bytes().ct_eq(expected.as_bytes()));
    if is_equal { Ok(()) } else { Err(Reason::SignatureInvalid) }
}

/// A synthetic request for a gateway whose sender Buoy can act as. `name`: identifies the canary.
pub fn canary(gateway: Gateway, parts: &Parts, name: &str, now: Timestamp, random: &[u8; 16]) -> Option<RawRequest> {
    let (headers, body) = match gateway {
        Gateway::Api => api::signed_request(parts, name, now)?,
        Gateway::Web => (Vec::new(), web::filled_form(parts, name, now, random)?),
        _ => return None,
    };
    Some(RawRequest {
        gateway,
        verifying: false,
        query: Vec::new(),
        headers,
        body,
        source: "canary".to_owned(),
        at: now,
    })
}
