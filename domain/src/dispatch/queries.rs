//! Reads: candidates, queues and stored decisions.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait as _, Order};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::model::{Basis, Candidate, Requirements, Trace, UncoveredSkill, weight};
use super::{decide, store};
use crate::calendar;
use crate::calendar::model::Organisation;
use crate::catalogue::decide::recognise_product;
use crate::catalogue::model::{Kind, ProductMatch};
use crate::kernel::{Result, Role, TeamId, TicketId, Timestamp, UserId, boxed};
use crate::notifications::decide::is_reachable;
use crate::notifications::model::{Channel, Senders};
use crate::people::model::{Agent, Availability};
use crate::people::store::user;
use crate::runtime::{App, Executor, Tx};
use crate::tickets::model::{SolvedCase, Ticket, TicketStatus};
use crate::tickets::store::entities::{participant, ticket};
use crate::{catalogue, notifications, people};

/// The last decisions about these tickets.
#[boxed]
pub async fn traces(conn: &Executor, ids: &[TicketId]) -> Result<HashMap<TicketId, Trace>> {
    store::traces(conn, ids).await
}

/// The open work of these people, in points.
#[boxed]
pub async fn open_work(conn: &Executor, users: &[UserId]) -> Result<HashMap<UserId, i32>> {
    store::loads(conn, users).await
}

/// The skills of issue types and products that no agent has at that level.
#[boxed]
pub async fn uncovered_skills(app: &App) -> Result<Vec<UncoveredSkill>> {
    let known = catalogue::queries::cached(app).await?;
    let availability = people::queries::availability::current(app).await?;
    Ok(decide::uncovered_skills(&known.entries, &availability.agents))
}

/// What a ticket requires, and why.
pub(super) async fn requirements(tx: &Tx, ticket: &Ticket, cases: Vec<SolvedCase>) -> Result<(Requirements, Basis)> {
    let known = catalogue::queries::cached(tx.app()).await?;
    let request = &ticket.request;
    let entry = |kind, key: &Option<String>| key.as_ref().and_then(|key| known.entry(kind, key));
    let (issue_type, product) = (entry(Kind::IssueType, &request.issue_type), entry(Kind::Product, &request.product));
    let skills = decide::required_skills(&request.required_skills, issue_type, product);
    let ambiguous_products = match &request.product {
        Some(_) => Vec::new(),
        None => match recognise_product(&known.product_terms, &request.title, &request.description) {
            ProductMatch::Ambiguous(products) => products,
            ProductMatch::Nothing | ProductMatch::Product { .. } => Vec::new(),
        },
    };
    let mut earlier = earlier_owners(tx.conn(), ticket.id).await?;
    earlier.extend(ticket.assignment.assignee);
    let basis = Basis {
        skills: skills.clone(),
        product_recognised_by: request.product_recognised_by.clone(),
        ambiguous_products,
        derived_preferred: false,
        cases: cases.clone(),
    };
    let requirements = Requirements {
        team: ticket.assignment.team,
        skills,
        may_prefer: true,
        weight: weight(request.priority, TicketStatus::Assigned),
        earlier,
        cases,
    };
    Ok((requirements, basis))
}

/// The team to which the ticket's issue type or product leads.
pub(super) async fn routed_team(tx: &Tx, ticket: &Ticket) -> Result<Option<TeamId>> {
    let known = catalogue::queries::cached(tx.app()).await?;
    let team = |kind, key: &Option<String>| known.entry(kind, key.as_ref()?)?.team;
    let of_type = team(Kind::IssueType, &ticket.request.issue_type);
    Ok(of_type.or_else(|| team(Kind::Product, &ticket.request.product)))
}

