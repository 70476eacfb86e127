//! A ticket by the link in messages to its requester, without signing in.

use async_graphql::{Context, ID, MergedObject, Object, SimpleObject};
use domain::kernel::{Actor, Error, TicketId, UserId};
use domain::satisfaction::model::RateByLink;
use domain::sla::decide::read;
use domain::sla::model::SlaMetric;
use domain::tickets::decide::rights::allowed_actions;
use domain::tickets::model::{ActByLink, Action, LinkAct, RevokeTicketLinks};
use domain::tickets::queries::TicketKey;
use domain::{people, satisfaction, sla, tickets};

use super::error::{OrTopLevel as _, payload_parts};
use super::execute::mutations;
use super::guard::cx;
use super::inputs::id;
use super::scalars::{DateTime, TicketStatus, int};
use super::ticket::{TicketNode, ticket};

/// Comments shown by a link, the newest ones.
const COMMENTS_MAX: u64 = 100;

/// A ticket as its requester follows it by a link.
#[derive(SimpleObject)]
pub struct LinkedTicket {
    /// The ticket's number.
    number: i32,
    /// The ticket's token.
    token: String,
    /// The title.
    title: String,
    /// The description.
    description: String,
    /// The status.
    status: TicketStatus,
    /// What the ticket waits for; null unless it waits for its requester.
    waiting_reason: Option<String>,
    /// The name of the person who has the ticket; null if nobody has it yet.
    assignee_name: Option<String>,
    /// When it was created.
    created_at: DateTime,
    /// The last change that its requester can see.
    updated_at: DateTime,
    /// Until when somebody is to respond; null if somebody has, or if no target applies.
    respond_by: Option<DateTime>,
    /// Until when it is to be resolved; null if it is, while it waits, or if no target applies.
    resolve_by: Option<DateTime>,
    /// How it was resolved; null before.
    resolution: Option<String>,
    /// The public comments, oldest first; at most the newest 100.
    comments: Vec<LinkedComment>,
    /// How often its requester has asked again.
    chase_count: i32,
    /// The score that was given; null if there is none.
    score: Option<i32>,
    /// Whether `chaseByLink` is possible now.
    can_chase: bool,
    /// Whether `reopenByLink` is possible now.
    can_reopen: bool,
    /// Whether `cancelByLink` is possible now.
    can_cancel: bool,
    /// Whether `rateByLink` is possible now.
    can_rate: bool,
}

/// A public comment of a ticket that is followed by a link.
#[derive(SimpleObject)]
pub struct LinkedComment {
    /// The name of its author; null if unknown.
    author_name: Option<String>,
    /// Whether the holder of the link wrote it.
    is_own: bool,
    /// The text.
    body: String,
    /// When it was written.
    created_at: DateTime,
}

/// Queries by a link.
#[derive(Default)]
pub struct LinkQuery;

#[Object]
impl LinkQuery {
    /// The ticket of a link; anybody with the link may query it. Links are in messages to requesters and valid for 90 days
    /// (`tickets.link_days`), unless they are revoked.
    async fn ticket_by_link(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The link's token: what follows /t/ in its address.")] link: String,
    ) -> async_graphql::Result<LinkedTicket> {
        linked_ticket(ctx, &link).await.or_top_level(ctx)
    }
}

