//! The tables of knowledge, and their statements.

pub mod entities;

use std::collections::{HashMap, HashSet};

use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, OnConflict, Query, SimpleExpr};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, DbErr, EntityTrait, JoinType, QueryFilter, QueryOrder as _, QuerySelect,
    RelationDef, SqlErr, TryInsertResult,
};

use self::entities::{card, card_case, card_publication, card_version, citation, occurrence};
use super::model::{Card, CardState, CardText, Citation, Origin, Signature, Source};
use crate::kernel::text::REDACTED;
use crate::kernel::{CardId, Error, Result, TicketId, Timestamp, UserId};
use crate::runtime::Executor;
use crate::tickets::model::{FaultType, RootCauseLevel, TicketStatus};
use crate::tickets::store::entities::ticket;

/// Ids per statement.
pub const IDS_MAX: usize = 500;

fn invalid_row(card: CardId) -> DbErr {
    DbErr::Custom(format!("card {card} holds a word that this program does not know"))
}

impl card::Model {
    fn into_card(self, text: CardText, origin: Origin, withheld: bool) -> Result<Card, DbErr> {
        let Self {
            id,
            signature: _,
            fault_type,
            root_cause_level,
            cause_tag,
            product,
            solution_tags,
            state,
            version,
            extracted_at,
            reviewed_at,
            reviewed_by,
            published_at,
            published_by,
            retired_at,
            retired_by,
        } = self;
        Ok(Card {
            id,
            signature: Signature {
                fault_type: fault_type.parse::<FaultType>().map_err(|_| invalid_row(id))?,
                root_cause_level: root_cause_level.parse::<RootCauseLevel>().map_err(|_| invalid_row(id))?,
                cause_tag,
                product,
                solution_tags: serde_json::from_str(&solution_tags).map_err(|_| invalid_row(id))?,
            },
            state: state.parse::<CardState>().map_err(|_| invalid_row(id))?,
            version,
            text,
            extracted_at,
            reviewed: reviewed_by.zip(reviewed_at),
            published: published_by.zip(published_at),
            retired: retired_by.zip(retired_at),
            origin,
            withheld,
        })
    }
}

/// Those of these tickets that are confidential.
pub async fn confidential(conn: &Executor, ids: Vec<TicketId>) -> Result<HashSet<TicketId>> {
    let mut found = HashSet::new();
    for ids in ids.chunks(IDS_MAX) {
        let rows: Vec<TicketId> = ticket::Entity::find()
            .select_only()
            .column(ticket::Column::Id)
            .filter(ticket::Column::Id.is_in(ids.iter().copied()))
            .filter(ticket::Column::Confidential.eq(true))
            .into_tuple()
            .all(conn)
            .await?;
        found.extend(rows);
    }
    Ok(found)
}

impl card_version::Model {
    pub fn origin(&self) -> Origin {
        Origin { title: self.title_source_id, solution: self.solution_source_id }
    }
}

/// Joins cards with the text of their current version.
pub async fn with_texts(conn: &Executor, rows: Vec<card::Model>) -> Result<Vec<Card>> {
    let of_card: RelationDef =
        card_version::Entity::belongs_to(card::Entity).from(card_version::Column::CardId).to(card::Column::Id).into();
    let current =
        Expr::col((card_version::Entity, card_version::Column::Version)).equals((card::Entity, card::Column::Version));
    let mut texts: HashMap<CardId, card_version::Model> = HashMap::with_capacity(rows.len());
    for rows in rows.chunks(IDS_MAX) {
        let found = card_version::Entity::find()
            .join(JoinType::InnerJoin, of_card.clone())
            .filter(current.clone())
            .filter(card_version::Column::CardId.is_in(rows.iter().map(|row| row.id)))
            .all(conn)
            .await?;
        texts.extend(found.into_iter().map(|version| (version.card_id, version)));
    }
    let origins = texts.values().flat_map(|version| version.origin().tickets());
    let hidden = confidential(conn, origins.collect()).await?;
    let card = |row: card::Model| {
        let version = texts.remove(&row.id).filter(|version| version.version == row.version);
        let version = version.ok_or_else(|| invalid_row(row.id))?;
        let origin = version.origin();
        let card_version::Model { title, applies_to, solution, .. } = version;
        let withheld = origin.tickets().any(|ticket| hidden.contains(&ticket));
        Ok(row.into_card(CardText { title, applies_to, solution }, origin, withheld)?)
    };
    rows.into_iter().map(card).collect()
}

