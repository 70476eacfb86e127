//! Whoever gets a ticket gets its three cases; what they make of them is kept and learned from.

use domain::kernel::{days, seconds};
use domain::runtime::Ctx;
use sea_orm::{ConnectionTrait as _, Statement};
use tests::providers::{Post, Provider};
use tests::{Desk, Json, json};

const CASES: &str = "query Q($id: ID!) { ticket(id: $id) { similarCases { state score ticket { id number } } } }";

async fn cases(desk: &Desk, id: &str) -> Vec<Json> {
    let found = desk.as_("agent1").await.query(CASES, json!({ "id": id })).await;
    found["ticket"]["similarCases"].as_array().unwrap().clone()
}

fn of<'c>(cases: &'c [Json], id: &str) -> Option<&'c Json> {
    cases.iter().find(|case| case["ticket"]["id"] == id)
}

/// A ticket that agent1 gets.
async fn assigned(desk: &Desk, title: &str) -> String {
    let id = desk.ticket("admin", title, json!({})).await;
    let to = json!({ "ticketId": id, "assigneeId": desk.id("agent1").to_string() });
    desk.as_("admin").await.done("assignTicket", "__typename", to).await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn the_message_of_an_assignment_carries_the_cases() {
    let post = Post::start("").await;
    let url = post.url.clone();
    let desk = Desk::configured(|config| {
        config.channels.email.smtp_url = url.as_str().into();
        config.channels.email.from = "Buoy <buoy@desk.test>".into();
        config.notifications.public_url = "https://buoy.test".into();
    })
    .await;
    let english = json!({ "language": "ENGLISH" });
    desk.as_("agent1").await.done("saveNotificationPreference", "__typename", english).await;
    let case = desk.resolved("agent1", "E-721 on power-up", "Replace the power terminal", json!({})).await;
    desk.resolved("agent1", "paper jam in the printer", "clean the roller", json!({})).await;
    desk.advance(seconds(1)).await;
    desk.settle().await;
    let earlier = post.letters().len();
    let id = assigned(&desk, "E-721 again").await;
    desk.advance(seconds(1)).await;
    let letters = post.letters();
    let text = letters[earlier..].iter().find(|letter| letter.to == "agent1@desk.test").expect("a letter").text.clone();
    let number = cases(&desk, &id).await[0]["ticket"]["number"].clone();
    let text = text.replace("=\n", "");
    for said in
        [format!("#{number} "), "Replace the power terminal".to_owned(), format!("https://buoy.test/tickets/{number}")]
    {
        assert!(text.contains(&said), "{said}: {text}");
    }
    assert!(!text.contains("paper jam"), "what has nothing in common is no case: {text}");
    // In the app with one request; and what was shown is known.
    let told = "{ notifications(first: 1) { nodes { cause similarCases { ticket { id } state } } } }";
    let told = desk.as_("agent1").await.query(told, json!({})).await["notifications"]["nodes"][0].clone();
    assert_eq!((&told["cause"], &told["similarCases"][0]["ticket"]["id"]), (&json!("ASSIGNED"), &json!(case)));
    assert_eq!(told["similarCases"][0]["state"], "SHOWN");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_in_which_others_read_along_gets_no_cases() {
    let provider = Provider::start(|_| (200, json!({ "errcode": 0, "errmsg": "ok" }))).await;
    let address = provider.address.clone();
    let desk = Desk::configured(|config| {
        config.channels.dingtalk.base_url = address;
        config.channels.dingtalk.robot_token = "robot".into();
    })
    .await;
    let bound = json!({ "channel": "DINGTALK", "address": "13800000001", "primary": true });
    desk.as_("agent1").await.done("bindTerminal", "__typename", bound).await;
    desk.resolved("agent1", "E-721 on power-up", "Replace the power terminal", json!({})).await;
    desk.advance(seconds(1)).await;
    desk.settle().await;
    let id = assigned(&desk, "E-721 on power-up").await;
    desk.advance(seconds(1)).await;
    assert_eq!(cases(&desk, &id).await.len(), 1, "there is one");
    let told = provider.asked().last().unwrap().json()["text"]["content"].as_str().unwrap().to_owned();
    assert!(told.contains("E-721 on power-up") && !told.contains("power terminal"), "{told}");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dismissed_is_shown_for_the_ticket_no_more_and_sinks_for_others() {
    let desk = Desk::start().await;
    let (good, bad) = (
        desk.resolved("agent1", "E-721 上电报警", "更换电源端子", json!({})).await,
        desk.resolved("agent1", "E-721 上电报警", "重启", json!({})).await,
    );
    desk.settle().await;
    let id = assigned(&desk, "E-721 上电报警").await;
    desk.advance(seconds(1)).await;
    let shown = cases(&desk, &id).await;
    assert_eq!(of(&shown, &bad).unwrap()["state"], "SHOWN");
    let agent = desk.as_("agent1").await;
    agent.done("acceptTicket", "__typename", json!({ "ticketId": id })).await;
    let dismiss = json!({ "ticketId": id, "caseId": bad, "reason": "DOES_NOT_HELP" });
    for _ in 0..2 {
        agent.done("dismissSuggestion", "__typename", dismiss.clone()).await;
    }
    let kinds = "query Q($id: ID!) { ticket(id: $id) { events(last: 30) { nodes { kind } } } }";
    let kinds = agent.query(kinds, json!({ "id": id })).await["ticket"]["events"]["nodes"].clone();
    let dismissals = kinds.as_array().unwrap().iter().filter(|event| event["kind"] == "TicketSuggestionDismissed");
    assert_eq!(dismissals.count(), 1, "said twice, told once: {kinds:#?}");
    let left = cases(&desk, &id).await;
    assert!(of(&left, &bad).is_none() && of(&left, &good).is_some(), "{left:#?}");
    agent.done("citeSolution", "__typename", json!({ "ticketId": id, "caseId": good })).await;
    assert_eq!(of(&cases(&desk, &id).await, &good).unwrap()["state"], "CITED");
    let query = "query Q($id: ID!) { ticket(id: $id) { suggestions { state reason place ticket { id } } } }";
    let made_of = async |name: &str| desk.as_(name).await.query(query, json!({ "id": id })).await["ticket"].clone();
    let all = made_of("agent1").await["suggestions"].as_array().unwrap().clone();
    let dismissed = of(&all, &bad).unwrap();
    assert_eq!((&dismissed["state"], &dismissed["reason"]), (&json!("DISMISSED"), &json!("DOES_NOT_HELP")));
    assert_eq!(of(&all, &good).unwrap()["state"], "CITED");
    // For another ticket, the one that helped stands before the one that did not.
    let other = assigned(&desk, "E-721 上电报警").await;
    let found = cases(&desk, &other).await;
    let score = |id: &str| of(&found, id).unwrap()["score"].as_f64().unwrap();
    assert!(score(&bad) < score(&good), "{found:#?}");
    // Taken back, it is there again.
    agent.done("restoreSuggestion", "__typename", json!({ "ticketId": id, "caseId": bad })).await;
    assert_eq!(of(&cases(&desk, &id).await, &bad).unwrap()["state"], "SHOWN");
    for (input, code, field) in [
        (json!({ "ticketId": id, "caseId": id, "reason": "OTHER" }), "INVALID", "caseId"),
        (json!({ "ticketId": id, "caseId": desk.id("agent1").to_string(), "reason": "OTHER" }), "NOT_FOUND", "caseId"),
        (json!({ "ticketId": good, "caseId": bad, "reason": "OTHER" }), "", ""),
    ] {
        let answer = agent.mutate("dismissSuggestion", "__typename", input.clone()).await;
        let error = &answer["userErrors"][0];
        if code.is_empty() {
            assert!(error.is_null(), "{input}: {error}");
        } else {
            assert_eq!((&error["code"], &error["field"][0]), (&json!(code), &json!(field)), "{input}");
        }
    }
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_is_cited_counts_for_the_case_that_was_shown_of_it() {
    let desk = Desk::start().await;
    for i in 0..5 {
        desk.resolved("agent1", &format!("PM-3300 输出端子松动 {i}"), "紧固端子", json!({ "product": "PM-3300" }))
            .await;
    }
    desk.advance(seconds(1)).await;
    desk.settle().await;
    let id = assigned(&desk, "PM-3300 输出端子松动").await;
    desk.advance(seconds(1)).await;
    let agent = desk.as_("agent1").await;
    agent.done("acceptTicket", "__typename", json!({ "ticketId": id })).await;
    let found = agent.query("{ knowledgeCards { nodes { id } } }", json!({})).await;
    let card = &found["knowledgeCards"]["nodes"][0]["id"];
    agent.done("citeSolution", "__typename", json!({ "ticketId": id, "cardId": card })).await;
    assert_eq!(cases(&desk, &id).await[0]["state"], "CITED");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn once_a_day_the_order_learns_from_what_was_cited() {
    let desk = Desk::start().await;
    let lessons = async || {
        let conn = desk.app.db.read();
        let select = "select questions, before, after, used from ranking";
        let rows = conn.query_all_raw(Statement::from_string(conn.get_database_backend(), select)).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index::<i32>(0).unwrap()).collect::<Vec<_>>()
    };
    let case = desk.resolved("agent1", "X-100 报警", "复位", json!({})).await;
    desk.advance(days(1)).await;
    assert_eq!(lessons().await, Vec::<i32>::new(), "nobody has cited anything");
    desk.settle().await;
    let (admin, agent) = (desk.as_("admin").await, desk.as_("agent1").await);
    for n in 0..30 {
        let title = format!("X-100 又报警 {n}");
        let input = json!({ "title": title, "description": title });
        let made = admin.done("createTicket", "ticket { id }", input).await;
        let id = &made["ticket"]["id"];
        let to = json!({ "ticketId": id, "assigneeId": desk.id("agent1").to_string() });
        admin.done("assignTicket", "__typename", to).await;
        agent.done("acceptTicket", "__typename", json!({ "ticketId": id })).await;
        agent.done("citeSolution", "__typename", json!({ "ticketId": id, "caseId": case })).await;
    }
    desk.settle().await;
    desk.advance(days(1)).await;
    assert_eq!(lessons().await, [30]);
    // What stood first already cannot come before it: nothing is changed for nothing.
    assert_eq!(domain::recommend::queries::weights(&Ctx::system(&desk.app)).await.unwrap(), search::Weights::CHOSEN);
    desk.close().await;
}
