//! 100,000 running clocks: what the worker costs while nothing is due, and for each job that is, against the indexed range
//! query that finds it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use api::node::{Hands, open};
use domain::kernel::id::OsChance;
use domain::kernel::{Actor, Clock as _, ManualClock, SystemClock, UserId};
use domain::people::queries::person;
use domain::runtime::{App, Ctx, worker};
use domain::tickets::model::{CreateTicket, Priority};
use sea_orm::{ConnectionTrait as _, Statement};
use tokio_util::sync::CancellationToken;

use crate::place::{configured, furnish};
use crate::report::Report;

/// Tickets with a clock for the first response, one for the resolution, and three levels planned.
const TICKETS: u64 = 50_000;
const WRITERS: u64 = 64;
/// Jobs that come due.
const DUE: u64 = 2_000;
const LOOKS: u32 = 2_000;

/// One ticket in each millisecond of the held clock.
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
    let asked = Statement::from_string(conn.get_database_backend(), format!("select count(*) as n from {what}"));
    let row = conn.query_one_raw(asked).await.expect("a count").expect("a row");
    row.try_get("", "n").expect("a number")
}

/// The query that finds what is due, alone.
async fn range(app: &App, looks: u32) -> Duration {
    let conn = app.db.read();
    let sql = "select id from job where lane = '' and run_at <= ? order by run_at limit 32";
    let begun = Instant::now();
    for _ in 0..looks {
        let now = app.now().millis();
        let asked = Statement::from_sql_and_values(conn.get_database_backend(), sql, [now.into()]);
        conn.query_all_raw(asked).await.expect("a range");
    }
    begun.elapsed() / looks
}

pub async fn clocks(report: &mut Report) {
    let (mut config, _folder) = configured();
    // Whom a ticket goes to is not what is measured.
    config.dispatch.automatic = false;
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let app = open(&config, Hands { clock: clock.clone(), chance: Arc::new(OsChance) }).await.expect("it opens");
    let (admin, _) = furnish(&app).await;
    let stop = CancellationToken::new();
    fill(&app, &clock, admin).await;
    let running = count(&app, "sla_clock where ended_at is null").await;
    let planned = count(&app, "job").await;

    let limit = range(&app, LOOKS).await;
    let begun = Instant::now();
    for _ in 0..LOOKS {
        worker::run_due(&app, &stop).await.expect("nothing is due");
    }
    let ours = begun.elapsed() / LOOKS;
    let micros = |of: Duration| format!("{:.0} µs", of.as_secs_f64() * 1e6);
    let what = format!("the worker looks once, nothing due: {running} running clocks, {planned} jobs");
    report.row(&what, micros(ours), "one indexed range query", micros(limit), limit.as_secs_f64() / ours.as_secs_f64());

    // The first ones come to their risk.
    let conn = app.db.read();
    let asked = Statement::from_string(
        conn.get_database_backend(),
        format!("select run_at from job where kind = 'sla.watch' order by run_at limit 1 offset {DUE}"),
    );
    let row = conn.query_one_raw(asked).await.expect("a row").expect("so many jobs");
    let at: i64 = row.try_get("", "run_at").expect("an instant");
    clock.advance(Duration::from_millis(u64::try_from(at - app.now().millis()).expect("ahead")));
    let begun = Instant::now();
    let ran = worker::run_due(&app, &stop).await.expect("the jobs run");
    let each = begun.elapsed() / u32::try_from(ran).expect("some thousand");
    let what = format!("a due job, decided and durable ({ran} of them: people are told of a risk)");
    report.row(&what, micros(each), "one indexed range query", micros(limit), limit.as_secs_f64() / each.as_secs_f64());
    app.db.close().await;
}
