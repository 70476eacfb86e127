//! Calendar (tier 1): business hours. A time zone, the ranges of every weekday (several per day, also overnight), and an
//! ordered list of exceptions that close or open a day (调休).
//!
//! - [`model::Calendar::elapsed`] counts open time between two instants; [`model::Calendar::due`] is its
//!   inverse. Property tests tie them, across daylight saving and overnight shifts.
//! - A version of a calendar never changes; saving creates a new one. Running clocks keep the version that they started with.
//! - China's public holidays are included as published, with their source; an administrator may edit them.
//!
//! Events out: `CalendarSaved`. Events in: none.

pub mod commands;
pub mod decide;
pub mod model;
pub mod queries;
pub mod react;
pub(crate) mod store;
#[cfg(test)]
mod tests;

use crate::runtime::{EventType, Module};

pub const MODULE: Module = Module {
    events: &[EventType::of::<model::CalendarEvent>()],
    observe: Some(react::observe),
    states: Some(|states| states.insert(model::CalendarCache::default())),
    start: Some(commands::seed),
    ..Module::new("calendar")
};
