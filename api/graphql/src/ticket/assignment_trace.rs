//! Why automatic assignment chose a person for a ticket.

use async_graphql::{Context, Object, SimpleObject};
use domain::dispatch::model::{Exclusion, ScoredCandidate, Trace};
use domain::msg;

use super::super::guard::language;
use super::super::people::{UserNode, existing_user, user};
use super::super::scalars::DateTime;

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
            Exclusion::AtCapacity => msg!("escalation-excluded-at-capacity"),
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
}

/// A part of a candidate's score.
#[derive(SimpleObject)]
pub struct ScorePart {
    /// The name of the part: `skillMatch` or `openWork`.
    name: String,
    /// What the part adds to the score.
    value: f64,
}
