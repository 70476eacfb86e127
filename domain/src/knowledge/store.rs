//! Tables of knowledge.

pub mod occurrence {
    use crate::kernel::{TicketId, Timestamp};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "occurrence")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub ticket_id: TicketId,
        pub signature: String,
        /// The ticket's first resolution.
        pub at: Timestamp,
        /// Of the ticket's row that this was derived from.
        pub revision: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod card {
    use crate::kernel::{CardId, Timestamp, UserId};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "card")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: CardId,
        pub signature: String,
        pub fault_type: String,
        pub root_cause_level: String,
        pub cause_tag: Option<String>,
        pub product: Option<String>,
        pub solution_tags: String,
        pub state: String,
        pub version: i32,
        pub extracted_at: Timestamp,
        pub reviewed_at: Option<Timestamp>,
        pub reviewed_by: Option<UserId>,
        pub published_at: Option<Timestamp>,
        pub published_by: Option<UserId>,
        pub retired_at: Option<Timestamp>,
        pub retired_by: Option<UserId>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod card_version {
    use crate::kernel::{CardId, TicketId, Timestamp, UserId};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "card_version")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub card_id: CardId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub version: i32,
        pub title: String,
        pub applies_to: Option<String>,
        pub solution: String,
        /// The ticket whose words these are.
        pub source_id: Option<TicketId>,
        pub by_id: Option<UserId>,
        pub at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod card_case {
    use crate::kernel::{CardId, TicketId, Timestamp, UserId};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "card_case")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub card_id: CardId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub ticket_id: TicketId,
        pub title: String,
        pub resolution: String,
        pub handler_id: UserId,
        pub resolved_at: Timestamp,
        pub joined_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod citation {
    use crate::kernel::{CardId, CitationId, TicketId, Timestamp, UserId};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "citation")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: CitationId,
        pub ticket_id: TicketId,
        pub case_id: Option<TicketId>,
        pub card_id: Option<CardId>,
        pub text: String,
        pub by_id: UserId,
        pub at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use std::collections::{HashMap, HashSet};

use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict, Query, SelectStatement};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, JoinType, QueryFilter, QuerySelect,
    RelationDef, SqlErr, TryInsertResult,
};

use super::model::{Card, CardState, CardText, Citation, Signature, Source};
use crate::kernel::text::REDACTED;
use crate::kernel::{CardId, Error, Result, TicketId, Timestamp, UserId};
use crate::tickets::model::{FaultType, RootCauseLevel};
use crate::tickets::store::entities::ticket;

fn broken(card: CardId) -> DbErr {
    DbErr::Custom(format!("card {card} holds a word that this program does not know"))
}

impl card::Model {
    pub fn into_card(self, text: CardText) -> Result<Card, DbErr> {
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
                fault_type: FaultType::parse(&fault_type).ok_or_else(|| broken(id))?,
                root_cause_level: RootCauseLevel::parse(&root_cause_level).ok_or_else(|| broken(id))?,
                cause_tag,
                product,
                solution_tags: serde_json::from_str(&solution_tags).map_err(|_| broken(id))?,
            },
            state: CardState::parse(&state).ok_or_else(|| broken(id))?,
            version,
            text,
            extracted_at,
            reviewed: reviewed_by.zip(reviewed_at),
            published: published_by.zip(published_at),
            retired: retired_by.zip(retired_at),
            withheld: false,
        })
    }
}

/// Cards with the text of their version.
pub async fn with_texts(conn: &impl ConnectionTrait, rows: Vec<card::Model>) -> Result<Vec<Card>> {
    let ids: Vec<CardId> = rows.iter().map(|row| row.id).collect();
    let versions = card_version::Entity::find().filter(card_version::Column::CardId.is_in(ids)).all(conn).await?;
    let mut texts: HashMap<(CardId, i32), CardText> = HashMap::with_capacity(versions.len());
    for card_version::Model { card_id, version, title, applies_to, solution, .. } in versions {
        texts.insert((card_id, version), CardText { title, applies_to, solution });
    }
    let withheld = withheld(conn, rows.iter().map(|row| row.id).collect()).await?;
    let card = |row: card::Model| {
        let text = texts.remove(&(row.id, row.version)).ok_or_else(|| broken(row.id))?;
        let withheld = withheld.contains(&(row.id, row.version));
        Ok(Card { withheld, ..row.into_card(text)? })
    };
    rows.into_iter().map(card).collect()
}

/// The versions whose words are those of a ticket that is confidential.
async fn withheld(conn: &impl ConnectionTrait, cards: Vec<CardId>) -> Result<HashSet<(CardId, i32)>> {
    let of_source: RelationDef = card_version::Entity::belongs_to(ticket::Entity)
        .from(card_version::Column::SourceId)
        .to(ticket::Column::Id)
        .into();
    let found: Vec<(CardId, i32)> = card_version::Entity::find()
        .select_only()
        .columns([card_version::Column::CardId, card_version::Column::Version])
        .join(JoinType::InnerJoin, of_source)
        .filter(card_version::Column::CardId.is_in(cards))
        .filter(ticket::Column::Confidential.eq(true))
        .into_tuple()
        .all(conn)
        .await?;
    Ok(found.into_iter().collect())
}

