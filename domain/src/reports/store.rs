//! Rows of reports: tickets of a period, surveys, citations; and the stored files.

pub mod report_file {
    use crate::kernel::Timestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "report_file")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub month: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub format: String,
        pub name: String,
        pub media_type: String,
        pub made_at: Timestamp,
        /// Every window of the month was over when it was made.
        pub is_final: bool,
        pub content: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use std::collections::BTreeSet;

use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict, Query, SimpleExpr, UnionType};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder,
    QuerySelect, RelationDef,
};

use super::model::{Cause, Fact, ReportFile, ReportFileInfo, SurveyFact};
use crate::kernel::{CardId, Error, Result, TicketId, Timestamp, UserId};
use crate::knowledge::store::entities::{card, card_publication, citation};
use crate::metrics::model::Period;
use crate::runtime::Executor;
use crate::satisfaction::store::{survey, survey_request};
use crate::tickets::model::{FaultType, RootCauseLevel, TicketStatus};
use crate::tickets::store::entities::{attribution, ticket};

/// Rows per statement.
const BATCH: u64 = 10_000;

fn with_attribution() -> RelationDef {
    ticket::Entity::belongs_to(attribution::Entity).from(ticket::Column::Id).to(attribution::Column::TicketId).into()
}

/// Tickets that count in a period: first resolved in it, neither merged nor cancelled.
pub fn resolved_in(period: Period) -> Condition {
    Condition::all()
        .add(ticket::Column::FirstResolvedAt.gte(period.from))
        .add(ticket::Column::FirstResolvedAt.lt(period.to))
        .add(ticket::Column::MergedInto.is_null())
        .add(ticket::Column::Status.ne(TicketStatus::Cancelled.as_str()))
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
        let invalid = || Error::internal(format!("ticket {id}: its attribution holds no word of this program"));
        let cause = match (fault_type, root_cause_level) {
            (Some(fault_type), Some(level)) => Some(Cause {
                fault_type: fault_type.parse::<FaultType>().map_err(|_| invalid())?,
                root_cause_level: level.parse::<RootCauseLevel>().map_err(|_| invalid())?,
                cause_tag,
                product,
            }),
            _ => None,
        };
        let (ticket, resolved_at) = (id, first_resolved_at);
        Ok(Self { ticket, created_at, resolved_at, cause, cites: cites != 0, recurred_at: None })
    }
}

/// The facts of tickets that match `of`, without recurrences.
pub async fn facts(conn: &Executor, of: &Condition) -> Result<Vec<Fact>> {
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

/// Surveys of tickets that match `of` that were sent or answered in a period.
pub async fn surveys(conn: &Executor, of: &Condition, period: Period) -> Result<Vec<SurveyFact>> {
    let within = |column: SimpleExpr| column.clone().gte(period.from).and(column.lt(period.to));
    let mut requests = Query::select();
    requests
        .expr(Expr::col((survey_request::Entity, survey_request::Column::AskedAt)).max())
        .from(survey_request::Entity)
        .and_where(
            Expr::col((survey_request::Entity, survey_request::Column::TicketId))
                .equals((survey::Entity, survey::Column::TicketId)),
        )
        .and_where(within(Expr::col((survey_request::Entity, survey_request::Column::AskedAt))));
    let requested_at = SimpleExpr::SubQuery(None, Box::new(requests.into()));
    // A query each, so that each uses its own index.
    let mut answered = Query::select();
    answered
        .column(survey::Column::TicketId)
        .from(survey::Entity)
        .and_where(within(Expr::col((survey::Entity, survey::Column::AnsweredAt))));
    let mut of_period = Query::select();
    of_period
        .column(survey_request::Column::TicketId)
        .from(survey_request::Entity)
        .and_where(within(Expr::col((survey_request::Entity, survey_request::Column::AskedAt))))
        .union(UnionType::Distinct, answered);
    let of_ticket: RelationDef =
        survey::Entity::belongs_to(ticket::Entity).from(survey::Column::TicketId).to(ticket::Column::Id).into();
    let rows = survey::Entity::find()
        .select_only()
        .columns([survey::Column::TicketId, survey::Column::Score, survey::Column::AnsweredAt])
        .expr_as(requested_at, "asked_at")
        .join(JoinType::InnerJoin, of_ticket)
        .filter(of.clone())
        .filter(ticket::Column::MergedInto.is_null())
        .filter(survey::Column::TicketId.in_subquery(of_period))
        .into_tuple::<(TicketId, Option<i32>, Option<Timestamp>, Option<Timestamp>)>()
        .all(conn)
        .await?;
    let facts = rows.into_iter().map(|(ticket, score, answered_at, requested_at)| SurveyFact {
        ticket,
        requested_at,
        score: score.filter(|_| answered_at.is_some_and(|at| period.contains(at))),
        answered: score.is_some(),
    });
    Ok(facts.collect())
}

/// Citations of cases and cards before an instant: case, card, citing ticket, time. Those of merged or cancelled tickets
/// do not count.
pub async fn citations(
    conn: &Executor,
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
        .filter(ticket::Column::Status.ne(TicketStatus::Cancelled.as_str()))
        .into_tuple()
        .all(conn)
        .await?)
}

