//! Validation of hours.

use jiff::tz::TimeZone;

use crate::calendar::model::{DAY, EXCEPTIONS_MAX, ExceptionHours, Hours, RANGES_MAX, Range};
use crate::kernel::text::{NAME_CHARS_MAX, line};
use crate::kernel::time::zone;
use crate::kernel::{Code, Refusal, refuse};
use crate::msg;

/// Validates hours; returns their time zone.
pub fn check(hours: &Hours) -> Result<TimeZone, Refusal> {
    let Hours { zone: name, week, exceptions } = hours;
    let zone = zone(name).ok_or_else(|| refuse(Code::Invalid, "timeZone", msg!("calendar-time-zone-unknown")))?;
    for day in week {
        check_ranges("week", day)?;
    }
    if exceptions.len() > EXCEPTIONS_MAX {
        return Err(refuse(
            Code::LimitExceeded,
            "exceptions",
            msg!("calendar-exceptions-too-many", max = EXCEPTIONS_MAX),
        ));
    }
    for exception in exceptions {
        line("exceptions.name", &exception.name, NAME_CHARS_MAX)?;
        if exception.last < exception.first {
            return Err(refuse(
                Code::Invalid,
                "exceptions.lastDay",
                msg!("calendar-exception-ends-early", name = exception.name),
            ));
        }
        match &exception.opens {
            ExceptionHours::Ranges(ranges) => check_ranges("exceptions.ranges", ranges)?,
            ExceptionHours::Closed | ExceptionHours::SameAs(_) => {}
        }
    }
    Ok(zone)
}

/// Ranges must be in order, not empty and not overlapping; only the last may end after midnight.
fn check_ranges(field: &str, ranges: &[Range]) -> Result<(), Refusal> {
    let ordered = ranges.windows(2).all(|pair| pair[0].to <= pair[1].from);
    let each = ranges.iter().all(|range| range.from < range.to && range.from < DAY && range.to <= 2 * DAY);
    if ordered && each && ranges.len() <= RANGES_MAX {
        return Ok(());
    }
    Err(refuse(Code::Invalid, field, msg!("calendar-ranges-invalid", field = field, max = RANGES_MAX)))
}
