//! Statements about notifications, terminals, activity, preferences and rate limits.

pub mod entities;
pub(super) mod messages;

use std::collections::HashMap;

use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, OnConflict, Query};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, IntoActiveModel as _, PaginatorTrait as _, QueryFilter,
    QueryOrder,
};

use self::entities::{
    address_code, channel_activity, notification, notification_delivery, notification_preference, send_window, terminal,
};
use super::decide::SendWindow;
use super::model::{AddressCode, Cause, Channel, Delivery, DeliveryState, Notification, Preference, Terminal, Via};
use crate::kernel::{DeliveryId, Error, Locale, Message, NotificationId, Result, TicketId, Timestamp, UserId};
use crate::runtime::row::{read, row};
use crate::runtime::{Engine, Executor, Tx};
use uuid::Uuid;

/// How [`Via::App`] is stored.
const VIA_APP: &str = "APP";

impl Via {
    pub(super) fn to_column(&self) -> String {
        match self {
            Self::Preferred => String::new(),
            Self::App => VIA_APP.to_owned(),
            Self::All(channels) => channels.iter().map(|channel| channel.as_str()).collect::<Vec<_>>().join(","),
        }
    }

    fn from_column(text: &str) -> Self {
        if text == VIA_APP {
            return Self::App;
        }
        let channels: Vec<Channel> = text.split(',').filter_map(|text| text.parse::<Channel>().ok()).collect();
        if channels.is_empty() { Self::Preferred } else { Self::All(channels) }
    }
}

row! {
    notification_delivery::Model => Delivery {
        id, position, channel, address, state, attempts, queued_at, sent_at, delivered_at, failure, provider_id, repeated;
        notification = notification_id, digest = digest_id
    }
}

/// Rows with their deliveries, in the order of the rows, in one more statement.
pub(super) async fn with_deliveries(conn: &Executor, rows: Vec<notification::Model>) -> Result<Vec<Notification>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let found = notification_delivery::Entity::find()
        .filter(notification_delivery::Column::NotificationId.is_in(rows.iter().map(|row| row.id)))
        .order_by_asc(notification_delivery::Column::Position)
        .all(conn)
        .await?;
    let mut deliveries: HashMap<NotificationId, Vec<Delivery>> = HashMap::new();
    for row in found {
        deliveries.entry(row.notification_id).or_default().push(row.try_into()?);
    }
    let notification = |row: notification::Model| {
        let notification::Model { id, cause, cause_key, ticket_id, recipient_id, via, params, decided_at, opened_at } =
            row;
        Ok(Notification {
            id,
            cause: read("cause", cause)?,
            cause_key,
            ticket: ticket_id,
            recipient: recipient_id,
            via: Via::from_column(&via),
            params: serde_json::from_str(&params).map_err(Error::internal)?,
            decided_at,
            opened_at,
            deliveries: deliveries.remove(&id).unwrap_or_default(),
        })
    };
    rows.into_iter().map(notification).collect()
}

/// Inserts a notification, unless the cause has already notified this recipient.
pub(super) async fn insert(conn: &Executor, notification: &Notification) -> Result<bool> {
    let Notification { id, cause, cause_key, ticket, recipient, via, params, decided_at, opened_at, deliveries: _ } =
        notification;
    let row = notification::ActiveModel {
        id: Set(*id),
        cause: Set(cause.as_str().to_owned()),
        cause_key: Set(cause_key.clone()),
        ticket_id: Set(*ticket),
        recipient_id: Set(*recipient),
        via: Set(via.to_column()),
        params: Set(serde_json::to_string(params).map_err(Error::internal)?),
        decided_at: Set(*decided_at),
        opened_at: Set(*opened_at),
    };
    let inserted = notification::Entity::insert(row)
        .on_conflict_do_nothing_on([notification::Column::CauseKey, notification::Column::RecipientId])
        .exec_without_returning(conn)
        .await?;
    Ok(matches!(inserted, sea_orm::TryInsertResult::Inserted(1..)))
}

pub(super) async fn insert_deliveries(conn: &Executor, deliveries: Vec<Delivery>) -> Result<()> {
    if deliveries.is_empty() {
        return Ok(());
    }
    let rows = deliveries.into_iter().map(|delivery| notification_delivery::Model::from(delivery).into_active_model());
    notification_delivery::Entity::insert_many(rows).exec_without_returning(conn).await?;
    Ok(())
}

pub(super) async fn save_delivery(conn: &Executor, delivery: Delivery) -> Result<()> {
    let id = delivery.id;
    let mut change = notification_delivery::Model::from(delivery).into_active_model();
    change.id = sea_orm::NotSet;
    let change = sea_orm::ActiveModelTrait::reset_all(change);
    notification_delivery::Entity::update_many()
        .set(change)
        .filter(notification_delivery::Column::Id.eq(id))
        .exec(conn)
        .await?;
    Ok(())
}

