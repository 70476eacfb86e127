//! One node: starts and stops all parts of a process in order.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use domain::kernel::id::{Entropy, OsEntropy};
use domain::kernel::{Clock, SystemClock};
use domain::runtime::app::AppParts;
use domain::runtime::{App, Db, Engine, Vault, clock_monitor, feed, log, worker};
use domain::{audit, auth, metrics, recommend, wiring};
use futures::future::BoxFuture;
use sea_orm::DatabaseConnection;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::Config;

/// Name of the subkey of the master key that signs web pushes.
pub const WEB_PUSH: &str = "web_push";

/// Why a node cannot start, as a message for the operator.
#[derive(Debug)]
pub struct StartupError(pub String);

impl std::fmt::Display for StartupError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartupError {}

impl From<domain::kernel::Error> for StartupError {
    fn from(error: domain::kernel::Error) -> Self {
        Self(error.to_string())
    }
}

/// Sources of time and randomness; tests replace them.
pub struct Environment {
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

impl Default for Environment {
    #[expect(clippy::disallowed_methods, reason = "this is where the real clock is made")]
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock::of_machine()), entropy: Arc::new(OsEntropy) }
    }
}

/// Opens database, index and state; starts nothing.
pub async fn open(config: &Config, environment: Environment) -> Result<Arc<App>, StartupError> {
    let Environment { clock, entropy } = environment;
    let io_error = |folder: &Path, e: io::Error| StartupError(format!("{}: {e}", folder.display()));
    fs::create_dir_all(&config.data_dir).map_err(|e| io_error(&config.data_dir, e))?;
    let key_file = config.master_key_file();
    let vault = Vault::open(&key_file, &*entropy).map_err(|e| io_error(&key_file, e))?;
    let migrate = |connection| Box::pin(async move { migrations::migrate(&connection).await.map(drop) }) as _;
    let db = open_database(config, migrate).await?;
    let log_epoch = log::load_epoch(&db, domain::kernel::id::uuid_v7(clock.now(), &*entropy)).await?;
    let index_dir = config.data_dir.join("index");
    let opened = tokio::task::spawn_blocking(move || search::Index::open(&index_dir))
        .await
        .map_err(|e| StartupError(e.to_string()))?
        .map_err(|e| StartupError(e.to_string()))?;
    if let Some(note) = opened.note {
        tracing::warn!("{note}");
    }
    let senders = config.senders(vault.subkey(WEB_PUSH)).map_err(StartupError)?;
    let mut states = wiring::states(vault, senders);
    config.insert_settings(&mut states);
    states.insert(adapters::REPORT_RENDERER);
    states.insert(config.guarded_http());
    let app = App::new(AppParts {
        db,
        clock,
        entropy,
        index: opened.index,
        data_dir: config.data_dir.clone(),
        states,
        modules: wiring::MODULES,
        log_epoch,
    });
    wiring::start(&app).await?;
    Ok(app)
}

/// Opens the database and migrates it.
pub async fn open_database(
    config: &Config,
    migrate: impl FnOnce(DatabaseConnection) -> BoxFuture<'static, Result<(), migrations::Mismatch>>,
) -> Result<Db, StartupError> {
    let db = Db::open(config.database_url(), &config.data_dir).await?;
    let migrating = db.migrating().await?;
    migrate(migrating.clone()).await.map_err(|e| StartupError(e.to_string()))?;
    if db.engine == Engine::Sqlite {
        migrating.close().await.map_err(|e| StartupError(e.to_string()))?;
    }
    Ok(db)
}

/// The background tasks of a node.
pub struct Background {
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

/// Whether jobs run in the background. Tests run them manually.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jobs {
    Run,
    Manual,
}

impl Background {
    pub fn start(app: &Arc<App>, jobs: Jobs) -> Self {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(feed::run(app.clone(), stop.clone()));
        tasks.spawn(clock_monitor::run(app.clone(), stop.clone()));
        tasks.spawn(recommend::react::follow(app.clone(), stop.clone()));
        tasks.spawn(recommend::commands::run_encoder(app.clone(), stop.clone()));
        tasks.spawn(metrics::react::follow(app.clone(), stop.clone()));
        tasks.spawn(auth::commands::refresh_signing_keys(app.clone(), stop.clone()));
        tasks.spawn_blocking(search::warm_up);
        if jobs == Jobs::Run {
            tasks.spawn(audit::commands::run(app.clone(), stop.clone()));
            tasks.spawn(worker::run(app.clone(), stop.clone()));
        }
        Self { tasks, stop }
    }

    /// Only jobs and seals, for a node without HTTP.
    pub fn start_worker(app: &Arc<App>) -> Self {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(feed::run(app.clone(), stop.clone()));
        tasks.spawn(clock_monitor::run(app.clone(), stop.clone()));
        tasks.spawn(audit::commands::run(app.clone(), stop.clone()));
        tasks.spawn(worker::run(app.clone(), stop.clone()));
        Self { tasks, stop }
    }

    /// Stops the tasks and waits for work in progress.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.join_all().await;
    }
}
