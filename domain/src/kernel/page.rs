//! Relay pages: `first`/`after` or `last`/`before`, keyset cursors, n + 1 rows.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sea_orm::Value;
use sea_orm::sea_query::{Cond, Expr, ExprTrait, Order, SimpleExpr};
use serde::{Deserialize, Serialize};

use super::text::has_no_control_chars;
use super::{Error, Result};
use crate::msg;

/// Rows of a connection without `first` or `last`.
pub const PAGE_DEFAULT: u64 = 20;
/// Most rows of one page.
pub const PAGE_MAX: u64 = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    Asc,
    Desc,
}

impl Direction {
    const fn flipped(self) -> Self {
        match self {
            Self::Asc => Self::Desc,
            Self::Desc => Self::Asc,
        }
    }
}

/// One column of the sort key of a list.
pub struct Key {
    expr: SimpleExpr,
    direction: Direction,
    /// The type of its values; a cursor with another type belongs to another list.
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Int,
    Id,
    Text,
}

impl Key {
    pub fn int(expr: SimpleExpr, direction: Direction) -> Self {
        Self { expr, direction, kind: Kind::Int }
    }

    pub fn id(expr: SimpleExpr, direction: Direction) -> Self {
        Self { expr, direction, kind: Kind::Id }
    }

    pub fn text(expr: SimpleExpr, direction: Direction) -> Self {
        Self { expr, direction, kind: Kind::Text }
    }
}

/// Validated pagination arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub limit: u64,
    /// Only rows after this cursor.
    pub after: Option<String>,
    /// Only rows before this cursor.
    pub before: Option<String>,
    /// From the end (`last`).
    pub backward: bool,
}

impl Default for Page {
    fn default() -> Self {
        Self { limit: PAGE_DEFAULT, after: None, before: None, backward: false }
    }
}

impl Page {
    /// Validates the four arguments of a connection.
    pub fn of(first: Option<i32>, after: Option<String>, last: Option<i32>, before: Option<String>) -> Result<Self> {
        if first.is_some() && last.is_some() {
            return Err(Error::bad_input(msg!("page-direction-ambiguous")));
        }
        let (name, requested, backward) = match (first, last) {
            (_, Some(n)) => ("last", Some(n), true),
            (n, None) => ("first", n, false),
        };
        let limit = match requested.map(u64::try_from) {
            None => PAGE_DEFAULT,
            Some(Ok(n @ 1..=PAGE_MAX)) => n,
            Some(_) => {
                return Err(Error::bad_input(msg!("page-size-out-of-range", argument = name, max = PAGE_MAX)));
            }
        };
        Ok(Self { limit, after, before, backward })
    }

    /// The condition and order of the SQL statement for a list ordered by `keys`; the last key must be unique.
    /// `list` names the list and its order, so that cursors of other lists are rejected.
    pub fn keyset(&self, list: &str, keys: &[Key]) -> Result<Keyset> {
        let mut cond = Cond::all();
        for (argument, cursor, before) in [("after", &self.after, false), ("before", &self.before, true)] {
            let Some(cursor) = cursor else { continue };
            let parts = decode_cursor(list, argument, cursor, Some(keys.len()))?;
            if parts.iter().zip(keys).any(|(part, key)| part.kind() != key.kind) {
                return Err(invalid_cursor(argument));
            }
            cond = cond.add(keyset_condition(keys, &parts, before));
        }
        let order = keys
            .iter()
            .map(|key| {
                let direction = if self.backward { key.direction.flipped() } else { key.direction };
                let order = if direction == Direction::Asc { Order::Asc } else { Order::Desc };
                (key.expr.clone(), order)
            })
            .collect();
        Ok(Keyset { cond, order, limit: self.limit + 1 })
    }

