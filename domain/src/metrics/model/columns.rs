//! The facts of many tickets, stored by column, so that a query reads only the columns it needs.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Dimension, Fact, Key};
use crate::kernel::{TicketId, Timestamp};
use crate::tickets::model::{RootCauseLevel, SourceHistory, TicketStatus};

/// The value of an instant that a ticket does not have.
const NEVER: i64 = i64::MIN;
const EXCLUDED: u8 = 1;
const HANDED_OVER: u8 = 2;
const DEFECT: u8 = 4;
const INCOMPLETE: u8 = 8;
const RESPONSE_UNKNOWN: u8 = 16;
const RESOLUTION_UNKNOWN: u8 = 32;

/// Distinct values of a column; code 0 is none.
#[derive(Debug)]
struct Dictionary {
    codes: HashMap<Key, u32>,
    keys: Vec<Key>,
}

impl Default for Dictionary {
    fn default() -> Self {
        Self { codes: HashMap::from([(Key::None, 0)]), keys: vec![Key::None] }
    }
}

impl Dictionary {
    fn code(&mut self, key: Key) -> u32 {
        if let Some(code) = self.codes.get(&key) {
            return *code;
        }
        let code = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        self.keys.push(key.clone());
        self.codes.insert(key, code);
        code
    }
}

#[derive(Debug, Default)]
struct KeyColumn {
    dictionary: Dictionary,
    codes: Vec<u32>,
}

/// The facts of one ticket, read from the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub created_at: Timestamp,
    pub first_response_due_at: Option<Timestamp>,
    pub first_responded_at: Option<Timestamp>,
    pub first_resolved_at: Option<Timestamp>,
    pub first_reopened_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
    pub excluded: bool,
    pub handed_over: bool,
    /// Attributed to a design defect.
    pub defect: bool,
    /// Rows of its imported history were refused: none of its facts is sure.
    pub incomplete: bool,
    /// Somebody responded or may have; when is not known.
    pub response_unknown: bool,
    /// It is solved; since when is not known.
    pub resolution_unknown: bool,
}

#[derive(Debug, Default)]
pub struct Columns {
    indexes: HashMap<TicketId, u32>,
    tickets: Vec<TicketId>,
    created_at: Vec<i64>,
    first_response_due_at: Vec<i64>,
    first_responded_at: Vec<i64>,
    first_resolved_at: Vec<i64>,
    first_reopened_at: Vec<i64>,
    closed_at: Vec<i64>,
    flags: Vec<u8>,
    by: [KeyColumn; Dimension::COUNT],
    requesters: KeyColumn,
}

fn millis_or_never(at: Option<Timestamp>) -> i64 {
    at.map_or(NEVER, Timestamp::millis)
}

fn instant(at: i64) -> Option<Timestamp> {
    (at != NEVER).then_some(Timestamp::from_millis(at))
}

fn word_key(word: Option<String>) -> Key {
    word.map_or(Key::None, |word| Key::Word(Arc::from(word)))
}

impl Columns {
    pub fn len(&self) -> usize {
        self.tickets.len()
    }

    pub fn is_empty(&self) -> bool {
        self.tickets.is_empty()
    }

