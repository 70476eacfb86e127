//! graphql-transport-ws. The loop is our own, because every deviation is a client that hangs: each close code, the
//! limits, and a slow reader that is cut off and resumes by cursor instead of being buffered without end.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use actix_web::guard::{Guard, GuardContext};
use actix_web::http::header;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use actix_ws::{CloseCode, CloseReason, Message, MessageStream, Session};
use async_graphql::parser::types::OperationType;
use async_graphql::{Response, Value};
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use serde_json::{Value as Json, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::http::bearer;
use super::{
    Gate, Guest, Parameters, Peer, Prepared, execute, finish, is_request_error, origin, pace, panicked, prepare,
    request_error, to_json,
};
use crate::graphql::live::Answer;
use crate::graphql::sharing::Sharing;
use crate::graphql::{Feed, Handover, Told, public};

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
    if !origin::may_open(&request, &gate.limits) {
        return Ok(HttpResponse::Forbidden().body("This page is of another site: add its origin to widget.origins."));
    }
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
    let timeout = gate.limits.ws_send_timeout;
    let outlet = Outlet { session: session.clone(), timeout, slow: CancellationToken::new() };
    let changed = CancellationToken::new();
    let mut socket =
        Socket { gate, peer, outlet, guest: None, token: None, changed, operations: HashMap::new(), begun: 0 };
    let close = if speaks { socket.read(stream).await } else { Some(Close::BadProtocol) };
    // Ends every operation.
    drop(socket);
    let reason = close.map(|close| {
        let (code, description) = close.parts();
        CloseReason { code: CloseCode::from(code), description: Some(description.to_owned()) }
    });
    let _ = pace::within(timeout, session.close(reason)).await;
}

/// The way out, shared by the operations of a socket.
#[derive(Clone)]
struct Outlet {
    session: Session,
    timeout: Duration,
    /// The client takes longer than that for a message: it is given up.
    slow: CancellationToken,
}

/// What is sent was not: the client is gone, or too slow.
struct Lost;

impl Outlet {
    /// Waits for room: whoever reads slowly slows only their own operations, until they are given up.
    async fn text(&mut self, text: String) -> Result<(), Lost> {
        let Self { session, timeout, slow } = self;
        let mut sending = pin!(session.text(text));
        let sent = match futures::poll!(sending.as_mut()) {
            Poll::Ready(sent) => Some(sent),
            Poll::Pending => pace::within(*timeout, sending).await,
        };
        match sent {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) => Err(Lost),
            None => {
                slow.cancel();
                Err(Lost)
            }
        }
    }
}

struct Socket {
    gate: Arc<Gate>,
    peer: Peer,
    outlet: Outlet,
    guest: Option<Guest>,
    /// The credential that the guest came with: each operation is admitted by it anew, with the rights of its moment.
    token: Option<String>,
    /// Cancelled where a running operation finds that its guest's rights are others now.
    changed: CancellationToken,
    /// Running operations; dropping one ends it.
    operations: HashMap<String, (u64, AbortOnDropHandle<()>)>,
    /// Operations so far: an id may be used again.
    begun: u64,
}

/// An operation that has ended by itself.
struct Ended {
    id: String,
    number: u64,
}

/// Why no further message is read.
type Step = Result<(), Close>;

