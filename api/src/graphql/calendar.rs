//! Calendars: when somebody works.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use domain::calendar;
use domain::calendar::model::{Exception, Hours, Opens, Range, SaveCalendar, Saved};
use domain::kernel::{Code, Refusal, refuse};
use jiff::civil::{Date, Weekday};

use super::Caller;
use super::error::{OrTopLevel as _, UserError, settle};
use super::sla::staff;

/// When somebody works.
pub struct CalendarNode(std::sync::Arc<Saved>);

#[Object(name = "Calendar")]
impl CalendarNode {
    /// Its key.
    async fn key(&self) -> &str {
        &self.0.of.key
    }

    /// Rises each time that it is saved.
    async fn version(&self) -> i32 {
        self.0.of.version
    }

    /// Its name, in the language of the request.
    async fn name(&self, ctx: &Context<'_>) -> &str {
        ctx.data_unchecked::<Caller>().language.name(&self.0.name, self.0.name_zh.as_deref())
    }

    /// No longer given to policies and people.
    async fn archived(&self) -> bool {
        self.0.archived
    }

    /// The IANA time zone on whose clock it is read.
    async fn time_zone(&self) -> &str {
        &self.0.hours.zone
    }

    /// When it is open, weekday by weekday.
    async fn week(&self) -> Vec<WeekdayRange> {
        let days = self.0.hours.week.iter().zip(1..);
        days.flat_map(|(ranges, weekday)| ranges.iter().map(move |range| WeekdayRange::of(weekday, *range))).collect()
    }

    /// Days that are not as their weekday says; of several the last one counts.
    async fn exceptions(&self) -> Vec<CalendarException> {
        self.0.hours.exceptions.iter().map(CalendarException::of).collect()
    }

    /// Whether it is open now.
    async fn open_now(&self, ctx: &Context<'_>) -> bool {
        self.0.calendar.is_open(ctx.data_unchecked::<Caller>().cx.now())
    }
}

/// Open from one minute of a weekday to another.
#[derive(SimpleObject, InputObject, Clone)]
#[graphql(input_name = "WeekdayRangeInput")]
pub struct WeekdayRange {
    /// 1 is Monday.
    weekday: i32,
    /// The first minute of the day, 0 to 1439.
    from_minute: i32,
    /// The minute behind the last, up to 2880: a night that ends the next morning belongs to the day on which it begins.
    to_minute: i32,
}

impl WeekdayRange {
    fn of(weekday: i32, range: Range) -> Self {
        Self { weekday, from_minute: i32::from(range.from), to_minute: i32::from(range.to) }
    }
}

/// Open from one minute of a day to another.
#[derive(SimpleObject, InputObject, Clone)]
#[graphql(input_name = "MinuteRangeInput")]
pub struct MinuteRange {
    /// The first minute of the day, 0 to 1439.
    from_minute: i32,
    /// The minute behind the last, up to 2880.
    to_minute: i32,
}

/// Days that are not as their weekday says.
#[derive(SimpleObject, InputObject, Clone)]
#[graphql(input_name = "CalendarExceptionInput")]
pub struct CalendarException {
    /// What they are called, such as 春节.
    name: String,
    /// The first of the days, as 2026-02-15.
    first_day: String,
    /// The last of the days.
    last_day: String,
    /// Worked as this weekday is, 1 to 7 (调休); null: see `ranges`.
    worked_as: Option<i32>,
    /// When they are open; empty, and no `workedAs`: closed.
    ranges: Vec<MinuteRange>,
}

impl CalendarException {
    fn of(exception: &Exception) -> Self {
        let Exception { first, last, name, opens } = exception;
        let (worked_as, ranges) = match opens {
            Opens::Never => (None, Vec::new()),
            Opens::As(weekday) => (Some(i32::from(weekday.to_monday_one_offset())), Vec::new()),
            Opens::At(ranges) => (None, ranges.clone()),
        };
        let ranges = ranges
            .into_iter()
            .map(|range| MinuteRange { from_minute: i32::from(range.from), to_minute: i32::from(range.to) })
            .collect();
        Self { name: name.clone(), first_day: first.to_string(), last_day: last.to_string(), worked_as, ranges }
    }
}

