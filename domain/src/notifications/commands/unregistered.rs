//! Messages to senders without an account. They are sent directly on the sender's channel, since there is no user to record a
//! notification for.

use futures::future::BoxFuture;

use crate::kernel::{DeliveryId, Result, TicketId};
use crate::notifications::decide::templates::{RenderedText, render};
use crate::notifications::model::{Cause, Channel, Params, Senders, Settings};
use crate::runtime::Tx;
use crate::runtime::ports::{OutboundMessage, Outcome};
use crate::tickets;

/// The message that a quarantined submission was released as this ticket after `held_secs`; `None` if the channel has no sender.
/// `repeated`: it may have been sent before.
pub async fn notify_unregistered(
    tx: &Tx,
    channel: Channel,
    address: &str,
    ticket: TicketId,
    held_secs: i64,
    repeated: bool,
) -> Result<Option<BoxFuture<'static, Outcome>>> {
    let Some(sender) = tx.app().state::<Senders>().of(channel).cloned() else { return Ok(None) };
    let found = tickets::queries::by_ids(tx.conn(), &[ticket]).await?.remove(&ticket);
    let Some(found) = found else { return Ok(None) };
    let (cause, locale) = (Cause::Released, tx.app().state::<Settings>().locale());
    let params = Params { waited: Some(held_secs), ..Params::default() };
    let RenderedText { title, body } = render(cause, &params, Some(&found), None, repeated);
    let message = OutboundMessage {
        // The same id for every attempt, so that a provider can recognise duplicates.
        id: DeliveryId(ticket.0),
        address: address.to_owned(),
        locale,
        title: title.text(locale),
        body: body.text(locale),
        // The sender cannot sign in.
        url: None,
        cause: cause.as_str(),
        is_critical: cause.is_critical(),
        number: Some(found.number),
    };
    Ok(Some(sender.send(message, tx.now)))
}