/// The agents who work for a team now, their current state included; `None`: for any team.
pub(super) async fn candidates(tx: &Tx, team: Option<TeamId>) -> Result<Vec<Candidate>> {
    let (app, now) = (tx.app(), tx.now);
    let availability = people::queries::availability::current(app).await?;
    let zone = &app.state::<Organisation>().zone;
    let mut workers: Vec<(&Agent, Vec<TeamId>)> = Vec::new();
    for agent in availability.agents.iter().filter(|agent| agent.is(Role::Agent)) {
        let mut teams = agent.teams.clone();
        // A delegate also works for the teams of the person they stand in for.
        for delegation in availability.delegations.iter().filter(|of| of.to == agent.id && of.in_force(now, zone)) {
            teams.extend(availability.agent(delegation.from).into_iter().flat_map(|from| from.teams.iter().copied()));
        }
        if team.is_none_or(|team| teams.contains(&team)) {
            workers.push((agent, teams));
        }
    }
    let ids: Vec<UserId> = workers.iter().map(|(agent, _)| agent.id).collect();
    let loads = store::loads(tx.conn(), &ids).await?;
    let stamps = store::stamps(tx.conn(), &ids).await?;
    let contact_points = notifications::queries::contact_points(app, tx.conn(), &ids).await?;
    let sessions = notifications::queries::last_sessions(tx.conn(), &ids).await?;
    let shifts = shifts(tx, &availability).await?;
    let senders = app.state::<Senders>();
    let candidate = |(agent, teams): (&Agent, Vec<TeamId>)| {
        let stamp = stamps.get(&agent.id);
        let reachable = contact_points.get(&agent.id).is_some_and(|contact_points| {
            let on_page = contact_points.activity.iter().filter(|(of, _)| *of == Channel::Web).map(|(_, at)| *at).max();
            is_reachable(contact_points, senders, Ord::max(sessions.get(&agent.id).copied(), on_page), now)
        });
        Candidate {
            user: agent.id,
            teams,
            skills: agent.skills.clone(),
            capacity: agent.capacity,
            load: loads.get(&agent.id).copied().unwrap_or(0),
            on_shift: agent.calendar.as_ref().is_none_or(|key| shifts.get(key).copied().unwrap_or(true)),
            away: agent.is_away(now),
            delegated: availability.is_delegated(agent.id, now, zone),
            reachable,
            last_assigned_at: stamp.map(|(_, at)| *at),
            stamp: stamp.map_or(0, |(stamp, _)| *stamp),
        }
    };
    Ok(workers.into_iter().map(candidate).collect())
}

/// By key, whether each calendar of an agent is open now.
async fn shifts(tx: &Tx, availability: &Availability) -> Result<HashMap<String, bool>> {
    let calendars = calendar::queries::current(tx.app()).await?;
    let used =
        calendars.iter().filter(|saved| availability.agents.iter().any(|a| a.calendar.as_ref() == Some(&saved.of.key)));
    Ok(used.map(|saved| (saved.of.key.clone(), saved.calendar.is_open(tx.now))).collect())
}

/// The next time at which a shift, absence or delegation starts or ends.
pub(super) async fn next_change(tx: &Tx) -> Result<Option<Timestamp>> {
    let availability = people::queries::availability::current(tx.app()).await?;
    let now = tx.now;
    let calendars = calendar::queries::current(tx.app()).await?;
    let shifts = calendars
        .iter()
        .filter(|saved| availability.agents.iter().any(|agent| agent.calendar.as_ref() == Some(&saved.of.key)))
        .filter_map(|saved| saved.calendar.next_change(now));
    let absences = availability.agents.iter().flat_map(|agent| &agent.absences);
    let absences = absences.flat_map(|absence| [Some(absence.from), absence.until]).flatten();
    let zone = &tx.app().state::<Organisation>().zone;
    let delegations = availability.delegations.iter().filter_map(|delegation| delegation.next_change(now, zone));
    Ok(shifts.chain(absences).chain(delegations).filter(|at| *at > now).min())
}

/// The earlier owners of a ticket.
pub(super) async fn earlier_owners(conn: &Executor, id: TicketId) -> Result<Vec<UserId>> {
    Ok(participant::Entity::find()
        .select_only()
        .column(participant::Column::UserId)
        .filter(participant::Column::TicketId.eq(id))
        .filter(participant::Column::Reason.eq(crate::tickets::model::ParticipantReason::EarlierOwner.as_str()))
        .into_tuple()
        .all(conn)
        .await?)
}

/// A position in the queue, as encoded in a job's subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct QueuePosition {
    pub priority: i32,
    pub chases: i32,
    pub number: i64,
}

