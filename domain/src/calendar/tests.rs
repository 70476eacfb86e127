use std::time::Duration;

use jiff::civil::date;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::decide::check;
use super::model::{Calendar, DAY, Exception, ExceptionHours, Hours, Range, china};
use crate::kernel::{Code, Timestamp, days, hours, minutes};

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn range(from: u16, to: u16) -> Range {
    Range { from: from * 60, to: to * 60 }
}

fn week(workday: &[Range]) -> [Vec<Range>; 7] {
    std::array::from_fn(|day| if day < 5 { workday.to_vec() } else { Vec::new() })
}

fn calendar(zone: &str, week: [Vec<Range>; 7], exceptions: Vec<Exception>) -> Calendar {
    let hours = Hours { zone: zone.to_owned(), week, exceptions };
    let zone = check(&hours).unwrap();
    Calendar::new(hours, zone)
}

/// Mondays to Fridays 9–12 and 13–18, with the published holidays.
fn china_office() -> Calendar {
    let exceptions = china().into_iter().flat_map(|year| year.exceptions).collect();
    calendar("Asia/Shanghai", week(&[range(9, 12), range(13, 18)]), exceptions)
}

#[track_caller]
fn open(calendar: &Calendar, from: &str, to: &str, expected: Duration) {
    assert_eq!(calendar.elapsed(at(from), at(to)), expected, "{from} .. {to}");
}

#[test]
fn only_open_time_counts() {
    let office = china_office();
    // A Thursday: the break at noon does not count.
    open(&office, "2026-03-05T11:30:00+08:00", "2026-03-05T13:30:00+08:00", hours(1));
    // Over the weekend.
    open(&office, "2026-03-06T17:00:00+08:00", "2026-03-09T10:00:00+08:00", hours(2));
    assert_eq!(office.due(at("2026-03-06T17:00:00+08:00"), hours(2)), Some(at("2026-03-09T10:00:00+08:00")));
    // A due time at the end of a range is not moved to the start of the next one.
    assert_eq!(office.due(at("2026-03-06T17:00:00+08:00"), hours(1)), Some(at("2026-03-06T18:00:00+08:00")));
}

#[test]
fn published_holidays_close_and_days_in_lieu_open() {
    let office = china_office();
    for (day, worked) in [
        ("2026-02-13", 8), // Friday
        ("2026-02-14", 8), // a Saturday, worked for the Spring Festival
        ("2026-02-15", 0),
        ("2026-02-18", 0), // a Wednesday
        ("2026-02-23", 0), // a Monday
        ("2026-02-24", 8),
        ("2026-02-28", 8), // a Saturday, worked
        ("2026-10-01", 0),
        ("2026-10-08", 8),
        ("2026-10-10", 8), // a Saturday, worked
        ("2025-10-08", 0), // a Wednesday
        ("2025-10-11", 8), // a Saturday, worked
    ] {
        let midnight = at(&format!("{day}T00:00:00+08:00"));
        assert_eq!(office.elapsed(midnight, midnight + days(1)), hours(worked), "{day}");
    }
    let spring = at("2026-02-14T17:00:00+08:00");
    assert_eq!(office.due(spring, hours(2)), Some(at("2026-02-24T10:00:00+08:00")));
}

/// Compares the number of days off and of days worked in lieu with the notice of each year.
#[test]
fn published_years_are_complete() {
    let years = china();
    for (year, off, worked) in [(2025, 1 + 8 + 3 + 5 + 3 + 8, 5), (2026, 3 + 9 + 3 + 5 + 3 + 3 + 7, 6)] {
        let year = years.iter().find(|of| of.year == year).unwrap();
        let length = |exception: &Exception| (exception.last - exception.first).get_days() + 1;
        let days_off: i32 = year.exceptions.iter().filter(|e| e.opens == ExceptionHours::Closed).map(length).sum();
        let in_lieu: Vec<_> = year.exceptions.iter().filter(|e| e.opens != ExceptionHours::Closed).collect();
        assert_eq!((days_off, in_lieu.len()), (off, worked), "{}", year.year);
        for day in in_lieu {
            assert!(day.first == day.last && day.first.weekday().to_monday_one_offset() >= 6, "{day:?} is a weekend");
        }
        assert!(year.exceptions.iter().all(|e| e.first.year() == year.year && e.last.year() == year.year));
        assert!(year.url.starts_with("https://"));
    }
}

