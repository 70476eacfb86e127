//! Builds the state and the events of a ticket from its rows. Pure.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::super::model::Row;
use crate::kernel::{CustomerId, Message, TeamId, TicketId, Timestamp, UserId};
use crate::msg;
use crate::tickets::decide::lifecycle::text_digest;
use crate::tickets::model::{
    Attribution, AttributionDetails, Fact, History as EventHistory, Ticket, TicketEvent, TicketRequest, TicketStatus,
};

/// The ids of the keys and names in rows.
#[derive(Default)]
pub struct Ids {
    pub teams: HashMap<String, TeamId>,
    pub customers: HashMap<String, CustomerId>,
    pub people: HashMap<String, UserId>,
}

/// The result of all rows of a ticket.
pub struct TicketHistory {
    pub ticket: Ticket,
    pub attribution: Option<Attribution>,
    /// In order, each with its own instant.
    pub events: Vec<(TicketEvent, Timestamp)>,
}

/// The state of the ticket after all rows, and the events of the rows from `from` on; or the reason of its rejection.
pub fn build_history(
    id: TicketId,
    source: &str,
    before: Option<&Ticket>,
    rows: &[Row],
    from: usize,
    ids: &Ids,
) -> Result<TicketHistory, Message> {
    let (Some(first), Some(end)) = (rows.first(), rows.last()) else { return Err(msg!("import-rows-missing")) };
    let mut ticket = new_ticket(id, first);
    let mut events = Vec::new();
    let mut last: Option<&Row> = None;
    let (mut reopened, mut handed_over) = (0, 0);
    for (index, row) in rows.iter().enumerate() {
        let was = ticket.snapshot();
        apply_fields(&mut ticket, row, ids);
        let mut push_event = |fact: Fact, before, after| {
            if index >= from {
                let history = Some(EventHistory { operator: operator(row, ids) });
                events.push((
                    TicketEvent { ticket: id, fact, before, after, first_response: false, reported: false, history },
                    row.at,
                ));
            }
        };
        if last.is_none() {
            push_event(Fact::Imported { source: source.to_owned() }, None, ticket.snapshot());
        }
        for change in row_changes(last, row) {
            let before = Some(was.clone()).filter(|was| *was != ticket.snapshot());
            let fact = match change {
                RowChange::StatusEntered(status) => {
                    let fact = enter_status(&mut ticket, was.status, status, row, &mut reopened);
                    record_first_resolution(&mut ticket, row.at, handed_over);
                    fact
                }
                RowChange::Reassigned { hand_over } => {
                    handed_over += i32::from(hand_over);
                    Fact::Assigned { hand_over }
                }
                RowChange::FieldsChanged => Fact::Updated { fields: vec!["priority".to_owned()] },
                RowChange::Noted => Fact::HistoryNoted { word: row.source_status.clone().unwrap_or_default() },
            };
            push_event(fact, before, ticket.snapshot());
        }
        // The source counts a reopening, whatever the status.
        if ticket.closing.first_resolved_at.is_some() && row.reopenings.is_some_and(|count| count > 0) {
            ticket.closing.first_reopened_at = ticket.closing.first_reopened_at.or(Some(row.at));
        }
        last = Some(row);
    }
    if let Some(closed) = end.closed.filter(|_| end.status.is_none()) {
        let was = ticket.snapshot();
        close(&mut ticket, closed);
        record_first_resolution(&mut ticket, closed, handed_over);
        let history = Some(EventHistory { operator: operator(end, ids) });
        let fact = Fact::Closed { automatic: false };
        let (before, after) = (Some(was), ticket.snapshot());
        events.push((
            TicketEvent { ticket: id, fact, before, after, first_response: false, reported: false, history },
            closed,
        ));
    }
    ticket.counts.reopenings = rows.iter().filter_map(|row| row.reopenings).max().unwrap_or(reopened);
    let counted = rows.iter().filter_map(|row| row.hand_overs).max();
    ticket.counts.hand_overs = counted.unwrap_or(handed_over);
    if let Some(counted) = counted.filter(|_| ticket.closing.first_resolved_at.is_some()) {
        ticket.closing.first_resolution_hand_overs = counted;
    }
    let latest = rows.iter().map(|row| row.at).chain(ticket.closing.closed_at).max().unwrap_or(first.at);
    (ticket.times.updated_at, ticket.times.public_updated_at) = (latest, latest);
    if let Some(before) = before {
        // Keep the fields that only change in Buoy.
        (ticket.number, ticket.token, ticket.version) = (before.number, before.token.clone(), before.version);
        ticket.request.requester = before.request.requester;
        ticket.request.required_skills.clone_from(&before.request.required_skills);
        let responded = before.times.first_responded_at.into_iter().chain(ticket.times.first_responded_at).min();
        ticket.times.first_responded_at = responded;
        ticket.times.first_opened_at = before.times.first_opened_at;
        ticket.times.first_opened_by = before.times.first_opened_by;
        ticket.counts.chases = before.counts.chases;
        ticket.closing.merged_into = before.closing.merged_into;
    }
    let attribution = attribution(&ticket, end);
    if ticket.status == TicketStatus::Resolved && attribution.is_none() {
        return Err(msg!("import-attribution-missing"));
    }
    Ok(TicketHistory { ticket, attribution, events })
}

