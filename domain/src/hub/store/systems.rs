//! Tables of systems, their status maps and secrets.

use std::collections::HashMap;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait, Condition, DbErr, EntityTrait, IntoActiveModel as _,
    QueryFilter, QueryOrder as _, QuerySelect,
};
use uuid::Uuid;

use super::{partner_system, status_of, status_report, status_word, webhook_secret};
use crate::hub::model::{StatusMapping, System, UnmappedStatus};
use crate::kernel::{Message, Result, SystemId, Timestamp};
use crate::runtime::{Executor, Tx};
use crate::webhooks::model::{Endpoint, SealedSecret};

fn system_of(row: partner_system::Model, status_map: Vec<StatusMapping>) -> System {
    let partner_system::Model {
        id,
        key,
        name,
        rank,
        user_id,
        callback_url,
        created_at,
        failing_since,
        failures,
        retry_at,
        disabled_at,
        disabled_because,
        clock_offset_millis,
        clock_seen_at,
    } = row;
    System {
        id,
        key,
        name,
        rank: u32::try_from(rank).unwrap_or(0),
        account: user_id,
        endpoint: Endpoint {
            url: callback_url,
            failing_since,
            failures,
            retry_at,
            disabled_at,
            disabled_because: disabled_because.as_deref().map(Message::from_stored),
        },
        created_at,
        clock_offset_millis,
        clock_seen_at,
        status_map,
    }
}

fn row_of(system: &System) -> partner_system::Model {
    let System {
        id,
        key,
        name,
        rank,
        account,
        endpoint,
        created_at,
        clock_offset_millis,
        clock_seen_at,
        status_map: _,
    } = system.clone();
    let Endpoint { url: callback_url, failing_since, failures, retry_at, disabled_at, disabled_because } = endpoint;
    partner_system::Model {
        id,
        key,
        name,
        rank: i32::try_from(rank).unwrap_or(i32::MAX),
        user_id: account,
        callback_url,
        created_at,
        failing_since,
        failures,
        retry_at,
        disabled_at,
        disabled_because: disabled_because.as_ref().map(Message::to_stored),
        clock_offset_millis,
        clock_seen_at,
    }
}

/// All systems, ordered by key; there are few.
pub(in crate::hub) async fn systems(conn: &Executor) -> Result<Vec<System>> {
    let rows = partner_system::Entity::find().order_by_asc(partner_system::Column::Key).all(conn).await?;
    let mappings = status_word::Entity::find().order_by_asc(status_word::Column::Position).all(conn).await?;
    let mut of: HashMap<SystemId, Vec<StatusMapping>> = HashMap::new();
    for status_word::Model { system_id, word, position: _, status, reopens } in mappings {
        let status = status_of(&status)?;
        of.entry(system_id).or_default().push(StatusMapping { source_status: word, status, reopens });
    }
    Ok(rows
        .into_iter()
        .map(|row| {
            let status_map = of.remove(&row.id).unwrap_or_default();
            system_of(row, status_map)
        })
        .collect())
}

pub(in crate::hub) async fn insert_system(conn: &Executor, system: &System) -> Result<()> {
    let row = row_of(system).into_active_model().reset_all();
    partner_system::Entity::insert(row).exec_without_returning(conn).await?;
    put_status_map(conn, system.id, &system.status_map).await
}

/// Saves what an administrator configures, and the health of the endpoint.
pub(in crate::hub) async fn save_system(conn: &Executor, system: &System) -> Result<()> {
    let mut change = row_of(system).into_active_model().reset_all();
    // Saved by `save_clock_offset`.
    change.clock_offset_millis = sea_orm::NotSet;
    change.clock_seen_at = sea_orm::NotSet;
    partner_system::Entity::update(change).exec(conn).await?;
    Ok(())
}

pub(in crate::hub) async fn put_status_map(
    conn: &Executor,
    system: SystemId,
    status_map: &[StatusMapping],
) -> Result<()> {
    status_word::Entity::delete_many().filter(status_word::Column::SystemId.eq(system)).exec(conn).await?;
    if status_map.is_empty() {
        return Ok(());
    }
    let rows = status_map.iter().zip(0..).map(|(mapping, position)| status_word::ActiveModel {
        system_id: Set(system),
        word: Set(mapping.source_status.clone()),
        position: Set(position),
        status: Set(mapping.status.as_str().to_owned()),
        reopens: Set(mapping.reopens),
    });
    status_word::Entity::insert_many(rows).exec_without_returning(conn).await?;
    Ok(())
}

