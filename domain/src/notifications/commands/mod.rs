//! Telling people, and what they say of it. What leaves the process is in `sending`.

mod probe;
mod sending;
mod stranger;

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter};

pub use self::probe::{plant_probes, prepare_probe, settle_probe};
pub use self::sending::{on_unacknowledged, prepare, settle};
pub use self::stranger::tell_released;
use super::decide::{route, state, words};
use super::model::{
    AcknowledgeNotification, BindTerminal, Channel, Delivery, DeliveryState, MarkOpened, NotePageOpen, Notification,
    NotificationEvent, OpenTicket, ReportActivity, SavePreference, Senders, Settings, State, Tell, UnbindTerminal, Via,
};
use super::store::{self, notification, notification_delivery, notification_preference, terminal};
use super::{queries, react};
use crate::event::Event;
use crate::kernel::text::{self, KEY_CHARS_MAX};
use crate::kernel::{Code, DeliveryId, Error, NotificationId, Result, TicketId, UserId, refuse};
use crate::people;
use crate::runtime::jobs;
use crate::runtime::{Command, Tx};
use crate::tickets;

/// Tells people, each once for a cause; returns what was decided now.
pub async fn tell(tx: &mut Tx, tells: Vec<Tell>) -> Result<Vec<NotificationId>> {
    let mut recipients: Vec<UserId> = tells.iter().map(|tell| tell.recipient).collect();
    recipients.sort_unstable();
    recipients.dedup();
    let mut reach = if recipients.is_empty() {
        return Ok(Vec::new());
    } else {
        queries::reach(tx.app(), tx.conn(), &recipients).await?
    };
    let mut decided = Vec::new();
    for Tell { cause, cause_key, ticket, recipient, via, params } in tells {
        let ways = {
            let reach = reach.entry(recipient).or_default();
            route(reach, &via, tx.now, tx.app().state::<Settings>(), tx.app().state::<Senders>())
        };
        let id = NotificationId(tx.new_uuid());
        let notification = Notification {
            id,
            cause,
            cause_key,
            ticket,
            recipient,
            via,
            params,
            decided_at: tx.now,
            opened_at: None,
            deliveries: Vec::new(),
        };
        if !store::insert(tx.conn(), &notification).await? {
            continue;
        }
        let at_once = if matches!(notification.via, Via::All(_)) { ways.len() } else { 1 };
        // What has no sender is no way to fall over to.
        let last = ways.iter().filter(|(channel, _)| tx.app().state::<Senders>().has(*channel)).count() <= 1;
        let first: Vec<_> = ways.into_iter().take(at_once).collect();
        let lost = first.iter().all(|(channel, _)| !tx.app().state::<Senders>().has(*channel));
        let decision = NotificationEvent::Decided { notification: id, recipient, ticket, cause };
        tx.record(Event::Notification(decision)).await?;
        open_ways(tx, &notification, first, last).await?;
        if lost && at_once > 0 && matches!(notification.via, Via::All(_)) {
            // None of the channels that a level names can send: any other will do.
            let Some(now) = load(tx, id).await? else { continue };
            fall_over(tx, &now).await?;
        }
        decided.push(id);
    }
    Ok(decided)
}

/// Begins deliveries. `last`: there is no other way to fall over to.
async fn open_ways(tx: &mut Tx, notification: &Notification, ways: Vec<(Channel, String)>, last: bool) -> Result<()> {
    let senders = tx.app().state::<Senders>().clone();
    let mut deliveries = Vec::new();
    for ((channel, address), position) in ways.into_iter().zip(notification.deliveries.len()..) {
        // Written is sent, on the web; without a sender it is not, and nothing needs to be waited for.
        let (state, failure) = match channel {
            Channel::Web => (DeliveryState::Sent, None),
            channel if senders.has(channel) => (DeliveryState::Queued, None),
            channel => (DeliveryState::Failed, Some(words::no_sender(channel))),
        };
        let written = channel == Channel::Web;
        deliveries.push(Delivery {
            id: DeliveryId(tx.new_uuid()),
            notification: notification.id,
            position: i32::try_from(position).unwrap_or(i32::MAX),
            channel,
            address,
            state,
            attempts: i32::from(written),
            queued_at: tx.now,
            sent_at: written.then_some(tx.now),
            delivered_at: None,
            failure,
            provider_id: None,
            digest: None,
            repeated: false,
        });
    }
    store::insert_deliveries(tx.conn(), deliveries.clone()).await?;
    for delivery in deliveries.iter().filter(|delivery| delivery.state != DeliveryState::Failed) {
        let subject = delivery.id.to_string();
        if delivery.channel.leaves() {
            let now = tx.now;
            jobs::plant_in_lane(tx, delivery.channel.lane(), &[(react::SEND, &subject, now)]).await?;
        } else if matches!(notification.via, Via::Preferred) && !last {
            let at = tx.now + tx.app().state::<Settings>().acknowledged_within;
            jobs::plant(tx, react::UNACKNOWLEDGED, &subject, at).await?;
        }
    }
    Ok(())
}

