//! graphql-transport-ws. The loop is our own, because every deviation is a client that hangs: each close code, the
//! limits, and a slow reader that is cut off and resumes by cursor instead of being buffered without end.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use actix_web::guard::{Guard, GuardContext};
use actix_web::http::header;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use actix_ws::{CloseCode, CloseReason, Message, MessageStream, Session};
use async_graphql::parser::types::OperationType;
use futures::{FutureExt as _, StreamExt as _};
use serde_json::{Value as Json, json};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::http::bearer;
use super::{Gate, Guest, Parameters, Peer, execute, finish, is_request_error, pace, panicked, prepare, to_json};

const PROTOCOL: &str = "graphql-transport-ws";

/// Why a socket is closed, by the protocol's codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Close {
    GoingAway,
    InvalidMessage,
    Unauthorized,
    Forbidden,
    BadProtocol,
    InitTimeout,
    SubscriberExists,
    TooManyInits,
    /// Ours: the client reads too slowly; it resumes by cursor.
    TooSlow,
}

impl Close {
    const fn parts(self) -> (u16, &'static str) {
        match self {
            Self::GoingAway => (1001, "Going away"),
            Self::InvalidMessage => (4400, "Invalid message"),
            Self::Unauthorized => (4401, "Unauthorized"),
            Self::Forbidden => (4403, "Forbidden"),
            Self::BadProtocol => (4406, "Subprotocol not acceptable"),
            Self::InitTimeout => (4408, "Connection initialisation timeout"),
            Self::SubscriberExists => (4409, "Subscriber already exists"),
            Self::TooManyInits => (4429, "Too many initialisation requests"),
            Self::TooSlow => (4410, "Too slow: resume by cursor"),
        }
    }
}

struct IsUpgrade;

impl Guard for IsUpgrade {
    fn check(&self, context: &GuardContext<'_>) -> bool {
        let upgrade = context.head().headers().get(header::UPGRADE).and_then(|value| value.to_str().ok());
        upgrade.is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
    }
}

pub fn is_upgrade() -> impl Guard {
    IsUpgrade
}

