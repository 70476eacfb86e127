//! What people write by a channel.

use super::Channel;
use crate::kernel::{TicketId, Timestamp, UserId};

/// A message that somebody wrote by a channel, and the ticket that it belongs to. Replies are recognised by it, and what is
/// sent to its writer continues its thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelMessage {
    pub channel: Channel,
    /// The provider's id, or the Message-ID of a mail.
    pub id: String,
    pub ticket: TicketId,
    pub user: UserId,
    /// The provider's id of the chat in which it was written.
    pub conversation: Option<String>,
    /// The subject of a mail.
    pub subject: Option<String>,
    pub at: Timestamp,
}
