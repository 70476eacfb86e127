//! Durable status reports, and the latency of a correction at another system: relative to bare writes of the same rows
//! and a bare request with the same body.

use std::path::Path;
use std::time::{Duration, Instant};

use actix_web::{App as HttpApp, HttpResponse, HttpServer, web};
use domain::kernel::{Clock as _, SystemClock, Timestamp, seconds};
use sea_orm::{ConnectionTrait as _, Statement};
use serde_json::{Value as Json, json};
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, Executor as _};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::client::{Connection, post};
use crate::instance::Instance;
use crate::load::{LoadResult, over_http};
use crate::report::{Report, millis, rate};
use crate::writes::{bare, bare_event, copied, create};

const DURATION: Duration = Duration::from_secs(6);
const CLIENTS: usize = 64;
/// Clients that send batches.
const SENDERS: usize = 8;
const BATCH: usize = 100;
/// Consecutive reports are of different tickets, so that no ticket gets a long history.
const TICKETS: usize = 3_000;
const CORRECTIONS: usize = 500;

const REPORT: &str = "mutation R($input: ReportStatusesInput!) { reportStatuses(input: $input) {
    results { uuid outcome truth } userErrors { code message } } }";
const REGISTER: &str =
    "mutation S($input: RegisterSystemInput!) { registerSystem(input: $input) { apiKey userErrors { message } } }";
/// What one report writes besides the ticket and its clocks.
const EVENT: &str = "TicketStatusReported";

/// The endpoint that receives one system's corrections; it reports the time of each arrival.
struct Endpoint {
    address: String,
    arrivals: mpsc::UnboundedReceiver<Instant>,
    server: actix_web::dev::ServerHandle,
}

impl Endpoint {
    fn start() -> Self {
        let (arrived, arrivals) = mpsc::unbounded_channel();
        let server = HttpServer::new(move || {
            let arrived = arrived.clone();
            HttpApp::new().default_service(web::to(move |_body: web::Bytes| {
                let _ = arrived.send(Instant::now());
                async { HttpResponse::Ok().body("{}") }
            }))
        })
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .expect("a free port");
        let address = format!("http://{}", server.addrs()[0]);
        let running = server.run();
        let handle = running.handle();
        tokio::spawn(running);
        Self { address, arrivals, server: handle }
    }

    async fn arrival(&mut self) -> Instant {
        self.arrivals.recv().await.expect("the endpoint lives")
    }
}

struct Setup {
    instance: Instance,
    address: String,
    /// Tokens of the tickets.
    tokens: Vec<String>,
    /// Later than all events of the tickets.
    started: Timestamp,
    endpoint: Endpoint,
    /// API keys of the reporting system and of the corrected one.
    crm: String,
    erp: String,
}

/// The n-th report: for a different ticket each time; when a ticket comes again, one second later with the other
/// status.
fn report(tokens: &[String], started: Timestamp, n: usize) -> Json {
    let (round, word) = (n / tokens.len(), ["待确认", "处理中"][n / tokens.len() % 2]);
    let at = started + seconds(u64::try_from(round).expect("few rounds"));
    json!({ "uuid": tokens[n % tokens.len()], "status": word, "timestamp": at.to_string(), "operator": "王工",
        "eventId": format!("E-{n}") })
}

fn reports(key: &str, reports: &[Json]) -> Vec<u8> {
    post("/graphql", key, &json!({ "query": REPORT, "variables": { "input": { "reports": reports } } }))
}

