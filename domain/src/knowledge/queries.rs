//! Reads: occurrences, cards, citations, and how cited solutions have held.

use std::collections::{BTreeMap, HashMap};

use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Query, SimpleExpr};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationDef,
};

use super::decide;
use super::model::{
    Card, CardCase, CardFilter, CardOrder, CardState, CardVersion, Citation, SURVIVAL_DAYS, Settings, Signature,
    Source, Standing, Trial,
};
use super::store::{self, card, card_case, card_version, citation, occurrence};
use crate::kernel::page::{Key, Part};
use crate::kernel::{CardId, Connection, Direction, Error, Page, Result, TicketId, Timestamp, days};
use crate::runtime::{App, Ctx};
use crate::tickets;
use crate::tickets::model::{Ticket, TicketStatus};
use crate::tickets::store::entities::{attribution, ticket};

/// Cards are ranked in memory: this is far beyond what anyone reviews.
pub const CARDS_MAX: u64 = 5_000;
/// Ids of one statement.
const IDS_MAX: usize = 500;

/// Solved, attributed, and readable as experience: what counts as an occurrence.
fn counts() -> Condition {
    let solved = [TicketStatus::Resolved, TicketStatus::Closed].map(TicketStatus::word);
    Condition::all()
        .add(ticket::Column::Status.is_in(solved))
        .add(ticket::Column::Confidential.eq(false))
        .add(ticket::Column::FirstResolvedAt.is_not_null())
}

fn with_attribution() -> RelationDef {
    ticket::Entity::belongs_to(attribution::Entity).from(ticket::Column::Id).to(attribution::Column::TicketId).into()
}

/// Of these tickets those that count, each with its signature, when it counts, and the revision of its row.
pub(super) async fn learnable(
    conn: &impl ConnectionTrait,
    ids: &[TicketId],
) -> Result<Vec<(TicketId, Signature, Timestamp, i64)>> {
    let rows =
        ticket::Entity::find().filter(counts()).filter(ticket::Column::Id.is_in(ids.iter().copied())).all(conn).await?;
    let attributions = tickets::queries::attributions(conn, ids).await?;
    let mut known = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(attribution) = attributions.get(&row.id) else { continue };
        let signature = Signature::of(row.product.as_deref(), &attribution.given);
        if let Some(at) = row.first_resolved_at {
            known.push((row.id, signature, at, row.revision));
        }
    }
    Ok(known)
}

pub(super) async fn occurrences(
    conn: &impl ConnectionTrait,
    ids: &[TicketId],
) -> Result<HashMap<TicketId, occurrence::Model>> {
    let rows =
        occurrence::Entity::find().filter(occurrence::Column::TicketId.is_in(ids.iter().copied())).all(conn).await?;
    Ok(rows.into_iter().map(|row| (row.ticket_id, row)).collect())
}

/// Tickets whose occurrence was derived from another state than theirs is now; read outside the transaction that writes.
pub(super) async fn unlearned(app: &App, limit: u64) -> Result<Vec<TicketId>> {
    let learned: RelationDef =
        ticket::Entity::belongs_to(occurrence::Entity).from(ticket::Column::Id).to(occurrence::Column::TicketId).into();
    let seen = Expr::col((occurrence::Entity, occurrence::Column::TicketId));
    let revision = Expr::col((occurrence::Entity, occurrence::Column::Revision));
    let ids = |of: Condition| {
        ticket::Entity::find()
            .select_only()
            .column(ticket::Column::Id)
            .join(JoinType::LeftJoin, learned.clone())
            .join(JoinType::LeftJoin, with_attribution())
            .filter(of)
            .order_by_asc(ticket::Column::Id)
            .limit(limit)
            .into_tuple::<TicketId>()
    };
    let attributed = Expr::col((attribution::Entity, attribution::Column::TicketId)).is_not_null();
    let stale = seen.clone().is_null().or(revision.not_equals((ticket::Entity, ticket::Column::Revision)));
    let mut found = ids(counts().add(attributed.clone()).add(stale)).all(app.db.read()).await?;
    if (found.len() as u64) < limit {
        // What counted once, and does no more.
        let gone = Condition::all().add(seen.is_not_null()).add(counts().add(attributed).not());
        let mut more = ids(gone).all(app.db.read()).await?;
        more.truncate(usize::try_from(limit).unwrap_or(usize::MAX) - found.len());
        found.extend(more);
    }
    Ok(found)
}

