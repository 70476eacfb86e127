//! The token of the link by which a requester follows a ticket without signing in: the id of its row, and a MAC of that.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::runtime::Vault;
use crate::runtime::vault::mac;

/// Bytes of an id, and of the MAC behind it.
const ID_BYTES: usize = 16;
const MAC_BYTES: usize = 16;

pub fn token(vault: &Vault, link: Uuid) -> String {
    let mac = mac(&vault.subkey("ticket link"), &[link.as_bytes()]);
    URL_SAFE_NO_PAD.encode([link.as_bytes(), &mac[..MAC_BYTES]].concat())
}

/// The link of a token that was issued here.
pub fn verify(vault: &Vault, given: &str) -> Option<Uuid> {
    let bytes = URL_SAFE_NO_PAD.decode(given).ok().filter(|bytes| bytes.len() == ID_BYTES + MAC_BYTES)?;
    let link = Uuid::from_slice(bytes.first_chunk::<ID_BYTES>()?).ok()?;
    bool::from(token(vault, link).as_bytes().ct_eq(given.as_bytes())).then_some(link)
}
