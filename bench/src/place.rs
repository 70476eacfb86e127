//! A Buoy of its own to measure: the program's own server in this process, on a data folder that is thrown away.

use std::sync::Arc;

use api::config::Config;
use api::http::Server;
use api::node::{Background, Hands, Jobs, open};
use domain::auth::commands::open_session;
use domain::catalogue::model::{Kind, SaveEntry, SaveTeam};
use domain::kernel::{Role, UserId};
use domain::people::model::CreateUser;
use domain::runtime::{App, Ctx};

pub struct Place {
    pub app: Arc<App>,
    pub config: Config,
    /// Goes when the place goes.
    folder: tempfile::TempDir,
    pub admin: UserId,
    pub agents: Vec<UserId>,
    server: Server,
    background: Background,
}

/// Agents and the teams that they stand in.
pub const AGENTS: usize = 200;
pub const TEAMS: usize = 20;

/// The default configuration, on a folder that goes.
pub fn configured() -> (Config, tempfile::TempDir) {
    let folder = tempfile::Builder::new().prefix("buoy-bench-").tempdir().expect("a temporary folder");
    let mut config = Config::load(None).expect("the default configuration");
    config.data_dir = folder.path().to_owned();
    config.listen = "127.0.0.1:0".parse().expect("an address");
    // Endpoints of partners are on this machine.
    config.outgoing.allow_private = vec!["127.0.0.0/8".parse().expect("a network")];
    (config, folder)
}

impl Place {
    pub async fn open() -> Self {
        let (config, folder) = configured();
        let app = open(&config, Hands::default()).await.expect("a new installation opens");
        let (admin, agents) = furnish(&app).await;
        Self::serve(app, config, folder, admin, agents)
    }

    fn serve(app: Arc<App>, config: Config, folder: tempfile::TempDir, admin: UserId, agents: Vec<UserId>) -> Self {
        let background = Background::start(&app, Jobs::Run);
        let server = Server::start(&config, &app, false).expect("a free port");
        Self { app, config, folder, admin, agents, server, background }
    }

    /// Stops, and leaves what is there to be opened again.
    pub async fn leave(self) -> (Config, tempfile::TempDir) {
        let Self { app, config, folder, admin: _, agents: _, server, background } = self;
        server.stop().await;
        background.stop().await;
        app.db.close().await;
        (config, folder)
    }

    /// Starts on what is there; nobody in particular is known.
    pub async fn reopen(config: Config, folder: tempfile::TempDir) -> Self {
        let app = open(&config, Hands::default()).await.expect("the installation opens");
        let nobody = UserId(uuid::Uuid::nil());
        Self::serve(app, config, folder, nobody, Vec::new())
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

    /// Waits until the index and the columns have followed.
    pub async fn settle(&self) {
        let head = domain::runtime::log::head(self.app.db.read(), self.app.db.engine).await.expect("the log is read");
        let mut indexed = self.app.state::<domain::recommend::react::Progress>().watch();
        let mut counted = self.app.state::<domain::metrics::react::Held>().watch();
        indexed.wait_for(|at| *at >= head).await.expect("the index follows");
        counted.wait_for(|at| *at >= head).await.expect("the columns follow");
    }

    pub async fn close(self) {
        self.leave().await;
    }
}

pub async fn furnish(app: &Arc<App>) -> (UserId, Vec<UserId>) {
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
