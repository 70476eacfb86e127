//! Which tickets somebody asks for, in which order, and what a board is told.

use super::*;

/// Which tickets somebody asks for; all given parts must hold.
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

/// Half open.
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
    pub const fn word(self) -> &'static str {
        match self {
            Self::CreatedAt => "CREATED_AT",
            Self::UpdatedAt => "UPDATED_AT",
            Self::Priority => "PRIORITY",
            Self::Number => "NUMBER",
            Self::Relevance => "RELEVANCE",
        }
    }
}

/// What a live board is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BoardKind {
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
