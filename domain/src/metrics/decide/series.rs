//! Consecutive periods in the organisation's time zone: days, ISO weeks, months, quarters.

use jiff::ToSpan as _;
use jiff::civil::{Date, ISOWeekDate, Weekday, date};
use jiff::tz::TimeZone;

use super::super::model::{Interval, Period};
use crate::kernel::{Error, Result, Timestamp};

/// Periods of one series.
pub const SERIES_MAX: usize = 400;

/// The instants at which one period ends and the next begins, from the period's own beginning to its end: the first and
/// the last may be cut short.
pub fn edges(period: Period, interval: Interval, zone: &TimeZone) -> Result<Vec<Timestamp>> {
    let mut edges = vec![period.from];
    let mut day = begins(period.from.to_jiff().to_zoned_datetime(zone.clone()).date(), interval);
    loop {
        day = next(day, interval).map_err(|_| too_long())?;
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

/// The first day of the interval in which a day lies.
fn begins(day: Date, interval: Interval) -> Date {
    match interval {
        Interval::Day => day,
        Interval::Week => day.saturating_sub(i64::from(day.weekday().since(Weekday::Monday)).days()),
        Interval::Month => day.first_of_month(),
        Interval::Quarter => date(day.year(), (day.month() - 1) / 3 * 3 + 1, 1),
    }
}

fn next(day: Date, interval: Interval) -> std::result::Result<Date, jiff::Error> {
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
    let period = first.and_then(|first| whole(first, Interval::Month, zone));
    period.ok_or_else(|| Error::bad_input("month is written like 2026-10.", "month 的格式如 2026-10。"))
}

/// A quarter of the organisation, such as `2026-Q3`.
pub fn quarter(text: &str, zone: &TimeZone) -> Result<Period> {
    let wrong = || Error::bad_input("quarter is written like 2026-Q3.", "quarter 的格式如 2026-Q3。");
    let (year, number) = text.split_once("-Q").ok_or_else(wrong)?;
    let number = number.parse::<i8>().ok().filter(|number| (1..=4).contains(number)).ok_or_else(wrong)?;
    let year = year.parse::<i16>().ok().filter(|_| year.len() == 4).ok_or_else(wrong)?;
    let first = Date::new(year, number * 3 - 2, 1).map_err(|_| wrong())?;
    whole(first, Interval::Quarter, zone).ok_or_else(wrong)
}

/// An ISO week of the organisation, such as `2026-W47`.
pub fn week(text: &str, zone: &TimeZone) -> Result<Period> {
    let wrong = || Error::bad_input("week is written like 2026-W47.", "week 的格式如 2026-W47。");
    let (year, number) = text.split_once("-W").ok_or_else(wrong)?;
    let number = number.parse::<i8>().ok().filter(|_| number.len() == 2).ok_or_else(wrong)?;
    let year = year.parse::<i16>().ok().filter(|_| year.len() == 4).ok_or_else(wrong)?;
    let monday = ISOWeekDate::new(year, number, Weekday::Monday).map_err(|_| wrong())?;
    whole(monday.date(), Interval::Week, zone).ok_or_else(wrong)
}

/// From the first day of an interval to that of the next.
fn whole(first: Date, interval: Interval, zone: &TimeZone) -> Option<Period> {
    let at = |day: Date| {
        let at = day.to_zoned_datetime(zone.clone()).ok()?.timestamp();
        Some(Timestamp::from_millis(at.as_millisecond()))
    };
    Some(Period { from: at(first)?, to: at(next(first, interval).ok()?)? })
}

/// The interval in which an instant lies.
pub fn around(at: Timestamp, interval: Interval, zone: &TimeZone) -> Option<Period> {
    whole(begins(at.to_jiff().to_zoned_datetime(zone.clone()).date(), interval), interval, zone)
}

/// The interval before the one that begins so.
pub fn before(period: Period, interval: Interval, zone: &TimeZone) -> Option<Period> {
    around(Timestamp::from_millis(period.from.millis() - 1), interval, zone)
}

fn too_long() -> Error {
    Error::bad_input(
        format!("The period has more than {SERIES_MAX} intervals: choose a shorter period or a longer interval."),
        format!("该时间段超过 {SERIES_MAX} 个区间，请缩短时间段或选择更长的区间。"),
    )
}
