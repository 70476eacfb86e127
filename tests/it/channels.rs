//! Outgoing messages: each provider's request as its documentation says, received by a listener that verifies signatures
//! with independent code.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use domain::kernel::{minutes, seconds};
use ring::hmac;
use tests::providers::{MailServer, Provider, ReceivedRequest};
use tests::{Desk, Json, json};

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn hmac_base64(key: &str, message: &str) -> String {
    base64(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), message.as_bytes()).as_ref())
}

/// Creates a ticket and assigns it, which sends a notification.
async fn assigned_ticket(desk: &Desk, name: &str, title: &str) -> String {
    let id = desk.create_ticket("requester1", title, json!({ "issueType": "REPAIR" })).await;
    let input = json!({ "ticketId": id, "assigneeId": desk.id(name).to_string() });
    desk.as_("admin").await.mutate_ok("assignTicket", "__typename", input).await;
    id
}

/// The notifications of the assignment; the requester and supervisors hear of the ticket too.
async fn notifications(desk: &Desk, id: &str) -> Json {
    let fields =
        "notifications { cause channel state failure deliveries { channel state attempts failure inDigest repeated } }";
    let query = format!("{{ ticket(id: \"{id}\") {{ {fields} }} }}");
    let all = desk.as_("admin").await.query(&query, json!({})).await["ticket"]["notifications"].clone();
    let assigned = all.as_array().unwrap().iter().filter(|one| one["cause"] == "ASSIGNED");
    json!(assigned.collect::<Vec<_>>())
}

#[tokio::test]
async fn a_dingtalk_robot_request_is_signed_and_rate_limited() {
    let provider = Provider::start(|_| (200, json!({ "errcode": 0, "errmsg": "ok" }))).await;
    let address = provider.address.clone();
    let desk = Desk::configured(|config| {
        config.channels.dingtalk.base_url = address;
        config.channels.dingtalk.robot_token = "robot".into();
        config.channels.dingtalk.robot_secret = "SEC-of-the-robot".into();
    })
    .await;
    desk.bind_address("agent1", "DINGTALK", "13800000001", true).await;
    let mut ids = Vec::new();
    for n in 0..23 {
        ids.push(assigned_ticket(&desk, "agent1", &format!("工单{n}")).await);
    }
    desk.advance(seconds(0)).await;
    let requests = provider.requests();
    // The limit is 20 a minute; further messages wait in one digest.
    assert_eq!(requests.len(), 20);
    let first: &ReceivedRequest = &requests[0];
    assert_eq!((first.method.as_str(), first.path.as_str()), ("POST", "/robot/send"));
    assert_eq!(first.query_parameter("access_token"), "robot");
    let timestamp = first.query_parameter("timestamp");
    assert_eq!(
        first.query_parameter("sign"),
        hmac_base64("SEC-of-the-robot", &format!("{timestamp}\nSEC-of-the-robot"))
    );
    let body = first.json();
    assert_eq!((&body["msgtype"], &body["at"]["atMobiles"]), (&json!("text"), &json!(["13800000001"])));
    assert!(body["text"]["content"].as_str().unwrap().contains("已分派给您"), "{body}");
    let ledger = async || {
        let mut states = Vec::new();
        for id in &ids {
            let sent = notifications(&desk, id).await;
            let in_digest = sent[0]["deliveries"][0]["inDigest"].as_bool().unwrap();
            states.push((sent[0]["state"].as_str().unwrap().to_owned(), in_digest));
        }
        states.sort();
        states
    };
    let sent = || vec![("SENT".to_owned(), false); 20];
    assert_eq!(ledger().await, [vec![("QUEUED".to_owned(), true); 3], sent()].concat());
    // A message counts up to two seconds longer than a minute.
    desk.advance(seconds(63)).await;
    let requests = provider.requests();
    assert_eq!(requests.len(), 21);
    let digest = requests[20].json()["text"]["content"].as_str().unwrap().to_owned();
    assert!(digest.starts_with("3 条消息"), "{digest}");
    assert_eq!(ledger().await, [sent(), vec![("SENT".to_owned(), true); 3]].concat());
    desk.close().await;
}

