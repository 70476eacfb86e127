//! Links by which requesters follow their tickets without signing in.

use serde::Serialize;
use uuid::Uuid;

use crate::kernel::{TicketId, Timestamp, UserId};

/// A link of one person to one ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketLink {
    pub id: Uuid,
    pub ticket: TicketId,
    pub user: UserId,
    pub issued_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

/// What the holder of a link does with the ticket.
#[derive(Clone, Debug, Serialize)]
pub enum LinkAct {
    Reply { body: String },
    Chase,
    Reopen { reason: String },
    Cancel { reason: String },
}

/// Acts as the holder of a link; the link permits nothing else.
#[derive(Clone, Debug, Serialize)]
pub struct ActByLink {
    pub link: String,
    pub act: LinkAct,
}

/// Ends all links to a ticket. Whoever hears of the ticket gets a new one with the next message.
#[derive(Clone, Debug, Serialize)]
pub struct RevokeTicketLinks {
    pub ticket: TicketId,
}

/// Public replies that the holder of a link may write within an hour.
pub const LINK_REPLIES_HOURLY_MAX: u64 = 30;
