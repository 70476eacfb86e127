//! The response heat map, its gaps, and its monthly export.

use std::collections::HashMap;

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::calendar::model::Organisation;
use domain::kernel::{Error, TeamId, UserId};
use domain::metrics::decide::month;
use domain::metrics::model;
use domain::metrics::model::{Dimension, Gap, Heatmap, Key, Proposal, SLOTS, Selection, WEEKDAYS};
use domain::metrics::queries::{Advisor, GapOwner, heatmaps};
use domain::reports::model::{CellValue, ReportRenderer, Sheet};
use uuid::Uuid;

use super::error::OrTopLevel as _;
use super::guard::{Caller, cx, language, signed_in};
use super::inputs::argument;
use super::loaders::Loaders;
use super::metrics::{METRICS_COST, Period};
use super::people::UserNode;
use super::scalars::int;
use domain::kernel::Locale;
use domain::kernel::Message;
use domain::msg;

/// Maximum number of rows of an export; a larger one must be limited to one team.
const EXPORT_ROWS_MAX: usize = 200_000;

/// The response heat map of a selection. "In time" is defined as for first-response compliance.
pub struct ResponseHeatmap {
    selection: Selection,
    map: Heatmap,
}

/// The response heat map: when tickets arrive and how fast they get a response, by weekday and half-hour in the
/// organisation's time zone. Tickets merged away or cancelled before a response are left out.
#[Object]
impl ResponseHeatmap {
    /// The IANA name of the time zone.
    async fn time_zone(&self, ctx: &Context<'_>) -> String {
        zone_name(ctx)
    }

    /// All 7 × 48 cells, Monday 00:00 first.
    #[graphql(complexity = "WEEKDAYS * child_complexity")]
    async fn cells(&self) -> Vec<HeatmapCell> {
        let places = (0..WEEKDAYS).flat_map(|weekday| (0..SLOTS).map(move |slot| (weekday, slot)));
        places.map(|(weekday, slot)| HeatmapCell::of(weekday, slot, self.map.cell(weekday, slot))).collect()
    }

    /// Runs of three or more half-hours with tickets, none answered in time, with at least 10 tickets over three weeks
    /// or more; most tickets first. Half-hours without tickets neither break nor extend a run. A gap of all days and a
    /// gap of one weekday may overlap, so do not add up their tickets.
    #[graphql(complexity = "METRICS_COST + 10 * child_complexity")]
    async fn gaps(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<ResponseGap>> {
        if self.map.gaps.is_empty() {
            return Ok(Vec::new());
        }
        let cx = cx(ctx);
        let selected = |wanted: Dimension| self.selection.only.iter().find(|(dimension, _)| *dimension == wanted);
        let selected = selected(Dimension::Agent).or(selected(Dimension::Team));
        let owner = selected.map_or(GapOwner::All, |(dimension, key)| GapOwner::from_key(Some(*dimension), key));
        let mut of_all = self.selection.clone();
        of_all.only.retain(|(dimension, _)| *dimension != Dimension::Agent);
        let advisor = Advisor::load(cx, &of_all).await.or_top_level(ctx)?;
        let gaps =
            self.map.gaps.iter().map(|gap| ResponseGap { gap: gap.clone(), proposal: advisor.advise(gap, &owner) });
        Ok(gaps.collect())
    }
}

/// One half-hour of one weekday in the response heat map.
#[derive(SimpleObject)]
pub struct HeatmapCell {
    /// The weekday: 1 is Monday, 7 is Sunday.
    weekday: i32,
    /// The half-hour: 0 is 00:00–00:30, 47 is 23:30–24:00.
    slot: i32,
    /// The number of tickets created in this half-hour.
    arrivals: i32,
    /// How many of the arrivals got a first response in time.
    answered_in_time: i32,
    /// The median time to first response in seconds, of tickets that got one; null if none did.
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

/// A gap in the heat map and the proposal to close it.
pub struct ResponseGap {
    gap: Gap,
    proposal: Proposal,
}

/// A run of half-hours in which no ticket got a first response in time, with a proposal to close it.
#[Object]
impl ResponseGap {
    /// The weekdays: 1 is Monday.
    async fn weekdays(&self) -> Vec<i32> {
        self.gap.weekdays.iter().map(|weekday| count(*weekday) + 1).collect()
    }