/// Returns whether the card was inserted: there is one per signature. `by`: its author; `None`: it was extracted.
pub async fn insert_card(conn: &Executor, card: &Card, by: Option<UserId>) -> Result<bool> {
    let Card { id, signature, state, version, extracted_at, .. } = card;
    let digest = signature.digest();
    let Signature { fault_type, root_cause_level, cause_tag, product, solution_tags } = signature.clone();
    let row = card::ActiveModel {
        id: Set(*id),
        signature: Set(digest),
        fault_type: Set(fault_type.as_str().to_owned()),
        root_cause_level: Set(root_cause_level.as_str().to_owned()),
        cause_tag: Set(cause_tag),
        product: Set(product),
        solution_tags: Set(serde_json::to_string(&solution_tags).expect("strings are JSON")),
        state: Set(state.as_str().to_owned()),
        version: Set(*version),
        extracted_at: Set(*extracted_at),
        ..Default::default()
    };
    let inserted = card::Entity::insert(row)
        .on_conflict_do_nothing_on([card::Column::Signature])
        .exec_without_returning(conn)
        .await?;
    if !matches!(inserted, TryInsertResult::Inserted(1..)) {
        return Ok(false);
    }
    insert_version(conn, card, by, *extracted_at).await?;
    Ok(true)
}

/// Inserts the current text of a card as a version.
pub async fn insert_version(conn: &Executor, card: &Card, by: Option<UserId>, at: Timestamp) -> Result<()> {
    let CardText { title, applies_to, solution } = card.text.clone();
    let row = card_version::ActiveModel {
        card_id: Set(card.id),
        version: Set(card.version),
        title: Set(title),
        applies_to: Set(applies_to),
        solution: Set(solution),
        title_source_id: Set(card.origin.title),
        solution_source_id: Set(card.origin.solution),
        by_id: Set(by),
        at: Set(at),
    };
    card_version::Entity::insert(row).exec_without_returning(conn).await?;
    Ok(())
}

/// Saves the state of a card unless it has changed since; texts are stored as versions.
pub async fn save(conn: &Executor, before: &Card, next: &Card) -> Result<bool> {
    let change = card::ActiveModel {
        state: Set(next.state.as_str().to_owned()),
        version: Set(next.version),
        reviewed_by: Set(next.reviewed.map(|(by, _)| by)),
        reviewed_at: Set(next.reviewed.map(|(_, at)| at)),
        published_by: Set(next.published.map(|(by, _)| by)),
        published_at: Set(next.published.map(|(_, at)| at)),
        retired_by: Set(next.retired.map(|(by, _)| by)),
        retired_at: Set(next.retired.map(|(_, at)| at)),
        ..Default::default()
    };
    let saved = card::Entity::update_many()
        .set(change)
        .filter(card::Column::Id.eq(before.id))
        .filter(card::Column::Version.eq(before.version))
        .filter(card::Column::State.eq(before.state.as_str()))
        .exec(conn)
        .await?;
    Ok(saved.rows_affected > 0)
}

/// Opens or closes a period of publication.
pub async fn set_published(conn: &Executor, card: CardId, published: bool, at: Timestamp) -> Result<()> {
    if published {
        let row = card_publication::ActiveModel { card_id: Set(card), published_at: Set(at), retired_at: Set(None) };
        // Retired and published again within a millisecond: one period.
        let mut reopened =
            OnConflict::columns([card_publication::Column::CardId, card_publication::Column::PublishedAt]);
        reopened.update_column(card_publication::Column::RetiredAt);
        card_publication::Entity::insert(row).on_conflict(reopened).exec_without_returning(conn).await?;
    } else {
        card_publication::Entity::update_many()
            .col_expr(card_publication::Column::RetiredAt, Expr::value(at))
            .filter(card_publication::Column::CardId.eq(card))
            .filter(card_publication::Column::RetiredAt.is_null())
            .exec(conn)
            .await?;
    }
    Ok(())
}

