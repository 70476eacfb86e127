//! Dispatch, SLA clocks, escalation and notifications through the API, with a manual clock.

use domain::auth::commands::open_session;
use domain::kernel::{hours, minutes, seconds};
use domain::runtime::Ctx;
use tests::socket::Socket;
use tests::{Client, Desk, Json, attribution, json};

/// Reads fields of a ticket as an administrator, with a new session because the clock may have moved.
async fn ticket_fields(desk: &Desk, id: &str, fields: &str) -> Json {
    desk.as_("admin").await.query(&format!("{{ ticket(id: \"{id}\") {{ {fields} }} }}"), json!({})).await["ticket"]
        .clone()
}

/// Executes a mutation as a user with a new session.
async fn mutate_as(desk: &Desk, name: &str, mutation: &str, input: Json) {
    desk.as_(name).await.mutate_ok(mutation, "__typename", input).await;
}

/// Binds contact methods and gives agent1 and agent2 the skill electrics, agent1 at a higher level.
async fn set_up_team(desk: &Desk) -> Client {
    let admin = desk.as_("admin").await;
    let supervisor = desk.id("supervisor").to_string();
    for (name, level) in [("agent1", 5), ("agent2", 2)] {
        let id = desk.id(name).to_string();
        admin.mutate_ok("updateUser", "__typename", json!({ "userId": id, "supervisorId": supervisor })).await;
        let skills = json!([{ "skill": "electrics", "level": level }]);
        admin.mutate_ok("saveAgentProfile", "__typename", json!({ "userId": id, "skillLevels": skills })).await;
        desk.bind_address(name, "WECOM", name, false).await;
    }
    desk.bind_address("supervisor", "SMS", "13800000000", false).await;
    admin
}

/// Without any sender, agents are reachable while they have a session.
async fn sign_in_team(desk: &Desk) {
    for name in ["agent1", "agent2", "agent3"] {
        desk.as_(name).await;
    }
}

const SLA_CLOCKS: &str =
    "slaClocks { metric state dueAt elapsedSeconds remainingSeconds breachedAt timeline { kind } }";

#[tokio::test]
async fn sla_clocks_run_pause_and_report_breaches() {
    let desk = Desk::start().await;
    let admin = desk.as_("admin").await;
    let id = desk.create_ticket("requester1", "屏幕不亮", json!({ "issueType": "REPAIR" })).await;
    let fresh = ticket_fields(&desk, &id, SLA_CLOCKS).await["slaClocks"].clone();
    assert_eq!(fresh[0]["metric"], "FIRST_RESPONSE");
    assert_eq!((&fresh[0]["state"], &fresh[0]["remainingSeconds"]), (&json!("RUNNING"), &json!(900)));
    assert_eq!((&fresh[1]["metric"], &fresh[1]["remainingSeconds"]), (&json!("RESOLUTION"), &json!(4 * 3_600)));

    let mut board = Socket::open(&admin).await;
    board.subscribe("1", "subscription { boardEvents { kind ticketId } }", json!({})).await;
    board.wait_until_processed().await;
    // At 80 % one notification is sent; at the target every reader sees a breach.
    desk.advance(minutes(12)).await;
    assert_eq!(board.event().await["boardEvents"]["kind"], "SLA_RISK");
    // A socket closes when its token expires.
    let mut board = Socket::open(&desk.as_("admin").await).await;
    board.subscribe("2", "subscription { boardEvents { kind ticketId } }", json!({})).await;
    board.wait_until_processed().await;
    desk.advance(minutes(3)).await;
    assert_eq!(board.event().await["boardEvents"]["kind"], "SLA_BREACHED");
    let breached = ticket_fields(&desk, &id, SLA_CLOCKS).await["slaClocks"][0].clone();
    assert_eq!((&breached["state"], &breached["breachedAt"]), (&json!("BREACHED"), &fresh[0]["dueAt"]));
    let kinds: Vec<&str> =
        breached["timeline"].as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["STARTED", "RISK_TOLD", "BREACHED", "BREACH_TOLD"]);

    mutate_as(&desk, "agent1", "acceptTicket", json!({ "ticketId": id })).await;
    desk.advance(minutes(45)).await;
    mutate_as(&desk, "agent1", "setWaiting", json!({ "ticketId": id, "reason": "等客户" })).await;
    desk.advance(hours(30)).await;
    let paused = ticket_fields(&desk, &id, SLA_CLOCKS).await["slaClocks"][1].clone();
    assert_eq!(
        (&paused["state"], &paused["elapsedSeconds"], &paused["dueAt"]),
        (&json!("PAUSED"), &json!(3_600), &json!(null))
    );
    mutate_as(&desk, "agent1", "resumeTicket", json!({ "ticketId": id })).await;
    desk.advance(hours(2)).await;
    mutate_as(&desk, "agent1", "resolveTicket", json!({ "ticketId": id, "attribution": attribution("换屏") })).await;
    desk.advance(hours(9)).await;
    let met = ticket_fields(&desk, &id, SLA_CLOCKS).await["slaClocks"][1].clone();
    assert_eq!(
        (&met["state"], &met["elapsedSeconds"], &met["remainingSeconds"]),
        (&json!("MET"), &json!(3 * 3_600), &json!(null))
    );
    desk.close().await;
}

