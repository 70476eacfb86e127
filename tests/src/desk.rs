//! A running server with users, teams and a catalogue.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::catalogue::model::{Kind, SaveEntry, SaveTeam};
use domain::dispatch;
use domain::kernel::id::OsEntropy;
use domain::kernel::{ManualClock, Role, Timestamp, UserId};
use domain::metrics::react::ColumnCache;
use domain::people::model::{CreateUser, SaveCustomer};
use domain::recommend::model::EmbeddingService;
use domain::recommend::react::IndexProgress;
use domain::runtime::{App, Ctx, Cursor, jobs, log, worker};
use serde_json::{Value as Json, json};
use server::config::Config;
use server::http::Server;
use server::node::{self, Background, Environment, Jobs};
use tokio_util::sync::CancellationToken;

use crate::PATIENCE;
use crate::client::Client;
use crate::database::{Database, config};

/// The clock's time at the start of every test, a Monday.
pub fn start_time() -> Timestamp {
    Timestamp::parse("2026-03-02T01:00:00Z").unwrap()
}

pub struct Desk {
    pub app: Arc<App>,
    pub clock: Arc<ManualClock>,
    pub config: Config,
    pub folder: tempfile::TempDir,
    people: HashMap<&'static str, UserId>,
    http: reqwest::Client,
    running: Option<(Server, Background)>,
}

/// Name, roles, teams, customer.
type Person = (&'static str, &'static [Role], &'static [&'static str], Option<&'static str>);

/// The users of every desk.
const PEOPLE: &[Person] = &[
    ("admin", &[Role::Admin], &[], None),
    ("supervisor", &[Role::Supervisor], &["FIELD"], None),
    ("agent1", &[Role::Agent], &["FIELD"], None),
    ("agent2", &[Role::Agent], &["FIELD"], None),
    ("agent3", &[Role::Agent], &["IT"], None),
    ("pm", &[Role::ProductManager], &[], None),
    ("partner", &[Role::Partner], &[], None),
    ("requester1", &[Role::Requester], &[], Some("ACME")),
    ("colleague1", &[Role::Requester], &[], Some("ACME")),
    ("requester2", &[Role::Requester], &[], Some("GLOBEX")),
];

impl Desk {
    pub async fn start() -> Self {
        let mut desk = Self::not_serving().await;
        desk.serve();
        desk
    }

    /// A desk with automatic dispatch.
    pub async fn dispatching() -> Self {
        let mut desk = Self::create(|config| config.settings_mut::<dispatch::model::Settings>().automatic = true).await;
        desk.serve();
        desk
    }

    /// A desk with another configuration.
    pub async fn configured(configure: impl FnOnce(&mut Config)) -> Self {
        let mut desk = Self::create(configure).await;
        desk.serve();
        desk
    }

    /// Users and catalogue exist; server and background tasks are not started.
    pub async fn not_serving() -> Self {
        Self::create(|_| {}).await
    }

    async fn create(configure: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::prepare(folder.path()).await;
        let mut config = config(folder.path(), &database);
        config.settings_mut::<dispatch::model::Settings>().automatic = false;
        configure(&mut config);
        let clock = Arc::new(ManualClock::at(start_time()));
        let app =
            node::open(&config, Environment { clock: clock.clone(), entropy: Arc::new(OsEntropy) }).await.unwrap();
        let http = reqwest::Client::builder().pool_max_idle_per_host(4).build().unwrap();
        let mut desk = Self { app, clock, config, folder, people: HashMap::new(), http, running: None };
        desk.seed().await;
        desk
    }

    /// Another worker on the same database: a second node on PostgreSQL, the same node on SQLite.
    pub async fn other_node(&self) -> (Arc<App>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        if self.config.database_url.is_empty() {
            return (self.app.clone(), folder);
        }
        let mut config = self.config.clone();
        config.master_key_file = self.config.master_key_file().display().to_string();
        config.data_dir = folder.path().to_owned();
        let environment = Environment { clock: self.clock.clone(), entropy: Arc::new(OsEntropy) };
        (node::open(&config, environment).await.unwrap(), folder)
    }

    /// Starts the server and the followers of the log.
    pub fn serve(&mut self) {
        let background = Background::start(&self.app, Jobs::Manual);
        let server = Server::start(&self.config, &self.app, None).unwrap();
        self.running = Some((server, background));
    }

