//! Filters and orders of ticket lists, and the changes of a live board.

use super::*;

/// A filter of tickets; all parts that are present must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    pub and: Vec<Filter>,
    pub or: Vec<Filter>,
    pub status: Option<StatusIs>,
    pub priority: Option<PriorityIs>,
    pub assignee: Option<IdIs>,
    pub team: Option<IdIs>,
    pub customer: Option<IdIs>,
    pub created_at: Option<Between>,
    pub updated_at: Option<Between>,
    pub text: Option<String>,
}

impl Filter {
    /// Whether any part of it searches a text.
    pub fn has_text(&self) -> bool {
        self.text.is_some() || self.and.iter().chain(&self.or).any(Self::has_text)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct StatusIs {
    pub one_of: Option<Vec<TicketStatus>>,
    pub none_of: Vec<TicketStatus>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PriorityIs {
    pub one_of: Option<Vec<Priority>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct IdIs {
    pub one_of: Option<Vec<uuid::Uuid>>,
    pub is_null: Option<bool>,
}

/// Half-open interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Between {
    pub from: Option<Timestamp>,
    pub before: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderField {
    CreatedAt,
    UpdatedAt,
    Priority,
    Number,
    Relevance,
}

impl OrderField {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreatedAt => "CREATED_AT",
            Self::UpdatedAt => "UPDATED_AT",
            Self::Priority => "PRIORITY",
            Self::Number => "NUMBER",
            Self::Relevance => "RELEVANCE",
        }
    }
}

/// How an event changes a live board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BoardDelta {
    TicketCreated,
    StatusChanged,
    Assigned,
    Commented,
    Updated,
    SlaRisk,
    SlaBreached,
    Escalated,
    Left,
}

/// Why tickets are confidential: a team or an issue type that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfidentialityCause {
    Team(TeamId),
    IssueType(String),
}

/// Whose name tickets are searched by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextSource {
    Requester(UserId),
    Customer(CustomerId),
    Product(String),
}

/// Which tickets an index is built from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexedSubset {
    All,
    Confidentiality(ConfidentialityCause),
    Named(TextSource),
}

/// What a ticket is searched by besides title and description.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchTexts {
    /// For those who see the ticket in full: number, token, device, references, resolution, names, public comments.
    pub extra: String,
    /// For staff who see the ticket in full: internal comments.
    pub restricted: String,
}
