//! People (tier 2): users with roles, teams, skills and a supervisor; customer organisations and their requesters. Signing in
//! belongs here, because it starts with a user's e-mail address.
//!
//! - A user is never deleted, only disabled, so that every action keeps its author.
//! - A contact is a writer without an account: a user whom a channel identified, with the role REQUESTER and without sign-in.
//! - [`model::Availability`] holds skills, capacities, calendars, absences and delegations for dispatch and escalation.
//! - [`model::UserCache`] caches signed-in people; every change of a user or a team invalidates it.
//! - [`model::AccessWatches`] wakes the sockets of a person whose session, API key or account has ended.
//!
//! Events out: `UserCreated`, `ContactCreated`, `UserChanged`, `CustomerSaved`. Events in: those of auth, for the cache.

pub mod commands;
pub mod decide;
pub mod model;
pub mod queries;
pub mod react;
pub(crate) mod store;
#[cfg(test)]
mod tests;

use crate::runtime::{EventType, Module};

pub const MODULE: Module = Module {
    events: &[EventType::of::<model::PeopleEvent>()],
    on_event: Some(react::on_event),
    observe: Some(react::observe),
    states: Some(|states| {
        states.insert(model::UserCache::default());
        states.insert(model::AccessWatches::default());
    }),
    ..Module::new("people")
};
