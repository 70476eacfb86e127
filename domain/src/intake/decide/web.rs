//! The form that anybody may fill in. Whoever opens it gets a pass, which is good for a day and for one ticket; so a form that
//! was not opened here, or a page that fills it in a thousand times, is seen.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Deserialize;
use serde_json::json;
use sha2::Sha256;

use super::{same, written};
use crate::credentials::model::Parts;
use crate::intake::model::{Raw, Reason, Reply, Said};
use crate::kernel::{Timestamp, days};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Form {
    pass: String,
    title: String,
    description: String,
    /// How whoever writes can be reached.
    contact: String,
}

fn mac(secret: &str, issued: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(issued.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// `<seconds>.<chance>.<HMAC-SHA256 of the two>`
fn pass(secret: &str, now: Timestamp, chance: &[u8; 16]) -> String {
    let issued = format!("{}.{}", now.millis() / 1_000, hex::encode(chance));
    let mac = mac(secret, &issued);
    format!("{issued}.{mac}")
}

pub fn check(parts: &Parts, raw: &Raw, chance: &[u8; 16]) -> Result<Said, Reason> {
    let secret = parts.get("secret").ok_or(Reason::NoCredential)?;
    if raw.verifying {
        let reply = Reply::json(&json!({ "pass": pass(secret, raw.at, chance) }));
        return Ok(Said { reply, message: None });
    }
    let form: Form = serde_json::from_slice(&raw.body).map_err(|_| Reason::Malformed)?;
    let (issued, given) = form.pass.rsplit_once('.').ok_or(Reason::SignatureInvalid)?;
    same(given, &mac(secret, issued))?;
    let (seconds, id) = issued.split_once('.').ok_or(Reason::SignatureInvalid)?;
    let issued_at = super::seconds_of(seconds)?;
    if raw.at < issued_at || issued_at + days(1) < raw.at {
        return Err(Reason::TimestampInvalid);
    }
    let mut message = written(id, Some(&form.contact), &form.description)?;
    message.title = written(id, None, &form.title)?.title;
    Ok(Said { reply: Reply::json(&json!({})), message: Some(message) })
}

/// A form as somebody fills it in who has opened it.
pub fn filled(parts: &Parts, title: &str, now: Timestamp, chance: &[u8; 16]) -> Option<Vec<u8>> {
    let pass = pass(parts.get("secret")?, now, chance);
    let form = json!({ "pass": pass, "title": title, "description": title, "contact": title });
    Some(form.to_string().into_bytes())
}
