//! The attribution and the external references of a ticket.

use async_graphql::{Context, Object, SimpleObject};
use domain::tickets::model::{Attribution, ExternalRef};

use super::super::people::{UserNode, existing_user};
use super::super::scalars::{DateTime, FaultType, RootCauseLevel};

/// The attribution of a ticket.
pub struct AttributionNode(pub Attribution);

/// The root cause and solution of a ticket (归因); mandatory before a ticket is resolved.
#[Object(name = "Attribution")]
impl AttributionNode {
    /// What kind of fault it was.
    async fn fault_type(&self) -> FaultType {
        self.0.details.fault_type.into()
    }

    /// The level of the root cause: user error, environment or design defect.
    async fn root_cause_level(&self) -> RootCauseLevel {
        self.0.details.root_cause_level.into()
    }

    /// Key of the cause tag; null if none was given.
    async fn cause_tag(&self) -> Option<&str> {
        self.0.details.cause_tag.as_deref()
    }

    /// Keys of the solution tags; at least one.
    async fn solution_tags(&self) -> &[String] {
        &self.0.details.solution_tags
    }

    /// How it was resolved.
    async fn resolution(&self) -> &str {
        &self.0.details.resolution
    }

    /// Who recorded it.
    async fn by(&self, ctx: &Context<'_>) -> async_graphql::Result<UserNode> {
        existing_user(ctx, self.0.by).await
    }

    /// When it was recorded.
    async fn at(&self) -> DateTime {
        self.0.at.into()
    }
}

/// A ticket's reference in another system.
#[derive(SimpleObject)]
#[graphql(name = "ExternalRef")]
pub struct ExternalRefNode {
    /// Key of the system.
    system: String,
    /// The ticket's id in that system.
    external_id: String,
}

impl ExternalRefNode {
    pub fn of(given: ExternalRef) -> Self {
        let ExternalRef { system, external_id } = given;
        Self { system, external_id }
    }
}
