//! Reads facts: only the columns of `ticket` that metrics need.

use std::collections::HashSet;

use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationDef,
};

use super::model::{Fact, Period};
use crate::kernel::{CustomerId, Error, Result, TeamId, TicketId, Timestamp, UserId};
use crate::runtime::Executor;
use crate::sla::store::sla_clock;
use crate::tickets::model::{Priority, RootCauseLevel, SlaMetric, SourceHistory, TicketStatus};
use crate::tickets::store::entities::{attribution, participant, ticket};

/// The fixes of product releases.
pub mod release_fix {
    use crate::kernel::TicketId;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "release_fix")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub release_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub ticket_id: TicketId,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Releases of products.
pub mod product_release {
    use crate::kernel::Timestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "product_release")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub product: String,
        pub version: String,
        pub released_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

#[derive(FromQueryResult)]
struct FactRow {
    id: TicketId,
    status: String,
    merged_into: Option<TicketId>,
    history_incomplete: bool,
    merged_in_source: bool,
    response_unknown: bool,
    resolution_unknown: bool,
    created_at: Timestamp,
    clock_started_at: Option<Timestamp>,
    first_response_due_at: Option<Timestamp>,
    first_responded_at: Option<Timestamp>,
    first_resolved_at: Option<Timestamp>,
    first_resolution_hand_overs: i32,
    first_reopened_at: Option<Timestamp>,
    closed_at: Option<Timestamp>,
    root_cause_level: Option<String>,
    team_id: Option<TeamId>,
    assignee_id: Option<UserId>,
    requester_id: Option<UserId>,
    customer_id: Option<CustomerId>,
    issue_type: Option<String>,
    product: Option<String>,
    channel: String,
    priority: i32,
}

/// The ticket columns of a [`FactRow`], by the same names.
const COLUMNS: [ticket::Column; 21] = [
    ticket::Column::Id,
    ticket::Column::Status,
    ticket::Column::MergedInto,
    ticket::Column::HistoryIncomplete,
    ticket::Column::MergedInSource,
    ticket::Column::ResponseUnknown,
    ticket::Column::ResolutionUnknown,
    ticket::Column::CreatedAt,
    ticket::Column::FirstRespondedAt,
    ticket::Column::FirstResolvedAt,
    ticket::Column::FirstResolutionHandOvers,
    ticket::Column::FirstReopenedAt,
    ticket::Column::ClosedAt,
    ticket::Column::TeamId,
    ticket::Column::AssigneeId,
    ticket::Column::RequesterId,
    ticket::Column::CustomerId,
    ticket::Column::IssueType,
    ticket::Column::Product,
    ticket::Column::Channel,
    ticket::Column::Priority,
];

impl TryFrom<FactRow> for Fact {
    type Error = Error;

    fn try_from(row: FactRow) -> Result<Self> {
        let FactRow {
            id,
            status,
            merged_into,
            history_incomplete,
            merged_in_source,
            response_unknown,
            resolution_unknown,
            created_at,
            clock_started_at,
            first_response_due_at,
            first_responded_at,
            first_resolved_at,
            first_resolution_hand_overs,
            first_reopened_at,
            closed_at,
            root_cause_level,
            team_id,
            assignee_id,
            requester_id,
            customer_id,
            issue_type,
            product,
            channel,
            priority,
        } = row;
        let broken = |what: &str| Error::internal(format!("ticket {id}: its {what} is no word of this program"));
        Ok(Self {
            ticket: id,
            status: status.parse::<TicketStatus>().map_err(|_| broken("status"))?,
            merged: merged_into.is_some(),
            history: SourceHistory {
                incomplete: history_incomplete,
                merged: merged_in_source,
                response_unknown,
                resolution_unknown,
            },
            created_at,
            // A paused clock is due at some later time.
            first_response_due_at: first_response_due_at.or(clock_started_at.map(|_| Timestamp::from_millis(i64::MAX))),
            first_responded_at,
            first_resolved_at,
            first_resolution_hand_overs,
            first_reopened_at,
            closed_at,
            root_cause_level: root_cause_level
                .map(|word| word.parse::<RootCauseLevel>().map_err(|_| broken("root-cause level")))
                .transpose()?,
            team: team_id,
            assignee: assignee_id,
            requester: requester_id,
            customer: customer_id,
            issue_type,
            product,
            channel,
            priority: Priority::of_rank(priority).ok_or_else(|| broken("priority"))?,
        })
    }
}

