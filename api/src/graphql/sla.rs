//! SLA: policies, clocks, what breaches next.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use domain::kernel::{CustomerId, Error, Page, TicketId};
use domain::sla;
use domain::sla::decide::read;
use domain::sla::model::{Entry, Policy, SavePolicy, Ticking};

use super::Caller;
use super::error::{OrTopLevel as _, UserError, settle};
use super::loaders::Loaders;
use super::nodes::{CustomerNode, Relay, relay};
use super::scalars::{DateTime, Priority, int};
use super::ticket::{TicketNode, rows};
use super::words::{SlaMetric, SlaState, SlaTimelineKind};

/// An SLA clock of a ticket.
pub struct SlaClockNode(pub Ticking);

#[Object(name = "SlaClock")]
impl SlaClockNode {
    /// What it measures.
    async fn metric(&self) -> SlaMetric {
        self.0.clock.metric.into()
    }

    /// How it stands now.
    async fn state(&self, ctx: &Context<'_>) -> SlaState {
        self.read(ctx).state.into()
    }

    /// When it began.
    async fn started_at(&self) -> DateTime {
        self.0.clock.started_at.into()
    }

    /// When its target passes, if it runs on; of one that has ended, when it would have. Null while it rests.
    async fn due_at(&self, ctx: &Context<'_>) -> Option<DateTime> {
        self.read(ctx).due_at.map(Into::into)
    }

    /// Time that has counted, by its calendar.
    async fn elapsed_seconds(&self, ctx: &Context<'_>) -> i32 {
        int(self.read(ctx).elapsed.as_secs())
    }

    /// Time that is left, by its calendar; null once it has ended.
    async fn remaining_seconds(&self, ctx: &Context<'_>) -> Option<i32> {
        self.read(ctx).remaining.map(|left| int(left.as_secs()))
    }

    /// How long it may take, by its calendar.
    async fn target_seconds(&self) -> i32 {
        int(self.0.clock.pin.target.as_secs())
    }

    /// When its target passed.
    async fn breached_at(&self, ctx: &Context<'_>) -> Option<DateTime> {
        self.read(ctx).breached_at.map(Into::into)
    }

    /// Key of the policy that it runs by.
    async fn policy(&self) -> &str {
        &self.0.clock.pin.policy.key
    }

    /// The version of the policy that it began with.
    async fn policy_version(&self) -> i32 {
        self.0.clock.pin.policy.version
    }

    /// Key of the calendar that it runs by.
    async fn calendar(&self) -> &str {
        &self.0.clock.pin.calendar.key
    }

    /// The version of the calendar that it began with.
    async fn calendar_version(&self) -> i32 {
        self.0.clock.pin.calendar.version
    }

    /// What happened to it, and why it fired or did not.
    #[graphql(complexity = "20 + 10 * child_complexity")]
    async fn timeline(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<SlaTimelineEntry>> {
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let entries = Box::pin(sla::queries::timeline(cx, &self.0)).await.or_top_level(ctx)?;
        Ok(entries.into_iter().map(SlaTimelineEntry::of).collect())
    }
}

impl SlaClockNode {
    fn read(&self, ctx: &Context<'_>) -> domain::sla::model::Reading {
        read(&self.0.clock, ctx.data_unchecked::<Caller>().cx.now(), &self.0.calendar)
    }
}

/// Something that happened to an SLA clock.
#[derive(SimpleObject)]
pub struct SlaTimelineEntry {
    /// When.
    at: DateTime,
    /// What.
    kind: SlaTimelineKind,
    /// Time that had counted by then.
    elapsed_seconds: i32,
    /// When it was due from then on; null where it rested.
    due_at: Option<DateTime>,
}

impl SlaTimelineEntry {
    fn of(entry: Entry) -> Self {
        let Entry { at, kind, elapsed, due_at } = entry;
        Self {
            at: at.into(),
            kind: kind.into(),
            elapsed_seconds: int(elapsed.as_secs()),
            due_at: due_at.map(Into::into),
        }
    }
}

/// A running SLA clock and its ticket.
pub struct UpcomingBreach(Ticking);

#[Object]
impl UpcomingBreach {
    /// The ticket.
    async fn ticket(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TicketNode>> {
        let id: TicketId = self.0.clock.ticket;
        Ok(ctx.data_unchecked::<Loaders>().one(id).await.or_top_level(ctx)?.map(TicketNode))
    }

    /// The clock.
    async fn clock(&self) -> SlaClockNode {
        SlaClockNode(self.0.clone())
    }
}

/// By when tickets are to be answered and resolved.
pub struct SlaPolicyNode(Policy);

#[Object(name = "SlaPolicy")]
impl SlaPolicyNode {
    /// Its key.
    async fn key(&self) -> &str {
        &self.0.of.key
    }

    /// Rises each time that it is saved.
    async fn version(&self) -> i32 {
        self.0.of.version
    }

    /// Its name, in the language of the request.
    async fn name(&self, ctx: &Context<'_>) -> &str {
        ctx.data_unchecked::<Caller>().language.name(&self.0.name, self.0.name_zh.as_deref())
    }

    /// No longer used for new clocks.
    async fn archived(&self) -> bool {
        self.0.archived
    }

    /// Of which priorities; empty: of all.
    async fn priorities(&self) -> Vec<Priority> {
        self.0.conditions.priorities.iter().map(|priority| (*priority).into()).collect()
    }

