//! Times and numbers in a file.

use jiff::civil::{DateTime, Time};
use jiff::fmt::strtime;
use jiff::fmt::temporal::Pieces;
use jiff::tz::TimeZone;

use super::super::model::ImportMap;
use crate::kernel::{Message, Timestamp, days};
use crate::msg;

/// 1980-01-01. An earlier time is a missing one (1970-01-01, 1899-12-30) or a year of two digits.
const EARLIEST: Timestamp = Timestamp::from_millis(315_532_800_000);
/// How far the clock of a source may be ahead.
const AHEAD_DAYS_MAX: u64 = 1;

/// Why a time is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeFault {
    Malformed,
    /// Before 1980, or in the future.
    Implausible,
}

impl TimeFault {
    pub fn message(self, column: &str, text: &str) -> Message {
        match self {
            Self::Malformed => msg!("import-time-invalid", column = column, text = text),
            Self::Implausible => msg!("import-time-implausible", column = column, text = text),
        }
    }
}

/// Reads times by a map.
pub struct TimeReader {
    pub zone: TimeZone,
    pub now: Timestamp,
}

impl TimeReader {
    pub fn parse(&self, map: &ImportMap, text: &str) -> Result<Timestamp, TimeFault> {
        let mut fault = TimeFault::Malformed;
        let with_zone = || if map.ignore_zone { None } else { Timestamp::parse(text) };
        let readings = std::iter::once_with(with_zone)
            .chain(map.time_formats.iter().map(|format| self.by_format(map, format, text)))
            .chain(std::iter::once_with(|| self.without_zone(map, text)));
        for at in readings.flatten() {
            if EARLIEST <= at && at <= self.now + days(AHEAD_DAYS_MAX) {
                return Ok(at);
            }
            fault = TimeFault::Implausible;
        }
        Err(fault)
    }

    fn by_format(&self, map: &ImportMap, format: &str, text: &str) -> Option<Timestamp> {
        let parsed = strtime::parse(format, text).ok()?;
        if !map.ignore_zone
            && let Ok(at) = parsed.to_timestamp()
        {
            return Some(Timestamp::from_millis(at.as_millisecond()));
        }
        let civil = parsed.to_datetime().or_else(|_| parsed.to_date().map(|date| date.to_datetime(Time::midnight())));
        self.local(civil.ok()?)
    }

    /// ISO 8601 without a zone, or with one that the map ignores.
    fn without_zone(&self, map: &ImportMap, text: &str) -> Option<Timestamp> {
        let pieces = Pieces::parse(text).ok()?;
        let names_zone = pieces.offset().is_some() || pieces.time_zone_annotation().is_some();
        (map.ignore_zone || !names_zone)
            .then(|| self.local(pieces.date().to_datetime(pieces.time().unwrap_or(Time::midnight()))))?
    }

    fn local(&self, civil: DateTime) -> Option<Timestamp> {
        let at = civil.to_zoned_datetime(self.zone.clone()).ok()?.timestamp();
        Some(Timestamp::from_millis(at.as_millisecond()))
    }
}

/// A whole number, also as spreadsheets write it: `1.0`.
pub fn whole_number(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.bytes().all(|digit| digit == b'0') { whole.parse().ok() } else { None }
}

/// Whether a number was rounded by a spreadsheet, such as `1.23457E+15`: several ids look like this one.
pub fn is_rounded_number(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    exponent.strip_prefix('+').is_some_and(is_digits) && is_digits(&mantissa.replacen('.', "", 1))
}
