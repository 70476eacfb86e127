//! Inputs and their translation into the domain's types.

use std::time::Duration;

use async_graphql::{Context, ID, InputObject, Value};
use domain::kernel::text::check_input;
use domain::kernel::{Code, Direction, Error, Refusal, Timestamp, hours, refuse};
use domain::tickets::model as tickets;
use uuid::Uuid;

use super::error::top_level;
use super::guard::language;
use super::scalars::{DateTime, FaultType, Priority, RootCauseLevel, SortDirection, TicketOrderField, TicketStatus};
use domain::msg;

/// Parses an id in the input of a mutation; a malformed id is refused as NOT_FOUND.
pub fn id<T: std::str::FromStr>(field: &str, id: &ID) -> Result<T, Error> {
    id.parse().map_err(|_| not_an_id(field).into())
}

/// Parses an optional id in the input of a mutation.
pub fn optional_id<T: std::str::FromStr>(field: &str, given: Option<&ID>) -> Result<Option<T>, Error> {
    given.map(|given| id(field, given)).transpose()
}

fn not_an_id(field: &str) -> Refusal {
    refuse(Code::NotFound, field, msg!("id-of-wrong-kind", field = field))
}

/// For how long the old and the new secret are both valid.
pub fn overlap(overlap_hours: i32) -> Result<Duration, Error> {
    let wrong = || refuse(Code::Invalid, "overlapHours", msg!("overlap-hours-out-of-range"));
    u64::try_from(overlap_hours).map(hours).map_err(|_| wrong().into())
}

/// Parses an id argument of a query.
pub fn argument<T: std::str::FromStr>(ctx: &Context<'_>, name: &str, id: &ID) -> async_graphql::Result<T> {
    id.parse().map_err(|_| {
        let error = Error::bad_input(msg!("id-invalid", argument = name));
        top_level(error, language(ctx))
    })
}

/// Checks every string of a value; the refusal names the first that no field accepts, by its path.
pub fn check_strings(path: &str, value: &Value) -> Result<(), Refusal> {
    let below = |part: &str| if path.is_empty() { part.to_owned() } else { format!("{path}.{part}") };
    match value {
        Value::String(text) => check_input(path, text),
        Value::List(items) => {
            let mut items = items.iter().enumerate();
            items.try_for_each(|(index, item)| check_strings(&below(&index.to_string()), item))
        }
        Value::Object(fields) => fields.iter().try_for_each(|(name, field)| check_strings(&below(name), field)),
        _ => Ok(()),
    }
}

/// Which tickets; all given conditions must hold.
#[derive(InputObject, Clone, Debug, Default)]
pub struct TicketFilter {
    /// All of these filters must match.
    and: Option<Vec<TicketFilter>>,
    /// At least one of these filters must match.
    or: Option<Vec<TicketFilter>>,
    /// The status.
    status: Option<TicketStatusComparator>,
    /// The priority.
    priority: Option<PriorityComparator>,
    /// The assignee.
    assignee_id: Option<IDComparator>,
    /// The team.
    team_id: Option<IDComparator>,
    /// The customer.
    customer_id: Option<IDComparator>,
    /// The time of creation.
    created_at: Option<DateTimeComparator>,
    /// The time of the last change that the viewer may see.
    updated_at: Option<DateTimeComparator>,
    /// Full text, Chinese and English: every word must occur in the ticket. At most the 1,000 most relevant tickets are
    /// found.
    text: Option<String>,
}

/// A condition on a status.
#[derive(InputObject, Clone, Debug)]
pub struct TicketStatusComparator {
    /// Equal to this.
    eq: Option<TicketStatus>,
    /// Equal to any of these.
    #[graphql(name = "in")]
    one_of: Option<Vec<TicketStatus>>,
    /// Equal to none of these.
    not_in: Option<Vec<TicketStatus>>,
}

/// A condition on a priority.
#[derive(InputObject, Clone, Debug)]
pub struct PriorityComparator {
    /// Equal to this.
    eq: Option<Priority>,
    /// Equal to any of these.
    #[graphql(name = "in")]
    one_of: Option<Vec<Priority>>,
}

