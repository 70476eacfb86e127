//! Metrics in three layers: response, resolution, evolution.

use async_graphql::connection::{Connection as RelayConnection, Edge as RelayEdge};
use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use domain::calendar::model::Organisation;
use domain::catalogue::model::Kind;
use domain::kernel::{Connection, CustomerId, TeamId, TicketId, Timestamp, UserId};
use domain::metrics::decide::{Group, edges};
use domain::metrics::model::{
    self, Aggregates, BUCKETS, Dimension, Key, Outcome, STRATA, Selection, Settings, Split, Stratum, Tally,
};
use domain::metrics::queries;
use graphql_macros::paged;
use uuid::Uuid;

use super::catalogue::entries_of_kind;
use super::error::OrTopLevel as _;
use super::guard::{cx, language};
use super::inputs::argument;
use super::loaders::Loaders;
use super::paging::{PageArgs, Relay, RelayCursor, rows};
use super::scalars::{DateTime, MetricDimension, MetricInterval, MetricName, MetricOutcome, Priority, int};
use super::ticket::TicketNode;
use domain::kernel::Message;
use domain::msg;

/// Complexity of one pass over the metric facts.
pub const METRICS_COST: usize = 20;
/// Number of groups that the complexity of a breakdown or series assumes.
pub const GROUPS_ASSUMED: usize = 20;
/// Maximum number of groups of a breakdown; those with most tickets come first.
const GROUPS_MAX: usize = 200;

/// A half-open time span: the start is included, the end is not.
#[derive(InputObject, Clone, Copy, Debug)]
pub struct Period {
    /// Start (inclusive).
    pub from: DateTime,
    /// End (exclusive).
    pub to: DateTime,
}

impl Period {
    /// Start and end.
    pub fn bounds(self) -> (Timestamp, Timestamp) {
        (self.from.0, self.to.0)
    }
}

/// Which tickets are counted; all given conditions must hold.
#[derive(InputObject, Clone, Debug, Default)]
pub struct MetricFilter {
    /// Tickets of this team.
    team_id: Option<ID>,
    /// Tickets of this assignee.
    agent_id: Option<ID>,
    /// Tickets of the issue type with this key.
    issue_type: Option<String>,
    /// Tickets of this priority.
    priority: Option<Priority>,
    /// Tickets submitted through this channel.
    channel: Option<String>,
    /// Tickets of the product with this key.
    product: Option<String>,
    /// Tickets of this customer.
    customer_id: Option<ID>,
}

/// The selection for the arguments of a metrics query.
pub fn selection(ctx: &Context<'_>, period: Period, filter: Option<MetricFilter>) -> async_graphql::Result<Selection> {
    let Period { from, to } = period;
    let MetricFilter { team_id, agent_id, issue_type, priority, channel, product, customer_id } =
        filter.unwrap_or_default();
    let id = |name: &str, id: Option<ID>| -> async_graphql::Result<Option<Key>> {
        id.map(|id| argument::<Uuid>(ctx, name, &id).map(Key::Id)).transpose()
    };
    let word = |word: Option<String>| word.map(|word| Key::Word(word.into()));
    let priority = priority.map(|priority| domain::tickets::model::Priority::from(priority).as_str().to_owned());
    let only = [
        (Dimension::Team, id("filter.teamId", team_id)?),
        (Dimension::Agent, id("filter.agentId", agent_id)?),
        (Dimension::IssueType, word(issue_type)),
        (Dimension::Priority, word(priority)),
        (Dimension::Channel, word(channel)),
        (Dimension::Product, word(product)),
        (Dimension::Customer, id("filter.customerId", customer_id)?),
    ];
    let only = only.into_iter().filter_map(|(dimension, key)| Some((dimension, key?))).collect();
    Ok(Selection { period: model::Period { from: from.0, to: to.0 }, only })
}

/// Figures of a selection of tickets.
pub struct ServiceMetrics {
    selection: Selection,
    figures: Aggregates,
}

impl ServiceMetrics {
    pub async fn of(ctx: &Context<'_>, selection: Selection) -> async_graphql::Result<Self> {
        let cx = cx(ctx);
        let groups = queries::aggregates(cx, &selection, Split::All).await.or_top_level(ctx)?;
        let figures = groups.into_iter().next().map(|group| group.aggregates).unwrap_or_default();
        Ok(Self { selection, figures })
    }
}

/// The tickets behind a figure, filtered by what the viewer may see: the columns that figures are computed from may lag
/// behind the database, which decides.
pub async fn tickets_of(ctx: &Context<'_>, found: Connection<TicketId>) -> async_graphql::Result<Relay<TicketNode>> {
    let ids = found.edges.iter().map(|edge| edge.node).collect();
    let mut views = ctx.data_unchecked::<Loaders>().load_many(ids).await.or_top_level(ctx)?;
    let mut relay = RelayConnection::new(found.has_previous, found.has_next);
    relay.edges = found
        .edges
        .into_iter()
        .filter_map(|edge| Some(RelayEdge::new(RelayCursor(edge.cursor), TicketNode(views.remove(&edge.node)?))))
        .collect();
    Ok(relay)
}

