//! The same work on ten thousand tickets and on a million: throughput must not depend on their number. Also start-up
//! time and memory of an idle process with a million tickets.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::post;
use crate::instance::{Instance, TEAMS};
use crate::load::over_http;
use crate::page::PAGE;
use crate::report::{Report, millis, rate};
use crate::rows;

const SIZES: [u64; 2] = [10_000, 1_000_000];
const DURATION: Duration = Duration::from_secs(5);
/// Most tickets are closed.
const MIXED: &str = "case n % 10 when 0 then 'IN_PROGRESS' when 1 then 'RESOLVED' else 'CLOSED' end";

pub async fn scale(report: &mut Report) {
    let instance = Instance::open().await;
    let (admin, agent) = (instance.token(instance.admin).await, instance.token(instance.agents[0]).await);
    let address = instance.address();
    let page = |token: &str| post("/graphql", token, &json!({ "query": PAGE }));
    let mut measured: Vec<[f64; 3]> = Vec::new();
    let mut from = 0;
    for size in SIZES {
        rows::fill(&instance, from, size, MIXED).await;
        from = size;
        let (as_admin, as_agent, token) = (page(&admin), page(&agent), admin.clone());
        let create = move |n| Some(crate::writes::create(&token, n));
        let creates = over_http(&address, 64, DURATION, create).await.per_second;
        instance.wait_until_indexed().await;
        let all = over_http(&address, 16, DURATION, move |_| Some(as_admin.clone())).await.per_second;
        let own = over_http(&address, 16, DURATION, move |_| Some(as_agent.clone())).await.per_second;
        measured.push([creates, all, own]);
    }
    let what = ["create a ticket", "a page of 50, administrator", "a page of 50, agent's scope"];
    for (i, what) in what.into_iter().enumerate() {
        let (few, many) = (measured[0][i], measured[1][i]);
        report.row(&format!("{what}, among 1,000,000"), rate(many), "the same among 10,000", rate(few), many / few);
    }
    let (config, folder) = instance.stop().await;
    let started = Instant::now();
    let again = Instance::reopen(config, folder).await;
    report.row_without_limit(
        &format!("start on 1,000,000 tickets of {TEAMS} teams, until it answers"),
        millis(started.elapsed()),
    );
    again.wait_until_indexed().await;
    report.row_without_limit("memory at rest, metrics of all of them loaded", format!("{} MiB", resident() / 1024));
    again.close().await;
}

/// Resident memory of this process in KiB, including the benchmark's own.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|line| line.split_whitespace().nth(1)).and_then(|kib| kib.parse().ok()).unwrap_or(0)
}
