//! Mutations of tickets.

use async_graphql::{Context, ID, MergedObject, Object};
use domain::recommend::model::{DismissSuggestion, RestoreSuggestion};
use domain::tickets::model as commands;
use domain::{hub, notifications};

use super::super::enums::DismissalReason;
use super::super::error::OrTopLevel as _;
use super::super::execute::{execute, mutations};
use super::super::guard::cx;
use super::super::inputs::{AttributionInput, ExternalRefInput, id};
use super::super::scalars::{CommentVisibility, Priority, TicketText};
use super::{CommentNode, TicketNode, ticket};

/// Mutations of tickets.
#[derive(MergedObject, Default)]
pub struct TicketMutation(
    VersionedTicketMutation,
    NewTicketMutation,
    SolvedTicketMutation,
    ParticipationMutation,
    SuggestionMutation,
    CommentMutation,
);

mutations! {
    /// Mutations of a ticket that has a version.
    pub struct VersionedTicketMutation;

    input {
        /// The ticket.
        ticket_id: ID,
        /// The version that the caller last read; refused with VERSION_CONFLICT if it has changed since.
        expected_version: Option<i32>,
    }
    payload {
        /// The ticket after the mutation; null if it was refused.
        ticket: Option<TicketNode> = ticket,
    }

    /// Assigns a ticket to a person.
    assign_ticket("The ticket and its new assignee.")
    /// A ticket and its new assignee.
    AssignTicketInput {
        /// The new assignee: an agent, supervisor or administrator.
        assignee_id: ID,
    } => commands::AssignTicket {
        ticket: id("ticketId", &ticket_id)?,
        assignee: id("assigneeId", &assignee_id)?,
        expected_version,
    } => AssignTicketPayload {}

    /// Accepts a ticket: the caller takes responsibility and work starts.
    accept_ticket("The ticket.")
    /// The ticket that the caller accepts.
    AcceptTicketInput {} => commands::AcceptTicket {
        ticket: id("ticketId", &ticket_id)?,
        expected_version,
    } => AcceptTicketPayload {}

    /// Puts a ticket on hold while it waits for the customer or a third party.
    set_waiting("The ticket and the reason.")
    /// A ticket to put on hold, with the reason.
    SetWaitingInput {
        /// Whom or what it waits for.
        reason: String,
    } => commands::SetWaiting { ticket: id("ticketId", &ticket_id)?, reason, expected_version } => SetWaitingPayload {}

    /// Continues work on a waiting ticket.
    resume_ticket("The ticket.")
    /// A waiting ticket to resume.
    ResumeTicketInput {} => commands::ResumeTicket {
        ticket: id("ticketId", &ticket_id)?,
        expected_version,
    } => ResumeTicketPayload {}

    /// Resolves a ticket; the attribution is mandatory.
    resolve_ticket("The ticket and its attribution.")
    /// A ticket to resolve, with its attribution.
    ResolveTicketInput {
        /// The root cause and solution; mandatory.
        attribution: AttributionInput,
    } => commands::ResolveTicket {
        ticket: id("ticketId", &ticket_id)?,
        attribution: attribution.into(),
        expected_version,
    } => ResolveTicketPayload {}

    /// Redacts texts of a ticket, such as personal data; the audit trail stays. For administrators.
    redact_ticket("The ticket and the texts.")
    /// Texts of a ticket to redact permanently.
    RedactTicketInput {
        /// Fields of the ticket itself.
        texts: Option<Vec<TicketText>>,
        /// Ids of comments of the ticket.
        comment_ids: Option<Vec<ID>>,
    } => commands::RedactTicket {
        ticket: id("ticketId", &ticket_id)?,
        texts: texts.unwrap_or_default().into_iter().map(Into::into).collect(),
        comments: comment_ids
            .unwrap_or_default()
            .iter()
            .map(|comment| id("commentIds", comment))
            .collect::<Result<_, _>>()?,
        expected_version,
    } => RedactTicketPayload {}

    /// Closes a resolved ticket.
    close_ticket("The ticket.")
    /// A resolved ticket to close.
    CloseTicketInput {} => commands::CloseTicket {
        ticket: id("ticketId", &ticket_id)?,
        expected_version,
    } => CloseTicketPayload {}

    /// Cancels a ticket.
    cancel_ticket("The ticket and the reason.")
    /// A ticket to cancel, with the reason.
    CancelTicketInput {
        /// The reason for cancelling.
        reason: String,
    } => commands::CancelTicket {
        ticket: id("ticketId", &ticket_id)?,
        reason,
        expected_version,
    } => CancelTicketPayload {}

    /// Changes the text or fields of a ticket.
    update_ticket("The changes.")
    /// Changes to a ticket; fields that are not given stay unchanged.
    UpdateTicketInput {
        /// The problem in one line (title).
        title: Option<String>,
        /// The full description of the problem.
        description: Option<String>,
        /// The priority.
        priority: Option<Priority>,
        /// Key of the issue type.
        issue_type: Option<String>,
        /// Key of the product.
        product: Option<String>,
        /// The serial number of the affected device, at most 64 characters; recurrence is recognised by it within a
        /// product. Empty: removes it.
        device: Option<String>,
        /// Key of the team whose queue it moves to.
        team_key: Option<String>,
        /// Keys of all skills that the ticket requires beside those of its issue type and product, at most 20; replaces the existing
        /// ones. If its assignee has not accepted it and lacks one, it is dispatched again.
        required_skills: Option<Vec<String>>,
    } => commands::UpdateTicket {
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
    } => UpdateTicketPayload {}
}

