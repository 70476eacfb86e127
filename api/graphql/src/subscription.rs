//! The subscriptions. A feed first replays the events after the client's cursor, then delivers new ones; rights are
//! checked at every event. `live.rs` describes the way from the event log to the socket.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::{Context, ID, SimpleObject, Subscription as GraphQlSubscription};
use domain::import::model::ImportFinished;
use domain::kernel::{Error, Person, Result, TicketId, Timestamp, UserId};
use domain::people;
use domain::people::model::PeopleEvent;
use domain::runtime::feed::BATCH;
use domain::runtime::log::History;
use domain::runtime::{App, Audience, Ctx, Cursor, Row, log};
use domain::tickets::decide::board::Board;
use domain::tickets::model::{Access, BoardDelta, Filter, TicketEvent, View};
use domain::tickets::queries::{TicketKey, check_filter, live_ticket, view};
use futures::{Stream, stream};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::error::OrTopLevel as _;
use super::escalation::TodoNode;
use super::guard::{Caller, cx};
use super::hub;
use super::inputs::{TicketFilter, argument};
use super::live::{BoardUpdate, ExecutionKey, Live, LiveMessage, LiveSubscription, SharedPayload};
use super::notification_stream;
use super::notifications::NotificationNode;
use super::scalars::{BoardEventKind, DateTime};
use super::shared_execution::SharedExecution;
use super::ticket::TicketNode;

/// Events that a feed replays; a client that missed more gets RESYNC and loads its lists again.
pub const REPLAY_MAX: u64 = 1_000;

/// A change of a ticket on a live board.
#[derive(SimpleObject)]
pub struct BoardEvent {
    /// Position in the event log; reconnect with `after` set to it to continue without loss or repetition.
    cursor: String,
    /// When the event happened.
    at: DateTime,
    /// What happened.
    kind: BoardEventKind,
    /// The ticket at the time of delivery; null on RESYNC and LEFT.
    ticket: Option<TicketNode>,
    /// The ticket's id; null on RESYNC.
    ticket_id: Option<ID>,
}

pub struct Subscription;

/// All subscriptions.
#[GraphQlSubscription]
impl Subscription {
    /// Changes of the tickets that match a filter, within the viewer's scope.
    async fn board_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which tickets; if not given, all visible to the viewer.")] filter: Option<TicketFilter>,
        #[graphql(desc = "Resume after this cursor: missed events are delivered first.")] after: Option<String>,
    ) -> async_graphql::Result<impl Stream<Item = BoardEvent> + use<>> {
        let filter = filter.unwrap_or_default().into_domain().or_top_level(ctx)?;
        check_filter(&filter).or_top_level(ctx)?;
        feed(ctx, filter, None, after).await
    }

    /// Changes of one ticket.
    async fn ticket_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The ticket.")] ticket_id: ID,
        #[graphql(desc = "Resume after this cursor: missed events are delivered first.")] after: Option<String>,
    ) -> async_graphql::Result<impl Stream<Item = BoardEvent> + use<>> {
        let id: TicketId = argument(ctx, "ticketId", &ticket_id)?;
        let cx = cx(ctx);
        let seen = view(cx, TicketKey::Id(id)).await.or_top_level(ctx)?;
        if seen.access != Access::Full {
            return Err(Error::not_found()).or_top_level(ctx);
        }
        feed(ctx, Filter::default(), Some(id), after).await
    }

    /// The viewer's notifications as they are created. While it is open, the channel WEB reaches the viewer;
    /// acknowledge what arrives.
    async fn my_notifications(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the last notification received; missed ones are delivered first.")] after: Option<
            String,
        >,
    ) -> async_graphql::Result<impl Stream<Item = NotificationNode> + use<>> {
        notification_stream::notifications(ctx, after).await
    }

    /// Corrections for the calling system, as they become due; acknowledge each with a report that carries its
    /// `causeId`. For systems, with their API key.
    async fn corrections(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Resume after this cursor: missed events are delivered first.")] after: Option<String>,
    ) -> async_graphql::Result<impl Stream<Item = hub::Correction> + use<>> {
        Box::pin(hub::corrections(ctx, after)).await
    }

    /// The viewer's to-do list: at once, and whenever it changes.
    async fn my_todo(&self, ctx: &Context<'_>) -> async_graphql::Result<impl Stream<Item = TodoNode> + use<>> {
        notification_stream::todo(ctx).await
    }
}

