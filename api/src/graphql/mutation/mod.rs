//! The mutations: input into command, outcome into payload, nothing else.

use async_graphql::{Context, MergedObject, Object};
use domain::kernel::{Error, TicketId};
use domain::recommend::model::{DismissSuggestion, RestoreSuggestion};
use domain::runtime::{Command, Ctx};
use domain::tickets::model as commands;

mod inputs;

use self::inputs::*;
use super::Caller;
use super::calendar::CalendarMutation;
use super::catalogue::CatalogueMutation;
use super::duty::DutyMutation;
use super::error::{OrTopLevel as _, UserError, settle};
use super::escalation::EscalationMutation;
use super::hub::HubMutation;
use super::inputs::id;
use super::intake::IntakeMutation;
use super::knowledge::KnowledgeMutation;
use super::satisfaction::SatisfactionMutation;
use super::scalars::Priority;
use super::session::PeopleMutation;
use super::sla::SlaMutation;
use super::terminals::NotificationMutation;
use super::ticket::{CommentNode, TicketNode};

/// What may be changed.
#[derive(MergedObject, Default)]
pub struct Mutation(
    TicketMutation,
    PeopleMutation,
    CatalogueMutation,
    CalendarMutation,
    DutyMutation,
    SlaMutation,
    NotificationMutation,
    EscalationMutation,
    HubMutation,
    IntakeMutation,
    KnowledgeMutation,
    SatisfactionMutation,
);

/// Mutations of tickets.
#[derive(Default)]
pub struct TicketMutation;

/// Runs a command that answers a ticket.
async fn run<C: Command<Output = TicketId>>(
    ctx: &Context<'_>,
    command: Result<C, Error>,
    once: Option<String>,
) -> async_graphql::Result<(Option<TicketNode>, Vec<UserError>)> {
    let cx: &Ctx = &ctx.data_unchecked::<Caller>().cx;
    let outcome = match command {
        // Before anything of the input is looked at: who does not say who they are is told nothing of it.
        _ if cx.actor.user_id().is_none() => Err(Error::unauthenticated()),
        // On the heap: it stands in the future of its resolver, and all of those in one.
        Ok(command) => Box::pin(cx.execute(&command, once.as_deref())).await,
        Err(error) => Err(error),
    };
    let (id, user_errors) = settle(ctx, outcome)?;
    Ok((ticket(ctx, id).await?, user_errors))
}

pub async fn ticket(ctx: &Context<'_>, id: Option<TicketId>) -> async_graphql::Result<Option<TicketNode>> {
    let Some(id) = id else { return Ok(None) };
    let cx = &ctx.data_unchecked::<Caller>().cx;
    // Not from the operation's loaders: an earlier mutation of the same document may have loaded it.
    let mut views = domain::tickets::queries::views_by_id(cx, vec![id]).await.or_top_level(ctx)?;
    Ok(views.remove(&id).map(TicketNode))
}

macro_rules! answer {
    ($ctx:ident, $payload:ident, $once:expr, $command:expr) => {{
        // A block of its own, so that `?` ends the command and not the resolver.
        let command = async { Ok::<_, Error>($command) }.await;
        let (ticket, user_errors) = run($ctx, command, $once).await?;
        Ok($payload { ticket, user_errors })
    }};
}

#[Object]
impl TicketMutation {
    /// Creates a ticket.
    async fn create_ticket(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ticket.")] input: CreateTicketInput,
    ) -> async_graphql::Result<CreateTicketPayload> {
        let CreateTicketInput {
            title,
            description,
            priority,
            issue_type,
            product,
            device,
            customer_key,
            requester_email,
            required_skills,
            external_refs,
            idempotency_key,
        } = input;
        answer!(
            ctx,
            CreateTicketPayload,
            idempotency_key,
            commands::CreateTicket {
                title,
                description,
                priority: priority.unwrap_or(Priority::Normal).into(),
                issue_type,
                product,
                device,
                customer_key,
                requester_email,
                required_skills: required_skills.unwrap_or_default(),
                external_refs: external_refs.unwrap_or_default().into_iter().map(Into::into).collect(),
                at: None,
            }
        )
    }

    /// Gives a ticket to somebody.
    async fn assign_ticket(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ticket and who is to have it.")] input: AssignTicketInput,
    ) -> async_graphql::Result<AssignTicketPayload> {
        let AssignTicketInput { ticket_id, assignee_id, expected_version, idempotency_key } = input;
        answer!(
            ctx,
            AssignTicketPayload,
            idempotency_key,
            commands::AssignTicket {
                ticket: id("ticketId", &ticket_id)?,
                assignee: id("assigneeId", &assignee_id)?,
                expected_version,
            }
        )
    }

    /// Takes a ticket on.
    async fn accept_ticket(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ticket.")] input: AcceptTicketInput,
    ) -> async_graphql::Result<AcceptTicketPayload> {
        let AcceptTicketInput { ticket_id, expected_version, idempotency_key } = input;
        answer!(
            ctx,
            AcceptTicketPayload,
            idempotency_key,
            commands::AcceptTicket { ticket: id("ticketId", &ticket_id)?, expected_version }
        )
    }

