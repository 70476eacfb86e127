//! Ports: everything outside of the process, as traits. `api/adapters` implements them, so domain names no protocol library.
//! What depends on time takes `now` as an argument, never a clock.

use std::time::Duration;

use futures::future::BoxFuture;
use sha2::{Digest as _, Sha256};

use crate::kernel::{DeliveryId, Locale, Message, Result, Timestamp};
use crate::msg;

/// Makes requests, with a time-out and without following redirects. A client for addresses that users give reaches only the public
/// internet and the private networks that an administrator allows; a client for addresses of the configuration reaches every
/// network.
pub trait HttpClient: Send + Sync {
    /// Whether requests to this URL are allowed; the error is a phrase for people. Host names are checked when they are resolved.
    fn check_url(&self, url: &str) -> Result<(), Message>;

    /// Checks the URL and makes the request. Every status is a response.
    fn send(&self, request: HttpRequest) -> BoxFuture<'static, Result<HttpResponse, HttpError>>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpMethod {
    Get,
    Post,
}

/// A request. It may contain secrets, so it cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    pub method: HttpMethod,
    pub url: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
    /// Bytes of the response's body at most; 0: the body is not read.
    pub response_bytes_max: usize,
}

impl HttpRequest {
    pub fn get(url: impl Into<String>) -> Self {
        let (method, url) = (HttpMethod::Get, url.into());
        Self { method, url, headers: Vec::new(), body: Vec::new(), response_bytes_max: 0 }
    }

    pub fn post(url: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self { method: HttpMethod::Post, body: body.into(), ..Self::get(url) }
    }

    pub fn post_json(url: impl Into<String>, body: &serde_json::Value) -> Self {
        Self::post(url, body.to_string()).header("content-type", "application/json")
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    pub status: u16,
    /// The names are in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl HttpResponse {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Why a request has no response, as a phrase for people. It omits the URL, which may contain a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpError {
    /// The URL is not allowed, so nothing was sent.
    UrlRefused(Message),
    /// No connection was made, so nothing was sent.
    NotSent(Message),
    /// The request may have been received.
    Ambiguous(Message),
    ResponseTooLong,
}

impl HttpError {
    pub fn into_message(self) -> Message {
        match self {
            Self::UrlRefused(why) | Self::NotSent(why) | Self::Ambiguous(why) => why,
            Self::ResponseTooLong => msg!("http-response-too-long"),
        }
    }
}

/// A rendered message, as a sender takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboundMessage {
    /// The same for every attempt, so that a provider can recognise duplicates.
    pub id: DeliveryId,
    pub address: String,
    pub locale: Locale,
    pub title: String,
    pub body: String,
    /// The page to which the message links.
    pub url: Option<String>,
    /// Why it is sent, by its name in the schema.
    pub cause: &'static str,
    pub is_critical: bool,
    /// The number of the ticket, for SMS templates.
    pub number: Option<i64>,
    /// For a mail about a ticket.
    pub thread: Option<MailThread>,
}

/// The thread of a mail: the headers References and In-Reply-To of RFC 5322, section 3.6.4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailThread {
    /// The local part of the Message-ID under which mails about a ticket stand.
    pub root: String,
    /// The Message-ID of the recipient's own mail.
    pub replies_to: Option<String>,
    /// The subject of the thread; `None`: the title of the message.
    pub subject: Option<String>,
}

/// The rate limit of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub messages: u32,
    pub per: Duration,
}

/// The result of sending something out of the process, or of long work outside a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver accepted it, with its own id if it gives one.
    Sent { id: Option<String> },
    /// A temporary failure: try again, at the earliest after this.
    RetryLater { why: Message, after: Duration },
    /// It may have been accepted: the receiver was reached, but the result is not known.
    Ambiguous { why: Message },
    /// A permanent failure.
    Rejected { why: Message },
    /// A permanent failure: the receiver does not accept our credential.
    AuthFailed { why: Message },
    /// Nothing was sent: the result of work outside a transaction.
    Completed(serde_json::Value),
}

/// Sends the messages of one channel through an account with a provider.
pub trait Sender: Send + Sync {
    /// The provider's account. All nodes share its rate limit.
    fn account(&self) -> &str;

    /// `None`: unlimited.
    fn rate(&self) -> Option<Rate> {
        None
    }

    /// Whether others can read the messages, as in a group chat.
    fn is_shared(&self) -> bool {
        false
    }

    /// Whether the provider confirms delivery. Without receipts a missing confirmation proves nothing.
    fn has_receipts(&self) -> bool {
        false
    }

    fn send(&self, message: OutboundMessage, now: Timestamp) -> BoxFuture<'static, Outcome>;

    /// A digest of the secret, which shows when the secret was changed.
    fn secret_digest(&self) -> String;

    /// Checks the credential with the provider without sending a message; `None` if the provider offers no such check.
    fn probe(&self, _now: Timestamp) -> Option<BoxFuture<'static, Outcome>> {
        None
    }

    /// Sends a canary to our own intake address, if the channel supports it.
    fn send_canary(&self, _to: &str, _key: &str, _now: Timestamp) -> BoxFuture<'static, Outcome> {
        Box::pin(std::future::ready(Outcome::Rejected { why: msg!("delivery-canary-unsupported") }))
    }
}

/// The SHA-256 digest of a blob, which is its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlobDigest(pub [u8; 32]);

impl BlobDigest {
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl std::fmt::Display for BlobDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Stores bytes under their digest, on a disk or in an object store that all nodes share. It knows neither names nor rights, and
/// takes part in no transaction: a blob is stored before the row that refers to it commits, and deleted after the last such row.
pub trait BlobStore: Send + Sync {
    /// Stores the bytes and returns once they are durable. Storing the same bytes again changes nothing.
    fn put(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<BlobDigest>>;

    /// `None` if there is no such blob. It is an error if the blob is longer than `bytes_max`, or if its bytes do not match the
    /// digest.
    fn get(&self, digest: BlobDigest, bytes_max: usize) -> BoxFuture<'_, Result<Option<Vec<u8>>>>;

    /// Deletes the blob; a missing one is not an error.
    fn delete(&self, digest: BlobDigest) -> BoxFuture<'_, Result<()>>;
}

/// What a wake-up is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WakeupTopic {
    /// A job was scheduled that may be due before the worker would look.
    Jobs,
    /// Rows were appended to the log.
    Log,
}

/// Wakes the workers and the reader of the log after a commit. A wake-up is a hint to look into the database. It may be lost or
/// superfluous, so who waits also polls.
pub trait Wakeups: Send + Sync {
    /// Wakes all that wait. A wake-up about the log is kept for the reader if it does not wait at that moment.
    fn wake(&self, topic: WakeupTopic);

    /// Resolves at the first wake-up after this call.
    fn woken(&self, topic: WakeupTopic) -> BoxFuture<'_, ()>;
}
