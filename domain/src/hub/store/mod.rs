//! Rows of the hub.

mod entities;
mod systems;

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict, Query};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait,
    IntoActiveModel as _, QueryFilter, QueryOrder as _, QuerySelect, SqlErr,
};
use uuid::Uuid;

pub(super) use self::entities::{
    correction, hub_difference, hub_holding, hub_ticket, partner_system, status_report, status_word, webhook_secret,
};
pub(super) use self::systems::*;
use super::model::{Correction, CorrectionState, Digest, Holding, Outcome, StatusReport};
use crate::kernel::{CorrectionId, Error, Result, SystemId, TicketId, Timestamp};
use crate::tickets::model::TicketStatus;

/// Rows of one statement.
const ROWS_MAX: usize = 500;

fn broken(what: &str, word: &str) -> DbErr {
    DbErr::Type(format!("{what}: {word:?} in the database is no word of this program"))
}

fn status_of(word: &str) -> Result<TicketStatus, DbErr> {
    TicketStatus::parse(word).ok_or_else(|| broken("ticket status", word))
}

impl TryFrom<status_report::Model> for StatusReport {
    type Error = DbErr;

    fn try_from(row: status_report::Model) -> Result<Self, DbErr> {
        let status_report::Model {
            id,
            ticket_id,
            system_id,
            rank,
            word,
            status,
            reopens,
            by_person,
            at,
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
            word,
            status: status.as_deref().map(status_of).transpose()?,
            reopens,
            by_person,
            at,
            received_at,
            operator,
            event_id,
            digest: Digest::try_from(digest.as_slice()).map_err(|_| broken("digest", "of another length"))?,
            outcome: Outcome::parse(&outcome).ok_or_else(|| broken("outcome", &outcome))?,
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
            word,
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
            word,
            status: status.map(|status| status.word().to_owned()),
            reopens,
            by_person,
            at,
            received_at,
            operator,
            event_id,
            digest: digest.to_vec(),
            outcome: outcome.word().to_owned(),
        }
    }
}

impl TryFrom<hub_holding::Model> for Holding {
    type Error = DbErr;

    fn try_from(row: hub_holding::Model) -> Result<Self, DbErr> {
        let hub_holding::Model { ticket_id, system_id, report_id, correction_id, status } = row;
        let status = status.as_deref().map(status_of).transpose()?;
        Ok(Self { ticket: ticket_id, system: system_id, report: report_id, correction: correction_id, status })
    }
}

impl TryFrom<correction::Model> for Correction {
    type Error = DbErr;

    fn try_from(row: correction::Model) -> Result<Self, DbErr> {
        let correction::Model {
            id,
            ticket_id,
            system_id,
            status,
            cause,
            created_at,
            state,
            attempts,
            refusals,
            due_at,
            sent_at,
            acknowledged_at,
            failure,
            echo_event,
        } = row;
        Ok(Self {
            id,
            ticket: ticket_id,
            system: system_id,
            status: status_of(&status)?,
            cause,
            created_at,
            state: CorrectionState::parse(&state).ok_or_else(|| broken("state of a correction", &state))?,
            attempts,
            refusals,
            due_at,
            sent_at,
            acknowledged_at,
            failure,
            echo_event,
        })
    }
}

impl From<Correction> for correction::Model {
    fn from(state: Correction) -> Self {
        let Correction {
            id,
            ticket,
            system,
            status,
            cause,
            created_at,
            state,
            attempts,
            refusals,
            due_at,
            sent_at,
            acknowledged_at,
            failure,
            echo_event,
        } = state;
        Self {
            id,
            ticket_id: ticket,
            system_id: system,
            status: status.word().to_owned(),
            cause,
            created_at,
            state: state.word().to_owned(),
            attempts,
            refusals,
            due_at,
            sent_at,
            acknowledged_at,
            failure,
            echo_event,
        }
    }
}

/// What is known of tickets as the hub keeps them.
pub(super) async fn hub_tickets(
    conn: &impl ConnectionTrait,
    ids: &[TicketId],
) -> Result<HashMap<TicketId, hub_ticket::Model>> {
    let select = hub_ticket::Entity::find().filter(hub_ticket::Column::TicketId.is_in(ids.iter().copied()));
    Ok(select.all(conn).await?.into_iter().map(|row| (row.ticket_id, row)).collect())
}

pub(super) async fn is_known(conn: &impl ConnectionTrait, id: TicketId) -> Result<bool> {
    Ok(hub_ticket::Entity::find_by_id(id).one(conn).await?.is_some())
}

