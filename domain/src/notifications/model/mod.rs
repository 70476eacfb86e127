//! Notifications, their deliveries, and the channels.

mod addresses;
mod causes;
mod conversations;
mod preferences;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::addresses::*;
pub use self::causes::*;
pub use self::conversations::ChannelMessage;
pub use self::preferences::{ChosenWay, Preference, SaveNotificationWay, SavePreference};
use crate::kernel::{
    DeliveryId, Locale, Message, NotificationId, TicketId, Timestamp, UserId, days, minutes, seconds, string_enum,
};
use crate::runtime::module::Queue;
use crate::runtime::ports::Sender;
use crate::runtime::{ConfigSection, LogEvent};
use uuid::Uuid;

/// Sends a delivery; in the queue of its channel.
pub const SEND_JOB: &str = "notifications.send";
/// Sends the code that proves an address; in the queue of its channel.
pub const CODE_JOB: &str = "notifications.code";
/// Checks the credential of a channel with its provider; in the queue of the channel.
pub const PROBE_JOB: &str = "notifications.probe";
/// Checks whether a web message was acknowledged.
pub const UNACKNOWLEDGED_JOB: &str = "notifications.unacknowledged";

/// Defines [`Channel`] by one line per external channel: its name, its queue and its medium.
macro_rules! channels {
    ($($(#[$doc:meta])* $channel:ident = $name:literal, $queue:literal, $medium:ident;)*) => {
        string_enum! {
            /// A channel by which people are notified.
            Channel {
                /// The web app and the widget, which send nothing.
                Web = "WEB",
                $($(#[$doc])* $channel = $name,)*
            }
        }

        impl Channel {
            /// The queue of its jobs, which is also the name of its section in the configuration; empty for the web.
            pub const fn queue(self) -> &'static str {
                match self {
                    Self::Web => "",
                    $(Self::$channel => $queue,)*
                }
            }

            pub const fn medium(self) -> Medium {
                match self {
                    Self::Web => Medium::Web,
                    $(Self::$channel => Medium::$medium,)*
                }
            }
        }

        /// The queues of all external channels.
        pub const QUEUES: &[Queue] = &[$(Queue { name: $queue, concurrency: PROVIDER_CONCURRENCY }),*];
    };
}

channels! {
    Wecom = "WECOM", "wecom", Chat;
    Dingtalk = "DINGTALK", "dingtalk", Chat;
    Feishu = "FEISHU", "feishu", Chat;
    WebPush = "WEB_PUSH", "web_push", Push;
    Email = "EMAIL", "email", Mail;
    Sms = "SMS", "sms", Phone;
}

/// The kind of a channel, in the order in which channels are tried: mobile messengers first, paid ones last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Medium {
    Chat,
    Push,
    Web,
    Mail,
    Phone,
}

impl Channel {
    /// All channels, in the order in which they are tried.
    pub fn in_order() -> Vec<Self> {
        let mut channels = Self::ALL.to_vec();
        channels.sort_by_key(|channel| channel.medium());
        channels
    }

    /// The channels of chat providers.
    pub fn chats() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|channel| channel.medium() == Medium::Chat)
    }

    /// Whether its messages leave the process, so that they reach somebody without an open page.
    pub const fn is_external(self) -> bool {
        !matches!(self, Self::Web)
    }
}

/// Concurrent requests to one provider.
const PROVIDER_CONCURRENCY: usize = 4;

string_enum! {
    /// The state of one delivery.
    DeliveryState {
        Queued = "QUEUED",
        /// The attempt began; its outcome is not recorded yet.
        Sending = "SENDING",
        Sent = "SENT",
        Delivered = "DELIVERED",
        Failed = "FAILED",
        /// The outcome is ambiguous, for example because the process ended during the attempt.
        Unknown = "UNKNOWN",
        /// The recipient had already opened the notification.
        Unneeded = "UNNEEDED",
    }
}

string_enum! {
    /// The state of a notification: that of its best delivery.
    State {
        Decided = "DECIDED",
        Queued = "QUEUED",
        Sent = "SENT",
        Delivered = "DELIVERED",
        Opened = "OPENED",
        Failed = "FAILED",
        Unknown = "UNKNOWN",
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    pub id: NotificationId,
    pub cause: Cause,
    pub cause_key: String,
    pub ticket: Option<TicketId>,
    pub recipient: UserId,
    pub via: Via,
    pub params: Params,
    pub decided_at: Timestamp,
    pub opened_at: Option<Timestamp>,
    /// In the order of the attempts.
    pub deliveries: Vec<Delivery>,
}

/// A notification on one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub id: DeliveryId,
    pub notification: NotificationId,
    /// The order of the attempts, from 0.
    pub position: i32,
    pub channel: Channel,
    pub address: String,
    pub state: DeliveryState,
    pub attempts: i32,
    pub queued_at: Timestamp,
    pub sent_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    pub failure: Option<Message>,
    /// The provider's id of the message.
    pub provider_id: Option<String>,
    /// The digest that contains this message.
    pub digest: Option<NotificationId>,
    /// Sent again because the outcome of the first attempt is ambiguous.
    pub repeated: bool,
}

/// Which channels a notification uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// One after the other, in the recipient's order of preference.
    Preferred,
    /// All of these for which the recipient has an address.
    All(Vec<Channel>),
    /// The web app alone, whether or not a page is open.
    App,
}

/// A request to notify one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotificationRequest {
    pub cause: Cause,
    /// The causing event or level firing.
    pub cause_key: String,
    pub ticket: Option<TicketId>,
    pub recipient: UserId,
    pub via: Via,
    pub params: Params,
}

