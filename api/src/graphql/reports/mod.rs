//! What a month has taught: the health report, L3 escape as a product's figure, the solution of the week.

mod file;
mod gap;
mod week;

use async_graphql::{Context, Enum, Object};
use domain::kernel::Page;
use domain::knowledge::model::Source;
use domain::metrics::decide::{month, quarter, week};
use domain::metrics::model::{Outcome, Period, Settings as Metrics};
use domain::reports::model::{Cause, CauseCount, Contribution, Escape, Figure, Health, Reused, Settings, Targets};
use domain::reports::{decide, queries};

use self::file::{KeptReport, ReportFormat, exported};
pub use self::gap::KnowledgeGap;
pub use self::week::SolutionOfTheWeek;
use super::Caller;
use super::error::OrTopLevel as _;
use super::heatmap::ExportFile;
use super::knowledge::{CardNode, applies_to};
use super::loaders::Loaders;
use super::metrics::{METRICS_PRICE, Ratio, count, ratio, share, tickets_of};
use super::nodes::{Relay, UserNode, somebody, user};
use super::scalars::{DateTime, FaultType, MetricOutcome, RootCauseLevel};
use super::ticket::{TicketNode, rows};
use crate::report;

fn targets(ctx: &Context<'_>) -> Targets {
    ctx.data_unchecked::<Caller>().cx.app.state::<Settings>().targets
}

/// Less is better.
pub fn at_most(ctx: &Context<'_>, tally: domain::metrics::model::Tally, target: f64) -> Ratio {
    let mut ratio = ratio(ctx, tally, target);
    ratio.healthy = tally.value().map(|value| value <= target);
    ratio
}

/// A figure of the health report with tickets behind it.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthFigure {
    /// MET: of one of the three most frequent causes.
    RootCauseConvergence,
    /// MET: a design defect.
    L3Escape,
    /// MET: the same customer or device came back with the same fault and cause.
    Recurrence,
    /// MET: cites a case or a card.
    LinkRate,
    /// MET: rated 4 or 5 in the month.
    Csat,
    /// MET: asked in the month, and answered.
    ResponseRate,
    /// MET: attributed; MISSED: history that came without.
    Attribution,
}

impl From<HealthFigure> for Figure {
    fn from(figure: HealthFigure) -> Self {
        match figure {
            HealthFigure::RootCauseConvergence => Self::RootCauseConvergence,
            HealthFigure::L3Escape => Self::L3Escape,
            HealthFigure::Recurrence => Self::Recurrence,
            HealthFigure::LinkRate => Self::LinkRate,
            HealthFigure::Csat => Self::Csat,
            HealthFigure::ResponseRate => Self::ResponseRate,
            HealthFigure::Attribution => Self::Attribution,
        }
    }
}

/// What a month has taught, of tickets first resolved in it, within what the viewer may see. Merged-away and cancelled tickets
/// count nowhere.
pub struct HealthReport {
    month: String,
    period: Period,
    health: Health,
}

/// Causes that are told apart.
const CAUSES_MAX: usize = 10;
/// Solutions and people of one report.
const LISTED_MAX: usize = 100;

#[Object]
impl HealthReport {
    /// The month, such as `2026-10`.
    async fn month(&self) -> &str {
        &self.month
    }

    /// From this instant on.
    async fn from(&self) -> DateTime {
        self.period.from.into()
    }

    /// Before this instant.
    async fn to(&self) -> DateTime {
        self.period.to.into()
    }

    /// Tickets first resolved in the month.
    async fn resolved(&self) -> i32 {
        count(self.health.resolved)
    }

    /// Of them, history that came without attribution: in no figure of causes.
    async fn unattributed(&self) -> i32 {
        count(self.health.unattributed)
    }

    /// The share of the three most frequent causes (fault type, level, cause tag, product) among attributed tickets.
    async fn root_cause_convergence(&self, ctx: &Context<'_>) -> Ratio {
        ratio(ctx, self.health.root_cause_convergence, targets(ctx).root_cause_convergence)
    }

    /// Solutions that at least three different other tickets cite, of all, as of the month's end. A solution is a published card, or
    /// a cited case that belongs to no card.
    async fn solution_reuse(&self, ctx: &Context<'_>) -> Ratio {
        ratio(ctx, self.health.solution_reuse, targets(ctx).solution_reuse)
    }

