//! Which subscribers of the live feed receive an event: pure, from the snapshots that events carry.

use std::borrow::Cow;
use std::collections::HashSet;

use super::rights::{Grant, Scope, grants_of, sees_as_requester};
use crate::kernel::{Actor, Timestamp, UserId};
use crate::runtime::Audience;
use crate::tickets::model::{
    BoardDelta, Fact, Filter, IdIs, SearchTexts, Snapshot, Ticket, TicketEvent, TicketRequest,
};

/// The current state of a ticket at delivery, with its participants.
#[derive(Clone, Debug)]
pub struct LiveTicket {
    pub ticket: Ticket,
    pub participants: HashSet<UserId>,
    pub texts: SearchTexts,
}

/// A live list of tickets: the viewer's scope and a filter.
#[derive(Clone, Debug)]
pub struct Board {
    scope: Scope,
    as_requester: bool,
    filter: Filter,
}

impl Board {
    pub fn of(actor: &Actor, filter: Filter) -> Self {
        Self { scope: Scope::of(actor), as_requester: sees_as_requester(actor), filter }
    }

    /// The grants of the viewer's scope; `None`: every ticket.
    pub fn grants(&self) -> Option<&[Grant]> {
        self.scope.grants()
    }

    /// Whether the list depends on the texts of tickets.
    pub fn searches_texts(&self) -> bool {
        self.filter.has_text()
    }

    /// Whether the viewer only sees what a requester sees.
    pub fn is_of_requester(&self) -> bool {
        self.as_requester
    }

    /// How an event changes this board; `None`: not at all.
    pub fn delta(&self, event: &TicketEvent, audience: Audience, current: &LiveTicket) -> Option<BoardDelta> {
        if audience == Audience::History || (audience == Audience::Staff && self.as_requester) {
            return None;
        }
        let is_listed = |snapshot: &Snapshot, participants: &HashSet<UserId>, text| {
            self.scope.sees(snapshot, participants) && matches(&self.filter, snapshot, current, self.as_requester, text)
        };
        // Only the current participants are known: undo this event's change for the state before it.
        let mut participants = Cow::Borrowed(&current.participants);
        match event.fact {
            Fact::ParticipantAdded { user, .. } => drop(participants.to_mut().remove(&user)),
            Fact::ParticipantRemoved { user } => drop(participants.to_mut().insert(user)),
            _ => {}
        }
        let created = matches!(event.fact, Fact::Created { .. });
        // The old text is not stored. If it changed, assume that the ticket matched before.
        let text_changed = match &event.fact {
            Fact::Updated { fields } => {
                fields.iter().any(|field| matches!(field.as_str(), "title" | "description" | "device" | "product"))
            }
            Fact::Redacted { .. } | Fact::Attributed { .. } | Fact::Unlinked { .. } => true,
            _ => false,
        };
        let text_before = if text_changed { TextMatching::Ignored } else { TextMatching::Compared };
        let was_listed =
            !created && is_listed(event.before.as_ref().unwrap_or(&event.after), &participants, text_before);
        let now_listed = is_listed(&event.after, &current.participants, TextMatching::Compared);
        match (was_listed, now_listed) {
            (_, true) => {
                // If the ticket became invisible since, a later event reports it.
                let still_visible = self.scope.sees(&current.ticket.snapshot(), &current.participants);
                still_visible.then(|| kind(event))
            }
            (true, false) => Some(BoardDelta::Left),
            (false, false) => None,
        }
    }
}

/// Every grant that shows the ticket before or after the event.
pub fn affected_scopes(event: &TicketEvent, current: &LiveTicket) -> HashSet<Grant> {
    let mut grants: HashSet<Grant> = event.before.iter().chain([&event.after]).flat_map(grants_of).collect();
    grants.extend(current.participants.iter().map(|user| Grant::Participant(*user)));
    if let Fact::ParticipantRemoved { user } = event.fact {
        grants.insert(Grant::Participant(user));
    }
    grants
}

fn kind(event: &TicketEvent) -> BoardDelta {
    match &event.fact {
        Fact::Created { .. } | Fact::Imported { .. } => BoardDelta::TicketCreated,
        Fact::Assigned { .. } => BoardDelta::Assigned,
        Fact::Commented { .. } => BoardDelta::Commented,
        _ if event.before.as_ref().is_some_and(|before| before.status != event.after.status) => {
            BoardDelta::StatusChanged
        }
        Fact::Other(fact) => fact.board_delta().unwrap_or(BoardDelta::Updated),
        _ => BoardDelta::Updated,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextMatching {
    Compared,
    Ignored,
}

/// Evaluates a filter for one ticket in memory. `store::select::filter` is the same in SQL; a test compares the two.
pub fn matches(
    filter: &Filter,
    snapshot: &Snapshot,
    current: &LiveTicket,
    as_requester: bool,
    text_matching: TextMatching,
) -> bool {
    let Filter { and, or, status, priority, assignee, team, customer, created_at, updated_at, text } = filter;
    let TicketRequest { title, description, .. } = &current.ticket.request;
    let updated = if as_requester { current.ticket.times.public_updated_at } else { current.ticket.times.updated_at };
    let one_of = |words: &Option<Vec<_>>, word| words.as_ref().is_none_or(|words| words.contains(&word));
    and.iter().all(|filter| matches(filter, snapshot, current, as_requester, text_matching))
        && (or.is_empty() || or.iter().any(|filter| matches(filter, snapshot, current, as_requester, text_matching)))
        && status
            .as_ref()
            .is_none_or(|is| one_of(&is.one_of, snapshot.status) && !is.none_of.contains(&snapshot.status))
        && priority.as_ref().is_none_or(|is| is.one_of.as_ref().is_none_or(|all| all.contains(&snapshot.priority)))
        && id_matches(assignee.as_ref(), snapshot.assignee.map(|id| id.0))
        && id_matches(team.as_ref(), snapshot.team.map(|id| id.0))
        && id_matches(customer.as_ref(), snapshot.customer.map(|id| id.0))
        && created_at.is_none_or(|between| within(between.from, between.before, current.ticket.times.created_at))
        && updated_at.is_none_or(|between| within(between.from, between.before, updated))
        && (text_matching == TextMatching::Ignored
            || text.as_ref().is_none_or(|text| {
                let SearchTexts { extra, restricted } = &current.texts;
                let restricted = if as_requester { "" } else { restricted.as_str() };
                search::matches(text, &[title, description, extra, restricted])
            }))
}

fn id_matches(is: Option<&IdIs>, id: Option<uuid::Uuid>) -> bool {
    let Some(IdIs { one_of, is_null }) = is else { return true };
    one_of.as_ref().is_none_or(|all| id.is_some_and(|id| all.contains(&id)))
        && is_null.is_none_or(|null| null == id.is_none())
}

fn within(from: Option<Timestamp>, before: Option<Timestamp>, at: Timestamp) -> bool {
    from.is_none_or(|from| from <= at) && before.is_none_or(|before| at < before)
}
