//! The figures of a month, quarter and week, and their drill-down, within what the viewer may see.

mod file;
mod gaps;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sea_orm::{ColumnTrait, Condition};

pub use self::file::{file, monthly_report};
pub use self::gaps::{gaps, of_key, weeks};
use super::decide;
use super::model::{
    Cause, Contribution, Effect, Escape, Fact, Figure, Health, ReportFile, ReportFileInfo, STORED_MAX, Settings,
    SolutionReuse, SolutionText, SurveyFact, TopSolution,
};
use super::store;
use crate::calendar::model::Organisation;
use crate::kernel::page::Part;
use crate::kernel::{Actor, CardId, Connection, Error, Page, Result, Role, TicketId, Timestamp, UserId, boxed};
use crate::knowledge;
use crate::knowledge::model::{Card, CardText, Signature, Source};
use crate::metrics;
use crate::metrics::decide::previous_interval;
use crate::metrics::model::{Interval, Outcome, Period, Tally};
use crate::metrics::queries::may_see;
use crate::people;
use crate::runtime::Ctx;
use crate::tickets;
use crate::tickets::decide::rights::{Scope, reads_cases};
use crate::tickets::store::entities::ticket;
use crate::tickets::store::select;

/// Ids per statement.
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

/// The tickets that the viewer may read as cases.
fn as_cases(cx: &Ctx) -> Condition {
    let in_full = select::scope(&Scope::of(&cx.actor));
    if reads_cases(&cx.actor) {
        Condition::any().add(in_full).add(ticket::Column::Confidential.eq(false))
    } else {
        Condition::all().add(in_full)
    }
}

/// The facts of tickets in a period, without recurrences.
async fn facts(cx: &Ctx, period: Period) -> Result<Vec<Fact>> {
    store::facts(cx.read(), &within_scope(cx).add(store::resolved_in(period))).await
}

/// The facts of tickets in a period, with recurrences.
async fn facts_with_recurrence(cx: &Ctx, period: Period) -> Result<Vec<Fact>> {
    let mut facts = facts(cx, period).await?;
    let within = cx.app.state::<knowledge::model::Settings>().recurs_within();
    let ids: Vec<TicketId> = facts.iter().filter(|fact| fact.cause.is_some()).map(|fact| fact.ticket).collect();
    let recurred = knowledge::queries::recurrences(cx.read(), &ids, ticket::Column::FirstResolvedAt, within).await?;
    for fact in &mut facts {
        fact.recurred_at = recurred.get(&fact.ticket).copied();
    }
    Ok(facts)
}

async fn surveys(cx: &Ctx, period: Period) -> Result<Vec<SurveyFact>> {
    store::surveys(cx.read(), &within_scope(cx), period).await
}

/// The figures of a period.
#[boxed]
pub async fn health(cx: &Ctx, period: Period) -> Result<Health> {
    let settings = cx.app.state::<Settings>();
    check(cx)?;
    let (facts, surveys) = (facts_with_recurrence(cx, period).await?, surveys(cx, period).await?);
    let within = cx.app.state::<knowledge::model::Settings>().recurs_within();
    let mut health = decide::health(&facts, &surveys, within, settings, cx.now());
    let reuse = Reuse::until(cx, period.to).await?;
    health.solutions = reuse.solutions();
    health.solution_reuse = decide::reuse(&health.solutions, settings.reused_from_citations);
    health.contributions = reuse.contributions(period);
    Ok(health)
}

/// When the figures of a period are final.
pub fn final_at(cx: &Ctx, period: Period) -> Timestamp {
    decide::final_at(period, cx.app.state::<knowledge::model::Settings>().recurs_within())
}

