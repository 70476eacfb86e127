//! Configuration of the transport.

use std::net::IpAddr;
use std::time::Duration;

use serde::Deserialize;

/// The section `http`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Bytes of one HTTP request.
    pub body_bytes_max: usize,
    /// A longer operation is aborted.
    pub execution_timeout_secs: u64,
    /// Threads that serve requests; 0: one a core.
    pub workers: usize,
    /// Trusted proxies: only their X-Forwarded-For is used.
    pub trusted_proxies: Vec<IpAddr>,
}

impl Http {
    pub const fn execution_timeout(&self) -> Duration {
        Duration::from_secs(self.execution_timeout_secs)
    }
}

/// The section `widget`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Widget {
    /// Origins of other sites that may call this server from a browser.
    pub origins: Vec<String>,
}

impl Widget {
    pub fn validate(&self) -> Result<(), String> {
        for origin in &self.origins {
            if origin_of(origin).as_ref() != Some(origin) {
                return Err(format!(
                    "widget.origins: {origin:?} is no origin; write scheme, host and port alone, such as https://erp.example.com"
                ));
            }
        }
        Ok(())
    }
}

/// The section `websocket`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebSocket {
    /// Bytes of one message from a client.
    pub frame_bytes_max: usize,
    /// Concurrent operations of one connection.
    pub operations_max: usize,
}

/// The origin of a URL.
pub fn origin_of(url: &str) -> Option<String> {
    reqwest::Url::parse(url).ok().map(|url| url.origin().ascii_serialization())
}
