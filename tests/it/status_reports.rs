//! Single reports of a batch, and their times.

use domain::kernel::seconds;
use tests::partner::Partner;
use tests::{Desk, Json, json};

use crate::hub::{assign_and_accept, new_ticket, ticket};

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
