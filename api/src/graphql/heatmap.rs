//! When help is asked for and when it comes: the response heat-map, its gaps, and its export of a month.

use std::collections::HashMap;

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::kernel::{Error, TeamId, UserId};
use domain::metrics::decide::month;
use domain::metrics::model;
use domain::metrics::model::{Dimension, Gap, Heatmap, Key, Proposal, SLOTS, Selection, Settings, WEEKDAYS};
use domain::metrics::queries::{Advisor, Of, heatmaps};
use uuid::Uuid;

use super::Caller;
use super::duty::signed_in;
use super::error::OrTopLevel as _;
use super::inputs::argument;
use super::loaders::Loaders;
use super::metrics::{METRICS_PRICE, Period};
use super::nodes::UserNode;
use super::scalars::int;
use crate::export::{self, Sheet, Value};
use crate::language::Language;

/// Rows of one export; beyond, choose one team.
const EXPORT_ROWS_MAX: usize = 200_000;

/// When help is asked for and when it comes, in the organisation's time zone. In time means what first-response
/// compliance means by it; tickets merged away or cancelled before anyone responded are left out.
pub struct ResponseHeatmap {
    selection: Selection,
    map: Heatmap,
}

#[Object]
impl ResponseHeatmap {
    /// The IANA name of the time zone.
    async fn time_zone(&self, ctx: &Context<'_>) -> String {
        zone_name(ctx)
    }

    /// All 7 × 48, Monday 00:00 first.
    #[graphql(complexity = "WEEKDAYS * child_complexity")]
    async fn cells(&self) -> Vec<HeatmapCell> {
        let places = (0..WEEKDAYS).flat_map(|weekday| (0..SLOTS).map(move |slot| (weekday, slot)));
        places.map(|(weekday, slot)| HeatmapCell::of(weekday, slot, self.map.cell(weekday, slot))).collect()
    }

