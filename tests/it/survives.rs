//! Clocks that run while the world falls apart: the machine's clock is set, two workers share the jobs, a process dies while a
//! message is on its way, and is killed again and again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::kernel::{hours, minutes, seconds};
use domain::runtime::worker;
use tests::process::{Installation, until};
use tests::providers::Provider;
use tests::{Client, Desk, Json, json, on_postgres};
use tokio_util::sync::CancellationToken;

use crate::PROGRAM;

/// How the levels of a ticket stand, and how often each of its recipients was told of each.
async fn standing(client: &Client, id: &str) -> (Vec<(i64, i64, String)>, BTreeMap<(String, String), usize>) {
    let fields = "escalations { epoch level state } notifications { cause recipient { name } }";
    let ticket = client.query(&format!("{{ ticket(id: \"{id}\") {{ {fields} }} }}"), json!({})).await["ticket"].clone();
    let levels = ticket["escalations"].as_array().unwrap().iter().map(|row| {
        (row["epoch"].as_i64().unwrap(), row["level"].as_i64().unwrap(), row["state"].as_str().unwrap().to_owned())
    });
    let levels: Vec<_> = levels.collect();
    let mut told = BTreeMap::new();
    for row in ticket["notifications"].as_array().unwrap() {
        let word = |value: &Json| value.as_str().unwrap().to_owned();
        *told.entry((word(&row["cause"]), word(&row["recipient"]["name"]))).or_default() += 1;
    }
    (levels, told)
}

/// How often a level of this ticket fired: rows are single whatever happens, events are not. When nothing happens to it any more.
async fn firings(client: &Client, id: &str) -> usize {
    let asked = format!("{{ ticket(id: \"{id}\") {{ events(first: 100) {{ nodes {{ kind }} }} }} }}");
    let events = client.query(&asked, json!({})).await["ticket"]["events"]["nodes"].clone();
    events.as_array().unwrap().iter().filter(|event| event["kind"] == "TicketEscalated").count()
}

/// It fired so often and not more. Other tests write to the same PostgreSQL server, and hold its horizon.
async fn has_fired(client: &Client, id: &str, times: usize) {
    until("its events can be read", || async { firings(client, id).await >= times }).await;
    assert_eq!(firings(client, id).await, times);
}

fn fired(levels: &[(i64, i64, String)]) -> Vec<i64> {
    levels.iter().filter(|(_, _, state)| state == "FIRED").map(|(_, level, _)| *level).collect()
}