/// The tickets behind a figure, latest resolution first.
#[boxed]
pub async fn drill_down(
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
            let surveys = surveys(cx, period).await?;
            let now = cx.now();
            let is_wanted = |survey: &&SurveyFact| {
                decide::survey_outcome(figure, survey, now).is_some_and(|outcome| outcome.is_listed_as(wanted))
            };
            let of = surveys.iter().filter(is_wanted);
            of.map(|survey| (0, survey.ticket)).collect()
        }
        _ => {
            let facts = match figure {
                Figure::Recurrence => facts_with_recurrence(cx, period).await?,
                _ => facts(cx, period).await?,
            };
            let top = decide::top_causes(&decide::causes(&facts), cx.app.state::<Settings>().top_causes);
            let (now, within) = (cx.now(), cx.app.state::<knowledge::model::Settings>().recurs_within());
            let is_wanted = |fact: &&Fact| {
                decide::outcome(figure, fact, &top, within, now).is_some_and(|outcome| outcome.is_listed_as(wanted))
            };
            let of = facts.iter().filter(is_wanted);
            of.map(|fact| (fact.resolved_at.millis(), fact.ticket)).collect()
        }
    };
    let cut = page.paginate_descending(&list, found, |(at, ticket)| vec![Part::Int(*at), Part::Id(ticket.0)])?;
    Ok(cut.map(|(_, ticket)| ticket))
}

/// The tickets of one cause, latest resolution first.
#[boxed]
pub async fn tickets_of_cause(cx: &Ctx, period: Period, cause: &Cause, page: &Page) -> Result<Connection<TicketId>> {
    check(cx)?;
    let facts = facts(cx, period).await?;
    let of = facts.iter().filter(|fact| fact.cause.as_ref() == Some(cause));
    let found = of.map(|fact| (fact.resolved_at.millis(), fact.ticket)).collect();
    let cut =
        page.paginate_descending("reports:cause", found, |(at, ticket)| vec![Part::Int(*at), Part::Id(ticket.0)])?;
    Ok(cut.map(|(_, ticket)| ticket))
}

/// Citations before an instant, of solutions that the viewer may read.
struct Reuse {
    /// Citing tickets and the time of citation, by source.
    citing: BTreeMap<Source, BTreeMap<TicketId, Timestamp>>,
    /// Tickets that cite a card or one of its cases, and the time of the first citation.
    citing_card: HashMap<CardId, BTreeMap<TicketId, Timestamp>>,
    /// Cards published at that instant.
    published: BTreeSet<CardId>,
    /// The handler of each case.
    handlers: HashMap<TicketId, UserId>,
    /// Cards, their creation time, and the handlers of their cases.
    cards: HashMap<CardId, (Timestamp, BTreeSet<UserId>)>,
    /// The cards of a case.
    of_case: HashMap<TicketId, Vec<CardId>>,
}

