//! A help desk with people in it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use api::config::Config;
use api::http::Server;
use api::node::{self, Background, Hands, Jobs};
use domain::catalogue::model::{Kind, SaveEntry, SaveTeam};
use domain::kernel::id::OsChance;
use domain::kernel::{ManualClock, Role, Timestamp, UserId};
use domain::metrics::react::Held;
use domain::people::model::{CreateUser, SaveCustomer};
use domain::recommend::model::Meaning;
use domain::recommend::react::Progress;
use domain::runtime::{App, Ctx, Cursor, jobs, log, worker};
use serde_json::{Value as Json, json};
use tokio_util::sync::CancellationToken;

use crate::PATIENCE;
use crate::client::Client;
use crate::database::{Database, config};

/// When every test begins: a Monday.
pub fn start_of_time() -> Timestamp {
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
type Someone = (&'static str, &'static [Role], &'static [&'static str], Option<&'static str>);

/// Who works here.
const PEOPLE: &[Someone] = &[
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
        let mut desk = Self::before_opening().await;
        desk.open();
        desk
    }

    /// A desk where tickets find people by themselves.
    pub async fn dispatching() -> Self {
        let mut desk = Self::furnished(|config| config.dispatch.automatic = true).await;
        desk.open();
        desk
    }

    /// A desk of an administrator who has chosen something.
    pub async fn configured(choose: impl FnOnce(&mut Config)) -> Self {
        let mut desk = Self::furnished(choose).await;
        desk.open();
        desk
    }

    /// People and catalogue stand; nothing runs yet.
    pub async fn before_opening() -> Self {
        Self::furnished(|_| {}).await
    }

    async fn furnished(choose: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::prepare(folder.path()).await;
        let mut config = config(folder.path(), &database);
        config.dispatch.automatic = false;
        choose(&mut config);
        let clock = Arc::new(ManualClock::at(start_of_time()));
        let app = node::open(&config, Hands { clock: clock.clone(), chance: Arc::new(OsChance) }).await.unwrap();
        let http = reqwest::Client::builder().pool_max_idle_per_host(4).build().unwrap();
        let mut desk = Self { app, clock, config, folder, people: HashMap::new(), http, running: None };
        desk.furnish().await;
        desk
    }

    /// Another worker on the same database: a node of its own on PostgreSQL; on SQLite, which has one process, the same.
    pub async fn other_node(&self) -> (Arc<App>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        if self.config.database_url.is_empty() {
            return (self.app.clone(), folder);
        }
        let mut config = self.config.clone();
        config.master_key_file = self.config.master_key_file().display().to_string();
        config.data_dir = folder.path().to_owned();
        let hands = Hands { clock: self.clock.clone(), chance: Arc::new(OsChance) };
        (node::open(&config, hands).await.unwrap(), folder)
    }

    /// Serves, and follows the log.
    pub fn open(&mut self) {
        let background = Background::start(&self.app, Jobs::ByHand);
        let server = Server::start(&self.config, &self.app, false).unwrap();
        self.running = Some((server, background));
    }

    /// Stops the process and starts it again on the same folder.
    pub async fn restart(&mut self) {
        self.stop().await;
        let hands = Hands { clock: self.clock.clone(), chance: Arc::new(OsChance) };
        self.app = node::open(&self.config, hands).await.unwrap();
        self.open();
    }

    async fn stop(&mut self) {
        let (server, background) = self.running.take().expect("the desk runs");
        server.stop().await;
        background.stop().await;
        self.app.db.close().await;
    }

    async fn furnish(&mut self) {
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

    /// Everyone's name.
    pub fn everyone() -> impl Iterator<Item = &'static str> {
        PEOPLE.iter().map(|(name, ..)| *name)
    }

    pub fn id(&self, name: &str) -> UserId {
        self.people[name]
    }

    pub fn address(&self) -> String {
        let (server, _) = self.running.as_ref().expect("the desk runs");
        format!("http://{}", server.address)
    }

    /// Where mail for help is brought.
    pub fn mail(&self) -> std::net::SocketAddr {
        let (server, _) = self.running.as_ref().expect("the desk runs");
        server.mail.expect("the desk takes mail")
    }

    /// Somebody who has not signed in.
    pub fn nobody(&self) -> Client {
        Client { http: self.http.clone(), address: self.address(), token: None, language: "en" }
    }

    /// Somebody of the desk, signed in (without the cost of a password).
    pub async fn as_(&self, name: &str) -> Client {
        let mut tx = Ctx::system(&self.app).begin().await.unwrap();
        let tokens = domain::auth::commands::open_session(&mut tx, self.id(name)).await.unwrap();
        tx.commit().await.unwrap();
        Client { token: Some(tokens.access), ..self.nobody() }
    }

    /// A new ticket, by somebody; its id.
    pub async fn ticket(&self, by: &str, title: &str, more: Json) -> String {
        let mut input = json!({ "title": title, "description": title });
        input.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        let payload = self.as_(by).await.done("createTicket", "ticket { id }", input).await;
        payload["ticket"]["id"].as_str().unwrap().to_owned()
    }

    /// A ticket that was taken on and resolved by `agent`.
    pub async fn resolved(&self, agent: &str, title: &str, resolution: &str, more: Json) -> String {
        let id = self.ticket("admin", title, more).await;
        let assignee = self.id(agent).to_string();
        self.as_("admin")
            .await
            .done("assignTicket", "__typename", json!({ "ticketId": id, "assigneeId": assignee }))
            .await;
        let agent = self.as_(agent).await;
        agent.done("acceptTicket", "__typename", json!({ "ticketId": id })).await;
        agent
            .done("resolveTicket", "__typename", json!({ "ticketId": id, "attribution": attribution(resolution) }))
            .await;
        id
    }

    /// Moves the clock and runs what comes due.
    pub async fn advance(&self, by: Duration) -> usize {
        self.clock.advance(by);
        worker::run_due(&self.app, &CancellationToken::new()).await.unwrap()
    }

    /// Waits until feed, index and columns have followed all that was committed.
    #[expect(clippy::disallowed_methods, reason = "a test that waits for ever is no test")]
    pub async fn settle(&self) {
        let wait = async {
            let mut indexed = self.app.state::<Progress>().watch();
            let mut counted = self.app.state::<Held>().watch();
            let mut encoded = self.app.state::<Meaning>().at.subscribe();
            loop {
                let head = log::head(self.app.db.read(), self.app.db.engine).await.unwrap();
                indexed.wait_for(|at| *at >= head).await.unwrap();
                counted.wait_for(|at| *at >= head).await.unwrap();
                // Where there is an encoder, what is new has been encoded.
                if self.app.state::<Meaning>().is_usable() {
                    encoded.wait_for(|at| *at >= head).await.unwrap();
                }
                if head >= written(&self.app).await {
                    return;
                }
                // Above the horizon: another test's transaction is still open in this server.
                tokio::task::yield_now().await;
            }
        };
        if tokio::time::timeout(PATIENCE, wait).await.is_err() {
            let head = log::head(self.app.db.read(), self.app.db.engine).await.unwrap();
            let fed = *self.app.feed.head().borrow();
            let indexed = *self.app.state::<Progress>().watch().borrow();
            let counted = *self.app.state::<Held>().watch().borrow();
            panic!("log {head}, feed {fed}, index {indexed}, columns {counted}");
        }
    }

    /// Ends the desk. A job that is due and was not run is a fault.
    pub async fn close(mut self) {
        let backlog = jobs::backlog(self.app.db.read(), self.app.now()).await.unwrap();
        assert_eq!((backlog.due, backlog.buried), (0, 0), "due and buried jobs at the end");
        self.stop().await;
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        assert!(self.running.is_none() || std::thread::panicking(), "a test ends with desk.close().await");
    }
}

/// The last place written, readable by followers or not.
async fn written(app: &App) -> Cursor {
    use sea_orm::{ConnectionTrait as _, Statement};
    let last = "select xid, seq from event_log order by xid desc, seq desc limit 1";
    let conn = app.db.read();
    let row = conn.query_one_raw(Statement::from_string(conn.get_database_backend(), last)).await.unwrap();
    row.map_or(Cursor::START, |row| Cursor {
        xid: row.try_get("", "xid").unwrap(),
        seq: row.try_get("", "seq").unwrap(),
    })
}

/// An attribution that is complete.
pub fn attribution(resolution: &str) -> Json {
    json!({
        "faultType": "HARDWARE", "rootCauseLevel": "L2_ENVIRONMENT", "causeTag": "LOOSE_CONNECTOR",
        "solutionTags": ["RESTART"], "resolution": resolution,
    })
}