/// Takes the next way that was not tried yet, where the notification goes by one after the other.
async fn fall_over(tx: &mut Tx, notification: &Notification) -> Result<bool> {
    if matches!(notification.via, Via::All(_))
        && notification.deliveries.iter().any(|d| d.state != DeliveryState::Failed)
    {
        return Ok(false);
    }
    let reach = queries::reach(tx.app(), tx.conn(), &[notification.recipient]).await?;
    let reach = reach.get(&notification.recipient).cloned().unwrap_or_default();
    let (settings, senders) = (tx.app().state::<Settings>(), tx.app().state::<Senders>());
    // Where every channel that a level names has failed, any other will do.
    let mut ways = route(&reach, &Via::Preferred, tx.now, settings, senders);
    ways.retain(|(channel, _)| {
        senders.has(*channel) && notification.deliveries.iter().all(|tried| tried.channel != *channel)
    });
    let last = ways.len() <= 1;
    let Some(next) = ways.into_iter().next() else { return Ok(false) };
    open_ways(tx, notification, vec![next], last).await?;
    Ok(true)
}

async fn load(tx: &Tx, id: NotificationId) -> Result<Option<Notification>> {
    Ok(queries::by_ids(tx.conn(), &[id]).await?.pop())
}

/// Records that a notification stands differently now, where it does.
async fn moved(tx: &mut Tx, before: State, id: NotificationId) -> Result<()> {
    let Some(notification) = load(tx, id).await? else { return Ok(()) };
    let state = state(&notification);
    if state == before {
        return Ok(());
    }
    let Notification { recipient, ticket, .. } = notification;
    tx.record(Event::Notification(NotificationEvent::Moved { notification: id, recipient, ticket, state })).await
}

/// The caller's own notification.
async fn own(tx: &Tx, id: NotificationId) -> Result<Notification> {
    let user = tx.actor().user_id().ok_or_else(Error::unauthenticated)?;
    let found = load(tx, id).await?.filter(|notification| notification.recipient == user);
    found.ok_or_else(|| {
        let en = "There is no such notification of yours.";
        refuse(Code::NotFound, "notificationId", en, "没有这条属于您的通知。").into()
    })
}

impl Command for AcknowledgeNotification {
    const NAME: &'static str = "acknowledgeNotification";
    type Output = NotificationId;

    async fn run(&self, tx: &mut Tx) -> Result<NotificationId> {
        let notification = own(tx, self.notification).await?;
        let before = state(&notification);
        notification_delivery::Entity::update_many()
            .col_expr(notification_delivery::Column::State, Expr::value(DeliveryState::Delivered.word()))
            .col_expr(notification_delivery::Column::DeliveredAt, Expr::value(tx.now))
            .filter(notification_delivery::Column::NotificationId.eq(notification.id))
            .filter(notification_delivery::Column::Channel.eq(Channel::Web.word()))
            .filter(notification_delivery::Column::DeliveredAt.is_null())
            .exec(tx.conn())
            .await?;
        moved(tx, before, notification.id).await?;
        Ok(notification.id)
    }
}

impl Command for MarkOpened {
    const NAME: &'static str = "markNotificationOpened";
    type Output = NotificationId;

    async fn run(&self, tx: &mut Tx) -> Result<NotificationId> {
        let notification = own(tx, self.notification).await?;
        if notification.opened_at.is_none() {
            set_opened(tx, std::slice::from_ref(&notification)).await?;
        }
        Ok(notification.id)
    }
}

