//! `buoy import`: streaming, idempotent, with a report of bad rows.

use std::io::Write as _;

use tests::process::{Installation, read_text, wait_until};
use tests::{Json, json};

use crate::PROGRAM;

const ADMIN: &str = "admin@import.test";
const HEADER: &str = "id,title,description,created,closed,priority,issue_type,product,team,assignee,customer\n";
const MAP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../maps/tickets.toml");

fn gzip(text: &str) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(text.as_bytes()).unwrap();
    out.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_rows_are_reported_with_line_and_reason_and_the_others_are_imported() {
    let installation = Installation::new(PROGRAM).await;
    let text = format!(
        "{HEADER}\
         A1,泵站停机,详情,2026-01-05 08:00:00,2026-01-06 09:30:00,紧急,PUMP,P-1,FIELD,王工,ACME\n\
         A2,no end,still open,2026-01-05 08:00:00,-,HIGH,PUMP,P-1,FIELD,李工,ACME\n\
         A3,no time,text,yesterday,,HIGH,PUMP,P-1,FIELD,,ACME\n\
         ,no id,text,2026-01-05 08:00:00,,HIGH,PUMP,P-1,FIELD,,ACME\n\
         A5,ends before it begins,text,2026-01-05 08:00:00,2026-01-04 08:00:00,HIGH,PUMP,P-1,FIELD,,ACME\n\
         A6,a word nobody knows,text,2026-01-05 08:00:00,,SOON,PUMP,P-1,FIELD,,ACME\n"
    );
    std::fs::write(installation.path("list.csv.gz"), gzip(&text)).unwrap();
    let dry_run = installation.run(&["import", "list.csv.gz", "--map", MAP, "--dry-run"]);
    assert!(dry_run.success && dry_run.stdout.contains("nothing was kept"), "{dry_run:?}");
    let output = installation.run(&["import", "list.csv.gz", "--map", MAP]);
    assert!(output.success && output.stdout.contains("2 created") && output.stdout.contains("4 refused"), "{output:?}");
    let report = read_text(&installation.path("list.csv.gz.refused.jsonl"));
    let refused: Vec<Json> = report.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |line: u64| {
        let row = refused.iter().find(|row| row["line"] == line).unwrap_or_else(|| panic!("line {line}: {report}"));
        row["reason"].as_str().unwrap()
    };
    assert!(of(4).contains("created") && of(4).contains("yesterday"), "{}", of(4));
    assert!(of(5).contains("id"), "{}", of(5));
    assert!(of(6).contains("clos"), "{}", of(6));
    assert!(of(7).contains("SOON"), "{}", of(7));

    // A second import with one changed row updates that ticket only.
    std::fs::write(installation.path("list.csv"), text.replace("still open", "still open 泄漏")).unwrap();
    let again = installation.run(&["import", "list.csv", "--map", MAP]);
    assert!(again.stdout.contains("0 created, 1 updated, 1 unchanged"), "{again:?}");

    installation.add_user(ADMIN, "ADMIN");
    let server = installation.serve();
    let client = server.sign_in(ADMIN).await;
    let query =
        "{ tickets(orderBy: { field: NUMBER, direction: ASC }) { nodes { title description status priority unattributed
        createdAt closedAt assignee { name } externalRefs { system externalId } } } }";
    let found = client.query(query, json!({})).await;
    let expected = json!([
        { "title": "泵站停机", "description": "详情", "status": "CLOSED", "priority": "URGENT", "unattributed": true,
          "createdAt": "2026-01-05T00:00:00Z", "closedAt": "2026-01-06T01:30:00Z",
          "assignee": { "name": "王工" }, "externalRefs": [{ "system": "LIST", "externalId": "A1" }] },
        { "title": "no end", "description": "still open 泄漏", "status": "ASSIGNED", "priority": "HIGH", "unattributed": false,
          "createdAt": "2026-01-05T00:00:00Z", "closedAt": null,
          "assignee": { "name": "李工" }, "externalRefs": [{ "system": "LIST", "externalId": "A2" }] },
    ]);
    assert_eq!(found["tickets"]["nodes"], expected, "times without a zone are in the organisation's");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_file_or_an_invalid_map_imports_nothing() {
    let installation = Installation::new(PROGRAM).await;
    let row = |n: usize| format!("A{n},泵站停机 {n},详情,2026-01-05 08:00:00,,HIGH,PUMP,P-1,FIELD,,ACME\n");
    let text = HEADER.to_owned() + &(0..2_000).map(row).collect::<String>();
    let whole = gzip(&text);
    std::fs::write(installation.path("cut.csv.gz"), &whole[..whole.len() - 100]).unwrap();
    let mut broken = text.clone().into_bytes();
    let at = text.find("泵站停机 1000").unwrap();
    broken[at] = 0xff;
    std::fs::write(installation.path("broken.csv"), broken).unwrap();
    std::fs::write(installation.path("list.csv"), &text).unwrap();
    std::fs::write(
        installation.path("wrong.toml"),
        read_text(MAP.as_ref()).replace("title = \"title\"", "title = \"headline\""),
    )
    .unwrap();
    std::fs::write(installation.path("typo.toml"), read_text(MAP.as_ref()).replace("source =", "sauce =")).unwrap();
    for (file, map, words) in [
        ("cut.csv.gz", MAP, "nothing was imported"),
        ("list.csv", "wrong.toml", "headline"),
        ("list.csv", "typo.toml", "sauce"),
        ("absent.csv", MAP, "absent.csv"),
        ("list.csv", "absent.toml", "absent.toml"),
    ] {
        let output = installation.run(&["import", file, "--map", map]);
        assert!(!output.success && output.stderr.contains(words), "{file} {map}: {output:?}");
    }
    // Reasons are in the language of the terminal.
    let mut chinese = installation.command(&["import", "list.csv", "--map", "wrong.toml"]);
    let output = chinese.env("LANG", "zh_CN.UTF-8").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && stderr.contains("文件中没有映射所用的列“headline”"), "{stderr}");
    // A row of invalid UTF-8 is one bad row.
    let output = installation.run(&["import", "broken.csv", "--map", MAP]);
    assert!(output.stdout.contains("1999 created") && output.stdout.contains("1 refused"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_rows_of_a_ticket_become_its_history() {
    let installation = Installation::new(PROGRAM).await;
    installation.add_user(ADMIN, "ADMIN");
    let map = concat!(env!("CARGO_MANIFEST_DIR"), "/../maps/servicenow-uci.toml");
    let header = "number,incident_state,active,reassignment_count,reopen_count,sys_mod_count,made_sla,caller_id,opened_by,\
        opened_at,sys_created_by,sys_created_at,sys_updated_by,sys_updated_at,contact_type,location,category,subcategory,\
        u_symptom,cmdb_ci,impact,urgency,priority,assignment_group,assigned_to,knowledge,u_priority_confirmation,notify,\
        problem_id,rfc,vendor,caused_by,closed_code,resolved_by,resolved_at,closed_at\n";
    let row = |state: &str, moves: u8, group: &str, person: &str, updated: &str| {
        format!(
            "INC1,{state},true,{moves},0,0,true,Caller 1,Opened by 1,29/2/2016 01:16,Created by 1,29/2/2016 01:23,Updated by 1,{updated},\
             Phone,Location 1,Category 5,Subcategory 1,Symptom 2,?,2 - Medium,2 - Medium,3 - Moderate,{group},{person},true,false,\
             Do Not Notify,?,?,?,?,code 5,Resolved by 1,29/2/2016 11:29,5/3/2016 12:00\n"
        )
    };
    let text = header.to_owned()
        + &row("New", 0, "Group 56", "?", "29/2/2016 01:23")
        + &row("Active", 0, "Group 56", "Resolver 1", "29/2/2016 08:53")
        + &row("Active", 1, "Group 70", "Resolver 2", "29/2/2016 09:53")
        + &row("Resolved", 1, "Group 70", "Resolver 2", "29/2/2016 11:29")
        + &row("Closed", 1, "Group 70", "Resolver 2", "5/3/2016 12:00");
    std::fs::write(installation.path("log.csv"), text).unwrap();
    let server = installation.serve();
    let output = installation.run(&["import", "log.csv", "--map", map]);
    assert!(output.success && output.stdout.contains("5 rows, 1 tickets: 1 created"), "{output:?}");
    let client = server.sign_in(ADMIN).await;
    let query = "{ tickets { nodes { status handOverCount unattributed resolvedAt closedAt events(first: 50) { nodes { kind } } } } }";
    // Other tests on the same PostgreSQL server may hold the horizon back.
    let ask = || client.query(query, json!({}));
    wait_until("its events can be read", || async {
        ask().await["tickets"]["nodes"][0]["events"]["nodes"][0].is_object()
    })
    .await;
    let found = ask().await;
    let ticket = &found["tickets"]["nodes"][0];
    assert_eq!(
        (&ticket["status"], &ticket["handOverCount"], &ticket["unattributed"]),
        (&json!("CLOSED"), &json!(1), &json!(true))
    );
    let kinds: Vec<&str> =
        ticket["events"]["nodes"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect();
    for wanted in ["TicketImported", "TicketAssigned", "TicketAccepted", "TicketResolved", "TicketClosed"] {
        assert!(kinds.contains(&wanted), "{wanted}: {kinds:?}");
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn json_lines_are_imported_with_the_same_map() {
    let installation = Installation::new(PROGRAM).await;
    let map = read_text(MAP.as_ref()).replace("format = \"csv\"", "format = \"jsonl\"");
    std::fs::write(installation.path("map.toml"), map).unwrap();
    let ticket = |id: &str, closed: Json| {
        json!({ "id": id, "title": "泵站停机", "description": null, "created": "2026-01-05T08:00:00+08:00", "closed": closed,
            "priority": "中", "issue_type": "PUMP", "product": "P-1", "team": "FIELD", "assignee": "王工", "customer": 7 })
    };
    let lines =
        [ticket("J1", Json::Null).to_string(), "{ half".to_owned(), ticket("J2", json!("2026-01-06")).to_string()];
    std::fs::write(installation.path("list.jsonl"), lines.join("\n")).unwrap();
    let output = installation.run(&["import", "list.jsonl", "--map", "map.toml"]);
    assert!(output.success && output.stdout.contains("3 rows, 2 tickets: 2 created"), "{output:?}");
    assert!(
        output.stdout.contains("1 refused")
            && read_text(&installation.path("list.jsonl.refused.jsonl")).contains("\"line\":2")
    );
}

/// A map of a source with few columns; `columns` are further ones.
fn short_map(top: &str, columns: &str) -> String {
    format!(
        "source = \"SHORT\"\ntime_formats = [\"%Y-%m-%d %H:%M\"]\n{top}\n[columns]\nid = \"id\"\ncreated = \"created\"\n\
         status = \"state\"\n{columns}\n[words.status]\nOpen = \"NEW\"\nWork = \"IN_PROGRESS\"\nDone = \"CLOSED\"\n\
         Double = \"MERGED\"\n[create]\nteams = true\npeople = true\n"
    )
}

/// The metrics of all tickets, once `created` of them count.
async fn metrics_of(client: &tests::Client, created: u64) -> Json {
    let query = "{ serviceMetrics(period: { from: \"2020-01-01T00:00:00Z\", to: \"2030-01-01T00:00:00Z\" }) {
        created resolved excluded
        firstResponseCompliance { numerator denominator unknown }
        firstTimeResolution { numerator denominator unknown }
        firstResponseTime { count unknown }
        handlingTime { count unknown p50Seconds }
        tickets(metric: FIRST_TIME_RESOLUTION, outcome: UNKNOWN) { nodes { externalRefs { externalId } historyIncomplete } } } }";
    let ask = || client.query(query, json!({}));
    wait_until("the columns have followed", || async { ask().await["serviceMetrics"]["created"] == json!(created) })
        .await;
    ask().await["serviceMetrics"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_counts_what_it_knows_and_says_what_it_does_not() {
    let installation = Installation::new(PROGRAM).await;
    installation.add_user(ADMIN, "ADMIN");
    let columns = "closed = \"closed\"\nreopenings = \"again\"\nresolution = \"text\"";
    std::fs::write(installation.path("map.toml"), short_map("", columns)).unwrap();
    let soon: String = (0..10).map(|n| format!("S{n},2026-01-05 08:00,Done,2026-01-05 08:05,0,\n")).collect();
    let text = format!(
        "id,created,state,closed,again,text\n{soon}\
         D1,2026-01-05 08:00,Done,2026-01-06 08:00,0,tightened\n\
         D2,2026-01-05 08:00,Done,2026-01-06 08:00,2.0,\n\
         D3,2026-01-05 08:00,Done,,0,\n\
         D4,2026-01-05 08:00,Double,,0,\n\
         D4,2026-01-05 08:00,Double,,0,\n\
         D5,2062-01-05 08:00,Open,,0,\n"
    );
    std::fs::write(installation.path("list.csv"), text).unwrap();
    let server = installation.serve();
    let output = installation.run(&["import", "list.csv", "--map", "map.toml"]);
    for expected in [
        "14 created",
        "1 refused",
        "1 ticket has cause and solution as text only",
        "The map fills only part of the attribution (fault_type, root_cause_level, solution_tag, assignee missing)",
        "1 row of the list has the id of another one",
        "1 closed ticket has no closing time",
    ] {
        assert!(output.success && output.stdout.contains(expected), "{expected}: {output:?}");
    }
    let report = read_text(&installation.path("list.csv.refused.jsonl"));
    let of = |id: &str| {
        let lines = report.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
        lines.filter(|line| line["id"] == id).collect::<Vec<_>>()
    };
    assert_eq!((&of("D1")[0]["line"], &of("D1")[0]["imported"]), (&json!(12), &json!(true)), "{report}");
    assert!(of("D5")[0]["imported"].is_null() && of("D3").len() == 1 && of("S1").is_empty(), "{report}");
    let metrics = metrics_of(&server.sign_in(ADMIN).await, 13).await;
    let expected = json!({
        "created": 13, "resolved": 12, "excluded": 1,
        // Ten were closed in time, so somebody responded in time.
        "firstResponseCompliance": { "numerator": 10, "denominator": 10, "unknown": 3 },
        "firstTimeResolution": { "numerator": 11, "denominator": 12, "unknown": 1 },
        "firstResponseTime": { "count": 0, "unknown": 13 },
        "handlingTime": { "count": 12, "unknown": 1, "p50Seconds": 300 },
        "tickets": { "nodes": [{ "externalRefs": [{ "externalId": "D3" }], "historyIncomplete": false }] },
    });
    assert_eq!(metrics, expected);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_solution_without_a_whole_attribution_is_kept_as_text() {
    let installation = Installation::new(PROGRAM).await;
    installation.add_user(ADMIN, "ADMIN");
    let columns = "title = \"故障现象\"\nclosed = \"closed\"\nresolution = \"故障处理过程\"\ncause_tag = \"形成原因\"";
    std::fs::write(installation.path("map.toml"), short_map("", columns)).unwrap();
    let text = "id,created,state,closed,故障现象,故障处理过程,形成原因\n\
        C1,2026-01-05 08:00,Done,2026-01-06 08:00,刻蚀机 E-721 报警停机,更换射频匹配器后复位,设备日常损坏\n\
        C2,2026-01-05 08:00,Done,2026-01-06 08:00,打印机卡纸,,\n";
    std::fs::write(installation.path("list.csv"), text).unwrap();
    // What the map cannot give is said before anything is written.
    let check = installation.run(&["import", "list.csv", "--map", "map.toml", "--check"]);
    for expected in
        ["nothing was kept", "The map fills only part of the attribution", "1 ticket has cause and solution as text"]
    {
        assert!(check.success && check.stdout.contains(expected), "{expected}: {check:?}");
    }
    let server = installation.serve();
    let output = installation.run(&["import", "list.csv", "--map", "map.toml"]);
    assert!(
        output.success && output.stdout.contains("2 created") && output.stdout.contains(" 0 refused"),
        "{output:?}"
    );
    let report = read_text(&installation.path("list.csv.refused.jsonl"));
    assert!(report.contains("kept as text, not as an attribution") && !report.contains("C2"), "{report}");
    let client = server.sign_in(ADMIN).await;
    // It is found by the words of its solution.
    let search = "{ tickets(filter: { text: \"射频匹配器\" }) { nodes { id title unattributed sourceSolution attribution { resolution } } } }";
    let ask = || client.query(search, json!({}));
    wait_until("the index has followed", || async { ask().await["tickets"]["nodes"][0].is_object() }).await;
    let found = ask().await["tickets"]["nodes"][0].clone();
    let solution = "更换射频匹配器后复位\n原因（源系统）：设备日常损坏";
    let expected = json!({ "id": found["id"], "title": "刻蚀机 E-721 报警停机", "unattributed": true, "sourceSolution": solution,
        "attribution": null });
    assert_eq!(found, expected);
    // The engineer gets it with the similar case, and can cite it.
    let similar = "query Q($input: SimilarCasesInput!) { similarCases(input: $input, first: 3) { ticket { title sourceSolution } } }";
    let input = json!({ "input": { "title": "E-721 刻蚀机又报警", "description": "3 号刻蚀机报警 E-721，已停机" } });
    let cases = client.query(similar, input).await["similarCases"].clone();
    assert_eq!(cases[0]["ticket"]["sourceSolution"], solution, "{cases}");
    let input = json!({ "title": "E-721 刻蚀机又报警", "description": "停机" });
    let open = client.mutate_ok("createTicket", "ticket { id }", input).await["ticket"]["id"].clone();
    let input = json!({ "ticketId": open, "caseId": found["id"] });
    let cited = client.mutate_ok("citeSolution", "citation { text }", input).await;
    assert_eq!(cited["citation"]["text"], solution);
    // It is no attribution in any figure.
    let health = "{ healthReport(month: \"2026-01\") { resolved unattributed rootCauseConvergence { denominator } topCauses { count } } }";
    let figures =
        json!({ "resolved": 2, "unattributed": 2, "rootCauseConvergence": { "denominator": 0 }, "topCauses": [] });
    assert_eq!(client.query(health, json!({})).await["healthReport"], figures);
    let tags = client.query("{ catalogue { causeTags { key } } }", json!({})).await;
    assert!(!tags.to_string().contains("设备日常损坏"), "a text is no tag of the catalogue: {tags}");
    // Redacting the resolution redacts it, too.
    let input = json!({ "ticketId": found["id"], "texts": ["RESOLUTION"] });
    client.mutate_ok("redactTicket", "__typename", input).await;
    let redacted = "query Q($id: ID!) { ticket(id: $id) { sourceSolution } }";
    let redacted = client.query(redacted, json!({ "id": found["id"] })).await["ticket"]["sourceSolution"].clone();
    assert!(!redacted.to_string().contains("射频"), "{redacted}");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn requesters_comments_and_further_numbers_are_imported() {
    let installation = Installation::new(PROGRAM).await;
    installation.add_user(ADMIN, "ADMIN");
    let map = short_map(
        "format = \"jsonl\"",
        "requester = \"by\"\ncomments = \"said\"\ndevice = \"sn\"\ndescription = \"text\"",
    ) + "[references]\nERP = \"erp\"\nCRM = \"crm\"\n";
    std::fs::write(installation.path("map.toml"), map).unwrap();
    let ticket = |id: &str, by: &str, erp: &str, said: Json| {
        json!({ "id": id, "created": "2026-01-05 08:00", "state": "Work", "text": "停机", "by": by, "said": said, "sn": "SN-7",
            "erp": erp, "crm": null })
        .to_string()
    };
    let said = json!([
        { "at": "2026-01-05 09:00", "author": format!("Admin <{ADMIN}>"), "text": "已联系客户", "visibility": "PUBLIC" },
        { "at": "2026-01-05 10:00", "author": "张三", "text": "等待备件" },
    ]);
    let lines = [ticket("A1", ADMIN, "SO-1", said.clone()), ticket("A2", "李工", "SO-1", json!("called back"))];
    std::fs::write(installation.path("list.jsonl"), lines.join("\n")).unwrap();
    let server = installation.serve();
    let output = installation.run(&["import", "list.jsonl", "--map", "map.toml"]);
    assert!(output.success && output.stdout.contains("2 created"), "{output:?}");
    assert!(output.stdout.contains("1 number in another system was not linked"), "{output:?}");
    let client = server.sign_in(ADMIN).await;
    let query = "{ tickets(orderBy: { field: NUMBER, direction: ASC }) { nodes { description device requester { email }
        externalRefs { system externalId } comments(first: 10) { nodes { body visibility createdAt author { name } } } } } }";
    let nodes = client.query(query, json!({})).await["tickets"]["nodes"].clone();
    let comment = |body: &str, visibility: &str, at: &str, name: &str| json!({ "body": body, "visibility": visibility, "createdAt": at, "author": { "name": name } });
    let admin = nodes[0]["comments"]["nodes"][0]["author"]["name"].as_str().unwrap().to_owned();
    let expected = json!([
        { "description": "停机", "device": "SN-7", "requester": { "email": ADMIN },
          "externalRefs": [{ "system": "ERP", "externalId": "SO-1" }, { "system": "SHORT", "externalId": "A1" }],
          "comments": { "nodes": [
              comment("已联系客户", "PUBLIC", "2026-01-05T01:00:00Z", &admin),
              comment("张三（源系统）：等待备件", "INTERNAL", "2026-01-05T02:00:00Z", "SHORT"),
          ] } },
        { "description": "停机\n\n报修人（源系统）：李工", "device": "SN-7", "requester": null,
          "externalRefs": [{ "system": "SHORT", "externalId": "A2" }],
          "comments": { "nodes": [comment("called back", "INTERNAL", "2026-01-05T00:00:00Z", "SHORT")] } },
    ]);
    assert_eq!(nodes, expected);
    // The same file changes nothing; a further comment is added, and those that exist are not repeated.
    let output = installation.run(&["import", "list.jsonl", "--map", "map.toml"]);
    assert!(output.stdout.contains("0 created, 0 updated, 2 unchanged"), "{output:?}");
    let mut more = said.as_array().unwrap().clone();
    more.push(json!({ "at": "2026-01-05 11:00", "text": "备件已到" }));
    let lines = [ticket("A1", ADMIN, "SO-1", json!(more)), ticket("A2", "李工", "SO-1", json!("called back"))];
    std::fs::write(installation.path("list.jsonl"), lines.join("\n")).unwrap();
    let output = installation.run(&["import", "list.jsonl", "--map", "map.toml"]);
    assert!(output.stdout.contains("0 created, 1 updated, 1 unchanged"), "{output:?}");
    let nodes = client.query(query, json!({})).await["tickets"]["nodes"].clone();
    let bodies: Vec<&Json> =
        nodes[0]["comments"]["nodes"].as_array().unwrap().iter().map(|comment| &comment["body"]).collect();
    assert_eq!(bodies, ["已联系客户", "张三（源系统）：等待备件", "备件已到"]);
    // Staff are not told of history.
    let told = client.query("{ notifications(first: 10) { nodes { cause } } }", json!({})).await;
    assert_eq!(told["notifications"]["nodes"], json!([]));
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_read_by_time_and_a_ticket_with_refused_rows_is_incomplete() {
    let installation = Installation::new(PROGRAM).await;
    installation.add_user(ADMIN, "ADMIN");
    std::fs::write(installation.path("map.toml"), short_map("", "at = \"at\"\nassignee = \"who\"")).unwrap();
    let header = "id,created,at,state,who\n";
    let row =
        |id: &str, at: &str, state: &str, who: &str| format!("{id},2026-01-05 08:00,2026-01-05 {at},{state},{who}\n");
    let good = [row("L1", "11:00", "Done", "ann"), row("L1", "08:00", "Open", ""), row("L1", "09:00", "Work", "ann")];
    // Newest first: of two rows of a minute the lower one is the older one.
    let newest = [
        row("L2", "11:00", "Done", "bob"),
        row("L2", "11:00", "Work", "bob"),
        row("L2", "10:00", "Work", "ann"),
        row("L2", "08:00", "Open", ""),
    ];
    let spoilt =
        [row("L3", "10:00", "Done", "ann"), row("L3", "09:00", "Parked", "ann"), row("L3", "08:00", "Open", "")];
    let early = [row("L4", "09:00", "Done", "ann"), row("L4", "08:10", "Work", "ann"), row("L4", "07:00", "Open", "")];
    let text = [&good[..], &newest, &spoilt, &early].concat().concat();
    std::fs::write(installation.path("log.csv"), format!("{header}{text}")).unwrap();
    let server = installation.serve();
    let output = installation.run(&["import", "log.csv", "--map", "map.toml"]);
    assert!(output.success && output.stdout.contains("4 created") && output.stdout.contains("2 refused"), "{output:?}");
    assert!(output.stdout.contains("1 ticket is incomplete"), "{output:?}");
    let client = server.sign_in(ADMIN).await;
    let query = "{ tickets(orderBy: { field: NUMBER, direction: ASC }) { nodes { status createdAt closedAt reopenCount handOverCount historyIncomplete } } }";
    let nodes = client.query(query, json!({})).await["tickets"]["nodes"].clone();
    let ticket = |closed: &str, hand_overs: u8, incomplete: bool| {
        json!({ "status": "CLOSED", "createdAt": "2026-01-05T00:00:00Z", "closedAt": closed, "reopenCount": 0,
            "handOverCount": hand_overs, "historyIncomplete": incomplete })
    };
    let expected = [
        ticket("2026-01-05T03:00:00Z", 0, false),
        ticket("2026-01-05T03:00:00Z", 1, false),
        ticket("2026-01-05T02:00:00Z", 0, true),
        ticket("2026-01-05T01:00:00Z", 0, false),
    ];
    assert_eq!(nodes, json!(expected));
    let metrics = metrics_of(&client, 4).await;
    assert_eq!(metrics["handlingTime"], json!({ "count": 3, "unknown": 1, "p50Seconds": 10_800 }));
    assert_eq!(metrics["firstTimeResolution"], json!({ "numerator": 2, "denominator": 3, "unknown": 1 }));

    // With the word in the map the ticket is complete.
    let map = short_map("", "at = \"at\"\nassignee = \"who\"").replace("Done =", "Parked = \"WAITING\"\nDone =");
    std::fs::write(installation.path("map.toml"), map).unwrap();
    let output = installation.run(&["import", "log.csv", "--map", "map.toml"]);
    assert!(output.stdout.contains("1 updated, 3 unchanged") && !output.stdout.contains("incomplete"), "{output:?}");
    wait_until("the ticket counts", || async { metrics_of(&client, 4).await["handlingTime"]["unknown"] == json!(0) })
        .await;
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_of_nothing_fails_and_says_what_to_do() {
    let installation = Installation::new(PROGRAM).await;
    std::fs::write(installation.path("map.toml"), short_map("", "")).unwrap();
    std::fs::write(
        installation.path("bad.csv"),
        "id,created,state\nA1,2062-01-05 08:00,Open\nA2,2026-01-05 08:00,Lost\n",
    )
    .unwrap();
    let output = installation.run(&["import", "bad.csv", "--map", "map.toml"]);
    assert!(!output.success && output.stdout.contains("2 refused"), "{output:?}");
    // 泵站 in GBK.
    let gbk = [&b"id,created,state\n"[..], b"\xb1\xc3\xd5\xbe,2026-01-05 08:00,Open\n"].concat();
    std::fs::write(installation.path("gbk.csv"), gbk).unwrap();
    std::fs::write(installation.path("open.csv"), "id,created,state\nA1,2026-01-05 08:00,\"Open\n").unwrap();
    std::fs::write(installation.path("twice.csv"), "id,created,state,id\nA1,2026-01-05 08:00,Open,A2\n").unwrap();
    for (file, expected) in [
        ("gbk.csv", "encoding = \"gb18030\""),
        ("open.csv", "the quote that opens in line 2"),
        ("twice.csv", "2 columns \"id\""),
    ] {
        let output = installation.run(&["import", file, "--map", "map.toml"]);
        assert!(!output.success && output.stderr.contains(expected), "{file}: {output:?}");
    }
    std::fs::write(installation.path("gbk.toml"), short_map("encoding = \"gbk\"", "")).unwrap();
    let output = installation.run(&["import", "gbk.csv", "--map", "gbk.toml"]);
    assert!(output.success && output.stdout.contains("1 created"), "{output:?}");
}
