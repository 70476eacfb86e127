//! Reads rows from a file: CSV or JSON Lines, plain or gzip. Runs on its own thread.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use super::super::decide::{Cells, RowReader};
use super::super::model::{FileFormat, ImportMap, RejectedRow, Row};
use crate::kernel::Message;
use crate::msg;

/// The maximum size of a row in bytes, so that an unclosed quote or an endless line does not exhaust memory.
const ROW_BYTES_MAX: usize = 1_000_000;

/// Counts the bytes read from the file, before decompression.
struct CountingReader<R> {
    inner: R,
    done: Arc<AtomicU64>,
}

impl<R: Read> Read for CountingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.done.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Passes every row, valid or not, to `each`, which returns false to stop.
pub fn read<R: Read>(
    file: R,
    map: &ImportMap,
    reader: &RowReader,
    done: Arc<AtomicU64>,
    each: &mut dyn FnMut(Result<Row, RejectedRow>) -> bool,
) -> Result<(), Message> {
    let mut file = BufReader::with_capacity(1 << 16, CountingReader { inner: file, done });
    let packed = file.fill_buf().map_err(cut_off)?.starts_with(&[0x1f, 0x8b]);
    if packed {
        rows(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(file)), map, reader, each)
    } else {
        rows(file, map, reader, each)
    }
}

/// The error of a row that is longer than [`ROW_BYTES_MAX`].
#[derive(Debug, thiserror::Error)]
#[error("a row is too long")]
struct RowTooLong;

fn cut_off(error: io::Error) -> Message {
    if error.get_ref().is_some_and(|inner| inner.is::<RowTooLong>()) {
        return msg!("import-row-too-long", max = ROW_BYTES_MAX);
    }
    msg!("import-file-unreadable", error = error)
}

fn rows<R: BufRead>(
    mut text: R,
    map: &ImportMap,
    reader: &RowReader,
    each: &mut dyn FnMut(Result<Row, RejectedRow>) -> bool,
) -> Result<(), Message> {
    const BOM: &[u8] = b"\xef\xbb\xbf";
    if text.fill_buf().map_err(cut_off)?.starts_with(BOM) {
        text.consume(BOM.len());
    }
    match map.format {
        FileFormat::Csv => csv_rows(text, map, reader, each),
        FileFormat::Jsonl => json_rows(text, reader, each),
    }
}

fn csv_rows<R: BufRead>(
    text: R,
    map: &ImportMap,
    reader: &RowReader,
    each: &mut dyn FnMut(Result<Row, RejectedRow>) -> bool,
) -> Result<(), Message> {
    let delimiter = u8::try_from(map.delimiter).map_err(|_| msg!("import-map-delimiter-invalid"))?;
    let read = Rc::new(Cell::new(0));
    let text = BoundedReader { inner: text, read: read.clone() };
    let mut csv = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text);
    let header = csv.byte_headers().map_err(csv_failed)?.clone();
    let names: Vec<String> = header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
    reader.check_columns(&names)?;
    let mut record = csv::ByteRecord::new();
    while csv.read_byte_record(&mut record).map_err(csv_failed)? {
        read.set(0);
        let line = record.position().map_or(0, csv::Position::line);
        let refused = |reason: Message| Err(RejectedRow { line, id: None, reasons: vec![reason] });
        let row = if record.len() != names.len() {
            refused(msg!("import-row-columns-differ", columns = record.len(), header = names.len()))
        } else {
            match record.iter().map(std::str::from_utf8).collect::<Result<Vec<_>, _>>() {
                Err(_) => refused(msg!("import-row-not-utf8")),
                Ok(values) => reader.parse_row(line, &Cells(names.iter().map(String::as_str).zip(values).collect())),
            }
        };
        if !each(row) {
            return Ok(());
        }
    }
    Ok(())
}

/// Limits the bytes that are read for one row.
struct BoundedReader<R> {
    inner: R,
    /// Bytes since the end of the last row.
    read: Rc<Cell<usize>>,
}

impl<R: Read> Read for BoundedReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read.set(self.read.get() + read);
        if self.read.get() > ROW_BYTES_MAX + buffer.len() {
            return Err(io::Error::other(RowTooLong));
        }
        Ok(read)
    }
}

fn csv_failed(error: csv::Error) -> Message {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => cut_off(error),
        kind => msg!("import-file-not-csv", error = format!("{kind:?}")),
    }
}

fn json_rows<R: BufRead>(
    mut text: R,
    reader: &RowReader,
    each: &mut dyn FnMut(Result<Row, RejectedRow>) -> bool,
) -> Result<(), Message> {
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        let limit = ROW_BYTES_MAX as u64 + 1;
        let read = text.by_ref().take(limit).read_until(b'\n', &mut bytes).map_err(cut_off)?;
        if read == 0 {
            return Ok(());
        }
        if bytes.len() > ROW_BYTES_MAX {
            let reasons = vec![msg!("import-line-too-long", max = ROW_BYTES_MAX)];
            if !bytes.ends_with(b"\n") {
                text.skip_until(b'\n').map_err(cut_off)?;
            }
            if !each(Err(RejectedRow { line, id: None, reasons })) {
                return Ok(());
            }
            continue;
        }
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        let row = match serde_json::from_slice::<HashMap<String, serde_json::Value>>(&bytes) {
            Err(e) => Err(RejectedRow { line, id: None, reasons: vec![msg!("import-line-not-json", error = e)] }),
            Ok(object) => {
                let values: Vec<(String, String)> = object
                    .into_iter()
                    .filter_map(|(name, value)| match value {
                        serde_json::Value::Null => None,
                        serde_json::Value::String(text) => Some((name, text)),
                        other => Some((name, other.to_string())),
                    })
                    .collect();
                let cells = values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                reader.parse_row(line, &Cells(cells))
            }
        };
        if !each(row) {
            return Ok(());
        }
    }
    Ok(())
}
