//! Notifications, their deliveries, and why nobody has responded to a ticket.

use async_graphql::{Context, ID, Object, SimpleObject};
use domain::kernel::{Message, NotificationId, UserId};
use domain::notifications;
use domain::notifications::decide::{best_delivery, state, templates};
use domain::notifications::model;
use domain::recommend::model::Question;
use graphql_macros::paged;

use super::enums::{Channel, DeliveryState, NotificationCause, NotificationState, UnseenReason};
use super::error::OrTopLevel as _;
use super::guard::{cx, language};
use super::loaders::Loaders;
use super::paging::{PageArgs, Relay, relay, rows};
use super::people::{UserNode, existing_user};
use super::scalars::DateTime;
use super::ticket::{SIMILAR_CASES, SIMILAR_CASES_COST, SimilarCase, TicketNode, similar};
use domain::kernel::Locale;
use domain::msg;

/// A notification.
pub struct NotificationNode(pub model::Notification);

/// A notification of a person, with its deliveries.
#[Object(name = "Notification")]
impl NotificationNode {
    /// Globally unique id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Why it was sent.
    async fn cause(&self) -> NotificationCause {
        self.0.cause.into()
    }

    /// The ticket it is about; null if there is none or the viewer may not see it.
    async fn ticket(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Box<TicketNode>>> {
        let Some(id) = self.0.ticket else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().load(id).await.or_top_level(ctx)?.map(TicketNode).map(Box::new))
    }

    /// The person who is notified.
    async fn recipient(&self, ctx: &Context<'_>) -> async_graphql::Result<UserNode> {
        existing_user(ctx, self.0.recipient).await
    }

    /// Similar cases for the ticket that was assigned to the recipient, best first; empty for other causes, for other
    /// viewers, and once the ticket is resolved.
    #[graphql(complexity = "SIMILAR_CASES_COST + child_complexity * rows(first.or(Some(SIMILAR_CASES)), None)")]
    async fn similar_cases(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(SIMILAR_CASES)", desc = "How many to return, 1 to 50.")] first: Option<i32>,
    ) -> async_graphql::Result<Vec<SimilarCase>> {
        let own = cx(ctx).actor.user_id() == Some(self.0.recipient);
        let (true, model::Cause::Assigned, Some(id)) = (own, self.0.cause, self.0.ticket) else {
            return Ok(Vec::new());
        };
        match ctx.data_unchecked::<Loaders>().load(id).await.or_top_level(ctx)? {
            Some(view) if !view.ticket.status.is_solved() => {
                Box::pin(similar(ctx, &Question::of(&view.ticket), first)).await
            }
            _ => Ok(Vec::new()),
        }
    }

    /// The channel of the delivery that got furthest.
    async fn channel(&self) -> Channel {
        best_delivery(&self.0).map_or(model::Channel::Web, |delivery| delivery.channel).into()
    }

    /// The state of the delivery that got furthest.
    async fn state(&self) -> NotificationState {
        state(&self.0).into()
    }

    /// When the notification was created.
    async fn decided_at(&self) -> DateTime {
        self.0.decided_at.into()
    }

    /// When it was first handed over to a channel; null until then.
    async fn sent_at(&self) -> Option<DateTime> {
        self.0.deliveries.iter().filter_map(|delivery| delivery.sent_at).min().map(Into::into)
    }

    /// When a channel first confirmed delivery; null until then.
    async fn delivered_at(&self) -> Option<DateTime> {
        self.0.deliveries.iter().filter_map(|delivery| delivery.delivered_at).min().map(Into::into)
    }

    /// When the recipient opened the page that it links to; null until then.
    async fn opened_at(&self) -> Option<DateTime> {
        self.0.opened_at.map(Into::into)
    }

    /// Why it failed, in the language of the request; null if it did not.
    async fn failure(&self, ctx: &Context<'_>) -> Option<String> {
        let language = language(ctx);
        if self.0.deliveries.is_empty() {
            return Some(msg!("notification-no-channel").text(language));
        }
        best_delivery(&self.0)?.failure.as_ref().map(|failure| failure.text(language))
    }

    /// The text in one line, in the language of the request.
    async fn title(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        Ok(self.render(ctx, &Box::pin(self.text(ctx)).await?.title))
    }

    /// The text, in the language of the request.
    async fn body(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        Ok(self.render(ctx, &Box::pin(self.text(ctx)).await?.body))
    }

    /// All deliveries, in the order in which they were started.
    async fn deliveries(&self, ctx: &Context<'_>) -> Vec<NotificationDelivery> {
        let language = language(ctx);
        self.0.deliveries.iter().map(|delivery| NotificationDelivery::of(delivery, language)).collect()
    }
}

impl NotificationNode {
    fn render(&self, ctx: &Context<'_>, message: &Message) -> String {
        message.text(language(ctx))
    }

