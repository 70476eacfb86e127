//! Escalation policies and their dry runs, the trace of automatic assignment, and to-do lists.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use domain::escalation;
use domain::escalation::decide;
use domain::escalation::model::{Finding, LevelInput, LevelSimulation, Policy, PolicySimulation, SavePolicy};
use domain::escalation::queries::Todo;
use domain::kernel::Error;
use domain::tickets::model::{Access, Priority as DomainPriority, View};

use super::enums::{Channel, EscalationClock, SimulationFindingKind};
use super::error::OrTopLevel as _;
use super::execute::mutations;
use super::guard::{cx, require_staff, signed_in};
use super::paging::rows;
use super::people::{UserNode, user};
use super::scalars::{DateTime, Priority, int};
use super::ticket::TicketNode;

/// A person's to-do list.
pub struct TodoNode(pub Todo);

/// A person's to-do list: the tickets assigned to them that they have not accepted yet, and those whose requester wrote or asked again
/// and waits for an answer.
#[Object(name = "Todo")]
impl TodoNode {
    /// How many of them the person has not opened, or not answered.
    async fn unread(&self) -> i32 {
        int(self.0.unread)
    }

    /// The number of tickets.
    async fn count(&self) -> i32 {
        int(self.0.tickets.len())
    }

    /// How long the ticket that waits longest has been waiting for the person, in seconds; null if there is none.
    async fn longest_wait_seconds(&self, ctx: &Context<'_>) -> Option<i32> {
        let now = cx(ctx).now();
        self.0.tickets.first().map(|(since, _)| int(now.seconds_since(*since)))
    }

    /// The tickets, longest waiting first.
    #[graphql(complexity = "rows(first, None) * child_complexity")]
    async fn tickets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many to return, at most 100; by default 20.")] first: Option<i32>,
    ) -> async_graphql::Result<Vec<TicketNode>> {
        let page = domain::kernel::Page::of(first, None, None, None).or_top_level(ctx)?;
        let max = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let views =
            self.0.tickets.iter().take(max).map(|(_, ticket)| View { ticket: ticket.clone(), access: Access::Full });
        Ok(views.map(TicketNode).collect())
    }
}

/// The escalation policy of a priority.
pub struct EscalationPolicyNode(Policy);

/// The escalation policy of a priority: after what time without a response which level fires.
#[Object(name = "EscalationPolicy")]
impl EscalationPolicyNode {
    /// The priority of the tickets it applies to.
    async fn priority(&self) -> Priority {
        self.0.priority.into()
    }

    /// The version; increases with each save.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// Whether levels are timed around the clock or in working hours.
    async fn clock(&self) -> EscalationClock {
        self.0.measure.into()
    }

    /// The levels in ascending order.
    async fn levels(&self) -> Vec<EscalationLevel> {
        let levels = self.0.levels.iter();
        levels
            .map(|level| EscalationLevel {
                level: level.level,
                after_seconds: int(level.after_secs),
                channels: level.channels.iter().map(|channel| (*channel).into()).collect(),
            })
            .collect()
    }
}

/// A level of an escalation policy.
#[derive(SimpleObject, InputObject, Clone)]
#[graphql(input_name = "EscalationLevelInput")]
pub struct EscalationLevel {
    /// 1: notifies the assignee. 2: also notifies the direct supervisor. 3: reassigns the ticket.
    level: i32,
    /// Seconds after the assignment (after creation while the ticket is unassigned).
    after_seconds: i32,
    /// The channels used; each recipient is notified on all of them that they have bound.
    channels: Vec<Channel>,
}

fn level_inputs(levels: Vec<EscalationLevel>) -> Vec<LevelInput> {
    levels
        .into_iter()
        .map(|EscalationLevel { level, after_seconds, channels }| LevelInput {
            level,
            after_secs: after_seconds,
            channels: channels.into_iter().map(Into::into).collect(),
        })
        .collect()
}

/// An escalation policy for a dry run.
#[derive(InputObject)]
#[graphql(name = "RehearseEscalationInput")]
pub struct SimulatePolicyInput {
    /// Whether levels are timed around the clock or in working hours.
    #[graphql(default_with = "EscalationClock::AroundTheClock")]
    clock: EscalationClock,
    /// The levels.
    levels: Vec<EscalationLevel>,
    /// The instant of the virtual clock at which a ticket is assigned; by default now.
    from: Option<DateTime>,
}

/// The result of a dry run of an escalation policy on the current staff. Nobody is notified.
#[derive(SimpleObject)]
#[graphql(name = "EscalationRehearsal")]
pub struct PolicySimulationNode {
    /// The result for each level.
    levels: Vec<LevelSimulationNode>,
    /// The problems found.
    findings: Vec<SimulationFindingNode>,
}

/// The result of a dry run for one level.
#[derive(SimpleObject)]
#[graphql(name = "RehearsedLevel")]
pub struct LevelSimulationNode {
    /// The level: 1, 2 or 3.
    level: i32,
    /// When the level would fire on the virtual clock.
    due_at: Option<DateTime>,
    /// How many of them it can reach.
    #[graphql(deprecation = "Use reachableCount.")]
    reached: i32,
    /// How many of them can be reached on the level's channels.
    reachable_count: i32,
    /// How many people the level might notify.
    #[graphql(deprecation = "Use recipientCount.")]
    of: i32,
    /// The number of people whom the level would notify.
    recipient_count: i32,
}