/// Replaces the events by an update at `now`, for a source that has changed earlier rows (a list with one row per ticket, or a
/// corrected log).
pub fn into_update(history: TicketHistory, before: &Ticket, source: &str, now: Timestamp) -> TicketHistory {
    let TicketHistory { mut ticket, attribution, events } = history;
    let (was, after) = (before.snapshot(), ticket.snapshot());
    let history = Some(EventHistory { operator: None });
    let closed = (!before.status.is_solved() && ticket.status.is_solved()).then_some(events.last()).flatten();
    let fields = vec![source.to_owned()];
    let (fact, before) = (Fact::Updated { fields }, Some(was));
    let changed =
        TicketEvent { ticket: ticket.id, fact, before, after, first_response: false, reported: false, history };
    let events = std::iter::once((changed, now)).chain(closed.cloned()).collect();
    (ticket.times.updated_at, ticket.times.public_updated_at) = (now, now);
    TicketHistory { ticket, attribution, events }
}

fn operator(row: &Row, ids: &Ids) -> Option<UserId> {
    row.operator.as_ref().and_then(|name| ids.people.get(name).copied())
}

/// Applies the fields of a row.
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
    let responded = !matches!(ticket.status, TicketStatus::New | TicketStatus::Assigned);
    if responded && ticket.times.first_responded_at.is_none() {
        ticket.times.first_responded_at = Some(row.at.max(ticket.times.created_at));
    }
}

/// The attribution of a solved ticket, if its source has all parts of it.
fn attribution(ticket: &Ticket, row: &Row) -> Option<Attribution> {
    if !ticket.status.is_solved() {
        return None;
    }
    let details = AttributionDetails {
        fault_type: row.fault_type?,
        root_cause_level: row.root_cause_level?,
        cause_tag: row.cause_tag.clone(),
        solution_tags: vec![row.solution_tag.clone()?],
        resolution: row.resolution.clone()?,
    };
    Some(Attribution {
        ticket: ticket.id,
        details,
        by: ticket.assignment.assignee?,
        at: ticket.closing.resolved_at.unwrap_or(row.at),
    })
}

