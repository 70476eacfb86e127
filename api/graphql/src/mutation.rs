//! The mutations.

use async_graphql::MergedObject;

use super::availability::AvailabilityMutation;
use super::calendar::CalendarMutation;
use super::catalogue::CatalogueMutation;
use super::contact_methods::NotificationMutation;
use super::escalation::EscalationMutation;
use super::hub::HubMutation;
use super::intake::IntakeMutation;
use super::knowledge::KnowledgeMutation;
use super::links::LinkMutation;
use super::satisfaction::SatisfactionMutation;
use super::session::PeopleMutation;
use super::sla::SlaMutation;
use super::ticket::TicketMutation;

// The first is nested deepest, and the compiler limits the depth: those that have most parts come last.
/// All mutations.
#[derive(MergedObject, Default)]
pub struct Mutation(
    PeopleMutation,
    CatalogueMutation,
    CalendarMutation,
    AvailabilityMutation,
    SlaMutation,
    NotificationMutation,
    EscalationMutation,
    IntakeMutation,
    KnowledgeMutation,
    SatisfactionMutation,
    LinkMutation,
    HubMutation,
    TicketMutation,
);
