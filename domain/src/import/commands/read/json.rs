//! JSON Lines: one object a line. Numbers are read as they are written, so that long ids stay exact.

use std::collections::HashMap;
use std::io::{BufRead, Read as _};

use encoding_rs::Encoding;
use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::super::super::decide::RowReader;
use super::super::super::decide::cells::Cells;
use super::super::super::model::{RejectedRow, Row};
use super::{EachRow, ROW_BYTES_MAX, broken_text, is_broken, unreadable};
use crate::kernel::Message;
use crate::msg;

pub fn rows(
    mut text: impl BufRead,
    decoded: Option<&'static Encoding>,
    reader: &RowReader,
    each: &mut EachRow<'_>,
) -> Result<(), Message> {
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        let limit = ROW_BYTES_MAX as u64 + 1;
        let read = text.by_ref().take(limit).read_until(b'\n', &mut bytes).map_err(unreadable)?;
        if read == 0 {
            return Ok(());
        }
        let outcome = if bytes.len() > ROW_BYTES_MAX {
            if !bytes.ends_with(b"\n") {
                text.skip_until(b'\n').map_err(unreadable)?;
            }
            let reasons = vec![msg!("import-line-too-long", max = ROW_BYTES_MAX)];
            Err(RejectedRow { line, id: None, reasons, leaves_gap: false })
        } else if bytes.trim_ascii().is_empty() {
            continue;
        } else {
            row(line, &bytes, decoded, reader)
        };
        if !each(outcome) {
            return Ok(());
        }
    }
    Ok(())
}

fn row(line: u64, bytes: &[u8], decoded: Option<&'static Encoding>, reader: &RowReader) -> Result<Row, RejectedRow> {
    let rejected = |id, reason| RejectedRow { line, id, reasons: vec![reason], leaves_gap: true };
    let text = std::str::from_utf8(bytes).ok().filter(|text| !is_broken(text, decoded));
    let text = text.ok_or_else(|| rejected(None, broken_text(decoded)))?;
    let values = values_of(text).map_err(|error| rejected(None, msg!("import-line-not-json", error = error)))?;
    let mut repeated = None;
    let mut by_name: HashMap<&str, &str> = HashMap::with_capacity(values.len());
    for (name, value) in &values {
        let before = by_name.insert(name, value);
        if before.is_some() && reader.uses(name) {
            repeated = Some(msg!("import-key-repeated", key = name));
        }
    }
    let cells = Cells { line, values: by_name };
    match repeated {
        Some(reason) => Err(rejected(reader.id_of(&cells), reason)),
        None => reader.parse_row(&cells),
    }
}

/// The members of an object as texts, in their order; null has none.
fn values_of(text: &str) -> serde_json::Result<Vec<(String, String)>> {
    let mut json = serde_json::Deserializer::from_str(text);
    let members = json.deserialize_map(MembersVisitor)?;
    json.end()?;
    let mut values = Vec::with_capacity(members.len());
    for (name, raw) in members {
        match raw.get() {
            "null" => {}
            string if string.starts_with('"') => values.push((name, serde_json::from_str(string)?)),
            other => values.push((name, other.to_owned())),
        }
    }
    Ok(values)
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}