#[tokio::test]
async fn a_policy_edit_affects_new_clocks_only_and_a_priority_change_recalculates() {
    let desk = Desk::start().await;
    let admin = desk.as_("admin").await;
    let old = desk.create_ticket("requester1", "old", json!({})).await;
    let policy = json!({ "key": "DEFAULT", "name": "Default", "firstResponseSeconds": 60, "resolutionSeconds": 600, "calendarKey": "24x7" });
    let saved = admin.mutate_ok("saveSlaPolicy", "policy { version }", policy).await;
    assert_eq!(saved["policy"]["version"], 2);
    let urgent = json!({
        "key": "URGENT", "name": "Urgent", "priorities": ["URGENT"], "firstResponseSeconds": 300, "resolutionSeconds": 1800,
        "calendarKey": "24x7",
    });
    admin.mutate_ok("saveSlaPolicy", "policy { key }", urgent).await;
    let new = desk.create_ticket("requester1", "new", json!({})).await;
    let left = async |id: &str| ticket_fields(&desk, id, SLA_CLOCKS).await["slaClocks"][1]["remainingSeconds"].clone();
    assert_eq!((left(&old).await, left(&new).await), (json!(4 * 3_600), json!(600)));
    desk.advance(minutes(10)).await;
    // Recalculated from the same start, by the policy of the new priority.
    admin.mutate_ok("updateTicket", "__typename", json!({ "ticketId": old, "priority": "URGENT" })).await;
    assert_eq!(left(&old).await, json!(1_200));
    let next = admin
        .query(
            "{ upcomingBreaches(first: 10) { nodes { ticket { title } clock { metric dueAt policy } } } }",
            json!({}),
        )
        .await;
    let titles: Vec<_> = next["upcomingBreaches"]["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n["ticket"]["title"].as_str().unwrap())
        .collect();
    assert_eq!(titles, ["new", "old", "new", "old"], "ordered by due time: {next}");
    close(desk).await;
}

#[tokio::test]
async fn a_ticket_is_dispatched_with_a_trace() {
    let desk = Desk::dispatching().await;
    set_up_team(&desk).await;
    sign_in_team(&desk).await;
    let more = json!({ "issueType": "REPAIR", "requiredSkills": ["electrics"] });
    let id = desk.create_ticket("requester1", "断电", more.clone()).await;
    desk.advance(seconds(0)).await;
    let trace = "status assignee { name } assignmentTrace { chosen { name } candidates { user { name } eligible excludedBecause score parts { name value } } }";
    let ticket = ticket_fields(&desk, &id, trace).await;
    assert_eq!((&ticket["status"], &ticket["assignee"]["name"]), (&json!("ASSIGNED"), &json!("agent1")));
    let candidates = ticket["assignmentTrace"]["candidates"].as_array().unwrap();
    assert_eq!(candidates[0]["user"]["name"], "agent1");
    assert_eq!(candidates[0]["score"], 10.0);
    assert_eq!(candidates[1]["score"], 4.0);
    // During an absence another agent gets the unaccepted and the new tickets.
    let agent1 = desk.as_("agent1").await;
    let absence = agent1.mutate_ok("createAbsence", "absenceId", json!({})).await["absenceId"].clone();
    desk.advance(seconds(0)).await;
    let moved = ticket_fields(&desk, &id, trace).await;
    assert_eq!(moved["assignee"]["name"], "agent2");
    assert_eq!(moved["assignmentTrace"]["candidates"][1]["excludedBecause"], "already had this ticket");
    // Without an eligible agent the ticket waits in the queue, and the supervisor is notified.
    let agent2 = desk.as_("agent2").await;
    agent2.mutate_ok("createAbsence", "absenceId", json!({})).await;
    let queued = desk.create_ticket("requester1", "又断电", more).await;
    desk.advance(seconds(0)).await;
    let waits = ticket_fields(
        &desk,
        &queued,
        "status notifications { cause recipient { name } state } unseenVerdict { reason }",
    )
    .await;
    assert_eq!(waits["status"], "NEW");
    assert_eq!(waits["notifications"][0]["cause"], "TEAM_QUEUE");
    assert_eq!(waits["notifications"][0]["recipient"]["name"], "supervisor");
    assert_eq!(waits["unseenVerdict"]["reason"], "NOBODY_ASSIGNED");
    // When an agent is available again, the queue drains.
    agent1.mutate_ok("endAbsence", "absenceId", json!({ "absenceId": absence })).await;
    desk.advance(seconds(0)).await;
    assert_eq!(ticket_fields(&desk, &queued, trace).await["assignee"]["name"], "agent1");
    close(desk).await;
}

#[tokio::test]
async fn a_delegate_replaces_the_absent_user_in_dispatch_and_escalation() {
    let desk = Desk::dispatching().await;
    let admin = set_up_team(&desk).await;
    sign_in_team(&desk).await;
    // agent3 of another team is agent1's delegate from 9 to 10 every day.
    let (agent1, agent3) = (desk.id("agent1").to_string(), desk.id("agent3").to_string());
    let skills = json!([{ "skill": "electrics", "level": 4 }]);
    admin.mutate_ok("saveAgentProfile", "__typename", json!({ "userId": agent3, "skillLevels": skills })).await;
    desk.bind_address("agent3", "WECOM", "agent3", false).await;
    let period = json!({ "from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00Z" });
    let delegation = json!({
        "fromAgentId": agent1, "toAgentId": agent3, "period": period, "fromMinute": 9 * 60, "toMinute": 10 * 60,
    });
    admin.mutate_ok("createDelegation", "delegation { toAgent { name } }", delegation.clone()).await;
    let (code, _) = admin.refusal("createDelegation", delegation).await;
    assert_eq!(code, "ALREADY_EXISTS");
    let more = json!({ "issueType": "REPAIR", "requiredSkills": ["electrics"] });
    // 09:00 in Shanghai.
    let noon = desk.create_ticket("requester1", "noon", more.clone()).await;
    desk.advance(seconds(0)).await;
    assert_eq!(ticket_fields(&desk, &noon, "assignee { name }").await["assignee"]["name"], "agent3");
    desk.advance(hours(1)).await;
    let later = desk.create_ticket("requester1", "later", more).await;
    desk.advance(seconds(0)).await;
    assert_eq!(ticket_fields(&desk, &later, "assignee { name }").await["assignee"]["name"], "agent1");
    // The supervisor's delegate is notified of level 2 instead.
    let period = json!({ "from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00Z" });
    let (supervisor, agent2) = (desk.id("supervisor").to_string(), desk.id("agent2").to_string());
    let delegation = json!({
        "fromAgentId": supervisor, "toAgentId": agent2, "period": period, "fromMinute": 0, "toMinute": 24 * 60,
    });
    desk.as_("admin").await.mutate_ok("createDelegation", "__typename", delegation).await;
    desk.advance(hours(4)).await;
    let notified =
        ticket_fields(&desk, &later, "notifications { cause recipient { name } }").await["notifications"].clone();
    let second = notified.as_array().unwrap().iter().filter(|notified| notified["cause"] == "ESCALATION_2");
    let mut names: Vec<&str> = second.map(|notified| notified["recipient"]["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["agent1", "agent2"], "{notified}");
    close(desk).await;
}

const LEVELS: &str = "assignee { name } escalations { epoch level state firedAt }";

fn levels(ticket: &Json) -> Vec<(i64, i64, &str)> {
    let all = ticket["escalations"].as_array().unwrap().iter();
    all.map(|e| (e["epoch"].as_i64().unwrap(), e["level"].as_i64().unwrap(), e["state"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn each_level_fires_once_and_level_three_reassigns() {
    let desk = Desk::dispatching().await;
    set_up_team(&desk).await;
    sign_in_team(&desk).await;
    let more = json!({ "issueType": "REPAIR", "requiredSkills": ["electrics"] });
    let id = desk.create_ticket("requester1", "停机", more).await;
    desk.advance(seconds(0)).await;
    assert_eq!(
        levels(&ticket_fields(&desk, &id, LEVELS).await),
        [(1, 1, "PLANNED"), (1, 2, "PLANNED"), (1, 3, "PLANNED")]
    );
    desk.advance(hours(2)).await;
    assert_eq!(levels(&ticket_fields(&desk, &id, LEVELS).await)[0], (1, 1, "FIRED"));
    desk.advance(hours(2)).await;
    let second = ticket_fields(&desk, &id, "notifications { cause recipient { name } }").await;
    let notified = |cause: &str| {
        let all = second["notifications"].as_array().unwrap().iter().filter(|n| n["cause"] == cause);
        let mut names: Vec<_> = all.map(|n| n["recipient"]["name"].as_str().unwrap().to_owned()).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(
        (notified("ESCALATION_1"), notified("ESCALATION_2")),
        (vec!["agent1".to_owned()], vec!["agent1".to_owned(), "supervisor".to_owned()])
    );
    desk.advance(hours(4)).await;
    let moved = ticket_fields(&desk, &id, LEVELS).await;
    assert_eq!(moved["assignee"]["name"], "agent2", "never back to the agent who did not respond");
    assert_eq!(
        levels(&moved),
        [(1, 1, "FIRED"), (1, 2, "FIRED"), (1, 3, "FIRED"), (2, 1, "PLANNED"), (2, 2, "PLANNED"), (2, 3, "PLANNED")]
    );
    // After downtime only the highest level fires. Without another agent the owner stays, and level 3 retries.
    desk.clock.advance(hours(20));
    desk.advance(seconds(0)).await;
    let stays = ticket_fields(&desk, &id, LEVELS).await;
    assert_eq!(stays["assignee"]["name"], "agent2");
    assert_eq!(levels(&stays)[3..], [(2, 1, "SKIPPED"), (2, 2, "SKIPPED"), (2, 3, "FIRED")]);
    // An eligible agent becomes available.
    let agent4 = json!({
        "email": "agent4@desk.test", "name": "agent4", "roles": ["AGENT"], "teamKeys": ["FIELD"], "skills": ["electrics"],
    });
    let admin = desk.as_("admin").await;
    let agent4 = admin.mutate_ok("createUser", "user { id }", agent4).await["user"]["id"].clone();
    let mut tx = Ctx::system(&desk.app).begin().await.unwrap();
    open_session(&mut tx, agent4.as_str().unwrap().parse().unwrap()).await.unwrap();
    tx.commit().await.unwrap();
    desk.advance(seconds(0)).await;
    let found = ticket_fields(&desk, &id, LEVELS).await;
    assert_eq!(found["assignee"]["name"], "agent4");
    assert_eq!(levels(&found)[6..], [(3, 1, "PLANNED"), (3, 2, "PLANNED"), (3, 3, "PLANNED")]);
    close(desk).await;
}

#[tokio::test]
async fn a_response_stops_the_levels_and_a_hand_over_restarts_them() {
    let desk = Desk::start().await;
    let id = desk.create_ticket("requester1", "x", json!({ "issueType": "REPAIR" })).await;
    desk.advance(minutes(30)).await;
    let assign = async |to: &str| {
        mutate_as(&desk, "admin", "assignTicket", json!({ "ticketId": id, "assigneeId": desk.id(to).to_string() }))
            .await;
    };
    // An assignment before the first level restarts the levels in the same epoch.
    assign("agent1").await;
    desk.advance(minutes(119)).await;
    assert_eq!(levels(&ticket_fields(&desk, &id, LEVELS).await)[0], (1, 1, "PLANNED"));
    // Opening a ticket is no response, accepting it is.
    mutate_as(&desk, "agent1", "openTicket", json!({ "ticketId": id })).await;
    mutate_as(&desk, "agent1", "acceptTicket", json!({ "ticketId": id })).await;
    desk.advance(hours(10)).await;
    let stopped = [(1, 1, "STOPPED"), (1, 2, "STOPPED"), (1, 3, "STOPPED")];
    assert_eq!(levels(&ticket_fields(&desk, &id, LEVELS).await), stopped);
    assign("agent2").await;
    desk.advance(hours(2)).await;
    assert_eq!(
        levels(&ticket_fields(&desk, &id, LEVELS).await)[3..],
        [(2, 1, "FIRED"), (2, 2, "PLANNED"), (2, 3, "PLANNED")]
    );
    desk.as_("agent2").await.mutate_ok("acceptTicket", "__typename", json!({ "ticketId": id })).await;
    desk.close().await;
}

#[tokio::test]
async fn a_policy_without_recipients_is_rejected_and_a_simulation_names_who_is_missing() {
    // No message is sent here; the test checks the recipients only.
    let desk = Desk::configured(|config| {
        config.channels.wecom.robot_key = "robot".into();
        config.channels.sms.provider = adapters::SmsProvider::Http;
        config.channels.sms.url = "http://127.0.0.1:9".into();
    })
    .await;
    let admin = desk.as_("admin").await;
    let save = async |levels: Json| {
        let input = json!({ "priority": "HIGH", "clock": "AROUND_THE_CLOCK", "levels": levels });
        admin
            .mutate("saveEscalationPolicy", "policy { version levels { level } } userErrors { code field }", input)
            .await
    };
    let level =
        |level: i32, channels: &[&str]| json!({ "level": level, "afterSeconds": 600 * level, "channels": channels });
    for (levels, code) in [
        (json!([level(1, &[])]), "POLICY_REACHES_NOBODY"),
        (json!([]), "POLICY_REACHES_NOBODY"),
        (json!([level(1, &["WECOM"])]), "POLICY_REACHES_NOBODY"),
        (json!([level(1, &["WEB"]), level(2, &["WEB"])]), "POLICY_REACHES_NOBODY"),
        (json!([level(1, &["WEB_PUSH"])]), "POLICY_REACHES_NOBODY"),
        (json!([level(4, &["EMAIL"])]), "INVALID"),
    ] {
        desk.as_("agent1").await;
        let refused = save(levels.clone()).await;
        assert_eq!(refused["userErrors"][0]["code"], code, "{levels}: {refused}");
        assert_eq!(refused["policy"], Json::Null);
    }
    set_up_team(&desk).await;
    // A contact method is unreachable without a configured channel.
    desk.bind_address("supervisor", "FEISHU", "ou_supervisor", false).await;
    let refused = save(json!([level(1, &["WECOM"]), level(2, &["FEISHU"])])).await;
    assert_eq!(refused["userErrors"][0]["code"], "POLICY_REACHES_NOBODY", "{refused}");
    let saved = save(json!([level(1, &["WEB", "WECOM"]), level(2, &["SMS"]), level(3, &["SMS"])])).await;
    assert_eq!((&saved["userErrors"], &saved["policy"]["version"]), (&json!([]), &json!(2)), "{saved}");
    let levels =
        "[{ level: 1, afterSeconds: 60, channels: [WECOM] }, { level: 2, afterSeconds: 120, channels: [FEISHU] }]";
    let rehearsed = admin
        .query(
            &format!(
                "{{ simulateEscalationPolicy(input: {{ levels: {levels} }}) {{ levels {{ level reachableCount recipientCount }} findings {{ kind level user {{ name }} skill }} }} }}"
            ),
            json!({}),
        )
        .await["simulateEscalationPolicy"]
        .clone();
    assert_eq!(
        rehearsed["levels"],
        json!([{ "level": 1, "reachableCount": 2, "recipientCount": 3 }, { "level": 2, "reachableCount": 0, "recipientCount": 2 }])
    );
    let kinds: Vec<_> = rehearsed["findings"].as_array().unwrap().iter().map(|f| f["kind"].as_str().unwrap()).collect();
    assert!(
        kinds.contains(&"EMPTY_LEVEL") && kinds.contains(&"UNREACHABLE_PERSON") && kinds.contains(&"NO_SENDER"),
        "{rehearsed}"
    );
    desk.close().await;
}

#[tokio::test]
async fn a_ticket_unopened_for_two_days_is_marked() {
    let desk = Desk::start().await;
    let sunk = desk.create_ticket("requester1", "sunk", json!({})).await;
    let seen = desk.create_ticket("requester1", "seen", json!({ "issueType": "REPAIR" })).await;
    desk.as_("agent1").await.mutate_ok("openTicket", "__typename", json!({ "ticketId": seen })).await;
    desk.advance(hours(48)).await;
    assert_ne!(ticket_fields(&desk, &sunk, "noResponseMarkedAt").await["noResponseMarkedAt"], Json::Null);
    assert_eq!(ticket_fields(&desk, &seen, "noResponseMarkedAt").await["noResponseMarkedAt"], Json::Null);
    desk.close().await;
}

#[tokio::test]
async fn the_unseen_verdict_gives_evidence_of_delivery() {
    let desk = Desk::start().await;
    let admin = desk.as_("admin").await;
    let agent = desk.as_("agent1").await;
    let verdict = "unseenVerdict { reason message evidence { state failure } }";
    let assigned = async |title: &str| {
        let id = desk.create_ticket("requester1", title, json!({ "issueType": "REPAIR" })).await;
        let input = json!({ "ticketId": id, "assigneeId": desk.id("agent1").to_string() });
        admin.mutate_ok("assignTicket", "__typename", input).await;
        id
    };
    // No route of the user has a sender.
    let never = assigned("never").await;
    let verdict_text = ticket_fields(&desk, &never, verdict).await["unseenVerdict"].clone();
    assert_eq!(
        (&verdict_text["reason"], &verdict_text["evidence"][0]["state"]),
        (&json!("NEVER_SENT"), &json!("FAILED"))
    );
    assert!(verdict_text["message"].as_str().unwrap().contains("agent1 was not notified"), "{verdict_text}");

    // With an open page: a written message is SENT, an acknowledged one DELIVERED, an opened one OPENED.
    let mut page = Socket::open(&agent).await;
    page.subscribe("1", "subscription { myNotifications { id cause title ticket { title } } }", json!({})).await;
    let mut float = Socket::open(&agent).await;
    float
        .subscribe(
            "2",
            "subscription { myTodo { unread count longestWaitSeconds tickets(first: 1) { title } } }",
            json!({}),
        )
        .await;
    assert_eq!(float.event().await["myTodo"]["unread"], 1);
    // The page counts as open once its subscription is registered.
    wait_for_page(&desk).await;
    desk.clock.advance(minutes(1));
    let notified = assigned("told").await;
    let delivered = page.event().await["myNotifications"].clone();
    assert_eq!((&delivered["cause"], &delivered["ticket"]["title"]), (&json!("ASSIGNED"), &json!("told")));
    let todo = float.event().await["myTodo"].clone();
    assert_eq!(
        (&todo["unread"], &todo["longestWaitSeconds"], &todo["tickets"][0]["title"]),
        (&json!(2), &json!(60), &json!("never"))
    );
    let reason = async || ticket_fields(&desk, &notified, verdict).await["unseenVerdict"]["reason"].clone();
    assert_eq!(reason().await, "NOT_DELIVERED");
    let id = delivered["id"].clone();
    agent.mutate_ok("acknowledgeNotification", "notification { state }", json!({ "notificationId": id })).await;
    assert_eq!(reason().await, "NOT_OPENED");
    mutate_as(&desk, "agent1", "openTicket", json!({ "ticketId": notified })).await;
    assert_eq!(reason().await, "OPENED_AND_LEFT");
    assert_eq!(float.event().await["myTodo"]["unread"], 1);
    mutate_as(&desk, "agent1", "acceptTicket", json!({ "ticketId": notified })).await;
    assert_eq!(ticket_fields(&desk, &notified, verdict).await["unseenVerdict"], Json::Null);
    // A reconnecting client gets the missed notifications once, in order.
    drop(page);
    let missed = assigned("missed").await;
    let mut again = Socket::open(&agent).await;
    again
        .subscribe("3", &format!("subscription {{ myNotifications(after: {id}) {{ ticket {{ id }} }} }}"), json!({}))
        .await;
    assert_eq!(again.event().await["myNotifications"]["ticket"]["id"], json!(missed));
    // Other users neither see nor acknowledge it.
    let stranger = desk.as_("agent2").await;
    let refused =
        stranger.mutate("acknowledgeNotification", "userErrors { code }", json!({ "notificationId": id })).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_FOUND");
    let requester = desk.as_("requester1").await;
    let fields = "notifications { id } escalations { level } slaClocks { state } unseenVerdict { reason } assignmentTrace { at }";
    let hidden =
        requester.query(&format!("{{ ticket(id: \"{notified}\") {{ {fields} }} }}"), json!({})).await["ticket"].clone();
    let nothing = json!({ "notifications": [], "escalations": [], "slaClocks": [], "unseenVerdict": null, "assignmentTrace": null });
    assert_eq!(hidden, nothing);
    desk.advance(seconds(1)).await;
    desk.close().await;
}

/// Runs the jobs that sign-in made due, then closes the desk.
async fn close(desk: Desk) {
    desk.advance(seconds(0)).await;
    desk.close().await;
}

/// Waits until the database records an open page.
async fn wait_for_page(desk: &Desk) {
    use sea_orm::{ConnectionTrait as _, Statement};
    let conn = desk.app.db.read();
    let open = Statement::from_string(
        conn.get_database_backend(),
        "select at from channel_activity where channel = 'PAGE_OPEN'",
    );
    while conn.query_one_raw(open.clone()).await.unwrap().is_none() {
        tokio::task::yield_now().await;
    }
}
