//! When to warn the owner, and validation of parts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::model::{CredentialKind, Parts};
use crate::kernel::{Code, Refusal, Timestamp, days, refuse, text};
use crate::msg;

const PART_CHARS_MAX: usize = 2_000;
/// Characters of an AES key of WeCom and DingTalk.
const AES_KEY_CHARS: usize = 43;

/// The warning that is due now, and the time of the next one. `at`: days before the expiry, in descending order; `warned`: the
/// last warning that was sent.
pub fn warning(
    at: &[u64],
    now: Timestamp,
    expires_at: Timestamp,
    warned: Option<i64>,
) -> (Option<i64>, Option<Timestamp>) {
    let passed = at.iter().rfind(|before| expires_at - days(**before) <= now);
    let passed = passed.and_then(|before| i64::try_from(*before).ok());
    let due = passed.filter(|before| warned.is_none_or(|warned| *before < warned));
    let next = at.iter().map(|before| expires_at - days(*before)).find(|at| *at > now);
    (due, next)
}

/// Validates that all required parts are present and not empty, and that there are no unknown parts.
pub fn check(kind: CredentialKind, given: &Parts) -> Result<Parts, Refusal> {
    let (required, optional) = kind.parts();
    let list = |names: &[&str]| names.join(", ");
    if let Some(missing) = required.iter().find(|name| given.get(name).is_none()) {
        return Err(refuse(
            Code::Required,
            "parts",
            msg!("credentials-part-missing", kind = kind.as_str(), parts = list(required), part = missing),
        ));
    }
    if let Some(unknown) =
        given.0.keys().find(|name| !required.contains(&name.as_str()) && !optional.contains(&name.as_str()))
    {
        return Err(refuse(
            Code::UnknownKey,
            "parts",
            msg!(
                "credentials-part-unknown",
                kind = kind.as_str(),
                part = unknown,
                parts = list(&[required, optional].concat())
            ),
        ));
    }
    let parts = given.0.iter().map(|(name, value)| {
        let value = text::line("parts", value, PART_CHARS_MAX)?;
        check_value(kind, name, &value)?;
        Ok((name.clone(), value))
    });
    Ok(Parts(parts.collect::<Result<_, Refusal>>()?))
}

/// Refuses a value with which no request would ever pass, or every one.
fn check_value(kind: CredentialKind, name: &str, value: &str) -> Result<(), Refusal> {
    let invalid = |message| Err(refuse(Code::Invalid, "parts", message));
    match (kind, name) {
        (CredentialKind::ApiSignature, "secret") if webhook_key(value).is_none() => {
            invalid(msg!("credentials-secret-not-base64", part = name))
        }
        (CredentialKind::WecomCallback, "encodingAesKey") | (CredentialKind::DingtalkCallback, "aesKey")
            if !is_aes_key(value) =>
        {
            invalid(msg!("credentials-aes-key-invalid", part = name, chars = AES_KEY_CHARS))
        }
        _ => Ok(()),
    }
}

/// The key of a secret of Standard Webhooks: what follows `whsec_` is padded base64; without that mark it is the text itself.
/// `None`: it is not base64, or there is no key.
pub fn webhook_key(secret: &str) -> Option<Vec<u8>> {
    let key = match secret.strip_prefix("whsec_") {
        Some(encoded) => STANDARD.decode(encoded).ok()?,
        None => secret.as_bytes().to_vec(),
    };
    (!key.is_empty()).then_some(key)
}

/// Base64 of 32 bytes, as providers show it: without padding.
fn is_aes_key(value: &str) -> bool {
    let key = value.strip_suffix('=').unwrap_or(value);
    key.len() == AES_KEY_CHARS && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/'))
}
