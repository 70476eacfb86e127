//! Sends deliveries: the attempt is recorded, the message sent, the outcome recorded.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::{failover, load, probe, record_state_change};
use crate::calendar::model::Organisation;
use crate::kernel::text::excerpt;
use crate::kernel::{
    DeliveryId, Error, Locale, Message, NotificationId, Result, Timestamp, UserId, boxed, hours, seconds,
};
use crate::msg;
use crate::notifications::decide::templates::{self, RenderedText, Subject, no_sender};
use crate::notifications::decide::{RateLimitDecision, link, quiet_until, state};
use crate::notifications::model::{
    ATTEMPTS_MAX, Cause, Channel, ChannelAnswer, ChosenWay, Delivery, DeliveryState, Notification, NotificationEvent,
    Params, RETRY_AFTER, SEND_JOB, Senders, Settings, Via,
};
use crate::notifications::{queries, store};
use crate::people;
use crate::runtime::jobs::{self, Job, Next, Schedule, SendAttempt};
use crate::runtime::ports::{MailThread, OutboundMessage, Outcome, Sender};
use crate::runtime::{MessageEnricher, Tx, Vault};
use crate::tickets;
use crate::tickets::model::Ticket;

/// Titles listed in one digest.
const DIGEST_MAX: usize = 50;
const ENRICHER_TIMEOUT: std::time::Duration = seconds(5);
/// Characters of one body, which every provider accepts.
const BODY_CHARS_MAX: usize = 1_500;
/// Characters of a provider's text that are stored.
const FAILURE_CHARS_MAX: usize = 500;

async fn delivery_of(tx: &Tx, job: &Job) -> Result<Option<(Notification, Delivery)>> {
    let id: DeliveryId = job.subject.parse().map_err(Error::internal)?;
    let Some(notification) = store::notification_of(tx.conn(), id).await? else { return Ok(None) };
    let Some(notification) = load(tx, notification).await? else { return Ok(None) };
    let delivery = notification.deliveries.iter().find(|delivery| delivery.id == id).cloned();
    Ok(delivery.map(|delivery| (notification, delivery)))
}

