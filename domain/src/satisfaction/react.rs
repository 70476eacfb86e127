//! Sends a survey when a ticket closes, and redacts comments.

use super::store;
use crate::kernel::{Result, boxed};
use crate::notifications;
use crate::notifications::model::{Cause, NotificationRequest, Params, Via};
use crate::people;
use crate::runtime::{AnyEvent, Tx};
use crate::tickets::model::{Fact, TicketEvent, TicketText};

async fn on_ticket_event(tx: &mut Tx, event: &TicketEvent) -> Result<()> {
    if let Fact::Redacted { texts, comments: _ } = &event.fact
        && texts.contains(&TicketText::RatingComment)
    {
        return store::redact(tx.conn(), event.ticket).await;
    }
    let (Fact::Closed { .. }, Some(requester)) = (&event.fact, event.after.requester) else { return Ok(()) };
    let answered = store::of(tx.conn(), event.ticket).await?.is_some_and(|survey| survey.answer.is_some());
    let known = people::queries::user(tx.conn(), requester).await?;
    if answered || known.is_none_or(|user| user.disabled_at.is_some()) {
        return Ok(());
    }
    store::record_request(tx.conn(), event.ticket, requester, tx.now).await?;
    let key = tx.new_uuid();
    let request = NotificationRequest {
        cause: Cause::Survey,
        cause_key: format!("survey:{key}"),
        ticket: Some(event.ticket),
        recipient: requester,
        via: Via::Preferred,
        params: Params::default(),
    };
    notifications::commands::notify(tx, vec![request]).await.map(drop)
}

/// In the transaction of the event.
#[boxed]
pub async fn on_event(tx: &mut Tx, event: &AnyEvent) -> Result<()> {
    match event.get() {
        Some(event) => on_ticket_event(tx, event).await,
        None => Ok(()),
    }
}
