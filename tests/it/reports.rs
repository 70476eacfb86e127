//! The monthly report, compared with plain SQL on the same rows; every figure lists its tickets.

use domain::kernel::{days, hours, minutes, seconds};
use sea_orm::{ConnectionTrait as _, Statement};
use tests::{Desk, Json, json};

const REPORT: &str = "query Q($month: String!) { healthReport(month: $month) { resolved unattributed
    rootCauseConvergence { numerator denominator value healthy } solutionReuse { numerator denominator }
    l3Escape { numerator denominator healthy } recurrence { numerator denominator pending pendingFailed healthy } linkRate { numerator denominator }
    csat { numerator denominator } responseRate { numerator denominator pending }
    isProvisional finalAt pending pendingSurveys
    topCauses { faultType rootCauseLevel causeTag product count share label tickets { nodes { id } } }
    contributions { user { name } cards citedCases citations } solutions { citationCount case { id } card { id } } } }";

async fn report(desk: &Desk, name: &str) -> Json {
    desk.as_(name).await.query(REPORT, json!({ "month": "2026-03" })).await["healthReport"].clone()
}

async fn drill_down(desk: &Desk, name: &str, figure: &str, outcome: &str) -> Vec<String> {
    let query = "query Q($figure: HealthFigure!, $outcome: MetricOutcome!) { healthReport(month: \"2026-03\") {
        tickets(figure: $figure, outcome: $outcome, first: 100) { nodes { id } } } }";
    let found = desk.as_(name).await.query(query, json!({ "figure": figure, "outcome": outcome })).await;
    let nodes = found["healthReport"]["tickets"]["nodes"].as_array().unwrap().clone();
    nodes.iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect()
}

/// One integer by plain SQL.
async fn sql(desk: &Desk, select: &str) -> i64 {
    let conn = desk.app.db.read();
    let row = conn.query_one_raw(Statement::from_string(conn.get_database_backend(), select)).await.unwrap().unwrap();
    row.try_get_by_index::<i64>(0).unwrap()
}

struct ResolvedCase<'s> {
    by: &'s str,
    requester: &'s str,
    issue: &'s str,
    product: &'s str,
    cause: (&'s str, &'s str, Option<&'s str>),
    cites: Option<&'s str>,
    device: Option<&'s str>,
}

async fn create_resolved(desk: &Desk, of: &ResolvedCase<'_>) -> String {
    let ResolvedCase { by, requester, issue, product, cause: (fault, level, tag), cites, device } = of;
    let more = json!({ "requesterEmail": format!("{requester}@desk.test"), "issueType": issue, "product": product,
        "device": device });
    let id = desk.create_ticket("admin", "故障", more).await;
    let assignee = desk.id(by).to_string();
    let admin = desk.as_("admin").await;
    admin.mutate_ok("assignTicket", "__typename", json!({ "ticketId": id, "assigneeId": assignee })).await;
    let agent = desk.as_(by).await;
    agent.mutate_ok("acceptTicket", "__typename", json!({ "ticketId": id })).await;
    if let Some(case) = cites {
        agent.mutate_ok("citeSolution", "__typename", json!({ "ticketId": id, "caseId": case })).await;
    }
    let attribution = json!({ "faultType": fault, "rootCauseLevel": level, "causeTag": tag, "solutionTags": ["RESTART"],
        "resolution": "先断电。再上电" });
    agent.mutate_ok("resolveTicket", "__typename", json!({ "ticketId": id, "attribution": attribution })).await;
    id
}

const LOOSE: (&str, &str, Option<&str>) = ("HARDWARE", "L2_ENVIRONMENT", Some("LOOSE_CONNECTOR"));
const DEFECT: (&str, &str, Option<&str>) = ("SOFTWARE", "L3_DESIGN_DEFECT", None);
const MISTAKE: (&str, &str, Option<&str>) = ("OPERATION", "L1_USER_ERROR", None);
const SETTING: (&str, &str, Option<&str>) = ("CONFIGURATION", "L2_ENVIRONMENT", None);

