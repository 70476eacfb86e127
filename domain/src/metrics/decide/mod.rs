//! Metrics from facts, pure.

mod aggregates;
mod heatmap;
mod series;
mod visibility;

pub use self::aggregates::{Group, aggregate, distribution, drill_down, nearest_rank};
pub use self::heatmap::{gap_instants, heatmaps, week_slot};
pub use self::series::{SERIES_MAX, edges, interval_at, month, previous_interval, quarter, week};
pub use self::visibility::Visibility;
use super::model::{Metric, Outcome, Row, Settings};
use crate::kernel::Timestamp;

/// A ticket counts once its window is over, whether it succeeded or failed: before that it is pending.
///
/// The outcome of a ticket in a metric, and the instant that assigns it to a period; `None`: the metric does not apply
/// (yet). Aggregates and drill-down share this definition.
pub fn outcome(
    metric: Metric,
    row: &Row,
    is_fixed: impl FnOnce() -> bool,
    now: Timestamp,
    settings: &Settings,
) -> Option<(Timestamp, Outcome)> {
    let (anchor, outcome) = match metric {
        Metric::FirstResponseCompliance => (row.created_at, first_response(row, now, settings)),
        // It is not known in which period it was resolved.
        Metric::FirstTimeResolution if row.incomplete || row.resolution_unknown => (row.created_at, Outcome::Unknown),
        Metric::FirstTimeResolution => {
            let resolved_at = row.first_resolved_at?;
            let window = resolved_at + settings.reopened_within();
            let has_failed = row.handed_over || row.first_reopened_at.is_some_and(|reopened_at| reopened_at <= window);
            let outcome = match (now <= window, has_failed) {
                (true, true) => Outcome::PendingFailed,
                (true, false) => Outcome::Pending,
                (false, true) => Outcome::Missed,
                (false, false) => Outcome::Met,
            };
            (resolved_at, outcome)
        }
        Metric::RootCauseClosure if row.defect && (row.incomplete || row.resolution_unknown) => {
            (row.created_at, Outcome::Unknown)
        }
        // It has no window: a defect counts as the releases stand now.
        Metric::RootCauseClosure => {
            let closed_at = row.closed_at.filter(|_| row.defect)?;
            (closed_at, if is_fixed() { Outcome::Met } else { Outcome::Missed })
        }
    };
    Some((anchor, if row.excluded { Outcome::Excluded } else { outcome }))
}

/// The window ends when the response is due, for a ticket that was answered in time, too. A history that knows only the resolution: the
/// first response came no later.
fn first_response(row: &Row, now: Timestamp, settings: &Settings) -> Outcome {
    let due = row.first_response_due_at.unwrap_or(row.created_at + settings.first_response_within());
    match row.first_responded_at {
        _ if row.incomplete => Outcome::Unknown,
        _ if now < due => Outcome::Pending,
        _ if row.response_unknown => match row.first_resolved_at {
            Some(at) if at <= due => Outcome::Met,
            _ => Outcome::Unknown,
        },
        Some(at) if at <= due => Outcome::Met,
        _ => Outcome::Missed,
    }
}
