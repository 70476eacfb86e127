//! SLA policies, clocks and upcoming breaches.

use async_graphql::{Context, Object};
use domain::kernel::{CustomerId, TicketId};
use domain::sla;
use domain::sla::model::{ClockWithCalendar, Policy, SavePolicy};
use graphql_macros::paged;

use super::error::OrTopLevel as _;
use super::execute::mutations;
use super::guard::{cx, language, require_staff};
use super::loaders::Loaders;
use super::paging::{PageArgs, Relay, relay, rows};
use super::people::CustomerNode;
use super::scalars::{DateTime, Priority, int};
use super::ticket::{SlaClockNode, TicketNode};

/// A running SLA clock and its ticket.
pub struct UpcomingBreach(ClockWithCalendar);

/// A running SLA clock and its ticket.
#[Object]
impl UpcomingBreach {
    /// The ticket; null if the viewer may not see it.
    async fn ticket(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TicketNode>> {
        let id: TicketId = self.0.clock.ticket;
        Ok(ctx.data_unchecked::<Loaders>().load(id).await.or_top_level(ctx)?.map(TicketNode))
    }

    /// The clock.
    async fn clock(&self) -> SlaClockNode {
        SlaClockNode(self.0.clone())
    }
}

/// An SLA policy.
pub struct SlaPolicyNode(Policy);

/// An SLA policy: targets for the first response and the resolution of the tickets it applies to.
#[Object(name = "SlaPolicy")]
impl SlaPolicyNode {
    /// The key of the policy.
    async fn key(&self) -> &str {
        &self.0.of.key
    }

    /// The version; increases with each save.
    async fn version(&self) -> i32 {
        self.0.of.version
    }

    /// The name, in the language of the request.
    async fn name(&self, ctx: &Context<'_>) -> &str {
        language(ctx).name(&self.0.name, self.0.name_zh.as_deref())
    }

    /// Whether it is archived: no longer used for new clocks.
    async fn archived(&self) -> bool {
        self.0.archived
    }

    /// The priorities it applies to; empty: all priorities.
    async fn priorities(&self) -> Vec<Priority> {
        self.0.conditions.priorities.iter().map(|priority| (*priority).into()).collect()
    }

    /// The customer it applies to; null: all customers.
    async fn customer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<CustomerNode>> {
        let Some(id) = self.0.conditions.customer else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().load::<CustomerId>(id).await.or_top_level(ctx)?.map(CustomerNode))
    }

    /// Key of the issue type it applies to; null: all issue types.
    async fn issue_type(&self) -> Option<&str> {
        self.0.conditions.issue_type.as_deref()
    }

    /// Target for the first response, in seconds of calendar time; null: no clock.
    async fn first_response_seconds(&self) -> Option<i32> {
        self.0.first_response.map(|target| int(target.as_secs()))
    }

    /// Target for the resolution, in seconds of calendar time; null: no clock.
    async fn resolution_seconds(&self) -> Option<i32> {
        self.0.resolution.map(|target| int(target.as_secs()))
    }

    /// Key of the calendar on which time is measured.
    async fn calendar(&self) -> &str {
        &self.0.calendar
    }
}

/// Queries of SLA.
#[derive(Default)]
pub struct SlaQuery;

#[paged]
#[Object]
impl SlaQuery {
    /// Running SLA clocks of tickets visible to the viewer, earliest due first, overdue ones included; for staff.
    #[graphql(complexity = "rows(first, last) * child_complexity + 5")]
    async fn upcoming_breaches(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those due before this instant.")] due_before: Option<DateTime>,
        #[brief] page: PageArgs,
    ) -> async_graphql::Result<Relay<UpcomingBreach>> {
        require_staff(ctx).or_top_level(ctx)?;
        let page = page.checked(ctx)?;
        let cx = cx(ctx);
        let clocks = sla::queries::upcoming(cx, due_before.map(|at| at.0), &page).await.or_top_level(ctx)?;
        Ok(relay(clocks, UpcomingBreach))
    }

    /// The newest version of every SLA policy; for staff.
    #[graphql(complexity = "20 * child_complexity")]
    async fn sla_policies(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<SlaPolicyNode>> {
        require_staff(ctx).or_top_level(ctx)?;
        let policies = sla::queries::policies(&cx(ctx).app).await.or_top_level(ctx)?;
        Ok(policies.iter().cloned().map(SlaPolicyNode).collect())
    }
}

mutations! {
    /// Mutations of SLA; for administrators.
    pub struct SlaMutation;

    /// Saves an SLA policy, as a new version; for administrators.
    save_sla_policy("The policy.")
    /// An SLA policy to save. Saving makes a new version; running clocks keep theirs.
    SaveSlaPolicyInput {
        /// The key; saving an existing key changes that policy.
        key: String,
        /// The English name; also shown where there is no Chinese name.
        name: String,
        /// The Chinese name.
        name_zh: Option<String>,
        /// Whether it is archived: no longer used for new clocks.
        #[graphql(default)]
        archived: bool,
        /// The priorities it applies to; if not given, all priorities.
        priorities: Option<Vec<Priority>>,
        /// Key of the customer it applies to; if not given, all customers.
        customer_key: Option<String>,
        /// Key of the issue type it applies to; if not given, all issue types.
        issue_type: Option<String>,
        /// Target for the first response, in seconds of calendar time; if not given, no clock.
        first_response_seconds: Option<i32>,
        /// Target for the resolution, in seconds of calendar time; if not given, no clock.
        resolution_seconds: Option<i32>,
        /// Key of the calendar on which time is measured.
        calendar_key: String,
    } => SavePolicy {
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
    } => SaveSlaPolicyPayload {
        /// The policy after the mutation; null if it was refused.
        policy: Option<SlaPolicyNode> = policy,
    }
}

async fn policy(ctx: &Context<'_>, key: Option<String>) -> async_graphql::Result<Option<SlaPolicyNode>> {
    let policies = sla::queries::policies(&cx(ctx).app).await.or_top_level(ctx)?;
    Ok(policies.iter().find(|policy| Some(&policy.of.key) == key.as_ref()).cloned().map(SlaPolicyNode))
}
