//! The scalar DateTime, and enums that mirror those of the domain.

use async_graphql::{Enum, InputValueError, InputValueResult, Scalar, ScalarType, Value};
use domain::kernel::{Code, Role as DomainRole, Timestamp};
use domain::metrics::model as metrics;
use domain::tickets::model as tickets;

/// An instant: RFC 3339, answered in UTC with a fraction where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTime(pub Timestamp);

/// An instant in RFC 3339; answered in UTC, with a fraction of a second where there is one.
#[Scalar(specified_by_url = "https://scalars.graphql.org/andimarek/date-time")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => Timestamp::from_rfc3339(text)
                .map(|at| Self(at.whole_millis()))
                .ok_or_else(|| InputValueError::custom("expected an RFC 3339 instant such as 2026-11-23T08:00:00Z")),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

impl From<Timestamp> for DateTime {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}

/// Defines a GraphQL enum with the variants of a domain enum, and the conversions between the two.
macro_rules! mirror {
    ($(#[$doc:meta])* $name:ident of $domain:path { $($(#[$variant_doc:meta])* $variant:ident),* $(,)? }) => {
        #[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
        $(#[$doc])*
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl From<$domain> for $name {
            fn from(value: $domain) -> Self {
                use $domain as Domain;
                match value { $(Domain::$variant => Self::$variant,)* }
            }
        }

        impl From<$name> for $domain {
            fn from(value: $name) -> Self {
                use $domain as Domain;
                match value { $($name::$variant => Domain::$variant,)* }
            }
        }
    };
}

pub(super) use mirror;

mirror! {
    /// The role of a person. A person may have several; their rights add up.
    Role of DomainRole {
        /// Needs help; belongs to a customer organisation.
        Requester,
        /// Works on tickets.
        Agent,
        /// Leads agents: assigns and reassigns, and sees their tickets.
        Supervisor,
        /// Responsible for products: reads every ticket of theirs.
        ProductManager,
        /// The account of a partner's system.
        Partner,
        /// May do everything.
        Admin,
    }
}

mirror! {
    /// The status of a ticket in its life cycle.
    TicketStatus of tickets::TicketStatus {
        /// Not assigned yet.
        New,
        /// Assigned, but not yet accepted.
        Assigned,
        /// Accepted: somebody works on it.
        InProgress,
        /// On hold for the customer or a third party; the reason is in `waitingReason`.
        Waiting,
        /// Resolved, with attribution; closes automatically after some days.
        Resolved,
        /// Closed. Only reopening leads out of it.
        Closed,
        /// Cancelled, with a reason.
        Cancelled,
    }
}

mirror! {
    /// The priority of a ticket.
    Priority of tickets::Priority {
        /// Production has stopped.
        Urgent,
        /// Work is seriously impaired.
        High,
        /// The default.
        Normal,
        /// It can wait.
        Low,
    }
}

mirror! {
    /// The kind of fault.
    FaultType of tickets::FaultType {
        /// A fault of a device or a part.
        Hardware,
        /// A fault of a program.
        Software,
        /// A wrong setting.
        Configuration,
        /// Wrong use.
        Operation,
    }
}

mirror! {
    /// The level of the root cause.
    RootCauseLevel of tickets::RootCauseLevel {
        /// It was used incorrectly.
        L1UserError,
        /// The environment caused it.
        L2Environment,
        /// The product's design caused it.
        L3DesignDefect,
    }
}

mirror! {
    /// A dimension by which figures are broken down.
    MetricDimension of metrics::Dimension {
        /// The team of the ticket.
        Team,
        /// The assignee.
        Agent,
        /// The issue type.
        IssueType,
        /// The priority.
        Priority,
        /// The channel through which the ticket was submitted.
        Channel,
        /// The product.
        Product,
        /// The customer.
        Customer,
    }
}

mirror! {
    /// A metric with a target.
    MetricName of metrics::Metric {
        /// First response in time; tickets count by their creation.
        FirstResponseCompliance,
        /// Resolved without a hand-over or reopening; tickets count by their first resolution.
        FirstTimeResolution,
        /// Design defects whose fix is released; tickets count by their closing.
        RootCauseClosure,
    }
}

mirror! {
    /// How a ticket counts in a metric.
    MetricOutcome of metrics::Outcome {
        /// It counts as met.
        Met,
        /// It counts as missed.
        Missed,
        /// Not counted yet: its time window is still open, whatever is known already.
        Pending,
        /// Those of the pending ones that have failed already, such as a reopened ticket; PENDING lists them too.
        PendingFailed,
        /// It is not counted: its imported history does not say when it was answered or solved, or rows of it were refused.
        Unknown,
        /// It is not counted: merged into another ticket, or cancelled before anyone responded.
        Excluded,
    }
}

mirror! {
    /// The length of the periods of a series, in the organisation's time zone.
    MetricInterval of metrics::Interval {
        /// A day, from midnight to midnight.
        Day,
        /// An ISO week, from Monday.
        Week,
        /// A calendar month.
        Month,
        /// A calendar quarter.
        Quarter,
    }
}

mirror! {
    /// Who may read a comment.
    CommentVisibility of tickets::Visibility {
        /// The requester as well.
        Public,
        /// Only staff on the responsible side.
        Internal,
    }
}

mirror! {
    /// An action on a ticket.
    TicketAction of tickets::Action {
        /// Assign it.
        Assign,
        /// Accept it.
        Accept,
        /// Put it on hold for the customer or a third party.
        SetWaiting,
        /// Resume work after waiting.
        Resume,
        /// Add a public comment.
        Comment,
        /// Add an internal comment.
        CommentInternally,
        /// Resolve it, with attribution.
        Resolve,
        /// Close it.
        Close,
        /// Reopen it.
        Reopen,
        /// Cancel it.
        Cancel,
        /// Chase it (催单).
        Chase,
        /// Record that one has looked at it.
        Open,
        /// Change its text or fields.
        Update,
        /// Add an attribution to imported history, or correct one.
        Attribute,
        /// Link an external reference.
        Link,
        /// Follow it.
        Follow,
        /// Cite a solution in it.
        Cite,
        /// Rate it.
        Rate,
    }
}

mirror! {
    /// A text field of a ticket that can be redacted.
    TicketText of tickets::TicketText {
        /// The problem in one line (title).
        Title,
        /// The full description of the problem.
        Description,
        /// The reason for waiting.
        WaitingReason,
        /// The reason for cancelling.
        CancelReason,
        /// The resolution text.
        Resolution,
        /// The serial number of the device.
        Device,
        /// The comment of the rating.
        RatingComment,
    }
}

mirror! {
    /// How much of a ticket the viewer may read.
    TicketAccess of tickets::Access {
        /// Everything that the viewer's role may see.
        Full,
        /// As a case only: title, description, product and attribution.
        Case,
    }
}

mirror! {
    /// The field by which a list of tickets is sorted.
    TicketOrderField of tickets::OrderField {
        /// The time of creation.
        CreatedAt,
        /// The time of the last change that the viewer may see.
        UpdatedAt,
        /// The priority; DESC starts with URGENT. Within a priority, most chased first, then oldest first.
        Priority,
        /// The ticket number.
        Number,
        /// The relevance for `filter.text`, which must be given.
        Relevance,
    }
}

mirror! {
    /// The code of a user error: why a mutation was refused.
    ErrorCode of Code {
        /// A required field is missing or empty.
        Required,
        /// A text is too long.
        TooLong,
        /// A value is not allowed.
        Invalid,
        /// A key is not in the catalogue.
        UnknownKey,
        /// An object named in the input does not exist, or is not visible to the caller.
        NotFound,
        /// The caller may see the object but not do this.
        Forbidden,
        /// The status of the object does not allow it.
        InvalidTransition,
        /// The object was changed since the caller loaded it.
        VersionConflict,
        /// The idempotency key was already used with a different input.
        IdempotencyMismatch,
        /// The attribution is incomplete.
        AttributionIncomplete,
        /// The e-mail address, password or token is wrong.
        SignInFailed,
        /// It already exists.
        AlreadyExists,
        /// The ticket token is misspelt or unknown.
        TokenInvalid,
        /// The policy would reach nobody.
        PolicyReachesNobody,
        /// A limit is exceeded.
        LimitExceeded,
    }
}

/// The direction of a sort order.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum SortDirection {
    /// Ascending: smallest, oldest or least first.
    Asc,
    /// Descending: largest, newest or most first.
    Desc,
}

/// What makes a case similar.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum MatchKind {
    /// A common word.
    Term,
    /// A common error code, model or part number.
    Code,
    /// A common field value, as `name=value`.
    Field,
    /// A similar meaning, in other words or another language.
    Meaning,
}

