//! What a month has taught, against what a few lines of plain SQL say of the same rows; every figure leads to its tickets.

use domain::kernel::{days, hours, minutes, seconds};
use sea_orm::{ConnectionTrait as _, Statement};
use tests::{Desk, Json, json};

const REPORT: &str = "query Q($month: String!) { healthReport(month: $month) { resolved unattributed
    rootCauseConvergence { numerator denominator value healthy } solutionReuse { numerator denominator }
    l3Escape { numerator denominator healthy } recurrence { numerator denominator pending } linkRate { numerator denominator }
    csat { numerator denominator } responseRate { numerator denominator }
    topCauses { faultType rootCauseLevel causeTag product count share label tickets { nodes { id } } }
    contributions { user { name } cards citedCases citations } solutions { citing case { id } card { id } } } }";

async fn report(desk: &Desk, name: &str) -> Json {
    desk.as_(name).await.query(REPORT, json!({ "month": "2026-03" })).await["healthReport"].clone()
}

async fn behind(desk: &Desk, name: &str, figure: &str, outcome: &str) -> Vec<String> {
    let query = "query Q($figure: HealthFigure!, $outcome: MetricOutcome!) { healthReport(month: \"2026-03\") {
        tickets(figure: $figure, outcome: $outcome, first: 100) { nodes { id } } } }";
    let found = desk.as_(name).await.query(query, json!({ "figure": figure, "outcome": outcome })).await;
    let nodes = found["healthReport"]["tickets"]["nodes"].as_array().unwrap().clone();
    nodes.iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect()
}

/// One number of one row.
async fn sql(desk: &Desk, select: &str) -> i64 {
    let conn = desk.app.db.read();
    let row = conn.query_one_raw(Statement::from_string(conn.get_database_backend(), select)).await.unwrap().unwrap();
    row.try_get_by_index::<i64>(0).unwrap()
}

struct Solved<'s> {
    by: &'s str,
    requester: &'s str,
    issue: &'s str,
    product: &'s str,
    cause: (&'s str, &'s str, Option<&'s str>),
    cites: Option<&'s str>,
    device: Option<&'s str>,
}

async fn solve(desk: &Desk, of: &Solved<'_>) -> String {
    let Solved { by, requester, issue, product, cause: (fault, level, tag), cites, device } = of;
    let more = json!({ "requesterEmail": format!("{requester}@desk.test"), "issueType": issue, "product": product,
        "device": device });
    let id = desk.ticket("admin", "故障", more).await;
    let assignee = desk.id(by).to_string();
    let admin = desk.as_("admin").await;
    admin.done("assignTicket", "__typename", json!({ "ticketId": id, "assigneeId": assignee })).await;
    let agent = desk.as_(by).await;
    agent.done("acceptTicket", "__typename", json!({ "ticketId": id })).await;
    if let Some(case) = cites {
        agent.done("citeSolution", "__typename", json!({ "ticketId": id, "caseId": case })).await;
    }
    let attribution = json!({ "faultType": fault, "rootCauseLevel": level, "causeTag": tag, "solutionTags": ["RESTART"],
        "resolution": "先断电。再上电" });
    agent.done("resolveTicket", "__typename", json!({ "ticketId": id, "attribution": attribution })).await;
    id
}

const LOOSE: (&str, &str, Option<&str>) = ("HARDWARE", "L2_ENVIRONMENT", Some("LOOSE_CONNECTOR"));
const DEFECT: (&str, &str, Option<&str>) = ("SOFTWARE", "L3_DESIGN_DEFECT", None);
const MISTAKE: (&str, &str, Option<&str>) = ("OPERATION", "L1_USER_ERROR", None);
const SETTING: (&str, &str, Option<&str>) = ("CONFIGURATION", "L2_ENVIRONMENT", None);

