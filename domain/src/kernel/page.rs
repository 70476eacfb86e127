//! Relay pages: `first`/`after` or `last`/`before`, keyset cursors, n + 1 rows.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sea_orm::Value;
use sea_orm::sea_query::{Cond, Expr, ExprTrait, Order, SimpleExpr};
use serde::{Deserialize, Serialize};

use super::{Error, Result};

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

/// One part of the key that orders a list: an expression and its value in the row of a cursor.
pub struct Key {
    expr: SimpleExpr,
    direction: Direction,
    /// Of what kind its values are: a cursor with another kind is not of this list.
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

/// The part of a list that somebody asks for, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub limit: u64,
    /// Only what lies behind this cursor.
    pub after: Option<String>,
    /// Only what lies before this cursor.
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
    /// Checks the four arguments of a connection.
    pub fn of(first: Option<i32>, after: Option<String>, last: Option<i32>, before: Option<String>) -> Result<Self> {
        if first.is_some() && last.is_some() {
            return Err(Error::bad_input(
                "first and last exclude each other: give one of them.",
                "first 与 last 不能同时使用，请只给出其中一个。",
            ));
        }
        let (name, asked, backward) = match (first, last) {
            (_, Some(n)) => ("last", Some(n), true),
            (n, None) => ("first", n, false),
        };
        let limit = match asked.map(u64::try_from) {
            None => PAGE_DEFAULT,
            Some(Ok(n @ 1..=PAGE_MAX)) => n,
            Some(_) => {
                return Err(Error::bad_input(
                    format!("{name} must be between 1 and {PAGE_MAX}."),
                    format!("{name} 必须在 1 到 {PAGE_MAX} 之间。"),
                ));
            }
        };
        Ok(Self { limit, after, before, backward })
    }

    /// The condition and order of the SQL statement for a list ordered by `keys`, the last of them unique.
    /// `list` names the list and its order, so that a cursor of another list is refused.
    pub fn keyset(&self, list: &str, keys: &[Key]) -> Result<Keyset> {
        let mut cond = Cond::all();
        for (argument, cursor, before) in [("after", &self.after, false), ("before", &self.before, true)] {
            let Some(cursor) = cursor else { continue };
            let parts = open(list, argument, cursor, Some(keys.len()))?;
            if parts.iter().zip(keys).any(|(part, key)| part.kind() != key.kind) {
                return Err(foreign_cursor(argument));
            }
            cond = cond.add(beyond(keys, &parts, before));
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

    /// Cuts a list that is held in memory to a connection: highest key first.
    pub fn cut_descending<T>(
        &self,
        list: &str,
        mut rows: Vec<T>,
        key: impl Fn(&T) -> Vec<Part>,
    ) -> Result<Connection<T>> {
        let place = |argument: &str, cursor: &Option<String>| {
            let len = rows.first().map(|row| key(row).len());
            cursor.as_ref().map(|cursor| open(list, argument, cursor, len)).transpose()
        };
        let (after, before) = (place("after", &self.after)?, place("before", &self.before)?);
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

    /// The id that a cursor of a ranked list stands on.
    pub fn position(&self, list: &str, cursor: &str) -> Result<uuid::Uuid> {
        match open(list, "after", cursor, Some(1))?.pop() {
            Some(Part::Id(id)) => Ok(id),
            _ => Err(foreign_cursor("after")),
        }
    }

    /// Cuts the n + 1 rows that were read to a connection.
    pub fn connection<T>(&self, list: &str, rows: Vec<T>, key: impl Fn(&T) -> Vec<Part>) -> Connection<T> {
        let list: Arc<str> = list.into();
        self.connection_by(rows, |row| EdgeCursor::Key(list.clone(), key(row)))
    }

    /// The same, with cursors that are made elsewhere.
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

/// What a page means in SQL.
pub struct Keyset {
    pub cond: Cond,
    pub order: Vec<(SimpleExpr, Order)>,
    pub limit: u64,
}

/// One part of a cursor.
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

/// The place of an edge. Few are asked for, so they are written out only then.
#[derive(Clone, Debug, PartialEq)]
pub enum EdgeCursor {
    /// A list, and the key of a row in it.
    Key(Arc<str>, Vec<Part>),
    Written(String),
}

impl fmt::Display for EdgeCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(list, parts) => f.write_str(&seal(list, parts)),
            Self::Written(cursor) => f.write_str(cursor),
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

/// `(a, b) > (x, y)` written out, since the parts may run in different directions.
fn beyond(keys: &[Key], values: &[Part], before: bool) -> Cond {
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

fn seal(list: &str, parts: &[Part]) -> String {
    let json = serde_json::to_vec(&(list, parts)).expect("cursor parts are plain data");
    URL_SAFE_NO_PAD.encode(json)
}

/// `len`: how many parts a key of the list has; `None` where the list is empty and nobody knows.
fn open(list: &str, argument: &str, cursor: &str, len: Option<usize>) -> Result<Vec<Part>> {
    let parsed = URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|json| serde_json::from_slice::<(String, Vec<Part>)>(&json).ok())
        .filter(|(of, parts)| of == list && len.is_none_or(|len| parts.len() == len));
    parsed.map(|(_, parts)| parts).ok_or_else(|| foreign_cursor(argument))
}

fn foreign_cursor(argument: &str) -> Error {
    Error::bad_input(
        format!("{argument} is not a cursor of this list in this order: use a cursor from its edges."),
        format!("{argument} 不是此列表（此排序）的游标，请使用该列表 edges 中的 cursor。"),
    )
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
        let cursor = seal("tickets:NUMBER", &[Part::Int(7)]);
        assert_eq!(open("tickets:NUMBER", "after", &cursor, Some(1)).unwrap(), [Part::Int(7)]);
        assert!(open("tickets:CREATED", "after", &cursor, Some(1)).is_err());
        assert!(open("tickets:NUMBER", "after", &cursor, Some(2)).is_err());
        for bad in ["", "x", "7", "W10", "\u{7f}"] {
            assert!(open("tickets:NUMBER", "after", bad, Some(1)).is_err(), "{bad}");
        }
    }
}
