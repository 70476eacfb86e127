use std::collections::HashSet;

use uuid::Uuid;

use super::decide::{causes, change, final_at, median, outcome, reuse, steps, survey_outcome, top_causes};
use super::model::{Cause, Fact, Figure, SolutionReuse, SurveyFact};
use crate::kernel::{TicketId, Timestamp, days, hours};
use crate::knowledge::model::Source;
use crate::metrics::decide::{month, previous_interval, quarter, week};
use crate::metrics::model::{Interval, Outcome, Period, Tally};
use crate::tickets::model::{FaultType, RootCauseLevel};

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn period(from: &str, to: &str) -> Period {
    Period { from: at(from), to: at(to) }
}

#[test]
fn periods_begin_in_the_organisations_zone() {
    let zone = jiff::tz::TimeZone::get("Asia/Shanghai").unwrap();
    let q3 = period("2026-07-01T00:00:00+08:00", "2026-10-01T00:00:00+08:00");
    assert_eq!(quarter("2026-Q3", &zone).unwrap(), q3);
    let q2 = period("2026-04-01T00:00:00+08:00", "2026-07-01T00:00:00+08:00");
    assert_eq!(previous_interval(q3, Interval::Quarter, &zone), Some(q2));
    let q1 = quarter("2026-Q1", &zone).unwrap();
    assert_eq!(previous_interval(q1, Interval::Quarter, &zone), quarter("2025-Q4", &zone).ok());
    assert_eq!(month("2026-02", &zone).unwrap(), period("2026-02-01T00:00:00+08:00", "2026-03-01T00:00:00+08:00"));
    // ISO 8601: week 1 contains the year's first Thursday; 2020 had 53 weeks.
    assert_eq!(week("2026-W01", &zone).unwrap(), period("2025-12-29T00:00:00+08:00", "2026-01-05T00:00:00+08:00"));
    assert_eq!(week("2020-W53", &zone).unwrap(), period("2020-12-28T00:00:00+08:00", "2021-01-04T00:00:00+08:00"));
    for invalid in ["2025-W53", "2026-W1", "2026-47", "W47", "26-W07", "", "2026-W-1"] {
        assert!(week(invalid, &zone).is_err(), "{invalid}");
    }
    for invalid in ["2026-Q0", "2026-Q5", "2026-3", "2026-Q", "26-Q1"] {
        assert!(quarter(invalid, &zone).is_err(), "{invalid}");
    }
    for invalid in ["2026-13", "2026-1", "2026", "2026-00"] {
        assert!(month(invalid, &zone).is_err(), "{invalid}");
    }
}

fn fact(n: u128, cause: Option<(FaultType, RootCauseLevel)>) -> Fact {
    let resolved_at = at("2026-03-02T00:00:00Z");
    let cause = cause.map(|(fault_type, root_cause_level)| Cause {
        fault_type,
        root_cause_level,
        cause_tag: None,
        product: None,
    });
    let ticket = TicketId(Uuid::from_u128(n));
    Fact { ticket, created_at: resolved_at, resolved_at, cause, cites: false, recurred_at: None }
}

#[test]
fn the_top_causes_are_ordered_by_count_then_by_name() {
    use FaultType::{Configuration, Hardware, Operation, Software};
    use RootCauseLevel::{L1UserError, L2Environment, L3DesignDefect};
    let all = [
        Some((Software, L3DesignDefect)),
        Some((Software, L3DesignDefect)),
        Some((Operation, L1UserError)),
        Some((Hardware, L2Environment)),
        Some((Configuration, L2Environment)),
        None,
    ];
    let facts: Vec<Fact> = (0..).zip(all).map(|(n, cause)| fact(n, cause)).collect();
    let found = causes(&facts);
    assert_eq!(found.iter().map(|of| of.count).collect::<Vec<_>>(), [2, 1, 1, 1]);
    let top = top_causes(&found, 3);
    let now = at("2026-03-03T00:00:00Z");
    let met: Vec<_> =
        facts.iter().map(|fact| outcome(Figure::RootCauseConvergence, fact, &top, days(30), now)).collect();
    let (yes, no) = (Some(Outcome::Met), Some(Outcome::Missed));
    assert_eq!(met, [yes, yes, no, yes, yes, None], "unattributed tickets are in neither number");
}

