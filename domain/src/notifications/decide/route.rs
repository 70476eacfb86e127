//! The channels of a notification, their order, quiet hours and rate limits.

use std::time::Duration;

use jiff::ToSpan as _;
use jiff::tz::TimeZone;

use crate::kernel::{Timestamp, hours};
use crate::notifications::model::{Channel, ContactPoints, SESSION_WITHIN, Senders, Settings, Via, WEB_OPEN_WITHIN};
use crate::runtime::ports::Rate;

impl ContactPoints {
    /// The person's address on a channel.
    pub fn address(&self, channel: Channel, now: Timestamp) -> Option<String> {
        let bound = self.terminals.iter().find(|terminal| terminal.channel == channel);
        match channel {
            Channel::Email => bound.map(|terminal| terminal.address.clone()).or_else(|| self.email.clone()),
            // A page that is open now, or a web terminal that the person has bound.
            Channel::Web => {
                let open = self.page_open_at.is_some_and(|at| now < at + WEB_OPEN_WITHIN);
                (open || bound.is_some()).then(String::new)
            }
            _ => bound.map(|terminal| terminal.address.clone()),
        }
    }

    fn last_used(&self, channel: Channel) -> Option<Timestamp> {
        self.activity.iter().filter(|(of, _)| *of == channel).map(|(_, at)| *at).max()
    }
}

/// The routes to a person, best first. Channels without a configured sender come last: their failed delivery records the reason.
pub fn routes(
    contact_points: &ContactPoints,
    via: &Via,
    now: Timestamp,
    settings: &Settings,
    senders: &Senders,
) -> Vec<(Channel, String)> {
    if *via == Via::App {
        return vec![(Channel::Web, String::new())];
    }
    let has = |channel: Channel| Some((channel, contact_points.address(channel, now)?));
    if let Via::All(channels) = via {
        let named: Vec<_> = channels.iter().filter_map(|channel| has(*channel)).collect();
        if !named.is_empty() {
            return named;
        }
    }
    // Tried after the recently used and the primary channel.
    let in_order = Channel::in_order();
    let recent = in_order
        .iter()
        .filter_map(|channel| {
            Some((contact_points.last_used(*channel).filter(|at| now < *at + settings.active_within())?, *channel))
        })
        .max_by_key(|(at, _)| *at)
        .map(|(_, channel)| channel);
    let primary = contact_points.terminals.iter().find(|terminal| terminal.primary).map(|terminal| terminal.channel);
    let mut routes: Vec<(Channel, String)> = Vec::new();
    for channel in recent.into_iter().chain(primary).chain(in_order.iter().copied()) {
        if routes.iter().all(|(known, _)| *known != channel) {
            routes.extend(has(channel));
        }
    }
    routes.sort_by_key(|(channel, _)| !senders.has(*channel));
    routes
}

/// Whether a person can be assigned work: a message can be sent to them (the account's e-mail address suffices), or they have a
/// recent session. A terminal on a channel without a sender reaches nobody.
pub fn is_reachable(
    contact_points: &ContactPoints,
    senders: &Senders,
    last_session: Option<Timestamp>,
    now: Timestamp,
) -> bool {
    let sends_by = |channel: Channel| channel.is_external() && senders.has(channel);
    contact_points.terminals.iter().any(|terminal| sends_by(terminal.channel))
        || (contact_points.email.is_some() && sends_by(Channel::Email))
        || last_session.is_some_and(|at| now < at + SESSION_WITHIN)
}

/// Whether an escalation level with these channels can reach a person. Levels 2 and 3 need an external channel; a browser push
/// alone is never enough.
pub fn can_reach(
    contact_points: &ContactPoints,
    last_session: Option<Timestamp>,
    level: i32,
    channels: &[Channel],
    now: Timestamp,
) -> bool {
    let bound = |channel: Channel| contact_points.terminals.iter().any(|terminal| terminal.channel == channel);
    channels.iter().any(|channel| match channel {
        Channel::Web => level == 1 && last_session.is_some_and(|at| now < at + SESSION_WITHIN),
        Channel::WebPush => false,
        Channel::Email => bound(Channel::Email) || contact_points.email.is_some(),
        channel => bound(*channel),
    })
}

/// The end of the current quiet hours; `None` outside of them.
pub fn quiet_until(quiet: Option<(u16, u16)>, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let (from, to) = quiet?;
    let local = zone.to_datetime(now.to_jiff());
    let minute = u16::try_from(i32::from(local.hour()) * 60 + i32::from(local.minute())).unwrap_or(0);
    let over_midnight = to <= from;
    let is_quiet = if over_midnight { minute >= from || minute < to } else { from <= minute && minute < to };
    if !is_quiet {
        return None;
    }
    let day = if over_midnight && minute >= from { local.date().checked_add(1.days()).ok()? } else { local.date() };
    let (hour, minute) = (i8::try_from(to / 60 % 24).ok()?, i8::try_from(to % 60).ok()?);
    let end = zone.to_timestamp(day.at(hour, minute, 0, 0)).ok()?;
    Some(Timestamp::from_millis(end.as_millisecond()))
}

/// The messages of an account in the last period: a sliding window, because providers count so and block an account that
/// exceeds it. A token bucket of the same rate lets nearly twice as many through in the first minute.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SendWindow {
    /// The messages of each slot, a sixtieth of the period, with the number of the slot since 1970.
    pub slots: Vec<(i64, u32)>,
    /// Until when the provider blocks the account.
    pub blocked_until: Option<Timestamp>,
}

/// Whether a message may be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RateLimitDecision {
    /// The window with the message.
    Granted(SendWindow),
    /// Not before this.
    RetryAt(Timestamp),
}

const SLOTS: i64 = 60;
/// A message counts so many slots longer than a period: the rest of its own slot, and its time on the way.
const SLOTS_MORE: i64 = 2;
/// No block lasts longer, whatever the provider says or the clock shows.
const BLOCK_MAX: Duration = hours(1);

impl SendWindow {
    pub fn take(mut self, rate: Rate, now: Timestamp) -> RateLimitDecision {
        if let Some(until) = self.blocked_until.filter(|until| now < *until) {
            return RateLimitDecision::RetryAt(until.min(now + rate.per + BLOCK_MAX));
        }
        self.blocked_until = None;
        let slot_millis = (i64::try_from(rate.per.as_millis()).unwrap_or(i64::MAX) / SLOTS).max(1);
        let current = now.millis().div_euclid(slot_millis);
        // A slot far ahead was written before the clock was set back.
        self.slots.retain(|(slot, _)| (current - SLOTS - SLOTS_MORE + 1..=current + SLOTS).contains(slot));
        let sent: u32 = self.slots.iter().map(|(_, messages)| messages).sum();
        if sent < rate.messages {
            match self.slots.iter_mut().find(|(slot, _)| *slot == current) {
                Some((_, messages)) => *messages += 1,
                None => self.slots.push((current, 1)),
            }
            return RateLimitDecision::Granted(self);
        }
        let oldest = self.slots.iter().map(|(slot, _)| *slot).min().unwrap_or(current);
        RateLimitDecision::RetryAt(Timestamp::from_millis((oldest + SLOTS + SLOTS_MORE) * slot_millis))
    }

    /// The window of an account that the provider blocks.
    pub fn blocked(self, until: Timestamp) -> Self {
        Self { blocked_until: Some(until), ..self }
    }
}