    /// Inserts or replaces the facts of a ticket.
    pub fn put(&mut self, fact: Fact) {
        let Fact {
            ticket,
            status,
            merged,
            history,
            created_at,
            first_response_due_at,
            first_responded_at,
            first_resolved_at,
            first_resolution_hand_overs,
            first_reopened_at,
            closed_at,
            root_cause_level,
            team,
            assignee,
            requester,
            customer,
            issue_type,
            product,
            channel,
            priority,
        } = fact;
        let new = u32::try_from(self.tickets.len()).unwrap_or(u32::MAX);
        let index = *self.indexes.entry(ticket).or_insert(new) as usize;
        if index == self.tickets.len() {
            self.tickets.push(ticket);
            self.created_at.push(0);
            for instants in [
                &mut self.first_response_due_at,
                &mut self.first_responded_at,
                &mut self.first_resolved_at,
                &mut self.first_reopened_at,
                &mut self.closed_at,
            ] {
                instants.push(NEVER);
            }
            self.flags.push(0);
            self.by.iter_mut().chain([&mut self.requesters]).for_each(|column| column.codes.push(0));
        }
        self.created_at[index] = created_at.millis();
        self.first_response_due_at[index] = millis_or_never(first_response_due_at);
        self.first_responded_at[index] = millis_or_never(first_responded_at);
        self.first_resolved_at[index] = millis_or_never(first_resolved_at);
        self.first_reopened_at[index] = millis_or_never(first_reopened_at);
        self.closed_at[index] = millis_or_never(closed_at);
        let SourceHistory { incomplete, merged: merged_in_source, response_unknown, resolution_unknown } = history;
        let unanswered = status == TicketStatus::Cancelled && first_responded_at.is_none();
        let flags = [
            (merged || merged_in_source || unanswered, EXCLUDED),
            (first_resolution_hand_overs > 0, HANDED_OVER),
            (root_cause_level == Some(RootCauseLevel::L3DesignDefect), DEFECT),
            (incomplete, INCOMPLETE),
            (response_unknown, RESPONSE_UNKNOWN),
            (resolution_unknown, RESOLUTION_UNKNOWN),
        ];
        self.flags[index] = flags.into_iter().map(|(is_set, flag)| u8::from(is_set) * flag).sum();
        let id = |id: Option<uuid::Uuid>| id.map_or(Key::None, Key::Id);
        for (dimension, key) in [
            (Dimension::Team, id(team.map(|id| id.0))),
            (Dimension::Agent, id(assignee.map(|id| id.0))),
            (Dimension::IssueType, word_key(issue_type)),
            (Dimension::Priority, word_key(Some(priority.as_str().to_owned()))),
            (Dimension::Channel, word_key(Some(channel))),
            (Dimension::Product, word_key(product)),
            (Dimension::Customer, id(customer.map(|id| id.0))),
        ] {
            let column = &mut self.by[dimension as usize];
            column.codes[index] = column.dictionary.code(key);
        }
        self.requesters.codes[index] = self.requesters.dictionary.code(id(requester.map(|id| id.0)));
    }

    pub fn index_of(&self, ticket: TicketId) -> Option<u32> {
        self.indexes.get(&ticket).copied()
    }

    pub fn ticket(&self, index: usize) -> TicketId {
        self.tickets[index]
    }

    pub fn row(&self, index: usize) -> Row {
        let flags = self.flags[index];
        Row {
            created_at: Timestamp::from_millis(self.created_at[index]),
            first_response_due_at: instant(self.first_response_due_at[index]),
            first_responded_at: instant(self.first_responded_at[index]),
            first_resolved_at: instant(self.first_resolved_at[index]),
            first_reopened_at: instant(self.first_reopened_at[index]),
            closed_at: instant(self.closed_at[index]),
            excluded: flags & EXCLUDED != 0,
            handed_over: flags & HANDED_OVER != 0,
            defect: flags & DEFECT != 0,
            incomplete: flags & INCOMPLETE != 0,
            response_unknown: flags & RESPONSE_UNKNOWN != 0,
            resolution_unknown: flags & RESOLUTION_UNKNOWN != 0,
        }
    }

    /// The number of values of a dimension; codes are smaller.
    pub fn values(&self, dimension: Dimension) -> usize {
        self.by[dimension as usize].dictionary.keys.len()
    }

    pub fn key(&self, dimension: Dimension, code: usize) -> &Key {
        &self.by[dimension as usize].dictionary.keys[code]
    }

    /// `None`: no ticket has this value.
    pub fn code(&self, dimension: Dimension, key: &Key) -> Option<u32> {
        self.by[dimension as usize].dictionary.codes.get(key).copied()
    }

    pub fn codes(&self, dimension: Dimension) -> &[u32] {
        &self.by[dimension as usize].codes
    }

    pub fn requester_code(&self, requester: uuid::Uuid) -> Option<u32> {
        self.requesters.dictionary.codes.get(&Key::Id(requester)).copied()
    }

    pub fn requesters(&self) -> &[u32] {
        &self.requesters.codes
    }
}
