//! What a ticket's rows make of it: its state and its events. Pure.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::super::model::Row;
use crate::kernel::{CustomerId, TeamId, TicketId, Timestamp, UserId};
use crate::tickets::decide::lifecycle::text_digest;
use crate::tickets::model::{
    Attribution, AttributionGiven, Fact, History as OfHistory, Priority, Ticket, TicketEvent, TicketStatus,
};

/// What the keys and names in rows stand for here.
#[derive(Default)]
pub struct Ids {
    pub teams: HashMap<String, TeamId>,
    pub customers: HashMap<String, CustomerId>,
    pub people: HashMap<String, UserId>,
}

/// A ticket as its rows leave it.
pub struct Told {
    pub ticket: Ticket,
    pub attribution: Option<Attribution>,
    /// In order, each with its own instant.
    pub events: Vec<(TicketEvent, Timestamp)>,
}

/// The ticket as its rows leave it, and the events of the rows from `from` on; or why not.
pub fn history(
    id: TicketId,
    source: &str,
    before: Option<&Ticket>,
    rows: &[Row],
    from: usize,
    ids: &Ids,
) -> Result<Told, String> {
    let (Some(first), Some(end)) = (rows.first(), rows.last()) else { return Err("it has no rows".to_owned()) };
    let mut ticket = blank(id, first);
    let mut events = Vec::new();
    let mut last: Option<&Row> = None;
    let (mut reopened, mut handed_over) = (0, 0);
    for (place, row) in rows.iter().enumerate() {
        let was = ticket.snapshot();
        take_over(&mut ticket, row, ids);
        let mut tell = |fact: Fact, before, after| {
            if place >= from {
                let history = Some(OfHistory { operator: operator(row, ids) });
                events.push((
                    TicketEvent { ticket: id, fact, before, after, first_response: false, reported: false, history },
                    row.at,
                ));
            }
        };
        if last.is_none() {
            tell(Fact::Imported { source: source.to_owned() }, None, ticket.snapshot());
        }
        for step in steps(last, row) {
            let before = Some(was.clone()).filter(|was| *was != ticket.snapshot());
            let fact = match step {
                Step::Entered(status) => {
                    let fact = entered(&mut ticket, was.status, status, row, &mut reopened);
                    first_resolved(&mut ticket, row.at, handed_over);
                    fact
                }
                Step::Moved { hand_over } => {
                    handed_over += i32::from(hand_over);
                    Fact::Assigned { hand_over }
                }
                Step::Changed => Fact::Updated { fields: vec!["priority".to_owned()] },
                Step::Noted => Fact::HistoryNoted { word: row.word.clone().unwrap_or_default() },
            };
            tell(fact, before, ticket.snapshot());
        }
        // The source counts a reopening, whatever it calls the status.
        if ticket.first_resolved_at.is_some() && row.reopenings.is_some_and(|count| count > 0) {
            ticket.first_reopened_at = ticket.first_reopened_at.or(Some(row.at));
        }
        last = Some(row);
    }
    if let Some(closed) = end.closed.filter(|_| end.status.is_none()) {
        let was = ticket.snapshot();
        close(&mut ticket, closed);
        first_resolved(&mut ticket, closed, handed_over);
        let history = Some(OfHistory { operator: operator(end, ids) });
        let fact = Fact::Closed { automatic: false };
        let (before, after) = (Some(was), ticket.snapshot());
        events.push((
            TicketEvent { ticket: id, fact, before, after, first_response: false, reported: false, history },
            closed,
        ));
    }
    ticket.reopen_count = rows.iter().filter_map(|row| row.reopenings).max().unwrap_or(reopened);
    let counted = rows.iter().filter_map(|row| row.hand_overs).max();
    ticket.hand_over_count = counted.unwrap_or(handed_over);
    if let Some(counted) = counted.filter(|_| ticket.first_resolved_at.is_some()) {
        ticket.first_resolution_hand_overs = counted;
    }
    let latest = rows.iter().map(|row| row.at).chain(ticket.closed_at).max().unwrap_or(first.at);
    (ticket.updated_at, ticket.public_updated_at) = (latest, latest);
    if let Some(before) = before {
        // What has happened to it here, and no source knows.
        let Ticket {
            number,
            token,
            version,
            requester,
            required_skills,
            first_opened_at,
            first_opened_by,
            first_responded_at,
            chase_count,
            merged_into,
            ..
        } = before.clone();
        let first_responded_at = first_responded_at.into_iter().chain(ticket.first_responded_at).min();
        ticket = Ticket {
            number,
            token,
            version,
            requester,
            required_skills,
            first_opened_at,
            first_opened_by,
            first_responded_at,
            chase_count,
            merged_into,
            ..ticket
        };
    }
    let attribution = attribution(&ticket, end);
    if ticket.status == TicketStatus::Resolved && attribution.is_none() {
        let reason = "it is RESOLVED without attribution: name columns for it, or map the source's word to CLOSED";
        return Err(reason.to_owned());
    }
    Ok(Told { ticket, attribution, events })
}

