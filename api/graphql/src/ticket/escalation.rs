//! The levels of escalation of a ticket.

use async_graphql::SimpleObject;
use domain::escalation::model::Escalation;

use super::super::enums::{Channel, EscalationState};
use super::super::scalars::DateTime;

/// A level of escalation of a ticket.
#[derive(SimpleObject)]
#[graphql(name = "Escalation")]
pub struct EscalationNode {
    /// The epoch, from 1: each assignment starts a new one, with its own levels.
    epoch: i32,
    /// The level: 1, 2 or 3.
    level: i32,
    /// When the level fires if nobody has responded by then.
    due_at: DateTime,
    /// The state of the level.
    state: EscalationState,
    /// When the level fired; null if it has not.
    fired_at: Option<DateTime>,
    /// The channels by which people are notified.
    channels: Vec<Channel>,
}

impl EscalationNode {
    pub fn of(level: Escalation) -> Self {
        let Escalation { epoch, level, due_at, state, fired_at, channels, .. } = level;
        Self {
            epoch,
            level,
            due_at: due_at.into(),
            state: state.into(),
            fired_at: fired_at.map(Into::into),
            channels: channels.into_iter().map(Into::into).collect(),
        }
    }
}
