//! Who was told what, by which way, and what reaches whom.

use async_graphql::{Context, ID, Object, SimpleObject};
use domain::kernel::{Message, NotificationId, Page, UserId};
use domain::notifications;
use domain::notifications::decide::{best, state, words};
use domain::notifications::model as told;
use domain::recommend::model::Question;

use super::Caller;
use super::error::OrTopLevel as _;
use super::loaders::Loaders;
use super::nodes::{Relay, UserNode, relay, somebody};
use super::scalars::DateTime;
use super::similar::{SIMILAR_CASES, SIMILAR_CASES_PRICE, SimilarCase, similar};
use super::ticket::{TicketNode, rows};
use super::words::{Channel, DeliveryState, NotificationCause, NotificationState, UnseenReason};
use crate::language::Language;

/// Something that somebody was told.
pub struct NotificationNode(pub told::Notification);

#[Object(name = "Notification")]
impl NotificationNode {
    /// Unique among all things.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Why.
    async fn cause(&self) -> NotificationCause {
        self.0.cause.into()
    }

    /// About which ticket.
    async fn ticket(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Box<TicketNode>>> {
        let Some(id) = self.0.ticket else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().one(id).await.or_top_level(ctx)?.map(TicketNode).map(Box::new))
    }

    /// Who was told.
    async fn recipient(&self, ctx: &Context<'_>) -> async_graphql::Result<UserNode> {
        somebody(ctx, self.0.recipient).await
    }

    /// Cases that may solve the ticket that the recipient was given with it, best first; empty for other causes, for other viewers, and once
    /// it is solved.
    #[graphql(complexity = "SIMILAR_CASES_PRICE + child_complexity * rows(first.or(Some(SIMILAR_CASES)), None)")]
    async fn similar_cases(
        &self,
        ctx: &Context<'_>,
        #[graphql(default_with = "Some(SIMILAR_CASES)", desc = "At most so many; 50 at most.")] first: Option<i32>,
    ) -> async_graphql::Result<Vec<SimilarCase>> {
        let own = ctx.data_unchecked::<Caller>().cx.actor.user_id() == Some(self.0.recipient);
        let (true, told::Cause::Assigned, Some(id)) = (own, self.0.cause, self.0.ticket) else { return Ok(Vec::new()) };
        match ctx.data_unchecked::<Loaders>().one(id).await.or_top_level(ctx)? {
            Some(view) if !view.ticket.status.is_solved() => {
                Box::pin(similar(ctx, &Question::of(&view.ticket), first)).await
            }
            _ => Ok(Vec::new()),
        }
    }

    /// By which way, the one that came furthest.
    async fn channel(&self) -> Channel {
        best(&self.0).map_or(told::Channel::Web, |delivery| delivery.channel).into()
    }

    /// What came of it.
    async fn state(&self) -> NotificationState {
        state(&self.0).into()
    }

    /// When it was decided.
    async fn decided_at(&self) -> DateTime {
        self.0.decided_at.into()
    }

    /// When it was first handed to a channel.
    async fn sent_at(&self) -> Option<DateTime> {
        self.0.deliveries.iter().filter_map(|delivery| delivery.sent_at).min().map(Into::into)
    }

    /// When a channel first said that it arrived.
    async fn delivered_at(&self) -> Option<DateTime> {
        self.0.deliveries.iter().filter_map(|delivery| delivery.delivered_at).min().map(Into::into)
    }

    /// When the person loaded the page that it leads to.
    async fn opened_at(&self) -> Option<DateTime> {
        self.0.opened_at.map(Into::into)
    }

    /// Why it failed.
    async fn failure(&self, ctx: &Context<'_>) -> Option<String> {
        let language = ctx.data_unchecked::<Caller>().language;
        if self.0.deliveries.is_empty() {
            return Some(language.name("no way to this person is known", Some("没有可触达此人的渠道")).to_owned());
        }
        best(&self.0)?.failure.as_deref().map(|kept| language.say(&words::failure(kept)))
    }

    /// What it says in one line, in the language of the request.
    async fn title(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        Ok(self.say(ctx, &Box::pin(self.text(ctx)).await?.title))
    }

    /// What it says.
    async fn body(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        Ok(self.say(ctx, &Box::pin(self.text(ctx)).await?.body))
    }

    /// The ways that were tried, in their order.
    async fn deliveries(&self, ctx: &Context<'_>) -> Vec<NotificationDelivery> {
        let language = ctx.data_unchecked::<Caller>().language;
        self.0.deliveries.iter().map(|delivery| NotificationDelivery::of(delivery, language)).collect()
    }
}

impl NotificationNode {
    fn say(&self, ctx: &Context<'_>, message: &Message) -> String {
        ctx.data_unchecked::<Caller>().language.say(message)
    }

