//! The figures of a month, quarter and week, and the tickets behind them, for somebody, by what they may see.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sea_orm::{ColumnTrait, Condition};

use super::decide;
use super::model::{Contribution, Effect, Escape, Fact, Figure, Health, Reused, Voice, Worth};
use super::store;
use crate::kernel::page::Part;
use crate::kernel::{Actor, CardId, Connection, Error, Page, Result, TicketId, Timestamp, UserId};
use crate::knowledge;
use crate::knowledge::model::Source;
use crate::metrics::decide::before;
use crate::metrics::model::{Interval, Outcome, Period, Tally};
use crate::metrics::queries::may_see;
use crate::people;
use crate::runtime::Ctx;
use crate::tickets;
use crate::tickets::decide::rights::{Scope, reads_cases};
use crate::tickets::store::entities::ticket;
use crate::tickets::store::select;

/// Ids of one statement.
const IDS_MAX: usize = 500;

fn check(cx: &Ctx) -> Result<()> {
    match &cx.actor {
        Actor::Anonymous => Err(Error::unauthenticated()),
        actor if may_see(actor) => Ok(()),
        _ => Err(Error::forbidden()),
    }
}

fn within_scope(cx: &Ctx) -> Condition {
    Condition::all().add(select::scope(&Scope::of(&cx.actor)))
}

/// What somebody reads as experience.
fn as_cases(cx: &Ctx) -> Condition {
    let in_full = select::scope(&Scope::of(&cx.actor));
    if reads_cases(&cx.actor) {
        Condition::any().add(in_full).add(ticket::Column::Confidential.eq(false))
    } else {
        Condition::all().add(in_full)
    }
}

async fn facts(cx: &Ctx, period: Period) -> Result<Vec<Fact>> {
    let of = within_scope(cx).add(store::resolved_in(period));
    let mut facts = store::facts(cx.read(), &of).await?;
    let within = cx.app.state::<knowledge::model::Settings>().recurs_within;
    let ids: Vec<TicketId> = facts.iter().filter(|fact| fact.cause.is_some()).map(|fact| fact.ticket).collect();
    let mut back: HashMap<TicketId, Timestamp> = HashMap::new();
    for ids in ids.chunks(IDS_MAX) {
        let found = knowledge::queries::recurrences(cx.read(), ids, within).await?;
        back.extend(found.into_iter().map(|(id, (_, at))| (id, at)));
    }
    for fact in &mut facts {
        fact.recurred_at = back.get(&fact.ticket).copied();
    }
    Ok(facts)
}

async fn voices(cx: &Ctx, period: Period) -> Result<Vec<Voice>> {
    store::voices(cx.read(), &within_scope(cx), period).await
}

/// The figures of a period.
pub async fn health(cx: &Ctx, period: Period) -> Result<Health> {
    check(cx)?;
    let (facts, voices) = (facts(cx, period).await?, voices(cx, period).await?);
    let within = cx.app.state::<knowledge::model::Settings>().recurs_within;
    let mut health = decide::health(&facts, &voices, within, cx.now());
    let reuse = Reuse::until(cx, period.to).await?;
    health.solutions = reuse.solutions();
    health.solution_reuse = decide::reuse(&health.solutions);
    health.contributions = reuse.contributions(period);
    Ok(health)
}

/// The tickets behind a figure, those first that were resolved last.
pub async fn behind(
    cx: &Ctx,
    period: Period,
    figure: Figure,
    wanted: Outcome,
    page: &Page,
) -> Result<Connection<TicketId>> {
    check(cx)?;
    let list = format!("reports:{figure:?}:{wanted:?}:{}", period.from.millis());
    let found: Vec<(i64, TicketId)> = match figure {
        Figure::Csat | Figure::ResponseRate => {
            let voices = voices(cx, period).await?;
            let of = voices.iter().filter(|voice| decide::voiced(figure, voice) == Some(wanted));
            of.map(|voice| (0, voice.ticket)).collect()
        }
        _ => {
            let facts = facts(cx, period).await?;
            let top = decide::top(&decide::causes(&facts));
            let (now, within) = (cx.now(), cx.app.state::<knowledge::model::Settings>().recurs_within);
            let of = facts.iter().filter(|fact| decide::outcome(figure, fact, &top, within, now) == Some(wanted));
            of.map(|fact| (fact.resolved_at.millis(), fact.ticket)).collect()
        }
    };
    let cut = page.cut_descending(&list, found, |(at, ticket)| vec![Part::Int(*at), Part::Id(ticket.0)])?;
    Ok(cut.map(|(_, ticket)| ticket))
}

