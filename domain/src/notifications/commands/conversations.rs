//! Records what people write by a channel.

use crate::kernel::{Result, UserId, boxed};
use crate::notifications::model::{Channel, ChannelMessage, Terminal};
use crate::notifications::store;
use crate::runtime::Tx;

/// Records a message and, because it was written there, the activity of its writer on the channel.
pub async fn record_message(tx: &Tx, message: ChannelMessage) -> Result<()> {
    record_channel_activity(tx, message.user, message.channel).await?;
    store::messages::insert(tx.conn(), message).await
}

/// The person used the channel now.
pub async fn record_channel_activity(tx: &Tx, user: UserId, channel: Channel) -> Result<()> {
    store::record_activity(tx, user, channel.as_str()).await
}

/// Binds the address of a new contact: the gateway by which they wrote has proved it. Nobody else holds it.
#[boxed]
pub async fn bind_contact(tx: &Tx, user: UserId, channel: Channel, address: &str) -> Result<()> {
    let address = address.to_owned();
    let terminal = Terminal { user, channel, address, primary: true, proved_at: Some(tx.now) };
    store::upsert_terminal(tx.conn(), terminal, tx.now).await
}