#[test]
fn a_recurrence_counts_after_thirty_days_whether_it_came_or_not() {
    let mut of = fact(1, Some((FaultType::Hardware, RootCauseLevel::L2Environment)));
    let none = HashSet::new();
    let seen = |of: &Fact, after: u64| outcome(Figure::Recurrence, of, &none, days(30), of.resolved_at + hours(after));
    let (pending, missed) = (Some(Outcome::Pending), Some(Outcome::Missed));
    assert_eq!((seen(&of, 1), seen(&of, 720), seen(&of, 721)), (pending, pending, missed));
    of.recurred_at = Some(of.resolved_at + hours(1));
    assert_eq!((seen(&of, 2), seen(&of, 720)), (Some(Outcome::PendingFailed), Some(Outcome::PendingFailed)));
    of.recurred_at = Some(of.resolved_at + days(30));
    assert_eq!(seen(&of, 721), Some(Outcome::Met));
    of.recurred_at = Some(of.resolved_at + days(31));
    assert_eq!(seen(&of, 800), Some(Outcome::Missed));
    assert_eq!(outcome(Figure::Recurrence, &fact(2, None), &none, days(30), of.resolved_at), None);
}

#[test]
fn a_survey_counts_once_its_link_has_expired_whether_it_was_answered_or_not() {
    let sent_at = at("2026-03-02T00:00:00Z");
    let survey = |answered: bool| SurveyFact {
        ticket: TicketId(Uuid::from_u128(1)),
        requested_at: Some(sent_at),
        score: answered.then_some(5),
        answered,
    };
    let unrequested = SurveyFact { requested_at: None, ..survey(true) };
    for (figure, survey, after_days, expected) in [
        (Figure::ResponseRate, survey(true), 1, Some(Outcome::Pending)),
        (Figure::ResponseRate, survey(false), 30, Some(Outcome::Pending)),
        (Figure::ResponseRate, survey(true), 31, Some(Outcome::Met)),
        (Figure::ResponseRate, survey(false), 31, Some(Outcome::Missed)),
        (Figure::ResponseRate, unrequested.clone(), 31, None),
        // A rating has no window: the month in which it was given counts.
        (Figure::Csat, unrequested, 1, Some(Outcome::Met)),
        (Figure::Csat, survey(false), 31, None),
        (Figure::LinkRate, survey(true), 31, None),
    ] {
        let actual = survey_outcome(figure, &survey, sent_at + days(after_days));
        assert_eq!(actual, expected, "{figure:?} {survey:?} {after_days}");
    }
}

#[test]
fn a_month_is_final_once_its_last_window_is_over() {
    let march = period("2026-03-01T00:00:00+08:00", "2026-04-01T00:00:00+08:00");
    assert_eq!(final_at(march, days(45)), march.to + days(45), "of the recurrence rate");
    assert_eq!(final_at(march, days(1)), march.to + days(30), "of the last survey's link");
}

#[test]
fn three_citing_tickets_make_a_solution_reused() {
    let solution = |n: u128, citing| SolutionReuse { source: Source::Case(TicketId(Uuid::from_u128(n))), citing };
    let tally = Tally { met: 2, missed: 1, ..Tally::default() };
    assert_eq!(reuse(&[solution(1, 3), solution(2, 2), solution(3, 10)], 3), tally);
    assert_eq!(reuse(&[], 3).value(), None);
}

#[test]
fn a_change_is_relative_to_the_previous_share() {
    let share = |met, missed| Tally { met, missed, ..Tally::default() };
    assert_eq!(change(share(17, 83), share(20, 80)).map(|change| (change * 1000.0).round()), Some(-150.0));
    assert_eq!(change(share(1, 9), share(0, 10)), None, "no previous share");
    assert_eq!(change(share(0, 0), share(1, 1)), None);
}

#[test]
fn a_solution_is_split_into_steps() {
    let steps_of = |text: &str| steps(text);
    assert_eq!(steps_of("1. 断电\n2. 更换 3.3V 电源\n\n- 上电"), ["断电", "更换 3.3V 电源", "上电"]);
    assert_eq!(steps_of("先断电。再更换端子；上电检查"), ["先断电。", "再更换端子；", "上电检查"]);
    assert_eq!(steps_of("Set v2.1 on the router. Restart it."), ["Set v2.1 on the router.", "Restart it."]);
    assert_eq!(steps_of("3.3V 电源更换"), ["3.3V 电源更换"]);
    assert_eq!(steps_of("  "), Vec::<String>::new());
    assert_eq!((median(vec![]), median(vec![5, 1]), median(vec![9, 1, 5])), (None, Some(1), Some(5)));
}
