//! Dispatch, SLA clocks, escalation and notifications, as clients see them; the clock is in the test's hand.

use domain::kernel::{hours, minutes, seconds};
use tests::socket::Socket;
use tests::{Client, Desk, Json, attribution, json};

/// One ticket, as the administrator sees it: signed in anew, whatever the clock has done.
async fn look(desk: &Desk, id: &str, fields: &str) -> Json {
    desk.as_("admin").await.query(&format!("{{ ticket(id: \"{id}\") {{ {fields} }} }}"), json!({})).await["ticket"]
        .clone()
}

/// Does something as somebody who has just signed in.
async fn act(desk: &Desk, name: &str, mutation: &str, input: Json) {
    desk.as_(name).await.done(mutation, "__typename", input).await;
}

async fn reach(desk: &Desk, name: &str, channel: &str, address: &str) {
    let input = json!({ "channel": channel, "address": address });
    desk.as_(name).await.done("bindTerminal", "terminals { channel primary }", input).await;
}

/// The crew can be reached; agent1 and agent2 know electrics, agent1 well.
async fn crew(desk: &Desk) -> Client {
    let admin = desk.as_("admin").await;
    let supervisor = desk.id("supervisor").to_string();
    for (name, level) in [("agent1", 5), ("agent2", 2)] {
        let id = desk.id(name).to_string();
        admin.done("updateUser", "__typename", json!({ "userId": id, "supervisorId": supervisor })).await;
        let skills = json!([{ "skill": "electrics", "level": level }]);
        admin.done("saveAgentProfile", "__typename", json!({ "userId": id, "skillLevels": skills })).await;
        reach(desk, name, "WECOM", name).await;
    }
    reach(desk, "supervisor", "SMS", "13800000000").await;
    admin
}

const CLOCK: &str = "slaClocks { metric state dueAt elapsedSeconds remainingSeconds breachedAt timeline { kind } }";

#[tokio::test]
async fn sla_clocks_run_rest_and_are_read_as_breached() {
    let desk = Desk::start().await;
    let admin = desk.as_("admin").await;
    let id = desk.ticket("requester1", "屏幕不亮", json!({ "issueType": "REPAIR" })).await;
    let fresh = look(&desk, &id, CLOCK).await["slaClocks"].clone();
    assert_eq!(fresh[0]["metric"], "FIRST_RESPONSE");
    assert_eq!((&fresh[0]["state"], &fresh[0]["remainingSeconds"]), (&json!("RUNNING"), &json!(900)));
    assert_eq!((&fresh[1]["metric"], &fresh[1]["remainingSeconds"]), (&json!("RESOLUTION"), &json!(4 * 3_600)));

    let mut board = Socket::open(&admin).await;
    board.subscribe("1", "subscription { boardEvents { kind ticketId } }", json!({})).await;
    board.settled().await;
    // At 80 % people are told, once; at the target it is breached, whoever reads it.
    desk.advance(minutes(12)).await;
    assert_eq!(board.event().await["boardEvents"]["kind"], "SLA_RISK");
    // A socket ends with its token.
    let mut board = Socket::open(&desk.as_("admin").await).await;
    board.subscribe("2", "subscription { boardEvents { kind ticketId } }", json!({})).await;
    board.settled().await;
    desk.advance(minutes(3)).await;
    assert_eq!(board.event().await["boardEvents"]["kind"], "SLA_BREACHED");
    let breached = look(&desk, &id, CLOCK).await["slaClocks"][0].clone();
    assert_eq!((&breached["state"], &breached["breachedAt"]), (&json!("BREACHED"), &fresh[0]["dueAt"]));
    let kinds: Vec<&str> =
        breached["timeline"].as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["STARTED", "RISK_TOLD", "BREACHED", "BREACH_TOLD"]);

    act(&desk, "agent1", "acceptTicket", json!({ "ticketId": id })).await;
    desk.advance(minutes(45)).await;
    act(&desk, "agent1", "setWaiting", json!({ "ticketId": id, "reason": "等客户" })).await;
    desk.advance(hours(30)).await;
    let paused = look(&desk, &id, CLOCK).await["slaClocks"][1].clone();
    assert_eq!(
        (&paused["state"], &paused["elapsedSeconds"], &paused["dueAt"]),
        (&json!("PAUSED"), &json!(3_600), &json!(null))
    );
    act(&desk, "agent1", "resumeTicket", json!({ "ticketId": id })).await;
    desk.advance(hours(2)).await;
    act(&desk, "agent1", "resolveTicket", json!({ "ticketId": id, "attribution": attribution("换屏") })).await;
    desk.advance(hours(9)).await;
    let met = look(&desk, &id, CLOCK).await["slaClocks"][1].clone();
    assert_eq!(
        (&met["state"], &met["elapsedSeconds"], &met["remainingSeconds"]),
        (&json!("MET"), &json!(3 * 3_600), &json!(null))
    );
    desk.close().await;
}

