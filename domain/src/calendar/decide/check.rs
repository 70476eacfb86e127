//! Which hours are hours.

use jiff::tz::TimeZone;

use crate::calendar::model::{DAY, EXCEPTIONS_MAX, Hours, Opens, RANGES_MAX, Range};
use crate::kernel::text::{NAME_CHARS_MAX, line};
use crate::kernel::time::zone;
use crate::kernel::{Code, Refusal, refuse};

/// The zone of hours that can be used.
pub fn check(hours: &Hours) -> Result<TimeZone, Refusal> {
    let Hours { zone: name, week, exceptions } = hours;
    let zone = zone(name).ok_or_else(|| {
        refuse(
            Code::Invalid,
            "timeZone",
            "timeZone is no IANA time zone: write one such as Asia/Shanghai or Europe/Berlin.",
            "timeZone 不是有效的 IANA 时区，请填写如 Asia/Shanghai。",
        )
    })?;
    for day in week {
        check_ranges("week", day)?;
    }
    if exceptions.len() > EXCEPTIONS_MAX {
        return Err(refuse(
            Code::LimitExceeded,
            "exceptions",
            format!("At most {EXCEPTIONS_MAX} exceptions: take out those of past years."),
            format!("最多 {EXCEPTIONS_MAX} 条例外，请删除往年的。"),
        ));
    }
    for exception in exceptions {
        line("exceptions.name", &exception.name, NAME_CHARS_MAX)?;
        if exception.last < exception.first {
            return Err(refuse(
                Code::Invalid,
                "exceptions.lastDay",
                format!("{} ends before it begins: lastDay is the last of its days.", exception.name),
                format!("“{}”的结束日早于开始日。", exception.name),
            ));
        }
        match &exception.opens {
            Opens::At(ranges) => check_ranges("exceptions.ranges", ranges)?,
            Opens::Never | Opens::As(_) => {}
        }
    }
    Ok(zone)
}

/// In order, none inside another, none empty; only the last may run past midnight.
fn check_ranges(field: &str, ranges: &[Range]) -> Result<(), Refusal> {
    let ordered = ranges.windows(2).all(|pair| pair[0].to <= pair[1].from);
    let each = ranges.iter().all(|range| range.from < range.to && range.from < DAY && range.to <= 2 * DAY);
    if ordered && each && ranges.len() <= RANGES_MAX {
        return Ok(());
    }
    Err(refuse(
        Code::Invalid,
        field,
        format!(
            "{field}: at most {RANGES_MAX} ranges a day, in order, none overlapping; fromMinute 0 to 1439, toMinute behind it \
             and at most 2880 (a night shift from 22:00 to 06:00 is 1320 to 1800)."
        ),
        format!(
            "{field}：每天最多 {RANGES_MAX} 段，按时间先后排列且不重叠；fromMinute 为 0–1439，toMinute 须晚于它且不超过 2880（22:00 至次日 06:00 的夜班写作 1320 至 1800）。"
        ),
    ))
}
