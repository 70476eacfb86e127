//! What the hub has stored of a ticket.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use super::{Correction, StatusReport, System, SystemState};
use crate::kernel::{SystemId, TicketId, Timestamp};
use crate::tickets::model::{Fact, PendingNeeds, Ticket, TicketEvent, TicketStatus};

/// All systems by their id.
pub type Systems = HashMap<SystemId, Arc<System>>;

/// The parts of a ticket that the hub decides by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncedTicket {
    pub id: TicketId,
    pub token: String,
    pub status: TicketStatus,
    /// What its pending report waits for, if it has one.
    pub pending: Option<PendingNeeds>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl From<&Ticket> for SyncedTicket {
    fn from(ticket: &Ticket) -> Self {
        Self {
            id: ticket.id,
            token: ticket.token.clone(),
            status: ticket.status,
            pending: ticket.pending.as_ref().map(|pending| pending.needs),
            created_at: ticket.times.created_at,
            updated_at: ticket.times.updated_at,
        }
    }
}

/// A ticket that the hub tracks, and its truth when it was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackedTicket {
    pub ticket: TicketId,
    pub status: TicketStatus,
    /// When the status was reached.
    pub changed_at: Option<Timestamp>,
    pub reopenings: i32,
    /// The number of systems that have reported it.
    pub reporting: i32,
    /// Since when at least two systems have reported it.
    pub compared_from: Option<Timestamp>,
}

/// Two systems whose statuses of a ticket differ, the one with the lower id first.
pub type SystemPair = (SystemId, SystemId);

/// A stored difference that has not ended yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenDifference {
    pub id: Uuid,
    pub ticket: TicketId,
    pub pair: SystemPair,
}

/// A status change made here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalChange {
    pub at: Timestamp,
    pub status: TicketStatus,
    pub reopens: bool,
    pub by_person: bool,
    /// The person or the account that made it.
    pub operator: Option<Uuid>,
}

impl LocalChange {
    pub fn new(event: &TicketEvent, at: Timestamp, by_person: bool, operator: Option<Uuid>) -> Self {
        let reopens = matches!(event.fact, Fact::Reopened { .. });
        Self { at, status: event.after.status, reopens, by_person, operator }
    }
}

/// Everything that the hub decides by for one ticket.
#[derive(Clone, Debug)]
pub struct StoredSync {
    pub ticket: SyncedTicket,
    /// `None`: the hub does not track it yet.
    pub tracked: Option<TrackedTicket>,
    pub reports: Vec<StatusReport>,
    /// Of a ticket that is not tracked yet: its status changes until now, oldest first.
    pub history: Vec<LocalChange>,
    pub system_states: Vec<SystemState>,
    /// The open ones, and those sent recently; oldest first.
    pub corrections: Vec<Correction>,
}
