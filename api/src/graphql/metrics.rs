//! Metrics in three layers: response, resolution, evolution.

use async_graphql::connection::{Connection as RelayConnection, Edge as RelayEdge};
use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use domain::catalogue::model::Kind;
use domain::kernel::{Connection, CustomerId, Page, TeamId, TicketId, Timestamp, UserId};
use domain::metrics::decide::{Group, edges};
use domain::metrics::model::{
    self, BUCKETS, Dimension, Figures, Key, Outcome, STRATA, Selection, Settings, Split, Stratum, Tally,
};
use domain::metrics::queries;
use uuid::Uuid;

use super::Caller;
use super::catalogue::of_kind;
use super::error::OrTopLevel as _;
use super::inputs::argument;
use super::loaders::Loaders;
use super::nodes::{Place, Relay};
use super::scalars::{DateTime, MetricDimension, MetricInterval, MetricName, MetricOutcome, Priority, int};
use super::ticket::{TicketNode, rows};

/// What one pass over the facts costs.
pub const METRICS_PRICE: usize = 20;
/// Groups that a breakdown or series is priced for.
pub const GROUPS_PRICED: usize = 20;
/// Groups that a breakdown gives at most, those with most tickets first.
const GROUPS_MAX: usize = 200;

/// A half-open span of time.
#[derive(InputObject, Clone, Copy, Debug)]
pub struct Period {
    /// From this instant on.
    pub from: DateTime,
    /// Before this instant.
    pub to: DateTime,
}

impl Period {
    /// Its two ends.
    pub fn ends(self) -> (Timestamp, Timestamp) {
        (self.from.0, self.to.0)
    }
}

/// Which tickets are counted; every part that is given must hold.
#[derive(InputObject, Clone, Debug, Default)]
pub struct MetricFilter {
    /// Of this team.
    team_id: Option<ID>,
    /// Of this assignee.
    agent_id: Option<ID>,
    /// Of the issue type with this key.
    issue_type: Option<String>,
    /// Of this priority.
    priority: Option<Priority>,
    /// That came by this channel.
    channel: Option<String>,
    /// Of the product with this key.
    product: Option<String>,
    /// Of this customer.
    customer_id: Option<ID>,
}

