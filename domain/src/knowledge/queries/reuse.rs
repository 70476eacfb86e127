//! Citations, and the reuse statistics of cited solutions.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder, QuerySelect,
    RelationDef, Select,
};

use super::{case_to_card, case_to_occurrence, decide, matches_card_signature};
use crate::kernel::{CardId, CitationId, Result, TicketId, Timestamp, boxed, days};
use crate::knowledge::model::{Citation, CitationOutcome, ReuseStats, SURVIVAL_DAYS, Settings, Source};
use crate::knowledge::store::entities::{card_case, citation};
use crate::knowledge::store::{self, IDS_MAX};
use crate::runtime::{Ctx, Executor};
use crate::tickets;
use crate::tickets::decide::rights::reads_cases;
use crate::tickets::model::TicketStatus;
use crate::tickets::store::entities::{attribution, ticket};

/// The most citations that statistics are computed from; the newest are used.
pub const TRIALS_MAX: u64 = 5_000;

/// A citation, as the viewer may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisibleCitation {
    pub citation: Citation,
    /// Whether the viewer may read the copied text: that requires the right to read its source.
    pub readable: bool,
}

async fn with_visibility(cx: &Ctx, citations: Vec<Citation>) -> Result<Vec<VisibleCitation>> {
    let origins: HashSet<TicketId> = citations.iter().filter_map(|citation| citation.origin).collect();
    let origins: Vec<TicketId> = origins.into_iter().collect();
    let views = tickets::queries::views_by_id(cx, origins.clone()).await?;
    let hidden = store::confidential(cx.read(), origins).await?;
    let readable = |origin: &TicketId| {
        // A reopened ticket is not a case for now, but its copied text stays readable.
        views.contains_key(origin) || (reads_cases(&cx.actor) && !hidden.contains(origin))
    };
    let visible = citations.into_iter().map(|citation| {
        let readable = citation.origin.as_ref().is_none_or(readable);
        VisibleCitation { citation, readable }
    });
    Ok(visible.collect())
}

/// The citations of these tickets, oldest first.
#[boxed]
pub async fn citations_of(cx: &Ctx, ids: &[TicketId]) -> Result<HashMap<TicketId, Vec<VisibleCitation>>> {
    let rows = citation::Entity::find()
        .filter(citation::Column::TicketId.is_in(ids.iter().copied()))
        .order_by_asc(citation::Column::At)
        .order_by_asc(citation::Column::Id)
        .all(cx.read())
        .await?;
    let mut all: HashMap<TicketId, Vec<VisibleCitation>> = HashMap::new();
    for cited in with_visibility(cx, rows.into_iter().map(Citation::from).collect()).await? {
        all.entry(cited.citation.ticket).or_default().push(cited);
    }
    Ok(all)
}

#[boxed]
pub async fn citation(cx: &Ctx, id: CitationId) -> Result<Option<VisibleCitation>> {
    let row = citation::Entity::find_by_id(id).one(cx.read()).await?;
    Ok(with_visibility(cx, row.into_iter().map(Citation::from).collect()).await?.pop())
}

/// The source of a citation.
pub async fn source_of(conn: &Executor, id: CitationId) -> Result<Option<Source>> {
    let row = citation::Entity::find_by_id(id).one(conn).await?;
    Ok(row.map(|row| Citation::from(row).source))
}

/// Whether a ticket cites a case directly.
pub async fn cites(conn: &Executor, ticket: TicketId, case: TicketId) -> Result<bool> {
    Ok(store::citation_of(conn, ticket, Source::Case(case)).await?.is_some())
}

/// A citation with the outcome of its ticket.
#[derive(FromQueryResult)]
struct CitationRow {
    case_id: Option<TicketId>,
    card_id: Option<CardId>,
    ticket_id: TicketId,
    at: Timestamp,
    resolved_at: Option<Timestamp>,
    reopened_at: Option<Timestamp>,
}

