//! Figures whose windows are open.

use super::super::model::{Outcome, Tally};

#[test]
fn a_figure_of_open_windows_has_no_value_and_says_how_many_are_pending() {
    let tally_of = |outcomes: &[Outcome]| {
        let mut tally = Tally::default();
        outcomes.iter().for_each(|outcome| tally.add(*outcome));
        tally
    };
    use Outcome::{Excluded, Met, Missed, Pending, PendingFailed, Unknown};
    for (outcomes, value, pending, pending_failed) in [
        (&[][..], None, 0, 0),
        // 22 of 25 may hold, and one has failed: no share, and no verdict.
        (&[PendingFailed, Pending, Pending], None, 3, 1),
        (&[Met, Missed, PendingFailed], Some(0.5), 1, 1),
        (&[Met, Unknown, Excluded], Some(1.0), 0, 0),
    ] {
        let tally = tally_of(outcomes);
        let actual = (tally.value(), tally.pending, tally.pending_failed, tally.is_provisional());
        assert_eq!(actual, (value, pending, pending_failed, pending > 0), "{outcomes:?}");
    }
    for (outcome, wanted, is_listed) in [
        (PendingFailed, Pending, true),
        (PendingFailed, PendingFailed, true),
        (Pending, PendingFailed, false),
        (Met, Pending, false),
    ] {
        assert_eq!(outcome.is_listed_as(wanted), is_listed, "{outcome:?} {wanted:?}");
    }
}
