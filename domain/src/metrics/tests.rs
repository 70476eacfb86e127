//! What counts as what, and how figures come together.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::tz::TimeZone;
use proptest::prelude::*;
use uuid::Uuid;

use super::decide::{Sight, behind, distribution, edges, figures, outcome};
use super::model::{
    BUCKETS, Columns, Dimension, Fact, Interval, Key, Metric, Outcome, PERCENTILES, Period, Place, Selection, Settings,
    Split, Stratum,
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
