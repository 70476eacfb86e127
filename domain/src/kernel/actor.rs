//! Who acts. An actor is built once per request from the credential; all rights derive from it alone.

use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{ApiKeyId, Code, CustomerId, Error, Result, SessionId, TeamId, UnknownValue, UserId, refuse, string_enum};
use crate::msg;

/// The role of a person. A person may have several; their rights add up.
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

    /// The name in the schema, in the database and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requester => "REQUESTER",
            Self::Agent => "AGENT",
            Self::Supervisor => "SUPERVISOR",
            Self::ProductManager => "PRODUCT_MANAGER",
            Self::Partner => "PARTNER",
            Self::Admin => "ADMIN",
        }
    }
}

impl FromStr for Role {
    type Err = UnknownValue;

    /// In any case.
    fn from_str(text: &str) -> std::result::Result<Self, UnknownValue> {
        Self::ALL.into_iter().find(|role| role.as_str().eq_ignore_ascii_case(text)).ok_or(UnknownValue)
    }
}

string_enum! {
    /// What an API key allows.
    ApiScope {
        /// Reporting statuses, and acknowledging corrections.
        Report = "REPORT",
        /// Linking the system's own references to tickets.
        Link = "LINK",
        /// Reading the tickets that the system reported or is linked to.
        Read = "READ",
        /// Receiving corrections by subscription.
        Corrections = "CORRECTIONS",
        /// Creating tickets, with the system's own references.
        Create = "CREATE",
    }
}

/// The API key of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyAccess {
    pub key: ApiKeyId,
    pub scopes: Vec<ApiScope>,
}

/// A signed-in person, or the account of a system, with everything that determines what they may see.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Person {
    pub id: UserId,
    pub roles: Vec<Role>,
    /// Own teams, sorted.
    pub teams: Vec<TeamId>,
    /// Own teams and those of the supervised people, sorted; empty unless a supervisor.
    pub supervised_teams: Vec<TeamId>,
    /// The people whose direct supervisor this is, sorted.
    pub supervised: Vec<UserId>,
    pub customer: Option<CustomerId>,
    /// Keys of the products owned as a product manager, sorted.
    pub products: Vec<String>,
    pub session: Option<SessionId>,
    /// Set when the request used an API key instead of a session.
    pub api_key: Option<KeyAccess>,
}

impl Person {
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether the credential allows this scope. A session has every scope.
    pub fn has_scope(&self, scope: ApiScope) -> bool {
        self.api_key.as_ref().is_none_or(|access| access.scopes.contains(&scope))
    }

    /// Agents, supervisors and administrators.
    pub fn is_staff(&self) -> bool {
        self.is(Role::Agent) || self.is(Role::Supervisor) || self.is(Role::Admin)
    }
}

/// Who acts in a request or a job.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// Not signed in.
    Anonymous,
    /// Buoy itself: timers, import, the local command line.
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

    /// Only administrators and Buoy itself (command line, demo, import) pass.
    pub fn require_admin(&self) -> Result<()> {
        match self {
            Self::System => Ok(()),
            Self::Person(person) if person.is(Role::Admin) => Ok(()),
            Self::Person(_) => Err(refuse(Code::Forbidden, "", msg!("administrator-required")).into()),
            Self::Anonymous => Err(Error::unauthenticated()),
        }
    }
}
