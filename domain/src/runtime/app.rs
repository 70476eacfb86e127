//! The process ([`App`]) and the request ([`Ctx`]).

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use uuid::Uuid;

use super::ports::Wakeups;
use super::wakeups::InProcessWakeups;
use super::{Db, Executor, Feed, Modules, Tx};
use crate::kernel::id::{Entropy, uuid_v7};
use crate::kernel::{Actor, Clock, Result, Timestamp, boxed};

/// In-memory state of capabilities, by type.
#[derive(Default)]
pub struct States(HashMap<TypeId, Box<dyn Any + Send + Sync>>);

impl States {
    pub fn insert<T: Any + Send + Sync>(&mut self, state: T) {
        self.0.insert(TypeId::of::<T>(), Box::new(state));
    }
}

/// The parts of an [`App`].
pub struct AppParts {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub index: search::Index,
    pub data_dir: PathBuf,
    pub states: States,
    pub modules: Modules,
    pub log_epoch: Arc<str>,
}

/// One process of Buoy.
pub struct App {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    /// This node's search index; it follows the log.
    pub index: search::Index,
    pub feed: Feed,
    pub wakeups: Arc<dyn Wakeups>,
    pub data_dir: PathBuf,
    pub modules: Modules,
    /// Identifies this epoch of the log. A restore begins a new one, and older cursors are answered with RESYNC.
    pub log_epoch: Arc<str>,
    states: States,
}

impl App {
    pub fn new(parts: AppParts) -> Arc<Self> {
        let AppParts { db, clock, entropy, index, data_dir, states, modules, log_epoch } = parts;
        let feed = Feed::new();
        let wakeups = Arc::new(InProcessWakeups::default());
        Arc::new(Self { db, clock, entropy, index, feed, wakeups, data_dir, modules, log_epoch, states })
    }

    /// The in-memory state of a capability.
    ///
    /// # Panics
    /// If no module registers it.
    pub fn state<T: Any + Send + Sync>(&self) -> &T {
        self.states
            .0
            .get(&TypeId::of::<T>())
            .and_then(|state| state.downcast_ref())
            .unwrap_or_else(|| panic!("no module provides {}", std::any::type_name::<T>()))
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn new_uuid(&self) -> Uuid {
        uuid_v7(self.now(), &*self.entropy)
    }
}

/// The context of one request, job or command line call: actor and channel.
#[derive(Clone)]
pub struct Ctx {
    pub app: Arc<App>,
    pub actor: Actor,
    /// The catalogue key of the channel: `web`, `api`, `import`, `system` …
    pub channel: &'static str,
    /// Correlates the response, the log lines and the events of one request.
    pub request_id: Uuid,
}

impl Ctx {
    /// The system actor, for jobs and followers.
    pub fn system(app: &Arc<App>) -> Self {
        Self { app: app.clone(), actor: Actor::System, channel: "system", request_id: app.new_uuid() }
    }

    pub fn read(&self) -> &Executor {
        self.app.db.read()
    }

    pub fn now(&self) -> Timestamp {
        self.app.now()
    }

    #[boxed]
    pub async fn begin(&self) -> Result<Tx> {
        Tx::begin(self.clone()).await
    }
}