impl Reuse {
    async fn until(cx: &Ctx, end: Timestamp) -> Result<Self> {
        let conn = cx.read();
        let readable = |(_, product, _): &(CardId, Option<String>, Timestamp)| {
            cx.actor == Actor::System || knowledge::decide::may_read(&cx.actor, product.as_deref())
        };
        let rows = store::cards(conn, end).await?;
        let mut cards: HashMap<CardId, (Timestamp, BTreeSet<UserId>)> =
            rows.into_iter().filter(readable).map(|(card, _, at)| (card, (at, BTreeSet::new()))).collect();
        let published = store::published(conn, end).await?;
        let published = published.into_iter().filter(|card| cards.contains_key(card)).collect();
        let mut of_case: HashMap<TicketId, Vec<CardId>> = HashMap::new();
        for (card, ticket, handler) in knowledge::queries::counting_cases(conn, end).await? {
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
        let mut citing_card: HashMap<CardId, BTreeMap<TicketId, Timestamp>> = HashMap::new();
        for (source, tickets) in &citing {
            let of = match source {
                Source::Card(card) => std::slice::from_ref(card),
                Source::Case(case) => of_case.get(case).map_or(&[][..], Vec::as_slice),
            };
            for card in of {
                let first = citing_card.entry(*card).or_default();
                for (ticket, at) in tickets {
                    first.entry(*ticket).and_modify(|first| *first = Ord::min(*first, *at)).or_insert(*at);
                }
            }
        }
        Ok(Self { citing, citing_card, published, handlers, cards, of_case })
    }

    /// Published cards, and cited cases that belong to no card; most cited first.
    fn solutions(&self) -> Vec<SolutionReuse> {
        let count = |citing: usize| citing as u64;
        let cards = self.published.iter().map(|card| SolutionReuse {
            source: Source::Card(*card),
            citing: count(self.citing_card.get(card).map_or(0, BTreeMap::len)),
        });
        let cases = self.citing.iter().filter_map(|(source, citing)| match source {
            Source::Case(case) if !self.of_case.contains_key(case) => {
                Some(SolutionReuse { source: *source, citing: count(citing.len()) })
            }
            Source::Case(_) | Source::Card(_) => None,
        });
        let mut solutions: Vec<SolutionReuse> = cards.chain(cases).collect();
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
#[boxed]
pub async fn escapes(cx: &Ctx, quarter: Period) -> Result<Vec<Escape>> {
    check(cx)?;
    let zone = &cx.app.state::<Organisation>().zone;
    let earlier = previous_interval(quarter, Interval::Quarter, zone);
    let current = decide::escapes(&facts(cx, quarter).await?);
    let mut previous = match earlier {
        Some(period) => decide::escapes(&facts(cx, period).await?),
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

/// The tickets of a product in a quarter: design defects (met) or the other attributed ones.
#[boxed]
pub async fn escape_tickets(
    cx: &Ctx,
    quarter: Period,
    product: &str,
    wanted: Outcome,
    page: &Page,
) -> Result<Connection<TicketId>> {
    check(cx)?;
    let (none, now) = (HashSet::new(), cx.now());
    let facts = facts(cx, quarter).await?;
    let of = facts.iter().filter(|fact| {
        let own = fact.cause.as_ref().is_some_and(|cause| cause.product.as_deref() == Some(product));
        own && decide::outcome(Figure::L3Escape, fact, &none, std::time::Duration::ZERO, now) == Some(wanted)
    });
    let found = of.map(|fact| (fact.resolved_at.millis(), fact.ticket)).collect();
    let list = format!("reports:escape:{product}:{wanted:?}");
    let cut = page.paginate_descending(&list, found, |(at, ticket)| vec![Part::Int(*at), Part::Id(ticket.0)])?;
    Ok(cut.map(|(_, ticket)| ticket))
}

/// The most candidates whose effect is computed.
const CANDIDATES_MAX: usize = 20;

/// The solution most worth reusing, of those cited in a week; `None`: none was.
#[boxed]
pub async fn solution_of_the_week(cx: &Ctx, week: Period) -> Result<Option<TopSolution>> {
    check(cx)?;
    let reuse = Reuse::until(cx, week.to).await?;
    // A case of a published card counts for the card; a card that is not published is no solution.
    let cards =
        reuse.published.iter().filter_map(|card| Some((Source::Card(*card), reuse.citing_card.get(card)?.clone())));
    let cases = reuse.citing.iter().filter_map(|(source, citing)| {
        let Source::Case(case) = source else { return None };
        let in_use = reuse.of_case.get(case).into_iter().flatten().any(|card| reuse.published.contains(card));
        (!in_use).then(|| (*source, citing.clone()))
    });
    let cited: HashMap<Source, BTreeMap<TicketId, Timestamp>> = cards.chain(cases).collect();
    let in_week = |citing: &BTreeMap<TicketId, Timestamp>| citing.values().filter(|at| week.contains(**at)).count();
    let mut candidates: Vec<(Source, BTreeMap<TicketId, Timestamp>)> =
        cited.into_iter().filter(|(_, citing)| in_week(citing) > 0).collect();
    candidates.sort_by_key(|(source, citing)| (std::cmp::Reverse(in_week(citing)), *source));
    candidates.truncate(CANDIDATES_MAX);
    let sources: Vec<Source> = candidates.iter().map(|(source, _)| *source).collect();
    let reuse_stats = knowledge::queries::reuse_stats(cx, &sources, knowledge::queries::TRIALS_MAX).await?;
    let mut solutions: Vec<(Source, Vec<TicketId>, Effect)> = candidates
        .into_iter()
        .map(|(source, citing)| {
            let survival = reuse_stats.get(&source).map(|stats| stats.survival[0]).unwrap_or_default();
            let effect = Effect {
                cited_in_week: in_week(&citing) as u64,
                citing: citing.len() as u64,
                survived: survival.survived,
                failed: survival.failed,
                ..Effect::default()
            };
            (source, citing.into_keys().collect(), effect)
        })
        .collect();
    // A stable sort: of equal scores, the most cited one comes first.
    solutions.sort_by(|(_, _, a), (_, _, b)| decide::solution_score(b).total_cmp(&decide::solution_score(a)));
    for (source, citing, effect) in solutions {
        if let Some(text) = solution_text(cx, source).await? {
            let (with, without) = handling(cx, source, &text.cause, &citing, week).await?;
            let (median_citing_secs, median_others_secs) = (decide::median(with), decide::median(without));
            let effect = Effect { median_citing_secs, median_others_secs, ..effect };
            return Ok(Some(TopSolution { source, text, effect }));
        }
    }
    Ok(None)
}

/// The most cases of a card that are checked for one that the viewer may read.
const CASES_MAX: i32 = 20;

/// The text of a solution and a ticket to show; for a card its most recently solved case. `None`: the viewer may not read it.
async fn solution_text(cx: &Ctx, source: Source) -> Result<Option<SolutionText>> {
    match source {
        Source::Case(case) => {
            let Some(view) = tickets::queries::views_by_id(cx, vec![case]).await?.remove(&case) else {
                return Ok(None);
            };
            let attribution = tickets::queries::attributions(cx.read(), &[case]).await?.remove(&case);
            Ok(attribution.map(|attribution| {
                let signature = Signature::of(view.ticket.request.product.as_deref(), &attribution.details);
                let (ticket, applies_to) = (Some(case), None);
                SolutionText { ticket, cause: signature.into(), applies_to, solution: attribution.details.resolution }
            }))
        }
        Source::Card(id) => {
            let Some(ranked) = knowledge::queries::by_ids(cx, &[id]).await?.remove(&id) else { return Ok(None) };
            let page = Page::of(Some(CASES_MAX), None, None, None)?;
            let cases = knowledge::queries::cases(cx, id, &page).await?;
            let cases: Vec<TicketId> =
                cases.edges.iter().filter(|edge| edge.node.counts).map(|edge| edge.node.ticket).collect();
            let views = tickets::queries::views_by_id(cx, cases.clone()).await?;
            let ticket = cases.into_iter().find(|case| views.contains_key(case));
            let Card { signature, text: CardText { applies_to, solution, .. }, .. } = ranked.card;
            Ok(Some(SolutionText { ticket, cause: signature.into(), applies_to, solution }))
        }
    }
}

/// The period in which others' handling times are compared.
const OTHERS_DAYS: u64 = 90;

/// Handling times, from creation to first resolution, of tickets that cite a solution, and of tickets with the same cause that cite nothing,
/// in the 90 days before the end of the week.
async fn handling(
    cx: &Ctx,
    source: Source,
    cause: &Cause,
    citing: &[TicketId],
    week: Period,
) -> Result<(Vec<i64>, Vec<i64>)> {
    let elapsed = |fact: &Fact| fact.resolved_at.seconds_since(fact.created_at);
    let mut with = Vec::new();
    for ids in citing.chunks(IDS_MAX) {
        let of = within_scope(cx)
            .add(ticket::Column::Id.is_in(ids.iter().copied()))
            .add(ticket::Column::FirstResolvedAt.is_not_null());
        with.extend(store::facts(cx.read(), &of).await?.iter().map(elapsed));
    }
    let since = week.to - crate::kernel::days(OTHERS_DAYS);
    let others = facts(cx, Period { from: since, to: week.to }).await?;
    let same_cause = others
        .iter()
        .filter(|fact| fact.cause.as_ref() == Some(cause) && !fact.cites && Source::Case(fact.ticket) != source);
    Ok((with, same_cause.map(elapsed).collect()))
}

fn check_stored(cx: &Ctx) -> Result<()> {
    match &cx.actor {
        Actor::Anonymous => Err(Error::unauthenticated()),
        // They contain all tickets.
        actor if *actor == Actor::System || actor.is(Role::Admin) => Ok(()),
        _ => Err(Error::forbidden()),
    }
}

/// Automatically generated reports, newest first; for administrators.
#[boxed]
pub async fn stored_reports(cx: &Ctx, month: Option<&str>) -> Result<Vec<ReportFileInfo>> {
    check_stored(cx)?;
    if let Some(text) = month {
        metrics::decide::month(text, &cx.app.state::<Organisation>().zone)?;
    }
    store::stored_reports(cx.read(), month, STORED_MAX as u64).await
}

/// The file of a stored report.
#[boxed]
pub async fn stored_file(cx: &Ctx, month: &str, format: &str) -> Result<Option<ReportFile>> {
    check_stored(cx)?;
    store::file(cx.read(), month, format).await
}