const REPAIR: ResolvedCase<'static> = ResolvedCase {
    by: "agent1",
    requester: "requester1",
    issue: "REPAIR",
    product: "PM-3300",
    cause: LOOSE,
    cites: None,
    device: None,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_monthly_report_matches_plain_sql_and_lists_its_tickets() {
    let desk = Desk::start().await;
    let of = |requester, cause, cites| ResolvedCase { requester, cause, cites, ..REPAIR };
    let first = create_resolved(&desk, &of("requester1", LOOSE, None)).await;
    desk.advance(days(1)).await;
    // The same cause for the same customer is a recurrence, for another customer it is not.
    let second = create_resolved(&desk, &of("colleague1", LOOSE, Some(&first))).await;
    create_resolved(&desk, &of("requester2", LOOSE, Some(&first))).await;
    create_resolved(&desk, &of("requester2", DEFECT, Some(&first))).await;
    create_resolved(&desk, &of("requester1", DEFECT, None)).await;
    create_resolved(&desk, &of("requester1", MISTAKE, None)).await;
    let it = ResolvedCase { by: "agent3", issue: "ACCOUNT", product: "VPN", cause: SETTING, ..REPAIR };
    create_resolved(&desk, &it).await;
    // A cancelled ticket counts in no figure.
    let none = desk.create_ticket("admin", "重复", json!({})).await;
    desk.as_("admin")
        .await
        .mutate_ok("cancelTicket", "__typename", json!({ "ticketId": none, "reason": "重复" }))
        .await;
    for (id, score) in [(&first, Some(5)), (&second, None)] {
        desk.as_("agent1").await.mutate_ok("closeTicket", "__typename", json!({ "ticketId": id })).await;
        if let Some(score) = score {
            desk.as_("requester1")
                .await
                .mutate_ok("rateTicket", "__typename", json!({ "ticketId": id, "score": score }))
                .await;
        }
    }
    desk.advance(hours(1)).await;
    let actual = report(&desk, "admin").await;
    let ratio =
        |name: &str| (actual[name]["numerator"].as_i64().unwrap(), actual[name]["denominator"].as_i64().unwrap());
    assert_eq!((&actual["resolved"], &actual["unattributed"]), (&json!(7), &json!(0)));
    assert_eq!(ratio("rootCauseConvergence"), (6, 7), "the three most frequent causes");
    assert_eq!(ratio("linkRate"), (3, 7));
    assert_eq!(ratio("solutionReuse"), (1, 1), "one case, cited by three");
    assert_eq!((ratio("csat"), ratio("responseRate")), ((1, 1), (0, 0)), "both surveys can still be answered");
    assert_eq!((&actual["pendingSurveys"], &actual["responseRate"]["pending"]), (&json!(2), &json!(2)));
    // The same figures in plain SQL.
    let attributed = sql(&desk, "select count(*) from attribution").await;
    let defects = sql(&desk, "select count(*) from attribution where root_cause_level = 'L3_DESIGN_DEFECT'").await;
    assert_eq!(ratio("l3Escape"), (defects, attributed));
    assert_eq!(actual["l3Escape"]["healthy"], false, "a lower value is better");
    let back = sql(
        &desk,
        "select count(distinct a.id) from ticket a, ticket b, attribution x, attribution y where x.ticket_id = a.id and y.ticket_id = b.id
            and a.customer_id = b.customer_id and b.created_at > a.first_resolved_at
            and b.created_at - a.first_resolved_at <= 2592000000 and x.fault_type = y.fault_type
            and x.root_cause_level = y.root_cause_level and coalesce(x.cause_tag, '') = coalesce(y.cause_tag, '')",
    )
    .await;
    // A recurrence in an open window is no share of 100 %: it is pending like those that hold.
    let open = json!({ "numerator": 0, "denominator": 0, "pending": 7, "pendingFailed": back, "healthy": null });
    assert_eq!((&actual["recurrence"], &actual["pending"]), (&open, &json!(7)));
    assert_eq!((&actual["isProvisional"], &actual["finalAt"]), (&json!(true), &json!("2026-04-30T16:00:00Z")));
    assert_eq!(drill_down(&desk, "admin", "RECURRENCE", "PENDING_FAILED").await, std::slice::from_ref(&first));
    assert_eq!(drill_down(&desk, "admin", "RECURRENCE", "PENDING").await.len(), 7);
    assert_eq!(drill_down(&desk, "admin", "RESPONSE_RATE", "PENDING").await.len(), 2);
    let cause = &actual["topCauses"][0];
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
    ] {
        let (met, all) = ratio(name);
        let lengths = [
            drill_down(&desk, "admin", figure, "MET").await.len(),
            drill_down(&desk, "admin", figure, "MISSED").await.len(),
        ];
        assert_eq!(lengths.map(|n| i64::try_from(n).unwrap()), [met, all - met], "{figure}");
    }
    let contribution = &actual["contributions"][0];
    assert_eq!(contribution["user"]["name"], "agent1");
    assert_eq!((&contribution["citedCases"], &contribution["citations"]), (&json!(1), &json!(3)));
    // Figures respect the viewer's scope: agent3 has one ticket.
    let own = report(&desk, "agent3").await;
    assert_eq!((&own["resolved"], &own["rootCauseConvergence"]["denominator"]), (&json!(1), &json!(1)));
    let none = desk.as_("requester1").await.execute(REPORT, json!({ "month": "2026-03" })).await;
    assert_eq!(none.code(), "FORBIDDEN");
    let wrong = desk.as_("admin").await.execute(REPORT, json!({ "month": "2026-3" })).await;
    assert_eq!(wrong.code(), "BAD_USER_INPUT");
    // An empty month has ratios without a value.
    let empty = desk.as_("admin").await.query(REPORT, json!({ "month": "2026-02" })).await;
    assert_eq!(empty["healthReport"]["rootCauseConvergence"]["value"], json!(null));
    assert_eq!(empty["healthReport"]["isProvisional"], true, "its last window ends thirty days after its end");
    let old = desk.as_("admin").await.query(REPORT, json!({ "month": "2025-12" })).await;
    assert_eq!(old["healthReport"]["isProvisional"], false);
    // Once every window is over, everything counts.
    desk.advance(days(60)).await;
    let closed = report(&desk, "admin").await;
    let met = json!({ "numerator": back, "denominator": 7, "pending": 0, "pendingFailed": 0, "healthy": false });
    assert_eq!(closed["recurrence"], met);
    assert_eq!(closed["responseRate"], json!({ "numerator": 1, "denominator": 2, "pending": 0 }));
    assert_eq!(
        (&closed["isProvisional"], &closed["pending"], &closed["pendingSurveys"]),
        (&json!(false), &json!(0), &json!(0))
    );
    assert_eq!(drill_down(&desk, "admin", "RECURRENCE", "MET").await, std::slice::from_ref(&first));
    desk.close().await;
}

