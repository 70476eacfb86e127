//! Submissions as they were received, and their statements.

pub mod raw_submission {
    use crate::kernel::{SubmissionId, TicketId, Timestamp};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "raw_submission")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: SubmissionId,
        pub gateway: String,
        /// With the gateway, the submission that it is the original of.
        pub external_id: String,
        pub ticket_id: TicketId,
        pub received_at: Timestamp,
        pub stored_at: Timestamp,
        pub bytes: i64,
        pub sealed: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ColumnTrait, EntityTrait, IntoActiveModel as _, QueryFilter, QueryOrder as _, QuerySelect as _, QueryTrait as _,
};

use super::super::model::Gateway;
use crate::kernel::{Result, SubmissionId, TicketId, Timestamp, UserId};
use crate::runtime::Executor;
use crate::tickets::store::entities::ticket;

/// The bytes of the originals of each gateway.
pub async fn original_bytes(conn: &Executor) -> Result<Vec<(Gateway, u64)>> {
    let rows: Vec<(String, i64)> = raw_submission::Entity::find()
        .select_only()
        .column(raw_submission::Column::Gateway)
        .column_as(Expr::cust("cast(sum(bytes) as bigint)"), "bytes")
        .group_by(raw_submission::Column::Gateway)
        .into_tuple()
        .all(conn)
        .await?;
    let known = rows.into_iter().filter_map(|(gateway, bytes)| Some((gateway.parse().ok()?, bytes)));
    Ok(known.map(|(gateway, bytes)| (gateway, u64::try_from(bytes).unwrap_or(0))).collect())
}

pub async fn insert_original(conn: &Executor, row: raw_submission::Model) -> Result<()> {
    raw_submission::Entity::insert(row.into_active_model()).exec_without_returning(conn).await?;
    Ok(())
}

/// The oldest originals, of a gateway or of all: their ids and bytes.
pub async fn oldest_originals(
    conn: &Executor,
    gateway: Option<Gateway>,
    limit: u64,
) -> Result<Vec<(SubmissionId, i64)>> {
    Ok(raw_submission::Entity::find()
        .apply_if(gateway, |select, of| select.filter(raw_submission::Column::Gateway.eq(of.as_str())))
        .select_only()
        .columns([raw_submission::Column::Id, raw_submission::Column::Bytes])
        .order_by_asc(raw_submission::Column::StoredAt)
        .order_by_asc(raw_submission::Column::Id)
        .limit(limit)
        .into_tuple()
        .all(conn)
        .await?)
}

pub async fn delete_originals(conn: &Executor, ids: Vec<SubmissionId>) -> Result<()> {
    raw_submission::Entity::delete_many().filter(raw_submission::Column::Id.is_in(ids)).exec(conn).await?;
    Ok(())
}

/// Deletes the originals that were stored before then, at most `max`.
pub async fn purge_originals(conn: &Executor, before: Timestamp, max: u64) -> Result<()> {
    let ids: Vec<SubmissionId> = raw_submission::Entity::find()
        .select_only()
        .column(raw_submission::Column::Id)
        .filter(raw_submission::Column::StoredAt.lt(before))
        .limit(max)
        .into_tuple()
        .all(conn)
        .await?;
    if ids.is_empty() { Ok(()) } else { delete_originals(conn, ids).await }
}

/// Deletes the originals of a ticket.
pub async fn delete_originals_of(conn: &Executor, ticket: TicketId) -> Result<()> {
    raw_submission::Entity::delete_many().filter(raw_submission::Column::TicketId.eq(ticket)).exec(conn).await?;
    Ok(())
}

/// Deletes the originals of all tickets of a requester.
pub async fn delete_originals_of_requester(conn: &Executor, requester: UserId) -> Result<()> {
    let tickets = Query::select()
        .column(ticket::Column::Id)
        .from(ticket::Entity)
        .and_where(ticket::Column::RequesterId.eq(requester))
        .to_owned();
    raw_submission::Entity::delete_many()
        .filter(raw_submission::Column::TicketId.in_subquery(tickets))
        .exec(conn)
        .await?;
    Ok(())
}

/// The originals of a ticket, oldest first.
pub async fn originals_of(conn: &Executor, ticket: TicketId, limit: u64) -> Result<Vec<raw_submission::Model>> {
    Ok(raw_submission::Entity::find()
        .filter(raw_submission::Column::TicketId.eq(ticket))
        .order_by_asc(raw_submission::Column::ReceivedAt)
        .order_by_asc(raw_submission::Column::Id)
        .limit(limit)
        .all(conn)
        .await?)
}
