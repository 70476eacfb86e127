//! What counts as what, and how figures come together.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::tz::TimeZone;
use proptest::prelude::*;
use uuid::Uuid;

use super::decide::{Sight, behind, distribution, edges, figures, heatmaps, instants, outcome};
use super::model::{
    BUCKETS, Cell, Columns, Dimension, Fact, Gap, Interval, Key, Metric, Outcome, PERCENTILES, Period, Place,
    Selection, Settings, Split, Stratum,
};
use crate::kernel::{
    Actor, CustomerId, Person, Role, TeamId, TicketId, Timestamp, UserId, days, hours, minutes, seconds,
};
use crate::tickets::decide::rights::Scope;
use crate::tickets::model::{Priority, RootCauseLevel, Snapshot, TicketStatus};

const NOON: Timestamp = Timestamp::from_millis(1_772_452_800_000);

fn place() -> Place {
    Place {
        created_at: NOON,
        first_response_due_at: None,
        first_responded_at: None,
        first_resolved_at: None,
        first_reopened_at: None,
        closed_at: None,
        excluded: false,
        handed_over: false,
        defect: false,
    }
}

fn check(metric: Metric, fact: Place, is_fixed: bool, now: Timestamp, expected: Option<(Timestamp, Outcome)>) {
    assert_eq!(outcome(metric, &fact, || is_fixed, now, &Settings::default()), expected, "{metric:?} {fact:?}");
}

#[test]
fn a_first_response_is_in_time_missed_or_still_awaited() {
    let responded = |after| Place { first_responded_at: Some(NOON + after), ..place() };
    let due = NOON + minutes(15);
    for (fact, now, expected) in [
        (responded(seconds(1)), NOON + days(9), Outcome::Met),
        (responded(minutes(15)), NOON + days(9), Outcome::Met),
        (responded(minutes(15) + std::time::Duration::from_millis(1)), NOON + days(9), Outcome::Missed),
        (place(), due - std::time::Duration::from_millis(1), Outcome::Pending),
        (place(), due, Outcome::Missed),
        // The end of its SLA clock, where it has one.
        (
            Place { first_response_due_at: Some(NOON + hours(1)), ..responded(minutes(59)) },
            NOON + days(9),
            Outcome::Met,
        ),
        (Place { first_response_due_at: Some(NOON + minutes(5)), ..place() }, NOON + minutes(5), Outcome::Missed),
        (Place { excluded: true, ..place() }, due + seconds(1), Outcome::Excluded),
    ] {
        check(Metric::FirstResponseCompliance, fact, false, now, Some((NOON, expected)));
    }
}

#[test]
fn a_resolution_holds_without_hand_over_and_without_reopening_within_a_week() {
    let resolved_at = NOON + hours(3);
    let resolved = Place { first_resolved_at: Some(resolved_at), ..place() };
    let reopened = |after| Place { first_reopened_at: Some(resolved_at + after), ..resolved };
    let week = resolved_at + days(7);
    for (fact, now, expected) in [
        (resolved, week, Outcome::Pending),
        (resolved, week + seconds(1), Outcome::Met),
        (Place { handed_over: true, ..resolved }, NOON + hours(4), Outcome::Missed),
        (reopened(days(7)), week, Outcome::Missed),
        (reopened(days(7) + seconds(1)), NOON + days(30), Outcome::Met),
        (Place { excluded: true, ..resolved }, NOON + days(30), Outcome::Excluded),
    ] {
        check(Metric::FirstTimeResolution, fact, false, now, Some((resolved_at, expected)));
    }
    check(Metric::FirstTimeResolution, place(), false, NOON, None);
}

#[test]
fn a_defect_is_closed_at_its_root_once_its_fix_is_released() {
    let closed_at = NOON + days(2);
    let defect = Place { defect: true, closed_at: Some(closed_at), ..place() };
    check(Metric::RootCauseClosure, defect, true, NOON, Some((closed_at, Outcome::Met)));
    check(Metric::RootCauseClosure, defect, false, NOON, Some((closed_at, Outcome::Missed)));
    check(Metric::RootCauseClosure, Place { defect: false, ..defect }, true, NOON, None);
    check(Metric::RootCauseClosure, Place { closed_at: None, ..defect }, true, NOON, None);
}