/// The tickets of one cause, those first that were resolved last.
pub async fn of_cause(
    cx: &Ctx,
    period: Period,
    cause: &super::model::Cause,
    page: &Page,
) -> Result<Connection<TicketId>> {
    check(cx)?;
    let facts = facts(cx, period).await?;
    let of = facts.iter().filter(|fact| fact.cause.as_ref() == Some(cause));
    let found = of.map(|fact| (fact.resolved_at.millis(), fact.ticket)).collect();
    let cut = page.cut_descending("reports:cause", found, |(at, ticket)| vec![Part::Int(*at), Part::Id(ticket.0)])?;
    Ok(cut.map(|(_, ticket)| ticket))
}

/// Everything that was cited before an instant, of what somebody reads.
struct Reuse {
    /// Citing tickets and when, by source.
    citing: BTreeMap<Source, BTreeMap<TicketId, Timestamp>>,
    /// Published, and not retired by then.
    published: BTreeSet<CardId>,
    /// Who solved which case.
    handlers: HashMap<TicketId, UserId>,
    /// Cards, when they were made, and who has a case in them.
    cards: HashMap<CardId, (Timestamp, BTreeSet<UserId>)>,
    /// The cards of a case.
    of_case: HashMap<TicketId, Vec<CardId>>,
}

impl Reuse {
    async fn until(cx: &Ctx, end: Timestamp) -> Result<Self> {
        let conn = cx.read();
        let mut cards = HashMap::new();
        let mut published = BTreeSet::new();
        for card in store::cards(conn, end).await? {
            if !knowledge::decide::may_read(&cx.actor, card.product.as_deref()) && cx.actor != Actor::System {
                continue;
            }
            if card.published_at.is_some_and(|at| at < end) && card.retired_at.is_none_or(|at| at >= end) {
                published.insert(card.id);
            }
            cards.insert(card.id, (card.extracted_at, BTreeSet::new()));
        }
        let mut of_case: HashMap<TicketId, Vec<CardId>> = HashMap::new();
        for (card, ticket, handler) in store::card_cases(conn, end).await? {
            if let Some((_, handlers)) = cards.get_mut(&card) {
                handlers.insert(handler);
                of_case.entry(ticket).or_default().push(card);
            }
        }
        let rows = store::citations(conn, end).await?;
        let cases: BTreeSet<TicketId> = rows.iter().filter_map(|(case, ..)| *case).collect();
        let cases: Vec<TicketId> = cases.into_iter().collect();
        let handlers: HashMap<TicketId, UserId> =
            store::solved(conn, &as_cases(cx), &cases).await?.into_iter().collect();
        let mut citing: BTreeMap<Source, BTreeMap<TicketId, Timestamp>> = BTreeMap::new();
        for (case, card, ticket, at) in rows {
            let source = match (case, card) {
                (_, Some(card)) if cards.contains_key(&card) => Source::Card(card),
                (Some(case), None) if handlers.contains_key(&case) => Source::Case(case),
                _ => continue,
            };
            citing.entry(source).or_default().insert(ticket, at);
        }
        Ok(Self { citing, published, handlers, cards, of_case })
    }

    /// Tickets that cite a card, or one of its cases.
    fn citing_card(&self, card: CardId) -> BTreeMap<TicketId, Timestamp> {
        let mut citing = self.citing.get(&Source::Card(card)).cloned().unwrap_or_default();
        for (case, cards) in &self.of_case {
            if cards.contains(&card)
                && let Some(of_case) = self.citing.get(&Source::Case(*case))
            {
                for (ticket, at) in of_case {
                    let first = citing.entry(*ticket).or_insert(*at);
                    *first = Ord::min(*first, *at);
                }
            }
        }
        citing
    }

    /// Published cards, and cited cases that belong to no card; those first that are cited most.
    fn solutions(&self) -> Vec<Reused> {
        let count = |citing: usize| citing as u64;
        let cards = self
            .published
            .iter()
            .map(|card| Reused { source: Source::Card(*card), citing: count(self.citing_card(*card).len()) });
        let cases = self.citing.iter().filter_map(|(source, citing)| match source {
            Source::Case(case) if !self.of_case.contains_key(case) => {
                Some(Reused { source: *source, citing: count(citing.len()) })
            }
            Source::Case(_) | Source::Card(_) => None,
        });
        let mut solutions: Vec<Reused> = cards.chain(cases).collect();
        solutions.sort_by(|a, b| b.citing.cmp(&a.citing).then_with(|| a.source.cmp(&b.source)));
        solutions
    }