impl Setup {
    /// Tickets in progress, and two registered systems.
    async fn create() -> Self {
        let instance = Instance::open().await;
        let (address, admin) = (instance.address(), instance.token(instance.admin).await);
        let token = admin.clone();
        over_http(&address, CLIENTS, Duration::MAX, move |n| ((n as usize) < TICKETS).then(|| create(&token, n))).await;
        let agent = instance.agents[0].0.simple();
        let tx = instance.app.db.begin().await.expect("a transaction");
        let worked_on = format!("update ticket set status = 'IN_PROGRESS', accepted = 1, assignee_id = x'{agent}'");
        tx.conn().execute_unprepared(&worked_on).await.expect("tickets");
        tx.commit().await.expect("a commit");
        instance.wait_until_indexed().await;
        let conn = instance.app.db.read();
        let statement = Statement::from_string(conn.get_database_backend(), "select token from ticket order by number");
        let rows = conn.query_all_raw(statement).await.expect("tickets");
        let tokens = rows.iter().map(|row| row.try_get("", "token").expect("a token")).collect();
        let endpoint = Endpoint::start();
        let mut connection = Connection::open(&address).await.expect("the server listens");
        let mut register = async |key: &str, callback: Option<&str>| {
            let words = [("处理中", "IN_PROGRESS"), ("待确认", "WAITING")];
            let words = words.map(|(word, status)| json!({ "word": word, "status": status }));
            let input = json!({ "key": key, "callbackUrl": callback, "statusMap": words });
            let request = post("/graphql", &admin, &json!({ "query": REGISTER, "variables": { "input": input } }));
            let answer: Json =
                serde_json::from_slice(connection.ask(&request).await.expect("an answer")).expect("JSON");
            answer["data"]["registerSystem"]["apiKey"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
        };
        let (crm, erp) = (register("CRM", None).await, register("ERP", Some(&endpoint.address)).await);
        #[expect(clippy::disallowed_methods, reason = "the instance that is measured runs on the real clock")]
        let started = SystemClock::of_machine().now();
        Self { instance, address, tokens, started, endpoint, crm, erp }
    }

    /// Reports that change no ticket would measure something else.
    async fn assert_all_applied(&self) {
        let conn = self.instance.app.db.read();
        let sql =
            "select count(*) as n, sum(outcome = 'APPLIED') as moved from status_report where event_id is not null";
        let statement = Statement::from_string(conn.get_database_backend(), sql);
        let row = conn.query_one_raw(statement).await.expect("reports").expect("a row");
        let (n, moved): (i64, i64) = (row.try_get("", "n").expect("n"), row.try_get("", "moved").expect("moved"));
        assert!(n > 0 && moved * 100 >= n * 99, "{moved} of {n} reports moved their ticket");
    }

    async fn close(self) {
        self.instance.close().await;
        self.endpoint.server.stop(true).await;
    }
}

/// The rows of one report that changes its ticket.
async fn bare_report(tx: &mut SqliteConnection, ticket: Uuid, system: Uuid, id: Uuid, at: i64) {
    let (word, status) = [("待确认", "WAITING"), ("处理中", "IN_PROGRESS")][usize::from(at % 2 == 0)];
    let report = sqlx::query(
        "insert into status_report (id, ticket_id, system_id, rank, word, status, reopens, by_person, at, received_at,
            operator, event_id, digest, outcome) values (?, ?, ?, 100, ?, ?, 0, 0, ?, ?, '王工', ?, ?, 'APPLIED')",
    )
    .bind(id)
    .bind(ticket)
    .bind(system)
    .bind(word)
    .bind(status)
    .bind(at)
    .bind(at)
    .bind(format!("B-{id}"))
    .bind(id.as_bytes().repeat(2));
    tx.execute(report).await.expect("a report");
    let state = sqlx::query(
        "insert into hub_holding (ticket_id, system_id, report_id, status) values (?, ?, ?, ?)
         on conflict (ticket_id, system_id) do update set report_id = excluded.report_id, status = excluded.status",
    )
    .bind(ticket)
    .bind(system)
    .bind(id)
    .bind(status);
    tx.execute(state).await.expect("a holding");
    let truth = sqlx::query(
        "insert into hub_ticket (ticket_id, status, changed_at, reopenings, reporting) values (?, ?, ?, 0, 1)
         on conflict (ticket_id) do update set status = excluded.status, changed_at = excluded.changed_at",
    )
    .bind(ticket)
    .bind(status)
    .bind(at);
    tx.execute(truth).await.expect("a truth");
    let moved = sqlx::query(
        "update ticket set status = ?, updated_at = ?, public_updated_at = ?, version = version + 1 where id = ?",
    )
    .bind(status)
    .bind(at)
    .bind(at)
    .bind(ticket);
    tx.execute(moved).await.expect("a ticket");
    let clock =
        sqlx::query("update sla_clock set since = ?, spent_ms = ? where ticket_id = ? and metric = 'RESOLUTION'")
            .bind(at)
            .bind(at)
            .bind(ticket);
    tx.execute(clock).await.expect("a clock");
    for kind in [EVENT, "TicketStatusChanged"] {
        let payload = json!({ "Ticket": { "ticket": ticket, "fact": { "StatusReported": { "system": "CRM", "word": word,
            "status": status, "outcome": "APPLIED" } }, "after": { "status": status, "priority": "NORMAL", "team": ticket,
            "assignee": ticket, "product": "PM-3300", "issue_type": "TYPE1" } } });
        bare_event(tx, kind, ticket, at, &payload).await;
    }
}

