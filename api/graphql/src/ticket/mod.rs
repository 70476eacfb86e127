//! The ticket and its parts.

mod assignment_trace;
mod attribution;
mod comment;
mod escalation;
mod event;
mod mutation;
mod pending_report;
mod rating;
mod similar;
mod sla_clock;

pub use self::attribution::{AttributionNode, ExternalRefNode};
pub use self::comment::CommentNode;
pub use self::event::TicketEventNode;
pub use self::mutation::TicketMutation;
pub use self::similar::{SIMILAR_CASES, SIMILAR_CASES_COST, SimilarCase, similar};
pub use self::sla_clock::SlaClockNode;

use self::assignment_trace::AssignmentTrace;
use self::escalation::EscalationNode;
use self::pending_report::PendingReport;
use self::rating::RatingNode;
use self::similar::SuggestionNode;

use async_graphql::{Context, ID, Object};
use domain::kernel::{TeamId, TicketId, UserId};
use domain::recommend;
use domain::recommend::model::Question;
use domain::tickets;
use domain::tickets::decide::rights;
use domain::tickets::model::{Access, Ticket, View};
use graphql_macros::paged;

use super::error::OrTopLevel as _;
use super::guard::cx;
use super::knowledge::{CardNode, CitationNode};
use super::loaders::{
    AttributionOf, CardOf, CitationsOf, CommentsOf, EscalationsOf, EventsOf, Loaders, NotificationsOf, RefsOf,
    SlaClocksOf, SourceSolutionOf, SurveyOf, TraceOf,
};
use super::notifications::{NotificationNode, UnseenVerdict};
use super::paging::{PageArgs, Relay, relay, rows};
use super::people::{CustomerNode, TeamNode, UserNode, user};
use super::scalars::{DateTime, Priority, TicketAccess, TicketAction, TicketStatus, int};

/// A ticket, as the viewer may see it.
pub struct TicketNode(pub View);

impl TicketNode {
    fn ticket(&self) -> &Ticket {
        &self.0.ticket
    }

    /// The value for viewers who see the ticket in full; `None` for others.
    fn full<T>(&self, value: Option<T>) -> Option<T> {
        value.filter(|_| self.0.access == Access::Full)
    }

    /// The value for staff who see the ticket in full; `None` for others.
    fn staff<T>(&self, ctx: &Context<'_>, value: Option<T>) -> Option<T> {
        self.full(value).filter(|_| !as_requester(ctx))
    }
}

fn as_requester(ctx: &Context<'_>) -> bool {
    rights::sees_as_requester(&cx(ctx).actor)
}

/// A ticket (工单), as the viewer may see it. A viewer who reads it only as a case (`access` is CASE) sees its title,
/// description, product and attribution; fields of its handling are null or empty.
#[paged]
#[Object(name = "Ticket")]
impl TicketNode {
    /// Globally unique id: a UUIDv7.
    pub async fn id(&self) -> ID {
        self.ticket().id.to_string().into()
    }

    /// The ticket number for people; unique and increasing, with gaps.
    async fn number(&self) -> i32 {
        int(self.ticket().number)
    }

    /// The hub token, `TKN-XXXXXX-XXXXX`; its last character is a check character.
    async fn token(&self) -> &str {
        &self.ticket().token
    }

    /// The problem in one line (title).
    async fn title(&self) -> &str {
        &self.ticket().request.title
    }

    /// The full description of the problem.
    async fn description(&self) -> &str {
        &self.ticket().request.description
    }

    /// The status in the life cycle.
    async fn status(&self) -> TicketStatus {
        self.ticket().status.into()
    }

    /// The priority.
    async fn priority(&self) -> Priority {
        self.ticket().request.priority.into()
    }

    /// Key of the issue type; null if none.
    async fn issue_type(&self) -> Option<&str> {
        self.ticket().request.issue_type.as_deref()
    }

    /// Key of the product; null if none.
    async fn product(&self) -> Option<&str> {
        self.ticket().request.product.as_deref()
    }

