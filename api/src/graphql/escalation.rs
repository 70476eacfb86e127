//! Escalation in three levels, why a ticket went to whom, and what waits for somebody.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use domain::dispatch::model::{Exclusion, Trace, Weighed};
use domain::escalation;
use domain::escalation::decide;
use domain::escalation::model::{Escalation, Finding, LevelGiven, Policy, Rehearsal, Rehearsed, SavePolicy};
use domain::escalation::queries::Todo;
use domain::kernel::{Error, Message};
use domain::tickets::model::{Access, Priority as DomainPriority, View};

use super::Caller;
use super::duty::signed_in;
use super::error::{OrTopLevel as _, UserError, settle};
use super::nodes::{UserNode, somebody, user};
use super::scalars::{DateTime, Priority, int};
use super::sla::staff;
use super::ticket::{TicketNode, rows};
use super::words::{Channel, EscalationClock, EscalationState, RehearsalFindingKind};

/// A level of escalation of a ticket.
#[derive(SimpleObject)]
#[graphql(name = "Escalation")]
pub struct EscalationNode {
    /// Which watch over the ticket: each assignment is watched anew. Begins at 1.
    epoch: i32,
    /// 1, 2 or 3.
    level: i32,
    /// When it fires, if nobody has answered by then.
    due_at: DateTime,
    /// How it stands.
    state: EscalationState,
    /// When it fired.
    fired_at: Option<DateTime>,
    /// By which channels people are told.
    channels: Vec<Channel>,
}

impl EscalationNode {
    pub fn of(level: Escalation) -> Self {
        let Escalation { epoch, level, due_at, state, fired_at, channels, .. } = level;
        Self {
            epoch,
            level,
            due_at: due_at.into(),
            state: state.into(),
            fired_at: fired_at.map(Into::into),
            channels: channels.into_iter().map(Into::into).collect(),
        }
    }
}

/// Why a ticket was given to somebody by itself, or to nobody.
pub struct AssignmentTrace(pub Trace);

#[Object]
impl AssignmentTrace {
    /// When it was decided.
    async fn at(&self) -> DateTime {
        self.0.at.into()
    }

    /// Who got it; null: nobody suitable was there.
    async fn chosen(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        user(ctx, self.0.choice.chosen).await
    }

    /// Since when it waits in its team's queue.
    async fn queued_at(&self) -> Option<DateTime> {
        self.0.queued_at.map(Into::into)
    }

    /// How often it was assigned by itself.
    async fn assignments(&self) -> i32 {
        self.0.assignments
    }

    /// Who was looked at: those who might have got it first, best first; at most 50.
    #[graphql(complexity = "10 * child_complexity")]
    async fn candidates(&self) -> Vec<AssignmentCandidate> {
        self.0.choice.weighed.iter().cloned().map(AssignmentCandidate).collect()
    }
}

/// Somebody who was looked at for a ticket.
pub struct AssignmentCandidate(Weighed);

#[Object]
impl AssignmentCandidate {
    /// Who.
    async fn user(&self, ctx: &Context<'_>) -> async_graphql::Result<UserNode> {
        somebody(ctx, self.0.user).await
    }

    /// Whether they might have got it.
    async fn eligible(&self) -> bool {
        self.0.excluded.is_none()
    }

    /// Why not, in the language of the request.
    async fn excluded_because(&self, ctx: &Context<'_>) -> Option<String> {
        let excluded = self.0.excluded.as_ref()?;
        let message = match excluded {
            Exclusion::EarlierOwner => Message::new("had it before", "曾经负责过该工单"),
            Exclusion::MissingSkill(skill) => {
                Message::new(format!("does not have the skill {skill}"), format!("不具备技能 {skill}"))
            }
            Exclusion::Away => Message::new("is away", "离岗"),
            Exclusion::Delegated => Message::new("somebody stands in for them", "已由他人代理"),
            Exclusion::OffShift => Message::new("is not on shift", "不在班次内"),
            Exclusion::Unreachable => {
                Message::new("cannot be reached: no terminal, no session of late", "无法触达：未绑定终端，近期也未登录")
            }
            Exclusion::AtCapacity => Message::new("has no capacity left", "工作量已满"),
        };
        Some(ctx.data_unchecked::<Caller>().language.say(&message))
    }

    /// The sum of the parts; null where they might not have got it.
    async fn score(&self) -> Option<f64> {
        self.0.score
    }

