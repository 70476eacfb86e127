//! Why automatic assignment chose a person for a ticket.

use async_graphql::{Context, Object, SimpleObject};
use domain::dispatch::model::{Exclusion, ScoredCandidate, Trace, Workload, normal_tickets};
use domain::msg;
use domain::tickets::model::SolvedCase;

use super::super::enums::SkillSource;
use super::super::guard::language;
use super::super::people::{UserNode, existing_user, user};
use super::super::scalars::{DateTime, int};
use super::super::skills::SkillLevel;

/// The trace of an automatic assignment.
pub struct AssignmentTrace(pub Trace);

/// Why automatic assignment chose a person for a ticket, or nobody; visible to staff.
#[Object]
impl AssignmentTrace {
    /// When the decision was made.
    async fn at(&self) -> DateTime {
        self.0.at.into()
    }

    /// The person who was chosen; null if nobody was suitable.
    async fn chosen(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        user(ctx, self.0.choice.chosen).await
    }

    /// Since when the ticket waits in its team's queue; null if it does not.
    async fn queued_at(&self) -> Option<DateTime> {
        self.0.queued_at.map(Into::into)
    }

    /// How often the ticket was assigned automatically.
    async fn assignments(&self) -> i32 {
        self.0.assignments
    }

    /// The skills that the ticket required, and why.
    async fn required_skills(&self) -> Vec<RequiredSkill> {
        self.0.basis.skills.iter().cloned().map(RequiredSkill::of).collect()
    }

    /// Whether the skills of issue type and product only counted in the score, because nobody suitable had them all. Skills given
    /// with the ticket always exclude.
    async fn derived_skills_preferred(&self) -> bool {
        self.0.choice.derived_preferred
    }

    /// The key, name or alias by which the product was recognised in the ticket's text; null if somebody gave the product, or if
    /// there is none.
    async fn product_recognised_by(&self) -> Option<&str> {
        self.0.basis.product_recognised_by.as_deref()
    }

    /// Keys of products that the ticket's text names equally clearly, so that none was taken.
    async fn ambiguous_products(&self) -> &[String] {
        &self.0.basis.ambiguous_products
    }

    /// Solved tickets like this one, most similar first, at most 10: who solved them gets points.
    #[graphql(complexity = "10 * child_complexity")]
    async fn similar_cases(&self) -> Vec<AssignmentCase> {
        self.0.basis.cases.iter().cloned().map(AssignmentCase).collect()
    }

    /// The people considered: eligible ones first, best score first; at most 50.
    #[graphql(complexity = "10 * child_complexity")]
    async fn candidates(&self) -> Vec<AssignmentCandidate> {
        self.0.choice.candidates.iter().cloned().map(AssignmentCandidate).collect()
    }
}

/// A candidate of an automatic assignment.
pub struct AssignmentCandidate(ScoredCandidate);

/// A person who was considered in an automatic assignment.
#[Object]
impl AssignmentCandidate {
    /// The candidate.
    async fn user(&self, ctx: &Context<'_>) -> async_graphql::Result<UserNode> {
        existing_user(ctx, self.0.user).await
    }

    /// Whether the person could have been assigned.
    async fn eligible(&self) -> bool {
        self.0.excluded.is_none()
    }

    /// Why the person was excluded, in the language of the request; null if they were eligible.
    async fn excluded_because(&self, ctx: &Context<'_>) -> Option<String> {
        let excluded = self.0.excluded.as_ref()?;
        let message = match excluded {
            Exclusion::EarlierOwner => msg!("escalation-excluded-earlier-owner"),
            Exclusion::MissingSkill(skill) => {
                msg!("escalation-excluded-skill-missing", skill = skill)
            }
            Exclusion::Away => msg!("escalation-excluded-away"),
            Exclusion::Delegated => msg!("escalation-excluded-delegated"),
            Exclusion::OffShift => msg!("escalation-excluded-off-shift"),
            Exclusion::Unreachable => {
                msg!("escalation-excluded-unreachable")
            }
            Exclusion::SkillLevelTooLow { skill, level, required } => {
                msg!("escalation-excluded-skill-level-too-low", skill = skill, level = level, required = required)
            }
            Exclusion::AtCapacity => match self.0.workload {
                Some(Workload { load, capacity }) => {
                    let tickets = normal_tickets(load);
                    msg!("escalation-excluded-at-capacity-of", load = load, capacity = capacity, tickets = tickets)
                }
                None => msg!("escalation-excluded-at-capacity"),
            },
        };
        Some(message.text(language(ctx)))
    }

    /// The sum of the parts; null if the person was excluded.
    async fn score(&self) -> Option<f64> {
        self.0.score
    }

    /// The parts that make up the score.
    async fn parts(&self) -> Vec<ScorePart> {
        self.0.parts.iter().map(|part| ScorePart { name: part.name.clone(), value: part.value }).collect()
    }

    /// Their levels of the required skills, from which `skillMatch` is made; level 0: without the skill.
    async fn skill_levels(&self) -> Vec<SkillLevel> {
        self.0.skills.iter().cloned().map(Into::into).collect()
    }

    /// The numbers of the similar cases that they solved.
    async fn similar_cases(&self) -> Vec<i32> {
        self.0.cases.iter().copied().map(int).collect()
    }

    /// Their open work at that time, in points: an open ticket counts 4 (urgent), 3 (high), 2 (normal) or 1 (low), and 1 while it
    /// is waiting; null for decisions of older versions.
    async fn open_work(&self) -> Option<i32> {
        self.0.workload.map(|workload| workload.load)
    }

    /// How much open work they took at that time, in points like `openWork`; 20 points are about ten normal tickets.
    async fn capacity(&self) -> Option<i32> {
        self.0.workload.map(|workload| workload.capacity)
    }
}

/// A skill that a ticket requires, and why.
#[derive(SimpleObject)]
pub struct RequiredSkill {
    /// Key of the skill.
    skill: String,
    /// The lowest level that will do, from 1 (beginner) to 5 (can teach others).
    level: i32,
    /// Why the ticket requires it.
    source: SkillSource,
}

impl RequiredSkill {
    fn of(required: domain::dispatch::model::RequiredSkill) -> Self {
        let domain::dispatch::model::RequiredSkill { skill, level, source } = required;
        Self { skill, level, source: source.into() }
    }
}

/// A solved ticket that a decision considered.
pub struct AssignmentCase(SolvedCase);

/// A solved ticket like the one that was assigned.
#[Object]
impl AssignmentCase {
    /// The number of the solved ticket.
    async fn number(&self) -> i32 {
        int(self.0.number)
    }

    /// How similar it is, from 0 to 1.
    async fn similarity(&self) -> f64 {
        self.0.similarity
    }

    /// Who had it when it was resolved.
    async fn solved_by(&self, ctx: &Context<'_>) -> async_graphql::Result<UserNode> {
        existing_user(ctx, self.0.solver).await
    }
}

/// A part of a candidate's score.
#[derive(SimpleObject)]
pub struct ScorePart {
    /// The name of the part: `skillMatch`, `openWork` or `similarCases`.
    name: String,
    /// What the part adds to the score.
    value: f64,
}
