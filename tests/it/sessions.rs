//! Sign-in, refresh and sign-out.

use domain::auth::commands::{hash_password, rotate_signing_key, set_password};
use domain::kernel::{days, minutes};
use domain::runtime::Ctx;
use tests::{Client, Desk, json};

const SESSION: &str = "accessToken refreshToken expiresAt viewer { name }";

async fn with_password(desk: &Desk, name: &str, password: &str) {
    let cx = Ctx::system(&desk.app);
    let hash = hash_password(&cx, password).await.unwrap();
    let mut tx = cx.begin().await.unwrap();
    set_password(&mut tx, desk.id(name), hash).await.unwrap();
    tx.commit().await.unwrap();
}

async fn viewer(client: &Client) -> u16 {
    client.execute("{ viewer { name } }", json!({})).await.status
}

fn signed_in(desk: &Desk, token: &tests::Json) -> Client {
    Client { token: Some(token.as_str().unwrap().to_owned()), ..desk.anonymous() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_signs_in_refreshes_and_signs_out() {
    let desk = Desk::start().await;
    with_password(&desk, "agent1", "correct horse").await;
    let anonymous = desk.anonymous();
    let input = json!({ "email": "Agent1@desk.test", "password": "correct horse" });
    let session = anonymous.mutate_ok("signIn", SESSION, input).await;
    assert_eq!(session["viewer"]["name"], "agent1");
    let client = signed_in(&desk, &session["accessToken"]);
    assert_eq!(viewer(&client).await, 200);
    desk.advance(minutes(15)).await;
    assert_eq!(viewer(&client).await, 401, "an access token lasts 15 minutes");
    let refreshed =
        anonymous.mutate_ok("refreshSession", SESSION, json!({ "refreshToken": session["refreshToken"] })).await;
    let client = signed_in(&desk, &refreshed["accessToken"]);
    assert_eq!(viewer(&client).await, 200);
    // A refresh token that is used twice may be stolen: the session ends.
    let reused = anonymous.refusal("refreshSession", json!({ "refreshToken": session["refreshToken"] })).await;
    assert_eq!(reused.0, "SIGN_IN_FAILED");
    assert_eq!(viewer(&client).await, 401);
    assert_eq!(
        anonymous.refusal("refreshSession", json!({ "refreshToken": refreshed["refreshToken"] })).await.0,
        "SIGN_IN_FAILED"
    );
    let again = desk.as_("agent1").await;
    again.mutate_ok("signOut", "__typename", json!({})).await;
    assert_eq!(viewer(&again).await, 401, "signed out");
    let old = desk.as_("agent1").await;
    let change = json!({ "currentPassword": "correct horse", "newPassword": "battery staple" });
    old.mutate_ok("changePassword", "__typename", change).await;
    assert_eq!(viewer(&old).await, 401, "a new password ends every session");
    let stale = json!({ "email": "agent1@desk.test", "password": "correct horse" });
    assert_eq!(anonymous.refusal("signIn", stale).await, ("SIGN_IN_FAILED".into(), "password".into()));
    desk.advance(days(31)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_signed_by_a_rotated_key_stay_valid_until_they_expire() {
    let desk = Desk::start().await;
    let before = desk.as_("agent1").await;
    let mut tx = Ctx::system(&desk.app).begin().await.unwrap();
    rotate_signing_key(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(viewer(&before).await, 200, "signed by the previous key");
    desk.advance(minutes(20)).await;
    assert_eq!(viewer(&before).await, 401);
    assert_eq!(viewer(&desk.as_("agent1").await).await, 200);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_in_attempts_stay_limited_after_a_restart() {
    let mut desk = Desk::start().await;
    with_password(&desk, "agent1", "correct horse").await;
    let wrong = json!({ "email": "agent1@desk.test", "password": "wrong wrong" });
    for _ in 0..10 {
        assert_eq!(desk.anonymous().refusal("signIn", wrong.clone()).await.0, "SIGN_IN_FAILED");
    }
    desk.restart().await;
    let right = json!({ "input": { "email": "agent1@desk.test", "password": "correct horse" } });
    let mutation = "mutation M($input: SignInInput!) { signIn(input: $input) { accessToken } }";
    assert_eq!(desk.anonymous().execute(mutation, right.clone()).await.code(), "RATE_LIMITED");
    desk.advance(minutes(15)).await;
    assert!(desk.anonymous().execute(mutation, right).await.data()["signIn"]["accessToken"].is_string());
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_todo_token_reads_only_the_todo_list_for_ten_minutes() {
    let page = "https://erp.desk.test";
    let desk = Desk::configured(|config| config.widget.origins = vec![page.to_owned()]).await;
    let agent = desk.as_("agent1").await;
    let id = desk.create_ticket("requester1", "停机", json!({ "issueType": "REPAIR" })).await;
    let to = json!({ "ticketId": id, "assigneeId": desk.id("agent1").to_string() });
    desk.as_("admin").await.mutate_ok("assignTicket", "__typename", to).await;
    let made = agent.mutate_ok("createTodoToken", "token expiresAt", json!({})).await;
    let float = signed_in(&desk, &made["token"]);
    let todo = float.query("{ myTodo { unread tickets(first: 5) { number title } } }", json!({})).await;
    assert_eq!((&todo["myTodo"]["unread"], &todo["myTodo"]["tickets"][0]["title"]), (&json!(1), &json!("停机")));
    for beyond in [
        "{ viewer { name } }",
        "{ __schema { types { name } } }",
        "{ myTodo { tickets(first: 5) { description } } }",
        "{ myTodo { ...F } } fragment F on Todo { tickets(first: 1) { requester { name } } }",
        "{ todo: tickets { nodes { id } } }",
        "{ ticket(number: 1) { number title } }",
        "{ ...F } fragment F on Query { ticket(number: 1) { number title } }",
        "mutation { createTodoToken(input: {}) { token } }",
    ] {
        let answer = float.execute(beyond, json!({})).await;
        assert_eq!(answer.code(), "FORBIDDEN", "{beyond}");
    }
    desk.advance(minutes(10)).await;
    assert_eq!(viewer(&float).await, 401, "it has ended");
    let agent = desk.as_("agent1").await;
    let made = agent.mutate_ok("createTodoToken", "token", json!({})).await;
    agent.mutate_ok("signOut", "__typename", json!({})).await;
    assert_eq!(viewer(&signed_in(&desk, &made["token"])).await, 401, "it ends with its session");

    // Another origin is allowed by the list only: HTTP by a preflight, a socket at the upgrade.
    let http = reqwest::Client::new();
    let graphql = format!("{}/graphql", desk.address());
    let preflight = |origin: &'static str| {
        let ask = http.request(reqwest::Method::OPTIONS, &graphql).header("origin", origin);
        ask.header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type")
            .send()
    };
    let allowed = preflight("https://erp.desk.test").await.unwrap();
    assert_eq!(allowed.headers()["access-control-allow-origin"], page);
    let other = preflight("https://evil.desk.test").await.unwrap();
    assert!(!other.headers().contains_key("access-control-allow-origin"), "{other:?}");
    let opened = async |origin: &str| {
        let upgrade = http.get(&graphql).header("origin", origin).header("connection", "upgrade");
        let upgrade = upgrade.header("upgrade", "websocket").header("sec-websocket-version", "13");
        upgrade.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==").send().await.unwrap().status().as_u16()
    };
    assert_eq!((opened(page).await, opened("https://evil.desk.test").await), (101, 403));
    assert_eq!(opened(&desk.address()).await, 101, "a page of this server");
    desk.close().await;
}
