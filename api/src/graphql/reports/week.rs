//! The solution of the week.

use async_graphql::{Context, Object, SimpleObject};
use domain::knowledge::model::Source;
use domain::reports::decide;
use domain::reports::model::{Effect, Worth};

use super::super::error::OrTopLevel as _;
use super::super::knowledge::{CardNode, applies_to};
use super::super::loaders::{AttributionOf, Loaders};
use super::super::metrics::{count, share};
use super::super::scalars::int;
use super::super::ticket::TicketNode;

/// The solution that is most worth using again: often cited in the week, and surely holding.
pub struct SolutionOfTheWeek(pub Worth);

#[Object]
impl SolutionOfTheWeek {
    /// The case itself; of a card, its case that was solved last.
    async fn ticket(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TicketNode>> {
        Ok(ctx.data_unchecked::<Loaders>().one(self.0.ticket).await.or_top_level(ctx)?.map(TicketNode))
    }

    /// The card, where it is one.
    async fn card(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<CardNode>> {
        let Source::Card(card) = self.0.source else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().one(card).await.or_top_level(ctx)?.map(CardNode))
    }

    /// Where it applies, in the language of the request.
    async fn applies_to(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        let loaders = ctx.data_unchecked::<Loaders>();
        if let Source::Card(card) = self.0.source
            && let Some(ranked) = loaders.one(card).await.or_top_level(ctx)?
            && let Some(said) = ranked.card.text.applies_to
        {
            return Ok(said);
        }
        let attribution = loaders.one(AttributionOf(self.0.ticket)).await.or_top_level(ctx)?;
        let view = loaders.one(self.0.ticket).await.or_top_level(ctx)?;
        let Some(given) = attribution.map(|attribution| attribution.given) else { return Ok(String::new()) };
        let product = view.and_then(|view| view.ticket.product);
        let tag = given.cause_tag.as_deref();
        applies_to(ctx, product.as_deref(), given.fault_type, given.root_cause_level, tag).await
    }

    /// What to do, step by step.
    async fn steps(&self) -> Vec<String> {
        decide::steps(&self.0.solution)
    }

    /// What it brought, in figures.
    async fn effect(&self) -> SolutionEffect {
        SolutionEffect::of(&self.0.effect)
    }
}

/// What a solution brought.
#[derive(SimpleObject)]
pub struct SolutionEffect {
    /// Tickets that cited it in the week.
    cited_in_week: i32,
    /// Tickets that cite it at all, until the week's end.
    citing: i32,
    /// Citing tickets that were neither reopened nor came back within 7 days.
    held: i32,
    /// Citing tickets that were, or did.
    failed: i32,
    /// The share that held; null where nothing is known yet.
    survival: Option<f64>,
    /// The median handling time of tickets that cite it.
    median_handling_seconds: Option<i32>,
    /// The median handling time of tickets with the same cause that cite nothing, in the 90 days before.
    others_median_handling_seconds: Option<i32>,
    /// How much sooner citing tickets were solved, in the middle; negative where they took longer.
    saved_seconds: Option<i32>,
}

impl SolutionEffect {
    fn of(effect: &Effect) -> Self {
        let Effect { cited_in_week, citing, held, failed, median_citing_secs, median_others_secs } = *effect;
        Self {
            cited_in_week: count(cited_in_week),
            citing: count(citing),
            held: count(held),
            failed: count(failed),
            survival: (held + failed > 0).then(|| share(held, held + failed)),
            median_handling_seconds: median_citing_secs.map(int),
            others_median_handling_seconds: median_others_secs.map(int),
            saved_seconds: median_others_secs.zip(median_citing_secs).map(|(others, citing)| int(others - citing)),
        }
    }
}
