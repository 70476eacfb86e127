//! Aggregates in one pass over the columns.

use std::collections::HashSet;

use super::super::model::{
    Aggregates, BUCKETS, Columns, Distribution, Key, Metric, Outcome, PERCENTILES, Period, Row, STRATA, Settings,
    Split, Stratum, Tally,
};
use super::{Visibility, outcome};
use crate::kernel::{TicketId, Timestamp};

/// The aggregates of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The value of the dimension; `Key::None` for all, and for a period.
    pub key: Key,
    /// The period that is counted.
    pub period: Period,
    pub aggregates: Aggregates,
}

/// Collects the values of a group.
#[derive(Default)]
struct Accumulator {
    aggregates: Aggregates,
    first_response_times: Vec<u32>,
    unknown_first_responses: u64,
    handling_times: Vec<u32>,
}

/// The aggregates of a period, by group. A breakdown returns only groups that are not empty; a series returns every
/// period.
pub fn aggregate(
    columns: &Columns,
    visibility: &Visibility<'_>,
    period: Period,
    split: &Split,
    fixed: &HashSet<TicketId>,
    now: Timestamp,
    settings: &Settings,
) -> Vec<Group> {
    let group_count = match split {
        Split::All => 1,
        Split::By(dimension) => columns.values(*dimension),
        Split::Between(edges) => edges.len().saturating_sub(1),
    };
    let codes = match split {
        Split::By(dimension) => Some(columns.codes(*dimension)),
        Split::All | Split::Between(_) => None,
    };
    let group_of = |index: usize, anchor: Timestamp| match (split, codes) {
        (_, Some(codes)) => Some(codes[index] as usize),
        (Split::Between(edges), _) => edges.partition_point(|edge| *edge <= anchor).checked_sub(1),
        _ => Some(0),
    };
    let mut accumulators: Vec<Accumulator> = Vec::new();
    accumulators.resize_with(group_count, Accumulator::default);
    for index in 0..columns.len() {
        let row = columns.row(index);
        if !has_anchor_in(&row, period) || !visibility.includes(index) {
            continue;
        }
        for metric in Metric::ALL {
            let is_fixed = || fixed.contains(&columns.ticket(index));
            let Some((anchor, outcome)) = outcome(metric, &row, is_fixed, now, settings) else { continue };
            if !period.contains(anchor) {
                continue;
            }
            let Some(group) = group_of(index, anchor).and_then(|group| accumulators.get_mut(group)) else { continue };
            group.add(metric, &row, outcome);
        }
    }
    let groups = accumulators.into_iter().enumerate().map(|(group, accumulator)| Group {
        key: match split {
            Split::By(dimension) => columns.key(*dimension, group).clone(),
            Split::All | Split::Between(_) => Key::None,
        },
        period: match split {
            Split::Between(edges) => Period { from: edges[group], to: edges[group + 1] },
            Split::All | Split::By(_) => period,
        },
        aggregates: accumulator.finish(),
    });
    match split {
        Split::By(_) => groups.filter(|group| !group.aggregates.is_empty()).collect(),
        Split::All | Split::Between(_) => groups.collect(),
    }
}

/// Whether any anchor lies in the period.
fn has_anchor_in(row: &Row, period: Period) -> bool {
    period.contains(row.created_at)
        || row.first_resolved_at.is_some_and(|at| period.contains(at))
        || row.closed_at.is_some_and(|at| period.contains(at))
}

/// The tickets behind a number, unordered: creation time and ticket.
pub fn drill_down(
    columns: &Columns,
    visibility: &Visibility<'_>,
    period: Period,
    (metric, wanted): (Metric, Outcome),
    fixed: &HashSet<TicketId>,
    now: Timestamp,
    settings: &Settings,
) -> Vec<(Timestamp, TicketId)> {
    (0..columns.len())
        .filter_map(|index| {
            let row = columns.row(index);
            let ticket = columns.ticket(index);
            let (anchor, outcome) = outcome(metric, &row, || fixed.contains(&ticket), now, settings)?;
            let counts = outcome.is_listed_as(wanted) && period.contains(anchor) && visibility.includes(index);
            counts.then_some((row.created_at, ticket))
        })
        .collect()
}

