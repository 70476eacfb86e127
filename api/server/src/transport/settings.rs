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
    /// Time for a client to send the head of its first request.
    pub head_timeout_secs: u64,
    /// Time for a client to begin its next request.
    pub keep_alive_secs: u64,
    /// Time for a client to send a body.
    pub body_timeout_secs: u64,
    /// A longer operation is aborted.
    pub execution_timeout_secs: u64,
    /// Open connections.
    pub connections_max: usize,
    /// Open connections of one address that is no trusted proxy.
    pub connections_per_address_max: usize,
    /// Work that one caller may cause, in cost units; 0: no limit.
    pub cost_units_a_minute: u64,
    /// Threads that serve requests; 0: one a core.
    pub workers: usize,
    /// Trusted proxies: only their X-Forwarded-For is used.
    pub trusted_proxies: Vec<IpAddr>,
    /// The token of `/metrics`; empty: metrics are not served.
    pub metrics_token: String,
}

impl Http {
    pub fn validate(&self) -> Result<(), String> {
        at_least_one("http.head_timeout_secs", self.head_timeout_secs)?;
        at_least_one("http.keep_alive_secs", self.keep_alive_secs)?;
        at_least_one("http.body_timeout_secs", self.body_timeout_secs)?;
        at_least_one("http.connections_max", self.connections_max as u64)?;
        at_least_one("http.connections_per_address_max", self.connections_per_address_max as u64)?;
        let length = self.metrics_token.len();
        if (1..METRICS_TOKEN_BYTES_MIN).contains(&length) {
            return Err(format!(
                "http.metrics_token: {length} characters can be guessed; write at least {METRICS_TOKEN_BYTES_MIN} random ones, such as the output of `openssl rand -hex 16`"
            ));
        }
        Ok(())
    }

    pub const fn head_timeout(&self) -> Duration {
        Duration::from_secs(self.head_timeout_secs)
    }

    pub const fn keep_alive(&self) -> Duration {
        Duration::from_secs(self.keep_alive_secs)
    }

    pub const fn body_timeout(&self) -> Duration {
        Duration::from_secs(self.body_timeout_secs)
    }

    pub const fn execution_timeout(&self) -> Duration {
        Duration::from_secs(self.execution_timeout_secs)
    }
}

const METRICS_TOKEN_BYTES_MIN: usize = 16;

fn at_least_one(key: &str, value: u64) -> Result<(), String> {
    if value == 0 { Err(format!("{key}: 0 would refuse everybody; write at least 1")) } else { Ok(()) }
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
    /// Open sockets of one address.
    pub per_address_max: usize,
    /// Of them, those that were initialised without sign-in.
    pub guests_per_address_max: usize,
    /// Time for a client to send `connection_init`.
    pub init_timeout_secs: u64,
    /// A socket without sign-in that runs no operation for this long is closed.
    pub guest_idle_secs: u64,
    /// The interval of pings.
    pub ping_secs: u64,
    /// A client that answers nothing within this time after a ping is disconnected.
    pub pong_timeout_secs: u64,
}

impl WebSocket {
    pub fn validate(&self) -> Result<(), String> {
        at_least_one("websocket.per_address_max", self.per_address_max as u64)?;
        at_least_one("websocket.guests_per_address_max", self.guests_per_address_max as u64)?;
        at_least_one("websocket.init_timeout_secs", self.init_timeout_secs)?;
        at_least_one("websocket.guest_idle_secs", self.guest_idle_secs)?;
        at_least_one("websocket.ping_secs", self.ping_secs)?;
        at_least_one("websocket.pong_timeout_secs", self.pong_timeout_secs)
    }

    pub const fn init_timeout(&self) -> Duration {
        Duration::from_secs(self.init_timeout_secs)
    }

    pub const fn guest_idle(&self) -> Duration {
        Duration::from_secs(self.guest_idle_secs)
    }

    pub const fn ping_interval(&self) -> Duration {
        Duration::from_secs(self.ping_secs)
    }

    pub const fn pong_timeout(&self) -> Duration {
        Duration::from_secs(self.pong_timeout_secs)
    }
}

/// The origin of a URL.
pub fn origin_of(url: &str) -> Option<String> {
    reqwest::Url::parse(url).ok().map(|url| url.origin().ascii_serialization())
}