/// A share and its target; higher is better.
pub fn ratio(ctx: &Context<'_>, tally: Tally, target: f64) -> Ratio {
    let settings = cx(ctx).app.state::<Settings>();
    Ratio {
        numerator: count(tally.met),
        denominator: count(tally.denominator()),
        value: tally.value(),
        pending: count(tally.pending),
        pending_failed: count(tally.pending_failed),
        is_provisional: tally.is_provisional(),
        unknown: count(tally.unknown),
        target,
        healthy: tally.value().map(|value| value >= target),
        small_sample: tally.denominator() < settings.small_sample,
    }
}

/// A share and its target; lower is better.
pub fn at_most(ctx: &Context<'_>, tally: Tally, target: f64) -> Ratio {
    let mut ratio = ratio(ctx, tally, target);
    ratio.healthy = tally.value().map(|value| value <= target);
    ratio
}

/// A count as GraphQL's 32-bit Int.
pub fn count(n: u64) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// Figures of a set of tickets, within what the viewer may see. Each metric assigns a ticket to the period by its own
/// anchor: creation, first resolution or closing.
#[paged]
#[Object]
impl ServiceMetrics {
    /// Response: the share of tickets created in the period whose first response came in time (15 minutes by default).
    /// A ticket counts once its response is due.
    async fn first_response_compliance(&self, ctx: &Context<'_>) -> Ratio {
        let targets = cx(ctx).app.state::<Settings>();
        ratio(ctx, self.figures.first_response_compliance, targets.first_response_compliance_target)
    }

    /// Resolution: the share of tickets first resolved in the period without a hand-over before and without a reopening
    /// within 7 days. A ticket counts after these 7 days.
    async fn first_time_resolution(&self, ctx: &Context<'_>) -> Ratio {
        let targets = cx(ctx).app.state::<Settings>();
        ratio(ctx, self.figures.first_time_resolution, targets.first_time_resolution_target)
    }

    /// Evolution: the share of design defects closed in the period whose fix is released by now. There is no window.
    async fn root_cause_closure(&self, ctx: &Context<'_>) -> Ratio {
        let targets = cx(ctx).app.state::<Settings>();
        ratio(ctx, self.figures.root_cause_closure, targets.root_cause_closure_target)
    }

    /// The time from creation to the first response, for tickets created in the period that have one.
    async fn first_response_time(&self) -> Distribution {
        Distribution::of(&self.figures.first_response_time)
    }

    /// The time from creation to the first RESOLVED or CLOSED, for tickets first resolved in the period.
    async fn handling_time(&self) -> Distribution {
        Distribution::of(&self.figures.handling_time)
    }

    /// The number of counted tickets created in the period.
    async fn created(&self) -> i32 {
        count(self.figures.created)
    }

    /// The number of tickets first resolved in the period.
    async fn resolved(&self) -> i32 {
        count(self.figures.resolved)
    }

    /// The number of tickets created in the period that are not counted: merged into another ticket, or cancelled
    /// before anyone responded.
    async fn excluded(&self) -> i32 {
        count(self.figures.excluded)
    }

    /// The same figures for each value of a dimension, most tickets first; at most 200.
    #[graphql(complexity = "METRICS_COST + GROUPS_ASSUMED * child_complexity")]
    async fn breakdown(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The dimension.")] by: MetricDimension,
    ) -> async_graphql::Result<Vec<ServiceMetricsGroup>> {
        let dimension = Dimension::from(by);
        let cx = cx(ctx);
        let mut groups = queries::aggregates(cx, &self.selection, Split::By(dimension)).await.or_top_level(ctx)?;
        let weight = |group: &Group| group.aggregates.created + group.aggregates.resolved;
        groups.sort_by(|a, b| weight(b).cmp(&weight(a)).then_with(|| a.key.cmp(&b.key)));
        groups.truncate(GROUPS_MAX);
        let names = Names::of(ctx, dimension, &groups).await?;
        Ok(groups
            .into_iter()
            .map(|Group { key, period: _, aggregates: figures }| {
                let mut selection = self.selection.clone();
                selection.only.push((dimension, key.clone()));
                let Named { key, label, id } = names.name(ctx, dimension, &key);
                ServiceMetricsGroup { key, label, id, metrics: Self { selection, figures } }
            })
            .collect())
    }

