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
