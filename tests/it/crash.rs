//! kill -9 of the real program, in the middle of its work: what was acknowledged is there, once, and log, index and jobs
//! go on. A bounded run.

use std::collections::BTreeMap;

use tests::process::{Installation, Serving, until};
use tests::{Client, attribution, json};
use tokio::sync::mpsc;

use crate::PROGRAM;

const ADMIN: &str = "admin@crash.test";
const WRITERS: usize = 4;
/// Answers after which the program is killed, round for round; SOAK_ROUNDS (`make soak`) adds rounds.
const KILLED_AFTER: [usize; 4] = [3, 17, 40, 71];

/// When to kill: the bounded run's rounds, then as many more as asked for, after anything from the first answer on.
fn kills() -> impl Iterator<Item = usize> {
    let more = std::env::var("SOAK_ROUNDS").map_or(0, |rounds| rounds.parse().expect("SOAK_ROUNDS is a number"));
    // Any spread does: no two rounds alike, and no chance that a failure cannot be repeated.
    KILLED_AFTER.into_iter().chain((0..more).map(|round: usize| 1 + round.wrapping_mul(7_919) % 97))
}

/// What a client was told.
#[derive(Clone, Debug, Default)]
struct Told {
    id: Option<String>,
    resolved: bool,
}

/// A name that only this ticket has: the key of its creation, and a code to find it by.
fn code(round: usize, writer: usize, n: usize) -> String {
    format!("E-{}", 1_000_000 + round * 3_000 + writer * 700 + n)
}

async fn create(client: &Client, code: &str) -> Result<String, reqwest::Error> {
    let input = json!({ "title": format!("泵站 {code} 停机"), "description": "stopped", "idempotencyKey": code });
    let answer = client.try_mutate("createTicket", "ticket { id }", input).await?;
    Ok(answer.data()["createTicket"]["ticket"]["id"].as_str().unwrap().to_owned())
}

async fn resolve(client: &Client, id: &str) -> Result<(), reqwest::Error> {
    client.try_mutate("acceptTicket", "__typename", json!({ "ticketId": id })).await?.data();
    let mut complete = attribution("restarted");
    complete.as_object_mut().unwrap().remove("causeTag");
    let input = json!({ "ticketId": id, "attribution": complete });
    let answer = client.try_mutate("resolveTicket", "__typename", input).await?;
    assert_eq!(answer.data()["resolveTicket"]["userErrors"], json!([]));
    Ok(())
}

