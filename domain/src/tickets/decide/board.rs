//! What a live feed tells whom: pure, over the snapshots that events carry.

use std::borrow::Cow;
use std::collections::HashSet;

use super::rights::{Grant, Scope, grants_of, sees_as_requester};
use crate::kernel::{Actor, Timestamp, UserId};
use crate::runtime::Audience;
use crate::tickets::model::{BoardKind, Fact, Filter, IdIs, Snapshot, Ticket, TicketEvent};

/// A ticket as it is at delivery, with those who take part.
#[derive(Clone, Debug)]
pub struct Current {
    pub ticket: Ticket,
    pub participants: HashSet<UserId>,
    pub extra: String,
}

/// Whose board it is, and which tickets are on it.
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

    /// What shows tickets on it; `None`: every ticket is concerned.
    pub fn grants(&self) -> Option<&[Grant]> {
        self.scope.grants()
    }

    /// Whether it shows what a requester sees.
    pub fn is_of_requester(&self) -> bool {
        self.as_requester
    }

    /// What it is told of an event; `None`: nothing.
    pub fn told(&self, event: &TicketEvent, audience: Audience, current: &Current) -> Option<BoardKind> {
        if audience == Audience::History || (audience == Audience::Staff && self.as_requester) {
            return None;
        }
        let stands = |snapshot: &Snapshot, participants: &HashSet<UserId>, text| {
            self.scope.sees(snapshot, participants) && matches(&self.filter, snapshot, current, self.as_requester, text)
        };
        // Who takes part now is known; before this event one more did, or one fewer.
        let mut participants = Cow::Borrowed(&current.participants);
        match event.fact {
            Fact::ParticipantAdded { user, .. } => drop(participants.to_mut().remove(&user)),
            Fact::ParticipantRemoved { user } => drop(participants.to_mut().insert(user)),
            _ => {}
        }
        let created = matches!(event.fact, Fact::Created { .. });
        // What the text was is not kept: if it changed, the ticket may have been found by it.
        let retold = match &event.fact {
            Fact::Updated { fields } => fields.iter().any(|field| field == "title" || field == "description"),
            Fact::Redacted { .. } => true,
            _ => false,
        };
        let text_was = if retold { TextPart::Ignored } else { TextPart::Compared };
        let was = !created && stands(event.before.as_ref().unwrap_or(&event.after), &participants, text_was);
        let is = stands(&event.after, &current.participants, TextPart::Compared);
        match (was, is) {
            (_, true) => {
                // It may have left since; then a later event says so.
                let still = self.scope.sees(&current.ticket.snapshot(), &current.participants);
                still.then(|| kind(event))
            }
            (true, false) => Some(BoardKind::Left),
            (false, false) => None,
        }
    }
}

/// Who may be told of an event at all: every scope that saw the ticket before it or sees it after.
pub fn concerned(event: &TicketEvent, current: &Current) -> HashSet<Grant> {
    let mut grants: HashSet<Grant> = event.before.iter().chain([&event.after]).flat_map(grants_of).collect();
    grants.extend(current.participants.iter().map(|user| Grant::Participant(*user)));
    if let Fact::ParticipantRemoved { user } = event.fact {
        grants.insert(Grant::Participant(user));
    }
    grants
}

fn kind(event: &TicketEvent) -> BoardKind {
    match &event.fact {
        Fact::Created { .. } | Fact::Imported { .. } => BoardKind::TicketCreated,
        Fact::Assigned { .. } => BoardKind::Assigned,
        Fact::Commented { .. } => BoardKind::Commented,
        Fact::SlaRisk { .. } => BoardKind::SlaRisk,
        Fact::SlaBreached { .. } => BoardKind::SlaBreached,
        Fact::Escalated { .. } => BoardKind::Escalated,
        _ if event.before.as_ref().is_some_and(|before| before.status != event.after.status) => {
            BoardKind::StatusChanged
        }
        _ => BoardKind::Updated,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextPart {
    Compared,
    Ignored,
}

/// The same decision as `store::filter` in SQL, for one ticket in memory; a test ties the two.
pub fn matches(
    filter: &Filter,
    snapshot: &Snapshot,
    current: &Current,
    as_requester: bool,
    text_part: TextPart,
) -> bool {
    let Filter { and, or, status, priority, assignee, team, customer, created_at, updated_at, text } = filter;
    let Ticket { title, description, .. } = &current.ticket;
    let updated = if as_requester { current.ticket.public_updated_at } else { current.ticket.updated_at };
    let one_of = |words: &Option<Vec<_>>, word| words.as_ref().is_none_or(|words| words.contains(&word));
    and.iter().all(|filter| matches(filter, snapshot, current, as_requester, text_part))
        && (or.is_empty() || or.iter().any(|filter| matches(filter, snapshot, current, as_requester, text_part)))
        && status
            .as_ref()
            .is_none_or(|is| one_of(&is.one_of, snapshot.status) && !is.none_of.contains(&snapshot.status))
        && priority.as_ref().is_none_or(|is| is.one_of.as_ref().is_none_or(|all| all.contains(&snapshot.priority)))
        && id_is(assignee.as_ref(), snapshot.assignee.map(|id| id.0))
        && id_is(team.as_ref(), snapshot.team.map(|id| id.0))
        && id_is(customer.as_ref(), snapshot.customer.map(|id| id.0))
        && created_at.is_none_or(|between| within(between.from, between.before, current.ticket.created_at))
        && updated_at.is_none_or(|between| within(between.from, between.before, updated))
        && (text_part == TextPart::Ignored
            || text.as_ref().is_none_or(|text| search::matches(text, title, description, &current.extra)))
}

fn id_is(is: Option<&IdIs>, id: Option<uuid::Uuid>) -> bool {
    let Some(IdIs { one_of, is_null }) = is else { return true };
    one_of.as_ref().is_none_or(|all| id.is_some_and(|id| all.contains(&id)))
        && is_null.is_none_or(|null| null == id.is_none())
}

fn within(from: Option<Timestamp>, before: Option<Timestamp>, at: Timestamp) -> bool {
    from.is_none_or(|from| from <= at) && before.is_none_or(|before| at < before)
}