async fn set_opened(tx: &mut Tx, notifications: &[Notification]) -> Result<()> {
    notification::Entity::update_many()
        .col_expr(notification::Column::OpenedAt, Expr::value(tx.now))
        .filter(notification::Column::Id.is_in(notifications.iter().map(|notification| notification.id)))
        .filter(notification::Column::OpenedAt.is_null())
        .exec(tx.conn())
        .await?;
    for Notification { id, recipient, ticket, .. } in notifications {
        let opened = NotificationEvent::Moved {
            notification: *id,
            recipient: *recipient,
            ticket: *ticket,
            state: State::Opened,
        };
        tx.record(Event::Notification(opened)).await?;
    }
    Ok(())
}

impl Command for OpenTicket {
    const NAME: &'static str = "openTicket";
    type Output = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let id = tickets::model::OpenTicket { ticket: self.ticket }.run(tx).await?;
        let Some(user) = tx.actor().user_id() else { return Ok(id) };
        let rows = notification::Entity::find()
            .filter(notification::Column::TicketId.eq(id))
            .filter(notification::Column::RecipientId.eq(user))
            .filter(notification::Column::OpenedAt.is_null())
            .all(tx.conn())
            .await?;
        if !rows.is_empty() {
            let notifications = store::with_deliveries(tx.conn(), rows).await?;
            set_opened(tx, &notifications).await?;
        }
        Ok(id)
    }
}

/// An address as its channel takes it.
fn address(channel: Channel, given: &str) -> Result<String> {
    match channel {
        Channel::Web => Ok(String::new()),
        Channel::Email => Ok(text::email("address", given)?),
        Channel::Sms => {
            let number: String = given.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
            let digits = number.strip_prefix('+').unwrap_or(&number);
            if (5..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Ok(number);
            }
            Err(refuse(
                Code::Invalid,
                "address",
                "address is no telephone number: write digits, with + and the country for abroad.",
                "address 不是有效的手机号：请填写数字，境外号码以 + 和国家码开头。",
            )
            .into())
        }
        Channel::WebPush => {
            let sane = given.len() <= 4_000
                && serde_json::from_str::<serde_json::Value>(given).is_ok_and(|json| {
                    let endpoint = json.get("endpoint").and_then(|endpoint| endpoint.as_str());
                    let key = |name: &str| {
                        json.get("keys").and_then(|keys| keys.get(name)).is_some_and(|key| key.is_string())
                    };
                    // Where it leads to is looked at when something is sent.
                    endpoint.is_some() && key("p256dh") && key("auth")
                });
            if sane {
                return Ok(given.to_owned());
            }
            Err(refuse(
                Code::Invalid,
                "address",
                "address is no push subscription: give JSON.stringify(await registration.pushManager.subscribe(…)).",
                "address 不是推送订阅：请提供 JSON.stringify(await registration.pushManager.subscribe(…)) 的结果。",
            )
            .into())
        }
        Channel::Wecom | Channel::Dingtalk | Channel::Feishu => Ok(text::line("address", given, 2 * KEY_CHARS_MAX)?),
    }
}

impl Command for BindTerminal {
    const NAME: &'static str = "bindTerminal";
    type Output = UserId;

    async fn run(&self, tx: &mut Tx) -> Result<UserId> {
        let Self { channel, address: given, primary, user } = self;
        let me = tx.actor().user_id();
        let user = match user {
            Some(user) if Some(*user) != me => {
                tx.actor().require_admin()?;
                people::queries::user(tx.conn(), *user)
                    .await?
                    .ok_or_else(|| refuse(Code::NotFound, "userId", "There is no such user.", "用户不存在。"))?
                    .id
            }
            _ => me.ok_or_else(Error::unauthenticated)?,
        };
        let address = address(*channel, given)?;
        let first = queries::terminals(tx.conn(), user).await?.is_empty();
        let primary = *primary || first;
        if primary {
            terminal::Entity::update_many()
                .col_expr(terminal::Column::IsPrimary, Expr::value(false))
                .filter(terminal::Column::UserId.eq(user))
                .exec(tx.conn())
                .await?;
        }
        let row = terminal::ActiveModel {
            user_id: Set(user),
            channel: Set(channel.word().to_owned()),
            address: Set(address),
            is_primary: Set(primary),
            bound_at: Set(tx.now),
        };
        let mut replace = OnConflict::columns([terminal::Column::UserId, terminal::Column::Channel]);
        replace.update_columns([terminal::Column::Address, terminal::Column::IsPrimary]);
        terminal::Entity::insert(row).on_conflict(replace).exec_without_returning(tx.conn()).await?;
        let changed = NotificationEvent::TerminalChanged { user, channel: *channel };
        tx.record(Event::Notification(changed)).await?;
        Ok(user)
    }
}

