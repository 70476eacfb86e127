//! Knowledge: similar tickets create a card once; a citation counts as reuse once per ticket.

use domain::kernel::{days, seconds};
use tests::{Desk, Json, attribution, json};

const CARDS: &str = "query Q($filter: KnowledgeCardFilter, $orderBy: KnowledgeCardOrder) {
    knowledgeCards(filter: $filter, orderBy: $orderBy) { nodes {
        id title state version appliesTo solution faultType rootCauseLevel causeTag product solutionTags
        caseCount citationCount rank extractedAt survival { days survived failed pending lowerBound }
        reviewedBy { name } publishedBy { name }
        cases { nodes { title resolution isCounted handler { name } ticket { id } } } versions { version title by { name } } } } }";

async fn cards(desk: &Desk, name: &str) -> Vec<Json> {
    let found = desk.as_(name).await.query(CARDS, json!({})).await;
    found["knowledgeCards"]["nodes"].as_array().unwrap().clone()
}

/// Creates tickets that are resolved in the same way.
async fn resolve_alike(desk: &Desk, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for i in 0..count {
        let title = format!("PM-3300 输出端子松动 {i}");
        let resolution = format!("紧固端子{}", "，检查扭矩".repeat(i));
        ids.push(desk.create_resolved_ticket("agent1", &title, &resolution, json!({ "product": "PM-3300" })).await);
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn five_similar_tickets_in_a_week_create_one_card_and_later_ones_join_it() {
    let desk = Desk::start().await;
    let mut ids = resolve_alike(&desk, 4).await;
    desk.advance(seconds(1)).await;
    assert_eq!(cards(&desk, "agent1").await, Vec::<Json>::new(), "four tickets are not enough");
    ids.extend(resolve_alike(&desk, 1).await);
    desk.advance(seconds(1)).await;
    let made = cards(&desk, "agent3").await;
    assert_eq!(made.len(), 1, "{made:#?}");
    let card = &made[0];
    assert_eq!((&card["state"], &card["version"], &card["caseCount"]), (&json!("DRAFT"), &json!(1), &json!(5)));
    assert_eq!(card["solution"], "紧固端子，检查扭矩，检查扭矩，检查扭矩", "the text of the most detailed case");
    assert_eq!(card["appliesTo"], "PM-3300 · hardware · environment (L2) · LOOSE_CONNECTOR");
    assert_eq!(card["solutionTags"], json!(["RESTART"]));
    assert_eq!(card["cases"]["nodes"][0]["handler"]["name"], "agent1");
    // The supervisor is notified once.
    let expected = "{ notifications { nodes { cause title } } }";
    let expected = desk.as_("supervisor").await.query(expected, json!({})).await;
    let rows: Vec<&Json> = expected["notifications"]["nodes"].as_array().unwrap().iter().collect();
    assert_eq!(rows.iter().filter(|n| n["cause"] == "KNOWLEDGE").count(), 1, "{rows:?}");
    // A ticket of a later week joins the card.
    desk.advance(days(7)).await;
    ids.extend(resolve_alike(&desk, 5).await);
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
async fn late_events_update_the_count_and_leave_the_snapshot() {
    let desk = Desk::start().await;
    let ids = resolve_alike(&desk, 5).await;
    desk.advance(seconds(1)).await;
    let reopen = json!({ "ticketId": ids[0], "reason": "又松了" });
    desk.as_("admin").await.mutate_ok("reopenTicket", "__typename", reopen).await;
    let elsewhere = json!({ "ticketId": ids[1], "attribution": {
        "faultType": "SOFTWARE", "rootCauseLevel": "L3_DESIGN_DEFECT", "solutionTags": ["PATCH"], "resolution": "升级固件",
    } });
    desk.as_("agent1").await.mutate_ok("attributeTicket", "__typename", elsewhere).await;
    desk.advance(seconds(1)).await;
    let card = cards(&desk, "agent1").await.remove(0);
    assert_eq!(card["caseCount"], 3, "one is reopened, one has another signature");
    let of = |id: &str| {
        let cases = card["cases"]["nodes"].as_array().unwrap();
        cases.iter().find(|case| case["ticket"]["id"] == *id).unwrap().clone()
    };
    assert_eq!((&of(&ids[1])["resolution"], &of(&ids[1])["isCounted"]), (&json!("紧固端子，检查扭矩"), &json!(false)));
    assert_eq!(of(&ids[2])["isCounted"], true);
    // Resolved again in the same way, the ticket counts again, once.
    let again = json!({ "ticketId": ids[0], "attribution": attribution("更换端子") });
    desk.as_("agent1").await.mutate_ok("resolveTicket", "__typename", again).await;
    desk.advance(seconds(1)).await;
    assert_eq!(cards(&desk, "agent1").await[0]["caseCount"], 4);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_reviewed_published_edited_and_retired_by_its_responsible_users() {
    let desk = Desk::start().await;
    resolve_alike(&desk, 5).await;
    desk.advance(seconds(1)).await;
    let id = cards(&desk, "agent1").await[0]["id"].as_str().unwrap().to_owned();
    let card = json!({ "cardId": id });
    let (code, _) = desk.as_("agent2").await.refusal("publishCard", card.clone()).await;
    assert_eq!(code, "FORBIDDEN");
    let fields = "card { state version reviewedBy { name } publishedBy { name } title }";
    let edit = json!({ "cardId": id, "expectedVersion": 1, "title": "输出端子松动" });
    let edited = desk.as_("agent2").await.mutate_ok("editCard", fields, edit.clone()).await;
    assert_eq!((&edited["card"]["version"], &edited["card"]["title"]), (&json!(2), &json!("输出端子松动")));
    let (code, field) = desk.as_("agent2").await.refusal("editCard", edit).await;
    assert_eq!((code.as_str(), field.as_str()), ("VERSION_CONFLICT", "expectedVersion"));
    desk.as_("pm").await.mutate_ok("reviewCard", fields, card.clone()).await;
    let published = desk.as_("supervisor").await.mutate_ok("publishCard", fields, card.clone()).await;
    assert_eq!(published["card"]["reviewedBy"]["name"], "pm", "the publisher is not the reviewer");
    assert_eq!((&published["card"]["state"], &published["card"]["version"]), (&json!("PUBLISHED"), &json!(2)));
    let (code, _) = desk.as_("agent2").await.refusal("editCard", json!({ "cardId": id, "title": "x" })).await;
    assert_eq!(code, "FORBIDDEN", "a published card is edited by those who may publish");
    let (code, _) = desk.as_("supervisor").await.refusal("publishCard", card.clone()).await;
    assert_eq!(code, "INVALID_TRANSITION");
    desk.as_("supervisor").await.mutate_ok("retireCard", fields, card.clone()).await;
    let open = desk.create_ticket("admin", "端子", json!({})).await;
    let cite = json!({ "ticketId": open, "cardId": id });
    assert_eq!(desk.as_("admin").await.refusal("citeSolution", cite).await.0, "INVALID_TRANSITION");
    let back = desk.as_("admin").await.mutate_ok("publishCard", fields, card).await;
    assert_eq!(back["card"]["state"], "PUBLISHED");
    // Requesters see no cards.
    let none = desk.as_("requester1").await.execute(CARDS, json!({})).await;
    assert_eq!(none.code(), "FORBIDDEN");
    let node = "query Q($id: ID!) { node(id: $id) { id } }";
    assert_eq!(desk.as_("requester1").await.execute(node, json!({ "id": id })).await.code(), "NOT_FOUND");
    let seen = desk.as_("pm").await.query(node, json!({ "id": id })).await;
    assert_eq!(seen["node"]["id"], json!(id));
    desk.close().await;
}

const CITATIONS: &str = "query Q($id: ID!) { ticket(id: $id) { citations { text by { name } source { ... on Ticket { id } ... on KnowledgeCard { id } } } } }";

#[tokio::test(flavor = "multi_thread")]
async fn a_citation_copies_the_solution_once_per_ticket() {
    let desk = Desk::start().await;
    let case = desk.create_resolved_ticket("agent1", "E-721 上电无法启动", "更换电源端子", json!({})).await;
    let secret = json!({ "issueType": "BREACH" });
    let secret = desk.create_resolved_ticket("admin", "E-721 in the vault", "secret", secret).await;
    let open = desk.create_ticket("requester1", "E-721 again", json!({ "issueType": "ACCOUNT" })).await;
    let agent = desk.as_("agent3").await;
    let cite = json!({ "ticketId": open, "caseId": case });
    let first = agent.mutate_ok("citeSolution", "citation { id text } ticket { citations { id } }", cite.clone()).await;
    assert_eq!(first["citation"]["text"], "更换电源端子");
    let second = agent.mutate_ok("citeSolution", "citation { id } ticket { citations { id } }", cite).await;
    assert_eq!(second["citation"]["id"], first["citation"]["id"]);
    assert_eq!(second["ticket"]["citations"].as_array().unwrap().len(), 1);
    for (input, code, field) in [
        (json!({ "ticketId": open }), "REQUIRED", "caseId"),
        (json!({ "ticketId": open, "caseId": open }), "INVALID", "caseId"),
        (json!({ "ticketId": open, "caseId": secret }), "NOT_FOUND", "caseId"),
        (json!({ "ticketId": case, "caseId": open }), "FORBIDDEN", "ticketId"),
    ] {
        let (found, at) = agent.refusal("citeSolution", input.clone()).await;
        assert_eq!((found.as_str(), at.as_str()), (code, field), "{input}");
    }
    let open2 = desk.create_ticket("admin", "open", json!({})).await;
    let unsolved = json!({ "ticketId": open, "caseId": open2 });
    assert_eq!(desk.as_("admin").await.refusal("citeSolution", unsolved).await.0, "INVALID");
    let input = json!({ "ticketId": open, "caseId": secret });
    assert_eq!(
        desk.as_("admin").await.refusal("citeSolution", input).await.0,
        "INVALID",
        "even for a user who may read it"
    );
    // A copy does not follow edits of its source; a redaction of the source reaches it.
    let mend = json!({ "ticketId": case, "attribution": attribution("更换整个电源") });
    desk.as_("agent1").await.mutate_ok("attributeTicket", "__typename", mend).await;
    let cited = agent.query(CITATIONS, json!({ "id": open })).await;
    assert_eq!(cited["ticket"]["citations"][0]["text"], "更换电源端子");
    assert_eq!(
        desk.as_("requester1").await.query(CITATIONS, json!({ "id": open })).await["ticket"]["citations"],
        json!([])
    );
    let redact = json!({ "ticketId": case, "texts": ["RESOLUTION"] });
    desk.as_("admin").await.mutate_ok("redactTicket", "__typename", redact).await;
    let cited = agent.query(CITATIONS, json!({ "id": open })).await;
    assert_eq!(cited["ticket"]["citations"][0]["text"], "[已隐去 redacted]");
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reopened_citing_tickets_lower_the_rank_of_a_card() {
    let desk = Desk::start().await;
    resolve_alike(&desk, 5).await;
    let other = json!({ "faultType": "SOFTWARE", "rootCauseLevel": "L1_USER_ERROR", "solutionTags": ["PATCH"], "resolution": "补丁" });
    for i in 0..5 {
        let id = desk.create_ticket("admin", &format!("VPN 断开 {i}"), json!({})).await;
        let admin = desk.as_("admin").await;
        admin.mutate_ok("acceptTicket", "__typename", json!({ "ticketId": id })).await;
        admin.mutate_ok("resolveTicket", "__typename", json!({ "ticketId": id, "attribution": other })).await;
    }
    desk.advance(seconds(1)).await;
    let before = cards(&desk, "agent1").await;
    assert_eq!(before.len(), 2);
    assert_eq!(before[0]["rank"], before[1]["rank"], "both are untested");
    let (first, second) = (before[0]["id"].as_str().unwrap(), before[1]["id"].as_str().unwrap());
    for (card, holds) in [(first, false), (first, false), (second, true), (second, true)] {
        let id = desk.create_ticket("admin", "又来了", json!({})).await;
        let admin = desk.as_("admin").await;
        admin.mutate_ok("acceptTicket", "__typename", json!({ "ticketId": id })).await;
        admin.mutate_ok("citeSolution", "__typename", json!({ "ticketId": id, "cardId": card })).await;
        let own = json!({ "faultType": "OPERATION", "rootCauseLevel": "L1_USER_ERROR", "solutionTags": ["PATCH"], "resolution": "ok" });
        admin.mutate_ok("resolveTicket", "__typename", json!({ "ticketId": id, "attribution": own })).await;
        if !holds {
            admin.mutate_ok("reopenTicket", "__typename", json!({ "ticketId": id, "reason": "没好" })).await;
        }
    }
    desk.advance(days(8)).await;
    let after = cards(&desk, "agent1").await;
    assert_eq!(after.iter().map(|card| card["id"].as_str().unwrap()).collect::<Vec<_>>(), [second, first]);
    assert_eq!(after[0]["survival"][0]["survived"], 2);
    assert_eq!((&after[1]["survival"][0]["failed"], &after[1]["citationCount"]), (&json!(2), &json!(2)));
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn survival_of_a_solution_counts_from_its_citation() {
    let desk = Desk::start().await;
    let case = desk.create_resolved_ticket("agent1", "E-31 漏水", "换密封圈", json!({})).await;
    resolve_alike(&desk, 5).await;
    desk.advance(seconds(1)).await;
    let card = cards(&desk, "agent1").await[0]["id"].clone();
    let admin = desk.as_("admin").await;
    let own = json!({ "faultType": "OPERATION", "rootCauseLevel": "L1_USER_ERROR", "solutionTags": ["PATCH"], "resolution": "ok" });
    let id = desk.create_ticket("admin", "又漏水", json!({})).await;
    let resolve = json!({ "ticketId": id, "attribution": own });
    let reopen = json!({ "ticketId": id, "reason": "没好" });
    admin.mutate_ok("acceptTicket", "__typename", json!({ "ticketId": id })).await;
    // A failure before the citation does not count against the solution.
    admin.mutate_ok("resolveTicket", "__typename", resolve.clone()).await;
    admin.mutate_ok("reopenTicket", "__typename", reopen.clone()).await;
    admin.mutate_ok("citeSolution", "__typename", json!({ "ticketId": id, "cardId": card })).await;
    desk.advance(days(8)).await;
    let survival = async || cards(&desk, "agent1").await[0]["survival"][0].clone();
    let expected = |survived: i64, failed: i64, pending: i64| json!({ "days": 7, "survived": survived, "failed": failed, "pending": pending });
    let counts = |of: Json| json!({ "days": of["days"], "survived": of["survived"], "failed": of["failed"], "pending": of["pending"] });
    assert_eq!(counts(survival().await), expected(0, 0, 1), "not yet resolved with it");
    let admin = desk.as_("admin").await;
    admin.mutate_ok("resolveTicket", "__typename", resolve).await;
    // A citation after the resolution counts from the existing resolution.
    admin.mutate_ok("citeSolution", "__typename", json!({ "ticketId": id, "caseId": case })).await;
    desk.advance(days(8)).await;
    assert_eq!(counts(survival().await), expected(1, 0, 0));
    let admin = desk.as_("admin").await;
    // Closed tickets keep their result.
    let closed = admin.refusal("citeSolution", json!({ "ticketId": id, "caseId": desk.id("admin").to_string() })).await;
    assert_eq!(closed.0, "INVALID_TRANSITION");
    admin.mutate_ok("reopenTicket", "__typename", reopen).await;
    assert_eq!(counts(survival().await), expected(1, 0, 0), "after eight days it has held for seven");
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
async fn only_one_case_of_a_card_is_shown() {
    let desk = Desk::start().await;
    let ids = resolve_alike(&desk, 6).await;
    desk.wait_for_followers().await;
    assert_eq!(similar(&desk, "PM-3300 输出端子松动").await.len(), 3);
    let other = json!({ "faultType": "SOFTWARE", "rootCauseLevel": "L1_USER_ERROR", "solutionTags": ["PATCH"], "resolution": "补丁" });
    let apart = desk.create_ticket("admin", "输出端子松动提示音无法关闭", json!({})).await;
    let admin = desk.as_("admin").await;
    admin.mutate_ok("acceptTicket", "__typename", json!({ "ticketId": apart })).await;
    admin.mutate_ok("resolveTicket", "__typename", json!({ "ticketId": apart, "attribution": other })).await;
    desk.advance(seconds(1)).await;
    desk.wait_for_followers().await;
    let found = similar(&desk, "PM-3300 输出端子松动").await;
    assert_eq!(found.len(), 2, "one case of the card and one other case: {found:#?}");
    assert!(ids.iter().any(|id| found[0]["ticket"]["id"] == **id) && found[0]["ticket"]["card"]["id"].is_string());
    assert_eq!(found[1]["ticket"]["id"], json!(apart));
    // After the card is retired, its cases are shown individually.
    let card = json!({ "cardId": found[0]["ticket"]["card"]["id"] });
    desk.as_("supervisor").await.mutate_ok("retireCard", "__typename", card).await;
    assert_eq!(similar(&desk, "PM-3300 输出端子松动").await.len(), 3);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reopened_case_is_ranked_lower() {
    let desk = Desk::start().await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(desk.create_resolved_ticket("agent1", "E-500 冷却风扇异响", "更换风扇", json!({})).await);
    }
    desk.wait_for_followers().await;
    let before = similar(&desk, "E-500 冷却风扇异响").await;
    let first = before[0]["ticket"]["id"].as_str().unwrap().to_owned();
    desk.as_("admin")
        .await
        .mutate_ok("reopenTicket", "__typename", json!({ "ticketId": first, "reason": "还响" }))
        .await;
    let again = json!({ "ticketId": first, "attribution": attribution("再换一次") });
    desk.as_("agent1").await.mutate_ok("resolveTicket", "__typename", again).await;
    desk.advance(seconds(1)).await;
    desk.wait_for_followers().await;
    let after = similar(&desk, "E-500 冷却风扇异响").await;
    assert_eq!((after.len(), &after[1]["ticket"]["id"]), (2, &json!(first)), "{after:#?}");
    assert!(after[1]["score"].as_f64() < after[0]["score"].as_f64());
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn knowledge_of_a_ticket_that_becomes_confidential_is_hidden() {
    let desk = Desk::start().await;
    let more = json!({ "issueType": "REPAIR" });
    for i in 0..5 {
        desk.create_resolved_ticket("agent1", &format!("保险柜异常 {i}"), "更换锁芯", more.clone()).await;
    }
    desk.advance(seconds(1)).await;
    let id = cards(&desk, "agent3").await[0]["id"].clone();
    // An edited card and its copies still contain the words of the case.
    let edit = json!({ "cardId": id, "solution": "更换锁芯并登记" });
    desk.as_("agent3").await.mutate_ok("editCard", "__typename", edit).await;
    let open = desk.create_ticket("requester1", "门禁异常", json!({ "issueType": "ACCOUNT" })).await;
    let cite = json!({ "ticketId": open, "cardId": id });
    desk.as_("agent3").await.mutate_ok("citeSolution", "__typename", cite).await;
    let secret = json!({ "key": "REPAIR", "name": "Repair", "teamKey": "FIELD", "confidential": true });
    desk.as_("admin").await.mutate_ok("saveIssueType", "__typename", secret).await;
    desk.advance(seconds(1)).await;
    assert_eq!(cards(&desk, "agent3").await, Vec::<Json>::new());
    let node = "query Q($id: ID!) { node(id: $id) { id } }";
    assert_eq!(desk.as_("agent3").await.execute(node, json!({ "id": id })).await.code(), "NOT_FOUND");
    let left = cards(&desk, "admin").await;
    assert_eq!((&left[0]["id"], &left[0]["caseCount"]), (&id, &json!(0)), "for administrators to correct");
    let cited = async |name: &str| {
        let found = desk.as_(name).await.query(CITATIONS, json!({ "id": open })).await;
        found["ticket"]["citations"][0].clone()
    };
    let hidden = cited("agent3").await;
    assert_eq!((&hidden["text"], &hidden["source"]), (&json!(null), &json!(null)));
    assert_eq!(cited("admin").await["text"], "更换锁芯并登记");
    // A corrected text is visible again; old versions stay visible to administrators only.
    let typo = json!({ "cardId": id, "solution": "更换锁芯并登记。" });
    desk.as_("admin").await.mutate_ok("editCard", "__typename", typo).await;
    assert_eq!(cards(&desk, "agent3").await, Vec::<Json>::new(), "a corrected typo reveals no confidential text");
    let put_right = json!({ "cardId": id, "title": "锁具异常", "solution": "按锁具手册处理", "ownWords": true });
    desk.as_("admin").await.mutate_ok("editCard", "__typename", put_right).await;
    let seen = cards(&desk, "agent3").await;
    let versions = seen[0]["versions"].as_array().unwrap();
    assert_eq!((seen[0]["solution"].as_str(), versions.len()), (Some("按锁具手册处理"), 1), "{versions:#?}");
    assert_eq!(cards(&desk, "admin").await[0]["versions"].as_array().unwrap().len(), 4);
    assert_eq!(cited("agent3").await["text"], json!(null), "the earlier copy");
    desk.close().await;
}
