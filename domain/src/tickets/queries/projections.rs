//! Reads for followers of the event log: the search index and the encoder.

use std::collections::{BTreeSet, HashSet};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use super::super::model::{Attribution, ConfidentialityCause, ExternalRef, Fact, Ticket, TicketEvent};
use super::super::store;
use super::super::store::entities::ticket;
use crate::kernel::{Result, TicketId, UserId};
use crate::runtime::{Executor, Row};

/// The searchable text besides title and description: number, token, device, references, resolution.
pub fn extra_text(
    ticket: &Ticket,
    refs: &[ExternalRef],
    attribution: Option<&Attribution>,
    source_solution: Option<&str>,
) -> String {
    let mut extra = format!("{}\n{}", ticket.number, ticket.token);
    if let Some(device) = &ticket.request.device {
        extra.push('\n');
        extra.push_str(device);
    }
    for ExternalRef { system: _, external_id } in refs {
        extra.push('\n');
        extra.push_str(external_id);
    }
    if let Some(attribution) = attribution {
        extra.push('\n');
        extra.push_str(&attribution.details.resolution);
    }
    if let Some(solution) = source_solution {
        extra.push('\n');
        extra.push_str(solution);
    }
    extra
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
    pub refs: Vec<ExternalRef>,
    pub attribution: Option<Attribution>,
    /// What the source of an imported ticket says of cause and solution, if that is no attribution.
    pub source_solution: Option<String>,
}

pub async fn indexed_tickets(conn: &Executor, ids: &[TicketId]) -> Result<Vec<IndexedTicket>> {
    let rows = ticket::Entity::find().filter(ticket::Column::Id.is_in(ids.iter().copied())).all(conn).await?;
    with_details(conn, rows).await
}

/// All tickets, or those of a cause of confidentiality, by ascending id, from after `after`: for building an index.
pub async fn indexed_tickets_after(
    conn: &Executor,
    of: Option<&ConfidentialityCause>,
    after: Option<TicketId>,
    limit: u64,
) -> Result<Vec<IndexedTicket>> {
    let mut select = ticket::Entity::find().order_by_asc(ticket::Column::Id).limit(limit);
    if let Some(cause) = of {
        select = select.filter(store::has_cause(cause));
    }
    if let Some(after) = after {
        select = select.filter(ticket::Column::Id.gt(after));
    }
    let rows = select.all(conn).await?;
    with_details(conn, rows).await
}

async fn with_details(conn: &Executor, rows: Vec<ticket::Model>) -> Result<Vec<IndexedTicket>> {
    let ids: Vec<TicketId> = rows.iter().map(|row| row.id).collect();
    let mut participants = store::participants(conn, &ids).await?;
    let mut refs = store::refs(conn, &ids).await?;
    let mut attributions = store::attributions(conn, &ids).await?;
    let mut source_solutions = store::source_solutions(conn, &ids).await?;
    rows.into_iter()
        .map(|row| {
            let id = row.id;
            Ok(IndexedTicket {
                ticket: row.try_into()?,
                participants: participants.remove(&id).unwrap_or_default(),
                refs: refs.remove(&id).unwrap_or_default(),
                attribution: attributions.remove(&id),
                source_solution: source_solutions.remove(&id),
            })
        })
        .collect()
}