// ---------------------------------------------------------------- cards

/// A card with what its cases and its reuse say.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    pub card: Card,
    /// Cases that still count.
    pub cases: u64,
    pub standing: Standing,
}

/// Whether the actor reads cards at all.
fn check(cx: &Ctx) -> Result<()> {
    use crate::kernel::{Actor, Role};
    match &cx.actor {
        Actor::Anonymous => Err(Error::unauthenticated()),
        actor if actor.is_staff() || actor.is(Role::ProductManager) || *actor == Actor::System => Ok(()),
        _ => Err(Error::forbidden()),
    }
}

/// The cards that the viewer reads.
pub async fn list(cx: &Ctx, filter: &CardFilter, order: Option<CardOrder>, page: &Page) -> Result<Connection<Ranked>> {
    check(cx)?;
    let CardFilter { states, products, fault_types, text } = filter;
    let mut of = Condition::all();
    if !states.is_empty() {
        of = of.add(card::Column::State.is_in(states.iter().map(|state| state.word())));
    }
    if !products.is_empty() {
        of = of.add(card::Column::Product.is_in(products.iter().cloned()));
    }
    if !fault_types.is_empty() {
        of = of.add(card::Column::FaultType.is_in(fault_types.iter().map(|of| of.word())));
    }
    let rows = card::Entity::find()
        .filter(of)
        .order_by_desc(card::Column::ExtractedAt)
        .limit(CARDS_MAX)
        .all(cx.read())
        .await?;
    let mut cards = store::with_texts(cx.read(), rows).await?;
    cards.retain(|card| decide::may_read_card(&cx.actor, card));
    if let Some(text) = text.as_ref().map(|text| text.trim().to_lowercase()).filter(|text| !text.is_empty()) {
        cards.retain(|card| {
            let says = |said: &str| said.to_lowercase().contains(&text);
            says(&card.text.title) || says(&card.text.solution) || card.text.applies_to.as_deref().is_some_and(says)
        });
    }
    let order = order.unwrap_or(CardOrder::Standing);
    let ranked = ranked(cx, cards).await?;
    page.cut_descending(&format!("cards:{order:?}"), ranked, |of| {
        let first = match order {
            CardOrder::Standing => micros(of.standing.rank()),
            CardOrder::ExtractedAt => of.card.extracted_at.millis(),
            CardOrder::Cases => i64::try_from(of.cases).unwrap_or(i64::MAX),
            CardOrder::Citations => i64::try_from(of.standing.citing).unwrap_or(i64::MAX),
        };
        vec![Part::Int(first), Part::Int(of.card.extracted_at.millis()), Part::Id(of.card.id.0)]
    })
}

/// A share as a whole number, for cursors.
#[expect(clippy::cast_possible_truncation, reason = "a share is in 0..1")]
fn micros(share: f64) -> i64 {
    (share * 1_000_000.0) as i64
}

/// Cards with their figures, in their order.
async fn ranked(cx: &Ctx, cards: Vec<Card>) -> Result<Vec<Ranked>> {
    let sources: Vec<Source> = cards.iter().map(|card| Source::Card(card.id)).collect();
    let mut standings = standings(cx, &sources).await?;
    let ids: Vec<CardId> = cards.iter().map(|card| card.id).collect();
    let mut cases = case_counts(cx.read(), &ids).await?;
    let ranked = cards.into_iter().map(|card| Ranked {
        cases: cases.remove(&card.id).unwrap_or_default(),
        standing: standings.remove(&Source::Card(card.id)).unwrap_or_default(),
        card,
    });
    Ok(ranked.collect())
}

/// Cards by their ids, of those that the viewer reads.
pub async fn by_ids(cx: &Ctx, ids: &[CardId]) -> Result<HashMap<CardId, Ranked>> {
    if check(cx).is_err() {
        return Ok(HashMap::new());
    }
    let rows = card::Entity::find().filter(card::Column::Id.is_in(ids.iter().copied())).all(cx.read()).await?;
    let mut cards = store::with_texts(cx.read(), rows).await?;
    cards.retain(|card| decide::may_read_card(&cx.actor, card));
    Ok(ranked(cx, cards).await?.into_iter().map(|ranked| (ranked.card.id, ranked)).collect())
}

