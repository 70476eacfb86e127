//! An SMTP and LMTP client that sends each command itself.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// A connection to a mail server.
pub struct SmtpClient(BufReader<TcpStream>);

impl SmtpClient {
    /// Connects and sends the greeting: LHLO or EHLO.
    pub async fn connect(to: SocketAddr, greeting: &str) -> Self {
        let mut smtp_client = Self(BufReader::new(TcpStream::connect(to).await.unwrap()));
        assert!(smtp_client.reply().await.starts_with("220 "));
        let reply = smtp_client.command(&format!("{greeting} mx.desk.test")).await;
        assert!(reply.contains("SIZE"), "{reply}");
        smtp_client
    }

    /// Reads one reply with all its lines.
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

    pub async fn command(&mut self, command: &str) -> String {
        self.write(format!("{command}\r\n").as_bytes()).await;
        self.reply().await
    }

    /// Delivers a mail and returns the reply.
    pub async fn deliver(&mut self, from: &str, to: &str, mail: &str) -> String {
        assert!(self.command(&format!("MAIL FROM:<{from}>")).await.starts_with("250 "));
        let reply = self.command(&format!("RCPT TO:<{to}>")).await;
        if !reply.starts_with("250 ") {
            return reply;
        }
        assert!(self.command("DATA").await.starts_with("354 "));
        let lines: Vec<String> =
            mail.lines().map(|line| if line.starts_with('.') { format!(".{line}") } else { line.to_owned() }).collect();
        self.write(format!("{}\r\n.\r\n", lines.join("\r\n")).as_bytes()).await;
        self.reply().await
    }
}

/// A mail as the organisation's server delivers it, with `Authentication-Results`.
pub fn authenticated_mail(author: &str, headers: &[&str], text: &str) -> String {
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