impl Accumulator {
    fn add(&mut self, metric: Metric, row: &Row, outcome: Outcome) {
        let aggregates = &mut self.aggregates;
        let tally = match metric {
            Metric::FirstResponseCompliance => &mut aggregates.first_response_compliance,
            Metric::FirstTimeResolution => &mut aggregates.first_time_resolution,
            Metric::RootCauseClosure => &mut aggregates.root_cause_closure,
        };
        tally.add(outcome);
        if outcome == Outcome::Excluded {
            aggregates.excluded += u64::from(metric == Metric::FirstResponseCompliance);
            return;
        }
        let elapsed = |at: Timestamp| u32::try_from(at.seconds_since(row.created_at)).unwrap_or(u32::MAX);
        match metric {
            Metric::FirstResponseCompliance => {
                aggregates.created += 1;
                if row.incomplete || row.response_unknown {
                    self.unknown_first_responses += 1;
                } else {
                    self.first_response_times.extend(row.first_responded_at.map(elapsed));
                }
            }
            Metric::FirstTimeResolution if outcome == Outcome::Unknown => {}
            Metric::FirstTimeResolution => {
                aggregates.resolved += 1;
                self.handling_times.extend(row.first_resolved_at.map(elapsed));
            }
            Metric::RootCauseClosure => {}
        }
    }

    fn finish(self) -> Aggregates {
        let Self { aggregates, first_response_times, unknown_first_responses, handling_times } = self;
        let with_unknown = |times, unknown| Distribution { unknown, ..distribution(times) };
        Aggregates {
            first_response_time: with_unknown(first_response_times, unknown_first_responses),
            handling_time: with_unknown(handling_times, aggregates.first_time_resolution.unknown),
            ..aggregates
        }
    }
}

impl Aggregates {
    /// Whether no ticket contributes.
    pub fn is_empty(&self) -> bool {
        let none = |tally: Tally| tally.denominator() + tally.pending + tally.unknown == 0;
        self.created + self.resolved + self.excluded == 0
            && none(self.first_time_resolution)
            && none(self.root_cause_closure)
    }
}

/// Percentiles, histogram and strata of durations in seconds.
pub fn distribution(mut seconds: Vec<u32>) -> Distribution {
    let percentiles = percentiles(&mut seconds);
    let mut buckets = vec![0; BUCKETS.len()];
    for second in &seconds {
        buckets[BUCKETS.partition_point(|edge| edge <= second) - 1] += 1;
    }
    let count = seconds.len() as u64;
    let mut strata = Vec::with_capacity(STRATA.len());
    let mut rest = seconds.as_mut_slice();
    for edge in STRATA.iter().skip(1).copied().chain([u32::MAX]) {
        let (stratum, above) = partition_below(rest, edge);
        let median = nearest_rank(stratum.len(), PERCENTILES[0]).map(|rank| *stratum.select_nth_unstable(rank).1);
        strata.push(Stratum { count: stratum.len() as u64, median });
        rest = above;
    }
    Distribution { count, percentiles, buckets, strata, unknown: 0 }
}

/// Splits into values below the edge, and the rest; at the last edge everything is below.
fn partition_below(seconds: &mut [u32], edge: u32) -> (&mut [u32], &mut [u32]) {
    let mut below = 0;
    for i in 0..seconds.len() {
        if seconds[i] < edge || edge == u32::MAX {
            seconds.swap(below, i);
            below += 1;
        }
    }
    seconds.split_at_mut(below)
}

/// The index of a percentile by nearest rank: of the smallest value with at least that share at or below it.
pub fn nearest_rank(count: usize, percent: usize) -> Option<usize> {
    (count > 0).then(|| (percent * count).div_ceil(100).saturating_sub(1))
}

/// Each percentile is searched above the previous one only.
fn percentiles(seconds: &mut [u32]) -> Option<[u32; PERCENTILES.len()]> {
    let mut values = [0; PERCENTILES.len()];
    let mut from = 0;
    for (value, percent) in values.iter_mut().zip(PERCENTILES) {
        let rank = nearest_rank(seconds.len(), percent)?;
        *value = *seconds[from..].select_nth_unstable(rank - from).1;
        from = rank;
    }
    Some(values)
}
