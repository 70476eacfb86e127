//! Recommend (tier 5): a closed ticket is a case for the next engineer.
//!
//! - This node's index follows the log ([`react::follow`]): documents and the place in the log are one commit, so after
//!   kill -9 it goes on where it was. It holds nothing that the database does not, and can be built anew beside the
//!   running one.
//! - A case is found by its title and description; scope is a clause of the query, and SQL checks the hits again.
//! - What it means is a vector, made behind the log ([`commands::run`]) and kept in the database; where there is none, words
//!   alone decide.
//! - Of one card one case is shown; what was reopened, or fails those who cite it, sinks ([`decide::sinks`]).
//!
//! - What becomes of a case that was shown (cited, dismissed and why) is kept; once a day the weights of likeness are learned from it,
//!   and used where they gain on tickets that they were not learned from ([`decide::learn`]).
//!
//! Events in: `Ticket*`. Events out: `RankingLearned`, and of tickets `TicketSuggestionDismissed`, `TicketSuggestionRestored`.

pub mod commands;
pub mod decide;
pub mod model;
pub mod queries;
pub mod react;
mod store;
