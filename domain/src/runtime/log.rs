//! The event log: the audit trail and the feed.
//!
//! Its order is (xid, seq), never seq alone. On PostgreSQL a row with a lower seq may be committed after one with a
//! higher seq. Followers therefore read only below the horizon, `pg_snapshot_xmin`: every transaction below it has
//! ended, so no row can appear there later. On SQLite there is one writer, so the order is seq, and xid is 0.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, ExprTrait as _, SimpleExpr};
use sea_orm::{ColumnTrait, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::event::{self, AnyEvent, LogEvent};
use super::store::{event_log, meta};
use super::{App, Ctx, Db, Engine, Executor};
use crate::kernel::{Actor, Error, Result, Role, Timestamp, boxed, string_enum};
use crate::msg;

string_enum! {
    /// Who may receive an event.
    Audience {
        /// Everyone who may see the subject, including the requester.
        Public = "PUBLIC",
        /// Staff only.
        Staff = "STAFF",
        /// Imported history: in the audit trail, never in a live feed.
        History = "HISTORY",
    }
}

/// Whether to include imported history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    Included,
    Skipped,
}

string_enum! {
    /// Which side acted.
    Side {
        Staff = "STAFF",
        Requester = "REQUESTER",
        System = "SYSTEM",
    }
}

impl Side {
    pub fn of(actor: &Actor) -> Self {
        match actor {
            Actor::Anonymous | Actor::System => Self::System,
            Actor::Person(person) if person.is_staff() => Self::Staff,
            Actor::Person(person) if person.is(Role::Partner) => Self::System,
            Actor::Person(_) => Self::Requester,
        }
    }
}

/// A position in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cursor {
    pub xid: i64,
    pub seq: i64,
}

impl Cursor {
    pub const START: Self = Self { xid: 0, seq: 0 };

    /// The form for clients and the index, with the epoch of the log.
    pub fn encode(self, epoch: &str) -> String {
        format!("{epoch}.{}.{}", self.xid, self.seq)
    }

    /// `Err` for an invalid cursor, `Ok(None)` for a cursor of another epoch of the log (before a restore).
    pub fn decode(text: &str, epoch: &str) -> Result<Option<Self>, InvalidCursor> {
        let mut parts = text.split('.');
        let (Some(of), Some(xid), Some(seq), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(InvalidCursor);
        };
        if of.is_empty() || of.len() > 16 || !of.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(InvalidCursor);
        }
        let number = |text: &str| text.parse::<i64>().ok().filter(|n| *n >= 0).ok_or(InvalidCursor);
        let cursor = Self { xid: number(xid)?, seq: number(seq)? };
        Ok((of == epoch).then_some(cursor))
    }
}

/// The text is not a cursor of the log.
#[derive(Debug)]
pub struct InvalidCursor;

impl From<InvalidCursor> for Error {
    fn from(InvalidCursor: InvalidCursor) -> Self {
        Self::bad_input(msg!("event-cursor-invalid"))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {})", self.xid, self.seq)
    }
}

/// A row that was read.
#[derive(Clone, Debug)]
pub struct Row {
    pub cursor: Cursor,
    pub kind: String,
    pub subject_kind: String,
    pub subject: Uuid,
    pub actor: Option<Uuid>,
    pub on_behalf_of: Option<Uuid>,
    pub side: Side,
    pub audience: Audience,
    pub channel: String,
    pub request_id: Uuid,
    pub at: Timestamp,
    pub event: AnyEvent,
}

impl Row {
    pub fn decode(app: &App, model: event_log::Model) -> Result<Self> {
        let event = app.modules.decode(&model.payload);
        let event =
            event.map_err(|e| Error::internal(format!("event {} of the log cannot be decoded: {e}", model.seq)))?;
        Ok(Self {
            cursor: Cursor { xid: model.xid, seq: model.seq },
            kind: model.kind,
            subject_kind: model.subject_kind,
            subject: model.subject,
            actor: model.actor,
            on_behalf_of: model.on_behalf_of,
            side: model.side.parse().unwrap_or(Side::Staff),
            audience: model.audience.parse().unwrap_or(Audience::Staff),
            channel: model.channel,
            request_id: model.request_id,
            at: model.at,
            event,
        })
    }

