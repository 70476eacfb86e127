//! Reads: what somebody was told, what reaches whom, and why a ticket was not seen.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, Order};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::decide;
use super::model::{Channel, Notification, Preference, Reach, Senders, Terminal, Verdict};
use super::store::{
    channel_activity, notification, notification_delivery, notification_preference, terminal, with_deliveries,
};
use crate::auth;
use crate::event::Event;
use crate::kernel::page::{Key, Part};
use crate::kernel::{
    Connection, DeliveryId, Direction, Error, NotificationId, Page, Result, TicketId, Timestamp, UserId, days,
};
use crate::people;
use crate::people::model::User;
use crate::runtime::{App, Ctx, log};
use crate::tickets::model::Ticket;

/// Notifications of one ticket that are shown.
const OF_TICKET_MAX: u64 = 500;

/// What the actor was told, newest first.
pub async fn mine(cx: &Ctx, page: &Page) -> Result<Connection<Notification>> {
    let user = cx.actor.user_id().ok_or_else(Error::unauthenticated)?;
    let list = "notifications";
    let keys = [
        Key::int(Expr::col(notification::Column::DecidedAt), Direction::Desc),
        Key::id(Expr::col(notification::Column::Id), Direction::Desc),
    ];
    let keyset = page.keyset(list, &keys)?;
    let mut select = notification::Entity::find()
        .filter(notification::Column::RecipientId.eq(user))
        .filter(keyset.cond)
        .limit(keyset.limit);
    for (expr, order) in keyset.order {
        select = select.order_by(expr, order);
    }
    let rows = with_deliveries(cx.read(), select.all(cx.read()).await?).await?;
    Ok(page.connection(list, rows, |row| vec![Part::Int(row.decided_at.millis()), Part::Id(row.id.0)]))
}

pub async fn by_ids(conn: &impl ConnectionTrait, ids: &[NotificationId]) -> Result<Vec<Notification>> {
    let rows =
        notification::Entity::find().filter(notification::Column::Id.is_in(ids.iter().copied())).all(conn).await?;
    with_deliveries(conn, rows).await
}

/// What anybody was told of these tickets, oldest first.
pub async fn of_tickets(
    conn: &impl ConnectionTrait,
    tickets: &[TicketId],
) -> Result<HashMap<TicketId, Vec<Notification>>> {
    let limit = OF_TICKET_MAX.saturating_mul(u64::try_from(tickets.len()).unwrap_or(1));
    let rows = notification::Entity::find()
        .filter(notification::Column::TicketId.is_in(tickets.iter().copied()))
        .order_by(notification::Column::Id, Order::Asc)
        .limit(limit)
        .all(conn)
        .await?;
    let mut all: HashMap<TicketId, Vec<Notification>> = HashMap::new();
    for row in with_deliveries(conn, rows).await? {
        if let Some(ticket) = row.ticket {
            all.entry(ticket).or_default().push(row);
        }
    }
    Ok(all)
}

/// What somebody is reached by, bound terminals in their order.
pub async fn terminals(conn: &impl ConnectionTrait, user: UserId) -> Result<Vec<Terminal>> {
    let rows = terminal::Entity::find()
        .filter(terminal::Column::UserId.eq(user))
        .order_by_desc(terminal::Column::IsPrimary)
        .order_by_asc(terminal::Column::BoundAt)
        .all(conn)
        .await?;
    Ok(rows.into_iter().filter_map(terminal::Model::into_terminal).collect())
}

pub async fn preference(conn: &impl ConnectionTrait, user: UserId) -> Result<Preference> {
    let row = notification_preference::Entity::find_by_id(user).one(conn).await?;
    Ok(row.map(Preference::from).unwrap_or_default())
}

/// Whether somebody was told of this already.
pub async fn is_known(conn: &impl ConnectionTrait, cause_key: &str) -> Result<bool> {
    let told = notification::Entity::find().filter(notification::Column::CauseKey.eq(cause_key)).limit(1);
    Ok(told.one(conn).await?.is_some())
}

/// Whoever has bound this address of a channel; nobody where several have.
pub async fn reached_at(conn: &impl ConnectionTrait, channel: Channel, address: &str) -> Result<Option<User>> {
    let bound = terminal::Entity::find()
        .filter(terminal::Column::Channel.eq(channel.word()))
        .filter(terminal::Column::Address.eq(address))
        .limit(2)
        .all(conn)
        .await?;
    match &bound[..] {
        [one] => people::queries::user(conn, one.user_id).await,
        _ => Ok(None),
    }
}

/// The ticket that one of these messages was about.
pub async fn ticket_of_delivery(conn: &impl ConnectionTrait, ids: &[DeliveryId]) -> Result<Option<TicketId>> {
    if ids.is_empty() {
        return Ok(None);
    }
    let select = notification_delivery::Entity::find()
        .select_only()
        .column(notification_delivery::Column::NotificationId)
        .filter(notification_delivery::Column::Id.is_in(ids.iter().copied()));
    let of: Vec<NotificationId> = select.into_tuple().all(conn).await?;
    let found = notification::Entity::find()
        .filter(notification::Column::Id.is_in(of))
        .filter(notification::Column::TicketId.is_not_null())
        .one(conn)
        .await?;
    Ok(found.and_then(|row| row.ticket_id))
}

