//! How a correction is signed, and when it is tried again.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::hub::model::Answered;
use crate::kernel::{days, seconds};

/// A message that its endpoint refuses so often is a dead letter; while the endpoint takes nothing at all, that is counted there.
pub const REFUSALS_MAX: i32 = 10;
const FIRST_RETRY: u64 = 5;
const RETRY_MAX: Duration = days(1);

/// A secret as its owner keeps it: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.
pub fn secret_text(secret: &[u8]) -> String {
    format!("whsec_{}", STANDARD.encode(secret))
}

/// The header `webhook-signature`: HMAC-SHA256 of id, timestamp and body, one for each secret that is good now.
pub fn signature(secrets: &[Vec<u8>], id: &str, timestamp: i64, body: &str) -> String {
    let signed: Vec<String> = secrets
        .iter()
        .map(|secret| {
            let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
            mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
            format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
        })
        .collect();
    signed.join(" ")
}

/// 5 s, 15 s, 45 s … up to a day; `chance` in 0..=255 spreads it by a fifth either way, so that those who failed at once
/// do not come back at once.
pub fn back_off(failures: i32, chance: u8) -> Duration {
    let exponent = u32::try_from(failures.clamp(1, 16) - 1).unwrap_or(0);
    let whole = FIRST_RETRY.saturating_mul(3_u64.saturating_pow(exponent));
    let whole = seconds(whole).min(RETRY_MAX);
    whole.mul_f64(0.8 + 0.4 * f64::from(chance) / 255.0)
}

/// What an answer means for what was sent, and for its endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Taken,
    /// The endpoint does not take this message: others may go.
    Refused(String),
    /// The endpoint takes nothing now.
    Unreachable {
        why: String,
        after: Option<Duration>,
    },
    /// The endpoint wants no message ever again.
    Gone,
}

pub fn verdict(answered: &Answered) -> Verdict {
    match answered {
        Answered::Nothing { why } => Verdict::Unreachable { why: why.clone(), after: None },
        Answered::Status { code: 200..=299, .. } => Verdict::Taken,
        Answered::Status { code: 410, .. } => Verdict::Gone,
        Answered::Status { code: code @ 300..=399, .. } => Verdict::Unreachable {
            why: format!("HTTP {code}: redirects are not followed; register the address that it leads to"),
            after: None,
        },
        Answered::Status { code: code @ (408 | 425 | 429 | 500..), retry_after } => {
            Verdict::Unreachable { why: format!("HTTP {code}"), after: retry_after.map(seconds) }
        }
        Answered::Status { code, .. } => Verdict::Refused(format!("HTTP {code}")),
    }
}
