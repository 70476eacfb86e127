//! The tables of vectors, suggestions and fitted weights.

pub mod ticket_vector {
    use crate::kernel::TicketId;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "ticket_vector")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub ticket_id: TicketId,
        /// Digest of the encoder's files.
        #[sea_orm(primary_key, auto_increment = false)]
        pub model: String,
        pub text_digest: Vec<u8>,
        /// Quantised to eight bits per dimension.
        pub vector: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod vector_progress {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "vector_progress")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub model: String,
        /// A sealed cursor.
        pub position: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod suggestion {
    use crate::kernel::{TicketId, Timestamp, UserId};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "suggestion")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub ticket_id: TicketId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub case_id: TicketId,
        pub place: Option<i32>,
        /// In thousandths.
        pub score: Option<i32>,
        pub state: String,
        pub shown_at: Option<Timestamp>,
        pub settled_at: Option<Timestamp>,
        pub settled_by: Option<UserId>,
        pub reason: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Results of fitting the ranking's weights.
pub mod ranking {
    use crate::kernel::Timestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "ranking")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub fitted_at: Timestamp,
        pub weights: String,
        pub questions: i32,
        /// Mean reciprocal ranks, in thousandths.
        pub before: i32,
        pub after: i32,
        pub used: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use std::collections::{HashMap, HashSet};

use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::decide::FittedWeights;
use super::model::{DismissalReason, Feedback, FeedbackCounts, Suggestion, SuggestionState};
use crate::kernel::{Error, Result, TicketId, Timestamp};
use crate::runtime::Executor;
use crate::tickets::store::entities::ticket;

/// Ids per statement.
const IDS_MAX: usize = 500;

/// The vectors of one model, by ascending ticket, after `after`.
pub async fn vectors_after(
    conn: &Executor,
    model: &str,
    after: Option<TicketId>,
    limit: u64,
) -> Result<Vec<ticket_vector::Model>> {
    let mut select = ticket_vector::Entity::find().filter(ticket_vector::Column::Model.eq(model));
    if let Some(after) = after {
        select = select.filter(ticket_vector::Column::TicketId.gt(after));
    }
    Ok(select.order_by_asc(ticket_vector::Column::TicketId).limit(limit).all(conn).await?)
}

pub async fn vectors(conn: &Executor, model: &str, tickets: &[TicketId]) -> Result<Vec<ticket_vector::Model>> {
    let select = ticket_vector::Entity::find()
        .filter(ticket_vector::Column::Model.eq(model))
        .filter(ticket_vector::Column::TicketId.is_in(tickets.iter().copied()));
    Ok(select.all(conn).await?)
}

pub async fn put(conn: &Executor, rows: Vec<ticket_vector::Model>) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows = rows.into_iter().map(|row| {
        let ticket_vector::Model { ticket_id, model, text_digest, vector } = row;
        ticket_vector::ActiveModel {
            ticket_id: Set(ticket_id),
            model: Set(model),
            text_digest: Set(text_digest),
            vector: Set(vector),
        }
    });
    let mut replace = OnConflict::columns([ticket_vector::Column::TicketId, ticket_vector::Column::Model]);
    replace.update_columns([ticket_vector::Column::TextDigest, ticket_vector::Column::Vector]);
    ticket_vector::Entity::insert_many(rows).on_conflict(replace).exec_without_returning(conn).await?;
    Ok(())
}

pub async fn position(conn: &Executor, model: &str) -> Result<Option<String>> {
    Ok(vector_progress::Entity::find_by_id(model).one(conn).await?.map(|row| row.position))
}

pub async fn set_position(conn: &Executor, model: &str, position: String) -> Result<()> {
    let row = vector_progress::ActiveModel { model: Set(model.to_owned()), position: Set(position) };
    let mut replace = OnConflict::column(vector_progress::Column::Model);
    replace.update_column(vector_progress::Column::Position);
    vector_progress::Entity::insert(row).on_conflict(replace).exec_without_returning(conn).await?;
    Ok(())
}

// ---------------------------------------------------------------- suggestions

#[expect(clippy::cast_possible_truncation, reason = "a share")]
fn thousandths(share: f64) -> i32 {
    (share * 1_000.0).round() as i32
}

impl TryFrom<suggestion::Model> for Suggestion {
    type Error = Error;