async fn assigned(desk: &Desk, name: &str) -> String {
    let id = desk.ticket("requester1", "停机", json!({ "issueType": "REPAIR" })).await;
    let input = json!({ "ticketId": id, "assigneeId": desk.id(name).to_string() });
    desk.as_("admin").await.done("assignTicket", "__typename", input).await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_set_by_an_hour_fires_nothing_twice_loses_nothing_and_is_told() {
    let desk = Desk::start().await;
    let id = assigned(&desk, "agent1").await;
    let set = |by: i64| {
        let now = desk.app.now();
        desk.clock.set(if by < 0 { now - seconds(by.unsigned_abs()) } else { now + seconds(by.unsigned_abs()) });
    };
    let levels = async || fired(&standing(&desk.as_("admin").await, &id).await.0);
    // Administrators are told at the watch's next look.
    let told = async |seconds_set: i64| {
        desk.advance(seconds(10)).await;
        let admin = desk.as_("admin").await;
        let body = format!("by {seconds_set} s");
        until("it is told", || async {
            let told = admin.query("{ notifications { nodes { cause body } } }", json!({})).await;
            let all = told["notifications"]["nodes"].as_array().unwrap();
            all.iter().any(|told| told["cause"] == "CREDENTIAL" && told["body"].as_str().unwrap().contains(&body))
        })
        .await;
    };
    desk.advance(minutes(90)).await;
    assert_eq!(levels().await, [0_i64; 0]);
    set(3_600);
    told(3_600).await;
    assert_eq!(levels().await, [1], "two and a half hours by the clock");
    set(-3_600);
    told(-3_600).await;
    desk.advance(minutes(40)).await;
    assert_eq!(levels().await, [1], "two hours once more: it has fired");
    desk.advance(hours(2)).await;
    assert_eq!(levels().await, [1, 2]);
    desk.advance(hours(4)).await;
    let (levels, told) = standing(&desk.as_("admin").await, &id).await;
    assert_eq!(fired(&levels)[..3], [1, 2, 3]);
    has_fired(&desk.as_("admin").await, &id, fired(&levels).len()).await;
    assert!(told.values().all(|n| *n == 1), "{told:?}");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_share_the_jobs_and_no_level_fires_twice() {
    const TICKETS: usize = 80;
    let desk = Desk::start().await;
    let (other, _folder) = desk.other_node().await;
    let mut ids = Vec::new();
    for _ in 0..TICKETS {
        ids.push(assigned(&desk, "agent1").await);
    }
    let stop = CancellationToken::new();
    for (after, levels) in [(hours(2), vec![1]), (hours(2), vec![1, 2])] {
        desk.clock.advance(after);
        let run = |app: &Arc<_>| {
            let (app, stop) = (Arc::clone(app), stop.clone());
            tokio::spawn(async move { worker::run_due(&app, &stop).await.unwrap() })
        };
        let (here, there) = (run(&desk.app), run(&other));
        let (here, there) = (here.await.unwrap(), there.await.unwrap());
        assert!(here > 0 && there > 0, "{here} jobs here, {there} there");
        // What one of them held when the other looked for the last time.
        desk.advance(seconds(0)).await;
        let admin = desk.as_("admin").await;
        for id in &ids {
            let (standing, told) = standing(&admin, id).await;
            assert_eq!(fired(&standing), levels);
            has_fired(&admin, id, levels.len()).await;
            assert!(told.values().all(|n| *n == 1), "{told:?}");
        }
    }
    if on_postgres() {
        other.db.close().await;
    }
    // By the third level they would be moved on; here they are answered.
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_flight_at_a_crash_is_unknown_and_sent_again_where_it_must_not_be_lost() {
    let up = Arc::new(AtomicBool::new(false));
    let answers = up.clone();
    let gateway =
        Provider::start(move |_| (if answers.load(Ordering::SeqCst) { 200 } else { 0 }, json!({ "ok": true }))).await;
    let url = gateway.address.clone();
    let desk = Desk::configured(|config| {
        config.channels.sms.provider = api::channels::SmsProvider::Http;
        config.channels.sms.url = url;
    })
    .await;
    for (name, number) in [("agent1", "13800000001"), ("supervisor", "13800000002")] {
        let input = json!({ "channel": "SMS", "address": number, "primary": true });
        desk.as_(name).await.done("bindTerminal", "__typename", input).await;
    }
    let id = assigned(&desk, "agent1").await;
    // The process dies while the gateway has the request: what it does next is never heard.
    let crash = async |requests: usize| {
        let (app, stop) = (desk.app.clone(), CancellationToken::new());
        let running = tokio::spawn(async move { worker::run_due(&app, &stop).await });
        until("the gateway has the request", || async { gateway.asked().len() >= requests }).await;
        running.abort();
        assert!(running.await.unwrap_err().is_cancelled());
    };
    let deliveries = async |cause: &str| {
        let fields = "notifications { cause state recipient { name } deliveries { channel state repeated } }";
        let query = format!("{{ ticket(id: \"{id}\") {{ {fields} }} }}");
        let told = desk.as_("admin").await.query(&query, json!({})).await["ticket"]["notifications"].clone();
        let of = told.as_array().unwrap().iter().filter(|n| n["cause"] == cause);
        of.flat_map(|n| n["deliveries"].as_array().unwrap().clone())
            .filter(|d| d["channel"] == "SMS")
            .collect::<Vec<_>>()
    };
    crash(1).await;
    up.store(true, Ordering::SeqCst);
    // Its lease runs out.
    desk.advance(seconds(61)).await;
    let assigned = deliveries("ASSIGNED").await;
    assert_eq!((&assigned[0]["state"], &assigned[0]["repeated"]), (&json!("UNKNOWN"), &json!(false)));
    assert_eq!(gateway.asked().len(), 1, "not sent again");

    // A second level is sent again, and says so.
    desk.advance(hours(2)).await;
    up.store(false, Ordering::SeqCst);
    desk.clock.advance(hours(2));
    let before = gateway.asked().len();
    crash(before + 1).await;
    let sent = gateway.asked().len();
    up.store(true, Ordering::SeqCst);
    desk.advance(seconds(61)).await;
    let level = deliveries("ESCALATION_2").await;
    assert!(level.iter().all(|delivery| delivery["state"] == "SENT"), "{level:?}");
    assert!(level.iter().any(|delivery| delivery["repeated"] == true), "{level:?}");
    assert!(gateway.asked()[sent..].iter().any(|asked| asked.body.contains("重发")), "it says that it is a repetition");
    desk.close().await;
}

const ADMIN: &str = "admin@survives.test";
/// Tickets of one round; each has two SLA clocks and three levels in either epoch.
const TICKETS: usize = 20;
/// Messages of a round after which the program is killed; SOAK_ROUNDS (`make soak`) adds rounds.
const KILLED_AFTER: [usize; 5] = [1, 9, 23, 38, 57];

fn kills() -> impl Iterator<Item = usize> {
    let more = std::env::var("SOAK_ROUNDS").map_or(0, |rounds| rounds.parse().expect("SOAK_ROUNDS is a number"));
    KILLED_AFTER.into_iter().chain((0..more).map(|round: usize| 1 + round.wrapping_mul(7_919) % 61))
}

/// Two agents and their supervisor, who can be reached by SMS, and levels after 1, 2 and 3 seconds.
async fn crew(admin: &Client) -> String {
    admin.done("saveTeam", "__typename", json!({ "key": "CREW", "name": "Crew" })).await;
    let mut ids = Vec::new();
    let people =
        [("boss", "SUPERVISOR", "13800000001"), ("one", "AGENT", "13800000002"), ("two", "AGENT", "13800000003")];
    for (name, role, number) in people {
        let boss = ids.first();
        let input = json!({
            "email": format!("{name}@survives.test"), "name": name, "roles": [role], "teamKeys": ["CREW"], "supervisorId": boss,
        });
        let id = admin.done("createUser", "user { id }", input).await["user"]["id"].as_str().unwrap().to_owned();
        let terminal = json!({ "channel": "SMS", "address": number, "userId": id });
        admin.done("bindTerminal", "__typename", terminal).await;
        admin.done("saveAgentProfile", "__typename", json!({ "userId": id, "capacity": 1000 })).await;
        ids.push(id);
    }
    let level = |n: i32| json!({ "level": n, "afterSeconds": n, "channels": ["SMS"] });
    let policy = json!({ "priority": "NORMAL", "clock": "AROUND_THE_CLOCK", "levels": [level(1), level(2), level(3)] });
    admin.done("saveEscalationPolicy", "__typename", policy).await;
    ids.swap_remove(1)
}

#[tokio::test(flavor = "multi_thread")]
async fn levels_that_are_killed_while_they_fire_fire_once_and_none_is_lost() {
    let gateway = Provider::start(|_| (200, json!({}))).await;
    let mut place = Installation::new(PROGRAM).await;
    place.set("BUOY_CHANNELS__SMS__PROVIDER", "http");
    place.set("BUOY_CHANNELS__SMS__URL", &gateway.address);
    place.set("BUOY_DISPATCH__AUTOMATIC", "false");
    place.add_user(ADMIN, "ADMIN");
    let serving = place.serve();
    let one = crew(&serving.sign_in(ADMIN).await).await;
    serving.stop();
    let mut ids = Vec::new();
    for kill_after in kills() {
        let before = gateway.asked().len();
        let serving = place.serve();
        let admin = serving.sign_in(ADMIN).await;
        for n in 0..TICKETS {
            let input = json!({ "title": format!("停机 {n}"), "description": "x" });
            let made = admin.done("createTicket", "ticket { id }", input).await;
            let id = made["ticket"]["id"].as_str().unwrap().to_owned();
            admin.done("updateTicket", "__typename", json!({ "ticketId": id, "teamKey": "CREW" })).await;
            admin.done("assignTicket", "__typename", json!({ "ticketId": id, "assigneeId": one })).await;
            ids.push(id);
        }
        until("it is in the middle of it", || async { gateway.asked().len() >= before + kill_after }).await;
        serving.kill();
    }
    let serving = place.serve();
    let admin = serving.sign_in(ADMIN).await;
    for id in &ids {
        // Moved on once, to the only other one; there nobody is left, and the owner stays.
        let ended =
            |levels: &[(i64, i64, String)]| levels.len() == 6 && levels.iter().all(|(_, _, state)| state != "PLANNED");
        until("its levels have fired", || async { ended(&standing(&admin, id).await.0) }).await;
        let (levels, told) = standing(&admin, id).await;
        has_fired(&admin, id, fired(&levels).len()).await;
        let states: Vec<_> = levels.iter().map(|(epoch, level, state)| (*epoch, *level, state.as_str())).collect();
        for epoch in [1, 2] {
            let of: Vec<_> =
                states.iter().filter(|(of, ..)| *of == epoch).map(|(_, level, state)| (*level, *state)).collect();
            assert!(matches!(of[..], [(1, _), (2, _), (3, "FIRED")]), "{states:?}");
        }
        // Told once of each level that fired, whoever is told of it; of one that was overtaken, not at all.
        for level in [1, 2, 3] {
            let fired = states.iter().filter(|(_, of, state)| *of == level && *state == "FIRED").count();
            let times: usize = told
                .iter()
                .filter(|((cause, name), _)| *cause == format!("ESCALATION_{level}") && name != "boss")
                .map(|(_, n)| n)
                .sum();
            assert_eq!(times, fired, "level {level}: {states:?} {told:?}");
        }
    }
    // A message goes once; one that was in flight when the program was killed may go again, and then says so.
    let mut sent: BTreeMap<String, usize> = BTreeMap::new();
    for asked in gateway.asked() {
        let body = asked.json();
        let times = sent.entry(body["id"].as_str().unwrap().to_owned()).or_default();
        *times += 1;
        assert!(*times == 1 || body["text"].as_str().unwrap().contains("重发"), "{body}");
    }
    let doctor = place.run(&["doctor"]);
    assert!(doctor.well, "{doctor:?}");
    serving.stop();
}
