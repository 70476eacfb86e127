//! Satisfaction (tier 5): a survey when a ticket closes, answered with one tap and, if somebody likes, a comment.
//!
//! - A ticket has one survey; the last answer counts, whoever of the asking side gave it. Closed again after a reopening, it is
//!   asked again unless it was answered.
//! - A link carries the right to answer for its recipient, for 30 days after they were asked; opening it changes nothing.
//! - Nobody is asked about history, or about a ticket without a requester.
//!
//! Events in: `TicketClosed`, `TicketRedacted`. Events out: `TicketRated`.

pub mod commands;
pub mod model;
pub mod queries;
pub mod react;
pub(crate) mod store;
