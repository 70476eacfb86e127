//! Workbooks. The cells of a sheet are read one after another: a sheet with a single cell far away stays small.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Seek as _, SeekFrom};
use std::sync::atomic::{AtomicU64, Ordering};

use calamine::{DataRef, Reader as _, Xlsx, XlsxError};

use super::super::super::decide::RowReader;
use super::super::super::decide::cells::{Cells, TextUse, clean};
use super::{EachRow, ROW_BYTES_MAX, unreadable};
use crate::kernel::Message;
use crate::msg;

/// Bytes of a workbook: its texts are held in memory.
const WORKBOOK_BYTES_MAX: u64 = 100_000_000;
/// Columns of a sheet, as in Excel.
const COLUMNS_MAX: usize = 16_384;
/// Columns of a sheet without a header that a map can use.
const COLUMNS_NUMBERED: usize = 200;

pub fn rows(mut file: File, reader: &RowReader, done: &AtomicU64, each: &mut EachRow<'_>) -> Result<(), Message> {
    let bytes = file.seek(SeekFrom::End(0)).map_err(unreadable)?;
    if bytes > WORKBOOK_BYTES_MAX {
        return Err(msg!("import-workbook-too-large", max = WORKBOOK_BYTES_MAX));
    }
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    let mut book = Xlsx::new(BufReader::new(file)).map_err(broken)?;
    let sheets = book.sheet_names();
    let sheet = match &reader.map().sheet {
        None => sheets.first(),
        Some(name) => sheets.iter().find(|sheet| *sheet == name),
    };
    let Some(sheet) = sheet else {
        let sheet = reader.map().sheet.as_deref().unwrap_or_default();
        return Err(msg!("import-sheet-missing", sheet = sheet, sheets = sheets.join(", ")));
    };
    let mut cells = book.worksheet_cells_reader(sheet).map_err(broken)?;
    let mut rows = SheetRows { reader, names: Vec::new(), row: 0, values: Vec::new(), bytes: 0 };
    while let Some(cell) = cells.next_cell().map_err(broken)? {
        let (row, column) = cell.get_position();
        if row != rows.row {
            if !rows.end_row(each)? {
                return Ok(());
            }
            rows.row = row;
        }
        rows.put(column, text_of(cell.get_value()))?;
    }
    done.fetch_add(bytes, Ordering::Relaxed);
    rows.end_row(each)?;
    if rows.names.is_empty() { reader.check_columns(&[]) } else { Ok(()) }
}

fn broken(error: XlsxError) -> Message {
    msg!("import-file-broken-xlsx", error = error)
}

/// Puts the cells of each row together.
struct SheetRows<'a> {
    reader: &'a RowReader,
    names: Vec<String>,
    /// Counted from 0.
    row: u32,
    values: Vec<String>,
    bytes: usize,
}

impl SheetRows<'_> {
    fn put(&mut self, column: u32, text: String) -> Result<(), Message> {
        let column = column as usize;
        self.bytes += text.len();
        if self.bytes > ROW_BYTES_MAX || column >= COLUMNS_MAX {
            return Err(msg!("import-row-too-long", line = self.line(), max = ROW_BYTES_MAX));
        }
        if self.values.len() <= column {
            self.values.resize(column + 1, String::new());
        }
        self.values[column] = text;
        Ok(())
    }

    fn line(&self) -> u64 {
        u64::from(self.row) + 1
    }

    /// False: no further row is wanted.
    fn end_row(&mut self, each: &mut EachRow<'_>) -> Result<bool, Message> {
        let values = std::mem::take(&mut self.values);
        self.bytes = 0;
        if values.iter().all(|value| value.trim().is_empty()) {
            return Ok(true);
        }
        if self.names.is_empty() && self.reader.map().header {
            self.names = values.iter().map(|name| clean(name, TextUse::Key)).collect();
            self.reader.check_columns(&self.names)?;
            return Ok(true);
        }
        if self.names.is_empty() {
            // Empty cells at the end of a row are not in the file, so the first row does not tell how many columns there are.
            self.names = (1..=COLUMNS_NUMBERED).map(|number| number.to_string()).collect();
            self.reader.check_columns(&self.names)?;
        }
        let by_name = self.names.iter().map(String::as_str).zip(values.iter().map(String::as_str));
        // Columns without a name are of no use to a map.
        let values: HashMap<&str, &str> = by_name.filter(|(name, _)| !name.is_empty()).collect();
        Ok(each(self.reader.parse_row(&Cells { line: self.line(), values })))
    }
}

fn text_of(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Empty => String::new(),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Int(number) => number.to_string(),
        // Without a fraction, as Excel shows it: ids are numbers, too.
        DataRef::Float(number) => number.to_string(),
        DataRef::Bool(value) => value.to_string(),
        DataRef::DateTime(at) if at.is_duration() => at.as_f64().to_string(),
        DataRef::DateTime(at) => {
            let (year, month, day, hour, minute, second, milli) = at.to_ymd_hms_milli();
            format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}")
        }
        DataRef::Error(error) => error.to_string(),
    }
}