pub(super) async fn put_hub_tickets(conn: &impl ConnectionTrait, rows: Vec<hub_ticket::Model>) -> Result<()> {
    let mut replace = OnConflict::column(hub_ticket::Column::TicketId);
    replace
        .update_columns([hub_ticket::Column::Status, hub_ticket::Column::ChangedAt, hub_ticket::Column::Reopenings])
        .update_columns([hub_ticket::Column::Reporting, hub_ticket::Column::ComparedFrom]);
    for rows in rows.chunks(ROWS_MAX) {
        let rows = rows.iter().cloned().map(|row| row.into_active_model().reset_all());
        hub_ticket::Entity::insert_many(rows).on_conflict(replace.clone()).exec_without_returning(conn).await?;
    }
    Ok(())
}

/// All that was said of tickets, in the order of time.
pub(super) async fn reports_of(conn: &impl ConnectionTrait, ids: &[TicketId]) -> Result<Vec<StatusReport>> {
    let rows = status_report::Entity::find()
        .filter(status_report::Column::TicketId.is_in(ids.iter().copied()))
        .order_by_asc(status_report::Column::At)
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(StatusReport::try_from).collect::<Result<_, _>>()?)
}

/// What a system has said by these names of its own.
pub(super) async fn reports_named(
    conn: &impl ConnectionTrait,
    system: SystemId,
    names: &[String],
) -> Result<Vec<StatusReport>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let rows = status_report::Entity::find()
        .filter(status_report::Column::SystemId.eq(system))
        .filter(status_report::Column::EventId.is_in(names))
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(StatusReport::try_from).collect::<Result<_, _>>()?)
}

pub(super) async fn insert_reports(conn: &impl ConnectionTrait, reports: Vec<StatusReport>) -> Result<()> {
    for reports in reports.chunks(ROWS_MAX) {
        let rows = reports.iter().cloned().map(|report| status_report::Model::from(report).into_active_model());
        match status_report::Entity::insert_many(rows).exec_without_returning(conn).await {
            Ok(_) => {}
            // The same event, on another ticket, by another node at this moment: looked at anew.
            Err(e) if matches!(e.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => return Err(Error::Conflict),
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}

/// Tickets of which a system has said a word that its map did not know, at most so many.
pub(super) async fn tickets_with_unknown(
    conn: &impl ConnectionTrait,
    system: SystemId,
    words: &[String],
    max: u64,
) -> Result<Vec<TicketId>> {
    Ok(status_report::Entity::find()
        .select_only()
        .distinct()
        .column(status_report::Column::TicketId)
        .filter(status_report::Column::SystemId.eq(system))
        .filter(status_report::Column::Word.is_in(words))
        .filter(status_report::Column::Status.is_null())
        .limit(max)
        .into_tuple()
        .all(conn)
        .await?)
}

/// Systems of which a word is kept that says nothing, though their map knows it: it was said by the map of before, on a node
/// that had not heard of the change.
pub(super) async fn systems_behind(conn: &impl ConnectionTrait) -> Result<Vec<SystemId>> {
    let word = |column| Expr::col((status_word::Entity, column));
    let said = |column| Expr::col((status_report::Entity, column));
    let known = word(status_word::Column::SystemId)
        .equals((status_report::Entity, status_report::Column::SystemId))
        .and(word(status_word::Column::Word).equals((status_report::Entity, status_report::Column::Word)));
    let known = Query::select().expr(Expr::val(1)).from(status_word::Entity).and_where(known).to_owned();
    Ok(status_report::Entity::find()
        .select_only()
        .distinct()
        .column(status_report::Column::SystemId)
        .filter(said(status_report::Column::Status).is_null())
        .filter(Expr::exists(known))
        .into_tuple()
        .all(conn)
        .await?)
}

/// A word is known now: what was said by it says something.
pub(super) async fn define_word(
    conn: &impl ConnectionTrait,
    tickets: &[TicketId],
    system: SystemId,
    word: &str,
    status: TicketStatus,
    reopens: bool,
) -> Result<()> {
    status_report::Entity::update_many()
        .col_expr(status_report::Column::Status, Expr::value(status.word()))
        .col_expr(status_report::Column::Reopens, Expr::value(reopens))
        .filter(status_report::Column::TicketId.is_in(tickets.iter().copied()))
        .filter(status_report::Column::SystemId.eq(system))
        .filter(status_report::Column::Word.eq(word))
        .filter(status_report::Column::Status.is_null())
        .exec(conn)
        .await?;
    Ok(())
}

pub(super) async fn holdings_of(conn: &impl ConnectionTrait, ids: &[TicketId]) -> Result<Vec<Holding>> {
    let rows =
        hub_holding::Entity::find().filter(hub_holding::Column::TicketId.is_in(ids.iter().copied())).all(conn).await?;
    Ok(rows.into_iter().map(Holding::try_from).collect::<Result<_, _>>()?)
}

pub(super) async fn put_holdings(conn: &impl ConnectionTrait, holdings: Vec<Holding>) -> Result<()> {
    let mut replace = OnConflict::columns([hub_holding::Column::TicketId, hub_holding::Column::SystemId]);
    replace.update_columns([
        hub_holding::Column::ReportId,
        hub_holding::Column::CorrectionId,
        hub_holding::Column::Status,
    ]);
    for holdings in holdings.chunks(ROWS_MAX) {
        let rows = holdings.iter().map(|holding| {
            let Holding { ticket, system, report, correction, status } = holding;
            hub_holding::ActiveModel {
                ticket_id: Set(*ticket),
                system_id: Set(*system),
                report_id: Set(*report),
                correction_id: Set(*correction),
                status: Set(status.map(|status| status.word().to_owned())),
            }
        });
        hub_holding::Entity::insert_many(rows).on_conflict(replace.clone()).exec_without_returning(conn).await?;
    }
    Ok(())
}

/// Corrections of tickets that are not over, and those that were sent lately.
pub(super) async fn corrections_of(
    conn: &impl ConnectionTrait,
    ids: &[TicketId],
    sent_since: Timestamp,
) -> Result<Vec<Correction>> {
    let open = correction::Column::State.is_in([CorrectionState::Due.word(), CorrectionState::Dead.word()]);
    let rows = correction::Entity::find()
        .filter(correction::Column::TicketId.is_in(ids.iter().copied()))
        .filter(Condition::any().add(open).add(Expr::col(correction::Column::SentAt).gte(sent_since)))
        .order_by_asc(correction::Column::Id)
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(Correction::try_from).collect::<Result<_, _>>()?)
}

/// Which corrections a system has repeated by these names of its own.
pub(super) async fn echoes_named(
    conn: &impl ConnectionTrait,
    system: SystemId,
    names: &[String],
) -> Result<Vec<Correction>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let rows = correction::Entity::find()
        .filter(correction::Column::SystemId.eq(system))
        .filter(correction::Column::EchoEvent.is_in(names))
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(Correction::try_from).collect::<Result<_, _>>()?)
}

