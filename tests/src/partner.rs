//! An external system with its API key and, optionally, its webhook endpoint.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use serde_json::{Value as Json, json};

use crate::providers::{Provider, ReceivedRequest};
use crate::{Client, Desk};

/// The status map of every system in these tests.
const STATUS_MAP: [(&str, &str); 8] = [
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
    /// The webhook that receives its corrections.
    pub endpoint: Option<Endpoint>,
}

pub struct Endpoint {
    pub provider: Provider,
    /// The status code of its responses.
    status: Arc<Mutex<u16>>,
}

impl Endpoint {
    pub fn answer_with(&self, status: u16) {
        *self.status.lock().unwrap() = status;
    }

    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.provider.requests()
    }
}

/// [`STATUS_MAP`] as the schema takes it.
pub fn status_map() -> Json {
    let entry =
        |(word, status): &(&str, &str)| json!({ "word": word, "status": status, "reopens": *word == "重新处理" });
    STATUS_MAP.iter().map(entry).collect()
}

impl Partner {
    /// Registers a system without a webhook: it receives corrections by subscription.
    pub async fn register(desk: &Desk, key: &str, rank: i32) -> Self {
        Self::create(desk, key, rank, None).await
    }

    /// Registers a system with a webhook that answers 200 until `answer_with` changes it.
    pub async fn register_with_endpoint(desk: &Desk, key: &str) -> Self {
        let status = Arc::new(Mutex::new(200));
        let answer = status.clone();
        let provider = Provider::start(move |_| (*answer.lock().unwrap(), json!({}))).await;
        Self::create(desk, key, 10, Some(Endpoint { provider, status })).await
    }

    async fn create(desk: &Desk, key: &str, rank: i32, endpoint: Option<Endpoint>) -> Self {
        let url = endpoint.as_ref().map(|endpoint| format!("{}/corrections", endpoint.provider.address));
        let input = json!({ "key": key, "rank": rank, "callbackUrl": url, "statusMap": status_map() });
        let fields = "apiKey webhookSecret system { key }";
        let payload = desk.as_("admin").await.mutate_ok("registerSystem", fields, input).await;
        let client = Client { token: Some(payload["apiKey"].as_str().unwrap().to_owned()), ..desk.anonymous() };
        let secret = payload["webhookSecret"].as_str().unwrap().to_owned();
        Self { key: key.to_owned(), client, secret, endpoint }
    }

    /// Sends reports and returns their results.
    pub async fn report(&self, reports: Json) -> Vec<Json> {
        let fields = "results { index uuid outcome code message truth }";
        let payload = self.client.mutate_ok("reportStatuses", fields, json!({ "reports": reports })).await;
        payload["results"].as_array().unwrap().clone()
    }

    /// Sends one report and returns its outcome and the ticket's true status.
    pub async fn report_status(&self, token: &str, word: &str, at: &str) -> (String, String) {
        let report = json!({ "uuid": token, "status": word, "timestamp": at, "operator": "王工" });
        let result = self.report(json!([report])).await.remove(0);
        let text = |field: &str| result[field].as_str().unwrap_or_default().to_owned();
        (text("outcome"), text("truth"))
    }
}

/// Whether a request is signed with this secret (Standard Webhooks), checked by code independent of the signer.
pub fn is_signed(request: &ReceivedRequest, secret: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap());
    let content = format!("{}.{}.{}", request.header("webhook-id"), request.header("webhook-timestamp"), request.body);
    let expected = format!("v1,{}", STANDARD.encode(hmac::sign(&key, content.as_bytes())));
    request.header("webhook-signature").split(' ').any(|signature| signature == expected)
}