    /// Paginates a list in memory, highest key first.
    pub fn paginate_descending<T>(
        &self,
        list: &str,
        mut rows: Vec<T>,
        key: impl Fn(&T) -> Vec<Part>,
    ) -> Result<Connection<T>> {
        let decode = |argument: &str, cursor: &Option<String>| {
            let len = rows.first().map(|row| key(row).len());
            cursor.as_ref().map(|cursor| decode_cursor(list, argument, cursor, len)).transpose()
        };
        let (after, before) = (decode("after", &self.after)?, decode("before", &self.before)?);
        rows.retain(|row| {
            let key = key(row);
            after.as_ref().is_none_or(|after| key < *after) && before.as_ref().is_none_or(|before| key > *before)
        });
        let wanted = usize::try_from(self.limit).unwrap_or(usize::MAX).saturating_add(1);
        let order = |a: &T, b: &T| if self.backward { key(a).cmp(&key(b)) } else { key(b).cmp(&key(a)) };
        if rows.len() > wanted {
            rows.select_nth_unstable_by(wanted, order);
            rows.truncate(wanted);
        }
        rows.sort_unstable_by(order);
        Ok(self.connection(list, rows, key))
    }

    /// The id in a cursor of a ranked list.
    pub fn position(&self, list: &str, cursor: &str) -> Result<uuid::Uuid> {
        match decode_cursor(list, "after", cursor, Some(1))?.pop() {
            Some(Part::Id(id)) => Ok(id),
            _ => Err(invalid_cursor("after")),
        }
    }

    /// Builds a connection from the n + 1 rows that were read.
    pub fn connection<T>(&self, list: &str, rows: Vec<T>, key: impl Fn(&T) -> Vec<Part>) -> Connection<T> {
        let list: Arc<str> = list.into();
        self.connection_by(rows, |row| EdgeCursor::Key(list.clone(), key(row)))
    }

    /// The same, with cursors from `cursor`.
    pub fn connection_by<T>(&self, mut rows: Vec<T>, cursor: impl Fn(&T) -> EdgeCursor) -> Connection<T> {
        let more = rows.len() as u64 > self.limit;
        rows.truncate(usize::try_from(self.limit).unwrap_or(usize::MAX));
        if self.backward {
            rows.reverse();
        }
        let edges = rows.into_iter().map(|node| Edge { cursor: cursor(&node), node }).collect();
        let (has_next, has_previous) =
            if self.backward { (self.before.is_some(), more) } else { (more, self.after.is_some()) };
        Connection { edges, has_next, has_previous }
    }
}

/// A page as SQL.
pub struct Keyset {
    pub cond: Cond,
    pub order: Vec<(SimpleExpr, Order)>,
    pub limit: u64,
}

/// One value of a cursor.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Part {
    Int(i64),
    Id(uuid::Uuid),
    Text(String),
}

impl Part {
    fn kind(&self) -> Kind {
        match self {
            Self::Int(_) => Kind::Int,
            Self::Id(_) => Kind::Id,
            Self::Text(_) => Kind::Text,
        }
    }

    /// Whether it can be a stored value.
    fn is_storable(&self) -> bool {
        match self {
            Self::Int(_) | Self::Id(_) => true,
            Self::Text(text) => has_no_control_chars(text),
        }
    }
}

impl From<Part> for Value {
    fn from(part: Part) -> Self {
        match part {
            Part::Int(n) => n.into(),
            Part::Id(id) => id.into(),
            Part::Text(text) => text.into(),
        }
    }
}

/// The cursor of an edge. It is encoded lazily, because few clients select it.
#[derive(Clone, Debug, PartialEq)]
pub enum EdgeCursor {
    /// The list and the sort key of the row.
    Key(Arc<str>, Vec<Part>),
    /// Already encoded.
    Encoded(String),
}

