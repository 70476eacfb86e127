//! Messages of a WebSocket from its frames, bounded, and the codes with which it is closed:
//! <https://www.rfc-editor.org/rfc/rfc6455#section-5>.

use std::io::ErrorKind;
use std::pin::Pin;
use std::str::Utf8Error;
use std::task::{Context, Poll, ready};

use actix_web::dev::Payload as RawPayload;
use actix_web::error::PayloadError;
use actix_web::web::{Bytes, Payload};
use actix_web::{FromRequest as _, HttpRequest};
use actix_ws::{CloseCode, CloseReason, Item, ProtocolError};
use futures::Stream;

/// Reasons to close a socket, with the protocol's close codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    GoingAway,
    /// The client broke the rules of WebSocket.
    BadFrame,
    BadText,
    TooBig,
    InvalidMessage,
    Unauthorized,
    Forbidden,
    BadProtocol,
    InitTimeout,
    SubscriberExists,
    TooManyInits,
    /// Our own code: the client reads too slowly and may resume by cursor.
    TooSlow,
}

impl Close {
    const fn parts(self) -> (u16, &'static str) {
        match self {
            Self::GoingAway => (1001, "Going away"),
            Self::BadFrame => (1002, "Protocol error"),
            Self::BadText => (1007, "Text is not UTF-8"),
            Self::TooBig => (1009, "Message too big"),
            Self::InvalidMessage => (4400, "Invalid message"),
            Self::Unauthorized => (4401, "Unauthorized"),
            Self::Forbidden => (4403, "Forbidden"),
            Self::BadProtocol => (4406, "Subprotocol not acceptable"),
            Self::InitTimeout => (4408, "Connection initialisation timeout"),
            Self::SubscriberExists => (4409, "Subscriber already exists"),
            Self::TooManyInits => (4429, "Too many initialisation requests"),
            Self::TooSlow => (4410, "Too slow: resume by cursor"),
        }
    }

    pub fn reason(self) -> CloseReason {
        let (code, description) = self.parts();
        CloseReason { code: CloseCode::from(code), description: Some(description.to_owned()) }
    }

    /// How to close after an error of the library; `None`: the connection is gone.
    pub fn after(error: &ProtocolError) -> Option<Self> {
        let error = match error {
            ProtocolError::Overflow => return Some(Self::TooBig),
            ProtocolError::Io(error) => error,
            _ => return Some(Self::BadFrame),
        };
        match error.get_ref() {
            Some(cause) if matches!(cause.downcast_ref::<PayloadError>(), Some(PayloadError::Overflow)) => {
                Some(Self::TooBig)
            }
            Some(cause) if cause.is::<Utf8Error>() => Some(Self::BadText),
            _ if error.kind() == ErrorKind::InvalidData => Some(Self::BadFrame),
            _ => None,
        }
    }
}

/// Puts a text message together that comes in several frames.
pub struct Fragments {
    text: Vec<u8>,
    bytes_max: usize,
}

impl Fragments {
    pub const fn new(bytes_max: usize) -> Self {
        Self { text: Vec::new(), bytes_max }
    }

    /// The message, if this was its last part. The library has checked the order of the parts.
    pub fn push(&mut self, part: Item) -> Result<Option<String>, Close> {
        let (bytes, is_last) = match part {
            Item::FirstText(bytes) | Item::Continue(bytes) => (bytes, false),
            Item::Last(bytes) => (bytes, true),
            Item::FirstBinary(_) => return Err(Close::InvalidMessage),
        };
        if self.text.len().saturating_add(bytes.len()) > self.bytes_max {
            return Err(Close::TooBig);
        }
        self.text.extend_from_slice(&bytes);
        if !is_last {
            return Ok(None);
        }
        String::from_utf8(std::mem::take(&mut self.text)).map(Some).map_err(|_| Close::BadText)
    }
}

/// The payload of a socket until a frame announces more than the limit: the library compares only when it has buffered
/// the whole frame.
pub async fn bounded(request: &HttpRequest, payload: Payload, bytes_max: usize) -> actix_web::Result<Payload> {
    let lengths = FrameLengths { header: Vec::new(), left: 0, max: bytes_max as u64 };
    let frames = BoundedFrames { payload: payload.into_inner(), lengths };
    let mut payload: RawPayload = RawPayload::Stream { payload: Box::pin(frames) };
    Payload::from_request(request, &mut payload).await
}

struct BoundedFrames {
    payload: RawPayload,
    lengths: FrameLengths,
}

impl Stream for BoundedFrames {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { payload, lengths } = self.get_mut();
        let next = ready!(Pin::new(payload).poll_next(cx));
        let check = |bytes: Bytes| if lengths.exceed(&bytes) { Err(PayloadError::Overflow) } else { Ok(bytes) };
        Poll::Ready(next.map(|bytes| bytes.and_then(check)))
    }
}

/// Reads the lengths in the headers of frames.
struct FrameLengths {
    /// What has come of the header of the next frame.
    header: Vec<u8>,
    /// Bytes that have not come of the present frame.
    left: u64,
    max: u64,
}

