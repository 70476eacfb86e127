//! Events to two thousand open boards: two hundred agents of twenty teams with ten sockets each and three filters,
//! relative to bare frames of the same size over the same kind of server.

#![expect(clippy::disallowed_methods, reason = "a bench waits in real time")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use actix_web::{App as HttpApp, HttpRequest, HttpResponse, HttpServer, web};
use domain::dispatch;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Notify, broadcast};
use tokio_util::task::AbortOnDropHandle;

use server::config::Config;

use crate::client::{Connection, post};
use crate::instance::{AGENTS, Instance};
use crate::report::{Report, rate};

const SOCKETS: usize = 2_000;
/// Concurrent events: while one is delivered, the next is committed. Bare frames need no commit.
const IN_FLIGHT: u64 = 8;
const DURATION: Duration = Duration::from_secs(8);
/// Seconds until all boards must receive.
const SUBSCRIBED_WITHIN: u32 = 120;

const BOARD: &str = "subscription B($filter: TicketFilter) { boardEvents(filter: $filter) { cursor at kind ticketId
    ticket { id number title status priority version createdAt updatedAt assignee { id name } team { id key name } } } }";
const COMMENT: &str = "mutation C($i: AddCommentInput!) { addComment(input: $i) { userErrors { code message } } }";

/// What all sockets together have received.
#[derive(Default)]
struct Counters {
    messages: AtomicU64,
    bytes: AtomicU64,
    changed: Notify,
}

impl Counters {
    async fn wait_for(&self, messages: u64) {
        while self.messages.load(Ordering::Acquire) < messages {
            let changed = self.changed.notified();
            if self.messages.load(Ordering::Acquire) >= messages {
                break;
            }
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep(Duration::from_secs(20)) => panic!(
                    "of {messages} frames only {} have come", self.messages.load(Ordering::Acquire)
                ),
            }
        }
    }
}

/// A client's text frame with an all-zero mask.
fn frame(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("a short message");
    let mut frame = vec![0x81, 0x80 | 126];
    frame.extend(length.to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}

/// The answer to a ping: a masked frame with the same payload, of at most 125 bytes.
fn pong(payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("a control frame is short");
    [&[0x8a, 0x80 | length, 0, 0, 0, 0], payload].concat()
}

/// Header length and end of the first complete server frame; `None` if it is incomplete.
fn end_of_frame(bytes: &[u8]) -> Option<(usize, usize)> {
    let (head, length) = match *bytes.get(1)? {
        126 => (4, usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]))),
        127 => (10, usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?),
        length => (2, usize::from(length)),
    };
    (bytes.len() >= head + length).then_some((head, head + length))
}

/// Opens a socket and counts the messages that it receives, except for acknowledgements.
async fn open_socket(
    address: String,
    path: &str,
    messages_to_send: Vec<String>,
    received: Arc<Counters>,
) -> AbortOnDropHandle<()> {
    let mut stream = TcpStream::connect(&address).await.expect("the server listens");
    stream.set_nodelay(true).expect("an option");
    let hello = format!(
        "GET {path} HTTP/1.1\r\nhost: bench\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n"
    );
    stream.write_all(hello.as_bytes()).await.expect("a request");
    let mut buffer = Vec::with_capacity(16 * 1024);
    let head = loop {
        assert!(stream.read_buf(&mut buffer).await.expect("an answer") > 0, "no socket was opened");
        if let Some(head) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break head + 4;
        }
    };
    assert!(buffer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&buffer));
    buffer.drain(..head);
    for text in messages_to_send {
        stream.write_all(&frame(&text)).await.expect("a message");
    }
    AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            let (mut at, mut messages) = (0, 0);
            while let Some((head, end)) = end_of_frame(&buffer[at..]) {
                let opcode = buffer[at] & 0xf;
                let text = &buffer[at + head..at + end];
                assert!(opcode != 8, "the server closed: {}", String::from_utf8_lossy(text));
                if opcode == 9 {
                    let answer = pong(text);
                    stream.write_all(&answer).await.expect("an answer to a ping");
                }
                if opcode == 1 && !text.starts_with(br#"{"type":"connection_ack""#) {
                    assert!(text.starts_with(br#"{"type":"next""#), "{}", String::from_utf8_lossy(text));
                    received.bytes.fetch_add(text.len() as u64, Ordering::Relaxed);
                    messages += 1;
                }
                at += end;
            }
            buffer.drain(..at);
            if messages > 0 {
                received.messages.fetch_add(messages, Ordering::Release);
                received.changed.notify_one();
            }
            if stream.read_buf(&mut buffer).await.unwrap_or(0) == 0 {
                return;
            }
        }
    }))
}

