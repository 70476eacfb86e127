//! Metrics of the running server: derived when they are read, within the viewer's scope.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use calamine::Reader as _;
use domain::kernel::{days, hours, minutes};
use domain::metrics::model::{Period, Selection, Split};
use domain::metrics::queries::aggregates;
use domain::runtime::Ctx;
use domain::tickets::model::{CreateTicket, Priority};
use sea_orm::ConnectionTrait as _;
use tests::{Client, Desk, Json, attribution, json, on_postgres, start_time};

const PERIOD: &str = r#"period: { from: "2026-01-01T00:00:00+08:00", to: "2027-01-01T00:00:00+08:00" }"#;

async fn metrics(client: &Client, fields: &str) -> Json {
    client.query(&format!("{{ serviceMetrics({PERIOD}) {{ {fields} }} }}"), json!({})).await["serviceMetrics"].clone()
}

/// Reads a ratio as an administrator with a new session, because days may have passed.
async fn ratio(desk: &Desk, name: &str) -> (i64, i64, i64) {
    ratio_for(&desk.as_("admin").await, name).await
}

async fn ratio_for(client: &Client, name: &str) -> (i64, i64, i64) {
    let metrics_now = metrics(client, &format!("{name} {{ numerator denominator pending }}")).await;
    let of = |field: &str| metrics_now[name][field].as_i64().unwrap();
    (of("numerator"), of("denominator"), of("pending"))
}

