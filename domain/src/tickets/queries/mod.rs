//! Reads of tickets: one by its name, lists within scope, and what belongs to many by their ids.

mod followed;
mod lists;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use moka::future::Cache;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect};

pub use self::followed::{Indexed, Texts, extra_text, indexed, indexed_after, reworded, texts, texts_after, touched};
pub use self::lists::{FILTER_PARTS_MAX, FILTER_TEXTS_MAX, Ordering, TEXT_HITS_MAX, check_filter, list};
use super::decide::board::Current;
use super::decide::rights::{self, sees_as_requester};
use super::decide::token;
use super::model::{Access, Attribution, Comment, ExternalRef, Ticket, View, Visibility};
use super::store;
use super::store::entities::{comment, external_ref, participant, ticket};
use crate::kernel::page::{Key, Part};
use crate::kernel::{Connection, Direction, EdgeCursor, Error, Page, Result, TicketId, UserId};
use crate::runtime::store::event_log;
use crate::runtime::{App, Audience, Ctx, Cursor, Row, Side, log};

// ---------------------------------------------------------------- one

/// How somebody names a ticket.
pub enum Name<'a> {
    Id(TicketId),
    Number(i64),
    Token(&'a str),
}

/// The ticket, as the viewer may see it.
pub async fn view(cx: &Ctx, name: Name<'_>) -> Result<View> {
    let select = match name {
        Name::Id(id) => ticket::Entity::find_by_id(id),
        Name::Number(number) => ticket::Entity::find().filter(ticket::Column::Number.eq(number)),
        Name::Token(text) => {
            let token = token::parse(text).ok_or_else(Error::not_found)?;
            ticket::Entity::find().filter(ticket::Column::Token.eq(token))
        }
    };
    let row = select.one(cx.read()).await?.ok_or_else(Error::not_found)?;
    views(cx, vec![row]).await?.pop().ok_or_else(Error::not_found)
}

/// Tickets that this node has read, by the revision of their row: what is held is what the database holds, whoever
/// changed it.
pub struct Kept(moka::sync::Cache<(TicketId, i64), Arc<Ticket>>);

/// Bytes of tickets held in memory, by their texts and what else there is of them.
const KEPT_BYTES_MAX: u64 = 64 * 1024 * 1024;
const KEPT_BYTES_EACH: usize = 1024;