pub async fn open(request: HttpRequest, gate: Data<Gate>, payload: Payload) -> actix_web::Result<HttpResponse> {
    let offered = request.headers().get(header::SEC_WEBSOCKET_PROTOCOL).and_then(|value| value.to_str().ok());
    let speaks = offered.is_some_and(|offered| offered.split(',').any(|name| name.trim() == PROTOCOL));
    let (mut response, session, stream) = actix_ws::handle(&request, payload)?;
    if speaks {
        let protocol = header::HeaderValue::from_static(PROTOCOL);
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    let peer = Peer::of(&request, &gate.limits);
    let stream = stream.max_frame_size(gate.limits.ws_frame_bytes_max);
    actix_web::rt::spawn(serve(gate.into_inner(), session, stream, peer, speaks));
    Ok(response)
}

async fn serve(gate: Arc<Gate>, session: Session, stream: MessageStream, peer: Peer, speaks: bool) {
    let (queue, outgoing) = mpsc::channel(gate.limits.ws_queue_max);
    let writer = actix_web::rt::spawn(write(gate.clone(), session.clone(), outgoing));
    let changed = CancellationToken::new();
    let mut socket = Socket { gate, peer, queue, guest: None, token: None, changed, operations: HashMap::new() };
    let close = if speaks { socket.read(stream).await } else { Some(Close::BadProtocol) };
    // Ends every operation, and with them the senders that the writer waits for.
    drop(socket);
    let slow = writer.await.unwrap_or(true);
    let close = if slow { Some(Close::TooSlow) } else { close };
    let reason = close.map(|close| {
        let (code, description) = close.parts();
        CloseReason { code: CloseCode::from(code), description: Some(description.to_owned()) }
    });
    let _ = session.close(reason).await;
}

/// What goes out, in order.
enum Outgoing {
    Text(String),
    Ping,
    Pong(Vec<u8>),
}

/// Writes until nobody sends any more, or the client is too slow (`true`).
async fn write(gate: Arc<Gate>, mut session: Session, mut outgoing: mpsc::Receiver<Outgoing>) -> bool {
    while let Some(message) = outgoing.recv().await {
        let sending = async {
            match message {
                Outgoing::Text(text) => session.text(text).await,
                Outgoing::Ping => session.ping(b"").await,
                Outgoing::Pong(bytes) => session.pong(&bytes).await,
            }
        };
        match pace::within(gate.limits.ws_send_timeout, sending).await {
            Some(Ok(())) => {}
            Some(Err(_)) => return false, // the client is gone
            None => return true,
        }
    }
    false
}

struct Socket {
    gate: Arc<Gate>,
    peer: Peer,
    queue: mpsc::Sender<Outgoing>,
    guest: Option<Guest>,
    /// The credential that the guest came with: each operation is admitted by it anew, with the rights of its moment.
    token: Option<String>,
    /// Cancelled where a running operation finds that its guest's rights are others now.
    changed: CancellationToken,
    /// Running operations; dropping a guard ends one.
    operations: HashMap<String, DropGuard>,
}

/// A message for which the queue has no room means that the client does not read.
type Step = Result<(), Close>;

impl Socket {
    /// Reads until the socket is to be closed; `None`: the client has closed it.
    async fn read(&mut self, mut stream: MessageStream) -> Option<Close> {
        let (ended, mut finished) = mpsc::channel::<String>(self.gate.limits.ws_operations_max);
        let mut init = std::pin::pin!(pace::pause(self.gate.limits.ws_init_timeout).fuse());
        let mut silent_rounds = 0;
        let mut round = std::pin::pin!(pace::pause(self.gate.limits.ws_ping_every));
        loop {
            let expires_at = self.guest.as_ref().and_then(|guest| guest.expires_at);
            let clock = self.gate.app.clock.clone();
            let expiry = async {
                match expires_at {
                    Some(at) => clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                message = stream.next() => {
                    silent_rounds = 0;
                    let step = match message {
                        None | Some(Err(_)) | Some(Ok(Message::Close(_))) => return None,
                        Some(Ok(Message::Text(text))) => self.receive(&text, &ended).await,
                        Some(Ok(Message::Ping(bytes))) => self.send(Outgoing::Pong(bytes.to_vec())),
                        Some(Ok(Message::Pong(_) | Message::Nop)) => Ok(()),
                        Some(Ok(Message::Binary(_) | Message::Continuation(_))) => Err(Close::InvalidMessage),
                    };
                    if let Err(close) = step {
                        return Some(close);
                    }
                }
                Some(id) = finished.recv() => {
                    self.operations.remove(&id);
                }
                () = &mut init, if self.guest.is_none() => return Some(Close::InitTimeout),
                () = expiry => return Some(Close::Forbidden),
                // Whoever comes back is admitted with the rights of now, and resumes by cursor.
                () = self.changed.cancelled() => return Some(Close::Forbidden),
                () = &mut round => {
                    round.set(pace::pause(self.gate.limits.ws_ping_every));
                    silent_rounds += 1;
                    if silent_rounds > 2 {
                        return Some(Close::GoingAway);
                    }
                    if self.revoked().await {
                        return Some(Close::Forbidden);
                    }
                    if let Err(close) = self.send(Outgoing::Ping) {
                        return Some(close);
                    }
                }
                () = self.gate.stop.cancelled() => return Some(Close::GoingAway),
            }
        }
    }

    /// Whether the session behind the token has ended meanwhile.
    async fn revoked(&self) -> bool {
        let Some(person) = self.guest.as_ref().and_then(|guest| guest.caller.cx.actor.person()) else { return false };
        let Some(session) = person.session else { return false };
        !domain::auth::queries::still_open(&self.gate.app, session).await.unwrap_or(true)
    }

    fn send(&self, message: Outgoing) -> Step {
        self.queue.try_send(message).map_err(|_| Close::TooSlow)
    }

    fn say(&self, message: &Json) -> Step {
        self.send(Outgoing::Text(message.to_string()))
    }

    async fn receive(&mut self, text: &str, ended: &mpsc::Sender<String>) -> Step {
        let Ok(Json::Object(mut message)) = serde_json::from_str::<Json>(text) else {
            return Err(Close::InvalidMessage);
        };
        let kind = message.remove("type");
        let payload = message.remove("payload");
        let id = match message.remove("id") {
            None => None,
            Some(Json::String(id)) if !id.is_empty() && id.len() <= 128 => Some(id),
            Some(_) => return Err(Close::InvalidMessage),
        };
        match (kind.as_ref().and_then(Json::as_str), id) {
            (Some("connection_init"), _) => self.init(payload).await,
            (Some("ping"), _) => match payload {
                None => self.say(&json!({ "type": "pong" })),
                Some(payload) => self.say(&json!({ "type": "pong", "payload": payload })),
            },
            (Some("pong"), _) => Ok(()),
            (Some("subscribe"), Some(id)) => {
                if self.guest.is_none() {
                    return Err(Close::Unauthorized);
                }
                let mut guest = self.admit().await?;
                guest.caller.changed = self.changed.clone();
                let payload = payload.filter(Json::is_object).ok_or(Close::InvalidMessage)?;
                self.subscribe(guest, id, payload, ended)
            }
            (Some("complete"), Some(id)) => {
                self.operations.remove(&id);
                Ok(())
            }
            _ => Err(Close::InvalidMessage),
        }
    }

    async fn init(&mut self, payload: Option<Json>) -> Step {
        if self.guest.is_some() {
            return Err(Close::TooManyInits);
        }
        let payload = match payload {
            None | Some(Json::Null) => serde_json::Map::new(),
            Some(Json::Object(payload)) => payload,
            Some(_) => return Err(Close::InvalidMessage),
        };
        let text = |wanted: &str| {
            payload.iter().find(|(key, _)| key.eq_ignore_ascii_case(wanted)).and_then(|(_, value)| value.as_str())
        };
        let mut peer = self.peer.clone();
        if let Some(languages) = text("acceptLanguage").or_else(|| text("accept-language")) {
            peer.languages = Some(languages.to_owned());
        }
        if let Some(channel) = text("channel") {
            peer.channel = Some(channel.to_owned());
        }
        self.token = bearer(text("authorization")).map_err(|()| Close::Forbidden)?.map(str::to_owned);
        self.peer = peer;
        self.guest = Some(self.admit().await?);
        self.say(&json!({ "type": "connection_ack" }))
    }

    async fn admit(&self) -> Result<Guest, Close> {
        self.gate.admit(self.token.as_deref(), &self.peer).await.map_err(|_| Close::Forbidden)
    }

    fn subscribe(&mut self, guest: Guest, id: String, payload: Json, ended: &mpsc::Sender<String>) -> Step {
        if self.operations.contains_key(&id) {
            return Err(Close::SubscriberExists);
        }
        let max = self.gate.limits.ws_operations_max;
        if self.operations.len() >= max {
            let message = format!("This connection runs {max} operations already: complete one first.");
            let error = json!([{ "message": message, "extensions": { "code": "RATE_LIMITED" } }]);
            return self.say(&json!({ "type": "error", "id": id, "payload": error }));
        }
        let Ok(parameters) = Parameters::of(payload) else { return Err(Close::InvalidMessage) };
        let stopped = CancellationToken::new();
        self.operations.insert(id.clone(), stopped.clone().drop_guard());
        let operation = Operation { gate: self.gate.clone(), guest, id, queue: self.queue.clone() };
        let ended = ended.clone();
        actix_web::rt::spawn(async move {
            let id = operation.id.clone();
            tokio::select! {
                _ = operation.run(parameters) => {
                    // Freed even where the client never sends complete.
                    let _ = ended.send(id).await;
                }
                () = stopped.cancelled() => {}
            }
        });
        Ok(())
    }
}

/// One operation of a socket.
struct Operation {
    gate: Arc<Gate>,
    guest: Guest,
    id: String,
    queue: mpsc::Sender<Outgoing>,
}

impl Operation {
    /// Sends results until there are no more; `None`: the socket is gone.
    async fn run(&self, parameters: Parameters) -> Option<()> {
        let prepared = match prepare(&self.gate, &self.guest, parameters, true) {
            Ok(prepared) => prepared,
            Err(response) => return self.error(&finish(&self.gate, &self.guest, *response)).await,
        };
        if prepared.operation != OperationType::Subscription {
            let response = execute(&self.gate, &self.guest, prepared).await;
            if is_request_error(&response) {
                return self.error(&response).await;
            }
            self.next(&response).await?;
            return self.complete().await;
        }
        let shape = prepared.shape;
        let mut stream = std::pin::pin!(self.gate.schema.execute_stream(prepared.request));
        let mut first = true;
        loop {
            let mut response = match AssertUnwindSafe(stream.next()).catch_unwind().await {
                Ok(None) => return self.complete().await,
                Ok(Some(response)) => finish(&self.gate, &self.guest, response),
                Err(_) => return self.error(&panicked(&self.guest)).await,
            };
            shape.arrange(&mut response.data);
            // What is refused before the first event is an invalid operation, by the protocol.
            if first && !response.errors.is_empty() && response.data == async_graphql::Value::Null {
                return self.error(&response).await;
            }
            first = false;
            self.next(&response).await?;
        }
    }

    async fn next(&self, response: &async_graphql::Response) -> Option<()> {
        // Spliced, so that the payload is serialised once.
        let text = format!(r#"{{"type":"next","id":{},"payload":{}}}"#, json!(self.id), to_json(response));
        self.send(text).await
    }

    async fn error(&self, response: &async_graphql::Response) -> Option<()> {
        self.send(json!({ "type": "error", "id": self.id, "payload": response.errors }).to_string()).await
    }

    async fn complete(&self) -> Option<()> {
        self.send(json!({ "type": "complete", "id": self.id }).to_string()).await
    }

    /// Waits for room: whoever reads slowly slows only their own operations, until the writer gives them up.
    async fn send(&self, text: String) -> Option<()> {
        self.queue.send(Outgoing::Text(text)).await.ok()
    }
}
