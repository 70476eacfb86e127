//! Reports: the monthly health report, the L3 escape rate of products, the solution of the week, knowledge gaps.

mod file;
mod gap;
mod week;

use async_graphql::{Context, Enum, Object};
use domain::calendar::model::Organisation;
use domain::knowledge::model::Source;
use domain::metrics::decide::{month, quarter, week};
use domain::metrics::model::{Outcome, Period};
use domain::reports::model::{
    Cause, CauseCount, Contribution, Escape, Figure, Health, STORED_MAX, Settings, SolutionReuse,
};
use domain::reports::{decide, queries};
use graphql_macros::paged;

use self::file::{ReportFormat, StoredReportNode, export_file};
pub use self::gap::KnowledgeGap;
pub use self::week::SolutionOfTheWeek;
use super::error::OrTopLevel as _;
use super::guard::{Caller, cx};
use super::heatmap::ExportFile;
use super::knowledge::{CardNode, applies_to};
use super::loaders::Loaders;
use super::metrics::{METRICS_COST, Ratio, at_most, count, ratio, share, tickets_of};
use super::paging::{PageArgs, Relay, rows};
use super::people::{UserNode, existing_user, user};
use super::scalars::{DateTime, FaultType, MetricOutcome, RootCauseLevel};
use super::ticket::TicketNode;

fn targets<'c>(ctx: &Context<'c>) -> &'c Settings {
    cx(ctx).app.state::<Settings>()
}

/// A figure of the health report that has tickets behind it.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthFigure {
    /// MET: the cause is one of the most frequent (by default three).
    RootCauseConvergence,
    /// MET: the cause is a design defect.
    L3Escape,
    /// MET: a ticket of the same customer or device with the same fault and cause followed.
    Recurrence,
    /// MET: the ticket cites a case or a card.
    LinkRate,
    /// MET: rated 4 or 5 in the month.
    Csat,
    /// MET: a survey was sent in the month and answered.
    ResponseRate,
    /// MET: the ticket is attributed. MISSED: it was imported without attribution.
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

/// The health report of a month.
pub struct HealthReport {
    month: String,
    period: Period,
    health: Health,
}

/// Causes listed in a report.
const CAUSES_MAX: usize = 10;
/// Solutions and people listed in a report.
const LISTED_MAX: usize = 100;

/// The monthly health report (工单健康度报告) of the tickets first resolved in the month, within what the viewer may
/// see. Merged and cancelled tickets are not counted.
#[paged]
#[Object]
impl HealthReport {
    /// The month, such as `2026-10`.
    async fn month(&self) -> &str {
        &self.month
    }

    /// Start (inclusive).
    async fn from(&self) -> DateTime {
        self.period.from.into()
    }

    /// End (exclusive).
    async fn to(&self) -> DateTime {
        self.period.to.into()
    }

    /// Whether figures may still change: the month is not over, or windows of its tickets or surveys are open.
    async fn is_provisional(&self, ctx: &Context<'_>) -> bool {
        let cx = cx(ctx);
        cx.now() < queries::final_at(cx, self.period)
    }

    /// When the last window of the month is over, so that its figures are final (by default 30 days after its end).
    async fn final_at(&self, ctx: &Context<'_>) -> DateTime {
        queries::final_at(cx(ctx), self.period).into()
    }

    /// The number of tickets whose window is still open: they count in no recurrence rate yet.
    async fn pending(&self) -> i32 {
        count(self.health.pending().tickets)
    }

    /// The number of surveys that can still be answered: they count in no response rate yet.
    async fn pending_surveys(&self) -> i32 {
        count(self.health.pending().surveys)
    }

    /// The number of tickets first resolved in the month.
    async fn resolved(&self) -> i32 {
        count(self.health.resolved)
    }

    /// How many of the resolved tickets were imported without attribution; they are in no figure about causes.
    async fn unattributed(&self) -> i32 {
        count(self.health.unattributed)
    }

    /// The share of the most frequent causes (by default three; fault type, level, cause tag, product) among attributed tickets.
    async fn root_cause_convergence(&self, ctx: &Context<'_>) -> Ratio {
        ratio(ctx, self.health.root_cause_convergence, targets(ctx).root_cause_convergence_target)
    }

    /// The share of solutions that at least three different other tickets cite, as of the end of the month. A solution
    /// is a published card, or a cited case that belongs to no card.
    async fn solution_reuse(&self, ctx: &Context<'_>) -> Ratio {
        ratio(ctx, self.health.solution_reuse, targets(ctx).solution_reuse_target)
    }

