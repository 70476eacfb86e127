//! Reads for followers of the event log: the search index and the encoder.

use std::collections::{BTreeSet, HashMap, HashSet};

use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Func, Order, Query, WindowStatement};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use super::super::model::{ExternalRef, Fact, IndexedSubset, SearchTexts, Ticket, TicketEvent, Visibility};
use super::super::store;
use super::super::store::entities::{comment, ticket};
use crate::catalogue::model::Kind;
use crate::catalogue::store::catalogue_entry;
use crate::kernel::{CustomerId, Result, TicketId, UserId};
use crate::people::store::{customer, user};
use crate::runtime::{Executor, Row};

/// Comments by which a ticket is found, the newest.
const COMMENTS_MAX: u64 = 200;
/// Bytes of them, for each visibility.
const COMMENT_BYTES_MAX: usize = 64 * 1024;

/// What tickets are searched by besides title and description.
pub(super) async fn search_texts(conn: &Executor, tickets: &[Ticket]) -> Result<HashMap<TicketId, SearchTexts>> {
    if tickets.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<TicketId> = tickets.iter().map(|ticket| ticket.id).collect();
    let mut refs = store::refs(conn, &ids).await?;
    let mut attributions = store::attributions(conn, &ids).await?;
    let mut solutions = store::source_solutions(conn, &ids).await?;
    let names = names_of(conn, tickets).await?;
    let mut texts = comment_texts(conn, &ids).await?;
    let mut complete = |ticket: &Ticket| {
        let mut found = texts.remove(&ticket.id).unwrap_or_default();
        let request = &ticket.request;
        let mut lines = vec![ticket.number.to_string(), ticket.token.clone()];
        lines.extend(request.device.clone());
        lines.extend(refs.remove(&ticket.id).into_iter().flatten().map(|ExternalRef { external_id, .. }| external_id));
        lines.extend(attributions.remove(&ticket.id).map(|attribution| attribution.details.resolution));
        // What the source of an imported ticket says of cause and solution.
        lines.extend(solutions.remove(&ticket.id));
        lines.extend(request.requester.and_then(|id| names.requesters.get(&id).cloned()));
        lines.extend(request.customer.and_then(|id| names.customers.get(&id).cloned()));
        lines.extend(request.product.as_ref().map(|key| names.products.get(key).unwrap_or(key).clone()));
        lines.push(found.extra);
        found.extra = lines.join("\n");
        (ticket.id, found)
    };
    Ok(tickets.iter().map(&mut complete).collect())
}

/// Texts by the id of what they name.
struct Names {
    requesters: HashMap<UserId, String>,
    /// Key and name.
    customers: HashMap<CustomerId, String>,
    /// Key, and name in both languages.
    products: HashMap<String, String>,
}

async fn names_of(conn: &Executor, tickets: &[Ticket]) -> Result<Names> {
    let requesters: HashSet<UserId> = tickets.iter().filter_map(|ticket| ticket.request.requester).collect();
    let customers: HashSet<CustomerId> = tickets.iter().filter_map(|ticket| ticket.request.customer).collect();
    let products: HashSet<&String> = tickets.iter().filter_map(|ticket| ticket.request.product.as_ref()).collect();
    let requesters: Vec<(UserId, String)> = user::Entity::find()
        .select_only()
        .columns([user::Column::Id, user::Column::Name])
        .filter(user::Column::Id.is_in(requesters))
        .into_tuple()
        .all(conn)
        .await?;
    let customers: Vec<(CustomerId, String, String)> = customer::Entity::find()
        .select_only()
        .columns([customer::Column::Id, customer::Column::Key, customer::Column::Name])
        .filter(customer::Column::Id.is_in(customers))
        .into_tuple()
        .all(conn)
        .await?;
    let products: Vec<(String, String, Option<String>)> = catalogue_entry::Entity::find()
        .select_only()
        .columns([catalogue_entry::Column::Key, catalogue_entry::Column::Name, catalogue_entry::Column::NameZh])
        .filter(catalogue_entry::Column::Kind.eq(Kind::Product.as_str()))
        .filter(catalogue_entry::Column::Key.is_in(products.into_iter().cloned()))
        .into_tuple()
        .all(conn)
        .await?;
    let product = |(key, name, name_zh): (String, String, Option<String>)| {
        let text = format!("{key}\n{name}\n{}", name_zh.unwrap_or_default());
        (key, text)
    };
    Ok(Names {
        requesters: requesters.into_iter().collect(),
        customers: customers.into_iter().map(|(id, key, name)| (id, format!("{key}\n{name}"))).collect(),
        products: products.into_iter().map(product).collect(),
    })
}

