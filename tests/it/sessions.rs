//! Signing in, staying signed in, and being signed out.

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
    client.ask("{ viewer { name } }", json!({})).await.status
}

fn signed_in(desk: &Desk, token: &tests::Json) -> Client {
    Client { token: Some(token.as_str().unwrap().to_owned()), ..desk.nobody() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_from_beginning_to_end() {
    let desk = Desk::start().await;
    with_password(&desk, "agent1", "correct horse").await;
    let nobody = desk.nobody();
    let input = json!({ "email": "Agent1@desk.test", "password": "correct horse" });
    let session = nobody.done("signIn", SESSION, input).await;
    assert_eq!(session["viewer"]["name"], "agent1");
    let client = signed_in(&desk, &session["accessToken"]);
    assert_eq!(viewer(&client).await, 200);
    desk.advance(minutes(15)).await;
    assert_eq!(viewer(&client).await, 401, "an access token lasts 15 minutes");
    let refreshed = nobody.done("refreshSession", SESSION, json!({ "refreshToken": session["refreshToken"] })).await;
    let client = signed_in(&desk, &refreshed["accessToken"]);
    assert_eq!(viewer(&client).await, 200);
    // Shown a second time, the token may be stolen: the session ends.
    let reused = nobody.refused("refreshSession", json!({ "refreshToken": session["refreshToken"] })).await;
    assert_eq!(reused.0, "SIGN_IN_FAILED");
    assert_eq!(viewer(&client).await, 401);
    assert_eq!(
        nobody.refused("refreshSession", json!({ "refreshToken": refreshed["refreshToken"] })).await.0,
        "SIGN_IN_FAILED"
    );
    let again = desk.as_("agent1").await;
    again.done("signOut", "__typename", json!({})).await;
    assert_eq!(viewer(&again).await, 401, "signed out");
    let old = desk.as_("agent1").await;
    let change = json!({ "currentPassword": "correct horse", "newPassword": "battery staple" });
    old.done("changePassword", "__typename", change).await;
    assert_eq!(viewer(&old).await, 401, "a new password ends every session");
    let stale = json!({ "email": "agent1@desk.test", "password": "correct horse" });
    assert_eq!(nobody.refused("signIn", stale).await, ("SIGN_IN_FAILED".into(), "password".into()));
    desk.advance(days(31)).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_rotate_and_old_tokens_end_in_their_own_time() {
    let desk = Desk::start().await;
    let before = desk.as_("agent1").await;
    let mut tx = Ctx::system(&desk.app).begin().await.unwrap();
    rotate_signing_key(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(viewer(&before).await, 200, "signed by the key before");
    desk.advance(minutes(20)).await;
    assert_eq!(viewer(&before).await, 401);
    assert_eq!(viewer(&desk.as_("agent1").await).await, 200);
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_are_limited_also_after_a_restart() {
    let mut desk = Desk::start().await;
    with_password(&desk, "agent1", "correct horse").await;
    let wrong = json!({ "email": "agent1@desk.test", "password": "wrong wrong" });
    for _ in 0..10 {
        assert_eq!(desk.nobody().refused("signIn", wrong.clone()).await.0, "SIGN_IN_FAILED");
    }
    desk.restart().await;
    let right = json!({ "input": { "email": "agent1@desk.test", "password": "correct horse" } });
    let mutation = "mutation M($input: SignInInput!) { signIn(input: $input) { accessToken } }";
    assert_eq!(desk.nobody().ask(mutation, right.clone()).await.code(), "RATE_LIMITED");
    desk.advance(minutes(15)).await;
    assert!(desk.nobody().ask(mutation, right).await.data()["signIn"]["accessToken"].is_string());
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_another_page_reads_the_to_do_list_for_ten_minutes_and_nothing_else() {
    let page = "https://erp.desk.test";
    let desk = Desk::configured(|config| config.widget.origins = vec![page.to_owned()]).await;
    let agent = desk.as_("agent1").await;
    let id = desk.ticket("requester1", "停机", json!({ "issueType": "REPAIR" })).await;
    let to = json!({ "ticketId": id, "assigneeId": desk.id("agent1").to_string() });
    desk.as_("admin").await.done("assignTicket", "__typename", to).await;
    let made = agent.done("createTodoToken", "token expiresAt", json!({})).await;
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
        let answer = float.ask(beyond, json!({})).await;
        assert_eq!(answer.code(), "FORBIDDEN", "{beyond}");
    }
    desk.advance(minutes(10)).await;
    assert_eq!(viewer(&float).await, 401, "it has ended");
    let agent = desk.as_("agent1").await;
    let made = agent.done("createTodoToken", "token", json!({})).await;
    agent.done("signOut", "__typename", json!({})).await;
    assert_eq!(viewer(&signed_in(&desk, &made["token"])).await, 401, "it ends with its session");

    // A browser on another site: asked first, allowed from the list alone; a socket, which is not asked, is refused.
    let http = reqwest::Client::new();
    let graphql = format!("{}/graphql", desk.address());
    let asked = |origin: &'static str| {
        let ask = http.request(reqwest::Method::OPTIONS, &graphql).header("origin", origin);
        ask.header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type")
            .send()
    };
    let allowed = asked("https://erp.desk.test").await.unwrap();
    assert_eq!(allowed.headers()["access-control-allow-origin"], page);
    let other = asked("https://evil.desk.test").await.unwrap();
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
