//! Reads: occurrences, cards, citations, and how cited solutions have held.

mod reuse;

use std::collections::{HashMap, HashSet};

use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationDef,
};

pub use self::reuse::{Cited, TRIALS_MAX, citation, citations_of, cites, recurrences, source_of, standings};
use super::decide;
use super::model::{Card, CardCase, CardFilter, CardOrder, CardState, CardVersion, Source, Standing};
use super::store;
use super::store::entities::{card, card_case, card_version, occurrence};
use crate::kernel::page::{Key, Part};
use crate::kernel::{CardId, Connection, Direction, Error, Page, Result, TicketId, Timestamp, UserId};
use crate::runtime::{App, Ctx};
use crate::tickets::model::TicketStatus;
use crate::tickets::store::entities::{attribution, ticket};

/// Cards are ranked in memory: this is far beyond what anyone reviews.
pub const CARDS_MAX: u64 = 5_000;
/// Cards that one lack of knowledge makes.
const UNCARDED_MAX: u64 = 50;

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
    let mut standings = standings(cx, &sources, TRIALS_MAX).await?;
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

/// The texts of a card, newest first; those whose words are of a ticket that is confidential are for administrators.
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

/// Occurrences of a signature that have not joined its card, and when they occurred; oldest first.
pub(super) async fn joining(
    conn: &impl ConnectionTrait,
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

/// The cases of cards that had joined them before an instant and still count: card, ticket, who solved it.
pub async fn counting_cases(conn: &impl ConnectionTrait, before: Timestamp) -> Result<Vec<(CardId, TicketId, UserId)>> {
    Ok(card_case::Entity::find()
        .select_only()
        .columns([card_case::Column::CardId, card_case::Column::TicketId, card_case::Column::HandlerId])
        .join(JoinType::InnerJoin, case_to_card())
        .join(JoinType::InnerJoin, case_to_occurrence())
        .filter(of_its_signature())
        .filter(card_case::Column::JoinedAt.lt(before))
        .into_tuple()
        .all(conn)
        .await?)
}

/// Signatures of tickets for which `of` holds that occur so often since then, and have no card.
pub async fn uncarded(
    conn: &impl ConnectionTrait,
    of: Condition,
    since: Timestamp,
    wanted: usize,
) -> Result<Vec<String>> {
    let ticket: RelationDef =
        occurrence::Entity::belongs_to(ticket::Entity).from(occurrence::Column::TicketId).to(ticket::Column::Id).into();
    let carded = Query::select().column(card::Column::Signature).from(card::Entity).to_owned();
    let count = Expr::col((occurrence::Entity, occurrence::Column::TicketId)).count();
    Ok(occurrence::Entity::find()
        .select_only()
        .column(occurrence::Column::Signature)
        .join(JoinType::InnerJoin, ticket)
        .filter(of)
        .filter(occurrence::Column::At.gte(since))
        .filter(occurrence::Column::Signature.not_in_subquery(carded))
        .group_by(occurrence::Column::Signature)
        .having(count.gte(i64::try_from(wanted).unwrap_or(i64::MAX)))
        .order_by_asc(occurrence::Column::Signature)
        .limit(UNCARDED_MAX)
        .into_tuple()
        .all(conn)
        .await?)
}

/// Causes that have a card in use or on its way: fault type, root-cause level, cause tag, product.
pub async fn carded(conn: &impl ConnectionTrait) -> Result<HashSet<(String, String, Option<String>, Option<String>)>> {
    let rows = card::Entity::find()
        .select_only()
        .columns([card::Column::FaultType, card::Column::RootCauseLevel])
        .columns([card::Column::CauseTag, card::Column::Product])
        .filter(card::Column::State.ne(CardState::Retired.word()))
        .limit(CARDS_MAX)
        .into_tuple::<(String, String, Option<String>, Option<String>)>()
        .all(conn)
        .await?;
    Ok(rows.into_iter().collect())
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

/// The cases of these cards; [`CARDS_MAX`] at most.
pub async fn cases_of(conn: &impl ConnectionTrait, cards: &[CardId]) -> Result<Vec<TicketId>> {
    if cards.is_empty() {
        return Ok(Vec::new());
    }
    Ok(card_case::Entity::find()
        .select_only()
        .column(card_case::Column::TicketId)
        .join(JoinType::InnerJoin, case_to_card())
        .join(JoinType::InnerJoin, case_to_occurrence())
        .filter(of_its_signature())
        .filter(card_case::Column::CardId.is_in(cards.iter().copied()))
        .limit(CARDS_MAX)
        .into_tuple()
        .all(conn)
        .await?)
}
