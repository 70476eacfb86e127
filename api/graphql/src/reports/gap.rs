//! Knowledge gaps: teams and issue types with persistently low first-time resolution.

use async_graphql::{Context, Object, SimpleObject};
use domain::catalogue::model::Kind;
use domain::kernel::TeamId;
use domain::metrics::model::{Key, Settings as Metrics};
use domain::reports::model::{Gap, Topic};

use super::super::error::OrTopLevel as _;
use super::super::guard::cx;
use super::super::knowledge::entry_label;
use super::super::loaders::Loaders;
use super::super::metrics::{Ratio, count, ratio};
use super::super::people::TeamNode;
use super::super::scalars::DateTime;
use super::super::ticket::TicketNode;
use super::{Settings, cause_label};

/// A knowledge gap.
pub struct KnowledgeGap(pub Gap);

/// A team or an issue type whose first-time resolution stayed below the threshold in each of the last three complete
/// ISO weeks whose windows are over.
#[Object]
impl KnowledgeGap {
    /// The team; null if the gap is about an issue type.
    async fn team(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TeamNode>> {
        let Key::Id(id) = self.0.key else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().load(TeamId(id)).await.or_top_level(ctx)?.map(TeamNode))
    }

    /// Key of the issue type; null if the gap is about a team.
    async fn issue_type(&self) -> Option<&str> {
        match &self.0.key {
            Key::Word(word) => Some(word),
            Key::Id(_) | Key::None => None,
        }
    }

    /// The name of the team or issue type, in the language of the request.
    async fn label(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        match &self.0.key {
            Key::Word(word) => entry_label(ctx, Kind::IssueType, word).await,
            Key::Id(_) | Key::None => Ok(self.team(ctx).await?.map(|team| team.0.name).unwrap_or_default()),
        }
    }

    /// First-time resolution by week, oldest first.
    async fn weeks(&self, ctx: &Context<'_>) -> Vec<GapWeek> {
        let target = cx(ctx).app.state::<Metrics>().first_time_resolution_target;
        let week = |(period, tally): &(domain::metrics::model::Period, domain::metrics::model::Tally)| GapWeek {
            from: period.from.into(),
            first_time_resolution: ratio(ctx, *tally, target),
        };
        self.0.weeks.iter().map(week).collect()
    }

    /// The number of tickets behind it: those counted in these weeks.
    async fn ticket_count(&self) -> i32 {
        count(self.0.ticket_count)
    }

    /// Whether fewer tickets are counted than a reliable figure needs (20 by default): it may be chance.
    async fn is_small_sample(&self) -> bool {
        self.0.is_small_sample
    }

    /// The number of tickets that were not resolved the first time and have no attribution. They belong to no topic.
    async fn unattributed(&self) -> i32 {
        count(self.0.unattributed)
    }

    /// The threshold below which first-time resolution counts as low.
    async fn threshold(&self, ctx: &Context<'_>) -> f64 {
        cx(ctx).app.state::<Settings>().knowledge_gap_below
    }

    /// The threshold below which first-time resolution counts as low.
    #[graphql(deprecation = "Use threshold.")]
    async fn below(&self, ctx: &Context<'_>) -> f64 {
        cx(ctx).app.state::<Settings>().knowledge_gap_below
    }

    /// The number of topics without a knowledge card.
    async fn topic_count(&self) -> i32 {
        count(self.0.topic_count as u64)
    }

    /// Topics of tickets that were not resolved the first time and that no card covers, most frequent first; at most
    /// ten.
    #[graphql(complexity = "10 * child_complexity")]
    async fn topics(&self) -> Vec<GapTopic> {
        self.0.topics.iter().cloned().map(GapTopic).collect()
    }
}

/// One week of a knowledge gap.
#[derive(SimpleObject)]
pub struct GapWeek {
    /// The start of the week (Monday).
    from: DateTime,
    /// First-time resolution: tickets first resolved in the week, without a hand-over and without a reopening soon
    /// after.
    first_time_resolution: Ratio,
}

/// A topic of a knowledge gap.
pub struct GapTopic(Topic);

/// Tickets listed for one topic.
const SHOWN_MAX: usize = 20;

/// A cause of repeated failures that no knowledge card covers.
#[Object]
impl GapTopic {
    /// The cause in words, in the language of the request; never null.
    async fn label(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<String>> {
        cause_label(ctx, &self.0.cause).await.map(Some)
    }

    /// The number of tickets that were not resolved the first time.
    async fn count(&self) -> i32 {
        count(self.0.tickets.len() as u64)
    }

    /// These tickets, most recently created first; at most 20.
    #[graphql(complexity = "20 * child_complexity")]
    async fn tickets(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<TicketNode>> {
        let ids: Vec<_> = self.0.tickets.iter().take(SHOWN_MAX).copied().collect();
        let mut views = ctx.data_unchecked::<Loaders>().load_many(ids.clone()).await.or_top_level(ctx)?;
        Ok(ids.iter().filter_map(|id| views.remove(id)).map(TicketNode).collect())
    }
}
