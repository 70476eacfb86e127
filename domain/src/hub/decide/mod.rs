//! Decisions of the hub, pure.

mod delivery;
mod merge;

pub use self::delivery::*;
pub use self::merge::*;

use crate::hub::model::Correction;
use crate::kernel::Timestamp;
use crate::tickets::model::TicketStatus;

/// The correction that a report is the echo of, where it is one: it says so, or it repeats what the system was last
/// told a moment ago. `corrections`: of this system and ticket, oldest first.
pub fn echo_of<'c>(
    cause: Option<&str>,
    status: Option<TicketStatus>,
    now: Timestamp,
    corrections: &[&'c Correction],
) -> Option<&'c Correction> {
    match cause {
        Some(cause) => corrections.iter().copied().find(|one| one.id.to_string().eq_ignore_ascii_case(cause)),
        None => {
            let sent = corrections.iter().copied().filter(|one| one.sent_at.is_some());
            let last = sent.max_by_key(|one| one.created_at)?;
            let lately = last.sent_at.is_some_and(|at| now <= at + ECHO_WITHIN);
            (lately && Some(last.status) == status).then_some(last)
        }
    }
}