/// Where a source says anew how a ticket stands (a list with one row a ticket, or a log whose earlier rows were mended):
/// what has changed, as events of `now`.
pub fn restated(told: Told, before: &Ticket, source: &str, now: Timestamp) -> Told {
    let Told { mut ticket, attribution, events } = told;
    let (was, after) = (before.snapshot(), ticket.snapshot());
    let history = Some(OfHistory { operator: None });
    let closed = (!before.status.is_solved() && ticket.status.is_solved()).then_some(events.last()).flatten();
    let fields = vec![source.to_owned()];
    let (fact, before) = (Fact::Updated { fields }, Some(was));
    let changed =
        TicketEvent { ticket: ticket.id, fact, before, after, first_response: false, reported: false, history };
    let events = std::iter::once((changed, now)).chain(closed.cloned()).collect();
    (ticket.updated_at, ticket.public_updated_at) = (now, now);
    Told { ticket, attribution, events }
}

fn operator(row: &Row, ids: &Ids) -> Option<UserId> {
    row.operator.as_ref().and_then(|name| ids.people.get(name).copied())
}

/// What a row says of the fields that stand beside the status.
fn take_over(ticket: &mut Ticket, row: &Row, ids: &Ids) {
    let keep = |new: &Option<String>, old: &mut Option<String>| {
        if new.is_some() {
            old.clone_from(new);
        }
    };
    keep(&row.issue_type, &mut ticket.issue_type);
    keep(&row.product, &mut ticket.product);
    keep(&row.device, &mut ticket.device);
    ticket.team = row.team.as_ref().and_then(|key| ids.teams.get(key).copied()).or(ticket.team);
    ticket.customer = row.customer.as_ref().and_then(|key| ids.customers.get(key).copied()).or(ticket.customer);
    ticket.assignee = row.assignee.as_ref().and_then(|name| ids.people.get(name).copied()).or(ticket.assignee);
    if let Some(channel) = &row.channel {
        ticket.channel = channel.to_lowercase();
    }
    ticket.priority = row.priority.unwrap_or(ticket.priority);
    ticket.status = match row.status.unwrap_or(ticket.status) {
        TicketStatus::New if ticket.assignee.is_some() => TicketStatus::Assigned,
        status => status,
    };
    let responded = !matches!(ticket.status, TicketStatus::New | TicketStatus::Assigned);
    if responded && ticket.first_responded_at.is_none() {
        ticket.first_responded_at = Some(row.at.max(ticket.created_at));
    }
}

/// The attribution of a solved ticket, where its source has all of one.
fn attribution(ticket: &Ticket, row: &Row) -> Option<Attribution> {
    if !ticket.status.is_solved() {
        return None;
    }
    let given = AttributionGiven {
        fault_type: row.fault_type?,
        root_cause_level: row.root_cause_level?,
        cause_tag: row.cause_tag.clone(),
        solution_tags: vec![row.solution_tag.clone()?],
        resolution: row.resolution.clone()?,
    };
    Some(Attribution { ticket: ticket.id, given, by: ticket.assignee?, at: ticket.resolved_at.unwrap_or(row.at) })
}

