//! Why somebody is notified, and of what.

use serde::{Deserialize, Serialize};

use crate::kernel::{CardId, CommentId, Message, TeamId, UserId, string_enum};

string_enum! {
    /// Why somebody is notified.
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
        /// A quarantined submission became a ticket.
        Released = "RELEASED",
        /// A contact address of the recipient was taken over.
        ContactMethod = "CONTACT_METHOD",
        /// Their request became a ticket.
        Receipt = "RECEIPT",
        /// Somebody works on their ticket.
        Progress = "PROGRESS",
        /// Their ticket waits for them.
        Waiting = "WAITING",
        Resolved = "RESOLVED",
        Reopened = "REOPENED",
        Cancelled = "CANCELLED",
        /// Its requester asked again.
        Chased = "CHASED",
        /// The answer to a requester who asked again.
        ChaseAnswer = "CHASE_ANSWER",
        /// A ticket that they follow or work on was changed.
        Updated = "UPDATED",
        SlaBreached = "SLA_BREACHED",
        /// Somebody with open tickets is absent or has left.
        OwnerGone = "OWNER_GONE",
        /// The answer to what an engineer wrote by a channel.
        ChannelAnswer = "CHANNEL_ANSWER",
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

    /// Critical messages are never dropped, merged or delayed, and are sent again if the outcome is ambiguous.
    pub const fn is_critical(self) -> bool {
        matches!(self, Self::Escalation2 | Self::Escalation3 | Self::Credential)
    }
}

string_enum! {
    /// The answer to what an engineer wrote by a channel.
    ChannelAnswer {
        Accepted = "ACCEPTED",
        Waiting = "WAITING",
        /// The requester hears it.
        ReplySent = "REPLY_SENT",
        /// Only staff see it.
        NoteAdded = "NOTE_ADDED",
        /// The root cause is to be given first.
        Resolve = "RESOLVE",
        /// Their rights or the status of the ticket do not allow it.
        Refused = "REFUSED",
        /// It is not clear which ticket it is about.
        NoTicket = "NO_TICKET",
    }
}

/// Arguments of the text besides the ticket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Params {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub level: Option<i32>,
    /// The waiting time in seconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub waited: Option<i64>,
    /// The person whom the text names.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub about: Option<UserId>,
    /// A code that depends on the cause, such as the metric of an SLA clock.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub word: Option<String>,
    /// The name of the subject, in both languages.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<Message>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub count: Option<i64>,
    /// The knowledge card that the text is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub card: Option<CardId>,
    /// The comment whose words the text contains.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub comment: Option<CommentId>,
    /// The month of the report, such as `2026-10`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub month: Option<String>,
    /// The number of tickets behind a figure.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tickets: Option<i64>,
}

/// First-time resolution of a team or issue type stays low.
#[derive(Clone, Debug)]
pub struct KnowledgeGap {
    /// The name of the team or issue type.
    pub name: Message,
    /// The team whose supervisors are notified; `None`: administrators.
    pub team: Option<TeamId>,
    /// The number of topics without a card.
    pub topics: usize,
    /// The number of tickets behind it.
    pub tickets: u64,
    /// They are fewer than a reliable figure needs.
    pub is_small_sample: bool,
}

/// [`Params::word`] of a knowledge gap with few tickets.
pub const SMALL_SAMPLE: &str = "SMALL_SAMPLE";
/// [`Params::word`] of a monthly report some of whose windows are open.
pub const PROVISIONAL: &str = "PROVISIONAL";
/// [`Params::word`] of a monthly report that was made for good.
pub const FINAL: &str = "FINAL";
