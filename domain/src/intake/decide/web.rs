//! The public form. Opening it issues a pass, which is valid for a day and for one ticket; so a form that was not opened here,
//! and a script that submits it repeatedly, are detected.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use serde_json::json;
use sha2::Sha256;

use super::{message_of, verify_equal};
use crate::credentials::model::Parts;
use crate::intake::model::{RawRequest, Reason, Reply, VerifiedRequest};
use crate::kernel::{Locale, Timestamp, days};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Form {
    pass: String,
    title: String,
    description: String,
    /// Contact data of the writer.
    contact: String,
}

fn mac(secret: &str, issued: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(issued.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// A pass: `<seconds>.<random>.<HMAC-SHA256 of the two>`
fn issue_pass(secret: &str, now: Timestamp, random: &[u8; 16]) -> String {
    let issued = format!("{}.{}", now.millis() / 1_000, hex::encode(random));
    let mac = mac(secret, &issued);
    format!("{issued}.{mac}")
}

pub fn check(parts: &Parts, raw: &RawRequest, random: &[u8; 16], locale: Locale) -> Result<VerifiedRequest, Reason> {
    let secret = parts.get("secret").ok_or(Reason::NoCredential)?;
    if raw.verifying {
        let reply = Reply::json(&json!({ "pass": issue_pass(secret, raw.at, random) }));
        return Ok(VerifiedRequest { reply, message: None });
    }
    let form: Form = serde_json::from_slice(&raw.body).map_err(|_| Reason::Malformed)?;
    let (issued, given) = form.pass.rsplit_once('.').ok_or(Reason::SignatureInvalid)?;
    verify_equal(given, &mac(secret, issued))?;
    let (seconds, id) = issued.split_once('.').ok_or(Reason::SignatureInvalid)?;
    let issued_at = super::parse_seconds(seconds)?;
    if raw.at < issued_at || issued_at + days(1) < raw.at {
        return Err(Reason::TimestampInvalid);
    }
    let mut message = message_of(id, Some(&form.contact), Some(&form.title), &form.description, locale)?;
    // The form proves no address: the contact is a name.
    message.author_name = message.sender.take();
    Ok(VerifiedRequest { reply: Reply::json(&json!({})), message: Some(message) })
}

/// A filled-in form with a valid pass.
pub fn filled_form(parts: &Parts, title: &str, now: Timestamp, random: &[u8; 16]) -> Option<Vec<u8>> {
    let pass = issue_pass(parts.get("secret")?, now, random);
    let form = json!({ "pass": pass, "title": title, "description": title, "contact": title });
    Some(form.to_string().into_bytes())
}
