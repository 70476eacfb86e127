//! A backup can be restored into either engine, with the same event log.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::Path;

use domain::backup::queries::backup;
use domain::kernel::UserId;
use domain::people::model::PeopleEvent;
use domain::runtime::Ctx;
use sea_orm::{ConnectionTrait as _, Statement};
use tests::process::{Installation, wait_until};
use tests::socket::Socket;
use tests::{Desk, Json, json, on_postgres};
use uuid::Uuid;

use crate::PROGRAM;

/// The rows of one table of a backup.
fn rows(folder: &Path, table: &str) -> Vec<Vec<Json>> {
    let file = std::fs::File::open(folder.join(format!("{table}.jsonl.gz"))).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The position and the digest of each row of the log.
fn log(folder: &Path) -> Vec<(i64, i64, String)> {
    let manifest: Json = serde_json::from_slice(&std::fs::read(folder.join("backup.json")).unwrap()).unwrap();
    let tables = manifest["tables"].as_array().unwrap();
    let columns = tables.iter().find(|table| table["table"] == "event_log").unwrap()["columns"].as_array().unwrap();
    let at = |name: &str| columns.iter().position(|column| column["name"] == name).unwrap();
    let (xid, seq, digest) = (at("xid"), at("seq"), at("digest"));
    let integer = |cell: &Json| cell.as_i64().unwrap();
    rows(folder, "event_log")
        .iter()
        .map(|row| (integer(&row[xid]), integer(&row[seq]), row[digest].as_str().unwrap().to_owned()))
        .collect()
}

fn digests(log: &[(i64, i64, String)]) -> Vec<&str> {
    log.iter().map(|(.., digest)| digest.as_str()).collect()
}

fn event(n: u128) -> PeopleEvent {
    PeopleEvent::UserChanged { user: UserId(Uuid::from_u128(n)), fields: Vec::new() }
}

async fn back_up(desk: &Desk, to: &Path) {
    backup(&desk.app, to, &migrations::TABLES, &migrations::names(), |_| {}).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_log_keeps_its_events_and_order_on_both_engines() {
    let desk = Desk::start().await;
    desk.create_resolved_ticket("agent1", "PM-3300 上电后报 E-721", "更换电源端子", json!({})).await;
    // On PostgreSQL the transaction that began first takes the higher seq.
    let app = desk.app.clone();
    if on_postgres() {
        let mut early = Ctx::system(&app).begin().await.unwrap();
        early.conn().execute_unprepared("select pg_current_xact_id()").await.unwrap();
        let mut later = Ctx::system(&app).begin().await.unwrap();
        later.record(event(2)).await.unwrap();
        later.commit().await.unwrap();
        early.record(event(1)).await.unwrap();
        early.commit().await.unwrap();
    }
    desk.wait_for_followers().await;
    assert!(domain::audit::commands::seal(&desk.app).await.unwrap() > 0);
    let last = desk.create_ticket("requester1", "still open", json!({})).await;
    let number = "query Q($id: ID!) { ticket(id: $id) { number } boardCursor }";
    desk.wait_for_followers().await;
    let before = desk.as_("admin").await.query(number, json!({ "id": last })).await;
    let first = desk.folder.path().join("first");
    back_up(&desk, &first).await;
    let original = log(&first);
    if on_postgres() {
        assert!(original.windows(2).any(|pair| pair[0].1 > pair[1].1), "its order is (xid, seq), not seq");
    }

    // To SQLite first, then from there to the engine of this run.
    let mut from = (first, desk.folder.path().to_owned());
    for (step, installation) in
        [Installation::on_sqlite(PROGRAM), Installation::new(PROGRAM).await].into_iter().enumerate()
    {
        let (folder, home) = &from;
        let folder_name = folder.to_str().unwrap();
        let refused = installation.run(&["restore", folder_name]);
        assert!(!refused.success && refused.stderr.contains("master key"), "{refused:?}");
        std::fs::copy(home.join("master.key"), installation.data("master.key")).unwrap();
        let restored = installation.run(&["restore", folder_name]);
        assert!(restored.success, "{restored:?}");
        let again = installation.run(&["restore", folder_name]);
        assert!(!again.success && again.stderr.contains("not empty"), "{again:?}");
        let email = format!("admin{step}@restored.test");
        installation.add_user(&email, "ADMIN");

        let server = installation.serve();
        let admin = server.sign_in(&email).await;
        let mut socket = Socket::open(&admin).await;
        let board = "subscription B($after: String) { boardEvents(after: $after) { kind } }";
        socket.subscribe("b", board, json!({ "after": before["boardCursor"] })).await;
        assert_eq!(socket.event().await["boardEvents"]["kind"], "RESYNC", "a cursor from before the restore");
        let similar = "query S($input: SimilarCasesInput!) { similarCases(input: $input) { ticket { title } } }";
        wait_until("the index is rebuilt", || async {
            let found = admin.query(similar, json!({ "input": { "title": "E-721" } })).await;
            found["similarCases"][0]["ticket"]["title"] == "PM-3300 上电后报 E-721"
        })
        .await;
        let created = admin
            .mutate_ok("createTicket", "ticket { number }", json!({ "title": "after", "description": "after" }))
            .await;
        let expected = before["ticket"]["number"].as_i64().unwrap() + 1 + i64::try_from(step).unwrap();
        assert_eq!(created["ticket"]["number"], json!(expected), "ticket numbers continue");
        // The feed continues too, with events of timers.
        while socket.event().await["boardEvents"]["kind"] != "TICKET_CREATED" {}

        // A backup of a running server.
        let copy = installation.path("copy");
        let output = installation.run(&["backup", copy.to_str().unwrap()]);
        assert!(output.success, "{output:?}");
        let copied = log(&copy);
        assert_eq!(digests(&copied)[..original.len()], digests(&original), "every event in the original order");
        if step == 0 {
            let places: Vec<i64> = copied.iter().map(|(_, seq, _)| *seq).collect();
            assert_eq!(places, (1..=i64::try_from(copied.len()).unwrap()).collect::<Vec<_>>());
        }
        assert!(copied[..original.len()].iter().all(|(xid, ..)| *xid == 0));
        assert!(copied.windows(2).all(|pair| (pair[0].0, pair[0].1) < (pair[1].0, pair[1].1)));
        let verified = installation.run(&["audit", "verify"]);
        assert!(verified.success, "{verified:?}");
        server.stop();
        let moved = desk.folder.path().join(format!("copy-{step}"));
        std::fs::rename(&copy, &moved).unwrap();
        let key = desk.folder.path().join(format!("home-{step}"));
        std::fs::create_dir(&key).unwrap();
        std::fs::copy(installation.data("master.key"), key.join("master.key")).unwrap();
        from = (moved, key);
    }
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_backup_restores_nothing() {
    let desk = Desk::start().await;
    desk.create_ticket("requester1", "无法开机", json!({})).await;
    let folder = desk.folder.path().join("backup");
    back_up(&desk, &folder).await;
    let installation = Installation::new(PROGRAM).await;
    std::fs::create_dir_all(installation.data("")).unwrap();
    std::fs::copy(desk.folder.path().join("master.key"), installation.data("master.key")).unwrap();
    let path = folder.to_str().unwrap();
    let good = std::fs::read(folder.join("ticket.jsonl.gz")).unwrap();

    std::fs::write(folder.join("ticket.jsonl.gz"), &good[..good.len() / 2]).unwrap();
    let cut = installation.run(&["restore", path]);
    assert!(
        !cut.success && cut.stderr.contains("ticket.jsonl.gz") && cut.stderr.contains("nothing was restored"),
        "{cut:?}"
    );

    std::fs::copy(folder.join("comment.jsonl.gz"), folder.join("ticket.jsonl.gz")).unwrap();
    let swapped = installation.run(&["restore", path]);
    assert!(!swapped.success && swapped.stderr.contains("is damaged"), "{swapped:?}");

    // The database is still empty.
    std::fs::write(folder.join("ticket.jsonl.gz"), &good).unwrap();
    let restored = installation.run(&["restore", path]);
    assert!(restored.success, "{restored:?}");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_without_the_master_key_restores_tickets_and_restarts_seals() {
    let desk = Desk::start().await;
    desk.create_ticket("requester1", "无法开机", json!({})).await;
    desk.wait_for_followers().await;
    domain::audit::commands::seal(&desk.app).await.unwrap();
    let folder = desk.folder.path().join("backup");
    back_up(&desk, &folder).await;
    let installation = Installation::new(PROGRAM).await;
    let restored = installation.run(&["restore", folder.to_str().unwrap(), "--without-key"]);
    assert!(restored.success && restored.stdout.contains(" 0 seals"), "{restored:?}");
    installation.add_user("second@restored.test", "ADMIN");
    let server = installation.serve();
    let admin = server.sign_in("second@restored.test").await;
    let found = admin.query("{ tickets { nodes { title } } }", json!({})).await;
    assert_eq!(found["tickets"]["nodes"], json!([{ "title": "无法开机" }]));
    wait_until("the log is sealed again", || async {
        installation.run(&["audit", "verify"]).stdout.contains(" 0 events not sealed")
    })
    .await;
    server.stop();
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_overwrites_nothing_and_a_newer_manifest_is_rejected() {
    let desk = Desk::start().await;
    let folder = desk.folder.path().join("backup");
    back_up(&desk, &folder).await;
    let again = backup(&desk.app, &folder, &migrations::TABLES, &migrations::names(), |_| {}).await.unwrap_err();
    assert!(again.to_string().contains("exists already"), "{again}");
    let manifest = folder.join("backup.json");
    let of_tomorrow =
        std::fs::read_to_string(&manifest).unwrap().replace("\"m0001_spine\"", "\"m0001_spine\", \"m9999\"");
    std::fs::write(&manifest, of_tomorrow).unwrap();
    let installation = Installation::new(PROGRAM).await;
    let refused = installation.run(&["restore", folder.to_str().unwrap(), "--without-key"]);
    assert!(!refused.success && refused.stderr.contains("newer version of Buoy (it knows m9999)"), "{refused:?}");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_contains_every_table() {
    let desk = Desk::start().await;
    let sql = if on_postgres() {
        "select table_name::text as name from information_schema.tables where table_schema = current_schema()"
    } else {
        "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'"
    };
    let conn = desk.app.db.read();
    let rows = conn.query_all_raw(Statement::from_string(conn.get_database_backend(), sql)).await.unwrap();
    let mut there: BTreeSet<String> = rows.iter().map(|row| row.try_get("", "name").unwrap()).collect();
    assert!(there.remove("seaql_migrations"));
    assert_eq!(there, migrations::TABLES.iter().map(|table| (*table).to_owned()).collect(), "add it to TABLES");
    desk.close().await;
}
