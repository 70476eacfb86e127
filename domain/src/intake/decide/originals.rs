//! How many bytes of originals are deleted before another one is stored.

use crate::intake::model::{Gateway, RAW_BYTES_MAX, RAW_TOTAL_BYTES_MAX};

/// Bytes to be deleted, oldest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Excess {
    /// Of the gateway.
    pub of_gateway: u64,
    /// Of all gateways, after those.
    pub of_all: u64,
}

/// What is too much once an original of so many bytes is stored. `usage`: the bytes stored of each gateway.
pub fn excess(usage: &[(Gateway, u64)], gateway: Gateway, bytes: u64) -> Excess {
    let own = usage.iter().find(|(of, _)| *of == gateway).map_or(0, |(_, bytes)| *bytes);
    let all: u64 = usage.iter().map(|(_, bytes)| *bytes).sum();
    let of_gateway = (own + bytes).saturating_sub(RAW_BYTES_MAX);
    Excess { of_gateway, of_all: (all + bytes).saturating_sub(of_gateway).saturating_sub(RAW_TOTAL_BYTES_MAX) }
}
