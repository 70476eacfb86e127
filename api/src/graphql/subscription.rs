//! Live feeds: what was missed, then what comes, each event by the rights of the moment.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::{Context, ID, SimpleObject, Subscription as GraphQlSubscription};
use domain::event::Event;
use domain::kernel::{Error, Person, Result, TicketId, Timestamp, UserId};
use domain::people;
use domain::people::model::PeopleEvent;
use domain::runtime::feed::{BATCH, History};
use domain::runtime::{App, Audience, Ctx, Cursor, Row, log};
use domain::tickets::decide::board::Board;
use domain::tickets::model::{Access, BoardKind, Filter, TicketEvent, View};
use domain::tickets::queries::{Name, check_filter, current, view};
use futures::{Stream, stream};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::Caller;
use super::error::OrTopLevel as _;
use super::escalation::TodoNode;
use super::hub;
use super::inputs::{TicketFilter, argument};
use super::live::{Answer, Delivery, Group, Listener, Live, News};
use super::notifications::NotificationNode;
use super::personal;
use super::scalars::{BoardEventKind, DateTime};
use super::sharing::Sharing;
use super::ticket::TicketNode;

/// Events that a feed makes up for; who has missed more is told to load anew.
pub const MISSED_MAX: u64 = 1_000;

/// What happened on a board.
#[derive(SimpleObject)]
pub struct BoardEvent {
    /// Its place in the log; reconnect with `after` this, and nothing is lost or repeated.
    cursor: String,
    /// When it happened.
    at: DateTime,
    /// What happened.
    kind: BoardEventKind,
    /// The ticket as it is at delivery; null on RESYNC and LEFT.
    ticket: Option<TicketNode>,
    /// The ticket's id; null on RESYNC.
    ticket_id: Option<ID>,
}

pub struct Subscription;

/// What comes without being asked for.
#[GraphQlSubscription]
impl Subscription {
    /// What happens to the tickets of a filter, within the viewer's scope.
    async fn board_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which tickets; all that the viewer sees where none is given.")] filter: Option<TicketFilter>,
        #[graphql(desc = "First what was missed behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<impl Stream<Item = BoardEvent> + use<>> {
        let filter = filter.unwrap_or_default().into_domain().or_top_level(ctx)?;
        check_filter(&filter).or_top_level(ctx)?;
        feed(ctx, filter, None, after).await
    }

    /// What happens to one ticket.
    async fn ticket_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ticket.")] ticket_id: ID,
        #[graphql(desc = "First what was missed behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<impl Stream<Item = BoardEvent> + use<>> {
        let id: TicketId = argument(ctx, "ticketId", &ticket_id)?;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let seen = view(cx, Name::Id(id)).await.or_top_level(ctx)?;
        if seen.access != Access::Full {
            return Err(Error::not_found()).or_top_level(ctx);
        }
        feed(ctx, Filter::default(), Some(id), after).await
    }

    /// What the viewer is told, as it is decided. While it is open, a page of Buoy is a way to them; acknowledge what arrives.
    async fn my_notifications(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the last one that the client has: first what was missed since.")] after: Option<
            String,
        >,
    ) -> async_graphql::Result<impl Stream<Item = NotificationNode> + use<>> {
        personal::notifications(ctx, after).await
    }

    /// What the calling system is told, as it becomes due; report with its `causeId` to acknowledge it. For systems, by their API key.
    async fn corrections(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "First what was missed behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<impl Stream<Item = hub::Correction> + use<>> {
        Box::pin(hub::corrections(ctx, after)).await
    }

    /// What waits for the viewer: now, and whenever it changes.
    async fn my_todo(&self, ctx: &Context<'_>) -> async_graphql::Result<impl Stream<Item = TodoNode> + use<>> {
        personal::todo(ctx).await
    }
}

