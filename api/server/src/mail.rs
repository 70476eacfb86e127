//! Incoming mail by LMTP (RFC 2033) or SMTP (RFC 5321), from the organisation's own mail server. A mail is acknowledged
//! only once it is stored, so the sender keeps it until then. There is no mailbox to poll and no password that could
//! expire.

use domain::kernel::Locale;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::intake::commands::receive;
use domain::intake::model::{
    Gateway, MAIL_BYTES_MAX, MAIL_FROM, OWN_ADDRESS, RawRequest, Reason, ReceiveOutcome, Settings,
};
use domain::runtime::{App, Ctx};
use ipnet::IpNet;
use lettre::message::Mailbox;
use smtp_proto::request::receiver::{DataReceiver, RequestReceiver};
use smtp_proto::{Error as SmtpError, Request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::transport::timeout::with_timeout;

/// Concurrent connections; further ones are told to try again.
const CONNECTIONS_MAX: usize = 32;
const RECIPIENTS_MAX: usize = 16;
/// Invalid commands before the connection is closed.
const ERRORS_MAX: u32 = 10;
const ACCEPT_RETRY_DELAY: Duration = Duration::from_secs(1);
/// RFC 5321, 4.5.3.2.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);
/// Characters of a reply's text.
const REPLY_CHARS_MAX: usize = 400;

struct MailServer {
    app: Arc<App>,
    /// The address of the support mailbox.
    address: String,
    /// Our own sender address, to recognise our own mail.
    own_address: String,
    /// Networks that may deliver mail.
    allowed_networks: Vec<IpNet>,
}

/// Listens until stopped, if an address is configured.
pub fn listen(config: &Config, app: &Arc<App>, stop: CancellationToken) -> io::Result<Option<SocketAddr>> {
    let settings = config.settings::<Settings>();
    let Some(at) = settings.mail_listen() else { return Ok(None) };
    let listener = std::net::TcpListener::bind(at)?;
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let bound = listener.local_addr()?;
    let own_mailbox: Option<Mailbox> = config.channels.email.from.parse().ok();
    let mail = Arc::new(MailServer {
        app: app.clone(),
        address: settings.mail_address.to_lowercase(),
        own_address: own_mailbox.map(|mailbox| mailbox.email.to_string()).unwrap_or_default(),
        allowed_networks: settings.mail_allow.clone(),
    });
    tokio::spawn(async move {
        let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let (mut stream, peer) = tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // While no file descriptor is free, another attempt would fail at once.
                        tracing::warn!(%error, "a mail connection could not be accepted");
                        mail.app.clock.sleep_until(mail.app.now() + ACCEPT_RETRY_DELAY).await;
                        continue;
                    }
                },
                () = stop.cancelled() => return,
            };
            let Ok(permit) = permits.clone().try_acquire_owned() else {
                let _ = stream.write_all(b"421 4.3.2 Too many connections: try again later\r\n").await;
                continue;
            };
            let (mail, stop) = (mail.clone(), stop.clone());
            tokio::spawn(async move {
                let _permit = permit;
                tokio::select! {
                    ended = mail.handle_connection(&mut stream, peer) => {
                        if let Err(error) = ended {
                            tracing::debug!(%error, "a mail connection ended");
                        }
                    }
                    // A mail that was not acknowledged stays with its sender.
                    () = stop.cancelled() => {}
                }
            });
        }
    });
    Ok(Some(bound))
}

/// The envelope of a mail.
#[derive(Default)]
struct Envelope {
    from: Option<String>,
    recipients: usize,
}

