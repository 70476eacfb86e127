//! graphql-transport-ws. The loop is our own, because clients depend on the exact close codes. A slow reader is
//! disconnected and resumes by cursor, instead of being buffered without limit.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;

use actix_web::guard::{Guard, fn_guard};
use actix_web::http::header;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use actix_ws::{Message, MessageStream, Session};
use async_graphql::parser::types::OperationType;
use async_graphql::{Response, Value};
use domain::people;
use domain::people::model::AccessWatches;
use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use serde_json::{Value as Json, json};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::connections::ConnectionPlace;
use super::frames::{Close, Fragments, bounded};
use super::http::bearer;
use super::message_sender::{MessageSender, SEND_TIMEOUT, SendFailed};
use super::sockets::SocketPlace;
use super::timeout::{sleep, with_timeout};
use super::{
    GraphqlService, Parameters, Peer, PreparedRequest, RequestContext, execute, finish, is_request_error, origin,
    panicked, prepare, request_error, to_json,
};
use graphql::live::SharedPayload;
use graphql::shared_execution::SharedExecution;
use graphql::{Feed, FeedHandle, FeedItem, public_error};

const PROTOCOL: &str = "graphql-transport-ws";

pub fn is_upgrade() -> impl Guard {
    fn_guard(|context| {
        let upgrade = context.head().headers().get(header::UPGRADE).and_then(|value| value.to_str().ok());
        upgrade.is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
    })
}

