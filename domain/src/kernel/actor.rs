//! Who acts. Built once per request from the credential; every right is derived from it and from nothing else.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{ApiKeyId, Code, CustomerId, Error, Result, SessionId, TeamId, UserId, refuse, words};

/// The role of a person. Several may be held; rights add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Role {
    Requester,
    Agent,
    Supervisor,
    ProductManager,
    Partner,
    Admin,
}

impl Role {
    pub const ALL: [Self; 6] =
        [Self::Requester, Self::Agent, Self::Supervisor, Self::ProductManager, Self::Partner, Self::Admin];

    /// The word in the schema, in the database and on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Requester => "REQUESTER",
            Self::Agent => "AGENT",
            Self::Supervisor => "SUPERVISOR",
            Self::ProductManager => "PRODUCT_MANAGER",
            Self::Partner => "PARTNER",
            Self::Admin => "ADMIN",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word().eq_ignore_ascii_case(word))
    }
}

words! {
    /// What an API key is good for.
    ApiScope {
        /// Reporting statuses, and acknowledging corrections.
        Report = "REPORT",
        /// Linking the system's own references to tickets.
        Link = "LINK",
        /// Reading the tickets that the system reported or is linked to.
        Read = "READ",
        /// Receiving corrections by subscription.
        Corrections = "CORRECTIONS",
    }
}

/// The key that a system came with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyAccess {
    pub key: ApiKeyId,
    pub scopes: Vec<ApiScope>,
}

/// A signed-in person, or the account of a system, with everything that decides what they see.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Person {
    pub id: UserId,
    pub roles: Vec<Role>,
    /// Own teams, sorted.
    pub teams: Vec<TeamId>,
    /// Own teams and those of the people supervised, sorted; empty unless a supervisor.
    pub supervised_teams: Vec<TeamId>,
    /// The people whose direct supervisor this is, sorted.
    pub supervised: Vec<UserId>,
    pub customer: Option<CustomerId>,
    /// Keys of the products owned as a product manager, sorted.
    pub products: Vec<String>,
    pub session: Option<SessionId>,
    /// Where it came with an API key in place of a session.
    pub api_key: Option<KeyAccess>,
}

impl Person {
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether the credential is good for this: a session is for everything that its owner may do.
    pub fn has_scope(&self, scope: ApiScope) -> bool {
        self.api_key.as_ref().is_none_or(|access| access.scopes.contains(&scope))
    }

    /// On the responsible side: agents, supervisors and administrators.
    pub fn is_staff(&self) -> bool {
        self.is(Role::Agent) || self.is(Role::Supervisor) || self.is(Role::Admin)
    }
}

/// Who acts in a request or a job.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// Nobody has signed in.
    Anonymous,
    /// Buoy itself: timers, import, the command line beside the data folder.
    System,
    Person(Arc<Person>),
}

impl Actor {
    pub fn person(&self) -> Option<&Person> {
        match self {
            Self::Person(person) => Some(person),
            Self::Anonymous | Self::System => None,
        }
    }

    pub fn user_id(&self) -> Option<UserId> {
        self.person().map(|person| person.id)
    }

    pub fn is(&self, role: Role) -> bool {
        self.person().is_some_and(|person| person.is(role))
    }

    pub fn is_staff(&self) -> bool {
        self.person().is_some_and(Person::is_staff)
    }

    /// For what only administrators and Buoy itself (command line, demo, import) may do.
    pub fn require_admin(&self) -> Result<()> {
        match self {
            Self::System => Ok(()),
            Self::Person(person) if person.is(Role::Admin) => Ok(()),
            Self::Person(_) => {
                Err(refuse(Code::Forbidden, "", "Only an administrator may do this.", "只有管理员可以执行此操作。")
                    .into())
            }
            Self::Anonymous => Err(Error::unauthenticated()),
        }
    }
}
