//! Where knowledge is missed.

use async_graphql::{Context, Object, SimpleObject};
use domain::catalogue::model::Kind;
use domain::kernel::TeamId;
use domain::metrics::model::{Key, Settings as Metrics};
use domain::reports::model::{Gap, Topic};

use super::super::Caller;
use super::super::error::OrTopLevel as _;
use super::super::knowledge::named;
use super::super::loaders::Loaders;
use super::super::metrics::{Ratio, count, ratio};
use super::super::nodes::TeamNode;
use super::super::scalars::DateTime;
use super::super::ticket::TicketNode;
use super::{Settings, cause_label};

/// A team or an issue type whose first-time resolution stayed low in each of the last three whole ISO weeks: knowledge is missed
/// there.
pub struct KnowledgeGap(pub Gap);

#[Object]
impl KnowledgeGap {
    /// The team, where it is one.
    async fn team(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TeamNode>> {
        let Key::Id(id) = self.0.key else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().one(TeamId(id)).await.or_top_level(ctx)?.map(TeamNode))
    }

    /// Key of the issue type, where it is one.
    async fn issue_type(&self) -> Option<&str> {
        match &self.0.key {
            Key::Word(word) => Some(word),
            Key::Id(_) | Key::None => None,
        }
    }

    /// What it is called, in the language of the request.
    async fn label(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        match &self.0.key {
            Key::Word(word) => named(ctx, Kind::IssueType, word).await,
            Key::Id(_) | Key::None => Ok(self.team(ctx).await?.map(|team| team.0.name).unwrap_or_default()),
        }
    }

    /// First-time resolution week by week, the earliest first.
    async fn weeks(&self, ctx: &Context<'_>) -> Vec<GapWeek> {
        let target = ctx.data_unchecked::<Caller>().cx.app.state::<Metrics>().targets.first_time_resolution;
        let week = |(period, tally): &(domain::metrics::model::Period, domain::metrics::model::Tally)| GapWeek {
            from: period.from.into(),
            first_time_resolution: ratio(ctx, *tally, target),
        };
        self.0.weeks.iter().map(week).collect()
    }

    /// Below this it is low.
    async fn below(&self, ctx: &Context<'_>) -> f64 {
        ctx.data_unchecked::<Caller>().cx.app.state::<Settings>().gap_below
    }

    /// How many topics no card is about.
    async fn topic_count(&self) -> i32 {
        count(self.0.topic_count as u64)
    }

    /// What tickets were about that were not solved the first time and that no card is about, most frequent first; ten at most.
    #[graphql(complexity = "10 * child_complexity")]
    async fn topics(&self) -> Vec<GapTopic> {
        self.0.topics.iter().cloned().map(GapTopic).collect()
    }
}

/// A week of a gap.
#[derive(SimpleObject)]
pub struct GapWeek {
    /// Its Monday.
    from: DateTime,
    /// Tickets first resolved in it without a hand-over and without a reopening soon after.
    first_time_resolution: Ratio,
}

/// A cause that no card is about.
pub struct GapTopic(Topic);

/// Tickets that are shown of a topic.
const SHOWN_MAX: usize = 20;

#[Object]
impl GapTopic {
    /// The cause in words, in the language of the request; null where nobody has said.
    async fn label(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<String>> {
        match &self.0.cause {
            Some(cause) => cause_label(ctx, cause).await.map(Some),
            None => Ok(None),
        }
    }

    /// Tickets that were not solved the first time.
    async fn count(&self) -> i32 {
        count(self.0.tickets.len() as u64)
    }

    /// Of which tickets, those first that were created last; 20 at most.
    #[graphql(complexity = "20 * child_complexity")]
    async fn tickets(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<TicketNode>> {
        let ids: Vec<_> = self.0.tickets.iter().take(SHOWN_MAX).copied().collect();
        let mut views = ctx.data_unchecked::<Loaders>().many(ids.clone()).await.or_top_level(ctx)?;
        Ok(ids.iter().filter_map(|id| views.remove(id)).map(TicketNode).collect())
    }
}