    /// Design defects (L3) among attributed tickets; less is better.
    async fn l3_escape(&self, ctx: &Context<'_>) -> Ratio {
        at_most(ctx, self.health.l3_escape, targets(ctx).l3_escape)
    }

    /// Attributed tickets that were followed within 30 days by one of the same customer or device with the same fault type, level and cause
    /// tag; less is better. Those whose 30 days are not over are pending.
    async fn recurrence(&self, ctx: &Context<'_>) -> Ratio {
        at_most(ctx, self.health.recurrence, targets(ctx).recurrence)
    }

    /// Tickets that cite a case or a card.
    async fn link_rate(&self, ctx: &Context<'_>) -> Ratio {
        ratio(ctx, self.health.link_rate, targets(ctx).link_rate)
    }

    /// Ratings of 4 or 5, of all that were given in the month; the last one of a ticket counts.
    async fn csat(&self, ctx: &Context<'_>) -> Ratio {
        ratio(ctx, self.health.csat, targets(ctx).csat)
    }

    /// Surveys of the month that were answered.
    async fn response_rate(&self, ctx: &Context<'_>) -> Ratio {
        ratio(ctx, self.health.response_rate, targets(ctx).response_rate)
    }

    /// Causes, most frequent first; ten at most.
    #[graphql(complexity = "10 * child_complexity")]
    async fn top_causes(&self) -> Vec<CauseShare> {
        let attributed = self.health.resolved - self.health.unattributed;
        let causes = self.health.causes.iter().take(CAUSES_MAX).cloned();
        causes.map(|of| CauseShare { period: self.period, attributed, of }).collect()
    }

    /// Who passed on what, those first who are cited most; 100 at most.
    #[graphql(complexity = "20 * child_complexity")]
    async fn contributions(&self) -> Vec<ContributionNode> {
        self.health.contributions.iter().take(LISTED_MAX).copied().map(ContributionNode).collect()
    }

    /// Solutions as of the month's end, those first that are cited most; 100 at most.
    #[graphql(complexity = "20 * child_complexity")]
    async fn solutions(&self) -> Vec<ReusedSolution> {
        self.health.solutions.iter().take(LISTED_MAX).copied().map(ReusedSolution).collect()
    }

    /// The tickets behind a figure, those first that were resolved last.
    #[graphql(complexity = "METRICS_PRICE + rows(first, last) * child_complexity")]
    #[expect(clippy::too_many_arguments, reason = "a figure, and the arguments of a Relay connection")]
    async fn tickets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which figure.")] figure: HealthFigure,
        #[graphql(
            desc = "Those that stand in the numerator (MET), only in the denominator (MISSED), or in neither yet (PENDING)."
        )]
        outcome: MetricOutcome,
        #[graphql(desc = "At most so many, from the beginning; 20 where neither first nor last is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only behind this cursor.")] after: Option<String>,
        #[graphql(desc = "At most so many, from the end.")] last: Option<i32>,
        #[graphql(desc = "Only before this cursor.")] before: Option<String>,
    ) -> async_graphql::Result<Relay<TicketNode>> {
        let page = Page::of(first, after, last, before).or_top_level(ctx)?;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let found = queries::behind(cx, self.period, figure.into(), outcome.into(), &page);
        let found = Box::pin(found).await.or_top_level(ctx)?;
        tickets_of(ctx, found).await
    }
}

/// How often a cause occurs.
pub struct CauseShare {
    period: Period,
    attributed: u64,
    of: CauseCount,
}

#[Object]
impl CauseShare {
    /// What kind of fault it is.
    async fn fault_type(&self) -> FaultType {
        self.of.cause.fault_type.into()
    }

    /// How deep the cause lies.
    async fn root_cause_level(&self) -> RootCauseLevel {
        self.of.cause.root_cause_level.into()
    }

    /// Key of the cause tag.
    async fn cause_tag(&self) -> Option<&str> {
        self.of.cause.cause_tag.as_deref()
    }

    /// Key of the product.
    async fn product(&self) -> Option<&str> {
        self.of.cause.product.as_deref()
    }

    /// The cause in words, in the language of the request.
    async fn label(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        cause_label(ctx, &self.of.cause).await
    }

    /// Tickets with it.
    async fn count(&self) -> i32 {
        count(self.of.count)
    }

    /// Of all attributed tickets.
    async fn share(&self) -> f64 {
        share(self.of.count, self.attributed)
    }

