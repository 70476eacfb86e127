//! Inputs, and what they mean in the domain's words.

use async_graphql::{Context, ID, InputObject};
use domain::kernel::{Code, Direction, Error, Refusal, Timestamp, refuse};
use domain::tickets::model as tickets;
use uuid::Uuid;

use super::Caller;
use super::error::top_level;
use super::scalars::{DateTime, FaultType, Priority, RootCauseLevel, SortDirection, TicketOrderField, TicketStatus};

/// The id of an input of a mutation: what is no id cannot be found.
pub fn id<T: std::str::FromStr>(field: &str, id: &ID) -> Result<T, Error> {
    id.parse().map_err(|_| not_an_id(field).into())
}

fn not_an_id(field: &str) -> Refusal {
    refuse(
        Code::NotFound,
        field,
        format!("{field} is not an id of this kind: use the id field of what you mean."),
        format!("{field} 不是有效的 ID，请使用相应对象的 id 字段。"),
    )
}

/// The id of an argument of a query.
pub fn argument<T: std::str::FromStr>(ctx: &Context<'_>, name: &str, id: &ID) -> async_graphql::Result<T> {
    id.parse().map_err(|_| {
        let error = Error::bad_input(
            format!("{name} is not an id: use the id field of what you mean."),
            format!("{name} 不是有效的 ID，请使用相应对象的 id 字段。"),
        );
        top_level(error, ctx.data_unchecked::<Caller>().language)
    })
}

/// Which tickets; every part that is given must hold.
#[derive(InputObject, Clone, Debug, Default)]
pub struct TicketFilter {
    /// All of these.
    and: Option<Vec<TicketFilter>>,
    /// Any of these.
    or: Option<Vec<TicketFilter>>,
    /// By status.
    status: Option<TicketStatusComparator>,
    /// By priority.
    priority: Option<PriorityComparator>,
    /// By assignee.
    assignee_id: Option<IDComparator>,
    /// By team.
    team_id: Option<IDComparator>,
    /// By customer.
    customer_id: Option<IDComparator>,
    /// By creation.
    created_at: Option<DateTimeComparator>,
    /// By the last change, as far as the viewer may know.
    updated_at: Option<DateTimeComparator>,
    /// Every word of this must be in the ticket; Chinese and English. The 1,000 most relevant are found.
    text: Option<String>,
}

/// A condition on a status.
#[derive(InputObject, Clone, Debug)]
pub struct TicketStatusComparator {
    /// This one.
    eq: Option<TicketStatus>,
    /// Any of these.
    #[graphql(name = "in")]
    one_of: Option<Vec<TicketStatus>>,
    /// None of these.
    not_in: Option<Vec<TicketStatus>>,
}

/// A condition on a priority.
#[derive(InputObject, Clone, Debug)]
pub struct PriorityComparator {
    /// This one.
    eq: Option<Priority>,
    /// Any of these.
    #[graphql(name = "in")]
    one_of: Option<Vec<Priority>>,
}

/// A condition on an id.
#[derive(InputObject, Clone, Debug)]
#[graphql(name = "IDComparator")]
pub struct IDComparator {
    /// This one.
    eq: Option<ID>,
    /// Any of these.
    #[graphql(name = "in")]
    one_of: Option<Vec<ID>>,
    /// Whether there is none.
    is_null: Option<bool>,
}

/// A half-open span of time.
#[derive(InputObject, Clone, Debug)]
pub struct DateTimeComparator {
    /// From this instant on.
    gte: Option<DateTime>,
    /// Before this instant.
    lt: Option<DateTime>,
}

/// Values allowed in one comparator.
const VALUES_MAX: usize = 100;

fn bounded<T>(name: &str, values: Vec<T>) -> Result<Vec<T>, Error> {
    if values.len() <= VALUES_MAX {
        return Ok(values);
    }
    Err(Error::bad_input(
        format!("{name} has {} values; at most {VALUES_MAX} are allowed.", values.len()),
        format!("{name} 共 {} 个值，最多允许 {VALUES_MAX} 个。", values.len()),
    ))
}

fn either<T, U: From<T>>(name: &str, eq: Option<T>, one_of: Option<Vec<T>>) -> Result<Option<Vec<U>>, Error> {
    Ok(match (eq, one_of) {
        (None, None) => None,
        (Some(eq), None) => Some(vec![eq.into()]),
        (None, Some(one_of)) => Some(bounded(name, one_of)?.into_iter().map(Into::into).collect()),
        (Some(_), Some(_)) => {
            return Err(Error::bad_input(
                format!("{name}: give eq or in, not both."),
                format!("{name}：eq 与 in 只能给出其一。"),
            ));
        }
    })
}

