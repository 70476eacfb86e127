//! Links that carry a right of their own.

use uuid::Uuid;

use crate::kernel::{TicketId, UserId};
use crate::runtime::Vault;
use crate::runtime::vault::mac;

/// Bytes of the seal in a link.
const SEAL_BYTES: usize = 16;

/// The token by which its recipient rates a ticket: the ticket, and a seal over it and them.
pub fn survey(vault: &Vault, ticket: TicketId, recipient: UserId) -> String {
    let seal = mac(&vault.subkey("survey"), &[ticket.0.as_bytes(), recipient.0.as_bytes()]);
    hex::encode([ticket.0.as_bytes(), &seal[..SEAL_BYTES]].concat())
}

/// The ticket that a token names; whether it is sealed is for [`same`] to say.
pub fn survey_of(token: &str) -> Option<TicketId> {
    let bytes = hex::decode(token).ok().filter(|bytes| bytes.len() == 16 + SEAL_BYTES)?;
    Uuid::from_slice(&bytes[..16]).ok().map(TicketId)
}

/// Whether two tokens are the same, in a time that does not tell how much of them is.
pub fn same(right: &str, given: &str) -> bool {
    right.len() == given.len() && right.bytes().zip(given.bytes()).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}
