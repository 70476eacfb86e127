//! Calendar (tier 1): when somebody works. A time zone, the ranges of every weekday (several a day, overnight ones too),
//! and an ordered list of exceptions that close a day or open one (调休).
//!
//! - [`decide::hours::Calendar::elapsed`] counts open time between two instants; [`decide::hours::Calendar::due`] is its
//!   inverse. Property tests tie them, across daylight saving and overnight shifts.
//! - A calendar is never edited, only saved anew: whatever runs by it names the version that it began with.
//! - China's public holidays ship as they were published, with their source; an administrator may edit them like any other.
//!
//! Events out: `CalendarSaved`. Events in: none.

pub mod commands;
pub mod decide;
pub mod model;
pub mod queries;
pub(crate) mod store;
#[cfg(test)]
mod tests;
