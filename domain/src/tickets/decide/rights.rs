//! Who sees which tickets, and who may do what with them.
//!
//! A [`Scope`] is only built here, from an actor. SQL (`store`), the search index (terms) and the live feed (`sees`)
//! use the same value.

use std::collections::HashSet;

use super::lifecycle::status_allows;
use crate::kernel::{Actor, ApiScope, Code, CustomerId, Person, Refusal, Role, TeamId, UserId, refuse};
use crate::msg;
use crate::tickets::model::{Access, Action, Priority, Snapshot, Ticket, TicketStatus};

/// One reason why an actor sees a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Grant {
    Team(TeamId),
    /// Tickets without a team.
    NoTeam,
    Assignee(UserId),
    Requester(UserId),
    /// Follower, mentioned person, earlier owner, or the account of a system that reported or is linked to it.
    Participant(UserId),
    Customer(CustomerId),
    Product(String),
}

/// The tickets that an actor sees in full.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope(Coverage);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Coverage {
    All,
    Granted(Vec<Grant>),
}

impl Scope {
    /// What the actor may read.
    pub fn of(actor: &Actor) -> Self {
        let person = match actor {
            Actor::System => return Self(Coverage::All),
            Actor::Anonymous => return Self(Coverage::Granted(Vec::new())),
            Actor::Person(person) if person.is(Role::Admin) => return Self(Coverage::All),
            Actor::Person(person) => person,
        };
        let mut grants = Vec::new();
        if person.is(Role::Agent) || person.is(Role::Supervisor) {
            let teams = if person.is(Role::Supervisor) { &person.supervised_teams } else { &person.teams };
            grants.extend(teams.iter().map(|team| Grant::Team(*team)));
            grants.extend([Grant::NoTeam, Grant::Assignee(person.id), Grant::Participant(person.id)]);
            grants.extend(person.supervised.iter().map(|user| Grant::Assignee(*user)));
        }
        if person.is(Role::ProductManager) {
            grants.extend(person.products.iter().map(|product| Grant::Product(product.clone())));
        }
        if person.is(Role::Requester) {
            grants.extend(person.customer.map(Grant::Customer));
        }
        if person.is(Role::Requester) || person.is_staff() {
            grants.push(Grant::Requester(person.id));
        }
        // A system's account is a participant of tickets that the system reported or is linked to.
        if person.is(Role::Partner) && person.has_scope(ApiScope::Read) {
            grants.push(Grant::Participant(person.id));
        }
        Self(Coverage::Granted(grants))
    }

    /// `None`: all tickets.
    pub fn grants(&self) -> Option<&[Grant]> {
        match &self.0 {
            Coverage::All => None,
            Coverage::Granted(grants) => Some(grants),
        }
    }

    pub fn sees(&self, ticket: &Snapshot, participants: &HashSet<UserId>) -> bool {
        self.grants().is_none_or(|grants| {
            grants.iter().any(|grant| match grant {
                Grant::Team(team) => ticket.team == Some(*team),
                Grant::NoTeam => ticket.team.is_none(),
                Grant::Assignee(user) => ticket.assignee == Some(*user),
                Grant::Requester(user) => ticket.requester == Some(*user),
                Grant::Participant(user) => participants.contains(user),
                Grant::Customer(customer) => ticket.customer == Some(*customer),
                Grant::Product(product) => ticket.product.as_deref() == Some(product),
            })
        })
    }

    /// The scope as terms of the search index; `None`: all tickets.
    pub fn terms(&self) -> Option<Vec<String>> {
        self.grants().map(|grants| grants.iter().map(Grant::term).collect())
    }
}

impl Grant {
    pub fn term(&self) -> String {
        match self {
            Self::Team(team) => format!("team:{team}"),
            Self::NoTeam => "team:none".to_owned(),
            Self::Assignee(user) => format!("assignee:{user}"),
            Self::Requester(user) => format!("requester:{user}"),
            Self::Participant(user) => format!("participant:{user}"),
            Self::Customer(customer) => format!("customer:{customer}"),
            Self::Product(product) => format!("product:{product}"),
        }
    }
}

/// A status as a term of the index.
pub fn status_term(status: TicketStatus) -> String {
    format!("status:{}", status.as_str())
}

/// A priority as a term of the index.
pub fn priority_term(priority: Priority) -> String {
    format!("priority:{}", priority.as_str())
}

/// Every grant that shows a ticket in this state, except those of participants.
pub fn grants_of(ticket: &Snapshot) -> Vec<Grant> {
    let mut grants = vec![ticket.team.map_or(Grant::NoTeam, Grant::Team)];
    grants.extend(ticket.assignee.map(Grant::Assignee));
    grants.extend(ticket.requester.map(Grant::Requester));
    grants.extend(ticket.customer.map(Grant::Customer));
    grants.extend(ticket.product.clone().map(Grant::Product));
    grants
}

