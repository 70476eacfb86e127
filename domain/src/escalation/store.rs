//! Tables of policies (one row per version) and levels, and their statements.

pub mod escalation_policy {
    use crate::kernel::Timestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "escalation_policy")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub priority: i32,
        #[sea_orm(primary_key, auto_increment = false)]
        pub version: i32,
        pub measure: String,
        /// `Level`s as JSON.
        pub levels: String,
        pub saved_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Channels, as words separated by commas.
#[derive(Clone, Debug, PartialEq, Eq, sea_orm::DeriveValueType)]
pub struct ChannelWords(pub String);

pub mod escalation {
    use super::ChannelWords;
    use crate::kernel::{TicketId, Timestamp, UserId};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "escalation")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub ticket_id: TicketId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub epoch: i32,
        #[sea_orm(primary_key, auto_increment = false)]
        pub level: i32,
        pub watched_id: Option<UserId>,
        pub since: Timestamp,
        pub due_at: Timestamp,
        pub state: String,
        pub fired_at: Option<Timestamp>,
        pub priority: i32,
        pub policy_version: i32,
        pub channels: ChannelWords,
        pub retry: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel as _, QueryFilter, QueryOrder, QuerySelect as _,
    QueryTrait as _,
};

use super::model::{Escalation, Policy, State};
use crate::kernel::{Error, Result, TicketId, Timestamp};
use crate::notifications::model::Channel;
use crate::runtime::Executor;
use crate::runtime::row::{read, row};
use crate::runtime::versioned::insert_version;

impl TryFrom<escalation_policy::Model> for Policy {
    type Error = Error;

    fn try_from(row: escalation_policy::Model) -> Result<Self> {
        let escalation_policy::Model { priority, version, measure, levels, saved_at: _ } = row;
        Ok(Self {
            priority: read("priority", priority)?,
            version,
            measure: read("measure", measure)?,
            levels: serde_json::from_str(&levels).map_err(Error::internal)?,
        })
    }
}

row! {
    escalation::Model => Escalation {
        epoch, level, since, due_at, state, fired_at, priority, policy_version, channels, retry;
        ticket = ticket_id, responsible = watched_id
    }
}

impl From<Vec<Channel>> for ChannelWords {
    fn from(channels: Vec<Channel>) -> Self {
        Self(channels.iter().map(|channel| channel.as_str()).collect::<Vec<_>>().join(","))
    }
}

impl From<ChannelWords> for Vec<Channel> {
    fn from(words: ChannelWords) -> Self {
        words.0.split(',').filter_map(|text| text.parse().ok()).collect()
    }
}

/// All levels of these tickets, by epoch and level.
pub(super) async fn of_tickets(conn: &Executor, ids: &[TicketId]) -> Result<Vec<Escalation>> {
    let rows = escalation::Entity::find()
        .filter(escalation::Column::TicketId.is_in(ids.iter().copied()))
        .order_by_asc(escalation::Column::TicketId)
        .order_by_asc(escalation::Column::Epoch)
        .order_by_asc(escalation::Column::Level)
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(Escalation::try_from).collect::<Result<_, _>>()?)
}

/// Inserts or updates planned levels.
pub(super) async fn upsert(conn: &Executor, levels: Vec<Escalation>) -> Result<()> {
    if levels.is_empty() {
        return Ok(());
    }
    let rows = levels.into_iter().map(|level| escalation::Model::from(level).into_active_model());
    let mut replace =
        OnConflict::columns([escalation::Column::TicketId, escalation::Column::Epoch, escalation::Column::Level]);
    replace
        .update_columns([escalation::Column::WatchedId, escalation::Column::Since, escalation::Column::DueAt])
        .update_columns([escalation::Column::State, escalation::Column::Priority, escalation::Column::PolicyVersion])
        .update_columns([escalation::Column::Channels, escalation::Column::Retry]);
    escalation::Entity::insert_many(rows).on_conflict(replace).exec_without_returning(conn).await?;
    Ok(())
}

