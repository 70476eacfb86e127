//! The solution of the week.

use async_graphql::{Context, Object, SimpleObject};
use domain::knowledge::model::Source;
use domain::reports::decide;
use domain::reports::model::{Effect, Worth};

use super::super::error::OrTopLevel as _;
use super::super::knowledge::CardNode;
use super::super::loaders::Loaders;
use super::super::metrics::{count, share};
use super::super::scalars::int;
use super::super::ticket::TicketNode;
use super::cause_label;

/// The solution that is most worth using again: often cited in the week, and surely holding.
pub struct SolutionOfTheWeek(pub Worth);

#[Object]
impl SolutionOfTheWeek {
    /// The case itself; of a card, its case that was solved last, of those that the viewer may read.
    async fn ticket(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TicketNode>> {
        let Some(ticket) = self.0.said.ticket else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().one(ticket).await.or_top_level(ctx)?.map(TicketNode))
    }

    /// The card, where it is one.
    async fn card(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<CardNode>> {
        let Source::Card(card) = self.0.source else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().one(card).await.or_top_level(ctx)?.map(CardNode))
    }

    /// Where it applies, in the language of the request.
    async fn applies_to(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        match &self.0.said.applies_to {
            Some(said) => Ok(said.clone()),
            None => cause_label(ctx, &self.0.said.cause).await,
        }
    }

    /// What to do, step by step.
    async fn steps(&self) -> Vec<String> {
        decide::steps(&self.0.said.solution)
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
