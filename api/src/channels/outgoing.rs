//! One HTTP client for all that leaves the process: with time-outs, without redirects.

use domain::runtime::jobs::Outcome;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::Value as Json;

use super::{GIVE_UP_AFTER, later, refused};

/// Bytes of a provider's answer that are read.
const ANSWER_MAX: usize = 64 * 1024;

/// TLS is ring's, for every library of this process. Whoever comes second finds it chosen.
pub fn choose_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

pub fn client() -> Client {
    choose_tls();
    Client::builder()
        .timeout(GIVE_UP_AFTER)
        .redirect(Policy::none())
        .user_agent(concat!("Buoy/", env!("CARGO_PKG_VERSION")))
        .build()
        .expect("a client with a time-out and without redirects can be built")
}

/// Sends a request and reads its answer as JSON; a failure is told as what comes of the message.
pub async fn ask(request: RequestBuilder) -> Result<Json, Outcome> {
    // Without the address: it may carry a token.
    let mut answer = request.send().await.map_err(|error| later(error.without_url().to_string()))?;
    let status = answer.status();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| later(error.without_url().to_string()))? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_MAX {
            return Err(refused("the answer is too long"));
        }
    }
    let said = || String::from_utf8_lossy(&body).chars().take(200).collect::<String>();
    if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
        return Err(later(format!("HTTP {}: {}", status.as_u16(), said())));
    }
    match serde_json::from_slice(&body) {
        Ok(json) => Ok(json),
        Err(_) if status.is_success() => Ok(Json::Null),
        Err(_) => Err(refused(format!("HTTP {}: {}", status.as_u16(), said()))),
    }
}
