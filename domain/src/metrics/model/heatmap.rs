//! The response heat map: arrivals and answers by weekday and half-hour.

use super::Key;
use crate::kernel::UserId;

pub const WEEKDAYS: usize = 7;
/// Half-hours of a day.
pub const SLOTS: usize = 48;

/// One half-hour of a weekday, summed over all weeks of the period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    pub arrivals: u32,
    pub answered_in_time: u32,
    /// Not answered in time, and no longer pending.
    pub missed: u32,
    /// By nearest rank, in seconds; `None`: there was no response.
    pub median_first_response: Option<u32>,
}

/// Consecutive half-hours with arrivals in which no ticket was answered in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The weekdays with arrivals; 0 is Monday.
    pub weekdays: Vec<usize>,
    pub from_slot: usize,
    /// Exclusive.
    pub to_slot: usize,
    pub arrivals: u32,
    /// The period is shorter than the weeks that a gap needs.
    pub small_sample: bool,
}

impl Gap {
    pub fn covers(&self, weekday: usize, slot: usize) -> bool {
        self.weekdays.contains(&weekday) && (self.from_slot..self.to_slot).contains(&slot)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heatmap {
    /// The agent or team; `Key::None` for all, and for tickets without one.
    pub key: Key,
    /// Monday's slots first.
    pub cells: Vec<Cell>,
    pub gaps: Vec<Gap>,
}

impl Heatmap {
    pub fn cell(&self, weekday: usize, slot: usize) -> Cell {
        self.cells[weekday * SLOTS + slot]
    }

    /// Tickets answered in time within the hours of another's gap.
    pub fn answered_in_time(&self, gap: &Gap) -> u32 {
        let slots_of = |weekday: usize| (gap.from_slot..gap.to_slot).map(move |slot| (weekday, slot));
        let slots = gap.weekdays.iter().flat_map(|weekday| slots_of(*weekday));
        slots.map(|(weekday, slot)| self.cell(weekday, slot).answered_in_time).sum()
    }
}

/// A proposal to close a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposal {
    /// A colleague who answered this many tickets in time within the hours of the gap could be the delegate.
    Delegate { to: UserId, answered_in_time: u32 },
    /// No colleague answers at that time: move a shift. `on_duty` people work then.
    Shift { on_duty: usize },
}