/// The latest corrections of one ticket, oldest first.
pub(super) async fn all_corrections_of(conn: &impl ConnectionTrait, ticket: TicketId) -> Result<Vec<Correction>> {
    let select = correction::Entity::find().filter(correction::Column::TicketId.eq(ticket));
    let mut rows = select.order_by_desc(correction::Column::Id).limit(ROWS_MAX as u64).all(conn).await?;
    rows.reverse();
    Ok(rows.into_iter().map(Correction::try_from).collect::<Result<_, _>>()?)
}

pub(super) async fn corrections(conn: &impl ConnectionTrait, ids: &[CorrectionId]) -> Result<Vec<Correction>> {
    let select = correction::Entity::find().filter(correction::Column::Id.is_in(ids.iter().copied()));
    let rows = select.order_by_asc(correction::Column::Id).all(conn).await?;
    Ok(rows.into_iter().map(Correction::try_from).collect::<Result<_, _>>()?)
}

/// Of tickets that are taken.
pub(super) async fn put_corrections(conn: &impl ConnectionTrait, corrections: Vec<Correction>) -> Result<()> {
    put_corrections_where(conn, corrections, None).await
}

/// Those that are still in this state: of tickets that nobody has taken, somebody may change a correction at this moment.
pub(super) async fn put_corrections_where(
    conn: &impl ConnectionTrait,
    corrections: Vec<Correction>,
    state: impl Into<Option<CorrectionState>>,
) -> Result<()> {
    let mut replace = OnConflict::column(correction::Column::Id);
    replace
        .update_columns([correction::Column::State, correction::Column::Attempts, correction::Column::Refusals])
        .update_columns([correction::Column::DueAt, correction::Column::SentAt, correction::Column::AcknowledgedAt])
        .update_columns([correction::Column::Failure, correction::Column::EchoEvent]);
    if let Some(state) = state.into() {
        replace.action_and_where(Expr::col((correction::Entity, correction::Column::State)).eq(state.word()));
    }
    for corrections in corrections.chunks(ROWS_MAX) {
        let rows = corrections.iter().cloned().map(|one| correction::Model::from(one).into_active_model());
        correction::Entity::insert_many(rows).on_conflict(replace.clone()).exec_without_returning(conn).await?;
    }
    Ok(())
}

/// Where two systems differ now.
pub(super) async fn open_differences(
    conn: &impl ConnectionTrait,
    ids: &[TicketId],
) -> Result<Vec<hub_difference::Model>> {
    Ok(hub_difference::Entity::find()
        .filter(hub_difference::Column::TicketId.is_in(ids.iter().copied()))
        .filter(hub_difference::Column::EndedAt.is_null())
        .all(conn)
        .await?)
}

pub(super) async fn end_differences(conn: &impl ConnectionTrait, ids: Vec<Uuid>, at: Timestamp) -> Result<()> {
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

pub(super) async fn begin_differences(conn: &impl ConnectionTrait, rows: Vec<hub_difference::Model>) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows = rows.into_iter().map(|row| row.into_active_model().reset_all());
    hub_difference::Entity::insert_many(rows).exec_without_returning(conn).await?;
    Ok(())
}
