//! Parsing of rows. Pure.

pub mod attribution;
pub mod cells;
pub mod details;
pub mod history;
pub mod order;
pub mod times;

use std::collections::{BTreeMap, HashMap};

use encoding_rs::Encoding;
use jiff::tz::TimeZone;

use self::cells::{Cells, LINE, TextUse, clean, columns_of};
use self::order::RowOrder;
use self::times::{TimeReader, is_rounded_number, whole_number};
use super::model::{
    CountedUntil, EarlyRows, Field, ImportMap, MERGED, MapNote, RejectedRow, Row, SourceComment, UNCHANGED,
};
pub use crate::kernel::encoding;
use crate::kernel::text::{BODY_CHARS_MAX, KEY_CHARS_MAX, TITLE_CHARS_MAX};
use crate::kernel::{Message, Timestamp, time};
use crate::msg;
use crate::tickets::model::{ExternalRef, TicketStatus};

/// The characters of an id of another system.
const ID_CHARS_MAX: usize = 2 * KEY_CHARS_MAX;
/// Further systems whose numbers a map names.
const REFERENCES_MAX: usize = 10;

/// What a word of the source says about the status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SourceStatus {
    Unchanged,
    Status(TicketStatus),
    Merged,
}

/// Parses rows by a validated map.
pub struct RowReader {
    map: ImportMap,
    times: TimeReader,
    status: HashMap<String, SourceStatus>,
    encoding: Option<&'static Encoding>,
}

/// How the rows of a ticket become its history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryRules {
    /// The rows have times of their own; otherwise they are states of tickets (a list).
    pub dated: bool,
    /// The map has a column of first responses.
    pub names_response: bool,
    /// The time of creation is that of a row.
    pub created_by_row: bool,
    pub hand_overs_until: CountedUntil,
}

impl RowReader {
    /// `organisation`: the time zone if the map has none. `now`: later times are refused.
    pub fn new(map: ImportMap, organisation: &TimeZone, now: Timestamp) -> Result<Self, Message> {
        let zone = match &map.time_zone {
            None => organisation.clone(),
            Some(name) => time::zone(name).ok_or_else(|| msg!("import-map-time-zone-unknown", name = name))?,
        };
        let status = map.words.status.iter().map(|(word, status)| Ok((word.clone(), source_status(status)?)));
        let status = status.collect::<Result<_, Message>>()?;
        if map.source.trim().is_empty() || map.source.chars().count() > KEY_CHARS_MAX {
            return Err(msg!("import-map-source-missing"));
        }
        if !map.delimiter.is_ascii() {
            return Err(msg!("import-map-delimiter-invalid"));
        }
        let named = |name: &String| encoding::by_name(name).ok_or(msg!("import-map-encoding-unknown", name = name));
        let encoding = map.encoding.as_ref().map(named).transpose()?;
        if let Some(field) = map.fixed.keys().find(|field| map.columns.contains_key(*field) || **field == Field::Id) {
            return Err(msg!("import-map-fixed-invalid", field = field.as_str()));
        }
        if !map.columns.contains_key(&Field::Id) {
            return Err(msg!("import-map-id-missing"));
        }
        for system in map.references.keys() {
            let is_key = !system.trim().is_empty() && system.chars().count() <= KEY_CHARS_MAX && *system != map.source;
            if !is_key || map.references.len() > REFERENCES_MAX {
                return Err(msg!("import-map-references-invalid", system = system, max = REFERENCES_MAX));
            }
        }
        let has = |field: Field| map.columns.contains_key(&field) || map.fixed.contains_key(&field);
        if !has(Field::Created) && !has(Field::At) {
            return Err(msg!("import-map-created-missing"));
        }
        Ok(Self { map, times: TimeReader { zone, now }, status, encoding })
    }

    pub const fn map(&self) -> &ImportMap {
        &self.map
    }

