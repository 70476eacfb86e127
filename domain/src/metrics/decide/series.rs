//! Consecutive periods in the organisation's time zone: days, ISO weeks, months, quarters.

use jiff::ToSpan as _;
use jiff::civil::{Date, ISOWeekDate, Weekday, date};
use jiff::tz::TimeZone;

use super::super::model::{Interval, Period};
use crate::kernel::{Error, Result, Timestamp};
use crate::msg;

/// The most periods of one series.
pub const SERIES_MAX: usize = 400;

/// The boundaries of the intervals in a period, including its own start and end: the first and the last interval may be
/// shorter.
pub fn edges(period: Period, interval: Interval, zone: &TimeZone) -> Result<Vec<Timestamp>> {
    let mut edges = vec![period.from];
    let mut day = interval_start(period.from.to_jiff().to_zoned_datetime(zone.clone()).date(), interval);
    loop {
        day = next_start(day, interval).map_err(|_| too_long())?;
        let at = day.to_zoned_datetime(zone.clone()).map_err(|_| too_long())?.timestamp();
        let at = Timestamp::from_millis(at.as_millisecond());
        if at >= period.to {
            edges.push(period.to);
            return Ok(edges);
        }
        if edges.len() >= SERIES_MAX {
            return Err(too_long());
        }
        edges.push(at);
    }
}

/// The first day of the interval that contains a day.
fn interval_start(day: Date, interval: Interval) -> Date {
    match interval {
        Interval::Day => day,
        Interval::Week => day.saturating_sub(i64::from(day.weekday().since(Weekday::Monday)).days()),
        Interval::Month => day.first_of_month(),
        Interval::Quarter => date(day.year(), (day.month() - 1) / 3 * 3 + 1, 1),
    }
}

fn next_start(day: Date, interval: Interval) -> std::result::Result<Date, jiff::Error> {
    match interval {
        Interval::Day => day.checked_add(1.day()),
        Interval::Week => day.checked_add(1.week()),
        Interval::Month => day.checked_add(1.month()),
        Interval::Quarter => day.checked_add(3.months()),
    }
}

/// A month of the organisation, such as `2026-10`.
pub fn month(text: &str, zone: &TimeZone) -> Result<Period> {
    let first = (text.len() == "2026-10".len()).then(|| format!("{text}-01").parse::<Date>().ok()).flatten();
    let period = first.and_then(|first| interval_from(first, Interval::Month, zone));
    period.ok_or_else(|| Error::bad_input(msg!("metrics-month-malformed")))
}

/// A quarter of the organisation, such as `2026-Q3`.
pub fn quarter(text: &str, zone: &TimeZone) -> Result<Period> {
    let invalid = || Error::bad_input(msg!("metrics-quarter-malformed"));
    let (year, number) = text.split_once("-Q").ok_or_else(invalid)?;
    let number = number.parse::<i8>().ok().filter(|number| (1..=4).contains(number)).ok_or_else(invalid)?;
    let year = year.parse::<i16>().ok().filter(|_| year.len() == 4).ok_or_else(invalid)?;
    let first = Date::new(year, number * 3 - 2, 1).map_err(|_| invalid())?;
    interval_from(first, Interval::Quarter, zone).ok_or_else(invalid)
}

/// An ISO week of the organisation, such as `2026-W47`.
pub fn week(text: &str, zone: &TimeZone) -> Result<Period> {
    let invalid = || Error::bad_input(msg!("metrics-week-malformed"));
    let (year, number) = text.split_once("-W").ok_or_else(invalid)?;
    let number = number.parse::<i8>().ok().filter(|_| number.len() == 2).ok_or_else(invalid)?;
    let year = year.parse::<i16>().ok().filter(|_| year.len() == 4).ok_or_else(invalid)?;
    let monday = ISOWeekDate::new(year, number, Weekday::Monday).map_err(|_| invalid())?;
    interval_from(monday.date(), Interval::Week, zone).ok_or_else(invalid)
}

/// The interval that begins on this day.
fn interval_from(first: Date, interval: Interval, zone: &TimeZone) -> Option<Period> {
    let at = |day: Date| {
        let at = day.to_zoned_datetime(zone.clone()).ok()?.timestamp();
        Some(Timestamp::from_millis(at.as_millisecond()))
    };
    Some(Period { from: at(first)?, to: at(next_start(first, interval).ok()?)? })
}

/// The interval that contains an instant.
pub fn interval_at(at: Timestamp, interval: Interval, zone: &TimeZone) -> Option<Period> {
    interval_from(interval_start(at.to_jiff().to_zoned_datetime(zone.clone()).date(), interval), interval, zone)
}

/// The interval before this one.
pub fn previous_interval(period: Period, interval: Interval, zone: &TimeZone) -> Option<Period> {
    interval_at(Timestamp::from_millis(period.from.millis() - 1), interval, zone)
}

fn too_long() -> Error {
    Error::bad_input(msg!("metrics-intervals-too-many", max = SERIES_MAX))
}
