//! On how many tickets systems differ.

use async_graphql::{Context, SimpleObject};
use domain::hub::model::Settings;
use domain::hub::queries;
use domain::metrics::model::Tally;

use super::super::Caller;
use super::super::metrics::Ratio;
use super::super::reports::at_most;
use super::super::scalars::{DateTime, int};

/// On how many tickets systems differ.
#[derive(SimpleObject)]
pub struct Divergence {
    /// At the end of the period, or now where that is earlier. Numerator: tickets on which systems differ; denominator: tickets
    /// on which at least two have reported; pending: those that differ for less than the grace. Less is better.
    current: Ratio,
    /// The same over time.
    series: Vec<DivergencePoint>,
    /// Which systems differ from which.
    pairs: Vec<DivergencePair>,
    /// Half of the differences that ended in the period took no longer; null where none did.
    median_seconds_to_agreement: Option<i32>,
}

/// The divergence at one instant.
#[derive(SimpleObject)]
struct DivergencePoint {
    /// The instant.
    at: DateTime,
    /// Tickets on which systems differed, after the grace.
    differing: i32,
    /// Tickets on which at least two systems had reported.
    compared: i32,
    /// The share; null where nothing was compared.
    value: Option<f64>,
}

/// The divergence of two systems, at the end of the period.
#[derive(SimpleObject)]
struct DivergencePair {
    /// The key of the one.
    first: String,
    /// The key of the other.
    second: String,
    /// Tickets on which the two differ, of those on which both have reported.
    ratio: Ratio,
    /// Half of their differences that ended in the period took no longer; null where none did.
    median_seconds_to_agreement: Option<i32>,
}

fn tally(share: queries::Share, pending: u64) -> Tally {
    let queries::Share { differing, compared } = share;
    Tally { met: differing, missed: compared.saturating_sub(differing), pending }
}

impl Divergence {
    pub fn of(ctx: &Context<'_>, found: queries::Divergence) -> Self {
        let target = ctx.data_unchecked::<Caller>().cx.app.state::<Settings>().divergence_target;
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
