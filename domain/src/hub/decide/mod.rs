//! Decisions of the hub, pure.

mod reports;
mod status_fold;
mod ticket_sync;

pub use self::reports::*;
pub use self::status_fold::*;
pub use self::ticket_sync::*;

use std::time::Duration;

use crate::hub::model::Correction;
use crate::kernel::Timestamp;
use crate::tickets::model::TicketStatus;

/// The correction that a report echoes, if any: the one named by its cause, or the latest sent one if the report repeats its
/// status `within` this time. `corrections`: of this system and ticket, oldest first.
pub fn echo_of<'c>(
    cause: Option<&str>,
    status: Option<TicketStatus>,
    now: Timestamp,
    corrections: &[&'c Correction],
    within: Duration,
) -> Option<&'c Correction> {
    match cause {
        Some(cause) => corrections.iter().copied().find(|one| one.id.to_string().eq_ignore_ascii_case(cause)),
        None => {
            let sent = corrections.iter().copied().filter(|one| one.delivery.sent_at.is_some());
            let last = sent.max_by_key(|one| one.created_at)?;
            let is_recent = last.delivery.sent_at.is_some_and(|at| now <= at + within);
            (is_recent && Some(last.status) == status).then_some(last)
        }
    }
}