/// A case of a card that still has the card's cause and solution.
fn of_its_signature() -> Condition {
    let occurred = Expr::col((occurrence::Entity, occurrence::Column::Signature));
    Condition::all().add(occurred.equals((card::Entity, card::Column::Signature)))
}

fn case_to_card() -> RelationDef {
    card_case::Entity::belongs_to(card::Entity).from(card_case::Column::CardId).to(card::Column::Id).into()
}

fn case_to_occurrence() -> RelationDef {
    card_case::Entity::belongs_to(occurrence::Entity)
        .from(card_case::Column::TicketId)
        .to(occurrence::Column::TicketId)
        .into()
}

async fn case_counts(conn: &impl ConnectionTrait, ids: &[CardId]) -> Result<HashMap<CardId, u64>> {
    let rows = card_case::Entity::find()
        .select_only()
        .column(card_case::Column::CardId)
        .column_as(card_case::Column::TicketId.count(), "cases")
        .join(JoinType::InnerJoin, case_to_card())
        .join(JoinType::InnerJoin, case_to_occurrence())
        .filter(of_its_signature())
        .filter(card_case::Column::CardId.is_in(ids.iter().copied()))
        .group_by(card_case::Column::CardId)
        .into_tuple::<(CardId, i64)>()
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(|(card, cases)| (card, u64::try_from(cases).unwrap_or_default())).collect())
}

/// The cases of a card, newest first.
pub async fn cases(cx: &Ctx, card: CardId, page: &Page) -> Result<Connection<CardCase>> {
    let list = format!("card-cases:{card}");
    let keys = [
        Key::int(Expr::col((card_case::Entity, card_case::Column::ResolvedAt)), Direction::Desc),
        Key::id(Expr::col((card_case::Entity, card_case::Column::TicketId)), Direction::Desc),
    ];
    let keyset = page.keyset(&list, &keys)?;
    let mut select =
        card_case::Entity::find().filter(card_case::Column::CardId.eq(card)).filter(keyset.cond).limit(keyset.limit);
    for (expr, order) in keyset.order {
        select = select.order_by(expr, order);
    }
    let rows = select.all(cx.read()).await?;
    let ids: Vec<TicketId> = rows.iter().map(|row| row.ticket_id).collect();
    let counting = cards_of(cx.read(), &ids).await?;
    let cases: Vec<CardCase> = rows
        .into_iter()
        .map(|row| {
            let card_case::Model { card_id, ticket_id, title, resolution, handler_id, resolved_at, joined_at } = row;
            let counts = counting.get(&ticket_id) == Some(&card_id);
            let (card, ticket, handler) = (card_id, ticket_id, handler_id);
            CardCase { card, ticket, title, resolution, handler, resolved_at, joined_at, counts }
        })
        .collect();
    Ok(page.connection(&list, cases, |case| vec![Part::Int(case.resolved_at.millis()), Part::Id(case.ticket.0)]))
}

/// The texts of a card, newest first.
pub async fn versions(cx: &Ctx, card: CardId) -> Result<Vec<CardVersion>> {
    let rows = card_version::Entity::find()
        .filter(card_version::Column::CardId.eq(card))
        .order_by_desc(card_version::Column::Version)
        .limit(100)
        .all(cx.read())
        .await?;
    let version = |row: card_version::Model| {
        let card_version::Model { card_id: _, version, title, applies_to, solution, source_id: _, by_id, at } = row;
        let text = super::model::CardText { title, applies_to, solution };
        CardVersion { version, text, by: by_id, at }
    };
    Ok(rows.into_iter().map(version).collect())
}

/// The card whose case each of these tickets is now.
pub async fn cards_of(conn: &impl ConnectionTrait, ids: &[TicketId]) -> Result<HashMap<TicketId, CardId>> {
    let rows = card_case::Entity::find()
        .select_only()
        .columns([card_case::Column::TicketId, card_case::Column::CardId])
        .join(JoinType::InnerJoin, case_to_card())
        .join(JoinType::InnerJoin, case_to_occurrence())
        .filter(of_its_signature())
        .filter(card_case::Column::TicketId.is_in(ids.iter().copied()))
        .into_tuple::<(TicketId, CardId)>()
        .all(conn)
        .await?;
    Ok(rows.into_iter().collect())
}

