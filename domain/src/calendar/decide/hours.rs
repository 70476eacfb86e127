//! Open time: how much of it lies between two instants, and when so much of it has passed.

use std::time::Duration;

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, ToSpan as _};

use crate::calendar::model::{DAY, Exception, Hours, Opens, Range};
use crate::kernel::Timestamp;

/// Days that are looked through for open time: a calendar that is closed for longer has no due time.
const LOOK_AHEAD_DAYS: usize = 5 * 366;

/// Hours that can be asked.
#[derive(Clone, Debug)]
pub struct Calendar {
    zone: TimeZone,
    week: [Vec<Range>; 7],
    exceptions: Vec<Exception>,
    always: bool,
}

/// Open from one instant to another, half open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Calendar {
    /// `hours` are checked ([`super::check`]), and so is the name of their zone.
    pub fn new(hours: Hours, zone: TimeZone) -> Self {
        let Hours { zone: _, week, exceptions } = hours;
        let whole = [Range { from: 0, to: DAY }];
        let always = exceptions.is_empty() && week.iter().all(|day| *day == whole);
        Self { zone, week, exceptions, always }
    }

    /// Always open.
    pub fn around_the_clock() -> Self {
        let week = std::array::from_fn(|_| vec![Range { from: 0, to: DAY }]);
        Self { zone: TimeZone::UTC, week, exceptions: Vec::new(), always: true }
    }

    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// Open time in `[from, to)`.
    pub fn elapsed(&self, from: Timestamp, to: Timestamp) -> Duration {
        if from >= to {
            return Duration::ZERO;
        }
        if self.always {
            return between(from, to);
        }
        self.spans(from)
            .take_while(|open| open.from < to)
            .map(|open| between(open.from, open.to.min(to)))
            .fold(Duration::ZERO, Duration::saturating_add)
    }

    /// The first instant by which so much open time has passed since `from`; `None` where none of the next years has it.
    pub fn due(&self, from: Timestamp, after: Duration) -> Option<Timestamp> {
        if after.is_zero() {
            return Some(from);
        }
        if self.always {
            return Some(from + after);
        }
        let mut left = after;
        for open in self.spans(from) {
            let here = between(open.from, open.to);
            if left <= here {
                return Some(open.from + left);
            }
            left -= here;
        }
        None
    }

    pub fn is_open(&self, at: Timestamp) -> bool {
        self.always || self.spans(at).next().is_some_and(|open| open.from <= at)
    }

    /// When it next opens or closes; `None` where it does neither in the next years.
    pub fn next_change(&self, after: Timestamp) -> Option<Timestamp> {
        if self.always {
            return None;
        }
        let open = self.spans(after).next()?;
        Some(if open.from > after { open.from } else { open.to })
    }

    /// Open spans from an instant on, in their order, none touching another; the first begins at `from` at the earliest.
    pub fn spans(&self, from: Timestamp) -> impl Iterator<Item = Open> + use<'_> {
        let mut pieces = self.pieces(from).filter(move |open| open.to > from).peekable();
        std::iter::from_fn(move || {
            let mut span = pieces.next()?;
            span.from = span.from.max(from);
            // What touches or overlaps (a night that runs into the next morning) is one span.
            while let Some(next) = pieces.next_if(|next| next.from <= span.to) {
                span.to = span.to.max(next.to);
            }
            Some(span)
        })
    }

    /// Ranges as they stand on their days, from two days before (what began there may still be open).
    fn pieces(&self, from: Timestamp) -> impl Iterator<Item = Open> + use<'_> {
        let today = self.zone.to_datetime(from.to_jiff()).date();
        let first = today.checked_sub(2.days()).unwrap_or(today);
        first.series(Span::new().days(1)).take(LOOK_AHEAD_DAYS).flat_map(move |day| {
            self.ranges(day).iter().filter_map(move |range| {
                let (from, to) = (self.instant(day, range.from)?, self.instant(day, range.to)?);
                (from < to).then_some(Open { from, to })
            })
        })
    }

    fn ranges(&self, day: Date) -> &[Range] {
        match self.exceptions.iter().rev().find(|exception| exception.first <= day && day <= exception.last) {
            None => self.weekday(day.weekday()),
            Some(Exception { opens: Opens::Never, .. }) => &[],
            Some(Exception { opens: Opens::At(ranges), .. }) => ranges,
            Some(Exception { opens: Opens::As(weekday), .. }) => self.weekday(*weekday),
        }
    }

    fn weekday(&self, day: Weekday) -> &[Range] {
        usize::try_from(day.to_monday_zero_offset()).ok().and_then(|day| self.week.get(day)).map_or(&[], Vec::as_slice)
    }

    /// The instant of a minute on a clock of this zone. A minute that a clock has twice is the first; one that it leaves out
    /// is the instant at which it jumps.
    fn instant(&self, day: Date, minute: u16) -> Option<Timestamp> {
        let day = day.checked_add(i64::from(minute / DAY).days()).ok()?;
        let minute = i8::try_from(minute % DAY % 60).ok().zip(i8::try_from(minute % DAY / 60).ok())?;
        let at = DateTime::new(day.year(), day.month(), day.day(), minute.1, minute.0, 0, 0).ok()?;
        let at = match self.zone.to_ambiguous_timestamp(at).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(at).ok()?,
            AmbiguousOffset::Fold { before, after: _ } => before.to_timestamp(at).ok()?,
            AmbiguousOffset::Gap { before, after: _ } => {
                let behind = before.to_timestamp(at).ok()?;
                // Itself, where the jump is at this very instant.
                let jump = self.zone.preceding(behind.checked_add(Span::new().nanoseconds(1)).ok()?).next()?;
                jump.timestamp()
            }
        };
        Some(Timestamp::from_millis(at.as_millisecond()))
    }
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(to.millis() - from.millis()).unwrap_or(0))
}