mutations! {
    /// A new ticket.
    CreateTicketInput {
        /// The problem in one line (title); at most 200 characters.
        title: String,
        /// The full description of the problem; at most 20,000 characters.
        description: String,
        /// The priority.
        #[graphql(default_with = "Some(Priority::Normal)")]
        priority: Option<Priority>,
        /// Key of the issue type; it decides the team.
        issue_type: Option<String>,
        /// Key of the product; by default the one that title or description name by its key, its name or an alias.
        product: Option<String>,
        /// The serial number of the affected device, at most 64 characters; recurrence is recognised by it within a
        /// product.
        device: Option<String>,
        /// Key of the customer; by default the requester's organisation.
        customer_key: Option<String>,
        /// E-mail address of the requester; by default the caller, and nobody if a system creates it. For staff and systems.
        requester_email: Option<String>,
        /// Keys of the skills that the ticket requires beside those of its issue type and product.
        required_skills: Option<Vec<String>>,
        /// The ticket's references in other systems. Those of a requester are not linked: staff see them as an internal
        /// comment. A system gives its own only.
        external_refs: Option<Vec<ExternalRefInput>>,
    } => CreateTicketPayload {
        /// The ticket after the mutation; null if it was refused, or if the API key may not read.
        ticket: Option<TicketNode>,
        /// The token of the new ticket, also for an API key that may not read; null if it was refused.
        token: Option<String>,
    }
}

/// Creates tickets.
#[derive(Default)]
pub struct NewTicketMutation;

#[Object]
impl NewTicketMutation {
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
        let command = || {
            Ok(hub::model::CreateTicket(commands::CreateTicket {
                title,
                description,
                priority: priority.unwrap_or(Priority::Normal).into(),
                issue_type,
                product,
                device,
                customer_key,
                requester_email,
                requester: None,
                required_skills: required_skills.unwrap_or_default(),
                external_refs: external_refs.unwrap_or_default().into_iter().map(Into::into).collect(),
                at: None,
            }))
        };
        let (id, user_errors) = execute(ctx, idempotency_key, command).await?;
        let token = match id {
            None => None,
            Some(id) => {
                let created = domain::tickets::queries::by_ids(cx(ctx).read(), &[id]).await.or_top_level(ctx)?;
                created.into_values().next().map(|ticket| ticket.token)
            }
        };
        Ok(CreateTicketPayload { ticket: Box::pin(ticket(ctx, id)).await?, token, user_errors })
    }
}

