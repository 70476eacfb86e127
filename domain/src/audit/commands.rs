//! The sealer.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::{ActiveValue::Set, EntityTrait, SqlErr};
use tokio_util::sync::CancellationToken;

use super::store::{HEADS_FILE, PURPOSE, last, log_seal, seal_mac};
use crate::kernel::{Error, Result, seconds};
use crate::runtime::{App, Ctx, Cursor, Vault, log};

/// Rows under one seal at most.
const BATCH: u64 = 1_000;
/// The sealer lets rows gather for so long.
const PAUSE: Duration = seconds(1);

/// Seals whenever the log has grown, until stopped.
pub async fn run(app: Arc<App>, stop: CancellationToken) {
    let mut head = app.feed.head();
    loop {
        if let Err(error) = seal(&app).await {
            tracing::error!(%error, "the event log could not be sealed; trying again with the next event");
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

/// Seals every row below the horizon; returns how many rows were sealed here.
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
        let row = log_seal::ActiveModel {
            position: Set(position),
            last_xid: Set(end.xid),
            last_seq: Set(end.seq),
            rows: Set(i32::try_from(rows.len()).unwrap_or(i32::MAX)),
            mac: Set(mac.clone()),
            at: Set(tx.now),
        };
        match log_seal::Entity::insert(row).exec_without_returning(tx.conn()).await {
            Ok(_) => {}
            // Another node has sealed these rows.
            Err(e) if matches!(e.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => continue,
            Err(e) => {
                let error = e.into();
                tx.abandon(&error).await;
                return Err(error);
            }
        }
        tx.commit().await?;
        note_head(app, position, &mac)?;
        sealed += rows.len() as u64;
    }
}

fn note_head(app: &App, position: i64, mac: &[u8]) -> Result<()> {
    let file = app.data_dir.join(HEADS_FILE);
    let line = format!("{} {position} {}\n", app.log_epoch, hex::encode(mac));
    std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(&file)
        .and_then(|mut out| out.write_all(line.as_bytes()))
        .map_err(|e| Error::internal(format!("{}: {e}", file.display())))
}
