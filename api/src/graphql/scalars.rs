//! Scalars, enums and how they stand for the domain's words.

use async_graphql::{Enum, InputValueError, InputValueResult, Scalar, ScalarType, Value};
use domain::kernel::{Code, Role as DomainRole, Timestamp};
use domain::metrics::model as metrics;
use domain::tickets::model as tickets;

/// An instant: RFC 3339, answered in UTC with milliseconds where there are any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTime(pub Timestamp);

#[Scalar(specified_by_url = "https://scalars.graphql.org/andimarek/date-time")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => Timestamp::parse(text)
                .map(Self)
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

macro_rules! mirror {
    ($(#[$doc:meta])* $name:ident of $domain:path { $($(#[$variant_doc:meta])* $variant:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl From<$domain> for $name {
            fn from(word: $domain) -> Self {
                use $domain as Domain;
                match word { $(Domain::$variant => Self::$variant,)* }
            }
        }

        impl From<$name> for $domain {
            fn from(word: $name) -> Self {
                use $domain as Domain;
                match word { $($name::$variant => Domain::$variant,)* }
            }
        }
    };
}

pub(super) use mirror;

mirror! {
    /// What a person is here for. Several roles may be held; rights add up.
    Role of DomainRole {
        /// Needs help; belongs to a customer organisation.
        Requester,
        /// Works on tickets.
        Agent,
        /// Leads agents: assigns, hands over, sees their tickets.
        Supervisor,
        /// Answers for products: reads every ticket of theirs.
        ProductManager,
        /// A partner's system.
        Partner,
        /// May do everything.
        Admin,
    }
}

mirror! {
    /// Where a ticket stands in its life.
    TicketStatus of tickets::TicketStatus {
        /// Nobody has it yet.
        New,
        /// Somebody has it, and has not accepted it yet.
        Assigned,
        /// Somebody works on it.
        InProgress,
        /// Waits for the customer or a third party; the reason is in `waitingReason`.
        Waiting,
        /// Solved, with attribution; closes itself after some days.
        Resolved,
        /// Over. Only reopening leads out.
        Closed,
        /// Given up, with a reason.
        Cancelled,
    }
}

mirror! {
    /// How urgent a ticket is.
    Priority of tickets::Priority {
        /// Production stands still.
        Urgent,
        /// Work is much hindered.
        High,
        /// The usual.
        Normal,
        /// Can wait.
        Low,
    }
}

mirror! {
    /// What kind of fault it was.
    FaultType of tickets::FaultType {
        /// A device or a part.
        Hardware,
        /// A program.
        Software,
        /// A setting.
        Configuration,
        /// The way it was used.
        Operation,
    }
}

mirror! {
    /// How deep the cause lies.
    RootCauseLevel of tickets::RootCauseLevel {
        /// It was used wrongly.
        L1UserError,
        /// Its surroundings failed it.
        L2Environment,
        /// It was designed wrongly.
        L3DesignDefect,
    }
}

mirror! {
    /// By what figures are broken down.
    MetricDimension of metrics::Dimension {
        /// The team that the ticket stands with.
        Team,
        /// The assignee.
        Agent,
        /// The issue type.
        IssueType,
        /// The priority.
        Priority,
        /// The channel that the ticket came by.
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
        /// The first response came in time; by creation.
        FirstResponseCompliance,
        /// No hand-over and no reopening; by first resolution.
        FirstTimeResolution,
        /// The defect's fix is released; by closing.
        RootCauseClosure,
    }
}

mirror! {
    /// What became of a ticket by a metric.
    MetricOutcome of metrics::Outcome {
        /// It counts as met.
        Met,
        /// It counts as missed.
        Missed,
        /// Its window is still open.
        Pending,
        /// It counts nowhere: merged away, or cancelled before anyone responded.
        Excluded,
    }
}

mirror! {
    /// How long the periods of a series are, in the organisation's time zone.
    MetricInterval of metrics::Interval {
        /// From midnight to midnight.
        Day,
        /// An ISO week, from Monday.
        Week,
        /// A month.
        Month,
        /// A quarter of a year.
        Quarter,
    }
}

mirror! {
    /// Who may read a comment.
    CommentVisibility of tickets::Visibility {
        /// The requester too.
        Public,
        /// Only the responsible side.
        Internal,
    }
}