    /// Stops the server and starts it again on the same folder.
    pub async fn restart(&mut self) {
        self.stop().await;
        let environment = Environment { clock: self.clock.clone(), entropy: Arc::new(OsEntropy) };
        self.app = node::open(&self.config, environment).await.unwrap();
        self.serve();
    }

    async fn stop(&mut self) {
        let (server, background) = self.running.take().expect("the desk runs");
        server.stop().await;
        background.stop().await;
        self.app.db.close().await;
    }

    async fn seed(&mut self) {
        let cx = Ctx::system(&self.app);
        for (key, name, name_zh) in
            [("FIELD", "Field service", "现场服务"), ("IT", "IT support", "IT支持"), ("SECRET", "Security", "安全")]
        {
            let team = SaveTeam {
                key: key.to_owned(),
                name: name.to_owned(),
                name_zh: Some(name_zh.to_owned()),
                confidential: key == "SECRET",
                archived: false,
            };
            cx.execute(&team, None).await.unwrap();
        }
        for (kind, key, team) in [
            (Kind::IssueType, "REPAIR", Some("FIELD")),
            (Kind::IssueType, "ACCOUNT", Some("IT")),
            (Kind::IssueType, "BREACH", Some("SECRET")),
            (Kind::Product, "PM-3300", None),
            (Kind::Product, "VPN", None),
            (Kind::SolutionTag, "RESTART", None),
            (Kind::SolutionTag, "PATCH", None),
            (Kind::CauseTag, "LOOSE_CONNECTOR", None),
            (Kind::Skill, "electrics", None),
        ] {
            let entry = SaveEntry {
                kind,
                key: key.to_owned(),
                name: key.to_owned(),
                name_zh: None,
                archived: false,
                team_key: team.map(str::to_owned),
                confidential: false,
                required_skills: None,
                aliases: None,
            };
            cx.execute(&entry, None).await.unwrap();
        }
        for (key, name) in [("ACME", "Acme 制造"), ("GLOBEX", "Globex")] {
            let customer = SaveCustomer { key: key.to_owned(), name: name.to_owned(), region: None, archived: false };
            cx.execute(&customer, None).await.unwrap();
        }
        for (name, roles, teams, customer) in PEOPLE {
            let user = CreateUser {
                email: format!("{name}@desk.test"),
                name: (*name).to_owned(),
                roles: roles.to_vec(),
                team_keys: teams.iter().map(|key| (*key).to_owned()).collect(),
                skills: Vec::new(),
                products: if *name == "pm" { vec!["PM-3300".to_owned()] } else { Vec::new() },
                customer_key: customer.map(str::to_owned),
                supervisor: None,
                password_hash: None,
            };
            let id = cx.execute(&user, None).await.unwrap();
            self.people.insert(name, id);
        }
    }