impl QueuePosition {
    pub fn of(ticket: &Ticket) -> Self {
        Self { priority: ticket.request.priority.rank(), chases: ticket.counts.chases, number: ticket.number }
    }

    pub fn from_subject(subject: &str) -> Option<Self> {
        let mut parts = subject.split(':');
        let position = Self {
            priority: parts.next()?.parse().ok()?,
            chases: parts.next()?.parse().ok()?,
            number: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(position)
    }
}

impl std::fmt::Display for QueuePosition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.priority, self.chases, self.number)
    }
}

/// Queued tickets after a position: most urgent first, then most chased, then oldest.
pub(super) async fn waiting(conn: &Executor, after: Option<QueuePosition>, max: u64) -> Result<Vec<Ticket>> {
    let mut later = Condition::all();
    if let Some(QueuePosition { priority, chases, number }) = after {
        let same = ticket::Column::Priority.eq(priority);
        later = Condition::any()
            .add(ticket::Column::Priority.lt(priority))
            .add(same.clone().and(ticket::Column::ChaseCount.lt(chases)))
            .add(same.and(ticket::Column::ChaseCount.eq(chases)).and(ticket::Column::Number.gt(number)));
    }
    let rows = ticket::Entity::find()
        // The literal condition of the partial index.
        .filter(Expr::cust("assignee_id is null and status = 'NEW'"))
        .filter(later)
        .filter(ticket::Column::Imported.eq(false))
        .order_by(ticket::Column::Priority, Order::Desc)
        .order_by(ticket::Column::ChaseCount, Order::Desc)
        .order_by(ticket::Column::Number, Order::Asc)
        .limit(max)
        .all(conn)
        .await?;
    rows.into_iter().map(|row| Ok(Ticket::try_from(row)?)).collect()
}

/// Tickets that are assigned to these people and not accepted yet.
pub(super) async fn unaccepted(conn: &Executor, of: &[UserId], after: i64, max: u64) -> Result<Vec<Ticket>> {
    let rows = ticket::Entity::find()
        .filter(ticket::Column::Number.gt(after))
        .filter(ticket::Column::AssigneeId.is_in(of.iter().copied()))
        .filter(ticket::Column::Status.eq(TicketStatus::Assigned.as_str()))
        .filter(ticket::Column::Accepted.eq(false))
        .filter(ticket::Column::Imported.eq(false))
        .order_by(ticket::Column::Number, Order::Asc)
        .limit(max)
        .all(conn)
        .await?;
    rows.into_iter().map(|row| Ok(Ticket::try_from(row)?)).collect()
}

/// Statuses in which somebody works on a ticket.
fn in_work() -> [&'static str; 3] {
    [TicketStatus::Assigned, TicketStatus::InProgress, TicketStatus::Waiting].map(TicketStatus::as_str)
}

/// People who have left and still have open tickets.
pub(super) async fn owners_who_left(conn: &Executor, max: u64) -> Result<Vec<UserId>> {
    let left = sea_orm::sea_query::Query::select()
        .column(user::Column::Id)
        .from(user::Entity)
        .and_where(user::Column::DisabledAt.is_not_null())
        .to_owned();
    Ok(ticket::Entity::find()
        .select_only()
        .distinct()
        .column(ticket::Column::AssigneeId)
        .filter(ticket::Column::Status.is_in(in_work()))
        .filter(ticket::Column::Imported.eq(false))
        .filter(ticket::Column::AssigneeId.in_subquery(left))
        .limit(max)
        .into_tuple()
        .all(conn)
        .await?)
}

/// The open tickets of these people, accepted or not.
pub(super) async fn work_of(conn: &Executor, of: &[UserId], after: i64, max: u64) -> Result<Vec<Ticket>> {
    let rows = ticket::Entity::find()
        .filter(ticket::Column::Number.gt(after))
        .filter(ticket::Column::AssigneeId.is_in(of.iter().copied()))
        .filter(ticket::Column::Status.is_in(in_work()))
        .filter(ticket::Column::Imported.eq(false))
        .order_by(ticket::Column::Number, Order::Asc)
        .limit(max)
        .all(conn)
        .await?;
    rows.into_iter().map(|row| Ok(Ticket::try_from(row)?)).collect()
}
