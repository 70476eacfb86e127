//! Lists of tickets within scope, by field or by relevance.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait as _, Condition, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::kernel::page::{Key, Part};
use crate::kernel::text::check_length;
use crate::kernel::{Connection, CustomerId, Direction, Edge, Error, Page, Result, TeamId, TicketId, UserId, boxed};
use crate::runtime::Ctx;
use crate::tickets::decide::rights::{self, Grant, Scope, sees_as_requester};
use crate::tickets::model::{Filter, IdIs, OrderField, Ticket, TicketStatus};
use crate::tickets::store::entities::ticket;
use crate::tickets::store::select;

use super::cached;
use crate::msg;

/// Hits that the index returns for a text; the rest of the filter is applied to them.
pub const TEXT_HITS_MAX: usize = 1_000;
/// Parts of one filter.
pub const FILTER_PARTS_MAX: usize = 100;
/// Texts of one filter.
pub const FILTER_TEXTS_MAX: usize = 3;
/// Characters of one of them.
const FILTER_TEXT_CHARS_MAX: usize = 1_000;

/// How often a list is read again if its tickets change meanwhile.
const TRIES_MAX: u32 = 3;

#[derive(Clone, Copy, Debug)]
pub struct Ordering {
    pub field: OrderField,
    pub direction: Direction,
}

/// Tickets within the viewer's scope.
#[boxed]
pub async fn list(cx: &Ctx, filter: &Filter, order: Option<Ordering>, page: &Page) -> Result<Connection<Ticket>> {
    let mut texts = Vec::new();
    check_limits(filter, &mut texts)?;
    let scope = Scope::of(&cx.actor);
    let as_requester = sees_as_requester(&cx.actor);
    let mut hits = HashMap::new();
    for text in texts {
        hits.insert(text.to_owned(), search_index(cx, &scope, filter, text).await?);
    }
    let condition = Condition::all().add(select::filter(filter, as_requester, &hits));
    let default = if filter.text.is_some() { OrderField::Relevance } else { OrderField::CreatedAt };
    let order = order.unwrap_or(Ordering { field: default, direction: Direction::Desc });
    if order.field == OrderField::Relevance {
        let ranked = filter
            .text
            .as_ref()
            .and_then(|text| hits.remove(text))
            .ok_or_else(|| Error::bad_input(msg!("tickets-relevance-without-text")))?;
        return by_relevance(cx, condition.add(select::scope(&scope)), ranked, order.direction, page).await;
    }
    // Within a priority: most chased first, then oldest first.
    let reverse = if order.direction == Direction::Desc { Direction::Asc } else { Direction::Desc };
    let (columns, last): (&[ticket::Column], Direction) = match order.field {
        OrderField::CreatedAt => (&[ticket::Column::CreatedAt], order.direction),
        OrderField::UpdatedAt if as_requester => (&[ticket::Column::PublicUpdatedAt], order.direction),
        OrderField::UpdatedAt => (&[ticket::Column::UpdatedAt], order.direction),
        OrderField::Priority => (&[ticket::Column::Priority, ticket::Column::ChaseCount], reverse),
        OrderField::Number | OrderField::Relevance => (&[], order.direction),
    };
    let list = format!("tickets:{}:{:?}", order.field.as_str(), order.direction);
    let mut keys: Vec<Key> = columns.iter().map(|column| Key::int(Expr::col(*column), order.direction)).collect();
    keys.push(Key::int(Expr::col(ticket::Column::Number), last));
    let keyset = page.keyset(&list, &keys)?;
    // Only the cursor and cache keys: whole rows are read on a cache miss.
    let key = |place: usize| Expr::col(columns.get(place).copied().unwrap_or(ticket::Column::Number)).cast_as("bigint");
    // With text hits the id list bounds the work already.
    let split_by_grant = hits.is_empty();
    let select = select::scoped_page(&scope, condition.add(keyset.cond), &keyset.order, keyset.limit, split_by_grant)
        .select_only()
        .columns([ticket::Column::Id, ticket::Column::Revision, ticket::Column::Number])
        .expr_as(key(0), "key_0")
        .expr_as(key(1), "key_1");
    let mut tries = 0;
    let (rows, mut tickets) = loop {
        let rows: Vec<(TicketId, i64, i64, i64, i64)> = select.clone().into_tuple().all(cx.read()).await?;
        let revisions: Vec<(TicketId, i64)> = rows.iter().map(|(id, revision, ..)| (*id, *revision)).collect();
        let tickets = cached(cx, &revisions).await?;
        tries += 1;
        // After the last try, leave out tickets that changed meanwhile.
        if tickets.len() == rows.len() || tries == TRIES_MAX {
            break (rows, tickets);
        }
    };
    let parts = |(_, _, number, key_0, key_1): &(TicketId, i64, i64, i64, i64)| {
        let keys = [*key_0, *key_1].into_iter().take(columns.len());
        keys.chain([*number]).map(Part::Int).collect()
    };
    let Connection { edges, has_next, has_previous } = page.connection(&list, rows, parts);
    let edges = edges.into_iter().filter_map(|Edge { cursor, node: (id, ..) }| {
        Some(Edge { cursor, node: Arc::unwrap_or_clone(tickets.remove(&id)?) })
    });
    Ok(Connection { edges: edges.collect(), has_next, has_previous })
}

