//! The subscriptions of one person: new notifications, and the to-do list. Their payloads are shared with nobody.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_graphql::Context;
use domain::escalation;
use domain::kernel::{Error, NotificationId, Result, Timestamp, UserId, seconds};
use domain::notifications;
use domain::notifications::model::{Notification, ReportPageOpen};
use domain::runtime::Ctx;
use futures::stream::{Stream, unfold};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::error::OrTopLevel as _;
use super::escalation::TodoNode;
use super::guard::{cx, signed_in};
use super::live::{Live, UserUpdate};
use super::notifications::NotificationNode;
use domain::msg;

/// How often an open page is recorded as open, so that the channel WEB reaches the person.
const PRESENCE_INTERVAL: Duration = seconds(60);
/// Ids of sent notifications that are remembered, so that reading again sends none twice.
const SENT_MAX: usize = 1_000;

/// The next update for one person; a receiver that lags resynchronises.
async fn receive(updates: &mut Receiver<UserUpdate>) -> Option<UserUpdate> {
    match updates.recv().await {
        Ok(update) => Some(update),
        Err(RecvError::Lagged(_)) => Some(UserUpdate::Resync),
        Err(RecvError::Closed) => None,
    }
}

struct NotificationStream {
    cx: Ctx,
    user: UserId,
    updates: Receiver<UserUpdate>,
    pending: VecDeque<Notification>,
    sent: HashSet<NotificationId>,
    last: Option<NotificationId>,
    /// When the page is next recorded as open.
    presence_due_at: Timestamp,
}

pub async fn notifications(
    ctx: &Context<'_>,
    after: Option<String>,
) -> async_graphql::Result<impl Stream<Item = NotificationNode> + use<>> {
    let user = signed_in(ctx).or_top_level(ctx)?;
    let cx = cx(ctx).clone();
    // Subscribes before it reads, so that no notification is missed in between.
    let updates = ctx.data_unchecked::<Arc<Live>>().subscribe_user(user);
    let presence_due_at = cx.now() + PRESENCE_INTERVAL;
    let last = notifications::queries::newest(cx.read(), user).await.or_top_level(ctx)?;
    let mut stream =
        NotificationStream { cx, user, updates, pending: VecDeque::new(), sent: HashSet::new(), last, presence_due_at };
    if let Some(after) = after {
        let after =
            after.parse().map_err(|_| Error::bad_input(msg!("notification-after-malformed"))).or_top_level(ctx)?;
        stream.read_after(after).await.or_top_level(ctx)?;
    }
    stream.cx.execute(&ReportPageOpen, None).await.or_top_level(ctx)?;
    Ok(unfold(stream, |mut stream| async move { Some((stream.next().await?, stream)) }))
}

impl NotificationStream {
    async fn read_after(&mut self, after: NotificationId) -> Result<()> {
        for notification in notifications::queries::missed(&self.cx.app, self.user, after).await? {
            self.push(notification);
        }
        Ok(())
    }

    fn push(&mut self, notification: Notification) {
        if self.sent.len() >= SENT_MAX {
            self.sent.clear();
        }
        if self.sent.insert(notification.id) {
            self.last = Some(notification.id);
            self.pending.push_back(notification);
        }
    }

    async fn next(&mut self) -> Option<NotificationNode> {
        loop {
            if let Some(notification) = self.pending.pop_front() {
                return Some(NotificationNode(notification));
            }
            let clock = self.cx.app.clock.clone();
            let update = tokio::select! {
                update = receive(&mut self.updates) => update?,
                () = clock.sleep_until(self.presence_due_at) => {
                    self.presence_due_at = clock.now() + PRESENCE_INTERVAL;
                    self.cx.execute(&ReportPageOpen, None).await.ok()?;
                    continue;
                }
            };
            let read = match update {
                UserUpdate::Notified(id) => notifications::queries::by_ids(self.cx.read(), &[id]).await.map(|found| {
                    found.into_iter().for_each(|notification| self.push(notification));
                }),
                UserUpdate::Resync => match self.last {
                    Some(last) => self.read_after(last).await,
                    None => Ok(()),
                },
                UserUpdate::TodoChanged => Ok(()),
            };
            if let Err(error) = read {
                tracing::error!(%error, "a person's notifications cannot be read");
                return None;
            }
        }
    }
}

pub async fn todo(ctx: &Context<'_>) -> async_graphql::Result<impl Stream<Item = TodoNode> + use<>> {
    let user = signed_in(ctx).or_top_level(ctx)?;
    let app = cx(ctx).app.clone();
    let updates = ctx.data_unchecked::<Arc<Live>>().subscribe_user(user);
    let first = escalation::queries::todo(&app, user).await.or_top_level(ctx)?;
    let content = |todo: &escalation::queries::Todo| {
        let tickets: Vec<_> = todo.tickets.iter().map(|(since, ticket)| (*since, ticket.id, ticket.version)).collect();
        (todo.unread, tickets)
    };
    let state = (Some(first), updates, None, app);
    Ok(unfold(state, move |(mut next, mut updates, mut last, app)| async move {
        loop {
            if let Some(todo) = next.take() {
                let current = content(&todo);
                if last.as_ref() != Some(&current) {
                    last = Some(current);
                    return Some((TodoNode(todo), (None, updates, last, app)));
                }
            }
            if matches!(receive(&mut updates).await?, UserUpdate::Notified(_)) {
                continue;
            }
            match escalation::queries::todo(&app, user).await {
                Ok(todo) => next = Some(todo),
                Err(error) => {
                    tracing::error!(%error, "a person's to-do list cannot be read");
                    return None;
                }
            }
        }
    }))
}