/// A finding of a dry run.
pub struct SimulationFindingNode(Finding);

/// A problem found in a dry run of an escalation policy.
#[Object(name = "RehearsalFinding")]
impl SimulationFindingNode {
    /// The kind of problem.
    async fn kind(&self) -> SimulationFindingKind {
        self.0.kind.into()
    }

    /// The level concerned; null if none.
    async fn level(&self) -> Option<i32> {
        self.0.level
    }

    /// The person concerned; null if none.
    async fn user(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        user(ctx, self.0.user).await
    }

    /// The skill concerned; null if none.
    async fn skill(&self) -> Option<&str> {
        self.0.skill.as_deref()
    }
}

/// Queries of escalation.
#[derive(Default)]
pub struct EscalationQuery;

#[Object]
impl EscalationQuery {
    /// The tickets assigned to the viewer that they have not accepted yet.
    async fn my_todo(&self, ctx: &Context<'_>) -> async_graphql::Result<TodoNode> {
        let user = signed_in(ctx).or_top_level(ctx)?;
        let app = &cx(ctx).app;
        Ok(TodoNode(escalation::queries::todo(app, user).await.or_top_level(ctx)?))
    }

    /// The newest escalation policy of every priority; for staff.
    #[graphql(complexity = "4 * child_complexity")]
    async fn escalation_policies(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<EscalationPolicyNode>> {
        require_staff(ctx).or_top_level(ctx)?;
        let policies = escalation::queries::policies(&cx(ctx).app).await.or_top_level(ctx)?;
        Ok(policies.iter().cloned().map(EscalationPolicyNode).collect())
    }

    /// A dry run of an escalation policy on the current staff, with a virtual clock: who would not be reached, which
    /// levels reach nobody, which skill only one person has. For supervisors and administrators.
    #[graphql(complexity = "100 + 50 * child_complexity")]
    async fn simulate_escalation_policy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The policy.")] input: SimulatePolicyInput,
    ) -> async_graphql::Result<PolicySimulationNode> {
        simulate(ctx, input).await
    }

    /// A dry run of an escalation policy on the current staff, with a virtual clock: who would not be reached, which
    /// levels reach nobody, which skill only one person has. For supervisors and administrators.
    #[graphql(
        name = "rehearseEscalation",
        deprecation = "Use simulateEscalationPolicy.",
        complexity = "100 + 50 * child_complexity"
    )]
    async fn rehearse_escalation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The policy.")] input: SimulatePolicyInput,
    ) -> async_graphql::Result<PolicySimulationNode> {
        simulate(ctx, input).await
    }
}

async fn simulate(ctx: &Context<'_>, input: SimulatePolicyInput) -> async_graphql::Result<PolicySimulationNode> {
    signed_in(ctx).or_top_level(ctx)?;
    let SimulatePolicyInput { clock, levels, from } = input;
    let cx = cx(ctx);
    let levels = decide::levels(&level_inputs(levels)).map_err(Error::from).or_top_level(ctx)?;
    let policy = Policy { priority: DomainPriority::Normal, version: 0, measure: clock.into(), levels };
    let from = from.map_or_else(|| cx.now(), |from| from.0);
    let PolicySimulation { levels, findings } =
        escalation::queries::simulate(cx, &policy, from).await.or_top_level(ctx)?;
    let levels = levels.into_iter().map(|LevelSimulation { level, due_at, reached, of }| LevelSimulationNode {
        level,
        due_at: due_at.map(Into::into),
        reached: int(reached),
        reachable_count: int(reached),
        of: int(of),
        recipient_count: int(of),
    });
    Ok(PolicySimulationNode {
        levels: levels.collect(),
        findings: findings.into_iter().map(SimulationFindingNode).collect(),
    })
}

mutations! {
    /// Mutations of escalation; for administrators.
    pub struct EscalationMutation;

    /// Saves the escalation policy of a priority, as a new version; refused if it would reach nobody. For
    /// administrators.
    save_escalation_policy("The policy.")
    /// An escalation policy to save. Saving makes a new version; escalations that have started keep theirs.
    SaveEscalationPolicyInput {
        /// The priority of the tickets it applies to.
        priority: Priority,
        /// Whether levels are timed around the clock or in working hours.
        #[graphql(default_with = "EscalationClock::AroundTheClock")]
        clock: EscalationClock,
        /// The levels.
        levels: Vec<EscalationLevel>,
    } => SavePolicy {
        priority: priority.into(),
        measure: clock.into(),
        levels: level_inputs(levels),
    } => SaveEscalationPolicyPayload {
        /// The policy after the mutation; null if it was refused.
        policy: Option<EscalationPolicyNode> = policy,
    }
}

async fn policy(ctx: &Context<'_>, rank: Option<i32>) -> async_graphql::Result<Option<EscalationPolicyNode>> {
    let policies = escalation::queries::policies(&cx(ctx).app).await.or_top_level(ctx)?;
    Ok(policies.iter().find(|policy| Some(policy.priority.rank()) == rank).cloned().map(EscalationPolicyNode))
}
