//! Reads: occurrences, cards, citations, and reuse statistics.

mod reuse;

use std::collections::{HashMap, HashSet};

use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{ColumnTrait, Condition, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationDef};

pub use self::reuse::{
    TRIALS_MAX, VisibleCitation, citation, citations_of, cites, recurrences, reuse_stats, source_of,
};
use super::decide;
use super::model::{Card, CardCase, CardFilter, CardOrder, CardState, CardVersion, ReuseStats, Source};
use super::store;
use super::store::entities::{card, card_case, card_version, occurrence};
use crate::kernel::page::{Key, Part};
use crate::kernel::{CardId, Connection, Direction, Error, Page, Result, TicketId, Timestamp, UserId, boxed};
use crate::runtime::{App, Ctx, Executor};
use crate::tickets::model::TicketStatus;
use crate::tickets::store::entities::{attribution, ticket};

/// Cards are ranked in memory; this limit is far beyond what anyone reviews.
pub const CARDS_MAX: u64 = 5_000;
/// Signatures for which one knowledge gap creates cards.
const SIGNATURES_MAX: u64 = 50;

/// The condition for an occurrence: solved, attributed and not confidential.
fn is_occurrence() -> Condition {
    let solved = [TicketStatus::Resolved, TicketStatus::Closed].map(TicketStatus::as_str);
    Condition::all()
        .add(ticket::Column::Status.is_in(solved))
        .add(ticket::Column::Confidential.eq(false))
        .add(ticket::Column::FirstResolvedAt.is_not_null())
}

fn with_attribution() -> RelationDef {
    ticket::Entity::belongs_to(attribution::Entity).from(ticket::Column::Id).to(attribution::Column::TicketId).into()
}

pub(super) async fn occurrences(conn: &Executor, ids: &[TicketId]) -> Result<HashMap<TicketId, occurrence::Model>> {
    let rows =
        occurrence::Entity::find().filter(occurrence::Column::TicketId.is_in(ids.iter().copied())).all(conn).await?;
    Ok(rows.into_iter().map(|row| (row.ticket_id, row)).collect())
}

/// Tickets whose occurrence was derived from an outdated revision. Reads outside the writing transaction.
pub(super) async fn stale_occurrences(app: &App, limit: u64) -> Result<Vec<TicketId>> {
    let with_occurrence: RelationDef =
        ticket::Entity::belongs_to(occurrence::Entity).from(ticket::Column::Id).to(occurrence::Column::TicketId).into();
    let derived = Expr::col((occurrence::Entity, occurrence::Column::TicketId));
    let revision = Expr::col((occurrence::Entity, occurrence::Column::Revision));
    let ids = |of: Condition| {
        ticket::Entity::find()
            .select_only()
            .column(ticket::Column::Id)
            .join(JoinType::LeftJoin, with_occurrence.clone())
            .join(JoinType::LeftJoin, with_attribution())
            .filter(of)
            .order_by_asc(ticket::Column::Id)
            .limit(limit)
            .into_tuple::<TicketId>()
    };
    let attributed = Expr::col((attribution::Entity, attribution::Column::TicketId)).is_not_null();
    let stale = derived.clone().is_null().or(revision.not_equals((ticket::Entity, ticket::Column::Revision)));
    let mut found = ids(is_occurrence().add(attributed.clone()).add(stale)).all(app.db.read()).await?;
    if (found.len() as u64) < limit {
        // Occurrences that no longer count.
        let obsolete = Condition::all().add(derived.is_not_null()).add(is_occurrence().add(attributed).not());
        let mut more = ids(obsolete).all(app.db.read()).await?;
        more.truncate(usize::try_from(limit).unwrap_or(usize::MAX) - found.len());
        found.extend(more);
    }
    Ok(found)
}

// ---------------------------------------------------------------- cards

/// A card with the number of its cases and its reuse statistics.
#[derive(Clone, Debug, PartialEq)]
pub struct RankedCard {
    pub card: Card,
    /// Cases that still count.
    pub cases: u64,
    pub reuse: ReuseStats,
}

/// Rejects actors that read no cards at all.
fn check(cx: &Ctx) -> Result<()> {
    use crate::kernel::{Actor, Role};
    match &cx.actor {
        Actor::Anonymous => Err(Error::unauthenticated()),
        actor if actor.is_staff() || actor.is(Role::ProductManager) || *actor == Actor::System => Ok(()),
        _ => Err(Error::forbidden()),
    }
}

