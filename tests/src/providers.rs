//! Fake providers: real HTTP and SMTP listeners on loopback that keep what they were told, and answer as they are bidden.

use std::sync::{Arc, Mutex};

use serde_json::Value as Json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: Vec<(String, String)>,
    /// As text, where it is text.
    pub body: String,
    pub bytes: Vec<u8>,
}

impl Asked {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }

    pub fn argument(&self, name: &str) -> &str {
        self.query.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or(Json::Null)
    }
}

type Answers = Arc<Mutex<dyn FnMut(&Asked) -> (u16, Json) + Send>>;

/// A provider's HTTP interface.
pub struct Provider {
    pub address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    _running: AbortOnDropHandle<()>,
}

impl Provider {
    /// Answers each request by its status and its JSON; by no status, never.
    pub async fn start(answer: impl FnMut(&Asked) -> (u16, Json) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answers: Answers = Arc::new(Mutex::new(answer));
        let kept = asked.clone();
        let running = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, kept.clone(), answers.clone()));
            }
        });
        Self { address, asked, _running: AbortOnDropHandle::new(running) }
    }

    /// What it was asked, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(stream: TcpStream, kept: Arc<Mutex<Vec<Asked>>>, answers: Answers) {
    let mut stream = BufReader::new(stream);
    while let Some(asked) = request(&mut stream).await {
        let (status, body) = (answers.lock().unwrap())(&asked);
        kept.lock().unwrap().push(asked);
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

async fn line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await.ok()?;
    (read > 0).then(|| line.trim_end().to_owned())
}

async fn request(stream: &mut BufReader<TcpStream>) -> Option<Asked> {
    let first = line(stream).await?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let header = line(stream).await?;
        let Some((name, value)) = header.split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    let url = reqwest::Url::parse(&format!("http://provider{target}")).ok()?;
    let query = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    let text = String::from_utf8_lossy(&body).into_owned();
    Some(Asked { method, path: url.path().to_owned(), query, headers, body: text, bytes: body })
}

/// A letter as it was handed over.
#[derive(Clone, Debug)]
pub struct Letter {
    pub to: String,
    pub text: String,
}

/// A mail server.
pub struct Post {
    pub url: String,
    letters: Arc<Mutex<Vec<Letter>>>,
    _running: AbortOnDropHandle<()>,
}

impl Post {
    /// Takes letters, but to those whom `refuse` names.
    pub async fn start(refuse: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let letters = Arc::new(Mutex::new(Vec::new()));
        let kept = letters.clone();
        let running = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(take(stream, kept.clone(), refuse));
            }
        });
        Self { url, letters, _running: AbortOnDropHandle::new(running) }
    }

    pub fn letters(&self) -> Vec<Letter> {
        self.letters.lock().unwrap().clone()
    }
}

async fn take(stream: TcpStream, kept: Arc<Mutex<Vec<Letter>>>, refuse: &str) -> Option<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 post ESMTP\r\n").await.ok()?;
    let mut to = String::new();
    loop {
        let command = line(&mut stream).await?;
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
                    let line = line(&mut stream).await?;
                    if line == "." {
                        break;
                    }
                    // A point at the beginning of a line was doubled on the way (RFC 5321, 4.5.2).
                    text.push_str(line.strip_prefix('.').unwrap_or(&line));
                    text.push('\n');
                }
                kept.lock().unwrap().push(Letter { to: to.clone(), text });
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
