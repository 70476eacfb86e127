//! Dispatch finds the right engineer without being told the skills, whatever way a ticket comes in.

use domain::dispatch;
use domain::intake;
use domain::kernel::seconds;
use tests::gateway_requests::Wecom;
use tests::process::Installation;
use tests::providers::MailServer;
use tests::smtp_client::{SmtpClient, authenticated_mail};
use tests::{Desk, Json, json};

use crate::PROGRAM;
use crate::gateways::save;

/// A desk that dispatches; with `post` it also sends mail and receives it at help@desk.test.
async fn dispatching(post: Option<&MailServer>) -> Desk {
    let url = post.map(|post| post.url.clone());
    Desk::configured(|config| {
        config.settings_mut::<dispatch::model::Settings>().automatic = true;
        let Some(url) = url else { return };
        config.channels.email.smtp_url = url.as_str().into();
        config.channels.email.from = "Buoy <buoy@desk.test>".into();
        let intake = config.settings_mut::<intake::model::Settings>();
        intake.mail_listen = "127.0.0.1:0".to_owned();
        intake.mail_address = "help@desk.test".to_owned();
    })
    .await
}

async fn give_skill(desk: &Desk, name: &str, skill: &str, level: i32) {
    let skills = json!([{ "skill": skill, "level": level }]);
    let input = json!({ "userId": desk.id(name).to_string(), "skillLevels": skills });
    desk.as_("admin").await.mutate_ok("saveAgentProfile", "__typename", input).await;
}

/// Saves a product whose tickets require a skill.
async fn save_product(desk: &Desk, key: &str, required: &[(&str, i32)], more: Json) {
    let required: Vec<Json> = required.iter().map(|(skill, level)| json!({ "skill": skill, "level": level })).collect();
    let mut input = json!({ "key": key, "name": key, "requiredSkills": required });
    input.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    desk.as_("admin").await.mutate_ok("saveProduct", "__typename", input).await;
}

/// Without any sender, people are reachable while they have a session.
async fn sign_in(desk: &Desk, names: &[&str]) {
    for name in names {
        desk.as_(name).await;
    }
}

const TRACE: &str = "number status version product productRecognisedBy assignee { name } team { key } requiredSkills
    assignmentTrace {
        chosen { name } productRecognisedBy ambiguousProducts derivedSkillsPreferred
        requiredSkills { skill level source } similarCases { number similarity solvedBy { name } }
        candidates {
            user { name } eligible excludedBecause score parts { name value } skillLevels { skill level } similarCases openWork
            capacity
        }
    }";

async fn ticket(desk: &Desk, id: &str) -> Json {
    desk.as_("admin").await.query(&format!("{{ ticket(id: \"{id}\") {{ {TRACE} }} }}"), json!({})).await["ticket"]
        .clone()
}

/// The ticket that was created last.
async fn newest_ticket(desk: &Desk) -> Json {
    let order = "orderBy: { field: NUMBER, direction: DESC }";
    let query = format!("{{ tickets(first: 1, {order}) {{ nodes {{ {TRACE} }} }} }}");
    desk.as_("admin").await.query(&query, json!({})).await["tickets"]["nodes"][0].clone()
}

/// Gives somebody open work, so that among equals they come later.
async fn occupy(desk: &Desk, name: &str, priority: &str) {
    let id = desk.create_ticket("admin", "排班表", json!({ "priority": priority })).await;
    let input = json!({ "ticketId": id, "assigneeId": desk.id(name).to_string() });
    desk.as_("admin").await.mutate_ok("assignTicket", "__typename", input).await;
}

fn candidate<'t>(ticket: &'t Json, name: &str) -> &'t Json {
    let candidates = ticket["assignmentTrace"]["candidates"].as_array().unwrap();
    candidates.iter().find(|candidate| candidate["user"]["name"] == name).unwrap_or_else(|| panic!("{name}: {ticket}"))
}

fn part(candidate: &Json, name: &str) -> Option<f64> {
    let parts = candidate["parts"].as_array().unwrap();
    parts.iter().find(|part| part["name"] == name)?["value"].as_f64()
}

