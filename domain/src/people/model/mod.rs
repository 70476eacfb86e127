//! Users, teams, customers.

mod duty;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use self::duty::*;
use crate::kernel::{CustomerId, Person, Role, SessionId, TeamId, Timestamp, UserId};
use crate::runtime::Shelf;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub email: String,
    pub name: String,
    pub roles: Vec<Role>,
    /// In their order; the first is the person's team.
    pub teams: Vec<TeamId>,
    pub skills: Vec<String>,
    /// Products answered for as a product manager.
    pub products: Vec<String>,
    pub customer: Option<CustomerId>,
    pub supervisor: Option<UserId>,
    pub disabled_at: Option<Timestamp>,
}

impl User {
    pub fn is_staff(&self) -> bool {
        self.roles.iter().any(|role| matches!(role, Role::Agent | Role::Supervisor | Role::Admin))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    pub id: CustomerId,
    pub key: String,
    pub name: String,
    pub region: Option<String>,
    pub archived: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum PeopleEvent {
    UserCreated {
        user: UserId,
        roles: Vec<Role>,
    },
    UserChanged {
        user: UserId,
        fields: Vec<String>,
    },
    UserRedacted {
        user: UserId,
    },
    /// What they can, take, when they are away or who stands in; no right of anybody.
    DutyChanged {
        user: UserId,
        what: String,
    },
    CustomerSaved {
        customer: CustomerId,
        key: String,
    },
}

/// Creates a person. Without a password they cannot sign in yet.
#[derive(Clone, Debug, Serialize)]
pub struct CreateUser {
    pub email: String,
    pub name: String,
    pub roles: Vec<Role>,
    pub team_keys: Vec<String>,
    pub skills: Vec<String>,
    pub products: Vec<String>,
    pub customer_key: Option<String>,
    pub supervisor: Option<UserId>,
    /// The argon2id hash, made before the transaction. A hash is salted: it says nothing about the same input again.
    #[serde(skip)]
    pub password_hash: Option<String>,
}

/// Changes what is given; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, Serialize)]
pub struct UpdateUser {
    pub user: Option<UserId>,
    pub name: Option<String>,
    pub roles: Option<Vec<Role>>,
    pub team_keys: Option<Vec<String>>,
    pub skills: Option<Vec<String>>,
    pub products: Option<Vec<String>>,
    pub customer_key: Option<String>,
    pub supervisor: Option<UserId>,
    pub disabled: Option<bool>,
}

/// Gives somebody a password, by an administrator: a first one, or in place of one that was forgotten.
#[derive(Clone, Debug, Serialize)]
pub struct SetPassword {
    pub user: UserId,
    /// As in [`CreateUser`].
    #[serde(skip)]
    pub password_hash: String,
}

/// Takes a person's name, address and password out, for good; the account is disabled, and what it did stays.
#[derive(Clone, Debug, Serialize)]
pub struct RedactUser {
    pub user: UserId,
}

#[derive(Clone, Debug, Serialize)]
pub struct SaveCustomer {
    pub key: String,
    pub name: String,
    pub region: Option<String>,
    pub archived: bool,
}

/// People in memory: signed-in ones with all their rights, and everybody as they are shown.
pub struct Roster {
    pub(super) by_session: Shelf<SessionId, Arc<Person>>,
    pub(super) users: Shelf<UserId, Arc<User>>,
    pub(super) duty: Shelf<(), Arc<Duty>>,
}

/// Sessions, and people, kept in memory.
const ROSTER_MAX: u64 = 20_000;

impl Default for Roster {
    fn default() -> Self {
        Self { by_session: Shelf::new(ROSTER_MAX), users: Shelf::new(ROSTER_MAX), duty: Shelf::new(1) }
    }
}

impl Roster {
    /// Somebody, or somebody's rights, may have changed.
    pub fn forget_all(&self) {
        self.by_session.forget_all();
        self.users.forget_all();
        self.duty.forget_all();
    }

    /// Whoever is kept in memory.
    pub fn user(&self, id: UserId) -> Option<Arc<User>> {
        self.users.get(&id)
    }
}
