//! A calendar as an administrator writes it.

use std::sync::Arc;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::decide::hours::Calendar;
use crate::runtime::Shelf;

/// The calendar that is always open.
pub const AROUND_THE_CLOCK: &str = "24x7";
/// Mondays to Fridays, and China's public holidays.
pub const CHINA: &str = "CN";

/// Minutes of a day.
pub const DAY: u16 = 24 * 60;
/// Ranges of one day.
pub const RANGES_MAX: usize = 12;
/// Exceptions of one calendar: twenty years of public holidays.
pub const EXCEPTIONS_MAX: usize = 1_000;

/// Open from one minute of the day to another, half open. A range that ends behind midnight (up to 48:00) belongs to the
/// day on which it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Range {
    pub from: u16,
    pub to: u16,
}

/// Days that are not as their weekday says; of several the last one in the list counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    pub first: Date,
    pub last: Date,
    pub name: String,
    pub opens: Opens,
}

/// What an exception makes of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opens {
    /// Closed.
    Never,
    /// These ranges in place of the weekday's.
    At(Vec<Range>),
    /// The ranges of another weekday: a Sunday that is worked as a Monday (调休).
    As(#[serde(with = "weekday")] Weekday),
}

/// The hours of a calendar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// An IANA name.
    pub zone: String,
    /// Of Monday to Sunday.
    pub week: [Vec<Range>; 7],
    pub exceptions: Vec<Exception>,
}

/// A calendar's name and version; by it the hours never change.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CalendarRef {
    pub key: String,
    pub version: i32,
}

/// The organisation's own time: periods, delegations and quiet hours are read on its clock.
#[derive(Clone, Debug)]
pub struct Organisation {
    pub zone: TimeZone,
}

impl Default for Organisation {
    fn default() -> Self {
        Self { zone: TimeZone::UTC }
    }
}

#[derive(Clone, Debug)]
pub struct Saved {
    pub of: CalendarRef,
    pub name: String,
    pub name_zh: Option<String>,
    pub archived: bool,
    pub hours: Hours,
    /// Ready to be asked.
    pub calendar: Arc<Calendar>,
}

#[derive(Clone, Debug, Serialize)]
pub struct SaveCalendar {
    pub key: String,
    pub name: String,
    pub name_zh: Option<String>,
    pub archived: bool,
    pub hours: Hours,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum CalendarEvent {
    CalendarSaved { key: String, version: i32 },
}

/// Calendars in memory: versions never change, the list of the current ones does.
pub struct Calendars {
    pub(super) versions: Shelf<CalendarRef, Arc<Saved>>,
    pub(super) current: Shelf<(), Arc<Vec<Arc<Saved>>>>,
}

/// Versions kept in memory.
const VERSIONS_MAX: u64 = 1_000;

impl Default for Calendars {
    fn default() -> Self {
        Self { versions: Shelf::new(VERSIONS_MAX), current: Shelf::new(1) }
    }
}

impl Calendars {
    /// One was saved.
    pub fn forget(&self) {
        self.current.forget_all();
    }
}

/// As published: what a year's notice of the State Council says.
#[derive(Clone, Debug, Deserialize)]
pub struct PublishedYear {
    pub year: i16,
    pub title: String,
    pub url: String,
    pub exceptions: Vec<Exception>,
}

/// China's public holidays, years as far as they were published when this program was made.
pub fn china() -> Vec<PublishedYear> {
    serde_json::from_str(include_str!("china.json")).expect("china.json is well formed: a test reads it")
}

mod weekday {
    use jiff::civil::Weekday;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(day: &Weekday, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i8(day.to_monday_one_offset())
    }

    pub fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Weekday, D::Error> {
        let n = i8::deserialize(from)?;
        Weekday::from_monday_one_offset(n).map_err(serde::de::Error::custom)
    }
}