/// Runs the jobs that are due, then closes the desk.
async fn close(desk: Desk) {
    desk.advance(seconds(0)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_about_a_product_goes_to_somebody_with_its_skills_who_never_signed_in() {
    let post = MailServer::start("").await;
    let desk = dispatching(Some(&post)).await;
    let admin = desk.as_("admin").await;
    save(&admin, "email", "EMAIL_AUTHENTICATION", json!([{ "name": "authservId", "value": "mx.desk.test" }])).await;
    save_product(&desk, "PM-3300", &[("electrics", 2)], json!({ "aliases": ["电源模块"] })).await;
    // Without skills the ticket would go to somebody without open work.
    occupy(&desk, "agent2", "NORMAL").await;
    give_skill(&desk, "agent2", "electrics", 3).await;
    give_skill(&desk, "agent3", "electrics", 1).await;
    desk.advance(seconds(0)).await;
    let request = authenticated_mail(
        "requester1@desk.test",
        &["Subject: =?UTF-8?B?cG0zMzAwIOWPiOaKpeitpg==?=", "Message-ID: <m1@desk.test>"],
        "三号线停机，E-733",
    );
    let mut lmtp = SmtpClient::connect(desk.mail_address(), "LHLO").await;
    assert_eq!(lmtp.deliver("requester1@desk.test", "help@desk.test", &request).await, "250 2.6.0 Taken");
    desk.advance(seconds(0)).await;
    let ticket = newest_ticket(&desk).await;
    assert_eq!((&ticket["product"], &ticket["productRecognisedBy"]), (&json!("PM-3300"), &json!("PM-3300")));
    assert_eq!((&ticket["assignee"]["name"], &ticket["team"]["key"]), (&json!("agent2"), &json!("FIELD")), "{ticket}");
    let trace = &ticket["assignmentTrace"];
    assert_eq!(trace["requiredSkills"], json!([{ "skill": "electrics", "level": 2, "source": "PRODUCT" }]));
    assert_eq!((&trace["productRecognisedBy"], &trace["derivedSkillsPreferred"]), (&json!("PM-3300"), &json!(false)));
    let reason = |name: &str| candidate(&ticket, name)["excludedBecause"].clone();
    assert_eq!(reason("agent1"), "lacks the skill electrics");
    assert_eq!(reason("agent3"), "electrics at level 1; level 2 is required");
    let chosen = candidate(&ticket, "agent2");
    assert_eq!((part(chosen, "skillMatch"), part(chosen, "openWork")), (Some(6.0), Some(-2.0)));
    assert_eq!((&chosen["openWork"], &chosen["capacity"]), (&json!(2), &json!(20)));
    assert_eq!(chosen["skillLevels"], json!([{ "skill": "electrics", "level": 3 }]));
    close(desk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wecom_message_goes_to_the_team_and_the_skills_of_the_product_that_it_names() {
    let desk = dispatching(None).await;
    let admin = desk.as_("admin").await;
    sign_in(&desk, &["agent1", "agent2", "agent3"]).await;
    admin.mutate_ok("saveSkill", "__typename", json!({ "key": "vacuum", "name": "Vacuum" })).await;
    let more = json!({ "aliases": ["刻蚀机"], "teamKey": "IT" });
    save_product(&desk, "ET-5", &[("vacuum", 1)], more).await;
    give_skill(&desk, "agent2", "vacuum", 5).await;
    give_skill(&desk, "agent3", "vacuum", 2).await;
    let wecom = Wecom::new("t", 3);
    save(&admin, "wecom", "WECOM_CALLBACK", wecom.parts()).await;
    let now = desk.app.now().millis() / 1_000;
    let message = wecom.text(now, 7, "wang", "3号刻蚀机报警 E-721");
    assert_eq!(message.send(&reqwest::Client::new(), &desk.address()).await.0, 200);
    desk.advance(seconds(0)).await;
    let ticket = newest_ticket(&desk).await;
    assert_eq!((&ticket["product"], &ticket["productRecognisedBy"]), (&json!("ET-5"), &json!("刻蚀机")));
    // The product's team, because there is no issue type: agent2 is of another one.
    assert_eq!((&ticket["assignee"]["name"], &ticket["team"]["key"]), (&json!("agent3"), &json!("IT")), "{ticket}");
    // Who submits it sees neither how it was recognised nor why somebody was chosen.
    let requester = desk.create_ticket("requester1", "刻蚀机", json!({})).await;
    let fields = "product productRecognisedBy assignmentTrace { at }";
    let seen =
        desk.as_("requester1").await.query(&format!("{{ ticket(id: \"{requester}\") {{ {fields} }} }}"), json!({}));
    assert_eq!(
        seen.await["ticket"],
        json!({ "product": "ET-5", "productRecognisedBy": null, "assignmentTrace": null })
    );
    close(desk).await;
}

#[tokio::test]
async fn a_ticket_never_waits_because_of_a_guess_but_for_a_skill_that_was_given() {
    let desk = dispatching(None).await;
    sign_in(&desk, &["agent1", "agent2"]).await;
    save_product(&desk, "PM-3300", &[("electrics", 4)], json!({})).await;
    give_skill(&desk, "agent2", "electrics", 2).await;
    let guessed = desk.create_ticket("requester1", "PM-3300 报警", json!({ "issueType": "REPAIR" })).await;
    let given = json!({ "issueType": "REPAIR", "requiredSkills": ["electrics"] });
    let told = desk.create_ticket("requester1", "断电", given.clone()).await;
    // Nobody has level 4: the nearest is preferred, and the trace says so.
    desk.advance(seconds(0)).await;
    let guessed = ticket(&desk, &guessed).await;
    assert_eq!(
        (&guessed["assignee"]["name"], &guessed["assignmentTrace"]["derivedSkillsPreferred"]),
        (&json!("agent2"), &json!(true)),
        "{guessed}"
    );
    assert_eq!(candidate(&guessed, "agent1")["eligible"], true);
    assert_eq!(ticket(&desk, &told).await["assignee"]["name"], "agent2");
    // Who has the given skill is away: the ticket waits.
    desk.as_("agent2").await.mutate_ok("createAbsence", "__typename", json!({})).await;
    let waits = desk.create_ticket("requester1", "又断电", given).await;
    desk.advance(seconds(0)).await;
    let waits = ticket(&desk, &waits).await;
    assert_eq!((&waits["status"], &waits["assignmentTrace"]["chosen"]), (&json!("NEW"), &Json::Null), "{waits}");
    assert_eq!(waits["assignmentTrace"]["requiredSkills"][0]["source"], "GIVEN");
    close(desk).await;
}

#[tokio::test]
async fn two_products_named_alike_are_none_and_the_trace_names_them() {
    let desk = dispatching(None).await;
    sign_in(&desk, &["agent1"]).await;
    save_product(&desk, "A-100", &[("electrics", 1)], json!({ "aliases": ["控制柜"] })).await;
    save_product(&desk, "B-100", &[("electrics", 1)], json!({ "aliases": ["控制柜"] })).await;
    let id = desk.create_ticket("requester1", "控制柜跳闸", json!({ "issueType": "REPAIR" })).await;
    desk.advance(seconds(0)).await;
    let trace = ticket(&desk, &id).await;
    assert_eq!((&trace["product"], &trace["productRecognisedBy"]), (&Json::Null, &Json::Null));
    assert_eq!(trace["assignmentTrace"]["ambiguousProducts"], json!(["A-100", "B-100"]));
    assert_eq!(trace["assignmentTrace"]["requiredSkills"], json!([]));
    // What is given is not searched for.
    let given = desk.create_ticket("requester1", "控制柜跳闸", json!({ "product": "VPN" })).await;
    let given = ticket(&desk, &given).await;
    assert_eq!((&given["product"], &given["productRecognisedBy"]), (&json!("VPN"), &Json::Null));
    close(desk).await;
}

#[tokio::test]
async fn changed_skills_dispatch_a_ticket_again_until_it_is_accepted() {
    let desk = dispatching(None).await;
    let admin = desk.as_("admin").await;
    sign_in(&desk, &["agent1", "agent2", "agent3"]).await;
    give_skill(&desk, "agent2", "electrics", 3).await;
    occupy(&desk, "agent2", "NORMAL").await;
    let repair = json!({ "issueType": "REPAIR" });
    let id = desk.create_ticket("requester1", "机器停了", repair.clone()).await;
    desk.advance(seconds(0)).await;
    assert_eq!(ticket(&desk, &id).await["assignee"]["name"], "agent1");
    let update = async |id: &str, changes: Json| {
        let mut input = json!({ "ticketId": id });
        input.as_object_mut().unwrap().extend(changes.as_object().cloned().unwrap());
        admin.mutate_ok("updateTicket", "__typename", input).await;
        desk.advance(seconds(0)).await;
    };
    // A priority moves nothing, a skill that the assignee lacks does.
    update(&id, json!({ "priority": "URGENT" })).await;
    assert_eq!(ticket(&desk, &id).await["assignee"]["name"], "agent1");
    update(&id, json!({ "requiredSkills": ["electrics"] })).await;
    assert_eq!(ticket(&desk, &id).await["assignee"]["name"], "agent2");
    let (code, field) = admin.refusal("updateTicket", json!({ "ticketId": id, "requiredSkills": ["cooking"] })).await;
    assert_eq!((code.as_str(), field.as_str()), ("UNKNOWN_KEY", "requiredSkills"));
    // After acceptance the event shows the change, and nothing moves.
    let accepted = desk.create_ticket("requester1", "机器又停了", repair).await;
    desk.advance(seconds(0)).await;
    assert_eq!(ticket(&desk, &accepted).await["assignee"]["name"], "agent1");
    desk.as_("agent1").await.mutate_ok("acceptTicket", "__typename", json!({ "ticketId": accepted })).await;
    update(&accepted, json!({ "requiredSkills": ["electrics"] })).await;
    let stays = ticket(&desk, &accepted).await;
    assert_eq!((&stays["assignee"]["name"], &stays["requiredSkills"]), (&json!("agent1"), &json!(["electrics"])));
    close(desk).await;
}

#[tokio::test]
async fn a_corrected_product_leads_to_its_team_and_its_skills() {
    let desk = dispatching(None).await;
    let admin = desk.as_("admin").await;
    sign_in(&desk, &["agent1", "agent3"]).await;
    admin.mutate_ok("saveSkill", "__typename", json!({ "key": "network", "name": "Networks" })).await;
    give_skill(&desk, "agent3", "network", 3).await;
    save_product(&desk, "VPN", &[("network", 1)], json!({ "teamKey": "IT" })).await;
    save_product(&desk, "WIFI", &[("network", 1)], json!({})).await;
    occupy(&desk, "agent3", "URGENT").await;
    // Tickets of no team take that of their assignee.
    let mut ids = Vec::new();
    for title in ["打不开", "连不上"] {
        let id = desk.create_ticket("requester1", title, json!({})).await;
        desk.advance(seconds(0)).await;
        let first = ticket(&desk, &id).await;
        assert_eq!((&first["assignee"]["name"], &first["team"]["key"]), (&json!("agent1"), &json!("FIELD")));
        ids.push(id);
    }
    for (id, product) in ids.iter().zip(["VPN", "WIFI"]) {
        admin.mutate_ok("updateTicket", "__typename", json!({ "ticketId": id, "product": product })).await;
        desk.advance(seconds(0)).await;
        let moved = ticket(&desk, id).await;
        assert_eq!(
            (&moved["assignee"]["name"], &moved["team"]["key"]),
            (&json!("agent3"), &json!("IT")),
            "{product}: {moved}"
        );
    }
    // Nobody fits better: the assignee stays, and the ticket does not wander.
    save_product(&desk, "ERP-9", &[("network", 5)], json!({})).await;
    let id = desk.create_ticket("requester1", "报表", json!({ "issueType": "REPAIR" })).await;
    desk.advance(seconds(0)).await;
    let before = ticket(&desk, &id).await;
    assert_eq!(before["assignee"]["name"], "agent1");
    admin.mutate_ok("updateTicket", "__typename", json!({ "ticketId": id, "product": "ERP-9" })).await;
    desk.advance(seconds(0)).await;
    assert_eq!(ticket(&desk, &id).await["assignee"]["name"], "agent1");
    close(desk).await;
}

#[tokio::test]
async fn whoever_solved_similar_cases_gets_points() {
    let desk = dispatching(None).await;
    sign_in(&desk, &["agent1", "agent2"]).await;
    let repair = json!({ "issueType": "REPAIR" });
    let title = "PM-3300 电源模块 E-721 输出电压异常";
    let mut numbers = Vec::new();
    for resolution in ["更换接插件", "接插件重新压接"] {
        let case = desk.create_resolved_ticket("agent2", title, resolution, repair.clone()).await;
        numbers.push(ticket(&desk, &case).await["number"].as_i64().unwrap());
    }
    occupy(&desk, "agent2", "LOW").await;
    desk.advance(seconds(0)).await;
    desk.wait_for_followers().await;
    // The points are more than the open work.
    let id = desk.create_ticket("requester1", title, repair.clone()).await;
    desk.advance(seconds(0)).await;
    let like = ticket(&desk, &id).await;
    assert_eq!(like["assignee"]["name"], "agent2", "{like}");
    let cases = like["assignmentTrace"]["similarCases"].as_array().unwrap();
    let mut found: Vec<i64> = cases.iter().map(|case| case["number"].as_i64().unwrap()).collect();
    found.sort_unstable();
    assert_eq!((found, &cases[0]["solvedBy"]["name"]), (numbers, &json!("agent2")));
    let (solver, nobody) = (candidate(&like, "agent2"), candidate(&like, "agent1"));
    assert_eq!((solver["similarCases"].as_array().unwrap().len(), &nobody["similarCases"]), (2, &json!([])));
    let points = part(solver, "similarCases").unwrap();
    assert!(points > 1.0 && points <= 2.0, "at most one normal ticket: {points}");
    assert_eq!(part(nobody, "similarCases"), Some(0.0));
    // Another problem goes to whoever has less to do.
    let other = desk.create_ticket("requester1", "门禁卡丢失", repair).await;
    desk.advance(seconds(0)).await;
    let other = ticket(&desk, &other).await;
    assert_eq!((&other["assignee"]["name"], &other["assignmentTrace"]["similarCases"]), (&json!("agent1"), &json!([])));
    close(desk).await;
}

#[tokio::test]
async fn a_terminal_without_a_sender_reaches_nobody_and_a_session_does() {
    let desk = dispatching(None).await;
    desk.bind_address("agent1", "WECOM", "agent1", true).await;
    sign_in(&desk, &["agent2"]).await;
    let id = desk.create_ticket("requester1", "断电", json!({ "issueType": "REPAIR" })).await;
    desk.advance(seconds(0)).await;
    let ticket = ticket(&desk, &id).await;
    assert_eq!(ticket["assignee"]["name"], "agent2");
    let reason = candidate(&ticket, "agent1")["excludedBecause"].as_str().unwrap();
    assert!(reason.starts_with("unreachable"), "{reason}");
    close(desk).await;
}

#[tokio::test]
async fn assigning_a_ticket_to_whoever_has_it_is_no_error() {
    let desk = Desk::start().await;
    let admin = desk.as_("admin").await;
    let id = desk.create_ticket("requester1", "断电", json!({ "issueType": "REPAIR" })).await;
    let input = json!({ "ticketId": id, "assigneeId": desk.id("agent1").to_string() });
    let state = "ticket { status version updatedAt assignee { name } events(first: 50) { nodes { kind } } }";
    let first = admin.mutate_ok("assignTicket", state, input.clone()).await;
    desk.clock.advance(seconds(5));
    assert_eq!(admin.mutate_ok("assignTicket", state, input.clone()).await, first);
    // Also after acceptance, when it would go back to ASSIGNED for anybody else.
    desk.as_("agent1").await.mutate_ok("acceptTicket", "__typename", json!({ "ticketId": id })).await;
    let again = admin.mutate_ok("assignTicket", state, input.clone()).await;
    assert_eq!(again["ticket"]["status"], "IN_PROGRESS");
    let mut stale = input;
    stale["expectedVersion"] = json!(1);
    assert_eq!(admin.refusal("assignTicket", stale).await.0, "VERSION_CONFLICT");
    desk.advance(seconds(0)).await;
    desk.close().await;
}

#[tokio::test]
async fn the_catalogue_keeps_skills_and_aliases_and_refuses_what_cannot_be_recognised() {
    let desk = Desk::start().await;
    let admin = desk.as_("admin").await;
    save_product(&desk, "PM-3300", &[("electrics", 3)], json!({ "aliases": ["电源模块"], "teamKey": "FIELD" })).await;
    let input = json!({ "key": "REPAIR", "name": "Repair", "teamKey": "FIELD", "requiredSkills": [{ "skill": "electrics", "level": 1 }] });
    admin.mutate_ok("saveIssueType", "__typename", input).await;
    // What is not given stays.
    admin.mutate_ok("saveProduct", "__typename", json!({ "key": "PM-3300", "name": "Power module" })).await;
    admin
        .mutate_ok("saveIssueType", "__typename", json!({ "key": "REPAIR", "name": "Repair", "teamKey": "FIELD" }))
        .await;
    let fields = "{ catalogue {
        products { key name aliases team { key } requiredSkills { skill level } }
        issueTypes { key requiredSkills { skill level } }
    } }";
    let of = |list: &Json, key: &str| list.as_array().unwrap().iter().find(|of| of["key"] == key).unwrap().clone();
    let known = admin.query(fields, json!({})).await["catalogue"].clone();
    assert_eq!(
        of(&known["products"], "PM-3300"),
        json!({
            "key": "PM-3300", "name": "Power module", "aliases": ["电源模块"], "team": { "key": "FIELD" },
            "requiredSkills": [{ "skill": "electrics", "level": 3 }],
        })
    );
    assert_eq!(of(&known["issueTypes"], "REPAIR")["requiredSkills"], json!([{ "skill": "electrics", "level": 1 }]));
    // Nothing at all, where it is said.
    let emptied = json!({ "key": "PM-3300", "name": "PM-3300", "aliases": [], "requiredSkills": [], "teamKey": "" });
    admin.mutate_ok("saveProduct", "__typename", emptied).await;
    let known = admin.query(fields, json!({})).await["catalogue"].clone();
    let emptied = of(&known["products"], "PM-3300");
    assert_eq!(
        (&emptied["aliases"], &emptied["team"], &emptied["requiredSkills"]),
        (&json!([]), &Json::Null, &json!([]))
    );
    let skill = |skill: &str, level: i32| json!({ "requiredSkills": [{ "skill": skill, "level": level }] });
    for (changes, code, field) in [
        (skill("cooking", 1), "UNKNOWN_KEY", "requiredSkills.skill"),
        (skill("electrics", 6), "INVALID", "requiredSkills.level"),
        (
            json!({ "requiredSkills": vec![json!({ "skill": "electrics", "level": 1 }); 21] }),
            "LIMIT_EXCEEDED",
            "requiredSkills",
        ),
        (json!({ "aliases": ["机"] }), "INVALID", "aliases"),
        (json!({ "aliases": vec!["PM-3300"; 51] }), "LIMIT_EXCEEDED", "aliases"),
        (json!({ "aliases": ["x".repeat(65)] }), "TOO_LONG", "aliases"),
        (json!({ "teamKey": "NOPE" }), "UNKNOWN_KEY", "teamKey"),
    ] {
        let mut input = json!({ "key": "PM-3300", "name": "PM-3300" });
        input.as_object_mut().unwrap().extend(changes.as_object().cloned().unwrap());
        let refused = admin.refusal("saveProduct", input).await;
        assert_eq!((refused.0.as_str(), refused.1.as_str()), (code, field), "{changes}");
    }
    close(desk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_finds_required_skills_that_no_agent_has() {
    const ADMIN: &str = "admin@skills.test";
    let installation = Installation::new(PROGRAM).await;
    installation.add_user(ADMIN, "ADMIN");
    let server = installation.serve();
    let admin = server.sign_in(ADMIN).await;
    admin.mutate_ok("saveSkill", "__typename", json!({ "key": "electrics", "name": "Electrics" })).await;
    let agent = json!({ "email": "one@skills.test", "name": "one", "roles": ["AGENT"] });
    let agent = admin.mutate_ok("createUser", "user { id }", agent).await["user"]["id"].clone();
    let skill = |level: i32| json!([{ "skill": "electrics", "level": level }]);
    let product = json!({ "key": "PM-3300", "name": "PM-3300", "requiredSkills": skill(3) });
    admin.mutate_ok("saveProduct", "__typename", product).await;
    for (level, expected) in [(2, true), (3, false)] {
        let profile = json!({ "userId": agent, "skillLevels": skill(level) });
        admin.mutate_ok("saveAgentProfile", "__typename", profile).await;
        let doctor = installation.run(&["doctor"]);
        assert_eq!(doctor.code, Some(3), "nothing is broken: {doctor:?}");
        assert_eq!(doctor.stdout.contains("product PM-3300: electrics, level 3"), expected, "{doctor:?}");
    }
    server.stop();
}
