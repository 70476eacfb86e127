//! Creates notifications and their deliveries, and records acknowledgements, terminals and preferences. `sending` sends them.

mod addresses;
mod conversations;
mod probe;
mod sending;

pub use self::addresses::{begin_code, complete_code, confirm_address, purge_codes};
pub use self::conversations::{bind_contact, record_channel_activity, record_message};
pub use self::probe::{begin_probe, complete_probe, schedule_probes};
pub use self::sending::{begin_send, complete_send, on_unacknowledged};
use super::decide::{routes, state, templates};
use super::model::{
    AcknowledgeNotification, Cause, Channel, ChosenWay, Delivery, DeliveryState, MarkOpened, Notification,
    NotificationEvent, NotificationRequest, OpenTicket, Preference, ReportActivity, ReportPageOpen, SEND_JOB,
    SaveNotificationWay, SavePreference, Senders, Settings, State, UNACKNOWLEDGED_JOB, Via,
};
use super::{queries, store};
use crate::kernel::{Code, DeliveryId, Error, NotificationId, Result, TicketId, UserId, boxed, refuse};
use crate::msg;
use crate::runtime::jobs::{self, Schedule};
use crate::runtime::{Command, Tx};
use crate::tickets;

/// Notifies people, each once for a cause; returns the new notifications.
#[boxed]
pub async fn notify(tx: &mut Tx, requests: Vec<NotificationRequest>) -> Result<Vec<NotificationId>> {
    let mut recipients: Vec<UserId> = requests.iter().map(|request| request.recipient).collect();
    recipients.sort_unstable();
    recipients.dedup();
    let mut contact_points = if recipients.is_empty() {
        return Ok(Vec::new());
    } else {
        queries::contact_points(tx.app(), tx.conn(), &recipients).await?
    };
    let mut created = Vec::new();
    for NotificationRequest { cause, cause_key, ticket, recipient, via, params } in requests {
        let (via, candidates) = {
            let contact_points = contact_points.entry(recipient).or_default();
            let via = chosen_via(&contact_points.preference, cause, via);
            let (settings, senders) = (tx.app().state::<Settings>(), tx.app().state::<Senders>());
            let candidates = routes(contact_points, &via, tx.now, settings, senders);
            (via, candidates)
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
        let initial_count = if matches!(notification.via, Via::All(_)) { candidates.len() } else { 1 };
        // A channel without a sender is no target of a failover.
        let is_last = candidates.iter().filter(|(channel, _)| tx.app().state::<Senders>().has(*channel)).count() <= 1;
        let attempted: Vec<_> = candidates.into_iter().take(initial_count).collect();
        let none_can_send = attempted.iter().all(|(channel, _)| !tx.app().state::<Senders>().has(*channel));
        let decision = NotificationEvent::Decided { notification: id, recipient, ticket, cause };
        tx.record(decision).await?;
        start_deliveries(tx, &notification, attempted, is_last).await?;
        if none_can_send && initial_count > 0 && matches!(notification.via, Via::All(_)) {
            // None of the level's channels has a sender: any other channel is used.
            let Some(now) = load(tx, id).await? else { continue };
            failover(tx, &now).await?;
        }
        created.push(id);
    }
    Ok(created)
}

/// Starts deliveries. `is_last`: no other route is left for a failover.
async fn start_deliveries(
    tx: &mut Tx,
    notification: &Notification,
    routes: Vec<(Channel, String)>,
    is_last: bool,
) -> Result<()> {
    let senders = tx.app().state::<Senders>().clone();
    let mut deliveries = Vec::new();
    for ((channel, address), position) in routes.into_iter().zip(notification.deliveries.len()..) {
        // On the web a stored message is sent; without a sender the delivery fails at once.
        let (state, failure) = match channel {
            Channel::Web => (DeliveryState::Sent, None),
            channel if senders.has(channel) => (DeliveryState::Queued, None),
            channel => (DeliveryState::Failed, Some(templates::no_sender(channel))),
        };
        let is_web = channel == Channel::Web;
        deliveries.push(Delivery {
            id: DeliveryId(tx.new_uuid()),
            notification: notification.id,
            position: i32::try_from(position).unwrap_or(i32::MAX),
            channel,
            address,
            state,
            attempts: i32::from(is_web),
            queued_at: tx.now,
            sent_at: is_web.then_some(tx.now),
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
        if delivery.channel.is_external() {
            let now = tx.now;
            jobs::schedule(tx, &[Schedule::new(SEND_JOB, &subject, now).in_queue(delivery.channel.queue())]).await?;
        } else if matches!(notification.via, Via::Preferred) && !is_last {
            let at = tx.now + tx.app().state::<Settings>().acknowledged_within();
            jobs::schedule(tx, &[Schedule::new(UNACKNOWLEDGED_JOB, &subject, at)]).await?;
        }
    }
    Ok(())
}

/// Starts a delivery on the next untried route, unless another channel of [`Via::All`] may still succeed; returns whether it did.
async fn failover(tx: &mut Tx, notification: &Notification) -> Result<bool> {
    if matches!(notification.via, Via::All(_))
        && notification.deliveries.iter().any(|d| d.state != DeliveryState::Failed)
    {
        return Ok(false);
    }
    let contact_points = queries::contact_points(tx.app(), tx.conn(), &[notification.recipient]).await?;
    let contact_points = contact_points.get(&notification.recipient).cloned().unwrap_or_default();
    let (settings, senders) = (tx.app().state::<Settings>(), tx.app().state::<Senders>());
    // If every channel that a level names has failed, any other channel is used.
    let mut untried = routes(&contact_points, &Via::Preferred, tx.now, settings, senders);
    untried.retain(|(channel, _)| {
        senders.has(*channel) && notification.deliveries.iter().all(|tried| tried.channel != *channel)
    });
    let is_last = untried.len() <= 1;
    let Some(next) = untried.into_iter().next() else { return Ok(false) };
    start_deliveries(tx, notification, vec![next], is_last).await?;
    Ok(true)
}

async fn load(tx: &Tx, id: NotificationId) -> Result<Option<Notification>> {
    Ok(queries::by_ids(tx.conn(), &[id]).await?.pop())
}

/// Records the notification's state if it changed.
async fn record_state_change(tx: &mut Tx, before: State, id: NotificationId) -> Result<()> {
    let Some(notification) = load(tx, id).await? else { return Ok(()) };
    let state = state(&notification);
    if state == before {
        return Ok(());
    }
    let Notification { recipient, ticket, .. } = notification;
    tx.record(NotificationEvent::StateChanged { notification: id, recipient, ticket, state }).await
}

/// The caller's own notification.
async fn own_notification(tx: &Tx, id: NotificationId) -> Result<Notification> {
    let user = tx.actor().user_id().ok_or_else(Error::unauthenticated)?;
    let found = load(tx, id).await?.filter(|notification| notification.recipient == user);
    found.ok_or_else(|| refuse(Code::NotFound, "notificationId", msg!("notification-not-found")).into())
}

impl Command for AcknowledgeNotification {
    const NAME: &'static str = "acknowledgeNotification";
    type Output = NotificationId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<NotificationId> {
        let notification = own_notification(tx, self.notification).await?;
        let before = state(&notification);
        store::mark_web_delivered(tx.conn(), notification.id, tx.now).await?;
        record_state_change(tx, before, notification.id).await?;
        Ok(notification.id)
    }
}

impl Command for MarkOpened {
    const NAME: &'static str = "markNotificationOpened";
    type Output = NotificationId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<NotificationId> {
        let notification = own_notification(tx, self.notification).await?;
        if notification.opened_at.is_none() {
            set_opened(tx, std::slice::from_ref(&notification)).await?;
        }
        Ok(notification.id)
    }
}

async fn set_opened(tx: &mut Tx, notifications: &[Notification]) -> Result<()> {
    store::mark_opened(tx.conn(), notifications, tx.now).await?;
    for Notification { id, recipient, ticket, .. } in notifications {
        let opened = NotificationEvent::StateChanged {
            notification: *id,
            recipient: *recipient,
            ticket: *ticket,
            state: State::Opened,
        };
        tx.record(opened).await?;
    }
    Ok(())
}

impl Command for OpenTicket {
    const NAME: &'static str = "openTicket";
    type Output = TicketId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let id = tickets::model::OpenTicket { ticket: self.ticket }.run(tx).await?;
        let Some(user) = tx.actor().user_id() else { return Ok(id) };
        let unopened = store::unopened(tx.conn(), id, user).await?;
        if !unopened.is_empty() {
            set_opened(tx, &unopened).await?;
        }
        Ok(id)
    }
}

impl Command for ReportActivity {
    const NAME: &'static str = "reportActivity";
    type Output = UserId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<UserId> {
        let user = tx.actor().user_id().ok_or_else(Error::unauthenticated)?;
        store::record_activity(tx, user, self.channel.as_str()).await?;
        Ok(user)
    }
}

impl Command for ReportPageOpen {
    const NAME: &'static str = "notePageOpen";
    type Output = UserId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<UserId> {
        let user = tx.actor().user_id().ok_or_else(Error::unauthenticated)?;
        store::record_activity(tx, user, store::PAGE_OPEN).await?;
        Ok(user)
    }
}

impl Command for SavePreference {
    const NAME: &'static str = "saveNotificationPreference";
    type Output = UserId;

    #[boxed]
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
                msg!("notification-quiet-hours-invalid"),
            )
            .into());
        }
        let minute = |minute: &Option<i32>| minute.and_then(|minute| u16::try_from(minute).ok());
        let quiet = minute(quiet_from_minute).zip(minute(quiet_to_minute));
        let before = queries::preference(tx.conn(), user).await?;
        store::upsert_preference(tx.conn(), user, &Preference { language: *language, quiet, ..before }).await?;
        Ok(user)
    }
}

impl Command for SaveNotificationWay {
    const NAME: &'static str = "saveNotificationWay";
    type Output = UserId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<UserId> {
        let user = tx.actor().user_id().ok_or_else(Error::unauthenticated)?;
        // Nobody can silence what must reach them.
        if self.cause.is_critical() {
            return Err(refuse(Code::Invalid, "cause", msg!("notification-way-fixed")).into());
        }
        let mut preference = queries::preference(tx.conn(), user).await?;
        match self.way {
            Some(way) => preference.ways.insert(self.cause, way),
            None => preference.ways.remove(&self.cause),
        };
        store::upsert_preference(tx.conn(), user, &preference).await?;
        Ok(user)
    }
}

/// The way of a notification that its recipient has chosen, if it can be chosen.
fn chosen_via(preference: &Preference, cause: Cause, via: Via) -> Via {
    let is_fixed = cause.is_critical() || !matches!(via, Via::Preferred | Via::App);
    match preference.ways.get(&cause).filter(|_| !is_fixed) {
        Some(ChosenWay::App) => Via::App,
        Some(ChosenWay::Digest) => Via::Preferred,
        Some(way) => way.channel().map_or(via, |channel| Via::All(vec![channel])),
        None => via,
    }
}