async fn tickets_and_system(db: &mut SqliteConnection) -> (Vec<Uuid>, Uuid) {
    let tickets =
        sqlx::query_scalar("select id from ticket order by number").fetch_all(&mut *db).await.expect("tickets");
    let system =
        sqlx::query_scalar("select id from partner_system where key = 'CRM'").fetch_one(db).await.expect("CRM");
    (tickets, system)
}

/// Durable transactions in sequence, each with the rows of `of` reports; returns reports per second.
async fn bare_reports(file: &Path, of: usize) -> f64 {
    let mut db = bare(file).await;
    let (tickets, system) = tickets_and_system(&mut db).await;
    let (started, mut n) = (Instant::now(), 0_usize);
    while started.elapsed() < DURATION {
        let mut tx = db.begin_with("BEGIN IMMEDIATE").await.expect("begin");
        for _ in 0..of {
            let at = 1_790_000_000_000 + i64::try_from(n / tickets.len()).expect("few rounds");
            bare_report(&mut tx, tickets[n % tickets.len()], system, Uuid::from_u128(n as u128 + 1), at).await;
            n += 1;
        }
        tx.commit().await.expect("a commit");
    }
    n as f64 / started.elapsed().as_secs_f64()
}

async fn report_throughput(table: &mut Report, what: &str, clients: usize, of: usize) {
    let setup = Setup::create().await;
    // Every ticket has a previous report.
    let mut connection = Connection::open(&setup.address).await.expect("the server listens");
    for batch in (0..TICKETS).collect::<Vec<_>>().chunks(BATCH) {
        let batch: Vec<Json> = batch.iter().map(|n| report(&setup.tokens, setup.started, *n)).collect();
        connection.ask(&reports(&setup.crm, &batch)).await.expect("an answer");
    }
    let (first, second) = (copied(&setup.instance).await, copied(&setup.instance).await);
    let before = bare_reports(&first.path().join("buoy.sqlite"), of).await;
    let (tokens, key, started) = (setup.tokens.clone(), setup.crm.clone(), setup.started);
    let ours = over_http(&setup.address, clients, DURATION, move |n| {
        let from = TICKETS + usize::try_from(n).expect("few requests") * of;
        let batch: Vec<Json> = (from..from + of).map(|n| report(&tokens, started, n)).collect();
        Some(reports(&key, &batch))
    })
    .await;
    let after = bare_reports(&second.path().join("buoy.sqlite"), of).await;
    setup.assert_all_applied().await;
    let (ours, limit) = (ours.per_second * of as f64, f64::midpoint(before, after));
    let limited = if of == 1 {
        "bare INSERTs of its rows, one transaction each"
    } else {
        "the same, one transaction for each hundred"
    };
    table.row(what, rate(ours), limited, rate(limit), ours / limit);
    setup.close().await;
}

