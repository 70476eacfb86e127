//! A ticket, its commands and its events.

mod cases;
mod commands;
mod facts;
mod links;
mod lists;
mod settings;

use std::sync::atomic::{AtomicI64, Ordering};

use serde::{Deserialize, Serialize};

pub use self::cases::{CaseFinder, SolvedCase};
pub use self::commands::*;
pub use self::facts::*;
pub use self::links::*;
pub use self::lists::*;
pub use self::settings::Settings;

use crate::kernel::string_enum;
use crate::kernel::{CommentId, CustomerId, TeamId, TicketId, Timestamp, UnknownValue, UserId};

string_enum! {
    /// Status in the life-cycle.
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

string_enum! {
    Priority {
        Urgent = "URGENT",
        High = "HIGH",
        Normal = "NORMAL",
        Low = "LOW",
    }
}

impl Priority {
    /// Higher is more urgent; lists sort by it.
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

impl From<Priority> for i32 {
    fn from(priority: Priority) -> Self {
        priority.rank()
    }
}

impl TryFrom<i32> for Priority {
    type Error = UnknownValue;

    fn try_from(rank: i32) -> Result<Self, UnknownValue> {
        Self::of_rank(rank).ok_or(UnknownValue)
    }
}

string_enum! {
    FaultType {
        Hardware = "HARDWARE",
        Software = "SOFTWARE",
        Configuration = "CONFIGURATION",
        Operation = "OPERATION",
    }
}

string_enum! {
    RootCauseLevel {
        L1UserError = "L1_USER_ERROR",
        L2Environment = "L2_ENVIRONMENT",
        L3DesignDefect = "L3_DESIGN_DEFECT",
    }
}

string_enum! {
    Visibility {
        /// The requester sees it too.
        Public = "PUBLIC",
        /// Only staff see it.
        Internal = "INTERNAL",
    }
}

string_enum! {
    /// Why a person outside the team sees a ticket.
    ParticipantReason {
        Follower = "FOLLOWER",
        Mentioned = "MENTIONED",
        EarlierOwner = "EARLIER_OWNER",
        /// A system that reported it or is linked to it.
        System = "SYSTEM",
    }
}

string_enum! {
    /// What a pending report waits for.
    PendingNeeds {
        /// RESOLVED and CLOSED require an attribution.
        Attribution = "ATTRIBUTION",
        /// The ticket has no assignee yet.
        Assignee = "ASSIGNEE",
        /// The life-cycle has no such transition: a person decides.
        Decision = "DECISION",
    }
}

/// A status that a system reported and that cannot be applied yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingReport {
    pub status: TicketStatus,
    /// The key of the reporting system.
    pub system: String,
    pub since: Timestamp,
    pub needs: PendingNeeds,
}

/// The status of a ticket across systems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedStatus {
    pub status: TicketStatus,
    /// When the status was reached, as given by the source.
    pub at: Timestamp,
    /// The key of the system that reported it.
    pub system: String,
    /// The last reopening: an older attribution does not apply.
    pub reopened_at: Option<Timestamp>,
    /// The change in the number of reopenings since the last synchronization.
    pub reopenings: i32,
    pub first_reopened_at: Option<Timestamp>,
}

string_enum! {
    /// What an SLA clock measures.
    SlaMetric {
        FirstResponse = "FIRST_RESPONSE",
        Resolution = "RESOLUTION",
    }
}

impl TicketStatus {
    /// Work is left to do.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::New | Self::Assigned | Self::InProgress | Self::Waiting)
    }

    /// Solved tickets are readable as cases.
    pub const fn is_solved(self) -> bool {
        matches!(self, Self::Resolved | Self::Closed)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub id: TicketId,
    pub number: i64,
    /// The part of its address that cannot be guessed.
    pub token: String,
    /// Increments with every change that staff make.
    pub version: i32,
    pub status: TicketStatus,
    pub waiting_reason: Option<String>,
    /// A reported status that cannot be applied yet.
    pub pending: Option<PendingReport>,
    pub request: TicketRequest,
    pub assignment: Assignment,
    pub times: TicketTimes,
    pub counts: TicketCounts,
    pub closing: Closing,
    pub history: SourceHistory,
}

/// What is asked, by whom, and how it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketRequest {
    pub title: String,
    pub description: String,
    pub priority: Priority,
    pub issue_type: Option<String>,
    pub product: Option<String>,
    /// The key, name or alias of the product that the text contains; `None` if somebody gave the product.
    pub product_recognised_by: Option<String>,
    /// The serial number of the affected device.
    pub device: Option<String>,
    /// As given; the issue type and the product may require more.
    pub required_skills: Vec<String>,
    pub requester: Option<UserId>,
    pub customer: Option<CustomerId>,
    pub channel: String,
    /// Imported from another system.
    pub imported: bool,
    /// Not readable as a case outside its scope.
    pub confidential: bool,
}