/// Writes until the server is gone; says every answer.
async fn write(client: Client, round: usize, writer: usize, say: mpsc::UnboundedSender<(String, Told)>) {
    for n in 0.. {
        let code = code(round, writer, n);
        let _ = say.send((code.clone(), Told::default()));
        let Ok(id) = create(&client, &code).await else { return };
        let _ = say.send((code.clone(), Told { id: Some(id.clone()), resolved: false }));
        if resolve(&client, &id).await.is_err() {
            return;
        }
        let _ = say.send((code, Told { id: Some(id), resolved: true }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kill_9_and_is_there_once() {
    let mut place = Installation::new(PROGRAM).await;
    // What is resolved closes at once, by a job: every kill meets some that are due.
    place.set("BUOY_TICKETS__CLOSE_AFTER_DAYS", "0");
    place.add_user(ADMIN, "ADMIN");
    let mut told: BTreeMap<String, Told> = BTreeMap::new();
    for (round, kill_after) in kills().enumerate() {
        let serving = place.serve();
        let client = serving.sign_in(ADMIN).await;
        let (say, mut said) = mpsc::unbounded_channel();
        let writers: Vec<_> =
            (0..WRITERS).map(|writer| tokio::spawn(write(client.clone(), round, writer, say.clone()))).collect();
        drop(say);
        let mut answers = 0;
        let mut serving = Some(serving);
        while let Some((code, now)) = said.recv().await {
            answers += usize::from(now.id.is_some());
            told.insert(code, now);
            if answers == kill_after
                && let Some(serving) = serving.take()
            {
                serving.kill();
            }
        }
        for writer in writers {
            writer.await.unwrap();
        }
    }
    let serving = place.serve();
    check(&serving, &told).await;
    until("everything is sealed", || async { place.run(&["audit", "verify"]).out.contains(" 0 events not sealed") })
        .await;
    let verified = place.run(&["audit", "verify"]);
    assert!(verified.well, "{verified:?}");
    let doctor = place.run(&["doctor"]);
    assert!(doctor.well, "{doctor:?}");
    serving.stop();
}

async fn check(serving: &Serving, told: &BTreeMap<String, Told>) {
    let client = serving.sign_in(ADMIN).await;
    for (code, told) in told {
        // Whoever was not answered asks again, with the same key: that, too, makes no second ticket.
        let id = create(&client, code).await.unwrap();
        if let Some(known) = &told.id {
            assert_eq!(known, &id, "{code} was acknowledged");
        }
        let query = "query Q($id: ID!) { ticket(id: $id) { status events(first: 50) { nodes { kind } } } }";
        let ask = || client.query(query, json!({ "id": id }));
        // Other tests write to the same PostgreSQL server, and hold its horizon.
        // Its closing was due when it was resolved: the job survived, too.
        let wanted = if told.resolved { "TicketClosed" } else { "TicketCreated" };
        until("its events can be read", || async { ask().await.to_string().contains(wanted) }).await;
        let found = ask().await;
        let events = found["ticket"]["events"]["nodes"].as_array().unwrap();
        let of = |kind: &str| events.iter().filter(|event| event["kind"] == kind).count();
        assert_eq!(of("TicketCreated"), 1, "{code}: {events:?}");
        if told.resolved {
            assert_eq!(found["ticket"]["status"], "CLOSED", "{code} was acknowledged");
            assert_eq!((of("TicketResolved"), of("TicketClosed")), (1, 1), "{code}: {events:?}");
        }
    }
    assert_eq!(client.tickets().await, told.len());
    let similar = "query S($input: SimilarCasesInput!) { similarCases(first: 1, input: $input) { ticket { id } } }";
    for (code, told) in told.iter().filter(|(_, told)| told.resolved) {
        until("the index has caught up", || async {
            let found = client.query(similar, json!({ "input": { "title": code } })).await;
            found["similarCases"][0]["ticket"]["id"] == json!(told.id)
        })
        .await;
    }
}

/// Rows of a simple list.
fn list(rows: usize) -> String {
    let header = "id,title,description,created,closed,priority,issue_type,product,team,assignee,customer\n";
    let row = |n: usize| {
        format!(
            "L{n},泵站 {n} 停机,stopped,2026-01-05 08:00:00,2026-01-06 08:00:00,HIGH,PUMP,P-{},T{},worker{},ACME\n",
            n % 7,
            n % 3,
            n % 9
        )
    };
    header.to_owned() + &(0..rows).map(row).collect::<String>()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_killed_is_run_again_and_every_ticket_is_there_once() {
    const ROWS: usize = 1_500;
    let place = Installation::new(PROGRAM).await;
    place.add_user(ADMIN, "ADMIN");
    std::fs::write(place.path("list.csv"), list(ROWS)).unwrap();
    let map = concat!(env!("CARGO_MANIFEST_DIR"), "/../maps/tickets.toml");
    let serving = place.serve();
    let client = serving.sign_in(ADMIN).await;
    let mut importing = place.command(&["import", "list.csv", "--map", map]).spawn().unwrap();
    until("some are in", || async { client.tickets().await > 0 }).await;
    serving.kill();
    assert!(!importing.wait().unwrap().success(), "the server went away in the middle");

    let serving = place.serve();
    let said = place.run(&["import", "list.csv", "--map", map]);
    assert!(said.well && said.out.contains(&format!("{ROWS} tickets")), "{said:?}");
    let client = serving.sign_in(ADMIN).await;
    assert_eq!(client.tickets().await, ROWS);
    let again = place.run(&["import", "list.csv", "--map", map]);
    assert!(again.out.contains(&format!("0 created, 0 updated, {ROWS} unchanged")), "{again:?}");
    serving.stop();
}
