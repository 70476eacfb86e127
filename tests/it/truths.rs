//! What `serviceMetrics` says of an imported incident log, and `healthReport` of an imported register of faults, against scripts
//! that share no code with them (`tests/truths/*.py`): of the excerpts here, and of whole files where TRUTHS_LOG and
//! TRUTHS_REGISTER name them (`make truths`).

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use tests::process::{Installation, text_of, until};
use tests::{Client, Json, json};

use crate::PROGRAM;

const ADMIN: &str = "admin@truths.test";
const FIGURES: &str = "created resolved excluded
    firstResponseCompliance { numerator denominator pending value }
    firstTimeResolution { numerator denominator pending value }
    firstResponseTime { count p50Seconds p75Seconds p90Seconds p95Seconds p99Seconds }
    handlingTime { count p50Seconds p75Seconds p90Seconds p95Seconds p99Seconds buckets { count } strata { count } }";

fn here(path: &str) -> String {
    format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))
}

fn truths(log: &Path) -> Json {
    computed("truths/incident_log.py", log)
}

fn computed(script: &str, log: &Path) -> Json {
    let script = here(script);
    let output = Command::new("python3").arg(script).arg(log).output().expect("python3 runs (make test sees to it)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The script's words for what the product says.
fn figures(said: &Json) -> Json {
    let ratio = |name: &str| json!([said[name]["numerator"], said[name]["denominator"]]);
    let percentiles = |name: &str| -> Vec<Json> {
        ["p50", "p75", "p90", "p95", "p99"].map(|p| said[name][format!("{p}Seconds")].clone()).to_vec()
    };
    json!({
        "created": said["created"],
        "resolved": said["resolved"],
        "first_response_compliance": ratio("firstResponseCompliance"),
        "first_time_resolution": ratio("firstTimeResolution"),
        "first_response_seconds": percentiles("firstResponseTime"),
        "handling_seconds": percentiles("handlingTime"),
    })
}

async fn report(client: &Client) -> Json {
    let query = format!(
        "query Q($period: Period!) {{ serviceMetrics(period: $period) {{ {FIGURES}
            priority: breakdown(by: PRIORITY) {{ key metrics {{ {FIGURES} }} }}
            team: breakdown(by: TEAM) {{ key metrics {{ {FIGURES} }} }} }} }}"
    );
    let period = json!({ "from": "2010-01-01T00:00:00Z", "to": "2030-01-01T00:00:00Z" });
    client.query(&query, json!({ "period": period })).await["serviceMetrics"].clone()
}

async fn tell(log: &Path) -> Json {
    let place = Installation::new(PROGRAM).await;
    place.add_user(ADMIN, "ADMIN");
    let serving = place.serve();
    let map = here("../maps/servicenow-uci.toml");
    let said = place.run(&["import", log.to_str().unwrap(), "--map", &map]);
    assert!(said.well && said.out.contains(" 0 refused"), "{said:?}");
    let client = serving.sign_in(ADMIN).await;
    let truths = truths(log);
    until("the columns have followed", || async { report(&client).await["created"] == truths["created"] }).await;
    let told = report(&client).await;
    assert_eq!(told["excluded"], 0);
    let overall: Json = {
        let mut overall = truths.clone();
        let groups = overall.as_object_mut().unwrap();
        groups.remove("by_priority");
        groups.remove("by_team");
        groups.remove("heatmap");
        overall
    };
    assert_eq!(figures(&told), overall);
    for dimension in ["priority", "team"] {
        let groups = told[dimension].as_array().unwrap();
        let expected = truths[format!("by_{dimension}")].as_object().unwrap();
        assert_eq!(groups.len(), expected.len(), "{dimension}");
        for group in groups {
            let key = group["key"].as_str().unwrap();
            assert_eq!(figures(&group["metrics"]), expected[key], "{dimension} {key:?}");
        }
    }
    // Histogram and strata leave nothing out.
    for part in ["buckets", "strata"] {
        let counts = told["handlingTime"][part].as_array().unwrap().iter().map(|bar| bar["count"].as_u64().unwrap());
        assert_eq!(counts.sum::<u64>(), told["handlingTime"]["count"].as_u64().unwrap(), "{part}");
    }
    assert_eq!(heatmap(&client).await, truths["heatmap"]);
    serving.stop();
    told
}

