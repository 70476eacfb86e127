//! Open time: how much of it lies between two instants, and when a given amount of it has elapsed.

use std::time::Duration;

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Span, ToSpan as _};

use crate::calendar::model::{Calendar, DAY, Exception, ExceptionHours, Hours, Range};
use crate::kernel::Timestamp;

/// How far to search for open time; a calendar that is closed for longer has no due time.
const LOOK_AHEAD_DAYS: usize = 5 * 366;

/// A half-open span of open time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenSpan {
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Calendar {
    /// `hours` and `zone` must be validated ([`super::check`]).
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

    /// The first instant at which `after` of open time has elapsed since `from`; `None` if it is too far in the future.
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

    /// When it next opens or closes; `None` if that is too far in the future.
    pub fn next_change(&self, after: Timestamp) -> Option<Timestamp> {
        if self.always {
            return None;
        }
        let open = self.spans(after).next()?;
        Some(if open.from > after { open.from } else { open.to })
    }

    /// Open spans from `from` on, in order and merged; the first is clipped to `from`.
    pub fn spans(&self, from: Timestamp) -> impl Iterator<Item = OpenSpan> + use<'_> {
        let mut ranges = self.unmerged(from).filter(move |open| open.to > from).peekable();
        std::iter::from_fn(move || {
            let mut span = ranges.next()?;
            span.from = span.from.max(from);
            // Merge touching and overlapping ranges, such as a night shift and the next morning.
            while let Some(next) = ranges.next_if(|next| next.from <= span.to) {
                span.to = span.to.max(next.to);
            }
            Some(span)
        })
    }

    /// The unmerged ranges, from two days before `from` on, because those may still be open.
    fn unmerged(&self, from: Timestamp) -> impl Iterator<Item = OpenSpan> + use<'_> {
        let today = self.zone.to_datetime(from.to_jiff()).date();
        let first = today.checked_sub(2.days()).unwrap_or(today);
        first.series(Span::new().days(1)).take(LOOK_AHEAD_DAYS).flat_map(move |day| {
            self.ranges(day).iter().filter_map(move |range| {
                let (from, to) = (self.instant(day, range.from)?, self.instant(day, range.to)?);
                (from < to).then_some(OpenSpan { from, to })
            })
        })
    }

    fn ranges(&self, day: Date) -> &[Range] {
        match self.exceptions.iter().rev().find(|exception| exception.first <= day && day <= exception.last) {
            None => self.weekday(day.weekday()),
            Some(Exception { opens: ExceptionHours::Closed, .. }) => &[],
            Some(Exception { opens: ExceptionHours::Ranges(ranges), .. }) => ranges,
            Some(Exception { opens: ExceptionHours::SameAs(weekday), .. }) => self.weekday(*weekday),
        }
    }

    fn weekday(&self, day: Weekday) -> &[Range] {
        usize::try_from(day.to_monday_zero_offset()).ok().and_then(|day| self.week.get(day)).map_or(&[], Vec::as_slice)
    }

    /// The instant of a local minute. Of an ambiguous minute it is the first; of a skipped minute it is the instant of the
    /// transition.
    fn instant(&self, day: Date, minute: u16) -> Option<Timestamp> {
        let day = day.checked_add(i64::from(minute / DAY).days()).ok()?;
        let minute = i8::try_from(minute % DAY % 60).ok().zip(i8::try_from(minute % DAY / 60).ok())?;
        let at = DateTime::new(day.year(), day.month(), day.day(), minute.1, minute.0, 0, 0).ok()?;
        let at = match self.zone.to_ambiguous_timestamp(at).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(at).ok()?,
            AmbiguousOffset::Fold { before, after: _ } => before.to_timestamp(at).ok()?,
            AmbiguousOffset::Gap { before, after: _ } => {
                let after = before.to_timestamp(at).ok()?;
                // One nanosecond later, so that a transition at this very instant is included.
                let transition = self.zone.preceding(after.checked_add(Span::new().nanoseconds(1)).ok()?).next()?;
                transition.timestamp()
            }
        };
        Some(Timestamp::from_millis(at.as_millisecond()))
    }
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(to.millis() - from.millis()).unwrap_or(0))
}