impl TicketFilter {
    pub fn into_domain(self) -> Result<tickets::Filter, Error> {
        let Self { and, or, status, priority, assignee_id, team_id, customer_id, created_at, updated_at, text } = self;
        let parts = |parts: Option<Vec<Self>>| -> Result<Vec<_>, Error> {
            parts.unwrap_or_default().into_iter().map(Self::into_domain).collect()
        };
        let status = status
            .map(|TicketStatusComparator { eq, one_of, not_in }| {
                let none_of = bounded("status.notIn", not_in.unwrap_or_default())?;
                Ok::<_, Error>(tickets::StatusIs {
                    one_of: either("status", eq, one_of)?,
                    none_of: none_of.into_iter().map(Into::into).collect(),
                })
            })
            .transpose()?;
        let priority = priority
            .map(|PriorityComparator { eq, one_of }| {
                Ok::<_, Error>(tickets::PriorityIs { one_of: either("priority", eq, one_of)? })
            })
            .transpose()?;
        let between = |span: Option<DateTimeComparator>| {
            let instant = |at: Option<DateTime>| -> Option<Timestamp> { at.map(|at| at.0) };
            span.map(|DateTimeComparator { gte, lt }| tickets::Between { from: instant(gte), before: instant(lt) })
        };
        Ok(tickets::Filter {
            and: parts(and)?,
            or: parts(or)?,
            status,
            priority,
            assignee: id_is("assigneeId", assignee_id)?,
            team: id_is("teamId", team_id)?,
            customer: id_is("customerId", customer_id)?,
            created_at: between(created_at),
            updated_at: between(updated_at),
            text,
        })
    }
}

fn id_is(name: &str, comparator: Option<IDComparator>) -> Result<Option<tickets::IdIs>, Error> {
    let Some(IDComparator { eq, one_of, is_null }) = comparator else { return Ok(None) };
    let ids: Option<Vec<ID>> = either(name, eq, one_of)?;
    let parse = |id: ID| {
        Uuid::parse_str(&id).map_err(|_| {
            Error::bad_input(
                format!("filter.{name}: {:?} is not an id.", id.as_str()),
                format!("filter.{name}：“{}”不是有效的 ID。", id.as_str()),
            )
        })
    };
    let one_of = ids.map(|ids| ids.into_iter().map(parse).collect::<Result<Vec<_>, _>>()).transpose()?;
    Ok(Some(tickets::IdIs { one_of, is_null }))
}

/// The order of a list of tickets.
#[derive(InputObject, Clone, Copy, Debug)]
pub struct TicketOrder {
    /// By what.
    pub field: TicketOrderField,
    /// In which direction.
    pub direction: SortDirection,
}

impl From<SortDirection> for Direction {
    fn from(direction: SortDirection) -> Self {
        match direction {
            SortDirection::Asc => Self::Asc,
            SortDirection::Desc => Self::Desc,
        }
    }
}

/// What another system calls a ticket.
#[derive(InputObject, Clone, Debug)]
pub struct ExternalRefInput {
    /// Key of the system.
    pub system: String,
    /// The ticket's id there.
    pub external_id: String,
}

impl From<ExternalRefInput> for tickets::ExternalRef {
    fn from(input: ExternalRefInput) -> Self {
        let ExternalRefInput { system, external_id } = input;
        Self { system, external_id }
    }
}

/// What a ticket was and how it was solved.
#[derive(InputObject, Clone, Debug)]
pub struct AttributionInput {
    /// What kind of fault it was.
    fault_type: FaultType,
    /// How deep the cause lies.
    root_cause_level: RootCauseLevel,
    /// Key of the cause tag.
    cause_tag: Option<String>,
    /// Keys of solution tags; at least one.
    solution_tags: Vec<String>,
    /// How it was resolved; not blank.
    resolution: String,
}

impl From<AttributionInput> for tickets::AttributionGiven {
    fn from(input: AttributionInput) -> Self {
        let AttributionInput { fault_type, root_cause_level, cause_tag, solution_tags, resolution } = input;
        Self {
            fault_type: fault_type.into(),
            root_cause_level: root_cause_level.into(),
            cause_tag,
            solution_tags,
            resolution,
        }
    }
}

/// A text that somebody has a problem with.
#[derive(InputObject, Clone, Debug)]
pub struct SimilarCasesInput {
    /// The problem in one line.
    pub title: String,
    /// The problem at length.
    pub description: Option<String>,
    /// Key of the product.
    pub product: Option<String>,
    /// Key of the issue type.
    pub issue_type: Option<String>,
}
