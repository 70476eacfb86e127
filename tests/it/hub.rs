//! The hub: reports of several systems give the same truth in every order of arrival.

use std::collections::BTreeMap;

use domain::hub::model::{ReportInput, ReportStatuses, ReportTime};
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
    let id = desk.create_ticket("admin", title, json!({ "issueType": "REPAIR", "externalRefs": refs })).await;
    let token = ticket(&desk.as_("admin").await, &id).await["token"].as_str().unwrap().to_owned();
    (id, token)
}

pub async fn assign_and_accept(desk: &Desk, id: &str) {
    let assignee = desk.id("agent1").to_string();
    desk.as_("admin")
        .await
        .mutate_ok("assignTicket", "__typename", json!({ "ticketId": id, "assigneeId": assignee }))
        .await;
    desk.as_("agent1").await.mutate_ok("acceptTicket", "__typename", json!({ "ticketId": id })).await;
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

/// Everything that must not depend on the order of arrival.
fn final_state(panorama: &Json) -> Json {
    let systems: BTreeMap<&str, Json> = panorama["systems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let due = &one["correction"]["status"];
            (one["system"].as_str().unwrap(), json!([one["status"], one["word"], one["agrees"], due]))
        })
        .collect();
    let reports: Vec<Json> = panorama["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| json!([one["system"], one["word"], one["timestamp"]]))
        .collect();
    json!({ "truth": panorama["truth"], "colour": panorama["colour"], "conflicts": panorama["conflicts"], "systems": systems, "said": reports })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_of_arrival_on_every_node_gives_the_same_truth() {
    let desk = Desk::start().await;
    let systems = [("CRM", 1), ("ERP", 2), ("APP", 3)];
    let mut partners = BTreeMap::new();
    for (key, rank) in systems {
        partners.insert(key, Partner::register(&desk, key, rank).await);
    }
    // Two reports at one instant, a late one, one that closes, an ignored step after it, and an unknown word.
    let reports = [
        ("CRM", "已下发", "2026-03-02T01:00:10Z"),
        ("ERP", "处理中", "2026-03-02T01:00:20Z"),
        ("APP", "待确认", "2026-03-02T01:00:20Z"),
        ("CRM", "已取消", "2026-03-02T01:04:00Z"),
        ("ERP", "神秘", "2026-03-02T01:04:30Z"),
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
    for (n, order) in permutations(&reports).into_iter().enumerate() {
        let (id, token) = new_ticket(&desk, &format!("次序 {n}"), &["CRM", "ERP", "APP"]).await;
        for (i, (key, word, at)) in order.iter().enumerate() {
            if (n + i) % 2 == 0 {
                partners[key].report_status(&token, word, at).await;
            } else {
                let actor = Actor::Person(accounts[key].clone().into());
                let given = ReportInput {
                    token: token.clone(),
                    source_status: (*word).to_owned(),
                    at: ReportTime::Instant(Timestamp::parse(at).unwrap()),
                    operator: "王工".to_owned(),
                    event_id: None,
                    cause: None,
                };
                let cx = Ctx { actor, ..Ctx::system(&other) };
                cx.execute(&ReportStatuses { reports: vec![given], sent_at: None }, None).await.unwrap();
            }
            // Some reports arrive twice.
            if (n + i) % 3 == 0 {
                assert_eq!(partners[key].report_status(&token, word, at).await.0, "DUPLICATE");
            }
        }
        let seen = panorama(&admin, &token).await;
        assert_eq!(ticket(&admin, &id).await["status"], "CANCELLED");
        ends.push(final_state(&seen));
    }
    for final_state in &ends {
        assert_eq!(final_state, &ends[0]);
    }
    assert_eq!(ends[0]["truth"], "CANCELLED");
    assert_eq!(ends[0]["conflicts"].as_array().unwrap().len(), 1, "{:#}", ends[0]);
    // A system's latest status decides which correction it gets.
    assert_eq!(ends[0]["systems"]["CRM"], json!(["CANCELLED", "已取消", true, null]));
    assert_eq!(ends[0]["systems"]["APP"], json!(["WAITING", "待确认", false, "CANCELLED"]));
    assert_eq!(ends[0]["systems"]["ERP"], json!([null, "神秘", false, "CANCELLED"]));
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_reports_of_several_systems_are_all_stored() {
    let desk = Desk::start().await;
    let mut partners = Vec::new();
    for key in ["CRM", "ERP", "APP", "FSM"] {
        partners.push(Partner::register(&desk, key, 10).await);
    }
    let (id, token) = new_ticket(&desk, "同时", &[]).await;
    assign_and_accept(&desk, &id).await;
    let words = ["处理中", "待确认"];
    let reports = partners.iter().enumerate().flat_map(|(p, partner)| {
        let token = &token;
        (0..6).map(move |i| {
            let at = format!("2026-03-02T01:{:02}:{:02}Z", i / 2, 30 * (i % 2) + p + 1);
            async move { partner.report_status(token, words[(i + p) % 2], &at).await.0 }
        })
    });
    let outcomes = join_all(reports).await;
    assert!(outcomes.iter().all(|outcome| ["APPLIED", "AGREED", "STALE"].contains(&outcome.as_str())), "{outcomes:?}");
    let seen = panorama(&desk.as_("admin").await, &token).await;
    assert_eq!(seen["history"].as_array().unwrap().len(), 24);
    assert_eq!(seen["truth"], "IN_PROGRESS", "the latest entry wins in any order of arrival");
    assert_eq!(seen["ticket"]["status"], "IN_PROGRESS");
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reported_status_stays_pending_until_its_requirement_is_met() {
    let desk = Desk::start().await;
    let erp = Partner::register(&desk, "ERP", 10).await;
    let admin = desk.as_("admin").await;
    let agent = desk.as_("agent1").await;
    // Without an assignee the status is pending, and the assignment completes it.
    let (id, token) = new_ticket(&desk, "待指派", &["ERP"]).await;
    assert_eq!(
        erp.report_status(&token, "处理中", "2026-03-02T01:00:00Z").await,
        ("APPLIED".into(), "IN_PROGRESS".into())
    );
    let seen = ticket(&admin, &id).await;
    let pending =
        json!({ "status": "IN_PROGRESS", "system": "ERP", "since": "2026-03-02T01:00:00Z", "needs": "ASSIGNEE" });
    assert_eq!((&seen["status"], &seen["pendingReport"]), (&json!("NEW"), &pending));
    let assign = json!({ "ticketId": id, "assigneeId": desk.id("agent1").to_string() });
    admin.mutate_ok("assignTicket", "__typename", assign).await;
    let seen = ticket(&admin, &id).await;
    assert_eq!((&seen["status"], &seen["pendingReport"]), (&json!("IN_PROGRESS"), &json!(null)));
    // A WAITING ticket is reported as done: it stays open, its clocks run, the assignee is notified.
    agent.mutate_ok("setWaiting", "__typename", json!({ "ticketId": id, "reason": "等客户" })).await;
    assert_eq!(erp.report_status(&token, "已关闭", "2026-03-02T01:02:00Z").await, ("APPLIED".into(), "CLOSED".into()));
    let seen = ticket(&admin, &id).await;
    assert_eq!((&seen["status"], &seen["pendingReport"]["needs"]), (&json!("IN_PROGRESS"), &json!("ATTRIBUTION")));
    assert_eq!(panorama(&admin, &token).await["truth"], "CLOSED", "colours and corrections follow the truth");
    let actual = agent.query("{ notifications(first: 5) { nodes { cause title } } }", json!({})).await;
    let mut causes = actual["notifications"]["nodes"].as_array().unwrap().iter().map(|one| &one["cause"]);
    assert!(causes.any(|cause| cause == "PENDING_REPORT"), "{actual:#}");
    // No report bypasses the attribution; supplying it completes all pending steps.
    let bare = json!({ "ticketId": id, "attribution": { "faultType": "HARDWARE", "rootCauseLevel": "L2_ENVIRONMENT", "solutionTags": [], "resolution": "换" } });
    assert_eq!(agent.refusal("resolveTicket", bare).await.0, "ATTRIBUTION_INCOMPLETE");
    agent.mutate_ok("resolveTicket", "__typename", json!({ "ticketId": id, "attribution": attribution("更换") })).await;
    let seen = ticket(&admin, &id).await;
    assert_eq!((&seen["status"], &seen["pendingReport"]), (&json!("CLOSED"), &json!(null)));
    // An agent who has not accepted the ticket may attribute it.
    let (id, token) = new_ticket(&desk, "已派未接", &["ERP"]).await;
    let assign = json!({ "ticketId": id, "assigneeId": desk.id("agent1").to_string() });
    admin.mutate_ok("assignTicket", "__typename", assign).await;
    erp.report_status(&token, "已完成", "2026-03-02T01:03:00Z").await;
    assert_eq!(ticket(&admin, &id).await["status"], "ASSIGNED", "the status stays");
    agent.mutate_ok("resolveTicket", "__typename", json!({ "ticketId": id, "attribution": attribution("复位") })).await;
    assert_eq!(ticket(&admin, &id).await["status"], "RESOLVED");
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_change_is_never_stale_and_a_pending_report_can_be_dismissed() {
    let desk = Desk::start().await;
    let (erp, crm) = (Partner::register(&desk, "ERP", 10).await, Partner::register(&desk, "CRM", 10).await);
    let (admin, agent) = (desk.as_("admin").await, desk.as_("agent1").await);
    let (id, token) = new_ticket(&desk, "人工优先", &["ERP", "CRM"]).await;
    assign_and_accept(&desk, &id).await;
    // The system's clock is four minutes ahead; the user's change still counts as later.
    erp.report_status(&token, "待确认", "2026-03-02T01:04:00Z").await;
    assert_eq!(ticket(&admin, &id).await["status"], "WAITING");
    agent.mutate_ok("resumeTicket", "__typename", json!({ "ticketId": id })).await;
    let seen = panorama(&admin, &token).await;
    assert_eq!((&seen["truth"], &seen["ticket"]["status"]), (&json!("IN_PROGRESS"), &json!("IN_PROGRESS")));
    // The local change is an entry now, and the ERP differs from it.
    assert_eq!(seen["colour"], "RED");
    let buoy = seen["systems"].as_array().unwrap().iter().find(|one| one["system"] == "BUOY").unwrap();
    assert_eq!(buoy["status"], "IN_PROGRESS");
    assert_eq!(seen["changes"][0]["operator"], "agent1");
    // Every linked system gets the correction, even without a report of its own.
    for key in ["ERP", "CRM"] {
        let one = seen["systems"].as_array().unwrap().iter().find(|one| one["system"] == key).unwrap();
        assert_eq!(one["correction"], json!({ "status": "IN_PROGRESS", "state": "DUE" }), "{key}");
    }
    assert_eq!(crm.report_status(&token, "已完成", "2026-03-02T01:04:30Z").await.0, "APPLIED");
    assert_eq!(ticket(&admin, &id).await["pendingReport"]["system"], "CRM");
    agent.mutate_ok("dismissPendingReport", "ticket { status }", json!({ "ticketId": id })).await;
    let seen = panorama(&admin, &token).await;
    assert_eq!(seen["truth"], "IN_PROGRESS");
    let crm = seen["systems"].as_array().unwrap().iter().find(|one| one["system"] == "CRM").unwrap();
    assert_eq!(crm["correction"]["status"], "IN_PROGRESS");
    assert_eq!(ticket(&admin, &id).await["pendingReport"], json!(null));
    assert_eq!(agent.refusal("dismissPendingReport", json!({ "ticketId": id })).await.0, "INVALID_TRANSITION");
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_ticket_is_reopened_only_by_a_reopening_status() {
    let desk = Desk::start().await;
    let erp = Partner::register(&desk, "ERP", 10).await;
    let admin = desk.as_("admin").await;
    let id = desk
        .create_resolved_ticket(
            "agent1",
            "泄漏",
            "换垫",
            json!({ "externalRefs": [{ "system": "ERP", "externalId": "7" }] }),
        )
        .await;
    let token = ticket(&admin, &id).await["token"].as_str().unwrap().to_owned();
    // A report that moves RESOLVED to IN_PROGRESS counts as a reopening.
    assert_eq!(erp.report_status(&token, "处理中", "2026-03-02T01:01:00Z").await.0, "APPLIED");
    let seen = ticket(&admin, &id).await;
    assert_eq!((&seen["status"], &seen["reopenCount"]), (&json!("IN_PROGRESS"), &json!(1)));
    // The first attribution does not cover the second resolution.
    erp.report_status(&token, "已完成", "2026-03-02T01:02:00Z").await;
    assert_eq!(ticket(&admin, &id).await["pendingReport"]["needs"], "ATTRIBUTION");
    desk.as_("agent1")
        .await
        .mutate_ok("resolveTicket", "__typename", json!({ "ticketId": id, "attribution": attribution("再换") }))
        .await;
    erp.report_status(&token, "已关闭", "2026-03-02T01:03:00Z").await;
    assert_eq!(ticket(&admin, &id).await["status"], "CLOSED");
    assert_eq!(erp.report_status(&token, "处理中", "2026-03-02T01:04:00Z").await, ("STALE".into(), "CLOSED".into()));
    let actual = panorama(&admin, &token).await["systems"][0]["correction"].clone();
    assert_eq!(actual, json!({ "status": "CLOSED", "state": "DUE" }), "a stale report is answered");
    assert_eq!(
        erp.report_status(&token, "重新处理", "2026-03-02T01:04:30Z").await,
        ("APPLIED".into(), "IN_PROGRESS".into())
    );
    let seen = ticket(&admin, &id).await;
    assert_eq!((&seen["status"], &seen["reopenCount"]), (&json!("IN_PROGRESS"), &json!(2)));
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_reports_are_rejected_with_a_code_and_the_others_are_applied() {
    let desk = Desk::start().await;
    let erp = Partner::register(&desk, "ERP", 10).await;
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
            report(&token, "待确认", "2026-03-02T09:00:05+08:00", json!("e-2")),
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
    // An unknown word alerts administrators; once it is mapped, the report counts from its own time.
    let admin = desk.as_("admin").await;
    let systems = "{ systems { key clockOffsetMilliseconds unknownWords { word reportCount } apiKeys { prefix lastUsedAt scopes } } }";
    let seen = admin.query(systems, json!({})).await["systems"][0].clone();
    assert_eq!(seen["unknownWords"], json!([{ "word": "搁置", "reportCount": 1 }]));
    assert_eq!(seen["clockOffsetMilliseconds"], Json::Null, "no report said when it was sent");
    let waited = json!({ "reports": [report(&token, "处理中", "2026-03-02T00:59:00Z", json!(null))], "sentAt": "2026-03-02T01:00:02Z" });
    erp.client.mutate_ok("reportStatuses", "__typename", waited).await;
    let offset = admin.query(systems, json!({})).await["systems"][0]["clockOffsetMilliseconds"].clone();
    assert_eq!(offset, 2_000, "by the time of sending, however old the report");
    assert_eq!(seen["apiKeys"][0]["lastUsedAt"], "2026-03-02T01:00:00Z");
    let actual = admin.query("{ notifications(first: 5) { nodes { cause body } } }", json!({})).await;
    assert!(actual.to_string().contains("ERP: 搁置"), "{actual:#}");
    let mut map = tests::partner::status_map();
    map.as_array_mut().unwrap().push(json!({ "word": "搁置", "status": "CANCELLED" }));
    admin.mutate_ok("updateSystem", "__typename", json!({ "key": "ERP", "statusMap": map })).await;
    desk.advance(seconds(1)).await;
    let seen = panorama(&admin, &token).await;
    assert_eq!((&seen["truth"], &seen["ticket"]["status"]), (&json!("CANCELLED"), &json!("CANCELLED")));
    // Limits.
    let none = json!({ "reports": [] });
    assert_eq!(erp.client.refusal("reportStatuses", none).await, ("REQUIRED".into(), "reports".into()));
    let many: Vec<Json> = (0..501).map(|_| report(&token, "处理中", "2026-03-02T01:00:00Z", json!(null))).collect();
    assert_eq!(erp.client.refusal("reportStatuses", json!({ "reports": many })).await.0, "LIMIT_EXCEEDED");
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_panorama_is_found_by_any_reference_and_coloured_by_agreement() {
    let desk = Desk::start().await;
    let admin = desk.as_("admin").await;
    // A reference to an unregistered system links when the system is registered.
    let (id, token) = new_ticket(&desk, "全景", &["CRM", "ERP"]).await;
    let (crm, erp) = (Partner::register(&desk, "CRM", 10).await, Partner::register(&desk, "ERP", 10).await);
    let app = Partner::register(&desk, "APP", 10).await;
    desk.advance(seconds(1)).await;
    assign_and_accept(&desk, &id).await;
    let number = ticket(&admin, &id).await["number"].to_string();
    for reference in [&token, &token.to_lowercase(), &number, &format!("#{number}"), "CRM-全景"] {
        assert_eq!(panorama(&admin, reference).await["ticket"]["number"].to_string(), number, "{reference}");
    }
    assert_eq!(panorama(&admin, &token).await["colour"], "GREY");
    crm.report_status(&token, "处理中", "2026-03-02T01:01:00Z").await;
    assert_eq!(panorama(&admin, &token).await["colour"], "GREY", "one alone");
    erp.report_status(&token, "已下发", "2026-03-02T01:01:30Z").await;
    assert_eq!(panorama(&admin, &token).await["colour"], "RED");
    app.report_status(&token, "处理中", "2026-03-02T01:01:45Z").await;
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
    // The system acknowledges the correction by its id, which is no new event.
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
    // The same number in two systems refers to two tickets.
    let twice = |system: &str| json!({ "externalRefs": [{ "system": system, "externalId": "4711" }] });
    desk.create_ticket("admin", "甲", twice("CRM")).await;
    let second = desk.create_ticket("admin", "乙", twice("ERP")).await;
    let answer = admin.execute(PANORAMA, json!({ "reference": "4711", "system": null })).await;
    assert_eq!(answer.code(), "BAD_USER_INPUT");
    let message = answer.body["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("CRM") && message.contains("ERP"), "{message}");
    let found = admin.query(PANORAMA, json!({ "reference": "4711", "system": "ERP" })).await;
    assert_eq!(found["panorama"]["ticket"]["number"], ticket(&admin, &second).await["number"]);
    assert_eq!(admin.execute(PANORAMA, json!({ "reference": "nowhere" })).await.code(), "NOT_FOUND");
    desk.advance(seconds(1)).await;
    desk.close().await;
}