    /// What the score is made of.
    async fn parts(&self) -> Vec<ScorePart> {
        self.0.parts.iter().map(|part| ScorePart { name: part.name.clone(), value: part.value }).collect()
    }
}

/// A part of a score.
#[derive(SimpleObject)]
pub struct ScorePart {
    /// `skillMatch` or `openWork`.
    name: String,
    /// What it adds.
    value: f64,
}

/// What waits for somebody: their tickets that they have not accepted.
pub struct TodoNode(pub Todo);

#[Object(name = "Todo")]
impl TodoNode {
    /// How many of them they have not opened.
    async fn unread(&self) -> i32 {
        int(self.0.unread)
    }

    /// How many wait.
    async fn count(&self) -> i32 {
        int(self.0.tickets.len())
    }

    /// How long the one that has waited longest waits for them.
    async fn longest_wait_seconds(&self, ctx: &Context<'_>) -> Option<i32> {
        let now = ctx.data_unchecked::<Caller>().cx.now();
        self.0.tickets.first().map(|(since, _)| int(now.seconds_since(*since)))
    }

    /// The tickets, those first that wait longest.
    #[graphql(complexity = "rows(first, None) * child_complexity")]
    async fn tickets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most so many; 100 at most, 20 where it is not given.")] first: Option<i32>,
    ) -> async_graphql::Result<Vec<TicketNode>> {
        let page = domain::kernel::Page::of(first, None, None, None).or_top_level(ctx)?;
        let max = usize::try_from(page.limit).unwrap_or(usize::MAX);
        let views =
            self.0.tickets.iter().take(max).map(|(_, ticket)| View { ticket: ticket.clone(), access: Access::Full });
        Ok(views.map(TicketNode).collect())
    }
}

/// By when somebody must have answered tickets of a priority, and who is told.
pub struct EscalationPolicyNode(Policy);

#[Object(name = "EscalationPolicy")]
impl EscalationPolicyNode {
    /// Of which priority.
    async fn priority(&self) -> Priority {
        self.0.priority.into()
    }

    /// Rises each time that it is saved.
    async fn version(&self) -> i32 {
        self.0.version
    }

    /// By which time levels are measured.
    async fn clock(&self) -> EscalationClock {
        self.0.measure.into()
    }

    /// The levels, in their order.
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

/// A level of a policy.
#[derive(SimpleObject, InputObject, Clone)]
#[graphql(input_name = "EscalationLevelInput")]
pub struct EscalationLevel {
    /// 1: the assignee is told. 2: the direct supervisor too. 3: the ticket goes to somebody else.
    level: i32,
    /// So long after the assignment (after creation, while nobody has it).
    after_seconds: i32,
    /// By these channels, all of them that a person has.
    channels: Vec<Channel>,
}

fn given(levels: Vec<EscalationLevel>) -> Vec<LevelGiven> {
    levels
        .into_iter()
        .map(|EscalationLevel { level, after_seconds, channels }| LevelGiven {
            level,
            after_secs: after_seconds,
            channels: channels.into_iter().map(Into::into).collect(),
        })
        .collect()
}

/// An escalation policy to be saved. It becomes a new version: what is watched already goes on by its own.
#[derive(InputObject)]
pub struct SaveEscalationPolicyInput {
    /// Of which priority.
    priority: Priority,
    /// By which time levels are measured.
    #[graphql(default_with = "EscalationClock::AroundTheClock")]
    clock: EscalationClock,
    /// The levels.
    levels: Vec<EscalationLevel>,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

/// What saving an escalation policy came to.
#[derive(SimpleObject)]
pub struct SaveEscalationPolicyPayload {
    /// The policy as it is now.
    policy: Option<EscalationPolicyNode>,
    /// Why nothing was saved; empty where it was.
    user_errors: Vec<UserError>,
}

/// A policy to be tried on the roster.
#[derive(InputObject)]
pub struct RehearseEscalationInput {
    /// By which time levels are measured.
    #[graphql(default_with = "EscalationClock::AroundTheClock")]
    clock: EscalationClock,
    /// The levels.
    levels: Vec<EscalationLevel>,
    /// A ticket is assigned at this instant of the virtual clock; by default now.
    from: Option<DateTime>,
}

/// What came of trying a policy on the roster. Nobody was told anything.
#[derive(SimpleObject)]
pub struct EscalationRehearsal {
    /// Level by level.
    levels: Vec<RehearsedLevel>,
    /// What is wrong with it.
    findings: Vec<RehearsalFinding>,
}

/// A level of a rehearsal.
#[derive(SimpleObject)]
pub struct RehearsedLevel {
    /// 1, 2 or 3.
    level: i32,
    /// When it would fire.
    due_at: Option<DateTime>,
    /// How many of those it may tell it reaches.
    reached: i32,
    /// How many it may tell.
    of: i32,
}

/// Something that is wrong with a policy, tried on the roster.
pub struct RehearsalFinding(Finding);

#[Object]
impl RehearsalFinding {
    /// What.
    async fn kind(&self) -> RehearsalFindingKind {
        self.0.kind.into()
    }

