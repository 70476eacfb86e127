//! Tables of policies (one row per version) and clocks.

pub mod sla_policy {
    use crate::kernel::{CustomerId, Timestamp};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "sla_policy")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub version: i32,
        pub name: String,
        pub name_zh: Option<String>,
        pub archived: bool,
        /// Words separated by commas.
        pub priorities: String,
        pub customer_id: Option<CustomerId>,
        pub issue_type: Option<String>,
        pub first_response_secs: Option<i64>,
        pub resolution_secs: Option<i64>,
        pub calendar_key: String,
        pub saved_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod sla_clock {
    use crate::kernel::{TicketId, Timestamp};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "sla_clock")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub ticket_id: TicketId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub metric: String,
        pub policy_key: String,
        pub policy_version: i32,
        pub calendar_key: String,
        pub calendar_version: i32,
        pub target_ms: i64,
        pub started_at: Timestamp,
        pub spent_ms: i64,
        pub since: Option<Timestamp>,
        pub ended_at: Option<Timestamp>,
        pub due_at: Option<Timestamp>,
        pub breached_at: Option<Timestamp>,
        pub risk_told_at: Option<Timestamp>,
        pub breach_told_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use std::time::Duration;

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

use super::model::{Clock, Conditions, PinnedPolicy, Policy, PolicyRef, SlaMetric};
use crate::calendar::model::CalendarRef;
use crate::kernel::{Error, Result, TicketId, Timestamp};
use crate::runtime::Executor;
use crate::runtime::versioned::insert_version;
use crate::tickets::model::Priority;