    async fn text(&self, ctx: &Context<'_>) -> async_graphql::Result<words::Text> {
        let loaders = ctx.data_unchecked::<Loaders>();
        let view = match self.0.ticket {
            Some(id) => loaders.one(id).await.or_top_level(ctx)?,
            None => None,
        };
        let about = match self.0.params.about {
            Some(id) => loaders.one::<UserId>(id).await.or_top_level(ctx)?,
            None => None,
        };
        let about = about.as_ref().map(|user| user.name.as_str());
        let repeated = self.0.deliveries.iter().any(|delivery| delivery.repeated);
        Ok(words::text(self.0.cause, &self.0.params, view.as_ref().map(|view| &view.ticket), about, repeated))
    }
}

/// One way that a notification took.
#[derive(SimpleObject)]
pub struct NotificationDelivery {
    /// Which way.
    channel: Channel,
    /// What came of it.
    state: DeliveryState,
    /// How often it was tried.
    attempts: i32,
    /// When it was queued.
    queued_at: DateTime,
    /// When the channel took it.
    sent_at: Option<DateTime>,
    /// When the channel said that it arrived.
    delivered_at: Option<DateTime>,
    /// Why it failed, last.
    failure: Option<String>,
    /// Sent a second time, because nobody knew whether the first went.
    repeated: bool,
    /// It waits, or went, in a digest.
    in_digest: bool,
}

impl NotificationDelivery {
    fn of(delivery: &told::Delivery, language: Language) -> Self {
        let told::Delivery {
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
            failure: failure.as_deref().map(|kept| language.say(&words::failure(kept))),
            repeated: *repeated,
            in_digest: digest.is_some(),
        }
    }
}

/// Why nobody has answered a ticket: a fact, with the rows that prove it.
pub struct UnseenVerdict {
    pub verdict: told::Verdict,
    /// Whose turn it is.
    pub assignee: Option<UserId>,
}

#[Object]
impl UnseenVerdict {
    /// Why.
    async fn reason(&self) -> UnseenReason {
        self.verdict.reason.into()
    }

    /// The same as a sentence, in the language of the request.
    async fn message(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        let name = match self.assignee {
            Some(id) => ctx.data_unchecked::<Loaders>().one::<UserId>(id).await.or_top_level(ctx)?,
            None => None,
        };
        let message = words::unseen(&self.verdict, name.as_ref().map(|user| user.name.as_str()));
        Ok(ctx.data_unchecked::<Caller>().language.say(&message))
    }

    /// Since when it is so.
    async fn since(&self) -> DateTime {
        self.verdict.since.into()
    }

    /// The notifications that prove it.
    async fn evidence(&self) -> Vec<NotificationNode> {
        self.verdict.evidence.iter().cloned().map(NotificationNode).collect()
    }
}

/// Queries of what one is told.
#[derive(Default)]
pub struct NotificationQuery;

#[Object]
impl NotificationQuery {
    /// What the viewer was told, newest first.
    #[graphql(complexity = "rows(first, last) * child_complexity + 5")]
    async fn notifications(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most so many, from the beginning.")] first: Option<i32>,
        #[graphql(desc = "Only behind this cursor.")] after: Option<String>,
        #[graphql(desc = "At most so many, from the end.")] last: Option<i32>,
        #[graphql(desc = "Only before this cursor.")] before: Option<String>,
    ) -> async_graphql::Result<Relay<NotificationNode>> {
        let page = Page::of(first, after, last, before).or_top_level(ctx)?;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let mine = notifications::queries::mine(cx, &page).await.or_top_level(ctx)?;
        Ok(relay(mine, NotificationNode))
    }
}

pub async fn notification(
    ctx: &Context<'_>,
    id: Option<NotificationId>,
) -> async_graphql::Result<Option<NotificationNode>> {
    let Some(id) = id else { return Ok(None) };
    let cx = &ctx.data_unchecked::<Caller>().cx;
    let mut found = notifications::queries::by_ids(cx.read(), &[id]).await.or_top_level(ctx)?;
    Ok(found.pop().map(NotificationNode))
}

/// Whether the actor may look at a notification: their own, and those of tickets that they see as staff.
pub async fn visible(ctx: &Context<'_>, id: NotificationId) -> async_graphql::Result<Option<NotificationNode>> {
    let Some(found) = notification(ctx, Some(id)).await? else { return Ok(None) };
    let actor = &ctx.data_unchecked::<Caller>().cx.actor;
    if actor.user_id() == Some(found.0.recipient) {
        return Ok(Some(found));
    }
    let Some(ticket) = found.0.ticket.filter(|_| actor.is_staff()) else { return Ok(None) };
    let view = ctx.data_unchecked::<Loaders>().one(ticket).await.or_top_level(ctx)?;
    Ok(view.filter(|view| view.access == domain::tickets::model::Access::Full).map(|_| found))
}
