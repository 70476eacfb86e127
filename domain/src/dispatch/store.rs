//! Tables of dispatch: the last decision about each ticket, and each agent's last assignment.

pub mod dispatch {
    use crate::kernel::{TicketId, Timestamp, UserId};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "dispatch")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub ticket_id: TicketId,
        pub decided_at: Timestamp,
        pub chosen_id: Option<UserId>,
        /// JSON array of `ScoredCandidate`.
        pub candidates: String,
        pub queued_at: Option<Timestamp>,
        pub assignments: i32,
        /// JSON of `Basis`.
        pub basis: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod agent_load {
    use crate::kernel::{Timestamp, UserId};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "agent_load")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: UserId,
        pub stamp: i64,
        pub last_assigned_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

use super::model::{Basis, Choice, Trace, weight};
use crate::kernel::{Error, Result, TicketId, Timestamp, UserId};
use crate::runtime::{Executor, Tx};
use crate::tickets::model::{Priority, TicketStatus};
use crate::tickets::store::entities::ticket;

impl TryFrom<dispatch::Model> for Trace {
    type Error = Error;

    fn try_from(row: dispatch::Model) -> Result<Self> {
        let dispatch::Model { ticket_id, decided_at, chosen_id, candidates, queued_at, assignments, basis } = row;
        let candidates = serde_json::from_str(&candidates).map_err(Error::internal)?;
        let basis = basis.map(|basis| serde_json::from_str::<Basis>(&basis)).transpose().map_err(Error::internal)?;
        let basis = basis.unwrap_or_default();
        let choice = Choice { chosen: chosen_id, candidates, derived_preferred: basis.derived_preferred };
        Ok(Self { ticket: ticket_id, at: decided_at, choice, basis, queued_at, assignments })
    }
}

pub(super) async fn upsert(conn: &Executor, trace: &Trace) -> Result<()> {
    let Trace { ticket, at, choice, basis, queued_at, assignments } = trace;
    let Choice { chosen, candidates, derived_preferred: _ } = choice;
    let row = dispatch::ActiveModel {
        ticket_id: Set(*ticket),
        decided_at: Set(*at),
        chosen_id: Set(*chosen),
        candidates: Set(serde_json::to_string(candidates).map_err(Error::internal)?),
        queued_at: Set(*queued_at),
        assignments: Set(*assignments),
        basis: Set(Some(serde_json::to_string(basis).map_err(Error::internal)?)),
    };
    let mut replace = OnConflict::column(dispatch::Column::TicketId);
    replace
        .update_columns([dispatch::Column::DecidedAt, dispatch::Column::ChosenId, dispatch::Column::Candidates])
        .update_columns([dispatch::Column::QueuedAt, dispatch::Column::Assignments, dispatch::Column::Basis]);
    dispatch::Entity::insert(row).on_conflict(replace).exec_without_returning(conn).await?;
    Ok(())
}

pub(super) async fn traces(conn: &Executor, ids: &[TicketId]) -> Result<HashMap<TicketId, Trace>> {
    let rows = dispatch::Entity::find().filter(dispatch::Column::TicketId.is_in(ids.iter().copied())).all(conn).await?;
    rows.into_iter().map(|row| Ok((row.ticket_id, row.try_into()?))).collect()
}

/// The literal condition of the partial index.
const OPEN_WORK: &str = "status in ('ASSIGNED', 'IN_PROGRESS', 'WAITING')";

/// Weighted open work by user; users without any are absent.
pub(super) async fn loads(conn: &Executor, users: &[UserId]) -> Result<HashMap<UserId, i32>> {
    let rows = ticket::Entity::find()
        .select_only()
        .column(ticket::Column::AssigneeId)
        .column(ticket::Column::Priority)
        .column(ticket::Column::Status)
        .column_as(ticket::Column::Id.count(), "n")
        .filter(ticket::Column::AssigneeId.is_in(users.iter().copied()))
        .filter(Expr::cust(OPEN_WORK))
        .group_by(ticket::Column::AssigneeId)
        .group_by(ticket::Column::Priority)
        .group_by(ticket::Column::Status)
        .into_tuple::<(UserId, i32, String, i64)>()
        .all(conn)
        .await?;
    let mut loads: HashMap<UserId, i32> = HashMap::new();
    for (user, priority, status, count) in rows {
        let (Some(priority), Some(status)) = (Priority::of_rank(priority), status.parse::<TicketStatus>().ok()) else {
            continue;
        };
        let count = i32::try_from(count).unwrap_or(i32::MAX);
        let load = loads.entry(user).or_default();
        *load = load.saturating_add(weight(priority, status).saturating_mul(count));
    }
    Ok(loads)
}

/// The stamp and the last assignment of each user.
pub(super) async fn stamps(conn: &Executor, users: &[UserId]) -> Result<HashMap<UserId, (i64, Timestamp)>> {
    let rows =
        agent_load::Entity::find().filter(agent_load::Column::UserId.is_in(users.iter().copied())).all(conn).await?;
    Ok(rows.into_iter().map(|row| (row.user_id, (row.stamp, row.last_assigned_at))).collect())
}

/// Claims an agent for a ticket; a conflict if the stamp has changed.
pub(super) async fn claim(tx: &Tx, user: UserId, stamp: i64) -> Result<()> {
    if stamp == 0 {
        let row = agent_load::ActiveModel { user_id: Set(user), stamp: Set(1), last_assigned_at: Set(tx.now) };
        let inserted = agent_load::Entity::insert(row)
            .on_conflict_do_nothing_on([agent_load::Column::UserId])
            .exec_without_returning(tx.conn())
            .await?;
        return match inserted {
            sea_orm::TryInsertResult::Inserted(1..) => Ok(()),
            _ => Err(Error::Conflict),
        };
    }
    let claimed = agent_load::Entity::update_many()
        .col_expr(agent_load::Column::Stamp, Expr::value(stamp + 1))
        .col_expr(agent_load::Column::LastAssignedAt, Expr::value(tx.now))
        .filter(agent_load::Column::UserId.eq(user))
        .filter(agent_load::Column::Stamp.eq(stamp))
        .exec(tx.conn())
        .await?;
    if claimed.rows_affected == 1 { Ok(()) } else { Err(Error::Conflict) }
}
