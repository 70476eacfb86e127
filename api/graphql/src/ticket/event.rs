//! The audit trail of a ticket.

use async_graphql::{Context, Object, SimpleObject};
use domain::kernel::UserId;
use domain::runtime::Row;
use domain::tickets;
use domain::tickets::model::{ExternalRef, Fact, Snapshot, TicketEvent};

use super::super::error::OrTopLevel as _;
use super::super::guard::cx;
use super::super::people::{UserNode, user};
use super::super::scalars::DateTime;
use super::comment::CommentNode;

/// An entry of the audit trail.
pub struct TicketEventNode(pub Row);

impl TicketEventNode {
    fn snapshots(&self) -> Option<(Option<&Snapshot>, &Snapshot)> {
        self.0.event.get::<TicketEvent>().map(|event| (event.before.as_ref(), &event.after))
    }
}

/// An event of a ticket: an immutable entry of the audit trail.
#[Object(name = "TicketEvent")]
impl TicketEventNode {
    /// Position in the event log; `boardEvents` and `ticketEvents` can continue after it.
    async fn cursor(&self, ctx: &Context<'_>) -> String {
        self.0.cursor.encode(&cx(ctx).app.log_epoch)
    }

    /// The kind of event, such as `TicketResolved`.
    async fn kind(&self) -> &str {
        &self.0.kind
    }

    /// When the event happened.
    async fn at(&self) -> DateTime {
        self.0.at.into()
    }

    /// Who did it, also in imported history; null if Buoy did it automatically.
    async fn actor(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        user(ctx, self.0.actor.map(UserId)).await
    }

    /// The channel through which it was done.
    async fn channel(&self) -> &str {
        &self.0.channel
    }

    /// The fields that changed; `externalRef` is a reference in another system that was linked or unlinked.
    async fn changes(&self) -> Vec<Change> {
        if let Some(change) = self.0.event.get::<TicketEvent>().and_then(|event| reference_change(&event.fact)) {
            return vec![change];
        }
        let Some((Some(before), after)) = self.snapshots() else { return Vec::new() };
        let id = |id: Option<uuid::Uuid>| id.map(|id| id.to_string());
        let values = |from: &str, to: &str| (Some(from.to_owned()), Some(to.to_owned()));
        [
            ("status", values(before.status.as_str(), after.status.as_str())),
            ("priority", values(before.priority.as_str(), after.priority.as_str())),
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

    /// The comment that was added; null if the event is not a comment.
    async fn comment(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<CommentNode>> {
        let Some(event) = self.0.event.get::<TicketEvent>() else { return Ok(None) };
        let id = match event.fact {
            Fact::Commented { comment, .. } => comment,
            Fact::Reopened { comment: Some(comment) } => comment,
            _ => return Ok(None),
        };
        let cx = cx(ctx);
        Ok(tickets::queries::comment(cx, id).await.or_top_level(ctx)?.map(CommentNode))
    }
}

/// The reference that an event linked to the ticket or took from it.
fn reference_change(fact: &Fact) -> Option<Change> {
    let text = |ExternalRef { system, external_id }: &ExternalRef| Some(format!("{system} {external_id}"));
    let (from, to) = match fact {
        Fact::Linked { reference, .. } => (None, text(reference)),
        Fact::Unlinked { reference } | Fact::ReferenceMoved { reference, .. } => (text(reference), None),
        _ => return None,
    };
    Some(Change { field: "externalRef".to_owned(), from, to })
}

/// A field that changed.
#[derive(SimpleObject)]
pub struct Change {
    /// The field's name.
    field: String,
    /// The previous value: an enum value, a catalogue key or an id; null if there was none.
    from: Option<String>,
    /// The new value: an enum value, a catalogue key or an id; null if there is none.
    to: Option<String>,
}
