//! The same work on ten thousand tickets and on a million: nothing may hang on how many there are. And what a program at
//! rest on a million takes to start, and holds.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::post;
use crate::load::over_http;
use crate::page::PAGE;
use crate::place::{Place, TEAMS};
use crate::report::{Report, rate, took};
use crate::rows;

const SIZES: [u64; 2] = [10_000, 1_000_000];
const LASTS: Duration = Duration::from_secs(5);
/// Most of what there is, is over.
const MIXED: &str = "case n % 10 when 0 then 'IN_PROGRESS' when 1 then 'RESOLVED' else 'CLOSED' end";

pub async fn scale(report: &mut Report) {
    let place = Place::open().await;
    let (admin, agent) = (place.token(place.admin).await, place.token(place.agents[0]).await);
    let address = place.address();
    let page = |token: &str| post("/graphql", token, &json!({ "query": PAGE }));
    let mut measured: Vec<[f64; 3]> = Vec::new();
    let mut from = 0;
    for size in SIZES {
        rows::fill(&place, from, size, MIXED).await;
        from = size;
        let (as_admin, as_agent, token) = (page(&admin), page(&agent), admin.clone());
        let create = move |n| Some(crate::writes::create(&token, n));
        let creates = over_http(&address, 64, LASTS, create).await.per_second;
        place.settle().await;
        let all = over_http(&address, 16, LASTS, move |_| Some(as_admin.clone())).await.per_second;
        let own = over_http(&address, 16, LASTS, move |_| Some(as_agent.clone())).await.per_second;
        measured.push([creates, all, own]);
    }
    let what = ["create a ticket", "a page of 50, administrator", "a page of 50, agent's scope"];
    for (i, what) in what.into_iter().enumerate() {
        let (few, many) = (measured[0][i], measured[1][i]);
        report.row(&format!("{what}, among 1,000,000"), rate(many), "the same among 10,000", rate(few), many / few);
    }
    let (config, folder) = place.leave().await;
    let began = Instant::now();
    let again = Place::reopen(config, folder).await;
    report.plain(&format!("start on 1,000,000 tickets of {TEAMS} teams, until it answers"), took(began.elapsed()));
    again.settle().await;
    report.plain("memory at rest, metrics of all of them loaded", format!("{} MiB", resident() / 1024));
    again.close().await;
}

/// KiB that this process holds; the bench's own few among them.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|line| line.split_whitespace().nth(1)).and_then(|kib| kib.parse().ok()).unwrap_or(0)
}