/// Returns whether it is new: one card a signature.
pub async fn insert_card(conn: &impl ConnectionTrait, card: &Card, source: TicketId) -> Result<bool> {
    let Card { id, signature, state, version, text, extracted_at, .. } = card;
    let digest = signature.digest();
    let Signature { fault_type, root_cause_level, cause_tag, product, solution_tags } = signature.clone();
    let row = card::ActiveModel {
        id: Set(*id),
        signature: Set(digest),
        fault_type: Set(fault_type.word().to_owned()),
        root_cause_level: Set(root_cause_level.word().to_owned()),
        cause_tag: Set(cause_tag),
        product: Set(product),
        solution_tags: Set(serde_json::to_string(&solution_tags).expect("strings are JSON")),
        state: Set(state.word().to_owned()),
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
    insert_version(conn, *id, *version, text, Some(source), None, *extracted_at).await?;
    Ok(true)
}

pub async fn insert_version(
    conn: &impl ConnectionTrait,
    card: CardId,
    version: i32,
    text: &CardText,
    source: Option<TicketId>,
    by: Option<UserId>,
    at: Timestamp,
) -> Result<()> {
    let CardText { title, applies_to, solution } = text.clone();
    let row = card_version::ActiveModel {
        card_id: Set(card),
        version: Set(version),
        title: Set(title),
        applies_to: Set(applies_to),
        solution: Set(solution),
        source_id: Set(source),
        by_id: Set(by),
        at: Set(at),
    };
    card_version::Entity::insert(row).exec_without_returning(conn).await?;
    Ok(())
}

/// Saves where a card stands, if nobody has changed it since; its texts stand in its versions.
pub async fn save(conn: &impl ConnectionTrait, before: &Card, next: &Card) -> Result<bool> {
    let change = card::ActiveModel {
        state: Set(next.state.word().to_owned()),
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
        .filter(card::Column::State.eq(before.state.word()))
        .exec(conn)
        .await?;
    Ok(saved.rows_affected > 0)
}

pub async fn put_occurrences(conn: &impl ConnectionTrait, rows: Vec<occurrence::Model>) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows = rows.into_iter().map(|occurrence::Model { ticket_id, signature, at, revision }| {
        let (ticket_id, signature, at, revision) = (Set(ticket_id), Set(signature), Set(at), Set(revision));
        occurrence::ActiveModel { ticket_id, signature, at, revision }
    });
    let mut replace = OnConflict::column(occurrence::Column::TicketId);
    replace.update_columns([occurrence::Column::Signature, occurrence::Column::At, occurrence::Column::Revision]);
    occurrence::Entity::insert_many(rows).on_conflict(replace).exec_without_returning(conn).await?;
    Ok(())
}

/// Joins a case to a card; returns whether it is new there. What it was when it joined stays.
pub async fn insert_case(conn: &impl ConnectionTrait, row: card_case::Model) -> Result<bool> {
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
        let citation::Model { id, ticket_id, case_id, card_id, text, by_id, at } = row;
        // The writer gives exactly one of them.
        let source = match (case_id, card_id) {
            (_, Some(card)) => Source::Card(card),
            (case, None) => Source::Case(case.unwrap_or(ticket_id)),
        };
        Self { id, ticket: ticket_id, source, text, by: by_id, at }
    }
}

pub async fn insert_citation(conn: &impl ConnectionTrait, citation: &Citation) -> Result<()> {
    let Citation { id, ticket, source, text, by, at } = citation.clone();
    let (case, card) = match source {
        Source::Case(case) => (Some(case), None),
        Source::Card(card) => (None, Some(card)),
    };
    let row = citation::ActiveModel {
        id: Set(id),
        ticket_id: Set(ticket),
        case_id: Set(case),
        card_id: Set(card),
        text: Set(text),
        by_id: Set(by),
        at: Set(at),
    };
    match citation::Entity::insert(row).exec_without_returning(conn).await {
        Ok(_) => Ok(()),
        // Somebody cited the same at the same moment: once more, and theirs is found.
        Err(e) if matches!(e.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => Err(Error::Conflict),
        Err(e) => Err(e.into()),
    }
}

/// Of one ticket and source.
pub async fn citation_of(
    conn: &impl ConnectionTrait,
    ticket: TicketId,
    source: Source,
) -> Result<Option<citation::Model>> {
    let of = match source {
        Source::Case(case) => citation::Column::CaseId.eq(case),
        Source::Card(card) => citation::Column::CardId.eq(card),
    };
    Ok(citation::Entity::find().filter(citation::Column::TicketId.eq(ticket)).filter(of).one(conn).await?)
}

/// Takes a ticket's title or resolution out of everything that was copied from it.
pub async fn redact(conn: &impl ConnectionTrait, ticket: TicketId, title: bool, resolution: bool) -> Result<()> {
    if title {
        card_case::Entity::update_many()
            .col_expr(card_case::Column::Title, Expr::value(REDACTED))
            .filter(card_case::Column::TicketId.eq(ticket))
            .exec(conn)
            .await?;
        card_version::Entity::update_many()
            .col_expr(card_version::Column::Title, Expr::value(REDACTED))
            .filter(card_version::Column::SourceId.eq(ticket))
            .exec(conn)
            .await?;
    }
    if resolution {
        card_case::Entity::update_many()
            .col_expr(card_case::Column::Resolution, Expr::value(REDACTED))
            .filter(card_case::Column::TicketId.eq(ticket))
            .exec(conn)
            .await?;
        card_version::Entity::update_many()
            .col_expr(card_version::Column::Solution, Expr::value(REDACTED))
            .filter(card_version::Column::SourceId.eq(ticket))
            .exec(conn)
            .await?;
        citation::Entity::update_many()
            .col_expr(citation::Column::Text, Expr::value(REDACTED))
            .filter(citation::Column::CaseId.eq(ticket).or(citation::Column::CardId.in_subquery(made_of(ticket))))
            .exec(conn)
            .await?;
    }
    Ok(())
}

/// The cards that took their words from a ticket.
fn made_of(ticket: TicketId) -> SelectStatement {
    let mut cards = Query::select();
    cards
        .column(card_version::Column::CardId)
        .from(card_version::Entity)
        .and_where(card_version::Column::SourceId.eq(ticket));
    cards
}
