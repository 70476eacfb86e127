//! Lists within scope: by any order, by relevance, and bounded.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait as _, Condition, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::kernel::page::{Key, Part};
use crate::kernel::{Connection, CustomerId, Direction, Edge, Error, Page, Result, TeamId, TicketId, UserId};
use crate::runtime::Ctx;
use crate::tickets::decide::rights::{self, Grant, Scope, sees_as_requester};
use crate::tickets::model::{Filter, IdIs, OrderField, Ticket, TicketStatus};
use crate::tickets::store::entities::ticket;
use crate::tickets::store::select;

use super::kept;

/// The most relevant hits that a text in a list may find; the rest of the filter chooses among them.
pub const TEXT_HITS_MAX: usize = 1_000;
/// Parts of one filter.
pub const FILTER_PARTS_MAX: usize = 100;
/// Texts of one filter.
pub const FILTER_TEXTS_MAX: usize = 3;

/// A list is read so often where tickets of it change meanwhile.
const TRIES_MAX: u32 = 3;

#[derive(Clone, Copy, Debug)]
pub struct Ordering {
    pub field: OrderField,
    pub direction: Direction,
}

/// Tickets within the viewer's scope.
pub async fn list(cx: &Ctx, filter: &Filter, order: Option<Ordering>, page: &Page) -> Result<Connection<Ticket>> {
    let mut texts = Vec::new();
    measure(filter, &mut texts)?;
    let scope = Scope::of(&cx.actor);
    let as_requester = sees_as_requester(&cx.actor);
    let mut found = HashMap::new();
    for text in texts {
        found.insert(text.to_owned(), find(cx, &scope, filter, text).await?);
    }
    let condition = Condition::all().add(select::filter(filter, as_requester, &found));
    let default = if filter.text.is_some() { OrderField::Relevance } else { OrderField::CreatedAt };
    let order = order.unwrap_or(Ordering { field: default, direction: Direction::Desc });
    if order.field == OrderField::Relevance {
        let ranked = filter.text.as_ref().and_then(|text| found.remove(text)).ok_or_else(|| {
            Error::bad_input(
                "orderBy RELEVANCE needs filter.text at the top of the filter.",
                "按 RELEVANCE 排序需要在过滤条件顶层给出 filter.text。",
            )
        })?;
        return by_relevance(cx, condition.add(select::scope(&scope)), ranked, order.direction, page).await;
    }
    // Within a priority: what was asked about most often, then what has waited longest.
    let reverse = if order.direction == Direction::Desc { Direction::Asc } else { Direction::Desc };
    let (columns, last): (&[ticket::Column], Direction) = match order.field {
        OrderField::CreatedAt => (&[ticket::Column::CreatedAt], order.direction),
        OrderField::UpdatedAt if as_requester => (&[ticket::Column::PublicUpdatedAt], order.direction),
        OrderField::UpdatedAt => (&[ticket::Column::UpdatedAt], order.direction),
        OrderField::Priority => (&[ticket::Column::Priority, ticket::Column::ChaseCount], reverse),
        OrderField::Number | OrderField::Relevance => (&[], order.direction),
    };
    let list = format!("tickets:{}:{:?}", order.field.word(), order.direction);
    let mut keys: Vec<Key> = columns.iter().map(|column| Key::int(Expr::col(*column), order.direction)).collect();
    keys.push(Key::int(Expr::col(ticket::Column::Number), last));
    let keyset = page.keyset(&list, &keys)?;
    // What a cursor is made of, and by what a ticket is held; the rest of the row only where it is not held.
    let key = |place: usize| Expr::col(columns.get(place).copied().unwrap_or(ticket::Column::Number)).cast_as("bigint");
    // What texts have found, a thousand ids each, bounds the work by itself.
    let apart = found.is_empty();
    let select = select::first_of(&scope, condition.add(keyset.cond), &keyset.order, keyset.limit, apart)
        .select_only()
        .columns([ticket::Column::Id, ticket::Column::Revision, ticket::Column::Number])
        .expr_as(key(0), "key_0")
        .expr_as(key(1), "key_1");
    let mut tries = 0;
    let (rows, mut tickets) = loop {
        let rows: Vec<(TicketId, i64, i64, i64, i64)> = select.clone().into_tuple().all(cx.read()).await?;
        let revisions: Vec<(TicketId, i64)> = rows.iter().map(|(id, revision, ..)| (*id, *revision)).collect();
        let tickets = kept(cx, &revisions).await?;
        tries += 1;
        // Tickets that change faster than they are read come with the next list.
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

/// What the index found, best first, less what the rest of the filter leaves out.
async fn by_relevance(
    cx: &Ctx,
    condition: Condition,
    ranked: Vec<Uuid>,
    direction: Direction,
    page: &Page,
) -> Result<Connection<Ticket>> {
    let list = format!("tickets:RELEVANCE:{direction:?}");
    // A position among the hits is the key: each cursor names the hit it stands on.
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
    let place = |argument: &Option<String>| -> Result<Option<usize>> {
        let Some(cursor) = argument else { return Ok(None) };
        let id = page.position(&list, cursor)?;
        let place = ranked.iter().position(|hit| hit.0 == id);
        place.map(Some).ok_or_else(|| {
            Error::bad_input(
                "The ticket of this cursor is no longer among the hits: ask for the list anew.",
                "该游标对应的工单已不在结果中，请重新查询列表。",
            )
        })
    };
    let from = place(&page.after)?.map_or(0, |place| place + 1);
    let to = place(&page.before)?.unwrap_or(ranked.len()).max(from);
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

/// What the index finds for a text, best first, within the scope and within what the rest of the filter demands: the
/// bound of hits is one of tickets that may be answered.
async fn find(cx: &Ctx, scope: &Scope, filter: &Filter, text: &str) -> Result<Vec<Uuid>> {
    let mut any_of: Vec<Vec<String>> = scope.terms().into_iter().collect();
    narrow(filter, &mut any_of);
    let clause = search::Clause { all_of: Vec::new(), any_of };
    let (index, text) = (cx.app.index.clone(), text.to_owned());
    let hits = tokio::task::spawn_blocking(move || index.find(&text, &clause, TEXT_HITS_MAX))
        .await
        .map_err(Error::internal)??;
    Ok(hits.into_iter().map(|hit| hit.id).collect())
}

/// What a filter demands of every ticket, as terms of the index.
fn narrow(filter: &Filter, any_of: &mut Vec<Vec<String>>) {
    let Filter { and, status, priority, assignee, team, customer, .. } = filter;
    if let Some(is) = status {
        let left = TicketStatus::ALL
            .iter()
            .filter(|status| is.one_of.as_ref().is_none_or(|all| all.contains(status)) && !is.none_of.contains(status));
        any_of.push(left.map(|status| rights::status_term(*status)).collect());
    }
    if let Some(one_of) = priority.as_ref().and_then(|is| is.one_of.as_ref()) {
        any_of.push(one_of.iter().map(|priority| rights::priority_term(*priority)).collect());
    }
    let mut demand = |is: &Option<IdIs>, grant: fn(Uuid) -> Grant| {
        if let Some(one_of) = is.as_ref().and_then(|is| is.one_of.as_ref()) {
            any_of.push(one_of.iter().map(|id| grant(*id).term()).collect());
        }
    };
    demand(assignee, |id| Grant::Assignee(UserId(id)));
    demand(team, |id| Grant::Team(TeamId(id)));
    demand(customer, |id| Grant::Customer(CustomerId(id)));
    and.iter().for_each(|part| narrow(part, any_of));
}

/// Bounds a filter, and gathers its texts.
fn measure<'f>(filter: &'f Filter, texts: &mut Vec<&'f str>) -> Result<()> {
    let mut left = vec![filter];
    let mut parts = 0;
    while let Some(part) = left.pop() {
        parts += 1;
        texts.extend(part.text.as_deref());
        left.extend(&part.and);
        left.extend(&part.or);
        if parts > FILTER_PARTS_MAX || texts.len() > FILTER_TEXTS_MAX {
            return Err(Error::bad_input(
                format!("The filter is too large: at most {FILTER_PARTS_MAX} parts and {FILTER_TEXTS_MAX} texts."),
                format!("过滤条件过大：最多 {FILTER_PARTS_MAX} 个部分、{FILTER_TEXTS_MAX} 段文本。"),
            ));
        }
    }
    Ok(())
}

/// The same bounds, for a live feed's filter.
pub fn check_filter(filter: &Filter) -> Result<()> {
    measure(filter, &mut Vec::new())
}