/// The stream of what a [`Feed`] is asked to show; the feed itself goes to whoever sends.
async fn feed(
    ctx: &Context<'_>,
    filter: Filter,
    only: Option<TicketId>,
    after: Option<String>,
) -> async_graphql::Result<impl Stream<Item = BoardEvent> + use<>> {
    let Caller { cx, language, changed, .. } = ctx.data_unchecked::<Caller>().clone();
    let user = cx.actor.user_id().ok_or_else(Error::unauthenticated).or_top_level(ctx)?;
    let Some(handover) = ctx.data_opt::<Handover>() else {
        return Err(Error::internal("a feed that nobody takes")).or_top_level(ctx);
    };
    let board = Arc::new(Board::of(&cx.actor, filter));
    let group = handover.sharing.group(board.is_of_requester(), language);
    let (position, missed_too_much) = begin(&cx.app, after.as_deref()).await.or_top_level(ctx)?;
    let (shown, showing) = mpsc::channel(1);
    let live = ctx.data_unchecked::<Arc<Live>>().clone();
    let mut feed = Feed {
        cx,
        user,
        changed,
        board,
        only,
        group,
        live,
        position,
        listener: None,
        found: VecDeque::new(),
        over: false,
        shown,
    };
    // Since the request was admitted.
    feed.over = has_changed(&feed.cx, user).await.or_top_level(ctx)?;
    if missed_too_much || feed.over {
        let resync = feed.resync(position);
        feed.found.push_back(resync);
    }
    handover.take(feed);
    Ok(stream::unfold(showing, |mut showing| async move { Some((showing.recv().await?, showing)) }))
}

/// A place behind `after`, and whether so much was missed that lists are to be loaded anew.
async fn begin(app: &Arc<App>, after: Option<&str>) -> Result<(Cursor, bool)> {
    let Some(text) = after else {
        return Ok((log::head(app.db.read(), app.db.engine).await?, false));
    };
    match Cursor::open(text, &app.log_epoch)? {
        Some(cursor) if !missed_too_much(app, cursor).await? => Ok((cursor, false)),
        // From before a restore, or too far behind.
        _ => Ok((log::head(app.db.read(), app.db.engine).await?, true)),
    }
}

async fn missed_too_much(app: &Arc<App>, behind: Cursor) -> Result<bool> {
    let missed = log::count_behind(app.db.read(), app.db.engine, behind, History::Skipped, MISSED_MAX + 1).await?;
    Ok(missed > MISSED_MAX)
}

/// Carries the feed of a subscription from its resolver to whoever sends its messages.
pub struct Handover {
    pub sharing: Arc<Sharing>,
    to: Mutex<Option<oneshot::Sender<Feed>>>,
}

impl Handover {
    pub fn new(sharing: Arc<Sharing>) -> (Self, oneshot::Receiver<Feed>) {
        let (to, taken) = oneshot::channel();
        (Self { sharing, to: Mutex::new(Some(to)) }, taken)
    }

    fn take(&self, feed: Feed) {
        let to = self.to.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(to) = to {
            // Whoever asked may be gone by now.
            let _ = to.send(feed);
        }
    }
}

/// A subscriber, and how far it has heard.
pub struct Feed {
    cx: Ctx,
    user: UserId,
    /// To be cancelled where the rights that the feed was opened with hold no more.
    changed: CancellationToken,
    board: Arc<Board>,
    only: Option<TicketId>,
    group: Option<Group>,
    live: Arc<Live>,
    position: Cursor,
    listener: Option<Listener>,
    /// Told next, in this order.
    found: VecDeque<Told>,
    over: bool,
    shown: mpsc::Sender<BoardEvent>,
}

impl Feed {
    /// The next thing that is told; `None`: the feed ends.
    pub async fn next(&mut self) -> Result<Option<Told>> {
        loop {
            if let Some(told) = self.found.pop_front() {
                return Ok(Some(told));
            }
            if self.over {
                self.changed.cancel();
                return Ok(None);
            }
            let listener =
                self.listener.get_or_insert_with(|| self.live.listen(self.board.clone(), self.only, self.group));
            if self.position < listener.since {
                let since = listener.since;
                self.catch_up(since).await?;
                continue;
            }
            match listener.next().await {
                Some(delivery) => self.hear(delivery).await?,
                None => {
                    let Some(lost_at) = listener.lost_at() else { return Ok(None) };
                    self.listener = None;
                    self.go_on(lost_at).await?;
                }
            }
        }
    }

    /// Has it executed: it comes out of the subscription's stream.
    pub async fn show(&self, told: &Told) {
        let _ = self.shown.send(told.event(&self.cx.app)).await;
    }

    /// Some of what lies between its place and the one where the listener begins.
    async fn catch_up(&mut self, since: Cursor) -> Result<()> {
        let app = self.cx.app.clone();
        let rows = log::read(app.db.read(), app.db.engine, self.position, BATCH).await?;
        if rows.is_empty() {
            self.position = since;
        }
        for row in rows {
            self.position = row.cursor;
            match &*row.event {
                Event::Ticket(event) if self.only.is_none_or(|only| only == event.ticket) => {
                    self.find(&row, event).await?;
                }
                _ => self.note(&row).await?,
            }
            if self.over {
                break;
            }
        }
        Ok(())
    }

