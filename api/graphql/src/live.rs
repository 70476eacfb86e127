//! Live updates of boards, tickets and personal lists. The way of an event from the log to a socket:
//!
//! 1. **Feed** (`domain/src/runtime/feed.rs`): reads the event log below the horizon, in the order (xid, seq).
//! 2. **Dispatcher** (this file, [`Live::run`]): finds the subscribers whose rights an event touches, by an index of
//!    grants, and asks each subscriber's `Board` what the event means for it.
//! 3. **Queue** (this file, [`LiveSubscription`]): each subscriber has a bounded queue. A subscriber whose queue is
//!    full is removed and catches up from the log, so that a slow one delays nobody.
//! 4. **Subscription** (`subscription.rs`): the resolver creates a `Feed`, which replays what was missed after the
//!    client's cursor and then reads the queue. A `FeedHandle` passes the `Feed` to the socket.
//! 5. **Socket** (`api/server/src/transport/ws.rs`): takes the next `FeedItem`, has it executed, and sends the payload.
//! 6. **Shared execution** (`shared_execution.rs`): subscribers with equal payloads have the same [`ExecutionKey`]. One
//!    socket executes and serialises the payload, the others send the same text ([`SharedPayload`]).
//!
//! Updates for one person only (`notification_stream.rs`) leave this way after step 2, over a channel of that person.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use domain::import::model::ImportFinished;
use domain::kernel::{NotificationId, Result, TicketId, Timestamp, UserId};
use domain::notifications::model::NotificationEvent;
use domain::people::model::PeopleEvent;
use domain::runtime::feed::{BATCH, Next, keep_following};
use domain::runtime::log::History;
use domain::runtime::{App, Cursor, Row, log};
use domain::tickets::decide::board::{Board, LiveTicket, affected_scopes};
use domain::tickets::decide::rights::Grant;
use domain::tickets::model::{BoardDelta, Fact, TicketEvent};
use domain::tickets::queries::{LiveTexts, changed_tickets, live_tickets};
use tokio::sync::{OnceCell, broadcast, mpsc};
use tokio_util::sync::CancellationToken;

/// Messages that may wait for one subscriber: the dispatcher sends a whole batch of the log at once.
const QUEUE_MAX: usize = 2 * BATCH as usize;

/// Identifies subscribers with equal payloads: a digest of the query and of everything that its result depends on.
pub type ExecutionKey = [u8; 32];

/// A payload that is executed once for all subscribers with the same [`ExecutionKey`]: serialised JSON.
pub type SharedPayload = OnceCell<String>;

/// A change of a ticket, shared by all subscribers that receive it.
pub struct BoardUpdate {
    pub cursor: Cursor,
    pub at: Timestamp,
    pub ticket: TicketId,
    pub current: Arc<LiveTicket>,
}

/// A message from the dispatcher to one subscriber.
pub enum LiveMessage {
    Update {
        update: Arc<BoardUpdate>,
        kind: BoardDelta,
        payload: Option<Arc<SharedPayload>>,
    },
    /// An event that concerns all subscribers.
    Broadcast(Row),
}

/// A key of the index by which the dispatcher finds subscribers.
#[derive(Clone, PartialEq, Eq, Hash)]
enum RoutingKey {
    Everything,
    Grant(Grant),
    Ticket(TicketId),
}

struct Subscriber {
    board: Arc<Board>,
    execution_key: Option<ExecutionKey>,
    routing_keys: Vec<RoutingKey>,
    queue: mpsc::Sender<LiveMessage>,
    /// The position at which the subscriber was removed; it continues from there.
    removed_at: Arc<OnceLock<Cursor>>,
}

#[derive(Default)]
struct SubscriberRegistry {
    /// The dispatcher's position in the log: a new subscriber receives what comes after it.
    position: Cursor,
    next_id: u64,
    subscribers: HashMap<u64, Subscriber>,
    by_key: HashMap<RoutingKey, HashSet<u64>>,
    /// Channels for what concerns one person only.
    users: HashMap<UserId, broadcast::Sender<UserUpdate>>,
}

/// An update that concerns one person only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserUpdate {
    /// A notification was created for the person.
    Notified(NotificationId),
    /// The person's to-do list may have changed.
    TodoChanged,
    /// Updates may have been missed: read the lists again.
    Resync,
}

/// Updates that may wait for one person; a receiver that has more to read lags and reads the lists again.
const USER_QUEUE_MAX: usize = 64;