/// The fact of entering a status; updates the ticket.
fn enter_status(ticket: &mut Ticket, was: TicketStatus, status: TicketStatus, row: &Row, reopened: &mut i32) -> Fact {
    let reopening = was.is_solved() && status.is_open();
    if reopening {
        *reopened += 1;
        ticket.closing.first_reopened_at = ticket.closing.first_reopened_at.or(Some(row.at));
        ticket.closing.resolved_at = None;
        ticket.closing.closed_at = None;
        return Fact::Reopened { comment: None };
    }
    match status {
        TicketStatus::Resolved => {
            ticket.closing.resolved_at = Some(row.at);
            Fact::Resolved { text_digest: text_digest(row.resolution.as_deref().unwrap_or_default()) }
        }
        TicketStatus::Closed => {
            close(ticket, row.at);
            Fact::Closed { automatic: false }
        }
        TicketStatus::Waiting => Fact::WaitingSet { text_digest: text_digest("") },
        TicketStatus::Cancelled => Fact::Cancelled { text_digest: text_digest("") },
        TicketStatus::InProgress if was == TicketStatus::Waiting => Fact::Resumed,
        TicketStatus::InProgress => Fact::Accepted,
        TicketStatus::New | TicketStatus::Assigned => {
            Fact::HistoryNoted { word: row.source_status.clone().unwrap_or_default() }
        }
    }
}

/// Records the first resolution; later changes do not undo it.
fn record_first_resolution(ticket: &mut Ticket, at: Timestamp, handed_over: i32) {
    if ticket.status.is_solved() && ticket.closing.first_resolved_at.is_none() {
        ticket.closing.first_resolved_at = Some(at);
        ticket.closing.first_resolution_hand_overs = handed_over;
    }
}

fn close(ticket: &mut Ticket, at: Timestamp) {
    ticket.status = TicketStatus::Closed;
    ticket.closing.resolved_at = ticket.closing.resolved_at.or(Some(at));
    ticket.closing.closed_at = Some(at);
}

/// The initial ticket, before its first row is applied.
fn new_ticket(id: TicketId, first: &Row) -> Ticket {
    let request = TicketRequest {
        imported: true,
        ..TicketRequest::new(first.title.clone(), first.description.clone(), "import")
    };
    let mut ticket = Ticket::new(id, 0, String::new(), request, first.created);
    (ticket.times.updated_at, ticket.times.public_updated_at) = (first.at, first.at);
    ticket
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

/// A change of a ticket by a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowChange {
    /// The ticket entered this status.
    StatusEntered(TicketStatus),
    /// Another team or assignee.
    Reassigned { hand_over: bool },
    /// Another priority, type, product or device.
    FieldsChanged,
    /// A change without an equivalent in Buoy.
    Noted,
}

/// The changes between two rows of a ticket; at least one.
pub fn row_changes(before: Option<&Row>, row: &Row) -> Vec<RowChange> {
    let mut changes = Vec::new();
    let same = |of: fn(&Row) -> &Option<String>| before.is_some_and(|before| of(before) == of(row));
    if !(same(|row| &row.team) && same(|row| &row.assignee)) && (row.team.is_some() || row.assignee.is_some()) {
        changes.push(RowChange::Reassigned { hand_over: before.is_some_and(|before| is_hand_over(before, row)) });
    }
    let was = before.and_then(|before| before.status);
    if let Some(status) = row.status.filter(|status| was != Some(*status)) {
        changes.push(RowChange::StatusEntered(status));
    }
    if before.is_some_and(|before| before.priority != row.priority)
        || !(before.is_none() || same(|row| &row.issue_type) && same(|row| &row.product) && same(|row| &row.device))
    {
        changes.push(RowChange::FieldsChanged);
    }
    if changes.is_empty() {
        changes.push(RowChange::Noted);
    }
    changes
}

/// By the count of the source if it has one; otherwise a reassignment after work had started.
fn is_hand_over(before: &Row, row: &Row) -> bool {
    match (before.hand_overs, row.hand_overs) {
        (None, None) => {
            let begun = matches!(before.status, Some(TicketStatus::InProgress | TicketStatus::Waiting));
            begun && (before.team.is_some() || before.assignee.is_some())
        }
        (before, now) => now.unwrap_or(0) > before.unwrap_or(0),
    }
}