#[tokio::test]
async fn a_rejected_message_fails_over_to_the_next_channel() {
    let wecom = Provider::start(|request| match request.path.as_str() {
        "/cgi-bin/gettoken" => (200, json!({ "errcode": 0, "access_token": "T", "expires_in": 7200 })),
        _ => (200, json!({ "errcode": 60111, "errmsg": "userid not found" })),
    })
    .await;
    let post = MailServer::start("agent2").await;
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
    desk.bind_address("agent1", "WECOM", "zhang.san", true).await;
    let id = assigned_ticket(&desk, "agent1", "停机").await;
    desk.advance(seconds(0)).await;
    let message = wecom.requests().into_iter().find(|request| request.path == "/cgi-bin/message/send").unwrap();
    assert_eq!(message.query_parameter("access_token"), "T");
    let body = message.json();
    assert_eq!(
        (&body["touser"], &body["agentid"], &body["msgtype"]),
        (&json!("zhang.san"), &json!(1_000_002), &json!("text"))
    );
    let mails: Vec<_> = post.mails().into_iter().filter(|mail| mail.to == "agent1@desk.test").collect();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].text.contains("Auto-Submitted: auto-generated"), "{}", mails[0].text);
    let ledger = notifications(&desk, &id).await;
    let ways: Vec<_> = ledger[0]["deliveries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| (d["channel"].as_str().unwrap(), d["state"].as_str().unwrap()))
        .collect();
    assert_eq!(ways, [("WECOM", "FAILED"), ("EMAIL", "SENT")]);
    assert!(ledger[0]["deliveries"][0]["failure"].as_str().unwrap().contains("60111"), "{ledger}");
    // No channel reaches agent2: the deliveries say why.
    let never = assigned_ticket(&desk, "agent2", "又停机").await;
    desk.advance(seconds(0)).await;
    let ledger = notifications(&desk, &never).await;
    assert_eq!(ledger[0]["state"], "FAILED");
    assert!(ledger[0]["failure"].as_str().unwrap().contains("no such mailbox"), "{ledger}");
    desk.close().await;
}

#[tokio::test]
async fn a_provider_outage_is_retried_and_delays_no_other_channel() {
    let failures = Arc::new(AtomicU32::new(2));
    let left = failures.clone();
    let feishu = Provider::start(move |request| match request.path.as_str() {
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
        config.channels.sms.provider = adapters::SmsProvider::Http;
        config.channels.sms.url = gateway;
        config.channels.sms.bearer = "gate".into();
    })
    .await;
    desk.bind_address("agent1", "FEISHU", "u1", true).await;
    desk.bind_address("agent2", "SMS", "+8613800000002", true).await;
    let slow = assigned_ticket(&desk, "agent1", "慢").await;
    let fast = assigned_ticket(&desk, "agent2", "快").await;
    desk.advance(seconds(0)).await;
    assert_eq!(notifications(&desk, &fast).await[0]["state"], "SENT");
    let message = &sms.requests()[0];
    assert_eq!((message.header("authorization"), &message.json()["to"]), ("Bearer gate", &json!("+8613800000002")));
    assert_eq!(notifications(&desk, &slow).await[0]["state"], "QUEUED");
    desk.advance(minutes(1)).await;
    desk.advance(minutes(1)).await;
    let ledger = notifications(&desk, &slow).await;
    assert_eq!((&ledger[0]["state"], &ledger[0]["deliveries"][0]["attempts"]), (&json!("SENT"), &json!(3)));
    let messages: Vec<_> =
        feishu.requests().into_iter().filter(|request| request.path == "/open-apis/im/v1/messages").collect();
    let uuids: Vec<_> = messages.iter().map(|request| request.json()["uuid"].clone()).collect();
    assert_eq!(uuids.len(), 3);
    assert!(uuids.iter().all(|uuid| *uuid == uuids[0]), "the provider recognises a repetition: {uuids:?}");
    assert_eq!(messages[0].query_parameter("receive_id_type"), "user_id");
    desk.close().await;
}

