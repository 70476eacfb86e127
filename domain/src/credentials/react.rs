//! The timer of expiry warnings.

use super::decide::warning;
use super::model::{CredentialEvent, Settings};
use super::store;
use crate::kernel::{CredentialId, Error, Result, boxed};
use crate::runtime::Tx;
use crate::runtime::jobs::{Job, Next};

pub const EXPIRY: &str = "credentials.expiry";

/// Decides on the current state, because the credential may have been rotated or may have another expiry date.
#[boxed]
pub async fn on_expiry(tx: &mut Tx, job: &Job) -> Result<Next> {
    let id: CredentialId = job.subject.parse().map_err(Error::internal)?;
    let Some(mut row) = store::by_id(tx.conn(), id).await? else { return Ok(Next::Done) };
    let Some(expires_at) = row.expires_at else { return Ok(Next::Done) };
    let (due, next) = warning(&tx.app().state::<Settings>().warned_days(), tx.now, expires_at, row.warned_days);
    if let Some(days) = due {
        row.warned_days = Some(days);
        let (key, owner) = (row.key.clone(), row.owner_id);
        store::put(tx.conn(), row, false).await?;
        tx.record(CredentialEvent::Expiring { credential: id, key, owner, days }).await?;
    }
    Ok(next.map_or(Next::Done, Next::At))
}
