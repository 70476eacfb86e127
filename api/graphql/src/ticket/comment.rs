//! Comments on tickets.

use async_graphql::{Context, ID, Object};
use domain::tickets::model::Comment;

use super::super::people::{UserNode, existing_user};
use super::super::scalars::{CommentVisibility, DateTime};

/// A comment.
pub struct CommentNode(pub Comment);

/// A comment on a ticket.
#[Object(name = "Comment")]
impl CommentNode {
    /// Globally unique id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The text.
    async fn body(&self) -> &str {
        &self.0.body
    }

    /// Who may read the comment.
    async fn visibility(&self) -> CommentVisibility {
        self.0.visibility.into()
    }

    /// Who wrote it.
    async fn author(&self, ctx: &Context<'_>) -> async_graphql::Result<UserNode> {
        existing_user(ctx, self.0.author).await
    }

    /// When it was written.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }
}