impl terminal::Model {
    pub(super) fn into_terminal(self) -> Option<Terminal> {
        let Self { user_id, channel, address, is_primary, bound_at: _, proved_at } = self;
        let channel = channel.parse::<Channel>().ok()?;
        Some(Terminal { user: user_id, channel, address, primary: is_primary, proved_at })
    }
}

impl From<notification_preference::Model> for Preference {
    fn from(row: notification_preference::Model) -> Self {
        let minute = |minute: Option<i32>| minute.and_then(|minute| u16::try_from(minute).ok());
        Self {
            language: row.language.as_deref().and_then(|text| text.parse::<Locale>().ok()),
            quiet: minute(row.quiet_from).zip(minute(row.quiet_to)),
            ways: row.ways.as_deref().and_then(|ways| serde_json::from_str(ways).ok()).unwrap_or_default(),
        }
    }
}

/// The messages that an account sent, locked until the transaction ends. A missing row cannot be locked, so it is inserted
/// first; otherwise two transactions could both take the last message.
pub(super) async fn lock_send_window(tx: &Tx, account: &str) -> Result<SendWindow> {
    if let Some(window) = select_send_window(tx, account).await? {
        return Ok(window);
    }
    let row = send_window_row(account, &SendWindow::default())?;
    let keep = OnConflict::column(send_window::Column::Account).do_nothing().to_owned();
    send_window::Entity::insert(row).on_conflict(keep).exec_without_returning(tx.conn()).await?;
    Ok(select_send_window(tx, account).await?.unwrap_or_default())
}

async fn select_send_window(tx: &Tx, account: &str) -> Result<Option<SendWindow>> {
    use sea_orm::QuerySelect as _;
    let mut select = send_window::Entity::find_by_id(account.to_owned());
    if tx.app().db.engine == Engine::Postgres {
        select = select.lock_exclusive();
    }
    let Some(row) = select.one(tx.conn()).await? else { return Ok(None) };
    let slots = serde_json::from_str(&row.slots).map_err(Error::internal)?;
    Ok(Some(SendWindow { slots, blocked_until: row.blocked_until }))
}

fn send_window_row(account: &str, window: &SendWindow) -> Result<send_window::ActiveModel> {
    let slots = serde_json::to_string(&window.slots).map_err(Error::internal)?;
    Ok(send_window::ActiveModel {
        account: Set(account.to_owned()),
        slots: Set(slots),
        blocked_until: Set(window.blocked_until),
    })
}

pub(super) async fn save_send_window(conn: &Executor, account: &str, window: &SendWindow) -> Result<()> {
    let row = send_window_row(account, window)?;
    let mut replace = OnConflict::column(send_window::Column::Account);
    replace.update_columns([send_window::Column::Slots, send_window::Column::BlockedUntil]);
    send_window::Entity::insert(row).on_conflict(replace).exec_without_returning(conn).await?;
    Ok(())
}

/// Stored in the column of the channel: a page is open.
pub(super) const PAGE_OPEN: &str = "PAGE_OPEN";

/// `what`: a channel, or [`PAGE_OPEN`].
pub(super) async fn record_activity(tx: &Tx, user: UserId, what: &str) -> Result<()> {
    let row = channel_activity::ActiveModel { user_id: Set(user), channel: Set(what.to_owned()), at: Set(tx.now) };
    let mut replace = OnConflict::columns([channel_activity::Column::UserId, channel_activity::Column::Channel]);
    replace.update_column(channel_activity::Column::At);
    channel_activity::Entity::insert(row).on_conflict(replace).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// Forgets what was sent, and every block.
pub(super) async fn delete_send_windows(conn: &Executor) -> Result<()> {
    send_window::Entity::delete_many().exec(conn).await?;
    Ok(())
}

/// The notification that a delivery belongs to.
pub(super) async fn notification_of(conn: &Executor, delivery: DeliveryId) -> Result<Option<NotificationId>> {
    let row = notification_delivery::Entity::find_by_id(delivery).one(conn).await?;
    Ok(row.map(|row| row.notification_id))
}

/// The unopened notifications of a user about a ticket.
pub(super) async fn unopened(conn: &Executor, ticket: TicketId, user: UserId) -> Result<Vec<Notification>> {
    let rows = notification::Entity::find()
        .filter(notification::Column::TicketId.eq(ticket))
        .filter(notification::Column::RecipientId.eq(user))
        .filter(notification::Column::OpenedAt.is_null())
        .all(conn)
        .await?;
    with_deliveries(conn, rows).await
}

/// Marks these notifications as opened, unless they are.
pub(super) async fn mark_opened(conn: &Executor, notifications: &[Notification], now: Timestamp) -> Result<()> {
    notification::Entity::update_many()
        .col_expr(notification::Column::OpenedAt, Expr::value(now))
        .filter(notification::Column::Id.is_in(notifications.iter().map(|notification| notification.id)))
        .filter(notification::Column::OpenedAt.is_null())
        .exec(conn)
        .await?;
    Ok(())
}

/// Marks the deliveries of a notification on the web as delivered.
pub(super) async fn mark_web_delivered(conn: &Executor, id: NotificationId, now: Timestamp) -> Result<()> {
    notification_delivery::Entity::update_many()
        .col_expr(notification_delivery::Column::State, Expr::value(DeliveryState::Delivered.as_str()))
        .col_expr(notification_delivery::Column::DeliveredAt, Expr::value(now))
        .filter(notification_delivery::Column::NotificationId.eq(id))
        .filter(notification_delivery::Column::Channel.eq(Channel::Web.as_str()))
        .filter(notification_delivery::Column::DeliveredAt.is_null())
        .exec(conn)
        .await?;
    Ok(())
}

/// The deliveries that a digest replaces.
pub(super) async fn deliveries_of_digest(conn: &Executor, digest: NotificationId) -> Result<Vec<Delivery>> {
    let rows = notification_delivery::Entity::find()
        .filter(notification_delivery::Column::DigestId.eq(digest))
        .order_by_asc(notification_delivery::Column::Id)
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(Delivery::try_from).collect::<Result<_, _>>()?)
}

