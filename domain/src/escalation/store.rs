//! Tables of policies (a row a version) and levels.

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

pub mod escalation {
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
        /// Words separated by commas.
        pub channels: String,
        pub retry: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder};

use super::model::{Escalation, Measure, Policy, State};
use crate::kernel::{Error, Result, TicketId, Timestamp};
use crate::notifications::model::Channel;
use crate::tickets::model::Priority;

fn broken(what: &str, word: &str) -> Error {
    Error::internal(format!("{word:?} is no {what} of this program"))
}

impl TryFrom<escalation_policy::Model> for Policy {
    type Error = Error;

    fn try_from(row: escalation_policy::Model) -> Result<Self> {
        let escalation_policy::Model { priority, version, measure, levels, saved_at: _ } = row;
        Ok(Self {
            priority: Priority::of_rank(priority).ok_or_else(|| broken("priority", &priority.to_string()))?,
            version,
            measure: Measure::parse(&measure).ok_or_else(|| broken("measure", &measure))?,
            levels: serde_json::from_str(&levels).map_err(Error::internal)?,
        })
    }
}

impl TryFrom<escalation::Model> for Escalation {
    type Error = Error;

    fn try_from(row: escalation::Model) -> Result<Self> {
        let escalation::Model {
            ticket_id,
            epoch,
            level,
            watched_id,
            since,
            due_at,
            state,
            fired_at,
            priority,
            policy_version,
            channels,
            retry,
        } = row;
        Ok(Self {
            ticket: ticket_id,
            epoch,
            level,
            watched: watched_id,
            since,
            due_at,
            state: State::parse(&state).ok_or_else(|| broken("state", &state))?,
            fired_at,
            priority: Priority::of_rank(priority).ok_or_else(|| broken("priority", &priority.to_string()))?,
            policy_version,
            channels: channels.split(',').filter_map(Channel::parse).collect(),
            retry,
        })
    }
}

/// Every level of these tickets, in the order of epochs and levels.
pub(super) async fn of_tickets(conn: &impl ConnectionTrait, ids: &[TicketId]) -> Result<Vec<Escalation>> {
    let rows = escalation::Entity::find()
        .filter(escalation::Column::TicketId.is_in(ids.iter().copied()))
        .order_by_asc(escalation::Column::TicketId)
        .order_by_asc(escalation::Column::Epoch)
        .order_by_asc(escalation::Column::Level)
        .all(conn)
        .await?;
    rows.into_iter().map(Escalation::try_from).collect()
}

/// Writes planned levels; levels that are planned already move.
pub(super) async fn put(conn: &impl ConnectionTrait, levels: Vec<Escalation>) -> Result<()> {
    if levels.is_empty() {
        return Ok(());
    }
    let rows = levels.into_iter().map(|level| {
        let Escalation {
            ticket,
            epoch,
            level,
            watched,
            since,
            due_at,
            state,
            fired_at,
            priority,
            policy_version,
            channels,
            retry,
        } = level;
        escalation::ActiveModel {
            ticket_id: Set(ticket),
            epoch: Set(epoch),
            level: Set(level),
            watched_id: Set(watched),
            since: Set(since),
            due_at: Set(due_at),
            state: Set(state.word().to_owned()),
            fired_at: Set(fired_at),
            priority: Set(priority.rank()),
            policy_version: Set(policy_version),
            channels: Set(channels.iter().map(|channel| channel.word()).collect::<Vec<_>>().join(",")),
            retry: Set(retry),
        }
    });
    let mut replace =
        OnConflict::columns([escalation::Column::TicketId, escalation::Column::Epoch, escalation::Column::Level]);
    replace
        .update_columns([escalation::Column::WatchedId, escalation::Column::Since, escalation::Column::DueAt])
        .update_columns([escalation::Column::State, escalation::Column::Priority, escalation::Column::PolicyVersion])
        .update_columns([escalation::Column::Channels, escalation::Column::Retry]);
    escalation::Entity::insert_many(rows).on_conflict(replace).exec_without_returning(conn).await?;
    Ok(())
}

/// What is still planned for a ticket comes to nothing.
pub(super) async fn stop(conn: &impl ConnectionTrait, ticket: TicketId) -> Result<()> {
    escalation::Entity::update_many()
        .col_expr(escalation::Column::State, Expr::value(State::Stopped.word()))
        .filter(escalation::Column::TicketId.eq(ticket))
        .filter(escalation::Column::State.eq(State::Planned.word()))
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

/// A planned level becomes this; `false` where it is planned no more: it fires once.
pub(super) async fn end(
    conn: &impl ConnectionTrait,
    of: &Escalation,
    state: State,
    fired_at: Option<Timestamp>,
) -> Result<bool> {
    let ended = escalation::Entity::update_many()
        .col_expr(escalation::Column::State, Expr::value(state.word()))
        .col_expr(escalation::Column::FiredAt, Expr::value(fired_at))
        .filter(escalation::Column::TicketId.eq(of.ticket))
        .filter(escalation::Column::Epoch.eq(of.epoch))
        .filter(escalation::Column::Level.eq(of.level))
        .filter(escalation::Column::State.eq(State::Planned.word()))
        .exec(conn)
        .await?;
    Ok(ended.rows_affected == 1)
}

pub(super) async fn set_retry(conn: &impl ConnectionTrait, of: &Escalation, retry: bool) -> Result<()> {
    escalation::Entity::update_many()
        .col_expr(escalation::Column::Retry, Expr::value(retry))
        .filter(escalation::Column::TicketId.eq(of.ticket))
        .filter(escalation::Column::Epoch.eq(of.epoch))
        .filter(escalation::Column::Level.eq(of.level))
        .exec(conn)
        .await?;
    Ok(())
}