pub(in crate::hub) async fn save_clock_offset(
    conn: &Executor,
    system: SystemId,
    offset_millis: i64,
    at: Timestamp,
) -> Result<()> {
    partner_system::Entity::update_many()
        .col_expr(partner_system::Column::ClockOffsetMillis, Expr::value(offset_millis))
        .col_expr(partner_system::Column::ClockSeenAt, Expr::value(at))
        .filter(partner_system::Column::Id.eq(system))
        .exec(conn)
        .await?;
    Ok(())
}

pub(in crate::hub) async fn insert_secret(tx: &Tx, system: SystemId, sealed: Vec<u8>) -> Result<()> {
    let row = webhook_secret::ActiveModel {
        id: Set(tx.new_uuid()),
        system_id: Set(system),
        sealed: Set(sealed),
        created_at: Set(tx.now),
        expires_at: Set(None),
    };
    webhook_secret::Entity::insert(row).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// Expires the secrets of a system at this time, unless they expire earlier, and deletes expired ones.
pub(in crate::hub) async fn end_secrets(tx: &Tx, system: SystemId, at: Timestamp) -> Result<()> {
    webhook_secret::Entity::update_many()
        .col_expr(webhook_secret::Column::ExpiresAt, Expr::value(at))
        .filter(webhook_secret::Column::SystemId.eq(system))
        .filter(
            Condition::any()
                .add(webhook_secret::Column::ExpiresAt.is_null())
                .add(webhook_secret::Column::ExpiresAt.gt(at)),
        )
        .exec(tx.conn())
        .await?;
    webhook_secret::Entity::delete_many().filter(webhook_secret::Column::ExpiresAt.lte(tx.now)).exec(tx.conn()).await?;
    Ok(())
}

/// The secrets of a system, newest first.
pub(in crate::hub) async fn secrets(conn: &Executor, system: SystemId) -> Result<Vec<SealedSecret>> {
    let rows = webhook_secret::Entity::find()
        .filter(webhook_secret::Column::SystemId.eq(system))
        .order_by_desc(webhook_secret::Column::Id)
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(|row| SealedSecret { sealed: row.sealed, expires_at: row.expires_at }).collect())
}

pub(in crate::hub) type CountOf = (SystemId, i64);

/// The number of valid secrets per system.
pub(in crate::hub) async fn secret_counts(conn: &Executor, now: Timestamp) -> Result<Vec<CountOf>> {
    Ok(webhook_secret::Entity::find()
        .select_only()
        .column(webhook_secret::Column::SystemId)
        .column_as(webhook_secret::Column::Id.count(), "n")
        .filter(
            Condition::any()
                .add(webhook_secret::Column::ExpiresAt.is_null())
                .add(webhook_secret::Column::ExpiresAt.gt(now)),
        )
        .group_by(webhook_secret::Column::SystemId)
        .into_tuple()
        .all(conn)
        .await?)
}

/// Unmapped statuses shown.
const UNMAPPED_MAX: u64 = 500;

/// Source statuses that are not mapped, the most used first.
pub(in crate::hub) async fn unmapped_statuses(conn: &Executor) -> Result<Vec<(SystemId, UnmappedStatus)>> {
    let rows = status_report::Entity::find()
        .select_only()
        .column(status_report::Column::SystemId)
        .column(status_report::Column::Word)
        .column_as(status_report::Column::Id.count(), "n")
        .column_as(status_report::Column::ReceivedAt.max(), "last")
        .filter(status_report::Column::Status.is_null())
        .filter(status_report::Column::SystemId.is_not_null())
        .group_by(status_report::Column::SystemId)
        .group_by(status_report::Column::Word)
        .order_by_desc(status_report::Column::Id.count())
        .limit(UNMAPPED_MAX)
        .into_tuple::<(SystemId, String, i64, Timestamp)>()
        .all(conn)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(system, word, reports, last_at)| (system, UnmappedStatus { source_status: word, reports, last_at }))
        .collect())
}

/// Whether the system has an unmapped report with this source status.
pub(in crate::hub) async fn has_unmapped_report(
    conn: &Executor,
    system: SystemId,
    source_status: &str,
) -> Result<bool, DbErr> {
    let unmapped = status_report::Entity::find()
        .select_only()
        .column(status_report::Column::Id)
        .filter(status_report::Column::SystemId.eq(system))
        .filter(status_report::Column::Word.eq(source_status))
        .filter(status_report::Column::Status.is_null());
    Ok(unmapped.into_tuple::<Uuid>().one(conn).await?.is_some())
}