#[tokio::test]
async fn an_edited_policy_touches_new_clocks_only_and_another_priority_aims_anew() {
    let desk = Desk::start().await;
    let admin = desk.as_("admin").await;
    let old = desk.ticket("requester1", "old", json!({})).await;
    let policy = json!({ "key": "DEFAULT", "name": "Default", "firstResponseSeconds": 60, "resolutionSeconds": 600, "calendarKey": "24x7" });
    let saved = admin.done("saveSlaPolicy", "policy { version }", policy).await;
    assert_eq!(saved["policy"]["version"], 2);
    let urgent = json!({
        "key": "URGENT", "name": "Urgent", "priorities": ["URGENT"], "firstResponseSeconds": 300, "resolutionSeconds": 1800,
        "calendarKey": "24x7",
    });
    admin.done("saveSlaPolicy", "policy { key }", urgent).await;
    let new = desk.ticket("requester1", "new", json!({})).await;
    let left = async |id: &str| look(&desk, id, CLOCK).await["slaClocks"][1]["remainingSeconds"].clone();
    assert_eq!((left(&old).await, left(&new).await), (json!(4 * 3_600), json!(600)));
    desk.advance(minutes(10)).await;
    // From the same beginning, by the policy of what it is now.
    admin.done("updateTicket", "__typename", json!({ "ticketId": old, "priority": "URGENT" })).await;
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
    assert_eq!(titles, ["new", "old", "new", "old"], "those first that were due longest ago: {next}");
    close(desk).await;
}

#[tokio::test]
async fn a_ticket_finds_its_engineer_and_says_why() {
    let desk = Desk::dispatching().await;
    crew(&desk).await;
    let more = json!({ "issueType": "REPAIR", "requiredSkills": ["electrics"] });
    let id = desk.ticket("requester1", "断电", more.clone()).await;
    desk.advance(seconds(0)).await;
    let trace = "status assignee { name } assignmentTrace { chosen { name } candidates { user { name } eligible excludedBecause score parts { name value } } }";
    let ticket = look(&desk, &id, trace).await;
    assert_eq!((&ticket["status"], &ticket["assignee"]["name"]), (&json!("ASSIGNED"), &json!("agent1")));
    let candidates = ticket["assignmentTrace"]["candidates"].as_array().unwrap();
    assert_eq!(candidates[0]["user"]["name"], "agent1");
    assert_eq!(candidates[0]["score"], 10.0);
    assert_eq!(candidates[1]["score"], 4.0);
    // Away, somebody else gets what they have not accepted, and what comes.
    let agent1 = desk.as_("agent1").await;
    let absence = agent1.done("createAbsence", "absenceId", json!({})).await["absenceId"].clone();
    desk.advance(seconds(0)).await;
    let moved = look(&desk, &id, trace).await;
    assert_eq!(moved["assignee"]["name"], "agent2");
    assert_eq!(moved["assignmentTrace"]["candidates"][1]["excludedBecause"], "had it before");
    // Nobody is left: it waits in the queue, and the supervisor is told.
    let agent2 = desk.as_("agent2").await;
    agent2.done("createAbsence", "absenceId", json!({})).await;
    let queued = desk.ticket("requester1", "又断电", more).await;
    desk.advance(seconds(0)).await;
    let waits =
        look(&desk, &queued, "status notifications { cause recipient { name } state } unseenVerdict { reason }").await;
    assert_eq!(waits["status"], "NEW");
    assert_eq!(waits["notifications"][0]["cause"], "TEAM_QUEUE");
    assert_eq!(waits["notifications"][0]["recipient"]["name"], "supervisor");
    assert_eq!(waits["unseenVerdict"]["reason"], "NOBODY_ASSIGNED");
    // Back on duty, the queue drains.
    agent1.done("endAbsence", "absenceId", json!({ "absenceId": absence })).await;
    desk.advance(seconds(0)).await;
    assert_eq!(look(&desk, &queued, trace).await["assignee"]["name"], "agent1");
    close(desk).await;
}

