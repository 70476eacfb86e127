//! DingTalk 钉钉: messages to robots <https://open.dingtalk.com/document/orgapp/receive-message>, and the events of an
//! application <https://open.dingtalk.com/document/orgapp/configure-event-subcription>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value as Json, json};
use sha2::Sha256;

use super::callback::{decrypt, encrypt, signature};
use super::message::clean_line;
use super::{check_freshness, message_of, parse_seconds, verify_equal};
use crate::credentials::model::Parts;
use crate::intake::model::{RawRequest, Reason, Reply, VerifiedRequest};
use crate::kernel::{Locale, Timestamp};

pub fn check(parts: &Parts, raw: &RawRequest, random: &[u8; 16], locale: Locale) -> Result<VerifiedRequest, Reason> {
    let body: Option<Json> = serde_json::from_slice(&raw.body).ok();
    match body.as_ref().and_then(|body| body["encrypt"].as_str()) {
        Some(encrypted) => event(parts, raw, encrypted, random),
        None => robot(parts, raw, body.as_ref(), locale),
    }
}

/// HMAC-SHA256 of `timestamp\nsecret`, with the secret as key.
fn robot(parts: &Parts, raw: &RawRequest, body: Option<&Json>, locale: Locale) -> Result<VerifiedRequest, Reason> {
    let secret = parts.get("appSecret").ok_or(Reason::NoCredential)?;
    let timestamp = raw.header("timestamp");
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(format!("{timestamp}\n{secret}").as_bytes());
    verify_equal(raw.header("sign"), &STANDARD.encode(mac.finalize().into_bytes()))?;
    let millis = timestamp.parse().map_err(|_| Reason::SignatureInvalid)?;
    check_freshness(raw, Timestamp::from_millis(millis))?;
    let body = body.ok_or(Reason::Malformed)?;
    let text = match body["msgtype"].as_str() {
        Some("text") => body["text"]["content"].as_str().unwrap_or_default().to_owned(),
        Some("richText") => body["content"]["richText"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|part| part["text"].as_str())
            .collect::<Vec<_>>()
            .join("\n"),
        // A picture or a voice message: its content contains the link to it, and the recognised text.
        Some(other) => format!("[{other}] {}", body["content"]),
        None => return Err(Reason::Malformed),
    };
    let sender = body["senderStaffId"].as_str().or(body["senderId"].as_str());
    let mut message = message_of(body["msgId"].as_str().unwrap_or_default(), sender, None, &text, locale)?;
    message.author_name = body["senderNick"].as_str().map(clean_line).filter(|name| !name.is_empty());
    message.conversation = body["conversationId"].as_str().map(str::to_owned);
    message.in_reply_to = body["originalMsgId"].as_str().map(str::to_owned).into_iter().collect();
    Ok(VerifiedRequest { reply: Reply::json(&json!({ "msgtype": "empty" })), message: Some(message) })
}

fn event(parts: &Parts, raw: &RawRequest, encrypted: &str, random: &[u8; 16]) -> Result<VerifiedRequest, Reason> {
    let part = |name: &str| parts.get(name).ok_or(Reason::NoCredential);
    let (token, aes_key, receiver) = (part("token")?, part("aesKey")?, part("appKey")?);
    let (timestamp, nonce) = (raw.query_param("timestamp"), raw.query_param("nonce"));
    let given =
        [raw.query_param("msg_signature"), raw.query_param("signature")].into_iter().find(|text| !text.is_empty());
    verify_equal(given.unwrap_or_default(), &signature(token, timestamp, nonce, encrypted))?;
    let signed_at = parse_seconds(timestamp)?;
    // The timestamp is in seconds or in milliseconds.
    let millis = if signed_at.millis() > raw.at.millis().saturating_mul(100) {
        signed_at.millis() / 1_000
    } else {
        signed_at.millis()
    };
    check_freshness(raw, Timestamp::from_millis(millis))?;
    decrypt(aes_key, receiver, encrypted)?;
    let (answer, now) = (encrypt(aes_key, receiver, "success", random)?, (raw.at.millis() / 1_000).to_string());
    let reply = json!({
        "msg_signature": signature(token, &now, nonce, &answer), "timeStamp": now, "nonce": nonce, "encrypt": answer,
    });
    Ok(VerifiedRequest { reply: Reply::json(&reply), message: None })
}