fn fact(n: u128) -> Fact {
    Fact {
        ticket: TicketId(Uuid::from_u128(n)),
        status: TicketStatus::InProgress,
        merged: false,
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

fn held(facts: impl IntoIterator<Item = Fact>) -> Columns {
    let mut columns = Columns::default();
    facts.into_iter().for_each(|fact| columns.put(fact));
    columns
}

fn everything(period: Period) -> Selection {
    Selection { period, only: Vec::new() }
}

const DAY: Period = Period { from: NOON, to: Timestamp::from_millis(NOON.millis() + 86_400_000) };

#[test]
fn each_metric_has_its_own_anchor_and_what_is_excluded_counts_nowhere_but_is_shown() {
    let yesterday = NOON - days(1);
    let columns = held([
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
        // Merged away, and cancelled by its requester before anyone answered.
        Fact { merged: true, status: TicketStatus::Cancelled, first_responded_at: Some(NOON), ..fact(3) },
        Fact { status: TicketStatus::Cancelled, ..fact(4) },
        // Cancelled by an answer.
        Fact { status: TicketStatus::Cancelled, first_responded_at: Some(NOON + minutes(20)), ..fact(5) },
        // At the end of the day: not of it.
        Fact { created_at: DAY.to, ..fact(6) },
    ]);
    let sight = Sight::of(&columns, &Scope::of(&Actor::System), &[], &everything(DAY));
    let (fixed, now, settings) = (HashSet::new(), NOON + days(30), Settings::default());
    let told = figures(&columns, &sight, DAY, &Split::All, &fixed, now, &settings).remove(0).figures;
    assert_eq!((told.created, told.resolved, told.excluded), (2, 1, 2));
    assert_eq!((told.first_response_compliance.met, told.first_response_compliance.missed), (1, 1));
    assert_eq!((told.first_time_resolution.met, told.first_time_resolution.missed), (0, 1));
    assert_eq!((told.root_cause_closure.met, told.root_cause_closure.missed), (0, 1));
    assert_eq!(told.handling_time.percentiles.unwrap()[0], 25 * 3_600);
    let behind = |metric, outcome| {
        let mut found: Vec<u128> = behind(&columns, &sight, DAY, (metric, outcome), &fixed, now, &settings)
            .into_iter()
            .map(|(_, ticket)| ticket.0.as_u128())
            .collect();
        found.sort_unstable();
        found
    };
    assert_eq!(behind(Metric::FirstResponseCompliance, Outcome::Met), [2]);
    assert_eq!(behind(Metric::FirstResponseCompliance, Outcome::Missed), [5]);
    assert_eq!(behind(Metric::FirstResponseCompliance, Outcome::Excluded), [3, 4]);
    assert_eq!(behind(Metric::FirstTimeResolution, Outcome::Missed), [1]);
    assert_eq!(behind(Metric::RootCauseClosure, Outcome::Missed), [1]);
    // The same ticket, changed: it stands in one place.
    let mut columns = columns;
    columns.put(Fact { first_responded_at: Some(NOON + minutes(1)), ..fact(5) });
    assert_eq!(columns.len(), 6);
}

#[test]
fn groups_and_periods_add_up_to_the_whole() {
    let columns = held((0..50).map(|n| Fact {
        created_at: NOON + hours(n),
        first_responded_at: (n % 3 > 0).then_some(NOON + hours(n) + minutes(10 * (n % 3))),
        team: (n % 4 > 0).then_some(TeamId(Uuid::from_u128(u128::from(n % 4)))),
        ..fact(u128::from(n) + 1)
    }));
    let period = Period { from: NOON, to: NOON + days(5) };
    let sight = Sight::of(&columns, &Scope::of(&Actor::System), &[], &everything(period));
    let (fixed, now, settings) = (HashSet::new(), NOON + days(30), Settings::default());
    let told = |split| figures(&columns, &sight, period, &split, &fixed, now, &settings);
    let whole = told(Split::All).remove(0).figures;
    assert_eq!(whole.created, 50);
    let edges = edges(period, Interval::Day, &TimeZone::UTC).unwrap();
    assert_eq!(edges.len(), 7, "from noon to noon of five days later: {edges:?}");
    for (split, groups) in [(Split::By(Dimension::Team), 4), (Split::Between(edges), 6)] {
        let parts = told(split);
        assert_eq!(parts.len(), groups);
        assert_eq!(parts.iter().map(|part| part.figures.created).sum::<u64>(), whole.created);
        let met = parts.iter().map(|part| part.figures.first_response_compliance.met).sum::<u64>();
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
        let told = distribution(durations.clone());
        let mut sorted = durations;
        sorted.sort_unstable();
        let expected = (!sorted.is_empty()).then(|| PERCENTILES.map(|percent| {
            // The smallest value with at least that share of all at or below it.
            *sorted.iter().find(|value| {
                100 * sorted.iter().filter(|other| other <= value).count() >= percent * sorted.len()
            }).unwrap()
        }));
        prop_assert_eq!(told.percentiles, expected);
        prop_assert_eq!(told.count, sorted.len() as u64);
        prop_assert_eq!(told.buckets.len(), BUCKETS.len());
        prop_assert_eq!(told.buckets.iter().sum::<u64>(), told.count);
        prop_assert_eq!(told.strata.iter().map(|stratum| stratum.count).sum::<u64>(), told.count);
    }
}

#[test]
fn strata_show_what_a_mean_hides() {
    // The warning case: most are closed within five minutes, the rest take most of a day.
    let mut durations = vec![120; 72];
    durations.extend(vec![19 * 3_600 + 42 * 60; 28]);
    let told = distribution(durations);
    let of = |count, median| Stratum { count, median };
    assert_eq!(
        told.strata,
        [of(72, Some(120)), of(0, None), of(0, None), of(28, Some(70_920)), of(0, None), of(0, None)]
    );
}

fn id(n: u8) -> Uuid {
    Uuid::from_u128(u128::from(n))
}

fn any_fact() -> impl Strategy<Value = (Fact, bool)> {
    (1..1_000_u128, 0..4_u8, 0..4_u8, 0..4_u8, 0..4_u8, 0..3_u8, any::<bool>()).prop_map(
        |(n, team, assignee, requester, customer, product, takes_part)| {
            let some = |n: u8| (n > 0).then(|| id(n));
            let fact = Fact {
                team: some(team).map(TeamId),
                assignee: some(assignee).map(UserId),
                requester: some(requester).map(UserId),
                customer: some(customer).map(CustomerId),
                product: (product > 0).then(|| format!("P{product}")),
                ..fact(n)
            };
            (fact, takes_part)
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
    fn figures_count_what_the_scope_sees(facts in proptest::collection::vec(any_fact(), 0..40), person in any_person()) {
        let scope = Scope::of(&Actor::Person(Arc::new(person.clone())));
        let columns = held(facts.iter().map(|(fact, _)| fact.clone()));
        // Of one id, the last.
        let last: std::collections::HashMap<TicketId, (Fact, bool)> =
            facts.into_iter().map(|(fact, takes_part)| (fact.ticket, (fact, takes_part))).collect();
        let participating: Vec<TicketId> =
            last.values().filter(|(_, takes_part)| *takes_part).map(|(fact, _)| fact.ticket).collect();
        let sight = Sight::of(&columns, &scope, &participating, &everything(DAY));
        for (place, ticket) in (0..columns.len()).map(|place| (place, columns.ticket(place))) {
            let (fact, takes_part) = &last[&ticket];
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
            let participants = takes_part.then_some(person.id).into_iter().collect();
            prop_assert_eq!(sight.counts(place), scope.sees(&snapshot, &participants), "{:?} {:?}", person, fact);
        }
    }
}

#[test]
fn a_filter_names_values_and_one_that_nothing_has_finds_nothing() {
    let columns = held([fact(1), Fact { product: Some("VF-80".to_owned()), ..fact(2) }]);
    let counted = |key: Key| {
        let selection = Selection { period: DAY, only: vec![(Dimension::Product, key)] };
        let sight = Sight::of(&columns, &Scope::of(&Actor::System), &[], &selection);
        (0..columns.len()).filter(|place| sight.counts(*place)).count()
    };
    assert_eq!(counted(Key::Word("VF-80".into())), 1);
    assert_eq!(counted(Key::None), 1);
    assert_eq!(counted(Key::Word("PM-3300".into())), 0);
}

/// A ticket created at an instant of the organisation's time, answered after so many minutes or never.
fn asked(n: u128, at: Timestamp, answered_after: Option<u64>, agent: u8) -> Fact {
    Fact {
        created_at: at,
        first_responded_at: answered_after.map(|after| at + minutes(after)),
        assignee: Some(UserId(id(agent))),
        ..fact(n)
    }
}

fn shanghai() -> Settings {
    Settings { zone: TimeZone::get("Asia/Shanghai").unwrap(), ..Settings::default() }
}

const MONDAY: &str = "2026-03-02T00:00:00+08:00";

#[test]
fn a_lunch_break_of_every_working_day_is_one_gap() {
    let monday = Timestamp::parse(MONDAY).unwrap();
    let mut facts = Vec::new();
    for (week, day) in (0..4).flat_map(|week| (0..5).map(move |day| (week, day))) {
        let at = |hour, minute| monday + days(7 * week + day) + hours(hour) + minutes(minute);
        // Nobody between 13:00 and 14:30; nothing comes between 13:30 and 14:00 on most days.
        for (place, (at, answer)) in
            [(at(9, 0), Some(5)), (at(13, 5), Some(95)), (at(14, 29), None), (at(15, 0), Some(2))]
                .into_iter()
                .enumerate()
        {
            facts.push(asked(u128::from(week * 100 + day * 10) + place as u128 + 1, at, answer, 1));
        }
    }
    facts.push(asked(900, monday + hours(13) + minutes(59), None, 1));
    let period = Period { from: monday, to: monday + days(28) };
    let (columns, now, settings) = (held(facts), monday + days(30), shanghai());
    let sight = Sight::of(&columns, &Scope::of(&Actor::System), &[], &everything(period));
    let told = heatmaps(&columns, &sight, period, None, now, &settings).remove(0);
    let gap = |weekdays: &[usize], arrivals| Gap {
        weekdays: weekdays.to_vec(),
        from_slot: 26,
        to_slot: 29,
        arrivals,
        small_sample: false,
    };
    assert_eq!(told.gaps, [gap(&[0, 1, 2, 3, 4], 41)]);
    assert_eq!(
        told.cell(0, 26),
        Cell { arrivals: 4, answered_in_time: 0, missed: 4, median_first_response: Some(5_700) }
    );
    assert_eq!(told.cell(6, 26), Cell::default());
    assert_eq!(told.cells.iter().map(|cell| cell.arrivals).sum::<u32>(), 81);

    // Half of it is not yet known: what may still be answered in time is no gap.
    let still = heatmaps(&columns, &sight, period, None, monday + hours(13), &settings).remove(0);
    assert_eq!(still.gaps, []);
    // Two weeks alone: few, and marked so.
    let period = Period { to: monday + days(14), ..period };
    let few = heatmaps(&columns, &sight, period, None, now, &settings).remove(0);
    assert_eq!(few.gaps, [Gap { small_sample: true, ..gap(&[0, 1, 2, 3, 4], 21) }]);

    // A colleague who answers then could stand in.
    let colleague = (0..3).map(|n| asked(1_000 + n, monday + days(u64::try_from(n).unwrap()) + hours(13), Some(1), 2));
    let mut columns = columns;
    colleague.for_each(|fact| columns.put(fact));
    let sight = Sight::of(&columns, &Scope::of(&Actor::System), &[], &everything(period));
    let by_agent = heatmaps(&columns, &sight, period, Some(Dimension::Agent), now, &settings);
    assert_eq!(by_agent.iter().map(|told| told.key.clone()).collect::<Vec<_>>(), [Key::Id(id(1)), Key::Id(id(2))]);
    assert_eq!(by_agent[0].gaps.len(), 1);
    assert_eq!(by_agent[1].answered_in_time(&by_agent[0].gaps[0]), 3);
    // Its half-hours of the week before.
    let instants = instants(&by_agent[0].gaps[0], monday + days(14), &settings.zone);
    assert_eq!(instants.len(), 5 * 3);
}

#[test]
fn a_few_tickets_or_two_slots_are_no_gap() {
    let monday = Timestamp::parse(MONDAY).unwrap();
    let period = Period { from: monday, to: monday + days(28) };
    let check = |slots: u64, weeks: u64, each: u64, gaps: usize| {
        let facts =
            (0..weeks).flat_map(|week| (0..slots).flat_map(move |slot| (0..each).map(move |n| (week, slot, n))));
        let facts = facts.map(|(week, slot, n)| {
            let at = monday + days(7 * week) + minutes(30 * slot + n);
            asked(u128::from(week * 10_000 + slot * 100 + n) + 1, at, None, 1)
        });
        let columns = held(facts);
        let sight = Sight::of(&columns, &Scope::of(&Actor::System), &[], &everything(period));
        let told = heatmaps(&columns, &sight, period, None, monday + days(30), &shanghai()).remove(0);
        assert_eq!(told.gaps.len(), gaps, "{slots} slots, {weeks} weeks, {each} each");
    };
    check(3, 4, 1, 1);
    check(2, 4, 9, 0);
    check(3, 3, 1, 0);
    check(3, 2, 9, 0);
    check(48, 3, 1, 1);
}

proptest! {
    #[test]
    fn every_ticket_stands_in_the_cell_of_its_local_time(
        minutes_in in proptest::collection::vec((0..80_000_u64, proptest::option::of(0..40_u64)), 0..60)
    ) {
        let monday = Timestamp::parse(MONDAY).unwrap();
        let period = Period { from: monday, to: monday + days(90) };
        let facts = minutes_in.iter().enumerate().map(|(n, (at, answer))| {
            asked(n as u128 + 1, monday + minutes(*at), *answer, 1)
        });
        let columns = held(facts);
        let sight = Sight::of(&columns, &Scope::of(&Actor::System), &[], &everything(period));
        let told = heatmaps(&columns, &sight, period, None, period.to, &shanghai()).remove(0);
        // In Shanghai every day has 1,440 minutes.
        for (place, cell) in told.cells.iter().enumerate() {
            let here = minutes_in.iter().filter(|(at, _)| (at / 30) % (7 * 48) == place as u64);
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