/// Everything by which ways to these people are chosen: four statements, however many.
pub async fn reach(app: &App, conn: &impl ConnectionTrait, users: &[UserId]) -> Result<HashMap<UserId, Reach>> {
    let mut all: HashMap<UserId, Reach> = users.iter().map(|user| (*user, Reach::default())).collect();
    for (id, user) in people::queries::kept(app, users.to_vec()).await? {
        if let Some(reach) = all.get_mut(&id) {
            // Nobody reads the mail of somebody who is gone.
            reach.email = (user.disabled_at.is_none()).then(|| user.email.clone());
        }
    }
    let rows = terminal::Entity::find()
        .filter(terminal::Column::UserId.is_in(users.iter().copied()))
        .order_by_asc(terminal::Column::BoundAt)
        .all(conn)
        .await?;
    for row in rows {
        let user = row.user_id;
        if let (Some(reach), Some(terminal)) = (all.get_mut(&user), row.into_terminal()) {
            reach.terminals.push(terminal);
        }
    }
    let rows = channel_activity::Entity::find()
        .filter(channel_activity::Column::UserId.is_in(users.iter().copied()))
        .all(conn)
        .await?;
    for row in rows {
        let Some(reach) = all.get_mut(&row.user_id) else { continue };
        match Channel::parse(&row.channel) {
            Some(channel) => reach.activity.push((channel, row.at)),
            None => reach.page_open_at = Some(row.at),
        }
    }
    let rows = notification_preference::Entity::find()
        .filter(notification_preference::Column::UserId.is_in(users.iter().copied()))
        .all(conn)
        .await?;
    for row in rows {
        if let Some(reach) = all.get_mut(&row.user_id) {
            reach.preference = row.into();
        }
    }
    Ok(all)
}

/// When these people last had a session.
pub async fn last_sessions(conn: &impl ConnectionTrait, users: &[UserId]) -> Result<HashMap<UserId, Timestamp>> {
    auth::queries::last_sessions(conn, users).await
}

/// Events that a verdict is made of.
const EVENTS_MAX: u64 = 5_000;

/// Why nobody has answered a ticket; `None`: somebody has, or it is over. `told`: what anybody was told of it.
pub async fn verdict(cx: &Ctx, ticket: &Ticket, told: &[Notification]) -> Result<Option<Verdict>> {
    if !ticket.status.is_open() {
        return Ok(None);
    }
    let rows = log::of_subject(cx.read(), ticket.id.0, EVENTS_MAX).await?;
    let events: Vec<_> = rows
        .iter()
        .filter_map(|row| match &*row.event {
            Event::Ticket(event) if event.history.is_none() => Some((row.at, row.actor.map(UserId), event)),
            _ => None,
        })
        .collect();
    let seen = decide::seen(ticket.assignee, &events);
    let evidence = told.iter().filter(|notification| match (ticket.assignee, seen.assigned_at) {
        (Some(assignee), Some(at)) => notification.recipient == assignee && notification.decided_at >= at,
        _ => true,
    });
    Ok(decide::verdict(ticket.created_at, seen, evidence.cloned().collect(), cx.app.state::<Senders>()))
}

/// Whoever missed more reads the list.
const MISSED_MAX: u64 = 1_000;
/// By the clock; a change is given up after half a minute, but the clock may have been set back.
const OUT_OF_ORDER: std::time::Duration = days(1);

/// What somebody was told last.
pub async fn newest(conn: &impl ConnectionTrait, user: UserId) -> Result<Option<NotificationId>> {
    let row = notification::Entity::find()
        .filter(notification::Column::RecipientId.eq(user))
        .order_by_desc(notification::Column::DecidedAt)
        .one(conn)
        .await?;
    Ok(row.map(|row| row.id))
}

/// What somebody was told behind this one of their notifications, in the order in which it was told.
pub async fn missed(app: &App, user: UserId, after: NotificationId) -> Result<Vec<Notification>> {
    let conn = app.db.read();
    let unknown = || {
        Error::bad_input(
            "after is the id of a notification of yours: the last one that you have.",
            "after 应为您收到的最后一条通知的 ID。",
        )
    };
    let last = by_ids(conn, &[after]).await?.pop().filter(|last| last.recipient == user).ok_or_else(unknown)?;
    let rows = notification::Entity::find()
        .filter(notification::Column::RecipientId.eq(user))
        .filter(notification::Column::DecidedAt.gte(last.decided_at - OUT_OF_ORDER))
        .order_by_desc(notification::Column::DecidedAt)
        .limit(MISSED_MAX)
        .all(conn)
        .await?;
    if u64::try_from(rows.len()).is_ok_and(|n| n == MISSED_MAX) {
        return Err(Error::bad_input(
            format!("More than {MISSED_MAX} were missed: read notifications, and subscribe behind the newest."),
            format!("错过的通知超过 {MISSED_MAX} 条：请先读取 notifications，再从最新一条之后订阅。"),
        ));
    }
    let notifications = with_deliveries(conn, rows).await?;
    let mut subjects: Vec<uuid::Uuid> = notifications.iter().map(|notification| notification.id.0).collect();
    subjects.push(after.0);
    // Where each stands in the log, which is the order in which it was told.
    let places = log::first_places(conn, &subjects).await?;
    let from = places.get(&after.0).copied().ok_or_else(unknown)?;
    let place = |notification: &Notification| places.get(&notification.id.0).copied();
    let mut missed: Vec<Notification> =
        notifications.into_iter().filter(|notification| place(notification).is_some_and(|at| at > from)).collect();
    missed.sort_by_key(place);
    Ok(missed)
}