    /// Lets a ticket wait for the customer or a third party.
    async fn set_waiting(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ticket and why.")] input: SetWaitingInput,
    ) -> async_graphql::Result<SetWaitingPayload> {
        let SetWaitingInput { ticket_id, reason, expected_version, idempotency_key } = input;
        answer!(
            ctx,
            SetWaitingPayload,
            idempotency_key,
            commands::SetWaiting { ticket: id("ticketId", &ticket_id)?, reason, expected_version }
        )
    }

    /// Goes on with a ticket that waited.
    async fn resume_ticket(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ticket.")] input: ResumeTicketInput,
    ) -> async_graphql::Result<ResumeTicketPayload> {
        let ResumeTicketInput { ticket_id, expected_version, idempotency_key } = input;
        answer!(
            ctx,
            ResumeTicketPayload,
            idempotency_key,
            commands::ResumeTicket { ticket: id("ticketId", &ticket_id)?, expected_version }
        )
    }

    /// Resolves a ticket, with attribution.
    async fn resolve_ticket(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ticket and its attribution.")] input: ResolveTicketInput,
    ) -> async_graphql::Result<ResolveTicketPayload> {
        let ResolveTicketInput { ticket_id, expected_version, attribution, idempotency_key } = input;
        answer!(
            ctx,
            ResolveTicketPayload,
            idempotency_key,
            commands::ResolveTicket {
                ticket: id("ticketId", &ticket_id)?,
                attribution: attribution.into(),
                expected_version,
            }
        )
    }

    /// Attributes history that came without, or mends an attribution.
    async fn attribute_ticket(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ticket and its attribution.")] input: AttributeTicketInput,
    ) -> async_graphql::Result<AttributeTicketPayload> {
        let AttributeTicketInput { ticket_id, expected_version, attribution, idempotency_key } = input;
        answer!(
            ctx,
            AttributeTicketPayload,
            idempotency_key,
            commands::AttributeTicket {
                ticket: id("ticketId", &ticket_id)?,
                attribution: attribution.into(),
                expected_version,
            }
        )
    }

    /// Takes texts out that nobody may keep, such as personal data; what happened stays. For administrators.
    async fn redact_ticket(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ticket and the texts.")] input: RedactTicketInput,
    ) -> async_graphql::Result<RedactTicketPayload> {
        let RedactTicketInput { ticket_id, expected_version, texts, comment_ids, idempotency_key } = input;
        answer!(
            ctx,
            RedactTicketPayload,
            idempotency_key,
            commands::RedactTicket {
                ticket: id("ticketId", &ticket_id)?,
                texts: texts.unwrap_or_default().into_iter().map(Into::into).collect(),
                comments: comment_ids
                    .unwrap_or_default()
                    .iter()
                    .map(|comment| id("commentIds", comment))
                    .collect::<Result<_, _>>()?,
                expected_version,
            }
        )
    }

    /// Closes a resolved ticket.
    async fn close_ticket(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ticket.")] input: CloseTicketInput,
    ) -> async_graphql::Result<CloseTicketPayload> {
        let CloseTicketInput { ticket_id, expected_version, idempotency_key } = input;
        answer!(
            ctx,
            CloseTicketPayload,
            idempotency_key,
            commands::CloseTicket { ticket: id("ticketId", &ticket_id)?, expected_version }
        )
    }

    /// Takes a resolved or closed ticket up again.
    async fn reopen_ticket(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ticket and why.")] input: ReopenTicketInput,
    ) -> async_graphql::Result<ReopenTicketPayload> {
        let ReopenTicketInput { ticket_id, reason, expected_version, idempotency_key } = input;
        answer!(
            ctx,
            ReopenTicketPayload,
            idempotency_key,
            commands::ReopenTicket { ticket: id("ticketId", &ticket_id)?, reason, expected_version }
        )
    }

    /// Gives a ticket up.
    async fn cancel_ticket(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ticket and why.")] input: CancelTicketInput,
    ) -> async_graphql::Result<CancelTicketPayload> {
        let CancelTicketInput { ticket_id, reason, expected_version, idempotency_key } = input;
        answer!(
            ctx,
            CancelTicketPayload,
            idempotency_key,
            commands::CancelTicket { ticket: id("ticketId", &ticket_id)?, reason, expected_version }
        )
    }

    /// Asks again about an open ticket: counted, shown, and raising it in queues.
    async fn chase_ticket(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ticket.")] input: ChaseTicketInput,
    ) -> async_graphql::Result<ChaseTicketPayload> {
        let ChaseTicketInput { ticket_id, idempotency_key } = input;
        answer!(ctx, ChaseTicketPayload, idempotency_key, commands::ChaseTicket { ticket: id("ticketId", &ticket_id)? })
    }