/// The newest comments of these tickets, the public ones as extra text, the internal ones as restricted text.
async fn comment_texts(conn: &Executor, ids: &[TicketId]) -> Result<HashMap<TicketId, SearchTexts>> {
    use comment::Column::{Body, CreatedAt, Id, TicketId as OfTicket, Visibility as VisibleTo};
    let mut newest = WindowStatement::partition_by(OfTicket);
    newest.order_by(CreatedAt, Order::Desc).order_by(Id, Order::Desc);
    let mut numbered = Query::select();
    numbered
        .columns([OfTicket, VisibleTo, Body])
        .expr_window_as(Func::cust("row_number"), newest, "place")
        .from(comment::Entity)
        .and_where(OfTicket.is_in(ids.iter().copied()));
    let mut select = Query::select();
    select
        .columns([OfTicket, VisibleTo, Body])
        .from_subquery(numbered, Alias::new("numbered"))
        .and_where(Expr::col("place").lte(COMMENTS_MAX))
        .order_by("place", Order::Asc);
    let mut texts: HashMap<TicketId, SearchTexts> = HashMap::new();
    for row in conn.query_all(&select).await? {
        let ticket: TicketId = row.try_get("", "ticket_id")?;
        let (visibility, body): (String, String) = (row.try_get("", "visibility")?, row.try_get("", "body")?);
        let SearchTexts { extra, restricted } = texts.entry(ticket).or_default();
        // An unknown visibility counts as internal.
        let text = if visibility == Visibility::Public.as_str() { extra } else { restricted };
        if text.len() + body.len() < COMMENT_BYTES_MAX {
            text.push_str(&body);
            text.push('\n');
        }
    }
    Ok(texts)
}

/// The tickets of these log rows, without duplicates.
pub fn changed_tickets(rows: &[Row]) -> Vec<TicketId> {
    let tickets = rows.iter().filter_map(|row| row.event.get::<TicketEvent>()).map(|event| event.ticket);
    tickets.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The tickets whose texts these events may have changed, without duplicates.
pub fn tickets_with_changed_text(rows: &[Row]) -> Vec<TicketId> {
    let tickets = rows.iter().filter_map(|row| row.event.get::<TicketEvent>()).filter_map(|event| {
        let texts = matches!(
            event.fact,
            Fact::Created { .. } | Fact::Imported { .. } | Fact::Updated { .. } | Fact::Redacted { .. }
        );
        (texts || event.history.is_some()).then_some(event.ticket)
    });
    tickets.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The texts of a ticket.
pub struct Texts {
    pub id: TicketId,
    pub title: String,
    pub description: String,
}

fn select_texts() -> Select<ticket::Entity> {
    ticket::Entity::find().select_only().columns([
        ticket::Column::Id,
        ticket::Column::Title,
        ticket::Column::Description,
    ])
}

async fn read_texts(conn: &Executor, select: Select<ticket::Entity>) -> Result<Vec<Texts>> {
    let rows = select.into_tuple::<(TicketId, String, String)>().all(conn).await?;
    Ok(rows.into_iter().map(|(id, title, description)| Texts { id, title, description }).collect())
}

pub async fn texts(conn: &Executor, ids: &[TicketId]) -> Result<Vec<Texts>> {
    read_texts(conn, select_texts().filter(ticket::Column::Id.is_in(ids.iter().copied()))).await
}

/// The texts of all tickets, by ascending id, from after `after`.
pub async fn texts_after(conn: &Executor, after: Option<TicketId>, limit: u64) -> Result<Vec<Texts>> {
    let mut select = select_texts().order_by_asc(ticket::Column::Id).limit(limit);
    if let Some(after) = after {
        select = select.filter(ticket::Column::Id.gt(after));
    }
    read_texts(conn, select).await
}

/// What the index stores of a ticket.
pub struct IndexedTicket {
    pub ticket: Ticket,
    pub participants: HashSet<UserId>,
    pub texts: SearchTexts,
}

pub async fn indexed_tickets(conn: &Executor, ids: &[TicketId]) -> Result<Vec<IndexedTicket>> {
    let rows = ticket::Entity::find().filter(ticket::Column::Id.is_in(ids.iter().copied())).all(conn).await?;
    with_details(conn, rows).await
}

/// The tickets of a subset, by ascending id, from after `after`: for building an index.
pub async fn indexed_tickets_after(
    conn: &Executor,
    of: &IndexedSubset,
    after: Option<TicketId>,
    limit: u64,
) -> Result<Vec<IndexedTicket>> {
    let mut select = ticket::Entity::find().order_by_asc(ticket::Column::Id).limit(limit);
    select = match of {
        IndexedSubset::All => select,
        IndexedSubset::Confidentiality(cause) => select.filter(store::has_cause(cause)),
        IndexedSubset::Named(source) => select.filter(store::has_name(source)),
    };
    if let Some(after) = after {
        select = select.filter(ticket::Column::Id.gt(after));
    }
    let rows = select.all(conn).await?;
    with_details(conn, rows).await
}

async fn with_details(conn: &Executor, rows: Vec<ticket::Model>) -> Result<Vec<IndexedTicket>> {
    let tickets = rows.into_iter().map(Ticket::try_from).collect::<Result<Vec<_>, _>>()?;
    let ids: Vec<TicketId> = tickets.iter().map(|ticket| ticket.id).collect();
    let mut participants = store::participants(conn, &ids).await?;
    let mut texts = search_texts(conn, &tickets).await?;
    let indexed = |ticket: Ticket| IndexedTicket {
        participants: participants.remove(&ticket.id).unwrap_or_default(),
        texts: texts.remove(&ticket.id).unwrap_or_default(),
        ticket,
    };
    Ok(tickets.into_iter().map(indexed).collect())
}
