//! Every test has its own database: a copy of a migrated SQLite file or of a migrated PostgreSQL template.

use std::path::Path;
use std::sync::LazyLock;

use sea_orm::{ConnectionTrait as _, Database as Orm};
use server::config::Config;
use tokio::sync::{Mutex, OnceCell};

/// The environment variable with the URL of the PostgreSQL server; if it is unset, tests use SQLite.
const URL_VARIABLE: &str = "BUOY_TEST_DATABASE_URL";

pub fn on_postgres() -> bool {
    std::env::var(URL_VARIABLE).is_ok()
}

/// The database of a desk.
pub enum Database {
    Sqlite,
    Postgres(String),
}

static SQLITE_TEMPLATE: OnceCell<tempfile::TempDir> = OnceCell::const_new();
static POSTGRES_TEMPLATE: OnceCell<String> = OnceCell::const_new();
/// PostgreSQL cannot copy a template concurrently.
static COPY_LOCK: LazyLock<Mutex<u32>> = LazyLock::new(Mutex::default);

impl Database {
    /// A migrated database for the data folder.
    pub async fn prepare(data_dir: &Path) -> Self {
        match std::env::var(URL_VARIABLE) {
            Err(_) => {
                let template = SQLITE_TEMPLATE.get_or_init(sqlite_template).await;
                std::fs::copy(template.path().join("buoy.sqlite"), data_dir.join("buoy.sqlite")).unwrap();
                Self::Sqlite
            }
            Ok(server) => {
                let template = POSTGRES_TEMPLATE.get_or_init(|| postgres_template(&server)).await;
                let mut copies = COPY_LOCK.lock().await;
                *copies += 1;
                let name = format!("{template}_{copies}");
                let admin = Orm::connect(&server).await.unwrap();
                admin.execute_unprepared(&format!("create database {name} template {template}")).await.unwrap();
                admin.close().await.unwrap();
                Self::Postgres(url_of_database(&server, &name))
            }
        }
    }

    /// A database without tables.
    pub async fn empty() -> Self {
        let Ok(server) = std::env::var(URL_VARIABLE) else { return Self::Sqlite };
        let mut copies = COPY_LOCK.lock().await;
        *copies += 1;
        let name = format!("buoy_empty_{}_{copies}", std::process::id());
        let admin = Orm::connect(&server).await.unwrap();
        admin.execute_unprepared(&format!("create database {name}")).await.unwrap();
        admin.close().await.unwrap();
        Self::Postgres(url_of_database(&server, &name))
    }

    pub fn url(&self) -> String {
        match self {
            Self::Sqlite => String::new(),
            Self::Postgres(url) => url.clone(),
        }
    }
}

/// The URL of another database on the same server.
fn url_of_database(server: &str, name: &str) -> String {
    let (base, _) = server.rsplit_once('/').expect("a PostgreSQL URL names a database");
    format!("{base}/{name}")
}

/// Nodes cache tickets by the revision of their row, so every update must change the revision.
const REVISION_TRIGGER_SQLITE: [&str; 1] = ["create trigger ticket_revision after update on ticket
    when new.revision <= old.revision
    begin select raise(abort, 'a ticket was changed without its revision'); end"];
const REVISION_TRIGGER_POSTGRES: [&str; 2] = [
    "create function watch_revision() returns trigger language plpgsql as
        $$ begin raise exception 'a ticket was changed without its revision'; end $$",
    "create trigger ticket_revision after update on ticket for each row
        when (new.revision <= old.revision) execute function watch_revision()",
];

async fn sqlite_template() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let db = domain::runtime::Db::open(None, folder.path()).await.unwrap();
    let connection = db.migrating().await.unwrap();
    migrations::migrate(&connection).await.unwrap();
    for statement in REVISION_TRIGGER_SQLITE {
        connection.execute_unprepared(statement).await.unwrap();
    }
    // Moves the write-ahead log into the file that is copied.
    connection.execute_unprepared("pragma wal_checkpoint(truncate)").await.unwrap();
    connection.close().await.unwrap();
    db.close().await;
    folder
}

async fn postgres_template(server: &str) -> String {
    let name = format!("buoy_template_{}", std::process::id());
    let admin = Orm::connect(server).await.unwrap();
    admin.execute_unprepared(&format!("create database {name}")).await.unwrap();
    admin.close().await.unwrap();
    let template = Orm::connect(url_of_database(server, &name)).await.unwrap();
    migrations::migrate(&template).await.unwrap();
    for statement in REVISION_TRIGGER_POSTGRES {
        template.execute_unprepared(statement).await.unwrap();
    }
    template.close().await.unwrap();
    name
}

/// The configuration of a test: its own folder, a free port.
pub fn config(data_dir: &Path, database: &Database) -> Config {
    let mut config = Config::load(None).unwrap();
    config.data_dir = data_dir.to_owned();
    config.database_url = database.url();
    config.listen = "127.0.0.1:0".parse().unwrap();
    config.http.workers = 1;
    // The clock of a test stands still, so that no budget would be regained.
    config.http.cost_units_a_minute = 0;
    // A test reads its sockets when it needs them.
    config.websocket.pong_timeout_secs = crate::PATIENCE.as_secs();
    config
}
