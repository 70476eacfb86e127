//! Submissions as they were received: kept sealed for a time, for what a ticket leaves out or shows otherwise.

use super::super::decide::excess;
use super::super::model::{Gateway, RAW_SHOWN_CHARS_MAX, RAW_SHOWN_MAX, RawRequest};
use super::super::queries;
use super::super::store::originals as rows;
use crate::kernel::{Error, Result, SubmissionId, TicketId, Timestamp, boxed};
use crate::runtime::{App, Ctx, Executor, Tx, Vault};

const PURPOSE: &str = "original";
/// Originals that are deleted at a time to make room.
const EVICTED_PAGE: u64 = 200;

/// A request, sealed before the transaction that stores it.
pub(super) struct SealedOriginal {
    id: SubmissionId,
    sealed: Vec<u8>,
}

pub(super) fn seal(app: &App, raw: &RawRequest) -> Result<SealedOriginal> {
    let plain = serde_json::to_vec(raw).map_err(Error::internal)?;
    let id = SubmissionId(app.new_uuid());
    let sealed = app.state::<Vault>().seal(PURPOSE, id.0.as_bytes(), &plain, &*app.entropy);
    Ok(SealedOriginal { id, sealed })
}

/// Stores the original of a submission; the oldest ones give way.
pub(super) async fn store(
    tx: &Tx,
    original: &SealedOriginal,
    (gateway, external_id): (Gateway, String),
    ticket: TicketId,
    received_at: Timestamp,
) -> Result<()> {
    let SealedOriginal { id, sealed } = original;
    let (conn, bytes) = (tx.conn(), sealed.len() as u64);
    let too_much = excess(&rows::original_bytes(conn).await?, gateway, bytes);
    evict(conn, Some(gateway), too_much.of_gateway).await?;
    evict(conn, None, too_much.of_all).await?;
    let row = rows::raw_submission::Model {
        id: *id,
        gateway: gateway.as_str().to_owned(),
        external_id,
        ticket_id: ticket,
        received_at,
        stored_at: tx.now,
        bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
        sealed: sealed.clone(),
    };
    rows::insert_original(conn, row).await
}

async fn evict(conn: &Executor, gateway: Option<Gateway>, bytes: u64) -> Result<()> {
    let mut left = i64::try_from(bytes).unwrap_or(i64::MAX);
    while left > 0 {
        let oldest = rows::oldest_originals(conn, gateway, EVICTED_PAGE).await?;
        let mut ids = Vec::new();
        for (id, bytes) in oldest {
            if left > 0 {
                ids.push(id);
                left -= bytes;
            }
        }
        if ids.is_empty() {
            return Ok(());
        }
        rows::delete_originals(conn, ids).await?;
    }
    Ok(())
}

/// What was received for a ticket and is still kept, oldest first, each under its gateway and time; for administrators. `None`:
/// nothing is kept.
#[boxed]
pub async fn raw_submission(cx: &Ctx, ticket: TicketId) -> Result<Option<String>> {
    queries::administrators_only(cx)?;
    let mut texts = Vec::new();
    for row in rows::originals_of(cx.read(), ticket, RAW_SHOWN_MAX).await? {
        let plain = cx.app.state::<Vault>().unseal(PURPOSE, row.id.0.as_bytes(), &row.sealed)?;
        let raw: RawRequest = serde_json::from_slice(&plain).map_err(Error::internal)?;
        texts.push(format!("[{} {}]\n{}", row.gateway, row.received_at, String::from_utf8_lossy(&raw.body)));
    }
    let shown = texts.join("\n\n").chars().take(RAW_SHOWN_CHARS_MAX).collect::<String>();
    Ok(Some(shown).filter(|shown| !shown.is_empty()))
}
