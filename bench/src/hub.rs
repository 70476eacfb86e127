//! What systems report, durable, and how soon another one hears what differs: against bare writes of the same rows and a
//! bare request with the same body.

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
use crate::load::{Rate, over_http};
use crate::place::Place;
use crate::report::{Report, rate, took};
use crate::writes::{bare, bare_event, copied, create};

const LASTS: Duration = Duration::from_secs(6);
const CLIENTS: usize = 64;
/// Clients that send batches.
const SENDERS: usize = 8;
const BATCH: usize = 100;
/// Each report is of another ticket; none comes so often that its history is long.
const TICKETS: usize = 3_000;
const CORRECTIONS: usize = 500;

const REPORT: &str = "mutation R($input: ReportStatusesInput!) { reportStatuses(input: $input) {
    results { uuid outcome truth } userErrors { code message } } }";
const REGISTER: &str =
    "mutation S($input: RegisterSystemInput!) { registerSystem(input: $input) { apiKey userErrors { message } } }";
/// What one report writes beside the ticket and its clocks.
const EVENT: &str = "TicketStatusReported";

/// Where one system's corrections arrive; each is told by the instant of its arrival.
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

struct Stage {
    place: Place,
    address: String,
    /// Of the tickets.
    tokens: Vec<String>,
    /// Behind whatever happened to them.
    begun: Timestamp,
    endpoint: Endpoint,
    /// The key of the system that reports, and of the one that is corrected.
    crm: String,
    erp: String,
}

/// The n-th report: of another ticket each time, and whenever one comes again a second later, with the other word.
fn report(tokens: &[String], begun: Timestamp, n: usize) -> Json {
    let (round, word) = (n / tokens.len(), ["待确认", "处理中"][n / tokens.len() % 2]);
    let at = begun + seconds(u64::try_from(round).expect("few rounds"));
    json!({ "uuid": tokens[n % tokens.len()], "status": word, "timestamp": at.to_string(), "operator": "王工",
        "eventId": format!("E-{n}") })
}

fn reports(key: &str, reports: &[Json]) -> Vec<u8> {
    post("/graphql", key, &json!({ "query": REPORT, "variables": { "input": { "reports": reports } } }))
}

