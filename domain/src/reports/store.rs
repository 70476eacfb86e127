//! Rows of reports: tickets of a period with what was found of them, surveys, citations.

use sea_orm::sea_query::{Expr, ExprTrait as _, Query, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder,
    QuerySelect, RelationDef,
};

use super::model::{Cause, Fact, Voice};
use crate::kernel::{CardId, Error, Result, TicketId, Timestamp, UserId};
use crate::knowledge::store::{card, card_case, citation};
use crate::metrics::model::Period;
use crate::satisfaction::store::survey;
use crate::tickets::model::{FaultType, RootCauseLevel, TicketStatus};
use crate::tickets::store::entities::{attribution, ticket};

/// Rows of one statement.
const BATCH: u64 = 10_000;

fn with_attribution() -> RelationDef {
    ticket::Entity::belongs_to(attribution::Entity).from(ticket::Column::Id).to(attribution::Column::TicketId).into()
}

/// Tickets that count in a period: first resolved in it, neither merged away nor cancelled.
pub fn resolved_in(period: Period) -> Condition {
    Condition::all()
        .add(ticket::Column::FirstResolvedAt.gte(period.from))
        .add(ticket::Column::FirstResolvedAt.lt(period.to))
        .add(ticket::Column::MergedInto.is_null())
        .add(ticket::Column::Status.ne(TicketStatus::Cancelled.word()))
}

#[derive(FromQueryResult)]
struct Row {
    id: TicketId,
    created_at: Timestamp,
    first_resolved_at: Timestamp,
    product: Option<String>,
    fault_type: Option<String>,
    root_cause_level: Option<String>,
    cause_tag: Option<String>,
    cites: i32,
}

impl TryFrom<Row> for Fact {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let Row { id, created_at, first_resolved_at, product, fault_type, root_cause_level, cause_tag, cites } = row;
        let broken = || Error::internal(format!("ticket {id}: its attribution holds no word of this program"));
        let cause = match (fault_type, root_cause_level) {
            (Some(fault_type), Some(level)) => Some(Cause {
                fault_type: FaultType::parse(&fault_type).ok_or_else(broken)?,
                root_cause_level: RootCauseLevel::parse(&level).ok_or_else(broken)?,
                cause_tag,
                product,
            }),
            _ => None,
        };
        let (ticket, resolved_at) = (id, first_resolved_at);
        Ok(Self { ticket, created_at, resolved_at, cause, cites: cites != 0, recurred_at: None })
    }
}

/// The facts of tickets for which `of` holds; whether they recurred is not among them.
pub async fn facts(conn: &impl ConnectionTrait, of: &Condition) -> Result<Vec<Fact>> {
    let cited = Query::select()
        .expr(Expr::val(1))
        .from(citation::Entity)
        .and_where(
            Expr::col((citation::Entity, citation::Column::TicketId)).equals((ticket::Entity, ticket::Column::Id)),
        )
        .to_owned();
    let cites: SimpleExpr = Expr::case(Expr::exists(cited), 1).finally(0).into();
    let mut facts = Vec::new();
    let mut after: Option<TicketId> = None;
    loop {
        let mut condition = of.clone();
        if let Some(after) = after {
            condition = condition.add(ticket::Column::Id.gt(after));
        }
        let rows: Vec<Row> = ticket::Entity::find()
            .select_only()
            .columns([ticket::Column::Id, ticket::Column::CreatedAt, ticket::Column::FirstResolvedAt])
            .column(ticket::Column::Product)
            .columns([attribution::Column::FaultType, attribution::Column::RootCauseLevel])
            .column(attribution::Column::CauseTag)
            .expr_as(cites.clone(), "cites")
            .join(JoinType::LeftJoin, with_attribution())
            .filter(condition)
            .order_by_asc(ticket::Column::Id)
            .limit(BATCH)
            .into_model()
            .all(conn)
            .await?;
        let more = rows.len() as u64 == BATCH;
        after = rows.last().map(|row| row.id);
        for row in rows {
            facts.push(row.try_into()?);
        }
        if !more {
            return Ok(facts);
        }
    }
}