    /// The encoding that the map names.
    pub const fn encoding(&self) -> Option<&'static Encoding> {
        self.encoding
    }

    pub fn history_rules(&self) -> HistoryRules {
        let columns = &self.map.columns;
        let (created, at) = (columns.get(&Field::Created), columns.get(&Field::At));
        HistoryRules {
            dated: self.has(Field::At),
            names_response: self.has(Field::Responded),
            created_by_row: !self.has(Field::Created) || created == at,
            hand_overs_until: self.map.hand_overs_until,
        }
    }

    pub fn row_order(&self) -> RowOrder {
        match (self.has(Field::Order), self.has(Field::At)) {
            (true, _) => RowOrder::Column,
            (false, true) => RowOrder::Time,
            (false, false) => RowOrder::File,
        }
    }

    fn has(&self, field: Field) -> bool {
        self.map.columns.contains_key(&field) || self.map.fixed.contains_key(&field)
    }

    /// Whether the map uses a column.
    pub fn uses(&self, column: &str) -> bool {
        let templates = self.map.columns.values().chain(self.map.references.values());
        templates.flat_map(|template| columns_of(template)).any(|used| used == column)
    }

    /// Checks that the file has all columns of the map, each once.
    pub fn check_columns(&self, names: &[String]) -> Result<(), Message> {
        let columns = self.map.columns.iter().map(|(field, template)| (Some(*field), template));
        for (field, template) in columns.chain(self.map.references.values().map(|template| (None, template))) {
            for column in columns_of(template) {
                let count = names.iter().filter(|name| *name == column).count();
                let columns = names.join(", ");
                match count {
                    1 => {}
                    0 if column == LINE => {}
                    0 if names.len() == 1 => {
                        return Err(msg!("import-one-column", column = column, columns = columns));
                    }
                    0 if field == Some(Field::Id) => {
                        return Err(msg!("import-id-column-missing", column = column, columns = columns));
                    }
                    0 => return Err(msg!("import-column-missing", column = column, columns = columns)),
                    count => return Err(msg!("import-column-repeated", column = column, count = count)),
                }
            }
        }
        Ok(())
    }

    /// The id of a row that is not parsed for another reason.
    pub fn id_of(&self, cells: &Cells<'_>) -> Option<String> {
        self.key_value(cells, Field::Id)
    }

    /// Parses a row, or returns the reason of its rejection.
    pub fn parse_row(&self, cells: &Cells<'_>) -> Result<Row, RejectedRow> {
        let id = self.id_of(cells);
        let rejected = |id, leaves_gap, reason| RejectedRow { line: cells.line, id, reasons: vec![reason], leaves_gap };
        let row = self.parse_fields(cells, id.clone()).map_err(|reason| rejected(id, true, reason))?;
        if row.at >= row.created {
            return Ok(row);
        }
        match self.map.rows_before_created {
            // Nothing happens to a ticket before it exists, so the others are its whole history.
            EarlyRows::Refuse => {
                let reason = msg!("import-row-before-created", at = row.at, created = row.created);
                Err(rejected(Some(row.id), false, reason))
            }
            EarlyRows::AtCreated => Ok(Row { at: row.created, ..row }),
        }
    }

    fn parse_fields(&self, cells: &Cells<'_>, id: Option<String>) -> Result<Row, Message> {
        let id = self.checked_id(id)?;
        let (created, at) = self.created_and_at(cells)?;
        let (order, order_text) = self.order(cells)?;
        let source_status = self.key_value(cells, Field::Status);
        let status = match &source_status {
            None => SourceStatus::Unchanged,
            Some(word) => {
                *self.status.get(word).ok_or_else(|| msg!("import-value-unmapped", value = word, list = "status"))?
            }
        };
        let words = &self.map.words;
        let title = self.text(cells, Field::Title).unwrap_or_else(|| id.clone());
        let description = self.text(cells, Field::Description).unwrap_or_else(|| title.clone());
        let resolution = self.text(cells, Field::Resolution);
        let first_line = title.lines().find(|line| !line.trim().is_empty()).unwrap_or(&title).trim();
        let lengths = [
            (Field::Title, first_line, TITLE_CHARS_MAX),
            (Field::Description, description.as_str(), BODY_CHARS_MAX),
            (Field::Resolution, resolution.as_deref().unwrap_or_default(), BODY_CHARS_MAX),
        ];
        let too_long = lengths.into_iter().filter(|(_, text, max)| text.chars().count() > *max);
        let mut truncated: Vec<Field> = too_long.map(|(field, ..)| field).collect();
        let comments = self.comments(cells, created, at)?;
        if comments.iter().any(|comment| comment.text.chars().count() > BODY_CHARS_MAX) {
            truncated.push(Field::Comments);
        }
        Ok(Row {
            line: cells.line,
            order,
            order_text,
            at,
            created,
            responded: self.time_from(cells, Field::Responded, created)?,
            closed: self.time_from(cells, Field::Closed, created)?,
            title: truncate(first_line, TITLE_CHARS_MAX),
            description: truncate(&description, BODY_CHARS_MAX),
            source_status,
            status: match status {
                SourceStatus::Unchanged => None,
                SourceStatus::Status(status) => Some(status),
                SourceStatus::Merged => Some(TicketStatus::Cancelled),
            },
            merged: status == SourceStatus::Merged,
            priority: self.mapped(cells, Field::Priority, &words.priority)?,
            issue_type: self.key(cells, Field::IssueType)?,
            product: self.key(cells, Field::Product)?,
            device: self.key(cells, Field::Device)?,
            team: self.key(cells, Field::Team)?,
            assignee: self.key(cells, Field::Assignee)?,
            customer: self.key(cells, Field::Customer)?,
            channel: self.key(cells, Field::Channel)?,
            operator: self.key(cells, Field::Operator)?,
            hand_overs: self.count(cells, Field::HandOvers)?,
            reopenings: self.count(cells, Field::Reopenings)?,
            fault_type: self.mapped(cells, Field::FaultType, &words.fault_type)?,
            root_cause_level: self.mapped(cells, Field::RootCauseLevel, &words.root_cause_level)?,
            cause_tag: self.tag(cells, Field::CauseTag)?,
            solution_tag: self.tag(cells, Field::SolutionTag)?,
            resolution: resolution.map(|text| truncate(&text, BODY_CHARS_MAX)),
            requester: self.text(cells, Field::Requester).map(|text| truncate(&text, TITLE_CHARS_MAX)),
            comments,
            references: self.references(cells)?,
            truncated,
            id,
        })
    }

    /// A comment without a time has that of its row; nobody comments on a ticket before it exists.
    fn comments(&self, cells: &Cells<'_>, created: Timestamp, at: Timestamp) -> Result<Vec<SourceComment>, Message> {
        let Some(value) = self.text(cells, Field::Comments) else { return Ok(Vec::new()) };
        let column = self.column(Field::Comments);
        let mut comments = Vec::new();
        for comment in details::json_comments(column, value)? {
            let said_at = comment.at.as_deref().map(str::trim).filter(|text| !text.is_empty());
            let said_at =
                said_at.map(|text| self.times.parse(&self.map, text).map_err(|fault| fault.message(column, text)));
            let given =
                |text: Option<String>| text.map(|text| clean(&text, TextUse::Text)).filter(|text| !text.is_empty());
            let Some(text) = given(Some(comment.text)) else { continue };
            comments.push(SourceComment {
                at: said_at.transpose()?.unwrap_or(at).max(created),
                author: given(comment.author).map(|name| truncate(&name, TITLE_CHARS_MAX)),
                text,
                visibility: details::visibility(column, comment.visibility.as_deref())?,
            });
        }
        Ok(comments)
    }

    fn references(&self, cells: &Cells<'_>) -> Result<Vec<ExternalRef>, Message> {
        let mut references = Vec::new();
        for (system, template) in &self.map.references {
            let Some(external_id) = cells.value(template, &self.map.missing, TextUse::Key) else { continue };
            if external_id.chars().count() > ID_CHARS_MAX {
                return Err(msg!("import-id-too-long", column = template, max = ID_CHARS_MAX));
            }
            if is_rounded_number(&external_id) {
                return Err(msg!("import-id-rounded", column = template, id = external_id));
            }
            references.push(ExternalRef { system: system.clone(), external_id });
        }
        Ok(references)
    }

    fn checked_id(&self, id: Option<String>) -> Result<String, Message> {
        let column = self.column(Field::Id);
        let id = id.ok_or_else(|| msg!("import-id-empty", column = column))?;
        if id.chars().count() > ID_CHARS_MAX {
            return Err(msg!("import-id-too-long", column = column, max = ID_CHARS_MAX));
        }
        if is_rounded_number(&id) {
            return Err(msg!("import-id-rounded", column = column, id = id));
        }
        Ok(id)
    }

    /// When the ticket was created and the row written. A map that names only one of the two times uses it for both.
    fn created_and_at(&self, cells: &Cells<'_>) -> Result<(Timestamp, Timestamp), Message> {
        let empty = |field: Field| msg!("import-value-empty", column = self.column(field));
        let wanted = |field: Field| match self.has(field) {
            true => self.time(cells, field)?.ok_or_else(|| empty(field)).map(Some),
            false => Ok(None),
        };
        match (wanted(Field::Created)?, wanted(Field::At)?) {
            (Some(created), at) => Ok((created, at.unwrap_or(created))),
            (None, Some(at)) => Ok((at, at)),
            (None, None) => Err(empty(Field::Created)),
        }
    }

    /// A whole number or a time is a number; anything else is compared as text.
    fn order(&self, cells: &Cells<'_>) -> Result<(i64, Option<String>), Message> {
        let Some(text) = self.key_value(cells, Field::Order) else { return Ok((0, None)) };
        if text.chars().count() > ID_CHARS_MAX {
            return Err(msg!("import-id-too-long", column = self.column(Field::Order), max = ID_CHARS_MAX));
        }
        let number = whole_number(&text).or_else(|| self.times.parse(&self.map, &text).ok().map(Timestamp::millis));
        Ok(number.map_or_else(|| (0, Some(text)), |number| (number, None)))
    }

    /// The column of a field, for messages.
    fn column(&self, field: Field) -> &str {
        self.map.columns.get(&field).map_or(field.as_str(), String::as_str)
    }

    fn value(&self, cells: &Cells<'_>, field: Field, to: TextUse) -> Option<String> {
        match self.map.columns.get(&field) {
            Some(template) => cells.value(template, &self.map.missing, to),
            None => self.map.fixed.get(&field).map(|value| clean(value, to)).filter(|value| !value.is_empty()),
        }
    }

    fn text(&self, cells: &Cells<'_>, field: Field) -> Option<String> {
        self.value(cells, field, TextUse::Text)
    }

    fn key_value(&self, cells: &Cells<'_>, field: Field) -> Option<String> {
        self.value(cells, field, TextUse::Key)
    }

    fn key(&self, cells: &Cells<'_>, field: Field) -> Result<Option<String>, Message> {
        match self.key_value(cells, field) {
            Some(text) if text.chars().count() > KEY_CHARS_MAX => {
                Err(msg!("import-key-too-long", text = text, max = KEY_CHARS_MAX))
            }
            other => Ok(other),
        }
    }

    /// A tag of an attribution is a key. In a map that gives no whole attribution it is a text of any length.
    fn tag(&self, cells: &Cells<'_>, field: Field) -> Result<Option<String>, Message> {
        if self.unmapped_attribution().is_empty() {
            return self.key(cells, field);
        }
        Ok(self.text(cells, field).map(|text| truncate(&text, BODY_CHARS_MAX)))
    }

    /// The fields of an attribution that the map does not fill, if it fills some of it.
    fn unmapped_attribution(&self) -> Vec<Field> {
        let is_named = Field::ATTRIBUTION.iter().chain([&Field::CauseTag]).any(|field| self.has(*field));
        let wanted = Field::ATTRIBUTION.into_iter().chain([Field::Assignee]).filter(|field| !self.has(*field));
        if is_named { wanted.collect() } else { Vec::new() }
    }

    /// What the map leaves out of every ticket, before the first row is read.
    pub fn notes(&self) -> Vec<MapNote> {
        let missing = self.unmapped_attribution();
        let partial = (!missing.is_empty()).then_some(MapNote::PartialAttribution { missing });
        let operators = (self.has(Field::Operator) && !self.map.create.people).then_some(MapNote::Operators);
        partial.into_iter().chain(operators).collect()
    }

    fn mapped<T: Copy>(
        &self,
        cells: &Cells<'_>,
        field: Field,
        words: &BTreeMap<String, T>,
    ) -> Result<Option<T>, Message> {
        let word = self.key_value(cells, field);
        let known = |word: String| {
            let value = words.get(&word).copied();
            value.ok_or_else(|| msg!("import-value-unmapped", value = word, list = field.as_str()))
        };
        word.map(known).transpose()
    }

    fn time(&self, cells: &Cells<'_>, field: Field) -> Result<Option<Timestamp>, Message> {
        let Some(text) = self.key_value(cells, field) else { return Ok(None) };
        let column = self.column(field);
        self.times.parse(&self.map, &text).map(Some).map_err(|fault| fault.message(column, &text))
    }

    /// A time that is not before the creation of the ticket.
    fn time_from(&self, cells: &Cells<'_>, field: Field, created: Timestamp) -> Result<Option<Timestamp>, Message> {
        let at = self.time(cells, field)?;
        if let Some(at) = at.filter(|at| *at < created) {
            let column = self.column(field);
            return Err(msg!("import-time-before-created", column = column, at = at, created = created));
        }
        Ok(at)
    }

    fn count(&self, cells: &Cells<'_>, field: Field) -> Result<Option<i32>, Message> {
        let Some(text) = self.key_value(cells, field) else { return Ok(None) };
        let column = self.column(field);
        let number = whole_number(&text).ok_or_else(|| msg!("import-number-invalid", column = column, text = text))?;
        let count = i32::try_from(number).ok().filter(|count| *count >= 0);
        count.map(Some).ok_or_else(|| msg!("import-count-invalid", column = column, number = number))
    }
}

fn source_status(word: &str) -> Result<SourceStatus, Message> {
    match (word.parse::<TicketStatus>(), word) {
        (Ok(status), _) => Ok(SourceStatus::Status(status)),
        (_, UNCHANGED) => Ok(SourceStatus::Unchanged),
        (_, MERGED) => Ok(SourceStatus::Merged),
        _ => Err(msg!("import-map-status-unknown", status = word, unchanged = UNCHANGED, merged = MERGED)),
    }
}

/// At most so many characters; an ellipsis says that it is shorter.
pub fn truncate(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    text.chars().take(chars_max - 1).chain(['…']).collect()
}