#[tokio::test]
async fn a_feishu_robot_request_is_signed_and_quiet_hours_are_respected() {
    let provider = Provider::start(|_| (200, json!({ "code": 0, "msg": "success" }))).await;
    let address = provider.address.clone();
    let desk = Desk::configured(|config| {
        config.channels.feishu.base_url = address;
        config.channels.feishu.robot_token = "hook".into();
        config.channels.feishu.robot_secret = "feishu-secret".into();
    })
    .await;
    desk.bind_address("agent1", "FEISHU", "ou_1", true).await;
    // It is 09:00 in Shanghai; agent1 has quiet hours until 10:00.
    let quiet = json!({ "quietFromMinute": 8 * 60, "quietToMinute": 10 * 60, "language": "ENGLISH" });
    desk.as_("agent1").await.mutate_ok("saveNotificationPreference", "preference { language }", quiet).await;
    let id = assigned_ticket(&desk, "agent1", "quiet").await;
    desk.advance(minutes(59)).await;
    assert_eq!((provider.requests().len(), &notifications(&desk, &id).await[0]["state"]), (0, &json!("QUEUED")));
    desk.advance(minutes(1)).await;
    let requests = provider.requests();
    // The missed target of the first response is told too.
    let is_assignment =
        |request: &&ReceivedRequest| request.json()["content"]["text"].as_str().unwrap().starts_with("Ticket #");
    let assigned = requests.iter().find(is_assignment).unwrap();
    let body = assigned.json();
    assert_eq!(assigned.path, "/open-apis/bot/v2/hook/hook");
    let timestamp = body["timestamp"].as_str().unwrap();
    assert_eq!(body["sign"], json!(hmac_base64(&format!("{timestamp}\nfeishu-secret"), "")));
    desk.close().await;
}

