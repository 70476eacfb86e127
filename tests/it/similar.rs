//! Similar cases: ranked, with reasons, within the viewer's scope.

use tests::{Desk, Json, json};

const CASES: &str = "query Q($input: SimilarCasesInput!) { similarCases(input: $input) {
    rank score reasons { kind value weight } ticket { id title access customer { key } requester { name } attribution { resolution } } } }";

async fn find_similar(desk: &Desk, name: &str, title: &str) -> Vec<Json> {
    let cases = desk.as_(name).await.query(CASES, json!({ "input": { "title": title } })).await;
    cases["similarCases"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_similar_case_is_found_in_chinese_in_english_and_by_code() {
    let desk = Desk::start().await;
    let zh = desk
        .create_resolved_ticket(
            "agent1",
            "PM-3300 上电后报 E-721 无法启动",
            "更换电源端子",
            json!({ "product": "PM-3300" }),
        )
        .await;
    let en = desk
        .create_resolved_ticket(
            "agent1",
            "VPN client cannot connect after update",
            "Reinstall the TAP driver",
            json!({}),
        )
        .await;
    desk.create_resolved_ticket("agent1", "打印机卡纸，进纸轮打滑", "清洁进纸轮", json!({})).await;
    desk.wait_for_followers().await;
    for (question, wanted) in [
        ("上电报警 E-721", &zh),
        ("e721 电源无法启动", &zh),
        ("vpn connecting fails after the updates", &en),
        ("PM-3300 gateway restart 无效, 上电 E-721", &zh),
    ] {
        let cases = find_similar(&desk, "agent2", question).await;
        assert_eq!(cases.first().map(|case| &case["ticket"]["id"]), Some(&json!(wanted)), "{question}: {cases:#?}");
        let score = cases[0]["score"].as_f64().unwrap();
        assert!((0.0..=1.0).contains(&score));
        assert!(!cases[0]["reasons"].as_array().unwrap().is_empty());
    }
    let coded = find_similar(&desk, "agent2", "E-721").await;
    assert_eq!(coded[0]["reasons"][0]["kind"], "CODE");
    assert_eq!(coded[0]["ticket"]["attribution"]["resolution"], "更换电源端子");
    assert_eq!(
        find_similar(&desk, "agent2", "咖啡机漏水").await,
        Vec::<Json>::new(),
        "an unrelated text finds no case"
    );
    assert_eq!(find_similar(&desk, "agent2", "\"AND (OR) NOT: * +-~^[]{}!\\").await, Vec::<Json>::new());
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn similar_cases_of_a_ticket_exclude_the_ticket() {
    let desk = Desk::start().await;
    let solved = desk
        .create_resolved_ticket("agent1", "E-500 overheating", "clean the filter", json!({ "product": "PM-3300" }))
        .await;
    let open = desk.create_ticket("requester1", "E-500 overheating again", json!({ "product": "PM-3300" })).await;
    desk.wait_for_followers().await;
    let query = "query Q($id: ID!) { ticket(id: $id) { similarCases { ticket { id } reasons { kind value } } } }";
    let found = desk.as_("agent1").await.query(query, json!({ "id": open })).await;
    assert_eq!(found["ticket"]["similarCases"][0]["ticket"]["id"], json!(solved));
    let reasons = found["ticket"]["similarCases"][0]["reasons"].as_array().unwrap();
    assert!(reasons.contains(&json!({ "kind": "FIELD", "value": "product=PM-3300" })), "{reasons:?}");
    let own = desk.as_("agent1").await.query(query, json!({ "id": solved })).await;
    assert_eq!(own["ticket"]["similarCases"], json!([]), "neither itself nor an unresolved ticket");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_cases_are_three_solutions() {
    let desk = Desk::start().await;
    // One solution in nearly the same words, many times, and the most similar titles.
    for n in 0..16 {
        let resolution = if n % 2 == 0 {
            "更换电源端子，紧固后复测正常"
        } else {
            "更换電源端子，紧固后复测正常。"
        };
        desk.create_resolved_ticket("agent1", "E-721 上电报警", resolution, json!({})).await;
    }
    for (title, resolution) in [
        ("E-721 上电报警，屏幕闪烁", "升级固件到 2.1"),
        ("E-721 报警偶发", "接地线重新压接"),
        ("E-721 偶发", "更换主控板"),
    ] {
        desk.create_resolved_ticket("agent1", title, resolution, json!({})).await;
    }
    desk.wait_for_followers().await;
    let cases = find_similar(&desk, "agent2", "E-721 上电报警").await;
    let solutions: Vec<&str> =
        cases.iter().map(|case| case["ticket"]["attribution"]["resolution"].as_str().unwrap()).collect();
    assert_eq!(solutions.len(), 3, "{cases:#?}");
    assert!(solutions[0].starts_with("更换"), "{solutions:?}");
    assert_eq!((solutions[1], solutions[2]), ("升级固件到 2.1", "接地线重新压接"), "each one other");
    let ranks: Vec<i64> = cases.iter().map(|case| case["rank"].as_i64().unwrap()).collect();
    assert_eq!(ranks, [1, 2, 3]);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn others_see_a_ticket_as_a_case_and_never_a_confidential_one() {
    let desk = Desk::start().await;
    let more = json!({ "requesterEmail": "requester1@desk.test", "issueType": "REPAIR" });
    let case = desk.create_resolved_ticket("agent1", "coolant leak E-42", "replace the seal", more).await;
    desk.create_resolved_ticket("admin", "coolant leak in the vault E-42", "secret", json!({ "issueType": "BREACH" }))
        .await;
    desk.wait_for_followers().await;
    let cases = find_similar(&desk, "agent3", "coolant leak E-42").await;
    assert_eq!(cases.len(), 1, "{cases:#?}");
    assert_eq!(cases[0]["ticket"]["id"], json!(case));
    assert_eq!(cases[0]["ticket"]["access"], "CASE");
    assert_eq!((&cases[0]["ticket"]["customer"], &cases[0]["ticket"]["requester"]), (&json!(null), &json!(null)));
    assert_eq!(find_similar(&desk, "requester1", "coolant leak E-42").await.len(), 1, "their own ticket");
    assert_eq!(find_similar(&desk, "requester2", "coolant leak E-42").await.len(), 0, "another customer's");
    assert_eq!(find_similar(&desk, "admin", "coolant leak E-42").await.len(), 2);
    let reopen = json!({ "ticketId": case, "reason": "leaks again" });
    desk.as_("requester1").await.mutate_ok("reopenTicket", "__typename", reopen).await;
    desk.wait_for_followers().await;
    assert_eq!(find_similar(&desk, "agent3", "coolant leak E-42").await.len(), 0, "a reopened ticket is no case");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_becomes_confidential_is_no_longer_a_case() {
    let desk = Desk::start().await;
    let admin = desk.as_("admin").await;
    let case = desk
        .create_resolved_ticket("agent1", "coolant leak E-42", "replace the seal", json!({ "issueType": "REPAIR" }))
        .await;
    desk.wait_for_followers().await;
    assert_eq!(find_similar(&desk, "agent3", "coolant leak E-42").await.len(), 1);
    let save = async |confidential: bool| {
        let input = json!({ "key": "REPAIR", "name": "Repair", "teamKey": "FIELD", "confidential": confidential });
        admin.mutate_ok("saveIssueType", "__typename", input).await;
        desk.wait_for_followers().await;
    };
    save(true).await;
    assert_eq!(
        find_similar(&desk, "agent3", "coolant leak E-42").await.len(),
        0,
        "its issue type keeps it confidential"
    );
    assert_eq!(find_similar(&desk, "agent1", "coolant leak E-42").await.len(), 1, "its own team sees it");
    save(false).await;
    assert_eq!(find_similar(&desk, "agent3", "coolant leak E-42").await.len(), 1, "and is a case again");
    admin.mutate_ok("updateTicket", "__typename", json!({ "ticketId": case, "teamKey": "SECRET" })).await;
    desk.wait_for_followers().await;
    assert_eq!(find_similar(&desk, "agent3", "coolant leak E-42").await.len(), 0, "its team keeps it confidential");
    // Another issue type does not change that.
    admin.mutate_ok("updateTicket", "__typename", json!({ "ticketId": case, "issueType": "ACCOUNT" })).await;
    desk.wait_for_followers().await;
    assert_eq!(find_similar(&desk, "agent3", "coolant leak E-42").await.len(), 0);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_score_tells_nothing_about_tickets_that_the_viewer_cannot_read() {
    let desk = Desk::start().await;
    let own = json!({ "requesterEmail": "requester1@desk.test", "issueType": "REPAIR" });
    desk.create_resolved_ticket("agent1", "coolant leaks from pump 7", "replace the seal", own).await;
    // Another customer's solved and open tickets, and a confidential one.
    let others = json!({ "requesterEmail": "requester2@desk.test", "issueType": "REPAIR" });
    desk.create_resolved_ticket("agent1", "coolant of frobozz leaks", "x", others.clone()).await;
    desk.create_ticket("admin", "acquisition of pump maker", others).await;
    desk.create_resolved_ticket("admin", "layoffs at pump plant", "x", json!({ "issueType": "BREACH" })).await;
    desk.wait_for_followers().await;
    let score = async |name: &str, word: &str| {
        let cases = find_similar(&desk, name, &format!("coolant leaks from pump 7 {word}")).await;
        let case = cases.iter().find(|case| case["ticket"]["title"] == "coolant leaks from pump 7");
        case.unwrap_or_else(|| panic!("{name}: {cases:#?}"))["score"].clone()
    };
    for (name, words) in [
        ("requester1", &["frobozz", "acquisition", "layoffs"][..]),
        // It reads the other customer's solved ticket as a case, and neither the open nor the confidential one.
        ("agent3", &["acquisition", "layoffs"]),
        ("agent1", &["layoffs"]),
    ] {
        let unheard_of = score(name, "zarquon").await;
        for word in words {
            assert_eq!(score(name, word).await, unheard_of, "{name}: {word}");
        }
    }
    assert_ne!(score("agent3", "frobozz").await, score("agent3", "zarquon").await, "a word that it may read counts");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_resumes_after_a_restart_and_is_rebuilt_when_missing() {
    let mut desk = Desk::start().await;
    desk.create_resolved_ticket("agent1", "spindle noise E-88", "grease", json!({})).await;
    desk.wait_for_followers().await;
    desk.restart().await;
    desk.wait_for_followers().await;
    assert_eq!(find_similar(&desk, "agent2", "spindle noise").await.len(), 1);
    std::fs::write(desk.folder.path().join("index/CURRENT"), "gen-77").unwrap();
    desk.restart().await;
    desk.wait_for_followers().await;
    assert_eq!(find_similar(&desk, "agent2", "spindle noise").await.len(), 1, "built from the database");
    domain::recommend::react::rebuild(&desk.app).await.unwrap();
    assert_eq!(
        find_similar(&desk, "agent2", "spindle noise").await.len(),
        1,
        "rebuilt beside the running index and swapped in"
    );
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_list_is_searched_in_both_languages() {
    let desk = Desk::start().await;
    let zh = desk.create_ticket("admin", "三号线打印机无法打印标签", json!({})).await;
    let en = desk
        .create_ticket(
            "admin",
            "Label printer offline on line 3",
            json!({ "externalRefs": [{ "system": "ERP", "externalId": "SO-991" }] }),
        )
        .await;
    desk.wait_for_followers().await;
    let admin = desk.as_("admin").await;
    for (text, wanted) in [
        ("打印机", vec![&zh]),
        ("标签 打印", vec![&zh]),
        ("printers offline", vec![&en]),
        ("SO-991", vec![&en]),
        ("offl", vec![&en]),
        ("nothing", vec![]),
    ] {
        let query = "query Q($text: String) { tickets(filter: { text: $text }) { nodes { id } } }";
        let found = admin.query(query, json!({ "text": text })).await;
        let ids: Vec<&str> =
            found["tickets"]["nodes"].as_array().unwrap().iter().map(|n| n["id"].as_str().unwrap()).collect();
        assert_eq!(ids, wanted, "{text}");
    }
    desk.close().await;
}