impl SubscriberRegistry {
    fn notify(&mut self, user: UserId, update: UserUpdate) {
        let Some(channel) = self.users.get(&user) else { return };
        if channel.send(update).is_err() {
            // The last receiver is gone.
            self.users.remove(&user);
        }
    }

    fn notify_all(&mut self, update: UserUpdate) {
        self.users.retain(|_, channel| channel.send(update).is_ok());
    }

    fn remove(&mut self, id: u64) -> Option<Subscriber> {
        let subscriber = self.subscribers.remove(&id)?;
        for key in &subscriber.routing_keys {
            if let Entry::Occupied(mut ids) = self.by_key.entry(key.clone()) {
                ids.get_mut().remove(&id);
                if ids.get().is_empty() {
                    ids.remove();
                }
            }
        }
        Some(subscriber)
    }

    /// Sends a message; removes the subscriber if its queue is full.
    fn send(&mut self, id: u64, message: LiveMessage) {
        let Some(subscriber) = self.subscribers.get(&id) else { return };
        if subscriber.queue.try_send(message).is_err()
            && let Some(subscriber) = self.remove(id)
        {
            let _ = subscriber.removed_at.set(self.position);
        }
    }

    fn remove_all(&mut self) {
        self.remove_each(self.subscribers.keys().copied().collect());
    }

    /// The subscribers whose boards search the texts of tickets.
    fn searching(&self) -> impl Iterator<Item = u64> {
        self.subscribers.iter().filter(|(_, subscriber)| subscriber.board.searches_texts()).map(|(id, _)| *id)
    }

    fn remove_searching(&mut self) {
        self.remove_each(self.searching().collect());
    }

    fn remove_each(&mut self, ids: Vec<u64>) {
        for id in ids {
            if let Some(subscriber) = self.remove(id) {
                let _ = subscriber.removed_at.set(self.position);
            }
        }
    }

    /// The subscribers that an event may concern, each once.
    fn candidates(&self, event: &TicketEvent, current: &LiveTicket) -> HashSet<u64> {
        let grants = affected_scopes(event, current).into_iter().map(RoutingKey::Grant);
        let keys = [RoutingKey::Everything, RoutingKey::Ticket(event.ticket)].into_iter().chain(grants);
        keys.filter_map(|key| self.by_key.get(&key)).flatten().copied().collect()
    }

    /// `tickets`: the current state of every ticket that the batch of events names.
    fn dispatch(&mut self, row: &Row, tickets: &HashMap<TicketId, Arc<LiveTicket>>) {
        if let Some(event) = row.event.get::<TicketEvent>() {
            let before = event.before.as_ref().and_then(|before| before.assignee);
            let opened = matches!(event.fact, Fact::Opened).then(|| row.actor.map(UserId)).flatten();
            let users: HashSet<UserId> = [before, event.after.assignee, opened].into_iter().flatten().collect();
            users.into_iter().for_each(|user| self.notify(user, UserUpdate::TodoChanged));
            if let Some(current) = tickets.get(&event.ticket) {
                self.publish(row, event, current);
            }
        } else if let Some(NotificationEvent::Decided { notification, recipient, .. }) = row.event.get() {
            self.notify(*recipient, UserUpdate::Notified(*notification));
        } else if row.event.get::<ImportFinished>().is_some()
            || row.event.get().is_some_and(PeopleEvent::may_change_rights)
        {
            let all: Vec<u64> = self.subscribers.keys().copied().collect();
            for id in all {
                self.send(id, LiveMessage::Broadcast(row.clone()));
            }
        }
        self.position = row.cursor;
    }

    /// Sends a ticket's event to every subscriber whose board it changes.
    fn publish(&mut self, row: &Row, event: &TicketEvent, current: &Arc<LiveTicket>) {
        let mut update = None;
        let mut payloads: HashMap<(ExecutionKey, BoardDelta), Arc<SharedPayload>> = HashMap::new();
        for id in self.candidates(event, current) {
            let Some(subscriber) = self.subscribers.get(&id) else { continue };
            let Some(kind) = subscriber.board.delta(event, row.audience, current) else { continue };
            let payload = subscriber.execution_key.map(|key| payloads.entry((key, kind)).or_default().clone());
            let update: &Arc<BoardUpdate> =
                update.get_or_insert_with(|| Arc::new(BoardUpdate::of(row, event.ticket, current.clone())));
            self.send(id, LiveMessage::Update { update: update.clone(), kind, payload });
        }
    }
}

