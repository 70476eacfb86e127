//! Business calendars.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use domain::calendar;
use domain::calendar::model::{CalendarVersion, Exception, ExceptionHours, Hours, Range, SaveCalendar};
use domain::kernel::{Code, Refusal, refuse};
use jiff::civil::{Date, Weekday};

use super::error::OrTopLevel as _;
use super::execute::{execute, mutations};
use super::guard::{cx, language, require_staff};
use domain::msg;

/// A business calendar.
pub struct CalendarNode(std::sync::Arc<CalendarVersion>);

/// A business calendar: weekly working hours in a time zone, with exceptions.
#[Object(name = "Calendar")]
impl CalendarNode {
    /// The key of the calendar.
    async fn key(&self) -> &str {
        &self.0.of.key
    }

    /// The version; increases with each save.
    async fn version(&self) -> i32 {
        self.0.of.version
    }

    /// The name, in the language of the request.
    async fn name(&self, ctx: &Context<'_>) -> &str {
        language(ctx).name(&self.0.name, self.0.name_zh.as_deref())
    }

    /// Whether it is archived: no longer offered for policies and people.
    async fn archived(&self) -> bool {
        self.0.archived
    }

    /// The IANA time zone of its hours.
    async fn time_zone(&self) -> &str {
        &self.0.hours.zone
    }

    /// The weekly working hours.
    async fn week(&self) -> Vec<WeekdayRange> {
        let days = self.0.hours.week.iter().zip(1..);
        days.flat_map(|(ranges, weekday)| ranges.iter().map(move |range| WeekdayRange::of(weekday, *range))).collect()
    }

    /// Days that differ from the weekly hours; if several cover the same day, the last one applies.
    async fn exceptions(&self) -> Vec<CalendarException> {
        self.0.hours.exceptions.iter().map(CalendarException::of).collect()
    }

    /// Whether the current time is within working hours.
    async fn open_now(&self, ctx: &Context<'_>) -> bool {
        self.0.calendar.is_open(cx(ctx).now())
    }
}

/// Working hours on a weekday.
#[derive(SimpleObject, InputObject, Clone)]
#[graphql(input_name = "WeekdayRangeInput")]
pub struct WeekdayRange {
    /// The weekday: 1 is Monday, 7 is Sunday.
    weekday: i32,
    /// The first minute, counted from midnight: 0 to 1439.
    from_minute: i32,
    /// The end minute (exclusive), up to 2880; an overnight shift belongs to the day on which it begins.
    to_minute: i32,
}

impl WeekdayRange {
    fn of(weekday: i32, range: Range) -> Self {
        Self { weekday, from_minute: i32::from(range.from), to_minute: i32::from(range.to) }
    }
}

/// Working hours within a day.
#[derive(SimpleObject, InputObject, Clone)]
#[graphql(input_name = "MinuteRangeInput")]
pub struct MinuteRange {
    /// The first minute, counted from midnight: 0 to 1439.
    from_minute: i32,
    /// The end minute (exclusive), up to 2880; more than 1440 means past midnight.
    to_minute: i32,
}

/// A range of days that differ from the weekly hours, such as a holiday or a make-up working day (调休).
#[derive(SimpleObject, InputObject, Clone)]
#[graphql(input_name = "CalendarExceptionInput")]
pub struct CalendarException {
    /// The name, such as 春节.
    name: String,
    /// The first day, such as 2026-02-15.
    first_day: String,
    /// The last day (inclusive).
    last_day: String,
    /// Use the hours of this weekday, 1 (Monday) to 7 (调休); null: `ranges` applies.
    worked_as: Option<i32>,
    /// The working hours on these days; if empty and `workedAs` is null, the days are closed.
    ranges: Vec<MinuteRange>,
}

impl CalendarException {
    fn of(exception: &Exception) -> Self {
        let Exception { first, last, name, opens } = exception;
        let (worked_as, ranges) = match opens {
            ExceptionHours::Closed => (None, Vec::new()),
            ExceptionHours::SameAs(weekday) => (Some(i32::from(weekday.to_monday_one_offset())), Vec::new()),
            ExceptionHours::Ranges(ranges) => (None, ranges.clone()),
        };
        let ranges = ranges
            .into_iter()
            .map(|range| MinuteRange { from_minute: i32::from(range.from), to_minute: i32::from(range.to) })
            .collect();
        Self { name: name.clone(), first_day: first.to_string(), last_day: last.to_string(), worked_as, ranges }
    }
}

