//! One truth: whatever systems say, in whatever order it comes.

use std::collections::BTreeMap;

use domain::hub::model::{Given, ReportStatuses};
use domain::kernel::{Actor, Timestamp, seconds};
use domain::people;
use domain::runtime::Ctx;
use futures::future::join_all;
use tests::partner::Partner;
use tests::{Client, Desk, Json, attribution, json};

pub const TICKET: &str = "query Q($id: ID!) { ticket(id: $id) {
    number token status reopenCount pendingReport { status system since needs } assignee { name } } }";
pub const PANORAMA: &str = "query Q($reference: String!, $system: String) { panorama(reference: $reference, system: $system) {
    colour truth ticket { status number }
    systems { system externalId word status reportedAt agrees acknowledged correction { status state } }
    conflicts { from to reports { system status } winner { system status timestamp } }
    history(first: 50) { system word status timestamp receivedAt operator outcome } changes { system status operator } } }";

pub async fn ticket(client: &Client, id: &str) -> Json {
    client.query(TICKET, json!({ "id": id })).await["ticket"].clone()
}

async fn panorama(client: &Client, reference: &str) -> Json {
    client.query(PANORAMA, json!({ "reference": reference, "system": null })).await["panorama"].clone()
}

pub async fn new_ticket(desk: &Desk, title: &str, systems: &[&str]) -> (String, String) {
    let refs: Vec<Json> =
        systems.iter().map(|key| json!({ "system": key, "externalId": format!("{key}-{title}") })).collect();
    let id = desk.ticket("admin", title, json!({ "issueType": "REPAIR", "externalRefs": refs })).await;
    let token = ticket(&desk.as_("admin").await, &id).await["token"].as_str().unwrap().to_owned();
    (id, token)
}

pub async fn assign_and_accept(desk: &Desk, id: &str) {
    let assignee = desk.id("agent1").to_string();
    desk.as_("admin").await.done("assignTicket", "__typename", json!({ "ticketId": id, "assigneeId": assignee })).await;
    desk.as_("agent1").await.done("acceptTicket", "__typename", json!({ "ticketId": id })).await;
}

fn permutations<T: Clone>(all: &[T]) -> Vec<Vec<T>> {
    let Some((first, rest)) = all.split_first() else { return vec![Vec::new()] };
    let mut found = Vec::new();
    for order in permutations(rest) {
        for place in 0..=order.len() {
            let mut longer = order.clone();
            longer.insert(place, first.clone());
            found.push(longer);
        }
    }
    found
}

