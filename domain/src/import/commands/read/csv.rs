//! CSV: RFC 4180 with any delimiter and line end. A quote that is not closed, or not doubled within quotes, is a fault of its
//! record, because it takes further lines into a cell.

use std::collections::HashMap;
use std::io::BufRead;

use encoding_rs::Encoding;

use super::super::super::decide::RowReader;
use super::super::super::decide::cells::{Cells, TextUse, clean};
use super::super::super::model::{RejectedRow, Row};
use super::{EachRow, ROW_BYTES_MAX, broken_text, is_broken, unreadable};
use crate::kernel::Message;
use crate::msg;

pub fn rows(
    text: impl BufRead,
    decoded: Option<&'static Encoding>,
    reader: &RowReader,
    each: &mut EachRow<'_>,
) -> Result<(), Message> {
    let delimiter = u8::try_from(reader.map().delimiter).map_err(|_| msg!("import-map-delimiter-invalid"))?;
    let mut csv = CsvReader::new(text, delimiter);
    let mut record = CsvRecord::default();
    if !csv.read(&mut record)? {
        return reader.check_columns(&[]);
    }
    let mut is_header = reader.map().header;
    let names = names_of(&record, is_header, decoded)?;
    reader.check_columns(&names)?;
    loop {
        if !std::mem::take(&mut is_header) && !each(row(&record, &names, decoded, reader)) {
            return Ok(());
        }
        if !csv.read(&mut record)? {
            return Ok(());
        }
    }
}

/// The names of the columns: those of the first row, or numbers.
fn names_of(record: &CsvRecord, has_header: bool, decoded: Option<&'static Encoding>) -> Result<Vec<String>, Message> {
    if !has_header {
        return Ok((1..=record.len()).map(|number| number.to_string()).collect());
    }
    if let Some(fault) = record.fault() {
        return Err(fault);
    }
    let name = |field: &[u8]| {
        let text = std::str::from_utf8(field).ok().filter(|text| !is_broken(text, decoded));
        text.map(|text| clean(text, TextUse::Key)).ok_or_else(|| broken_text(decoded))
    };
    record.fields().map(name).collect()
}

fn row(
    record: &CsvRecord,
    names: &[String],
    decoded: Option<&'static Encoding>,
    reader: &RowReader,
) -> Result<Row, RejectedRow> {
    let texts: Vec<_> = record.fields().map(String::from_utf8_lossy).collect();
    let values: HashMap<&str, &str> = names.iter().map(String::as_str).zip(texts.iter().map(|text| &**text)).collect();
    let cells = Cells { line: record.line, values };
    let is_valid = record.fields().all(|field| std::str::from_utf8(field).is_ok_and(|text| !is_broken(text, decoded)));
    let fault = if let Some(fault) = record.fault() {
        fault
    } else if record.len() != names.len() {
        msg!("import-row-columns-differ", columns = record.len(), header = names.len())
    } else if !is_valid {
        broken_text(decoded)
    } else {
        return reader.parse_row(&cells);
    };
    Err(RejectedRow { line: record.line, id: reader.id_of(&cells), reasons: vec![fault], leaves_gap: true })
}

/// A record; its memory is used again for the next one.
#[derive(Debug, Default)]
pub struct CsvRecord {
    /// Its first and last line.
    pub line: u64,
    pub last_line: u64,
    bytes: Vec<u8>,
    /// Where each field ends in `bytes`.
    ends: Vec<usize>,
    /// Text follows a closing quote.
    pub has_quote_fault: bool,
}

impl CsvRecord {
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn fields(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(move |(start, end)| &self.bytes[start..*end])
    }

    fn fault(&self) -> Option<Message> {
        self.has_quote_fault.then(|| msg!("import-row-quote", first = self.line, last = self.last_line))
    }

