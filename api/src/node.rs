//! One node: everything that a process of Buoy runs, started and stopped in order.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use domain::kernel::id::{Chance, OsChance};
use domain::kernel::{Clock, SystemClock};
use domain::runtime::app::AppParts;
use domain::runtime::{App, Db, Engine, Vault, drift, feed, log, worker};
use domain::{audit, auth, metrics, recommend, wiring};
use futures::future::BoxFuture;
use sea_orm::DatabaseConnection;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::report;

/// What the master key's subkey for pushes is called.
pub const WEB_PUSH: &str = "web_push";

/// Why a node cannot start: a sentence for the person who starts it.
#[derive(Debug)]
pub struct CannotStart(pub String);

impl std::fmt::Display for CannotStart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CannotStart {}

impl From<domain::kernel::Error> for CannotStart {
    fn from(error: domain::kernel::Error) -> Self {
        Self(error.to_string())
    }
}

/// What a test holds in its hand; a process takes the machine's.
pub struct Hands {
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
}

impl Default for Hands {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), chance: Arc::new(OsChance) }
    }
}

/// Database, index and state, ready to be used; nothing runs yet.
pub async fn open(config: &Config, hands: Hands) -> Result<Arc<App>, CannotStart> {
    let Hands { clock, chance } = hands;
    let in_folder = |folder: &Path, e: io::Error| CannotStart(format!("{}: {e}", folder.display()));
    fs::create_dir_all(&config.data_dir).map_err(|e| in_folder(&config.data_dir, e))?;
    let key_file = config.master_key_file();
    let vault = Vault::open(&key_file, &*chance).map_err(|e| in_folder(&key_file, e))?;
    let migrate = |connection| Box::pin(async move { migrations::migrate(&connection).await.map(drop) }) as _;
    let db = open_database(config, migrate).await?;
    let log_epoch = log::life(&db, domain::kernel::id::uuid_v7(clock.now(), &*chance)).await?;
    let index_dir = config.data_dir.join("index");
    let opened = tokio::task::spawn_blocking(move || search::Index::open(&index_dir))
        .await
        .map_err(|e| CannotStart(e.to_string()))?
        .map_err(|e| CannotStart(e.to_string()))?;
    if let Some(note) = opened.note {
        tracing::warn!("{note}");
    }
    let senders = config.senders(vault.subkey(WEB_PUSH)).map_err(CannotStart)?;
    let mut states = wiring::states(vault, config.settings(), senders);
    states.insert(report::PRESS);
    states.insert(config.postman());
    let app = App::new(AppParts {
        db,
        clock,
        chance,
        index: opened.index,
        data_dir: config.data_dir.clone(),
        states,
        wiring: wiring::WIRING,
        log_epoch,
    });
    wiring::start(&app).await?;
    Ok(app)
}

/// The database alone, brought to a schema.
pub async fn open_database(
    config: &Config,
    migrate: impl FnOnce(DatabaseConnection) -> BoxFuture<'static, Result<(), migrations::Mismatch>>,
) -> Result<Db, CannotStart> {
    let db = Db::open(config.database_url(), &config.data_dir).await?;
    let migrating = db.migrating().await?;
    migrate(migrating.clone()).await.map_err(|e| CannotStart(e.to_string()))?;
    if db.engine == Engine::Sqlite {
        migrating.close().await.map_err(|e| CannotStart(e.to_string()))?;
    }
    Ok(db)
}

/// What runs beside requests.
pub struct Background {
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

/// Which parts run beside requests. A test that holds the clock runs jobs by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jobs {
    Run,
    ByHand,
}

impl Background {
    pub fn start(app: &Arc<App>, jobs: Jobs) -> Self {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(feed::run(app.clone(), stop.clone()));
        tasks.spawn(drift::run(app.clone(), stop.clone()));
        tasks.spawn(recommend::react::follow(app.clone(), stop.clone()));
        tasks.spawn(recommend::commands::run(app.clone(), stop.clone()));
        tasks.spawn(metrics::react::follow(app.clone(), stop.clone()));
        tasks.spawn(auth::commands::keep_signing_keys(app.clone(), stop.clone()));
        tasks.spawn_blocking(search::warm_up);
        if jobs == Jobs::Run {
            tasks.spawn(audit::commands::run(app.clone(), stop.clone()));
            tasks.spawn(worker::run(app.clone(), stop.clone()));
        }
        Self { tasks, stop }
    }

    /// Jobs and seals alone, for a node that answers nobody.
    pub fn work(app: &Arc<App>) -> Self {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(feed::run(app.clone(), stop.clone()));
        tasks.spawn(drift::run(app.clone(), stop.clone()));
        tasks.spawn(audit::commands::run(app.clone(), stop.clone()));
        tasks.spawn(worker::run(app.clone(), stop.clone()));
        Self { tasks, stop }
    }

    /// Lets what has begun end.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.join_all().await;
    }
}