/// Sends events for the configured duration; returns messages per second over all receivers.
async fn events(received: &Counters, in_flight: u64, receivers: u64, mut event: impl AsyncFnMut()) -> f64 {
    let (started, before) = (Instant::now(), received.messages.load(Ordering::Acquire));
    let mut expected = before;
    while started.elapsed() < DURATION {
        event().await;
        expected += receivers;
        received.wait_for(expected.saturating_sub(receivers * (in_flight - 1))).await;
    }
    received.wait_for(expected).await;
    (expected - before) as f64 / started.elapsed().as_secs_f64()
}

/// A server that only forwards frames.
async fn bare_socket(
    request: HttpRequest,
    payload: web::Payload,
    frames_to_send: web::Data<broadcast::Sender<Arc<str>>>,
) -> actix_web::Result<HttpResponse> {
    let (response, mut session, mut messages) = actix_ws::handle(&request, payload)?;
    let mut frames = frames_to_send.subscribe();
    actix_web::rt::spawn(async move {
        loop {
            tokio::select! {
                frame = frames.recv() => match frame {
                    Ok(frame) if session.text(&*frame).await.is_ok() => {}
                    _ => return,
                },
                // Read, so that a client that has gone ends the task; otherwise the server waits for it.
                message = messages.recv() => if !matches!(message, Some(Ok(_))) { return },
            }
        }
    });
    Ok(response)
}