/// Reuse statistics of these solutions. A card counts tickets that cite it or one of its cases. At most `newest` citations are
/// read; those of merged or cancelled tickets do not count.
pub async fn reuse_stats(cx: &Ctx, sources: &[Source], newest: u64) -> Result<HashMap<Source, ReuseStats>> {
    // A ticket that cites a card and one of its cases counts once.
    let mut outcomes: HashMap<Source, BTreeMap<TicketId, (Timestamp, CitationOutcome)>> = HashMap::new();
    for sources in sources.chunks(IDS_MAX) {
        let rows = citation_rows(cx.read(), sources, newest).await?;
        let solved: HashSet<TicketId> =
            rows.iter().filter(|of| of.resolved_at.is_some()).map(|of| of.ticket_id).collect();
        let solved: Vec<TicketId> = solved.into_iter().collect();
        let longest = days(SURVIVAL_DAYS[SURVIVAL_DAYS.len() - 1]).max(cx.app.state::<Settings>().recurs_within());
        let recurred = recurrences(cx.read(), &solved, ticket::Column::ResolvedAt, longest).await?;
        for CitationRow { case_id, card_id, ticket_id, at, resolved_at, reopened_at } in rows {
            let Some(source) = card_id.map(Source::Card).or(case_id.map(Source::Case)) else { continue };
            let recurred_at = recurred.get(&ticket_id).copied().filter(|_| resolved_at.is_some());
            let failed_at = [reopened_at, recurred_at].into_iter().flatten().min();
            let outcome = (at, CitationOutcome { resolved_at, failed_at });
            match outcomes.entry(source).or_default().entry(ticket_id) {
                Entry::Vacant(entry) => drop(entry.insert(outcome)),
                Entry::Occupied(mut first) if at < first.get().0 => {
                    first.insert(outcome);
                }
                Entry::Occupied(_) => {}
            }
        }
    }
    let now = cx.now();
    let stats = |outcomes: BTreeMap<TicketId, (Timestamp, CitationOutcome)>| {
        let outcomes: Vec<CitationOutcome> = outcomes.into_values().map(|(_, outcome)| outcome).collect();
        decide::reuse_stats(&outcomes, now)
    };
    Ok(outcomes.into_iter().map(|(source, outcomes)| (source, stats(outcomes))).collect())
}

fn citation_select() -> Select<citation::Entity> {
    let citing: RelationDef =
        citation::Entity::belongs_to(ticket::Entity).from(citation::Column::TicketId).to(ticket::Column::Id).into();
    citation::Entity::find()
        .select_only()
        .columns([citation::Column::TicketId, citation::Column::At])
        .columns([citation::Column::ResolvedAt, citation::Column::ReopenedAt])
        .join(JoinType::InnerJoin, citing)
        .filter(ticket::Column::MergedInto.is_null())
        .filter(ticket::Column::Status.ne(TicketStatus::Cancelled.as_str()))
        .order_by_desc(citation::Column::At)
}

async fn citation_rows(conn: &Executor, sources: &[Source], newest: u64) -> Result<Vec<CitationRow>> {
    let cases = sources.iter().filter_map(|source| if let Source::Case(id) = source { Some(*id) } else { None });
    let cards: Vec<CardId> =
        sources.iter().filter_map(|source| if let Source::Card(id) = source { Some(*id) } else { None }).collect();
    let of = citation::Column::CaseId.is_in(cases).or(citation::Column::CardId.is_in(cards.iter().copied()));
    let mut found: Vec<CitationRow> = citation_select()
        .columns([citation::Column::CaseId, citation::Column::CardId])
        .filter(of)
        .limit(newest)
        .into_model()
        .all(conn)
        .await?;
    if !cards.is_empty() {
        let of_case: RelationDef = citation::Entity::belongs_to(card_case::Entity)
            .from(citation::Column::CaseId)
            .to(card_case::Column::TicketId)
            .into();
        let by_case: Vec<CitationRow> = citation_select()
            .column(citation::Column::CaseId)
            .column(card_case::Column::CardId)
            .join(JoinType::InnerJoin, of_case)
            .join(JoinType::InnerJoin, case_to_card())
            .join(JoinType::InnerJoin, case_to_occurrence())
            .filter(matches_card_signature())
            .filter(card_case::Column::CardId.is_in(cards))
            .limit(newest)
            .into_model()
            .all(conn)
            .await?;
        found.extend(by_case);
    }
    Ok(found)
}

