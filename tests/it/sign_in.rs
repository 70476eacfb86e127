//! Signing in: who is slowed down, which passwords are accepted, and what demo data must not open.

use std::sync::Arc;

use domain::auth::commands::{hash_password, set_password};
use domain::kernel::{Role, minutes};
use domain::people::model::CreateUser;
use domain::runtime::{App, Ctx};
use server::cli::demo;
use server::config::Config;
use server::node::{Environment, open};
use tests::process::Installation;
use tests::{Client, Desk, Json, json};

use crate::PROGRAM;

pub async fn with_password(desk: &Desk, name: &str, password: &str) {
    let cx = Ctx::system(&desk.app);
    let hash = hash_password(&cx, password).await.unwrap();
    let mut tx = cx.begin().await.unwrap();
    set_password(&mut tx, desk.id(name), hash).await.unwrap();
    tx.commit().await.unwrap();
}

/// A desk behind a proxy, whose clients have addresses.
async fn desk_behind_proxy() -> Desk {
    let desk = Desk::configured(|config| config.http.trusted_proxies = vec!["127.0.0.1".parse().unwrap()]).await;
    with_password(&desk, "agent1", "correct horse").await;
    desk
}

/// Signs agent1 in; `forwarded`: the lines of X-Forwarded-For. The result is OK, or the code of the error.
async fn sign_in(desk: &Desk, forwarded: &[&str], password: &str) -> String {
    let query = "mutation M($input: SignInInput!) { signIn(input: $input) { accessToken userErrors { code } } }";
    let variables = json!({ "input": { "email": "agent1@desk.test", "password": password } });
    let client = desk.anonymous();
    let mut request = client.http.post(format!("{}/graphql", client.address));
    for line in forwarded {
        request = request.header("x-forwarded-for", *line);
    }
    let answer = request.json(&json!({ "query": query, "variables": variables })).send().await.unwrap();
    let answer: Json = answer.json().await.unwrap();
    let payload = &answer["data"]["signIn"];
    let code = payload["userErrors"][0]["code"].as_str().or(answer["errors"][0]["extensions"]["code"].as_str());
    if payload["accessToken"].is_string() { "OK".to_owned() } else { code.unwrap().to_owned() }
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
    assert_eq!(sign_in(&desk, &[], "correct horse").await, "RATE_LIMITED");
    desk.advance(minutes(15)).await;
    assert_eq!(sign_in(&desk, &[], "correct horse").await, "OK");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_lock_nobody_out() {
    let desk = desk_behind_proxy().await;
    for n in 0..11 {
        assert_eq!(sign_in(&desk, &[&format!("198.51.100.{n}")], "wrong wrong").await, "SIGN_IN_FAILED");
    }
    assert_eq!(sign_in(&desk, &["203.0.113.1"], "correct horse").await, "OK", "another address");
    // Who guesses is slowed down, and nobody else.
    for _ in 0..9 {
        assert_eq!(sign_in(&desk, &["198.51.100.1"], "wrong wrong").await, "SIGN_IN_FAILED");
    }
    assert_eq!(sign_in(&desk, &["198.51.100.1"], "correct horse").await, "RATE_LIMITED");
    assert_eq!(sign_in(&desk, &["203.0.113.2"], "correct horse").await, "OK");
    // Many addresses guess: only those from which nobody signed in wait.
    let mut last = String::new();
    for n in 0..100 {
        last = sign_in(&desk, &[&format!("192.0.2.{n}")], "wrong wrong").await;
    }
    assert_eq!(last, "RATE_LIMITED");
    assert_eq!(sign_in(&desk, &["203.0.113.3"], "correct horse").await, "RATE_LIMITED", "a new device");
    assert_eq!(sign_in(&desk, &["203.0.113.1"], "wrong wrong").await, "SIGN_IN_FAILED");
    assert_eq!(sign_in(&desk, &["203.0.113.1"], "correct horse").await, "OK", "a known device");
    desk.advance(minutes(15)).await;
    assert_eq!(sign_in(&desk, &["203.0.113.3"], "correct horse").await, "OK");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_what_the_proxy_says_and_an_ipv6_network_is_one() {
    let desk = desk_behind_proxy().await;
    // What the client claims stands in front, or in a line of its own.
    for n in 0..10 {
        let claimed = format!("6.6.6.{n}");
        let appended = format!("{claimed}, 203.0.113.9");
        let lines = if n % 2 == 0 { vec![claimed.as_str(), "203.0.113.9"] } else { vec![appended.as_str()] };
        assert_eq!(sign_in(&desk, &lines, "wrong wrong").await, "SIGN_IN_FAILED");
    }
    assert_eq!(sign_in(&desk, &["6.6.6.99", "203.0.113.9"], "correct horse").await, "RATE_LIMITED");
    for n in 0..10 {
        assert_eq!(sign_in(&desk, &[&format!("2001:db8:1:2::{n:x}")], "wrong wrong").await, "SIGN_IN_FAILED");
    }
    assert_eq!(sign_in(&desk, &["2001:db8:1:2:ffff::1"], "correct horse").await, "RATE_LIMITED");
    assert_eq!(sign_in(&desk, &["2001:db8:1:3::1"], "correct horse").await, "OK");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn common_passwords_are_refused_and_accents_may_be_typed_either_way() {
    let desk = Desk::start().await;
    let admin = desk.as_("admin").await;
    let user = desk.id("agent1").to_string();
    for common in ["12345678", "Password1", "qwertyuiop", "11111111", "welcome2024"] {
        let refused = admin.refusal("setPassword", json!({ "userId": user, "newPassword": common })).await;
        assert_eq!(refused, ("INVALID".into(), "newPassword".into()), "{common}");
    }
    let new = json!({ "email": "new@desk.test", "name": "New", "roles": ["AGENT"], "password": "12345678" });
    assert_eq!(admin.refusal("createUser", new).await, ("INVALID".into(), "password".into()));
    let (composed, decomposed) = ("caf\u{e9} noir sud", "cafe\u{301} noir sud");
    for (set, typed) in [(composed, decomposed), (decomposed, composed)] {
        admin.mutate_ok("setPassword", "__typename", json!({ "userId": user, "newPassword": set })).await;
        assert_eq!(sign_in(&desk, &[], typed).await, "OK");
        assert_eq!(sign_in(&desk, &[], set).await, "OK");
    }
    desk.close().await;
}

/// Creates an account as in the demo data.
async fn create_demo_account(app: &Arc<App>) {
    let cx = Ctx::system(app);
    let user = CreateUser {
        email: "admin@demo.test".to_owned(),
        name: "Admin".to_owned(),
        roles: vec![Role::Admin],
        team_keys: Vec::new(),
        skills: Vec::new(),
        products: Vec::new(),
        customer_key: None,
        supervisor: None,
        password_hash: Some(hash_password(&cx, demo::PASSWORD).await.unwrap()),
    };
    cx.execute(&user, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn demo_accounts_are_locked_without_demo_mode() {
    let desk = Desk::start().await;
    create_demo_account(&desk.app).await;
    with_password(&desk, "agent1", demo::PASSWORD).await;
    let anonymous = desk.anonymous();
    let input = json!({ "email": "admin@demo.test", "password": demo::PASSWORD });
    let session = anonymous.mutate_ok("signIn", "accessToken refreshToken viewer { id }", input.clone()).await;
    demo::lock(&desk.app).await.unwrap();
    assert_eq!(anonymous.refusal("signIn", input.clone()).await.0, "SIGN_IN_FAILED");
    let client = Client { token: Some(session["accessToken"].as_str().unwrap().to_owned()), ..desk.anonymous() };
    assert_eq!(client.execute("{ viewer { name } }", json!({})).await.status, 401, "its sessions have ended");
    let refresh = json!({ "refreshToken": session["refreshToken"] });
    assert_eq!(anonymous.refusal("refreshSession", refresh).await.0, "SIGN_IN_FAILED");
    assert_eq!(sign_in(&desk, &[], demo::PASSWORD).await, "OK", "an account that is not of the demo data");
    // Locking twice changes nothing, and with --demo the accounts work again.
    demo::lock(&desk.app).await.unwrap();
    demo::unlock(&desk.app).await.unwrap();
    anonymous.mutate_ok("signIn", "accessToken", input.clone()).await;
    // Another password unlocks.
    demo::lock(&desk.app).await.unwrap();
    let set = json!({ "userId": session["viewer"]["id"], "newPassword": "battery staple" });
    desk.as_("admin").await.mutate_ok("setPassword", "__typename", set).await;
    demo::lock(&desk.app).await.unwrap();
    let input = json!({ "email": "admin@demo.test", "password": "battery staple" });
    anonymous.mutate_ok("signIn", "accessToken", input).await;
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_reports_demo_accounts() {
    let installation = Installation::new(PROGRAM).await;
    let mut config = Config::load(None).unwrap();
    config.data_dir = installation.path("data");
    config.database_url = installation.database.url();
    let app = open(&config, Environment::default()).await.unwrap();
    create_demo_account(&app).await;
    app.db.close().await;
    drop(app);
    let doctor = installation.run(&["doctor"]);
    let words = "everybody knows the password of these accounts of the demo data: admin@demo.test";
    assert!(!doctor.success && doctor.stdout.contains(words), "{doctor:?}");
    let server = installation.serve();
    let input = json!({ "email": "admin@demo.test", "password": demo::PASSWORD });
    assert_eq!(server.anonymous().refusal("signIn", input).await.0, "SIGN_IN_FAILED");
    let doctor = installation.run(&["doctor"]);
    assert!(!doctor.success && doctor.stdout.contains("accounts of the demo data are locked"), "{doctor:?}");
    server.stop();
}