/// A row derived from a later revision is kept.
pub async fn upsert_occurrences(conn: &Executor, rows: Vec<occurrence::Model>) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows = rows.into_iter().map(|occurrence::Model { ticket_id, signature, at, revision }| {
        let (ticket_id, signature, at, revision) = (Set(ticket_id), Set(signature), Set(at), Set(revision));
        occurrence::ActiveModel { ticket_id, signature, at, revision }
    });
    let mut replace = OnConflict::column(occurrence::Column::TicketId);
    replace.update_columns([occurrence::Column::Signature, occurrence::Column::At, occurrence::Column::Revision]);
    let later = Expr::col((Alias::new("excluded"), occurrence::Column::Revision));
    replace.action_and_where(later.gte(Expr::col((occurrence::Entity, occurrence::Column::Revision))));
    occurrence::Entity::insert_many(rows).on_conflict(replace).exec_without_returning(conn).await?;
    Ok(())
}

/// Deletes occurrences that no longer count, unless they were updated meanwhile.
pub async fn delete_occurrences(conn: &Executor, rows: Vec<occurrence::Model>) -> Result<()> {
    let mut of = Condition::any();
    for row in rows {
        let same = occurrence::Column::TicketId.eq(row.ticket_id).and(occurrence::Column::Revision.eq(row.revision));
        of = of.add(same);
    }
    if !of.is_empty() {
        occurrence::Entity::delete_many().filter(of).exec(conn).await?;
    }
    Ok(())
}

/// Adds a case to a card; returns whether it was inserted. An existing snapshot is kept.
pub async fn insert_case(conn: &Executor, row: card_case::Model) -> Result<bool> {
    let card_case::Model { card_id, ticket_id, title, resolution, handler_id, resolved_at, joined_at } = row;
    let row = card_case::ActiveModel {
        card_id: Set(card_id),
        ticket_id: Set(ticket_id),
        title: Set(title),
        resolution: Set(resolution),
        handler_id: Set(handler_id),
        resolved_at: Set(resolved_at),
        joined_at: Set(joined_at),
    };
    let inserted = card_case::Entity::insert(row)
        .on_conflict_do_nothing_on([card_case::Column::CardId, card_case::Column::TicketId])
        .exec_without_returning(conn)
        .await?;
    Ok(matches!(inserted, TryInsertResult::Inserted(1..)))
}

impl From<citation::Model> for Citation {
    fn from(row: citation::Model) -> Self {
        let citation::Model { id, ticket_id, case_id, card_id, source_id, text, by_id, at, .. } = row;
        // A row has exactly one of them.
        let source = match (case_id, card_id) {
            (_, Some(card)) => Source::Card(card),
            (case, None) => Source::Case(case.unwrap_or(ticket_id)),
        };
        Self { id, ticket: ticket_id, source, origin: source_id, text, by: by_id, at }
    }
}

