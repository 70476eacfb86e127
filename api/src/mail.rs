//! Mail for help comes in by LMTP (RFC 2033) or SMTP (RFC 5321), from the organisation's own mail server: what is not a ticket when
//! it has been answered is still there. Nothing is polled, and there is no password that could end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::intake::commands::receive;
use domain::intake::model::{Gateway, MAIL_BYTES_MAX, MAIL_FROM, OWN_ADDRESS, Raw, Received};
use domain::runtime::{App, Ctx};
use ipnet::IpNet;
use lettre::message::Mailbox;
use smtp_proto::request::receiver::{DataReceiver, RequestReceiver};
use smtp_proto::{Error as Wrong, Request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::transport::pace::within;

/// Connections at a time; who comes beyond is asked to come again.
const CONNECTIONS_MAX: usize = 32;
const RECIPIENTS_MAX: usize = 16;
/// Commands that are no commands; then the connection ends.
const WRONG_MAX: u32 = 10;
const ACCEPT_AGAIN: Duration = Duration::from_secs(1);
/// RFC 5321, 4.5.3.2.
const SILENT_MAX: Duration = Duration::from_secs(300);
/// Characters of a reply's text.
const REPLY_CHARS_MAX: usize = 400;

struct Mail {
    app: Arc<App>,
    /// Where mail for help is written to.
    address: String,
    /// Whose mail comes from ourselves.
    own: String,
    /// Who may bring mail.
    allow: Vec<IpNet>,
}

/// Listens, where an address to listen on is configured; until stopped.
pub fn listen(config: &Config, app: &Arc<App>, stop: CancellationToken) -> io::Result<Option<SocketAddr>> {
    let Some(at) = config.intake.mail_listen() else { return Ok(None) };
    let listener = std::net::TcpListener::bind(at)?;
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let bound = listener.local_addr()?;
    let own: Option<Mailbox> = config.channels.email.from.parse().ok();
    let mail = Arc::new(Mail {
        app: app.clone(),
        address: config.intake.mail_address.to_lowercase(),
        own: own.map(|own| own.email.to_string()).unwrap_or_default(),
        allow: config.intake.mail_allow.clone(),
    });
    tokio::spawn(async move {
        let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let (mut stream, peer) = tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // As long as there are no more files to open, it would fail at once again.
                        tracing::warn!(%error, "a mail connection could not be accepted");
                        mail.app.clock.sleep_until(mail.app.now() + ACCEPT_AGAIN).await;
                        continue;
                    }
                },
                () = stop.cancelled() => return,
            };
            let Ok(place) = room.clone().try_acquire_owned() else {
                let _ = stream.write_all(b"421 4.3.2 Too many connections: come again\r\n").await;
                continue;
            };
            let (mail, stop) = (mail.clone(), stop.clone());
            tokio::spawn(async move {
                let _place = place;
                tokio::select! {
                    ended = mail.converse(&mut stream, peer) => {
                        if let Err(error) = ended {
                            tracing::debug!(%error, "a mail connection ended");
                        }
                    }
                    // What was not answered is still with its sender.
                    () = stop.cancelled() => {}
                }
            });
        }
    });
    Ok(Some(bound))
}

/// What a mail is handed over with.
#[derive(Default)]
struct Envelope {
    from: Option<String>,
    recipients: usize,
}

