//! Bounds of connections: how many are open, how many from one address, and how long each may keep the server waiting. The
//! HTTP library limits only the head of a connection's first request; a connection that was used before could wait for ever, and
//! so could one whose peer reads nothing.

use std::any::Any;
use std::collections::HashMap;
use std::net::IpAddr;
use std::os::fd::{AsFd as _, OwnedFd};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use actix_web::web::Bytes;
use rustix::net::{Shutdown, shutdown, sockopt};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio_util::sync::CancellationToken;

use super::address;
use super::settings::{Http, WebSocket};
use super::timeout::sleep;

/// The longest request, with sending its response.
const REQUEST_MAX: Duration = Duration::from_secs(600);
/// A client that reads its response at this rate is not too slow.
const BYTES_A_SECOND_MIN: u64 = 8 * 1024;
/// Time for the last messages of a WebSocket that was closed.
const CLOSING_MAX: Duration = Duration::from_secs(5);
/// A peer that acknowledges nothing for so long, or keeps its window closed, is gone.
const UNACKNOWLEDGED_MILLIS_MAX: u32 = 30_000;
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// Open files that are wanted, if the operator's limit allows them.
const FILES_WANTED: u64 = 65_536;
/// Of them, those of database, index and log.
const FILES_RESERVED: u64 = 128;
/// The second is a handle with which an overdue connection is closed.
const FILES_PER_CONNECTION: u64 = 2;
/// Even with few files.
const CONNECTIONS_MIN: usize = 16;

/// Raises the soft limit of open files: the usual 1,024 is for programs that use select().
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(FILES_WANTED, |maximum| maximum.min(FILES_WANTED));
    if limit.current.is_some_and(|current| current < wanted)
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum })
    {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
}

/// The bounds that hold, for all connections and for those of one address. `files`: how many may be open; `None`: any number.
fn effective_bounds(http: &Http, files: Option<u64>) -> (usize, usize) {
    let of_files = files.map_or(usize::MAX, |files| {
        usize::try_from(files.saturating_sub(FILES_RESERVED) / FILES_PER_CONNECTION).unwrap_or(usize::MAX)
    });
    let all = http.connections_max.min(of_files.max(CONNECTIONS_MIN)).max(1);
    (all, http.connections_per_address_max.min(all.div_ceil(2)))
}

/// What a connection does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Activity {
    /// Nothing, or its next request is not complete.
    Waiting,
    Serving,
    /// A WebSocket has its own time-outs.
    Socket,
    Closing,
}

impl Activity {
    /// How long it may last; `waiting`: how long a connection may have no complete request.
    fn time_limit(self, waiting: Duration) -> Option<Duration> {
        match self {
            Self::Waiting => Some(waiting),
            Self::Serving => Some(REQUEST_MAX),
            Self::Socket => None,
            Self::Closing => Some(CLOSING_MAX),
        }
    }
}

/// One open connection.
#[derive(Debug)]
pub struct Connection {
    address: String,
    /// Whether it counts towards the bound of its address.
    is_counted: bool,
    handle: OwnedFd,
    activity: Mutex<(Activity, Instant)>,
}

impl Connection {
    fn set(&self, activity: Activity, since: Instant) {
        let mut current = self.activity.lock().unwrap_or_else(PoisonError::into_inner);
        // A connection that is to be closed does nothing else.
        if current.0 != Activity::Closing {
            *current = (activity, since);
        }
    }

    /// It is a WebSocket from now on.
    pub fn become_socket(&self) {
        self.set(Activity::Socket, Instant::now());
    }

    /// The WebSocket ended: what the client does not read soon is dropped.
    pub fn close_soon(&self) {
        self.set(Activity::Closing, Instant::now());
    }

    fn is_overdue(&self, now: Instant, waiting_max: Duration) -> bool {
        let (activity, since) = *self.activity.lock().unwrap_or_else(PoisonError::into_inner);
        activity.time_limit(waiting_max).is_some_and(|limit| limit < now.saturating_duration_since(since))
    }

    /// The server's thread notices, and ends.
    fn close(&self) {
        let _ = shutdown(&self.handle, Shutdown::Both);
    }
}

#[derive(Debug, Default)]
struct Registry {
    next_id: u64,
    open: HashMap<u64, Arc<Connection>>,
    by_address: HashMap<String, usize>,
}

/// All open connections.
#[derive(Debug)]
pub struct Connections {
    max: usize,
    per_address_max: usize,
    waiting_max: Duration,
    trusted_proxies: Vec<IpAddr>,
    registry: Mutex<Registry>,
}

impl Connections {
    pub fn new(http: &Http) -> Arc<Self> {
        let (max, per_address_max) = effective_bounds(http, getrlimit(Resource::Nofile).current);
        Arc::new(Self {
            max,
            per_address_max,
            waiting_max: http.keep_alive() + http.head_timeout(),
            trusted_proxies: http.trusted_proxies.clone(),
            registry: Mutex::default(),
        })
    }

