//! Knowledge cards that people write.

use domain::kernel::seconds;
use tests::{Desk, Json, attribution, json};

const FIELDS: &str =
    "card { id title appliesTo solution state version faultType rootCauseLevel causeTag product solutionTags
    caseCount manageable versions { version by { name } } }";

fn card() -> Json {
    json!({
        "title": "输出端子松动",
        "appliesTo": "上电后无输出，端子发热",
        "solution": "1. 断电\n2. 紧固端子\n3. 检查扭矩",
        "faultType": "HARDWARE",
        "rootCauseLevel": "L2_ENVIRONMENT",
        "causeTag": "LOOSE_CONNECTOR",
        "product": "PM-3300",
        "solutionTags": ["RESTART", "PATCH", "RESTART"],
    })
}

fn with(mut card: Json, field: &str, value: Json) -> Json {
    card[field] = value;
    card
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_writes_a_card_and_a_supervisor_publishes_it() {
    let desk = Desk::start().await;
    let agent = desk.as_("agent1").await;
    let written = agent.mutate_ok("createCard", FIELDS, card()).await["card"].clone();
    let id = written["id"].clone();
    let expected = json!({
        "id": id,
        "title": "输出端子松动",
        "appliesTo": "上电后无输出，端子发热",
        "solution": "1. 断电\n2. 紧固端子\n3. 检查扭矩",
        "state": "DRAFT",
        "version": 1,
        "faultType": "HARDWARE",
        "rootCauseLevel": "L2_ENVIRONMENT",
        "causeTag": "LOOSE_CONNECTOR",
        "product": "PM-3300",
        "solutionTags": ["PATCH", "RESTART"],
        "caseCount": 0,
        "manageable": false,
        "versions": [{ "version": 1, "by": { "name": "agent1" } }],
    });
    assert_eq!(written, expected);
    assert_eq!(agent.refusal("reviewCard", json!({ "cardId": id })).await.0, "FORBIDDEN");
    let supervisor = desk.as_("supervisor").await;
    let reviewed = supervisor.mutate_ok("reviewCard", "card { state }", json!({ "cardId": id })).await;
    assert_eq!(reviewed["card"]["state"], "REVIEWED");
    let published = supervisor.mutate_ok("publishCard", "card { state }", json!({ "cardId": id })).await;
    assert_eq!(published["card"]["state"], "PUBLISHED");
    // It is listed and can be cited.
    let found = desk.as_("agent3").await.query("{ knowledgeCards { nodes { id } } }", json!({})).await;
    assert_eq!(found["knowledgeCards"]["nodes"], json!([{ "id": id }]));
    let open = desk.create_ticket("requester1", "端子发热", json!({ "issueType": "REPAIR" })).await;
    let cited = agent.mutate_ok("citeSolution", "citation { text }", json!({ "ticketId": open, "cardId": id })).await;
    assert_eq!(cited["citation"]["text"], "1. 断电\n2. 紧固端子\n3. 检查扭矩");
    // What the form of the resolution is filled with: cause and tags of a card, and of a case.
    let case = desk.create_resolved_ticket("agent1", "端子松动", "紧固", json!({})).await;
    // Citations are in the order of their time.
    desk.advance(seconds(1)).await;
    agent.mutate_ok("citeSolution", "__typename", json!({ "ticketId": open, "caseId": case })).await;
    let query = "query Q($id: ID!) { ticket(id: $id) { citations { text source {
        ... on KnowledgeCard { faultType rootCauseLevel causeTag solutionTags }
        ... on Ticket { attribution { faultType rootCauseLevel causeTag solutionTags } } } } } }";
    let citations = agent.query(query, json!({ "id": open })).await["ticket"]["citations"].clone();
    let of_card = json!({
        "faultType": "HARDWARE", "rootCauseLevel": "L2_ENVIRONMENT", "causeTag": "LOOSE_CONNECTOR",
        "solutionTags": ["PATCH", "RESTART"],
    });
    assert_eq!(citations[0]["source"], of_card);
    let attribution = attribution("紧固");
    let of_case = &citations[1]["source"]["attribution"];
    for field in ["faultType", "rootCauseLevel", "solutionTags"] {
        assert_eq!(of_case[field], attribution[field], "{field}");
    }
    assert_eq!(citations[1]["text"], "紧固");
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_card_must_have_and_who_may_write_it() {
    let desk = Desk::start().await;
    for (name, input, code, field) in [
        ("requester1", card(), "FORBIDDEN", "product"),
        ("partner", card(), "FORBIDDEN", "product"),
        ("pm", with(card(), "product", json!("VPN")), "FORBIDDEN", "product"),
        ("pm", with(card(), "product", json!(null)), "FORBIDDEN", "product"),
        ("agent1", with(card(), "solutionTags", json!([])), "REQUIRED", "solutionTags"),
        ("agent1", with(card(), "solutionTags", json!(["NOPE"])), "UNKNOWN_KEY", "solutionTags"),
        ("agent1", with(card(), "causeTag", json!("NOPE")), "UNKNOWN_KEY", "causeTag"),
        ("agent1", with(card(), "product", json!("NOPE")), "UNKNOWN_KEY", "product"),
        ("agent1", with(card(), "title", json!(" ")), "REQUIRED", "title"),
        ("agent1", with(card(), "title", json!("x".repeat(201))), "TOO_LONG", "title"),
        ("agent1", with(card(), "solution", json!("")), "REQUIRED", "solution"),
    ] {
        let refused = desk.as_(name).await.refusal("createCard", input.clone()).await;
        assert_eq!(refused, (code.to_owned(), field.to_owned()), "{name}: {input}");
    }
    desk.as_("pm").await.mutate_ok("createCard", "__typename", card()).await;
    // One card for one cause and set of solution tags: the other one is to be edited.
    let again = with(card(), "title", json!("又一张"));
    let refused = desk.as_("agent1").await.refusal("createCard", again).await;
    assert_eq!(refused, ("ALREADY_EXISTS".to_owned(), "solutionTags".to_owned()));
    let without_scope = with(with(card(), "appliesTo", json!("")), "product", json!(null));
    let written = desk.as_("agent3").await.mutate_ok("createCard", FIELDS, without_scope).await["card"].clone();
    assert!(!written["appliesTo"].as_str().unwrap().is_empty(), "derived from the cause");
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_that_are_solved_this_way_join_a_written_card() {
    let desk = Desk::start().await;
    let agent = desk.as_("agent1").await;
    let input = with(with(card(), "solutionTags", json!(["RESTART"])), "causeTag", json!(null));
    let id = agent.mutate_ok("createCard", FIELDS, input).await["card"]["id"].clone();
    let ticket = desk.create_ticket("admin", "PM-3300 无输出", json!({ "product": "PM-3300" })).await;
    let admin = desk.as_("admin").await;
    admin.mutate_ok("acceptTicket", "__typename", json!({ "ticketId": ticket })).await;
    let attribution = json!({
        "faultType": "HARDWARE", "rootCauseLevel": "L2_ENVIRONMENT", "solutionTags": ["RESTART"], "resolution": "紧固",
    });
    let resolve = json!({ "ticketId": ticket, "attribution": attribution });
    admin.mutate_ok("resolveTicket", "__typename", resolve).await;
    desk.advance(seconds(1)).await;
    let query =
        "query Q($id: ID!) { node(id: $id) { ... on KnowledgeCard { caseCount cases { nodes { ticket { id } } } } } }";
    let found = agent.query(query, json!({ "id": id })).await;
    assert_eq!(found["node"], json!({ "caseCount": 1, "cases": { "nodes": [{ "ticket": { "id": ticket } }] } }));
    // And no second card is made for them.
    let all = agent.query("{ knowledgeCards { nodes { id } } }", json!({})).await;
    assert_eq!(all["knowledgeCards"]["nodes"], json!([{ "id": id }]));
    desk.close().await;
}