    /// At which level.
    async fn level(&self) -> Option<i32> {
        self.0.level
    }

    /// With whom.
    async fn user(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        user(ctx, self.0.user).await
    }

    /// With which skill.
    async fn skill(&self) -> Option<&str> {
        self.0.skill.as_deref()
    }
}

/// Queries of escalation.
#[derive(Default)]
pub struct EscalationQuery;

#[Object]
impl EscalationQuery {
    /// What waits for the viewer.
    async fn my_todo(&self, ctx: &Context<'_>) -> async_graphql::Result<TodoNode> {
        let user = signed_in(ctx).or_top_level(ctx)?;
        let app = &ctx.data_unchecked::<Caller>().cx.app;
        Ok(TodoNode(escalation::queries::todo(app, user).await.or_top_level(ctx)?))
    }

    /// The newest escalation policy of every priority; for staff.
    #[graphql(complexity = "4 * child_complexity")]
    async fn escalation_policies(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<EscalationPolicyNode>> {
        staff(ctx)?;
        let policies = escalation::queries::policies(&ctx.data_unchecked::<Caller>().cx.app).await.or_top_level(ctx)?;
        Ok(policies.iter().cloned().map(EscalationPolicyNode).collect())
    }

    /// Tries a policy on the roster as it is, on a virtual clock: who would not be reached, which levels are empty, which skill one
    /// person only has. For supervisors and administrators.
    #[graphql(complexity = "100 + 50 * child_complexity")]
    async fn rehearse_escalation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The policy.")] input: RehearseEscalationInput,
    ) -> async_graphql::Result<EscalationRehearsal> {
        signed_in(ctx).or_top_level(ctx)?;
        let RehearseEscalationInput { clock, levels, from } = input;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let levels = decide::levels(&given(levels)).map_err(Error::from).or_top_level(ctx)?;
        let policy = Policy { priority: DomainPriority::Normal, version: 0, measure: clock.into(), levels };
        let from = from.map_or_else(|| cx.now(), |from| from.0);
        let Rehearsal { levels, findings } =
            escalation::queries::rehearse(cx, &policy, from).await.or_top_level(ctx)?;
        let levels = levels.into_iter().map(|Rehearsed { level, due_at, reached, of }| RehearsedLevel {
            level,
            due_at: due_at.map(Into::into),
            reached: int(reached),
            of: int(of),
        });
        Ok(EscalationRehearsal {
            levels: levels.collect(),
            findings: findings.into_iter().map(RehearsalFinding).collect(),
        })
    }
}

/// Mutations of escalation.
#[derive(Default)]
pub struct EscalationMutation;

#[Object]
impl EscalationMutation {
    /// Saves the escalation policy of a priority, as a new version. One that reaches nobody is refused. For administrators.
    async fn save_escalation_policy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to save.")] input: SaveEscalationPolicyInput,
    ) -> async_graphql::Result<SaveEscalationPolicyPayload> {
        let SaveEscalationPolicyInput { priority, clock, levels, idempotency_key } = input;
        let command = SavePolicy { priority: priority.into(), measure: clock.into(), levels: given(levels) };
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let (rank, user_errors) = settle(ctx, cx.execute(&command, idempotency_key.as_deref()).await)?;
        let policies = escalation::queries::policies(&cx.app).await.or_top_level(ctx)?;
        let policy = policies.iter().find(|policy| Some(policy.priority.rank()) == rank);
        Ok(SaveEscalationPolicyPayload { policy: policy.cloned().map(EscalationPolicyNode), user_errors })
    }
}