/// The cards that the viewer may read.
#[boxed]
pub async fn list(
    cx: &Ctx,
    filter: &CardFilter,
    order: Option<CardOrder>,
    page: &Page,
) -> Result<Connection<RankedCard>> {
    check(cx)?;
    let CardFilter { states, products, fault_types, text } = filter;
    let mut of = Condition::all();
    if !states.is_empty() {
        of = of.add(card::Column::State.is_in(states.iter().map(|state| state.as_str())));
    }
    if !products.is_empty() {
        of = of.add(card::Column::Product.is_in(products.iter().cloned()));
    }
    if !fault_types.is_empty() {
        of = of.add(card::Column::FaultType.is_in(fault_types.iter().map(|of| of.as_str())));
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
            let matches = |field: &str| field.to_lowercase().contains(&text);
            matches(&card.text.title)
                || matches(&card.text.solution)
                || card.text.applies_to.as_deref().is_some_and(matches)
        });
    }
    let order = order.unwrap_or(CardOrder::Rank);
    let ranked = ranked(cx, cards).await?;
    page.paginate_descending(order.cursor_name(), ranked, |of| {
        let first = match order {
            CardOrder::Rank => micros(of.reuse.rank()),
            CardOrder::ExtractedAt => of.card.extracted_at.millis(),
            CardOrder::Cases => i64::try_from(of.cases).unwrap_or(i64::MAX),
            CardOrder::Citations => i64::try_from(of.reuse.citing).unwrap_or(i64::MAX),
        };
        vec![Part::Int(first), Part::Int(of.card.extracted_at.millis()), Part::Id(of.card.id.0)]
    })
}

/// A share as an integer, for cursors.
#[expect(clippy::cast_possible_truncation, reason = "a share is in 0..1")]
fn micros(share: f64) -> i64 {
    (share * 1_000_000.0) as i64
}

/// Adds statistics to cards and keeps their order.
async fn ranked(cx: &Ctx, cards: Vec<Card>) -> Result<Vec<RankedCard>> {
    let sources: Vec<Source> = cards.iter().map(|card| Source::Card(card.id)).collect();
    let mut reuse = reuse_stats(cx, &sources, TRIALS_MAX).await?;
    let ids: Vec<CardId> = cards.iter().map(|card| card.id).collect();
    let mut cases = case_counts(cx.read(), &ids).await?;
    let ranked = cards.into_iter().map(|card| RankedCard {
        cases: cases.remove(&card.id).unwrap_or_default(),
        reuse: reuse.remove(&Source::Card(card.id)).unwrap_or_default(),
        card,
    });
    Ok(ranked.collect())
}

/// Cards by id, of those that the viewer may read.
#[boxed]
pub async fn by_ids(cx: &Ctx, ids: &[CardId]) -> Result<HashMap<CardId, RankedCard>> {
    if check(cx).is_err() {
        return Ok(HashMap::new());
    }
    let rows = card::Entity::find().filter(card::Column::Id.is_in(ids.iter().copied())).all(cx.read()).await?;
    let mut cards = store::with_texts(cx.read(), rows).await?;
    cards.retain(|card| decide::may_read_card(&cx.actor, card));
    Ok(ranked(cx, cards).await?.into_iter().map(|ranked| (ranked.card.id, ranked)).collect())
}

/// The case still has the card's signature.
fn matches_card_signature() -> Condition {
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

async fn case_counts(conn: &Executor, ids: &[CardId]) -> Result<HashMap<CardId, u64>> {
    let rows = card_case::Entity::find()
        .select_only()
        .column(card_case::Column::CardId)
        .column_as(card_case::Column::TicketId.count(), "cases")
        .join(JoinType::InnerJoin, case_to_card())
        .join(JoinType::InnerJoin, case_to_occurrence())
        .filter(matches_card_signature())
        .filter(card_case::Column::CardId.is_in(ids.iter().copied()))
        .group_by(card_case::Column::CardId)
        .into_tuple::<(CardId, i64)>()
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(|(card, cases)| (card, u64::try_from(cases).unwrap_or_default())).collect())
}

/// The cases of a card, newest first.
#[boxed]
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

/// The versions of a card's text, newest first. Versions with text of a confidential ticket are for administrators.
#[boxed]
pub async fn versions(cx: &Ctx, card: CardId) -> Result<Vec<CardVersion>> {
    let mut rows = card_version::Entity::find()
        .filter(card_version::Column::CardId.eq(card))
        .order_by_desc(card_version::Column::Version)
        .limit(100)
        .all(cx.read())
        .await?;
    if !decide::administers(&cx.actor) {
        let origins = rows.iter().flat_map(|row| row.origin().tickets()).collect();
        let hidden = store::confidential(cx.read(), origins).await?;
        rows.retain(|row| !row.origin().tickets().any(|ticket| hidden.contains(&ticket)));
    }
    let version = |row: card_version::Model| {
        let card_version::Model { version, title, applies_to, solution, by_id, at, .. } = row;
        let text = super::model::CardText { title, applies_to, solution };
        CardVersion { version, text, by: by_id, at }
    };
    Ok(rows.into_iter().map(version).collect())
}

/// Occurrences of a signature that have not joined its card, and their time; oldest first.
pub(super) async fn unjoined_occurrences(
    conn: &Executor,
    signature: &str,
    card: CardId,
    limit: u64,
) -> Result<Vec<(TicketId, Timestamp)>> {
    let mut joined = Query::select();
    joined
        .expr(Expr::val(1))
        .from(card_case::Entity)
        .and_where(
            Expr::col((card_case::Entity, card_case::Column::TicketId))
                .equals((occurrence::Entity, occurrence::Column::TicketId)),
        )
        .and_where(card_case::Column::CardId.eq(card));
    Ok(occurrence::Entity::find()
        .select_only()
        .columns([occurrence::Column::TicketId, occurrence::Column::At])
        .filter(occurrence::Column::Signature.eq(signature))
        .filter(Expr::exists(joined).not())
        .order_by_asc(occurrence::Column::At)
        .order_by_asc(occurrence::Column::TicketId)
        .limit(limit)
        .into_tuple()
        .all(conn)
        .await?)
}