    /// The key, name or alias by which the product was recognised in the ticket's text; null if somebody gave the product, or if
    /// there is none. For staff.
    async fn product_recognised_by(&self, ctx: &Context<'_>) -> Option<&str> {
        self.staff(ctx, self.ticket().request.product_recognised_by.as_deref())
    }

    /// The serial number of the affected device; null if none is given, or if it is read as a case.
    async fn device(&self) -> Option<&str> {
        self.full(self.ticket().request.device.as_deref())
    }

    /// Key of the channel through which it was submitted.
    async fn channel(&self) -> &str {
        &self.ticket().request.channel
    }

    /// Keys of the skills that were given with the ticket. Its issue type and its product may require more; see
    /// `assignmentTrace`.
    async fn required_skills(&self) -> &[String] {
        &self.ticket().request.required_skills
    }

    /// The version; increases with every change that others must have seen. Pass it as `expectedVersion`.
    async fn version(&self) -> i32 {
        self.ticket().version
    }

    /// The person who needs help; null if it is read as a case.
    async fn requester(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        user(ctx, self.full(self.ticket().request.requester)).await
    }

    /// The customer organisation; null if there is none, or if it is read as a case.
    async fn customer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<CustomerNode>> {
        let Some(id) = self.full(self.ticket().request.customer) else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().load(id).await.or_top_level(ctx)?.map(CustomerNode))
    }

    /// The person responsible for it; null while nobody is, or if it is read as a case.
    async fn assignee(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        user(ctx, self.full(self.ticket().assignment.assignee)).await
    }

    /// The team whose queue it is in; null if none, or if it is read as a case.
    async fn team(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TeamNode>> {
        let Some(id) = self.full(self.ticket().assignment.team) else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().load::<TeamId>(id).await.or_top_level(ctx)?.map(TeamNode))
    }

    /// When it was created.
    async fn created_at(&self) -> DateTime {
        self.ticket().times.created_at.into()
    }

    /// When it last changed, counting only changes that the viewer may see.
    async fn updated_at(&self, ctx: &Context<'_>) -> DateTime {
        let hidden = as_requester(ctx) || self.0.access == Access::Case;
        if hidden { self.ticket().times.public_updated_at.into() } else { self.ticket().times.updated_at.into() }
    }

    /// When somebody on the responsible side first looked at it; null if nobody has. For staff.
    async fn first_opened_at(&self, ctx: &Context<'_>) -> Option<DateTime> {
        self.staff(ctx, self.ticket().times.first_opened_at).map(Into::into)
    }

    /// Who on the responsible side first looked at it; null if nobody has. For staff.
    async fn first_opened_by(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        user(ctx, self.staff(ctx, self.ticket().times.first_opened_by)).await
    }

    /// When somebody on the responsible side first acted on it deliberately (first response 首响); null if nobody has.
    /// For staff.
    async fn first_responded_at(&self, ctx: &Context<'_>) -> Option<DateTime> {
        self.staff(ctx, self.ticket().times.first_responded_at).map(Into::into)
    }

    /// When it was resolved; null while it is open.
    async fn resolved_at(&self) -> Option<DateTime> {
        self.ticket().closing.resolved_at.map(Into::into)
    }

    /// When it was closed; null if it is not.
    async fn closed_at(&self) -> Option<DateTime> {
        self.ticket().closing.closed_at.map(Into::into)
    }

    /// How often it was reopened.
    async fn reopen_count(&self) -> i32 {
        self.ticket().counts.reopenings
    }

    /// How often it went to another person or team after it had been accepted and before it was first resolved; for an
    /// imported ticket the count of its source, if that has one.
    async fn hand_over_count(&self) -> i32 {
        self.ticket().counts.hand_overs
    }

    /// Whether rows of its imported history were refused: what the others say may be wrong, and metrics leave it out.
    async fn history_incomplete(&self) -> bool {
        self.ticket().history.incomplete
    }

    /// How often it was chased (催单).
    async fn chase_count(&self) -> i32 {
        self.ticket().counts.chases
    }

    /// Whom or what it waits for; null if it is not waiting.
    async fn waiting_reason(&self) -> Option<&str> {
        self.full(self.ticket().waiting_reason.as_deref())
    }

    /// Why it was cancelled; null if it was not.
    async fn cancel_reason(&self) -> Option<&str> {
        self.full(self.ticket().closing.cancel_reason.as_deref())
    }

    /// The ticket it was merged into; null if it was not.
    async fn merged_into(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Box<TicketNode>>> {
        let Some(id) = self.full(self.ticket().closing.merged_into) else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().load::<TicketId>(id).await.or_top_level(ctx)?.map(TicketNode).map(Box::new))
    }

    /// The root cause and solution; never null on a ticket resolved in Buoy. Null before, and on imported history that
    /// came without one.
    async fn attribution(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<AttributionNode>> {
        let key = AttributionOf(self.ticket().id);
        Ok(ctx.data_unchecked::<Loaders>().load(key).await.or_top_level(ctx)?.map(AttributionNode))
    }

    /// Whether it is history imported as closed without an attribution and still has none.
    async fn unattributed(&self, ctx: &Context<'_>) -> async_graphql::Result<bool> {
        if !self.ticket().request.imported || !self.ticket().status.is_solved() {
            return Ok(false);
        }
        let key = AttributionOf(self.ticket().id);
        Ok(ctx.data_unchecked::<Loaders>().load(key).await.or_top_level(ctx)?.is_none())
    }

    /// What the source of an imported ticket says of its cause and solution, as a text, because it is no whole attribution;
    /// null otherwise. It is searched and shown like a solution, and counts in no figure about causes.
    async fn source_solution(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<String>> {
        if !self.ticket().request.imported {
            return Ok(None);
        }
        ctx.data_unchecked::<Loaders>().load(SourceSolutionOf(self.ticket().id)).await.or_top_level(ctx)
    }

    /// The ticket's references in other systems.
    async fn external_refs(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<ExternalRefNode>> {
        if self.0.access == Access::Case {
            return Ok(Vec::new());
        }
        let refs = ctx.data_unchecked::<Loaders>().load(RefsOf(self.ticket().id)).await.or_top_level(ctx)?;
        Ok(refs.unwrap_or_default().into_iter().map(ExternalRefNode::of).collect())
    }

    /// Its comments, oldest first. Requesters see only public ones.
    #[graphql(complexity = "rows(first, last) * child_complexity + 1")]
    async fn comments(&self, ctx: &Context<'_>, #[brief] page: PageArgs) -> async_graphql::Result<Relay<CommentNode>> {
        let page = page.checked(ctx)?;
        if self.0.access == Access::Case {
            return Ok(Relay::new(false, false));
        }
        let ticket = self.ticket().id;
        if page.after.is_some() || page.before.is_some() {
            let cx = cx(ctx);
            return Ok(relay(tickets::queries::comments(cx, ticket, &page).await.or_top_level(ctx)?, CommentNode));
        }
        let key = CommentsOf { ticket, limit: page.limit, backward: page.backward };
        let mut found = ctx.data_unchecked::<Loaders>().load(key).await.or_top_level(ctx)?.unwrap_or_default();
        if page.backward {
            found.reverse();
        }
        Ok(relay(tickets::queries::comment_page(&page, found), CommentNode))
    }

    /// The audit trail, in the order of the event log; its cursors can be used with `boardEvents`.
    #[graphql(complexity = "rows(first, last) * child_complexity + 5")]
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[brief] page: PageArgs,
    ) -> async_graphql::Result<Relay<TicketEventNode>> {
        let page = page.checked(ctx)?;
        if self.0.access == Access::Case {
            return Ok(Relay::new(false, false));
        }
        let (cx, ticket) = (cx(ctx), self.ticket().id);
        if page.after.is_some() || page.before.is_some() {
            return Ok(relay(tickets::queries::events(cx, ticket, &page).await.or_top_level(ctx)?, TicketEventNode));
        }
        let key = EventsOf { ticket, limit: page.limit, backward: page.backward };
        let found = ctx.data_unchecked::<Loaders>().load(key).await.or_top_level(ctx)?.unwrap_or_default();
        Ok(relay(tickets::queries::event_page(cx, &page, found), TicketEventNode))
    }

    /// Resolved tickets with the same problem, best first; never this one.
    #[graphql(complexity = "SIMILAR_CASES_COST + child_complexity * rows(first.or(Some(SIMILAR_CASES)), None)")]
    async fn similar_cases(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(SIMILAR_CASES)", desc = "How many to return, 1 to 50.")] first: Option<i32>,
    ) -> async_graphql::Result<Vec<SimilarCase>> {
        Box::pin(similar(ctx, &Question::of(self.ticket()), first)).await
    }

    /// Cases that were suggested for it, or cited or dismissed by somebody, in the order in which they were shown; for
    /// staff.
    #[graphql(complexity = "SIMILAR_CASES_COST + 10 * child_complexity")]
    async fn suggestions(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<SuggestionNode>> {
        let cx = cx(ctx);
        let all = recommend::queries::suggestions(cx, self.ticket().id).await.or_top_level(ctx)?;
        Ok(all.into_iter().map(SuggestionNode).collect())
    }

    /// The solutions that were cited in it, oldest first; for staff.
    #[graphql(complexity = "5 + 3 * child_complexity")]
    async fn citations(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<CitationNode>> {
        let Some(id) = self.staff(ctx, Some(self.ticket().id)) else { return Ok(Vec::new()) };
        let cited = ctx.data_unchecked::<Loaders>().load(CitationsOf(id)).await.or_top_level(ctx)?;
        Ok(cited.unwrap_or_default().into_iter().map(CitationNode).collect())
    }

    /// The satisfaction rating; null if the requester's side was not asked and has not rated.
    async fn rating(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<RatingNode>> {
        let Some(id) = self.full(Some(self.ticket().id)) else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().load(SurveyOf(id)).await.or_top_level(ctx)?.map(RatingNode))
    }

    /// The knowledge card that contains it as a case; null if there is none. For staff.
    async fn card(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<CardNode>> {
        if as_requester(ctx) {
            return Ok(None);
        }
        let loaders = ctx.data_unchecked::<Loaders>();
        let Some(card) = loaders.load(CardOf(self.ticket().id)).await.or_top_level(ctx)? else { return Ok(None) };
        Ok(loaders.load(card).await.or_top_level(ctx)?.map(CardNode))
    }

    /// When it was marked as 超时未响应, because nobody had opened it in time; null if it was not. For staff.
    async fn no_response_marked_at(&self, ctx: &Context<'_>) -> Option<DateTime> {
        self.staff(ctx, self.ticket().times.no_response_marked_at).map(Into::into)
    }

    /// Since when the requester waits for an answer to what they wrote; null if they do not, and for requesters.
    async fn asked_at(&self, ctx: &Context<'_>) -> Option<DateTime> {
        self.staff(ctx, self.ticket().times.asked_at).map(Into::into)
    }

    /// A reported status that waits for an attribution, an assignee or a decision; null if there is none. For staff.
    async fn pending_report(&self, ctx: &Context<'_>) -> Option<PendingReport> {
        self.staff(ctx, self.ticket().pending.clone()).map(PendingReport::of)
    }

    /// All notifications about it, oldest first; for staff.
    #[graphql(complexity = "10 + 5 * child_complexity")]
    async fn notifications(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<NotificationNode>> {
        let Some(id) = self.staff(ctx, Some(self.ticket().id)) else { return Ok(Vec::new()) };
        let notifications = ctx.data_unchecked::<Loaders>().load(NotificationsOf(id)).await.or_top_level(ctx)?;
        Ok(notifications.unwrap_or_default().into_iter().map(NotificationNode).collect())
    }

    /// Why nobody has responded yet, with the notifications that prove it; null if somebody has. For staff.
    #[graphql(complexity = "20 + child_complexity")]
    async fn unseen_verdict(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UnseenVerdict>> {
        let Some(id) = self.staff(ctx, Some(self.ticket().id)) else { return Ok(None) };
        let notifications = ctx.data_unchecked::<Loaders>().load(NotificationsOf(id)).await.or_top_level(ctx)?;
        let cx = cx(ctx);
        let notifications = notifications.unwrap_or_default();
        let verdict = domain::notifications::queries::verdict(cx, self.ticket(), &notifications);
        let verdict = verdict.await.or_top_level(ctx)?;
        Ok(verdict.map(|verdict| UnseenVerdict { verdict, assignee: self.ticket().assignment.assignee }))
    }

    /// Its levels of escalation, in all epochs; for staff.
    #[graphql(complexity = "5 + 3 * child_complexity")]
    async fn escalations(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<EscalationNode>> {
        let Some(id) = self.staff(ctx, Some(self.ticket().id)) else { return Ok(Vec::new()) };
        let levels = ctx.data_unchecked::<Loaders>().load(EscalationsOf(id)).await.or_top_level(ctx)?;
        Ok(levels.unwrap_or_default().into_iter().map(EscalationNode::of).collect())
    }

    /// How the last automatic assignment was decided; null if there was none. For staff.
    async fn assignment_trace(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<AssignmentTrace>> {
        let Some(id) = self.staff(ctx, Some(self.ticket().id)) else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().load(TraceOf(id)).await.or_top_level(ctx)?.map(AssignmentTrace))
    }

    /// Its SLA clocks; for staff.
    #[graphql(complexity = "5 + 2 * child_complexity")]
    async fn sla_clocks(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<SlaClockNode>> {
        let Some(id) = self.staff(ctx, Some(self.ticket().id)) else { return Ok(Vec::new()) };
        let clocks = ctx.data_unchecked::<Loaders>().load(SlaClocksOf(id)).await.or_top_level(ctx)?;
        Ok(clocks.unwrap_or_default().into_iter().map(SlaClockNode).collect())
    }

    /// How much of the ticket the viewer may read.
    async fn access(&self) -> TicketAccess {
        self.0.access.into()
    }

    /// The actions that the viewer may perform now.
    async fn allowed_actions(&self, ctx: &Context<'_>) -> Vec<TicketAction> {
        if self.0.access == Access::Case {
            return Vec::new();
        }
        let actor = &cx(ctx).actor;
        rights::allowed_actions(actor, self.ticket()).into_iter().map(Into::into).collect()
    }

    /// The people who follow it; for staff.
    #[graphql(complexity = "5 + child_complexity")]
    async fn followers(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<UserNode>> {
        let Some(id) = self.staff(ctx, Some(self.ticket().id)) else { return Ok(Vec::new()) };
        let cx = cx(ctx);
        let ids = tickets::queries::followers(cx, id).await.or_top_level(ctx)?;
        let mut users = ctx.data_unchecked::<Loaders>().load_many::<UserId>(ids.clone()).await.or_top_level(ctx)?;
        Ok(ids.iter().filter_map(|id| users.remove(id)).map(UserNode).collect())
    }
}

/// The ticket after a mutation.
pub async fn ticket(ctx: &Context<'_>, id: Option<TicketId>) -> async_graphql::Result<Option<TicketNode>> {
    let Some(id) = id else { return Ok(None) };
    let cx = cx(ctx);
    // Not from the operation's loaders: an earlier mutation of the same document may have loaded it.
    let mut views = tickets::queries::views_by_id(cx, vec![id]).await.or_top_level(ctx)?;
    Ok(views.remove(&id).map(TicketNode))
}
