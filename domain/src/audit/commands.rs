//! The sealer.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::store::{self, HEADS_FILE, PURPOSE, last, log_seal, seal_mac};
use crate::kernel::{Error, Result, boxed, seconds};
use crate::runtime::{App, Ctx, Cursor, Vault, log};

/// Maximum number of rows per seal.
const BATCH: u64 = 1_000;
/// How long the sealer waits for more rows.
const PAUSE: Duration = seconds(1);

/// Seals whenever the log has grown, until stopped.
#[boxed]
pub async fn run(app: Arc<App>, stop: CancellationToken) {
    let mut head = app.feed.head();
    loop {
        if let Err(error) = seal(&app).await {
            tracing::error!(%error, "cannot seal the event log; trying again with the next event");
        }
        tokio::select! {
            changed = head.changed() => if changed.is_err() { return },
            () = stop.cancelled() => return,
        }
        tokio::select! {
            () = app.clock.sleep_until(app.now() + PAUSE) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Seals every row below the horizon; returns the number of rows sealed by this call.
#[boxed]
pub async fn seal(app: &Arc<App>) -> Result<u64> {
    let key = app.state::<Vault>().subkey(PURPOSE);
    let mut sealed = 0;
    loop {
        let before = last(app.db.read()).await?;
        let (position, after, mac_before) = match &before {
            None => (1, Cursor::START, &[][..]),
            Some(seal) => (seal.position + 1, Cursor { xid: seal.last_xid, seq: seal.last_seq }, &seal.mac[..]),
        };
        let rows = log::read_models(app.db.read(), app.db.engine, after, BATCH).await?;
        let Some(end) = rows.last() else { return Ok(sealed) };
        let mac = seal_mac(&key, position, mac_before, &rows);
        let tx = Ctx::system(app).begin().await?;
        let seal = log_seal::Model {
            position,
            last_xid: end.xid,
            last_seq: end.seq,
            rows: i32::try_from(rows.len()).unwrap_or(i32::MAX),
            mac: mac.clone(),
            at: tx.now,
        };
        match store::insert(tx.conn(), seal).await {
            Ok(true) => {}
            Ok(false) => continue,
            Err(error) => {
                tx.rollback(&error).await;
                return Err(error);
            }
        }
        tx.commit().await?;
        append_head(app, position, &mac)?;
        sealed += rows.len() as u64;
    }
}

fn append_head(app: &App, position: i64, mac: &[u8]) -> Result<()> {
    let file = app.data_dir.join(HEADS_FILE);
    let line = format!("{} {position} {}\n", app.log_epoch, hex::encode(mac));
    std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&file)
        .and_then(|mut out| out.write_all(line.as_bytes()))
        .map_err(|e| Error::internal(format!("{}: {e}", file.display())))
}