mutations! {
    /// Mutations of a ticket that is resolved or closed.
    pub struct SolvedTicketMutation;

    payload {
        /// The ticket after the mutation; null if it was refused.
        ticket: Option<TicketNode> = ticket,
    }

    /// Adds an attribution to an imported ticket, or corrects an existing one.
    attribute_ticket("The ticket and its attribution.")
    /// An attribution to add to an imported ticket, or a correction of an existing one.
    AttributeTicketInput {
        /// The ticket; it must be RESOLVED or CLOSED.
        ticket_id: ID,
        /// The version that the caller last read; refused with VERSION_CONFLICT if it has changed since.
        expected_version: Option<i32>,
        /// The root cause and solution.
        attribution: AttributionInput,
    } => commands::AttributeTicket {
        ticket: id("ticketId", &ticket_id)?,
        attribution: attribution.into(),
        expected_version,
    } => AttributeTicketPayload {}

    /// Reopens a resolved or closed ticket.
    reopen_ticket("The ticket and the reason.")
    /// A ticket to reopen, with the reason.
    ReopenTicketInput {
        /// The ticket; it must be RESOLVED or CLOSED.
        ticket_id: ID,
        /// The reason; it becomes a public comment.
        reason: String,
        /// The version that the caller last read; refused with VERSION_CONFLICT if it has changed since.
        expected_version: Option<i32>,
    } => commands::ReopenTicket {
        ticket: id("ticketId", &ticket_id)?,
        reason,
        expected_version,
    } => ReopenTicketPayload {}
}

mutations! {
    /// Mutations with which somebody takes part in a ticket without changing its fields.
    pub struct ParticipationMutation;

    payload {
        /// The ticket after the mutation; null if it was refused.
        ticket: Option<TicketNode> = ticket,
    }

    /// Chases an open ticket (催单): the chase is counted, shown, and raises the ticket in queues.
    chase_ticket("The ticket.")
    /// The ticket that the caller chases (催单).
    ChaseTicketInput {
        /// The ticket.
        ticket_id: ID,
    } => commands::ChaseTicket { ticket: id("ticketId", &ticket_id)? } => ChaseTicketPayload {}

    /// Records that the caller has looked at a ticket. Clients call it when a ticket has been shown for one second.
    open_ticket("The ticket.")
    /// The ticket that the caller has looked at.
    OpenTicketInput {
        /// The ticket.
        ticket_id: ID,
    } => notifications::model::OpenTicket { ticket: id("ticketId", &ticket_id)? } => OpenTicketPayload {}

    /// Links a reference in another system to a ticket. If a person has linked it to another ticket, and the system that owns
    /// it links it, it moves.
    link_external_ref("The ticket and the reference.")
    /// A reference in another system to link to a ticket.
    LinkExternalRefInput {
        /// The ticket's token.
        ticket_token: String,
        /// Key of the other system.
        system: String,
        /// The ticket's id in that system.
        external_id: String,
    } => hub::model::LinkExternalRef(commands::LinkExternalRef {
        token: ticket_token,
        reference: commands::ExternalRef { system, external_id },
    }) => LinkExternalRefPayload {}

    /// Unlinks a reference in another system from a ticket, such as a mistyped number; a system unlinks only its own.
    unlink_external_ref("The ticket and the reference.")
    /// A reference in another system to unlink from a ticket.
    UnlinkExternalRefInput {
        /// The ticket's token.
        ticket_token: String,
        /// Key of the other system.
        system: String,
        /// The ticket's id in that system.
        external_id: String,
    } => hub::model::UnlinkExternalRef(commands::UnlinkExternalRef {
        token: ticket_token,
        reference: commands::ExternalRef { system, external_id },
    }) => UnlinkExternalRefPayload {}

    /// Follows a ticket: the caller keeps access to it even if it moves to another team.
    follow_ticket("The ticket.")
    /// The ticket that the caller follows.
    FollowTicketInput {
        /// The ticket.
        ticket_id: ID,
    } => commands::FollowTicket { ticket: id("ticketId", &ticket_id)?, follow: true } => FollowTicketPayload {}

    /// Stops following a ticket.
    unfollow_ticket("The ticket.")
    /// The ticket that the caller stops following.
    UnfollowTicketInput {
        /// The ticket.
        ticket_id: ID,
    } => commands::FollowTicket { ticket: id("ticketId", &ticket_id)?, follow: false } => UnfollowTicketPayload {}
}