impl BoardUpdate {
    pub fn of(row: &Row, ticket: TicketId, current: Arc<LiveTicket>) -> Self {
        Self { cursor: row.cursor, at: row.at, ticket, current }
    }
}

/// All live subscribers of this process.
#[derive(Default)]
pub struct Live {
    registry: Mutex<SubscriberRegistry>,
}

/// The receiving end of one subscriber; dropping it unsubscribes.
pub struct LiveSubscription {
    live: Arc<Live>,
    id: u64,
    queue: mpsc::Receiver<LiveMessage>,
    /// Messages start after this position; what is before it must be read from the log.
    pub since: Cursor,
    removed_at: Arc<OnceLock<Cursor>>,
}

impl LiveSubscription {
    /// The next message; `None`: the dispatcher has removed this subscriber.
    pub async fn receive(&mut self) -> Option<LiveMessage> {
        self.queue.recv().await
    }

    /// The position after the last message, once the subscriber was removed.
    pub fn removed_at(&self) -> Option<Cursor> {
        self.removed_at.get().copied()
    }
}

impl Drop for LiveSubscription {
    fn drop(&mut self) {
        self.live.registry().remove(self.id);
    }
}

impl Live {
    fn registry(&self) -> MutexGuard<'_, SubscriberRegistry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Subscribes to a board, or to the events of one ticket.
    pub fn subscribe(
        self: &Arc<Self>,
        board: Arc<Board>,
        ticket: Option<TicketId>,
        execution_key: Option<ExecutionKey>,
    ) -> LiveSubscription {
        let routing_keys = match (ticket, board.grants()) {
            (Some(ticket), _) => vec![RoutingKey::Ticket(ticket)],
            (None, None) => vec![RoutingKey::Everything],
            (None, Some(grants)) => grants.iter().cloned().map(RoutingKey::Grant).collect(),
        };
        let (queue, receiver) = mpsc::channel(QUEUE_MAX);
        let removed_at = Arc::new(OnceLock::new());
        let mut registry = self.registry();
        let (id, since) = (registry.next_id, registry.position);
        registry.next_id += 1;
        for key in &routing_keys {
            registry.by_key.entry(key.clone()).or_default().insert(id);
        }
        let subscriber = Subscriber { board, execution_key, routing_keys, queue, removed_at: removed_at.clone() };
        registry.subscribers.insert(id, subscriber);
        drop(registry);
        LiveSubscription { live: self.clone(), id, queue: receiver, since, removed_at }
    }

    /// Subscribes to what concerns one person only, from now on.
    pub fn subscribe_user(&self, user: UserId) -> broadcast::Receiver<UserUpdate> {
        let mut registry = self.registry();
        registry.users.entry(user).or_insert_with(|| broadcast::channel(USER_QUEUE_MAX).0).subscribe()
    }

    /// Runs the dispatcher until `stop`.
    pub async fn run(self: Arc<Self>, app: Arc<App>, stop: CancellationToken) {
        keep_following("the live feeds", &stop, || self.follow_log(&app)).await;
    }

    async fn follow_log(&self, app: &Arc<App>) -> Result<()> {
        let head = log::head(app.db.read(), app.db.engine).await?;
        let mut follower = app.feed.follow(app, head, History::Skipped);
        {
            // Earlier subscribers catch up from their own positions.
            let mut registry = self.registry();
            registry.remove_all();
            registry.notify_all(UserUpdate::Resync);
            registry.position = head;
        }
        loop {
            match follower.next().await? {
                Next::Ended => return Ok(()),
                // The follower continues from the log.
                Next::Lagged => {}
                Next::Rows(rows) => {
                    let (idle, searched) = {
                        let registry = self.registry();
                        (registry.subscribers.is_empty(), registry.searching().next().is_some())
                    };
                    let texts = if searched { LiveTexts::Loaded } else { LiveTexts::Left };
                    let tickets =
                        if idle { HashMap::new() } else { live_tickets(app, changed_tickets(&rows), texts).await? };
                    let mut registry = self.registry();
                    // What was not loaded, those who subscribed in the meantime read from the log.
                    if idle {
                        registry.remove_all();
                    } else if !searched {
                        registry.remove_searching();
                    }
                    for row in rows {
                        registry.dispatch(&row, &tickets);
                    }
                    registry.position = follower.position();
                }
            }
        }
    }
}
