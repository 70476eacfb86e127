//! People (tier 2): who works here and for whom. Users with roles, teams, skills and a supervisor; customer
//! organisations and their requesters. Signing in is here, because it begins with an e-mail address.
//!
//! - A person is never deleted, only disabled: what they did keeps its author.
//! - When somebody works, how much they take, what they can and how well, when they are away and who stands in for them
//!   ([`model::Duty`]): what dispatch and escalation go by.
//! - [`model::Roster`] keeps signed-in people in memory; whatever changes a person or a team empties it.
//!
//! Events out: `UserCreated`, `UserChanged`, `CustomerSaved`. Events in: those of auth, for the roster.

pub mod commands;
pub mod decide;
pub mod model;
pub mod queries;
pub mod react;
pub(crate) mod store;
#[cfg(test)]
mod tests;