/// Each cell as the script tells it: arrivals, answered in time, median.
async fn heatmap(client: &Client) -> Json {
    let cells = "weekday slot arrivals answeredInTime medianFirstResponseSeconds";
    let period = "period: { from: \"2010-01-01T00:00:00Z\", to: \"2030-01-01T00:00:00Z\" }";
    let told = client.query(&format!("{{ responseHeatmap({period}) {{ cells {{ {cells} }} }} }}"), json!({})).await;
    let cells = told["responseHeatmap"]["cells"].as_array().unwrap();
    let rows = cells.iter().enumerate().map(|(place, cell)| {
        assert_eq!((&cell["weekday"], &cell["slot"]), (&json!(place / 48 + 1), &json!(place % 48)));
        json!([cell["arrivals"], cell["answeredInTime"], cell["medianFirstResponseSeconds"]])
    });
    rows.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_log_gives_the_figures_that_an_independent_script_gives() {
    tell(here("truths/excerpt.csv").as_ref()).await;
    let Ok(log) = std::env::var("TRUTHS_LOG") else { return };
    let told = tell(log.as_ref()).await;
    println!("{}: {:#}", log, figures(&told));
    let heatmap = truths(log.as_ref())["heatmap"].as_array().unwrap().clone();
    // The same heat-map as somebody else has counted it.
    if let Ok(truths) = std::env::var("TRUTHS_JSON") {
        let truths: Json = serde_json::from_slice(&std::fs::read(truths).unwrap()).unwrap();
        let rows = truths["uci_incident_log"]["arrivals_heatmap_7x48"]["rows_mon_to_sun"].as_array().unwrap();
        let theirs: Vec<&Json> = rows.iter().flat_map(|row| row.as_array().unwrap()).collect();
        let ours: Vec<&Json> = heatmap.iter().map(|cell| &cell[0]).collect();
        assert_eq!(ours, theirs);
    }
    let busiest = heatmap.iter().enumerate().max_by_key(|(_, cell)| cell[0].as_u64()).unwrap();
    println!(
        "busiest half-hour: weekday {}, slot {}, [arrivals, in time, median] {}",
        busiest.0 / 48 + 1,
        busiest.0 % 48,
        busiest.1
    );
}

/// Month by month, as the script tells it.
async fn health(register: &Path) -> Json {
    let place = Installation::new(PROGRAM).await;
    place.add_user(ADMIN, "ADMIN");
    let serving = place.serve();
    let map = here("truths/fault_register.toml");
    let said = place.run(&["import", register.to_str().unwrap(), "--map", &map]);
    assert!(said.well && said.out.contains(" 0 refused"), "{said:?}");
    let client = serving.sign_in(ADMIN).await;
    let report = "query Q($month: String!) { healthReport(month: $month) { resolved unattributed
        rootCauseConvergence { numerator denominator } l3Escape { numerator denominator }
        recurrence { numerator denominator pending } } }";
    let expected = computed("truths/fault_register.py", register);
    for (month, expected) in expected.as_object().unwrap() {
        let told = client.query(report, json!({ "month": month })).await["healthReport"].clone();
        let ratio = |name: &str| json!([told[name]["numerator"], told[name]["denominator"]]);
        let told = json!({
            "resolved": told["resolved"],
            "unattributed": told["unattributed"],
            "convergence": ratio("rootCauseConvergence"),
            "l3_escape": ratio("l3Escape"),
            "recurrence": ratio("recurrence"),
        });
        assert_eq!(&told, expected, "{month}");
    }
    serving.stop();
    expected
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_register_gives_the_report_that_an_independent_script_gives() {
    health(here("truths/fault_register.csv").as_ref()).await;
    let Ok(register) = std::env::var("TRUTHS_REGISTER") else { return };
    println!("{register}: {:#}", health(register.as_ref()).await);
}

/// Likeness from which two tickets are said to be the same fault.
const SAME: f64 = 0.9;

/// Pairs of ids, each once.
fn pairs<'t>(lines: impl Iterator<Item = &'t str>) -> BTreeSet<(&'t str, &'t str)> {
    let pair = |line: &'t str| {
        let mut words = line.split_whitespace();
        let (one, other) = (words.next()?, words.next()?);
        Some(if one < other { (one, other) } else { (other, one) })
    };
    lines.filter_map(pair).collect()
}

/// Every fault that is recorded twice is found as such by the ranking that serves `similarCases`; told how many others are named the same.
async fn twins(register: &Path) {
    let place = Installation::new(PROGRAM).await;
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run.txt");
    let script = Command::new("python3").arg(here("truths/twins.py")).arg(register).arg(folder.path()).status();
    assert!(script.unwrap().success());
    let said = place.run(&["eval", folder.path().to_str().unwrap(), "--run", run.to_str().unwrap()]);
    assert!(said.well, "{said:?}");
    let (judged, run) = (text_of(&folder.path().join("qrels.tsv")), text_of(&run));
    let twins = pairs(judged.lines().skip(1));
    assert!(!twins.is_empty(), "a register in which nothing stands twice tells nothing");
    let alike = |line: &&str| line.split_whitespace().nth(3).and_then(|score| score.parse().ok()) >= Some(SAME);
    let named = pairs(run.lines().filter(alike));
    let missed: Vec<_> = twins.difference(&named).collect();
    assert!(missed.is_empty(), "{missed:?}");
    println!(
        "{}: {} faults stand twice, all found; {} pairs have a likeness of {SAME} or more: precision {:.3}",
        register.display(),
        twins.len(),
        named.len(),
        twins.len() as f64 / named.len() as f64
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_twice_in_a_register_is_found() {
    // The excerpt, every tenth fault of it once more under another id.
    let excerpt = std::fs::read_to_string(here("truths/fault_register.csv")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let register = folder.path().join("twice.csv");
    let mut rows: Vec<String> = Vec::new();
    for line in excerpt.lines().skip(1) {
        match rows.last_mut() {
            // A row goes on until its quotes are closed.
            Some(row) if row.matches('"').count() % 2 == 1 => row.push_str(&format!("\n{line}")),
            _ => rows.push(line.to_owned()),
        }
    }
    let again = rows.iter().step_by(10).map(|row| format!("T{row}"));
    let all: Vec<String> =
        excerpt.lines().next().map(str::to_owned).into_iter().chain(rows.iter().cloned()).chain(again).collect();
    std::fs::write(&register, all.join("\n")).unwrap();
    twins(&register).await;
    let Ok(register) = std::env::var("TRUTHS_REGISTER") else { return };
    twins(register.as_ref()).await;
}
