//! A ticket, what may be done with it, and what is told of it.

mod commands;
mod facts;
mod lists;

use std::sync::atomic::{AtomicI64, Ordering};

use serde::{Deserialize, Serialize};

pub use self::commands::*;
pub use self::facts::*;
pub use self::lists::*;

use crate::kernel::words;
use crate::kernel::{CommentId, CustomerId, TeamId, TicketId, Timestamp, UserId};

words! {
    /// Where a ticket stands in its life.
    TicketStatus {
        New = "NEW",
        Assigned = "ASSIGNED",
        InProgress = "IN_PROGRESS",
        Waiting = "WAITING",
        Resolved = "RESOLVED",
        Closed = "CLOSED",
        Cancelled = "CANCELLED",
    }
}

words! {
    Priority {
        Urgent = "URGENT",
        High = "HIGH",
        Normal = "NORMAL",
        Low = "LOW",
    }
}

impl Priority {
    /// Higher is more urgent: the order of lists.
    pub const fn rank(self) -> i32 {
        match self {
            Self::Urgent => 4,
            Self::High => 3,
            Self::Normal => 2,
            Self::Low => 1,
        }
    }

    pub fn of_rank(rank: i32) -> Option<Self> {
        Self::ALL.iter().copied().find(|priority| priority.rank() == rank)
    }
}

words! {
    FaultType {
        Hardware = "HARDWARE",
        Software = "SOFTWARE",
        Configuration = "CONFIGURATION",
        Operation = "OPERATION",
    }
}

words! {
    RootCauseLevel {
        L1UserError = "L1_USER_ERROR",
        L2Environment = "L2_ENVIRONMENT",
        L3DesignDefect = "L3_DESIGN_DEFECT",
    }
}

words! {
    Visibility {
        /// The requester sees it too.
        Public = "PUBLIC",
        /// Only the responsible side sees it.
        Internal = "INTERNAL",
    }
}

words! {
    /// Why somebody outside the team sees a ticket.
    ParticipantReason {
        Follower = "FOLLOWER",
        Mentioned = "MENTIONED",
        EarlierOwner = "EARLIER_OWNER",
        /// A system that reported it or is linked to it.
        System = "SYSTEM",
    }
}

words! {
    /// What a reported step waits for.
    Needs {
        /// Nobody reaches RESOLVED or CLOSED without one.
        Attribution = "ATTRIBUTION",
        /// Nobody has the ticket yet.
        Assignee = "ASSIGNEE",
        /// No step of the life-cycle leads there: a person decides.
        Decision = "DECISION",
    }
}

/// A step that a system reported and that waits for what the life-cycle demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingReport {
    pub status: TicketStatus,
    /// Whose report it is, by its key.
    pub system: String,
    pub since: Timestamp,
    pub needs: Needs,
}

words! {
    /// What an SLA clock measures.
    SlaMetric {
        FirstResponse = "FIRST_RESPONSE",
        Resolution = "RESOLUTION",
    }
}

impl TicketStatus {
    /// Somebody still has to do something.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::New | Self::Assigned | Self::InProgress | Self::Waiting)
    }

    /// Solved: readable as a case.
    pub const fn is_solved(self) -> bool {
        matches!(self, Self::Resolved | Self::Closed)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub id: TicketId,
    pub number: i64,
    pub token: String,
    pub title: String,
    pub description: String,
    pub status: TicketStatus,
    pub priority: Priority,
    pub issue_type: Option<String>,
    pub product: Option<String>,
    /// The serial number of the device that it is about.
    pub device: Option<String>,
    pub required_skills: Vec<String>,
    pub channel: String,
    pub version: i32,
    pub requester: Option<UserId>,
    pub customer: Option<CustomerId>,
    pub assignee: Option<UserId>,
    pub team: Option<TeamId>,
    /// The present assignee has taken the ticket on: from here on, giving it away is a hand-over.
    pub accepted: bool,
    /// Never a case outside its scope.
    pub confidential: bool,
    /// History from another system.
    pub imported: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// The last change that the requester may know of.
    pub public_updated_at: Timestamp,
    pub first_opened_at: Option<Timestamp>,
    pub first_opened_by: Option<UserId>,
    pub first_responded_at: Option<Timestamp>,
    pub resolved_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
    pub reopen_count: i32,
    pub hand_over_count: i32,
    pub chase_count: i32,
    pub waiting_reason: Option<String>,
    pub cancel_reason: Option<String>,
    pub merged_into: Option<TicketId>,
    /// The first entry into RESOLVED or CLOSED: what follows is for metrics, and no later cycle changes it.
    pub first_resolved_at: Option<Timestamp>,
    /// Hand-overs until then; of history, its source's own count.
    pub first_resolution_hand_overs: i32,
    /// The first reopening after it.
    pub first_reopened_at: Option<Timestamp>,
    /// 超时未响应: nobody had opened it in time.
    pub no_response_marked_at: Option<Timestamp>,
    /// A reported step that waits.
    pub pending: Option<PendingReport>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributionGiven {
    pub fault_type: FaultType,
    pub root_cause_level: RootCauseLevel,
    pub cause_tag: Option<String>,
    pub solution_tags: Vec<String>,
    pub resolution: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribution {
    pub ticket: TicketId,
    pub given: AttributionGiven,
    pub by: UserId,
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    pub id: CommentId,
    pub ticket: TicketId,
    pub author: UserId,
    pub body: String,
    pub visibility: Visibility,
    pub created_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ExternalRef {
    pub system: String,
    pub external_id: String,
}

/// A text that stands on the ticket itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TicketText {
    Title,
    Description,
    WaitingReason,
    CancelReason,
    /// Of the attribution.
    Resolution,
    Device,
    /// Of the survey.
    RatingComment,
}

/// What of a ticket decides who sees it and in which list it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    pub status: TicketStatus,
    pub priority: Priority,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub team: Option<TeamId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub assignee: Option<UserId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub requester: Option<UserId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub customer: Option<CustomerId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub product: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub issue_type: Option<String>,
}

impl Ticket {
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            status: self.status,
            priority: self.priority,
            team: self.team,
            assignee: self.assignee,
            requester: self.requester,
            customer: self.customer,
            product: self.product.clone(),
            issue_type: self.issue_type.clone(),
        }
    }
}

/// The last number that was given, where one process gives them all; 0 until it is known.
#[derive(Debug, Default)]
pub struct Numbers(AtomicI64);

impl Numbers {
    pub fn is_known(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }

    pub fn begin_behind(&self, last: i64) {
        self.0.fetch_max(last, Ordering::SeqCst);
    }

    /// The next so many. A change that is given up leaves a gap.
    pub fn take(&self, count: usize) -> Vec<i64> {
        let wanted = i64::try_from(count).unwrap_or(i64::MAX);
        let last = self.0.fetch_add(wanted, Ordering::SeqCst);
        (last + 1..=last + wanted).collect()
    }
}

/// What the viewer may know of a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Everything that the viewer's side sees.
    Full,
    /// Title, description, product and attribution, as experience.
    Case,
}

/// A ticket as somebody sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    pub ticket: Ticket,
    pub access: Access,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    Assign,
    Accept,
    SetWaiting,
    Resume,
    Comment,
    CommentInternally,
    Resolve,
    Close,
    Reopen,
    Cancel,
    Chase,
    Open,
    Update,
    Attribute,
    Link,
    Follow,
    Cite,
    Rate,
}
