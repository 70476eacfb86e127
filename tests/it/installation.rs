//! What stands in the way of a start or a write is said clearly, and costs nothing that was kept.

use sea_orm::{ConnectionTrait as _, Database};
use tests::process::{Installation, until};
use tests::{attribution, json, on_postgres};

use crate::PROGRAM;

const ADMIN: &str = "admin@place.test";

#[tokio::test(flavor = "multi_thread")]
async fn a_database_newer_than_the_program_is_refused() {
    let place = Installation::new(PROGRAM).await;
    place.add_user(ADMIN, "ADMIN");
    let url =
        if on_postgres() { place.database.url() } else { format!("sqlite://{}", place.data("buoy.sqlite").display()) };
    let db = Database::connect(url).await.unwrap();
    db.execute_unprepared("insert into seaql_migrations (version, applied_at) values ('m9999_tomorrow', 0)")
        .await
        .unwrap();
    db.close().await.unwrap();
    for command in [&["serve"][..], &["audit", "verify"], &["backup", "copy"], &["doctor"]] {
        let said = place.run(command);
        let words = said.out + &said.err;
        assert!(
            !said.well && words.contains("newer version of Buoy (it knows m9999_tomorrow)"),
            "{command:?}: {words}"
        );
    }
    assert!(!place.path("copy").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_another_version_or_a_broken_one_is_built_anew() {
    let place = Installation::new(PROGRAM).await;
    place.add_user(ADMIN, "ADMIN");
    let similar = "query S($input: SimilarCasesInput!) { similarCases(first: 1, input: $input) { ticket { id } } }";
    let input = json!({ "input": { "title": "E-721" } });
    let serving = place.serve();
    let client = serving.sign_in(ADMIN).await;
    let created =
        client.done("createTicket", "ticket { id }", json!({ "title": "E-721", "description": "停机" })).await;
    let id = &created["ticket"]["id"];
    client.done("acceptTicket", "__typename", json!({ "ticketId": id })).await;
    let mut complete = attribution("restarted");
    complete.as_object_mut().unwrap().remove("causeTag");
    client.done("resolveTicket", "__typename", json!({ "ticketId": id, "attribution": complete })).await;
    let found = || async { client.query(similar, input.clone()).await["similarCases"][0]["ticket"]["id"] == *id };
    until("it is found", found).await;
    serving.stop();

    let current = || place.data("index").join(tests::process::text_of(&place.data("index/CURRENT")).trim());
    for harm in ["another format", "a broken file", "no folder"] {
        match harm {
            "another format" => std::fs::write(current().join("format"), "buoy-search 0").unwrap(),
            "a broken file" => std::fs::write(current().join("meta.json"), "{ half").unwrap(),
            _ => std::fs::remove_dir_all(place.data("index")).unwrap(),
        }
        let serving = place.serve();
        let client = serving.sign_in(ADMIN).await;
        let found = || async { client.query(similar, input.clone()).await["similarCases"][0]["ticket"]["id"] == *id };
        until(harm, found).await;
        serving.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_used_and_settings_that_are_wrong_are_named() {
    let place = Installation::on_sqlite(PROGRAM);
    std::fs::write(place.path("file"), "").unwrap();
    for (key, value, words) in [
        ("BUOY_DATA_DIR", place.path("file/data").to_str().unwrap(), "file/data"),
        ("BUOY_DATABASE_URL", "mysql://somewhere/buoy", "BUOY_DATABASE_URL must begin with postgres://"),
        ("BUOY_ORG__TIME_ZONE", "Mars/Olympus", "no IANA time zone"),
        ("BUOY_ORG__TIMEZONE", "UTC", "timezone"),
        ("BUOY_LISTEN", "everywhere", "LISTEN"),
    ] {
        let output = place.command(&["serve"]).env(key, value).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(words), "{key}={value}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_later_versions_are_said_to_have_no_effect() {
    let place = Installation::on_sqlite(PROGRAM);
    let later = [("BUOY_NATS_URL", "nats://x")];
    let output = place.command(&["audit", "verify"]).envs(later).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    for (name, _) in later {
        assert!(said.contains(&format!("{name} has no effect")), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_never_share_a_data_folder() {
    let place = Installation::new(PROGRAM).await;
    place.add_user(ADMIN, "ADMIN");
    let serving = place.serve();
    let second = place.run(&["serve"]);
    assert!(!second.well && second.err.contains("another process of Buoy uses"), "{second:?}");
    let restore = place.run(&["restore", "anything"]);
    assert!(!restore.well && restore.err.contains("another process of Buoy uses"), "{restore:?}");
    // What may run beside the server goes through it.
    assert!(place.run(&["doctor"]).well);
    serving.stop();
}

/// SQLite only: PostgreSQL keeps its files itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_what_it_cannot_keep_and_loses_nothing_that_it_kept() {
    const KIB: u64 = 2_000;
    let place = Installation::on_sqlite(PROGRAM);
    place.add_user(ADMIN, "ADMIN");
    let serving = place.serve_within(KIB);
    let client = serving.sign_in(ADMIN).await;
    let create = |n: usize| {
        let client = client.clone();
        async move {
            let input = json!({ "title": format!("ticket {n}"), "description": "x".repeat(15_000) });
            client.try_mutate("createTicket", "ticket { id }", input).await.unwrap()
        }
    };
    let mut kept = Vec::new();
    let mut refused = 0;
    // Several at a time: they share a commit, and share its fate.
    for group in 0.. {
        let answers = futures::future::join_all((0..8).map(|n| create(group * 8 + n))).await;
        for answer in answers {
            match answer.body.get("errors") {
                None => kept.push(answer.data()["createTicket"]["ticket"]["id"].as_str().unwrap().to_owned()),
                Some(_) => {
                    assert_eq!(answer.code(), "INTERNAL");
                    let error = &answer.body["errors"][0];
                    assert!(error["message"].as_str().unwrap().contains("disk is full"), "{error:#}");
                    assert!(error["extensions"]["requestId"].is_string(), "{error:#}");
                    refused += 1;
                }
            }
        }
        if refused > 0 {
            break;
        }
        assert!(group < 200, "the disk never got full");
    }
    // It still answers, and what was kept can be read.
    let by_id = "query Q($id: ID!) { ticket(id: $id) { id } }";
    assert_eq!(client.query(by_id, json!({ "id": kept[0] })).await["ticket"]["id"], json!(kept[0]));
    serving.kill();

    let serving = place.serve();
    let client = serving.sign_in(ADMIN).await;
    for id in &kept {
        assert_eq!(client.query(by_id, json!({ "id": id })).await["ticket"]["id"], json!(id));
    }
    assert_eq!(client.tickets().await, kept.len(), "what was refused is not there");
    assert!(place.run(&["audit", "verify"]).well);
    serving.stop();
}
