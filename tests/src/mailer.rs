//! A mail server that brings mail, word by word.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// A conversation with whoever takes mail.
pub struct Mailer(BufReader<TcpStream>);

impl Mailer {
    /// Connects, and says hello: LHLO or EHLO.
    pub async fn hello(to: SocketAddr, hello: &str) -> Self {
        let mut mailer = Self(BufReader::new(TcpStream::connect(to).await.unwrap()));
        assert!(mailer.reply().await.starts_with("220 "));
        let said = mailer.say(&format!("{hello} mx.desk.test")).await;
        assert!(said.contains("SIZE"), "{said}");
        mailer
    }

    /// One reply, all its lines.
    pub async fn reply(&mut self) -> String {
        let mut all = String::new();
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await.unwrap();
            let last = line.as_bytes().get(3) != Some(&b'-');
            all.push_str(&line);
            if last {
                return all.trim_end().to_owned();
            }
        }
    }

    pub async fn write(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).await.unwrap();
    }

    pub async fn say(&mut self, command: &str) -> String {
        self.write(format!("{command}\r\n").as_bytes()).await;
        self.reply().await
    }

    /// Brings a mail; what is said of it.
    pub async fn bring(&mut self, from: &str, to: &str, mail: &str) -> String {
        assert!(self.say(&format!("MAIL FROM:<{from}>")).await.starts_with("250 "));
        let taken = self.say(&format!("RCPT TO:<{to}>")).await;
        if !taken.starts_with("250 ") {
            return taken;
        }
        assert!(self.say("DATA").await.starts_with("354 "));
        let lines: Vec<String> =
            mail.lines().map(|line| if line.starts_with('.') { format!(".{line}") } else { line.to_owned() }).collect();
        self.write(format!("{}\r\n.\r\n", lines.join("\r\n")).as_bytes()).await;
        self.reply().await
    }
}

/// A mail as the organisation's server hands it on, with its stamp.
pub fn stamped(author: &str, headers: &[&str], text: &str) -> String {
    let domain = author.split('@').next_back().unwrap();
    let mut lines = vec![
        format!("Authentication-Results: mx.desk.test; dmarc=pass header.from={domain}"),
        format!("From: {author}"),
        "To: help@desk.test".to_owned(),
        "Content-Type: text/plain; charset=utf-8".to_owned(),
    ];
    lines.extend(headers.iter().map(|header| (*header).to_owned()));
    format!("{}\r\n\r\n{text}", lines.join("\r\n"))
}
