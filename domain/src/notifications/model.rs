//! A notification, the ways that it takes, and what carries it out of the process.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::kernel::{
    CardId, DeliveryId, Message, NotificationId, TicketId, Timestamp, UserId, hours, minutes, seconds, words,
};
use crate::runtime::Ctx;
use crate::runtime::jobs::Outcome;

words! {
    /// A way by which people are told.
    Channel {
        Web = "WEB",
        Wecom = "WECOM",
        Dingtalk = "DINGTALK",
        Feishu = "FEISHU",
        WebPush = "WEB_PUSH",
        Email = "EMAIL",
        Sms = "SMS",
    }
}

impl Channel {
    /// The lane of its jobs; the web has none, it is written and read.
    pub const fn lane(self) -> &'static str {
        match self {
            Self::Web => "",
            Self::Wecom => "wecom",
            Self::Dingtalk => "dingtalk",
            Self::Feishu => "feishu",
            Self::WebPush => "web_push",
            Self::Email => "email",
            Self::Sms => "sms",
        }
    }

    /// Whether it reaches somebody who looks at no page of ours.
    pub const fn leaves(self) -> bool {
        !matches!(self, Self::Web)
    }
}

/// The lanes of all channels that leave the process.
pub const LANES: [&str; 6] = ["wecom", "dingtalk", "feishu", "web_push", "email", "sms"];

words! {
    /// Why somebody is told.
    Cause {
        Assigned = "ASSIGNED",
        Escalation1 = "ESCALATION_1",
        Escalation2 = "ESCALATION_2",
        Escalation3 = "ESCALATION_3",
        Mention = "MENTION",
        Comment = "COMMENT",
        SlaRisk = "SLA_RISK",
        Credential = "CREDENTIAL",
        Digest = "DIGEST",
        TeamQueue = "TEAM_QUEUE",
        Knowledge = "KNOWLEDGE",
        Prediction = "PREDICTION",
        Survey = "SURVEY",
        PendingReport = "PENDING_REPORT",
        /// What somebody sent was held, and is a ticket now.
        Released = "RELEASED",
    }
}

impl Cause {
    pub const fn of_level(level: i32) -> Self {
        match level {
            1 => Self::Escalation1,
            2 => Self::Escalation2,
            _ => Self::Escalation3,
        }
    }

    /// Never dropped, merged or held back; sent again where nobody knows whether it went.
    pub const fn is_critical(self) -> bool {
        matches!(self, Self::Escalation2 | Self::Escalation3 | Self::Credential)
    }
}

words! {
    /// What came of one way.
    DeliveryState {
        Queued = "QUEUED",
        /// Handed to the other side; the answer is not recorded yet.
        Sending = "SENDING",
        Sent = "SENT",
        Delivered = "DELIVERED",
        Failed = "FAILED",
        /// In flight when the process ended: nobody knows.
        Unknown = "UNKNOWN",
        /// The person had seen it already.
        Unneeded = "UNNEEDED",
    }
}

words! {
    /// What came of a notification, by its best way.
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

/// What a text says besides the ticket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Params {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub level: Option<i32>,
    /// How long somebody has been waiting, in seconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub waited: Option<i64>,
    /// Somebody whom the text names.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub about: Option<UserId>,
    /// A word of the vocabulary of the cause, such as the metric of an SLA clock.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub word: Option<String>,
    /// What is told of, as each reader calls it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<Message>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub count: Option<i64>,
    /// A knowledge card that it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub card: Option<CardId>,
    /// A month whose report it is about, such as `2026-10`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub month: Option<String>,
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
    /// In the order in which they were tried.
    pub deliveries: Vec<Delivery>,
}

/// One way of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub id: DeliveryId,
    pub notification: NotificationId,
    /// Ways are tried in this order, from 0.
    pub position: i32,
    pub channel: Channel,
    pub address: String,
    pub state: DeliveryState,
    pub attempts: i32,
    pub queued_at: Timestamp,
    pub sent_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    pub failure: Option<String>,
    /// The other side's own id.
    pub provider_id: Option<String>,
    /// Waits in this digest.
    pub digest: Option<NotificationId>,
    /// Sent a second time, because nobody knows whether the first went.
    pub repeated: bool,
}

/// By which channels somebody is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// One after the other, by what the person uses.
    Preferred,
    /// All of these that the person has.
    All(Vec<Channel>),
}

/// Somebody is to be told something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tell {
    pub cause: Cause,
    /// The causing event or level firing.
    pub cause_key: String,
    pub ticket: Option<TicketId>,
    pub recipient: UserId,
    pub via: Via,
    pub params: Params,
}

/// What somebody is reached by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminal {
    pub user: UserId,
    pub channel: Channel,
    pub address: String,
    pub primary: bool,
}

/// Everything by which ways are chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    pub terminals: Vec<Terminal>,
    /// When each channel was last used.
    pub activity: Vec<(Channel, Timestamp)>,
    /// When a page of ours was last known to be open before them.
    pub page_open_at: Option<Timestamp>,
    /// The address that everybody has.
    pub email: Option<String>,
    pub preference: Preference,
}

/// A person's own choice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preference {
    /// `None`: the organisation's.
    pub language: Option<Tongue>,
    /// Minutes of the organisation's day between which nothing but levels 2 and 3 makes a noise; over midnight where the second
    /// is smaller.
    pub quiet: Option<(u16, u16)>,
}