const REPAIR: Solved<'static> = Solved {
    by: "agent1",
    requester: "requester1",
    issue: "REPAIR",
    product: "PM-3300",
    cause: LOOSE,
    cites: None,
    device: None,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_month_is_told_as_plain_sql_tells_it_and_leads_to_its_tickets() {
    let desk = Desk::start().await;
    let of = |requester, cause, cites| Solved { requester, cause, cites, ..REPAIR };
    let first = solve(&desk, &of("requester1", LOOSE, None)).await;
    desk.advance(days(1)).await;
    // The same customer, by a colleague: it came back. Another customer's is none.
    let second = solve(&desk, &of("colleague1", LOOSE, Some(&first))).await;
    solve(&desk, &of("requester2", LOOSE, Some(&first))).await;
    solve(&desk, &of("requester2", DEFECT, Some(&first))).await;
    solve(&desk, &of("requester1", DEFECT, None)).await;
    solve(&desk, &of("requester1", MISTAKE, None)).await;
    let it = Solved { by: "agent3", issue: "ACCOUNT", product: "VPN", cause: SETTING, ..REPAIR };
    solve(&desk, &it).await;
    // Cancelled: counts nowhere.
    let none = desk.ticket("admin", "重复", json!({})).await;
    desk.as_("admin").await.done("cancelTicket", "__typename", json!({ "ticketId": none, "reason": "重复" })).await;
    for (id, score) in [(&first, Some(5)), (&second, None)] {
        desk.as_("agent1").await.done("closeTicket", "__typename", json!({ "ticketId": id })).await;
        if let Some(score) = score {
            desk.as_("requester1")
                .await
                .done("rateTicket", "__typename", json!({ "ticketId": id, "score": score }))
                .await;
        }
    }
    desk.advance(hours(1)).await;
    let told = report(&desk, "admin").await;
    let ratio = |name: &str| (told[name]["numerator"].as_i64().unwrap(), told[name]["denominator"].as_i64().unwrap());
    assert_eq!((&told["resolved"], &told["unattributed"]), (&json!(7), &json!(0)));
    assert_eq!(ratio("rootCauseConvergence"), (6, 7), "three, two, and one of the two that occur once");
    assert_eq!(ratio("linkRate"), (3, 7));
    assert_eq!(ratio("solutionReuse"), (1, 1), "one case, cited by three");
    assert_eq!((ratio("csat"), ratio("responseRate")), ((1, 1), (1, 2)));
    // The same in plain SQL.
    let attributed = sql(&desk, "select count(*) from attribution").await;
    let defects = sql(&desk, "select count(*) from attribution where root_cause_level = 'L3_DESIGN_DEFECT'").await;
    assert_eq!(ratio("l3Escape"), (defects, attributed));
    assert_eq!(told["l3Escape"]["healthy"], false, "less is better");
    let back = sql(
        &desk,
        "select count(distinct a.id) from ticket a, ticket b, attribution x, attribution y where x.ticket_id = a.id and y.ticket_id = b.id
            and a.customer_id = b.customer_id and b.created_at > a.first_resolved_at
            and b.created_at - a.first_resolved_at <= 2592000000 and x.fault_type = y.fault_type
            and x.root_cause_level = y.root_cause_level and coalesce(x.cause_tag, '') = coalesce(y.cause_tag, '')",
    )
    .await;
    assert_eq!((ratio("recurrence"), &told["recurrence"]["pending"]), ((back, back), &json!(6)));
    assert_eq!(behind(&desk, "admin", "RECURRENCE", "MET").await, std::slice::from_ref(&first));
    let cause = &told["topCauses"][0];
    assert_eq!(
        (&cause["faultType"], &cause["count"], &cause["product"]),
        (&json!("HARDWARE"), &json!(3), &json!("PM-3300"))
    );
    assert_eq!(cause["label"], "PM-3300 · hardware · environment (L2) · LOOSE_CONNECTOR");
    assert_eq!(cause["tickets"]["nodes"].as_array().unwrap().len(), 3);
    for (name, figure) in [
        ("rootCauseConvergence", "ROOT_CAUSE_CONVERGENCE"),
        ("l3Escape", "L3_ESCAPE"),
        ("linkRate", "LINK_RATE"),
        ("csat", "CSAT"),
        ("responseRate", "RESPONSE_RATE"),
    ] {
        let (met, all) = ratio(name);
        let lengths =
            [behind(&desk, "admin", figure, "MET").await.len(), behind(&desk, "admin", figure, "MISSED").await.len()];
        assert_eq!(lengths.map(|n| i64::try_from(n).unwrap()), [met, all - met], "{figure}");
    }
    let contribution = &told["contributions"][0];
    assert_eq!(contribution["user"]["name"], "agent1");
    assert_eq!((&contribution["citedCases"], &contribution["citations"]), (&json!(1), &json!(3)));
    // Of what the viewer may see: agent3 has one ticket.
    let own = report(&desk, "agent3").await;
    assert_eq!((&own["resolved"], &own["rootCauseConvergence"]["denominator"]), (&json!(1), &json!(1)));
    let none = desk.as_("requester1").await.ask(REPORT, json!({ "month": "2026-03" })).await;
    assert_eq!(none.code(), "FORBIDDEN");
    let wrong = desk.as_("admin").await.ask(REPORT, json!({ "month": "2026-3" })).await;
    assert_eq!(wrong.code(), "BAD_USER_INPUT");
    // Another month: nothing, and no share of nothing.
    let empty = desk.as_("admin").await.query(REPORT, json!({ "month": "2026-02" })).await;
    assert_eq!(empty["healthReport"]["rootCauseConvergence"]["value"], json!(null));
    desk.close().await;
}