async fn mutate_ticket(client: &Client, name: &str, id: &str, more: Json) {
    let mut input = json!({ "ticketId": id });
    input.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    client.mutate_ok(name, "__typename", input).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_window_is_pending_until_its_outcome_is_derived_from_now() {
    let desk = Desk::start().await;
    let admin = desk.as_("admin").await;
    let nothing = metrics(&admin, "firstResponseCompliance { value healthy smallSample target }").await;
    let expected = json!({ "value": null, "healthy": null, "smallSample": true, "target": 0.95 });
    assert_eq!(nothing["firstResponseCompliance"], expected, "without tickets the value is null, not 0 or 100 %");

    let quick = desk.create_ticket("requester1", "泵站停机", json!({ "issueType": "REPAIR" })).await;
    let slow = desk.create_ticket("requester1", "pump leaks", json!({ "issueType": "REPAIR" })).await;
    let dropped = desk.create_ticket("requester1", "a mistake", json!({ "issueType": "REPAIR" })).await;
    let withdrawn = json!({ "reason": "opened twice" });
    mutate_ticket(&desk.as_("requester1").await, "cancelTicket", &dropped, withdrawn).await;
    desk.advance(minutes(10)).await;
    mutate_ticket(&desk.as_("agent1").await, "acceptTicket", &quick, json!({})).await;
    desk.wait_for_followers().await;
    assert_eq!(
        ratio(&desk, "firstResponseCompliance").await,
        (0, 0, 2),
        "answered or not: the quarter of an hour is not over"
    );
    // The figure changes with time alone.
    desk.advance(minutes(6)).await;
    assert_eq!(ratio(&desk, "firstResponseCompliance").await, (1, 2, 0));
    let admin = desk.as_("admin").await;
    assert_eq!(metrics(&admin, "created excluded").await, json!({ "created": 2, "excluded": 1 }));

    let agent = desk.as_("agent1").await;
    mutate_ticket(&agent, "acceptTicket", &slow, json!({})).await;
    for id in [&quick, &slow] {
        mutate_ticket(&agent, "resolveTicket", id, json!({ "attribution": attribution("tightened") })).await;
    }
    desk.wait_for_followers().await;
    assert_eq!(ratio(&desk, "firstTimeResolution").await, (0, 0, 2), "a week has to pass");
    mutate_ticket(&desk.as_("requester1").await, "reopenTicket", &slow, json!({ "reason": "又漏了" })).await;
    desk.wait_for_followers().await;
    assert_eq!(ratio(&desk, "firstTimeResolution").await, (0, 0, 2), "what has failed already counts no earlier");
    let fields = "firstTimeResolution { value healthy pendingFailed isProvisional }
        pending: tickets(metric: FIRST_TIME_RESOLUTION, outcome: PENDING) { nodes { id } }
        failed: tickets(metric: FIRST_TIME_RESOLUTION, outcome: PENDING_FAILED) { nodes { id } }";
    let open = metrics(&desk.as_("admin").await, fields).await;
    let no_verdict = json!({ "value": null, "healthy": null, "pendingFailed": 1, "isProvisional": true });
    assert_eq!(open["firstTimeResolution"], no_verdict, "no share and no verdict from open windows");
    assert_eq!(open["failed"]["nodes"], json!([{ "id": slow }]));
    assert_eq!(open["pending"]["nodes"].as_array().unwrap().len(), 2);
    desk.advance(days(7) + hours(1)).await;
    desk.wait_for_followers().await;
    assert_eq!(ratio(&desk, "firstTimeResolution").await, (1, 2, 0));
    let closed = metrics(&desk.as_("admin").await, "firstTimeResolution { healthy pendingFailed isProvisional }").await;
    let verdict = json!({ "healthy": false, "pendingFailed": 0, "isProvisional": false });
    assert_eq!(closed["firstTimeResolution"], verdict);
    // A later reopening begins a new cycle, and the figure stays.
    mutate_ticket(&desk.as_("requester1").await, "reopenTicket", &quick, json!({ "reason": "again" })).await;
    desk.wait_for_followers().await;
    assert_eq!(ratio(&desk, "firstTimeResolution").await, (1, 2, 0));
    let admin = desk.as_("admin").await;
    let times = metrics(&admin, "handlingTime { count p50Seconds p99Seconds strata { count p50Seconds } }").await;
    assert_eq!(times["handlingTime"]["count"], 2);
    assert_eq!(times["handlingTime"]["p50Seconds"], 16 * 60);
    assert_eq!(times["handlingTime"]["strata"][1], json!({ "count": 2, "p50Seconds": 960 }));

    // Each figure lists its tickets.
    for (metric, outcome, expected) in [
        ("FIRST_RESPONSE_COMPLIANCE", "MET", vec![&quick]),
        ("FIRST_RESPONSE_COMPLIANCE", "MISSED", vec![&slow]),
        ("FIRST_RESPONSE_COMPLIANCE", "EXCLUDED", vec![&dropped]),
        ("FIRST_TIME_RESOLUTION", "MISSED", vec![&slow]),
        ("FIRST_TIME_RESOLUTION", "PENDING", vec![]),
    ] {
        let found =
            metrics(&admin, &format!("tickets(metric: {metric}, outcome: {outcome}) {{ nodes {{ id }} }}")).await;
        let ids: Vec<&str> =
            found["tickets"]["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect();
        assert_eq!(ids, expected, "{metric} {outcome}");
    }
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hand_over_prevents_first_time_resolution_and_a_first_dispatch_does_not() {
    let desk = Desk::start().await;
    let admin = desk.as_("admin").await;
    let to = |name: &str| json!({ "assigneeId": desk.id(name).to_string() });
    let mut resolved = Vec::new();
    for taken_before in [false, true] {
        let id = desk.create_ticket("requester1", "停机", json!({ "issueType": "REPAIR" })).await;
        mutate_ticket(&admin, "assignTicket", &id, to("agent1")).await;
        if taken_before {
            mutate_ticket(&desk.as_("agent1").await, "acceptTicket", &id, json!({})).await;
        }
        mutate_ticket(&admin, "assignTicket", &id, to("agent2")).await;
        let agent = desk.as_("agent2").await;
        mutate_ticket(&agent, "acceptTicket", &id, json!({})).await;
        mutate_ticket(&agent, "resolveTicket", &id, json!({ "attribution": attribution("done") })).await;
        resolved.push(id);
    }
    desk.advance(days(8)).await;
    desk.wait_for_followers().await;
    assert_eq!(ratio(&desk, "firstTimeResolution").await, (1, 2, 0));
    let admin = desk.as_("admin").await;
    let by = "breakdown(by: AGENT) { label id metrics { resolved firstTimeResolution { numerator denominator } } }";
    let expected = json!([{ "label": "agent2", "id": desk.id("agent2").to_string(),
        "metrics": { "resolved": 2, "firstTimeResolution": { "numerator": 1, "denominator": 2 } } }]);
    assert_eq!(metrics(&admin, by).await["breakdown"], expected);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_defect_is_closed_at_its_root_by_a_release() {
    let desk = Desk::start().await;
    let admin = desk.as_("admin").await;
    let mut defect = attribution("a patch is needed");
    defect["rootCauseLevel"] = json!("L3_DESIGN_DEFECT");
    let id = desk.create_ticket("admin", "PM-3300 E-721", json!({ "product": "PM-3300" })).await;
    mutate_ticket(&admin, "acceptTicket", &id, json!({})).await;
    mutate_ticket(&admin, "resolveTicket", &id, json!({ "attribution": defect })).await;
    desk.wait_for_followers().await;
    assert_eq!(ratio(&desk, "rootCauseClosure").await, (0, 0, 0), "not closed yet");
    desk.advance(days(7)).await;
    desk.wait_for_followers().await;
    assert_eq!(ratio(&desk, "rootCauseClosure").await, (0, 1, 0));

    let literal = |id: &str| {
        if on_postgres() { format!("'{id}'") } else { format!("x'{}'", id.replace('-', "")) }
    };
    let (release, ticket) = (literal(&desk.app.new_uuid().to_string()), literal(&id));
    let released_at = (desk.app.now() + hours(1)).millis();
    let tx = desk.app.db.begin().await.unwrap();
    for sql in [
        format!(
            "insert into product_release (id, product, version, released_at) values ({release}, 'PM-3300', '2.1', {released_at})"
        ),
        format!("insert into release_fix (release_id, ticket_id) values ({release}, {ticket})"),
    ] {
        tx.conn().execute_unprepared(&sql).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(ratio(&desk, "rootCauseClosure").await, (0, 1, 0), "not released yet");
    desk.advance(hours(1)).await;
    assert_eq!(ratio(&desk, "rootCauseClosure").await, (1, 1, 0));
    let pm = desk.as_("pm").await;
    assert_eq!(ratio_for(&pm, "rootCauseClosure").await, (1, 1, 0), "of the user's own product");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_respect_the_scope_and_filters_match_breakdowns() {
    let desk = Desk::start().await;
    for (issue_type, product, n) in [("REPAIR", "PM-3300", 3), ("ACCOUNT", "VPN", 2)] {
        for i in 0..n {
            let more = json!({ "issueType": issue_type, "product": product, "priority": "HIGH" });
            desk.create_ticket("requester1", &format!("{product} {i}"), more).await;
        }
    }
    desk.wait_for_followers().await;
    for (name, created) in [("admin", 5), ("supervisor", 3), ("agent1", 3), ("agent3", 2), ("pm", 3)] {
        assert_eq!(metrics(&desk.as_(name).await, "created").await["created"], created, "{name}");
    }
    let query = format!("{{ serviceMetrics({PERIOD}) {{ created }} }}");
    for (name, code) in [("requester1", "FORBIDDEN"), ("partner", "FORBIDDEN")] {
        assert_eq!(desk.as_(name).await.execute(&query, json!({})).await.code(), code, "{name}");
    }
    assert_eq!(desk.anonymous().execute(&query, json!({})).await.code(), "UNAUTHENTICATED");

    let admin = Client { language: "zh-CN", ..desk.as_("admin").await };
    let by = "team: breakdown(by: TEAM) { key label id metrics { created } }
        priority: breakdown(by: PRIORITY) { key label metrics { created byProduct: breakdown(by: PRODUCT) { key metrics { created } } } }
        series(interval: MONTH) { from metrics { created } }";
    let metrics_now = metrics(&admin, by).await;
    let team = &metrics_now["team"][0];
    assert_eq!(
        (&team["key"], &team["label"], &team["metrics"]["created"]),
        (&json!("FIELD"), &json!("现场服务"), &json!(3))
    );
    let expected = json!([{ "key": "HIGH", "label": "高", "metrics": { "created": 5, "byProduct": [
        { "key": "PM-3300", "metrics": { "created": 3 } }, { "key": "VPN", "metrics": { "created": 2 } } ] } }]);
    assert_eq!(metrics_now["priority"], expected);
    let months = metrics_now["series"].as_array().unwrap();
    assert_eq!(months.len(), 12);
    assert_eq!(months[2], json!({ "from": "2026-02-28T16:00:00Z", "metrics": { "created": 5 } }), "March in Shanghai");
    let filtered = format!(
        "query Q($team: ID) {{ serviceMetrics({PERIOD}, filter: {{ teamId: $team, product: \"PM-3300\" }}) {{ created }} }}"
    );
    let metrics_now = admin.query(&filtered, json!({ "team": team["id"] })).await;
    assert_eq!(metrics_now["serviceMetrics"]["created"], 3);

    // Invalid arguments give an error.
    let backwards =
        r#"{ serviceMetrics(period: { from: "2026-02-01T00:00:00Z", to: "2026-02-01T00:00:00Z" }) { created } }"#;
    assert_eq!(admin.execute(backwards, json!({})).await.code(), "BAD_USER_INPUT");
    let endless = r#"{ serviceMetrics(period: { from: "1990-02-01T00:00:00Z", to: "2026-02-01T00:00:00Z" }) { series(interval: DAY) { from } } }"#;
    assert_eq!(admin.execute(endless, json!({})).await.code(), "BAD_USER_INPUT");
    assert_eq!(admin.execute(&filtered, json!({ "team": "FIELD" })).await.code(), "BAD_USER_INPUT");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_down_is_paged_newest_first() {
    let desk = Desk::start().await;
    let mut ids = Vec::new();
    for n in 0..7 {
        ids.push(desk.create_ticket("admin", &format!("n {n}"), json!({})).await);
        desk.advance(minutes(1)).await;
    }
    desk.advance(hours(1)).await;
    desk.wait_for_followers().await;
    ids.reverse();
    let admin = desk.as_("admin").await;
    let page = |arguments: String| {
        let admin = admin.clone();
        async move {
            let fields = format!(
                "tickets(metric: FIRST_RESPONSE_COMPLIANCE, outcome: MISSED, {arguments}) {{
                    nodes {{ id }} pageInfo {{ startCursor endCursor hasNextPage hasPreviousPage }} }}"
            );
            let found = metrics(&admin, &fields).await["tickets"].clone();
            let nodes: Vec<String> =
                found["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect();
            (nodes, found["pageInfo"].clone())
        }
    };
    let (first, info) = page("first: 3".to_owned()).await;
    assert_eq!((first.as_slice(), &info["hasNextPage"]), (&ids[..3], &json!(true)));
    let (second, info) = page(format!("first: 3, after: {}", info["endCursor"])).await;
    assert_eq!(second, ids[3..6]);
    let (last, info) = page(format!("first: 3, after: {}", info["endCursor"])).await;
    assert_eq!((last.as_slice(), &info["hasNextPage"]), (&ids[6..], &json!(false)));
    let (before, info) = page(format!("last: 2, before: {}", info["startCursor"])).await;
    assert_eq!((before.as_slice(), &info["hasPreviousPage"]), (&ids[4..6], &json!(true)));
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_gives_the_same_figures_until_the_columns_are_loaded() {
    let mut desk = Desk::not_serving().await;
    let cx = Ctx::system(&desk.app);
    for (title, product) in [("泵站停机", Some("PM-3300")), ("pump", Some("VPN")), ("a question", None)] {
        let ticket = CreateTicket {
            title: title.to_owned(),
            description: title.to_owned(),
            priority: Priority::Normal,
            issue_type: None,
            product: product.map(str::to_owned),
            device: None,
            customer_key: None,
            requester_email: None,
            requester: None,
            required_skills: Vec::new(),
            external_refs: Vec::new(),
            at: None,
        };
        cx.execute(&ticket, None).await.unwrap();
    }
    let period = Period { from: start_time(), to: start_time() + days(1) };
    let selection = Selection { period, only: Vec::new() };
    let by = Split::By(domain::metrics::model::Dimension::Product);
    let from_sql = aggregates(&cx, &selection, by.clone()).await.unwrap();
    assert_eq!(from_sql.iter().map(|group| group.aggregates.created).collect::<Vec<_>>(), [1, 1, 1]);
    desk.serve();
    desk.wait_for_followers().await;
    let mut from_memory = aggregates(&cx, &selection, by).await.unwrap();
    let mut from_sql = from_sql;
    from_sql.sort_by(|a, b| a.key.cmp(&b.key));
    from_memory.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(from_memory, from_sql);
    // The same after a restart, from the database.
    desk.restart().await;
    desk.wait_for_followers().await;
    assert_eq!(metrics(&desk.as_("admin").await, "created").await["created"], 3);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn response_gaps_are_found_with_a_proposed_agent() {
    let desk = Desk::start().await;
    // Three Mondays, 13:00 to 15:00 in Shanghai; agent1 responds at 15:00, agent2 immediately.
    desk.advance(hours(4)).await;
    for week in 0..3 {
        let mut waiting = Vec::new();
        for slot in 0..4 {
            let slow = desk
                .create_ticket("requester1", &format!("=第{week}周 {slot}"), json!({ "issueType": "REPAIR" }))
                .await;
            let quick = desk.create_ticket("requester1", "泵站停机", json!({ "issueType": "REPAIR" })).await;
            for (id, agent) in [(&slow, "agent1"), (&quick, "agent2")] {
                let to = json!({ "assigneeId": desk.id(agent).to_string() });
                mutate_ticket(&desk.as_("admin").await, "assignTicket", id, to).await;
            }
            mutate_ticket(&desk.as_("agent2").await, "acceptTicket", &quick, json!({})).await;
            waiting.push(slow);
            desk.advance(minutes(30)).await;
        }
        for id in &waiting {
            mutate_ticket(&desk.as_("agent1").await, "acceptTicket", id, json!({})).await;
        }
        desk.advance(days(7) - hours(2)).await;
    }
    desk.wait_for_followers().await;
    let admin = desk.as_("admin").await;
    let ask = |agent: &str| {
        let fields = "timeZone cells { weekday slot arrivals answeredInTime medianFirstResponseSeconds }
            gaps { weekdays fromSlot toSlot arrivals answeredInTime smallSample proposal onDuty delegate { name } }";
        format!("{{ responseHeatmap({PERIOD}, agentId: \"{}\") {{ {fields} }} }}", desk.id(agent))
    };
    let heatmap = admin.query(&ask("agent1"), json!({})).await["responseHeatmap"].clone();
    assert_eq!(heatmap["timeZone"], "Asia/Shanghai");
    let gap = &heatmap["gaps"][0];
    assert_eq!((&gap["weekdays"], &gap["fromSlot"], &gap["toSlot"]), (&json!([1]), &json!(26), &json!(30)));
    assert_eq!((&gap["arrivals"], &gap["smallSample"]), (&json!(12), &json!(false)));
    assert_eq!(gap["delegate"]["name"], "agent2");
    assert!(gap["proposal"].as_str().unwrap().contains("Let agent2 stand in"), "{gap}");
    let zh = Client { language: "zh-CN", ..desk.as_("admin").await };
    let zh = zh.query(&ask("agent1"), json!({})).await["responseHeatmap"]["gaps"][0]["proposal"].clone();
    assert!(zh.as_str().unwrap().contains("周一 13:00–15:00"), "{zh}");
    let none = admin.query(&ask("agent2"), json!({})).await["responseHeatmap"].clone();
    assert_eq!(none["gaps"], json!([]));
    let cell = |slot: usize| none["cells"][slot].clone();
    let full = json!({ "weekday": 1, "slot": 26, "arrivals": 3, "answeredInTime": 3, "medianFirstResponseSeconds": 0 });
    assert_eq!(cell(26), full);

    // As files, for users with the right.
    let export = |format: &str| {
        format!("{{ responseHeatmapExport(month: \"2026-03\", format: {format}) {{ name base64 sizeBytes }} }}")
    };
    let file = admin.query(&export("CSV"), json!({})).await["responseHeatmapExport"].clone();
    let bytes = STANDARD.decode(file["base64"].as_str().unwrap()).unwrap();
    assert_eq!(file["sizeBytes"], bytes.len());
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("\r\nagent,agent1,Monday,13:00,13:30,3,0,7200,yes\r\n"), "{text}");
    assert!(text.contains("\r\nteam,Field service,Monday,14:30,15:00,6,3,0,no\r\n"), "{text}");
    let file = admin.query(&export("XLSX"), json!({})).await["responseHeatmapExport"].clone();
    assert_eq!(file["name"], "response-heatmap-2026-03.xlsx");
    let mut book =
        calamine::Xlsx::new(std::io::Cursor::new(STANDARD.decode(file["base64"].as_str().unwrap()).unwrap())).unwrap();
    let gaps = book.worksheet_range("Coverage gaps").unwrap();
    let agents = gaps.rows().filter(|row| row[0] == "agent").collect::<Vec<_>>();
    assert_eq!(agents.len(), 1);
    assert_eq!((&agents[0][1], &agents[0][5]), (&calamine::Data::from("agent1"), &calamine::Data::Float(12.0)));
    let wrong = admin.execute("{ responseHeatmapExport(month: \"2026-13\", format: CSV) { name } }", json!({})).await;
    assert_eq!(wrong.code(), "BAD_USER_INPUT");
    desk.close().await;
}
