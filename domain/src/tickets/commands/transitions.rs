//! Transitions of the life-cycle.

use super::attribution::{check_attribution, save_attribution};
use super::{apply_command, load};
use crate::kernel::text::{self, REASON_CHARS_MAX};
use crate::kernel::{Code, CommentId, Result, TicketId, boxed, refuse};
use crate::msg;
use crate::people;
use crate::runtime::{Command, Tx};
use crate::tickets::decide::lifecycle::{self, Assignee};
use crate::tickets::model::{
    AcceptTicket, AssignTicket, CancelTicket, CloseTicket, Comment, ReopenTicket, ResolveTicket, ResumeTicket,
    SetWaiting, Visibility,
};
use crate::tickets::store;

impl Command for AssignTicket {
    const NAME: &'static str = "assignTicket";
    type Output = TicketId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let ticket = load(tx, self.ticket, self.expected_version).await?;
        let user = people::queries::user(tx.conn(), self.assignee)
            .await?
            .ok_or_else(|| refuse(Code::NotFound, "assigneeId", msg!("user-not-found")))?;
        let to = Assignee {
            id: user.id,
            is_staff: user.is_staff(),
            is_enabled: user.disabled_at.is_none(),
            team: user.teams.first().copied(),
        };
        match lifecycle::assign(&ticket, tx.actor(), tx.now, &to)? {
            Some(decision) => apply_command(tx, &ticket, decision, true).await,
            None => Ok(ticket.id),
        }
    }
}

impl Command for AcceptTicket {
    const NAME: &'static str = "acceptTicket";
    type Output = TicketId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let ticket = load(tx, self.ticket, self.expected_version).await?;
        let team = tx.actor().person().and_then(|person| person.teams.first().copied());
        let decision = lifecycle::accept(&ticket, tx.actor(), tx.now, team)?;
        apply_command(tx, &ticket, decision, true).await
    }
}

impl Command for SetWaiting {
    const NAME: &'static str = "setWaiting";
    type Output = TicketId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let ticket = load(tx, self.ticket, self.expected_version).await?;
        let decision = lifecycle::set_waiting(&ticket, tx.actor(), tx.now, &self.reason)?;
        apply_command(tx, &ticket, decision, true).await
    }
}

impl Command for ResumeTicket {
    const NAME: &'static str = "resumeTicket";
    type Output = TicketId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let ticket = load(tx, self.ticket, self.expected_version).await?;
        let decision = lifecycle::resume(&ticket, tx.actor(), tx.now)?;
        apply_command(tx, &ticket, decision, true).await
    }
}

impl Command for ResolveTicket {
    const NAME: &'static str = "resolveTicket";
    type Output = TicketId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let ticket = load(tx, self.ticket, self.expected_version).await?;
        let decision = lifecycle::resolve(&ticket, tx.actor(), tx.now, &self.attribution)?;
        let given = check_attribution(tx, &self.attribution).await?;
        save_attribution(tx, ticket.id, given).await?;
        apply_command(tx, &ticket, decision, true).await
    }
}

impl Command for CloseTicket {
    const NAME: &'static str = "closeTicket";
    type Output = TicketId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let ticket = load(tx, self.ticket, self.expected_version).await?;
        let decision = lifecycle::close(&ticket, tx.actor(), tx.now)?;
        apply_command(tx, &ticket, decision, true).await
    }
}

impl Command for ReopenTicket {
    const NAME: &'static str = "reopenTicket";
    type Output = TicketId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    /// The reason is stored as a public comment.
    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let ticket = load(tx, self.ticket, self.expected_version).await?;
        let comment = tx.actor().user_id().map(|author| (CommentId(tx.new_uuid()), author));
        let decision = lifecycle::reopen(&ticket, tx.actor(), tx.now, comment.map(|(id, _)| id))?;
        let body = text::body("reason", &self.reason, REASON_CHARS_MAX)?;
        if let Some((id, author)) = comment {
            let visibility = Visibility::Public;
            let comment = Comment { id, ticket: ticket.id, author, body, visibility, created_at: tx.now };
            store::insert_comment(tx.conn(), comment).await?;
        }
        apply_command(tx, &ticket, decision, true).await
    }
}

impl Command for CancelTicket {
    const NAME: &'static str = "cancelTicket";
    type Output = TicketId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let ticket = load(tx, self.ticket, self.expected_version).await?;
        let decision = lifecycle::cancel(&ticket, tx.actor(), tx.now, &self.reason)?;
        apply_command(tx, &ticket, decision, true).await
    }
}