const WEEK: &str =
    "query Q($week: String!) { solutionOfTheWeek(week: $week) { ticket { id } card { id } appliesTo steps
    effect { citedInWeek citationCount survived failed survival medianHandlingSeconds savedSeconds } } }";

#[tokio::test(flavor = "multi_thread")]
async fn the_same_cause_on_the_same_device_counts_as_recurrence() {
    let desk = Desk::start().await;
    let first = create_resolved(&desk, &ResolvedCase { device: Some(" SN-0042 "), ..REPAIR }).await;
    create_resolved(&desk, &ResolvedCase { requester: "requester2", device: Some("SN-0043"), ..REPAIR }).await;
    desk.advance(days(1)).await;
    create_resolved(&desk, &ResolvedCase { requester: "agent2", device: Some("SN-0042"), cause: MISTAKE, ..REPAIR })
        .await;
    create_resolved(&desk, &ResolvedCase { requester: "agent2", ..REPAIR }).await;
    create_resolved(&desk, &ResolvedCase { requester: "agent2", device: Some("SN-0042"), product: "VPN", ..REPAIR })
        .await;
    let none = drill_down(&desk, "admin", "RECURRENCE", "PENDING_FAILED").await;
    assert_eq!(none, Vec::<String>::new(), "another cause, no device, another product");
    create_resolved(&desk, &ResolvedCase { requester: "agent2", device: Some("SN-0042"), ..REPAIR }).await;
    assert!(drill_down(&desk, "admin", "RECURRENCE", "PENDING_FAILED").await.contains(&first));
    let device = "query Q($id: ID!) { ticket(id: $id) { device } }";
    let actual = async |name: &str| desk.as_(name).await.query(device, json!({ "id": first })).await["ticket"].clone();
    assert_eq!(actual("agent1").await["device"], "SN-0042");
    assert_eq!(actual("agent3").await["device"], Json::Null, "hidden from readers of the case");
    let found = async |name: &str| {
        let query = "{ tickets(filter: { text: \"SN-0042\" }) { nodes { device } } }";
        desk.wait_for_followers().await;
        desk.as_(name).await.query(query, json!({})).await["tickets"]["nodes"].as_array().unwrap().len()
    };
    assert_eq!(found("admin").await, 4);
    let admin = desk.as_("admin").await;
    admin.mutate_ok("redactTicket", "__typename", json!({ "ticketId": first, "texts": ["DEVICE"] })).await;
    assert_eq!(
        (actual("admin").await["device"].clone(), found("admin").await),
        (Json::Null, 3),
        "a redacted device finds nothing"
    );
    let open = desk.create_ticket("admin", "故障", json!({ "device": "SN-0042" })).await;
    admin.mutate_ok("updateTicket", "__typename", json!({ "ticketId": open, "device": "" })).await;
    assert_eq!(found("admin").await, 3, "the device was removed");
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_solution_of_the_week_is_the_most_cited_one() {
    let desk = Desk::start().await;
    let of = |cause, cites| ResolvedCase { cause, cites, ..REPAIR };
    let cited_often = create_resolved(&desk, &of(LOOSE, None)).await;
    let cited_once = create_resolved(&desk, &of(MISTAKE, None)).await;
    let none = desk.as_("agent1").await.query(WEEK, json!({ "week": "2026-W10" })).await;
    assert_eq!(none["solutionOfTheWeek"], json!(null), "no citation yet");
    for (case, cause) in [(&cited_often, DEFECT), (&cited_often, SETTING), (&cited_once, DEFECT)] {
        create_resolved(&desk, &of(cause, Some(case))).await;
    }
    let actual = desk.as_("agent1").await.query(WEEK, json!({ "week": "2026-W10" })).await["solutionOfTheWeek"].clone();
    assert_eq!(actual["ticket"]["id"], json!(cited_often));
    assert_eq!(actual["steps"], json!(["先断电。", "再上电"]));
    assert_eq!(actual["appliesTo"], "PM-3300 · hardware · environment (L2) · LOOSE_CONNECTOR");
    assert_eq!((&actual["effect"]["citedInWeek"], &actual["effect"]["survival"]), (&json!(2), &json!(null)));
    let other = desk.as_("agent1").await.query(WEEK, json!({ "week": "2026-W11" })).await;
    assert_eq!(other["solutionOfTheWeek"], json!(null));
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_of_a_past_month_do_not_change() {
    let desk = Desk::start().await;
    let first = create_resolved(&desk, &REPAIR).await;
    for _ in 1..5 {
        create_resolved(&desk, &REPAIR).await;
    }
    desk.advance(seconds(1)).await;
    desk.as_("agent1").await.mutate_ok("closeTicket", "__typename", json!({ "ticketId": first })).await;
    let cards = desk.as_("admin").await.query("{ knowledgeCards { nodes { id } } }", json!({})).await;
    let card = json!({ "cardId": cards["knowledgeCards"]["nodes"][0]["id"] });
    desk.as_("supervisor").await.mutate_ok("publishCard", "__typename", card.clone()).await;
    let of_march = async || {
        let actual = report(&desk, "admin").await;
        let surveys = &actual["responseRate"];
        let all = surveys["denominator"].as_i64().unwrap() + surveys["pending"].as_i64().unwrap();
        (actual["solutionReuse"]["denominator"].clone(), json!(all))
    };
    assert_eq!(of_march().await, (json!(1), json!(1)));
    desk.advance(days(40)).await;
    let supervisor = desk.as_("supervisor").await;
    supervisor.mutate_ok("retireCard", "__typename", card.clone()).await;
    desk.advance(seconds(1)).await;
    supervisor.mutate_ok("publishCard", "__typename", card).await;
    supervisor.mutate_ok("reopenTicket", "__typename", json!({ "ticketId": first, "reason": "又来了" })).await;
    let again = json!({ "ticketId": first, "attribution": tests::attribution("再紧固") });
    desk.as_("agent1").await.mutate_ok("resolveTicket", "__typename", again).await;
    desk.as_("agent1").await.mutate_ok("closeTicket", "__typename", json!({ "ticketId": first })).await;
    desk.advance(seconds(1)).await;
    assert_eq!(of_march().await, (json!(1), json!(1)), "later events change nothing");
    desk.close().await;
}

/// Decodes a Base64 file.
fn decode_file(file: &Json) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(file["base64"].as_str().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_file_is_made_on_demand_and_at_month_end() {
    let desk = Desk::start().await;
    let first = create_resolved(&desk, &REPAIR).await;
    create_resolved(&desk, &ResolvedCase { cites: Some(&first), ..REPAIR }).await;
    let file = "query Q($month: String!, $format: ReportFormat!) {
        healthReportFile(month: $month, format: $format) { name mediaType base64 } }";
    let march = json!({ "month": "2026-03", "format": "HTML" });
    let made = desk.as_("supervisor").await.query(file, march).await["healthReportFile"].clone();
    assert_eq!(made["name"], "health-report-2026-03.html");
    let page = String::from_utf8(decode_file(&made)).unwrap();
    for text in [
        "Health report 2026-03",
        "PM-3300 · hardware · environment (L2) · LOOSE_CONNECTOR",
        "agent1",
        "50.0 %",
        "Provisional: 2 tickets and 0 surveys are pending",
        "no data (provisional, 2 pending)",
        "Final from 2026-05-01",
        "@page",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!page.contains("http"), "the page loads no external resource");
    let book = desk.as_("pm").await.query(file, json!({ "month": "2026-03", "format": "XLSX" })).await;
    assert!(decode_file(&book["healthReportFile"]).starts_with(b"PK"));
    let none = desk.as_("requester1").await.execute(file, json!({ "month": "2026-03", "format": "HTML" })).await;
    assert_eq!(none.code(), "FORBIDDEN");
    // The automatic file, an hour into the next month, covers everything and is for administrators.
    let query = "{ healthReportFiles(month: \"2026-03\") { month format isFinal file { name base64 } } }";
    let wrong = desk.as_("admin").await.execute("{ healthReportFiles(month: \"March\") { name } }", json!({})).await;
    assert_eq!(wrong.code(), "BAD_USER_INPUT");
    let all = desk.as_("admin").await.execute("{ healthReportFiles { file { base64 } } }", json!({})).await;
    assert_eq!(all.code(), "BAD_USER_INPUT", "files of all months at once are refused: {all:?}");
    let before = desk.as_("admin").await.query(query, json!({})).await;
    assert_eq!(before["healthReportFiles"], json!([]));
    desk.advance(days(10)).await;
    create_resolved(&desk, &REPAIR).await;
    desk.advance(days(21)).await;
    let files = desk.as_("admin").await.query(query, json!({})).await["healthReportFiles"].clone();
    let formats: Vec<&Json> = files.as_array().unwrap().iter().map(|file| &file["format"]).collect();
    assert_eq!((formats, &files[0]["month"]), (vec![&json!("HTML"), &json!("XLSX")], &json!("2026-03")));
    let page = String::from_utf8(decode_file(&files[0]["file"])).unwrap();
    assert!(page.contains("工单健康度报告 2026-03"), "in the organisation's language: {page}");
    assert!(page.contains("暂定：1 张工单、"), "{page}");
    assert_eq!((&files[0]["isFinal"], &files[1]["isFinal"]), (&json!(false), &json!(false)));
    let actual = desk.as_("admin").await.query("{ notifications(first: 50) { nodes { title } } }", json!({})).await;
    let actual = actual["notifications"]["nodes"].as_array().unwrap().iter();
    assert!(actual.clone().any(|n| n["title"] == "The 2026-03 health report is ready"), "{actual:?}");
    assert_eq!(desk.as_("supervisor").await.execute(query, json!({})).await.code(), "FORBIDDEN");
    // A redaction empties the files immediately; they are made again without a second notification.
    assert!(page.contains(" 故障<"), "the page contains the title: {page}");
    let admin = desk.as_("admin").await;
    admin.mutate_ok("redactTicket", "__typename", json!({ "ticketId": first, "texts": ["TITLE"] })).await;
    let emptied = admin.query(query, json!({})).await["healthReportFiles"].clone();
    assert_eq!((&emptied[0]["file"], &emptied[1]["file"]), (&Json::Null, &Json::Null), "{emptied:?}");
    desk.advance(minutes(2)).await;
    let files = admin.query(query, json!({})).await["healthReportFiles"].clone();
    let page = String::from_utf8(decode_file(&files[0]["file"])).unwrap();
    assert!(page.contains("2026-03") && !page.contains(" 故障<"), "{page}");
    let actual = admin.query("{ notifications(first: 50) { nodes { title } } }", json!({})).await;
    let actual = actual["notifications"]["nodes"].as_array().unwrap().iter();
    assert_eq!(actual.filter(|n| n["title"] == "The 2026-03 health report is ready").count(), 1);
    // Once the month's windows are over, the report is made again by itself, replaces the provisional one, and says so once.
    desk.advance(days(28)).await;
    let files = desk.as_("admin").await.query(query, json!({})).await["healthReportFiles"].clone();
    assert_eq!((files.as_array().unwrap().len(), &files[0]["isFinal"]), (2, &json!(false)), "{files}");
    desk.advance(days(2)).await;
    let admin = desk.as_("admin").await;
    let files = admin.query(query, json!({})).await["healthReportFiles"].clone();
    assert_eq!(files.as_array().unwrap().len(), 2, "one report a month: {files}");
    assert_eq!((&files[0]["isFinal"], &files[1]["isFinal"]), (&json!(true), &json!(true)));
    let page = String::from_utf8(decode_file(&files[0]["file"])).unwrap();
    assert!(!page.contains("暂定"), "{page}");
    let titles = async |title: &str| {
        let found = desk.as_("admin").await.query("{ notifications(first: 100) { nodes { title } } }", json!({})).await;
        found["notifications"]["nodes"].as_array().unwrap().iter().filter(|n| n["title"] == title).count()
    };
    assert_eq!(titles("The 2026-03 health report is final").await, 1);
    // A redaction makes it again, and it stays final without a further notification.
    admin.mutate_ok("redactTicket", "__typename", json!({ "ticketId": first, "texts": ["DESCRIPTION"] })).await;
    desk.advance(minutes(2)).await;
    let files = desk.as_("admin").await.query(query, json!({})).await["healthReportFiles"].clone();
    assert_eq!(files[0]["isFinal"], true);
    assert!(!files[0]["file"].is_null());
    assert_eq!(titles("The 2026-03 health report is final").await, 1);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn design_defects_of_a_product_are_compared_by_quarter() {
    let desk = Desk::start().await;
    let of = |cause| ResolvedCase { cause, ..REPAIR };
    for cause in [DEFECT, DEFECT, LOOSE, LOOSE] {
        create_resolved(&desk, &of(cause)).await;
    }
    desk.advance(days(31)).await;
    for cause in [DEFECT, LOOSE, LOOSE, LOOSE] {
        create_resolved(&desk, &of(cause)).await;
    }
    desk.advance(seconds(1)).await;
    let query = "query Q($quarter: String!) { escapeKpi(quarter: $quarter) { product owner { name } current { numerator denominator }
        previous { numerator denominator } change target met tickets(outcome: MET) { nodes { id } } } }";
    let actual = desk.as_("pm").await.query(query, json!({ "quarter": "2026-Q2" })).await["escapeKpi"].clone();
    assert_eq!(actual.as_array().unwrap().len(), 1);
    assert_eq!((&actual[0]["product"], &actual[0]["owner"]["name"]), (&json!("PM-3300"), &json!("pm")));
    assert_eq!(actual[0]["current"], json!({ "numerator": 1, "denominator": 4 }));
    assert_eq!(actual[0]["previous"], json!({ "numerator": 2, "denominator": 4 }));
    assert_eq!((&actual[0]["change"], &actual[0]["met"]), (&json!(-0.5), &json!(true)));
    assert_eq!(actual[0]["tickets"]["nodes"].as_array().unwrap().len(), 1);
    let earlier = desk.as_("pm").await.query(query, json!({ "quarter": "2026-Q1" })).await["escapeKpi"].clone();
    assert_eq!((&earlier[0]["change"], &earlier[0]["met"]), (&json!(null), &json!(null)));
    desk.close().await;
}
