//! Tables of tickets, and scopes and filters as SQL.

pub(crate) mod entities;
pub(super) mod links;
mod rows;
pub(crate) mod select;

use std::collections::{HashMap, HashSet};

use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict, Query, SimpleExpr};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel as _, PaginatorTrait as _,
    QueryFilter, QueryOrder as _, QuerySelect, SqlErr,
};

use self::entities::{attribution, comment, external_ref, participant, source_solution, ticket, ticket_open};
use super::model::{
    Attribution, Comment, ConfidentialityCause, ExternalRef, NumberSequence, ParticipantReason, TextSource, Ticket,
    TicketStatus, Visibility,
};
use crate::catalogue::model::Kind;
use crate::catalogue::queries as catalogue;
use crate::kernel::text::REDACTED;
use crate::kernel::{CommentId, Error, Result, TeamId, TicketId, Timestamp, UserId};
use crate::runtime::{Engine, Executor, Tx};

/// Rows or ids per statement.
const ROWS_MAX: usize = 500;

/// Locks the row on engines with several writers.
pub(super) async fn load(tx: &Tx, id: TicketId) -> Result<Option<Ticket>> {
    let mut select = ticket::Entity::find_by_id(id);
    if tx.app().db.engine == Engine::Postgres {
        select = select.lock_exclusive();
    }
    Ok(select.one(tx.conn()).await?.map(Ticket::try_from).transpose()?)
}

/// Locks the rows on engines with several writers, in id order to avoid deadlocks.
pub(super) async fn load_for_update(tx: &Tx, ids: &[TicketId]) -> Result<Vec<Ticket>> {
    let mut select = ticket::Entity::find().filter(ticket::Column::Id.is_in(ids.iter().copied()));
    if tx.app().db.engine == Engine::Postgres {
        select = select.order_by_asc(ticket::Column::Id).lock_exclusive();
    }
    let rows = select.all(tx.conn()).await?;
    Ok(rows.into_iter().map(Ticket::try_from).collect::<Result<_, _>>()?)
}

/// Locks the rows against changes on engines with several writers, in id order to avoid deadlocks.
pub(super) async fn load_for_share(tx: &Tx, ids: &[TicketId]) -> Result<Vec<Ticket>> {
    let mut select = ticket::Entity::find().filter(ticket::Column::Id.is_in(ids.iter().copied()));
    if tx.app().db.engine == Engine::Postgres {
        select = select.order_by_asc(ticket::Column::Id).lock_shared();
    }
    let rows = select.all(tx.conn()).await?;
    Ok(rows.into_iter().map(Ticket::try_from).collect::<Result<_, _>>()?)
}