/// Those of these tickets that are solved and match `of`, with their handler.
pub async fn solved(conn: &Executor, of: &Condition, ids: &[TicketId]) -> Result<Vec<(TicketId, UserId)>> {
    let solved = [TicketStatus::Resolved, TicketStatus::Closed].map(TicketStatus::as_str);
    let mut found = Vec::with_capacity(ids.len());
    for ids in ids.chunks(500) {
        let rows = ticket::Entity::find()
            .select_only()
            .column(ticket::Column::Id)
            .column(attribution::Column::ById)
            .join(JoinType::InnerJoin, with_attribution())
            .filter(of.clone())
            .filter(ticket::Column::Status.is_in(solved))
            .filter(ticket::Column::Id.is_in(ids.iter().copied()))
            .into_tuple::<(TicketId, UserId)>()
            .all(conn)
            .await?;
        found.extend(rows);
    }
    Ok(found)
}

/// Cards created before an instant: id, product, creation time.
pub async fn cards(conn: &Executor, before: Timestamp) -> Result<Vec<(CardId, Option<String>, Timestamp)>> {
    Ok(card::Entity::find()
        .select_only()
        .columns([card::Column::Id, card::Column::Product, card::Column::ExtractedAt])
        .filter(card::Column::ExtractedAt.lt(before))
        .into_tuple()
        .all(conn)
        .await?)
}

/// Cards that were published at an instant.
pub async fn published(conn: &Executor, at: Timestamp) -> Result<Vec<CardId>> {
    let retired = card_publication::Column::RetiredAt;
    Ok(card_publication::Entity::find()
        .select_only()
        .column(card_publication::Column::CardId)
        .filter(card_publication::Column::PublishedAt.lt(at))
        .filter(retired.is_null().or(retired.gte(at)))
        .into_tuple()
        .all(conn)
        .await?)
}

/// Stores the files of a month; replaces older ones.
pub async fn save_files(
    conn: &Executor,
    month: &str,
    files: Vec<ReportFile>,
    is_final: bool,
    at: Timestamp,
) -> Result<()> {
    let rows = files.into_iter().map(|ReportFile { format, name, media_type, content }| report_file::ActiveModel {
        month: Set(month.to_owned()),
        format: Set(format),
        name: Set(name),
        media_type: Set(media_type),
        made_at: Set(at),
        is_final: Set(is_final),
        content: Set(content),
    });
    let mut replace = OnConflict::columns([report_file::Column::Month, report_file::Column::Format]);
    replace.update_columns([report_file::Column::Name, report_file::Column::MediaType]).update_columns([
        report_file::Column::MadeAt,
        report_file::Column::IsFinal,
        report_file::Column::Content,
    ]);
    report_file::Entity::insert_many(rows).on_conflict(replace).exec_without_returning(conn).await?;
    Ok(())
}

/// Clears the files of a month and later, or all; returns the months that have files.
pub async fn clear(conn: &Executor, since: Option<&str>) -> Result<BTreeSet<String>> {
    let of = Condition::all().add_option(since.map(|since| report_file::Column::Month.gte(since)));
    report_file::Entity::update_many()
        .col_expr(report_file::Column::Content, Expr::value(Vec::<u8>::new()))
        .filter(of.clone())
        .exec(conn)
        .await?;
    let months = report_file::Entity::find().select_only().column(report_file::Column::Month).filter(of).distinct();
    Ok(months.into_tuple::<String>().all(conn).await?.into_iter().collect())
}

/// Stored reports, newest first.
pub async fn stored_reports(conn: &Executor, month: Option<&str>, limit: u64) -> Result<Vec<ReportFileInfo>> {
    let of = month.map(|month| report_file::Column::Month.eq(month));
    let rows = report_file::Entity::find()
        .filter(Condition::all().add_option(of))
        .select_only()
        .columns([report_file::Column::Month, report_file::Column::Format])
        .columns([report_file::Column::Name, report_file::Column::MadeAt])
        .column(report_file::Column::IsFinal)
        .order_by_desc(report_file::Column::Month)
        .order_by_asc(report_file::Column::Format)
        .limit(limit)
        .into_tuple::<(String, String, String, Timestamp, bool)>()
        .all(conn)
        .await?;
    let info = |(month, format, name, made_at, is_final)| ReportFileInfo { month, format, name, made_at, is_final };
    Ok(rows.into_iter().map(info).collect())
}

/// The months whose stored report is provisional, newest first.
pub async fn provisional_months(conn: &Executor, limit: u64) -> Result<Vec<String>> {
    Ok(report_file::Entity::find()
        .select_only()
        .column(report_file::Column::Month)
        .filter(report_file::Column::IsFinal.eq(false))
        .distinct()
        .order_by_desc(report_file::Column::Month)
        .limit(limit)
        .into_tuple()
        .all(conn)
        .await?)
}

/// `None`: there is no file, or it is being generated again.
pub async fn file(conn: &Executor, month: &str, format: &str) -> Result<Option<ReportFile>> {
    let row = report_file::Entity::find_by_id((month.to_owned(), format.to_owned())).one(conn).await?;
    let row = row.filter(|row| !row.content.is_empty());
    Ok(row.map(|report_file::Model { format, name, media_type, content, .. }| ReportFile {
        format,
        name,
        media_type,
        content,
    }))
}
