//! From a file to rows: CSV or JSON Lines, plain or gzip, whatever the order. Runs on a thread of its own.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use super::super::decide::{Cells, RowReader};
use super::super::model::{FileFormat, Map, Refused, Row};

/// Bytes of one row: a quote that is never closed, or a line that never ends, fills no memory.
const ROW_BYTES_MAX: usize = 1_000_000;

/// Counts what is read of the file itself, packed or not.
struct Counting<R> {
    inner: R,
    done: Arc<AtomicU64>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.done.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Reads every row; `each` is told of it, good or bad, and may stop the reading.
pub fn read<R: Read>(
    file: R,
    map: &Map,
    reader: &RowReader,
    done: Arc<AtomicU64>,
    each: &mut dyn FnMut(Result<Row, Refused>) -> bool,
) -> Result<(), String> {
    let mut file = BufReader::with_capacity(1 << 16, Counting { inner: file, done });
    let packed = file.fill_buf().map_err(cut_off)?.starts_with(&[0x1f, 0x8b]);
    if packed {
        rows(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(file)), map, reader, each)
    } else {
        rows(file, map, reader, each)
    }
}

fn cut_off(error: io::Error) -> String {
    format!("the file cannot be read to its end ({error}): nothing was imported")
}

fn rows<R: BufRead>(
    mut text: R,
    map: &Map,
    reader: &RowReader,
    each: &mut dyn FnMut(Result<Row, Refused>) -> bool,
) -> Result<(), String> {
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
    map: &Map,
    reader: &RowReader,
    each: &mut dyn FnMut(Result<Row, Refused>) -> bool,
) -> Result<(), String> {
    let delimiter = u8::try_from(map.delimiter).map_err(|_| "delimiter must be an ASCII character".to_owned())?;
    let read = Rc::new(Cell::new(0));
    let text = Bounded { inner: text, read: read.clone() };
    let mut csv = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text);
    let header = csv.byte_headers().map_err(csv_failed)?.clone();
    let names: Vec<String> = header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
    reader.check_columns(&names)?;
    let mut record = csv::ByteRecord::new();
    while csv.read_byte_record(&mut record).map_err(csv_failed)? {
        read.set(0);
        let line = record.position().map_or(0, csv::Position::line);
        let refused = |reason: String| Err(Refused { line, id: None, reason });
        let row = if record.len() != names.len() {
            refused(format!("the row has {} columns, the header {}", record.len(), names.len()))
        } else {
            match record.iter().map(std::str::from_utf8).collect::<Result<Vec<_>, _>>() {
                Err(_) => refused("the row is not UTF-8".to_owned()),
                Ok(values) => reader.row(line, &Cells(names.iter().map(String::as_str).zip(values).collect())),
            }
        };
        if !each(row) {
            return Ok(());
        }
    }
    Ok(())
}

/// Reads no more than one row may have before the row is over.
struct Bounded<R> {
    inner: R,
    /// Since the last row was over.
    read: Rc<Cell<usize>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read.set(self.read.get() + read);
        if self.read.get() > ROW_BYTES_MAX + buffer.len() {
            return Err(io::Error::other(format!(
                "a row is longer than {ROW_BYTES_MAX} bytes: is a quote not closed?"
            )));
        }
        Ok(read)
    }
}

fn csv_failed(error: csv::Error) -> String {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => cut_off(error),
        kind => format!("the file is no CSV ({kind:?}): nothing was imported"),
    }
}

fn json_rows<R: BufRead>(
    mut text: R,
    reader: &RowReader,
    each: &mut dyn FnMut(Result<Row, Refused>) -> bool,
) -> Result<(), String> {
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        let limit = ROW_BYTES_MAX as u64 + 1;
        let read = text.by_ref().take(limit).read_until(b'\n', &mut bytes).map_err(cut_off)?;
        if read == 0 {
            return Ok(());
        }
        if bytes.len() > ROW_BYTES_MAX {
            let reason = format!("the line is longer than {ROW_BYTES_MAX} bytes");
            if !bytes.ends_with(b"\n") {
                text.skip_until(b'\n').map_err(cut_off)?;
            }
            if !each(Err(Refused { line, id: None, reason })) {
                return Ok(());
            }
            continue;
        }
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        let row = match serde_json::from_slice::<HashMap<String, serde_json::Value>>(&bytes) {
            Err(e) => Err(Refused { line, id: None, reason: format!("the line is no JSON object: {e}") }),
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
                reader.row(line, &Cells(cells))
            }
        };
        if !each(row) {
            return Ok(());
        }
    }
    Ok(())
}