/// A condition on an id.
#[derive(InputObject, Clone, Debug)]
#[graphql(name = "IDComparator")]
pub struct IDComparator {
    /// Equal to this.
    eq: Option<ID>,
    /// Equal to any of these.
    #[graphql(name = "in")]
    one_of: Option<Vec<ID>>,
    /// True: only where it is not set. False: only where it is set.
    is_null: Option<bool>,
}

/// A half-open time span: the start is included, the end is not.
#[derive(InputObject, Clone, Debug)]
pub struct DateTimeComparator {
    /// Start (inclusive).
    gte: Option<DateTime>,
    /// End (exclusive).
    lt: Option<DateTime>,
}

/// Maximum number of values in one comparator.
const VALUES_MAX: usize = 100;

fn bounded<T>(name: &str, values: Vec<T>) -> Result<Vec<T>, Error> {
    if values.len() <= VALUES_MAX {
        return Ok(values);
    }
    Err(Error::bad_input(msg!("filter-values-too-many", field = name, count = values.len(), max = VALUES_MAX)))
}

fn either<T, U: From<T>>(name: &str, eq: Option<T>, one_of: Option<Vec<T>>) -> Result<Option<Vec<U>>, Error> {
    Ok(match (eq, one_of) {
        (None, None) => None,
        (Some(eq), None) => Some(vec![eq.into()]),
        (None, Some(one_of)) => Some(bounded(name, one_of)?.into_iter().map(Into::into).collect()),
        (Some(_), Some(_)) => {
            return Err(Error::bad_input(msg!("filter-eq-and-in-given", field = name)));
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
        Uuid::parse_str(&id).map_err(|_| Error::bad_input(msg!("filter-id-invalid", field = name, id = id.as_str())))
    };
    let one_of = ids.map(|ids| ids.into_iter().map(parse).collect::<Result<Vec<_>, _>>()).transpose()?;
    Ok(Some(tickets::IdIs { one_of, is_null }))
}

/// The order of a list of tickets.
#[derive(InputObject, Clone, Copy, Debug)]
pub struct TicketOrder {
    /// The field to sort by.
    pub field: TicketOrderField,
    /// The direction.
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

/// A ticket's reference in another system.
#[derive(InputObject, Clone, Debug)]
pub struct ExternalRefInput {
    /// Key of the system.
    pub system: String,
    /// The ticket's id in that system.
    pub external_id: String,
}

impl From<ExternalRefInput> for tickets::ExternalRef {
    fn from(input: ExternalRefInput) -> Self {
        let ExternalRefInput { system, external_id } = input;
        Self { system, external_id }
    }
}

/// The root cause and solution of a ticket (归因).
#[derive(InputObject, Clone, Debug)]
pub struct AttributionInput {
    /// What kind of fault it was.
    fault_type: FaultType,
    /// The level of the root cause: user error, environment or design defect.
    root_cause_level: RootCauseLevel,
    /// Key of the cause tag; optional.
    cause_tag: Option<String>,
    /// Keys of solution tags; at least one.
    solution_tags: Vec<String>,
    /// How it was resolved; not blank.
    resolution: String,
}

impl From<AttributionInput> for tickets::AttributionDetails {
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

/// A problem to find similar cases for.
#[derive(InputObject, Clone, Debug)]
pub struct SimilarCasesInput {
    /// The problem in one line (title).
    pub title: String,
    /// The full description of the problem.
    pub description: Option<String>,
    /// Key of the product.
    pub product: Option<String>,
    /// Key of the issue type.
    pub issue_type: Option<String>,
}

#[cfg(test)]
mod tests {
    use async_graphql::value;

    use super::*;

    #[test]
    fn a_string_that_no_field_accepts_is_named_by_its_path() {
        let good = value!({ "title": "x", "tags": ["a", "b"], "priority": null, "count": 5 });
        assert_eq!(check_strings("", &good), Ok(()));
        let bad = value!({ "attribution": { "solutionTags": ["RESTART", "a\u{0}"] } });
        let path = ["attribution", "solutionTags", "1"].map(str::to_owned).to_vec();
        assert_eq!(check_strings("", &bad).unwrap_err().field, path);
        assert_eq!(check_strings("input", &bad).unwrap_err().field[..2], ["input", "attribution"]);
        assert_eq!(check_strings("text", &value!("a\u{0}")).unwrap_err().field, ["text"]);
    }
}
