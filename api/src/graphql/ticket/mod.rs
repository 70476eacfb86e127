//! The ticket and what hangs on it.

mod parts;

pub use self::parts::{AttributionNode, CommentNode, ExternalRefNode, TicketEventNode};
use async_graphql::{Context, ID, Object};
use domain::kernel::{Page, TeamId, TicketId, UserId};
use domain::recommend;
use domain::recommend::model::Question;
use domain::tickets;
use domain::tickets::decide::rights;
use domain::tickets::model::{Access, Ticket, View};

use super::Caller;
use super::error::OrTopLevel as _;
use super::escalation::{AssignmentTrace, EscalationNode};
use super::hub::PendingReport;
use super::knowledge::{CardNode, CitationNode};
use super::loaders::{
    AttributionOf, CardOf, CitationsOf, CommentsOf, EscalationsOf, EventsOf, Loaders, NotificationsOf, RefsOf,
    SlaClocksOf, SurveyOf, TraceOf,
};
use super::nodes::{CustomerNode, Relay, TeamNode, UserNode, relay, user};
use super::notifications::{NotificationNode, UnseenVerdict};
use super::satisfaction::RatingNode;
use super::scalars::{DateTime, Priority, TicketAccess, TicketAction, TicketStatus, int};
use super::similar::{SIMILAR_CASES, SIMILAR_CASES_PRICE, SimilarCase, SuggestionNode, similar};
use super::sla::SlaClockNode;

/// A request for help, as the viewer may see it.
pub struct TicketNode(pub View);

impl TicketNode {
    fn ticket(&self) -> &Ticket {
        &self.0.ticket
    }

    /// What only those see who see the ticket in full.
    fn full<T>(&self, value: Option<T>) -> Option<T> {
        value.filter(|_| self.0.access == Access::Full)
    }

    /// What only the responsible side sees.
    fn staff<T>(&self, ctx: &Context<'_>, value: Option<T>) -> Option<T> {
        self.full(value).filter(|_| !as_requester(ctx))
    }
}

fn as_requester(ctx: &Context<'_>) -> bool {
    rights::sees_as_requester(&ctx.data_unchecked::<Caller>().cx.actor)
}

/// The price of a list's rows: what a page may hold at most.
pub fn rows(first: Option<i32>, last: Option<i32>) -> usize {
    let default = usize::try_from(domain::kernel::page::PAGE_DEFAULT).unwrap_or(20);
    first.or(last).map_or(default, |n| usize::try_from(n).unwrap_or(1)).max(1)
}

#[Object(name = "Ticket")]
impl TicketNode {
    /// Unique among all things: a UUIDv7.
    pub async fn id(&self) -> ID {
        self.ticket().id.to_string().into()
    }

    /// For people; unique and rising, gaps allowed.
    async fn number(&self) -> i32 {
        int(self.ticket().number)
    }

    /// The hub token, `TKN-XXXXXX-XXXXX`, its last character checks the others.
    async fn token(&self) -> &str {
        &self.ticket().token
    }

    /// The problem in one line.
    async fn title(&self) -> &str {
        &self.ticket().title
    }

    /// The problem at length.
    async fn description(&self) -> &str {
        &self.ticket().description
    }

    /// Where it stands in its life.
    async fn status(&self) -> TicketStatus {
        self.ticket().status.into()
    }

    /// How urgent it is.
    async fn priority(&self) -> Priority {
        self.ticket().priority.into()
    }

    /// Key of the issue type.
    async fn issue_type(&self) -> Option<&str> {
        self.ticket().issue_type.as_deref()
    }

    /// Key of the product.
    async fn product(&self) -> Option<&str> {
        self.ticket().product.as_deref()
    }

    /// The serial number of the device that it is about; null where it is read as a case.
    async fn device(&self) -> Option<&str> {
        self.full(self.ticket().device.as_deref())
    }

    /// Key of the channel it came by.
    async fn channel(&self) -> &str {
        &self.ticket().channel
    }

    /// Keys of the skills that it takes.
    async fn required_skills(&self) -> &[String] {
        &self.ticket().required_skills
    }

    /// Rises with every change that others must have seen; give it as `expectedVersion`.
    async fn version(&self) -> i32 {
        self.ticket().version
    }

    /// Who needs help.
    async fn requester(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        user(ctx, self.full(self.ticket().requester)).await
    }