pub async fn open(
    request: HttpRequest,
    service: Data<GraphqlService>,
    payload: Payload,
) -> actix_web::Result<HttpResponse> {
    if !origin::is_allowed(&request, &service.limits) {
        return Ok(HttpResponse::Forbidden().body("This page is of another site: add its origin to widget.origins."));
    }
    let peer = Peer::of(&request, &service.limits);
    let address = peer.address.as_deref().unwrap_or_default();
    let Some(place) = service.sockets.admit(address, &service.limits.websocket) else {
        return Ok(HttpResponse::TooManyRequests()
            .insert_header((header::RETRY_AFTER, "10"))
            .force_close()
            .body("There are too many open sockets from your address: close some, or try again later."));
    };
    let offered = request.headers().get(header::SEC_WEBSOCKET_PROTOCOL).and_then(|value| value.to_str().ok());
    let supports_protocol = offered.is_some_and(|offered| offered.split(',').any(|name| name.trim() == PROTOCOL));
    let bytes_max = service.limits.websocket.frame_bytes_max;
    let (mut response, session, stream) = actix_ws::handle(&request, bounded(&request, payload, bytes_max).await?)?;
    if supports_protocol {
        let protocol = header::HeaderValue::from_static(PROTOCOL);
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    let stream = stream.max_frame_size(bytes_max);
    let connection = request.conn_data::<ConnectionPlace>().map(ConnectionPlace::connection);
    if let Some(connection) = &connection {
        connection.become_socket();
    }
    let socket = Socket {
        service: service.into_inner(),
        peer,
        place,
        sender: MessageSender::new(session.clone()),
        context: None,
        token: None,
        changed: CancellationToken::new(),
        access: None,
        operations: HashMap::new(),
        started: 0,
    };
    actix_web::rt::spawn(async move {
        serve(socket, session, stream, supports_protocol).await;
        if let Some(connection) = connection {
            connection.close_soon();
        }
    });
    Ok(response)
}

async fn serve(mut socket: Socket, session: Session, stream: MessageStream, supports_protocol: bool) {
    let close = if supports_protocol { socket.run(stream).await } else { Some(Close::BadProtocol) };
    // Aborts all operations.
    drop(socket);
    let _ = with_timeout(SEND_TIMEOUT, session.close(close.map(Close::reason))).await;
}

struct Socket {
    service: Arc<GraphqlService>,
    peer: Peer,
    place: SocketPlace,
    sender: MessageSender,
    context: Option<RequestContext>,
    /// The credential of the connection: each operation is authenticated with it again, so that it has the current
    /// rights.
    token: Option<String>,
    /// Cancelled when a running operation notices that the caller's rights have changed.
    changed: CancellationToken,
    /// Changes when the person's access may have ended; `None`: nobody has signed in.
    access: Option<watch::Receiver<()>>,
    /// Running operations; dropping a handle aborts its operation.
    operations: HashMap<String, (u64, AbortOnDropHandle<()>)>,
    /// Number of operations so far: it tells operations with the same id apart.
    started: u64,
}

/// An operation that has completed.
struct FinishedOperation {
    id: String,
    number: u64,
}

/// `Err` closes the socket.
type ReadResult = Result<(), Close>;

impl Socket {
    /// Reads until the socket must be closed; `None`: the client closed it.
    async fn run(&mut self, mut stream: MessageStream) -> Option<Close> {
        let (on_finish, mut finished_operations) =
            mpsc::channel::<FinishedOperation>(self.service.limits.websocket.operations_max);
        let limits = self.service.limits.websocket.clone();
        let mut fragments = Fragments::new(limits.frame_bytes_max);
        let mut init = pin!(sleep(limits.init_timeout()).fuse());
        let mut guest_idle = pin!(sleep(limits.guest_idle()));
        let mut next_ping = pin!(sleep(limits.ping_interval()));
        let mut no_pong = pin!(sleep(limits.pong_timeout()));
        let mut awaits_pong = false;
        loop {
            if !self.operations.is_empty() && self.is_guest() {
                guest_idle.set(sleep(limits.guest_idle()));
            }
            let expires_at = self.context.as_ref().and_then(|context| context.expires_at);
            let clock = self.service.app.clock.clone();
            let expiry = async {
                match expires_at {
                    Some(at) => clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                message = stream.next() => {
                    awaits_pong = false;
                    let text = match message {
                        None | Some(Ok(Message::Close(_))) => return None,
                        Some(Err(error)) => return Close::after(&error),
                        Some(Ok(message)) => self.text_of(message, &mut fragments).await,
                    };
                    let result = match text {
                        Ok(Some(text)) => {
                            // Their ids are free: the client already knows that they completed.
                            while let Ok(finished) = finished_operations.try_recv() {
                                self.remove_finished(&finished);
                            }
                            self.receive(&text, &on_finish).await
                        }
                        Ok(None) => Ok(()),
                        Err(close) => Err(close),
                    };
                    if let Err(close) = result {
                        return Some(close);
                    }
                }
                Some(finished) = finished_operations.recv() => self.remove_finished(&finished),
                () = &mut init, if self.context.is_none() => return Some(Close::InitTimeout),
                () = &mut guest_idle, if self.is_idle_guest() => return Some(Close::Unauthorized),
                () = &mut no_pong, if awaits_pong => return Some(Close::GoingAway),
                () = changed(&mut self.access) => {
                    if self.is_revoked().await {
                        return Some(Close::Forbidden);
                    }
                }
                () = expiry => return Some(Close::Forbidden),
                // The client reconnects with its current rights, and resumes by cursor.
                () = self.changed.cancelled() => return Some(Close::Forbidden),
                () = self.sender.slow.cancelled() => return Some(Close::TooSlow),
                () = &mut next_ping => {
                    next_ping.set(sleep(limits.ping_interval()));
                    if self.is_revoked().await {
                        return Some(Close::Forbidden);
                    }
                    let ping = self.sender.session.ping(b"");
                    if !matches!(with_timeout(SEND_TIMEOUT, ping).await, Some(Ok(()))) {
                        return Some(Close::TooSlow);
                    }
                    if !std::mem::replace(&mut awaits_pong, true) {
                        no_pong.set(sleep(limits.pong_timeout()));
                    }
                }
                () = self.service.stop.cancelled() => return Some(Close::GoingAway),
            }
        }
    }

    /// The text of a message, if this is all of it.
    async fn text_of(&mut self, message: Message, fragments: &mut Fragments) -> Result<Option<String>, Close> {
        match message {
            Message::Text(text) => Ok(Some(text.to_string())),
            Message::Continuation(part) => fragments.push(part),
            Message::Ping(bytes) => self.pong(&bytes).await.map(|()| None),
            Message::Pong(_) | Message::Close(_) | Message::Nop => Ok(None),
            Message::Binary(_) => Err(Close::InvalidMessage),
        }
    }

    /// Whether the session, the API key or the account behind the token has ended.
    async fn is_revoked(&self) -> bool {
        let Some(person) = self.context.as_ref().and_then(|context| context.caller.cx.actor.person()) else {
            return false;
        };
        !people::queries::has_access(&self.service.app, person).await.unwrap_or(true)
    }

    /// Whether it was initialised without sign-in.
    fn is_guest(&self) -> bool {
        self.context.as_ref().is_some_and(|context| context.caller.cx.actor.person().is_none())
    }

    fn is_idle_guest(&self) -> bool {
        self.operations.is_empty() && self.is_guest()
    }

    async fn send(&mut self, message: &Json) -> ReadResult {
        self.sender.text(message.to_string()).await.map_err(|SendFailed| Close::TooSlow)
    }

    async fn pong(&mut self, bytes: &[u8]) -> ReadResult {
        let pong = self.sender.session.pong(bytes);
        match with_timeout(SEND_TIMEOUT, pong).await {
            Some(Ok(())) => Ok(()),
            _ => Err(Close::TooSlow),
        }
    }

    fn remove_finished(&mut self, FinishedOperation { id, number }: &FinishedOperation) {
        if self.operations.get(id).is_some_and(|(running, _)| running == number) {
            self.operations.remove(id);
        }
    }

    async fn receive(&mut self, text: &str, on_finish: &mpsc::Sender<FinishedOperation>) -> ReadResult {
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
                None => self.send(&json!({ "type": "pong" })).await,
                Some(payload) => self.send(&json!({ "type": "pong", "payload": payload })).await,
            },
            (Some("pong"), _) => Ok(()),
            (Some("subscribe"), Some(id)) => {
                if self.context.is_none() {
                    return Err(Close::Unauthorized);
                }
                let mut context = self.authenticate().await?;
                context.caller.rights_changed = self.changed.clone();
                let payload = payload.filter(Json::is_object).ok_or(Close::InvalidMessage)?;
                self.subscribe(context, id, payload, on_finish).await
            }
            (Some("complete"), Some(id)) => {
                self.operations.remove(&id);
                Ok(())
            }
            _ => Err(Close::InvalidMessage),
        }
    }

    async fn init(&mut self, payload: Option<Json>) -> ReadResult {
        if self.context.is_some() {
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
        let context = self.authenticate().await?;
        if let Some(person) = context.caller.cx.actor.person() {
            self.access = Some(self.service.app.state::<AccessWatches>().subscribe(person.id));
            // The access may have ended before it was watched.
            self.authenticate().await?;
        } else if !self.place.stay_guest(&self.service.limits.websocket) {
            return Err(Close::Unauthorized);
        }
        self.context = Some(context);
        self.send(&json!({ "type": "connection_ack" })).await
    }

    async fn authenticate(&self) -> Result<RequestContext, Close> {
        self.service.authenticate(self.token.as_deref(), &self.peer).await.map_err(|_| Close::Forbidden)
    }

    async fn subscribe(
        &mut self,
        context: RequestContext,
        id: String,
        payload: Json,
        on_finish: &mpsc::Sender<FinishedOperation>,
    ) -> ReadResult {
        if self.operations.contains_key(&id) {
            return Err(Close::SubscriberExists);
        }
        let max = self.service.limits.websocket.operations_max;
        if self.operations.len() >= max {
            let message = format!("This connection runs {max} operations already: complete one first.");
            let error = json!([{ "message": message, "extensions": { "code": "RATE_LIMITED" } }]);
            return self.send(&json!({ "type": "error", "id": id, "payload": error })).await;
        }
        let Ok(parameters) = Parameters::of(payload) else { return Err(Close::InvalidMessage) };
        let key = json!(id).to_string();
        let operation = Operation { service: self.service.clone(), context, id: key, sender: self.sender.clone() };
        self.started += 1;
        let (on_finish, finished) = (on_finish.clone(), FinishedOperation { id: id.clone(), number: self.started });
        let running = actix_web::rt::spawn(async move {
            let _ = operation.run(parameters).await;
            // Frees the id even if the client never sends complete.
            let _ = on_finish.send(finished).await;
        });
        self.operations.insert(id, (self.started, AbortOnDropHandle::new(running)));
        Ok(())
    }
}

/// Resolves when the person's access may have ended.
async fn changed(access: &mut Option<watch::Receiver<()>>) {
    let has_changed = match access {
        Some(access) => access.changed().await.is_ok(),
        None => false,
    };
    if !has_changed {
        std::future::pending().await
    }
}

/// One operation of a socket.
struct Operation {
    service: Arc<GraphqlService>,
    context: RequestContext,
    /// Encoded as JSON.
    id: String,
    sender: MessageSender,
}

impl Operation {
    /// Sends results until the operation completes.
    async fn run(mut self, parameters: Parameters) -> Result<(), SendFailed> {
        let (service, context) = (self.service.clone(), self.context.clone());
        let prepared = match prepare(&service, &context, parameters, true).await {
            Ok(prepared) => prepared,
            Err(response) => return self.error(&finish(&service, &context, *response)).await,
        };
        if prepared.operation != OperationType::Subscription {
            let response = execute(&service, &context, prepared).await;
            if is_request_error(&response) {
                return self.error(&response).await;
            }
            self.next(&to_json(&response)).await?;
            return self.complete().await;
        }
        let PreparedRequest { request, operation: _, shared_execution } = prepared;
        let (feed_handle, mut feed_receiver) = FeedHandle::new(shared_execution.clone());
        let stream = service.schema.execute_stream(request.data(feed_handle));
        let mut executions = Executions { service: &service, context: &context, shared_execution, stream };
        let mut feed = tokio::select! {
            Ok(feed) = &mut feed_receiver => feed,
            // A subscription of one person is not shared and has no feed; an immediate error means an invalid operation, as the protocol
            // requires.
            Some(response) = executions.next() => return self.run_unshared(response, executions).await,
            else => return self.complete().await,
        };
        loop {
            let item = match feed.next().await {
                Ok(Some(item)) => item,
                Ok(None) => return self.complete().await,
                Err(error) => {
                    let (code, message) = public_error(error, context.caller.language);
                    return self.error(&finish(&service, &context, request_error(code, message))).await;
                }
            };
            let (shared, own) = (item.shared_payload(), SharedPayload::new());
            let answer = shared.as_deref().unwrap_or(&own);
            match answer.get_or_try_init(|| executions.payload(&feed, &item)).await {
                Ok(payload) => self.next(payload).await?,
                Err(response) if is_request_error(&response) => return self.error(&response).await,
                Err(response) => self.next(&to_json(&response)).await?,
            }
        }
    }

    /// Results that are not shared with other subscribers.
    async fn run_unshared(&mut self, first: Response, mut executions: Executions<'_>) -> Result<(), SendFailed> {
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

    /// The payload is spliced in as text, because a shared payload is serialised only once.
    async fn next(&mut self, payload: &str) -> Result<(), SendFailed> {
        let text = [r#"{"type":"next","id":"#, &self.id, r#","payload":"#, payload, "}"].concat();
        self.sender.text(text).await
    }

    async fn error(&mut self, response: &Response) -> Result<(), SendFailed> {
        let (id, errors) = (&self.id, json!(response.errors));
        self.sender.text(format!(r#"{{"type":"error","id":{id},"payload":{errors}}}"#)).await
    }

    async fn complete(&mut self) -> Result<(), SendFailed> {
        let id = &self.id;
        self.sender.text(format!(r#"{{"type":"complete","id":{id}}}"#)).await
    }
}

/// The executions of a subscription, one for each feed item.
struct Executions<'o> {
    service: &'o GraphqlService,
    context: &'o RequestContext,
    shared_execution: Arc<SharedExecution>,
    stream: BoxStream<'static, Response>,
}

impl Executions<'_> {
    async fn next(&mut self) -> Option<Response> {
        let mut response = match AssertUnwindSafe(self.stream.next()).catch_unwind().await {
            Ok(response) => finish(self.service, self.context, response?),
            Err(_) => panicked(self.context),
        };
        self.shared_execution.field_order.apply(&mut response.data);
        Some(response)
    }

    /// The payload; a response with errors is not shared.
    async fn payload(&mut self, feed: &Feed, item: &FeedItem) -> Result<String, Box<Response>> {
        feed.emit(item).await;
        match self.next().await {
            Some(response) if response.errors.is_empty() => Ok(to_json(&response)),
            Some(response) => Err(Box::new(response)),
            None => Err(Box::new(panicked(self.context))),
        }
    }
}
