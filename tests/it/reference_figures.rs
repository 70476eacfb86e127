//! Compares `serviceMetrics` of an imported incident log and `healthReport` of an imported fault register with scripts
//! that share no code with them (`tests/reference/*.py`): on the excerpts here, and on whole files if TRUTHS_LOG and
//! TRUTHS_REGISTER name them (`make reference-figures`).

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use tests::process::{Installation, read_text, wait_until};
use tests::{Client, Json, json};

use crate::PROGRAM;

const ADMIN: &str = "admin@truths.test";
const FIGURES: &str = "created resolved excluded
    firstResponseCompliance { numerator denominator pending value }
    firstTimeResolution { numerator denominator pending value }
    firstResponseTime { count p50Seconds p75Seconds p90Seconds p95Seconds p99Seconds }
    handlingTime { count p50Seconds p75Seconds p90Seconds p95Seconds p99Seconds buckets { count } strata { count } }";

fn path_in_crate(path: &str) -> String {
    format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))
}

fn reference(log: &Path) -> Json {
    run_script("reference/incident_log.py", log)
}

fn run_script(script: &str, log: &Path) -> Json {
    let script = path_in_crate(script);
    let output = Command::new("python3").arg(script).arg(log).output().expect("python3 runs (make test sees to it)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The product's figures under the script's names.
fn figures(product: &Json) -> Json {
    let ratio = |name: &str| json!([product[name]["numerator"], product[name]["denominator"]]);
    let percentiles = |name: &str| -> Vec<Json> {
        ["p50", "p75", "p90", "p95", "p99"].map(|p| product[name][format!("{p}Seconds")].clone()).to_vec()
    };
    json!({
        "created": product["created"],
        "resolved": product["resolved"],
        "first_response_compliance": ratio("firstResponseCompliance"),
        "first_time_resolution": ratio("firstTimeResolution"),
        "first_response_seconds": percentiles("firstResponseTime"),
        "handling_seconds": percentiles("handlingTime"),
    })
}

async fn service_metrics(client: &Client) -> Json {
    let query = format!(
        "query Q($period: Period!) {{ serviceMetrics(period: $period) {{ {FIGURES}
            priority: breakdown(by: PRIORITY) {{ key metrics {{ {FIGURES} }} }}
            team: breakdown(by: TEAM) {{ key metrics {{ {FIGURES} }} }} }} }}"
    );
    let period = json!({ "from": "2010-01-01T00:00:00Z", "to": "2030-01-01T00:00:00Z" });
    client.query(&query, json!({ "period": period })).await["serviceMetrics"].clone()
}

async fn check_metrics(log: &Path) -> Json {
    let installation = Installation::new(PROGRAM).await;
    installation.add_user(ADMIN, "ADMIN");
    let server = installation.serve();
    let map = path_in_crate("../maps/servicenow-uci.toml");
    let output = installation.run(&["import", log.to_str().unwrap(), "--map", &map]);
    assert!(output.success && output.stdout.contains(" 0 refused"), "{output:?}");
    let client = server.sign_in(ADMIN).await;
    let reference = reference(log);
    wait_until("the columns have followed", || async {
        service_metrics(&client).await["created"] == reference["created"]
    })
    .await;
    let actual = service_metrics(&client).await;
    assert_eq!(actual["excluded"], 0);
    let overall: Json = {
        let mut overall = reference.clone();
        let groups = overall.as_object_mut().unwrap();
        groups.remove("by_priority");
        groups.remove("by_team");
        groups.remove("heatmap");
        overall
    };
    assert_eq!(figures(&actual), overall);
    for dimension in ["priority", "team"] {
        let groups = actual[dimension].as_array().unwrap();
        let expected = reference[format!("by_{dimension}")].as_object().unwrap();
        assert_eq!(groups.len(), expected.len(), "{dimension}");
        for group in groups {
            let key = group["key"].as_str().unwrap();
            assert_eq!(figures(&group["metrics"]), expected[key], "{dimension} {key:?}");
        }
    }
    // Histogram and strata cover every ticket.
    for part in ["buckets", "strata"] {
        let counts = actual["handlingTime"][part].as_array().unwrap().iter().map(|bar| bar["count"].as_u64().unwrap());
        assert_eq!(counts.sum::<u64>(), actual["handlingTime"]["count"].as_u64().unwrap(), "{part}");
    }
    assert_eq!(heatmap(&client).await, reference["heatmap"]);
    server.stop();
    actual
}

