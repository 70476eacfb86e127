//! Sends the messages of a WebSocket.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use actix_ws::Session;
use tokio_util::sync::CancellationToken;

use super::timeout::with_timeout;

/// A client that takes longer to read one message is disconnected, and resumes by cursor.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends messages; shared by the operations of a socket.
#[derive(Clone)]
pub struct MessageSender {
    pub session: Session,
    /// Cancelled when the client takes longer than [`SEND_TIMEOUT`] to read a message.
    pub slow: CancellationToken,
}

/// The message was not sent: the client is disconnected or too slow.
pub struct SendFailed;

impl MessageSender {
    pub fn new(session: Session) -> Self {
        Self { session, slow: CancellationToken::new() }
    }

    /// Waits until the message is sent: a slow reader delays only its own operations, until it is disconnected.
    pub async fn text(&mut self, text: String) -> Result<(), SendFailed> {
        let Self { session, slow } = self;
        let mut sending = pin!(session.text(text));
        let sent = match futures::poll!(sending.as_mut()) {
            Poll::Ready(sent) => Some(sent),
            Poll::Pending => with_timeout(SEND_TIMEOUT, sending).await,
        };
        match sent {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) => Err(SendFailed),
            None => {
                slow.cancel();
                Err(SendFailed)
            }
        }
    }
}