    /// The first half-hour slot (inclusive).
    async fn from_slot(&self) -> i32 {
        count(self.gap.from_slot)
    }

    /// The end slot (exclusive).
    async fn to_slot(&self) -> i32 {
        count(self.gap.to_slot)
    }

    /// The number of tickets that arrived, without those that may still be answered in time.
    async fn arrivals(&self) -> i32 {
        int(self.gap.arrivals)
    }

    /// The number of tickets answered in time; always 0 in a gap.
    async fn answered_in_time(&self) -> i32 {
        0
    }

    /// Whether the period is shorter than three weeks, so that the gap is less certain.
    async fn small_sample(&self) -> bool {
        self.gap.small_sample
    }

    /// The proposed change in words, in the language of the request.
    async fn proposal(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        let delegate = self.delegate(ctx).await?;
        let language = language(ctx);
        Ok(proposal_text(&self.gap, &self.proposal, delegate.as_ref().map(|user| user.0.name.as_str()), language))
    }

    /// A colleague of the same team who answers in time in these hours and could act as delegate (createDelegation);
    /// null if there is none and a shift has to change.
    async fn delegate(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        let Proposal::Delegate { to, .. } = self.proposal else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().load(to).await.or_top_level(ctx)?.map(UserNode))
    }

    /// How many people of the selection already work in all of these hours; null if a delegate is proposed.
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

fn day(weekday: usize) -> Message {
    match weekday {
        0 => msg!("weekday-monday"),
        1 => msg!("weekday-tuesday"),
        2 => msg!("weekday-wednesday"),
        3 => msg!("weekday-thursday"),
        4 => msg!("weekday-friday"),
        5 => msg!("weekday-saturday"),
        _ => msg!("weekday-sunday"),
    }
}

fn days(weekdays: &[usize], language: Locale) -> String {
    match weekdays {
        [0, 1, 2, 3, 4, 5, 6] => msg!("heatmap-every-day").text(language),
        [first, .., last] if weekdays.len() > 2 && last - first == weekdays.len() - 1 => {
            msg!("heatmap-day-range", first = day(*first), last = day(*last)).text(language)
        }
        _ => {
            let names: Vec<String> = weekdays.iter().map(|weekday| day(*weekday).text(language)).collect();
            names.join(&msg!("list-separator").text(language))
        }
    }
}

fn proposal_text(gap: &Gap, proposal: &Proposal, delegate: Option<&str>, language: Locale) -> String {
    let (from, to) = (clock(gap.from_slot), clock(gap.to_slot));
    let days = days(&gap.weekdays, language);
    let found = msg!("heatmap-gap-summary", from = from, to = to, days = days, count = gap.arrivals);
    let advice = match proposal {
        Proposal::Delegate { answered_in_time, .. } => {
            let name = delegate.map_or_else(|| msg!("heatmap-delegate-unnamed"), |name| Message::literal(name, name));
            msg!("heatmap-proposal-delegate", name = name, answered_in_time = answered_in_time)
        }
        Proposal::Shift { on_duty: 0 } => msg!("heatmap-proposal-shift"),
        Proposal::Shift { on_duty } => msg!("heatmap-proposal-stagger", on_duty = on_duty),
    };
    msg!("heatmap-gap-with-proposal", gap = found, proposal = advice).text(language)
}

/// The file format of an export.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// Comma-separated values in UTF-8, one table.
    Csv,
    /// A spreadsheet workbook.
    Xlsx,
}

/// A file to download.
#[derive(SimpleObject)]
pub struct ExportFile {
    /// The file name.
    name: String,
    /// The media type.
    media_type: String,
    /// The content, in Base64 (RFC 4648).
    base64: String,
    /// The size in bytes.
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
    /// The response heat map: when tickets arrive and when they get a response, by weekday and half-hour, within what
    /// the viewer may see; for staff and product managers.
    #[graphql(complexity = "METRICS_COST + child_complexity")]
    async fn response_heatmap(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Tickets created in this period.")] period: Period,
        #[graphql(desc = "Only tickets of this assignee.")] agent_id: Option<ID>,
        #[graphql(desc = "Only tickets of this team.")] team_id: Option<ID>,
    ) -> async_graphql::Result<ResponseHeatmap> {
        signed_in(ctx).or_top_level(ctx)?;
        let (from, to) = period.bounds();
        let selection = selection(ctx, model::Period { from, to }, agent_id, team_id)?;
        let cx = cx(ctx);
        let map = heatmaps(cx, &selection, None).await.or_top_level(ctx)?.pop();
        let map = map.ok_or_else(|| Error::internal("no heat-map of all")).or_top_level(ctx)?;
        Ok(ResponseHeatmap { selection, map })
    }