async fn linked_ticket(ctx: &Context<'_>, link: &str) -> domain::kernel::Result<LinkedTicket> {
    let found = tickets::queries::holder_of_link(cx(ctx), link).await?;
    let (cx, id) = found.ok_or_else(Error::not_found)?;
    let ticket = tickets::queries::view(&cx, TicketKey::Id(id)).await?.ticket;
    let comments = tickets::queries::comments_of(&cx, &[id], COMMENTS_MAX, true).await?.remove(&id).unwrap_or_default();
    let newest = comments.len().saturating_sub(usize::try_from(COMMENTS_MAX).unwrap_or(usize::MAX));
    let comments = comments.into_iter().skip(newest).collect::<Vec<_>>();
    let authors = comments.iter().map(|comment| comment.author).chain(ticket.assignment.assignee).collect();
    let users = people::queries::cached_users(&cx.app, authors).await?;
    let name = |user: UserId| users.get(&user).map(|user| user.name.clone());
    let attribution = tickets::queries::attributions(cx.read(), &[id]).await?.remove(&id);
    let (respond_by, resolve_by) = due_times(&cx, id).await?;
    let survey = satisfaction::queries::of_tickets(cx.read(), &[id]).await?.remove(&id);
    let allowed = allowed_actions(&cx.actor, &ticket);
    let may = |action: Action| allowed.contains(&action);
    let is_own = |author: UserId| matches!(&cx.actor, Actor::Person(person) if person.id == author);
    Ok(LinkedTicket {
        number: int(ticket.number),
        token: ticket.token.clone(),
        status: ticket.status.into(),
        waiting_reason: ticket.waiting_reason.clone(),
        assignee_name: ticket.assignment.assignee.and_then(name),
        created_at: ticket.times.created_at.into(),
        updated_at: ticket.times.public_updated_at.into(),
        respond_by,
        resolve_by,
        resolution: attribution.filter(|_| ticket.status.is_solved()).map(|found| found.details.resolution),
        chase_count: ticket.counts.chases,
        score: survey.and_then(|survey| survey.answer).map(|answer| answer.score),
        can_chase: may(Action::Chase),
        can_reopen: may(Action::Reopen),
        can_cancel: may(Action::Cancel),
        can_rate: may(Action::Rate),
        title: ticket.request.title,
        description: ticket.request.description,
        comments: comments
            .into_iter()
            .map(|comment| LinkedComment {
                author_name: name(comment.author),
                is_own: is_own(comment.author),
                body: comment.body,
                created_at: comment.created_at.into(),
            })
            .collect(),
    })
}

/// When somebody is to respond, and when the ticket is to be resolved, as far as that is still to come.
async fn due_times(
    cx: &domain::runtime::Ctx,
    id: TicketId,
) -> domain::kernel::Result<(Option<DateTime>, Option<DateTime>)> {
    let clocks = sla::queries::clocks(&cx.app, cx.read(), &[id]).await?.remove(&id).unwrap_or_default();
    let due = |metric: SlaMetric| {
        let found = clocks.iter().find(|entry| entry.clock.metric == metric && entry.clock.ended_at.is_none())?;
        read(&found.clock, cx.now(), &found.calendar).due_at.map(DateTime::from)
    };
    Ok((due(SlaMetric::FirstResponse), due(SlaMetric::Resolution)))
}

mutations! {
    /// A reply by a link.
    ReplyByLinkInput {
        /// The link's token.
        link: String,
        /// The text; it becomes a public comment.
        body: String,
    } => ReplyByLinkPayload {
        /// The ticket after the mutation; null if it was refused.
        ticket: Option<LinkedTicket>,
    }

    /// A question by a link when somebody will come.
    ChaseByLinkInput {
        /// The link's token.
        link: String,
    } => ChaseByLinkPayload {
        /// The ticket after the mutation; null if it was refused.
        ticket: Option<LinkedTicket>,
    }

    /// A reopening by a link.
    ReopenByLinkInput {
        /// The link's token.
        link: String,
        /// What is still wrong; it becomes a public comment.
        reason: String,
    } => ReopenByLinkPayload {
        /// The ticket after the mutation; null if it was refused.
        ticket: Option<LinkedTicket>,
    }

    /// A cancellation by a link.
    CancelByLinkInput {
        /// The link's token.
        link: String,
        /// Why it is not needed any more.
        reason: String,
    } => CancelByLinkPayload {
        /// The ticket after the mutation; null if it was refused.
        ticket: Option<LinkedTicket>,
    }

    /// A rating by a link.
    RateByLinkInput {
        /// The link's token.
        link: String,
        /// The score: 1 (worst) to 5 (best).
        score: i32,
        /// An optional comment.
        comment: Option<String>,
    } => RateByLinkPayload {
        /// The ticket after the mutation; null if it was refused.
        ticket: Option<LinkedTicket>,
    }
}

