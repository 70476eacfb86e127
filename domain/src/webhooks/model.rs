//! Endpoints, their secrets, and the messages queued for them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kernel::{Message, Timestamp, days};

pub const URL_CHARS_MAX: usize = 2_000;
pub const SECRET_BYTES: usize = 32;
/// The longest time for which two secrets both sign.
pub const OVERLAP_MAX: Duration = days(30);
/// Messages sent to one endpoint by one run of its queue, and how many of them concurrently.
pub const RUN_MAX: u64 = 64;
pub const CONCURRENCY: usize = 8;
/// A message rejected so often becomes a dead letter. Failures of the endpoint itself are counted by the endpoint.
pub const REJECTIONS_MAX: i32 = 10;
/// Dead letters that one call replays.
pub const REPLAY_MAX: u64 = 500;

/// The endpoint of another party, and its health.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    pub url: Option<String>,
    /// Since when it fails, and how often in a row; it is not called before `retry_at`.
    pub failing_since: Option<Timestamp>,
    pub failures: i32,
    pub retry_at: Option<Timestamp>,
    /// When and why it was disabled.
    pub disabled_at: Option<Timestamp>,
    pub disabled_because: Option<Message>,
}

impl Endpoint {
    /// A healthy endpoint.
    pub fn new(url: Option<String>) -> Self {
        Self { url, ..Self::default() }
    }

    /// The URL to call, unless it is disabled.
    pub fn active_url(&self) -> Option<&str> {
        self.url.as_deref().filter(|_| self.disabled_at.is_none())
    }
}

/// A secret that signs messages.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    pub key: Vec<u8>,
    /// Set by a rotation: it signs until then.
    pub expires_at: Option<Timestamp>,
}

/// A secret as it is stored.
pub struct SealedSecret {
    pub sealed: Vec<u8>,
    pub expires_at: Option<Timestamp>,
}

/// The position of a message in the queue of its endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueEntry {
    pub attempts: i32,
    /// How often the endpoint rejected it while it was reachable.
    pub rejections: i32,
    /// When it is sent next; `None`: it is not scheduled.
    pub due_at: Option<Timestamp>,
    pub sent_at: Option<Timestamp>,
    /// Why the last attempt failed.
    pub failure: Option<Message>,
}

/// Whether a message in the queue is sent. A customer has states of its own for messages that left the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueState {
    /// It is sent when it is due; without an endpoint it waits.
    Due,
    /// It was given up (dead letter); it can be replayed.
    Dead,
}

/// A message in the queue, in the row of a customer.
pub trait QueuedMessage: Clone + Send + Sync + 'static {
    fn id(&self) -> Uuid;

    fn entry_mut(&mut self) -> &mut QueueEntry;

    fn set_state(&mut self, state: QueueState);
}

/// A message to send.
pub struct OutgoingMessage {
    pub id: Uuid,
    pub body: String,
}

/// The response of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WebhookResponse {
    Status {
        code: u16,
        /// The header `Retry-After`, in seconds; bounded.
        retry_after: Option<u64>,
    },
    /// No response, or the request could not be sent.
    #[serde(rename = "Nothing")]
    NoResponse { why: Message },
}

/// The result of one attempt to deliver a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub message: Uuid,
    /// `None`: it was not sent, because an earlier message of the run found the endpoint unreachable.
    #[serde(rename = "answered")]
    pub response: Option<WebhookResponse>,
}
