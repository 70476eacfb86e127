//! Messages on their way out: each provider's request as its own page has it, taken by a listener that checks signatures with
//! other code than ours.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use domain::kernel::{minutes, seconds};
use ring::hmac;
use tests::providers::{Asked, Post, Provider};
use tests::{Desk, Json, json};

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn mac(key: &str, message: &str) -> String {
    base64(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), message.as_bytes()).as_ref())
}

/// Assigns a new ticket to somebody, who is told by the given channel.
async fn assigned(desk: &Desk, name: &str, title: &str) -> String {
    let id = desk.ticket("requester1", title, json!({ "issueType": "REPAIR" })).await;
    let input = json!({ "ticketId": id, "assigneeId": desk.id(name).to_string() });
    desk.as_("admin").await.done("assignTicket", "__typename", input).await;
    id
}

async fn bind(desk: &Desk, name: &str, channel: &str, address: &str) {
    let input = json!({ "channel": channel, "address": address, "primary": true });
    desk.as_(name).await.done("bindTerminal", "__typename", input).await;
}

async fn told(desk: &Desk, id: &str) -> Json {
    let fields =
        "notifications { cause channel state failure deliveries { channel state attempts failure inDigest repeated } }";
    let query = format!("{{ ticket(id: \"{id}\") {{ {fields} }} }}");
    desk.as_("admin").await.query(&query, json!({})).await["ticket"]["notifications"].clone()
}

#[tokio::test]
async fn dingtalks_robot_is_signed_and_never_gets_more_than_it_takes() {
    let provider = Provider::start(|_| (200, json!({ "errcode": 0, "errmsg": "ok" }))).await;
    let address = provider.address.clone();
    let desk = Desk::configured(|config| {
        config.channels.dingtalk.base_url = address;
        config.channels.dingtalk.robot_token = "robot".into();
        config.channels.dingtalk.robot_secret = "SEC-of-the-robot".into();
    })
    .await;
    bind(&desk, "agent1", "DINGTALK", "13800000001").await;
    let mut ids = Vec::new();
    for n in 0..23 {
        ids.push(assigned(&desk, "agent1", &format!("工单{n}")).await);
    }
    desk.advance(seconds(0)).await;
    let asked = provider.asked();
    // Twenty a minute; what exceeds it waits in one digest.
    assert_eq!(asked.len(), 20);
    let first: &Asked = &asked[0];
    assert_eq!((first.method.as_str(), first.path.as_str()), ("POST", "/robot/send"));
    assert_eq!(first.argument("access_token"), "robot");
    let timestamp = first.argument("timestamp");
    assert_eq!(first.argument("sign"), mac("SEC-of-the-robot", &format!("{timestamp}\nSEC-of-the-robot")));
    let body = first.json();
    assert_eq!((&body["msgtype"], &body["at"]["atMobiles"]), (&json!("text"), &json!(["13800000001"])));
    assert!(body["text"]["content"].as_str().unwrap().contains("已分派给您"), "{body}");
    let ledger = async || {
        let mut states = Vec::new();
        for id in &ids {
            let told = told(&desk, id).await;
            let in_digest = told[0]["deliveries"][0]["inDigest"].as_bool().unwrap();
            states.push((told[0]["state"].as_str().unwrap().to_owned(), in_digest));
        }
        states.sort();
        states
    };
    let sent = || vec![("SENT".to_owned(), false); 20];
    assert_eq!(ledger().await, [vec![("QUEUED".to_owned(), true); 3], sent()].concat());
    desk.advance(minutes(1)).await;
    let asked = provider.asked();
    assert_eq!(asked.len(), 21);
    let digest = asked[20].json()["text"]["content"].as_str().unwrap().to_owned();
    assert!(digest.starts_with("3 条消息"), "{digest}");
    assert_eq!(ledger().await, [sent(), vec![("SENT".to_owned(), true); 3]].concat());
    desk.close().await;
}

