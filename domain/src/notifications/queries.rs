//! Reads: notifications, contact points, and why a ticket was not seen.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, Order};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait as _, QueryFilter, QueryOrder, QuerySelect};

use super::decide;
use super::model::{
    AddressCode, Channel, ChannelMessage, ContactPoints, Notification, NotificationEvent, Preference, Senders,
    Terminal, Verdict,
};
use super::store::entities::{
    address_code, channel_activity, notification, notification_delivery, notification_preference, terminal,
};
use super::store::{messages, with_deliveries};
use crate::auth;
use crate::calendar::model::CalendarEvent;
use crate::kernel::page::{Key, Part};
use crate::kernel::{
    Connection, DeliveryId, Direction, Error, NotificationId, Page, Result, TicketId, Timestamp, UserId, boxed, days,
};
use crate::msg;
use crate::people;
use crate::people::model::{PeopleEvent, User};
use crate::runtime::{AnyEvent, App, Ctx, Executor, log};
use crate::tickets::model::{Ticket, TicketEvent};

/// Notifications shown for one ticket.
const OF_TICKET_MAX: u64 = 500;

/// The actor's notifications, newest first.
#[boxed]
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

#[boxed]
pub async fn by_ids(conn: &Executor, ids: &[NotificationId]) -> Result<Vec<Notification>> {
    let rows =
        notification::Entity::find().filter(notification::Column::Id.is_in(ids.iter().copied())).all(conn).await?;
    with_deliveries(conn, rows).await
}

