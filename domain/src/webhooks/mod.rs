//! Webhooks (tier 2): signed messages to endpoints of other parties, sent from a queue until they are accepted. A capability
//! that sends webhooks embeds [`model::Endpoint`] and [`model::QueueEntry`] in its own rows and implements
//! [`commands::Outbox`] for them; CONTRIBUTING.md lists the steps.
//!
//! - A message is signed as in Standard Webhooks, by every valid secret: after a rotation the previous one signs too until
//!   the overlap ends.
//! - No URL leads into a private network unless the guard permits it, and no redirect is followed.
//! - A message that is rejected fails alone: it is retried with back-off, and then becomes a dead letter that can be replayed.
//! - An endpoint that cannot be reached fails as a whole: one message probes it with back-off, and after long failure, or at
//!   once by HTTP 410, it is disabled and what is due becomes dead letters. None of its messages counts the failures.
//! - An attempt is recorded before anything is sent.
//!
//! The run of a queue, replays and secrets are commands here. Tables, events and the kind of the job that runs a queue are
//! those of the customer.

pub mod commands;
pub mod decide;
pub mod model;
#[cfg(test)]
mod tests;
