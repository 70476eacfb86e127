//! Satisfaction (tier 6): a survey when a ticket closes, answered with one tap and an optional comment.
//!
//! - A ticket has one survey; the last answer of the requester's side counts. A ticket that closes again is surveyed again unless
//!   the survey was answered.
//! - A link authorises its recipient's answer for 30 days after the survey was sent; opening it changes nothing.
//! - No survey is sent for imported history, or for a ticket without a requester.
//!
//! Events in: `TicketClosed`, `TicketRedacted`. Events out: `TicketRated`.

pub mod commands;
pub mod model;
pub mod queries;
pub mod react;
pub(crate) mod store;

use crate::runtime::Module;
use crate::tickets::model::FactType;

pub const MODULE: Module = Module {
    extensions: &[&FactType::of::<model::SurveyFact>()],
    on_event: Some(react::on_event),
    ..Module::new("satisfaction")
};
