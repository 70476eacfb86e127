//! Suggestions: an assignee gets three similar cases, and the feedback changes the ranking.

use domain::kernel::{days, seconds};
use domain::notifications;
use domain::runtime::Ctx;
use sea_orm::{ConnectionTrait as _, Statement};
use tests::providers::{MailServer, Provider};
use tests::{Desk, Json, json};

const CASES: &str = "query Q($id: ID!) { ticket(id: $id) { similarCases { state score ticket { id number } } } }";

async fn cases(desk: &Desk, id: &str) -> Vec<Json> {
    let found = desk.as_("agent1").await.query(CASES, json!({ "id": id })).await;
    found["ticket"]["similarCases"].as_array().unwrap().clone()
}

fn of<'c>(cases: &'c [Json], id: &str) -> Option<&'c Json> {
    cases.iter().find(|case| case["ticket"]["id"] == id)
}

/// A ticket that is assigned to agent1.
async fn assigned_ticket(desk: &Desk, title: &str) -> String {
    let id = desk.create_ticket("admin", title, json!({})).await;
    let to = json!({ "ticketId": id, "assigneeId": desk.id("agent1").to_string() });
    desk.as_("admin").await.mutate_ok("assignTicket", "__typename", to).await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assignment_message_contains_similar_cases() {
    let post = MailServer::start("").await;
    let url = post.url.clone();
    let desk = Desk::configured(|config| {
        config.channels.email.smtp_url = url.as_str().into();
        config.channels.email.from = "Buoy <buoy@desk.test>".into();
        config.settings_mut::<notifications::model::Settings>().public_url = "https://buoy.test".into();
    })
    .await;
    let english = json!({ "language": "ENGLISH" });
    desk.as_("agent1").await.mutate_ok("saveNotificationPreference", "__typename", english).await;
    let case =
        desk.create_resolved_ticket("agent1", "E-721 on power-up", "Replace the power terminal", json!({})).await;
    desk.create_resolved_ticket("agent1", "paper jam in the printer", "clean the roller", json!({})).await;
    desk.advance(seconds(1)).await;
    desk.wait_for_followers().await;
    let earlier = post.mails().len();
    let id = assigned_ticket(&desk, "E-721 again").await;
    desk.advance(seconds(1)).await;
    let mails = post.mails();
    let text = mails[earlier..].iter().find(|mail| mail.to == "agent1@desk.test").expect("a mail").text.clone();
    let number = cases(&desk, &id).await[0]["ticket"]["number"].clone();
    let text = text.replace("=\n", "");
    for text_part in
        [format!("#{number} "), "Replace the power terminal".to_owned(), format!("https://buoy.test/tickets/{number}")]
    {
        assert!(text.contains(&text_part), "{text_part}: {text}");
    }
    assert!(!text.contains("paper jam"), "an unrelated ticket is no case: {text}");
    // The app gets the cases with the notification, marked as shown.
    let message = "{ notifications(first: 1) { nodes { cause similarCases { ticket { id } state } } } }";
    let message = desk.as_("agent1").await.query(message, json!({})).await["notifications"]["nodes"][0].clone();
    assert_eq!((&message["cause"], &message["similarCases"][0]["ticket"]["id"]), (&json!("ASSIGNED"), &json!(case)));
    assert_eq!(message["similarCases"][0]["state"], "SHOWN");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_chat_message_contains_no_cases() {
    let provider = Provider::start(|_| (200, json!({ "errcode": 0, "errmsg": "ok" }))).await;
    let address = provider.address.clone();
    let desk = Desk::configured(|config| {
        config.channels.dingtalk.base_url = address;
        config.channels.dingtalk.robot_token = "robot".into();
    })
    .await;
    desk.bind_address("agent1", "DINGTALK", "13800000001", true).await;
    desk.create_resolved_ticket("agent1", "E-721 on power-up", "Replace the power terminal", json!({})).await;
    desk.advance(seconds(1)).await;
    desk.wait_for_followers().await;
    let id = assigned_ticket(&desk, "E-721 on power-up").await;
    desk.advance(seconds(1)).await;
    assert_eq!(cases(&desk, &id).await.len(), 1, "there is one");
    let message = provider.requests().last().unwrap().json()["text"]["content"].as_str().unwrap().to_owned();
    assert!(message.contains("E-721 on power-up") && !message.contains("power terminal"), "{message}");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dismissed_case_is_hidden_for_its_ticket_and_ranked_lower_elsewhere() {
    let desk = Desk::start().await;
    let (good, bad) = (
        desk.create_resolved_ticket("agent1", "E-721 上电报警", "更换电源端子", json!({})).await,
        desk.create_resolved_ticket("agent1", "E-721 上电报警", "重启", json!({})).await,
    );
    desk.wait_for_followers().await;
    let id = assigned_ticket(&desk, "E-721 上电报警").await;
    desk.advance(seconds(1)).await;
    let shown = cases(&desk, &id).await;
    assert_eq!(of(&shown, &bad).unwrap()["state"], "SHOWN");
    let agent = desk.as_("agent1").await;
    agent.mutate_ok("acceptTicket", "__typename", json!({ "ticketId": id })).await;
    let dismiss = json!({ "ticketId": id, "caseId": bad, "reason": "DOES_NOT_HELP" });
    for _ in 0..2 {
        agent.mutate_ok("dismissSuggestion", "__typename", dismiss.clone()).await;
    }
    let kinds = "query Q($id: ID!) { ticket(id: $id) { events(last: 30) { nodes { kind } } } }";
    let kinds = agent.query(kinds, json!({ "id": id })).await["ticket"]["events"]["nodes"].clone();
    let dismissals = kinds.as_array().unwrap().iter().filter(|event| event["kind"] == "TicketSuggestionDismissed");
    assert_eq!(dismissals.count(), 1, "a repeated dismissal records one event: {kinds:#?}");
    let left = cases(&desk, &id).await;
    assert!(of(&left, &bad).is_none() && of(&left, &good).is_some(), "{left:#?}");
    agent.mutate_ok("citeSolution", "__typename", json!({ "ticketId": id, "caseId": good })).await;
    assert_eq!(of(&cases(&desk, &id).await, &good).unwrap()["state"], "CITED");
    let query = "query Q($id: ID!) { ticket(id: $id) { suggestions { state reason rank ticket { id } } } }";
    let made_of = async |name: &str| desk.as_(name).await.query(query, json!({ "id": id })).await["ticket"].clone();
    let all = made_of("agent1").await["suggestions"].as_array().unwrap().clone();
    let dismissed = of(&all, &bad).unwrap();
    assert_eq!((&dismissed["state"], &dismissed["reason"]), (&json!("DISMISSED"), &json!("DOES_NOT_HELP")));
    assert_eq!(of(&all, &good).unwrap()["state"], "CITED");
    // For another ticket, the case that helped ranks above the one that did not.
    let other = assigned_ticket(&desk, "E-721 上电报警").await;
    let found = cases(&desk, &other).await;
    let score = |id: &str| of(&found, id).unwrap()["score"].as_f64().unwrap();
    assert!(score(&bad) < score(&good), "{found:#?}");
    // An undone dismissal shows the case again.
    agent.mutate_ok("restoreSuggestion", "__typename", json!({ "ticketId": id, "caseId": bad })).await;
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
async fn citing_a_card_counts_for_its_suggested_case() {
    let desk = Desk::start().await;
    for i in 0..5 {
        desk.create_resolved_ticket(
            "agent1",
            &format!("PM-3300 输出端子松动 {i}"),
            "紧固端子",
            json!({ "product": "PM-3300" }),
        )
        .await;
    }
    desk.advance(seconds(1)).await;
    desk.wait_for_followers().await;
    let id = assigned_ticket(&desk, "PM-3300 输出端子松动").await;
    desk.advance(seconds(1)).await;
    let agent = desk.as_("agent1").await;
    agent.mutate_ok("acceptTicket", "__typename", json!({ "ticketId": id })).await;
    let found = agent.query("{ knowledgeCards { nodes { id } } }", json!({})).await;
    let card = &found["knowledgeCards"]["nodes"][0]["id"];
    agent.mutate_ok("citeSolution", "__typename", json!({ "ticketId": id, "cardId": card })).await;
    assert_eq!(cases(&desk, &id).await[0]["state"], "CITED");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ranking_weights_are_learned_daily_from_citations() {
    let desk = Desk::start().await;
    let fits = async || {
        let conn = desk.app.db.read();
        let select = "select questions, before, after, used from ranking";
        let rows = conn.query_all_raw(Statement::from_string(conn.get_database_backend(), select)).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index::<i32>(0).unwrap()).collect::<Vec<_>>()
    };
    let case = desk.create_resolved_ticket("agent1", "X-100 报警", "复位", json!({})).await;
    desk.advance(days(1)).await;
    assert_eq!(fits().await, Vec::<i32>::new(), "no citation yet");
    desk.wait_for_followers().await;
    let (admin, agent) = (desk.as_("admin").await, desk.as_("agent1").await);
    for n in 0..30 {
        let title = format!("X-100 又报警 {n}");
        let input = json!({ "title": title, "description": title });
        let made = admin.mutate_ok("createTicket", "ticket { id }", input).await;
        let id = &made["ticket"]["id"];
        let to = json!({ "ticketId": id, "assigneeId": desk.id("agent1").to_string() });
        admin.mutate_ok("assignTicket", "__typename", to).await;
        agent.mutate_ok("acceptTicket", "__typename", json!({ "ticketId": id })).await;
        agent.mutate_ok("citeSolution", "__typename", json!({ "ticketId": id, "caseId": case })).await;
    }
    desk.wait_for_followers().await;
    desk.advance(days(1)).await;
    assert_eq!(fits().await, [30]);
    // Without a measured gain the weights stay.
    assert_eq!(domain::recommend::queries::weights(&Ctx::system(&desk.app)).await.unwrap(), search::Weights::DEFAULT);
    desk.close().await;
}