impl Command for UnbindTerminal {
    const NAME: &'static str = "unbindTerminal";
    type Output = UserId;

    async fn run(&self, tx: &mut Tx) -> Result<UserId> {
        let user = tx.actor().user_id().ok_or_else(Error::unauthenticated)?;
        let key = (user, self.channel.word().to_owned());
        if terminal::Entity::delete_by_id(key).exec(tx.conn()).await?.rows_affected > 0 {
            // Somebody who has terminals has a primary one.
            let rest = queries::terminals(tx.conn(), user).await?;
            if let Some(first) = rest.first().filter(|first| !first.primary) {
                terminal::Entity::update_many()
                    .col_expr(terminal::Column::IsPrimary, Expr::value(true))
                    .filter(terminal::Column::UserId.eq(user))
                    .filter(terminal::Column::Channel.eq(first.channel.word()))
                    .exec(tx.conn())
                    .await?;
            }
            let changed = NotificationEvent::TerminalChanged { user, channel: self.channel };
            tx.record(Event::Notification(changed)).await?;
        }
        Ok(user)
    }
}

impl Command for ReportActivity {
    const NAME: &'static str = "reportActivity";
    type Output = UserId;

    async fn run(&self, tx: &mut Tx) -> Result<UserId> {
        let user = tx.actor().user_id().ok_or_else(Error::unauthenticated)?;
        store::note_activity(tx, user, self.channel.word()).await?;
        Ok(user)
    }
}

impl Command for NotePageOpen {
    const NAME: &'static str = "notePageOpen";
    type Output = UserId;

    async fn run(&self, tx: &mut Tx) -> Result<UserId> {
        let user = tx.actor().user_id().ok_or_else(Error::unauthenticated)?;
        store::note_activity(tx, user, store::PAGE_OPEN).await?;
        Ok(user)
    }
}

impl Command for SavePreference {
    const NAME: &'static str = "saveNotificationPreference";
    type Output = UserId;

    async fn run(&self, tx: &mut Tx) -> Result<UserId> {
        let user = tx.actor().user_id().ok_or_else(Error::unauthenticated)?;
        let Self { language, quiet_from_minute, quiet_to_minute } = self;
        let minute = |minute: &Option<i32>| minute.is_none_or(|minute| (0..1_440).contains(&minute));
        let both = quiet_from_minute.is_some() == quiet_to_minute.is_some() && quiet_from_minute != quiet_to_minute;
        let none = quiet_from_minute.is_none() && quiet_to_minute.is_none();
        if !(minute(quiet_from_minute) && minute(quiet_to_minute) && (both || none)) {
            return Err(refuse(
                Code::Invalid,
                if minute(quiet_from_minute) { "quietToMinute" } else { "quietFromMinute" },
                "Quiet hours need both minutes of the day, 0 to 1439, and they differ; leave both out for none.",
                "免打扰时段需同时给出两个不同的分钟数（0–1439）；不需要则都不填。",
            )
            .into());
        }
        let row = notification_preference::ActiveModel {
            user_id: Set(user),
            language: Set(language.map(|language| language.word().to_owned())),
            quiet_from: Set(*quiet_from_minute),
            quiet_to: Set(*quiet_to_minute),
        };
        let mut replace = OnConflict::column(notification_preference::Column::UserId);
        replace.update_columns([
            notification_preference::Column::Language,
            notification_preference::Column::QuietFrom,
            notification_preference::Column::QuietTo,
        ]);
        notification_preference::Entity::insert(row).on_conflict(replace).exec_without_returning(tx.conn()).await?;
        Ok(user)
    }
}
