//! The process ([`App`]) and the request ([`Ctx`]).

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use futures::future::BoxFuture;
use sea_orm::DatabaseConnection;
use tokio::sync::Notify;
use uuid::Uuid;

use super::{Db, Feed, Tx, jobs};
use crate::event::Event;
use crate::kernel::id::{Chance, uuid_v7};
use crate::kernel::{Actor, Clock, Result, Timestamp};

/// What happens in the transaction of the event that causes it.
pub type Reaction = for<'t> fn(&'t mut Tx, &'t Event) -> BoxFuture<'t, Result<()>>;

/// What this process does at once, in memory, after a change was committed here or seen in the log.
pub type Observer = fn(&App, &Event);

/// Who reacts to whom; filled in by `wiring.rs`, the only file that knows.
#[derive(Clone, Copy)]
pub struct Wiring {
    pub reaction: Reaction,
    pub observer: Observer,
    pub job: jobs::Handler,
    pub sending: jobs::Sending,
}

/// State that capabilities keep in memory, by type.
#[derive(Default)]
pub struct States(HashMap<TypeId, Box<dyn Any + Send + Sync>>);

impl States {
    pub fn insert<T: Any + Send + Sync>(&mut self, state: T) {
        self.0.insert(TypeId::of::<T>(), Box::new(state));
    }
}

/// What an [`App`] is made of.
pub struct AppParts {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
    pub index: search::Index,
    pub data_dir: PathBuf,
    pub states: States,
    pub wiring: Wiring,
    pub log_epoch: Arc<str>,
}

/// One process of Buoy.
pub struct App {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
    /// This node's search index, kept by the log.
    pub index: search::Index,
    pub feed: Feed,
    /// Rung when a job was planted that may be due before the worker would wake.
    pub jobs_bell: Notify,
    pub data_dir: PathBuf,
    pub wiring: Wiring,
    /// Names this life of the log; a restore begins another, and cursors from before it are answered with RESYNC.
    pub log_epoch: Arc<str>,
    states: States,
}

impl App {
    pub fn new(parts: AppParts) -> Arc<Self> {
        let AppParts { db, clock, chance, index, data_dir, states, wiring, log_epoch } = parts;
        let feed = Feed::new();
        let jobs_bell = Notify::new();
        Arc::new(Self { db, clock, chance, index, feed, jobs_bell, data_dir, wiring, log_epoch, states })
    }

    /// A capability's state in memory.
    ///
    /// # Panics
    /// Where `wiring` did not put it there: a mistake in the program that the first test shows.
    pub fn state<T: Any + Send + Sync>(&self) -> &T {
        self.states
            .0
            .get(&TypeId::of::<T>())
            .and_then(|state| state.downcast_ref())
            .unwrap_or_else(|| panic!("wiring provides no {}", std::any::type_name::<T>()))
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn new_uuid(&self) -> Uuid {
        uuid_v7(self.now(), &*self.chance)
    }
}

/// One request, job or call on the command line: who acts, from where.
#[derive(Clone)]
pub struct Ctx {
    pub app: Arc<App>,
    pub actor: Actor,
    /// The catalogue key of the way by which this came: `web`, `api`, `import`, `system` …
    pub channel: &'static str,
    /// Ties the answer, the log lines and the events of one request together.
    pub request_id: Uuid,
}

impl Ctx {
    /// Buoy itself, for jobs and followers.
    pub fn system(app: &Arc<App>) -> Self {
        Self { app: app.clone(), actor: Actor::System, channel: "system", request_id: app.new_uuid() }
    }

    pub fn read(&self) -> &DatabaseConnection {
        self.app.db.read()
    }

    pub fn now(&self) -> Timestamp {
        self.app.now()
    }

    pub async fn begin(&self) -> Result<Tx> {
        Tx::begin(self.clone()).await
    }
}
