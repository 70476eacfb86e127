//! Links by which requesters follow their tickets without signing in.

use super::{append_fact_to, load};
use crate::kernel::{Actor, Code, Refusal, Result, TicketId, UserId, boxed, hours, refuse};
use crate::msg;
use crate::people;
use crate::runtime::{Command, Ctx, Tx, Vault};
use crate::tickets::decide::{lifecycle, link};
use crate::tickets::model::{
    ActByLink, Action, AddComment, CancelTicket, ChaseTicket, Fact, LINK_REPLIES_HOURLY_MAX, LinkAct, ReopenTicket,
    RevokeTicketLinks, Settings, TicketLink, Visibility,
};
use crate::tickets::{queries, store};

/// The token of a person's link to a ticket. A link that has expired is replaced.
pub async fn issue_link(tx: &mut Tx, ticket: TicketId, user: UserId) -> Result<String> {
    let valid_for = tx.app().state::<Settings>().link_valid_for();
    let known = store::links::of_holder(tx.conn(), ticket, user).await?;
    let id = match known.filter(|link| tx.now < link.issued_at + valid_for) {
        Some(link) => link.id,
        None => {
            store::links::revoke(tx.conn(), ticket, Some(user), tx.now).await?;
            let link = TicketLink { id: tx.new_uuid(), ticket, user, issued_at: tx.now, revoked_at: None };
            store::links::insert(tx.conn(), link).await?;
            link.id
        }
    };
    Ok(link::token(tx.app().state::<Vault>(), id))
}

fn invalid_link() -> Refusal {
    refuse(Code::TokenInvalid, "link", msg!("tickets-link-invalid"))
}

/// Runs a command as the holder of a link.
pub async fn run_as_holder<C: Command>(
    tx: &mut Tx,
    token: &str,
    command: impl FnOnce(TicketId) -> C,
) -> Result<C::Output> {
    let link = queries::link_by_token(tx.app(), tx.conn(), token, tx.now).await?.ok_or_else(invalid_link)?;
    let person = people::queries::person(tx.app(), link.user).await?.ok_or_else(invalid_link)?;
    let as_holder = Ctx { actor: Actor::Person(person.into()), ..tx.cx.clone() };
    let before = std::mem::replace(&mut tx.cx, as_holder);
    let outcome = command(link.ticket).run(tx).await;
    tx.cx = before;
    outcome
}

impl Command for ActByLink {
    const NAME: &'static str = "actByLink";
    type Output = TicketId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        match &self.act {
            LinkAct::Reply { body } => {
                let reply = |ticket| LimitedReply { ticket, body: body.clone() };
                run_as_holder(tx, &self.link, reply).await
            }
            LinkAct::Chase => run_as_holder(tx, &self.link, |ticket| ChaseTicket { ticket }).await,
            LinkAct::Reopen { reason } => {
                let reopen = |ticket| ReopenTicket { ticket, reason: reason.clone(), expected_version: None };
                run_as_holder(tx, &self.link, reopen).await
            }
            LinkAct::Cancel { reason } => {
                let cancel = |ticket| CancelTicket { ticket, reason: reason.clone(), expected_version: None };
                run_as_holder(tx, &self.link, cancel).await
            }
        }
    }
}

/// A public comment by somebody who did not sign in: only so many an hour.
#[derive(serde::Serialize)]
struct LimitedReply {
    ticket: TicketId,
    body: String,
}

impl Command for LimitedReply {
    const NAME: &'static str = "replyByLink";
    type Output = TicketId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let Some(author) = tx.actor().user_id() else { return Err(invalid_link().into()) };
        if store::count_comments(tx.conn(), self.ticket, author, tx.now - hours(1)).await? >= LINK_REPLIES_HOURLY_MAX {
            let refusal = refuse(
                Code::LimitExceeded,
                "body",
                msg!("tickets-link-replies-too-many", max = LINK_REPLIES_HOURLY_MAX),
            );
            return Err(refusal.into());
        }
        let comment = AddComment {
            ticket: self.ticket,
            body: self.body.clone(),
            visibility: Visibility::Public,
            mentions: Vec::new(),
        };
        comment.run(tx).await?;
        Ok(self.ticket)
    }
}

impl Command for RevokeTicketLinks {
    const NAME: &'static str = "revokeTicketLinks";
    type Output = TicketId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let ticket = load(tx, self.ticket, None).await?;
        lifecycle::check(tx.actor(), Action::Update, &ticket)?;
        if store::links::revoke(tx.conn(), ticket.id, None, tx.now).await? > 0 {
            append_fact_to(tx, &ticket, Fact::LinksRevoked).await?;
        }
        Ok(ticket.id)
    }
}
