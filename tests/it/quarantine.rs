//! The quarantine: bounded before anything is stored, and emptied of what was dismissed.

use domain::kernel::{days, minutes, seconds};
use futures::future::join_all;
use tests::{Desk, Json, json};

use crate::gateways::save;

/// Posts to a gateway; returns the status and the answer.
async fn post(http: &reqwest::Client, desk: &Desk, gateway: &str, body: &str) -> (u16, Json) {
    let url = format!("{}/intake/{gateway}", desk.address());
    let answer = http.post(url).body(body.to_owned()).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

fn count(answers: &[(u16, Json)], status: u16) -> usize {
    answers.iter().filter(|(of, _)| *of == status).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_without_a_credential_keeps_little_of_one_source() {
    let desk = Desk::start().await;
    let (http, admin) = (reqwest::Client::new(), desk.as_("admin").await);
    // All at once: the limit is no race.
    let answers = join_all((0..40).map(|_| post(&http, &desk, "wecom", "anything"))).await;
    assert_eq!((count(&answers, 401), count(&answers, 429)), (20, 20), "{answers:?}");
    let kept = answers.iter().find(|(status, _)| *status == 401).unwrap().1["error"]["submissionId"].clone();
    let body = "query Q($id: ID!) { quarantinedBody(submissionId: $id) }";
    let content = async || desk.as_("admin").await.query(body, json!({ "id": kept })).await["quarantinedBody"].clone();
    assert_eq!(content().await, "anything");
    // Dismissing makes no room for the same source until the content is deleted.
    let list = "{ quarantinedSubmissions(gateway: \"wecom\", first: 100) { nodes { source } } }";
    let listed =
        async || desk.as_("admin").await.query(list, json!({})).await["quarantinedSubmissions"]["nodes"].clone();
    let source = json!({ "gateway": "wecom", "source": listed().await[0]["source"] });
    let dismissed = admin.mutate_ok("dismissQuarantined", "dismissed", source).await;
    assert_eq!(dismissed["dismissed"], 20);
    assert_eq!(post(&http, &desk, "wecom", "again").await.0, 429);
    desk.advance(days(6)).await;
    assert_eq!((content().await, post(&http, &desk, "wecom", "again").await.0), (json!("anything"), 429));
    desk.advance(days(1)).await;
    desk.advance(minutes(10)).await;
    assert_eq!((content().await, post(&http, &desk, "wecom", "again").await.0), (Json::Null, 401));
    // It is listed for ever, without its content.
    assert_eq!(listed().await.as_array().unwrap().len(), 21);
    desk.advance(seconds(1)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_flood_at_a_gateway_without_a_credential_is_not_stored() {
    let desk = Desk::start().await;
    let http = reqwest::Client::new();
    let large = "x".repeat(190_000);
    let answers = join_all((0..12).map(|_| post(&http, &desk, "feishu", &large))).await;
    assert!(count(&answers, 401) <= 2 && count(&answers, 429) >= 10, "{answers:?}");
    // A gateway in use keeps what fails its check.
    let parts = json!([{ "name": "appSecret", "value": "ding-secret" }]);
    save(&desk.as_("admin").await, "dingtalk", "DINGTALK_CALLBACK", parts).await;
    let answers = join_all((0..30).map(|_| post(&http, &desk, "dingtalk", "{}"))).await;
    assert_eq!(count(&answers, 401), 30, "{answers:?}");
    desk.advance(seconds(1)).await;
    desk.close().await;
}
