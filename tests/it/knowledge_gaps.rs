//! Knowledge gaps: after three weeks of low first-time resolution cards are extracted, and topics without a card are listed.

use domain::calendar::model::Organisation;
use domain::import::commands::{ImportObserver, import};
use domain::import::model::{ImportMap, PartialTicket, Progress, RejectedRow};
use domain::kernel::{days, hours, seconds};
use tests::{Desk, Json, attribution, json};

const GAPS: &str = "{ knowledgeGaps { label team { key } issueType threshold ticketCount isSmallSample unattributed
    weeks { firstTimeResolution { numerator denominator smallSample } }
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
    assert_eq!(gaps(&desk, "supervisor").await, Vec::<Json>::new(), "the windows of the last week are open");
    desk.advance(days(7)).await;
    let found = gaps(&desk, "supervisor").await;
    let of_type = found.iter().find(|gap| gap["issueType"] == "REPAIR").expect("of the issue type");
    let of_team = found.iter().find(|gap| gap["team"]["key"] == "FIELD").expect("of the team");
    for gap in [of_type, of_team] {
        let week = |n: i64| json!({ "firstTimeResolution": { "numerator": n, "denominator": 2, "smallSample": true } });
        assert_eq!(gap["weeks"], json!([week(1), week(1), week(0)]), "{gap:#?}");
        assert_eq!(
            (&gap["ticketCount"], &gap["isSmallSample"], &gap["unattributed"]),
            (&json!(6), &json!(true), &json!(0))
        );
        // A recurring topic has a draft card; another topic is listed.
        assert_eq!(gap["topics"].as_array().unwrap().len(), 1, "{gap:#?}");
        assert_eq!((&gap["topics"][0]["count"], &gap["topics"][0]["tickets"]), (&json!(1), &json!([{ "id": last }])));
        assert_eq!(gap["topics"][0]["label"], "PM-3300 · software · user error (L1)");
    }
    let supervisor = desk.as_("supervisor").await;
    let cards = supervisor.query("{ knowledgeCards { nodes { state faultType caseCount } } }", json!({})).await;
    let draft = json!([{ "state": "DRAFT", "faultType": "HARDWARE", "caseCount": 3 }]);
    assert_eq!(cards["knowledgeCards"]["nodes"], draft, "three in three weeks suffice in a knowledge gap");
    let notified = supervisor.query("{ notifications(first: 50) { nodes { cause title body } } }", json!({})).await;
    let notified = notified["notifications"]["nodes"].as_array().unwrap().clone();
    let is_alarm = |n: &&Json| n["title"].as_str().is_some_and(|title| title.contains("first-time resolution is low"));
    let alarm = notified.iter().find(is_alarm).unwrap_or_else(|| panic!("{notified:?}"));
    assert!(alarm["body"].as_str().unwrap().contains("only 6 tickets: a small sample"), "{alarm}");
    // Other teams see nothing, and one good week ends the gap.
    assert_eq!(gaps(&desk, "agent3").await.iter().filter(|gap| gap["team"]["key"] == "FIELD").count(), 0);
    create_solved(&desk, "输出端子松动", false, json!({})).await;
    desk.advance(days(14)).await;
    desk.advance(seconds(1)).await;
    assert_eq!(gaps(&desk, "supervisor").await, Vec::<Json>::new());
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_window_does_not_count() {
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

struct Silent;

impl ImportObserver for Silent {
    fn progress(&mut self, _: Progress) {}
    async fn refused(&mut self, _: RejectedRow) {}
    async fn imported_partially(&mut self, _: PartialTicket) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn history_without_attribution_is_no_topic() {
    let desk = Desk::start().await;
    // Three whole weeks with closed windows, each with eight imported tickets that were handed over before their resolution.
    let mut csv = String::from("id,created,closed,moves\n");
    for (week, day) in ["2026-02-03", "2026-02-10", "2026-02-17"].into_iter().enumerate() {
        for n in 0..8 {
            csv.push_str(&format!("W{week}-{n},{day}T0{n}:00:00Z,{day}T0{n}:30:00Z,1\n"));
        }
    }
    let map = json!({ "source": "OLD", "fixed": { "team": "FIELD", "status": "CLOSED" }, "words": { "status": { "CLOSED": "CLOSED" } },
        "columns": { "id": "id", "created": "created", "closed": "closed", "hand_overs": "moves" } });
    let map: ImportMap = serde_json::from_value(map).unwrap();
    let file = std::io::Cursor::new(csv.into_bytes());
    let zone = desk.app.state::<Organisation>().zone.clone();
    let summary = import(&desk.app, file, map, &zone, false, &mut Silent).await.unwrap();
    assert_eq!((summary.created, summary.refused), (24, 0), "{summary:?}");
    desk.wait_for_followers().await;
    let found = gaps(&desk, "supervisor").await;
    let gap = found.iter().find(|gap| gap["team"]["key"] == "FIELD").expect("of the team");
    assert_eq!((&gap["ticketCount"], &gap["isSmallSample"]), (&json!(24), &json!(false)), "{gap:#?}");
    assert_eq!((&gap["unattributed"], &gap["topics"]), (&json!(24), &json!([])), "they are no topic: {gap:#?}");
    assert_eq!(gap["weeks"][0]["firstTimeResolution"]["smallSample"], true, "eight tickets a week");
    desk.advance(seconds(1)).await;
    desk.close().await;
}