    /// The tickets with it, those first that were resolved last.
    #[graphql(complexity = "METRICS_PRICE + rows(first, last) * child_complexity")]
    async fn tickets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most so many, from the beginning; 20 where neither first nor last is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only behind this cursor.")] after: Option<String>,
        #[graphql(desc = "At most so many, from the end.")] last: Option<i32>,
        #[graphql(desc = "Only before this cursor.")] before: Option<String>,
    ) -> async_graphql::Result<Relay<TicketNode>> {
        let page = Page::of(first, after, last, before).or_top_level(ctx)?;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let found = Box::pin(queries::of_cause(cx, self.period, &self.of.cause, &page)).await.or_top_level(ctx)?;
        tickets_of(ctx, found).await
    }
}

async fn cause_label(ctx: &Context<'_>, cause: &Cause) -> async_graphql::Result<String> {
    let Cause { fault_type, root_cause_level, cause_tag, product } = cause;
    applies_to(ctx, product.as_deref(), *fault_type, *root_cause_level, cause_tag.as_deref()).await
}

/// What somebody passed on in a month.
pub struct ContributionNode(Contribution);

#[Object(name = "Contribution")]
impl ContributionNode {
    /// Who.
    async fn user(&self, ctx: &Context<'_>) -> async_graphql::Result<UserNode> {
        somebody(ctx, self.0.user).await
    }

    /// Cards made in the month with a case of theirs.
    async fn cards(&self) -> i32 {
        count(self.0.cards)
    }

    /// Their cases that were cited in the month.
    async fn cited_cases(&self) -> i32 {
        count(self.0.cited_cases)
    }

    /// Citations in the month of their cases, and of cards with a case of theirs.
    async fn citations(&self) -> i32 {
        count(self.0.citations)
    }
}

/// A solution and how many other tickets cite it.
pub struct ReusedSolution(Reused);

#[Object]
impl ReusedSolution {
    /// The case, where it is one.
    async fn case(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TicketNode>> {
        let Source::Case(case) = self.0.source else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().one(case).await.or_top_level(ctx)?.map(TicketNode))
    }

    /// The card, where it is one.
    async fn card(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<CardNode>> {
        let Source::Card(card) = self.0.source else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().one(card).await.or_top_level(ctx)?.map(CardNode))
    }

    /// Other tickets that cite it; a card's cases count for the card.
    async fn citing(&self) -> i32 {
        count(self.0.citing)
    }
}

/// Design defects of a product, quarter on quarter.
pub struct EscapeKpi {
    period: Period,
    of: Escape,
}

#[Object]
impl EscapeKpi {
    /// Key of the product.
    async fn product(&self) -> &str {
        &self.of.product
    }

    /// Who answers for it; null where nobody does.
    async fn owner(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        user(ctx, self.of.owners.first().copied()).await
    }

    /// Everybody who answers for it.
    #[graphql(complexity = "2 * child_complexity")]
    async fn owners(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<UserNode>> {
        let mut owners = Vec::with_capacity(self.of.owners.len());
        for owner in &self.of.owners {
            owners.push(somebody(ctx, *owner).await?);
        }
        Ok(owners)
    }

    /// Design defects among attributed tickets first resolved in the quarter.
    async fn current(&self, ctx: &Context<'_>) -> Ratio {
        at_most(ctx, self.of.current, targets(ctx).l3_escape)
    }

    /// The same of the quarter before.
    async fn previous(&self, ctx: &Context<'_>) -> Ratio {
        at_most(ctx, self.of.previous, targets(ctx).l3_escape)
    }

    /// How the share has changed, of what it was: −0.15 is 15 % less; null where there was none before.
    async fn change(&self) -> Option<f64> {
        decide::change(self.of.current, self.of.previous)
    }

    /// The change that is aimed for.
    async fn target(&self, ctx: &Context<'_>) -> f64 {
        targets(ctx).escape_change
    }

    /// Whether it is reached; null where nothing can be said.
    async fn met(&self, ctx: &Context<'_>) -> Option<bool> {
        decide::change(self.of.current, self.of.previous).map(|change| change <= targets(ctx).escape_change)
    }

    /// The tickets behind the quarter's share: design defects (MET) or the other attributed ones (MISSED).
    #[graphql(complexity = "METRICS_PRICE + rows(first, last) * child_complexity")]
    async fn tickets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which of them.")] outcome: MetricOutcome,
        #[graphql(desc = "At most so many, from the beginning; 20 where neither first nor last is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only behind this cursor.")] after: Option<String>,
        #[graphql(desc = "At most so many, from the end.")] last: Option<i32>,
        #[graphql(desc = "Only before this cursor.")] before: Option<String>,
    ) -> async_graphql::Result<Relay<TicketNode>> {
        let page = Page::of(first, after, last, before).or_top_level(ctx)?;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let outcome = Outcome::from(outcome);
        let found = Box::pin(queries::escaped(cx, self.period, &self.of.product, outcome, &page)).await;
        tickets_of(ctx, found.or_top_level(ctx)?).await
    }
}

