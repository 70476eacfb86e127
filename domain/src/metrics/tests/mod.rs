//! Outcomes, aggregates, heat maps and visibility.

mod history;
mod windows;

use std::collections::HashSet;
use std::sync::Arc;

use jiff::tz::TimeZone;
use proptest::prelude::*;
use uuid::Uuid;

use super::decide::{Visibility, aggregate, distribution, drill_down, edges, gap_instants, heatmaps, outcome};
use super::model::{
    BUCKETS, Cell, Columns, Dimension, Fact, Gap, Interval, Key, Metric, Outcome, PERCENTILES, Period, Row, Selection,
    Settings, Split, Stratum,
};
use crate::kernel::{
    Actor, CustomerId, Person, Role, TeamId, TicketId, Timestamp, UserId, days, hours, minutes, seconds,
};
use crate::tickets::decide::rights::Scope;
use crate::tickets::model::{Priority, RootCauseLevel, Snapshot, SourceHistory, TicketStatus};

const NOON: Timestamp = Timestamp::from_millis(1_772_452_800_000);

fn row() -> Row {
    Row {
        created_at: NOON,
        first_response_due_at: None,
        first_responded_at: None,
        first_resolved_at: None,
        first_reopened_at: None,
        closed_at: None,
        excluded: false,
        handed_over: false,
        defect: false,
        incomplete: false,
        response_unknown: false,
        resolution_unknown: false,
    }
}

fn check(metric: Metric, row: Row, is_fixed: bool, now: Timestamp, expected: Option<(Timestamp, Outcome)>) {
    assert_eq!(outcome(metric, &row, || is_fixed, now, &Settings::default()), expected, "{metric:?} {row:?}");
}

#[test]
fn a_first_response_counts_once_it_is_due_whether_it_came_or_not() {
    let responded = |after| Row { first_responded_at: Some(NOON + after), ..row() };
    let due = NOON + minutes(15);
    for (row, now, expected) in [
        (responded(seconds(1)), NOON + days(9), Outcome::Met),
        (responded(minutes(15)), NOON + days(9), Outcome::Met),
        (responded(minutes(15) + std::time::Duration::from_millis(1)), NOON + days(9), Outcome::Missed),
        (row(), due - std::time::Duration::from_millis(1), Outcome::Pending),
        (responded(seconds(1)), due - std::time::Duration::from_millis(1), Outcome::Pending),
        (row(), due, Outcome::Missed),
        (responded(seconds(1)), due, Outcome::Met),
        // With an SLA clock, its due time counts.
        (Row { first_response_due_at: Some(NOON + hours(1)), ..responded(minutes(59)) }, NOON + days(9), Outcome::Met),
        (Row { first_response_due_at: Some(NOON + minutes(5)), ..row() }, NOON + minutes(5), Outcome::Missed),
        (Row { first_response_due_at: Some(NOON + hours(1)), ..responded(minutes(9)) }, due, Outcome::Pending),
        (Row { response_unknown: true, first_resolved_at: Some(NOON), ..row() }, due, Outcome::Met),
        (Row { excluded: true, ..row() }, due + seconds(1), Outcome::Excluded),
    ] {
        check(Metric::FirstResponseCompliance, row, false, now, Some((NOON, expected)));
    }
}

#[test]
fn a_first_time_resolution_has_no_hand_over_and_no_reopening_within_a_week() {
    let resolved_at = NOON + hours(3);
    let resolved = Row { first_resolved_at: Some(resolved_at), ..row() };
    let reopened = |after| Row { first_reopened_at: Some(resolved_at + after), ..resolved };
    let week = resolved_at + days(7);
    for (row, now, expected) in [
        (resolved, week, Outcome::Pending),
        (resolved, week + seconds(1), Outcome::Met),
        // What has failed already counts no earlier than what may still hold.
        (Row { handed_over: true, ..resolved }, NOON + hours(4), Outcome::PendingFailed),
        (Row { handed_over: true, ..resolved }, week, Outcome::PendingFailed),
        (Row { handed_over: true, ..resolved }, week + seconds(1), Outcome::Missed),
        (reopened(hours(1)), NOON + hours(5), Outcome::PendingFailed),
        (reopened(days(7)), week, Outcome::PendingFailed),
        (reopened(days(7)), week + seconds(1), Outcome::Missed),
        (reopened(days(7) + seconds(1)), NOON + days(30), Outcome::Met),
        (Row { excluded: true, ..resolved }, NOON + days(30), Outcome::Excluded),
    ] {
        check(Metric::FirstTimeResolution, row, false, now, Some((resolved_at, expected)));
    }
    check(Metric::FirstTimeResolution, row(), false, NOON, None);
}

