//! What hangs on a ticket.

use async_graphql::{Context, ID, Object, SimpleObject};
use domain::event::Event;
use domain::kernel::UserId;
use domain::runtime::Row;
use domain::tickets;
use domain::tickets::model::{Attribution, Comment, ExternalRef, Fact, Snapshot};

use super::super::Caller;
use super::super::error::OrTopLevel as _;
use super::super::nodes::{UserNode, user};
use super::super::scalars::{CommentVisibility, DateTime, FaultType, RootCauseLevel};

/// What a ticket was and how it was solved.
pub struct AttributionNode(pub Attribution);

#[Object(name = "Attribution")]
impl AttributionNode {
    /// What kind of fault it was.
    async fn fault_type(&self) -> FaultType {
        self.0.given.fault_type.into()
    }

    /// How deep the cause lies.
    async fn root_cause_level(&self) -> RootCauseLevel {
        self.0.given.root_cause_level.into()
    }

    /// Key of the cause tag.
    async fn cause_tag(&self) -> Option<&str> {
        self.0.given.cause_tag.as_deref()
    }

    /// Keys of the solution tags; at least one.
    async fn solution_tags(&self) -> &[String] {
        &self.0.given.solution_tags
    }

    /// How it was resolved.
    async fn resolution(&self) -> &str {
        &self.0.given.resolution
    }

    /// Who says so.
    async fn by(&self, ctx: &Context<'_>) -> async_graphql::Result<UserNode> {
        user(ctx, Some(self.0.by)).await?.ok_or_else(|| author_gone(ctx))
    }

    /// When it was said.
    async fn at(&self) -> DateTime {
        self.0.at.into()
    }
}

/// What another system calls a ticket.
#[derive(SimpleObject)]
#[graphql(name = "ExternalRef")]
pub struct ExternalRefNode {
    /// Key of the system.
    system: String,
    /// The ticket's id there.
    external_id: String,
}

impl ExternalRefNode {
    pub fn of(given: ExternalRef) -> Self {
        let ExternalRef { system, external_id } = given;
        Self { system, external_id }
    }
}

/// People are never deleted: a broken invariant.
fn author_gone(ctx: &Context<'_>) -> async_graphql::Error {
    let error = domain::kernel::Error::internal("an author has no row");
    super::super::error::top_level(error, ctx.data_unchecked::<Caller>().language)
}

/// Something written to a ticket.
pub struct CommentNode(pub Comment);

#[Object(name = "Comment")]
impl CommentNode {
    /// Unique among all things.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The text.
    async fn body(&self) -> &str {
        &self.0.body
    }

    /// Who may read it.
    async fn visibility(&self) -> CommentVisibility {
        self.0.visibility.into()
    }

    /// Who wrote it.
    async fn author(&self, ctx: &Context<'_>) -> async_graphql::Result<UserNode> {
        user(ctx, Some(self.0.author)).await?.ok_or_else(|| author_gone(ctx))
    }

    /// When it was written.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }
}

/// A row of the audit trail.
pub struct TicketEventNode(pub Row);

impl TicketEventNode {
    fn snapshots(&self) -> Option<(Option<&Snapshot>, &Snapshot)> {
        match &*self.0.event {
            Event::Ticket(event) => Some((event.before.as_ref(), &event.after)),
            _ => None,
        }
    }
}

#[Object(name = "TicketEvent")]
impl TicketEventNode {
    /// Its place in the log: `boardEvents` and `ticketEvents` go on behind it.
    async fn cursor(&self, ctx: &Context<'_>) -> String {
        self.0.cursor.seal(&ctx.data_unchecked::<Caller>().cx.app.log_epoch)
    }

    /// What happened, as `TicketResolved`.
    async fn kind(&self) -> &str {
        &self.0.kind
    }

    /// When it happened.
    async fn at(&self) -> DateTime {
        self.0.at.into()
    }

    /// Who did it, in imported history too; null where Buoy itself did.
    async fn actor(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        user(ctx, self.0.actor.map(UserId)).await
    }

    /// From where.
    async fn channel(&self) -> &str {
        &self.0.channel
    }

    /// What became different.
    async fn changes(&self) -> Vec<Change> {
        let Some((Some(before), after)) = self.snapshots() else { return Vec::new() };
        let id = |id: Option<uuid::Uuid>| id.map(|id| id.to_string());
        let words = |from: &str, to: &str| (Some(from.to_owned()), Some(to.to_owned()));
        [
            ("status", words(before.status.word(), after.status.word())),
            ("priority", words(before.priority.word(), after.priority.word())),
            ("assignee", (id(before.assignee.map(|id| id.0)), id(after.assignee.map(|id| id.0)))),
            ("team", (id(before.team.map(|id| id.0)), id(after.team.map(|id| id.0)))),
            ("product", (before.product.clone(), after.product.clone())),
            ("issueType", (before.issue_type.clone(), after.issue_type.clone())),
        ]
        .into_iter()
        .filter(|(_, (from, to))| from != to)
        .map(|(field, (from, to))| Change { field: field.to_owned(), from, to })
        .collect()
    }

    /// The comment that was written.
    async fn comment(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<CommentNode>> {
        let Event::Ticket(event) = &*self.0.event else { return Ok(None) };
        let id = match event.fact {
            Fact::Commented { comment, .. } => comment,
            Fact::Reopened { comment: Some(comment) } => comment,
            _ => return Ok(None),
        };
        let cx = &ctx.data_unchecked::<Caller>().cx;
        Ok(Box::pin(tickets::queries::comment(cx, id)).await.or_top_level(ctx)?.map(CommentNode))
    }
}

/// A field that became different.
#[derive(SimpleObject)]
pub struct Change {
    /// The field's name.
    field: String,
    /// What it was: a word, a key or an id.
    from: Option<String>,
    /// What it is: a word, a key or an id.
    to: Option<String>,
}
