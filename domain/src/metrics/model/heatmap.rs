//! When help is asked for, and when it comes: weekday × half-hour.

use super::Key;
use crate::kernel::UserId;

pub const WEEKDAYS: usize = 7;
/// Half-hours of a day.
pub const SLOTS: usize = 48;

/// One half-hour of one weekday, of every week of the period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    pub arrivals: u32,
    pub answered_in_time: u32,
    /// Neither answered in time nor still to be.
    pub missed: u32,
    /// By nearest rank, in seconds; `None`: nobody has responded to any.
    pub median_first_response: Option<u32>,
}

/// Consecutive half-hours in which tickets came and none was answered in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// On which weekdays tickets came then: 0 is Monday.
    pub weekdays: Vec<usize>,
    pub from_slot: usize,
    /// Exclusive.
    pub to_slot: usize,
    pub arrivals: u32,
    /// The period is shorter than [`GAP_WEEKS`].
    pub small_sample: bool,
}

impl Gap {
    pub fn covers(&self, weekday: usize, slot: usize) -> bool {
        self.weekdays.contains(&weekday) && (self.from_slot..self.to_slot).contains(&slot)
    }
}

/// Slots with arrivals that make a gap.
pub const GAP_SLOTS: usize = 3;
/// Tickets in it.
pub const GAP_ARRIVALS: u32 = 10;
/// Weeks in which they came.
pub const GAP_WEEKS: usize = 3;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heatmap {
    /// The agent or team; `Key::None` for all, and for tickets that have none.
    pub key: Key,
    /// Monday's slots first.
    pub cells: Vec<Cell>,
    pub gaps: Vec<Gap>,
}

impl Heatmap {
    pub fn cell(&self, weekday: usize, slot: usize) -> Cell {
        self.cells[weekday * SLOTS + slot]
    }

    /// Tickets answered in time within the hours of a gap of somebody else's.
    pub fn answered_in_time(&self, gap: &Gap) -> u32 {
        let slots = |weekday: usize| (gap.from_slot..gap.to_slot).map(move |slot| (weekday, slot));
        let places = gap.weekdays.iter().flat_map(|weekday| slots(*weekday));
        places.map(|(weekday, slot)| self.cell(weekday, slot).answered_in_time).sum()
    }
}

/// What would close a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposal {
    /// A colleague answered so many tickets in time in these very hours: they could stand in.
    Delegate { to: UserId, answered_in_time: u32 },
    /// Nobody answers then: move a shift. So many are on duty then as it is.
    Shift { on_duty: usize },
}