    fn try_from(row: suggestion::Model) -> Result<Self> {
        let suggestion::Model { ticket_id, case_id, place, score, state, shown_at, settled_at, settled_by: _, reason } =
            row;
        let invalid = || Error::internal(format!("a suggestion for ticket {ticket_id} holds no word of this program"));
        Ok(Self {
            ticket: ticket_id,
            case: case_id,
            place,
            #[expect(clippy::cast_precision_loss, reason = "a thousand of them")]
            score: score.map(|score| score as f32 / 1_000.0),
            state: state.parse::<SuggestionState>().map_err(|_| invalid())?,
            shown_at,
            settled_at,
            reason: reason.map(|word| word.parse::<DismissalReason>().map_err(|_| invalid())).transpose()?,
        })
    }
}

/// The suggestions of a ticket, in the order in which they were shown.
pub async fn of_ticket(conn: &Executor, ticket: TicketId) -> Result<Vec<Suggestion>> {
    let rows = suggestion::Entity::find()
        .filter(suggestion::Column::TicketId.eq(ticket))
        .order_by_asc(suggestion::Column::Place)
        .order_by_asc(suggestion::Column::CaseId)
        .all(conn)
        .await?;
    rows.into_iter().map(Suggestion::try_from).collect()
}

pub async fn suggestion(conn: &Executor, ticket: TicketId, case: TicketId) -> Result<Option<Suggestion>> {
    suggestion::Entity::find_by_id((ticket, case)).one(conn).await?.map(Suggestion::try_from).transpose()
}

/// The cases that are dismissed for a ticket.
pub async fn dismissed(conn: &Executor, ticket: TicketId) -> Result<HashSet<TicketId>> {
    let all = of_ticket(conn, ticket).await?;
    Ok(all.into_iter().filter(|of| of.state == SuggestionState::Dismissed).map(|of| of.case).collect())
}

/// Replaces the suggestions shown for a ticket; those with feedback stay.
pub async fn show(conn: &Executor, ticket: TicketId, shown: Vec<Suggestion>) -> Result<()> {
    suggestion::Entity::delete_many()
        .filter(suggestion::Column::TicketId.eq(ticket))
        .filter(suggestion::Column::State.eq(SuggestionState::Shown.as_str()))
        .filter(suggestion::Column::SettledAt.is_null())
        .filter(suggestion::Column::CaseId.is_not_in(shown.iter().map(|of| of.case)))
        .exec(conn)
        .await?;
    if shown.is_empty() {
        return Ok(());
    }
    let rows = shown.into_iter().map(|of| suggestion::ActiveModel {
        ticket_id: Set(of.ticket),
        case_id: Set(of.case),
        place: Set(of.place),
        score: Set(of.score.map(|score| thousandths(score.into()))),
        state: Set(of.state.as_str().to_owned()),
        shown_at: Set(of.shown_at),
        ..Default::default()
    });
    let mut replace = OnConflict::columns([suggestion::Column::TicketId, suggestion::Column::CaseId]);
    replace
        .update_columns([suggestion::Column::Place, suggestion::Column::Score])
        .update_column(suggestion::Column::ShownAt);
    suggestion::Entity::insert_many(rows).on_conflict(replace).exec_without_returning(conn).await?;
    Ok(())
}

/// Saves feedback on a case for a ticket, shown or not.
pub async fn save_feedback(conn: &Executor, ticket: TicketId, case: TicketId, feedback: &Feedback) -> Result<()> {
    let row = suggestion::ActiveModel {
        ticket_id: Set(ticket),
        case_id: Set(case),
        state: Set(feedback.state.as_str().to_owned()),
        settled_at: Set(Some(feedback.at)),
        settled_by: Set(Some(feedback.by)),
        reason: Set(feedback.reason.map(|reason| reason.as_str().to_owned())),
        ..Default::default()
    };
    let mut replace = OnConflict::columns([suggestion::Column::TicketId, suggestion::Column::CaseId]);
    replace
        .update_columns([suggestion::Column::State, suggestion::Column::SettledAt])
        .update_columns([suggestion::Column::SettledBy, suggestion::Column::Reason]);
    suggestion::Entity::insert(row).on_conflict(replace).exec_without_returning(conn).await?;
    Ok(())
}