#[test]
fn a_root_cause_is_closed_once_its_fix_is_released() {
    let closed_at = NOON + days(2);
    let defect = Row { defect: true, closed_at: Some(closed_at), ..row() };
    check(Metric::RootCauseClosure, defect, true, NOON, Some((closed_at, Outcome::Met)));
    check(Metric::RootCauseClosure, defect, false, NOON, Some((closed_at, Outcome::Missed)));
    check(Metric::RootCauseClosure, Row { defect: false, ..defect }, true, NOON, None);
    check(Metric::RootCauseClosure, Row { closed_at: None, ..defect }, true, NOON, None);
}

fn fact(n: u128) -> Fact {
    Fact {
        ticket: TicketId(Uuid::from_u128(n)),
        status: TicketStatus::InProgress,
        merged: false,
        history: SourceHistory::default(),
        created_at: NOON,
        first_response_due_at: None,
        first_responded_at: None,
        first_resolved_at: None,
        first_resolution_hand_overs: 0,
        first_reopened_at: None,
        closed_at: None,
        root_cause_level: None,
        team: None,
        assignee: None,
        requester: None,
        customer: None,
        issue_type: None,
        product: None,
        channel: "web".to_owned(),
        priority: Priority::Normal,
    }
}

fn columns_of(facts: impl IntoIterator<Item = Fact>) -> Columns {
    let mut columns = Columns::default();
    facts.into_iter().for_each(|fact| columns.put(fact));
    columns
}

fn unfiltered(period: Period) -> Selection {
    Selection { period, only: Vec::new() }
}

const DAY: Period = Period { from: NOON, to: Timestamp::from_millis(NOON.millis() + 86_400_000) };

#[test]
fn each_metric_has_its_own_anchor_and_excluded_tickets_count_apart() {
    let yesterday = NOON - days(1);
    let columns = columns_of([
        // Created the day before, resolved and closed today after a hand-over.
        Fact {
            created_at: yesterday,
            first_responded_at: Some(yesterday + minutes(5)),
            first_resolved_at: Some(NOON + hours(1)),
            first_resolution_hand_overs: 1,
            closed_at: Some(NOON + hours(2)),
            root_cause_level: Some(RootCauseLevel::L3DesignDefect),
            ..fact(1)
        },
        // Created today, answered in time.
        Fact { first_responded_at: Some(NOON + minutes(10)), ..fact(2) },
        // Merged, and cancelled by its requester before a response.
        Fact { merged: true, status: TicketStatus::Cancelled, first_responded_at: Some(NOON), ..fact(3) },
        Fact { status: TicketStatus::Cancelled, ..fact(4) },
        // Cancelled after a response.
        Fact { status: TicketStatus::Cancelled, first_responded_at: Some(NOON + minutes(20)), ..fact(5) },
        // At the end of the day, which is exclusive.
        Fact { created_at: DAY.to, ..fact(6) },
    ]);
    let visibility = Visibility::of(&columns, &Scope::of(&Actor::System), &[], &unfiltered(DAY));
    let (fixed, now, settings) = (HashSet::new(), NOON + days(30), Settings::default());
    let result = aggregate(&columns, &visibility, DAY, &Split::All, &fixed, now, &settings).remove(0).aggregates;
    assert_eq!((result.created, result.resolved, result.excluded), (2, 1, 2));
    assert_eq!((result.first_response_compliance.met, result.first_response_compliance.missed), (1, 1));
    assert_eq!((result.first_time_resolution.met, result.first_time_resolution.missed), (0, 1));
    assert_eq!((result.root_cause_closure.met, result.root_cause_closure.missed), (0, 1));
    assert_eq!(result.handling_time.percentiles.unwrap()[0], 25 * 3_600);
    let tickets_of = |metric, outcome| {
        let mut found: Vec<u128> = drill_down(&columns, &visibility, DAY, (metric, outcome), &fixed, now, &settings)
            .into_iter()
            .map(|(_, ticket)| ticket.0.as_u128())
            .collect();
        found.sort_unstable();
        found
    };
    assert_eq!(tickets_of(Metric::FirstResponseCompliance, Outcome::Met), [2]);
    assert_eq!(tickets_of(Metric::FirstResponseCompliance, Outcome::Missed), [5]);
    assert_eq!(tickets_of(Metric::FirstResponseCompliance, Outcome::Excluded), [3, 4]);
    assert_eq!(tickets_of(Metric::FirstTimeResolution, Outcome::Missed), [1]);
    assert_eq!(tickets_of(Metric::RootCauseClosure, Outcome::Missed), [1]);
    // The same ticket, changed: no new row.
    let mut columns = columns;
    columns.put(Fact { first_responded_at: Some(NOON + minutes(1)), ..fact(5) });
    assert_eq!(columns.len(), 6);
}