/// The cells in the script's form: arrivals, answered in time, median.
async fn heatmap(client: &Client) -> Json {
    let cells = "weekday slot arrivals answeredInTime medianFirstResponseSeconds";
    let period = "period: { from: \"2010-01-01T00:00:00Z\", to: \"2030-01-01T00:00:00Z\" }";
    let actual = client.query(&format!("{{ responseHeatmap({period}) {{ cells {{ {cells} }} }} }}"), json!({})).await;
    let cells = actual["responseHeatmap"]["cells"].as_array().unwrap();
    let rows = cells.iter().enumerate().map(|(place, cell)| {
        assert_eq!((&cell["weekday"], &cell["slot"]), (&json!(place / 48 + 1), &json!(place % 48)));
        json!([cell["arrivals"], cell["answeredInTime"], cell["medianFirstResponseSeconds"]])
    });
    rows.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_of_an_imported_log_match_an_independent_script() {
    check_metrics(path_in_crate("reference/incident_log.csv").as_ref()).await;
    let Ok(log) = std::env::var("TRUTHS_LOG") else { return };
    let actual = check_metrics(log.as_ref()).await;
    println!("{}: {:#}", log, figures(&actual));
    let heatmap = reference(log.as_ref())["heatmap"].as_array().unwrap().clone();
    // Compares the heat map with a third computation.
    if let Ok(reference) = std::env::var("TRUTHS_JSON") {
        let reference: Json = serde_json::from_slice(&std::fs::read(reference).unwrap()).unwrap();
        let rows = reference["uci_incident_log"]["arrivals_heatmap_7x48"]["rows_mon_to_sun"].as_array().unwrap();
        let reference_arrivals: Vec<&Json> = rows.iter().flat_map(|row| row.as_array().unwrap()).collect();
        let arrivals: Vec<&Json> = heatmap.iter().map(|cell| &cell[0]).collect();
        assert_eq!(arrivals, reference_arrivals);
    }
    let busiest = heatmap.iter().enumerate().max_by_key(|(_, cell)| cell[0].as_u64()).unwrap();
    println!(
        "busiest half-hour: weekday {}, slot {}, [arrivals, in time, median] {}",
        busiest.0 / 48 + 1,
        busiest.0 % 48,
        busiest.1
    );
}

/// Compares the health report of each month with the script.
async fn check_health_report(register: &Path) -> Json {
    let installation = Installation::new(PROGRAM).await;
    installation.add_user(ADMIN, "ADMIN");
    let server = installation.serve();
    let map = path_in_crate("reference/fault_register.toml");
    let output = installation.run(&["import", register.to_str().unwrap(), "--map", &map]);
    assert!(output.success && output.stdout.contains(" 0 refused"), "{output:?}");
    let client = server.sign_in(ADMIN).await;
    let service_metrics = "query Q($month: String!) { healthReport(month: $month) { resolved unattributed
        rootCauseConvergence { numerator denominator } l3Escape { numerator denominator }
        recurrence { numerator denominator pending } } }";
    let expected = run_script("reference/fault_register.py", register);
    for (month, expected) in expected.as_object().unwrap() {
        let actual = client.query(service_metrics, json!({ "month": month })).await["healthReport"].clone();
        let ratio = |name: &str| json!([actual[name]["numerator"], actual[name]["denominator"]]);
        let actual = json!({
            "resolved": actual["resolved"],
            "unattributed": actual["unattributed"],
            "convergence": ratio("rootCauseConvergence"),
            "l3_escape": ratio("l3Escape"),
            "recurrence": ratio("recurrence"),
        });
        assert_eq!(&actual, expected, "{month}");
    }
    server.stop();
    expected
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_report_of_an_imported_register_matches_an_independent_script() {
    check_health_report(path_in_crate("reference/fault_register.csv").as_ref()).await;
    let Ok(register) = std::env::var("TRUTHS_REGISTER") else { return };
    println!("{register}: {:#}", check_health_report(register.as_ref()).await);
}

/// The score from which two tickets are reported as duplicates.
const DUPLICATE_SCORE: f64 = 0.9;

/// Unordered pairs of ids, without duplicates.
fn pairs<'t>(lines: impl Iterator<Item = &'t str>) -> BTreeSet<(&'t str, &'t str)> {
    let pair = |line: &'t str| {
        let mut words = line.split_whitespace();
        let (one, other) = (words.next()?, words.next()?);
        Some(if one < other { (one, other) } else { (other, one) })
    };
    lines.filter_map(pair).collect()
}

/// Checks that the ranking of `similarCases` finds every fault that is recorded twice, and prints its precision.
async fn check_duplicates(register: &Path) {
    let installation = Installation::new(PROGRAM).await;
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run.txt");
    let script =
        Command::new("python3").arg(path_in_crate("reference/duplicates.py")).arg(register).arg(folder.path()).status();
    assert!(script.unwrap().success());
    let output = installation.run(&["eval", folder.path().to_str().unwrap(), "--run", run.to_str().unwrap()]);
    assert!(output.success, "{output:?}");
    let (expected, run) = (read_text(&folder.path().join("qrels.tsv")), read_text(&run));
    let duplicates = pairs(expected.lines().skip(1));
    assert!(!duplicates.is_empty(), "the register contains no duplicates");
    let is_duplicate =
        |line: &&str| line.split_whitespace().nth(3).and_then(|score| score.parse().ok()) >= Some(DUPLICATE_SCORE);
    let reported = pairs(run.lines().filter(is_duplicate));
    let missed: Vec<_> = duplicates.difference(&reported).collect();
    assert!(missed.is_empty(), "{missed:?}");
    println!(
        "{}: {} duplicates, all found; {} pairs have a score of {DUPLICATE_SCORE} or more: precision {:.3}",
        register.display(),
        duplicates.len(),
        reported.len(),
        duplicates.len() as f64 / reported.len() as f64
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_in_a_register_are_found() {
    // The excerpt, with every tenth fault repeated under another id.
    let excerpt = std::fs::read_to_string(path_in_crate("reference/fault_register.csv")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let register = folder.path().join("twice.csv");
    let mut rows: Vec<String> = Vec::new();
    for line in excerpt.lines().skip(1) {
        match rows.last_mut() {
            // A row continues until its quotes are closed.
            Some(row) if row.matches('"').count() % 2 == 1 => row.push_str(&format!("\n{line}")),
            _ => rows.push(line.to_owned()),
        }
    }
    let again = rows.iter().step_by(10).map(|row| format!("T{row}"));
    let all: Vec<String> =
        excerpt.lines().next().map(str::to_owned).into_iter().chain(rows.iter().cloned()).chain(again).collect();
    std::fs::write(&register, all.join("\n")).unwrap();
    check_duplicates(&register).await;
    let Ok(register) = std::env::var("TRUTHS_REGISTER") else { return };
    check_duplicates(register.as_ref()).await;
}
