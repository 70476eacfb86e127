//! Whether a request is what it says it is, and what it says: pure, with the time of receipt as an argument of the request.

mod api;
pub mod callback;
mod dingtalk;
mod email;
mod feishu;
mod silence;
mod web;
mod wecom;

use std::time::Duration;

#[cfg(test)]
pub use self::feishu::{decrypt as feishu_decrypt, rich as feishu_rich};

pub use self::silence::{LEARNED_FROM, silence};
use super::model::{EXTERNAL_ID_MAX, Gateway, Message, More, Raw, Reason, Said};
use crate::credentials::model::Parts;
use crate::kernel::text::{BODY_CHARS_MAX, TITLE_CHARS_MAX};
use crate::kernel::{Timestamp, minutes};

/// A signature is taken for so long before and after its time.
const FRESH_FOR: Duration = minutes(60);

/// What a request says, by any of the secrets that are good, newest first. `nonce`: chance for an answer that is encrypted.
pub fn check(secrets: &[Parts], raw: &Raw, nonce: &[u8; 16]) -> Result<Said, Reason> {
    let by = |parts: &Parts| match raw.gateway {
        Gateway::Wecom => wecom::check(parts, raw),
        Gateway::Dingtalk => dingtalk::check(parts, raw, nonce),
        Gateway::Feishu => feishu::check(parts, raw),
        Gateway::Api => api::check(parts, raw),
        Gateway::Email => email::check(parts, raw),
        Gateway::Web => web::check(parts, raw, nonce),
    };
    let mut first = None;
    for parts in secrets {
        match by(parts) {
            Ok(said) => return Ok(said),
            // Of several secrets the newest says what is wrong.
            Err(reason) => first = first.or(Some(reason)),
        }
    }
    Err(first.unwrap_or(Reason::NoCredential))
}

/// Judged by the time of receipt: what waits in quarantine does not grow old.
fn fresh(raw: &Raw, signed_at: Timestamp) -> Result<(), Reason> {
    let apart = (raw.at.millis() - signed_at.millis()).unsigned_abs();
    if u128::from(apart) <= FRESH_FOR.as_millis() { Ok(()) } else { Err(Reason::TimestampInvalid) }
}

fn seconds_of(text: &str) -> Result<Timestamp, Reason> {
    let seconds: i64 = text.trim().parse().map_err(|_| Reason::SignatureInvalid)?;
    Ok(Timestamp::from_millis(seconds.saturating_mul(1_000)))
}

fn same(given: &str, expected: &str) -> Result<(), Reason> {
    use subtle::ConstantTimeEq as _;
    let same = bool::from(given.as_bytes().ct_eq(expected.as_bytes()));
    if same { Ok(()) } else { Err(Reason::SignatureInvalid) }
}

/// What somebody wrote, as a ticket: its first line is the title.
fn written(external_id: &str, sender: Option<&str>, text: &str) -> Result<Message, Reason> {
    let text: String = text.trim().chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    let first = text.lines().find(|line| !line.trim().is_empty()).ok_or(Reason::Malformed)?;
    let external_id = external_id.trim();
    if external_id.is_empty() || external_id.len() > EXTERNAL_ID_MAX {
        return Err(Reason::Malformed);
    }
    Ok(Message {
        external_id: external_id.to_owned(),
        sender: sender.map(str::trim).filter(|sender| !sender.is_empty()).map(str::to_owned),
        title: first.trim().chars().take(TITLE_CHARS_MAX).collect(),
        description: text.chars().take(BODY_CHARS_MAX).collect(),
        answers: Vec::new(),
        token: None,
        own_words: None,
        more: More::default(),
    })
}

/// A synthetic request of a gateway whose sender we can be ourselves, as its sender makes it. `name`: by which it is known again.
pub fn canary(gateway: Gateway, parts: &Parts, name: &str, now: Timestamp, chance: &[u8; 16]) -> Option<Raw> {
    let (headers, body) = match gateway {
        Gateway::Api => api::signed(parts, name, now)?,
        Gateway::Web => (Vec::new(), web::filled(parts, name, now, chance)?),
        _ => return None,
    };
    Some(Raw { gateway, verifying: false, query: Vec::new(), headers, body, source: "canary".to_owned(), at: now })
}