    fn contributions(&self, period: Period) -> Vec<Contribution> {
        let mut all: BTreeMap<UserId, Contribution> = BTreeMap::new();
        fn of(all: &mut BTreeMap<UserId, Contribution>, user: UserId) -> &mut Contribution {
            all.entry(user).or_insert(Contribution { user, cards: 0, cited_cases: 0, citations: 0 })
        }
        for (extracted_at, handlers) in self.cards.values() {
            if period.contains(*extracted_at) {
                handlers.iter().for_each(|user| of(&mut all, *user).cards += 1);
            }
        }
        for (source, citing) in &self.citing {
            let now = citing.values().filter(|at| period.contains(**at)).count() as u64;
            if now == 0 {
                continue;
            }
            match source {
                Source::Case(case) => {
                    if let Some(user) = self.handlers.get(case) {
                        let contribution = of(&mut all, *user);
                        contribution.cited_cases += 1;
                        contribution.citations += now;
                    }
                }
                Source::Card(card) => {
                    let handlers = self.cards.get(card).map(|(_, handlers)| handlers.clone()).unwrap_or_default();
                    handlers.into_iter().for_each(|user| of(&mut all, user).citations += now);
                }
            }
        }
        let mut contributions: Vec<Contribution> = all.into_values().collect();
        contributions.sort_by_key(|of| (std::cmp::Reverse((of.citations, of.cards, of.cited_cases)), of.user));
        contributions
    }
}

/// Design defects of each product in a quarter and the one before; products with most attributed tickets first.
pub async fn escapes(cx: &Ctx, quarter: Period) -> Result<Vec<Escape>> {
    check(cx)?;
    let zone = &cx.app.state::<crate::metrics::model::Settings>().zone;
    let earlier = before(quarter, Interval::Quarter, zone);
    let current = decide::escapes(&plain_facts(cx, quarter).await?);
    let mut previous = match earlier {
        Some(period) => decide::escapes(&plain_facts(cx, period).await?),
        None => HashMap::new(),
    };
    let products: BTreeSet<String> = current.keys().chain(previous.keys()).cloned().collect();
    let mut owners: HashMap<String, Vec<UserId>> = HashMap::new();
    for (product, owner) in people::queries::owners(cx.read(), products.iter().cloned().collect()).await? {
        owners.entry(product).or_default().push(owner);
    }
    let mut escapes: Vec<Escape> = products
        .into_iter()
        .map(|product| Escape {
            owners: owners.remove(&product).unwrap_or_default(),
            current: current.get(&product).copied().unwrap_or_default(),
            previous: previous.remove(&product).unwrap_or_default(),
            product,
        })
        .collect();
    let weight = |tally: Tally| tally.denominator();
    escapes.sort_by_key(|of| (std::cmp::Reverse((weight(of.current), weight(of.previous))), of.product.clone()));
    Ok(escapes)
}

/// Without what came back: for figures that do not ask.
async fn plain_facts(cx: &Ctx, period: Period) -> Result<Vec<Fact>> {
    store::facts(cx.read(), &within_scope(cx).add(store::resolved_in(period))).await
}

/// The tickets of a product in a quarter: design defects (met) or the other attributed ones.
pub async fn escaped(
    cx: &Ctx,
    quarter: Period,
    product: &str,
    wanted: Outcome,
    page: &Page,
) -> Result<Connection<TicketId>> {
    check(cx)?;
    let (none, now) = (HashSet::new(), cx.now());
    let facts = plain_facts(cx, quarter).await?;
    let of = facts.iter().filter(|fact| {
        let own = fact.cause.as_ref().is_some_and(|cause| cause.product.as_deref() == Some(product));
        own && decide::outcome(Figure::L3Escape, fact, &none, std::time::Duration::ZERO, now) == Some(wanted)
    });
    let found = of.map(|fact| (fact.resolved_at.millis(), fact.ticket)).collect();
    let list = format!("reports:escape:{product}:{wanted:?}");
    let cut = page.cut_descending(&list, found, |(at, ticket)| vec![Part::Int(*at), Part::Id(ticket.0)])?;
    Ok(cut.map(|(_, ticket)| ticket))
}

/// Candidates whose effect is looked at.
const CANDIDATES_MAX: usize = 20;

