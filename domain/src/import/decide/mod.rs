//! What a row says: pure.

pub mod history;

use std::collections::HashMap;

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use super::model::{Columns, Map, Refused, Row, UNCHANGED};
use crate::kernel::text::{BODY_CHARS_MAX, KEY_CHARS_MAX, TITLE_CHARS_MAX};
use crate::kernel::{Timestamp, time};
use crate::tickets::model::TicketStatus;

/// A row's values by column.
pub struct Cells<'a>(pub HashMap<&'a str, &'a str>);

/// A map that was checked: reads rows.
pub struct RowReader {
    map: Map,
    zone: TimeZone,
    status: HashMap<String, Option<TicketStatus>>,
}

impl RowReader {
    /// `organisation`: the zone of times where the map names none.
    pub fn new(map: Map, organisation: &TimeZone) -> Result<Self, String> {
        let zone = match &map.time_zone {
            None => organisation.clone(),
            Some(name) => time::zone(name).ok_or_else(|| format!("time_zone: {name:?} is no IANA time zone"))?,
        };
        let status = map
            .words
            .status
            .iter()
            .map(|(word, status)| match TicketStatus::parse(status) {
                Some(status) => Ok((word.clone(), Some(status))),
                None if status == UNCHANGED => Ok((word.clone(), None)),
                None => Err(format!("words.status: {status:?} is no status of Buoy, nor {UNCHANGED}")),
            })
            .collect::<Result<_, _>>()?;
        if map.source.trim().is_empty() || map.source.chars().count() > KEY_CHARS_MAX {
            return Err("source: name the system that the tickets come from".to_owned());
        }
        Ok(Self { map, zone, status })
    }

    pub fn map(&self) -> &Map {
        &self.map
    }

    /// Whether the file has the columns that the map names.
    pub fn check_columns(&self, names: &[String]) -> Result<(), String> {
        let Columns {
            id,
            title,
            description,
            created,
            at,
            order,
            status,
            priority,
            issue_type,
            product,
            device,
            team,
            assignee,
            customer,
            channel,
            operator,
            hand_overs,
            reopenings,
            closed,
            fault_type,
            root_cause_level,
            cause_tag,
            solution_tag,
            resolution,
        } = &self.map.columns;
        let wanted = [Some(id), Some(title), Some(created), description.as_ref(), at.as_ref(), order.as_ref()];
        let more = [status, priority, issue_type, product, device, team, assignee, customer, channel, operator];
        let rest = [hand_overs, reopenings, closed, fault_type, root_cause_level, cause_tag, solution_tag, resolution];
        let all = wanted.into_iter().flatten().chain(more.into_iter().flatten()).chain(rest.into_iter().flatten());
        for template in all {
            for column in columns_of(template) {
                if !names.iter().any(|name| name == column) {
                    return Err(format!(
                        "the file has no column {column:?}, which the map names; it has {}",
                        names.join(", ")
                    ));
                }
            }
        }
        Ok(())
    }

    /// The row, or why it is refused.
    pub fn row(&self, line: u64, cells: &Cells<'_>) -> Result<Row, Refused> {
        let id = self.text(cells, &self.map.columns.id);
        self.read(line, id.clone(), cells).map_err(|reason| Refused { line, id, reason })
    }

