//! Who wrote a message.

use crate::intake::model::{Gateway, Message};
use crate::kernel::{Result, UserId};
use crate::notifications;
use crate::people;
use crate::runtime::Tx;

/// The author of a message: an account, or a contact.
pub struct Writer {
    pub user: UserId,
    pub is_staff: bool,
}

/// The writer, by their e-mail address, or else by the address that their channel proved. Somebody new becomes a contact. `None`:
/// the message is from a program.
pub async fn writer(tx: &mut Tx, gateway: Gateway, message: &Message) -> Result<Option<Writer>> {
    let Some(channel) = gateway.channel() else {
        // A form proves no address: each is of a new contact, who follows the ticket by its link.
        let Some(name) = message.author_name.as_deref().filter(|_| gateway == Gateway::Web) else { return Ok(None) };
        let user = people::commands::create_contact(tx, name, None).await?;
        return Ok(Some(Writer { user, is_staff: false }));
    };
    let Some(sender) = &message.sender else { return Ok(None) };
    let by_email = match gateway {
        Gateway::Email => people::queries::user_by_email(tx.conn(), sender).await?,
        _ => None,
    };
    let known = match by_email {
        Some(user) => Some(user),
        None => notifications::queries::user_by_address(tx.conn(), channel, sender).await?,
    };
    if let Some(user) = known {
        // The address of a disabled account stays theirs.
        return Ok(user.disabled_at.is_none().then(|| Writer { user: user.id, is_staff: user.is_staff() }));
    }
    let name = message.author_name.as_deref().unwrap_or(sender);
    let address = (gateway == Gateway::Email).then_some(sender.as_str());
    let user = people::commands::create_contact(tx, name, address).await?;
    if address.is_none() {
        notifications::commands::bind_contact(tx, user, channel, sender).await?;
    }
    Ok(Some(Writer { user, is_staff: false }))
}