    /// Three or more half-hours with tickets, none of them answered in time, with 10 tickets or more in three weeks or
    /// more; those with most tickets first. Half-hours without tickets neither break nor make one. A gap of every day and one
    /// of a weekday may share half-hours: their tickets are not to be added up.
    #[graphql(complexity = "METRICS_PRICE + 10 * child_complexity")]
    async fn gaps(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<ResponseGap>> {
        if self.map.gaps.is_empty() {
            return Ok(Vec::new());
        }
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let named = |wanted: Dimension| self.selection.only.iter().find(|(dimension, _)| *dimension == wanted);
        let named = named(Dimension::Agent).or(named(Dimension::Team));
        let of = named.map_or(Of::All, |(dimension, key)| Of::key(Some(*dimension), key));
        let mut of_all = self.selection.clone();
        of_all.only.retain(|(dimension, _)| *dimension != Dimension::Agent);
        let advisor = Advisor::of(cx, &of_all).await.or_top_level(ctx)?;
        let told = self.map.gaps.iter().map(|gap| ResponseGap { gap: gap.clone(), proposal: advisor.advise(gap, &of) });
        Ok(told.collect())
    }
}

/// One half-hour of one weekday.
#[derive(SimpleObject)]
pub struct HeatmapCell {
    /// 1 is Monday, 7 Sunday.
    weekday: i32,
    /// The half-hour: 0 is 00:00–00:30, 47 is 23:30–24:00.
    slot: i32,
    /// Tickets that were created then.
    arrivals: i32,
    /// Of these, answered in time.
    answered_in_time: i32,
    /// Half of those that were answered at all were answered within so many seconds; null where none was.
    median_first_response_seconds: Option<i32>,
}

impl HeatmapCell {
    fn of(weekday: usize, slot: usize, cell: model::Cell) -> Self {
        Self {
            weekday: count(weekday) + 1,
            slot: count(slot),
            arrivals: int(cell.arrivals),
            answered_in_time: int(cell.answered_in_time),
            median_first_response_seconds: cell.median_first_response.map(int),
        }
    }
}

fn count(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// Half-hours in which nobody answers in time.
pub struct ResponseGap {
    gap: Gap,
    proposal: Proposal,
}

#[Object]
impl ResponseGap {
    /// On these weekdays: 1 is Monday.
    async fn weekdays(&self) -> Vec<i32> {
        self.gap.weekdays.iter().map(|weekday| count(*weekday) + 1).collect()
    }

    /// From this half-hour on.
    async fn from_slot(&self) -> i32 {
        count(self.gap.from_slot)
    }

    /// Before this half-hour.
    async fn to_slot(&self) -> i32 {
        count(self.gap.to_slot)
    }

    /// Tickets that came then, without those that may still be answered in time.
    async fn arrivals(&self) -> i32 {
        int(self.gap.arrivals)
    }

    /// None: that is what makes it a gap.
    async fn answered_in_time(&self) -> i32 {
        0
    }

    /// The period is shorter than three weeks: read it with care.
    async fn small_sample(&self) -> bool {
        self.gap.small_sample
    }

    /// What would close it, in words, in the language of the request.
    async fn proposal(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        let delegate = self.delegate(ctx).await?;
        let language = ctx.data_unchecked::<Caller>().language;
        Ok(proposed(&self.gap, &self.proposal, delegate.as_ref().map(|user| user.0.name.as_str()), language))
    }

    /// A colleague of the same team who answers in time in these very hours and could stand in (createDelegation); null
    /// where there is none: then a shift has to change.
    async fn delegate(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        let Proposal::Delegate { to, .. } = self.proposal else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().one(to).await.or_top_level(ctx)?.map(UserNode))
    }

    /// People of the selection who are on duty in all of these hours as it is; null where a colleague is proposed.
    async fn on_duty(&self) -> Option<i32> {
        match self.proposal {
            Proposal::Shift { on_duty } => Some(count(on_duty)),
            Proposal::Delegate { .. } => None,
        }
    }
}

fn clock(slot: usize) -> String {
    format!("{:02}:{:02}", slot / 2, slot % 2 * 30)
}

const DAYS: [(&str, &str); WEEKDAYS] = [
    ("Monday", "周一"),
    ("Tuesday", "周二"),
    ("Wednesday", "周三"),
    ("Thursday", "周四"),
    ("Friday", "周五"),
    ("Saturday", "周六"),
    ("Sunday", "周日"),
];

fn days(weekdays: &[usize], language: Language) -> String {
    let name = |day: &usize| language.name(DAYS[*day].0, Some(DAYS[*day].1));
    match weekdays {
        [0, 1, 2, 3, 4, 5, 6] => language.name("every day", Some("每天")).to_owned(),
        [first, .., last] if weekdays.len() > 2 && last - first == weekdays.len() - 1 => {
            format!("{}{}{}", name(first), language.name(" to ", Some("至")), name(last))
        }
        _ => weekdays.iter().map(name).collect::<Vec<_>>().join(language.name(", ", Some("、"))),
    }
}

fn proposed(gap: &Gap, proposal: &Proposal, delegate: Option<&str>, language: Language) -> String {
    let (from, to) = (clock(gap.from_slot), clock(gap.to_slot));
    let (days, n) = (days(&gap.weekdays, language), gap.arrivals);
    let found = match language {
        Language::En => format!("{from}–{to}, {days}: {n} tickets came, none was answered in time."),
        Language::ZhCn => format!("{days} {from}–{to}：到达 {n} 张工单，无一按时首响。"),
    };
    let advice = match (proposal, language) {
        (Proposal::Delegate { answered_in_time, .. }, Language::En) => format!(
            "Let {} stand in then (a temporary delegate): they answered {answered_in_time} in time in these hours.",
            delegate.unwrap_or("a colleague")
        ),
        (Proposal::Delegate { answered_in_time, .. }, Language::ZhCn) => format!(
            "建议由{}担任该时段的临时代理岗：其在此时段按时首响 {answered_in_time} 张。",
            delegate.unwrap_or("同组同事")
        ),
        (Proposal::Shift { on_duty: 0 }, Language::En) => {
            "Nobody is on duty in all of it: move a shift into these hours.".to_owned()
        }
        (Proposal::Shift { on_duty: 0 }, Language::ZhCn) => "该时段无人全程在岗：建议调整班次覆盖。".to_owned(),
        (Proposal::Shift { on_duty }, Language::En) => {
            format!("On duty then by the calendar: {on_duty}. Stagger the breaks, or name a temporary delegate.")
        }
        (Proposal::Shift { on_duty }, Language::ZhCn) => {
            format!("按日历该时段在岗 {on_duty} 人：建议错峰休息，或设置临时代理岗。")
        }
    };
    match language {
        Language::En => format!("{found} {advice}"),
        Language::ZhCn => format!("{found}{advice}"),
    }
}

/// What kind of file.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// Comma-separated values in UTF-8, one table.
    Csv,
    /// A workbook of spreadsheets.
    Xlsx,
}