    /// 'I have looked at it.' Clients call it when a ticket has been shown for a second.
    async fn open_ticket(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ticket.")] input: OpenTicketInput,
    ) -> async_graphql::Result<OpenTicketPayload> {
        let OpenTicketInput { ticket_id, idempotency_key } = input;
        answer!(
            ctx,
            OpenTicketPayload,
            idempotency_key,
            domain::notifications::model::OpenTicket { ticket: id("ticketId", &ticket_id)? }
        )
    }

    /// Changes a ticket's text or fields.
    async fn update_ticket(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to change.")] input: UpdateTicketInput,
    ) -> async_graphql::Result<UpdateTicketPayload> {
        let UpdateTicketInput {
            ticket_id,
            expected_version,
            title,
            description,
            priority,
            issue_type,
            product,
            device,
            team_key,
            required_skills,
            idempotency_key,
        } = input;
        answer!(
            ctx,
            UpdateTicketPayload,
            idempotency_key,
            commands::UpdateTicket {
                ticket: id("ticketId", &ticket_id)?,
                expected_version,
                title,
                description,
                priority: priority.map(Into::into),
                issue_type,
                product,
                device,
                team_key,
                required_skills,
            }
        )
    }

    /// Links what another system calls a ticket.
    async fn link_external_ref(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ticket and the reference.")] input: LinkExternalRefInput,
    ) -> async_graphql::Result<LinkExternalRefPayload> {
        let LinkExternalRefInput { ticket_token, system, external_id, idempotency_key } = input;
        answer!(
            ctx,
            LinkExternalRefPayload,
            idempotency_key,
            domain::hub::model::LinkExternalRef(commands::LinkExternalRef {
                token: ticket_token,
                reference: commands::ExternalRef { system, external_id },
            })
        )
    }

    /// Says that a similar case does not help with a ticket: it is shown for it no more, and sinks for others.
    async fn dismiss_suggestion(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The case, and why it does not help.")] input: DismissSuggestionInput,
    ) -> async_graphql::Result<DismissSuggestionPayload> {
        let DismissSuggestionInput { ticket_id, case_id, reason, idempotency_key } = input;
        answer!(
            ctx,
            DismissSuggestionPayload,
            idempotency_key,
            DismissSuggestion {
                ticket: id("ticketId", &ticket_id)?,
                case: id("caseId", &case_id)?,
                reason: reason.into(),
            }
        )
    }

    /// Takes a dismissal back.
    async fn restore_suggestion(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The case that was dismissed.")] input: RestoreSuggestionInput,
    ) -> async_graphql::Result<RestoreSuggestionPayload> {
        let RestoreSuggestionInput { ticket_id, case_id, idempotency_key } = input;
        answer!(
            ctx,
            RestoreSuggestionPayload,
            idempotency_key,
            RestoreSuggestion { ticket: id("ticketId", &ticket_id)?, case: id("caseId", &case_id)? }
        )
    }

    /// Follows a ticket: the caller sees it from now on, wherever it goes.
    async fn follow_ticket(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ticket.")] input: FollowTicketInput,
    ) -> async_graphql::Result<FollowTicketPayload> {
        let FollowTicketInput { ticket_id, idempotency_key } = input;
        let follow = true;
        answer!(
            ctx,
            FollowTicketPayload,
            idempotency_key,
            commands::FollowTicket { ticket: id("ticketId", &ticket_id)?, follow }
        )
    }

    /// Follows a ticket no longer.
    async fn unfollow_ticket(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ticket.")] input: UnfollowTicketInput,
    ) -> async_graphql::Result<UnfollowTicketPayload> {
        let UnfollowTicketInput { ticket_id, idempotency_key } = input;
        let follow = false;
        answer!(
            ctx,
            UnfollowTicketPayload,
            idempotency_key,
            commands::FollowTicket { ticket: id("ticketId", &ticket_id)?, follow }
        )
    }

    /// Writes to a ticket.
    async fn add_comment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be written.")] input: AddCommentInput,
    ) -> async_graphql::Result<AddCommentPayload> {
        let AddCommentInput { ticket_id, body, visibility, mention_ids, idempotency_key } = input;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let command = || -> Result<_, Error> {
            cx.actor.user_id().ok_or_else(Error::unauthenticated)?;
            let mentions = mention_ids.unwrap_or_default();
            Ok(commands::AddComment {
                ticket: id("ticketId", &ticket_id)?,
                body,
                visibility: visibility.into(),
                mentions: mentions.iter().map(|user| id("mentionIds", user)).collect::<Result<_, _>>()?,
            })
        };
        let outcome = match command() {
            Ok(command) => {
                cx.execute(&command, idempotency_key.as_deref()).await.map(|comment| (command.ticket, comment))
            }
            Err(error) => Err(error),
        };
        let (written, user_errors) = settle(ctx, outcome)?;
        let Some((ticket_id, comment)) = written else {
            return Ok(AddCommentPayload { ticket: None, comment: None, user_errors });
        };
        let comment = domain::tickets::queries::comment(cx, comment).await.or_top_level(ctx)?.map(CommentNode);
        Ok(AddCommentPayload { ticket: ticket(ctx, Some(ticket_id)).await?, comment, user_errors })
    }
}
