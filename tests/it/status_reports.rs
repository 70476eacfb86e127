//! Single reports of a batch, and their times.

use domain::kernel::seconds;
use domain::runtime::Db;
use sea_orm::{ConnectionTrait as _, Statement};
use tests::partner::Partner;
use tests::{Database, Desk, Json, json, on_postgres};

use crate::hub::{PANORAMA, assign_and_accept, new_ticket, ticket};

/// The outcome, the code and the index of each result.
fn short(results: &[Json]) -> Json {
    results.iter().map(|one| json!([one["index"], one["outcome"], one["code"]])).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_timestamp_refuses_its_own_report_only() {
    let desk = Desk::start().await;
    let erp = Partner::register(&desk, "ERP", 10).await;
    let (id, token) = new_ticket(&desk, "时间", &[]).await;
    assign_and_accept(&desk, &id).await;
    let report = |at: Json| json!({ "uuid": token, "status": "待确认", "timestamp": at, "operator": "王工" });
    let results = erp
        .report(json!([
            report(json!("2026-03-02 01:00:10")),
            report(json!("2026-03-02T01:00:10Z")),
            report(json!("yesterday")),
            report(json!("")),
            report(json!("2026-02-30T00:00:00Z")),
            report(json!(1_772_413_200)),
        ]))
        .await;
    let expected = json!([
        [0, "REFUSED", "INVALID"],
        [1, "APPLIED", null],
        [2, "REFUSED", "INVALID"],
        [3, "REFUSED", "INVALID"],
        [4, "REFUSED", "INVALID"],
        [5, "REFUSED", "INVALID"],
    ]);
    assert_eq!(short(&results), expected, "{results:#?}");
    let message = results[2]["message"].as_str().unwrap();
    assert!(message.contains("timestamp") && message.contains("yesterday"), "{message}");
    // The same in the document itself; null and a missing one are errors of the request.
    let query = |at: &str| {
        format!(
            "mutation {{ reportStatuses(input: {{ reports: [{{ uuid: \"{token}\", status: \"待确认\", operator: \"x\"{at} }}] }})
            {{ results {{ index outcome code }} userErrors {{ code }} }} }}"
        )
    };
    let answer = erp.client.query(&query(", timestamp: \"soon\""), json!({})).await;
    assert_eq!(short(answer["reportStatuses"]["results"].as_array().unwrap()), json!([[0, "REFUSED", "INVALID"]]));
    for at in ["", ", timestamp: null"] {
        let answer = erp.client.execute(&query(at), json!({})).await;
        assert!(answer.body["errors"].is_array(), "{at}: {:#}", answer.body);
    }
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_of_a_time_before_the_ticket_changes_nothing() {
    let desk = Desk::start().await;
    let erp = Partner::register(&desk, "ERP", 10).await;
    let admin = desk.as_("admin").await;
    let (id, token) = new_ticket(&desk, "早于", &["ERP"]).await;
    for at in ["1970-01-01T00:00:00Z", "2026-03-02T00:59:59Z", "0001-01-01T00:00:00Z"] {
        let (outcome, truth) = erp.report_status(&token, "已取消", at).await;
        assert_eq!((outcome.as_str(), truth.as_str()), ("STALE", "NEW"), "{at}");
    }
    let seen = ticket(&admin, &id).await;
    assert_eq!((&seen["status"], &seen["pendingReport"]), (&json!("NEW"), &Json::Null));
    // One of the same second counts, and the early ones stay without effect.
    assert_eq!(erp.report_status(&token, "已下发", "2026-03-02T01:00:00Z").await.0, "APPLIED");
    assert_eq!(erp.report_status(&token, "已关闭", "2026-03-02T00:00:00Z").await, ("STALE".into(), "ASSIGNED".into()));
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_within_a_millisecond_and_within_a_batch_keep_their_order() {
    let desk = Desk::start().await;
    let erp = Partner::register(&desk, "ERP", 10).await;
    let admin = desk.as_("admin").await;
    let (id, token) = new_ticket(&desk, "微秒", &[]).await;
    assign_and_accept(&desk, &id).await;
    for (word, at, outcome, truth) in [
        ("待确认", "2026-03-02T01:00:10.000200Z", "APPLIED", "WAITING"),
        ("处理中", "2026-03-02T01:00:10.000199Z", "STALE", "WAITING"),
        ("处理中", "2026-03-02T09:00:10.000201+08:00", "APPLIED", "IN_PROGRESS"),
        ("处理中", "2026-03-02T01:00:10.0002019Z", "DUPLICATE", "IN_PROGRESS"),
    ] {
        assert_eq!(erp.report_status(&token, word, at).await, (outcome.into(), truth.into()), "{word} {at}");
    }
    let seen = admin.query(PANORAMA, json!({ "reference": token })).await["panorama"].clone();
    let times: Vec<&Json> = seen["history"].as_array().unwrap().iter().map(|one| &one["timestamp"]).collect();
    let expected = ["201", "200", "199"].map(|micros| format!("2026-03-02T01:00:10.000{micros}Z"));
    assert_eq!(json!(times), json!(expected));
    assert_eq!(seen["systems"][0]["reportedAt"], json!(expected[0]));
    assert_eq!(ticket(&admin, &id).await["status"], "IN_PROGRESS");
    // The order within a batch decides, whatever the words are.
    let words = ["处理中", "待确认", "已下发"];
    let pairs = words.into_iter().flat_map(|first| words.into_iter().map(move |last| (first, last)));
    for (n, (first, last)) in pairs.enumerate() {
        let (id, token) = new_ticket(&desk, &format!("批次 {n}"), &[]).await;
        assign_and_accept(&desk, &id).await;
        let report = |word: &str| json!({ "uuid": token, "status": word, "timestamp": "2026-03-02T01:00:20Z", "operator": "王工" });
        let results = erp.report(json!([report(first), report(last)])).await;
        let map = tests::partner::status_map();
        let expected = map.as_array().unwrap().iter().find(|one| one["word"] == last).unwrap();
        assert_eq!(results[1]["truth"], expected["status"], "{first} {last}: {results:?}");
    }
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_reports_become_microseconds() {
    let (folder, database) = (tempfile::tempdir().unwrap(), Database::empty().await);
    let url = on_postgres().then(|| database.url());
    let db = Db::open(url.as_deref(), folder.path()).await.unwrap();
    let conn = db.migrating().await.unwrap();
    let names = migrations::names();
    let before = names.iter().position(|name| name == "m0019_reports").unwrap();
    migrations::migrate_to(&conn, &names[..before]).await.unwrap();
    let bytes = |hex: &str| if on_postgres() { format!("'\\x{hex}'") } else { format!("x'{hex}'") };
    let id = |n: u8| if on_postgres() { format!("'{n:032x}'") } else { format!("x'{n:032x}'") };
    let ticket = id(1);
    let mut statements = vec![
        format!(
            "insert into ticket (id, number, token, title, description, status, priority, required_skills, channel, version,
                accepted, confidential, imported, created_at, updated_at, public_updated_at, reopen_count, hand_over_count,
                chase_count)
                values ({ticket}, 1, 'T', 't', 'd', 'NEW', 2, '[]', 'api', 1, false, false, false, 5, 5, 5, 0, 0, 0)"
        ),
        format!(
            "insert into hub_ticket (ticket_id, status, changed_at, reopenings, reporting, compared_from)
                values ({ticket}, 'NEW', 1772413200123, 0, 0, 6)"
        ),
    ];
    // The first becomes the old value of the second.
    for (n, at) in [(2, 1), (3, 1_000), (4, 1_772_413_200_123_i64)] {
        statements.push(format!(
            "insert into status_report (id, ticket_id, rank, word, status, reopens, by_person, at, received_at, operator, digest,
                outcome) values ({}, {ticket}, 0, 'NEW', 'NEW', false, true, {at}, 7, '', {}, 'APPLIED')",
            id(n),
            bytes("07")
        ));
    }
    for statement in statements {
        conn.execute_unprepared(&statement).await.unwrap();
    }
    assert!(migrations::migrate(&conn).await.unwrap() > 0);
    let select = async |sql: &str| {
        let rows = conn.query_all_raw(Statement::from_string(conn.get_database_backend(), sql)).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index::<i64>(0).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(select("select at from status_report order by at").await, [1_000, 1_000_000, 1_772_413_200_123_000]);
    assert_eq!(select("select received_at from status_report").await, [7, 7, 7]);
    assert_eq!(select("select cast(position as bigint) from status_report").await, [0, 0, 0]);
    let of_ticket = "select changed_at from hub_ticket union all select compared_from from hub_ticket";
    assert_eq!(select(of_ticket).await, [1_772_413_200_123_000, 6]);
    conn.close().await.unwrap();
    db.close().await;
}