    fn clear(&mut self) {
        let Self { line, last_line, bytes, ends, has_quote_fault } = self;
        (*line, *last_line, *has_quote_fault) = (0, 0, false);
        bytes.clear();
        ends.clear();
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    RecordStart,
    FieldStart,
    Plain,
    Quoted,
    /// Behind a quote within quotes: the end, or the first of two.
    QuoteSeen,
    /// Behind the closing quote and blanks.
    QuoteClosed,
}

pub struct CsvReader<R> {
    input: R,
    delimiter: u8,
    /// The line of the next byte.
    line: u64,
    /// The last line end was a carriage return, which a line feed may follow.
    skips_line_feed: bool,
}

impl<R: BufRead> CsvReader<R> {
    pub const fn new(input: R, delimiter: u8) -> Self {
        Self { input, delimiter, line: 1, skips_line_feed: false }
    }

    /// Reads the next record, and skips empty lines; false at the end.
    pub fn read(&mut self, record: &mut CsvRecord) -> Result<bool, Message> {
        record.clear();
        let mut state = State::RecordStart;
        let mut quote_line = 0;
        loop {
            let bytes = self.input.fill_buf().map_err(unreadable)?;
            if bytes.is_empty() {
                return self.end_of_file(record, state, quote_line);
            }
            let mut used = 0;
            let mut is_complete = false;
            for byte in bytes {
                used += 1;
                if std::mem::take(&mut self.skips_line_feed) && *byte == b'\n' {
                    continue;
                }
                if state == State::RecordStart {
                    record.line = self.line;
                }
                state = next_state(record, state, *byte, self.delimiter);
                if state == State::Quoted && quote_line == 0 {
                    quote_line = self.line;
                } else if state != State::Quoted && state != State::QuoteSeen {
                    quote_line = 0;
                }
                let ends_line = *byte == b'\n' || (*byte == b'\r' && state == State::RecordStart);
                self.skips_line_feed = *byte == b'\r' && state == State::RecordStart;
                record.last_line = self.line;
                self.line += u64::from(ends_line);
                is_complete = state == State::RecordStart && !record.ends.is_empty();
                if is_complete {
                    break;
                }
            }
            self.input.consume(used);
            if is_complete {
                return Ok(true);
            }
            if record.bytes.len() + record.ends.len() > ROW_BYTES_MAX {
                return Err(msg!("import-row-too-long", line = record.line, max = ROW_BYTES_MAX));
            }
        }
    }

    fn end_of_file(&self, record: &mut CsvRecord, state: State, quote_line: u64) -> Result<bool, Message> {
        match state {
            State::RecordStart => Ok(false),
            State::Quoted => Err(msg!("import-quote-unclosed", line = quote_line)),
            State::FieldStart | State::Plain | State::QuoteSeen | State::QuoteClosed => {
                record.ends.push(record.bytes.len());
                Ok(true)
            }
        }
    }
}

/// Adds a byte to the record. `RecordStart` after a byte of the record means that it is complete.
fn next_state(record: &mut CsvRecord, state: State, byte: u8, delimiter: u8) -> State {
    let is_line_end = byte == b'\n' || byte == b'\r';
    let ends_field = byte == delimiter || is_line_end;
    match state {
        State::RecordStart if is_line_end => State::RecordStart,
        State::Quoted if byte == b'"' => State::QuoteSeen,
        State::Quoted => {
            record.bytes.push(byte);
            State::Quoted
        }
        _ if ends_field => {
            record.ends.push(record.bytes.len());
            if is_line_end { State::RecordStart } else { State::FieldStart }
        }
        State::RecordStart | State::FieldStart if byte == b'"' => State::Quoted,
        State::QuoteSeen if byte == b'"' => {
            record.bytes.push(byte);
            State::Quoted
        }
        State::QuoteSeen | State::QuoteClosed if byte == b' ' || byte == b'\t' => State::QuoteClosed,
        _ => {
            record.has_quote_fault |= matches!(state, State::QuoteSeen | State::QuoteClosed);
            record.bytes.push(byte);
            State::Plain
        }
    }
}
