//! Sign-in, refresh and sign-out.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::auth::commands::rotate_signing_key;
use domain::kernel::{days, minutes, seconds};
use domain::runtime::Ctx;
use sea_orm::ConnectionTrait as _;
use tests::partner::Partner;
use tests::socket::Socket;
use tests::{Client, Desk, Json, json, on_postgres};
use uuid::Uuid;

use crate::sign_in::with_password;

const SESSION: &str = "accessToken refreshToken expiresAt viewer { name }";

async fn viewer(client: &Client) -> u16 {
    client.execute("{ viewer { name } }", json!({})).await.status
}

fn signed_in(desk: &Desk, token: &Json) -> Client {
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
    // The answer was lost, or two requests were sent at once: the same successor, and nothing ends.
    let again = json!({ "refreshToken": session["refreshToken"] });
    let repeated = anonymous.mutate_ok("refreshSession", SESSION, again).await;
    assert_eq!(repeated["refreshToken"], refreshed["refreshToken"]);
    assert_eq!(viewer(&client).await, 200);
    assert_eq!(viewer(&signed_in(&desk, &repeated["accessToken"])).await, 200);
    // A refresh token that is used again later may be stolen: the session ends.
    desk.advance(seconds(30)).await;
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
async fn two_refreshes_at_once_yield_the_same_token() {
    let desk = Desk::start().await;
    with_password(&desk, "agent1", "correct horse").await;
    let anonymous = desk.anonymous();
    let input = json!({ "email": "agent1@desk.test", "password": "correct horse" });
    let mut token = anonymous.mutate_ok("signIn", SESSION, input).await["refreshToken"].clone();
    for _ in 0..5 {
        let refresh = || anonymous.mutate_ok("refreshSession", SESSION, json!({ "refreshToken": token }));
        let (one, other) = tokio::join!(refresh(), refresh());
        assert_eq!(one["refreshToken"], other["refreshToken"]);
        assert_ne!(one["refreshToken"], token);
        for session in [&one, &other] {
            assert_eq!(viewer(&signed_in(&desk, &session["accessToken"])).await, 200);
        }
        token = one["refreshToken"].clone();
    }
    desk.close().await;
}

/// The session that an access token names.
fn session_id(token: &Json) -> Uuid {
    let claims = token.as_str().unwrap().split('.').nth(1).unwrap();
    let claims: Json = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    Uuid::parse_str(claims["sid"].as_str().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_of_an_earlier_version_is_renewed() {
    let desk = Desk::start().await;
    let id = session_id(&json!(desk.as_("agent1").await.token));
    // It was random, and its digest was stored.
    let secret = [9_u8; 32];
    let digest = ring::digest::digest(&ring::digest::SHA256, &secret);
    let hex: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let literal = if on_postgres() { format!("'\\x{hex}'::bytea") } else { format!("x'{hex}'") };
    let tx = Ctx::system(&desk.app).begin().await.unwrap();
    tx.conn().execute_unprepared(&format!("update session set refresh_digest = {literal}")).await.unwrap();
    tx.commit().await.unwrap();
    let anonymous = desk.anonymous();
    let token = json!({ "refreshToken": URL_SAFE_NO_PAD.encode([id.as_bytes().as_slice(), &secret].concat()) });
    let renewed = anonymous.mutate_ok("refreshSession", SESSION, token.clone()).await;
    let repeated = anonymous.mutate_ok("refreshSession", SESSION, token.clone()).await;
    assert_eq!(renewed["refreshToken"], repeated["refreshToken"]);
    let next = json!({ "refreshToken": renewed["refreshToken"] });
    anonymous.mutate_ok("refreshSession", SESSION, next).await;
    assert_eq!(anonymous.refusal("refreshSession", token).await.0, "SIGN_IN_FAILED", "two tokens ago");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_id_of_a_session_does_not_end_it() {
    let desk = Desk::start().await;
    with_password(&desk, "agent1", "correct horse").await;
    let anonymous = desk.anonymous();
    let input = json!({ "email": "agent1@desk.test", "password": "correct horse" });
    let session = anonymous.mutate_ok("signIn", SESSION, input).await;
    let client = signed_in(&desk, &session["accessToken"]);
    // A page of another site has a token, which names the session.
    let float = client.mutate_ok("createTodoToken", "token", json!({})).await;
    let id = session_id(&float["token"]);
    for rest in [vec![0_u8; 32], vec![7; 32], vec![0; 36], [&[0, 0, 0, 1][..], &[7; 32]].concat(), vec![], vec![0; 500]]
    {
        let forged = URL_SAFE_NO_PAD.encode([id.as_bytes().as_slice(), &rest].concat());
        let refused = anonymous.refusal("refreshSession", json!({ "refreshToken": forged })).await;
        assert_eq!(refused, ("SIGN_IN_FAILED".into(), "refreshToken".into()));
    }
    let float = signed_in(&desk, &float["token"]);
    assert_eq!(float.try_mutate("signOut", "__typename", json!({})).await.unwrap().code(), "FORBIDDEN");
    assert_eq!(viewer(&client).await, 200);
    anonymous.mutate_ok("refreshSession", SESSION, json!({ "refreshToken": session["refreshToken"] })).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_end_with_their_session_their_key_and_their_account() {
    // The checks at each ping are only for what is missed.
    let desk = Desk::configured(|config| config.websocket.ping_secs = 3_600).await;
    let board = "subscription { boardEvents { kind } }";
    let open = async |client: &Client, subscription: &str| {
        let mut socket = Socket::open(client).await;
        socket.subscribe("s", subscription, json!({})).await;
        socket.wait_until_processed().await;
        socket
    };
    let (one, other) = (desk.as_("agent1").await, desk.as_("agent1").await);
    let mut of_one = open(&one, board).await;
    let mut idle = Socket::open(&one).await;
    let mut of_other = open(&other, board).await;
    one.mutate_ok("signOut", "__typename", json!({})).await;
    assert_eq!((of_one.close_code().await, idle.close_code().await), (4403, 4403), "signed out");
    of_other.wait_until_processed().await;
    let admin = desk.as_("admin").await;
    let change = |user: String, disabled: bool| {
        let admin = admin.clone();
        async move {
            admin.mutate_ok("updateUser", "__typename", json!({ "userId": user, "disabled": disabled })).await;
        }
    };
    change(desk.id("agent1").to_string(), true).await;
    assert_eq!(of_other.close_code().await, 4403, "a disabled user");

    let erp = Partner::register(&desk, "ERP", 10).await;
    let corrections = "subscription { corrections { uuid } }";
    let mut of_key = open(&erp.client, corrections).await;
    let account = erp.client.query("{ viewer { id } }", json!({})).await["viewer"]["id"].as_str().unwrap().to_owned();
    change(account.clone(), true).await;
    assert_eq!(of_key.close_code().await, 4403, "a disabled account of a system");
    change(account, false).await;
    let mut of_key = open(&erp.client, corrections).await;
    let keys = admin.query("{ systems { apiKeys { id } } }", json!({})).await;
    let key = &keys["systems"][0]["apiKeys"][0]["id"];
    admin.mutate_ok("revokeApiKey", "__typename", json!({ "apiKeyId": key })).await;
    assert_eq!(of_key.close_code().await, 4403, "a revoked key");
    desk.advance(seconds(0)).await;
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