/// A file to save.
#[derive(SimpleObject)]
pub struct ExportFile {
    /// What to call it.
    name: String,
    /// Its media type.
    media_type: String,
    /// Its bytes, in Base64 (RFC 4648).
    base64: String,
    /// How many bytes it has.
    size_bytes: i32,
}

impl ExportFile {
    pub fn of(name: String, media_type: String, bytes: &[u8]) -> Self {
        Self { name, media_type, size_bytes: count(bytes.len()), base64: STANDARD.encode(bytes) }
    }
}

/// Queries of the heat-map.
#[derive(Default)]
pub struct HeatmapQuery;

#[Object]
impl HeatmapQuery {
    /// When help was asked for and when it came, by weekday and half-hour, within what the viewer may see; for staff and
    /// product managers.
    #[graphql(complexity = "METRICS_PRICE + child_complexity")]
    async fn response_heatmap(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Tickets created in it.")] period: Period,
        #[graphql(desc = "Only tickets of this assignee.")] agent_id: Option<ID>,
        #[graphql(desc = "Only tickets of this team.")] team_id: Option<ID>,
    ) -> async_graphql::Result<ResponseHeatmap> {
        signed_in(ctx).or_top_level(ctx)?;
        let (from, to) = period.ends();
        let selection = selection(ctx, model::Period { from, to }, agent_id, team_id)?;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let map = heatmaps(cx, &selection, None).await.or_top_level(ctx)?.pop();
        let map = map.ok_or_else(|| Error::internal("no heat-map of all")).or_top_level(ctx)?;
        Ok(ResponseHeatmap { selection, map })
    }

    /// The heat-map of a month as a file: of all, of each team and of each agent, in the language of the request.
    #[graphql(complexity = "10 * METRICS_PRICE + child_complexity")]
    async fn response_heatmap_export(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The month, such as 2026-10, in the organisation's time zone.")] month: String,
        #[graphql(desc = "What kind of file.")] format: ExportFormat,
        #[graphql(desc = "Only tickets of this team.")] team_id: Option<ID>,
    ) -> async_graphql::Result<ExportFile> {
        signed_in(ctx).or_top_level(ctx)?;
        let caller = ctx.data_unchecked::<Caller>();
        let settings = caller.cx.app.state::<Settings>();
        let period = self::month(&month, &settings.zone).or_top_level(ctx)?;
        let of_all = selection(ctx, period, None, team_id)?;
        let (cells, gaps) = sheets(ctx, &of_all).await?;
        let (extension, media_type, rendered) = match format {
            ExportFormat::Csv => ("csv", "text/csv; charset=utf-8", export::csv(&cells)),
            ExportFormat::Xlsx => {
                // Compressing many rows keeps a thread busy for a while.
                let made = tokio::task::spawn_blocking(move || export::xlsx(&[cells, gaps])).await;
                let made = made.map_err(Error::internal).and_then(|made| made);
                ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", made)
            }
        };
        let bytes = rendered.or_top_level(ctx)?;
        Ok(ExportFile::of(format!("response-heatmap-{month}.{extension}"), media_type.to_owned(), &bytes))
    }
}

fn zone_name(ctx: &Context<'_>) -> String {
    let zone = &ctx.data_unchecked::<Caller>().cx.app.state::<Settings>().zone;
    zone.iana_name().unwrap_or("UTC").to_owned()
}

fn selection(
    ctx: &Context<'_>,
    period: model::Period,
    agent_id: Option<ID>,
    team_id: Option<ID>,
) -> async_graphql::Result<Selection> {
    let mut only = Vec::new();
    for (dimension, name, id) in [(Dimension::Agent, "agentId", agent_id), (Dimension::Team, "teamId", team_id)] {
        if let Some(id) = id {
            only.push((dimension, Key::Id(argument::<Uuid>(ctx, name, &id)?)));
        }
    }
    Ok(Selection { period, only })
}