#[test]
fn groups_and_periods_add_up_to_the_whole() {
    let columns = columns_of((0..50).map(|n| Fact {
        created_at: NOON + hours(n),
        first_responded_at: (n % 3 > 0).then_some(NOON + hours(n) + minutes(10 * (n % 3))),
        team: (n % 4 > 0).then_some(TeamId(Uuid::from_u128(u128::from(n % 4)))),
        ..fact(u128::from(n) + 1)
    }));
    let period = Period { from: NOON, to: NOON + days(5) };
    let visibility = Visibility::of(&columns, &Scope::of(&Actor::System), &[], &unfiltered(period));
    let (fixed, now, settings) = (HashSet::new(), NOON + days(30), Settings::default());
    let grouped = |split| aggregate(&columns, &visibility, period, &split, &fixed, now, &settings);
    let whole = grouped(Split::All).remove(0).aggregates;
    assert_eq!(whole.created, 50);
    let edges = edges(period, Interval::Day, &TimeZone::UTC).unwrap();
    assert_eq!(edges.len(), 7, "from noon to noon of five days later: {edges:?}");
    for (split, groups) in [(Split::By(Dimension::Team), 4), (Split::Between(edges), 6)] {
        let parts = grouped(split);
        assert_eq!(parts.len(), groups);
        assert_eq!(parts.iter().map(|part| part.aggregates.created).sum::<u64>(), whole.created);
        let met = parts.iter().map(|part| part.aggregates.first_response_compliance.met).sum::<u64>();
        assert_eq!(met, whole.first_response_compliance.met);
    }
}

#[test]
fn weeks_are_iso_weeks_and_days_begin_in_the_zone_of_the_organisation() {
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let at = |text: &str| Timestamp::parse(text).unwrap();
    let period = Period { from: at("2026-01-01T00:00:00+08:00"), to: at("2026-01-20T00:00:00+08:00") };
    let expected = ["2026-01-01", "2026-01-05", "2026-01-12", "2026-01-19", "2026-01-20"];
    let expected: Vec<Timestamp> = expected.iter().map(|day| at(&format!("{day}T00:00:00+08:00"))).collect();
    assert_eq!(edges(period, Interval::Week, &zone).unwrap(), expected);
    let period = Period { from: at("2025-11-15T00:00:00+08:00"), to: at("2026-05-02T00:00:00+08:00") };
    let expected = ["2025-11-15", "2026-01-01", "2026-04-01", "2026-05-02"];
    let expected: Vec<Timestamp> = expected.iter().map(|day| at(&format!("{day}T00:00:00+08:00"))).collect();
    assert_eq!(edges(period, Interval::Quarter, &zone).unwrap(), expected);
    // A day of 23 hours.
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    let period = Period { from: at("2026-03-29T00:00:00+01:00"), to: at("2026-03-30T12:00:00+02:00") };
    let days = edges(period, Interval::Day, &berlin).unwrap();
    assert_eq!(days[1].seconds_since(days[0]), 23 * 3_600);
    let endless = Period { from: at("1990-01-01T00:00:00Z"), to: at("2026-01-01T00:00:00Z") };
    assert!(edges(endless, Interval::Day, &zone).is_err());
}

