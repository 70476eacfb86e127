//! What mutations of tickets take and give.

use async_graphql::{ID, InputObject, SimpleObject};

use super::super::error::UserError;
use super::super::inputs::{AttributionInput, ExternalRefInput};
use super::super::scalars::{CommentVisibility, Priority, TicketText};
use super::super::ticket::{CommentNode, TicketNode};
use super::super::words::DismissalReason;

/// A mutation of a ticket: its input, its payload and the command it stands for.
macro_rules! ticket_mutations {
    ($(
        $(#[$doc:meta])*
        $input:ident => $payload:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* $(,)? }
    )*) => {$(
        $(#[$doc])*
        #[derive(InputObject)]
        pub struct $input {
            $($(#[$field_doc])* pub(super) $field: $type,)*
            /// The same key and input give the same answer for 24 h.
            pub(super) idempotency_key: Option<String>,
        }

        /// What the mutation came to.
        #[derive(SimpleObject)]
        pub struct $payload {
            /// The ticket as it is now; null where the mutation was refused.
            pub(super) ticket: Option<TicketNode>,
            /// Why nothing was changed; empty where it was.
            pub(super) user_errors: Vec<UserError>,
        }
    )*};
}

ticket_mutations! {
    /// A ticket to be created.
    CreateTicketInput => CreateTicketPayload {
        /// The problem in one line; at most 200 characters.
        title: String,
        /// The problem at length; at most 20,000 characters.
        description: String,
        /// How urgent it is.
        #[graphql(default_with = "Some(Priority::Normal)")]
        priority: Option<Priority>,
        /// Key of the issue type; it decides the team.
        issue_type: Option<String>,
        /// Key of the product.
        product: Option<String>,
        /// The serial number of the device that it is about: within a product, by it is told what comes back; at most 64 characters.
        device: Option<String>,
        /// Key of the customer; by default the requester's organisation.
        customer_key: Option<String>,
        /// Who needs help; by default the caller. For staff.
        requester_email: Option<String>,
        /// Keys of the skills that it takes.
        required_skills: Option<Vec<String>>,
        /// What other systems call it.
        external_refs: Option<Vec<ExternalRefInput>>,
    }
    /// A ticket and who is to have it.
    AssignTicketInput => AssignTicketPayload {
        /// The ticket.
        ticket_id: ID,
        /// An agent, supervisor or administrator.
        assignee_id: ID,
        /// The version that the caller saw; refused where it is another by now.
        expected_version: Option<i32>,
    }
    /// A ticket that the caller takes on.
    AcceptTicketInput => AcceptTicketPayload {
        /// The ticket.
        ticket_id: ID,
        /// The version that the caller saw; refused where it is another by now.
        expected_version: Option<i32>,
    }
    /// A ticket that has to wait.
    SetWaitingInput => SetWaitingPayload {
        /// The ticket.
        ticket_id: ID,
        /// For whom or what it waits.
        reason: String,
        /// The version that the caller saw; refused where it is another by now.
        expected_version: Option<i32>,
    }
    /// A ticket that goes on.
    ResumeTicketInput => ResumeTicketPayload {
        /// The ticket.
        ticket_id: ID,
        /// The version that the caller saw; refused where it is another by now.
        expected_version: Option<i32>,
    }
    /// A ticket that is solved.
    ResolveTicketInput => ResolveTicketPayload {
        /// The ticket.
        ticket_id: ID,
        /// The version that the caller saw; refused where it is another by now.
        expected_version: Option<i32>,
        /// What it was and how it was solved. Nothing is resolved without.
        attribution: AttributionInput,
    }
    /// History to be attributed, or an attribution to be mended.
    AttributeTicketInput => AttributeTicketPayload {
        /// The ticket; RESOLVED or CLOSED.
        ticket_id: ID,
        /// The version that the caller saw; refused where it is another by now.
        expected_version: Option<i32>,
        /// What it was and how it was solved.
        attribution: AttributionInput,
    }
    /// A resolved ticket that is over.
    CloseTicketInput => CloseTicketPayload {
        /// The ticket.
        ticket_id: ID,
        /// The version that the caller saw; refused where it is another by now.
        expected_version: Option<i32>,
    }
    /// A ticket that was not solved after all.
    ReopenTicketInput => ReopenTicketPayload {
        /// The ticket; RESOLVED or CLOSED.
        ticket_id: ID,
        /// Why; it becomes a public comment.
        reason: String,
        /// The version that the caller saw; refused where it is another by now.
        expected_version: Option<i32>,
    }
    /// A ticket to be given up.
    CancelTicketInput => CancelTicketPayload {
        /// The ticket.
        ticket_id: ID,
        /// Why.
        reason: String,
        /// The version that the caller saw; refused where it is another by now.
        expected_version: Option<i32>,
    }
    /// A ticket that somebody asks about again.
    ChaseTicketInput => ChaseTicketPayload {
        /// The ticket.
        ticket_id: ID,
    }
    /// A ticket that the caller has looked at.
    OpenTicketInput => OpenTicketPayload {
        /// The ticket.
        ticket_id: ID,
    }
    /// What of a ticket is to change; what is left out stays.
    UpdateTicketInput => UpdateTicketPayload {
        /// The ticket.
        ticket_id: ID,
        /// The version that the caller saw; refused where it is another by now.
        expected_version: Option<i32>,
        /// The problem in one line.
        title: Option<String>,
        /// The problem at length.
        description: Option<String>,
        /// How urgent it is.
        priority: Option<Priority>,
        /// Key of the issue type.
        issue_type: Option<String>,
        /// Key of the product.
        product: Option<String>,
        /// The serial number of the device that it is about: within a product, by it is told what comes back; at most 64 characters; an empty one takes it away.
        device: Option<String>,
        /// Key of the team whose queue it is to stand in.
        team_key: Option<String>,
        /// Keys of all skills that it takes.
        required_skills: Option<Vec<String>>,
    }
    /// Texts to be taken out of a ticket for good.
    RedactTicketInput => RedactTicketPayload {
        /// The ticket.
        ticket_id: ID,
        /// The version that the caller saw; refused where it is another by now.
        expected_version: Option<i32>,
        /// Texts of the ticket itself.
        texts: Option<Vec<TicketText>>,
        /// Comments of the ticket.
        comment_ids: Option<Vec<ID>>,
    }
    /// A reference to be linked.
    LinkExternalRefInput => LinkExternalRefPayload {
        /// The ticket's token.
        ticket_token: String,
        /// Key of the other system.
        system: String,
        /// The ticket's id there.
        external_id: String,
    }
    /// A case that does not help.
    DismissSuggestionInput => DismissSuggestionPayload {
        /// The ticket for which it was shown.
        ticket_id: ID,
        /// The case.
        case_id: ID,
        /// Why it does not help.
        reason: DismissalReason,
    }
    /// A case that was dismissed.
    RestoreSuggestionInput => RestoreSuggestionPayload {
        /// The ticket for which it was dismissed.
        ticket_id: ID,
        /// The case.
        case_id: ID,
    }
    /// A ticket to be followed.
    FollowTicketInput => FollowTicketPayload {
        /// The ticket.
        ticket_id: ID,
    }
    /// A ticket no longer to be followed.
    UnfollowTicketInput => UnfollowTicketPayload {
        /// The ticket.
        ticket_id: ID,
    }
}

/// Something to be written to a ticket.
#[derive(InputObject)]
pub struct AddCommentInput {
    /// The ticket.
    pub(super) ticket_id: ID,
    /// The text; at most 20,000 characters.
    pub(super) body: String,
    /// Who may read it.
    #[graphql(default_with = "CommentVisibility::Public")]
    pub(super) visibility: CommentVisibility,
    /// Colleagues who are to see the ticket from now on.
    pub(super) mention_ids: Option<Vec<ID>>,
    /// The same key and input give the same answer for 24 h.
    pub(super) idempotency_key: Option<String>,
}

/// What commenting came to.
#[derive(SimpleObject)]
pub struct AddCommentPayload {
    /// The ticket as it is now; null where the mutation was refused.
    pub(super) ticket: Option<TicketNode>,
    /// What was written.
    pub(super) comment: Option<CommentNode>,
    /// Why nothing was written; empty where it was.
    pub(super) user_errors: Vec<UserError>,
}
