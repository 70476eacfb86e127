//! Builds the state and the events of a ticket from its rows. Pure.

use std::collections::{BTreeSet, HashMap};

use sha2::{Digest, Sha256};

use super::super::model::{CountedUntil, Field, MERGED, Omission, Row};
use super::attribution::{SourceAttribution, SourceSolution, attribution};
use super::{HistoryRules, details};
use crate::kernel::{CustomerId, Locale, Message, TeamId, TicketId, Timestamp, UserId};
use crate::msg;
use crate::tickets::decide::hand_over::count_hand_over;
use crate::tickets::decide::lifecycle::text_digest;
use crate::tickets::model::{
    Attribution, Comment, Fact, History as EventHistory, Ticket, TicketEvent, TicketRequest, TicketStatus,
};

/// The ids of the keys and names in rows.
#[derive(Default)]
pub struct Ids {
    pub teams: HashMap<String, TeamId>,
    pub customers: HashMap<String, CustomerId>,
    pub people: HashMap<String, UserId>,
    /// Accounts of requesters, by what rows call them.
    pub requesters: HashMap<String, UserId>,
    /// Accounts of those who wrote comments.
    pub authors: HashMap<String, UserId>,
    /// The account that holds the comments of authors without one.
    pub source_account: Option<UserId>,
}

/// What a history is built from.
pub struct HistoryInput<'a> {
    pub source: &'a str,
    pub rules: HistoryRules,
    /// The ticket of an earlier import.
    pub before: Option<&'a Ticket>,
    /// In their order.
    pub rows: &'a [Row],
    /// The first row whose events are wanted.
    pub from: usize,
    /// Other rows of the ticket were refused.
    pub incomplete: bool,
    pub ids: &'a Ids,
    /// The language of texts that the import adds.
    pub locale: Locale,
}

/// The result of all rows of a ticket.
pub struct TicketHistory {
    pub ticket: Ticket,
    pub attribution: Option<Attribution>,
    /// What the source says of cause and solution, if that is no attribution.
    pub source_solution: Option<SourceSolution>,
    /// By time.
    pub comments: Vec<Comment>,
    /// In order, each with its own instant.
    pub events: Vec<(TicketEvent, Timestamp)>,
    pub omissions: Vec<Omission>,
}

/// The state of the ticket after all rows, and its events; or the reason of its rejection.
pub fn build_history(id: TicketId, input: &HistoryInput<'_>) -> Result<TicketHistory, Message> {
    let (Some(first), Some(end)) = (input.rows.first(), input.rows.last()) else {
        return Err(msg!("import-rows-missing"));
    };
    let mut builder = HistoryBuilder::new(id, input, first);
    for (index, row) in input.rows.iter().enumerate() {
        builder.apply(index, row);
    }
    builder.close_without_status(end);
    builder.finish(first)
}

/// Replaces the events by an update at `now`, for a source that has changed earlier rows (a list with one row per ticket, or a
/// corrected log).
pub fn into_update(history: TicketHistory, before: &Ticket, source: &str, now: Timestamp) -> TicketHistory {
    let TicketHistory { mut ticket, attribution, source_solution, comments, events, omissions } = history;
    let (was, after) = (before.snapshot(), ticket.snapshot());
    let history = Some(EventHistory { operator: None });
    let closed = (!before.status.is_solved() && ticket.status.is_solved()).then_some(events.last()).flatten();
    let fields = vec![source.to_owned()];
    let (fact, before) = (Fact::Updated { fields }, Some(was));
    let changed =
        TicketEvent { ticket: ticket.id, fact, before, after, first_response: false, reported: false, history };
    let events = std::iter::once((changed, now)).chain(closed.cloned()).collect();
    (ticket.times.updated_at, ticket.times.public_updated_at) = (now, now);
    TicketHistory { ticket, attribution, source_solution, comments, events, omissions }
}