/// The selection that arguments name.
pub fn selection(ctx: &Context<'_>, period: Period, filter: Option<MetricFilter>) -> async_graphql::Result<Selection> {
    let Period { from, to } = period;
    let MetricFilter { team_id, agent_id, issue_type, priority, channel, product, customer_id } =
        filter.unwrap_or_default();
    let id = |name: &str, id: Option<ID>| -> async_graphql::Result<Option<Key>> {
        id.map(|id| argument::<Uuid>(ctx, name, &id).map(Key::Id)).transpose()
    };
    let word = |word: Option<String>| word.map(|word| Key::Word(word.into()));
    let priority = priority.map(|priority| domain::tickets::model::Priority::from(priority).word().to_owned());
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

/// Figures of a set of tickets, within what the viewer may see. Each metric has one anchor that puts a ticket into the
/// period: creation for response, first resolution for resolution, closing for evolution.
pub struct ServiceMetrics {
    selection: Selection,
    figures: Figures,
}

impl ServiceMetrics {
    pub async fn of(ctx: &Context<'_>, selection: Selection) -> async_graphql::Result<Self> {
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let groups = queries::figures(cx, &selection, Split::All).await.or_top_level(ctx)?;
        let figures = groups.into_iter().next().map(|group| group.figures).unwrap_or_default();
        Ok(Self { selection, figures })
    }
}

/// The tickets behind a figure, as the viewer may see them: what figures are counted from follows the database, where that is
/// decided.
pub async fn tickets_of(ctx: &Context<'_>, found: Connection<TicketId>) -> async_graphql::Result<Relay<TicketNode>> {
    let ids = found.edges.iter().map(|edge| edge.node).collect();
    let mut views = ctx.data_unchecked::<Loaders>().many(ids).await.or_top_level(ctx)?;
    let mut relay = RelayConnection::new(found.has_previous, found.has_next);
    relay.edges = found
        .edges
        .into_iter()
        .filter_map(|edge| Some(RelayEdge::new(Place(edge.cursor), TicketNode(views.remove(&edge.node)?))))
        .collect();
    Ok(relay)
}

/// A share against what is aimed for; more is better.
pub fn ratio(ctx: &Context<'_>, tally: Tally, target: f64) -> Ratio {
    let settings = ctx.data_unchecked::<Caller>().cx.app.state::<Settings>();
    Ratio {
        numerator: count(tally.met),
        denominator: count(tally.denominator()),
        value: tally.value(),
        pending: count(tally.pending),
        target,
        healthy: tally.value().map(|value| value >= target),
        small_sample: tally.denominator() < settings.small_sample,
    }
}

/// As numbers of the schema are.
pub fn count(n: u64) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

#[Object]
impl ServiceMetrics {
    /// Response: tickets created in the period whose first response came in time (15 minutes by default).
    async fn first_response_compliance(&self, ctx: &Context<'_>) -> Ratio {
        let targets = &ctx.data_unchecked::<Caller>().cx.app.state::<Settings>().targets;
        ratio(ctx, self.figures.first_response_compliance, targets.first_response_compliance)
    }

    /// Resolution: tickets first resolved in the period without a hand-over until then and without a reopening within
    /// 7 days.
    async fn first_time_resolution(&self, ctx: &Context<'_>) -> Ratio {
        let targets = &ctx.data_unchecked::<Caller>().cx.app.state::<Settings>().targets;
        ratio(ctx, self.figures.first_time_resolution, targets.first_time_resolution)
    }

    /// Evolution: design defects closed in the period whose fix is released.
    async fn root_cause_closure(&self, ctx: &Context<'_>) -> Ratio {
        let targets = &ctx.data_unchecked::<Caller>().cx.app.state::<Settings>().targets;
        ratio(ctx, self.figures.root_cause_closure, targets.root_cause_closure)
    }

    /// From creation to the first response, of tickets created in the period that have one.
    async fn first_response_time(&self) -> Distribution {
        Distribution::of(&self.figures.first_response_time)
    }

    /// From creation to the first entry into RESOLVED or CLOSED, of tickets first resolved in the period.
    async fn handling_time(&self) -> Distribution {
        Distribution::of(&self.figures.handling_time)
    }

    /// Tickets created in the period that count.
    async fn created(&self) -> i32 {
        count(self.figures.created)
    }

    /// Tickets first resolved in the period.
    async fn resolved(&self) -> i32 {
        count(self.figures.resolved)
    }

    /// Tickets created in the period that count nowhere: merged away, or cancelled before anyone responded.
    async fn excluded(&self) -> i32 {
        count(self.figures.excluded)
    }

    /// The same figures for each value of a dimension that has any, those with most tickets first; 200 at most.
    #[graphql(complexity = "METRICS_PRICE + GROUPS_PRICED * child_complexity")]
    async fn breakdown(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "By what.")] by: MetricDimension,
    ) -> async_graphql::Result<Vec<ServiceMetricsGroup>> {
        let dimension = Dimension::from(by);
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let mut groups = queries::figures(cx, &self.selection, Split::By(dimension)).await.or_top_level(ctx)?;
        let weight = |group: &Group| group.figures.created + group.figures.resolved;
        groups.sort_by(|a, b| weight(b).cmp(&weight(a)).then_with(|| a.key.cmp(&b.key)));
        groups.truncate(GROUPS_MAX);
        let names = Names::of(ctx, dimension, &groups).await?;
        Ok(groups
            .into_iter()
            .map(|Group { key, period: _, figures }| {
                let mut selection = self.selection.clone();
                selection.only.push((dimension, key.clone()));
                let Named { key, label, id } = names.name(ctx, dimension, &key);
                ServiceMetricsGroup { key, label, id, metrics: Self { selection, figures } }
            })
            .collect())
    }

    /// The same figures for consecutive periods in the organisation's time zone; 400 at most.
    #[graphql(complexity = "METRICS_PRICE + GROUPS_PRICED * child_complexity")]
    async fn series(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How long each is.")] interval: MetricInterval,
    ) -> async_graphql::Result<Vec<ServiceMetricsPeriod>> {
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let zone = &cx.app.state::<Settings>().zone;
        let edges = edges(self.selection.period, interval.into(), zone).or_top_level(ctx)?;
        let groups = queries::figures(cx, &self.selection, Split::Between(edges)).await.or_top_level(ctx)?;
        let told = groups.into_iter().map(|Group { key: _, period, figures }| {
            let selection = Selection { period, only: self.selection.only.clone() };
            let metrics = Self { selection, figures };
            ServiceMetricsPeriod { from: period.from.into(), to: period.to.into(), metrics }
        });
        Ok(told.collect())
    }

    /// The tickets behind a figure, newest first.
    #[graphql(complexity = "METRICS_PRICE + rows(first, last) * child_complexity")]
    #[expect(clippy::too_many_arguments, reason = "the arguments of the contract and of a Relay connection")]
    async fn tickets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which figure.")] metric: MetricName,
        #[graphql(desc = "Those that met it, missed it, or do not count yet or at all.")] outcome: MetricOutcome,
        #[graphql(desc = "At most so many, from the beginning; 20 where neither first nor last is given.")]
        first: Option<i32>,
        #[graphql(desc = "Only behind this cursor.")] after: Option<String>,
        #[graphql(desc = "At most so many, from the end.")] last: Option<i32>,
        #[graphql(desc = "Only before this cursor.")] before: Option<String>,
    ) -> async_graphql::Result<Relay<TicketNode>> {
        let page = Page::of(first, after, last, before).or_top_level(ctx)?;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let outcome = Outcome::from(outcome);
        let found = queries::behind(cx, &self.selection, metric.into(), outcome, &page).await.or_top_level(ctx)?;
        tickets_of(ctx, found).await
    }
}

