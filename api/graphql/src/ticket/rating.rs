//! The satisfaction rating of a ticket.

use async_graphql::{Context, Object};
use domain::satisfaction::model::{Answer, Survey};

use super::super::people::{UserNode, existing_user};
use super::super::scalars::DateTime;

/// The satisfaction rating of a ticket.
pub struct RatingNode(pub Survey);

/// The satisfaction rating that the requester's side gave a ticket.
#[Object(name = "Rating")]
impl RatingNode {
    /// The score: 1 (worst) to 5 (best); null if there is no rating yet.
    async fn score(&self) -> Option<i32> {
        self.0.answer.as_ref().map(|answer| answer.score)
    }

    /// The comment of the last rating; null if there is none.
    async fn comment(&self) -> Option<&str> {
        self.0.answer.as_ref().and_then(|answer| answer.comment.as_deref())
    }

    /// Who gave the last rating; null if there is none.
    async fn by(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        match &self.0.answer {
            Some(Answer { by, .. }) => existing_user(ctx, *by).await.map(Some),
            None => Ok(None),
        }
    }

    /// When the last rating was given; null if there is none.
    async fn at(&self) -> Option<DateTime> {
        self.0.answer.as_ref().map(|answer| answer.at.into())
    }

    /// When the survey was sent; null if they rated without one.
    async fn survey_sent_at(&self) -> Option<DateTime> {
        self.0.asked.map(|(_, at)| at.into())
    }

    /// When the survey was sent; null if they rated without one.
    #[graphql(deprecation = "Use surveySentAt.")]
    async fn asked_at(&self) -> Option<DateTime> {
        self.0.asked.map(|(_, at)| at.into())
    }
}