#[tokio::test]
async fn a_delegate_takes_the_place_in_dispatch_and_escalation() {
    let desk = Desk::dispatching().await;
    let admin = crew(&desk).await;
    // agent3 is of another team; she stands in for agent1 from 9 to 10, every day.
    let (agent1, agent3) = (desk.id("agent1").to_string(), desk.id("agent3").to_string());
    let skills = json!([{ "skill": "electrics", "level": 4 }]);
    admin.done("saveAgentProfile", "__typename", json!({ "userId": agent3, "skillLevels": skills })).await;
    reach(&desk, "agent3", "WECOM", "agent3").await;
    let period = json!({ "from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00Z" });
    let delegation = json!({
        "fromAgentId": agent1, "toAgentId": agent3, "period": period, "fromMinute": 9 * 60, "toMinute": 10 * 60,
    });
    admin.done("createDelegation", "delegation { toAgent { name } }", delegation.clone()).await;
    let (code, _) = admin.refused("createDelegation", delegation).await;
    assert_eq!(code, "ALREADY_EXISTS");
    let more = json!({ "issueType": "REPAIR", "requiredSkills": ["electrics"] });
    // 09:00 in Shanghai.
    let noon = desk.ticket("requester1", "noon", more.clone()).await;
    desk.advance(seconds(0)).await;
    assert_eq!(look(&desk, &noon, "assignee { name }").await["assignee"]["name"], "agent3");
    desk.advance(hours(1)).await;
    let later = desk.ticket("requester1", "later", more).await;
    desk.advance(seconds(0)).await;
    assert_eq!(look(&desk, &later, "assignee { name }").await["assignee"]["name"], "agent1");
    // Who stands in for the supervisor hears of the second level in their place.
    let period = json!({ "from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00Z" });
    let (supervisor, agent2) = (desk.id("supervisor").to_string(), desk.id("agent2").to_string());
    let delegation = json!({
        "fromAgentId": supervisor, "toAgentId": agent2, "period": period, "fromMinute": 0, "toMinute": 24 * 60,
    });
    desk.as_("admin").await.done("createDelegation", "__typename", delegation).await;
    desk.advance(hours(4)).await;
    let told = look(&desk, &later, "notifications { cause recipient { name } }").await["notifications"].clone();
    let second = told.as_array().unwrap().iter().filter(|told| told["cause"] == "ESCALATION_2");
    let mut names: Vec<&str> = second.map(|told| told["recipient"]["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["agent1", "agent2"], "{told}");
    close(desk).await;
}

const LEVELS: &str = "assignee { name } escalations { epoch level state firedAt }";

fn levels(ticket: &Json) -> Vec<(i64, i64, &str)> {
    let all = ticket["escalations"].as_array().unwrap().iter();
    all.map(|e| (e["epoch"].as_i64().unwrap(), e["level"].as_i64().unwrap(), e["state"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn three_levels_fire_once_and_the_third_gives_it_to_somebody_else() {
    let desk = Desk::dispatching().await;
    crew(&desk).await;
    let more = json!({ "issueType": "REPAIR", "requiredSkills": ["electrics"] });
    let id = desk.ticket("requester1", "停机", more).await;
    desk.advance(seconds(0)).await;
    assert_eq!(levels(&look(&desk, &id, LEVELS).await), [(1, 1, "PLANNED"), (1, 2, "PLANNED"), (1, 3, "PLANNED")]);
    desk.advance(hours(2)).await;
    assert_eq!(levels(&look(&desk, &id, LEVELS).await)[0], (1, 1, "FIRED"));
    desk.advance(hours(2)).await;
    let second = look(&desk, &id, "notifications { cause recipient { name } }").await;
    let told = |cause: &str| {
        let all = second["notifications"].as_array().unwrap().iter().filter(|n| n["cause"] == cause);
        let mut names: Vec<_> = all.map(|n| n["recipient"]["name"].as_str().unwrap().to_owned()).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(
        (told("ESCALATION_1"), told("ESCALATION_2")),
        (vec!["agent1".to_owned()], vec!["agent1".to_owned(), "supervisor".to_owned()])
    );
    desk.advance(hours(4)).await;
    let moved = look(&desk, &id, LEVELS).await;
    assert_eq!(moved["assignee"]["name"], "agent2", "never back to who let it pass");
    assert_eq!(
        levels(&moved),
        [(1, 1, "FIRED"), (1, 2, "FIRED"), (1, 3, "FIRED"), (2, 1, "PLANNED"), (2, 2, "PLANNED"), (2, 3, "PLANNED")]
    );
    // After downtime only the highest level fires; nobody is left, so the owner stays, and it is tried again.
    desk.clock.advance(hours(20));
    desk.advance(seconds(0)).await;
    let stays = look(&desk, &id, LEVELS).await;
    assert_eq!(stays["assignee"]["name"], "agent2");
    assert_eq!(levels(&stays)[3..], [(2, 1, "SKIPPED"), (2, 2, "SKIPPED"), (2, 3, "FIRED")]);
    // Somebody comes who can do it.
    let agent4 = json!({
        "email": "agent4@desk.test", "name": "agent4", "roles": ["AGENT"], "teamKeys": ["FIELD"], "skills": ["electrics"],
    });
    let admin = desk.as_("admin").await;
    let agent4 = admin.done("createUser", "user { id }", agent4).await["user"]["id"].clone();
    let terminal = json!({ "channel": "DINGTALK", "address": "agent4", "userId": agent4 });
    admin.done("bindTerminal", "__typename", terminal).await;
    desk.advance(seconds(0)).await;
    let found = look(&desk, &id, LEVELS).await;
    assert_eq!(found["assignee"]["name"], "agent4");
    assert_eq!(levels(&found)[6..], [(3, 1, "PLANNED"), (3, 2, "PLANNED"), (3, 3, "PLANNED")]);
    close(desk).await;
}

#[tokio::test]
async fn an_answer_stops_the_levels_and_a_hand_over_begins_them_anew() {
    let desk = Desk::start().await;
    let id = desk.ticket("requester1", "x", json!({ "issueType": "REPAIR" })).await;
    desk.advance(minutes(30)).await;
    let assign = async |to: &str| {
        act(&desk, "admin", "assignTicket", json!({ "ticketId": id, "assigneeId": desk.id(to).to_string() })).await;
    };
    // Assigned before anything fired: measured from here, in the same epoch.
    assign("agent1").await;
    desk.advance(minutes(119)).await;
    assert_eq!(levels(&look(&desk, &id, LEVELS).await)[0], (1, 1, "PLANNED"));
    // Opening it is no answer, accepting it is.
    act(&desk, "agent1", "openTicket", json!({ "ticketId": id })).await;
    act(&desk, "agent1", "acceptTicket", json!({ "ticketId": id })).await;
    desk.advance(hours(10)).await;
    let stopped = [(1, 1, "STOPPED"), (1, 2, "STOPPED"), (1, 3, "STOPPED")];
    assert_eq!(levels(&look(&desk, &id, LEVELS).await), stopped);
    assign("agent2").await;
    desk.advance(hours(2)).await;
    assert_eq!(levels(&look(&desk, &id, LEVELS).await)[3..], [(2, 1, "FIRED"), (2, 2, "PLANNED"), (2, 3, "PLANNED")]);
    desk.as_("agent2").await.done("acceptTicket", "__typename", json!({ "ticketId": id })).await;
    desk.close().await;
}

#[tokio::test]
async fn a_policy_that_reaches_nobody_is_refused_and_a_rehearsal_says_who_is_missing() {
    // Nothing is sent here: what counts is that somebody would be asked to.
    let desk = Desk::configured(|config| {
        config.channels.wecom.robot_key = "robot".into();
        config.channels.sms.provider = api::channels::SmsProvider::Http;
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
    crew(&desk).await;
    // A terminal alone is no way: nothing is configured that would send to it.
    reach(&desk, "supervisor", "FEISHU", "ou_supervisor").await;
    let refused = save(json!([level(1, &["WECOM"]), level(2, &["FEISHU"])])).await;
    assert_eq!(refused["userErrors"][0]["code"], "POLICY_REACHES_NOBODY", "{refused}");
    let saved = save(json!([level(1, &["WEB", "WECOM"]), level(2, &["SMS"]), level(3, &["SMS"])])).await;
    assert_eq!((&saved["userErrors"], &saved["policy"]["version"]), (&json!([]), &json!(2)), "{saved}");
    let levels =
        "[{ level: 1, afterSeconds: 60, channels: [WECOM] }, { level: 2, afterSeconds: 120, channels: [FEISHU] }]";
    let rehearsed = admin
        .query(
            &format!(
                "{{ rehearseEscalation(input: {{ levels: {levels} }}) {{ levels {{ level reached of }} findings {{ kind level user {{ name }} skill }} }} }}"
            ),
            json!({}),
        )
        .await["rehearseEscalation"]
        .clone();
    assert_eq!(
        rehearsed["levels"],
        json!([{ "level": 1, "reached": 2, "of": 3 }, { "level": 2, "reached": 0, "of": 2 }])
    );
    let kinds: Vec<_> = rehearsed["findings"].as_array().unwrap().iter().map(|f| f["kind"].as_str().unwrap()).collect();
    assert!(
        kinds.contains(&"EMPTY_LEVEL") && kinds.contains(&"UNREACHABLE_PERSON") && kinds.contains(&"NO_SENDER"),
        "{rehearsed}"
    );
    desk.close().await;
}

#[tokio::test]
async fn what_nobody_opened_for_two_days_is_marked() {
    let desk = Desk::start().await;
    let sunk = desk.ticket("requester1", "sunk", json!({})).await;
    let seen = desk.ticket("requester1", "seen", json!({ "issueType": "REPAIR" })).await;
    desk.as_("agent1").await.done("openTicket", "__typename", json!({ "ticketId": seen })).await;
    desk.advance(hours(48)).await;
    assert_ne!(look(&desk, &sunk, "noResponseMarkedAt").await["noResponseMarkedAt"], Json::Null);
    assert_eq!(look(&desk, &seen, "noResponseMarkedAt").await["noResponseMarkedAt"], Json::Null);
    desk.close().await;
}

#[tokio::test]
async fn i_was_never_told_is_answered_with_a_fact() {
    let desk = Desk::start().await;
    let admin = desk.as_("admin").await;
    let agent = desk.as_("agent1").await;
    let verdict = "unseenVerdict { reason message evidence { state failure } }";
    let assigned = async |title: &str| {
        let id = desk.ticket("requester1", title, json!({ "issueType": "REPAIR" })).await;
        let input = json!({ "ticketId": id, "assigneeId": desk.id("agent1").to_string() });
        admin.done("assignTicket", "__typename", input).await;
        id
    };
    // No way to them can send.
    let never = assigned("never").await;
    let said = look(&desk, &never, verdict).await["unseenVerdict"].clone();
    assert_eq!((&said["reason"], &said["evidence"][0]["state"]), (&json!("NEVER_SENT"), &json!("FAILED")));
    assert!(said["message"].as_str().unwrap().contains("agent1 was never told"), "{said}");

    // A page is open before them: written is sent, acknowledged is delivered, opened is opened.
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
    // The page is known to be open once its subscription stands.
    wait_for_page(&desk).await;
    desk.clock.advance(minutes(1));
    let told = assigned("told").await;
    let heard = page.event().await["myNotifications"].clone();
    assert_eq!((&heard["cause"], &heard["ticket"]["title"]), (&json!("ASSIGNED"), &json!("told")));
    let todo = float.event().await["myTodo"].clone();
    assert_eq!(
        (&todo["unread"], &todo["longestWaitSeconds"], &todo["tickets"][0]["title"]),
        (&json!(2), &json!(60), &json!("never"))
    );
    let reason = async || look(&desk, &told, verdict).await["unseenVerdict"]["reason"].clone();
    assert_eq!(reason().await, "NOT_DELIVERED");
    let id = heard["id"].clone();
    agent.done("acknowledgeNotification", "notification { state }", json!({ "notificationId": id })).await;
    assert_eq!(reason().await, "NOT_OPENED");
    act(&desk, "agent1", "openTicket", json!({ "ticketId": told })).await;
    assert_eq!(reason().await, "OPENED_AND_LEFT");
    assert_eq!(float.event().await["myTodo"]["unread"], 1);
    act(&desk, "agent1", "acceptTicket", json!({ "ticketId": told })).await;
    assert_eq!(look(&desk, &told, verdict).await["unseenVerdict"], Json::Null);
    // Who comes back gets what was missed, once, in order.
    drop(page);
    let missed = assigned("missed").await;
    let mut again = Socket::open(&agent).await;
    again
        .subscribe("3", &format!("subscription {{ myNotifications(after: {id}) {{ ticket {{ id }} }} }}"), json!({}))
        .await;
    assert_eq!(again.event().await["myNotifications"]["ticket"]["id"], json!(missed));
    // Others neither see nor acknowledge it.
    let stranger = desk.as_("agent2").await;
    let refused =
        stranger.mutate("acknowledgeNotification", "userErrors { code }", json!({ "notificationId": id })).await;
    assert_eq!(refused["userErrors"][0]["code"], "NOT_FOUND");
    let requester = desk.as_("requester1").await;
    let fields = "notifications { id } escalations { level } slaClocks { state } unseenVerdict { reason } assignmentTrace { at }";
    let hidden =
        requester.query(&format!("{{ ticket(id: \"{told}\") {{ {fields} }} }}"), json!({})).await["ticket"].clone();
    let nothing = json!({ "notifications": [], "escalations": [], "slaClocks": [], "unseenVerdict": null, "assignmentTrace": null });
    assert_eq!(hidden, nothing);
    desk.advance(seconds(1)).await;
    desk.close().await;
}

/// Runs what signing in made due, then ends.
async fn close(desk: Desk) {
    desk.advance(seconds(0)).await;
    desk.close().await;
}

/// Until the database knows that a page is open.
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