/// The digest of rows; it shows whether the source has changed them.
pub fn digest(rows: &[Row]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for row in rows {
        // The line number is not part of the content.
        let row = Row { line: 0, ..row.clone() };
        hash.update(serde_json::to_vec(&row).expect("rows are plain data"));
        hash.update([0]);
    }
    hash.finalize().to_vec()
}

struct HistoryBuilder<'a> {
    input: &'a HistoryInput<'a>,
    ticket: Ticket,
    events: Vec<(TicketEvent, Timestamp)>,
    reopened: i32,
    /// The row that is applied.
    index: usize,
    /// The running count of the source so far.
    counted: Option<i32>,
    responded: Option<Timestamp>,
    /// The time of the last row, or of the creation.
    last_at: Timestamp,
}

impl<'a> HistoryBuilder<'a> {
    /// Begins with the initial ticket, before its first row is applied.
    fn new(id: TicketId, input: &'a HistoryInput<'a>, first: &Row) -> Self {
        let request = TicketRequest {
            imported: true,
            requester: details::requester(input.rows).and_then(|name| input.ids.requesters.get(name).copied()),
            ..TicketRequest::new(
                first.title.clone(),
                details::description(input.rows, input.ids, input.locale),
                "import",
            )
        };
        let ticket = Ticket::new(id, 0, String::new(), request, first.created);
        Self {
            input,
            ticket,
            events: Vec::new(),
            reopened: 0,
            index: 0,
            counted: None,
            responded: None,
            last_at: first.created,
        }
    }

    fn apply(&mut self, index: usize, row: &Row) {
        self.index = index;
        let was = self.ticket.clone();
        apply_fields(&mut self.ticket, row, self.input.ids);
        let hand_over = self.is_hand_over(&was, row);
        let is_wanted = index >= self.input.from;
        if index == 0 {
            let fact = Fact::Imported { source: self.input.source.to_owned() };
            self.push_event(is_wanted, row, row.at, fact, None);
        }
        for change in row_changes(index == 0, &was, &self.ticket, row) {
            let (fact, at) = match change {
                RowChange::StatusEntered(status) => self.enter_status(was.status, status, row),
                RowChange::Reassigned => (Fact::Assigned { hand_over }, row.at),
                RowChange::FieldsChanged => (Fact::Updated { fields: vec!["priority".to_owned()] }, row.at),
                RowChange::Noted => {
                    (Fact::HistoryNoted { word: row.source_status.clone().unwrap_or_default() }, row.at)
                }
            };
            self.push_event(is_wanted, row, at, fact, Some(&was));
        }
        self.record_response(row);
        // The source counts a reopening, whatever the status.
        if row.reopenings.is_some_and(|count| count > 0) {
            self.record_counted_reopening(row.at);
        }
        self.last_at = row.at;
    }

    /// By the running count of the source if it has one, otherwise by the rule of the life-cycle.
    fn is_hand_over(&mut self, was: &Ticket, row: &Row) -> bool {
        let by_rule = count_hand_over(was, &mut self.ticket);
        let before = self.counted;
        self.counted = before.max(row.hand_overs);
        match self.counted {
            None => by_rule,
            Some(counted) => self.index > 0 && counted > before.unwrap_or(0),
        }
    }

    fn push_event(&mut self, is_wanted: bool, row: &Row, at: Timestamp, fact: Fact, was: Option<&Ticket>) {
        if !is_wanted {
            return;
        }
        let after = self.ticket.snapshot();
        let before = was.map(Ticket::snapshot).filter(|before| *before != after);
        let operator = row.operator.as_ref().and_then(|name| self.input.ids.people.get(name).copied());
        let history = Some(EventHistory { operator });
        let ticket = self.ticket.id;
        self.events
            .push((TicketEvent { ticket, fact, before, after, first_response: false, reported: false, history }, at));
    }

