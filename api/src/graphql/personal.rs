//! Live feeds of one person: what they are told, and what waits for them. Nobody else reads the same.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_graphql::Context;
use domain::escalation;
use domain::kernel::{Error, NotificationId, Result, Timestamp, UserId, seconds};
use domain::notifications;
use domain::notifications::model::{NotePageOpen, Notification};
use domain::runtime::Ctx;
use futures::{Stream, stream};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::Caller;
use super::duty::signed_in;
use super::error::OrTopLevel as _;
use super::escalation::TodoNode;
use super::live::{Live, Personal};
use super::notifications::NotificationNode;

/// A page that is open says so this often.
const OPEN_EVERY: Duration = seconds(60);
/// Ids that are kept, so that nothing comes twice where something is read again.
const SEEN_MAX: usize = 1_000;

/// What comes next to one person; a listener that has fallen behind reads again.
async fn hear(listening: &mut Receiver<Personal>) -> Option<Personal> {
    match listening.recv().await {
        Ok(what) => Some(what),
        Err(RecvError::Lagged(_)) => Some(Personal::Again),
        Err(RecvError::Closed) => None,
    }
}

struct Told {
    cx: Ctx,
    user: UserId,
    listening: Receiver<Personal>,
    found: VecDeque<Notification>,
    seen: HashSet<NotificationId>,
    last: Option<NotificationId>,
    /// When the page says again that it is open.
    note_at: Timestamp,
}

pub async fn notifications(
    ctx: &Context<'_>,
    after: Option<String>,
) -> async_graphql::Result<impl Stream<Item = NotificationNode> + use<>> {
    let user = signed_in(ctx).or_top_level(ctx)?;
    let cx = ctx.data_unchecked::<Caller>().cx.clone();
    // Listens before it reads: nothing falls between.
    let listening = ctx.data_unchecked::<Arc<Live>>().listen_for(user);
    let note_at = cx.now() + OPEN_EVERY;
    let last = notifications::queries::newest(cx.read(), user).await.or_top_level(ctx)?;
    let mut told = Told { cx, user, listening, found: VecDeque::new(), seen: HashSet::new(), last, note_at };
    if let Some(after) = after {
        let after = after
            .parse()
            .map_err(|_| Error::bad_input("after is the id of a notification.", "after 应为通知的 ID。"))
            .or_top_level(ctx)?;
        told.read_behind(after).await.or_top_level(ctx)?;
    }
    told.cx.execute(&NotePageOpen, None).await.or_top_level(ctx)?;
    Ok(stream::unfold(told, |mut told| async move { Some((told.next().await?, told)) }))
}

impl Told {
    async fn read_behind(&mut self, after: NotificationId) -> Result<()> {
        for notification in notifications::queries::missed(&self.cx.app, self.user, after).await? {
            self.find(notification);
        }
        Ok(())
    }

    fn find(&mut self, notification: Notification) {
        if self.seen.len() >= SEEN_MAX {
            self.seen.clear();
        }
        if self.seen.insert(notification.id) {
            self.last = Some(notification.id);
            self.found.push_back(notification);
        }
    }

    async fn next(&mut self) -> Option<NotificationNode> {
        loop {
            if let Some(notification) = self.found.pop_front() {
                return Some(NotificationNode(notification));
            }
            let clock = self.cx.app.clock.clone();
            let heard = tokio::select! {
                heard = hear(&mut self.listening) => heard?,
                () = clock.sleep_until(self.note_at) => {
                    self.note_at = clock.now() + OPEN_EVERY;
                    self.cx.execute(&NotePageOpen, None).await.ok()?;
                    continue;
                }
            };
            let read = match heard {
                Personal::Told(id) => notifications::queries::by_ids(self.cx.read(), &[id]).await.map(|found| {
                    found.into_iter().for_each(|notification| self.find(notification));
                }),
                Personal::Again => match self.last {
                    Some(last) => self.read_behind(last).await,
                    None => Ok(()),
                },
                Personal::Todo => Ok(()),
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
    let app = ctx.data_unchecked::<Caller>().cx.app.clone();
    let listening = ctx.data_unchecked::<Arc<Live>>().listen_for(user);
    let first = escalation::queries::todo(&app, user).await.or_top_level(ctx)?;
    let shown = |todo: &escalation::queries::Todo| {
        let tickets: Vec<_> = todo.tickets.iter().map(|(since, ticket)| (*since, ticket.id, ticket.version)).collect();
        (todo.unread, tickets)
    };
    let state = (Some(first), listening, None, app);
    Ok(stream::unfold(state, move |(mut coming, mut listening, mut last, app)| async move {
        loop {
            if let Some(todo) = coming.take() {
                let now = shown(&todo);
                if last.as_ref() != Some(&now) {
                    last = Some(now);
                    return Some((TodoNode(todo), (None, listening, last, app)));
                }
            }
            if matches!(hear(&mut listening).await?, Personal::Told(_)) {
                continue;
            }
            match escalation::queries::todo(&app, user).await {
                Ok(todo) => coming = Some(todo),
                Err(error) => {
                    tracing::error!(%error, "a person's to-do list cannot be read");
                    return None;
                }
            }
        }
    }))
}
