//! Who is there now, and why somebody got a ticket.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait as _, Order};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::model::{Candidate, Trace};
use super::store;
use crate::calendar;
use crate::calendar::model::Organisation;
use crate::kernel::{Result, Role, TeamId, TicketId, Timestamp, UserId};
use crate::notifications::decide::is_reached;
use crate::notifications::model::{Channel, Settings as Notifications};
use crate::people::model::{Agent, Duty};
use crate::runtime::Tx;
use crate::tickets::model::{Ticket, TicketStatus};
use crate::tickets::store::entities::{participant, ticket};
use crate::{notifications, people};

/// The last decisions about these tickets.
pub async fn traces(conn: &impl ConnectionTrait, ids: &[TicketId]) -> Result<HashMap<TicketId, Trace>> {
    store::traces(conn, ids).await
}

/// Everybody who works for a team now (for any, where it is `None`), as they are.
pub(super) async fn candidates(tx: &Tx, team: Option<TeamId>) -> Result<Vec<Candidate>> {
    let (app, now) = (tx.app(), tx.now);
    let duty = people::queries::duty::duty(app).await?;
    let zone = &app.state::<Organisation>().zone;
    let mut workers: Vec<(&Agent, Vec<TeamId>)> = Vec::new();
    for agent in duty.agents.iter().filter(|agent| agent.is(Role::Agent)) {
        let mut teams = agent.teams.clone();
        // Whoever stands in for somebody works for their teams too.
        for delegation in duty.delegations.iter().filter(|of| of.to == agent.id && of.in_force(now, zone)) {
            teams.extend(duty.agent(delegation.from).into_iter().flat_map(|from| from.teams.iter().copied()));
        }
        if team.is_none_or(|team| teams.contains(&team)) {
            workers.push((agent, teams));
        }
    }
    let ids: Vec<UserId> = workers.iter().map(|(agent, _)| agent.id).collect();
    let loads = store::loads(tx.conn(), &ids).await?;
    let stamps = store::stamps(tx.conn(), &ids).await?;
    let reach = notifications::queries::reach(app, tx.conn(), &ids).await?;
    let sessions = notifications::queries::last_sessions(tx.conn(), &ids).await?;
    let settings = app.state::<Notifications>();
    let shifts = shifts(tx, &duty).await?;
    let candidate = |(agent, teams): (&Agent, Vec<TeamId>)| {
        let stamp = stamps.get(&agent.id);
        let reached = reach.get(&agent.id).is_some_and(|reach| {
            let on_page = reach.activity.iter().filter(|(of, _)| *of == Channel::Web).map(|(_, at)| *at).max();
            is_reached(reach, Ord::max(sessions.get(&agent.id).copied(), on_page), now, settings)
        });
        Candidate {
            user: agent.id,
            teams,
            skills: agent.skills.clone(),
            capacity: agent.capacity,
            load: loads.get(&agent.id).copied().unwrap_or(0),
            on_shift: agent.calendar.as_ref().is_none_or(|key| shifts.get(key).copied().unwrap_or(true)),
            away: agent.is_away(now),
            delegated: duty.is_delegated(agent.id, now, zone),
            reached,
            last_assigned_at: stamp.map(|(_, at)| *at),
            stamp: stamp.map_or(0, |(stamp, _)| *stamp),
        }
    };
    Ok(workers.into_iter().map(candidate).collect())
}

/// Which of the calendars by which people work are open now.
async fn shifts(tx: &Tx, duty: &Duty) -> Result<HashMap<String, bool>> {
    let calendars = calendar::queries::current(tx.app()).await?;
    let used = calendars.iter().filter(|saved| duty.agents.iter().any(|a| a.calendar.as_ref() == Some(&saved.of.key)));
    Ok(used.map(|saved| (saved.of.key.clone(), saved.calendar.is_open(tx.now))).collect())
}

/// When who is there changes next by itself: a shift, an absence, a delegation begins or ends.
pub(super) async fn next_change(tx: &Tx) -> Result<Option<Timestamp>> {
    let duty = people::queries::duty::duty(tx.app()).await?;
    let now = tx.now;
    let calendars = calendar::queries::current(tx.app()).await?;
    let shifts = calendars
        .iter()
        .filter(|saved| duty.agents.iter().any(|agent| agent.calendar.as_ref() == Some(&saved.of.key)))
        .filter_map(|saved| saved.calendar.next_change(now));
    let absences = duty.agents.iter().flat_map(|agent| &agent.absences);
    let absences = absences.flat_map(|absence| [Some(absence.from), absence.until]).flatten();
    let zone = &tx.app().state::<Organisation>().zone;
    let delegations = duty.delegations.iter().filter_map(|delegation| delegation.next_change(now, zone));
    Ok(shifts.chain(absences).chain(delegations).filter(|at| *at > now).min())
}

/// Those who had a ticket before.
pub(super) async fn earlier_owners(conn: &impl ConnectionTrait, id: TicketId) -> Result<Vec<UserId>> {
    Ok(participant::Entity::find()
        .select_only()
        .column(participant::Column::UserId)
        .filter(participant::Column::TicketId.eq(id))
        .filter(participant::Column::Reason.eq(crate::tickets::model::ParticipantReason::EarlierOwner.word()))
        .into_tuple()
        .all(conn)
        .await?)
}

/// A place in the queue, as a job's subject holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Queued {
    pub priority: i32,
    pub chases: i32,
    pub number: i64,
}

impl Queued {
    pub fn of(ticket: &Ticket) -> Self {
        Self { priority: ticket.priority.rank(), chases: ticket.chase_count, number: ticket.number }
    }

    pub fn parse(subject: &str) -> Option<Self> {
        let mut parts = subject.split(':');
        let queued = Self {
            priority: parts.next()?.parse().ok()?,
            chases: parts.next()?.parse().ok()?,
            number: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(queued)
    }
}

impl std::fmt::Display for Queued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.priority, self.chases, self.number)
    }
}

/// Tickets that wait for somebody: the most urgent first, then those asked for most often, then the oldest.
pub(super) async fn waiting(conn: &impl ConnectionTrait, behind: Option<Queued>, max: u64) -> Result<Vec<Ticket>> {
    let mut later = Condition::all();
    if let Some(Queued { priority, chases, number }) = behind {
        let same = ticket::Column::Priority.eq(priority);
        later = Condition::any()
            .add(ticket::Column::Priority.lt(priority))
            .add(same.clone().and(ticket::Column::ChaseCount.lt(chases)))
            .add(same.and(ticket::Column::ChaseCount.eq(chases)).and(ticket::Column::Number.gt(number)));
    }
    let rows = ticket::Entity::find()
        // Written out as in the index that answers it.
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

/// What these people have and have not accepted yet.
pub(super) async fn unaccepted(
    conn: &impl ConnectionTrait,
    of: &[UserId],
    behind: i64,
    max: u64,
) -> Result<Vec<Ticket>> {
    let rows = ticket::Entity::find()
        .filter(ticket::Column::Number.gt(behind))
        .filter(ticket::Column::AssigneeId.is_in(of.iter().copied()))
        .filter(ticket::Column::Status.eq(TicketStatus::Assigned.word()))
        .filter(ticket::Column::Accepted.eq(false))
        .filter(ticket::Column::Imported.eq(false))
        .order_by(ticket::Column::Number, Order::Asc)
        .limit(max)
        .all(conn)
        .await?;
    rows.into_iter().map(|row| Ok(Ticket::try_from(row)?)).collect()
}