fn duration(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl From<sla_policy::Model> for Policy {
    fn from(row: sla_policy::Model) -> Self {
        let sla_policy::Model {
            key,
            version,
            name,
            name_zh,
            archived,
            priorities,
            customer_id,
            issue_type,
            first_response_secs,
            resolution_secs,
            calendar_key,
            saved_at: _,
        } = row;
        let secs = |secs: i64| Duration::from_secs(u64::try_from(secs).unwrap_or(0));
        Self {
            of: PolicyRef { key, version },
            name,
            name_zh,
            archived,
            conditions: Conditions {
                priorities: priorities.split(',').filter_map(|text| text.parse::<Priority>().ok()).collect(),
                customer: customer_id,
                issue_type,
            },
            first_response: first_response_secs.map(secs),
            resolution: resolution_secs.map(secs),
            calendar: calendar_key,
        }
    }
}

impl TryFrom<sla_clock::Model> for Clock {
    type Error = Error;

    fn try_from(row: sla_clock::Model) -> Result<Self> {
        let sla_clock::Model {
            ticket_id,
            metric,
            policy_key,
            policy_version,
            calendar_key,
            calendar_version,
            target_ms,
            started_at,
            spent_ms,
            since,
            ended_at,
            due_at,
            breached_at,
            risk_told_at,
            breach_told_at,
        } = row;
        let metric = metric.parse::<SlaMetric>().map_err(|_| Error::internal(format!("no SLA metric {metric:?}")))?;
        Ok(Self {
            ticket: ticket_id,
            metric,
            pinned: PinnedPolicy {
                policy: PolicyRef { key: policy_key, version: policy_version },
                calendar: CalendarRef { key: calendar_key, version: calendar_version },
                target: duration(target_ms),
            },
            started_at,
            spent: duration(spent_ms),
            since,
            ended_at,
            due_at,
            breached_at,
            risk_notified_at: risk_told_at,
            breach_notified_at: breach_told_at,
        })
    }
}

impl From<Clock> for sla_clock::ActiveModel {
    fn from(clock: Clock) -> Self {
        let Clock {
            ticket,
            metric,
            pinned: PinnedPolicy { policy, calendar, target },
            started_at,
            spent,
            since,
            ended_at,
            due_at,
            breached_at,
            risk_notified_at,
            breach_notified_at,
        } = clock;
        Self {
            ticket_id: Set(ticket),
            metric: Set(metric.as_str().to_owned()),
            policy_key: Set(policy.key),
            policy_version: Set(policy.version),
            calendar_key: Set(calendar.key),
            calendar_version: Set(calendar.version),
            target_ms: Set(millis(target)),
            started_at: Set(started_at),
            spent_ms: Set(millis(spent)),
            since: Set(since),
            ended_at: Set(ended_at),
            due_at: Set(due_at),
            breached_at: Set(breached_at),
            risk_told_at: Set(risk_notified_at),
            breach_told_at: Set(breach_notified_at),
        }
    }
}

/// Inserts or updates clocks.
pub(super) async fn upsert(conn: &Executor, clocks: Vec<Clock>) -> Result<()> {
    if clocks.is_empty() {
        return Ok(());
    }
    let mut replace = OnConflict::columns([sla_clock::Column::TicketId, sla_clock::Column::Metric]);
    replace
        .update_columns([sla_clock::Column::PolicyKey, sla_clock::Column::PolicyVersion])
        .update_columns([sla_clock::Column::CalendarKey, sla_clock::Column::CalendarVersion])
        .update_columns([sla_clock::Column::TargetMs, sla_clock::Column::StartedAt, sla_clock::Column::SpentMs])
        .update_columns([sla_clock::Column::Since, sla_clock::Column::EndedAt, sla_clock::Column::DueAt])
        .update_columns([sla_clock::Column::BreachedAt, sla_clock::Column::RiskToldAt])
        .update_columns([sla_clock::Column::BreachToldAt]);
    let rows = clocks.into_iter().map(sla_clock::ActiveModel::from);
    sla_clock::Entity::insert_many(rows).on_conflict(replace).exec_without_returning(conn).await?;
    Ok(())
}

/// Saves only when risk and breach were announced; `false` if the clock ended meanwhile.
pub(super) async fn save_notified(conn: &Executor, clock: &Clock) -> Result<bool> {
    let updated = sla_clock::Entity::update_many()
        .col_expr(sla_clock::Column::RiskToldAt, Expr::value(clock.risk_notified_at))
        .col_expr(sla_clock::Column::BreachToldAt, Expr::value(clock.breach_notified_at))
        .filter(sla_clock::Column::TicketId.eq(clock.ticket))
        .filter(sla_clock::Column::Metric.eq(clock.metric.as_str()))
        .filter(sla_clock::Column::EndedAt.is_null())
        .exec(conn)
        .await?;
    Ok(updated.rows_affected == 1)
}

/// The clocks of these tickets.
pub(super) async fn clocks(conn: &Executor, tickets: &[TicketId]) -> Result<Vec<Clock>> {
    let rows =
        sla_clock::Entity::find().filter(sla_clock::Column::TicketId.is_in(tickets.iter().copied())).all(conn).await?;
    rows.into_iter().map(Clock::try_from).collect()
}

pub(super) async fn has_policies(conn: &Executor) -> Result<bool> {
    Ok(sla_policy::Entity::find().one(conn).await?.is_some())
}

/// Inserts a version of a policy; a concurrent save of the same version is a conflict.
pub(super) async fn insert_policy(conn: &Executor, policy: Policy, now: Timestamp) -> Result<()> {
    let Policy {
        of: PolicyRef { key, version },
        name,
        name_zh,
        archived,
        conditions: Conditions { priorities, customer, issue_type },
        first_response,
        resolution,
        calendar,
    } = policy;
    let secs = |target: Duration| i64::try_from(target.as_secs()).unwrap_or(i64::MAX);
    let mut priorities: Vec<&str> = priorities.iter().map(|priority| priority.as_str()).collect();
    priorities.sort_unstable();
    priorities.dedup();
    let row = sla_policy::ActiveModel {
        key: Set(key),
        version: Set(version),
        name: Set(name),
        name_zh: Set(name_zh),
        archived: Set(archived),
        priorities: Set(priorities.join(",")),
        customer_id: Set(customer),
        issue_type: Set(issue_type),
        first_response_secs: Set(first_response.map(secs)),
        resolution_secs: Set(resolution.map(secs)),
        calendar_key: Set(calendar),
        saved_at: Set(now),
    };
    insert_version(conn, row).await
}