mutations! {
    /// Mutations of the links to a ticket.
    pub struct LinkRevocationMutation;

    /// Revokes the links by which requesters follow a ticket without signing in. The next message to them contains a new one.
    revoke_ticket_links("The ticket.")
    /// The ticket whose links are revoked.
    RevokeTicketLinksInput {
        /// The ticket.
        ticket_id: ID,
    } => RevokeTicketLinks { ticket: id("ticketId", &ticket_id)? } => RevokeTicketLinksPayload {
        /// The ticket; null if the mutation was refused.
        ticket: Option<TicketNode> = ticket,
    }
}

/// Mutations of links and by a link.
#[derive(MergedObject, Default)]
pub struct LinkMutation(LinkRevocationMutation, ByLinkMutation);

/// Mutations by a link.
#[derive(Default)]
pub struct ByLinkMutation;

/// Runs a command by a link; the link takes the place of signing in.
macro_rules! by_link {
    ($ctx:expr, $link:expr, $key:expr, $command:expr, $payload:ident) => {{
        let (link, command): (String, _) = ($link, $command);
        let (done, user_errors) = payload_parts($ctx, cx($ctx).execute(&command, $key.as_deref()).await)?;
        let ticket = match done {
            Some(_) => Some(linked_ticket($ctx, &link).await.or_top_level($ctx)?),
            None => None,
        };
        Ok($payload { ticket, user_errors })
    }};
}

#[Object]
impl ByLinkMutation {
    /// Adds a public comment to the ticket of a link, without signing in; at most 30 an hour.
    async fn reply_by_link(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The link and the text.")] input: ReplyByLinkInput,
    ) -> async_graphql::Result<ReplyByLinkPayload> {
        let ReplyByLinkInput { link, body, idempotency_key } = input;
        let command = ActByLink { link: link.clone(), act: LinkAct::Reply { body } };
        by_link!(ctx, link, idempotency_key, command, ReplyByLinkPayload)
    }

    /// Asks again about the ticket of a link, without signing in.
    async fn chase_by_link(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The link.")] input: ChaseByLinkInput,
    ) -> async_graphql::Result<ChaseByLinkPayload> {
        let ChaseByLinkInput { link, idempotency_key } = input;
        let command = ActByLink { link: link.clone(), act: LinkAct::Chase };
        by_link!(ctx, link, idempotency_key, command, ChaseByLinkPayload)
    }

    /// Reopens the ticket of a link, without signing in.
    async fn reopen_by_link(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The link and the reason.")] input: ReopenByLinkInput,
    ) -> async_graphql::Result<ReopenByLinkPayload> {
        let ReopenByLinkInput { link, reason, idempotency_key } = input;
        let command = ActByLink { link: link.clone(), act: LinkAct::Reopen { reason } };
        by_link!(ctx, link, idempotency_key, command, ReopenByLinkPayload)
    }

    /// Cancels the ticket of a link, without signing in.
    async fn cancel_by_link(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The link and the reason.")] input: CancelByLinkInput,
    ) -> async_graphql::Result<CancelByLinkPayload> {
        let CancelByLinkInput { link, reason, idempotency_key } = input;
        let command = ActByLink { link: link.clone(), act: LinkAct::Cancel { reason } };
        by_link!(ctx, link, idempotency_key, command, CancelByLinkPayload)
    }

    /// Rates the resolved or closed ticket of a link, without signing in; the last rating counts.
    async fn rate_by_link(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The link and the score.")] input: RateByLinkInput,
    ) -> async_graphql::Result<RateByLinkPayload> {
        let RateByLinkInput { link, score, comment, idempotency_key } = input;
        let command = RateByLink { link: link.clone(), score, comment };
        by_link!(ctx, link, idempotency_key, command, RateByLinkPayload)
    }
}