    /// The form in which others receive it (docs/events.md). Members may be added; none is ever renamed or removed.
    pub fn to_public(&self, epoch: &str) -> serde_json::Value {
        serde_json::json!({
            "cursor": self.cursor.encode(epoch),
            "kind": self.kind,
            "at": self.at.to_string(),
            "subject": { "kind": self.subject_kind, "id": Some(self.subject).filter(|id| !id.is_nil()) },
            "actor": { "id": self.actor, "side": self.side.as_str() },
            "onBehalfOf": self.on_behalf_of,
            "audience": self.audience.as_str(),
            "channel": self.channel,
            "requestId": self.request_id,
            "data": self.event.data(),
        })
    }
}

/// A row to be written.
pub struct NewRow {
    kind: String,
    subject_kind: &'static str,
    subject: Uuid,
    actor: Option<Uuid>,
    on_behalf_of: Option<Uuid>,
    side: Side,
    audience: Audience,
    channel: String,
    request_id: Uuid,
    at: Timestamp,
    payload: String,
}

impl NewRow {
    pub(super) fn of<E: LogEvent>(cx: &Ctx, at: Timestamp, event: &E) -> Self {
        let (subject_kind, subject) = event.subject();
        Self {
            kind: event.kind().to_owned(),
            subject_kind,
            subject,
            actor: event.author().or(cx.actor.user_id()).map(|id| id.0),
            on_behalf_of: event.on_behalf_of().filter(|whom| Some(*whom) != cx.actor.user_id()).map(|id| id.0),
            side: event.side().unwrap_or_else(|| Side::of(&cx.actor)),
            audience: event.audience(),
            channel: cx.channel.to_owned(),
            request_id: cx.request_id,
            at,
            payload: event::encode(event),
        }
    }
}

/// SHA-256 over actor, subject, time and payload; the seals protect the position in the log.
fn digest_of(model: &DigestParts<'_>) -> Vec<u8> {
    let DigestParts {
        kind,
        subject_kind,
        subject,
        actor,
        on_behalf_of,
        side,
        audience,
        channel,
        request_id,
        at,
        payload,
    } = *model;
    let nil = Uuid::nil();
    let mut hash = Sha256::new();
    for part in [
        kind.as_bytes(),
        subject_kind.as_bytes(),
        subject.as_bytes(),
        actor.unwrap_or(&nil).as_bytes(),
        on_behalf_of.unwrap_or(&nil).as_bytes(),
        side.as_bytes(),
        audience.as_bytes(),
        channel.as_bytes(),
        request_id.as_bytes(),
        &at.millis().to_be_bytes(),
        payload.as_bytes(),
    ] {
        // Length-prefixed, so that different rows never give the same bytes.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().to_vec()
}

struct DigestParts<'a> {
    kind: &'a str,
    subject_kind: &'a str,
    subject: &'a Uuid,
    actor: Option<&'a Uuid>,
    on_behalf_of: Option<&'a Uuid>,
    side: &'a str,
    audience: &'a str,
    channel: &'a str,
    request_id: &'a Uuid,
    at: Timestamp,
    payload: &'a str,
}

/// The expected digest of a stored row.
pub fn digest(model: &event_log::Model) -> Vec<u8> {
    digest_of(&DigestParts {
        kind: &model.kind,
        subject_kind: &model.subject_kind,
        subject: &model.subject,
        actor: model.actor.as_ref(),
        on_behalf_of: model.on_behalf_of.as_ref(),
        side: &model.side,
        audience: &model.audience,
        channel: &model.channel,
        request_id: &model.request_id,
        at: model.at,
        payload: &model.payload,
    })
}