/// The stream of a subscription to a board or to one ticket. The [`Feed`] behind it goes to the socket, which takes
/// each item from it and has the item executed ([`Feed::emit`]).
async fn feed(
    ctx: &Context<'_>,
    filter: Filter,
    ticket: Option<TicketId>,
    after: Option<String>,
) -> async_graphql::Result<impl Stream<Item = BoardEvent> + use<>> {
    let Caller { cx, language, rights_changed, .. } = ctx.data_unchecked::<Caller>().clone();
    let user = cx.actor.user_id().ok_or_else(Error::unauthenticated).or_top_level(ctx)?;
    let Some(handle) = ctx.data_opt::<FeedHandle>() else {
        return Err(Error::internal("a subscription without a FeedHandle")).or_top_level(ctx);
    };
    let board = Arc::new(Board::of(&cx.actor, filter));
    let execution_key = handle.shared_execution.key(board.is_of_requester(), language);
    let (position, too_far_behind) = start_position(&cx.app, after.as_deref()).await.or_top_level(ctx)?;
    let (events, receiver) = mpsc::channel(1);
    let live = ctx.data_unchecked::<Arc<Live>>().clone();
    let mut feed = Feed {
        cx,
        user,
        rights_changed,
        board,
        ticket,
        execution_key,
        live,
        position,
        subscription: None,
        pending: VecDeque::new(),
        ended: false,
        events,
    };
    // The rights may have changed since the request was authenticated.
    feed.ended = have_rights_changed(&feed.cx, user).await.or_top_level(ctx)?;
    if too_far_behind || feed.ended {
        let resync = feed.resync(position);
        feed.pending.push_back(resync);
    }
    handle.send(feed);
    Ok(stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) }))
}

/// The position from which a feed starts, and whether the client missed too much and must load its lists again.
async fn start_position(app: &Arc<App>, after: Option<&str>) -> Result<(Cursor, bool)> {
    let Some(text) = after else {
        return Ok((log::head(app.db.read(), app.db.engine).await?, false));
    };
    match Cursor::decode(text, &app.log_epoch)? {
        Some(cursor) if !is_too_far_behind(app, cursor).await? => Ok((cursor, false)),
        // The cursor is from before a restore, or too far behind.
        _ => Ok((log::head(app.db.read(), app.db.engine).await?, true)),
    }
}

async fn is_too_far_behind(app: &Arc<App>, position: Cursor) -> Result<bool> {
    let missed = log::count_after(app.db.read(), app.db.engine, position, History::Skipped, REPLAY_MAX + 1).await?;
    Ok(missed > REPLAY_MAX)
}

/// Passes the feed of a subscription from its resolver to the socket that sends its items.
pub struct FeedHandle {
    pub shared_execution: Arc<SharedExecution>,
    sender: Mutex<Option<oneshot::Sender<Feed>>>,
}

impl FeedHandle {
    pub fn new(shared_execution: Arc<SharedExecution>) -> (Self, oneshot::Receiver<Feed>) {
        let (sender, receiver) = oneshot::channel();
        (Self { shared_execution, sender: Mutex::new(Some(sender)) }, receiver)
    }

    fn send(&self, feed: Feed) {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(sender) = sender {
            // The socket may be closed by now.
            let _ = sender.send(feed);
        }
    }
}

/// A subscription to a board or a ticket, and its position in the event log.
pub struct Feed {
    cx: Ctx,
    user: UserId,
    /// Cancelled when the rights with which the feed was opened are no longer valid.
    rights_changed: CancellationToken,
    board: Arc<Board>,
    ticket: Option<TicketId>,
    execution_key: Option<ExecutionKey>,
    live: Arc<Live>,
    position: Cursor,
    subscription: Option<LiveSubscription>,
    /// The next items, in order.
    pending: VecDeque<FeedItem>,
    ended: bool,
    events: mpsc::Sender<BoardEvent>,
}

impl Feed {
    /// The next item; `None`: the feed has ended.
    pub async fn next(&mut self) -> Result<Option<FeedItem>> {
        loop {
            if let Some(item) = self.pending.pop_front() {
                return Ok(Some(item));
            }
            if self.ended {
                self.rights_changed.cancel();
                return Ok(None);
            }
            let subscription = self
                .subscription
                .get_or_insert_with(|| self.live.subscribe(self.board.clone(), self.ticket, self.execution_key));
            if self.position < subscription.since {
                let since = subscription.since;
                self.catch_up(since).await?;
                continue;
            }
            match subscription.receive().await {
                Some(message) => self.receive(message).await?,
                None => {
                    let Some(removed_at) = subscription.removed_at() else { return Ok(None) };
                    self.subscription = None;
                    self.resume(removed_at).await?;
                }
            }
        }
    }

    /// Hands an item to the subscription's stream, which executes it.
    pub async fn emit(&self, item: &FeedItem) {
        let _ = self.events.send(item.event(&self.cx.app)).await;
    }

