//! Reads the body of a request within its limits.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Payload};

use super::timeout::with_timeout;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// The connection was lost, or the encoding is broken.
    Incomplete,
    TooLarge {
        bytes_max: usize,
    },
    TooSlow {
        limit: Duration,
    },
}

impl BodyError {
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Incomplete => StatusCode::BAD_REQUEST,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow { .. } => StatusCode::REQUEST_TIMEOUT,
        }
    }

    pub fn message(self) -> String {
        match self {
            Self::Incomplete => "The body was cut off: send it again.".to_owned(),
            Self::TooLarge { bytes_max } => format!("The body is larger than {bytes_max} bytes."),
            Self::TooSlow { limit } => {
                format!("The body did not arrive within {} seconds: send it again, and faster.", limit.as_secs())
            }
        }
    }
}

pub async fn read_body(payload: Payload, bytes_max: usize, limit: Duration) -> Result<Bytes, BodyError> {
    match with_timeout(limit, payload.to_bytes_limited(bytes_max)).await {
        None => Err(BodyError::TooSlow { limit }),
        Some(Err(_)) => Err(BodyError::TooLarge { bytes_max }),
        Some(Ok(Err(_))) => Err(BodyError::Incomplete),
        Some(Ok(Ok(body))) => Ok(body),
    }
}