    /// The share of design defects (L3) among attributed tickets; lower is better.
    async fn l3_escape(&self, ctx: &Context<'_>) -> Ratio {
        at_most(ctx, self.health.l3_escape, targets(ctx).l3_escape_target)
    }

    /// The share of attributed tickets followed within 30 days by a ticket of the same customer or device with the same
    /// fault type, level and cause tag; lower is better. A ticket counts after these 30 days; before that it is pending,
    /// whether it recurred or not.
    async fn recurrence(&self, ctx: &Context<'_>) -> Ratio {
        at_most(ctx, self.health.recurrence, targets(ctx).recurrence_target)
    }

    /// The share of tickets that cite a case or a card.
    async fn link_rate(&self, ctx: &Context<'_>) -> Ratio {
        ratio(ctx, self.health.link_rate, targets(ctx).link_rate_target)
    }

    /// The share of ratings of 4 or 5 among all ratings given in the month; the last rating of a ticket counts.
    async fn csat(&self, ctx: &Context<'_>) -> Ratio {
        ratio(ctx, self.health.csat, targets(ctx).csat_target)
    }

    /// The share of the month's surveys that were answered. A survey counts once its link has expired (30 days); before
    /// that it is pending, answered or not.
    async fn response_rate(&self, ctx: &Context<'_>) -> Ratio {
        ratio(ctx, self.health.response_rate, targets(ctx).response_rate_target)
    }

    /// The most frequent causes, in descending order; at most ten.
    #[graphql(complexity = "10 * child_complexity")]
    async fn top_causes(&self) -> Vec<CauseShare> {
        let attributed = self.health.resolved - self.health.unattributed;
        let causes = self.health.causes.iter().take(CAUSES_MAX).cloned();
        causes.map(|cause_count| CauseShare { period: self.period, attributed, cause_count }).collect()
    }

    /// The knowledge contribution of each person, most cited first; at most 100.
    #[graphql(complexity = "20 * child_complexity")]
    async fn contributions(&self) -> Vec<ContributionNode> {
        self.health.contributions.iter().take(LISTED_MAX).copied().map(ContributionNode).collect()
    }

    /// The solutions as of the end of the month, most cited first; at most 100.
    #[graphql(complexity = "20 * child_complexity")]
    async fn solutions(&self) -> Vec<ReusedSolution> {
        self.health.solutions.iter().take(LISTED_MAX).copied().map(ReusedSolution).collect()
    }

    /// The tickets behind a figure, most recently resolved first.
    #[graphql(complexity = "METRICS_COST + rows(first, last) * child_complexity")]
    async fn tickets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which figure.")] figure: HealthFigure,
        #[graphql(
            desc = "MET: in the numerator. MISSED: only in the denominator. PENDING: not counted yet."
        )]
        outcome: MetricOutcome,
        page: PageArgs,
    ) -> async_graphql::Result<Relay<TicketNode>> {
        let page = page.checked(ctx)?;
        let cx = cx(ctx);
        let found = queries::drill_down(cx, self.period, figure.into(), outcome.into(), &page);
        let found = found.await.or_top_level(ctx)?;
        tickets_of(ctx, found).await
    }
}

/// A cause and its number of tickets.
pub struct CauseShare {
    period: Period,
    attributed: u64,
    cause_count: CauseCount,
}

/// How often a root cause occurred among the attributed tickets of a month.
#[paged]
#[Object]
impl CauseShare {
    /// What kind of fault it is.
    async fn fault_type(&self) -> FaultType {
        self.cause_count.cause.fault_type.into()
    }

    /// The level of the root cause: user error, environment or design defect.
    async fn root_cause_level(&self) -> RootCauseLevel {
        self.cause_count.cause.root_cause_level.into()
    }

    /// Key of the cause tag; null if none.
    async fn cause_tag(&self) -> Option<&str> {
        self.cause_count.cause.cause_tag.as_deref()
    }

    /// Key of the product; null if none.
    async fn product(&self) -> Option<&str> {
        self.cause_count.cause.product.as_deref()
    }

    /// The cause in words, in the language of the request.
    async fn label(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        cause_label(ctx, &self.cause_count.cause).await
    }

    /// The number of tickets with this cause.
    async fn count(&self) -> i32 {
        count(self.cause_count.count)
    }

    /// The share of all attributed tickets, in 0..1.
    async fn share(&self) -> f64 {
        share(self.cause_count.count, self.attributed)
    }

