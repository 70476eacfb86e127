//! A delivery on its way out: attempt recorded, sent, outcome recorded.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Query};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};

use super::{fall_over, load, moved, probe};
use crate::calendar::model::Organisation;
use crate::event::Event;
use crate::kernel::{DeliveryId, Error, NotificationId, Result, Timestamp, seconds};
use crate::notifications::decide::words::{Text, no_sender, text};
use crate::notifications::decide::{Bucket, Taken, link, quiet_until, state};
use crate::notifications::model::{
    ATTEMPTS_MAX, Appendix, Cause, Channel, Delivery, DeliveryState, Notification, NotificationEvent, Params, Parcel,
    RETRY_AFTER, Senders, Settings, Tongue, Via,
};
use crate::notifications::store::{self, notification, notification_delivery};
use crate::notifications::{queries, react};
use crate::people;
use crate::runtime::jobs::{self, Job, Next, Outcome, Prepared};
use crate::runtime::{Tx, Vault};
use crate::tickets;
use crate::tickets::model::Ticket;

/// Messages of one digest.
const DIGEST_MAX: usize = 50;
const APPENDIX_WITHIN: std::time::Duration = seconds(5);
/// Characters of one body: what every provider takes.
const BODY_CHARS_MAX: usize = 1_500;

async fn delivery_of(tx: &Tx, job: &Job) -> Result<Option<(Notification, Delivery)>> {
    let id: DeliveryId = job.subject.parse().map_err(Error::internal)?;
    let Some(row) = notification_delivery::Entity::find_by_id(id).one(tx.conn()).await? else { return Ok(None) };
    let Some(notification) = load(tx, row.notification_id).await? else { return Ok(None) };
    let delivery = notification.deliveries.iter().find(|delivery| delivery.id == id).cloned();
    Ok(delivery.map(|delivery| (notification, delivery)))
}

/// The first half.
pub async fn prepare(tx: &mut Tx, job: &Job) -> Result<Prepared> {
    let done = Ok(Prepared::Ended(Next::Done));
    let Some((notification, mut delivery)) = delivery_of(tx, job).await? else { return done };
    match delivery.state {
        DeliveryState::Queued => {}
        // In flight when a process ended: nobody knows whether it went.
        DeliveryState::Sending if notification.cause.is_critical() => delivery.repeated = true,
        DeliveryState::Sending => {
            let why = "the process ended while it was being sent: nobody knows whether it went".to_owned();
            lost_in_flight(tx, &notification, delivery, why).await?;
            return done;
        }
        _ => return done,
    }
    if delivery.digest.is_some() {
        return done;
    }
    let before = state(&notification);
    if notification.opened_at.is_some() {
        store::save_delivery(tx.conn(), Delivery { state: DeliveryState::Unneeded, ..delivery }).await?;
        moved(tx, before, notification.id).await?;
        return done;
    }
    let reach = queries::reach(tx.app(), tx.conn(), &[notification.recipient]).await?;
    let preference = reach.get(&notification.recipient).map(|reach| reach.preference.clone()).unwrap_or_default();
    if !notification.cause.is_critical()
        && let Some(until) = quiet_until(preference.quiet, tx.now, &tx.app().state::<Organisation>().zone)
    {
        return Ok(Prepared::Ended(Next::At(until)));
    }
    let sender = tx.app().state::<Senders>().of(delivery.channel).cloned();
    let Some(sender) = sender else {
        // Configured when it was queued, and no more.
        let why = no_sender(delivery.channel);
        fail(tx, &notification, delivery, why).await?;
        return done;
    };
    if let Some(rate) = sender.rate() {
        let bucket = store::bucket(tx, sender.account(), Bucket::full(rate, tx.now)).await?;
        match bucket.take(rate, tx.now) {
            Taken::Yes(left) => store::put_bucket(tx.conn(), sender.account(), left).await?,
            // Levels 2 and 3 wait by themselves, and a digest is what others wait in.
            Taken::NotBefore(at) if notification.cause.is_critical() || notification.cause == Cause::Digest => {
                return Ok(Prepared::Ended(Next::At(at)));
            }
            Taken::NotBefore(at) => {
                join_digest(tx, &notification, delivery, at).await?;
                return done;
            }
        }
    }
    let tongue = preference.language.unwrap_or(tx.app().state::<Settings>().tongue);
    let mut parcel = parcel(tx, &notification, &delivery, tongue).await?;
    delivery.state = DeliveryState::Sending;
    delivery.attempts += 1;
    // Of a text message each line costs; in a group others read along.
    let fits = notification.cause == Cause::Assigned && delivery.channel != Channel::Sms && !sender.is_shared();
    let appended = notification.ticket.filter(|_| fits);
    store::save_delivery(tx.conn(), delivery).await?;
    let Some(ticket) = appended else { return Ok(Prepared::Send(sender.send(parcel))) };
    let Appendix(appendix) = *tx.app().state::<Appendix>();
    let lines = appendix(tx.cx.clone(), ticket, notification.recipient, tongue);
    let send = async move {
        for line in soon(lines).await {
            parcel.body = clipped(&format!("{}\n{line}", parcel.body), BODY_CHARS_MAX);
        }
        sender.send(parcel).await
    };
    Ok(Prepared::Send(send.boxed()))
}

