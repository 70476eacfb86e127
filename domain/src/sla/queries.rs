//! Reads: policies, clocks of tickets, and upcoming breaches.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::decide;
use super::model::{Clock, ClockWithCalendar, Policy, PolicyCache, TimelineEntry};
use super::store::{self, sla_clock, sla_policy};
use crate::calendar;
use crate::kernel::page::{Key, Part};
use crate::kernel::{Connection, Direction, Error, Page, Result, TicketId, Timestamp, boxed};
use crate::runtime::versioned::is_newest;
use crate::runtime::{App, Ctx, Executor, log};
use crate::tickets::decide::rights::Scope;
use crate::tickets::model::{TicketEvent, TicketStatus};
use crate::tickets::store::entities::ticket;
use crate::tickets::store::select;

/// Policies of one installation.
const POLICIES_MAX: u64 = 1_000;
/// Events of one timeline.
const EVENTS_MAX: u64 = 5_000;

pub(super) async fn read_policies(conn: &Executor) -> Result<Vec<Policy>> {
    let rows = sla_policy::Entity::find()
        .filter(is_newest::<sla_policy::Entity>(sla_policy::Column::Key, sla_policy::Column::Version))
        .order_by_asc(sla_policy::Column::Key)
        .limit(POLICIES_MAX)
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(Policy::from).collect())
}

/// The newest version of every policy, by key.
#[boxed]
pub async fn policies(app: &App) -> Result<Arc<Vec<Policy>>> {
    app.state::<PolicyCache>().get_or_load(read_policies(app.db.read())).await
}

async fn with_calendars(app: &App, conn: &Executor, clocks: Vec<Clock>) -> Result<Vec<ClockWithCalendar>> {
    let mut refs: Vec<_> = clocks.iter().map(|clock| clock.pinned.calendar.clone()).collect();
    refs.sort_unstable();
    refs.dedup();
    let calendars = calendar::queries::versions(app, conn, refs).await?;
    let attach_calendar = |clock: Clock| {
        let calendar = calendars.get(&clock.pinned.calendar).cloned();
        let calendar = calendar.ok_or_else(|| Error::internal("a clock's calendar is gone"))?;
        Ok(ClockWithCalendar { clock, calendar })
    };
    clocks.into_iter().map(attach_calendar).collect()
}

/// The clocks of these tickets. The caller checks visibility.
#[boxed]
pub async fn clocks(
    app: &App,
    conn: &Executor,
    tickets: &[TicketId],
) -> Result<HashMap<TicketId, Vec<ClockWithCalendar>>> {
    let mut all: HashMap<TicketId, Vec<ClockWithCalendar>> = HashMap::new();
    for entry in with_calendars(app, conn, store::clocks(conn, tickets).await?).await? {
        all.entry(entry.clock.ticket).or_default().push(entry);
    }
    for clocks in all.values_mut() {
        clocks.sort_by_key(|entry| entry.clock.metric);
    }
    Ok(all)
}

/// A ticket's events in order, without imported history.
pub(super) async fn events_of(app: &App, conn: &Executor, ticket: TicketId) -> Result<Vec<(Timestamp, TicketEvent)>> {
    let rows = log::read_subject(app, conn, ticket.0, EVENTS_MAX).await?;
    let events = rows.iter().filter_map(|row| Some((row.at, row.event.get::<TicketEvent>()?)));
    Ok(events.filter(|(_, event)| event.history.is_none()).map(|(at, event)| (at, event.clone())).collect())
}

/// The timeline of a clock: why it breached or not.
#[boxed]
pub async fn timeline(cx: &Ctx, of: &ClockWithCalendar) -> Result<Vec<TimelineEntry>> {
    let events = events_of(&cx.app, cx.read(), of.clock.ticket).await?;
    Ok(decide::timeline(&of.clock, &events, cx.now(), &of.calendar))
}

/// Running clocks of tickets within the actor's scope, by due time.
#[boxed]
pub async fn upcoming(cx: &Ctx, before: Option<Timestamp>, page: &Page) -> Result<Connection<ClockWithCalendar>> {
    if !cx.actor.is_staff() {
        return Err(Error::forbidden());
    }
    let list = "upcomingBreaches";
    let col = |column| Expr::col((sla_clock::Entity, column));
    let keys = [
        Key::int(col(sla_clock::Column::DueAt), Direction::Asc),
        Key::id(col(sla_clock::Column::TicketId), Direction::Asc),
        Key::text(col(sla_clock::Column::Metric), Direction::Asc),
    ];
    let keyset = page.keyset(list, &keys)?;
    let with_ticket: sea_orm::RelationDef =
        sla_clock::Entity::belongs_to(ticket::Entity).from(sla_clock::Column::TicketId).to(ticket::Column::Id).into();
    let mut select = sla_clock::Entity::find()
        .join(sea_orm::JoinType::InnerJoin, with_ticket)
        .filter(sla_clock::Column::DueAt.is_not_null())
        .filter(sla_clock::Column::Since.is_not_null())
        .filter(select::scope(&Scope::of(&cx.actor)))
        .filter(keyset.cond)
        .limit(keyset.limit);
    if let Some(before) = before {
        select = select.filter(sla_clock::Column::DueAt.lt(before));
    }
    for (expr, order) in keyset.order {
        select = select.order_by(expr, order);
    }
    let rows = select.all(cx.read()).await?;
    let clocks = rows.into_iter().map(Clock::try_from).collect::<Result<Vec<_>>>()?;
    let clocks = with_calendars(&cx.app, cx.read(), clocks).await?;
    Ok(page.connection(list, clocks, |entry| {
        vec![
            Part::Int(entry.clock.due_at.map_or(0, Timestamp::millis)),
            Part::Id(entry.clock.ticket.0),
            Part::Text(entry.clock.metric.as_str().to_owned()),
        ]
    }))
}

/// Open tickets without a clock, except imported ones.
pub(super) async fn without_clock(conn: &Executor, max: u64) -> Result<Vec<TicketId>> {
    let open = [TicketStatus::New, TicketStatus::Assigned, TicketStatus::InProgress, TicketStatus::Waiting];
    let clocked = Query::select()
        .expr(Expr::val(1))
        .from(sla_clock::Entity)
        .and_where(
            Expr::col((sla_clock::Entity, sla_clock::Column::TicketId)).equals((ticket::Entity, ticket::Column::Id)),
        )
        .to_owned();
    Ok(ticket::Entity::find()
        .select_only()
        .column(ticket::Column::Id)
        .filter(ticket::Column::Status.is_in(open.map(TicketStatus::as_str)))
        .filter(ticket::Column::Imported.eq(false))
        .filter(Expr::exists(clocked).not())
        .limit(max)
        .into_tuple()
        .all(conn)
        .await?)
}

/// Running clocks past their target whose breach was not announced.
pub(super) async fn breached_without_notice(conn: &Executor, now: Timestamp, max: u64) -> Result<Vec<Clock>> {
    let rows = sla_clock::Entity::find()
        .filter(Expr::cust("since is not null"))
        .filter(sla_clock::Column::DueAt.lte(now))
        .filter(sla_clock::Column::BreachToldAt.is_null())
        .limit(max)
        .all(conn)
        .await?;
    rows.into_iter().map(Clock::try_from).collect()
}