/// Facts in the order of their ids.
async fn facts(conn: &Executor, of: Condition, limit: Option<u64>) -> Result<Vec<Fact>> {
    let with_attribution: RelationDef = ticket::Entity::belongs_to(attribution::Entity)
        .from(ticket::Column::Id)
        .to(attribution::Column::TicketId)
        .into();
    let with_clock: RelationDef = ticket::Entity::belongs_to(sla_clock::Entity)
        .from(ticket::Column::Id)
        .to(sla_clock::Column::TicketId)
        .on_condition(|_, clock| {
            let metric = Expr::col((clock, sla_clock::Column::Metric)).eq(SlaMetric::FirstResponse.as_str());
            Condition::all().add(metric)
        })
        .into();
    let mut select = ticket::Entity::find()
        .select_only()
        .columns(COLUMNS)
        .column(attribution::Column::RootCauseLevel)
        .column_as(sla_clock::Column::StartedAt, "clock_started_at")
        .column_as(sla_clock::Column::DueAt, "first_response_due_at")
        .join(JoinType::LeftJoin, with_attribution)
        .join(JoinType::LeftJoin, with_clock)
        .filter(of)
        .order_by_asc(ticket::Column::Id);
    if let Some(limit) = limit {
        select = select.limit(limit);
    }
    select.into_model::<FactRow>().all(conn).await?.into_iter().map(Fact::try_from).collect()
}

/// The facts of these tickets.
pub async fn facts_of(conn: &Executor, ids: &[TicketId]) -> Result<Vec<Fact>> {
    facts(conn, Condition::all().add(ticket::Column::Id.is_in(ids.iter().copied())), None).await
}

/// The facts of all tickets, or of those that match `of`, by ascending id, after `after`.
pub async fn facts_after(
    conn: &Executor,
    of: Option<&Condition>,
    after: Option<TicketId>,
    limit: u64,
) -> Result<Vec<Fact>> {
    let mut condition = Condition::all().add_option(of.cloned());
    if let Some(after) = after {
        condition = condition.add(ticket::Column::Id.gt(after));
    }
    facts(conn, condition, Some(limit)).await
}

/// Tickets with an anchor in a period.
pub fn anchored_in(period: Period) -> Condition {
    use ticket::Column::{ClosedAt, CreatedAt, FirstResolvedAt};
    let within = |column: ticket::Column| Condition::all().add(column.gte(period.from)).add(column.lt(period.to));
    Condition::any().add(within(CreatedAt)).add(within(FirstResolvedAt)).add(within(ClosedAt))
}

/// The tickets of which a user is a participant.
pub async fn participating(conn: &Executor, user: UserId) -> Result<Vec<TicketId>> {
    Ok(participant::Entity::find()
        .select_only()
        .distinct()
        .column(participant::Column::TicketId)
        .filter(participant::Column::UserId.eq(user))
        .into_tuple()
        .all(conn)
        .await?)
}

/// Tickets whose fix is released.
pub async fn released_fixes(conn: &Executor, now: Timestamp) -> Result<HashSet<TicketId>> {
    let mut released = Query::select();
    released
        .column(product_release::Column::Id)
        .from(product_release::Entity)
        .and_where(product_release::Column::ReleasedAt.lte(now));
    let fixed: Vec<TicketId> = release_fix::Entity::find()
        .select_only()
        .distinct()
        .column(release_fix::Column::TicketId)
        .filter(Expr::col(release_fix::Column::ReleaseId).in_subquery(released))
        .into_tuple()
        .all(conn)
        .await?;
    Ok(fixed.into_iter().collect())
}
