//! Tickets whose imported history leaves something open.

use std::collections::HashSet;

use super::super::decide::{Visibility, aggregate, drill_down, heatmaps};
use super::super::model::{Fact, Metric, Outcome, Period, Row, Settings, Split};
use super::{DAY, NOON, check, columns_of, fact, row, shanghai, unfiltered};
use crate::kernel::{Actor, days, hours, minutes, seconds};
use crate::tickets::decide::rights::Scope;
use crate::tickets::model::{RootCauseLevel, SourceHistory, TicketStatus};

#[test]
fn a_closing_in_time_is_a_first_response_in_time_and_a_later_one_leaves_it_unknown() {
    let closed = |after| Row { response_unknown: true, first_resolved_at: Some(NOON + after), ..row() };
    for (row, expected) in [
        (closed(minutes(5)), Outcome::Met),
        (closed(minutes(15)), Outcome::Met),
        (closed(minutes(15) + seconds(1)), Outcome::Unknown),
        (Row { response_unknown: true, ..row() }, Outcome::Unknown),
        // An answer in Buoy after the import may not have been the first one.
        (Row { first_responded_at: Some(NOON + days(5)), ..closed(days(9)) }, Outcome::Unknown),
        (Row { resolution_unknown: true, response_unknown: true, ..row() }, Outcome::Unknown),
        (Row { incomplete: true, first_responded_at: Some(NOON), ..row() }, Outcome::Unknown),
        (Row { excluded: true, ..closed(days(9)) }, Outcome::Excluded),
    ] {
        check(Metric::FirstResponseCompliance, row, false, NOON + days(30), Some((NOON, expected)));
    }
}

#[test]
fn what_is_not_known_is_neither_met_nor_missed() {
    let resolved = Row { first_resolved_at: Some(NOON + hours(1)), ..row() };
    let unknown = Some((NOON, Outcome::Unknown));
    for row in [
        Row { resolution_unknown: true, ..row() },
        Row { incomplete: true, ..resolved },
        Row { incomplete: true, handed_over: true, ..resolved },
        Row { incomplete: true, ..row() },
    ] {
        check(Metric::FirstTimeResolution, row, false, NOON + days(30), unknown);
        check(Metric::RootCauseClosure, Row { defect: true, ..row }, true, NOON + days(30), unknown);
        check(Metric::RootCauseClosure, row, true, NOON + days(30), None);
    }
}

#[test]
fn unknown_times_are_counted_beside_the_distribution() {
    let history = |incomplete, merged, response_unknown, resolution_unknown| SourceHistory {
        incomplete,
        merged,
        response_unknown,
        resolution_unknown,
    };
    let closed = |n, after| Fact {
        status: TicketStatus::Closed,
        first_resolved_at: Some(NOON + after),
        closed_at: Some(NOON + after),
        history: history(false, false, true, false),
        ..fact(n)
    };
    let columns = columns_of([
        // A list that knows only the closing: in time, and later.
        closed(1, minutes(5)),
        closed(2, hours(2)),
        // Closed, nobody knows when.
        Fact { status: TicketStatus::Closed, history: history(false, false, true, true), ..fact(3) },
        // A row of it was refused.
        Fact {
            first_responded_at: Some(NOON + minutes(1)),
            history: history(true, false, false, false),
            root_cause_level: Some(RootCauseLevel::L3DesignDefect),
            ..closed(4, hours(9))
        },
        // Merged in its source.
        Fact { first_responded_at: Some(NOON), history: history(false, true, false, false), ..closed(5, hours(1)) },
        // A log that says everything.
        Fact { first_responded_at: Some(NOON + minutes(20)), history: SourceHistory::default(), ..closed(6, hours(4)) },
    ]);
    let visibility = Visibility::of(&columns, &Scope::of(&Actor::System), &[], &unfiltered(DAY));
    let (fixed, now, settings) = (HashSet::new(), NOON + days(30), Settings::default());
    let result = aggregate(&columns, &visibility, DAY, &Split::All, &fixed, now, &settings).remove(0).aggregates;
    assert_eq!((result.created, result.resolved, result.excluded), (5, 3, 1));
    let first_response = result.first_response_compliance;
    assert_eq!((first_response.met, first_response.missed, first_response.unknown), (1, 1, 3));
    let first_time = result.first_time_resolution;
    assert_eq!((first_time.met, first_time.missed, first_time.unknown), (3, 0, 2));
    assert_eq!(result.root_cause_closure.unknown, 1);
    assert_eq!((result.first_response_time.count, result.first_response_time.unknown), (1, 4));
    assert_eq!((result.handling_time.count, result.handling_time.unknown), (3, 2));
    assert_eq!(result.handling_time.percentiles.unwrap()[0], 2 * 3_600);
    let unknown =
        drill_down(&columns, &visibility, DAY, (Metric::FirstTimeResolution, Outcome::Unknown), &fixed, now, &settings);
    let mut unknown: Vec<u128> = unknown.into_iter().map(|(_, ticket)| ticket.0.as_u128()).collect();
    unknown.sort_unstable();
    assert_eq!(unknown, [3, 4]);

    // In the heat map they arrive, and are neither in time nor missed.
    let period = Period { from: DAY.from, to: DAY.to };
    let map = heatmaps(&columns, &visibility, period, None, now, &settings, &shanghai()).remove(0);
    let cell = map.cells.iter().find(|cell| cell.arrivals > 0).unwrap();
    assert_eq!((cell.arrivals, cell.answered_in_time, cell.missed), (5, 1, 1));
    assert_eq!(cell.median_first_response, Some(20 * 60));
}
