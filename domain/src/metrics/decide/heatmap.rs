//! The response heat map and its gaps. "In time" means the same as in first-response compliance.

use std::collections::HashSet;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use super::super::model::{
    Cell, Columns, Dimension, Gap, Heatmap, Key, Metric, Outcome, PERCENTILES, Period, SLOTS, Settings, WEEKDAYS,
};
use super::aggregates::nearest_rank;
use super::{Visibility, outcome};
use crate::kernel::{Timestamp, days, minutes};

/// Groups of weekdays that are searched together, the largest first: a single weekday seldom has enough tickets.
const POOLS: [&[usize]; 10] =
    [&[0, 1, 2, 3, 4, 5, 6], &[0, 1, 2, 3, 4], &[5, 6], &[0], &[1], &[2], &[3], &[4], &[5], &[6]];

/// Collects the values of a cell.
#[derive(Clone, Default)]
struct Accumulator {
    arrivals: u32,
    answered_in_time: u32,
    missed: u32,
    first_responses: Vec<u32>,
    /// The weeks with a ticket whose outcome is known.
    weeks: HashSet<i32>,
}

/// Heat maps of tickets created in the period: one of all, or one for each value of a dimension that occurs.
pub fn heatmaps(
    columns: &Columns,
    visibility: &Visibility<'_>,
    period: Period,
    by: Option<Dimension>,
    now: Timestamp,
    settings: &Settings,
    zone: &TimeZone,
) -> Vec<Heatmap> {
    let codes = by.map(|dimension| columns.codes(dimension));
    let mut groups: Vec<Vec<Accumulator>> = Vec::new();
    groups.resize_with(by.map_or(1, |dimension| columns.values(dimension)), Vec::new);
    if by.is_none() {
        groups[0].resize_with(WEEKDAYS * SLOTS, Accumulator::default);
    }
    for index in 0..columns.len() {
        let row = columns.row(index);
        if !period.contains(row.created_at) || !visibility.includes(index) {
            continue;
        }
        let Some((_, outcome)) = outcome(Metric::FirstResponseCompliance, &row, || false, now, settings) else {
            continue;
        };
        if outcome == Outcome::Excluded {
            continue;
        }
        let group = &mut groups[codes.map_or(0, |codes| codes[index] as usize)];
        if group.is_empty() {
            group.resize_with(WEEKDAYS * SLOTS, Accumulator::default);
        }
        let (week, weekday, slot) = week_slot(row.created_at, zone);
        let cell = &mut group[weekday * SLOTS + slot];
        cell.arrivals += 1;
        cell.answered_in_time += u32::from(outcome == Outcome::Met);
        cell.missed += u32::from(outcome == Outcome::Missed);
        if matches!(outcome, Outcome::Met | Outcome::Missed) {
            cell.weeks.insert(week);
        }
        if row.incomplete || row.response_unknown {
            continue;
        }
        let elapsed = |at: Timestamp| u32::try_from(at.seconds_since(row.created_at)).unwrap_or(u32::MAX);
        cell.first_responses.extend(row.first_responded_at.map(elapsed));
    }
    // Of a period that has not ended, only the elapsed part counts.
    let short = period.from + days(7 * u64::from(settings.gap_weeks)) > period.to.min(now);
    let heatmaps = groups.into_iter().enumerate().filter(|(_, cells)| !cells.is_empty()).map(|(code, cells)| Heatmap {
        key: by.map_or(Key::None, |dimension| columns.key(dimension, code).clone()),
        gaps: gaps(&cells, short, settings),
        cells: cells.into_iter().map(Accumulator::finish).collect(),
    });
    heatmaps.collect()
}

/// The week number (rises by one on Mondays), the weekday (0 is Monday) and the half-hour of an instant.
pub fn week_slot(at: Timestamp, zone: &TimeZone) -> (i32, usize, usize) {
    let local = zone.to_datetime(at.to_jiff());
    let weekday = local.weekday().since(Weekday::Monday);
    let monday = local.date().saturating_sub(jiff::Span::new().days(weekday));
    let week = monday.since(jiff::civil::date(1970, 1, 5)).map_or(0, |since| since.get_days() / 7);
    let half = usize::from(local.minute() >= 30);
    (week, weekday.unsigned_abs().into(), usize::from(local.hour().unsigned_abs()) * 2 + half)
}

/// An instant in each half-hour of a gap, within the seven days before `until`.
pub fn gap_instants(gap: &Gap, until: Timestamp, zone: &TimeZone) -> Vec<Timestamp> {
    let half_hours = (1..=WEEKDAYS * SLOTS).map(|n| until - minutes(30 * n as u64 - 15));
    half_hours.filter(|at| matches!(week_slot(*at, zone), (_, weekday, slot) if gap.covers(weekday, slot))).collect()
}

impl Accumulator {
    fn finish(mut self) -> Cell {
        let median = nearest_rank(self.first_responses.len(), PERCENTILES[0]);
        Cell {
            arrivals: self.arrivals,
            answered_in_time: self.answered_in_time,
            missed: self.missed,
            median_first_response: median.map(|rank| *self.first_responses.select_nth_unstable(rank).1),
        }
    }
}

/// Slots without arrivals neither break nor extend a run; pending tickets do not count. A gap contained in another one
/// is left out.
fn gaps(cells: &[Accumulator], short: bool, settings: &Settings) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = Vec::new();
    for pool in POOLS {
        let mut run: Vec<usize> = Vec::new();
        for slot in 0..=SLOTS {
            let of_slot = || pool.iter().filter_map(|weekday| cells.get(weekday * SLOTS + slot));
            let ends = slot == SLOTS || of_slot().any(|cell| cell.answered_in_time > 0);
            if ends {
                let found = gap(cells, pool, &run, short, settings);
                gaps.extend(found.filter(|gap| !gaps.iter().any(|wide| is_contained(gap, wide))));
                run.clear();
            } else if of_slot().any(|cell| cell.missed > 0) {
                run.push(slot);
            }
        }
    }
    gaps.sort_by(|a, b| b.arrivals.cmp(&a.arrivals).then_with(|| a.weekdays.cmp(&b.weekdays)));
    gaps
}

fn is_contained(gap: &Gap, wide: &Gap) -> bool {
    wide.from_slot <= gap.from_slot
        && gap.to_slot <= wide.to_slot
        && gap.weekdays.iter().all(|weekday| wide.weekdays.contains(weekday))
}

/// The gap of a run of slots, if it has enough slots, tickets and weeks.
fn gap(cells: &[Accumulator], pool: &[usize], run: &[usize], short: bool, settings: &Settings) -> Option<Gap> {
    let (from_slot, last) = (*run.first()?, *run.last()?);
    let of = |weekday: usize| (from_slot..=last).map(move |slot| &cells[weekday * SLOTS + slot]);
    let arrivals: u32 = pool.iter().flat_map(|weekday| of(*weekday)).map(|cell| cell.missed).sum();
    let weeks: HashSet<i32> =
        pool.iter().flat_map(|weekday| of(*weekday)).flat_map(|cell| &cell.weeks).copied().collect();
    let is_recurrent = short || weeks.len() >= usize::from(settings.gap_weeks);
    let is_large = run.len() >= settings.gap_half_hours && arrivals >= settings.gap_arrivals;
    (is_large && is_recurrent).then(|| Gap {
        weekdays: pool.iter().copied().filter(|weekday| of(*weekday).any(|cell| cell.missed > 0)).collect(),
        from_slot,
        to_slot: last + 1,
        arrivals,
        small_sample: short,
    })
}
