//! Similar cases (resolved tickets with the same problem) and suggestions.

use async_graphql::{Context, Object, SimpleObject};
use domain::recommend;
use domain::recommend::model::Question;

use super::super::enums::{DismissalReason, SuggestionState};
use super::super::error::OrTopLevel as _;
use super::super::guard::cx;
use super::super::loaders::Loaders;
use super::super::scalars::{DateTime, MatchKind};
use super::TicketNode;
use domain::msg;

/// Default number of similar cases.
pub const SIMILAR_CASES: i32 = 3;
/// Complexity of one search for similar cases.
pub const SIMILAR_CASES_COST: usize = 20;

/// Searches for cases similar to a problem.
pub async fn similar(
    ctx: &Context<'_>,
    question: &Question,
    first: Option<i32>,
) -> async_graphql::Result<Vec<SimilarCase>> {
    let first = first.unwrap_or(SIMILAR_CASES);
    let max = recommend::model::CASES_MAX;
    let first = usize::try_from(first)
        .ok()
        .filter(|n| (1..=max).contains(n))
        .ok_or_else(|| domain::kernel::Error::bad_input(msg!("first-out-of-range", max = max)));
    let first = first.or_top_level(ctx)?;
    let cx = cx(ctx);
    let cases = recommend::queries::similar(cx, question, first).await.or_top_level(ctx)?;
    Ok(cases
        .into_iter()
        .zip(1..)
        .map(|(case, rank)| SimilarCase {
            rank,
            score: f64::from(case.score),
            ticket: TicketNode(case.view),
            state: case.state.map(Into::into),
            reasons: case
                .reasons
                .into_iter()
                .map(|search::Reason { kind, value, weight }| MatchReason {
                    kind: kind.into(),
                    value,
                    weight: f64::from(weight),
                })
                .collect(),
        })
        .collect())
}

/// A resolved ticket with the same problem.
#[derive(SimpleObject)]
pub struct SimilarCase {
    /// The rank; 1 is the best.
    rank: i32,
    /// The similarity, in 0..1, descending with rank; comparable between queries.
    score: f64,
    /// The case, as the viewer may see it.
    ticket: TicketNode,
    /// The reasons for the similarity, strongest first; at least one.
    reasons: Vec<MatchReason>,
    /// What was done with the case for this ticket; null if it was not shown with an assignment and nobody cited or
    /// dismissed it.
    state: Option<SuggestionState>,
}

/// One reason why a case is similar.
#[derive(SimpleObject)]
pub struct MatchReason {
    /// The kind of the match.
    kind: MatchKind,
    /// The matching part of the searched problem; for a field `name=value`.
    value: String,
    /// Its share of the score, in 0..1.
    weight: f64,
}

/// A suggested case.
pub struct SuggestionNode(pub recommend::model::Suggestion);

/// A case that was suggested for a ticket, or that somebody cited or dismissed for it; visible to staff.
#[Object(name = "Suggestion")]
impl SuggestionNode {
    /// The case; null if the viewer may not read it.
    async fn ticket(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TicketNode>> {
        Ok(ctx.data_unchecked::<Loaders>().load(self.0.case).await.or_top_level(ctx)?.map(TicketNode))
    }

    /// What was done with it.
    async fn state(&self) -> SuggestionState {
        self.0.state.into()
    }

    /// Why it was dismissed; null if it was not.
    async fn reason(&self) -> Option<DismissalReason> {
        self.0.reason.map(Into::into)
    }

    /// Its rank, from 1, among the cases shown together; null if it was found in another way.
    async fn rank(&self) -> Option<i32> {
        self.0.place
    }

    /// Its position, from 1, among the cases shown together; null if it was found in another way.
    #[graphql(deprecation = "Use rank.")]
    async fn place(&self) -> Option<i32> {
        self.0.place
    }

    /// When it was shown with the assignment; null if it was not.
    async fn shown_at(&self) -> Option<DateTime> {
        self.0.shown_at.map(Into::into)
    }

    /// When somebody last cited or dismissed it; null if nobody did.
    async fn feedback_at(&self) -> Option<DateTime> {
        self.0.settled_at.map(Into::into)
    }

    /// When somebody last cited or dismissed it; null if nobody did.
    #[graphql(deprecation = "Use feedbackAt.")]
    async fn settled_at(&self) -> Option<DateTime> {
        self.0.settled_at.map(Into::into)
    }
}