fn into_tickets(rows: Connection<ticket::Model>) -> Result<Connection<Ticket>> {
    let Connection { edges, has_next, has_previous } = rows;
    let edges = edges
        .into_iter()
        .map(|Edge { cursor, node }| Ok(Edge { cursor, node: node.try_into()? }))
        .collect::<Result<_>>()?;
    Ok(Connection { edges, has_next, has_previous })
}

/// The hits of the index, best first, that pass the rest of the filter.
async fn by_relevance(
    cx: &Ctx,
    condition: Condition,
    ranked: Vec<Uuid>,
    direction: Direction,
    page: &Page,
) -> Result<Connection<Ticket>> {
    let list = format!("tickets:RELEVANCE:{direction:?}");
    // The cursor is the id of a hit.
    let passing: HashSet<TicketId> = ticket::Entity::find()
        .select_only()
        .column(ticket::Column::Id)
        .filter(condition)
        .into_tuple()
        .all(cx.read())
        .await?
        .into_iter()
        .collect();
    let mut ranked: Vec<TicketId> = ranked.into_iter().map(TicketId).filter(|id| passing.contains(id)).collect();
    if direction == Direction::Asc {
        ranked.reverse();
    }
    let position = |argument: &Option<String>| -> Result<Option<usize>> {
        let Some(cursor) = argument else { return Ok(None) };
        let id = page.position(&list, cursor)?;
        let position = ranked.iter().position(|hit| hit.0 == id);
        position.map(Some).ok_or_else(|| Error::bad_input(msg!("tickets-cursor-outdated")))
    };
    let from = position(&page.after)?.map_or(0, |position| position + 1);
    let to = position(&page.before)?.unwrap_or(ranked.len()).max(from);
    let mut window: Vec<TicketId> = ranked[from..to].to_vec();
    if page.backward {
        window.reverse();
    }
    window.truncate(usize::try_from(page.limit).unwrap_or(usize::MAX).saturating_add(1));
    let rows = ticket::Entity::find().filter(ticket::Column::Id.is_in(window.clone())).all(cx.read()).await?;
    let mut by_id: HashMap<TicketId, ticket::Model> = rows.into_iter().map(|row| (row.id, row)).collect();
    let rows = window.iter().filter_map(|id| by_id.remove(id)).collect();
    into_tickets(page.connection(&list, rows, |row: &ticket::Model| vec![Part::Id(row.id.0)]))
}

/// The hits for a text, best first. Scope and filter are part of the index query, so that the limit counts only
/// tickets that can be returned.
async fn search_index(cx: &Ctx, scope: &Scope, filter: &Filter, text: &str) -> Result<Vec<Uuid>> {
    let mut any_of: Vec<Vec<String>> = scope.terms().into_iter().collect();
    add_filter_terms(filter, &mut any_of);
    let clause = search::Clause { all_of: Vec::new(), any_of };
    // The same rule as for the comments of a ticket.
    let reach = if sees_as_requester(&cx.actor) { search::Reach::Extra } else { search::Reach::Restricted };
    let (index, text) = (cx.app.index.clone(), text.to_owned());
    let hits = tokio::task::spawn_blocking(move || index.find(&text, &clause, reach, TEXT_HITS_MAX))
        .await
        .map_err(Error::internal)??;
    Ok(hits.into_iter().map(|hit| hit.id).collect())
}

/// Adds the required terms of a filter to an index query.
fn add_filter_terms(filter: &Filter, any_of: &mut Vec<Vec<String>>) {
    let Filter { and, status, priority, assignee, team, customer, .. } = filter;
    if let Some(is) = status {
        let remaining = TicketStatus::ALL
            .iter()
            .filter(|status| is.one_of.as_ref().is_none_or(|all| all.contains(status)) && !is.none_of.contains(status));
        any_of.push(remaining.map(|status| rights::status_term(*status)).collect());
    }
    if let Some(one_of) = priority.as_ref().and_then(|is| is.one_of.as_ref()) {
        any_of.push(one_of.iter().map(|priority| rights::priority_term(*priority)).collect());
    }
    let mut require_any = |is: &Option<IdIs>, grant: fn(Uuid) -> Grant| {
        if let Some(one_of) = is.as_ref().and_then(|is| is.one_of.as_ref()) {
            any_of.push(one_of.iter().map(|id| grant(*id).term()).collect());
        }
    };
    require_any(assignee, |id| Grant::Assignee(UserId(id)));
    require_any(team, |id| Grant::Team(TeamId(id)));
    require_any(customer, |id| Grant::Customer(CustomerId(id)));
    and.iter().for_each(|part| add_filter_terms(part, any_of));
}

/// Checks the size of a filter, and collects its texts.
fn check_limits<'f>(filter: &'f Filter, texts: &mut Vec<&'f str>) -> Result<()> {
    let mut pending = vec![filter];
    let mut parts = 0;
    while let Some(part) = pending.pop() {
        parts += 1;
        if let Some(text) = &part.text {
            check_length("filter.text", text, FILTER_TEXT_CHARS_MAX)?;
            texts.push(text);
        }
        pending.extend(&part.and);
        pending.extend(&part.or);
        if parts > FILTER_PARTS_MAX || texts.len() > FILTER_TEXTS_MAX {
            return Err(Error::bad_input(msg!(
                "tickets-filter-too-large",
                parts_max = FILTER_PARTS_MAX,
                texts_max = FILTER_TEXTS_MAX
            )));
        }
    }
    Ok(())
}

/// Checks the size of a live feed's filter.
pub fn check_filter(filter: &Filter) -> Result<()> {
    check_limits(filter, &mut Vec::new())
}
