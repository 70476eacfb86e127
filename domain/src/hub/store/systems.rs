//! Rows of systems, their words and secrets.

use std::collections::HashMap;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait,
    IntoActiveModel as _, QueryFilter, QueryOrder as _, QuerySelect,
};
use uuid::Uuid;

use super::{correction, partner_system, status_of, status_report, status_word, webhook_secret};
use crate::hub::model::{CorrectionState, StatusWord, System, UnknownWord};
use crate::kernel::{Result, SystemId, Timestamp};
use crate::runtime::{Tx, Vault};

fn system_of(row: partner_system::Model, words: Vec<StatusWord>) -> System {
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
        callback_url,
        created_at,
        failing_since,
        failures,
        retry_at,
        disabled_at,
        disabled_because,
        clock_offset_millis,
        clock_seen_at,
        words,
    }
}

fn row_of(system: &System) -> partner_system::Model {
    let System {
        id,
        key,
        name,
        rank,
        account,
        callback_url,
        created_at,
        failing_since,
        failures,
        retry_at,
        disabled_at,
        disabled_because,
        clock_offset_millis,
        clock_seen_at,
        words: _,
    } = system.clone();
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
        disabled_because,
        clock_offset_millis,
        clock_seen_at,
    }
}

/// All systems, by their keys: there are few.
pub(in crate::hub) async fn systems(conn: &impl ConnectionTrait) -> Result<Vec<System>> {
    let rows = partner_system::Entity::find().order_by_asc(partner_system::Column::Key).all(conn).await?;
    let words = status_word::Entity::find().order_by_asc(status_word::Column::Position).all(conn).await?;
    let mut of: HashMap<SystemId, Vec<StatusWord>> = HashMap::new();
    for status_word::Model { system_id, word, position: _, status, reopens } in words {
        let status = status_of(&status)?;
        of.entry(system_id).or_default().push(StatusWord { word, status, reopens });
    }
    Ok(rows
        .into_iter()
        .map(|row| {
            let words = of.remove(&row.id).unwrap_or_default();
            system_of(row, words)
        })
        .collect())
}

pub(in crate::hub) async fn insert_system(conn: &impl ConnectionTrait, system: &System) -> Result<()> {
    let row = row_of(system).into_active_model().reset_all();
    partner_system::Entity::insert(row).exec_without_returning(conn).await?;
    put_words(conn, system.id, &system.words).await
}

/// What an administrator chooses, and how its endpoint does.
pub(in crate::hub) async fn save_system(conn: &impl ConnectionTrait, system: &System) -> Result<()> {
    let mut change = row_of(system).into_active_model().reset_all();
    // Noted beside.
    change.clock_offset_millis = sea_orm::NotSet;
    change.clock_seen_at = sea_orm::NotSet;
    partner_system::Entity::update(change).exec(conn).await?;
    Ok(())
}

pub(in crate::hub) async fn put_words(
    conn: &impl ConnectionTrait,
    system: SystemId,
    words: &[StatusWord],
) -> Result<()> {
    status_word::Entity::delete_many().filter(status_word::Column::SystemId.eq(system)).exec(conn).await?;
    if words.is_empty() {
        return Ok(());
    }
    let rows = words.iter().zip(0..).map(|(word, position)| status_word::ActiveModel {
        system_id: Set(system),
        word: Set(word.word.clone()),
        position: Set(position),
        status: Set(word.status.word().to_owned()),
        reopens: Set(word.reopens),
    });
    status_word::Entity::insert_many(rows).exec_without_returning(conn).await?;
    Ok(())
}

pub(in crate::hub) async fn note_clock(
    conn: &impl ConnectionTrait,
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

const PURPOSE: &str = "webhook-secret";

pub(in crate::hub) async fn insert_secret(tx: &Tx, system: SystemId, secret: &[u8]) -> Result<()> {
    let row = webhook_secret::ActiveModel {
        id: Set(tx.new_uuid()),
        system_id: Set(system),
        sealed: Set(tx.app().state::<Vault>().seal(PURPOSE, secret, &*tx.app().chance)),
        created_at: Set(tx.now),
        expires_at: Set(None),
    };
    webhook_secret::Entity::insert(row).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// Ends those that would go on for longer.
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

/// Secrets that sign now, newest first.
pub(in crate::hub) async fn secrets(tx: &Tx, system: SystemId) -> Result<Vec<Vec<u8>>> {
    let rows = webhook_secret::Entity::find()
        .filter(webhook_secret::Column::SystemId.eq(system))
        .order_by_desc(webhook_secret::Column::Id)
        .all(tx.conn())
        .await?;
    let good = rows.into_iter().filter(|row| row.expires_at.is_none_or(|at| tx.now < at));
    good.map(|row| tx.app().state::<Vault>().unseal(PURPOSE, &row.sealed)).collect()
}

type CountOf = (SystemId, i64);

/// How many secrets of each system sign now.
pub(in crate::hub) async fn secret_counts(conn: &impl ConnectionTrait, now: Timestamp) -> Result<Vec<CountOf>> {
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

/// Corrections of each system in a state.
pub(in crate::hub) async fn correction_counts(
    conn: &impl ConnectionTrait,
    state: CorrectionState,
) -> Result<Vec<CountOf>> {
    Ok(correction::Entity::find()
        .select_only()
        .column(correction::Column::SystemId)
        .column_as(correction::Column::Id.count(), "n")
        .filter(correction::Column::State.eq(state.word()))
        .group_by(correction::Column::SystemId)
        .into_tuple()
        .all(conn)
        .await?)
}

/// Words shown of one system.
const UNKNOWN_MAX: u64 = 500;

/// Words that maps do not know, the most used first.
pub(in crate::hub) async fn unknown_words(conn: &impl ConnectionTrait) -> Result<Vec<(SystemId, UnknownWord)>> {
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
        .limit(UNKNOWN_MAX)
        .into_tuple::<(SystemId, String, i64, Timestamp)>()
        .all(conn)
        .await?;
    Ok(rows
        .into_iter()
        .map(|(system, word, reports, last_at)| (system, UnknownWord { word, reports, last_at }))
        .collect())
}

/// Whether this word of the system is not known yet and was said before.
pub(in crate::hub) async fn has_said(conn: &impl ConnectionTrait, system: SystemId, word: &str) -> Result<bool, DbErr> {
    let said = status_report::Entity::find()
        .select_only()
        .column(status_report::Column::Id)
        .filter(status_report::Column::SystemId.eq(system))
        .filter(status_report::Column::Word.eq(word))
        .filter(status_report::Column::Status.is_null());
    Ok(said.into_tuple::<Uuid>().one(conn).await?.is_some())
}
