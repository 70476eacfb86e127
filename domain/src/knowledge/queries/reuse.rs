//! Citations, and how cited solutions have held.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Query, SelectStatement};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, JoinType, QueryFilter, QueryOrder, QuerySelect,
    RelationDef, Select,
};

use super::{case_to_card, case_to_occurrence, decide, of_its_signature};
use crate::kernel::{CardId, CitationId, Result, TicketId, Timestamp, days};
use crate::knowledge::model::{Citation, SURVIVAL_DAYS, Settings, Source, Standing, Trial};
use crate::knowledge::store::entities::{card_case, citation};
use crate::knowledge::store::{self, IDS_MAX};
use crate::runtime::Ctx;
use crate::tickets;
use crate::tickets::decide::rights::reads_cases;
use crate::tickets::model::TicketStatus;
use crate::tickets::store::entities::{attribution, ticket};

/// Of so many citations at once it is looked how they have held; the newest of them.
pub const TRIALS_MAX: u64 = 5_000;

/// A citation, as somebody may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cited {
    pub citation: Citation,
    /// Whether they may read what was copied: it does not outlive their right to read where it is from.
    pub readable: bool,
}

async fn as_readable(cx: &Ctx, citations: Vec<Citation>) -> Result<Vec<Cited>> {
    let origins: HashSet<TicketId> = citations.iter().filter_map(|citation| citation.origin).collect();
    let origins: Vec<TicketId> = origins.into_iter().collect();
    let views = tickets::queries::views_by_id(cx, origins.clone()).await?;
    let hidden = store::confidential(cx.read(), origins).await?;
    let readable = |origin: &TicketId| {
        // Reopened, it is nobody's case for now; what was copied stays.
        views.contains_key(origin) || (reads_cases(&cx.actor) && !hidden.contains(origin))
    };
    let cited = citations.into_iter().map(|citation| {
        let readable = citation.origin.as_ref().is_none_or(readable);
        Cited { citation, readable }
    });
    Ok(cited.collect())
}

/// What each of these tickets cites, oldest first.
pub async fn citations_of(cx: &Ctx, ids: &[TicketId]) -> Result<HashMap<TicketId, Vec<Cited>>> {
    let rows = citation::Entity::find()
        .filter(citation::Column::TicketId.is_in(ids.iter().copied()))
        .order_by_asc(citation::Column::At)
        .order_by_asc(citation::Column::Id)
        .all(cx.read())
        .await?;
    let mut all: HashMap<TicketId, Vec<Cited>> = HashMap::new();
    for cited in as_readable(cx, rows.into_iter().map(Citation::from).collect()).await? {
        all.entry(cited.citation.ticket).or_default().push(cited);
    }
    Ok(all)
}

pub async fn citation(cx: &Ctx, id: CitationId) -> Result<Option<Cited>> {
    let row = citation::Entity::find_by_id(id).one(cx.read()).await?;
    Ok(as_readable(cx, row.into_iter().map(Citation::from).collect()).await?.pop())
}

/// What a citation cites.
pub async fn source_of(conn: &impl ConnectionTrait, id: CitationId) -> Result<Option<Source>> {
    let row = citation::Entity::find_by_id(id).one(conn).await?;
    Ok(row.map(|row| Citation::from(row).source))
}

/// Whether a ticket cites a case by itself.
pub async fn cites(conn: &impl ConnectionTrait, ticket: TicketId, case: TicketId) -> Result<bool> {
    Ok(store::citation_of(conn, ticket, Source::Case(case)).await?.is_some())
}

/// A ticket that tries a solution.
#[derive(FromQueryResult)]
struct Tried {
    case_id: Option<TicketId>,
    card_id: Option<CardId>,
    ticket_id: TicketId,
    at: Timestamp,
    resolved_at: Option<Timestamp>,
    reopened_at: Option<Timestamp>,
}

/// How these solutions have held: of a card, by the tickets that cite it or one of its cases. Of so many citations, the newest;
/// those of tickets that were merged away or cancelled are none.
pub async fn standings(cx: &Ctx, sources: &[Source], newest: u64) -> Result<HashMap<Source, Standing>> {
    // A ticket that cites a card and its case tries one solution.
    let mut trials: HashMap<Source, BTreeMap<TicketId, (Timestamp, Trial)>> = HashMap::new();
    for sources in sources.chunks(IDS_MAX) {
        let tried = trying(cx.read(), sources, newest).await?;
        let solved: HashSet<TicketId> =
            tried.iter().filter(|of| of.resolved_at.is_some()).map(|of| of.ticket_id).collect();
        let solved: Vec<TicketId> = solved.into_iter().collect();
        let longest = days(SURVIVAL_DAYS[SURVIVAL_DAYS.len() - 1]).max(cx.app.state::<Settings>().recurs_within);
        let back = recurrences(cx.read(), &solved, ticket::Column::ResolvedAt, longest).await?;
        for Tried { case_id, card_id, ticket_id, at, resolved_at, reopened_at } in tried {
            let Some(source) = card_id.map(Source::Card).or(case_id.map(Source::Case)) else { continue };
            let recurred_at = back.get(&ticket_id).copied().filter(|_| resolved_at.is_some());
            let failed_at = [reopened_at, recurred_at].into_iter().flatten().min();
            let trial = (at, Trial { resolved_at, failed_at });
            match trials.entry(source).or_default().entry(ticket_id) {
                Entry::Vacant(place) => drop(place.insert(trial)),
                Entry::Occupied(mut first) if at < first.get().0 => {
                    first.insert(trial);
                }
                Entry::Occupied(_) => {}
            }
        }
    }
    let now = cx.now();
    let standing = |trials: BTreeMap<TicketId, (Timestamp, Trial)>| {
        let trials: Vec<Trial> = trials.into_values().map(|(_, trial)| trial).collect();
        decide::standing(&trials, now)
    };
    Ok(trials.into_iter().map(|(source, trials)| (source, standing(trials))).collect())
}

