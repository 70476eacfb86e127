//! Activity that does not change the status: chasing, opening, commenting, following.

use super::{append_fact_to, apply_command, check_count, load};
use crate::kernel::text::{self, BODY_CHARS_MAX};
use crate::kernel::{Code, CommentId, Error, Result, TicketId, UserId, boxed, refuse};
use crate::msg;
use crate::people;
use crate::runtime::{Command, Tx};
use crate::tickets::decide::lifecycle::{self};
use crate::tickets::decide::rights;
use crate::tickets::model::{
    Action, AddComment, ChaseTicket, Comment, Fact, FollowTicket, OpenTicket, ParticipantReason, Ticket,
};
use crate::tickets::store;

impl Command for ChaseTicket {
    const NAME: &'static str = "chaseTicket";
    type Output = TicketId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let ticket = load(tx, self.ticket, None).await?;
        let decision = lifecycle::chase(&ticket, tx.actor(), tx.now)?;
        apply_command(tx, &ticket, decision, true).await
    }
}

impl Command for OpenTicket {
    const NAME: &'static str = "openTicket";
    type Output = TicketId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let ticket = load(tx, self.ticket, None).await?;
        let first = match tx.actor().user_id() {
            Some(user) if rights::counts_as_response(tx.actor(), &ticket) => {
                store::record_open(tx, ticket.id, user).await?
            }
            _ => false,
        };
        match lifecycle::open(&ticket, tx.actor(), tx.now, !first)? {
            Some(decision) => apply_command(tx, &ticket, decision, false).await,
            None => Ok(ticket.id),
        }
    }
}

impl Command for AddComment {
    const NAME: &'static str = "addComment";
    type Output = CommentId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<CommentId> {
        let Self { ticket, body, visibility, mentions } = self;
        let ticket = load(tx, *ticket, None).await?;
        let Some(author) = tx.actor().user_id() else { return Err(Error::unauthenticated()) };
        check_count("mentionIds", mentions.len())?;
        let id = CommentId(tx.new_uuid());
        let body = text::body("body", body, BODY_CHARS_MAX)?;
        let decision = lifecycle::comment(&ticket, tx.actor(), tx.now, id, &body, *visibility)?;
        let comment = Comment { id, ticket: ticket.id, author, body, visibility: *visibility, created_at: tx.now };
        store::insert_comment(tx.conn(), comment).await?;
        // Only a resumption raises the version.
        let versioned = decision.next.status != ticket.status;
        apply_command(tx, &ticket, decision, versioned).await?;
        mention(tx, &ticket, mentions).await?;
        Ok(id)
    }
}

/// Mentioned staff become participants, so that they see the ticket.
async fn mention(tx: &mut Tx, ticket: &Ticket, users: &[UserId]) -> Result<()> {
    if users.is_empty() {
        return Ok(());
    }
    if !tx.actor().is_staff() {
        return Err(refuse(Code::Forbidden, "mentionIds", msg!("tickets-mention-forbidden")).into());
    }
    let known = people::queries::users(tx.conn(), users.to_vec()).await?;
    if users.iter().any(|id| !known.iter().any(|user| user.id == *id && user.is_staff())) {
        return Err(refuse(Code::NotFound, "mentionIds", msg!("tickets-mention-invalid")).into());
    }
    for user in known {
        if store::add_participant(tx.conn(), ticket.id, user.id, ParticipantReason::Mentioned).await? {
            let fact = Fact::ParticipantAdded { user: user.id, reason: ParticipantReason::Mentioned };
            append_fact_to(tx, ticket, fact).await?;
        }
    }
    Ok(())
}

impl Command for FollowTicket {
    const NAME: &'static str = "followTicket";
    type Output = TicketId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let ticket = load(tx, self.ticket, None).await?;
        let Some(user) = tx.actor().user_id() else { return Err(Error::unauthenticated()) };
        let fact = if self.follow {
            Fact::ParticipantAdded { user, reason: ParticipantReason::Follower }
        } else {
            Fact::ParticipantRemoved { user }
        };
        let decision = lifecycle::record_activity(&ticket, tx.actor(), tx.now, Action::Follow, fact)?;
        let changed = if self.follow {
            store::add_participant(tx.conn(), ticket.id, user, ParticipantReason::Follower).await?
        } else {
            store::remove_follower(tx.conn(), ticket.id, user).await?
        };
        if changed { apply_command(tx, &ticket, decision, false).await } else { Ok(ticket.id) }
    }
}
