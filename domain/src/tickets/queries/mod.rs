//! Reads of tickets: single tickets, lists within scope, and batches by id.

mod lists;
mod projections;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::future::BoxFuture;
use moka::future::Cache;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect};

pub use self::lists::{FILTER_PARTS_MAX, FILTER_TEXTS_MAX, Ordering, TEXT_HITS_MAX, check_filter, list};
pub use self::projections::{
    IndexedTicket, Texts, changed_tickets, indexed_tickets, indexed_tickets_after, texts, texts_after,
    tickets_with_changed_text,
};
use super::decide::board::LiveTicket;
use super::decide::rights::{self, sees_as_requester};
use super::decide::{link, token};
use super::model::{Access, Attribution, Comment, ExternalRef, Settings, Ticket, TicketLink, View, Visibility};
use super::store;
use super::store::entities::{comment, external_ref, participant, ticket};
use crate::kernel::page::{Key, Part};
use crate::kernel::{
    Actor, CommentId, Connection, Direction, EdgeCursor, Error, Page, Result, TicketId, Timestamp, UserId, boxed,
};
use crate::msg;
use crate::people;
use crate::runtime::store::event_log;
use crate::runtime::{App, Audience, Ctx, Cursor, Executor, Row, Side, Vault, log};

// ---------------------------------------------------------------- one

/// The key of a ticket in a request.
pub enum TicketKey<'a> {
    Id(TicketId),
    Number(i64),
    Token(&'a str),
}

/// A ticket with the viewer's access.
pub fn view<'n>(cx: &'n Ctx, key: TicketKey<'n>) -> BoxFuture<'n, Result<View>> {
    Box::pin(async move {
        let select = match key {
            TicketKey::Id(id) => ticket::Entity::find_by_id(id),
            TicketKey::Number(number) => ticket::Entity::find().filter(ticket::Column::Number.eq(number)),
            TicketKey::Token(text) => {
                let token = token::parse(text).ok_or_else(Error::not_found)?;
                ticket::Entity::find().filter(ticket::Column::Token.eq(token))
            }
        };
        let row = select.one(cx.read()).await?.ok_or_else(Error::not_found)?;
        views(cx, vec![row]).await?.pop().ok_or_else(Error::not_found)
    })
}

/// Caches tickets by id and row revision. Every change of a row raises its revision, so entries are never stale.
pub struct TicketCache(moka::sync::Cache<(TicketId, i64), Arc<Ticket>>);

/// Size of the cache, by estimated bytes of its tickets.
const CACHE_BYTES_MAX: u64 = 64 * 1024 * 1024;
const CACHE_BYTES_PER_TICKET: usize = 1024;