mutations! {
    /// Mutations of the cases that are suggested for a ticket.
    pub struct SuggestionMutation;

    payload {
        /// The ticket after the mutation; null if it was refused.
        ticket: Option<TicketNode> = ticket,
    }

    /// Dismisses a suggested case: it is no longer shown for this ticket, and ranks lower for others.
    dismiss_suggestion("The case and the reason.")
    /// A suggested case that does not help with a ticket.
    DismissSuggestionInput {
        /// The ticket for which the case was suggested.
        ticket_id: ID,
        /// The case.
        case_id: ID,
        /// Why it does not help.
        reason: DismissalReason,
    } => DismissSuggestion {
        ticket: id("ticketId", &ticket_id)?,
        case: id("caseId", &case_id)?,
        reason: reason.into(),
    } => DismissSuggestionPayload {}

    /// Takes back the dismissal of a suggested case.
    restore_suggestion("The dismissed case.")
    /// A dismissed case to restore.
    RestoreSuggestionInput {
        /// The ticket for which the case was dismissed.
        ticket_id: ID,
        /// The case.
        case_id: ID,
    } => RestoreSuggestion {
        ticket: id("ticketId", &ticket_id)?,
        case: id("caseId", &case_id)?,
    } => RestoreSuggestionPayload {}
}

mutations! {
    /// A new comment on a ticket.
    AddCommentInput {
        /// The ticket.
        ticket_id: ID,
        /// The text; at most 20,000 characters.
        body: String,
        /// Who may read the comment.
        #[graphql(default_with = "CommentVisibility::Public")]
        visibility: CommentVisibility,
        /// Ids of mentioned colleagues; they can see the ticket from now on.
        mention_ids: Option<Vec<ID>>,
    } => AddCommentPayload {
        /// The ticket after the mutation; null if it was refused.
        ticket: Option<TicketNode>,
        /// The new comment; null if the mutation was refused.
        comment: Option<CommentNode>,
    }
}

/// Mutations of comments.
#[derive(Default)]
pub struct CommentMutation;

#[Object]
impl CommentMutation {
    /// Adds a comment to a ticket.
    async fn add_comment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The comment.")] input: AddCommentInput,
    ) -> async_graphql::Result<AddCommentPayload> {
        let AddCommentInput { ticket_id, body, visibility, mention_ids, idempotency_key } = input;
        let (comment, user_errors) = execute(ctx, idempotency_key, || {
            let mentions = mention_ids.unwrap_or_default();
            Ok(commands::AddComment {
                ticket: id("ticketId", &ticket_id)?,
                body,
                visibility: visibility.into(),
                mentions: mentions.iter().map(|user| id("mentionIds", user)).collect::<Result<_, _>>()?,
            })
        })
        .await?;
        let Some(comment) = comment else {
            return Ok(AddCommentPayload { ticket: None, comment: None, user_errors });
        };
        let cx = cx(ctx);
        let comment = domain::tickets::queries::comment(cx, comment).await.or_top_level(ctx)?.map(CommentNode);
        let ticket = ticket(ctx, id("ticketId", &ticket_id).ok()).await?;
        Ok(AddCommentPayload { ticket, comment, user_errors })
    }
}