    /// The tickets with this cause, most recently resolved first.
    #[graphql(complexity = "METRICS_COST + rows(first, last) * child_complexity")]
    async fn tickets(&self, ctx: &Context<'_>, page: PageArgs) -> async_graphql::Result<Relay<TicketNode>> {
        let page = page.checked(ctx)?;
        let cx = cx(ctx);
        let found =
            queries::tickets_of_cause(cx, self.period, &self.cause_count.cause, &page).await.or_top_level(ctx)?;
        tickets_of(ctx, found).await
    }
}

async fn cause_label(ctx: &Context<'_>, cause: &Cause) -> async_graphql::Result<String> {
    let Cause { fault_type, root_cause_level, cause_tag, product } = cause;
    applies_to(ctx, product.as_deref(), *fault_type, *root_cause_level, cause_tag.as_deref()).await
}

/// What a person contributed in a month.
pub struct ContributionNode(Contribution);

/// What a person contributed to shared knowledge in a month.
#[Object(name = "Contribution")]
impl ContributionNode {
    /// The person.
    async fn user(&self, ctx: &Context<'_>) -> async_graphql::Result<UserNode> {
        existing_user(ctx, self.0.user).await
    }

    /// Knowledge cards made in the month that contain a case of theirs.
    async fn cards(&self) -> i32 {
        count(self.0.cards)
    }

    /// Their cases that were cited in the month.
    async fn cited_cases(&self) -> i32 {
        count(self.0.cited_cases)
    }

    /// Citations in the month of their cases, and of cards that contain a case of theirs.
    async fn citations(&self) -> i32 {
        count(self.0.citations)
    }
}

/// A cited solution.
pub struct ReusedSolution(SolutionReuse);

/// A solution (a case or a card) with the number of other tickets that cite it.
#[Object]
impl ReusedSolution {
    /// The case, if the solution is a case; else null.
    async fn case(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TicketNode>> {
        let Source::Case(case) = self.0.source else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().load(case).await.or_top_level(ctx)?.map(TicketNode))
    }

    /// The knowledge card, if the solution is a card; else null.
    async fn card(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<CardNode>> {
        let Source::Card(card) = self.0.source else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().load(card).await.or_top_level(ctx)?.map(CardNode))
    }

    /// The number of other tickets that cite it; citations of a card's cases count for the card.
    async fn citation_count(&self) -> i32 {
        count(self.0.citing)
    }

    /// The number of other tickets that cite it; citations of a card's cases count for the card.
    #[graphql(deprecation = "Use citationCount.")]
    async fn citing(&self) -> i32 {
        count(self.0.citing)
    }
}

/// The L3 escape rate of a product in a quarter.
pub struct EscapeKpi {
    period: Period,
    escape: Escape,
}

/// The L3 escape rate of a product in a quarter: the share of design defects among its attributed tickets.
#[paged]
#[Object]
impl EscapeKpi {
    /// Key of the product.
    async fn product(&self) -> &str {
        &self.escape.product
    }

    /// The first of the product's owners; null if it has none.
    async fn owner(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        user(ctx, self.escape.owners.first().copied()).await
    }

    /// All owners of the product.
    #[graphql(complexity = "2 * child_complexity")]
    async fn owners(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<UserNode>> {
        let mut owners = Vec::with_capacity(self.escape.owners.len());
        for owner in &self.escape.owners {
            owners.push(existing_user(ctx, *owner).await?);
        }
        Ok(owners)
    }

    /// The share of design defects among attributed tickets first resolved in the quarter.
    async fn current(&self, ctx: &Context<'_>) -> Ratio {
        at_most(ctx, self.escape.current, targets(ctx).l3_escape_target)
    }

    /// The same share in the previous quarter.
    async fn previous(&self, ctx: &Context<'_>) -> Ratio {
        at_most(ctx, self.escape.previous, targets(ctx).l3_escape_target)
    }

    /// The relative change of the share: −0.15 is 15 % less; null if there is no previous share.
    async fn change(&self) -> Option<f64> {
        decide::change(self.escape.current, self.escape.previous)
    }

    /// The targeted relative change, such as −0.15.
    async fn target(&self, ctx: &Context<'_>) -> f64 {
        targets(ctx).escape_change_target
    }

    /// Whether the target is met; null if there is not enough data.
    async fn met(&self, ctx: &Context<'_>) -> Option<bool> {
        decide::change(self.escape.current, self.escape.previous)
            .map(|change| change <= targets(ctx).escape_change_target)
    }

    /// The tickets behind the quarter's share: design defects (MET) or the other attributed ones (MISSED).
    #[graphql(complexity = "METRICS_COST + rows(first, last) * child_complexity")]
    async fn tickets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which tickets.")] outcome: MetricOutcome,
        page: PageArgs,
    ) -> async_graphql::Result<Relay<TicketNode>> {
        let page = page.checked(ctx)?;
        let cx = cx(ctx);
        let outcome = Outcome::from(outcome);
        let found = queries::escape_tickets(cx, self.period, &self.escape.product, outcome, &page).await;
        tickets_of(ctx, found.or_top_level(ctx)?).await
    }
}