/// The same, but for cards that are retired.
pub async fn live_cards_of(conn: &impl ConnectionTrait, ids: &[TicketId]) -> Result<HashMap<TicketId, CardId>> {
    let mut of = cards_of(conn, ids).await?;
    if of.is_empty() {
        return Ok(of);
    }
    let cards: Vec<CardId> = of.values().copied().collect();
    let retired: Vec<CardId> = card::Entity::find()
        .select_only()
        .column(card::Column::Id)
        .filter(card::Column::Id.is_in(cards))
        .filter(card::Column::State.eq(CardState::Retired.word()))
        .into_tuple()
        .all(conn)
        .await?;
    of.retain(|_, card| !retired.contains(card));
    Ok(of)
}

/// The tickets of these cards; [`CARDS_MAX`] at most.
pub async fn cases_of(conn: &impl ConnectionTrait, cards: &[CardId]) -> Result<Vec<TicketId>> {
    if cards.is_empty() {
        return Ok(Vec::new());
    }
    Ok(card_case::Entity::find()
        .select_only()
        .column(card_case::Column::TicketId)
        .filter(card_case::Column::CardId.is_in(cards.iter().copied()))
        .limit(CARDS_MAX)
        .into_tuple()
        .all(conn)
        .await?)
}

// ---------------------------------------------------------------- citations

/// What each of these tickets cites, oldest first.
pub async fn citations_of(conn: &impl ConnectionTrait, ids: &[TicketId]) -> Result<HashMap<TicketId, Vec<Citation>>> {
    let rows = citation::Entity::find()
        .filter(citation::Column::TicketId.is_in(ids.iter().copied()))
        .order_by_asc(citation::Column::At)
        .order_by_asc(citation::Column::Id)
        .all(conn)
        .await?;
    let mut all: HashMap<TicketId, Vec<Citation>> = HashMap::new();
    for row in rows {
        all.entry(row.ticket_id).or_default().push(row.into());
    }
    Ok(all)
}

pub async fn citation(cx: &Ctx, id: crate::kernel::CitationId) -> Result<Option<Citation>> {
    Ok(citation::Entity::find_by_id(id).one(cx.read()).await?.map(Into::into))
}

/// How these solutions have held: of a card, by the tickets that cite it or one of its cases.
pub async fn standings(cx: &Ctx, sources: &[Source]) -> Result<HashMap<Source, Standing>> {
    let conn = cx.read();
    let mut cited: Vec<(Source, TicketId, Timestamp)> = Vec::new();
    for sources in sources.chunks(IDS_MAX) {
        cited.extend(citing(conn, sources).await?);
    }
    let mut tickets: Vec<TicketId> = cited.iter().map(|(_, ticket, _)| *ticket).collect();
    if cited.is_empty() {
        return Ok(HashMap::new());
    }
    tickets.sort_unstable();
    tickets.dedup();
    let fates = fates(conn, &tickets, cx.app.state::<Settings>()).await?;
    // A ticket that cites a card and its case tries one solution.
    let mut trials: HashMap<Source, BTreeMap<TicketId, Trial>> = HashMap::new();
    for (source, ticket, _) in cited {
        if let Some(trial) = fates.get(&ticket) {
            trials.entry(source).or_default().insert(ticket, *trial);
        }
    }
    let now = cx.now();
    let standing = |trials: BTreeMap<TicketId, Trial>| {
        let trials: Vec<Trial> = trials.into_values().collect();
        decide::standing(&trials, now)
    };
    Ok(trials.into_iter().map(|(source, trials)| (source, standing(trials))).collect())
}

