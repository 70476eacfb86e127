//! Figures from facts, pure.

mod figures;
mod heatmap;
mod series;
mod sight;

pub use self::figures::{Group, behind, distribution, figures, nearest_rank};
pub use self::heatmap::{heatmaps, instants, place_in_week};
pub use self::series::{SERIES_MAX, around, before, edges, month, quarter, week};
pub use self::sight::Sight;
use super::model::{Metric, Outcome, Place, Settings};
use crate::kernel::Timestamp;

/// What became of a ticket by a metric, and the instant that puts it into a period; `None`: the metric does not know it
/// (yet). The one definition: figures and drill-down both ask here.
pub fn outcome(
    metric: Metric,
    fact: &Place,
    is_fixed: impl FnOnce() -> bool,
    now: Timestamp,
    settings: &Settings,
) -> Option<(Timestamp, Outcome)> {
    let (anchor, outcome) = match metric {
        Metric::FirstResponseCompliance => {
            let due = fact.first_response_due_at.unwrap_or(fact.created_at + settings.first_response_within);
            let outcome = match fact.first_responded_at {
                Some(at) if at <= due => Outcome::Met,
                None if now < due => Outcome::Pending,
                _ => Outcome::Missed,
            };
            (fact.created_at, outcome)
        }
        Metric::FirstTimeResolution => {
            let resolved_at = fact.first_resolved_at?;
            let window = resolved_at + settings.reopened_within;
            let outcome = match fact.first_reopened_at {
                _ if fact.handed_over => Outcome::Missed,
                Some(reopened_at) if reopened_at <= window => Outcome::Missed,
                None if now <= window => Outcome::Pending,
                _ => Outcome::Met,
            };
            (resolved_at, outcome)
        }
        Metric::RootCauseClosure => {
            let closed_at = fact.closed_at.filter(|_| fact.defect)?;
            (closed_at, if is_fixed() { Outcome::Met } else { Outcome::Missed })
        }
    };
    Some((anchor, if fact.excluded { Outcome::Excluded } else { outcome }))
}
