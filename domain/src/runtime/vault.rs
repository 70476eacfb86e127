//! Encryption of secrets at rest. The master key is never in the database and never in a backup.

use std::io::{self, Write as _};
use std::path::Path;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::kernel::id::Entropy;
use crate::kernel::{Error, Result};

const NONCE_BYTES: usize = 24;

pub struct Vault {
    master: [u8; 32],
}

impl Vault {
    /// Reads the master key, or creates it (mode 0600) if the file does not exist.
    pub fn open(file: &Path, entropy: &dyn Entropy) -> io::Result<Self> {
        match std::fs::read(file) {
            Ok(text) => Self::parse(&text).ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("{}: expected 64 hexadecimal digits", file.display()),
                )
            }),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let mut master = [0; 32];
                entropy.fill(&mut master);
                write_private(file, hex::encode(master).as_bytes())?;
                Ok(Self { master })
            }
            Err(e) => Err(e),
        }
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let mut master = [0; 32];
        hex::decode_to_slice(text.trim_ascii(), &mut master).ok()?;
        Some(Self { master })
    }

    /// Derives a separate key for each purpose.
    pub fn subkey(&self, purpose: &str) -> [u8; 32] {
        mac(&self.master, &[purpose.as_bytes()])
    }

    /// `owner`: the id of what the secret belongs to. It is authenticated, so that whoever writes the database cannot give one owner
    /// the secret of another.
    pub fn seal(&self, purpose: &str, owner: &[u8], plain: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        entropy.fill(&mut nonce);
        let payload = Payload { msg: plain, aad: owner };
        let sealed =
            self.cipher(purpose).encrypt(&XNonce::from(nonce), payload).expect("encryption of short texts cannot fail");
        [nonce.as_slice(), &sealed].concat()
    }

    pub fn unseal(&self, purpose: &str, owner: &[u8], sealed: &[u8]) -> Result<Vec<u8>> {
        let cipher = self.cipher(purpose);
        let opened = sealed.split_first_chunk::<NONCE_BYTES>().and_then(|(nonce, sealed)| {
            let open = |aad| cipher.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad }).ok();
            // Older programs sealed without an owner.
            open(owner).or_else(|| open(b""))
        });
        opened.ok_or_else(|| {
            Error::internal(format!(
                "a secret ({purpose}) does not open with this master key: set BUOY_MASTER_KEY_FILE to the key it was sealed with"
            ))
        })
    }

    fn cipher(&self, purpose: &str) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.subkey(purpose).into())
    }
}

/// HMAC-SHA256 over the length-prefixed parts.
pub fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Atomically writes a new file that only its owner can read.
fn write_private(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = file.with_extension("part");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = options.open(&part)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    std::fs::rename(part, file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::id::OsEntropy;

    #[test]
    fn a_secret_unseals_only_with_its_purpose_and_key() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open(&dir.path().join("a"), &OsEntropy).unwrap();
        let sealed = vault.seal("signing", b"1", b"secret", &OsEntropy);
        assert_eq!(vault.unseal("signing", b"1", &sealed).unwrap(), b"secret");
        assert!(vault.unseal("other", b"1", &sealed).is_err());
        assert!(vault.unseal("signing", b"2", &sealed).is_err(), "the secret of another owner");
        assert!(vault.unseal("signing", b"1", b"short").is_err());
        let of_older_program = vault.seal("signing", b"", b"secret", &OsEntropy);
        assert_eq!(vault.unseal("signing", b"1", &of_older_program).unwrap(), b"secret");
        let again = Vault::open(&dir.path().join("a"), &OsEntropy).unwrap();
        assert_eq!(again.unseal("signing", b"1", &sealed).unwrap(), b"secret");
        let other = Vault::open(&dir.path().join("b"), &OsEntropy).unwrap();
        assert!(other.unseal("signing", b"1", &sealed).is_err());
    }
}
