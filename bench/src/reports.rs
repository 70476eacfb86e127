//! `serviceMetrics` with a breakdown over a million tickets, from the columns in memory, against DuckDB on the same facts.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use domain::kernel::{Actor, TeamId, TicketId, Timestamp, UserId, days, hours, minutes, seconds};
use domain::metrics::decide::{Sight, figures};
use domain::metrics::model::{Columns, Dimension, Fact, Period, Selection, Settings, Split};
use domain::tickets::decide::rights::Scope;
use domain::tickets::model::{Priority, RootCauseLevel, TicketStatus};
use uuid::Uuid;

use crate::load::Rate;
use crate::report::{Report, took};

const TICKETS: u64 = 1_000_000;
const ROUNDS: usize = 15;

fn begin() -> Timestamp {
    Timestamp::from_millis(1_735_689_600_000)
}

/// Plausible, and the same every time.
fn fact(n: u64) -> Fact {
    let chance = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 16;
    let id = |n: u64| Uuid::from_u128(u128::from(n) + 1);
    let created_at = begin() + seconds(n * 31_536_000 / TICKETS);
    let responded_at = created_at + seconds(chance % 3_600);
    let resolved_at = responded_at + if chance % 4 < 3 { minutes(chance % 30) } else { hours(4 + chance % 90) };
    Fact {
        ticket: TicketId(id(n)),
        status: TicketStatus::Closed,
        merged: chance.is_multiple_of(101),
        created_at,
        first_response_due_at: None,
        first_responded_at: Some(responded_at),
        first_resolved_at: Some(resolved_at),
        first_resolution_hand_overs: i32::from(chance.is_multiple_of(7)),
        first_reopened_at: chance.is_multiple_of(29).then(|| resolved_at + days(chance % 14)),
        closed_at: Some(resolved_at + days(7)),
        root_cause_level: (chance / 20).is_multiple_of(5).then_some(RootCauseLevel::L3DesignDefect),
        team: Some(TeamId(id(chance % 20))),
        assignee: Some(UserId(id(chance % 200))),
        requester: Some(UserId(id(chance % 5_000))),
        customer: None,
        issue_type: Some(format!("TYPE{}", chance % 30)),
        product: Some(format!("P{}", chance % 12)),
        channel: "web".to_owned(),
        priority: [Priority::Urgent, Priority::High, Priority::Normal, Priority::Low]
            [usize::try_from(chance % 4).unwrap_or(0)],
    }
}

/// The facts as DuckDB reads them.
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

/// Median milliseconds of the same report in DuckDB; `None` where it is not there (`make bench` sees to it).
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
    let sight = Sight::of(&columns, &Scope::of(&Actor::System), &[], &selection);
    let (fixed, now, settings) = (HashSet::new(), begin() + days(400), Settings::default());
    let split = Split::By(Dimension::Team);
    let times = (0..ROUNDS).map(|_| {
        let asked = Instant::now();
        assert_eq!(figures(&columns, &sight, period, &split, &fixed, now, &settings).len(), 20);
        asked.elapsed()
    });
    let ours = Rate::of(times.collect(), Duration::from_secs(1)).p50;
    let what = "metrics of 1,000,000 tickets, broken down by team, exact percentiles";
    match duckdb() {
        Some(limit) => {
            let ratio = limit.as_secs_f64() / ours.as_secs_f64();
            report.row(what, took(ours), "DuckDB on the same facts, in memory", took(limit), ratio);
        }
        None => report.plain(what, took(ours)),
    }
}