fn tried() -> Select<citation::Entity> {
    let citing: RelationDef =
        citation::Entity::belongs_to(ticket::Entity).from(citation::Column::TicketId).to(ticket::Column::Id).into();
    citation::Entity::find()
        .select_only()
        .columns([citation::Column::TicketId, citation::Column::At])
        .columns([citation::Column::ResolvedAt, citation::Column::ReopenedAt])
        .join(JoinType::InnerJoin, citing)
        .filter(ticket::Column::MergedInto.is_null())
        .filter(ticket::Column::Status.ne(TicketStatus::Cancelled.word()))
        .order_by_desc(citation::Column::At)
}

async fn trying(conn: &impl ConnectionTrait, sources: &[Source], newest: u64) -> Result<Vec<Tried>> {
    let cases = sources.iter().filter_map(|source| if let Source::Case(id) = source { Some(*id) } else { None });
    let cards: Vec<CardId> =
        sources.iter().filter_map(|source| if let Source::Card(id) = source { Some(*id) } else { None }).collect();
    let of = citation::Column::CaseId.is_in(cases).or(citation::Column::CardId.is_in(cards.iter().copied()));
    let mut found: Vec<Tried> = tried()
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
        let by_case: Vec<Tried> = tried()
            .column(citation::Column::CaseId)
            .column(card_case::Column::CardId)
            .join(JoinType::InnerJoin, of_case)
            .join(JoinType::InnerJoin, case_to_card())
            .join(JoinType::InnerJoin, case_to_occurrence())
            .filter(of_its_signature())
            .filter(card_case::Column::CardId.is_in(cards))
            .limit(newest)
            .into_model()
            .all(conn)
            .await?;
        found.extend(by_case);
    }
    Ok(found)
}

/// What comes back: a customer, or a device.
#[derive(Clone, Copy)]
enum Back {
    Customer,
    Device,
}

/// Of these tickets those whose problem came back, and when first: the same customer, or the same device of the same product, with the same
/// fault type, root-cause level and cause tag, in a ticket created behind a resolution and within this. `resolved`: the first resolution, or the
/// last one.
pub async fn recurrences(
    conn: &impl ConnectionTrait,
    ids: &[TicketId],
    resolved: ticket::Column,
    within: Duration,
) -> Result<HashMap<TicketId, Timestamp>> {
    let mut found: HashMap<TicketId, Timestamp> = HashMap::new();
    for ids in ids.chunks(IDS_MAX) {
        // Each by its own index.
        for back in [Back::Customer, Back::Device] {
            for row in conn.query_all(&recurring(ids, resolved, within, back)).await? {
                let at: Timestamp = row.try_get("", "at")?;
                let first = found.entry(row.try_get("", "earlier_id")?).or_insert(at);
                *first = Ord::min(*first, at);
            }
        }
    }
    Ok(found)
}

fn recurring(ids: &[TicketId], resolved: ticket::Column, within: Duration, back: Back) -> SelectStatement {
    use attribution::Column as A;
    use ticket::Column as T;
    let [earlier, later, cause, same] = ["earlier", "later", "cause", "same"].map(Alias::new);
    let e = |column: T| Expr::col((earlier.clone(), column));
    let l = |column: T| Expr::col((later.clone(), column));
    let millis = i64::try_from(within.as_millis()).unwrap_or(i64::MAX / 2);
    let equal = |column: A| Expr::col((cause.clone(), column)).equals((same.clone(), column));
    let is_same = |column: T| l(column).equals((earlier.clone(), column));
    let back = match back {
        Back::Customer => is_same(T::CustomerId),
        // Two products may count their serial numbers alike.
        Back::Device => is_same(T::Device).and(is_same(T::Product)),
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
            back.and(l(T::CreatedAt).gt(e(resolved))).and(l(T::CreatedAt).lte(e(resolved).add(millis))),
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
        .and_where(l(T::Status).ne(TicketStatus::Cancelled.word()))
        .group_by_col((earlier.clone(), T::Id))
        .to_owned()
}
