//! Tables of the hub.

mod corrections;
mod entities;
mod systems;

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict, Query};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait, DbErr, EntityTrait, IntoActiveModel as _, QueryFilter,
    QueryOrder as _, QuerySelect, SqlErr,
};
use uuid::Uuid;

pub(super) use self::corrections::*;
pub(super) use self::entities::{
    correction, hub_difference, hub_holding, hub_ticket, partner_system, status_report, status_word, webhook_secret,
};
pub(super) use self::systems::*;
use super::model::{Digest, OpenDifference, Outcome, StatusMapping, StatusReport, SystemState, TrackedTicket};
use crate::kernel::{Error, Micros, Result, SystemId, TicketId, Timestamp};
use crate::runtime::Executor;
use crate::tickets::model::TicketStatus;

/// Rows per statement.
const ROWS_MAX: usize = 500;

fn invalid(what: &str, word: &str) -> DbErr {
    DbErr::Type(format!("{what}: {word:?} in the database is no word of this program"))
}

fn status_of(word: &str) -> Result<TicketStatus, DbErr> {
    word.parse::<TicketStatus>().map_err(|_| invalid("ticket status", word))
}

impl TryFrom<status_report::Model> for StatusReport {
    type Error = DbErr;

    fn try_from(row: status_report::Model) -> Result<Self, DbErr> {
        let status_report::Model {
            id,
            ticket_id,
            system_id,
            rank,
            position,
            word: source_status,
            status,
            reopens,
            by_person,
            at: Micros(at),
            received_at,
            operator,
            event_id,
            digest,
            outcome,
        } = row;
        Ok(Self {
            id,
            ticket: ticket_id,
            system: system_id,
            rank: u32::try_from(rank).unwrap_or(0),
            position: u32::try_from(position).unwrap_or(0),
            source_status,
            status: status.as_deref().map(status_of).transpose()?,
            reopens,
            by_person,
            at,
            received_at,
            operator,
            event_id,
            digest: Digest::try_from(digest.as_slice()).map_err(|_| invalid("digest", "of another length"))?,
            outcome: outcome.parse::<Outcome>().map_err(|_| invalid("outcome", &outcome))?,
        })
    }
}

impl From<StatusReport> for status_report::Model {
    fn from(report: StatusReport) -> Self {
        let StatusReport {
            id,
            ticket,
            system,
            rank,
            position,
            source_status,
            status,
            reopens,
            by_person,
            at,
            received_at,
            operator,
            event_id,
            digest,
            outcome,
        } = report;
        Self {
            id,
            ticket_id: ticket,
            system_id: system,
            rank: i32::try_from(rank).unwrap_or(i32::MAX),
            position: i32::try_from(position).unwrap_or(i32::MAX),
            word: source_status,
            status: status.map(|status| status.as_str().to_owned()),
            reopens,
            by_person,
            at: Micros(at),
            received_at,
            operator,
            event_id,
            digest: digest.to_vec(),
            outcome: outcome.as_str().to_owned(),
        }
    }
}

impl TryFrom<hub_holding::Model> for SystemState {
    type Error = DbErr;

    fn try_from(row: hub_holding::Model) -> Result<Self, DbErr> {
        let hub_holding::Model { ticket_id, system_id, report_id, correction_id, status } = row;
        let status = status.as_deref().map(status_of).transpose()?;
        Ok(Self { ticket: ticket_id, system: system_id, report: report_id, correction: correction_id, status })
    }
}

impl TryFrom<hub_ticket::Model> for TrackedTicket {
    type Error = DbErr;

    fn try_from(row: hub_ticket::Model) -> Result<Self, DbErr> {
        let hub_ticket::Model { ticket_id, status, changed_at, reopenings, reporting, compared_from } = row;
        Ok(Self {
            ticket: ticket_id,
            status: status_of(&status)?,
            changed_at: changed_at.map(|Micros(at)| at),
            reopenings,
            reporting,
            compared_from,
        })
    }
}

impl From<TrackedTicket> for hub_ticket::Model {
    fn from(tracked: TrackedTicket) -> Self {
        let TrackedTicket { ticket, status, changed_at, reopenings, reporting, compared_from } = tracked;
        Self {
            ticket_id: ticket,
            status: status.as_str().to_owned(),
            changed_at: changed_at.map(Micros),
            reopenings,
            reporting,
            compared_from,
        }
    }
}