impl From<search::ReasonKind> for MatchKind {
    fn from(kind: search::ReasonKind) -> Self {
        match kind {
            search::ReasonKind::Term => Self::Term,
            search::ReasonKind::Code => Self::Code,
            search::ReasonKind::Field => Self::Field,
            search::ReasonKind::Meaning => Self::Meaning,
        }
    }
}

/// The kind of a change on a live board.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum BoardEventKind {
    /// A ticket was created.
    TicketCreated,
    /// A ticket changed its status.
    StatusChanged,
    /// A ticket was assigned.
    Assigned,
    /// A comment was added.
    Commented,
    /// Another property of a ticket changed.
    Updated,
    /// Most of the time of one of the ticket's SLA clocks has passed; sent to staff only.
    SlaRisk,
    /// One of the ticket's SLA clocks passed its target; sent to staff only.
    SlaBreached,
    /// A level of escalation fired; sent to staff only.
    Escalated,
    /// A ticket no longer matches the filter, or is no longer visible to the viewer; `ticketId` says which.
    Left,
    /// More was missed than can be replayed: load the lists again.
    Resync,
}

impl From<tickets::BoardDelta> for BoardEventKind {
    fn from(kind: tickets::BoardDelta) -> Self {
        match kind {
            tickets::BoardDelta::TicketCreated => Self::TicketCreated,
            tickets::BoardDelta::StatusChanged => Self::StatusChanged,
            tickets::BoardDelta::Assigned => Self::Assigned,
            tickets::BoardDelta::Commented => Self::Commented,
            tickets::BoardDelta::Updated => Self::Updated,
            tickets::BoardDelta::SlaRisk => Self::SlaRisk,
            tickets::BoardDelta::SlaBreached => Self::SlaBreached,
            tickets::BoardDelta::Escalated => Self::Escalated,
            tickets::BoardDelta::Left => Self::Left,
        }
    }
}

/// A count as GraphQL's 32-bit Int.
pub fn int(n: impl TryInto<i32>) -> i32 {
    n.try_into().unwrap_or(i32::MAX)
}