/// The digest for a user that waits to be sent to this address.
pub(super) async fn queued_digest(
    conn: &Executor,
    recipient: UserId,
    channel: Channel,
    address: &str,
) -> Result<Option<NotificationId>> {
    let (digest, of) = (Alias::new("digest"), notification::Entity);
    let open = Query::select()
        .column((digest.clone(), notification::Column::Id))
        .from_as(of, digest.clone())
        .and_where(Expr::col((digest.clone(), notification::Column::Cause)).eq(Cause::Digest.as_str()))
        .and_where(Expr::col((digest, notification::Column::RecipientId)).eq(recipient))
        .to_owned();
    let row = notification_delivery::Entity::find()
        .filter(notification_delivery::Column::State.eq(DeliveryState::Queued.as_str()))
        .filter(notification_delivery::Column::Channel.eq(channel.as_str()))
        .filter(notification_delivery::Column::Address.eq(address))
        .filter(notification_delivery::Column::NotificationId.in_subquery(open))
        .order_by_asc(notification_delivery::Column::Id)
        .one(conn)
        .await?;
    Ok(row.map(|row| row.notification_id))
}

/// Binds a terminal, or updates the user's terminal of this channel. A primary one replaces the previous primary one.
pub(super) async fn upsert_terminal(conn: &Executor, terminal: Terminal, now: Timestamp) -> Result<()> {
    let Terminal { user, channel, address, primary, proved_at } = terminal;
    if primary {
        terminal::Entity::update_many()
            .col_expr(terminal::Column::IsPrimary, Expr::value(false))
            .filter(terminal::Column::UserId.eq(user))
            .exec(conn)
            .await?;
    }
    let row = terminal::ActiveModel {
        user_id: Set(user),
        channel: Set(channel.as_str().to_owned()),
        address: Set(address),
        is_primary: Set(primary),
        bound_at: Set(now),
        proved_at: Set(proved_at),
    };
    let mut replace = OnConflict::columns([terminal::Column::UserId, terminal::Column::Channel]);
    replace.update_columns([terminal::Column::Address, terminal::Column::IsPrimary, terminal::Column::ProvedAt]);
    terminal::Entity::insert(row).on_conflict(replace).exec_without_returning(conn).await?;
    Ok(())
}

/// Removes a proved address from everybody but this user; returns who held it.
pub(super) async fn release_address(
    conn: &Executor,
    channel: Channel,
    address: &str,
    user: UserId,
) -> Result<Option<UserId>> {
    let theirs = Condition::all()
        .add(terminal::Column::Channel.eq(channel.as_str()))
        .add(terminal::Column::Address.eq(address))
        .add(terminal::Column::ProvedAt.is_not_null())
        .add(terminal::Column::UserId.ne(user));
    let holder = terminal::Entity::find().filter(theirs.clone()).one(conn).await?;
    let Some(holder) = holder else { return Ok(None) };
    terminal::Entity::delete_many().filter(theirs).exec(conn).await?;
    Ok(Some(holder.user_id))
}

impl address_code::Model {
    pub(super) fn into_code(self) -> Option<AddressCode> {
        let Self { id, user_id, channel, address, make_primary, issued_at, attempts, sent_at, failure } = self;
        let channel = channel.parse::<Channel>().ok()?;
        Some(AddressCode { id, user: user_id, channel, address, make_primary, issued_at, attempts, sent_at, failure })
    }
}

