//! One pass over the columns.

use std::collections::HashSet;

use super::super::model::{
    BUCKETS, Columns, Distribution, Figures, Key, Metric, Outcome, PERCENTILES, Period, Place, STRATA, Settings, Split,
    Stratum, Tally,
};
use super::{Sight, outcome};
use crate::kernel::{TicketId, Timestamp};

/// Figures that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The value of a dimension; `Key::None` for all, and for a period.
    pub key: Key,
    /// The instants between which it lies.
    pub period: Period,
    pub figures: Figures,
}

/// What is gathered of a group before it is told.
#[derive(Default)]
struct Gathered {
    figures: Figures,
    first_response_times: Vec<u32>,
    handling_times: Vec<u32>,
}

/// The figures of a period, group by group. A breakdown gives only groups that have anything in them; a series gives
/// every period.
pub fn figures(
    columns: &Columns,
    sight: &Sight<'_>,
    period: Period,
    split: &Split,
    fixed: &HashSet<TicketId>,
    now: Timestamp,
    settings: &Settings,
) -> Vec<Group> {
    let groups = match split {
        Split::All => 1,
        Split::By(dimension) => columns.values(*dimension),
        Split::Between(edges) => edges.len().saturating_sub(1),
    };
    let codes = match split {
        Split::By(dimension) => Some(columns.codes(*dimension)),
        Split::All | Split::Between(_) => None,
    };
    let group_of = |place: usize, anchor: Timestamp| match (split, codes) {
        (_, Some(codes)) => Some(codes[place] as usize),
        (Split::Between(edges), _) => edges.partition_point(|edge| *edge <= anchor).checked_sub(1),
        _ => Some(0),
    };
    let mut gathered: Vec<Gathered> = Vec::new();
    gathered.resize_with(groups, Gathered::default);
    for place in 0..columns.len() {
        let fact = columns.at(place);
        if !touches(&fact, period) || !sight.counts(place) {
            continue;
        }
        for metric in Metric::ALL {
            let is_fixed = || fixed.contains(&columns.ticket(place));
            let Some((anchor, outcome)) = outcome(metric, &fact, is_fixed, now, settings) else { continue };
            if !period.contains(anchor) {
                continue;
            }
            let Some(group) = group_of(place, anchor).and_then(|group| gathered.get_mut(group)) else { continue };
            group.add(metric, &fact, outcome);
        }
    }
    let told = gathered.into_iter().enumerate().map(|(group, gathered)| Group {
        key: match split {
            Split::By(dimension) => columns.key(*dimension, group).clone(),
            Split::All | Split::Between(_) => Key::None,
        },
        period: match split {
            Split::Between(edges) => Period { from: edges[group], to: edges[group + 1] },
            Split::All | Split::By(_) => period,
        },
        figures: gathered.told(),
    });
    match split {
        Split::By(_) => told.filter(|group| !group.figures.is_empty()).collect(),
        Split::All | Split::Between(_) => told.collect(),
    }
}

/// Whether any anchor lies in the period.
fn touches(fact: &Place, period: Period) -> bool {
    period.contains(fact.created_at)
        || fact.first_resolved_at.is_some_and(|at| period.contains(at))
        || fact.closed_at.is_some_and(|at| period.contains(at))
}

/// The tickets behind a figure, in no order: when each was created, and which it is.
pub fn behind(
    columns: &Columns,
    sight: &Sight<'_>,
    period: Period,
    (metric, wanted): (Metric, Outcome),
    fixed: &HashSet<TicketId>,
    now: Timestamp,
    settings: &Settings,
) -> Vec<(Timestamp, TicketId)> {
    (0..columns.len())
        .filter_map(|place| {
            let fact = columns.at(place);
            let ticket = columns.ticket(place);
            let (anchor, outcome) = outcome(metric, &fact, || fixed.contains(&ticket), now, settings)?;
            let counts = outcome == wanted && period.contains(anchor) && sight.counts(place);
            counts.then_some((fact.created_at, ticket))
        })
        .collect()
}

impl Gathered {
    fn add(&mut self, metric: Metric, fact: &Place, outcome: Outcome) {
        let figures = &mut self.figures;
        let tally = match metric {
            Metric::FirstResponseCompliance => &mut figures.first_response_compliance,
            Metric::FirstTimeResolution => &mut figures.first_time_resolution,
            Metric::RootCauseClosure => &mut figures.root_cause_closure,
        };
        match outcome {
            Outcome::Met => tally.met += 1,
            Outcome::Missed => tally.missed += 1,
            Outcome::Pending => tally.pending += 1,
            Outcome::Excluded => {
                figures.excluded += u64::from(metric == Metric::FirstResponseCompliance);
                return;
            }
        }
        let took = |at: Timestamp| u32::try_from(at.seconds_since(fact.created_at)).unwrap_or(u32::MAX);
        match metric {
            Metric::FirstResponseCompliance => {
                figures.created += 1;
                self.first_response_times.extend(fact.first_responded_at.map(took));
            }
            Metric::FirstTimeResolution => {
                figures.resolved += 1;
                self.handling_times.extend(fact.first_resolved_at.map(took));
            }
            Metric::RootCauseClosure => {}
        }
    }

    fn told(self) -> Figures {
        let Self { figures, first_response_times, handling_times } = self;
        Figures {
            first_response_time: distribution(first_response_times),
            handling_time: distribution(handling_times),
            ..figures
        }
    }
}

impl Figures {
    /// No ticket has anything to do with it.
    pub fn is_empty(&self) -> bool {
        let none = |tally: Tally| tally.denominator() + tally.pending == 0;
        self.created + self.resolved + self.excluded == 0 && none(self.root_cause_closure)
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
        let (stratum, behind) = divided(rest, edge);
        let median = nearest_rank(stratum.len(), PERCENTILES[0]).map(|rank| *stratum.select_nth_unstable(rank).1);
        strata.push(Stratum { count: stratum.len() as u64, median });
        rest = behind;
    }
    Distribution { count, percentiles, buckets, strata }
}

/// Below the edge, and the rest; at the last edge everything is below.
fn divided(seconds: &mut [u32], edge: u32) -> (&mut [u32], &mut [u32]) {
    let mut below = 0;
    for i in 0..seconds.len() {
        if seconds[i] < edge || edge == u32::MAX {
            seconds.swap(below, i);
            below += 1;
        }
    }
    seconds.split_at_mut(below)
}

/// The place of a percentile among so many: the smallest with at least that share at or below it.
pub fn nearest_rank(count: usize, percent: usize) -> Option<usize> {
    (count > 0).then(|| (percent * count).div_ceil(100).saturating_sub(1))
}

/// Each in what lies behind the one before.
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
