//! Recommend (tier 6): finds similar solved tickets for the next engineer.
//!
//! - This node's index follows the log ([`react::follow`]). Documents and cursor are one commit, so after kill -9 it
//!   continues where it was. Everything in it comes from the database; it can be rebuilt while the old one
//!   serves.
//! - A case is found by title and description; the scope is a clause of the query, and SQL checks the hits again.
//! - Vectors are computed behind the log ([`commands::run_encoder`]) and stored in the database; without them only words
//!   count.
//! - Of each solution one case is shown: of a card, or of texts that are nearly the same. Reopened cases, and cases whose citing tickets fail, get a lower score ([`decide::rank_penalty`]).
//!
//! - Feedback on cases (cited, dismissed and why) is stored. Once a day the ranking's weights are fitted to it,
//!   and used if they improve held-out tickets ([`decide::fit_weights`]).
//!
//! Events in: `Ticket*`. Events out: `RankingLearned`, and of tickets `TicketSuggestionDismissed`, `TicketSuggestionRestored`.

pub mod commands;
pub mod decide;
pub mod model;
pub mod queries;
pub mod react;
mod store;

use crate::runtime::module::{Queue, QueuedJob};
use crate::runtime::{EventType, Module};
use crate::tickets::model::FactType;

pub const MODULE: Module = Module {
    events: &[EventType::of::<model::RecommendEvent>()],
    extensions: &[&FactType::of::<model::SuggestionFact>()],
    on_event: Some(react::on_event),
    observe: Some(react::observe),
    queues: &[Queue { name: model::SUGGEST_QUEUE, concurrency: 4 }, Queue { name: model::LEARN_QUEUE, concurrency: 4 }],
    queued: &[
        QueuedJob {
            kind: model::SUGGEST_JOB,
            begin_send: commands::begin_suggesting,
            complete_send: commands::complete_suggesting,
        },
        QueuedJob {
            kind: model::LEARN_JOB,
            begin_send: commands::begin_learning,
            complete_send: commands::complete_learning,
        },
    ],
    states: Some(react::states),
    start: Some(react::start),
    ..Module::new("recommend")
};
