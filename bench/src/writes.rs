//! Durable writes, relative to bare INSERTs of the same rows in the same SQLite.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use uuid::Uuid;

use crate::client::post;
use crate::instance::Instance;
use crate::load::{LoadResult, over_http};
use crate::report::{Report, rate};
use crate::rows;

const DURATION: Duration = Duration::from_secs(6);
/// Concurrent clients.
const CLIENTS: usize = 64;

const CREATE: &str = "mutation C($input: CreateTicketInput!) { createTicket(input: $input) { ticket { id number } userErrors { code } } }";

pub fn description(n: u64) -> String {
    format!(
        "设备 PM-3300 在 {} 号线报警 E-{}，重启后仍然出现 The line stops after some minutes; the display shows code {n}.",
        n % 90,
        700 + n % 40
    )
}

pub fn create(token: &str, n: u64) -> Vec<u8> {
    let input = json!({ "title": format!("{} 号线 PM-3300 停机 E-{}", n % 90, 700 + n % 40), "description": description(n),
        "issueType": format!("TYPE{}", n % 20), "product": "PM-3300" });
    post("/graphql", token, &json!({ "query": CREATE, "variables": { "input": input } }))
}

pub async fn bare(file: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(10))
        .disable_statement_logging();
    SqliteConnection::connect_with(&options).await.expect("the database opens")
}

pub async fn bare_event(tx: &mut SqliteConnection, kind: &str, id: Uuid, at: i64, payload: &serde_json::Value) {
    let event = sqlx::query(
        "insert into event_log (kind, subject_kind, subject, actor, side, audience, channel, request_id, at, payload, digest)
         values (?, 'ticket', ?, ?, 'STAFF', 'PUBLIC', 'api', ?, ?, ?, ?)",
    )
    .bind(kind)
    .bind(id)
    .bind(id)
    .bind(id)
    .bind(at)
    .bind(payload.to_string())
    .bind(vec![0_u8; 32]);
    tx.execute(event).await.expect("an event");
}

async fn bare_job(tx: &mut SqliteConnection, job: Uuid, kind: &str, id: Uuid, at: i64) {
    let job =
        sqlx::query("insert into job (id, kind, subject, run_at, attempts, fence, lane) values (?, ?, ?, ?, 0, 0, '')")
            .bind(job)
            .bind(kind)
            .bind(id.to_string())
            .bind(at);
    tx.execute(job).await.expect("a job");
}

/// Two clocks and three levels, and the jobs of their timers.
async fn bare_timers(tx: &mut SqliteConnection, id: Uuid, at: i64) {
    for metric in ["FIRST_RESPONSE", "RESOLUTION"] {
        let clock = sqlx::query(
            "insert into sla_clock (ticket_id, metric, policy_key, policy_version, calendar_key, calendar_version, target_ms,
                started_at, spent_ms, since, due_at) values (?, ?, 'DEFAULT', 1, 'ALWAYS', 1, 900000, ?, 0, ?, ?)",
        )
        .bind(id)
        .bind(metric)
        .bind(at)
        .bind(at)
        .bind(at);
        tx.execute(clock).await.expect("a clock");
    }
    for level in 1..=3 {
        let planned = sqlx::query(
            "insert into escalation (ticket_id, epoch, level, since, due_at, state, priority, policy_version, channels, retry)
             values (?, 1, ?, ?, ?, 'PLANNED', 2, 1, '[\"WEB\",\"EMAIL\"]', 0)",
        )
        .bind(id)
        .bind(level)
        .bind(at)
        .bind(at);
        tx.execute(planned).await.expect("a level");
    }
    for (n, kind) in (1..).zip(["sla.watch", "escalation.level", "escalation.unopened", "dispatch.assign"]) {
        bare_job(tx, Uuid::from_u128(id.as_u128() - n), kind, id, at).await;
    }
}

