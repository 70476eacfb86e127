//! Bounds and time-outs of connections, sockets and work; headers of responses.

use domain::kernel::minutes;
use domain::notifications;
use futures::future::join_all;
use tests::process::wait_until;
use tests::providers::MailServer;
use tests::socket::Socket;
use tests::{Client, Desk, Json, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::gateways::desk_with_mail;

const PROTOCOL: Option<&str> = Some("graphql-transport-ws");

async fn connect(desk: &Desk) -> TcpStream {
    TcpStream::connect(desk.address().strip_prefix("http://").unwrap()).await.unwrap()
}

/// Sends text, and returns what comes until the answer is complete or the connection ends.
#[expect(clippy::disallowed_methods, reason = "a test that waits for ever is no test")]
async fn exchange(stream: &mut TcpStream, text: &str) -> String {
    let mut received = Vec::new();
    let exchange = async {
        // The server may have closed it already.
        if stream.write_all(text.as_bytes()).await.is_ok() {
            while !received.windows(4).any(|end| end == b"\r\n\r\n")
                && stream.read_buf(&mut received).await.is_ok_and(|read| read > 0)
            {}
        }
    };
    tokio::time::timeout(tests::PATIENCE, exchange).await.expect("nothing came");
    String::from_utf8(received).unwrap()
}

const ALIVE: &str = "GET /healthz HTTP/1.1\r\nhost: desk.test\r\n\r\n";

async fn is_served(stream: &mut TcpStream) -> bool {
    exchange(stream, ALIVE).await.starts_with("HTTP/1.1 200 ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_arrive_is_answered_408() {
    let desk = Desk::configured(|config| config.http.body_timeout_secs = 0).await;
    for path in ["/graphql", "/intake/web", "/intake/api"] {
        let head = format!("POST {path} HTTP/1.1\r\nhost: desk.test\r\ncontent-type: application/json\r\n");
        for more in ["content-length: 100\r\n\r\n{", "transfer-encoding: chunked\r\n\r\n1\r\n{\r\n"] {
            let answer = exchange(&mut connect(&desk).await, &format!("{head}{more}")).await;
            assert!(answer.starts_with("HTTP/1.1 408 "), "{path} {more}: {answer}");
        }
    }
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_a_complete_request_is_closed() {
    let desk = Desk::configured(|config| {
        config.http.head_timeout_secs = 1;
        config.http.keep_alive_secs = 1;
    })
    .await;
    let mut first = connect(&desk).await;
    let half = "GET /healthz HTTP/1.1\r\nhost: d";
    assert!(exchange(&mut first, half).await.starts_with("HTTP/1.1 408 "), "its first request");
    let mut second = connect(&desk).await;
    assert!(is_served(&mut second).await);
    assert_eq!(exchange(&mut second, half).await, "", "its second request");
    // A body that nobody reads, and that never ends.
    let mut unread = connect(&desk).await;
    let chunked = "POST /healthz HTTP/1.1\r\nhost: desk.test\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n";
    let answer = exchange(&mut unread, chunked).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    assert!(!exchange(&mut unread, "1\r\n{\r\n").await.contains("HTTP"), "it ends without another answer");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_of_one_address_are_bounded() {
    let desk = Desk::configured(|config| config.http.connections_per_address_max = 3).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut stream = connect(&desk).await;
        assert!(is_served(&mut stream).await);
        open.push(stream);
    }
    for _ in 0..3 {
        let answer = exchange(&mut connect(&desk).await, ALIVE).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 503 "), "{answer}");
    }
    assert!(is_served(&mut open[0]).await, "those that are open are served");
    drop(open);
    wait_until("a place is free again", || async { is_served(&mut connect(&desk).await).await }).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_of_one_address_are_bounded() {
    let desk = Desk::configured(|config| config.websocket.guests_per_address_max = 2).await;
    let (guest, agent) = (desk.anonymous(), desk.as_("agent1").await);
    let mut open = vec![Socket::open(&guest).await, Socket::open(&guest).await];
    let mut third = Socket::connect(&guest, PROTOCOL).await;
    third.send(json!({ "type": "connection_init" })).await;
    assert_eq!(third.close_code().await, 4401, "two sockets without sign-in are open");
    for _ in 0..3 {
        open.push(Socket::open(&agent).await);
    }
    for socket in &mut open {
        socket.send(json!({ "type": "ping" })).await;
        assert_eq!(socket.receive().await["type"], "pong");
    }
    drop(open);
    desk.close().await;

    let desk = Desk::configured(|config| config.websocket.per_address_max = 2).await;
    let agent = desk.as_("agent1").await;
    let (first, _second) = (Socket::open(&agent).await, Socket::open(&agent).await);
    let http = reqwest::Client::new();
    let handshake = async || {
        let upgrade = http.get(format!("{}/graphql", desk.address())).header("connection", "upgrade");
        let upgrade = upgrade.header("upgrade", "websocket").header("sec-websocket-version", "13");
        let upgrade = upgrade.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        upgrade.header("sec-websocket-protocol", "graphql-transport-ws").send().await.unwrap().status().as_u16()
    };
    assert_eq!(handshake().await, 429);
    drop(first);
    wait_until("a place is free again", || async { handshake().await == 101 }).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_says_nothing_is_closed() {
    let desk = Desk::configured(|config| config.websocket.init_timeout_secs = 0).await;
    let mut silent = Socket::connect(&desk.anonymous(), PROTOCOL).await;
    assert_eq!(silent.close_code().await, 4408, "no connection_init");
    desk.close().await;

    let desk = Desk::configured(|config| config.websocket.guest_idle_secs = 0).await;
    let mut guest = Socket::open(&desk.anonymous()).await;
    assert_eq!(guest.close_code().await, 4401, "no operation, and no sign-in");
    let mut agent = Socket::open(&desk.as_("agent1").await).await;
    agent.wait_until_processed().await;
    desk.close().await;

    let desk = Desk::configured(|config| {
        config.websocket.ping_secs = 0;
        config.websocket.pong_timeout_secs = 0;
    })
    .await;
    let mut half_open = Socket::connect(&desk.anonymous(), PROTOCOL).await;
    assert_eq!(half_open.close_code().await, 1001, "no pong");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_work_of_one_caller_is_bounded() {
    let desk = Desk::configured(|config| config.http.cost_units_a_minute = 300).await;
    let agent = desk.as_("agent1").await;
    // 1, and 100 rows of 2.
    let query = "{ tickets(first: 100) { nodes { id } } }";
    let code = async |client: &Client| {
        let answer = client.execute(query, json!({})).await;
        if answer.body.get("errors").is_none() { "OK".to_owned() } else { answer.code().to_owned() }
    };
    assert_eq!(code(&agent).await, "OK");
    assert_eq!(code(&agent).await, "OK", "some of the budget was left");
    assert_eq!(code(&agent).await, "RATE_LIMITED");
    assert_eq!(code(&desk.as_("agent1").await).await, "RATE_LIMITED", "another session of the same user");
    assert_eq!(code(&desk.as_("agent2").await).await, "OK", "another user");
    assert_eq!(code(&desk.anonymous()).await, "UNAUTHENTICATED", "no user");
    let mut socket = Socket::open(&agent).await;
    socket.subscribe("q", query, json!({})).await;
    assert_eq!(socket.receive().await["payload"][0]["extensions"]["code"], "RATE_LIMITED");
    desk.advance(minutes(1)).await;
    assert_eq!(code(&agent).await, "OK");
    // The text of a search is work, too, each time that it is used.
    desk.advance(minutes(5)).await;
    let agent = desk.as_("agent1").await;
    let search = "query Q($t: String!) { a: similarCases(input: { title: \"x\", description: $t }) { rank }
        b: similarCases(input: { title: \"x\", description: $t }) { rank } }";
    agent.query(search, json!({ "t": "长".repeat(5_000) })).await;
    assert_eq!(code(&agent).await, "RATE_LIMITED");
    desk.advance(minutes(10)).await;
    let agent = desk.as_("agent1").await;
    assert_eq!(code(&agent).await, "RATE_LIMITED", "one request cost more than the budget of ten minutes");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_need_their_token() {
    let token = "c2VjcmV0IG9mIG1ldHJpY3M";
    let get = async |desk: &Desk, token: Option<&str>| {
        let mut request = reqwest::Client::new().get(format!("{}/metrics", desk.address()));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap().contains("buoy_jobs_due"))
    };
    let desk = Desk::start().await;
    assert_eq!(get(&desk, None).await, (404, false));
    assert_eq!(get(&desk, Some("")).await, (404, false));
    desk.close().await;
    let desk = Desk::configured(|config| config.http.metrics_token = token.to_owned()).await;
    assert_eq!(get(&desk, None).await, (401, false));
    assert_eq!(get(&desk, Some("another")).await, (401, false));
    assert_eq!(get(&desk, Some(token)).await, (200, true));
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_carry_security_headers() {
    let get = async |desk: &Desk, path: &str, scheme: Option<&str>| {
        let mut request = reqwest::Client::new().get(format!("{}{path}", desk.address()));
        if let Some(scheme) = scheme {
            request = request.header("x-forwarded-proto", scheme);
        }
        request.send().await.unwrap().headers().clone()
    };
    let is_strict = async |desk: &Desk, scheme: Option<&str>| {
        get(desk, "/", scheme).await.contains_key("strict-transport-security")
    };
    let desk = Desk::start().await;
    for path in ["/", "/graphiql", "/healthz", "/graphql", "/intake/nowhere"] {
        let headers = get(&desk, path, None).await;
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("connect-src 'self';") && policy.contains("form-action 'self';"), "{path}: {policy}");
        assert!(!policy.contains("ws:") && !policy.contains("wss:"), "{path}: {policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
    }
    assert!(!is_strict(&desk, None).await && !is_strict(&desk, Some("https")).await, "no TLS that we know of");
    desk.close().await;
    let desk = Desk::configured(|config| config.http.trusted_proxies = vec!["127.0.0.1".parse().unwrap()]).await;
    assert!(is_strict(&desk, Some("https")).await && is_strict(&desk, Some("http, https")).await);
    assert!(!is_strict(&desk, Some("http")).await && !is_strict(&desk, None).await);
    desk.close().await;
    let desk = Desk::configured(|config| {
        config.settings_mut::<notifications::model::Settings>().public_url = "https://buoy.desk.test".to_owned();
    })
    .await;
    assert!(is_strict(&desk, None).await);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_at_once_do_not_pass_the_limit() {
    let desk = Desk::start().await;
    let parts = json!([{ "name": "secret", "value": "form-secret" }]);
    crate::gateways::save(&desk.as_("admin").await, "web", "WEB_FORM", parts).await;
    let (http, form) = (reqwest::Client::new(), format!("{}/intake/web", desk.address()));
    let mut filled = Vec::new();
    for n in 0..60 {
        let pass = http.get(&form).send().await.unwrap().json::<Json>().await.unwrap()["pass"].clone();
        filled.push(json!({ "pass": pass, "title": format!("第 {n} 次"), "description": "x", "contact": "1" }));
    }
    let (http, form) = (&http, &form);
    let send = |filled| async move { http.post(form).json(filled).send().await.unwrap().status().as_u16() };
    let statuses = join_all(filled.iter().map(send)).await;
    let count = |status: u16| statuses.iter().filter(|one| **one == status).count();
    assert_eq!((count(200), count(429)), (30, 30), "{statuses:?}");
    assert_eq!(desk.as_("admin").await.count_tickets().await, 30);
    // A page of another site cannot send it without asking.
    let plain = http.post(form).header("content-type", "text/plain").body(filled[0].to_string()).send().await.unwrap();
    assert_eq!(plain.status().as_u16(), 415);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mail_port_hangs_up_on_other_protocols() {
    let post = MailServer::start("").await;
    let desk = desk_with_mail(&post).await;
    let mut stream = TcpStream::connect(desk.mail_address()).await.unwrap();
    let request = "POST / HTTP/1.1\r\nLHLO mx.desk.test\r\nMAIL FROM:<a@desk.test>\r\n\r\n";
    let answer = exchange(&mut stream, request).await;
    assert!(answer.starts_with("220 ") && !answer.contains("250"), "{answer}");
    let mut stream = TcpStream::connect(desk.mail_address()).await.unwrap();
    let answer = exchange(&mut stream, "MAIL FROM:<a@desk.test>\r\nQUIT\r\n").await;
    assert!(answer.contains("503 5.5.1 Send LHLO or EHLO first"), "{answer}");
    desk.close().await;
}
