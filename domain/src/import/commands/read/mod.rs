//! Reads rows from a file: CSV, JSON Lines or XLSX; text plain or gzip. Runs on its own thread.
//!
//! The file is first copied to disk, because its encoding is told from the file as a whole.

pub(in crate::import) mod csv;
mod decode;
mod gzip;
mod json;
mod xlsx;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use encoding_rs::{Encoding, UTF_8};

use self::decode::DecodingReader;
use self::gzip::GzipReader;
use super::super::decide::RowReader;
use super::super::decide::encoding::{Beginning, DecodedCount, HEAD_BYTES, Utf8Count, beginning};
use super::super::model::{FileFormat, RejectedRow, Row};
use crate::kernel::Message;
use crate::msg;

/// The maximum size of a row in bytes, so that an unclosed quote or an endless line does not exhaust memory.
pub(in crate::import) const ROW_BYTES_MAX: usize = 1_000_000;
const BUFFER_BYTES: usize = 1 << 16;

/// Receives every row, valid or not; returns false to stop.
pub(in crate::import) type EachRow<'a> = dyn FnMut(Result<Row, RejectedRow>) -> bool + 'a;

/// What a file is, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileKind {
    Text,
    Gzip,
    Zip,
    /// The container of XLS and other old documents.
    Ole,
}

fn kind_of(head: &[u8]) -> FileKind {
    match head {
        [0x1f, 0x8b, ..] => FileKind::Gzip,
        [b'P', b'K', 3, 4, ..] => FileKind::Zip,
        [0xd0, 0xcf, 0x11, 0xe0, ..] => FileKind::Ole,
        _ => FileKind::Text,
    }
}

/// Passes every row to `each`. `folder`: where the copy of the file is; `done` counts its bytes.
pub(in crate::import) fn read<R: Read>(
    mut source: R,
    folder: &Path,
    reader: &RowReader,
    done: Arc<AtomicU64>,
    each: &mut EachRow<'_>,
) -> Result<(), Message> {
    let mut file = tempfile::tempfile_in(folder).map_err(unreadable)?;
    io::copy(&mut source, &mut file).map_err(unreadable)?;
    let head = head_of(&mut from_start(&file, None)?)?;
    match (kind_of(&head), reader.map().format) {
        (FileKind::Zip, FileFormat::Xlsx) => xlsx::rows(file, reader, &done, each),
        (FileKind::Zip | FileKind::Ole, _) => Err(msg!("import-file-is-workbook")),
        (_, FileFormat::Xlsx) => Err(msg!("import-file-not-xlsx")),
        (kind, FileFormat::Csv | FileFormat::Jsonl) => {
            let text = TextFile { file, is_packed: kind == FileKind::Gzip };
            let (encoding, mark) = text.encoding(reader)?;
            let mut plain = text.open(Some(done))?;
            io::copy(&mut plain.by_ref().take(mark), &mut io::sink()).map_err(unreadable)?;
            if encoding == UTF_8 {
                return text_rows(plain, None, reader, each);
            }
            let decoded = DecodingReader::new(plain, encoding);
            text_rows(BufReader::with_capacity(BUFFER_BYTES, decoded), Some(encoding), reader, each)
        }
    }
}

/// `decoded`: the encoding from which the text was converted; what was broken in it has a replacement character.
fn text_rows(
    text: impl BufRead,
    decoded: Option<&'static Encoding>,
    reader: &RowReader,
    each: &mut EachRow<'_>,
) -> Result<(), Message> {
    match reader.map().format {
        FileFormat::Jsonl => json::rows(text, decoded, reader, each),
        FileFormat::Csv | FileFormat::Xlsx => csv::rows(text, decoded, reader, each),
    }
}

type Text = BufReader<Box<dyn Read>>;

/// A copy of a text file.
struct TextFile {
    file: File,
    is_packed: bool,
}