/// Durable transactions in sequence, each with the rows of a new ticket.
async fn bare_creates(file: &Path) -> LoadResult {
    let mut db = bare(file).await;
    let (started, mut took, mut n) = (Instant::now(), Vec::new(), 0_u64);
    while started.elapsed() < DURATION {
        let sent_at = Instant::now();
        n += 1;
        let id = Uuid::from_u128(u128::from(n) << 64 | u128::from(u64::MAX));
        let payload = json!({ "Ticket": { "ticket": id, "fact": { "Created": { "text_digest": "0".repeat(64) } },
            "after": { "status": "NEW", "priority": "NORMAL", "team": id, "requester": id, "product": "PM-3300", "issue_type": "TYPE1" } } });
        let mut tx = db.begin_with("BEGIN IMMEDIATE").await.expect("begin");
        let ticket = sqlx::query(
            "insert into ticket (id, number, token, title, description, status, priority, issue_type, product, required_skills,
                channel, version, requester_id, team_id, accepted, confidential, imported, created_at, updated_at,
                public_updated_at, reopen_count, hand_over_count, chase_count, first_resolution_hand_overs)
             values (?, ?, ?, ?, ?, 'NEW', 2, ?, 'PM-3300', '[]', 'api', 1, ?, ?, 0, 0, 0, ?, ?, ?, 0, 0, 0, 0)",
        )
        .bind(id)
        .bind(1_000_000_000 + n.cast_signed())
        .bind(format!("BENCH-{n}"))
        .bind(format!("{} 号线 PM-3300 停机 E-{}", n % 90, 700 + n % 40))
        .bind(description(n))
        .bind(format!("TYPE{}", n % 20))
        .bind(id)
        .bind(id)
        .bind(1_790_000_000_000 + n.cast_signed())
        .bind(1_790_000_000_000 + n.cast_signed())
        .bind(1_790_000_000_000 + n.cast_signed());
        tx.execute(ticket).await.expect("a ticket");
        bare_event(&mut tx, "TicketCreated", id, 1_790_000_000_000 + n.cast_signed(), &payload).await;
        bare_timers(&mut tx, id, 1_790_000_000_000 + n.cast_signed()).await;
        tx.commit().await.expect("a commit");
        took.push(sent_at.elapsed());
    }
    LoadResult::of(took, started.elapsed())
}

pub async fn creates(report: &mut Report) {
    let instance = Instance::open().await;
    let token = instance.token(instance.admin).await;
    let address = instance.address();
    // Warms up the server; the limit is measured before and after, because the machine is noisy.
    over_http(&address, 8, Duration::from_secs(1), {
        let token = token.clone();
        move |n| Some(create(&token, n))
    })
    .await;
    instance.wait_until_indexed().await;
    let (first, second) = (copied(&instance).await, copied(&instance).await);
    let before = bare_creates(&first.path().join("buoy.sqlite")).await;
    let ours = over_http(&address, CLIENTS, DURATION, move |n| Some(create(&token, n))).await;
    let after = bare_creates(&second.path().join("buoy.sqlite")).await;
    let limit = f64::midpoint(before.per_second, after.per_second);
    report.row(
        "create a ticket, durable (64 clients, GraphQL over HTTP)",
        rate(ours.per_second),
        "bare INSERTs of its rows, one transaction each",
        rate(limit),
        ours.per_second / limit,
    );
    instance.close().await;
}

const RESOLVE: &str = "mutation R($input: ResolveTicketInput!) { resolveTicket(input: $input) {
    ticket { id status } userErrors { code message } } }";
/// More than the run can resolve.
const OPEN: u64 = 40_000;

fn resolution(n: u64) -> String {
    format!(
        "更换端子 X{} 并升级固件 2.3.1；replaced the connector and updated the firmware, then ran for an hour.",
        n % 90
    )
}