/// A message does not wait for long for what is added to it.
#[expect(clippy::disallowed_methods, reason = "a limit on this machine; what is late is left out")]
async fn soon(lines: BoxFuture<'static, Vec<String>>) -> Vec<String> {
    tokio::time::timeout(APPENDIX_WITHIN, lines).await.unwrap_or_default()
}

/// Nobody knows whether it went: not sent again.
async fn lost_in_flight(tx: &mut Tx, notification: &Notification, delivery: Delivery, why: String) -> Result<()> {
    let unknown = Delivery { state: DeliveryState::Unknown, failure: Some(why), ..delivery };
    let before = state(notification);
    store::save_delivery(tx.conn(), unknown.clone()).await?;
    moved(tx, before, notification.id).await?;
    follow_digest(tx, notification, &unknown).await
}

/// The second half.
pub async fn settle(tx: &mut Tx, job: &Job, outcome: Outcome) -> Result<Next> {
    let Some((notification, mut delivery)) = delivery_of(tx, job).await? else { return Ok(Next::Done) };
    let before = state(&notification);
    let outcome = match outcome {
        Outcome::Denied { why } => {
            probe::denied(tx, delivery.channel, &why).await?;
            // Tried again it would be denied again: the next way.
            Outcome::Refused { why }
        }
        outcome => outcome,
    };
    match outcome {
        Outcome::Sent { id } => {
            delivery.provider_id = id;
            delivery.failure = None;
            delivery.state = DeliveryState::Sent;
            delivery.sent_at = delivery.sent_at.or(Some(tx.now));
            store::save_delivery(tx.conn(), delivery.clone()).await?;
            moved(tx, before, notification.id).await?;
            follow_digest(tx, &notification, &delivery).await?;
            Ok(Next::Done)
        }
        Outcome::Later { why, after } => {
            let doubled = RETRY_AFTER * 2_u32.pow(Ord::min(u32::try_from(delivery.attempts - 1).unwrap_or(0), 8));
            let again = tx.now + Ord::max(after, doubled);
            if let Some(sender) = tx.app().state::<Senders>().of(delivery.channel).cloned()
                && sender.rate().is_some()
                && after > RETRY_AFTER
            {
                store::put_bucket(tx.conn(), sender.account(), Bucket::shut(tx.now + after)).await?;
            }
            delivery.failure = Some(clipped(&why, 500));
            delivery.state = DeliveryState::Queued;
            if delivery.attempts >= ATTEMPTS_MAX {
                fail(tx, &notification, delivery, why).await?;
                return Ok(Next::Done);
            }
            store::save_delivery(tx.conn(), delivery).await?;
            Ok(Next::At(again))
        }
        // Levels 2 and 3 are sent again, and say so.
        Outcome::Unknown { why } if notification.cause.is_critical() && delivery.attempts < ATTEMPTS_MAX => {
            let again = tx.now + RETRY_AFTER;
            let failure = Some(clipped(&why, 500));
            let queued = Delivery { state: DeliveryState::Queued, repeated: true, failure, ..delivery };
            store::save_delivery(tx.conn(), queued).await?;
            Ok(Next::At(again))
        }
        Outcome::Unknown { why } => {
            lost_in_flight(tx, &notification, delivery, clipped(&why, 500)).await?;
            Ok(Next::Done)
        }
        Outcome::Refused { why } => {
            fail(tx, &notification, delivery, why).await?;
            Ok(Next::Done)
        }
        Outcome::Denied { .. } | Outcome::Found(_) => Err(Error::internal("a sender sends")),
    }
}