    /// When the ticket was solved; `None`: the row does not say. A list never says by itself, nor does a log that begins with
    /// the solution and knows the creation only from that row.
    fn solved_at(&self, row: &Row) -> Option<Timestamp> {
        let HistoryRules { dated, created_by_row, .. } = self.input.rules;
        if !dated || (created_by_row && self.index == 0) {
            return row.closed;
        }
        // A later closing time is one from the future, which logs repeat on every row of a ticket.
        Some(row.closed.filter(|at| (self.last_at..=row.at).contains(at)).unwrap_or(row.at))
    }

    /// The fact of entering a status and its instant; updates the ticket.
    fn enter_status(&mut self, was: TicketStatus, status: TicketStatus, row: &Row) -> (Fact, Timestamp) {
        let closing = &mut self.ticket.closing;
        if was.is_solved() && status.is_open() {
            self.reopened += 1;
            closing.first_reopened_at = closing.first_reopened_at.or(Some(row.at));
            closing.resolved_at = None;
            closing.closed_at = None;
            return (Fact::Reopened { comment: None }, row.at);
        }
        closing.cancel_reason = row.merged.then(|| MERGED.to_owned());
        let fact = match status {
            TicketStatus::Resolved | TicketStatus::Closed => return self.enter_solved(status, row),
            TicketStatus::Waiting => Fact::WaitingSet { text_digest: text_digest("") },
            TicketStatus::Cancelled => {
                Fact::Cancelled { text_digest: text_digest(closing.cancel_reason.as_deref().unwrap_or_default()) }
            }
            TicketStatus::InProgress if was == TicketStatus::Waiting => Fact::Resumed,
            TicketStatus::InProgress => Fact::Accepted,
            TicketStatus::New | TicketStatus::Assigned => {
                Fact::HistoryNoted { word: row.source_status.clone().unwrap_or_default() }
            }
        };
        (fact, row.at)
    }

    fn enter_solved(&mut self, status: TicketStatus, row: &Row) -> (Fact, Timestamp) {
        let at = self.solved_at(row);
        self.record_first_resolution(at);
        let closing = &mut self.ticket.closing;
        closing.resolved_at = if status == TicketStatus::Closed { closing.resolved_at.or(at) } else { at };
        let fact = if status == TicketStatus::Closed {
            closing.closed_at = at;
            Fact::Closed { automatic: false }
        } else {
            Fact::Resolved { text_digest: text_digest(row.resolution.as_deref().unwrap_or_default()) }
        };
        (fact, at.unwrap_or(row.at))
    }

    /// Records the first resolution; later changes do not undo it.
    fn record_first_resolution(&mut self, at: Option<Timestamp>) {
        let closing = &mut self.ticket.closing;
        if closing.first_resolved_at.is_some() || self.ticket.history.resolution_unknown {
            return;
        }
        closing.first_resolved_at = at;
        closing.first_resolution_hand_overs = self.counted.unwrap_or(self.ticket.counts.hand_overs);
        self.ticket.history.resolution_unknown = at.is_none();
    }

    fn record_counted_reopening(&mut self, at: Timestamp) {
        let closing = &mut self.ticket.closing;
        if let Some(resolved_at) = closing.first_resolved_at {
            closing.first_reopened_at = closing.first_reopened_at.or(Some(at.max(resolved_at)));
        }
    }

    /// The first row that shows work; a list shows it at no time.
    fn record_response(&mut self, row: &Row) {
        self.responded = [self.responded, row.responded].into_iter().flatten().min();
        let HistoryRules { dated, created_by_row, .. } = self.input.rules;
        let Ticket { status, times, history, .. } = &mut self.ticket;
        let is_waiting = matches!(status, TicketStatus::New | TicketStatus::Assigned);
        if !dated || is_waiting || times.first_responded_at.is_some() || history.response_unknown {
            return;
        }
        if created_by_row && self.index == 0 {
            // The work began before this row, and so did the ticket.
            history.response_unknown = true;
        } else {
            times.first_responded_at = Some(row.at.max(times.created_at));
        }
    }

