//! Similar cases: solved tickets with the same problem.

use async_graphql::{Context, Object, SimpleObject};
use domain::recommend;
use domain::recommend::model::Question;

use super::Caller;
use super::error::OrTopLevel as _;
use super::loaders::Loaders;
use super::scalars::{DateTime, MatchKind};
use super::ticket::TicketNode;
use super::words::{DismissalReason, SuggestionState};

/// Cases of a ticket, where nobody says how many.
pub const SIMILAR_CASES: i32 = 3;
/// What one ticket's similar cases cost: a search.
pub const SIMILAR_CASES_PRICE: usize = 20;

/// The cases of a question, as the API answers them.
pub async fn similar(
    ctx: &Context<'_>,
    question: &Question,
    first: Option<i32>,
) -> async_graphql::Result<Vec<SimilarCase>> {
    let first = first.unwrap_or(SIMILAR_CASES);
    let max = recommend::model::CASES_MAX;
    let first = usize::try_from(first).ok().filter(|n| (1..=max).contains(n)).ok_or_else(|| {
        domain::kernel::Error::bad_input(
            format!("first must be between 1 and {max}."),
            format!("first 必须在 1 到 {max} 之间。"),
        )
    });
    let first = first.or_top_level(ctx)?;
    let cx = &ctx.data_unchecked::<Caller>().cx;
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
    /// 1 is the best.
    rank: i32,
    /// In 0..1, falling with rank; means the same for every question.
    score: f64,
    /// The case, as the viewer may see it.
    ticket: TicketNode,
    /// Why it is similar, strongest first; at least one.
    reasons: Vec<MatchReason>,
    /// What was made of it for the ticket that asks; null where it was not shown with an assignment and nobody has said anything of it.
    state: Option<SuggestionState>,
}

/// Something that a case and the question have in common.
#[derive(SimpleObject)]
pub struct MatchReason {
    /// What it is.
    kind: MatchKind,
    /// As it stands in the question; a field as `name=value`.
    value: String,
    /// Its share of the score, in 0..1.
    weight: f64,
}

/// A case that was suggested for a ticket, or that people said something of.
pub struct SuggestionNode(pub recommend::model::Suggestion);

#[Object(name = "Suggestion")]
impl SuggestionNode {
    /// The case; null where the viewer may not read it.
    async fn ticket(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TicketNode>> {
        Ok(ctx.data_unchecked::<Loaders>().one(self.0.case).await.or_top_level(ctx)?.map(TicketNode))
    }

    /// What became of it.
    async fn state(&self) -> SuggestionState {
        self.0.state.into()
    }

    /// Why it was dismissed; null where it was not.
    async fn reason(&self) -> Option<DismissalReason> {
        self.0.reason.map(Into::into)
    }

    /// Its place among those that were shown together, from 1; null where it was found otherwise.
    async fn place(&self) -> Option<i32> {
        self.0.place
    }

    /// When it was shown with the assignment; null where it was not.
    async fn shown_at(&self) -> Option<DateTime> {
        self.0.shown_at.map(Into::into)
    }

    /// When somebody cited or dismissed it last.
    async fn settled_at(&self) -> Option<DateTime> {
        self.0.settled_at.map(Into::into)
    }
}
