//! Reads: policies, the levels of a ticket, and a policy tried against the roster.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::decide::{self, Roster};
use super::model::{Escalation, Measure, Policies, Policy, Rehearsal};
use super::store::{self, escalation_policy};
use crate::calendar;
use crate::calendar::decide::hours::Calendar;
use crate::calendar::model::CHINA;
use crate::kernel::{Error, Result, Role, TicketId, Timestamp, UserId};
use crate::notifications::model::{Senders, Settings as Notifications};
use crate::runtime::{App, Ctx};
use crate::tickets::model::{Ticket, TicketStatus};
use crate::tickets::store::entities::{ticket, ticket_open};
use crate::{notifications, people};

pub(super) async fn read_policies(conn: &impl ConnectionTrait) -> Result<Vec<Policy>> {
    let newer = Alias::new("newer");
    let last = Query::select()
        .expr(Expr::col((newer.clone(), escalation_policy::Column::Version)).max())
        .from_as(escalation_policy::Entity, newer.clone())
        .and_where(
            Expr::col((newer, escalation_policy::Column::Priority))
                .equals((escalation_policy::Entity, escalation_policy::Column::Priority)),
        )
        .to_owned();
    let rows = escalation_policy::Entity::find()
        .filter(Expr::col((escalation_policy::Entity, escalation_policy::Column::Version)).in_subquery(last))
        .order_by_desc(escalation_policy::Column::Priority)
        .all(conn)
        .await?;
    rows.into_iter().map(Policy::try_from).collect()
}

/// The newest policy of every priority.
pub async fn policies(app: &App) -> Result<Arc<Vec<Policy>>> {
    let load = async |_| Ok(vec![((), Arc::new(read_policies(app.db.read()).await?))]);
    let mut found = app.state::<Policies>().0.get_or_load(vec![()], load).await?;
    Ok(found.remove(&()).unwrap_or_default())
}

/// Every level of these tickets, in the order of epochs and levels.
pub async fn of_tickets(conn: &impl ConnectionTrait, ids: &[TicketId]) -> Result<HashMap<TicketId, Vec<Escalation>>> {
    let mut all: HashMap<TicketId, Vec<Escalation>> = HashMap::new();
    for level in store::of_tickets(conn, ids).await? {
        all.entry(level.ticket).or_default().push(level);
    }
    Ok(all)
}

/// By which calendar levels are measured: the assignee's own, or the clock.
pub(super) async fn calendar_of(app: &App, measure: Measure, watched: Option<UserId>) -> Result<Arc<Calendar>> {
    let always = || Arc::new(Calendar::around_the_clock());
    if measure == Measure::AroundTheClock {
        return Ok(always());
    }
    let duty = people::queries::duty::duty(app).await?;
    let key = watched.and_then(|user| duty.agent(user)).and_then(|agent| agent.calendar.clone());
    let calendars = calendar::queries::current(app).await?;
    // Who has none, and a ticket of nobody, go by the office hours of the installation, where they still stand.
    let key = key.unwrap_or_else(|| CHINA.to_owned());
    let found = calendars.iter().find(|saved| saved.of.key == key);
    Ok(found.map_or_else(always, |saved| saved.calendar.clone()))
}

/// Everybody and what reaches them, as a policy is tried on them.
pub(super) struct Everybody {
    pub duty: Arc<people::model::Duty>,
    pub reach: HashMap<UserId, notifications::model::Reach>,
    pub sessions: HashMap<UserId, Timestamp>,
}

impl Everybody {
    pub async fn load(app: &App, conn: &impl ConnectionTrait) -> Result<Self> {
        let duty = people::queries::duty::duty(app).await?;
        let ids: Vec<UserId> = duty.agents.iter().map(|agent| agent.id).collect();
        let reach = notifications::queries::reach(app, conn, &ids).await?;
        let sessions = notifications::queries::last_sessions(conn, &ids).await?;
        Ok(Self { duty, reach, sessions })
    }

    pub fn roster<'r>(&'r self, app: &'r App, now: Timestamp) -> Roster<'r> {
        Roster {
            duty: &self.duty,
            reach: &self.reach,
            sessions: &self.sessions,
            senders: app.state::<Senders>(),
            settings: app.state::<Notifications>(),
            now,
        }
    }
}

/// Tries a policy on the roster as it is, on a virtual clock that begins at `from`. For those who save policies.
pub async fn rehearse(cx: &Ctx, policy: &Policy, from: Timestamp) -> Result<Rehearsal> {
    if !(cx.actor.is(Role::Admin) || cx.actor.is(Role::Supervisor)) {
        return Err(Error::forbidden());
    }
    let everybody = Everybody::load(&cx.app, cx.read()).await?;
    let calendar = calendar_of(&cx.app, policy.measure, None).await?;
    Ok(decide::rehearse(policy, &everybody.roster(&cx.app, cx.now()), from, &calendar))
}

/// What waits for somebody: their tickets that they have not accepted.
#[derive(Clone, Debug, Default)]
pub struct Todo {
    /// Not opened by them yet.
    pub unread: usize,
    /// With since when each waits for them; the longest first.
    pub tickets: Vec<(Timestamp, Ticket)>,
}

/// Tickets that the float counts; whoever has more sees this many.
const WAITING_MAX: u64 = 500;

pub async fn todo(app: &App, user: UserId) -> Result<Todo> {
    let conn = app.db.read();
    let rows = ticket::Entity::find()
        .filter(ticket::Column::AssigneeId.eq(user))
        .filter(ticket::Column::Status.eq(TicketStatus::Assigned.word()))
        .order_by_asc(ticket::Column::CreatedAt)
        .limit(WAITING_MAX)
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
        last.filter(|last| last.watched == Some(user)).map_or(ticket.created_at, |last| last.since)
    };
    let unread = ids.iter().filter(|id| opened.iter().all(|row| row.ticket_id != **id)).count();
    let mut tickets: Vec<(Timestamp, Ticket)> = tickets.into_iter().map(|ticket| (since(&ticket), ticket)).collect();
    tickets.sort_by_key(|(since, ticket)| (*since, ticket.number));
    Ok(Todo { unread, tickets })
}