/// A calendar to be saved. It becomes a new version: whatever runs by an old one goes on by it.
#[derive(InputObject)]
pub struct SaveCalendarInput {
    /// Its key; saving an existing key changes that calendar.
    key: String,
    /// The English name, and the one shown where there is no other.
    name: String,
    /// The Chinese name.
    name_zh: Option<String>,
    /// No longer given to policies and people.
    #[graphql(default)]
    archived: bool,
    /// The IANA time zone, such as Asia/Shanghai.
    time_zone: String,
    /// When it is open, weekday by weekday.
    week: Vec<WeekdayRange>,
    /// Days that are not as their weekday says; of several the last one counts.
    exceptions: Option<Vec<CalendarException>>,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

fn range(field: &str, from: i32, to: i32) -> Result<Range, Refusal> {
    let minutes = u16::try_from(from).ok().zip(u16::try_from(to).ok());
    minutes.map(|(from, to)| Range { from, to }).ok_or_else(|| {
        refuse(
            Code::Invalid,
            field,
            format!("{field}: minutes are 0 to 2880."),
            format!("{field}：分钟数为 0 至 2880。"),
        )
    })
}

fn hours(time_zone: String, week: Vec<WeekdayRange>, exceptions: Vec<CalendarException>) -> Result<Hours, Refusal> {
    let mut days: [Vec<Range>; 7] = Default::default();
    for WeekdayRange { weekday, from_minute, to_minute } in week {
        let day = usize::try_from(weekday - 1).ok().and_then(|day| days.get_mut(day)).ok_or_else(|| {
            refuse(
                Code::Invalid,
                "week.weekday",
                "weekday is 1 (Monday) to 7 (Sunday).",
                "weekday 为 1（周一）至 7（周日）。",
            )
        })?;
        day.push(range("week", from_minute, to_minute)?);
    }
    days.iter_mut().for_each(|day| day.sort_unstable());
    let date = |field: &str, text: &str| -> Result<Date, Refusal> {
        text.parse().map_err(|_| {
            refuse(
                Code::Invalid,
                field,
                format!("{field}: write a day as 2026-02-15."),
                format!("{field}：日期格式应为 2026-02-15。"),
            )
        })
    };
    let mut checked = Vec::new();
    for CalendarException { name, first_day, last_day, worked_as, ranges } in exceptions {
        let opens = match worked_as {
            Some(day) => {
                let weekday = i8::try_from(day).ok().and_then(|day| Weekday::from_monday_one_offset(day).ok());
                Opens::As(weekday.ok_or_else(|| {
                    let en = "workedAs is 1 (Monday) to 7 (Sunday).";
                    refuse(Code::Invalid, "exceptions.workedAs", en, "workedAs 为 1（周一）至 7（周日）。")
                })?)
            }
            None if ranges.is_empty() => Opens::Never,
            None => Opens::At(
                ranges
                    .iter()
                    .map(|of| range("exceptions.ranges", of.from_minute, of.to_minute))
                    .collect::<Result<_, _>>()?,
            ),
        };
        let (first, last) = (date("exceptions.firstDay", &first_day)?, date("exceptions.lastDay", &last_day)?);
        checked.push(Exception { first, last, name, opens });
    }
    Ok(Hours { zone: time_zone, week: days, exceptions: checked })
}

/// What saving a calendar came to.
#[derive(SimpleObject)]
pub struct SaveCalendarPayload {
    /// The calendar as it is now.
    calendar: Option<CalendarNode>,
    /// Why nothing was saved; empty where it was.
    user_errors: Vec<UserError>,
}

/// Queries of calendars.
#[derive(Default)]
pub struct CalendarQuery;

#[Object]
impl CalendarQuery {
    /// The newest version of every calendar; for staff.
    #[graphql(complexity = "20 * child_complexity")]
    async fn calendars(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<CalendarNode>> {
        staff(ctx)?;
        let calendars = calendar::queries::current(&ctx.data_unchecked::<Caller>().cx.app).await.or_top_level(ctx)?;
        Ok(calendars.iter().cloned().map(CalendarNode).collect())
    }
}

/// Mutations of calendars; for administrators.
#[derive(Default)]
pub struct CalendarMutation;

#[Object]
impl CalendarMutation {
    /// Saves a calendar, as a new version.
    async fn save_calendar(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to save.")] input: SaveCalendarInput,
    ) -> async_graphql::Result<SaveCalendarPayload> {
        let SaveCalendarInput { key, name, name_zh, archived, time_zone, week, exceptions, idempotency_key } = input;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let outcome = async {
            cx.actor.require_admin()?;
            let hours = hours(time_zone, week, exceptions.unwrap_or_default())?;
            let command = SaveCalendar { key, name, name_zh, archived, hours };
            cx.execute(&command, idempotency_key.as_deref()).await
        };
        let (key, user_errors) = settle(ctx, outcome.await)?;
        let calendars = calendar::queries::current(&cx.app).await.or_top_level(ctx)?;
        let calendar = calendars.iter().find(|saved| Some(&saved.of.key) == key.as_ref());
        Ok(SaveCalendarPayload { calendar: calendar.cloned().map(CalendarNode), user_errors })
    }
}
