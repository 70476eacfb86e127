//! What `serviceMetrics` says of an imported incident log, and `healthReport` of an imported register of faults, against scripts
//! that share no code with them (`tests/truths/*.py`): of the excerpts here, and of whole files where TRUTHS_LOG and
//! TRUTHS_REGISTER name them (`make truths`).

use std::path::Path;
use std::process::Command;

use tests::process::{Installation, until};
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