/// Who cites these, and when.
pub async fn citing(conn: &impl ConnectionTrait, sources: &[Source]) -> Result<Vec<(Source, TicketId, Timestamp)>> {
    let cases = sources.iter().filter_map(|source| if let Source::Case(id) = source { Some(*id) } else { None });
    let cards: Vec<CardId> =
        sources.iter().filter_map(|source| if let Source::Card(id) = source { Some(*id) } else { None }).collect();
    let select = |of: SimpleExpr| {
        citation::Entity::find()
            .select_only()
            .columns([citation::Column::CaseId, citation::Column::CardId, citation::Column::TicketId])
            .column(citation::Column::At)
            .filter(of)
            .into_tuple::<(Option<TicketId>, Option<CardId>, TicketId, Timestamp)>()
    };
    let of = citation::Column::CaseId.is_in(cases).or(citation::Column::CardId.is_in(cards.iter().copied()));
    let mut found = Vec::new();
    for (case, card, ticket, at) in select(of).all(conn).await? {
        let source = card.map(Source::Card).or(case.map(Source::Case));
        found.extend(source.map(|source| (source, ticket, at)));
    }
    if !cards.is_empty() {
        let of_case: RelationDef = citation::Entity::belongs_to(card_case::Entity)
            .from(citation::Column::CaseId)
            .to(card_case::Column::TicketId)
            .into();
        let by_case = citation::Entity::find()
            .select_only()
            .column(card_case::Column::CardId)
            .columns([citation::Column::TicketId, citation::Column::At])
            .join(JoinType::InnerJoin, of_case)
            .filter(card_case::Column::CardId.is_in(cards))
            .into_tuple::<(CardId, TicketId, Timestamp)>()
            .all(conn)
            .await?;
        found.extend(by_case.into_iter().map(|(card, ticket, at)| (Source::Card(card), ticket, at)));
    }
    Ok(found)
}

/// What became of tickets: resolved, reopened, come back. Those merged away are none.
async fn fates(
    conn: &impl ConnectionTrait,
    tickets: &[TicketId],
    settings: &Settings,
) -> Result<HashMap<TicketId, Trial>> {
    let longest = days(SURVIVAL_DAYS[SURVIVAL_DAYS.len() - 1]).max(settings.recurs_within);
    let mut fates = HashMap::with_capacity(tickets.len());
    for ids in tickets.chunks(IDS_MAX) {
        let found = tickets::queries::by_ids(conn, ids).await?;
        let back = recurrences(conn, ids, longest).await?;
        for (id, ticket) in found {
            let Ticket { merged_into, status, first_resolved_at, first_reopened_at, .. } = ticket;
            if merged_into.is_some() || status == TicketStatus::Cancelled {
                continue;
            }
            let recurred = back.get(&id).map(|(_, at)| *at);
            let failed_at = match (first_reopened_at, recurred) {
                (Some(a), Some(b)) => Some(Ord::min(a, b)),
                (one, other) => one.or(other),
            };
            fates.insert(id, Trial { resolved_at: first_resolved_at, failed_at });
        }
    }
    Ok(fates)
}

/// Of these tickets those whose problem came back: the same customer with the same fault type, root-cause level and cause tag,
/// in a ticket created behind the first resolution and within this; the first of each.
pub async fn recurrences(
    conn: &impl ConnectionTrait,
    ids: &[TicketId],
    within: std::time::Duration,
) -> Result<HashMap<TicketId, (TicketId, Timestamp)>> {
    use attribution::Column as A;
    use ticket::Column as T;
    let [earlier, later, cause, same] = ["earlier", "later", "cause", "same"].map(Alias::new);
    let e = |column: T| Expr::col((earlier.clone(), column));
    let l = |column: T| Expr::col((later.clone(), column));
    let millis = i64::try_from(within.as_millis()).unwrap_or(i64::MAX / 2);
    let equal = |column: A| Expr::col((cause.clone(), column)).equals((same.clone(), column));
    let untagged =
        Expr::col((cause.clone(), A::CauseTag)).is_null().and(Expr::col((same.clone(), A::CauseTag)).is_null());
    let select = Query::select()
        .expr_as(e(T::Id), "earlier_id")
        .expr_as(l(T::Id), "later_id")
        .expr_as(l(T::CreatedAt), "at")
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
            l(T::CustomerId)
                .equals((earlier.clone(), T::CustomerId))
                .and(l(T::CreatedAt).gt(e(T::FirstResolvedAt)))
                .and(l(T::CreatedAt).lte(e(T::FirstResolvedAt).add(millis))),
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
        .to_owned();
    let mut found: HashMap<TicketId, (TicketId, Timestamp)> = HashMap::new();
    for row in conn.query_all(&select).await? {
        let (id, later): (TicketId, TicketId) = (row.try_get("", "earlier_id")?, row.try_get("", "later_id")?);
        let at: Timestamp = row.try_get("", "at")?;
        let first = found.entry(id).or_insert((later, at));
        if (at, later) < (first.1, first.0) {
            *first = (later, at);
        }
    }
    Ok(found)
}