impl Default for Kept {
    fn default() -> Self {
        let weigh = |_: &(TicketId, i64), ticket: &Arc<Ticket>| {
            let bytes = KEPT_BYTES_EACH + ticket.title.len() + ticket.description.len();
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        Self(moka::sync::Cache::builder().weigher(weigh).max_capacity(KEPT_BYTES_MAX).build())
    }
}

/// The tickets of these rows; those that are not held are read in one statement. One that has changed since is not
/// there: whoever asked may not see it as it is now.
async fn kept(cx: &Ctx, rows: &[(TicketId, i64)]) -> Result<HashMap<TicketId, Arc<Ticket>>> {
    let Kept(cache) = cx.app.state::<Kept>();
    let mut found = HashMap::with_capacity(rows.len());
    let mut missing = HashMap::new();
    for (id, revision) in rows {
        match cache.get(&(*id, *revision)) {
            Some(ticket) => drop(found.insert(*id, ticket)),
            None => drop(missing.insert(*id, *revision)),
        }
    }
    if !missing.is_empty() {
        let ids = missing.keys().copied();
        for row in ticket::Entity::find().filter(ticket::Column::Id.is_in(ids)).all(cx.read()).await? {
            let key = (row.id, row.revision);
            let ticket = Arc::new(Ticket::try_from(row)?);
            cache.insert(key, ticket.clone());
            if missing.get(&key.0) == Some(&key.1) {
                found.insert(key.0, ticket);
            }
        }
    }
    Ok(found)
}

/// Of these tickets the ones that the viewer may see, each as they may.
pub async fn views_by_id(cx: &Ctx, ids: Vec<TicketId>) -> Result<HashMap<TicketId, View>> {
    let rows = ticket::Entity::find().filter(ticket::Column::Id.is_in(ids)).all(cx.read()).await?;
    Ok(views(cx, rows).await?.into_iter().map(|view| (view.ticket.id, view)).collect())
}

async fn views(cx: &Ctx, rows: Vec<ticket::Model>) -> Result<Vec<View>> {
    let tickets = rows.into_iter().map(Ticket::try_from).collect::<Result<Vec<_>, _>>()?;
    let nobody = HashSet::new();
    let in_full = |ticket: &Ticket| rights::access(&cx.actor, ticket, &nobody) == Some(Access::Full);
    // Who takes part matters only where nothing else shows the ticket.
    let hidden: Vec<TicketId> = tickets.iter().filter(|ticket| !in_full(ticket)).map(|ticket| ticket.id).collect();
    let participants = if hidden.is_empty() { HashMap::new() } else { store::participants(cx.read(), &hidden).await? };
    Ok(tickets
        .into_iter()
        .filter_map(|ticket| {
            let participants = participants.get(&ticket.id).unwrap_or(&nobody);
            rights::access(&cx.actor, &ticket, participants).map(|access| View { ticket, access })
        })
        .collect())
}

pub(super) async fn id_by_token(conn: &impl ConnectionTrait, token: &str) -> Result<Option<TicketId>> {
    Ok(ticket::Entity::find()
        .select_only()
        .column(ticket::Column::Id)
        .filter(ticket::Column::Token.eq(token))
        .into_tuple()
        .one(conn)
        .await?)
}

/// The tickets of these tokens.
pub async fn ids_by_tokens(conn: &impl ConnectionTrait, tokens: Vec<String>) -> Result<HashMap<String, TicketId>> {
    let select = ticket::Entity::find().select_only().columns([ticket::Column::Token, ticket::Column::Id]);
    let rows = select.filter(ticket::Column::Token.is_in(tokens)).into_tuple().all(conn).await?;
    Ok(rows.into_iter().collect())
}

pub async fn tokens(conn: &impl ConnectionTrait, ids: &[TicketId]) -> Result<HashMap<TicketId, String>> {
    let select = ticket::Entity::find().select_only().columns([ticket::Column::Id, ticket::Column::Token]);
    let rows = select.filter(ticket::Column::Id.is_in(ids.iter().copied())).into_tuple().all(conn).await?;
    Ok(rows.into_iter().collect())
}

/// What other systems call a ticket.
pub async fn refs_of(conn: &impl ConnectionTrait, id: TicketId) -> Result<Vec<ExternalRef>> {
    Ok(store::refs(conn, &[id]).await?.remove(&id).unwrap_or_default())
}

/// Whatever other systems call so.
pub async fn refs_named(conn: &impl ConnectionTrait, external_id: &str) -> Result<Vec<(TicketId, String)>> {
    Ok(external_ref::Entity::find()
        .select_only()
        .columns([external_ref::Column::TicketId, external_ref::Column::System])
        .filter(external_ref::Column::ExternalId.eq(external_id))
        .order_by_asc(external_ref::Column::System)
        .limit(FILTER_PARTS_MAX as u64)
        .into_tuple()
        .all(conn)
        .await?)
}

/// The ticket that a foreign system knows by this id, for import.
pub async fn ids_by_refs(
    conn: &impl ConnectionTrait,
    system: &str,
    external_ids: &[String],
) -> Result<HashMap<String, TicketId>> {
    Ok(external_ref::Entity::find()
        .select_only()
        .columns([external_ref::Column::ExternalId, external_ref::Column::TicketId])
        .filter(external_ref::Column::System.eq(system))
        .filter(external_ref::Column::ExternalId.is_in(external_ids))
        .into_tuple()
        .all(conn)
        .await?
        .into_iter()
        .collect())
}

// ---------------------------------------------------------------- what belongs to tickets

/// Tickets as they are, whoever may see them: for what Buoy itself does with them.
pub async fn by_ids(conn: &impl ConnectionTrait, ids: &[TicketId]) -> Result<HashMap<TicketId, Ticket>> {
    let rows = ticket::Entity::find().filter(ticket::Column::Id.is_in(ids.iter().copied())).all(conn).await?;
    rows.into_iter().map(|row| Ok((row.id, Ticket::try_from(row)?))).collect()
}

/// How often the rows of these tickets have changed.
pub async fn revisions(conn: &impl ConnectionTrait, ids: &[TicketId]) -> Result<HashMap<TicketId, i64>> {
    let rows = ticket::Entity::find().select_only().columns([ticket::Column::Id, ticket::Column::Revision]);
    let rows = rows.filter(ticket::Column::Id.is_in(ids.iter().copied())).into_tuple().all(conn).await?;
    Ok(rows.into_iter().collect())
}

pub async fn attributions(conn: &impl ConnectionTrait, ids: &[TicketId]) -> Result<HashMap<TicketId, Attribution>> {
    store::attributions(conn, ids).await
}

/// Who takes part in a ticket, for whatever reason.
pub async fn participants(conn: &impl ConnectionTrait, id: TicketId) -> Result<HashSet<UserId>> {
    Ok(store::participants(conn, &[id]).await?.remove(&id).unwrap_or_default())
}

pub async fn refs(cx: &Ctx, ids: &[TicketId]) -> Result<HashMap<TicketId, Vec<ExternalRef>>> {
    store::refs(cx.read(), ids).await
}

pub async fn followers(cx: &Ctx, id: TicketId) -> Result<Vec<UserId>> {
    Ok(participant::Entity::find()
        .select_only()
        .column(participant::Column::UserId)
        .filter(participant::Column::TicketId.eq(id))
        .filter(participant::Column::Reason.eq(super::model::ParticipantReason::Follower.word()))
        .order_by_asc(participant::Column::UserId)
        .limit(FILTER_PARTS_MAX as u64)
        .into_tuple()
        .all(cx.read())
        .await?)
}

/// The comments of one ticket, oldest first; a requester sees the public ones.
pub async fn comments(cx: &Ctx, id: TicketId, page: &Page) -> Result<Connection<Comment>> {
    let list = "comments";
    let keys = [
        Key::int(Expr::col(comment::Column::CreatedAt), Direction::Asc),
        Key::id(Expr::col(comment::Column::Id), Direction::Asc),
    ];
    let keyset = page.keyset(list, &keys)?;
    let mut select =
        comment::Entity::find().filter(comment::Column::TicketId.eq(id)).filter(keyset.cond).limit(keyset.limit);
    if sees_as_requester(&cx.actor) {
        select = select.filter(comment::Column::Visibility.eq(Visibility::Public.word()));
    }
    for (expr, order) in keyset.order {
        select = select.order_by(expr, order);
    }
    let rows: Vec<Comment> = select.all(cx.read()).await?.into_iter().map(Into::into).collect();
    Ok(comment_page(page, rows))
}

/// Cuts n + 1 comments, in the order of the page, to a connection.
pub fn comment_page(page: &Page, rows: Vec<Comment>) -> Connection<Comment> {
    page.connection("comments", rows, |row| vec![Part::Int(row.created_at.millis()), Part::Id(row.id.0)])
}

/// The first or last comments of many tickets, oldest first, each with one more than asked for: one statement.
pub async fn comments_of(
    cx: &Ctx,
    ids: &[TicketId],
    limit: u64,
    backward: bool,
) -> Result<HashMap<TicketId, Vec<Comment>>> {
    use comment::Column::{CreatedAt, Id, TicketId as OfTicket, Visibility as Seen};
    use sea_orm::FromQueryResult as _;
    use sea_orm::sea_query::{Alias, ExprTrait as _, Func, Query, WindowStatement};
    let order = if backward { Order::Desc } else { Order::Asc };
    let mut window = WindowStatement::partition_by(OfTicket);
    window.order_by(CreatedAt, order.clone()).order_by(Id, order);
    let mut numbered = Query::select();
    numbered
        .columns([Id, OfTicket, comment::Column::AuthorId, comment::Column::Body, Seen, CreatedAt])
        .expr_window_as(Func::cust("row_number"), window, "place")
        .from(comment::Entity)
        .and_where(OfTicket.is_in(ids.iter().copied()));
    if sees_as_requester(&cx.actor) {
        numbered.and_where(Seen.eq(Visibility::Public.word()));
    }
    let mut select = Query::select();
    select
        .columns([Id, OfTicket, comment::Column::AuthorId, comment::Column::Body, Seen, CreatedAt])
        .from_subquery(numbered, Alias::new("numbered"))
        .and_where(Expr::col("place").lte(limit + 1))
        .order_by(CreatedAt, Order::Asc)
        .order_by(Id, Order::Asc);
    let mut found: HashMap<TicketId, Vec<Comment>> = HashMap::new();
    for row in cx.read().query_all(&select).await? {
        let row: Comment = comment::Model::from_query_result(&row, "")?.into();
        found.entry(row.ticket).or_default().push(row);
    }
    Ok(found)
}

pub async fn comment(cx: &Ctx, id: crate::kernel::CommentId) -> Result<Option<Comment>> {
    let row: Option<Comment> = comment::Entity::find_by_id(id).one(cx.read()).await?.map(Into::into);
    Ok(row.filter(|row| row.visibility == Visibility::Public || !sees_as_requester(&cx.actor)))
}

/// What of a trail somebody sees, below the horizon: a cursor of it is one of the live feed, too, so nothing may turn up
/// before it later. Requesters see the public events of their own side and of Buoy, not what staff did, here or in the
/// system that a history came from.
fn trail(cx: &Ctx) -> Condition {
    use event_log::Column::{Audience as AudienceOf, Side as SideOf, SubjectKind};
    let seen = Condition::all().add(SubjectKind.eq("ticket")).add(log::below_horizon(cx.app.db.engine));
    if sees_as_requester(&cx.actor) {
        seen.add(AudienceOf.eq(Audience::Public.word())).add(SideOf.ne(Side::Staff.word()))
    } else {
        seen
    }
}

/// The audit trail of one ticket, in the order of the log.
pub async fn events(cx: &Ctx, id: TicketId, page: &Page) -> Result<Connection<Row>> {
    use event_log::Column::{Seq, Subject, Xid};
    use sea_orm::sea_query::ExprTrait as _;
    let epoch = &*cx.app.log_epoch;
    let place = |cursor: &Option<String>| -> Result<Option<Cursor>> {
        let Some(text) = cursor else { return Ok(None) };
        Cursor::open(text, epoch)?.map(Some).ok_or_else(|| {
            Error::bad_input(
                "This cursor is from before a restore: begin again without it.",
                "该游标来自数据恢复之前，请不带游标重新查询。",
            )
        })
    };
    let mut condition = trail(cx).add(Subject.eq(id.0));
    if let Some(Cursor { xid, seq }) = place(&page.after)? {
        condition = condition.add(Expr::col(Xid).gt(xid).or(Expr::col(Xid).eq(xid).and(Expr::col(Seq).gt(seq))));
    }
    if let Some(Cursor { xid, seq }) = place(&page.before)? {
        condition = condition.add(Expr::col(Xid).lt(xid).or(Expr::col(Xid).eq(xid).and(Expr::col(Seq).lt(seq))));
    }
    let order = if page.backward { Order::Desc } else { Order::Asc };
    let rows = event_log::Entity::find()
        .filter(condition)
        .order_by(Xid, order.clone())
        .order_by(Seq, order)
        .limit(page.limit + 1)
        .all(cx.read())
        .await?;
    Ok(event_page(cx, page, rows.into_iter().map(Row::try_from).collect::<Result<_>>()?))
}

/// Cuts n + 1 events, in the order of the page, to a connection.
pub fn event_page(cx: &Ctx, page: &Page, rows: Vec<Row>) -> Connection<Row> {
    page.connection_by(rows, |row| EdgeCursor::Written(row.cursor.seal(&cx.app.log_epoch)))
}

/// The first or last events of many tickets, in the order of the page, each with one more than asked for: one statement.
pub async fn events_of(cx: &Ctx, ids: &[TicketId], limit: u64, backward: bool) -> Result<HashMap<TicketId, Vec<Row>>> {
    use event_log::Column::{Seq, Subject, Xid};
    use sea_orm::sea_query::{Alias, ExprTrait as _, Func, Query, WindowStatement};
    use sea_orm::{FromQueryResult as _, Iterable as _};
    let order = if backward { Order::Desc } else { Order::Asc };
    let mut window = WindowStatement::partition_by(Subject);
    window.order_by(Xid, order.clone()).order_by(Seq, order.clone());
    let mut numbered = Query::select();
    numbered
        .columns(event_log::Column::iter())
        .expr_window_as(Func::cust("row_number"), window, "place")
        .from(event_log::Entity)
        .cond_where(trail(cx).add(Subject.is_in(ids.iter().map(|id| id.0))));
    let mut select = Query::select();
    select
        .columns(event_log::Column::iter())
        .from_subquery(numbered, Alias::new("numbered"))
        .and_where(Expr::col("place").lte(limit + 1))
        .order_by(Xid, order.clone())
        .order_by(Seq, order);
    let mut found: HashMap<TicketId, Vec<Row>> = HashMap::new();
    for row in cx.read().query_all(&select).await? {
        let row = Row::try_from(event_log::Model::from_query_result(&row, "")?)?;
        found.entry(TicketId(row.subject)).or_default().push(row);
    }
    Ok(found)
}

// ---------------------------------------------------------------- live

/// Tickets as they are at delivery, shared by all who are told of the same event.
pub struct LiveTickets(Cache<(Cursor, TicketId), Option<Arc<Current>>>);

/// Tickets that stay in memory for subscribers a moment behind.
const LIVE_TICKETS_MAX: u64 = 2_000;

impl Default for LiveTickets {
    fn default() -> Self {
        Self(Cache::new(LIVE_TICKETS_MAX))
    }
}

/// The ticket of an event at this place of the log, as it is now: loaded once for every place that the feed has come to,
/// however many subscribers hear of it then.
pub async fn current(app: &Arc<App>, id: TicketId, at: Cursor) -> Result<Option<Arc<Current>>> {
    let cache = &app.state::<LiveTickets>().0;
    // Whoever reads the log itself may be ahead of the feed.
    let now = at.max(*app.feed.head().borrow());
    let loaded = cache.try_get_with((now, id), async { Ok::<_, Error>(currents(app, vec![id]).await?.remove(&id)) });
    loaded.await.map_err(|e: Arc<Error>| Error::internal(e))
}

/// The tickets of several events, as they are now.
pub async fn currents(app: &Arc<App>, ids: Vec<TicketId>) -> Result<HashMap<TicketId, Arc<Current>>> {
    let conn = app.db.read();
    let rows = ticket::Entity::find().filter(ticket::Column::Id.is_in(ids.iter().copied())).all(conn).await?;
    let mut participants = store::participants(conn, &ids).await?;
    let mut refs = store::refs(conn, &ids).await?;
    let mut attributions = store::attributions(conn, &ids).await?;
    let current = |row: ticket::Model| {
        let ticket = Ticket::try_from(row)?;
        let participants = participants.remove(&ticket.id).unwrap_or_default();
        let refs = refs.remove(&ticket.id).unwrap_or_default();
        let extra = extra_text(&ticket, &refs, attributions.remove(&ticket.id).as_ref());
        Ok((ticket.id, Arc::new(Current { ticket, participants, extra })))
    };
    rows.into_iter().map(current).collect()
}

/// Of these ids, in their order, the ones that the viewer may see; for hits of the index.
pub async fn visible(cx: &Ctx, ids: Vec<TicketId>) -> Result<Vec<View>> {
    let mut views = views_by_id(cx, ids.clone()).await?;
    Ok(ids.iter().filter_map(|id| views.remove(id)).collect())
}

/// Whether a view is one of a ticket that may stand as a case beside others.
pub fn is_solved(view: &View) -> bool {
    view.ticket.status.is_solved() && (view.access == Access::Full || rights::is_case(&view.ticket))
}