/// All that must not hang on the order of arrival.
fn end(panorama: &Json) -> Json {
    let systems: BTreeMap<&str, Json> = panorama["systems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let due = &one["correction"]["status"];
            (one["system"].as_str().unwrap(), json!([one["status"], one["word"], one["agrees"], due]))
        })
        .collect();
    let said: Vec<Json> = panorama["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| json!([one["system"], one["word"], one["timestamp"]]))
        .collect();
    json!({ "truth": panorama["truth"], "colour": panorama["colour"], "conflicts": panorama["conflicts"], "systems": systems, "said": said })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_of_arrival_on_every_node_ends_in_one_truth() {
    let desk = Desk::start().await;
    let systems = [("CRM", 1), ("ERP", 2), ("APP", 3)];
    let mut partners = BTreeMap::new();
    for (key, rank) in systems {
        partners.insert(key, Partner::join(&desk, key, rank).await);
    }
    // Two at one instant, one late, one that closes, a step out of it that does not count, and a word nobody knows.
    let said = [
        ("CRM", "已下发", "2026-03-02T00:50:00Z"),
        ("ERP", "处理中", "2026-03-02T00:52:00Z"),
        ("APP", "待确认", "2026-03-02T00:52:00Z"),
        ("CRM", "已取消", "2026-03-02T00:58:00Z"),
        ("ERP", "神秘", "2026-03-02T00:59:00Z"),
    ];
    let (other, _folder) = desk.other_node().await;
    let mut accounts = BTreeMap::new();
    for key in partners.keys() {
        let system = domain::hub::queries::systems(&desk.app).await.unwrap();
        let account = system.values().find(|system| system.key == *key).unwrap().account;
        accounts.insert(*key, people::queries::person(&desk.app, account).await.unwrap().unwrap());
    }
    let admin = desk.as_("admin").await;
    let mut ends = Vec::new();
    for (n, order) in permutations(&said).into_iter().enumerate() {
        let (id, token) = new_ticket(&desk, &format!("次序 {n}"), &["CRM", "ERP", "APP"]).await;
        for (i, (key, word, at)) in order.iter().enumerate() {
            if (n + i) % 2 == 0 {
                partners[key].says(&token, word, at).await;
            } else {
                let actor = Actor::Person(accounts[key].clone().into());
                let given = Given {
                    token: token.clone(),
                    word: (*word).to_owned(),
                    at: Timestamp::parse(at).unwrap(),
                    operator: "王工".to_owned(),
                    event_id: None,
                    cause: None,
                };
                let cx = Ctx { actor, ..Ctx::system(&other) };
                cx.execute(&ReportStatuses { reports: vec![given], sent_at: None }, None).await.unwrap();
            }
            // Some of it twice.
            if (n + i) % 3 == 0 {
                assert_eq!(partners[key].says(&token, word, at).await.0, "DUPLICATE");
            }
        }
        let seen = panorama(&admin, &token).await;
        assert_eq!(ticket(&admin, &id).await["status"], "CANCELLED");
        ends.push(end(&seen));
    }
    for end in &ends {
        assert_eq!(end, &ends[0]);
    }
    assert_eq!(ends[0]["truth"], "CANCELLED");
    assert_eq!(ends[0]["conflicts"].as_array().unwrap().len(), 1, "{:#}", ends[0]);
    // What the systems hold decides what each is told.
    assert_eq!(ends[0]["systems"]["CRM"], json!(["CANCELLED", "已取消", true, null]));
    assert_eq!(ends[0]["systems"]["APP"], json!(["WAITING", "待确认", false, "CANCELLED"]));
    assert_eq!(ends[0]["systems"]["ERP"], json!([null, "神秘", false, "CANCELLED"]));
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn systems_that_report_at_the_same_moment_lose_nothing() {
    let desk = Desk::start().await;
    let mut partners = Vec::new();
    for key in ["CRM", "ERP", "APP", "FSM"] {
        partners.push(Partner::join(&desk, key, 10).await);
    }
    let (id, token) = new_ticket(&desk, "同时", &[]).await;
    assign_and_accept(&desk, &id).await;
    let words = ["处理中", "待确认"];
    let reports = partners.iter().enumerate().flat_map(|(p, partner)| {
        let token = &token;
        (0..6).map(move |i| {
            let at = format!("2026-03-02T00:{:02}:{:02}Z", 10 + i, p);
            async move { partner.says(token, words[(i + p) % 2], &at).await.0 }
        })
    });
    let outcomes = join_all(reports).await;
    assert!(outcomes.iter().all(|outcome| ["APPLIED", "AGREED", "STALE"].contains(&outcome.as_str())), "{outcomes:?}");
    let seen = panorama(&desk.as_("admin").await, &token).await;
    assert_eq!(seen["history"].as_array().unwrap().len(), 24);
    assert_eq!(seen["truth"], "IN_PROGRESS", "the last of all, whoever came last");
    assert_eq!(seen["ticket"]["status"], "IN_PROGRESS");
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reported_step_waits_for_what_the_life_cycle_demands_and_supplying_it_completes_it() {
    let desk = Desk::start().await;
    let erp = Partner::join(&desk, "ERP", 10).await;
    let admin = desk.as_("admin").await;
    let agent = desk.as_("agent1").await;
    // Nobody has it: the step waits for an assignee, and the assignment completes it.
    let (id, token) = new_ticket(&desk, "待指派", &["ERP"]).await;
    assert_eq!(erp.says(&token, "处理中", "2026-03-02T00:58:00Z").await, ("APPLIED".into(), "IN_PROGRESS".into()));
    let seen = ticket(&admin, &id).await;
    let pending =
        json!({ "status": "IN_PROGRESS", "system": "ERP", "since": "2026-03-02T00:58:00Z", "needs": "ASSIGNEE" });
    assert_eq!((&seen["status"], &seen["pendingReport"]), (&json!("NEW"), &pending));
    let assign = json!({ "ticketId": id, "assigneeId": desk.id("agent1").to_string() });
    admin.done("assignTicket", "__typename", assign).await;
    let seen = ticket(&admin, &id).await;
    assert_eq!((&seen["status"], &seen["pendingReport"]), (&json!("IN_PROGRESS"), &json!(null)));
    // It waits for the customer; the system says that it is done. It stays open, its clocks run, the assignee is told.
    agent.done("setWaiting", "__typename", json!({ "ticketId": id, "reason": "等客户" })).await;
    assert_eq!(erp.says(&token, "已关闭", "2026-03-02T01:02:00Z").await, ("APPLIED".into(), "CLOSED".into()));
    let seen = ticket(&admin, &id).await;
    assert_eq!((&seen["status"], &seen["pendingReport"]["needs"]), (&json!("IN_PROGRESS"), &json!("ATTRIBUTION")));
    assert_eq!(panorama(&admin, &token).await["truth"], "CLOSED", "colours and corrections go by the truth");
    let told = agent.query("{ notifications(first: 5) { nodes { cause title } } }", json!({})).await;
    let mut told_of = told["notifications"]["nodes"].as_array().unwrap().iter().map(|one| &one["cause"]);
    assert!(told_of.any(|cause| cause == "PENDING_REPORT"), "{told:#}");
    // No word of a system gets round the attribution; giving it takes the ticket all the way.
    let bare = json!({ "ticketId": id, "attribution": { "faultType": "HARDWARE", "rootCauseLevel": "L2_ENVIRONMENT", "solutionTags": [], "resolution": "换" } });
    assert_eq!(agent.refused("resolveTicket", bare).await.0, "ATTRIBUTION_INCOMPLETE");
    agent.done("resolveTicket", "__typename", json!({ "ticketId": id, "attribution": attribution("更换") })).await;
    let seen = ticket(&admin, &id).await;
    assert_eq!((&seen["status"], &seen["pendingReport"]), (&json!("CLOSED"), &json!(null)));
    // An engineer who has not even accepted it attributes it as well.
    let (id, token) = new_ticket(&desk, "已派未接", &["ERP"]).await;
    let assign = json!({ "ticketId": id, "assigneeId": desk.id("agent1").to_string() });
    admin.done("assignTicket", "__typename", assign).await;
    erp.says(&token, "已完成", "2026-03-02T01:03:00Z").await;
    assert_eq!(ticket(&admin, &id).await["status"], "ASSIGNED", "the status stays");
    agent.done("resolveTicket", "__typename", json!({ "ticketId": id, "attribution": attribution("复位") })).await;
    assert_eq!(ticket(&admin, &id).await["status"], "RESOLVED");
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_does_is_never_stale_and_a_report_that_is_not_so_is_dismissed() {
    let desk = Desk::start().await;
    let (erp, crm) = (Partner::join(&desk, "ERP", 10).await, Partner::join(&desk, "CRM", 10).await);
    let (admin, agent) = (desk.as_("admin").await, desk.as_("agent1").await);
    let (id, token) = new_ticket(&desk, "人工优先", &["ERP", "CRM"]).await;
    assign_and_accept(&desk, &id).await;
    // The system's clock runs four minutes ahead; the person acts now, and later.
    erp.says(&token, "待确认", "2026-03-02T01:04:00Z").await;
    assert_eq!(ticket(&admin, &id).await["status"], "WAITING");
    agent.done("resumeTicket", "__typename", json!({ "ticketId": id })).await;
    let seen = panorama(&admin, &token).await;
    assert_eq!((&seen["truth"], &seen["ticket"]["status"]), (&json!("IN_PROGRESS"), &json!("IN_PROGRESS")));
    // Buoy is one of the systems now; it and the ERP do not agree.
    assert_eq!(seen["colour"], "RED");
    let buoy = seen["systems"].as_array().unwrap().iter().find(|one| one["system"] == "BUOY").unwrap();
    assert_eq!(buoy["status"], "IN_PROGRESS");
    assert_eq!(seen["changes"][0]["operator"], "agent1");
    // Whoever is linked hears of it, also who never said a word.
    for key in ["ERP", "CRM"] {
        let one = seen["systems"].as_array().unwrap().iter().find(|one| one["system"] == key).unwrap();
        assert_eq!(one["correction"], json!({ "status": "IN_PROGRESS", "state": "DUE" }), "{key}");
    }
    assert_eq!(crm.says(&token, "已完成", "2026-03-02T01:04:30Z").await.0, "APPLIED");
    assert_eq!(ticket(&admin, &id).await["pendingReport"]["system"], "CRM");
    agent.done("dismissPendingReport", "ticket { status }", json!({ "ticketId": id })).await;
    let seen = panorama(&admin, &token).await;
    assert_eq!(seen["truth"], "IN_PROGRESS");
    let crm = seen["systems"].as_array().unwrap().iter().find(|one| one["system"] == "CRM").unwrap();
    assert_eq!(crm["correction"]["status"], "IN_PROGRESS");
    assert_eq!(ticket(&admin, &id).await["pendingReport"], json!(null));
    assert_eq!(agent.refused("dismissPendingReport", json!({ "ticketId": id })).await.0, "INVALID_TRANSITION");
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_ticket_is_reopened_only_explicitly() {
    let desk = Desk::start().await;
    let erp = Partner::join(&desk, "ERP", 10).await;
    let admin = desk.as_("admin").await;
    let id = desk
        .resolved("agent1", "泄漏", "换垫", json!({ "externalRefs": [{ "system": "ERP", "externalId": "7" }] }))
        .await;
    let token = ticket(&admin, &id).await["token"].as_str().unwrap().to_owned();
    // RESOLVED → IN_PROGRESS by a report is a reopening, and counts as one.
    assert_eq!(erp.says(&token, "处理中", "2026-03-02T01:01:00Z").await.0, "APPLIED");
    let seen = ticket(&admin, &id).await;
    assert_eq!((&seen["status"], &seen["reopenCount"]), (&json!("IN_PROGRESS"), &json!(1)));
    // The attribution of the first time says nothing of the second.
    erp.says(&token, "已完成", "2026-03-02T01:02:00Z").await;
    assert_eq!(ticket(&admin, &id).await["pendingReport"]["needs"], "ATTRIBUTION");
    desk.as_("agent1")
        .await
        .done("resolveTicket", "__typename", json!({ "ticketId": id, "attribution": attribution("再换") }))
        .await;
    erp.says(&token, "已关闭", "2026-03-02T01:03:00Z").await;
    assert_eq!(ticket(&admin, &id).await["status"], "CLOSED");
    assert_eq!(erp.says(&token, "处理中", "2026-03-02T01:04:00Z").await, ("STALE".into(), "CLOSED".into()));
    let told = panorama(&admin, &token).await["systems"][0]["correction"].clone();
    assert_eq!(told, json!({ "status": "CLOSED", "state": "DUE" }), "a stale report is answered");
    assert_eq!(erp.says(&token, "重新处理", "2026-03-02T01:04:30Z").await, ("APPLIED".into(), "IN_PROGRESS".into()));
    let seen = ticket(&admin, &id).await;
    assert_eq!((&seen["status"], &seen["reopenCount"]), (&json!("IN_PROGRESS"), &json!(2)));
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_is_refused_by_name_and_the_rest_is_taken() {
    let desk = Desk::start().await;
    let erp = Partner::join(&desk, "ERP", 10).await;
    let (id, token) = new_ticket(&desk, "校验", &[]).await;
    let (_, other) = new_ticket(&desk, "另一张", &[]).await;
    assign_and_accept(&desk, &id).await;
    let report = |uuid: &str, status: &str, at: &str, event: Json| json!({ "uuid": uuid, "status": status, "timestamp": at, "operator": "王工", "eventId": event });
    let results = erp
        .report(json!([
            report(&token, "待确认", "2026-03-02T01:00:10Z", json!("e-1")),
            report("TKN-8X9F2Q-L4M7X", "待确认", "2026-03-02T01:00:00Z", json!(null)),
            report("TKN-8X9F2Q-L4M7P", "待确认", "2026-03-02T01:00:00Z", json!(null)),
            report(&token, "处理中", "2026-03-02T01:05:01Z", json!(null)),
            report(&token, "  ", "2026-03-02T01:00:00Z", json!(null)),
            report(&token, "待确认", "2026-03-02T01:00:10Z", json!("e-1")),
            report(&token, "处理中", "2026-03-02T01:00:10Z", json!("e-1")),
            report(&other, "待确认", "2026-03-02T01:00:10Z", json!("e-1")),
            report(&token, "待确认", "2026-03-02T08:59:00+08:00", json!("e-2")),
            report(&token, "搁置", "2026-03-02T01:00:20Z", json!("e-3")),
        ]))
        .await;
    let short: Vec<Json> = results.iter().map(|one| json!([one["outcome"], one["code"]])).collect();
    assert_eq!(
        json!(short),
        json!([
            ["APPLIED", null],
            ["REFUSED", "TOKEN_INVALID"],
            ["REFUSED", "TOKEN_INVALID"],
            ["REFUSED", "INVALID"],
            ["REFUSED", "REQUIRED"],
            ["DUPLICATE", null],
            ["REFUSED", "IDEMPOTENCY_MISMATCH"],
            ["REFUSED", "IDEMPOTENCY_MISMATCH"],
            ["AGREED", null],
            ["UNKNOWN_WORD", null],
        ])
    );
    assert!(results[3]["message"].as_str().unwrap().contains("301 s ahead"), "{}", results[3]);
    assert_eq!(results[9]["truth"], "WAITING");
    // What is kept is told; once the word is known, it counts, from its own time on.
    let admin = desk.as_("admin").await;
    let systems =
        "{ systems { key clockOffsetMilliseconds unknownWords { word reports } apiKeys { hint lastUsedAt scopes } } }";
    let seen = admin.query(systems, json!({})).await["systems"][0].clone();
    assert_eq!(seen["unknownWords"], json!([{ "word": "搁置", "reports": 1 }]));
    assert_eq!(seen["clockOffsetMilliseconds"], 301_000, "by the latest report that it sent");
    assert_eq!(seen["apiKeys"][0]["lastUsedAt"], "2026-03-02T01:00:00Z");
    let told = admin.query("{ notifications(first: 5) { nodes { cause body } } }", json!({})).await;
    assert!(told.to_string().contains("ERP: 搁置"), "{told:#}");
    let mut map = tests::partner::status_map();
    map.as_array_mut().unwrap().push(json!({ "word": "搁置", "status": "CANCELLED" }));
    admin.done("updateSystem", "__typename", json!({ "key": "ERP", "statusMap": map })).await;
    desk.advance(seconds(1)).await;
    let seen = panorama(&admin, &token).await;
    assert_eq!((&seen["truth"], &seen["ticket"]["status"]), (&json!("CANCELLED"), &json!("CANCELLED")));
    // Bounds.
    let none = json!({ "reports": [] });
    assert_eq!(erp.client.refused("reportStatuses", none).await, ("REQUIRED".into(), "reports".into()));
    let many: Vec<Json> = (0..501).map(|_| report(&token, "处理中", "2026-03-02T01:00:00Z", json!(null))).collect();
    assert_eq!(erp.client.refused("reportStatuses", json!({ "reports": many })).await.0, "LIMIT_EXCEEDED");
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_panorama_is_found_by_any_name_and_coloured_by_what_systems_hold() {
    let desk = Desk::start().await;
    let admin = desk.as_("admin").await;
    // Named before it is registered: linked once it is.
    let (id, token) = new_ticket(&desk, "全景", &["CRM", "ERP"]).await;
    let (crm, erp) = (Partner::join(&desk, "CRM", 10).await, Partner::join(&desk, "ERP", 10).await);
    let app = Partner::join(&desk, "APP", 10).await;
    desk.advance(seconds(1)).await;
    assign_and_accept(&desk, &id).await;
    let number = ticket(&admin, &id).await["number"].to_string();
    for reference in [&token, &token.to_lowercase(), &number, &format!("#{number}"), "CRM-全景"] {
        assert_eq!(panorama(&admin, reference).await["ticket"]["number"].to_string(), number, "{reference}");
    }
    assert_eq!(panorama(&admin, &token).await["colour"], "GREY");
    crm.says(&token, "处理中", "2026-03-02T01:01:00Z").await;
    assert_eq!(panorama(&admin, &token).await["colour"], "GREY", "one alone");
    erp.says(&token, "已下发", "2026-03-02T01:01:30Z").await;
    assert_eq!(panorama(&admin, &token).await["colour"], "RED");
    app.says(&token, "处理中", "2026-03-02T01:01:45Z").await;
    let seen = panorama(&admin, &token).await;
    assert_eq!((&seen["colour"], &seen["truth"]), (&json!("YELLOW"), &json!("IN_PROGRESS")));
    assert_eq!(seen["conflicts"][0]["winner"]["system"], "APP");
    assert_eq!(seen["conflicts"][0]["reports"].as_array().unwrap().len(), 3);
    let of = |key: &str| seen["systems"].as_array().unwrap().iter().find(|one| one["system"] == key).unwrap().clone();
    let erp_holds = of("ERP");
    assert_eq!(
        (&erp_holds["word"], &erp_holds["agrees"], &erp_holds["acknowledged"]),
        (&json!("已下发"), &json!(false), &json!(false))
    );
    assert_eq!((&of("CRM")["agrees"], &of("CRM")["externalId"]), (&json!(true), &json!("CRM-全景")));
    // It says that it has taken the correction: by its id, and that is no new event.
    let outstanding = "{ outstandingCorrections { nodes { uuid status word causeId } } }";
    let due = erp.client.query(outstanding, json!({})).await["outstandingCorrections"]["nodes"].clone();
    assert_eq!((&due[0]["uuid"], &due[0]["word"]), (&json!(token), &json!("处理中")));
    let echo = json!([{ "uuid": token, "status": "处理中", "timestamp": "2026-03-02T01:02:00Z", "operator": "同步", "causeId": due[0]["causeId"] }]);
    assert_eq!(erp.report(echo.clone()).await[0]["outcome"], "AGREED");
    assert_eq!(erp.report(echo).await[0]["outcome"], "AGREED");
    let seen = panorama(&admin, &token).await;
    assert_eq!((&seen["colour"], seen["history"].as_array().unwrap().len()), (&json!("GREEN"), 3));
    assert!(
        erp.client.query(outstanding, json!({})).await["outstandingCorrections"]["nodes"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    let unknown = json!([{ "uuid": token, "status": "处理中", "timestamp": "2026-03-02T01:02:00Z", "operator": "x", "causeId": "nonsense" }]);
    assert_eq!(erp.report(unknown).await[0]["code"], "NOT_FOUND");
    // One number, two systems, two tickets.
    let twice = |system: &str| json!({ "externalRefs": [{ "system": system, "externalId": "4711" }] });
    desk.ticket("admin", "甲", twice("CRM")).await;
    let second = desk.ticket("admin", "乙", twice("ERP")).await;
    let answer = admin.ask(PANORAMA, json!({ "reference": "4711", "system": null })).await;
    assert_eq!(answer.code(), "BAD_USER_INPUT");
    let message = answer.body["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("CRM") && message.contains("ERP"), "{message}");
    let found = admin.query(PANORAMA, json!({ "reference": "4711", "system": "ERP" })).await;
    assert_eq!(found["panorama"]["ticket"]["number"], ticket(&admin, &second).await["number"]);
    assert_eq!(admin.ask(PANORAMA, json!({ "reference": "nowhere" })).await.code(), "NOT_FOUND");
    desk.advance(seconds(1)).await;
    desk.close().await;
}
