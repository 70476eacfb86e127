//! The live feeds of this process. One dispatcher follows the log, finds by an index of grants whom an event concerns,
//! decides for each of them, and hands on; who hears nothing costs nothing. What all who hear an event read alike is
//! executed and serialised once ([`sharing`](super::sharing)).
//!
//! Nobody who is slow holds back anyone else: a seat whose queue is full is given up, and catches up from the log.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use domain::event::Event;
use domain::kernel::{NotificationId, Result, TicketId, Timestamp, UserId};
use domain::notifications::model::NotificationEvent;
use domain::people::model::PeopleEvent;
use domain::runtime::feed::{BATCH, History, Next, keep_following};
use domain::runtime::{App, Cursor, Row, log};
use domain::tickets::decide::board::{Board, Current, concerned};
use domain::tickets::decide::rights::Grant;
use domain::tickets::model::{BoardKind, Fact, TicketEvent};
use domain::tickets::queries::{currents, touched};
use tokio::sync::{OnceCell, broadcast, mpsc};
use tokio_util::sync::CancellationToken;

/// Events waiting for one subscriber: a batch of the log is handed on in one go.
const QUEUE_MAX: usize = 2 * BATCH as usize;

/// Subscribers whose answers are the same: the digest of what they ask and of what their answers depend on.
pub type Group = [u8; 32];

/// A payload that a group shares: JSON, serialised.
pub type Answer = OnceCell<String>;

/// What happened, for everyone who is told.
pub struct News {
    pub cursor: Cursor,
    pub at: Timestamp,
    pub ticket: TicketId,
    pub current: Arc<Current>,
}

/// What comes to a seat.
pub enum Delivery {
    News {
        news: Arc<News>,
        kind: BoardKind,
        answer: Option<Arc<Answer>>,
    },
    /// What concerns everyone.
    Row(Row),
}

/// By what a seat is found.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Everything,
    Grant(Grant),
    Ticket(TicketId),
}

struct Seat {
    board: Arc<Board>,
    group: Option<Group>,
    keys: Vec<Key>,
    queue: mpsc::Sender<Delivery>,
    /// Where the seat was given up; it goes on from there.
    lost_at: Arc<OnceLock<Cursor>>,
}

#[derive(Default)]
struct Seats {
    /// How far the dispatcher has come: whoever sits down now hears what is behind this.
    position: Cursor,
    next: u64,
    all: HashMap<u64, Seat>,
    by_key: HashMap<Key, HashSet<u64>>,
    /// What is for one person only.
    persons: HashMap<UserId, broadcast::Sender<Personal>>,
}

/// Something that concerns one person only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Personal {
    /// They are to be told something.
    Told(NotificationId),
    /// What waits for them may have changed.
    Todo,
    /// Something may have been missed: to be read again.
    Again,
}

/// Messages waiting for one person; who has more to come reads again.
const PERSONAL_MAX: usize = 64;

impl Seats {
    fn say(&mut self, user: UserId, what: Personal) {
        let Some(to) = self.persons.get(&user) else { return };
        if to.send(what).is_err() {
            // Nobody listens any more.
            self.persons.remove(&user);
        }
    }

    fn say_everybody(&mut self, what: Personal) {
        self.persons.retain(|_, to| to.send(what).is_ok());
    }

    fn remove(&mut self, id: u64) -> Option<Seat> {
        let seat = self.all.remove(&id)?;
        for key in &seat.keys {
            if let Entry::Occupied(mut there) = self.by_key.entry(key.clone()) {
                there.get_mut().remove(&id);
                if there.get().is_empty() {
                    there.remove();
                }
            }
        }
        Some(seat)
    }

    fn give(&mut self, id: u64, delivery: Delivery) {
        let Some(seat) = self.all.get(&id) else { return };
        if seat.queue.try_send(delivery).is_err()
            && let Some(seat) = self.remove(id)
        {
            let _ = seat.lost_at.set(self.position);
        }
    }

    fn give_up_all(&mut self) {
        let everyone: Vec<u64> = self.all.keys().copied().collect();
        for id in everyone {
            if let Some(seat) = self.remove(id) {
                let _ = seat.lost_at.set(self.position);
            }
        }
    }

    /// The seats that an event may concern, each once.
    fn concerned(&self, event: &TicketEvent, current: &Current) -> HashSet<u64> {
        let grants = concerned(event, current).into_iter().map(Key::Grant);
        let keys = [Key::Everything, Key::Ticket(event.ticket)].into_iter().chain(grants);
        keys.filter_map(|key| self.by_key.get(&key)).flatten().copied().collect()
    }