words! {
    /// A language of messages.
    Tongue {
        Chinese = "zh-CN",
        English = "en",
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct BindTerminal {
    pub channel: Channel,
    pub address: String,
    pub primary: bool,
    /// For somebody else; by an administrator.
    pub user: Option<UserId>,
}

#[derive(Clone, Debug, Serialize)]
pub struct UnbindTerminal {
    pub channel: Channel,
}

#[derive(Clone, Debug, Serialize)]
pub struct ReportActivity {
    pub channel: Channel,
}

/// A page that hears of notifications is open before the actor.
#[derive(Clone, Debug, Serialize)]
pub struct NotePageOpen;

#[derive(Clone, Debug, Serialize)]
pub struct SavePreference {
    pub language: Option<Tongue>,
    pub quiet_from_minute: Option<i32>,
    pub quiet_to_minute: Option<i32>,
}

/// The client has it.
#[derive(Clone, Debug, Serialize)]
pub struct AcknowledgeNotification {
    pub notification: NotificationId,
}

/// The person has loaded the page that it leads to.
#[derive(Clone, Debug, Serialize)]
pub struct MarkOpened {
    pub notification: NotificationId,
}

/// 'I have looked at it': the ticket, and with it all that this person was told of it.
#[derive(Clone, Debug, Serialize)]
pub struct OpenTicket {
    pub ticket: TicketId,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum NotificationEvent {
    /// Somebody is to be told.
    Decided {
        notification: NotificationId,
        recipient: UserId,
        ticket: Option<TicketId>,
        cause: Cause,
    },
    Moved {
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

/// What a higher capability adds to the words for whoever gets a ticket, looked up outside any transaction.
#[derive(Clone, Copy)]
pub struct Appendix(pub fn(Ctx, TicketId, UserId, Tongue) -> BoxFuture<'static, Vec<String>>);

/// What leaves the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// The same for every attempt: where a provider recognises repetitions, it is recognised by this.
    pub id: DeliveryId,
    pub address: String,
    pub tongue: Tongue,
    pub title: String,
    pub body: String,
    /// Where it leads to.
    pub url: Option<String>,
    pub cause: Cause,
    /// For templates of SMS: the number of the ticket.
    pub number: Option<i64>,
}

/// How many messages an account may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub messages: u32,
    pub per: Duration,
}

/// What carries messages of one channel: an account with a provider.
pub trait Sender: Send + Sync {
    /// The provider's account, whose limit is shared by all nodes.
    fn account(&self) -> &str;

    /// `None`: it takes as many as there are.
    fn rate(&self) -> Option<Rate> {
        None
    }

    /// Whether others read along: a robot writes into a group.
    fn is_shared(&self) -> bool {
        false
    }

    /// Whether the provider says when a message arrived. Without receipts nobody claims that it did not.
    fn has_receipts(&self) -> bool {
        false
    }

    fn send(&self, parcel: Parcel) -> BoxFuture<'static, Outcome>;

    /// Of the secret: another one, and it was changed.
    fn digest(&self) -> String;

    /// Asks the provider whether it knows the credential, where it can be asked; nobody is written to.
    fn probe(&self) -> Option<BoxFuture<'static, Outcome>> {
        None
    }

    /// A synthetic request for help to our own address, by a channel that has such.
    fn send_canary(&self, _to: &str, _key: &str) -> BoxFuture<'static, Outcome> {
        Box::pin(std::future::ready(Outcome::Refused { why: "this channel takes no requests for help".to_owned() }))
    }
}

/// The senders of this installation.
#[derive(Clone, Default)]
pub struct Senders(pub HashMap<Channel, Arc<dyn Sender>>);

impl Senders {
    pub fn of(&self, channel: Channel) -> Option<&Arc<dyn Sender>> {
        self.0.get(&channel)
    }

    pub fn has(&self, channel: Channel) -> bool {
        channel == Channel::Web || self.0.contains_key(&channel)
    }

    /// Whether arrival is seen: the web's clients acknowledge.
    pub fn sees_arrival(&self, channel: Channel) -> bool {
        channel == Channel::Web || self.of(channel).is_some_and(|sender| sender.has_receipts())
    }
}

/// An administrator's choices.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A channel used within this is the one that somebody is at.
    pub active_within: Duration,
    /// A message on a page that nobody acknowledges falls over to the next channel after this.
    pub acknowledged_within: Duration,
    /// A session within this makes the web a way to somebody.
    pub session_within: Duration,
    pub tongue: Tongue,
    /// Where links lead to; without it messages carry none.
    pub public_url: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            active_within: hours(2),
            acknowledged_within: minutes(1),
            session_within: hours(7 * 24),
            tongue: Tongue::Chinese,
            public_url: None,
        }
    }
}

/// Supervisors who are told of one ticket.
pub const TOLD_MAX: usize = 20;
/// Attempts of one way before the next is taken.
pub const ATTEMPTS_MAX: i32 = 3;
/// Between attempts, doubled each time.
pub const RETRY_AFTER: Duration = seconds(10);
/// A page that is open says so again and again; it is looked at as long as this.
pub const WEB_OPEN_WITHIN: Duration = minutes(2);

/// Why nobody has answered a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub reason: UnseenReason,
    pub since: Timestamp,
    /// The notifications that prove it.
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