    /// The same figures for consecutive periods in the organisation's time zone; at most 400.
    #[graphql(complexity = "METRICS_COST + GROUPS_ASSUMED * child_complexity")]
    async fn series(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The length of each period.")] interval: MetricInterval,
    ) -> async_graphql::Result<Vec<ServiceMetricsPeriod>> {
        let cx = cx(ctx);
        let zone = &cx.app.state::<Organisation>().zone;
        let edges = edges(self.selection.period, interval.into(), zone).or_top_level(ctx)?;
        let groups = queries::aggregates(cx, &self.selection, Split::Between(edges)).await.or_top_level(ctx)?;
        let periods = groups.into_iter().map(|Group { key: _, period, aggregates: figures }| {
            let selection = Selection { period, only: self.selection.only.clone() };
            let metrics = Self { selection, figures };
            ServiceMetricsPeriod { from: period.from.into(), to: period.to.into(), metrics }
        });
        Ok(periods.collect())
    }

    /// The tickets behind a figure, newest first.
    #[graphql(complexity = "METRICS_COST + rows(first, last) * child_complexity")]
    async fn tickets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which figure.")] metric: MetricName,
        #[graphql(desc = "Which tickets, by their outcome in the metric.")] outcome: MetricOutcome,
        page: PageArgs,
    ) -> async_graphql::Result<Relay<TicketNode>> {
        let page = page.checked(ctx)?;
        let cx = cx(ctx);
        let outcome = Outcome::from(outcome);
        let found = queries::drill_down(cx, &self.selection, metric.into(), outcome, &page).await.or_top_level(ctx)?;
        tickets_of(ctx, found).await
    }
}

/// A share, mostly of tickets. An item counts once its window is over, whether it succeeded or failed; before that it is
/// pending, and in neither the numerator nor the denominator.
#[derive(SimpleObject)]
pub struct Ratio {
    /// The number of counted items to which the measured property applies.
    numerator: i32,
    /// The number of items that are counted.
    denominator: i32,
    /// The share, in 0..1; null if nothing is counted.
    value: Option<f64>,
    /// The number of items whose window is still open.
    pending: i32,
    /// The number of pending items that have failed already, such as reopened tickets.
    pending_failed: i32,
    /// Whether items are pending, so that the share may still change.
    is_provisional: bool,
    /// The number of items that are not counted because an imported history leaves them open.
    unknown: i32,
    /// The target, in 0..1.
    target: f64,
    /// Whether the target is reached; null if nothing is counted.
    pub healthy: Option<bool>,
    /// Whether fewer items are counted than needed for a reliable figure (20 by default).
    small_sample: bool,
}

/// A distribution of durations in whole seconds. Percentiles are exact (nearest rank); null if there are no durations.
#[derive(SimpleObject)]
pub struct Distribution {
    /// The number of durations.
    count: i32,
    /// The number of tickets whose duration an imported history leaves open.
    unknown: i32,
    /// The 50th percentile (median).
    p50_seconds: Option<i32>,
    /// The 75th percentile.
    p75_seconds: Option<i32>,
    /// The 90th percentile.
    p90_seconds: Option<i32>,
    /// The 95th percentile.
    p95_seconds: Option<i32>,
    /// The 99th percentile.
    p99_seconds: Option<i32>,
    /// The histogram.
    buckets: Vec<DistributionBucket>,
    /// The durations split into ranges, each with its share and median: this shows what a mean would hide.
    strata: Vec<DistributionStratum>,
}

/// A bucket of the histogram.
#[derive(SimpleObject)]
pub struct DistributionBucket {
    /// Lower bound in seconds (inclusive).
    from_seconds: i32,
    /// Upper bound in seconds (exclusive); null for the last one.
    to_seconds: Option<i32>,
    /// The number of durations in the bucket.
    count: i32,
    /// The share of all durations, in 0..1.
    share: f64,
}

/// A range of a distribution.
#[derive(SimpleObject)]
pub struct DistributionStratum {
    /// Lower bound in seconds (inclusive).
    from_seconds: i32,
    /// Upper bound in seconds (exclusive); null for the last one.
    to_seconds: Option<i32>,
    /// The number of durations in the range.
    count: i32,
    /// The share of all durations, in 0..1.
    share: f64,
    /// The median within this range; null if it is empty.
    p50_seconds: Option<i32>,
}