    /// Reads one batch of the log, between the feed's position and the start of its subscription.
    async fn catch_up(&mut self, since: Cursor) -> Result<()> {
        let app = self.cx.app.clone();
        let rows = log::read(&app, self.position, BATCH).await?;
        if rows.is_empty() {
            self.position = since;
        }
        for row in rows {
            self.position = row.cursor;
            match row.event.get::<TicketEvent>() {
                Some(event) if self.ticket.is_none_or(|ticket| ticket == event.ticket) => {
                    self.replay(&row, event).await?
                }
                _ => self.handle_broadcast(&row).await?,
            }
            if self.ended {
                break;
            }
        }
        Ok(())
    }

    /// Queues an event that was read from the log, if it changes the board.
    async fn replay(&mut self, row: &Row, event: &TicketEvent) -> Result<()> {
        if row.audience != Audience::History
            && let Some(current) = live_ticket(&self.cx.app, event.ticket, row.cursor).await?
            && let Some(kind) = self.board.delta(event, row.audience, &current)
        {
            let update = Arc::new(BoardUpdate::of(row, event.ticket, current));
            self.pending.push_back(FeedItem::Update { update, kind, payload: None });
        }
        Ok(())
    }

    async fn receive(&mut self, message: LiveMessage) -> Result<()> {
        match message {
            LiveMessage::Update { update, kind, payload } if update.cursor > self.position => {
                self.position = update.cursor;
                self.pending.push_back(FeedItem::Update { update, kind, payload });
            }
            LiveMessage::Broadcast(row) if row.cursor > self.position => {
                self.position = row.cursor;
                self.handle_broadcast(&row).await?;
            }
            // It was already read from the log.
            LiveMessage::Update { .. } | LiveMessage::Broadcast(_) => {}
        }
        Ok(())
    }

    /// Handles an event that concerns all subscribers.
    async fn handle_broadcast(&mut self, row: &Row) -> Result<()> {
        if row.event.get::<ImportFinished>().is_some() {
            self.pending.push_back(self.resync(row.cursor));
        }
        // The user's rights may have changed: the client loads its lists again, and the socket is closed.
        if let Some(
            PeopleEvent::UserCreated { .. } | PeopleEvent::UserChanged { .. } | PeopleEvent::UserRedacted { .. },
        ) = row.event.get()
            && have_rights_changed(&self.cx, self.user).await?
        {
            self.ended = true;
            self.pending.push_back(self.resync(row.cursor));
        }
        Ok(())
    }

    /// Continues after the dispatcher removed the subscriber; with RESYNC if too much was missed.
    async fn resume(&mut self, removed_at: Cursor) -> Result<()> {
        self.position = self.position.max(removed_at);
        if is_too_far_behind(&self.cx.app, self.position).await? {
            self.position = log::head(self.cx.app.db.read(), self.cx.app.db.engine).await?;
            self.pending.push_back(self.resync(self.position));
            // A change of rights may be among the skipped events.
            self.ended = have_rights_changed(&self.cx, self.user).await?;
        }
        Ok(())
    }

    fn resync(&self, cursor: Cursor) -> FeedItem {
        FeedItem::Resync { cursor, at: self.cx.now() }
    }
}

/// Whether a user's rights differ from those with which the request was authenticated.
async fn have_rights_changed(cx: &Ctx, user: UserId) -> Result<bool> {
    let now = people::queries::person(&cx.app, user).await?;
    let Some(authenticated) = cx.actor.person() else { return Ok(now.is_some()) };
    let now = now.map(|now| Person { session: authenticated.session, api_key: authenticated.api_key.clone(), ..now });
    Ok(now.as_ref() != Some(authenticated))
}

/// One item of a feed, before it becomes a [`BoardEvent`].
pub enum FeedItem {
    Update {
        update: Arc<BoardUpdate>,
        kind: BoardDelta,
        /// Set if other subscribers get the same payload.
        payload: Option<Arc<SharedPayload>>,
    },
    Resync {
        cursor: Cursor,
        at: Timestamp,
    },
}

impl FeedItem {
    /// The payload shared with other subscribers; `None`: the item is executed for this subscriber alone.
    pub fn shared_payload(&self) -> Option<Arc<SharedPayload>> {
        match self {
            Self::Update { payload, .. } => payload.clone(),
            Self::Resync { .. } => None,
        }
    }

    fn event(&self, app: &App) -> BoardEvent {
        match self {
            Self::Update { update, kind, payload: _ } => {
                let kind = BoardEventKind::from(*kind);
                let view = View { ticket: update.current.ticket.clone(), access: Access::Full };
                BoardEvent {
                    cursor: update.cursor.encode(&app.log_epoch),
                    at: update.at.into(),
                    kind,
                    ticket: (kind != BoardEventKind::Left).then_some(TicketNode(view)),
                    ticket_id: Some(update.ticket.to_string().into()),
                }
            }
            Self::Resync { cursor, at } => BoardEvent {
                cursor: cursor.encode(&app.log_epoch),
                at: (*at).into(),
                kind: BoardEventKind::Resync,
                ticket: None,
                ticket_id: None,
            },
        }
    }
}