/// The limit: bare frames of this size.
async fn bare(size: usize, workers: usize) -> f64 {
    let frame: Arc<str> = format!(r#"{{"type":"next","x":"{}"}}"#, "x".repeat(size.saturating_sub(23))).into();
    let frames_to_send = broadcast::Sender::<Arc<str>>::new(256);
    let data = web::Data::new(frames_to_send.clone());
    let server =
        HttpServer::new(move || HttpApp::new().app_data(data.clone()).route("/frames", web::get().to(bare_socket)))
            .workers(workers)
            .disable_signals()
            .bind("127.0.0.1:0")
            .expect("a free port");
    let address = server.addrs()[0].to_string();
    let running = server.run();
    let handle = running.handle();
    let running = tokio::spawn(running);
    let received = Arc::new(Counters::default());
    let mut sockets = Vec::new();
    for _ in 0..SOCKETS {
        sockets.push(open_socket(address.clone(), "/frames", Vec::new(), received.clone()).await);
    }
    let per_second = events(&received, 1, SOCKETS as u64, async || {
        frames_to_send.send(frame.clone()).expect("somebody listens");
    })
    .await;
    drop(sockets);
    handle.stop(false).await;
    let _ = running.await;
    per_second
}

async fn graphql(connection: &mut Connection, token: &str, query: &str, variables: Json) -> Json {
    let request = post("/graphql", token, &json!({ "query": query, "variables": variables }));
    serde_json::from_slice(connection.ask(&request).await.expect("an answer")).expect("JSON")
}

pub async fn fanout(report: &mut Report) {
    // Dispatch would give the tickets an assignee, and with them a team, while the boards sign in.
    let manually = |config: &mut Config| config.settings_mut::<dispatch::model::Settings>().automatic = false;
    let instance = Instance::configured(manually).await;
    let admin = instance.token(instance.admin).await;
    let mut connection = Connection::open(&instance.address()).await.expect("the server listens");
    let create = "mutation C($i: CreateTicketInput!) { createTicket(input: $i) { ticket { id team { id } } } }";
    let mut tickets = BTreeMap::new();
    for (whose, kind) in [("everyone", None), ("one team", Some("TYPE3"))] {
        let input =
            json!({ "title": "3 号线 PM-3300 停机 E-721", "description": "The line stops.", "issueType": kind });
        let answer = graphql(&mut connection, &admin, create, json!({ "i": input })).await;
        let ticket = &answer["data"]["createTicket"]["ticket"];
        assert_eq!(ticket["team"].is_null(), kind.is_none(), "the ticket of {whose}: {answer}");
        tickets.insert(whose, ticket["id"].as_str().expect("an id").to_owned());
    }
    let filters = [
        Json::Null,
        json!({ "status": { "notIn": ["CLOSED", "CANCELLED"] } }),
        json!({ "priority": { "in": ["NORMAL", "HIGH", "URGENT"] } }),
    ];
    let received = Arc::new(Counters::default());
    let mut sockets = Vec::new();
    for (n, agent) in instance.agents.iter().cycle().take(SOCKETS).enumerate() {
        let token = instance.token(*agent).await;
        let init = json!({ "type": "connection_init", "payload": { "authorization": format!("Bearer {token}") } });
        let filter = &filters[n / AGENTS % filters.len()];
        let payload = json!({ "query": BOARD, "variables": { "filter": filter } });
        let subscribe = json!({ "type": "subscribe", "id": format!("board-{n}"), "payload": payload });
        let messages_to_send = vec![init.to_string(), subscribe.to_string()];
        sockets.push(open_socket(instance.address(), "/graphql", messages_to_send, received.clone()).await);
    }
    let mut n = 0;
    let mut comment = async |ticket: &str| {
        n += 1;
        let input = json!({ "ticketId": ticket, "visibility": "INTERNAL", "body": format!("检查了端子 checked {n}") });
        let answer = graphql(&mut connection, &admin, COMMENT, json!({ "i": input })).await;
        assert_eq!(answer["data"]["addComment"]["userErrors"], json!([]), "a comment was refused");
    };
    // Repeats until every socket receives.
    let mut receiving = 0;
    for _ in 0..SUBSCRIBED_WITHIN {
        let before = received.messages.load(Ordering::Acquire);
        comment(&tickets["everyone"]).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        receiving = received.messages.load(Ordering::Acquire) - before;
        if receiving >= SOCKETS as u64 {
            break;
        }
    }
    assert!(receiving >= SOCKETS as u64, "only {receiving} of {SOCKETS} boards receive after {SUBSCRIBED_WITHIN} s");
    let mut measured = Vec::new();
    for (whose, receivers) in [("everyone", SOCKETS), ("one team", SOCKETS / crate::instance::TEAMS)] {
        measured.push(events(&received, IN_FLIGHT, receivers as u64, async || comment(&tickets[whose]).await).await);
    }
    let size = received.bytes.load(Ordering::Relaxed) / received.messages.load(Ordering::Relaxed);
    let workers = instance.config.http.workers;
    drop((connection, sockets));
    instance.close().await;
    let workers = if workers > 0 { workers } else { std::thread::available_parallelism().map_or(2, usize::from) };
    let limit = bare(usize::try_from(size).expect("a size"), workers).await;
    report.row(
        "events to 2,000 boards that all hear them, messages",
        rate(measured[0]),
        "bare WebSocket frames of the same size",
        rate(limit),
        measured[0] / limit,
    );
    report.row_without_limit("events that 100 of the 2,000 hear, a durable comment each, messages", rate(measured[1]));
}