    /// The names of all users.
    pub fn user_names() -> impl Iterator<Item = &'static str> {
        PEOPLE.iter().map(|(name, ..)| *name)
    }

    pub fn id(&self, name: &str) -> UserId {
        self.people[name]
    }

    pub fn address(&self) -> String {
        let (server, _) = self.running.as_ref().expect("the desk runs");
        format!("http://{}", server.address)
    }

    /// The address of the mail gateway.
    pub fn mail_address(&self) -> std::net::SocketAddr {
        let (server, _) = self.running.as_ref().expect("the desk runs");
        server.mail.expect("the desk takes mail")
    }

    /// A client without a session.
    pub fn anonymous(&self) -> Client {
        Client { http: self.http.clone(), address: self.address(), token: None, language: "en" }
    }

    /// A client of the named user, signed in without the cost of password hashing.
    pub async fn as_(&self, name: &str) -> Client {
        let mut tx = Ctx::system(&self.app).begin().await.unwrap();
        let tokens = domain::auth::commands::open_session(&mut tx, self.id(name)).await.unwrap();
        tx.commit().await.unwrap();
        Client { token: Some(tokens.access), ..self.anonymous() }
    }

    /// Creates a ticket as a user and returns its id.
    pub async fn create_ticket(&self, by: &str, title: &str, more: Json) -> String {
        let mut input = json!({ "title": title, "description": title });
        input.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        let payload = self.as_(by).await.mutate_ok("createTicket", "ticket { id }", input).await;
        payload["ticket"]["id"].as_str().unwrap().to_owned()
    }

    /// Binds an address to a person, by an administrator.
    pub async fn bind_address(&self, name: &str, channel: &str, address: &str, primary: bool) {
        let user = self.id(name).to_string();
        let input = json!({ "channel": channel, "address": address, "primary": primary, "userId": user });
        self.as_("admin").await.mutate_ok("bindTerminal", "__typename", input).await;
    }

    /// Creates a ticket that `agent` accepts and resolves.
    pub async fn create_resolved_ticket(&self, agent: &str, title: &str, resolution: &str, more: Json) -> String {
        let id = self.create_ticket("admin", title, more).await;
        let assignee = self.id(agent).to_string();
        self.as_("admin")
            .await
            .mutate_ok("assignTicket", "__typename", json!({ "ticketId": id, "assigneeId": assignee }))
            .await;
        let agent = self.as_(agent).await;
        agent.mutate_ok("acceptTicket", "__typename", json!({ "ticketId": id })).await;
        agent
            .mutate_ok("resolveTicket", "__typename", json!({ "ticketId": id, "attribution": attribution(resolution) }))
            .await;
        id
    }

    /// Advances the clock and runs the jobs that become due.
    pub async fn advance(&self, by: Duration) -> usize {
        self.clock.advance(by);
        worker::run_due(&self.app, &CancellationToken::new()).await.unwrap()
    }

    /// Waits until feed, search index and metric columns include every commit.
    #[expect(clippy::disallowed_methods, reason = "a test that waits for ever is no test")]
    pub async fn wait_for_followers(&self) {
        let wait = async {
            let mut indexed = self.app.state::<IndexProgress>().watch();
            let mut counted = self.app.state::<ColumnCache>().watch();
            let EmbeddingService { model_dir, at, .. } = self.app.state::<EmbeddingService>();
            let (model_dir, mut encoded) = (model_dir.as_ref(), at.subscribe());
            loop {
                let head = log::head(self.app.db.read(), self.app.db.engine).await.unwrap();
                indexed.wait_for(|at| *at >= head).await.unwrap();
                counted.wait_for(|at| *at >= head).await.unwrap();
                // With an encoder, new texts must be encoded.
                if model_dir.is_some_and(|dir| dir.is_dir()) {
                    encoded.wait_for(|at| *at >= head).await.unwrap();
                }
                if head >= last_position(&self.app).await {
                    return;
                }
                // Above the horizon: another test has an open transaction on this PostgreSQL server.
                tokio::task::yield_now().await;
            }
        };
        if tokio::time::timeout(PATIENCE, wait).await.is_err() {
            let head = log::head(self.app.db.read(), self.app.db.engine).await.unwrap();
            let fed = *self.app.feed.head().borrow();
            let indexed = *self.app.state::<IndexProgress>().watch().borrow();
            let counted = *self.app.state::<ColumnCache>().watch().borrow();
            panic!("log {head}, feed {fed}, index {indexed}, columns {counted}");
        }
    }

    /// Stops the desk. Fails if a due job was not run.
    pub async fn close(mut self) {
        let backlog = jobs::backlog(self.app.db.read(), self.app.now()).await.unwrap();
        assert_eq!((backlog.due, backlog.dead_letters), (0, 0), "due and buried jobs at the end");
        self.stop().await;
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        assert!(self.running.is_none() || std::thread::panicking(), "a test ends with desk.close().await");
    }
}

/// The position of the last event, whether followers can read it or not.
async fn last_position(app: &App) -> Cursor {
    use sea_orm::{ConnectionTrait as _, Statement};
    let last = "select xid, seq from event_log order by xid desc, seq desc limit 1";
    let conn = app.db.read();
    let row = conn.query_one_raw(Statement::from_string(conn.get_database_backend(), last)).await.unwrap();
    row.map_or(Cursor::START, |row| Cursor {
        xid: row.try_get("", "xid").unwrap(),
        seq: row.try_get("", "seq").unwrap(),
    })
}

/// A complete attribution.
pub fn attribution(resolution: &str) -> Json {
    json!({
        "faultType": "HARDWARE", "rootCauseLevel": "L2_ENVIRONMENT", "causeTag": "LOOSE_CONNECTOR",
        "solutionTags": ["RESTART"], "resolution": resolution,
    })
}