    /// WebSockets leave a quarter of the connections of an address to requests; those without sign-in take at most half.
    pub fn bound_sockets(&self, limits: &mut WebSocket) {
        limits.per_address_max = limits.per_address_max.min((self.per_address_max * 3).div_ceil(4));
        limits.guests_per_address_max = limits.guests_per_address_max.min(self.per_address_max.div_ceil(2));
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a new connection of the HTTP server. One beyond the bounds gets no place, so that its request is refused.
    pub fn on_connect(self: &Arc<Self>, stream: &dyn Any, extensions: &mut Extensions) {
        let Some(stream) = stream.downcast_ref::<TcpStream>() else { return };
        match self.admit(stream) {
            Some(place) => {
                extensions.insert(place);
            }
            // Without a request it ends at once.
            None => {
                let _ = shutdown(stream, Shutdown::Read);
            }
        }
    }

    fn admit(self: &Arc<Self>, stream: &TcpStream) -> Option<ConnectionPlace> {
        let peer = stream.peer_addr().ok()?.ip().to_canonical();
        let _ = sockopt::set_tcp_user_timeout(stream, UNACKNOWLEDGED_MILLIS_MAX);
        let is_counted = !self.trusted_proxies.iter().any(|proxy| proxy.to_canonical() == peer);
        let address = address::network(peer);
        let mut registry = self.registry();
        let of_address = registry.by_address.get(&address).copied().unwrap_or_default();
        if registry.open.len() >= self.max || (is_counted && of_address >= self.per_address_max) {
            return None;
        }
        let handle = stream.as_fd().try_clone_to_owned().ok()?;
        let activity = Mutex::new((Activity::Waiting, Instant::now()));
        let connection = Arc::new(Connection { address: address.clone(), is_counted, handle, activity });
        let id = registry.next_id;
        registry.next_id += 1;
        registry.open.insert(id, connection.clone());
        if is_counted {
            *registry.by_address.entry(address).or_default() += 1;
        }
        Some(ConnectionPlace { connections: self.clone(), id, connection })
    }

    /// Closes connections that take too long, until `stop`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = sleep(CHECK_EVERY) => {}
                () = stop.cancelled() => return,
            }
            let now = Instant::now();
            for connection in self.registry().open.values().filter(|open| open.is_overdue(now, self.waiting_max)) {
                connection.close();
            }
        }
    }
}

/// The place of an open connection; dropping it frees the place.
pub struct ConnectionPlace {
    connections: Arc<Connections>,
    id: u64,
    connection: Arc<Connection>,
}

impl ConnectionPlace {
    pub fn connection(&self) -> Arc<Connection> {
        self.connection.clone()
    }

    /// A request begins.
    pub fn begin_request(&self) -> RunningRequest {
        self.connection.set(Activity::Serving, Instant::now());
        RunningRequest { connection: self.connection.clone(), response_bytes: 0 }
    }
}

impl Drop for ConnectionPlace {
    fn drop(&mut self) {
        let mut registry = self.connections.registry();
        registry.open.remove(&self.id);
        if !self.connection.is_counted {
            return;
        }
        if let Some(of_address) = registry.by_address.get_mut(&self.connection.address) {
            *of_address -= 1;
            if *of_address == 0 {
                registry.by_address.remove(&self.connection.address);
            }
        }
    }
}

/// A request that runs until its response was handed over to be sent.
pub struct RunningRequest {
    connection: Arc<Connection>,
    response_bytes: u64,
}

impl Drop for RunningRequest {
    fn drop(&mut self) {
        // The next request is expected once the client has read this response.
        let reading = Duration::from_secs(self.response_bytes / BYTES_A_SECOND_MIN).min(REQUEST_MAX);
        self.connection.set(Activity::Waiting, Instant::now() + reading);
    }
}

/// A response; its request ends when the whole body was handed over.
pub struct ResponseBody {
    body: BoxBody,
    request: Option<RunningRequest>,
}

impl ResponseBody {
    pub fn new(body: BoxBody, request: Option<RunningRequest>) -> Self {
        Self { body, request }
    }
}

impl MessageBody for ResponseBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let chunk = self.body.as_pin_mut().poll_next(cx);
        if let (Poll::Ready(Some(Ok(bytes))), Some(request)) = (&chunk, &mut self.request) {
            request.response_bytes += bytes.len() as u64;
        }
        chunk
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn the_bounds_stay_below_the_limit_of_open_files() {
        let mut http = Config::load(None).unwrap().http;
        for (connections_max, per_address_max, files, expected) in [
            (10_000, 5_000, None, (10_000, 5_000)),
            (10_000, 5_000, Some(65_536), (10_000, 5_000)),
            (10_000, 5_000, Some(1_024), (448, 224)),
            (10_000, 5_000, Some(256), (64, 32)),
            (10_000, 5_000, Some(64), (16, 8)),
            (100, 100, None, (100, 50)),
            (100, 10, None, (100, 10)),
            (1, 1, Some(1_024), (1, 1)),
        ] {
            (http.connections_max, http.connections_per_address_max) = (connections_max, per_address_max);
            assert_eq!(effective_bounds(&http, files), expected, "{connections_max} {per_address_max} {files:?}");
        }
    }

    #[test]
    fn every_activity_but_that_of_a_socket_has_a_time_limit() {
        let waiting = Duration::from_secs(85);
        for (activity, seconds) in [
            (Activity::Waiting, Some(85)),
            (Activity::Serving, Some(600)),
            (Activity::Socket, None),
            (Activity::Closing, Some(5)),
        ] {
            assert_eq!(activity.time_limit(waiting), seconds.map(Duration::from_secs), "{activity:?}");
        }
    }
}
