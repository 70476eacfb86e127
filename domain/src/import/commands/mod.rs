//! The import itself.

mod keys;
mod read;
mod write;

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use self::write::Writer;
use super::decide::RowReader;
use super::model::{Map, Progress, Refused, Row, Summary};
use super::store::stage::{Stage, WINDOW};
use crate::kernel::{Code, Error, Result, refuse};
use crate::runtime::App;

/// Tickets of one transaction.
const BATCH: usize = 200;
/// Rows on their way from the reading thread.
const QUEUE: usize = 20;
const ROWS_AT_ONCE: usize = 500;

/// Whoever waits for an import.
pub trait Watcher: Send {
    fn progress(&mut self, progress: Progress);
    fn refused(&mut self, refused: Refused) -> impl Future<Output = ()> + Send;
}

/// Reads a file to its end, then writes its tickets.
pub async fn import<R: Read + Send + 'static>(
    app: &Arc<App>,
    file: R,
    map: Map,
    organisation: &jiff::tz::TimeZone,
    dry_run: bool,
    watcher: &mut impl Watcher,
) -> Result<Summary> {
    let reader = Arc::new(RowReader::new(map, organisation).map_err(bad_map)?);
    let mut summary = Summary { dry_run, ..Summary::default() };
    let stage = Stage::begin(&app.data_dir).await?;
    read_in(&stage, file, reader.clone(), &mut summary, watcher).await?;
    summary.tickets = stage.sort().await?;
    let mut writer = Writer::new(app.clone(), reader, summary);
    let mut last: Option<Row> = None;
    let mut group: Vec<Row> = Vec::new();
    let mut batch: Vec<Vec<Row>> = Vec::new();
    let mut done: u64 = 0;
    loop {
        let rows = stage.rows(last.as_ref()).await?;
        let more = rows.len() as u64 == WINDOW;
        last = rows.last().cloned();
        for row in rows {
            if group.first().is_some_and(|first| first.id != row.id) {
                batch.push(std::mem::take(&mut group));
            }
            group.push(row);
        }
        if !more && !group.is_empty() {
            batch.push(std::mem::take(&mut group));
        }
        while batch.len() >= BATCH || (!more && !batch.is_empty()) {
            let rest = batch.split_off(BATCH.min(batch.len()));
            let tickets = std::mem::replace(&mut batch, rest);
            done += tickets.len() as u64;
            writer.write(tickets, watcher).await?;
            watcher.progress(Progress::Writing { done, of: writer.tickets() });
        }
        if !more {
            break;
        }
    }
    writer.finish().await
}

fn bad_map(reason: String) -> Error {
    refuse(Code::Invalid, "map", format!("The map: {reason}."), format!("导入映射：{reason}。")).into()
}

async fn read_in<R: Read + Send + 'static>(
    stage: &Stage,
    file: R,
    reader: Arc<RowReader>,
    summary: &mut Summary,
    watcher: &mut impl Watcher,
) -> Result<()> {
    let (send, mut receive) = mpsc::channel::<Vec<Result<Row, Refused>>>(QUEUE);
    let bytes = Arc::new(AtomicU64::new(0));
    let reading = tokio::task::spawn_blocking({
        let bytes = bytes.clone();
        move || {
            let mut chunk = Vec::with_capacity(ROWS_AT_ONCE);
            let mut each = |row| {
                chunk.push(row);
                chunk.len() < ROWS_AT_ONCE || send.blocking_send(std::mem::take(&mut chunk)).is_ok()
            };
            let outcome = read::read(file, reader.map(), &reader, bytes, &mut each);
            // A receiver that is gone has an error of its own.
            let _ = send.blocking_send(chunk);
            outcome
        }
    });
    while let Some(chunk) = receive.recv().await {
        let mut good = Vec::with_capacity(chunk.len());
        for row in chunk {
            summary.rows += 1;
            match row {
                Ok(row) => good.push(row),
                Err(refused) => {
                    summary.refused += 1;
                    watcher.refused(refused).await;
                }
            }
        }
        stage.put(&good).await?;
        watcher.progress(Progress::Reading { done: bytes.load(Ordering::Relaxed), rows: summary.rows });
    }
    let outcome = reading.await.map_err(Error::internal)?;
    outcome.map_err(|reason| refuse(Code::Invalid, "file", reason.clone(), reason).into())
}