/// Records the attempt and renders the message, before anything is sent.
#[boxed]
pub async fn begin_send(tx: &mut Tx, job: &Job) -> Result<SendAttempt> {
    let done = Ok(SendAttempt::Skip(Next::Done));
    let Some((notification, mut delivery)) = delivery_of(tx, job).await? else { return done };
    match delivery.state {
        DeliveryState::Queued => {}
        // The process ended during an earlier attempt, so its outcome is ambiguous.
        DeliveryState::Sending if notification.cause.is_critical() => delivery.repeated = true,
        DeliveryState::Sending => {
            mark_ambiguous(tx, &notification, delivery, msg!("delivery-interrupted")).await?;
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
        record_state_change(tx, before, notification.id).await?;
        return done;
    }
    let contact_points = queries::contact_points(tx.app(), tx.conn(), &[notification.recipient]).await?;
    let preference =
        contact_points.get(&notification.recipient).map(|contacts| contacts.preference.clone()).unwrap_or_default();
    if !notification.cause.is_critical()
        && let Some(until) = quiet_until(preference.quiet, tx.now, &tx.app().state::<Organisation>().zone)
    {
        return Ok(SendAttempt::Skip(Next::At(until)));
    }
    let in_digest = preference.ways.get(&notification.cause) == Some(&ChosenWay::Digest);
    if in_digest && !notification.cause.is_critical() && delivery.attempts == 0 {
        let at = next_hour(tx.now);
        join_digest(tx, &notification, delivery, at).await?;
        return done;
    }
    let sender = tx.app().state::<Senders>().of(delivery.channel).cloned();
    let Some(sender) = sender else {
        // The sender was configured when the delivery was queued, and is not any more.
        let why = no_sender(delivery.channel);
        fail(tx, &notification, delivery, why).await?;
        return done;
    };
    if let Some(at) = reserve(tx, sender.as_ref()).await? {
        // Critical messages and digests are not merged into a digest.
        if notification.cause.is_critical() || notification.cause == Cause::Digest {
            return Ok(SendAttempt::Skip(Next::At(at)));
        }
        join_digest(tx, &notification, delivery, at).await?;
        return done;
    }
    let locale = preference.language.unwrap_or(tx.app().state::<Settings>().locale());
    let mut message = outbound_message(tx, &notification, &delivery, locale).await?;
    delivery.state = DeliveryState::Sending;
    delivery.attempts += 1;
    // Every line of an SMS costs money, and the members of a group would read the lines.
    let fits = notification.cause == Cause::Assigned && delivery.channel != Channel::Sms && !sender.is_shared();
    let enriched = notification.ticket.filter(|_| fits);
    store::save_delivery(tx.conn(), delivery).await?;
    let Some(ticket) = enriched else { return Ok(SendAttempt::Send(sender.send(message, tx.now))) };
    let enricher = tx.app().state::<Arc<dyn MessageEnricher>>();
    let lines = enricher.lines(tx.cx.clone(), ticket, notification.recipient, locale);
    let cx = tx.cx.clone();
    let send = async move {
        for line in within_timeout(lines).await {
            message.body = excerpt(&format!("{}\n{line}", message.body), BODY_CHARS_MAX);
        }
        sender.send(message, cx.now()).await
    };
    Ok(SendAttempt::Send(send.boxed()))
}

/// When the digest of this hour is sent.
fn next_hour(now: Timestamp) -> Timestamp {
    let hour = i64::try_from(hours(1).as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis((now.millis().div_euclid(hour) + 1) * hour)
}

/// The enricher's lines, or none after the timeout.
#[expect(clippy::disallowed_methods, reason = "a limit on this machine; what is late is left out")]
async fn within_timeout(lines: BoxFuture<'static, Vec<String>>) -> Vec<String> {
    tokio::time::timeout(ENRICHER_TIMEOUT, lines).await.unwrap_or_default()
}

/// Marks a delivery with an ambiguous outcome as UNKNOWN. It is not sent again.
async fn mark_ambiguous(tx: &mut Tx, notification: &Notification, delivery: Delivery, why: Message) -> Result<()> {
    let unknown =
        Delivery { state: DeliveryState::Unknown, failure: Some(why.truncated(FAILURE_CHARS_MAX)), ..delivery };
    let before = state(notification);
    store::save_delivery(tx.conn(), unknown.clone()).await?;
    record_state_change(tx, before, notification.id).await?;
    apply_outcome_to_members(tx, notification, &unknown).await
}

/// Takes a message from the rate limit of the sender's account, or returns when there is one.
pub(super) async fn reserve(tx: &Tx, sender: &dyn Sender) -> Result<Option<Timestamp>> {
    let Some(rate) = sender.rate() else { return Ok(None) };
    match store::lock_send_window(tx, sender.account()).await?.take(rate, tx.now) {
        RateLimitDecision::Granted(window) => {
            store::save_send_window(tx.conn(), sender.account(), &window).await?;
            Ok(None)
        }
        RateLimitDecision::RetryAt(at) => Ok(Some(at)),
    }
}

/// Records the outcome of an attempt.
#[boxed]
pub async fn complete_send(tx: &mut Tx, job: &Job, outcome: Outcome) -> Result<Next> {
    let Some((notification, mut delivery)) = delivery_of(tx, job).await? else { return Ok(Next::Done) };
    let before = state(&notification);
    let outcome = match outcome {
        Outcome::AuthFailed { why } => {
            probe::record_denied(tx, delivery.channel, &why).await?;
            // A retry would be denied too, so the delivery fails over.
            Outcome::Rejected { why }
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
            record_state_change(tx, before, notification.id).await?;
            apply_outcome_to_members(tx, &notification, &delivery).await?;
            Ok(Next::Done)
        }
        Outcome::RetryLater { why, after } => {
            let doubled = RETRY_AFTER * 2_u32.pow(Ord::min(u32::try_from(delivery.attempts - 1).unwrap_or(0), 8));
            let retry_at = tx.now + Ord::max(after, doubled);
            if let Some(sender) = tx.app().state::<Senders>().of(delivery.channel).cloned()
                && sender.rate().is_some()
                && after > RETRY_AFTER
            {
                let window = store::lock_send_window(tx, sender.account()).await?;
                store::save_send_window(tx.conn(), sender.account(), &window.blocked(tx.now + after)).await?;
            }
            delivery.failure = Some(why.clone().truncated(FAILURE_CHARS_MAX));
            delivery.state = DeliveryState::Queued;
            if delivery.attempts >= ATTEMPTS_MAX {
                fail(tx, &notification, delivery, why).await?;
                return Ok(Next::Done);
            }
            store::save_delivery(tx.conn(), delivery).await?;
            Ok(Next::At(retry_at))
        }
        // Critical messages are sent again, with a note.
        Outcome::Ambiguous { why } if notification.cause.is_critical() && delivery.attempts < ATTEMPTS_MAX => {
            let retry_at = tx.now + RETRY_AFTER;
            let failure = Some(why.truncated(FAILURE_CHARS_MAX));
            let queued = Delivery { state: DeliveryState::Queued, repeated: true, failure, ..delivery };
            store::save_delivery(tx.conn(), queued).await?;
            Ok(Next::At(retry_at))
        }
        Outcome::Ambiguous { why } => {
            mark_ambiguous(tx, &notification, delivery, why).await?;
            Ok(Next::Done)
        }
        Outcome::Rejected { why } => {
            fail(tx, &notification, delivery, why).await?;
            Ok(Next::Done)
        }
        Outcome::AuthFailed { .. } | Outcome::Completed(_) => Err(Error::internal("a sender sends")),
    }
}

/// Marks a delivery as failed and starts the failover.
async fn fail(tx: &mut Tx, notification: &Notification, delivery: Delivery, why: Message) -> Result<()> {
    let before = state(notification);
    tracing::warn!(channel = delivery.channel.as_str(), why = why.text(Locale::En), "a message could not be sent");
    let failed = Delivery { state: DeliveryState::Failed, failure: Some(why.truncated(FAILURE_CHARS_MAX)), ..delivery };
    store::save_delivery(tx.conn(), failed.clone()).await?;
    let Some(now) = load(tx, notification.id).await? else { return Ok(()) };
    if !failover(tx, &now).await? {
        record_state_change(tx, before, notification.id).await?;
    }
    apply_outcome_to_members(tx, notification, &failed).await
}

/// Copies the outcome of a digest to the messages in it.
async fn apply_outcome_to_members(tx: &mut Tx, digest: &Notification, outcome: &Delivery) -> Result<()> {
    if digest.cause != Cause::Digest || outcome.state == DeliveryState::Queued {
        return Ok(());
    }
    for (member, delivery) in members(tx, digest.id).await? {
        let before = state(&member);
        let (sent_at, failure) = (outcome.sent_at, outcome.failure.clone());
        let next = Delivery { state: outcome.state, sent_at, failure, attempts: outcome.attempts, ..delivery };
        store::save_delivery(tx.conn(), next.clone()).await?;
        let failed_over = match load(tx, member.id).await? {
            Some(now) if next.state == DeliveryState::Failed => failover(tx, &now).await?,
            _ => false,
        };
        if !failed_over {
            record_state_change(tx, before, member.id).await?;
        }
    }
    Ok(())
}

async fn members(tx: &Tx, digest: NotificationId) -> Result<Vec<(Notification, Delivery)>> {
    let deliveries = store::deliveries_of_digest(tx.conn(), digest).await?;
    let ids: Vec<NotificationId> = deliveries.iter().map(|delivery| delivery.notification).collect();
    let notifications = queries::by_ids(tx.conn(), &ids).await?;
    let member = |delivery: Delivery| {
        let notification = notifications.iter().find(|notification| notification.id == delivery.notification)?;
        Some((notification.clone(), delivery))
    };
    Ok(deliveries.into_iter().filter_map(member).collect())
}

/// Adds a delivery to the queued digest for the same recipient and address, or to a new one.
async fn join_digest(tx: &mut Tx, notification: &Notification, delivery: Delivery, at: Timestamp) -> Result<()> {
    let (recipient, channel) = (notification.recipient, delivery.channel);
    let digest = match store::queued_digest(tx.conn(), recipient, channel, &delivery.address).await? {
        Some(digest) => digest,
        None => create_digest(tx, notification, &delivery, at).await?,
    };
    store::save_delivery(tx.conn(), Delivery { digest: Some(digest), ..delivery }).await
}

async fn create_digest(
    tx: &mut Tx,
    first: &Notification,
    first_delivery: &Delivery,
    at: Timestamp,
) -> Result<NotificationId> {
    let id = NotificationId(tx.new_uuid());
    let digest = Notification {
        id,
        cause: Cause::Digest,
        cause_key: format!("digest:{}", first_delivery.id),
        ticket: None,
        recipient: first.recipient,
        via: Via::All(vec![first_delivery.channel]),
        params: Params::default(),
        decided_at: tx.now,
        opened_at: None,
        deliveries: Vec::new(),
    };
    store::insert(tx.conn(), &digest).await?;
    let decided =
        NotificationEvent::Decided { notification: id, recipient: first.recipient, ticket: None, cause: Cause::Digest };
    tx.record(decided).await?;
    let delivery = Delivery {
        id: DeliveryId(tx.new_uuid()),
        notification: id,
        position: 0,
        state: DeliveryState::Queued,
        attempts: 0,
        queued_at: tx.now,
        failure: None,
        ..first_delivery.clone()
    };
    let subject = delivery.id.to_string();
    store::insert_deliveries(tx.conn(), vec![delivery]).await?;
    jobs::schedule(tx, &[Schedule::new(SEND_JOB, &subject, at).in_queue(first_delivery.channel.queue())]).await?;
    Ok(id)
}

/// Renders the message from the current tickets.
async fn outbound_message(
    tx: &mut Tx,
    notification: &Notification,
    delivery: &Delivery,
    locale: Locale,
) -> Result<OutboundMessage> {
    let ticket = ticket_of(tx, notification).await?;
    let RenderedText { title, body } = render(tx, notification, ticket.as_ref(), delivery.repeated).await?;
    let (mut title, mut body) = (title.text(locale), body.text(locale));
    if notification.cause == Cause::Digest {
        let mut lines = Vec::new();
        let all = members(tx, notification.id).await?;
        for (member, _) in all.iter().take(DIGEST_MAX) {
            let ticket = ticket_of(tx, member).await?;
            let text = render(tx, member, ticket.as_ref(), false).await?;
            lines.push(text.title.text(locale));
        }
        let params = Params { count: i64::try_from(all.len()).ok(), ..Params::default() };
        title = templates::render(Cause::Digest, &params, Subject::default()).title.text(locale);
        body = lines.join("\n");
    }
    let path = page_path(tx, notification, ticket.as_ref()).await?;
    let url = tx.app().state::<Settings>().public_url().map(|base| {
        let base = base.trim_end_matches('/');
        // The page records from which channel it was opened.
        let from =
            if path.starts_with("/tickets/") { format!("?via={}", delivery.channel.as_str()) } else { String::new() };
        format!("{base}{path}{from}")
    });
    let thread = match &ticket {
        Some(ticket) if delivery.channel == Channel::Email => Some(mail_thread(tx, notification, ticket).await?),
        _ => None,
    };
    Ok(OutboundMessage {
        id: delivery.id,
        address: delivery.address.clone(),
        locale,
        title,
        body: excerpt(&body, BODY_CHARS_MAX),
        url,
        cause: notification.cause.as_str(),
        is_critical: notification.cause.is_critical(),
        number: ticket.map(|ticket| ticket.number),
        thread,
    })
}

/// The page to which a message links.
async fn page_path(tx: &mut Tx, notification: &Notification, ticket: Option<&Ticket>) -> Result<String> {
    let recipient = notification.recipient;
    Ok(match (ticket, notification.params.card) {
        (Some(ticket), _) if notification.cause == Cause::Survey => {
            format!("/rate/{}", link::survey(tx.app().state::<Vault>(), ticket.id, recipient))
        }
        (Some(ticket), _) if is_contact(tx, recipient).await? => {
            format!("/t/{}", tickets::commands::issue_link(tx, ticket.id, recipient).await?)
        }
        (Some(ticket), _) if notification.params.word.as_deref() == Some(ChannelAnswer::Resolve.as_str()) => {
            format!("/tickets/{}#resolve", ticket.number)
        }
        (Some(ticket), _) => format!("/tickets/{}", ticket.number),
        (None, Some(card)) => format!("/knowledge/{card}"),
        (None, None) if notification.params.month.is_some() => "/reports/health".to_owned(),
        (None, None) if notification.cause == Cause::Knowledge => "/knowledge".to_owned(),
        (None, None) => String::new(),
    })
}

/// Somebody who cannot sign in.
async fn is_contact(tx: &Tx, user: UserId) -> Result<bool> {
    let found = people::queries::cached_users(tx.app(), vec![user]).await?.remove(&user);
    Ok(found.is_some_and(|user| user.is_contact))
}

/// The thread of mails about a ticket: one a ticket, below the mail with which its recipient began it.
async fn mail_thread(tx: &Tx, notification: &Notification, ticket: &Ticket) -> Result<MailThread> {
    let theirs = store::messages::last(tx.conn(), ticket.id, notification.recipient, Channel::Email).await?;
    Ok(MailThread {
        root: ticket.id.to_string(),
        replies_to: theirs.map(|message| message.id),
        // Staff look for what happened, a requester for their request.
        subject: (ticket.request.requester == Some(notification.recipient))
            .then(|| format!("Re: {} [#{} {}]", ticket.request.title, ticket.number, ticket.token)),
    })
}

async fn ticket_of(tx: &Tx, notification: &Notification) -> Result<Option<Ticket>> {
    match notification.ticket {
        Some(id) => Ok(tickets::queries::by_ids(tx.conn(), &[id]).await?.remove(&id)),
        None => Ok(None),
    }
}

async fn render(tx: &Tx, notification: &Notification, ticket: Option<&Ticket>, repeated: bool) -> Result<RenderedText> {
    let assignee = ticket.and_then(|ticket| ticket.assignment.assignee);
    let about = notification.params.about;
    let users = people::queries::cached_users(tx.app(), about.into_iter().chain(assignee).collect()).await?;
    let name_of = |id: Option<UserId>| id.and_then(|id| users.get(&id)).map(|user| user.name.as_str());
    let words = words_of(tx, notification, ticket).await?;
    let (about, assignee) = (name_of(about), name_of(assignee));
    let subject = Subject { ticket, about, words: words.as_deref(), assignee, repeated };
    Ok(templates::render(notification.cause, &notification.params, subject))
}

/// The words that a message is about.
async fn words_of(tx: &Tx, notification: &Notification, ticket: Option<&Ticket>) -> Result<Option<String>> {
    if let Some(comment) = notification.params.comment {
        return Ok(tickets::queries::comment_texts(tx.conn(), &[comment]).await?.remove(&comment));
    }
    let Some(ticket) = ticket else { return Ok(None) };
    Ok(match notification.cause {
        Cause::Waiting => ticket.waiting_reason.clone(),
        Cause::Cancelled => ticket.closing.cancel_reason.clone(),
        Cause::Resolved => {
            let found = tickets::queries::attributions(tx.conn(), &[ticket.id]).await?.remove(&ticket.id);
            found.map(|attribution| attribution.details.resolution)
        }
        _ => None,
    })
}

/// Fails over if the web message was not acknowledged in time.
#[boxed]
pub async fn on_unacknowledged(tx: &mut Tx, job: &Job) -> Result<Next> {
    let Some((notification, delivery)) = delivery_of(tx, job).await? else { return Ok(Next::Done) };
    let acknowledged = notification.opened_at.is_some() || delivery.delivered_at.is_some();
    if !acknowledged && delivery.channel == Channel::Web {
        failover(tx, &notification).await?;
    }
    Ok(Next::Done)
}