#[test]
fn a_night_shift_belongs_to_the_day_on_which_it_begins() {
    let closed = Exception {
        first: date(2026, 3, 4),
        last: date(2026, 3, 4),
        name: "stock-taking".to_owned(),
        opens: ExceptionHours::Closed,
    };
    let night = calendar("Asia/Shanghai", week(&[range(22, 30)]), vec![closed]);
    open(&night, "2026-03-02T00:00:00+08:00", "2026-03-03T12:00:00+08:00", hours(8));
    // The shift of Tuesday ends on the closed Wednesday, which has no shift of its own.
    open(&night, "2026-03-04T00:00:00+08:00", "2026-03-05T12:00:00+08:00", hours(6));
    assert!(night.is_open(at("2026-03-07T05:59:59+08:00")), "Friday's night ends on Saturday morning");
    assert!(!night.is_open(at("2026-03-07T06:00:00+08:00")));
}

#[test]
fn overlapping_shifts_count_once() {
    let mut days = week(&[range(8, 12), range(20, 34)]);
    days[5] = vec![range(8, 12)];
    let calendar = calendar("UTC", days, Vec::new());
    // Monday 20:00 to Tuesday 12:00 without a break: the night until 10:00, the morning from 8:00.
    open(&calendar, "2026-03-02T20:00:00Z", "2026-03-03T12:00:00Z", hours(16));
    assert_eq!(calendar.next_change(at("2026-03-02T20:00:00Z")), Some(at("2026-03-03T12:00:00Z")));
    assert_eq!(calendar.next_change(at("2026-03-03T12:00:00Z")), Some(at("2026-03-03T20:00:00Z")));
}

#[test]
fn the_last_matching_exception_wins() {
    let exception = |first, last, opens| Exception { first, last, name: "x".to_owned(), opens };
    let exceptions = vec![
        exception(date(2026, 3, 2), date(2026, 3, 6), ExceptionHours::Closed),
        exception(date(2026, 3, 4), date(2026, 3, 4), ExceptionHours::Ranges(vec![range(10, 11)])),
    ];
    let calendar = calendar("UTC", week(&[range(9, 17)]), exceptions);
    open(&calendar, "2026-03-02T00:00:00Z", "2026-03-07T00:00:00Z", hours(1));
}

#[test]
fn daylight_saving_changes_the_length_of_a_night_shift() {
    let night = calendar("Europe/Berlin", std::array::from_fn(|_| vec![range(0, 6)]), Vec::new());
    open(&night, "2026-03-28T00:00:00+01:00", "2026-03-29T00:00:00+01:00", hours(6));
    // 2026-03-29: 02:00 to 03:00 is left out; 2026-10-25: it comes twice.
    open(&night, "2026-03-29T00:00:00+01:00", "2026-03-29T12:00:00+02:00", hours(5));
    open(&night, "2026-10-25T00:00:00+02:00", "2026-10-25T12:00:00+01:00", hours(7));
    // A range inside the skipped hour has no length.
    let left_out = calendar("Europe/Berlin", std::array::from_fn(|_| vec![Range { from: 135, to: 165 }]), Vec::new());
    open(&left_out, "2026-03-29T00:00:00+01:00", "2026-03-29T12:00:00+02:00", Duration::ZERO);
    open(&left_out, "2026-03-28T00:00:00+01:00", "2026-03-28T12:00:00+01:00", minutes(30));
}

#[test]
fn a_calendar_that_never_opens_has_no_due_time() {
    let closed = calendar("UTC", std::array::from_fn(|_| Vec::new()), Vec::new());
    assert_eq!(closed.due(at("2026-03-02T00:00:00Z"), minutes(1)), None);
    assert_eq!(closed.elapsed(at("2026-03-02T00:00:00Z"), at("2026-04-02T00:00:00Z")), Duration::ZERO);
    assert_eq!(closed.next_change(at("2026-03-02T00:00:00Z")), None);
}