    fn read(&self, line: u64, id: Option<String>, cells: &Cells<'_>) -> Result<Row, String> {
        let columns = &self.map.columns;
        let id = id.ok_or_else(|| format!("{} is empty: a ticket needs its id", columns.id))?;
        if id.chars().count() > 2 * KEY_CHARS_MAX {
            return Err(format!("{} is longer than {} characters", columns.id, 2 * KEY_CHARS_MAX));
        }
        let optional = |template: &Option<String>| template.as_ref().and_then(|template| self.text(cells, template));
        let key = |template: &Option<String>| match optional(template) {
            Some(text) if text.chars().count() > KEY_CHARS_MAX => {
                Err(format!("{text:?} is longer than the {KEY_CHARS_MAX} characters of a key"))
            }
            other => Ok(other),
        };
        let created = self.time(cells, &columns.created)?.ok_or_else(|| format!("{} is empty", columns.created))?;
        let at = match &columns.at {
            None => created,
            Some(column) => self.time(cells, column)?.ok_or_else(|| format!("{column} is empty"))?,
        };
        let closed = columns.closed.as_ref().map(|column| self.time(cells, column)).transpose()?.flatten();
        if let (Some(column), Some(closed)) = (&columns.closed, closed)
            && closed < created
        {
            return Err(format!("{column}: it was closed ({closed}) before it was created ({created})"));
        }
        let order = match &columns.order {
            None => 0,
            Some(column) => self.number(cells, column)?.unwrap_or(0),
        };
        let count = |template: &Option<String>| -> Result<Option<i32>, String> {
            let Some(column) = template else { return Ok(None) };
            let Some(n) = self.number(cells, column)? else { return Ok(None) };
            i32::try_from(n).ok().filter(|n| *n >= 0).map(Some).ok_or_else(|| format!("{column}: {n} is no count"))
        };
        let word = optional(&columns.status);
        let status = match &word {
            None => None,
            Some(word) => *self
                .status
                .get(word)
                .ok_or_else(|| format!("the status {word:?} is not among words.status of the map"))?,
        };
        fn of_words<T: Copy>(
            what: &str,
            words: &std::collections::BTreeMap<String, T>,
            word: Option<String>,
        ) -> Result<Option<T>, String> {
            word.map(|word| {
                words.get(&word).copied().ok_or_else(|| format!("{word:?} is not among words.{what} of the map"))
            })
            .transpose()
        }
        let words = &self.map.words;
        let title = optional(&Some(columns.title.clone())).unwrap_or_else(|| id.clone());
        let description = optional(&columns.description).unwrap_or_else(|| title.clone());
        Ok(Row {
            line,
            order,
            at,
            created,
            closed,
            title: clip(title.lines().find(|line| !line.trim().is_empty()).unwrap_or(&title).trim(), TITLE_CHARS_MAX),
            description: clip(&description, BODY_CHARS_MAX),
            word,
            status,
            priority: of_words("priority", &words.priority, optional(&columns.priority))?,
            issue_type: key(&columns.issue_type)?,
            product: key(&columns.product)?,
            device: key(&columns.device)?,
            team: key(&columns.team)?,
            assignee: key(&columns.assignee)?,
            customer: key(&columns.customer)?,
            channel: key(&columns.channel)?,
            operator: key(&columns.operator)?,
            hand_overs: count(&columns.hand_overs)?,
            reopenings: count(&columns.reopenings)?,
            fault_type: of_words("fault_type", &words.fault_type, optional(&columns.fault_type))?,
            root_cause_level: of_words(
                "root_cause_level",
                &words.root_cause_level,
                optional(&columns.root_cause_level),
            )?,
            cause_tag: key(&columns.cause_tag)?,
            solution_tag: key(&columns.solution_tag)?,
            resolution: optional(&columns.resolution).map(|text| clip(&text, BODY_CHARS_MAX)),
            id,
        })
    }

    /// The value of a column, or a text put together of several; `None` where there is nothing.
    fn text(&self, cells: &Cells<'_>, template: &str) -> Option<String> {
        let cell = |column: &str| {
            let value = cells.0.get(column)?.trim();
            (!value.is_empty() && !self.map.missing.iter().any(|missing| missing == value)).then_some(value)
        };
        let text = if template.contains('{') {
            let mut text = String::new();
            let mut found = false;
            let mut rest = template;
            while let Some((before, after)) = rest.split_once('{') {
                let (column, after) = after.split_once('}').unwrap_or((after, ""));
                text.push_str(before);
                if let Some(value) = cell(column) {
                    text.push_str(value);
                    found = true;
                }
                rest = after;
            }
            text.push_str(rest);
            found.then_some(text)?
        } else {
            cell(template)?.to_owned()
        };
        // What no field of Buoy holds is left out.
        let text: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn time(&self, cells: &Cells<'_>, column: &str) -> Result<Option<Timestamp>, String> {
        let Some(text) = self.text(cells, column) else { return Ok(None) };
        if let Some(at) = Timestamp::parse(&text) {
            return Ok(Some(at));
        }
        for format in &self.map.time_formats {
            let Ok(parsed) = strtime::parse(format, &text) else { continue };
            if let Ok(at) = parsed.to_timestamp() {
                return Ok(Some(Timestamp::from_millis(at.as_millisecond())));
            }
            let civil: Option<DateTime> = parsed
                .to_datetime()
                .or_else(|_| parsed.to_date().map(|date| date.to_datetime(jiff::civil::Time::midnight())))
                .ok();
            if let Some(at) = civil.and_then(|civil| civil.to_zoned_datetime(self.zone.clone()).ok()) {
                return Ok(Some(Timestamp::from_millis(at.timestamp().as_millisecond())));
            }
        }
        Err(format!("{column}: {text:?} is no time in any of time_formats"))
    }

    fn number(&self, cells: &Cells<'_>, column: &str) -> Result<Option<i64>, String> {
        self.text(cells, column)
            .map(|text| text.parse().map_err(|_| format!("{column}: {text:?} is no number")))
            .transpose()
    }
}

fn columns_of(template: &str) -> Vec<&str> {
    if !template.contains('{') {
        return vec![template];
    }
    template.split('{').skip(1).filter_map(|part| part.split_once('}').map(|(column, _)| column)).collect()
}

fn clip(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    text.chars().take(chars_max - 1).chain(['…']).collect()
}
