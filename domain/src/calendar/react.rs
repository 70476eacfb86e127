//! Drops the cached list of calendars after a save.

use super::model::{CalendarCache, CalendarEvent};
use crate::runtime::{AnyEvent, App};

pub fn observe(app: &App, event: &AnyEvent) {
    if event.get::<CalendarEvent>().is_some() {
        app.state::<CalendarCache>().invalidate();
    }
}
