//! Tables of submissions, and their statements.

pub(super) mod originals;

pub mod submission {
    use crate::kernel::{TicketId, Timestamp};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "submission")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub gateway: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub external_id: String,
        pub ticket_id: TicketId,
        pub received_at: Timestamp,
        /// A digest of the sender, for the rate limit.
        pub sender: Option<String>,
        /// A digest of the content and its sender.
        pub digest: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod quarantined_submission {
    use crate::kernel::{SubmissionId, TicketId, Timestamp};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "quarantined_submission")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: SubmissionId,
        pub gateway: String,
        pub source: String,
        pub reason: String,
        pub received_at: Timestamp,
        /// Bytes of the payload; 0 if it was deleted after a dismissal.
        pub bytes: i64,
        pub released_at: Option<Timestamp>,
        pub ticket_id: Option<TicketId>,
        pub dismissed_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod quarantined_payload {
    use crate::kernel::SubmissionId;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "quarantined_payload")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub submission_id: SubmissionId,
        /// The request, until it is released, or was dismissed long ago.
        pub sealed: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod canary {
    use crate::kernel::Timestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "canary")]
    pub struct Model {
        /// Random, so that nobody can guess it.
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: String,
        pub gateway: String,
        pub state: String,
        pub sent_at: Timestamp,
        pub arrived_at: Option<Timestamp>,
        pub ended_at: Option<Timestamp>,
        pub failure: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use sea_orm::sea_query::{Expr, SimpleExpr};
use sea_orm::{
    ColumnTrait, ConnectionTrait as _, DbBackend, DbErr, EntityTrait, IntoActiveModel as _, PaginatorTrait as _,
    QueryFilter, QueryOrder as _, QuerySelect as _, QueryTrait as _, Select, Set, Statement, TryInsertResult,
};

use super::decide::{QuarantineLoad, QuarantineUsage};
use super::model::{Canary, CanaryState, Gateway, QuarantinedSubmission, Reason};
use crate::kernel::{Message, Result, SubmissionId, TicketId, Timestamp};
use crate::runtime::Executor;

fn invalid(what: &str, word: &str) -> DbErr {
    DbErr::Type(format!("{what}: {word:?} is no word of this program"))
}

impl TryFrom<canary::Model> for Canary {
    type Error = DbErr;

    fn try_from(row: canary::Model) -> Result<Self, DbErr> {
        let canary::Model { key: _, gateway, state, sent_at, arrived_at, ended_at, failure } = row;
        Ok(Self {
            gateway: gateway.parse::<Gateway>().map_err(|_| invalid("gateway", &gateway))?,
            state: state.parse::<CanaryState>().map_err(|_| invalid("state of a canary", &state))?,
            sent_at,
            arrived_at,
            ended_at,
            failure: failure.as_deref().map(Message::from_stored),
        })
    }
}

impl TryFrom<quarantined_submission::Model> for QuarantinedSubmission {
    type Error = DbErr;

    fn try_from(row: quarantined_submission::Model) -> Result<Self, DbErr> {
        let quarantined_submission::Model {
            id,
            gateway,
            source,
            reason,
            received_at,
            bytes: _,
            released_at,
            ticket_id,
            dismissed_at,
        } = row;
        Ok(Self {
            id,
            gateway: gateway.parse::<Gateway>().map_err(|_| invalid("gateway", &gateway))?,
            source,
            reason: reason.parse::<Reason>().map_err(|_| invalid("reason", &reason))?,
            received_at,
            released_at,
            dismissed_at,
            ticket: ticket_id,
        })
    }
}

/// The quarantined submissions of a gateway.
pub(super) fn in_quarantine(gateway: Gateway) -> Select<quarantined_submission::Entity> {
    quarantined_submission::Entity::find()
        .filter(quarantined_submission::Column::Gateway.eq(gateway.as_str()))
        .filter(quarantined_submission::Column::ReleasedAt.is_null())
        .filter(quarantined_submission::Column::DismissedAt.is_null())
}

/// What is stored when a submission of this source arrives at a gateway. Released submissions have no payload, nor have those
/// that were dismissed long ago: their bytes are 0.
pub(super) async fn quarantine_load(conn: &Executor, gateway: Gateway, source: &str) -> Result<QuarantineLoad> {
    let stored = || {
        quarantined_submission::Entity::find()
            .filter(quarantined_submission::Column::ReleasedAt.is_null())
            .filter(quarantined_submission::Column::Bytes.gt(0))
    };
    let of_gateway = stored().filter(quarantined_submission::Column::Gateway.eq(gateway.as_str()));
    let of_source = of_gateway.clone().filter(quarantined_submission::Column::Source.eq(source));
    let waiting = of_gateway.filter(quarantined_submission::Column::DismissedAt.is_null());
    Ok(QuarantineLoad {
        source: usage(conn, of_source).await?,
        gateway: usage(conn, waiting).await?,
        total_bytes: usage(conn, stored()).await?.bytes,
    })
}

async fn usage(conn: &Executor, of: Select<quarantined_submission::Entity>) -> Result<QuarantineUsage> {
    let (count, bytes): (i64, Option<i64>) = of
        .select_only()
        .column_as(quarantined_submission::Column::Id.count(), "quarantined")
        .column_as(Expr::cust("cast(sum(bytes) as bigint)"), "bytes")
        .into_tuple()
        .one(conn)
        .await?
        .unwrap_or_default();
    let unsigned = |number: i64| u64::try_from(number).unwrap_or(0);
    Ok(QuarantineUsage { submissions: unsigned(count), bytes: bytes.map_or(0, unsigned) })
}

/// Deletes payloads of submissions that were dismissed by then, at most `max`.
pub(super) async fn purge_dismissed(conn: &Executor, by: Timestamp, max: u64) -> Result<()> {
    let ids: Vec<SubmissionId> = quarantined_submission::Entity::find()
        .select_only()
        .column(quarantined_submission::Column::Id)
        .filter(quarantined_submission::Column::DismissedAt.lte(by))
        .filter(quarantined_submission::Column::Bytes.gt(0))
        .limit(max)
        .into_tuple()
        .all(conn)
        .await?;
    if ids.is_empty() {
        return Ok(());
    }
    quarantined_payload::Entity::delete_many()
        .filter(quarantined_payload::Column::SubmissionId.is_in(ids.iter().copied()))
        .exec(conn)
        .await?;
    quarantined_submission::Entity::update_many()
        .col_expr(quarantined_submission::Column::Bytes, Expr::value(0_i64))
        .filter(quarantined_submission::Column::Id.is_in(ids))
        .exec(conn)
        .await?;
    Ok(())
}

/// Quarantines a submission. `sealed`: its request.
pub(super) async fn insert_quarantined(
    conn: &Executor,
    row: quarantined_submission::Model,
    sealed: Vec<u8>,
) -> Result<()> {
    let payload = quarantined_payload::ActiveModel { submission_id: Set(row.id), sealed: Set(sealed) };
    quarantined_submission::Entity::insert(row.into_active_model()).exec_without_returning(conn).await?;
    quarantined_payload::Entity::insert(payload).exec_without_returning(conn).await?;
    Ok(())
}

/// Whether a submission is in quarantine: neither released nor dismissed.
pub(super) async fn is_quarantined(conn: &Executor, id: SubmissionId) -> Result<bool> {
    let row = quarantined_submission::Entity::find_by_id(id).one(conn).await?;
    Ok(row.is_some_and(|row| row.released_at.is_none() && row.dismissed_at.is_none()))
}

/// The gateway of a submission that is or was in quarantine.
pub(super) async fn gateway_of(conn: &Executor, id: SubmissionId) -> Result<Option<Gateway>> {
    let row = quarantined_submission::Entity::find_by_id(id).one(conn).await?;
    Ok(row.and_then(|row| row.gateway.parse().ok()))
}

/// The ids of the quarantined submissions of a gateway, oldest first. `after`: those that follow this one.
pub(super) async fn quarantined_ids(
    conn: &Executor,
    gateway: Gateway,
    after: Option<SubmissionId>,
    limit: u64,
) -> Result<Vec<SubmissionId>> {
    Ok(in_quarantine(gateway)
        .apply_if(after, |select, after| select.filter(quarantined_submission::Column::Id.gt(after)))
        .select_only()
        .column(quarantined_submission::Column::Id)
        .order_by_asc(quarantined_submission::Column::Id)
        .limit(limit)
        .into_tuple()
        .all(conn)
        .await?)
}

/// The sealed request of a submission, until it is released.
pub(super) async fn sealed_request(conn: &Executor, id: SubmissionId) -> Result<Option<Vec<u8>>> {
    Ok(quarantined_payload::Entity::find_by_id(id).one(conn).await?.map(|row| row.sealed))
}

/// Marks a submission as released, and deletes its request.
pub(super) async fn release(conn: &Executor, id: SubmissionId, ticket: Option<TicketId>, now: Timestamp) -> Result<()> {
    quarantined_submission::Entity::update_many()
        .col_expr(quarantined_submission::Column::ReleasedAt, Expr::value(now))
        .col_expr(quarantined_submission::Column::TicketId, Expr::value(ticket.map(|id| id.0)))
        .filter(quarantined_submission::Column::Id.eq(id))
        .exec(conn)
        .await?;
    quarantined_payload::Entity::delete_by_id(id).exec(conn).await?;
    Ok(())
}

/// Dismisses a submission; returns how many were.
pub(super) async fn dismiss(conn: &Executor, gateway: Gateway, id: SubmissionId, now: Timestamp) -> Result<u64> {
    dismiss_where(conn, gateway, quarantined_submission::Column::Id.eq(id), now).await
}

/// Dismisses all submissions of a source; returns how many were.
pub(super) async fn dismiss_source(conn: &Executor, gateway: Gateway, source: &str, now: Timestamp) -> Result<u64> {
    dismiss_where(conn, gateway, quarantined_submission::Column::Source.eq(source), now).await
}

async fn dismiss_where(conn: &Executor, gateway: Gateway, of: SimpleExpr, now: Timestamp) -> Result<u64> {
    let rows = quarantined_submission::Entity::update_many()
        .col_expr(quarantined_submission::Column::DismissedAt, Expr::value(now))
        .filter(of)
        .filter(quarantined_submission::Column::Gateway.eq(gateway.as_str()))
        .filter(quarantined_submission::Column::ReleasedAt.is_null())
        .filter(quarantined_submission::Column::DismissedAt.is_null())
        .exec(conn)
        .await?;
    Ok(rows.rows_affected)
}

/// The submissions of a gateway with these ids of its sender.
pub(super) async fn submissions(conn: &Executor, gateway: Gateway, ids: &[String]) -> Result<Vec<submission::Model>> {
    Ok(submission::Entity::find()
        .filter(submission::Column::Gateway.eq(gateway.as_str()))
        .filter(submission::Column::ExternalId.is_in(ids))
        .all(conn)
        .await?)
}

/// How many submissions of a sender were accepted since then.
pub(super) async fn count_submissions(
    conn: &Executor,
    gateway: Gateway,
    sender: &str,
    since: Timestamp,
) -> Result<u64> {
    let recent = submission::Entity::find()
        .filter(submission::Column::Gateway.eq(gateway.as_str()))
        .filter(submission::Column::ReceivedAt.gte(since))
        .filter(submission::Column::Sender.eq(sender));
    Ok(recent.count(conn).await?)
}

/// Lets the submissions of a sender wait for each other until the end of the transaction, so that counting them is exact. On
/// SQLite they do so anyway.
pub(super) async fn lock_sender(conn: &Executor, sender: &str) -> Result<()> {
    let backend = conn.get_database_backend();
    if backend == DbBackend::Postgres {
        let key = u64::from_str_radix(sender.get(..16).unwrap_or_default(), 16).unwrap_or_default().cast_signed();
        let lock = Statement::from_sql_and_values(backend, "select pg_advisory_xact_lock($1)", [key.into()]);
        conn.execute_raw(lock).await?;
    }
    Ok(())
}

/// Inserts a submission; `false` if its id is stored already.
pub(super) async fn insert_submission(conn: &Executor, row: submission::Model) -> Result<bool> {
    let inserted = submission::Entity::insert(row.into_active_model())
        .on_conflict_do_nothing_on([submission::Column::Gateway, submission::Column::ExternalId])
        .exec_without_returning(conn)
        .await?;
    Ok(matches!(inserted, TryInsertResult::Inserted(1..)))
}

pub(super) async fn canary(conn: &Executor, key: &str) -> Result<Option<canary::Model>> {
    Ok(canary::Entity::find_by_id(key).one(conn).await?)
}

/// Inserts a canary that is about to be sent.
pub(super) async fn insert_canary(conn: &Executor, key: &str, gateway: Gateway, now: Timestamp) -> Result<()> {
    let row = canary::ActiveModel {
        key: Set(key.to_owned()),
        gateway: Set(gateway.as_str().to_owned()),
        state: Set(CanaryState::Sent.as_str().to_owned()),
        sent_at: Set(now),
        arrived_at: Set(None),
        ended_at: Set(None),
        failure: Set(None),
    };
    canary::Entity::insert(row).exec_without_returning(conn).await?;
    Ok(())
}

pub(super) async fn is_canary_pending(conn: &Executor, key: &str, gateway: Gateway) -> Result<bool> {
    let pending = canary::Entity::find_by_id(key)
        .filter(canary::Column::Gateway.eq(gateway.as_str()))
        .filter(canary::Column::State.eq(CanaryState::Sent.as_str()));
    Ok(pending.one(conn).await?.is_some())
}

/// Marks a pending canary as arrived.
pub(super) async fn mark_canary_arrived(conn: &Executor, key: &str, gateway: Gateway, at: Timestamp) -> Result<()> {
    canary::Entity::update_many()
        .col_expr(canary::Column::State, Expr::value(CanaryState::Arrived.as_str()))
        .col_expr(canary::Column::ArrivedAt, Expr::value(at))
        .filter(canary::Column::Key.eq(key))
        .filter(canary::Column::Gateway.eq(gateway.as_str()))
        .filter(canary::Column::State.eq(CanaryState::Sent.as_str()))
        .exec(conn)
        .await?;
    Ok(())
}

/// Moves a canary to a final state.
pub(super) async fn end_canary(
    conn: &Executor,
    key: &str,
    state: CanaryState,
    failure: Option<&Message>,
    now: Timestamp,
) -> Result<()> {
    canary::Entity::update_many()
        .col_expr(canary::Column::State, Expr::value(state.as_str()))
        .col_expr(canary::Column::EndedAt, Expr::value(now))
        .col_expr(canary::Column::Failure, Expr::value(failure.map(Message::to_stored)))
        .filter(canary::Column::Key.eq(key))
        .exec(conn)
        .await?;
    Ok(())
}

/// Deletes the canaries that were sent before then and have ended.
pub(super) async fn delete_canaries(conn: &Executor, sent_before: Timestamp) -> Result<()> {
    canary::Entity::delete_many()
        .filter(canary::Column::SentAt.lt(sent_before))
        .filter(canary::Column::EndedAt.is_not_null())
        .exec(conn)
        .await?;
    Ok(())
}