/// The fact of entering a status, and what it leaves on the ticket.
fn entered(ticket: &mut Ticket, was: TicketStatus, status: TicketStatus, row: &Row, reopened: &mut i32) -> Fact {
    let reopening = was.is_solved() && status.is_open();
    if reopening {
        *reopened += 1;
        ticket.first_reopened_at = ticket.first_reopened_at.or(Some(row.at));
        ticket.resolved_at = None;
        ticket.closed_at = None;
        return Fact::Reopened { comment: None };
    }
    match status {
        TicketStatus::Resolved => {
            ticket.resolved_at = Some(row.at);
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
        TicketStatus::New | TicketStatus::Assigned => Fact::HistoryNoted { word: row.word.clone().unwrap_or_default() },
    }
}

/// Whatever leads there first, and is not undone by what follows.
fn first_resolved(ticket: &mut Ticket, at: Timestamp, handed_over: i32) {
    if ticket.status.is_solved() && ticket.first_resolved_at.is_none() {
        ticket.first_resolved_at = Some(at);
        ticket.first_resolution_hand_overs = handed_over;
    }
}

fn close(ticket: &mut Ticket, at: Timestamp) {
    ticket.status = TicketStatus::Closed;
    ticket.resolved_at = ticket.resolved_at.or(Some(at));
    ticket.closed_at = Some(at);
}

/// The ticket of a first row, before any row says anything.
fn blank(id: TicketId, first: &Row) -> Ticket {
    Ticket {
        id,
        number: 0,
        token: String::new(),
        title: first.title.clone(),
        description: first.description.clone(),
        status: TicketStatus::New,
        priority: Priority::Normal,
        issue_type: None,
        product: None,
        device: None,
        required_skills: Vec::new(),
        channel: "import".to_owned(),
        version: 1,
        requester: None,
        customer: None,
        assignee: None,
        team: None,
        accepted: false,
        confidential: false,
        imported: true,
        created_at: first.created,
        updated_at: first.at,
        public_updated_at: first.at,
        first_opened_at: None,
        first_opened_by: None,
        first_responded_at: None,
        resolved_at: None,
        closed_at: None,
        reopen_count: 0,
        hand_over_count: 0,
        chase_count: 0,
        waiting_reason: None,
        cancel_reason: None,
        merged_into: None,
        first_resolved_at: None,
        first_resolution_hand_overs: 0,
        first_reopened_at: None,
        no_response_marked_at: None,
        pending: None,
    }
}

/// The digest of a ticket's first rows: whether the source has rewritten its history.
pub fn digest(rows: &[Row]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for row in rows {
        // The line is where it stood in this file, not what it says.
        let row = Row { line: 0, ..row.clone() };
        hash.update(serde_json::to_vec(&row).expect("rows are plain data"));
        hash.update([0]);
    }
    hash.finalize().to_vec()
}

/// What a row changes about its ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The ticket entered this status.
    Entered(TicketStatus),
    /// Another team or assignee.
    Moved { hand_over: bool },
    /// Another priority, type, product or device.
    Changed,
    /// Nothing that Buoy has a word for.
    Noted,
}

/// What happened between two rows of a ticket, oldest first; at least one step.
pub fn steps(before: Option<&Row>, row: &Row) -> Vec<Step> {
    let mut steps = Vec::new();
    let same = |of: fn(&Row) -> &Option<String>| before.is_some_and(|before| of(before) == of(row));
    if !(same(|row| &row.team) && same(|row| &row.assignee)) && (row.team.is_some() || row.assignee.is_some()) {
        steps.push(Step::Moved { hand_over: before.is_some_and(|before| is_hand_over(before, row)) });
    }
    let was = before.and_then(|before| before.status);
    if let Some(status) = row.status.filter(|status| was != Some(*status)) {
        steps.push(Step::Entered(status));
    }
    if before.is_some_and(|before| before.priority != row.priority)
        || !(before.is_none() || same(|row| &row.issue_type) && same(|row| &row.product) && same(|row| &row.device))
    {
        steps.push(Step::Changed);
    }
    if steps.is_empty() {
        steps.push(Step::Noted);
    }
    steps
}

/// The source's own count where it has one; else a change of hands after somebody had begun.
fn is_hand_over(before: &Row, row: &Row) -> bool {
    match (before.hand_overs, row.hand_overs) {
        (None, None) => {
            let begun = matches!(before.status, Some(TicketStatus::InProgress | TicketStatus::Waiting));
            begun && (before.team.is_some() || before.assignee.is_some())
        }
        (before, now) => now.unwrap_or(0) > before.unwrap_or(0),
    }
}