/// The index terms of a ticket: status, priority, and one for each grant that shows it.
pub fn terms_of(ticket: &Snapshot, participants: &HashSet<UserId>) -> Vec<String> {
    let mut terms = vec![status_term(ticket.status), priority_term(ticket.priority)];
    terms.extend(grants_of(ticket).iter().map(Grant::term));
    terms.extend(participants.iter().map(|user| Grant::Participant(*user).term()));
    terms
}

/// Whether the actor may read solved tickets outside their scope as cases.
pub fn reads_cases(actor: &Actor) -> bool {
    match actor {
        Actor::System => true,
        Actor::Anonymous => false,
        Actor::Person(person) => person.is_staff(),
    }
}

/// The actor's access to this ticket; `None`: the ticket must not be revealed.
pub fn access(actor: &Actor, ticket: &Ticket, participants: &HashSet<UserId>) -> Option<Access> {
    if Scope::of(actor).sees(&ticket.snapshot(), participants) {
        Some(Access::Full)
    } else if is_case(ticket) && reads_cases(actor) {
        Some(Access::Case)
    } else {
        None
    }
}

/// Whether others may read the ticket as a case.
pub fn is_case(ticket: &Ticket) -> bool {
    ticket.status.is_solved() && !ticket.request.confidential
}

/// Whether the actor sees no staff fields and no internal comments.
pub fn sees_as_requester(actor: &Actor) -> bool {
    match actor {
        Actor::System => false,
        Actor::Anonymous => true,
        Actor::Person(person) => !person.is_staff() && !person.is(Role::ProductManager),
    }
}

/// Whether an action of this actor counts as a response to the requester.
pub fn counts_as_response(actor: &Actor, ticket: &Ticket) -> bool {
    actor.person().is_some_and(|person| person.is_staff() && ticket.request.requester != Some(person.id))
}

/// The requester, or a requester of the same customer.
fn is_requester_side(person: &Person, ticket: &Ticket) -> bool {
    ticket.request.requester == Some(person.id)
        || (person.is(Role::Requester)
            && ticket.request.customer.is_some()
            && ticket.request.customer == person.customer)
}

/// Whether an actor with full access has the right to this action. [`super::lifecycle`] checks the status.
pub fn may(actor: &Actor, action: Action, ticket: &Ticket) -> Result<(), Refusal> {
    let person = match actor {
        Actor::System => return Ok(()),
        Actor::Anonymous => return Err(forbidden(action)),
        Actor::Person(person) => person,
    };
    let is_lead = person.is(Role::Admin) || person.is(Role::Supervisor);
    let is_assignee = person.is_staff() && ticket.assignment.assignee == Some(person.id);
    let can_claim = person.is(Role::Agent) && ticket.assignment.assignee.is_none();
    let allowed = match action {
        Action::Assign => is_lead || is_assignee || can_claim,
        Action::Accept => is_lead || is_assignee || can_claim,
        Action::SetWaiting | Action::Resume | Action::Resolve => is_lead || is_assignee,
        Action::Attribute => is_lead || is_assignee || (person.is_staff() && ticket.request.imported),
        Action::Comment | Action::Open => person.is_staff() || is_requester_side(person, ticket),
        Action::CommentInternally | Action::Update | Action::Follow | Action::Cite => person.is_staff(),
        // A system may link its own number to a ticket in which it is a participant.
        Action::Link => person.is_staff() || person.is(Role::Partner),
        Action::Rate => is_requester_side(person, ticket),
        Action::Close => is_lead || is_assignee || is_requester_side(person, ticket),
        Action::Reopen | Action::Chase => person.is_staff() || is_requester_side(person, ticket),
        Action::Cancel => is_lead || is_assignee || can_claim || is_requester_side(person, ticket),
    };
    if allowed { Ok(()) } else { Err(forbidden(action)) }
}

fn forbidden(action: Action) -> Refusal {
    let message = match action {
        Action::SetWaiting | Action::Resume | Action::Resolve | Action::Attribute => {
            msg!("tickets-assignee-required")
        }
        Action::Assign | Action::Accept => msg!("tickets-reassign-forbidden"),
        _ => msg!("tickets-forbidden"),
    };
    refuse(Code::Forbidden, "ticketId", message)
}

/// The same answer for a missing and for an invisible ticket.
pub fn not_found(field: &str) -> Refusal {
    refuse(Code::NotFound, field, msg!("tickets-not-found"))
}

/// The actions that the viewer's rights and the ticket's status allow.
pub fn allowed_actions(actor: &Actor, ticket: &Ticket) -> Vec<Action> {
    [
        Action::Assign,
        Action::Accept,
        Action::SetWaiting,
        Action::Resume,
        Action::Comment,
        Action::CommentInternally,
        Action::Resolve,
        Action::Close,
        Action::Reopen,
        Action::Cancel,
        Action::Chase,
        Action::Open,
        Action::Update,
        Action::Attribute,
        Action::Link,
        Action::Follow,
        Action::Cite,
        Action::Rate,
    ]
    .into_iter()
    .filter(|action| status_allows(*action, ticket) && may(actor, *action, ticket).is_ok())
    .collect()
}
