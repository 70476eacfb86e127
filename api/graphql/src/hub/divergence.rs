//! Divergence: on how many tickets the statuses of systems differ.

use async_graphql::{Context, SimpleObject};
use domain::hub::model::Settings;
use domain::hub::queries;
use domain::metrics::model::Tally;

use super::super::guard::cx;
use super::super::metrics::{Ratio, at_most};
use super::super::scalars::{DateTime, int};

/// On how many tickets the statuses of systems differ.
#[derive(SimpleObject)]
pub struct Divergence {
    /// The share at the end of the period, or now if that is earlier. Numerator: tickets on which systems differ;
    /// denominator: tickets on which at least two systems have reported; pending: differences younger than the grace
    /// period. Lower is better.
    current: Ratio,
    /// The divergence over time.
    series: Vec<DivergencePoint>,
    /// The divergence of each pair of systems.
    pairs: Vec<DivergencePair>,
    /// The median duration in seconds of the differences that ended in the period; null if none did.
    median_seconds_to_agreement: Option<i32>,
}

/// The divergence at one instant.
#[derive(SimpleObject)]
struct DivergencePoint {
    /// The instant.
    at: DateTime,
    /// Tickets on which systems differed for longer than the grace period.
    differing: i32,
    /// Tickets on which at least two systems had reported.
    compared: i32,
    /// The share, in 0..1; null if no ticket was compared.
    value: Option<f64>,
}

/// The divergence of two systems, at the end of the period.
#[derive(SimpleObject)]
struct DivergencePair {
    /// Key of the first system.
    first: String,
    /// Key of the second system.
    second: String,
    /// Tickets on which the two differ, of those on which both have reported.
    ratio: Ratio,
    /// The median duration in seconds of their differences that ended in the period; null if none did.
    median_seconds_to_agreement: Option<i32>,
}

fn tally(share: queries::Share, pending: u64) -> Tally {
    let queries::Share { differing, compared } = share;
    Tally { met: differing, missed: compared.saturating_sub(differing), pending, ..Tally::default() }
}

impl Divergence {
    pub fn of(ctx: &Context<'_>, found: queries::Divergence) -> Self {
        let target = cx(ctx).app.state::<Settings>().divergence_target;
        let queries::Divergence { current, pending, series, pairs, median_seconds } = found;
        let point = |queries::Point { at, share }: queries::Point| DivergencePoint {
            at: at.into(),
            differing: int(share.differing),
            compared: int(share.compared),
            value: tally(share, 0).value(),
        };
        Self {
            current: at_most(ctx, tally(current, pending), target),
            series: series.into_iter().map(point).collect(),
            pairs: pairs
                .into_iter()
                .map(|queries::Pair { first, second, share, median_seconds }| DivergencePair {
                    first,
                    second,
                    ratio: at_most(ctx, tally(share, 0), target),
                    median_seconds_to_agreement: median_seconds.map(int),
                })
                .collect(),
            median_seconds_to_agreement: median_seconds.map(int),
        }
    }
}
