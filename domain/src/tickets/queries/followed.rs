//! What followers of the log read of tickets: the index, the encoder.

use std::collections::{BTreeSet, HashSet};

use sea_orm::sea_query::SimpleExpr;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use super::super::model::{Attribution, ExternalRef, Fact, Ticket};
use super::super::store;
use super::super::store::entities::ticket;
use crate::event::Event;
use crate::kernel::{Result, TicketId, UserId};
use crate::runtime::Row;

/// What a text search finds beside title and description: resolution, number, token, references.
pub fn extra_text(ticket: &Ticket, refs: &[ExternalRef], attribution: Option<&Attribution>) -> String {
    let mut extra = format!("{}\n{}", ticket.number, ticket.token);
    if let Some(device) = &ticket.device {
        extra.push('\n');
        extra.push_str(device);
    }
    for ExternalRef { system: _, external_id } in refs {
        extra.push('\n');
        extra.push_str(external_id);
    }
    if let Some(attribution) = attribution {
        extra.push('\n');
        extra.push_str(&attribution.given.resolution);
    }
    extra
}

/// The tickets that these rows of the log touch, each once.
pub fn touched(rows: &[Row]) -> Vec<TicketId> {
    let touched = rows.iter().filter_map(|row| match &*row.event {
        Event::Ticket(event) => Some(event.ticket),
        _ => None,
    });
    touched.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The tickets whose texts these events may have changed.
pub fn reworded(rows: &[Row]) -> Vec<TicketId> {
    let reworded = rows.iter().filter_map(|row| match &*row.event {
        Event::Ticket(event) => {
            let texts = matches!(
                event.fact,
                Fact::Created { .. } | Fact::Imported { .. } | Fact::Updated { .. } | Fact::Redacted { .. }
            );
            (texts || event.history.is_some()).then_some(event.ticket)
        }
        _ => None,
    });
    reworded.collect::<BTreeSet<_>>().into_iter().collect()
}

/// What a ticket says.
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

async fn read_texts(conn: &impl ConnectionTrait, select: Select<ticket::Entity>) -> Result<Vec<Texts>> {
    let rows = select.into_tuple::<(TicketId, String, String)>().all(conn).await?;
    Ok(rows.into_iter().map(|(id, title, description)| Texts { id, title, description }).collect())
}

pub async fn texts(conn: &impl ConnectionTrait, ids: &[TicketId]) -> Result<Vec<Texts>> {
    read_texts(conn, select_texts().filter(ticket::Column::Id.is_in(ids.iter().copied()))).await
}

/// Of every ticket, by ascending id, from behind `after`.
pub async fn texts_after(conn: &impl ConnectionTrait, after: Option<TicketId>, limit: u64) -> Result<Vec<Texts>> {
    let mut select = select_texts().order_by_asc(ticket::Column::Id).limit(limit);
    if let Some(after) = after {
        select = select.filter(ticket::Column::Id.gt(after));
    }
    read_texts(conn, select).await
}

/// Everything the index keeps of a ticket.
pub struct Indexed {
    pub ticket: Ticket,
    pub participants: HashSet<UserId>,
    pub refs: Vec<ExternalRef>,
    pub attribution: Option<Attribution>,
}

pub async fn indexed(conn: &impl ConnectionTrait, ids: &[TicketId]) -> Result<Vec<Indexed>> {
    let rows = ticket::Entity::find().filter(ticket::Column::Id.is_in(ids.iter().copied())).all(conn).await?;
    with_all(conn, rows).await
}

/// Every ticket, or those of a condition, by ascending id, from behind `after`: for building an index.
pub async fn indexed_after(
    conn: &impl ConnectionTrait,
    of: Option<SimpleExpr>,
    after: Option<TicketId>,
    limit: u64,
) -> Result<Vec<Indexed>> {
    let mut select = ticket::Entity::find().order_by_asc(ticket::Column::Id).limit(limit);
    if let Some(of) = of {
        select = select.filter(of);
    }
    if let Some(after) = after {
        select = select.filter(ticket::Column::Id.gt(after));
    }
    let rows = select.all(conn).await?;
    with_all(conn, rows).await
}

async fn with_all(conn: &impl ConnectionTrait, rows: Vec<ticket::Model>) -> Result<Vec<Indexed>> {
    let ids: Vec<TicketId> = rows.iter().map(|row| row.id).collect();
    let mut participants = store::participants(conn, &ids).await?;
    let mut refs = store::refs(conn, &ids).await?;
    let mut attributions = store::attributions(conn, &ids).await?;
    rows.into_iter()
        .map(|row| {
            let id = row.id;
            Ok(Indexed {
                ticket: row.try_into()?,
                participants: participants.remove(&id).unwrap_or_default(),
                refs: refs.remove(&id).unwrap_or_default(),
                attribution: attributions.remove(&id),
            })
        })
        .collect()
}