proptest! {
    #[test]
    fn percentiles_are_by_nearest_rank_and_no_duration_is_lost(
        durations in proptest::collection::vec(0..4_000_000_u32, 0..300)
    ) {
        let result = distribution(durations.clone());
        let mut sorted = durations;
        sorted.sort_unstable();
        let expected = (!sorted.is_empty()).then(|| PERCENTILES.map(|percent| {
            // The smallest value with at least that share of all values at or below it.
            *sorted.iter().find(|value| {
                100 * sorted.iter().filter(|other| other <= value).count() >= percent * sorted.len()
            }).unwrap()
        }));
        prop_assert_eq!(result.percentiles, expected);
        prop_assert_eq!(result.count, sorted.len() as u64);
        prop_assert_eq!(result.buckets.len(), BUCKETS.len());
        prop_assert_eq!(result.buckets.iter().sum::<u64>(), result.count);
        prop_assert_eq!(result.strata.iter().map(|stratum| stratum.count).sum::<u64>(), result.count);
    }
}

#[test]
fn strata_separate_fast_and_slow_tickets() {
    // Most are closed within five minutes, the rest take most of a day.
    let mut durations = vec![120; 72];
    durations.extend(vec![19 * 3_600 + 42 * 60; 28]);
    let result = distribution(durations);
    let of = |count, median| Stratum { count, median };
    assert_eq!(
        result.strata,
        [of(72, Some(120)), of(0, None), of(0, None), of(28, Some(70_920)), of(0, None), of(0, None)]
    );
}

fn id(n: u8) -> Uuid {
    Uuid::from_u128(u128::from(n))
}

fn any_fact() -> impl Strategy<Value = (Fact, bool)> {
    (1..1_000_u128, 0..4_u8, 0..4_u8, 0..4_u8, 0..4_u8, 0..3_u8, any::<bool>()).prop_map(
        |(n, team, assignee, requester, customer, product, participates)| {
            let some = |n: u8| (n > 0).then(|| id(n));
            let fact = Fact {
                team: some(team).map(TeamId),
                assignee: some(assignee).map(UserId),
                requester: some(requester).map(UserId),
                customer: some(customer).map(CustomerId),
                product: (product > 0).then(|| format!("P{product}")),
                ..fact(n)
            };
            (fact, participates)
        },
    )
}

fn any_person() -> impl Strategy<Value = Person> {
    (1..4_u8, proptest::sample::subsequence(Role::ALL.to_vec(), 1..3), 0..4_u8, 0..4_u8, 0..3_u8).prop_map(
        |(user, roles, team, customer, product)| Person {
            id: UserId(id(user)),
            roles,
            teams: (team > 0).then(|| TeamId(id(team))).into_iter().collect(),
            supervised_teams: (team > 0).then(|| TeamId(id(4 - team))).into_iter().collect(),
            supervised: vec![UserId(id(user % 3 + 1))],
            customer: (customer > 0).then(|| CustomerId(id(customer))),
            products: (product > 0).then(|| format!("P{product}")).into_iter().collect(),
            session: None,
            api_key: None,
        },
    )
}

proptest! {
    #[test]
    fn visibility_equals_the_scope(facts in proptest::collection::vec(any_fact(), 0..40), person in any_person()) {
        let scope = Scope::of(&Actor::Person(Arc::new(person.clone())));
        let columns = columns_of(facts.iter().map(|(fact, _)| fact.clone()));
        // The last fact of an id counts.
        let last: std::collections::HashMap<TicketId, (Fact, bool)> =
            facts.into_iter().map(|(fact, participates)| (fact.ticket, (fact, participates))).collect();
        let participating: Vec<TicketId> =
            last.values().filter(|(_, participates)| *participates).map(|(fact, _)| fact.ticket).collect();
        let visibility = Visibility::of(&columns, &scope, &participating, &unfiltered(DAY));
        for (index, ticket) in (0..columns.len()).map(|index| (index, columns.ticket(index))) {
            let (fact, participates) = &last[&ticket];
            let snapshot = Snapshot {
                status: fact.status,
                priority: fact.priority,
                team: fact.team,
                assignee: fact.assignee,
                requester: fact.requester,
                customer: fact.customer,
                product: fact.product.clone(),
                issue_type: None,
            };
            let participants = participates.then_some(person.id).into_iter().collect();
            prop_assert_eq!(visibility.includes(index), scope.sees(&snapshot, &participants), "{:?} {:?}", person, fact);
        }
    }
}