/// Surveys of tickets for which `of` holds that were asked or answered in a period.
pub async fn voices(conn: &impl ConnectionTrait, of: &Condition, period: Period) -> Result<Vec<Voice>> {
    let within = |column: survey::Column| Condition::all().add(column.gte(period.from)).add(column.lt(period.to));
    let of_ticket: RelationDef =
        survey::Entity::belongs_to(ticket::Entity).from(survey::Column::TicketId).to(ticket::Column::Id).into();
    let rows = survey::Entity::find()
        .join(JoinType::InnerJoin, of_ticket)
        .filter(of.clone())
        .filter(ticket::Column::MergedInto.is_null())
        .filter(Condition::any().add(within(survey::Column::AskedAt)).add(within(survey::Column::AnsweredAt)))
        .all(conn)
        .await?;
    let voice = |row: survey::Model| {
        let in_period = |at: Option<Timestamp>| at.is_some_and(|at| period.contains(at));
        Voice {
            ticket: row.ticket_id,
            asked: in_period(row.asked_at),
            score: row.score.filter(|_| in_period(row.answered_at)),
            answered: row.score.is_some(),
        }
    };
    Ok(rows.into_iter().map(voice).collect())
}

/// Citations of cases and cards before an instant: source, citing ticket, when; those of tickets that were merged away or
/// cancelled are none.
pub async fn citations(
    conn: &impl ConnectionTrait,
    before: Timestamp,
) -> Result<Vec<(Option<TicketId>, Option<CardId>, TicketId, Timestamp)>> {
    let citing: RelationDef =
        citation::Entity::belongs_to(ticket::Entity).from(citation::Column::TicketId).to(ticket::Column::Id).into();
    Ok(citation::Entity::find()
        .select_only()
        .columns([citation::Column::CaseId, citation::Column::CardId, citation::Column::TicketId])
        .column(citation::Column::At)
        .join(JoinType::InnerJoin, citing)
        .filter(citation::Column::At.lt(before))
        .filter(ticket::Column::MergedInto.is_null())
        .filter(ticket::Column::Status.ne(TicketStatus::Cancelled.word()))
        .into_tuple()
        .all(conn)
        .await?)
}

/// Of these tickets those that are solved and that `of` holds for, each with who solved it.
pub async fn solved(conn: &impl ConnectionTrait, of: &Condition, ids: &[TicketId]) -> Result<Vec<(TicketId, UserId)>> {
    let words = [TicketStatus::Resolved, TicketStatus::Closed].map(TicketStatus::word);
    let mut found = Vec::with_capacity(ids.len());
    for ids in ids.chunks(500) {
        let rows = ticket::Entity::find()
            .select_only()
            .column(ticket::Column::Id)
            .column(attribution::Column::ById)
            .join(JoinType::InnerJoin, with_attribution())
            .filter(of.clone())
            .filter(ticket::Column::Status.is_in(words))
            .filter(ticket::Column::Id.is_in(ids.iter().copied()))
            .into_tuple::<(TicketId, UserId)>()
            .all(conn)
            .await?;
        found.extend(rows);
    }
    Ok(found)
}

/// What of a card reports ask.
#[derive(FromQueryResult)]
pub struct CardRow {
    pub id: CardId,
    pub product: Option<String>,
    pub extracted_at: Timestamp,
    pub published_at: Option<Timestamp>,
    pub retired_at: Option<Timestamp>,
}

/// Cards made before an instant.
pub async fn cards(conn: &impl ConnectionTrait, before: Timestamp) -> Result<Vec<CardRow>> {
    Ok(card::Entity::find()
        .select_only()
        .columns([card::Column::Id, card::Column::Product, card::Column::ExtractedAt])
        .columns([card::Column::PublishedAt, card::Column::RetiredAt])
        .filter(card::Column::ExtractedAt.lt(before))
        .into_model()
        .all(conn)
        .await?)
}

/// Cases that had joined a card before an instant: card, ticket, who solved it.
pub async fn card_cases(conn: &impl ConnectionTrait, before: Timestamp) -> Result<Vec<(CardId, TicketId, UserId)>> {
    Ok(card_case::Entity::find()
        .select_only()
        .columns([card_case::Column::CardId, card_case::Column::TicketId, card_case::Column::HandlerId])
        .filter(card_case::Column::JoinedAt.lt(before))
        .into_tuple()
        .all(conn)
        .await?)
}