/// Half-hours that have anything in them, and gaps.
async fn sheets(ctx: &Context<'_>, of_all: &Selection) -> async_graphql::Result<(Sheet, Sheet)> {
    let Caller { cx, language, .. } = ctx.data_unchecked::<Caller>();
    let say = |en: &str, zh: &str| language.name(en, Some(zh)).to_owned();
    let advisor = Advisor::of(cx, of_all).await.or_top_level(ctx)?;
    let all = heatmaps(cx, of_all, None).await.or_top_level(ctx)?;
    let teams = heatmaps(cx, of_all, Some(Dimension::Team)).await.or_top_level(ctx)?;
    let names = names(ctx, &teams, &advisor.by_agent).await?;
    let parts = [
        (say("all", "全部"), None, &all),
        (say("team", "组"), Some(Dimension::Team), &teams),
        (say("agent", "工程师"), Some(Dimension::Agent), &advisor.by_agent),
    ];
    let span = [say("from", "起"), say("to", "止"), say("arrivals", "到达")];
    let columns = |more: [String; 3]| {
        let first = [say("of", "范围"), say("name", "名称"), say("weekday", "星期")];
        first.into_iter().chain(span.clone()).chain(more).collect()
    };
    let mut cells = Sheet {
        name: say("Half-hours", "半小时"),
        columns: columns([
            say("answered in time", "按时首响"),
            say("median first response (s)", "首响中位数（秒）"),
            say("in a gap", "处于空档"),
        ]),
        rows: Vec::new(),
    };
    let mut gaps = Sheet {
        name: say("Gaps", "响应空档"),
        columns: columns([say("answered in time", "按时首响"), say("small sample", "小样本"), say("proposal", "建议")]),
        rows: Vec::new(),
    };
    let row = |kind: &String, map: &Heatmap, weekdays: &[usize], (from, to): (usize, usize), arrivals: u32, more| {
        let name = names.get(&map.key).cloned().unwrap_or_default();
        let first = [kind.clone(), name, days(weekdays, *language), clock(from), clock(to)].map(Value::Text);
        first.into_iter().chain([Value::Number(arrivals.into())]).chain::<[Value; 3]>(more).collect::<Vec<_>>()
    };
    for (kind, by, maps) in &parts {
        for map in *maps {
            for gap in &map.gaps {
                let proposal = advisor.advise(gap, &Of::key(*by, &map.key));
                let delegate = match proposal {
                    Proposal::Delegate { to, .. } => names.get(&Key::Id(to.0)).map(String::as_str),
                    Proposal::Shift { .. } => None,
                };
                let words = proposed(gap, &proposal, delegate, *language);
                let more = [Value::Number(0), Value::Text(yes(gap.small_sample, *language)), Value::Text(words)];
                gaps.rows.push(row(kind, map, &gap.weekdays, (gap.from_slot, gap.to_slot), gap.arrivals, more));
            }
            for (weekday, slot) in (0..WEEKDAYS).flat_map(|weekday| (0..SLOTS).map(move |slot| (weekday, slot))) {
                let cell = map.cell(weekday, slot);
                if cell.arrivals > 0 {
                    let in_a_gap = map.gaps.iter().any(|gap| gap.covers(weekday, slot));
                    let more = [
                        Value::Number(cell.answered_in_time.into()),
                        cell.median_first_response.into(),
                        Value::Text(yes(in_a_gap, *language)),
                    ];
                    cells.rows.push(row(kind, map, &[weekday], (slot, slot + 1), cell.arrivals, more));
                }
            }
            if cells.rows.len() > EXPORT_ROWS_MAX {
                let error = Error::bad_input(
                    format!("The export has more than {EXPORT_ROWS_MAX} rows: choose a team."),
                    format!("导出超过 {EXPORT_ROWS_MAX} 行，请指定一个组。"),
                );
                return Err(error).or_top_level(ctx);
            }
        }
    }
    Ok((cells, gaps))
}

fn yes(is: bool, language: Language) -> String {
    language.name(if is { "yes" } else { "no" }, Some(if is { "是" } else { "否" })).to_owned()
}

/// What teams and agents are called.
async fn names(
    ctx: &Context<'_>,
    teams: &[Heatmap],
    agents: &[Heatmap],
) -> async_graphql::Result<HashMap<Key, String>> {
    let loaders = ctx.data_unchecked::<Loaders>();
    let language = ctx.data_unchecked::<Caller>().language;
    let ids = |maps: &[Heatmap]| -> Vec<Uuid> {
        maps.iter().filter_map(|map| if let Key::Id(id) = map.key { Some(id) } else { None }).collect()
    };
    let teams = loaders.many(ids(teams).into_iter().map(TeamId).collect::<Vec<_>>()).await.or_top_level(ctx)?;
    let agents = loaders.many(ids(agents).into_iter().map(UserId).collect::<Vec<_>>()).await.or_top_level(ctx)?;
    let teams = teams.into_values().map(|team| {
        let name = language.name(&team.name, team.name_zh.as_deref()).to_owned();
        (Key::Id(team.id.0), name)
    });
    Ok(teams.chain(agents.into_values().map(|user| (Key::Id(user.id.0), user.name.clone()))).collect())
}