/// This way leads nowhere: the next one.
async fn fail(tx: &mut Tx, notification: &Notification, delivery: Delivery, why: String) -> Result<()> {
    let before = state(notification);
    let failed = Delivery { state: DeliveryState::Failed, failure: Some(clipped(&why, 500)), ..delivery };
    tracing::warn!(channel = failed.channel.word(), %why, "a message could not be sent");
    store::save_delivery(tx.conn(), failed.clone()).await?;
    let Some(now) = load(tx, notification.id).await? else { return Ok(()) };
    if !fall_over(tx, &now).await? {
        moved(tx, before, notification.id).await?;
    }
    follow_digest(tx, notification, &failed).await
}

/// What waited in a digest shares its fate.
async fn follow_digest(tx: &mut Tx, digest: &Notification, of: &Delivery) -> Result<()> {
    if digest.cause != Cause::Digest || of.state == DeliveryState::Queued {
        return Ok(());
    }
    for (member, delivery) in members(tx, digest.id).await? {
        let before = state(&member);
        let (sent_at, failure) = (of.sent_at, of.failure.clone());
        let next = Delivery { state: of.state, sent_at, failure, attempts: of.attempts, ..delivery };
        store::save_delivery(tx.conn(), next.clone()).await?;
        let fell = match load(tx, member.id).await? {
            Some(now) if next.state == DeliveryState::Failed => fall_over(tx, &now).await?,
            _ => false,
        };
        if !fell {
            moved(tx, before, member.id).await?;
        }
    }
    Ok(())
}

async fn members(tx: &Tx, digest: NotificationId) -> Result<Vec<(Notification, Delivery)>> {
    let rows = notification_delivery::Entity::find()
        .filter(notification_delivery::Column::DigestId.eq(digest))
        .order_by_asc(notification_delivery::Column::Id)
        .all(tx.conn())
        .await?;
    let ids: Vec<NotificationId> = rows.iter().map(|row| row.notification_id).collect();
    let notifications = queries::by_ids(tx.conn(), &ids).await?;
    let of = |row: notification_delivery::Model| {
        let notification = notifications.iter().find(|notification| notification.id == row.notification_id)?;
        let delivery = notification.deliveries.iter().find(|delivery| delivery.id == row.id)?;
        Some((notification.clone(), delivery.clone()))
    };
    Ok(rows.into_iter().filter_map(of).collect())
}

/// Waits with others for the same person by the same way, in the digest that is open or in a new one.
async fn join_digest(tx: &mut Tx, notification: &Notification, delivery: Delivery, at: Timestamp) -> Result<()> {
    let (digest, of) = (Alias::new("digest"), notification::Entity);
    let open = Query::select()
        .column((digest.clone(), notification::Column::Id))
        .from_as(of, digest.clone())
        .and_where(Expr::col((digest.clone(), notification::Column::Cause)).eq(Cause::Digest.word()))
        .and_where(Expr::col((digest, notification::Column::RecipientId)).eq(notification.recipient))
        .to_owned();
    let waiting = notification_delivery::Entity::find()
        .filter(notification_delivery::Column::State.eq(DeliveryState::Queued.word()))
        .filter(notification_delivery::Column::Channel.eq(delivery.channel.word()))
        .filter(notification_delivery::Column::Address.eq(&delivery.address))
        .filter(notification_delivery::Column::NotificationId.in_subquery(open))
        .order_by_asc(notification_delivery::Column::Id)
        .one(tx.conn())
        .await?;
    let digest = match waiting {
        Some(row) => row.notification_id,
        None => open_digest(tx, notification, &delivery, at).await?,
    };
    store::save_delivery(tx.conn(), Delivery { digest: Some(digest), ..delivery }).await
}