impl FrameLengths {
    /// Whether one of the frames that begin in these bytes is too long.
    fn exceed(&mut self, mut bytes: &[u8]) -> bool {
        loop {
            let passed = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
            self.left -= passed as u64;
            let Some((byte, rest)) = bytes[passed..].split_first() else { return false };
            bytes = rest;
            self.header.push(*byte);
            if let Some(length) = announced_length(&self.header) {
                self.header.clear();
                self.left = length;
            }
            if self.left > self.max {
                return true;
            }
        }
    }
}

/// The length that a complete header announces.
fn announced_length(header: &[u8]) -> Option<u64> {
    let second = *header.get(1)?;
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    let (length, size) = match second & 0x7f {
        126 => (u64::from(u16::from_be_bytes(header.get(2..4)?.try_into().ok()?)), 4),
        127 => (u64::from_be_bytes(header.get(2..10)?.try_into().ok()?), 10),
        length => (u64::from(length), 2),
    };
    (header.len() == size + mask).then_some(length)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn every_error_of_the_protocol_has_a_code() {
        let io = |kind, cause: Box<dyn std::error::Error + Send + Sync>| ProtocolError::Io(io::Error::new(kind, cause));
        let invalid = String::from_utf8(vec![0xff]).unwrap_err().utf8_error();
        for (error, expected) in [
            (ProtocolError::UnmaskedFrame, Some(Close::BadFrame)),
            (ProtocolError::InvalidOpcode(3), Some(Close::BadFrame)),
            (ProtocolError::InvalidLength(126), Some(Close::BadFrame)),
            (ProtocolError::BadOpCode, Some(Close::BadFrame)),
            (ProtocolError::ContinuationStarted, Some(Close::BadFrame)),
            (ProtocolError::ContinuationNotStarted, Some(Close::BadFrame)),
            (io(ErrorKind::InvalidData, "reserved bits".into()), Some(Close::BadFrame)),
            (io(ErrorKind::InvalidData, invalid.into()), Some(Close::BadText)),
            (ProtocolError::Overflow, Some(Close::TooBig)),
            (io(ErrorKind::Other, PayloadError::Overflow.into()), Some(Close::TooBig)),
            (io(ErrorKind::Other, PayloadError::Incomplete(None).into()), None),
            (io(ErrorKind::ConnectionReset, "reset".into()), None),
        ] {
            assert_eq!(Close::after(&error), expected, "{error:?}");
        }
    }

    #[test]
    fn parts_become_one_message_within_the_limit() {
        let part = |text: &'static [u8]| Bytes::from_static(text);
        let mut fragments = Fragments::new(8);
        for (item, expected) in [
            (Item::FirstText(part(b"ab")), Ok(None)),
            (Item::Continue(part(b"")), Ok(None)),
            (Item::Last(part(b"cdefgh")), Ok(Some("abcdefgh".to_owned()))),
            // A character that is divided between parts.
            (Item::FirstText(part(b"\xe7")), Ok(None)),
            (Item::Last(part(b"\x95\x8c")), Ok(Some("界".to_owned()))),
            (Item::FirstText(part(b"\xff")), Ok(None)),
            (Item::Last(part(b"")), Err(Close::BadText)),
            (Item::FirstBinary(part(b"{}")), Err(Close::InvalidMessage)),
            (Item::FirstText(part(b"abcdefgh")), Ok(None)),
            (Item::Continue(part(b"i")), Err(Close::TooBig)),
        ] {
            assert_eq!(fragments.push(item), expected);
        }
    }

    #[test]
    fn a_frame_that_announces_too_much_is_found_however_it_comes() {
        let frame = |length: &[u8], payload: usize| [&[0x81][..], length, &[1, 2, 3, 4], &vec![0xff; payload]].concat();
        let short = frame(&[0x80 | 5], 5);
        let medium = frame(&[0x80 | 126, 0, 200], 200);
        let long = frame(&[0x80 | 127, 0, 0, 0, 0, 0, 0, 1, 0], 256);
        let too_long = frame(&[0x80 | 127, 0, 0, 0, 0, 0, 0, 1, 1], 0);
        let huge = frame(&[0x80 | 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 0);
        let unmasked = [&[0x81, 126, 1, 1][..], &[0; 257]].concat();
        for (frames, expected) in [
            (vec![&short, &medium, &long, &short], false),
            (vec![&short, &too_long], true),
            (vec![&huge], true),
            (vec![&medium, &unmasked], true),
            (vec![], false),
        ] {
            let bytes = frames.into_iter().flatten().copied().collect::<Vec<u8>>();
            for chunk in [1, 3, 7, bytes.len().max(1)] {
                let mut lengths = FrameLengths { header: Vec::new(), left: 0, max: 256 };
                let exceeded = bytes.chunks(chunk).any(|chunk| lengths.exceed(chunk));
                assert_eq!(exceeded, expected, "in parts of {chunk} bytes");
            }
        }
    }
}
