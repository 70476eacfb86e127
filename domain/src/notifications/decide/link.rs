//! Links with a token that authorises one action.

use uuid::Uuid;

use crate::kernel::{TicketId, UserId};
use crate::runtime::Vault;
use crate::runtime::vault::mac;

/// Bytes of the MAC in a token.
const MAC_BYTES: usize = 16;

/// The token with which a recipient rates a ticket: the ticket's id and a MAC over ticket and recipient.
pub fn survey(vault: &Vault, ticket: TicketId, recipient: UserId) -> String {
    let mac = mac(&vault.subkey("survey"), &[ticket.0.as_bytes(), recipient.0.as_bytes()]);
    hex::encode([ticket.0.as_bytes(), &mac[..MAC_BYTES]].concat())
}

/// The ticket of a token, which is not verified yet; see [`same`].
pub fn survey_of(token: &str) -> Option<TicketId> {
    let bytes = hex::decode(token).ok().filter(|bytes| bytes.len() == 16 + MAC_BYTES)?;
    Uuid::from_slice(&bytes[..16]).ok().map(TicketId)
}

/// Compares two tokens in constant time.
pub fn same(expected: &str, given: &str) -> bool {
    expected.len() == given.len() && expected.bytes().zip(given.bytes()).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}
