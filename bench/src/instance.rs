//! A Buoy instance to measure: the real server in this process, with a temporary data folder.

use std::sync::Arc;

use domain::auth::commands::open_session;
use domain::catalogue::model::{Kind, SaveEntry, SaveTeam};
use domain::kernel::{Role, UserId};
use domain::people::model::CreateUser;
use domain::runtime::{App, Ctx};
use server::config::Config;
use server::http::Server;
use server::node::{Background, Environment, Jobs, open};

pub struct Instance {
    pub app: Arc<App>,
    pub config: Config,
    /// Deleted when the instance is dropped.
    folder: tempfile::TempDir,
    pub admin: UserId,
    pub agents: Vec<UserId>,
    server: Server,
    background: Background,
}

/// Agents, and the teams that they belong to.
pub const AGENTS: usize = 200;
pub const TEAMS: usize = 20;

/// The default configuration with a temporary data folder.
pub fn temporary_config() -> (Config, tempfile::TempDir) {
    let folder = tempfile::Builder::new().prefix("buoy-bench-").tempdir().expect("a temporary folder");
    let mut config = Config::load(None).expect("the default configuration");
    config.data_dir = folder.path().to_owned();
    config.listen = "127.0.0.1:0".parse().expect("an address");
    // One user does what an organisation would.
    config.http.cost_units_a_minute = 0;
    // The partners' endpoints are on this machine.
    config.outgoing.allow_private = vec!["127.0.0.0/8".parse().expect("a network")];
    (config, folder)
}

impl Instance {
    pub async fn open() -> Self {
        Self::configured(|_| {}).await
    }

    pub async fn configured(configure: impl FnOnce(&mut Config)) -> Self {
        let (mut config, folder) = temporary_config();
        configure(&mut config);
        let app = open(&config, Environment::default()).await.expect("a new installation opens");
        let (admin, agents) = seed(&app).await;
        Self::serve(app, config, folder, admin, agents)
    }

    fn serve(app: Arc<App>, config: Config, folder: tempfile::TempDir, admin: UserId, agents: Vec<UserId>) -> Self {
        let background = Background::start(&app, Jobs::Run);
        let server = Server::start(&config, &app, None).expect("a free port");
        Self { app, config, folder, admin, agents, server, background }
    }

    /// Stops the instance and keeps its data, so that it can be reopened.
    pub async fn stop(self) -> (Config, tempfile::TempDir) {
        let Self { app, config, folder, admin: _, agents: _, server, background } = self;
        server.stop().await;
        background.stop().await;
        app.db.close().await;
        (config, folder)
    }

    /// Opens existing data; users are not loaded.
    pub async fn reopen(config: Config, folder: tempfile::TempDir) -> Self {
        let app = open(&config, Environment::default()).await.expect("the installation opens");
        let no_user = UserId(uuid::Uuid::nil());
        Self::serve(app, config, folder, no_user, Vec::new())
    }

    pub fn address(&self) -> String {
        self.server.address.to_string()
    }

    pub async fn token(&self, user: UserId) -> String {
        let mut tx = Ctx::system(&self.app).begin().await.expect("a transaction");
        let tokens = open_session(&mut tx, user).await.expect("a session");
        tx.commit().await.expect("a commit");
        tokens.access
    }

    /// Waits until the search index and the metric columns have caught up.
    pub async fn wait_until_indexed(&self) {
        let head = domain::runtime::log::head(self.app.db.read(), self.app.db.engine).await.expect("the log is read");
        let mut indexed = self.app.state::<domain::recommend::react::IndexProgress>().watch();
        let mut counted = self.app.state::<domain::metrics::react::ColumnCache>().watch();
        indexed.wait_for(|at| *at >= head).await.expect("the index follows");
        counted.wait_for(|at| *at >= head).await.expect("the columns follow");
    }

    pub async fn close(self) {
        self.stop().await;
    }
}

pub async fn seed(app: &Arc<App>) -> (UserId, Vec<UserId>) {
    let cx = Ctx::system(app);
    for n in 0..TEAMS {
        let (key, name) = (format!("T{n}"), format!("Team {n}"));
        let team = SaveTeam { key, name, name_zh: None, confidential: false, archived: false };
        cx.execute(&team, None).await.expect("a team");
        let entry = SaveEntry {
            kind: Kind::IssueType,
            key: format!("TYPE{n}"),
            name: format!("Type {n}"),
            name_zh: None,
            archived: false,
            team_key: Some(format!("T{n}")),
            confidential: false,
            required_skills: None,
            aliases: None,
        };
        cx.execute(&entry, None).await.expect("an issue type");
    }
    let product = SaveEntry {
        kind: Kind::Product,
        key: "PM-3300".to_owned(),
        name: "PM-3300".to_owned(),
        name_zh: None,
        archived: false,
        team_key: None,
        confidential: false,
        required_skills: None,
        aliases: None,
    };
    cx.execute(&product, None).await.expect("a product");
    let user = |name: String, role: Role, teams: Vec<String>| CreateUser {
        email: format!("{name}@bench.test"),
        name,
        roles: vec![role],
        team_keys: teams,
        skills: Vec::new(),
        products: Vec::new(),
        customer_key: None,
        supervisor: None,
        password_hash: None,
    };
    let admin = cx.execute(&user("admin".to_owned(), Role::Admin, Vec::new()), None).await.expect("an administrator");
    let mut agents = Vec::new();
    for n in 0..AGENTS {
        let agent = user(format!("agent{n}"), Role::Agent, vec![format!("T{}", n % TEAMS)]);
        agents.push(cx.execute(&agent, None).await.expect("an agent"));
    }
    (admin, agents)
}
