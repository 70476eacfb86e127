//! Semantic search: a Chinese ticket finds an English case without a common word.

use std::path::Path;

use tests::{Desk, Json, json};

/// The encoder's files, from `make model`.
const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/model");

async fn desk_with_encoder() -> Desk {
    assert!(Path::new(MODEL).join("weights.npz").exists(), "{MODEL} has no encoder: make model");
    Desk::configured(|config| config.model_dir = MODEL.to_owned()).await
}

async fn find_similar(desk: &Desk, title: &str) -> Vec<Json> {
    let query = "query Q($input: SimilarCasesInput!) { similarCases(input: $input) {
        score reasons { kind value } ticket { title } } }";
    let cases = desk.as_("agent2").await.query(query, json!({ "input": { "title": title } })).await;
    cases["similarCases"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_is_found_across_languages_and_an_unrelated_one_is_not() {
    let mut desk = desk_with_encoder().await;
    for (title, resolution) in [
        ("The printer says paper jam but there is no paper inside", "Cleaned the paper sensor"),
        ("Cannot connect to the wireless network after the update", "Reinstalled the driver"),
        ("Forgot my password and the account is locked", "Unlocked the account"),
    ] {
        desk.create_resolved_ticket("agent1", title, resolution, json!({})).await;
    }
    desk.wait_for_followers().await;
    for restarted in [false, true] {
        for (question, expected) in [
            ("打印机提示卡纸，但里面没有纸", "The printer says paper jam but there is no paper inside"),
            ("更新之后连不上无线网络", "Cannot connect to the wireless network after the update"),
            ("忘记密码，账号被锁定了", "Forgot my password and the account is locked"),
        ] {
            let cases = find_similar(&desk, question).await;
            let first = cases.first().unwrap_or_else(|| panic!("{question}: no case"));
            assert_eq!(first["ticket"]["title"], expected, "{question}: {cases:?}");
            assert_eq!(first["reasons"][0], json!({ "kind": "MEANING", "value": "" }), "{cases:?}");
        }
        assert_eq!(find_similar(&desk, "咖啡机漏水，地板湿了").await, Vec::<Json>::new());
        // Within one language, words and embedding are both reasons.
        let both = find_similar(&desk, "paper jam in the printer").await[0]["reasons"].clone();
        assert!(both.as_array().unwrap().contains(&json!({ "kind": "MEANING", "value": "" })), "{both}");
        assert!(both.as_array().unwrap().contains(&json!({ "kind": "TERM", "value": "printer" })), "{both}");
        if !restarted {
            // Embeddings are stored and survive a restart.
            desk.restart().await;
            desk.wait_for_followers().await;
        }
    }
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_embedding_is_updated_with_its_text() {
    let desk = desk_with_encoder().await;
    let id =
        desk.create_resolved_ticket("agent1", "The lift door does not close", "Adjusted the sensor", json!({})).await;
    desk.wait_for_followers().await;
    let query = "query Q($id: ID!) { ticket(id: $id) { version } }";
    let version = desk.as_("agent1").await.query(query, json!({ "id": id })).await["ticket"]["version"].clone();
    let edit = json!({ "ticketId": id, "title": "The invoice shows a wrong amount", "description": "Too high by half", "expectedVersion": version });
    desk.as_("agent1").await.mutate_ok("updateTicket", "ticket { id }", edit).await;
    desk.wait_for_followers().await;
    let found = find_similar(&desk, "发票金额不对").await;
    assert_eq!(found.first().map(|case| &case["ticket"]["title"]), Some(&json!("The invoice shows a wrong amount")));
    assert_eq!(find_similar(&desk, "电梯门关不上").await, Vec::<Json>::new(), "the old text no longer matches");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn search_works_without_an_encoder() {
    let desk = Desk::configured(|config| config.model_dir = "/nowhere/at/all".to_owned()).await;
    desk.create_resolved_ticket("agent1", "The lift door does not close", "Adjusted the sensor", json!({})).await;
    desk.wait_for_followers().await;
    assert_eq!(find_similar(&desk, "lift door open").await.len(), 1);
    desk.close().await;
}
