//! Commands on tickets.

use super::*;
use serde::Serialize;

#[derive(Clone, Debug, Serialize)]
pub struct CreateTicket {
    pub title: String,
    pub description: String,
    pub priority: Priority,
    pub issue_type: Option<String>,
    pub product: Option<String>,
    pub device: Option<String>,
    pub customer_key: Option<String>,
    pub requester_email: Option<String>,
    /// The writer whom a gateway identified; only Buoy itself gives it.
    pub requester: Option<UserId>,
    pub required_skills: Vec<String>,
    pub external_refs: Vec<ExternalRef>,
    /// When the request was made, if earlier than now: for submissions that were quarantined at a gateway.
    pub at: Option<Timestamp>,
}

#[derive(Clone, Debug, Serialize)]
pub struct AssignTicket {
    pub ticket: TicketId,
    pub assignee: UserId,
    pub expected_version: Option<i32>,
}

#[derive(Clone, Debug, Serialize)]
pub struct AcceptTicket {
    pub ticket: TicketId,
    pub expected_version: Option<i32>,
}

#[derive(Clone, Debug, Serialize)]
pub struct SetWaiting {
    pub ticket: TicketId,
    pub reason: String,
    pub expected_version: Option<i32>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ResumeTicket {
    pub ticket: TicketId,
    pub expected_version: Option<i32>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ResolveTicket {
    pub ticket: TicketId,
    pub attribution: AttributionDetails,
    pub expected_version: Option<i32>,
}

#[derive(Clone, Debug, Serialize)]
pub struct AttributeTicket {
    pub ticket: TicketId,
    pub attribution: AttributionDetails,
    pub expected_version: Option<i32>,
}

#[derive(Clone, Debug, Serialize)]
pub struct CloseTicket {
    pub ticket: TicketId,
    pub expected_version: Option<i32>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ReopenTicket {
    pub ticket: TicketId,
    pub reason: String,
    pub expected_version: Option<i32>,
}

#[derive(Clone, Debug, Serialize)]
pub struct CancelTicket {
    pub ticket: TicketId,
    pub reason: String,
    pub expected_version: Option<i32>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ChaseTicket {
    pub ticket: TicketId,
}

#[derive(Clone, Debug, Serialize)]
pub struct OpenTicket {
    pub ticket: TicketId,
}

#[derive(Clone, Debug, Serialize)]
pub struct AddComment {
    pub ticket: TicketId,
    pub body: String,
    pub visibility: Visibility,
    pub mentions: Vec<UserId>,
}

/// Changes the fields that are `Some`.
#[derive(Clone, Debug, Serialize)]
pub struct UpdateTicket {
    pub ticket: TicketId,
    pub expected_version: Option<i32>,
    pub title: Option<String>,
    pub description: Option<String>,
    pub priority: Option<Priority>,
    pub issue_type: Option<String>,
    pub product: Option<String>,
    pub device: Option<String>,
    pub team_key: Option<String>,
    pub required_skills: Option<Vec<String>>,
}

impl UpdateTicket {
    /// One that changes nothing yet.
    pub const fn new(ticket: TicketId) -> Self {
        Self {
            ticket,
            expected_version: None,
            title: None,
            description: None,
            priority: None,
            issue_type: None,
            product: None,
            device: None,
            team_key: None,
            required_skills: None,
        }
    }
}

/// Removes texts that must not be stored, such as personal data or secrets. The events stay.
#[derive(Clone, Debug, Serialize)]
pub struct RedactTicket {
    pub ticket: TicketId,
    pub texts: Vec<TicketText>,
    pub comments: Vec<CommentId>,
    pub expected_version: Option<i32>,
}

#[derive(Clone, Debug, Serialize)]
pub struct LinkExternalRef {
    pub token: String,
    pub reference: ExternalRef,
}

#[derive(Clone, Debug, Serialize)]
pub struct UnlinkExternalRef {
    pub token: String,
    pub reference: ExternalRef,
}

#[derive(Clone, Debug, Serialize)]
pub struct FollowTicket {
    pub ticket: TicketId,
    pub follow: bool,
}
