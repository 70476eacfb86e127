//! Secrets. A customer stores them sealed and never sees a key.

use super::super::decide::secret_text;
use super::super::model::{SECRET_BYTES, Secret};
use super::Outbox;
use crate::kernel::{Result, Timestamp};
use crate::runtime::{Tx, Vault};

/// Part of the stored values: it never changes.
const PURPOSE: &str = "webhook-secret";

/// Creates a secret of an endpoint and returns its text, which is shown once.
pub async fn create_secret<O: Outbox>(tx: &Tx, outbox: &O) -> Result<String> {
    let mut key = [0; SECRET_BYTES];
    tx.app().entropy.fill(&mut key);
    let sealed = tx.app().state::<Vault>().seal(PURPOSE, outbox.id().as_bytes(), &key, &*tx.app().entropy);
    outbox.insert_secret(tx, sealed).await?;
    Ok(secret_text(&key))
}

/// The same; the secrets until now also sign until `expires_at`, which is given by [`super::super::decide::rotate`].
pub async fn rotate_secret<O: Outbox>(tx: &Tx, outbox: &O, expires_at: Timestamp) -> Result<String> {
    outbox.end_secrets(tx, expires_at).await?;
    create_secret(tx, outbox).await
}

pub(super) async fn secrets<O: Outbox>(tx: &Tx, outbox: &O) -> Result<Vec<Secret>> {
    let sealed = outbox.secrets(tx).await?;
    let vault = tx.app().state::<Vault>();
    let unseal = |sealed: &[u8]| vault.unseal(PURPOSE, outbox.id().as_bytes(), sealed);
    sealed.iter().map(|one| Ok(Secret { key: unseal(&one.sealed)?, expires_at: one.expires_at })).collect()
}
