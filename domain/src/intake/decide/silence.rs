//! Whether a gateway is quieter than it ever is at this hour.

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::intake::model::Silence;
use crate::kernel::{Timestamp, days, minutes};

/// What is usual is learned from so many days,
pub const LEARNED_FROM: Duration = days(28);
/// and from so many gaps that began at the same hour of the day.
const GAPS_MIN: usize = 20;
/// Nobody is alarmed by less.
const SILENT_AT_LEAST: Duration = minutes(15);

/// `arrivals`: of the last days, oldest first. `None`: nothing has ever come.
pub fn silence(arrivals: &[Timestamp], now: Timestamp, zone: &TimeZone) -> Option<Silence> {
    let since = *arrivals.last()?;
    let hour = |at: Timestamp| zone.to_datetime(at.to_jiff()).hour();
    let begins_at = hour(since);
    let mut gaps: Vec<i64> = arrivals
        .windows(2)
        .filter(|pair| hour(pair[0]) == begins_at)
        .map(|pair| pair[1].seconds_since(pair[0]))
        .collect();
    gaps.sort_unstable();
    let rank = (gaps.len() * 99).div_ceil(100);
    let usual_secs = (gaps.len() >= GAPS_MIN).then(|| gaps[rank - 1]);
    let silent = now.seconds_since(since);
    let least = i64::try_from(SILENT_AT_LEAST.as_secs()).unwrap_or(i64::MAX);
    let is_unusual = usual_secs.is_some_and(|usual| silent > usual.max(least));
    Some(Silence { since, usual_secs, is_unusual })
}