impl Default for TicketCache {
    fn default() -> Self {
        let weigh = |_: &(TicketId, i64), ticket: &Arc<Ticket>| {
            let bytes = CACHE_BYTES_PER_TICKET + ticket.request.title.len() + ticket.request.description.len();
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        Self(moka::sync::Cache::builder().weigher(weigh).max_capacity(CACHE_BYTES_MAX).build())
    }
}

/// The tickets at these revisions; cache misses are read in one statement. A ticket that changed since is left out,
/// because the viewer may no longer see it.
async fn cached(cx: &Ctx, rows: &[(TicketId, i64)]) -> Result<HashMap<TicketId, Arc<Ticket>>> {
    let TicketCache(cache) = cx.app.state::<TicketCache>();
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

/// The visible ones of these tickets, with the viewer's access.
#[boxed]
pub async fn views_by_id(cx: &Ctx, ids: Vec<TicketId>) -> Result<HashMap<TicketId, View>> {
    let rows = ticket::Entity::find().filter(ticket::Column::Id.is_in(ids)).all(cx.read()).await?;
    Ok(views(cx, rows).await?.into_iter().map(|view| (view.ticket.id, view)).collect())
}

async fn views(cx: &Ctx, rows: Vec<ticket::Model>) -> Result<Vec<View>> {
    let tickets = rows.into_iter().map(Ticket::try_from).collect::<Result<Vec<_>, _>>()?;
    let nobody = HashSet::new();
    let in_full = |ticket: &Ticket| rights::access(&cx.actor, ticket, &nobody) == Some(Access::Full);
    // Participants are only loaded for tickets that no other grant shows.
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

pub(super) async fn id_by_token(conn: &Executor, token: &str) -> Result<Option<TicketId>> {
    Ok(ticket::Entity::find()
        .select_only()
        .column(ticket::Column::Id)
        .filter(ticket::Column::Token.eq(token))
        .into_tuple()
        .one(conn)
        .await?)
}

/// The id of the ticket with a number.
pub async fn id_by_number(conn: &Executor, number: i64) -> Result<Option<TicketId>> {
    let select = ticket::Entity::find().select_only().column(ticket::Column::Id);
    Ok(select.filter(ticket::Column::Number.eq(number)).into_tuple().one(conn).await?)
}

/// Ticket ids by token.
#[boxed]
pub async fn ids_by_tokens(conn: &Executor, tokens: Vec<String>) -> Result<HashMap<String, TicketId>> {
    let select = ticket::Entity::find().select_only().columns([ticket::Column::Token, ticket::Column::Id]);
    let rows = select.filter(ticket::Column::Token.is_in(tokens)).into_tuple().all(conn).await?;
    Ok(rows.into_iter().collect())
}

#[boxed]
pub async fn tokens(conn: &Executor, ids: &[TicketId]) -> Result<HashMap<TicketId, String>> {
    let select = ticket::Entity::find().select_only().columns([ticket::Column::Id, ticket::Column::Token]);
    let rows = select.filter(ticket::Column::Id.is_in(ids.iter().copied())).into_tuple().all(conn).await?;
    Ok(rows.into_iter().collect())
}

/// The external references of a ticket.
pub async fn refs_of(conn: &Executor, id: TicketId) -> Result<Vec<ExternalRef>> {
    Ok(store::refs(conn, &[id]).await?.remove(&id).unwrap_or_default())
}

/// Tickets with this external id in any system.
pub async fn refs_by_external_id(conn: &Executor, external_id: &str) -> Result<Vec<(TicketId, String)>> {
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

/// Ticket ids by a system's external ids, for import.
pub async fn ids_by_refs(conn: &Executor, system: &str, external_ids: &[String]) -> Result<HashMap<String, TicketId>> {
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

/// Tickets without a check of visibility: for internal use.
#[boxed]
pub async fn by_ids(conn: &Executor, ids: &[TicketId]) -> Result<HashMap<TicketId, Ticket>> {
    let rows = ticket::Entity::find().filter(ticket::Column::Id.is_in(ids.iter().copied())).all(conn).await?;
    rows.into_iter().map(|row| Ok((row.id, Ticket::try_from(row)?))).collect()
}

/// The row revisions of these tickets.
pub async fn revisions(conn: &Executor, ids: &[TicketId]) -> Result<HashMap<TicketId, i64>> {
    let rows = ticket::Entity::find().select_only().columns([ticket::Column::Id, ticket::Column::Revision]);
    let rows = rows.filter(ticket::Column::Id.is_in(ids.iter().copied())).into_tuple().all(conn).await?;
    Ok(rows.into_iter().collect())
}

#[boxed]
pub async fn attributions(conn: &Executor, ids: &[TicketId]) -> Result<HashMap<TicketId, Attribution>> {
    store::attributions(conn, ids).await
}

/// What the sources of imported tickets say of cause and solution, where that is no attribution.
#[boxed]
pub async fn source_solutions(conn: &Executor, ids: &[TicketId]) -> Result<HashMap<TicketId, String>> {
    store::source_solutions(conn, ids).await
}

/// The texts of solutions: that of the attribution, or what the source of an imported ticket says.
#[boxed]
pub async fn solutions(conn: &Executor, ids: &[TicketId]) -> Result<HashMap<TicketId, String>> {
    let mut solutions = store::source_solutions(conn, ids).await?;
    let attributions = store::attributions(conn, ids).await?;
    solutions.extend(attributions.into_iter().map(|(id, attribution)| (id, attribution.details.resolution)));
    Ok(solutions)
}

/// The participants of a ticket, for any reason.
pub async fn participants(conn: &Executor, id: TicketId) -> Result<HashSet<UserId>> {
    Ok(store::participants(conn, &[id]).await?.remove(&id).unwrap_or_default())
}

#[boxed]
pub async fn refs(cx: &Ctx, ids: &[TicketId]) -> Result<HashMap<TicketId, Vec<ExternalRef>>> {
    store::refs(cx.read(), ids).await
}

#[boxed]
pub async fn followers(cx: &Ctx, id: TicketId) -> Result<Vec<UserId>> {
    followers_of(cx.read(), id).await
}

pub async fn followers_of(conn: &Executor, id: TicketId) -> Result<Vec<UserId>> {
    Ok(participant::Entity::find()
        .select_only()
        .column(participant::Column::UserId)
        .filter(participant::Column::TicketId.eq(id))
        .filter(participant::Column::Reason.eq(super::model::ParticipantReason::Follower.as_str()))
        .order_by_asc(participant::Column::UserId)
        .limit(FILTER_PARTS_MAX as u64)
        .into_tuple()
        .all(conn)
        .await?)
}

/// The comments of one ticket, oldest first; a requester sees the public ones.
#[boxed]
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
        select = select.filter(comment::Column::Visibility.eq(Visibility::Public.as_str()));
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

/// The first or last comments of many tickets, oldest first, with one extra row each, in one statement.
#[boxed]
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
        numbered.and_where(Seen.eq(Visibility::Public.as_str()));
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

/// The link of a token; `None`: it was not issued here, has expired or was revoked.
#[boxed]
pub async fn link_by_token(app: &App, conn: &Executor, token: &str, now: Timestamp) -> Result<Option<TicketLink>> {
    let Some(id) = link::verify(app.state::<Vault>(), token) else { return Ok(None) };
    let valid_for = app.state::<Settings>().link_valid_for();
    let link = store::links::by_id(conn, id).await?;
    Ok(link.filter(|link| link.revoked_at.is_none() && now < link.issued_at + valid_for))
}

/// The holder of a link as an actor, and the ticket that they may see.
#[boxed]
pub async fn holder_of_link(cx: &Ctx, token: &str) -> Result<Option<(Ctx, TicketId)>> {
    let Some(link) = link_by_token(&cx.app, cx.read(), token, cx.now()).await? else { return Ok(None) };
    let person = people::queries::person(&cx.app, link.user).await?;
    Ok(person.map(|person| (Ctx { actor: Actor::Person(person.into()), ..cx.clone() }, link.ticket)))
}

/// The texts of these comments, whoever may see them; for messages about them.
pub async fn comment_texts(conn: &Executor, ids: &[CommentId]) -> Result<HashMap<CommentId, String>> {
    let rows = comment::Entity::find().filter(comment::Column::Id.is_in(ids.iter().copied())).all(conn).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.body)).collect())
}

#[boxed]
pub async fn comment(cx: &Ctx, id: crate::kernel::CommentId) -> Result<Option<Comment>> {
    let row: Option<Comment> = comment::Entity::find_by_id(id).one(cx.read()).await?.map(Into::into);
    Ok(row.filter(|row| row.visibility == Visibility::Public || !sees_as_requester(&cx.actor)))
}

/// The events that the viewer may see, below the horizon: their cursors are cursors of the live feed, so no event may
/// appear before them later. Requesters see public events of requesters and of Buoy, not of staff.
fn audit_trail(cx: &Ctx) -> Condition {
    use event_log::Column::{Audience as AudienceOf, Side as SideOf, SubjectKind};
    let seen = Condition::all().add(SubjectKind.eq("ticket")).add(log::below_horizon(cx.app.db.engine));
    if sees_as_requester(&cx.actor) {
        seen.add(AudienceOf.eq(Audience::Public.as_str())).add(SideOf.ne(Side::Staff.as_str()))
    } else {
        seen
    }
}

/// The audit trail of one ticket, in the order of the log.
#[boxed]
pub async fn events(cx: &Ctx, id: TicketId, page: &Page) -> Result<Connection<Row>> {
    use event_log::Column::{Seq, Subject, Xid};
    use sea_orm::sea_query::ExprTrait as _;
    let epoch = &*cx.app.log_epoch;
    let position = |cursor: &Option<String>| -> Result<Option<Cursor>> {
        let Some(text) = cursor else { return Ok(None) };
        Cursor::decode(text, epoch)?.map(Some).ok_or_else(|| Error::bad_input(msg!("tickets-cursor-before-restore")))
    };
    let mut condition = audit_trail(cx).add(Subject.eq(id.0));
    if let Some(Cursor { xid, seq }) = position(&page.after)? {
        condition = condition.add(Expr::col(Xid).gt(xid).or(Expr::col(Xid).eq(xid).and(Expr::col(Seq).gt(seq))));
    }
    if let Some(Cursor { xid, seq }) = position(&page.before)? {
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
    Ok(event_page(cx, page, rows.into_iter().map(|row| Row::decode(&cx.app, row)).collect::<Result<_>>()?))
}

/// Cuts n + 1 events, in the order of the page, to a connection.
pub fn event_page(cx: &Ctx, page: &Page, rows: Vec<Row>) -> Connection<Row> {
    page.connection_by(rows, |row| EdgeCursor::Encoded(row.cursor.encode(&cx.app.log_epoch)))
}

/// The first or last events of many tickets, in the order of the page, with one extra row each, in one statement.
#[boxed]
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
        .cond_where(audit_trail(cx).add(Subject.is_in(ids.iter().map(|id| id.0))));
    let mut select = Query::select();
    select
        .columns(event_log::Column::iter())
        .from_subquery(numbered, Alias::new("numbered"))
        .and_where(Expr::col("place").lte(limit + 1))
        .order_by(Xid, order.clone())
        .order_by(Seq, order);
    let mut found: HashMap<TicketId, Vec<Row>> = HashMap::new();
    for row in cx.read().query_all(&select).await? {
        let row = Row::decode(&cx.app, event_log::Model::from_query_result(&row, "")?)?;
        found.entry(TicketId(row.subject)).or_default().push(row);
    }
    Ok(found)
}

// ---------------------------------------------------------------- live

/// The tickets of events at delivery, shared by all subscribers of an event.
pub struct LiveTicketCache(Cache<(Cursor, TicketId), Option<Arc<LiveTicket>>>);

/// Cache entries, for subscribers that lag a little.
const LIVE_TICKET_CACHE_MAX: u64 = 2_000;

impl Default for LiveTicketCache {
    fn default() -> Self {
        Self(Cache::new(LIVE_TICKET_CACHE_MAX))
    }
}

/// The current state of an event's ticket. It is loaded once per feed position, however many subscribers receive the
/// event.
#[boxed]
pub async fn live_ticket(app: &Arc<App>, id: TicketId, at: Cursor) -> Result<Option<Arc<LiveTicket>>> {
    let cache = &app.state::<LiveTicketCache>().0;
    // A reader of the log may be ahead of the feed.
    let now = at.max(*app.feed.head().borrow());
    let loaded = cache.try_get_with((now, id), async {
        Ok::<_, Error>(live_tickets(app, vec![id], LiveTexts::Loaded).await?.remove(&id))
    });
    loaded.await.map_err(|e: Arc<Error>| Error::internal(e))
}

/// Whether live tickets come with what they are searched by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveTexts {
    Loaded,
    /// No board searches them.
    Left,
}

/// The current state of several tickets.
#[boxed]
pub async fn live_tickets(
    app: &Arc<App>,
    ids: Vec<TicketId>,
    texts: LiveTexts,
) -> Result<HashMap<TicketId, Arc<LiveTicket>>> {
    let conn = app.db.read();
    let rows = ticket::Entity::find().filter(ticket::Column::Id.is_in(ids.iter().copied())).all(conn).await?;
    let mut participants = store::participants(conn, &ids).await?;
    let tickets = rows.into_iter().map(Ticket::try_from).collect::<Result<Vec<_>, _>>()?;
    let mut texts = match texts {
        LiveTexts::Loaded => projections::search_texts(conn, &tickets).await?,
        LiveTexts::Left => HashMap::new(),
    };
    let to_live_ticket = |ticket: Ticket| {
        let participants = participants.remove(&ticket.id).unwrap_or_default();
        let texts = texts.remove(&ticket.id).unwrap_or_default();
        (ticket.id, Arc::new(LiveTicket { ticket, participants, texts }))
    };
    Ok(tickets.into_iter().map(to_live_ticket).collect())
}

/// The visible ones of these tickets, in the given order; for hits of the index.
#[boxed]
pub async fn visible(cx: &Ctx, ids: Vec<TicketId>) -> Result<Vec<View>> {
    let mut views = views_by_id(cx, ids.clone()).await?;
    Ok(ids.iter().filter_map(|id| views.remove(id)).collect())
}

/// Whether the ticket may be shown as a case.
pub fn is_solved(view: &View) -> bool {
    view.ticket.status.is_solved() && (view.access == Access::Full || rights::is_case(&view.ticket))
}