    async fn text(&self, ctx: &Context<'_>) -> async_graphql::Result<templates::RenderedText> {
        let loaders = ctx.data_unchecked::<Loaders>();
        let view = match self.0.ticket {
            Some(id) => loaders.load(id).await.or_top_level(ctx)?,
            None => None,
        };
        let about = match self.0.params.about {
            Some(id) => loaders.load::<UserId>(id).await.or_top_level(ctx)?,
            None => None,
        };
        let about = about.as_ref().map(|user| user.name.as_str());
        let repeated = self.0.deliveries.iter().any(|delivery| delivery.repeated);
        let ticket = view.as_ref().map(|view| &view.ticket);
        let assignee = match ticket.and_then(|ticket| ticket.assignment.assignee) {
            Some(id) => loaders.load::<UserId>(id).await.or_top_level(ctx)?,
            None => None,
        };
        let assignee = assignee.as_ref().map(|user| user.name.as_str());
        // The words stand in the ticket, which the recipient may not see any more.
        let subject = templates::Subject { ticket, about, words: None, assignee, repeated };
        Ok(templates::render(self.0.cause, &self.0.params, subject))
    }
}

/// The delivery of a notification by one channel.
#[derive(SimpleObject)]
pub struct NotificationDelivery {
    /// The channel.
    channel: Channel,
    /// The state of the delivery.
    state: DeliveryState,
    /// The number of attempts.
    attempts: i32,
    /// When it was queued.
    queued_at: DateTime,
    /// When the channel accepted it; null until then.
    sent_at: Option<DateTime>,
    /// When the channel confirmed delivery; null until then.
    delivered_at: Option<DateTime>,
    /// The reason of the last failure, in the language of the request; null if there was none.
    failure: Option<String>,
    /// Whether it was sent a second time, because it was unknown whether the first was sent.
    repeated: bool,
    /// Whether it is part of a digest.
    in_digest: bool,
}

impl NotificationDelivery {
    fn of(delivery: &model::Delivery, language: Locale) -> Self {
        let model::Delivery {
            id: _,
            notification: _,
            position: _,
            channel,
            address: _,
            state,
            attempts,
            queued_at,
            sent_at,
            delivered_at,
            failure,
            provider_id: _,
            digest,
            repeated,
        } = delivery;
        Self {
            channel: (*channel).into(),
            state: (*state).into(),
            attempts: *attempts,
            queued_at: (*queued_at).into(),
            sent_at: sent_at.map(Into::into),
            delivered_at: delivered_at.map(Into::into),
            failure: failure.as_ref().map(|failure| failure.text(language)),
            repeated: *repeated,
            in_digest: digest.is_some(),
        }
    }
}

/// Why nobody has responded to a ticket.
pub struct UnseenVerdict {
    pub verdict: model::Verdict,
    /// The assignee of the ticket.
    pub assignee: Option<UserId>,
}

/// Why nobody has responded to a ticket, with the notifications that prove it; visible to staff.
#[Object]
impl UnseenVerdict {
    /// The reason.
    async fn reason(&self) -> UnseenReason {
        self.verdict.reason.into()
    }

    /// The reason as a sentence, in the language of the request.
    async fn message(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        let name = match self.assignee {
            Some(id) => ctx.data_unchecked::<Loaders>().load::<UserId>(id).await.or_top_level(ctx)?,
            None => None,
        };
        let message = templates::unseen(&self.verdict, name.as_ref().map(|user| user.name.as_str()));
        Ok(message.text(language(ctx)))
    }

    /// Since when this has been the case.
    async fn since(&self) -> DateTime {
        self.verdict.since.into()
    }

    /// The notifications that prove it.
    async fn evidence(&self) -> Vec<NotificationNode> {
        self.verdict.evidence.iter().cloned().map(NotificationNode).collect()
    }
}

/// Queries of notifications.
#[derive(Default)]
pub struct NotificationQuery;

#[paged]
#[Object]
impl NotificationQuery {
    /// The viewer's notifications, newest first.
    #[graphql(complexity = "rows(first, last) * child_complexity + 5")]
    async fn notifications(
        &self,
        ctx: &Context<'_>,
        #[brief] page: PageArgs,
    ) -> async_graphql::Result<Relay<NotificationNode>> {
        let page = page.checked(ctx)?;
        let cx = cx(ctx);
        let mine = notifications::queries::mine(cx, &page).await.or_top_level(ctx)?;
        Ok(relay(mine, NotificationNode))
    }
}

/// Loads a notification without checking rights.
pub async fn notification(
    ctx: &Context<'_>,
    id: Option<NotificationId>,
) -> async_graphql::Result<Option<NotificationNode>> {
    let Some(id) = id else { return Ok(None) };
    let cx = cx(ctx);
    let mut found = notifications::queries::by_ids(cx.read(), &[id]).await.or_top_level(ctx)?;
    Ok(found.pop().map(NotificationNode))
}

/// A notification that the actor may see: their own, or of a ticket that they see in full as staff.
pub async fn visible(ctx: &Context<'_>, id: NotificationId) -> async_graphql::Result<Option<NotificationNode>> {
    let Some(found) = notification(ctx, Some(id)).await? else { return Ok(None) };
    let actor = &cx(ctx).actor;
    if actor.user_id() == Some(found.0.recipient) {
        return Ok(Some(found));
    }
    let Some(ticket) = found.0.ticket.filter(|_| actor.is_staff()) else { return Ok(None) };
    let view = ctx.data_unchecked::<Loaders>().load(ticket).await.or_top_level(ctx)?;
    Ok(view.filter(|view| view.access == domain::tickets::model::Access::Full).map(|_| found))
}
