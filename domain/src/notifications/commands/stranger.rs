//! Whoever wrote by a channel and has no account: told by that channel, since there is nobody whose ledger it could stand in.

use futures::future::BoxFuture;

use crate::kernel::{DeliveryId, Result, TicketId};
use crate::notifications::decide::words::{Text, text};
use crate::notifications::model::{Cause, Channel, Params, Parcel, Senders, Settings};
use crate::runtime::Tx;
use crate::runtime::jobs::Outcome;
use crate::tickets;

/// Says that what they wrote was held for so long, and is this ticket now; `None`: no account sends by this channel.
/// `repeated`: they may have been told already.
pub async fn tell_released(
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
    let (cause, tongue) = (Cause::Released, tx.app().state::<Settings>().tongue);
    let params = Params { waited: Some(held_secs), ..Params::default() };
    let Text { title, body } = text(cause, &params, Some(&found), None, repeated);
    Ok(Some(sender.send(Parcel {
        // Whoever is told twice is told by the same name.
        id: DeliveryId(ticket.0),
        address: address.to_owned(),
        tongue,
        title: tongue.pick(&title),
        body: tongue.pick(&body),
        // They cannot sign in.
        url: None,
        cause,
        number: Some(found.number),
    })))
}