mutations! {
    /// A calendar to save. Saving makes a new version; running clocks keep the version they started with.
    SaveCalendarInput {
        /// The key; saving an existing key changes that calendar.
        key: String,
        /// The English name; also shown where there is no Chinese name.
        name: String,
        /// The Chinese name.
        name_zh: Option<String>,
        /// Whether it is archived: no longer offered for policies and people.
        #[graphql(default)]
        archived: bool,
        /// The IANA time zone, such as Asia/Shanghai.
        time_zone: String,
        /// The weekly working hours.
        week: Vec<WeekdayRange>,
        /// Days that differ from the weekly hours; if several cover the same day, the last one applies.
        exceptions: Option<Vec<CalendarException>>,
    } => SaveCalendarPayload {
        /// The calendar after the mutation; null if it was refused.
        calendar: Option<CalendarNode>,
    }
}

fn range(field: &str, from: i32, to: i32) -> Result<Range, Refusal> {
    let minutes = u16::try_from(from).ok().zip(u16::try_from(to).ok());
    minutes
        .map(|(from, to)| Range { from, to })
        .ok_or_else(|| refuse(Code::Invalid, field, msg!("calendar-minutes-out-of-range", field = field)))
}

fn hours(time_zone: String, week: Vec<WeekdayRange>, exceptions: Vec<CalendarException>) -> Result<Hours, Refusal> {
    let mut days: [Vec<Range>; 7] = Default::default();
    for WeekdayRange { weekday, from_minute, to_minute } in week {
        let day = usize::try_from(weekday - 1)
            .ok()
            .and_then(|day| days.get_mut(day))
            .ok_or_else(|| refuse(Code::Invalid, "week.weekday", msg!("calendar-weekday-out-of-range")))?;
        day.push(range("week", from_minute, to_minute)?);
    }
    days.iter_mut().for_each(|day| day.sort_unstable());
    let date = |field: &str, text: &str| -> Result<Date, Refusal> {
        text.parse().map_err(|_| refuse(Code::Invalid, field, msg!("calendar-day-malformed", field = field)))
    };
    let mut checked = Vec::new();
    for CalendarException { name, first_day, last_day, worked_as, ranges } in exceptions {
        let opens = match worked_as {
            Some(day) => {
                let weekday = i8::try_from(day).ok().and_then(|day| Weekday::from_monday_one_offset(day).ok());
                ExceptionHours::SameAs(weekday.ok_or_else(|| {
                    refuse(Code::Invalid, "exceptions.workedAs", msg!("calendar-worked-as-out-of-range"))
                })?)
            }
            None if ranges.is_empty() => ExceptionHours::Closed,
            None => ExceptionHours::Ranges(
                ranges
                    .iter()
                    .map(|minutes| range("exceptions.ranges", minutes.from_minute, minutes.to_minute))
                    .collect::<Result<_, _>>()?,
            ),
        };
        let (first, last) = (date("exceptions.firstDay", &first_day)?, date("exceptions.lastDay", &last_day)?);
        checked.push(Exception { first, last, name, opens });
    }
    Ok(Hours { zone: time_zone, week: days, exceptions: checked })
}

/// Queries of calendars.
#[derive(Default)]
pub struct CalendarQuery;

#[Object]
impl CalendarQuery {
    /// The newest version of every calendar; for staff.
    #[graphql(complexity = "20 * child_complexity")]
    async fn calendars(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<CalendarNode>> {
        require_staff(ctx).or_top_level(ctx)?;
        let calendars = calendar::queries::current(&cx(ctx).app).await.or_top_level(ctx)?;
        Ok(calendars.iter().cloned().map(CalendarNode).collect())
    }
}

/// Mutations of calendars; for administrators.
#[derive(Default)]
pub struct CalendarMutation;

#[Object]
impl CalendarMutation {
    /// Saves a calendar, as a new version; for administrators.
    async fn save_calendar(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The calendar.")] input: SaveCalendarInput,
    ) -> async_graphql::Result<SaveCalendarPayload> {
        let SaveCalendarInput { key, name, name_zh, archived, time_zone, week, exceptions, idempotency_key } = input;
        let cx = cx(ctx);
        let (key, user_errors) = execute(ctx, idempotency_key, || {
            cx.actor.require_admin()?;
            let hours = hours(time_zone, week, exceptions.unwrap_or_default())?;
            Ok(SaveCalendar { key, name, name_zh, archived, hours })
        })
        .await?;
        let calendars = calendar::queries::current(&cx.app).await.or_top_level(ctx)?;
        let calendar = calendars.iter().find(|saved| Some(&saved.of.key) == key.as_ref());
        Ok(SaveCalendarPayload { calendar: calendar.cloned().map(CalendarNode), user_errors })
    }
}
