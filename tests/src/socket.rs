//! A client of subscriptions over graphql-transport-ws.

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value as Json, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::{Client, PATIENCE};

pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Socket {
    /// Connects without sending `connection_init`.
    pub async fn connect(client: &Client, protocol: Option<&str>) -> Self {
        let address = format!("{}/graphql", client.address.replacen("http", "ws", 1));
        let mut request = address.into_client_request().unwrap();
        if let Some(protocol) = protocol {
            request.headers_mut().insert("sec-websocket-protocol", protocol.parse().unwrap());
        }
        let (stream, _) = connect_async(request).await.unwrap();
        Self { stream }
    }

    /// Connects and authenticates.
    pub async fn open(client: &Client) -> Self {
        let mut socket = Self::connect(client, Some("graphql-transport-ws")).await;
        let token = client.token.as_ref().map(|token| format!("Bearer {token}"));
        socket.send(json!({ "type": "connection_init", "payload": { "Authorization": token } })).await;
        assert_eq!(socket.receive().await["type"], "connection_ack");
        socket
    }

    pub async fn send(&mut self, message: Json) {
        self.stream.send(Message::text(message.to_string())).await.unwrap();
    }

    pub async fn send_text(&mut self, text: &str) {
        self.stream.send(Message::text(text.to_owned())).await.unwrap();
    }

    /// Sends a text message in several frames, with a ping between them.
    pub async fn send_in_parts(&mut self, parts: &[&[u8]]) {
        for (n, part) in parts.iter().enumerate() {
            let opcode = OpCode::Data(if n == 0 { Data::Text } else { Data::Continue });
            let frame = Frame::message(part.to_vec(), opcode, n + 1 == parts.len());
            self.stream.send(Message::Frame(frame)).await.unwrap();
            self.stream.send(Message::Ping(Default::default())).await.unwrap();
        }
    }

    /// Writes to the connection what may not be a frame at all.
    pub async fn write_bytes(&mut self, bytes: &[u8]) {
        let connection = self.stream.get_mut();
        connection.write_all(bytes).await.unwrap();
        connection.flush().await.unwrap();
    }

    pub async fn subscribe(&mut self, id: &str, query: &str, variables: Json) {
        self.send(json!({ "type": "subscribe", "id": id, "payload": { "query": query, "variables": variables } }))
            .await;
    }

    /// Waits until the server has processed the messages sent before.
    pub async fn wait_until_processed(&mut self) {
        self.subscribe("settled", "{ boardCursor }", json!({})).await;
        self.event().await;
        assert_eq!(self.receive().await["type"], "complete");
    }

    /// The next message; fails if the socket is closed.
    pub async fn receive(&mut self) -> Json {
        match self.next().await {
            Ok(message) => message,
            Err(code) => panic!("closed with {code}"),
        }
    }

    /// The payload of the next event.
    pub async fn event(&mut self) -> Json {
        let message = self.receive().await;
        assert_eq!(message["type"], "next", "{message:#}");
        assert!(message["payload"].get("errors").is_none(), "{message:#}");
        message["payload"]["data"].clone()
    }

    /// Waits for the close of the socket and returns its code.
    pub async fn close_code(&mut self) -> u16 {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a test that waits for ever is no test")]
    async fn next(&mut self) -> Result<Json, u16> {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.stream.next()).await.expect("nothing came");
            match message {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => return Err(frame.map_or(1005, |frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(e)) => panic!("{e}"),
                None => return Err(1006),
            }
        }
    }
}