    /// `tickets`: those of the events.
    fn dispatch(&mut self, row: &Row, tickets: &HashMap<TicketId, Arc<Current>>) {
        match &*row.event {
            Event::Notification(NotificationEvent::Decided { notification, recipient, .. }) => {
                self.say(*recipient, Personal::Told(*notification));
            }
            Event::ClockJumped { .. } => {}
            Event::Ticket(event) => {
                let before = event.before.as_ref().and_then(|before| before.assignee);
                let opened = matches!(event.fact, Fact::Opened).then(|| row.actor.map(UserId)).flatten();
                let concerned: HashSet<UserId> = [before, event.after.assignee, opened].into_iter().flatten().collect();
                concerned.into_iter().for_each(|user| self.say(user, Personal::Todo));
                if let Some(current) = tickets.get(&event.ticket) {
                    self.tell(row, event, current);
                }
            }
            Event::People(PeopleEvent::DutyChanged { .. }) => {}
            Event::ImportFinished { .. } | Event::People(_) => {
                let everyone: Vec<u64> = self.all.keys().copied().collect();
                for id in everyone {
                    self.give(id, Delivery::Row(row.clone()));
                }
            }
            Event::Auth(_)
            | Event::Calendar(_)
            | Event::Catalogue(_)
            | Event::Credential(_)
            | Event::Escalation(_)
            | Event::Hub(_)
            | Event::Intake(_)
            | Event::Knowledge(_)
            | Event::Notification(_)
            | Event::Recommend(_)
            | Event::Sla(_) => {}
        }
        self.position = row.cursor;
    }

    fn tell(&mut self, row: &Row, event: &TicketEvent, current: &Arc<Current>) {
        let mut news = None;
        let mut answers: HashMap<(Group, BoardKind), Arc<Answer>> = HashMap::new();
        for id in self.concerned(event, current) {
            let Some(seat) = self.all.get(&id) else { continue };
            let Some(kind) = seat.board.told(event, row.audience, current) else { continue };
            let answer = seat.group.map(|group| answers.entry((group, kind)).or_default().clone());
            let news: &Arc<News> = news.get_or_insert_with(|| Arc::new(News::of(row, event.ticket, current.clone())));
            self.give(id, Delivery::News { news: news.clone(), kind, answer });
        }
    }
}

impl News {
    pub fn of(row: &Row, ticket: TicketId, current: Arc<Current>) -> Self {
        Self { cursor: row.cursor, at: row.at, ticket, current }
    }
}

/// Everyone who listens to this process.
#[derive(Default)]
pub struct Live {
    seats: Mutex<Seats>,
}

/// Somebody's seat, until it is dropped.
pub struct Listener {
    live: Arc<Live>,
    id: u64,
    queue: mpsc::Receiver<Delivery>,
    /// What lies before this does not come: it is read from the log.
    pub since: Cursor,
    lost_at: Arc<OnceLock<Cursor>>,
}

impl Listener {
    /// What comes next; `None`: the seat was given up.
    pub async fn next(&mut self) -> Option<Delivery> {
        self.queue.recv().await
    }

    /// Where the log goes on behind what came, once the seat was given up.
    pub fn lost_at(&self) -> Option<Cursor> {
        self.lost_at.get().copied()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.live.seats().remove(self.id);
    }
}

impl Live {
    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A seat for a board, or for the events of one ticket.
    pub fn listen(self: &Arc<Self>, board: Arc<Board>, only: Option<TicketId>, group: Option<Group>) -> Listener {
        let keys = match (only, board.grants()) {
            (Some(ticket), _) => vec![Key::Ticket(ticket)],
            (None, None) => vec![Key::Everything],
            (None, Some(grants)) => grants.iter().cloned().map(Key::Grant).collect(),
        };
        let (queue, coming) = mpsc::channel(QUEUE_MAX);
        let lost_at = Arc::new(OnceLock::new());
        let mut seats = self.seats();
        let (id, since) = (seats.next, seats.position);
        seats.next += 1;
        for key in &keys {
            seats.by_key.entry(key.clone()).or_default().insert(id);
        }
        seats.all.insert(id, Seat { board, group, keys, queue, lost_at: lost_at.clone() });
        drop(seats);
        Listener { live: self.clone(), id, queue: coming, since, lost_at }
    }

    /// What concerns one person only, from now on.
    pub fn listen_for(&self, user: UserId) -> broadcast::Receiver<Personal> {
        let mut seats = self.seats();
        seats.persons.entry(user).or_insert_with(|| broadcast::channel(PERSONAL_MAX).0).subscribe()
    }

    /// The dispatcher.
    pub async fn run(self: Arc<Self>, app: Arc<App>, stop: CancellationToken) {
        keep_following("the live feeds", &stop, || self.follow(&app)).await;
    }

    async fn follow(&self, app: &Arc<App>) -> Result<()> {
        let head = log::head(app.db.read(), app.db.engine).await?;
        let mut follower = app.feed.follow(app, head, History::Skipped);
        {
            // Whoever sat down before catches up from where they are.
            let mut seats = self.seats();
            seats.give_up_all();
            seats.say_everybody(Personal::Again);
            seats.position = head;
        }
        loop {
            match follower.next().await? {
                Next::Ended => return Ok(()),
                // It goes on reading the log.
                Next::Lagged => {}
                Next::Rows(rows) => {
                    let nobody = self.seats().all.is_empty();
                    let tickets = if nobody { HashMap::new() } else { currents(app, touched(&rows)).await? };
                    let mut seats = self.seats();
                    if nobody {
                        // Whoever has sat down since reads these rows from the log.
                        seats.give_up_all();
                    }
                    for row in rows {
                        seats.dispatch(&row, &tickets);
                    }
                    seats.position = follower.position();
                }
            }
        }
    }
}