/// Queries of reports.
#[derive(Default)]
pub struct ReportQuery;

#[Object]
impl ReportQuery {
    /// The health report (工单健康度报告) of a month; for staff and product managers, within what they may see.
    #[graphql(complexity = "5 * METRICS_COST + child_complexity")]
    async fn health_report(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The month, such as `2026-10`, in the organisation's time zone.")] month: String,
    ) -> async_graphql::Result<HealthReport> {
        let cx = cx(ctx);
        let period = self::month(&month, &cx.app.state::<Organisation>().zone).or_top_level(ctx)?;
        let health = queries::health(cx, period).await.or_top_level(ctx)?;
        Ok(HealthReport { month, period, health })
    }

    /// The L3 escape rate of each product against the previous quarter; for staff and product managers, within what
    /// they may see.
    #[graphql(complexity = "2 * METRICS_COST + 20 * child_complexity")]
    async fn escape_kpi(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The quarter, such as `2026-Q3`, in the organisation's time zone.")] quarter: String,
    ) -> async_graphql::Result<Vec<EscapeKpi>> {
        let cx = cx(ctx);
        let period = self::quarter(&quarter, &cx.app.state::<Organisation>().zone).or_top_level(ctx)?;
        let escapes = queries::escapes(cx, period).await.or_top_level(ctx)?;
        Ok(escapes.into_iter().map(|escape| EscapeKpi { period, escape }).collect())
    }

    /// The solution most worth reusing (本周最值得复用的解决方案) among those cited in the week; null if none was
    /// cited.
    #[graphql(complexity = "3 * METRICS_COST + child_complexity")]
    async fn solution_of_the_week(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ISO week, such as `2026-W47`, in the organisation's time zone.")] week: String,
    ) -> async_graphql::Result<Option<SolutionOfTheWeek>> {
        let cx = cx(ctx);
        let period = self::week(&week, &cx.app.state::<Organisation>().zone).or_top_level(ctx)?;
        let solution = queries::solution_of_the_week(cx, period).await.or_top_level(ctx)?;
        Ok(solution.map(SolutionOfTheWeek))
    }

    /// Teams and issue types whose first-time resolution stays low, with the topics that no knowledge card covers; for
    /// staff and product managers, within what they may see.
    #[graphql(complexity = "3 * METRICS_COST + 5 * child_complexity")]
    async fn knowledge_gaps(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<KnowledgeGap>> {
        let cx = cx(ctx);
        Ok(queries::gaps(cx).await.or_top_level(ctx)?.into_iter().map(KnowledgeGap).collect())
    }

    /// The health report of a month as a file, in the language of the request; for staff and product managers, within
    /// what they may see.
    #[graphql(complexity = "8 * METRICS_COST + child_complexity")]
    async fn health_report_file(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The month, such as `2026-10`, in the organisation's time zone.")] month: String,
        #[graphql(desc = "The file format.")] format: ReportFormat,
    ) -> async_graphql::Result<ExportFile> {
        let Caller { cx, language, .. } = ctx.data_unchecked::<Caller>();
        let file = queries::file(cx, &month, format.into(), *language).await.or_top_level(ctx)?;
        Ok(export_file(file))
    }

    /// The health reports that were generated automatically at the end of each month, with all tickets, newest first;
    /// for administrators. Their content can be queried for one month only.
    #[graphql(complexity = "if month.is_some() { 2 } else { STORED_MAX } * child_complexity")]
    async fn health_report_files(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only of this month, such as `2026-10`.")] month: Option<String>,
    ) -> async_graphql::Result<Vec<StoredReportNode>> {
        let cx = cx(ctx);
        let stored = queries::stored_reports(cx, month.as_deref()).await.or_top_level(ctx)?;
        Ok(stored.into_iter().map(StoredReportNode).collect())
    }
}
