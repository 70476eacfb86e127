//! Users and customers.

mod availability;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

pub use self::availability::*;
use crate::kernel::{CustomerId, Person, Role, SessionId, TeamId, Timestamp, UserId};
use crate::runtime::{LogEvent, LookupCache};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub email: String,
    pub name: String,
    pub roles: Vec<Role>,
    /// In order; the first is the primary team.
    pub teams: Vec<TeamId>,
    pub skills: Vec<String>,
    /// Products that the user is responsible for as a product manager.
    pub products: Vec<String>,
    pub customer: Option<CustomerId>,
    pub supervisor: Option<UserId>,
    pub disabled_at: Option<Timestamp>,
    /// A contact: a writer without an account, whose address their channel proved. Nobody signs in as a contact.
    pub is_contact: bool,
}

/// The domain of the e-mail addresses of contacts that have none; reserved by RFC 2606, so no mail goes there.
pub const CONTACT_DOMAIN: &str = "contact.invalid";

impl User {
    /// The e-mail address; `None`: the user has none.
    pub fn email_address(&self) -> Option<&str> {
        Some(self.email.as_str()).filter(|email| !email.ends_with(".invalid"))
    }

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
    /// Somebody without an account wrote by a channel.
    ContactCreated {
        user: UserId,
    },
    UserChanged {
        user: UserId,
        fields: Vec<String>,
    },
    UserRedacted {
        user: UserId,
    },
    /// The profile, an absence or a delegation changed; rights did not.
    #[serde(rename = "DutyChanged")]
    AvailabilityChanged {
        user: UserId,
        what: String,
    },
    CustomerSaved {
        customer: CustomerId,
        key: String,
        /// Whether its name has changed.
        #[serde(default)]
        renamed: bool,
    },
}

/// Creates a user. Without a password the user cannot sign in.
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
    /// The argon2id hash, computed before the transaction. It is salted, so it does not identify a repeated input.
    #[serde(skip)]
    pub password_hash: Option<String>,
}

/// Changes the given fields; `None` leaves a field unchanged.
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

/// Sets a user's password, by an administrator: an initial one, or a replacement.
#[derive(Clone, Debug, Serialize)]
pub struct SetPassword {
    pub user: UserId,
    /// As in [`CreateUser`].
    #[serde(skip)]
    pub password_hash: String,
}

/// Removes a user's name, address and password permanently. The account is disabled; its history stays.
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

/// Caches sessions with their rights, users, and availability.
pub struct UserCache {
    pub(super) by_session: LookupCache<SessionId, Arc<Person>>,
    pub(super) users: LookupCache<UserId, Arc<User>>,
    pub(super) availability: LookupCache<(), Arc<Availability>>,
}

/// Cached sessions, and cached users.
const USER_CACHE_MAX: u64 = 20_000;

impl Default for UserCache {
    fn default() -> Self {
        Self {
            by_session: LookupCache::new(USER_CACHE_MAX),
            users: LookupCache::new(USER_CACHE_MAX),
            availability: LookupCache::new(1),
        }
    }
}

impl UserCache {
    /// Invalidates everything, after a change of users or rights.
    pub fn invalidate_all(&self) {
        self.by_session.invalidate_all();
        self.users.invalidate_all();
        self.availability.invalidate_all();
    }

    /// The user, if cached.
    pub fn user(&self, id: UserId) -> Option<Arc<User>> {
        self.users.get(&id)
    }
}

/// Wakes the long-lived connections of a person whose access may have ended: a session ended, an API key was revoked, or the
/// account was changed.
#[derive(Default)]
pub struct AccessWatches(Mutex<HashMap<UserId, watch::Sender<()>>>);

impl AccessWatches {
    fn senders(&self) -> MutexGuard<'_, HashMap<UserId, watch::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes whenever the person's access may have ended, from now on.
    pub fn subscribe(&self, user: UserId) -> watch::Receiver<()> {
        self.senders().entry(user).or_insert_with(|| watch::Sender::new(())).subscribe()
    }

    pub(super) fn notify(&self, user: UserId) {
        let mut senders = self.senders();
        // Without a receiver the last connection has closed.
        if senders.get(&user).is_some_and(|sender| sender.send(()).is_err()) {
            senders.remove(&user);
        }
    }
}

impl PeopleEvent {
    /// Whether somebody's rights may have changed.
    pub fn may_change_rights(&self) -> bool {
        !matches!(self, Self::AvailabilityChanged { .. } | Self::ContactCreated { .. })
    }
}

impl LogEvent for PeopleEvent {
    const TAG: &'static str = "People";

    fn kind(&self) -> &'static str {
        match self {
            Self::UserCreated { .. } => "UserCreated",
            Self::ContactCreated { .. } => "ContactCreated",
            Self::UserChanged { .. } => "UserChanged",
            Self::UserRedacted { .. } => "UserRedacted",
            Self::AvailabilityChanged { .. } => "DutyChanged",
            Self::CustomerSaved { .. } => "CustomerSaved",
        }
    }

    fn subject(&self) -> (&'static str, Uuid) {
        match self {
            Self::UserCreated { user, .. }
            | Self::ContactCreated { user }
            | Self::UserChanged { user, .. }
            | Self::UserRedacted { user }
            | Self::AvailabilityChanged { user, .. } => ("user", user.0),
            Self::CustomerSaved { customer, .. } => ("customer", customer.0),
        }
    }
}
