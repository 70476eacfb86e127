//! Feishu 飞书: <https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/encrypt-key-encryption-configuration-case>,
//! messages <https://open.feishu.cn/document/server-docs/im-v1/message/events/receive>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::callback::{decrypt_blocks, unpadded};
use super::{check_freshness, message_of, parse_seconds, verify_equal};
use crate::credentials::model::Parts;
use crate::intake::model::{RawRequest, Reason, Reply, VerifiedRequest};
use crate::kernel::Locale;

/// AES-256-CBC: the key is the SHA-256 of the encrypt key, the first block the initial vector.
pub fn decrypt(encrypt_key: &str, encrypted: &str) -> Result<String, Reason> {
    let key: [u8; 32] = Sha256::digest(encrypt_key).into();
    let bytes = STANDARD.decode(encrypted.trim()).map_err(|_| Reason::DecryptionFailed)?;
    let (iv, bytes) = bytes.split_first_chunk::<16>().ok_or(Reason::DecryptionFailed)?;
    let plain = decrypt_blocks(&key, iv, bytes)?;
    let length = unpadded(&plain, 16)?;
    String::from_utf8(plain[..length].to_vec()).map_err(|_| Reason::DecryptionFailed)
}

/// SHA-256 of timestamp, nonce, encrypt key and body.
pub fn signature(timestamp: &str, nonce: &str, encrypt_key: &str, body: &[u8]) -> String {
    hex::encode(Sha256::digest([timestamp.as_bytes(), nonce.as_bytes(), encrypt_key.as_bytes(), body].concat()))
}

/// The plain text of a rich text message: a title and paragraphs, possibly per language.
pub fn plain_text(content: &Json) -> String {
    let content = if content["content"].is_array() {
        content
    } else {
        content.as_object().and_then(|languages| languages.values().next()).unwrap_or(content)
    };
    let paragraphs = content["content"].as_array().into_iter().flatten().map(|pieces| {
        let texts = pieces.as_array().into_iter().flatten().map(|piece| {
            let text = [&piece["text"], &piece["user_name"], &piece["image_key"]].into_iter().find_map(Json::as_str);
            let link = piece["href"].as_str().map(|href| format!(" ({href})")).unwrap_or_default();
            format!("{}{link}", text.unwrap_or_default())
        });
        texts.collect::<String>()
    });
    let title = content["title"].as_str().filter(|title| !title.is_empty()).map(str::to_owned);
    title.into_iter().chain(paragraphs).collect::<Vec<_>>().join("\n")
}

pub fn check(parts: &Parts, raw: &RawRequest, locale: Locale) -> Result<VerifiedRequest, Reason> {
    let part = |name: &str| parts.get(name).ok_or(Reason::NoCredential);
    let (encrypt_key, token) = (part("encryptKey")?, part("verificationToken")?);
    let (timestamp, nonce) = (raw.header("x-lark-request-timestamp"), raw.header("x-lark-request-nonce"));
    let given = raw.header("x-lark-signature");
    let is_signed = !given.is_empty();
    if is_signed {
        verify_equal(given, &signature(timestamp, nonce, encrypt_key, &raw.body))?;
        check_freshness(raw, parse_seconds(timestamp)?)?;
    }
    let body: Json = serde_json::from_slice(&raw.body).map_err(|_| Reason::SignatureInvalid)?;
    let encrypted = body["encrypt"].as_str().ok_or(Reason::SignatureInvalid)?;
    let plain = decrypt(encrypt_key, encrypted)?;
    let event: Json = serde_json::from_str(&plain).map_err(|_| Reason::DecryptionFailed)?;
    let given_token = event["header"]["token"].as_str().or(event["token"].as_str()).unwrap_or_default();
    verify_equal(given_token, token)?;
    if event["type"] == "url_verification" {
        // A verification request has no signature; key and token are sufficient.
        let reply = Reply::json(&json!({ "challenge": event["challenge"] }));
        return Ok(VerifiedRequest { reply, message: None });
    }
    if !is_signed {
        return Err(Reason::SignatureInvalid);
    }
    let reply = Reply::json(&json!({ "code": 0 }));
    // An event of version 1 has another shape: it is quarantined, not ignored.
    if event["event"]["type"] == "message" {
        return Err(Reason::Malformed);
    }
    if event["header"]["event_type"] != "im.message.receive_v1" {
        return Ok(VerifiedRequest { reply, message: None });
    }
    let (sender, message) = (&event["event"]["sender"]["sender_id"], &event["event"]["message"]);
    let content: Json = serde_json::from_str(message["content"].as_str().unwrap_or("{}")).unwrap_or_default();
    let text = match message["message_type"].as_str() {
        Some("text") => content["text"].as_str().unwrap_or_default().to_owned(),
        Some("post") => plain_text(&content),
        // An image, a file or a card: its content contains the link to it.
        Some(other) => format!("[{other}] {content}"),
        None => return Err(Reason::Malformed),
    };
    let author = sender["user_id"].as_str().or(sender["open_id"].as_str());
    let ids = ["parent_id", "root_id"].into_iter().filter_map(|name| message[name].as_str().map(str::to_owned));
    let (in_reply_to, conversation) = (ids.collect(), message["chat_id"].as_str().map(str::to_owned));
    let mut message = message_of(message["message_id"].as_str().unwrap_or_default(), author, None, &text, locale)?;
    (message.in_reply_to, message.conversation) = (in_reply_to, conversation);
    Ok(VerifiedRequest { reply, message: Some(message) })
}