impl Socket {
    /// Reads until the socket is to be closed; `None`: the client has closed it.
    async fn read(&mut self, mut stream: MessageStream) -> Option<Close> {
        let (ended, mut finished) = mpsc::channel::<Ended>(self.gate.limits.ws_operations_max);
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
                        Some(Ok(Message::Text(text))) => {
                            // Their ids are free: the client has heard of it already.
                            while let Ok(ended) = finished.try_recv() {
                                self.forget(&ended);
                            }
                            self.receive(&text, &ended).await
                        }
                        Some(Ok(Message::Ping(bytes))) => self.pong(&bytes).await,
                        Some(Ok(Message::Pong(_) | Message::Nop)) => Ok(()),
                        Some(Ok(Message::Binary(_) | Message::Continuation(_))) => Err(Close::InvalidMessage),
                    };
                    if let Err(close) = step {
                        return Some(close);
                    }
                }
                Some(ended) = finished.recv() => self.forget(&ended),
                () = &mut init, if self.guest.is_none() => return Some(Close::InitTimeout),
                () = expiry => return Some(Close::Forbidden),
                // Whoever comes back is admitted with the rights of now, and resumes by cursor.
                () = self.changed.cancelled() => return Some(Close::Forbidden),
                () = self.outlet.slow.cancelled() => return Some(Close::TooSlow),
                () = &mut round => {
                    round.set(pace::pause(self.gate.limits.ws_ping_every));
                    silent_rounds += 1;
                    if silent_rounds > 2 {
                        return Some(Close::GoingAway);
                    }
                    if self.revoked().await {
                        return Some(Close::Forbidden);
                    }
                    let pinging = self.outlet.session.ping(b"");
                    if !matches!(pace::within(self.gate.limits.ws_send_timeout, pinging).await, Some(Ok(()))) {
                        return Some(Close::TooSlow);
                    }
                }
                () = self.gate.stop.cancelled() => return Some(Close::GoingAway),
            }
        }
    }

    /// Whether the session behind the token has ended meanwhile.
    async fn revoked(&self) -> bool {
        let Some(person) = self.guest.as_ref().and_then(|guest| guest.caller.cx.actor.person()) else { return false };
        if let Some(access) = &person.api_key {
            return !domain::auth::queries::api_key_still_good(&self.gate.app, access.key).await.unwrap_or(true);
        }
        let Some(session) = person.session else { return false };
        !domain::auth::queries::still_open(&self.gate.app, session).await.unwrap_or(true)
    }

    async fn say(&mut self, message: &Json) -> Step {
        self.outlet.text(message.to_string()).await.map_err(|Lost| Close::TooSlow)
    }

    async fn pong(&mut self, bytes: &[u8]) -> Step {
        let answering = self.outlet.session.pong(bytes);
        match pace::within(self.gate.limits.ws_send_timeout, answering).await {
            Some(Ok(())) => Ok(()),
            _ => Err(Close::TooSlow),
        }
    }

    fn forget(&mut self, Ended { id, number }: &Ended) {
        if self.operations.get(id).is_some_and(|(running, _)| running == number) {
            self.operations.remove(id);
        }
    }

    async fn receive(&mut self, text: &str, ended: &mpsc::Sender<Ended>) -> Step {
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
                None => self.say(&json!({ "type": "pong" })).await,
                Some(payload) => self.say(&json!({ "type": "pong", "payload": payload })).await,
            },
            (Some("pong"), _) => Ok(()),
            (Some("subscribe"), Some(id)) => {
                if self.guest.is_none() {
                    return Err(Close::Unauthorized);
                }
                let mut guest = self.admit().await?;
                guest.caller.changed = self.changed.clone();
                let payload = payload.filter(Json::is_object).ok_or(Close::InvalidMessage)?;
                self.subscribe(guest, id, payload, ended).await
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
        self.say(&json!({ "type": "connection_ack" })).await
    }

    async fn admit(&self) -> Result<Guest, Close> {
        self.gate.admit(self.token.as_deref(), &self.peer).await.map_err(|_| Close::Forbidden)
    }

    async fn subscribe(&mut self, guest: Guest, id: String, payload: Json, ended: &mpsc::Sender<Ended>) -> Step {
        if self.operations.contains_key(&id) {
            return Err(Close::SubscriberExists);
        }
        let max = self.gate.limits.ws_operations_max;
        if self.operations.len() >= max {
            let message = format!("This connection runs {max} operations already: complete one first.");
            let error = json!([{ "message": message, "extensions": { "code": "RATE_LIMITED" } }]);
            return self.say(&json!({ "type": "error", "id": id, "payload": error })).await;
        }
        let Ok(parameters) = Parameters::of(payload) else { return Err(Close::InvalidMessage) };
        let key = json!(id).to_string();
        let operation = Operation { gate: self.gate.clone(), guest, id: key, outlet: self.outlet.clone() };
        self.begun += 1;
        let (ended, its_end) = (ended.clone(), Ended { id: id.clone(), number: self.begun });
        let running = actix_web::rt::spawn(async move {
            let _ = operation.run(parameters).await;
            // Freed even where the client never sends complete.
            let _ = ended.send(its_end).await;
        });
        self.operations.insert(id, (self.begun, AbortOnDropHandle::new(running)));
        Ok(())
    }
}