/// A person's addresses and activity, from which the routes of a notification are chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactPoints {
    pub terminals: Vec<Terminal>,
    /// When each channel was last used.
    pub activity: Vec<(Channel, Timestamp)>,
    /// When the person last had a page of the web app open.
    pub page_open_at: Option<Timestamp>,
    /// The e-mail address of the account; `None` if it is disabled.
    pub email: Option<String>,
    pub preference: Preference,
}

#[derive(Clone, Debug, Serialize)]
pub struct ReportActivity {
    pub channel: Channel,
}

/// The actor has a page open that shows notifications.
#[derive(Clone, Debug, Serialize)]
pub struct ReportPageOpen;

/// The client has received the notification.
#[derive(Clone, Debug, Serialize)]
pub struct AcknowledgeNotification {
    pub notification: NotificationId,
}

/// The recipient has opened the page to which the notification links.
#[derive(Clone, Debug, Serialize)]
pub struct MarkOpened {
    pub notification: NotificationId,
}

/// Marks the ticket, and the actor's notifications of it, as opened.
#[derive(Clone, Debug, Serialize)]
pub struct OpenTicket {
    pub ticket: TicketId,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum NotificationEvent {
    /// A notification was created.
    Decided {
        notification: NotificationId,
        recipient: UserId,
        ticket: Option<TicketId>,
        cause: Cause,
    },
    #[serde(rename = "Moved")]
    StateChanged {
        notification: NotificationId,
        recipient: UserId,
        ticket: Option<TicketId>,
        state: State,
    },
    TerminalChanged {
        user: UserId,
        channel: Channel,
    },
}

/// The configured senders, by channel.
#[derive(Clone, Default)]
pub struct Senders(pub HashMap<Channel, Arc<dyn Sender>>);

impl Senders {
    pub fn of(&self, channel: Channel) -> Option<&Arc<dyn Sender>> {
        self.0.get(&channel)
    }

    pub fn has(&self, channel: Channel) -> bool {
        channel == Channel::Web || self.0.contains_key(&channel)
    }

    /// Whether delivery is confirmed; web clients always acknowledge.
    pub fn has_receipts(&self, channel: Channel) -> bool {
        channel == Channel::Web || self.of(channel).is_some_and(|sender| sender.has_receipts())
    }
}

/// Configuration: the section `notifications`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The base URL of links; if it is empty, messages contain none.
    pub public_url: String,
    /// The language of messages to people who have chosen none.
    pub language: String,
    /// A channel used within this time is preferred.
    pub active_within_minutes: u64,
    /// A web message that is not acknowledged within this time fails over to the next channel.
    pub acknowledged_within_secs: u64,
}

impl ConfigSection for Settings {
    const NAME: &'static str = "notifications";

    fn validate(&self) -> Result<(), String> {
        let language = &self.language;
        let known = language.parse::<Locale>().map(drop);
        known.map_err(|_| format!("notifications.language: {language:?} is neither zh-CN nor en"))
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: String::new(),
            language: Locale::ZhCn.as_str().to_owned(),
            active_within_minutes: 120,
            acknowledged_within_secs: 60,
        }
    }
}

impl Settings {
    pub fn public_url(&self) -> Option<&str> {
        Some(self.public_url.as_str()).filter(|url| !url.is_empty())
    }

    pub fn locale(&self) -> Locale {
        self.language.parse().unwrap_or(Locale::ZhCn)
    }

    pub const fn active_within(&self) -> Duration {
        minutes(self.active_within_minutes)
    }

    pub const fn acknowledged_within(&self) -> Duration {
        seconds(self.acknowledged_within_secs)
    }
}

/// Recipients of one alert at most.
pub const RECIPIENTS_MAX: usize = 20;
/// Attempts of one delivery before failover.
pub const ATTEMPTS_MAX: i32 = 3;
/// The delay between attempts, doubled each time.
pub const RETRY_AFTER: Duration = seconds(10);
/// An open page reports itself regularly; it counts as open for this time after a report.
pub const WEB_OPEN_WITHIN: Duration = minutes(2);
/// A session within this time makes the person reachable by the web.
pub const SESSION_WITHIN: Duration = days(7);

/// Why nobody has responded to a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub reason: UnseenReason,
    pub since: Timestamp,
    /// The notifications that prove the reason.
    pub evidence: Vec<Notification>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnseenReason {
    NeverSent,
    NotDelivered,
    DeliveryUnknown,
    NotOpened,
    OpenedAndLeft,
    NobodyAssigned,
}

impl LogEvent for NotificationEvent {
    const TAG: &'static str = "Notification";

    fn kind(&self) -> &'static str {
        match self {
            Self::Decided { .. } => "NotificationDecided",
            Self::StateChanged { state, .. } => match state {
                State::Decided | State::Queued => "NotificationQueued",
                State::Sent => "NotificationSent",
                State::Delivered => "NotificationDelivered",
                State::Opened => "NotificationOpened",
                State::Failed => "NotificationFailed",
                State::Unknown => "NotificationUnknown",
            },
            Self::TerminalChanged { .. } => "TerminalChanged",
        }
    }

    fn subject(&self) -> (&'static str, Uuid) {
        match self {
            Self::Decided { notification, .. } | Self::StateChanged { notification, .. } => {
                ("notification", notification.0)
            }
            Self::TerminalChanged { user, .. } => ("user", user.0),
        }
    }
}