/// A share of tickets. Pending ones, whose window is still open, are no misses and stand in neither number.
#[derive(SimpleObject)]
pub struct Ratio {
    /// Tickets that met it.
    numerator: i32,
    /// Tickets that met or missed it.
    denominator: i32,
    /// The share; null where nothing counts.
    value: Option<f64>,
    /// Tickets whose window is still open.
    pending: i32,
    /// What is aimed for.
    target: f64,
    /// Whether the target is reached; null where nothing counts.
    pub healthy: Option<bool>,
    /// Fewer than 20 tickets count: read it with care.
    small_sample: bool,
}

/// Durations, in whole seconds. Percentiles are exact, by nearest rank; null where nothing counts.
#[derive(SimpleObject)]
pub struct Distribution {
    /// How many durations there are.
    count: i32,
    /// Half are no longer.
    p50_seconds: Option<i32>,
    /// Three quarters are no longer.
    p75_seconds: Option<i32>,
    /// 90 % are no longer.
    p90_seconds: Option<i32>,
    /// 95 % are no longer.
    p95_seconds: Option<i32>,
    /// 99 % are no longer.
    p99_seconds: Option<i32>,
    /// The histogram.
    buckets: Vec<DistributionBucket>,
    /// What a mean would hide: how many are short and how many long, each part with its own median.
    strata: Vec<DistributionStratum>,
}

/// A bar of the histogram.
#[derive(SimpleObject)]
pub struct DistributionBucket {
    /// From so many seconds on.
    from_seconds: i32,
    /// Below so many seconds; null for the last.
    to_seconds: Option<i32>,
    /// How many.
    count: i32,
    /// Of all.
    share: f64,
}

