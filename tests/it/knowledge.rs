//! What tickets have in common becomes a card, once; what is cited counts as reuse, once per ticket.

use domain::kernel::{days, seconds};
use tests::{Desk, Json, attribution, json};

const CARDS: &str = "query Q($filter: KnowledgeCardFilter, $orderBy: KnowledgeCardOrder) {
    knowledgeCards(filter: $filter, orderBy: $orderBy) { nodes {
        id title state version appliesTo solution faultType rootCauseLevel causeTag product solutionTags
        caseCount citationCount rank extractedAt survival { days held failed pending lowerBound }
        reviewedBy { name } publishedBy { name }
        cases { nodes { title resolution counts handler { name } ticket { id } } } versions { version title by { name } } } } }";

async fn cards(desk: &Desk, name: &str) -> Vec<Json> {
    let found = desk.as_(name).await.query(CARDS, json!({})).await;
    found["knowledgeCards"]["nodes"].as_array().unwrap().clone()
}

/// Resolved alike, one after the other.
async fn recurring(desk: &Desk, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for i in 0..count {
        let title = format!("PM-3300 输出端子松动 {i}");
        let resolution = format!("紧固端子{}", "，检查扭矩".repeat(i));
        ids.push(desk.resolved("agent1", &title, &resolution, json!({ "product": "PM-3300" })).await);
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn five_alike_in_a_week_make_one_card_and_later_ones_join_it() {
    let desk = Desk::start().await;
    let mut ids = recurring(&desk, 4).await;
    desk.advance(seconds(1)).await;
    assert_eq!(cards(&desk, "agent1").await, Vec::<Json>::new(), "four are not enough");
    ids.extend(recurring(&desk, 1).await);
    desk.advance(seconds(1)).await;
    let made = cards(&desk, "agent3").await;
    assert_eq!(made.len(), 1, "{made:#?}");
    let card = &made[0];
    assert_eq!((&card["state"], &card["version"], &card["caseCount"]), (&json!("DRAFT"), &json!(1), &json!(5)));
    assert_eq!(card["solution"], "紧固端子，检查扭矩，检查扭矩，检查扭矩", "the words of the case that says most");
    assert_eq!(card["appliesTo"], "PM-3300 · hardware · environment (L2) · LOOSE_CONNECTOR");
    assert_eq!(card["solutionTags"], json!(["RESTART"]));
    assert_eq!(card["cases"]["nodes"][0]["handler"]["name"], "agent1");
    // The lead hears of it, once.
    let told = "{ notifications { nodes { cause title } } }";
    let told = desk.as_("supervisor").await.query(told, json!({})).await;
    let heard: Vec<&Json> = told["notifications"]["nodes"].as_array().unwrap().iter().collect();
    assert_eq!(heard.iter().filter(|n| n["cause"] == "KNOWLEDGE").count(), 1, "{heard:?}");
    // A later week: it joins, and no second card is made.
    desk.advance(days(7)).await;
    ids.extend(recurring(&desk, 5).await);
    desk.advance(seconds(1)).await;
    let made = cards(&desk, "agent1").await;
    assert_eq!((made.len(), &made[0]["caseCount"]), (1, &json!(10)));
    let joined = "query Q($id: ID!) { ticket(id: $id) { card { id } events(last: 1) { nodes { kind } } } }";
    let joined = desk.as_("agent1").await.query(joined, json!({ "id": ids[9] })).await;
    assert_eq!(joined["ticket"]["card"]["id"], made[0]["id"]);
    assert_eq!(joined["ticket"]["events"]["nodes"][0]["kind"], "TicketJoinedCard");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn late_events_keep_the_count_true_and_the_snapshot_as_it_was() {
    let desk = Desk::start().await;
    let ids = recurring(&desk, 5).await;
    desk.advance(seconds(1)).await;
    let reopen = json!({ "ticketId": ids[0], "reason": "又松了" });
    desk.as_("admin").await.done("reopenTicket", "__typename", reopen).await;
    let elsewhere = json!({ "ticketId": ids[1], "attribution": {
        "faultType": "SOFTWARE", "rootCauseLevel": "L3_DESIGN_DEFECT", "solutionTags": ["PATCH"], "resolution": "升级固件",
    } });
    desk.as_("agent1").await.done("attributeTicket", "__typename", elsewhere).await;
    desk.advance(seconds(1)).await;
    let card = cards(&desk, "agent1").await.remove(0);
    assert_eq!(card["caseCount"], 3, "one is open again, one was something else");
    let of = |id: &str| {
        let cases = card["cases"]["nodes"].as_array().unwrap();
        cases.iter().find(|case| case["ticket"]["id"] == *id).unwrap().clone()
    };
    assert_eq!((&of(&ids[1])["resolution"], &of(&ids[1])["counts"]), (&json!("紧固端子，检查扭矩"), &json!(false)));
    assert_eq!(of(&ids[2])["counts"], true);
    // Solved again the same way, it counts again; and still once.
    let again = json!({ "ticketId": ids[0], "attribution": attribution("更换端子") });
    desk.as_("agent1").await.done("resolveTicket", "__typename", again).await;
    desk.advance(seconds(1)).await;
    assert_eq!(cards(&desk, "agent1").await[0]["caseCount"], 4);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_reviewed_published_edited_and_retired_by_those_who_answer_for_it() {
    let desk = Desk::start().await;
    recurring(&desk, 5).await;
    desk.advance(seconds(1)).await;
    let id = cards(&desk, "agent1").await[0]["id"].as_str().unwrap().to_owned();
    let card = json!({ "cardId": id });
    let (code, _) = desk.as_("agent2").await.refused("publishCard", card.clone()).await;
    assert_eq!(code, "FORBIDDEN");
    let fields = "card { state version reviewedBy { name } publishedBy { name } title }";
    let edit = json!({ "cardId": id, "expectedVersion": 1, "title": "输出端子松动" });
    let edited = desk.as_("agent2").await.done("editCard", fields, edit.clone()).await;
    assert_eq!((&edited["card"]["version"], &edited["card"]["title"]), (&json!(2), &json!("输出端子松动")));
    let (code, field) = desk.as_("agent2").await.refused("editCard", edit).await;
    assert_eq!((code.as_str(), field.as_str()), ("VERSION_CONFLICT", "expectedVersion"));
    desk.as_("pm").await.done("reviewCard", fields, card.clone()).await;
    let published = desk.as_("supervisor").await.done("publishCard", fields, card.clone()).await;
    assert_eq!(published["card"]["reviewedBy"]["name"], "pm", "whoever published it did not review it");
    assert_eq!((&published["card"]["state"], &published["card"]["version"]), (&json!("PUBLISHED"), &json!(2)));
    let (code, _) = desk.as_("agent2").await.refused("editCard", json!({ "cardId": id, "title": "x" })).await;
    assert_eq!(code, "FORBIDDEN", "what is published is changed by those who publish");
    let (code, _) = desk.as_("supervisor").await.refused("publishCard", card.clone()).await;
    assert_eq!(code, "INVALID_TRANSITION");
    desk.as_("supervisor").await.done("retireCard", fields, card.clone()).await;
    let open = desk.ticket("admin", "端子", json!({})).await;
    let cite = json!({ "ticketId": open, "cardId": id });
    assert_eq!(desk.as_("admin").await.refused("citeSolution", cite).await.0, "INVALID_TRANSITION");
    let back = desk.as_("admin").await.done("publishCard", fields, card).await;
    assert_eq!(back["card"]["state"], "PUBLISHED");
    // Requesters read none.
    let none = desk.as_("requester1").await.ask(CARDS, json!({})).await;
    assert_eq!(none.code(), "FORBIDDEN");
    let node = "query Q($id: ID!) { node(id: $id) { id } }";
    assert_eq!(desk.as_("requester1").await.ask(node, json!({ "id": id })).await.code(), "NOT_FOUND");
    let seen = desk.as_("pm").await.query(node, json!({ "id": id })).await;
    assert_eq!(seen["node"]["id"], json!(id));
    desk.close().await;
}

const CITED: &str = "query Q($id: ID!) { ticket(id: $id) { citations { text by { name } source { ... on Ticket { id } ... on KnowledgeCard { id } } } } }";

#[tokio::test(flavor = "multi_thread")]
async fn a_citation_copies_the_solution_once_per_ticket() {
    let desk = Desk::start().await;
    let case = desk.resolved("agent1", "E-721 上电无法启动", "更换电源端子", json!({})).await;
    let secret = json!({ "issueType": "BREACH" });
    let secret = desk.resolved("admin", "E-721 in the vault", "secret", secret).await;
    let open = desk.ticket("requester1", "E-721 again", json!({ "issueType": "ACCOUNT" })).await;
    let agent = desk.as_("agent3").await;
    let cite = json!({ "ticketId": open, "caseId": case });
    let first = agent.done("citeSolution", "citation { id text } ticket { citations { id } }", cite.clone()).await;
    assert_eq!(first["citation"]["text"], "更换电源端子");
    let second = agent.done("citeSolution", "citation { id } ticket { citations { id } }", cite).await;
    assert_eq!(second["citation"]["id"], first["citation"]["id"]);
    assert_eq!(second["ticket"]["citations"].as_array().unwrap().len(), 1);
    for (input, code, field) in [
        (json!({ "ticketId": open }), "REQUIRED", "caseId"),
        (json!({ "ticketId": open, "caseId": open }), "INVALID", "caseId"),
        (json!({ "ticketId": open, "caseId": secret }), "NOT_FOUND", "caseId"),
        (json!({ "ticketId": case, "caseId": open }), "FORBIDDEN", "ticketId"),
    ] {
        let (found, at) = agent.refused("citeSolution", input.clone()).await;
        assert_eq!((found.as_str(), at.as_str()), (code, field), "{input}");
    }
    let open2 = desk.ticket("admin", "open", json!({})).await;
    let unsolved = json!({ "ticketId": open, "caseId": open2 });
    assert_eq!(desk.as_("admin").await.refused("citeSolution", unsolved).await.0, "INVALID");
    let kept = json!({ "ticketId": open, "caseId": secret });
    assert_eq!(desk.as_("admin").await.refused("citeSolution", kept).await.0, "INVALID", "whoever may read it");
    // What was copied stays as it was; what is taken out of the case is taken out of its copies.
    let mend = json!({ "ticketId": case, "attribution": attribution("更换整个电源") });
    desk.as_("agent1").await.done("attributeTicket", "__typename", mend).await;
    let cited = agent.query(CITED, json!({ "id": open })).await;
    assert_eq!(cited["ticket"]["citations"][0]["text"], "更换电源端子");
    assert_eq!(
        desk.as_("requester1").await.query(CITED, json!({ "id": open })).await["ticket"]["citations"],
        json!([])
    );
    let redact = json!({ "ticketId": case, "texts": ["RESOLUTION"] });
    desk.as_("admin").await.done("redactTicket", "__typename", redact).await;
    let cited = agent.query(CITED, json!({ "id": open })).await;
    assert_eq!(cited["ticket"]["citations"][0]["text"], "[已隐去 redacted]");
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_whose_citing_tickets_are_reopened_sinks() {
    let desk = Desk::start().await;
    recurring(&desk, 5).await;
    let other = json!({ "faultType": "SOFTWARE", "rootCauseLevel": "L1_USER_ERROR", "solutionTags": ["PATCH"], "resolution": "补丁" });
    for i in 0..5 {
        let id = desk.ticket("admin", &format!("VPN 断开 {i}"), json!({})).await;
        let admin = desk.as_("admin").await;
        admin.done("acceptTicket", "__typename", json!({ "ticketId": id })).await;
        admin.done("resolveTicket", "__typename", json!({ "ticketId": id, "attribution": other })).await;
    }
    desk.advance(seconds(1)).await;
    let before = cards(&desk, "agent1").await;
    assert_eq!(before.len(), 2);
    assert_eq!(before[0]["rank"], before[1]["rank"], "nobody has tried either");
    let (first, second) = (before[0]["id"].as_str().unwrap(), before[1]["id"].as_str().unwrap());
    for (card, holds) in [(first, false), (first, false), (second, true), (second, true)] {
        let id = desk.ticket("admin", "又来了", json!({})).await;
        let admin = desk.as_("admin").await;
        admin.done("acceptTicket", "__typename", json!({ "ticketId": id })).await;
        admin.done("citeSolution", "__typename", json!({ "ticketId": id, "cardId": card })).await;
        let own = json!({ "faultType": "OPERATION", "rootCauseLevel": "L1_USER_ERROR", "solutionTags": ["PATCH"], "resolution": "ok" });
        admin.done("resolveTicket", "__typename", json!({ "ticketId": id, "attribution": own })).await;
        if !holds {
            admin.done("reopenTicket", "__typename", json!({ "ticketId": id, "reason": "没好" })).await;
        }
    }
    desk.advance(days(8)).await;
    let after = cards(&desk, "agent1").await;
    assert_eq!(after.iter().map(|card| card["id"].as_str().unwrap()).collect::<Vec<_>>(), [second, first]);
    assert_eq!(after[0]["survival"][0]["held"], 2);
    assert_eq!((&after[1]["survival"][0]["failed"], &after[1]["citationCount"]), (&json!(2), &json!(2)));
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_solution_is_tried_from_its_citation_on() {
    let desk = Desk::start().await;
    let case = desk.resolved("agent1", "E-31 漏水", "换密封圈", json!({})).await;
    recurring(&desk, 5).await;
    desk.advance(seconds(1)).await;
    let card = cards(&desk, "agent1").await[0]["id"].clone();
    let admin = desk.as_("admin").await;
    let own = json!({ "faultType": "OPERATION", "rootCauseLevel": "L1_USER_ERROR", "solutionTags": ["PATCH"], "resolution": "ok" });
    let id = desk.ticket("admin", "又漏水", json!({})).await;
    let resolve = json!({ "ticketId": id, "attribution": own });
    let reopen = json!({ "ticketId": id, "reason": "没好" });
    admin.done("acceptTicket", "__typename", json!({ "ticketId": id })).await;
    // It failed before anybody cited anything: the solution was not in it.
    admin.done("resolveTicket", "__typename", resolve.clone()).await;
    admin.done("reopenTicket", "__typename", reopen.clone()).await;
    admin.done("citeSolution", "__typename", json!({ "ticketId": id, "cardId": card })).await;
    desk.advance(days(8)).await;
    let survival = async || cards(&desk, "agent1").await[0]["survival"][0].clone();
    let told =
        |held: i64, failed: i64, pending: i64| json!({ "days": 7, "held": held, "failed": failed, "pending": pending });
    let counts =
        |of: Json| json!({ "days": of["days"], "held": of["held"], "failed": of["failed"], "pending": of["pending"] });
    assert_eq!(counts(survival().await), told(0, 0, 1), "not solved with it yet");
    let admin = desk.as_("admin").await;
    admin.done("resolveTicket", "__typename", resolve).await;
    // A case that is cited where the work is done already: it is tried by the resolution that stands.
    admin.done("citeSolution", "__typename", json!({ "ticketId": id, "caseId": case })).await;
    desk.advance(days(8)).await;
    assert_eq!(counts(survival().await), told(1, 0, 0));
    let admin = desk.as_("admin").await;
    // What is closed stays as it was told of.
    let closed = admin.refused("citeSolution", json!({ "ticketId": id, "caseId": desk.id("admin").to_string() })).await;
    assert_eq!(closed.0, "INVALID_TRANSITION");
    admin.done("reopenTicket", "__typename", reopen).await;
    assert_eq!(counts(survival().await), told(1, 0, 0), "after eight days, it had held for seven");
    desk.advance(seconds(1)).await;
    desk.close().await;
}

const SIMILAR: &str =
    "query Q($input: SimilarCasesInput!) { similarCases(input: $input) { score ticket { id card { id } } } }";

async fn similar(desk: &Desk, title: &str) -> Vec<Json> {
    let found = desk.as_("agent1").await.query(SIMILAR, json!({ "input": { "title": title } })).await;
    found["similarCases"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_one_card_one_case_is_shown() {
    let desk = Desk::start().await;
    let ids = recurring(&desk, 6).await;
    desk.settle().await;
    assert_eq!(similar(&desk, "PM-3300 输出端子松动").await.len(), 3);
    let other = json!({ "faultType": "SOFTWARE", "rootCauseLevel": "L1_USER_ERROR", "solutionTags": ["PATCH"], "resolution": "补丁" });
    let apart = desk.ticket("admin", "输出端子松动提示音无法关闭", json!({})).await;
    let admin = desk.as_("admin").await;
    admin.done("acceptTicket", "__typename", json!({ "ticketId": apart })).await;
    admin.done("resolveTicket", "__typename", json!({ "ticketId": apart, "attribution": other })).await;
    desk.advance(seconds(1)).await;
    desk.settle().await;
    let found = similar(&desk, "PM-3300 输出端子松动").await;
    assert_eq!(found.len(), 2, "one of the card, and one that is no case of it: {found:#?}");
    assert!(ids.iter().any(|id| found[0]["ticket"]["id"] == **id) && found[0]["ticket"]["card"]["id"].is_string());
    assert_eq!(found[1]["ticket"]["id"], json!(apart));
    // Out of use, its cases stand for themselves again.
    let card = json!({ "cardId": found[0]["ticket"]["card"]["id"] });
    desk.as_("supervisor").await.done("retireCard", "__typename", card).await;
    assert_eq!(similar(&desk, "PM-3300 输出端子松动").await.len(), 3);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reopened_solution_sinks() {
    let desk = Desk::start().await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(desk.resolved("agent1", "E-500 冷却风扇异响", "更换风扇", json!({})).await);
    }
    desk.settle().await;
    let before = similar(&desk, "E-500 冷却风扇异响").await;
    let first = before[0]["ticket"]["id"].as_str().unwrap().to_owned();
    desk.as_("admin").await.done("reopenTicket", "__typename", json!({ "ticketId": first, "reason": "还响" })).await;
    let again = json!({ "ticketId": first, "attribution": attribution("再换一次") });
    desk.as_("agent1").await.done("resolveTicket", "__typename", again).await;
    desk.advance(seconds(1)).await;
    desk.settle().await;
    let after = similar(&desk, "E-500 冷却风扇异响").await;
    assert_eq!((after.len(), &after[1]["ticket"]["id"]), (2, &json!(first)), "{after:#?}");
    assert!(after[1]["score"].as_f64() < after[0]["score"].as_f64());
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_confidential_is_experience_for_others_no_more() {
    let desk = Desk::start().await;
    let more = json!({ "issueType": "REPAIR" });
    for i in 0..5 {
        desk.resolved("agent1", &format!("保险柜异常 {i}"), "更换锁芯", more.clone()).await;
    }
    desk.advance(seconds(1)).await;
    let id = cards(&desk, "agent3").await[0]["id"].clone();
    // Edited, it is still the words of its case; and so is what was copied of it.
    let edit = json!({ "cardId": id, "solution": "更换锁芯并登记" });
    desk.as_("agent3").await.done("editCard", "__typename", edit).await;
    let open = desk.ticket("requester1", "门禁异常", json!({ "issueType": "ACCOUNT" })).await;
    let cite = json!({ "ticketId": open, "cardId": id });
    desk.as_("agent3").await.done("citeSolution", "__typename", cite).await;
    let secret = json!({ "key": "REPAIR", "name": "Repair", "teamKey": "FIELD", "confidential": true });
    desk.as_("admin").await.done("saveIssueType", "__typename", secret).await;
    desk.advance(seconds(1)).await;
    assert_eq!(cards(&desk, "agent3").await, Vec::<Json>::new());
    let node = "query Q($id: ID!) { node(id: $id) { id } }";
    assert_eq!(desk.as_("agent3").await.ask(node, json!({ "id": id })).await.code(), "NOT_FOUND");
    let left = cards(&desk, "admin").await;
    assert_eq!((&left[0]["id"], &left[0]["caseCount"]), (&id, &json!(0)), "for administrators to put right");
    let cited = async |name: &str| {
        let found = desk.as_(name).await.query(CITED, json!({ "id": open })).await;
        found["ticket"]["citations"][0].clone()
    };
    let hidden = cited("agent3").await;
    assert_eq!((&hidden["text"], &hidden["source"]), (&json!(null), &json!(null)));
    assert_eq!(cited("admin").await["text"], "更换锁芯并登记");
    // Put right: new words are nobody's secret; the old ones stay with administrators.
    let typo = json!({ "cardId": id, "solution": "更换锁芯并登记。" });
    desk.as_("admin").await.done("editCard", "__typename", typo).await;
    assert_eq!(cards(&desk, "agent3").await, Vec::<Json>::new(), "a mended typo publishes no secret");
    let put_right = json!({ "cardId": id, "title": "锁具异常", "solution": "按锁具手册处理", "ownWords": true });
    desk.as_("admin").await.done("editCard", "__typename", put_right).await;
    let seen = cards(&desk, "agent3").await;
    let versions = seen[0]["versions"].as_array().unwrap();
    assert_eq!((seen[0]["solution"].as_str(), versions.len()), (Some("按锁具手册处理"), 1), "{versions:#?}");
    assert_eq!(cards(&desk, "admin").await[0]["versions"].as_array().unwrap().len(), 4);
    assert_eq!(cited("agent3").await["text"], json!(null), "what was copied before");
    desk.close().await;
}
