//! The scheme that WeCom and DingTalk share: a signature by SHA-1 over a token, and AES-256 in CBC mode.
//! <https://developer.work.weixin.qq.com/document/path/90968>, <https://open.dingtalk.com/document/orgapp/configure-event-subcription>

use aes::Aes256;
use aes::cipher::block_padding::NoPadding;
use aes::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sha1::{Digest as _, Sha1};

use crate::intake::model::Reason;

/// Accepts keys of 43 characters, whose last bits are arbitrary.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// Bytes per padding block.
const PAD_BLOCK: usize = 32;

/// SHA-1 of token, timestamp, nonce and ciphertext, sorted lexicographically.
pub fn signature(token: &str, timestamp: &str, nonce: &str, encrypted: &str) -> String {
    let mut parts = [token, timestamp, nonce, encrypted];
    parts.sort_unstable();
    hex::encode(Sha1::digest(parts.concat()))
}

fn key_of(aes_key: &str) -> Result<[u8; 32], Reason> {
    let key = LENIENT.decode(aes_key.trim()).map_err(|_| Reason::DecryptionFailed)?;
    key.try_into().map_err(|_| Reason::DecryptionFailed)
}

/// Decrypts AES-256-CBC, with the padding left in.
pub fn decrypt_blocks(key: &[u8; 32], iv: &[u8; 16], encrypted: &[u8]) -> Result<Vec<u8>, Reason> {
    let cipher = cbc::Decryptor::<Aes256>::new(&(*key).into(), &(*iv).into());
    let mut bytes = encrypted.to_vec();
    let length = cipher.decrypt_padded::<NoPadding>(&mut bytes).map_err(|_| Reason::DecryptionFailed)?.len();
    bytes.truncate(length);
    Ok(bytes)
}

/// The length without PKCS #7 padding to blocks of `block` bytes.
pub fn unpadded(bytes: &[u8], block: usize) -> Result<usize, Reason> {
    let pad = usize::from(*bytes.last().ok_or(Reason::DecryptionFailed)?);
    let is_valid = (1..=block).contains(&pad) && pad <= bytes.len();
    let length = bytes.len().checked_sub(pad).filter(|_| is_valid).ok_or(Reason::DecryptionFailed)?;
    if bytes[length..].iter().all(|byte| usize::from(*byte) == pad) {
        Ok(length)
    } else {
        Err(Reason::DecryptionFailed)
    }
}

/// Decrypts a message: 16 random bytes, the length, the message, and its receiver.
pub fn decrypt(aes_key: &str, receiver: &str, encrypted: &str) -> Result<String, Reason> {
    let key = key_of(aes_key)?;
    let iv = key.first_chunk::<16>().ok_or(Reason::DecryptionFailed)?;
    let encrypted = LENIENT.decode(encrypted.trim()).map_err(|_| Reason::DecryptionFailed)?;
    let plain = decrypt_blocks(&key, iv, &encrypted)?;
    let plain = &plain[..unpadded(&plain, PAD_BLOCK)?];
    let (length, rest) =
        plain.get(16..).and_then(|rest| rest.split_first_chunk::<4>()).ok_or(Reason::DecryptionFailed)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Reason::DecryptionFailed)?;
    let (message, addressee) = rest.split_at_checked(length).ok_or(Reason::DecryptionFailed)?;
    if addressee != receiver.as_bytes() {
        return Err(Reason::DecryptionFailed);
    }
    String::from_utf8(message.to_vec()).map_err(|_| Reason::DecryptionFailed)
}

/// Encrypts a message; the inverse of [`decrypt`].
pub fn encrypt(aes_key: &str, receiver: &str, message: &str, nonce: &[u8; 16]) -> Result<String, Reason> {
    let key = key_of(aes_key)?;
    let iv = key.first_chunk::<16>().ok_or(Reason::DecryptionFailed)?;
    let length = u32::try_from(message.len()).map_err(|_| Reason::Malformed)?;
    let mut plain = [nonce.as_slice(), &length.to_be_bytes(), message.as_bytes(), receiver.as_bytes()].concat();
    let pad = PAD_BLOCK - plain.len() % PAD_BLOCK;
    plain.extend(std::iter::repeat_n(u8::try_from(pad).unwrap_or(0), pad));
    let size = plain.len();
    let cipher = cbc::Encryptor::<Aes256>::new(&key.into(), &(*iv).into());
    let encrypted = cipher.encrypt_padded::<NoPadding>(&mut plain, size).map_err(|_| Reason::DecryptionFailed)?;
    Ok(LENIENT.encode(encrypted))
}