pub(super) async fn append(conn: &Executor, rows: &[NewRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let models = rows.iter().map(|row| event_log::ActiveModel {
        seq: NotSet,
        // The default of the column: the id of the writing transaction.
        xid: NotSet,
        kind: Set(row.kind.clone()),
        subject_kind: Set(row.subject_kind.to_owned()),
        subject: Set(row.subject),
        actor: Set(row.actor),
        on_behalf_of: Set(row.on_behalf_of),
        side: Set(row.side.as_str().to_owned()),
        audience: Set(row.audience.as_str().to_owned()),
        channel: Set(row.channel.clone()),
        request_id: Set(row.request_id),
        at: Set(row.at),
        payload: Set(row.payload.clone()),
        digest: Set(digest_of(&DigestParts {
            kind: &row.kind,
            subject_kind: row.subject_kind,
            subject: &row.subject,
            actor: row.actor.as_ref(),
            on_behalf_of: row.on_behalf_of.as_ref(),
            side: row.side.as_str(),
            audience: row.audience.as_str(),
            channel: &row.channel,
            request_id: &row.request_id,
            at: row.at,
            payload: &row.payload,
        })),
    });
    event_log::Entity::insert_many(models).exec_without_returning(conn).await?;
    Ok(())
}

/// The rows below the horizon: no row can be committed among them later.
pub fn below_horizon(engine: Engine) -> SimpleExpr {
    match engine {
        Engine::Sqlite => Expr::val(1).eq(1),
        Engine::Postgres => {
            Expr::col(event_log::Column::Xid).lt(Expr::cust("pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))
        }
    }
}

fn after_cursor(cursor: Cursor) -> SimpleExpr {
    use event_log::Column::{Seq, Xid};
    Expr::col(Xid).gt(cursor.xid).or(Expr::col(Xid).eq(cursor.xid).and(Expr::col(Seq).gt(cursor.seq)))
}

/// Stored rows after `after` and below the horizon, in order.
#[boxed]
pub async fn read_models(conn: &Executor, engine: Engine, after: Cursor, limit: u64) -> Result<Vec<event_log::Model>> {
    let rows = event_log::Entity::find()
        .filter(after_cursor(after))
        .filter(below_horizon(engine))
        .order_by(event_log::Column::Xid, Order::Asc)
        .order_by(event_log::Column::Seq, Order::Asc)
        .limit(limit)
        .all(conn)
        .await?;
    Ok(rows)
}

/// The same, as events.
#[boxed]
pub async fn read(app: &App, after: Cursor, limit: u64) -> Result<Vec<Row>> {
    let models = read_models(app.db.read(), app.db.engine, after, limit).await?;
    models.into_iter().map(|model| Row::decode(app, model)).collect()
}

/// The events of one subject in log order, including those above the horizon.
pub async fn read_subject(app: &App, conn: &Executor, subject: Uuid, limit: u64) -> Result<Vec<Row>> {
    let models = event_log::Entity::find()
        .filter(event_log::Column::Subject.eq(subject))
        .order_by_asc(event_log::Column::Xid)
        .order_by_asc(event_log::Column::Seq)
        .limit(limit)
        .all(conn)
        .await?;
    models.into_iter().map(|model| Row::decode(app, model)).collect()
}

/// The same for several subjects.
pub async fn read_subjects(app: &App, conn: &Executor, subjects: &[Uuid]) -> Result<Vec<Row>> {
    let models = event_log::Entity::find()
        .filter(event_log::Column::Subject.is_in(subjects.iter().copied()))
        .order_by_asc(event_log::Column::Xid)
        .order_by_asc(event_log::Column::Seq)
        .all(conn)
        .await?;
    models.into_iter().map(|model| Row::decode(app, model)).collect()
}

/// The position of the first event of each subject.
pub async fn first_positions(conn: &Executor, subjects: &[Uuid]) -> Result<HashMap<Uuid, Cursor>> {
    let rows = event_log::Entity::find()
        .select_only()
        .columns([event_log::Column::Subject, event_log::Column::Xid, event_log::Column::Seq])
        .filter(event_log::Column::Subject.is_in(subjects.iter().copied()))
        .order_by_desc(event_log::Column::Xid)
        .order_by_desc(event_log::Column::Seq)
        .into_tuple::<(Uuid, i64, i64)>()
        .all(conn)
        .await?;
    // Rows are in descending order, so the earliest overwrites the others.
    Ok(rows.into_iter().map(|(subject, xid, seq)| (subject, Cursor { xid, seq })).collect())
}

/// The last position below the horizon.
#[boxed]
pub async fn head(conn: &Executor, engine: Engine) -> Result<Cursor> {
    let row = event_log::Entity::find()
        .select_only()
        .columns([event_log::Column::Xid, event_log::Column::Seq])
        .filter(below_horizon(engine))
        .order_by(event_log::Column::Xid, Order::Desc)
        .order_by(event_log::Column::Seq, Order::Desc)
        .into_tuple::<(i64, i64)>()
        .one(conn)
        .await?;
    Ok(row.map_or(Cursor::START, |(xid, seq)| Cursor { xid, seq }))
}

/// The number of rows after `after`, counted up to `max`, with or without imported history.
#[boxed]
pub async fn count_after(conn: &Executor, engine: Engine, after: Cursor, history: History, max: u64) -> Result<u64> {
    let mut select = event_log::Entity::find()
        .select_only()
        .column(event_log::Column::Seq)
        .filter(after_cursor(after))
        .filter(below_horizon(engine));
    if history == History::Skipped {
        select = select.filter(event_log::Column::Audience.ne(Audience::History.as_str()));
    }
    let rows = select
        .order_by(event_log::Column::Xid, Order::Asc)
        .order_by(event_log::Column::Seq, Order::Asc)
        .limit(max)
        .into_tuple::<i64>()
        .all(conn)
        .await?;
    Ok(rows.len() as u64)
}

/// The number of rows above the horizon, counted up to `max`; an open transaction hides them from followers.
#[boxed]
pub async fn count_above_horizon(conn: &Executor, engine: Engine, max: u64) -> Result<u64> {
    if engine == Engine::Sqlite {
        return Ok(0); // one writer: every committed row is readable
    }
    let rows = event_log::Entity::find()
        .select_only()
        .column(event_log::Column::Seq)
        .filter(below_horizon(engine).not())
        .limit(max)
        .into_tuple::<i64>()
        .all(conn)
        .await?;
    Ok(rows.len() as u64)
}

/// The key of the epoch of the log in `meta`.
pub const EPOCH: &str = "log_epoch";

/// A new id of an epoch of the log.
pub fn new_epoch(fresh: Uuid) -> String {
    fresh.simple().to_string()[20..].to_owned()
}

/// The id of the current epoch of the log, created on first use.
#[boxed]
pub async fn load_epoch(db: &Db, fresh: Uuid) -> Result<Arc<str>> {
    if let Some(row) = meta::Entity::find_by_id(EPOCH.to_owned()).one(db.read()).await? {
        return Ok(row.value.into());
    }
    let tx = db.begin().await?;
    meta::Entity::insert(meta::ActiveModel { key: Set(EPOCH.to_owned()), value: Set(new_epoch(fresh)) })
        .on_conflict_do_nothing_on([meta::Column::Key])
        .exec_without_returning(tx.conn())
        .await?;
    tx.commit().await?;
    let row = meta::Entity::find_by_id(EPOCH.to_owned()).one(db.read()).await?;
    row.map(|row| row.value.into()).ok_or_else(|| Error::internal("the database has no log_epoch"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_contains_the_epoch_of_the_log() {
        let cursor = Cursor { xid: 7, seq: 12 };
        let text = cursor.encode("abc123");
        assert_eq!(Cursor::decode(&text, "abc123").unwrap(), Some(cursor));
        assert_eq!(Cursor::decode(&text, "def456").unwrap(), None);
        for bad in
            ["", "1", "1.2", "abc.1.x", "abc.-1.2", "xyz!.1.2", ".1.2", "abc.1.2.3", "abc.1.99999999999999999999"]
        {
            assert!(Cursor::decode(bad, "abc123").is_err(), "{bad}");
        }
    }
}