#[test]
fn a_filter_by_an_unknown_value_matches_nothing() {
    let columns = columns_of([fact(1), Fact { product: Some("VF-80".to_owned()), ..fact(2) }]);
    let counted = |key: Key| {
        let selection = Selection { period: DAY, only: vec![(Dimension::Product, key)] };
        let visibility = Visibility::of(&columns, &Scope::of(&Actor::System), &[], &selection);
        (0..columns.len()).filter(|index| visibility.includes(*index)).count()
    };
    assert_eq!(counted(Key::Word("VF-80".into())), 1);
    assert_eq!(counted(Key::None), 1);
    assert_eq!(counted(Key::Word("PM-3300".into())), 0);
}

/// A ticket created at an instant, answered after some minutes or never.
fn created(n: u128, at: Timestamp, answered_after: Option<u64>, agent: u8) -> Fact {
    Fact {
        created_at: at,
        first_responded_at: answered_after.map(|after| at + minutes(after)),
        assignee: Some(UserId(id(agent))),
        ..fact(n)
    }
}

fn shanghai() -> TimeZone {
    TimeZone::get("Asia/Shanghai").unwrap()
}

const MONDAY: &str = "2026-03-02T00:00:00+08:00";

#[test]
fn a_lunch_break_of_every_working_day_is_one_gap() {
    let monday = Timestamp::parse(MONDAY).unwrap();
    let mut facts = Vec::new();
    for (week, day) in (0..4).flat_map(|week| (0..5).map(move |day| (week, day))) {
        let at = |hour, minute| monday + days(7 * week + day) + hours(hour) + minutes(minute);
        // No answers between 13:00 and 14:30; no arrivals between 13:30 and 14:00 on most days.
        for (index, (at, answer)) in
            [(at(9, 0), Some(5)), (at(13, 5), Some(95)), (at(14, 29), None), (at(15, 0), Some(2))]
                .into_iter()
                .enumerate()
        {
            facts.push(created(u128::from(week * 100 + day * 10) + index as u128 + 1, at, answer, 1));
        }
    }
    facts.push(created(900, monday + hours(13) + minutes(59), None, 1));
    let period = Period { from: monday, to: monday + days(28) };
    let (columns, now, settings) = (columns_of(facts), monday + days(30), Settings::default());
    let visibility = Visibility::of(&columns, &Scope::of(&Actor::System), &[], &unfiltered(period));
    let result = heatmaps(&columns, &visibility, period, None, now, &settings, &shanghai()).remove(0);
    let gap = |weekdays: &[usize], arrivals| Gap {
        weekdays: weekdays.to_vec(),
        from_slot: 26,
        to_slot: 29,
        arrivals,
        small_sample: false,
    };
    assert_eq!(result.gaps, [gap(&[0, 1, 2, 3, 4], 41)]);
    assert_eq!(
        result.cell(0, 26),
        Cell { arrivals: 4, answered_in_time: 0, missed: 4, median_first_response: Some(5_700) }
    );
    assert_eq!(result.cell(6, 26), Cell::default());
    assert_eq!(result.cells.iter().map(|cell| cell.arrivals).sum::<u32>(), 81);

    // Tickets that may still be answered in time form no gap.
    let still = heatmaps(&columns, &visibility, period, None, monday + hours(13), &settings, &shanghai()).remove(0);
    assert_eq!(still.gaps, []);
    // Two weeks only: a small sample.
    let period = Period { to: monday + days(14), ..period };
    let few = heatmaps(&columns, &visibility, period, None, now, &settings, &shanghai()).remove(0);
    assert_eq!(few.gaps, [Gap { small_sample: true, ..gap(&[0, 1, 2, 3, 4], 21) }]);

    // A colleague who answers at that time could be the delegate.
    let colleague =
        (0..3).map(|n| created(1_000 + n, monday + days(u64::try_from(n).unwrap()) + hours(13), Some(1), 2));
    let mut columns = columns;
    colleague.for_each(|fact| columns.put(fact));
    let visibility = Visibility::of(&columns, &Scope::of(&Actor::System), &[], &unfiltered(period));
    let by_agent = heatmaps(&columns, &visibility, period, Some(Dimension::Agent), now, &settings, &shanghai());
    assert_eq!(by_agent.iter().map(|map| map.key.clone()).collect::<Vec<_>>(), [Key::Id(id(1)), Key::Id(id(2))]);
    assert_eq!(by_agent[0].gaps.len(), 1);
    assert_eq!(by_agent[1].answered_in_time(&by_agent[0].gaps[0]), 3);
    // The gap's half-hours in the week before.
    let instants = gap_instants(&by_agent[0].gaps[0], monday + days(14), &shanghai());
    assert_eq!(instants.len(), 5 * 3);
}