mirror! {
    /// What may be done with a ticket.
    TicketAction of tickets::Action {
        /// Give it to somebody.
        Assign,
        /// Take it on.
        Accept,
        /// Wait for the customer or a third party.
        SetWaiting,
        /// Go on after waiting.
        Resume,
        /// Write a public comment.
        Comment,
        /// Write an internal comment.
        CommentInternally,
        /// Resolve it, with attribution.
        Resolve,
        /// Close it.
        Close,
        /// Take it up again.
        Reopen,
        /// Give it up.
        Cancel,
        /// Ask again.
        Chase,
        /// Note that one has looked at it.
        Open,
        /// Change its text or fields.
        Update,
        /// Attribute history, or mend an attribution.
        Attribute,
        /// Link an external reference.
        Link,
        /// Follow it.
        Follow,
        /// Copy a solution into it.
        Cite,
        /// Say how content one is.
        Rate,
    }
}

mirror! {
    /// A text that stands on a ticket itself.
    TicketText of tickets::TicketText {
        /// The problem in one line.
        Title,
        /// The problem at length.
        Description,
        /// What it waits for.
        WaitingReason,
        /// Why it was given up.
        CancelReason,
        /// How it was solved.
        Resolution,
        /// The device that it is about.
        Device,
        /// What was written with the rating.
        RatingComment,
    }
}

mirror! {
    /// How much of a ticket the viewer may read.
    TicketAccess of tickets::Access {
        /// Everything that the viewer's side sees.
        Full,
        /// As a case: title, description, product and attribution.
        Case,
    }
}

mirror! {
    /// By what a list of tickets is ordered.
    TicketOrderField of tickets::OrderField {
        /// When it was created.
        CreatedAt,
        /// When it last changed, as far as the viewer may know.
        UpdatedAt,
        /// How urgent it is; DESC begins with URGENT, of one priority with what was asked about again most often, then
        /// with the oldest.
        Priority,
        /// Its number.
        Number,
        /// How well it matches `filter.text`, which must be given.
        Relevance,
    }
}

mirror! {
    /// Why a mutation was refused.
    ErrorCode of Code {
        /// A field that must be given is missing or empty.
        Required,
        /// A text is longer than allowed.
        TooLong,
        /// A value that is not allowed there.
        Invalid,
        /// A key that is not in the catalogue.
        UnknownKey,
        /// Something named in the input is not there, or not visible to the caller.
        NotFound,
        /// The caller may see it, but not do this.
        Forbidden,
        /// The ticket's status does not allow it.
        InvalidTransition,
        /// It was changed since the caller loaded it.
        VersionConflict,
        /// The idempotency key was used for another input.
        IdempotencyMismatch,
        /// The attribution does not say all it must.
        AttributionIncomplete,
        /// E-mail address, password or token is wrong.
        SignInFailed,
        /// There is one already.
        AlreadyExists,
        /// A ticket token that is misspelt or unknown.
        TokenInvalid,
        /// A policy that would reach nobody.
        PolicyReachesNobody,
        /// More than allowed.
        LimitExceeded,
    }
}

/// The direction of an order.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum SortDirection {
    /// Smallest, oldest or least first.
    Asc,
    /// Largest, newest or most first.
    Desc,
}

/// What made a case similar.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum MatchKind {
    /// A word in common.
    Term,
    /// An error code, model or part number in common.
    Code,
    /// A field in common, as `name=value`.
    Field,
    /// A meaning in common, in other words or another language.
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

/// What happened on a board.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum BoardEventKind {
    /// A ticket came.
    TicketCreated,
    /// A ticket moved in its life.
    StatusChanged,
    /// A ticket got an assignee.
    Assigned,
    /// Somebody commented.
    Commented,
    /// Something else about a ticket changed.
    Updated,
    /// Most of the time of one of its SLA clocks has passed; for staff.
    SlaRisk,
    /// One of its SLA clocks has passed its target; for staff.
    SlaBreached,
    /// A level of escalation fired; for staff.
    Escalated,
    /// A ticket is no longer in the filter or the viewer's scope; `ticketId` says which.
    Left,
    /// More was missed than can be told: load the lists again.
    Resync,
}

impl From<tickets::BoardKind> for BoardEventKind {
    fn from(kind: tickets::BoardKind) -> Self {
        match kind {
            tickets::BoardKind::TicketCreated => Self::TicketCreated,
            tickets::BoardKind::StatusChanged => Self::StatusChanged,
            tickets::BoardKind::Assigned => Self::Assigned,
            tickets::BoardKind::Commented => Self::Commented,
            tickets::BoardKind::Updated => Self::Updated,
            tickets::BoardKind::SlaRisk => Self::SlaRisk,
            tickets::BoardKind::SlaBreached => Self::SlaBreached,
            tickets::BoardKind::Escalated => Self::Escalated,
            tickets::BoardKind::Left => Self::Left,
        }
    }
}

/// A count as GraphQL's 32-bit Int.
pub fn int(n: impl TryInto<i32>) -> i32 {
    n.try_into().unwrap_or(i32::MAX)
}
