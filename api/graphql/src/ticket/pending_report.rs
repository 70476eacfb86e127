//! A reported status that a ticket cannot take yet.

use async_graphql::{Enum, SimpleObject};

use super::super::scalars::{DateTime, TicketStatus, mirror};

mirror! {
    /// What a pending status report needs.
    PendingNeeds of domain::tickets::model::PendingNeeds {
        /// An attribution, which RESOLVED and CLOSED require: resolve the ticket.
        Attribution,
        /// An assignee: assign the ticket.
        Assignee,
        /// A person's decision, because the life cycle has no such transition.
        Decision,
    }
}

/// A reported status that cannot be applied yet, because something required is missing.
#[derive(SimpleObject)]
pub struct PendingReport {
    /// The reported status.
    pub status: TicketStatus,
    /// Key of the system; BUOY if it was done in Buoy.
    pub system: String,
    /// When it happened, by the system's own clock.
    pub since: DateTime,
    /// What is missing.
    pub needs: PendingNeeds,
}

impl PendingReport {
    pub fn of(pending: domain::tickets::model::PendingReport) -> Self {
        let domain::tickets::model::PendingReport { status, system, since, needs } = pending;
        Self { status: status.into(), system, since: since.into(), needs: needs.into() }
    }
}