#[tokio::test]
async fn what_one_channel_refuses_goes_by_the_next() {
    let wecom = Provider::start(|asked| match asked.path.as_str() {
        "/cgi-bin/gettoken" => (200, json!({ "errcode": 0, "access_token": "T", "expires_in": 7200 })),
        _ => (200, json!({ "errcode": 60111, "errmsg": "userid not found" })),
    })
    .await;
    let post = Post::start("agent2").await;
    let (address, url) = (wecom.address.clone(), post.url.clone());
    let desk = Desk::configured(|config| {
        config.channels.wecom.base_url = address;
        config.channels.wecom.corp_id = "corp".into();
        config.channels.wecom.agent_id = "1000002".into();
        config.channels.wecom.secret = "app".into();
        config.channels.email.smtp_url = url.as_str().into();
        config.channels.email.from = "Buoy <buoy@desk.test>".into();
    })
    .await;
    bind(&desk, "agent1", "WECOM", "zhang.san").await;
    let id = assigned(&desk, "agent1", "停机").await;
    desk.advance(seconds(0)).await;
    let message = wecom.asked().into_iter().find(|asked| asked.path == "/cgi-bin/message/send").unwrap();
    assert_eq!(message.argument("access_token"), "T");
    let body = message.json();
    assert_eq!(
        (&body["touser"], &body["agentid"], &body["msgtype"]),
        (&json!("zhang.san"), &json!(1_000_002), &json!("text"))
    );
    let letters = post.letters();
    assert_eq!((letters.len(), letters[0].to.as_str()), (1, "agent1@desk.test"));
    assert!(letters[0].text.contains("Auto-Submitted: auto-generated"), "{}", letters[0].text);
    let ledger = told(&desk, &id).await;
    let ways: Vec<_> = ledger[0]["deliveries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| (d["channel"].as_str().unwrap(), d["state"].as_str().unwrap()))
        .collect();
    assert_eq!(ways, [("WECOM", "FAILED"), ("EMAIL", "SENT")]);
    assert!(ledger[0]["deliveries"][0]["failure"].as_str().unwrap().contains("60111"), "{ledger}");
    // Nothing reaches agent2: that is said, with its reason.
    let never = assigned(&desk, "agent2", "又停机").await;
    desk.advance(seconds(0)).await;
    let ledger = told(&desk, &never).await;
    assert_eq!(ledger[0]["state"], "FAILED");
    assert!(ledger[0]["failure"].as_str().unwrap().contains("no such mailbox"), "{ledger}");
    desk.close().await;
}

#[tokio::test]
async fn a_provider_that_is_down_is_tried_again_and_delays_nobody_else() {
    let failures = Arc::new(AtomicU32::new(2));
    let left = failures.clone();
    let feishu = Provider::start(move |asked| match asked.path.as_str() {
        "/open-apis/auth/v3/tenant_access_token/internal" => {
            (200, json!({ "code": 0, "tenant_access_token": "T", "expire": 7200 }))
        }
        _ if left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok() => (503, json!({})),
        _ => (200, json!({ "code": 0, "data": { "message_id": "om_1" } })),
    })
    .await;
    let sms = Provider::start(|_| (200, json!({}))).await;
    let (address, gateway) = (feishu.address.clone(), sms.address.clone());
    let desk = Desk::configured(|config| {
        config.channels.feishu.base_url = address;
        config.channels.feishu.app_id = "cli_a".into();
        config.channels.feishu.app_secret = "app".into();
        config.channels.sms.provider = api::channels::SmsProvider::Http;
        config.channels.sms.url = gateway;
        config.channels.sms.bearer = "gate".into();
    })
    .await;
    bind(&desk, "agent1", "FEISHU", "u1").await;
    bind(&desk, "agent2", "SMS", "+8613800000002").await;
    let slow = assigned(&desk, "agent1", "慢").await;
    let fast = assigned(&desk, "agent2", "快").await;
    desk.advance(seconds(0)).await;
    assert_eq!(told(&desk, &fast).await[0]["state"], "SENT");
    let message = &sms.asked()[0];
    assert_eq!((message.header("authorization"), &message.json()["to"]), ("Bearer gate", &json!("+8613800000002")));
    assert_eq!(told(&desk, &slow).await[0]["state"], "QUEUED");
    desk.advance(minutes(1)).await;
    desk.advance(minutes(1)).await;
    let ledger = told(&desk, &slow).await;
    assert_eq!((&ledger[0]["state"], &ledger[0]["deliveries"][0]["attempts"]), (&json!("SENT"), &json!(3)));
    let messages: Vec<_> =
        feishu.asked().into_iter().filter(|asked| asked.path == "/open-apis/im/v1/messages").collect();
    let uuids: Vec<_> = messages.iter().map(|asked| asked.json()["uuid"].clone()).collect();
    assert_eq!(uuids.len(), 3);
    assert!(uuids.iter().all(|uuid| *uuid == uuids[0]), "the provider recognises a repetition: {uuids:?}");
    assert_eq!(messages[0].argument("receive_id_type"), "user_id");
    desk.close().await;
}

#[tokio::test]
async fn feishus_robot_is_signed_and_quiet_hours_are_kept() {
    let provider = Provider::start(|_| (200, json!({ "code": 0, "msg": "success" }))).await;
    let address = provider.address.clone();
    let desk = Desk::configured(|config| {
        config.channels.feishu.base_url = address;
        config.channels.feishu.robot_token = "hook".into();
        config.channels.feishu.robot_secret = "feishu-secret".into();
    })
    .await;
    bind(&desk, "agent1", "FEISHU", "ou_1").await;
    // It is 09:00 in Shanghai; agent1 is not to be disturbed until 10:00.
    let quiet = json!({ "quietFromMinute": 8 * 60, "quietToMinute": 10 * 60, "language": "ENGLISH" });
    desk.as_("agent1").await.done("saveNotificationPreference", "preference { language }", quiet).await;
    let id = assigned(&desk, "agent1", "quiet").await;
    desk.advance(minutes(59)).await;
    assert_eq!((provider.asked().len(), &told(&desk, &id).await[0]["state"]), (0, &json!("QUEUED")));
    desk.advance(minutes(1)).await;
    let asked = provider.asked();
    let body = asked[0].json();
    assert_eq!(asked[0].path, "/open-apis/bot/v2/hook/hook");
    let timestamp = body["timestamp"].as_str().unwrap();
    assert_eq!(body["sign"], json!(mac(&format!("{timestamp}\nfeishu-secret"), "")));
    assert!(body["content"]["text"].as_str().unwrap().starts_with("Ticket #"), "{body}");
    desk.close().await;
}

#[tokio::test]
async fn wecoms_robot_mentions_and_dingtalks_work_notice_goes_to_a_person() {
    let wecom = Provider::start(|_| (200, json!({ "errcode": 0, "errmsg": "ok" }))).await;
    // The first access token is over when it is used.
    let fetched = Arc::new(AtomicU32::new(0));
    let tokens = fetched.clone();
    let dingtalk = Provider::start(move |asked| match (asked.path.as_str(), asked.argument("access_token")) {
        ("/gettoken", _) => {
            let n = tokens.fetch_add(1, Ordering::SeqCst);
            (200, json!({ "errcode": 0, "access_token": format!("T{n}"), "expires_in": 7200 }))
        }
        (_, "T0") => (200, json!({ "errcode": 42001, "errmsg": "access_token expired" })),
        _ => (200, json!({ "errcode": 0, "task_id": 256_271_667_526_i64 })),
    })
    .await;
    let (robot, app) = (wecom.address.clone(), dingtalk.address.clone());
    let desk = Desk::configured(|config| {
        config.channels.wecom.base_url = robot;
        config.channels.wecom.robot_key = "693a91f6".into();
        config.channels.dingtalk.base_url = app;
        config.channels.dingtalk.app_key = "key".to_owned();
        config.channels.dingtalk.app_secret = "secret".into();
        config.channels.dingtalk.agent_id = "1234".to_owned();
    })
    .await;
    bind(&desk, "agent1", "WECOM", "zhang.san").await;
    bind(&desk, "agent2", "DINGTALK", "user123").await;
    let by_robot = assigned(&desk, "agent1", "停机").await;
    let by_notice = assigned(&desk, "agent2", "停机").await;
    desk.advance(seconds(0)).await;
    let asked = &wecom.asked()[0];
    assert_eq!((asked.path.as_str(), asked.argument("key")), ("/cgi-bin/webhook/send", "693a91f6"));
    let body = asked.json();
    assert_eq!((&body["msgtype"], &body["text"]["mentioned_list"]), (&json!("text"), &json!(["zhang.san"])));
    assert_eq!(told(&desk, &by_robot).await[0]["state"], "SENT");
    assert_eq!(
        told(&desk, &by_notice).await[0]["state"],
        "QUEUED",
        "the token was over: fetched anew, and tried again"
    );
    desk.advance(minutes(1)).await;
    assert_eq!(told(&desk, &by_notice).await[0]["state"], "SENT");
    let asked = dingtalk.asked();
    let token = &asked[0];
    assert_eq!((token.argument("appkey"), token.argument("appsecret")), ("key", "secret"));
    let notice = asked.last().unwrap();
    assert_eq!(notice.path, "/topapi/message/corpconversation/asyncsend_v2");
    assert_eq!((notice.argument("access_token"), &notice.json()["userid_list"]), ("T1", &json!("user123")));
    assert_eq!(fetched.load(Ordering::SeqCst), 2);
    desk.close().await;
}

fn base64url(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

fn unbase64url(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// Lengths of what is derived.
struct Length(usize);

impl ring::hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn derived(salt: &[u8], secret: &[u8], info: &[&[u8]], length: usize) -> Vec<u8> {
    let mut out = vec![0; length];
    let extracted = ring::hkdf::Salt::new(ring::hkdf::HKDF_SHA256, salt).extract(secret);
    extracted.expand(info, Length(length)).unwrap().fill(&mut out).unwrap();
    out
}

/// A push as a browser opens it: <https://www.rfc-editor.org/rfc/rfc8291#section-3.4>, by the library of TLS.
fn unsealed(bytes: &[u8], key: ring::agreement::EphemeralPrivateKey, auth: &[u8]) -> Json {
    let own = key.compute_public_key().unwrap();
    let (salt, rest) = bytes.split_at(16);
    let (server, sealed) = rest[5..].split_at(usize::from(rest[4]));
    let peer = ring::agreement::UnparsedPublicKey::new(&ring::agreement::ECDH_P256, server);
    let shared = ring::agreement::agree_ephemeral(key, &peer, <[u8]>::to_vec).unwrap();
    let secret = derived(auth, &shared, &[b"WebPush: info\0", own.as_ref(), server], 32);
    let content = derived(salt, &secret, &[b"Content-Encoding: aes128gcm\0"], 16);
    let nonce = derived(salt, &secret, &[b"Content-Encoding: nonce\0"], 12);
    let content = ring::aead::UnboundKey::new(&ring::aead::AES_128_GCM, &content).unwrap();
    let nonce = ring::aead::Nonce::try_assume_unique_for_key(&nonce).unwrap();
    let mut sealed = sealed.to_vec();
    let plain =
        ring::aead::LessSafeKey::new(content).open_in_place(nonce, ring::aead::Aad::empty(), &mut sealed).unwrap();
    let (delimiter, plain) = plain.split_last().unwrap();
    assert_eq!(*delimiter, 2, "the last record");
    serde_json::from_slice(plain).unwrap()
}

#[tokio::test]
async fn a_push_is_sealed_for_its_browser_and_signed_and_never_goes_into_a_private_network() {
    let service = Provider::start(|asked| (if asked.path == "/gone" { 410 } else { 201 }, json!({}))).await;
    let desk = Desk::configured(|config| {
        config.channels.web_push.subject = "mailto:it@desk.test".to_owned();
        config.outgoing.allow_private = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    let random = ring::rand::SystemRandom::new();
    let key = ring::agreement::EphemeralPrivateKey::generate(&ring::agreement::ECDH_P256, &random).unwrap();
    let public = base64url(key.compute_public_key().unwrap().as_ref());
    let auth = [7; 16];
    let subscription = |endpoint: String| {
        json!({ "endpoint": endpoint, "keys": { "p256dh": public, "auth": base64url(&auth) } }).to_string()
    };
    bind(&desk, "agent1", "WEB_PUSH", &subscription(format!("{}/abc", service.address))).await;
    let id = assigned(&desk, "agent1", "停机").await;
    desk.advance(seconds(0)).await;
    let asked = &service.asked()[0];
    assert_eq!(
        (asked.path.as_str(), asked.header("content-encoding"), asked.header("urgency")),
        ("/abc", "aes128gcm", "normal")
    );
    let push = unsealed(&asked.bytes, key, &auth);
    assert!(push["title"].as_str().unwrap().contains("已分派给您"), "{push}");
    assert_eq!(told(&desk, &id).await[0]["state"], "SENT");

    // VAPID: <https://www.rfc-editor.org/rfc/rfc8292#section-2>
    let server_key = desk.nobody().query("{ about { webPushKey } }", json!({})).await["about"]["webPushKey"].clone();
    let given = asked.header("authorization").strip_prefix("vapid t=").unwrap();
    let (token, named) = given.split_once(", k=").unwrap();
    assert_eq!(json!(named), server_key);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let verifier =
        ring::signature::UnparsedPublicKey::new(&ring::signature::ECDSA_P256_SHA256_FIXED, unbase64url(named));
    verifier.verify(signed.as_bytes(), &unbase64url(signature)).unwrap();
    let claims: Json = serde_json::from_slice(&unbase64url(signed.split_once('.').unwrap().1)).unwrap();
    assert_eq!((&claims["aud"], &claims["sub"]), (&json!(service.address), &json!("mailto:it@desk.test")));

    // A browser that has ended its subscription, and an address that leads inside: said, and the next way is taken.
    for (endpoint, why) in
        [(format!("{}/gone", service.address), "ended"), ("https://10.0.0.1/x".to_owned(), "private")]
    {
        bind(&desk, "agent2", "WEB_PUSH", &subscription(endpoint)).await;
        let id = assigned(&desk, "agent2", "停机").await;
        desk.advance(seconds(0)).await;
        let ledger = told(&desk, &id).await;
        let first = &ledger[0]["deliveries"][0];
        assert_eq!((&first["channel"], &first["state"]), (&json!("WEB_PUSH"), &json!("FAILED")));
        assert!(first["failure"].as_str().unwrap().contains(why), "{ledger}");
    }
    desk.close().await;
}
