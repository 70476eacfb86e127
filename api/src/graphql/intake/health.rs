//! How gateways do.

use async_graphql::{Enum, SimpleObject};
use domain::intake;

use crate::graphql::scalars::{DateTime, int, mirror};

mirror! {
    /// What became of a synthetic ticket.
    CanaryState of intake::model::CanaryState {
        /// It was sent, and has not come yet.
        Sent,
        /// It came, and stands.
        Arrived,
        /// It still stood when it was looked at: over.
        Cancelled,
        /// It never came, or could not be sent.
        Lost,
    }
}

/// A synthetic ticket, by which a gateway is tried. It takes no number, and is never dispatched, told of, found or counted.
#[derive(Clone, SimpleObject)]
struct Canary {
    /// What became of it.
    state: CanaryState,
    /// When it was sent.
    sent_at: DateTime,
    /// When it came.
    arrived_at: Option<DateTime>,
    /// When it was looked at for the last time.
    ended_at: Option<DateTime>,
    /// What went wrong.
    failure: Option<String>,
}

impl From<intake::model::Canary> for Canary {
    fn from(canary: intake::model::Canary) -> Self {
        let intake::model::Canary { gateway: _, state, sent_at, arrived_at, ended_at, failure } = canary;
        Self {
            state: state.into(),
            sent_at: sent_at.into(),
            arrived_at: arrived_at.map(Into::into),
            ended_at: ended_at.map(Into::into),
            failure,
        }
    }
}

/// How a gateway does.
#[derive(SimpleObject)]
pub struct GatewayHealth {
    /// Its key: wecom, dingtalk, feishu, api, email, web.
    key: String,
    /// Whether a credential of its kind stands under its key; without, what comes is quarantined.
    is_open: bool,
    /// Submissions in quarantine that nobody has released or dismissed.
    held: i32,
    /// Submissions that became tickets within the last 24 h.
    received_last_day: i32,
    /// When the last one came; null: none within four weeks.
    last_received_at: Option<DateTime>,
    /// The 99th percentile (nearest rank) of the gaps that began at the same hour of the day within four weeks, in seconds; null:
    /// fewer than 20.
    usual_silence_seconds: Option<i32>,
    /// Whether nothing has come for longer than that, and than 15 min.
    is_silent: bool,
    /// The latest synthetic ticket; null: none goes by this gateway.
    canary: Option<Canary>,
    /// The latest 12, newest first.
    canaries: Vec<Canary>,
}

impl From<intake::model::Health> for GatewayHealth {
    fn from(health: intake::model::Health) -> Self {
        let intake::model::Health { gateway, is_open, held, received, silence, canaries } = health;
        let canaries: Vec<Canary> = canaries.into_iter().map(Into::into).collect();
        Self {
            key: gateway.word().to_owned(),
            is_open,
            held: int(held),
            received_last_day: int(received),
            last_received_at: silence.map(|silence| silence.since.into()),
            usual_silence_seconds: silence.and_then(|silence| silence.usual_secs).map(int),
            is_silent: silence.is_some_and(|silence| silence.is_unusual),
            canary: canaries.first().cloned(),
            canaries,
        }
    }
}
