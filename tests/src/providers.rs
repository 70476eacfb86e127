//! Fake providers: HTTP and SMTP listeners on loopback that record requests and answer as configured.

use std::sync::{Arc, Mutex};

use serde_json::Value as Json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// A request as it was received.
#[derive(Clone, Debug)]
pub struct ReceivedRequest {
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    /// The body as text, if it is text.
    pub body: String,
    pub bytes: Vec<u8>,
}

impl ReceivedRequest {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }

    pub fn query_parameter(&self, name: &str) -> &str {
        self.query.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or(Json::Null)
    }
}

type Answers = Arc<Mutex<dyn FnMut(&ReceivedRequest) -> (u16, Json) + Send>>;

/// A provider's HTTP interface.
pub struct Provider {
    pub address: String,
    requests: Arc<Mutex<Vec<ReceivedRequest>>>,
    _running: AbortOnDropHandle<()>,
}

impl Provider {
    /// Answers each request with this status and JSON; never answers if the status is 0.
    pub async fn start(answer: impl FnMut(&ReceivedRequest) -> (u16, Json) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let answers: Answers = Arc::new(Mutex::new(answer));
        let received = requests.clone();
        let running = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve_http(stream, received.clone(), answers.clone()));
            }
        });
        Self { address, requests, _running: AbortOnDropHandle::new(running) }
    }

    /// The requests in the order of receipt.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve_http(stream: TcpStream, received: Arc<Mutex<Vec<ReceivedRequest>>>, answers: Answers) {
    let mut stream = BufReader::new(stream);
    while let Some(requests) = read_request(&mut stream).await {
        let (status, body) = (answers.lock().unwrap())(&requests);
        received.lock().unwrap().push(requests);
        if status == 0 {
            std::future::pending::<()>().await;
        }
        let body = body.to_string();
        let length = body.len();
        let head = format!("HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n");
        if stream.write_all([head, body].concat().as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read_line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await.ok()?;
    (read > 0).then(|| line.trim_end().to_owned())
}

async fn read_request(stream: &mut BufReader<TcpStream>) -> Option<ReceivedRequest> {
    let first = read_line(stream).await?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let header = read_line(stream).await?;
        let Some((name, value)) = header.split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    let url = reqwest::Url::parse(&format!("http://provider{target}")).ok()?;
    let query = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    let text = String::from_utf8_lossy(&body).into_owned();
    Some(ReceivedRequest { method, path: url.path().to_owned(), query, headers, body: text, bytes: body })
}

/// A mail as it was received.
#[derive(Clone, Debug)]
pub struct Mail {
    pub to: String,
    pub text: String,
}

/// A mail server.
pub struct MailServer {
    pub url: String,
    mails: Arc<Mutex<Vec<Mail>>>,
    _running: AbortOnDropHandle<()>,
}

impl MailServer {
    /// Accepts mail, except to recipients whose address contains `refuse`.
    pub async fn start(refuse: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let mails = Arc::new(Mutex::new(Vec::new()));
        let received = mails.clone();
        let running = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve_smtp(stream, received.clone(), refuse));
            }
        });
        Self { url, mails, _running: AbortOnDropHandle::new(running) }
    }

    pub fn mails(&self) -> Vec<Mail> {
        self.mails.lock().unwrap().clone()
    }
}

async fn serve_smtp(stream: TcpStream, received: Arc<Mutex<Vec<Mail>>>, refuse: &str) -> Option<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 post ESMTP\r\n").await.ok()?;
    let mut to = String::new();
    loop {
        let command = read_line(&mut stream).await?;
        let word = command.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        let answer = match word.as_str() {
            "EHLO" => "250-post\r\n250 8BITMIME\r\n".to_owned(),
            "RCPT" if !refuse.is_empty() && command.contains(refuse) => "550 5.1.1 no such mailbox\r\n".to_owned(),
            "RCPT" => {
                to = command.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                "250 ok\r\n".to_owned()
            }
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await.ok()?;
                let mut text = String::new();
                loop {
                    let line = read_line(&mut stream).await?;
                    if line == "." {
                        break;
                    }
                    // The sender doubles a dot at the beginning of a line (RFC 5321, 4.5.2).
                    text.push_str(line.strip_prefix('.').unwrap_or(&line));
                    text.push('\n');
                }
                received.lock().unwrap().push(Mail { to: to.clone(), text });
                "250 taken\r\n".to_owned()
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await.ok()?;
                return None;
            }
            _ => "250 ok\r\n".to_owned(),
        };
        stream.write_all(answer.as_bytes()).await.ok()?;
    }
}