impl fmt::Display for EdgeCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(list, parts) => f.write_str(&encode_cursor(list, parts)),
            Self::Encoded(cursor) => f.write_str(cursor),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Edge<T> {
    pub cursor: EdgeCursor,
    pub node: T,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Connection<T> {
    pub edges: Vec<Edge<T>>,
    pub has_next: bool,
    pub has_previous: bool,
}

impl<T> Connection<T> {
    pub fn empty() -> Self {
        Self { edges: Vec::new(), has_next: false, has_previous: false }
    }

    pub fn map<U>(self, f: impl Fn(T) -> U) -> Connection<U> {
        let edges = self.edges.into_iter().map(|e| Edge { cursor: e.cursor, node: f(e.node) }).collect();
        Connection { edges, has_next: self.has_next, has_previous: self.has_previous }
    }
}

/// `(a, b) > (x, y)` expanded, because the columns may have different directions.
fn keyset_condition(keys: &[Key], values: &[Part], before: bool) -> Cond {
    let mut any = Cond::any();
    for (i, key) in keys.iter().enumerate() {
        let mut all = Cond::all();
        for (key, value) in keys[..i].iter().zip(values) {
            all = all.add(key.expr.clone().eq(Expr::val(Value::from(value.clone()))));
        }
        let value = Expr::val(Value::from(values[i].clone()));
        let ascending = (key.direction == Direction::Asc) != before;
        all = all.add(if ascending { key.expr.clone().gt(value) } else { key.expr.clone().lt(value) });
        any = any.add(all);
    }
    any
}

fn encode_cursor(list: &str, parts: &[Part]) -> String {
    let json = serde_json::to_vec(&(list, parts)).expect("cursor parts are plain data");
    URL_SAFE_NO_PAD.encode(json)
}

/// `len`: the number of key columns; `None` when the list is empty and the number unknown.
fn decode_cursor(list: &str, argument: &str, cursor: &str, len: Option<usize>) -> Result<Vec<Part>> {
    let parsed = URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|json| serde_json::from_slice::<(String, Vec<Part>)>(&json).ok())
        .filter(|(of, parts)| of == list && len.is_none_or(|len| parts.len() == len))
        .filter(|(_, parts)| parts.iter().all(Part::is_storable));
    parsed.map(|(_, parts)| parts).ok_or_else(|| invalid_cursor(argument))
}

fn invalid_cursor(argument: &str) -> Error {
    Error::bad_input(msg!("cursor-invalid", argument = argument))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_bounded() {
        assert_eq!(Page::of(None, None, None, None).unwrap().limit, PAGE_DEFAULT);
        assert_eq!(Page::of(Some(100), None, None, None).unwrap().limit, 100);
        for bad in [0, -1, 101, 1_000_000_000] {
            assert!(Page::of(Some(bad), None, None, None).is_err(), "first: {bad}");
            assert!(Page::of(None, None, Some(bad), None).is_err(), "last: {bad}");
        }
        assert!(Page::of(Some(1), None, Some(1), None).is_err());
    }

    #[test]
    fn a_cursor_belongs_to_its_list() {
        let cursor = encode_cursor("tickets:NUMBER", &[Part::Int(7)]);
        assert_eq!(decode_cursor("tickets:NUMBER", "after", &cursor, Some(1)).unwrap(), [Part::Int(7)]);
        assert!(decode_cursor("tickets:CREATED", "after", &cursor, Some(1)).is_err());
        assert!(decode_cursor("tickets:NUMBER", "after", &cursor, Some(2)).is_err());
        for bad in ["", "x", "7", "W10", "\u{7f}"] {
            assert!(decode_cursor("tickets:NUMBER", "after", bad, Some(1)).is_err(), "{bad}");
        }
        let stored = encode_cursor("users", &[Part::Text("钱 x".to_owned())]);
        assert!(decode_cursor("users", "after", &stored, Some(1)).is_ok());
        let forged = encode_cursor("users", &[Part::Text("a\u{0}".to_owned())]);
        assert!(decode_cursor("users", "after", &forged, Some(1)).is_err(), "PostgreSQL stores no U+0000");
    }
}
