//! Requests of providers to a gateway, signed and encrypted as their documentation says, without code of the product.

use aes::Aes256;
use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockModeEncrypt as _, KeyIvInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac};
use serde_json::{Value as Json, json};

/// Encrypts text whose length is a multiple of the block size.
fn aes_cbc(key: &[u8; 32], iv: &[u8], mut plain: Vec<u8>) -> Vec<u8> {
    let iv: [u8; 16] = iv.try_into().unwrap();
    let size = plain.len();
    let cipher = cbc::Encryptor::<Aes256>::new(&(*key).into(), &iv.into());
    cipher.encrypt_padded::<NoPadding>(&mut plain, size).unwrap();
    plain
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A request to a gateway.
pub struct GatewayRequest {
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl GatewayRequest {
    pub async fn send(&self, http: &reqwest::Client, address: &str) -> (u16, Json) {
        let mut request = http.post(format!("{address}{}", self.path)).body(self.body.clone());
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Json::String(text)))
    }
}

/// A WeCom application.
#[derive(Clone)]
pub struct Wecom {
    pub token: String,
    /// 43 letters.
    pub aes_key: String,
    pub corp: String,
}

impl Wecom {
    pub fn new(token: &str, seed: u8) -> Self {
        let aes_key = STANDARD.encode([seed; 32]).trim_end_matches('=').to_owned();
        Self { token: token.to_owned(), aes_key, corp: "ww0123456789".to_owned() }
    }

    /// The parts of the credential, as the schema takes them.
    pub fn parts(&self) -> Json {
        json!([
            { "name": "token", "value": self.token },
            { "name": "encodingAesKey", "value": self.aes_key },
            { "name": "receiveId", "value": self.corp },
        ])
    }

    fn encrypt(&self, message: &str) -> String {
        let key: [u8; 32] = STANDARD.decode(format!("{}=", self.aes_key)).unwrap().try_into().unwrap();
        let mut plain = vec![b'r'; 16];
        plain.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        plain.extend(message.as_bytes());
        plain.extend(self.corp.as_bytes());
        let pad = 32 - plain.len() % 32;
        plain.extend(vec![u8::try_from(pad).unwrap(); pad]);
        STANDARD.encode(aes_cbc(&key, &key[..16], plain))
    }

    fn sign(&self, timestamp: i64, nonce: &str, encrypted: &str) -> String {
        let timestamp = timestamp.to_string();
        let mut parts = [self.token.as_str(), &timestamp, nonce, encrypted];
        parts.sort_unstable();
        hex(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, parts.concat().as_bytes()).as_ref())
    }

    /// A text message of a user.
    pub fn text(&self, now: i64, message_id: u64, from: &str, text: &str) -> GatewayRequest {
        let inner = format!(
            "<xml><ToUserName><![CDATA[{}]]></ToUserName><FromUserName><![CDATA[{from}]]></FromUserName><CreateTime>{now}</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[{text}]]></Content><MsgId>{message_id}</MsgId><AgentID>1</AgentID></xml>",
            self.corp
        );
        let encrypted = self.encrypt(&inner);
        let signature = self.sign(now, "n1", &encrypted);
        GatewayRequest {
            path: format!("/intake/wecom?msg_signature={signature}&timestamp={now}&nonce=n1"),
            headers: vec![("content-type", "text/xml".to_owned())],
            body: format!(
                "<xml><ToUserName><![CDATA[{}]]></ToUserName><Encrypt><![CDATA[{encrypted}]]></Encrypt><AgentID><![CDATA[1]]></AgentID></xml>",
                self.corp
            ),
        }
    }

    /// The path that verifies the callback address, and the expected response.
    pub fn verification(&self, now: i64) -> (String, String) {
        let encrypted = self.encrypt("echo-4711");
        let signature = self.sign(now, "n2", &encrypted);
        let echo = encrypted.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        (
            format!("/intake/wecom?msg_signature={signature}&timestamp={now}&nonce=n2&echostr={echo}"),
            "echo-4711".to_owned(),
        )
    }
}

fn hmac_base64(key: &[u8], message: &[u8]) -> String {
    STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message))
}

/// A text message to a DingTalk robot.
pub fn dingtalk(secret: &str, now: i64, message_id: &str, from: &str, text: &str) -> GatewayRequest {
    let timestamp = (now * 1_000).to_string();
    let sign = hmac_base64(secret.as_bytes(), format!("{timestamp}\n{secret}").as_bytes());
    let body = json!({ "msgtype": "text", "text": { "content": text }, "msgId": message_id, "senderStaffId": from, "conversationType": "1" });
    GatewayRequest {
        path: "/intake/dingtalk".to_owned(),
        headers: vec![("timestamp", timestamp), ("sign", sign)],
        body: body.to_string(),
    }
}

/// A Feishu event; `signed`: with its signature headers.
pub fn feishu(encrypt_key: &str, now: i64, event: &Json, signed: bool) -> GatewayRequest {
    let key: [u8; 32] = digest::digest(&digest::SHA256, encrypt_key.as_bytes()).as_ref().try_into().unwrap();
    let iv = [9; 16];
    let mut plain = event.to_string().into_bytes();
    let pad = 16 - plain.len() % 16;
    plain.extend(vec![u8::try_from(pad).unwrap(); pad]);
    let encrypted = aes_cbc(&key, &iv, plain);
    let body = json!({ "encrypt": STANDARD.encode([iv.as_slice(), &encrypted].concat()) }).to_string();
    let signature = hex(digest::digest(&digest::SHA256, format!("{now}n3{encrypt_key}{body}").as_bytes()).as_ref());
    let headers = vec![
        ("x-lark-request-timestamp", now.to_string()),
        ("x-lark-request-nonce", "n3".to_owned()),
        ("x-lark-signature", signature),
    ];
    GatewayRequest { path: "/intake/feishu".to_owned(), headers: if signed { headers } else { Vec::new() }, body }
}

/// A Feishu text message.
pub fn feishu_text(
    encrypt_key: &str,
    token: &str,
    now: i64,
    message_id: &str,
    from: &str,
    text: &str,
) -> GatewayRequest {
    let content = json!({ "text": text }).to_string();
    let event = json!({
        "schema": "2.0",
        "header": { "event_id": format!("e-{message_id}"), "token": token, "event_type": "im.message.receive_v1" },
        "event": {
            "sender": { "sender_id": { "user_id": from } },
            "message": { "message_id": message_id, "message_type": "text", "content": content },
        },
    });
    feishu(encrypt_key, now, &event, true)
}

/// A request of a signed program.
pub fn api(secret: &str, now: i64, id: &str, body: &Json) -> GatewayRequest {
    let body = body.to_string();
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let signature = format!("v1,{}", hmac_base64(&key, format!("{id}.{now}.{body}").as_bytes()));
    let headers =
        vec![("webhook-id", id.to_owned()), ("webhook-timestamp", now.to_string()), ("webhook-signature", signature)];
    GatewayRequest { path: "/intake/api".to_owned(), headers, body }
}