pub async fn insert_citation(conn: &Executor, citation: &Citation) -> Result<()> {
    let Citation { id, ticket, source, origin, text, by, at } = citation.clone();
    let (case, card) = match source {
        Source::Case(case) => (Some(case), None),
        Source::Card(card) => (None, Some(card)),
    };
    let row = citation::ActiveModel {
        id: Set(id),
        ticket_id: Set(ticket),
        case_id: Set(case),
        card_id: Set(card),
        source_id: Set(origin),
        text: Set(text),
        by_id: Set(by),
        at: Set(at),
        resolved_at: Set(None),
        reopened_at: Set(None),
    };
    match citation::Entity::insert(row).exec_without_returning(conn).await {
        Ok(_) => Ok(()),
        // A concurrent citation of the same source: the retry finds it.
        Err(e) if matches!(e.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => Err(Error::Conflict),
        Err(e) => Err(e.into()),
    }
}

/// The citation of a source by a ticket.
pub async fn citation_of(conn: &Executor, ticket: TicketId, source: Source) -> Result<Option<citation::Model>> {
    let of = match source {
        Source::Case(case) => citation::Column::CaseId.eq(case),
        Source::Card(card) => citation::Column::CardId.eq(card),
    };
    Ok(citation::Entity::find().filter(citation::Column::TicketId.eq(ticket)).filter(of).one(conn).await?)
}

/// Sets the resolution time of these tickets' citations, if the tickets are solved.
pub async fn mark_citations_resolved(conn: &Executor, tickets: &[TicketId]) -> Result<()> {
    let solved = [TicketStatus::Resolved, TicketStatus::Closed].map(TicketStatus::as_str);
    let mut resolved = Query::select();
    resolved
        .column((ticket::Entity, ticket::Column::ResolvedAt))
        .from(ticket::Entity)
        .and_where(
            Expr::col((ticket::Entity, ticket::Column::Id)).equals((citation::Entity, citation::Column::TicketId)),
        )
        .and_where(Expr::col((ticket::Entity, ticket::Column::Status)).is_in(solved));
    citation::Entity::update_many()
        .col_expr(citation::Column::ResolvedAt, SimpleExpr::SubQuery(None, Box::new(resolved.into())))
        .filter(citation::Column::TicketId.is_in(tickets.iter().copied()))
        .filter(citation::Column::ResolvedAt.is_null())
        .exec(conn)
        .await?;
    Ok(())
}

/// Marks the citations that a ticket was resolved with as failed.
pub async fn mark_citations_failed(conn: &Executor, ticket: TicketId, at: Timestamp) -> Result<()> {
    citation::Entity::update_many()
        .col_expr(citation::Column::ReopenedAt, Expr::value(at))
        .filter(citation::Column::TicketId.eq(ticket))
        .filter(citation::Column::ResolvedAt.is_not_null())
        .filter(citation::Column::ReopenedAt.is_null())
        .exec(conn)
        .await?;
    Ok(())
}

/// Redacts a ticket's title or resolution in every copy.
pub async fn redact(conn: &Executor, ticket: TicketId, title: bool, resolution: bool) -> Result<()> {
    if title {
        card_case::Entity::update_many()
            .col_expr(card_case::Column::Title, Expr::value(REDACTED.as_str()))
            .filter(card_case::Column::TicketId.eq(ticket))
            .exec(conn)
            .await?;
        card_version::Entity::update_many()
            .col_expr(card_version::Column::Title, Expr::value(REDACTED.as_str()))
            .filter(card_version::Column::TitleSourceId.eq(ticket))
            .exec(conn)
            .await?;
    }
    if resolution {
        card_case::Entity::update_many()
            .col_expr(card_case::Column::Resolution, Expr::value(REDACTED.as_str()))
            .filter(card_case::Column::TicketId.eq(ticket))
            .exec(conn)
            .await?;
        card_version::Entity::update_many()
            .col_expr(card_version::Column::Solution, Expr::value(REDACTED.as_str()))
            .filter(card_version::Column::SolutionSourceId.eq(ticket))
            .exec(conn)
            .await?;
        citation::Entity::update_many()
            .col_expr(citation::Column::Text, Expr::value(REDACTED.as_str()))
            .filter(citation::Column::SourceId.eq(ticket))
            .exec(conn)
            .await?;
    }
    Ok(())
}

/// A card with its current text.
pub async fn card(conn: &Executor, id: CardId) -> Result<Option<Card>> {
    let row = card::Entity::find_by_id(id).one(conn).await?;
    Ok(with_texts(conn, row.into_iter().collect()).await?.pop())
}

/// The card of a signature.
pub async fn card_of_signature(conn: &Executor, signature: &str) -> Result<Option<CardId>> {
    let row = card::Entity::find().filter(card::Column::Signature.eq(signature)).one(conn).await?;
    Ok(row.map(|row| row.id))
}

/// The tickets with a signature, and when each was solved first; newest first.
pub async fn occurrences_of(conn: &Executor, signature: &str, limit: u64) -> Result<Vec<(TicketId, Timestamp)>> {
    Ok(occurrence::Entity::find()
        .select_only()
        .columns([occurrence::Column::TicketId, occurrence::Column::At])
        .filter(occurrence::Column::Signature.eq(signature))
        .order_by_desc(occurrence::Column::At)
        .order_by_desc(occurrence::Column::TicketId)
        .limit(limit)
        .into_tuple()
        .all(conn)
        .await?)
}
