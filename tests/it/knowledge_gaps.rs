//! Knowledge gaps: after three weeks of low first-time resolution cards are extracted, and topics without a card are listed.

use domain::kernel::{days, hours, seconds};
use tests::{Desk, Json, attribution, json};

const GAPS: &str =
    "{ knowledgeGaps { label team { key } issueType threshold weeks { firstTimeResolution { numerator denominator } }
    topics { label count tickets { id } } } }";

async fn gaps(desk: &Desk, name: &str) -> Vec<Json> {
    desk.as_(name).await.query(GAPS, json!({})).await["knowledgeGaps"].as_array().unwrap().clone()
}

/// Creates a resolved ticket, optionally with a hand-over before its resolution.
pub async fn create_solved(desk: &Desk, title: &str, handed_over: bool, more: Json) -> String {
    let id = desk.create_ticket("admin", title, json!({ "issueType": "REPAIR", "product": "PM-3300" })).await;
    let admin = desk.as_("admin").await;
    let give = |name: &str| json!({ "ticketId": id, "assigneeId": desk.id(name).to_string() });
    admin.mutate_ok("assignTicket", "__typename", give("agent1")).await;
    desk.as_("agent1").await.mutate_ok("acceptTicket", "__typename", json!({ "ticketId": id })).await;
    let mut last = "agent1";
    if handed_over {
        admin.mutate_ok("assignTicket", "__typename", give("agent2")).await;
        desk.as_("agent2").await.mutate_ok("acceptTicket", "__typename", json!({ "ticketId": id })).await;
        last = "agent2";
    }
    let mut given = attribution("紧固端子");
    given.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    desk.as_(last)
        .await
        .mutate_ok("resolveTicket", "__typename", json!({ "ticketId": id, "attribution": given }))
        .await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn three_low_weeks_start_extraction_and_list_topics_without_a_card() {
    let desk = Desk::start().await;
    let rare = ["OPERATION", "CONFIGURATION", "SOFTWARE"]
        .map(|fault| json!({ "faultType": fault, "rootCauseLevel": "L1_USER_ERROR", "causeTag": null }));
    let mut last = String::new();
    for (week, cause) in rare.into_iter().enumerate() {
        create_solved(&desk, "输出端子松动", true, json!({})).await;
        last = create_solved(&desk, "参数丢失", week == 2, cause).await;
        assert_eq!(gaps(&desk, "supervisor").await, Vec::<Json>::new(), "the weeks have not ended");
        desk.advance(days(7)).await;
    }
    desk.advance(hours(2)).await;
    let found = gaps(&desk, "supervisor").await;
    let of_type = found.iter().find(|gap| gap["issueType"] == "REPAIR").expect("of the issue type");
    let of_team = found.iter().find(|gap| gap["team"]["key"] == "FIELD").expect("of the team");
    for gap in [of_type, of_team] {
        let week = |n: i64| json!({ "firstTimeResolution": { "numerator": n, "denominator": 2 } });
        assert_eq!(gap["weeks"], json!([week(1), week(1), week(0)]), "{gap:#?}");
        // A recurring topic has a draft card; another topic is listed.
        assert_eq!(gap["topics"].as_array().unwrap().len(), 1, "{gap:#?}");
        assert_eq!((&gap["topics"][0]["count"], &gap["topics"][0]["tickets"]), (&json!(1), &json!([{ "id": last }])));
        assert_eq!(gap["topics"][0]["label"], "PM-3300 · software · user error (L1)");
    }
    let supervisor = desk.as_("supervisor").await;
    let cards = supervisor.query("{ knowledgeCards { nodes { state faultType caseCount } } }", json!({})).await;
    let draft = json!([{ "state": "DRAFT", "faultType": "HARDWARE", "caseCount": 3 }]);
    assert_eq!(cards["knowledgeCards"]["nodes"], draft, "three in three weeks suffice in a knowledge gap");
    let notified = supervisor.query("{ notifications(first: 50) { nodes { cause title } } }", json!({})).await;
    let titles: Vec<&str> =
        notified["notifications"]["nodes"].as_array().unwrap().iter().filter_map(|n| n["title"].as_str()).collect();
    assert!(titles.iter().any(|title| title.contains("first-time resolution is low")), "{titles:?}");
    // Other teams see nothing, and one good week ends the gap.
    assert_eq!(gaps(&desk, "agent3").await.iter().filter(|gap| gap["team"]["key"] == "FIELD").count(), 0);
    create_solved(&desk, "输出端子松动", false, json!({})).await;
    desk.advance(days(7)).await;
    desk.advance(seconds(1)).await;
    assert_eq!(gaps(&desk, "supervisor").await, Vec::<Json>::new());
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_window_does_not_count_as_missed() {
    let desk = Desk::start().await;
    for _ in 0..2 {
        create_solved(&desk, "输出端子松动", true, json!({})).await;
        desk.advance(days(7)).await;
    }
    create_solved(&desk, "输出端子松动", true, json!({})).await;
    for _ in 0..4 {
        create_solved(&desk, "输出端子松动", false, json!({})).await;
    }
    desk.advance(days(5)).await;
    assert_eq!(gaps(&desk, "supervisor").await, Vec::<Json>::new(), "four of five may still hold");
    desk.close().await;
}
