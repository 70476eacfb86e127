//! Hand-overs: one rule for the life-cycle and for imported history (docs/import.md).

use crate::tickets::model::{Assignment, Ticket};

/// Whether this assignment of a ticket is a hand-over: another person or another team than before, after somebody accepted the
/// ticket and before its first resolution. A blank says nothing: neither the first person nor a missing one is a change.
pub fn is_hand_over(before: &Ticket, next: &Assignment) -> bool {
    fn changes<T: PartialEq>(before: Option<T>, next: Option<T>) -> bool {
        matches!((before, next), (Some(before), Some(next)) if before != next)
    }
    before.assignment.accepted
        && before.closing.first_resolved_at.is_none()
        && (changes(before.assignment.assignee, next.assignee) || changes(before.assignment.team, next.team))
}

/// Counts a hand-over from `before` to `next`, if it is one.
pub fn count_hand_over(before: &Ticket, next: &mut Ticket) -> bool {
    let hand_over = is_hand_over(before, &next.assignment);
    next.counts.hand_overs += i32::from(hand_over);
    hand_over
}
