//! kill -9 of the running program: acknowledged writes exist exactly once, and log, index and jobs
//! continue. The number of rounds is bounded.

use std::collections::BTreeMap;

use tests::process::{Installation, ServerProcess, wait_until};
use tests::{Client, attribution, json};
use tokio::sync::mpsc;

use crate::PROGRAM;

const ADMIN: &str = "admin@crash.test";
const WRITERS: usize = 4;
/// The number of responses after which each round kills the program; SOAK_ROUNDS (`make soak`) adds rounds.
const KILL_AFTER: [usize; 4] = [3, 17, 40, 71];

/// The fixed rounds, then the additional ones.
fn kill_points() -> impl Iterator<Item = usize> {
    let more = std::env::var("SOAK_ROUNDS").map_or(0, |rounds| rounds.parse().expect("SOAK_ROUNDS is a number"));
    // Varied and deterministic, so that a failure can be repeated.
    KILL_AFTER.into_iter().chain((0..more).map(|round: usize| 1 + round.wrapping_mul(7_919) % 97))
}

/// What the server has acknowledged to a client.
#[derive(Clone, Debug, Default)]
struct Acknowledged {
    id: Option<String>,
    resolved: bool,
}

/// A unique code: the idempotency key of the creation, and the search term.
fn unique_code(round: usize, writer: usize, n: usize) -> String {
    format!("E-{}", 1_000_000 + round * 3_000 + writer * 700 + n)
}

async fn create(client: &Client, unique_code: &str) -> Result<String, reqwest::Error> {
    let input =
        json!({ "title": format!("泵站 {unique_code} 停机"), "description": "stopped", "idempotencyKey": unique_code });
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

/// Writes until the server is gone, and sends on each acknowledgement.
async fn write(client: Client, round: usize, writer: usize, sender: mpsc::UnboundedSender<(String, Acknowledged)>) {
    for n in 0.. {
        let unique_code = unique_code(round, writer, n);
        let _ = sender.send((unique_code.clone(), Acknowledged::default()));
        let Ok(id) = create(&client, &unique_code).await else { return };
        let _ = sender.send((unique_code.clone(), Acknowledged { id: Some(id.clone()), resolved: false }));
        if resolve(&client, &id).await.is_err() {
            return;
        }
        let _ = sender.send((unique_code, Acknowledged { id: Some(id), resolved: true }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_writes_survive_kill_9_exactly_once() {
    let mut installation = Installation::new(PROGRAM).await;
    // Resolved tickets are closed by an immediate job, so that each kill interrupts due jobs.
    installation.set("BUOY_TICKETS__CLOSE_AFTER_DAYS", "0");
    installation.add_user(ADMIN, "ADMIN");
    let mut acknowledged: BTreeMap<String, Acknowledged> = BTreeMap::new();
    for (round, kill_after) in kill_points().enumerate() {
        let server = installation.serve();
        let client = server.sign_in(ADMIN).await;
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let writers: Vec<_> =
            (0..WRITERS).map(|writer| tokio::spawn(write(client.clone(), round, writer, sender.clone()))).collect();
        drop(sender);
        let mut answers = 0;
        let mut server = Some(server);
        while let Some((unique_code, now)) = receiver.recv().await {
            answers += usize::from(now.id.is_some());
            acknowledged.insert(unique_code, now);
            if answers == kill_after
                && let Some(server) = server.take()
            {
                server.kill();
            }
        }
        for writer in writers {
            writer.await.unwrap();
        }
    }
    let server = installation.serve();
    check_acknowledged(&server, &acknowledged).await;
    wait_until("everything is sealed", || async {
        installation.run(&["audit", "verify"]).stdout.contains(" 0 events not sealed")
    })
    .await;
    let verified = installation.run(&["audit", "verify"]);
    assert!(verified.success, "{verified:?}");
    let doctor = installation.run(&["doctor"]);
    assert!(!doctor.stdout.contains("FAIL"), "{doctor:?}");
    server.stop();
}

async fn check_acknowledged(server: &ServerProcess, acknowledged: &BTreeMap<String, Acknowledged>) {
    let client = server.sign_in(ADMIN).await;
    for (unique_code, acknowledged) in acknowledged {
        // A retry with the same idempotency key makes no second ticket.
        let id = create(&client, unique_code).await.unwrap();
        if let Some(known) = &acknowledged.id {
            assert_eq!(known, &id, "{unique_code} was acknowledged");
        }
        let query = "query Q($id: ID!) { ticket(id: $id) { status events(first: 50) { nodes { kind } } } }";
        let ask = || client.query(query, json!({ "id": id }));
        // Other tests on the same PostgreSQL server may hold the horizon back.
        // The job that closes the ticket survives too.
        let wanted = if acknowledged.resolved { "TicketClosed" } else { "TicketCreated" };
        wait_until("its events can be read", || async { ask().await.to_string().contains(wanted) }).await;
        let found = ask().await;
        let events = found["ticket"]["events"]["nodes"].as_array().unwrap();
        let of = |kind: &str| events.iter().filter(|event| event["kind"] == kind).count();
        assert_eq!(of("TicketCreated"), 1, "{unique_code}: {events:?}");
        if acknowledged.resolved {
            assert_eq!(found["ticket"]["status"], "CLOSED", "{unique_code} was acknowledged");
            assert_eq!((of("TicketResolved"), of("TicketClosed")), (1, 1), "{unique_code}: {events:?}");
        }
    }
    assert_eq!(client.count_tickets().await, acknowledged.len());
    let similar = "query S($input: SimilarCasesInput!) { similarCases(first: 1, input: $input) { ticket { id } } }";
    for (unique_code, acknowledged) in acknowledged.iter().filter(|(_, acknowledged)| acknowledged.resolved) {
        wait_until("the index has caught up", || async {
            let found = client.query(similar, json!({ "input": { "title": unique_code } })).await;
            found["similarCases"][0]["ticket"]["id"] == json!(acknowledged.id)
        })
        .await;
    }
}

/// A CSV file with this many tickets.
fn csv_rows(rows: usize) -> String {
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
async fn a_killed_import_can_be_run_again_without_duplicates() {
    const ROWS: usize = 1_500;
    let installation = Installation::new(PROGRAM).await;
    installation.add_user(ADMIN, "ADMIN");
    std::fs::write(installation.path("list.csv"), csv_rows(ROWS)).unwrap();
    let map = concat!(env!("CARGO_MANIFEST_DIR"), "/../maps/tickets.toml");
    let server = installation.serve();
    let client = server.sign_in(ADMIN).await;
    let mut importing = installation.command(&["import", "list.csv", "--map", map]).spawn().unwrap();
    wait_until("some are in", || async { client.count_tickets().await > 0 }).await;
    server.kill();
    assert!(!importing.wait().unwrap().success(), "the server was killed during the import");

    let server = installation.serve();
    let output = installation.run(&["import", "list.csv", "--map", map]);
    assert!(output.success && output.stdout.contains(&format!("{ROWS} tickets")), "{output:?}");
    let client = server.sign_in(ADMIN).await;
    assert_eq!(client.count_tickets().await, ROWS);
    let again = installation.run(&["import", "list.csv", "--map", map]);
    assert!(again.stdout.contains(&format!("0 created, 0 updated, {ROWS} unchanged")), "{again:?}");
    server.stop();
}