/// The time from sending a report to the arrival of the correction at the other system's endpoint.
async fn correction_latency(table: &mut Report) {
    let mut setup = Setup::create().await;
    let mut connection = Connection::open(&setup.address).await.expect("the server listens");
    let tokens = setup.tokens[..CORRECTIONS].to_vec();
    for batch in (0..CORRECTIONS).collect::<Vec<_>>().chunks(BATCH) {
        let batch: Vec<Json> = batch.iter().map(|n| report(&tokens, setup.started, CORRECTIONS + n)).collect();
        connection.ask(&reports(&setup.erp, &batch)).await.expect("an answer");
    }
    setup.instance.wait_until_indexed().await;
    let folder = copied(&setup.instance).await;
    let mut latencies = Vec::new();
    let started = Instant::now();
    for n in 0..CORRECTIONS {
        let next = report(&tokens, setup.started, 2 * CORRECTIONS + n);
        let sent_at = Instant::now();
        connection.ask(&reports(&setup.crm, &[next])).await.expect("an answer");
        latencies.push(setup.endpoint.arrival().await - sent_at);
    }
    let ours = LoadResult::of(latencies, started.elapsed());
    let limit = bare_corrections(&folder.path().join("buoy.sqlite"), &mut setup.endpoint).await;
    for (what, ours, limit) in [("p50", ours.p50, limit.p50), ("p99", ours.p99, limit.p99)] {
        table.row(
            &format!("a correction at the other system's endpoint, since the report was sent, {what}"),
            millis(ours),
            "bare INSERTs of its rows, and a bare POST",
            millis(limit),
            limit.div_duration_f64(ours),
        );
    }
    setup.close().await;
}

async fn bare_corrections(file: &Path, endpoint: &mut Endpoint) -> LoadResult {
    let mut db = bare(file).await;
    let (tickets, system) = tickets_and_system(&mut db).await;
    let mut connection = Connection::open(&endpoint.address).await.expect("the endpoint listens");
    let (started, mut latencies) = (Instant::now(), Vec::new());
    for (n, ticket) in (1_u128..).zip(&tickets[..CORRECTIONS]) {
        let (id, now) = (Uuid::from_u128(n), 1_790_000_000_000);
        let sent_at = Instant::now();
        let mut tx = db.begin_with("BEGIN IMMEDIATE").await.expect("begin");
        bare_report(&mut tx, *ticket, system, id, now).await;
        let due = sqlx::query(
            "insert into correction (id, ticket_id, system_id, status, cause, created_at, state, attempts, refusals, due_at)
             values (?, ?, ?, 'WAITING', ?, ?, 'DUE', 0, 0, ?)",
        )
        .bind(id)
        .bind(ticket)
        .bind(system)
        .bind(id.to_string())
        .bind(now)
        .bind(now);
        tx.execute(due).await.expect("a correction");
        tx.commit().await.expect("a commit");
        let webhook = json!({ "type": "ticket.status_corrected", "timestamp": "2026-01-01T00:00:00Z", "data": { "uuid": "TKN-8X9F2Q-L4M7P",
            "status": "WAITING", "word": "待确认", "causeId": id } });
        connection.ask(&post("/corrections", "none", &webhook)).await.expect("an answer");
        latencies.push(endpoint.arrival().await - sent_at);
    }
    LoadResult::of(latencies, started.elapsed())
}

pub async fn hub(table: &mut Report) {
    report_throughput(table, "a report that moves its ticket, durable (64 clients, GraphQL over HTTP)", CLIENTS, 1)
        .await;
    report_throughput(table, "the same in batches of 100, reports (8 clients)", SENDERS, BATCH).await;
    correction_latency(table).await;
}