/// Those of the tickets that the hub tracks.
pub(super) async fn tracked_tickets(conn: &Executor, ids: &[TicketId]) -> Result<HashMap<TicketId, TrackedTicket>> {
    let rows =
        hub_ticket::Entity::find().filter(hub_ticket::Column::TicketId.is_in(ids.iter().copied())).all(conn).await?;
    Ok(rows.into_iter().map(|row| Ok((row.ticket_id, row.try_into()?))).collect::<Result<_, DbErr>>()?)
}

pub(super) async fn is_tracked(conn: &Executor, id: TicketId) -> Result<bool> {
    Ok(hub_ticket::Entity::find_by_id(id).one(conn).await?.is_some())
}

pub(super) async fn put_tracked_tickets(conn: &Executor, tracked: Vec<TrackedTicket>) -> Result<()> {
    let mut replace = OnConflict::column(hub_ticket::Column::TicketId);
    replace
        .update_columns([hub_ticket::Column::Status, hub_ticket::Column::ChangedAt, hub_ticket::Column::Reopenings])
        .update_columns([hub_ticket::Column::Reporting, hub_ticket::Column::ComparedFrom]);
    for tracked in tracked.chunks(ROWS_MAX) {
        let rows = tracked.iter().cloned().map(|one| hub_ticket::Model::from(one).into_active_model().reset_all());
        hub_ticket::Entity::insert_many(rows).on_conflict(replace.clone()).exec_without_returning(conn).await?;
    }
    Ok(())
}

/// All reports and local changes of tickets, ordered by time.
pub(super) async fn reports_of(conn: &Executor, ids: &[TicketId]) -> Result<Vec<StatusReport>> {
    let rows = status_report::Entity::find()
        .filter(status_report::Column::TicketId.is_in(ids.iter().copied()))
        .order_by_asc(status_report::Column::At)
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(StatusReport::try_from).collect::<Result<_, _>>()?)
}

/// Reports of a system with these event ids.
pub(super) async fn reports_by_event_id(
    conn: &Executor,
    system: SystemId,
    event_ids: &[String],
) -> Result<Vec<StatusReport>> {
    if event_ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = status_report::Entity::find()
        .filter(status_report::Column::SystemId.eq(system))
        .filter(status_report::Column::EventId.is_in(event_ids))
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(StatusReport::try_from).collect::<Result<_, _>>()?)
}

