//! Reads: policies, levels of tickets, simulations of policies, and to-do lists.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::decide::{self, StaffReachability};
use super::model::{Escalation, Measure, Policy, PolicyCache, PolicySimulation};
use super::store::{self, escalation_policy};
use crate::calendar;
use crate::calendar::model::{CHINA, Calendar};
use crate::kernel::{Error, Refusal, Result, Role, TicketId, Timestamp, UserId, boxed};
use crate::notifications::model::Senders;
use crate::runtime::versioned::is_newest;
use crate::runtime::{App, Ctx, Executor};
use crate::tickets::model::{Priority, Ticket, TicketStatus};
use crate::tickets::store::entities::{ticket, ticket_open};
use crate::{notifications, people};

pub(super) async fn read_policies(conn: &Executor) -> Result<Vec<Policy>> {
    let rows = escalation_policy::Entity::find()
        .filter(is_newest::<escalation_policy::Entity>(
            escalation_policy::Column::Priority,
            escalation_policy::Column::Version,
        ))
        .order_by_desc(escalation_policy::Column::Priority)
        .all(conn)
        .await?;
    rows.into_iter().map(Policy::try_from).collect()
}

/// The newest policy of every priority.
#[boxed]
pub async fn policies(app: &App) -> Result<Arc<Vec<Policy>>> {
    app.state::<PolicyCache>().get_or_load(read_policies(app.db.read())).await
}

/// All levels of these tickets, by epoch and level.
#[boxed]
pub async fn of_tickets(conn: &Executor, ids: &[TicketId]) -> Result<HashMap<TicketId, Vec<Escalation>>> {
    let mut all: HashMap<TicketId, Vec<Escalation>> = HashMap::new();
    for level in store::of_tickets(conn, ids).await? {
        all.entry(level.ticket).or_default().push(level);
    }
    Ok(all)
}

/// The calendar by which levels are timed.
pub(super) async fn calendar_of(app: &App, measure: Measure, responsible: Option<UserId>) -> Result<Arc<Calendar>> {
    let always = || Arc::new(Calendar::around_the_clock());
    if measure == Measure::AroundTheClock {
        return Ok(always());
    }
    let availability = people::queries::availability::current(app).await?;
    let key = responsible.and_then(|user| availability.agent(user)).and_then(|agent| agent.calendar.clone());
    let calendars = calendar::queries::current(app).await?;
    // Without an assignee or a calendar of their own: the default office hours, if they still exist.
    let key = key.unwrap_or_else(|| CHINA.to_owned());
    let found = calendars.iter().find(|saved| saved.of.key == key);
    Ok(found.map_or_else(always, |saved| saved.calendar.clone()))
}

/// The data of [`StaffReachability`], loaded once.
pub(super) struct StaffSnapshot {
    pub availability: Arc<people::model::Availability>,
    pub contact_points: HashMap<UserId, notifications::model::ContactPoints>,
    pub sessions: HashMap<UserId, Timestamp>,
}

impl StaffSnapshot {
    #[boxed]
    pub async fn load(app: &App, conn: &Executor) -> Result<Self> {
        let availability = people::queries::availability::current(app).await?;
        let ids: Vec<UserId> = availability.agents.iter().map(|agent| agent.id).collect();
        let contact_points = notifications::queries::contact_points(app, conn, &ids).await?;
        let sessions = notifications::queries::last_sessions(conn, &ids).await?;
        Ok(Self { availability, contact_points, sessions })
    }

    pub fn reachability<'r>(&'r self, app: &'r App, now: Timestamp) -> StaffReachability<'r> {
        StaffReachability {
            availability: &self.availability,
            contact_points: &self.contact_points,
            sessions: &self.sessions,
            senders: app.state::<Senders>(),
            now,
        }
    }
}

/// The policies that now reach nobody at some level, and why.
#[boxed]
pub async fn unreached(app: &App) -> Result<Vec<(Priority, Refusal)>> {
    let staff = StaffSnapshot::load(app, app.db.read()).await?;
    let reachability = staff.reachability(app, app.now());
    let policies = policies(app).await?;
    let found = policies.iter().filter_map(|policy| {
        decide::reaches_somebody(&policy.levels, &reachability).err().map(|why| (policy.priority, why))
    });
    Ok(found.collect())
}

/// Dry run of a policy on current staff, with a virtual clock that starts at `from`. For administrators and supervisors.
#[boxed]
pub async fn simulate(cx: &Ctx, policy: &Policy, from: Timestamp) -> Result<PolicySimulation> {
    if !(cx.actor.is(Role::Admin) || cx.actor.is(Role::Supervisor)) {
        return Err(Error::forbidden());
    }
    let staff = StaffSnapshot::load(&cx.app, cx.read()).await?;
    let calendar = calendar_of(&cx.app, policy.measure, None).await?;
    Ok(decide::simulate(policy, &staff.reachability(&cx.app, cx.now()), from, &calendar))
}

/// A user's to-do list: assigned tickets that they have not accepted, and those whose requester waits for an answer.
#[derive(Clone, Debug, Default)]
pub struct Todo {
    /// How many of them the user has not opened, or not answered.
    pub unread: usize,
    /// With the start of their waiting time; the longest-waiting first.
    pub tickets: Vec<(Timestamp, Ticket)>,
}

/// Upper bound of the to-do list.
const TODO_MAX: u64 = 500;

/// Not accepted yet, or with a question that nobody has answered.
fn waits_for_assignee() -> Condition {
    let in_work = [TicketStatus::InProgress, TicketStatus::Waiting].map(TicketStatus::as_str);
    Condition::any()
        .add(ticket::Column::Status.eq(TicketStatus::Assigned.as_str()))
        .add(Condition::all().add(ticket::Column::Status.is_in(in_work)).add(ticket::Column::AskedAt.is_not_null()))
}

#[boxed]
pub async fn todo(app: &App, user: UserId) -> Result<Todo> {
    let conn = app.db.read();
    let rows = ticket::Entity::find()
        .filter(ticket::Column::AssigneeId.eq(user))
        .filter(waits_for_assignee())
        .order_by_asc(ticket::Column::CreatedAt)
        .limit(TODO_MAX)
        .all(conn)
        .await?;
    let tickets = rows.into_iter().map(Ticket::try_from).collect::<Result<Vec<_>, _>>()?;
    let ids: Vec<TicketId> = tickets.iter().map(|ticket| ticket.id).collect();
    let opened = ticket_open::Entity::find()
        .filter(ticket_open::Column::UserId.eq(user))
        .filter(ticket_open::Column::TicketId.is_in(ids.iter().copied()))
        .all(conn)
        .await?;
    let levels = of_tickets(conn, &ids).await?;
    let since = |ticket: &Ticket| {
        let last = levels.get(&ticket.id).and_then(|levels| levels.last());
        let assigned =
            last.filter(|last| last.responsible == Some(user)).map_or(ticket.times.created_at, |last| last.since);
        // An accepted one waits since its requester asked.
        ticket.times.asked_at.filter(|_| ticket.status != TicketStatus::Assigned).unwrap_or(assigned)
    };
    let is_unread = |ticket: &&Ticket| {
        ticket.status != TicketStatus::Assigned || opened.iter().all(|row| row.ticket_id != ticket.id)
    };
    let unread = tickets.iter().filter(is_unread).count();
    let mut tickets: Vec<(Timestamp, Ticket)> = tickets.into_iter().map(|ticket| (since(&ticket), ticket)).collect();
    tickets.sort_by_key(|(since, ticket)| (*since, ticket.number));
    Ok(Todo { unread, tickets })
}