/// The notifications of these tickets, oldest first.
#[boxed]
pub async fn of_tickets(conn: &Executor, tickets: &[TicketId]) -> Result<HashMap<TicketId, Vec<Notification>>> {
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

/// A user's terminals: the primary one first, then in the order of binding.
#[boxed]
pub async fn terminals(conn: &Executor, user: UserId) -> Result<Vec<Terminal>> {
    let rows = terminal::Entity::find()
        .filter(terminal::Column::UserId.eq(user))
        .order_by_desc(terminal::Column::IsPrimary)
        .order_by_asc(terminal::Column::BoundAt)
        .all(conn)
        .await?;
    Ok(rows.into_iter().filter_map(terminal::Model::into_terminal).collect())
}

/// The codes that were sent to this user since then and may still count, oldest first.
#[boxed]
pub async fn codes(conn: &Executor, user: UserId, since: Timestamp) -> Result<Vec<AddressCode>> {
    let rows = address_code::Entity::find()
        .filter(address_code::Column::UserId.eq(user))
        .filter(address_code::Column::IssuedAt.gt(since))
        .order_by_asc(address_code::Column::IssuedAt)
        .all(conn)
        .await?;
    Ok(rows.into_iter().filter_map(address_code::Model::into_code).collect())
}

/// How many addresses are bound that nobody has proved.
#[boxed]
pub async fn count_unproved(conn: &Executor) -> Result<u64> {
    Ok(terminal::Entity::find().filter(terminal::Column::ProvedAt.is_null()).count(conn).await?)
}

#[boxed]
pub async fn preference(conn: &Executor, user: UserId) -> Result<Preference> {
    let row = notification_preference::Entity::find_by_id(user).one(conn).await?;
    Ok(row.map(Preference::from).unwrap_or_default())
}

/// Whether a notification of this cause exists.
pub async fn was_notified(conn: &Executor, cause_key: &str) -> Result<bool> {
    let found = notification::Entity::find().filter(notification::Column::CauseKey.eq(cause_key)).limit(1);
    Ok(found.one(conn).await?.is_some())
}

/// The user who holds this address of a channel, and has proved it.
pub async fn user_by_address(conn: &Executor, channel: Channel, address: &str) -> Result<Option<User>> {
    let holder = terminal::Entity::find()
        .filter(terminal::Column::Channel.eq(channel.as_str()))
        .filter(terminal::Column::Address.eq(address))
        .filter(terminal::Column::ProvedAt.is_not_null())
        .one(conn)
        .await?;
    match holder {
        Some(holder) => people::queries::user(conn, holder.user_id).await,
        None => Ok(None),
    }
}

/// The ticket of one of these deliveries.
pub async fn ticket_of_delivery(conn: &Executor, ids: &[DeliveryId]) -> Result<Option<TicketId>> {
    if ids.is_empty() {
        return Ok(None);
    }
    let select = notification_delivery::Entity::find()
        .select_only()
        .column(notification_delivery::Column::NotificationId)
        .filter(notification_delivery::Column::Id.is_in(ids.iter().copied()));
    let notifications: Vec<NotificationId> = select.into_tuple().all(conn).await?;
    let found = notification::Entity::find()
        .filter(notification::Column::Id.is_in(notifications))
        .filter(notification::Column::TicketId.is_not_null())
        .one(conn)
        .await?;
    Ok(found.and_then(|row| row.ticket_id))
}

/// The messages of a channel with these ids.
pub async fn messages_by_id(conn: &Executor, channel: Channel, ids: &[String]) -> Result<Vec<ChannelMessage>> {
    if ids.is_empty() { Ok(Vec::new()) } else { messages::by_ids(conn, channel, ids).await }
}

/// What a person wrote by a channel since then, newest first.
pub async fn recent_messages(
    conn: &Executor,
    user: UserId,
    channel: Channel,
    since: Timestamp,
) -> Result<Vec<ChannelMessage>> {
    messages::recent(conn, user, channel, since).await
}

/// The ticket about which we sent one of these messages, by the provider's ids of them.
pub async fn ticket_of_sent(conn: &Executor, channel: Channel, ids: &[String]) -> Result<Option<TicketId>> {
    if ids.is_empty() {
        return Ok(None);
    }
    ticket_of_delivery(conn, &messages::deliveries_by_provider_ids(conn, channel, ids).await?).await
}

/// Messages to a person that are looked at for the ticket that they answer.
const ANSWERED_MAX: u64 = 20;

/// The ticket of the last message that a person got by a channel since then.
pub async fn last_sent_ticket(
    conn: &Executor,
    user: UserId,
    channel: Channel,
    since: Timestamp,
) -> Result<Option<TicketId>> {
    let rows = notification::Entity::find()
        .filter(notification::Column::RecipientId.eq(user))
        .filter(notification::Column::DecidedAt.gte(since))
        .order_by_desc(notification::Column::DecidedAt)
        .limit(ANSWERED_MAX)
        .all(conn)
        .await?;
    let sent = |notification: &Notification| {
        notification.deliveries.iter().any(|delivery| delivery.channel == channel && delivery.sent_at.is_some())
    };
    let found = with_deliveries(conn, rows).await?;
    Ok(found.into_iter().filter(sent).find_map(|notification| notification.ticket))
}

/// The contact points of these users, in four statements.
pub async fn contact_points(app: &App, conn: &Executor, users: &[UserId]) -> Result<HashMap<UserId, ContactPoints>> {
    let mut all: HashMap<UserId, ContactPoints> = users.iter().map(|user| (*user, ContactPoints::default())).collect();
    // A disabled user does not read the mailbox any more.
    let email = |user: &User| user.email_address().filter(|_| user.disabled_at.is_none()).map(str::to_owned);
    let cached = people::queries::cached_users(app, users.to_vec()).await?;
    // A contact may have been created in this transaction.
    let new: Vec<UserId> = users.iter().filter(|id| !cached.contains_key(id)).copied().collect();
    let new = if new.is_empty() { Vec::new() } else { people::queries::users(conn, new).await? };
    for user in cached.values().map(AsRef::as_ref).chain(&new) {
        if let Some(contacts) = all.get_mut(&user.id) {
            contacts.email = email(user);
        }
    }
    let rows = terminal::Entity::find()
        .filter(terminal::Column::UserId.is_in(users.iter().copied()))
        .filter(terminal::Column::ProvedAt.is_not_null())
        .order_by_asc(terminal::Column::BoundAt)
        .all(conn)
        .await?;
    for row in rows {
        let user = row.user_id;
        if let (Some(contacts), Some(terminal)) = (all.get_mut(&user), row.into_terminal()) {
            contacts.terminals.push(terminal);
        }
    }
    let rows = channel_activity::Entity::find()
        .filter(channel_activity::Column::UserId.is_in(users.iter().copied()))
        .all(conn)
        .await?;
    for row in rows {
        let Some(contacts) = all.get_mut(&row.user_id) else { continue };
        match row.channel.parse::<Channel>().ok() {
            Some(channel) => contacts.activity.push((channel, row.at)),
            None => contacts.page_open_at = Some(row.at),
        }
    }
    let rows = notification_preference::Entity::find()
        .filter(notification_preference::Column::UserId.is_in(users.iter().copied()))
        .all(conn)
        .await?;
    for row in rows {
        if let Some(contacts) = all.get_mut(&row.user_id) {
            contacts.preference = row.into();
        }
    }
    Ok(all)
}

/// When these users last had a session.
pub async fn last_sessions(conn: &Executor, users: &[UserId]) -> Result<HashMap<UserId, Timestamp>> {
    auth::queries::last_sessions(conn, users).await
}

/// Events read for a verdict.
const EVENTS_MAX: u64 = 5_000;

/// Why nobody has responded to a ticket; `None` if somebody has, or if the ticket is not open. `notifications`: all of the ticket.
#[boxed]
pub async fn verdict(cx: &Ctx, ticket: &Ticket, notifications: &[Notification]) -> Result<Option<Verdict>> {
    if !ticket.status.is_open() {
        return Ok(None);
    }
    let rows = log::read_subject(&cx.app, cx.read(), ticket.id.0, EVENTS_MAX).await?;
    let events: Vec<_> = rows
        .iter()
        .filter_map(|row| Some((row.at, row.actor.map(UserId), row.event.get::<TicketEvent>()?)))
        .filter(|(_, _, event)| event.history.is_none())
        .collect();
    let activity = decide::assignee_activity(ticket.assignment.assignee, &events);
    let evidence =
        notifications.iter().filter(|notification| match (ticket.assignment.assignee, activity.assigned_at) {
            (Some(assignee), Some(at)) => notification.recipient == assignee && notification.decided_at >= at,
            _ => true,
        });
    Ok(decide::verdict(ticket.times.created_at, activity, evidence.cloned().collect(), cx.app.state::<Senders>()))
}

/// A client that missed more must read the list.
const MISSED_MAX: u64 = 1_000;
/// How far the order by time may differ from the order of the log. A transaction is aborted after half a minute, but the clock may
/// have been set back.
const CLOCK_SKEW_MAX: std::time::Duration = days(1);

/// A user's newest notification.
#[boxed]
pub async fn newest(conn: &Executor, user: UserId) -> Result<Option<NotificationId>> {
    let row = notification::Entity::find()
        .filter(notification::Column::RecipientId.eq(user))
        .order_by_desc(notification::Column::DecidedAt)
        .one(conn)
        .await?;
    Ok(row.map(|row| row.id))
}

/// A user's notifications after this one, in the order of the log.
#[boxed]
pub async fn missed(app: &App, user: UserId, after: NotificationId) -> Result<Vec<Notification>> {
    let conn = app.db.read();
    let unknown = || Error::bad_input(msg!("notification-after-unknown"));
    let last = by_ids(conn, &[after]).await?.pop().filter(|last| last.recipient == user).ok_or_else(unknown)?;
    let rows = notification::Entity::find()
        .filter(notification::Column::RecipientId.eq(user))
        .filter(notification::Column::DecidedAt.gte(last.decided_at - CLOCK_SKEW_MAX))
        .order_by_desc(notification::Column::DecidedAt)
        .limit(MISSED_MAX)
        .all(conn)
        .await?;
    if u64::try_from(rows.len()).is_ok_and(|n| n == MISSED_MAX) {
        return Err(Error::bad_input(msg!("notification-missed-too-many", max = MISSED_MAX)));
    }
    let notifications = with_deliveries(conn, rows).await?;
    let mut subjects: Vec<uuid::Uuid> = notifications.iter().map(|notification| notification.id.0).collect();
    subjects.push(after.0);
    // The position of each in the log.
    let places = log::first_positions(conn, &subjects).await?;
    let from = places.get(&after.0).copied().ok_or_else(unknown)?;
    let place = |notification: &Notification| places.get(&notification.id.0).copied();
    let mut missed: Vec<Notification> =
        notifications.into_iter().filter(|notification| place(notification).is_some_and(|at| at > from)).collect();
    missed.sort_by_key(place);
    Ok(missed)
}

/// Whether an event may change who is there, or how they can be reached.
pub fn changes_reach(event: &AnyEvent) -> bool {
    event.get::<CalendarEvent>().is_some()
        || event.get().is_some_and(|event| !matches!(event, PeopleEvent::ContactCreated { .. }))
        || matches!(event.get(), Some(NotificationEvent::TerminalChanged { .. }))
}
