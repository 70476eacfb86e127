//! Timers and messages under failures: a clock jump, two workers, a crash with a message in flight,
//! repeated kill -9.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::kernel::{hours, minutes, seconds};
use domain::runtime::worker;
use sea_orm::ConnectionTrait as _;
use tests::process::{Installation, wait_until};
use tests::providers::Provider;
use tests::{Client, Desk, Json, json, on_postgres};
use tokio_util::sync::CancellationToken;

use crate::PROGRAM;

/// The levels of a ticket, and the number of notifications by cause and recipient.
async fn escalation_state(client: &Client, id: &str) -> (Vec<(i64, i64, String)>, BTreeMap<(String, String), usize>) {
    let fields = "escalations { epoch level state } notifications { cause recipient { name } }";
    let ticket = client.query(&format!("{{ ticket(id: \"{id}\") {{ {fields} }} }}"), json!({})).await["ticket"].clone();
    let levels = ticket["escalations"].as_array().unwrap().iter().map(|row| {
        (row["epoch"].as_i64().unwrap(), row["level"].as_i64().unwrap(), row["state"].as_str().unwrap().to_owned())
    });
    let levels: Vec<_> = levels.collect();
    let mut notified = BTreeMap::new();
    for row in ticket["notifications"].as_array().unwrap() {
        let word = |value: &Json| value.as_str().unwrap().to_owned();
        *notified.entry((word(&row["cause"]), word(&row["recipient"]["name"]))).or_default() += 1;
    }
    (levels, notified)
}

/// The number of `TicketEscalated` events. Rows are unique by constraint, events are not, so events show a level that fired twice.
async fn count_firings(client: &Client, id: &str) -> usize {
    let query = format!("{{ ticket(id: \"{id}\") {{ events(first: 100) {{ nodes {{ kind }} }} }} }}");
    let events = client.query(&query, json!({})).await["ticket"]["events"]["nodes"].clone();
    events.as_array().unwrap().iter().filter(|event| event["kind"] == "TicketEscalated").count()
}

/// Asserts the number of fired levels. It waits, because other tests on the same PostgreSQL server hold the horizon back.
async fn assert_fired(client: &Client, id: &str, times: usize) {
    wait_until("its events can be read", || async { count_firings(client, id).await >= times }).await;
    assert_eq!(count_firings(client, id).await, times);
}

/// An SLA has two targets; each miss is told once.
fn is_told_once(((cause, _), times): (&(String, String), &usize)) -> bool {
    *times == 1 || (cause == "SLA_BREACHED" && *times == 2)
}

fn fired_levels(levels: &[(i64, i64, String)]) -> Vec<i64> {
    levels.iter().filter(|(_, _, state)| state == "FIRED").map(|(_, level, _)| *level).collect()
}

