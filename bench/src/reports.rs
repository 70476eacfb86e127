//! `serviceMetrics` with a breakdown over a million tickets from the in-memory columns, relative to DuckDB on the same
//! facts.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use domain::kernel::{Actor, TeamId, TicketId, Timestamp, UserId, days, hours, minutes, seconds};
use domain::metrics::decide::{Visibility, aggregate};
use domain::metrics::model::{Columns, Dimension, Fact, Period, Selection, Settings, Split};
use domain::tickets::decide::rights::Scope;
use domain::tickets::model::{Priority, RootCauseLevel, SourceHistory, TicketStatus};
use uuid::Uuid;

use crate::load::LoadResult;
use crate::report::{Report, millis};

const TICKETS: u64 = 1_000_000;
const ROUNDS: usize = 15;

fn begin() -> Timestamp {
    Timestamp::from_millis(1_735_689_600_000)
}

/// Plausible and deterministic.
fn fact(n: u64) -> Fact {
    let random = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 16;
    let id = |n: u64| Uuid::from_u128(u128::from(n) + 1);
    let created_at = begin() + seconds(n * 31_536_000 / TICKETS);
    let responded_at = created_at + seconds(random % 3_600);
    let resolved_at = responded_at + if random % 4 < 3 { minutes(random % 30) } else { hours(4 + random % 90) };
    Fact {
        ticket: TicketId(id(n)),
        status: TicketStatus::Closed,
        merged: random.is_multiple_of(101),
        history: SourceHistory::default(),
        created_at,
        first_response_due_at: None,
        first_responded_at: Some(responded_at),
        first_resolved_at: Some(resolved_at),
        first_resolution_hand_overs: i32::from(random.is_multiple_of(7)),
        first_reopened_at: random.is_multiple_of(29).then(|| resolved_at + days(random % 14)),
        closed_at: Some(resolved_at + days(7)),
        root_cause_level: (random / 20).is_multiple_of(5).then_some(RootCauseLevel::L3DesignDefect),
        team: Some(TeamId(id(random % 20))),
        assignee: Some(UserId(id(random % 200))),
        requester: Some(UserId(id(random % 5_000))),
        customer: None,
        issue_type: Some(format!("TYPE{}", random % 30)),
        product: Some(format!("P{}", random % 12)),
        channel: "web".to_owned(),
        priority: [Priority::Urgent, Priority::High, Priority::Normal, Priority::Low]
            [usize::try_from(random % 4).unwrap_or(0)],
    }
}

/// The facts in the format that DuckDB reads.
fn csv() -> String {
    let mut text = String::from("created,responded,resolved,reopened,closed,merged,hand_overs,defect,team\n");
    for n in 0..TICKETS {
        let fact = fact(n);
        let at = |at: Option<Timestamp>| at.map_or(String::new(), |at| at.millis().to_string());
        let _ = writeln!(
            text,
            "{},{},{},{},{},{},{},{},{}",
            fact.created_at.millis(),
            at(fact.first_responded_at),
            at(fact.first_resolved_at),
            at(fact.first_reopened_at),
            at(fact.closed_at),
            u8::from(fact.merged),
            fact.first_resolution_hand_overs,
            u8::from(fact.root_cause_level.is_some()),
            fact.team.map_or(0, |team| team.0.as_u128()),
        );
    }
    text
}

/// Median duration of the same report in DuckDB; `None` if it is not installed (`make bench` installs it).
fn duckdb() -> Option<Duration> {
    let python = std::env::var("BENCH_PYTHON").ok()?;
    let folder = tempfile::tempdir().ok()?;
    let file = folder.path().join("facts.csv");
    std::fs::write(&file, csv()).ok()?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/duckdb_report.py");
    let output = Command::new(python).arg(script).arg(&file).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let milliseconds: f64 = String::from_utf8_lossy(&output.stdout).trim().parse().ok()?;
    Some(Duration::from_secs_f64(milliseconds / 1e3))
}

pub fn reports(report: &mut Report) {
    let mut columns = Columns::default();
    (0..TICKETS).for_each(|n| columns.put(fact(n)));
    let period = Period { from: begin(), to: begin() + days(365) };
    let selection = Selection { period, only: Vec::new() };
    let visibility = Visibility::of(&columns, &Scope::of(&Actor::System), &[], &selection);
    let (fixed, now, settings) = (HashSet::new(), begin() + days(400), Settings::default());
    let split = Split::By(Dimension::Team);
    let times = (0..ROUNDS).map(|_| {
        let started = Instant::now();
        assert_eq!(aggregate(&columns, &visibility, period, &split, &fixed, now, &settings).len(), 20);
        started.elapsed()
    });
    let ours = LoadResult::of(times.collect(), Duration::from_secs(1)).p50;
    let what = "metrics of 1,000,000 tickets, broken down by team, exact percentiles";
    match duckdb() {
        Some(limit) => {
            let ratio = limit.as_secs_f64() / ours.as_secs_f64();
            report.row(what, millis(ours), "DuckDB on the same facts, in memory", millis(limit), ratio);
        }
        None => report.row_without_limit(what, millis(ours)),
    }
}
