//! What a higher capability adds to a message of a lower one.

use futures::future::BoxFuture;

use super::Ctx;
use crate::kernel::{Locale, TicketId, UserId};

/// Adds lines to the message about an assignment. A capability puts it into the states as `Arc<dyn MessageEnricher>`.
pub trait MessageEnricher: Send + Sync {
    /// Runs outside any transaction.
    fn lines(&self, cx: Ctx, ticket: TicketId, recipient: UserId, locale: Locale) -> BoxFuture<'static, Vec<String>>;
}