/// Cases that had joined a card before an instant and still count: card, ticket, handler.
pub async fn counting_cases(conn: &Executor, before: Timestamp) -> Result<Vec<(CardId, TicketId, UserId)>> {
    Ok(card_case::Entity::find()
        .select_only()
        .columns([card_case::Column::CardId, card_case::Column::TicketId, card_case::Column::HandlerId])
        .join(JoinType::InnerJoin, case_to_card())
        .join(JoinType::InnerJoin, case_to_occurrence())
        .filter(matches_card_signature())
        .filter(card_case::Column::JoinedAt.lt(before))
        .into_tuple()
        .all(conn)
        .await?)
}

/// Signatures without a card that have at least `wanted` occurrences since an instant among tickets that match `of`.
pub async fn signatures_without_card(
    conn: &Executor,
    of: Condition,
    since: Timestamp,
    wanted: usize,
) -> Result<Vec<String>> {
    let ticket: RelationDef =
        occurrence::Entity::belongs_to(ticket::Entity).from(occurrence::Column::TicketId).to(ticket::Column::Id).into();
    let with_card = Query::select().column(card::Column::Signature).from(card::Entity).to_owned();
    let count = Expr::col((occurrence::Entity, occurrence::Column::TicketId)).count();
    Ok(occurrence::Entity::find()
        .select_only()
        .column(occurrence::Column::Signature)
        .join(JoinType::InnerJoin, ticket)
        .filter(of)
        .filter(occurrence::Column::At.gte(since))
        .filter(occurrence::Column::Signature.not_in_subquery(with_card))
        .group_by(occurrence::Column::Signature)
        .having(count.gte(i64::try_from(wanted).unwrap_or(i64::MAX)))
        .order_by_asc(occurrence::Column::Signature)
        .limit(SIGNATURES_MAX)
        .into_tuple()
        .all(conn)
        .await?)
}

/// Causes with a card that is not retired: fault type, root-cause level, cause tag, product.
pub async fn causes_with_card(conn: &Executor) -> Result<HashSet<(String, String, Option<String>, Option<String>)>> {
    let rows = card::Entity::find()
        .select_only()
        .columns([card::Column::FaultType, card::Column::RootCauseLevel])
        .columns([card::Column::CauseTag, card::Column::Product])
        .filter(card::Column::State.ne(CardState::Retired.as_str()))
        .limit(CARDS_MAX)
        .into_tuple::<(String, String, Option<String>, Option<String>)>()
        .all(conn)
        .await?;
    Ok(rows.into_iter().collect())
}

/// The card whose case each of these tickets currently is.
#[boxed]
pub async fn cards_of(conn: &Executor, ids: &[TicketId]) -> Result<HashMap<TicketId, CardId>> {
    let rows = card_case::Entity::find()
        .select_only()
        .columns([card_case::Column::TicketId, card_case::Column::CardId])
        .join(JoinType::InnerJoin, case_to_card())
        .join(JoinType::InnerJoin, case_to_occurrence())
        .filter(matches_card_signature())
        .filter(card_case::Column::TicketId.is_in(ids.iter().copied()))
        .into_tuple::<(TicketId, CardId)>()
        .all(conn)
        .await?;
    Ok(rows.into_iter().collect())
}

/// Like [`cards_of`], without retired cards.
pub async fn live_cards_of(conn: &Executor, ids: &[TicketId]) -> Result<HashMap<TicketId, CardId>> {
    let mut of = cards_of(conn, ids).await?;
    if of.is_empty() {
        return Ok(of);
    }
    let cards: Vec<CardId> = of.values().copied().collect();
    let retired: Vec<CardId> = card::Entity::find()
        .select_only()
        .column(card::Column::Id)
        .filter(card::Column::Id.is_in(cards))
        .filter(card::Column::State.eq(CardState::Retired.as_str()))
        .into_tuple()
        .all(conn)
        .await?;
    of.retain(|_, card| !retired.contains(card));
    Ok(of)
}

/// The cases of these cards; at most [`CARDS_MAX`].
pub async fn cases_of(conn: &Executor, cards: &[CardId]) -> Result<Vec<TicketId>> {
    if cards.is_empty() {
        return Ok(Vec::new());
    }
    Ok(card_case::Entity::find()
        .select_only()
        .column(card_case::Column::TicketId)
        .join(JoinType::InnerJoin, case_to_card())
        .join(JoinType::InnerJoin, case_to_occurrence())
        .filter(matches_card_signature())
        .filter(card_case::Column::CardId.is_in(cards.iter().copied()))
        .limit(CARDS_MAX)
        .into_tuple()
        .all(conn)
        .await?)
}