/// What identifies a recurrence: the customer, or the device.
#[derive(Clone, Copy)]
enum RecurrenceKey {
    Customer,
    Device,
}

/// The first recurrence of each of these tickets: a ticket of the same customer, or of the same device of the same product, with the
/// same fault type, root-cause level and cause tag, created within `within` after the resolution. `resolved` selects the first or the
/// last resolution.
pub async fn recurrences(
    conn: &Executor,
    ids: &[TicketId],
    resolved: ticket::Column,
    within: Duration,
) -> Result<HashMap<TicketId, Timestamp>> {
    let mut found: HashMap<TicketId, Timestamp> = HashMap::new();
    for ids in ids.chunks(IDS_MAX) {
        // A query each, so that each uses its own index.
        for key in [RecurrenceKey::Customer, RecurrenceKey::Device] {
            for row in conn.query_all(&recurrence_select(ids, resolved, within, key)).await? {
                let at: Timestamp = row.try_get("", "at")?;
                let first = found.entry(row.try_get("", "earlier_id")?).or_insert(at);
                *first = Ord::min(*first, at);
            }
        }
    }
    Ok(found)
}

fn recurrence_select(
    ids: &[TicketId],
    resolved: ticket::Column,
    within: Duration,
    key: RecurrenceKey,
) -> SelectStatement {
    use attribution::Column as A;
    use ticket::Column as T;
    let [earlier, later, cause, same] = ["earlier", "later", "cause", "same"].map(Alias::new);
    let e = |column: T| Expr::col((earlier.clone(), column));
    let l = |column: T| Expr::col((later.clone(), column));
    let millis = i64::try_from(within.as_millis()).unwrap_or(i64::MAX / 2);
    let equal = |column: A| Expr::col((cause.clone(), column)).equals((same.clone(), column));
    let is_same = |column: T| l(column).equals((earlier.clone(), column));
    let same_origin = match key {
        RecurrenceKey::Customer => is_same(T::CustomerId),
        // Serial numbers are unique per product only.
        RecurrenceKey::Device => is_same(T::Device).and(is_same(T::Product)),
    };
    let untagged =
        Expr::col((cause.clone(), A::CauseTag)).is_null().and(Expr::col((same.clone(), A::CauseTag)).is_null());
    Query::select()
        .expr_as(e(T::Id), "earlier_id")
        .expr_as(l(T::CreatedAt).min(), "at")
        .from_as(ticket::Entity, earlier.clone())
        .join_as(
            JoinType::InnerJoin,
            attribution::Entity,
            cause.clone(),
            Expr::col((cause.clone(), A::TicketId)).equals((earlier.clone(), T::Id)),
        )
        .join_as(
            JoinType::InnerJoin,
            ticket::Entity,
            later.clone(),
            same_origin.and(l(T::CreatedAt).gt(e(resolved))).and(l(T::CreatedAt).lte(e(resolved).add(millis))),
        )
        .join_as(
            JoinType::InnerJoin,
            attribution::Entity,
            same.clone(),
            Expr::col((same.clone(), A::TicketId))
                .equals((later.clone(), T::Id))
                .and(equal(A::FaultType))
                .and(equal(A::RootCauseLevel))
                .and(equal(A::CauseTag).or(untagged)),
        )
        .and_where(e(T::Id).is_in(ids.iter().copied()))
        .and_where(l(T::MergedInto).is_null())
        .and_where(l(T::Status).ne(TicketStatus::Cancelled.as_str()))
        .group_by_col((earlier.clone(), T::Id))
        .to_owned()
}