pub(super) async fn insert_code(conn: &Executor, code: &AddressCode) -> Result<()> {
    let AddressCode { id, user, channel, address, make_primary, issued_at, attempts, sent_at, failure } = code.clone();
    let row = address_code::ActiveModel {
        id: Set(id),
        user_id: Set(user),
        channel: Set(channel.as_str().to_owned()),
        address: Set(address),
        make_primary: Set(make_primary),
        issued_at: Set(issued_at),
        attempts: Set(attempts),
        sent_at: Set(sent_at),
        failure: Set(failure),
    };
    address_code::Entity::insert(row).exec_without_returning(conn).await?;
    Ok(())
}

pub(super) async fn code(conn: &Executor, id: Uuid) -> Result<Option<AddressCode>> {
    Ok(address_code::Entity::find_by_id(id).one(conn).await?.and_then(address_code::Model::into_code))
}

/// The latest code that was sent for an address of a user on a channel.
pub(super) async fn latest_code(conn: &Executor, user: UserId, channel: Channel) -> Result<Option<AddressCode>> {
    let row = address_code::Entity::find()
        .filter(address_code::Column::UserId.eq(user))
        .filter(address_code::Column::Channel.eq(channel.as_str()))
        .order_by_desc(address_code::Column::IssuedAt)
        .one(conn)
        .await?;
    Ok(row.and_then(address_code::Model::into_code))
}

/// Codes issued since then to this user, and to this address.
pub(super) async fn codes_since(conn: &Executor, terminal: &Terminal, since: Timestamp) -> Result<(u64, u64)> {
    let recent = || address_code::Entity::find().filter(address_code::Column::IssuedAt.gt(since));
    let of_user = recent().filter(address_code::Column::UserId.eq(terminal.user)).count(conn).await?;
    let of_address = recent()
        .filter(address_code::Column::Channel.eq(terminal.channel.as_str()))
        .filter(address_code::Column::Address.eq(&terminal.address))
        .count(conn)
        .await?;
    Ok((of_user, of_address))
}

pub(super) async fn count_code_attempt(conn: &Executor, id: Uuid) -> Result<()> {
    address_code::Entity::update_many()
        .col_expr(address_code::Column::Attempts, Expr::col(address_code::Column::Attempts).add(1))
        .filter(address_code::Column::Id.eq(id))
        .exec(conn)
        .await?;
    Ok(())
}

pub(super) async fn set_code_outcome(
    conn: &Executor,
    id: Uuid,
    sent_at: Option<Timestamp>,
    failure: Option<Message>,
) -> Result<()> {
    address_code::Entity::update_many()
        .col_expr(address_code::Column::SentAt, Expr::value(sent_at))
        .col_expr(address_code::Column::Failure, Expr::value(failure))
        .filter(address_code::Column::Id.eq(id))
        .exec(conn)
        .await?;
    Ok(())
}

pub(super) async fn delete_codes_before(conn: &Executor, before: Timestamp) -> Result<()> {
    address_code::Entity::delete_many().filter(address_code::Column::IssuedAt.lt(before)).exec(conn).await?;
    Ok(())
}

/// Deletes a terminal; `false` if there is none.
pub(super) async fn delete_terminal(conn: &Executor, user: UserId, channel: Channel) -> Result<bool> {
    let deleted = terminal::Entity::delete_by_id((user, channel.as_str().to_owned())).exec(conn).await?;
    Ok(deleted.rows_affected > 0)
}

pub(super) async fn set_primary_terminal(conn: &Executor, user: UserId, channel: Channel) -> Result<()> {
    terminal::Entity::update_many()
        .col_expr(terminal::Column::IsPrimary, Expr::value(true))
        .filter(terminal::Column::UserId.eq(user))
        .filter(terminal::Column::Channel.eq(channel.as_str()))
        .exec(conn)
        .await?;
    Ok(())
}

pub(super) async fn upsert_preference(conn: &Executor, user: UserId, preference: &Preference) -> Result<()> {
    let Preference { language, quiet, ways } = preference;
    let row = notification_preference::ActiveModel {
        user_id: Set(user),
        language: Set(language.map(|language| language.as_str().to_owned())),
        quiet_from: Set(quiet.map(|(from, _)| i32::from(from))),
        quiet_to: Set(quiet.map(|(_, to)| i32::from(to))),
        ways: Set(if ways.is_empty() { None } else { Some(serde_json::to_string(ways).map_err(Error::internal)?) }),
    };
    let mut replace = OnConflict::column(notification_preference::Column::UserId);
    replace.update_columns([
        notification_preference::Column::Language,
        notification_preference::Column::QuietFrom,
        notification_preference::Column::QuietTo,
        notification_preference::Column::Ways,
    ]);
    notification_preference::Entity::insert(row).on_conflict(replace).exec_without_returning(conn).await?;
    Ok(())
}