impl Mail {
    async fn converse(&self, stream: &mut TcpStream, peer: SocketAddr) -> io::Result<()> {
        if !self.allow.iter().any(|network| network.contains(&peer.ip().to_canonical())) {
            return stream.write_all(b"554 5.7.1 intake.mail_allow does not name your address\r\n").await;
        }
        stream.write_all(b"220 Buoy LMTP/ESMTP\r\n").await?;
        let (mut receiver, mut envelope) = (RequestReceiver::default(), Envelope::default());
        let (mut lmtp, mut wrong) = (false, 0);
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let Some(read) = read(stream, &mut buffer).await? else { return Ok(()) };
            let mut bytes = buffer[..read].iter();
            loop {
                let request = match receiver.ingest(&mut bytes) {
                    Ok(request) => request.into_owned(),
                    Err(Wrong::NeedsMoreData { .. }) => break,
                    Err(error) => {
                        wrong += 1;
                        stream.write_all(refusal(&error)).await?;
                        if wrong >= WRONG_MAX || matches!(error, Wrong::ResponseTooLong) {
                            return Ok(());
                        }
                        continue;
                    }
                };
                match request {
                    Request::Data if envelope.from.is_some() && envelope.recipients > 0 => {
                        stream.write_all(b"354 Go on\r\n").await?;
                        let rest = bytes.as_slice().to_vec();
                        let Some((body, left)) = message(stream, &rest, &mut buffer).await? else { return Ok(()) };
                        let Envelope { from, recipients } = std::mem::take(&mut envelope);
                        let reply = self.deliver(from.unwrap_or_default(), body).await;
                        // By LMTP each recipient is answered for.
                        for _ in 0..if lmtp { recipients } else { 1 } {
                            stream.write_all(reply.as_bytes()).await?;
                        }
                        buffer[..left.len()].copy_from_slice(&left);
                        bytes = buffer[..left.len()].iter();
                    }
                    Request::Quit => return stream.write_all(b"221 2.0.0 Bye\r\n").await,
                    request => {
                        lmtp |= matches!(request, Request::Lhlo { .. });
                        let reply = self.reply(request, &mut envelope);
                        stream.write_all(reply.as_bytes()).await?;
                    }
                }
            }
        }
    }

    fn reply(&self, request: Request<String>, envelope: &mut Envelope) -> String {
        match request {
            Request::Ehlo { .. } | Request::Lhlo { .. } => {
                *envelope = Envelope::default();
                let size = MAIL_BYTES_MAX;
                format!(
                    "250-Buoy\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250 SIZE {size}\r\n"
                )
            }
            Request::Helo { .. } => "250 Buoy\r\n".to_owned(),
            Request::Mail { from } if from.size > MAIL_BYTES_MAX => {
                format!("552 5.3.4 A mail has {MAIL_BYTES_MAX} bytes at most\r\n")
            }
            Request::Mail { from } => {
                *envelope = Envelope { from: Some(from.address), recipients: 0 };
                "250 2.1.0 Ok\r\n".to_owned()
            }
            Request::Rcpt { .. } if envelope.from.is_none() => "503 5.5.1 MAIL comes first\r\n".to_owned(),
            Request::Rcpt { .. } if envelope.recipients >= RECIPIENTS_MAX => {
                "452 4.5.3 Too many recipients\r\n".to_owned()
            }
            Request::Rcpt { to } => {
                if self.is_ours(&to.address) {
                    envelope.recipients += 1;
                    "250 2.1.5 Ok\r\n".to_owned()
                } else {
                    "550 5.1.1 No such mailbox: intake.mail_address names the one there is\r\n".to_owned()
                }
            }
            Request::Data => "503 5.5.1 MAIL and RCPT come first\r\n".to_owned(),
            Request::Rset => {
                *envelope = Envelope::default();
                "250 2.0.0 Ok\r\n".to_owned()
            }
            Request::Noop { .. } => "250 2.0.0 Ok\r\n".to_owned(),
            Request::Vrfy { .. } => "252 2.5.0 Bring it, and see\r\n".to_owned(),
            _ => "502 5.5.1 Not served\r\n".to_owned(),
        }
    }

    /// With or without a tag, as in help+press@example.com.
    fn is_ours(&self, address: &str) -> bool {
        let address = address.to_lowercase();
        let bare = address.split_once('@').map(|(local, domain)| {
            let local = local.split_once('+').map_or(local, |(local, _)| local);
            format!("{local}@{domain}")
        });
        address == self.address || bare.is_some_and(|bare| bare == self.address)
    }

    /// Answered only once it is a ticket, or kept.
    async fn deliver(&self, from: String, body: Option<Vec<u8>>) -> String {
        let Some(body) = body else { return format!("552 5.3.4 A mail has {MAIL_BYTES_MAX} bytes at most\r\n") };
        let cx = Ctx::system(&self.app);
        let raw = Raw {
            gateway: Gateway::Email,
            verifying: false,
            query: vec![(MAIL_FROM.to_owned(), from.clone()), (OWN_ADDRESS.to_owned(), self.own.clone())],
            headers: Vec::new(),
            body,
            source: from.chars().take(200).collect(),
            at: cx.now(),
        };
        let reply = match receive(&cx, &raw).await {
            Ok(Received::Answer(reply)) => reply.body,
            Ok(Received::Quarantined(id, reason)) => format!(
                "550 5.7.1 {}: nobody vouches for its author. No ticket yet; it is kept as {id}, and looked at again once the fault is mended",
                reason.word()
            ),
            Ok(Received::Unverified(reason)) => format!("550 5.7.1 {}", reason.word()),
            Ok(Received::Refused(id, said)) => format!("550 5.6.0 No ticket yet; kept as {id}: {}", said.en),
            Ok(Received::Later) => "450 4.7.1 No more is taken now: come again later".to_owned(),
            Err(error) => {
                tracing::error!(%error, "a mail could not be taken");
                "451 4.3.0 Something failed on our side: come again".to_owned()
            }
        };
        let line: String = reply.chars().filter(|c| !c.is_control()).take(REPLY_CHARS_MAX).collect();
        format!("{line}\r\n")
    }
}

fn refusal(error: &Wrong) -> &'static [u8] {
    match error {
        Wrong::UnknownCommand => b"500 5.5.1 No such command\r\n",
        Wrong::ResponseTooLong => b"500 5.5.6 The line is too long\r\n",
        Wrong::InvalidSenderAddress => b"501 5.1.7 That is no address\r\n",
        Wrong::InvalidRecipientAddress => b"501 5.1.3 That is no address\r\n",
        _ => b"501 5.5.4 That does not read\r\n",
    }
}

/// `None`: it is over.
async fn read(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    match within(SILENT_MAX, stream.read(buffer)).await {
        None | Some(Ok(0)) => Ok(None),
        Some(read) => read.map(Some),
    }
}

/// The message, `None` where it is too long, and what came behind it. `None`: the connection broke off.
async fn message(
    stream: &mut TcpStream,
    first: &[u8],
    buffer: &mut [u8],
) -> io::Result<Option<(Option<Vec<u8>>, Vec<u8>)>> {
    let (mut receiver, mut body) = (DataReceiver::new(), Vec::new());
    // A point may stand in its very first line.
    receiver.ingest(&mut b"\r\n".iter(), &mut body);
    body.clear();
    let mut too_long = false;
    let mut bytes = first.iter();
    loop {
        let done = receiver.ingest(&mut bytes, &mut body);
        if body.len() > MAIL_BYTES_MAX {
            too_long = true;
            body.clear();
        }
        if done {
            return Ok(Some(((!too_long).then_some(body), bytes.as_slice().to_vec())));
        }
        let Some(read) = read(stream, buffer).await? else { return Ok(None) };
        bytes = buffer[..read].iter();
    }
}
