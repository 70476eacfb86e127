//! The table of corrections.

use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict, Query};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, IntoActiveModel as _, Order, QueryFilter, QueryOrder as _, QuerySelect,
};

use super::{CountOf, ROWS_MAX, correction};
use crate::hub::model::{Correction, CorrectionState};
use crate::kernel::{CorrectionId, Result, SystemId, TicketId, Timestamp};
use crate::runtime::Executor;
use crate::runtime::row::row;
use crate::webhooks::model::QueueEntry;

row! {
    correction::Model => Correction {
        id, status, cause, created_at, state, acknowledged_at, echo_event; ticket = ticket_id, system = system_id
    }
    group delivery: QueueEntry { attempts, due_at, sent_at, failure; rejections = refusals }
}

fn from_rows(rows: Vec<correction::Model>) -> Result<Vec<Correction>> {
    Ok(rows.into_iter().map(Correction::try_from).collect::<Result<_, _>>()?)
}

/// Corrections of tickets that are open or were sent recently.
pub(in crate::hub) async fn corrections_of(
    conn: &Executor,
    ids: &[TicketId],
    sent_since: Timestamp,
) -> Result<Vec<Correction>> {
    let open = correction::Column::State.is_in([CorrectionState::Due.as_str(), CorrectionState::Dead.as_str()]);
    let rows = correction::Entity::find()
        .filter(correction::Column::TicketId.is_in(ids.iter().copied()))
        .filter(Condition::any().add(open).add(Expr::col(correction::Column::SentAt).gte(sent_since)))
        .order_by_asc(correction::Column::Id)
        .all(conn)
        .await?;
    from_rows(rows)
}

/// Corrections that reports of a system with these event ids echoed.
pub(in crate::hub) async fn corrections_by_echo_event(
    conn: &Executor,
    system: SystemId,
    event_ids: &[String],
) -> Result<Vec<Correction>> {
    if event_ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = correction::Entity::find()
        .filter(correction::Column::SystemId.eq(system))
        .filter(correction::Column::EchoEvent.is_in(event_ids))
        .all(conn)
        .await?;
    from_rows(rows)
}

/// The latest corrections of one ticket, oldest first.
pub(in crate::hub) async fn all_corrections_of(conn: &Executor, ticket: TicketId) -> Result<Vec<Correction>> {
    let select = correction::Entity::find().filter(correction::Column::TicketId.eq(ticket));
    let mut rows = select.order_by_desc(correction::Column::Id).limit(ROWS_MAX as u64).all(conn).await?;
    rows.reverse();
    from_rows(rows)
}

pub(in crate::hub) async fn corrections(conn: &Executor, ids: &[CorrectionId]) -> Result<Vec<Correction>> {
    let select = correction::Entity::find().filter(correction::Column::Id.is_in(ids.iter().copied()));
    let rows = select.order_by_asc(correction::Column::Id).all(conn).await?;
    from_rows(rows)
}

/// For tickets locked by this transaction.
pub(in crate::hub) async fn put_corrections(conn: &Executor, corrections: Vec<Correction>) -> Result<()> {
    put_corrections_where(conn, corrections, None).await
}

/// Changes only those still in this state: without a lock of the ticket, a correction may be changed concurrently.
pub(in crate::hub) async fn put_corrections_where(
    conn: &Executor,
    corrections: Vec<Correction>,
    state: impl Into<Option<CorrectionState>>,
) -> Result<()> {
    let mut replace = OnConflict::column(correction::Column::Id);
    replace
        .update_columns([correction::Column::State, correction::Column::Attempts, correction::Column::Refusals])
        .update_columns([correction::Column::DueAt, correction::Column::SentAt, correction::Column::AcknowledgedAt])
        .update_columns([correction::Column::Failure, correction::Column::EchoEvent]);
    if let Some(state) = state.into() {
        replace.action_and_where(Expr::col((correction::Entity, correction::Column::State)).eq(state.as_str()));
    }
    for corrections in corrections.chunks(ROWS_MAX) {
        let rows = corrections.iter().cloned().map(|one| correction::Model::from(one).into_active_model());
        correction::Entity::insert_many(rows).on_conflict(replace.clone()).exec_without_returning(conn).await?;
    }
    Ok(())
}

