//! From an acknowledged ticket until the search finds it, at a steady rate, alone and beside an import.

use std::io::Cursor;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use domain::import::commands::{ImportObserver, import};
use domain::import::model::{ImportMap, PartialTicket, Progress, RejectedRow};
use domain::recommend::react::IndexProgress;
use domain::runtime::log;
use jiff::tz::TimeZone;
use tokio::task::JoinSet;

use crate::client::Connection;
use crate::instance::Instance;
use crate::load::LoadResult;
use crate::report::{Report, millis};
use crate::writes::create;

const PER_SECOND: u32 = 50;
const TICKETS: u64 = 500;
const CONNECTIONS: usize = 16;
const IMPORTED: u64 = 50_000;

/// Creates tickets at a steady rate; how long each took from its acknowledgement until the index contained it.
async fn until_findable(instance: &Instance) -> LoadResult {
    let token = instance.token(instance.admin).await;
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let connection = Connection::open(&instance.address()).await.expect("the server listens");
        connections.push(Arc::new(tokio::sync::Mutex::new(connection)));
    }
    let took = Arc::new(Mutex::new(Vec::new()));
    let (mut running, started) = (JoinSet::new(), Instant::now());
    let mut pace = tokio::time::interval(Duration::from_secs(1) / PER_SECOND);
    for n in 0..TICKETS {
        pace.tick().await;
        let connection = connections[usize::try_from(n).expect("small") % CONNECTIONS].clone();
        let (app, took, request) = (instance.app.clone(), took.clone(), create(&token, n));
        running.spawn(async move {
            let answer = connection.lock().await.ask(&request).await.map(<[u8]>::to_vec).expect("an answer");
            assert!(!String::from_utf8_lossy(&answer).contains("\"errors\":["), "a ticket was refused");
            let acknowledged = Instant::now();
            let head = log::head(app.db.read(), app.db.engine).await.expect("the log is read");
            let mut indexed = app.state::<IndexProgress>().watch_live();
            indexed.wait_for(|at| *at >= head).await.expect("the index follows");
            took.lock().expect("no panic").push(acknowledged.elapsed());
        });
    }
    while let Some(done) = running.join_next().await {
        done.expect("no measurement panics");
    }
    let took = std::mem::take(&mut *took.lock().expect("no panic"));
    LoadResult::of(took, started.elapsed())
}

struct Silent;

impl ImportObserver for Silent {
    fn progress(&mut self, _: Progress) {}

    async fn refused(&mut self, refused: RejectedRow) {
        panic!("line {} of the import was refused", refused.line);
    }

    async fn imported_partially(&mut self, ticket: PartialTicket) {
        panic!("a ticket was imported partially: {ticket:?}");
    }
}

const MAP: &str = r#"
source = "BENCH"
format = "csv"
time_formats = ["%Y-%m-%d %H:%M:%S"]

[columns]
id = "id"
title = "title"
description = "description"
created = "created"
closed = "closed"
"#;

fn rows() -> String {
    let mut rows = "id,title,description,created,closed\n".to_owned();
    for n in 0..IMPORTED {
        let text = crate::writes::description(n);
        rows.push_str(&format!("B{n},PM-3300 停机 {n},\"{text}\",2026-01-02 08:00:00,2026-01-02 16:00:00\n"));
    }
    rows
}

pub async fn findable(report: &mut Report) {
    let instance = Instance::open().await;
    let alone = until_findable(&instance).await;
    let what = format!("{PER_SECOND} tickets a second, from the answer until the search finds each, p50 · p99");
    report.row_without_limit(&what, both(&alone));
    let map: ImportMap = toml::from_str(MAP).expect("a map");
    let app = instance.app.clone();
    let importing =
        tokio::spawn(async move { import(&app, Cursor::new(rows()), map, &TimeZone::UTC, false, &mut Silent).await });
    let beside = until_findable(&instance).await;
    assert!(!importing.is_finished(), "the import ended before the measurement");
    importing.await.expect("the import does not panic").expect("the import succeeds");
    report.row_without_limit("the same beside an import of 50,000 tickets", both(&beside));
    instance.close().await;
}

fn both(found: &LoadResult) -> String {
    format!("{} · {}", millis(found.p50), millis(found.p99))
}
