//! Invalid input gives an error that names the field, and changes nothing.

use tests::{Desk, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_names_the_field_and_changes_nothing() {
    let desk = Desk::start().await;
    let requester = desk.as_("requester1").await;
    let base = json!({ "title": "t", "description": "d" });
    for (patch, code, field) in [
        (json!({ "title": "  " }), "REQUIRED", "title"),
        (json!({ "title": "长".repeat(201) }), "TOO_LONG", "title"),
        (json!({ "title": "a\u{0}b" }), "INVALID", "title"),
        (json!({ "description": "a\u{1b}[31m" }), "INVALID", "description"),
        (json!({ "description": "x".repeat(20_001) }), "TOO_LONG", "description"),
        (json!({ "issueType": "NOPE" }), "UNKNOWN_KEY", "issueType"),
        (json!({ "product": "NOPE" }), "UNKNOWN_KEY", "product"),
        (json!({ "requiredSkills": ["NOPE"] }), "UNKNOWN_KEY", "requiredSkills"),
        (json!({ "requesterEmail": "nobody@desk.test" }), "UNKNOWN_KEY", "requesterEmail"),
        (json!({ "customerKey": "GLOBEX" }), "UNKNOWN_KEY", "customerKey"),
        (json!({ "externalRefs": [{ "system": "", "externalId": "1" }] }), "REQUIRED", "externalRefs.system"),
        (json!({ "idempotencyKey": " " }), "REQUIRED", "idempotencyKey"),
    ] {
        let mut input = base.clone();
        input.as_object_mut().unwrap().extend(patch.as_object().cloned().unwrap());
        assert_eq!(requester.refusal("createTicket", input).await, (code.into(), field.into()), "{patch}");
    }
    let count = desk.as_("admin").await.query("{ tickets { nodes { id } } }", json!({})).await;
    assert_eq!(count["tickets"]["nodes"], json!([]));
    let refs = json!([{ "system": "ERP", "externalId": "1" }]);
    let ticket = desk
        .create_ticket("agent1", "x", json!({ "requesterEmail": "requester1@desk.test", "externalRefs": refs }))
        .await;
    let duplicate = json!({ "title": "t", "description": "d", "externalRefs": refs });
    assert_eq!(
        desk.as_("agent1").await.refusal("createTicket", duplicate).await,
        ("ALREADY_EXISTS".into(), "externalRefs".into())
    );
    for bad in ["", "abc", "12", &desk.id("agent1").to_string()] {
        let refused = requester.refusal("chaseTicket", json!({ "ticketId": bad })).await;
        assert_eq!(refused, ("NOT_FOUND".into(), "ticketId".into()), "{bad}");
    }
    let misspelt = json!({ "ticketToken": "TKN-AAAAAA-AAAAB", "system": "ERP", "externalId": "2" });
    assert_eq!(desk.as_("agent1").await.refusal("linkExternalRef", misspelt).await.0, "TOKEN_INVALID");
    assert_eq!(requester.refusal("closeTicket", json!({ "ticketId": ticket })).await.0, "INVALID_TRANSITION");
    // The message is in the language of the client.
    let chinese = tests::Client { language: "zh-CN", ..requester };
    let payload = chinese.mutate("createTicket", "__typename", json!({ "title": "", "description": "d" })).await;
    assert_eq!(payload["userErrors"][0]["message"], "title 不能为空，请填写。");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_query_is_a_top_level_error() {
    let desk = Desk::start().await;
    let agent = desk.as_("agent1").await;
    for (query, code) in [
        ("{ tickets(first: 0) { nodes { id } } }", "BAD_USER_INPUT"),
        ("{ tickets(first: 1000000000) { nodes { id } } }", "BAD_USER_INPUT"),
        ("{ tickets(first: -1) { nodes { id } } }", "BAD_USER_INPUT"),
        ("{ tickets(first: 1, last: 1) { nodes { id } } }", "BAD_USER_INPUT"),
        ("{ tickets(after: \"nonsense\") { nodes { id } } }", "BAD_USER_INPUT"),
        ("{ tickets(filter: { assigneeId: { eq: \"x\" } }) { nodes { id } } }", "BAD_USER_INPUT"),
        ("{ tickets(orderBy: { field: RELEVANCE, direction: DESC }) { nodes { id } } }", "BAD_USER_INPUT"),
        ("{ tickets(filter: { createdAt: { gte: \"yesterday\" } }) { nodes { id } } }", "BAD_USER_INPUT"),
        ("{ ticket { id } }", "BAD_USER_INPUT"),
        ("{ ticket(id: 5) { id } }", "BAD_USER_INPUT"),
        ("{ ticket(number: 1, token: \"x\") { id } }", "BAD_USER_INPUT"),
        ("{ ticket(number: 99) { id } }", "NOT_FOUND"),
        ("{ ticket(token: \"TKN-8X9F2Q-L4M7P\") { id } }", "NOT_FOUND"),
        ("{ node(id: \"0192f0c1-2b7a-7000-8000-000000000000\") { id } }", "NOT_FOUND"),
        ("{ similarCases(input: { title: \"x\" }, first: 51) { rank } }", "BAD_USER_INPUT"),
        ("{ nosuchfield }", "BAD_USER_INPUT"),
        ("{ tickets(", "BAD_USER_INPUT"),
    ] {
        assert_eq!(agent.execute(query, json!({})).await.code(), code, "{query}");
    }
    let anonymous = desk.anonymous();
    for query in [
        "{ tickets { nodes { id } } }",
        "{ boardCursor }",
        "{ catalogue { teams { key } } }",
        "{ users { nodes { id } } }",
    ] {
        assert_eq!(anonymous.execute(query, json!({})).await.code(), "UNAUTHENTICATED", "{query}");
    }
    assert_eq!(
        anonymous.execute("{ __schema { types { name } } }", json!({})).await.status,
        400,
        "introspection is closed"
    );
    assert!(!anonymous.execute("{ ticketz { id } }", json!({})).await.body.to_string().contains("Did you mean"));
    let create = "mutation { createTicket(input: { title: \"x\", description: \"x\" }) { ticket { id } } }";
    assert_eq!(anonymous.execute(create, json!({})).await.code(), "UNAUTHENTICATED");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_follow_the_graphql_over_http_specification() {
    let desk = Desk::start().await;
    let http = reqwest::Client::new();
    let url = format!("{}/graphql", desk.address());
    let post = |content_type: &'static str, body: &'static str| {
        http.post(&url).header("accept", "application/json").header("content-type", content_type).body(body).send()
    };
    for (content_type, body, status) in [
        ("text/plain", r#"{"query":"{ viewer { id } }"}"#, 415),
        ("application/json; charset=latin-1", r#"{"query":"{ viewer { id } }"}"#, 415),
        ("application/json", r#"{"query":"{ viewer { id } }"}"#, 200),
        ("application/json", "{", 400),
        ("application/json", "[]", 400),
        ("application/json", r#"{"query":5}"#, 400),
        ("application/json", r#"{"query":"{ viewer { id } }","variables":[]}"#, 400),
        ("application/json", r#"{"query":"{ viewer { id } }","operationName":5}"#, 400),
        ("application/json", r#"{"query":"{ nosuch }"}"#, 200),
    ] {
        assert_eq!(post(content_type, body).await.unwrap().status(), status, "{content_type} {body}");
    }
    let large = format!(r#"{{"query":"{{ viewer {{ id }} }}","x":"{}"}}"#, "x".repeat(300_000));
    let answer = http.post(&url).header("content-type", "application/json").body(large).send().await.unwrap();
    assert_eq!(answer.status(), 413);
    let get = |query: &str| http.get(&url).query(&[("query", query)]).send();
    assert_eq!(get("{ viewer { id } }").await.unwrap().status(), 200);
    for mutation in [
        "mutation { signOut(input: {}) { userErrors { code } } }",
        "mutation M { signOut(input: {}) { userErrors { code } } }",
    ] {
        let answer = get(mutation).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers()["allow"].to_str().unwrap()), (405, "POST"));
    }
    assert_eq!(http.delete(&url).send().await.unwrap().status(), 405);
    let picky = http.get(&url).query(&[("query", "{ viewer { id } }")]).header("accept", "text/html").send();
    assert_eq!(picky.await.unwrap().status(), 406);
    let mut doubling = "{ ...f0 }".to_owned();
    for i in 0..20 {
        doubling += &format!(" fragment f{i} on Query {{ ...f{0} ...f{0} }}", i + 1);
    }
    doubling += " fragment f20 on Query { viewer { id } }";
    assert_eq!(
        get(&doubling).await.unwrap().json::<tests::Json>().await.unwrap()["errors"][0]["extensions"]["code"],
        "BAD_USER_INPUT"
    );
    desk.close().await;
}