/// Feedback on these cases over all tickets. A dismissal as not similar says nothing about a case for other
/// tickets, and does not count.
pub async fn feedback_counts(conn: &Executor, cases: &[TicketId]) -> Result<HashMap<TicketId, FeedbackCounts>> {
    let of_itself = [DismissalReason::DoesNotHelp, DismissalReason::Outdated].map(DismissalReason::as_str);
    let rows = suggestion::Entity::find()
        .select_only()
        .columns([suggestion::Column::CaseId, suggestion::Column::State])
        .column_as(suggestion::Column::TicketId.count(), "tickets")
        .filter(suggestion::Column::CaseId.is_in(cases.iter().copied()))
        .filter(suggestion::Column::SettledAt.is_not_null())
        .filter(suggestion::Column::Reason.is_null().or(suggestion::Column::Reason.is_in(of_itself)))
        .group_by(suggestion::Column::CaseId)
        .group_by(suggestion::Column::State)
        .into_tuple::<(TicketId, String, i64)>()
        .all(conn)
        .await?;
    let mut all: HashMap<TicketId, FeedbackCounts> = HashMap::new();
    for (case, state, tickets) in rows {
        let of = all.entry(case).or_default();
        let tickets = u64::try_from(tickets).unwrap_or_default();
        match state.parse::<SuggestionState>().ok() {
            Some(SuggestionState::Cited) => of.cited = tickets,
            Some(SuggestionState::Dismissed) => of.dismissed = tickets,
            Some(SuggestionState::Shown) | None => {}
        }
    }
    Ok(all)
}

/// Tickets that cited a case since an instant, the latest ones, with all their suggestions.
pub async fn cited_since(conn: &Executor, since: Timestamp, limit: u64) -> Result<HashMap<TicketId, Vec<Suggestion>>> {
    let ids: Vec<TicketId> = suggestion::Entity::find()
        .select_only()
        .column(suggestion::Column::TicketId)
        .filter(suggestion::Column::SettledAt.gte(since))
        .filter(suggestion::Column::State.eq(SuggestionState::Cited.as_str()))
        .group_by(suggestion::Column::TicketId)
        .order_by_desc(Expr::col(suggestion::Column::SettledAt).max())
        .limit(limit)
        .into_tuple()
        .all(conn)
        .await?;
    let mut all: HashMap<TicketId, Vec<Suggestion>> = HashMap::with_capacity(ids.len());
    for row in suggestion::Entity::find().filter(suggestion::Column::TicketId.is_in(ids)).all(conn).await? {
        all.entry(row.ticket_id).or_default().push(row.try_into()?);
    }
    Ok(all)
}

/// The first resolution of these tickets.
pub async fn solved_at(conn: &Executor, ids: &[TicketId]) -> Result<HashMap<TicketId, Timestamp>> {
    let mut all = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(IDS_MAX) {
        let rows = ticket::Entity::find()
            .select_only()
            .columns([ticket::Column::Id, ticket::Column::FirstResolvedAt])
            .filter(ticket::Column::Id.is_in(ids.iter().copied()))
            .filter(ticket::Column::FirstResolvedAt.is_not_null())
            .into_tuple::<(TicketId, Timestamp)>()
            .all(conn)
            .await?;
        all.extend(rows);
    }
    Ok(all)
}

// ---------------------------------------------------------------- what was learned

pub async fn insert_fitted_weights(conn: &Executor, fitted: &FittedWeights, at: Timestamp) -> Result<()> {
    let FittedWeights { weights, questions, before, after, used } = fitted;
    let row = ranking::ActiveModel {
        fitted_at: Set(at),
        weights: Set(serde_json::to_string(weights).map_err(Error::internal)?),
        questions: Set(i32::try_from(*questions).unwrap_or(i32::MAX)),
        before: Set(thousandths(*before)),
        after: Set(thousandths(*after)),
        used: Set(i32::from(*used)),
    };
    ranking::Entity::insert(row).exec_without_returning(conn).await?;
    Ok(())
}

/// The last fitted weights, if they are used.
pub async fn fitted_weights(conn: &Executor) -> Result<Option<search::Weights>> {
    let last = ranking::Entity::find().order_by_desc(ranking::Column::FittedAt).one(conn).await?;
    let used = last.filter(|last| last.used != 0);
    used.map(|last| serde_json::from_str(&last.weights).map_err(Error::internal)).transpose()
}