pub(super) async fn insert_reports(conn: &Executor, reports: Vec<StatusReport>) -> Result<()> {
    for reports in reports.chunks(ROWS_MAX) {
        let rows = reports.iter().cloned().map(|report| status_report::Model::from(report).into_active_model());
        match status_report::Entity::insert_many(rows).exec_without_returning(conn).await {
            Ok(_) => {}
            // Another node stored the same event for another ticket concurrently: retry.
            Err(e) if matches!(e.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => return Err(Error::Conflict),
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}

/// Tickets with unmapped reports of a system that use one of these source statuses, at most `max`.
pub(super) async fn tickets_with_unmapped(
    conn: &Executor,
    system: SystemId,
    source_statuses: &[String],
    max: u64,
) -> Result<Vec<TicketId>> {
    Ok(status_report::Entity::find()
        .select_only()
        .distinct()
        .column(status_report::Column::TicketId)
        .filter(status_report::Column::SystemId.eq(system))
        .filter(status_report::Column::Word.is_in(source_statuses))
        .filter(status_report::Column::Status.is_null())
        .limit(max)
        .into_tuple()
        .all(conn)
        .await?)
}

/// Systems with unmapped reports whose source status is in their status map: the report was received by a node that did
/// not know the new status map yet.
pub(super) async fn systems_to_rebuild(conn: &Executor) -> Result<Vec<SystemId>> {
    let mapping = |column| Expr::col((status_word::Entity, column));
    let report = |column| Expr::col((status_report::Entity, column));
    let mapped = mapping(status_word::Column::SystemId)
        .equals((status_report::Entity, status_report::Column::SystemId))
        .and(mapping(status_word::Column::Word).equals((status_report::Entity, status_report::Column::Word)));
    let mapped = Query::select().expr(Expr::val(1)).from(status_word::Entity).and_where(mapped).to_owned();
    Ok(status_report::Entity::find()
        .select_only()
        .distinct()
        .column(status_report::Column::SystemId)
        .filter(report(status_report::Column::Status).is_null())
        .filter(Expr::exists(mapped))
        .into_tuple()
        .all(conn)
        .await?)
}

/// Applies a new mapping to the unmapped reports of tickets.
pub(super) async fn apply_mapping(
    conn: &Executor,
    tickets: &[TicketId],
    system: SystemId,
    mapping: &StatusMapping,
) -> Result<()> {
    let StatusMapping { source_status, status, reopens } = mapping;
    status_report::Entity::update_many()
        .col_expr(status_report::Column::Status, Expr::value(status.as_str()))
        .col_expr(status_report::Column::Reopens, Expr::value(*reopens))
        .filter(status_report::Column::TicketId.is_in(tickets.iter().copied()))
        .filter(status_report::Column::SystemId.eq(system))
        .filter(status_report::Column::Word.eq(source_status))
        .filter(status_report::Column::Status.is_null())
        .exec(conn)
        .await?;
    Ok(())
}

pub(super) async fn system_states_of(conn: &Executor, ids: &[TicketId]) -> Result<Vec<SystemState>> {
    let rows =
        hub_holding::Entity::find().filter(hub_holding::Column::TicketId.is_in(ids.iter().copied())).all(conn).await?;
    Ok(rows.into_iter().map(SystemState::try_from).collect::<Result<_, _>>()?)
}

pub(super) async fn put_system_states(conn: &Executor, system_states: Vec<SystemState>) -> Result<()> {
    let mut replace = OnConflict::columns([hub_holding::Column::TicketId, hub_holding::Column::SystemId]);
    replace.update_columns([
        hub_holding::Column::ReportId,
        hub_holding::Column::CorrectionId,
        hub_holding::Column::Status,
    ]);
    for system_states in system_states.chunks(ROWS_MAX) {
        let rows = system_states.iter().map(|state| {
            let SystemState { ticket, system, report, correction, status } = state;
            hub_holding::ActiveModel {
                ticket_id: Set(*ticket),
                system_id: Set(*system),
                report_id: Set(*report),
                correction_id: Set(*correction),
                status: Set(status.map(|status| status.as_str().to_owned())),
            }
        });
        hub_holding::Entity::insert_many(rows).on_conflict(replace.clone()).exec_without_returning(conn).await?;
    }
    Ok(())
}

/// Deletes the states of systems that no longer take part in tickets.
pub(super) async fn delete_system_states(conn: &Executor, of: Vec<(TicketId, SystemId)>) -> Result<()> {
    for key in of {
        hub_holding::Entity::delete_by_id(key).exec(conn).await?;
    }
    Ok(())
}

/// Open differences between two systems.
pub(super) async fn open_differences(conn: &Executor, ids: &[TicketId]) -> Result<Vec<OpenDifference>> {
    let rows = hub_difference::Entity::find()
        .filter(hub_difference::Column::TicketId.is_in(ids.iter().copied()))
        .filter(hub_difference::Column::EndedAt.is_null())
        .all(conn)
        .await?;
    let difference = |row: hub_difference::Model| OpenDifference {
        id: row.id,
        ticket: row.ticket_id,
        pair: (row.first_id, row.second_id),
    };
    Ok(rows.into_iter().map(difference).collect())
}

pub(super) async fn end_differences(conn: &Executor, ids: Vec<Uuid>, at: Timestamp) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    hub_difference::Entity::update_many()
        .col_expr(hub_difference::Column::EndedAt, Expr::value(at))
        .filter(hub_difference::Column::Id.is_in(ids))
        .exec(conn)
        .await?;
    Ok(())
}

pub(super) async fn begin_differences(conn: &Executor, differences: Vec<OpenDifference>, at: Timestamp) -> Result<()> {
    if differences.is_empty() {
        return Ok(());
    }
    let rows = differences.into_iter().map(|OpenDifference { id, ticket, pair: (first_id, second_id) }| {
        hub_difference::ActiveModel {
            id: Set(id),
            ticket_id: Set(ticket),
            first_id: Set(first_id),
            second_id: Set(second_id),
            began_at: Set(at),
            ended_at: Set(None),
        }
    });
    hub_difference::Entity::insert_many(rows).exec_without_returning(conn).await?;
    Ok(())
}
