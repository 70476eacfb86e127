//! Reads: policies, the clocks of a ticket, and what breaches next.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::decide;
use super::model::{Clock, Entry, Policies, Policy, Ticking};
use super::store::{self, sla_clock, sla_policy};
use crate::calendar;
use crate::event::Event;
use crate::kernel::page::{Key, Part};
use crate::kernel::{Connection, Direction, Error, Page, Result, TicketId, Timestamp};
use crate::runtime::{App, Ctx, log};
use crate::tickets::decide::rights::Scope;
use crate::tickets::model::{TicketEvent, TicketStatus};
use crate::tickets::store::entities::ticket;
use crate::tickets::store::select;

/// Policies of one installation.
const POLICIES_MAX: u64 = 1_000;
/// Events that a timeline is made of.
const EVENTS_MAX: u64 = 5_000;

pub(super) async fn read_policies(conn: &impl ConnectionTrait) -> Result<Vec<Policy>> {
    let newer = Alias::new("newer");
    let last = Query::select()
        .expr(Expr::col((newer.clone(), sla_policy::Column::Version)).max())
        .from_as(sla_policy::Entity, newer.clone())
        .and_where(Expr::col((newer, sla_policy::Column::Key)).equals((sla_policy::Entity, sla_policy::Column::Key)))
        .to_owned();
    let rows = sla_policy::Entity::find()
        .filter(Expr::col((sla_policy::Entity, sla_policy::Column::Version)).in_subquery(last))
        .order_by_asc(sla_policy::Column::Key)
        .limit(POLICIES_MAX)
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(Policy::from).collect())
}

/// The newest version of every policy, by key.
pub async fn policies(app: &App) -> Result<Arc<Vec<Policy>>> {
    let load = async |_| Ok(vec![((), Arc::new(read_policies(app.db.read()).await?))]);
    let mut found = app.state::<Policies>().0.get_or_load(vec![()], load).await?;
    Ok(found.remove(&()).unwrap_or_default())
}

async fn with_calendars(app: &App, conn: &impl ConnectionTrait, clocks: Vec<Clock>) -> Result<Vec<Ticking>> {
    let mut refs: Vec<_> = clocks.iter().map(|clock| clock.pin.calendar.clone()).collect();
    refs.sort_unstable();
    refs.dedup();
    let calendars = calendar::queries::versions(app, conn, refs).await?;
    let ticking = |clock: Clock| {
        let calendar = calendars.get(&clock.pin.calendar).cloned();
        let calendar = calendar.ok_or_else(|| Error::internal("a clock's calendar is gone"))?;
        Ok(Ticking { clock, calendar })
    };
    clocks.into_iter().map(ticking).collect()
}

/// The clocks of these tickets, as whoever asks has made sure that they may see them.
pub async fn clocks(
    app: &App,
    conn: &impl ConnectionTrait,
    tickets: &[TicketId],
) -> Result<HashMap<TicketId, Vec<Ticking>>> {
    let mut all: HashMap<TicketId, Vec<Ticking>> = HashMap::new();
    for ticking in with_calendars(app, conn, store::clocks(conn, tickets).await?).await? {
        all.entry(ticking.clock.ticket).or_default().push(ticking);
    }
    for clocks in all.values_mut() {
        clocks.sort_by_key(|ticking| ticking.clock.metric);
    }
    Ok(all)
}

/// A ticket's own events, in their order.
pub(super) async fn events_of(conn: &impl ConnectionTrait, ticket: TicketId) -> Result<Vec<(Timestamp, TicketEvent)>> {
    let rows = log::of_subject(conn, ticket.0, EVENTS_MAX).await?;
    let of_ticket = rows.into_iter().filter_map(|row| match &*row.event {
        Event::Ticket(event) if event.history.is_none() => Some((row.at, event.clone())),
        _ => None,
    });
    Ok(of_ticket.collect())
}

/// What happened to a clock, and why it fired or did not.
pub async fn timeline(cx: &Ctx, of: &Ticking) -> Result<Vec<Entry>> {
    let events = events_of(cx.read(), of.clock.ticket).await?;
    Ok(decide::timeline(&of.clock, &events, cx.now(), &of.calendar))
}

/// Running clocks of tickets that the actor sees, by when they are (or were) due.
pub async fn upcoming(cx: &Ctx, before: Option<Timestamp>, page: &Page) -> Result<Connection<Ticking>> {
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
    Ok(page.connection(list, clocks, |ticking| {
        vec![
            Part::Int(ticking.clock.due_at.map_or(0, Timestamp::millis)),
            Part::Id(ticking.clock.ticket.0),
            Part::Text(ticking.clock.metric.word().to_owned()),
        ]
    }))
}

/// Open tickets of our own that no clock runs for.
pub(super) async fn without_clock(conn: &impl ConnectionTrait, max: u64) -> Result<Vec<TicketId>> {
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
        .filter(ticket::Column::Status.is_in(open.map(TicketStatus::word)))
        .filter(ticket::Column::Imported.eq(false))
        .filter(Expr::exists(clocked).not())
        .limit(max)
        .into_tuple()
        .all(conn)
        .await?)
}

/// Running clocks that have passed their target, and nobody was told.
pub(super) async fn untold(conn: &impl ConnectionTrait, now: Timestamp, max: u64) -> Result<Vec<Clock>> {
    let rows = sla_clock::Entity::find()
        .filter(Expr::cust("since is not null"))
        .filter(sla_clock::Column::DueAt.lte(now))
        .filter(sla_clock::Column::BreachToldAt.is_null())
        .limit(max)
        .all(conn)
        .await?;
    rows.into_iter().map(Clock::try_from).collect()
}