    /// Of which customer; null: of all.
    async fn customer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<CustomerNode>> {
        let Some(id) = self.0.conditions.customer else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().one::<CustomerId>(id).await.or_top_level(ctx)?.map(CustomerNode))
    }

    /// Key of the issue type; null: of all.
    async fn issue_type(&self) -> Option<&str> {
        self.0.conditions.issue_type.as_deref()
    }

    /// Within how long somebody responds; null: no clock.
    async fn first_response_seconds(&self) -> Option<i32> {
        self.0.first_response.map(|target| int(target.as_secs()))
    }

    /// Within how long it is resolved; null: no clock.
    async fn resolution_seconds(&self) -> Option<i32> {
        self.0.resolution.map(|target| int(target.as_secs()))
    }

    /// Key of the calendar by which time counts.
    async fn calendar(&self) -> &str {
        &self.0.calendar
    }
}

/// An SLA policy to be saved. It becomes a new version: clocks that run go on by theirs.
#[derive(InputObject)]
pub struct SaveSlaPolicyInput {
    /// Its key; saving an existing key changes that policy.
    key: String,
    /// The English name, and the one shown where there is no other.
    name: String,
    /// The Chinese name.
    name_zh: Option<String>,
    /// No longer used for new clocks.
    #[graphql(default)]
    archived: bool,
    /// Of which priorities; none: of all.
    priorities: Option<Vec<Priority>>,
    /// Key of the customer; none: of all.
    customer_key: Option<String>,
    /// Key of the issue type; none: of all.
    issue_type: Option<String>,
    /// Within how long somebody responds; none: no clock.
    first_response_seconds: Option<i32>,
    /// Within how long it is resolved; none: no clock.
    resolution_seconds: Option<i32>,
    /// Key of the calendar by which time counts.
    calendar_key: String,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

/// What saving an SLA policy came to.
#[derive(SimpleObject)]
pub struct SaveSlaPolicyPayload {
    /// The policy as it is now.
    policy: Option<SlaPolicyNode>,
    /// Why nothing was saved; empty where it was.
    user_errors: Vec<UserError>,
}

/// Queries of SLA.
#[derive(Default)]
pub struct SlaQuery;

#[Object]
impl SlaQuery {
    /// Running SLA clocks of tickets that the viewer sees, those first that were due longest ago or are due next; for staff.
    #[graphql(complexity = "rows(first, last) * child_complexity + 5")]
    async fn upcoming_breaches(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those due before this instant.")] due_before: Option<DateTime>,
        #[graphql(desc = "At most so many, from the beginning.")] first: Option<i32>,
        #[graphql(desc = "Only behind this cursor.")] after: Option<String>,
        #[graphql(desc = "At most so many, from the end.")] last: Option<i32>,
        #[graphql(desc = "Only before this cursor.")] before: Option<String>,
    ) -> async_graphql::Result<Relay<UpcomingBreach>> {
        staff(ctx)?;
        let page = Page::of(first, after, last, before).or_top_level(ctx)?;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let clocks = sla::queries::upcoming(cx, due_before.map(|at| at.0), &page).await.or_top_level(ctx)?;
        Ok(relay(clocks, UpcomingBreach))
    }

    /// The newest version of every SLA policy; for staff.
    #[graphql(complexity = "20 * child_complexity")]
    async fn sla_policies(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<SlaPolicyNode>> {
        staff(ctx)?;
        let policies = sla::queries::policies(&ctx.data_unchecked::<Caller>().cx.app).await.or_top_level(ctx)?;
        Ok(policies.iter().cloned().map(SlaPolicyNode).collect())
    }
}

/// For what only the responsible side is shown.
pub fn staff(ctx: &Context<'_>) -> async_graphql::Result<()> {
    let actor = &ctx.data_unchecked::<Caller>().cx.actor;
    let refused = if actor.user_id().is_none() { Error::unauthenticated() } else { Error::forbidden() };
    if actor.is_staff() { Ok(()) } else { Err(refused).or_top_level(ctx) }
}

/// Mutations of SLA; for administrators.
#[derive(Default)]
pub struct SlaMutation;

#[Object]
impl SlaMutation {
    /// Saves an SLA policy, as a new version.
    async fn save_sla_policy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to save.")] input: SaveSlaPolicyInput,
    ) -> async_graphql::Result<SaveSlaPolicyPayload> {
        let SaveSlaPolicyInput {
            key,
            name,
            name_zh,
            archived,
            priorities,
            customer_key,
            issue_type,
            first_response_seconds,
            resolution_seconds,
            calendar_key,
            idempotency_key,
        } = input;
        let command = SavePolicy {
            key,
            name,
            name_zh,
            archived,
            priorities: priorities.unwrap_or_default().into_iter().map(Into::into).collect(),
            customer_key,
            issue_type,
            first_response_secs: first_response_seconds,
            resolution_secs: resolution_seconds,
            calendar_key,
        };
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let (key, user_errors) = settle(ctx, cx.execute(&command, idempotency_key.as_deref()).await)?;
        let policies = sla::queries::policies(&cx.app).await.or_top_level(ctx)?;
        let policy = policies.iter().find(|policy| Some(&policy.of.key) == key.as_ref());
        Ok(SaveSlaPolicyPayload { policy: policy.cloned().map(SlaPolicyNode), user_errors })
    }
}