    /// A closing time closes a ticket whose last row has no status.
    fn close_without_status(&mut self, end: &Row) {
        let Some(closed) = end.closed.filter(|_| end.status.is_none() && self.ticket.status.is_open()) else { return };
        let was = self.ticket.clone();
        self.ticket.status = TicketStatus::Closed;
        self.record_first_resolution(Some(closed));
        let closing = &mut self.ticket.closing;
        closing.resolved_at = closing.resolved_at.or(Some(closed));
        closing.closed_at = Some(closed);
        let is_wanted = self.input.from < self.input.rows.len();
        self.push_event(is_wanted, end, closed, Fact::Closed { automatic: false }, Some(&was));
        if end.reopenings.is_some_and(|count| count > 0) {
            self.record_counted_reopening(closed);
        }
    }

    fn finish(mut self, first: &Row) -> Result<TicketHistory, Message> {
        self.finish_counts();
        let rows = self.input.rows;
        let latest = rows.iter().map(|row| row.at).chain(self.ticket.closing.closed_at).max().unwrap_or(first.at);
        (self.ticket.times.updated_at, self.ticket.times.public_updated_at) = (latest, latest);
        let response = self.responded.or(self.ticket.times.first_responded_at);
        self.ticket.times.first_responded_at = response;
        if let Some(before) = self.input.before {
            keep_changes_in_buoy(&mut self.ticket, before);
        }
        let mut omissions = self.finish_history(first);
        let (attribution, source_solution) = match attribution(&self.ticket, rows) {
            SourceAttribution::Nothing => (None, None),
            SourceAttribution::Whole(attribution) => (Some(attribution), None),
            SourceAttribution::Text { solution, missing } => {
                omissions.push(Omission::Attribution { missing });
                (None, Some(solution))
            }
        };
        if self.ticket.status == TicketStatus::Resolved && attribution.is_none() {
            return Err(msg!("import-attribution-missing"));
        }
        let comments = details::comments(self.ticket.id, rows, self.input.ids, self.input.locale);
        Ok(TicketHistory {
            ticket: self.ticket,
            attribution,
            source_solution,
            comments,
            events: self.events,
            omissions,
        })
    }

    fn finish_counts(&mut self) {
        let counted = self.input.rows.iter().filter_map(|row| row.reopenings).max();
        self.ticket.counts.reopenings = counted.unwrap_or(self.reopened);
        let Some(counted) = self.counted else { return };
        self.ticket.counts.hand_overs = counted;
        let closing = &mut self.ticket.closing;
        if self.input.rules.hand_overs_until == CountedUntil::End && closing.first_resolved_at.is_some() {
            closing.first_resolution_hand_overs = counted;
        }
    }

    /// What the rows leave open.
    fn finish_history(&mut self, first: &Row) -> Vec<Omission> {
        let HistoryInput { rules, rows, incomplete, .. } = *self.input;
        let Ticket { status, times, history, .. } = &mut self.ticket;
        let mut omissions = Vec::new();
        if incomplete {
            omissions.push(Omission::Rows);
        }
        let several = !rules.created_by_row && rows.iter().any(|row| row.created != first.created);
        if several {
            omissions.push(Omission::SeveralTickets { rows: rows.len() });
        } else if !rules.dated && rows.len() > 1 {
            omissions.push(Omission::RepeatedId { rows: rows.len() });
        }
        if history.resolution_unknown {
            omissions.push(Omission::ClosingTime);
        }
        let fields: BTreeSet<Field> = rows.iter().flat_map(|row| row.truncated.iter().copied()).collect();
        if !fields.is_empty() {
            omissions.push(Omission::Texts { fields: fields.into_iter().collect() });
        }
        history.incomplete = incomplete || several;
        let is_unknown = history.response_unknown
            || match status {
                TicketStatus::Resolved | TicketStatus::Closed => true,
                TicketStatus::InProgress | TicketStatus::Waiting => !rules.dated,
                // That nobody responded is known only where the list has a status or a column for it.
                TicketStatus::New | TicketStatus::Assigned => {
                    !rules.dated && !rules.names_response && rows.iter().all(|row| row.source_status.is_none())
                }
                TicketStatus::Cancelled => false,
            };
        history.response_unknown = is_unknown && times.first_responded_at.is_none();
        omissions
    }
}

