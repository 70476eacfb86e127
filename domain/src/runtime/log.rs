//! The event log: the audit trail and the one feed.
//!
//! Its order is (xid, seq), never seq alone. On PostgreSQL a row with a lower seq may be committed after one with a
//! higher seq; followers therefore read only below the horizon, `pg_snapshot_xmin`: every transaction below it has
//! ended, so nothing can appear there any more. On SQLite one writer makes seq the order, and xid is 0.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::sea_query::{Expr, ExprTrait as _, SimpleExpr};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::feed::History;
use super::store::{event_log, meta};
use super::{Ctx, Db, Engine};
use crate::event::Event;
use crate::kernel::{Actor, Error, Result, Role, Timestamp};

/// Who may hear of an event at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Audience {
    /// Everyone who sees the subject, the requester too.
    Public,
    /// Only the responsible side.
    Staff,
    /// Imported history: in the audit trail, never in a live feed.
    History,
}

impl Audience {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Public => "PUBLIC",
            Self::Staff => "STAFF",
            Self::History => "HISTORY",
        }
    }

    fn parse(word: &str) -> Self {
        match word {
            "PUBLIC" => Self::Public,
            "HISTORY" => Self::History,
            _ => Self::Staff,
        }
    }
}

/// Which side acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Staff,
    Requester,
    System,
}

impl Side {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Staff => "STAFF",
            Self::Requester => "REQUESTER",
            Self::System => "SYSTEM",
        }
    }

    fn parse(word: &str) -> Self {
        match word {
            "REQUESTER" => Self::Requester,
            "SYSTEM" => Self::System,
            _ => Self::Staff,
        }
    }

    fn of(actor: &Actor) -> Self {
        match actor {
            Actor::Anonymous | Actor::System => Self::System,
            Actor::Person(person) if person.is_staff() => Self::Staff,
            Actor::Person(person) if person.is(Role::Partner) => Self::System,
            Actor::Person(_) => Self::Requester,
        }
    }
}

/// A place in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cursor {
    pub xid: i64,
    pub seq: i64,
}

impl Cursor {
    pub const START: Self = Self { xid: 0, seq: 0 };

    /// As clients and the index keep it: with the life of the log that it belongs to.
    pub fn seal(self, epoch: &str) -> String {
        format!("{epoch}.{}.{}", self.xid, self.seq)
    }

    /// `Err` for what is no cursor at all, `Ok(None)` for one of another life of the log (before a restore).
    pub fn open(text: &str, epoch: &str) -> Result<Option<Self>, NoCursor> {
        let mut parts = text.split('.');
        let (Some(of), Some(xid), Some(seq), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(NoCursor);
        };
        if of.is_empty() || of.len() > 16 || !of.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(NoCursor);
        }
        let number = |text: &str| text.parse::<i64>().ok().filter(|n| *n >= 0).ok_or(NoCursor);
        let cursor = Self { xid: number(xid)?, seq: number(seq)? };
        Ok((of == epoch).then_some(cursor))
    }
}

/// What somebody gave is no cursor of the log.
#[derive(Debug)]
pub struct NoCursor;

impl From<NoCursor> for Error {
    fn from(NoCursor: NoCursor) -> Self {
        Self::bad_input(
            "after is not a cursor: use one from boardCursor, an event or a live message.",
            "after 不是有效的游标，请使用 boardCursor、事件或实时消息中的游标。",
        )
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {})", self.xid, self.seq)
    }
}

/// A row as it is read.
#[derive(Clone, Debug)]
pub struct Row {
    pub cursor: Cursor,
    pub kind: String,
    pub subject: Uuid,
    pub actor: Option<Uuid>,
    pub side: Side,
    pub audience: Audience,
    pub channel: String,
    pub at: Timestamp,
    pub event: Arc<Event>,
}

impl TryFrom<event_log::Model> for Row {
    type Error = Error;

    fn try_from(model: event_log::Model) -> Result<Self> {
        let event = serde_json::from_str(&model.payload)
            .map_err(|e| Error::internal(format!("event {} of the log does not read: {e}", model.seq)))?;
        Ok(Self {
            cursor: Cursor { xid: model.xid, seq: model.seq },
            kind: model.kind,
            subject: model.subject,
            actor: model.actor,
            side: Side::parse(&model.side),
            audience: Audience::parse(&model.audience),
            channel: model.channel,
            at: model.at,
            event: Arc::new(event),
        })
    }
}

/// A row about to be written.
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
    pub(super) fn of(cx: &Ctx, at: Timestamp, event: &Event) -> Self {
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
            payload: serde_json::to_string(event).expect("events are plain data"),
        }
    }
}

/// SHA-256 over every field that says who, what and when; the place in the log is vouched for by the seals.
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
        // Lengths first: no two different rows give the same bytes.
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

/// The digest that a stored row must carry.
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

pub(super) async fn append(conn: &impl ConnectionTrait, rows: &[NewRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let models = rows.iter().map(|row| event_log::ActiveModel {
        seq: NotSet,
        // The column's default: the id of the writing transaction.
        xid: NotSet,
        kind: Set(row.kind.clone()),
        subject_kind: Set(row.subject_kind.to_owned()),
        subject: Set(row.subject),
        actor: Set(row.actor),
        on_behalf_of: Set(row.on_behalf_of),
        side: Set(row.side.word().to_owned()),
        audience: Set(row.audience.word().to_owned()),
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
            side: row.side.word(),
            audience: row.audience.word(),
            channel: &row.channel,
            request_id: &row.request_id,
            at: row.at,
            payload: &row.payload,
        })),
    });
    event_log::Entity::insert_many(models).exec_without_returning(conn).await?;
    Ok(())
}