/// Stops the planned levels and retries of a ticket.
pub(super) async fn stop(conn: &Executor, ticket: TicketId) -> Result<()> {
    escalation::Entity::update_many()
        .col_expr(escalation::Column::State, Expr::value(State::Stopped.as_str()))
        .filter(escalation::Column::TicketId.eq(ticket))
        .filter(escalation::Column::State.eq(State::Planned.as_str()))
        .exec(conn)
        .await?;
    escalation::Entity::update_many()
        .col_expr(escalation::Column::Retry, Expr::value(false))
        .filter(escalation::Column::TicketId.eq(ticket))
        .filter(escalation::Column::Retry.eq(true))
        .exec(conn)
        .await?;
    Ok(())
}

/// Moves a planned level to a final state; `false` if it is no longer planned, so that it fires only once.
pub(super) async fn finish(
    conn: &Executor,
    of: &Escalation,
    state: State,
    fired_at: Option<Timestamp>,
) -> Result<bool> {
    let finished = escalation::Entity::update_many()
        .col_expr(escalation::Column::State, Expr::value(state.as_str()))
        .col_expr(escalation::Column::FiredAt, Expr::value(fired_at))
        .filter(escalation::Column::TicketId.eq(of.ticket))
        .filter(escalation::Column::Epoch.eq(of.epoch))
        .filter(escalation::Column::Level.eq(of.level))
        .filter(escalation::Column::State.eq(State::Planned.as_str()))
        .exec(conn)
        .await?;
    Ok(finished.rows_affected == 1)
}

pub(super) async fn set_retry(conn: &Executor, of: &Escalation, retry: bool) -> Result<()> {
    escalation::Entity::update_many()
        .col_expr(escalation::Column::Retry, Expr::value(retry))
        .filter(escalation::Column::TicketId.eq(of.ticket))
        .filter(escalation::Column::Epoch.eq(of.epoch))
        .filter(escalation::Column::Level.eq(of.level))
        .exec(conn)
        .await?;
    Ok(())
}

/// Whether any ticket waits for somebody eligible.
pub(super) async fn has_retries(conn: &Executor) -> Result<bool> {
    Ok(escalation::Entity::find().filter(Expr::cust("retry")).one(conn).await?.is_some())
}

/// The levels whose tickets wait for somebody eligible, by ticket. `after`: those that follow this ticket.
pub(super) async fn retries(conn: &Executor, after: Option<TicketId>, limit: u64) -> Result<Vec<Escalation>> {
    let rows = escalation::Entity::find()
        .filter(Expr::cust("retry"))
        .apply_if(after, |select, after| select.filter(escalation::Column::TicketId.gt(after)))
        .order_by_asc(escalation::Column::TicketId)
        .limit(limit)
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(Escalation::try_from).collect::<Result<_, _>>()?)
}

/// Tickets with a planned level that is due.
pub(super) async fn tickets_with_due_level(conn: &Executor, now: Timestamp, limit: u64) -> Result<Vec<TicketId>> {
    Ok(escalation::Entity::find()
        .select_only()
        .distinct()
        .column(escalation::Column::TicketId)
        .filter(Expr::cust("state = 'PLANNED'"))
        .filter(escalation::Column::DueAt.lte(now))
        .limit(limit)
        .into_tuple()
        .all(conn)
        .await?)
}

pub(super) async fn has_policies(conn: &Executor) -> Result<bool> {
    Ok(escalation_policy::Entity::find().one(conn).await?.is_some())
}

/// Inserts a version of a policy; a concurrent save of the same version is a conflict.
pub(super) async fn insert_policy(conn: &Executor, policy: &Policy, now: Timestamp) -> Result<()> {
    let Policy { priority, version, measure, levels } = policy;
    let row = escalation_policy::ActiveModel {
        priority: Set(priority.rank()),
        version: Set(*version),
        measure: Set(measure.as_str().to_owned()),
        levels: Set(serde_json::to_string(levels).map_err(Error::internal)?),
        saved_at: Set(now),
    };
    insert_version(conn, row).await
}