pub(super) async fn insert(conn: &Executor, tickets: Vec<Ticket>) -> Result<()> {
    let rows = tickets.into_iter().map(|ticket| ticket::Model::from(ticket).into_active_model());
    match ticket::Entity::insert_many(rows).exec_without_returning(conn).await {
        Ok(_) => Ok(()),
        // The token exists already: retry with another one.
        Err(e) if matches!(e.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => Err(Error::Conflict),
        Err(e) => Err(e.into()),
    }
}

/// Saves the next state of a ticket that was loaded at `version`; a concurrent change is a conflict.
pub(super) async fn save(tx: &Tx, version: i32, next: Ticket) -> Result<Ticket> {
    let next = Ticket { version: version + 1, ..next };
    let id = next.id;
    let mut change = ticket::Model::from(next.clone()).into_active_model();
    // These never change after creation.
    change.id = sea_orm::NotSet;
    change.number = sea_orm::NotSet;
    change.token = sea_orm::NotSet;
    change.created_at = sea_orm::NotSet;
    change.revision = sea_orm::NotSet;
    let change = change.reset_all_but_unset();
    let saved = ticket::Entity::update_many()
        .set(change)
        .col_expr(ticket::Column::Revision, next_revision())
        .filter(ticket::Column::Id.eq(id))
        .filter(ticket::Column::Version.eq(version))
        .exec(tx.conn())
        .await?;
    if saved.rows_affected == 0 { Err(Error::Conflict) } else { Ok(next) }
}

/// Part of every update of a ticket's row: nodes cache tickets by revision.
fn next_revision() -> SimpleExpr {
    Expr::col(ticket::Column::Revision).add(1)
}

/// Whether tickets of this team and issue type are not readable as cases outside their scope.
pub(super) async fn is_confidential(conn: &Executor, team: Option<TeamId>, issue_type: Option<&str>) -> Result<bool> {
    if let Some(id) = team
        && catalogue::teams(conn, vec![id]).await?.iter().any(|team| team.confidential)
    {
        return Ok(true);
    }
    let Some(key) = issue_type else { return Ok(false) };
    Ok(catalogue::find(conn, Kind::IssueType, key).await?.is_some_and(|entry| entry.confidential))
}

/// Tickets of this team or issue type.
pub(super) fn has_cause(cause: &ConfidentialityCause) -> SimpleExpr {
    match cause {
        ConfidentialityCause::Team(team) => ticket::Column::TeamId.eq(*team),
        ConfidentialityCause::IssueType(key) => ticket::Column::IssueType.eq(key),
    }
}

/// Tickets that are searched by this name.
pub(super) fn has_name(source: &TextSource) -> SimpleExpr {
    match source {
        TextSource::Requester(user) => ticket::Column::RequesterId.eq(*user),
        TextSource::Customer(customer) => ticket::Column::CustomerId.eq(*customer),
        TextSource::Product(key) => ticket::Column::Product.eq(key),
    }
}

/// Recomputes the flag of the tickets of this team or issue type.
pub(super) async fn set_confidential(conn: &Executor, cause: &ConfidentialityCause) -> Result<()> {
    use crate::catalogue::store::{catalogue_entry, team};
    let of_team = Query::select()
        .expr(Expr::val(1))
        .from(team::Entity)
        .and_where(Expr::col((team::Entity, team::Column::Id)).equals((ticket::Entity, ticket::Column::TeamId)))
        .and_where(Expr::col((team::Entity, team::Column::Confidential)).eq(true))
        .to_owned();
    let of_type = Query::select()
        .expr(Expr::val(1))
        .from(catalogue_entry::Entity)
        .and_where(Expr::col((catalogue_entry::Entity, catalogue_entry::Column::Kind)).eq(Kind::IssueType.as_str()))
        .and_where(
            Expr::col((catalogue_entry::Entity, catalogue_entry::Column::Key))
                .equals((ticket::Entity, ticket::Column::IssueType)),
        )
        .and_where(Expr::col((catalogue_entry::Entity, catalogue_entry::Column::Confidential)).eq(true))
        .to_owned();
    ticket::Entity::update_many()
        .col_expr(ticket::Column::Confidential, Expr::exists(of_team).or(Expr::exists(of_type)))
        .col_expr(ticket::Column::Revision, next_revision())
        .filter(has_cause(cause))
        .exec(conn)
        .await?;
    Ok(())
}

/// Saves fields that do not raise the version: requesters must not notice staff activity by it.
pub(super) async fn save_unversioned(tx: &Tx, next: &Ticket) -> Result<()> {
    let change = ticket::ActiveModel {
        updated_at: Set(next.times.updated_at),
        public_updated_at: Set(next.times.public_updated_at),
        first_opened_at: Set(next.times.first_opened_at),
        first_opened_by: Set(next.times.first_opened_by),
        first_responded_at: Set(next.times.first_responded_at),
        no_response_marked_at: Set(next.times.no_response_marked_at),
        asked_at: Set(next.times.asked_at),
        ..Default::default()
    };
    ticket::Entity::update_many()
        .set(change)
        .col_expr(ticket::Column::Revision, next_revision())
        .filter(ticket::Column::Id.eq(next.id))
        .exec(tx.conn())
        .await?;
    Ok(())
}

trait ResetAllButUnset {
    fn reset_all_but_unset(self) -> Self;
}

impl ResetAllButUnset for ticket::ActiveModel {
    /// `update_many` writes only `Set` values; a model that was converted from a row holds `Unchanged`.
    fn reset_all_but_unset(self) -> Self {
        sea_orm::ActiveModelTrait::reset_all(self)
    }
}

/// The next ticket numbers: unique and increasing, with gaps.
pub(super) async fn next_numbers(tx: &Tx, count: usize) -> Result<Vec<i64>> {
    use sea_orm::sea_query::Func;
    let conn = tx.conn();
    match tx.app().db.engine {
        // One writer in one process: the last number is in memory.
        Engine::Sqlite => {
            let numbers = tx.app().state::<NumberSequence>();
            if !numbers.is_known() {
                let mut last = Query::select();
                last.expr_as(Expr::expr(Func::coalesce([ticket::Column::Number.max(), Expr::val(0)])), "last")
                    .from(ticket::Entity);
                let row = conn.query_one(&last).await?.ok_or_else(|| Error::internal("no last ticket number"))?;
                numbers.start_after(row.try_get("", "last")?);
            }
            Ok(numbers.allocate(count))
        }
        Engine::Postgres => {
            let mut next = Query::select();
            next.expr_as(Expr::cust("nextval('ticket_number')"), "number");
            let series = i64::try_from(count).unwrap_or(i64::MAX);
            next.from_function(Func::cust("generate_series").args([Expr::val(1_i64), Expr::val(series)]), "series");
            let rows = conn.query_all(&next).await?;
            Ok(rows.iter().map(|row| row.try_get("", "number")).collect::<Result<_, _>>()?)
        }
    }
}

impl From<comment::Model> for Comment {
    fn from(row: comment::Model) -> Self {
        let comment::Model { id, ticket_id, author_id, body, visibility, created_at } = row;
        // An unknown visibility counts as internal.
        let visibility = visibility.parse::<Visibility>().unwrap_or(Visibility::Internal);
        Self { id, ticket: ticket_id, author: author_id, body, visibility, created_at }
    }
}

pub(super) async fn insert_comment(conn: &Executor, comment: Comment) -> Result<()> {
    insert_comments(conn, vec![comment]).await
}

pub(super) async fn insert_comments(conn: &Executor, comments: Vec<Comment>) -> Result<()> {
    let row = |comment: &Comment| {
        let Comment { id, ticket, author, body, visibility, created_at } = comment.clone();
        comment::ActiveModel {
            id: Set(id),
            ticket_id: Set(ticket),
            author_id: Set(author),
            body: Set(body),
            visibility: Set(visibility.as_str().to_owned()),
            created_at: Set(created_at),
        }
    };
    for comments in comments.chunks(ROWS_MAX) {
        comment::Entity::insert_many(comments.iter().map(row)).exec_without_returning(conn).await?;
    }
    Ok(())
}

/// Those of these comments that exist.
pub(super) async fn known_comments(conn: &Executor, ids: &[CommentId]) -> Result<HashSet<CommentId>> {
    let mut known = HashSet::new();
    for ids in ids.chunks(ROWS_MAX) {
        let of = comment::Column::Id.is_in(ids.iter().copied());
        let found = comment::Entity::find().select_only().column(comment::Column::Id).filter(of);
        known.extend(found.into_tuple::<CommentId>().all(conn).await?);
    }
    Ok(known)
}

/// Redacts comments; returns how many of them belong to the ticket.
/// Tickets of a requester, oldest first.
pub(super) async fn of_requester(conn: &Executor, requester: UserId, max: u64) -> Result<Vec<TicketId>> {
    let select = ticket::Entity::find().select_only().column(ticket::Column::Id);
    let of = select.filter(ticket::Column::RequesterId.eq(requester)).order_by_asc(ticket::Column::Number).limit(max);
    Ok(of.into_tuple().all(conn).await?)
}

/// Comments that an author has written on a ticket since then.
pub(super) async fn count_comments(conn: &Executor, ticket: TicketId, author: UserId, since: Timestamp) -> Result<u64> {
    let written = comment::Entity::find()
        .filter(comment::Column::TicketId.eq(ticket))
        .filter(comment::Column::AuthorId.eq(author))
        .filter(comment::Column::CreatedAt.gt(since));
    Ok(written.count(conn).await?)
}

pub(super) async fn redact_comments(conn: &Executor, ticket: TicketId, ids: &[CommentId]) -> Result<usize> {
    let redacted = comment::Entity::update_many()
        .col_expr(comment::Column::Body, Expr::value(REDACTED.as_str()))
        .filter(comment::Column::TicketId.eq(ticket))
        .filter(comment::Column::Id.is_in(ids.iter().copied()))
        .exec(conn)
        .await?;
    Ok(usize::try_from(redacted.rows_affected).unwrap_or(usize::MAX))
}

/// Redacts the resolution, if there is one, and what an imported ticket has in its place.
pub(super) async fn redact_resolution(conn: &Executor, ticket: TicketId) -> Result<()> {
    attribution::Entity::update_many()
        .col_expr(attribution::Column::Resolution, Expr::value(REDACTED.as_str()))
        .filter(attribution::Column::TicketId.eq(ticket))
        .exec(conn)
        .await?;
    source_solution::Entity::update_many()
        .col_expr(source_solution::Column::Body, Expr::value(REDACTED.as_str()))
        .filter(source_solution::Column::TicketId.eq(ticket))
        .exec(conn)
        .await?;
    Ok(())
}

pub(super) async fn upsert_source_solutions(conn: &Executor, solutions: Vec<(TicketId, String)>) -> Result<()> {
    if solutions.is_empty() {
        return Ok(());
    }
    let row = |(ticket_id, body)| source_solution::ActiveModel { ticket_id: Set(ticket_id), body: Set(body) };
    let mut replace = OnConflict::column(source_solution::Column::TicketId);
    replace.update_column(source_solution::Column::Body);
    let rows = solutions.into_iter().map(row);
    source_solution::Entity::insert_many(rows).on_conflict(replace).exec_without_returning(conn).await?;
    Ok(())
}

pub(super) async fn source_solutions(conn: &Executor, ids: &[TicketId]) -> Result<HashMap<TicketId, String>> {
    let of = source_solution::Column::TicketId.is_in(ids.iter().copied());
    let rows = source_solution::Entity::find().filter(of).all(conn).await?;
    Ok(rows.into_iter().map(|source_solution::Model { ticket_id, body }| (ticket_id, body)).collect())
}

pub(super) async fn upsert_attributions(conn: &Executor, attributions: Vec<Attribution>) -> Result<()> {
    let rows = attributions.into_iter().map(|attribution| attribution::Model::from(attribution).into_active_model());
    let mut replace = OnConflict::column(attribution::Column::TicketId);
    replace
        .update_columns([attribution::Column::FaultType, attribution::Column::RootCauseLevel])
        .update_columns([attribution::Column::CauseTag, attribution::Column::SolutionTags])
        .update_columns([attribution::Column::Resolution, attribution::Column::ById, attribution::Column::At]);
    attribution::Entity::insert_many(rows).on_conflict(replace).exec_without_returning(conn).await?;
    Ok(())
}

pub(super) async fn attributions(conn: &Executor, ids: &[TicketId]) -> Result<HashMap<TicketId, Attribution>> {
    let rows =
        attribution::Entity::find().filter(attribution::Column::TicketId.is_in(ids.iter().copied())).all(conn).await?;
    rows.into_iter().map(|row| Ok((row.ticket_id, row.try_into()?))).collect()
}

/// The ticket that a reference is linked to.
pub(super) async fn holder_of_ref(conn: &Executor, reference: &ExternalRef) -> Result<Option<TicketId>> {
    let key = (reference.system.clone(), reference.external_id.clone());
    Ok(external_ref::Entity::find_by_id(key).one(conn).await?.map(|row| row.ticket_id))
}

/// Links a reference; `false` if it is linked to another ticket.
pub(super) async fn insert_ref(conn: &Executor, id: TicketId, reference: &ExternalRef) -> Result<bool> {
    let row = external_ref::ActiveModel {
        system: Set(reference.system.clone()),
        external_id: Set(reference.external_id.clone()),
        ticket_id: Set(id),
    };
    let inserted = external_ref::Entity::insert(row)
        .on_conflict_do_nothing_on([external_ref::Column::System, external_ref::Column::ExternalId])
        .exec_without_returning(conn)
        .await?;
    match inserted {
        sea_orm::TryInsertResult::Inserted(1..) => Ok(true),
        _ => Ok(holder_of_ref(conn, reference).await? == Some(id)),
    }
}

/// Links a reference that is linked to another ticket to this one.
pub(super) async fn move_ref(conn: &Executor, reference: &ExternalRef, to: TicketId) -> Result<()> {
    external_ref::Entity::update_many()
        .col_expr(external_ref::Column::TicketId, Expr::value(to.0))
        .filter(external_ref::Column::System.eq(&reference.system))
        .filter(external_ref::Column::ExternalId.eq(&reference.external_id))
        .exec(conn)
        .await?;
    Ok(())
}

/// Unlinks a reference; returns whether it was linked to the ticket.
pub(super) async fn delete_ref(conn: &Executor, id: TicketId, reference: &ExternalRef) -> Result<bool> {
    let deleted = external_ref::Entity::delete_many()
        .filter(external_ref::Column::System.eq(&reference.system))
        .filter(external_ref::Column::ExternalId.eq(&reference.external_id))
        .filter(external_ref::Column::TicketId.eq(id))
        .exec(conn)
        .await?;
    Ok(deleted.rows_affected > 0)
}

/// Links references that are known to be unlinked.
pub(super) async fn insert_new_refs(conn: &Executor, refs: Vec<(TicketId, ExternalRef)>) -> Result<()> {
    let rows = refs.into_iter().map(|(id, ExternalRef { system, external_id })| external_ref::ActiveModel {
        system: Set(system),
        external_id: Set(external_id),
        ticket_id: Set(id),
    });
    external_ref::Entity::insert_many(rows).exec_without_returning(conn).await?;
    Ok(())
}

pub(super) async fn refs(conn: &Executor, ids: &[TicketId]) -> Result<HashMap<TicketId, Vec<ExternalRef>>> {
    use sea_orm::QueryOrder as _;
    let rows = external_ref::Entity::find()
        .filter(external_ref::Column::TicketId.is_in(ids.iter().copied()))
        .order_by_asc(external_ref::Column::System)
        .order_by_asc(external_ref::Column::ExternalId)
        .all(conn)
        .await?;
    let mut refs: HashMap<TicketId, Vec<ExternalRef>> = HashMap::new();
    for external_ref::Model { system, external_id, ticket_id } in rows {
        refs.entry(ticket_id).or_default().push(ExternalRef { system, external_id });
    }
    Ok(refs)
}

/// Returns whether the participant is new.
pub(super) async fn add_participant(
    conn: &Executor,
    id: TicketId,
    user: UserId,
    reason: ParticipantReason,
) -> Result<bool> {
    let row =
        participant::ActiveModel { ticket_id: Set(id), user_id: Set(user), reason: Set(reason.as_str().to_owned()) };
    let inserted = participant::Entity::insert(row)
        .on_conflict_do_nothing_on([
            participant::Column::TicketId,
            participant::Column::UserId,
            participant::Column::Reason,
        ])
        .exec_without_returning(conn)
        .await?;
    Ok(matches!(inserted, sea_orm::TryInsertResult::Inserted(1..)))
}

pub(super) async fn remove_follower(conn: &Executor, id: TicketId, user: UserId) -> Result<bool> {
    let key = (id, user, ParticipantReason::Follower.as_str().to_owned());
    Ok(participant::Entity::delete_by_id(key).exec(conn).await?.rows_affected > 0)
}

/// Removes the account of a system that no longer takes part in the ticket.
pub(super) async fn remove_system(conn: &Executor, id: TicketId, account: UserId) -> Result<bool> {
    let key = (id, account, ParticipantReason::System.as_str().to_owned());
    Ok(participant::Entity::delete_by_id(key).exec(conn).await?.rows_affected > 0)
}

pub(super) async fn participants(conn: &Executor, ids: &[TicketId]) -> Result<HashMap<TicketId, HashSet<UserId>>> {
    let rows =
        participant::Entity::find().filter(participant::Column::TicketId.is_in(ids.iter().copied())).all(conn).await?;
    let mut all: HashMap<TicketId, HashSet<UserId>> = HashMap::new();
    for row in rows {
        all.entry(row.ticket_id).or_default().insert(row.user_id);
    }
    Ok(all)
}

/// Records that a user opened the ticket; returns whether it is the first time.
pub(super) async fn record_open(tx: &Tx, id: TicketId, user: UserId) -> Result<bool> {
    let row = ticket_open::ActiveModel { ticket_id: Set(id), user_id: Set(user), at: Set(tx.now) };
    let inserted = ticket_open::Entity::insert(row)
        .on_conflict_do_nothing_on([ticket_open::Column::TicketId, ticket_open::Column::UserId])
        .exec_without_returning(tx.conn())
        .await?;
    Ok(matches!(inserted, sea_orm::TryInsertResult::Inserted(1..)))
}

/// Tickets, not imported, that are RESOLVED since then or longer.
pub(super) async fn resolved_by(conn: &Executor, then: Timestamp, limit: u64) -> Result<Vec<TicketId>> {
    Ok(ticket::Entity::find()
        .select_only()
        .column(ticket::Column::Id)
        .filter(ticket::Column::Status.eq(TicketStatus::Resolved.as_str()))
        .filter(ticket::Column::Imported.eq(false))
        .filter(Expr::col(ticket::Column::ResolvedAt).lte(then))
        .limit(limit)
        .into_tuple()
        .all(conn)
        .await?)
}
