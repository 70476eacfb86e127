//! Another system that speaks of tickets, with its API key and, where it has one, its endpoint.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde_json::{Value as Json, json};

use crate::providers::{Asked, Provider};
use crate::{Client, Desk};

/// The words of every system of these tests, and what they mean.
const WORDS: [(&str, &str); 8] = [
    ("待派工", "NEW"),
    ("已下发", "ASSIGNED"),
    ("处理中", "IN_PROGRESS"),
    ("待确认", "WAITING"),
    ("已完成", "RESOLVED"),
    ("已关闭", "CLOSED"),
    ("已取消", "CANCELLED"),
    ("重新处理", "IN_PROGRESS"),
];

pub struct Partner {
    pub key: String,
    pub client: Client,
    pub secret: String,
    /// Where its corrections go.
    pub endpoint: Option<Endpoint>,
}

pub struct Endpoint {
    pub provider: Provider,
    /// What it answers.
    status: Arc<Mutex<u16>>,
}

impl Endpoint {
    pub fn answers(&self, status: u16) {
        *self.status.lock().unwrap() = status;
    }

    pub fn letters(&self) -> Vec<Asked> {
        self.provider.asked()
    }
}

/// The map of [`WORDS`], as the schema takes it.
pub fn status_map() -> Json {
    let entry =
        |(word, status): &(&str, &str)| json!({ "word": word, "status": status, "reopens": *word == "重新处理" });
    WORDS.iter().map(entry).collect()
}

impl Partner {
    /// Takes corrections by subscription alone.
    pub async fn join(desk: &Desk, key: &str, rank: i32) -> Self {
        Self::register(desk, key, rank, None).await
    }

    /// Takes corrections at an endpoint that answers 200 until it is told otherwise.
    pub async fn join_with_endpoint(desk: &Desk, key: &str) -> Self {
        let status = Arc::new(Mutex::new(200));
        let answer = status.clone();
        let provider = Provider::start(move |_| (*answer.lock().unwrap(), json!({}))).await;
        Self::register(desk, key, 10, Some(Endpoint { provider, status })).await
    }

    async fn register(desk: &Desk, key: &str, rank: i32, endpoint: Option<Endpoint>) -> Self {
        let url = endpoint.as_ref().map(|endpoint| format!("{}/corrections", endpoint.provider.address));
        let input = json!({ "key": key, "rank": rank, "callbackUrl": url, "statusMap": status_map() });
        let fields = "apiKey webhookSecret system { key }";
        let made = desk.as_("admin").await.done("registerSystem", fields, input).await;
        let client = Client { token: Some(made["apiKey"].as_str().unwrap().to_owned()), ..desk.nobody() };
        let secret = made["webhookSecret"].as_str().unwrap().to_owned();
        Self { key: key.to_owned(), client, secret, endpoint }
    }

    /// What each of these reports came to.
    pub async fn report(&self, reports: Json) -> Vec<Json> {
        let fields = "results { uuid outcome code message truth }";
        let payload = self.client.done("reportStatuses", fields, json!({ "reports": reports })).await;
        payload["results"].as_array().unwrap().clone()
    }

    /// What one report came to, and where the ticket stands then.
    pub async fn says(&self, token: &str, word: &str, at: &str) -> (String, String) {
        let report = json!({ "uuid": token, "status": word, "timestamp": at, "operator": "王工" });
        let result = self.report(json!([report])).await.remove(0);
        let text = |field: &str| result[field].as_str().unwrap_or_default().to_owned();
        (text("outcome"), text("truth"))
    }
}

/// Whether a letter is signed with this secret, as Standard Webhooks says: by code that shares nothing with the signer.
pub fn is_signed(letter: &Asked, secret: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap());
    let signed = format!("{}.{}.{}", letter.header("webhook-id"), letter.header("webhook-timestamp"), letter.body);
    let expected = format!("v1,{}", STANDARD.encode(hmac::sign(&key, signed.as_bytes())));
    letter.header("webhook-signature").split(' ').any(|given| given == expected)
}
