//! Programs of other parties, signed by Standard Webhooks:
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use serde_json::json;
use sha2::Sha256;

use super::{check_freshness, message_of, parse_seconds, verify_equal};
use crate::credentials::decide::webhook_key;
use crate::credentials::model::Parts;
use crate::intake::model::{MessageDetails, RawRequest, Reason, Reply, VerifiedRequest};
use crate::kernel::{Locale, Timestamp};
use crate::tickets::model::{ExternalRef, Priority};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    title: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    priority: Option<Priority>,
    #[serde(default)]
    external_refs: Vec<Reference>,
    #[serde(default)]
    issue_type: Option<String>,
    #[serde(default)]
    product: Option<String>,
    #[serde(default)]
    device: Option<String>,
    #[serde(default)]
    customer_key: Option<String>,
    #[serde(default)]
    requester_email: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Reference {
    system: String,
    external_id: String,
}

fn signature(parts: &Parts, id: &str, timestamp: &str, body: &[u8]) -> Result<String, Reason> {
    let key = parts.get("secret").and_then(webhook_key).ok_or(Reason::NoCredential)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes keys of any length");
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

pub type Headers = Vec<(String, String)>;

/// A request signed as a sender would sign it: headers and body.
pub fn signed_request(parts: &Parts, name: &str, now: Timestamp) -> Option<(Headers, Vec<u8>)> {
    let (body, timestamp) = (json!({ "title": name }).to_string().into_bytes(), (now.millis() / 1_000).to_string());
    let signature = signature(parts, name, &timestamp, &body).ok()?;
    let headers = [("webhook-id", name), ("webhook-timestamp", &timestamp), ("webhook-signature", &signature)];
    Some((headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(), body))
}

pub fn check(parts: &Parts, raw: &RawRequest, locale: Locale) -> Result<VerifiedRequest, Reason> {
    let (id, timestamp) = (raw.header("webhook-id"), raw.header("webhook-timestamp"));
    let expected = signature(parts, id, timestamp, &raw.body)?;
    let mut given = raw.header("webhook-signature").split(' ');
    if id.is_empty() || !given.any(|one| verify_equal(one, &expected).is_ok()) {
        return Err(Reason::SignatureInvalid);
    }
    check_freshness(raw, parse_seconds(timestamp)?)?;
    let Body {
        title,
        description,
        priority,
        external_refs,
        issue_type,
        product,
        device,
        customer_key,
        requester_email,
    } = serde_json::from_slice(&raw.body).map_err(|_| Reason::Malformed)?;
    let mut message = message_of(id, None, Some(&title), description.as_deref().unwrap_or_default(), locale)?;
    let reference = |Reference { system, external_id }| ExternalRef { system, external_id };
    message.details = MessageDetails {
        priority,
        issue_type,
        product,
        device,
        customer_key,
        requester_email,
        external_refs: external_refs.into_iter().map(reference).collect(),
    };
    Ok(VerifiedRequest { reply: Reply::json(&json!({})), message: Some(message) })
}
