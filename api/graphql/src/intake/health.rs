//! The health of gateways.

use async_graphql::{Enum, SimpleObject};
use domain::intake;
use domain::kernel::Locale;

use crate::scalars::{DateTime, int, mirror};

mirror! {
    /// The state of a synthetic ticket.
    CanaryState of intake::model::CanaryState {
        /// It was sent and has not arrived yet.
        Sent,
        /// It arrived and still exists.
        Arrived,
        /// It still existed at the final check and was then cancelled: the test passed.
        Cancelled,
        /// It never arrived, or could not be sent.
        Lost,
    }
}

/// A synthetic ticket that tests a gateway. It has no number and is never dispatched, notified, searched or counted.
#[derive(Clone, SimpleObject)]
struct Canary {
    /// The result so far.
    state: CanaryState,
    /// When it was sent.
    sent_at: DateTime,
    /// When it arrived; null until then.
    arrived_at: Option<DateTime>,
    /// When it was checked for the last time; null until then.
    ended_at: Option<DateTime>,
    /// What went wrong; null if nothing did.
    failure: Option<String>,
}

impl Canary {
    fn of(canary: intake::model::Canary, language: Locale) -> Self {
        let intake::model::Canary { gateway: _, state, sent_at, arrived_at, ended_at, failure } = canary;
        Self {
            state: state.into(),
            sent_at: sent_at.into(),
            arrived_at: arrived_at.map(Into::into),
            ended_at: ended_at.map(Into::into),
            failure: failure.map(|failure| failure.text(language)),
        }
    }
}

/// The health of an intake gateway.
#[derive(SimpleObject)]
pub struct GatewayHealth {
    /// The key of the gateway: wecom, dingtalk, feishu, api, email or web.
    key: String,
    /// Whether a credential of the right kind is stored under the gateway's key; without one, every submission is
    /// quarantined.
    #[graphql(deprecation = "Use isConfigured.")]
    is_open: bool,
    /// Whether a credential of the right kind is stored under the gateway's key; without one, every submission is
    /// quarantined.
    is_configured: bool,
    /// The number of quarantined submissions that nobody has released or dismissed.
    #[graphql(deprecation = "Use quarantinedCount.")]
    held: i32,
    /// The number of quarantined submissions that nobody has released or dismissed.
    quarantined_count: i32,
    /// The number of submissions that became tickets within the last 24 h.
    received_last_day: i32,
    /// When the last submission arrived; null if none did within four weeks.
    last_received_at: Option<DateTime>,
    /// The 99th percentile (nearest rank), in seconds, of the gaps between submissions that began at the same hour of
    /// the day within four weeks; null if there were fewer than 20.
    usual_silence_seconds: Option<i32>,
    /// Whether nothing has arrived for longer than `usualSilenceSeconds` and for longer than 15 minutes.
    is_silent: bool,
    /// The latest synthetic ticket; null if none is sent through this gateway.
    canary: Option<Canary>,
    /// The latest 12 synthetic tickets, newest first.
    canaries: Vec<Canary>,
}

impl GatewayHealth {
    pub fn of(health: intake::model::Health, language: Locale) -> Self {
        let intake::model::Health { gateway, is_open, quarantined, received, silence, canaries } = health;
        let canaries: Vec<Canary> = canaries.into_iter().map(|canary| Canary::of(canary, language)).collect();
        Self {
            key: gateway.as_str().to_owned(),
            is_open,
            is_configured: is_open,
            held: int(quarantined),
            quarantined_count: int(quarantined),
            received_last_day: int(received),
            last_received_at: silence.map(|silence| silence.since.into()),
            usual_silence_seconds: silence.and_then(|silence| silence.usual_secs).map(int),
            is_silent: silence.is_some_and(|silence| silence.is_unusual),
            canary: canaries.first().cloned(),
            canaries,
        }
    }
}