/// Durable transactions in sequence, each with the rows of a resolved ticket.
async fn bare_resolves(file: &Path) -> LoadResult {
    let mut db = bare(file).await;
    let (started, mut took, mut n) = (Instant::now(), Vec::new(), 0_u64);
    while started.elapsed() < DURATION && n < OPEN {
        let sent_at = Instant::now();
        let (id, at) = (rows::id(n), 1_790_000_000_000 + n.cast_signed());
        n += 1;
        let before = json!({ "status": "IN_PROGRESS", "priority": "NORMAL", "team": id, "assignee": id, "product": "PM-3300", "issue_type": "TYPE1" });
        let payload = json!({ "Ticket": { "ticket": id, "fact": { "Resolved": { "text_digest": "0".repeat(64) } }, "before": before, "after": before } });
        let mut tx = db.begin_with("BEGIN IMMEDIATE").await.expect("begin");
        let ticket = sqlx::query(
            "update ticket set status = 'RESOLVED', resolved_at = ?, first_resolved_at = ?, updated_at = ?,
                public_updated_at = ?, version = version + 1 where id = ? and version = 1",
        )
        .bind(at)
        .bind(at)
        .bind(at)
        .bind(at)
        .bind(id);
        tx.execute(ticket).await.expect("a ticket");
        let attribution = sqlx::query(
            "insert into attribution (ticket_id, fault_type, root_cause_level, cause_tag, solution_tags, resolution, by_id, at)
             values (?, 'HARDWARE', 'L2_ENVIRONMENT', null, '[\"PATCH\"]', ?, ?, ?)",
        )
        .bind(id)
        .bind(resolution(n))
        .bind(id)
        .bind(at);
        tx.execute(attribution).await.expect("an attribution");
        for metric in ["FIRST_RESPONSE", "RESOLUTION"] {
            let clock = sqlx::query(
                "update sla_clock set since = null, ended_at = ?, spent_ms = ? where ticket_id = ? and metric = ?",
            )
            .bind(at)
            .bind(at)
            .bind(id)
            .bind(metric);
            tx.execute(clock).await.expect("a clock");
        }
        bare_job(&mut tx, id, "tickets.close", id, at).await;
        bare_event(&mut tx, "TicketResolved", id, at, &payload).await;
        tx.commit().await.expect("a commit");
        took.push(sent_at.elapsed());
    }
    LoadResult::of(took, started.elapsed())
}

pub async fn resolves(report: &mut Report) {
    let instance = Instance::open().await;
    let (token, address) = (instance.token(instance.admin).await, instance.address());
    rows::fill(&instance, 0, OPEN, "'IN_PROGRESS'").await;
    rows::start_clocks(&instance).await;
    let (first, second) = (copied(&instance).await, copied(&instance).await);
    let before = bare_resolves(&first.path().join("buoy.sqlite")).await;
    let ours = over_http(&address, CLIENTS, DURATION, move |n| {
        let attribution = json!({ "faultType": "HARDWARE", "rootCauseLevel": "L2_ENVIRONMENT", "solutionTags": ["PATCH"], "resolution": resolution(n) });
        let input = json!({ "ticketId": rows::id(n), "attribution": attribution });
        (n < OPEN).then(|| post("/graphql", &token, &json!({ "query": RESOLVE, "variables": { "input": input } })))
    })
    .await;
    let after = bare_resolves(&second.path().join("buoy.sqlite")).await;
    let limit = f64::midpoint(before.per_second, after.per_second);
    report.row(
        "resolve a ticket, durable (64 clients, GraphQL over HTTP)",
        rate(ours.per_second),
        "bare writes of its rows, one transaction each",
        rate(limit),
        ours.per_second / limit,
    );
    instance.close().await;
}

/// A copy of the database, so that bare writes do not touch the running server's.
pub async fn copied(instance: &Instance) -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("buoy-bench-").tempdir().expect("a temporary folder");
    let mut db = bare(&instance.config.data_dir.join("buoy.sqlite")).await;
    let file = folder.path().join("buoy.sqlite");
    sqlx::query("vacuum into ?").bind(file.to_str().expect("a path")).execute(&mut db).await.expect("a copy");
    folder
}