/// Queries of reports.
#[derive(Default)]
pub struct ReportQuery;

#[Object]
impl ReportQuery {
    /// The health report 工单健康度报告 of a month; for staff and product managers, of what they may see.
    #[graphql(complexity = "5 * METRICS_PRICE + child_complexity")]
    async fn health_report(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The month, such as `2026-10`, in the organisation's time zone.")] month: String,
    ) -> async_graphql::Result<HealthReport> {
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let period = self::month(&month, &cx.app.state::<Metrics>().zone).or_top_level(ctx)?;
        let health = Box::pin(queries::health(cx, period)).await.or_top_level(ctx)?;
        Ok(HealthReport { month, period, health })
    }

    /// Design defects of each product against the quarter before; for staff and product managers, of what they may see.
    #[graphql(complexity = "2 * METRICS_PRICE + 20 * child_complexity")]
    async fn escape_kpi(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The quarter, such as `2026-Q3`, in the organisation's time zone.")] quarter: String,
    ) -> async_graphql::Result<Vec<EscapeKpi>> {
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let period = self::quarter(&quarter, &cx.app.state::<Metrics>().zone).or_top_level(ctx)?;
        let escapes = Box::pin(queries::escapes(cx, period)).await.or_top_level(ctx)?;
        Ok(escapes.into_iter().map(|of| EscapeKpi { period, of }).collect())
    }

    /// The solution most worth using again 本周最值得复用的解决方案, of those that were cited in the week; null where none was.
    #[graphql(complexity = "3 * METRICS_PRICE + child_complexity")]
    async fn solution_of_the_week(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ISO week, such as `2026-W47`, in the organisation's time zone.")] week: String,
    ) -> async_graphql::Result<Option<SolutionOfTheWeek>> {
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let period = self::week(&week, &cx.app.state::<Metrics>().zone).or_top_level(ctx)?;
        let worth = Box::pin(queries::solution_of_the_week(cx, period)).await.or_top_level(ctx)?;
        Ok(worth.map(SolutionOfTheWeek))
    }

    /// Teams and issue types where first-time resolution stays low, with the topics that have no knowledge card; for staff and product
    /// managers, of what they may see.
    #[graphql(complexity = "3 * METRICS_PRICE + 5 * child_complexity")]
    async fn knowledge_gaps(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<KnowledgeGap>> {
        let cx = &ctx.data_unchecked::<Caller>().cx;
        Ok(Box::pin(queries::gaps(cx)).await.or_top_level(ctx)?.into_iter().map(KnowledgeGap).collect())
    }

    /// The health report of a month as a file to send, in the language of the request; for staff and product managers, of what they
    /// may see.
    #[graphql(complexity = "8 * METRICS_PRICE + child_complexity")]
    async fn health_report_file(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The month, such as `2026-10`, in the organisation's time zone.")] month: String,
        #[graphql(desc = "What kind of file.")] format: ReportFormat,
    ) -> async_graphql::Result<ExportFile> {
        let Caller { cx, language, .. } = ctx.data_unchecked::<Caller>();
        let made = Box::pin(report::file(cx, &month, format.into(), *language)).await.or_top_level(ctx)?;
        Ok(exported(made))
    }

    /// The reports that were made by themselves at the end of each month, of everything, the newest first; for administrators.
    /// With what is in them only of one month.
    #[graphql(complexity = "if month.is_some() { 2 } else { queries::KEPT_MAX } * child_complexity")]
    async fn health_report_files(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only of this month, such as `2026-10`.")] month: Option<String>,
    ) -> async_graphql::Result<Vec<KeptReport>> {
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let kept = queries::kept(cx, month.as_deref()).await.or_top_level(ctx)?;
        Ok(kept.into_iter().map(KeptReport).collect())
    }
}
