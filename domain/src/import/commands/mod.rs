//! Running an import.

pub(super) mod read;
mod references;
mod write;

use crate::kernel::Message;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use self::write::Writer;
use super::decide::RowReader;
use super::model::{ImportMap, PartialTicket, Progress, RejectedRow, Row, Summary};
use super::store::stage::{READ_MAX, StagingFile};
use crate::kernel::{Code, Error, Result, refuse};
use crate::msg;
use crate::runtime::App;

/// Tickets per transaction.
const BATCH: usize = 200;
/// Buffered chunks of rows from the reading thread.
const CHUNKS_BUFFERED: usize = 20;
const CHUNK_ROWS: usize = 500;

/// Receives the progress of an import and what it leaves out.
pub trait ImportObserver: Send {
    fn progress(&mut self, progress: Progress);
    fn refused(&mut self, refused: RejectedRow) -> impl Future<Output = ()> + Send;
    fn imported_partially(&mut self, ticket: PartialTicket) -> impl Future<Output = ()> + Send;
}

/// Reads a file to its end, then writes its tickets.
pub async fn import<R: Read + Send + 'static>(
    app: &Arc<App>,
    file: R,
    map: ImportMap,
    organisation: &jiff::tz::TimeZone,
    dry_run: bool,
    observer: &mut impl ImportObserver,
) -> Result<Summary> {
    let reader = Arc::new(RowReader::new(map, organisation, app.now()).map_err(bad_map)?);
    let mut summary = Summary { dry_run, notes: reader.notes(), ..Summary::default() };
    let mut stage = StagingFile::begin(&app.data_dir, reader.row_order()).await?;
    stage_rows(&stage, file, reader.clone(), &mut summary, observer).await?;
    summary.tickets = stage.sort().await?;
    let mut writer = Writer::new(app.clone(), reader, summary);
    let mut last: Option<Row> = None;
    let mut group: Vec<Row> = Vec::new();
    let mut batch: Vec<Vec<Row>> = Vec::new();
    let mut done: u64 = 0;
    loop {
        let rows = stage.rows(last.as_ref()).await?;
        let more = rows.len() as u64 == READ_MAX;
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
            let ids = tickets.iter().map(|rows| rows[0].id.clone()).collect();
            writer.write(tickets, &stage.gaps(ids).await?, observer).await?;
            observer.progress(Progress::Writing { done, of: writer.tickets() });
        }
        if !more {
            break;
        }
    }
    writer.finish().await
}

fn bad_map(reason: Message) -> Error {
    refuse(Code::Invalid, "map", msg!("import-map-invalid", reason = reason)).into()
}

async fn stage_rows<R: Read + Send + 'static>(
    stage: &StagingFile,
    file: R,
    reader: Arc<RowReader>,
    summary: &mut Summary,
    observer: &mut impl ImportObserver,
) -> Result<()> {
    let (send, mut receive) = mpsc::channel::<Vec<Result<Row, RejectedRow>>>(CHUNKS_BUFFERED);
    let bytes = Arc::new(AtomicU64::new(0));
    let reader_task = tokio::task::spawn_blocking({
        let bytes = bytes.clone();
        let folder = stage.folder().to_owned();
        move || {
            let mut chunk = Vec::with_capacity(CHUNK_ROWS);
            let mut each = |row| {
                chunk.push(row);
                chunk.len() < CHUNK_ROWS || send.blocking_send(std::mem::take(&mut chunk)).is_ok()
            };
            let outcome = read::read(file, &folder, &reader, bytes, &mut each);
            // If the receiver is gone, it returns its own error.
            let _ = send.blocking_send(chunk);
            outcome
        }
    });
    while let Some(chunk) = receive.recv().await {
        let (mut good, mut gaps) = (Vec::with_capacity(chunk.len()), Vec::new());
        for row in chunk {
            summary.rows += 1;
            match row {
                Ok(row) => good.push(row),
                Err(refused) => {
                    summary.refused += 1;
                    gaps.extend(refused.id.clone().filter(|_| refused.leaves_gap));
                    observer.refused(refused).await;
                }
            }
        }
        stage.put(&good).await?;
        stage.put_gaps(gaps).await?;
        observer.progress(Progress::Reading { done: bytes.load(Ordering::Relaxed), rows: summary.rows });
    }
    let outcome = reader_task.await.map_err(Error::internal)?;
    outcome.map_err(|reason| refuse(Code::Invalid, "file", reason).into())
}