    /// The response heat map of a month as a file: overall, of each team and of each agent, in the language of the
    /// request.
    #[graphql(complexity = "10 * METRICS_COST + child_complexity")]
    async fn response_heatmap_export(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The month, such as 2026-10, in the organisation's time zone.")] month: String,
        #[graphql(desc = "The file format.")] format: ExportFormat,
        #[graphql(desc = "Only tickets of this team.")] team_id: Option<ID>,
    ) -> async_graphql::Result<ExportFile> {
        signed_in(ctx).or_top_level(ctx)?;
        let caller = ctx.data_unchecked::<Caller>();
        let period = self::month(&month, &caller.cx.app.state::<Organisation>().zone).or_top_level(ctx)?;
        let of_all = selection(ctx, period, None, team_id)?;
        let (cells, gaps) = sheets(ctx, &of_all).await?;
        let renderer = *caller.cx.app.state::<ReportRenderer>();
        let (extension, media_type, rendered) = match format {
            ExportFormat::Csv => ("csv", "text/csv; charset=utf-8", (renderer.csv)(&cells)),
            ExportFormat::Xlsx => {
                // Compression blocks a thread for a while.
                let file = tokio::task::spawn_blocking(move || (renderer.xlsx)(&[cells, gaps])).await;
                let file = file.map_err(Error::internal).and_then(|file| file);
                ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", file)
            }
        };
        let bytes = rendered.or_top_level(ctx)?;
        Ok(ExportFile::of(format!("response-heatmap-{month}.{extension}"), media_type.to_owned(), &bytes))
    }
}

fn zone_name(ctx: &Context<'_>) -> String {
    let zone = &cx(ctx).app.state::<Organisation>().zone;
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

/// The sheets of an export: half-hours with tickets, and gaps.
async fn sheets(ctx: &Context<'_>, of_all: &Selection) -> async_graphql::Result<(Sheet, Sheet)> {
    let Caller { cx, language, .. } = ctx.data_unchecked::<Caller>();
    let say = |message: Message| message.text(*language);
    let advisor = Advisor::load(cx, of_all).await.or_top_level(ctx)?;
    let all = heatmaps(cx, of_all, None).await.or_top_level(ctx)?;
    let teams = heatmaps(cx, of_all, Some(Dimension::Team)).await.or_top_level(ctx)?;
    let names = names(ctx, &teams, &advisor.by_agent).await?;
    let parts = [
        (say(msg!("heatmap-scope-all")), None, &all),
        (say(msg!("heatmap-scope-team")), Some(Dimension::Team), &teams),
        (say(msg!("heatmap-scope-agent")), Some(Dimension::Agent), &advisor.by_agent),
    ];
    let span = [say(msg!("heatmap-column-from")), say(msg!("heatmap-column-to")), say(msg!("heatmap-column-arrivals"))];
    let columns = |more: [String; 3]| {
        let first =
            [say(msg!("heatmap-column-scope")), say(msg!("heatmap-column-name")), say(msg!("heatmap-column-weekday"))];
        first.into_iter().chain(span.clone()).chain(more).collect()
    };
    let mut cells = Sheet {
        name: say(msg!("heatmap-sheet-half-hours")),
        columns: columns([
            say(msg!("heatmap-column-answered-in-time")),
            say(msg!("heatmap-column-median-first-response")),
            say(msg!("heatmap-column-in-gap")),
        ]),
        rows: Vec::new(),
    };
    let mut gaps = Sheet {
        name: say(msg!("heatmap-sheet-gaps")),
        columns: columns([
            say(msg!("heatmap-column-answered-in-time")),
            say(msg!("heatmap-column-small-sample")),
            say(msg!("heatmap-column-proposal")),
        ]),
        rows: Vec::new(),
    };
    let row = |kind: &String, map: &Heatmap, weekdays: &[usize], (from, to): (usize, usize), arrivals: u32, more| {
        let name = names.get(&map.key).cloned().unwrap_or_default();
        let first = [kind.clone(), name, days(weekdays, *language), clock(from), clock(to)].map(CellValue::Text);
        first.into_iter().chain([CellValue::Number(arrivals.into())]).chain::<[CellValue; 3]>(more).collect::<Vec<_>>()
    };
    for (kind, by, maps) in &parts {
        for map in *maps {
            for gap in &map.gaps {
                let proposal = advisor.advise(gap, &GapOwner::from_key(*by, &map.key));
                let delegate = match proposal {
                    Proposal::Delegate { to, .. } => names.get(&Key::Id(to.0)).map(String::as_str),
                    Proposal::Shift { .. } => None,
                };
                let words = proposal_text(gap, &proposal, delegate, *language);
                let more = [
                    CellValue::Number(0),
                    CellValue::Text(yes_or_no(gap.small_sample, *language)),
                    CellValue::Text(words),
                ];
                gaps.rows.push(row(kind, map, &gap.weekdays, (gap.from_slot, gap.to_slot), gap.arrivals, more));
            }
            for (weekday, slot) in (0..WEEKDAYS).flat_map(|weekday| (0..SLOTS).map(move |slot| (weekday, slot))) {
                let cell = map.cell(weekday, slot);
                if cell.arrivals > 0 {
                    let in_a_gap = map.gaps.iter().any(|gap| gap.covers(weekday, slot));
                    let more = [
                        CellValue::Number(cell.answered_in_time.into()),
                        cell.median_first_response.into(),
                        CellValue::Text(yes_or_no(in_a_gap, *language)),
                    ];
                    cells.rows.push(row(kind, map, &[weekday], (slot, slot + 1), cell.arrivals, more));
                }
            }
            if cells.rows.len() > EXPORT_ROWS_MAX {
                let error = Error::bad_input(msg!("heatmap-export-too-large", rows_max = EXPORT_ROWS_MAX));
                return Err(error).or_top_level(ctx);
            }
        }
    }
    Ok((cells, gaps))
}

fn yes_or_no(value: bool, language: Locale) -> String {
    if value { msg!("yes") } else { msg!("no") }.text(language)
}

/// Names of teams and agents.
async fn names(
    ctx: &Context<'_>,
    teams: &[Heatmap],
    agents: &[Heatmap],
) -> async_graphql::Result<HashMap<Key, String>> {
    let loaders = ctx.data_unchecked::<Loaders>();
    let language = language(ctx);
    let ids = |maps: &[Heatmap]| -> Vec<Uuid> {
        maps.iter().filter_map(|map| if let Key::Id(id) = map.key { Some(id) } else { None }).collect()
    };
    let teams = loaders.load_many(ids(teams).into_iter().map(TeamId).collect::<Vec<_>>()).await.or_top_level(ctx)?;
    let agents = loaders.load_many(ids(agents).into_iter().map(UserId).collect::<Vec<_>>()).await.or_top_level(ctx)?;
    let teams = teams.into_values().map(|team| {
        let name = language.name(&team.name, team.name_zh.as_deref()).to_owned();
        (Key::Id(team.id.0), name)
    });
    Ok(teams.chain(agents.into_values().map(|user| (Key::Id(user.id.0), user.name.clone()))).collect())
}
