//! Failures of the installation give a clear error and lose no data.

use sea_orm::{ConnectionTrait as _, Database};
use tests::process::{Installation, wait_until};
use tests::{attribution, json, on_postgres};

use crate::PROGRAM;

const ADMIN: &str = "admin@place.test";

#[tokio::test(flavor = "multi_thread")]
async fn a_database_newer_than_the_program_is_rejected() {
    let installation = Installation::new(PROGRAM).await;
    installation.add_user(ADMIN, "ADMIN");
    let url = if on_postgres() {
        installation.database.url()
    } else {
        format!("sqlite://{}", installation.data("buoy.sqlite").display())
    };
    let db = Database::connect(url).await.unwrap();
    db.execute_unprepared("insert into seaql_migrations (version, applied_at) values ('m9999_tomorrow', 0)")
        .await
        .unwrap();
    db.close().await.unwrap();
    for command in [&["serve"][..], &["audit", "verify"], &["backup", "copy"], &["doctor"]] {
        let output = installation.run(command);
        let words = output.stdout + &output.stderr;
        assert!(
            !output.success && words.contains("newer version of Buoy (it knows m9999_tomorrow)"),
            "{command:?}: {words}"
        );
    }
    assert!(!installation.path("copy").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn data_and_backups_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let installation = Installation::new(PROGRAM).await;
    installation.add_user(ADMIN, "ADMIN");
    let server = installation.serve();
    server.sign_in(ADMIN).await;
    let copy = installation.path("copy");
    assert!(installation.run(&["backup", copy.to_str().unwrap()]).success);
    server.stop();
    let (mut open, mut seen) = (Vec::new(), 0);
    let mut paths = vec![installation.path("data"), copy];
    while let Some(path) = paths.pop() {
        let mode = std::fs::symlink_metadata(&path).unwrap().permissions().mode();
        if mode & 0o077 != 0 {
            open.push(format!("{} {mode:o}", path.display()));
        }
        seen += 1;
        if path.is_dir() {
            paths.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    assert!(open.is_empty() && seen > 5, "{seen} paths, readable by others: {open:#?}");
    // Nothing is broken, but nobody is told of tickets that nobody answers: the first thing to set up.
    let fresh = installation.run(&["doctor"]);
    assert_eq!(fresh.code, Some(3), "{fresh:?}");
    assert!(fresh.stdout.starts_with("TODO  tickets that nobody answers would reach nobody:"), "{fresh:?}");
    assert!(fresh.stdout.contains("URGENT: ") && !fresh.stdout.contains("FAIL"), "{fresh:?}");
    let data = installation.path("data");
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).unwrap();
    let doctor = installation.run(&["doctor"]);
    assert!(!doctor.success && doctor.stdout.contains("chmod -R go= "), "{doctor:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_or_outdated_index_is_rebuilt() {
    let installation = Installation::new(PROGRAM).await;
    installation.add_user(ADMIN, "ADMIN");
    let similar = "query S($input: SimilarCasesInput!) { similarCases(first: 1, input: $input) { ticket { id } } }";
    let input = json!({ "input": { "title": "E-721" } });
    let server = installation.serve();
    let client = server.sign_in(ADMIN).await;
    let created =
        client.mutate_ok("createTicket", "ticket { id }", json!({ "title": "E-721", "description": "停机" })).await;
    let id = &created["ticket"]["id"];
    client.mutate_ok("acceptTicket", "__typename", json!({ "ticketId": id })).await;
    let mut complete = attribution("restarted");
    complete.as_object_mut().unwrap().remove("causeTag");
    client.mutate_ok("resolveTicket", "__typename", json!({ "ticketId": id, "attribution": complete })).await;
    let found = || async { client.query(similar, input.clone()).await["similarCases"][0]["ticket"]["id"] == *id };
    wait_until("it is found", found).await;
    server.stop();

    let current =
        || installation.data("index").join(tests::process::read_text(&installation.data("index/CURRENT")).trim());
    for harm in ["another format", "a broken file", "no folder"] {
        match harm {
            "another format" => std::fs::write(current().join("format"), "buoy-search 0").unwrap(),
            "a broken file" => std::fs::write(current().join("meta.json"), "{ half").unwrap(),
            _ => std::fs::remove_dir_all(installation.data("index")).unwrap(),
        }
        let server = installation.serve();
        let client = server.sign_in(ADMIN).await;
        let found = || async { client.query(similar, input.clone()).await["similarCases"][0]["ticket"]["id"] == *id };
        wait_until(harm, found).await;
        server.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn startup_errors_name_the_folder_or_setting() {
    let installation = Installation::on_sqlite(PROGRAM);
    std::fs::write(installation.path("file"), "").unwrap();
    for (key, value, words) in [
        ("BUOY_DATA_DIR", installation.path("file/data").to_str().unwrap(), "file/data"),
        ("BUOY_DATABASE_URL", "mysql://somewhere/buoy", "BUOY_DATABASE_URL must begin with postgres://"),
        ("BUOY_ORG__TIME_ZONE", "Mars/Olympus", "no IANA time zone"),
        ("BUOY_LISTEN", "everywhere", "LISTEN"),
    ] {
        let output = installation.command(&["serve"]).env(key, value).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && stderr.contains(words), "{key}={value}: {stderr}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_in_a_file_is_an_error_and_an_unknown_variable_a_warning() {
    let installation = Installation::on_sqlite(PROGRAM);
    std::fs::write(installation.path("buoy.toml"), "[org]\ntimezone = \"UTC\"").unwrap();
    let refused = installation.run(&["audit", "verify", "--config", "buoy.toml"]);
    assert!(!refused.success && refused.stderr.contains("timezone"), "{refused:?}");

    // A misspelt variable, and what Kubernetes sets beside a service called buoy.
    let variables = [
        ("BUOY_ORG__TIMEZONE", "UTC"),
        ("BUOY_PORT", "tcp://10.0.0.7:8080"),
        ("BUOY_SERVICE_HOST", "10.0.0.7"),
        ("BUOY_PORT_8080_TCP_PROTO", "tcp"),
        // Texts that look like numbers.
        ("BUOY_CHANNELS__WECOM__CORP_ID", "2026"),
        ("BUOY_CHANNELS__WECOM__AGENT_ID", "1000001"),
        ("BUOY_CHANNELS__WECOM__SECRET", "12e3"),
    ];
    let output = installation.command(&["audit", "verify"]).envs(variables).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains("BUOY_ORG__TIMEZONE has no effect") && stderr.contains("BUOY_ORG__TIME_ZONE"), "{stderr}");
    assert!(!stderr.contains("BUOY_PORT") && !stderr.contains("BUOY_SERVICE"), "{stderr}");
    let output = installation.command(&["doctor"]).envs(variables).output().unwrap();
    let findings = String::from_utf8(output.stdout).unwrap();
    let finding = findings.lines().find(|line| line.starts_with("FAIL") && line.contains("BUOY_ORG__TIMEZONE"));
    assert!(!output.status.success() && finding.is_some(), "{findings}");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_later_versions_are_reported_as_ineffective() {
    let installation = Installation::on_sqlite(PROGRAM);
    let later = [("BUOY_NATS_URL", "nats://x")];
    let output = installation.command(&["audit", "verify"]).envs(later).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    for (name, _) in later {
        assert!(stderr.contains(&format!("{name} has no effect")), "{stderr}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_a_data_folder_is_rejected() {
    let installation = Installation::new(PROGRAM).await;
    installation.add_user(ADMIN, "ADMIN");
    let server = installation.serve();
    let second = installation.run(&["serve"]);
    assert!(!second.success && second.stderr.contains("another process of Buoy uses"), "{second:?}");
    let restore = installation.run(&["restore", "anything"]);
    assert!(!restore.success && restore.stderr.contains("another process of Buoy uses"), "{restore:?}");
    // Commands that may run beside the server go through it.
    assert!(!installation.run(&["doctor"]).stdout.contains("FAIL"));
    server.stop();
}

/// SQLite only: PostgreSQL manages its own files.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_rejects_writes_and_loses_no_acknowledged_ticket() {
    const KIB: u64 = 2_000;
    let installation = Installation::on_sqlite(PROGRAM);
    installation.add_user(ADMIN, "ADMIN");
    let server = installation.serve_with_file_limit(KIB);
    let client = server.sign_in(ADMIN).await;
    let create = |n: usize| {
        let client = client.clone();
        async move {
            let input = json!({ "title": format!("ticket {n}"), "description": "x".repeat(15_000) });
            client.try_mutate("createTicket", "ticket { id }", input).await.unwrap()
        }
    };
    let mut stored = Vec::new();
    let mut refused = 0;
    // Several at a time, because they share a commit.
    for group in 0.. {
        let answers = futures::future::join_all((0..8).map(|n| create(group * 8 + n))).await;
        for answer in answers {
            match answer.body.get("errors") {
                None => stored.push(answer.data()["createTicket"]["ticket"]["id"].as_str().unwrap().to_owned()),
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
        assert!(group < 200, "the disk never became full");
    }
    // The server still answers, and stored tickets can be read.
    let by_id = "query Q($id: ID!) { ticket(id: $id) { id } }";
    assert_eq!(client.query(by_id, json!({ "id": stored[0] })).await["ticket"]["id"], json!(stored[0]));
    server.kill();

    let server = installation.serve();
    let client = server.sign_in(ADMIN).await;
    for id in &stored {
        assert_eq!(client.query(by_id, json!({ "id": id })).await["ticket"]["id"], json!(id));
    }
    assert_eq!(client.count_tickets().await, stored.len(), "rejected tickets do not exist");
    assert!(installation.run(&["audit", "verify"]).success);
    server.stop();
}
