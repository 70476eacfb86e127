//! Calendars as administrators define them.

use std::sync::Arc;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::kernel::time;
use crate::runtime::app::States;
use crate::runtime::versioned::CurrentVersions;
use crate::runtime::{ConfigSection, LogEvent, LookupCache};
use uuid::Uuid;

/// The calendar that is always open.
pub const AROUND_THE_CLOCK: &str = "24x7";
/// Mondays to Fridays, and China's public holidays.
pub const CHINA: &str = "CN";

/// Minutes per day.
pub const DAY: u16 = 24 * 60;
/// Maximum number of ranges per day.
pub const RANGES_MAX: usize = 12;
/// Maximum number of exceptions per calendar, enough for twenty years of public holidays.
pub const EXCEPTIONS_MAX: usize = 1_000;

/// A half-open range of minutes of a day. A range that ends after midnight (up to 48:00) belongs to the day on which it
/// begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Range {
    pub from: u16,
    pub to: u16,
}

/// Days with other hours than their weekday. If several match, the last one in the list wins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    pub first: Date,
    pub last: Date,
    pub name: String,
    pub opens: ExceptionHours,
}

/// The hours of the days of an exception.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExceptionHours {
    #[serde(rename = "never")]
    Closed,
    /// These ranges instead of those of the weekday.
    #[serde(rename = "at")]
    Ranges(Vec<Range>),
    /// The ranges of another weekday, such as a Sunday that is worked as a Monday (调休).
    #[serde(rename = "as")]
    SameAs(#[serde(with = "weekday")] Weekday),
}

/// The hours of a calendar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// An IANA name.
    pub zone: String,
    /// Monday to Sunday.
    pub week: [Vec<Range>; 7],
    pub exceptions: Vec<Exception>,
}

/// A version of a calendar; its hours never change.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CalendarRef {
    pub key: String,
    pub version: i32,
}

/// Configuration: the section `org`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// An IANA name.
    pub time_zone: String,
}

impl ConfigSection for Settings {
    const NAME: &'static str = "org";

    fn validate(&self) -> Result<(), String> {
        let zone = &self.time_zone;
        time::zone(zone).map(drop).ok_or_else(|| {
            format!("org.time_zone: {zone:?} is no IANA time zone; write one such as Asia/Shanghai or Europe/Berlin")
        })
    }

    fn insert_into(&self, states: &mut States) {
        states.insert(self.organisation());
    }
}

impl Settings {
    pub fn organisation(&self) -> Organisation {
        Organisation { zone: time::zone(&self.time_zone).unwrap_or(TimeZone::UTC) }
    }
}

/// The time zone of the organisation, for periods, delegations and quiet hours.
#[derive(Clone, Debug)]
pub struct Organisation {
    pub zone: TimeZone,
}

/// Hours in computable form; [`super::decide::hours`] computes with it.
#[derive(Clone, Debug)]
pub struct Calendar {
    pub(super) zone: TimeZone,
    pub(super) week: [Vec<Range>; 7],
    pub(super) exceptions: Vec<Exception>,
    pub(super) always: bool,
}

#[derive(Clone, Debug)]
pub struct CalendarVersion {
    pub of: CalendarRef,
    pub name: String,
    pub name_zh: Option<String>,
    pub archived: bool,
    pub hours: Hours,
    /// The hours in computable form.
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

/// The cache of calendars. Versions never change; the list of current versions does.
pub struct CalendarCache {
    pub(super) versions: LookupCache<CalendarRef, Arc<CalendarVersion>>,
    pub(super) current: CurrentVersions<Arc<CalendarVersion>>,
}

/// Maximum number of cached versions.
const VERSIONS_MAX: u64 = 1_000;

impl Default for CalendarCache {
    fn default() -> Self {
        Self { versions: LookupCache::new(VERSIONS_MAX), current: CurrentVersions::default() }
    }
}

impl CalendarCache {
    /// Drops the list of current versions after a save.
    pub fn invalidate(&self) {
        self.current.invalidate();
    }
}

/// The public holidays of a year, as published by the State Council.
#[derive(Clone, Debug, Deserialize)]
pub struct PublishedYear {
    pub year: i16,
    pub title: String,
    pub url: String,
    pub exceptions: Vec<Exception>,
}

/// China's public holidays of all years that were published when this program was built.
pub fn china() -> Vec<PublishedYear> {
    serde_json::from_str(include_str!("china.json")).expect("china.json is valid: a test parses it")
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

impl LogEvent for CalendarEvent {
    const TAG: &'static str = "Calendar";

    fn kind(&self) -> &'static str {
        "CalendarSaved"
    }

    fn subject(&self) -> (&'static str, Uuid) {
        ("calendar", Uuid::nil())
    }
}
