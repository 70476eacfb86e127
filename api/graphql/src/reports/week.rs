//! The solution of the week.

use async_graphql::{Context, Object, SimpleObject};
use domain::knowledge::model::Source;
use domain::reports::decide;
use domain::reports::model::{Effect, TopSolution};

use super::super::error::OrTopLevel as _;
use super::super::knowledge::CardNode;
use super::super::loaders::Loaders;
use super::super::metrics::{count, share};
use super::super::scalars::int;
use super::super::ticket::TicketNode;
use super::cause_label;

/// The solution of a week.
pub struct SolutionOfTheWeek(pub TopSolution);

/// The solution of the week (本周最值得复用的解决方案): often cited in the week, and reliable.
#[Object]
impl SolutionOfTheWeek {
    /// The case; for a card, its most recently resolved case that the viewer may read. Null if there is none.
    async fn ticket(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TicketNode>> {
        let Some(ticket) = self.0.text.ticket else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().load(ticket).await.or_top_level(ctx)?.map(TicketNode))
    }

    /// The knowledge card, if the solution is a card; else null.
    async fn card(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<CardNode>> {
        let Source::Card(card) = self.0.source else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().load(card).await.or_top_level(ctx)?.map(CardNode))
    }

    /// Where the solution applies, in the language of the request.
    async fn applies_to(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        match &self.0.text.applies_to {
            Some(text) => Ok(text.clone()),
            None => cause_label(ctx, &self.0.text.cause).await,
        }
    }

    /// The steps of the solution.
    async fn steps(&self) -> Vec<String> {
        decide::steps(&self.0.text.solution)
    }

    /// Its measured effect.
    async fn effect(&self) -> SolutionEffect {
        SolutionEffect::of(&self.0.effect)
    }
}

/// The measured effect of a solution.
#[derive(SimpleObject)]
pub struct SolutionEffect {
    /// The number of tickets that cited it in the week.
    cited_in_week: i32,
    /// The number of tickets that cited it up to the end of the week.
    #[graphql(deprecation = "Use citationCount.")]
    citing: i32,
    /// The number of tickets that cited it up to the end of the week.
    citation_count: i32,
    /// The number of citing tickets that stayed resolved: not reopened and not back within 7 days.
    #[graphql(deprecation = "Use survived.")]
    held: i32,
    /// The number of citing tickets that stayed resolved: not reopened and not back within 7 days.
    survived: i32,
    /// The number of citing tickets that were reopened or came back within 7 days.
    failed: i32,
    /// The share of citing tickets that stayed resolved, in 0..1; null if not known yet.
    survival: Option<f64>,
    /// The median handling time of the citing tickets, in seconds; null if there is none.
    median_handling_seconds: Option<i32>,
    /// The median handling time, in seconds, of tickets with the same cause that cited nothing in the 90 days before;
    /// null if there is none.
    #[graphql(deprecation = "Use baselineMedianHandlingSeconds.")]
    others_median_handling_seconds: Option<i32>,
    /// The median handling time, in seconds, of tickets with the same cause that cited nothing in the 90 days before;
    /// null if there is none.
    baseline_median_handling_seconds: Option<i32>,
    /// The difference of the two medians in seconds: how much faster citing tickets were resolved; negative if slower,
    /// null if either is missing.
    saved_seconds: Option<i32>,
}

impl SolutionEffect {
    fn of(effect: &Effect) -> Self {
        let Effect { cited_in_week, citing, survived, failed, median_citing_secs, median_others_secs } = *effect;
        Self {
            cited_in_week: count(cited_in_week),
            citing: count(citing),
            citation_count: count(citing),
            held: count(survived),
            survived: count(survived),
            failed: count(failed),
            survival: (survived + failed > 0).then(|| share(survived, survived + failed)),
            median_handling_seconds: median_citing_secs.map(int),
            others_median_handling_seconds: median_others_secs.map(int),
            baseline_median_handling_seconds: median_others_secs.map(int),
            saved_seconds: median_others_secs.zip(median_citing_secs).map(|(others, citing)| int(others - citing)),
        }
    }
}
