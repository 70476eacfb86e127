//! Parsing of rows. Pure.

pub mod history;

use std::collections::HashMap;

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use super::model::{Columns, ImportMap, RejectedRow, Row, UNCHANGED};
use crate::kernel::text::{BODY_CHARS_MAX, KEY_CHARS_MAX, TITLE_CHARS_MAX};
use crate::kernel::{Message, Timestamp, time};
use crate::msg;
use crate::tickets::model::TicketStatus;

/// The values of a row by column.
pub struct Cells<'a>(pub HashMap<&'a str, &'a str>);

/// Parses rows by a validated map.
pub struct RowReader {
    map: ImportMap,
    zone: TimeZone,
    status: HashMap<String, Option<TicketStatus>>,
}

impl RowReader {
    /// `organisation`: the time zone if the map has none.
    pub fn new(map: ImportMap, organisation: &TimeZone) -> Result<Self, Message> {
        let zone = match &map.time_zone {
            None => organisation.clone(),
            Some(name) => time::zone(name).ok_or_else(|| msg!("import-map-time-zone-unknown", name = name))?,
        };
        let status = map
            .words
            .status
            .iter()
            .map(|(word, status)| match status.parse::<TicketStatus>().ok() {
                Some(status) => Ok((word.clone(), Some(status))),
                None if status == UNCHANGED => Ok((word.clone(), None)),
                None => Err(msg!("import-map-status-unknown", status = status, unchanged = UNCHANGED)),
            })
            .collect::<Result<_, _>>()?;
        if map.source.trim().is_empty() || map.source.chars().count() > KEY_CHARS_MAX {
            return Err(msg!("import-map-source-missing"));
        }
        Ok(Self { map, zone, status })
    }

    pub fn map(&self) -> &ImportMap {
        &self.map
    }

    /// Checks that the file has all columns of the map.
    pub fn check_columns(&self, names: &[String]) -> Result<(), Message> {
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
                    return Err(msg!("import-column-missing", column = column, columns = names.join(", ")));
                }
            }
        }
        Ok(())
    }

    /// Parses a row, or returns the reason of its rejection.
    pub fn parse_row(&self, line: u64, cells: &Cells<'_>) -> Result<Row, RejectedRow> {
        let id = self.text(cells, &self.map.columns.id);
        self.parse_fields(line, id.clone(), cells).map_err(|reason| RejectedRow { line, id, reasons: vec![reason] })
    }

    fn parse_fields(&self, line: u64, id: Option<String>, cells: &Cells<'_>) -> Result<Row, Message> {
        let columns = &self.map.columns;
        let id = id.ok_or_else(|| msg!("import-id-empty", column = columns.id))?;
        if id.chars().count() > 2 * KEY_CHARS_MAX {
            return Err(msg!("import-id-too-long", column = columns.id, max = 2 * KEY_CHARS_MAX));
        }
        let optional = |template: &Option<String>| template.as_ref().and_then(|template| self.text(cells, template));
        let key = |template: &Option<String>| match optional(template) {
            Some(text) if text.chars().count() > KEY_CHARS_MAX => {
                Err(msg!("import-key-too-long", text = text, max = KEY_CHARS_MAX))
            }
            other => Ok(other),
        };
        let empty = |column: &String| msg!("import-value-empty", column = column);
        let created = self.time(cells, &columns.created)?.ok_or_else(|| empty(&columns.created))?;
        let at = match &columns.at {
            None => created,
            Some(column) => self.time(cells, column)?.ok_or_else(|| empty(column))?,
        };
        let closed = columns.closed.as_ref().map(|column| self.time(cells, column)).transpose()?.flatten();
        if let (Some(column), Some(closed)) = (&columns.closed, closed)
            && closed < created
        {
            return Err(msg!("import-closed-before-created", column = column, closed = closed, created = created));
        }
        let order = match &columns.order {
            None => 0,
            Some(column) => self.number(cells, column)?.unwrap_or(0),
        };
        let count = |template: &Option<String>| -> Result<Option<i32>, Message> {
            let Some(column) = template else { return Ok(None) };
            let Some(n) = self.number(cells, column)? else { return Ok(None) };
            let count = i32::try_from(n).ok().filter(|n| *n >= 0);
            count.map(Some).ok_or_else(|| msg!("import-count-invalid", column = column, number = n))
        };
        let source_status = optional(&columns.status);
        let status = match &source_status {
            None => None,
            Some(word) => {
                *self.status.get(word).ok_or_else(|| msg!("import-value-unmapped", value = word, list = "status"))?
            }
        };
        fn mapped<T: Copy>(
            what: &str,
            words: &std::collections::BTreeMap<String, T>,
            word: Option<String>,
        ) -> Result<Option<T>, Message> {
            word.map(|word| {
                words.get(&word).copied().ok_or_else(|| msg!("import-value-unmapped", value = word, list = what))
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
            title: truncate(
                title.lines().find(|line| !line.trim().is_empty()).unwrap_or(&title).trim(),
                TITLE_CHARS_MAX,
            ),
            description: truncate(&description, BODY_CHARS_MAX),
            source_status,
            status,
            priority: mapped("priority", &words.priority, optional(&columns.priority))?,
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
            fault_type: mapped("fault_type", &words.fault_type, optional(&columns.fault_type))?,
            root_cause_level: mapped("root_cause_level", &words.root_cause_level, optional(&columns.root_cause_level))?,
            cause_tag: key(&columns.cause_tag)?,
            solution_tag: key(&columns.solution_tag)?,
            resolution: optional(&columns.resolution).map(|text| truncate(&text, BODY_CHARS_MAX)),
            id,
        })
    }

    /// The value of a column or template; `None` if it is empty.
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
        // Remove characters that no field accepts.
        let text: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn time(&self, cells: &Cells<'_>, column: &str) -> Result<Option<Timestamp>, Message> {
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
        Err(msg!("import-time-invalid", column = column, text = text))
    }

    fn number(&self, cells: &Cells<'_>, column: &str) -> Result<Option<i64>, Message> {
        self.text(cells, column)
            .map(|text| text.parse().map_err(|_| msg!("import-number-invalid", column = column, text = text)))
            .transpose()
    }
}

fn columns_of(template: &str) -> Vec<&str> {
    if !template.contains('{') {
        return vec![template];
    }
    template.split('{').skip(1).filter_map(|part| part.split_once('}').map(|(column, _)| column)).collect()
}

fn truncate(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    text.chars().take(chars_max - 1).chain(['…']).collect()
}