#[tokio::test]
async fn a_wecom_robot_mentions_and_a_dingtalk_work_notice_addresses_a_person() {
    let wecom = Provider::start(|_| (200, json!({ "errcode": 0, "errmsg": "ok" }))).await;
    // The first access token has expired when it is used.
    let fetched = Arc::new(AtomicU32::new(0));
    let tokens = fetched.clone();
    let dingtalk =
        Provider::start(move |request| match (request.path.as_str(), request.query_parameter("access_token")) {
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
    desk.bind_address("agent1", "WECOM", "zhang.san", true).await;
    desk.bind_address("agent2", "DINGTALK", "user123", true).await;
    let by_robot = assigned_ticket(&desk, "agent1", "停机").await;
    let by_notice = assigned_ticket(&desk, "agent2", "停机").await;
    desk.advance(seconds(0)).await;
    let request = &wecom.requests()[0];
    assert_eq!((request.path.as_str(), request.query_parameter("key")), ("/cgi-bin/webhook/send", "693a91f6"));
    let body = request.json();
    assert_eq!((&body["msgtype"], &body["text"]["mentioned_list"]), (&json!("text"), &json!(["zhang.san"])));
    assert_eq!(notifications(&desk, &by_robot).await[0]["state"], "SENT");
    assert_eq!(
        notifications(&desk, &by_notice).await[0]["state"],
        "QUEUED",
        "an expired token is renewed and the message retried"
    );
    desk.advance(minutes(1)).await;
    assert_eq!(notifications(&desk, &by_notice).await[0]["state"], "SENT");
    let requests = dingtalk.requests();
    let token = &requests[0];
    assert_eq!((token.query_parameter("appkey"), token.query_parameter("appsecret")), ("key", "secret"));
    let notice = requests.last().unwrap();
    assert_eq!(notice.path, "/topapi/message/corpconversation/asyncsend_v2");
    assert_eq!(notice.json()["userid_list"], "user123");
    // The probe of the account may renew the token at the same time.
    assert_ne!(notice.query_parameter("access_token"), "T0", "the expired token is not used again");
    assert!(fetched.load(Ordering::SeqCst) >= 2);
    desk.close().await;
}

fn base64url(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

fn decode_base64url(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// The output length of HKDF.
struct OutputLength(usize);

impl ring::hkdf::KeyType for OutputLength {
    fn len(&self) -> usize {
        self.0
    }
}

fn hkdf(salt: &[u8], secret: &[u8], info: &[&[u8]], length: usize) -> Vec<u8> {
    let mut out = vec![0; length];
    let extracted = ring::hkdf::Salt::new(ring::hkdf::HKDF_SHA256, salt).extract(secret);
    extracted.expand(info, OutputLength(length)).unwrap().fill(&mut out).unwrap();
    out
}

/// Decrypts a push as a browser does: <https://www.rfc-editor.org/rfc/rfc8291#section-3.4>.
fn decrypt_push(bytes: &[u8], key: ring::agreement::EphemeralPrivateKey, auth: &[u8]) -> Json {
    let own = key.compute_public_key().unwrap();
    let (salt, rest) = bytes.split_at(16);
    let (server, sealed) = rest[5..].split_at(usize::from(rest[4]));
    let peer = ring::agreement::UnparsedPublicKey::new(&ring::agreement::ECDH_P256, server);
    let shared = ring::agreement::agree_ephemeral(key, &peer, <[u8]>::to_vec).unwrap();
    let secret = hkdf(auth, &shared, &[b"WebPush: info\0", own.as_ref(), server], 32);
    let content = hkdf(salt, &secret, &[b"Content-Encoding: aes128gcm\0"], 16);
    let nonce = hkdf(salt, &secret, &[b"Content-Encoding: nonce\0"], 12);
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
async fn a_web_push_is_encrypted_signed_and_never_sent_to_a_private_network() {
    let service = Provider::start(|request| (if request.path == "/gone" { 410 } else { 201 }, json!({}))).await;
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
    desk.bind_address("agent1", "WEB_PUSH", &subscription(format!("{}/abc", service.address)), true).await;
    let id = assigned_ticket(&desk, "agent1", "停机").await;
    desk.advance(seconds(0)).await;
    let request = &service.requests()[0];
    assert_eq!(
        (request.path.as_str(), request.header("content-encoding"), request.header("urgency")),
        ("/abc", "aes128gcm", "normal")
    );
    let push = decrypt_push(&request.bytes, key, &auth);
    assert!(push["title"].as_str().unwrap().contains("已分派给您"), "{push}");
    assert_eq!(notifications(&desk, &id).await[0]["state"], "SENT");

    // VAPID: <https://www.rfc-editor.org/rfc/rfc8292#section-2>
    let server_key = desk.anonymous().query("{ about { webPushKey } }", json!({})).await["about"]["webPushKey"].clone();
    let given = request.header("authorization").strip_prefix("vapid t=").unwrap();
    let (token, named) = given.split_once(", k=").unwrap();
    assert_eq!(json!(named), server_key);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let verifier =
        ring::signature::UnparsedPublicKey::new(&ring::signature::ECDSA_P256_SHA256_FIXED, decode_base64url(named));
    verifier.verify(signed.as_bytes(), &decode_base64url(signature)).unwrap();
    let claims: Json = serde_json::from_slice(&decode_base64url(signed.split_once('.').unwrap().1)).unwrap();
    assert_eq!((&claims["aud"], &claims["sub"]), (&json!(service.address), &json!("mailto:it@desk.test")));

    // An ended subscription and a private address fail with a reason, and the next route is used.
    for (endpoint, why) in
        [(format!("{}/gone", service.address), "ended"), ("https://10.0.0.1/x".to_owned(), "private")]
    {
        desk.bind_address("agent2", "WEB_PUSH", &subscription(endpoint), true).await;
        let id = assigned_ticket(&desk, "agent2", "停机").await;
        desk.advance(seconds(0)).await;
        let ledger = notifications(&desk, &id).await;
        let first = &ledger[0]["deliveries"][0];
        assert_eq!((&first["channel"], &first["state"]), (&json!("WEB_PUSH"), &json!("FAILED")));
        assert!(first["failure"].as_str().unwrap().contains(why), "{ledger}");
    }
    desk.close().await;
}
