//! Similar cases: solved tickets with the same problem.

use async_graphql::{Context, SimpleObject};
use domain::recommend;
use domain::recommend::model::Question;

use super::Caller;
use super::error::OrTopLevel as _;
use super::scalars::MatchKind;
use super::ticket::TicketNode;
use super::words::SuggestionState;

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