const WEEK: &str =
    "query Q($week: String!) { solutionOfTheWeek(week: $week) { ticket { id } card { id } appliesTo steps
    effect { citedInWeek citing held failed survival medianHandlingSeconds savedSeconds } } }";

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_back_on_a_device_is_a_recurrence_whoever_has_it() {
    let desk = Desk::start().await;
    let first = solve(&desk, &Solved { device: Some(" SN-0042 "), ..REPAIR }).await;
    solve(&desk, &Solved { requester: "requester2", device: Some("SN-0043"), ..REPAIR }).await;
    desk.advance(days(1)).await;
    solve(&desk, &Solved { requester: "agent2", device: Some("SN-0042"), cause: MISTAKE, ..REPAIR }).await;
    solve(&desk, &Solved { requester: "agent2", ..REPAIR }).await;
    solve(&desk, &Solved { requester: "agent2", device: Some("SN-0042"), product: "VPN", ..REPAIR }).await;
    let none = behind(&desk, "admin", "RECURRENCE", "MET").await;
    assert_eq!(none, Vec::<String>::new(), "another cause; no device; another product's");
    solve(&desk, &Solved { requester: "agent2", device: Some("SN-0042"), ..REPAIR }).await;
    assert!(behind(&desk, "admin", "RECURRENCE", "MET").await.contains(&first));
    let device = "query Q($id: ID!) { ticket(id: $id) { device } }";
    let told = async |name: &str| desk.as_(name).await.query(device, json!({ "id": first })).await["ticket"].clone();
    assert_eq!(told("agent1").await["device"], "SN-0042");
    assert_eq!(told("agent3").await["device"], Json::Null, "as a case for others");
    let found = async |name: &str| {
        let query = "{ tickets(filter: { text: \"SN-0042\" }) { nodes { device } } }";
        desk.settle().await;
        desk.as_(name).await.query(query, json!({})).await["tickets"]["nodes"].as_array().unwrap().len()
    };
    assert_eq!(found("admin").await, 4);
    let admin = desk.as_("admin").await;
    admin.done("redactTicket", "__typename", json!({ "ticketId": first, "texts": ["DEVICE"] })).await;
    assert_eq!(
        (told("admin").await["device"].clone(), found("admin").await),
        (Json::Null, 3),
        "nothing finds it by it"
    );
    let open = desk.ticket("admin", "故障", json!({ "device": "SN-0042" })).await;
    admin.done("updateTicket", "__typename", json!({ "ticketId": open, "device": "" })).await;
    assert_eq!(found("admin").await, 3, "it was another one: taken away");
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_solution_of_the_week_is_cited_often_and_holds() {
    let desk = Desk::start().await;
    let of = |cause, cites| Solved { cause, cites, ..REPAIR };
    let often = solve(&desk, &of(LOOSE, None)).await;
    let seldom = solve(&desk, &of(MISTAKE, None)).await;
    let none = desk.as_("agent1").await.query(WEEK, json!({ "week": "2026-W10" })).await;
    assert_eq!(none["solutionOfTheWeek"], json!(null), "nothing was cited yet");
    for (case, cause) in [(&often, DEFECT), (&often, SETTING), (&seldom, DEFECT)] {
        solve(&desk, &of(cause, Some(case))).await;
    }
    let told = desk.as_("agent1").await.query(WEEK, json!({ "week": "2026-W10" })).await["solutionOfTheWeek"].clone();
    assert_eq!(told["ticket"]["id"], json!(often));
    assert_eq!(told["steps"], json!(["先断电。", "再上电"]));
    assert_eq!(told["appliesTo"], "PM-3300 · hardware · environment (L2) · LOOSE_CONNECTOR");
    assert_eq!((&told["effect"]["citedInWeek"], &told["effect"]["survival"]), (&json!(2), &json!(null)));
    let other = desk.as_("agent1").await.query(WEEK, json!({ "week": "2026-W11" })).await;
    assert_eq!(other["solutionOfTheWeek"], json!(null));
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_in_use_and_asked_in_a_month_stays_told_of_it() {
    let desk = Desk::start().await;
    let first = solve(&desk, &REPAIR).await;
    for _ in 1..5 {
        solve(&desk, &REPAIR).await;
    }
    desk.advance(seconds(1)).await;
    desk.as_("agent1").await.done("closeTicket", "__typename", json!({ "ticketId": first })).await;
    let cards = desk.as_("admin").await.query("{ knowledgeCards { nodes { id } } }", json!({})).await;
    let card = json!({ "cardId": cards["knowledgeCards"]["nodes"][0]["id"] });
    desk.as_("supervisor").await.done("publishCard", "__typename", card.clone()).await;
    let of_march = async || {
        let told = report(&desk, "admin").await;
        (told["solutionReuse"]["denominator"].clone(), told["responseRate"]["denominator"].clone())
    };
    assert_eq!(of_march().await, (json!(1), json!(1)));
    desk.advance(days(40)).await;
    let supervisor = desk.as_("supervisor").await;
    supervisor.done("retireCard", "__typename", card.clone()).await;
    desk.advance(seconds(1)).await;
    supervisor.done("publishCard", "__typename", card).await;
    supervisor.done("reopenTicket", "__typename", json!({ "ticketId": first, "reason": "又来了" })).await;
    let again = json!({ "ticketId": first, "attribution": tests::attribution("再紧固") });
    desk.as_("agent1").await.done("resolveTicket", "__typename", again).await;
    desk.as_("agent1").await.done("closeTicket", "__typename", json!({ "ticketId": first })).await;
    desk.advance(seconds(1)).await;
    assert_eq!(of_march().await, (json!(1), json!(1)), "whatever happened since");
    desk.close().await;
}

/// The text of a file that came as Base64.
fn opened(file: &Json) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(file["base64"].as_str().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_is_a_file_on_demand_and_by_itself_when_it_is_over() {
    let desk = Desk::start().await;
    let first = solve(&desk, &REPAIR).await;
    solve(&desk, &Solved { cites: Some(&first), ..REPAIR }).await;
    let file = "query Q($month: String!, $format: ReportFormat!) {
        healthReportFile(month: $month, format: $format) { name mediaType base64 } }";
    let march = json!({ "month": "2026-03", "format": "HTML" });
    let made = desk.as_("supervisor").await.query(file, march).await["healthReportFile"].clone();
    assert_eq!(made["name"], "health-report-2026-03.html");
    let page = String::from_utf8(opened(&made)).unwrap();
    for said in [
        "Health report 2026-03",
        "PM-3300 · hardware · environment (L2) · LOOSE_CONNECTOR",
        "agent1",
        "50.0 %",
        "@page",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(!page.contains("http"), "it loads nothing from anywhere");
    let book = desk.as_("pm").await.query(file, json!({ "month": "2026-03", "format": "XLSX" })).await;
    assert!(opened(&book["healthReportFile"]).starts_with(b"PK"));
    let none = desk.as_("requester1").await.ask(file, json!({ "month": "2026-03", "format": "HTML" })).await;
    assert_eq!(none.code(), "FORBIDDEN");
    // By itself, an hour into the next month; of everything, for administrators.
    let kept = "{ healthReportFiles(month: \"2026-03\") { month format file { name base64 } } }";
    let wrong = desk.as_("admin").await.ask("{ healthReportFiles(month: \"March\") { name } }", json!({})).await;
    assert_eq!(wrong.code(), "BAD_USER_INPUT");
    let all = desk.as_("admin").await.ask("{ healthReportFiles { file { base64 } } }", json!({})).await;
    assert_eq!(all.code(), "BAD_USER_INPUT", "ten years of files at once: {all:?}");
    let before = desk.as_("admin").await.query(kept, json!({})).await;
    assert_eq!(before["healthReportFiles"], json!([]));
    desk.advance(days(31)).await;
    let files = desk.as_("admin").await.query(kept, json!({})).await["healthReportFiles"].clone();
    let formats: Vec<&Json> = files.as_array().unwrap().iter().map(|file| &file["format"]).collect();
    assert_eq!((formats, &files[0]["month"]), (vec![&json!("HTML"), &json!("XLSX")], &json!("2026-03")));
    let page = String::from_utf8(opened(&files[0]["file"])).unwrap();
    assert!(page.contains("工单健康度报告 2026-03"), "in the organisation's language: {page}");
    let told = desk.as_("admin").await.query("{ notifications(first: 50) { nodes { title } } }", json!({})).await;
    let told = told["notifications"]["nodes"].as_array().unwrap().iter();
    assert!(told.clone().any(|n| n["title"] == "The health report of 2026-03 is made"), "{told:?}");
    assert_eq!(desk.as_("supervisor").await.ask(kept, json!({})).await.code(), "FORBIDDEN");
    // What is redacted is gone from them at once; they are made anew, and told of no second time.
    assert!(page.contains(" 故障<"), "the case by its title: {page}");
    let admin = desk.as_("admin").await;
    admin.done("redactTicket", "__typename", json!({ "ticketId": first, "texts": ["TITLE"] })).await;
    let emptied = admin.query(kept, json!({})).await["healthReportFiles"].clone();
    assert_eq!((&emptied[0]["file"], &emptied[1]["file"]), (&Json::Null, &Json::Null), "{emptied:?}");
    desk.advance(minutes(2)).await;
    let files = admin.query(kept, json!({})).await["healthReportFiles"].clone();
    let page = String::from_utf8(opened(&files[0]["file"])).unwrap();
    assert!(page.contains("2026-03") && !page.contains(" 故障<"), "{page}");
    let told = admin.query("{ notifications(first: 50) { nodes { title } } }", json!({})).await;
    let told = told["notifications"]["nodes"].as_array().unwrap().iter();
    assert_eq!(told.filter(|n| n["title"] == "The health report of 2026-03 is made").count(), 1);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn design_defects_of_a_product_are_told_quarter_on_quarter() {
    let desk = Desk::start().await;
    let of = |cause| Solved { cause, ..REPAIR };
    for cause in [DEFECT, DEFECT, LOOSE, LOOSE] {
        solve(&desk, &of(cause)).await;
    }
    desk.advance(days(31)).await;
    for cause in [DEFECT, LOOSE, LOOSE, LOOSE] {
        solve(&desk, &of(cause)).await;
    }
    desk.advance(seconds(1)).await;
    let query = "query Q($quarter: String!) { escapeKpi(quarter: $quarter) { product owner { name } current { numerator denominator }
        previous { numerator denominator } change target met tickets(outcome: MET) { nodes { id } } } }";
    let told = desk.as_("pm").await.query(query, json!({ "quarter": "2026-Q2" })).await["escapeKpi"].clone();
    assert_eq!(told.as_array().unwrap().len(), 1);
    assert_eq!((&told[0]["product"], &told[0]["owner"]["name"]), (&json!("PM-3300"), &json!("pm")));
    assert_eq!(told[0]["current"], json!({ "numerator": 1, "denominator": 4 }));
    assert_eq!(told[0]["previous"], json!({ "numerator": 2, "denominator": 4 }));
    assert_eq!((&told[0]["change"], &told[0]["met"]), (&json!(-0.5), &json!(true)));
    assert_eq!(told[0]["tickets"]["nodes"].as_array().unwrap().len(), 1);
    let earlier = desk.as_("pm").await.query(query, json!({ "quarter": "2026-Q1" })).await["escapeKpi"].clone();
    assert_eq!((&earlier[0]["change"], &earlier[0]["met"]), (&json!(null), &json!(null)));
    desk.close().await;
}