/// A part of a distribution.
#[derive(SimpleObject)]
pub struct DistributionStratum {
    /// From so many seconds on.
    from_seconds: i32,
    /// Below so many seconds; null for the last.
    to_seconds: Option<i32>,
    /// How many.
    count: i32,
    /// Of all.
    share: f64,
    /// The median within this part; null where it is empty.
    p50_seconds: Option<i32>,
}

impl Distribution {
    fn of(distribution: &model::Distribution) -> Self {
        let model::Distribution { count: all, percentiles, buckets, strata } = distribution;
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

/// The figures of one value of a dimension.
#[derive(SimpleObject)]
pub struct ServiceMetricsGroup {
    /// The value's catalogue key; of an agent the id; empty for tickets that have none.
    key: String,
    /// Its name, in the language of the request.
    label: String,
    /// The id of the team, agent or customer, to filter by; null for other dimensions.
    id: Option<ID>,
    /// Its figures.
    metrics: ServiceMetrics,
}

/// The figures of one period of a series.
#[derive(SimpleObject)]
pub struct ServiceMetricsPeriod {
    /// From this instant on.
    from: DateTime,
    /// Before this instant.
    to: DateTime,
    /// Its figures.
    metrics: ServiceMetrics,
}

/// What the values of a breakdown are called.
struct Names(std::collections::HashMap<Key, (String, String)>);

struct Named {
    key: String,
    label: String,
    id: Option<ID>,
}

impl Names {
    /// Catalogue key and label of each, in one statement.
    async fn of(ctx: &Context<'_>, dimension: Dimension, groups: &[Group]) -> async_graphql::Result<Self> {
        let language = ctx.data_unchecked::<Caller>().language;
        let loaders = ctx.data_unchecked::<Loaders>();
        let ids = || groups.iter().filter_map(|group| if let Key::Id(id) = group.key { Some(id) } else { None });
        let names = match dimension {
            Dimension::Team => {
                let teams = loaders.many(ids().map(TeamId).collect::<Vec<_>>()).await.or_top_level(ctx)?;
                let named = teams.into_values().map(|team| {
                    let label = language.name(&team.name, team.name_zh.as_deref()).to_owned();
                    (Key::Id(team.id.0), (team.key, label))
                });
                named.collect()
            }
            Dimension::Agent => {
                let users = loaders.many(ids().map(UserId).collect::<Vec<_>>()).await.or_top_level(ctx)?;
                users.into_values().map(|user| (Key::Id(user.id.0), (user.id.to_string(), user.name.clone()))).collect()
            }
            Dimension::Customer => {
                let customers = loaders.many(ids().map(CustomerId).collect::<Vec<_>>()).await.or_top_level(ctx)?;
                let named = customers.into_values().map(|of| (Key::Id(of.id.0), (of.key, of.name)));
                named.collect()
            }
            Dimension::IssueType | Dimension::Product => {
                let kind = if dimension == Dimension::Product { Kind::Product } else { Kind::IssueType };
                let named = of_kind(ctx, kind).await?.into_iter().map(|entry| {
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
        let language = ctx.data_unchecked::<Caller>().language;
        let id = match value {
            Key::Id(id) => Some(ID(id.to_string())),
            Key::None | Key::Word(_) => None,
        };
        let (key, label) = match (self.0.get(value), value) {
            (Some((key, label)), _) => (key.clone(), label.clone()),
            (None, Key::None) => (String::new(), language.name("None", Some("无")).to_owned()),
            (None, Key::Id(id)) => (id.to_string(), id.to_string()),
            (None, Key::Word(word)) => {
                let zh = match (dimension, &**word) {
                    (Dimension::Priority, "URGENT") => Some("紧急"),
                    (Dimension::Priority, "HIGH") => Some("高"),
                    (Dimension::Priority, "NORMAL") => Some("普通"),
                    (Dimension::Priority, "LOW") => Some("低"),
                    _ => None,
                };
                (word.to_string(), language.name(word, zh).to_owned())
            }
        };
        Named { key, label, id }
    }
}
