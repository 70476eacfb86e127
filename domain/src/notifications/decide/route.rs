//! By which channels somebody is reached, in which order, and when.

use std::time::Duration;

use jiff::ToSpan as _;
use jiff::tz::TimeZone;

use crate::kernel::Timestamp;
use crate::notifications::model::{Channel, Rate, Reach, Senders, Settings, Via, WEB_OPEN_WITHIN};

/// After the one in use and the primary: what is with the person first, what costs money last.
const ORDER: [Channel; 7] =
    [Channel::Wecom, Channel::Dingtalk, Channel::Feishu, Channel::WebPush, Channel::Web, Channel::Email, Channel::Sms];

impl Reach {
    /// The address of a channel that somebody has.
    pub fn address(&self, channel: Channel, now: Timestamp) -> Option<String> {
        let bound = self.terminals.iter().find(|terminal| terminal.channel == channel);
        match channel {
            Channel::Email => bound.map(|terminal| terminal.address.clone()).or_else(|| self.email.clone()),
            // A page that is open now, or a place where somebody said that they are to be told.
            Channel::Web => {
                let open = self.page_open_at.is_some_and(|at| now < at + WEB_OPEN_WITHIN);
                (open || bound.is_some()).then(String::new)
            }
            _ => bound.map(|terminal| terminal.address.clone()),
        }
    }

    fn used(&self, channel: Channel) -> Option<Timestamp> {
        self.activity.iter().filter(|(of, _)| *of == channel).map(|(_, at)| *at).max()
    }
}

/// The ways to somebody, best first. Channels for which no sender is configured stand at the end: that nobody was told is then
/// said with its reason.
pub fn route(
    reach: &Reach,
    via: &Via,
    now: Timestamp,
    settings: &Settings,
    senders: &Senders,
) -> Vec<(Channel, String)> {
    let has = |channel: Channel| Some((channel, reach.address(channel, now)?));
    if let Via::All(channels) = via {
        let named: Vec<_> = channels.iter().filter_map(|channel| has(*channel)).collect();
        if !named.is_empty() {
            return named;
        }
    }
    let recent = ORDER
        .iter()
        .filter_map(|channel| Some((reach.used(*channel).filter(|at| now < *at + settings.active_within)?, *channel)))
        .max_by_key(|(at, _)| *at)
        .map(|(_, channel)| channel);
    let primary = reach.terminals.iter().find(|terminal| terminal.primary).map(|terminal| terminal.channel);
    let mut ways: Vec<(Channel, String)> = Vec::new();
    for channel in recent.into_iter().chain(primary).chain(ORDER) {
        if ways.iter().all(|(known, _)| *known != channel) {
            ways.extend(has(channel));
        }
    }
    ways.sort_by_key(|(channel, _)| !senders.has(*channel));
    ways
}

/// Whether somebody can be given work at all: a terminal of their own, or a session of late.
pub fn is_reached(reach: &Reach, last_session: Option<Timestamp>, now: Timestamp, settings: &Settings) -> bool {
    reach.terminals.iter().any(|terminal| terminal.channel.leaves())
        || last_session.is_some_and(|at| now < at + settings.session_within)
}

/// Whether a level that goes by these channels reaches somebody. Levels 2 and 3 must leave the process; a push to a browser is
/// never a level's only way.
pub fn reaches(
    reach: &Reach,
    last_session: Option<Timestamp>,
    level: i32,
    channels: &[Channel],
    now: Timestamp,
    settings: &Settings,
) -> bool {
    let bound = |channel: Channel| reach.terminals.iter().any(|terminal| terminal.channel == channel);
    channels.iter().any(|channel| match channel {
        Channel::Web => level == 1 && last_session.is_some_and(|at| now < at + settings.session_within),
        Channel::WebPush => false,
        Channel::Email => bound(Channel::Email) || reach.email.is_some(),
        channel => bound(*channel),
    })
}

/// Until when somebody is to be left alone; `None`: not now.
pub fn quiet_until(quiet: Option<(u16, u16)>, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let (from, to) = quiet?;
    let wall = zone.to_datetime(now.to_jiff());
    let minute = u16::try_from(i32::from(wall.hour()) * 60 + i32::from(wall.minute())).unwrap_or(0);
    let over_midnight = to <= from;
    let in_it = if over_midnight { minute >= from || minute < to } else { from <= minute && minute < to };
    if !in_it {
        return None;
    }
    let day = if over_midnight && minute >= from { wall.date().checked_add(1.days()).ok()? } else { wall.date() };
    let (hour, minute) = (i8::try_from(to / 60 % 24).ok()?, i8::try_from(to % 60).ok()?);
    let end = zone.to_timestamp(day.at(hour, minute, 0, 0)).ok()?;
    Some(Timestamp::from_millis(end.as_millisecond()))
}

/// What an account may still send: tokens that come back with time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Thousandths.
    pub tokens: i64,
    /// When they were counted; in the future where the provider has shut the door until then.
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    Yes(Bucket),
    /// None is there before this.
    NotBefore(Timestamp),
}

const TOKEN: i64 = 1_000;

impl Bucket {
    pub fn full(rate: Rate, now: Timestamp) -> Self {
        Self { tokens: i64::from(rate.messages) * TOKEN, at: now }
    }

    pub fn take(self, rate: Rate, now: Timestamp) -> Taken {
        let full = i64::from(rate.messages) * TOKEN;
        let per = i64::try_from(rate.per.as_millis()).unwrap_or(i64::MAX).max(1);
        if now < self.at {
            // Shut, or the clock was set back; no door stays shut longer than a period and an hour.
            let latest = now + rate.per + Duration::from_secs(3_600);
            return Taken::NotBefore(self.at.min(latest));
        }
        let passed = now.millis() - self.at.millis();
        let back = i64::try_from(i128::from(passed) * i128::from(full) / i128::from(per)).unwrap_or(i64::MAX);
        let tokens = self.tokens.saturating_add(back).min(full);
        if tokens >= TOKEN {
            return Taken::Yes(Self { tokens: tokens - TOKEN, at: now });
        }
        let missing = TOKEN - tokens;
        // Rounded up: a token that is not whole is none.
        let wait = i128::from(missing) * i128::from(per) / i128::from(full.max(1)) + 1;
        Taken::NotBefore(now + Duration::from_millis(u64::try_from(wait).unwrap_or(u64::MAX)))
    }

    /// The provider has shut the door.
    pub fn shut(until: Timestamp) -> Self {
        Self { tokens: TOKEN, at: until }
    }
}