/// Keeps the fields that only change in Buoy.
fn keep_changes_in_buoy(ticket: &mut Ticket, before: &Ticket) {
    (ticket.number, ticket.token, ticket.version) = (before.number, before.token.clone(), before.version);
    ticket.request.requester = before.request.requester.or(ticket.request.requester);
    ticket.request.required_skills.clone_from(&before.request.required_skills);
    let responded = before.times.first_responded_at.into_iter().chain(ticket.times.first_responded_at).min();
    ticket.times.first_responded_at = responded;
    ticket.times.first_opened_at = before.times.first_opened_at;
    ticket.times.first_opened_by = before.times.first_opened_by;
    ticket.counts.chases = before.counts.chases;
    ticket.closing.merged_into = before.closing.merged_into;
}

/// Applies the fields of a row. A blank leaves what the rows before said.
fn apply_fields(ticket: &mut Ticket, row: &Row, ids: &Ids) {
    let keep = |new: &Option<String>, old: &mut Option<String>| {
        if new.is_some() {
            old.clone_from(new);
        }
    };
    keep(&row.issue_type, &mut ticket.request.issue_type);
    keep(&row.product, &mut ticket.request.product);
    keep(&row.device, &mut ticket.request.device);
    ticket.assignment.team = row.team.as_ref().and_then(|key| ids.teams.get(key).copied()).or(ticket.assignment.team);
    ticket.request.customer =
        row.customer.as_ref().and_then(|key| ids.customers.get(key).copied()).or(ticket.request.customer);
    ticket.assignment.assignee =
        row.assignee.as_ref().and_then(|name| ids.people.get(name).copied()).or(ticket.assignment.assignee);
    if let Some(channel) = &row.channel {
        ticket.request.channel = channel.to_lowercase();
    }
    ticket.request.priority = row.priority.unwrap_or(ticket.request.priority);
    ticket.status = match row.status.unwrap_or(ticket.status) {
        TicketStatus::New if ticket.assignment.assignee.is_some() => TicketStatus::Assigned,
        status => status,
    };
    if row.status.is_some() {
        ticket.history.merged = row.merged;
    }
    ticket.assignment.accepted |= matches!(ticket.status, TicketStatus::InProgress | TicketStatus::Waiting);
}

/// A change of a ticket by a row.
#[derive(Clone, Debug, PartialEq, Eq)]
enum RowChange {
    /// Another team or assignee.
    Reassigned,
    /// The ticket entered this status.
    StatusEntered(TicketStatus),
    /// Another priority, type, product or device.
    FieldsChanged,
    /// A change without an equivalent in Buoy.
    Noted,
}

/// The changes of a ticket by a row; at least one.
fn row_changes(is_first: bool, was: &Ticket, now: &Ticket, row: &Row) -> Vec<RowChange> {
    let mut changes = Vec::new();
    let owner = |ticket: &Ticket| (ticket.assignment.team, ticket.assignment.assignee);
    if owner(was) != owner(now) {
        changes.push(RowChange::Reassigned);
    }
    // NEW becomes ASSIGNED by its assignee, which is a change of its own.
    let is_assigned = (was.status, now.status) == (TicketStatus::New, TicketStatus::Assigned);
    if (is_first && row.status.is_some()) || (was.status != now.status && !is_assigned) {
        changes.push(RowChange::StatusEntered(row.status.unwrap_or(now.status)));
    }
    let fields = |ticket: &Ticket| {
        let TicketRequest { priority, issue_type, product, device, .. } = &ticket.request;
        (*priority, issue_type.clone(), product.clone(), device.clone())
    };
    if !is_first && fields(was) != fields(now) {
        changes.push(RowChange::FieldsChanged);
    }
    if changes.is_empty() {
        changes.push(RowChange::Noted);
    }
    changes
}