#[test]
fn invalid_hours_are_refused() {
    let good = Hours { zone: "UTC".to_owned(), week: week(&[range(9, 17)]), exceptions: Vec::new() };
    for (bad, field) in [
        (Hours { zone: "Mars/Base".to_owned(), ..good.clone() }, "timeZone"),
        (Hours { week: week(&[range(9, 9)]), ..good.clone() }, "week"),
        (Hours { week: week(&[range(9, 12), range(11, 13)]), ..good.clone() }, "week"),
        (Hours { week: week(&[range(13, 14), range(9, 12)]), ..good.clone() }, "week"),
        (Hours { week: week(&[Range { from: 0, to: 2 * DAY + 1 }]), ..good.clone() }, "week"),
        (Hours { week: week(&[Range { from: DAY, to: DAY + 1 }]), ..good }, "week"),
    ] {
        let refusal = check(&bad).unwrap_err();
        assert_eq!((refusal.code, refusal.field.join(".")), (Code::Invalid, field.to_owned()), "{bad:?}");
    }
}

const ZONES: [&str; 5] = ["UTC", "Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"];

fn any_calendar() -> impl Strategy<Value = Calendar> {
    let ranges = prop::collection::vec(0_u16..2 * DAY, 0..6).prop_map(|mut edges| {
        edges.sort_unstable();
        edges.dedup();
        let pairs = edges.chunks_exact(2).map(|pair| Range { from: pair[0], to: pair[1] });
        pairs.filter(|range| range.from < DAY).collect::<Vec<_>>()
    });
    let week = prop::collection::vec(ranges.clone(), 7);
    let opens = prop_oneof![
        Just(ExceptionHours::Closed),
        ranges.prop_map(ExceptionHours::Ranges),
        Just(ExceptionHours::SameAs(jiff::civil::Weekday::Monday)),
    ];
    let exception = (0_i64..400, 0_i64..4, opens).prop_map(|(first, length, opens)| {
        let first = date(2026, 1, 1).checked_add(jiff::Span::new().days(first)).unwrap();
        let last = first.checked_add(jiff::Span::new().days(length)).unwrap();
        Exception { first, last, name: "x".to_owned(), opens }
    });
    (prop::sample::select(&ZONES), week, prop::collection::vec(exception, 0..8))
        .prop_map(|(zone, week, exceptions)| calendar(zone, week.try_into().unwrap(), exceptions))
}

/// An instant of 2026, to the second.
fn any_instant() -> impl Strategy<Value = Timestamp> {
    (0_u64..365 * 86_400).prop_map(|second| at("2026-01-01T00:00:00Z") + Duration::from_secs(second))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn due_is_the_inverse_of_elapsed(calendar in any_calendar(), from in any_instant(), secs in 1_u64..400_000) {
        let after = Duration::from_secs(secs);
        if let Some(due) = calendar.due(from, after) {
            prop_assert_eq!(calendar.elapsed(from, due), after);
            let before = due - Duration::from_millis(1);
            prop_assert!(calendar.elapsed(from, before) < after, "no earlier instant would do");
        } else {
            prop_assert!(calendar.elapsed(from, from + days(365)) < after);
        }
    }

    #[test]
    fn elapsed_adds_up(calendar in any_calendar(), a in any_instant(), b in any_instant(), c in any_instant()) {
        let mut at = [a, b, c];
        at.sort();
        let [a, b, c] = at;
        prop_assert_eq!(calendar.elapsed(a, c), calendar.elapsed(a, b) + calendar.elapsed(b, c));
        prop_assert!(calendar.elapsed(a, c) <= Duration::from_millis(u64::try_from(c.millis() - a.millis()).unwrap()));
    }

    /// Compares with a count minute by minute in local time.
    #[test]
    fn elapsed_equals_the_number_of_open_minutes(calendar in any_calendar(), from in any_instant()) {
        let from = Timestamp::from_millis(from.millis() / 60_000 * 60_000);
        let minutes_of_two_days = (0..2 * 24 * 60).map(|n| from + minutes(n));
        let counted = minutes_of_two_days.filter(|minute| calendar.is_open(*minute)).count();
        prop_assert_eq!(calendar.elapsed(from, from + days(2)), minutes(counted as u64));
    }
}

#[test]
fn around_the_clock_is_plain_time() {
    let always = Calendar::around_the_clock();
    let (from, to) = (at("2026-03-29T00:00:00Z"), at("2026-03-30T00:00:00Z"));
    assert_eq!(always.elapsed(from, to), days(1));
    assert_eq!(always.due(from, hours(3)), Some(from + hours(3)));
    assert_eq!(always.zone(), &TimeZone::UTC);
}