async fn open_digest(tx: &mut Tx, first: &Notification, way: &Delivery, at: Timestamp) -> Result<NotificationId> {
    let id = NotificationId(tx.new_uuid());
    let digest = Notification {
        id,
        cause: Cause::Digest,
        cause_key: format!("digest:{}", way.id),
        ticket: None,
        recipient: first.recipient,
        via: Via::All(vec![way.channel]),
        params: Params::default(),
        decided_at: tx.now,
        opened_at: None,
        deliveries: Vec::new(),
    };
    store::insert(tx.conn(), &digest).await?;
    let decided =
        NotificationEvent::Decided { notification: id, recipient: first.recipient, ticket: None, cause: Cause::Digest };
    tx.record(Event::Notification(decided)).await?;
    let delivery = Delivery {
        id: DeliveryId(tx.new_uuid()),
        notification: id,
        position: 0,
        state: DeliveryState::Queued,
        attempts: 0,
        queued_at: tx.now,
        failure: None,
        ..way.clone()
    };
    let subject = delivery.id.to_string();
    store::insert_deliveries(tx.conn(), vec![delivery]).await?;
    jobs::plant_in_lane(tx, way.channel.lane(), &[(react::SEND, &subject, at)]).await?;
    Ok(id)
}

/// What is sent: made now, from the tickets as they are.
async fn parcel(tx: &Tx, notification: &Notification, delivery: &Delivery, tongue: Tongue) -> Result<Parcel> {
    let ticket = ticket_of(tx, notification).await?;
    let Text { title, body } = said(tx, notification, ticket.as_ref(), delivery.repeated).await?;
    let (mut title, mut body) = (tongue.pick(&title), tongue.pick(&body));
    if notification.cause == Cause::Digest {
        let mut lines = Vec::new();
        let all = members(tx, notification.id).await?;
        for (member, _) in all.iter().take(DIGEST_MAX) {
            let ticket = ticket_of(tx, member).await?;
            let text = said(tx, member, ticket.as_ref(), false).await?;
            lines.push(tongue.pick(&text.title));
        }
        let params = Params { count: i64::try_from(all.len()).ok(), ..Params::default() };
        title = tongue.pick(&text(Cause::Digest, &params, None, None, false).title);
        body = lines.join("\n");
    }
    let url = tx.app().state::<Settings>().public_url.as_ref().map(|base| {
        let base = base.trim_end_matches('/');
        match (&ticket, notification.params.card) {
            (Some(ticket), _) if notification.cause == Cause::Survey => {
                let token = link::survey(tx.app().state::<Vault>(), ticket.id, notification.recipient);
                format!("{base}/rate/{token}")
            }
            (Some(ticket), _) => format!("{base}/tickets/{}", ticket.number),
            (None, Some(card)) => format!("{base}/knowledge/{card}"),
            (None, None) if notification.params.month.is_some() => format!("{base}/reports/health"),
            (None, None) if notification.cause == Cause::Knowledge => format!("{base}/knowledge"),
            (None, None) => base.to_owned(),
        }
    });
    Ok(Parcel {
        id: delivery.id,
        address: delivery.address.clone(),
        tongue,
        title,
        body: clipped(&body, BODY_CHARS_MAX),
        url,
        cause: notification.cause,
        number: ticket.map(|ticket| ticket.number),
    })
}

async fn ticket_of(tx: &Tx, notification: &Notification) -> Result<Option<Ticket>> {
    match notification.ticket {
        Some(id) => Ok(tickets::queries::by_ids(tx.conn(), &[id]).await?.remove(&id)),
        None => Ok(None),
    }
}

async fn said(tx: &Tx, notification: &Notification, ticket: Option<&Ticket>, repeated: bool) -> Result<Text> {
    let about = match notification.params.about {
        Some(user) => people::queries::kept(tx.app(), vec![user]).await?.remove(&user),
        None => None,
    };
    let about = about.as_ref().map(|user| user.name.as_str());
    Ok(text(notification.cause, &notification.params, ticket, about, repeated))
}

fn clipped(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

/// Nobody has looked at the page: the next way.
pub async fn on_unacknowledged(tx: &mut Tx, job: &Job) -> Result<Next> {
    let Some((notification, delivery)) = delivery_of(tx, job).await? else { return Ok(Next::Done) };
    let seen = notification.opened_at.is_some() || delivery.delivered_at.is_some();
    if !seen && delivery.channel == Channel::Web {
        fall_over(tx, &notification).await?;
    }
    Ok(Next::Done)
}
