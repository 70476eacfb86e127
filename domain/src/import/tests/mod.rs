//! Maps, files, rows and histories.

mod details;
mod files;
mod hand_overs;
mod history;
mod rows;
mod workbooks;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use jiff::tz::TimeZone;

use super::commands::read::read;
use super::decide::RowReader;
use super::decide::cells::Cells;
use super::model::{ImportMap, RejectedRow, Row};
use crate::kernel::{Locale, Message, Timestamp};

/// 2026-03-02T12:00:00Z.
const NOW: Timestamp = Timestamp::from_millis(1_772_452_800_000);

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap_or_else(|| panic!("{text} is no time"))
}

/// A map with these lines at its top and these columns.
fn map(top: &str, columns: &str) -> ImportMap {
    let text = format!(
        "source = \"S\"\ntime_formats = [\"%Y-%m-%d %H:%M\", \"%d/%m/%Y %H:%M\"]\nmissing = [\"-\"]\n{top}\n[columns]\n{columns}\n
        [words.status]\nOpen = \"NEW\"\nQueue = \"NEW\"\nWork = \"IN_PROGRESS\"\nNote = \"UNCHANGED\"\nWait = \"WAITING\"\n\
        Solved = \"RESOLVED\"\nDone = \"CLOSED\"\nDrop = \"CANCELLED\"\nDouble = \"MERGED\"\n"
    );
    toml::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn reader(map: ImportMap) -> RowReader {
    RowReader::new(map, &TimeZone::UTC, NOW).unwrap_or_else(|reason| panic!("{}", english(&reason)))
}

fn english(message: &Message) -> String {
    message.text(Locale::En)
}

/// Parses a row of columns and values.
fn parse(reader: &RowReader, line: u64, values: &[(&str, &str)]) -> Result<Row, RejectedRow> {
    reader.parse_row(&Cells { line, values: values.iter().copied().collect() })
}

type Outcomes = Vec<Result<Row, RejectedRow>>;

/// All rows of a file, or the reason why nothing is imported.
fn read_file(bytes: &[u8], reader: &RowReader) -> Result<Outcomes, String> {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = Vec::new();
    let mut each = |row| {
        rows.push(row);
        true
    };
    let outcome = read(bytes, folder.path(), reader, Arc::new(AtomicU64::new(0)), &mut each);
    outcome.map(|()| rows).map_err(|reason| english(&reason))
}

fn reasons(row: &Result<Row, RejectedRow>) -> String {
    row.as_ref().err().map(|refused| refused.reason(Locale::En)).unwrap_or_default()
}
