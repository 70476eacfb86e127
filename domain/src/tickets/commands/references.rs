//! References of other systems: linking and unlinking them.

use super::{append_fact_to, apply_command, load};
use crate::kernel::text::{self, KEY_CHARS_MAX};
use crate::kernel::{Code, CommentId, Error, Locale, Refusal, Result, TicketId, UserId, boxed, refuse};
use crate::msg;
use crate::runtime::{Command, Side, Tx, log};
use crate::tickets::decide::lifecycle::{self, text_digest};
use crate::tickets::decide::references::{self, Claim};
use crate::tickets::decide::{rights, token};
use crate::tickets::model::{
    Action, Comment, ExternalRef, Fact, LinkExternalRef, Ticket, TicketEvent, UnlinkExternalRef, Visibility,
};
use crate::tickets::{queries, store};

/// A reference that another ticket lost.
pub(super) struct MovedReference {
    pub reference: ExternalRef,
    pub from: TicketId,
}

impl Command for LinkExternalRef {
    const NAME: &'static str = "linkExternalRef";
    type Output = TicketId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let ticket = load_by_token(tx, &self.token).await?;
        let reference = check_input(&self.reference)?;
        // The right comes first: a refusal must not tell whether the reference is linked.
        rights::may(tx.actor(), Action::Link, &ticket)?;
        let moved = link(tx, &ticket, "externalId", std::slice::from_ref(&reference)).await?;
        let fact = Fact::Linked { reference, moved_from: moved.first().map(|moved| moved.from) };
        let decision = lifecycle::record_activity(&ticket, tx.actor(), tx.now, Action::Link, fact)?;
        apply_command(tx, &ticket, decision, false).await
    }
}

impl Command for UnlinkExternalRef {
    const NAME: &'static str = "unlinkExternalRef";
    type Output = TicketId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let ticket = load_by_token(tx, &self.token).await?;
        let reference = check_input(&self.reference)?;
        let fact = Fact::Unlinked { reference: reference.clone() };
        let decision = lifecycle::record_activity(&ticket, tx.actor(), tx.now, Action::Link, fact)?;
        if !store::delete_ref(tx.conn(), ticket.id, &reference).await? {
            let ExternalRef { system, external_id } = &reference;
            let message = msg!("tickets-reference-not-linked", system = system, external_id = external_id);
            return Err(refuse(Code::NotFound, "externalId", message).into());
        }
        apply_command(tx, &ticket, decision, false).await
    }
}

/// Loads the ticket with the token in the field `ticketToken`.
async fn load_by_token(tx: &Tx, given: &str) -> Result<Ticket> {
    let token = token::parse(given)
        .ok_or_else(|| refuse(Code::TokenInvalid, "ticketToken", msg!("tickets-token-malformed")))?;
    let id = queries::id_by_token(tx.conn(), &token).await?.ok_or_else(|| rights::not_found("ticketToken"))?;
    let of_token = |refusal: Refusal| Refusal { field: vec!["ticketToken".to_owned()], ..refusal };
    load(tx, id, None).await.map_err(|error| match error {
        Error::Refused(refusals) => Error::Refused(refusals.into_iter().map(of_token).collect()),
        error => error,
    })
}

fn check_input(given: &ExternalRef) -> Result<ExternalRef, Refusal> {
    check_reference("", given).map_err(|mut refusal| {
        refusal.field.retain(|part| !part.is_empty());
        refusal
    })
}

pub(super) fn check_reference(field: &str, given: &ExternalRef) -> Result<ExternalRef, Refusal> {
    let system = text::line("system", &given.system, KEY_CHARS_MAX).map_err(|r| r.inside(field))?;
    let external_id = text::line("externalId", &given.external_id, 2 * KEY_CHARS_MAX).map_err(|r| r.inside(field))?;
    Ok(ExternalRef { system, external_id })
}

/// Links references to a ticket, and returns those that other tickets lost by it. `field`: of the input.
pub(super) async fn link(
    tx: &mut Tx,
    ticket: &Ticket,
    field: &str,
    refs: &[ExternalRef],
) -> Result<Vec<MovedReference>> {
    let mut moved = Vec::new();
    for reference in refs {
        let holder = store::holder_of_ref(tx.conn(), reference).await?.filter(|holder| *holder != ticket.id);
        let Some(from) = holder else {
            // Another transaction linked it to another ticket meanwhile: the retry decides again.
            if !store::insert_ref(tx.conn(), ticket.id, reference).await? {
                return Err(Error::Conflict);
            }
            continue;
        };
        require_claim(tx, field, reference, from).await?;
        store::move_ref(tx.conn(), reference, ticket.id).await?;
        let loser = store::load(tx, from).await?.ok_or_else(|| rights::not_found(field))?;
        let fact = Fact::ReferenceMoved { reference: reference.clone(), moved_to: ticket.id };
        let decision = lifecycle::record_activity(&loser, tx.actor(), tx.now, Action::Link, fact)?;
        apply_command(tx, &loser, decision, false).await?;
        moved.push(MovedReference { reference: reference.clone(), from });
    }
    Ok(moved)
}

/// Refuses a claim of a reference that does not win over the claim of the ticket that holds it.
async fn require_claim(tx: &Tx, field: &str, reference: &ExternalRef, holder: TicketId) -> Result<()> {
    let rows = log::read_subjects(tx.app(), tx.conn(), &[holder.0]).await?;
    let events = rows.iter().filter_map(|row| Some((&row.event.get::<TicketEvent>()?.fact, row.side)));
    if Claim::of(Side::of(tx.actor())).wins_over(references::claim(events, reference)) {
        return Ok(());
    }
    let ExternalRef { system, external_id } = reference;
    let message = msg!("tickets-reference-taken", system = system, external_id = external_id);
    Err(refuse(Code::AlreadyExists, field, message).into())
}

/// Refuses references that a new ticket cannot get, before it is written.
pub(super) async fn require_claims(tx: &Tx, field: &str, refs: &[ExternalRef]) -> Result<()> {
    for reference in refs {
        if let Some(holder) = store::holder_of_ref(tx.conn(), reference).await? {
            require_claim(tx, field, reference, holder).await?;
        }
    }
    Ok(())
}

/// Keeps references that the author may not link as an internal comment: staff link those that are right.
pub(super) async fn note(tx: &mut Tx, ticket: &Ticket, author: UserId, refs: &[ExternalRef]) -> Result<()> {
    let named: Vec<String> =
        refs.iter().map(|ExternalRef { system, external_id }| format!("{system} {external_id}")).collect();
    let message = msg!("tickets-references-noted", references = named.join(", "));
    // Stored, so in both languages.
    let body = [Locale::ZhCn, Locale::En].map(|locale| message.text(locale)).join("\n");
    let (id, visibility) = (CommentId(tx.new_uuid()), Visibility::Internal);
    let fact = Fact::Commented { comment: id, visibility, text_digest: text_digest(&body) };
    let comment = Comment { id, ticket: ticket.id, author, body, visibility, created_at: tx.now };
    store::insert_comment(tx.conn(), comment).await?;
    append_fact_to(tx, ticket, fact).await
}