/// What may be read without ever missing a row that is committed late.
pub fn below_horizon(engine: Engine) -> SimpleExpr {
    match engine {
        Engine::Sqlite => Expr::val(1).eq(1),
        Engine::Postgres => {
            Expr::col(event_log::Column::Xid).lt(Expr::cust("pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))
        }
    }
}

fn behind(cursor: Cursor) -> SimpleExpr {
    use event_log::Column::{Seq, Xid};
    Expr::col(Xid).gt(cursor.xid).or(Expr::col(Xid).eq(cursor.xid).and(Expr::col(Seq).gt(cursor.seq)))
}

/// Stored rows behind `after` and below the horizon, in order.
pub async fn read_models(
    conn: &impl ConnectionTrait,
    engine: Engine,
    after: Cursor,
    limit: u64,
) -> Result<Vec<event_log::Model>> {
    let rows = event_log::Entity::find()
        .filter(behind(after))
        .filter(below_horizon(engine))
        .order_by(event_log::Column::Xid, Order::Asc)
        .order_by(event_log::Column::Seq, Order::Asc)
        .limit(limit)
        .all(conn)
        .await?;
    Ok(rows)
}

/// The same, as events.
pub async fn read(conn: &impl ConnectionTrait, engine: Engine, after: Cursor, limit: u64) -> Result<Vec<Row>> {
    read_models(conn, engine, after, limit).await?.into_iter().map(Row::try_from).collect()
}

/// The last place that may be read now.
/// What the log says about one thing, in its order, as far as a transaction sees it.
pub async fn of_subject(conn: &impl ConnectionTrait, subject: Uuid, limit: u64) -> Result<Vec<Row>> {
    let models = event_log::Entity::find()
        .filter(event_log::Column::Subject.eq(subject))
        .order_by_asc(event_log::Column::Xid)
        .order_by_asc(event_log::Column::Seq)
        .limit(limit)
        .all(conn)
        .await?;
    models.into_iter().map(Row::try_from).collect()
}

/// The same of several things at once.
pub async fn of_subjects(conn: &impl ConnectionTrait, subjects: &[Uuid]) -> Result<Vec<Row>> {
    let models = event_log::Entity::find()
        .filter(event_log::Column::Subject.is_in(subjects.iter().copied()))
        .order_by_asc(event_log::Column::Xid)
        .order_by_asc(event_log::Column::Seq)
        .all(conn)
        .await?;
    models.into_iter().map(Row::try_from).collect()
}

/// Where the log first speaks of each of these things.
pub async fn first_places(conn: &impl ConnectionTrait, subjects: &[Uuid]) -> Result<HashMap<Uuid, Cursor>> {
    let rows = event_log::Entity::find()
        .select_only()
        .columns([event_log::Column::Subject, event_log::Column::Xid, event_log::Column::Seq])
        .filter(event_log::Column::Subject.is_in(subjects.iter().copied()))
        .order_by_desc(event_log::Column::Xid)
        .order_by_desc(event_log::Column::Seq)
        .into_tuple::<(Uuid, i64, i64)>()
        .all(conn)
        .await?;
    // The earliest comes last, and stays.
    Ok(rows.into_iter().map(|(subject, xid, seq)| (subject, Cursor { xid, seq })).collect())
}

pub async fn head(conn: &impl ConnectionTrait, engine: Engine) -> Result<Cursor> {
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

/// How many rows lie behind `after`, counted up to `max`; with imported history, or without what live feeds skip.
pub async fn count_behind(
    conn: &impl ConnectionTrait,
    engine: Engine,
    after: Cursor,
    history: History,
    max: u64,
) -> Result<u64> {
    let mut select = event_log::Entity::find()
        .select_only()
        .column(event_log::Column::Seq)
        .filter(behind(after))
        .filter(below_horizon(engine));
    if history == History::Skipped {
        select = select.filter(event_log::Column::Audience.ne(Audience::History.word()));
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

/// How many rows stand above the horizon, counted up to `max`: an open transaction holds them back from followers.
pub async fn held_back(conn: &impl ConnectionTrait, engine: Engine, max: u64) -> Result<u64> {
    if engine == Engine::Sqlite {
        return Ok(0); // one writer: what is committed can be read
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

/// The key in `meta` under which this life of the log has its name.
pub const EPOCH: &str = "log_epoch";

/// A name for a life of the log.
pub fn new_epoch(fresh: Uuid) -> String {
    fresh.simple().to_string()[20..].to_owned()
}

/// The name of this life of the log, made on first use.
pub async fn life(db: &Db, fresh: Uuid) -> Result<Arc<str>> {
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
    row.map(|row| row.value.into()).ok_or_else(|| Error::internal("the database keeps no name of its log"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_knows_its_life_of_the_log() {
        let cursor = Cursor { xid: 7, seq: 12 };
        let text = cursor.seal("abc123");
        assert_eq!(Cursor::open(&text, "abc123").unwrap(), Some(cursor));
        assert_eq!(Cursor::open(&text, "def456").unwrap(), None);
        for bad in
            ["", "1", "1.2", "abc.1.x", "abc.-1.2", "xyz!.1.2", ".1.2", "abc.1.2.3", "abc.1.99999999999999999999"]
        {
            assert!(Cursor::open(bad, "abc123").is_err(), "{bad}");
        }
    }
}
