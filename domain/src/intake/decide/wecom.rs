//! WeCom 企业微信: <https://developer.work.weixin.qq.com/document/path/90930>, messages <https://developer.work.weixin.qq.com/document/path/90239>.

use std::collections::HashMap;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::callback::{decrypt, signature};
use super::{fresh, same, seconds_of, written};
use crate::credentials::model::Parts;
use crate::intake::model::{Raw, Reason, Reply, Said};

/// The texts of an element's children, by their names.
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

pub fn check(parts: &Parts, raw: &Raw) -> Result<Said, Reason> {
    let part = |name: &str| parts.get(name).ok_or(Reason::NoCredential);
    let (token, aes_key, receiver) = (part("token")?, part("encodingAesKey")?, part("receiveId")?);
    let (timestamp, nonce) = (raw.argument("timestamp"), raw.argument("nonce"));
    let body = String::from_utf8_lossy(&raw.body);
    let encrypted = if raw.verifying {
        raw.argument("echostr").to_owned()
    } else {
        // What does not even read has no signature.
        fields(&body).ok().and_then(|mut fields| fields.remove("Encrypt")).ok_or(Reason::SignatureInvalid)?
    };
    same(raw.argument("msg_signature"), &signature(token, timestamp, nonce, &encrypted))?;
    fresh(raw, seconds_of(timestamp)?)?;
    let plain = decrypt(aes_key, receiver, &encrypted)?;
    if raw.verifying {
        return Ok(Said { reply: Reply::text(plain), message: None });
    }
    let said = fields(&plain)?;
    let field = |name: &str| said.get(name).map_or("", |value| value.trim());
    let text = match field("MsgType") {
        "text" => field("Content").to_owned(),
        "image" => format!("[图片] {}", field("PicUrl")),
        "location" => format!("[位置] {}", field("Label")),
        "link" => format!("{}\n{}\n{}", field("Title"), field("Description"), field("Url")),
        // Somebody came or went, pressed a menu: no request for help.
        "event" => return Ok(Said { reply: Reply::text("success"), message: None }),
        // A recording, a file: what stands in it leads to it.
        other => format!("[{other}] {}", field("MediaId")),
    };
    let message = written(field("MsgId"), Some(field("FromUserName")), &text)?;
    Ok(Said { reply: Reply::text("success"), message: Some(message) })
}
