//! Whoever must act is told, and open work waits for nobody who is gone.

use domain::kernel::{days, hours, seconds};
use tests::{Desk, Json, json};

/// Cause and recipient of the notifications about a ticket.
async fn notifications_of(desk: &Desk, id: &str) -> Vec<(String, String)> {
    let query = format!("{{ ticket(id: \"{id}\") {{ notifications {{ cause recipient {{ name }} }} }} }}");
    let found = desk.as_("admin").await.query(&query, json!({})).await["ticket"]["notifications"].clone();
    let text = |one: &Json, field: &Json| {
        assert!(field.is_string(), "{one}");
        field.as_str().unwrap().to_owned()
    };
    let all = found.as_array().unwrap().iter();
    all.map(|one| (text(one, &one["cause"]), text(one, &one["recipient"]["name"]))).collect()
}

fn has(told: &[(String, String)], cause: &str, who: &str) -> bool {
    told.iter().any(|(of, to)| of == cause && to == who)
}

async fn assigned_ticket(desk: &Desk) -> String {
    let id = desk.create_ticket("requester1", "停机", json!({ "issueType": "REPAIR" })).await;
    let input = json!({ "ticketId": id, "assigneeId": desk.id("agent1").to_string() });
    desk.as_("admin").await.mutate_ok("assignTicket", "__typename", input).await;
    id
}

#[tokio::test]
async fn a_missed_target_is_told_to_the_assignee_and_their_supervisor() {
    let desk = Desk::start().await;
    let id = assigned_ticket(&desk).await;
    desk.advance(hours(1)).await;
    let told = notifications_of(&desk, &id).await;
    assert!(has(&told, "SLA_BREACHED", "agent1") && has(&told, "SLA_BREACHED", "supervisor"), "{told:?}");
    desk.close().await;
}

#[tokio::test]
async fn a_ticket_that_nobody_can_take_reminds_further_up_each_day() {
    let desk = Desk::start().await;
    let id = assigned_ticket(&desk).await;
    desk.advance(hours(9)).await;
    let before = notifications_of(&desk, &id).await;
    assert!(has(&before, "ESCALATION_3", "supervisor"), "{before:?}");
    assert!(!has(&before, "ESCALATION_3", "admin"), "{before:?}");
    desk.advance(days(1)).await;
    let after = notifications_of(&desk, &id).await;
    assert!(has(&after, "ESCALATION_3", "admin"), "{after:?}");
    desk.advance(days(1)).await;
    let count = |told: &[(String, String)]| told.iter().filter(|(cause, _)| cause == "ESCALATION_3").count();
    assert!(count(&notifications_of(&desk, &id).await) > count(&after), "it does not lie in silence");
    desk.close().await;
}

#[tokio::test]
async fn accepted_work_of_somebody_who_is_absent_goes_to_somebody_who_is_there() {
    let desk = Desk::dispatching().await;
    for agent in ["agent1", "agent2"] {
        desk.as_(agent).await;
    }
    let id = assigned_ticket(&desk).await;
    desk.as_("agent1").await.mutate_ok("acceptTicket", "__typename", json!({ "ticketId": id })).await;
    desk.as_("agent1")
        .await
        .mutate_ok("createAbsence", "__typename", json!({ "userId": desk.id("agent1").to_string() }))
        .await;
    desk.advance(seconds(1)).await;
    let query = format!("{{ ticket(id: \"{id}\") {{ assignee {{ name }} }} }}");
    let ticket = desk.as_("admin").await.query(&query, json!({})).await["ticket"].clone();
    assert_eq!(ticket["assignee"]["name"], "agent2");
    let query = "{ notifications(first: 20) { nodes { cause body } } }";
    let inbox = desk.as_("supervisor").await.query(query, json!({})).await["notifications"]["nodes"].clone();
    let gone = inbox.as_array().unwrap().iter().find(|one| one["cause"] == "OWNER_GONE").expect("the list");
    assert!(gone["body"].as_str().unwrap().contains("#1 → agent2"), "{gone}");
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test]
async fn a_chosen_way_moves_a_message_but_no_alert() {
    let desk = Desk::start().await;
    let agent = desk.as_("agent1").await;
    let way = |cause: &str| json!({ "cause": cause, "way": "APP" });
    agent.mutate_ok("saveNotificationWay", "preference { ways { cause way } }", way("ASSIGNED")).await;
    assert_eq!(agent.refusal("saveNotificationWay", way("ESCALATION_2")).await, ("INVALID".into(), "cause".into()));
    let id = assigned_ticket(&desk).await;
    let query = format!("{{ ticket(id: \"{id}\") {{ notifications {{ cause channel state }} }} }}");
    let all = desk.as_("admin").await.query(&query, json!({})).await["ticket"]["notifications"].clone();
    let assigned = all.as_array().unwrap().iter().find(|one| one["cause"] == "ASSIGNED").unwrap().clone();
    assert_eq!((&assigned["channel"], &assigned["state"]), (&json!("WEB"), &json!("SENT")));
    desk.advance(seconds(1)).await;
    desk.close().await;
}
