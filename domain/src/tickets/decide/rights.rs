//! Who sees which ticket, and who may do what with it.
//!
//! A [`Scope`] is made from an actor here and nowhere else. SQL (`store`), the search index (as terms) and the live
//! feed (`sees`) read the same value.

use std::collections::HashSet;

use super::lifecycle::fits;
use crate::kernel::{Actor, ApiScope, Code, CustomerId, Person, Refusal, Role, TeamId, UserId, refuse};
use crate::tickets::model::{Access, Action, Priority, Snapshot, Ticket, TicketStatus};

/// One reason to see a ticket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Grant {
    Team(TeamId),
    /// Tickets that no team has yet.
    NoTeam,
    Assignee(UserId),
    Requester(UserId),
    /// Follower, mentioned, earlier owner, or the account of a system that speaks of it.
    Participant(UserId),
    Customer(CustomerId),
    Product(String),
}

/// The tickets somebody sees in full.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope(Reach);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Reach {
    Everything,
    Some(Vec<Grant>),
}

impl Scope {
    /// What the actor may read.
    pub fn of(actor: &Actor) -> Self {
        let person = match actor {
            Actor::System => return Self(Reach::Everything),
            Actor::Anonymous => return Self(Reach::Some(Vec::new())),
            Actor::Person(person) if person.is(Role::Admin) => return Self(Reach::Everything),
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
        // The account of a system takes part in what the system reported or is linked to.
        if person.is(Role::Partner) && person.has_scope(ApiScope::Read) {
            grants.push(Grant::Participant(person.id));
        }
        Self(Reach::Some(grants))
    }

    /// `None`: everything.
    pub fn grants(&self) -> Option<&[Grant]> {
        match &self.0 {
            Reach::Everything => None,
            Reach::Some(grants) => Some(grants),
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

    /// The scope as terms of the search index; `None`: everything.
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
    format!("status:{}", status.word())
}

/// A priority as a term of the index.
pub fn priority_term(priority: Priority) -> String {
    format!("priority:{}", priority.word())
}

/// Every grant that shows a ticket that stands so, but for those of participants.
pub fn grants_of(ticket: &Snapshot) -> Vec<Grant> {
    let mut grants = vec![ticket.team.map_or(Grant::NoTeam, Grant::Team)];
    grants.extend(ticket.assignee.map(Grant::Assignee));
    grants.extend(ticket.requester.map(Grant::Requester));
    grants.extend(ticket.customer.map(Grant::Customer));
    grants.extend(ticket.product.clone().map(Grant::Product));
    grants
}

/// The terms by which a ticket is found in the index: where it stands, and one for each grant that would show it.
pub fn terms_of(ticket: &Snapshot, participants: &HashSet<UserId>) -> Vec<String> {
    let mut terms = vec![status_term(ticket.status), priority_term(ticket.priority)];
    terms.extend(grants_of(ticket).iter().map(Grant::term));
    terms.extend(participants.iter().map(|user| Grant::Participant(*user).term()));
    terms
}

/// Whether the actor reads solved tickets of others as cases.
pub fn reads_cases(actor: &Actor) -> bool {
    match actor {
        Actor::System => true,
        Actor::Anonymous => false,
        Actor::Person(person) => person.is_staff(),
    }
}

/// What the actor may know of this ticket; `None`: not even that it exists.
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
    ticket.status.is_solved() && !ticket.confidential
}

/// Whether the actor sees only what a requester sees of a ticket: no staff fields, no internal comments.
pub fn sees_as_requester(actor: &Actor) -> bool {
    match actor {
        Actor::System => false,
        Actor::Anonymous => true,
        Actor::Person(person) => !person.is_staff() && !person.is(Role::ProductManager),
    }
}

/// Whether an act of this actor is a response of the responsible side.
pub fn responds(actor: &Actor, ticket: &Ticket) -> bool {
    actor.person().is_some_and(|person| person.is_staff() && ticket.requester != Some(person.id))
}

/// On the asking side: the requester, or somebody of the same organisation.
fn asks(person: &Person, ticket: &Ticket) -> bool {
    ticket.requester == Some(person.id)
        || (person.is(Role::Requester) && ticket.customer.is_some() && ticket.customer == person.customer)
}

/// Whether somebody who sees a ticket in full may do this with it. Whether it fits the ticket's status is for
/// [`super::lifecycle`] to say.
pub fn may(actor: &Actor, action: Action, ticket: &Ticket) -> Result<(), Refusal> {
    let person = match actor {
        Actor::System => return Ok(()),
        Actor::Anonymous => return Err(forbidden(action)),
        Actor::Person(person) => person,
    };
    let leads = person.is(Role::Admin) || person.is(Role::Supervisor);
    let is_assignee = person.is_staff() && ticket.assignee == Some(person.id);
    let free_agent = person.is(Role::Agent) && ticket.assignee.is_none();
    let allowed = match action {
        Action::Assign => leads || is_assignee || free_agent,
        Action::Accept => leads || is_assignee || free_agent,
        Action::SetWaiting | Action::Resume | Action::Resolve => leads || is_assignee,
        Action::Attribute => leads || is_assignee || (person.is_staff() && ticket.imported),
        Action::Comment | Action::Open => person.is_staff() || asks(person, ticket),
        Action::CommentInternally | Action::Update | Action::Follow | Action::Cite => person.is_staff(),
        // A system links its own number to a ticket that it takes part in.
        Action::Link => person.is_staff() || person.is(Role::Partner),
        Action::Rate => asks(person, ticket),
        Action::Close => leads || is_assignee || asks(person, ticket),
        Action::Reopen | Action::Chase => person.is_staff() || asks(person, ticket),
        Action::Cancel => leads || is_assignee || free_agent || asks(person, ticket),
    };
    if allowed { Ok(()) } else { Err(forbidden(action)) }
}

fn forbidden(action: Action) -> Refusal {
    let (en, zh) = match action {
        Action::SetWaiting | Action::Resume | Action::Resolve | Action::Attribute => (
            "Only the assignee, a supervisor or an administrator may do this: have the ticket assigned to you.",
            "只有受理人、主管或管理员可以执行此操作，请先将工单指派给您。",
        ),
        Action::Assign | Action::Accept => (
            "This ticket is somebody else's: ask them, a supervisor or an administrator to hand it over.",
            "该工单由他人负责，请联系受理人、主管或管理员转派。",
        ),
        _ => ("You may see this ticket, but not do this with it.", "您可以查看该工单，但无权执行此操作。"),
    };
    refuse(Code::Forbidden, "ticketId", en, zh)
}

/// Not there, or not visible: the same answer.
pub fn not_found(field: &str) -> Refusal {
    refuse(Code::NotFound, field, "There is no such ticket, or you may not see it.", "工单不存在，或您无权查看。")
}

/// What the viewer may do now: the ones whose right and status fit.
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
    .filter(|action| fits(*action, ticket) && may(actor, *action, ticket).is_ok())
    .collect()
}
