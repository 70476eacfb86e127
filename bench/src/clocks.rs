//! 100,000 running clocks: the cost of the worker when nothing is due, and per due job, relative to the indexed range
//! query that finds it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::dispatch;
use domain::kernel::id::OsEntropy;
use domain::kernel::{Actor, Clock as _, ManualClock, SystemClock, UserId};
use domain::people::queries::person;
use domain::runtime::{App, Ctx, worker};
use domain::tickets::model::{CreateTicket, Priority};
use sea_orm::{ConnectionTrait as _, Statement};
use server::node::{Environment, open};
use tokio_util::sync::CancellationToken;

use crate::instance::{seed, temporary_config};
use crate::report::Report;

/// Tickets with two clocks (first response, resolution) and three planned escalation levels.
const TICKETS: u64 = 50_000;
const WRITERS: u64 = 64;
/// Jobs that become due.
const DUE: u64 = 2_000;
const POLLS: u32 = 2_000;

/// One ticket in each millisecond of the manual clock.
async fn fill(app: &Arc<App>, clock: &Arc<ManualClock>, admin: UserId) {
    let admin = Arc::new(person(app, admin).await.expect("a person").expect("the administrator"));
    let writers = (0..WRITERS).map(|writer| {
        let (app, clock, actor) = (app.clone(), clock.clone(), Actor::Person(admin.clone()));
        tokio::spawn(async move {
            for n in (writer..TICKETS).step_by(usize::try_from(WRITERS).expect("few writers")) {
                let create = CreateTicket {
                    title: format!("{} 号线 PM-3300 停机", n % 90),
                    description: "上电后报警 The line stops.".to_owned(),
                    priority: Priority::Normal,
                    issue_type: Some(format!("TYPE{}", n % 20)),
                    product: None,
                    device: None,
                    customer_key: None,
                    requester_email: None,
                    requester: None,
                    required_skills: Vec::new(),
                    external_refs: Vec::new(),
                    at: None,
                };
                let cx = Ctx { actor: actor.clone(), ..Ctx::system(&app) };
                cx.execute(&create, None).await.expect("a ticket");
                clock.advance(Duration::from_millis(1));
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("a writer ends");
    }
}

async fn count(app: &App, what: &str) -> i64 {
    let conn = app.db.read();
    let statement = Statement::from_string(conn.get_database_backend(), format!("select count(*) as n from {what}"));
    let row = conn.query_one_raw(statement).await.expect("a count").expect("a row");
    row.try_get("", "n").expect("a number")
}

/// Duration of the bare query for due jobs.
async fn due_query(app: &App, polls: u32) -> Duration {
    let conn = app.db.read();
    let sql = "select id from job where lane = '' and run_at <= ? order by run_at limit 32";
    let started = Instant::now();
    for _ in 0..polls {
        let now = app.now().millis();
        let statement = Statement::from_sql_and_values(conn.get_database_backend(), sql, [now.into()]);
        conn.query_all_raw(statement).await.expect("a range");
    }
    started.elapsed() / polls
}

pub async fn clocks(report: &mut Report) {
    let (mut config, _folder) = temporary_config();
    // Dispatch is not measured.
    config.settings_mut::<dispatch::model::Settings>().automatic = false;
    #[expect(clippy::disallowed_methods, reason = "the manual clock starts today")]
    let clock = Arc::new(ManualClock::at(SystemClock::of_machine().now()));
    let app =
        open(&config, Environment { clock: clock.clone(), entropy: Arc::new(OsEntropy) }).await.expect("it opens");
    let (admin, _) = seed(&app).await;
    let stop = CancellationToken::new();
    fill(&app, &clock, admin).await;
    let running = count(&app, "sla_clock where ended_at is null").await;
    let planned = count(&app, "job").await;

    let limit = due_query(&app, POLLS).await;
    let started = Instant::now();
    for _ in 0..POLLS {
        worker::run_due(&app, &stop).await.expect("nothing is due");
    }
    let ours = started.elapsed() / POLLS;
    let micros = |of: Duration| format!("{:.0} µs", of.as_secs_f64() * 1e6);
    let what = format!("the worker looks once, nothing due: {running} running clocks, {planned} jobs");
    report.row(&what, micros(ours), "one indexed range query", micros(limit), limit.as_secs_f64() / ours.as_secs_f64());

    // Advances to the first SLA risks.
    let conn = app.db.read();
    let statement = Statement::from_string(
        conn.get_database_backend(),
        format!("select run_at from job where kind = 'sla.watch' order by run_at limit 1 offset {DUE}"),
    );
    let row = conn.query_one_raw(statement).await.expect("a row").expect("so many jobs");
    let at: i64 = row.try_get("", "run_at").expect("an instant");
    clock.advance(Duration::from_millis(u64::try_from(at - app.now().millis()).expect("ahead")));
    let started = Instant::now();
    let ran = worker::run_due(&app, &stop).await.expect("the jobs run");
    let each = started.elapsed() / u32::try_from(ran).expect("some thousand");
    let what = format!("a due job, decided and durable ({ran} of them: people are told of a risk)");
    report.row(&what, micros(each), "one indexed range query", micros(limit), limit.as_secs_f64() / each.as_secs_f64());
    app.db.close().await;
}