impl TextFile {
    /// The text as bytes, from its beginning.
    fn open(&self, done: Option<Arc<AtomicU64>>) -> Result<Text, Message> {
        let file = from_start(&self.file, done)?;
        let bytes: Box<dyn Read> = if self.is_packed { Box::new(GzipReader::new(file)) } else { Box::new(file) };
        Ok(BufReader::with_capacity(BUFFER_BYTES, bytes))
    }

    /// The encoding of the text, and the length of the mark at its beginning.
    fn encoding(&self, reader: &RowReader) -> Result<(&'static Encoding, u64), Message> {
        let head = head_of(&mut self.open(None)?)?;
        if matches!(kind_of(&head), FileKind::Zip | FileKind::Ole) {
            return Err(msg!("import-file-is-workbook"));
        }
        let (encoding, mark) = match (beginning(&head), reader.encoding()) {
            (Beginning::Utf32, _) => return Err(msg!("import-file-utf32")),
            (Beginning::Marked(encoding, mark), named) if mark > 0 || named.is_none() => (encoding, mark),
            (_, named) => (named.unwrap_or(UTF_8), 0),
        };
        if encoding == UTF_8 {
            if let Some(line) = self.count_utf8()?.not_utf8_in_line() {
                return Err(msg!("import-file-not-utf8", line = line));
            }
        } else if self.count_utf8()?.is_surely_utf8() {
            return Err(msg!("import-file-is-utf8", encoding = encoding.name()));
        } else if self.count_decoded(encoding)?.is_wrong() {
            return Err(msg!("import-file-encoding-wrong", encoding = encoding.name()));
        }
        Ok((encoding, mark as u64))
    }

    fn count_utf8(&self) -> Result<Utf8Count, Message> {
        let mut text = self.open(None)?;
        let mut count = Utf8Count::default();
        loop {
            let part = text.fill_buf().map_err(unreadable)?;
            if part.is_empty() {
                count.finish();
                return Ok(count);
            }
            count.add(part);
            let length = part.len();
            text.consume(length);
        }
    }

    fn count_decoded(&self, encoding: &'static Encoding) -> Result<DecodedCount, Message> {
        let mut text = DecodingReader::new(self.open(None)?, encoding);
        let mut count = DecodedCount::default();
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let length = text.read(&mut buffer).map_err(unreadable)?;
            if length == 0 {
                return Ok(count);
            }
            count.add(std::str::from_utf8(&buffer[..length]).unwrap_or_default());
        }
    }
}

/// The file from its beginning, counting what is read of it.
fn from_start(file: &File, done: Option<Arc<AtomicU64>>) -> Result<BufReader<CountingReader>, Message> {
    let mut inner = file.try_clone().map_err(unreadable)?;
    inner.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    Ok(BufReader::with_capacity(BUFFER_BYTES, CountingReader { inner, done }))
}

fn head_of(text: &mut impl Read) -> Result<Vec<u8>, Message> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    text.take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(unreadable)?;
    Ok(head)
}

/// Counts the bytes read from the file, before decompression.
struct CountingReader {
    inner: File,
    done: Option<Arc<AtomicU64>>,
}

impl Read for CountingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if let Some(done) = &self.done {
            done.fetch_add(read as u64, Ordering::Relaxed);
        }
        Ok(read)
    }
}

/// The reason of a file that cannot be read to its end.
fn unreadable(error: io::Error) -> Message {
    msg!("import-file-unreadable", error = error)
}

/// The reason of a row whose text is not valid in the encoding of the file.
fn broken_text(decoded: Option<&'static Encoding>) -> Message {
    match decoded {
        None => msg!("import-row-not-utf8"),
        Some(encoding) => msg!("import-row-not-encoded", encoding = encoding.name()),
    }
}

/// Whether a text has characters that could not be decoded.
fn is_broken(text: &str, decoded: Option<&'static Encoding>) -> bool {
    decoded.is_some() && text.contains(char::REPLACEMENT_CHARACTER)
}