#[test]
fn a_gap_needs_enough_tickets_slots_and_weeks() {
    let monday = Timestamp::parse(MONDAY).unwrap();
    let period = Period { from: monday, to: monday + days(28) };
    let check = |slots: u64, weeks: u64, each: u64, gaps: usize| {
        let facts =
            (0..weeks).flat_map(|week| (0..slots).flat_map(move |slot| (0..each).map(move |n| (week, slot, n))));
        let facts = facts.map(|(week, slot, n)| {
            let at = monday + days(7 * week) + minutes(30 * slot + n);
            created(u128::from(week * 10_000 + slot * 100 + n) + 1, at, None, 1)
        });
        let columns = columns_of(facts);
        let visibility = Visibility::of(&columns, &Scope::of(&Actor::System), &[], &unfiltered(period));
        let result =
            heatmaps(&columns, &visibility, period, None, monday + days(30), &Settings::default(), &shanghai())
                .remove(0);
        assert_eq!(result.gaps.len(), gaps, "{slots} slots, {weeks} weeks, {each} each");
    };
    check(3, 4, 1, 1);
    check(2, 4, 9, 0);
    check(3, 3, 1, 0);
    check(3, 2, 9, 0);
    check(48, 3, 1, 1);
}

proptest! {
    #[test]
    fn every_ticket_counts_in_the_cell_of_its_local_time(
        minutes_in in proptest::collection::vec((0..80_000_u64, proptest::option::of(0..40_u64)), 0..60)
    ) {
        let monday = Timestamp::parse(MONDAY).unwrap();
        let period = Period { from: monday, to: monday + days(90) };
        let facts = minutes_in.iter().enumerate().map(|(n, (at, answer))| {
            created(n as u128 + 1, monday + minutes(*at), *answer, 1)
        });
        let columns = columns_of(facts);
        let visibility = Visibility::of(&columns, &Scope::of(&Actor::System), &[], &unfiltered(period));
        let result = heatmaps(&columns, &visibility, period, None, period.to, &Settings::default(), &shanghai()).remove(0);
        // In Shanghai every day has 1,440 minutes.
        for (index, cell) in result.cells.iter().enumerate() {
            let here = minutes_in.iter().filter(|(at, _)| (at / 30) % (7 * 48) == index as u64);
            let mut answers: Vec<u64> = here.clone().filter_map(|(_, answer)| *answer).collect();
            answers.sort_unstable();
            prop_assert_eq!(cell.arrivals as usize, here.clone().count());
            prop_assert_eq!(cell.answered_in_time as usize, answers.iter().filter(|after| **after <= 15).count());
            prop_assert_eq!(cell.missed + cell.answered_in_time, cell.arrivals);
            let median = (!answers.is_empty()).then(|| answers[(answers.len() - 1) / 2] * 60);
            prop_assert_eq!(cell.median_first_response.map(u64::from), median);
        }
    }
}