impl Stage {
    /// Tickets that somebody works on, and two systems that speak of them.
    async fn set() -> Self {
        let place = Place::open().await;
        let (address, admin) = (place.address(), place.token(place.admin).await);
        let token = admin.clone();
        over_http(&address, CLIENTS, Duration::MAX, move |n| ((n as usize) < TICKETS).then(|| create(&token, n))).await;
        let agent = place.agents[0].0.simple();
        let tx = place.app.db.begin().await.expect("a transaction");
        let worked_on = format!("update ticket set status = 'IN_PROGRESS', accepted = 1, assignee_id = x'{agent}'");
        tx.conn().execute_unprepared(&worked_on).await.expect("tickets");
        tx.commit().await.expect("a commit");
        place.settle().await;
        let conn = place.app.db.read();
        let asked = Statement::from_string(conn.get_database_backend(), "select token from ticket order by number");
        let rows = conn.query_all_raw(asked).await.expect("tickets");
        let tokens = rows.iter().map(|row| row.try_get("", "token").expect("a token")).collect();
        let endpoint = Endpoint::start();
        let mut connection = Connection::open(&address).await.expect("the server listens");
        let mut register = async |key: &str, callback: Option<&str>| {
            let words = [("处理中", "IN_PROGRESS"), ("待确认", "WAITING")];
            let words = words.map(|(word, status)| json!({ "word": word, "status": status }));
            let input = json!({ "key": key, "callbackUrl": callback, "statusMap": words });
            let asked = post("/graphql", &admin, &json!({ "query": REGISTER, "variables": { "input": input } }));
            let answer: Json = serde_json::from_slice(connection.ask(&asked).await.expect("an answer")).expect("JSON");
            answer["data"]["registerSystem"]["apiKey"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
        };
        let (crm, erp) = (register("CRM", None).await, register("ERP", Some(&endpoint.address)).await);
        let begun = SystemClock.now();
        Self { place, address, tokens, begun, endpoint, crm, erp }
    }

    /// Reports that moved no ticket measure something else.
    async fn all_moved(&self) {
        let conn = self.place.app.db.read();
        let sql =
            "select count(*) as n, sum(outcome = 'APPLIED') as moved from status_report where event_id is not null";
        let asked = Statement::from_string(conn.get_database_backend(), sql);
        let row = conn.query_one_raw(asked).await.expect("reports").expect("a row");
        let (n, moved): (i64, i64) = (row.try_get("", "n").expect("n"), row.try_get("", "moved").expect("moved"));
        assert!(n > 0 && moved * 100 >= n * 99, "{moved} of {n} reports moved their ticket");
    }

    async fn close(self) {
        self.place.close().await;
        self.endpoint.server.stop(true).await;
    }
}

/// The rows of one report that moves its ticket.
async fn bare_report(tx: &mut SqliteConnection, ticket: Uuid, system: Uuid, id: Uuid, at: i64) {
    let (word, status) = [("待确认", "WAITING"), ("处理中", "IN_PROGRESS")][usize::from(at % 2 == 0)];
    let said = sqlx::query(
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
    tx.execute(said).await.expect("a report");
    let holds = sqlx::query(
        "insert into hub_holding (ticket_id, system_id, report_id, status) values (?, ?, ?, ?)
         on conflict (ticket_id, system_id) do update set report_id = excluded.report_id, status = excluded.status",
    )
    .bind(ticket)
    .bind(system)
    .bind(id)
    .bind(status);
    tx.execute(holds).await.expect("a holding");
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

async fn known(db: &mut SqliteConnection) -> (Vec<Uuid>, Uuid) {
    let tickets =
        sqlx::query_scalar("select id from ticket order by number").fetch_all(&mut *db).await.expect("tickets");
    let system =
        sqlx::query_scalar("select id from partner_system where key = 'CRM'").fetch_one(db).await.expect("CRM");
    (tickets, system)
}

/// One durable transaction after the other, each with the rows of so many reports; reports a second.
async fn bare_reports(file: &Path, of: usize) -> f64 {
    let mut db = bare(file).await;
    let (tickets, system) = known(&mut db).await;
    let (begun, mut n) = (Instant::now(), 0_usize);
    while begun.elapsed() < LASTS {
        let mut tx = db.begin_with("BEGIN IMMEDIATE").await.expect("begin");
        for _ in 0..of {
            let at = 1_790_000_000_000 + i64::try_from(n / tickets.len()).expect("few rounds");
            bare_report(&mut tx, tickets[n % tickets.len()], system, Uuid::from_u128(n as u128 + 1), at).await;
            n += 1;
        }
        tx.commit().await.expect("a commit");
    }
    n as f64 / begun.elapsed().as_secs_f64()
}

async fn reported(table: &mut Report, what: &str, clients: usize, of: usize) {
    let stage = Stage::set().await;
    // Each ticket has been spoken of before.
    let mut connection = Connection::open(&stage.address).await.expect("the server listens");
    for batch in (0..TICKETS).collect::<Vec<_>>().chunks(BATCH) {
        let said: Vec<Json> = batch.iter().map(|n| report(&stage.tokens, stage.begun, *n)).collect();
        connection.ask(&reports(&stage.crm, &said)).await.expect("an answer");
    }
    let (first, second) = (copied(&stage.place).await, copied(&stage.place).await);
    let before = bare_reports(&first.path().join("buoy.sqlite"), of).await;
    let (tokens, key, begun) = (stage.tokens.clone(), stage.crm.clone(), stage.begun);
    let ours = over_http(&stage.address, clients, LASTS, move |n| {
        let from = TICKETS + usize::try_from(n).expect("few requests") * of;
        let batch: Vec<Json> = (from..from + of).map(|n| report(&tokens, begun, n)).collect();
        Some(reports(&key, &batch))
    })
    .await;
    let after = bare_reports(&second.path().join("buoy.sqlite"), of).await;
    stage.all_moved().await;
    let (ours, limit) = (ours.per_second * of as f64, f64::midpoint(before, after));
    let limited = if of == 1 {
        "bare INSERTs of its rows, one transaction each"
    } else {
        "the same, one transaction for each hundred"
    };
    table.row(what, rate(ours), limited, rate(limit), ours / limit);
    stage.close().await;
}

/// From a report on its way to the correction at the other system's door.
async fn corrected(table: &mut Report) {
    let mut stage = Stage::set().await;
    let mut connection = Connection::open(&stage.address).await.expect("the server listens");
    let tokens = stage.tokens[..CORRECTIONS].to_vec();
    for batch in (0..CORRECTIONS).collect::<Vec<_>>().chunks(BATCH) {
        let said: Vec<Json> = batch.iter().map(|n| report(&tokens, stage.begun, CORRECTIONS + n)).collect();
        connection.ask(&reports(&stage.erp, &said)).await.expect("an answer");
    }
    stage.place.settle().await;
    let folder = copied(&stage.place).await;
    let mut waits = Vec::new();
    let begun = Instant::now();
    for n in 0..CORRECTIONS {
        let said = report(&tokens, stage.begun, 2 * CORRECTIONS + n);
        let asked = Instant::now();
        connection.ask(&reports(&stage.crm, &[said])).await.expect("an answer");
        waits.push(stage.endpoint.arrival().await - asked);
    }
    let ours = Rate::of(waits, begun.elapsed());
    let limit = bare_corrections(&folder.path().join("buoy.sqlite"), &mut stage.endpoint).await;
    for (what, ours, limit) in [("p50", ours.p50, limit.p50), ("p99", ours.p99, limit.p99)] {
        table.row(
            &format!("a correction at the other system's endpoint, since the report was sent, {what}"),
            took(ours),
            "bare INSERTs of its rows, and a bare POST",
            took(limit),
            limit.div_duration_f64(ours),
        );
    }
    stage.close().await;
}

async fn bare_corrections(file: &Path, endpoint: &mut Endpoint) -> Rate {
    let mut db = bare(file).await;
    let (tickets, system) = known(&mut db).await;
    let mut door = Connection::open(&endpoint.address).await.expect("the endpoint listens");
    let (begun, mut waits) = (Instant::now(), Vec::new());
    for (n, ticket) in (1_u128..).zip(&tickets[..CORRECTIONS]) {
        let (id, now) = (Uuid::from_u128(n), 1_790_000_000_000);
        let asked = Instant::now();
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
        let letter = json!({ "type": "ticket.status_corrected", "timestamp": "2026-01-01T00:00:00Z", "data": { "uuid": "TKN-8X9F2Q-L4M7P",
            "status": "WAITING", "word": "待确认", "causeId": id } });
        door.ask(&post("/corrections", "none", &letter)).await.expect("an answer");
        waits.push(endpoint.arrival().await - asked);
    }
    Rate::of(waits, begun.elapsed())
}

pub async fn hub(table: &mut Report) {
    reported(table, "a report that moves its ticket, durable (64 clients, GraphQL over HTTP)", CLIENTS, 1).await;
    reported(table, "the same in batches of 100, reports (8 clients)", SENDERS, BATCH).await;
    corrected(table).await;
}