/// Counts an attempt for the corrections that are due, and returns them, oldest first.
pub(in crate::hub) async fn claim_due(
    conn: &Executor,
    system: SystemId,
    now: Timestamp,
    max: u64,
) -> Result<Vec<Correction>> {
    let mut due = Query::select();
    due.column(correction::Column::Id)
        .from(correction::Entity)
        .and_where(correction::Column::SystemId.eq(system))
        .and_where(correction::Column::State.eq(CorrectionState::Due.as_str()))
        .and_where(Expr::col(correction::Column::DueAt).lte(now))
        .order_by(correction::Column::DueAt, Order::Asc)
        .order_by(correction::Column::Id, Order::Asc)
        .limit(max);
    let rows = correction::Entity::update_many()
        .col_expr(correction::Column::Attempts, Expr::col(correction::Column::Attempts).add(1))
        .col_expr(correction::Column::SentAt, Expr::value(now))
        .filter(correction::Column::Id.in_subquery(due))
        // A correction superseded or acknowledged concurrently is not sent.
        .filter(correction::Column::State.eq(CorrectionState::Due.as_str()))
        .exec_with_returning(conn)
        .await?;
    let mut corrections: Vec<Correction> = rows.into_iter().map(Correction::try_from).collect::<Result<_, _>>()?;
    corrections.sort_by_key(|one| (one.delivery.due_at, one.id));
    Ok(corrections)
}

/// When the next correction of a system is due.
pub(in crate::hub) async fn first_due_at(conn: &Executor, system: SystemId) -> Result<Option<Timestamp>> {
    let first: Option<Option<Timestamp>> = correction::Entity::find()
        .select_only()
        .column_as(correction::Column::DueAt.min(), "first")
        .filter(correction::Column::SystemId.eq(system))
        .filter(correction::Column::State.eq(CorrectionState::Due.as_str()))
        .filter(correction::Column::DueAt.is_not_null())
        .into_tuple()
        .one(conn)
        .await?;
    Ok(first.flatten())
}

/// Marks those that were not sent yet as sent.
pub(in crate::hub) async fn mark_sent(conn: &Executor, ids: &[CorrectionId], at: Timestamp) -> Result<()> {
    correction::Entity::update_many()
        .col_expr(correction::Column::SentAt, Expr::value(at))
        .filter(correction::Column::Id.is_in(ids.iter().copied()))
        .filter(correction::Column::SentAt.is_null())
        .exec(conn)
        .await?;
    Ok(())
}

/// Takes back the attempts counted for corrections that were not sent.
pub(in crate::hub) async fn revert_attempts(conn: &Executor, unsent: Vec<CorrectionId>) -> Result<()> {
    if unsent.is_empty() {
        return Ok(());
    }
    correction::Entity::update_many()
        .col_expr(correction::Column::Attempts, Expr::col(correction::Column::Attempts).sub(1))
        .col_expr(correction::Column::SentAt, Expr::value(Option::<i64>::None))
        .filter(correction::Column::Id.is_in(unsent))
        .filter(correction::Column::State.eq(CorrectionState::Due.as_str()))
        .exec(conn)
        .await?;
    Ok(())
}

/// Turns the due corrections of a disabled endpoint into dead letters.
pub(in crate::hub) async fn dead_letter_all(conn: &Executor, system: SystemId) -> Result<Vec<Correction>> {
    let rows = correction::Entity::update_many()
        .col_expr(correction::Column::State, Expr::value(CorrectionState::Dead.as_str()))
        .col_expr(correction::Column::DueAt, Expr::value(Option::<i64>::None))
        .filter(correction::Column::SystemId.eq(system))
        .filter(correction::Column::State.eq(CorrectionState::Due.as_str()))
        .exec_with_returning(conn)
        .await?;
    from_rows(rows)
}

/// Dead letters of a system, oldest first.
pub(in crate::hub) async fn dead_letters(conn: &Executor, system: SystemId, max: u64) -> Result<Vec<Correction>> {
    let rows = correction::Entity::find()
        .filter(correction::Column::SystemId.eq(system))
        .filter(correction::Column::State.eq(CorrectionState::Dead.as_str()))
        .order_by_asc(correction::Column::Id)
        .limit(max)
        .all(conn)
        .await?;
    from_rows(rows)
}

/// The number of corrections in a state per system.
pub(in crate::hub) async fn correction_counts(conn: &Executor, state: CorrectionState) -> Result<Vec<CountOf>> {
    Ok(correction::Entity::find()
        .select_only()
        .column(correction::Column::SystemId)
        .column_as(correction::Column::Id.count(), "n")
        .filter(correction::Column::State.eq(state.as_str()))
        .group_by(correction::Column::SystemId)
        .into_tuple()
        .all(conn)
        .await?)
}
