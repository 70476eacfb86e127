//! The order of the rows of a ticket.

use super::super::model::Row;

/// The key by which rows are sorted. SQLite sorts numbers before texts, so that the staging file can hold it as it is.
#[derive(Clone, Debug, PartialEq)]
pub enum SortKey {
    Whole(i64),
    Decimal(f64),
    Text(String),
}

/// What orders the rows of a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowOrder {
    /// The column that the map names.
    Column,
    /// The time at which the rows were written, in a map that names no order.
    Time,
    /// The order of the file: a list has no history.
    File,
}

pub fn place(row: &Row, order: RowOrder) -> SortKey {
    match (order, &row.order_text) {
        (RowOrder::File, _) => SortKey::Whole(0),
        (RowOrder::Time, _) => SortKey::Whole(row.at.millis()),
        (RowOrder::Column, None) => SortKey::Whole(row.order),
        (RowOrder::Column, Some(text)) => match text.parse::<f64>().ok().filter(|number| number.is_finite()) {
            Some(number) => SortKey::Decimal(number),
            None => SortKey::Text(natural_key(text)),
        },
    }
}

/// A text whose order by characters is the natural one: `step-2` before `step-10`.
fn natural_key(text: &str) -> String {
    let mut key = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        if end == 0 {
            key.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            // Of two numbers the one with more digits is the larger one.
            let digits = rest[..end].trim_start_matches('0');
            key.push_str(&format!("{:03}{digits}", digits.len()));
            rest = &rest[end..];
        }
    }
    key
}