/// The solution that is most worth using again, of those that were cited in a week; `None`: none was.
pub async fn solution_of_the_week(cx: &Ctx, week: Period) -> Result<Option<Worth>> {
    check(cx)?;
    let reuse = Reuse::until(cx, week.to).await?;
    // A case of a published card counts for the card.
    let mut cited: HashMap<Source, BTreeMap<TicketId, Timestamp>> = HashMap::new();
    for (source, citing) in &reuse.citing {
        let source = match source {
            Source::Case(case) => {
                let card = reuse.of_case.get(case).into_iter().flatten().find(|card| reuse.published.contains(card));
                card.map_or(*source, |card| Source::Card(*card))
            }
            Source::Card(_) => *source,
        };
        cited.entry(source).or_default().extend(citing);
    }
    let in_week = |citing: &BTreeMap<TicketId, Timestamp>| citing.values().filter(|at| week.contains(**at)).count();
    let mut candidates: Vec<(Source, BTreeMap<TicketId, Timestamp>)> =
        cited.into_iter().filter(|(_, citing)| in_week(citing) > 0).collect();
    candidates.sort_by_key(|(source, citing)| (std::cmp::Reverse(in_week(citing)), *source));
    candidates.truncate(CANDIDATES_MAX);
    let sources: Vec<Source> = candidates.iter().map(|(source, _)| *source).collect();
    let standings = knowledge::queries::standings(cx, &sources).await?;
    let mut best: Option<(f64, Source, Effect)> = None;
    for (source, citing) in &candidates {
        let held = standings.get(source).map(|standing| standing.survival[0]).unwrap_or_default();
        let effect = Effect {
            cited_in_week: in_week(citing) as u64,
            citing: citing.len() as u64,
            held: held.held,
            failed: held.failed,
            ..Effect::default()
        };
        let worth = decide::worth(&effect);
        if best.as_ref().is_none_or(|(most, ..)| worth > *most) {
            best = Some((worth, *source, effect));
        }
    }
    let Some((_, source, mut effect)) = best else { return Ok(None) };
    let Some((ticket, solution)) = said(cx, source).await? else { return Ok(None) };
    let citing: Vec<TicketId> = candidates
        .into_iter()
        .find(|(of, _)| *of == source)
        .map(|(_, citing)| citing.into_keys().collect())
        .unwrap_or_default();
    let (with, without) = handling(cx, ticket, &citing, week).await?;
    effect.median_citing_secs = decide::median(with);
    effect.median_others_secs = decide::median(without);
    Ok(Some(Worth { source, ticket, solution, effect }))
}

/// A ticket and the words of a solution; of a card the case that was solved last.
async fn said(cx: &Ctx, source: Source) -> Result<Option<(TicketId, String)>> {
    match source {
        Source::Case(case) => {
            let given = tickets::queries::attributions(cx.read(), &[case]).await?.remove(&case);
            Ok(given.map(|attribution| (case, attribution.given.resolution)))
        }
        Source::Card(card) => {
            let Some(ranked) = knowledge::queries::by_ids(cx, &[card]).await?.remove(&card) else { return Ok(None) };
            let page = Page::of(Some(1), None, None, None)?;
            let cases = knowledge::queries::cases(cx, card, &page).await?;
            Ok(cases.edges.first().map(|edge| (edge.node.ticket, ranked.card.text.solution)))
        }
    }
}

/// How far back the handling of others is looked at.
const OTHERS_DAYS: u64 = 90;

/// How long tickets took that cite a solution, and others with the cause of its case that cite nothing, in the 90 days before the end
/// of the week: from creation to first resolution.
async fn handling(cx: &Ctx, case: TicketId, citing: &[TicketId], week: Period) -> Result<(Vec<i64>, Vec<i64>)> {
    let took = |fact: &Fact| fact.resolved_at.seconds_since(fact.created_at);
    let mut with = Vec::new();
    for ids in citing.chunks(IDS_MAX) {
        let of = within_scope(cx)
            .add(ticket::Column::Id.is_in(ids.iter().copied()))
            .add(ticket::Column::FirstResolvedAt.is_not_null());
        with.extend(store::facts(cx.read(), &of).await?.iter().map(took));
    }
    let of_case = Condition::all().add(ticket::Column::Id.eq(case)).add(ticket::Column::FirstResolvedAt.is_not_null());
    let cause = store::facts(cx.read(), &of_case).await?.pop().and_then(|fact| fact.cause);
    let Some(cause) = cause else { return Ok((with, Vec::new())) };
    let since = week.to - crate::kernel::days(OTHERS_DAYS);
    let others = plain_facts(cx, Period { from: since, to: week.to }).await?;
    let alike = others.iter().filter(|fact| fact.cause.as_ref() == Some(&cause) && !fact.cites && fact.ticket != case);
    Ok((with, alike.map(took).collect()))
}