    /// What is told of an event that is read from the log.
    async fn find(&mut self, row: &Row, event: &TicketEvent) -> Result<()> {
        if row.audience != Audience::History
            && let Some(current) = current(&self.cx.app, event.ticket, row.cursor).await?
            && let Some(kind) = self.board.told(event, row.audience, &current)
        {
            let news = Arc::new(News::of(row, event.ticket, current));
            self.found.push_back(Told::News { news, kind, answer: None });
        }
        Ok(())
    }

    async fn hear(&mut self, delivery: Delivery) -> Result<()> {
        match delivery {
            Delivery::News { news, kind, answer } if news.cursor > self.position => {
                self.position = news.cursor;
                self.found.push_back(Told::News { news, kind, answer });
            }
            Delivery::Row(row) if row.cursor > self.position => {
                self.position = row.cursor;
                self.note(&row).await?;
            }
            // It was read from the log already.
            Delivery::News { .. } | Delivery::Row(_) => {}
        }
        Ok(())
    }

    /// What concerns everyone.
    async fn note(&mut self, row: &Row) -> Result<()> {
        match &*row.event {
            Event::ImportFinished { .. } => self.found.push_back(self.resync(row.cursor)),
            // What somebody may see may have changed: lists anew, and all that hangs on the rights with them.
            Event::People(
                PeopleEvent::UserCreated { .. } | PeopleEvent::UserChanged { .. } | PeopleEvent::UserRedacted { .. },
            ) if has_changed(&self.cx, self.user).await? => {
                self.over = true;
                self.found.push_back(self.resync(row.cursor));
            }
            _ => {}
        }
        Ok(())
    }

    /// After its seat was given up: from there, or anew where too much was missed.
    async fn go_on(&mut self, lost_at: Cursor) -> Result<()> {
        self.position = self.position.max(lost_at);
        if missed_too_much(&self.cx.app, self.position).await? {
            self.position = log::head(self.cx.app.db.read(), self.cx.app.db.engine).await?;
            self.found.push_back(self.resync(self.position));
            // What was missed may have been that.
            self.over = has_changed(&self.cx, self.user).await?;
        }
        Ok(())
    }

    fn resync(&self, at: Cursor) -> Told {
        Told::Resync { cursor: at, at: self.cx.now() }
    }
}

/// Whether somebody's rights are others than those that they came with.
async fn has_changed(cx: &Ctx, user: UserId) -> Result<bool> {
    let now = people::queries::person(&cx.app, user).await?;
    let Some(came) = cx.actor.person() else { return Ok(now.is_some()) };
    let now = now.map(|now| Person { session: came.session, api_key: came.api_key.clone(), ..now });
    Ok(now.as_ref() != Some(came))
}

/// A message of a feed, on its way to becoming a [`BoardEvent`].
pub enum Told {
    News {
        news: Arc<News>,
        kind: BoardKind,
        /// Where others read the same.
        answer: Option<Arc<Answer>>,
    },
    Resync {
        cursor: Cursor,
        at: Timestamp,
    },
}

impl Told {
    /// The answer that all who share it get; `None`: it is executed for this subscriber.
    pub fn answer(&self) -> Option<Arc<Answer>> {
        match self {
            Self::News { answer, .. } => answer.clone(),
            Self::Resync { .. } => None,
        }
    }

    fn event(&self, app: &App) -> BoardEvent {
        match self {
            Self::News { news, kind, answer: _ } => {
                let kind = BoardEventKind::from(*kind);
                let view = View { ticket: news.current.ticket.clone(), access: Access::Full };
                BoardEvent {
                    cursor: news.cursor.seal(&app.log_epoch),
                    at: news.at.into(),
                    kind,
                    ticket: (kind != BoardEventKind::Left).then_some(TicketNode(view)),
                    ticket_id: Some(news.ticket.to_string().into()),
                }
            }
            Self::Resync { cursor, at } => BoardEvent {
                cursor: cursor.seal(&app.log_epoch),
                at: (*at).into(),
                kind: BoardEventKind::Resync,
                ticket: None,
                ticket_id: None,
            },
        }
    }
}