impl Distribution {
    fn of(distribution: &model::Distribution) -> Self {
        let model::Distribution { count: all, percentiles, buckets, strata, unknown } = distribution;
        let percentile = |place: usize| percentiles.map(|seconds| int(i64::from(seconds[place])));
        let edge = |edges: &[u32], place: usize| edges.get(place).map(|seconds| int(i64::from(*seconds)));
        let bars = buckets.iter().enumerate().map(|(i, n)| DistributionBucket {
            from_seconds: edge(&BUCKETS, i).unwrap_or_default(),
            to_seconds: edge(&BUCKETS, i + 1),
            count: count(*n),
            share: share(*n, *all),
        });
        let parts = strata.iter().enumerate().map(|(i, Stratum { count: n, median })| DistributionStratum {
            from_seconds: edge(&STRATA, i).unwrap_or_default(),
            to_seconds: edge(&STRATA, i + 1),
            count: count(*n),
            share: share(*n, *all),
            p50_seconds: median.map(|seconds| int(i64::from(seconds))),
        });
        Self {
            count: count(*all),
            unknown: count(*unknown),
            p50_seconds: percentile(0),
            p75_seconds: percentile(1),
            p90_seconds: percentile(2),
            p95_seconds: percentile(3),
            p99_seconds: percentile(4),
            buckets: bars.collect(),
            strata: parts.collect(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of tickets; a rounded one gives the same share")]
pub fn share(part: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { part as f64 / all as f64 }
}

/// The figures for one value of a dimension.
#[derive(SimpleObject)]
pub struct ServiceMetricsGroup {
    /// The catalogue key of the value; for an agent the id; empty for tickets without a value.
    key: String,
    /// The name, in the language of the request.
    label: String,
    /// The id of the team, agent or customer, for use in a filter; null for other dimensions.
    id: Option<ID>,
    /// The figures.
    metrics: ServiceMetrics,
}

/// The figures of one period of a series.
#[derive(SimpleObject)]
pub struct ServiceMetricsPeriod {
    /// Start (inclusive).
    from: DateTime,
    /// End (exclusive).
    to: DateTime,
    /// The figures.
    metrics: ServiceMetrics,
}

/// Catalogue keys and labels of the values of a breakdown.
struct Names(std::collections::HashMap<Key, (String, String)>);

struct Named {
    key: String,
    label: String,
    id: Option<ID>,
}

impl Names {
    /// Loads all keys and labels in one statement.
    async fn of(ctx: &Context<'_>, dimension: Dimension, groups: &[Group]) -> async_graphql::Result<Self> {
        let language = language(ctx);
        let loaders = ctx.data_unchecked::<Loaders>();
        let ids = || groups.iter().filter_map(|group| if let Key::Id(id) = group.key { Some(id) } else { None });
        let names = match dimension {
            Dimension::Team => {
                let teams = loaders.load_many(ids().map(TeamId).collect::<Vec<_>>()).await.or_top_level(ctx)?;
                let named = teams.into_values().map(|team| {
                    let label = language.name(&team.name, team.name_zh.as_deref()).to_owned();
                    (Key::Id(team.id.0), (team.key, label))
                });
                named.collect()
            }
            Dimension::Agent => {
                let users = loaders.load_many(ids().map(UserId).collect::<Vec<_>>()).await.or_top_level(ctx)?;
                users.into_values().map(|user| (Key::Id(user.id.0), (user.id.to_string(), user.name.clone()))).collect()
            }
            Dimension::Customer => {
                let customers = loaders.load_many(ids().map(CustomerId).collect::<Vec<_>>()).await.or_top_level(ctx)?;
                let named =
                    customers.into_values().map(|customer| (Key::Id(customer.id.0), (customer.key, customer.name)));
                named.collect()
            }
            Dimension::IssueType | Dimension::Product => {
                let kind = if dimension == Dimension::Product { Kind::Product } else { Kind::IssueType };
                let named = entries_of_kind(ctx, kind).await?.into_iter().map(|entry| {
                    let label = language.name(&entry.name, entry.name_zh.as_deref()).to_owned();
                    (Key::Word(entry.key.as_str().into()), (entry.key, label))
                });
                named.collect()
            }
            Dimension::Priority | Dimension::Channel => std::collections::HashMap::new(),
        };
        Ok(Self(names))
    }

    fn name(&self, ctx: &Context<'_>, dimension: Dimension, value: &Key) -> Named {
        let language = language(ctx);
        let id = match value {
            Key::Id(id) => Some(ID(id.to_string())),
            Key::None | Key::Word(_) => None,
        };
        let (key, label) = match (self.0.get(value), value) {
            (Some((key, label)), _) => (key.clone(), label.clone()),
            (None, Key::None) => (String::new(), msg!("metrics-dimension-none").text(language)),
            (None, Key::Id(id)) => (id.to_string(), id.to_string()),
            (None, Key::Word(word)) => {
                let label = match (dimension, &**word) {
                    (Dimension::Priority, "URGENT") => msg!("metrics-priority-urgent"),
                    (Dimension::Priority, "HIGH") => msg!("metrics-priority-high"),
                    (Dimension::Priority, "NORMAL") => msg!("metrics-priority-normal"),
                    (Dimension::Priority, "LOW") => msg!("metrics-priority-low"),
                    _ => Message::literal(&**word, &**word),
                };
                (word.to_string(), label.text(language))
            }
        };
        Named { key, label, id }
    }
}