async fn assigned_ticket(desk: &Desk, name: &str) -> String {
    let id = desk.create_ticket("requester1", "停机", json!({ "issueType": "REPAIR" })).await;
    let input = json!({ "ticketId": id, "assigneeId": desk.id(name).to_string() });
    desk.as_("admin").await.mutate_ok("assignTicket", "__typename", input).await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_jump_fires_each_level_once_and_notifies_administrators() {
    let desk = Desk::start().await;
    let id = assigned_ticket(&desk, "agent1").await;
    let set = |by: i64| {
        let now = desk.app.now();
        desk.clock.set(if by < 0 { now - seconds(by.unsigned_abs()) } else { now + seconds(by.unsigned_abs()) });
    };
    let levels = async || fired_levels(&escalation_state(&desk.as_("admin").await, &id).await.0);
    // Administrators are notified at the next check of the clock monitor.
    let notified = async |seconds_set: i64| {
        desk.advance(seconds(10)).await;
        let admin = desk.as_("admin").await;
        let body = format!("by {seconds_set} s");
        wait_until("administrators are notified", || async {
            let notified = admin.query("{ notifications { nodes { cause body } } }", json!({})).await;
            let all = notified["notifications"]["nodes"].as_array().unwrap();
            all.iter()
                .any(|notified| notified["cause"] == "CREDENTIAL" && notified["body"].as_str().unwrap().contains(&body))
        })
        .await;
    };
    desk.advance(minutes(90)).await;
    assert_eq!(levels().await, [0_i64; 0]);
    set(3_600);
    notified(3_600).await;
    assert_eq!(levels().await, [1], "two and a half hours by the clock");
    set(-3_600);
    notified(-3_600).await;
    desk.advance(minutes(40)).await;
    assert_eq!(levels().await, [1], "two hours again: the level has already fired");
    desk.advance(hours(2)).await;
    assert_eq!(levels().await, [1, 2]);
    desk.advance(hours(4)).await;
    let (levels, notified) = escalation_state(&desk.as_("admin").await, &id).await;
    assert_eq!(fired_levels(&levels)[..3], [1, 2, 3]);
    assert_fired(&desk.as_("admin").await, &id, fired_levels(&levels).len()).await;
    assert!(notified.iter().all(is_told_once), "{notified:?}");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_share_the_jobs_and_fire_each_level_once() {
    const TICKETS: usize = 80;
    let desk = Desk::start().await;
    let (other, _folder) = desk.other_node().await;
    let mut ids = Vec::new();
    for _ in 0..TICKETS {
        ids.push(assigned_ticket(&desk, "agent1").await);
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
        // Runs what one worker had leased at the other's last look.
        desk.advance(seconds(0)).await;
        let admin = desk.as_("admin").await;
        for id in &ids {
            let (escalation_state, notified) = escalation_state(&admin, id).await;
            assert_eq!(fired_levels(&escalation_state), levels);
            assert_fired(&admin, id, levels.len()).await;
            assert!(notified.iter().all(is_told_once), "{notified:?}");
        }
    }
    if on_postgres() {
        other.db.close().await;
    }
    // The third level would reassign the tickets; the test ends before it.
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_flight_at_a_crash_is_ambiguous_and_resent_for_levels_two_and_three() {
    let up = Arc::new(AtomicBool::new(false));
    let answers = up.clone();
    let gateway =
        Provider::start(move |_| (if answers.load(Ordering::SeqCst) { 200 } else { 0 }, json!({ "ok": true }))).await;
    let url = gateway.address.clone();
    let desk = Desk::configured(|config| {
        config.channels.sms.provider = adapters::SmsProvider::Http;
        config.channels.sms.url = url;
    })
    .await;
    for (name, number) in [("agent1", "13800000001"), ("supervisor", "13800000002")] {
        desk.bind_address(name, "SMS", number, true).await;
    }
    let id = assigned_ticket(&desk, "agent1").await;
    // The process dies while the gateway has the request, so its response is lost.
    let crash = async |words: &str| {
        let (app, stop) = (desk.app.clone(), CancellationToken::new());
        let running = tokio::spawn(async move { worker::run_due(&app, &stop).await });
        // Other messages fall due at the same time.
        let has_request = || async { gateway.requests().iter().any(|request| request.body.contains(words)) };
        wait_until("the gateway has the request", has_request).await;
        running.abort();
        assert!(running.await.unwrap_err().is_cancelled());
    };
    let deliveries = async |cause: &str| {
        let fields = "notifications { cause state recipient { name } deliveries { channel state repeated } }";
        let query = format!("{{ ticket(id: \"{id}\") {{ {fields} }} }}");
        let notified = desk.as_("admin").await.query(&query, json!({})).await["ticket"]["notifications"].clone();
        let of = notified.as_array().unwrap().iter().filter(|n| n["cause"] == cause);
        of.flat_map(|n| n["deliveries"].as_array().unwrap().clone())
            .filter(|d| d["channel"] == "SMS")
            .collect::<Vec<_>>()
    };
    crash("已分派给您").await;
    up.store(true, Ordering::SeqCst);
    // The lease expires.
    desk.advance(seconds(61)).await;
    let assigned_ticket = deliveries("ASSIGNED").await;
    assert_eq!((&assigned_ticket[0]["state"], &assigned_ticket[0]["repeated"]), (&json!("UNKNOWN"), &json!(false)));
    assert_eq!(gateway.requests().len(), 1, "not sent again");

    // A message of level 2 is sent again and marked as a repetition.
    desk.advance(hours(2)).await;
    up.store(false, Ordering::SeqCst);
    desk.clock.advance(hours(2));
    crash("二级预警").await;
    let sent = gateway.requests().len();
    up.store(true, Ordering::SeqCst);
    desk.advance(seconds(61)).await;
    let level = deliveries("ESCALATION_2").await;
    assert!(level.iter().all(|delivery| delivery["state"] == "SENT"), "{level:?}");
    assert!(level.iter().any(|delivery| delivery["repeated"] == true), "{level:?}");
    assert!(gateway.requests()[sent..].iter().any(|request| request.body.contains("重发")), "the repetition is marked");
    desk.close().await;
}

const ADMIN: &str = "admin@survives.test";
/// Tickets of one round; each has two SLA clocks, and three levels in each of two epochs.
const TICKETS: usize = 20;
/// The number of messages after which a round kills the program; SOAK_ROUNDS (`make soak`) adds rounds.
const KILL_AFTER: [usize; 5] = [1, 9, 23, 38, 57];

fn kill_points() -> impl Iterator<Item = usize> {
    let more = std::env::var("SOAK_ROUNDS").map_or(0, |rounds| rounds.parse().expect("SOAK_ROUNDS is a number"));
    KILL_AFTER.into_iter().chain((0..more).map(|round: usize| 1 + round.wrapping_mul(7_919) % 61))
}

/// Two agents and their supervisor with SMS numbers, and levels after 1, 2 and 3 seconds.
async fn set_up_team(admin: &Client) -> String {
    admin.mutate_ok("saveTeam", "__typename", json!({ "key": "CREW", "name": "Crew" })).await;
    let mut ids = Vec::new();
    let people =
        [("boss", "SUPERVISOR", "13800000001"), ("one", "AGENT", "13800000002"), ("two", "AGENT", "13800000003")];
    for (name, role, number) in people {
        let boss = ids.first();
        let input = json!({
            "email": format!("{name}@survives.test"), "name": name, "roles": [role], "teamKeys": ["CREW"], "supervisorId": boss,
        });
        let id = admin.mutate_ok("createUser", "user { id }", input).await["user"]["id"].as_str().unwrap().to_owned();
        let terminal = json!({ "channel": "SMS", "address": number, "userId": id });
        admin.mutate_ok("bindTerminal", "__typename", terminal).await;
        admin.mutate_ok("saveAgentProfile", "__typename", json!({ "userId": id, "capacity": 1000 })).await;
        ids.push(id);
    }
    let level = |n: i32| json!({ "level": n, "afterSeconds": n, "channels": ["SMS"] });
    let policy = json!({ "priority": "NORMAL", "clock": "AROUND_THE_CLOCK", "levels": [level(1), level(2), level(3)] });
    admin.mutate_ok("saveEscalationPolicy", "__typename", policy).await;
    ids.swap_remove(1)
}

#[tokio::test(flavor = "multi_thread")]
async fn escalation_levels_interrupted_by_kill_9_fire_exactly_once() {
    let gateway = Provider::start(|_| (200, json!({}))).await;
    let mut installation = Installation::new(PROGRAM).await;
    installation.set("BUOY_CHANNELS__SMS__PROVIDER", "http");
    installation.set("BUOY_CHANNELS__SMS__URL", &gateway.address);
    installation.set("BUOY_DISPATCH__AUTOMATIC", "false");
    installation.add_user(ADMIN, "ADMIN");
    let server = installation.serve();
    let one = set_up_team(&server.sign_in(ADMIN).await).await;
    server.stop();
    let mut ids = Vec::new();
    for kill_after in kill_points() {
        let before = gateway.requests().len();
        let server = installation.serve();
        let admin = server.sign_in(ADMIN).await;
        for n in 0..TICKETS {
            let input = json!({ "title": format!("停机 {n}"), "description": "x" });
            let made = admin.mutate_ok("createTicket", "ticket { id }", input).await;
            let id = made["ticket"]["id"].as_str().unwrap().to_owned();
            admin.mutate_ok("updateTicket", "__typename", json!({ "ticketId": id, "teamKey": "CREW" })).await;
            admin.mutate_ok("assignTicket", "__typename", json!({ "ticketId": id, "assigneeId": one })).await;
            ids.push(id);
        }
        wait_until("it is in the middle of it", || async { gateway.requests().len() >= before + kill_after }).await;
        server.kill();
    }
    let server = installation.serve();
    let admin = server.sign_in(ADMIN).await;
    for id in &ids {
        // The ticket is reassigned once, to the only other agent, and then stays.
        let ended =
            |levels: &[(i64, i64, String)]| levels.len() == 6 && levels.iter().all(|(_, _, state)| state != "PLANNED");
        wait_until("its levels have fired", || async { ended(&escalation_state(&admin, id).await.0) }).await;
        let (levels, notified) = escalation_state(&admin, id).await;
        assert_fired(&admin, id, fired_levels(&levels).len()).await;
        let states: Vec<_> = levels.iter().map(|(epoch, level, state)| (*epoch, *level, state.as_str())).collect();
        for epoch in [1, 2] {
            let of: Vec<_> =
                states.iter().filter(|(of, ..)| *of == epoch).map(|(_, level, state)| (*level, *state)).collect();
            assert!(matches!(of[..], [(1, _), (2, _), (3, "FIRED")]), "{states:?}");
        }
        // Each fired level notifies its recipients once; a skipped level notifies nobody.
        for level in [1, 2, 3] {
            let fired_levels = states.iter().filter(|(_, of, state)| *of == level && *state == "FIRED").count();
            let times: usize = notified
                .iter()
                .filter(|((cause, name), _)| *cause == format!("ESCALATION_{level}") && name != "boss")
                .map(|(_, n)| n)
                .sum();
            assert_eq!(times, fired_levels, "level {level}: {states:?} {notified:?}");
        }
    }
    // A message is sent once; one in flight at the kill may be sent again, marked as a repetition.
    let mut sent: BTreeMap<String, usize> = BTreeMap::new();
    for request in gateway.requests() {
        let body = request.json();
        let times = sent.entry(body["id"].as_str().unwrap().to_owned()).or_default();
        *times += 1;
        assert!(*times == 1 || body["text"].as_str().unwrap().contains("重发"), "{body}");
    }
    let doctor = installation.run(&["doctor"]);
    assert!(!doctor.stdout.contains("FAIL"), "{doctor:?}");
    server.stop();
}

/// Ends every connection of this database but the one that asks, as a restart of the server does.
async fn end_connections(desk: &Desk) {
    let backend = sea_orm::DbBackend::Postgres;
    let end = "select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()";
    desk.app.db.read().query_all_raw(sea_orm::Statement::from_string(backend, end)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_connections_to_the_database_lose_nothing_and_are_replaced() {
    let desk = Desk::start().await;
    let client = desk.as_("requester1").await;
    let create = async |key: String| {
        let mutation = "mutation M($i: CreateTicketInput!) { createTicket(input: $i) { userErrors { code } } }";
        let input = json!({ "title": key, "description": "停机", "idempotencyKey": key });
        client.execute(mutation, json!({ "i": input })).await
    };
    for round in 0..3 {
        let key = |n: usize| format!("{round}-{n}");
        let first = futures::future::join_all((0..12).map(|n| create(key(n))));
        let answers = if on_postgres() { futures::join!(first, end_connections(&desk)).0 } else { first.await };
        // A request whose connection ended while it ran may fail once, and says that it can be repeated.
        for (n, answer) in answers.iter().enumerate().filter(|(_, answer)| answer.body.get("errors").is_some()) {
            assert_eq!(answer.body["errors"][0]["extensions"]["retryable"], true, "{:?}", answer.body);
            create(key(n)).await.data();
        }
        // Connections that ended between requests fail none.
        if on_postgres() {
            end_connections(&desk).await;
        }
        for answer in futures::future::join_all((12..24).map(|n| create(key(n)))).await {
            answer.data();
        }
        assert_eq!(client.count_tickets().await, (round + 1) * 24);
    }
    desk.close().await;
}
