//! Whether a gateway has been silent for unusually long at this hour.

use std::time::Duration;

use jiff::tz::TimeZone;

use crate::intake::model::Silence;
use crate::kernel::{Timestamp, days, minutes};

/// The usual gaps are taken from this period.
pub const SILENCE_LOOKBACK: Duration = days(28);
/// Gaps that began at the same hour of the day, at least; with fewer nothing is unusual.
const GAPS_MIN: usize = 20;
/// A shorter silence is never unusual.
const SILENCE_MIN: Duration = minutes(15);

/// `arrivals`: of the lookback period, oldest first. `None`: nothing has arrived.
pub fn silence(arrivals: &[Timestamp], now: Timestamp, zone: &TimeZone) -> Option<Silence> {
    let since = *arrivals.last()?;
    let hour = |at: Timestamp| zone.to_datetime(at.to_jiff()).hour();
    let start_hour = hour(since);
    let mut gaps: Vec<i64> = arrivals
        .windows(2)
        .filter(|pair| hour(pair[0]) == start_hour)
        .map(|pair| pair[1].seconds_since(pair[0]))
        .collect();
    gaps.sort_unstable();
    let rank = (gaps.len() * 99).div_ceil(100);
    let usual_secs = (gaps.len() >= GAPS_MIN).then(|| gaps[rank - 1]);
    let silent = now.seconds_since(since);
    let least = i64::try_from(SILENCE_MIN.as_secs()).unwrap_or(i64::MAX);
    let is_unusual = usual_secs.is_some_and(|usual| silent > usual.max(least));
    Some(Silence { since, usual_secs, is_unusual })
}
