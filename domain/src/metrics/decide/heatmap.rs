//! The response heat-map and its gaps. In time means what compliance means by it.

use std::collections::HashSet;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use super::super::model::{
    Cell, Columns, Dimension, GAP_ARRIVALS, GAP_SLOTS, GAP_WEEKS, Gap, Heatmap, Key, Metric, Outcome, PERCENTILES,
    Period, SLOTS, Settings, WEEKDAYS,
};
use super::figures::nearest_rank;
use super::{Sight, outcome};
use crate::kernel::{Timestamp, days, minutes};

/// Weekdays that are looked at together, those of the most days first: one week alone seldom holds enough tickets.
const POOLS: [&[usize]; 10] =
    [&[0, 1, 2, 3, 4, 5, 6], &[0, 1, 2, 3, 4], &[5, 6], &[0], &[1], &[2], &[3], &[4], &[5], &[6]];

/// What is gathered of a cell before it is told.
#[derive(Clone, Default)]
struct Gathered {
    arrivals: u32,
    answered_in_time: u32,
    missed: u32,
    first_responses: Vec<u32>,
    /// In which weeks a ticket came of which it is known whether it was answered in time.
    weeks: HashSet<i32>,
}

/// Heat-maps of tickets created in the period: one of all, or one of each value of a dimension that has any.
pub fn heatmaps(
    columns: &Columns,
    sight: &Sight<'_>,
    period: Period,
    by: Option<Dimension>,
    now: Timestamp,
    settings: &Settings,
) -> Vec<Heatmap> {
    let codes = by.map(|dimension| columns.codes(dimension));
    let mut groups: Vec<Vec<Gathered>> = Vec::new();
    groups.resize_with(by.map_or(1, |dimension| columns.values(dimension)), Vec::new);
    if by.is_none() {
        groups[0].resize_with(WEEKDAYS * SLOTS, Gathered::default);
    }
    for place in 0..columns.len() {
        let fact = columns.at(place);
        if !period.contains(fact.created_at) || !sight.counts(place) {
            continue;
        }
        let Some((_, outcome)) = outcome(Metric::FirstResponseCompliance, &fact, || false, now, settings) else {
            continue;
        };
        if outcome == Outcome::Excluded {
            continue;
        }
        let group = &mut groups[codes.map_or(0, |codes| codes[place] as usize)];
        if group.is_empty() {
            group.resize_with(WEEKDAYS * SLOTS, Gathered::default);
        }
        let (week, weekday, slot) = place_in_week(fact.created_at, &settings.zone);
        let cell = &mut group[weekday * SLOTS + slot];
        cell.arrivals += 1;
        cell.answered_in_time += u32::from(outcome == Outcome::Met);
        cell.missed += u32::from(outcome == Outcome::Missed);
        if outcome != Outcome::Pending {
            cell.weeks.insert(week);
        }
        let took = |at: Timestamp| u32::try_from(at.seconds_since(fact.created_at)).unwrap_or(u32::MAX);
        cell.first_responses.extend(fact.first_responded_at.map(took));
    }
    // A period that has not ended holds no more than what has passed of it.
    let short = period.from + days(7 * GAP_WEEKS as u64) > period.to.min(now);
    let told = groups.into_iter().enumerate().filter(|(_, cells)| !cells.is_empty()).map(|(code, cells)| Heatmap {
        key: by.map_or(Key::None, |dimension| columns.key(dimension, code).clone()),
        gaps: gaps(&cells, short),
        cells: cells.into_iter().map(Gathered::told).collect(),
    });
    told.collect()
}

/// The week (any count that rises by one on Mondays), the weekday (0 is Monday) and the half-hour in which an instant
/// lies.
pub fn place_in_week(at: Timestamp, zone: &TimeZone) -> (i32, usize, usize) {
    let local = zone.to_datetime(at.to_jiff());
    let weekday = local.weekday().since(Weekday::Monday);
    let monday = local.date().saturating_sub(jiff::Span::new().days(weekday));
    let week = monday.since(jiff::civil::date(1970, 1, 5)).map_or(0, |since| since.get_days() / 7);
    let half = usize::from(local.minute() >= 30);
    (week, weekday.unsigned_abs().into(), usize::from(local.hour().unsigned_abs()) * 2 + half)
}

/// An instant within each of a gap's half-hours, in the seven days before an instant.
pub fn instants(gap: &Gap, until: Timestamp, zone: &TimeZone) -> Vec<Timestamp> {
    let half_hours = (1..=WEEKDAYS * SLOTS).map(|n| until - minutes(30 * n as u64 - 15));
    half_hours
        .filter(|at| matches!(place_in_week(*at, zone), (_, weekday, slot) if gap.covers(weekday, slot)))
        .collect()
}

impl Gathered {
    fn told(mut self) -> Cell {
        let median = nearest_rank(self.first_responses.len(), PERCENTILES[0]);
        Cell {
            arrivals: self.arrivals,
            answered_in_time: self.answered_in_time,
            missed: self.missed,
            median_first_response: median.map(|rank| *self.first_responses.select_nth_unstable(rank).1),
        }
    }
}

/// Slots without arrivals neither break nor extend a run; tickets that may still be answered in time do not count. One
/// that lies within another's hours and weekdays is not told again.
fn gaps(cells: &[Gathered], short: bool) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = Vec::new();
    for pool in POOLS {
        let mut run: Vec<usize> = Vec::new();
        for slot in 0..=SLOTS {
            let of_slot = || pool.iter().filter_map(|weekday| cells.get(weekday * SLOTS + slot));
            let ends = slot == SLOTS || of_slot().any(|cell| cell.answered_in_time > 0);
            if ends {
                gaps.extend(gap(cells, pool, &run, short).filter(|gap| !gaps.iter().any(|wide| within(gap, wide))));
                run.clear();
            } else if of_slot().any(|cell| cell.missed > 0) {
                run.push(slot);
            }
        }
    }
    gaps.sort_by(|a, b| b.arrivals.cmp(&a.arrivals).then_with(|| a.weekdays.cmp(&b.weekdays)));
    gaps
}

fn within(gap: &Gap, wide: &Gap) -> bool {
    wide.from_slot <= gap.from_slot
        && gap.to_slot <= wide.to_slot
        && gap.weekdays.iter().all(|weekday| wide.weekdays.contains(weekday))
}

/// A run of slots, if it is long, full and lasting enough.
fn gap(cells: &[Gathered], pool: &[usize], run: &[usize], short: bool) -> Option<Gap> {
    let (from_slot, last) = (*run.first()?, *run.last()?);
    let of = |weekday: usize| (from_slot..=last).map(move |slot| &cells[weekday * SLOTS + slot]);
    let arrivals: u32 = pool.iter().flat_map(|weekday| of(*weekday)).map(|cell| cell.missed).sum();
    let weeks: HashSet<i32> =
        pool.iter().flat_map(|weekday| of(*weekday)).flat_map(|cell| &cell.weeks).copied().collect();
    let lasting = short || weeks.len() >= GAP_WEEKS;
    (run.len() >= GAP_SLOTS && arrivals >= GAP_ARRIVALS && lasting).then(|| Gap {
        weekdays: pool.iter().copied().filter(|weekday| of(*weekday).any(|cell| cell.missed > 0)).collect(),
        from_slot,
        to_slot: last + 1,
        arrivals,
        small_sample: short,
    })
}
