//! WeCom 企业微信: <https://developer.work.weixin.qq.com/document/path/90930>, messages <https://developer.work.weixin.qq.com/document/path/90239>.

use std::collections::HashMap;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::callback::{decrypt, signature};
use super::{check_freshness, message_of, parse_seconds, verify_equal};
use crate::credentials::model::Parts;
use crate::intake::model::{RawRequest, Reason, Reply, VerifiedRequest};
use crate::kernel::Locale;
use crate::msg;

/// The texts of the root element's children, by name.
fn fields(xml: &str) -> Result<HashMap<String, String>, Reason> {
    let mut reader = Reader::from_str(xml);
    let mut fields: HashMap<String, String> = HashMap::new();
    let mut path: Vec<String> = Vec::new();
    loop {
        let text = match reader.read_event().map_err(|_| Reason::Malformed)? {
            Event::Start(element) => {
                path.push(element.name().as_ref().to_owned());
                continue;
            }
            Event::End(_) => {
                path.pop();
                continue;
            }
            Event::CData(data) => (*data).to_owned(),
            Event::Text(text) => (*text).to_owned(),
            Event::Eof => return Ok(fields),
            _ => continue,
        };
        if let [_, name] = &path[..] {
            fields.entry(name.clone()).or_default().push_str(&text);
        }
    }
}

pub fn check(parts: &Parts, raw: &RawRequest, locale: Locale) -> Result<VerifiedRequest, Reason> {
    let part = |name: &str| parts.get(name).ok_or(Reason::NoCredential);
    let (token, aes_key, receiver) = (part("token")?, part("encodingAesKey")?, part("receiveId")?);
    let (timestamp, nonce) = (raw.query_param("timestamp"), raw.query_param("nonce"));
    let body = String::from_utf8_lossy(&raw.body);
    let encrypted = if raw.verifying {
        raw.query_param("echostr").to_owned()
    } else {
        // A body that cannot be parsed has no signature.
        fields(&body).ok().and_then(|mut fields| fields.remove("Encrypt")).ok_or(Reason::SignatureInvalid)?
    };
    verify_equal(raw.query_param("msg_signature"), &signature(token, timestamp, nonce, &encrypted))?;
    check_freshness(raw, parse_seconds(timestamp)?)?;
    let plain = decrypt(aes_key, receiver, &encrypted)?;
    if raw.verifying {
        return Ok(VerifiedRequest { reply: Reply::text(plain), message: None });
    }
    let content = fields(&plain)?;
    let field = |name: &str| content.get(name).map_or("", |value| value.trim());
    let text = match field("MsgType") {
        "text" => field("Content").to_owned(),
        "image" => msg!("intake-image", url = field("PicUrl")).text(locale),
        "location" => msg!("intake-location", place = field("Label")).text(locale),
        "link" => format!("{}\n{}\n{}", field("Title"), field("Description"), field("Url")),
        // A subscription or a menu click: not a request for help.
        "event" => return Ok(VerifiedRequest { reply: Reply::text("success"), message: None }),
        // A recording or a file: its content contains the id of the media.
        other => format!("[{other}] {}", field("MediaId")),
    };
    let message = message_of(field("MsgId"), Some(field("FromUserName")), None, &text, locale)?;
    Ok(VerifiedRequest { reply: Reply::text("success"), message: Some(message) })
}