    /// The organisation that needs help.
    async fn customer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<CustomerNode>> {
        let Some(id) = self.full(self.ticket().customer) else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().one(id).await.or_top_level(ctx)?.map(CustomerNode))
    }

    /// Who works on it.
    async fn assignee(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        user(ctx, self.full(self.ticket().assignee)).await
    }

    /// The department whose queue it stands in.
    async fn team(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TeamNode>> {
        let Some(id) = self.full(self.ticket().team) else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().one::<TeamId>(id).await.or_top_level(ctx)?.map(TeamNode))
    }

    /// When it was created.
    async fn created_at(&self) -> DateTime {
        self.ticket().created_at.into()
    }

    /// When it last changed, as far as the viewer may know.
    async fn updated_at(&self, ctx: &Context<'_>) -> DateTime {
        let hidden = as_requester(ctx) || self.0.access == Access::Case;
        if hidden { self.ticket().public_updated_at.into() } else { self.ticket().updated_at.into() }
    }

    /// When somebody of the responsible side first looked at it; for staff.
    async fn first_opened_at(&self, ctx: &Context<'_>) -> Option<DateTime> {
        self.staff(ctx, self.ticket().first_opened_at).map(Into::into)
    }

    /// Who first looked at it; for staff.
    async fn first_opened_by(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        user(ctx, self.staff(ctx, self.ticket().first_opened_by)).await
    }

    /// The first deliberate act of somebody of the responsible side; for staff.
    async fn first_responded_at(&self, ctx: &Context<'_>) -> Option<DateTime> {
        self.staff(ctx, self.ticket().first_responded_at).map(Into::into)
    }

    /// When it was resolved; null while it is open.
    async fn resolved_at(&self) -> Option<DateTime> {
        self.ticket().resolved_at.map(Into::into)
    }

    /// When it was closed; null while it is not.
    async fn closed_at(&self) -> Option<DateTime> {
        self.ticket().closed_at.map(Into::into)
    }

    /// How often it was taken up again.
    async fn reopen_count(&self) -> i32 {
        self.ticket().reopen_count
    }

    /// How often somebody who had accepted it gave it away.
    async fn hand_over_count(&self) -> i32 {
        self.ticket().hand_over_count
    }

    /// How often the requester asked again.
    async fn chase_count(&self) -> i32 {
        self.ticket().chase_count
    }

    /// Why it waits.
    async fn waiting_reason(&self) -> Option<&str> {
        self.full(self.ticket().waiting_reason.as_deref())
    }

    /// Why it was given up.
    async fn cancel_reason(&self) -> Option<&str> {
        self.full(self.ticket().cancel_reason.as_deref())
    }

    /// The ticket that goes on in its place.
    async fn merged_into(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Box<TicketNode>>> {
        let Some(id) = self.full(self.ticket().merged_into) else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().one::<TicketId>(id).await.or_top_level(ctx)?.map(TicketNode).map(Box::new))
    }

    /// What it was and how it was solved. Never null on a ticket resolved here.
    async fn attribution(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<AttributionNode>> {
        let key = AttributionOf(self.ticket().id);
        Ok(ctx.data_unchecked::<Loaders>().one(key).await.or_top_level(ctx)?.map(AttributionNode))
    }

    /// History that came closed from another system without attribution, and has none yet.
    async fn unattributed(&self, ctx: &Context<'_>) -> async_graphql::Result<bool> {
        if !self.ticket().imported || !self.ticket().status.is_solved() {
            return Ok(false);
        }
        let key = AttributionOf(self.ticket().id);
        Ok(ctx.data_unchecked::<Loaders>().one(key).await.or_top_level(ctx)?.is_none())
    }

    /// What other systems call it.
    async fn external_refs(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<ExternalRefNode>> {
        if self.0.access == Access::Case {
            return Ok(Vec::new());
        }
        let refs = ctx.data_unchecked::<Loaders>().one(RefsOf(self.ticket().id)).await.or_top_level(ctx)?;
        Ok(refs.unwrap_or_default().into_iter().map(ExternalRefNode::of).collect())
    }

    /// What was written to it, oldest first. Requesters see the public ones.
    #[graphql(complexity = "rows(first, last) * child_complexity + 1")]
    async fn comments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most so many, from the beginning.")] first: Option<i32>,
        #[graphql(desc = "Only behind this cursor.")] after: Option<String>,
        #[graphql(desc = "At most so many, from the end.")] last: Option<i32>,
        #[graphql(desc = "Only before this cursor.")] before: Option<String>,
    ) -> async_graphql::Result<Relay<CommentNode>> {
        let page = Page::of(first, after, last, before).or_top_level(ctx)?;
        if self.0.access == Access::Case {
            return Ok(Relay::new(false, false));
        }
        let ticket = self.ticket().id;
        if page.after.is_some() || page.before.is_some() {
            let cx = &ctx.data_unchecked::<Caller>().cx;
            return Ok(relay(
                Box::pin(tickets::queries::comments(cx, ticket, &page)).await.or_top_level(ctx)?,
                CommentNode,
            ));
        }
        let key = CommentsOf { ticket, limit: page.limit, backward: page.backward };
        let mut found = ctx.data_unchecked::<Loaders>().one(key).await.or_top_level(ctx)?.unwrap_or_default();
        if page.backward {
            found.reverse();
        }
        Ok(relay(tickets::queries::comment_page(&page, found), CommentNode))
    }

    /// The audit trail, in the order of the log; its cursors are those of `boardEvents`.
    #[graphql(complexity = "rows(first, last) * child_complexity + 5")]
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most so many, from the beginning.")] first: Option<i32>,
        #[graphql(desc = "Only behind this cursor.")] after: Option<String>,
        #[graphql(desc = "At most so many, from the end.")] last: Option<i32>,
        #[graphql(desc = "Only before this cursor.")] before: Option<String>,
    ) -> async_graphql::Result<Relay<TicketEventNode>> {
        let page = Page::of(first, after, last, before).or_top_level(ctx)?;
        if self.0.access == Access::Case {
            return Ok(Relay::new(false, false));
        }
        let (cx, ticket) = (&ctx.data_unchecked::<Caller>().cx, self.ticket().id);
        if page.after.is_some() || page.before.is_some() {
            return Ok(relay(
                Box::pin(tickets::queries::events(cx, ticket, &page)).await.or_top_level(ctx)?,
                TicketEventNode,
            ));
        }
        let key = EventsOf { ticket, limit: page.limit, backward: page.backward };
        let found = ctx.data_unchecked::<Loaders>().one(key).await.or_top_level(ctx)?.unwrap_or_default();
        Ok(relay(tickets::queries::event_page(cx, &page, found), TicketEventNode))
    }

    /// Resolved tickets with the same problem, best first, never this one.
    #[graphql(complexity = "SIMILAR_CASES_PRICE + child_complexity * rows(first.or(Some(SIMILAR_CASES)), None)")]
    async fn similar_cases(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(SIMILAR_CASES)", desc = "At most so many; 50 at most.")] first: Option<i32>,
    ) -> async_graphql::Result<Vec<SimilarCase>> {
        Box::pin(similar(ctx, &Question::of(self.ticket()), first)).await
    }

    /// The cases that were suggested for it or that people said something of, dismissed ones too, in the order in which they were shown; for
    /// staff.
    #[graphql(complexity = "SIMILAR_CASES_PRICE + 10 * child_complexity")]
    async fn suggestions(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<SuggestionNode>> {
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let all = recommend::queries::suggestions(cx, self.ticket().id).await.or_top_level(ctx)?;
        Ok(all.into_iter().map(SuggestionNode).collect())
    }

    /// The solutions that were copied into it, oldest first; for staff.
    #[graphql(complexity = "5 + 3 * child_complexity")]
    async fn citations(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<CitationNode>> {
        let Some(id) = self.staff(ctx, Some(self.ticket().id)) else { return Ok(Vec::new()) };
        let cited = ctx.data_unchecked::<Loaders>().one(CitationsOf(id)).await.or_top_level(ctx)?;
        Ok(cited.unwrap_or_default().into_iter().map(CitationNode).collect())
    }

    /// How content the asking side is; null where they were not asked and have not said.
    async fn rating(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<RatingNode>> {
        let Some(id) = self.full(Some(self.ticket().id)) else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().one(SurveyOf(id)).await.or_top_level(ctx)?.map(RatingNode))
    }

    /// The knowledge card whose case it is; for staff.
    async fn card(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<CardNode>> {
        if as_requester(ctx) {
            return Ok(None);
        }
        let loaders = ctx.data_unchecked::<Loaders>();
        let Some(card) = loaders.one(CardOf(self.ticket().id)).await.or_top_level(ctx)? else { return Ok(None) };
        Ok(loaders.one(card).await.or_top_level(ctx)?.map(CardNode))
    }

    /// When it was marked 超时未响应, because nobody had opened it in time; for staff.
    async fn no_response_marked_at(&self, ctx: &Context<'_>) -> Option<DateTime> {
        self.staff(ctx, self.ticket().no_response_marked_at).map(Into::into)
    }

    /// A step that a system reported, and that waits for an attribution, an assignee or a decision; for staff.
    async fn pending_report(&self, ctx: &Context<'_>) -> Option<PendingReport> {
        self.staff(ctx, self.ticket().pending.clone()).map(PendingReport::of)
    }

    /// What anybody was told of it, oldest first; for staff.
    #[graphql(complexity = "10 + 5 * child_complexity")]
    async fn notifications(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<NotificationNode>> {
        let Some(id) = self.staff(ctx, Some(self.ticket().id)) else { return Ok(Vec::new()) };
        let told = ctx.data_unchecked::<Loaders>().one(NotificationsOf(id)).await.or_top_level(ctx)?;
        Ok(told.unwrap_or_default().into_iter().map(NotificationNode).collect())
    }

    /// Why nobody has answered it, as a fact with the rows that prove it; null where somebody has. For staff.
    #[graphql(complexity = "20 + child_complexity")]
    async fn unseen_verdict(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UnseenVerdict>> {
        let Some(id) = self.staff(ctx, Some(self.ticket().id)) else { return Ok(None) };
        let told = ctx.data_unchecked::<Loaders>().one(NotificationsOf(id)).await.or_top_level(ctx)?;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let told = told.unwrap_or_default();
        let verdict = domain::notifications::queries::verdict(cx, self.ticket(), &told);
        let verdict = Box::pin(verdict).await.or_top_level(ctx)?;
        Ok(verdict.map(|verdict| UnseenVerdict { verdict, assignee: self.ticket().assignee }))
    }

    /// The levels of escalation, of every watch over it; for staff.
    #[graphql(complexity = "5 + 3 * child_complexity")]
    async fn escalations(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<EscalationNode>> {
        let Some(id) = self.staff(ctx, Some(self.ticket().id)) else { return Ok(Vec::new()) };
        let levels = ctx.data_unchecked::<Loaders>().one(EscalationsOf(id)).await.or_top_level(ctx)?;
        Ok(levels.unwrap_or_default().into_iter().map(EscalationNode::of).collect())
    }

    /// Why it went to whom, by itself; null where it never was decided by itself. For staff.
    async fn assignment_trace(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<AssignmentTrace>> {
        let Some(id) = self.staff(ctx, Some(self.ticket().id)) else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().one(TraceOf(id)).await.or_top_level(ctx)?.map(AssignmentTrace))
    }

    /// Its SLA clocks; for staff.
    #[graphql(complexity = "5 + 2 * child_complexity")]
    async fn sla_clocks(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<SlaClockNode>> {
        let Some(id) = self.staff(ctx, Some(self.ticket().id)) else { return Ok(Vec::new()) };
        let clocks = ctx.data_unchecked::<Loaders>().one(SlaClocksOf(id)).await.or_top_level(ctx)?;
        Ok(clocks.unwrap_or_default().into_iter().map(SlaClockNode).collect())
    }

    /// How much of it the viewer may read.
    async fn access(&self) -> TicketAccess {
        self.0.access.into()
    }

    /// What the viewer may do with it now.
    async fn allowed_actions(&self, ctx: &Context<'_>) -> Vec<TicketAction> {
        if self.0.access == Access::Case {
            return Vec::new();
        }
        let actor = &ctx.data_unchecked::<Caller>().cx.actor;
        rights::allowed_actions(actor, self.ticket()).into_iter().map(Into::into).collect()
    }

    /// Who follows it; for staff.
    #[graphql(complexity = "5 + child_complexity")]
    async fn followers(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<UserNode>> {
        let Some(id) = self.staff(ctx, Some(self.ticket().id)) else { return Ok(Vec::new()) };
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let ids = Box::pin(tickets::queries::followers(cx, id)).await.or_top_level(ctx)?;
        let mut users = ctx.data_unchecked::<Loaders>().many::<UserId>(ids.clone()).await.or_top_level(ctx)?;
        Ok(ids.iter().filter_map(|id| users.remove(id)).map(UserNode).collect())
    }
}