/// One operation of a socket.
struct Operation {
    gate: Arc<Gate>,
    guest: Guest,
    /// As JSON.
    id: String,
    outlet: Outlet,
}

impl Operation {
    /// Sends results until there are no more.
    async fn run(mut self, parameters: Parameters) -> Result<(), Lost> {
        let (gate, guest) = (self.gate.clone(), self.guest.clone());
        let prepared = match prepare(&gate, &guest, parameters, true) {
            Ok(prepared) => prepared,
            Err(response) => return self.error(&finish(&gate, &guest, *response)).await,
        };
        if prepared.operation != OperationType::Subscription {
            let response = execute(&gate, &guest, prepared).await;
            if is_request_error(&response) {
                return self.error(&response).await;
            }
            self.next(&to_json(&response)).await?;
            return self.complete().await;
        }
        let Prepared { request, operation: _, sharing } = prepared;
        let (handover, mut taken) = Handover::new(sharing.clone());
        let stream = gate.schema.execute_stream(request.data(handover));
        let mut executions = Executions { gate: &gate, guest: &guest, sharing, stream };
        let mut feed = tokio::select! {
            Ok(feed) = &mut taken => feed,
            // A feed of one person comes by itself; what fails at once is an invalid operation, by the protocol.
            Some(response) = executions.next() => return self.plain(response, executions).await,
            else => return self.complete().await,
        };
        loop {
            let told = match feed.next().await {
                Ok(Some(told)) => told,
                Ok(None) => return self.complete().await,
                Err(error) => {
                    let (code, message) = public(error, guest.caller.language);
                    return self.error(&finish(&gate, &guest, request_error(code, message))).await;
                }
            };
            let (shared, own) = (told.answer(), Answer::new());
            let answer = shared.as_deref().unwrap_or(&own);
            match answer.get_or_try_init(|| executions.of(&feed, &told)).await {
                Ok(payload) => self.next(payload).await?,
                Err(response) if is_request_error(&response) => return self.error(&response).await,
                Err(response) => self.next(&to_json(&response)).await?,
            }
        }
    }

    /// Results that nobody else reads.
    async fn plain(&mut self, first: Response, mut executions: Executions<'_>) -> Result<(), Lost> {
        let mut next = Some(first);
        while let Some(response) = next {
            if is_request_error(&response) || (response.data == Value::Null && response.is_err()) {
                return self.error(&response).await;
            }
            self.next(&to_json(&response)).await?;
            next = executions.next().await;
        }
        self.complete().await
    }

    /// The payload is spliced: for most it was serialised once.
    async fn next(&mut self, payload: &str) -> Result<(), Lost> {
        let text = [r#"{"type":"next","id":"#, &self.id, r#","payload":"#, payload, "}"].concat();
        self.outlet.text(text).await
    }

    async fn error(&mut self, response: &Response) -> Result<(), Lost> {
        let (id, errors) = (&self.id, json!(response.errors));
        self.outlet.text(format!(r#"{{"type":"error","id":{id},"payload":{errors}}}"#)).await
    }

    async fn complete(&mut self) -> Result<(), Lost> {
        let id = &self.id;
        self.outlet.text(format!(r#"{{"type":"complete","id":{id}}}"#)).await
    }
}

/// The executions of a subscription, one for each thing that its feed shows it.
struct Executions<'o> {
    gate: &'o Gate,
    guest: &'o Guest,
    sharing: Arc<Sharing>,
    stream: BoxStream<'static, Response>,
}

impl Executions<'_> {
    async fn next(&mut self) -> Option<Response> {
        let mut response = match AssertUnwindSafe(self.stream.next()).catch_unwind().await {
            Ok(response) => finish(self.gate, self.guest, response?),
            Err(_) => panicked(self.guest),
        };
        self.sharing.shape.arrange(&mut response.data);
        Some(response)
    }

    /// The payload; what has errors is nobody else's.
    async fn of(&mut self, feed: &Feed, told: &Told) -> Result<String, Box<Response>> {
        feed.show(told).await;
        match self.next().await {
            Some(response) if response.errors.is_empty() => Ok(to_json(&response)),
            Some(response) => Err(Box::new(response)),
            None => Err(Box::new(panicked(self.guest))),
        }
    }
}
