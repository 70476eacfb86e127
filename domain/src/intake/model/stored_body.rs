//! The body in a stored request: base64 with a mark. Older programs stored hexadecimal, which takes half as much again.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error;
use serde::{Deserialize as _, Deserializer, Serializer};

const MARK: &str = "base64:";

pub fn serialize<S: Serializer>(body: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format!("{MARK}{}", STANDARD.encode(body)))
}

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.strip_prefix(MARK) {
        Some(encoded) => STANDARD.decode(encoded).map_err(D::Error::custom),
        None => hex::decode(&text).map_err(D::Error::custom),
    }
}