/// Who works on the ticket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Assignment {
    pub assignee: Option<UserId>,
    pub team: Option<TeamId>,
    /// Somebody has accepted the ticket: from now on another person or team is a hand-over.
    pub accepted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TicketTimes {
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// The last change that is visible to the requester.
    pub public_updated_at: Timestamp,
    pub first_opened_at: Option<Timestamp>,
    pub first_opened_by: Option<UserId>,
    pub first_responded_at: Option<Timestamp>,
    /// 超时未响应: nobody opened it in time.
    pub no_response_marked_at: Option<Timestamp>,
    /// The first message of the requester, or chase, that nobody has answered.
    pub asked_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TicketCounts {
    pub reopenings: i32,
    pub hand_overs: i32,
    pub chases: i32,
}

/// How the ticket ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Closing {
    pub resolved_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
    pub cancel_reason: Option<String>,
    pub merged_into: Option<TicketId>,
    /// The first entry into RESOLVED or CLOSED. This and the next two fields serve metrics; later cycles do not change them.
    pub first_resolved_at: Option<Timestamp>,
    /// Hand-overs until the first resolution; for an imported ticket, the running count of its source, if that has one.
    pub first_resolution_hand_overs: i32,
    /// The first reopening after the first resolution.
    pub first_reopened_at: Option<Timestamp>,
}

/// What the history of an imported ticket leaves open. Metrics leave it out; all false for a ticket of Buoy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceHistory {
    /// Rows of it were refused: what the others say may be wrong.
    pub incomplete: bool,
    /// Its source merged it into another ticket.
    pub merged: bool,
    /// Somebody responded or may have; when is not known.
    pub response_unknown: bool,
    /// It is solved; since when is not known.
    pub resolution_unknown: bool,
}

impl Ticket {
    /// A NEW ticket of nobody.
    pub fn new(id: TicketId, number: i64, token: String, request: TicketRequest, created_at: Timestamp) -> Self {
        Self {
            id,
            number,
            token,
            version: 1,
            status: TicketStatus::New,
            waiting_reason: None,
            pending: None,
            request,
            assignment: Assignment::default(),
            times: TicketTimes {
                created_at,
                updated_at: created_at,
                public_updated_at: created_at,
                first_opened_at: None,
                first_opened_by: None,
                first_responded_at: None,
                no_response_marked_at: None,
                asked_at: None,
            },
            counts: TicketCounts::default(),
            closing: Closing::default(),
            history: SourceHistory::default(),
        }
    }
}

impl TicketRequest {
    /// A request with nothing but its text.
    pub fn new(title: String, description: String, channel: &str) -> Self {
        Self {
            title,
            description,
            priority: Priority::Normal,
            issue_type: None,
            product: None,
            product_recognised_by: None,
            device: None,
            required_skills: Vec::new(),
            requester: None,
            customer: None,
            channel: channel.to_owned(),
            imported: false,
            confidential: false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttributionDetails {
    pub fault_type: FaultType,
    pub root_cause_level: RootCauseLevel,
    pub cause_tag: Option<String>,
    pub solution_tags: Vec<String>,
    pub resolution: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribution {
    pub ticket: TicketId,
    pub details: AttributionDetails,
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

/// A text field of a ticket.
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

/// The fields of a ticket that decide who sees it and which lists contain it.
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
            priority: self.request.priority,
            team: self.assignment.team,
            assignee: self.assignment.assignee,
            requester: self.request.requester,
            customer: self.request.customer,
            product: self.request.product.clone(),
            issue_type: self.request.issue_type.clone(),
        }
    }
}

/// Allocates ticket numbers where one process allocates them all. Holds the last number; 0 until it is loaded.
#[derive(Debug, Default)]
pub struct NumberSequence(AtomicI64);

impl NumberSequence {
    pub fn is_known(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }

    pub fn start_after(&self, last: i64) {
        self.0.fetch_max(last, Ordering::SeqCst);
    }

    /// The next `count` numbers. A rolled-back transaction leaves a gap.
    pub fn allocate(&self, count: usize) -> Vec<i64> {
        let wanted = i64::try_from(count).unwrap_or(i64::MAX);
        let last = self.0.fetch_add(wanted, Ordering::SeqCst);
        (last + 1..=last + wanted).collect()
    }
}

/// How much of a ticket the viewer may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Everything that the viewer's role may see.
    Full,
    /// Title, description, product and attribution only.
    Case,
}

/// A ticket with the viewer's access.
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
