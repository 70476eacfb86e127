//! Addresses of people on channels, and the codes that prove them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Channel;
use crate::kernel::{Message, Timestamp, UserId, hours, minutes};

/// An address of a person on a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminal {
    pub user: UserId,
    pub channel: Channel,
    pub address: String,
    pub primary: bool,
    /// Since when it counts: a code sent to it was typed in, or an administrator bound it. Until then nothing is sent to it,
    /// and nobody is recognised by it.
    pub proved_at: Option<Timestamp>,
}

/// A code that was sent to an address, to prove that whoever claims it receives its messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressCode {
    pub id: Uuid,
    pub user: UserId,
    pub channel: Channel,
    pub address: String,
    /// Whether the address becomes the primary one once it is proved.
    pub make_primary: bool,
    pub issued_at: Timestamp,
    /// How often a code was typed in for it.
    pub attempts: i32,
    pub sent_at: Option<Timestamp>,
    /// Why it could not be sent.
    pub failure: Option<Message>,
}

/// The code by which a terminal, or another address that shall replace it, can be proved now; `codes` from old to new.
pub fn pending<'a>(terminal: &Terminal, codes: &'a [AddressCode]) -> Option<&'a AddressCode> {
    let latest = codes.iter().rfind(|code| code.channel == terminal.channel)?;
    let proves = terminal.proved_at.is_none() == (latest.address == terminal.address);
    Some(latest).filter(|_| proves)
}

impl AddressCode {
    pub fn expires_at(&self) -> Timestamp {
        self.issued_at + CODE_TTL
    }
}

/// How long a code is valid.
pub const CODE_TTL: Duration = minutes(10);
/// How often a code may be typed in.
pub const CODE_ATTEMPTS_MAX: i32 = 5;
/// Codes in [`CODE_WINDOW`] for one person, and for one address.
pub const CODES_MAX: u64 = 5;
pub const CODE_WINDOW: Duration = hours(1);

#[derive(Clone, Debug, Serialize)]
pub struct BindTerminal {
    pub channel: Channel,
    pub address: String,
    pub primary: bool,
    /// Another user; for administrators only.
    pub user: Option<UserId>,
}

/// Types in the code that was sent to the address of a channel.
#[derive(Clone, Debug, Serialize)]
pub struct CheckAddressCode {
    pub channel: Channel,
    pub code: String,
}

/// What a typed code proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CodeCheck {
    Proved,
    /// `left`: how often it may be tried again.
    Wrong {
        left: i32,
    },
    /// No code is valid now: none was sent, it has expired, or it was tried too often.
    NoCode,
}

#[derive(Clone, Debug, Serialize)]
pub struct UnbindTerminal {
    pub channel: Channel,
    /// Another user; for administrators only.
    pub user: Option<UserId>,
}