impl MailServer {
    async fn handle_connection(&self, stream: &mut TcpStream, peer: SocketAddr) -> io::Result<()> {
        if !self.allowed_networks.iter().any(|network| network.contains(&peer.ip().to_canonical())) {
            return stream.write_all(b"554 5.7.1 Your address is not in intake.mail_allow\r\n").await;
        }
        stream.write_all(b"220 Buoy LMTP/ESMTP\r\n").await?;
        let (mut receiver, mut envelope) = (RequestReceiver::default(), Envelope::default());
        let (mut lmtp, mut greeted, mut errors) = (false, false, 0);
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let Some(read) = read(stream, &mut buffer).await? else { return Ok(()) };
            let mut bytes = buffer[..read].iter();
            loop {
                let request = match receiver.ingest(&mut bytes) {
                    Ok(request) => request.into_owned(),
                    Err(SmtpError::NeedsMoreData { .. }) => break,
                    Err(error) => {
                        errors += 1;
                        stream.write_all(error_reply(&error)).await?;
                        // Another protocol, such as HTTP sent by a page of somebody's browser, does not begin with a greeting.
                        if !greeted || errors >= ERRORS_MAX || matches!(error, SmtpError::ResponseTooLong) {
                            return Ok(());
                        }
                        continue;
                    }
                };
                greeted |= matches!(request, Request::Lhlo { .. } | Request::Ehlo { .. } | Request::Helo { .. });
                match request {
                    Request::Mail { .. } | Request::Rcpt { .. } | Request::Data if !greeted => {
                        stream.write_all(b"503 5.5.1 Send LHLO or EHLO first\r\n").await?;
                    }
                    Request::Data if envelope.from.is_some() && envelope.recipients > 0 => {
                        stream.write_all(b"354 Send the message, end with a dot on a line by itself\r\n").await?;
                        let rest = bytes.as_slice().to_vec();
                        let Some((body, left)) = read_message(stream, &rest, &mut buffer).await? else { return Ok(()) };
                        let Envelope { from, recipients } = std::mem::take(&mut envelope);
                        let reply = self.deliver(from.unwrap_or_default(), body).await;
                        // LMTP requires a reply for each recipient.
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
                format!("552 5.3.4 Message too large: at most {MAIL_BYTES_MAX} bytes\r\n")
            }
            Request::Mail { from } => {
                *envelope = Envelope { from: Some(from.address), recipients: 0 };
                "250 2.1.0 Ok\r\n".to_owned()
            }
            Request::Rcpt { .. } if envelope.from.is_none() => "503 5.5.1 Send MAIL first\r\n".to_owned(),
            Request::Rcpt { .. } if envelope.recipients >= RECIPIENTS_MAX => {
                "452 4.5.3 Too many recipients\r\n".to_owned()
            }
            Request::Rcpt { to } => {
                if self.is_support_address(&to.address) {
                    envelope.recipients += 1;
                    "250 2.1.5 Ok\r\n".to_owned()
                } else {
                    "550 5.1.1 No such mailbox: only the address in intake.mail_address is accepted\r\n".to_owned()
                }
            }
            Request::Data => "503 5.5.1 Send MAIL and RCPT first\r\n".to_owned(),
            Request::Rset => {
                *envelope = Envelope::default();
                "250 2.0.0 Ok\r\n".to_owned()
            }
            Request::Noop { .. } => "250 2.0.0 Ok\r\n".to_owned(),
            Request::Vrfy { .. } => "252 2.5.0 Cannot verify the address, but will try to deliver\r\n".to_owned(),
            _ => "502 5.5.1 Command not implemented\r\n".to_owned(),
        }
    }

    /// With or without a tag, as in help+press@example.com.
    fn is_support_address(&self, address: &str) -> bool {
        let address = address.to_lowercase();
        let bare = address.split_once('@').map(|(local, domain)| {
            let local = local.split_once('+').map_or(local, |(local, _)| local);
            format!("{local}@{domain}")
        });
        address == self.address || bare.is_some_and(|bare| bare == self.address)
    }

    /// Replies only after the mail is a ticket or in quarantine.
    async fn deliver(&self, from: String, body: Option<Vec<u8>>) -> String {
        let Some(body) = body else {
            return format!("552 5.3.4 Message too large: at most {MAIL_BYTES_MAX} bytes\r\n");
        };
        let cx = Ctx::system(&self.app);
        let raw = RawRequest {
            gateway: Gateway::Email,
            verifying: false,
            query: vec![(MAIL_FROM.to_owned(), from.clone()), (OWN_ADDRESS.to_owned(), self.own_address.clone())],
            headers: Vec::new(),
            body,
            source: from.chars().take(200).collect(),
            at: cx.now(),
        };
        let reply = match receive(&cx, &raw).await {
            Ok(ReceiveOutcome::Reply(reply)) => reply.body,
            Ok(ReceiveOutcome::Quarantined(id, reason)) => format!(
                "550 5.7.1 {}: {}. No ticket was created; the mail is quarantined as {id} and checked again once the fault is fixed",
                reason.as_str(),
                explanation(reason)
            ),
            Ok(ReceiveOutcome::Unverified(reason)) => format!("550 5.7.1 {}", reason.as_str()),
            Ok(ReceiveOutcome::Refused(id, message)) => {
                format!(
                    "550 5.6.0 No ticket was created; the mail is quarantined as {id}: {}",
                    message.text(Locale::En)
                )
            }
            Ok(ReceiveOutcome::RetryLater) => "450 4.7.1 Mail cannot be accepted now: try again later".to_owned(),
            Err(error) => {
                tracing::error!(%error, "a mail could not be accepted");
                "451 4.3.0 Internal error: try again later".to_owned()
            }
        };
        let line: String = reply.chars().filter(|c| !c.is_control()).take(REPLY_CHARS_MAX).collect();
        format!("{line}\r\n")
    }
}

const fn explanation(reason: Reason) -> &'static str {
    match reason {
        Reason::NoCredential => "the mail gateway is not set up",
        Reason::Malformed => "the mail does not name exactly one author in From",
        Reason::SignatureInvalid | Reason::TimestampInvalid | Reason::DecryptionFailed => {
            "the sender is not authenticated"
        }
        Reason::Refused => "its content was refused",
    }
}

fn error_reply(error: &SmtpError) -> &'static [u8] {
    match error {
        SmtpError::UnknownCommand => b"500 5.5.1 Unknown command\r\n",
        SmtpError::ResponseTooLong => b"500 5.5.6 Line too long\r\n",
        SmtpError::InvalidSenderAddress => b"501 5.1.7 Invalid sender address\r\n",
        SmtpError::InvalidRecipientAddress => b"501 5.1.3 Invalid recipient address\r\n",
        _ => b"501 5.5.4 Syntax error\r\n",
    }
}

/// `None`: the connection is closed or idle too long.
async fn read(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    match with_timeout(IDLE_TIMEOUT, stream.read(buffer)).await {
        None | Some(Ok(0)) => Ok(None),
        Some(read) => read.map(Some),
    }
}

/// Reads a message (`None` if it is too large) and the bytes after it. `None`: the connection was lost.
async fn read_message(
    stream: &mut TcpStream,
    first: &[u8],
    buffer: &mut [u8],
) -> io::Result<Option<(Option<Vec<u8>>, Vec<u8>)>> {
    let (mut receiver, mut body) = (DataReceiver::new(), Vec::new());
    // The first line may begin with a dot, too.
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
