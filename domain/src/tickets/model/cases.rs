//! Solved tickets like another one, as a higher capability finds them.

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::Ticket;
use crate::kernel::{Result, TicketId, UserId};
use crate::runtime::Ctx;

/// A solved ticket that all staff may read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SolvedCase {
    pub ticket: TicketId,
    pub number: i64,
    /// In 0..=1.
    pub similarity: f64,
    /// Who had it when it was resolved.
    pub solver: UserId,
}

/// Finds solved tickets like a ticket. A capability puts it into the states as `Arc<dyn CaseFinder>`.
pub trait CaseFinder: Send + Sync {
    /// The most similar ones, best first. Runs outside any transaction.
    fn find(&self, cx: Ctx, ticket: Ticket, max: usize) -> BoxFuture<'static, Result<Vec<SolvedCase>>>;
}
